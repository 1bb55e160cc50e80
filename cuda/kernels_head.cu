/*
 * kernels_head.cu - a head of few classes: what a product of so few columns waits for is memory.
 *
 * The gradients of its weights and bias are one pass over x and dy. As a matrix product this is a
 * tiny result [classes, cin] over millions of voxels. A thread keeps the products of its N channels
 * with GROUP classes in registers and walks; what it adds, some hundred voxels, is float; the
 * block's and the grid's sums are double, in a fixed order.
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

/* ---- forward and the gradient of the data, of up to GROUP classes ---- */

/* The weights [classes, cin] of a thread's N channels; zeros for classes that are not there. */
template <typename T, int N>
static __device__ void load_weights(const T *weights, int cin, int classes, int channel,
                                    float (&out)[GROUP][N]) {
#pragma unroll
    for (int k = 0; k < GROUP; k++) {
        float values[N] = {};
        if (k < classes) load<T, N>(weights + k * cin + channel, values);
#pragma unroll
        for (int i = 0; i < N; i++) out[k][i] = values[i];
    }
}

/* cin / N neighbouring threads, a power of two, have a voxel; a warp's threads walk together. */
template <typename T, int N>
static __global__ void __launch_bounds__(THREADS)
    head_forward(const T *x, const T *weights, const float *bias, size_t voxels, int cin,
                 int classes, float *y) {
    const int MOST = 4, lanes = cin / N, lane = (int)threadIdx.x % lanes;
    const size_t step = (size_t)gridDim.x * (THREADS / lanes);
    const size_t mine = ((size_t)blockIdx.x * THREADS + threadIdx.x) / lanes;
    const size_t warp = ((size_t)blockIdx.x * THREADS + threadIdx.x / 32 * 32) / lanes;
    float weight[GROUP][N];
    load_weights<T, N>(weights, cin, classes, lane * N, weight);
    for (size_t at = 0; warp + at < voxels; at += MOST * step) {
        typename Vector<T, N>::Raw raw[MOST];
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            const size_t v = mine + at + u * step;
            raw[u] = fetch<T, N>(x + (v < voxels ? v : 0) * cin + lane * N);
        }
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            const size_t v = mine + at + u * step;
            float values[N], sum[GROUP] = {};
            Vector<T, N>::unpack(raw[u], values);
#pragma unroll
            for (int k = 0; k < GROUP; k++) {
#pragma unroll
                for (int i = 0; i < N; i++) sum[k] += weight[k][i] * values[i];
                for (int other = lanes / 2; other > 0; other /= 2)
                    sum[k] += __shfl_xor_sync(0xffffffffu, sum[k], other);
                if (k < classes && k % lanes == lane && v < voxels)
                    y[v * classes + k] = sum[k] + bias[k];
            }
        }
    }
}

template <typename T, int N>
static __global__ void __launch_bounds__(THREADS)
    head_data(const T *dy, const T *weights, size_t voxels, int cin, int classes, int width,
              T *dx) {
    const Place<N> at(cin, width);
    if (!at.active) return;
    float weight[GROUP][N];
    load_weights<T, N>(weights, cin, classes, at.channel, weight);
    const size_t step = at.step();
    walk<4>(at.first(), step, voxels, [&](auto batch, size_t v) {
        const int MOST = decltype(batch)::n;
        float slope[MOST][GROUP];
#pragma unroll
        for (int u = 0; u < MOST; u++)
#pragma unroll
            for (int k = 0; k < GROUP; k++) {
                float g[1] = {0};
                if (k < classes) load<T, 1>(dy + (v + u * step) * classes + k, g);
                slope[u][k] = g[0];
            }
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            float values[N] = {};
#pragma unroll
            for (int k = 0; k < GROUP; k++)
#pragma unroll
                for (int i = 0; i < N; i++) values[i] += slope[u][k] * weight[k][i];
            Vector<T, N>::store(dx + (v + u * step) * cin + at.channel, values);
        }
    });
}

/* Channels of a narrow head always come in whole vectors. */
template <typename F> static cudaError_t dispatch_vectors(pleat_dtype type, F f) {
    return type == PLEAT_F32 ? f(Tag<float, 4>()) : f(Tag<bf16, 8>());
}

int pleat_cuda_head_is_narrow(pleat_dtype type, int cin, int classes) {
    const int n = vector_length(type), lanes = cin / n;
    return classes <= GROUP && cin % n == 0 && lanes <= 32 && (lanes & (lanes - 1)) == 0;
}

cudaError_t pleat_cuda_head_forward(pleat_dtype type, const pleat_tensor *x, const void *weights,
                                    const float *bias, const pleat_tensor *y, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    return dispatch_vectors(type, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const size_t blocks = (voxels * (x->c / N) + THREADS - 1) / THREADS;
        const size_t most = wave<head_forward<T, N>>();
        head_forward<T, N><<<(unsigned)(blocks < most ? blocks : most), THREADS, 0, stream>>>(
            (const T *)x->data, (const T *)weights, bias, voxels, x->c, y->c, (float *)y->data);
        return cudaGetLastError();
    });
}

cudaError_t pleat_cuda_head_data(pleat_dtype type, const pleat_tensor *dy, const void *weights,
                                 const pleat_tensor *dx, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(dx);
    return dispatch_vectors(type, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, dx->c, N, 4, wave<head_data<T, N>>());
        head_data<T, N><<<s.grid, THREADS, 0, stream>>>(
            (const T *)dy->data, (const T *)weights, voxels, dx->c, dy->c, s.width, (T *)dx->data);
        return cudaGetLastError();
    });
}
