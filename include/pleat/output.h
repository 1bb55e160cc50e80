/*
 * output.h - the folders and files that a user names to be written: nothing of another is replaced
 * in them, and nothing is mixed with what others have put there.
 *
 * A folder may be new or empty, or hold what the same verb has written before. Names that begin
 * with a dot, and notes (.log, .txt, .out, .err, .md), are passed by.
 */
#ifndef PLEAT_OUTPUT_H
#define PLEAT_OUTPUT_H

#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the verb may have written FOLDER/name. */
typedef int (*pleat_output_is_ours)(const char *folder, const char *name);

/* ERR_ARG names the option, the folder and the first entry, by name, that `ours` (NULL: nothing is)
 * does not know, or says that the folder lies in that of a run's fold. `by` is the verb, "pleat
 * score". A folder that is not there holds nothing. */
pleat_status pleat_output_check(const char *option, const char *folder, const char *by,
                                pleat_output_is_ours ours);

/* ERR_ARG where `path` is there and does not begin with `begin` (NULL: whatever it holds), or its
 * folder is not there. */
pleat_status pleat_output_check_file(const char *option, const char *path, const char *by,
                                     const char *begin);

/* 1 where the file can be read and begins with the text. */
int pleat_output_begins(const char *path, const char *begin);

/* Volumes with pleat's mark in their header (nifti.h). */
int pleat_output_is_volume(const char *folder, const char *name);

/* Of `run`, `train` and `ablate`: a run, or what one has before its config.yaml. Anything in a
 * folder that holds a config.yaml or run.json. */
int pleat_output_is_run(const char *folder, const char *name);

/* Of a store: its parts; anything in the folder of a run, which may be the store too. */
int pleat_output_is_store(const char *folder, const char *name);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_OUTPUT_H */
