/*
 * kernels_first.cu - the first layer: 3x3x3 over an image of one channel, in bf16.
 *
 * cuDNN wants channels in eights, so that seven of eight products are with zeros. These kernels
 * read the image as it is; what they wait for is the arithmetic, 27 multiply-adds for each output,
 * in float.
 */
#include "kernels.cuh"

static const int TAPS = 27;
static const int ALONG = 4;     /* voxels of a row that a thread of forward computes */
static const int QUAD = 4;      /* channels of a thread of the gradient */
static const int WALKERS = 128; /* threads of its block, */
static const int TILES = 4;     /* rows of partials that tiles want for a multiprocessor */
static const int WALKING = 2;   /* of which a multiprocessor holds so many: 108 sums in registers */

struct Image {
    int n, d, h, w;
};

/* ---- forward: a thread has ALONG voxels and 8 channels ---- */

static __global__ void __launch_bounds__(THREADS)
    first_forward(const bf16 *x, const bf16 *weights, const float *bias, Image image, int cout,
                  int relu, bf16 *y) {
    __shared__ __align__(16) float kernel[TAPS * PLEAT_CUDA_FIRST_MOST]; /* [TAPS][cout] */
    for (int i = (int)threadIdx.x; i < TAPS * cout; i += THREADS)
        kernel[i] = __bfloat162float(weights[(size_t)(i % cout * TAPS + i / cout) * 8]);
    __syncthreads();
    const int chunks = cout / 8, groups = (image.w + ALONG - 1) / ALONG;
    const size_t all = (size_t)image.n * image.d * image.h * groups * chunks;
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < all;
         i += (size_t)gridDim.x * THREADS) {
        const int channel = (int)(i % chunks) * 8;
        const size_t row = i / chunks / groups;
        const int x0 = (int)(i / chunks % groups) * ALONG;
        const int y0 = (int)(row % image.h), z0 = (int)(row / image.h % image.d);
        float sum[ALONG][8];
#pragma unroll
        for (int v = 0; v < ALONG; v++)
#pragma unroll
            for (int c = 0; c < 8; c++) sum[v][c] = bias != NULL ? bias[channel + c] : 0.0F;
#pragma unroll
        for (int line = 0; line < 9; line++) {
            const int dz = line / 3 - 1, dy = line % 3 - 1;
            const bool inside =
                (unsigned)(z0 + dz) < (unsigned)image.d && (unsigned)(y0 + dy) < (unsigned)image.h;
            const bf16 *from = x + (row + (inside ? dz * image.h + dy : 0)) * image.w + x0;
            float value[ALONG + 2];
#pragma unroll
            for (int v = 0; v < ALONG + 2; v++)
                value[v] = inside && (unsigned)(x0 + v - 1) < (unsigned)image.w
                               ? __bfloat162float(from[v - 1])
                               : 0.0F;
#pragma unroll
            for (int dx = 0; dx < 3; dx++) {
                const float *k = kernel + (line * 3 + dx) * cout + channel;
                float low[4], high[4];
                Vector<float, 4>::unpack(*reinterpret_cast<const float4 *>(k), low);
                Vector<float, 4>::unpack(*reinterpret_cast<const float4 *>(k + 4), high);
#pragma unroll
                for (int v = 0; v < ALONG; v++)
#pragma unroll
                    for (int c = 0; c < 4; c++) {
                        sum[v][c] += low[c] * value[v + dx];
                        sum[v][c + 4] += high[c] * value[v + dx];
                    }
            }
        }
#pragma unroll
        for (int v = 0; v < ALONG; v++) {
            if (x0 + v >= image.w) continue;
#pragma unroll
            for (int c = 0; c < 8; c++)
                if (relu && sum[v][c] < 0) sum[v][c] = 0; /* NaN stays NaN */
            Vector<bf16, 8>::store(y + (row * image.w + x0 + v) * cout + channel, sum[v]);
        }
    }
}

cudaError_t pleat_cuda_first_forward(const int grid[4], const void *x, const void *weights,
                                     const float *bias, int cout, int relu, void *y,
                                     cudaStream_t stream) {
    const Image image = {grid[0], grid[1], grid[2], grid[3]};
    first_forward<<<wave<first_forward>(), THREADS, 0, stream>>>(
        (const bf16 *)x, (const bf16 *)weights, bias, image, cout, relu, (bf16 *)y);
    return cudaGetLastError();
}

/* ---- the gradient of the weights: a thread walks along rows with 27 sums of 4 channels ---- */

/* The nine values of a column of x at rows y-1..y+1 of slices z-1..z+1; bit i of `lines`: line i is
 * inside. */
static __device__ __forceinline__ void load_column(const bf16 *x, size_t row, int at,
                                                   unsigned lines, const Image &image,
                                                   float (&out)[9]) {
    const bool inside = (unsigned)at < (unsigned)image.w;
#pragma unroll
    for (int i = 0; i < 9; i++) {
        const bool has = inside && (lines >> i & 1);
        const size_t line = row + (has ? (i / 3 - 1) * image.h + i % 3 - 1 : 0);
        out[i] = has ? __bfloat162float(x[line * image.w + at]) : 0.0F;
    }
}

static __device__ __forceinline__ uint2 fetch_quad(const bf16 *dy, bool has) {
    return has ? *reinterpret_cast<const uint2 *>(dy) : make_uint2(0, 0);
}

static __device__ __forceinline__ void unpack_quad(uint2 all, float (&out)[QUAD]) {
    out[0] = __uint_as_float(all.x << 16);
    out[1] = __uint_as_float(all.x & 0xffff0000u);
    out[2] = __uint_as_float(all.y << 16);
    out[3] = __uint_as_float(all.y & 0xffff0000u);
}

static __device__ unsigned lines_inside(size_t row, const Image &image) {
    const int y = (int)(row % image.h), z = (int)(row / image.h % image.d);
    unsigned lines = 0;
    for (int i = 0; i < 9; i++)
        if ((unsigned)(z + i / 3 - 1) < (unsigned)image.d &&
            (unsigned)(y + i % 3 - 1) < (unsigned)image.h)
            lines |= 1u << i;
    return lines;
}

/* partials [blocks][TAPS][cout]. */
static __global__ void __launch_bounds__(WALKERS, WALKING)
    first_weights(const bf16 *x, const bf16 *dy, Image image, int cout, float *partials) {
    __shared__ __align__(16) float shared[WALKERS * QUAD];
    const int quads = cout / QUAD, walkers = WALKERS / quads;
    const int channel = (int)threadIdx.x % quads * QUAD, walker = (int)threadIdx.x / quads;
    const size_t rows = walker < walkers ? (size_t)image.n * image.d * image.h : 0;
    float sum[TAPS][QUAD];
#pragma unroll
    for (int tap = 0; tap < TAPS; tap++)
#pragma unroll
        for (int c = 0; c < QUAD; c++) sum[tap][c] = 0;
#pragma unroll 1
    for (size_t row = (size_t)blockIdx.x * walkers + walker; row < rows;
         row += (size_t)gridDim.x * walkers) {
        const unsigned lines = lines_inside(row, image);
        const bf16 *from = dy + row * image.w * cout + channel;
        float column[4][9], slope[QUAD]; /* of x - 1, x, x + 1, and ahead; of x */
        uint2 ahead[4];                  /* of dy: memory takes as long as several voxels */
        load_column(x, row, -1, lines, image, column[0]);
        load_column(x, row, 0, lines, image, column[1]);
        load_column(x, row, 1, lines, image, column[2]);
#pragma unroll
        for (int i = 0; i < 4; i++) ahead[i] = fetch_quad(from + i * cout, i < image.w);
#pragma unroll 1
        for (int x0 = 0; x0 < image.w; x0 += 4)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                load_column(x, row, x0 + i + 2, lines, image, column[(i + 3) % 4]);
                unpack_quad(ahead[i], slope);
                ahead[i] = fetch_quad(from + (size_t)(x0 + i + 4) * cout, x0 + i + 4 < image.w);
#pragma unroll
                for (int tap = 0; tap < TAPS; tap++)
#pragma unroll
                    for (int c = 0; c < QUAD; c++)
                        sum[tap][c] += column[(i + tap % 3) % 4][tap / 3] * slope[c];
            }
    }
#pragma unroll
    for (int tap = 0; tap < TAPS; tap++) {
        Vector<float, 4>::store(shared + threadIdx.x * QUAD, sum[tap]);
        __syncthreads();
        for (int c = (int)threadIdx.x; c < cout; c += WALKERS) {
            float total = 0;
            for (int r = 0; r < walkers; r++)
                total += shared[(r * quads + c / QUAD) * QUAD + c % QUAD];
            partials[((size_t)blockIdx.x * TAPS + tap) * cout + c] = total;
        }
        __syncthreads();
    }
}

static __global__ void first_add(const float *partials, int rows, int cout, float *dweights) {
    const int i = (int)(blockIdx.x * THREADS + threadIdx.x);
    if (i >= TAPS * cout) return;
    double sum = 0;
    for (int b = 0; b < rows; b++) sum += partials[(size_t)b * TAPS * cout + i];
    dweights[i % cout * TAPS + i / cout] += (float)sum;
}

cudaError_t pleat_cuda_first_add(const float *partials, int rows, int cout, float *dweights,
                                 cudaStream_t stream) {
    first_add<<<(TAPS * cout + THREADS - 1) / THREADS, THREADS, 0, stream>>>(partials, rows, cout,
                                                                             dweights);
    return cudaGetLastError();
}

size_t pleat_cuda_first_partials(int processors, int cout) {
    return (size_t)processors * (WALKING > TILES ? WALKING : TILES) * TAPS * (size_t)cout *
           sizeof(float);
}

cudaError_t pleat_cuda_first_weights(const int grid[4], const void *x, const void *dy, int cout,
                                     void *partials, float *dweights, int processors,
                                     cudaStream_t stream) {
    const Image image = {grid[0], grid[1], grid[2], grid[3]};
    const int blocks = processors * WALKING;
    first_weights<<<blocks, WALKERS, 0, stream>>>((const bf16 *)x, (const bf16 *)dy, image, cout,
                                                  (float *)partials);
    return pleat_cuda_first_add((const float *)partials, blocks, cout, dweights, stream);
}
