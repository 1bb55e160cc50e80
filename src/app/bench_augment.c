/* bench_augment.c - how many patches one thread makes, by each transform and by all. */
#include "bench.h"

#include "pleat/augment.h"
#include "pleat/volume.h"

#include <omp.h>
#include <stdlib.h>

typedef struct augment_work {
    pleat_sample sample;
    const pleat_source *source;
    int patch[3];
    float *image;   /* [patch] */
    uint8_t *label; /* [patch] */
} augment_work;

/* Each turned on in the middle of its range. */
static void add_mirror(pleat_sample *s) { s->mirror[0] = s->mirror[1] = s->mirror[2] = 1; }
static void add_contrast(pleat_sample *s) { s->contrast = 1.5; }
static void add_brightness(pleat_sample *s) { s->brightness = 1.25; }
static void add_gamma(pleat_sample *s) { s->gamma = 1.2; }
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

static pleat_status one_patch(void *context) {
    const augment_work *w = context;
    return pleat_augment_patch(&w->sample, w->source, w->patch, PLEAT_PAD_ZERO, w->image, w->label);
}

/* A patch from the middle of the volume, by transforms first .. last. */
static void choose(augment_work *w, int first, int last) {
    w->sample = (pleat_sample){.noise_seed = 1};
    for (int k = first; k <= last; k++)
        if (transforms[k].add != NULL) transforms[k].add(&w->sample);
    for (int a = 0; a < 3; a++) {
        const int room = w->source->dim[a] - w->patch[a];
        w->sample.start[a] = room >= 0 ? room / 2 : -((1 - room) / 2);
        w->sample.centre[a] = 0.5 * (w->source->dim[a] - 1);
    }
}

static pleat_status run_augment(augment_work *w, const bench_repeat *repeat, int json) {
    double per_s[TRANSFORMS + 1];
    bench_times times;
    omp_set_num_threads(1);
    for (int k = 0; k <= TRANSFORMS; k++) {
        const int all = k == TRANSFORMS;
        choose(w, all ? 0 : k, all ? TRANSFORMS - 1 : k);
        PLEAT_TRY(bench_measure(one_patch, w, repeat, &times));
        per_s[k] = 1e3 / times.median;
    }
    sheet s = bench_sheet("augment", json);
    for (int k = 0; k < TRANSFORMS; k++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%s_per_s", transforms[k].name);
        sheet_real(&s, key, per_s[k]);
    }
    sheet_real(&s, "all_per_s", per_s[TRANSFORMS]);
    bench_print_size(&s, "patch", w->patch);
    bench_print_size(&s, "size", w->source->dim);
    sheet_int(&s, "threads", 1);
    bench_print_peak(&s);
    sheet_end(&s);
    return PLEAT_OK;
}

/* A volume of noise with a mask, in memory. */
static pleat_status augment_volume(const int dim[3], augment_work *w, const bench_repeat *repeat,
                                   int json) {
    pleat_status status = PLEAT_OK;
    const size_t n = pleat_voxels(dim), patch = pleat_voxels(w->patch);
    float *image = malloc(n * sizeof *image);
    uint8_t *label = malloc(n);
    pleat_histogram *histogram = malloc(sizeof *histogram);
    w->image = malloc(patch * sizeof *w->image);
    w->label = malloc(patch);
    PLEAT_CHECK_GOTO(status, done,
                     image != NULL && label != NULL && histogram != NULL && w->image != NULL &&
                         w->label != NULL,
                     PLEAT_ERR_MEMORY, "no memory for %zu voxels", n);
    bench_noise(image, n, 0);
    for (size_t i = 0; i < n; i++) label[i] = image[i] > 1.0F;
    pleat_histogram_make(image, n, histogram);
    const pleat_source source = {
        .dim = {dim[0], dim[1], dim[2]}, .image = image, .label = label, .histogram = histogram};
    w->source = &source;
    PLEAT_TRY_GOTO(status, done, run_augment(w, repeat, json));
done:
    free(image);
    free(label);
    free(histogram);
    free(w->image);
    free(w->label);
    return status;
}

pleat_status bench_augment(app *a, const verb *self, int argc, char **argv) {
    int dim[3] = {104, 254, 267}, json = 0, go = 0;
    augment_work w = {.patch = {80, 160, 160}};
    bench_repeat repeat = {.warmup = 1, .n = 5};
    text_list words = {0};
    const option rows[] = {
        {"--patch", OPTION_SIZE, w.patch, "XxYxZ", "voxels; 160x160x80"},
        {"--size", OPTION_SIZE, dim, "XxYxZ", "of the volume; 267x254x104"},
        {"--repeats", OPTION_INT, &repeat.n, "N", "patches measured for each transform; 5"},
        {"--warmup", OPTION_INT, &repeat.warmup, "N", "patches before; 1"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 0, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    PLEAT_TRY(bench_check_size("--size", dim));
    PLEAT_TRY(bench_check_size("--patch", w.patch));
    return a->session->rank == 0 ? augment_volume(dim, &w, &repeat, json) : PLEAT_OK;
}
