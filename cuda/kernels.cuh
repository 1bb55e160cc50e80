/*
 * kernels.cuh - what the kernels share: 16 bytes at a time, and which thread has which channels.
 *
 * A block is THREADS threads as `rows` voxels by `width` groups of N neighbouring channels; a
 * thread keeps its channels and walks down the voxels, so that what belongs to a channel (scale,
 * shift, sums) stays in registers.
 *
 *              <- width ->        width = c / N, at most THREADS (then tiles in blockIdx.y)
 *    voxel 0   t0  t1  t2         rows  = THREADS / width
 *    voxel 1   t3  t4  t5         threads beyond rows * width have nothing to do
 */
#ifndef PLEAT_CUDA_KERNELS_CUH
#define PLEAT_CUDA_KERNELS_CUH

#include "kernels.h"

#include <cuda_bf16.h>
#include <stdint.h>

typedef __nv_bfloat16 bf16;

static const int THREADS = 256; /* of a block; 8 warps, so 8 blocks fill a multiprocessor */

/* ---- N elements of type T at p as floats; N * sizeof(T) is 16, or N is 1 ----
 *
 * A Raw is what one load brings. Who loads several of them before using the first has as many loads
 * under way; and they take half of the registers that bf16 takes as floats. */

template <typename T, int N> struct Vector;

template <> struct Vector<float, 1> {
    typedef float Raw;
    static __device__ void unpack(Raw raw, float (&v)[1]) { v[0] = raw; }
    static __device__ void store(float *p, const float (&v)[1]) { *p = v[0]; }
};

template <> struct Vector<bf16, 1> {
    typedef bf16 Raw;
    static __device__ void unpack(Raw raw, float (&v)[1]) { v[0] = __bfloat162float(raw); }
    static __device__ void store(bf16 *p, const float (&v)[1]) { *p = __float2bfloat16_rn(v[0]); }
};

template <> struct Vector<float, 4> {
    typedef float4 Raw;
    static __device__ void unpack(Raw raw, float (&v)[4]) {
        v[0] = raw.x, v[1] = raw.y, v[2] = raw.z, v[3] = raw.w;
    }
    static __device__ void store(float *p, const float (&v)[4]) {
        *reinterpret_cast<float4 *>(p) = make_float4(v[0], v[1], v[2], v[3]);
    }
};

template <> struct Vector<bf16, 8> {
    typedef uint4 Raw;
    static __device__ void unpack(Raw raw, float (&v)[8]) {
        const unsigned pairs[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
        for (int i = 0; i < 4; i++) { /* bf16 is the upper half of a float */
            v[2 * i] = __uint_as_float(pairs[i] << 16);
            v[2 * i + 1] = __uint_as_float(pairs[i] & 0xffff0000u);
        }
    }
    static __device__ unsigned pair(float low, float high) {
        return (unsigned)__bfloat16_as_ushort(__float2bfloat16_rn(high)) << 16 |
               __bfloat16_as_ushort(__float2bfloat16_rn(low));
    }
    static __device__ void store(bf16 *p, const float (&v)[8]) {
        *reinterpret_cast<uint4 *>(p) =
            make_uint4(pair(v[0], v[1]), pair(v[2], v[3]), pair(v[4], v[5]), pair(v[6], v[7]));
    }
};

template <typename T, int N> static __device__ typename Vector<T, N>::Raw fetch(const T *p) {
    return *reinterpret_cast<const typename Vector<T, N>::Raw *>(p);
}

template <typename T, int N> static __device__ void load(const T *p, float (&v)[N]) {
    Vector<T, N>::unpack(fetch<T, N>(p), v);
}

/* ---- which thread has what ---- */

template <int N> struct Place { /* of a thread in the picture above */
    int row, rows, channel;
    bool active;
    __device__ Place(int c, int width)
        : row((int)threadIdx.x / width), rows(THREADS / width),
          channel(((int)blockIdx.y * width + (int)threadIdx.x % width) * N),
          active(row < rows && channel < c) {}
    __device__ size_t first() const { return (size_t)blockIdx.x * rows + row; }
    __device__ size_t step() const { return (size_t)gridDim.x * rows; }
};

/* f(Batch<MOST>(), v) for the voxels v, v + step, ... MOST of them at a time, and f(Batch<1>(), v)
 * for those that are left: f loads what it needs of all before it uses the first. */
template <int N> struct Batch { static const int n = N; };

template <int MOST, typename F>
static __device__ void walk(size_t first, size_t step, size_t voxels, F f) {
    size_t v = first;
#pragma unroll 1
    for (; v + (MOST - 1) * step < voxels; v += MOST * step) f(Batch<MOST>(), v);
#pragma unroll 1
    for (; v < voxels; v += step) f(Batch<1>(), v);
}

/* Where a thread that walks is in [planes, rows, columns]; it divides only once. */
struct Position {
    int x, y, rows, columns, step_x, step_y;
    size_t plane, step_plane;
    __device__ Position(size_t v, size_t step, int rows, int columns)
        : x((int)(v % columns)), y((int)(v / columns % rows)), rows(rows), columns(columns),
          step_x((int)(step % columns)), step_y((int)(step / columns % rows)),
          plane(v / columns / rows), step_plane(step / columns / rows) {}
    __device__ void next() {
        x += step_x;
        y += step_y;
        plane += step_plane;
        if (x >= columns) x -= columns, y++;
        if (y >= rows) y -= rows, plane++;
    }
};

/* Blocks of a kernel that the GPU holds at once. Asked once: a process has GPUs of one kind. */
static inline unsigned wave_of(const void *kernel) {
    int device = 0, processors = 0, blocks = 0;
    const bool known =
        cudaGetDevice(&device) == cudaSuccess &&
        cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device) ==
            cudaSuccess &&
        cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, THREADS, 0) == cudaSuccess;
    return known && processors * blocks > 0 ? (unsigned)(processors * blocks) : 1;
}

template <auto KERNEL> static unsigned wave() {
    static const unsigned blocks = wave_of((const void *)KERNEL);
    return blocks;
}

struct Shape { /* of a launch */
    dim3 grid;
    int width;
};

/* `each`: voxels that one thread should have at least; `most`: blocks, one wave. */
static inline Shape shape_of(size_t voxels, int c, int n, size_t each, size_t most) {
    const int groups = c / n, width = groups < THREADS ? groups : THREADS;
    const size_t block = (size_t)(THREADS / width) * each;
    size_t blocks = (voxels + block - 1) / block;
    const size_t tiles = (size_t)((groups + width - 1) / width);
    if (blocks > most / tiles) blocks = most / tiles;
    Shape shape;
    shape.grid =
        dim3((unsigned)(blocks > 0 ? blocks : 1), (unsigned)((groups + width - 1) / width));
    shape.width = width;
    return shape;
}

/* ---- from a type known at run time to templates ---- */

template <typename T, int N> struct Tag {
    typedef T type;
    static const int n = N;
};

/* f(Tag<T, N>()) with 16-byte vectors when `vectors`, else with single elements. */
template <typename F> static cudaError_t dispatch(pleat_dtype type, bool vectors, F f) {
    if (type == PLEAT_F32) return vectors ? f(Tag<float, 4>()) : f(Tag<float, 1>());
    return vectors ? f(Tag<bf16, 8>()) : f(Tag<bf16, 1>());
}

static inline int vector_length(pleat_dtype type) { return type == PLEAT_F32 ? 4 : 8; }

static inline bool aligned(const void *data) { return (uintptr_t)data % 16 == 0; }

static inline bool fits(pleat_dtype type, const pleat_tensor *t) {
    const int n = vector_length(type);
    return t->c % n == 0 && t->pitch % n == 0 && aligned(t->data);
}

/* Of a kernel whose threads share n elements: as many as there is work for, one wave at most. */
template <auto KERNEL> static unsigned blocks_for(size_t n) {
    const size_t blocks = (n + THREADS - 1) / THREADS, most = wave<KERNEL>();
    return (unsigned)(blocks > most ? most : blocks > 0 ? blocks : 1);
}

/* for (EACH(i, n)): all n elements, shared by the threads of a one-dimensional grid */
#define EACH(i, n)                                            \
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; \
    i < (n);                                                  \
    i += (size_t)gridDim.x * blockDim.x

#endif /* PLEAT_CUDA_KERNELS_CUH */
