/* planner.c - nnU-Net's planning rules (pleat/planner.h): spacing, topology, patch, batch. */
#include "pleat/planner.h"

#include "pleat/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_EDGE   4   /* voxels that an axis keeps at the coarsest stage */
#define THICK        3.0 /* times the other spacings: a slice is thick */
#define THICK_SHARE  0.1 /* quantile of the thick axis */
#define COARSER      1.03
#define VOLUME_EDGE  256.0 /* the first patch has the volume of so many voxels an edge */
#define SLICE_EDGE   2048.0
#define VOLUME_BATCH 2 /* for which the budget is */
#define SLICE_BATCH  12

/* --- nnU-Net's presets ------------------------------------------------------------------------ */

#define GB 0x1p30 /* as sizes are read: 8G is nnU-Net's gpu_memory_target 8 */
static const struct {
    const char *name;
    pleat_planner_preset volume, slice;
} presets[] = {
    {"nnunet",
     {32, 320, 0, 560e6, 8 * GB, 0.05, 2, 0, 0},
     {32, 512, 0, 85e6, 8 * GB, 0.05, 2, 0, 0}},
    {"nnunet-m", {32, 320, 1, 680e6, 8 * GB, 1, 2, 0, 0}, {32, 512, 1, 135e6, 8 * GB, 1, 2, 0, 0}},
    {"nnunet-l",
     {32, 320, 1, 2100e6, 24 * GB, 1, 2, 0, 0},
     {32, 512, 1, 380e6, 24 * GB, 1, 2, 0, 0}},
    {"nnunet-xl",
     {32, 320, 1, 3600e6, 40 * GB, 1, 2, 0, 0},
     {32, 512, 1, 560e6, 40 * GB, 1, 2, 0, 0}},
};
enum { PRESETS = sizeof presets / sizeof *presets };

const char *pleat_planner_name(int place) {
    return place >= 0 && place < PRESETS ? presets[place].name : NULL;
}

const pleat_planner_preset *pleat_planner_find(const char *name, int flat) {
    for (int i = 0; i < PRESETS; i++)
        if (strcmp(presets[i].name, name) == 0)
            return flat ? &presets[i].slice : &presets[i].volume;
    return NULL;
}

/* --- the target's grid ------------------------------------------------------------------------ */

static int coarsest(const double spacing[3]) { /* the first of equals */
    int axis = 0;
    for (int a = 1; a < 3; a++)
        if (spacing[a] > spacing[axis]) axis = a;
    return axis;
}

/* Of column[n], which this sorts. */
static void column_of(const double (*spacing)[3], int n, int axis, double *column) {
    for (int i = 0; i < n; i++) column[i] = spacing[i][axis];
    pleat_sort(column, (size_t)n);
}

pleat_status pleat_planner_spacing(const double (*spacing)[3], const int (*crop)[3], int n,
                                   double out[3]) {
    double *column = calloc((size_t)n, sizeof *column), size[3];
    PLEAT_CHECK(column != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    for (int a = 0; a < 3; a++) {
        column_of(spacing, n, a, column);
        out[a] = pleat_median(column, (size_t)n);
        for (int i = 0; i < n; i++) column[i] = crop[i][a];
        pleat_sort(column, (size_t)n);
        size[a] = pleat_median(column, (size_t)n);
    }
    const int z = coarsest(out), x = (z + 1) % 3, y = (z + 2) % 3;
    const double others = fmax(out[x], out[y]);
    if (out[z] > THICK * others && THICK * size[z] < fmin(size[x], size[y])) {
        column_of(spacing, n, z, column);
        out[z] = pleat_quantile_between(column, (size_t)n, THICK_SHARE);
        if (out[z] < others) out[z] = others + 1e-5;
    }
    free(column);
    return PLEAT_OK;
}

pleat_status pleat_planner_size(const double (*spacing)[3], const int (*crop)[3], int n,
                                const double target[3], double out[3]) {
    double *column = calloc((size_t)n, sizeof *column);
    PLEAT_CHECK(column != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    for (int a = 0; a < 3; a++) {
        for (int i = 0; i < n; i++) column[i] = rint(spacing[i][a] / target[a] * crop[i][a]);
        pleat_sort(column, (size_t)n);
        out[a] = pleat_median(column, (size_t)n);
    }
    free(column);
    return PLEAT_OK;
}

/* --- topology --------------------------------------------------------------------------------- */

typedef struct grid { /* axes as nnU-Net orders them, the coarsest first; of slices the last two */
    int n, axis[3];   /* axis: of D, H, W */
    double spacing[3], size[3], patch[3];
} grid;

static void order_axes(const pleat_planner_data *data, grid *g) {
    const int first = coarsest(data->spacing);
    *g = (grid){.n = 0};
    if (!data->flat) g->axis[g->n++] = first;
    for (int a = 0; a < 3; a++)
        if (a != first) g->axis[g->n++] = a;
    for (int i = 0; i < g->n; i++) {
        g->spacing[i] = data->spacing[g->axis[i]];
        g->size[i] = data->size[g->axis[i]];
    }
}

/* The axes that can be halved: long enough, and within twice the finest spacing of those. */
static int find_halved(const grid *g, const double *spacing, const double *size, int most,
                       const int *done, int halved[3]) {
    double finest = INFINITY;
    int n = 0, last = 0;
    for (int i = 0; i < 3; i++) {
        halved[i] = i < g->n && size[i] >= 2 * LEAST_EDGE && (most == 0 || done[i] < most);
        if (halved[i] && spacing[i] < finest) finest = spacing[i];
    }
    for (int i = 0; i < 3; i++) {
        halved[i] &= spacing[i] / finest < 2;
        n += halved[i];
        if (halved[i]) last = i;
    }
    return n > 1 || (n == 1 && size[last] >= 3 * LEAST_EDGE);
}

/* Halves g->patch until nothing is long enough; then pads it to what can be halved so often. */
static void find_topology(const pleat_planner_preset *preset, grid *g, pleat_planner_result *r) {
    double spacing[3], size[3];
    int kernel[3] = {1, 1, 1}, halved[3], done[3] = {0};
    for (int i = 0; i < 3; i++) {
        spacing[i] = g->spacing[i];
        size[i] = g->patch[i];
    }
    r->depth = 0;
    for (int a = 0; a < 3; a++) r->stride[0][a] = 1;
    while (r->depth < PLEAT_PLAN_STAGES - 1 &&
           find_halved(g, spacing, size, preset->most_halvings, done, halved)) {
        double finest = INFINITY;
        for (int i = 0; i < g->n; i++) finest = fmin(finest, spacing[i]);
        int *stride = r->stride[r->depth + 1], *of_stage = r->kernel[r->depth];
        for (int a = 0; a < 3; a++) stride[a] = of_stage[a] = 1;
        for (int i = 0; i < g->n; i++) {
            if (spacing[i] / finest < 2) kernel[i] = 3;
            of_stage[g->axis[i]] = kernel[i];
        }
        for (int i = 0; i < g->n; i++) {
            if (!halved[i]) continue;
            stride[g->axis[i]] = 2;
            done[i]++;
            spacing[i] *= 2;
            size[i] = ceil(size[i] / 2);
        }
        r->depth++;
    }
    for (int a = 0; a < 3; a++) {
        r->kernel[r->depth][a] = 1;
        r->halvings[a] = 0;
    }
    for (int i = 0; i < g->n; i++) {
        const double step = ldexp(1, done[i]);
        r->kernel[r->depth][g->axis[i]] = 3;
        r->halvings[g->axis[i]] = done[i];
        g->patch[i] = ceil(g->patch[i] / step) * step;
    }
}

/* Values of the feature maps of a patch, as nnU-Net counts them: without norms, and one head. */
static double count_values(const pleat_planner_preset *preset, const pleat_planner_result *r,
                           const grid *g, int classes) {
    static const int blocks[] = {1, 3, 4, 6};
    double voxels = 1, filters = preset->filters, sum = 0;
    for (int i = 0; i < g->n; i++) voxels *= g->patch[i];
    sum += classes * voxels + (preset->residual ? filters * voxels : 0);
    for (int s = 0; s <= r->depth; s++) {
        for (int a = 0; a < 3; a++) voxels /= r->stride[s][a];
        const int way_up = s < r->depth ? (preset->residual ? 2 : 3) : 0; /* up, convolutions */
        const int way_down = preset->residual ? 2 * blocks[s < 3 ? s : 3] + (s > 0) : 2;
        sum += (way_down + way_up) * filters * voxels;
        filters = fmin(2 * filters, preset->most_filters);
    }
    return sum;
}

/* --- patch and batch -------------------------------------------------------------------------- */

static void begin_patch(grid *g) {
    double density = 1; /* voxels of 1 mm^n */
    for (int i = 0; i < g->n; i++) density /= g->spacing[i];
    const double edge = g->n == 2 ? SLICE_EDGE : VOLUME_EDGE;
    const double mm = pow(pow(edge, g->n) / density, 1.0 / g->n);
    for (int i = 0; i < g->n; i++) g->patch[i] = fmin(rint(mm / g->spacing[i]), g->size[i]);
}

/* The axis of which the patch has the largest share; of equals the last. */
static int longest(const grid *g) {
    int at = 0;
    for (int i = 1; i < g->n; i++)
        if (g->patch[i] / g->size[i] >= g->patch[at] / g->size[at]) at = i;
    return at;
}

static void shrink(const pleat_planner_preset *preset, grid *g, pleat_planner_result *r) {
    const int at = longest(g);
    const double before = g->patch[at];
    grid trial = *g;
    trial.patch[at] -= ldexp(1, r->halvings[g->axis[at]]);
    find_topology(preset, &trial, r);
    g->patch[at] = before - ldexp(1, r->halvings[g->axis[at]]);
    find_topology(preset, g, r);
}

static int find_batch(const pleat_planner_preset *preset, const pleat_planner_data *data,
                      const grid *g, double budget, double values) {
    double patch = 1, all = data->cases;
    for (int i = 0; i < g->n; i++) patch *= g->patch[i];
    for (int a = 0; a < 3; a++) all *= data->size[a];
    double batch = rint(budget / values * (data->flat ? SLICE_BATCH : VOLUME_BATCH));
    batch = fmin(batch, rint(preset->cover * all / patch));
    if (preset->most_batch > 0) batch = fmin(batch, preset->most_batch);
    return (int)fmin(fmax(batch, preset->least_batch), 4096);
}

void pleat_planner_plan(const pleat_planner_preset *preset, const pleat_planner_data *data,
                        double memory, pleat_planner_result *out) {
    pleat_planner_result r = {.batch = 0};
    const double budget = memory > 0 ? preset->budget * memory / preset->memory : preset->budget;
    /* The residual presets' planner compares what their slices' budget is for with one patch. */
    const double patches = data->flat && !preset->residual ? SLICE_BATCH / 2.0 : 1;
    grid g;
    order_axes(data, &g);
    begin_patch(&g);
    find_topology(preset, &g, &r);
    r.values = count_values(preset, &r, &g, data->classes);
    while (r.values / patches > budget && g.patch[longest(&g)] > 2 * LEAST_EDGE) {
        shrink(preset, &g, &r);
        r.values = count_values(preset, &r, &g, data->classes);
    }
    for (int a = 0; a < 3; a++) r.patch[a] = 1;
    for (int i = 0; i < g.n; i++) r.patch[g.axis[i]] = (int)g.patch[i];
    r.batch = find_batch(preset, data, &g, budget, r.values);
    *out = r;
}

static double patch_voxels(const pleat_planner_result *r) {
    return (double)r->patch[0] * r->patch[1] * r->patch[2];
}

int pleat_planner_coarsen(const pleat_planner_preset *preset, double memory, double share,
                          pleat_planner_data *data, pleat_planner_result *out) {
    const double full = data->size[0] * data->size[1] * data->size[2];
    pleat_planner_data coarse = *data;
    pleat_planner_result r;
    double median = full;
    pleat_planner_plan(preset, data, memory, &r);
    while (patch_voxels(&r) / median < share) {
        const double thickest = coarse.spacing[coarsest(coarse.spacing)];
        int fine[3], any = 0;
        for (int a = 0; a < 3; a++) any |= fine[a] = thickest / coarse.spacing[a] > 2;
        median = full;
        for (int a = 0; a < 3; a++) {
            if (fine[a] || !any) coarse.spacing[a] *= COARSER;
            median *= data->spacing[a] / coarse.spacing[a];
            coarse.size[a] = rint(data->spacing[a] / coarse.spacing[a] * data->size[a]);
        }
        pleat_planner_plan(preset, &coarse, memory, &r);
    }
    if (full / median < 2) return 0;
    *data = coarse;
    *out = r;
    return 1;
}
