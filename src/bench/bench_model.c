/* bench_model.c - the U-Net that is measured: times of a training step and of a prediction. */
#include "bench.h"

#include "pleat/comm_device.h"
#include "pleat/device.h"
#include "pleat/predict.h"
#include "pleat/volume.h"

#include <stdlib.h>
#include <string.h>

void bench_model_rows(bench_model_options *o, option *rows) {
    const option all[BENCH_MODEL_ROWS] = {
        {"--engine", OPTION_TEXT, &o->engine, "NAME", "auto, or one that pleat info lists"},
        {"--precision", OPTION_TEXT, &o->precision, "NAME", "auto, f32, tf32 or bf16"},
        {"--patch", OPTION_SIZE, o->patch, "XxYxZ",
         "voxels, multiples of 2^depth (default 64x64x32)"},
        {"--network", OPTION_TEXT, &o->network, "NAME", "as network.name (default unet)"},
        {"--filters", OPTION_INT, &o->filters, "N", "filters of the first level (default 32)"},
        {"--depth", OPTION_INT, &o->depth, "N", "number of halvings (default 4)"},
        {"--channels", OPTION_INT, &o->channels, "N", "channels of the images (default 1)"},
        {"--classes", OPTION_INT, &o->classes, "N", "number of classes (default 4)"},
        {"--batch", OPTION_INT, &o->batch, "N", "patches in a batch"},
        {"--threads", OPTION_INT, &o->threads, "N", "threads per rank; 0: its share of the cores"},
        {"--deterministic", OPTION_FLAG, &o->deterministic, NULL,
         "the same bits on any number of threads and ranks"},
    };
    memcpy(rows, all, sizeof all);
}

pleat_status bench_model_open(const app *a, const bench_model_options *o, int train,
                              pleat_comm *group, bench_model *out) {
    *out = (bench_model){0};
    pleat_config config;
    pleat_net_options options = {
        .batch = o->batch,
        .dim = {o->patch[0], o->patch[1], o->patch[2]},
        .train = train,
        .norm_comm = group,
    };
    PLEAT_CHECK(o->batch >= 1 && o->threads >= 0, PLEAT_ERR_ARG,
                "--batch must be at least 1, --threads not negative");
    PLEAT_TRY(bench_check_channels(o->channels));
    PLEAT_TRY(bench_check_size("--patch", o->patch));
    pleat_config_defaults(&config);
    config.threads = o->threads;
    config.deterministic = o->deterministic;
    PLEAT_TRY(pleat_config_set_key("--engine", "engine", o->engine, &config));
    PLEAT_TRY(pleat_config_set_key("--precision", "precision", o->precision, &config));
    if (o->network != NULL)
        PLEAT_TRY(pleat_config_set_key("--network", "network.name", o->network, &config));
    config.network.depth = o->depth;
    config.network.filters = o->filters;
    config.network.channels = o->channels;
    config.network.classes = o->classes;
    PLEAT_TRY(pleat_network_build(&config.network, &out->graph));
    PLEAT_TRY(pleat_graph_check_size(&out->graph, o->patch));
    PLEAT_TRY(pleat_config_engine(&config, a->session->threads, &out->engine));
    if (group != NULL)
        PLEAT_TRY(pleat_comm_device(group, out->engine, o->share_gpu, &out->compute));
    if (out->compute != NULL) options.norm_comm = out->compute;
    options.ordered = o->deterministic && out->engine->ordered;
    PLEAT_TRY(pleat_model_create(&out->graph, out->engine, train, &out->model));
    PLEAT_TRY(pleat_model_init(out->model, 1, 0));
    return pleat_net_create(out->model, &options, &out->net);
}

void bench_model_close(bench_model *m) {
    pleat_net_destroy(m->net);
    pleat_comm_destroy(m->compute);
    pleat_model_destroy(m->model);
    pleat_graph_free(&m->graph);
    pleat_engine_destroy(m->engine);
}

void bench_model_print(sheet *s, const bench_model_options *o, const bench_model *m) {
    size_t unused = 0, total = 0; /* of the GPU, with what others have there */
    if (pleat_device_of(m->engine)->memory(m->engine, &unused, &total) == PLEAT_OK && total > 0)
        sheet_real(s, "device_mib", (double)(total - unused) / 0x1p20);
    sheet_real(s, "arena_mib", (double)pleat_net_arena(m->net) / 0x1p20);
    sheet_int(s, "params", (long long)m->graph.params);
    sheet_text(s, "engine", m->engine->ops->name);
    sheet_text(s, "precision", pleat_engine_precision(m->engine));
    sheet_int(s, "threads", m->engine->threads);
    sheet_flag(s, "deterministic", o->deterministic);
    bench_print_size(s, "patch", o->patch);
    if (o->network != NULL) sheet_text(s, "network", o->network);
    sheet_int(s, "filters", o->filters);
    sheet_int(s, "depth", o->depth);
    sheet_int(s, "channels", o->channels);
    sheet_int(s, "classes", o->classes);
    sheet_int(s, "batch", o->batch);
}

/* --- a training step -------------------------------------------------------------------------- */

typedef struct step_work {
    const bench_model *m;
    bench_case made;   /* where the batches come from a case */
    pleat_comm *group; /* NULL: alone */
    int global_batch;
    int64_t step;
    float *images;   /* [batch, patch, C] */
    uint8_t *labels; /* [batch, patch] */
    double *sums;
    int warmup;                 /* steps that are not timed */
    pleat_meters before, after; /* of the device, around those that are */
} step_work;

static void ask_meters(pleat_engine *engine, pleat_meters *out) {
    pleat_device_of(engine)->meter(engine, out);
}

static pleat_status one_step(void *context) {
    step_work *w = context;
    const float *images = w->images;
    if (w->step == w->warmup) ask_meters(w->m->engine, &w->before);
    const uint8_t *labels = w->labels;
    pleat_comm *group = w->m->compute != NULL ? w->m->compute : w->group;
    if (w->made.feed != NULL) PLEAT_TRY(pleat_batch_source_next(w->made.feed, &images, &labels));
    PLEAT_TRY(pleat_net_queue(w->m->net, images, labels, w->global_batch, group));
    PLEAT_TRY(pleat_model_update(w->m->model, NULL, 1e-3, ++w->step));
    if (w->made.feed != NULL) PLEAT_TRY(pleat_batch_source_ahead(w->made.feed));
    return pleat_net_finish(w->m->net, group, w->sums);
}

void bench_classes(const float *image, size_t n, size_t pitch, int classes, uint8_t *label) {
    for (size_t i = 0; i < n; i++)
        label[i] = (uint8_t)((image[i * pitch] + 1.75F) / 3.5F * (float)classes);
}

static pleat_status fill_step(const bench_model_options *o, int rank, step_work *w) {
    const size_t n = (size_t)o->batch * pleat_voxels(o->patch), channels = (size_t)o->channels;
    w->images = malloc(channels * n * sizeof *w->images);
    w->labels = malloc(n);
    w->sums = calloc(pleat_net_sums(w->m->net), sizeof *w->sums);
    PLEAT_CHECK(w->images != NULL && w->labels != NULL && w->sums != NULL, PLEAT_ERR_MEMORY,
                "no memory for %zu voxels", n);
    bench_noise(w->images, channels * n, (uint64_t)rank << 40);
    bench_classes(w->images, n, channels, o->classes, w->labels);
    return PLEAT_OK;
}

/* Of one rank's step; see the help of `bench step`. */
static double step_flop(const bench_model_options *o, const pleat_graph *graph) {
    return o->batch * (6.0 * pleat_graph_macs(graph, o->patch) -
                       2.0 * pleat_graph_first_macs(graph, o->patch));
}

static void print_step(const bench_model_options *o, const bench_patches *patches,
                       const step_work *w, const bench_times *times, int steps, int json) {
    double metrics[PLEAT_MOST_METRICS];
    pleat_net_metrics(w->m->net, w->sums, o->batch, metrics);
    sheet s = bench_sheet("step", json);
    bench_print_times(&s, times);
    sheet_real(&s, "gflops", step_flop(o, &w->m->graph) / times->median / 1e6);
    sheet_real(&s, "gmacs", pleat_graph_macs(&w->m->graph, o->patch) / 1e9);
    bench_print_peak(&s);
    bench_model_print(&s, o, w->m);
    sheet_text(&s, "patches", patches->kind);
    sheet_text(&s, "feed", w->made.feed != NULL ? pleat_batch_source_kind(w->made.feed) : "none");
    sheet_int(&s, "ranks", w->group != NULL ? w->group->size : 1);
    sheet_int(&s, "steps", steps);
    if (w->before.energy_mj >= 0 && w->after.energy_mj >= 0)
        sheet_real(&s, "joules", (w->after.energy_mj - w->before.energy_mj) / 1e3 / steps);
    if (w->after.celsius >= 0) sheet_real(&s, "celsius", w->after.celsius);
    if (w->after.mhz >= 0) sheet_real(&s, "sm_mhz", w->after.mhz);
    sheet_real(&s, "loss", metrics[0]);
    sheet_end(&s);
}

static pleat_status run_step(const app *a, const bench_model_options *o,
                             const bench_patches *patches, const bench_repeat *repeat, int json) {
    pleat_comm *group = a->session->size > 1 ? a->session->world : NULL;
    bench_model m = {0};
    bench_times times;
    step_work w = {.m = &m,
                   .group = group,
                   .global_batch = o->batch * a->session->size,
                   .warmup = repeat->warmup};
    pleat_status status = bench_model_open(a, o, 1, group, &m);
    if (status == PLEAT_OK) status = fill_step(o, a->session->rank, &w);
    if (status == PLEAT_OK) status = bench_case_open(o, patches, a->session->world, m.net, &w.made);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(a->session->world, status));
    PLEAT_TRY_GOTO(status, done, bench_measure(one_step, &w, repeat, &times));
    ask_meters(m.engine, &w.after);
    if (a->session->rank == 0) print_step(o, patches, &w, &times, repeat->n, json);
done:
    bench_case_close(&w.made);
    free(w.images);
    free(w.labels);
    free(w.sums);
    bench_model_close(&m);
    return status;
}

bench_model_options bench_usual_model(int batch) {
    return (bench_model_options){.engine = "auto",
                                 .precision = "auto",
                                 .patch = {32, 64, 64},
                                 .filters = 32,
                                 .depth = 4,
                                 .channels = 1,
                                 .classes = 4,
                                 .batch = batch};
}

pleat_status bench_step(app *a, const verb *self, int argc, char **argv) {
    bench_model_options o = bench_usual_model(2);
    bench_repeat repeat = {.warmup = 2, .n = 10};
    text_list words = {0};
    int json = 0, go = 0;
    bench_patches patches = {.kind = "noise", .threads = 1};
    option rows[BENCH_MODEL_ROWS + 8] = {
        {"--steps", OPTION_INT, &repeat.n, "N", "steps to measure (default 10)"},
        {"--warmup", OPTION_INT, &repeat.warmup, "N",
         "steps before the first measurement (default 2)"},
        {"--patches", OPTION_TEXT, &patches.kind, "noise|crops|augmented",
         "noise; or made of a case (default noise)"},
        {"--loader-threads", OPTION_INT, &patches.threads, "N",
         "threads that make patches ahead (default 1)"},
        {"--stream", OPTION_FLAG, &patches.stream, NULL, "the case does not stay on the GPU"},
        {"--share-gpu", OPTION_FLAG, &o.share_gpu, NULL, "ranks may use one GPU"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object"},
    };
    bench_model_rows(&o, rows + 7);
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 0, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    return run_step(a, &o, &patches, &repeat, json);
}

/* --- prediction of a volume ------------------------------------------------------------------- */

typedef struct predict_work {
    const bench_model *m;
    pleat_predict_config config;
    pleat_source source;
    uint8_t *labels; /* [dim] */
} predict_work;

static pleat_status predict_once(void *context) {
    const predict_work *w = context;
    return pleat_predict_volume(&w->config, &w->m->net, 1, &w->source, w->labels);
}

/* The first run of a net prepares its memory, so a small volume goes before the large one. */
static pleat_status warm_up(const predict_work *w, int n) {
    predict_work small = *w;
    for (int a = 0; a < 3; a++)
        if (small.source.dim[a] > w->config.patch[a]) small.source.dim[a] = w->config.patch[a];
    for (int i = 0; i < n; i++) PLEAT_TRY(predict_once(&small));
    return PLEAT_OK;
}

static pleat_status print_predict(const bench_model_options *o, const predict_work *w,
                                  const bench_times *times, int json) {
    const pleat_predict_config *c = &w->config;
    pleat_window window;
    PLEAT_TRY(pleat_window_make(w->source.dim, c->patch, c->overlap, c->merge, &window));
    const int patches = pleat_window_count(&window);
    pleat_window_free(&window);
    sheet s = bench_sheet("predict", json);
    sheet_real(&s, "s_median", times->median / 1e3);
    sheet_real(&s, "s_min", times->min / 1e3);
    sheet_int(&s, "patches", patches);
    sheet_real(&s, "patches_per_s", patches / times->median * 1e3);
    sheet_real(&s, "voxels_per_s", (double)pleat_voxels(w->source.dim) / times->median * 1e3);
    sheet_real(&s, "gflops",
               2.0 * patches * pleat_graph_macs(&w->m->graph, c->patch) / times->median / 1e6);
    bench_print_peak(&s);
    bench_model_print(&s, o, w->m);
    bench_print_size(&s, "size", w->source.dim);
    bench_print_size(&s, "overlap", c->overlap);
    sheet_text(&s, "merge", pleat_merge_name(c->merge));
    sheet_end(&s);
    return PLEAT_OK;
}

static pleat_status run_predict(const app *a, const bench_model_options *o, predict_work *w,
                                bench_repeat repeat, int json) {
    bench_model m = {0};
    bench_times times;
    pleat_status status = PLEAT_OK;
    const size_t n = pleat_voxels(w->source.dim), values = n * (size_t)w->source.channels;
    float *image = malloc(values * sizeof *image);
    w->m = &m;
    w->source.image = image;
    w->labels = malloc(n);
    PLEAT_CHECK_GOTO(status, done, image != NULL && w->labels != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %zu voxels", n);
    bench_noise(image, values, 0);
    PLEAT_TRY_GOTO(status, done, bench_model_open(a, o, 0, NULL, &m));
    PLEAT_TRY_GOTO(status, done, warm_up(w, repeat.warmup));
    repeat.warmup = 0;
    PLEAT_TRY_GOTO(status, done, bench_measure(predict_once, w, &repeat, &times));
    PLEAT_TRY_GOTO(status, done, print_predict(o, w, &times, json));
done:
    bench_model_close(&m);
    w->m = NULL;
    free(image);
    free(w->labels);
    return status;
}

pleat_status bench_predict(app *a, const verb *self, int argc, char **argv) {
    bench_model_options o = bench_usual_model(1);
    predict_work w = {.source.dim = {104, 254, 267}, .config.overlap = {-1, -1, -1}};
    bench_repeat repeat = {.warmup = 1, .n = 1};
    const char *merge = "original";
    text_list words = {0};
    int json = 0, go = 0;
    option rows[BENCH_MODEL_ROWS + 7] = {
        {"--size", OPTION_SIZE, w.source.dim, "XxYxZ", "size of the volume (default 267x254x104)"},
        {"--overlap", OPTION_SIZE, w.config.overlap, "XxYxZ",
         "overlap of patches (default: half a patch)"},
        {"--merge", OPTION_TEXT, &merge, "NAME", "original, uniform or gaussian"},
        {"--repeats", OPTION_INT, &repeat.n, "N", "volumes to measure (default 1)"},
        {"--warmup", OPTION_INT, &repeat.warmup, "N",
         "patches before the first measurement (default 1)"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object"},
    };
    bench_model_rows(&o, rows + 6);
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 0, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    if (a->session->rank != 0) return PLEAT_OK;
    PLEAT_TRY(bench_check_channels(o.channels));
    w.config.batch = o.batch;
    w.source.channels = o.channels;
    w.config.classes = o.classes;
    pleat_config choice;
    pleat_config_defaults(&choice);
    PLEAT_TRY(pleat_config_set_key("--merge", "predict.merge", merge, &choice));
    w.config.merge = (pleat_merge)choice.merge;
    PLEAT_TRY(bench_check_size("--size", w.source.dim));
    for (int i = 0; i < 3; i++) {
        w.config.patch[i] = o.patch[i];
        if (w.config.overlap[i] < 0) w.config.overlap[i] = o.patch[i] / 2;
    }
    return run_predict(a, &o, &w, repeat, json);
}
