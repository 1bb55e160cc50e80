/* verb_score.c - score: compares label maps. */
#include "app.h"

#include "pleat/estimates.h"
#include "pleat/file.h"
#include "pleat/output.h"
#include "pleat/predicted.h"
#include "pleat/report.h"
#include "pleat/rundir.h"
#include "pleat/score.h"
#include "pleat/unchanged.h"

#include <stdlib.h>
#include <string.h>

typedef struct score_options {
    const char *truth, *predictions, *out, *names;
    text_list sets;
    int csv, json, all; /* all: a table of every score */
    pleat_place place;
} score_options;

/* What report.* and folds.group_by say: of --set and the environment. */
static pleat_status read_config(const text_list *sets, pleat_config *config) {
    pleat_config_defaults(config);
    PLEAT_TRY(pleat_config_environment(config));
    for (int i = 0; i < sets->n; i++) PLEAT_TRY(pleat_config_set(sets->item[i], config));
    return PLEAT_OK;
}

/* What `report` writes, by how it begins; a run, which has these files too, has others beside. */
static int is_ours(const char *folder, const char *name) {
    static const struct {
        pleat_run_file file;
        const char *begin;
    } rows[] = {{PLEAT_RUN_DETAILED, "index,score,"},
                {PLEAT_RUN_FINAL, "score,"},
                {PLEAT_RUN_SUMMARY, "{\n    \"classes\""},
                {PLEAT_RUN_SCORES, "case,fold,class,label,score,"},
                {PLEAT_RUN_STATISTICS, "fold,class,label,score,"},
                {PLEAT_RUN_STATISTICS_JSON, "{\n \"schema\": \"pleat/statistics/"}};
    char path[PLEAT_PATH_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(name, pleat_run_file_name(rows[i].file)) == 0)
            return pleat_run_path(folder, rows[i].file, path) == PLEAT_OK &&
                   pleat_output_begins(path, rows[i].begin);
    return 0;
}

static pleat_status print(const score_options *o, const pleat_estimates *estimates) {
    if (o->json) return pleat_estimates_print_json(stdout, estimates);
    if (o->csv) return pleat_scores_print(stdout, estimates->results);
    PLEAT_TRY(pleat_report_print(stdout, estimates->results, o->all));
    (void)fputc('\n', stdout);
    pleat_estimates_print(stdout, estimates, o->all);
    return PLEAT_OK;
}

static pleat_status report(const app *a, const score_options *o, const pleat_config *config,
                           const pleat_results *results) {
    const pleat_report_info info = {.version = PLEAT_VERSION, .command = a->command};
    pleat_estimates estimates;
    PLEAT_TRY(pleat_estimates_make(results, config->group_by, config->seed, &estimates));
    pleat_status status = o->out != NULL ? pleat_file_make_folder(o->out) : PLEAT_OK;
    if (status == PLEAT_OK && o->out != NULL) status = pleat_report_write(o->out, results, &info);
    if (status == PLEAT_OK && o->out != NULL) status = pleat_estimates_write(o->out, &estimates, 1);
    if (status == PLEAT_OK) status = print(o, &estimates);
    pleat_estimates_free(&estimates);
    return status;
}

static pleat_status refuse_run(const char *path) {
    char record[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_path(path, PLEAT_RUN_RECORD, record));
    PLEAT_CHECK(!pleat_file_is_folder(path) || !pleat_file_exists(record), PLEAT_ERR_ARG,
                "'%s' is a run: pleat report %s prints its scores; the label maps of fold K are in "
                "%s/fold_K/predictions",
                path, path, path);
    return PLEAT_OK;
}

static pleat_status score(const app *a, const score_options *o) {
    pleat_map_pair *pairs = NULL;
    pleat_results results = {0};
    pleat_classes classes = {0};
    pleat_config config;
    pleat_judging how;
    int n = 0;
    pleat_status status = PLEAT_OK;
    if (o->out != NULL) status = pleat_output_check("--out", o->out, "pleat score", is_ours);
    if (status == PLEAT_OK) status = refuse_run(o->truth);
    if (status == PLEAT_OK) status = refuse_run(o->predictions);
    if (status == PLEAT_OK) status = read_config(&o->sets, &config);
    if (status == PLEAT_OK) status = pleat_classes_parse(o->names, &classes);
    if (status == PLEAT_OK) status = pleat_score_find(o->predictions, o->truth, &pairs, &n);
    if (status == PLEAT_OK && classes.n == 0)
        status = pleat_score_classes(o->truth, pairs, n, &classes);
    if (status == PLEAT_OK) status = pleat_config_judging(&config, &classes, &how);
    if (status == PLEAT_OK) status = pleat_results_begin_as(&classes, 1, &how, &results);
    if (status == PLEAT_OK) status = pleat_score_pairs(pairs, n, o->place, &results);
    if (status == PLEAT_OK) pleat_unchanged_truth(o->predictions, &results);
    if (status == PLEAT_OK) pleat_predicted_tell(&results);
    if (status == PLEAT_OK) status = report(a, o, &config, &results);
    pleat_results_free(&results);
    pleat_classes_free(&classes);
    free(pairs);
    return status;
}

pleat_status verb_score(app *a, const verb *self, int argc, char **argv) {
    score_options o = {.names = ""};
    text_list words = {0};
    int go = 0, table = 0, by_header = 0, by_voxel = 0;
    const option rows[] = {
        {"--classes", OPTION_TEXT, &o.names, "A,B,...",
         "class names, background first (default: those of dataset.json, else 0, 1, ...)"},
        {"--by-header", OPTION_FLAG, &by_header, NULL,
         "resample a prediction to the truth's grid, by the headers"},
        {"--by-voxel", OPTION_FLAG, &by_voxel, NULL,
         "compare the voxels as they lie, whatever the headers say"},
        {"--json", OPTION_FLAG, &o.json, NULL, "print cases and statistics as JSON, not CSV"},
        {"--table", OPTION_FLAG, &table, NULL, "print tables, not CSV"},
        {"--all-scores", OPTION_FLAG, &o.all, NULL,
         "a table for each score, not only for the first"},
        {"--out", OPTION_TEXT, &o.out, "FOLDER", "also write the CSV and JSON files there"},
        {"--set", OPTION_LIST, &o.sets, "KEY=VALUE", "report.surface, ..., folds.group_by, seed"},
        {"--truth", OPTION_TEXT, &o.truth, "TRUTH",
         "the truth, where PREDICTIONS is the only argument"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(!by_header || !by_voxel, PLEAT_ERR_ARG,
                "--by-header and --by-voxel exclude each other");
    if (by_header) o.place = PLEAT_PLACE_HEADER;
    if (by_voxel) o.place = PLEAT_PLACE_VOXELS;
    const int named = o.truth != NULL; /* the predictions alone are a word: tables, as before */
    PLEAT_CHECK(!named || words.n == 1, PLEAT_ERR_ARG,
                "with --truth one argument is left: pleat score PREDICTIONS --truth TRUTH");
    if (!named) PLEAT_TRY(verb_needs(self, rows, &words, 1));
    PLEAT_CHECK(o.names[0] == '\0' || strchr(o.names, ',') != NULL, PLEAT_ERR_ARG,
                "--classes '%s' names one class; the background and another are the least",
                o.names);
    if (!named) o.truth = words.item[0];
    o.predictions = words.item[named ? 0 : 1];
    o.csv = !named && !table && !o.all;
    return a->session->rank == 0 ? score(a, &o) : PLEAT_OK;
}
