/* counts.c - the confusion matrix of two label maps, and the counts of each class from it. */
#include "pleat/metrics.h"

#include <stdlib.h>

/* Neighbouring voxels mostly fall into one cell; four tables in turn keep the increments from
 * waiting for each other. */
#define LANES           4
#define PARALLEL_VOXELS 1000000 /* below, threads cost more than they save */

static pleat_status refuse_label(const uint8_t *truth, const uint8_t *predicted, size_t n,
                                 int classes) {
    size_t i = 0;
    while (i < n && truth[i] < classes && predicted[i] < classes) i++;
    const int in_truth = truth[i] >= classes;
    return PLEAT_FAIL(PLEAT_ERR_DATA, "%s has label %d at voxel %zu, but labels go from 0 to %d",
                      in_truth ? "truth" : "prediction", in_truth ? truth[i] : predicted[i], i,
                      classes - 1);
}

/* confusion[truth][predicted], of classes + 1: the last is every label that is no class. 0 when
 * there is no memory. */
static int confuse(const uint8_t *truth, const uint8_t *predicted, size_t n, int classes,
                   int64_t *confusion) {
    const int side = classes + 1;
    const size_t cells = (size_t)side * (size_t)side;
    int made = 1;
#pragma omp parallel if (n >= PARALLEL_VOXELS)
    {
        int64_t *mine = calloc(LANES * cells, sizeof *mine);
#pragma omp for schedule(static)
        for (size_t i = 0; i < n; i++) {
            const int t = truth[i] < classes ? truth[i] : classes;
            const int p = predicted[i] < classes ? predicted[i] : classes;
            if (mine != NULL) mine[(i % LANES) * cells + (size_t)(t * side + p)]++;
        }
#pragma omp critical(pleat_confuse)
        {
            if (mine == NULL) made = 0;
            for (size_t cell = 0; mine != NULL && cell < LANES * cells; cell++)
                confusion[cell % cells] += mine[cell];
        }
        free(mine);
    }
    return made;
}

pleat_status pleat_metrics_count(const uint8_t *truth, const uint8_t *predicted, size_t n,
                                 int classes, pleat_counts *out) {
    PLEAT_CHECK(classes >= 1 && classes <= PLEAT_MAX_CLASSES, PLEAT_ERR_ARG,
                "%d classes asked for; 1 to %d are possible", classes, PLEAT_MAX_CLASSES);
    pleat_status status = PLEAT_OK;
    const int side = classes + 1;
    int64_t in_truth[PLEAT_MAX_CLASSES + 1] = {0}, in_prediction[PLEAT_MAX_CLASSES + 1] = {0};
    int64_t *confusion = calloc((size_t)side * (size_t)side, sizeof *confusion);
    PLEAT_CHECK_GOTO(status, done,
                     confusion != NULL && confuse(truth, predicted, n, classes, confusion),
                     PLEAT_ERR_MEMORY, "no memory to compare label maps of %d classes", classes);
    for (int t = 0; t < side; t++)
        for (int p = 0; p < side; p++) {
            in_truth[t] += confusion[t * side + p];
            in_prediction[p] += confusion[t * side + p];
        }
    if (in_truth[classes] + in_prediction[classes] > 0) {
        status = refuse_label(truth, predicted, n, classes);
        goto done;
    }
    for (int c = 0; c < classes; c++) {
        const int64_t tp = confusion[c * side + c];
        const int64_t fp = in_prediction[c] - tp, fn = in_truth[c] - tp;
        out[c] = (pleat_counts){tp, fp, fn, (int64_t)n - tp - fp - fn};
    }
done:
    free(confusion);
    return status;
}

pleat_presence pleat_metrics_presence(const pleat_counts *counts) {
    const int truth = counts->tp + counts->fn > 0, predicted = counts->tp + counts->fp > 0;
    if (truth) return predicted ? PLEAT_PRESENT : PLEAT_MISSED;
    return predicted ? PLEAT_SPURIOUS : PLEAT_ABSENT;
}

const char *pleat_presence_name(pleat_presence presence) {
    static const char *const names[PLEAT_PRESENCES] = {
        [PLEAT_PRESENT] = "ok",
        [PLEAT_MISSED] = "missed",
        [PLEAT_SPURIOUS] = "spurious",
        [PLEAT_ABSENT] = "empty",
    };
    return names[presence];
}
