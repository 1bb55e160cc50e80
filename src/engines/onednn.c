/* onednn.c - the oneDNN engine: its creation, its buffers and its table. */
#include "onednn.h"
#include "cpu.h"
#include "pleat/log.h"
#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>

pleat_status pleat_onednn_reserve(pleat_onednn *engine, pleat_buffer *buffer, size_t bytes) {
    if (bytes <= buffer->bytes) return PLEAT_OK;
    void *data = NULL;
    PLEAT_TRY(pleat_cpu_alloc(&engine->base, bytes, &data));
    pleat_cpu_free(&engine->base, buffer->data);
    *buffer = (pleat_buffer){data, bytes};
    return PLEAT_OK;
}

static void destroy(pleat_engine *engine) {
    pleat_onednn *e = (pleat_onednn *)engine;
    pleat_cpu_free(engine, e->scratchpad.data);
    pleat_cpu_free(engine, e->work.data);
    pleat_cpu_free(engine, e->sums.data);
    pleat_cpu_free(engine, e->counted.data);
    pleat_dnnl_close(e->library);
    free(e);
}

static const pleat_way_ops ways = {
    .name = pleat_onednn_conv_way,
    .taken = pleat_onednn_conv_taken,
    .take = pleat_onednn_conv_take,
    .peak = pleat_onednn_conv_peak,
};

static const pleat_engine_ops table = {
    .name = "onednn",
    .destroy = destroy,
    .alloc = pleat_cpu_alloc,
    .free = pleat_cpu_free,
    .upload = pleat_cpu_upload,
    .download = pleat_cpu_download,
    .zero = pleat_onednn_zero,
    .synchronize = pleat_cpu_synchronize,
    .input = pleat_onednn_input,
    .conv_create = pleat_onednn_conv_create,
    .conv_destroy = pleat_onednn_conv_destroy,
    .conv_pack = pleat_onednn_conv_pack,
    .conv_forward = pleat_onednn_conv_forward,
    .conv_backward_data = pleat_onednn_conv_backward_data,
    .conv_backward_weights = pleat_onednn_conv_backward_weights,
    .relu_backward = pleat_onednn_relu_backward,
    .norm_sums = pleat_onednn_norm_sums,
    .norm_forward = pleat_onednn_norm_forward,
    .norm_infer = pleat_onednn_norm_infer,
    .norm_backward_sums = pleat_onednn_norm_backward_sums,
    .norm_backward = pleat_onednn_norm_backward,
    .instance_forward = pleat_onednn_instance_forward,
    .instance_backward = pleat_onednn_instance_backward,
    .activate = pleat_onednn_activate,
    .activate_backward = pleat_onednn_activate_backward,
    .copy = pleat_onednn_copy,
    .pool_forward = pleat_onednn_pool_forward,
    .pool_backward = pleat_onednn_pool_backward,
    .mean_forward = pleat_onednn_mean_forward,
    .mean_backward = pleat_onednn_mean_backward,
    .gate_forward = pleat_onednn_gate_forward,
    .gate_backward = pleat_onednn_gate_backward,
    .softmax = pleat_onednn_softmax,
    .sigmoid = pleat_onednn_sigmoid,
    .loss_forward = pleat_onednn_loss_forward,
    .loss_backward = pleat_onednn_loss_backward,
    .loss_counts = pleat_cpu_loss_counts,
    .coarsen_labels = pleat_cpu_coarsen_labels,
    .host_call_create = pleat_cpu_host_call_create,
    .host_call_run = pleat_cpu_host_call_run,
    .host_call_destroy = pleat_cpu_host_call_destroy,
    .adam = pleat_onednn_adam,
    .sgd = pleat_onednn_sgd,
    .clip = pleat_onednn_clip,
    .average = pleat_onednn_average,
    .ways = &ways,
};

/* bf16 where the processor multiplies it and f32 was not asked for; there is no tf32 on a CPU. */
static pleat_precision choose_precision(pleat_precision wanted) {
    const int native = pleat_dnnl_has_bf16();
    if (wanted == PLEAT_PRECISION_BF16 && !native)
        pleat_log(PLEAT_INFO, "this CPU does not multiply bf16 (%s); computing in f32",
                  pleat_dnnl_isa());
    if (wanted == PLEAT_PRECISION_TF32)
        pleat_log(PLEAT_INFO, "tf32 is a GPU's format; computing in f32");
    const int bf16 = wanted == PLEAT_PRECISION_BF16 || wanted == PLEAT_PRECISION_AUTO;
    return bf16 && native ? PLEAT_PRECISION_BF16 : PLEAT_PRECISION_F32;
}

pleat_status pleat_onednn_create(const pleat_engine_options *options, pleat_engine **out) {
    pleat_status status = PLEAT_OK;
    char cpu[64];
    pleat_onednn *e = calloc(1, sizeof *e);
    PLEAT_CHECK(e != NULL, PLEAT_ERR_MEMORY, "cannot allocate the oneDNN engine");
    e->base.ops = &table;
    e->base.precision = choose_precision(options->precision);
    e->base.act = e->base.precision == PLEAT_PRECISION_BF16 ? PLEAT_BF16 : PLEAT_F32;
    e->base.real = PLEAT_F32;
    e->base.host_memory = 1;
    e->base.threads = pleat_cpu_threads(options->threads);
    e->base.ordered = options->deterministic;
    e->base.starts_gradients = 1;
    e->parts = e->base.ordered ? PLEAT_ORDERED_PARTS : e->base.threads;
    pleat_cpu_name(cpu, sizeof cpu);
    (void)snprintf(e->base.device, sizeof e->base.device, "%s, %d thread%s, %s", cpu,
                   e->base.threads, pleat_plural(e->base.threads), pleat_dnnl_isa());
    pleat_dnnl_version(e->base.library, sizeof e->base.library);
    PLEAT_TRY_GOTO(status, done, pleat_dnnl_open(e->base.threads, e->base.ordered, &e->library));
    *out = &e->base;
    e = NULL;
done:
    if (e != NULL) destroy(&e->base);
    return status;
}
