/* measured_csv.c - scores from comma-separated values, in the shapes that tools write them. */
#include "pleat/csv_read.h"
#include "pleat/file.h"
#include "pleat/measured.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct table {
    const char *path;
    pleat_csv_row names;                                /* its first line */
    int id, class_name, score, value, definition, fold; /* columns; -1: there is none */
} table;

/* Decimal: strtod itself also takes 0x1, and words. */
static double number(const char *text) {
    char *end = NULL;
    if (text[strspn(text, "0123456789+-.eE")] != '\0') return (double)NAN;
    const double x = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(x) ? x : (double)NAN;
}

/* How a text that means a number is spelt that is read as none: "0,5", "50 %", "0x1"; NULL. */
static const char *misspelt(const char *text) {
    char plain[64];
    const size_t n = strlen(text);
    if (n == 0 || n >= sizeof plain) return NULL;
    memcpy(plain, text, n + 1);
    if (strncasecmp(plain, "0x", 2) == 0 &&
        plain[2 + strspn(plain + 2, "0123456789abcdefABCDEF.p")] == 0)
        return "write decimal numbers";
    char *comma = strchr(plain, ',');
    if (comma != NULL) *comma = '.';
    if (comma != NULL && !isnan(number(plain))) return "write a point before decimals";
    char *sign = strchr(plain, '%');
    if (sign != NULL && sign[1] == '\0') {
        while (sign > plain && sign[-1] == ' ') sign--;
        *sign = '\0';
        if (!isnan(number(plain))) return "write a share of 1";
    }
    return NULL;
}

/* The number of column k; NaN of other words. */
static pleat_status take(const table *t, const pleat_csv_row *r, int k, const char *score,
                         double *out) {
    char where[PLEAT_PATH_BYTES + 256];
    const char *cure = misspelt(r->field[k]);
    PLEAT_CHECK(cure == NULL, PLEAT_ERR_FORMAT, "'%s' line %d, column '%s': '%s' is no number; %s",
                t->path, r->line, t->names.field[k], r->field[k], cure);
    *out = number(r->field[k]);
    (void)snprintf(where, sizeof where, "'%s' line %d, column '%.100s'", t->path, r->line,
                   t->names.field[k]);
    return pleat_measured_range(where, score, *out);
}

static int is_number_or_empty(const char *text) {
    return text[0] == '\0' || !isnan(number(text)) || strcasecmp(text, "nan") == 0 ||
           strcasecmp(text, "na") == 0 || strcasecmp(text, "inf") == 0;
}

/* Every column but those of names is a score, or with a column of scores a class. */
static pleat_status add_wide(const table *t, const pleat_csv_row *r, pleat_measured *out) {
    for (int k = 0; k < r->n; k++) {
        if (k == t->id || k == t->class_name || k == t->score || k == t->fold) continue;
        const char *name = t->names.field[k];
        const char *class_name = t->class_name >= 0 ? r->field[t->class_name] : "1";
        const char *score = pleat_measured_score(t->score >= 0 ? r->field[t->score] : name);
        double x = NAN;
        PLEAT_TRY(take(t, r, k, score, &x));
        if (!is_number_or_empty(r->field[k])) continue; /* a path, a state */
        PLEAT_TRY(pleat_measured_add(out, r->field[t->id], t->score >= 0 ? name : class_name, score,
                                     "", x));
    }
    return PLEAT_OK;
}

static int fold_of(const char *text) {
    const double x = number(text);
    return x >= 0.0 && x < 1e9 ? (int)x : -1;
}

static pleat_status add_row(const table *t, const pleat_csv_row *r, pleat_measured *out) {
    PLEAT_CHECK(r->n == t->names.n, PLEAT_ERR_FORMAT,
                "'%s' line %d: %d columns, the first line has %d", t->path, r->line, r->n,
                t->names.n);
    out->fold = t->fold >= 0 ? fold_of(r->field[t->fold]) : -1;
    if (t->value < 0 || t->score < 0) return add_wide(t, r, out);
    const char *score = pleat_measured_score(r->field[t->score]);
    double x = NAN;
    PLEAT_TRY(take(t, r, t->value, score, &x));
    return pleat_measured_add(out, r->field[t->id],
                              t->class_name >= 0 ? r->field[t->class_name] : "1", score,
                              t->definition >= 0 ? r->field[t->definition] : "", x);
}

pleat_status pleat_measured_csv(const char *path, const char *text, size_t n, pleat_measured *out) {
    static const char *const ids[] = {"case", "id", "index", "name", "subject", NULL};
    static const char *const classes[] = {"class", "label", NULL};
    static const char *const scores[] = {"score", "metric", NULL}, *const values[] = {"value",
                                                                                      NULL};
    static const char *const definitions[] = {"definition", NULL}, *const folds[] = {"fold", NULL};
    char *copy = malloc(n + 1);
    PLEAT_CHECK(copy != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", path);
    memcpy(copy, text, n);
    copy[n] = '\0';
    table t = {.path = path};
    pleat_csv_rows rows = {.path = path, .at = copy, .line = 1};
    pleat_csv_row r;
    int more = 0;
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, pleat_csv_next(&rows, &t.names, &more));
    PLEAT_CHECK_GOTO(status, done, more && t.names.n > 1, PLEAT_ERR_FORMAT,
                     "'%s' is no table of comma-separated values with names in its first line",
                     path);
    t.id = pleat_csv_column(&t.names, ids) < 0 ? 0 : pleat_csv_column(&t.names, ids);
    t.class_name = pleat_csv_column(&t.names, classes);
    t.score = pleat_csv_column(&t.names, scores);
    t.value = pleat_csv_column(&t.names, values);
    t.definition = pleat_csv_column(&t.names, definitions);
    t.fold = pleat_csv_column(&t.names, folds);
    for (;;) {
        PLEAT_TRY_GOTO(status, done, pleat_csv_next(&rows, &r, &more));
        if (!more) break;
        PLEAT_TRY_GOTO(status, done, add_row(&t, &r, out));
    }
done:
    free(copy);
    return status;
}
