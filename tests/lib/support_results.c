/* support_results.c - results made of counts that stand in a test. */
#include "support_results.h"

#include "support.h"

#include <string.h>

pleat_results counted_results(const counted *cases, int n, const char *const *names, int classes,
                              int folds) {
    pleat_results results;
    pleat_classes list;
    OK(pleat_classes_make(names, classes, &list));
    OK(pleat_results_begin(&list, folds, pleat_scores_all(), &results));
    pleat_classes_free(&list);
    for (int i = 0; i < n; i++) {
        pleat_case_result *one = NULL;
        OK(pleat_results_add(&results, cases[i].id, cases[i].fold, cases[i].prediction,
                             cases[i].reference, &one));
        memcpy(one->counts, cases[i].counts, (size_t)classes * sizeof *one->counts);
        OK(pleat_scores_compute(results.scores, &results.how, NULL, classes, one->counts,
                                one->values));
    }
    return results;
}
