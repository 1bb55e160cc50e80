/*
 * focal.c - MIScnn's losses with a focal term of voxels (Lin et al. 2017, Yeung et al. 2022).
 *
 * With F the mean over voxels of  w_l (1 - p_l)^g_l (-ln p_l), l being the voxel's label:
 *
 *   categorical_focal          F, w = 1/4, g = 2 of all classes
 *   symmetric_focal            F, w = 0.3, 0.7, g = 2
 *   asymmetric_focal           F, w = 0.3, 0.7, g = 2, 0
 *   combo                      1/2 F of w = 1/2, g = 0, less 1/2 the Dice of all voxels together
 *   symmetric_unified_focal    1/2 F of w = 0.4, 0.6, g = 1/2, and 1/2 the mean of (1 - I)^1/2
 *   asymmetric_unified_focal   the same with g = 1/2, 0 and class 0's 1 - I
 *
 * I is the Tversky index of tversky.c with d = 0.6, s = 1e-7. All but the first know background and
 * one more class; others count for nothing, but for the Dice of combo, which is of all. Losses of
 * two classes alone are refused where there are more. Source: MIScnn's metrics.py, by class where
 * that takes an axis of the volume for it; categorical_focal's weights are Lin's one for all.
 */
#include "pleat/losses.h"

#include <math.h>

#define LEAST 1e-7

enum { LOSS, FOCAL, OTHER, METRICS };

static const char *const names[METRICS] = {
    [LOSS] = "loss", [FOCAL] = "focal", [OTHER] = "tversky_index"};
static const char *const names_of_combo[METRICS] = {
    [LOSS] = "loss", [FOCAL] = "crossentropy", [OTHER] = "dice_soft"};

/* w and g of background, and of the next class; others weigh `rest`. */
static void set_focus(const double w[2], const double g[2], double rest, int classes, double *out) {
    for (int c = 0; c < classes; c++) {
        out[c] = c < 2 ? w[c] : rest;
        out[classes + c] = c < 2 ? g[c] : g[1];
    }
}

static double mean_term(const double *sums, int n, double voxels, int classes) {
    const size_t k = (size_t)classes;
    double sum = 0;
    for (size_t b = 0; b < (size_t)n; b++) sum += sums[b * PLEAT_LOSS_SUMS(k) + 3 * k];
    return sum / (n * voxels);
}

/* --- the term alone --------------------------------------------------------------------------- */

static void values(const double *sums, int n, double voxels, int classes, double *out) {
    out[LOSS] = out[FOCAL] = mean_term(sums, n, voxels, classes);
}

static void slopes(const double *sums, int classes, double *out) {
    (void)sums;
    for (int c = 0; c < 2 * classes; c++) out[c] = 0;
}

static void focus_all(int classes, double *out) {
    set_focus((double[]){0.25, 0.25}, (double[]){2, 2}, 0.25, classes, out);
}
static void focus_both(int classes, double *out) {
    set_focus((double[]){1 - 0.7, 0.7}, (double[]){2, 2}, 0, classes, out);
}
static void focus_background(int classes, double *out) {
    set_focus((double[]){1 - 0.7, 0.7}, (double[]){2, 0}, 0, classes, out);
}

#define FOCAL_ROW(id, find, two, text)                      \
    const pleat_loss pleat_loss_##id = {.name = #id,        \
                                        .what = (text),     \
                                        .metrics = names,   \
                                        .n_metrics = OTHER, \
                                        .shown = FOCAL,     \
                                        .crossentropy = 1,  \
                                        .of_two = (two),    \
                                        .focus = (find),    \
                                        .values = values,   \
                                        .slopes = slopes}

FOCAL_ROW(categorical_focal, focus_all, 0, "MIScnn's, cross-entropy of what is not yet sure");
FOCAL_ROW(symmetric_focal, focus_both, 1, "MIScnn's, of background and one class");
FOCAL_ROW(asymmetric_focal, focus_background, 1,
          "MIScnn's, of background and one class, focal in the background alone");

/* --- combo ------------------------------------------------------------------------------------ */

extern const pleat_loss pleat_loss_dice_coefficient; /* a row of LOSSES, losses.c */

static void focus_combo(int classes, double *out) {
    set_focus((double[]){0.5, 0.5}, (double[]){0, 0}, 0, classes, out);
}

static void combo_values(const double *sums, int n, double voxels, int classes, double *out) {
    double dice[PLEAT_MOST_METRICS]; /* 1 - Dice, then Dice */
    pleat_loss_dice_coefficient.values(sums, n, voxels, classes, dice);
    out[FOCAL] = mean_term(sums, n, voxels, classes);
    out[OTHER] = 1 - dice[0];
    out[LOSS] = 0.5 * out[FOCAL] - 0.5 * out[OTHER];
}

static void combo_slopes(const double *sums, int classes, double *out) {
    pleat_loss_dice_coefficient.slopes(sums, classes, out);
    for (int c = 0; c < 2 * classes; c++) out[c] *= 0.5;
}

const pleat_loss pleat_loss_combo = {.name = "combo",
                                     .what = "MIScnn's, half cross-entropy less half the Dice of "
                                             "the batch",
                                     .metrics = names_of_combo,
                                     .n_metrics = METRICS,
                                     .shown = OTHER,
                                     .crossentropy = 0.5,
                                     .of_batch = 1,
                                     .focus = focus_combo,
                                     .values = combo_values,
                                     .slopes = combo_slopes};

/* --- unified focal ---------------------------------------------------------------------------- */

#define MISSED 0.6 /* d */
#define SMOOTH 1e-7

static void focus_unified(int classes, double *out) {
    set_focus((double[]){1 - MISSED, MISSED}, (double[]){0.5, 0.5}, 0, classes, out);
}
static void focus_unified_background(int classes, double *out) {
    set_focus((double[]){1 - MISSED, MISSED}, (double[]){0.5, 0}, 0, classes, out);
}

static double divisor(const double *sums, int classes, int c) {
    return MISSED * sums[2 * classes + c] + (1 - MISSED) * sums[classes + c] + SMOOTH;
}

/* powers: of 1 - I, of background and class. */
static void unified_values(const double powers[2], const double *sums, int n, double voxels,
                           int classes, double *out) {
    const double *of = sums;
    double loss = 0, index = 0;
    for (int b = 0; b < n; b++, of += PLEAT_LOSS_SUMS((size_t)classes))
        for (int c = 0; c < 2; c++) {
            const double i = (of[c] + SMOOTH) / divisor(of, classes, c);
            loss += pow(fmax(1 - i, 0), powers[c]) / (2 * n);
            index += i / (2 * n);
        }
    out[FOCAL] = mean_term(sums, n, voxels, classes);
    out[OTHER] = index;
    out[LOSS] = 0.5 * loss + 0.5 * out[FOCAL];
}

static void unified_slopes(const double powers[2], const double *sums, int classes, double *out) {
    for (int c = 0; c < 2 * classes; c++) out[c] = 0;
    for (int c = 0; c < 2; c++) {
        const double d = divisor(sums, classes, c), top = sums[c] + SMOOTH;
        const double steep = 0.25 * powers[c] * pow(fmax(1 - top / d, LEAST), powers[c] - 1);
        out[c] = -steep / d;
        out[classes + c] = steep * (1 - MISSED) * top / (d * d);
    }
}

#define UNIFIED_ROW(id, find, background, text)                                                   \
    static const double id##_powers[2] = {background, 0.5};                                       \
    static void id##_values(const double *sums, int n, double voxels, int classes, double *out) { \
        unified_values(id##_powers, sums, n, voxels, classes, out);                               \
    }                                                                                             \
    static void id##_slopes(const double *sums, int classes, double *out) {                       \
        unified_slopes(id##_powers, sums, classes, out);                                          \
    }                                                                                             \
    const pleat_loss pleat_loss_##id = {.name = #id,                                              \
                                        .what = (text),                                           \
                                        .metrics = names,                                         \
                                        .n_metrics = METRICS,                                     \
                                        .shown = OTHER,                                           \
                                        .crossentropy = 0.5,                                      \
                                        .of_two = 1,                                              \
                                        .focus = (find),                                          \
                                        .values = id##_values,                                    \
                                        .slopes = id##_slopes}

UNIFIED_ROW(symmetric_unified_focal, focus_unified, 0.5,
            "MIScnn's, half focal, half focal Tversky, of background and one class");
UNIFIED_ROW(asymmetric_unified_focal, focus_unified_background, 1,
            "MIScnn's, half focal, half focal Tversky, of background and one class, focal by "
            "class");
