/* compare.c - several results over the same cases, side by side. */
#include "pleat/file.h"
#include "tables.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct comparison {
    const pleat_report_variant *variants; /* [n] */
    pleat_tables *tables;                 /* [n] */
    int n, classes;
    const char *const *class_names;
} comparison;

static void put_number(FILE *out, double x) {
    if (isnan(x))
        (void)fputc(',', out);
    else
        (void)fprintf(out, ",%.10g", x);
}

static double median_of(const comparison *c, int variant, pleat_score score, int class) {
    return pleat_tables_at(&c->tables[variant], PLEAT_ALL_FOLDS, score, class)->median;
}

/* A row per score and class, a column per variant: medians over the cases. */
static void put_medians(FILE *out, const comparison *c) {
    (void)fputs("score,class", out);
    for (int v = 0; v < c->n; v++) (void)fprintf(out, ",%s", c->variants[v].name);
    (void)fputc('\n', out);
    for (int s = 0; s < PLEAT_SCORES; s++)
        for (int k = 0; k < c->classes; k++) {
            (void)fprintf(out, "%s,%s", pleat_metrics_name((pleat_score)s), c->class_names[k]);
            for (int v = 0; v < c->n; v++) put_number(out, median_of(c, v, (pleat_score)s, k));
            (void)fputc('\n', out);
        }
}

/* Every score of every case, for box plots. */
static void put_cases(FILE *out, const comparison *c) {
    (void)fputs("variant,index,score", out);
    for (int k = 0; k < c->classes; k++) (void)fprintf(out, ",%s", c->class_names[k]);
    (void)fputc('\n', out);
    for (int v = 0; v < c->n; v++)
        for (int i = 0; i < c->tables[v].n; i++)
            for (int s = 0; s < PLEAT_SCORES; s++) {
                const pleat_case_result *one = c->tables[v].order[i];
                (void)fprintf(out, "%s,%s,%s", c->variants[v].name, one->id,
                              pleat_metrics_name((pleat_score)s));
                for (int k = 0; k < c->classes; k++)
                    put_number(out, pleat_metrics_score((pleat_score)s, &one->counts[k]));
                (void)fputc('\n', out);
            }
}

static pleat_status write_with(void (*fill)(FILE *out, const comparison *c), const comparison *c,
                               const char *folder, const char *name) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    size_t n = 0;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", folder, name));
    FILE *out = open_memstream(&text, &n);
    PLEAT_CHECK(out != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s': %s", path,
                strerror(errno));
    fill(out, c);
    const int failed = ferror(out);
    pleat_status status = PLEAT_OK;
    if (fclose(out) != 0 || failed)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    else
        status = pleat_file_write_atomic(path, text, n);
    free(text);
    return status;
}

static void print(FILE *out, const comparison *c) {
    (void)fprintf(out, "\nDSC, median over the cases\n  %-16s", "");
    for (int k = 0; k < c->classes; k++) (void)fprintf(out, " %12.12s", c->class_names[k]);
    (void)fputc('\n', out);
    for (int v = 0; v < c->n; v++) {
        (void)fprintf(out, "  %-16s", c->variants[v].name);
        for (int k = 0; k < c->classes; k++) {
            const double median = median_of(c, v, PLEAT_DSC, k);
            if (isnan(median))
                (void)fprintf(out, " %12s", "-");
            else
                (void)fprintf(out, " %12.4f", median);
        }
        (void)fputc('\n', out);
    }
}

pleat_status pleat_report_compare(FILE *out, const char *folder,
                                  const pleat_report_variant *variants, int n,
                                  const char *const *class_names, int classes, int folds) {
    pleat_status status = PLEAT_OK;
    comparison c = {variants, NULL, n, classes, class_names};
    c.tables = calloc((size_t)n, sizeof *c.tables);
    PLEAT_CHECK(c.tables != NULL, PLEAT_ERR_MEMORY, "no memory to compare %d results", n);
    for (int v = 0; v < n; v++)
        PLEAT_TRY_GOTO(status, done,
                       pleat_tables_make(variants[v].results, variants[v].n, class_names, classes,
                                         folds, &c.tables[v]));
    PLEAT_TRY_GOTO(status, done, write_with(put_medians, &c, folder, "ablation.csv"));
    PLEAT_TRY_GOTO(status, done, write_with(put_cases, &c, folder, "ablation.detailed.csv"));
    print(out, &c);
done:
    for (int v = 0; v < n; v++) pleat_tables_free(&c.tables[v]);
    free(c.tables);
    return status;
}
