/*
 * probabilities.h - what the maps of `predict --probabilities` are, for who finds them.
 *
 * Labels are made where the models see the image, and brought to its own grid by the nearest voxel,
 * as the original does; probabilities are interpolated linearly. Where these grids differ, so may
 * the label and the class of the largest probability, at the rim of a class.
 */
#ifndef PLEAT_APP_PROBABILITIES_H
#define PLEAT_APP_PROBABILITIES_H

#include "pleat/predictor.h"

/* FOLDER/probabilities.txt: order of the classes, grids, and which may differ. models 0: of each
 * volume those that were not trained on it. ERR_IO, ERR_MEMORY. */
pleat_status probabilities_describe(const char *folder, const pleat_predictor *predictor,
                                    int models);

/* Logs in how many voxels of its foreground the label of a case, before post-processing, is not
 * that of its largest probability. Not of regions, whose labels no largest one makes. ERR_ARG. */
pleat_status probabilities_compare(const char *id, const pleat_predictor *predictor,
                                   const pleat_prediction *made);

#endif /* PLEAT_APP_PROBABILITIES_H */
