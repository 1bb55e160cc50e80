/* spatial.c - a deformed patch: the box it comes from, spline coefficients of it, and samples.
 *
 * The spline is that of the whole volume, but only a box is filtered: the influence of a sample
 * on the coefficients falls by 0.268 per voxel, so MARGIN voxels around the points are enough.
 */
#include "pleat/spatial.h"

#include "pleat/lanes.h"
#include "pleat/spline.h"
#include "pleat/volume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MARGIN = 14, /* 2 of the kernel, 12 of the filter: 0.268^12 = 1e-7 */
    BORDER = 3,  /* mirrored coefficients: one before, two behind */
    CHUNK = 32   /* points made together */
};

typedef struct deformation {
    double matrix[3][3], centre[3], middle[3]; /* middle: the grid's, (P - 1) / 2 */
    float *shift[3];                           /* [patch]; NULL: not elastic */
    int low[3], size[3];                       /* the box, inside the volume */
    const int *dim;
} deformation;

int pleat_spatial_is_on(const pleat_sample *s) {
    return s->elastic_alpha != 0.0 || s->scale != 0.0 || s->rotation[0] != 0.0 ||
           s->rotation[1] != 0.0 || s->rotation[2] != 0.0;
}

static void multiply(double a[3][3], double b[3][3], double out[3][3]) {
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            out[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j];
}

void pleat_spatial_matrix(const pleat_sample *sample, double matrix[3][3]) {
    const double *r = sample->rotation;
    double x[3][3] = {{1, 0, 0}, {0, cos(r[0]), -sin(r[0])}, {0, sin(r[0]), cos(r[0])}};
    double y[3][3] = {{cos(r[1]), 0, sin(r[1])}, {0, 1, 0}, {-sin(r[1]), 0, cos(r[1])}};
    double z[3][3] = {{cos(r[2]), -sin(r[2]), 0}, {sin(r[2]), cos(r[2]), 0}, {0, 0, 1}};
    double xy[3][3], xyz[3][3];
    multiply(x, y, xy);
    multiply(xy, z, xyz);
    const double scale = sample->scale != 0.0 ? sample->scale : 1.0;
    /* Row vector to column vector transposes; x, y, z to D, H, W turns both axes round. */
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) matrix[a][b] = scale * xyz[2 - b][2 - a];
}

static pleat_status make_shift(const pleat_sample *sample, const int patch[3], deformation *out) {
    const size_t n = pleat_voxels(patch);
    for (int a = 0; a < 3; a++) {
        out->shift[a] = malloc(n * sizeof *out->shift[a]);
        PLEAT_CHECK(out->shift[a] != NULL, PLEAT_ERR_MEMORY,
                    "no memory for the elastic field of %zu voxels", n);
        PLEAT_TRY(pleat_elastic_field(sample, a, patch, out->shift[a]));
    }
    return PLEAT_OK;
}

static double largest(const float *x, size_t n) {
    float most = 0.0f;
    for (size_t i = 0; i < n; i++) most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    return most;
}

/* The box around every point that can be reached, cut to the volume. */
static void find_box(const int patch[3], deformation *t) {
    double reach[3];
    for (int b = 0; b < 3; b++)
        reach[b] = t->middle[b] + (t->shift[b] ? largest(t->shift[b], pleat_voxels(patch)) : 0.0);
    for (int a = 0; a < 3; a++) {
        const double half = fabs(t->matrix[a][0]) * reach[0] + fabs(t->matrix[a][1]) * reach[1] +
                            fabs(t->matrix[a][2]) * reach[2];
        int low = (int)floor(t->centre[a] - half) - MARGIN;
        int high = (int)ceil(t->centre[a] + half) + MARGIN + 1; /* exclusive */
        low = low < 0 ? 0 : low < t->dim[a] ? low : t->dim[a] - 1;
        high = high > t->dim[a] ? t->dim[a] : high > low ? high : low + 1;
        t->low[a] = low;
        t->size[a] = high - low;
    }
}

/* --- the box ---------------------------------------------------------------------------------- */

/* Coefficients outside the volume mirror those inside; samples there were padding. */
static void mirror_rows(float *box, const int size[3]) {
    const size_t width = (size_t)size[2] + BORDER, slice = ((size_t)size[1] + BORDER) * width;
    for (int d = 0; d < size[0] + BORDER; d++) {
        const int from_d = pleat_spline_mirror(d - 1, size[0]) + 1;
        for (int h = 0; h < size[1] + BORDER; h++) {
            const int from_h = pleat_spline_mirror(h - 1, size[1]) + 1;
            float *row = box + (size_t)d * slice + (size_t)h * width;
            if (from_d != d || from_h != h)
                memcpy(row, box + (size_t)from_d * slice + (size_t)from_h * width,
                       width * sizeof *row);
            row[0] = row[pleat_spline_mirror(-1, size[2]) + 1];
            row[size[2] + 1] = row[pleat_spline_mirror(size[2], size[2]) + 1];
            row[size[2] + 2] = row[pleat_spline_mirror(size[2] + 1, size[2]) + 1];
        }
    }
}

/* Slice after slice is cropped, toned and filtered along W and H while it is in the cache. */
static pleat_status fill_box(const pleat_crop *crop, const deformation *t, float *scratch,
                             float *box, uint8_t *label) {
    const int one[3] = {1, t->size[1] + BORDER, t->size[2] + BORDER};
    const size_t pitch = (size_t)one[2], slice = (size_t)one[1] * pitch;
    float *inner = box + pitch + 1; /* of a slice: its first voxel in the volume */
    for (int d = 0; d < t->size[0] + BORDER; d++) {
        const int start[3] = {t->low[0] - 1 + d, t->low[1] - 1, t->low[2] - 1};
        const size_t at = (size_t)d * slice;
        PLEAT_TRY(pleat_crop_box(crop, start, one, box + at, label ? label + at : NULL));
        pleat_prefilter_slice(inner + at, pitch, t->size[1], t->size[2], scratch);
    }
    pleat_prefilter_depth(inner + slice, slice, pitch, t->size);
    mirror_rows(box, t->size);
    return PLEAT_OK;
}

/* --- the points ------------------------------------------------------------------------------- */

/* A part of a row of the patch. */
typedef struct points {
    int64_t tap[CHUNK];        /* coefficient (-1, -1, -1) of each point */
    int64_t nearest[CHUNK];    /* voxel of the label */
    int32_t inside[CHUNK];     /* 0: outside the volume */
    float weight[3][CHUNK][4]; /* of the four coefficients along D, H, W */
} points;

/* Voxels w .. w + CHUNK - 1 of row `at`, which is (d, h); coordinate `a` of their points. */
static void locate_axis(const deformation *t, int a, const double row[3],
                        const double *const shift[3], int w, double *restrict out) {
    const double *m = t->matrix[a];
    const double base = m[0] * row[0] + m[1] * row[1] + m[2] * (w - t->middle[2]) + t->centre[a];
    for (int i = 0; i < CHUNK; i++)
        out[i] = base + m[2] * i + (m[0] * shift[0][i] + m[1] * shift[1][i] + m[2] * shift[2][i]);
}

static void weigh_axis(const deformation *t, int a, const double *restrict at, int64_t stride,
                       points *restrict p) {
    const double end = t->dim[a] - 1, low = t->low[a], high = low + t->size[a] - 1;
    const int32_t origin = t->low[a];
    for (int i = 0; i < CHUNK; i++) {
        p->inside[i] &= at[i] >= 0.0 && at[i] <= end;
        double u = at[i] > low ? at[i] : low; /* what is outside is read, then thrown away */
        u = u < high ? u : high;
        const int32_t whole = (int32_t)u;
        p->tap[i] += (whole - origin) * stride;
        p->nearest[i] += ((int32_t)(u + 0.5) - origin + 1) * stride;
        const float x = (float)(u - whole), y = 1.0F - x;
        p->weight[a][i][0] = y * y * y * (1.0F / 6.0F);
        p->weight[a][i][1] = (4.0F + x * x * (3.0F * x - 6.0F)) * (1.0F / 6.0F);
        p->weight[a][i][2] = (4.0F + y * y * (3.0F * y - 6.0F)) * (1.0F / 6.0F);
        p->weight[a][i][3] = x * x * x * (1.0F / 6.0F);
    }
}

static void locate(const deformation *t, const double row[3], const double *const shift[3], int w,
                   points *p) {
    const int64_t width = t->size[2] + BORDER,
                  stride[3] = {(t->size[1] + BORDER) * width, width, 1};
    double at[CHUNK];
    for (int i = 0; i < CHUNK; i++) {
        p->tap[i] = p->nearest[i] = 0;
        p->inside[i] = 1;
    }
    for (int a = 0; a < 3; a++) {
        locate_axis(t, a, row, shift, w, at);
        weigh_axis(t, a, at, stride[a], p);
    }
}

/* Four rows of four coefficients. */
static inline lane16 gather(const float *row, size_t pitch) {
    const lane4 a = *(const lane4 *)row, b = *(const lane4 *)(row + pitch);
    const lane4 c = *(const lane4 *)(row + 2 * pitch), d = *(const lane4 *)(row + 3 * pitch);
    const lane8 ab = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
    const lane8 cd = __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7);
    return __builtin_shufflevector(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/* The 64 products of point i: along D for all, along H, then along W but for the last sum. */
static inline lane4 interpolate(const points *p, int i, const float *box, size_t pitch,
                                size_t slice) {
    const float *at = box + p->tap[i], *d = p->weight[0][i], *h = p->weight[1][i];
    lane16 sum = d[0] * gather(at, pitch);
    sum += d[1] * gather(at + slice, pitch);
    sum += d[2] * gather(at + 2 * slice, pitch);
    sum += d[3] * gather(at + 3 * slice, pitch);
    lane4 line = h[0] * __builtin_shufflevector(sum, sum, 0, 1, 2, 3);
    line += h[1] * __builtin_shufflevector(sum, sum, 4, 5, 6, 7);
    line += h[2] * __builtin_shufflevector(sum, sum, 8, 9, 10, 11);
    line += h[3] * __builtin_shufflevector(sum, sum, 12, 13, 14, 15);
    return line * *(const lane4 *)p->weight[2][i];
}

static void sample_image(const deformation *t, const points *p, const float *box, float pad_value,
                         int n, float *image) {
    const size_t pitch = (size_t)t->size[2] + BORDER;
    const size_t slice = ((size_t)t->size[1] + BORDER) * pitch;
    float sum[CHUNK][4];
    for (int i = 0; i < CHUNK; i++) *(lane4 *)sum[i] = interpolate(p, i, box, pitch, slice);
    for (int i = 0; i < n; i++) {
        const float x = (sum[i][0] + sum[i][1]) + (sum[i][2] + sum[i][3]);
        image[i] = p->inside[i] ? x : pad_value;
    }
}

static void sample_label(const points *p, const uint8_t *box, uint8_t pad_label, int n,
                         uint8_t *label) {
    for (int i = 0; i < n; i++) label[i] = p->inside[i] ? box[p->nearest[i]] : pad_label;
}

/* All chunks of row `at`, which is (d, h) seen from the middle. */
static void sample_row(const pleat_crop *crop, const deformation *t, const double row[3], size_t at,
                       int width, const float *box, const uint8_t *box_label, float *image,
                       uint8_t *label) {
    double moved[3][CHUNK] = {{0}};
    const double *const shift[3] = {moved[0], moved[1], moved[2]};
    points p;
    for (int w = 0; w < width; w += CHUNK) {
        const int n = width - w < CHUNK ? width - w : CHUNK;
        for (int a = 0; a < 3 && t->shift[a] != NULL; a++)
            for (int i = 0; i < n; i++) moved[a][i] = t->shift[a][at + (size_t)(w + i)];
        locate(t, row, shift, w, &p);
        sample_image(t, &p, box, crop->pad_value, n, image + at + w);
        if (label) sample_label(&p, box_label, crop->pad_label, n, label + at + w);
    }
}

/* One channel; box and box_label are scratch, [size + BORDER]. */
static pleat_status sample_patch(const pleat_crop *crop, const deformation *t, const int patch[3],
                                 float *scratch, float *box, uint8_t *box_label, float *image,
                                 uint8_t *label) {
    PLEAT_TRY(fill_box(crop, t, scratch, box, label ? box_label : NULL));
    for (int line = 0; line < patch[0] * patch[1]; line++) {
        const int d = line / patch[1], h = line % patch[1];
        const double row[3] = {d - t->middle[0], h - t->middle[1], 0.0};
        sample_row(crop, t, row, (size_t)line * (size_t)patch[2], patch[2], box, box_label, image,
                   label);
    }
    return PLEAT_OK;
}

pleat_status pleat_spatial_patch(const pleat_crop *crops, int channels, const int patch[3],
                                 float *image, uint8_t *label) {
    pleat_status status = PLEAT_OK;
    const pleat_sample *sample = crops[0].sample;
    deformation t = {.dim = crops[0].source->dim};
    float *box = NULL, *scratch = NULL;
    uint8_t *box_label = NULL;
    for (int a = 0; a < 3; a++) {
        t.centre[a] = sample->centre[a];
        t.middle[a] = 0.5 * (patch[a] - 1);
    }
    pleat_spatial_matrix(sample, t.matrix);
    if (sample->elastic_alpha != 0.0) PLEAT_TRY_GOTO(status, done, make_shift(sample, patch, &t));
    find_box(patch, &t);
    const int outer[3] = {t.size[0] + BORDER, t.size[1] + BORDER, t.size[2] + BORDER};
    box = malloc(pleat_voxels(outer) * sizeof *box);
    box_label = malloc(pleat_voxels(outer));
    scratch = calloc((size_t)t.size[2] * PLEAT_PREFILTER_LINES, sizeof *scratch);
    PLEAT_CHECK_GOTO(status, done, box != NULL && box_label != NULL && scratch != NULL,
                     PLEAT_ERR_MEMORY, "no memory for a box of %zu voxels", pleat_voxels(outer));
    for (int c = 0; c < channels; c++)
        PLEAT_TRY_GOTO(status, done,
                       sample_patch(&crops[c], &t, patch, scratch, box, box_label,
                                    image + (size_t)c * pleat_voxels(patch),
                                    c == 0 ? label : NULL));
done:
    for (int a = 0; a < 3; a++) free(t.shift[a]);
    free(box);
    free(box_label);
    free(scratch);
    return status;
}
