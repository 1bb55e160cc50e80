/* conv_first.c - the first layer of an image of one channel: which of our kernels is the faster. */
#include "conv_first.h"
#include "pleat/log.h"

#include <cudnn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RUNS       3    /* timed, after one */
#define MOST_ERROR 1e-4 /* of tiles against the other kernel, |difference|^2 / |result|^2 */

enum { TAPS = 27, PASSES = 2 };
static const pleat_pass passes[PASSES] = {PLEAT_PASS_FORWARD, PLEAT_PASS_WEIGHTS};

int pleat_conv_first_has(const pleat_cuda *e, const pleat_conv_desc *d) {
    for (int a = 0; a < 3; a++)
        if (d->kernel[a] != 3 || d->stride[a] != 1 || d->before[a] != 1) return 0;
    return e->base.act == PLEAT_BF16 && d->cin == 1 && !d->want_dx && d->cout % 8 == 0 &&
           d->cout <= PLEAT_CUDA_FIRST_MOST;
}

pleat_status pleat_conv_first_forward(pleat_cuda *e, const pleat_conv *conv, const float *bias,
                                      const void *x, void *y, pleat_cuda_partials *sums) {
    const pleat_conv_desc *d = &conv->desc;
    const int grid[4] = {d->n, d->d, d->h, d->w};
    if (sums != NULL) sums->rows = 0;
    if (conv->tiles[PLEAT_PASS_FORWARD])
        CUDA_TRY(pleat_cuda_first_forward_tiles(grid, x, conv->weights, bias, d->relu, y,
                                                e->processors, sums, e->stream));
    else
        CUDA_TRY(
            pleat_cuda_first_forward(grid, x, conv->weights, bias, d->cout, d->relu, y, e->stream));
    return PLEAT_OK;
}

pleat_status pleat_conv_first_weights(pleat_cuda *e, const pleat_conv *conv, const void *x,
                                      const void *dy, float *dweights) {
    const pleat_conv_desc *d = &conv->desc;
    const int grid[4] = {d->n, d->d, d->h, d->w};
    if (conv->tiles[PLEAT_PASS_WEIGHTS])
        CUDA_TRY(pleat_cuda_first_weights_tiles(grid, x, dy, e->workspace.data, dweights,
                                                e->processors, e->stream));
    else
        CUDA_TRY(pleat_cuda_first_weights(grid, x, dy, d->cout, e->workspace.data, dweights,
                                          e->processors, e->stream));
    return PLEAT_OK;
}

/* ---- which ---- */

typedef struct trial {
    pleat_conv *conv;
    void *x, *dy, *result[2]; /* of walkers, of tiles: y, or dweights */
    double *sums;             /* of a distance */
    cudaEvent_t begin, end;
    float milliseconds[2];
    double error;
} trial;

static void trial_close(trial *t) {
    void *const all[] = {t->x, t->dy, t->result[0], t->result[1], t->sums};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) (void)cudaFree(all[i]);
    if (t->begin != NULL) (void)cudaEventDestroy(t->begin);
    if (t->end != NULL) (void)cudaEventDestroy(t->end);
}

static pleat_status trial_open(pleat_cuda *e, pleat_conv *conv, pleat_pass pass, trial *t) {
    const size_t y = conv->voxels * (size_t)conv->desc.cout;
    const size_t weights = TAPS * (size_t)conv->desc.cout;
    const size_t bytes = pass == PLEAT_PASS_FORWARD ? y * 2 : weights * sizeof(float);
    *t = (trial){.conv = conv};
    CUDA_TRY(cudaMalloc(&t->x, conv->voxels * 2));
    CUDA_TRY(pleat_cuda_noise(PLEAT_BF16, conv->voxels, t->x, e->stream));
    CUDA_TRY(pleat_cuda_noise(PLEAT_BF16, weights * 8, conv->weights, e->stream));
    if (pass == PLEAT_PASS_WEIGHTS) {
        CUDA_TRY(cudaMalloc(&t->dy, y * 2));
        CUDA_TRY(pleat_cuda_noise(PLEAT_BF16, y, t->dy, e->stream));
    }
    for (int i = 0; i < 2; i++) {
        CUDA_TRY(cudaMalloc(&t->result[i], bytes));
        CUDA_TRY(cudaMemsetAsync(t->result[i], 0, bytes, e->stream));
    }
    CUDA_TRY(cudaMalloc((void **)&t->sums, sizeof(double[2 * PLEAT_CUDA_DISTANCE])));
    CUDA_TRY(cudaEventCreate(&t->begin));
    CUDA_TRY(cudaEventCreate(&t->end));
    return PLEAT_OK;
}

static pleat_status run(pleat_cuda *e, pleat_pass pass, const trial *t, int tiles) {
    t->conv->tiles[pass] = tiles;
    if (pass == PLEAT_PASS_FORWARD)
        return pleat_conv_first_forward(e, t->conv, NULL, t->x, t->result[tiles], NULL);
    return pleat_conv_first_weights(e, t->conv, t->x, t->dy, t->result[tiles]);
}

static pleat_status time_runs(pleat_cuda *e, pleat_pass pass, trial *t, int tiles) {
    CUDA_TRY(cudaEventRecord(t->begin, e->stream));
    for (int i = 0; i < RUNS; i++) PLEAT_TRY(run(e, pass, t, tiles));
    CUDA_TRY(cudaEventRecord(t->end, e->stream));
    CUDA_TRY(cudaEventSynchronize(t->end));
    CUDA_TRY(cudaEventElapsedTime(&t->milliseconds[tiles], t->begin, t->end));
    t->milliseconds[tiles] /= RUNS;
    return PLEAT_OK;
}

/* Of y on the GPU, of the few weights here. */
static pleat_status find_error(pleat_cuda *e, pleat_pass pass, trial *t) {
    static const size_t most = (size_t)TAPS * PLEAT_CUDA_FIRST_MOST;
    double pairs[2 * PLEAT_CUDA_DISTANCE] = {0}, apart = 0, whole = 0;
    float weights[2][TAPS * PLEAT_CUDA_FIRST_MOST];
    const size_t cout = (size_t)t->conv->desc.cout, n = TAPS * cout < most ? TAPS * cout : most;
    if (pass == PLEAT_PASS_FORWARD) {
        CUDA_TRY(pleat_cuda_distance(PLEAT_BF16, t->result[1], t->result[0], t->conv->voxels * cout,
                                     t->sums, e->stream));
        CUDA_TRY(cudaMemcpyAsync(pairs, t->sums, sizeof pairs, cudaMemcpyDeviceToHost, e->stream));
        CUDA_TRY(cudaStreamSynchronize(e->stream));
        for (size_t i = 0; i < PLEAT_CUDA_DISTANCE; i++) {
            apart += pairs[2 * i];
            whole += pairs[2 * i + 1];
        }
    } else {
        for (int i = 0; i < 2; i++)
            CUDA_TRY(cudaMemcpyAsync(weights[i], t->result[i], n * sizeof *weights[i],
                                     cudaMemcpyDeviceToHost, e->stream));
        CUDA_TRY(cudaStreamSynchronize(e->stream));
        for (size_t i = 0; i < n; i++) {
            const double a = weights[0][i], b = weights[1][i];
            apart += (a - b) * (a - b);
            whole += a * a;
        }
    }
    t->error = apart / whole;
    return PLEAT_OK;
}

static pleat_status compare(pleat_cuda *e, pleat_pass pass, trial *t) {
    for (int tiles = 0; tiles < 2; tiles++) PLEAT_TRY(run(e, pass, t, tiles)); /* loads them */
    PLEAT_TRY(find_error(e, pass, t));
    for (int tiles = 0; tiles < 2; tiles++) PLEAT_TRY(time_runs(e, pass, t, tiles));
    return PLEAT_OK;
}

/* As conv_plan.c's: "own" and "cudnn" are for tests and measurements. */
static int prefers_tiles(const trial *t) {
    const char *told = getenv("PLEAT_CUDA_CONV");
    if (told != NULL && strcmp(told, "own") == 0) return 1;
    return (told == NULL || strcmp(told, "cudnn") != 0) && t->milliseconds[1] < t->milliseconds[0];
}

/* Where tiles cannot be tried the others compute. */
static pleat_status choose(pleat_cuda *e, pleat_conv *conv, pleat_pass pass) {
    const pleat_conv_desc *d = &conv->desc;
    const pleat_conv_problem p = {pass,
                                  d->n,
                                  d->d,
                                  d->h,
                                  d->w,
                                  d->cin,
                                  d->cout,
                                  {3, 3, 3},
                                  {1, 1, 1},
                                  {1, 1, 1},
                                  PLEAT_PRECISION_BF16,
                                  0,
                                  d->relu,
                                  e->deterministic};
    char key[PLEAT_PLAN_TEXT];
    trial t;
    PLEAT_CHECK(pleat_conv_key(&p, e->gpu, cudnnGetVersion(), key, sizeof key), PLEAT_ERR_ENGINE,
                "the name of a plan is too long");
    const char *known = pleat_plan_cache_find(e->plans, key);
    conv->tiles[pass] = known != NULL && strcmp(known, "tiles") == 0;
    if (known != NULL) return PLEAT_OK;
    pleat_status status = trial_open(e, conv, pass, &t);
    if (status == PLEAT_OK) status = compare(e, pass, &t);
    conv->tiles[pass] = status == PLEAT_OK && t.error <= MOST_ERROR && prefers_tiles(&t);
    trial_close(&t);
    if (status != PLEAT_OK) {
        pleat_log(PLEAT_DEBUG, "plan %s: tiles do not run: %s", key, pleat_error_message());
        (void)cudaGetLastError();
        return PLEAT_OK;
    }
    if (t.error > MOST_ERROR)
        pleat_log(PLEAT_INFO, "our own kernel is not used, it is wrong here (error %.1e): %s",
                  t.error, key);
    pleat_log(PLEAT_DEBUG, "plan %s: engine %s, tiles %.3f ms, walk %.3f ms, error %.1e", key,
              conv->tiles[pass] ? "tiles" : "walk", (double)t.milliseconds[1],
              (double)t.milliseconds[0], t.error);
    return pleat_plan_cache_put(e->plans, key, conv->tiles[pass] ? "tiles" : "walk");
}

pleat_status pleat_conv_first_prepare(pleat_cuda *e, pleat_conv *conv) {
    PLEAT_TRY(pleat_cuda_reserve(&e->workspace,
                                 pleat_cuda_first_partials(e->processors, conv->desc.cout)));
    if (!pleat_cuda_first_tiles_has(e->capability, conv->desc.cout)) return PLEAT_OK;
    for (int i = 0; i < PASSES; i++)
        if (passes[i] == PLEAT_PASS_FORWARD || conv->desc.train)
            PLEAT_TRY(choose(e, conv, passes[i]));
    return PLEAT_OK;
}
