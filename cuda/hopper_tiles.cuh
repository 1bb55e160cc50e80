/*
 * hopper_tiles.cuh - tiles of 8x8 voxels by some slices, which the convolutions on Hopper compute
 * one after another: where they lie, how they are copied to shared memory, how results are written.
 * To be included after tensor_core.cuh, of which the emulator has its own.
 */
#ifndef PLEAT_CUDA_HOPPER_TILES_CUH
#define PLEAT_CUDA_HOPPER_TILES_CUH

#include "kernels.cuh"

static const int SIDE = 8, SIDES = SIDE + 2;   /* of a tile in x and y; with its halo */
static const int PART = 32, CHUNKS = PART / 8; /* channels of a stage; 16 bytes each */
static const int TAPS = 27, WARPGROUP = 128;

struct Extent {
    int n, d, h, w; /* of the volume */
    int tiles_z, tiles_y, tiles_x;
    unsigned tiles; /* of all samples */
};

/* A tile in shared memory, SIZE voxels wide. Four chunks of a voxel go to banks of their own: 32
 * more bytes than a multiple of 128. */
template <int SIZE, int SLICES> struct Tile {
    static const int plane = (SIZE * SIZE * 16 + 127) / 128 * 128 + 32; /* 8 channels of a slice */
    static const int slice = CHUNKS * plane;
    static const int bytes = SLICES * slice;
    static const int copies = SLICES * SIZE * SIZE * CHUNKS; /* of 16 bytes */
};

struct Corner { /* of a tile */
    int n, z, y, x;
    __device__ Corner(unsigned tile, const Extent &e, int depth) {
        x = (int)(tile % e.tiles_x) * SIDE;
        tile /= e.tiles_x;
        y = (int)(tile % e.tiles_y) * SIDE;
        tile /= e.tiles_y;
        z = (int)(tile % e.tiles_z) * depth;
        n = (int)(tile / e.tiles_z);
    }
};

/* Copy number i of a tile whose first voxel is `halo` before the corner: 8 channels of a voxel,
 * zeros outside of the volume. */
template <typename T, int SIZE>
static __device__ __forceinline__ void copy_part(unsigned to, const bf16 *x, int channels, int part,
                                                 const Corner &corner, const Extent &e, int halo,
                                                 int i) {
    if (i >= T::copies) return;
    const int chunk = i % CHUNKS, voxel = i / CHUNKS % (SIZE * SIZE);
    const int slice = i / (CHUNKS * SIZE * SIZE);
    const int gx = corner.x + voxel % SIZE - halo, gy = corner.y + voxel / SIZE - halo;
    const int gz = corner.z + slice - halo;
    const bool inside = (unsigned)gx < (unsigned)e.w && (unsigned)gy < (unsigned)e.h &&
                        (unsigned)gz < (unsigned)e.d;
    const size_t from =
        inside ? (((size_t)corner.n * e.d + gz) * e.h + gy) * e.w + gx : 0; /* some address */
    copy_16(to + slice * T::slice + chunk * T::plane + voxel * 16,
            x + from * channels + part * PART + chunk * 8, inside);
}

/* Four lanes hold four words each of a row; after this lane q holds the words number q of all. */
static __device__ __forceinline__ void transpose_quad(unsigned (&v)[4], int lane) {
#pragma unroll
    for (int step = 1; step <= 2; step *= 2) {
        const bool odd = (lane & step) != 0;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if (i & step) continue;
            const unsigned got = __shfl_xor_sync(0xffffffffu, odd ? v[i] : v[i + step], step);
            if (odd)
                v[i] = got;
            else
                v[i + step] = got;
        }
    }
}

/* Sums of y and y^2 of each channel for norm, which would else read y again: of the rounded values.
 * A thread has the columns 8 j + 2 (lane % 4) + i of a product. A warp adds the voxels of a tile in
 * float, the tiles in double, in the order of its block: it is always the same. */
template <int OUT> struct NormSums {
    static const int bytes = THREADS / 32 * 2 * OUT * (int)sizeof(double);
    float part[2][OUT / 8][2]; /* of this tile */
    double *total;             /* [warps][2][OUT], shared */

    __device__ explicit NormSums(double *shared) : total(shared) {
        for (int i = (int)threadIdx.x % 32; i < 2 * OUT; i += 32) mine()[i] = 0;
        __syncwarp();
        clear();
    }
    __device__ double *mine() { return total + (int)threadIdx.x / 32 * 2 * OUT; }
    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int i = 0; i < OUT / 2; i++) part[i / (OUT / 4)][i / 2 % (OUT / 8)][i % 2] = 0;
    }
    /* Two neighbours of bf16, columns of j. */
    __device__ __forceinline__ void add(int j, unsigned word) {
        const float low = __uint_as_float(word << 16), high = __uint_as_float(word & 0xffff0000U);
        part[0][j][0] += low;
        part[0][j][1] += high;
        part[1][j][0] += low * low;
        part[1][j][1] += high * high;
    }
    __device__ __forceinline__ void end_tile() {
        const int lane = (int)threadIdx.x % 32;
#pragma unroll
        for (int i = 0; i < OUT / 2; i++) {
            const int which = i / (OUT / 4), j = i / 2 % (OUT / 8);
            float sum = part[which][j][i % 2];
            for (int other = 4; other < 32; other *= 2)
                sum += (float)__shfl_xor_sync(0xffffffffU, sum, other);
            if (lane < 4) mine()[which * OUT + 8 * j + 2 * lane + i % 2] += (double)sum;
        }
        clear();
    }
    /* All threads of the block: to partials [blocks][2][OUT]. */
    __device__ void write(double *partials) {
        __syncthreads();
        const int i = (int)threadIdx.x;
        if (i >= 2 * OUT) return;
        double sum = 0;
        for (int w = 0; w < THREADS / 32; w++) sum += total[w * 2 * OUT + i];
        partials[(size_t)blockIdx.x * 2 * OUT + i] = sum;
    }
};

/* Writes the sums of `SLICES` slices of a warpgroup, the first of which is `first` of the tile,
 * with `add` and ReLU; norm: y's sums are wanted. */
template <int OUT, int SLICES>
static __device__ __forceinline__ void store_tile(float (&sum)[SLICES][OUT / 2],
                                                  const float (&add)[OUT / 8][2], int relu,
                                                  const Corner &corner, int first, const Extent &e,
                                                  bf16 *y, NormSums<OUT> &norm_sums, bool norm) {
    const int thread = (int)threadIdx.x, lane = thread % 32, gx = corner.x + lane / 4;
#pragma unroll
    for (int s = 0; s < SLICES; s++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int gz = corner.z + first + s;
            const int gy = corner.y + thread % WARPGROUP / 32 * 2 + h;
            const bool inside = gz < e.d && gy < e.h && gx < e.w;
            const size_t voxel = (((size_t)corner.n * e.d + gz) * e.h + gy) * e.w + gx;
#pragma unroll
            for (int j = 0; j < OUT / 8; j += 4) {
                unsigned words[4];
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    float low = sum[s][4 * (j + i) + 2 * h] + add[j + i][0];
                    float high = sum[s][4 * (j + i) + 2 * h + 1] + add[j + i][1];
                    if (relu && low < 0) low = 0; /* NaN stays NaN */
                    if (relu && high < 0) high = 0;
                    words[i] = Vector<bf16, 8>::pair(low, high);
                    if (norm && inside) norm_sums.add(j + i, words[i]);
                }
                transpose_quad(words, lane);
                if (inside)
                    *reinterpret_cast<uint4 *>(y + voxel * OUT + (j + lane % 4) * 8) =
                        make_uint4(words[0], words[1], words[2], words[3]);
            }
        }
    if (norm) norm_sums.end_tile();
}

static int divided_up(int n, int by) { return (n + by - 1) / by; }

static Extent extent_of(const int grid[4], int depth) {
    Extent e = {grid[0],
                grid[1],
                grid[2],
                grid[3],
                divided_up(grid[1], depth),
                divided_up(grid[2], SIDE),
                divided_up(grid[3], SIDE),
                0};
    e.tiles = (unsigned)e.n * (unsigned)e.tiles_z * (unsigned)e.tiles_y * (unsigned)e.tiles_x;
    return e;
}

#endif /* PLEAT_CUDA_HOPPER_TILES_CUH */
