/* score.c - a predicted label map against the truth. */
#include "pleat/score.h"
#include "pleat/nifti.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAME_PLACE_MM 1e-2 /* float32 headers round coordinates of some metres by less */
#define FAR_VOXELS    0.5  /* grids that lie further apart are of two places */

/* The largest distance, in mm, by which the affines put a corner voxel apart. */
static double apart(const pleat_geometry *a, const pleat_geometry *b) {
    double most = 0.0;
    for (int corner = 0; corner < 8; corner++) {
        double squares = 0.0;
        for (int row = 0; row < 3; row++) {
            double d = a->affine[row][3] - b->affine[row][3];
            for (int axis = 0; axis < 3; axis++) /* x, y, z = dim 2, 1, 0 */
                if (corner >> axis & 1)
                    d += (a->affine[row][axis] - b->affine[row][axis]) * (a->dim[2 - axis] - 1);
            squares += d * d;
        }
        most = fmax(most, sqrt(squares));
    }
    return most;
}

/* The prediction must have the truth's grid; what is off by less than half a voxel is told. */
static pleat_status check_grids(const char *id, const char *prediction, const pleat_geometry *at,
                                const pleat_geometry *there, pleat_place place) {
    const int *g = at->dim, *t = there->dim;
    PLEAT_CHECK(g[0] == t[0] && g[1] == t[1] && g[2] == t[2], PLEAT_ERR_SHAPE,
                "case '%s': the prediction '%s' has %d x %d x %d voxels, the truth %d x %d x %d; "
                "pleat score --by-header resamples it by its header",
                id, prediction, g[2], g[1], g[0], t[2], t[1], t[0]);
    if (place == PLEAT_PLACE_VOXELS) return PLEAT_OK;
    const double voxels = pleat_geometry_apart(there, at), mm = apart(at, there);
    PLEAT_CHECK(
        voxels <= FAR_VOXELS, PLEAT_ERR_DATA,
        "case '%s': by its affine the prediction '%s' lies up to %.3g voxels (%.4g mm) from "
        "the truth: mirrored, displaced, or of another spacing. pleat score --by-header "
        "resamples it, --by-voxel compares the voxels as they lie",
        id, prediction, voxels, mm);
    if (mm > SAME_PLACE_MM)
        pleat_warn("case '%s': the prediction '%s' lies up to %.3g voxels (%.4g mm) from the "
                   "truth; compared voxel by voxel",
                   id, prediction, voxels, mm);
    return PLEAT_OK;
}

/* The label of `map` whose voxel is nearest to that of the truth; outside of it background. */
static pleat_status to_truth(const char *id, const char *prediction, const pleat_geometry *at,
                             const pleat_geometry *there, pleat_label *map) {
    pleat_label made = {0};
    double m[3][4];
    size_t inside = 0;
    const int *from = at->dim, *to = there->dim;
    pleat_geometry_map(there, at, m);
    PLEAT_TRY(pleat_label_make(to, there->spacing, &made));
#pragma omp parallel for collapse(2) reduction(+ : inside)
    for (int z = 0; z < to[0]; z++)
        for (int y = 0; y < to[1]; y++)
            for (int x = 0; x < to[2]; x++) {
                double p[3];
                int within = 1;
                for (int r = 0; r < 3; r++) {
                    p[r] = floor(m[r][0] * x + m[r][1] * y + m[r][2] * z + m[r][3] + 0.5);
                    within &= p[r] >= 0.0 && p[r] < from[2 - r];
                }
                if (!within) continue;
                const size_t v = ((size_t)p[2] * (size_t)from[1] + (size_t)p[1]) * (size_t)from[2];
                const size_t o = ((size_t)z * (size_t)to[1] + (size_t)y) * (size_t)to[2];
                made.data[o + (size_t)x] = map->data[v + (size_t)p[0]];
                inside++;
            }
    pleat_label_free(map);
    *map = made;
    PLEAT_CHECK(inside > 0, PLEAT_ERR_DATA,
                "case '%s': by their headers the prediction '%s' and the truth have no place in "
                "common",
                id, prediction);
    return PLEAT_OK;
}

/* Voxels that the truth ignores become background in both maps; *ignored: how many there are. A
 * prediction ignores nothing else. */
static pleat_status leave_out_ignored(const char *id, const char *prediction, int ignore,
                                      pleat_label *truth, pleat_label *guess, int64_t *ignored) {
    const size_t w = (size_t)truth->dim[2], h = (size_t)truth->dim[1];
    *ignored = 0;
    for (size_t v = 0; ignore > 0 && v < pleat_voxels(truth->dim); v++) {
        PLEAT_CHECK(truth->data[v] == PLEAT_IGNORED || guess->data[v] != PLEAT_IGNORED,
                    PLEAT_ERR_DATA,
                    "case '%s': '%s' has label %d, which is ignored, at voxel (x, y, z) = (%zu, "
                    "%zu, %zu), where the truth is of a class; give the voxel the label of a class",
                    id, prediction, ignore, v % w, v / w % h, v / w / h);
        if (truth->data[v] != PLEAT_IGNORED) continue;
        truth->data[v] = guess->data[v] = 0;
        ++*ignored;
    }
    return PLEAT_OK;
}

/* The counts of classes that do not overlap, then their scores: counts[classes],
 * values[scores][classes]. In truth and prediction `ignored` voxels are background and count for
 * nothing. */
static pleat_status judge(const pleat_pair *pair, int64_t ignored, const pleat_scores *scores,
                          const pleat_judging *how, int classes, pleat_counts *counts,
                          double *values) {
    PLEAT_TRY(pleat_metrics_count(pair->truth, pair->predicted, pleat_voxels(pair->dim), classes,
                                  counts));
    counts[0].tp -= ignored;
    for (int c = 1; c < classes; c++) counts[c].tn -= ignored;
    return pleat_scores_compute(scores, how, pair, classes, counts, values);
}

/* Each region beside the rest, as two classes; class 0 is what is in no region. */
static pleat_status judge_regions(const pleat_pair *pair, int64_t ignored, const pleat_results *to,
                                  pleat_case_result *one) {
    const size_t n = pleat_voxels(pair->dim), classes = (size_t)to->classes.n;
    const size_t scores = (size_t)pleat_scores_count(to->scores);
    uint32_t regions[256];
    pleat_status status = PLEAT_OK;
    uint8_t *truth = malloc(n), *predicted = malloc(n);
    double *values = calloc(2 * scores, sizeof *values);
    pleat_pair alone = *pair;
    pleat_classes_regions(&to->classes, regions);
    PLEAT_CHECK_GOTO(status, done, truth != NULL && predicted != NULL && values != NULL,
                     PLEAT_ERR_MEMORY, "no memory to compare label maps of %zu voxels", n);
    alone.truth = truth;
    alone.predicted = predicted;
    for (size_t c = 0; c < classes; c++) {
        const uint32_t bits = c > 0 ? (uint32_t)1 << (c - 1) : UINT32_MAX;
        const size_t from = c > 0; /* of the two classes */
        pleat_counts counts[2];
        pleat_judging how = to->how;
        how.tolerance[1] = to->how.tolerance[c];
        how.lesions[1] = to->how.lesions[c];
        for (size_t s = 0; s < 2 * scores; s++) values[s] = (double)NAN;
        for (size_t v = 0; v < n; v++) {
            truth[v] = (regions[pair->truth[v]] & bits) != 0;
            predicted[v] = (regions[pair->predicted[v]] & bits) != 0;
        }
        PLEAT_TRY_GOTO(status, done, judge(&alone, ignored, to->scores, &how, 2, counts, values));
        one->counts[c] = counts[from];
        for (size_t s = 0; s < scores; s++) one->values[s * classes + c] = values[2 * s + from];
    }
done:
    free(truth);
    free(predicted);
    free(values);
    return status;
}

/* Of the first case of `results` alone. */
static void tell_skewed(const char *id, const char *reference, const pleat_geometry *there,
                        const pleat_results *results) {
    for (int i = 0; i < results->n; i++) {
        const double *mm = results->cases[i].spacing;
        if (results->cases[i].voxel < mm[0] * mm[1] * mm[2]) return;
    }
    if (pleat_geometry_skew(there) > 0.0)
        pleat_warn("case '%s': the axes of '%s' are %.2f degrees off a right angle; surface "
                   "distances take them as at right angles, so resample such label maps onto a "
                   "grid of right angles first; further cases are not named",
                   id, reference, pleat_geometry_skew(there));
}

/* The counts of a pair into `one`, then its scores. */
static pleat_status judge_case(const pleat_label *truth, const pleat_label *guess, double voxel,
                               int64_t ignored, const pleat_results *results,
                               pleat_case_result *one) {
    const pleat_pair pair = {.truth = truth->data,
                             .predicted = guess->data,
                             .dim = {truth->dim[0], truth->dim[1], truth->dim[2]},
                             .spacing = {truth->spacing[0], truth->spacing[1], truth->spacing[2]},
                             .voxel = voxel};
    memcpy(one->dim, pair.dim, sizeof one->dim);
    memcpy(one->spacing, pair.spacing, sizeof one->spacing);
    one->voxel = voxel;
    return results->classes.of_regions ? judge_regions(&pair, ignored, results, one)
                                       : judge(&pair, ignored, results->scores, &results->how,
                                               results->classes.n, one->counts, one->values);
}

/* The labels of a file become those inside. */
static pleat_status enter(const char *id, const char *path, const pleat_classes *classes,
                          pleat_label *map) {
    pleat_labels labels;
    char known[512];
    const size_t n = pleat_voxels(map->dim), w = (size_t)map->dim[2], h = (size_t)map->dim[1];
    pleat_labels_of(classes, &labels);
    size_t at = pleat_labels_enter(&labels, n, map->data);
    (void)pleat_labels_text(&labels, known, sizeof known);
    if (labels.n == 0) { /* they are 0, 1, ... */
        for (at = 0; at < n && map->data[at] < classes->n;) at++;
        (void)snprintf(known, sizeof known, "0 to %d", classes->n - 1);
    }
    PLEAT_CHECK(at == n, PLEAT_ERR_DATA,
                "case '%s': '%s' has label %d at voxel (x, y, z) = (%zu, %zu, %zu), but the labels "
                "of the classes are %s; correct the map, or name all classes (score --classes)",
                id, path, map->data[at], at % w, at / w % h, at / w / h, known);
    return PLEAT_OK;
}

pleat_status pleat_score_files(const char *id, int fold, const char *prediction,
                               const char *reference, pleat_place place, pleat_results *results) {
    pleat_status status = PLEAT_OK;
    pleat_label guess = {0}, truth = {0};
    pleat_geometry at, there;
    pleat_case_result *one = NULL;
    int64_t ignored = 0;
    PLEAT_TRY_GOTO(status, done, pleat_nifti_read_label(prediction, &guess, &at));
    PLEAT_TRY_GOTO(status, done, pleat_nifti_read_label(reference, &truth, &there));
    PLEAT_TRY_GOTO(status, done, enter(id, prediction, &results->classes, &guess));
    PLEAT_TRY_GOTO(status, done, enter(id, reference, &results->classes, &truth));
    if (place == PLEAT_PLACE_HEADER)
        PLEAT_TRY_GOTO(status, done, to_truth(id, prediction, &at, &there, &guess));
    else
        PLEAT_TRY_GOTO(status, done, check_grids(id, prediction, &at, &there, place));
    PLEAT_TRY_GOTO(
        status, done,
        leave_out_ignored(id, prediction, results->classes.ignore, &truth, &guess, &ignored));
    tell_skewed(id, reference, &there, results);
    PLEAT_TRY_GOTO(status, done, pleat_results_add(results, id, fold, prediction, reference, &one));
    PLEAT_TRY_GOTO(status, done,
                   judge_case(&truth, &guess, pleat_geometry_voxel(&there), ignored, results, one));
done:
    pleat_label_free(&guess);
    pleat_label_free(&truth);
    return status;
}
