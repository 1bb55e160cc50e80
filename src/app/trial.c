/* trial.c - a few steps of training: what they take. */
#include "trial.h"

#include "../bench/bench.h"

#include "pleat/device.h"
#include "pleat/host_memory.h"
#include "pleat/loader.h"
#include "pleat/log.h"
#include "pleat/text.h"
#include "pleat/volume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_SECONDS 8.0   /* of all that is timed */
#define MOST_BYTES   512e6 /* of model and activations; on a GPU half of what is unused */
#define LEAST_SIDE   16    /* voxels, where the patch has as many */
#define PATCHES      8     /* that a loader makes */
#define MOST_VOXELS  8e6   /* of a patch that a loader makes */

typedef struct trial { /* one rank's part of a step, on noise */
    pleat_network network;
    int patch[3], batch;
    pleat_engine *engine;
    const pleat_config *config;
    pleat_graph graph;
    pleat_model *model;
    pleat_net *net;
    int64_t step;
    double least_step, least_update; /* processor seconds, of all threads together */
    float *images;
    uint8_t *labels;
} trial;

typedef struct timed {
    double train, update; /* seconds: of a step without its update, of the update */
    double steps, beside; /* of all steps, of what comes beside them */
    double share;         /* of the engine's processors, in all steps */
} timed;

/* --- as much of a step as fits ---------------------------------------------------------------- */

static pleat_net_options options_of(const trial *t) {
    return (pleat_net_options){.batch = t->batch,
                               .dim = {t->patch[0], t->patch[1], t->patch[2]},
                               .train = 1,
                               .ordered = t->config->deterministic && t->engine->ordered,
                               .norm_momentum = t->config->train.norm_momentum};
}

typedef struct part {
    double bytes, macs, params;
} part;

static pleat_status count(const trial *t, part *out) {
    const pleat_net_options options = options_of(t);
    pleat_graph graph;
    size_t arena = 0;
    PLEAT_TRY(pleat_network_build(&t->network, &graph));
    const pleat_status status = pleat_net_count(&graph, t->engine, &options, &arena);
    const double model = (4.0 * (double)graph.params + (double)graph.stats) * sizeof(float);
    *out = (part){.bytes = model + (double)arena,
                  .macs = t->batch * pleat_graph_macs(&graph, t->patch),
                  .params = (double)graph.params};
    pleat_graph_free(&graph);
    return status;
}

/* The smallest part: a patch of few voxels; fewer filters where the weights are too many. */
static pleat_status begin_small(trial *t, double most, part *out) {
    pleat_graph graph;
    PLEAT_TRY(pleat_network_build(&t->network, &graph));
    for (int a = 0; a < 3; a++) {
        const int unit = graph.divisor[a], least = (LEAST_SIDE + unit - 1) / unit * unit;
        t->patch[a] = t->config->patch[a] < least ? t->config->patch[a] : least;
    }
    pleat_graph_free(&graph);
    t->batch = 1;
    PLEAT_TRY(count(t, out));
    while (out->bytes > most && t->network.filters > 4) {
        t->network.filters /= 2;
        PLEAT_TRY(count(t, out));
    }
    return PLEAT_OK;
}

/* The next larger part, twice as large along the axis that lacks most, or in its batch; 0: it is
 * the whole step. */
static int grow(trial *t, int batch) {
    int axis = -1;
    double lacks = 1.0;
    for (int a = 0; a < 3; a++) {
        const double times = (double)t->config->patch[a] / t->patch[a];
        if (times > lacks) axis = a, lacks = times;
    }
    if (axis < 0 && t->batch >= batch) return 0;
    int *side = axis >= 0 ? &t->patch[axis] : &t->batch;
    const int most = axis >= 0 ? t->config->patch[axis] : batch;
    *side = 2 * *side < most ? 2 * *side : most;
    return 1;
}

/* --- its time --------------------------------------------------------------------------------- */

static double processor_seconds(void) {
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static pleat_status one_step(void *context) {
    trial *t = context;
    const double begun = processor_seconds();
    PLEAT_TRY(pleat_net_train(t->net, t->images, t->labels, t->batch, NULL, NULL));
    PLEAT_TRY(t->engine->ops->synchronize(t->engine));
    t->least_step = fmin(t->least_step, processor_seconds() - begun);
    return PLEAT_OK;
}

static pleat_status one_update(void *context) {
    trial *t = context;
    const double begun = processor_seconds();
    PLEAT_TRY(pleat_model_update(t->model, &t->config->train.update, 1e-3, ++t->step));
    PLEAT_TRY(t->engine->ops->synchronize(t->engine));
    t->least_update = fmin(t->least_update, processor_seconds() - begun);
    return PLEAT_OK;
}

static pleat_status open_trial(trial *t) {
    const pleat_net_options options = options_of(t);
    const size_t n = (size_t)t->batch * pleat_voxels(t->patch);
    const size_t values = (size_t)t->network.channels * n;
    PLEAT_TRY(pleat_network_build(&t->network, &t->graph));
    PLEAT_TRY(pleat_model_create(&t->graph, t->engine, 1, &t->model));
    PLEAT_TRY(pleat_model_init(t->model, 1, 0));
    if (pleat_update_amsgrad(&t->config->train.update))
        PLEAT_TRY(pleat_model_begin_amsgrad(t->model));
    if (t->config->train.update.average > 0.0) PLEAT_TRY(pleat_model_begin_average(t->model));
    PLEAT_TRY(pleat_net_create(t->model, &options, &t->net));
    t->images = malloc(values * sizeof *t->images);
    t->labels = malloc(n);
    PLEAT_CHECK(t->images != NULL && t->labels != NULL, PLEAT_ERR_MEMORY,
                "no memory for %zu voxels", n);
    bench_noise(t->images, values, 1);
    for (size_t i = 0; i < n; i++) t->labels[i] = t->images[i] > 0;
    return PLEAT_OK;
}

static void close_trial(trial *t) {
    pleat_net_destroy(t->net);
    pleat_model_destroy(t->model);
    pleat_graph_free(&t->graph);
    free(t->images);
    free(t->labels);
    t->net = NULL;
    t->model = NULL;
    t->images = NULL;
    t->labels = NULL;
}

static pleat_status time_part(trial *t, int steps, timed *out) {
    const bench_repeat repeat = {.warmup = 1, .n = steps};
    bench_times train = {0}, update = {0};
    t->least_step = t->least_update = INFINITY;
    const double start = pleat_now();
    pleat_status status = open_trial(t);
    const double begun = pleat_now(), processors = processor_seconds();
    if (status == PLEAT_OK) status = bench_measure(one_step, t, &repeat, &train);
    const double stepped = pleat_now() - begun, used = processor_seconds() - processors;
    if (status == PLEAT_OK) status = bench_measure(one_update, t, &repeat, &update);
    close_trial(t);
    *out = (timed){train.min / 1e3, update.min / 1e3, stepped, pleat_now() - start - stepped, 1.0};
    if (t->engine->host_memory) out->share = used / stepped / t->engine->threads;
    if (out->share >= TRIAL_SHARE) return status;
    out->train = t->least_step / t->engine->threads;
    out->update = t->least_update / t->engine->threads;
    return status;
}

static pleat_status most_bytes(pleat_engine *engine, double *out) {
    size_t unused = 0, total = 0;
    PLEAT_TRY(pleat_device_of(engine)->memory(engine, &unused, &total));
    *out = total > 0 ? (double)unused / 2 : fmin(MOST_BYTES, pleat_host_memory_find().allowed / 4);
    return PLEAT_OK;
}

static void describe(const trial *t, const trial *all, int steps, trial_result *out) {
    const int cut = memcmp(t->patch, all->patch, sizeof t->patch) != 0 || t->batch != all->batch;
    const int fewer = t->network.filters != all->network.filters;
    char filters[48] = "";
    if (fewer) (void)snprintf(filters, sizeof filters, " by %d filters", t->network.filters);
    (void)snprintf(out->how, sizeof out->how, "%d step%s of %d patch%s of %d x %d x %d voxels%s%s",
                   steps, pleat_plural(steps), t->batch, t->batch == 1 ? "" : "es", t->patch[2],
                   t->patch[1], t->patch[0], filters,
                   cut || fewer ? ", scaled by counted products" : "");
}

pleat_status trial_run(const pleat_config *config, pleat_engine *engine, int channels, int batch,
                       int steps, trial_result *out) {
    trial all = {.network = config->network, .batch = batch, .engine = engine, .config = config};
    const double start = pleat_now();
    double most = 0.0;
    part whole = {0}, now = {0}, next = {0};
    timed took = {0};
    all.network.channels = channels;
    memcpy(all.patch, config->patch, sizeof all.patch);
    PLEAT_TRY(most_bytes(engine, &most));
    PLEAT_TRY(count(&all, &whole));
    trial t = all, larger;
    PLEAT_TRY(begin_small(&t, most, &now));
    for (;;) {
        PLEAT_TRY(time_part(&t, steps, &took));
        larger = t;
        if (!grow(&larger, batch)) break;
        PLEAT_TRY(count(&larger, &next));
        const double then = pleat_now() - start + took.beside + took.steps * next.macs / now.macs;
        if (next.bytes > most || then > MOST_SECONDS) break;
        t = larger;
        now = next;
    }
    *out = (trial_result){.seconds = took.train * whole.macs / now.macs +
                                     took.update * whole.params / now.params,
                          .macs = whole.macs,
                          .share = took.share};
    describe(&t, &all, steps, out);
    return PLEAT_OK;
}

/* --- patches ---------------------------------------------------------------------------------- */

static pleat_status make_patches(const pleat_loader_config *config, double *seconds) {
    pleat_loader *loader = NULL;
    float *images = NULL;
    uint8_t *labels = NULL;
    PLEAT_TRY(pleat_loader_start(config, &loader));
    pleat_status status = pleat_loader_next(loader, &images, &labels);
    const double start = processor_seconds(); /* this thread only waits for the loader's */
    for (int i = 0; i < PATCHES && status == PLEAT_OK; i++)
        status = pleat_loader_next(loader, &images, &labels);
    *seconds = (processor_seconds() - start) / PATCHES;
    pleat_loader_stop(loader);
    return status;
}

/* Of a case of noise, a quarter longer than the patch along each axis. */
pleat_status trial_patches(const pleat_config *config, int channels, trial_result *out) {
    pleat_source source = {.channels = channels};
    const pleat_source *sources[] = {&source};
    pleat_loader_config how = {.sources = sources,
                               .n_sources = 1,
                               .seed = 1,
                               .augment = config->train.augment ? &config->train.transforms : NULL,
                               .pad = (pleat_pad)config->pad,
                               .iterations = 1000000,
                               .batch = 1,
                               .count = 1,
                               .depth = 1,
                               .threads = 1};
    pleat_status status = PLEAT_OK;
    const double whole = (double)pleat_voxels(config->patch);
    const double cut = whole > MOST_VOXELS ? cbrt(MOST_VOXELS / whole) : 1.0;
    for (int a = 0; a < 3; a++) {
        how.patch[a] = (int)ceil(config->patch[a] * cut);
        source.dim[a] = how.patch[a] + (how.patch[a] + 3) / 4;
    }
    const size_t n = pleat_voxels(source.dim), values = (size_t)channels * n;
    float *image = malloc(values * sizeof *image);
    uint8_t *label = calloc(n, 1);
    pleat_histogram *histogram = malloc((size_t)channels * sizeof *histogram);
    PLEAT_CHECK_GOTO(status, done, image != NULL && label != NULL && histogram != NULL,
                     PLEAT_ERR_MEMORY, "no memory for a case of %zu voxels", n);
    bench_noise(image, values, 7);
    for (int c = 0; c < channels; c++)
        pleat_histogram_make(image + (size_t)c * n, n, &histogram[c]);
    source.image = image;
    source.label = label;
    source.histogram = histogram;
    status = make_patches(&how, &out->making);
    out->making *= whole / (double)pleat_voxels(how.patch);
done:
    free(image);
    free(label);
    free(histogram);
    return status;
}
