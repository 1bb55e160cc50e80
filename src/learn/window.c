/* window.c - the sliding window's grid, its merge weights, and the sum, whole or a band of it. */
#include "pleat/window.h"

#include "pleat/memory.h"
#include "pleat/volume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *pleat_merge_name(int merge) {
    static const char *const names[] = {
        [PLEAT_MERGE_ORIGINAL] = "original",
        [PLEAT_MERGE_UNIFORM] = "uniform",
        [PLEAT_MERGE_GAUSSIAN] = "gaussian",
        [PLEAT_MERGE_NNUNET] = "nnunet",
    };
    return merge < (int)(sizeof names / sizeof *names) ? names[merge] : NULL;
}

static int window_count(int n, int window, int step) {
    const int over = n - window;
    return over <= 0 ? 1 : 1 + (over + step - 1) / step;
}

/* Joining window i to those before it halves both sides on the strip they share, so every earlier
 * weight there is halved: 1, 1/2, 1/4 ... The weights of a voxel always sum to 1. */
static void weigh_original(const int *start, int count, int window, double *weight) {
    for (int i = 0; i < count; i++) {
        const int shared = i > 0 ? start[i - 1] + window : 0; /* end of what is joined so far */
        for (int k = 0; k < window; k++) {
            const int voxel = start[i] + k;
            weight[(size_t)i * window + k] = voxel < shared ? 0.5 : 1.0;
            for (int j = 0; j < i && voxel < shared; j++) {
                const int before = voxel - start[j];
                if (before < window) weight[(size_t)j * window + before] *= 0.5;
            }
        }
    }
}

static void weigh_gaussian(int count, int window, double middle, double *weight) {
    const double sigma = window / 8.0;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < window; k++) {
            const double z = (k - middle) / sigma; /* 4 at the ends: 3e-4 of the middle */
            weight[(size_t)i * window + k] = exp(-0.5 * z * z);
        }
}

/* Divides each voxel's weights by their sum. */
static void normalise(const int *start, int count, int window, int n, double *weight) {
    for (int voxel = 0; voxel < n; voxel++) {
        double sum = 0.0;
        for (int i = 0; i < count; i++) {
            const int k = voxel - start[i];
            if (k >= 0 && k < window) sum += weight[(size_t)i * window + k];
        }
        for (int i = 0; i < count; i++) {
            const int k = voxel - start[i];
            if (k >= 0 && k < window) weight[(size_t)i * window + k] /= sum;
        }
    }
}

static void make_axis(int n, int window, int step, pleat_merge merge, int count, int *start,
                      double *weight) {
    const int first = n < window ? -((window - n + 1) / 2) : 0; /* floor((n - window) / 2) */
    start[0] = first;
    for (int i = 1; i < count; i++) start[i] = i * step + window <= n ? i * step : n - window;
    for (int k = 0; k < count * window; k++) weight[k] = 1.0;
    if (merge == PLEAT_MERGE_ORIGINAL) weigh_original(start, count, window, weight);
    if (merge == PLEAT_MERGE_GAUSSIAN) weigh_gaussian(count, window, 0.5 * (window - 1), weight);
    if (merge == PLEAT_MERGE_NNUNET) weigh_gaussian(count, window, floor(0.5 * window), weight);
    if (merge == PLEAT_MERGE_UNIFORM || merge == PLEAT_MERGE_GAUSSIAN)
        normalise(start, count, window, n, weight);
    for (int k = 0; k < window; k++) /* a window with padding is the only one */
        if (first + k < 0 || first + k >= n) weight[k] = 0.0;
}

pleat_status pleat_window_make(const int dim[3], const int window[3], const int overlap[3],
                               pleat_merge merge, pleat_window *out) {
    /* nnU-Net's weights are 10 times these, as half floats, and its zeros the least of those. */
    pleat_window made = {.least = merge == PLEAT_MERGE_NNUNET ? 0x1p-24 / 10.0 : 0.0};
    for (int a = 0; a < 3; a++)
        PLEAT_CHECK(dim[a] > 0 && overlap[a] >= 0 && overlap[a] < window[a], PLEAT_ERR_ARG,
                    "windows of %d voxels cannot overlap by %d; use 0 to %d", window[a], overlap[a],
                    window[a] - 1);
    for (int a = 0; a < 3; a++) {
        const int step = window[a] - overlap[a];
        made.dim[a] = dim[a];
        made.window[a] = window[a];
        made.count[a] = window_count(dim[a], window[a], step);
        const size_t count = (size_t)made.count[a];
        made.start[a] = malloc(count * sizeof *made.start[a]);
        made.weight[a] = calloc(count * (size_t)window[a], sizeof *made.weight[a]);
        if (made.start[a] == NULL || made.weight[a] == NULL) {
            pleat_window_free(&made);
            return PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for a grid of %zu windows", count);
        }
        make_axis(dim[a], window[a], step, merge, made.count[a], made.start[a], made.weight[a]);
    }
    *out = made;
    return PLEAT_OK;
}

void pleat_window_free(pleat_window *window) {
    for (int a = 0; a < 3; a++) {
        free(window->start[a]);
        free(window->weight[a]);
    }
    *window = (pleat_window){0};
}

int pleat_window_count(const pleat_window *window) {
    return window->count[0] * window->count[1] * window->count[2];
}

/* Window i's place in the grid. */
static void place(const pleat_window *window, int i, int at[3]) {
    at[2] = i % window->count[2];
    at[1] = i / window->count[2] % window->count[1];
    at[0] = i / window->count[2] / window->count[1];
}

void pleat_window_start(const pleat_window *window, int i, int start[3]) {
    int at[3];
    place(window, i, at);
    for (int a = 0; a < 3; a++) start[a] = window->start[a][at[a]];
}

void pleat_window_part_of(const pleat_window *window, int i, pleat_window_part *out) {
    int at[3];
    place(window, i, at);
    for (int a = 0; a < 3; a++) {
        const int size = window->window[a], start = window->start[a][at[a]];
        out->start[a] = start;
        out->from[a] = start < 0 ? -start : 0;
        out->to[a] = start + size > window->dim[a] ? window->dim[a] - start : size;
        out->weight[a] = window->weight[a] + (size_t)at[a] * (size_t)size;
    }
}

/* The weight in 3-D. */
static double share_of(double others, double weight, double least) {
    const double share = others * weight;
    return share < least ? least : share;
}

void pleat_window_walk_of(const int window[3], const int from[3], int mirror,
                          pleat_window_walk *out) {
    ptrdiff_t step = 1;
    out->first = 0;
    for (int a = 2; a >= 0; a--) {
        const int mirrored = (mirror & PLEAT_AXIS(a)) != 0;
        out->step[a] = mirrored ? -step : step;
        out->first += step * (mirrored ? window[a] - 1 - from[a] : from[a]);
        step *= window[a];
    }
}

static void add_row(const float *probs, ptrdiff_t step, const double *restrict weight,
                    double others, double least, int n, int classes, float *restrict sum) {
    for (int w = 0; w < n; w++) {
        const float share = (float)share_of(others, weight[w], least);
        for (int c = 0; c < classes; c++) sum[c] += share * probs[c];
        sum += classes;
        probs += step;
    }
}

/* Plane d of the volume is plane d % planes of `sum`. */
static void accumulate(const pleat_window *window, int i, int mirror, const float *probs,
                       int classes, int planes, float *sum) {
    pleat_window_part p;
    pleat_window_walk walk;
    pleat_window_part_of(window, i, &p);
    pleat_window_walk_of(window->window, p.from, mirror, &walk);
    const int height = p.to[1] - p.from[1];
#pragma omp parallel for schedule(static)
    for (int row = 0; row < (p.to[0] - p.from[0]) * height; row++) {
        const int d = row / height, h = row % height; /* of the part */
        const ptrdiff_t in = walk.first + d * walk.step[0] + h * walk.step[1];
        const size_t to_line =
            (size_t)((p.start[0] + p.from[0] + d) % planes) * (size_t)window->dim[1] +
            (size_t)(p.start[1] + p.from[1] + h);
        const size_t voxel = to_line * (size_t)window->dim[2] + (size_t)(p.start[2] + p.from[2]);
        add_row(probs + in * classes, walk.step[2] * classes, p.weight[2] + p.from[2],
                p.weight[0][p.from[0] + d] * p.weight[1][p.from[1] + h], window->least,
                p.to[2] - p.from[2], classes, sum + voxel * (size_t)classes);
    }
}

void pleat_window_accumulate(const pleat_window *window, int i, int mirror, const float *probs,
                             int classes, float *sum) {
    accumulate(window, i, mirror, probs, classes, window->dim[0], sum);
}

pleat_status pleat_window_mean(const pleat_window *window, int times, int classes, float *sum) {
    pleat_status status = PLEAT_OK;
    const size_t voxels = pleat_voxels(window->dim), patch = pleat_voxels(window->window);
    float *total = NULL, *ones = NULL;
    if (window->least > 0.0) { /* else the weights of a voxel sum to 1 */
        total = calloc(voxels, sizeof *total);
        ones = malloc(patch * sizeof *ones);
        PLEAT_CHECK_GOTO(status, done, total != NULL && ones != NULL, PLEAT_ERR_MEMORY,
                         "no memory for the weights of %zu voxels", voxels);
        for (size_t v = 0; v < patch; v++) ones[v] = 1.0F;
        for (int i = 0; i < pleat_window_count(window); i++)
            pleat_window_accumulate(window, i, 0, ones, 1, total);
    }
#pragma omp parallel for schedule(static)
    for (size_t v = 0; v < voxels; v++)
        for (int c = 0; c < classes; c++)
            sum[v * (size_t)classes + (size_t)c] /=
                (float)times * (total != NULL ? total[v] : 1.0F);
done:
    free(total);
    free(ones);
    return status;
}

int pleat_mirror_ways(int mirror) {
    int ways = 1;
    for (int a = 0; a < 3; a++) ways *= (mirror & PLEAT_AXIS(a)) != 0 ? 2 : 1;
    return ways;
}

void pleat_mirror(float *images, int n, const int dim[3], int channels, int mirror) {
    pleat_window_walk walk;
    pleat_window_walk_of(dim, (const int[3]){0, 0, 0}, mirror, &walk);
    const size_t voxels = pleat_voxels(dim), values = (size_t)channels;
    for (size_t v = 0; v < voxels * (size_t)n && mirror != 0; v++) {
        const size_t at = v % voxels, plane = (size_t)dim[1] * (size_t)dim[2];
        const ptrdiff_t to = walk.first + (ptrdiff_t)(at / plane) * walk.step[0] +
                             (ptrdiff_t)(at % plane / (size_t)dim[2]) * walk.step[1] +
                             (ptrdiff_t)(at % (size_t)dim[2]) * walk.step[2];
        if ((size_t)to <= at) continue; /* swapped already, or its own place */
        float *a = images + v * values, *b = images + (v - at + (size_t)to) * values;
        for (size_t c = 0; c < values; c++) {
            const float x = a[c];
            a[c] = b[c];
            b[c] = x;
        }
    }
}

pleat_status pleat_argmax(const float *sum, size_t voxels, int classes, uint8_t *label) {
    PLEAT_CHECK(classes >= 1 && classes <= PLEAT_MAX_CLASSES, PLEAT_ERR_ARG,
                "%d classes do not fit a label of 8 bits; use 1 to %d", classes, PLEAT_MAX_CLASSES);
#pragma omp parallel for schedule(static)
    for (size_t v = 0; v < voxels; v++) {
        const float *value = sum + v * (size_t)classes;
        int best = 0;
        for (int c = 1; c < classes; c++)
            if (value[c] > value[best]) best = c;
        label[v] = (uint8_t)best;
    }
    return PLEAT_OK;
}

void pleat_region_labels(const float *sum, size_t voxels, int regions, float above,
                         const uint8_t *writes, uint8_t *label) {
#pragma omp parallel for schedule(static)
    for (size_t v = 0; v < voxels; v++) {
        const float *value = sum + v * (size_t)regions;
        int last = regions - 1;
        while (last >= 0 && !(value[last] > above)) last--;
        label[v] = last >= 0 ? writes[last] : 0;
    }
}

/* ---- planes under way ------------------------------------------------------------------------ */

struct pleat_window_band {
    const pleat_window *window; /* not owned */
    int classes, planes;        /* planes of `sum` */
    int done;                   /* planes of the volume that are labelled */
    float *sum;                 /* [planes,H,W,K] */
    uint8_t *labels;            /* [dim], not owned */
};

/* The first plane of window i; of the one behind the last, the end. */
static int first_plane(const pleat_window *window, int i) {
    if (i >= pleat_window_count(window)) return window->dim[0];
    const int start = window->start[0][i / window->count[2] / window->count[1]];
    return start > 0 ? start : 0;
}

/* The most that the windows of a batch reach over. */
static int count_planes(const pleat_window *window, int batch) {
    const int n = pleat_window_count(window);
    int most = 0;
    for (int i = 0; i < n; i += batch) {
        const int last = i + batch < n ? i + batch - 1 : n - 1;
        const int end = first_plane(window, last) + window->window[0];
        const int planes = (end < window->dim[0] ? end : window->dim[0]) - first_plane(window, i);
        most = planes > most ? planes : most;
    }
    return most;
}

static size_t plane_values(const pleat_window *window, int classes) {
    return (size_t)window->dim[1] * (size_t)window->dim[2] * (size_t)classes;
}

size_t pleat_window_band_bytes(const pleat_window *window, int batch, int classes) {
    return (size_t)count_planes(window, batch) * plane_values(window, classes) * sizeof(float);
}

pleat_status pleat_window_band_create(const pleat_window *window, int batch, int classes,
                                      uint8_t *labels, pleat_window_band **out) {
    const int *dim = window->dim;
    const size_t bytes = pleat_window_band_bytes(window, batch, classes);
    PLEAT_TRY(pleat_memory_check((double)bytes,
                                 "the prediction of %d x %d x %d voxels of %d "
                                 "classes",
                                 dim[2], dim[1], dim[0], classes));
    pleat_window_band *band = malloc(sizeof *band);
    float *sum = calloc(bytes / sizeof *sum + 1, sizeof *sum); /* never of no bytes */
    if (band == NULL || sum == NULL) {
        free(band);
        free(sum);
        return PLEAT_FAIL(PLEAT_ERR_MEMORY,
                          "no memory to predict %d x %d x %d voxels of %d classes (%.1f GiB)",
                          dim[2], dim[1], dim[0], classes, (double)bytes / 0x1p30);
    }
    *band = (pleat_window_band){
        .window = window, .classes = classes, .planes = count_planes(window, batch), .sum = sum};
    band->labels = labels;
    *out = band;
    return PLEAT_OK;
}

pleat_status pleat_window_band_pass(pleat_window_band *band, int i) {
    const size_t values = plane_values(band->window, band->classes);
    const size_t voxels = values / (size_t)band->classes;
    for (const int end = first_plane(band->window, i); band->done < end; band->done++) {
        float *plane = band->sum + (size_t)(band->done % band->planes) * values;
        PLEAT_TRY(
            pleat_argmax(plane, voxels, band->classes, band->labels + (size_t)band->done * voxels));
        memset(plane, 0, values * sizeof *plane); /* for the one that takes its place */
    }
    return PLEAT_OK;
}

void pleat_window_band_add(pleat_window_band *band, int i, int mirror, const float *probs) {
    accumulate(band->window, i, mirror, probs, band->classes, band->planes, band->sum);
}

void pleat_window_band_free(pleat_window_band *band) {
    if (band == NULL) return;
    free(band->sum);
    free(band);
}
