/*
 * results.h - what was judged: cases, classes and scores, and a value for each three of them.
 *
 *   results   classes, scores, folds, cases[n]
 *   case      id, fold, paths, counts[classes], values[scores][classes]
 *
 * One rank's results travel to another as bytes: pack, gather, unpack.
 */
#ifndef PLEAT_RESULTS_H
#define PLEAT_RESULTS_H

#include "pleat/classes.h"
#include "pleat/file.h"
#include "pleat/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_case_result { /* begins as zeros */
    char id[PLEAT_CASE_BYTES];
    int fold; /* the fold whose model, which never saw the case, predicted it; from 0 */
    char prediction[512], reference[512]; /* paths of the two label maps */
    int dim[3];                           /* voxels, D, H, W; 0: not known */
    double spacing[3], voxel;             /* mm; mm3 of a voxel */
    pleat_counts *counts;                 /* [classes], owned together with `values` */
    double *values;                       /* [scores][classes]; NaN: undefined or not known */
} pleat_case_result;

typedef struct pleat_results {
    const pleat_scores *scores;
    pleat_classes classes; /* owned */
    pleat_judging how;     /* the values were computed */
    int folds;             /* 0 .. folds-1; one may have no cases */
    int repeats;           /* of them, 1 or more: a case comes once in each */
    int n;
    pleat_case_result *cases; /* [n], owned */
} pleat_results;

/* No cases yet; `classes` is copied, `scores` must last as long, and `how` is as nothing said.
 * Freed by the caller. ERR_ARG when there is no class. */
pleat_status pleat_results_begin(const pleat_classes *classes, int folds,
                                 const pleat_scores *scores, pleat_results *out);
/* The same of the scores that `how` asks for. */
pleat_status pleat_results_begin_as(const pleat_classes *classes, int folds,
                                    const pleat_judging *how, pleat_results *out);

/* One case more, its counts 0 and its values NaN, in *out, which holds until the next is added.
 * ERR_ARG: a text is too long; ERR_MEMORY. */
pleat_status pleat_results_add(pleat_results *results, const char *id, int fold,
                               const char *prediction, const char *reference,
                               pleat_case_result **out);

typedef struct pleat_scored {
    double x;                /* NaN: undefined, or not known */
    pleat_presence presence; /* of the class in the case */
} pleat_scored;

/* The image's diagonal from corner to corner of its box, in mm: no distance in it is longer. NaN
 * when its size is not known. */
double pleat_case_diagonal(const pleat_case_result *one);

/* Of case i, score s, class c. */
pleat_scored pleat_results_at(const pleat_results *results, int i, int s, int c);
/* Whether truth and prediction of case i both have class c, without a voxel in common. */
int pleat_results_apart(const pleat_results *results, int i, int c);

/* Its cases first .. first+n-1 as results of their own, which live as long and are not freed. */
pleat_results pleat_results_part(const pleat_results *results, int first, int n);

/* A row a case: of repeats its values are the means over those that have them; counts, fold and
 * paths are of the first. A copy of one repeat, freed by the caller. ERR_MEMORY. */
pleat_status pleat_results_by_case(const pleat_results *results, pleat_results *out);
/* place[results->n] of each judgement's case among the *n cases, from 0, in order of their first.
 * ERR_MEMORY. */
pleat_status pleat_results_places(const pleat_results *results, int *place, int *n);

/* The cases as bytes[*n], freed by the caller. ERR_MEMORY. */
pleat_status pleat_results_pack(const pleat_results *results, void **bytes, size_t *n);
/* Adds the cases of bytes[n], which were packed from results of as many classes and scores; the
 * bytes of several may follow one another. ERR_FORMAT. */
pleat_status pleat_results_unpack(const void *bytes, size_t n, pleat_results *results);

void pleat_results_free(pleat_results *results); /* empty ones may be freed again */

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_RESULTS_H */
