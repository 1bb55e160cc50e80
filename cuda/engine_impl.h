/*
 * engine_impl.h - the GPU engine's own struct, and what its files share.
 *
 *   module.c       what the program sees, and whether there is a GPU; the device's table
 *   engine.c       which GPU, in which precision
 *   memory.c       alloc, upload, download
 *   ops.c          norm, pooling, loss, Adam: entries that launch a kernel; the table
 *   conv.c         convolutions: what their kinds share
 *   convolve.c     by cuDNN, or by our own kernel where cuDNN has no plan
 *   products.c     up-convolution and head, as matrix products of cuBLASLt
 *   matmul.c       one product
 *   conv_graph.c   a convolution as cuDNN's operation graph     no GPU needed up to its last call
 *   conv_plan.c    the fastest plan for it
 *   conv_own.c     our own kernels beside it
 *   conv_first.c   our own kernels for an image of one channel
 *   plan_cache.c   the file in which choices are kept           no GPU needed
 *   staging.c      batches that come from the host while the engine computes
 *   window.c       the sum of a volume's windows
 *   host_call.c    a piece of host code between two operations
 *   record.c       a training step as a CUDA graph
 *   meter.c        energy, use, temperature and clock of the GPU, by NVML where it is there
 *
 * One stream. A buffer of the engine is used by one call at a time, so that all layers share it.
 */
#ifndef PLEAT_CUDA_ENGINE_IMPL_H
#define PLEAT_CUDA_ENGINE_IMPL_H

#include "check.h"
#include "kernels.h"
#include "plan_cache.h"
#include "pleat/device.h"
#include "pleat/engine.h"

typedef struct pleat_cuda_buffer { /* device memory that grows, its content lost */
    void *data;
    size_t bytes;
} pleat_cuda_buffer;

#define PLEAT_CUDA_SLOTS      2
#define PLEAT_CUDA_SLOT_BYTES ((size_t)4 << 20) /* large enough for PCIe's full speed */

typedef struct pleat_cuda_slot { /* of what comes from the host, a piece at a time */
    void *host;                  /* pinned [PLEAT_CUDA_SLOT_BYTES] */
    float *device;               /* the same, before it is converted */
    cudaEvent_t empty;           /* the stream has read it */
} pleat_cuda_slot;

typedef struct pleat_meter pleat_meter;

typedef struct pleat_cuda {
    pleat_engine base;
    int device;
    char gpu[64];               /* its name */
    int processors, capability; /* of the GPU; 90 is 9.0 */
    int deterministic;
    size_t workspace_limit; /* bytes a plan may ask for */
    cudaStream_t stream;
    cudnnHandle_t cudnn;
    cublasLtHandle_t blas;
    pleat_cuda_buffer workspace; /* cuDNN's and cuBLASLt's */
    pleat_cuda_buffer from, to;  /* padded or shuffled copies of a convolution's tensors */
    pleat_cuda_buffer dweights;  /* of one layer, padded */
    pleat_cuda_packs packs;      /* asked for, and not begun yet */
    const void *gathered;        /* the up-convolution whose shuffled dy lies in `to`, or NULL */
    double *partials;            /* [PLEAT_CUDA_PARTIALS] */
    pleat_cuda_partials counted; /* norm's sums that the last convolution made beside its y, */
    pleat_tensor counted_of;     /* which is this; data NULL: it made none */
    pleat_cuda_slot slots[PLEAT_CUDA_SLOTS];
    int next_slot;
    pleat_plan_cache *plans;
    pleat_meter *meter; /* NULL: nobody asked */
} pleat_cuda;

static inline pleat_cuda *pleat_cuda_of(pleat_engine *engine) { return (pleat_cuda *)engine; }

pleat_status pleat_cuda_create(const pleat_engine_options *options, pleat_engine **out);
extern const pleat_engine_ops pleat_cuda_table;

/* ---- beyond the operations: pleat/device.h ---- */

extern const pleat_device_ops pleat_cuda_device;
extern const pleat_record_ops pleat_cuda_record;
extern const pleat_patch_ops pleat_cuda_patches;
extern const pleat_window_ops pleat_cuda_windows;

pleat_status pleat_cuda_memory(pleat_engine *engine, size_t *unused, size_t *total);
pleat_status pleat_staging_create(pleat_engine *engine, size_t n, int channels,
                                  pleat_staging **out);
void pleat_staging_destroy(pleat_staging *staging);
pleat_status pleat_staging_put(pleat_staging *staging, const float *images, const uint8_t *labels);
pleat_status pleat_staging_take(pleat_staging *staging, void *x, uint8_t *labels);
void pleat_cuda_meter(pleat_engine *engine, pleat_meters *out);
void pleat_cuda_meter_close(pleat_meter *meter); /* NULL does nothing */

/* At least `bytes`; only for *_create calls. */
pleat_status pleat_cuda_reserve(pleat_cuda_buffer *buffer, size_t bytes);

/* ---- the table's entries ---- */

void pleat_cuda_destroy(pleat_engine *engine);
pleat_status pleat_cuda_alloc(pleat_engine *engine, size_t bytes, void **out);
void pleat_cuda_free(pleat_engine *engine, void *data);
pleat_status pleat_cuda_upload(pleat_engine *engine, void *to, const void *host, size_t bytes);
pleat_status pleat_cuda_download(pleat_engine *engine, void *host, const void *from, size_t bytes);
pleat_status pleat_cuda_zero(pleat_engine *engine, void *data, size_t bytes);
pleat_status pleat_cuda_synchronize(pleat_engine *engine);
pleat_status pleat_cuda_input(pleat_engine *engine, const float *host, size_t n, void *x);

pleat_status pleat_cuda_conv_create(pleat_engine *engine, const pleat_conv_desc *desc,
                                    pleat_conv **out);
void pleat_cuda_conv_destroy(pleat_engine *engine, pleat_conv *conv);
pleat_status pleat_cuda_conv_pack(pleat_engine *engine, pleat_conv *conv, const void *weights,
                                  const void *bias);
pleat_status pleat_cuda_conv_run_forward(pleat_engine *engine, pleat_conv *conv,
                                         const void *weights, const void *bias,
                                         const pleat_tensor *x, const pleat_tensor *y);
pleat_status pleat_cuda_conv_run_data(pleat_engine *engine, pleat_conv *conv, const void *weights,
                                      const pleat_tensor *dy, const pleat_tensor *dx);
pleat_status pleat_cuda_conv_run_weights(pleat_engine *engine, pleat_conv *conv,
                                         const pleat_tensor *x, const pleat_tensor *dy,
                                         void *dweights, void *dbias);

pleat_status pleat_cuda_host_call_create(pleat_engine *engine, pleat_host_function f, void *context,
                                         size_t n_in, size_t n_out, pleat_host_call **out);
pleat_status pleat_cuda_host_call_run(pleat_engine *engine, pleat_host_call *call, const double *in,
                                      double *out);
void pleat_cuda_host_call_destroy(pleat_engine *engine, pleat_host_call *call);

#endif /* PLEAT_CUDA_ENGINE_IMPL_H */
