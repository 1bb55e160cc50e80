/*
 * score.h - label maps on disk, compared.
 *
 *   PREDICTIONS/<id>.nii.gz (or .nii)   against   the label of case <id> in the data folder TRUTH
 *
 * Voxel by voxel on the native grid: the sizes must agree; where the two lie differently in space
 * the log says so, for the original's first predictions carried no affine at all.
 */
#ifndef PLEAT_SCORE_H
#define PLEAT_SCORE_H

#include "pleat/results.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds the case `id` of one pair of files to `results`. ERR_SHAPE names both sizes, ERR_DATA the
 * label that is no class, ERR_ARG an id or path too long for a result; else the errors of nifti.h.
 */
pleat_status pleat_score_files(const char *id, int fold, const char *prediction,
                               const char *reference, pleat_results *results);

/* Adds every case of TRUTH that has a prediction, by id, as of fold 0. TRUTH is any folder of
 * layout.h, or label maps alone. The log says how many cases had no prediction; ERR_NOT_FOUND when
 * none has one. */
pleat_status pleat_score_folders(const char *predictions, const char *truth,
                                 pleat_results *results);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_SCORE_H */
