/*
 * augment_voxel.h - what one GPU thread of the augmentation does, in plain C.
 *
 * The kernels of augment_kernels.cu only number their threads and call these functions, so that a
 * test without a GPU can run every thread in a loop. A thread number beyond the last does nothing.
 *
 *   fill      voxels of the mirrored, toned, noised volume: a patch, or the box of a deformed one
 *   draw      uniform numbers for the elastic field
 *   filter    RUN samples of a line's convolution: the field's Gaussian, the spline's prefilter
 *   box       what part of the volume a deformed patch can reach
 *   deform    a voxel of a deformed patch
 *
 * Where a rounding could be seen in the result (a label, a power of a difference near 0), products
 * and sums are rounded apart, as the CPU does: see APART.
 */
#ifndef PLEAT_CUDA_AUGMENT_VOXEL_H
#define PLEAT_CUDA_AUGMENT_VOXEL_H

#include "pleat/intensity_augment.h"
#include "pleat/lanes.h"

#include <math.h>
#include <stdint.h>

enum {
    RUN = 8,           /* samples of a line that a thread filters: each of its voxels is read
                          (RUN + 2 radius) / RUN times */
    RADIUS_MOST = 400, /* of a filter: a Gaussian of 100 voxels; taps stay below 4 KiB */
    MARGIN = 14        /* voxels around the reach: 2 of the kernel, 12 of the filter */
};

typedef struct voxel_source { /* how a voxel of the mirrored volume is made */
    const float *image;       /* [dim] as stored */
    const uint8_t *label;     /* [dim] as stored, or NULL */
    int dim[3], mirror[3];
    pleat_intensity_augment tone;
    int channel;     /* of the image; `image` is this one's */
    int pitch;       /* of a patch's voxels: its channels */
    float sigma;     /* of the noise; 0: none */
    uint32_t key[2]; /* of the noise */
    float pad_value;
    uint8_t pad_label;
} voxel_source;

typedef struct line_taps { /* of a symmetric filter; zeros on both sides for RUN samples at once */
    int radius;
    int mirrored; /* lines go on as their mirror image, else as zeros */
    float tap[2 * RADIUS_MOST + 1 + 2 * (RUN - 1)]; /* tap j of 0 .. 2 radius is tap[j + RUN - 1] */
} line_taps;

typedef struct line_shape { /* volume [outer, n, inner], filtered along n */
    int outer, n, inner;
} line_shape;

typedef struct deformation { /* u = matrix (g + shift(g)) + centre; see pleat/spatial.h */
    double matrix[3][3], centre[3];
    double middle[3]; /* of the grid, (patch - 1) / 2 */
    int patch[3], dim[3];
} deformation;

typedef struct deformed_box { /* lives on the GPU: its size depends on the field */
    int low[3], size[3];      /* of the mirrored volume */
    uint32_t peak[3];         /* largest |shift|, D, H, W, as the bits of a float */
} deformed_box;

/* --- fill ------------------------------------------------------------------------------------- */

/* Philox4x32-10, the rounds of pleat_rng_block. */
PLEAT_LANE void voxel_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The deviates of voxels 4 block .. 4 block + 3 of row (d, h), as pleat_noise_add draws them. */
PLEAT_LANE void voxel_normals(const uint32_t key[2], int channel, int d, int h, int block,
                              float deviate[4]) {
    const uint32_t counter[4] = {(uint32_t)d, (uint32_t)h, (uint32_t)channel, (uint32_t)block};
    uint32_t word[4];
    voxel_philox(key, counter, word);
    for (int i = 0; i < 4; i += 2) {
        const float u = ((float)(int32_t)(word[i] >> 9) + 0.5f) * 0x1p-23f;
        const float radius = sqrtf(-1.38629436f * lane_log2(u));
        float s, c;
        lane_sincos((float)(int32_t)(word[i + 1] >> 8) * 0x1p-24f, &s, &c);
        deviate[i] = radius * c;
        deviate[i + 1] = radius * s;
    }
}

/* pleat_intensity_augment_apply for one voxel. */
PLEAT_LANE float voxel_tone(const pleat_intensity_augment *tone, float x) {
    if (tone->contrast) {
        x = APART(x - tone->mean, tone->factor, tone->mean);
        x = x < tone->low ? tone->low : x;
        x = x > tone->high ? tone->high : x;
    }
    if (tone->brightness) x *= tone->multiplier;
    if (tone->gamma) {
        const float t = (x - tone->base) * (1.0f / tone->range);
        const float p = t > 0.0f ? lane_exp2(tone->exponent * lane_log2(t)) : 0.0f;
        x = APART(p, tone->range, tone->base);
        x = (x + tone->shift) * tone->gain;
    }
    return x;
}

/* Index of voxel (d, h, w) of the mirrored volume in the stored one. */
PLEAT_LANE size_t voxel_index(const voxel_source *v, int d, int h, int w) {
    const int sd = v->mirror[0] ? v->dim[0] - 1 - d : d;
    const int sh = v->mirror[1] ? v->dim[1] - 1 - h : h;
    const int sw = v->mirror[2] ? v->dim[2] - 1 - w : w;
    return ((size_t)sd * (size_t)v->dim[1] + (size_t)sh) * (size_t)v->dim[2] + (size_t)sw;
}

/* Threads that fill rows of `width` voxels: one for each Philox block that a row can touch. */
PLEAT_LANE unsigned fill_threads(const int size[3]) {
    return (unsigned)size[0] * (unsigned)size[1] * ((unsigned)(size[2] + 3) / 4 + 1);
}

/* Four voxels, those of one Philox block, of the box that begins at `start`; image [size], its
 * voxels `pitch` apart, and label [size] or NULL. */
PLEAT_LANE void fill_voxels(const voxel_source *v, const int start[3], const int size[3], int pitch,
                            unsigned thread, float *image, uint8_t *label) {
    const unsigned blocks = (unsigned)(size[2] + 3) / 4 + 1;
    const unsigned row = thread / blocks;
    if (row >= (unsigned)size[0] * (unsigned)size[1]) return;
    const int d = start[0] + (int)(row / (unsigned)size[1]);
    const int h = start[1] + (int)(row % (unsigned)size[1]);
    const int first = (start[2] - (start[2] & 3)) / 4 + (int)(thread % blocks); /* floor */
    const int in_row = d >= 0 && d < v->dim[0] && h >= 0 && h < v->dim[1];
    float deviate[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (v->sigma > 0.0f && in_row && first >= 0)
        voxel_normals(v->key, v->channel, d, h, first, deviate);
    for (int i = 0; i < 4; i++) {
        const int w = 4 * first + i, at = w - start[2];
        if (at < 0 || at >= size[2]) continue;
        const size_t to = (size_t)row * (size_t)size[2] + (size_t)at;
        const int inside = in_row && w >= 0 && w < v->dim[2];
        const size_t from = inside ? voxel_index(v, d, h, w) : 0;
        float x = v->pad_value;
        if (inside) x = APART(v->sigma, deviate[i], voxel_tone(&v->tone, v->image[from]));
        image[to * (size_t)pitch] = x;
        if (label) label[to] = inside ? v->label[from] : v->pad_label;
    }
}

/* --- the elastic field ------------------------------------------------------------------------ */

PLEAT_LANE unsigned draw_threads(const int patch[3]) {
    return 3u * (unsigned)patch[0] * (unsigned)patch[1] * ((unsigned)(patch[2] + 3) / 4);
}

/* Four uniform numbers in [-1, 1) of the field [3, patch]. */
PLEAT_LANE void draw_uniform(const uint32_t key[2], const int patch[3], unsigned thread,
                             float *field) {
    const unsigned blocks = (unsigned)(patch[2] + 3) / 4, row = thread / blocks;
    const unsigned rows = (unsigned)patch[0] * (unsigned)patch[1];
    if (row >= 3 * rows) return;
    const unsigned block = thread % blocks, line = row % rows;
    const uint32_t counter[4] = {row / rows, line / (unsigned)patch[1], line % (unsigned)patch[1],
                                 block};
    uint32_t word[4];
    voxel_philox(key, counter, word);
    for (unsigned i = 0; i < 4 && 4 * block + i < (unsigned)patch[2]; i++)
        field[(size_t)row * (size_t)patch[2] + 4 * (size_t)block + i] =
            (float)(int32_t)(word[i] >> 8) * 0x1p-23f - 1.0f;
}

/* --- filter ----------------------------------------------------------------------------------- */

/* pleat_spline_mirror. */
PLEAT_LANE int line_mirror(int i, int n) {
    if (n == 1) return 0;
    const int period = 2 * n - 2;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

PLEAT_LANE line_shape line_shape_of(const int dim[3], int axis, int volumes) {
    line_shape shape = {volumes, dim[axis], 1};
    for (int a = 0; a < 3; a++) {
        if (a < axis) shape.outer *= dim[a];
        if (a > axis) shape.inner *= dim[a];
    }
    return shape;
}

PLEAT_LANE unsigned filter_threads(line_shape s) {
    return (unsigned)s.outer * (unsigned)((s.n + RUN - 1) / RUN) * (unsigned)s.inner;
}

/* RUN neighbouring samples of a line; terms are summed in the order of the taps. `out` is not `in`.
 * Neighbouring threads have neighbouring lines, or along the last axis neighbouring runs. */
PLEAT_LANE void filter_run(const float *in, line_shape s, const line_taps *taps, unsigned thread,
                           float *out) {
    if (thread >= filter_threads(s)) return;
    const unsigned runs = (unsigned)((s.n + RUN - 1) / RUN), inner = (unsigned)s.inner;
    const int first = (int)(thread / inner % runs) * RUN;
    const size_t base = (size_t)(thread / inner / runs) * (size_t)s.n * inner + thread % inner;
    float sum[RUN] = {0.0f};
    for (int j = 0; j < 2 * taps->radius + RUN; j++) {
        int k = first - taps->radius + j;
        if (k < 0 || k >= s.n) {
            if (!taps->mirrored) continue;
            k = line_mirror(k, s.n);
        }
        const float x = in[base + (size_t)k * inner];
        for (int r = 0; r < RUN; r++) sum[r] = APART(taps->tap[j - r + RUN - 1], x, sum[r]);
    }
    for (int r = 0; r < RUN && first + r < s.n; r++)
        out[base + (size_t)(first + r) * inner] = sum[r];
}

/* --- deform ----------------------------------------------------------------------------------- */

/* The box around every point that can be reached, cut to the volume. */
PLEAT_LANE void deform_box(const deformation *t, deformed_box *box) {
    double reach[3];
    for (int b = 0; b < 3; b++) reach[b] = t->middle[b] + (double)lane_float(box->peak[b]);
    for (int a = 0; a < 3; a++) {
        const double half = fabs(t->matrix[a][0]) * reach[0] + fabs(t->matrix[a][1]) * reach[1] +
                            fabs(t->matrix[a][2]) * reach[2];
        const int n = t->dim[a];
        int low = (int)floor(t->centre[a] - half) - MARGIN;
        int high = (int)ceil(t->centre[a] + half) + MARGIN + 1; /* exclusive */
        low = low < 0 ? 0 : low < n ? low : n - 1;
        high = high > n ? n : high > low ? high : low + 1;
        box->low[a] = low;
        box->size[a] = high - low;
    }
}

/* Where voxel number `i` of the patch comes from; 0 when that is outside the volume. shift
 * [3, patch] or NULL. */
PLEAT_LANE int deform_point(const deformation *t, const float *shift, unsigned i, double point[3]) {
    const unsigned height = (unsigned)t->patch[1], width = (unsigned)t->patch[2];
    const unsigned voxel[3] = {i / width / height, i / width % height, i % width};
    const size_t n = (size_t)t->patch[0] * height * width;
    double g[3];
    for (int b = 0; b < 3; b++)
        g[b] = (double)voxel[b] - t->middle[b] + (shift ? (double)shift[(size_t)b * n + i] : 0.0);
    int inside = 1;
    for (int a = 0; a < 3; a++) {
        const double *m = t->matrix[a];
        const double sum = APART64(m[1], g[1], m[0] * g[0]);
        point[a] = APART64(m[2], g[2], sum) + t->centre[a];
        inside &= point[a] >= 0.0 && point[a] <= t->dim[a] - 1;
    }
    return inside;
}

/* pleat_spline_weights in float. */
PLEAT_LANE void deform_weights(float t, float w[4]) {
    const float s = 1.0f - t, sixth = 1.0f / 6.0f;
    w[0] = s * s * s * sixth;
    w[1] = (4.0f + t * t * (3.0f * t - 6.0f)) * sixth;
    w[2] = (4.0f + s * s * (3.0f * s - 6.0f)) * sixth;
    w[3] = t * t * t * sixth;
}

/* The spline with coefficients [box->size] at a point inside the volume. */
PLEAT_LANE float deform_interpolate(const deformed_box *box, const float *coefficient,
                                    const double point[3]) {
    int index[3][4];
    float weight[3][4];
    for (int a = 0; a < 3; a++) {
        const double u = point[a] - box->low[a], whole = floor(u);
        deform_weights((float)(u - whole), weight[a]);
        for (int j = 0; j < 4; j++) {
            const int k = (int)whole - 1 + j;
            index[a][j] = k >= 0 && k < box->size[a] ? k : line_mirror(k, box->size[a]);
        }
    }
    float sum = 0.0f;
    for (int i = 0; i < 4; i++) {
        float plane = 0.0f;
        for (int j = 0; j < 4; j++) {
            const size_t line = (size_t)index[0][i] * (size_t)box->size[1] + (size_t)index[1][j];
            const float *row = coefficient + line * (size_t)box->size[2];
            plane +=
                weight[1][j] * (weight[2][0] * row[index[2][0]] + weight[2][1] * row[index[2][1]] +
                                weight[2][2] * row[index[2][2]] + weight[2][3] * row[index[2][3]]);
        }
        sum += weight[0][i] * plane;
    }
    return sum;
}

/* Voxel number `thread` of the deformed patch: image, v->pitch apart, and label [patch] or NULL. */
PLEAT_LANE void deform_voxel(const deformation *t, const deformed_box *box,
                             const float *coefficient, const voxel_source *v, const float *shift,
                             unsigned thread, float *image, uint8_t *label) {
    if (thread >= (unsigned)t->patch[0] * (unsigned)t->patch[1] * (unsigned)t->patch[2]) return;
    double point[3];
    const int inside = deform_point(t, shift, thread, point);
    image[(size_t)thread * (size_t)v->pitch] =
        inside ? deform_interpolate(box, coefficient, point) : v->pad_value;
    if (label == NULL) return;
    int near[3] = {0, 0, 0};
    for (int a = 0; a < 3 && inside; a++) near[a] = (int)floor(point[a] + 0.5);
    label[thread] = inside ? v->label[voxel_index(v, near[0], near[1], near[2])] : v->pad_label;
}

#endif /* PLEAT_CUDA_AUGMENT_VOXEL_H */
