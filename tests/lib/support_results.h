/* support_results.h - results made of counts that stand in a test. */
#ifndef PLEAT_TESTS_SUPPORT_RESULTS_H
#define PLEAT_TESTS_SUPPORT_RESULTS_H

#include "pleat/results.h"

enum { COUNTED_CLASSES = 4 };

typedef struct counted {
    const char *id;
    int fold;
    pleat_counts counts[COUNTED_CLASSES];
    const char *prediction, *reference;
} counted;

/* cases[n] of `classes` classes, names[classes], in folds 0 .. folds-1: their counts and all scores
 * that follow from them. To be freed. */
pleat_results counted_results(const counted *cases, int n, const char *const *names, int classes,
                              int folds);

#endif /* PLEAT_TESTS_SUPPORT_RESULTS_H */
