/*
 * predicted.h - FOLDER/predicted.json: what made the volumes that `pleat predict` wrote there.
 *
 *   {"schema": "pleat/predicted/1", "version", "models": [{"file", "digest"}], "settings",
 *    "kind", "engine", "precision", "largest_components", "trained_on": [case], "held_out",
 *    "checksum"}
 *
 * Digests of models are those of pleat_file_identify, that of the settings is that of
 * pleat_config_settings, of models of several settings one of all of these; largest_components are
 * labels, 0 the foreground; trained_on are the cases in the folder that one of the models was
 * trained on (learnt.h); held_out is true where each was labelled by the models that had not been,
 * and else absent. So a folder holds volumes of one kind, by one choice of models, engine and
 * precision, however often it was written to.
 */
#ifndef PLEAT_PREDICTED_H
#define PLEAT_PREDICTED_H

#include "pleat/engine.h"
#include "pleat/largest.h"
#include "pleat/layout.h"
#include "pleat/results.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_PREDICTED "predicted.json" /* its name */

typedef struct pleat_predicted { /* what labels the volumes; nothing is owned */
    const char *const *models;   /* [n] checkpoints */
    int n;
    const char *settings; /* a digest of what they predict by */
    const pleat_engine *engine;
    const pleat_largest *largest;
    const pleat_case_paths *cases; /* [n_cases] that are labelled now */
    const int *learnt;             /* [n_cases] 1: a model was trained on it */
    int n_cases;
    int held_out; /* each is labelled by the models that were not trained on it */
} pleat_predicted;

typedef struct pleat_predicted_folder {
    const char *path, *kind; /* "labels", "probabilities", ... */
} pleat_predicted_folder;

/* Writes it into each of folders[n_folders], which are there. ERR_ARG names a folder that holds
 * volumes of another kind, of other models, another engine, precision or other settings, or of
 * unknown ones; then nothing is written. ERR_FORMAT: it was changed. ERR_IO, ERR_MEMORY. */
pleat_status pleat_predicted_begin(const pleat_predicted_folder *folders, int n_folders,
                                   const pleat_predicted *by);

/* Warns of the cases scored whose predictions, by the predicted.json beside them, are of models
 * that were trained on them, or of which it cannot be read. */
void pleat_predicted_tell(const pleat_results *scored);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PREDICTED_H */
