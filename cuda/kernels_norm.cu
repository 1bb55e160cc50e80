/*
 * kernels_norm.cu - batch norm forward and backward, and sums over voxels per channel.
 *
 * A sum has two stages. Every block adds its voxels, in float for CHUNK of them and then in double,
 * and writes one double per channel and sum; then a warp per channel adds the blocks. Nothing is
 * atomic, so the order is always the same.
 */
#include "kernels.cuh"

static const int CHUNK = 16;           /* voxels summed in float: loses less than 1e-6 of them */
static const int MOST_PARTIALS = 1024; /* blocks of the first stage */

enum Sums { SQUARES, BACKWARD, PLAIN };

/* What a voxel adds to the two sums. PLAIN, BACKWARD: a is dy. BACKWARD: b is x. */
template <int N, Sums KIND>
static __device__ void add_voxel(const float (&a)[N], const float (&b)[N], const float (&mean)[N],
                                 const float (&inv_std)[N], float (&first)[N], float (&second)[N]) {
#pragma unroll
    for (int k = 0; k < N; k++) {
        first[k] += a[k];
        if (KIND == SQUARES) second[k] += a[k] * a[k];
        if (KIND == BACKWARD) second[k] += a[k] * ((b[k] - mean[k]) * inv_std[k]);
    }
}

template <typename T, int N, Sums KIND>
static __global__ void __launch_bounds__(THREADS)
    reduce(const T *a, int a_pitch, const T *b, int b_pitch, const float *means,
           const float *inv_stds, size_t voxels, int c, int width, double *partials) {
    __shared__ double shared[2 * THREADS * N];
    const Place<N> at(c, width);
    double sums[2][N] = {};
    if (at.active) {
        float mean[N] = {}, inv_std[N] = {};
#pragma unroll
        for (int k = 0; k < N && KIND == BACKWARD; k++) {
            mean[k] = means[at.channel + k];
            inv_std[k] = inv_stds[at.channel + k];
        }
        for (size_t v = at.first(); v < voxels;) {
            float first[N] = {}, second[N] = {};
#pragma unroll 4
            for (int i = 0; i < CHUNK && v < voxels; i++, v += at.step()) {
                float va[N], vb[N] = {};
                Vector<T, N>::load(a + v * a_pitch + at.channel, va);
                if (KIND == BACKWARD) Vector<T, N>::load(b + v * b_pitch + at.channel, vb);
                add_voxel<N, KIND>(va, vb, mean, inv_std, first, second);
            }
#pragma unroll
            for (int k = 0; k < N; k++) {
                sums[0][k] += first[k];
                sums[1][k] += second[k];
            }
        }
    }
    const int channels = width * N; /* of this tile */
    if (at.row < at.rows)
        for (int s = 0; s < 2; s++)
            for (int k = 0; k < N; k++)
                shared[(s * at.rows + at.row) * channels + (int)threadIdx.x % width * N + k] =
                    sums[s][k];
    __syncthreads();
    for (int i = (int)threadIdx.x; i < 2 * channels; i += THREADS) {
        const int s = i / channels, channel = (int)blockIdx.y * channels + i % channels;
        double sum = 0;
        for (int r = 0; r < at.rows; r++)
            sum += shared[(s * at.rows + r) * channels + i % channels];
        if (channel < c) partials[((size_t)blockIdx.x * 2 + s) * c + channel] = sum;
    }
}

/* A warp per channel adds the blocks' sums: to sums[c], sums[c+channels], and to gradients. */
static __global__ void finish(const double *partials, int blocks, int c, double *sums, float *add0,
                              float *add1) {
    const int lane = (int)threadIdx.x % 32;
    const int channel = (int)(blockIdx.x * blockDim.x + threadIdx.x) / 32;
    if (channel >= c) return; /* the whole warp */
    for (int s = 0; s < 2; s++) {
        double sum = 0;
        for (int i = lane; i < blocks; i += 32) sum += partials[((size_t)i * 2 + s) * c + channel];
        for (int other = 16; other > 0; other /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, other);
        float *add = s == 0 ? add0 : add1;
        if (lane != 0) continue;
        if (sums != NULL) sums[s * c + channel] = sum;
        if (add != NULL) add[channel] = (float)(add[channel] + sum);
    }
}

static cudaError_t finish_sums(const double *partials, unsigned blocks, int c, double *sums,
                               float *add0, float *add1, cudaStream_t stream) {
    const cudaError_t code = cudaGetLastError(); /* the first stage's */
    if (code != cudaSuccess) return code;
    const unsigned warps = THREADS / 32;
    finish<<<((unsigned)c + warps - 1) / warps, THREADS, 0, stream>>>(partials, (int)blocks, c,
                                                                      sums, add0, add1);
    return cudaGetLastError();
}

static Shape sums_shape(size_t voxels, int c, int n) {
    const size_t room = PLEAT_CUDA_PARTIALS / (2 * (size_t)c); /* blocks whose sums fit */
    return shape_of(voxels, c, n, CHUNK, room < MOST_PARTIALS ? room : MOST_PARTIALS);
}

cudaError_t pleat_cuda_norm_sums(pleat_dtype type, const pleat_tensor *x, double *partials,
                                 double *sums, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    return dispatch(type, fits(type, x), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = sums_shape(voxels, x->c, N);
        reduce<T, N, SQUARES><<<s.grid, THREADS, 0, stream>>>(
            (const T *)x->data, x->pitch, NULL, 0, NULL, NULL, voxels, x->c, s.width, partials);
        return finish_sums(partials, s.grid.x, x->c, sums, NULL, NULL, stream);
    });
}

cudaError_t pleat_cuda_norm_backward_sums(pleat_dtype type, const pleat_norm *norm,
                                          const pleat_tensor *x, const pleat_tensor *dy,
                                          double *partials, double *sums, float *dgamma,
                                          float *dbeta, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    return dispatch(type, fits(type, x) && fits(type, dy), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = sums_shape(voxels, x->c, N);
        reduce<T, N, BACKWARD><<<s.grid, THREADS, 0, stream>>>(
            (const T *)dy->data, dy->pitch, (const T *)x->data, x->pitch, (const float *)norm->mean,
            (const float *)norm->inv_std, voxels, x->c, s.width, partials);
        return finish_sums(partials, s.grid.x, x->c, sums, dbeta, dgamma, stream);
    });
}

cudaError_t pleat_cuda_bias_backward(pleat_dtype type, const pleat_tensor *dy, double *partials,
                                     float *dbias, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(dy);
    return dispatch(type, fits(type, dy), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = sums_shape(voxels, dy->c, N);
        reduce<T, N, PLAIN><<<s.grid, THREADS, 0, stream>>>(
            (const T *)dy->data, dy->pitch, NULL, 0, NULL, NULL, voxels, dy->c, s.width, partials);
        return finish_sums(partials, s.grid.x, dy->c, NULL, dbias, NULL, stream);
    });
}

/* ---- forward ---- */

/* Ioffe & Szegedy 2015, section 3; a thread per channel. */
static __global__ void statistics(const double *sums, double count, int c, double momentum,
                                  double epsilon, float *running_mean, float *running_var,
                                  float *means, float *inv_stds) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= c) return;
    const double mean = sums[i] / count;
    const double var = fmax(0.0, sums[c + i] / count - mean * mean);
    running_mean[i] = (float)(momentum * running_mean[i] + (1 - momentum) * mean);
    running_var[i] = (float)(momentum * running_var[i] + (1 - momentum) * var);
    means[i] = (float)mean;
    inv_stds[i] = (float)(1 / sqrt(var + epsilon));
}

/* y = gamma * inv_std * (x - mean) + beta. `spread` is inv_std, or with `infer` the variance. */
template <typename T, int N>
static __global__ void apply(const T *x, int x_pitch, size_t voxels, int c, int width,
                             const float *gammas, const float *betas, const float *means,
                             const float *spread, int infer, double epsilon, T *y, int y_pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    float scale[N], mean[N], beta[N];
#pragma unroll
    for (int k = 0; k < N; k++) {
        const float s = spread[at.channel + k];
        const float inv_std = infer ? (float)(1 / sqrt((double)s + epsilon)) : s;
        scale[k] = gammas[at.channel + k] * inv_std;
        mean[k] = means[at.channel + k];
        beta[k] = betas[at.channel + k];
    }
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        float values[N];
        Vector<T, N>::load(x + v * x_pitch + at.channel, values);
#pragma unroll
        for (int k = 0; k < N; k++) values[k] = scale[k] * (values[k] - mean[k]) + beta[k];
        Vector<T, N>::store(y + v * y_pitch + at.channel, values);
    }
}

static cudaError_t apply_norm(pleat_dtype type, const pleat_norm *norm, const pleat_tensor *x,
                              int infer, const pleat_tensor *y, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    const float *mean = (const float *)(infer ? norm->running_mean : norm->mean);
    const float *spread = (const float *)(infer ? norm->running_var : norm->inv_std);
    return dispatch(type, fits(type, x) && fits(type, y), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, x->c, N, 1, MOST_BLOCKS);
        apply<T, N><<<s.grid, THREADS, 0, stream>>>(
            (const T *)x->data, x->pitch, voxels, x->c, s.width, (const float *)norm->gamma,
            (const float *)norm->beta, mean, spread, infer, norm->epsilon, (T *)y->data, y->pitch);
        return cudaGetLastError();
    });
}

cudaError_t pleat_cuda_norm_forward(pleat_dtype type, const pleat_norm *norm, const pleat_tensor *x,
                                    const double *sums, double count, const pleat_tensor *y,
                                    cudaStream_t stream) {
    statistics<<<blocks_for((size_t)x->c), THREADS, 0, stream>>>(
        sums, count, x->c, norm->momentum, norm->epsilon, (float *)norm->running_mean,
        (float *)norm->running_var, (float *)norm->mean, (float *)norm->inv_std);
    const cudaError_t code = cudaGetLastError();
    return code != cudaSuccess ? code : apply_norm(type, norm, x, 0, y, stream);
}

cudaError_t pleat_cuda_norm_infer(pleat_dtype type, const pleat_norm *norm, const pleat_tensor *x,
                                  const pleat_tensor *y, cudaStream_t stream) {
    return apply_norm(type, norm, x, 1, y, stream);
}

/* ---- backward: dx = gamma inv_std (dy - mean(dy) - xhat mean(dy xhat)) ---- */

template <typename T, int N>
static __global__ void backward(const T *x, int x_pitch, const T *dy, int dy_pitch, size_t voxels,
                                int c, int width, const float *gammas, const float *means,
                                const float *inv_stds, const double *sums, double count,
                                int relu_mask, T *dx, int dx_pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    float scale[N], mean[N], inv_std[N], mean_dy[N], mean_along[N];
#pragma unroll
    for (int k = 0; k < N; k++) {
        const int channel = at.channel + k;
        mean[k] = means[channel];
        inv_std[k] = inv_stds[channel];
        scale[k] = gammas[channel] * inv_std[k];
        mean_dy[k] = (float)(sums[channel] / count);
        mean_along[k] = (float)(sums[c + channel] / count);
    }
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        float value[N], g[N];
        Vector<T, N>::load(x + v * x_pitch + at.channel, value);
        Vector<T, N>::load(dy + v * dy_pitch + at.channel, g);
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float xhat = (value[k] - mean[k]) * inv_std[k];
            g[k] = scale[k] * (g[k] - mean_dy[k] - xhat * mean_along[k]);
            if (relu_mask && value[k] <= 0) g[k] = 0;
        }
        Vector<T, N>::store(dx + v * dx_pitch + at.channel, g);
    }
}

cudaError_t pleat_cuda_norm_backward(pleat_dtype type, const pleat_norm *norm,
                                     const pleat_tensor *x, const pleat_tensor *dy,
                                     const double *sums, double count, int relu_mask,
                                     const pleat_tensor *dx, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    const bool vectors = fits(type, x) && fits(type, dy) && fits(type, dx);
    return dispatch(type, vectors, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, x->c, N, 1, MOST_BLOCKS);
        backward<T, N><<<s.grid, THREADS, 0, stream>>>(
            (const T *)x->data, x->pitch, (const T *)dy->data, dy->pitch, voxels, x->c, s.width,
            (const float *)norm->gamma, (const float *)norm->mean, (const float *)norm->inv_std,
            sums, count, relu_mask, (T *)dx->data, dx->pitch);
        return cudaGetLastError();
    });
}
