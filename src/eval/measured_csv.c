/* measured_csv.c - scores from comma-separated values, in the shapes that tools write them. */
#include "pleat/measured.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_COLUMNS = 512 };

typedef struct row { /* the fields of a line; they point into a copy of it */
    char *field[MOST_COLUMNS];
    int n;
} row;

typedef struct table {
    const char *path;
    char *at;                                     /* the rest of the text, which is written over */
    int line;                                     /* of the file, from 1 */
    row names;                                    /* its first line */
    int id, class_name, score, value, definition; /* columns; -1: there is none */
} table;

/* A field from *at on, its quotes taken off; *at is behind it. The end is ',', '\n' or 0. */
static char *take_field(char **at, char *end) {
    char *from = *at, *to = from, *start = from;
    int quoted = 0;
    for (; *from != '\0'; from++) {
        if (*from == '"' && quoted && from[1] == '"')
            *to++ = *from++;
        else if (*from == '"')
            quoted = !quoted;
        else if (!quoted && (*from == ',' || *from == '\n'))
            break;
        else if (*from != '\r')
            *to++ = *from;
    }
    *end = *from;
    *at = *from == '\0' ? from : from + 1;
    *to = '\0';
    return start;
}

/* The next line that is not empty; 0 at the end. */
static pleat_status next_row(table *t, row *out, int *more) {
    for (*more = 0; *t->at != '\0' && !*more; t->line++) {
        char end = ',';
        out->n = 0;
        while (end == ',') {
            PLEAT_CHECK(out->n < MOST_COLUMNS, PLEAT_ERR_FORMAT,
                        "'%s' line %d: more than %d columns", t->path, t->line, MOST_COLUMNS);
            out->field[out->n++] = take_field(&t->at, &end);
        }
        *more = out->n > 1 || out->field[0][0] != '\0';
    }
    return PLEAT_OK;
}

static int column(const row *names, const char *const *wanted) {
    for (; *wanted != NULL; wanted++)
        for (int k = 0; k < names->n; k++)
            if (strcasecmp(names->field[k], *wanted) == 0) return k;
    return -1;
}

static double number(const char *text) {
    char *end = NULL;
    const double x = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(x) ? x : (double)NAN;
}

static int is_number_or_empty(const char *text) {
    return text[0] == '\0' || !isnan(number(text)) || strcasecmp(text, "nan") == 0 ||
           strcasecmp(text, "na") == 0 || strcasecmp(text, "inf") == 0;
}

/* Every column but those of names is a score, or with a column of scores a class. */
static pleat_status add_wide(const table *t, const row *r, pleat_measured *out) {
    for (int k = 0; k < r->n; k++) {
        if (k == t->id || k == t->class_name || k == t->score) continue;
        const char *name = t->names.field[k];
        const char *class_name = t->class_name >= 0 ? r->field[t->class_name] : "1";
        if (!is_number_or_empty(r->field[k])) continue; /* a path, a state */
        PLEAT_TRY(
            pleat_measured_add(out, r->field[t->id], t->score >= 0 ? name : class_name,
                               pleat_measured_score(t->score >= 0 ? r->field[t->score] : name), "",
                               number(r->field[k])));
    }
    return PLEAT_OK;
}

static pleat_status add_row(const table *t, const row *r, pleat_measured *out) {
    PLEAT_CHECK(r->n == t->names.n, PLEAT_ERR_FORMAT,
                "'%s' line %d: %d columns, the first line has %d", t->path, t->line - 1, r->n,
                t->names.n);
    if (t->value < 0 || t->score < 0) return add_wide(t, r, out);
    return pleat_measured_add(
        out, r->field[t->id], t->class_name >= 0 ? r->field[t->class_name] : "1",
        pleat_measured_score(r->field[t->score]), t->definition >= 0 ? r->field[t->definition] : "",
        number(r->field[t->value]));
}

pleat_status pleat_measured_csv(const char *path, const char *text, size_t n, pleat_measured *out) {
    static const char *const ids[] = {"case", "id", "index", "name", "subject", NULL};
    static const char *const classes[] = {"class", "label", NULL};
    static const char *const scores[] = {"score", "metric", NULL}, *const values[] = {"value",
                                                                                      NULL};
    static const char *const definitions[] = {"definition", NULL};
    char *copy = malloc(n + 1);
    PLEAT_CHECK(copy != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", path);
    memcpy(copy, text, n);
    copy[n] = '\0';
    table t = {.path = path, .at = copy, .line = 1};
    row r;
    int more = 0;
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, next_row(&t, &t.names, &more));
    PLEAT_CHECK_GOTO(status, done, more && t.names.n > 1, PLEAT_ERR_FORMAT,
                     "'%s' is no table of comma-separated values with names in its first line",
                     path);
    t.id = column(&t.names, ids) < 0 ? 0 : column(&t.names, ids);
    t.class_name = column(&t.names, classes);
    t.score = column(&t.names, scores);
    t.value = column(&t.names, values);
    t.definition = column(&t.names, definitions);
    for (;;) {
        PLEAT_TRY_GOTO(status, done, next_row(&t, &r, &more));
        if (!more) break;
        PLEAT_TRY_GOTO(status, done, add_row(&t, &r, out));
    }
done:
    free(copy);
    return status;
}
