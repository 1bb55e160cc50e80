/* matmul.c - one matrix product of cuBLASLt, prepared once. */
#include "matmul.h"

#include <stdlib.h>

#define WORKSPACE ((size_t)32 << 20) /* bytes; what cuBLAS takes by itself on Hopper */

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

static pleat_status prefer(cublasLtMatmulPreference_t preference, const pleat_matmul_shape *s) {
    const uint32_t in = 16, out = (uint32_t)s->alignment;
    const size_t workspace = WORKSPACE;
    const struct {
        cublasLtMatmulPreferenceAttributes_t name;
        const uint32_t *bytes;
    } alignments[] = {{CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &in},
                      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &in},
                      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &out},
                      {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &out}};
    for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++)
        CUBLAS_TRY(cublasLtMatmulPreferenceSetAttribute(
            preference, alignments[i].name, alignments[i].bytes, sizeof *alignments[i].bytes));
    CUBLAS_TRY(cublasLtMatmulPreferenceSetAttribute(
        preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace));
    return PLEAT_OK;
}

/* The first algorithm that cuBLAS names: it has measured them all. */
static pleat_status choose(pleat_cuda *e, const pleat_matmul_shape *s, pleat_matmul *p) {
    pleat_status status = PLEAT_OK;
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t found;
    int count = 0;
    CUBLAS_TRY_GOTO(status, done, cublasLtMatmulPreferenceCreate(&preference));
    PLEAT_TRY_GOTO(status, done, prefer(preference, s));
    CUBLAS_TRY_GOTO(status, done,
                    cublasLtMatmulAlgoGetHeuristic(e->blas, p->op, p->a, p->b, p->d, p->d,
                                                   preference, 1, &found, &count));
    PLEAT_CHECK_GOTO(status, done, count == 1 && found.state == CUBLAS_STATUS_SUCCESS,
                     PLEAT_ERR_ENGINE, "cuBLAS has no product [%zu,%zu] x [%zu,%zu]", s->m, s->k,
                     s->k, s->n);
    p->algorithm = found.algo;
    PLEAT_TRY_GOTO(status, done, pleat_cuda_reserve(&e->workspace, found.workspaceSize));
done:
    if (preference != NULL) (void)cublasLtMatmulPreferenceDestroy(preference);
    return status;
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

pleat_status pleat_matmul_run(pleat_cuda *e, const pleat_matmul *p, const void *a, const void *b,
                              void *d) {
    const float alpha = 1, beta = p->accumulate ? 1 : 0;
    CUBLAS_TRY(cublasLtMatmul(e->blas, p->op, &alpha, a, p->a, b, p->b, &beta, d, p->d, d, p->d,
                              &p->algorithm, e->workspace.data, e->workspace.bytes, e->stream));
    return PLEAT_OK;
}
