/* history.c - history.tsv and logs.csv of a fold. */
#include "pleat/history.h"

#include "pleat/rundir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A number as Python prints it, nearly; an undefined one is an empty field. */
static void field(FILE *out, const char *before, double value) {
    if (isnan(value))
        (void)fputs(before, out);
    else
        (void)fprintf(out, "%s%.9g", before, value);
}

static void print_tsv(FILE *out, const pleat_epoch *rows, int n) {
    (void)fputs("epoch\tloss\ttversky_loss\tdice_soft\tdice_crossentropy\tval_loss\t"
                "val_tversky_loss\tval_dice_soft\tval_dice_crossentropy\tlr\n",
                out);
    for (int i = 0; i < n; i++) {
        const pleat_epoch *r = &rows[i];
        const double columns[] = {
            r->loss,     r->tversky,     r->dice_soft,     r->dice_crossentropy,
            r->val_loss, r->val_tversky, r->val_dice_soft, r->val_dice_crossentropy,
            r->lr};
        (void)fprintf(out, "%d", i + 1);
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) field(out, "\t", columns[c]);
        (void)fputc('\n', out);
    }
}

static void print_csv(FILE *out, const pleat_epoch *rows, int n) {
    (void)fputs("epoch,dice_crossentropy,dice_soft,loss,lr,tversky_loss,val_dice_crossentropy,"
                "val_dice_soft,val_loss,val_tversky_loss\n",
                out);
    for (int i = 0; i < n; i++) {
        const pleat_epoch *r = &rows[i];
        const double columns[] = {
            r->dice_crossentropy,     r->dice_soft,     r->loss,     r->lr,         r->tversky,
            r->val_dice_crossentropy, r->val_dice_soft, r->val_loss, r->val_tversky};
        (void)fprintf(out, "%d", i);
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) field(out, ",", columns[c]);
        (void)fputc('\n', out);
    }
}

static pleat_status write_rows(const char *folder, pleat_fold_file file,
                               void (*print)(FILE *, const pleat_epoch *, int),
                               const pleat_epoch *rows, int n) {
    char path[PLEAT_PATH_BYTES];
    char *text = NULL;
    size_t size = 0;
    PLEAT_TRY(pleat_fold_path(folder, file, path));
    FILE *out = open_memstream(&text, &size);
    PLEAT_CHECK(out != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    print(out, rows, n);
    (void)fclose(out);
    const pleat_status status = pleat_file_write_atomic(path, text, size);
    free(text);
    return status;
}

pleat_status pleat_history_write(const char *folder, const pleat_epoch *rows, int n) {
    PLEAT_TRY(write_rows(folder, PLEAT_FOLD_HISTORY, print_tsv, rows, n));
    return write_rows(folder, PLEAT_FOLD_KERAS_LOG, print_csv, rows, n);
}
