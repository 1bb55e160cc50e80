/* volume.c - making and freeing volumes, and putting channels together. */
#include "pleat/volume.h"

#include "pleat/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pleat_status make(const int dim[3], size_t bytes, void **out) {
    PLEAT_TRY(pleat_memory_check((double)pleat_voxels(dim) * (double)bytes,
                                 "a volume of %d x %d x %d voxels", dim[2], dim[1], dim[0]));
    void *data = calloc(pleat_voxels(dim), bytes);
    PLEAT_CHECK(data != NULL, PLEAT_ERR_MEMORY, "no memory for a volume of %d x %d x %d voxels",
                dim[2], dim[1], dim[0]);
    *out = data;
    return PLEAT_OK;
}

static const double SKEW = 1e-3; /* cosine between two axes; 90 degrees to 0.06 */

/* Of the left 3 x 3 of an affine: its determinant, and its cofactors. */
static double cofactors(const double a[3][4], double cofactor[3][3]) {
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            cofactor[r][c] = a[(r + 1) % 3][(c + 1) % 3] * a[(r + 2) % 3][(c + 2) % 3] -
                             a[(r + 1) % 3][(c + 2) % 3] * a[(r + 2) % 3][(c + 1) % 3];
    return a[0][0] * cofactor[0][0] + a[0][1] * cofactor[0][1] + a[0][2] * cofactor[0][2];
}

static void invert(const double a[3][4], double out[3][3]) {
    double cofactor[3][3];
    const double determinant = cofactors(a, cofactor);
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) out[r][c] = cofactor[c][r] / determinant;
}

void pleat_geometry_map(const pleat_geometry *from, const pleat_geometry *to, double m[3][4]) {
    double inverse[3][3];
    invert(to->affine, inverse);
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++) {
            m[r][c] = 0.0;
            for (int i = 0; i < 3; i++)
                m[r][c] += inverse[r][i] * (from->affine[i][c] - (c == 3 ? to->affine[i][3] : 0.0));
        }
}

double pleat_geometry_apart(const pleat_geometry *a, const pleat_geometry *b) {
    double m[3][4], most = 0.0;
    pleat_geometry_map(b, a, m);
    for (int corner = 0; corner < 8; corner++) {
        double at[3]; /* x, y, z = dim 2, 1, 0 */
        for (int axis = 0; axis < 3; axis++)
            at[axis] = corner >> axis & 1 ? b->dim[2 - axis] - 1 : 0;
        for (int r = 0; r < 3; r++)
            most = fmax(
                most, fabs(m[r][0] * at[0] + m[r][1] * at[1] + m[r][2] * at[2] + m[r][3] - at[r]));
    }
    return most;
}

double pleat_geometry_skew(const pleat_geometry *g) {
    double most = 0.0;
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < a; b++) {
            double dot = 0.0;
            for (int r = 0; r < 3; r++) dot += g->affine[r][a] * g->affine[r][b];
            most = fmax(most, fabs(dot) / (g->spacing[2 - a] * g->spacing[2 - b]));
        }
    return most > SKEW ? asin(fmin(1.0, most)) * 180.0 / acos(-1.0) : 0.0;
}

double pleat_geometry_voxel(const pleat_geometry *g) {
    double unused[3][3];
    return pleat_geometry_skew(g) > 0.0 ? fabs(cofactors(g->affine, unused))
                                        : g->spacing[0] * g->spacing[1] * g->spacing[2];
}

/* A block of voxels at a time, so that its planes stay in the cache. */
void pleat_interleave(const float *planes, size_t n, int channels, float *out) {
    enum { BLOCK = 512 };
    const size_t pitch = (size_t)channels;
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t end = n - first < BLOCK ? n : first + BLOCK;
        for (size_t c = 0; c < pitch; c++)
            for (size_t i = first; i < end; i++) out[i * pitch + c] = planes[c * n + i];
    }
}

pleat_status pleat_image_make(int channels, const int dim[3], const double spacing[3],
                              pleat_image *out) {
    void *data = NULL;
    PLEAT_TRY(make(dim, (size_t)channels * sizeof(float), &data));
    out->channels = channels;
    memcpy(out->dim, dim, sizeof out->dim);
    memcpy(out->spacing, spacing, sizeof out->spacing);
    out->data = data;
    return PLEAT_OK;
}

pleat_status pleat_label_make(const int dim[3], const double spacing[3], pleat_label *out) {
    void *data = NULL;
    PLEAT_TRY(make(dim, 1, &data));
    memcpy(out->dim, dim, sizeof out->dim);
    memcpy(out->spacing, spacing, sizeof out->spacing);
    out->data = data;
    return PLEAT_OK;
}

int pleat_label_any(const pleat_label *label) {
    const size_t n = pleat_voxels(label->dim);
    for (size_t i = 0; i < n; i++)
        if (label->data[i] != 0) return 1;
    return 0;
}

void pleat_image_free(pleat_image *image) {
    free(image->data);
    *image = (pleat_image){0};
}

void pleat_label_free(pleat_label *label) {
    free(label->data);
    *label = (pleat_label){0};
}
