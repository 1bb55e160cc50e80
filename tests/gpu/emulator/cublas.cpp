/* cublas.cpp - cuBLASLt's matrix product with a bias epilogue. */
#include "emulator.h"

#include <cublasLt.h>

#include <cstring>

using emulator::broken;

namespace {

const size_t WORKSPACE = 1000;
const int ALGORITHMS = 2;
const uint64_t ALGORITHM = 0xa190; /* of the first; then they count up */

bool is_ours(const cublasLtMatmulAlgo_t *a) {
    return a->data[0] >= ALGORITHM && a->data[0] < ALGORITHM + (uint64_t)ALGORITHMS;
}

struct Preference {
    uint32_t sums; /* ways to add parts of k */
};

struct Layout { /* column-major */
    bool bf16;
    uint64_t rows, columns;
    int64_t pitch;

    size_t at(uint64_t row, uint64_t column) const {
        return (size_t)row + (size_t)column * (size_t)pitch;
    }
    float load(const void *data, uint64_t row, uint64_t column) const {
        const size_t i = at(row, column);
        return bf16 ? emulator::from_bf16(((const uint16_t *)data)[i]) : ((const float *)data)[i];
    }
    void store(void *data, uint64_t row, uint64_t column, float value) const {
        const size_t i = at(row, column);
        if (bf16)
            ((uint16_t *)data)[i] = emulator::to_bf16(value);
        else
            ((float *)data)[i] = value;
    }
    void want(const void *data, const char *what) const {
        emulator::want_device(data, (at(rows - 1, columns - 1) + 1) * (bf16 ? 2 : 4), what);
    }
};

struct Product {
    bool turn_a, turn_b;
    const float *bias; /* a row's; NULL: none */
};

struct Call {
    Product p;
    Layout a, b, d;
    const void *A, *B;
    void *D;
    float alpha, beta;
};

void run(const Call &c) {
    const uint64_t inner = c.p.turn_a ? c.a.rows : c.a.columns;
    c.a.want(c.A, "cuBLASLt: A");
    c.b.want(c.B, "cuBLASLt: B");
    c.d.want(c.D, "cuBLASLt: D");
    for (uint64_t i = 0; i < c.d.rows; i++)
        for (uint64_t j = 0; j < c.d.columns; j++) {
            double sum = 0.0;
            for (uint64_t k = 0; k < inner; k++) {
                const float x = c.p.turn_a ? c.a.load(c.A, k, i) : c.a.load(c.A, i, k);
                sum += (double)x * (c.p.turn_b ? c.b.load(c.B, j, k) : c.b.load(c.B, k, j));
            }
            sum *= c.alpha;
            if (c.beta != 0.0f) sum += (double)c.beta * c.d.load(c.D, i, j);
            if (c.p.bias != nullptr) sum += c.p.bias[i];
            c.d.store(c.D, i, j, (float)sum);
        }
}

} // namespace

extern "C" {

const char *cublasLtGetStatusName(cublasStatus_t) { return "CUBLAS_STATUS_EMULATED"; }
cublasStatus_t cublasLtCreate(cublasLtHandle_t *out) {
    *out = (cublasLtHandle_t)1;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *out, cublasComputeType_t,
                                        cudaDataType_t scale) {
    if (scale != CUDA_R_32F) broken("cuBLASLt: only products in float are emulated");
    *out = (cublasLtMatmulDesc_t) new Product{};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t product) {
    delete (Product *)product;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t product,
                                              cublasLtMatmulDescAttributes_t name,
                                              const void *value, size_t) {
    Product *p = (Product *)product;
    if (name == CUBLASLT_MATMUL_DESC_TRANSA)
        p->turn_a = *(const cublasOperation_t *)value == CUBLAS_OP_T;
    else if (name == CUBLASLT_MATMUL_DESC_TRANSB)
        p->turn_b = *(const cublasOperation_t *)value == CUBLAS_OP_T;
    else if (name == CUBLASLT_MATMUL_DESC_BIAS_POINTER)
        memcpy(&p->bias, value, sizeof p->bias);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t pitch) {
    if (type != CUDA_R_32F && type != CUDA_R_16BF) broken("cuBLASLt: type %d", (int)type);
    *out = (cublasLtMatrixLayout_t) new Layout{type == CUDA_R_16BF, rows, columns, pitch};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
    delete (Layout *)layout;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *out) {
    *out = (cublasLtMatmulPreference_t) new Preference{CUBLASLT_REDUCTION_SCHEME_MASK};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
    delete (Preference *)preference;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t name,
                                                    const void *value, size_t) {
    if (name == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK)
        ((Preference *)preference)->sums = *(const uint32_t *)value;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t preference, int room,
                                              cublasLtMatmulHeuristicResult_t *out, int *n) {
    if (room < ALGORITHMS) broken("cuBLASLt: no room for all results");
    if ((((Preference *)preference)->sums & ~(uint32_t)CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE) != 0)
        broken("cuBLASLt: parts may be added in the output's type");
    memset(out, 0, ALGORITHMS * sizeof *out);
    for (int i = 0; i < ALGORITHMS; i++) {
        out[i].algo.data[0] = ALGORITHM + (uint64_t)i;
        out[i].workspaceSize = WORKSPACE;
    }
    *n = ALGORITHMS;
    return CUBLAS_STATUS_SUCCESS;
}
size_t cublasLtGetVersion(void) { return 130000; }
cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t,
                                       cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                       cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                       const cublasLtMatmulAlgo_t *algorithm,
                                       cublasLtMatmulHeuristicResult_t *out) {
    out->workspaceSize = WORKSPACE;
    return is_ours(algorithm) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t product, const void *alpha,
                              const void *A, cublasLtMatrixLayout_t a, const void *B,
                              cublasLtMatrixLayout_t b, const void *beta, const void *C,
                              cublasLtMatrixLayout_t, void *D, cublasLtMatrixLayout_t d,
                              const cublasLtMatmulAlgo_t *algorithm, void *workspace, size_t bytes,
                              cudaStream_t stream) {
    const Call call = {
        *(Product *)product,   *(Layout *)a,        *(Layout *)b, *(Layout *)d, A, B, D,
        *(const float *)alpha, *(const float *)beta};
    const uint64_t m = call.p.turn_a ? call.a.columns : call.a.rows;
    const uint64_t k = call.p.turn_a ? call.a.rows : call.a.columns;
    const uint64_t k_too = call.p.turn_b ? call.b.columns : call.b.rows;
    const uint64_t n = call.p.turn_b ? call.b.rows : call.b.columns;
    if (C != D) broken("cuBLASLt: C is not D");
    if (!is_ours(algorithm)) broken("cuBLASLt: no such algorithm");
    if (k != k_too || m != call.d.rows || n != call.d.columns)
        broken("cuBLASLt: %lu x %lu by %lu x %lu to %lu x %lu", m, k, k_too, n, call.d.rows,
               call.d.columns);
    if (bytes < WORKSPACE) broken("cuBLASLt: too little workspace");
    emulator::enqueue(stream, [=] {
        emulator::want_device(workspace, bytes, "cuBLASLt: the workspace");
        memset(workspace, 0x33, WORKSPACE);
        emulator::count("cuBLASLt", [&] { run(call); });
    });
    return CUBLAS_STATUS_SUCCESS;
}

} /* extern "C" */
