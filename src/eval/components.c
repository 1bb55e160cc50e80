/*
 * components.c - connected parts by runs: each row is cut into runs of the class's voxels, runs of
 * neighbouring rows that touch are united (union-find, Tarjan 1975), and the unions counted.
 */
#include "pleat/components.h"

#include <stdlib.h>
#include <string.h>

typedef struct run { /* voxels first .. last of a row */
    int first, last;
    int parent; /* a run of the same part, itself where it stands for the part */
    int part;   /* its number, where it stands for it */
} run;

typedef struct runs {
    run *run; /* [n] */
    int n, room;
    int *row; /* [D * H + 1]: the first run of each row */
} runs;

static int root_of(run *r, int i) {
    while (r[i].parent != i) i = r[i].parent = r[r[i].parent].parent;
    return i;
}

/* The part is known by its first run. */
static void unite(run *r, int a, int b) {
    a = root_of(r, a);
    b = root_of(r, b);
    if (a < b)
        r[b].parent = a;
    else
        r[a].parent = b;
}

/* Every run of row `a` with those of row `b` that touch it. */
static void unite_rows(runs *r, int a, int b) {
    int j = r->row[b];
    for (int i = r->row[a]; i < r->row[a + 1]; i++) {
        while (j < r->row[b + 1] && r->run[j].last + 1 < r->run[i].first) j++;
        for (int k = j; k < r->row[b + 1] && r->run[k].first <= r->run[i].last + 1; k++)
            unite(r->run, i, k);
    }
}

static int add_run(runs *r, int first, int last) {
    if (r->n == r->room) {
        const int room = 2 * r->room + 1024;
        run *more = realloc(r->run, (size_t)room * sizeof *more);
        if (more == NULL) return 0;
        r->run = more;
        r->room = room;
    }
    r->run[r->n] = (run){first, last, r->n, 0};
    r->n++;
    return 1;
}

static int cut_row(runs *r, const uint8_t *row, int n, uint8_t label) {
    for (int at = 0; at < n;) {
        const uint8_t *found = memchr(row + at, label, (size_t)(n - at));
        if (found == NULL) break;
        const int first = (int)(found - row);
        for (at = first; at < n && row[at] == label;) at++;
        if (!add_run(r, first, at - 1)) return 0;
    }
    return 1;
}

static int find_runs(const uint8_t *labels, const int dim[3], uint8_t label, runs *r) {
    r->row = malloc(((size_t)dim[0] * (size_t)dim[1] + 1) * sizeof *r->row);
    if (r->row == NULL) return 0;
    for (int d = 0; d < dim[0]; d++)
        for (int h = 0; h < dim[1]; h++) {
            const int row = d * dim[1] + h;
            r->row[row] = r->n;
            if (!cut_row(r, labels + (size_t)row * (size_t)dim[2], dim[2], label)) return 0;
            r->row[row + 1] = r->n;
            if (h > 0) unite_rows(r, row, row - 1);
            for (int beside = -1; d > 0 && beside <= 1; beside++)
                if (h + beside >= 0 && h + beside < dim[1])
                    unite_rows(r, row, row - dim[1] + beside);
        }
    return 1;
}

/* Numbers the parts in order of their first runs; counts their voxels into part[n], which is 0. */
static void count_parts(runs *r, int rows, int width, const uint8_t *other, uint8_t label,
                        pleat_component *part, int *n) {
    *n = 0;
    for (int row = 0; row < rows; row++)
        for (int i = r->row[row]; i < r->row[row + 1]; i++) {
            run *const root = &r->run[root_of(r->run, i)];
            if (root == &r->run[i]) root->part = (*n)++;
            const uint8_t *beside = other + (size_t)row * (size_t)width;
            for (int w = r->run[i].first; w <= r->run[i].last; w++)
                part[root->part].shared += beside[w] == label;
            part[root->part].voxels += r->run[i].last - r->run[i].first + 1;
        }
}

pleat_status pleat_components_find(const uint8_t *labels, const uint8_t *other, const int dim[3],
                                   int label, pleat_component **out, int *n) {
    runs r = {0};
    pleat_component *part = NULL;
    int made = find_runs(labels, dim, (uint8_t)label, &r);
    if (made && r.n > 0) {
        part = calloc((size_t)r.n, sizeof *part); /* as many as there are runs, at most */
        made = part != NULL;
    }
    *n = 0;
    if (part != NULL) count_parts(&r, dim[0] * dim[1], dim[2], other, (uint8_t)label, part, n);
    free(r.run);
    free(r.row);
    PLEAT_CHECK(made, PLEAT_ERR_MEMORY, "no memory for the connected parts of label %d", label);
    *out = part;
    return PLEAT_OK;
}

/* Counts the voxels of each part into part[n], which is 0, by the run that stands for it. */
static int64_t largest_part(const runs *r, int64_t *part) {
    int64_t most = 0;
    for (int i = 0; i < r->n; i++) {
        int64_t *const sum = &part[root_of(r->run, i)];
        *sum += r->run[i].last - r->run[i].first + 1;
        if (*sum > most) most = *sum;
    }
    return most;
}

pleat_status pleat_components_keep_largest(uint8_t *labels, const int dim[3], int label) {
    runs r = {0};
    int64_t *part = NULL;
    const size_t voxels = pleat_voxels(dim), width = (size_t)dim[2];
    uint8_t *mask = label > 0 ? NULL : malloc(voxels); /* 1: of any label */
    for (size_t v = 0; mask != NULL && v < voxels; v++) mask[v] = labels[v] != 0;
    int made = label > 0 ? find_runs(labels, dim, (uint8_t)label, &r)
                         : mask != NULL && find_runs(mask, dim, 1, &r);
    if (made && r.n > 0) {
        part = calloc((size_t)r.n, sizeof *part);
        made = part != NULL;
    }
    if (part != NULL) {
        const int64_t most = largest_part(&r, part);
        for (size_t row = 0; row < (size_t)dim[0] * (size_t)dim[1]; row++)
            for (int i = r.row[row]; i < r.row[row + 1]; i++) {
                const run *one = &r.run[i];
                if (part[root_of(r.run, i)] < most)
                    memset(labels + row * width + one->first, 0,
                           (size_t)one->last - (size_t)one->first + 1);
            }
    }
    free(part);
    free(mask);
    free(r.run);
    free(r.row);
    PLEAT_CHECK(made, PLEAT_ERR_MEMORY, "no memory for the connected parts of a label map");
    return PLEAT_OK;
}
