/*
 * record_json.h - run.json as JSON, for those who add to it.
 */
#ifndef PLEAT_RUN_RECORD_JSON_H
#define PLEAT_RUN_RECORD_JSON_H

#include "run_impl.h"

struct json_t; /* jansson's */

/* Its checksum is right; released by the caller. Errors as of pleat_record_read. */
pleat_status pleat_record_load(const char *run, struct json_t **out);
/* Sealed again. */
pleat_status pleat_record_save(const char *run, struct json_t *root);

/* Whether the files of the fold of "fold_K/NAME" were made again since run.json listed them. */
pleat_status pleat_record_is_renewed(const char *run, const char *name, int *out);

#endif /* PLEAT_RUN_RECORD_JSON_H */
