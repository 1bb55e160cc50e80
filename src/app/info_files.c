/* info_files.c - what a volume, a store, a checkpoint and a run say of themselves. */
#include "info.h"

#include "pleat/checkpoint.h"
#include "pleat/crossval.h"
#include "pleat/folds.h"
#include "pleat/history.h"
#include "pleat/intensity.h"
#include "pleat/layout.h"
#include "pleat/nifti.h"
#include "pleat/orient.h"
#include "pleat/prep.h"
#include "pleat/rundir.h"
#include "pleat/schedule.h"
#include "pleat/store.h"
#include "pleat/warn.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Users think x, y, z; code holds D, H, W. */
static void print_size(sheet *s, const char *key, const int dim[3]) {
    const int xyz[3] = {dim[2], dim[1], dim[0]};
    sheet_ints(s, key, xyz, 3);
}

static void print_spacing(sheet *s, const char *key, const double spacing[3]) {
    const double xyz[3] = {spacing[2], spacing[1], spacing[0]};
    sheet_reals(s, key, xyz, 3);
}

static void print_unsigned(sheet *s, const char *key, uint64_t value) { /* JSON has 53 bits */
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    sheet_text(s, key, text);
}

static void print_digest(sheet *s, const char *key, uint64_t value) {
    char text[17];
    pleat_digest_hex(value, text);
    sheet_text(s, key, text);
}

/* --- a volume --------------------------------------------------------------------------------- */

/* Where the affine comes from, in the order of nifti1.h. */
static const char *affine_source(const pleat_geometry *g) {
    return g->sform_code > 0 ? "sform" : g->qform_code > 0 ? "qform" : "pixdim";
}

static void print_axes(sheet *s, const pleat_geometry *g) { /* "RAS" */
    char axes[4];
    pleat_orient_text(g->affine, axes);
    sheet_text(s, "axes", axes);
}

static void print_geometry(sheet *s, const pleat_geometry *g) {
    print_size(s, "dim", g->dim);
    print_spacing(s, "spacing_mm", g->spacing);
    print_axes(s, g);
    sheet_text(s, "affine_from", affine_source(g));
    sheet_matrix(s, "affine", &g->affine[0][0], 3, 4);
    sheet_int(s, "sform_code", g->sform_code);
    sheet_int(s, "qform_code", g->qform_code);
    sheet_int(s, "xyzt_units", g->xyzt_units);
}

static const sheet_column channel_columns[] = {{"channel", 7}, {"min", 12}, {"max", 12},
                                               {"mean", 12},   {"std", 12}, {NULL, 0}};

static void print_stats(sheet *s, const pleat_intensity_stats *stats) {
    sheet_real(s, "min", stats->min); /* of the scaled data */
    sheet_real(s, "max", stats->max);
    sheet_real(s, "mean", stats->mean);
    sheet_real(s, "std", stats->std);
}

/* The statistics of one channel, or a table of several. */
static void print_channels(sheet *s, const pleat_intensity_stats *stats, int channels) {
    if (channels == 1) {
        print_stats(s, stats);
        return;
    }
    sheet_table(s, "by_channel", channel_columns);
    for (int c = 0; c < channels; c++) {
        sheet_row(s);
        sheet_int(s, "channel", c);
        print_stats(s, &stats[c]);
    }
    sheet_table_end(s);
}

enum { MOST_LABELS = 64 }; /* more values are an image's */

static const sheet_column label_columns[] = {{"label", 5}, {"voxels", 12}, {"ml", 10}, {NULL, 0}};

/* Where all voxels are labels: how many there are of each; 0: they are none. */
static int count_labels(const pleat_image *image, size_t count[256]) {
    const size_t n = pleat_voxels(image->dim);
    int used = 0;
    if (image->channels > 1) return 0;
    for (size_t i = 0; i < n; i++) {
        const float whole = rintf(image->data[i]);
        if (fabsf(image->data[i] - whole) > 1e-4F || whole < 0.0F || whole > 254.0F) return 0;
        used += count[(int)whole]++ == 0;
    }
    return used <= MOST_LABELS;
}

static void print_labels(sheet *s, const size_t count[256], double mm3) {
    sheet_table(s, "labels", label_columns);
    for (int v = 0; v < 256; v++) {
        if (count[v] == 0) continue;
        sheet_row(s);
        sheet_int(s, "label", v);
        sheet_int(s, "voxels", (long long)count[v]);
        sheet_real(s, "ml", (double)count[v] * mm3 / 1000.0);
    }
    sheet_table_end(s);
}

pleat_status info_nifti(const char *path, sheet_form form) {
    pleat_geometry geometry;
    pleat_nifti_info info;
    pleat_image image = {0};
    pleat_intensity_stats stats[PLEAT_MAX_CHANNELS] = {{0}};
    PLEAT_TRY(pleat_nifti_read_header(path, &geometry, &info));
    PLEAT_TRY(pleat_nifti_read_image(path, &image, NULL));
    const size_t n = pleat_voxels(image.dim);
    for (int c = 0; c < image.channels; c++)
        stats[c] = pleat_intensity_measure(image.data + (size_t)c * n, n);
    size_t count[256] = {0};
    const int labels = count_labels(&image, count);
    pleat_image_free(&image);
    sheet s = sheet_begin(form, "nifti");
    sheet_text(&s, "kind", "nifti");
    sheet_text(&s, "file", path);
    sheet_int(&s, "version", info.version);
    sheet_text(&s, "byte_order", info.big_endian ? "big-endian" : "little-endian");
    sheet_flag(&s, "compressed", info.compressed);
    sheet_text(&s, "datatype", info.datatype);
    sheet_real(&s, "slope", info.slope);
    sheet_real(&s, "inter", info.inter);
    print_geometry(&s, &geometry);
    sheet_int(&s, "voxels", (long long)info.voxels); /* of a channel */
    sheet_int(&s, "channels", info.channels);
    print_channels(&s, stats, info.channels);
    if (labels) print_labels(&s, count, pleat_geometry_voxel(&geometry));
    sheet_end(&s);
    return PLEAT_OK;
}

/* --- a store ---------------------------------------------------------------------------------- */

static const sheet_column case_columns[] = {
    {"id", -24},     {"dim", -12}, {"spacing_mm", -26}, {"native_dim", -12}, {"classes", 7},
    {"digest", -16}, {NULL, 0}};

static void print_case(sheet *s, const pleat_case_info *c) {
    sheet_row(s);
    sheet_text(s, "id", c->id);
    print_size(s, "dim", c->dim);
    print_spacing(s, "spacing_mm", c->spacing);
    print_size(s, "native_dim", c->geometry.dim);
    if (c->has_label)
        sheet_int(s, "classes", c->classes);
    else
        sheet_text(s, "classes", NULL);
    print_digest(s, "digest", c->digest);
}

pleat_status info_store(const char *folder, sheet_form form) {
    pleat_store *store = NULL;
    PLEAT_TRY(pleat_store_open(folder, NULL, &store));
    const int n = pleat_store_count(store);
    int labelled = 0, classes = 0;
    double bytes = 0.0;
    for (int i = 0; i < n; i++) {
        const pleat_case_info *c = pleat_store_info(store, i);
        const size_t voxel = (size_t)c->channels * sizeof(float) + (c->has_label ? 1 : 0);
        labelled += c->has_label;
        if (c->classes > classes) classes = c->classes;
        bytes += (double)(pleat_voxels(c->dim) * voxel);
    }
    sheet s = sheet_begin(form, "store");
    sheet_text(&s, "kind", "store");
    sheet_text(&s, "folder", folder);
    sheet_int(&s, "n", n);
    sheet_int(&s, "labelled", labelled);
    sheet_int(&s, "channels", n > 0 ? pleat_store_info(store, 0)->channels : 0);
    sheet_int(&s, "classes", classes);
    sheet_real(&s, "mib", bytes / 0x1p20);
    sheet_text(&s, "preprocessing", pleat_store_preprocessing(store));
    sheet_table(&s, "cases", case_columns);
    for (int i = 0; i < n; i++) print_case(&s, pleat_store_info(store, i));
    sheet_table_end(&s);
    sheet_end(&s);
    pleat_store_close(store);
    return PLEAT_OK;
}

pleat_status info_case(const char *path, sheet_form form) {
    pleat_case_info c;
    char preprocessing[PLEAT_PREPROCESSING_BYTES];
    PLEAT_TRY(pleat_store_look(path, &c, preprocessing));
    sheet s = sheet_begin(form, "case");
    sheet_text(&s, "kind", "case");
    sheet_text(&s, "file", path);
    sheet_text(&s, "id", c.id);
    sheet_int(&s, "channels", c.channels);
    print_size(&s, "dim", c.dim);
    print_spacing(&s, "spacing_mm", c.spacing);
    sheet_flag(&s, "labelled", c.has_label);
    sheet_int(&s, "classes", c.classes);
    print_digest(&s, "digest", c.digest);
    sheet_text(&s, "image", c.image_path);
    sheet_text(&s, "label", c.has_label ? c.label_path : NULL);
    print_size(&s, "native_dim", c.geometry.dim);
    print_spacing(&s, "native_spacing", c.geometry.spacing);
    sheet_matrix(&s, "affine", &c.geometry.affine[0][0], 3, 4);
    sheet_text(&s, "preprocessing", preprocessing);
    sheet_end(&s);
    return PLEAT_OK;
}

/* --- a data folder ---------------------------------------------------------------------------- */

static const sheet_column data_columns[] = {{"id", -24},      {"dim", -12}, {"spacing_mm", -26},
                                            {"axes", -4},     {"type", -7}, {"channels", 8},
                                            {"labelled", -1}, {NULL, 0}};

/* Commas between them; "" when there are none. */
static void join(char *const *names, int n, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? "," : "", names[i]);
}

/* Texts of dataset.json, "" where it does not say. */
static pleat_status data_names(const char *folder, char channels[1024], char classes[4096]) {
    char **names = NULL;
    int n = 0;
    pleat_classes known;
    PLEAT_TRY(pleat_layout_channels(folder, &names, &n));
    join(names, n, channels, 1024);
    pleat_layout_names_free(names, n);
    PLEAT_TRY(pleat_layout_classes(folder, &known));
    join((char *const *)known.name, known.n, classes, 4096);
    pleat_classes_free(&known);
    return PLEAT_OK;
}

typedef struct data_case {
    pleat_geometry geometry;
    pleat_nifti_info info;
    int channels;
} data_case;

static pleat_status read_headers(const pleat_case_paths *cases, int n, data_case *out) {
    for (int i = 0; i < n; i++) {
        PLEAT_TRY(pleat_nifti_read_header(cases[i].image[0], &out[i].geometry, &out[i].info));
        PLEAT_TRY(pleat_prep_count_channels(&cases[i], &out[i].channels));
    }
    return PLEAT_OK;
}

static void print_data(const char *folder, const pleat_case_paths *cases, const data_case *seen,
                       int n, const char *channels, const char *classes, sheet_form form) {
    sheet s = sheet_begin(form, "data");
    int labelled = 0;
    for (int i = 0; i < n; i++) labelled += cases[i].label != NULL;
    sheet_text(&s, "kind", "data");
    sheet_text(&s, "folder", folder);
    sheet_int(&s, "n", n);
    sheet_int(&s, "labelled", labelled);
    sheet_int(&s, "channels", seen[0].channels);
    sheet_text(&s, "channel_names", channels[0] != '\0' ? channels : NULL);
    sheet_text(&s, "classes", classes[0] != '\0' ? classes : NULL);
    sheet_table(&s, "cases", data_columns);
    for (int i = 0; i < n; i++) {
        sheet_row(&s);
        sheet_text(&s, "id", cases[i].id);
        print_size(&s, "dim", seen[i].geometry.dim);
        print_spacing(&s, "spacing_mm", seen[i].geometry.spacing);
        print_axes(&s, &seen[i].geometry);
        sheet_text(&s, "type", seen[i].info.datatype);
        sheet_int(&s, "channels", seen[i].channels);
        sheet_flag(&s, "labelled", cases[i].label != NULL);
    }
    sheet_table_end(&s);
    sheet_end(&s);
}

pleat_status info_data(const char *folder, sheet_form form) {
    pleat_case_paths *cases = NULL;
    data_case *seen = NULL;
    char channels[1024] = "", classes[4096] = "";
    int n = 0;
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(pleat_layout_scan(folder, PLEAT_LAYOUT_VOLUMES, &cases, &n));
    PLEAT_TRY_GOTO(status, done, data_names(folder, channels, classes));
    seen = calloc((size_t)n, sizeof *seen);
    PLEAT_CHECK_GOTO(status, done, seen != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    PLEAT_TRY_GOTO(status, done, read_headers(cases, n, seen));
    print_data(folder, cases, seen, n, channels, classes, form);
done:
    free(seen);
    pleat_layout_free(cases, n);
    return status;
}

/* --- what is said about data ------------------------------------------------------------------ */

static const sheet_column class_columns[] = {
    {"label", 5}, {"name", -24}, {"region_of", -1}, {NULL, 0}};
static const sheet_column split_columns[] = {{"fold", 4}, {"train", 6}, {"val", 6}, {NULL, 0}};

/* "1+2+3" of a region; NULL of another class. */
static const char *region_text(const pleat_classes *of, int c, char out[1024]) {
    size_t used = 0;
    out[0] = '\0';
    if (!of->of_regions || c == 0) return NULL;
    for (int v = 1; v < 256 && used < 1000; v++)
        if (of->regions[v] >> (c - 1) & 1)
            used += (size_t)snprintf(out + used, 1024 - used, "%s%d", used > 0 ? "+" : "", v);
    return out;
}

pleat_status info_dataset(const char *path, sheet_form form) {
    char folder[PLEAT_PATH_BYTES], channels[1024] = "", classes[4096] = "", region[1024];
    pleat_classes of = {0};
    const char *slash = strrchr(path, '/');
    PLEAT_TRY(pleat_path(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) : 1,
                         slash != NULL ? path : "."));
    PLEAT_TRY(data_names(folder, channels, classes));
    PLEAT_TRY(pleat_layout_classes(folder, &of));
    sheet s = sheet_begin(form, "dataset");
    sheet_text(&s, "kind", "dataset");
    sheet_text(&s, "file", path);
    sheet_text(&s, "channel_names", channels[0] != '\0' ? channels : NULL);
    if (of.ignore > 0) sheet_int(&s, "ignored_label", of.ignore);
    sheet_table(&s, "classes", class_columns);
    for (int i = 0; i < of.n; i++) {
        sheet_row(&s);
        sheet_int(&s, "label", of.value[i]);
        sheet_text(&s, "name", of.name[i]);
        sheet_text(&s, "region_of", region_text(&of, i, region));
    }
    sheet_table_end(&s);
    sheet_end(&s);
    pleat_classes_free(&of);
    return PLEAT_OK;
}

pleat_status info_splits(const char *path, sheet_form form) {
    int sizes[PLEAT_MAX_FOLDS][2], k = 0, held_out = 0;
    PLEAT_TRY(pleat_folds_sizes(path, sizes, &k));
    const int cases = k > 0 ? sizes[0][0] + sizes[0][1] : 0;
    for (int i = 0; i < k; i++) held_out += sizes[i][1];
    sheet s = sheet_begin(form, "splits");
    sheet_text(&s, "kind", "splits");
    sheet_text(&s, "file", path);
    sheet_int(&s, "held_out", held_out);
    sheet_int(&s, "cases", cases);
    sheet_int(&s, "repeats", cases > 0 ? held_out / cases : 0);
    sheet_table(&s, "folds", split_columns);
    for (int i = 0; i < k; i++) {
        sheet_row(&s);
        sheet_int(&s, "fold", i);
        sheet_int(&s, "train", sizes[i][0]);
        sheet_int(&s, "val", sizes[i][1]);
    }
    sheet_table_end(&s);
    sheet_end(&s);
    return PLEAT_OK;
}

/* --- a checkpoint ----------------------------------------------------------------------------- */

/* Lowest mean training loss of an epoch; NaN before the first. */
static double best_loss(const pleat_checkpoint *c) {
    pleat_schedule schedule = {0};
    pleat_schedule_load(&schedule, c->schedule);
    return c->epoch > 0 ? schedule.best : NAN;
}

/* Of what training made: two checkpoints with these alike hold the same bits. The history's leaves
 * out the seconds. */
static void print_digests(sheet *s, const pleat_checkpoint *c) {
    const size_t params = c->n_params * sizeof(float);
    uint64_t history = 0;
    const size_t columns = (size_t)pleat_checkpoint_columns(c);
    for (size_t e = 0; e < (size_t)c->epoch; e++) {
        const double no_seconds = 0.0;
        history = pleat_digest(history, c->history + e * columns, (columns - 1) * sizeof(double));
        history = pleat_digest(history, &no_seconds, sizeof no_seconds);
    }
    print_digest(s, "weights_digest", pleat_digest(0, c->params, params));
    print_digest(s, "statistics_digest", pleat_digest(0, c->stats, c->n_stats * sizeof(float)));
    if (c->moment1 != NULL && c->moment2 != NULL) {
        const uint64_t moments =
            pleat_digest(pleat_digest(0, c->moment1, params), c->moment2, params);
        print_digest(s, "moments_digest",
                     c->moment2_max == NULL ? moments
                                            : pleat_digest(moments, c->moment2_max, params));
    } else {
        sheet_text(s, "moments_digest", NULL);
    }
    print_digest(s, "history_digest", history);
}

pleat_status info_checkpoint(const char *path, sheet_form form) {
    pleat_checkpoint c = {0};
    int fell_back = 0;
    PLEAT_TRY(pleat_checkpoint_resume(path, &c, &fell_back));
    sheet s = sheet_begin(form, "checkpoint");
    sheet_text(&s, "kind", "checkpoint");
    sheet_text(&s, "file", path);
    sheet_flag(&s, "from_previous", fell_back);
    sheet_text(&s, "version", c.version);
    sheet_text(&s, "network", c.network);
    sheet_int(&s, "params", (long long)c.n_params);
    sheet_text(&s, "classes", c.classes);
    sheet_int(&s, "fold", c.fold);
    sheet_int(&s, "epoch", c.epoch);
    sheet_int(&s, "step", (long long)c.step);
    sheet_flag(&s, "finished", c.finished);
    sheet_real(&s, "best_loss", best_loss(&c));
    sheet_flag(&s, "resumable", c.moment1 != NULL && c.moment2 != NULL);
    print_digests(&s, &c);
    print_unsigned(&s, "seed", c.seed);
    sheet_text(&s, "engine", c.engine);
    sheet_text(&s, "precision", c.precision);
    sheet_text(&s, "preprocessing", c.preprocessing);
    sheet_text(&s, "config", c.config);
    sheet_end(&s);
    pleat_checkpoint_free(&c);
    return PLEAT_OK;
}

/* --- a run ------------------------------------------------------------------------------------ */

static const sheet_column fold_columns[] = {{"fold", 4},       {"epochs", 6},   {"steps", 8},
                                            {"best_loss", 10}, {"trained", -7}, {"scored", -1},
                                            {NULL, 0}};

static const sheet_column warning_columns[] = {{"text", -1}, {NULL, 0}};

typedef struct fold_state {
    int epochs, trained, scored;
    int64_t steps;
    double best_loss;
} fold_state;

static pleat_status look_at_fold(const char *run, int fold, fold_state *out) {
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    *out = (fold_state){.best_loss = NAN};
    PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_SCORES, path));
    out->scored = pleat_file_exists(path);
    PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_LATEST, path));
    int fell_back;
    const pleat_status status = pleat_checkpoint_resume(path, &c, &fell_back);
    if (status == PLEAT_ERR_NOT_FOUND) return PLEAT_OK; /* not begun */
    PLEAT_TRY(status);
    out->epochs = c.epoch;
    out->steps = c.step;
    out->trained = c.finished;
    out->best_loss = best_loss(&c);
    pleat_checkpoint_free(&c);
    return PLEAT_OK;
}

static void print_record(sheet *s, const char *folder, const pleat_record *r) {
    sheet_text(s, "kind", "run");
    sheet_text(s, "folder", folder);
    sheet_text(s, "version", r->version);
    sheet_text(s, "command", r->command);
    sheet_text(s, "started", r->started);
    sheet_text(s, "host", r->host);
    sheet_int(s, "ranks", r->ranks);
    sheet_text(s, "engine", r->engine);
    sheet_text(s, "precision", r->precision);
    sheet_text(s, "device", r->device);
    sheet_text(s, "config_digest", r->digest);
    if (r->from[0] != '\0') sheet_text(s, "from_digest", r->from);
    print_unsigned(s, "seed", r->seed);
    sheet_text(s, "classes", r->classes);
    sheet_int(s, "cases", r->cases);
    sheet_int(s, "channels", r->channels);
    sheet_text(s, "weights", r->weights);
}

pleat_status info_run(const char *folder, sheet_form form) {
    pleat_record record;
    fold_state folds[PLEAT_MAX_FOLDS];
    char report[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_record_read(folder, &record));
    PLEAT_TRY(pleat_record_warnings(folder));
    for (int k = 0; k < record.folds; k++) PLEAT_TRY(look_at_fold(folder, k, &folds[k]));
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_SUMMARY, report));
    sheet s = sheet_begin(form, "run");
    print_record(&s, folder, &record);
    sheet_flag(&s, "reported", pleat_file_exists(report));
    sheet_table(&s, "folds", fold_columns);
    for (int k = 0; k < record.folds; k++) {
        sheet_row(&s);
        sheet_int(&s, "fold", k);
        sheet_int(&s, "epochs", folds[k].epochs);
        sheet_int(&s, "steps", (long long)folds[k].steps);
        sheet_real(&s, "best_loss", folds[k].best_loss);
        sheet_flag(&s, "trained", folds[k].trained);
        sheet_flag(&s, "scored", folds[k].scored);
    }
    sheet_table_end(&s);
    sheet_table(&s, "warnings", warning_columns);
    for (int i = 0; i < pleat_warn_count(); i++) {
        sheet_row(&s);
        sheet_text(&s, "text", pleat_warn_text(i));
    }
    sheet_table_end(&s);
    sheet_end(&s);
    return PLEAT_OK;
}
