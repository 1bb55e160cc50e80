/*
 * kernels_instance.cu - instance norm and leaky ReLU, forward and backward.
 *
 * Every block has voxels of one sample: blockIdx.y is sample * tiles + tile. Sums have two stages
 * as those of kernels_norm.cu: float for CHUNK voxels and double for a block, then a warp per
 * channel adds the blocks, sample after sample. Nothing is atomic.
 */
#include "sums.cuh"

static const int MOST_BLOCKS_1 = 256; /* of a sample, in the first stage */

template <int N> struct SamplePlace { /* of a thread; as Place, within a sample */
    int row, rows, sample, channel;
    bool active;
    __device__ SamplePlace(int c, int width, int tiles)
        : row((int)threadIdx.x / width), rows(THREADS / width), sample((int)blockIdx.y / tiles),
          channel(((int)blockIdx.y % tiles * width + (int)threadIdx.x % width) * N),
          active(row < rows && channel < c) {}
    __device__ size_t first() const { return (size_t)blockIdx.x * rows + row; }
    __device__ size_t step() const { return (size_t)gridDim.x * rows; }
};

struct Norm {                                   /* what the kernels read of a pleat_instance */
    const float *gamma, *beta, *mean, *inv_std; /* [C], [C], [N,C], [N,C] */
    float slope;
};

template <int N> struct Coefficients { /* of a thread's channels */
    float mean[N], inv_std[N], scale[N], beta[N];
    __device__ void load(const Norm &norm, int c, int sample, int channel) {
#pragma unroll
        for (int k = 0; k < N; k++) {
            const size_t at = (size_t)sample * c + channel + k;
            mean[k] = norm.mean[at];
            inv_std[k] = norm.inv_std[at];
            scale[k] = norm.gamma[channel + k] * inv_std[k];
            beta[k] = norm.beta[channel + k];
        }
    }
    /* What goes into the ReLU. */
    __device__ float value(int k, float x) const { return scale[k] * (x - mean[k]) + beta[k]; }
};

/* The sums of a block: x and x*x, or with BACKWARD g and g*xhat. partials [sample][block][2][c] */
template <typename T, int N, bool BACKWARD>
static __global__ void __launch_bounds__(THREADS)
    reduce(const T *x, int x_pitch, const T *dy, int dy_pitch, Norm norm, size_t voxels, int c,
           int width, int tiles, double *partials) {
    __shared__ double shared[2 * THREADS * N];
    const SamplePlace<N> at(c, width, tiles);
    double sums[2][N] = {};
    if (at.active) {
        const T *from = x + (size_t)at.sample * voxels * x_pitch + at.channel;
        const T *slope = BACKWARD ? dy + (size_t)at.sample * voxels * dy_pitch + at.channel : NULL;
        Coefficients<N> of;
        if (BACKWARD) of.load(norm, c, at.sample, at.channel);
        for (size_t v = at.first(); v < voxels;) {
            float first[N] = {}, second[N] = {};
#pragma unroll 2
            for (int i = 0; i < CHUNK && v < voxels; i++, v += at.step()) {
                float a[N], g[N];
                load<T, N>(from + v * x_pitch, a);
                if (BACKWARD) load<T, N>(slope + v * dy_pitch, g);
#pragma unroll
                for (int k = 0; k < N; k++) {
                    if (BACKWARD) {
                        const float xhat = (a[k] - of.mean[k]) * of.inv_std[k];
                        const float masked = of.value(k, a[k]) > 0 ? g[k] : norm.slope * g[k];
                        first[k] += masked;
                        second[k] += masked * xhat;
                    } else {
                        first[k] += a[k];
                        second[k] += a[k] * a[k];
                    }
                }
            }
#pragma unroll
            for (int k = 0; k < N; k++) {
                sums[0][k] += first[k];
                sums[1][k] += second[k];
            }
        }
    }
    const int channels = width * N; /* of this tile */
    if (at.row < at.rows)
        for (int s = 0; s < 2; s++)
            for (int k = 0; k < N; k++)
                shared[(s * at.rows + at.row) * channels + (int)threadIdx.x % width * N + k] =
                    sums[s][k];
    __syncthreads();
    for (int i = (int)threadIdx.x; i < 2 * channels; i += THREADS) {
        const int s = i / channels, channel = (int)blockIdx.y % tiles * channels + i % channels;
        double sum = 0;
        for (int r = 0; r < at.rows; r++)
            sum += shared[(s * at.rows + r) * channels + i % channels];
        const size_t block = (size_t)at.sample * gridDim.x + blockIdx.x;
        if (channel < c) partials[(block * 2 + s) * c + channel] = sum;
    }
}

/* Sum s of a sample and channel, the blocks' added by a warp; every lane has it. */
static __device__ double add_blocks(const double *partials, int blocks, int c, int sample, int s,
                                    int channel) {
    return warp_total(partials + ((size_t)sample * blocks * 2 + s) * c + channel, blocks,
                      2 * (size_t)c);
}

/* A warp per channel and sample. */
static __global__ void statistics(const double *partials, int blocks, int n, int c, double count,
                                  double epsilon, float *means, float *inv_stds) {
    const int unit = (int)(blockIdx.x * blockDim.x + threadIdx.x) / 32;
    if (unit >= n * c) return; /* the whole warp */
    const double sum = add_blocks(partials, blocks, c, unit / c, 0, unit % c);
    const double squares = add_blocks(partials, blocks, c, unit / c, 1, unit % c);
    if (threadIdx.x % 32 != 0) return;
    const double mean = sum / count, spread = squares / count - mean * mean;
    means[unit] = (float)mean;
    inv_stds[unit] = (float)(1 / sqrt(fmax(0.0, spread) + epsilon));
}

/* A warp per channel: sums [n][2c], and the parameters' gradients. */
static __global__ void finish(const double *partials, int blocks, int n, int c, double *sums,
                              float *dgamma, float *dbeta) {
    const int channel = (int)(blockIdx.x * blockDim.x + threadIdx.x) / 32;
    if (channel >= c) return; /* the whole warp */
    double all[2] = {0, 0};
    for (int sample = 0; sample < n; sample++)
        for (int s = 0; s < 2; s++) {
            const double sum = add_blocks(partials, blocks, c, sample, s, channel);
            all[s] += sum;
            if (threadIdx.x % 32 == 0) sums[((size_t)sample * 2 + s) * c + channel] = sum;
        }
    if (threadIdx.x % 32 != 0) return;
    dbeta[channel] = (float)(dbeta[channel] + all[0]);
    dgamma[channel] = (float)(dgamma[channel] + all[1]);
}

template <typename T, int N>
static __global__ void apply(const T *x, int x_pitch, Norm norm, size_t voxels, int c, int width,
                             int tiles, T *y, int y_pitch) {
    const SamplePlace<N> at(c, width, tiles);
    if (!at.active) return;
    Coefficients<N> of;
    of.load(norm, c, at.sample, at.channel);
    const size_t sample = (size_t)at.sample * voxels;
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        float values[N];
        load<T, N>(x + (sample + v) * x_pitch + at.channel, values);
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float value = of.value(k, values[k]);
            values[k] = value > 0 ? value : norm.slope * value;
        }
        Vector<T, N>::store(y + (sample + v) * y_pitch + at.channel, values);
    }
}

/* dx = gamma inv_std (g - mean(g) - xhat mean(g xhat)) */
template <typename T, int N>
static __global__ void backward(const T *x, int x_pitch, const T *dy, int dy_pitch, Norm norm,
                                const double *sums, size_t voxels, int c, int width, int tiles,
                                T *dx, int dx_pitch) {
    const SamplePlace<N> at(c, width, tiles);
    if (!at.active) return;
    Coefficients<N> of;
    of.load(norm, c, at.sample, at.channel);
    const size_t sample = (size_t)at.sample * voxels;
    float mean_g[N], mean_along[N];
#pragma unroll
    for (int k = 0; k < N; k++) {
        const double *of_sample = sums + (size_t)at.sample * 2 * c + at.channel + k;
        mean_g[k] = (float)(of_sample[0] / (double)voxels);
        mean_along[k] = (float)(of_sample[c] / (double)voxels);
    }
    for (size_t v = at.first(); v < voxels; v += at.step()) {
        float value[N], g[N];
        load<T, N>(x + (sample + v) * x_pitch + at.channel, value);
        load<T, N>(dy + (sample + v) * dy_pitch + at.channel, g);
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float xhat = (value[k] - of.mean[k]) * of.inv_std[k];
            const float masked = of.value(k, value[k]) > 0 ? g[k] : norm.slope * g[k];
            g[k] = of.scale[k] * (masked - mean_g[k] - xhat * mean_along[k]);
        }
        Vector<T, N>::store(dx + (sample + v) * dx_pitch + at.channel, g);
    }
}

static Norm norm_of(const pleat_instance *norm) {
    Norm out;
    out.gamma = (const float *)norm->gamma;
    out.beta = (const float *)norm->beta;
    out.mean = (const float *)norm->mean;
    out.inv_std = (const float *)norm->inv_std;
    out.slope = (float)norm->slope;
    return out;
}

struct Launch { /* over samples */
    dim3 grid;
    int width, tiles;
};

static Launch launch_of(const pleat_tensor *x, size_t voxels, int n, size_t each, size_t most) {
    const Shape s = shape_of(voxels, x->c, n, each, most);
    Launch launch;
    launch.width = s.width;
    launch.tiles = (int)s.grid.y;
    launch.grid = dim3(s.grid.x, s.grid.y * (unsigned)x->n);
    return launch;
}

/* Of the first stage; its sums fit in the partials: pleat_cuda_instance_fits. */
static Launch sums_launch(const pleat_tensor *x, size_t voxels, int n) {
    const size_t room = PLEAT_CUDA_PARTIALS / (2 * (size_t)x->c * (size_t)x->n);
    return launch_of(x, voxels, n, CHUNK, room < MOST_BLOCKS_1 ? room : MOST_BLOCKS_1);
}

static size_t sample_voxels(const pleat_tensor *x) { return pleat_tensor_voxels(x) / (size_t)x->n; }

static size_t of_each(unsigned wave, const pleat_tensor *x) { /* sample: blocks of a wave */
    const size_t blocks = wave / (size_t)x->n;
    return blocks > 0 ? blocks : 1;
}

bool pleat_cuda_instance_fits(const pleat_tensor *x) {
    return 2 * (size_t)x->c * (size_t)x->n <= PLEAT_CUDA_PARTIALS;
}

cudaError_t pleat_cuda_instance_forward(pleat_dtype type, const pleat_instance *norm,
                                        const pleat_tensor *x, const pleat_tensor *y,
                                        double *partials, cudaStream_t stream) {
    const size_t voxels = sample_voxels(x);
    const unsigned warps = THREADS / 32, units = (unsigned)(x->n * x->c);
    return dispatch(type, fits(type, x) && fits(type, y), [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Launch s = sums_launch(x, voxels, N);
        const Launch w = launch_of(x, voxels, N, 1, of_each(wave<apply<T, N>>(), x));
        reduce<T, N, false><<<s.grid, THREADS, 0, stream>>>((const T *)x->data, x->pitch, NULL, 0,
                                                            norm_of(norm), voxels, x->c, s.width,
                                                            s.tiles, partials);
        cudaError_t code = cudaGetLastError();
        if (code != cudaSuccess) return code;
        statistics<<<(units + warps - 1) / warps, THREADS, 0, stream>>>(
            partials, (int)s.grid.x, x->n, x->c, (double)voxels, norm->epsilon, (float *)norm->mean,
            (float *)norm->inv_std);
        code = cudaGetLastError();
        if (code != cudaSuccess) return code;
        apply<T, N><<<w.grid, THREADS, 0, stream>>>((const T *)x->data, x->pitch, norm_of(norm),
                                                    voxels, x->c, w.width, w.tiles, (T *)y->data,
                                                    y->pitch);
        return cudaGetLastError();
    });
}

cudaError_t pleat_cuda_instance_backward(pleat_dtype type, const pleat_instance *norm,
                                         const pleat_tensor *x, const pleat_tensor *dy,
                                         float *dgamma, float *dbeta, const pleat_tensor *dx,
                                         double *partials, cudaStream_t stream) {
    const size_t voxels = sample_voxels(x);
    const unsigned warps = THREADS / 32;
    const bool vectors = fits(type, x) && fits(type, dy) && (dx == NULL || fits(type, dx));
    return dispatch(type, vectors, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        const int N = decltype(tag)::n;
        const Launch s = sums_launch(x, voxels, N);
        const Launch w = launch_of(x, voxels, N, 1, of_each(wave<backward<T, N>>(), x));
        reduce<T, N, true><<<s.grid, THREADS, 0, stream>>>(
            (const T *)x->data, x->pitch, (const T *)dy->data, dy->pitch, norm_of(norm), voxels,
            x->c, s.width, s.tiles, partials);
        cudaError_t code = cudaGetLastError();
        if (code != cudaSuccess) return code;
        finish<<<((unsigned)x->c + warps - 1) / warps, THREADS, 0, stream>>>(
            partials, (int)s.grid.x, x->n, x->c, norm->sums, dgamma, dbeta);
        code = cudaGetLastError();
        if (code != cudaSuccess || dx == NULL) return code;
        backward<T, N><<<w.grid, THREADS, 0, stream>>>(
            (const T *)x->data, x->pitch, (const T *)dy->data, dy->pitch, norm_of(norm), norm->sums,
            voxels, x->c, w.width, w.tiles, (T *)dx->data, dx->pitch);
        return cudaGetLastError();
    });
}
