/*
 * kernels_conv.cu - the 3x3x3 convolution as one writes it down: slow, and always there.
 *
 * For layers and precisions for which cuDNN offers no plan. A thread per output; products are
 * summed in float, those over all voxels in double.
 */
#include "kernels.cuh"

static const int TAPS = 27;

struct Volume { /* a packed tensor's sizes */
    int d, h, w;
};

/* The voxel that tap brings to v, with `mirrored` the one that it takes v to; false outside. */
static __device__ bool tapped(size_t v, Volume s, int tap, int mirrored, size_t *out) {
    const int sign = mirrored ? -1 : 1;
    const int w = (int)(v % s.w) + sign * (tap % 3 - 1);
    const int h = (int)(v / s.w % s.h) + sign * (tap / 3 % 3 - 1);
    const int d = (int)(v / s.w / s.h % s.d) + sign * (tap / 9 - 1);
    const size_t n = v / s.w / s.h / s.d;
    *out = ((n * s.d + d) * s.h + h) * s.w + w;
    return w >= 0 && w < s.w && h >= 0 && h < s.h && d >= 0 && d < s.d;
}

template <typename T> static __device__ float value_at(const T *p) {
    float value[1];
    Vector<T, 1>::load(p, value);
    return value[0];
}

template <typename T>
static __global__ void conv_forward(const T *x, const T *weights, Volume s, size_t n, int cin,
                                    int cin_wide, int cout, const float *bias, int relu, T *y) {
    for (EACH(i, n)) { /* of y */
        const size_t v = i / cout;
        const T *kernel = weights + i % cout * TAPS * cin_wide;
        float sum[1] = {0};
        for (int tap = 0; tap < TAPS; tap++) {
            size_t from;
            if (!tapped(v, s, tap, 0, &from)) continue;
            for (int ci = 0; ci < cin; ci++)
                sum[0] += value_at(kernel + tap * cin_wide + ci) * value_at(x + from * cin + ci);
        }
        sum[0] += bias[i % cout];
        if (relu && sum[0] < 0) sum[0] = 0; /* NaN stays NaN */
        Vector<T, 1>::store(y + i, sum);
    }
}

cudaError_t pleat_cuda_conv_forward(pleat_dtype type, const pleat_tensor *x, const void *weights,
                                    int cin_wide, const float *bias, int relu,
                                    const pleat_tensor *y, cudaStream_t stream) {
    const Volume s = {x->d, x->h, x->w};
    const size_t n = pleat_tensor_voxels(y) * (size_t)y->c;
    return dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        conv_forward<T>
            <<<blocks_for(n), THREADS, 0, stream>>>((const T *)x->data, (const T *)weights, s, n,
                                                    x->c, cin_wide, y->c, bias, relu, (T *)y->data);
        return cudaGetLastError();
    });
}

template <typename T>
static __global__ void conv_backward_data(const T *dy, const T *weights, Volume s, size_t n,
                                          int cin, int cin_wide, int cout, T *dx) {
    for (EACH(i, n)) { /* of dx */
        const size_t v = i / cin;
        float sum[1] = {0};
        for (int tap = 0; tap < TAPS; tap++) {
            size_t from;
            if (!tapped(v, s, tap, 1, &from)) continue;
            const T *kernel = weights + (size_t)tap * cin_wide + i % cin;
            for (int co = 0; co < cout; co++)
                sum[0] += value_at(kernel + (size_t)co * TAPS * cin_wide) *
                          value_at(dy + from * cout + co);
        }
        Vector<T, 1>::store(dx + i, sum);
    }
}

cudaError_t pleat_cuda_conv_backward_data(pleat_dtype type, const pleat_tensor *dy,
                                          const void *weights, int cin_wide, const pleat_tensor *dx,
                                          cudaStream_t stream) {
    const Volume s = {dx->d, dx->h, dx->w};
    const size_t n = pleat_tensor_voxels(dx) * (size_t)dx->c;
    return dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        conv_backward_data<T><<<blocks_for(n), THREADS, 0, stream>>>(
            (const T *)dy->data, (const T *)weights, s, n, dx->c, cin_wide, dy->c, (T *)dx->data);
        return cudaGetLastError();
    });
}

/* A block per output channel and tap; a warp per eighth of the voxels, a lane per input channel. */
template <typename T>
static __global__ void __launch_bounds__(THREADS)
    conv_backward_weights(const T *x, const T *dy, Volume s, size_t voxels, int cin, int cout,
                          float *dweights) {
    __shared__ double shared[THREADS];
    const int co = (int)blockIdx.x / TAPS, tap = (int)blockIdx.x % TAPS;
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32, warps = THREADS / 32;
    for (int first = 0; first < cin; first += 32) {
        const int ci = first + lane;
        double sum = 0;
        for (size_t v = warp; v < voxels && ci < cin; v += warps) {
            size_t from;
            if (!tapped(v, s, tap, 0, &from)) continue;
            sum += value_at(dy + v * cout + co) * value_at(x + from * cin + ci);
        }
        shared[threadIdx.x] = sum;
        __syncthreads();
        if (warp == 0 && ci < cin) {
            for (int i = 1; i < warps; i++) sum += shared[i * 32 + lane];
            float *to = dweights + (size_t)blockIdx.x * cin + ci;
            *to = (float)(*to + sum);
        }
        __syncthreads();
    }
}

cudaError_t pleat_cuda_conv_backward_weights(pleat_dtype type, const pleat_tensor *x,
                                             const pleat_tensor *dy, float *dweights,
                                             cudaStream_t stream) {
    const Volume s = {x->d, x->h, x->w};
    const size_t voxels = pleat_tensor_voxels(x);
    return dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        conv_backward_weights<T><<<(unsigned)(dy->c * TAPS), THREADS, 0, stream>>>(
            (const T *)x->data, (const T *)dy->data, s, voxels, x->c, dy->c, dweights);
        return cudaGetLastError();
    });
}
