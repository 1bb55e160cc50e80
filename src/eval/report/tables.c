/* tables.c - sorts results by id and summarises them per fold, score and class. */
#include "tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pleat_status check(const pleat_results *r) {
    PLEAT_CHECK(r->n >= 1, PLEAT_ERR_ARG, "there are no case results to report");
    for (int i = 0; i < r->n; i++)
        PLEAT_CHECK(r->cases[i].fold >= 0 && r->cases[i].fold < r->folds, PLEAT_ERR_ARG,
                    "case '%s' is of fold %d, the report has folds 0 to %d", r->cases[i].id,
                    r->cases[i].fold, r->folds - 1);
    return PLEAT_OK;
}

typedef struct named { /* for sorting */
    const char *id;
    int index, fold;
} named;

static int by_id(const void *a, const void *b) {
    return strcmp(((const named *)a)->id, ((const named *)b)->id);
}

/* And of one id by fold, which is another one in each repeat. */
static int by_id_and_fold(const void *a, const void *b) {
    const int order = by_id(a, b);
    return order != 0 ? order : ((const named *)a)->fold - ((const named *)b)->fold;
}

/* The order by id, and how many there are; none may come twice in a repeat. */
static pleat_status sort(const pleat_results *r, int *order, int *distinct) {
    const int each = r->folds / r->repeats > 0 ? r->folds / r->repeats : 1; /* folds of a repeat */
    pleat_status status = PLEAT_OK;
    named *list = malloc((size_t)r->n * sizeof *list);
    PLEAT_CHECK(list != NULL, PLEAT_ERR_MEMORY, "no memory to sort %d cases", r->n);
    for (int i = 0; i < r->n; i++) list[i] = (named){r->cases[i].id, i, r->cases[i].fold};
    qsort(list, (size_t)r->n, sizeof *list, by_id_and_fold);
    *distinct = 0;
    for (int i = 0; i < r->n; i++) {
        order[i] = list[i].index;
        *distinct += i == 0 || by_id(&list[i - 1], &list[i]) != 0;
        PLEAT_CHECK_GOTO(status, done,
                         i == 0 || by_id(&list[i - 1], &list[i]) != 0 ||
                             list[i - 1].fold / each != list[i].fold / each,
                         PLEAT_ERR_DATA, "case '%s' was scored twice, in folds %d and %d",
                         list[i].id, r->cases[order[i - 1]].fold, r->cases[order[i]].fold);
    }
done:
    free(list);
    return status;
}

/* The original's four classes have three columns; else each class has one. */
static void name_columns(pleat_tables *t) {
    static const char *const original[] = {"background", "lung_L", "lung_R", "infection"};
    const pleat_classes *classes = &t->results->classes;
    int same = classes->n == 4;
    for (int c = 0; same && c < 4; c++) same = strcmp(classes->name[c], original[c]) == 0;
    if (same) {
        t->columns = 3;
        t->column[0] = (pleat_tables_column){"background", {0, 0}};
        t->column[1] = (pleat_tables_column){"infection", {3, 3}};
        t->column[2] = (pleat_tables_column){"lungs", {1, 2}};
        return;
    }
    t->columns = classes->n;
    for (int c = 0; c < classes->n; c++)
        t->column[c] = (pleat_tables_column){classes->name[c], {c, c}};
}

static size_t cell(const pleat_tables *t, int fold, int score, int c) {
    const pleat_results *r = t->results;
    return ((size_t)(fold + 1) * (size_t)pleat_scores_count(r->scores) + (size_t)score) *
               (size_t)r->classes.n +
           (size_t)c;
}

/* Row `fold` of the summaries; x[n] is scratch. */
static pleat_status summarise(pleat_tables *t, int fold, double *x) {
    const pleat_results *r = t->results;
    for (int score = 0; score < pleat_scores_count(r->scores); score++)
        for (int c = 0; c < r->classes.n; c++) {
            int m = 0;
            for (int i = 0; i < r->n; i++)
                if (fold == PLEAT_ALL_FOLDS || pleat_tables_case(t, i)->fold == fold)
                    x[m++] = pleat_tables_value(t, i, score, c);
            PLEAT_TRY(pleat_summarise(x, m, &t->summary[cell(t, fold, score, c)]));
        }
    return PLEAT_OK;
}

pleat_status pleat_tables_make(const pleat_results *results, pleat_tables *out) {
    PLEAT_TRY(check(results));
    pleat_status status = PLEAT_OK;
    const size_t n = (size_t)results->n;
    pleat_tables t = {.results = results};
    double *x = malloc(sizeof *x * n);
    t.order = malloc(sizeof *t.order * n);
    t.cases = calloc((size_t)results->folds, sizeof *t.cases);
    t.column = calloc((size_t)results->classes.n, sizeof *t.column);
    t.summary = calloc(cell(&t, results->folds, 0, 0), sizeof *t.summary);
    PLEAT_CHECK_GOTO(status, done,
                     x != NULL && t.order != NULL && t.cases != NULL && t.column != NULL &&
                         t.summary != NULL,
                     PLEAT_ERR_MEMORY, "no memory to summarise %d cases", results->n);
    for (int i = 0; i < results->n; i++) t.cases[results->cases[i].fold]++;
    PLEAT_TRY_GOTO(status, done, sort(results, t.order, &t.distinct));
    for (int fold = PLEAT_ALL_FOLDS; fold < results->folds; fold++)
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
    free(tables->column);
    free(tables->summary);
    *tables = (pleat_tables){0};
}

const pleat_case_result *pleat_tables_case(const pleat_tables *t, int i) {
    return &t->results->cases[t->order[i]];
}

double pleat_tables_value(const pleat_tables *t, int i, int score, int c) {
    return pleat_results_at(t->results, t->order[i], score, c).x;
}

const pleat_summary *pleat_tables_at(const pleat_tables *t, int fold, int score, int c) {
    return &t->summary[cell(t, fold, score, c)];
}

double pleat_tables_foreground(const pleat_tables *t, int fold, int score) {
    const int classes = t->results->classes.n;
    double sum = 0.0;
    for (int c = 1; c < classes; c++) sum += pleat_tables_at(t, fold, score, c)->mean;
    return classes > 1 ? sum / (classes - 1) : (double)NAN;
}

/* Of two values, one of which may be undefined. */
static double mean_of_two(double a, double b) {
    if (isnan(a)) return b;
    return isnan(b) ? a : 0.5 * (a + b);
}

double pleat_tables_final(const pleat_tables *t, int fold, int score, int column) {
    const int *from = t->column[column].from;
    return mean_of_two(pleat_tables_at(t, fold, score, from[0])->median,
                       pleat_tables_at(t, fold, score, from[1])->median);
}

double pleat_tables_headline(const pleat_tables *t, int score, int column) {
    double sum = 0.0;
    int defined = 0;
    for (int fold = 0; fold < t->results->folds; fold++) {
        const double x = pleat_tables_final(t, fold, score, column);
        if (isnan(x)) continue;
        sum += x;
        defined++;
    }
    return defined > 0 ? sum / defined : (double)NAN;
}

const char *pleat_tables_key(const pleat_score *score) {
    return score->nnunet != NULL ? score->nnunet : score->name;
}
