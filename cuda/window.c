/* window.c - the sum of a volume's windows in the GPU's memory, and its labels.
 *
 * One block of memory: weights [windows of each axis, window] double | sum [D,H,W,K] | labels.
 */
#include "engine_impl.h"

#include "pleat/volume.h"

#include <stdlib.h>

struct pleat_window_sum {
    pleat_engine *engine;
    const pleat_window *window; /* not owned */
    int classes;
    /* GPU: */
    void *block;
    double *weight[3]; /* as the window's */
    float *sum;
    uint8_t *labels;
};

static size_t weights_of(const pleat_window *window, int axis) {
    return (size_t)window->count[axis] * (size_t)window->window[axis];
}

static size_t bytes(const pleat_window *window, int classes) {
    size_t weights = 0;
    for (int a = 0; a < 3; a++) weights += weights_of(window, a);
    return weights * sizeof(double) +
           pleat_voxels(window->dim) * ((size_t)classes * sizeof(float) + 1);
}

static void destroy(pleat_window_sum *s) {
    if (s == NULL) return;
    pleat_cuda_free(s->engine, s->block);
    free(s);
}

static pleat_status place(pleat_window_sum *s) {
    const pleat_window *window = s->window;
    PLEAT_TRY(pleat_cuda_alloc(s->engine, bytes(window, s->classes), &s->block));
    double *next = s->block;
    for (int a = 0; a < 3; a++) {
        const size_t n = weights_of(window, a);
        s->weight[a] = next;
        PLEAT_TRY(pleat_cuda_upload(s->engine, next, window->weight[a], n * sizeof *next));
        next += n;
    }
    s->sum = (float *)next;
    s->labels = (uint8_t *)(s->sum + pleat_voxels(window->dim) * (size_t)s->classes);
    return PLEAT_OK;
}

static pleat_status create(pleat_engine *engine, const pleat_window *window, int classes,
                           pleat_window_sum **out) {
    PLEAT_CHECK(classes >= 1 && classes <= PLEAT_MAX_CLASSES, PLEAT_ERR_ARG,
                "%d classes do not fit a label of 8 bits; use 1 to %d", classes, PLEAT_MAX_CLASSES);
    pleat_window_sum *s = calloc(1, sizeof *s);
    PLEAT_CHECK(s != NULL, PLEAT_ERR_MEMORY, "no memory to merge windows");
    s->engine = engine;
    s->window = window;
    s->classes = classes;
    const pleat_status status = place(s);
    if (status != PLEAT_OK) {
        destroy(s);
        return status;
    }
    *out = s;
    return PLEAT_OK;
}

static pleat_status add(pleat_window_sum *s, int i, int mirror, const float *probs) {
    const pleat_window *window = s->window;
    const int *dim = window->dim;
    pleat_window_part p;
    pleat_window_walk walk;
    pleat_window_part_of(window, i, &p);
    pleat_window_walk_of(window->window, p.from, mirror, &walk);
    pleat_cuda_part part = {.volume = {dim[1], dim[2]}, .least = window->least};
    size_t voxel = 0; /* the part's first in the volume */
    for (int a = 0; a < 3; a++) {
        part.size[a] = p.to[a] - p.from[a];
        part.weight[a] = s->weight[a] + (p.weight[a] - window->weight[a]) + p.from[a];
        part.step[a] = walk.step[a];
        voxel = voxel * (size_t)dim[a] + (size_t)(p.start[a] + p.from[a]);
    }
    const size_t classes = (size_t)s->classes;
    CUDA_TRY(pleat_cuda_window_add(probs + walk.first * (ptrdiff_t)classes, &part, s->classes,
                                   s->sum + voxel * classes, pleat_cuda_of(s->engine)->stream));
    return PLEAT_OK;
}

static pleat_status label(pleat_window_sum *s, uint8_t *labels) {
    const size_t voxels = pleat_voxels(s->window->dim);
    CUDA_TRY(
        pleat_cuda_argmax(s->sum, voxels, s->classes, s->labels, pleat_cuda_of(s->engine)->stream));
    return pleat_cuda_download(s->engine, labels, s->labels, voxels);
}

static pleat_status values(pleat_window_sum *s, float **out) {
    const size_t n = pleat_voxels(s->window->dim) * (size_t)s->classes;
    float *host = malloc(n * sizeof *host);
    PLEAT_CHECK(host != NULL, PLEAT_ERR_MEMORY, "no memory for %zu probabilities", n);
    const pleat_status status = pleat_cuda_download(s->engine, host, s->sum, n * sizeof *host);
    if (status == PLEAT_OK)
        *out = host;
    else
        free(host);
    return status;
}

const pleat_window_ops pleat_cuda_windows = {
    .bytes = bytes,
    .create = create,
    .destroy = destroy,
    .add = add,
    .label = label,
    .values = values,
};
