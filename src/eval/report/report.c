/* report.c - the files of a run's results: one pair per fold, three over all folds. */
#include "pleat/report.h"
#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/rundir.h"
#include "tables.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#define SCHEMA "pleat/scores/2" /* 1 had no checksum, no cases trained on */
#define OLDER  "pleat/scores/1"
#define CURE   "put it back, or remove it and start the run again, which scores the fold again"

/* --- a fold's exact counts, out ------------------------------------------------------------- */

/* {"NAME": [x of class 0, ...]} of the scores that do not follow from the counts; NULL: there are
 * none. `lost` counts what could not be made. */
static json_t *other_values(const pleat_tables *t, int i, int *lost) {
    const pleat_results *r = t->results;
    json_t *object = NULL;
    for (int s = 0; s < pleat_scores_count(r->scores); s++) {
        if (pleat_scores_family(r->scores, s)->prepare == NULL) continue;
        json_t *list = json_array();
        for (int c = 0; c < r->classes.n; c++)
            *lost += json_array_append_new(list, pleat_json_real(pleat_tables_value(t, i, s, c)));
        if (object == NULL) object = json_object();
        *lost += json_object_set_new(object, pleat_scores_at(r->scores, s)->name, list);
    }
    return object;
}

json_t *pleat_tables_grid(const pleat_case_result *one) {
    const double *mm = one->spacing;
    json_t *grid = json_pack("{s[iii] s[fff]}", "size", one->dim[2], one->dim[1], one->dim[0],
                             "spacing", mm[2], mm[1], mm[0]);
    if (one->voxel > 0.0 && one->voxel < mm[0] * mm[1] * mm[2] &&
        json_object_set_new(grid, "voxel_mm3", json_real(one->voxel)) != 0) {
        json_decref(grid);
        return NULL;
    }
    return grid;
}

static json_t *case_to_json(const pleat_tables *t, int i, int *lost) {
    const pleat_case_result *r = pleat_tables_case(t, i);
    json_t *counts = json_array(), *values = other_values(t, i, lost);
    for (int c = 0; c < t->results->classes.n; c++) {
        const pleat_counts *k = &r->counts[c];
        *lost += json_array_append_new(
            counts, json_pack("{sI sI sI sI}", "tp", (json_int_t)k->tp, "fp", (json_int_t)k->fp,
                              "fn", (json_int_t)k->fn, "tn", (json_int_t)k->tn));
    }
    json_t *object = json_pack("{so so so so}", "id", pleat_json_text(r->id), "prediction",
                               pleat_json_text(r->prediction), "reference",
                               pleat_json_text(r->reference), "counts", counts);
    if (values != NULL) *lost += json_object_set_new(object, "values", values);
    if (r->dim[0] > 0) *lost += json_object_set_new(object, "grid", pleat_tables_grid(r));
    return object;
}

/* How the values were computed; nothing where all follow from the counts. */
static void put_how(const pleat_results *r, json_t *root, int *lost) {
    char text[PLEAT_JUDGING_BYTES];
    int others = 0;
    for (int f = 0; f < r->scores->n; f++) others += r->scores->family[f]->prepare != NULL;
    if (others > 0)
        *lost += json_object_set_new(
            root, "judged", pleat_json_text(pleat_judging_text(&r->how, &r->classes, text)));
}

/* Of FOLDER/history.tsv, "" when there is none. */
static pleat_status history_digest(const char *folder, char out[17]) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    size_t n = 0;
    out[0] = '\0';
    PLEAT_TRY(pleat_fold_path(folder, PLEAT_FOLD_HISTORY, path));
    const pleat_status status = pleat_file_read_all(path, &text, &n);
    if (status == PLEAT_ERR_NOT_FOUND) return PLEAT_OK;
    PLEAT_TRY(status);
    pleat_digest_hex(pleat_digest(0, text, n), out);
    free(text);
    return PLEAT_OK;
}

static pleat_status write_counts(const pleat_tables *t, const char *folder, const char *of_cases) {
    pleat_status status = PLEAT_OK;
    char path[PLEAT_PATH_BYTES], history[17], *text = NULL;
    PLEAT_TRY(pleat_fold_path(folder, PLEAT_FOLD_SCORES, path));
    PLEAT_TRY(history_digest(folder, history));
    const pleat_classes *classes = &t->results->classes;
    json_t *names = json_array(), *cases = json_array();
    json_t *root = json_pack("{ss si so so}", "schema", SCHEMA, "fold",
                             pleat_tables_case(t, 0)->fold, "classes", names, "cases", cases);
    int lost = root == NULL ? -1 : 0; /* jansson's failures are -1 */
    for (int c = 0; lost == 0 && c < classes->n; c++)
        lost += json_array_append_new(names, pleat_json_text(classes->name[c]));
    for (int i = 0; lost == 0 && i < t->results->n; i++)
        lost += json_array_append_new(cases, case_to_json(t, i, &lost));
    if (lost == 0) put_how(t->results, root, &lost);
    if (lost == 0 && of_cases != NULL)
        lost += json_object_set_new(root, "provenance", pleat_json_lines(of_cases));
    if (lost == 0 && history[0] != '\0')
        lost += json_object_set_new(root, "history_digest", json_string(history));
    if (lost == 0) PLEAT_TRY_GOTO(status, done, pleat_json_seal(root, SCHEMA));
    if (lost == 0) text = pleat_json_dumps(root, JSON_INDENT(1));
    PLEAT_CHECK_GOTO(status, done, text != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    PLEAT_TRY_GOTO(status, done, pleat_file_write_atomic(path, text, strlen(text)));
done:
    free(text);
    json_decref(root);
    return status;
}

pleat_status pleat_report_write_fold(const char *folder, const pleat_results *results,
                                     const char *cases) {
    pleat_status status = PLEAT_OK;
    char path[PLEAT_PATH_BYTES];
    pleat_tables t;
    PLEAT_TRY(pleat_tables_make(results, &t));
    PLEAT_CHECK_GOTO(status, done, t.cases[results->cases[0].fold] == results->n, PLEAT_ERR_ARG,
                     "results of several folds were to go into '%s'", folder);
    PLEAT_TRY_GOTO(status, done, pleat_fold_path(folder, PLEAT_FOLD_TABLE, path));
    PLEAT_TRY_GOTO(status, done, pleat_tables_write_detailed(&t, 1, path));
    /* last: it says the fold is finished */
    PLEAT_TRY_GOTO(status, done, write_counts(&t, folder, cases));
done:
    pleat_tables_free(&t);
    return status;
}

/* --- and in ----------------------------------------------------------------------------------- */

static const int64_t MOST_VOXELS = INT64_C(1) << 55; /* of a volume */
static const int64_t MOST_IN_ALL = INT64_C(1) << 60; /* of a run: no sum of counts overflows */

static int64_t voxels_of(const pleat_counts *k) { return k->tp + k->fp + k->fn + k->tn; }

/* 1 when `value` has the counts of `classes` classes, each of one count of voxels. */
static int read_counts(const json_t *value, int classes, pleat_counts *out) {
    if (json_array_size(value) != (size_t)classes) return 0;
    for (int c = 0; c < classes; c++) {
        static const char *const keys[] = {"tp", "fp", "fn", "tn"};
        int64_t *const to[] = {&out[c].tp, &out[c].fp, &out[c].fn, &out[c].tn};
        for (int i = 0; i < 4; i++) {
            const json_t *count = json_object_get(json_array_get(value, (size_t)c), keys[i]);
            if (!json_is_integer(count) || json_integer_value(count) < 0 ||
                json_integer_value(count) > MOST_VOXELS)
                return 0;
            *to[i] = json_integer_value(count);
        }
        if (voxels_of(&out[c]) != voxels_of(&out[0])) return 0;
    }
    return 1;
}

/* What the file has of the scores that do not follow from the counts. */
static void read_values(const json_t *lists, const pleat_results *r, double *values) {
    for (int s = 0; s < pleat_scores_count(r->scores); s++) {
        const json_t *list = json_object_get(lists, pleat_scores_at(r->scores, s)->name);
        for (int c = 0; c < r->classes.n; c++) {
            const json_t *x = json_array_get(list, (size_t)c);
            if (json_is_number(x)) values[s * r->classes.n + c] = json_number_value(x);
        }
    }
}

/* The size of its grid, where the file says it; 0: its voxels are not those that were counted, of
 * which some may be ignored. */
static int read_grid(const json_t *grid, int ignores, pleat_case_result *one) {
    const json_t *size = json_object_get(grid, "size"), *mm = json_object_get(grid, "spacing");
    double voxels = 1.0;
    if (grid == NULL) return 1;
    for (int a = 0; a < 3; a++) { /* x, y, z there, D, H, W here */
        const json_int_t side = json_integer_value(json_array_get(size, (size_t)a));
        one->spacing[2 - a] = json_number_value(json_array_get(mm, (size_t)a));
        if (side < 1 || side > INT16_MAX || !(one->spacing[2 - a] > 0.0)) return 0;
        one->dim[2 - a] = (int)side;
        voxels *= (double)side;
    }
    const json_t *mm3 = json_object_get(grid, "voxel_mm3");
    one->voxel =
        mm3 != NULL ? json_number_value(mm3) : one->spacing[0] * one->spacing[1] * one->spacing[2];
    if (!(one->voxel > 0.0)) return 0;
    const double counted = (double)voxels_of(&one->counts[0]);
    return voxels == counted || (ignores && counted < voxels);
}

static pleat_status read_case(const json_t *value, const char *path, size_t i, int fold,
                              pleat_results *results) {
    const char *const keys[] = {"id", "prediction", "reference"};
    const char *text[3];
    pleat_case_result *one = NULL;
    int whole = 1;
    for (int k = 0; k < 3; k++) {
        text[k] = json_string_value(json_object_get(value, keys[k]));
        whole = whole && text[k] != NULL;
    }
    if (whole) PLEAT_TRY(pleat_results_add(results, text[0], fold, text[1], text[2], &one));
    whole = whole &&
            read_counts(json_object_get(value, "counts"), results->classes.n, one->counts) &&
            read_grid(json_object_get(value, "grid"), results->classes.ignore > 0, one);
    PLEAT_CHECK(whole, PLEAT_ERR_FORMAT,
                "case %zu of '%s' is damaged, or its counts do not add up to its volume; " CURE, i,
                path);
    read_values(json_object_get(value, "values"), results, one->values);
    return pleat_scores_compute(results->scores, &results->how, NULL, results->classes.n,
                                one->counts, one->values);
}

/* `judged`: what the file says of how its values were computed; NULL: it has none. */
static pleat_status check_how(const char *judged, const char *path, const pleat_results *r) {
    char text[PLEAT_JUDGING_BYTES];
    PLEAT_CHECK(judged == NULL ||
                    strcmp(judged, pleat_judging_text(&r->how, &r->classes, text)) == 0,
                PLEAT_ERR_DATA,
                "'%s' was scored by '%s', report.* of the configuration says '%s'; set it back, or "
                "remove the file to score the fold again",
                path, judged, text);
    return PLEAT_OK;
}

static pleat_status check_classes(const json_t *list, const char *path, const pleat_results *r) {
    const size_t classes = json_array_size(list);
    PLEAT_CHECK(classes == (size_t)r->classes.n, PLEAT_ERR_DATA,
                "'%s' holds the scores of %zu classes, the run has %d; " CURE, path, classes,
                r->classes.n);
    for (int c = 0; c < r->classes.n; c++) {
        const char *name = json_string_value(json_array_get(list, (size_t)c));
        PLEAT_CHECK(name != NULL && strcmp(name, r->classes.name[c]) == 0, PLEAT_ERR_DATA,
                    "'%s' holds the scores of the class '%s', which the run's run.json calls '%s'; "
                    "put back the file that was changed",
                    path, name != NULL ? name : "", r->classes.name[c]);
    }
    return PLEAT_OK;
}

/* Of all folds so far. */
static pleat_status check_sum(const char *path, const pleat_results *results) {
    int64_t sum = 0;
    for (int i = 0; i < results->n; i++) {
        sum += voxels_of(&results->cases[i].counts[0]);
        PLEAT_CHECK(sum <= MOST_IN_ALL, PLEAT_ERR_FORMAT,
                    "'%s': with its cases the run has more voxels than can be; " CURE, path);
    }
    return PLEAT_OK;
}

static pleat_status parse_counts(const json_t *root, const char *path, int fold,
                                 pleat_results *results) {
    const json_t *cases = json_object_get(root, "cases"), *of = json_object_get(root, "fold");
    const json_t *classes = json_object_get(root, "classes");
    const size_t many = json_array_size(cases), n_classes = json_array_size(classes);
    PLEAT_CHECK(n_classes >= 1 && n_classes <= PLEAT_MAX_CLASSES && many >= 1, PLEAT_ERR_FORMAT,
                "'%s' has %zu classes and %zu cases; " CURE, path, n_classes, many);
    PLEAT_CHECK(json_is_integer(of) && json_integer_value(of) == fold, PLEAT_ERR_DATA,
                "'%s' holds the scores of fold %lld, not of fold %d", path,
                (long long)json_integer_value(of), fold);
    PLEAT_TRY(check_classes(classes, path, results));
    PLEAT_TRY(check_how(json_string_value(json_object_get(root, "judged")), path, results));
    for (size_t i = 0; i < many; i++)
        PLEAT_TRY(read_case(json_array_get(cases, i), path, i, fold, results));
    return check_sum(path, results);
}

/* The cases from `first` on are those held out, with as many voxels, or fewer where some are
 * ignored. */
static pleat_status check_held_out(const pleat_provenance *of, const char *path,
                                   const pleat_results *results, int first) {
    int held_out = 0;
    for (int i = 0; i < of->n; i++) held_out += of->of[i].held_out;
    for (int i = first; i < results->n; i++) {
        const pleat_case_result *r = &results->cases[i];
        const pleat_traced_case *c = pleat_provenance_find(of, r->id);
        PLEAT_CHECK(c != NULL && c->held_out, PLEAT_ERR_FORMAT,
                    "'%s' scores case '%s', which the fold has not held out; " CURE, path, r->id);
        const int64_t counted = voxels_of(&r->counts[0]);
        const int some = results->classes.ignore > 0 && counted >= 0 && counted < c->voxels;
        PLEAT_CHECK(counted == c->voxels || some, PLEAT_ERR_FORMAT,
                    "'%s' counts %lld voxels of case '%s', which has %lld; " CURE, path,
                    (long long)counted, r->id, (long long)c->voxels);
    }
    PLEAT_CHECK(held_out == results->n - first, PLEAT_ERR_FORMAT,
                "'%s' scores %d cases, the fold has held out %d; " CURE, path, results->n - first,
                held_out);
    return PLEAT_OK;
}

/* The list of lines as the text it was made of. */
static pleat_status parse_provenance(const json_t *list, const char *path, pleat_provenance *out) {
    size_t bytes = 1;
    for (size_t i = 0; i < json_array_size(list); i++)
        bytes += json_string_length(json_array_get(list, i)) + 1;
    char *text = calloc(bytes, 1), *to = text;
    PLEAT_CHECK(text != NULL, PLEAT_ERR_MEMORY, "no memory for the cases of '%s'", path);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *line = json_array_get(list, i);
        memcpy(to, json_is_string(line) ? json_string_value(line) : "", json_string_length(line));
        to += json_string_length(line);
        *to++ = '\n';
    }
    const pleat_status status = pleat_provenance_parse(text, path, out);
    free(text);
    return status;
}

/* history.tsv, of which the curves are drawn, is that of the fold; one that is gone is no other. */
static pleat_status check_history(const json_t *root, const char *folder, const char *path) {
    const char *was = json_string_value(json_object_get(root, "history_digest"));
    char is[17];
    if (was == NULL) return PLEAT_OK;
    PLEAT_TRY(history_digest(folder, is));
    PLEAT_CHECK(is[0] == '\0' || strcmp(was, is) == 0, PLEAT_ERR_FORMAT,
                "'%s/%s' is not as it was when '%s' was written; put it back, or remove both and "
                "start the run again: its checkpoint has the history",
                folder, pleat_fold_file_name(PLEAT_FOLD_HISTORY), path);
    return PLEAT_OK;
}

/* FOLDER/scores.json, whose checksum is right; `path` is its name. */
static pleat_status load(const char *folder, char path[PLEAT_PATH_BYTES], json_t **out) {
    pleat_status status = PLEAT_OK;
    char *text = NULL;
    size_t bytes = 0;
    int sealed = 0;
    json_error_t error;
    PLEAT_TRY(pleat_fold_path(folder, PLEAT_FOLD_SCORES, path));
    PLEAT_TRY(pleat_file_read_all(path, &text, &bytes));
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    PLEAT_CHECK_GOTO(status, done, root != NULL, PLEAT_ERR_FORMAT, "'%s', line %d: %s; " CURE, path,
                     error.line, error.text);
    PLEAT_TRY_GOTO(status, done, pleat_json_check(root, path, SCHEMA, CURE, &sealed));
    const char *schema = json_string_value(json_object_get(root, "schema"));
    PLEAT_CHECK_GOTO(status, done, schema != NULL && strcmp(schema, sealed ? SCHEMA : OLDER) == 0,
                     PLEAT_ERR_FORMAT, "'%s' is no %s file; " CURE, path, SCHEMA);
    *out = root;
    root = NULL;
done:
    json_decref(root);
    free(text);
    return status;
}

pleat_status pleat_report_read_cases(const char *folder, pleat_provenance *out) {
    char path[PLEAT_PATH_BYTES];
    json_t *root = NULL;
    PLEAT_TRY(load(folder, path, &root));
    const pleat_status status = parse_provenance(json_object_get(root, "provenance"), path, out);
    json_decref(root);
    return status;
}

pleat_status pleat_report_read_fold(const char *folder, int fold, pleat_results *results,
                                    pleat_provenance *cases) {
    pleat_status status = PLEAT_OK;
    char path[PLEAT_PATH_BYTES];
    json_t *root = NULL;
    pleat_provenance of = {0};
    const int first = results->n;
    PLEAT_TRY(load(folder, path, &root));
    PLEAT_TRY_GOTO(status, done, parse_counts(root, path, fold, results));
    PLEAT_TRY_GOTO(status, done, parse_provenance(json_object_get(root, "provenance"), path, &of));
    if (of.n > 0) PLEAT_TRY_GOTO(status, done, check_held_out(&of, path, results, first));
    PLEAT_TRY_GOTO(status, done, check_history(root, folder, path));
    if (cases != NULL) {
        *cases = of;
        of = (pleat_provenance){0};
    }
done:
    pleat_provenance_free(&of);
    json_decref(root);
    return status;
}

/* --- all folds -------------------------------------------------------------------------------- */

pleat_status pleat_report_write(const char *folder, const pleat_results *results,
                                const pleat_report_info *info) {
    pleat_status status = PLEAT_OK;
    char path[PLEAT_PATH_BYTES];
    pleat_tables t;
    PLEAT_TRY(pleat_tables_make(results, &t));
    PLEAT_TRY_GOTO(status, done, pleat_run_path(folder, PLEAT_RUN_DETAILED, path));
    PLEAT_TRY_GOTO(status, done, pleat_tables_write_detailed(&t, 0, path));
    PLEAT_TRY_GOTO(status, done, pleat_run_path(folder, PLEAT_RUN_FINAL, path));
    PLEAT_TRY_GOTO(status, done, pleat_tables_write_final(&t, path));
    PLEAT_TRY_GOTO(status, done, pleat_run_path(folder, PLEAT_RUN_SUMMARY, path));
    PLEAT_TRY_GOTO(status, done,
                   pleat_tables_write_summary(&t, info, path)); /* last: it is whole */
done:
    pleat_tables_free(&t);
    return status;
}
