/* kernels_loss.cu - softmax, the loss in one pass forward and one backward, and Adam. */
#include "sums.cuh"

static const int MOST_CLASSES = 256;   /* a label is a byte */
static const int MOST_PARTIALS = 1024; /* blocks per sample of the forward pass */
static const int KINDS = 5;            /* of sums: TP, P, Y, E, voxels that count */

#define PROBABILITY_FLOOR 1e-7 /* Keras's epsilon */

/* Largest logit of a voxel, and sum over the classes of exp(logit - largest). */
static __device__ void soft_scale(const float *z, int classes, float *most, float *sum) {
    float m = z[0], s = 0;
    for (int c = 1; c < classes; c++) m = fmaxf(m, z[c]);
    for (int c = 0; c < classes; c++) s += expf(z[c] - m);
    *most = m;
    *sum = s;
}

static __global__ void softmax(const float *logits, size_t voxels, int classes, float *probs) {
    for (EACH(v, voxels)) {
        float most, sum;
        soft_scale(logits + v * classes, classes, &most, &sum);
        for (int c = 0; c < classes; c++) /* reads what it writes at most, when in place */
            probs[v * classes + c] = expf(logits[v * classes + c] - most) / sum;
    }
}

cudaError_t pleat_cuda_softmax(const float *logits, size_t voxels, int classes, float *probs,
                               cudaStream_t stream) {
    softmax<<<blocks_for<softmax>(voxels), THREADS, 0, stream>>>(logits, voxels, classes, probs);
    return cudaGetLastError();
}

static __global__ void sigmoid(const float *logits, size_t n, float *probs) {
    for (EACH(i, n)) probs[i] = 1 / (1 + expf(-logits[i]));
}

cudaError_t pleat_cuda_sigmoid(const float *logits, size_t n, float *probs, cudaStream_t stream) {
    sigmoid<<<blocks_for<sigmoid>(n), THREADS, 0, stream>>>(logits, n, probs);
    return cudaGetLastError();
}

/* ---- loss, forward: a thread per voxel and class; blockIdx.y is the sample ---- */

static const float LEAST_P = 1e-7f, MOST_P = 1 - 1e-7f; /* the floats that it leaves as they are */

static __device__ double clamped(double p) {
    return fmin(fmax(p, PROBABILITY_FLOOR), 1 - PROBABILITY_FLOOR);
}

static __device__ bool counts(const pleat_targets &t, int label) {
    return t.ignored == 0 || label != t.ignored;
}

static __device__ bool is_in(const pleat_targets &t, int label, int c) {
    return t.regions != nullptr ? (t.regions[label] >> c & 1) != 0 : label == c;
}

/* w (1 - p)^g of class c. */
static __device__ double focus_of(const pleat_targets &t, int classes, int c, double p) {
    return t.focus == nullptr ? 1 : t.focus[c] * pow(1 - p, t.focus[classes + c]);
}

/* What is multiplied with the term of a probability: pleat_targets' top. */
static __device__ float cut(float p) { return !(p > LEAST_P) ? LEAST_P : p < MOST_P ? p : MOST_P; }

static __device__ double top_weight(const double *top, float p) {
    const double q = cut(p);
    return q < top[0] ? top[1] : q == top[0] ? top[2] : 0;
}

static __global__ void __launch_bounds__(THREADS)
    loss_forward(const pleat_targets targets, const float *logits, const uint8_t *labels,
                 size_t voxels, int classes, float *probs, double *partials) {
    __shared__ double shared[KINDS][THREADS];
    const int c = (int)threadIdx.x % classes, row = (int)threadIdx.x / classes;
    const int rows = THREADS / classes;
    const size_t sample = (size_t)blockIdx.y * voxels;
    double sums[KINDS] = {};
    for (size_t first = (size_t)blockIdx.x * rows; first < voxels;
         first += (size_t)gridDim.x * rows) {
        const size_t v = sample + first + row;
        const bool mine = row < rows && first + row < voxels;
        float p = 0;
        if (mine) {
            float most, sum;
            if (targets.top != nullptr) {
                p = logits[v * classes + c];
            } else if (targets.regions != nullptr) {
                p = 1 / (1 + expf(-logits[v * classes + c]));
            } else {
                soft_scale(logits + v * classes, classes, &most, &sum);
                p = expf(logits[v * classes + c] - most) / sum;
            }
        }
        __syncthreads(); /* probs may be logits: all classes of a voxel have been read */
        if (!mine) continue;
        probs[v * classes + c] = p;
        const int label = labels[v];
        if (!counts(targets, label)) continue;
        const bool in = is_in(targets, label, c);
        sums[1] += p;
        if (c == 0) sums[4] += 1;
        if (in) {
            const double q = clamped(p);
            sums[0] += p;
            sums[2] += 1;
            double term = focus_of(targets, classes, c, q) * log(q);
            if (targets.top != nullptr) term *= top_weight(targets.top, p);
            sums[3] -= term;
        } else if (targets.regions != nullptr) {
            sums[3] -= log(clamped(1 - p));
        }
    }
    for (int kind = 0; kind < KINDS; kind++) shared[kind][threadIdx.x] = sums[kind];
    __syncthreads();
    double *to = partials + ((size_t)blockIdx.y * gridDim.x + blockIdx.x) * KINDS * classes;
    for (int i = (int)threadIdx.x; i < KINDS * classes; i += THREADS) {
        double sum = 0;
        for (int r = 0; r < rows; r++) sum += shared[i / classes][r * classes + i % classes];
        to[i] = sum;
    }
}

/* A block per sample, a warp per sum over the first stage's blocks. */
static __global__ void loss_finish(const double *partials, int blocks, int classes, double *sums) {
    __shared__ double single[2 * MOST_CLASSES]; /* E, then voxels, of each class */
    const int n = KINDS * classes;
    const double *from = partials + (size_t)blockIdx.x * blocks * n;
    double *to = sums + (size_t)blockIdx.x * PLEAT_LOSS_SUMS(classes);
    for (int i = (int)threadIdx.x / 32; i < n; i += THREADS / 32) {
        const double sum = warp_total(from + i, blocks, (size_t)n);
        if (threadIdx.x % 32 != 0) continue;
        if (i < 3 * classes)
            to[i] = sum;
        else
            single[i - 3 * classes] = sum;
    }
    __syncthreads();
    if (threadIdx.x > 1) return;
    double sum = 0;
    for (int c = 0; c < classes; c++) sum += single[(int)threadIdx.x * classes + c];
    to[3 * classes + (int)threadIdx.x] = sum;
}

cudaError_t pleat_cuda_loss_forward(const pleat_targets *targets, const float *logits,
                                    const uint8_t *labels, int n, size_t voxels, int classes,
                                    float *probs, double *partials, double *sums,
                                    cudaStream_t stream) {
    const size_t each = (size_t)KINDS * classes, room = PLEAT_CUDA_PARTIALS / (each * n);
    const size_t rows = THREADS / classes, wanted = (voxels + rows - 1) / rows;
    if (classes > MOST_CLASSES || room == 0) return cudaErrorInvalidValue;
    size_t blocks = wanted < MOST_PARTIALS ? wanted : MOST_PARTIALS;
    if (blocks > room) blocks = room;
    loss_forward<<<dim3((unsigned)blocks, (unsigned)n), THREADS, 0, stream>>>(
        *targets, logits, labels, voxels, classes, probs, partials);
    const cudaError_t code = cudaGetLastError();
    if (code != cudaSuccess) return code;
    loss_finish<<<(unsigned)n, THREADS, 0, stream>>>(partials, (int)blocks, classes, sums);
    return cudaGetLastError();
}

/* ---- how many voxels have a key of p in each bin ---- */

static const int MOST_COUNTERS = 256; /* blocks; their counts are whole numbers, in any order */

static __global__ void __launch_bounds__(THREADS)
    loss_counts(const pleat_targets targets, const float *probs, const uint8_t *labels,
                size_t voxels, int classes, int shift, const double *first, double *partials) {
    __shared__ unsigned bins[PLEAT_LOSS_BINS];
    for (int b = (int)threadIdx.x; b < PLEAT_LOSS_BINS; b += THREADS) bins[b] = 0;
    __syncthreads();
    const unsigned begin = (unsigned)*first;
    for (EACH(v, voxels)) {
        const int label = labels[v];
        if (!counts(targets, label)) continue;
        const unsigned key =
            label >= classes ? PLEAT_LOSS_KEY_1
                             : __float_as_uint(cut(probs[v * classes + label])) - PLEAT_LOSS_KEY_0;
        const unsigned bin = (key - begin) >> shift; /* of a key below `begin`, a large one */
        if (bin < PLEAT_LOSS_BINS) atomicAdd(&bins[bin], 1u);
    }
    __syncthreads();
    double *to = partials + (size_t)blockIdx.x * PLEAT_LOSS_BINS;
    for (int b = (int)threadIdx.x; b < PLEAT_LOSS_BINS; b += THREADS) to[b] = bins[b];
}

static __global__ void counts_finish(const double *partials, int blocks, double *to) {
    for (EACH(b, PLEAT_LOSS_BINS)) {
        double sum = 0;
        for (int i = 0; i < blocks; i++) sum += partials[(size_t)i * PLEAT_LOSS_BINS + b];
        to[b] = sum;
    }
}

cudaError_t pleat_cuda_loss_counts(const pleat_targets *targets, const float *probs,
                                   const uint8_t *labels, size_t voxels, int classes, int round,
                                   const double *first, double *partials, double *to,
                                   cudaStream_t stream) {
    static_assert(MOST_COUNTERS * PLEAT_LOSS_BINS <= PLEAT_CUDA_PARTIALS, "room for all blocks");
    const size_t wanted = (voxels + THREADS - 1) / THREADS;
    const unsigned blocks = wanted < MOST_COUNTERS ? (unsigned)wanted : MOST_COUNTERS;
    loss_counts<<<blocks, THREADS, 0, stream>>>(*targets, probs, labels, voxels, classes,
                                                PLEAT_LOSS_SHIFT(round), first, partials);
    const cudaError_t code = cudaGetLastError();
    if (code != cudaSuccess) return code;
    counts_finish<<<PLEAT_LOSS_BINS / THREADS, THREADS, 0, stream>>>(partials, (int)blocks, to);
    return cudaGetLastError();
}

/* ---- loss, backward: a thread per voxel; blockIdx.y is the sample ---- */

/* w (1 - p)^g (1 - g p ln p / (1 - p)) of class c. */
static __device__ float focus_slope(const pleat_targets &t, int classes, int c, float p) {
    const float rest = 1 - p, g = (float)t.focus[classes + c];
    return (float)t.focus[c] * powf(rest, g) * (1 - g * p * logf(p) / rest);
}

enum Kind { CLASSES, WEIGHED, REGIONS }; /* of targets: a kernel each, for registers' sake */

template <typename T, Kind KIND>
static __device__ void any_backward(const pleat_targets &targets, const float *probs,
                                    const uint8_t *labels, size_t voxels, int classes,
                                    const pleat_loss_gradient &gradient, T *dlogits) {
    __shared__ float slope[MOST_CLASSES], label_slope[MOST_CLASSES];
    const double *slopes = gradient.slopes + (size_t)blockIdx.y * PLEAT_LOSS_SLOPES(classes);
    for (int c = (int)threadIdx.x; c < classes; c += THREADS) {
        label_slope[c] = (float)slopes[c];
        slope[c] = (float)slopes[classes + c];
    }
    __syncthreads();
    const float term_weight = (float)slopes[2 * classes], factor = (float)gradient.scale;
    for (EACH(i, voxels)) {
        const size_t v = (size_t)blockIdx.y * voxels + i;
        const float *p = probs + v * classes;
        const int label = labels[v];
        float mean = 0, e = 0; /* softmax's Jacobian is diag(p) - p p'; -p d E / d p_label */
        if (KIND != REGIONS) {
            for (int c = 0; c < classes; c++)
                mean += p[c] * (slope[c] + (c == label ? label_slope[c] : 0));
            if (label < classes && clamped(p[label]) == (double)p[label]) e = term_weight;
            if (KIND == WEIGHED && e != 0) {
                if (targets.focus != nullptr) e *= focus_slope(targets, classes, label, p[label]);
                if (targets.top != nullptr) e *= (float)top_weight(targets.top, p[label]);
            }
        }
        const uint32_t bits = KIND == REGIONS ? targets.regions[label] : 0;
        const float scale = counts(targets, label) ? factor : 0;
#pragma unroll 1
        for (int c = 0; c < classes; c++) {
            const bool in = KIND == REGIONS ? (bits >> c & 1) != 0 : c == label;
            const float s = slope[c] + (in ? label_slope[c] : 0), q = p[c];
            if (KIND == REGIONS) e = q >= LEAST_P && q <= MOST_P ? term_weight : 0;
            const float of_sums = KIND == REGIONS ? q * (1 - q) * s : q * (s - mean);
            const float all = scale * (of_sums + e * (q - (in ? 1.0f : 0.0f)));
            const float value[1] = {all};
            Vector<T, 1>::store(dlogits + v * classes + c, value);
        }
    }
}

template <typename T>
static __global__ void __launch_bounds__(THREADS)
    loss_backward(const pleat_targets targets, const float *probs, const uint8_t *labels,
                  size_t voxels, int classes, const pleat_loss_gradient gradient, T *dlogits) {
    any_backward<T, CLASSES>(targets, probs, labels, voxels, classes, gradient, dlogits);
}

template <typename T>
static __global__ void __launch_bounds__(THREADS)
    weighed_backward(const pleat_targets targets, const float *probs, const uint8_t *labels,
                     size_t voxels, int classes, const pleat_loss_gradient gradient, T *dlogits) {
    any_backward<T, WEIGHED>(targets, probs, labels, voxels, classes, gradient, dlogits);
}

template <typename T>
static __global__ void __launch_bounds__(THREADS)
    regions_backward(const pleat_targets targets, const float *probs, const uint8_t *labels,
                     size_t voxels, int classes, const pleat_loss_gradient gradient, T *dlogits) {
    any_backward<T, REGIONS>(targets, probs, labels, voxels, classes, gradient, dlogits);
}

cudaError_t pleat_cuda_loss_backward(pleat_dtype type, const pleat_targets *targets,
                                     const float *probs, const uint8_t *labels, int n,
                                     size_t voxels, int classes,
                                     const pleat_loss_gradient *gradient, void *dlogits,
                                     cudaStream_t stream) {
    if (classes > MOST_CLASSES) return cudaErrorInvalidValue;
    return dispatch(type, false, [&](auto tag) {
        typedef typename decltype(tag)::type T;
        T *to = (T *)dlogits;
        if (targets->regions != nullptr)
            regions_backward<T>
                <<<dim3(blocks_for<regions_backward<T>>(voxels), (unsigned)n), THREADS, 0,
                   stream>>>(*targets, probs, labels, voxels, classes, *gradient, to);
        else if (targets->focus != nullptr || targets->top != nullptr)
            weighed_backward<T>
                <<<dim3(blocks_for<weighed_backward<T>>(voxels), (unsigned)n), THREADS, 0,
                   stream>>>(*targets, probs, labels, voxels, classes, *gradient, to);
        else
            loss_backward<T>
                <<<dim3(blocks_for<loss_backward<T>>(voxels), (unsigned)n), THREADS, 0, stream>>>(
                    *targets, probs, labels, voxels, classes, *gradient, to);
        return cudaGetLastError();
    });
}

/* ---- Adam: Kingma & Ba 2015, section 2, last paragraph ---- */

static __global__ void adam_update(float rate, float b1, float b2, float rest1, float rest2,
                                   float epsilon, float keep, size_t n, float *params,
                                   const float *grads, float *m, float *v, float *largest) {
    for (EACH(i, n)) {
        const float g = grads[i], first = b1 * m[i] + rest1 * g;
        float second = b2 * v[i] + rest2 * (g * g);
        m[i] = first;
        v[i] = second;
        if (largest != NULL) {
            second = fmaxf(second, largest[i]);
            largest[i] = second;
        }
        params[i] = keep * params[i] - rate * first / (sqrtf(second) + epsilon);
    }
}

cudaError_t pleat_cuda_adam(double rate, const pleat_adam *adam, size_t n, float *params,
                            const float *grads, float *m, float *v, float *largest,
                            cudaStream_t stream) {
    adam_update<<<blocks_for<adam_update>(n), THREADS, 0, stream>>>(
        (float)rate, (float)adam->beta1, (float)adam->beta2, (float)(1 - adam->beta1),
        (float)(1 - adam->beta2), (float)adam->epsilon, (float)(1 - adam->decay), n, params, grads,
        m, v, largest);
    return cudaGetLastError();
}
