/*
 * kernels_up.cu - the shuffles of an up-convolution: [N,D,H,W,children,C] and [N,sD,sH,sW,C].
 */
#include "sums.cuh"

struct Steps { /* 1 for a stride of 2 along the axis, else 0; the large tensor's sizes */
    int d, h, w, rows, columns;
};

/* Where voxel p of the large tensor lies among the products, in rows of C: its parent's row times
 * the number of children, and its own number among them. p.plane is n * depth + z; the stride
 * divides the depth. */
static __device__ size_t product_row(const Position &p, Steps s) {
    const size_t parent =
        ((p.plane >> s.d) * (s.rows >> s.h) + (p.y >> s.h)) * (s.columns >> s.w) + (p.x >> s.w);
    const int child = ((int)(p.plane & s.d) << (s.h + s.w)) + ((p.y & s.h) << s.w) + (p.x & s.w);
    return (parent << (s.d + s.h + s.w)) + child;
}

static Steps steps_of(const int stride[3], const pleat_tensor *large) {
    const Steps s = {stride[0] / 2, stride[1] / 2, stride[2] / 2, large->h, large->w};
    return s;
}

template <typename T, int N>
static __global__ void __launch_bounds__(THREADS)
    up_scatter(const T *products, const float *bias, size_t voxels, Steps steps, int c, int width,
               T *to, int pitch) {
    const Place<N> at(c, width);
    if (!at.active) return;
    float shift[N];
#pragma unroll
    for (int k = 0; k < N; k++) shift[k] = bias != NULL ? bias[at.channel + k] : 0;
    const size_t step = at.step();
    Position voxel(at.first(), step, steps.rows, steps.columns);
    walk<4>(at.first(), step, voxels, [&](auto batch, size_t v) {
        const int MOST = decltype(batch)::n;
        typename Vector<T, N>::Raw raw[MOST];
#pragma unroll
        for (int u = 0; u < MOST; u++, voxel.next())
            raw[u] = fetch<T, N>(products + product_row(voxel, steps) * c + at.channel);
#pragma unroll
        for (int u = 0; u < MOST; u++) {
            float values[N];
            Vector<T, N>::unpack(raw[u], values);
#pragma unroll
            for (int k = 0; k < N; k++) values[k] += shift[k];
            Vector<T, N>::store(to + (v + u * step) * pitch + at.channel, values);
        }
    });
}

cudaError_t pleat_cuda_up_scatter(pleat_dtype type, const int stride[3], const void *products,
                                  const float *bias, const pleat_tensor *y, cudaStream_t stream) {
    const Steps steps = steps_of(stride, y);
    const size_t voxels = pleat_tensor_voxels(y);
    return dispatch(type, fits(type, y) && aligned(products), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = shape_of(voxels, y->c, N, 4, wave<up_scatter<T, N>>());
        up_scatter<T, N><<<s.grid, THREADS, 0, stream>>>((const T *)products, bias, voxels, steps,
                                                         y->c, s.width, (T *)y->data, y->pitch);
        return cudaGetLastError();
    });
}

template <typename T, int N>
static __global__ void __launch_bounds__(THREADS)
    up_gather(const T *from, int pitch, size_t voxels, Steps steps, int c, int width, T *products,
              double *partials) {
    __shared__ typename ThreadSums<1, N>::Shared shared;
    ThreadSums<1, N> total(shared);
    const Place<N> at(c, width);
    const size_t step = at.step();
    Position voxel(at.first(), step, steps.rows, steps.columns);
    walk<4>(at.first(), step, at.active ? voxels : 0, [&](auto batch, size_t v) {
        const int MOST = decltype(batch)::n;
        typedef typename Vector<T, N>::Raw Raw;
        Raw raw[MOST];
#pragma unroll
        for (int u = 0; u < MOST; u++)
            raw[u] = fetch<T, N>(from + (v + u * step) * pitch + at.channel);
#pragma unroll
        for (int u = 0; u < MOST; u++, voxel.next()) {
            float values[N];
            Vector<T, N>::unpack(raw[u], values);
#pragma unroll
            for (int k = 0; k < N; k++) total.part[0][k] += values[k];
            *reinterpret_cast<Raw *>(products + product_row(voxel, steps) * c + at.channel) =
                raw[u];
        }
        total.added(MOST);
    });
    total.write(at, c, width, partials);
}

cudaError_t pleat_cuda_up_gather(pleat_dtype type, const int stride[3], const pleat_tensor *dy,
                                 pleat_cuda_sum bias, void *products, cudaStream_t stream) {
    const Steps steps = steps_of(stride, dy);
    const size_t voxels = pleat_tensor_voxels(dy);
    return dispatch(type, fits(type, dy) && aligned(products), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Shape s = sums_shape<up_gather<T, N>>(voxels, dy->c, N, 1);
        up_gather<T, N><<<s.grid, THREADS, 0, stream>>>((const T *)dy->data, dy->pitch, voxels,
                                                        steps, dy->c, s.width, (T *)products,
                                                        bias.partials);
        if (bias.to == NULL) return cudaGetLastError();
        return pleat_cuda_finish_sums(bias.partials, s.grid.x, 1, dy->c, NULL, bias.to, NULL,
                                      stream);
    });
}
