/*
 * suggest.h - from what a data set is to a configuration that runs, each choice with its reason.
 *
 *   pleat_suggest_begin     target spacing, folds
 *   pleat_suggest_fit       the largest plan of a ladder that memory and hours allow; or
 *   pleat_suggest_like      nnU-Net's own
 *   pleat_suggest_text      the configuration
 *
 * The data come from explore.h, the plans from planner.h. How long a step takes is measured by
 * whoever calls.
 */
#ifndef PLEAT_SUGGEST_H
#define PLEAT_SUGGEST_H

#include "pleat/explore.h"
#include "pleat/planner.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Who is one patient by the names: all before the last '_', '-' or '.', where that has a digit. */
#define PLEAT_SUGGEST_GROUPS "^(.*[0-9].*)[_.-][A-Za-z]*[0-9]*$|^.*$"
#define PLEAT_SUGGEST_ENOUGH 2000 /* steps of a fold; with fewer a smaller network is better */

typedef struct pleat_suggest_request {
    const char *data;
    const char *classes;       /* as the key; NULL: of the data */
    const char *image, *label; /* data.image, data.label; NULL or "": not set */
    int warn_affine;           /* data.affine: warn */
    const char *like;          /* of pleat_planner_name; NULL: pleat's own choice */
    const char *configuration; /* nnU-Net's word: 3d_fullres, 3d_lowres, 2d; NULL: the first */
    double gpu_memory;         /* bytes, of another machine; 0: this machine's */
    double hours;              /* for all folds */
} pleat_suggest_request;

typedef struct pleat_suggest_step { /* what a training step of one rank takes */
    double seconds;                 /* 0: not measured */
    double macs;                    /* multiply-adds of the forward pass */
    char where[224];                /* engine, precision and device */
} pleat_suggest_step;

/* Of `batch` patches on one rank; the classes of config->network are known. */
typedef struct pleat_suggest_machine {
    double memory; /* bytes that a rank may take for its model and activations */
    pleat_status (*count)(void *context, const pleat_config *config, int batch, double *bytes);
    /* NULL: nothing is timed, hours do not count. */
    pleat_status (*measure)(void *context, const pleat_config *config, int batch,
                            pleat_suggest_step *out);
    void *context;
} pleat_suggest_machine;

typedef struct pleat_suggestion {
    const pleat_suggest_request *request;
    const pleat_exploration *e;
    pleat_planner_preset preset;
    pleat_planner_data full, at; /* at the target spacing; where the plan is */
    pleat_planner_result plan;
    int same_spacing; /* of all cases, and the plan's: nothing is to be resampled */
    int turned;       /* to RAS, as the cases' axes differ; sizes and spacings are so, too */
    int coarse;       /* the plan's spacing is not the target's */
    int thick;        /* slices more than 3 times as thick as their pixels are wide */
    int low_res;      /* nnU-Net would plan a low resolution too */
    int grouped;      /* names look as if some patients had several volumes */
    int mixed;        /* intensities of several kinds */
    int folds;
    int listed, groups; /* folds, and groups of two cases or more, of a table of cases; 0: none */
    int ranks_of_fold, rounds; /* of trainings, one after another, until all folds are trained */
    int iterations, epochs;
    pleat_suggest_step step;
} pleat_suggestion;

/* What can be wrong before the data are looked at. ERR_ARG. */
pleat_status pleat_suggest_check(const pleat_suggest_request *request);
/* `e` is rank 0's exploration. ERR_ARG: the request; ERR_DATA: the first error of e->check, fewer
 * than two cases, no class but background; ERR_MEMORY. */
pleat_status pleat_suggest_begin(const pleat_suggest_request *request, const pleat_exploration *e,
                                 int ranks, pleat_suggestion *out);
/* ERR_ARG: there is no such configuration. */
pleat_status pleat_suggest_like(pleat_suggestion *s);
/* Errors of the machine. */
pleat_status pleat_suggest_fit(const pleat_suggest_machine *machine, pleat_suggestion *s);

/* Whether one stride, 2, and one kernel, 3, hold for all axes and levels. */
int pleat_suggest_is_cubic(const pleat_suggestion *s);

/* The text, read back into `config` (may be NULL) and checked; owned by the caller, also after a
 * failure. */
pleat_status pleat_suggest_text(const pleat_suggestion *s, char **text, pleat_config *config);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_SUGGEST_H */
