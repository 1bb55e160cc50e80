/* summary.c - summary.json: nnU-Net's keys, so that its readers work, and ours beside them.
 *
 *   nnU-Net's  foreground_mean, mean, metric_per_case   labels 1 .. classes-1, counts, Dice, IoU
 *   ours       mean_scores, std, median, undefined      labels 0 .. classes-1, six scores
 *              per_fold, headline, folds, classes, schema, run
 *
 * Means are over the cases where a score is defined, then plainly over the labels, as in nnU-Net's
 * evaluate_predictions.py; where it writes NaN, which strict parsers refuse, this writes null. */
#include "pleat/file.h"
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

static json_t *number(double x) { return isnan(x) ? json_null() : json_real(x); }

json_t *pleat_tables_text(const char *s) {
    if (s == NULL) return json_null();
    json_t *plain = json_string(s);
    if (plain != NULL) return plain;
    char *copy = strdup(s);
    if (copy == NULL) return NULL;
    for (char *c = copy; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    plain = json_string(copy);
    free(copy);
    return plain;
}

static json_t *whole(uint64_t x) { /* JSON integers of jansson are signed */
    return x <= INT64_MAX ? json_integer((json_int_t)x)
                          : json_sprintf("%llu", (unsigned long long)x);
}

static const char *label(char out[16], int c) {
    (void)snprintf(out, 16, "%d", c);
    return out;
}

/* nnU-Net calls it Dice; one name within one file. */
static const char *score_key(pleat_score score) {
    return score == PLEAT_DSC ? "Dice" : pleat_metrics_name(score);
}

/* --- nnU-Net's part ------------------------------------------------------------------------- */

/* Its eight measures of one case and class, in one table. */
enum { MEASURES = 8 };
static const char *const measure_names[MEASURES] = {"Dice", "IoU", "TP",     "FP",
                                                    "FN",   "TN",  "n_pred", "n_ref"};

static double measure(int which, const pleat_counts *k) {
    switch (which) {
    case 0: return pleat_metrics_score(PLEAT_DSC, k);
    case 1: return pleat_metrics_score(PLEAT_IOU, k);
    case 2: return (double)k->tp;
    case 3: return (double)k->fp;
    case 4: return (double)k->fn;
    case 5: return (double)k->tn;
    case 6: return (double)(k->tp + k->fp);
    default: return (double)(k->tp + k->fn);
    }
}

static json_t *case_measures(int *lost, const pleat_counts *k) {
    json_t *object = json_object();
    for (int m = 0; m < MEASURES; m++) {
        const double x = measure(m, k);
        put(lost, object, measure_names[m], m < 2 ? number(x) : json_integer((json_int_t)x));
    }
    return object;
}

static json_t *per_case(int *lost, const pleat_tables *t) {
    json_t *list = json_array();
    for (int i = 0; i < t->n; i++) {
        const pleat_case_result *r = t->order[i];
        json_t *object = json_object(), *metrics = json_object();
        char key[16];
        for (int c = 1; c < t->classes; c++)
            put(lost, metrics, label(key, c), case_measures(lost, &r->counts[c]));
        put(lost, object, "metrics", metrics);
        put(lost, object, "prediction_file", pleat_tables_text(r->prediction));
        put(lost, object, "reference_file", pleat_tables_text(r->reference));
        append(lost, list, object);
    }
    return list;
}

static double mean_measure(const pleat_tables *t, int m, int c) {
    double sum = 0.0;
    int defined = 0;
    for (int i = 0; i < t->n; i++) {
        const double x = measure(m, &t->order[i]->counts[c]);
        if (isnan(x)) continue;
        sum += x;
        defined++;
    }
    return defined > 0 ? sum / defined : (double)NAN;
}

static void put_means(int *lost, json_t *root, const pleat_tables *t) {
    json_t *mean = json_object(), *foreground = json_object();
    double over_labels[MEASURES] = {0};
    for (int c = 1; c < t->classes; c++) {
        json_t *object = json_object();
        char key[16];
        for (int m = 0; m < MEASURES; m++) {
            const double x = mean_measure(t, m, c);
            over_labels[m] += x / (t->classes - 1);
            put(lost, object, measure_names[m], number(x));
        }
        put(lost, mean, label(key, c), object);
    }
    for (int m = 0; m < MEASURES; m++)
        put(lost, foreground, measure_names[m],
            number(t->classes > 1 ? over_labels[m] : (double)NAN));
    put(lost, root, "mean", mean);
    put(lost, root, "foreground_mean", foreground);
}

/* --- ours ----------------------------------------------------------------------------------- */

typedef json_t *(*field)(const pleat_summary *s);
static json_t *mean_of(const pleat_summary *s) { return number(s->mean); }
static json_t *sd_of(const pleat_summary *s) { return number(s->sd); }
static json_t *median_of(const pleat_summary *s) { return number(s->median); }
static json_t *undefined_of(const pleat_summary *s) { return json_integer(s->undefined); }

/* {"0": {"Dice": .., "IoU": .., ..}, "1": ..} of one fold or of all. */
static json_t *by_label(int *lost, const pleat_tables *t, int fold, field of) {
    json_t *object = json_object();
    for (int c = 0; c < t->classes; c++) {
        json_t *scores = json_object();
        char key[16];
        for (int s = 0; s < PLEAT_SCORES; s++)
            put(lost, scores, score_key((pleat_score)s),
                of(pleat_tables_at(t, fold, (pleat_score)s, c)));
        put(lost, object, label(key, c), scores);
    }
    return object;
}

static json_t *per_fold(int *lost, const pleat_tables *t) {
    json_t *list = json_array();
    for (int fold = 0; fold < t->folds; fold++) {
        if (t->cases[fold] == 0) continue;
        json_t *object = json_object(), *ids = json_array();
        for (int i = 0; i < t->n; i++)
            if (t->order[i]->fold == fold) append(lost, ids, pleat_tables_text(t->order[i]->id));
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
        for (int s = 0; s < PLEAT_SCORES; s++)
            put(lost, scores, score_key((pleat_score)s),
                number(pleat_tables_headline(t, (pleat_score)s, k)));
        put(lost, object, t->column[k].name, scores);
    }
    return object;
}

static json_t *run(int *lost, const pleat_report_info *info) {
    json_t *object = json_object();
    put(lost, object, "version", pleat_tables_text(info->version));
    put(lost, object, "command", pleat_tables_text(info->command));
    put(lost, object, "config_digest", pleat_tables_text(info->config_digest));
    put(lost, object, "engine", pleat_tables_text(info->engine));
    put(lost, object, "precision", pleat_tables_text(info->precision));
    put(lost, object, "weights", pleat_tables_text(info->weights));
    put(lost, object, "seed", whole(info->seed));
    return object;
}

static void put_ours(int *lost, json_t *root, const pleat_tables *t,
                     const pleat_report_info *info) {
    json_t *classes = json_object();
    char key[16];
    for (int c = 0; c < t->classes; c++)
        put(lost, classes, label(key, c), pleat_tables_text(t->class_names[c]));
    put(lost, root, "schema", json_string(SCHEMA));
    put(lost, root, "classes", classes);
    put(lost, root, "folds", json_integer(t->folds));
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
