/*
 * surface_distance.c - from each element of one surface to the nearest of the other, exactly.
 *
 *   1  along D, for the whole box: how many planes away the nearest element of the column is
 *   2  then each plane by itself: along H the lower envelope of the parabolas of step 1, along W
 *      the lower envelope of those of step 2
 *
 * Step 2 is done only for planes, and along W only for rows, that hold an element to measure from.
 */
#include "surface_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT16_MAX /* no element in the column */

/* planes[D,H,W], from the codes of `to`. */
static void along_depth(const int dim[3], const uint8_t *code, uint16_t *planes) {
    const size_t plane = (size_t)dim[1] * (size_t)dim[2];
#pragma omp parallel for schedule(static)
    for (int h = 0; h < dim[1]; h++) {
        const size_t from = (size_t)h * (size_t)dim[2], to = from + (size_t)dim[2];
        for (size_t d = 0; d < (size_t)dim[0]; d++)
            for (size_t i = from; i < to; i++) {
                const uint16_t before = d > 0 ? planes[(d - 1) * plane + i] : NONE;
                const uint16_t next = (uint16_t)(before + (before != NONE));
                planes[d * plane + i] = code[d * plane + i] != 0 ? 0 : next;
            }
        for (size_t d = (size_t)dim[0] - 1; d-- > 0;)
            for (size_t i = from; i < to; i++) {
                const uint16_t after = planes[(d + 1) * plane + i];
                const uint16_t next = (uint16_t)(after + (after != NONE));
                if (next < planes[d * plane + i]) planes[d * plane + i] = next;
            }
    }
}

typedef struct envelope { /* the parabolas that are lowest somewhere, from left to right */
    double *height;       /* mm2, at the parabola's own place */
    double *place;        /* mm */
    double *begin;        /* mm, from where on it is the lowest */
    int n;
} envelope;

static void add_parabola(envelope *e, double height, double place) {
    double begin = -INFINITY;
    while (e->n > 0) {
        const double x = e->place[e->n - 1], y = e->height[e->n - 1];
        begin = 0.5 * ((height - y) / (place - x) + place + x);
        if (begin > e->begin[e->n - 1]) break;
        begin = -INFINITY;
        e->n--;
    }
    e->height[e->n] = height;
    e->place[e->n] = place;
    e->begin[e->n++] = begin;
}

/* Of the parabola that is lowest at `at`, which grows from call to call; *k is the one of before.
 * Two that meet there within rounding are both looked at. */
static double lowest(const envelope *e, double at, int *k) {
    while (*k + 1 < e->n && e->begin[*k + 1] <= at) ++*k;
    const double far = at - e->place[*k];
    return e->height[*k] + far * far;
}

typedef struct bench { /* what a thread works with */
    double *squares;   /* [H,W]: mm2, after the step along H */
    envelope e;
    uint8_t *asked; /* [H]: the row holds elements to measure from */
} bench;

static int make_bench(const int dim[3], bench *b) {
    const size_t longest = (size_t)(dim[1] > dim[2] ? dim[1] : dim[2]);
    b->squares = malloc((size_t)dim[1] * (size_t)dim[2] * sizeof(double));
    b->e.height = malloc(3 * longest * sizeof(double));
    b->asked = malloc((size_t)dim[1]);
    if (b->squares == NULL || b->e.height == NULL || b->asked == NULL) return 0;
    b->e.place = b->e.height + longest;
    b->e.begin = b->e.place + longest;
    return 1;
}

static void free_bench(bench *b) {
    free(b->squares);
    free(b->e.height);
    free(b->asked);
}

static void along_height(const int dim[3], const double spacing[3], const uint16_t *planes,
                         bench *b) {
    for (int w = 0; w < dim[2]; w++) {
        int k = 0;
        b->e.n = 0;
        for (int h = 0; h < dim[1]; h++) {
            const uint16_t away = planes[(size_t)h * (size_t)dim[2] + (size_t)w];
            const double depth = away * spacing[0];
            if (away != NONE) add_parabola(&b->e, depth * depth, h * spacing[1]);
        }
        for (int h = 0; h < dim[1]; h++)
            if (b->asked[h])
                b->squares[(size_t)h * (size_t)dim[2] + (size_t)w] =
                    b->e.n > 0 ? lowest(&b->e, h * spacing[1], &k) : INFINITY;
    }
}

/* The distances and codes of a row's elements; returns how many. */
static size_t along_width(int n, double spacing, const double *squares, const uint8_t *from,
                          envelope *e, double *distance, uint8_t *code) {
    int k = 0;
    size_t found = 0;
    e->n = 0;
    for (int w = 0; w < n; w++)
        if (squares[w] < INFINITY) add_parabola(e, squares[w], w * spacing);
    for (int w = 0; w < n; w++)
        if (from[w] != 0) {
            distance[found] = sqrt(lowest(e, w * spacing, &k));
            code[found++] = from[w];
        }
    return found;
}

static size_t count_plane(const uint8_t *code, size_t n) {
    size_t elements = 0;
    for (size_t i = 0; i < n; i++) elements += code[i] != 0;
    return elements;
}

static void measure_plane(const int dim[3], const double spacing[3], const uint8_t *from,
                          const uint16_t *planes, bench *b, double *distance, uint8_t *code) {
    size_t done = 0;
    for (int h = 0; h < dim[1]; h++)
        b->asked[h] = count_plane(from + (size_t)h * (size_t)dim[2], (size_t)dim[2]) > 0;
    along_height(dim, spacing, planes, b);
    for (int h = 0; h < dim[1]; h++) {
        const size_t row = (size_t)h * (size_t)dim[2];
        if (b->asked[h])
            done += along_width(dim[2], spacing[2], b->squares + row, from + row, &b->e,
                                distance + done, code + done);
    }
}

/* Every plane's elements, shared out over threads; 0 when there is no memory. before[D + 1]: the
 * elements of the planes before. */
static int measure(const int dim[3], const double spacing[3], const uint8_t *from,
                   const uint16_t *planes, const size_t *before, double *distance, uint8_t *code) {
    const size_t plane = (size_t)dim[1] * (size_t)dim[2];
    int made = 1;
#pragma omp parallel
    {
        bench b = {0};
        const int mine = make_bench(dim, &b);
        if (!mine) {
#pragma omp atomic write
            made = 0;
        }
#pragma omp for schedule(dynamic)
        for (int d = 0; d < dim[0]; d++)
            if (mine && before[d + 1] > before[d])
                measure_plane(dim, spacing, from + (size_t)d * plane, planes + (size_t)d * plane,
                              &b, distance + before[d], code + before[d]);
        free_bench(&b);
    }
    return made;
}

pleat_status pleat_surface_distance(const int dim[3], const double spacing[3],
                                    const pleat_elements *from, const pleat_elements *to,
                                    double *distance, uint8_t *code) {
    const size_t plane = (size_t)dim[1] * (size_t)dim[2];
    uint16_t *planes = malloc(pleat_voxels(dim) * sizeof *planes);
    size_t *before = calloc((size_t)dim[0] + 1, sizeof *before);
    int made = planes != NULL && before != NULL;
    if (made) {
        along_depth(dim, to->code, planes);
        for (int d = 0; d < dim[0]; d++)
            before[d + 1] = before[d] + count_plane(from->code + (size_t)d * plane, plane);
        made = measure(dim, spacing, from->code, planes, before, distance, code);
    }
    free(planes);
    free(before);
    PLEAT_CHECK(made, PLEAT_ERR_MEMORY, "no memory for distances in %d x %d x %d voxels", dim[2],
                dim[1], dim[0]);
    return PLEAT_OK;
}
