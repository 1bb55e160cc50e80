/* original.c - the original's two CSV files; the detailed one also for a fold. */
#include "pleat/csv.h"
#include "tables.h"

#include <stdlib.h>
#include <string.h>

pleat_status pleat_tables_write_detailed(const pleat_tables *t, int all_scores, const char *path) {
    const pleat_results *r = t->results;
    const int scores = pleat_scores_count(r->scores), repeated = r->repeats > 1;
    pleat_csv csv;
    PLEAT_TRY(pleat_csv_open(&csv));
    pleat_csv_text(&csv, "index");
    pleat_csv_text(&csv, "score");
    for (int c = 0; c < r->classes.n; c++) pleat_csv_text(&csv, r->classes.name[c]);
    if (repeated) pleat_csv_text(&csv, "fold"); /* a case is there once in each repeat */
    pleat_csv_end_row(&csv);
    for (int i = 0; i < r->n; i++)
        for (int s = 0; s < scores; s++) {
            const pleat_score *score = pleat_scores_at(r->scores, s);
            if (!all_scores && !score->original) continue;
            pleat_csv_text(&csv, pleat_tables_case(t, i)->id);
            pleat_csv_text(&csv, score->name);
            for (int c = 0; c < r->classes.n; c++)
                pleat_csv_real(&csv, pleat_tables_value(t, i, s, c));
            if (repeated) pleat_csv_rounded(&csv, pleat_tables_case(t, i)->fold, 9);
            pleat_csv_end_row(&csv);
        }
    return pleat_csv_close(&csv, path);
}

/* The original's scores in the order of the final file, by name: order[*n] of all. */
static void by_name(const pleat_scores *scores, int *order, int *n) {
    *n = 0;
    for (int s = 0; s < pleat_scores_count(scores); s++) {
        const pleat_score *score = pleat_scores_at(scores, s);
        int at = *n;
        if (!score->original) continue;
        for (; at > 0; at--) {
            if (strcmp(pleat_scores_at(scores, order[at - 1])->name, score->name) < 0) break;
            order[at] = order[at - 1];
        }
        order[at] = s;
        ++*n;
    }
}

pleat_status pleat_tables_write_final(const pleat_tables *t, const char *path) {
    const pleat_scores *scores = t->results->scores;
    char fold_name[32];
    int n = 0;
    pleat_csv csv;
    int *order = calloc((size_t)pleat_scores_count(scores) + 1, sizeof *order);
    PLEAT_CHECK(order != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    by_name(scores, order, &n);
    const pleat_status status = pleat_csv_open(&csv);
    if (status != PLEAT_OK) {
        free(order);
        return status;
    }
    pleat_csv_text(&csv, "score");
    for (int k = 0; k < t->columns; k++) pleat_csv_text(&csv, t->column[k].name);
    pleat_csv_text(&csv, "fold");
    pleat_csv_end_row(&csv);
    for (int fold = 0; fold < t->results->folds; fold++)
        for (int i = 0; i < n && t->cases[fold] > 0; i++) {
            (void)snprintf(fold_name, sizeof fold_name, "fold_%d", fold);
            pleat_csv_text(&csv, pleat_scores_at(scores, order[i])->name);
            for (int k = 0; k < t->columns; k++)
                pleat_csv_real(&csv, pleat_tables_final(t, fold, order[i], k));
            pleat_csv_text(&csv, fold_name);
            pleat_csv_end_row(&csv);
        }
    free(order);
    return pleat_csv_close(&csv, path);
}
