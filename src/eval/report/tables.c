/* tables.c - sorts case results by id and summarises them per fold, score and class. */
#include "tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b) {
    const pleat_case_result *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

static pleat_status check(const pleat_case_result *results, int n, int classes, int folds) {
    PLEAT_CHECK(n >= 1, PLEAT_ERR_ARG, "there are no case results to report");
    PLEAT_CHECK(classes >= 1 && classes <= PLEAT_MAX_CLASSES, PLEAT_ERR_ARG,
                "%d classes asked for; 1 to %d are possible", classes, PLEAT_MAX_CLASSES);
    for (int i = 0; i < n; i++) {
        const pleat_case_result *r = &results[i];
        PLEAT_CHECK(r->classes == classes, PLEAT_ERR_ARG,
                    "case '%s' was scored for %d classes, the report is for %d", r->id, r->classes,
                    classes);
        PLEAT_CHECK(r->fold >= 0 && r->fold < folds, PLEAT_ERR_ARG,
                    "case '%s' is of fold %d, the report has folds 0 to %d", r->id, r->fold,
                    folds - 1);
    }
    return PLEAT_OK;
}

static void name_columns(pleat_tables *t) {
    static const char *const original[] = {"background", "lung_L", "lung_R", "infection"};
    int same = t->classes == 4;
    for (int c = 0; same && c < 4; c++) same = strcmp(t->class_names[c], original[c]) == 0;
    if (same) {
        t->columns = 3;
        t->column[0] = (pleat_tables_column){"background", {0, 0}};
        t->column[1] = (pleat_tables_column){"infection", {3, 3}};
        t->column[2] = (pleat_tables_column){"lungs", {1, 2}};
        return;
    }
    t->columns = t->classes;
    for (int c = 0; c < t->classes; c++)
        t->column[c] = (pleat_tables_column){t->class_names[c], {c, c}};
}

static size_t cell(const pleat_tables *t, int fold, int score, int c) {
    return ((size_t)(fold + 1) * PLEAT_SCORES + (size_t)score) * (size_t)t->classes + (size_t)c;
}

/* Row `fold` of the summaries; x[n] is scratch. */
static pleat_status summarise(pleat_tables *t, int fold, double *x) {
    for (int score = 0; score < PLEAT_SCORES; score++)
        for (int c = 0; c < t->classes; c++) {
            int m = 0;
            for (int i = 0; i < t->n; i++)
                if (fold == PLEAT_ALL_FOLDS || t->order[i]->fold == fold)
                    x[m++] = pleat_metrics_score((pleat_score)score, &t->order[i]->counts[c]);
            PLEAT_TRY(pleat_metrics_summary(x, m, &t->summary[cell(t, fold, score, c)]));
        }
    return PLEAT_OK;
}

pleat_status pleat_tables_make(const pleat_case_result *results, int n,
                               const char *const *class_names, int classes, int folds,
                               pleat_tables *out) {
    PLEAT_TRY(check(results, n, classes, folds));
    pleat_status status = PLEAT_OK;
    pleat_tables t = {.n = n, .folds = folds, .classes = classes, .class_names = class_names};
    double *x = malloc(sizeof *x * (size_t)n);
    t.order = malloc(sizeof(const pleat_case_result *) * (size_t)n);
    t.cases = calloc((size_t)folds, sizeof *t.cases);
    t.summary = calloc(cell(&t, folds, 0, 0), sizeof *t.summary);
    PLEAT_CHECK_GOTO(status, done,
                     x != NULL && t.order != NULL && t.cases != NULL && t.summary != NULL,
                     PLEAT_ERR_MEMORY, "no memory to summarise %d cases", n);
    for (int i = 0; i < n; i++) {
        t.order[i] = &results[i];
        t.cases[results[i].fold]++;
    }
    qsort(t.order, (size_t)n, sizeof(const pleat_case_result *), by_id);
    for (int i = 1; i < n; i++)
        PLEAT_CHECK_GOTO(status, done, strcmp(t.order[i - 1]->id, t.order[i]->id) != 0,
                         PLEAT_ERR_DATA, "case '%s' was scored twice, in folds %d and %d",
                         t.order[i]->id, t.order[i - 1]->fold, t.order[i]->fold);
    for (int fold = PLEAT_ALL_FOLDS; fold < folds; fold++)
        PLEAT_TRY_GOTO(status, done, summarise(&t, fold, x));
    name_columns(&t);
    *out = t; /* ownership moves to the caller */
    t = (pleat_tables){0};
done:
    free(x);
    pleat_tables_free(&t);
    return status;
}

void pleat_tables_free(pleat_tables *tables) {
    free(tables->order);
    free(tables->cases);
    free(tables->summary);
    *tables = (pleat_tables){0};
}

const pleat_summary *pleat_tables_at(const pleat_tables *t, int fold, pleat_score score, int c) {
    return &t->summary[cell(t, fold, (int)score, c)];
}

double pleat_tables_foreground(const pleat_tables *t, int fold, pleat_score score) {
    double sum = 0.0;
    for (int c = 1; c < t->classes; c++) sum += pleat_tables_at(t, fold, score, c)->mean;
    return t->classes > 1 ? sum / (t->classes - 1) : (double)NAN;
}

/* Of two values, one of which may be undefined. */
static double mean_of_two(double a, double b) {
    if (isnan(a)) return b;
    return isnan(b) ? a : 0.5 * (a + b);
}

double pleat_tables_final(const pleat_tables *t, int fold, pleat_score score, int column) {
    const int *from = t->column[column].from;
    return mean_of_two(pleat_tables_at(t, fold, score, from[0])->median,
                       pleat_tables_at(t, fold, score, from[1])->median);
}

double pleat_tables_headline(const pleat_tables *t, pleat_score score, int column) {
    double sum = 0.0;
    int defined = 0;
    for (int fold = 0; fold < t->folds; fold++) {
        const double x = pleat_tables_final(t, fold, score, column);
        if (isnan(x)) continue;
        sum += x;
        defined++;
    }
    return defined > 0 ? sum / defined : (double)NAN;
}

pleat_score pleat_tables_by_name(int i) {
    static const pleat_score order[PLEAT_SCORES] = {PLEAT_ACC,  PLEAT_DSC,  PLEAT_IOU,
                                                    PLEAT_PREC, PLEAT_SENS, PLEAT_SPEC};
    return order[i];
}
