/*
 * ablation.h - what preprocessing and augmentation are worth: the original's stepwise study.
 *
 *                      preprocessing off                   preprocessing on
 *   augmentation off   RUN/none                            RUN/preprocessing
 *   augmentation on    RUN/augmentation                    RUN/both
 *
 * Four cross-validations with the same folds and seeds, each a run of its own. Without
 * preprocessing the network sees raw values at each volume's own resolution.
 */
#ifndef PLEAT_ABLATION_H
#define PLEAT_ABLATION_H

#include "pleat/crossval.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Collective over the session's world; options->out is RUN, `config` has both on. Stores are
 * RUN/store-raw and, unless config->store names one, RUN/store. Then rank 0 writes
 * RUN/ablation.csv and RUN/ablation.detailed.csv and prints a table. Started again, it goes on. */
pleat_status pleat_ablation_run(pleat_session *session, const pleat_config *config,
                                const pleat_run_options *options);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_ABLATION_H */
