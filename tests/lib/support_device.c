/* support_device.c - the device's table over host memory, and an engine that records. */
#include "support_device.h"

#include "../../cuda/two_slots.h"
#include "pleat/volume.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CALLS = 512 };

/* The table has no context, so the one device there is stands here. */
static support_device the;

/* --- cases and patches ------------------------------------------------------------------------ */

struct pleat_device_case {
    pleat_source source;
};
struct pleat_device_augment {
    int patch[3];
};

static pleat_status case_create(pleat_engine *engine, const pleat_source *from, int with_label,
                                pleat_device_case **out) {
    (void)engine;
    (void)with_label;
    PLEAT_CHECK(the.refuse == PLEAT_OK, the.refuse, "the upload of a case was refused");
    *out = malloc(sizeof **out);
    PLEAT_CHECK(*out != NULL, PLEAT_ERR_MEMORY, "no memory for a case");
    (*out)->source = *from;
    the.cases++;
    return PLEAT_OK;
}

static void case_destroy(pleat_device_case *source) {
    if (source != NULL) the.cases--;
    free(source);
}

static size_t case_bytes(const int dim[3], int channels, int with_label) {
    return pleat_voxels(dim) * (4 * (size_t)channels + (with_label ? 1 : 0));
}

static size_t scratch_bytes(const int patch[3], int channels, size_t voxels) {
    return (size_t)channels * pleat_voxels(patch) + voxels;
}

static pleat_status augment_create(pleat_engine *engine, const int patch[3], int channels,
                                   size_t voxels, pleat_device_augment **out) {
    (void)engine;
    (void)channels;
    (void)voxels;
    *out = malloc(sizeof **out);
    PLEAT_CHECK(*out != NULL, PLEAT_ERR_MEMORY, "no memory to augment");
    memcpy((*out)->patch, patch, sizeof(*out)->patch);
    return PLEAT_OK;
}

static void augment_destroy(pleat_device_augment *augment) { free(augment); }

static pleat_status realise(pleat_device_augment *augment, const pleat_sample *sample,
                            const pleat_device_case *source, pleat_pad pad, float *image,
                            uint8_t *label) {
    the.patches++;
    return pleat_augment_patch(sample, &source->source, augment->patch, pad, image, label);
}

static pleat_status realise_input(pleat_device_augment *augment, const pleat_sample *sample,
                                  const pleat_device_case *source, pleat_pad pad, void *x,
                                  uint8_t *label) {
    return realise(augment, sample, source, pad, x, label);
}

static const pleat_patch_ops patch_ops = {
    .case_create = case_create,
    .case_destroy = case_destroy,
    .case_bytes = case_bytes,
    .scratch_bytes = scratch_bytes,
    .create = augment_create,
    .destroy = augment_destroy,
    .realise = realise,
    .realise_input = realise_input,
    .realise_on_host = realise,
};

/* --- sums of windows: the host's, counted ----------------------------------------------------- */

static pleat_status window_create(pleat_engine *engine, const pleat_window *window, int classes,
                                  pleat_window_sum **out) {
    PLEAT_CHECK(the.refuse == PLEAT_OK, the.refuse, "a sum of windows was refused");
    return pleat_host_windows.create(engine, window, classes, out);
}

static pleat_status window_add(pleat_window_sum *s, int i, int mirror, const float *probs) {
    the.windows++;
    return pleat_host_windows.add(s, i, mirror, probs);
}

/* A function's address is no constant when it comes from a table. */
static size_t window_bytes(const pleat_window *window, int classes) {
    return pleat_host_windows.bytes(window, classes);
}
static void window_destroy(pleat_window_sum *s) { pleat_host_windows.destroy(s); }
static pleat_status window_label(pleat_window_sum *s, uint8_t *labels) {
    return pleat_host_windows.label(s, labels);
}

static pleat_status window_values(pleat_window_sum *s, float **out) {
    return pleat_host_windows.values(s, out);
}

static const pleat_window_ops window_ops = {
    .bytes = window_bytes,
    .create = window_create,
    .destroy = window_destroy,
    .add = window_add,
    .label = window_label,
    .values = window_values,
};

static pleat_status memory(pleat_engine *engine, size_t *unused, size_t *total) {
    (void)engine;
    *unused = *total = the.unused;
    return PLEAT_OK;
}

/* --- staging ---------------------------------------------------------------------------------- */

struct pleat_staging {
    size_t n, values;
    two_slots order;
    float *images[2];
    uint8_t *labels[2];
};

static pleat_status staging_create(pleat_engine *engine, size_t n, int channels,
                                   pleat_staging **out) {
    (void)engine;
    pleat_staging *s = calloc(1, sizeof *s);
    PLEAT_CHECK(s != NULL, PLEAT_ERR_MEMORY, "no memory for batches");
    s->n = n;
    s->values = n * (size_t)channels;
    for (int i = 0; i < 2; i++) {
        s->images[i] = malloc(s->values * sizeof(float));
        s->labels[i] = malloc(n);
    }
    *out = s;
    return PLEAT_OK;
}

static void staging_destroy(pleat_staging *s) {
    for (int i = 0; s != NULL && i < 2; i++) {
        free(s->images[i]);
        free(s->labels[i]);
    }
    free(s);
}

static pleat_status staging_put(pleat_staging *s, const float *images, const uint8_t *labels) {
    const int i = two_slots_put(&s->order);
    PLEAT_CHECK(i >= 0, PLEAT_ERR_ARG, "two batches are under way already");
    memcpy(s->images[i], images, s->values * sizeof *images);
    memcpy(s->labels[i], labels, s->n);
    the.put++;
    return PLEAT_OK;
}

static pleat_status staging_take(pleat_staging *s, void *x, uint8_t *labels) {
    const int i = two_slots_take(&s->order);
    PLEAT_CHECK(i >= 0, PLEAT_ERR_ARG, "no batch is under way");
    memcpy(x, s->images[i], s->values * sizeof(float));
    memcpy(labels, s->labels[i], s->n);
    the.taken++;
    return PLEAT_OK;
}

/* --- recording: each entry of a training step keeps its arguments ----------------------------- */

typedef struct call {
    pleat_status (*play)(const struct call *c);
    pleat_conv *conv;
    pleat_tensor a, b, c;
    pleat_norm norm;
    pleat_loss_gradient gradient;
    pleat_targets targets;
    pleat_host_call *host;
    const void *in[3];
    void *out[2];
    size_t n;
    double count;
    int i[2];
} call;

static struct {
    const pleat_engine_ops *real; /* the engine's own */
    pleat_engine_ops device;      /* the same with a device's groups */
    pleat_engine_ops recorder;
    call calls[MOST_CALLS];
    int n;
} tape;

static pleat_status keep(const call *c) {
    PLEAT_CHECK(tape.n < MOST_CALLS, PLEAT_ERR_MEMORY, "the tape is full");
    tape.calls[tape.n++] = *c;
    return PLEAT_OK;
}

static pleat_status refuse(void) {
    return PLEAT_FAIL(PLEAT_ERR_ENGINE, "a call that waits, while the engine records");
}

static pleat_status no_upload(pleat_engine *e, void *to, const void *host, size_t bytes) {
    (void)e, (void)to, (void)host, (void)bytes;
    return refuse();
}
static pleat_status no_download(pleat_engine *e, void *host, const void *from, size_t bytes) {
    (void)e, (void)host, (void)from, (void)bytes;
    return refuse();
}

static pleat_status play_zero(const call *c) {
    return tape.real->zero(the.engine, c->out[0], c->n);
}
static pleat_status zero(pleat_engine *e, void *data, size_t bytes) {
    (void)e;
    return keep(&(call){.play = play_zero, .out = {data}, .n = bytes});
}

static pleat_status play_pack(const call *c) {
    return tape.real->conv_pack(the.engine, c->conv, c->in[0], c->in[1]);
}
static pleat_status pack(pleat_engine *e, pleat_conv *conv, const void *weights, const void *bias) {
    (void)e;
    return keep(&(call){.play = play_pack, .conv = conv, .in = {weights, bias}});
}

static pleat_status play_forward(const call *c) {
    return tape.real->conv_forward(the.engine, c->conv, c->in[0], c->in[1], &c->a, &c->b);
}
static pleat_status forward(pleat_engine *e, pleat_conv *conv, const void *weights,
                            const void *bias, const pleat_tensor *x, const pleat_tensor *y) {
    (void)e;
    return keep(
        &(call){.play = play_forward, .conv = conv, .in = {weights, bias}, .a = *x, .b = *y});
}

static pleat_status play_data(const call *c) {
    return tape.real->conv_backward_data(the.engine, c->conv, c->in[0], &c->a, &c->b);
}
static pleat_status data(pleat_engine *e, pleat_conv *conv, const void *weights,
                         const pleat_tensor *dy, const pleat_tensor *dx) {
    (void)e;
    return keep(&(call){.play = play_data, .conv = conv, .in = {weights}, .a = *dy, .b = *dx});
}

static pleat_status play_weights(const call *c) {
    return tape.real->conv_backward_weights(the.engine, c->conv, &c->a, &c->b, c->out[0],
                                            c->out[1]);
}
static pleat_status weights(pleat_engine *e, pleat_conv *conv, const pleat_tensor *x,
                            const pleat_tensor *dy, void *dweights, void *dbias) {
    (void)e;
    return keep(
        &(call){.play = play_weights, .conv = conv, .a = *x, .b = *dy, .out = {dweights, dbias}});
}

static pleat_status play_norm_sums(const call *c) {
    return tape.real->norm_sums(the.engine, &c->a, c->out[0]);
}
static pleat_status norm_sums(pleat_engine *e, const pleat_tensor *x, double *sums) {
    (void)e;
    return keep(&(call){.play = play_norm_sums, .a = *x, .out = {sums}});
}

static pleat_status play_norm_forward(const call *c) {
    return tape.real->norm_forward(the.engine, &c->norm, &c->a, c->in[0], c->count, &c->b);
}
static pleat_status norm_forward(pleat_engine *e, const pleat_norm *norm, const pleat_tensor *x,
                                 const double *sums, double count, const pleat_tensor *y) {
    (void)e;
    return keep(&(call){
        .play = play_norm_forward, .norm = *norm, .a = *x, .b = *y, .in = {sums}, .count = count});
}

static pleat_status play_norm_backward_sums(const call *c) {
    return tape.real->norm_backward_sums(the.engine, &c->norm, &c->a, &c->b, (double *)c->in[0],
                                         c->out[0], c->out[1]);
}
static pleat_status norm_backward_sums(pleat_engine *e, const pleat_norm *norm,
                                       const pleat_tensor *x, const pleat_tensor *dy, double *sums,
                                       void *dgamma, void *dbeta) {
    (void)e;
    return keep(&(call){.play = play_norm_backward_sums,
                        .norm = *norm,
                        .a = *x,
                        .b = *dy,
                        .in = {sums},
                        .out = {dgamma, dbeta}});
}

static pleat_status play_norm_backward(const call *c) {
    return tape.real->norm_backward(the.engine, &c->norm, &c->a, &c->b, c->in[0], c->count, c->i[0],
                                    &c->c, c->out[0]);
}
static pleat_status norm_backward(pleat_engine *e, const pleat_norm *norm, const pleat_tensor *x,
                                  const pleat_tensor *dy, const double *sums, double count,
                                  int relu_mask, const pleat_tensor *dx, void *dbias) {
    (void)e;
    return keep(&(call){.play = play_norm_backward,
                        .norm = *norm,
                        .a = *x,
                        .b = *dy,
                        .c = *dx,
                        .in = {sums},
                        .out = {dbias},
                        .count = count,
                        .i = {relu_mask}});
}

static pleat_status play_pool_forward(const call *c) {
    return tape.real->pool_forward(the.engine, &c->a, &c->b, c->out[0]);
}
static pleat_status pool_forward(pleat_engine *e, const pleat_tensor *x, const pleat_tensor *y,
                                 uint8_t *index) {
    (void)e;
    return keep(&(call){.play = play_pool_forward, .a = *x, .b = *y, .out = {index}});
}

static pleat_status play_pool_backward(const call *c) {
    return tape.real->pool_backward(the.engine, &c->a, c->in[0], c->i[0], &c->b);
}
static pleat_status pool_backward(pleat_engine *e, const pleat_tensor *dy, const uint8_t *index,
                                  int accumulate, const pleat_tensor *dx) {
    (void)e;
    return keep(
        &(call){.play = play_pool_backward, .a = *dy, .b = *dx, .in = {index}, .i = {accumulate}});
}

static pleat_status play_loss_forward(const call *c) {
    return tape.real->loss_forward(the.engine, &c->targets, c->in[0], c->in[1], c->i[0], c->n,
                                   c->i[1], c->out[0], c->out[1]);
}
static pleat_status loss_forward(pleat_engine *e, const pleat_targets *targets, const void *logits,
                                 const uint8_t *labels, int n, size_t voxels, int classes,
                                 void *probs, double *sums) {
    (void)e;
    return keep(&(call){.play = play_loss_forward,
                        .targets = *targets,
                        .in = {logits, labels},
                        .out = {probs, sums},
                        .n = voxels,
                        .i = {n, classes}});
}

static pleat_status play_loss_backward(const call *c) {
    return tape.real->loss_backward(the.engine, &c->targets, c->in[0], c->in[1], c->i[0], c->n,
                                    c->i[1], &c->gradient, c->out[0]);
}
static pleat_status loss_backward(pleat_engine *e, const pleat_targets *targets, const void *probs,
                                  const uint8_t *labels, int n, size_t voxels, int classes,
                                  const pleat_loss_gradient *gradient, void *dlogits) {
    (void)e;
    return keep(&(call){.play = play_loss_backward,
                        .targets = *targets,
                        .in = {probs, labels},
                        .gradient = *gradient,
                        .out = {dlogits},
                        .n = voxels,
                        .i = {n, classes}});
}

static pleat_status play_host_call(const call *c) {
    return tape.real->host_call_run(the.engine, c->host, c->in[0], c->out[0]);
}
static pleat_status host_call_run(pleat_engine *e, pleat_host_call *host, const double *in,
                                  double *out) {
    (void)e;
    return keep(&(call){.play = play_host_call, .host = host, .in = {in}, .out = {out}});
}

static pleat_status play_copy(const call *c) {
    return tape.real->copy(the.engine, &c->a, c->i[0], &c->b);
}
static pleat_status copy(pleat_engine *e, const pleat_tensor *x, int accumulate,
                         const pleat_tensor *y) {
    (void)e;
    return keep(&(call){.play = play_copy, .a = *x, .b = *y, .i = {accumulate}});
}

static pleat_status record_begin(pleat_engine *engine) {
    PLEAT_CHECK(the.records, PLEAT_ERR_UNSUPPORTED, "this device does not record");
    tape.n = 0;
    engine->ops = &tape.recorder;
    return PLEAT_OK;
}

static pleat_status record_end(pleat_engine *engine, pleat_status told, pleat_recording **out) {
    engine->ops = &tape.device;
    the.moved = 0;
    the.recorded++;
    if (told == PLEAT_OK) *out = (pleat_recording *)&tape;
    return told;
}

static int is_current(pleat_engine *engine, const pleat_recording *recording) {
    (void)engine;
    return (const void *)recording == &tape && !the.moved;
}

static pleat_status play(pleat_engine *engine, pleat_recording *recording) {
    (void)engine;
    (void)recording;
    the.replayed++;
    for (int i = 0; i < tape.n; i++) PLEAT_TRY(tape.calls[i].play(&tape.calls[i]));
    return PLEAT_OK;
}

static void recording_destroy(pleat_recording *recording) { (void)recording; }

/* --- the table -------------------------------------------------------------------------------- */

static const pleat_device_ops table = {
    .patches = &patch_ops,
    .windows = &window_ops,
    .memory = memory,
    .staging_create = staging_create,
    .staging_destroy = staging_destroy,
    .staging_put = staging_put,
    .staging_take = staging_take,
};

static const pleat_record_ops record_ops = {
    .begin = record_begin,
    .end = record_end,
    .is_current = is_current,
    .play = play,
    .destroy = recording_destroy,
};

support_device *support_device_give(pleat_engine *engine) {
    the = (support_device){.engine = engine, .unused = (size_t)1 << 40, .records = 1};
    tape.real = engine->ops;
    tape.device = *engine->ops;
    tape.device.device = &table;
    tape.device.record = &record_ops;
    tape.recorder = tape.device;
    tape.recorder.upload = no_upload;
    tape.recorder.download = no_download;
    tape.recorder.zero = zero;
    tape.recorder.conv_pack = pack;
    tape.recorder.conv_forward = forward;
    tape.recorder.conv_backward_data = data;
    tape.recorder.conv_backward_weights = weights;
    tape.recorder.norm_sums = norm_sums;
    tape.recorder.norm_forward = norm_forward;
    tape.recorder.norm_backward_sums = norm_backward_sums;
    tape.recorder.norm_backward = norm_backward;
    tape.recorder.pool_forward = pool_forward;
    tape.recorder.pool_backward = pool_backward;
    tape.recorder.loss_forward = loss_forward;
    tape.recorder.loss_backward = loss_backward;
    tape.recorder.host_call_run = host_call_run;
    tape.recorder.copy = copy;
    engine->ops = &tape.device;
    return &the;
}

void support_device_hide(support_device *device, int hidden) {
    device->engine->ops = hidden ? tape.real : &tape.device;
}

void support_device_release(support_device *device) {
    if (device->engine != NULL) device->engine->ops = tape.real;
    *device = (support_device){0};
}
