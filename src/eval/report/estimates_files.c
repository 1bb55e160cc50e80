/* estimates_files.c - scores.csv, statistics.csv and statistics.json. */
#include "pleat/csv.h"
#include "pleat/estimates.h"
#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/rundir.h"
#include "tables.h"

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "pleat/statistics/1"
#define DIGITS 10 /* of a number in statistics.csv */

/* --- scores.csv ------------------------------------------------------------------------------- */

static void put_whole(pleat_csv *csv, int x) {
    char text[16];
    (void)snprintf(text, sizeof text, "%d", x);
    pleat_csv_text(csv, text);
}

static pleat_status fill_scores(pleat_csv *csv, const pleat_results *r) {
    static const char *const columns[] = {"case",  "fold", "class", "label",     "score",
                                          "value", "unit", "state", "definition"};
    char text[PLEAT_DEFINITION_BYTES];
    PLEAT_TRY(pleat_csv_open(csv));
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) pleat_csv_text(csv, columns[k]);
    pleat_csv_end_row(csv);
    for (int i = 0; i < r->n; i++)
        for (int c = 0; c < r->classes.n; c++)
            for (int s = 0; s < pleat_scores_count(r->scores); s++) {
                const pleat_scored got = pleat_results_at(r, i, s, c);
                if (!pleat_scores_apply(r->scores, s, &r->how, c)) continue;
                pleat_csv_text(csv, r->cases[i].id);
                put_whole(csv, r->cases[i].fold);
                pleat_csv_text(csv, r->classes.name[c]);
                put_whole(csv, r->classes.value[c]);
                pleat_csv_text(csv, pleat_scores_at(r->scores, s)->name);
                pleat_csv_real(csv, got.x);
                pleat_csv_text(csv, pleat_scores_at(r->scores, s)->unit);
                pleat_csv_text(csv, pleat_presence_name(got.presence));
                pleat_csv_text(csv, pleat_scores_define(r->scores, s, &r->how, c, text));
                pleat_csv_end_row(csv);
            }
    return PLEAT_OK;
}

pleat_status pleat_scores_print(FILE *out, const pleat_results *results) {
    pleat_csv csv;
    PLEAT_TRY(fill_scores(&csv, results));
    return pleat_csv_send(&csv, out);
}

/* --- an estimate's numbers, for both files of statistics -------------------------------------- */

enum { WHOLES = 4 + PLEAT_PRESENCES, REALS = 16, JUDGED = WHOLES - 1 /* in a CSV the last */ };

static const char *const whole_names[WHOLES] = {"cases", "ok",      "missed", "spurious",
                                                "empty", "unknown", "n",      "judged"};
static const char *const real_names[REALS] = {
    "mean",          "sd",     "mean_low",   "mean_high",      "t_low",
    "t_high",        "median", "median_low", "median_high",    "quartile_1",
    "quartile_3",    "least",  "most",       "penalised_mean", "resampled_low",
    "resampled_high"};

static void numbers_of(const pleat_estimate *e, int whole[WHOLES], double real[REALS]) {
    const int counts[WHOLES] = {e->cases,
                                e->states[PLEAT_PRESENT],
                                e->states[PLEAT_MISSED],
                                e->states[PLEAT_SPURIOUS],
                                e->states[PLEAT_ABSENT],
                                e->unknown,
                                e->n,
                                e->judged};
    const double numbers[REALS] = {
        e->mean,   e->sd,          e->bca.low,       e->bca.high,      e->t.low,       e->t.high,
        e->median, e->between.low, e->between.high,  e->quartile[0],   e->quartile[1], e->least,
        e->most,   e->penalised,   e->resampled.low, e->resampled.high};
    memcpy(whole, counts, sizeof counts);
    memcpy(real, numbers, sizeof numbers);
}

static const char *fold_name(int fold, char out[16]) {
    if (fold == PLEAT_OVER_ALL)
        (void)snprintf(out, 16, "all");
    else
        (void)snprintf(out, 16, "%d", fold);
    return out;
}

static int fold_has_cases(const pleat_estimates *e, int fold) {
    return pleat_estimates_at(e, fold, 0, 0)->cases > 0;
}

/* --- statistics.csv --------------------------------------------------------------------------- */

static void put_row(pleat_csv *csv, const pleat_estimates *e, int fold, int s, int c) {
    const pleat_results *r = e->results;
    char text[PLEAT_DEFINITION_BYTES], name[16];
    int whole[WHOLES];
    double real[REALS];
    numbers_of(pleat_estimates_at(e, fold, s, c), whole, real);
    pleat_csv_text(csv, fold_name(fold, name));
    pleat_csv_text(csv, r->classes.name[c]);
    put_whole(csv, r->classes.value[c]);
    pleat_csv_text(csv, pleat_scores_at(r->scores, s)->name);
    pleat_csv_text(csv, pleat_scores_at(r->scores, s)->unit);
    for (int k = 0; k < JUDGED; k++) put_whole(csv, whole[k]);
    for (int k = 0; k < REALS; k++) pleat_csv_rounded(csv, real[k], DIGITS);
    pleat_csv_text(csv, pleat_scores_define(r->scores, s, &r->how, c, text));
    put_whole(csv, whole[JUDGED]);
    pleat_csv_end_row(csv);
}

static pleat_status write_statistics(const pleat_estimates *e, const char *path) {
    static const char *const columns[] = {"fold", "class", "label", "score", "unit"};
    const pleat_results *r = e->results;
    pleat_csv csv;
    PLEAT_TRY(pleat_csv_open(&csv));
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) pleat_csv_text(&csv, columns[k]);
    for (int k = 0; k < JUDGED; k++) pleat_csv_text(&csv, whole_names[k]);
    for (int k = 0; k < REALS; k++) pleat_csv_text(&csv, real_names[k]);
    pleat_csv_text(&csv, "definition");
    pleat_csv_text(&csv, whole_names[JUDGED]);
    pleat_csv_end_row(&csv);
    for (int fold = PLEAT_OVER_ALL; fold < r->folds; fold++)
        for (int c = 0; fold_has_cases(e, fold) && c < r->classes.n; c++)
            for (int s = 0; s < pleat_scores_count(r->scores); s++)
                if (pleat_scores_apply(r->scores, s, &r->how, c)) put_row(&csv, e, fold, s, c);
    return pleat_csv_close(&csv, path);
}

/* --- statistics.json -------------------------------------------------------------------------- */

static void put(int *lost, json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) != 0) ++*lost;
}

static void append(int *lost, json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0) ++*lost;
}

static json_t *case_of(int *lost, const pleat_results *r, int i) {
    const pleat_case_result *one = &r->cases[i];
    json_t *object = json_object(), *classes = json_object();
    put(lost, object, "case", pleat_json_text(one->id));
    put(lost, object, "fold", json_integer(one->fold));
    put(lost, object, "prediction", pleat_json_text(one->prediction));
    put(lost, object, "reference", pleat_json_text(one->reference));
    put(lost, object, "grid", one->dim[0] == 0 ? json_null() : pleat_tables_grid(one));
    for (int c = 0; c < r->classes.n; c++) {
        json_t *scores = json_object();
        put(lost, scores, "state",
            json_string(pleat_presence_name(pleat_results_at(r, i, 0, c).presence)));
        for (int s = 0; s < pleat_scores_count(r->scores); s++)
            if (pleat_scores_apply(r->scores, s, &r->how, c))
                put(lost, scores, pleat_scores_at(r->scores, s)->name,
                    pleat_json_real(pleat_results_at(r, i, s, c).x));
        put(lost, classes, r->classes.name[c], scores);
    }
    put(lost, object, "classes", classes);
    return object;
}

static json_t *row_of(int *lost, const pleat_estimates *e, int fold, int s, int c) {
    const pleat_results *r = e->results;
    json_t *object = json_object();
    char text[PLEAT_DEFINITION_BYTES], name[16];
    int whole[WHOLES];
    double real[REALS];
    numbers_of(pleat_estimates_at(e, fold, s, c), whole, real);
    put(lost, object, "fold", json_string(fold_name(fold, name)));
    put(lost, object, "class", pleat_json_text(r->classes.name[c]));
    put(lost, object, "label", json_integer(r->classes.value[c]));
    put(lost, object, "score", json_string(pleat_scores_at(r->scores, s)->name));
    put(lost, object, "unit", json_string(pleat_scores_at(r->scores, s)->unit));
    put(lost, object, "definition",
        json_string(pleat_scores_define(r->scores, s, &r->how, c, text)));
    for (int k = 0; k < WHOLES; k++) put(lost, object, whole_names[k], json_integer(whole[k]));
    for (int k = 0; k < REALS; k++) put(lost, object, real_names[k], pleat_json_real(real[k]));
    return object;
}

static json_t *empty_folds(int *lost, const pleat_estimates *e) {
    json_t *list = json_array();
    for (int fold = 0; fold < e->results->folds; fold++)
        if (!fold_has_cases(e, fold)) append(lost, list, json_integer(fold));
    return list;
}

/* {"class": {"score": its definition}} */
static json_t *definitions_of(int *lost, const pleat_results *r) {
    char text[PLEAT_DEFINITION_BYTES];
    json_t *object = json_object();
    for (int c = 0; c < r->classes.n; c++) {
        json_t *scores = json_object();
        for (int s = 0; s < pleat_scores_count(r->scores); s++)
            if (pleat_scores_apply(r->scores, s, &r->how, c))
                put(lost, scores, pleat_scores_at(r->scores, s)->name,
                    json_string(pleat_scores_define(r->scores, s, &r->how, c, text)));
        put(lost, object, r->classes.name[c], scores);
    }
    return object;
}

static json_t *warnings_of(const pleat_estimates *e) {
    char *more = NULL;
    size_t bytes = 0;
    FILE *lines = open_memstream(&more, &bytes);
    if (lines == NULL) return NULL;
    pleat_estimates_warn(lines, e, 0);
    json_t *list = fclose(lines) == 0 ? pleat_json_warnings(more) : NULL;
    free(more);
    return list;
}

/* The whole as text, freed by the caller; a run has its warnings in its run.json. */
static pleat_status compose(const pleat_estimates *e, int with_warnings, char **out) {
    const pleat_results *r = e->results;
    char judged[PLEAT_JUDGING_BYTES];
    int lost = 0;
    json_t *root = json_object(), *classes = json_array(), *cases = json_array();
    json_t *rows = json_array();
    for (int c = 0; c < r->classes.n; c++)
        append(&lost, classes, pleat_json_text(r->classes.name[c]));
    for (int i = 0; i < r->n; i++) append(&lost, cases, case_of(&lost, r, i));
    for (int fold = PLEAT_OVER_ALL; fold < r->folds; fold++)
        for (int c = 0; fold_has_cases(e, fold) && c < r->classes.n; c++)
            for (int s = 0; s < pleat_scores_count(r->scores); s++)
                if (pleat_scores_apply(r->scores, s, &r->how, c))
                    append(&lost, rows, row_of(&lost, e, fold, s, c));
    put(&lost, root, "schema", json_string(SCHEMA));
    put(&lost, root, "judged", pleat_json_text(pleat_judging_text(&r->how, &r->classes, judged)));
    put(&lost, root, "level", json_real(PLEAT_LEVEL));
    put(&lost, root, "resamples", json_integer(PLEAT_RESAMPLES));
    put(&lost, root, "seed", json_sprintf("%llu", (unsigned long long)e->seed));
    put(&lost, root, "groups", json_integer(e->groups));
    put(&lost, root, "folds", json_integer(r->folds));
    put(&lost, root, "repeats", json_integer(r->repeats));
    put(&lost, root, "folds_without_scores", empty_folds(&lost, e));
    if (with_warnings) put(&lost, root, "warnings", warnings_of(e));
    put(&lost, root, "classes", classes);
    put(&lost, root, "definitions", definitions_of(&lost, r));
    put(&lost, root, "cases", cases);
    put(&lost, root, "statistics", rows);
    *out = lost == 0 ? pleat_json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    PLEAT_CHECK(*out != NULL, PLEAT_ERR_MEMORY, "no memory for the statistics of %d cases", r->n);
    return PLEAT_OK;
}

pleat_status pleat_estimates_print_json(FILE *out, const pleat_estimates *e) {
    char *text = NULL;
    PLEAT_TRY(compose(e, 1, &text));
    const int failed = fputs(text, out) < 0 || fputc('\n', out) == EOF;
    free(text);
    PLEAT_CHECK(!failed, PLEAT_ERR_IO, "the statistics cannot be printed: %s", strerror(errno));
    return PLEAT_OK;
}

/* --- all three -------------------------------------------------------------------------------- */

pleat_status pleat_estimates_write(const char *folder, const pleat_estimates *e, int warnings) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    pleat_csv csv;
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_SCORES, path));
    PLEAT_TRY(fill_scores(&csv, e->results));
    PLEAT_TRY(pleat_csv_close(&csv, path));
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_STATISTICS, path));
    PLEAT_TRY(write_statistics(e, path));
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_STATISTICS_JSON, path));
    PLEAT_TRY(compose(e, warnings, &text));
    const pleat_status status = pleat_file_write_atomic(path, text, strlen(text));
    free(text);
    return status;
}
