/*
 * kernels_hopper.cu - the finest level's convolutions, 3x3x3 with 32 and 64 channels, on Hopper.
 *
 * An implicit product fetches an input 27 times, once for each tap; with 32 channels that is what
 * it waits for. Here a block keeps a tile of 8x8 voxels by DEPTH slices, with a halo of one voxel,
 * in shared memory, 32 channels of it at a time, and all taps are read from there:
 *
 *     global [z,y,x,channel]  ->  shared [z][channel / 8][y][x][channel % 8]
 *
 * 8 voxels side by side, 8 channels each, are 128 bytes in a row: the very tile that a product of
 * tensor_core.cuh reads. A tap is nothing but another first address, and no value is moved. The
 * 64 rows of a product are the 8x8 voxels of a slice. The weights stay in shared memory, as
 *
 *     [tap][inner / 8][outer][inner % 8]      of weights [outer, tap, inner], as they are packed
 *
 * Forward sums over inner channels; the gradient of the data over outer ones, with the taps from
 * the last to the first, reading the same tiles transposed.
 *
 * A block goes from tile to tile (its weights are loaded once); while it computes one stage, a tile
 * or a half of its channels, the next is copied.
 */
#include "tensor_core.cuh"

#include "hopper_tiles.cuh"

/* weights [outer, tap, inner] to shared memory; the taps from the last where `mirrored`. */
static __device__ void copy_weights(unsigned to, const bf16 *weights, int outer, int inner,
                                    bool mirrored) {
    const int chunks = inner / 8;
    for (int i = (int)threadIdx.x; i < outer * TAPS * chunks; i += (int)blockDim.x) {
        const int chunk = i % chunks, tap = i / chunks % TAPS, row = i / (chunks * TAPS);
        const int at = mirrored ? TAPS - 1 - tap : tap;
        copy_16(to + ((at * chunks + chunk) * outer + row) * 16, weights + (size_t)i * 8, true);
    }
}

/*
 * y [.., OUT] = x [.., IN] with the weights, bias and ReLU where there are; 256 threads, of which
 * each warpgroup has DEPTH / 2 slices of a tile. norm_partials: NormSums's, or NULL.
 */
template <int IN, int OUT, int DEPTH, bool DATA>
static __global__ void __launch_bounds__(THREADS, 1)
    conv3(const bf16 *x, const bf16 *weights, const bf16 *bias, int relu, Extent e, bf16 *y,
          double *norm_partials) {
    typedef Tile<SIDES, DEPTH + 2> T;
    const int parts = IN / PART, slices = DEPTH / 2;
    const int rounds = (T::copies + 3 * THREADS - 1) / (3 * THREADS); /* after 9 taps each */
    const int outer = DATA ? IN : OUT, inner = DATA ? OUT : IN;       /* of the weights */
    const int tile_bytes = outer * inner * 2;                         /* weights of a tap */
    const int thread = (int)threadIdx.x, group = thread / WARPGROUP, lane = thread % 32;
    const unsigned shared = shared_address(shared_memory());
    const unsigned stages = shared + TAPS * tile_bytes;
    const uint64_t b_tile =
        DATA ? matrix_at(shared, 128, outer * 16) : matrix_at(shared, outer * 16, 128);

    float add[OUT / 8][2];
#pragma unroll
    for (int j = 0; j < OUT / 8; j++)
#pragma unroll
        for (int i = 0; i < 2; i++)
            add[j][i] = bias != NULL ? __bfloat162float(bias[8 * j + 2 * (lane % 4) + i]) : 0.0F;

    copy_weights(shared, weights, outer, inner, DATA);
    if (blockIdx.x < e.tiles) {
        const Corner corner(blockIdx.x, e, DEPTH);
        for (int i = thread; i < T::copies; i += THREADS)
            copy_part<T, SIDES>(stages, x, IN, 0, corner, e, 1, i);
    }
    NormSums<OUT> norm_sums(
        reinterpret_cast<double *>(shared_memory() + TAPS * tile_bytes + 2 * T::bytes));
    int now = 0; /* which of the two stages */
    for (unsigned tile = blockIdx.x; tile < e.tiles; tile += gridDim.x) {
        float sum[slices][OUT / 2];
#pragma unroll
        for (int part = 0; part < parts; part++) {
            const bool last = part == parts - 1;
            const unsigned next_tile = last ? tile + gridDim.x : tile;
            const int next_part = last ? 0 : part + 1;
            const Corner next(next_tile, e, DEPTH);
            copies_wait();
            __syncthreads(); /* all is there, and nobody reads the other stage any more */
            const unsigned to = stages + (now ^ 1) * T::bytes;
            const uint64_t a_tile = matrix_at(stages + now * T::bytes + group * slices * T::slice,
                                              T::plane, SIDES * 16);
#pragma unroll
            for (int tap = 0; tap < TAPS; tap++) {
                if (tap % 9 == 0) products_begin();
                const int shift = tap / 9 * T::slice + (tap / 3 % 3 * SIDES + tap % 3) * 16;
#pragma unroll
                for (int k = 0; k < PART / 16; k++) {
                    /* The 16 values of k: of inner channels, or of outer ones. */
                    const int b = DATA ? tap * tile_bytes + (part * PART + 16 * k) * 16
                                       : tap * tile_bytes + (part * CHUNKS + 2 * k) * outer * 16;
#pragma unroll
                    for (int s = 0; s < slices; s++) {
                        const int a = s * T::slice + shift + 2 * k * T::plane;
                        product<false, DATA>(sum[s], a_tile + a / 16, b_tile + b / 16,
                                             part + tap + k > 0);
                    }
                }
                if (tap % 9 != 8) continue;
                products_commit();
                if (next_tile >= e.tiles) continue;
#pragma unroll
                for (int c = 0; c < rounds; c++) /* while products are computed */
                    copy_part<T, SIDES>(to, x, IN, next_part, next, e, 1,
                                        (tap / 9 * rounds + c) * THREADS + thread);
            }
            products_wait();
            now ^= 1;
        }
        store_tile<OUT, slices>(sum, add, relu, Corner(tile, e, DEPTH), group * slices, e, y,
                                norm_sums, !DATA && norm_partials != NULL);
    }
    if (!DATA && norm_partials != NULL) norm_sums.write(norm_partials);
}

/*
 * The gradient of the weights, sums over all voxels of a block's tiles, in float:
 * partials [blocks][tap][PART][OUT]. A warpgroup has the nine taps of one dy. Rows are the 32
 * channels of x shifted by dz = -1 and 0, then of dz = 1 (and 32 that nobody needs); columns are
 * the channels of dy; the sum goes over two rows of 8 voxels at a time. The blocks of a part of
 * x's channels are every parts-th.
 */
template <int IN, int DEPTH>
static __global__ void __launch_bounds__(3 * WARPGROUP, 1)
    conv3_weights(const bf16 *x, const bf16 *dy, Extent e, float *partials) {
    typedef Tile<SIDES, DEPTH + 2> X;
    typedef Tile<SIDE, DEPTH> Y;
    const int parts = IN / PART, threads = 3 * WARPGROUP, stage = X::bytes + Y::bytes;
    static_assert(Y::copies <= DEPTH * 3 * WARPGROUP, "one copy of dy a slice");
    const int thread = (int)threadIdx.x, group = thread / WARPGROUP, lane = thread % 32;
    const int part = (int)blockIdx.x % parts;
    const unsigned first = blockIdx.x / parts, step = gridDim.x / parts;
    const unsigned stages = shared_address(shared_memory());
    float sum[2][3][PART / 2];
#pragma unroll
    for (int z = 0; z < 2; z++)
#pragma unroll
        for (int dx = 0; dx < 3; dx++)
#pragma unroll
            for (int i = 0; i < PART / 2; i++) sum[z][dx][i] = 0;

    if (first < e.tiles) {
        const Corner corner(first, e, DEPTH);
        for (int i = thread; i < X::copies; i += threads)
            copy_part<X, SIDES>(stages, x, IN, part, corner, e, 1, i);
        for (int i = thread; i < Y::copies; i += threads)
            copy_part<Y, SIDE>(stages + X::bytes, dy, PART, 0, corner, e, 0, i);
    }
    int now = 0;
    for (unsigned tile = first; tile < e.tiles; tile += step) {
        const Corner next(tile + step, e, DEPTH);
        copies_wait();
        __syncthreads();
        const unsigned to = stages + (now ^ 1) * stage;
        const unsigned from = stages + now * stage;
        const uint64_t a_tile = matrix_at(from + group * SIDES * 16, SIDES * 16, X::plane);
        const uint64_t b_tile = matrix_at(from + X::bytes, SIDE * 16, Y::plane);
#pragma unroll 1
        for (int s = 0; s < DEPTH; s++) {
            products_begin();
            const uint64_t a_slice = a_tile + s * (X::slice / 16);
            const uint64_t b_slice = b_tile + s * (Y::slice / 16);
#pragma unroll
            for (int y = 0; y < SIDE; y += 2)
#pragma unroll
                for (int z = 0; z < 2; z++)
#pragma unroll
                    for (int dx = 0; dx < 3; dx++) {
                        const int a = 2 * z * X::slice + (y * SIDES + dx) * 16;
                        product<true, true>(sum[z][dx], a_slice + a / 16, b_slice + y * SIDE, 1);
                    }
            products_commit();
            if (tile + step >= e.tiles) continue;
#pragma unroll 1
            for (int i = s * threads + thread; i < X::copies; i += DEPTH * threads)
                copy_part<X, SIDES>(to, x, IN, part, next, e, 1, i);
            if (s * threads + thread < Y::copies)
                copy_part<Y, SIDE>(to + X::bytes, dy, PART, 0, next, e, 0, s * threads + thread);
        }
        products_wait();
        now ^= 1;
    }
#pragma unroll
    for (int z = 0; z < 2; z++)
#pragma unroll
        for (int dx = 0; dx < 3; dx++)
#pragma unroll
            for (int i = 0; i < PART / 2; i += 2) {
                const int row = thread % WARPGROUP / 32 * 16 + i / 2 % 2 * 8 + lane / 4;
                const int tap = (2 * z + row / PART) * 9 + group * 3 + dx;
                const int column = i / 4 * 8 + 2 * (lane % 4);
                if (tap >= TAPS) continue;
                float *out = partials +
                             (((size_t)blockIdx.x * TAPS + tap) * PART + row % PART) * PART +
                             column;
                out[0] = sum[z][dx][i];
                out[1] = sum[z][dx][i + 1];
            }
}

/* dweights [PART, tap, cin] += the sum of the blocks' partials, in their order. */
static __global__ void add_partials(const float *partials, int blocks, int cin, float *dweights) {
    const int parts = cin / PART, n = TAPS * PART * PART; /* of a block */
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= n * parts) return;
    const int part = i / n, co = i % PART, ci = i / PART % PART, tap = i % n / (PART * PART);
    float sum = 0;
    for (int b = part; b < blocks; b += parts) sum += partials[(size_t)b * n + i % n];
    dweights[((size_t)co * TAPS + tap) * cin + part * PART + ci] += sum;
}

template <int IN, int OUT, int DEPTH, bool DATA>
static cudaError_t start(const int grid[4], const void *x, const void *weights, const void *bias,
                         int relu, void *y, int blocks, pleat_cuda_partials *sums,
                         cudaStream_t stream) {
    const int bytes =
        TAPS * IN * OUT * 2 + 2 * Tile<SIDES, DEPTH + 2>::bytes + NormSums<OUT>::bytes;
    const Extent e = extent_of(grid, DEPTH);
    const cudaError_t code =
        cudaFuncSetAttribute((const void *)conv3<IN, OUT, DEPTH, DATA>,
                             cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (code != cudaSuccess) return code;
    const unsigned most = (unsigned)blocks < e.tiles ? (unsigned)blocks : e.tiles;
    conv3<IN, OUT, DEPTH, DATA><<<most, THREADS, bytes, stream>>>(
        (const bf16 *)x, (const bf16 *)weights, (const bf16 *)bias, relu, e, (bf16 *)y,
        sums != NULL ? sums->data : NULL);
    if (sums != NULL) sums->rows = most;
    return cudaGetLastError();
}

template <int IN>
static cudaError_t start_weights(const int grid[4], const void *x, const void *dy, void *partials,
                                 float *dweights, int blocks, cudaStream_t stream) {
    const int depth = 8, bytes = 2 * (Tile<SIDES, depth + 2>::bytes + Tile<SIDE, depth>::bytes);
    const int used = blocks / (IN / PART) * (IN / PART), n = TAPS * PART * IN;
    const cudaError_t code = cudaFuncSetAttribute(
        (const void *)conv3_weights<IN, depth>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (code != cudaSuccess) return code;
    conv3_weights<IN, depth><<<used, 3 * WARPGROUP, bytes, stream>>>(
        (const bf16 *)x, (const bf16 *)dy, extent_of(grid, depth), (float *)partials);
    add_partials<<<divided_up(n, THREADS), THREADS, 0, stream>>>((const float *)partials, used, IN,
                                                                 dweights);
    return cudaGetLastError();
}

typedef cudaError_t start_function(const int grid[4], const void *x, const void *weights,
                                   const void *bias, int relu, void *y, int blocks,
                                   pleat_cuda_partials *sums, cudaStream_t stream);
static const struct {
    int in, out, data;
    start_function *start;
} shapes[] = {
    {32, 32, 0, start<32, 32, 8, false>}, {32, 32, 1, start<32, 32, 8, true>},
    {64, 32, 0, start<64, 32, 4, false>}, {64, 32, 1, start<64, 32, 4, true>},
    {32, 64, 0, start<32, 64, 4, false>}, {32, 64, 1, start<32, 64, 4, true>},
};

static start_function *find(int in, int out, int data) {
    for (const auto &row : shapes)
        if (row.in == in && row.out == out && row.data == data) return row.start;
    return NULL;
}

int pleat_cuda_conv3_has(int in, int out, int data) { return find(in, out, data) != NULL; }

cudaError_t pleat_cuda_conv3(const int grid[4], int in, int out, int data, const void *x,
                             const void *weights, const void *bias, int relu, void *y, int blocks,
                             pleat_cuda_partials *sums, cudaStream_t stream) {
    start_function *f = find(in, out, data);
    if (f == NULL) return cudaErrorNotSupported;
    return f(grid, x, weights, bias, relu, y, blocks, sums, stream);
}

int pleat_cuda_conv3_weights_has(int in, int out) {
    return out == PART && (in == PART || in == 2 * PART);
}

size_t pleat_cuda_conv3_partials(int blocks) {
    return (size_t)blocks * TAPS * PART * PART * sizeof(float);
}

cudaError_t pleat_cuda_conv3_weights(const int grid[4], int in, const void *x, const void *dy,
                                     void *partials, float *dweights, int blocks,
                                     cudaStream_t stream) {
    return (in == PART ? start_weights<PART> : start_weights<2 * PART>)(grid, x, dy, partials,
                                                                        dweights, blocks, stream);
}

/* ---- is a result another's? ---- */

template <typename T>
static __global__ void distance(const T *a, const bf16 *b, size_t n, double *sums) {
    __shared__ double shared[2][THREADS];
    double apart = 0, whole = 0;
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += gridDim.x * THREADS) {
        float va[1], vb[1];
        Vector<T, 1>::unpack(a[i], va);
        Vector<bf16, 1>::unpack(b[i], vb);
        apart += ((double)va[0] - vb[0]) * ((double)va[0] - vb[0]);
        whole += (double)vb[0] * vb[0];
    }
    shared[0][threadIdx.x] = apart;
    shared[1][threadIdx.x] = whole;
    __syncthreads();
    if (threadIdx.x > 1) return;
    for (int i = 1; i < THREADS; i++) shared[threadIdx.x][0] += shared[threadIdx.x][i];
    sums[2 * blockIdx.x + threadIdx.x] = shared[threadIdx.x][0];
}

cudaError_t pleat_cuda_distance(pleat_dtype type, const void *a, const void *b_bf16, size_t n,
                                double *sums, cudaStream_t stream) {
    if (type == PLEAT_BF16)
        distance<bf16><<<PLEAT_CUDA_DISTANCE, THREADS, 0, stream>>>((const bf16 *)a,
                                                                    (const bf16 *)b_bf16, n, sums);
    else
        distance<float><<<PLEAT_CUDA_DISTANCE, THREADS, 0, stream>>>((const float *)a,
                                                                     (const bf16 *)b_bf16, n, sums);
    return cudaGetLastError();
}
