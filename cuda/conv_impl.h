/* conv_impl.h - a prepared convolution, and what its kinds do. */
#ifndef PLEAT_CUDA_CONV_IMPL_H
#define PLEAT_CUDA_CONV_IMPL_H

#include "conv_plan.h"
#include "matmul.h"

typedef struct pleat_conv_kind_ops { /* of CONV, of HEAD, of UP */
    int channel_step;                /* channels are padded to a multiple of it */
    int float_bias;                  /* conv->bias is float; else of the activations' type */
    pleat_status (*prepare)(pleat_cuda *e, pleat_conv *conv);
    pleat_status (*forward)(pleat_cuda *e, pleat_conv *conv, const float *bias,
                            const pleat_tensor *x, const pleat_tensor *y);
    pleat_status (*data)(pleat_cuda *e, pleat_conv *conv, const pleat_tensor *dy,
                         const pleat_tensor *dx);
    pleat_status (*weights)(pleat_cuda *e, pleat_conv *conv, const pleat_tensor *x,
                            const pleat_tensor *dy, float *dweights, float *dbias);
} pleat_conv_kind_ops;

struct pleat_conv {
    pleat_conv_desc desc;
    const pleat_conv_kind_ops *ops;
    int taps;                /* of the kernel */
    size_t voxels, y_voxels; /* of x; of y */
    int cin_wide, cout_wide; /* channels with padding */
    void *weights;           /* activation type [cout_wide, taps, cin_wide]; UP [taps, cout, cin] */
    void *bias;              /* [cout_wide], aligned and padded with 0 */
    int fused;               /* CONV: the plan adds bias and does ReLU */
    int first;               /* CONV of an image of one channel: our own kernels, no plan, */
    int tiles[PLEAT_PASS_WEIGHTS + 1];             /* by tiles; else by walkers: conv_first.h */
    pleat_conv_plan *plan[PLEAT_PASS_WEIGHTS + 1]; /* CONV; NULL: our own kernel */
    pleat_matmul *product[PLEAT_PASS_WEIGHTS + 1]; /* UP, HEAD */
};

extern const pleat_conv_kind_ops pleat_cuda_convolve, pleat_cuda_head, pleat_cuda_up;

#endif /* PLEAT_CUDA_CONV_IMPL_H */
