/* largest.c - nnU-Net's choice of post-processing, from counts of every way. */
#include "pleat/largest.h"

#include "pleat/components.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int pleat_largest_any(const pleat_largest *what) {
    int any = what->foreground;
    for (int c = 0; c < PLEAT_MAX_CLASSES; c++) any |= what->of_class[c];
    return any != 0;
}

int pleat_largest_equal(const pleat_largest *a, const pleat_largest *b) {
    return a->foreground == b->foreground &&
           memcmp(a->of_class, b->of_class, sizeof a->of_class) == 0;
}

pleat_status pleat_largest_apply(const pleat_largest *what, uint8_t *labels, const int dim[3]) {
    if (what->foreground) PLEAT_TRY(pleat_components_keep_largest(labels, dim, 0));
    for (int c = 1; c < PLEAT_MAX_CLASSES; c++)
        if (what->of_class[c]) PLEAT_TRY(pleat_components_keep_largest(labels, dim, c));
    return PLEAT_OK;
}

/* `labels` as they are, then each class's largest component: out[2 ways apart][classes]. */
static pleat_status count_own(uint8_t *labels, const uint8_t *truth, const int dim[3], int classes,
                              pleat_counts *as_is, pleat_counts *own) {
    const size_t voxels = pleat_voxels(dim);
    PLEAT_TRY(pleat_metrics_count(truth, labels, voxels, classes, as_is));
    for (int c = 1; c < classes; c++)
        if (as_is[c].tp + as_is[c].fp > 0) PLEAT_TRY(pleat_components_keep_largest(labels, dim, c));
    return pleat_metrics_count(truth, labels, voxels, classes, own);
}

pleat_status pleat_largest_count(const uint8_t *labels, const uint8_t *truth, const int dim[3],
                                 int classes, pleat_counts *out) {
    pleat_status status = PLEAT_OK;
    const size_t voxels = pleat_voxels(dim), each = (size_t)classes;
    pleat_counts *way[PLEAT_LARGEST_WAYS];
    uint8_t *work = malloc(voxels);
    PLEAT_CHECK(work != NULL, PLEAT_ERR_MEMORY, "no memory for a label map of %zu voxels", voxels);
    for (size_t i = 0; i < PLEAT_LARGEST_WAYS; i++) way[i] = out + i * each;
    memcpy(work, labels, voxels);
    PLEAT_TRY_GOTO(
        status, done,
        count_own(work, truth, dim, classes, way[PLEAT_LARGEST_NONE], way[PLEAT_LARGEST_OWN]));
    memcpy(work, labels, voxels);
    PLEAT_TRY_GOTO(status, done, pleat_components_keep_largest(work, dim, 0));
    if (memcmp(work, labels, voxels) == 0) { /* one component */
        memcpy(way[PLEAT_LARGEST_FOREGROUND], way[PLEAT_LARGEST_NONE], each * sizeof *out);
        memcpy(way[PLEAT_LARGEST_FOREGROUND_OWN], way[PLEAT_LARGEST_OWN], each * sizeof *out);
        goto done;
    }
    status = count_own(work, truth, dim, classes, way[PLEAT_LARGEST_FOREGROUND],
                       way[PLEAT_LARGEST_FOREGROUND_OWN]);
done:
    free(work);
    return status;
}

/* Of class c, one way, over the cases that have it. */
static double mean_dice(const pleat_counts *counts, int n, int classes, int way, int c) {
    double sum = 0.0;
    int some = 0;
    for (int i = 0; i < n; i++) {
        const pleat_counts *k =
            counts + ((size_t)i * PLEAT_LARGEST_WAYS + (size_t)way) * (size_t)classes + (size_t)c;
        const int64_t all = 2 * k->tp + k->fp + k->fn;
        if (all == 0) continue;
        sum += 2.0 * (double)k->tp / (double)all;
        some++;
    }
    return some > 0 ? sum / some : NAN;
}

/* Of the classes from 1 that have one. */
static double mean_of(const double *dice, int classes) {
    double sum = 0.0;
    int some = 0;
    for (int c = 1; c < classes; c++) {
        if (isnan(dice[c])) continue;
        sum += dice[c];
        some++;
    }
    return some > 0 ? sum / some : NAN;
}

void pleat_largest_choose(const pleat_counts *counts, int n, int classes,
                          pleat_largest_choice *out) {
    double dice[PLEAT_LARGEST_WAYS][PLEAT_MAX_CLASSES];
    *out = (pleat_largest_choice){.classes = classes};
    for (int way = 0; way < PLEAT_LARGEST_WAYS; way++)
        for (int c = 0; c < classes; c++) dice[way][c] = mean_dice(counts, n, classes, way, c);
    const double *before = dice[PLEAT_LARGEST_NONE], *foreground = dice[PLEAT_LARGEST_FOREGROUND];
    out->mean_before = mean_of(before, classes);
    out->mean_foreground = mean_of(foreground, classes);
    int keep = out->mean_foreground > out->mean_before;
    for (int c = 1; c < classes; c++) keep &= !(foreground[c] < before[c]);
    out->kept.foreground = keep;
    const double *so_far = keep ? foreground : before;
    const double *own = dice[keep ? PLEAT_LARGEST_FOREGROUND_OWN : PLEAT_LARGEST_OWN];
    for (int c = 0; c < classes; c++) {
        const int better = classes > 2 && c > 0 && own[c] > so_far[c];
        out->kept.of_class[c] = (uint8_t)better;
        out->before[c] = before[c];
        out->after[c] = better ? own[c] : so_far[c];
    }
    out->mean_after = mean_of(out->after, classes);
}
