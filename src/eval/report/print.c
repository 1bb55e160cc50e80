/* print.c - the table on the terminal. */
#include "tables.h"

#include "pleat/terminal.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LABEL       "%-11s" /* fits "  undefined" and "  fold 9999" */
#define CASES       "%7s"
#define LEFT_WIDTH  18
#define LEAST_WIDTH 6 /* of "0.1234" */

static const char *const foreground = "foreground";

/* Columns are the classes, then their mean; some of them stand side by side. */
typedef struct part {
    const pleat_tables *t;
    int score;
    const int *width; /* of all columns */
    int from, to;
} part;

static const char *name_of(const part *p, int column) {
    const pleat_classes *classes = &p->t->results->classes;
    return column < classes->n ? classes->name[column] : foreground;
}

static void number_text(double x, char out[32]) {
    if (isnan(x))
        (void)snprintf(out, 32, "-");
    else
        (void)snprintf(out, 32, "%.4f", x);
}

static double mean_of(const part *p, int fold, int column) {
    return column < p->t->results->classes.n ? pleat_tables_at(p->t, fold, p->score, column)->mean
                                             : pleat_tables_foreground(p->t, fold, p->score);
}

/* Of its name and its numbers. */
static int width_of(const part *p, int column) {
    const int folds = p->t->results->folds, classes = p->t->results->classes.n;
    int width = pleat_text_width(name_of(p, column));
    if (width < LEAST_WIDTH) width = LEAST_WIDTH;
    for (int k = 0; k < folds + 3; k++) {
        char text[32];
        if (k > folds && column == classes) break; /* neither deviation nor median */
        const pleat_summary *all =
            column < classes ? pleat_tables_at(p->t, PLEAT_ALL_FOLDS, p->score, column) : NULL;
        number_text(k < folds        ? (p->t->cases[k] > 0 ? mean_of(p, k, column) : NAN)
                    : k == folds     ? mean_of(p, PLEAT_ALL_FOLDS, column)
                    : k == folds + 1 ? all->sd
                                     : all->median,
                    text);
        if ((int)strlen(text) > width) width = (int)strlen(text);
    }
    return width;
}

static void put_text(FILE *out, const part *p, int column, const char *text) {
    (void)fprintf(out, "  %*s%s", p->width[column] - pleat_text_width(text), "", text);
}

static void put_number(FILE *out, const part *p, int column, double x) {
    char text[32];
    number_text(x, text);
    put_text(out, p, column, text);
}

static void put_means(FILE *out, const part *p, int fold) {
    char label[32] = "  mean", cases[32];
    const int all = fold == PLEAT_ALL_FOLDS;
    if (!all) (void)snprintf(label, sizeof label, "  fold %d", fold);
    (void)snprintf(cases, sizeof cases, "%d", all ? p->t->distinct : p->t->cases[fold]);
    (void)fprintf(out, LABEL CASES, label, cases);
    for (int k = p->from; k < p->to; k++) put_number(out, p, k, mean_of(p, fold, k));
    (void)fputc('\n', out);
}

static void put_spread(FILE *out, const part *p) {
    const int n = p->t->results->classes.n, to = p->to < n ? p->to : n;
    if (p->from >= n) return;
    (void)fprintf(out, LABEL CASES, "  SD", "");
    for (int c = p->from; c < to; c++)
        put_number(out, p, c, pleat_tables_at(p->t, PLEAT_ALL_FOLDS, p->score, c)->sd);
    (void)fprintf(out, "\n" LABEL CASES, "  median", "");
    for (int c = p->from; c < to; c++)
        put_number(out, p, c, pleat_tables_at(p->t, PLEAT_ALL_FOLDS, p->score, c)->median);
    (void)fprintf(out, "\n" LABEL CASES, "  undefined", "");
    for (int c = p->from; c < to; c++) {
        char count[16];
        (void)snprintf(count, sizeof count, "%d",
                       pleat_tables_at(p->t, PLEAT_ALL_FOLDS, p->score, c)->undefined);
        put_text(out, p, c, count);
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

static void put_part(FILE *out, const part *p) {
    (void)fprintf(out, LABEL CASES, "", "cases");
    for (int k = p->from; k < p->to; k++) put_text(out, p, k, name_of(p, k));
    (void)fputc('\n', out);
    for (int fold = 0; p->t->results->folds > 1 && fold < p->t->results->folds; fold++)
        if (p->t->cases[fold] > 0) put_means(out, p, fold);
    put_means(out, p, PLEAT_ALL_FOLDS);
    put_spread(out, p);
}

/* On a terminal as many columns side by side as it has room for. */
static void put_block(FILE *out, const pleat_tables *t, int score, int *width) {
    const pleat_score *row = pleat_scores_at(t->results->scores, score);
    const int columns = t->results->classes.n + 1, wide = pleat_terminal_width(fileno(out));
    (void)fprintf(out, "%s%s%s%s\n", row->title, row->unit[0] != '\0' ? ", " : "", row->unit,
                  row->better == PLEAT_LOWER_IS_BETTER ? ", lower is better" : "");
    part p = {.t = t, .score = score, .width = width};
    for (int k = 0; k < columns; k++) width[k] = width_of(&p, k);
    for (; p.to < columns; p.from = p.to) {
        int used = LEFT_WIDTH;
        do used += 2 + width[p.to++];
        while (p.to < columns && (wide == 0 || used + 2 + width[p.to] <= wide));
        if (p.from > 0) (void)fputc('\n', out);
        put_part(out, &p);
    }
    if (t->results->folds > 1) put_headline(out, t, score);
    (void)fputc('\n', out);
}

/* Those of the run, or of this comparison. */
static void put_warnings(FILE *out) {
    enum { MOST = 10 };
    const int n = pleat_warn_count();
    if (n > 0) (void)fprintf(out, "\n%d warning%s:\n", n, pleat_plural(n));
    for (int i = 0; i < n && i < MOST; i++)
        pleat_terminal_print(out, 2, 0, "%s", pleat_warn_text(i));
    if (n > MOST) (void)fprintf(out, "  and %d more, which summary.json lists\n", n - MOST);
}

/* Behind the mean over the classes, what it leaves out, or why there is none. */
static void say_undefined(const pleat_tables *t, int undefined, char *out, size_t size) {
    const pleat_classes *classes = &t->results->classes;
    char names[256] = "";
    for (int c = 1; c < classes->n; c++)
        if (isnan(pleat_tables_at(t, PLEAT_ALL_FOLDS, PLEAT_HEADLINE, c)->mean))
            pleat_warn_list(names, sizeof names, classes->name[c]);
    out[0] = '\0';
    if (names[0] != '\0')
        (void)snprintf(out, size,
                       "; it is over all classes, and in no case is one defined, but 0/0, of %s",
                       names);
    else if (undefined > 0)
        (void)snprintf(out, size, "; undefined scores, 0/0, are left out");
}

pleat_status pleat_report_print(FILE *out, const pleat_results *results, int verbose) {
    pleat_tables t;
    PLEAT_TRY(pleat_tables_make(results, &t));
    const int n = t.distinct, repeats = results->repeats,
              blocks = verbose ? pleat_scores_count(results->scores) : 1;
    const char *name = pleat_tables_key(pleat_scores_at(results->scores, PLEAT_HEADLINE));
    int undefined = 0;
    int *width = calloc((size_t)results->classes.n + 1, sizeof *width);
    for (int s = 0; s < blocks && width != NULL; s++) {
        put_block(out, &t, s, width);
        for (int c = 0; c < results->classes.n; c++)
            undefined += pleat_tables_at(&t, PLEAT_ALL_FOLDS, s, c)->undefined;
    }
    free(width);
    const double mean = pleat_tables_foreground(&t, PLEAT_ALL_FOLDS, PLEAT_HEADLINE);
    char text[32], again[32] = "", parts[64] = "", left_out[384];
    number_text(mean, text);
    say_undefined(&t, undefined, left_out, sizeof left_out);
    if (repeats > 1) (void)snprintf(again, sizeof again, ", %d repeats of", repeats);
    if (results->folds > 1)
        (void)snprintf(parts, sizeof parts, "%s %d folds", repeats > 1 ? "" : ",",
                       results->folds / repeats);
    pleat_terminal_print(out, 0, 0, "Mean foreground %s: %s (%d case%s%s%s%s)", name,
                         isnan(mean) ? "undefined" : text, n, pleat_plural(n), again, parts,
                         left_out);
    put_warnings(out);
    pleat_tables_free(&t);
    PLEAT_CHECK(width != NULL, PLEAT_ERR_MEMORY, "no memory for a table of %d classes",
                results->classes.n);
    return PLEAT_OK;
}
