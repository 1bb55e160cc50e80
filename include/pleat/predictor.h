/*
 * predictor.h - models from checkpoints, ready to label volumes.
 *
 * A checkpoint carries its configuration, preprocessing and class names, so nothing else is
 * needed. Several checkpoints (of the folds of a run) predict together: their probabilities are
 * averaged.
 */
#ifndef PLEAT_PREDICTOR_H
#define PLEAT_PREDICTOR_H

#include "pleat/config.h"
#include "pleat/predict.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_predictor pleat_predictor;

/* The configuration a checkpoint carries: what the model was trained with. */
pleat_status pleat_predictor_config_of(const char *path, pleat_config *out);

/* paths[n]: checkpoints of one network, preprocessing and set of classes, else ERR_DATA naming the
 * odd one; ERR_NUMERIC when a weight is not finite. Of `config` (NULL: the first checkpoint's)
 * patch, overlap, pad, predict.merge and predict.batch count. The engine must outlive the
 * predictor. */
pleat_status pleat_predictor_open(pleat_engine *engine, const char *const *paths, int n,
                                  const pleat_config *config, pleat_predictor **out);
void pleat_predictor_close(pleat_predictor *predictor);

const pleat_config *pleat_predictor_config(const pleat_predictor *predictor);

/* A preprocessed image: labels back on the native grid. ERR_DATA when it has not the channels that
 * the models were trained on. The caller frees `out`. */
pleat_status pleat_predictor_source(pleat_predictor *predictor, const pleat_source *source,
                                    const double spacing[3], const pleat_geometry *native,
                                    pleat_label *out);
/* The image of a case: preprocessed as in training, then the same. */
pleat_status pleat_predictor_case(pleat_predictor *predictor, const pleat_case_paths *paths,
                                  pleat_label *out, pleat_geometry *native);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PREDICTOR_H */
