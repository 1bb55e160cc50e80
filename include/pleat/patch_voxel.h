/*
 * patch_voxel.h - nnU-Net's augmentation, a voxel of a patch at a time, in plain C: the CPU's loops
 * and the GPU's threads call the same functions.
 *
 *   crop        u = M (k - (p - 1)/2) + (S - 1)/2 for voxel k of a patch p, in a crop of size S;
 *               image: trilinear; label: the one whose mask, interpolated so, is largest
 *   contrast    clamp((x - mean) f + mean, min, max)
 *   gamma       y = ((x - min) / max(R, 1e-7))^g R + min,  R = max - min
 *               (y - mean(y)) std(x) / max(std(y), 1e-7) + mean(x)
 *   coarse      nearest to fewer voxels, and trilinear back
 *
 * Statistics are those of the patch. Sources: batchgeneratorsv2 0.3.5, docs/math.md.
 *
 * Where a rounding could be seen in the result (a label, a power of a difference near 0), products
 * and sums are rounded apart: see APART.
 */
#ifndef PLEAT_PATCH_VOXEL_H
#define PLEAT_PATCH_VOXEL_H

#include "pleat/lanes.h"

#include <math.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct patch_view { /* where the voxels of a patch come from */
    const float *image;     /* [size], of one channel as stored */
    const uint8_t *label;   /* [size] or NULL */
    int dim[3];             /* of the volume, D, H, W */
    int low[3], size[3];    /* of the box of it that is in memory */
    int start[3], crop[3];  /* of the crop; start is a voxel of the volume, or outside it */
    int patch[3], mirror[3];
    int moves; /* 0: the patch is the middle of the crop */
    double matrix[3][3];
    float pad_value; /* outside volume or crop */
    uint8_t pad_label;
} patch_view;

typedef struct patch_sums { /* of voxels */
    double sum, squares;
    float low, high;
} patch_sums;

typedef struct patch_statistics {
    float mean, std, low, high; /* std: of a sample, n - 1 */
} patch_statistics;

typedef struct
    patch_between { /* two samples of a line, and how far a point is towards the second */
    int first, second;
    float share;
} patch_between;

/* --- crop ------------------------------------------------------------------------------------- */

enum { PATCH_NO_VOXEL = -2, PATCH_PADDING = -1 };

/* Where voxel `at` of the crop is in memory; PATCH_PADDING outside the volume, PATCH_NO_VOXEL
 * outside the crop. */
PLEAT_LANE ptrdiff_t patch_index(const patch_view *v, const int at[3]) {
    ptrdiff_t index = 0;
    int inside = 1;
    for (int a = 0; a < 3; a++) {
        if (at[a] < 0 || at[a] >= v->crop[a]) return PATCH_NO_VOXEL;
        const int voxel = v->start[a] + at[a];
        inside &= voxel >= 0 && voxel < v->dim[a];
        index = index * v->size[a] + (voxel - v->low[a]);
    }
    return inside ? index : (ptrdiff_t)PATCH_PADDING;
}

/* The eight voxels around a point of the crop: their places, and the weights of each. */
typedef struct patch_corners {
    ptrdiff_t index[8];
    float weight[8];
    int outside; /* the point is not between voxels of the crop */
} patch_corners;

/* Of voxel k of a patch that moves. */
PLEAT_LANE patch_corners patch_around(const patch_view *v, const int k[3]) {
    patch_corners corners;
    double g[3];
    int base[3];
    float share[3];
    corners.outside = 0;
    for (int a = 0; a < 3; a++) g[a] = k[a] - 0.5 * (v->patch[a] - 1);
    for (int a = 0; a < 3; a++) {
        const double *m = v->matrix[a];
        const double sum = APART64(m[2], g[2], APART64(m[1], g[1], m[0] * g[0]));
        const double u = sum + 0.5 * (v->crop[a] - 1), whole = floor(u);
        base[a] = (int)whole;
        share[a] = (float)(u - whole);
        corners.outside |= u < 0.0 || u > v->crop[a] - 1;
    }
    for (int i = 0; i < 8; i++) {
        const int far[3] = {i >> 2, i >> 1 & 1, i & 1};
        int at[3];
        float weight = 1.0f;
        for (int a = 0; a < 3; a++) {
            at[a] = base[a] + far[a];
            weight *= far[a] ? share[a] : 1.0f - share[a];
        }
        corners.index[i] = patch_index(v, at);
        corners.weight[i] = weight;
    }
    return corners;
}

/* Of voxel k of a patch that does not. */
PLEAT_LANE ptrdiff_t patch_middle(const patch_view *v, const int k[3]) {
    int at[3];
    for (int a = 0; a < 3; a++) at[a] = k[a] + v->crop[a] / 2 - v->patch[a] / 2;
    return patch_index(v, at);
}

PLEAT_LANE float patch_value(const patch_view *v, const patch_corners *corners) {
    float sum = 0.0f;
    for (int i = 0; i < 8; i++) {
        const float x = corners->index[i] >= 0 ? v->image[corners->index[i]] : v->pad_value;
        sum = APART(corners->weight[i], x, sum);
    }
    return sum;
}

/* To 11 bits, as the original holds its masks: half precision. */
PLEAT_LANE float patch_half(float x) {
    const uint32_t bits = lane_bits(x);
    return lane_float((bits + 0xFFFu + (bits >> 13 & 1u)) & ~0x1FFFu);
}

/* Padding inside the crop is a label of its own, below all others; of equals the lower wins. */
PLEAT_LANE uint8_t patch_label(const patch_view *v, const patch_corners *corners) {
    int label[8], best = PATCH_PADDING;
    float most = -1.0f;
    if (corners->outside) return v->pad_label;
    for (int i = 0; i < 8; i++) {
        const ptrdiff_t index = corners->index[i];
        label[i] = index >= 0 ? v->label[index] : (int)index;
    }
    for (int i = 0; i < 8; i++) {
        float sum = 0.0f;
        if (label[i] == PATCH_NO_VOXEL) continue;
        for (int j = 0; j < 8; j++)
            if (label[j] == label[i]) sum = APART(corners->weight[j], 1000.0f, sum);
        sum = patch_half(sum);
        if (sum > most || (sum == most && label[i] < best)) {
            most = sum;
            best = label[i];
        }
    }
    return best >= 0 ? (uint8_t)best : v->pad_label;
}

/* Where voxel k of the patch is in its array once it is mirrored. */
PLEAT_LANE size_t patch_mirrored(const int patch[3], const int mirror[3], const int k[3]) {
    size_t index = 0;
    for (int a = 0; a < 3; a++)
        index = index * (size_t)patch[a] + (size_t)(mirror[a] ? patch[a] - 1 - k[a] : k[a]);
    return index;
}

/* Voxel k: image [patch] as it lies, label [patch] or NULL mirrored. */
PLEAT_LANE void patch_take(const patch_view *v, const int k[3], float *image, uint8_t *label) {
    const int plain[3] = {0, 0, 0};
    float *x = image + patch_mirrored(v->patch, plain, k);
    uint8_t *l = label ? label + patch_mirrored(v->patch, v->mirror, k) : NULL;
    if (v->moves) {
        const patch_corners corners = patch_around(v, k);
        *x = patch_value(v, &corners);
        if (l) *l = patch_label(v, &corners);
        return;
    }
    const ptrdiff_t index = patch_middle(v, k);
    *x = index >= 0 ? v->image[index] : v->pad_value;
    if (l) *l = index >= 0 ? v->label[index] : v->pad_label;
}

/* --- statistics ------------------------------------------------------------------------------- */

PLEAT_LANE patch_sums patch_sums_none(void) {
    const patch_sums none = {0.0, 0.0, INFINITY, -INFINITY};
    return none;
}

PLEAT_LANE patch_sums patch_sums_of(float x) {
    const patch_sums one = {x, (double)x * x, x, x};
    return one;
}

PLEAT_LANE patch_sums patch_sums_add(patch_sums a, patch_sums b) {
    a.sum += b.sum;
    a.squares += b.squares;
    a.low = b.low < a.low ? b.low : a.low;
    a.high = b.high > a.high ? b.high : a.high;
    return a;
}

PLEAT_LANE patch_statistics patch_statistics_of(patch_sums s, double n) {
    const double mean = s.sum / n, squares = s.squares - mean * s.sum;
    const patch_statistics of = {(float)mean,
                                 squares > 0.0 && n > 1.0 ? (float)sqrt(squares / (n - 1.0)) : 0.0f,
                                 s.low, s.high};
    return of;
}

/* --- intensities ------------------------------------------------------------------------------ */

PLEAT_LANE float patch_contrast(patch_statistics of, float factor, float x) {
    x = APART(x - of.mean, factor, of.mean);
    x = x < of.low ? of.low : x;
    return x > of.high ? of.high : x;
}

/* y of x, or of -x with sign -1. */
PLEAT_LANE float patch_power(patch_statistics of, float sign, float exponent, float x) {
    const float base = sign > 0.0f ? of.low : -of.high, range = of.high - of.low;
    const float t = APART(sign, x, -base) / (range > 1e-7f ? range : 1e-7f);
    const float p = t > 0.0f ? lane_exp2(exponent * lane_log2(t)) : 0.0f;
    return APART(p, range, base);
}

/* x again of y, whose statistics are `after`. */
PLEAT_LANE float patch_restore(patch_statistics of, patch_statistics after, float sign, float y) {
    const float gain = of.std / (after.std > 1e-7f ? after.std : 1e-7f);
    return sign * APART(y - after.mean, gain, sign * of.mean);
}

/* --- coarse ----------------------------------------------------------------------------------- */

/* Of fine voxel i of n, the two voxels that coarse ones were taken from. */
PLEAT_LANE patch_between patch_coarse_at(int i, int n, int coarse) {
    const double u = (i + 0.5) * coarse / n - 0.5, last = coarse - 1;
    const double at = u < 0.0 ? 0.0 : u > last ? last : u, whole = floor(at);
    const int low = (int)whole, high = low + 1 < coarse ? low + 1 : low;
    const patch_between between = {(int)((2 * (int64_t)low + 1) * n / (2 * (int64_t)coarse)),
                                   (int)((2 * (int64_t)high + 1) * n / (2 * (int64_t)coarse)),
                                   (float)(at - whole)};
    return between;
}

PLEAT_LANE float patch_towards(float a, float b, float share) {
    return APART(share, b, (1.0f - share) * a);
}

/* The voxel between those of plane [patch]. */
PLEAT_LANE float patch_coarse_value(const float *plane, const int patch[3], patch_between d,
                                    patch_between h, patch_between w) {
    const int slices[2] = {d.first, d.second}, rows[2] = {h.first, h.second};
    float slice[2];
    for (int i = 0; i < 2; i++) {
        float row[2];
        for (int j = 0; j < 2; j++) {
            const float *line =
                plane + ((size_t)slices[i] * (size_t)patch[1] + (size_t)rows[j]) * (size_t)patch[2];
            row[j] = patch_towards(line[w.first], line[w.second], w.share);
        }
        slice[i] = patch_towards(row[0], row[1], h.share);
    }
    return patch_towards(slice[0], slice[1], d.share);
}

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PATCH_VOXEL_H */
