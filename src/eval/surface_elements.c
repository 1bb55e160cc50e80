/* surface_elements.c - the elements of a class's surface in truth and prediction. */
#include "surface_impl.h"

#include <stdlib.h>
#include <string.h>

typedef struct box { /* first .. last of each axis; empty when last < first */
    int first[3], last[3];
} box;

static int row_holds(const uint8_t *row, int n, uint8_t label, int *first, int *last) {
    const uint8_t *at = memchr(row, label, (size_t)n);
    if (at == NULL) return 0;
    *first = (int)(at - row);
    *last = (int)((const uint8_t *)memrchr(row, label, (size_t)n) - row);
    return 1;
}

/* Around the voxels of a label in `labels`, joined to *b. */
static void grow(const uint8_t *labels, const int dim[3], uint8_t label, box *b) {
    for (int d = 0; d < dim[0]; d++)
        for (int h = 0; h < dim[1]; h++) {
            const uint8_t *row = labels + ((size_t)d * (size_t)dim[1] + (size_t)h) * (size_t)dim[2];
            int first = 0, last = 0;
            if (!row_holds(row, dim[2], label, &first, &last)) continue;
            const int low[3] = {d, h, first}, high[3] = {d, h, last};
            for (int a = 0; a < 3; a++) {
                if (low[a] < b->first[a]) b->first[a] = low[a];
                if (high[a] > b->last[a]) b->last[a] = high[a];
            }
        }
}

typedef struct map { /* a label map, read beyond its edges as outside */
    const uint8_t *labels;
    const int *dim;
    uint8_t label;
    box of;
} map;

/* inside[1 + n + 1]: 1 where voxel (d, h) of the box is of the class; both ends are outside it. */
static void read_row(const map *m, int d, int h, uint8_t *inside) {
    const int n = m->of.last[2] - m->of.first[2] + 1;
    d += m->of.first[0];
    h += m->of.first[1];
    memset(inside, 0, (size_t)n + 2);
    if (d < m->of.first[0] || d > m->of.last[0] || h < m->of.first[1] || h > m->of.last[1]) return;
    const uint8_t *row = m->labels +
                         ((size_t)d * (size_t)m->dim[1] + (size_t)h) * (size_t)m->dim[2] +
                         m->of.first[2];
    for (int w = 0; w < n; w++) inside[1 + w] = row[w] == m->label;
}

/* Row (d, h) of the corners: corner (d, h, w) lies before voxel (d, h, w) along each axis. */
static size_t corner_row(const map *m, int d, int h, int n, uint8_t *scratch, uint8_t *code) {
    uint8_t *row[4];
    size_t elements = 0;
    for (int k = 0; k < 4; k++) {
        row[k] = scratch + (size_t)k * ((size_t)n + 2);
        read_row(m, d - 1 + (k >> 1), h - 1 + (k & 1), row[k]);
    }
    for (int w = 0; w < n; w++) { /* n corners of n - 1 voxels */
        int all = 0;
        for (int k = 0; k < 4; k++) all |= (row[k][w] | row[k][w + 1] << 1) << 2 * k;
        all = all == 255 ? 0 : all;
        code[w] = (uint8_t)all;
        elements += all != 0;
    }
    return elements;
}

/* Row (d, h) of the voxels: 1 where one is inside with a neighbour outside. */
static size_t voxel_row(const map *m, int d, int h, int n, uint8_t *scratch, uint8_t *code) {
    static const int beside[5][2] = {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    uint8_t *row[5];
    size_t elements = 0;
    for (int k = 0; k < 5; k++) {
        row[k] = scratch + (size_t)k * ((size_t)n + 2);
        read_row(m, d + beside[k][0], h + beside[k][1], row[k]);
    }
    for (int w = 0; w < n; w++) {
        const int within = row[0][w] & row[0][w + 2] & row[1][w + 1] & row[2][w + 1] &
                           row[3][w + 1] & row[4][w + 1];
        code[w] = (uint8_t)(row[0][w + 1] & !within);
        elements += code[w];
    }
    return elements;
}

static pleat_status mark(const map *m, int corners, const int dim[3], pleat_elements *out) {
    int made = 1;
    size_t n = 0;
    out->code = malloc(pleat_voxels(dim));
#pragma omp parallel reduction(+ : n)
    {
        uint8_t *scratch = malloc(5 * ((size_t)dim[2] + 2));
        if (out->code == NULL || scratch == NULL) {
#pragma omp atomic write
            made = 0;
        }
#pragma omp for schedule(static)
        for (int d = 0; d < dim[0]; d++)
            for (int h = 0; h < dim[1] && out->code != NULL && scratch != NULL; h++) {
                uint8_t *row =
                    out->code + ((size_t)d * (size_t)dim[1] + (size_t)h) * (size_t)dim[2];
                n += (corners ? corner_row : voxel_row)(m, d, h, dim[2], scratch, row);
            }
        free(scratch);
    }
    PLEAT_CHECK(made, PLEAT_ERR_MEMORY, "no memory for the surface of label %d in %d x %d x %d",
                m->label, dim[2], dim[1], dim[0]);
    out->n = n;
    return PLEAT_OK;
}

pleat_status pleat_surface_elements(const pleat_pair *pair, int label, int corners,
                                    pleat_surfaces *out) {
    const uint8_t *const labels[2] = {pair->truth, pair->predicted};
    map m = {.dim = pair->dim, .label = (uint8_t)label};
    *out = (pleat_surfaces){0};
    for (int a = 0; a < 3; a++) {
        m.of.first[a] = pair->dim[a];
        m.of.last[a] = -1;
    }
    for (int side = 0; side < 2; side++) grow(labels[side], pair->dim, m.label, &m.of);
    if (m.of.last[0] < 0) return PLEAT_OK;
    for (int a = 0; a < 3; a++) out->dim[a] = m.of.last[a] - m.of.first[a] + 1 + corners;
    for (int side = 0; side < 2; side++) {
        m.labels = labels[side];
        PLEAT_TRY(mark(&m, corners, out->dim, &out->of[side]));
    }
    return PLEAT_OK;
}

void pleat_surfaces_free(pleat_surfaces *surfaces) {
    for (int side = 0; side < 2; side++) free(surfaces->of[side].code);
    *surfaces = (pleat_surfaces){0};
}
