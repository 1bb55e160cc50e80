/* verb_compare.c - compare: which of several is better, over the same cases. */
#include "app.h"

#include "pleat/crossval.h"
#include "pleat/figures.h"
#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/output.h"
#include "pleat/paired.h"
#include "pleat/rundir.h"
#include "pleat/unchanged.h"
#include "pleat/warn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct compared {
    const char *name[MAX_LIST];
    pleat_measured of[MAX_LIST];
    pleat_results run[MAX_LIST]; /* of those that are runs; empty of files */
    int n, runs;
} compared;

/* The file of scores in a folder that is no run, such as that of score --out. */
static pleat_status read_folder(const char *folder, pleat_measured *out) {
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_STATISTICS_JSON, path));
    PLEAT_CHECK(pleat_file_exists(path), PLEAT_ERR_NOT_FOUND,
                "'%s' has neither the %s of a run nor the %s that pleat score --out writes; name "
                "the file of scores in it",
                folder, pleat_run_file_name(PLEAT_RUN_RECORD),
                pleat_run_file_name(PLEAT_RUN_STATISTICS_JSON));
    return pleat_measured_read(path, out);
}

/* A run is compared by its own scores, which report --set may have replaced in its report. */
static void tell_definitions(const char *run, const pleat_measured *own) {
    char path[PLEAT_PATH_BYTES];
    pleat_measured reported = {0};
    int i = 0;
    if (pleat_run_path(run, PLEAT_RUN_STATISTICS_JSON, path) != PLEAT_OK) return;
    if (pleat_measured_read(path, &reported) != PLEAT_OK) return; /* not reported yet */
    while (i < reported.definitions.n &&
           pleat_names_find(&own->definitions, reported.definitions.name[i]) >= 0)
        i++;
    if (i < reported.definitions.n)
        pleat_warn("'%s' has scores by other definitions, of report --set ('%s'); those of the run "
                   "itself are compared. Name that file to compare what it has",
                   path, reported.definitions.name[i]);
    pleat_measured_free(&reported);
}

/* A run, a file of scores, or a folder that has one. */
static pleat_status read_one(const char *path, compared *c) {
    const int at = c->n++;
    char record[PLEAT_PATH_BYTES];
    c->name[at] = path;
    if (!pleat_file_is_folder(path)) return pleat_measured_read(path, &c->of[at]);
    PLEAT_TRY(pleat_run_path(path, PLEAT_RUN_RECORD, record));
    if (!pleat_file_exists(record)) return read_folder(path, &c->of[at]);
    PLEAT_TRY(pleat_crossval_results(path, &c->run[at]));
    c->runs++;
    PLEAT_TRY(pleat_measured_results(&c->run[at], &c->of[at]));
    tell_definitions(path, &c->of[at]);
    return PLEAT_OK;
}

/* The run itself, or that in whose folder, or fold's folder, a file of scores lies; "": none. */
static pleat_status run_of(const char *name, char out[PLEAT_PATH_BYTES]) {
    static const char *const above[] = {"", "/.."};
    char folder[PLEAT_PATH_BYTES], record[PLEAT_PATH_BYTES];
    const char *slash = strrchr(name, '/');
    const int is_file = !pleat_file_is_folder(name);
    if (!is_file)
        PLEAT_TRY(pleat_path(folder, sizeof folder, "%s", name));
    else if (slash == NULL)
        PLEAT_TRY(pleat_path(folder, sizeof folder, "."));
    else
        PLEAT_TRY(pleat_path(folder, sizeof folder, "%.*s", slash == name ? 1 : (int)(slash - name),
                             name));
    for (int i = 0; i < (is_file ? 2 : 1); i++) {
        PLEAT_TRY(pleat_path(out, PLEAT_PATH_BYTES, "%s%s", folder, above[i]));
        PLEAT_TRY(pleat_run_path(out, PLEAT_RUN_RECORD, record));
        if (pleat_file_exists(record)) return PLEAT_OK;
    }
    out[0] = '\0';
    return PLEAT_OK;
}

/* All that are of a run by the masks of the first of them. */
static pleat_status check_masks(const compared *c) {
    char first[PLEAT_PATH_BYTES] = "", run[PLEAT_PATH_BYTES] = "";
    int known = 0;
    for (int i = 0; i < c->n; i++) {
        PLEAT_TRY(run_of(c->name[i], run));
        if (run[0] == '\0') continue;
        known++;
        if (first[0] != '\0') PLEAT_TRY(pleat_unchanged_masks(first, run));
        if (first[0] == '\0') memcpy(first, run, sizeof first);
    }
    if (known < c->n)
        pleat_log(PLEAT_INFO, "files of scores outside of a run's folder do not say which masks "
                              "they are of; only how many voxels each class has is compared");
    return PLEAT_OK;
}

/* Differences of a set of scores and itself are none. */
static void tell_same(const compared *c) {
    struct stat of[MAX_LIST];
    for (int i = 0; i < c->n; i++) {
        if (stat(c->name[i], &of[i]) != 0) of[i] = (struct stat){0};
        for (int k = 0; k < i; k++)
            if (of[i].st_ino != 0 && of[k].st_ino == of[i].st_ino && of[k].st_dev == of[i].st_dev)
                pleat_warn("'%s' and '%s' are one; this compares it with itself", c->name[k],
                           c->name[i]);
    }
}

static void release(compared *c) {
    for (int i = 0; i < c->n; i++) {
        pleat_measured_free(&c->of[i]);
        pleat_results_free(&c->run[i]);
    }
    free(c);
}

/* The class names by label, of the first run that has them. */
static const pleat_classes *classes_of(const compared *c) {
    for (int i = 0; i < c->n; i++)
        if (c->run[i].n > 0) return &c->run[i].classes;
    return NULL;
}

/* "RUN, k = 5": its folder's name, and how many folds it has. */
static void name_run(const char *path, const pleat_results *run, char out[64]) {
    const char *slash = strrchr(path, '/');
    (void)snprintf(out, 64, "%.40s, k = %d", slash != NULL && slash[1] != '\0' ? slash + 1 : path,
                   run->folds / run->repeats);
}

static int is_figure(const char *folder, const char *name) {
    (void)folder;
    return strncmp(name, "differences.", strlen("differences.")) == 0 ||
           strncmp(name, "compare.", strlen("compare.")) == 0;
}

/* FOLDER/figures holds no others: a run has its own there. */
static pleat_status check_figures(const char *folder) {
    char figures[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_FIGURES, figures));
    return pleat_output_check("--figure", figures, "pleat compare", is_figure);
}

/* The Dice of all side by side, a point a case. */
static pleat_status draw_boxes(const compared *c, const char *folder) {
    pleat_report_variant group[MAX_LIST];
    pleat_results by_case[MAX_LIST] = {0};
    char name[MAX_LIST][64];
    pleat_status status = PLEAT_OK;
    for (int i = 0; i < c->n && status == PLEAT_OK; i++) {
        name_run(c->name[i], &c->run[i], name[i]);
        group[i] = (pleat_report_variant){name[i], &by_case[i]};
        status = pleat_results_by_case(&c->run[i], &by_case[i]);
    }
    if (status == PLEAT_OK)
        status = pleat_figures_boxes(folder, "compare", PLEAT_HEADLINE, group, c->n, 1);
    for (int i = 0; i < c->n; i++) pleat_results_free(&by_case[i]);
    return status;
}

/* The differences, and where all are runs of the same classes, their Dice. */
static pleat_status draw(const compared *c, const pleat_comparison *comparison,
                         const char *folder) {
    int alike = c->runs == c->n;
    PLEAT_TRY(pleat_file_make_folder(folder));
    PLEAT_TRY(pleat_figures_differences(folder, comparison));
    for (int i = 0; alike && i < c->n; i++)
        alike = c->run[i].classes.n == c->run[0].classes.n && c->run[i].scores == c->run[0].scores;
    if (alike) return draw_boxes(c, folder);
    pleat_log(PLEAT_INFO, "no box plots of the Dice: not all are runs of the same classes and "
                          "scores");
    return PLEAT_OK;
}

/* Groups and seed: of the first run, the environment, --set. */
static pleat_status read_config(const text_list *words, const text_list *sets,
                                pleat_config *config) {
    int run = 0;
    while (run < words->n && !pleat_file_is_folder(words->item[run])) run++;
    if (run < words->n)
        PLEAT_TRY(pleat_run_config(words->item[run], config));
    else
        pleat_config_defaults(config);
    PLEAT_TRY(pleat_config_environment(config));
    for (int i = 0; i < sets->n; i++) PLEAT_TRY(pleat_config_set(sets->item[i], config));
    return PLEAT_OK;
}

pleat_status verb_compare(app *a, const verb *self, int argc, char **argv) {
    text_list words = {0}, sets = {0};
    const char *figure = NULL;
    int all = 0, csv = 0, json = 0, go = 0;
    const option rows[] = {
        {"--all-scores", OPTION_FLAG, &all, NULL, "all scores, not only the main ones"},
        {"--csv", OPTION_FLAG, &csv, NULL, "print CSV, a row per score and class"},
        {"--json", OPTION_FLAG, &json, NULL, "print JSON"},
        {"--figure", OPTION_TEXT, &figure, "FOLDER",
         "draw differences and Dice into FOLDER/figures"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", "keys that count here: folds.group_by, seed"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    if (a->session->rank != 0) return PLEAT_OK;
    pleat_config config;
    pleat_comparison comparison = {0};
    if (figure != NULL) PLEAT_TRY(check_figures(figure));
    PLEAT_TRY(read_config(&words, &sets, &config));
    compared *c = calloc(1, sizeof *c);
    PLEAT_CHECK(c != NULL, PLEAT_ERR_MEMORY, "no memory to compare %d runs", words.n);
    pleat_status status = PLEAT_OK;
    for (int i = 0; i < words.n && status == PLEAT_OK; i++) status = read_one(words.item[i], c);
    if (status == PLEAT_OK) tell_same(c);
    if (status == PLEAT_OK) status = check_masks(c);
    if (status == PLEAT_OK)
        status = pleat_compare_sets(c->of, c->name, c->n, classes_of(c), config.group_by,
                                    config.seed, &comparison);
    if (status == PLEAT_OK && figure != NULL) status = draw(c, &comparison, figure);
    if (status == PLEAT_OK && figure != NULL)
        pleat_log(PLEAT_INFO, "figures: %s/%s", figure, pleat_run_file_name(PLEAT_RUN_FIGURES));
    if (status == PLEAT_OK && json)
        status = pleat_comparison_json(stdout, &comparison);
    else if (status == PLEAT_OK && csv)
        status = pleat_comparison_csv(stdout, &comparison);
    else if (status == PLEAT_OK)
        pleat_comparison_print(stdout, &comparison, all);
    pleat_comparison_free(&comparison);
    release(c);
    return status;
}
