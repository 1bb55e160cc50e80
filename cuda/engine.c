/* engine.c - the GPU engine: which GPU, in which precision, and what it holds. */
#include "engine_impl.h"
#include "pleat/log.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Bytes; and an eighth of its memory at most. Some engines of the paper's net want 1.5 GiB. */
#define WORKSPACE_MOST ((size_t)2 << 30)

void pleat_cuda_destroy(pleat_engine *engine) {
    pleat_cuda *e = pleat_cuda_of(engine);
    if (e->stream != NULL) (void)cudaStreamSynchronize(e->stream);
    for (int i = 0; i < PLEAT_CUDA_SLOTS; i++) {
        (void)cudaFreeHost(e->slots[i].host);
        (void)cudaFree(e->slots[i].device);
        if (e->slots[i].empty != NULL) (void)cudaEventDestroy(e->slots[i].empty);
    }
    (void)cudaFree(e->workspace.data);
    (void)cudaFree(e->from.data);
    (void)cudaFree(e->to.data);
    (void)cudaFree(e->dweights.data);
    (void)cudaFree(e->partials);
    (void)cudaFree(e->counted.data);
    if (e->cudnn != NULL) (void)cudnnDestroy(e->cudnn);
    if (e->blas != NULL) (void)cublasLtDestroy(e->blas);
    if (e->stream != NULL) (void)cudaStreamDestroy(e->stream);
    pleat_plan_cache_close(e->plans);
    pleat_cuda_meter_close(e->meter);
    free(e);
}

/* This process's number among those of its node, as the launcher says; 0 without one. */
static int local_rank(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID",
                                        "MV2_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = getenv(names[i]);
        if (text == NULL) continue;
        char *end = NULL;
        const long rank = strtol(text, &end, 10);
        if (end != text && *end == '\0' && rank >= 0 && rank <= INT_MAX) return (int)rank;
    }
    return 0;
}

static pleat_status choose_device(pleat_cuda *e, int wanted) {
    int count = 0;
    CUDA_TRY(cudaGetDeviceCount(&count));
    PLEAT_CHECK(count > 0, PLEAT_ERR_UNSUPPORTED, "engine 'cudnn': no GPU is visible");
    PLEAT_CHECK(wanted < count, PLEAT_ERR_ARG, "device = %d, but %d GPUs are visible (from 0)",
                wanted, count);
    e->device = wanted >= 0 ? wanted : local_rank() % count;
    CUDA_TRY(cudaSetDevice(e->device));
    return PLEAT_OK;
}

/* Releases that compute some 3-D convolutions wrongly, without a word: PyTorch's issue 163539 and
 * pull request 167024. From `first` on, before `sound`. */
static const struct {
    pleat_precision precision;
    size_t first, sound;
} wrong_releases[] = {{PLEAT_PRECISION_BF16, 90800, 91500}, {PLEAT_PRECISION_TF32, 91002, 91600}};

static int is_wrong(pleat_precision precision, size_t cudnn) {
    for (size_t i = 0; i < sizeof wrong_releases / sizeof *wrong_releases; i++)
        if (wrong_releases[i].precision == precision && cudnn >= wrong_releases[i].first &&
            cudnn < wrong_releases[i].sound)
            return 1;
    return 0;
}

/* bf16 where the tensor cores have it and nothing else was asked for; tf32 came with it. What cuDNN
 * may compute wrongly is done only for who asks for it by name. */
static pleat_precision choose_precision(pleat_precision wanted, int major, size_t cudnn) {
    if (major >= 8) {
        const int automatic = wanted == PLEAT_PRECISION_AUTO;
        const pleat_precision precision = automatic ? PLEAT_PRECISION_BF16 : wanted;
        if (!is_wrong(precision, cudnn)) return precision;
        pleat_log(PLEAT_INFO,
                  "cuDNN %zu.%zu.%zu computes some 3-D convolutions in %s wrongly%s; 9.16 "
                  "is sound",
                  cudnn / 10000, cudnn / 100 % 100, cudnn % 100, pleat_precision_name(precision),
                  automatic ? ": computing in f32, which is slower" : "");
        return automatic ? PLEAT_PRECISION_F32 : precision;
    }
    if (wanted == PLEAT_PRECISION_BF16 || wanted == PLEAT_PRECISION_TF32)
        pleat_log(PLEAT_INFO, "this GPU has no %s; computing in f32", pleat_precision_name(wanted));
    return PLEAT_PRECISION_F32;
}

static pleat_status describe(pleat_cuda *e, pleat_precision wanted) {
    struct cudaDeviceProp p;
    char bus[32]; /* tells GPUs apart where each process sees its own as number 0 */
    CUDA_TRY(cudaGetDeviceProperties(&p, e->device));
    CUDA_TRY(cudaDeviceGetPCIBusId(bus, (int)sizeof bus, e->device));
    const size_t version = cudnnGetVersion(); /* 9.19.0 is 91900 */
    e->base.precision = choose_precision(wanted, p.major, version);
    e->base.act = e->base.precision == PLEAT_PRECISION_BF16 ? PLEAT_BF16 : PLEAT_F32;
    e->base.real = PLEAT_F32;
    e->base.host_memory = 0;
    e->base.threads = 1;
    e->base.bias_by_norm = 1;
    e->processors = p.multiProcessorCount;
    e->capability = 10 * p.major + p.minor;
    (void)snprintf(e->gpu, sizeof e->gpu, "%.63s", p.name);
    (void)snprintf(e->base.device, sizeof e->base.device, "%.63s, %.0f GiB, sm_%d%d, GPU %d (%s)",
                   p.name, (double)p.totalGlobalMem / 0x1p30, p.major, p.minor, e->device, bus);
    (void)snprintf(e->base.library, sizeof e->base.library, "cuDNN %zu.%zu.%zu", version / 10000,
                   version / 100 % 100, version % 100);
    e->workspace_limit = p.totalGlobalMem / 8;
    if (e->workspace_limit > WORKSPACE_MOST) e->workspace_limit = WORKSPACE_MOST;
    return PLEAT_OK;
}

static pleat_status make_slots(pleat_cuda *e) {
    for (int i = 0; i < PLEAT_CUDA_SLOTS; i++) {
        pleat_cuda_slot *slot = &e->slots[i];
        CUDA_TRY(cudaMallocHost(&slot->host, PLEAT_CUDA_SLOT_BYTES));
        CUDA_TRY(cudaMalloc((void **)&slot->device, PLEAT_CUDA_SLOT_BYTES));
        CUDA_TRY(cudaEventCreateWithFlags(&slot->empty, cudaEventDisableTiming));
    }
    return PLEAT_OK;
}

static pleat_status open_libraries(pleat_cuda *e) {
    char path[PATH_MAX];
    CUDA_TRY(cudaStreamCreateWithFlags(&e->stream, cudaStreamNonBlocking));
    CUDNN_TRY(cudnnCreate(&e->cudnn));
    CUDNN_TRY(cudnnSetStream(e->cudnn, e->stream));
    CUBLAS_TRY(cublasLtCreate(&e->blas));
    CUDA_TRY(cudaMalloc((void **)&e->partials, PLEAT_CUDA_PARTIALS * sizeof *e->partials));
    CUDA_TRY(
        cudaMalloc((void **)&e->counted.data,
                   (size_t)e->processors * 2 * PLEAT_CUDA_COUNTED_MOST * sizeof *e->counted.data));
    PLEAT_TRY(make_slots(e));
    pleat_plan_cache_path(path, sizeof path);
    return pleat_plan_cache_open(path, &e->plans);
}

pleat_status pleat_cuda_create(const pleat_engine_options *options, pleat_engine **out) {
    pleat_status status = PLEAT_OK;
    pleat_cuda *e = calloc(1, sizeof *e);
    PLEAT_CHECK(e != NULL, PLEAT_ERR_MEMORY, "cannot allocate the cuDNN engine");
    e->deterministic = options->deterministic;
    e->base.ops = &pleat_cuda_table;
    PLEAT_TRY_GOTO(status, done, choose_device(e, options->device));
    PLEAT_TRY_GOTO(status, done, describe(e, options->precision));
    PLEAT_TRY_GOTO(status, done, open_libraries(e));
    *out = &e->base;
    e = NULL;
done:
    if (e != NULL) pleat_cuda_destroy(&e->base);
    return status;
}
