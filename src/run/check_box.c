/*
 * check_box.c - the box of a volume that is left without its padding.
 *
 * Where a body lies in a volume says little when some cases are padded and others are not. Padding
 * fills corners: the value that half of the eight have, or more, is taken for it. A plane is in the
 * box when more than RARE of its voxels have another value; all are where corners differ, as those
 * of noise do.
 */
#include "check_impl.h"

#include <stdlib.h>

enum { MANY = 4 };                /* corners */
static const double RARE = 0.001; /* of a plane's voxels, as of artefacts */

/* The commonest value of the corners, and how many have it. */
static int of_corners(const float *x, const int dim[3], float *out) {
    float corner[8];
    int most = 0;
    for (int k = 0; k < 8; k++) {
        size_t at = 0;
        for (int a = 0; a < 3; a++)
            at = at * (size_t)dim[a] + (k >> a & 1 ? (size_t)dim[a] - 1 : 0);
        corner[k] = x[at];
    }
    for (int k = 0; k < 8; k++) {
        int same = 0;
        for (int i = 0; i < 8; i++) same += corner[i] == corner[k]; /* NOLINT: to the bit */
        if (same <= most) continue;
        most = same;
        *out = corner[k];
    }
    return most;
}

/* Voxels that are no padding, in each plane along D, H, W: one after another. */
static void count(const float *x, const int dim[3], float padding, int64_t *out) {
    int64_t *of_d = out, *of_h = out + dim[0], *of_w = out + dim[0] + dim[1];
    for (int d = 0; d < dim[0]; d++)
        for (int h = 0; h < dim[1]; h++) {
            int64_t row = 0;
            for (int w = 0; w < dim[2]; w++) {
                const int other = *x++ != padding; /* NOLINT: padding is one value, to the bit */
                of_w[w] += other;
                row += other;
            }
            of_h[h] += row;
            of_d[d] += row;
        }
}

int check_box(const float *x, const int dim[3], check_facts *f) {
    float padding = 0.0F;
    if (of_corners(x, dim, &padding) < MANY) return 1;
    int64_t *others = calloc((size_t)dim[0] + (size_t)dim[1] + (size_t)dim[2], sizeof *others);
    if (others == NULL) return 0;
    count(x, dim, padding, others);
    const int64_t *of = others;
    for (int a = 0; a < 3; of += dim[a++]) {
        const double rare = RARE * (double)pleat_voxels(dim) / dim[a];
        int from = 0, to = dim[a];
        while (from < to && (double)of[from] <= rare) from++;
        while (from < to && (double)of[to - 1] <= rare) to--;
        if (from == to) continue; /* next to nothing is left: all of it is */
        f->from[a] = from;
        f->to[a] = to;
    }
    free(others);
    return 1;
}
