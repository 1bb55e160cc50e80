/* patch_augment.c - nnU-Net's augmentation on the CPU, plane by plane. */
#include "pleat/patch_augment.h"

#include "pleat/spatial.h"
#include "pleat/volume.h"

#include <stdlib.h>
#include <string.h>

/* --- the patch -------------------------------------------------------------------------------- */

/* Rz Ry Rx times the scale, about the axes D, H, W in this order; M of patch_voxel.h. */
static void make_matrix(const pleat_sample *s, double m[3][3]) {
    const double *r = s->rotation; /* about W, H, D */
    const double c0 = cos(r[2]), s0 = sin(r[2]), c1 = cos(r[1]), s1 = sin(r[1]), c2 = cos(r[0]),
                 s2 = sin(r[0]);
    const double turn[3][3] = {{c2 * c1, c2 * s1 * s0 - s2 * c0, c2 * s1 * c0 + s2 * s0},
                               {s2 * c1, s2 * s1 * s0 + c2 * c0, s2 * s1 * c0 - c2 * s0},
                               {-s1, c1 * s0, c1 * c0}};
    const double scale = s->scale != 0.0 ? s->scale : 1.0;
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) m[a][b] = turn[a][b] * (s->planar && b == 0 ? 1.0 : scale);
}

void pleat_patch_view(const pleat_sample *sample, const pleat_source *source, int channel,
                      const int patch[3], pleat_pad pad, patch_view *out) {
    const float darkest = source->histogram ? (float)source->histogram[channel].min : 0.0f;
    *out = (patch_view){.moves = pleat_spatial_is_on(sample)};
    for (int a = 0; a < 3; a++) {
        out->dim[a] = source->dim[a];
        out->start[a] = sample->start[a];
        out->crop[a] = sample->crop[a];
        out->patch[a] = patch[a];
        out->mirror[a] = sample->mirror[a];
    }
    make_matrix(sample, out->matrix);
    pleat_pad_values(pad, darkest, &out->pad_value, &out->pad_label);
}

void pleat_patch_whole(const pleat_source *source, int channel, patch_view *view) {
    memcpy(view->size, view->dim, sizeof view->size);
    view->image = source->image + (size_t)channel * pleat_voxels(view->dim);
    view->label = source->label;
}

/* The part of the volume that voxels of the patch can come from. Empty: *n is 0. */
static void find_box(patch_view *v, size_t *n) {
    for (int a = 0; a < 3; a++) {
        const double middle = v->start[a] + 0.5 * (v->crop[a] - 1);
        double half = 1.0;
        for (int b = 0; b < 3; b++) {
            const double share = v->moves ? fabs(v->matrix[a][b]) : a == b;
            half += share * 0.5 * v->patch[b];
        }
        const int low = (int)floor(middle - half), high = (int)ceil(middle + half);
        v->low[a] = low > 0 ? low : 0;
        v->size[a] = (high < v->dim[a] - 1 ? high : v->dim[a] - 1) - v->low[a] + 1;
        if (v->size[a] < 0) v->size[a] = 0;
    }
    *n = pleat_voxels(v->size);
}

/* A channel's patch; the label, if any, mirrored. */
static pleat_status take(const pleat_source *source, int channel, patch_view *v, float *plane,
                         uint8_t *label) {
    pleat_status status = PLEAT_OK;
    size_t n = 0;
    float *image = NULL;
    uint8_t *labels = NULL;
    if (source->image != NULL) {
        pleat_patch_whole(source, channel, v);
    } else {
        find_box(v, &n);
        image = malloc((n + 1) * sizeof *image);
        labels = label != NULL ? malloc(n + 1) : NULL;
        PLEAT_CHECK_GOTO(status, done, image && (labels || !label), PLEAT_ERR_MEMORY,
                         "no memory for a patch of %zu voxels", n);
        if (n > 0)
            PLEAT_TRY_GOTO(status, done,
                           source->read(source->context, channel, v->low, v->size, image, labels));
        v->image = image;
        v->label = labels;
    }
    for (int d = 0; d < v->patch[0]; d++)
        for (int h = 0; h < v->patch[1]; h++)
            for (int w = 0; w < v->patch[2]; w++)
                patch_take(v, (const int[3]){d, h, w}, plane, label);
done:
    free(image);
    free(labels);
    return status;
}

/* --- intensities ------------------------------------------------------------------------------ */

static void add_noise(const pleat_sample *s, int channel, const int patch[3], float *plane) {
    for (int d = 0; d < patch[0]; d++)
        for (int h = 0; h < patch[1]; h++, plane += patch[2])
            pleat_noise_add(&(pleat_noise_row){s->noise_seed, channel, d, h}, 0, patch[2],
                            (float)s->noise, plane);
}

int pleat_blur_radius(double sigma) { return (int)(6.0 * sigma + 0.5) / 2; }

/* Sample i of a line of n, which goes on as its mirror image. */
static int reflected(int i, int n) {
    if (i >= 0 && i < n) return i;
    if (n == 1) return 0;
    i %= 2 * n - 2;
    if (i < 0) i += 2 * n - 2;
    return i < n ? i : 2 * n - 2 - i;
}

/* Along one axis; lines of voxels that lie together are summed together. */
static void blur_axis(const float *restrict from, const int patch[3], int axis, double sigma,
                      float *restrict to) {
    float taps[2 * PLEAT_BLUR_RADIUS + 1];
    const int radius = pleat_blur_radius(sigma), n = patch[axis];
    size_t outer = 1, inner = 1;
    for (int a = 0; a < 3; a++) {
        if (a < axis) outer *= (size_t)patch[a];
        if (a > axis) inner *= (size_t)patch[a];
    }
    pleat_gaussian_taps(sigma, radius, taps);
    memset(to, 0, pleat_voxels(patch) * sizeof *to);
    for (size_t o = 0; o < outer; o++)
        for (int i = 0; i < n; i++) {
            float *sum = to + (o * (size_t)n + (size_t)i) * inner;
            for (int j = -radius; j <= radius; j++) {
                const float *x = from + (o * (size_t)n + (size_t)reflected(i + j, n)) * inner;
                const float tap = taps[radius + j];
                for (size_t k = 0; k < inner; k++) sum[k] += tap * x[k];
            }
        }
}

static patch_statistics statistics(const float *x, size_t n) {
    patch_sums sums = patch_sums_none();
    for (size_t i = 0; i < n; i++) sums = patch_sums_add(sums, patch_sums_of(x[i]));
    return patch_statistics_of(sums, (double)n);
}

static void contrast(float factor, size_t n, float *x) {
    const patch_statistics of = statistics(x, n);
    for (size_t i = 0; i < n; i++) x[i] = patch_contrast(of, factor, x[i]);
}

static void power(float sign, float exponent, size_t n, float *x) {
    const patch_statistics of = statistics(x, n);
    for (size_t i = 0; i < n; i++) x[i] = patch_power(of, sign, exponent, x[i]);
    const patch_statistics after = statistics(x, n);
    for (size_t i = 0; i < n; i++) x[i] = patch_restore(of, after, sign, x[i]);
}

/* Slices of a planar sample stay apart. */
void pleat_patch_left(const pleat_sample *sample, double share, const int patch[3], int left[3]) {
    for (int a = 0; a < 3; a++) {
        const int voxels = (int)rint(patch[a] * share); /* half to even */
        left[a] = sample->planar && a == 0 ? patch[a] : voxels > 1 ? voxels : 1;
    }
}

static void coarsen(const pleat_sample *s, double share, const int patch[3],
                    const float *restrict from, float *restrict to) {
    int left[3];
    pleat_patch_left(s, share, patch, left);
    for (int d = 0; d < patch[0]; d++)
        for (int h = 0; h < patch[1]; h++)
            for (int w = 0; w < patch[2]; w++)
                *to++ = patch_coarse_value(from, patch, patch_coarse_at(d, patch[0], left[0]),
                                           patch_coarse_at(h, patch[1], left[1]),
                                           patch_coarse_at(w, patch[2], left[2]));
}

static void mirror(const pleat_sample *s, const int patch[3], const float *restrict from,
                   float *restrict to) {
    for (int d = 0; d < patch[0]; d++)
        for (int h = 0; h < patch[1]; h++)
            for (int w = 0; w < patch[2]; w++)
                to[patch_mirrored(patch, s->mirror, (const int[3]){d, h, w})] = *from++;
}

/* plane [patch] in place; scratch [patch]. */
static void change(const pleat_sample *s, int c, const int patch[3], float *plane, float *scratch) {
    const size_t n = pleat_voxels(patch);
    if (s->noise > 0.0) add_noise(s, c, patch, plane);
    for (int a = 0; a < 3 && s->blur[c][0] > 0.0; a++) {
        memcpy(scratch, plane, n * sizeof *plane);
        blur_axis(scratch, patch, a, s->blur[c][a], plane);
    }
    for (size_t i = 0; i < n && s->brightness[c] > 0.0; i++) plane[i] *= (float)s->brightness[c];
    if (s->contrast[c] > 0.0) contrast((float)s->contrast[c], n, plane);
    if (s->coarsen[c] > 0.0) {
        memcpy(scratch, plane, n * sizeof *plane);
        coarsen(s, s->coarsen[c], patch, scratch, plane);
    }
    if (s->inverted[c] > 0.0) power(-1.0f, (float)s->inverted[c], n, plane);
    if (s->gamma[c] > 0.0) power(1.0f, (float)s->gamma[c], n, plane);
    if (!s->mirror[0] && !s->mirror[1] && !s->mirror[2]) return;
    memcpy(scratch, plane, n * sizeof *plane);
    mirror(s, patch, scratch, plane);
}

pleat_status pleat_patch_make(const pleat_sample *sample, const pleat_source *source,
                              const int patch[3], pleat_pad pad, float *planes, uint8_t *label) {
    const size_t n = pleat_voxels(patch);
    pleat_status status = PLEAT_OK;
    float *scratch = malloc(n * sizeof *scratch);
    PLEAT_CHECK(scratch != NULL, PLEAT_ERR_MEMORY, "no memory for a patch of %zu voxels", n);
    for (int c = 0; c < source->channels && status == PLEAT_OK; c++) {
        patch_view view;
        pleat_patch_view(sample, source, c, patch, pad, &view);
        status = take(source, c, &view, planes + (size_t)c * n, c == 0 ? label : NULL);
        if (status == PLEAT_OK) change(sample, c, patch, planes + (size_t)c * n, scratch);
    }
    free(scratch);
    return status;
}
