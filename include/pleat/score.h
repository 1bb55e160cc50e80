/*
 * score.h - label maps on disk, compared.
 *
 *   the prediction of case <id>   against   its label in TRUTH: files, or folders of any layout
 *
 * On the truth's grid, which the prediction must have: files that say otherwise are refused, unless
 * one of their headers is known to be wrong (the original's first predictions carried no affine at
 * all) or the prediction shall be resampled.
 */
#ifndef PLEAT_SCORE_H
#define PLEAT_SCORE_H

#include "pleat/file.h"
#include "pleat/results.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the affines of prediction and truth are worth. */
typedef enum pleat_place {
    PLEAT_PLACE_SAME,   /* more than half a voxel apart is an error, less is a warning */
    PLEAT_PLACE_VOXELS, /* nothing: the voxels are compared as they lie */
    PLEAT_PLACE_HEADER  /* a voxel of the truth is compared with the one that is nearest to it;
                           background where there is none */
} pleat_place;

/* Adds the case `id` of one pair of files to `results`. ERR_SHAPE names both sizes; ERR_DATA the
 * label that is no class, or grids that lie in two places; ERR_ARG an id or path too long for a
 * result; else the errors of nifti.h. */
pleat_status pleat_score_files(const char *id, int fold, const char *prediction,
                               const char *reference, pleat_place place, pleat_results *results);

typedef struct pleat_map_pair { /* two label maps of one case */
    char id[PLEAT_CASE_BYTES], truth[PLEAT_PATH_BYTES], prediction[PLEAT_PATH_BYTES];
} pleat_map_pair;

/* Every case of TRUTH that has a prediction, by id: [*n], freed by the caller. Each of the two is a
 * label map, or any folder of layout.h; of a case with a label that is taken, else its volume. Two
 * files are a pair whatever they are called. The log says how many cases had no prediction;
 * ERR_NOT_FOUND when none has one. */
pleat_status pleat_score_find(const char *predictions, const char *truth, pleat_map_pair **out,
                              int *n);

/* The classes of dataset.json in TRUTH, else as many as the pairs have labels, named "0", "1", ...
 * Reads every map in the latter case. */
pleat_status pleat_score_classes(const char *truth, const pleat_map_pair *pairs, int n,
                                 pleat_classes *out);

/* Adds pairs[n], as of fold 0. */
pleat_status pleat_score_pairs(const pleat_map_pair *pairs, int n, pleat_place place,
                               pleat_results *results);

/* Finds the pairs and adds them. */
pleat_status pleat_score_folders(const char *predictions, const char *truth, pleat_place place,
                                 pleat_results *results);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_SCORE_H */
