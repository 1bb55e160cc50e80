/* spatial.c - a deformed patch: the box it comes from, spline coefficients of it, and samples.
 *
 * The spline is that of the whole volume, but only a box is filtered: the influence of a sample
 * on the coefficients falls by 0.268 per voxel, so MARGIN voxels around the points are enough.
 */
#include "pleat/spatial.h"

#include "pleat/spline.h"
#include "pleat/volume.h"

#include <math.h>
#include <stdlib.h>

enum { MARGIN = 14 }; /* 2 of the kernel, 12 of the filter: 0.268^12 = 1e-7 */

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

/* Coefficients of the box around `point`, which lies inside the volume. */
static float interpolate(const deformation *t, const float *box, const double point[3]) {
    size_t index[3][4];
    double weight[3][4];
    size_t stride = 1;
    for (int a = 2; a >= 0; a--) {
        const double u = point[a] - t->low[a], whole = floor(u);
        pleat_spline_weights(u - whole, weight[a]);
        for (int j = 0; j < 4; j++) {
            int i = (int)whole - 1 + j;
            if (i < 0 || i >= t->size[a]) i = pleat_spline_mirror(i, t->size[a]);
            index[a][j] = (size_t)i * stride;
        }
        stride *= (size_t)t->size[a];
    }
    double sum = 0.0;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            const float *row = box + index[0][i] + index[1][j];
            const double line = weight[2][0] * row[index[2][0]] + weight[2][1] * row[index[2][1]] +
                                weight[2][2] * row[index[2][2]] + weight[2][3] * row[index[2][3]];
            sum += weight[0][i] * weight[1][j] * line;
        }
    return (float)sum;
}

static uint8_t nearest(const deformation *t, const uint8_t *box, const double point[3]) {
    size_t index = 0;
    for (int a = 0; a < 3; a++)
        index = index * (size_t)t->size[a] + (size_t)((int)floor(point[a] + 0.5) - t->low[a]);
    return box[index];
}

/* The point voxel `i` = (d, h, w) of the patch is taken from; 0 when it is outside the volume. */
static int locate(const deformation *t, const int voxel[3], size_t i, double point[3]) {
    double g[3];
    for (int b = 0; b < 3; b++)
        g[b] = voxel[b] - t->middle[b] + (t->shift[b] ? (double)t->shift[b][i] : 0.0);
    int inside = 1;
    for (int a = 0; a < 3; a++) {
        const double *m = t->matrix[a];
        point[a] = m[0] * g[0] + m[1] * g[1] + m[2] * g[2] + t->centre[a];
        inside &= point[a] >= 0.0 && point[a] <= t->dim[a] - 1;
    }
    return inside;
}

pleat_status pleat_spatial_patch(const pleat_sample *sample, const pleat_source *source,
                                 const int patch[3], float pad_value, uint8_t pad_label,
                                 float *image, uint8_t *label) {
    pleat_status status = PLEAT_OK;
    deformation t = {.dim = source->dim};
    float *box = NULL;
    uint8_t *box_label = NULL;
    pleat_sample plain = *sample; /* the box, undeformed */
    plain.elastic_alpha = plain.scale = 0.0;
    for (int a = 0; a < 3; a++) {
        plain.rotation[a] = 0.0;
        t.centre[a] = sample->centre[a];
        t.middle[a] = 0.5 * (patch[a] - 1);
    }
    pleat_spatial_matrix(sample, t.matrix);
    if (sample->elastic_alpha != 0.0) PLEAT_TRY_GOTO(status, done, make_shift(sample, patch, &t));
    find_box(patch, &t);
    for (int a = 0; a < 3; a++) plain.start[a] = t.low[a];
    box = malloc(pleat_voxels(t.size) * sizeof *box);
    box_label = malloc(pleat_voxels(t.size));
    PLEAT_CHECK_GOTO(status, done, box != NULL && box_label != NULL, PLEAT_ERR_MEMORY,
                     "no memory for a box of %zu voxels", pleat_voxels(t.size));
    PLEAT_TRY_GOTO(
        status, done,
        pleat_augment_patch(&plain, source, t.size, PLEAT_PAD_ZERO, box, label ? box_label : NULL));
    PLEAT_TRY_GOTO(status, done, pleat_spline_prefilter(box, t.size));
    const size_t n = pleat_voxels(patch);
    for (size_t i = 0; i < n; i++) {
        const size_t line = i / (size_t)patch[2];
        const int voxel[3] = {(int)(line / (size_t)patch[1]), (int)(line % (size_t)patch[1]),
                              (int)(i % (size_t)patch[2])};
        double point[3];
        const int inside = locate(&t, voxel, i, point);
        image[i] = inside ? interpolate(&t, box, point) : pad_value;
        if (label) label[i] = inside ? nearest(&t, box_label, point) : pad_label;
    }
done:
    for (int a = 0; a < 3; a++) free(t.shift[a]);
    free(box);
    free(box_label);
    return status;
}
