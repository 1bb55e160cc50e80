/* device.c - the device of an engine in host memory. */
#include "pleat/device.h"

#include "pleat/memory.h"
#include "pleat/volume.h"

#include <stdlib.h>

/* --- windows ---------------------------------------------------------------------------------- */

struct pleat_window_sum {
    const pleat_window *window; /* not owned */
    int classes;
    float *sum; /* [D,H,W,K] */
};

static size_t bytes(const pleat_window *window, int classes) {
    return pleat_voxels(window->dim) * (size_t)classes * sizeof(float);
}

static void destroy(pleat_window_sum *s) {
    if (s == NULL) return;
    free(s->sum);
    free(s);
}

static pleat_status create(pleat_engine *engine, const pleat_window *window, int classes,
                           pleat_window_sum **out) {
    (void)engine;
    const int *dim = window->dim;
    const size_t n = bytes(window, classes);
    PLEAT_TRY(pleat_memory_check((double)n, "the prediction of %d x %d x %d voxels of %d classes",
                                 dim[2], dim[1], dim[0], classes));
    pleat_window_sum *s = calloc(1, sizeof *s);
    float *sum = calloc(1, n);
    if (s == NULL || sum == NULL) {
        free(s);
        free(sum);
        return PLEAT_FAIL(PLEAT_ERR_MEMORY,
                          "no memory to predict %d x %d x %d voxels of %d classes (%.1f GiB)",
                          dim[2], dim[1], dim[0], classes, (double)n / 0x1p30);
    }
    *s = (pleat_window_sum){window, classes, sum};
    *out = s;
    return PLEAT_OK;
}

static pleat_status add(pleat_window_sum *s, int i, int mirror, const float *probs) {
    pleat_window_accumulate(s->window, i, mirror, probs, s->classes, s->sum);
    return PLEAT_OK;
}

static pleat_status label(pleat_window_sum *s, uint8_t *labels) {
    return pleat_argmax(s->sum, pleat_voxels(s->window->dim), s->classes, labels);
}

static pleat_status values(pleat_window_sum *s, float **out) {
    *out = s->sum;
    s->sum = NULL;
    return PLEAT_OK;
}

const pleat_window_ops pleat_host_windows = {
    .bytes = bytes,
    .create = create,
    .destroy = destroy,
    .add = add,
    .label = label,
    .values = values,
};

/* --- the rest: nothing of its own ------------------------------------------------------------- */

static pleat_status memory(pleat_engine *engine, size_t *unused, size_t *total) {
    (void)engine;
    *unused = *total = 0;
    return PLEAT_OK;
}

static void meter(pleat_engine *engine, pleat_meters *out) {
    (void)engine;
    *out = (pleat_meters){-1.0, -1.0, -1.0, -1.0};
}

static pleat_status comm_create(pleat_comm *control, pleat_engine *engine, double timeout_s,
                                const char *me, int share, pleat_comm **out) {
    (void)control, (void)engine, (void)timeout_s, (void)me, (void)share;
    *out = NULL;
    return PLEAT_OK;
}

static const pleat_device_ops host = {
    .memory = memory,
    .windows = &pleat_host_windows,
    .meter = meter,
    .comm_create = comm_create,
};

const pleat_device_ops *pleat_device_of(const pleat_engine *engine) {
    return engine->ops->device != NULL ? engine->ops->device : &host;
}
