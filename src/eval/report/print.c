/* print.c - the table on the terminal. */
#include "tables.h"

#include "pleat/text.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LABEL       "%-11s" /* fits "  undefined" and "  fold 9999" */
#define CASES       "%7s"
#define LEAST_WIDTH 6 /* of "0.1234" */

static const char *const foreground = "foreground";

static void put_text(FILE *out, const char *name, const char *text) {
    const int named = pleat_text_width(name), width = named > LEAST_WIDTH ? named : LEAST_WIDTH;
    (void)fprintf(out, "  %*s%s", width - pleat_text_width(text), "", text);
}

static void put_number(FILE *out, const char *name, double x) {
    char text[32] = "-";
    if (!isnan(x)) (void)snprintf(text, sizeof text, "%.4f", x);
    put_text(out, name, text);
}

static void put_means(FILE *out, const pleat_tables *t, int fold, int score) {
    char label[32] = "  mean", cases[32];
    const int all = fold == PLEAT_ALL_FOLDS;
    if (!all) (void)snprintf(label, sizeof label, "  fold %d", fold);
    (void)snprintf(cases, sizeof cases, "%d", all ? t->distinct : t->cases[fold]);
    (void)fprintf(out, LABEL CASES, label, cases);
    for (int c = 0; c < t->results->classes.n; c++)
        put_number(out, t->results->classes.name[c], pleat_tables_at(t, fold, score, c)->mean);
    put_number(out, foreground, pleat_tables_foreground(t, fold, score));
    (void)fputc('\n', out);
}

static void put_spread(FILE *out, const pleat_tables *t, int score) {
    (void)fprintf(out, LABEL CASES, "  SD", "");
    for (int c = 0; c < t->results->classes.n; c++)
        put_number(out, t->results->classes.name[c],
                   pleat_tables_at(t, PLEAT_ALL_FOLDS, score, c)->sd);
    (void)fprintf(out, "\n" LABEL CASES, "  median", "");
    for (int c = 0; c < t->results->classes.n; c++)
        put_number(out, t->results->classes.name[c],
                   pleat_tables_at(t, PLEAT_ALL_FOLDS, score, c)->median);
    (void)fprintf(out, "\n" LABEL CASES, "  undefined", "");
    for (int c = 0; c < t->results->classes.n; c++) {
        char count[16];
        (void)snprintf(count, sizeof count, "%d",
                       pleat_tables_at(t, PLEAT_ALL_FOLDS, score, c)->undefined);
        put_text(out, t->results->classes.name[c], count);
    }
    (void)fputc('\n', out);
}

static void put_headline(FILE *out, const pleat_tables *t, int score) {
    const pleat_score *row = pleat_scores_at(t->results->scores, score);
    (void)fprintf(out, "  %s, mean over folds of the fold medians%s:\n   ", row->name,
                  row->original ? " (convention of Mueller et al. 2021)" : "");
    for (int k = 0; k < t->columns; k++) {
        const double x = pleat_tables_headline(t, score, k);
        (void)fprintf(out, "%s %s ", k > 0 ? "," : "", t->column[k].name);
        if (isnan(x))
            (void)fputc('-', out);
        else
            (void)fprintf(out, "%.4f", x);
    }
    (void)fputc('\n', out);
}

static void put_block(FILE *out, const pleat_tables *t, int score) {
    const pleat_score *row = pleat_scores_at(t->results->scores, score);
    (void)fprintf(out, "%s%s%s%s\n" LABEL CASES, row->title, row->unit[0] != '\0' ? ", " : "",
                  row->unit, row->better == PLEAT_LOWER_IS_BETTER ? ", lower is better" : "", "",
                  "cases");
    for (int c = 0; c < t->results->classes.n; c++)
        put_text(out, t->results->classes.name[c], t->results->classes.name[c]);
    put_text(out, foreground, foreground);
    (void)fputc('\n', out);
    for (int fold = 0; t->results->folds > 1 && fold < t->results->folds; fold++)
        if (t->cases[fold] > 0) put_means(out, t, fold, score);
    put_means(out, t, PLEAT_ALL_FOLDS, score);
    put_spread(out, t, score);
    if (t->results->folds > 1) put_headline(out, t, score);
    (void)fputc('\n', out);
}

/* Those of the run, or of this comparison. */
static void put_warnings(FILE *out) {
    enum { MOST = 10 };
    const int n = pleat_warn_count();
    if (n > 0) (void)fprintf(out, "\n%d warning%s:\n", n, pleat_plural(n));
    for (int i = 0; i < n && i < MOST; i++) (void)fprintf(out, "  %s\n", pleat_warn_text(i));
    if (n > MOST) (void)fprintf(out, "  and %d more, which summary.json lists\n", n - MOST);
}

pleat_status pleat_report_print(FILE *out, const pleat_results *results, int verbose) {
    pleat_tables t;
    PLEAT_TRY(pleat_tables_make(results, &t));
    const int n = t.distinct, repeats = results->repeats,
              blocks = verbose ? pleat_scores_count(results->scores) : 1;
    const char *name = pleat_tables_key(pleat_scores_at(results->scores, PLEAT_HEADLINE));
    int undefined = 0;
    for (int s = 0; s < blocks; s++) {
        put_block(out, &t, s);
        for (int c = 0; c < results->classes.n; c++)
            undefined += pleat_tables_at(&t, PLEAT_ALL_FOLDS, s, c)->undefined;
    }
    const double mean = pleat_tables_foreground(&t, PLEAT_ALL_FOLDS, PLEAT_HEADLINE);
    if (isnan(mean))
        (void)fprintf(out, "Mean foreground %s: undefined", name);
    else
        (void)fprintf(out, "Mean foreground %s: %.4f", name, mean);
    (void)fprintf(out, " (%d case%s", n, pleat_plural(n));
    if (repeats > 1) (void)fprintf(out, ", %d repeats of", repeats);
    if (results->folds > 1)
        (void)fprintf(out, "%s %d folds", repeats > 1 ? "" : ",", results->folds / repeats);
    (void)fputs(undefined > 0 ? "; undefined scores, 0/0, are left out)\n" : ")\n", out);
    put_warnings(out);
    pleat_tables_free(&t);
    return PLEAT_OK;
}
