/* bench_score.c - the scores of one pair of label maps: lungs of wavy rims, with spots in them. */
#include "bench.h"

#include "pleat/metrics.h"

#include <math.h>
#include <stdlib.h>

enum { CLASSES = 5 };

typedef struct score_work {
    pleat_pair pair;
    pleat_judging how;
    double *values;
} score_work;

/* The class at (d, h, w), each from -1 to 1; `shift` tells the prediction from the truth. */
static uint8_t class_at(const double at[3], double shift) {
    const double wave = 0.04 * sin(40 * at[2] + shift) * cos(35 * at[1]) * sin(30 * at[0]);
    uint8_t lung = 0;
    for (int side = 0; side < 2; side++) {
        const double d = at[0] / 0.87, h = at[1] / 0.74;
        const double w = (at[2] + (side == 0 ? 0.41 : -0.41) - 0.01 * shift) / 0.37;
        if (sqrt(d * d + h * h + w * w) + wave < 1.0) lung = (uint8_t)(1 + side);
    }
    if (lung == 0) return 0;
    if (sin(23 * at[2] + 0.3 * shift) * sin(18 * at[1]) * sin(16 * at[0]) > 0.55) return 3;
    if (sin(13 * at[2] + 1 + 0.1 * shift) * sin(15 * at[1] + 2) * sin(8 * at[0]) > 0.7) return 4;
    return lung;
}

static void fill(const int dim[3], double shift, uint8_t *out) {
#pragma omp parallel for collapse(2)
    for (int d = 0; d < dim[0]; d++)
        for (int h = 0; h < dim[1]; h++)
            for (int w = 0; w < dim[2]; w++) {
                const double at[3] = {2.0 * d / dim[0] - 1, 2.0 * h / dim[1] - 1,
                                      2.0 * w / dim[2] - 1};
                out[((size_t)d * (size_t)dim[1] + (size_t)h) * (size_t)dim[2] + (size_t)w] =
                    class_at(at, shift);
            }
}

static pleat_status score_once(void *context) {
    score_work *w = context;
    pleat_counts counts[CLASSES];
    PLEAT_TRY(pleat_metrics_count(w->pair.truth, w->pair.predicted, pleat_voxels(w->pair.dim),
                                  CLASSES, counts));
    return pleat_scores_compute(pleat_scores_all(), &w->how, &w->pair, CLASSES, counts, w->values);
}

static pleat_status run_score(score_work *w, const bench_repeat *repeat, int json) {
    bench_times times;
    PLEAT_TRY(bench_measure(score_once, w, repeat, &times));
    sheet s = bench_sheet("score", json);
    bench_print_times(&s, &times);
    sheet_int(&s, "classes", CLASSES - 1);
    sheet_text(&s, "surface", pleat_surface_name(w->how.surface));
    bench_print_size(&s, "size", w->pair.dim);
    bench_print_peak(&s);
    sheet_end(&s);
    return PLEAT_OK;
}

pleat_status bench_score(app *a, const verb *self, int argc, char **argv) {
    int dim[3] = {300, 512, 512}, json = 0, go = 0;
    bench_repeat repeat = {.warmup = 0, .n = 1};
    text_list words = {0}, sets = {0};
    const option rows[] = {
        {"--size", OPTION_SIZE, dim, "XxYxZ", "size of the label maps (default 512x512x300)"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", "report.surface"},
        {"--repeats", OPTION_INT, &repeat.n, "N", "measurements (default 1)"},
        {"--warmup", OPTION_INT, &repeat.warmup, "N",
         "cases before the first measurement (default 0)"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object"},
        {0},
    };
    static const char *const names[CLASSES] = {"background", "left", "right", "spot", "patch"};
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 0, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    PLEAT_TRY(bench_check_size("--size", dim));
    if (a->session->rank != 0) return PLEAT_OK;
    pleat_config config;
    pleat_classes classes;
    pleat_config_defaults(&config);
    for (int i = 0; i < sets.n; i++) PLEAT_TRY(pleat_config_set(sets.item[i], &config));
    score_work w = {
        .pair = {.dim = {dim[0], dim[1], dim[2]}, .spacing = {1.25, 0.7, 0.7}, .voxel = 0.6125}};
    PLEAT_TRY(pleat_classes_make(names, CLASSES, &classes));
    pleat_status status = pleat_judging_make(&classes, config.surface, "", "spot", 0.1, &w.how);
    pleat_classes_free(&classes);
    PLEAT_TRY(status);
    uint8_t *maps = malloc(2 * pleat_voxels(dim));
    w.values = calloc((size_t)pleat_scores_count(pleat_scores_all()) * CLASSES, sizeof(double));
    PLEAT_CHECK_GOTO(status, done, maps != NULL && w.values != NULL, PLEAT_ERR_MEMORY,
                     "no memory for two label maps of %dx%dx%d", dim[2], dim[1], dim[0]);
    w.pair.truth = maps;
    w.pair.predicted = maps + pleat_voxels(dim);
    fill(dim, 0.0, maps);
    fill(dim, 1.0, maps + pleat_voxels(dim));
    status = run_score(&w, &repeat, json);
done:
    free(maps);
    free(w.values);
    return status;
}
