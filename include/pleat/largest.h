/*
 * largest.h - keeping the largest connected component, of all foreground or of a class, and whether
 * that helps.
 *
 * nnU-Net's rule (its determine_postprocessing): on the predictions of a cross-validation, first
 * all classes together: kept where the mean of the classes' Dice rises and no class's falls; then,
 * where there are two or more, each class alone on what is left: kept where its Dice rises. A
 * class's Dice is the mean over the cases that have it, in truth or prediction. What is removed
 * becomes background.
 */
#ifndef PLEAT_LARGEST_H
#define PLEAT_LARGEST_H

#include "pleat/metrics.h"
#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_largest {
    int foreground;                      /* of all classes together, first */
    uint8_t of_class[PLEAT_MAX_CLASSES]; /* then of each of these */
} pleat_largest;

int pleat_largest_any(const pleat_largest *what); /* 0: it changes nothing */
int pleat_largest_equal(const pleat_largest *a, const pleat_largest *b);

/* labels [dim], in place. ERR_MEMORY. */
pleat_status pleat_largest_apply(const pleat_largest *what, uint8_t *labels, const int dim[3]);

/* How a case is counted: four ways of the same labels. A class's counts do not depend on what is
 * removed of the others, so these are all that the rule asks for. */
enum {
    PLEAT_LARGEST_NONE,           /* as predicted */
    PLEAT_LARGEST_FOREGROUND,     /* all classes together */
    PLEAT_LARGEST_OWN,            /* each class alone */
    PLEAT_LARGEST_FOREGROUND_OWN, /* both, in this order */
    PLEAT_LARGEST_WAYS
};

/* out[WAYS][classes]. ERR_MEMORY; ERR_DATA of pleat_metrics_count. */
pleat_status pleat_largest_count(const uint8_t *labels, const uint8_t *truth, const int dim[3],
                                 int classes, pleat_counts *out);

typedef struct pleat_largest_choice {
    pleat_largest kept;
    int classes;
    /* The mean Dice of each class over the cases: as predicted, and with what is kept; NaN: no case
     * has the class. `mean` are those of the foreground's classes. */
    double before[PLEAT_MAX_CLASSES], after[PLEAT_MAX_CLASSES], mean_before, mean_after;
    double mean_foreground; /* with the foreground's largest component alone, kept or not */
} pleat_largest_choice;

/* By counts[n][WAYS][classes] of n cases. */
void pleat_largest_choose(const pleat_counts *counts, int n, int classes,
                          pleat_largest_choice *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LARGEST_H */
