/*
 * kernels_norm.cu - batch norm forward and backward, and sums over voxels per channel.
 *
 * Sums walk from the last voxel to the first, what uses them from the first to the last: so each
 * begins with what the kernel before it touched last, of which the L2 cache still holds a part.
 */
#include "sums.cuh"

enum Sums { SQUARES, BACKWARD, PLAIN };

/* PLAIN, BACKWARD: a is dy. BACKWARD: b is x. */
template <typename T, int N, Sums KIND>
static __global__ void __launch_bounds__(THREADS)
    reduce(const T *a, int a_pitch, const T *b, int b_pitch, const float *means,
           const float *inv_stds, size_t voxels, int c, int width, double *partials) {
    typedef ThreadSums<KIND == PLAIN ? 1 : 2, N> Total;
    __shared__ typename Total::Shared shared;
    Total sums(shared);
    const Place<N> at(c, width);
    float mean[N] = {}, inv_std[N] = {};
#pragma unroll
    for (int k = 0; k < N && KIND == BACKWARD && at.active; k++) {
        mean[k] = means[at.channel + k];
        inv_std[k] = inv_stds[at.channel + k];
    }
    const size_t step = at.step();
    walk<KIND == BACKWARD ? 2 : 4>(
        at.first(), step, at.active ? voxels : 0, [&](auto batch, size_t v) {
            const int MOST = decltype(batch)::n;
            typename Vector<T, N>::Raw raw_a[MOST], raw_b[MOST];
#pragma unroll
            for (int u = 0; u < MOST; u++) {
                const size_t from = voxels - 1 - (v + u * step);
                raw_a[u] = fetch<T, N>(a + from * a_pitch + at.channel);
                if (KIND == BACKWARD) raw_b[u] = fetch<T, N>(b + from * b_pitch + at.channel);
            }
#pragma unroll
            for (int u = 0; u < MOST; u++) {
                float va[N], vb[N] = {};
                Vector<T, N>::unpack(raw_a[u], va);
                if (KIND == BACKWARD) Vector<T, N>::unpack(raw_b[u], vb);
#pragma unroll
                for (int k = 0; k < N; k++) {
                    sums.part[0][k] += va[k];
                    if (KIND == SQUARES) sums.part[1][k] += va[k] * va[k];
                    if (KIND == BACKWARD)
                        sums.part[1][k] += va[k] * ((vb[k] - mean[k]) * inv_std[k]);
                }
            }
            sums.added(MOST);
        });
    sums.write(at, c, width, partials);
}

/* A warp per channel and sum. */
static __global__ void finish(const double *partials, int blocks, int n, int c, double *sums,
                              float *add0, float *add1) {
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x) / 32; /* of [n][c] */
    if (i >= n * c) return;                                          /* the whole warp */
    const double sum = warp_total(partials + i, blocks, (size_t)n * c);
    if (threadIdx.x % 32 != 0) return;
    float *add = i < c ? add0 : add1;
    if (sums != NULL) sums[i] = sum;
    if (add != NULL) add[i % c] = (float)(add[i % c] + sum);
}

cudaError_t pleat_cuda_finish_sums(const double *partials, unsigned blocks, int n, int c,
                                   double *sums, float *add0, float *add1, cudaStream_t stream) {
    const cudaError_t code = cudaGetLastError(); /* the first stage's */
    if (code != cudaSuccess) return code;
    const unsigned warps = THREADS / 32;
    finish<<<((unsigned)(n * c) + warps - 1) / warps, THREADS, 0, stream>>>(partials, (int)blocks,
                                                                            n, c, sums, add0, add1);
    return cudaGetLastError();
}

cudaError_t pleat_cuda_norm_add_up(const pleat_cuda_partials *partials, int c, double *sums,
                                   cudaStream_t stream) {
    return pleat_cuda_finish_sums(partials->data, partials->rows, 2, c, sums, NULL, NULL, stream);
}

cudaError_t pleat_cuda_norm_sums(pleat_dtype type, const pleat_tensor *x, double *partials,
                                 double *sums, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    return dispatch(type, fits(type, x), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = sums_shape<reduce<T, N, SQUARES>>(voxels, x->c, N, 2);
        reduce<T, N, SQUARES><<<s.grid, THREADS, 0, stream>>>(
            (const T *)x->data, x->pitch, NULL, 0, NULL, NULL, voxels, x->c, s.width, partials);
        return pleat_cuda_finish_sums(partials, s.grid.x, 2, x->c, sums, NULL, NULL, stream);
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
        const Shape s = sums_shape<reduce<T, N, BACKWARD>>(voxels, x->c, N, 2);
        reduce<T, N, BACKWARD><<<s.grid, THREADS, 0, stream>>>(
            (const T *)dy->data, dy->pitch, (const T *)x->data, x->pitch, (const float *)norm->mean,
            (const float *)norm->inv_std, voxels, x->c, s.width, partials);
        return pleat_cuda_finish_sums(partials, s.grid.x, 2, x->c, sums, dbeta, dgamma, stream);
    });
}

cudaError_t pleat_cuda_bias_backward(pleat_dtype type, const pleat_tensor *dy, double *partials,
                                     float *dbias, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(dy);
    return dispatch(type, fits(type, dy), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = sums_shape<reduce<T, N, PLAIN>>(voxels, dy->c, N, 1);
        reduce<T, N, PLAIN><<<s.grid, THREADS, 0, stream>>>(
            (const T *)dy->data, dy->pitch, NULL, 0, NULL, NULL, voxels, dy->c, s.width, partials);
        return pleat_cuda_finish_sums(partials, s.grid.x, 1, dy->c, NULL, dbias, NULL, stream);
    });
}

/* ---- forward ---- */

/* y = gamma * inv_std * (x - mean) + beta, by the running statistics (INFER) or by those of `sums`,
 * which one thread of each channel then keeps: Ioffe & Szegedy 2015, section 3. */
template <typename T, int N, bool INFER>
static __global__ void __launch_bounds__(THREADS)
    apply(const T *x, int x_pitch, size_t voxels, int c, int width, const pleat_norm norm,
          const double *sums, double per_count, T *y, int y_pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    float scale[N], mean[N], beta[N];
#pragma unroll
    for (int k = 0; k < N; k++) {
        const int channel = at.channel + k;
        float *running_mean = (float *)norm.running_mean + channel;
        float *running_var = (float *)norm.running_var + channel;
        const double m = INFER ? *running_mean : sums[channel] * per_count;
        const double var = INFER ? *running_var : fmax(0.0, sums[c + channel] * per_count - m * m);
        const float inv_std = 1 / sqrtf((float)(var + norm.epsilon));
        if (!INFER && blockIdx.x == 0 && at.row == 0) {
            *running_mean = (float)(norm.momentum * *running_mean + (1 - norm.momentum) * m);
            *running_var = (float)(norm.momentum * *running_var + (1 - norm.momentum) * var);
            ((float *)norm.mean)[channel] = (float)m;
            ((float *)norm.inv_std)[channel] = inv_std;
        }
        mean[k] = (float)m;
        scale[k] = ((const float *)norm.gamma)[channel] * inv_std;
        beta[k] = ((const float *)norm.beta)[channel];
    }
    const size_t step = at.step();
    walk<4>(at.first(), step, voxels, [&](auto batch, size_t v) {
        const int MOST = decltype(batch)::n;
        typename Vector<T, N>::Raw raw[MOST];
#pragma unroll
        for (int u = 0; u < MOST; u++)
            raw[u] = fetch<T, N>(x + (v + u * step) * x_pitch + at.channel);
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            float values[N];
            Vector<T, N>::unpack(raw[u], values);
#pragma unroll
            for (int k = 0; k < N; k++) values[k] = scale[k] * (values[k] - mean[k]) + beta[k];
            Vector<T, N>::store(y + (v + u * step) * y_pitch + at.channel, values);
        }
    });
}

template <bool INFER>
static cudaError_t apply_norm(pleat_dtype type, const pleat_norm *norm, const pleat_tensor *x,
                              const double *sums, double count, const pleat_tensor *y,
                              cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    return dispatch(type, fits(type, x) && fits(type, y), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, x->c, N, 4, wave<apply<T, N, INFER>>());
        apply<T, N, INFER><<<s.grid, THREADS, 0, stream>>>((const T *)x->data, x->pitch, voxels,
                                                           x->c, s.width, *norm, sums, 1 / count,
                                                           (T *)y->data, y->pitch);
        return cudaGetLastError();
    });
}

cudaError_t pleat_cuda_norm_forward(pleat_dtype type, const pleat_norm *norm, const pleat_tensor *x,
                                    const double *sums, double count, const pleat_tensor *y,
                                    cudaStream_t stream) {
    return apply_norm<false>(type, norm, x, sums, count, y, stream);
}

cudaError_t pleat_cuda_norm_infer(pleat_dtype type, const pleat_norm *norm, const pleat_tensor *x,
                                  const pleat_tensor *y, cudaStream_t stream) {
    return apply_norm<true>(type, norm, x, NULL, 1, y, stream);
}

/* ---- backward: dx = gamma inv_std (dy - mean(dy) - xhat mean(dy xhat)) ---- */

template <typename T, int N>
static __global__ void __launch_bounds__(THREADS)
    backward(const T *x, int x_pitch, const T *dy, int dy_pitch, size_t voxels, int c, int width,
             const pleat_norm norm, const double *sums, double per_count, int relu_mask, T *dx,
             int dx_pitch, double *partials) {
    __shared__ typename ThreadSums<1, N>::Shared shared;
    ThreadSums<1, N> total(shared); /* of dx */
    const Place<N> at(c, width);
    float scale[N], mean[N], slope[N], shift[N]; /* dx = scale dy + slope (x - mean) + shift */
#pragma unroll
    for (int k = 0; k < N && at.active; k++) {
        const int channel = at.channel + k;
        const float inv_std = ((const float *)norm.inv_std)[channel];
        mean[k] = ((const float *)norm.mean)[channel];
        scale[k] = ((const float *)norm.gamma)[channel] * inv_std;
        slope[k] = -scale[k] * inv_std * (float)(sums[c + channel] * per_count);
        shift[k] = -scale[k] * (float)(sums[channel] * per_count);
    }
    const size_t step = at.step();
    walk<2>(at.first(), step, at.active ? voxels : 0, [&](auto batch, size_t v) {
        const int MOST = decltype(batch)::n;
        typename Vector<T, N>::Raw raw_x[MOST], raw_dy[MOST];
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            raw_x[u] = fetch<T, N>(x + (v + u * step) * x_pitch + at.channel);
            raw_dy[u] = fetch<T, N>(dy + (v + u * step) * dy_pitch + at.channel);
        }
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            float value[N], g[N];
            Vector<T, N>::unpack(raw_x[u], value);
            Vector<T, N>::unpack(raw_dy[u], g);
#pragma unroll
            for (int k = 0; k < N; k++) {
                g[k] = scale[k] * g[k] + (slope[k] * (value[k] - mean[k]) + shift[k]);
                if (relu_mask && value[k] <= 0) g[k] = 0;
                total.part[0][k] += g[k];
            }
            Vector<T, N>::store(dx + (v + u * step) * dx_pitch + at.channel, g);
        }
        total.added(MOST);
    });
    total.write(at, c, width, partials);
}

cudaError_t pleat_cuda_norm_backward(pleat_dtype type, const pleat_norm *norm,
                                     const pleat_tensor *x, const pleat_tensor *dy,
                                     const double *sums, double count, int relu_mask,
                                     const pleat_tensor *dx, pleat_cuda_sum bias,
                                     cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    const bool vectors = fits(type, x) && fits(type, dy) && fits(type, dx);
    return dispatch(type, vectors, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = sums_shape<backward<T, N>>(voxels, x->c, N, 1);
        backward<T, N><<<s.grid, THREADS, 0, stream>>>(
            (const T *)x->data, x->pitch, (const T *)dy->data, dy->pitch, voxels, x->c, s.width,
            *norm, sums, 1 / count, relu_mask, (T *)dx->data, dx->pitch, bias.partials);
        if (bias.to == NULL) return cudaGetLastError();
        return pleat_cuda_finish_sums(bias.partials, s.grid.x, 1, x->c, NULL, bias.to, NULL,
                                      stream);
    });
}
