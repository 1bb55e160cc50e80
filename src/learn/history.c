/* history.c - history.tsv and logs.csv of a fold. */
#include "pleat/history.h"

#include "pleat/rundir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COLUMNS (2 * PLEAT_MOST_METRICS + 1)

void pleat_epoch_pack(const pleat_epoch *epoch, int metrics, double *row) {
    memcpy(row, epoch->train, (size_t)metrics * sizeof *row);
    memcpy(row + metrics, epoch->val, (size_t)metrics * sizeof *row);
    row[2 * (size_t)metrics] = epoch->lr;
    row[2 * (size_t)metrics + 1] = epoch->seconds;
}

void pleat_epoch_unpack(const double *row, int metrics, pleat_epoch *epoch) {
    const double *after = row + 2 * (size_t)metrics;
    *epoch = (pleat_epoch){.lr = after[0], .seconds = after[1]};
    memcpy(epoch->train, row, (size_t)metrics * sizeof *row);
    memcpy(epoch->val, row + metrics, (size_t)metrics * sizeof *row);
}

typedef struct column {
    char name[64];
    int at; /* in a packed row */
} column;

static int by_name(const void *a, const void *b) {
    return strcmp(((const column *)a)->name, ((const column *)b)->name);
}

/* The columns in the order of a packed row, but for the seconds; returns how many. */
static int columns_of(const pleat_loss *loss, column out[MOST_COLUMNS]) {
    const int metrics = loss->n_metrics;
    for (int i = 0; i < 2 * metrics; i++) {
        (void)snprintf(out[i].name, sizeof out[i].name, "%s%s", i < metrics ? "" : "val_",
                       loss->metrics[i % metrics]);
        out[i].at = i;
    }
    out[2 * (size_t)metrics] = (column){"lr", 2 * metrics};
    return 2 * metrics + 1;
}

/* A number as Python prints it, nearly; an undefined one is an empty field. */
static void field(FILE *out, char before, double value) {
    (void)fputc(before, out);
    if (!isnan(value)) (void)fprintf(out, "%.9g", value);
}

typedef struct table {
    pleat_fold_file file;
    char between;
    int first;  /* number of the first epoch */
    int sorted; /* columns by name */
} table;

static void print(FILE *out, const table *t, const pleat_loss *loss, const pleat_epoch *rows,
                  int n) {
    column columns[MOST_COLUMNS];
    double row[MOST_COLUMNS + 1];
    const int width = columns_of(loss, columns);
    if (t->sorted) qsort(columns, (size_t)width, sizeof *columns, by_name);
    (void)fputs("epoch", out);
    for (int c = 0; c < width; c++) (void)fprintf(out, "%c%s", t->between, columns[c].name);
    (void)fputc('\n', out);
    for (int i = 0; i < n; i++) {
        pleat_epoch_pack(&rows[i], loss->n_metrics, row);
        (void)fprintf(out, "%d", i + t->first);
        for (int c = 0; c < width; c++) field(out, t->between, row[columns[c].at]);
        (void)fputc('\n', out);
    }
}

static pleat_status write_table(const char *folder, const table *t, const pleat_loss *loss,
                                const pleat_epoch *rows, int n) {
    char path[PLEAT_PATH_BYTES];
    pleat_file_text file;
    PLEAT_TRY(pleat_fold_path(folder, t->file, path));
    PLEAT_TRY(pleat_file_text_begin(&file, path));
    print(file.out, t, loss, rows, n);
    return pleat_file_text_end(&file, PLEAT_OK);
}

pleat_status pleat_history_write(const char *folder, const pleat_loss *loss,
                                 const pleat_epoch *rows, int n) {
    static const table tsv = {PLEAT_FOLD_HISTORY, '\t', 1, 0};
    static const table csv = {PLEAT_FOLD_KERAS_LOG, ',', 0, 1};
    PLEAT_TRY(write_table(folder, &tsv, loss, rows, n));
    return write_table(folder, &csv, loss, rows, n);
}
