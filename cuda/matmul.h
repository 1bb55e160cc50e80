/*
 * matmul.h - one matrix product of cuBLASLt, prepared once: the fastest of the algorithms that its
 * heuristic names, timed on noise. The choice is kept in the engine's plan cache.
 *
 *   d[m,n] = op(a)[m,k] op(b)[k,n] (+ bias[m]) (+ d)
 *
 * Columns are contiguous, as BLAS has it: what C calls x[voxel][channel] is x[channel, voxel] with
 * the number of channels for its leading dimension.
 */
#ifndef PLEAT_CUDA_MATMUL_H
#define PLEAT_CUDA_MATMUL_H

#include "engine_impl.h"

typedef struct pleat_matmul_shape {
    size_t m, n, k;
    int transpose_a, transpose_b; /* a is [k,m], b is [n,k] */
    pleat_dtype in, out;          /* of a and b; of d */
    int accumulate;               /* += */
    int alignment;                /* bytes, of d; a and b are multiples of 16 */
    const float *bias;            /* [m], or NULL */
} pleat_matmul_shape;

typedef struct pleat_matmul pleat_matmul;

/* All matrices are packed. Reserves the engine's workspace. */
pleat_status pleat_matmul_create(pleat_cuda *e, const pleat_matmul_shape *shape,
                                 pleat_matmul **out);
void pleat_matmul_destroy(pleat_matmul *product);
pleat_status pleat_matmul_run(pleat_cuda *e, const pleat_matmul *product, const void *a,
                              const void *b, void *d);

#endif /* PLEAT_CUDA_MATMUL_H */
