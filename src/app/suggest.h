/*
 * suggest.h - from what a data set is to a configuration that runs, each choice with its reason.
 *
 *   suggest_make
 *     explore the data          explore.h: sizes, spacings, intensities, classes, what is wrong
 *     suggest_begin             target spacing, folds
 *     suggest_fit               the largest plan of a ladder that memory and hours allow; or
 *     suggest_like              nnU-Net's own
 *     suggest_write             the text
 */
#ifndef PLEAT_APP_SUGGEST_H
#define PLEAT_APP_SUGGEST_H

#include "trial.h"

#include "pleat/explore.h"
#include "pleat/planner.h"

#include <stdio.h>

#define SUGGEST_ENOUGH 2000 /* steps of a fold; with fewer a smaller network is the better choice */

typedef struct suggest_request {
    const char *data;
    const char *classes;       /* as the key; NULL: of the data */
    const char *like;          /* of pleat_planner_name; NULL: pleat's own choice */
    const char *configuration; /* nnU-Net's word: 3d_fullres, 3d_lowres, 2d; NULL: the first */
    const char *gpu_memory;    /* "24G"; NULL: of this machine */
    double hours;              /* for all folds */
    int steps;                 /* that are timed; 0: none */
} suggest_request;

typedef struct suggestion {
    const suggest_request *request;
    const pleat_exploration *e;
    pleat_planner_preset preset;
    pleat_planner_data full, at; /* at the target spacing; where the plan is */
    pleat_planner_result plan;
    int same_spacing; /* of all cases, and the plan's: nothing is to be resampled */
    int thick;        /* slices more than 3 times as thick as their pixels are wide */
    int low_res;      /* nnU-Net would plan a low resolution too */
    int folds;
    int grouped; /* names look as if some patients had several volumes */
    int mixed;   /* intensities of several kinds */
    double memory;
    int rounds; /* of trainings, one after another, until all folds are trained */
    int iterations, epochs;
    trial_result trial; /* seconds 0: not measured */
} suggestion;

/* The key's defaults: 8 hours, 3 steps. */
suggest_request suggest_usual(void);

/* Collective; the text is rank 0's, and owned by the caller; the others' is NULL. ERR_ARG: the
 * request; ERR_DATA: an error of `pleat check`; errors of explore.h and of the trial. */
pleat_status suggest_make(const app *a, const suggest_request *request, char **text);

pleat_status suggest_begin(const app *a, suggestion *s);
pleat_status suggest_like(suggestion *s);
pleat_status suggest_fit(const app *a, suggestion *s);

/* Whether the network is the plain U-Net: it has one stride, 2, and one kernel, 3. */
int suggest_is_cubic(const suggestion *s);

void suggest_write(const suggestion *s, FILE *out);
/* The text, read back and checked. `config` may be NULL. */
pleat_status suggest_text(const suggestion *s, char **text, pleat_config *config);

#endif /* PLEAT_APP_SUGGEST_H */
