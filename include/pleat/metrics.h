/*
 * metrics.h - how well a predicted label map agrees with the truth: counts, and the scores.
 *
 * Each class is judged one against the rest: a voxel of class c counts as
 *
 *                    truth c   truth other
 *     predicted c       tp         fp          and every voxel lies in one of the four,
 *     predicted other   fn         tn          so tp + fp + fn + tn = n for each class
 *
 * A score is a row: its names, its unit, which way is better, and how it is computed of one class
 * of one case. Rows stand in families, a file each in src/eval/scores/: what the scores of a family
 * share of a case and class is prepared once. src/eval/scores.c lists the families. To add
 *
 *   a score    its function and its row in its family's file
 *   a family   its file, its name in src/eval/scores/families.h and one line in src/eval/scores.c
 *
 * and every table, file and figure has it, but for those of the original and for nnU-Net's keys:
 * they have the scores whose columns `original` and `nnunet` say so.
 *
 * NaN means "undefined", as 0/0: it is left out of means, deviations and medians, and counted.
 */
#ifndef PLEAT_METRICS_H
#define PLEAT_METRICS_H

#include "pleat/judging.h"
#include "pleat/surface.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_counts {
    int64_t tp, fp, fn, tn; /* voxels */
} pleat_counts;

/* truth[n], predicted[n]: labels 0 .. classes-1, classes <= PLEAT_MAX_CLASSES; out[classes]. One
 * pass over both. ERR_DATA names the first voxel whose label is no class. */
pleat_status pleat_metrics_count(const uint8_t *truth, const uint8_t *predicted, size_t n,
                                 int classes, pleat_counts *out);

/* Whether a class is there at all: why a score may be undefined, and what a 0 means. */
typedef enum pleat_presence {
    PLEAT_PRESENT,  /* in truth and prediction */
    PLEAT_MISSED,   /* in the truth alone */
    PLEAT_SPURIOUS, /* in the prediction alone */
    PLEAT_ABSENT,   /* in neither */
    PLEAT_PRESENCES
} pleat_presence;

pleat_presence pleat_metrics_presence(const pleat_counts *counts);
const char *pleat_presence_name(pleat_presence presence); /* "ok", "missed", "spurious", "empty" */

typedef struct pleat_judged { /* one class of one case */
    const pleat_judging *how;
    const pleat_pair *pair; /* NULL where only the counts are left; then `prepare` is not called */
    int label;
    pleat_counts counts;
} pleat_judged;

typedef enum pleat_better {
    PLEAT_HIGHER_IS_BETTER,
    PLEAT_LOWER_IS_BETTER,
    PLEAT_NEITHER_IS_BETTER /* it describes */
} pleat_better;

/* What a class that was missed, or is spurious, is given where the score itself is undefined, for a
 * mean that no miss makes better. */
typedef enum pleat_penalty {
    PLEAT_NO_PENALTY,
    PLEAT_PENALTY_NOUGHT,  /* 0, the worst share */
    PLEAT_PENALTY_DIAGONAL /* mm, of the image: no distance is longer */
} pleat_penalty;

/* What figures and comparisons take it for. */
typedef enum pleat_role {
    PLEAT_NO_ROLE,
    PLEAT_SENSITIVITY,
    PLEAT_TRUE_VOLUME,
    PLEAT_PREDICTED_VOLUME
} pleat_role;

typedef struct pleat_score {
    const char *name;   /* in files: "DSC"; unique, without blanks */
    const char *title;  /* above a table: "Dice (DSC)" */
    const char *unit;   /* "mm"; "": a share of 1 */
    const char *what;   /* its definition: "2 TP / (2 TP + FP + FN)"; NULL: the family's `define` */
    const char *nnunet; /* its key in nnU-Net's summary.json; NULL: nnU-Net has no such score */
    int original;       /* 1: it stands in the original's files */
    int brief;          /* 1: it stands in a short table */
    pleat_better better;
    pleat_penalty penalty;
    pleat_role role;
    /* `shared` is what the family prepared, NULL where it prepares nothing. NaN: undefined. */
    double (*compute)(const pleat_judged *of, const void *shared);
} pleat_score;

typedef struct pleat_score_family {
    const pleat_score *score; /* [n] */
    int n;
    /* 0: the class has none of these scores, and nothing is computed; NULL: every class has them */
    int (*applies)(const pleat_judging *how, int label);
    /* NULL: the counts are enough, and the scores can be had again from them. Else it looks at the
     * pair, whose truth or prediction may lack the label, and *shared is released. */
    pleat_status (*prepare)(const pleat_judged *of, void **shared);
    void (*release)(void *shared);
    /* The definition of a score, by what was chosen for a class; NULL: that of the row. */
    void (*define)(const pleat_score *score, const pleat_judging *how, int label, char *out,
                   size_t size);
} pleat_score_family;

typedef struct pleat_scores { /* a list: the scores of its families, one after another */
    const pleat_score_family *const *family; /* [n] */
    int n;
} pleat_scores;

#define PLEAT_HEADLINE 0 /* the first score of a list is the one that a report begins with */

/* Those that there are; and of them those that `how` asks for: all but of lesions, and these too
 * where a class has some. */
const pleat_scores *pleat_scores_all(void);
const pleat_scores *pleat_scores_asked(const pleat_judging *how);

int pleat_scores_count(const pleat_scores *scores);
/* Score i, from 0; the same with its family, which may be NULL. */
const pleat_score *pleat_scores_at(const pleat_scores *scores, int i);
const pleat_score_family *pleat_scores_family(const pleat_scores *scores, int i);
/* The score of a role; -1: there is none. */
int pleat_scores_role(const pleat_scores *scores, pleat_role role);

/* Whether a class has score i; else it is NaN, and no table need show it. */
int pleat_scores_apply(const pleat_scores *scores, int i, const pleat_judging *how, int label);

#define PLEAT_DEFINITION_BYTES 128
/* How score i of a class is defined. Returns `out`. */
const char *pleat_scores_define(const pleat_scores *scores, int i, const pleat_judging *how,
                                int label, char out[PLEAT_DEFINITION_BYTES]);

/* values[scores][classes] of a case from counts[classes] and `pair`; where that is NULL, the values
 * that need it stay as they are. ERR_MEMORY, or what a family's `prepare` says. */
pleat_status pleat_scores_compute(const pleat_scores *scores, const pleat_judging *how,
                                  const pleat_pair *pair, int classes, const pleat_counts *counts,
                                  double *values);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_METRICS_H */
