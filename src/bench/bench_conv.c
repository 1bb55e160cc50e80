/* bench_conv.c - each convolution of a network alone: every pass, in every way the engine has. */
#include "bench.h"

#include "../net/node.h"

#include <math.h>
#include <stdlib.h>

enum { X, Y, DY, DX, KERNEL, BIAS, DKERNEL, BUFFERS };

typedef struct conv_work { /* a layer, and the pass that is measured */
    pleat_engine *engine;
    pleat_conv_desc desc;
    pleat_conv *conv;
    pleat_pass pass;
    void *buffer[BUFFERS];
    pleat_tensor x, y; /* or their gradients, without data */
} conv_work;

static pleat_status run_pass(void *context) {
    const conv_work *w = context;
    const pleat_engine_ops *ops = w->engine->ops;
    void *const *b = w->buffer;
    pleat_tensor x = w->x, y = w->y;
    x.data = b[w->pass == PLEAT_PASS_DATA ? DX : X];
    y.data = b[w->pass == PLEAT_PASS_FORWARD ? Y : DY];
    pleat_status status = PLEAT_OK;
    if (w->pass == PLEAT_PASS_FORWARD)
        status = ops->conv_forward(w->engine, w->conv, b[KERNEL], b[BIAS], &x, &y);
    else if (w->pass == PLEAT_PASS_DATA)
        status = ops->conv_backward_data(w->engine, w->conv, b[KERNEL], &y, &x);
    else
        status = ops->conv_backward_weights(w->engine, w->conv, &x, &y, b[DKERNEL], NULL);
    return status != PLEAT_OK ? status : ops->synchronize(w->engine);
}

/* Of the activations' type, or floats as they are. Noise: a processor is faster with zeros. */
static pleat_status fill(conv_work *w, int i, size_t n, pleat_dtype type) {
    const pleat_engine_ops *ops = w->engine->ops;
    PLEAT_TRY(ops->alloc(w->engine, n * pleat_dtype_size(type), &w->buffer[i]));
    if (type == PLEAT_F64) return PLEAT_OK; /* ref64: nobody waits for its speed */
    float *noise = malloc(n * sizeof *noise);
    PLEAT_CHECK(noise != NULL, PLEAT_ERR_MEMORY, "no memory for %zu numbers", n);
    bench_noise(noise, n, (uint64_t)i << 32);
    pleat_status status = type == PLEAT_F32
                              ? ops->upload(w->engine, w->buffer[i], noise, n * sizeof *noise)
                              : ops->input(w->engine, noise, n, w->buffer[i]);
    if (status == PLEAT_OK) status = ops->synchronize(w->engine);
    free(noise);
    return status;
}

static int is_convolution(const pleat_node *node) {
    const pleat_node_kind *kind = node->kind;
    return node->kernel[0] > 0 && node->n_weights > 0 && !kind->transposed && !kind->is_head;
}

static pleat_status layer_open(const bench_model_options *o, const pleat_graph *graph,
                               const pleat_node *node, conv_work *w) {
    const pleat_node *from = &graph->node[node->input[0]];
    const int *k = node->kernel, *s = node->stride, *b = node->before, *scale = from->scale;
    w->desc = (pleat_conv_desc){
        .kind = PLEAT_CONV,
        .n = o->batch,
        .d = o->patch[0] / scale[0],
        .h = o->patch[1] / scale[1],
        .w = o->patch[2] / scale[2],
        .cin = from->channels,
        .cout = node->channels,
        .kernel = {k[0], k[1], k[2]},
        .stride = {s[0], s[1], s[2]},
        .before = {b[0], b[1], b[2]},
        .relu = node->relu,
        .train = 1,
        .want_dx = node->input[0] != 0,
    };
    const pleat_conv_desc *d = &w->desc;
    w->x = (pleat_tensor){NULL, d->n, d->d, d->h, d->w, d->cin, d->cin};
    w->y = (pleat_tensor){NULL, d->n, d->d / s[0], d->h / s[1], d->w / s[2], d->cout, d->cout};
    const size_t xs = pleat_tensor_voxels(&w->x) * (size_t)d->cin;
    const size_t ys = pleat_tensor_voxels(&w->y) * (size_t)d->cout;
    const pleat_dtype act = w->engine->act, real = w->engine->real;
    PLEAT_TRY(fill(w, X, xs, act));
    PLEAT_TRY(fill(w, DX, xs, act));
    PLEAT_TRY(fill(w, Y, ys, act));
    PLEAT_TRY(fill(w, DY, ys, act));
    PLEAT_TRY(fill(w, KERNEL, node->n_weights, real));
    PLEAT_TRY(fill(w, DKERNEL, node->n_weights, real));
    PLEAT_TRY(fill(w, BIAS, (size_t)d->cout, real));
    PLEAT_TRY(w->engine->ops->conv_create(w->engine, d, &w->conv));
    return w->engine->ops->conv_pack(w->engine, w->conv, w->buffer[KERNEL], w->buffer[BIAS]);
}

static void layer_close(conv_work *w) {
    if (w->conv != NULL) w->engine->ops->conv_destroy(w->engine, w->conv);
    for (int i = 0; i < BUFFERS; i++)
        if (w->buffer[i] != NULL) w->engine->ops->free(w->engine, w->buffer[i]);
    *w = (conv_work){.engine = w->engine};
}

static double macs_of(const conv_work *w) {
    const int *k = w->desc.kernel;
    return (double)pleat_tensor_voxels(&w->y) * w->desc.cin * w->desc.cout * k[0] * k[1] * k[2];
}

static const sheet_column columns[] = {
    {"layer", -16}, {"pass", -8},   {"way", -8},   {"taken", 6}, {"cin", 5},
    {"cout", 5},    {"kernel", 8},  {"stride", 8}, {"size", 12}, {"ms_min", 10},
    {"gflops", 8},  {"of_peak", 8}, {NULL, 0}};

static pleat_status measure(sheet *s, const pleat_node *node, conv_work *w, const char *way,
                            int taken, const bench_repeat *repeat, double peak) {
    static const char *const names[PLEAT_PASSES] = {"forward", "data", "weights"};
    const int size[3] = {w->desc.d, w->desc.h, w->desc.w};
    bench_times times;
    PLEAT_TRY(bench_measure(run_pass, w, repeat, &times));
    const double gflops = 2e-6 * macs_of(w) / times.min;
    sheet_row(s);
    sheet_text(s, "layer", node->name);
    sheet_text(s, "pass", names[w->pass]);
    sheet_text(s, "way", way);
    sheet_flag(s, "taken", taken);
    sheet_int(s, "cin", w->desc.cin);
    sheet_int(s, "cout", w->desc.cout);
    bench_print_size(s, "kernel", w->desc.kernel);
    bench_print_size(s, "stride", w->desc.stride);
    bench_print_size(s, "size", size);
    sheet_real(s, "ms_min", times.min);
    sheet_real(s, "gflops", gflops);
    sheet_real(s, "of_peak", gflops / peak);
    return PLEAT_OK;
}

static pleat_status measure_pass(sheet *s, const pleat_node *node, conv_work *w,
                                 const bench_repeat *repeat, double peak) {
    pleat_engine *e = w->engine;
    const pleat_way_ops *ways = e->ops->ways;
    if (ways == NULL) return measure(s, node, w, e->ops->name, 1, repeat, peak);
    const int taken = ways->taken(e, w->conv, w->pass);
    for (int i = 0; ways->name(e, w->conv, w->pass, i) != NULL; i++) {
        PLEAT_TRY(ways->take(e, w->conv, w->pass, i));
        PLEAT_TRY(e->ops->conv_pack(e, w->conv, w->buffer[KERNEL], w->buffer[BIAS]));
        PLEAT_TRY(
            measure(s, node, w, ways->name(e, w->conv, w->pass, i), i == taken, repeat, peak));
    }
    return PLEAT_OK;
}

static pleat_status measure_layer(sheet *s, const pleat_node *node, conv_work *w,
                                  const bench_repeat *repeat, double peak) {
    for (w->pass = PLEAT_PASS_FORWARD; w->pass < PLEAT_PASSES; w->pass++)
        if (w->pass != PLEAT_PASS_DATA || w->desc.want_dx)
            PLEAT_TRY(measure_pass(s, node, w, repeat, peak));
    return PLEAT_OK;
}

static pleat_status run_convs(const app *a, const bench_model_options *o,
                              const bench_repeat *repeat, int json) {
    bench_model m = {0};
    conv_work w = {0};
    sheet s = bench_sheet("conv", json);
    pleat_status status = bench_model_open(a, o, 1, NULL, &m);
    PLEAT_TRY_GOTO(status, done, status);
    w.engine = m.engine;
    const pleat_way_ops *ways = m.engine->ops->ways;
    const double peak = ways != NULL ? ways->peak(m.engine) : NAN;
    bench_model_print(&s, o, &m);
    sheet_real(&s, "peak_gflops", peak);
    sheet_table(&s, "layers", columns);
    for (int i = 1; i < m.graph.n && status == PLEAT_OK; i++) {
        if (!is_convolution(&m.graph.node[i])) continue;
        status = layer_open(o, &m.graph, &m.graph.node[i], &w);
        if (status == PLEAT_OK) status = measure_layer(&s, &m.graph.node[i], &w, repeat, peak);
        layer_close(&w);
    }
    sheet_table_end(&s);
done:
    if (status == PLEAT_OK) sheet_end(&s);
    bench_model_close(&m);
    return status;
}

pleat_status bench_conv(app *a, const verb *self, int argc, char **argv) {
    bench_model_options o = bench_usual_model(2);
    bench_repeat repeat = {.warmup = 1, .n = 5};
    text_list words = {0};
    int json = 0, go = 0;
    option rows[BENCH_MODEL_ROWS + 3] = {
        {"--repeats", OPTION_INT, &repeat.n, "N", "runs of each, the least counts (default 5)"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object"},
    };
    bench_model_rows(&o, rows + 2);
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 0, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    if (a->session->rank != 0) return PLEAT_OK;
    return run_convs(a, &o, &repeat, json);
}
