/* patch_kernels.cu - the threads of nnU-Net's augmentation; each does what patch_voxel.h says. */
#include "patch_kernels.h"

#include "augment_voxel.h"

namespace {

const unsigned BLOCK = 256; /* threads; 8 warps, enough to hide the loads */

struct triple { /* an array that a kernel takes by value */
    int at[3];
};

struct philox_key {
    uint32_t word[2];
};

__device__ unsigned this_thread() { return blockIdx.x * blockDim.x + threadIdx.x; }

/* Voxel number `i` of a patch; 0 when it has fewer. */
__device__ int find_voxel(const int patch[3], unsigned i, int k[3]) {
    const unsigned height = (unsigned)patch[1], width = (unsigned)patch[2];
    k[0] = (int)(i / width / height);
    k[1] = (int)(i / width % height);
    k[2] = (int)(i % width);
    return k[0] < patch[0];
}

__global__ void take_kernel(const __grid_constant__ patch_view view, float *plane, uint8_t *label) {
    int k[3];
    if (find_voxel(view.patch, this_thread(), k)) patch_take(&view, k, plane, label);
}

/* A thread for each Philox block of a row: four voxels. */
__global__ void noise_kernel(const philox_key key, int channel, const triple patch, float sigma,
                             float *plane) {
    const unsigned width = (unsigned)patch.at[2], blocks = (width + 3) / 4;
    const unsigned row = this_thread() / blocks, block = this_thread() % blocks;
    if (row >= (unsigned)patch.at[0] * (unsigned)patch.at[1]) return;
    float deviate[4];
    voxel_normals(key.word, channel, (int)(row / (unsigned)patch.at[1]),
                  (int)(row % (unsigned)patch.at[1]), (int)block, deviate);
    for (unsigned i = 0; i < 4 && 4 * block + i < width; i++) {
        float *x = plane + (size_t)row * width + 4 * block + i;
        *x = APART(sigma, deviate[i], *x);
    }
}

__global__ void multiply_kernel(float factor, unsigned n, float *plane) {
    const unsigned i = this_thread();
    if (i < n) plane[i] *= factor;
}

/* Thread 0 has the sum of the block's. */
__device__ patch_sums sum_of_block(patch_sums mine) {
    __shared__ patch_sums sums[BLOCK];
    sums[threadIdx.x] = mine;
    __syncthreads();
    for (unsigned half = BLOCK / 2; half > 0; half /= 2) {
        if (threadIdx.x < half)
            sums[threadIdx.x] = patch_sums_add(sums[threadIdx.x], sums[threadIdx.x + half]);
        __syncthreads();
    }
    return sums[0];
}

__global__ void sums_kernel(const float *plane, unsigned n, patch_sums *parts) {
    patch_sums mine = patch_sums_none();
    for (unsigned i = this_thread(); i < n; i += gridDim.x * blockDim.x)
        mine = patch_sums_add(mine, patch_sums_of(plane[i]));
    mine = sum_of_block(mine);
    if (threadIdx.x == 0) parts[blockIdx.x] = mine;
}

__global__ void statistics_kernel(const patch_sums *parts, double n, patch_statistics *out) {
    const patch_sums all = sum_of_block(parts[threadIdx.x]);
    if (threadIdx.x == 0) *out = patch_statistics_of(all, n);
}

__global__ void contrast_kernel(const patch_statistics *of, float factor, unsigned n,
                                float *plane) {
    const unsigned i = this_thread();
    if (i < n) plane[i] = patch_contrast(*of, factor, plane[i]);
}

__global__ void power_kernel(const patch_statistics *of, float sign, float exponent, unsigned n,
                             float *plane) {
    const unsigned i = this_thread();
    if (i < n) plane[i] = patch_power(*of, sign, exponent, plane[i]);
}

__global__ void restore_kernel(const patch_statistics *of, const patch_statistics *after,
                               float sign, unsigned n, float *plane) {
    const unsigned i = this_thread();
    if (i < n) plane[i] = patch_restore(*of, *after, sign, plane[i]);
}

__global__ void coarsen_kernel(const float *from, const triple patch, const triple left,
                               float *to) {
    int k[3];
    if (!find_voxel(patch.at, this_thread(), k)) return;
    to[this_thread()] =
        patch_coarse_value(from, patch.at, patch_coarse_at(k[0], patch.at[0], left.at[0]),
                           patch_coarse_at(k[1], patch.at[1], left.at[1]),
                           patch_coarse_at(k[2], patch.at[2], left.at[2]));
}

__global__ void place_kernel(const float *plane, const triple patch, const triple mirror, int pitch,
                             float *image) {
    int k[3];
    if (find_voxel(patch.at, this_thread(), k))
        image[patch_mirrored(patch.at, mirror.at, k) * (size_t)pitch] = plane[this_thread()];
}

unsigned blocks_for(size_t threads) { return (unsigned)((threads + BLOCK - 1) / BLOCK); }

triple triple_of(const int v[3]) {
    const triple t = {{v[0], v[1], v[2]}};
    return t;
}

size_t voxels_of(const int dim[3]) { return (size_t)dim[0] * (size_t)dim[1] * (size_t)dim[2]; }

} // namespace

cudaError_t pleat_gpu_patch_take(const patch_view *view, float *plane, uint8_t *label,
                                 cudaStream_t stream) {
    take_kernel<<<blocks_for(voxels_of(view->patch)), BLOCK, 0, stream>>>(*view, plane, label);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_patch_noise(const uint32_t key[2], int channel, const int patch[3],
                                  float sigma, float *plane, cudaStream_t stream) {
    const philox_key words = {{key[0], key[1]}};
    const size_t threads = (size_t)patch[0] * (size_t)patch[1] * (size_t)((patch[2] + 3) / 4);
    noise_kernel<<<blocks_for(threads), BLOCK, 0, stream>>>(words, channel, triple_of(patch), sigma,
                                                            plane);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_patch_multiply(float factor, size_t n, float *plane, cudaStream_t stream) {
    multiply_kernel<<<blocks_for(n), BLOCK, 0, stream>>>(factor, (unsigned)n, plane);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_patch_statistics(const float *plane, size_t n, patch_sums *parts,
                                       patch_statistics *out, cudaStream_t stream) {
    sums_kernel<<<PATCH_PARTS, BLOCK, 0, stream>>>(plane, (unsigned)n, parts);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) return error;
    statistics_kernel<<<1, BLOCK, 0, stream>>>(parts, (double)n, out);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_patch_contrast(const patch_statistics *of, float factor, size_t n,
                                     float *plane, cudaStream_t stream) {
    contrast_kernel<<<blocks_for(n), BLOCK, 0, stream>>>(of, factor, (unsigned)n, plane);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_patch_power(const patch_statistics *of, float sign, float exponent, size_t n,
                                  float *plane, cudaStream_t stream) {
    power_kernel<<<blocks_for(n), BLOCK, 0, stream>>>(of, sign, exponent, (unsigned)n, plane);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_patch_restore(const patch_statistics *of, const patch_statistics *after,
                                    float sign, size_t n, float *plane, cudaStream_t stream) {
    restore_kernel<<<blocks_for(n), BLOCK, 0, stream>>>(of, after, sign, (unsigned)n, plane);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_patch_coarsen(const float *from, const int patch[3], const int left[3],
                                    float *to, cudaStream_t stream) {
    coarsen_kernel<<<blocks_for(voxels_of(patch)), BLOCK, 0, stream>>>(from, triple_of(patch),
                                                                       triple_of(left), to);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_patch_place(const float *plane, const int patch[3], const int mirror[3],
                                  int pitch, float *image, cudaStream_t stream) {
    place_kernel<<<blocks_for(voxels_of(patch)), BLOCK, 0, stream>>>(
        plane, triple_of(patch), triple_of(mirror), pitch, image);
    return cudaGetLastError();
}
