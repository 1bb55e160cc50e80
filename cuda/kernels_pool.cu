/* kernels_pool.cu - the maximum over blocks of 1 or 2 voxels along each axis, and its gradient. */
#include "kernels.cuh"

template <int N> struct alignas(N) Bytes { uint8_t at[N]; };

struct Blocks { /* voxels of a block along each axis, 1 or 2; rows and columns of blocks */
    int d, h, w, rows, columns;
};

static Blocks blocks_of(const pleat_tensor *large, const pleat_tensor *small) {
    const Blocks b = {large->d / small->d, large->h / small->h, large->w / small->w, small->h,
                      small->w};
    return b;
}

/* First of the large voxels of block v; those of its others, d*4 + h*2 + w, follow at child(). */
static __device__ size_t large_voxel(size_t v, Blocks b) {
    const size_t x = v % b.columns, y = v / b.columns % b.rows;
    const size_t plane = v / b.columns / b.rows; /* n * D + z */
    return (plane * b.d * ((size_t)b.rows * b.h) + y * b.h) * ((size_t)b.columns * b.w) + x * b.w;
}
static __device__ size_t child(int i, Blocks b) {
    return ((size_t)(i / 4) * ((size_t)b.rows * b.h) + i / 2 % 2) * ((size_t)b.columns * b.w) +
           i % 2;
}
static __device__ bool has(Blocks b, int i) { /* the block has a voxel i */
    return i / 4 < b.d && i / 2 % 2 < b.h && i % 2 < b.w;
}

template <typename T, int N>
static __global__ void pool_forward(const T *x, int pitch, size_t voxels, Blocks b, int c,
                                    int width, T *y, uint8_t *index) {
    const Place<N> at(c, width);
    if (!at.active) return;
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        const size_t first = large_voxel(v, b);
        float most[N];
        Bytes<N> winner = {};
        Vector<T, N>::load(x + first * pitch + at.channel, most);
#pragma unroll
        for (int i = 1; i < 8; i++) {
            float value[N]; /* of the first again where there is none: it does not win */
            const size_t from = first + (has(b, i) ? child(i, b) : 0);
            Vector<T, N>::load(x + from * pitch + at.channel, value);
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
        pool_forward<T, N><<<s.grid, THREADS, 0, stream>>>((const T *)x->data, x->pitch, voxels,
                                                           blocks_of(x, y), y->c, s.width,
                                                           (T *)y->data, index);
        return cudaGetLastError();
    });
}

template <typename T, int N>
static __global__ void pool_backward(const T *dy, const uint8_t *index, size_t voxels, Blocks b,
                                     int c, int width, int accumulate, T *dx, int pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        const size_t first = large_voxel(v, b);
        const Bytes<N> winner = *reinterpret_cast<const Bytes<N> *>(index + v * c + at.channel);
        float g[N];
        Vector<T, N>::load(dy + v * c + at.channel, g);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            if (!has(b, i)) continue;
            T *to = dx + (first + child(i, b)) * pitch + at.channel;
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
                                                            blocks_of(dx, dy), dy->c, s.width,
                                                            accumulate, (T *)dx->data, dx->pitch);
        return cudaGetLastError();
    });
}
