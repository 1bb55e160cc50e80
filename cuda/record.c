/* record.c - what the engine is told between two calls, as a CUDA graph.
 *
 * The stream captures: cuDNN, cuBLAS and our kernels queue as always, nothing is computed, and all
 * of it becomes one graph. A call that cannot be captured makes the capture fail, and the caller
 * computes without. Addresses are part of the graph, so it is no longer valid when one of the
 * engine's own buffers has moved.
 */
#include "engine_impl.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFERS = 4 };

struct pleat_recording {
    cudaGraphExec_t graph;
    const void *buffers[BUFFERS]; /* the engine's, as they lay */
};

static void buffers_of(const pleat_cuda *e, const void *out[BUFFERS]) {
    const void *const now[BUFFERS] = {e->workspace.data, e->from.data, e->to.data,
                                      e->dweights.data};
    memcpy(out, now, sizeof now);
}

static pleat_status begin(pleat_engine *engine) {
    const char *wish = getenv("PLEAT_CUDA_GRAPH");
    PLEAT_CHECK(wish == NULL || strcmp(wish, "off") != 0, PLEAT_ERR_UNSUPPORTED,
                "PLEAT_CUDA_GRAPH=off");
    /* Of this thread: others may go on to allocate. */
    CUDA_TRY(
        cudaStreamBeginCapture(pleat_cuda_of(engine)->stream, cudaStreamCaptureModeThreadLocal));
    return PLEAT_OK;
}

static pleat_status instantiate(const pleat_cuda *e, cudaGraph_t graph, pleat_recording **out) {
    pleat_recording *r = calloc(1, sizeof *r);
    PLEAT_CHECK(r != NULL, PLEAT_ERR_MEMORY, "no memory for a recording");
    const cudaError_t code = cudaGraphInstantiate(&r->graph, graph, 0);
    if (code != cudaSuccess) {
        free(r);
        CUDA_TRY(code);
    }
    buffers_of(e, r->buffers);
    *out = r;
    return PLEAT_OK;
}

static pleat_status end(pleat_engine *engine, pleat_status told, pleat_recording **out) {
    const pleat_cuda *e = pleat_cuda_of(engine);
    cudaGraph_t graph = NULL;
    pleat_recording *r = NULL;
    const cudaError_t code = cudaStreamEndCapture(e->stream, &graph);
    pleat_status status = told;
    if (code != cudaSuccess) (void)cudaGetLastError(); /* else the next launch would report it */
    if (status == PLEAT_OK && code != cudaSuccess)
        status = PLEAT_FAIL(PLEAT_ERR_ENGINE, "the capture failed: %s", cudaGetErrorString(code));
    if (status == PLEAT_OK) status = instantiate(e, graph, &r);
    if (graph != NULL) (void)cudaGraphDestroy(graph);
    if (status == PLEAT_OK) *out = r;
    return status;
}

static int is_current(pleat_engine *engine, const pleat_recording *made) {
    const void *now[BUFFERS];
    buffers_of(pleat_cuda_of(engine), now);
    return memcmp(now, made->buffers, sizeof now) == 0;
}

static pleat_status play(pleat_engine *engine, pleat_recording *made) {
    CUDA_TRY(cudaGraphLaunch(made->graph, pleat_cuda_of(engine)->stream));
    return PLEAT_OK;
}

static void destroy(pleat_recording *r) {
    if (r == NULL) return;
    (void)cudaGraphExecDestroy(r->graph);
    free(r);
}

const pleat_record_ops pleat_cuda_record = {
    .begin = begin,
    .end = end,
    .is_current = is_current,
    .play = play,
    .destroy = destroy,
};
