/*
 * tversky.c - MIScnn's Tversky losses (Salehi et al. 2017, Abraham & Khan 2019, Yeung et al. 2022).
 *
 * With I = (TP + s) / (d Y + (1 - d) P + s), d on what is missed, of each sample and class:
 *
 *   tversky                    K - sum over classes of I          d = 0.5, s = 1e-6
 *   focal_tversky              mean over classes of (1 - I)^0.75  d = 0.7, s = 1e-6
 *   symmetric_focal_tversky    mean over classes 0 and 1 of (1 - I)^0.25    d = 0.7, s = 1e-7
 *   asymmetric_focal_tversky   the same with class 0's 1 - I
 *
 * and means over the samples. The last two know background and one more class; others count for
 * nothing. Source: MIScnn's metrics.py; its clamp of p to [1e-7, 1 - 1e-7] is left out, and where I
 * is 1, whose slope would be infinite, 1 - I counts as 1e-7.
 */
#include "pleat/losses.h"

#include <math.h>

#define LEAST 1e-7

enum { LOSS, INDEX, METRICS };

static const char *const names[METRICS] = {[LOSS] = "loss", [INDEX] = "tversky_index"};

typedef struct form {
    double missed, smooth; /* d, s */
    double power[2];       /* of 1 - I, of class 0 and of the others */
    int classes;           /* that count; 0: all */
    int is_sum;            /* over the classes, not a mean */
} form;

static const form plain = {0.5, 1e-6, {1, 1}, 0, 1};
static const form focal = {0.7, 1e-6, {0.75, 0.75}, 0, 0};
static const form symmetric = {0.7, 1e-7, {0.25, 0.25}, 2, 0};
static const form asymmetric = {0.7, 1e-7, {1, 0.25}, 2, 0};

static int count_of(const form *f, int classes) { return f->classes > 0 ? f->classes : classes; }

static double share_of(const form *f, int classes) {
    return f->is_sum ? 1.0 : 1.0 / count_of(f, classes);
}

static double power_of(const form *f, int c) { return f->power[c > 0]; }

static double divisor(const form *f, const double *sums, int classes, int c) {
    return f->missed * sums[2 * classes + c] + (1 - f->missed) * sums[classes + c] + f->smooth;
}

static void values_of(const form *f, const double *sums, int n, int classes, double *out) {
    const int counted = count_of(f, classes);
    double loss = 0, index = 0;
    for (int b = 0; b < n; b++, sums += PLEAT_LOSS_SUMS((size_t)classes))
        for (int c = 0; c < counted; c++) {
            const double i = (sums[c] + f->smooth) / divisor(f, sums, classes, c);
            loss += share_of(f, classes) * pow(1 - i, power_of(f, c));
            index += i;
        }
    out[LOSS] = loss / n;
    out[INDEX] = index / ((double)n * counted);
}

static void slopes_of(const form *f, const double *sums, int classes, double *out) {
    for (int c = 0; c < 2 * classes; c++) out[c] = 0;
    for (int c = 0; c < count_of(f, classes); c++) {
        const double d = divisor(f, sums, classes, c), top = sums[c] + f->smooth;
        const double power = power_of(f, c);
        const double steep =
            share_of(f, classes) * power * pow(fmax(1 - top / d, LEAST), power - 1);
        out[c] = -steep / d;
        out[classes + c] = steep * (1 - f->missed) * top / (d * d);
    }
}

#define ROW(id, form, two, text)                                                                  \
    static void id##_values(const double *sums, int n, double voxels, int classes, double *out) { \
        (void)voxels;                                                                             \
        values_of(&(form), sums, n, classes, out);                                                \
    }                                                                                             \
    static void id##_slopes(const double *sums, int classes, double *out) {                       \
        slopes_of(&(form), sums, classes, out);                                                   \
    }                                                                                             \
    const pleat_loss pleat_loss_##id = {.name = #id,                                              \
                                        .what = (text),                                           \
                                        .metrics = names,                                         \
                                        .n_metrics = METRICS,                                     \
                                        .shown = INDEX,                                           \
                                        .of_two = (two),                                          \
                                        .values = id##_values,                                    \
                                        .slopes = id##_slopes}

ROW(tversky, plain, 0, "MIScnn's, Tversky summed over the classes");
ROW(focal_tversky, focal, 0, "MIScnn's, with d 0.7 and g 0.75");
ROW(symmetric_focal_tversky, symmetric, 1, "MIScnn's, of background and one class");
ROW(asymmetric_focal_tversky, asymmetric, 1,
    "MIScnn's, of background and one class, focal in that class alone");
