/* bench_augment.c - how many patches are made, by each transform, by all, and as drawn. */
#include "bench.h"

#include "pleat/augment.h"
#include "pleat/sampler.h"
#include "pleat/volume.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Patches made together, each thread into buffers of its own. */
typedef struct augment_work {
    pleat_sample *samples; /* [most] */
    int n, most, threads;  /* samples of this measurement, room for them; threads that share them */
    const pleat_source *source;
    int patch[3];
    float *image;   /* [threads, patch, C] */
    uint8_t *label; /* [threads, patch] */
} augment_work;

/* Each turned on in the middle of its range. */
static void add_mirror(pleat_sample *s) { s->mirror[0] = s->mirror[1] = s->mirror[2] = 1; }
static void all_channels(double values[PLEAT_MAX_CHANNELS], double value) {
    for (int c = 0; c < PLEAT_MAX_CHANNELS; c++) values[c] = value;
}
static void add_contrast(pleat_sample *s) { all_channels(s->contrast, 1.5); }
static void add_brightness(pleat_sample *s) { all_channels(s->brightness, 1.25); }
static void add_gamma(pleat_sample *s) { all_channels(s->gamma, 1.2); }
static void add_noise(pleat_sample *s) { s->noise = 0.025; }
static void add_elastic(pleat_sample *s) {
    s->elastic_alpha = 450.0;
    s->elastic_sigma = 11.0;
}
static void add_rotation(pleat_sample *s) { s->rotation[0] = s->rotation[1] = s->rotation[2] = .1; }
static void add_scale(pleat_sample *s) { s->scale = 1.1; }

static const struct transform {
    const char *name;
    void (*add)(pleat_sample *sample); /* NULL: a plain crop */
} transforms[] = {
    {"crop", NULL},           {"mirror", add_mirror},         {"contrast", add_contrast},
    {"gamma", add_gamma},     {"brightness", add_brightness}, {"noise", add_noise},
    {"elastic", add_elastic}, {"rotation", add_rotation},     {"scale", add_scale},
};
enum { TRANSFORMS = sizeof transforms / sizeof *transforms };

static pleat_status make_patches(void *context) {
    const augment_work *w = context;
    const size_t voxels = pleat_voxels(w->patch);
    int failed = 0;
#pragma omp parallel for schedule(dynamic) num_threads(w->threads) reduction(+ : failed)
    for (int i = 0; i < w->n; i++) {
        const size_t at = (size_t)omp_get_thread_num() * voxels;
        failed += pleat_augment_patch(&w->samples[i], w->source, w->patch, PLEAT_PAD_ZERO,
                                      w->image + at * (size_t)w->source->channels,
                                      w->label + at) != PLEAT_OK;
    }
    PLEAT_CHECK(failed == 0, PLEAT_ERR_MEMORY, "%d of %d patches could not be made", failed, w->n);
    return PLEAT_OK;
}

/* A patch from the middle of the volume for each thread, by the transforms of which `on` says 1. */
static void choose(augment_work *w, const int on[TRANSFORMS]) {
    pleat_sample sample = {.noise_seed = 1};
    for (int k = 0; k < TRANSFORMS; k++)
        if (on[k] && transforms[k].add != NULL) transforms[k].add(&sample);
    for (int a = 0; a < 3; a++) {
        const int room = w->source->dim[a] - w->patch[a];
        sample.start[a] = room >= 0 ? room / 2 : -((1 - room) / 2);
        sample.centre[a] = 0.5 * (w->source->dim[a] - 1);
    }
    w->n = w->threads;
    for (int i = 0; i < w->n; i++) w->samples[i] = sample;
}

/* As a training draws them, by the paper's probabilities. */
static void draw(augment_work *w) {
    const pleat_augment_config paper = pleat_augment_defaults();
    const int(*dims)[3] = (const int(*)[3]) & w->source->dim;
    w->n = w->most;
    for (int i = 0; i < w->n; i++) {
        const pleat_sample_key key = {.seed = 1, .sample = i, .samples = w->n};
        pleat_sampler_draw(&key, 1, dims, w->patch, &paper, &w->samples[i]);
    }
}

enum { ALL = TRANSFORMS, WORST, DRAWN, MEASUREMENTS };

static const char *measurement_name(int k) {
    static const char *const more[] = {"all", "worst", "drawn"};
    return k < TRANSFORMS ? transforms[k].name : more[k - TRANSFORMS];
}

/* Measurement k: one transform, all, the four that cost most together, or what is drawn. */
static void prepare(augment_work *w, int k) {
    static const char *const worst[] = {"gamma", "elastic", "rotation", "scale"};
    int on[TRANSFORMS] = {0};
    for (int t = 0; t < TRANSFORMS; t++) {
        on[t] = k == ALL || k == t;
        for (int i = 0; i < 4 && k == WORST; i++) on[t] |= !strcmp(transforms[t].name, worst[i]);
    }
    if (k == DRAWN)
        draw(w);
    else
        choose(w, on);
}

static pleat_status measure(augment_work *w, int threads, const bench_repeat *repeat,
                            double per_s[MEASUREMENTS]) {
    static const bench_repeat once = {0, 1}; /* the draws are many already */
    bench_times times;
    w->threads = threads;
    for (int k = 0; k < MEASUREMENTS; k++) {
        prepare(w, k);
        PLEAT_TRY(bench_measure(make_patches, w, k == DRAWN ? &once : repeat, &times));
        per_s[k] = 1e3 * w->n / times.median;
    }
    return PLEAT_OK;
}

static pleat_status run_augment(augment_work *w, int threads, const bench_repeat *repeat,
                                int json) {
    double one[MEASUREMENTS] = {0}, all[MEASUREMENTS] = {0};
    PLEAT_TRY(measure(w, 1, repeat, one));
    PLEAT_TRY(measure(w, threads, repeat, all));
    sheet s = bench_sheet("augment", json);
    for (int k = 0; k < MEASUREMENTS; k++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%s_per_s", measurement_name(k));
        sheet_real(&s, key, one[k]);
    }
    sheet_int(&s, "threads", threads);
    for (int k = 0; k < MEASUREMENTS; k++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%s_threads_per_s", measurement_name(k));
        sheet_real(&s, key, all[k]);
    }
    sheet_int(&s, "draws", w->most);
    sheet_int(&s, "channels", w->source->channels);
    bench_print_size(&s, "patch", w->patch);
    bench_print_size(&s, "size", w->source->dim);
    bench_print_peak(&s);
    sheet_end(&s);
    return PLEAT_OK;
}

/* A volume of noise with a mask, in memory. */
static pleat_status augment_volume(const int dim[3], int channels, augment_work *w,
                                   const bench_repeat *repeat, int json) {
    pleat_status status = PLEAT_OK;
    const int threads = w->threads;
    const size_t n = pleat_voxels(dim), patch = (size_t)threads * pleat_voxels(w->patch);
    const size_t samples = (size_t)(w->most > threads ? w->most : threads);
    float *image = malloc((size_t)channels * n * sizeof *image);
    uint8_t *label = malloc(n);
    pleat_histogram *histogram = malloc((size_t)channels * sizeof *histogram);
    w->samples = malloc(samples * sizeof *w->samples);
    w->image = malloc((size_t)channels * patch * sizeof *w->image);
    w->label = malloc(patch);
    PLEAT_CHECK_GOTO(status, done,
                     image != NULL && label != NULL && histogram != NULL && w->samples != NULL &&
                         w->image != NULL && w->label != NULL,
                     PLEAT_ERR_MEMORY, "no memory for %zu voxels", n);
    bench_noise(image, (size_t)channels * n, 0);
    for (size_t i = 0; i < n; i++) label[i] = image[i] > 1.0F;
    for (size_t c = 0; c < (size_t)channels; c++)
        pleat_histogram_make(image + c * n, n, &histogram[c]);
    const pleat_source source = {.dim = {dim[0], dim[1], dim[2]},
                                 .channels = channels,
                                 .image = image,
                                 .label = label,
                                 .histogram = histogram};
    w->source = &source;
    PLEAT_TRY_GOTO(status, done, run_augment(w, threads, repeat, json));
done:
    free(image);
    free(label);
    free(histogram);
    free(w->samples);
    free(w->image);
    free(w->label);
    return status;
}

pleat_status bench_augment(app *a, const verb *self, int argc, char **argv) {
    int dim[3] = {104, 254, 267}, channels = 1, json = 0, go = 0;
    augment_work w = {.patch = {80, 160, 160}, .most = 100, .threads = a->session->threads};
    bench_repeat repeat = {.warmup = 1, .n = 5};
    text_list words = {0};
    const option rows[] = {
        {"--patch", OPTION_SIZE, w.patch, "XxYxZ", "size in voxels (default 160x160x80)"},
        {"--size", OPTION_SIZE, dim, "XxYxZ", "size of the volume (default 267x254x104)"},
        {"--channels", OPTION_INT, &channels, "N", "channels of the volume (default 1)"},
        {"--draws", OPTION_INT, &w.most, "N", "patches the average is taken of (default 100)"},
        {"--threads", OPTION_INT, &w.threads, "N",
         "threads of the second measurement (default: all)"},
        {"--repeats", OPTION_INT, &repeat.n, "N", "measurements of each transform (default 5)"},
        {"--warmup", OPTION_INT, &repeat.warmup, "N",
         "patches before the first measurement (default 1)"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 0, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    PLEAT_CHECK(w.most >= 1 && w.most <= 100000 && w.threads >= 1 && w.threads <= 4096,
                PLEAT_ERR_ARG, "--draws must be 1 to 100000, --threads 1 to 4096");
    PLEAT_TRY(bench_check_channels(channels));
    PLEAT_TRY(bench_check_size("--size", dim));
    PLEAT_TRY(bench_check_size("--patch", w.patch));
    return a->session->rank == 0 ? augment_volume(dim, channels, &w, &repeat, json) : PLEAT_OK;
}
