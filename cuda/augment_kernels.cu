/* augment_kernels.cu - the augmentation's threads, numbered; what each does is augment_voxel.h. */
#include "augment_kernels.h"

namespace {

const unsigned BLOCK = 256;    /* threads; 8 warps, enough to hide the loads */
const unsigned STRIDED = 2048; /* blocks where the GPU alone knows the work: about all that are
                                  resident on 132 multiprocessors */

struct triple { /* an array that a kernel takes by value */
    int at[3];
};

struct philox_key {
    uint32_t word[2];
};

__device__ unsigned this_thread() { return blockIdx.x * blockDim.x + threadIdx.x; }

__global__ void fill_kernel(const __grid_constant__ voxel_source voxels, const triple start,
                            const triple size, float *image, uint8_t *label) {
    fill_voxels(&voxels, start.at, size.at, voxels.pitch, this_thread(), image, label);
}

__global__ void fill_box_kernel(const __grid_constant__ voxel_source voxels,
                                const deformed_box *box, float *out) {
    const unsigned threads = fill_threads(box->size);
    for (unsigned t = this_thread(); t < threads; t += gridDim.x * blockDim.x)
        fill_voxels(&voxels, box->low, box->size, 1, t, out, NULL);
}

__global__ void draw_kernel(const philox_key key, const triple patch, float *field) {
    draw_uniform(key.word, patch.at, this_thread(), field);
}

__global__ void filter_kernel(const float *in, const line_shape shape,
                              const __grid_constant__ line_taps taps, float *out) {
    filter_run(in, shape, &taps, this_thread(), out);
}

__global__ void filter_box_kernel(const float *in, const deformed_box *box, int axis,
                                  const __grid_constant__ line_taps taps, float *out) {
    const line_shape shape = line_shape_of(box->size, axis, 1);
    const unsigned threads = filter_threads(shape);
    for (unsigned t = this_thread(); t < threads; t += gridDim.x * blockDim.x)
        filter_run(in, shape, &taps, t, out);
}

/* One row of blocks for each component. Positive floats are ordered as their bits are. */
__global__ void finish_field_kernel(float *field, unsigned n, float alpha, deformed_box *box) {
    uint32_t peak = 0;
    float *component = field + (size_t)blockIdx.y * n;
    for (unsigned i = this_thread(); i < n; i += gridDim.x * blockDim.x) {
        component[i] *= alpha;
        peak = max(peak, lane_bits(fabsf(component[i])));
    }
    peak = __reduce_max_sync(0xFFFFFFFFu, peak);
    if (threadIdx.x % 32 == 0) atomicMax(&box->peak[blockIdx.y], peak);
}

__global__ void find_box_kernel(const __grid_constant__ deformation deformed, deformed_box *box) {
    deform_box(&deformed, box);
}

__global__ void deform_kernel(const __grid_constant__ deformation deformed, const deformed_box *box,
                              const float *coefficient, const __grid_constant__ voxel_source voxels,
                              const float *shift, float *image, uint8_t *label) {
    deform_voxel(&deformed, box, coefficient, &voxels, shift, this_thread(), image, label);
}

unsigned blocks_for(unsigned threads) { return (threads + BLOCK - 1) / BLOCK; }

triple triple_of(const int v[3]) {
    const triple t = {{v[0], v[1], v[2]}};
    return t;
}

unsigned voxels_of(const int dim[3]) {
    return (unsigned)dim[0] * (unsigned)dim[1] * (unsigned)dim[2];
}

} // namespace

cudaError_t pleat_gpu_fill(const voxel_source *voxels, const int start[3], const int size[3],
                           float *image, uint8_t *label, cudaStream_t stream) {
    fill_kernel<<<blocks_for(fill_threads(size)), BLOCK, 0, stream>>>(
        *voxels, triple_of(start), triple_of(size), image, label);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_draw(const uint32_t key[2], const int patch[3], float *field,
                           cudaStream_t stream) {
    const philox_key words = {{key[0], key[1]}};
    draw_kernel<<<blocks_for(draw_threads(patch)), BLOCK, 0, stream>>>(words, triple_of(patch),
                                                                       field);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_filter(const float *in, const int dim[3], int axis, int volumes,
                             const line_taps *taps, float *out, cudaStream_t stream) {
    const line_shape shape = line_shape_of(dim, axis, volumes);
    filter_kernel<<<blocks_for(filter_threads(shape)), BLOCK, 0, stream>>>(in, shape, *taps, out);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_finish_field(float *field, const int patch[3], float alpha, deformed_box *box,
                                   cudaStream_t stream) {
    const unsigned n = voxels_of(patch), blocks = blocks_for(n);
    const dim3 grid(blocks < STRIDED / 4 ? blocks : STRIDED / 4, 3);
    finish_field_kernel<<<grid, BLOCK, 0, stream>>>(field, n, alpha, box);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_find_box(const deformation *deformed, deformed_box *box,
                               cudaStream_t stream) {
    find_box_kernel<<<1, 1, 0, stream>>>(*deformed, box);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_fill_box(const voxel_source *voxels, const deformed_box *box, float *out,
                               cudaStream_t stream) {
    fill_box_kernel<<<STRIDED, BLOCK, 0, stream>>>(*voxels, box, out);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_filter_box(const float *in, const deformed_box *box, int axis,
                                 const line_taps *taps, float *out, cudaStream_t stream) {
    filter_box_kernel<<<STRIDED, BLOCK, 0, stream>>>(in, box, axis, *taps, out);
    return cudaGetLastError();
}

cudaError_t pleat_gpu_deform(const deformation *deformed, const deformed_box *box,
                             const float *coefficient, const voxel_source *voxels,
                             const float *shift, float *image, uint8_t *label,
                             cudaStream_t stream) {
    deform_kernel<<<blocks_for(voxels_of(deformed->patch)), BLOCK, 0, stream>>>(
        *deformed, box, coefficient, *voxels, shift, image, label);
    return cudaGetLastError();
}
