/* kernels_update.cu - gradient descent, clipping and averages, over flat arrays. */
#include "kernels.cuh"

static const int PARTS = 256; /* blocks of the sum of squares; as many threads add them up */
static const double CLIP_SMOOTH = 1e-6; /* PyTorch's: added to the norm of the gradients */

static __global__ void sgd_update(float rate, float momentum, float decay, size_t n, float *params,
                                  const float *grads, float *v) {
    for (EACH(i, n)) {
        const float g = grads[i] + decay * params[i], speed = momentum * v[i] + g;
        v[i] = speed;
        params[i] -= rate * (g + momentum * speed);
    }
}

cudaError_t pleat_cuda_sgd(const pleat_sgd *sgd, size_t n, float *params, const float *grads,
                           float *v, cudaStream_t stream) {
    sgd_update<<<blocks_for<sgd_update>(n), THREADS, 0, stream>>>(
        (float)sgd->lr, (float)sgd->momentum, (float)sgd->decay, n, params, grads, v);
    return cudaGetLastError();
}

/* The sum over a block's threads, in a fixed order; thread 0 has it. */
static __device__ double block_sum(double value) {
    __shared__ double shared[THREADS];
    shared[threadIdx.x] = value;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if ((int)threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    }
    return shared[0];
}

static __global__ void squares(const float *x, size_t n, double *parts) {
    double sum = 0;
    for (EACH(i, n)) sum += (double)x[i] * x[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

static __global__ void shorten(const double *parts, double most, size_t n, float *x) {
    __shared__ float factor;
    const double sum = block_sum(parts[threadIdx.x]);
    if (threadIdx.x == 0) factor = (float)fmin(1.0, most / (sqrt(sum) + CLIP_SMOOTH));
    __syncthreads();
    for (EACH(i, n)) x[i] *= factor;
}

cudaError_t pleat_cuda_clip(double most, size_t n, float *x, double *partials,
                            cudaStream_t stream) {
    static_assert(PARTS == THREADS, "a thread for each part");
    squares<<<PARTS, THREADS, 0, stream>>>(x, n, partials);
    const cudaError_t code = cudaGetLastError();
    if (code != cudaSuccess) return code;
    shorten<<<blocks_for<shorten>(n), THREADS, 0, stream>>>(partials, most, n, x);
    return cudaGetLastError();
}

static __global__ void average(float keep, float add, size_t n, const float *x, float *y) {
    for (EACH(i, n)) y[i] = keep * y[i] + add * x[i];
}

cudaError_t pleat_cuda_average(double keep, size_t n, const float *x, float *y,
                               cudaStream_t stream) {
    average<<<blocks_for<average>(n), THREADS, 0, stream>>>((float)keep, (float)(1 - keep), n, x,
                                                            y);
    return cudaGetLastError();
}
