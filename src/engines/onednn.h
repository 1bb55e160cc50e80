/*
 * onednn.h - what the files of the oneDNN engine share.
 *
 *   onednn.c        the engine: memory, threads, the table
 *   onednn_conv.c   convolutions, through the library
 *   onednn_direct*.c    forward and by x of 3x3x3 and 1x3x3 ones, an own kernel
 *   onednn_gradient*.c  gradients by the weights of these, own kernels
 *   onednn_tiles.*  the tiles of AMX, that kernels share
 *   onednn_mirror.c the weights of gradients by x, packed in one pass
 *   onednn_head.c   the 1x1x1 convolution to a few classes, own loops
 *   onednn_norm.c   batch norm, own loops
 *   onednn_instance.c, onednn_layers.c   instance norm; activations, mean pooling, gates: own loops
 *   onednn_loss.c   softmax and loss, own loops
 *   onednn_ops.c    pooling, ReLU, input, own loops
 *   onednn_stream.c writing large results past the caches
 *   onednn_update.c Adam, gradient descent, clipping, own loops
 *   onednn_api.c    the library itself: the only file that knows oneDNN 2 from oneDNN 3
 *
 * The own loops are bound by memory, so each reads and writes its tensors once. Work is cut into
 * one contiguous share per thread and sums are added in thread order: the same number of threads
 * gives the same bits.
 *
 * An ordered engine (pleat/engine.h) gives the same bits on any number. Sums are cut into
 * PLEAT_ORDERED_PARTS whatever the threads, and the library's primitives are made for one sample
 * and one thread; each worker, a thread, runs them on samples of its own.
 */
#ifndef PLEAT_ENGINES_ONEDNN_H
#define PLEAT_ENGINES_ONEDNN_H

#include "pleat/engine.h"

#define PLEAT_ORDERED_PARTS 32 /* more threads than this bring nothing to an ordered sum */

/* --- the library, onednn_api.c --- */

typedef struct pleat_dnnl pleat_dnnl;       /* its engine and stream */
typedef struct pleat_dnnl_op pleat_dnnl_op; /* one primitive, prepared for one shape */

typedef enum pleat_dnnl_pass {                     /* what pleat_dnnl_run takes, in this order */
                               PLEAT_DNNL_FORWARD, /* x, weights, bias, y */
                               PLEAT_DNNL_BACKWARD_DATA,   /* dy, weights, dx */
                               PLEAT_DNNL_BACKWARD_WEIGHTS /* x, dy, dweights, dbias */
} pleat_dnnl_pass;

typedef struct pleat_dnnl_shape { /* of a convolution; see pleat_conv_desc */
    int n, d, h, w, cin, cout;
    int kernel[3], stride[3], before[3];
    int relu; /* forward only */
    int bf16; /* activations and weights; bias and weight gradients are always float */
} pleat_dnnl_shape;

/* Primitives use `threads` threads. side_by_side: one thread each, and as many workers as there are
 * threads may run them at the same time, each under its own number; otherwise there is only
 * worker 0. The library takes its number of threads from OpenMP, which is set during its calls
 * alone: between them the caller's own loops have the number that they had. */
pleat_status pleat_dnnl_open(int threads, int side_by_side, pleat_dnnl **out);
void pleat_dnnl_close(pleat_dnnl *library);

/* "oneDNN 2.6.3": the one this program runs on. onednn_version.c */
void pleat_dnnl_version(char *out, size_t size);
/* "AVX-512 bf16": the widest instructions the library uses here. */
const char *pleat_dnnl_isa(void);
/* Whether this processor multiplies bfloat16 itself (the library also emulates it, slowly). */
int pleat_dnnl_has_bf16(void);
/* Whether the library, and so we, may use AVX2; AVX-512 (F, BW, VL, DQ); AMX. */
int pleat_dnnl_has_avx2(void);
int pleat_dnnl_has_avx512(void);
int pleat_dnnl_has_amx(void);

/* Whether backward data is itself a forward convolution, dy to dx, by the transposed weights with
 * the taps in reverse order: where strides are 1 and the padding is the same on both sides. There
 * the library's forward code is up to a third faster than its backward one. The own kernels know no
 * other strides and padding. */
int pleat_dnnl_mirrors(const pleat_dnnl_shape *shape);

/* Weights are in the layout the library likes best, activations are [N,D,H,W,C]. `shape` is the
 * forward one for every pass. */
pleat_status pleat_dnnl_conv(pleat_dnnl *library, const pleat_dnnl_shape *shape,
                             pleat_dnnl_pass pass, pleat_dnnl_op **out);
/* Canonical float weights -> those of `conv`, a mirrored one's from canonical ones with the taps in
 * reverse order; and those of `conv` added to canonical ones. Both take from, to. */
pleat_status pleat_dnnl_pack(pleat_dnnl *library, const pleat_dnnl_op *conv, pleat_dnnl_op **out);
pleat_status pleat_dnnl_unpack_add(pleat_dnnl *library, const pleat_dnnl_op *conv,
                                   pleat_dnnl_op **out);
void pleat_dnnl_op_destroy(pleat_dnnl_op *op); /* NULL is fine */

/* Input channels that lie beside each other in the weights of `conv`, mirrored backward data, where
 * that layout is [Cin/run][taps][Cout][run], or with bf16 [Cin/run][taps][Cout/2][run][2]; 0 where
 * it is another. */
int pleat_dnnl_mirror_run(const pleat_dnnl_op *conv);

size_t pleat_dnnl_weights_bytes(const pleat_dnnl_op *conv);
size_t pleat_dnnl_scratchpad_bytes(const pleat_dnnl_op *op);
const char *pleat_dnnl_implementation(const pleat_dnnl_op *op); /* "jit:avx512_core" */

/* Waits for the result. */
pleat_status pleat_dnnl_run(pleat_dnnl *library, pleat_dnnl_op *op, int worker, void *const *data,
                            void *scratchpad);

/* --- tiles, onednn_tiles.c --- */

/* Whether the library, and so we, may use this processor's AMX, and it multiplies bf16 as its
 * manual says. */
int pleat_tiles_usable(void);

/* --- packing, onednn_mirror.c --- */

typedef struct pleat_mirror { /* of canonical weights [Cout, taps, Cin] */
    int cout, taps, cin;
    int run; /* as by pleat_dnnl_mirror_run */
    int bf16;
} pleat_mirror;

/* Rounds to nearest, ties to even. `packed` has the bytes of the primitive's weights. */
void pleat_onednn_mirror(const pleat_mirror *mirror, int threads, const float *weights,
                         void *packed);

/* --- the engine, onednn.c --- */

typedef struct pleat_buffer { /* only grows, and only in *_create */
    void *data;
    size_t bytes;
} pleat_buffer;

typedef struct pleat_onednn {
    pleat_engine base;
    pleat_dnnl *library;
    int parts;               /* a sum is cut into: threads, or PLEAT_ORDERED_PARTS */
    pleat_buffer scratchpad; /* of the primitives, for each worker */
    pleat_buffer work;       /* of a call: packed weights, weight gradients, the up-convolution */
    pleat_buffer sums;       /* of a call: each part's sums */
    pleat_buffer counted;    /* norm's sums that the last convolution made beside its y, [2C] of */
    int counted_rows;        /* each thread, or where ordered of each sample */
    pleat_tensor counted_of; /* that y; data NULL: it made none */
    const pleat_conv *dealt; /* the up-convolution whose dy conv_backward_weights left in `work` */
} pleat_onednn;

pleat_status pleat_onednn_reserve(pleat_onednn *engine, pleat_buffer *buffer, size_t bytes);

typedef struct pleat_share { /* [begin, end) */
    size_t begin, end;
} pleat_share;

/* Share t of n items among `shares`, in multiples of `grain` but for the last. */
static inline pleat_share pleat_share_of(size_t n, size_t grain, int t, int shares) {
    const size_t grains = (n + grain - 1) / grain;
    const size_t begin = grains * (size_t)t / (size_t)shares * grain;
    const size_t end = grains * ((size_t)t + 1) / (size_t)shares * grain;
    return (pleat_share){begin < n ? begin : n, end < n ? end : n};
}

/* --- the operations; see pleat/engine.h --- */

pleat_status pleat_onednn_conv_create(pleat_engine *engine, const pleat_conv_desc *desc,
                                      pleat_conv **out);
void pleat_onednn_conv_destroy(pleat_engine *engine, pleat_conv *conv);
pleat_status pleat_onednn_conv_pack(pleat_engine *engine, pleat_conv *conv, const void *weights,
                                    const void *bias);
const char *pleat_onednn_conv_way(pleat_engine *engine, const pleat_conv *conv, pleat_pass pass,
                                  int way);
int pleat_onednn_conv_taken(pleat_engine *engine, const pleat_conv *conv, pleat_pass pass);
pleat_status pleat_onednn_conv_take(pleat_engine *engine, pleat_conv *conv, pleat_pass pass,
                                    int way);
double pleat_onednn_conv_peak(pleat_engine *engine);
pleat_status pleat_onednn_conv_forward(pleat_engine *engine, pleat_conv *conv, const void *weights,
                                       const void *bias, const pleat_tensor *x,
                                       const pleat_tensor *y);
pleat_status pleat_onednn_conv_backward_data(pleat_engine *engine, pleat_conv *conv,
                                             const void *weights, const pleat_tensor *dy,
                                             const pleat_tensor *dx);
pleat_status pleat_onednn_conv_backward_weights(pleat_engine *engine, pleat_conv *conv,
                                                const pleat_tensor *x, const pleat_tensor *dy,
                                                void *dweights, void *dbias);

pleat_status pleat_onednn_head_reserve(pleat_onednn *engine, const pleat_conv_desc *desc);
pleat_status pleat_onednn_head_forward(pleat_onednn *engine, const pleat_conv_desc *desc,
                                       const float *weights, const float *bias, const void *x,
                                       float *y);
pleat_status pleat_onednn_head_backward_data(pleat_onednn *engine, const pleat_conv_desc *desc,
                                             const float *weights, const void *dy, void *dx);
pleat_status pleat_onednn_head_backward_weights(pleat_onednn *engine, const pleat_conv_desc *desc,
                                                const void *x, const void *dy, float *dweights,
                                                float *dbias);

pleat_status pleat_onednn_norm_reserve(pleat_onednn *engine, int channels);
pleat_status pleat_onednn_norm_sums(pleat_engine *engine, const pleat_tensor *x, double *sums);
pleat_status pleat_onednn_norm_forward(pleat_engine *engine, const pleat_norm *norm,
                                       const pleat_tensor *x, const double *sums, double count,
                                       const pleat_tensor *y);
pleat_status pleat_onednn_norm_infer(pleat_engine *engine, const pleat_norm *norm,
                                     const pleat_tensor *x, const pleat_tensor *y);
pleat_status pleat_onednn_norm_backward_sums(pleat_engine *engine, const pleat_norm *norm,
                                             const pleat_tensor *x, const pleat_tensor *dy,
                                             double *sums, void *dgamma, void *dbeta);
pleat_status pleat_onednn_norm_backward(pleat_engine *engine, const pleat_norm *norm,
                                        const pleat_tensor *x, const pleat_tensor *dy,
                                        const double *sums, double count, int relu_mask,
                                        const pleat_tensor *dx, void *dbias);

pleat_status pleat_onednn_instance_forward(pleat_engine *engine, const pleat_instance *norm,
                                           const pleat_tensor *x, const pleat_tensor *y);
pleat_status pleat_onednn_instance_backward(pleat_engine *engine, const pleat_instance *norm,
                                            const pleat_tensor *x, const pleat_tensor *dy,
                                            void *dgamma, void *dbeta, const pleat_tensor *dx);

pleat_status pleat_onednn_activate(pleat_engine *engine, pleat_activation kind, double slope,
                                   const pleat_tensor *x, const pleat_tensor *y);
pleat_status pleat_onednn_activate_backward(pleat_engine *engine, pleat_activation kind,
                                            double slope, const pleat_tensor *y,
                                            const pleat_tensor *dy, int accumulate,
                                            const pleat_tensor *dx);
pleat_status pleat_onednn_mean_forward(pleat_engine *engine, const pleat_tensor *x,
                                       const pleat_tensor *y);
pleat_status pleat_onednn_mean_backward(pleat_engine *engine, const pleat_tensor *dy,
                                        int accumulate, const pleat_tensor *dx);
pleat_status pleat_onednn_gate_forward(pleat_engine *engine, const pleat_tensor *x,
                                       const pleat_tensor *gate, const pleat_tensor *y);
pleat_status pleat_onednn_gate_backward(pleat_engine *engine, const pleat_tensor *x,
                                        const pleat_tensor *gate, const pleat_tensor *dy,
                                        const pleat_tensor *dgate, int accumulate,
                                        const pleat_tensor *dx);

pleat_status pleat_onednn_softmax(pleat_engine *engine, const void *logits, size_t voxels,
                                  int classes, void *probs);
pleat_status pleat_onednn_sigmoid(pleat_engine *engine, const void *logits, size_t n, void *probs);
pleat_status pleat_onednn_loss_forward(pleat_engine *engine, const pleat_targets *targets,
                                       const void *logits, const uint8_t *labels, int n,
                                       size_t voxels, int classes, void *probs, double *sums);
pleat_status pleat_onednn_loss_backward(pleat_engine *engine, const pleat_targets *targets,
                                        const void *probs, const uint8_t *labels, int n,
                                        size_t voxels, int classes,
                                        const pleat_loss_gradient *gradient, void *dlogits);

pleat_status pleat_onednn_input(pleat_engine *engine, const float *host, size_t n, void *x);
pleat_status pleat_onednn_zero(pleat_engine *engine, void *data, size_t bytes);
pleat_status pleat_onednn_relu_backward(pleat_engine *engine, const pleat_tensor *y,
                                        const pleat_tensor *dy, const pleat_tensor *dx);
pleat_status pleat_onednn_copy(pleat_engine *engine, const pleat_tensor *x, int accumulate,
                               const pleat_tensor *y);
pleat_status pleat_onednn_pool_forward(pleat_engine *engine, const pleat_tensor *x,
                                       const pleat_tensor *y, uint8_t *index);
pleat_status pleat_onednn_pool_backward(pleat_engine *engine, const pleat_tensor *dy,
                                        const uint8_t *index, int accumulate,
                                        const pleat_tensor *dx);
pleat_status pleat_onednn_adam(pleat_engine *engine, const pleat_adam *adam, size_t n, void *params,
                               const void *grads, void *m, void *v, void *largest);
pleat_status pleat_onednn_sgd(pleat_engine *engine, const pleat_sgd *sgd, size_t n, void *params,
                              const void *grads, void *v);
pleat_status pleat_onednn_clip(pleat_engine *engine, double most, size_t n, void *x);
pleat_status pleat_onednn_average(pleat_engine *engine, double keep, size_t n, const void *x,
                                  void *y);

#endif /* PLEAT_ENGINES_ONEDNN_H */
