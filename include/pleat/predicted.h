/*
 * predicted.h - FOLDER/predicted.json: what made the volumes that `pleat predict` wrote there.
 *
 *   {"schema": "pleat/predicted/1", "version", "models": [{"file", "digest"}], "settings",
 *    "largest_components", "checksum"}
 *
 * Digests of models are those of pleat_file_identify, that of the settings is that of
 * pleat_config_settings; largest_components are labels, 0 the foreground. So a folder holds the
 * volumes of one choice of models, however often it was written to.
 */
#ifndef PLEAT_PREDICTED_H
#define PLEAT_PREDICTED_H

#include "pleat/config.h"
#include "pleat/largest.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_PREDICTED "predicted.json" /* its name */

/* Writes it into each of folders[n_folders], which are there, for models[n], checkpoints. ERR_ARG
 * names a folder that holds volumes of other models, of other settings, or of unknown ones; then
 * nothing is written. ERR_FORMAT: it was changed. ERR_IO, ERR_MEMORY. */
pleat_status pleat_predicted_begin(const char *const *folders, int n_folders,
                                   const char *const *models, int n, const pleat_config *config,
                                   const pleat_largest *largest);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PREDICTED_H */
