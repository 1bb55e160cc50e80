/* matmul.c - one matrix product of cuBLASLt, prepared once: the fastest of its algorithms. */
#include "matmul.h"

#include "pleat/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKSPACE       ((size_t)32 << 20) /* bytes; what cuBLAS takes by itself on Hopper */
#define MOST_ALGORITHMS 16                 /* that are timed; they come best first */
#define RUNS            3                  /* timed, after one to warm up */
#define FORM            "1"                /* of a key; it changes with what a choice depends on */

struct pleat_matmul {
    cublasLtMatmulDesc_t op;
    cublasLtMatrixLayout_t a, b, d;
    cublasLtMatmulAlgo_t algorithm;
    int accumulate;
};

static cudaDataType_t data_type(pleat_dtype type) {
    return type == PLEAT_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

/* bf16 products are exact in float; those of float are not in tf32, so it must be asked for. */
static pleat_status describe(pleat_cuda *e, const pleat_matmul_shape *s, pleat_matmul *p) {
    const cublasComputeType_t compute = e->base.precision == PLEAT_PRECISION_TF32
                                            ? CUBLAS_COMPUTE_32F_FAST_TF32
                                            : CUBLAS_COMPUTE_32F;
    const cublasOperation_t a = s->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t b = s->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    CUBLAS_TRY(cublasLtMatmulDescCreate(&p->op, compute, CUDA_R_32F));
    CUBLAS_TRY(cublasLtMatmulDescSetAttribute(p->op, CUBLASLT_MATMUL_DESC_TRANSA, &a, sizeof a));
    CUBLAS_TRY(cublasLtMatmulDescSetAttribute(p->op, CUBLASLT_MATMUL_DESC_TRANSB, &b, sizeof b));
    if (s->bias == NULL) return PLEAT_OK;
    const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
    const int32_t type = CUDA_R_32F;
    CUBLAS_TRY(cublasLtMatmulDescSetAttribute(p->op, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
                                              sizeof epilogue));
    CUBLAS_TRY(cublasLtMatmulDescSetAttribute(p->op, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &s->bias,
                                              sizeof s->bias));
    CUBLAS_TRY(cublasLtMatmulDescSetAttribute(p->op, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &type,
                                              sizeof type));
    return PLEAT_OK;
}

static pleat_status lay_out(const pleat_matmul_shape *s, pleat_matmul *p) {
    const size_t rows_a = s->transpose_a ? s->k : s->m, columns_a = s->transpose_a ? s->m : s->k;
    const size_t rows_b = s->transpose_b ? s->n : s->k, columns_b = s->transpose_b ? s->k : s->n;
    CUBLAS_TRY(
        cublasLtMatrixLayoutCreate(&p->a, data_type(s->in), rows_a, columns_a, (int64_t)rows_a));
    CUBLAS_TRY(
        cublasLtMatrixLayoutCreate(&p->b, data_type(s->in), rows_b, columns_b, (int64_t)rows_b));
    CUBLAS_TRY(cublasLtMatrixLayoutCreate(&p->d, data_type(s->out), s->m, s->n, (int64_t)s->m));
    return PLEAT_OK;
}

/* Sums of parts of k are added in float, in a fixed order: not in d's type, not where d lies. */
static pleat_status prefer(cublasLtMatmulPreference_t preference, const pleat_matmul_shape *s) {
    const uint32_t in = 16, out = (uint32_t)s->alignment;
    const uint32_t sums = CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    const size_t workspace = WORKSPACE;
    const struct {
        cublasLtMatmulPreferenceAttributes_t name;
        const uint32_t *value;
    } wishes[] = {{CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &in},
                  {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &in},
                  {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &out},
                  {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &out},
                  {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &sums}};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
        CUBLAS_TRY(cublasLtMatmulPreferenceSetAttribute(preference, wishes[i].name, wishes[i].value,
                                                        sizeof *wishes[i].value));
    CUBLAS_TRY(cublasLtMatmulPreferenceSetAttribute(
        preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace));
    return PLEAT_OK;
}

pleat_status pleat_matmul_run(pleat_cuda *e, const pleat_matmul *p, const void *a, const void *b,
                              void *d) {
    const float alpha = 1, beta = p->accumulate ? 1 : 0;
    CUBLAS_TRY(cublasLtMatmul(e->blas, p->op, &alpha, a, p->a, b, p->b, &beta, d, p->d, d, p->d,
                              &p->algorithm, e->workspace.data, e->workspace.bytes, e->stream));
    return PLEAT_OK;
}

/* ---- which algorithm ---- */

static int make_key(const pleat_cuda *e, const pleat_matmul_shape *s, char key[PLEAT_PLAN_TEXT]) {
    const int n =
        snprintf(key, PLEAT_PLAN_TEXT, FORM "|%s|%zu|product|%s|%zux%zux%zu|%c%c|%s%s%s|%d", e->gpu,
                 cublasLtGetVersion(), pleat_precision_name(e->base.precision), s->m, s->n, s->k,
                 s->transpose_a ? 't' : 'n', s->transpose_b ? 't' : 'n',
                 s->out == PLEAT_F32 ? "to f32" : "to bf16", s->bias != NULL ? ",bias" : "",
                 s->accumulate ? ",add" : "", s->alignment);
    return n > 0 && n < PLEAT_PLAN_TEXT;
}

/* An algorithm is eight numbers that may be kept, for the same version of cuBLAS. */
#define WORDS (sizeof((cublasLtMatmulAlgo_t *)0)->data / sizeof(uint64_t))

static void print_algorithm(const cublasLtMatmulAlgo_t *from, char text[PLEAT_PLAN_TEXT]) {
    for (size_t i = 0; i < WORDS; i++)
        (void)snprintf(text + 17 * i, PLEAT_PLAN_TEXT - 17 * i, "%016" PRIx64 "%s",
                       (uint64_t)from->data[i], i + 1 < WORDS ? "," : "");
}

static int parse_algorithm(const char *text, cublasLtMatmulAlgo_t *out) {
    for (size_t i = 0; i < WORDS; i++) {
        char *end = NULL;
        out->data[i] = strtoull(text, &end, 16);
        if (end != text + 16 || *end != (i + 1 < WORDS ? ',' : '\0')) return 0;
        text = end + 1;
    }
    return 1;
}

/* 1 when an earlier choice is known and cuBLAS still takes it. */
static int recall(pleat_cuda *e, const char *key, pleat_matmul *p, size_t *workspace) {
    cublasLtMatmulHeuristicResult_t found;
    const char *text = pleat_plan_cache_find(e->plans, key);
    if (text == NULL || !parse_algorithm(text, &p->algorithm)) return 0;
    if (cublasLtMatmulAlgoCheck(e->blas, p->op, p->a, p->b, p->d, p->d, &p->algorithm, &found) !=
        CUBLAS_STATUS_SUCCESS)
        return 0;
    *workspace = found.workspaceSize;
    return *workspace <= WORKSPACE;
}

static pleat_status name_algorithms(pleat_cuda *e, const pleat_matmul_shape *s,
                                    const pleat_matmul *p,
                                    cublasLtMatmulHeuristicResult_t found[MOST_ALGORITHMS],
                                    int *count) {
    pleat_status status = PLEAT_OK;
    cublasLtMatmulPreference_t preference = NULL;
    CUBLAS_TRY(cublasLtMatmulPreferenceCreate(&preference));
    PLEAT_TRY_GOTO(status, done, prefer(preference, s));
    CUBLAS_TRY_GOTO(status, done,
                    cublasLtMatmulAlgoGetHeuristic(e->blas, p->op, p->a, p->b, p->d, p->d,
                                                   preference, MOST_ALGORITHMS, found, count));
    PLEAT_CHECK_GOTO(status, done, *count > 0, PLEAT_ERR_ENGINE,
                     "cuBLAS has no product [%zu,%zu] x [%zu,%zu]", s->m, s->k, s->k, s->n);
done:
    (void)cublasLtMatmulPreferenceDestroy(preference);
    return status;
}

typedef struct trial { /* noise to run algorithms on */
    void *a, *b, *d;
    cudaEvent_t begin, end;
} trial;

static void trial_close(trial *t) {
    (void)cudaFree(t->a);
    (void)cudaFree(t->b);
    (void)cudaFree(t->d);
    if (t->begin != NULL) (void)cudaEventDestroy(t->begin);
    if (t->end != NULL) (void)cudaEventDestroy(t->end);
}

static pleat_status fill(pleat_cuda *e, pleat_dtype type, size_t n, void **out) {
    CUDA_TRY(cudaMalloc(out, n * pleat_dtype_size(type)));
    CUDA_TRY(pleat_cuda_noise(type, n, *out, e->stream));
    return PLEAT_OK;
}

static pleat_status trial_open(pleat_cuda *e, const pleat_matmul_shape *s, trial *t) {
    PLEAT_TRY(fill(e, s->in, s->m * s->k, &t->a));
    PLEAT_TRY(fill(e, s->in, s->k * s->n, &t->b));
    PLEAT_TRY(fill(e, s->out, s->m * s->n, &t->d));
    CUDA_TRY(cudaEventCreate(&t->begin));
    CUDA_TRY(cudaEventCreate(&t->end));
    return PLEAT_OK;
}

/* Milliseconds of a run of p->algorithm, or a negative number when it does not run. */
static float run_time(pleat_cuda *e, const pleat_matmul *p, const trial *t) {
    float milliseconds = 0;
    int good = pleat_matmul_run(e, p, t->a, t->b, t->d) == PLEAT_OK &&
               cudaEventRecord(t->begin, e->stream) == cudaSuccess;
    for (int i = 0; i < RUNS && good; i++)
        good = pleat_matmul_run(e, p, t->a, t->b, t->d) == PLEAT_OK;
    good = good && cudaEventRecord(t->end, e->stream) == cudaSuccess &&
           cudaEventSynchronize(t->end) == cudaSuccess &&
           cudaEventElapsedTime(&milliseconds, t->begin, t->end) == cudaSuccess;
    (void)cudaGetLastError();
    return good ? milliseconds / RUNS : -1;
}

/* The number of the fastest of those named, or -1. */
static pleat_status try_all(pleat_cuda *e, pleat_matmul *p, const trial *t,
                            const cublasLtMatmulHeuristicResult_t *found, int count, int *best) {
    float least = 0;
    *best = -1;
    for (int i = 0; i < count; i++) {
        if (found[i].state != CUBLAS_STATUS_SUCCESS) continue;
        PLEAT_TRY(pleat_cuda_reserve(&e->workspace, found[i].workspaceSize));
        p->algorithm = found[i].algo;
        const float time = run_time(e, p, t);
        if (time < 0 || (*best >= 0 && time >= least)) continue;
        *best = i;
        least = time;
    }
    CUDA_TRY(cudaStreamSynchronize(e->stream)); /* the noise is freed now */
    return PLEAT_OK;
}

/* cuBLAS's first is not the fastest of every shape: a result of 32 x 4 over millions of rows is
 * slow where k is not split well. */
static pleat_status search(pleat_cuda *e, const pleat_matmul_shape *s, const char *key,
                           pleat_matmul *p, size_t *workspace) {
    cublasLtMatmulHeuristicResult_t found[MOST_ALGORITHMS];
    char text[PLEAT_PLAN_TEXT];
    pleat_status status = PLEAT_OK;
    trial t = {.a = NULL};
    int count = 0, best = -1;
    PLEAT_TRY(name_algorithms(e, s, p, found, &count));
    PLEAT_TRY_GOTO(status, done, trial_open(e, s, &t));
    PLEAT_TRY_GOTO(status, done, try_all(e, p, &t, found, count, &best));
    PLEAT_CHECK_GOTO(status, done, best >= 0, PLEAT_ERR_ENGINE,
                     "cuBLAS does not run a product [%zu,%zu] x [%zu,%zu]", s->m, s->k, s->k, s->n);
    p->algorithm = found[best].algo;
    *workspace = found[best].workspaceSize;
    print_algorithm(&p->algorithm, text);
    pleat_log(PLEAT_DEBUG, "plan %s: the fastest of %d is number %d", key, count, best + 1);
    PLEAT_TRY_GOTO(status, done, pleat_plan_cache_put(e->plans, key, text));
done:
    trial_close(&t);
    return status;
}

static pleat_status choose(pleat_cuda *e, const pleat_matmul_shape *s, pleat_matmul *p) {
    char key[PLEAT_PLAN_TEXT];
    size_t workspace = 0;
    PLEAT_CHECK(make_key(e, s, key), PLEAT_ERR_ENGINE, "the name of a product is too long");
    if (!recall(e, key, p, &workspace)) PLEAT_TRY(search(e, s, key, p, &workspace));
    return pleat_cuda_reserve(&e->workspace, workspace);
}

pleat_status pleat_matmul_create(pleat_cuda *e, const pleat_matmul_shape *shape,
                                 pleat_matmul **out) {
    pleat_status status = PLEAT_OK;
    pleat_matmul *p = calloc(1, sizeof *p);
    PLEAT_CHECK(p != NULL, PLEAT_ERR_MEMORY, "cannot allocate a product");
    p->accumulate = shape->accumulate;
    PLEAT_TRY_GOTO(status, done, describe(e, shape, p));
    PLEAT_TRY_GOTO(status, done, lay_out(shape, p));
    PLEAT_TRY_GOTO(status, done, choose(e, shape, p));
    *out = p;
    p = NULL;
done:
    pleat_matmul_destroy(p);
    return status;
}

void pleat_matmul_destroy(pleat_matmul *p) {
    if (p == NULL) return;
    if (p->op != NULL) (void)cublasLtMatmulDescDestroy(p->op);
    if (p->a != NULL) (void)cublasLtMatrixLayoutDestroy(p->a);
    if (p->b != NULL) (void)cublasLtMatrixLayoutDestroy(p->b);
    if (p->d != NULL) (void)cublasLtMatrixLayoutDestroy(p->d);
    free(p);
}
