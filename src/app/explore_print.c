/* explore_print.c - an exploration as text, JSON and CSV. */
#include "explore_print.h"

#include "pleat/csv.h"
#include "pleat/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the cases have in common ----------------------------------------------------------- */

const char *explore_axes(const pleat_explored_case *c) { return c->axes; }
const char *explore_type(const pleat_explored_case *c) { return c->type; }

void explore_tally(const pleat_exploration *e, const char *(*of)(const pleat_explored_case *),
                   char *out, size_t size) {
    size_t used = 0;
    int before = e->n + 1, last = -1; /* how many had the text before, and where it came first */
    out[0] = '\0';
    for (;;) {
        int best = -1, most = 0;
        for (int i = 0; i < e->n; i++) {
            int times = 0, first = 0;
            while (strcmp(of(&e->of[first]), of(&e->of[i])) != 0) first++;
            if (first < i || of(&e->of[i])[0] == '\0') continue;
            for (int k = i; k < e->n; k++) times += strcmp(of(&e->of[i]), of(&e->of[k])) == 0;
            if (times > before || (times == before && i <= last)) continue;
            if (times > most) best = i;
            if (times > most) most = times;
        }
        if (best < 0 || used >= size - 64) return;
        used += (size_t)snprintf(out + used, size - used, "%s%s (%d%s)", used > 0 ? ", " : "",
                                 of(&e->of[best]), most,
                                 used > 0    ? ""
                                 : most == 1 ? " case"
                                             : " cases");
        before = most;
        last = best;
    }
}

static double size_of(const pleat_explored_case *c, int a) { return c->dim[a]; }
static double crop_of(const pleat_explored_case *c, int a) { return c->crop[a]; }
static double spacing_of(const pleat_explored_case *c, int a) { return c->spacing[a]; }

static double mean_of(const double *x, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static double first_of(const double *x, size_t n) {
    (void)n;
    return x[0];
}

static double last_of(const double *x, size_t n) { return x[n - 1]; }

static const struct {
    const char *what;
    double (*of)(const pleat_explored_case *c, int axis);
    double (*number)(const double *sorted, size_t n);
} EXTENTS[EXPLORE_EXTENTS] = {
    {"mean size", size_of, mean_of},
    {"median size", size_of, pleat_median},
    {"least size", size_of, first_of},
    {"greatest size", size_of, last_of},
    {"median size without empty edges", crop_of, pleat_median},
    {"median spacing, mm", spacing_of, pleat_median},
    {"least spacing, mm", spacing_of, first_of},
    {"greatest spacing, mm", spacing_of, last_of},
};

pleat_status explore_extents(const pleat_exploration *e, explore_extent out[EXPLORE_EXTENTS]) {
    double *x = malloc(((size_t)e->n + 1) * sizeof *x);
    PLEAT_CHECK(x != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", e->n);
    for (int k = 0; k < EXPLORE_EXTENTS; k++) {
        out[k].what = EXTENTS[k].what;
        for (int a = 0; a < 3; a++) {
            size_t n = 0;
            for (int i = 0; i < e->n; i++)
                if (e->of[i].measured) x[n++] = EXTENTS[k].of(&e->of[i], 2 - a);
            pleat_sort(x, n);
            out[k].xyz[a] = n > 0 ? EXTENTS[k].number(x, n) : NAN;
        }
    }
    free(x);
    return PLEAT_OK;
}

/* ---- text and JSON --------------------------------------------------------------------------- */

static const sheet_column case_columns[] = {
    {"id", -22},         {"size", -12}, {"spacing_mm", -22}, {"axes", -4},
    {"type", -7},        {"min", 7},    {"max", 7},          {"size_without_empty_edges", -24},
    {"class_share", -1}, {NULL, 0}};

static void print_sizes(sheet *s, const char *key, const int dim[3]) {
    const int xyz[3] = {dim[2], dim[1], dim[0]};
    sheet_ints(s, key, xyz, 3);
}

static void print_of_channels(sheet *s, const char *key, const pleat_explored_case *c, int max) {
    double x[PLEAT_MAX_CHANNELS];
    int n = 0;
    for (; c->measured && n < c->channels && n < PLEAT_MAX_CHANNELS; n++)
        x[n] = max ? c->channel[n].max : c->channel[n].min;
    sheet_reals(s, key, x, n);
}

/* To six places, as the original prints them. */
static void print_shares(sheet *s, const pleat_exploration *e, const pleat_explored_case *c) {
    double share[PLEAT_MAX_CLASSES];
    const double voxels = (double)pleat_voxels(c->dim);
    for (int k = 0; k < e->classes.n; k++)
        share[k] = round(1e6 * (double)pleat_explored_count(&e->classes, k, c) / voxels) / 1e6;
    if (c->labelled)
        sheet_reals(s, "class_share", share, e->classes.n);
    else
        sheet_text(s, "class_share", NULL);
}

static void print_cases(sheet *s, const pleat_exploration *e) {
    sheet_table(s, "cases", case_columns);
    for (int i = 0; i < e->n; i++) {
        const pleat_explored_case *c = &e->of[i];
        const double mm[3] = {c->spacing[2], c->spacing[1], c->spacing[0]};
        sheet_row(s);
        sheet_text(s, "id", c->id);
        print_sizes(s, "size", c->dim);
        sheet_reals(s, "spacing_mm", mm, 3);
        sheet_text(s, "axes", c->axes[0] != '\0' ? c->axes : NULL);
        sheet_text(s, "type", c->type[0] != '\0' ? c->type : NULL);
        print_of_channels(s, "min", c, 0);
        print_of_channels(s, "max", c, 1);
        print_sizes(s, "size_without_empty_edges", c->crop);
        print_shares(s, e, c);
    }
    sheet_table_end(s);
}

static const char *const QUANTILES[PLEAT_EXPLORE_QUANTILES] = {"p0_5", "p5",  "p25",  "median",
                                                               "p75",  "p95", "p99_5"};

static const sheet_column intensity_columns[] = {
    {"id", -22}, {"channel", 7}, {"mean", 8}, {"sd", 8},  {"p0_5", 8},  {"p5", 8},
    {"p25", 8},  {"median", 8},  {"p75", 8},  {"p95", 8}, {"p99_5", 8}, {NULL, 0}};

static void print_intensities(sheet *s, const pleat_exploration *e) {
    sheet_table(s, "intensities", intensity_columns);
    for (int i = 0; i < e->n; i++)
        for (int c = 0; e->of[i].measured && c < e->of[i].channels; c++) {
            const pleat_explored_values *v = &e->of[i].channel[c];
            sheet_row(s);
            sheet_text(s, "id", e->of[i].id);
            sheet_int(s, "channel", c);
            sheet_real(s, "mean", v->mean);
            sheet_real(s, "sd", v->sd);
            for (int q = 0; q < PLEAT_EXPLORE_QUANTILES; q++)
                sheet_real(s, QUANTILES[q], v->quantile[q]);
        }
    sheet_table_end(s);
}

static const sheet_column extent_columns[] = {
    {"what", -32}, {"x", 9}, {"y", 9}, {"z", 9}, {NULL, 0}};

static pleat_status print_extents(sheet *s, const pleat_exploration *e) {
    explore_extent extent[EXPLORE_EXTENTS];
    PLEAT_TRY(explore_extents(e, extent));
    sheet_table(s, "sizes", extent_columns);
    for (int k = 0; k < EXPLORE_EXTENTS; k++) {
        sheet_row(s);
        sheet_text(s, "what", extent[k].what);
        sheet_real(s, "x", extent[k].xyz[0]);
        sheet_real(s, "y", extent[k].xyz[1]);
        sheet_real(s, "z", extent[k].xyz[2]);
    }
    sheet_table_end(s);
    return PLEAT_OK;
}

static const sheet_column class_columns[] = {{"label", 5},      {"name", -20},   {"cases", 5},
                                             {"voxels", 12},    {"share", 10},   {"least_ml", 10},
                                             {"median_ml", 10}, {"most_ml", 10}, {NULL, 0}};

static void print_classes(sheet *s, const pleat_exploration *e) {
    sheet_table(s, "classes", class_columns);
    for (int c = 0; c < e->classes.n; c++) {
        const pleat_explored_class *k = &e->of_class[c];
        sheet_row(s);
        sheet_int(s, "label", k->label);
        sheet_text(s, "name", e->classes.name[c]);
        sheet_int(s, "cases", k->cases);
        sheet_int(s, "voxels", k->voxels);
        sheet_real(s, "share", k->share);
        sheet_real(s, "least_ml", k->least_ml);
        sheet_real(s, "median_ml", k->median_ml);
        sheet_real(s, "most_ml", k->most_ml);
    }
    sheet_table_end(s);
}

static const sheet_column value_columns[] = {
    {"class", -20}, {"channel", 7}, {"mean", 9},  {"sd", 9},  {"min", 9},
    {"p0_5", 9},    {"median", 9},  {"p99_5", 9}, {"max", 9}, {NULL, 0}};

static void print_class_values(sheet *s, const pleat_exploration *e) {
    sheet_table(s, "class_intensities", value_columns);
    for (int c = 0; c < e->classes.n; c++)
        for (int k = 0; k < e->channels; k++) {
            const pleat_explored_values *v = &e->of_class[c].channel[k];
            sheet_row(s);
            sheet_text(s, "class", e->classes.name[c]);
            sheet_int(s, "channel", k);
            sheet_real(s, "mean", v->mean);
            sheet_real(s, "sd", v->sd);
            sheet_real(s, "min", v->min);
            sheet_real(s, "p0_5", v->quantile[0]);
            sheet_real(s, "median", v->quantile[PLEAT_EXPLORE_QUANTILES / 2]);
            sheet_real(s, "p99_5", v->quantile[PLEAT_EXPLORE_QUANTILES - 1]);
            sheet_real(s, "max", v->max);
        }
    sheet_table_end(s);
}

static const sheet_column fingerprint_columns[] = {
    {"channel", 7}, {"name", -12}, {"modality", -8}, {"cases", 5}, {"mean", 9}, {"sd", 9},
    {"min", 9},     {"p0_5", 9},   {"median", 9},    {"p99_5", 9}, {"max", 9},  {NULL, 0}};

static void print_fingerprint(sheet *s, const pleat_fingerprint *f) {
    sheet_int(s, "fingerprint_cases", f->n);
    sheet_real(s, "fingerprint_kept", f->kept);
    sheet_table(s, "fingerprint", fingerprint_columns);
    for (int c = 0; c < f->channels; c++) {
        const pleat_fingerprint_channel *v = &f->channel[c];
        sheet_row(s);
        sheet_int(s, "channel", c);
        sheet_text(s, "name", v->name[0] != '\0' ? v->name : NULL);
        sheet_text(s, "modality", pleat_modality_name(v->modality));
        sheet_int(s, "cases", v->cases);
        sheet_real(s, "mean", v->mean);
        sheet_real(s, "sd", v->sd);
        sheet_real(s, "min", v->min);
        sheet_real(s, "p0_5", v->low);
        sheet_real(s, "median", v->median);
        sheet_real(s, "p99_5", v->high);
        sheet_real(s, "max", v->max);
    }
    sheet_table_end(s);
}

pleat_status explore_print(sheet_form form, const char *data, int fold,
                           const pleat_exploration *e) {
    char axes[512], types[512];
    int labelled = 0;
    for (int i = 0; i < e->n; i++) labelled += e->of[i].labelled;
    explore_tally(e, explore_axes, axes, sizeof axes);
    explore_tally(e, explore_type, types, sizeof types);
    sheet s = sheet_begin(form, "explore");
    print_cases(&s, e);
    print_intensities(&s, e);
    sheet_text(&s, "kind", "exploration");
    sheet_text(&s, "folder", data);
    sheet_int(&s, "n", e->n);
    sheet_int(&s, "measured", e->measured);
    sheet_int(&s, "labelled", labelled);
    if (fold >= 0) sheet_int(&s, "fold", fold);
    sheet_int(&s, "channels", e->channels);
    sheet_text(&s, "orientation", axes);
    sheet_text(&s, "types", types);
    sheet_int(&s, "errors", e->check.of[PLEAT_ERROR]);
    sheet_int(&s, "warnings", e->check.of[PLEAT_WARNING]);
    const pleat_status status = print_extents(&s, e);
    print_classes(&s, e);
    print_class_values(&s, e);
    print_fingerprint(&s, &e->fingerprint);
    sheet_end(&s);
    return status;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void csv_head(pleat_csv *csv, const pleat_exploration *e) {
    static const char *const names[] = {"case", "channel",   "measured",  "x",         "y",
                                        "z",    "spacing_x", "spacing_y", "spacing_z", "axes",
                                        "type", "crop_x",    "crop_y",    "crop_z",    "min",
                                        "max",  "mean",      "sd"};
    char name[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) pleat_csv_text(csv, names[i]);
    for (int q = 0; q < PLEAT_EXPLORE_QUANTILES; q++) pleat_csv_text(csv, QUANTILES[q]);
    for (int c = 0; c < e->classes.n; c++) {
        (void)snprintf(name, sizeof name, "voxels %s", e->classes.name[c]);
        pleat_csv_text(csv, name);
    }
    pleat_csv_end_row(csv);
}

static void csv_row(pleat_csv *csv, const pleat_exploration *e, const pleat_explored_case *c,
                    int channel) {
    const pleat_explored_values *v = &c->channel[channel];
    pleat_csv_text(csv, c->id);
    pleat_csv_real(csv, channel);
    pleat_csv_text(csv, c->measured ? "yes" : "no");
    for (int a = 2; a >= 0; a--) pleat_csv_real(csv, c->dim[a]);
    for (int a = 2; a >= 0; a--) pleat_csv_real(csv, c->spacing[a]);
    pleat_csv_text(csv, c->axes);
    pleat_csv_text(csv, c->type);
    for (int a = 2; a >= 0; a--) pleat_csv_real(csv, c->crop[a]);
    pleat_csv_real(csv, v->min);
    pleat_csv_real(csv, v->max);
    pleat_csv_real(csv, v->mean);
    pleat_csv_real(csv, v->sd);
    for (int q = 0; q < PLEAT_EXPLORE_QUANTILES; q++) pleat_csv_real(csv, v->quantile[q]);
    for (int k = 0; k < e->classes.n; k++)
        pleat_csv_real(csv, c->labelled ? (double)pleat_explored_count(&e->classes, k, c) : NAN);
    pleat_csv_end_row(csv);
}

pleat_status explore_print_csv(const pleat_exploration *e) {
    pleat_csv csv;
    PLEAT_TRY(pleat_csv_open(&csv));
    csv_head(&csv, e);
    for (int i = 0; i < e->n; i++)
        for (int c = 0; c < (e->of[i].channels > 0 ? e->of[i].channels : 1); c++)
            csv_row(&csv, e, &e->of[i], c);
    return pleat_csv_send(&csv, stdout);
}
