/* bench_data.c - times of preprocessing a volume and of reading patches from a store. */
#include "bench.h"

#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/nifti.h"
#include "pleat/phantom.h"
#include "pleat/prep.h"
#include "pleat/rng.h"
#include "pleat/store.h"

#include <stddef.h>
#include <stdlib.h>

/* --- preprocessing ---------------------------------------------------------------------------- */

/* The steps of pleat_prep_image in its order, each by the switch that turns it on. */
static const struct prep_step {
    const char *key;
    size_t on;    /* an int of pleat_prep_config; of a channel's steps that of the first */
    int switches; /* channels have one each, or all one */
} prep_steps[] = {
    {"s_clip", offsetof(pleat_prep_config, channel[0].clip), PLEAT_MAX_CHANNELS},
    {"s_grayscale", offsetof(pleat_prep_config, channel[0].grayscale), PLEAT_MAX_CHANNELS},
    {"s_resample", offsetof(pleat_prep_config, resample), 1},
    {"s_zscore", offsetof(pleat_prep_config, channel[0].zscore), PLEAT_MAX_CHANNELS},
};
enum { PREP_STEPS = sizeof prep_steps / sizeof *prep_steps };

typedef struct prep_work {
    const char *path;
    const pleat_prep_config *config;
    int native[3], dim[3];         /* D, H, W before and after */
    int done;                      /* repetitions that times[] holds */
    double *times[PREP_STEPS + 2]; /* ms: reading, the steps, all of it */
} prep_work;

static void switch_off(pleat_prep_config *config, const struct prep_step *step) {
    for (size_t c = 0; c < (size_t)step->switches; c++)
        *(int *)((char *)config + step->on + c * sizeof(pleat_prep_steps)) = 0;
}

/* One step alone. */
static pleat_status prep_step(const pleat_prep_config *config, int step, pleat_image *image) {
    pleat_prep_config one = *config;
    for (int k = 0; k < PREP_STEPS; k++)
        if (k != step) switch_off(&one, &prep_steps[k]);
    return pleat_prep_image(&one, image);
}

static pleat_status prep_once(prep_work *w, double ms[PREP_STEPS + 2]) {
    pleat_image image = {0};
    pleat_status status = PLEAT_OK;
    const double start = pleat_now();
    PLEAT_TRY(pleat_nifti_read_image(w->path, &image, NULL));
    double last = pleat_now();
    ms[0] = (last - start) * 1e3;
    for (int a = 0; a < 3; a++) w->native[a] = image.dim[a];
    for (int k = 0; k < PREP_STEPS && status == PLEAT_OK; k++) {
        status = prep_step(w->config, k, &image);
        ms[k + 1] = (pleat_now() - last) * 1e3;
        last = pleat_now();
    }
    ms[PREP_STEPS + 1] = (last - start) * 1e3;
    for (int a = 0; a < 3; a++) w->dim[a] = image.dim[a];
    pleat_image_free(&image);
    return status;
}

static void print_prep(prep_work *w, int n, int json) {
    sheet s = bench_sheet("prep", json);
    sheet_real(&s, "s_read", bench_summary(w->times[0], n).median / 1e3);
    for (int k = 0; k < PREP_STEPS; k++)
        sheet_real(&s, prep_steps[k].key, bench_summary(w->times[k + 1], n).median / 1e3);
    const double total = bench_summary(w->times[PREP_STEPS + 1], n).median / 1e3;
    sheet_real(&s, "s_total", total);
    sheet_real(&s, "voxels_per_s", (double)pleat_voxels(w->native) / total);
    bench_print_size(&s, "size", w->native);
    bench_print_size(&s, "size_after", w->dim);
    bench_print_peak(&s);
    sheet_end(&s);
}

static pleat_status run_prep(prep_work *w, const bench_repeat *repeat, int json) {
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK(repeat->n >= 1 && repeat->n <= 1000 && repeat->warmup >= 0, PLEAT_ERR_ARG,
                "--repeats must be 1 to 1000, --warmup not negative");
    double *times = calloc((PREP_STEPS + 2) * (size_t)repeat->n, sizeof *times);
    PLEAT_CHECK(times != NULL, PLEAT_ERR_MEMORY, "no memory for %d times", repeat->n);
    for (int k = 0; k < PREP_STEPS + 2; k++) w->times[k] = times + (size_t)k * (size_t)repeat->n;
    for (int i = -repeat->warmup; i < repeat->n; i++) {
        double ms[PREP_STEPS + 2] = {0};
        PLEAT_TRY_GOTO(status, done, prep_once(w, ms));
        for (int k = 0; k < PREP_STEPS + 2 && i >= 0; k++) w->times[k][i] = ms[k];
    }
    print_prep(w, repeat->n, json);
done:
    free(times);
    return status;
}

/* A phantom chest of dim voxels, about 33 x 33 x 24 cm, as FOLDER/imaging.nii.gz. */
static pleat_status make_volume(const char *folder, const int dim[3], char path[PLEAT_PATH_BYTES]) {
    const double extent_mm[3] = {240.0, 326.0, 326.0};
    pleat_phantom_config config = pleat_phantom_default();
    pleat_image image = {0};
    pleat_label label = {0};
    pleat_geometry geometry;
    config.vary = 0.0;
    config.windowed_every = 0;
    for (int a = 0; a < 3; a++) {
        config.dim[a] = dim[a];
        config.spacing[a] = extent_mm[a] / dim[a];
    }
    PLEAT_TRY(pleat_path(path, PLEAT_PATH_BYTES, "%s/imaging.nii.gz", folder));
    PLEAT_TRY(pleat_phantom_make(1, 1, &config, &image, &label, &geometry));
    pleat_label_free(&label);
    const pleat_status status = pleat_nifti_write_image(path, &image, &geometry, 1);
    pleat_image_free(&image);
    return status;
}

pleat_status bench_prep(app *a, const verb *self, int argc, char **argv) {
    const char *in = NULL;
    int dim[3] = {64, 256, 256}, json = 0, go = 0;
    bench_repeat repeat = {.warmup = 1, .n = 3};
    text_list words = {0}, sets = {0};
    const option rows[] = {
        {"--in", OPTION_TEXT, &in, "FILE", "a NIfTI volume"},
        {"--size", OPTION_SIZE, dim, "XxYxZ",
         "without --in: size of the phantom (default 256x256x64)"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE",
         "a key of the configuration, such as preprocess.clip"},
        {"--repeats", OPTION_INT, &repeat.n, "N", "measurements (default 3)"},
        {"--warmup", OPTION_INT, &repeat.warmup, "N",
         "volumes before the first measurement (default 1)"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object"},
        {0},
    };
    char folder[256] = "", path[PLEAT_PATH_BYTES];
    pleat_config config;
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 0, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    PLEAT_TRY(bench_check_size("--size", dim));
    PLEAT_TRY(verb_config(NULL, &sets, &config));
    if (a->session->rank != 0) return PLEAT_OK;
    pleat_status status = PLEAT_OK;
    prep_work w = {.path = in != NULL ? in : path, .config = &config.prep};
    if (in == NULL) {
        PLEAT_TRY(bench_scratch_make(folder));
        PLEAT_TRY_GOTO(status, done, make_volume(folder, dim, path));
    }
    PLEAT_TRY_GOTO(status, done, run_prep(&w, &repeat, json));
done:
    if (folder[0] != '\0') bench_scratch_remove(folder);
    return status;
}

/* --- reading from a store --------------------------------------------------------------------- */

typedef struct read_work {
    pleat_store *store;
    int patch[3];
    uint32_t number; /* of the read */
    float *image;    /* [patch] */
    uint8_t *label;  /* [patch]; NULL when a case has none */
} read_work;

/* A box anywhere in any case; a case smaller than the patch is read as far as it goes. */
static pleat_status read_patch(void *context) {
    read_work *w = context;
    const pleat_rng rng = pleat_rng_at(1, PLEAT_STREAM_SAMPLE, 0, 0, w->number++);
    const int i = (int)pleat_rng_below(&rng, 0, (uint32_t)pleat_store_count(w->store));
    const int *dim = pleat_store_info(w->store, i)->dim;
    int start[3], size[3];
    for (int a = 0; a < 3; a++) {
        size[a] = dim[a] < w->patch[a] ? dim[a] : w->patch[a];
        start[a] = (int)pleat_rng_below(&rng, (uint32_t)a + 1, (uint32_t)(dim[a] - size[a]) + 1);
    }
    for (int c = 0; c < pleat_store_info(w->store, i)->channels; c++)
        PLEAT_TRY(pleat_store_read(w->store, i, c, start, size, w->image, NULL));
    return w->label != NULL ? pleat_store_read(w->store, i, 0, start, size, NULL, w->label)
                            : PLEAT_OK;
}

/* Every byte once, so that the system has all of it in memory. */
static pleat_status warm_store(const pleat_store *store, read_work *w) {
    for (int i = 0; i < pleat_store_count(store); i++) {
        const pleat_case_info *info = pleat_store_info(store, i);
        const int *dim = info->dim;
        int size[3] = {1, dim[1], dim[2]};
        float *slice = malloc(pleat_voxels(size) * sizeof *slice);
        PLEAT_CHECK(slice != NULL, PLEAT_ERR_MEMORY, "no memory for a slice");
        pleat_status status = PLEAT_OK;
        for (int d = 0; d < dim[0] && status == PLEAT_OK; d++) {
            const int start[3] = {d, 0, 0};
            for (int c = 0; c < info->channels && status == PLEAT_OK; c++)
                status = pleat_store_read(w->store, i, c, start, size, slice, NULL);
            if (status == PLEAT_OK && w->label != NULL)
                status = pleat_store_read(w->store, i, 0, start, size, NULL, (uint8_t *)slice);
        }
        free(slice);
        PLEAT_TRY(status);
    }
    return PLEAT_OK;
}

static void print_read(const read_work *w, const bench_times *times, int reads, int json) {
    const size_t channels = (size_t)pleat_store_info(w->store, 0)->channels;
    const size_t voxel = channels * sizeof *w->image + (w->label != NULL ? sizeof *w->label : 0);
    sheet s = bench_sheet("read", json);
    bench_print_times(&s, times);
    sheet_real(&s, "mib_per_s",
               (double)(pleat_voxels(w->patch) * voxel) / 0x1p20 / times->median * 1e3);
    sheet_int(&s, "reads", reads);
    sheet_int(&s, "cases", pleat_store_count(w->store));
    bench_print_size(&s, "patch", w->patch);
    sheet_flag(&s, "masks", w->label != NULL);
    bench_print_peak(&s);
    sheet_end(&s);
}

static pleat_status run_read(const char *folder, read_work *w, const bench_repeat *repeat,
                             int json) {
    pleat_status status = PLEAT_OK;
    bench_times times;
    int masks = 1;
    PLEAT_TRY(pleat_store_open(folder, NULL, &w->store));
    PLEAT_CHECK_GOTO(status, done, pleat_store_count(w->store) > 0, PLEAT_ERR_DATA,
                     "the store '%s' is empty", folder);
    for (int i = 0; i < pleat_store_count(w->store); i++)
        masks &= pleat_store_info(w->store, i)->has_label;
    w->image = malloc(pleat_voxels(w->patch) * sizeof *w->image);
    w->label = masks ? malloc(pleat_voxels(w->patch)) : NULL;
    PLEAT_CHECK_GOTO(status, done, w->image != NULL && (w->label != NULL || !masks),
                     PLEAT_ERR_MEMORY, "no memory for a patch");
    PLEAT_TRY_GOTO(status, done, warm_store(w->store, w));
    PLEAT_TRY_GOTO(status, done, bench_measure(read_patch, w, repeat, &times));
    print_read(w, &times, repeat->n, json);
done:
    free(w->image);
    free(w->label);
    pleat_store_close(w->store);
    return status;
}

/* One case of noise with a mask. */
static pleat_status make_store(const char *folder, const int dim[3]) {
    static const char *const ids[] = {"synthetic"};
    const double spacing[3] = {1.0, 1.0, 1.0};
    const char *preprocessing = "clip: none\ngrayscale: no\nresample: none\nedge: none\n"
                                "zscore: no\n";
    pleat_case_info info = {.id = "synthetic"};
    pleat_image image = {0};
    pleat_label label = {0};
    pleat_status status = PLEAT_OK;
    pleat_nifti_plain_geometry(dim, spacing, &info.geometry);
    PLEAT_TRY_GOTO(status, done, pleat_image_make(1, dim, spacing, &image));
    PLEAT_TRY_GOTO(status, done, pleat_label_make(dim, spacing, &label));
    bench_noise(image.data, pleat_voxels(dim), 0);
    for (size_t i = 0; i < pleat_voxels(dim); i++) label.data[i] = image.data[i] > 1.0F;
    PLEAT_TRY_GOTO(status, done,
                   pleat_store_write_case(folder, preprocessing, &info, &image, &label));
    PLEAT_TRY_GOTO(status, done, pleat_store_write_index(folder, preprocessing, ids, 1));
done:
    pleat_image_free(&image);
    pleat_label_free(&label);
    return status;
}

pleat_status bench_read(app *a, const verb *self, int argc, char **argv) {
    const char *store = NULL;
    int dim[3] = {320, 512, 512}, json = 0, go = 0;
    read_work w = {.patch = {80, 160, 160}};
    bench_repeat repeat = {.warmup = 20, .n = 200};
    text_list words = {0};
    const option rows[] = {
        {"--store", OPTION_TEXT, &store, "STORE", "a store, of pleat prep or a run"},
        {"--size", OPTION_SIZE, dim, "XxYxZ",
         "without --store: size of the synthetic case (default 512x512x320)"},
        {"--patch", OPTION_SIZE, w.patch, "XxYxZ", "size in voxels (default 160x160x80)"},
        {"--reads", OPTION_INT, &repeat.n, "N", "patches to measure (default 200)"},
        {"--warmup", OPTION_INT, &repeat.warmup, "N",
         "reads before the first measurement (default 20)"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object"},
        {0},
    };
    char folder[256] = "";
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 0, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    PLEAT_TRY(bench_check_size("--size", dim));
    PLEAT_TRY(bench_check_size("--patch", w.patch));
    if (a->session->rank != 0) return PLEAT_OK;
    pleat_status status = PLEAT_OK;
    if (store == NULL) {
        PLEAT_TRY(bench_scratch_make(folder));
        PLEAT_TRY_GOTO(status, done, make_store(folder, dim));
    }
    PLEAT_TRY_GOTO(status, done, run_read(store != NULL ? store : folder, &w, &repeat, json));
done:
    if (folder[0] != '\0') bench_scratch_remove(folder);
    return status;
}
