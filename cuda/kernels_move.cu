/* kernels_move.cu - copies, conversions and paddings; ReLU's backward; coarser labels. */
#include "kernels.cuh"

/* ---- flat ---- */

template <typename T> static __global__ void cast(const float *from, size_t n, T *to) {
    for (EACH(i, n)) {
        const float value[1] = {from[i]};
        Vector<T, 1>::store(to + i, value);
    }
}

cudaError_t pleat_cuda_cast(pleat_dtype type, const float *from, size_t n, void *to,
                            cudaStream_t stream) {
    return dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        cast<T><<<blocks_for<cast<T>>(n), THREADS, 0, stream>>>(from, n, (T *)to);
        return cudaGetLastError();
    });
}

/* Even in -1 to 1, by a multiplicative hash. */
template <typename T> static __global__ void noise(size_t n, T *to) {
    for (EACH(i, n)) {
        unsigned h = (unsigned)i * 0x9e3779b1u;
        h = (h ^ h >> 15) * 0x85ebca77u;
        const float value[1] = {(float)(h >> 8) * 0x1p-23f - 1};
        Vector<T, 1>::store(to + i, value);
    }
}

cudaError_t pleat_cuda_noise(pleat_dtype type, size_t n, void *to, cudaStream_t stream) {
    return dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        noise<T><<<blocks_for<noise<T>>(n), THREADS, 0, stream>>>(n, (T *)to);
        return cudaGetLastError();
    });
}

template <typename T, int N>
static __global__ void relu_backward(const T *y, const T *dy, size_t packs, T *dx) {
    for (EACH(i, packs)) {
        float value[N], g[N];
        load<T, N>(y + i * N, value);
        load<T, N>(dy + i * N, g);
#pragma unroll
        for (int k = 0; k < N; k++) g[k] = value[k] > 0 ? g[k] : 0;
        Vector<T, N>::store(dx + i * N, g);
    }
}

cudaError_t pleat_cuda_relu_backward(pleat_dtype type, const void *y, const void *dy, size_t n,
                                     void *dx, cudaStream_t stream) {
    const bool vectors =
        n % (size_t)vector_length(type) == 0 && aligned(y) && aligned(dy) && aligned(dx);
    return dispatch(type, vectors, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        relu_backward<T, N><<<blocks_for<relu_backward<T, N>>(n / N), THREADS, 0, stream>>>(
            (const T *)y, (const T *)dy, n / N, (T *)dx);
        return cudaGetLastError();
    });
}

/* ---- voxel by voxel ---- */

template <typename T, int N>
static __global__ void __launch_bounds__(THREADS)
    copy(const T *from, int from_pitch, size_t voxels, int c, int width, int accumulate, T *to,
         int to_pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    const size_t step = at.step();
    walk<4>(at.first(), step, voxels, [&](auto batch, size_t v) {
        const int MOST = decltype(batch)::n;
        typename Vector<T, N>::Raw raw[MOST], there[MOST];
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            raw[u] = fetch<T, N>(from + (v + u * step) * from_pitch + at.channel);
            if (accumulate) there[u] = fetch<T, N>(to + (v + u * step) * to_pitch + at.channel);
        }
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            float values[N], so_far[N] = {};
            Vector<T, N>::unpack(raw[u], values);
            if (accumulate) Vector<T, N>::unpack(there[u], so_far);
#pragma unroll
            for (int k = 0; k < N; k++) values[k] = accumulate ? so_far[k] + values[k] : values[k];
            Vector<T, N>::store(to + (v + u * step) * to_pitch + at.channel, values);
        }
    });
}

cudaError_t pleat_cuda_copy(pleat_dtype type, const pleat_tensor *from, int accumulate,
                            const pleat_tensor *to, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(from);
    return dispatch(type, fits(type, from) && fits(type, to), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, from->c, N, 4, wave<copy<T, N>>());
        copy<T, N><<<s.grid, THREADS, 0, stream>>>((const T *)from->data, from->pitch, voxels,
                                                   from->c, s.width, accumulate, (T *)to->data,
                                                   to->pitch);
        return cudaGetLastError();
    });
}

template <typename T, int N>
static __global__ void widen(const T *from, size_t voxels, int c, int wide, int width, T *to) {
    const Place<N> at(wide, width);
    if (!at.active) return;
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        float values[N];
#pragma unroll
        for (int k = 0; k < N; k++) {
            float one[1] = {0};
            if (at.channel + k < c) load<T, 1>(from + v * c + at.channel + k, one);
            values[k] = one[0];
        }
        Vector<T, N>::store(to + v * wide + at.channel, values);
    }
}

cudaError_t pleat_cuda_widen(pleat_dtype type, const void *from, size_t voxels, int c, int wide,
                             void *to, cudaStream_t stream) {
    return dispatch(type, aligned(to), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, wide, N, 1, wave<widen<T, N>>());
        widen<T, N>
            <<<s.grid, THREADS, 0, stream>>>((const T *)from, voxels, c, wide, s.width, (T *)to);
        return cudaGetLastError();
    });
}

template <typename T, int N>
static __global__ void narrow(const T *from, size_t voxels, int wide, int c, int width,
                              const float *bias, int relu, T *to) {
    const Place<N> at(c, width);
    if (!at.active) return;
    float shift[N];
#pragma unroll
    for (int k = 0; k < N; k++) shift[k] = bias != NULL ? bias[at.channel + k] : 0;
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        float values[N];
        load<T, N>(from + v * wide + at.channel, values);
#pragma unroll
        for (int k = 0; k < N; k++) {
            values[k] += shift[k];
            if (relu && values[k] < 0) values[k] = 0; /* NaN stays NaN */
        }
        Vector<T, N>::store(to + v * c + at.channel, values);
    }
}

cudaError_t pleat_cuda_narrow(pleat_dtype type, const void *from, size_t voxels, int wide, int c,
                              const float *bias, int relu, void *to, cudaStream_t stream) {
    const int n = vector_length(type);
    const bool vectors = wide % n == 0 && c % n == 0 && aligned(from) && aligned(to);
    return dispatch(type, vectors, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, c, N, 1, wave<narrow<T, N>>());
        narrow<T, N><<<s.grid, THREADS, 0, stream>>>((const T *)from, voxels, wide, c, s.width,
                                                     bias, relu, (T *)to);
        return cudaGetLastError();
    });
}

/* ---- weights ---- */

static const unsigned PART = 8 * THREADS; /* of a layer's elements, packed by a block at once */

static __device__ __host__ unsigned parts_of(const pleat_cuda_pack_one &p) {
    return (p.rows_wide * p.c_wide + PART - 1) / PART;
}

static __device__ void pack_element(const pleat_cuda_pack_one &p, unsigned i) {
    const unsigned row = i / p.c_wide, c = i % p.c_wide;
    const float value[1] = {row < p.rows && c < p.c ? p.from[row * p.c + c] : 0};
    if (p.type == PLEAT_F32)
        Vector<float, 1>::store((float *)p.to + i, value);
    else
        Vector<bf16, 1>::store((bf16 *)p.to + i, value);
}

/* The parts of all layers one after another, shared by the blocks. */
static __global__ void __launch_bounds__(THREADS)
    pack(const __grid_constant__ pleat_cuda_packs packs) {
    unsigned first = 0; /* part of layer k */
    int k = 0;
    for (unsigned part = blockIdx.x;; part += gridDim.x) {
        for (; k < packs.n && part - first >= parts_of(packs.of[k]); k++)
            first += parts_of(packs.of[k]);
        if (k == packs.n) return;
        const unsigned n = packs.of[k].rows_wide * packs.of[k].c_wide;
#pragma unroll
        for (unsigned u = 0; u < PART / THREADS; u++) {
            const unsigned i = (part - first) * PART + u * THREADS + threadIdx.x;
            if (i < n) pack_element(packs.of[k], i);
        }
    }
}

cudaError_t pleat_cuda_pack(const pleat_cuda_packs *packs, cudaStream_t stream) {
    size_t parts = 0;
    for (int k = 0; k < packs->n; k++) parts += parts_of(packs->of[k]);
    pack<<<blocks_for<pack>(parts * THREADS), THREADS, 0, stream>>>(*packs);
    return cudaGetLastError();
}

template <typename T>
static __global__ void __launch_bounds__(THREADS)
    unpack_add(const T *wide, unsigned n, unsigned cin, unsigned cin_wide, float *dweights) {
    const unsigned first = blockIdx.x * THREADS + threadIdx.x, step = gridDim.x * THREADS;
    walk<4>(first, step, n, [&](auto batch, size_t at) {
        const int MOST = decltype(batch)::n;
        float value[MOST][1], so_far[MOST];
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            const unsigned i = (unsigned)at + u * step; /* of dweights */
            load<T, 1>(wide + (size_t)(i / cin) * cin_wide + i % cin, value[u]);
            so_far[u] = dweights[i];
        }
#pragma unroll
        for (int u = 0; u < MOST; u++) dweights[at + u * step] = so_far[u] + value[u][0];
    });
}

cudaError_t pleat_cuda_unpack_add(pleat_dtype type, const void *wide, int cout, int taps, int cin,
                                  int cin_wide, float *dweights, cudaStream_t stream) {
    const unsigned n = (unsigned)cout * taps * cin;
    return dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        unpack_add<T><<<blocks_for<unpack_add<T>>(n), THREADS, 0, stream>>>((const T *)wide, n, cin,
                                                                            cin_wide, dweights);
        return cudaGetLastError();
    });
}

/* ---- labels ---- */

struct Grid3 { /* sizes D, H, W of the coarser grid, and the steps to it */
    int to[3], step[3];
};

static __global__ void coarsen_labels(const uint8_t *labels, Grid3 g, size_t n, uint8_t *to) {
    for (EACH(i, n)) { /* of the coarser grid */
        const size_t w = i % g.to[2], h = i / g.to[2] % g.to[1], plane = i / g.to[2] / g.to[1];
        const size_t d = plane % g.to[0], sample = plane / g.to[0];
        const size_t z = sample * g.to[0] * g.step[0] + d * g.step[0] + g.step[0] / 2;
        const size_t row = z * ((size_t)g.to[1] * g.step[1]) + h * g.step[1] + g.step[1] / 2;
        to[i] = labels[row * ((size_t)g.to[2] * g.step[2]) + w * g.step[2] + g.step[2] / 2];
    }
}

cudaError_t pleat_cuda_coarsen_labels(const uint8_t *labels, int n, const int dim[3],
                                      const int step[3], uint8_t *to, cudaStream_t stream) {
    Grid3 g;
    size_t voxels = (size_t)n;
    for (int a = 0; a < 3; a++) {
        g.step[a] = step[a];
        g.to[a] = dim[a] / step[a];
        voxels *= (size_t)g.to[a];
    }
    coarsen_labels<<<blocks_for<coarsen_labels>(voxels), THREADS, 0, stream>>>(labels, g, voxels,
                                                                               to);
    return cudaGetLastError();
}
