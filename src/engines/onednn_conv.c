/*
 * onednn_conv.c - convolutions of the oneDNN engine.
 *
 *   CONV   the library's convolution, bias and ReLU inside it; one of kernel 1 and a stride is a
 *          1x1x1 convolution of every stride-th voxel of x, picked before, for the library's own
 *          is slow in bf16 (docs/speed.md)
 *   UP     the library's 1x1x1 convolution to corners*Cout channels, whose result
 *          [D,H,W,sD,sH,sW,Cout] is dealt out to [sD*D,sH*H,sW*W,Cout] with strides s; its own
 *          transposed convolution is 4 to 30 times slower
 *   HEAD   onednn_head.c
 *
 * The library wants weights in layouts of its own. The forward copy is kept from pack to pack;
 * those of the backward passes live in engine->work during a call, so they cost no memory. Each
 * pass is the library's or our own kernel's (onednn_direct.h, onednn_gradient.h); what is not taken
 * is not made.
 *
 * The library cuts sums by the number of threads it is made under. An ordered engine therefore
 * makes convolutions for one sample under one thread, and workers take samples side by side.
 */
#include "cpu.h"
#include "onednn.h"
#include "onednn_direct.h"
#include "onednn_gradient.h"
#include "onednn_stream.h"
#include "pleat/log.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64 /* bytes, of the parts of engine->work */

struct pleat_conv {
    pleat_conv_desc desc;
    pleat_dnnl_shape shape;          /* of the primitives: of the batch or of one sample */
    int taps, corners;               /* CONV: of the kernel; UP: of y under a voxel of x */
    int picks;                       /* CONV of kernel 1 and a stride */
    int workers;                     /* that run samples side by side; 1: not ordered */
    pleat_dnnl_op *pass[3];          /* by pleat_dnnl_pass */
    pleat_dnnl_op *pack, *pack_data; /* canonical weights to those of forward; of data, or NULL */
    pleat_mirror mirror;             /* what packs those of data instead where `run` is not 0 */
    pleat_dnnl_op *unpack_add;       /* weight gradients to canonical ones */
    int own[3];                      /* by pleat_pass: by an own kernel */
    void *packed;                    /* forward's weights */
    /* Bytes of a worker's parts of engine->work, in this order: UP's coarse y or dy, or the picked
     * x or dx, or what an own kernel needs forward or by x; packed weights or their gradients;
     * weights with the taps reversed; bias. */
    size_t middle, weights, mirrored, bias;
};

static size_t aligned(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static char *work_middle(const pleat_onednn *e, const pleat_conv *conv, int worker) {
    const size_t each = conv->middle + conv->weights + conv->mirrored + conv->bias;
    return (char *)e->work.data + (size_t)worker * each;
}

static char *work_weights(const pleat_onednn *e, const pleat_conv *conv, int worker) {
    return work_middle(e, conv, worker) + conv->middle;
}

static float *work_mirrored(const pleat_onednn *e, const pleat_conv *conv, int worker) {
    return (float *)(void *)(work_weights(e, conv, worker) + conv->weights);
}

static float *work_bias(const pleat_onednn *e, const pleat_conv *conv, int worker) {
    return (float *)(void *)(work_weights(e, conv, worker) + conv->weights + conv->mirrored);
}

/* --- creation --- */

static size_t scratchpad_of(const pleat_dnnl_op *op) {
    return aligned(pleat_dnnl_scratchpad_bytes(op));
}

static pleat_status reserve_for(pleat_onednn *e, const pleat_conv *conv, const pleat_dnnl_op *op) {
    return pleat_onednn_reserve(e, &e->scratchpad, (size_t)conv->workers * scratchpad_of(op));
}

static pleat_status make_pass(pleat_onednn *e, pleat_conv *conv, pleat_dnnl_pass pass) {
    const pleat_conv_desc *d = &conv->desc;
    pleat_dnnl_op **op = &conv->pass[pass];
    PLEAT_TRY(pleat_dnnl_conv(e->library, &conv->shape, pass, op));
    PLEAT_TRY(reserve_for(e, conv, *op));
    if (strstr(pleat_dnnl_implementation(*op), "ref") != NULL)
        pleat_log(PLEAT_INFO,
                  "oneDNN has only its slow reference code (%s) for a %dx%dx%d %s of stride "
                  "%dx%dx%d, %d to %d channels on %dx%dx%d",
                  pleat_dnnl_implementation(*op), d->kernel[0], d->kernel[1], d->kernel[2],
                  d->kind == PLEAT_UP ? "up-convolution" : "convolution", d->stride[0],
                  d->stride[1], d->stride[2], d->cin, d->cout, d->d, d->h, d->w);
    return PLEAT_OK;
}

/* Threads of a worker. */
static int worker_threads(const pleat_onednn *e) { return e->base.ordered ? 1 : e->base.threads; }

static void want(size_t *bytes, size_t wanted) {
    if (wanted > *bytes) *bytes = wanted;
}

/* Whether norm's sums are made beside y. */
static int counts(const pleat_conv *conv) {
    return conv->desc.normed && conv->own[PLEAT_PASS_FORWARD] && pleat_direct_counts(&conv->shape);
}

static int counted_rows(const pleat_onednn *e, const pleat_conv *conv) {
    return e->base.ordered ? conv->desc.n : e->base.threads;
}

static size_t counted_bytes(const pleat_conv *conv) { /* of a row */
    return 2 * (size_t)conv->desc.cout * sizeof(double);
}

/* What the way taken forward needs: packed weights, and what makes them. */
static pleat_status make_forward(pleat_onednn *e, pleat_conv *conv) {
    size_t bytes = 0;
    if (conv->own[PLEAT_PASS_FORWARD]) {
        bytes = pleat_direct_weights_bytes(&conv->shape, PLEAT_DNNL_FORWARD);
        want(&conv->middle,
             pleat_direct_bytes(&conv->shape, PLEAT_DNNL_FORWARD, worker_threads(e)));
    } else {
        if (conv->pack == NULL) {
            PLEAT_TRY(make_pass(e, conv, PLEAT_DNNL_FORWARD));
            PLEAT_TRY(pleat_dnnl_pack(e->library, conv->pass[PLEAT_DNNL_FORWARD], &conv->pack));
            PLEAT_TRY(reserve_for(e, conv, conv->pack));
        }
        bytes = pleat_dnnl_weights_bytes(conv->pass[PLEAT_DNNL_FORWARD]);
    }
    e->counted_of.data = NULL;
    if (counts(conv))
        PLEAT_TRY(pleat_onednn_reserve(e, &e->counted,
                                       (size_t)counted_rows(e, conv) * counted_bytes(conv)));
    pleat_cpu_free(&e->base, conv->packed);
    conv->packed = NULL;
    return pleat_cpu_alloc(&e->base, bytes, &conv->packed);
}

static size_t canonical_bytes(const pleat_conv *conv) {
    const pleat_dnnl_shape *s = &conv->shape;
    return (size_t)s->cout * (size_t)conv->taps * (size_t)s->cin * sizeof(float);
}

/* What brings canonical weights into the layout of backward data. */
static pleat_status make_data_packing(pleat_onednn *e, pleat_conv *conv,
                                      const pleat_dnnl_op *data) {
    const pleat_dnnl_shape *s = &conv->shape;
    want(&conv->weights, aligned(pleat_dnnl_weights_bytes(data)));
    conv->mirror = (pleat_mirror){.cout = s->cout,
                                  .taps = conv->taps,
                                  .cin = s->cin,
                                  .run = pleat_dnnl_mirror_run(data),
                                  .bf16 = s->bf16};
    if (conv->mirror.run > 0) return PLEAT_OK;
    if (conv->taps > 1 && pleat_dnnl_mirrors(s)) conv->mirrored = aligned(canonical_bytes(conv));
    PLEAT_TRY(pleat_dnnl_pack(e->library, data, &conv->pack_data));
    return reserve_for(e, conv, conv->pack_data);
}

static pleat_status make_data(pleat_onednn *e, pleat_conv *conv) {
    const pleat_dnnl_shape *s = &conv->shape;
    if (conv->own[PLEAT_PASS_DATA]) {
        want(&conv->weights, aligned(pleat_direct_weights_bytes(s, PLEAT_DNNL_BACKWARD_DATA)));
        want(&conv->middle, pleat_direct_bytes(s, PLEAT_DNNL_BACKWARD_DATA, worker_threads(e)));
        return PLEAT_OK;
    }
    if (conv->pass[PLEAT_DNNL_BACKWARD_DATA] != NULL) return PLEAT_OK;
    PLEAT_TRY(make_pass(e, conv, PLEAT_DNNL_BACKWARD_DATA));
    return make_data_packing(e, conv, conv->pass[PLEAT_DNNL_BACKWARD_DATA]);
}

/* What the way taken to the gradient by the weights needs. */
static pleat_status make_weights_pass(pleat_onednn *e, pleat_conv *conv) {
    if (conv->own[PLEAT_PASS_WEIGHTS]) {
        want(&conv->weights, pleat_gradient_bytes(&conv->shape, worker_threads(e)));
    } else if (conv->unpack_add == NULL) {
        PLEAT_TRY(make_pass(e, conv, PLEAT_DNNL_BACKWARD_WEIGHTS));
        const pleat_dnnl_op *weights = conv->pass[PLEAT_DNNL_BACKWARD_WEIGHTS];
        PLEAT_TRY(pleat_dnnl_unpack_add(e->library, weights, &conv->unpack_add));
        PLEAT_TRY(reserve_for(e, conv, conv->unpack_add));
        want(&conv->weights, aligned(pleat_dnnl_weights_bytes(weights)));
    }
    return PLEAT_OK;
}

/* By the rules, for no convolution is there a trial. */
static void choose_ways(const pleat_onednn *e, pleat_conv *conv) {
    const int threads = worker_threads(e);
    conv->own[PLEAT_PASS_WEIGHTS] = pleat_gradient_wins(&conv->shape, threads);
    if (conv->desc.kind != PLEAT_CONV || conv->picks) return;
    conv->own[PLEAT_PASS_FORWARD] = pleat_direct_wins(&conv->shape, PLEAT_DNNL_FORWARD, threads);
    conv->own[PLEAT_PASS_DATA] = pleat_direct_wins(&conv->shape, PLEAT_DNNL_BACKWARD_DATA, threads);
}

/* UP's kernel is its corners, each a product of its own. */
static void set_shape(const pleat_onednn *e, pleat_conv *conv) {
    const pleat_conv_desc *d = &conv->desc;
    const int up = d->kind == PLEAT_UP, voxels = d->kernel[0] * d->kernel[1] * d->kernel[2];
    conv->taps = up ? 1 : voxels;
    conv->corners = up ? voxels : 1;
    conv->shape = (pleat_dnnl_shape){.n = e->base.ordered ? 1 : d->n,
                                     .d = d->d,
                                     .h = d->h,
                                     .w = d->w,
                                     .cin = d->cin,
                                     .cout = conv->corners * d->cout,
                                     .relu = d->relu && !up,
                                     .bf16 = e->base.act == PLEAT_BF16};
    conv->picks = !up && voxels == 1 && d->stride[0] * d->stride[1] * d->stride[2] > 1;
    if (conv->picks) {
        conv->shape.d /= d->stride[0];
        conv->shape.h /= d->stride[1];
        conv->shape.w /= d->stride[2];
    }
    for (int i = 0; i < 3; i++) {
        conv->shape.kernel[i] = up ? 1 : d->kernel[i];
        conv->shape.stride[i] = up || conv->picks ? 1 : d->stride[i];
        conv->shape.before[i] = up ? 0 : d->before[i];
    }
}

static pleat_status reserve_work(pleat_onednn *e, const pleat_conv *conv) {
    const size_t each = conv->middle + conv->weights + conv->mirrored + conv->bias;
    e->dealt = NULL;
    return pleat_onednn_reserve(e, &e->work, (size_t)conv->workers * each);
}

static pleat_status make_primitives(pleat_onednn *e, pleat_conv *conv) {
    const pleat_conv_desc *d = &conv->desc;
    const pleat_dnnl_shape *s = &conv->shape;
    conv->workers = !e->base.ordered ? 1 : d->n < e->base.threads ? d->n : e->base.threads;
    set_shape(e, conv);
    const size_t voxels = (size_t)s->n * (size_t)s->d * (size_t)s->h * (size_t)s->w;
    const size_t cout = (size_t)s->cout;
    choose_ways(e, conv);
    PLEAT_TRY(make_forward(e, conv));
    if (d->train && d->want_dx) PLEAT_TRY(make_data(e, conv));
    if (d->train) PLEAT_TRY(make_weights_pass(e, conv));
    const size_t element = pleat_dtype_size(e->base.act);
    if (d->kind == PLEAT_UP) conv->middle = aligned(voxels * cout * element);
    if (conv->picks) conv->middle = aligned(voxels * (size_t)d->cin * element);
    conv->bias = aligned(cout * sizeof(float));
    return reserve_work(e, conv);
}

pleat_status pleat_onednn_conv_create(pleat_engine *engine, const pleat_conv_desc *desc,
                                      pleat_conv **out) {
    pleat_onednn *e = (pleat_onednn *)engine;
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK(desc->sample_stride == 0 || engine->ordered, PLEAT_ERR_UNSUPPORTED,
                "engine 'onednn' keeps each sample's gradient only when made deterministic");
    pleat_conv *conv = calloc(1, sizeof *conv);
    PLEAT_CHECK(conv != NULL, PLEAT_ERR_MEMORY, "cannot allocate a convolution");
    conv->desc = *desc;
    PLEAT_TRY_GOTO(status, done, pleat_onednn_norm_reserve(e, desc->cout));
    PLEAT_TRY_GOTO(status, done,
                   desc->kind == PLEAT_HEAD ? pleat_onednn_head_reserve(e, desc)
                                            : make_primitives(e, conv));
    *out = conv;
    conv = NULL;
done:
    pleat_onednn_conv_destroy(engine, conv);
    return status;
}

void pleat_onednn_conv_destroy(pleat_engine *engine, pleat_conv *conv) {
    if (conv == NULL) return;
    for (int i = 0; i < 3; i++) pleat_dnnl_op_destroy(conv->pass[i]);
    pleat_dnnl_op_destroy(conv->pack);
    pleat_dnnl_op_destroy(conv->pack_data);
    pleat_dnnl_op_destroy(conv->unpack_add);
    ((pleat_onednn *)engine)->dealt = NULL;
    ((pleat_onednn *)engine)->counted_of.data = NULL;
    pleat_cpu_free(engine, conv->packed);
    free(conv);
}

/* --- ways --- */

static const char *const ways[] = {"oneDNN", "own"}; /* by conv->own */

const char *pleat_onednn_conv_way(pleat_engine *engine, const pleat_conv *conv, pleat_pass pass,
                                  int way) {
    (void)engine;
    const pleat_conv_desc *d = &conv->desc;
    const int made =
        pass == PLEAT_PASS_FORWARD || (d->train && (pass != PLEAT_PASS_DATA || d->want_dx));
    if (d->kind != PLEAT_CONV || !made) return NULL;
    const int own = pass == PLEAT_PASS_WEIGHTS ? pleat_gradient_fits(&conv->shape)
                                               : !conv->picks && pleat_direct_fits(&conv->shape);
    return way < 1 + own ? ways[way] : NULL;
}

int pleat_onednn_conv_taken(pleat_engine *engine, const pleat_conv *conv, pleat_pass pass) {
    (void)engine;
    return conv->own[pass];
}

pleat_status pleat_onednn_conv_take(pleat_engine *engine, pleat_conv *conv, pleat_pass pass,
                                    int way) {
    pleat_onednn *e = (pleat_onednn *)engine;
    conv->own[pass] = way;
    PLEAT_TRY(pass == PLEAT_PASS_FORWARD ? make_forward(e, conv)
              : pass == PLEAT_PASS_DATA  ? make_data(e, conv)
                                         : make_weights_pass(e, conv));
    return reserve_work(e, conv);
}

double pleat_onednn_conv_peak(pleat_engine *engine) {
    return pleat_gradient_peak(engine->act == PLEAT_BF16, engine->threads);
}

/* --- between tensors and primitives --- */

/* `count` runs, past the caches or not. */
static void move_runs(char *to, size_t pitch, const char *from, size_t from_pitch, size_t run,
                      size_t count, int streams) {
    if (streams) pleat_stream_copy(to, pitch, from, from_pitch, run, count);
    for (size_t i = 0; i < count && !streams; i++)
        memcpy(to + i * pitch, from + i * from_pitch, run);
}

/* Deals corners*Cout channels out to the finer grid, or back: one row of that is a run of sW*Cout
 * from every voxel of a row of the coarser one. */
static void deal(const pleat_onednn *e, const pleat_conv *conv, char *coarse,
                 const pleat_tensor *fine, int back) {
    const pleat_conv_desc *desc = &conv->desc;
    const size_t element = pleat_dtype_size(e->base.act), run = (size_t)desc->cout * element;
    const size_t pitch = (size_t)fine->pitch * element, w = (size_t)desc->w;
    const size_t sd = (size_t)desc->stride[0], sh = (size_t)desc->stride[1];
    const size_t sw = (size_t)desc->stride[2], corners = sd * sh * sw;
    const size_t rows = (size_t)fine->n * (size_t)fine->d * (size_t)fine->h;
    const int streams =
        rows * sw * w * run >= PLEAT_STREAM_BYTES &&
        (back ? pleat_stream_can(coarse, 0, run) : pleat_stream_can(fine->data, pitch, run));
#pragma omp parallel for num_threads(e->base.threads) schedule(static)
    for (size_t row = 0; row < rows; row++) {
        const size_t h = row % (size_t)fine->h, plane = row / (size_t)fine->h;
        const size_t corner = (plane % sd * sh + h % sh) * sw; /* sD divides D: d % sD */
        const size_t coarse_row = plane / sd * ((size_t)fine->h / sh) + h / sh;
        char *a = coarse + (coarse_row * w * corners + corner) * run;
        char *b = (char *)fine->data + row * sw * w * pitch;
        for (size_t k = 0; k < sw; k++, a += run, b += pitch)
            if (back)
                move_runs(a, corners * run, b, sw * pitch, run, w, streams);
            else
                move_runs(b, sw * pitch, a, corners * run, run, w, streams);
        if (streams) pleat_stream_end();
    }
}

/* Every stride-th voxel of x, packed; or these back in x, and zeros between them. */
static void pick(const pleat_onednn *e, const pleat_conv *conv, char *picked, const pleat_tensor *x,
                 int back) {
    const size_t run = (size_t)x->c * pleat_dtype_size(e->base.act), width = (size_t)x->w;
    const size_t sd = (size_t)conv->desc.stride[0], sh = (size_t)conv->desc.stride[1];
    const size_t sw = (size_t)conv->desc.stride[2], height = (size_t)x->h;
    const size_t rows = (size_t)x->n * (size_t)x->d * height;
#pragma omp parallel for num_threads(e->base.threads) schedule(static)
    for (size_t row = 0; row < rows; row++) {
        const size_t h = row % height, plane = row / height; /* sD divides D: d % sD */
        const int taken = plane % sd == 0 && h % sh == 0;
        char *a = picked + (plane / sd * (height / sh) + h / sh) * (width / sw) * run;
        char *b = (char *)x->data + row * width * run;
        if (back && (!taken || sw > 1)) memset(b, 0, width * run);
        for (size_t i = 0; taken && i < width; i += sw, a += run, b += sw * run)
            memcpy(back ? b : a, back ? a : b, run);
    }
}

/* [Cout, taps, Cin] with the taps in reverse order: the kernel seen from y. */
static void reverse_taps(const pleat_onednn *e, const pleat_conv *conv, const float *weights,
                         float *mirrored) {
    const size_t cin = (size_t)conv->desc.cin, kernels = (size_t)conv->desc.cout;
    const size_t taps = (size_t)conv->taps;
#pragma omp parallel for num_threads(e->base.threads) schedule(static)
    for (size_t k = 0; k < kernels; k++)
        for (size_t tap = 0; tap < taps; tap++)
            memcpy(mirrored + (k * taps + taps - 1 - tap) * cin, weights + (k * taps + tap) * cin,
                   cin * sizeof(float));
}

/* --- the passes --- */

typedef struct call { /* one pass over the batch */
    pleat_onednn *e;
    const pleat_conv *conv;
    const pleat_tensor *x, *y; /* or their gradients */
    void *weights;             /* packed for the pass */
    const float *bias;
    float *dweights, *dbias;
} call;

static pleat_status run(const call *c, pleat_dnnl_op *op, int worker, void *const *data) {
    char *scratchpad = (char *)c->e->scratchpad.data + (size_t)worker * scratchpad_of(op);
    return pleat_dnnl_run(c->e->library, op, worker, data, scratchpad);
}

/* What a primitive takes at once: the batch, or where ordered, sample k. */
static pleat_tensor piece_of(const call *c, const pleat_tensor *t, int k) {
    const pleat_engine *base = &c->e->base;
    return base->ordered ? pleat_tensor_sample(t, k, pleat_dtype_size(base->act)) : *t;
}

/* Every piece of the batch, `workers` side by side. */
static pleat_status run_pieces(const call *c, int workers,
                               pleat_status (*pass)(const call *c, int k, int worker)) {
    if (!c->e->base.ordered) return pass(c, 0, 0);
    pleat_status status = PLEAT_OK;
    char message[512] = "";
#pragma omp parallel for num_threads(workers) schedule(static)
    for (int k = 0; k < c->conv->desc.n; k++) {
        const pleat_status mine = pass(c, k, omp_get_thread_num());
        if (mine == PLEAT_OK) continue;
#pragma omp critical(pleat_onednn_pieces)
        {
            status = mine;
            (void)snprintf(message, sizeof message, "%s", pleat_error_message());
        }
    }
    return status == PLEAT_OK ? PLEAT_OK : PLEAT_FAIL(status, "%s", message);
}

pleat_status pleat_onednn_conv_pack(pleat_engine *engine, pleat_conv *conv, const void *weights,
                                    const void *bias) {
    (void)bias; /* as it is */
    const call c = {.e = (pleat_onednn *)engine, .conv = conv};
    if (conv->desc.kind == PLEAT_HEAD) return PLEAT_OK;
    if (conv->own[PLEAT_PASS_FORWARD]) {
        pleat_direct_pack(&conv->shape, PLEAT_DNNL_FORWARD, engine->threads, weights, conv->packed);
        return PLEAT_OK;
    }
    return run(&c, conv->pack, 0, (void *const[]){(void *)weights, conv->packed});
}

/* As the primitive takes it: UP's repeated for each corner. */
static const float *bias_of(const call *c, int worker) {
    const pleat_conv *conv = c->conv;
    const size_t cout = (size_t)conv->desc.cout, corners = (size_t)conv->corners;
    if (c->bias != NULL && corners == 1) return c->bias;
    float *repeated = work_bias(c->e, conv, worker);
    for (size_t i = 0; i < corners * cout; i++)
        repeated[i] = c->bias != NULL ? c->bias[i % cout] : 0;
    return repeated;
}

/* x as the primitives take it. */
static void *input_of(const call *c, const pleat_tensor *x, int worker) {
    if (!c->conv->picks) return x->data;
    char *picked = work_middle(c->e, c->conv, worker);
    pick(c->e, c->conv, picked, x, 0);
    return picked;
}

static pleat_status forward_piece(const call *c, int k, int worker) {
    const pleat_conv *conv = c->conv;
    const int up = conv->desc.kind == PLEAT_UP;
    const pleat_tensor x = piece_of(c, c->x, k), y = piece_of(c, c->y, k);
    if (conv->own[PLEAT_PASS_FORWARD]) {
        char *sums = (char *)c->e->counted.data + (size_t)k * counted_bytes(conv);
        pleat_direct_run(&conv->shape, PLEAT_DNNL_FORWARD, worker_threads(c->e), x.data, c->weights,
                         c->bias, y.data, counts(conv) ? (double *)(void *)sums : NULL,
                         work_middle(c->e, conv, worker));
        return PLEAT_OK;
    }
    void *from = input_of(c, &x, worker), *bias = (void *)bias_of(c, worker);
    void *to = up ? work_middle(c->e, conv, worker) : y.data;
    PLEAT_TRY(run(c, conv->pass[PLEAT_DNNL_FORWARD], worker,
                  (void *const[]){from, c->weights, bias, to}));
    if (up) deal(c->e, conv, to, &y, 0);
    return PLEAT_OK;
}

pleat_status pleat_onednn_conv_forward(pleat_engine *engine, pleat_conv *conv, const void *weights,
                                       const void *bias, const pleat_tensor *x,
                                       const pleat_tensor *y) {
    pleat_onednn *e = (pleat_onednn *)engine;
    e->counted_of.data = NULL;
    if (conv->desc.kind == PLEAT_HEAD)
        return pleat_onednn_head_forward(e, &conv->desc, weights, bias, x->data, y->data);
    const call c = {.e = e, .conv = conv, .x = x, .y = y, .weights = conv->packed, .bias = bias};
    e->dealt = NULL;
    PLEAT_TRY(run_pieces(&c, conv->workers, forward_piece));
    e->counted_rows = counted_rows(e, conv);
    if (counts(conv)) e->counted_of = *y;
    return PLEAT_OK;
}

/* c->weights, of canonical ones. */
static pleat_status pack_data(const call *c, const void *weights) {
    pleat_onednn *e = c->e;
    const pleat_conv *conv = c->conv;
    void *canonical = (void *)weights;
    if (conv->own[PLEAT_PASS_DATA] && conv->own[PLEAT_PASS_FORWARD] &&
        pleat_direct_turns(&conv->shape)) {
        pleat_direct_turn(&conv->shape, e->base.threads, conv->packed, c->weights);
        return PLEAT_OK;
    }
    if (conv->own[PLEAT_PASS_DATA]) {
        pleat_direct_pack(&conv->shape, PLEAT_DNNL_BACKWARD_DATA, e->base.threads, weights,
                          c->weights);
        return PLEAT_OK;
    }
    if (conv->mirror.run > 0) {
        pleat_onednn_mirror(&conv->mirror, e->base.threads, weights, c->weights);
        return PLEAT_OK;
    }
    if (conv->mirrored > 0) {
        canonical = work_mirrored(e, conv, 0);
        reverse_taps(e, conv, weights, canonical);
    }
    return run(c, conv->pack_data, 0, (void *const[]){canonical, c->weights});
}

/* The gradient as the primitives take it: dy, or UP's dealt back to corners*Cout channels. */
static void *gradient_of(const call *c, const pleat_tensor *dy, int worker) {
    if (c->conv->desc.kind != PLEAT_UP) return dy->data;
    char *coarse = work_middle(c->e, c->conv, worker);
    if (c->e->dealt == c->conv) return coarse;
    deal(c->e, c->conv, coarse, dy, 1);
    return coarse;
}

static pleat_status data_piece(const call *c, int k, int worker) {
    const pleat_conv *conv = c->conv;
    const pleat_tensor dx = piece_of(c, c->x, k), dy = piece_of(c, c->y, k);
    if (conv->own[PLEAT_PASS_DATA]) {
        pleat_direct_run(&conv->shape, PLEAT_DNNL_BACKWARD_DATA, worker_threads(c->e), dy.data,
                         c->weights, NULL, dx.data, NULL, work_middle(c->e, conv, worker));
        return PLEAT_OK;
    }
    void *gradient = gradient_of(c, &dy, worker);
    void *to = conv->picks ? work_middle(c->e, conv, worker) : dx.data;
    PLEAT_TRY(run(c, conv->pass[PLEAT_DNNL_BACKWARD_DATA], worker,
                  (void *const[]){gradient, c->weights, to}));
    if (conv->picks) pick(c->e, conv, to, &dx, 1);
    return PLEAT_OK;
}

pleat_status pleat_onednn_conv_backward_data(pleat_engine *engine, pleat_conv *conv,
                                             const void *weights, const pleat_tensor *dy,
                                             const pleat_tensor *dx) {
    pleat_onednn *e = (pleat_onednn *)engine;
    if (conv->desc.kind == PLEAT_HEAD)
        return pleat_onednn_head_backward_data(e, &conv->desc, weights, dy->data, dx->data);
    const call c = {.e = e, .conv = conv, .x = dx, .y = dy, .weights = work_weights(e, conv, 0)};
    if (e->dealt != conv) e->dealt = NULL;
    PLEAT_TRY(pack_data(&c, weights));
    const pleat_status status = run_pieces(&c, conv->workers, data_piece);
    e->dealt = NULL;
    return status;
}

static pleat_status weights_piece(const call *c, int k, int worker) {
    const pleat_conv *conv = c->conv;
    const pleat_tensor x = piece_of(c, c->x, k), dy = piece_of(c, c->y, k);
    const size_t shift = (size_t)k * conv->desc.sample_stride;
    void *from = input_of(c, &x, worker), *gradient = gradient_of(c, &dy, worker);
    void *dw = work_weights(c->e, conv, worker);
    float *db = work_bias(c->e, conv, worker), *dbias = c->dbias;
    const int own = conv->own[PLEAT_PASS_WEIGHTS];
    const int fresh = conv->desc.fresh && (k == 0 || conv->desc.sample_stride > 0);
    const int starts = own && pleat_gradient_starts(&conv->shape);
    if (fresh && !starts)
        PLEAT_TRY(pleat_onednn_zero(&c->e->base, c->dweights + shift, canonical_bytes(conv)));
    const int up = conv->desc.kind == PLEAT_UP;
    if (own) {
        float *bias = dbias == NULL ? NULL : up ? db : dbias + shift;
        if (up) memset(db, 0, (size_t)conv->shape.cout * sizeof *db);
        pleat_gradient_run(&conv->shape, worker_threads(c->e), from, gradient, c->dweights + shift,
                           bias, fresh && starts, dw);
    } else {
        PLEAT_TRY(run(c, conv->pass[PLEAT_DNNL_BACKWARD_WEIGHTS], worker,
                      (void *const[]){from, gradient, dw, db}));
    }
    for (int i = 0; i < conv->shape.cout && dbias != NULL && (up || !own); i++)
        dbias[shift + (size_t)(i % conv->desc.cout)] += db[i];
    if (own) return PLEAT_OK;
    return run(c, conv->unpack_add, worker, (void *const[]){dw, c->dweights + shift});
}

/* Where all samples add to the same, they take turns. */
pleat_status pleat_onednn_conv_backward_weights(pleat_engine *engine, pleat_conv *conv,
                                                const pleat_tensor *x, const pleat_tensor *dy,
                                                void *dweights, void *dbias) {
    pleat_onednn *e = (pleat_onednn *)engine;
    if (conv->desc.kind == PLEAT_HEAD)
        return pleat_onednn_head_backward_weights(e, &conv->desc, x->data, dy->data, dweights,
                                                  dbias);
    const call c = {.e = e, .conv = conv, .x = x, .y = dy, .dweights = dweights, .dbias = dbias};
    e->dealt = NULL;
    PLEAT_TRY(run_pieces(&c, conv->desc.sample_stride > 0 ? conv->workers : 1, weights_piece));
    if (conv->desc.kind == PLEAT_UP && !engine->ordered) e->dealt = conv;
    return PLEAT_OK;
}
