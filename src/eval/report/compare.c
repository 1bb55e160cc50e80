/* compare.c - several results over the same cases, side by side. */
#include "pleat/csv.h"
#include "pleat/rundir.h"
#include "tables.h"

#include <math.h>
#include <stdlib.h>

#define DIGITS 10 /* of a number in the two files */

typedef struct comparison {
    const pleat_report_variant *variants; /* [n] */
    pleat_tables *tables;                 /* [n] */
    int n;
    const pleat_results *first; /* whose classes and scores all have */
} comparison;

static double median_of(const comparison *c, int variant, int score, int class) {
    return pleat_tables_at(&c->tables[variant], PLEAT_ALL_FOLDS, score, class)->median;
}

/* A row per score and class, a column per variant: medians over the cases. */
static void put_medians(pleat_csv *csv, const comparison *c) {
    pleat_csv_text(csv, "score");
    pleat_csv_text(csv, "class");
    for (int v = 0; v < c->n; v++) pleat_csv_text(csv, c->variants[v].name);
    pleat_csv_end_row(csv);
    for (int s = 0; s < pleat_scores_count(c->first->scores); s++)
        for (int k = 0; k < c->first->classes.n; k++) {
            pleat_csv_text(csv, pleat_scores_at(c->first->scores, s)->name);
            pleat_csv_text(csv, c->first->classes.name[k]);
            for (int v = 0; v < c->n; v++) pleat_csv_rounded(csv, median_of(c, v, s, k), DIGITS);
            pleat_csv_end_row(csv);
        }
}

/* Every score of every case, for box plots. */
static void put_cases(pleat_csv *csv, const comparison *c) {
    pleat_csv_text(csv, "variant");
    pleat_csv_text(csv, "index");
    pleat_csv_text(csv, "score");
    for (int k = 0; k < c->first->classes.n; k++) pleat_csv_text(csv, c->first->classes.name[k]);
    pleat_csv_end_row(csv);
    for (int v = 0; v < c->n; v++)
        for (int i = 0; i < c->variants[v].results->n; i++)
            for (int s = 0; s < pleat_scores_count(c->first->scores); s++) {
                pleat_csv_text(csv, c->variants[v].name);
                pleat_csv_text(csv, pleat_tables_case(&c->tables[v], i)->id);
                pleat_csv_text(csv, pleat_scores_at(c->first->scores, s)->name);
                for (int k = 0; k < c->first->classes.n; k++)
                    pleat_csv_rounded(csv, pleat_tables_value(&c->tables[v], i, s, k), DIGITS);
                pleat_csv_end_row(csv);
            }
}

static pleat_status write(void (*fill)(pleat_csv *csv, const comparison *c), const comparison *c,
                          const char *folder, pleat_run_file file) {
    char path[PLEAT_PATH_BYTES];
    pleat_csv csv;
    PLEAT_TRY(pleat_run_path(folder, file, path));
    PLEAT_TRY(pleat_csv_open(&csv));
    fill(&csv, c);
    return pleat_csv_close(&csv, path);
}

static void print(FILE *out, const comparison *c) {
    const char *name = pleat_scores_at(c->first->scores, PLEAT_HEADLINE)->name;
    (void)fprintf(out, "\n%s, median over the cases\n  %-16s", name, "");
    for (int k = 0; k < c->first->classes.n; k++)
        (void)fprintf(out, " %12.12s", c->first->classes.name[k]);
    (void)fputc('\n', out);
    for (int v = 0; v < c->n; v++) {
        (void)fprintf(out, "  %-16s", c->variants[v].name);
        for (int k = 0; k < c->first->classes.n; k++) {
            const double median = median_of(c, v, PLEAT_HEADLINE, k);
            if (isnan(median))
                (void)fprintf(out, " %12s", "-");
            else
                (void)fprintf(out, " %12.4f", median);
        }
        (void)fputc('\n', out);
    }
}

pleat_status pleat_report_compare(FILE *out, const char *folder,
                                  const pleat_report_variant *variants, int n) {
    pleat_status status = PLEAT_OK;
    comparison c = {variants, NULL, n, variants[0].results};
    c.tables = calloc((size_t)n, sizeof *c.tables);
    PLEAT_CHECK(c.tables != NULL, PLEAT_ERR_MEMORY, "no memory to compare %d results", n);
    for (int v = 0; v < n; v++) {
        PLEAT_CHECK_GOTO(status, done, variants[v].results->classes.n == c.first->classes.n,
                         PLEAT_ERR_ARG, "'%s' was scored for %d classes, '%s' for %d",
                         variants[v].name, variants[v].results->classes.n, variants[0].name,
                         c.first->classes.n);
        PLEAT_TRY_GOTO(status, done, pleat_tables_make(variants[v].results, &c.tables[v]));
    }
    PLEAT_TRY_GOTO(status, done, write(put_medians, &c, folder, PLEAT_RUN_ABLATION));
    PLEAT_TRY_GOTO(status, done, write(put_cases, &c, folder, PLEAT_RUN_ABLATION_DETAILED));
    print(out, &c);
done:
    for (int v = 0; v < n; v++) pleat_tables_free(&c.tables[v]);
    free(c.tables);
    return status;
}
