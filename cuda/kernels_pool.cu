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

/* First of the large voxels of the block at p; the others, d*4 + h*2 + w, follow at child(). */
static __device__ size_t large_voxel(const Position &p, Blocks b) {
    return (p.plane * b.d * ((size_t)b.rows * b.h) + p.y * b.h) * ((size_t)b.columns * b.w) +
           p.x * b.w;
}
static __device__ size_t child(int i, Blocks b) {
    return ((size_t)(i / 4) * ((size_t)b.rows * b.h) + i / 2 % 2) * ((size_t)b.columns * b.w) +
           i % 2;
}
static __device__ bool has(Blocks b, int i) { /* the block has a voxel i */
    return i / 4 < b.d && i / 2 % 2 < b.h && i % 2 < b.w;
}

template <typename T, int N>
static __global__ void __launch_bounds__(THREADS)
    pool_forward(const T *x, int pitch, size_t voxels, Blocks b, int c, int width, T *y,
                 uint8_t *index) {
    const Place<N> at(c, width);
    if (!at.active) return;
    Position block(at.first(), at.step(), b.rows, b.columns);
    for (size_t v = at.first(); v < voxels; v += at.step(), block.next()) {
        const size_t first = large_voxel(block, b);
        typename Vector<T, N>::Raw raw[8];
#pragma unroll
        for (int i = 0; i < 8; i++) { /* the first again where there is none: it does not win */
            const size_t from = first + (has(b, i) ? child(i, b) : 0);
            raw[i] = fetch<T, N>(x + from * pitch + at.channel);
        }
        float most[N];
        Bytes<N> winner = {};
        Vector<T, N>::unpack(raw[0], most);
#pragma unroll
        for (int i = 1; i < 8; i++) {
            float value[N];
            Vector<T, N>::unpack(raw[i], value);
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
        const Shape s = shape_of(voxels, y->c, N, 1, wave<pool_forward<T, N>>());
        pool_forward<T, N><<<s.grid, THREADS, 0, stream>>>((const T *)x->data, x->pitch, voxels,
                                                           blocks_of(x, y), y->c, s.width,
                                                           (T *)y->data, index);
        return cudaGetLastError();
    });
}

template <typename T, int N>
static __global__ void __launch_bounds__(THREADS)
    pool_backward(const T *dy, const uint8_t *index, size_t voxels, Blocks b, int c, int width,
                  int accumulate, T *dx, int pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    Position block(at.first(), at.step(), b.rows, b.columns);
    for (size_t v = at.first(); v < voxels; v += at.step(), block.next()) {
        T *first = dx + large_voxel(block, b) * pitch + at.channel;
        typename Vector<T, N>::Raw so_far[8];
#pragma unroll
        for (int i = 0; i < 8 && accumulate; i++) /* all of them before the first is written */
            so_far[i] = fetch<T, N>(first + (has(b, i) ? child(i, b) : 0) * pitch);
        const Bytes<N> winner = *reinterpret_cast<const Bytes<N> *>(index + v * c + at.channel);
        float g[N];
        load<T, N>(dy + v * c + at.channel, g);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            if (!has(b, i)) continue;
            float value[N] = {};
            if (accumulate) Vector<T, N>::unpack(so_far[i], value);
#pragma unroll
            for (int k = 0; k < N; k++)
                if (winner.at[k] == i) value[k] += g[k];
            Vector<T, N>::store(first + child(i, b) * pitch, value);
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
        const Shape s = shape_of(voxels, dy->c, N, 1, wave<pool_backward<T, N>>());
        pool_backward<T, N><<<s.grid, THREADS, 0, stream>>>((const T *)dy->data, index, voxels,
                                                            blocks_of(dx, dy), dy->c, s.width,
                                                            accumulate, (T *)dx->data, dx->pitch);
        return cudaGetLastError();
    });
}
