/* kernels_layers.cu - activations, mean pooling and gates. */
#include "kernels.cuh"

/* ---- activations ---- */

static __device__ float activated(int sigmoid, float slope, float x) {
    if (sigmoid) return 1 / (1 + exp(-x));
    return x > 0 ? x : slope * x;
}

template <typename T, int N>
static __global__ void activate(int sigmoid, float slope, const T *x, int x_pitch, size_t voxels,
                                int c, int width, T *y, int y_pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        float values[N];
        load<T, N>(x + v * x_pitch + at.channel, values);
#pragma unroll
        for (int k = 0; k < N; k++) values[k] = activated(sigmoid, slope, values[k]);
        Vector<T, N>::store(y + v * y_pitch + at.channel, values);
    }
}

cudaError_t pleat_cuda_activate(pleat_dtype type, pleat_activation kind, double slope,
                                const pleat_tensor *x, const pleat_tensor *y, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    return dispatch(type, fits(type, x) && fits(type, y), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, x->c, N, 1, wave<activate<T, N>>());
        activate<T, N><<<s.grid, THREADS, 0, stream>>>(kind == PLEAT_SIGMOID, (float)slope,
                                                       (const T *)x->data, x->pitch, voxels, x->c,
                                                       s.width, (T *)y->data, y->pitch);
        return cudaGetLastError();
    });
}

template <typename T, int N>
static __global__ void activate_backward(int sigmoid, float slope, const T *y, int y_pitch,
                                         const T *dy, int dy_pitch, size_t voxels, int c, int width,
                                         int accumulate, T *dx, int dx_pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        float value[N], g[N], there[N] = {};
        load<T, N>(y + v * y_pitch + at.channel, value);
        load<T, N>(dy + v * dy_pitch + at.channel, g);
        if (accumulate) load<T, N>(dx + v * dx_pitch + at.channel, there);
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float leaky = value[k] > 0 ? 1 : slope;
            g[k] = there[k] + g[k] * (sigmoid ? value[k] * (1 - value[k]) : leaky);
        }
        Vector<T, N>::store(dx + v * dx_pitch + at.channel, g);
    }
}

cudaError_t pleat_cuda_activate_backward(pleat_dtype type, pleat_activation kind, double slope,
                                         const pleat_tensor *y, const pleat_tensor *dy,
                                         int accumulate, const pleat_tensor *dx,
                                         cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(y);
    const bool vectors = fits(type, y) && fits(type, dy) && fits(type, dx);
    return dispatch(type, vectors, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, y->c, N, 1, wave<activate_backward<T, N>>());
        activate_backward<T, N><<<s.grid, THREADS, 0, stream>>>(
            kind == PLEAT_SIGMOID, (float)slope, (const T *)y->data, y->pitch, (const T *)dy->data,
            dy->pitch, voxels, y->c, s.width, accumulate, (T *)dx->data, dx->pitch);
        return cudaGetLastError();
    });
}

/* ---- blocks of a finer tensor under a voxel of a coarser one ---- */

struct Blocks {
    int size[3];   /* of a block */
    int coarse[3]; /* of the coarser tensor, D, H, W */
    /* The finer voxel in place i of the block under coarse voxel v. */
    __device__ size_t voxel(size_t v, int i) const {
        const size_t w = v % coarse[2], h = v / coarse[2] % coarse[1];
        const size_t plane = v / coarse[2] / coarse[1]; /* of all samples */
        const int x = i % size[2], y = i / size[2] % size[1], z = i / size[2] / size[1];
        const size_t row = (plane * size[0] + z) * ((size_t)coarse[1] * size[1]) + h * size[1] + y;
        return row * ((size_t)coarse[2] * size[2]) + w * size[2] + x;
    }
    __host__ __device__ int count() const { return size[0] * size[1] * size[2]; }
    /* The coarse voxel over a finer one. */
    __device__ size_t over(size_t v) const {
        const size_t fine_w = (size_t)coarse[2] * size[2], fine_h = (size_t)coarse[1] * size[1];
        const size_t w = v % fine_w / size[2], h = v / fine_w % fine_h / size[1];
        const size_t plane = v / fine_w / fine_h / size[0];
        return (plane * coarse[1] + h) * coarse[2] + w;
    }
};

static Blocks blocks_of(const pleat_tensor *fine, const pleat_tensor *coarse) {
    Blocks b;
    b.coarse[0] = coarse->d, b.coarse[1] = coarse->h, b.coarse[2] = coarse->w;
    b.size[0] = fine->d / coarse->d, b.size[1] = fine->h / coarse->h;
    b.size[2] = fine->w / coarse->w;
    return b;
}

/* ---- mean pooling ---- */

template <typename T, int N>
static __global__ void mean_forward(const T *x, int x_pitch, Blocks blocks, size_t voxels, int c,
                                    int width, T *y, int y_pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    const float share = 1.0f / (float)blocks.count();
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        float sums[N] = {}, values[N];
        for (int i = 0; i < blocks.count(); i++) {
            load<T, N>(x + blocks.voxel(v, i) * x_pitch + at.channel, values);
#pragma unroll
            for (int k = 0; k < N; k++) sums[k] += values[k];
        }
#pragma unroll
        for (int k = 0; k < N; k++) sums[k] *= share;
        Vector<T, N>::store(y + v * y_pitch + at.channel, sums);
    }
}

cudaError_t pleat_cuda_mean_forward(pleat_dtype type, const pleat_tensor *x, const pleat_tensor *y,
                                    cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(y);
    return dispatch(type, fits(type, x) && fits(type, y), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, x->c, N, 1, wave<mean_forward<T, N>>());
        mean_forward<T, N><<<s.grid, THREADS, 0, stream>>>((const T *)x->data, x->pitch,
                                                           blocks_of(x, y), voxels, x->c, s.width,
                                                           (T *)y->data, y->pitch);
        return cudaGetLastError();
    });
}

/* to = factor * from at the voxel over it or its own, or += ; a thread per voxel of `to`. The
 * factor is `share`, or the gate's at the voxel over it. */
template <typename T, int N>
static __global__ void spread(const T *from, int from_pitch, int over, Blocks blocks, float share,
                              const T *gate, int gate_pitch, size_t voxels, int c, int width,
                              int accumulate, T *to, int to_pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        float values[N], there[N] = {}, factor[1] = {share};
        const size_t coarse = blocks.over(v);
        if (gate != NULL) load<T, 1>(gate + coarse * gate_pitch, factor);
        load<T, N>(from + (over ? coarse : v) * from_pitch + at.channel, values);
        if (accumulate) load<T, N>(to + v * to_pitch + at.channel, there);
#pragma unroll
        for (int k = 0; k < N; k++) values[k] = there[k] + factor[0] * values[k];
        Vector<T, N>::store(to + v * to_pitch + at.channel, values);
    }
}

cudaError_t pleat_cuda_mean_backward(pleat_dtype type, const pleat_tensor *dy, int accumulate,
                                     const pleat_tensor *dx, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(dx);
    const Blocks blocks = blocks_of(dx, dy);
    return dispatch(type, fits(type, dy) && fits(type, dx), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, dx->c, N, 1, wave<spread<T, N>>());
        spread<T, N><<<s.grid, THREADS, 0, stream>>>(
            (const T *)dy->data, dy->pitch, 1, blocks, 1.0f / (float)blocks.count(),
            (const T *)NULL, 0, voxels, dx->c, s.width, accumulate, (T *)dx->data, dx->pitch);
        return cudaGetLastError();
    });
}

/* ---- gates ---- */

static cudaError_t multiply(pleat_dtype type, const pleat_tensor *x, const pleat_tensor *gate,
                            int accumulate, const pleat_tensor *y, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(x);
    return dispatch(type, fits(type, x) && fits(type, y), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, x->c, N, 1, wave<spread<T, N>>());
        spread<T, N><<<s.grid, THREADS, 0, stream>>>(
            (const T *)x->data, x->pitch, 0, blocks_of(x, gate), 1.0f, (const T *)gate->data,
            gate->pitch, voxels, x->c, s.width, accumulate, (T *)y->data, y->pitch);
        return cudaGetLastError();
    });
}

cudaError_t pleat_cuda_gate_forward(pleat_dtype type, const pleat_tensor *x,
                                    const pleat_tensor *gate, const pleat_tensor *y,
                                    cudaStream_t stream) {
    return multiply(type, x, gate, 0, y, stream);
}

/* A thread per voxel of the gate. */
template <typename T>
static __global__ void gate_gradient(const T *x, int x_pitch, const T *dy, int dy_pitch,
                                     Blocks blocks, size_t voxels, int c, T *dgate,
                                     int dgate_pitch) {
    for (EACH(v, voxels)) {
        float sum[1] = {0}, a[1], g[1];
        for (int i = 0; i < blocks.count(); i++) {
            const size_t at = blocks.voxel(v, i);
            for (int k = 0; k < c; k++) {
                load<T, 1>(x + at * x_pitch + k, a);
                load<T, 1>(dy + at * dy_pitch + k, g);
                sum[0] += a[0] * g[0];
            }
        }
        Vector<T, 1>::store(dgate + v * dgate_pitch, sum);
    }
}

cudaError_t pleat_cuda_gate_backward(pleat_dtype type, const pleat_tensor *x,
                                     const pleat_tensor *gate, const pleat_tensor *dy,
                                     const pleat_tensor *dgate, int accumulate,
                                     const pleat_tensor *dx, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(gate);
    const cudaError_t code = dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        gate_gradient<T><<<blocks_for<gate_gradient<T>>(voxels), THREADS, 0, stream>>>(
            (const T *)x->data, x->pitch, (const T *)dy->data, dy->pitch, blocks_of(x, gate),
            voxels, x->c, (T *)dgate->data, dgate->pitch);
        return cudaGetLastError();
    });
    return code != cudaSuccess ? code : multiply(type, dy, gate, accumulate, dx, stream);
}
