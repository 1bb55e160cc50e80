/*
 * paired.h - two sets of scores over the same cases: which is better, and how sure that is.
 *
 * A difference is B - A, of one case; cases in which one of the two is undefined are left out and
 * counted. Nothing is ever tested over means of folds.
 *
 *   mean      of the differences, with the BCa bootstrap's interval of 95 %, over groups (patients)
 *             where they are given
 *   p         of Wilcoxon's signed ranks, two-sided; over groups' mean differences where there are
 *             groups
 *   p_holm    the same by Holm's correction for all tests of the score: classes and comparisons
 *   false     how likely the true mean difference has the other sign (inference.h)
 */
#ifndef PLEAT_PAIRED_H
#define PLEAT_PAIRED_H

#include "pleat/inference.h"
#include "pleat/measured.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_paired {
    int b;                          /* which one is compared with the first, 1 .. */
    const char *score, *class_name; /* of the first */
    int n, left_out;                /* cases; without a value in one of the two */
    int higher, lower, equal;       /* cases in which B is so */
    double mean_a, mean_b;          /* of the n */
    double mean, median;            /* of the differences */
    pleat_interval bca;
    pleat_wilcoxon wilcoxon;
    double p_holm, false_ranking;
    double *difference; /* [n] B - A, and the cases they are of; owned, in one block */
    int *at;            /* [n] */
} pleat_paired;

typedef struct pleat_comparison {
    const char *const *names; /* [sets], the caller's */
    const char *const *ids;   /* [cases], of the first set */
    int sets, cases, groups;
    int grouped; /* groups were given */
    uint64_t seed;
    pleat_paired *row; /* [n], by score, then B, then class; owned */
    int n;
    int unlike;     /* scores of classes that A and B define in two ways: not compared */
    char what[256]; /* the first of them, in words */
} pleat_comparison;

/* The first of measured[sets] with each of the others, in every score and class that all of them
 * have, the class `background` and label 0 aside. A class may be called by its label in some of
 * them: `classes`, where it is not NULL, are the names by label. ERR_DATA when they are not of the
 * same cases, naming some that one lacks, or have no score in common. Freed by the caller. */
pleat_status pleat_compare_sets(const pleat_measured *measured, const char *const *names, int sets,
                                const pleat_classes *classes, const char *group_by, uint64_t seed,
                                pleat_comparison *out);
void pleat_comparison_free(pleat_comparison *comparison);

/* Whether the table has the row where not all are asked for; and what pleat knows of its score,
 * NULL of another tool's. */
int pleat_paired_is_brief(const pleat_paired *row);
const pleat_score *pleat_paired_score(const pleat_paired *row);

/* The table: the scores of a short report, or all; and what it says of itself. */
void pleat_comparison_print(FILE *out, const pleat_comparison *c, int all);
/* A row per score, B and class. ERR_IO, ERR_MEMORY. */
pleat_status pleat_comparison_csv(FILE *out, const pleat_comparison *c);
pleat_status pleat_comparison_json(FILE *out, const pleat_comparison *c);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PAIRED_H */
