/*
 * kernels_hopper_first.cu - the first layer on Hopper: 3x3x3 over an image of one channel, to 32.
 *
 * Its work is a copy of the larger tensor: 32 channels are written, or read, for each voxel of the
 * image. So the arithmetic goes to the tensor cores. For a tile of 8x8 voxels by DEPTH slices the
 * image is unfolded in shared memory, the 27 values around a voxel (and 5 zeros) in a row:
 *
 *     image [z][y][x] with a halo  ->  unfolded [slice][tap / 8][voxel][tap % 8]
 *
 * Eight voxels with eight taps are 128 bytes, a tile of a product. Forward: rows are voxels, the
 * sum goes over taps, columns are channels. The gradient of the weights: rows are taps (32, and 32
 * that nobody needs), the sum goes over voxels, columns are channels.
 */
#include "tensor_core.cuh"

#include "hopper_tiles.cuh"

static const int DEPTH = 8, ROW = 32; /* slices of a tile; taps of a voxel, zeros included */
static const int HALO = (DEPTH + 2) * SIDES * SIDES, ROUNDS = (HALO + THREADS - 1) / THREADS;
static const int CHUNK_BYTES = SIDE * SIDE * 16, SLICE_BYTES = ROW / 8 * CHUNK_BYTES;
static const int IMAGE_BYTES = (HALO * 2 + 127) / 128 * 128;
static const int UNFOLDED_BYTES = DEPTH * SLICE_BYTES;
static const int BLOCKS = 2, GROUPS = THREADS / WARPGROUP; /* on a multiprocessor; in a block */

/* A thread's part of the image's tile with its halo, zeros outside of the volume. */
static __device__ __forceinline__ void fetch_image(const unsigned short *x, const Corner &corner,
                                                   const Extent &e, unsigned short (&out)[ROUNDS]) {
#pragma unroll
    for (int r = 0; r < ROUNDS; r++) {
        const int i = r * THREADS + (int)threadIdx.x;
        const int gx = corner.x + i % SIDES - 1, gy = corner.y + i / SIDES % SIDES - 1;
        const int gz = corner.z + i / (SIDES * SIDES) - 1;
        const bool inside = i < HALO && (unsigned)gx < (unsigned)e.w &&
                            (unsigned)gy < (unsigned)e.h && (unsigned)gz < (unsigned)e.d;
        out[r] = inside ? x[(((size_t)corner.n * e.d + gz) * e.h + gy) * e.w + gx] : 0;
    }
}

static __device__ __forceinline__ void keep_image(unsigned short *image,
                                                  const unsigned short (&from)[ROUNDS]) {
#pragma unroll
    for (int r = 0; r < ROUNDS; r++) {
        const int i = r * THREADS + (int)threadIdx.x;
        if (i < HALO) image[i] = from[r];
    }
}

static __device__ __forceinline__ unsigned tap_of(const unsigned short *corner, int tap) {
    return tap < TAPS ? corner[(tap / 9 * SIDES + tap / 3 % 3) * SIDES + tap % 3] : 0;
}

static __device__ __forceinline__ void unfold(const unsigned short *image, char *unfolded) {
    for (int i = (int)threadIdx.x; i < DEPTH * SIDE * SIDE; i += THREADS) {
        const int slice = i / (SIDE * SIDE), voxel = i % (SIDE * SIDE);
        const unsigned short *corner =
            image + (slice * SIDES + voxel / SIDE) * SIDES + voxel % SIDE;
        char *to = unfolded + slice * SLICE_BYTES + voxel * 16;
#pragma unroll
        for (int chunk = 0; chunk < ROW / 8; chunk++) {
            unsigned words[4];
#pragma unroll
            for (int k = 0; k < 4; k++)
                words[k] = tap_of(corner, chunk * 8 + 2 * k) | tap_of(corner, chunk * 8 + 2 * k + 1)
                                                                   << 16;
            *reinterpret_cast<uint4 *>(to + chunk * CHUNK_BYTES) =
                make_uint4(words[0], words[1], words[2], words[3]);
        }
    }
    stores_end();
}

/* The weights [PART, 27, 8], the first of each eight, to [tap / 8][channel][tap % 8]. */
static __device__ __forceinline__ void keep_weights(const unsigned short *weights,
                                                    unsigned short *to) {
    for (int i = (int)threadIdx.x; i < ROW * PART; i += THREADS) {
        const int tap = i / (8 * PART) * 8 + i % 8, channel = i / 8 % PART;
        to[i] = tap < TAPS ? weights[(size_t)(channel * TAPS + tap) * 8] : 0;
    }
}

static __global__ void __launch_bounds__(THREADS, BLOCKS)
    first_forward_tiles(const unsigned short *x, const unsigned short *weights, const float *bias,
                        int relu, Extent e, bf16 *y, double *norm_partials) {
    const int slices = DEPTH / GROUPS, thread = (int)threadIdx.x, group = thread / WARPGROUP;
    char *const unfolded = shared_memory(), *const kernel = unfolded + UNFOLDED_BYTES;
    unsigned short *const image = reinterpret_cast<unsigned short *>(kernel + ROW * PART * 2);
    NormSums<PART> norm_sums(reinterpret_cast<double *>(kernel + ROW * PART * 2 + IMAGE_BYTES));
    const uint64_t a_tile =
        matrix_at(shared_address(unfolded + group * slices * SLICE_BYTES), CHUNK_BYTES, SIDE * 16);
    const uint64_t b_tile = matrix_at(shared_address(kernel), PART * 16, 128);
    float add[PART / 8][2];
#pragma unroll
    for (int j = 0; j < PART / 8; j++)
#pragma unroll
        for (int i = 0; i < 2; i++)
            add[j][i] = bias != NULL ? bias[8 * j + 2 * (thread % 4) + i] : 0.0F;
    keep_weights(weights, reinterpret_cast<unsigned short *>(kernel));
    unsigned short next[ROUNDS];
    fetch_image(x, Corner(blockIdx.x, e, DEPTH), e, next);
    for (unsigned tile = blockIdx.x; tile < e.tiles; tile += gridDim.x) {
        keep_image(image, next);
        __syncthreads(); /* the image is there, and nobody computes with what was unfolded */
        if (tile + gridDim.x < e.tiles) fetch_image(x, Corner(tile + gridDim.x, e, DEPTH), e, next);
        unfold(image, unfolded);
        __syncthreads();
        float sum[slices][PART / 2];
        products_begin();
#pragma unroll
        for (int k = 0; k < ROW / 16; k++)
#pragma unroll
            for (int s = 0; s < slices; s++)
                product<false, false>(sum[s], a_tile + (s * SLICE_BYTES + 2 * k * CHUNK_BYTES) / 16,
                                      b_tile + 2 * k * PART, k > 0);
        products_commit();
        products_wait();
        store_tile<PART, slices>(sum, add, relu, Corner(tile, e, DEPTH), group * slices, e, y,
                                 norm_sums, norm_partials != NULL);
    }
    if (norm_partials != NULL) norm_sums.write(norm_partials);
}

/* partials [blocks * GROUPS][TAPS][PART]. */
static __global__ void __launch_bounds__(THREADS, BLOCKS)
    first_weights_tiles(const unsigned short *x, const bf16 *dy, Extent e, float *partials) {
    typedef Tile<SIDE, DEPTH> Y;
    const int slices = DEPTH / GROUPS, thread = (int)threadIdx.x, group = thread / WARPGROUP;
    /* Behind the last slice the rows that nobody needs read from the stages. */
    char *const unfolded = shared_memory();
    const unsigned stages = shared_address(unfolded) + UNFOLDED_BYTES;
    unsigned short *const image =
        reinterpret_cast<unsigned short *>(unfolded + UNFOLDED_BYTES + 2 * Y::bytes);
    const uint64_t a_tile =
        matrix_at(shared_address(unfolded + group * slices * SLICE_BYTES), SIDE * 16, CHUNK_BYTES);
    float sum[PART / 2];
#pragma unroll
    for (int i = 0; i < PART / 2; i++) sum[i] = 0;
    unsigned short next[ROUNDS];
    fetch_image(x, Corner(blockIdx.x, e, DEPTH), e, next);
    for (int i = thread; i < Y::copies; i += THREADS)
        copy_part<Y, SIDE>(stages, dy, PART, 0, Corner(blockIdx.x, e, DEPTH), e, 0, i);
    int now = 0;
    for (unsigned tile = blockIdx.x; tile < e.tiles; tile += gridDim.x) {
        keep_image(image, next);
        copies_wait();
        __syncthreads();
        if (tile + gridDim.x < e.tiles) {
            const Corner corner(tile + gridDim.x, e, DEPTH);
            fetch_image(x, corner, e, next);
#pragma unroll 1
            for (int i = thread; i < Y::copies; i += THREADS)
                copy_part<Y, SIDE>(stages + (now ^ 1) * Y::bytes, dy, PART, 0, corner, e, 0, i);
        }
        unfold(image, unfolded);
        __syncthreads();
        const uint64_t b_tile =
            matrix_at(stages + now * Y::bytes + group * slices * Y::slice, SIDE * 16, Y::plane);
        products_begin();
#pragma unroll
        for (int s = 0; s < slices; s++)
#pragma unroll
            for (int k = 0; k < SIDE * SIDE; k += 16)
                product<true, true>(sum, a_tile + s * (SLICE_BYTES / 16) + k,
                                    b_tile + s * (Y::slice / 16) + k, 1);
        products_commit();
        products_wait();
        now ^= 1;
    }
#pragma unroll
    for (int i = 0; i < PART / 2; i += 2) {
        const int tap = thread % WARPGROUP / 32 * 16 + i / 2 % 2 * 8 + thread % 32 / 4;
        float *out = partials + (((size_t)blockIdx.x * GROUPS + group) * TAPS + tap) * PART +
                     i / 4 * 8 + 2 * (thread % 4);
        if (tap >= TAPS) continue;
        out[0] = sum[i];
        out[1] = sum[i + 1];
    }
}

int pleat_cuda_first_tiles_has(int capability, int cout) {
    return capability == 90 && cout == PART;
}

cudaError_t pleat_cuda_first_forward_tiles(const int grid[4], const void *x, const void *weights,
                                           const float *bias, int relu, void *y, int processors,
                                           pleat_cuda_partials *sums, cudaStream_t stream) {
    const int bytes = UNFOLDED_BYTES + ROW * PART * 2 + IMAGE_BYTES + NormSums<PART>::bytes;
    const Extent e = extent_of(grid, DEPTH);
    const unsigned most = (unsigned)(BLOCKS * processors), blocks = e.tiles < most ? e.tiles : most;
    const cudaError_t code = cudaFuncSetAttribute(
        (const void *)first_forward_tiles, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (code != cudaSuccess) return code;
    first_forward_tiles<<<blocks, THREADS, bytes, stream>>>(
        (const unsigned short *)x, (const unsigned short *)weights, bias, relu, e, (bf16 *)y,
        sums != NULL ? sums->data : NULL);
    if (sums != NULL) sums->rows = blocks;
    return cudaGetLastError();
}

cudaError_t pleat_cuda_first_weights_tiles(const int grid[4], const void *x, const void *dy,
                                           void *partials, float *dweights, int processors,
                                           cudaStream_t stream) {
    const int bytes = UNFOLDED_BYTES + 2 * Tile<SIDE, DEPTH>::bytes + IMAGE_BYTES;
    const Extent e = extent_of(grid, DEPTH);
    const unsigned most = (unsigned)(BLOCKS * processors), blocks = e.tiles < most ? e.tiles : most;
    const cudaError_t code = cudaFuncSetAttribute(
        (const void *)first_weights_tiles, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (code != cudaSuccess) return code;
    first_weights_tiles<<<blocks, THREADS, bytes, stream>>>((const unsigned short *)x,
                                                            (const bf16 *)dy, e, (float *)partials);
    return pleat_cuda_first_add((const float *)partials, (int)blocks * GROUPS, PART, dweights,
                                stream);
}
