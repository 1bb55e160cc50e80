/*
 * probabilities.h - what the maps of `predict --probabilities` are, for who finds them.
 *
 * Models of one preprocessing make labels where they see the image. These are brought to its own
 * grid label by label, probabilities linearly: where these grids differ, so may the label and what
 * the probabilities say, at the rim of a class. Of several preprocessings the labels are made of
 * the mean on the image's own grid.
 */
#ifndef PLEAT_APP_PROBABILITIES_H
#define PLEAT_APP_PROBABILITIES_H

#include "pleat/predictor.h"

/* FOLDER/probabilities.txt: order of the classes, grids, and which may differ. models 0: of each
 * volume those that were not trained on it, `predictor` has those of the first. ERR_IO,
 * ERR_MEMORY. */
pleat_status probabilities_describe(const char *folder, const pleat_predictor *predictor,
                                    int models);

/* Logs in how many voxels of its foreground the label of a case, before post-processing, is not the
 * one that its probabilities there make: of classes that of the largest, of regions that of the
 * last one above 1/2. ERR_ARG. */
pleat_status probabilities_compare(const char *id, const pleat_predictor *predictor,
                                   const pleat_prediction *made);

#endif /* PLEAT_APP_PROBABILITIES_H */
