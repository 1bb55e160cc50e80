/* verb_augment.c - augment: patches as the network sees them, as volumes and as one sheet. */
#include "app.h"
#include "contact_sheet.h"

#include "pleat/case_pictures.h"
#include "pleat/file.h"
#include "pleat/nifti.h"
#include "pleat/output.h"
#include "pleat/store.h"
#include "pleat/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLOURS = 256, MOST_SAMPLES = 1000, MOST_ROWS = 64 };

/* A case in memory, and one patch of it. */
typedef struct studio {
    const pleat_config *config;
    const char *out;
    uint64_t seed;
    int fold, epoch, samples;
    pleat_case_info info;
    pleat_source source;
    float *volume;              /* [C,D,H,W] */
    uint8_t *mask;              /* [D,H,W] */
    pleat_histogram *histogram; /* [C] */
    int32_t (*rows)[4];         /* of the foreground */
    int first[COLOURS + 1];
    pleat_foreground foreground;
    float *before, *after; /* [patch, C] */
    float *planes;         /* [C, patch] */
    uint8_t *label;        /* [patch] */
    pleat_colour colours[COLOURS];
    contact sheet;
} studio;

static void close_studio(studio *s) {
    free(s->volume);
    free(s->mask);
    free(s->histogram);
    free(s->rows);
    free(s->before);
    free(s->after);
    free(s->planes);
    free(s->label);
    pleat_picture_free(&s->sheet.sheet);
}

static pleat_status find_case(pleat_store *store, const char *folder, const char *id, int *out) {
    char known[256] = "";
    const int n = pleat_store_count(store);
    for (int i = 0; i < n; i++) {
        const char *name = pleat_store_info(store, i)->id;
        if (strcmp(name, id) == 0) {
            *out = i;
            return PLEAT_OK;
        }
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, "%s%.100s", i > 0 ? ", " : "", name);
    }
    return PLEAT_FAIL(PLEAT_ERR_ARG, "the store '%s' has no case '%s'; it has %s%s", folder, id,
                      known, strlen(known) == sizeof known - 1 ? "..." : "");
}

static pleat_status load(studio *s, pleat_store *store, int i) {
    s->info = *pleat_store_info(store, i);
    const int *dim = s->info.dim;
    const size_t n = pleat_voxels(dim), channels = (size_t)s->info.channels;
    const size_t patch = pleat_voxels(s->config->patch), values = channels * patch;
    PLEAT_CHECK(s->info.has_label, PLEAT_ERR_DATA, "case '%s' has no mask to augment with it",
                s->info.id);
    s->volume = malloc(channels * n * sizeof *s->volume);
    s->mask = malloc(n);
    s->histogram = malloc(channels * sizeof *s->histogram);
    s->before = malloc(values * sizeof *s->before);
    s->after = malloc(values * sizeof *s->after);
    s->planes = malloc(values * sizeof *s->planes);
    s->label = malloc(patch);
    PLEAT_CHECK(s->volume && s->mask && s->histogram && s->before && s->after && s->planes &&
                    s->label,
                PLEAT_ERR_MEMORY, "no memory for case '%s'", s->info.id);
    int listed = 0;
    PLEAT_TRY(pleat_store_read_case(store, i, s->volume, s->mask));
    PLEAT_TRY(pleat_store_foreground(store, i, &s->rows, &listed));
    s->foreground = pleat_foreground_of((const int32_t(*)[4])s->rows, listed, s->first);
    for (size_t c = 0; c < channels; c++)
        pleat_histogram_make(s->volume + c * n, n, &s->histogram[c]);
    s->source = (pleat_source){.dim = {dim[0], dim[1], dim[2]},
                               .channels = s->info.channels,
                               .image = s->volume,
                               .label = s->mask,
                               .histogram = s->histogram,
                               .foreground = &s->foreground};
    return PLEAT_OK;
}

/* --- the sheet's colours and greys ------------------------------------------------------------ */

/* Those of a report's pictures; a store without names of four classes is a chest, most likely. */
static pleat_status choose_colours(studio *s) {
    static const pleat_colour padding = {160, 120, 60};
    const int unnamed = s->config->classes[0] == '\0';
    pleat_classes classes;
    PLEAT_TRY(pleat_classes_parse(
        unnamed && s->info.classes == 4 ? "background,lung_L,lung_R,infection" : s->config->classes,
        &classes));
    for (int k = 1; k < COLOURS; k++) s->colours[k] = pleat_class_colour(&classes, k);
    s->colours[PLEAT_NO_CLASS] = padding;
    pleat_classes_free(&classes);
    return PLEAT_OK;
}

/* The value below which a share of the volume's voxels lies. */
static double quantile(const pleat_histogram *h, double share) {
    double all = 0.0, below = 0.0;
    for (int b = 0; b < PLEAT_BINS; b++) all += h->count[b];
    for (int b = 0; b < PLEAT_BINS; b++) {
        below += h->count[b];
        if (h->count[b] > 0.0 && below >= share * all) return h->value[b];
    }
    return h->max;
}

static pleat_status begin_sheet(studio *s) {
    contact *c = &s->sheet;
    char title[200];
    PLEAT_TRY(choose_colours(s));
    for (int a = 0; a < 3; a++) {
        c->patch[a] = s->config->patch[a];
        c->spacing[a] = s->info.spacing[a];
    }
    c->colours = s->colours;
    pleat_geometry turned;
    pleat_prep_turned(&s->config->prep, &s->info.geometry, &turned);
    c->upside_down = turned.affine[1][1] < 0.0; /* voxel y to mm towards the front */
    c->channels = s->info.channels;
    for (int k = 0; k < c->channels; k++) {
        c->low[k] = (float)quantile(&s->histogram[k], 0.005);
        c->high[k] = (float)quantile(&s->histogram[k], 0.995);
        if (c->high[k] <= c->low[k]) c->high[k] = c->low[k] + 1.0F;
    }
    c->rows = s->samples < MOST_ROWS ? s->samples : MOST_ROWS;
    const int used = snprintf(title, sizeof title, "%.60s  %dx%dx%d  seed %llu", s->info.id,
                              c->patch[2], c->patch[1], c->patch[0], (unsigned long long)s->seed);
    for (size_t k = 0, at = (size_t)used; k < (size_t)c->channels && at < sizeof title; k++)
        at += (size_t)snprintf(title + at, sizeof title - at, "%s%.3g to %.3g",
                               k == 0 ? "  grey " : ", ", (double)c->low[k], (double)c->high[k]);
    return contact_begin(c, title);
}

/* --- one sample ------------------------------------------------------------------------------- */

/* Where the patch was before anything was done to it, as it was stored. */
static pleat_sample undone(const studio *s, const pleat_sample *sample) {
    const int deformed =
        sample->centre[0] != 0.0 || sample->centre[1] != 0.0 || sample->centre[2] != 0.0;
    pleat_sample plain = {0};
    for (int a = 0; a < 3; a++) {
        const int size = s->config->patch[a];
        int start = sample->start[a];
        if (sample->like == PLEAT_AUGMENT_NNUNET) {
            plain.start[a] = start + sample->crop[a] / 2 - size / 2;
            continue;
        }
        if (deformed) start = (int)lround(sample->centre[a] - 0.5 * (size - 1));
        plain.start[a] = sample->mirror[a] ? s->info.dim[a] - start - size : start;
    }
    return plain;
}

static pleat_status write_volumes(const studio *s, int number) {
    char path[PLEAT_PATH_BYTES];
    const int *patch = s->config->patch;
    const double *mm = s->info.spacing;
    pleat_geometry geometry;
    const int channels = s->info.channels;
    const pleat_image image = {
        {patch[0], patch[1], patch[2]}, {mm[0], mm[1], mm[2]}, channels, s->planes};
    const pleat_label label = {{patch[0], patch[1], patch[2]}, {mm[0], mm[1], mm[2]}, s->label};
    const size_t n = pleat_voxels(patch), pitch = (size_t)channels;
    for (size_t c = 0; c < pitch; c++)
        for (size_t i = 0; i < n; i++) s->planes[c * n + i] = s->after[i * pitch + c];
    pleat_nifti_plain_geometry(patch, mm, &geometry);
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s_%03d_image.nii.gz", s->out, s->info.id, number));
    PLEAT_TRY(pleat_nifti_write_image(path, &image, &geometry, 0));
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s_%03d_label.nii.gz", s->out, s->info.id, number));
    return pleat_nifti_write_label(path, &label, &geometry);
}

static pleat_status make_sample(studio *s, int number) {
    const pleat_config *c = s->config;
    static const pleat_augment_config off;
    const int(*dims)[3] = (const int(*)[3]) & s->info.dim;
    const pleat_pad pad = (pleat_pad)c->pad;
    const pleat_sample_key key = {.seed = s->seed,
                                  .fold = s->fold,
                                  .epoch = s->epoch,
                                  .sample = number,
                                  .samples = s->samples,
                                  .batch = c->train.batch};
    pleat_sample sample;
    pleat_sampler_draw(&key, 1, dims, c->patch, c->train.augment ? &c->train.transforms : &off,
                       &sample);
    pleat_sampler_oversample(&key, c->train.oversample, s->info.dim, c->patch, &s->foreground,
                             &sample);
    const pleat_sample plain = undone(s, &sample);
    PLEAT_TRY(pleat_augment_patch(&plain, &s->source, c->patch, pad, s->before, NULL));
    PLEAT_TRY(pleat_augment_patch(&sample, &s->source, c->patch, pad, s->after, s->label));
    if (number < s->sheet.rows)
        contact_row(&s->sheet, number, &sample, s->before, s->after, s->label);
    return write_volumes(s, number);
}

/* Patches, and the sheet of a case that has some. */
static int is_ours(const char *folder, const char *name) {
    const size_t n = strlen(name);
    char patch[PLEAT_PATH_BYTES];
    if (n <= 4 || strcmp(name + n - 4, ".png") != 0) return pleat_output_is_volume(folder, name);
    return pleat_path(patch, sizeof patch, "%.*s_000_image.nii.gz", (int)(n - 4), name) ==
               PLEAT_OK &&
           pleat_output_is_volume(folder, patch);
}

static pleat_status make_all(studio *s) {
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_file_make_folder(s->out));
    PLEAT_TRY(begin_sheet(s));
    for (int i = 0; i < s->samples; i++) PLEAT_TRY(make_sample(s, i));
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s.png", s->out, s->info.id));
    PLEAT_TRY(pleat_picture_write(&s->sheet.sheet, path));
    pleat_text_print("%d patches of %s in %s, on one sheet: %s\n", s->samples, s->info.id, s->out,
                     path);
    return PLEAT_OK;
}

static pleat_status augment(studio *s, const char *folder, const char *id) {
    pleat_store *store = NULL;
    int i = 0;
    PLEAT_TRY(pleat_output_check("--out", s->out, "pleat augment", is_ours));
    PLEAT_TRY(pleat_store_open(folder, NULL, &store));
    pleat_status status = find_case(store, folder, id, &i);
    if (status == PLEAT_OK) status = load(s, store, i);
    pleat_store_close(store);
    if (status == PLEAT_OK) status = make_all(s);
    close_studio(s);
    return status;
}

pleat_status verb_augment(app *a, const verb *self, int argc, char **argv) {
    const char *folder = NULL, *id = NULL, *out = NULL;
    text_list sets = {0}, words = {0};
    int seed = -1, go = 0, patch[3] = {0};
    pleat_config config;
    studio s = {.config = &config, .samples = 6};
    const option rows[] = {
        {"--store", OPTION_TEXT, &folder, "STORE", "preprocessed cases, of `pleat prep` or a run"},
        {"--case", OPTION_TEXT, &id, "ID", "the case of the store to take patches from"},
        {"--out", OPTION_TEXT, &out, "DIR", "where the patches and the sheet go"},
        {"--samples", OPTION_INT, &s.samples, "N", "number of patches (default 6)"},
        {"--seed", OPTION_INT, &seed, "N", "random seed (default: that of the configuration)"},
        {"--fold", OPTION_INT, &s.fold, "K", "use this fold's random draws (default 0)"},
        {"--epoch", OPTION_INT, &s.epoch, "N", "use this epoch's random draws, from 0 (default 0)"},
        {"--patch", OPTION_SIZE, patch, "XxYxZ",
         "size in voxels (default: that of the configuration)"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", VERB_SET_HELP},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    PLEAT_CHECK(s.samples >= 1 && s.samples <= MOST_SAMPLES, PLEAT_ERR_ARG,
                "--samples must be 1 to %d", MOST_SAMPLES);
    PLEAT_TRY(verb_config(words.n == 1 ? words.item[0] : NULL, &sets, &config));
    for (int k = 0; k < 3 && patch[0] > 0; k++) {
        PLEAT_CHECK(patch[k] >= 1 && patch[k] <= 4096, PLEAT_ERR_ARG,
                    "--patch: each size must be 1 to 4096");
        config.patch[k] = patch[k];
    }
    s.out = out;
    s.seed = seed >= 0 ? (uint64_t)seed : config.seed;
    return a->session->rank == 0 ? augment(&s, folder, id) : PLEAT_OK;
}
