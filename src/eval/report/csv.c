/* csv.c - the original's two CSV files. */
#include "pleat/file.h"
#include "tables.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A text field, quoted where RFC 4180 wants it. */
static void put_text(FILE *out, const char *text) {
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') (void)fputc('"', out);
        (void)fputc(*c, out);
    }
    (void)fputc('"', out);
}

/* The fewest digits that read back as the same number; nothing when undefined. */
static void put_number(FILE *out, double x) {
    char text[32] = "";
    for (int digits = 15; !isnan(x) && digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    (void)fputs(text, out);
}

static void detailed(FILE *out, const pleat_tables *t) {
    (void)fputs("index,score", out);
    for (int c = 0; c < t->classes; c++) {
        (void)fputc(',', out);
        put_text(out, t->class_names[c]);
    }
    (void)fputc('\n', out);
    for (int i = 0; i < t->n; i++)
        for (int s = 0; s < PLEAT_SCORES; s++) {
            put_text(out, t->order[i]->id);
            (void)fprintf(out, ",%s", pleat_metrics_name((pleat_score)s));
            for (int c = 0; c < t->classes; c++) {
                (void)fputc(',', out);
                put_number(out, pleat_metrics_score((pleat_score)s, &t->order[i]->counts[c]));
            }
            (void)fputc('\n', out);
        }
}

static void final(FILE *out, const pleat_tables *t) {
    (void)fputs("score", out);
    for (int k = 0; k < t->columns; k++) {
        (void)fputc(',', out);
        put_text(out, t->column[k].name);
    }
    (void)fputs(",fold\n", out);
    for (int fold = 0; fold < t->folds; fold++)
        for (int i = 0; i < PLEAT_SCORES && t->cases[fold] > 0; i++) {
            const pleat_score score = pleat_tables_by_name(i);
            (void)fputs(pleat_metrics_name(score), out);
            for (int k = 0; k < t->columns; k++) {
                (void)fputc(',', out);
                put_number(out, pleat_tables_final(t, fold, score, k));
            }
            (void)fprintf(out, ",fold_%d\n", fold);
        }
}

static pleat_status write_with(void (*fill)(FILE *out, const pleat_tables *t),
                               const pleat_tables *t, const char *path) {
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    PLEAT_CHECK(out != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s': %s", path,
                strerror(errno));
    fill(out, t);
    const int failed = ferror(out);
    pleat_status status = PLEAT_OK;
    if (fclose(out) != 0 || failed)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    else
        PLEAT_TRY_GOTO(status, done, pleat_file_write_atomic(path, text, n));
done:
    free(text);
    return status;
}

pleat_status pleat_tables_write_detailed(const pleat_tables *t, const char *path) {
    return write_with(detailed, t, path);
}

pleat_status pleat_tables_write_final(const pleat_tables *t, const char *path) {
    return write_with(final, t, path);
}
