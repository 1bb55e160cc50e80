/*
 * kernels.h - our own kernels, behind functions that launch them on a stream and return at once.
 *
 * A tensor is [voxels, c] with `pitch` elements from one voxel to the next, of type F32 or BF16;
 * sums, statistics, parameters and gradients are float or double as written. Where the channels,
 * the pitches and the addresses allow it a thread moves 16 bytes at once, else one element; the
 * results are the same. Sums run in an order that is fixed for one kind of GPU, which decides how
 * many blocks there are: there the same numbers give the same bits.
 *
 * The code returned is the launch's; what happens later is found by the next call that waits.
 */
#ifndef PLEAT_CUDA_KERNELS_H
#define PLEAT_CUDA_KERNELS_H

#include "pleat/engine.h"

#include <cuda_runtime_api.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_CUDA_PARTIALS (1 << 20) /* doubles between the two stages of a sum: 8 MiB */

/* ---- moving and converting: kernels_move.cu ---- */

/* to[i] = (type)from[i] */
cudaError_t pleat_cuda_cast(pleat_dtype type, const float *from, size_t n, void *to,
                            cudaStream_t stream);
/* Noise, even in -1 to 1: what candidates are timed on. */
cudaError_t pleat_cuda_noise(pleat_dtype type, size_t n, void *to, cudaStream_t stream);
/* accumulate ? to += from : to = from, same shape; both may be slices. */
cudaError_t pleat_cuda_copy(pleat_dtype type, const pleat_tensor *from, int accumulate,
                            const pleat_tensor *to, cudaStream_t stream);
/* As in pleat/engine.h. */
cudaError_t pleat_cuda_coarsen_labels(const uint8_t *labels, int n, const int dim[3],
                                      const int step[3], uint8_t *to, cudaStream_t stream);
/* Packed [voxels, c] becomes packed [voxels, wide], wide a multiple of 8; the rest is 0. */
cudaError_t pleat_cuda_widen(pleat_dtype type, const void *from, size_t voxels, int c, int wide,
                             void *to, cudaStream_t stream);
/* Packed [voxels, wide] becomes packed [voxels, c], the first c channels of it; bias float [c] is
 * added unless NULL, then with relu what is negative becomes 0. wide == c: to may be from. */
cudaError_t pleat_cuda_narrow(pleat_dtype type, const void *from, size_t voxels, int wide, int c,
                              const float *bias, int relu, void *to, cudaStream_t stream);
/* Float [rows, c] become `type` [rows_wide, c_wide], the rest 0: of several layers at once. */
typedef struct pleat_cuda_pack_one {
    const float *from;
    void *to;
    pleat_dtype type;
    unsigned rows, c, rows_wide, c_wide;
} pleat_cuda_pack_one;

#define PLEAT_CUDA_PACKS 64 /* they are a kernel's parameter: 4 KiB at most */

typedef struct pleat_cuda_packs {
    int n;
    pleat_cuda_pack_one of[PLEAT_CUDA_PACKS];
} pleat_cuda_packs;

cudaError_t pleat_cuda_pack(const pleat_cuda_packs *packs, cudaStream_t stream);
/* And back: dweights += what is in the wider array of `type`. */
cudaError_t pleat_cuda_unpack_add(pleat_dtype type, const void *wide, int cout, int taps, int cin,
                                  int cin_wide, float *dweights, cudaStream_t stream);
/* dx = dy where y > 0, else 0, over n elements; dx may be dy. */
cudaError_t pleat_cuda_relu_backward(pleat_dtype type, const void *y, const void *dy, size_t n,
                                     void *dx, cudaStream_t stream);
/* Packed products [N,D,H,W, children, C] to y [N,sD,sH,sW,C], which may be a slice, s being the
 * stride of each axis: child (d * sH + h) * sW + w of a voxel lies at (sD+d, sH+h, sW+w); bias
 * float [C] is added unless NULL. kernels_up.cu */
cudaError_t pleat_cuda_up_scatter(pleat_dtype type, const int stride[3], const void *products,
                                  const float *bias, const pleat_tensor *y, cudaStream_t stream);

/* ---- sums over voxels, beside what a kernel makes of them ---- */

typedef struct pleat_cuda_sum {
    double *partials; /* [PLEAT_CUDA_PARTIALS] */
    float *to;        /* [c], += the sum of each channel; NULL: not wanted */
} pleat_cuda_sum;

/* The way back of up_scatter: dy [N,sD,sH,sW,C] to products [N,D,H,W, children, C]; and the sum of
 * dy. kernels_up.cu */
cudaError_t pleat_cuda_up_gather(pleat_dtype type, const int stride[3], const pleat_tensor *dy,
                                 pleat_cuda_sum bias, void *products, cudaStream_t stream);
/* A head of up to 4 classes and a fitting number of channels, tensors packed: y [voxels, classes]
 * in float, weights [classes, cin] of the type; dx. kernels_head.cu */
int pleat_cuda_head_is_narrow(pleat_dtype type, int cin, int classes);
cudaError_t pleat_cuda_head_forward(pleat_dtype type, const pleat_tensor *x, const void *weights,
                                    const float *bias, const pleat_tensor *y, cudaStream_t stream);
cudaError_t pleat_cuda_head_data(pleat_dtype type, const pleat_tensor *dy, const void *weights,
                                 const pleat_tensor *dx, cudaStream_t stream);

/* A head's gradients: dweights [classes, x->c] += dy' x, dbias [classes] += sum dy unless NULL.
 * x and dy [voxels, classes] packed. Reads x once for every 4 classes. kernels_head.cu */
cudaError_t pleat_cuda_head_weights(pleat_dtype type, const pleat_tensor *x, const void *dy,
                                    int classes, double *partials, float *dweights, float *dbias,
                                    cudaStream_t stream);

/* ---- batch norm and channel sums: kernels_norm.cu; partials: double [PLEAT_CUDA_PARTIALS] ---- */

/* Sums of y and y^2 of each channel that were made beside y: data [rows][2][c], to be added up. */
#define PLEAT_CUDA_COUNTED_MOST 64 /* channels of a y that has some */
typedef struct pleat_cuda_partials {
    double *data;
    unsigned rows;
} pleat_cuda_partials;
cudaError_t pleat_cuda_norm_add_up(const pleat_cuda_partials *partials, int c, double *sums,
                                   cudaStream_t stream);

cudaError_t pleat_cuda_norm_sums(pleat_dtype type, const pleat_tensor *x, double *partials,
                                 double *sums, cudaStream_t stream);
cudaError_t pleat_cuda_norm_forward(pleat_dtype type, const pleat_norm *norm, const pleat_tensor *x,
                                    const double *sums, double count, const pleat_tensor *y,
                                    cudaStream_t stream);
cudaError_t pleat_cuda_norm_infer(pleat_dtype type, const pleat_norm *norm, const pleat_tensor *x,
                                  const pleat_tensor *y, cudaStream_t stream);
cudaError_t pleat_cuda_norm_backward_sums(pleat_dtype type, const pleat_norm *norm,
                                          const pleat_tensor *x, const pleat_tensor *dy,
                                          double *partials, double *sums, float *dgamma,
                                          float *dbeta, cudaStream_t stream);
cudaError_t pleat_cuda_norm_backward(pleat_dtype type, const pleat_norm *norm,
                                     const pleat_tensor *x, const pleat_tensor *dy,
                                     const double *sums, double count, int relu_mask,
                                     const pleat_tensor *dx, pleat_cuda_sum bias,
                                     cudaStream_t stream);
/* dbias[c] += sum over voxels of dy; dy may be a slice. */
cudaError_t pleat_cuda_bias_backward(pleat_dtype type, const pleat_tensor *dy, double *partials,
                                     float *dbias, cudaStream_t stream);

/* ---- instance norm: kernels_instance.cu; as in pleat/engine.h ---- */

/* Whether its sums have room in the partials. */
bool pleat_cuda_instance_fits(const pleat_tensor *x);
cudaError_t pleat_cuda_instance_forward(pleat_dtype type, const pleat_instance *norm,
                                        const pleat_tensor *x, const pleat_tensor *y,
                                        double *partials, cudaStream_t stream);
cudaError_t pleat_cuda_instance_backward(pleat_dtype type, const pleat_instance *norm,
                                         const pleat_tensor *x, const pleat_tensor *dy,
                                         float *dgamma, float *dbeta, const pleat_tensor *dx,
                                         double *partials, cudaStream_t stream);

/* ---- activations, mean pooling, gates: kernels_layers.cu; as in pleat/engine.h ---- */

cudaError_t pleat_cuda_activate(pleat_dtype type, pleat_activation kind, double slope,
                                const pleat_tensor *x, const pleat_tensor *y, cudaStream_t stream);
cudaError_t pleat_cuda_activate_backward(pleat_dtype type, pleat_activation kind, double slope,
                                         const pleat_tensor *y, const pleat_tensor *dy,
                                         int accumulate, const pleat_tensor *dx,
                                         cudaStream_t stream);
cudaError_t pleat_cuda_mean_forward(pleat_dtype type, const pleat_tensor *x, const pleat_tensor *y,
                                    cudaStream_t stream);
cudaError_t pleat_cuda_mean_backward(pleat_dtype type, const pleat_tensor *dy, int accumulate,
                                     const pleat_tensor *dx, cudaStream_t stream);
cudaError_t pleat_cuda_gate_forward(pleat_dtype type, const pleat_tensor *x,
                                    const pleat_tensor *gate, const pleat_tensor *y,
                                    cudaStream_t stream);
cudaError_t pleat_cuda_gate_backward(pleat_dtype type, const pleat_tensor *x,
                                     const pleat_tensor *gate, const pleat_tensor *dy,
                                     const pleat_tensor *dgate, int accumulate,
                                     const pleat_tensor *dx, cudaStream_t stream);

/* ---- pooling: kernels_pool.cu; as in pleat/engine.h ---- */

cudaError_t pleat_cuda_pool_forward(pleat_dtype type, const pleat_tensor *x, const pleat_tensor *y,
                                    uint8_t *index, cudaStream_t stream);
cudaError_t pleat_cuda_pool_backward(pleat_dtype type, const pleat_tensor *dy, const uint8_t *index,
                                     int accumulate, const pleat_tensor *dx, cudaStream_t stream);

/* ---- softmax, loss and Adam: kernels_loss.cu; as in pleat/engine.h, classes <= 256 ---- */

cudaError_t pleat_cuda_softmax(const float *logits, size_t voxels, int classes, float *probs,
                               cudaStream_t stream);
cudaError_t pleat_cuda_sigmoid(const float *logits, size_t n, float *probs, cudaStream_t stream);
cudaError_t pleat_cuda_loss_forward(const pleat_targets *targets, const float *logits,
                                    const uint8_t *labels, int n, size_t voxels, int classes,
                                    float *probs, double *partials, double *sums,
                                    cudaStream_t stream);
cudaError_t pleat_cuda_loss_backward(pleat_dtype type, const pleat_targets *targets,
                                     const float *probs, const uint8_t *labels, int n,
                                     size_t voxels, int classes,
                                     const pleat_loss_gradient *gradient, void *dlogits,
                                     cudaStream_t stream);
cudaError_t pleat_cuda_loss_counts(const pleat_targets *targets, const float *probs,
                                   const uint8_t *labels, size_t voxels, int classes, int round,
                                   const double *first, double *partials, double *counts,
                                   cudaStream_t stream);
/* rate: lr*sqrt(1-b2^t)/(1-b1^t) */
cudaError_t pleat_cuda_adam(double rate, const pleat_adam *adam, size_t n, float *params,
                            const float *grads, float *m, float *v, float *largest,
                            cudaStream_t stream);

/* ---- other updates: kernels_update.cu; as in pleat/engine.h ---- */

cudaError_t pleat_cuda_sgd(const pleat_sgd *sgd, size_t n, float *params, const float *grads,
                           float *v, cudaStream_t stream);
cudaError_t pleat_cuda_clip(double most, size_t n, float *x, double *partials, cudaStream_t stream);
cudaError_t pleat_cuda_average(double keep, size_t n, const float *x, float *y,
                               cudaStream_t stream);

/* ---- merging windows: kernels_window.cu ---- */

typedef struct pleat_cuda_part { /* of a window, inside a volume */
    int size[3];                 /* voxels, D, H, W */
    int volume[2];               /* H, W of the volume */
    long long step[3];           /* voxels from one of probs to the next, of each axis */
    const double *weight[3];     /* GPU, [size] of each axis */
    double least;                /* of a product of the three */
} pleat_cuda_part;

/* sum += weight * probs. Both begin with the part's first voxel: probs [patch, classes], maybe
 * mirrored, sum [volume, classes]. */
cudaError_t pleat_cuda_window_add(const float *probs, const pleat_cuda_part *part, int classes,
                                  float *sum, cudaStream_t stream);
/* labels [voxels]: the class of the highest value of sum [voxels, classes], as pleat_argmax. */
cudaError_t pleat_cuda_argmax(const float *sum, size_t voxels, int classes, uint8_t *labels,
                              cudaStream_t stream);

/* ---- convolution as one writes it down, for what cuDNN has no plan: kernels_conv.cu ---- */

/* A CONV of `desc`. x packed, y packed; weights of `type` [cout_wide, taps, cin_wide] as
 * pleat_cuda_pack leaves them; bias float [cout] or NULL. dweights float canonical, +=. */
cudaError_t pleat_cuda_conv_forward(pleat_dtype type, const pleat_conv_desc *desc,
                                    const pleat_tensor *x, const void *weights, int cin_wide,
                                    const float *bias, const pleat_tensor *y, cudaStream_t stream);
cudaError_t pleat_cuda_conv_backward_data(pleat_dtype type, const pleat_conv_desc *desc,
                                          const pleat_tensor *dy, const void *weights, int cin_wide,
                                          const pleat_tensor *dx, cudaStream_t stream);
cudaError_t pleat_cuda_conv_backward_weights(pleat_dtype type, const pleat_conv_desc *desc,
                                             const pleat_tensor *x, const pleat_tensor *dy,
                                             float *dweights, cudaStream_t stream);

/* ---- the first layer of an image of one channel, in bf16: kernels_first.cu ---- */

#define PLEAT_CUDA_FIRST_MOST 64 /* channels of y, a multiple of 8 */

/* grid: n, d, h, w. weights [cout, 27, 8], the first of each eight; dweights [cout, 27] += in
 * float; partials: bytes of its own. */
cudaError_t pleat_cuda_first_forward(const int grid[4], const void *x, const void *weights,
                                     const float *bias, int cout, int relu, void *y,
                                     cudaStream_t stream);
size_t pleat_cuda_first_partials(int processors, int cout); /* of both kinds of kernels */
cudaError_t pleat_cuda_first_weights(const int grid[4], const void *x, const void *dy, int cout,
                                     void *partials, float *dweights, int processors,
                                     cudaStream_t stream);

/* dweights [cout, 27] += the sum of partials [rows][27][cout], in their order. */
cudaError_t pleat_cuda_first_add(const float *partials, int rows, int cout, float *dweights,
                                 cudaStream_t stream);

/* The same to 32 channels on Hopper: kernels_hopper_first.cu. sums: as those of pleat_cuda_conv3,
 * at most two rows for each multiprocessor. */
int pleat_cuda_first_tiles_has(int capability, int cout);
cudaError_t pleat_cuda_first_forward_tiles(const int grid[4], const void *x, const void *weights,
                                           const float *bias, int relu, void *y, int processors,
                                           pleat_cuda_partials *sums, cudaStream_t stream);
cudaError_t pleat_cuda_first_weights_tiles(const int grid[4], const void *x, const void *dy,
                                           void *partials, float *dweights, int processors,
                                           cudaStream_t stream);

/* ---- 3x3x3 convolutions of a few channels on Hopper, in bf16: kernels_hopper.cu ---- */

/* grid: n, d, h, w. weights [outer, 27, inner], as they are packed: outer is `out`, or `in` for the
 * gradient of the data, where x is dy and y is dx. bias may be NULL. blocks: as many as the GPU has
 * multiprocessors. sums: where norm's sums of y are to go, as many rows as blocks, or NULL.
 * Addresses are multiples of 16. */
int pleat_cuda_conv3_has(int in, int out, int data);
cudaError_t pleat_cuda_conv3(const int grid[4], int in, int out, int data, const void *x,
                             const void *weights, const void *bias, int relu, void *y, int blocks,
                             pleat_cuda_partials *sums, cudaStream_t stream);

/* dweights [out, 27, in] in float += the gradient; partials: bytes of its own. */
int pleat_cuda_conv3_weights_has(int in, int out);
size_t pleat_cuda_conv3_partials(int blocks);
cudaError_t pleat_cuda_conv3_weights(const int grid[4], int in, const void *x, const void *dy,
                                     void *partials, float *dweights, int blocks,
                                     cudaStream_t stream);

/* sums [2 * PLEAT_CUDA_DISTANCE]: pairs that add up to |a - b|^2 and |b|^2; a is bf16 or float. */
#define PLEAT_CUDA_DISTANCE 256
cudaError_t pleat_cuda_distance(pleat_dtype type, const void *a, const void *b_bf16, size_t n,
                                double *sums, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CUDA_KERNELS_H */
