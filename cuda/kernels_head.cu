/*
 * kernels_head.cu - the gradients of a head's weights and bias, in one pass over x and dy.
 *
 * As a matrix product this is a tiny result [classes, cin] over millions of voxels. A thread keeps
 * the products of its N channels with GROUP classes in registers and walks; what it adds, some
 * hundred voxels, is float; the block's and the grid's sums are double, in a fixed order.
 */
#include "sums.cuh"

static const int GROUP = 4; /* classes of a pass */

template <typename T, int N>
static __global__ void __launch_bounds__(THREADS)
    head_weights(const T *x, const T *dy, size_t voxels, int cin, int classes, int first, int width,
                 double *partials) {
    __shared__ double shared[N][THREADS], shared_bias[THREADS];
    const Place<N> at(cin, width);
    float sum[GROUP][N] = {}, bias[GROUP] = {};
    const size_t step = at.step();
    walk<2>(at.first(), step, at.active ? voxels : 0, [&](auto batch, size_t v) {
        const int MOST = decltype(batch)::n;
        typename Vector<T, N>::Raw raw[MOST];
        T raw_dy[MOST][GROUP];
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            raw[u] = fetch<T, N>(x + (v + u * step) * cin + at.channel);
#pragma unroll
            for (int k = 0; k < GROUP; k++)
                if (first + k < classes) raw_dy[u][k] = dy[(v + u * step) * classes + first + k];
        }
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            float values[N];
            Vector<T, N>::unpack(raw[u], values);
#pragma unroll
            for (int k = 0; k < GROUP; k++) {
                float g[1] = {0};
                if (first + k < classes) Vector<T, 1>::unpack(raw_dy[u][k], g);
                bias[k] += g[0];
#pragma unroll
                for (int i = 0; i < N; i++) sum[k][i] += g[0] * values[i];
            }
        }
    });
    const int channels = width * N; /* of this tile */
    double *to = partials + (size_t)blockIdx.x * GROUP * (cin + 1);
#pragma unroll
    for (int k = 0; k < GROUP; k++) { /* [GROUP][cin + 1]: weights, then bias */
#pragma unroll
        for (int i = 0; i < N; i++) shared[i][threadIdx.x] = sum[k][i];
        shared_bias[threadIdx.x] = bias[k];
        __syncthreads();
        for (int i = (int)threadIdx.x; i <= channels; i += THREADS) {
            const double *row = i < channels ? shared[i % N] + i / N : shared_bias;
            const int channel = i < channels ? (int)blockIdx.y * channels + i : cin;
            double all = 0;
            for (int r = 0; r < at.rows; r++) all += row[r * width];
            if (i < channels ? channel < cin : blockIdx.y == 0) to[k * (cin + 1) + channel] = all;
        }
        __syncthreads();
    }
}

/* A warp per sum. */
static __global__ void head_finish(const double *partials, int blocks, int cin, int n, int first,
                                   float *dweights, float *dbias) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x) / 32; /* of [n / (cin+1)][cin+1] */
    if (i >= n) return;                                              /* the whole warp */
    const double sum = warp_total(partials + i, blocks, (size_t)GROUP * (cin + 1));
    const int k = first + i / (cin + 1), channel = i % (cin + 1);
    float *to = channel < cin ? dweights + (size_t)k * cin + channel : dbias + k;
    if (threadIdx.x % 32 == 0 && (channel < cin || dbias != NULL)) *to = (float)(*to + sum);
}

cudaError_t pleat_cuda_head_weights(pleat_dtype type, const pleat_tensor *x, const void *dy,
                                    int classes, double *partials, float *dweights, float *dbias,
                                    cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    return dispatch(type, fits(type, x), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n, cin = x->c, warps = THREADS / 32;
        const Shape s = sums_shape<head_weights<T, N>>(voxels, cin + 1, N, GROUP);
        for (int first = 0; first < classes; first += GROUP) {
            const int n = (classes - first < GROUP ? classes - first : GROUP) * (cin + 1);
            head_weights<T, N><<<s.grid, THREADS, 0, stream>>>(
                (const T *)x->data, (const T *)dy, voxels, cin, classes, first, s.width, partials);
            head_finish<<<(unsigned)((n + warps - 1) / warps), THREADS, 0, stream>>>(
                partials, (int)s.grid.x, cin, n, first, dweights, dbias);
        }
        return cudaGetLastError();
    });
}
