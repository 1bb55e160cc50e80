/*
 * estimates.h - what the scores of many cases amount to, how sure that is, and what was missed.
 *
 * A class of a case is ok (in truth and prediction), missed (in the truth alone), spurious (in the
 * prediction alone) or empty (in neither). A score that is undefined leaves the mean; how many
 * cases were missed or spurious stands beside each mean, and so does the penalised mean, in which
 * an undefined score of such a case counts as the worst there is: 0 of a share, the image's
 * diagonal of a distance. No miss makes that one better.
 *
 *   RUN/scores.csv       every case, class and score: case, fold, class, label, score, value, unit,
 *                        state, definition
 *   RUN/statistics.csv   a row per fold (and "all"), class and score
 *   RUN/statistics.json  all of both: `pleat/statistics/1`
 *
 * Where the cross-validation is repeated, a case is judged once in each repeat. It stays one case:
 * intervals are over cases, never over its judgements as if these were independent; and of the mean
 * over the folds there is the corrected resampled t interval.
 *
 * Intervals are of 95 %: of means by BCa bootstrap and by Student's t, over groups (patients) where
 * they are given, of medians by order statistics; inference.h has the methods. They cover these
 * cases for these models, and say nothing of other seeds or of models trained anew.
 */
#ifndef PLEAT_ESTIMATES_H
#define PLEAT_ESTIMATES_H

#include "pleat/inference.h"
#include "pleat/results.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_FEW_CASES 50 /* below, the table warns */

typedef struct pleat_estimate {
    int cases;                    /* however often each was judged */
    int judged;                   /* each once in each repeat; of these: */
    int states[PLEAT_PRESENCES];  /* by pleat_presence */
    int apart;                    /* in both, without a voxel in common; of those that are ok */
    int unknown;                  /* scored before pleat had the score */
    int n;                        /* cases that have the score; the rest is of their judgements */
    double mean, sd, least, most; /* NaN when n is 0, and SD when it is 1 */
    double median, quartile[2];
    double penalised;               /* mean; NaN when the score has no worst, or none is known */
    pleat_interval bca, t, between; /* of mean, mean and median */
    pleat_interval resampled;       /* of the mean over folds; over all cases of repeats alone */
} pleat_estimate;

typedef struct pleat_estimates {
    const pleat_results *results; /* the caller's */
    int *place;                   /* [n] of each judgement's case, from 0; owned */
    int cases;                    /* over all */
    int *group;         /* [n] of each case as judged, from 0; owned; NULL: each is its own */
    int groups;         /* over all cases */
    int by_patient;     /* groups are those of group_by, not cases of several repeats */
    uint64_t seed;      /* of the bootstrap */
    pleat_estimate *at; /* [1 + folds][scores][classes], all folds first; owned */
} pleat_estimates;

/* `group_by` as folds.h has it; NULL or "": none. ERR_ARG, ERR_DATA: it does not match; ERR_MEMORY.
 * Freed by the caller. */
pleat_status pleat_estimates_make(const pleat_results *results, const char *group_by, uint64_t seed,
                                  pleat_estimates *out);
void pleat_estimates_free(pleat_estimates *estimates);

#define PLEAT_OVER_ALL (-1)
/* Over the cases of a fold, or of PLEAT_OVER_ALL. */
const pleat_estimate *pleat_estimates_at(const pleat_estimates *e, int fold, int score, int c);

/* The three files; with `warnings` those of this process are in statistics.json. ERR_IO,
 * ERR_MEMORY. */
pleat_status pleat_estimates_write(const char *folder, const pleat_estimates *e, int warnings);

/* scores.csv, or statistics.json, to `out`. ERR_IO, ERR_MEMORY. */
pleat_status pleat_scores_print(FILE *out, const pleat_results *results);
pleat_status pleat_estimates_print_json(FILE *out, const pleat_estimates *e);

/* The table: of every class but the background the scores of a short report, or with `all` every
 * score of every class; below it what the intervals cover, and a warning when cases are few. */
void pleat_estimates_print(FILE *out, const pleat_estimates *e, int all);
/* What these numbers lack, a line each; or `below` the table. */
void pleat_estimates_warn(FILE *out, const pleat_estimates *e, int below);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_ESTIMATES_H */
