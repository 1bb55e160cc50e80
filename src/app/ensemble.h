/*
 * ensemble.h - the models of a prediction, taken together: an order that is not the command line's,
 * the engine of all, and what they predict by.
 *
 * Each model predicts by its own patch, overlap, pad, merge and mirror; one engine computes all.
 */
#ifndef PLEAT_APP_ENSEMBLE_H
#define PLEAT_APP_ENSEMBLE_H

#include "options.h"

#include "pleat/config.h"

/* By what the files hold: the last digits of a mean depend on the order in which it is added up.
 * The errors of pleat_file_identify. */
pleat_status ensemble_sort(text_list *models);

/* What is set for all models; NULL or 0: what each carries. */
typedef struct ensemble_set {
    const char *const *sets; /* key=value; ends with NULL */
    const char *engine, *precision;
    int threads, most; /* a model's own threads are not taken where they are more than `most` */
} ensemble_set;

/* *out: the first model's configuration, for the engine of all, which is deterministic where one of
 * them asks for it. settings: a digest of what the models predict by, of models alike that of
 * pleat_config_settings. ERR_ARG: two models ask for different engines or precisions, so that one
 * must be set. */
pleat_status ensemble_config(const text_list *models, const ensemble_set *set, pleat_config *out,
                             char settings[17]);

#endif /* PLEAT_APP_ENSEMBLE_H */
