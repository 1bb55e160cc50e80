/* kernels_pool.cu - 2x2x2 maximum with stride 2, and its gradient. */
#include "kernels.cuh"

template <int N> struct alignas(N) Bytes { uint8_t at[N]; };

/* First of the eight large voxels under small voxel v, whose tensor is h x w; the others follow at
 * child(). */
static __device__ size_t large_voxel(size_t v, int h, int w) {
    const size_t x = v % w, y = v / w % h, plane = v / w / h; /* n * D + z */
    return (2 * plane * (2 * (size_t)h) + 2 * y) * (2 * (size_t)w) + 2 * x;
}
static __device__ size_t child(int i, int h, int w) { /* i = d*4 + h*2 + w */
    return ((size_t)(i / 4) * (2 * (size_t)h) + i / 2 % 2) * (2 * (size_t)w) + i % 2;
}

template <typename T, int N>
static __global__ void pool_forward(const T *x, int pitch, size_t voxels, int h, int w, int c,
                                    int width, T *y, uint8_t *index) {
    const Place<N> at(c, width);
    if (!at.active) return;
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        const size_t first = large_voxel(v, h, w);
        float most[N];
        Bytes<N> winner = {};
        Vector<T, N>::load(x + first * pitch + at.channel, most);
#pragma unroll
        for (int i = 1; i < 8; i++) {
            float value[N];
            Vector<T, N>::load(x + (first + child(i, h, w)) * pitch + at.channel, value);
#pragma unroll
            for (int k = 0; k < N; k++)
                if (value[k] > most[k]) {
                    most[k] = value[k];
                    winner.at[k] = (uint8_t)i;
                }
        }
        Vector<T, N>::store(y + v * c + at.channel, most);
        *reinterpret_cast<Bytes<N> *>(index + v * c + at.channel) = winner;
    }
}

cudaError_t pleat_cuda_pool_forward(pleat_dtype type, const pleat_tensor *x, const pleat_tensor *y,
                                    uint8_t *index, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(y);
    const bool vectors = fits(type, x) && fits(type, y) && aligned(index);
    return dispatch(type, vectors, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, y->c, N, 1, MOST_BLOCKS);
        pool_forward<T, N><<<s.grid, THREADS, 0, stream>>>(
            (const T *)x->data, x->pitch, voxels, y->h, y->w, y->c, s.width, (T *)y->data, index);
        return cudaGetLastError();
    });
}

template <typename T, int N>
static __global__ void pool_backward(const T *dy, const uint8_t *index, size_t voxels, int h, int w,
                                     int c, int width, int accumulate, T *dx, int pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        const size_t first = large_voxel(v, h, w);
        const Bytes<N> winner = *reinterpret_cast<const Bytes<N> *>(index + v * c + at.channel);
        float g[N];
        Vector<T, N>::load(dy + v * c + at.channel, g);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            T *to = dx + (first + child(i, h, w)) * pitch + at.channel;
            float value[N] = {};
            if (accumulate) Vector<T, N>::load(to, value);
#pragma unroll
            for (int k = 0; k < N; k++)
                if (winner.at[k] == i) value[k] += g[k];
            Vector<T, N>::store(to, value);
        }
    }
}

cudaError_t pleat_cuda_pool_backward(pleat_dtype type, const pleat_tensor *dy, const uint8_t *index,
                                     int accumulate, const pleat_tensor *dx, cudaStream_t stream) {
    const size_t voxels = pleat_tensor_voxels(dy);
    const bool vectors = fits(type, dy) && fits(type, dx) && aligned(index);
    return dispatch(type, vectors, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, dy->c, N, 1, MOST_BLOCKS);
        pool_backward<T, N><<<s.grid, THREADS, 0, stream>>>((const T *)dy->data, index, voxels,
                                                            dy->h, dy->w, dy->c, s.width,
                                                            accumulate, (T *)dx->data, dx->pitch);
        return cudaGetLastError();
    });
}
