/*
 * sums.cuh - sums over voxels per channel, made beside what a kernel does with the voxels.
 *
 * A sum has two stages. Every thread adds its voxels, in float for CHUNK of them and then in
 * double, and every block writes one double per channel and sum; then a warp per channel and sum
 * adds the blocks. Nothing is atomic: on one GPU the order is always the same.
 */
#ifndef PLEAT_CUDA_SUMS_CUH
#define PLEAT_CUDA_SUMS_CUH

#include "kernels.cuh"

static const int CHUNK = 16; /* voxels summed in float: loses less than 1e-6 of them */

/* A thread's SUMS sums of each of its N channels. The doubles lie in the block's shared memory, a
 * column for each thread: in registers they would halve the blocks of a multiprocessor. */
template <int SUMS, int N> struct ThreadSums {
    typedef double Shared[SUMS * N][THREADS];
    volatile double (*total)[THREADS]; /* else the compiler keeps them in registers as well */
    float part[SUMS][N];
    int voxels; /* in `part` */

    __device__ explicit ThreadSums(Shared &shared) : total(shared) {
#pragma unroll
        for (int i = 0; i < SUMS * N; i++) {
            total[i][threadIdx.x] = 0;
            part[i / N][i % N] = 0;
        }
        voxels = 0;
    }
    __device__ void flush() {
#pragma unroll
        for (int i = 0; i < SUMS * N; i++) {
            total[i][threadIdx.x] += part[i / N][i % N];
            part[i / N][i % N] = 0;
        }
        voxels = 0;
    }
    __device__ void added(int n) { /* n voxels to `part` */
        voxels += n;
        if (voxels >= CHUNK) flush();
    }
    /* All threads of the block: its sums to partials [blocks][SUMS][c]. */
    __device__ void write(const Place<N> &at, int c, int width, double *partials) {
        flush();
        __syncthreads();
        const int channels = width * N; /* of this tile */
        for (int i = (int)threadIdx.x; i < SUMS * channels; i += THREADS) {
            const int s = i / channels, channel = i % channels;
            const volatile double *row = total[s * N + channel % N] + channel / N;
            double sum = 0;
            for (int r = 0; r < at.rows; r++) sum += row[r * width];
            const int to = (int)blockIdx.y * channels + channel;
            if (to < c) partials[((size_t)blockIdx.x * SUMS + s) * c + to] = sum;
        }
    }
};

/* A warp's: from[0] + from[stride] + ..., `blocks` of them; every lane has it. */
static __device__ double warp_total(const double *from, int blocks, size_t stride) {
    double sum = 0;
    for (int b = (int)threadIdx.x % 32; b < blocks; b += 32) sum += from[b * stride];
    for (int other = 16; other > 0; other /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, other);
    return sum;
}

/* Of a kernel that sums: whole chunks for a thread, and blocks whose sums fit in the partials. */
template <auto KERNEL> static Shape sums_shape(size_t voxels, int c, int n, int sums) {
    const size_t room = PLEAT_CUDA_PARTIALS / ((size_t)sums * (size_t)c), most = wave<KERNEL>();
    return shape_of(voxels, c, n, CHUNK, room < most ? room : most);
}

/* The second stage, once the first is launched: to `sums` [n][c], and to add[s] [c], which grow by
 * them; NULL: not wanted. */
cudaError_t pleat_cuda_finish_sums(const double *partials, unsigned blocks, int n, int c,
                                   double *sums, float *add0, float *add1, cudaStream_t stream);

#endif /* PLEAT_CUDA_SUMS_CUH */
