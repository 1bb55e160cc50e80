/* report.c - the files of a run's results: one pair per fold, three over all folds. */
#include "pleat/report.h"
#include "pleat/file.h"
#include "tables.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#define SCHEMA "pleat/scores/1"

/* --- a fold's exact counts, out ------------------------------------------------------------- */

static json_t *case_to_json(const pleat_case_result *r) {
    json_t *counts = json_array();
    for (int c = 0; c < r->classes; c++) {
        const pleat_counts *k = &r->counts[c];
        if (json_array_append_new(counts, json_pack("{sI sI sI sI}", "tp", (json_int_t)k->tp, "fp",
                                                    (json_int_t)k->fp, "fn", (json_int_t)k->fn,
                                                    "tn", (json_int_t)k->tn)) != 0) {
            json_decref(counts);
            return NULL;
        }
    }
    return json_pack("{so so so so}", "id", pleat_tables_text(r->id), "prediction",
                     pleat_tables_text(r->prediction), "reference", pleat_tables_text(r->reference),
                     "counts", counts);
}

static pleat_status write_counts(const pleat_tables *t, const char *path) {
    pleat_status status = PLEAT_OK;
    char *text = NULL;
    json_t *names = json_array(), *cases = json_array();
    json_t *root = json_pack("{ss si so so}", "schema", SCHEMA, "fold", t->order[0]->fold,
                             "classes", names, "cases", cases);
    int lost = root == NULL;
    for (int c = 0; !lost && c < t->classes; c++)
        lost = json_array_append_new(names, pleat_tables_text(t->class_names[c])) != 0;
    for (int i = 0; !lost && i < t->n; i++)
        lost = json_array_append_new(cases, case_to_json(t->order[i])) != 0;
    if (!lost) text = json_dumps(root, JSON_INDENT(1));
    PLEAT_CHECK_GOTO(status, done, text != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    PLEAT_TRY_GOTO(status, done, pleat_file_write_atomic(path, text, strlen(text)));
done:
    free(text);
    json_decref(root);
    return status;
}

pleat_status pleat_report_write_fold(const char *folder, const pleat_case_result *results, int n,
                                     const char *const *class_names, int classes) {
    pleat_status status = PLEAT_OK;
    char path[PLEAT_PATH_BYTES];
    pleat_tables t;
    const int folds = n > 0 ? results[0].fold + 1 : 1;
    PLEAT_TRY(pleat_tables_make(results, n, class_names, classes, folds, &t));
    PLEAT_CHECK_GOTO(status, done, t.cases[folds - 1] == n, PLEAT_ERR_ARG,
                     "results of several folds were to go into '%s'", folder);
    PLEAT_TRY_GOTO(status, done, pleat_path(path, sizeof path, "%s/scores.csv", folder));
    PLEAT_TRY_GOTO(status, done, pleat_tables_write_detailed(&t, path));
    PLEAT_TRY_GOTO(status, done, pleat_path(path, sizeof path, "%s/scores.json", folder));
    PLEAT_TRY_GOTO(status, done, write_counts(&t, path)); /* last: it says the fold is finished */
done:
    pleat_tables_free(&t);
    return status;
}

/* --- and in ----------------------------------------------------------------------------------- */

static int copy_text(char *out, size_t size, const json_t *value) {
    const char *text = json_string_value(value);
    return text != NULL && (size_t)snprintf(out, size, "%s", text) < size;
}

/* 1 when `value` is a whole case of `classes` classes. */
static int case_from_json(const json_t *value, int classes, pleat_case_result *r) {
    const json_t *counts = json_object_get(value, "counts");
    if (!copy_text(r->id, sizeof r->id, json_object_get(value, "id")) ||
        !copy_text(r->prediction, sizeof r->prediction, json_object_get(value, "prediction")) ||
        !copy_text(r->reference, sizeof r->reference, json_object_get(value, "reference")) ||
        json_array_size(counts) != (size_t)classes)
        return 0;
    r->classes = classes;
    for (int c = 0; c < classes; c++) {
        static const char *const keys[] = {"tp", "fp", "fn", "tn"};
        pleat_counts *k = &r->counts[c];
        int64_t *const to[] = {&k->tp, &k->fp, &k->fn, &k->tn};
        for (int i = 0; i < 4; i++) {
            const json_t *count = json_object_get(json_array_get(counts, (size_t)c), keys[i]);
            if (!json_is_integer(count) || json_integer_value(count) < 0) return 0;
            *to[i] = json_integer_value(count);
        }
    }
    return 1;
}

static pleat_status parse_counts(const json_t *root, const char *path, int fold,
                                 pleat_case_result **out, int *n) {
    const char *schema = json_string_value(json_object_get(root, "schema"));
    const json_t *cases = json_object_get(root, "cases"), *of = json_object_get(root, "fold");
    const size_t classes = json_array_size(json_object_get(root, "classes"));
    const size_t many = json_array_size(cases);
    PLEAT_CHECK(schema != NULL && strcmp(schema, SCHEMA) == 0, PLEAT_ERR_FORMAT,
                "'%s' is no %s file; remove it to score the fold again", path, SCHEMA);
    PLEAT_CHECK(classes >= 1 && classes <= PLEAT_MAX_CLASSES && many >= 1, PLEAT_ERR_FORMAT,
                "'%s' has %zu classes and %zu cases; remove it to score the fold again", path,
                classes, many);
    PLEAT_CHECK(json_is_integer(of) && json_integer_value(of) == fold, PLEAT_ERR_DATA,
                "'%s' holds the scores of fold %lld, not of fold %d", path,
                (long long)json_integer_value(of), fold);
    pleat_case_result *results = calloc(many, sizeof *results);
    PLEAT_CHECK(results != NULL, PLEAT_ERR_MEMORY, "no memory for the %zu cases of '%s'", many,
                path);
    for (size_t i = 0; i < many; i++) {
        results[i].fold = fold;
        if (case_from_json(json_array_get(cases, i), (int)classes, &results[i])) continue;
        free(results);
        return PLEAT_FAIL(PLEAT_ERR_FORMAT,
                          "case %zu of '%s' is damaged; remove the file to score the fold again", i,
                          path);
    }
    *out = results; /* ownership moves to the caller */
    *n = (int)many;
    return PLEAT_OK;
}

pleat_status pleat_report_read_fold(const char *folder, int fold, pleat_case_result **out, int *n) {
    pleat_status status = PLEAT_OK;
    char path[PLEAT_PATH_BYTES], *text = NULL;
    size_t bytes = 0;
    json_t *root = NULL;
    json_error_t error;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/scores.json", folder));
    PLEAT_TRY(pleat_file_read_all(path, &text, &bytes));
    root = json_loadb(text, bytes, 0, &error);
    PLEAT_CHECK_GOTO(status, done, root != NULL, PLEAT_ERR_FORMAT,
                     "'%s', line %d: %s; remove it to score the fold again", path, error.line,
                     error.text);
    PLEAT_TRY_GOTO(status, done, parse_counts(root, path, fold, out, n));
done:
    json_decref(root);
    free(text);
    return status;
}

/* --- all folds -------------------------------------------------------------------------------- */

pleat_status pleat_report_write(const char *folder, const pleat_case_result *results, int n,
                                const char *const *class_names, int classes, int folds,
                                const pleat_report_info *info) {
    pleat_status status = PLEAT_OK;
    char path[PLEAT_PATH_BYTES];
    pleat_tables t;
    PLEAT_TRY(pleat_tables_make(results, n, class_names, classes, folds, &t));
    PLEAT_TRY_GOTO(status, done,
                   pleat_path(path, sizeof path, "%s/cv_results.detailed.csv", folder));
    PLEAT_TRY_GOTO(status, done, pleat_tables_write_detailed(&t, path));
    PLEAT_TRY_GOTO(status, done, pleat_path(path, sizeof path, "%s/cv_results.final.csv", folder));
    PLEAT_TRY_GOTO(status, done, pleat_tables_write_final(&t, path));
    PLEAT_TRY_GOTO(status, done, pleat_path(path, sizeof path, "%s/summary.json", folder));
    PLEAT_TRY_GOTO(status, done,
                   pleat_tables_write_summary(&t, info, path)); /* last: it is whole */
done:
    pleat_tables_free(&t);
    return status;
}
