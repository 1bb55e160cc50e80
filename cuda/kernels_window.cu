/* kernels_window.cu - a window's weighted probabilities are added to a volume's sum; its labels. */
#include "kernels.cuh"

/* A thread has a voxel. Products and sums are rounded apart, as the CPU does. */
static __global__ void window_add(const float *probs, const pleat_cuda_part part, size_t voxels,
                                  int classes, float *sum) {
    for (EACH(v, voxels)) {
        const size_t w = v % part.size[2], h = v / part.size[2] % part.size[1];
        const size_t d = v / part.size[2] / part.size[1];
        const long long in =
            (long long)d * part.step[0] + (long long)h * part.step[1] + (long long)w * part.step[2];
        const size_t out = (d * part.volume[0] + h) * part.volume[1] + w;
        const double weight = part.weight[0][d] * part.weight[1][h] * part.weight[2][w];
        const float share = (float)(weight < part.least ? part.least : weight);
        for (int c = 0; c < classes; c++) {
            float *to = sum + out * classes + c;
            *to = __fadd_rn(*to, __fmul_rn(share, probs[in * classes + c]));
        }
    }
}

cudaError_t pleat_cuda_window_add(const float *probs, const pleat_cuda_part *part, int classes,
                                  float *sum, cudaStream_t stream) {
    const size_t voxels = (size_t)part->size[0] * part->size[1] * part->size[2];
    window_add<<<blocks_for<window_add>(voxels), THREADS, 0, stream>>>(probs, *part, voxels,
                                                                       classes, sum);
    return cudaGetLastError();
}

/* Of equals the first; a NaN never wins, and is never beaten where it is the first. */
static __global__ void argmax(const float *sum, size_t voxels, int classes, uint8_t *labels) {
    for (EACH(v, voxels)) {
        const float *value = sum + v * classes;
        int best = 0;
        for (int c = 1; c < classes; c++)
            if (value[c] > value[best]) best = c;
        labels[v] = (uint8_t)best;
    }
}

cudaError_t pleat_cuda_argmax(const float *sum, size_t voxels, int classes, uint8_t *labels,
                              cudaStream_t stream) {
    argmax<<<blocks_for<argmax>(voxels), THREADS, 0, stream>>>(sum, voxels, classes, labels);
    return cudaGetLastError();
}
