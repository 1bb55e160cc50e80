/*
 * engine.h - the first seam: what computes.
 *
 * An engine is a table of functions over memory of its own, each one operation of the network
 * forward or backward. The kinds of nodes (src/net/nodes/) call them in the order of the graph;
 * nothing above knows which engine runs.
 *
 *   ref      plain loops, double accumulation; the oracle, always there   src/engines/ref.c
 *   ref64    the same loops in double throughout, for gradient checks     src/engines/ref64.c
 *   onednn   the CPU engine                                               src/engines/onednn*.c
 *   cudnn    the GPU engine, a module loaded at run time                  cuda/
 *
 * The laws of the table
 *   - Activations are channels-last, [N,D,H,W,C], in the engine's activation type. A tensor may be
 *     a channel slice of a wider one (pitch > c); only the functions that say so take slices.
 *   - Parameters and their gradients are `real`: float (double in ref64), whatever the precision.
 *   - Parameter gradients accumulate (+=) and activation gradients overwrite (=), unless told.
 *   - Calls queue in order on one stream. Only synchronize, download and the *_create calls wait.
 *   - Nothing allocates after the *_create calls. No entry is NULL, but the groups at the end may.
 *   - Pointers called "host" are host memory; all others are the engine's.
 *
 * Canonical parameter layouts (flat, no padding)
 *   conv, head   weights [Cout, kD, kH, kW, Cin]   bias [Cout]
 *   up           weights [kD, kH, kW, Cout, Cin]   bias [Cout]     k = stride
 */
#ifndef PLEAT_ENGINE_H
#define PLEAT_ENGINE_H

#include "pleat/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pleat_dtype { PLEAT_F32, PLEAT_F64, PLEAT_BF16 } pleat_dtype;

static inline size_t pleat_dtype_size(pleat_dtype type) {
    return type == PLEAT_F64 ? 8 : type == PLEAT_F32 ? 4 : 2;
}

typedef enum pleat_precision { /* how products are computed; sums are float32 or better */
                               PLEAT_PRECISION_AUTO,
                               PLEAT_PRECISION_F32,
                               PLEAT_PRECISION_TF32,
                               PLEAT_PRECISION_BF16,
} pleat_precision;

/* "auto", "f32", "tf32", "bf16"; NULL after the last. */
const char *pleat_precision_name(int precision);

typedef struct pleat_tensor {
    void *data;
    int n, d, h, w, c;
    int pitch; /* elements from one voxel to the next; c when packed */
} pleat_tensor;

static inline size_t pleat_tensor_voxels(const pleat_tensor *t) {
    return (size_t)t->n * (size_t)t->d * (size_t)t->h * (size_t)t->w;
}

/* Sample k of a tensor whose elements have `element` bytes. */
static inline pleat_tensor pleat_tensor_sample(const pleat_tensor *t, int k, size_t element) {
    pleat_tensor sample = *t;
    sample.n = 1;
    sample.data =
        (char *)t->data + (size_t)k * pleat_tensor_voxels(&sample) * (size_t)t->pitch * element;
    return sample;
}

typedef enum pleat_conv_kind {
    PLEAT_CONV, /* kernel 1 or 3 and stride 1 or 2 along each axis; y has x's sizes / stride, which
                   divides them: y[o] reads x[o * stride - before .. + kernel - 1], 0 outside */
    PLEAT_HEAD, /* 1x1x1 to the classes; y is float (double in ref64) whatever the activations,
                   dy is in the activation type */
    PLEAT_UP    /* transposed, stride 1 or 2 along each axis and the kernel the same: y has x's
                   sizes * stride and may be a slice, dy too */
} pleat_conv_kind;

typedef struct pleat_conv_desc {
    pleat_conv_kind kind;
    int n, d, h, w; /* of x */
    int cin, cout;
    int kernel[3], stride[3]; /* D, H, W; HEAD: 1, 1; UP: equal */
    int before[3];            /* CONV: padding at the low end, 0 or 1 with kernel 3, 0 with 1 */
    int relu;                 /* CONV: y = max(0, x*w + b); dy is then already masked by y > 0 */
    int train;                /* backward will be called */
    int want_dx;              /* backward_data will be called; 0 for the first layer */
    int normed;               /* CONV: after forward, y is asked for by norm_sums, unchanged, or not
                                 at all: its sums may be made beside it */
    int fresh;                /* CONV: backward_weights writes dweights, whatever they were, and
                                 adds to dbias alone. Only where the engine `starts_gradients` */
    /* Reals from one sample's weight and bias gradients to the next one's; 0: all samples add to
     * the same. Only where the engine is `ordered`. */
    size_t sample_stride;
} pleat_conv_desc;

typedef struct pleat_conv pleat_conv; /* one layer prepared for one shape; the engine's own */
typedef struct pleat_engine pleat_engine;

typedef struct pleat_norm {   /* batch norm over N,D,H,W per channel (Ioffe & Szegedy 2015) */
    const void *gamma, *beta; /* real [C] */
    void *running_mean,
        *running_var;         /* real [C], running = momentum*running + (1-momentum)*batch */
    void *mean, *inv_std;     /* real [C], of the batch; written forward, read backward */
    double momentum, epsilon; /* 0.99, 1e-3 */
} pleat_norm;

typedef struct pleat_instance { /* instance norm (Ulyanov et al. 2016), then a leaky ReLU */
    const void *gamma, *beta;   /* real [C] */
    void *mean, *inv_std;       /* real [N,C]; written forward, read backward */
    double *sums;               /* [N][2C] scratch */
    double epsilon;             /* 1e-5 */
    double slope;               /* of what is not positive; 1: no ReLU */
    size_t sample_stride;       /* as that of a convolution, of dgamma and dbeta */
} pleat_instance;

typedef enum pleat_activation {
    PLEAT_LEAKY_RELU, /* x > 0 ? x : slope x */
    PLEAT_SIGMOID     /* 1 / (1 + exp(-x)); no slope */
} pleat_activation;

#define PLEAT_LOSS_SUMS(classes)   (3 * (classes) + 2) /* of a sample */
#define PLEAT_LOSS_SLOPES(classes) (2 * (classes) + 1)

/* A probability's key orders as it does, whatever computes it: the bits of its float, cut to what
 * E knows, less those of 1e-7f. Keys are counted in three rounds, each within a bin of the one
 * before: bins of 2^18, 2^8 and 1 keys. */
#define PLEAT_LOSS_BINS         1024
#define PLEAT_LOSS_ROUNDS       3
#define PLEAT_LOSS_SHIFT(round) ((round) == 0 ? 18 : (round) == 1 ? 8 : 0)
#define PLEAT_LOSS_KEY_0        0x33d6bf95u                      /* 1e-7f */
#define PLEAT_LOSS_KEY_1        (0x3f800000u - PLEAT_LOSS_KEY_0) /* that of 1 */

/* What the labels of a loss mean, and its term of single voxels E. Pointers are the engine's.
 *   classes   label c is class c, p the softmax; K or more: of no class (padding)
 *             E = sum of w_l (1 - p_l)^g_l (-ln p_l), l the label
 *   regions   a label may be in several of the K channels, p is the sigmoid of each
 *             E = sum over the channels too of -ln p, or for labels not in it -ln (1 - p) */
typedef struct pleat_targets {
    const uint32_t
        *regions;        /* [256]: bit c of a label's says that it is in region c; NULL: classes */
    const double *focus; /* [2K]: w, then g, of classes; NULL: all w are 1, all g are 0 */
    int ignored;         /* label of voxels that are in no sum and have no gradient; 0: none */
    /* Of classes, double [3]: a voxel's term is multiplied by [1] where its p_l, as a float, is
     * below [0], by [2] where it is that, else by 0. loss_forward is then given probabilities for
     * logits. NULL: all terms count alike. */
    const double *top;
} pleat_targets;

/* What loss_backward does: dlogits = scale * d( L_n + e_n E_n ) / dlogits for every sample n, where
 * L is a function of the sums with dL/dp_vc = A_c y_vc + B_c. */
typedef struct pleat_loss_gradient {
    const double *slopes; /* [N][2K+1] in the engine's memory: A, then B, then e of each sample */
    double scale;
} pleat_loss_gradient;

typedef void (*pleat_host_function)(void *context, const double *in, double *out);
typedef struct pleat_host_call pleat_host_call; /* the engine's own */

typedef struct pleat_adam {
    double lr, beta1, beta2, epsilon;
    int64_t step; /* 1 for the first update */
    double decay; /* w becomes (1 - decay) w first; 0: it does not */
} pleat_adam;

typedef struct pleat_sgd {
    double lr, momentum;
    double decay; /* of the weights, added to their gradient */
} pleat_sgd;

/* A recording of what the engine is told between begin and end, which is not computed then. end
 * takes the status of what was told, and ends the recording in any case; begin and end fail where
 * it cannot be made: the engine then goes on as if it had not been tried. is_current: the memory it
 * was made with is still the engine's. destroy(NULL) does nothing. */
typedef struct pleat_recording pleat_recording;

typedef struct pleat_record_ops {
    pleat_status (*begin)(pleat_engine *engine);
    pleat_status (*end)(pleat_engine *engine, pleat_status told, pleat_recording **out);
    int (*is_current)(pleat_engine *engine, const pleat_recording *recording);
    pleat_status (*play)(pleat_engine *engine, pleat_recording *recording);
    void (*destroy)(pleat_recording *recording);
} pleat_record_ops;

typedef enum pleat_pass { /* of a convolution */
                          PLEAT_PASS_FORWARD,
                          PLEAT_PASS_DATA,
                          PLEAT_PASS_WEIGHTS,
                          PLEAT_PASSES
} pleat_pass;

/* For measuring and tests: an engine that computes a pass of a convolution in one of several ways,
 * chosen by a rule, tells them and can be made to take another. */
typedef struct pleat_way_ops {
    /* Of this layer and pass: "oneDNN", "own"; NULL after the last, of a pass that it has. */
    const char *(*name)(pleat_engine *engine, const pleat_conv *conv, pleat_pass pass, int way);
    int (*taken)(pleat_engine *engine, const pleat_conv *conv, pleat_pass pass);
    /* As a *_create call: conv_pack comes after it. */
    pleat_status (*take)(pleat_engine *engine, pleat_conv *conv, pleat_pass pass, int way);
    /* GFLOP/s of its threads by multiply-adds in registers alone; NaN: not known. */
    double (*peak)(pleat_engine *engine);
} pleat_way_ops;

typedef struct pleat_engine_ops {
    const char *name;
    void (*destroy)(pleat_engine *engine);

    /* Memory: 64-byte aligned at least, zeroed. */
    pleat_status (*alloc)(pleat_engine *engine, size_t bytes, void **out);
    void (*free)(pleat_engine *engine, void *data);
    pleat_status (*upload)(pleat_engine *engine, void *to, const void *host, size_t bytes);
    pleat_status (*download)(pleat_engine *engine, void *host, const void *from, size_t bytes);
    pleat_status (*zero)(pleat_engine *engine, void *data, size_t bytes);
    pleat_status (*synchronize)(pleat_engine *engine);

    /* n floats of the host become n elements of the activation type. */
    pleat_status (*input)(pleat_engine *engine, const float *host, size_t n, void *x);

    /* Convolutions. x, dx packed [N,D,H,W,Cin]; y, dy packed [N,D,H,W,Cout] (UP: may be slices).
     * pack: weights or bias have changed; the layer may keep a copy in a layout of its own, made
     * at the latest when it is first used after.
     * bias NULL: 0; dbias NULL: not wanted. backward_weights, then backward_data of a layer: dy is
     * the same. */
    pleat_status (*conv_create)(pleat_engine *engine, const pleat_conv_desc *desc,
                                pleat_conv **out);
    void (*conv_destroy)(pleat_engine *engine, pleat_conv *conv);
    pleat_status (*conv_pack)(pleat_engine *engine, pleat_conv *conv, const void *weights,
                              const void *bias);
    pleat_status (*conv_forward)(pleat_engine *engine, pleat_conv *conv, const void *weights,
                                 const void *bias, const pleat_tensor *x, const pleat_tensor *y);
    pleat_status (*conv_backward_data)(pleat_engine *engine, pleat_conv *conv, const void *weights,
                                       const pleat_tensor *dy, const pleat_tensor *dx);
    pleat_status (*conv_backward_weights)(pleat_engine *engine, pleat_conv *conv,
                                          const pleat_tensor *x, const pleat_tensor *dy,
                                          void *dweights, void *dbias);

    /* dx = dy where y > 0, else 0. Packed; dx may be dy. For networks without norm. */
    pleat_status (*relu_backward)(pleat_engine *engine, const pleat_tensor *y,
                                  const pleat_tensor *dy, const pleat_tensor *dx);

    /* Batch norm. `sums` is double [2C]; between the two calls of a pass the caller may add the
     * sums of other ranks, `count` being the voxels of all of them.
     *   norm_sums            sum x, sum x*x
     *   norm_forward         finishes mean and inv_std, updates the running ones, writes y
     *   norm_infer           y by the running statistics
     *   norm_backward_sums   sum dy, sum dy*xhat; also dbeta += , dgamma += (this rank's)
     *   norm_backward        dx of norm; with relu_mask also zero where x (ReLU's result) <= 0;
     *                        dbias [C] += sum dx, unless NULL: the bias of the convolution before
     * x and dx packed; y and dy may be slices; dx may not be dy. */
    pleat_status (*norm_sums)(pleat_engine *engine, const pleat_tensor *x, double *sums);
    pleat_status (*norm_forward)(pleat_engine *engine, const pleat_norm *norm,
                                 const pleat_tensor *x, const double *sums, double count,
                                 const pleat_tensor *y);
    pleat_status (*norm_infer)(pleat_engine *engine, const pleat_norm *norm, const pleat_tensor *x,
                               const pleat_tensor *y);
    pleat_status (*norm_backward_sums)(pleat_engine *engine, const pleat_norm *norm,
                                       const pleat_tensor *x, const pleat_tensor *dy, double *sums,
                                       void *dgamma, void *dbeta);
    pleat_status (*norm_backward)(pleat_engine *engine, const pleat_norm *norm,
                                  const pleat_tensor *x, const pleat_tensor *dy, const double *sums,
                                  double count, int relu_mask, const pleat_tensor *dx, void *dbias);

    /* Instance norm: y = a(gamma xhat + beta), a being the leaky ReLU, xhat of the voxels of each
     * sample and channel, their variance the biased one; training and inference are the same.
     * backward: dgamma and dbeta +=; dx NULL: not wanted.
     * x and dx packed; y and dy may be slices; dx may not be dy. */
    pleat_status (*instance_forward)(pleat_engine *engine, const pleat_instance *norm,
                                     const pleat_tensor *x, const pleat_tensor *y);
    pleat_status (*instance_backward)(pleat_engine *engine, const pleat_instance *norm,
                                      const pleat_tensor *x, const pleat_tensor *dy, void *dgamma,
                                      void *dbeta, const pleat_tensor *dx);

    /* y = a(x). backward: g = dy a'(x), of which y is enough; accumulate ? dx += g : dx = g.
     * All may be slices. */
    pleat_status (*activate)(pleat_engine *engine, pleat_activation kind, double slope,
                             const pleat_tensor *x, const pleat_tensor *y);
    pleat_status (*activate_backward)(pleat_engine *engine, pleat_activation kind, double slope,
                                      const pleat_tensor *y, const pleat_tensor *dy, int accumulate,
                                      const pleat_tensor *dx);

    /* accumulate ? y += x : y = x; same shape; both may be slices. */
    pleat_status (*copy)(pleat_engine *engine, const pleat_tensor *x, int accumulate,
                         const pleat_tensor *y);

    /* Maximum over blocks of 1 or 2 voxels along each axis, x's sizes over y's; ties go to the
     * first voxel. index [voxels and channels of y] says which of them won, as d*4 + h*2 + w.
     * x and dx may be slices; y and dy are packed.
     * backward: accumulate ? dx[winner] += dy : dx = dy at the winner, 0 elsewhere. */
    pleat_status (*pool_forward)(pleat_engine *engine, const pleat_tensor *x, const pleat_tensor *y,
                                 uint8_t *index);
    pleat_status (*pool_backward)(pleat_engine *engine, const pleat_tensor *dy,
                                  const uint8_t *index, int accumulate, const pleat_tensor *dx);

    /* Mean over blocks of 1 or 2 voxels along each axis, x's sizes over y's. All may be slices.
     * backward: each voxel of a block gets its share of dy. */
    pleat_status (*mean_forward)(pleat_engine *engine, const pleat_tensor *x,
                                 const pleat_tensor *y);
    pleat_status (*mean_backward)(pleat_engine *engine, const pleat_tensor *dy, int accumulate,
                                  const pleat_tensor *dx);

    /* y = x * gate: the gate has one channel, x's sizes or half of them along each axis, and each
     * of its voxels holds for the block that it covers. All may be slices.
     * backward: dgate = sum over a block's voxels and channels of dy x;
     * accumulate ? dx += dy gate : dx = dy gate. */
    pleat_status (*gate_forward)(pleat_engine *engine, const pleat_tensor *x,
                                 const pleat_tensor *gate, const pleat_tensor *y);
    pleat_status (*gate_backward)(pleat_engine *engine, const pleat_tensor *x,
                                  const pleat_tensor *gate, const pleat_tensor *dy,
                                  const pleat_tensor *dgate, int accumulate,
                                  const pleat_tensor *dx);

    /* Softmax over the K channels of a packed real tensor; probs may be logits. */
    pleat_status (*softmax)(pleat_engine *engine, const void *logits, size_t voxels, int classes,
                            void *probs);

    /* 1 / (1 + exp(-x)) of n reals; probs may be logits. */
    pleat_status (*sigmoid)(pleat_engine *engine, const void *logits, size_t n, void *probs);

    /* Loss: softmax or sigmoid, then sums of each sample; docs/math.md section "Loss".
     *   logits, probs   real [N,V,K], may be the same memory
     *   labels          [N,V]; see pleat_targets
     *   sums            double [N][3K+2]: TP_c = sum y p, P_c = sum p, Y_c = sum y; then E, whose
     *                   p, or 1 - p, is clamped to 1e-7 .. 1-1e-7; then how many voxels count
     *   backward        dlogits (activation type, packed [N,V,K]); see pleat_loss_gradient. What
     *                   is clamped has no gradient of E. */
    pleat_status (*loss_forward)(pleat_engine *engine, const pleat_targets *targets,
                                 const void *logits, const uint8_t *labels, int n, size_t voxels,
                                 int classes, void *probs, double *sums);
    pleat_status (*loss_backward)(pleat_engine *engine, const pleat_targets *targets,
                                  const void *probs, const uint8_t *labels, int n, size_t voxels,
                                  int classes, const pleat_loss_gradient *gradient, void *dlogits);
    /* Of all voxels that count, how many have a key of p_l in each bin: bin b of counts, double
     * [PLEAT_LOSS_BINS], begins at *first, of the engine's memory, and b bins of this round. A
     * voxel of no class has the key of 1. Only of classes. */
    pleat_status (*loss_counts)(pleat_engine *engine, const pleat_targets *targets,
                                const void *probs, const uint8_t *labels, int n, size_t voxels,
                                int classes, int round, const double *first, double *counts);

    /* Labels of a coarser grid: to[o] = labels[o * step + step / 2] along each axis, the nearest
     * (nnU-Net's "nearest-exact"). labels [N, dim], to [N, dim / step]; step divides dim. */
    pleat_status (*coarsen_labels)(pleat_engine *engine, const uint8_t *labels, int n,
                                   const int dim[3], const int step[3], uint8_t *to);

    /* A piece of host code between two operations, in their order: `run` brings n_in doubles of
     * the engine's memory to the host, calls f(context, in, out) there and takes the n_out doubles
     * of `out` back. f neither waits nor calls an engine; it is called again whenever a recording
     * of the call is played. */
    pleat_status (*host_call_create)(pleat_engine *engine, pleat_host_function f, void *context,
                                     size_t n_in, size_t n_out, pleat_host_call **out);
    pleat_status (*host_call_run)(pleat_engine *engine, pleat_host_call *call, const double *in,
                                  double *out);
    void (*host_call_destroy)(pleat_engine *engine, pleat_host_call *call); /* NULL is fine */

    /* Adam as Keras writes it (Kingma & Ba 2015, section 2, last paragraph), over n reals:
     * m, v first and second moments; lr_t = lr*sqrt(1-b2^t)/(1-b1^t); w -= lr_t*m/(sqrt(v)+eps).
     * largest: amsgrad's (Reddi et al. 2018), the largest v so far, whose root is then taken
     * instead of v's; NULL: there is none. */
    pleat_status (*adam)(pleat_engine *engine, const pleat_adam *adam, size_t n, void *params,
                         const void *grads, void *m, void *v, void *largest);
    /* Gradient descent with Nesterov's momentum as PyTorch writes it, over n reals; v begins as 0:
     * g += decay*w; v = momentum*v + g; w -= lr*(g + momentum*v). */
    pleat_status (*sgd)(pleat_engine *engine, const pleat_sgd *sgd, size_t n, void *params,
                        const void *grads, void *v);
    /* x *= min(1, most / (norm + 1e-6)), norm being the root of the sum of the squares of all n
     * reals; as PyTorch clips gradients. */
    pleat_status (*clip)(pleat_engine *engine, double most, size_t n, void *x);
    /* y = keep*y + (1-keep)*x, over n reals. */
    pleat_status (*average)(pleat_engine *engine, double keep, size_t n, const void *x, void *y);

    const pleat_record_ops *record; /* NULL: it makes no recordings */
    const pleat_way_ops *ways;      /* NULL: there is one way to everything */
    /* NULL: it has no memory of its own. Call pleat_device_of (pleat/device.h), which knows what
     * then holds. */
    const struct pleat_device_ops *device;
} pleat_engine_ops;

struct pleat_engine { /* first member of every engine's own struct */
    const pleat_engine_ops *ops;
    pleat_dtype act;           /* of activations */
    pleat_dtype real;          /* of parameters, logits and probabilities */
    pleat_precision precision; /* really used; never AUTO */
    int host_memory;           /* the engine's pointers may be read by the host */
    int threads;
    /* 1: nothing depends on the number of threads, what a sample gives depends on no other sample,
     * and sample_stride is obeyed. ref always, onednn when made deterministic, cudnn never. */
    int ordered;
    /* 1: norm_backward sums the bias gradient of the convolution before it on its way, and
     * conv_backward_weights would read dy once more for it. */
    int bias_by_norm;
    /* 1: pleat_conv_desc.fresh is obeyed, which saves zeroing dweights and reading them. */
    int starts_gradients;
    char device[128]; /* "AMD EPYC 9B14, 2 threads, AVX-512 bf16" */
    char library[64]; /* "oneDNN 2.6.3"; "" when it needs none */
};

/* That it computes in, as text: "f64" of ref64, else the name of its precision. */
const char *pleat_engine_precision(const pleat_engine *engine);

typedef struct pleat_engine_options {
    const char
        *engine; /* a name of the list, or "auto": the first that is there and, if tried, right */
    pleat_precision precision; /* AUTO: bf16 where the device multiplies it, else f32 */
    int threads;               /* CPU threads; 0: all this process may use */
    int device;                /* GPU number; -1: node-local rank modulo visible */
    int deterministic;         /* the same call again, the same bits; on a CPU, `ordered` */
} pleat_engine_options;

typedef struct pleat_engine_entry {
    const char *name;
    const char *what;             /* one line */
    const char *(*missing)(void); /* NULL when it can be created, else why not */
    pleat_status (*create)(const pleat_engine_options *options, pleat_engine **out);
    int tried;  /* "auto" takes it only after pleat_engine_try */
    int on_gpu; /* its memory is not the host's */
} pleat_engine_entry;

/* The engines of this build, fastest first; ends with a NULL name. src/engines/engines.c. */
const pleat_engine_entry *pleat_engine_list(void);
/* What a user may choose: "auto", then the names of the list; NULL after the last. */
const char *pleat_engine_name(int i);

/* An unknown or missing engine is ERR_UNSUPPORTED, naming those that are there. */
pleat_status pleat_engine_create(const pleat_engine_options *options, pleat_engine **out);
void pleat_engine_destroy(pleat_engine *engine);

/* Trains a small network for a step, as the oracle does: seconds the first time on a GPU, whose
 * plans are found. ERR_ENGINE, or the engine's own failure, when it is not the oracle's result. */
pleat_status pleat_engine_try(pleat_engine *engine);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_ENGINE_H */
