/*
 * predictor.h - models from checkpoints, ready to label volumes.
 *
 * A checkpoint carries its configuration, preprocessing and class names, so nothing else is
 * needed. Several checkpoints (of the folds of a run, of several runs) predict together: each by
 * its own patch, overlap, pad, merge and mirror, and their probabilities are averaged, each model
 * counting once.
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

/* paths[n]: checkpoints of one set of classes and number of channels, else ERR_DATA naming the odd
 * one; ERR_NUMERIC when a weight is not finite. Each predicts by the configuration that its
 * checkpoint carries, or all by `config`, unless NULL, with sets[] ("key=value"; NULL: none; ends
 * with NULL) over it. Of it patch, overlap, pad, predict.merge and predict.mirror count, and
 * predict.batch of the first of those that are alike in these, in network and in preprocessing.
 * Probabilities are added up in the order of paths[], which the last digits depend on. The engine
 * must outlive the predictor. */
pleat_status pleat_predictor_open(pleat_engine *engine, const char *const *paths, int n,
                                  const pleat_config *config, const char *const *sets,
                                  pleat_predictor **out);
void pleat_predictor_close(pleat_predictor *predictor);

/* ERR_DATA as above, for models that are not all opened at once: their weights are not read. */
pleat_status pleat_predictor_check_alike(const char *const *paths, int n);

/* Of the first model. */
const pleat_config *pleat_predictor_config(const pleat_predictor *predictor);
/* 1: all models have one preprocessing, on whose grid they are averaged. */
int pleat_predictor_one_grid(const pleat_predictor *predictor);

/* A preprocessed image: labels back on the native grid. ERR_DATA when it has not the channels that
 * the models were trained on; ERR_ARG when these are not of one network and preprocessing that cut
 * alike. The caller frees `out`. */
pleat_status pleat_predictor_source(pleat_predictor *predictor, const pleat_source *source,
                                    const double spacing[3], const pleat_geometry *native,
                                    pleat_label *out);

enum { /* beside the labels */
       PLEAT_WANT_PROBABILITIES = 1 << 0,
       PLEAT_WANT_UNCERTAINTY = 1 << 1
};

/* A case, on its native grid. */
typedef struct pleat_prediction {
    pleat_label label;
    pleat_image probabilities; /* [K,D,H,W]: the mean of the models, the classes as channels */
    pleat_image entropy;       /* nats: of the mean */
    pleat_image
        information; /* nats: mutual information, how far the models disagree; docs/math.md */
} pleat_prediction;

/* The image of a case: preprocessed as in training, then labelled. `wants`: what else is made; the
 * rest of *out stays empty. Models of several preprocessings are averaged on the native grid. The
 * errors of pleat_prep_load; ERR_DATA where there is too little memory for it. The caller frees. */
pleat_status pleat_predictor_case(pleat_predictor *predictor, const pleat_case_paths *paths,
                                  int wants, pleat_prediction *out, pleat_geometry *native);
void pleat_prediction_free(pleat_prediction *prediction);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PREDICTOR_H */
