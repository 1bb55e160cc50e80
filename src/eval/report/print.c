/* print.c - the table on the terminal. */
#include "tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LABEL       "%-11s" /* fits "  undefined" and "  fold 9999" */
#define CASES       "%7s"
#define LEAST_WIDTH 6 /* of "0.1234" */

static const char *const foreground = "foreground";

/* Columns a terminal needs for UTF-8 text without wide characters. */
static int width_of(const char *text) {
    int width = 0;
    for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void put_text(FILE *out, const char *name, const char *text) {
    const int named = width_of(name), width = named > LEAST_WIDTH ? named : LEAST_WIDTH;
    (void)fprintf(out, "  %*s%s", width - width_of(text), "", text);
}

static void put_number(FILE *out, const char *name, double x) {
    char text[32] = "-";
    if (!isnan(x)) (void)snprintf(text, sizeof text, "%.4f", x);
    put_text(out, name, text);
}

static void put_means(FILE *out, const pleat_tables *t, int fold, pleat_score score) {
    char label[32] = "  mean", cases[32];
    const int all = fold == PLEAT_ALL_FOLDS;
    if (!all) (void)snprintf(label, sizeof label, "  fold %d", fold);
    (void)snprintf(cases, sizeof cases, "%d", all ? t->n : t->cases[fold]);
    (void)fprintf(out, LABEL CASES, label, cases);
    for (int c = 0; c < t->classes; c++)
        put_number(out, t->class_names[c], pleat_tables_at(t, fold, score, c)->mean);
    put_number(out, foreground, pleat_tables_foreground(t, fold, score));
    (void)fputc('\n', out);
}

static void put_spread(FILE *out, const pleat_tables *t, pleat_score score) {
    (void)fprintf(out, LABEL CASES, "  SD", "");
    for (int c = 0; c < t->classes; c++)
        put_number(out, t->class_names[c], pleat_tables_at(t, PLEAT_ALL_FOLDS, score, c)->sd);
    (void)fprintf(out, "\n" LABEL CASES, "  median", "");
    for (int c = 0; c < t->classes; c++)
        put_number(out, t->class_names[c], pleat_tables_at(t, PLEAT_ALL_FOLDS, score, c)->median);
    (void)fprintf(out, "\n" LABEL CASES, "  undefined", "");
    for (int c = 0; c < t->classes; c++) {
        char count[16];
        (void)snprintf(count, sizeof count, "%d",
                       pleat_tables_at(t, PLEAT_ALL_FOLDS, score, c)->undefined);
        put_text(out, t->class_names[c], count);
    }
    (void)fputc('\n', out);
}

static void put_headline(FILE *out, const pleat_tables *t, pleat_score score) {
    (void)fprintf(out,
                  "  %s, mean over folds of the fold medians, as the original reports it:\n   ",
                  pleat_metrics_name(score));
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

static void put_block(FILE *out, const pleat_tables *t, pleat_score score) {
    static const char *const titles[PLEAT_SCORES] = {
        [PLEAT_DSC] = "Dice (DSC)",          [PLEAT_IOU] = "Intersection over union (IoU)",
        [PLEAT_SENS] = "Sensitivity (Sens)", [PLEAT_SPEC] = "Specificity (Spec)",
        [PLEAT_PREC] = "Precision (Prec)",   [PLEAT_ACC] = "Accuracy (Acc)"};
    (void)fprintf(out, "%s\n" LABEL CASES, titles[score], "", "cases");
    for (int c = 0; c < t->classes; c++) put_text(out, t->class_names[c], t->class_names[c]);
    put_text(out, foreground, foreground);
    (void)fputc('\n', out);
    for (int fold = 0; t->folds > 1 && fold < t->folds; fold++)
        if (t->cases[fold] > 0) put_means(out, t, fold, score);
    put_means(out, t, PLEAT_ALL_FOLDS, score);
    put_spread(out, t, score);
    if (t->folds > 1) put_headline(out, t, score);
    (void)fputc('\n', out);
}

pleat_status pleat_report_print(FILE *out, const pleat_case_result *results, int n,
                                const char *const *class_names, int classes, int folds,
                                int verbose) {
    pleat_tables t;
    PLEAT_TRY(pleat_tables_make(results, n, class_names, classes, folds, &t));
    int undefined = 0;
    for (int s = 0; s < (verbose ? PLEAT_SCORES : 1); s++) {
        put_block(out, &t, (pleat_score)s);
        for (int c = 0; c < classes; c++)
            undefined += pleat_tables_at(&t, PLEAT_ALL_FOLDS, (pleat_score)s, c)->undefined;
    }
    const double dice = pleat_tables_foreground(&t, PLEAT_ALL_FOLDS, PLEAT_DSC);
    if (isnan(dice))
        (void)fputs("Mean foreground Dice: undefined", out);
    else
        (void)fprintf(out, "Mean foreground Dice: %.4f", dice);
    (void)fprintf(out, " (%d case%s", n, n == 1 ? "" : "s");
    if (folds > 1) (void)fprintf(out, ", %d folds", folds);
    (void)fputs(undefined > 0 ? "; undefined scores, 0/0, are left out)\n" : ")\n", out);
    pleat_tables_free(&t);
    return PLEAT_OK;
}
