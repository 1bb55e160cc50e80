/*
 * plan_cache.h - which cuDNN engine was fastest for a convolution, kept in a file.
 *
 *   <form>|<gpu>|<cudnn>|<pass>|...   TAB   <choice>          pleat_conv_key (conv_graph.h)
 *
 * One line per choice, appended; the last of a key counts, a line that is not of this form is
 * passed over. The file is a convenience: it may be deleted, and not being able to read or write
 * it is not an error.
 */
#ifndef PLEAT_CUDA_PLAN_CACHE_H
#define PLEAT_CUDA_PLAN_CACHE_H

#include "pleat/status.h"

#include <stdint.h>

typedef struct pleat_plan_cache pleat_plan_cache;

#define PLEAT_PLAN_TEXT 256 /* bytes of a key or of a choice, with the final 0 */

/* $PLEAT_PLAN_CACHE ("off": none), else $XDG_CACHE_HOME/pleat/plans, else ~/.cache/pleat/plans; ""
 * when there is none. */
void pleat_plan_cache_path(char *out, size_t size);

/* path "" keeps choices in memory only. ERR_MEMORY. */
pleat_status pleat_plan_cache_open(const char *path, pleat_plan_cache **out);
void pleat_plan_cache_close(pleat_plan_cache *cache);

/* NULL when not known; valid until the next put. */
const char *pleat_plan_cache_find(const pleat_plan_cache *cache, const char *key);
/* Remembers it, and adds it to the file. A tab or a new line in either is ERR_ARG. */
pleat_status pleat_plan_cache_put(pleat_plan_cache *cache, const char *key, const char *choice);

/* A choice: the number of one of cuDNN's engines and its settings. "12:2=40,14=3" */
#define PLEAT_PLAN_MOST_KNOBS 44
typedef struct pleat_plan_choice {
    int64_t engine;
    int knobs;
    int64_t type[PLEAT_PLAN_MOST_KNOBS], value[PLEAT_PLAN_MOST_KNOBS];
} pleat_plan_choice;

/* 1 when all of it fits, or could be read. */
int pleat_plan_choice_print(const pleat_plan_choice *choice, char *out, size_t size);
int pleat_plan_choice_parse(const char *text, pleat_plan_choice *out);

#endif /* PLEAT_CUDA_PLAN_CACHE_H */
