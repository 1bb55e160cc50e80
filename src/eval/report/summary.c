/* summary.c - summary.json: nnU-Net's keys, so that its readers work, and ours beside them.
 *
 *   nnU-Net's  foreground_mean, mean, metric_per_case   labels 1 .. classes-1, counts, and the
 *                                                    scores that it has
 *   ours       mean_scores, std, median, undefined      labels 0 .. classes-1, the scores that
 *              per_fold, headline, folds, classes, schema, run      follow from the counts
 *
 * Means are over the cases where a score is defined, then plainly over the labels, as in nnU-Net's
 * evaluate_predictions.py; where it writes NaN, which strict parsers refuse, this writes null. */
#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/warn.h"
#include "tables.h"

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "pleat/summary/1"

/* A counter of members that could not be made, looked at once, before writing. */
static void put(int *lost, json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) != 0) ++*lost;
}

static void append(int *lost, json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0) ++*lost;
}

static json_t *whole(uint64_t x) { /* JSON integers of jansson are signed */
    return x <= INT64_MAX ? json_integer((json_int_t)x)
                          : json_sprintf("%llu", (unsigned long long)x);
}

enum { KEY = 6 * PLEAT_MAX_CLASSES };

/* Class c as nnU-Net writes it: the label of the files, or of a region "(1, 2, 3)". */
static const char *label(char out[KEY], const pleat_tables *t, int c) {
    const pleat_classes *classes = &t->results->classes;
    const char *before = "(";
    size_t used = 0;
    int n = 0, last = classes->value[c];
    for (int v = 0; c > 0 && v < 256; v++) {
        if ((classes->regions[v] >> (c - 1) & 1) == 0) continue;
        used += (size_t)snprintf(out + used, KEY - used, "%s%d", before, v);
        before = ", ";
        last = v;
        n++;
    }
    if (n > 1)
        (void)snprintf(out + used, KEY - used, ")");
    else
        (void)snprintf(out, KEY, "%d", last);
    return out;
}

/* --- nnU-Net's part ------------------------------------------------------------------------- */

/* Its measures of one case and class: the scores that it has, and these counts. */
enum { COUNTS = 6 };
static const char *const count_names[COUNTS] = {"TP", "FP", "FN", "TN", "n_pred", "n_ref"};

static int64_t count_of(int which, const pleat_counts *k) {
    const int64_t counts[COUNTS] = {k->tp, k->fp, k->fn, k->tn, k->tp + k->fp, k->tp + k->fn};
    return counts[which];
}

static json_t *case_measures(int *lost, const pleat_tables *t, int i, int c) {
    const pleat_scores *scores = t->results->scores;
    json_t *object = json_object();
    for (int s = 0; s < pleat_scores_count(scores); s++) {
        const char *name = pleat_scores_at(scores, s)->nnunet;
        if (name != NULL) put(lost, object, name, pleat_json_real(pleat_tables_value(t, i, s, c)));
    }
    for (int m = 0; m < COUNTS; m++)
        put(lost, object, count_names[m],
            json_integer((json_int_t)count_of(m, &pleat_tables_case(t, i)->counts[c])));
    return object;
}

static json_t *per_case(int *lost, const pleat_tables *t) {
    json_t *list = json_array();
    for (int i = 0; i < t->results->n; i++) {
        const pleat_case_result *r = pleat_tables_case(t, i);
        json_t *object = json_object(), *metrics = json_object();
        char key[KEY];
        for (int c = 1; c < t->results->classes.n; c++)
            put(lost, metrics, label(key, t, c), case_measures(lost, t, i, c));
        put(lost, object, "metrics", metrics);
        put(lost, object, "prediction_file", pleat_json_text(r->prediction));
        put(lost, object, "reference_file", pleat_json_text(r->reference));
        append(lost, list, object);
    }
    return list;
}

static double mean_count(const pleat_tables *t, int m, int c) {
    double sum = 0.0;
    for (int i = 0; i < t->results->n; i++)
        sum += (double)count_of(m, &pleat_tables_case(t, i)->counts[c]);
    return sum / t->results->n;
}

/* The mean of measure `m` over the cases: of score m, or past them of count m - scores. */
static double mean_measure(const pleat_tables *t, int m, int c) {
    const int scores = pleat_scores_count(t->results->scores);
    return m < scores ? pleat_tables_at(t, PLEAT_ALL_FOLDS, m, c)->mean
                      : mean_count(t, m - scores, c);
}

static void put_means(int *lost, json_t *root, const pleat_tables *t) {
    const int classes = t->results->classes.n, scores = pleat_scores_count(t->results->scores);
    json_t *mean = json_object(), *foreground = json_object();
    for (int c = 1; c < classes; c++) {
        char key[KEY];
        put(lost, mean, label(key, t, c), json_object());
    }
    for (int m = 0; m < scores + COUNTS; m++) {
        const char *name =
            m < scores ? pleat_scores_at(t->results->scores, m)->nnunet : count_names[m - scores];
        double over_labels = 0.0;
        for (int c = 1; c < classes && name != NULL; c++) {
            char key[KEY];
            const double x = mean_measure(t, m, c);
            over_labels += x / (classes - 1);
            put(lost, json_object_get(mean, label(key, t, c)), name, pleat_json_real(x));
        }
        if (name != NULL)
            put(lost, foreground, name, pleat_json_real(classes > 1 ? over_labels : (double)NAN));
    }
    put(lost, root, "mean", mean);
    put(lost, root, "foreground_mean", foreground);
}

/* --- ours ----------------------------------------------------------------------------------- */

/* The others have rules of their own for what is undefined, and are in statistics.json. */
static int is_counted(const pleat_tables *t, int score) {
    return pleat_scores_family(t->results->scores, score)->prepare == NULL;
}

typedef json_t *(*field)(const pleat_summary *s);
static json_t *mean_of(const pleat_summary *s) { return pleat_json_real(s->mean); }
static json_t *sd_of(const pleat_summary *s) { return pleat_json_real(s->sd); }
static json_t *median_of(const pleat_summary *s) { return pleat_json_real(s->median); }
static json_t *undefined_of(const pleat_summary *s) { return json_integer(s->undefined); }

/* {"0": {"Dice": .., "IoU": .., ..}, "1": ..} of one fold or of all. */
static json_t *by_label(int *lost, const pleat_tables *t, int fold, field of) {
    json_t *object = json_object();
    for (int c = 0; c < t->results->classes.n; c++) {
        json_t *scores = json_object();
        char key[KEY];
        for (int s = 0; s < pleat_scores_count(t->results->scores); s++)
            if (is_counted(t, s))
                put(lost, scores, pleat_tables_key(pleat_scores_at(t->results->scores, s)),
                    of(pleat_tables_at(t, fold, s, c)));
        put(lost, object, label(key, t, c), scores);
    }
    return object;
}

static json_t *per_fold(int *lost, const pleat_tables *t) {
    json_t *list = json_array();
    for (int fold = 0; fold < t->results->folds; fold++) {
        if (t->cases[fold] == 0) continue;
        json_t *object = json_object(), *ids = json_array();
        for (int i = 0; i < t->results->n; i++)
            if (pleat_tables_case(t, i)->fold == fold)
                append(lost, ids, pleat_json_text(pleat_tables_case(t, i)->id));
        put(lost, object, "fold", json_integer(fold));
        put(lost, object, "cases", ids);
        put(lost, object, "mean", by_label(lost, t, fold, mean_of));
        put(lost, object, "std", by_label(lost, t, fold, sd_of));
        put(lost, object, "median", by_label(lost, t, fold, median_of));
        put(lost, object, "undefined", by_label(lost, t, fold, undefined_of));
        append(lost, list, object);
    }
    return list;
}

/* {"background": {"Dice": ..}, "infection": ..}: the columns of cv_results.final.csv. */
static json_t *headline(int *lost, const pleat_tables *t) {
    json_t *object = json_object();
    for (int k = 0; k < t->columns; k++) {
        json_t *scores = json_object();
        for (int s = 0; s < pleat_scores_count(t->results->scores); s++)
            if (is_counted(t, s))
                put(lost, scores, pleat_tables_key(pleat_scores_at(t->results->scores, s)),
                    pleat_json_real(pleat_tables_headline(t, s, k)));
        put(lost, object, t->column[k].name, scores);
    }
    return object;
}

static json_t *run(int *lost, const pleat_report_info *info) {
    json_t *object = json_object();
    put(lost, object, "version", pleat_json_text(info->version));
    put(lost, object, "command", pleat_json_text(info->command));
    put(lost, object, "config_digest", pleat_json_text(info->config_digest));
    put(lost, object, "engine", pleat_json_text(info->engine));
    put(lost, object, "precision", pleat_json_text(info->precision));
    put(lost, object, "weights", pleat_json_text(info->weights));
    put(lost, object, "seed", whole(info->seed));
    if (pleat_warn_count() > 0) put(lost, object, "warnings", pleat_json_warnings(NULL));
    return object;
}

static void put_ours(int *lost, json_t *root, const pleat_tables *t,
                     const pleat_report_info *info) {
    json_t *classes = json_object();
    char key[KEY];
    for (int c = 0; c < t->results->classes.n; c++)
        put(lost, classes, label(key, t, c), pleat_json_text(t->results->classes.name[c]));
    put(lost, root, "schema", json_string(SCHEMA));
    put(lost, root, "classes", classes);
    put(lost, root, "folds", json_integer(t->results->folds));
    if (t->results->repeats > 1) put(lost, root, "repeats", json_integer(t->results->repeats));
    put(lost, root, "mean_scores", by_label(lost, t, PLEAT_ALL_FOLDS, mean_of));
    put(lost, root, "std", by_label(lost, t, PLEAT_ALL_FOLDS, sd_of));
    put(lost, root, "median", by_label(lost, t, PLEAT_ALL_FOLDS, median_of));
    put(lost, root, "undefined", by_label(lost, t, PLEAT_ALL_FOLDS, undefined_of));
    put(lost, root, "per_fold", per_fold(lost, t));
    put(lost, root, "headline", headline(lost, t));
    put(lost, root, "run", run(lost, info));
}

pleat_status pleat_tables_write_summary(const pleat_tables *t, const pleat_report_info *info,
                                        const char *path) {
    pleat_status status = PLEAT_OK;
    int lost = 0;
    char *written = NULL;
    json_t *root = json_object();
    put_means(&lost, root, t);
    put(&lost, root, "metric_per_case", per_case(&lost, t));
    put_ours(&lost, root, t, info);
    if (lost == 0)
        written = json_dumps(root, JSON_INDENT(4) | JSON_SORT_KEYS | JSON_REAL_PRECISION(16));
    PLEAT_CHECK_GOTO(status, done, written != NULL, PLEAT_ERR_MEMORY, "no memory to compose '%s'",
                     path);
    PLEAT_TRY_GOTO(status, done, pleat_file_write_atomic(path, written, strlen(written)));
done:
    free(written);
    json_decref(root);
    return status;
}
