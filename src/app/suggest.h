/* suggest.h - what the verbs suggest, run and train share: a suggestion for this machine. */
#ifndef PLEAT_APP_SUGGEST_H
#define PLEAT_APP_SUGGEST_H

#include "app.h"

#include "pleat/suggest.h"

typedef struct suggest_how {
    pleat_suggest_request request;
    const char *gpu_memory, *hours; /* as typed; NULL: not */
    int steps;                      /* that are timed; 0: none */
    text_list sets;                 /* assignments, of which those count that steer it */
} suggest_how;

#define SUGGEST_USUAL \
    { .request = {.hours = 8}, .steps = 3 }

/* Collective; the text is rank 0's, and owned by the caller; the others' is NULL. ERR_ARG: options;
 * errors of pleat/suggest.h and explore.h, and of a trial. */
pleat_status suggest_make(const app *a, const suggest_how *how, char **text);

#endif /* PLEAT_APP_SUGGEST_H */
