/*
 * kernels_conv.cu - the convolution as one writes it down: slow, and always there.
 *
 * For layers and precisions for which cuDNN offers no plan. A thread per output; products are
 * summed in float, those over all voxels in double.
 */
#include "kernels.cuh"

struct Movement {
    int kernel[3], stride[3], before[3];
    int x[3], y[3]; /* voxels, D, H, W */
    int taps;
};

static Movement movement_of(const pleat_conv_desc *desc, const pleat_tensor *x,
                            const pleat_tensor *y) {
    Movement m = {{}, {}, {}, {x->d, x->h, x->w}, {y->d, y->h, y->w}, 1};
    for (int a = 0; a < 3; a++) {
        m.kernel[a] = desc->kernel[a];
        m.stride[a] = desc->stride[a];
        m.before[a] = desc->before[a];
        m.taps *= desc->kernel[a];
    }
    return m;
}

struct Place3 { /* of a voxel, or of a tap in the kernel */
    size_t n;
    int at[3];
};

static __device__ Place3 place_of(size_t i, const int (&size)[3]) {
    Place3 p;
    p.at[2] = (int)(i % size[2]);
    p.at[1] = (int)(i / size[2] % size[1]);
    p.at[0] = (int)(i / size[2] / size[1] % size[0]);
    p.n = i / size[2] / size[1] / size[0];
    return p;
}

/* The x voxel that a tap brings to y's voxel v; false outside. */
static __device__ bool source_of(size_t v, const Movement &m, int tap, size_t *out) {
    const Place3 to = place_of(v, m.y), k = place_of(tap, m.kernel);
    size_t from = to.n;
#pragma unroll
    for (int a = 0; a < 3; a++) {
        const int at = to.at[a] * m.stride[a] + k.at[a] - m.before[a];
        if (at < 0 || at >= m.x[a]) return false;
        from = from * m.x[a] + at;
    }
    *out = from;
    return true;
}

/* The y voxel to which a tap takes x's voxel v; false where there is none. */
static __device__ bool target_of(size_t v, const Movement &m, int tap, size_t *out) {
    const Place3 from = place_of(v, m.x), k = place_of(tap, m.kernel);
    size_t to = from.n;
#pragma unroll
    for (int a = 0; a < 3; a++) {
        const int at = from.at[a] - k.at[a] + m.before[a];
        if (at < 0 || at % m.stride[a] != 0 || at / m.stride[a] >= m.y[a]) return false;
        to = to * m.y[a] + at / m.stride[a];
    }
    *out = to;
    return true;
}

template <typename T> static __device__ float value_at(const T *p) {
    float value[1];
    load<T, 1>(p, value);
    return value[0];
}

template <typename T>
static __global__ void conv_forward(const T *x, const T *weights, Movement m, size_t n, int cin,
                                    int cin_wide, int cout, const float *bias, int relu, T *y) {
    for (EACH(i, n)) { /* of y */
        const size_t v = i / cout;
        const T *kernel = weights + i % cout * m.taps * cin_wide;
        float sum[1] = {0};
        for (int tap = 0; tap < m.taps; tap++) {
            size_t from;
            if (!source_of(v, m, tap, &from)) continue;
            for (int ci = 0; ci < cin; ci++)
                sum[0] += value_at(kernel + tap * cin_wide + ci) * value_at(x + from * cin + ci);
        }
        if (bias != NULL) sum[0] += bias[i % cout];
        if (relu && sum[0] < 0) sum[0] = 0; /* NaN stays NaN */
        Vector<T, 1>::store(y + i, sum);
    }
}

cudaError_t pleat_cuda_conv_forward(pleat_dtype type, const pleat_conv_desc *desc,
                                    const pleat_tensor *x, const void *weights, int cin_wide,
                                    const float *bias, const pleat_tensor *y, cudaStream_t stream) {
    const Movement m = movement_of(desc, x, y);
    const size_t n = pleat_tensor_voxels(y) * (size_t)y->c;
    return dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        conv_forward<T><<<blocks_for<conv_forward<T>>(n), THREADS, 0, stream>>>(
            (const T *)x->data, (const T *)weights, m, n, x->c, cin_wide, y->c, bias, desc->relu,
            (T *)y->data);
        return cudaGetLastError();
    });
}

template <typename T>
static __global__ void conv_backward_data(const T *dy, const T *weights, Movement m, size_t n,
                                          int cin, int cin_wide, int cout, T *dx) {
    for (EACH(i, n)) { /* of dx */
        const size_t v = i / cin;
        float sum[1] = {0};
        for (int tap = 0; tap < m.taps; tap++) {
            size_t from;
            if (!target_of(v, m, tap, &from)) continue;
            const T *kernel = weights + (size_t)tap * cin_wide + i % cin;
            for (int co = 0; co < cout; co++)
                sum[0] += value_at(kernel + (size_t)co * m.taps * cin_wide) *
                          value_at(dy + from * cout + co);
        }
        Vector<T, 1>::store(dx + i, sum);
    }
}

cudaError_t pleat_cuda_conv_backward_data(pleat_dtype type, const pleat_conv_desc *desc,
                                          const pleat_tensor *dy, const void *weights, int cin_wide,
                                          const pleat_tensor *dx, cudaStream_t stream) {
    const Movement m = movement_of(desc, dx, dy);
    const size_t n = pleat_tensor_voxels(dx) * (size_t)dx->c;
    return dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        conv_backward_data<T><<<blocks_for<conv_backward_data<T>>(n), THREADS, 0, stream>>>(
            (const T *)dy->data, (const T *)weights, m, n, dx->c, cin_wide, dy->c, (T *)dx->data);
        return cudaGetLastError();
    });
}

/* A block per output channel and tap; a warp per eighth of the voxels, a lane per input channel. */
template <typename T>
static __global__ void __launch_bounds__(THREADS)
    conv_backward_weights(const T *x, const T *dy, Movement m, size_t voxels, int cin, int cout,
                          float *dweights) {
    __shared__ double shared[THREADS];
    const int co = (int)blockIdx.x / m.taps, tap = (int)blockIdx.x % m.taps;
    const int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32, warps = THREADS / 32;
    for (int first = 0; first < cin; first += 32) {
        const int ci = first + lane;
        double sum = 0;
        for (size_t v = warp; v < voxels && ci < cin; v += warps) {
            size_t from;
            if (!source_of(v, m, tap, &from)) continue;
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

cudaError_t pleat_cuda_conv_backward_weights(pleat_dtype type, const pleat_conv_desc *desc,
                                             const pleat_tensor *x, const pleat_tensor *dy,
                                             float *dweights, cudaStream_t stream) {
    const Movement m = movement_of(desc, x, dy);
    const size_t voxels = pleat_tensor_voxels(dy);
    return dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        conv_backward_weights<T><<<(unsigned)(dy->c * m.taps), THREADS, 0, stream>>>(
            (const T *)x->data, (const T *)dy->data, m, voxels, x->c, dy->c, dweights);
        return cudaGetLastError();
    });
}
