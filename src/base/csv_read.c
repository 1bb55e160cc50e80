/* csv_read.c - comma-separated values, row by row. */
#include "pleat/csv_read.h"

#include <string.h>
#include <strings.h>

/* What is between blanks, of a field without quotes. */
static char *trim(char *start, char *end) {
    while (*start == ' ' || *start == '\t') start++;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t')) end--;
    *end = '\0';
    return start;
}

/* Of a field that may end: all but blanks ends one that had quotes. */
static int is_end(char c, int quoted) {
    return quoted ? strchr(" \t\r", c) == NULL : strchr(",\n\"", c) != NULL;
}

/* A field from *at on, its quotes taken off; *at is behind it. The end is ',', '\n' or 0; '"' where
 * a quotation mark is out of place. */
static char *take_field(char **at, int *line, char *end) {
    char *from = *at, *to = from, *start = from;
    const int quoted = *from == '"';
    int closed = !quoted;
    for (from += quoted; *from != '\0'; from++) {
        if (*from == '"' && !closed && from[1] == '"')
            *to++ = *from++;
        else if (*from == '"' && !closed)
            closed = 1;
        else if (closed && is_end(*from, quoted))
            break;
        else if (*from != '\r' && !(closed && quoted))
            *to++ = *from;
        *line += *from == '\n';
    }
    *end = (char)(closed && strchr(",\n", *from) != NULL ? *from : '"'); /* 0 is in each text */
    *at = *from == '\0' ? from : from + 1;
    if (!quoted) return trim(start, to);
    *to = '\0';
    return start;
}

pleat_status pleat_csv_next(pleat_csv_rows *rows, pleat_csv_row *out, int *more) {
    if (rows->line == 1 && strncmp(rows->at, "\xef\xbb\xbf", 3) == 0) rows->at += 3;
    for (*more = 0; *rows->at != '\0' && !*more; rows->line++) {
        char end = ',';
        out->n = 0;
        out->line = rows->line;
        while (end == ',') {
            PLEAT_CHECK(out->n < PLEAT_CSV_COLUMNS, PLEAT_ERR_FORMAT,
                        "'%s' line %d: more than %d columns", rows->path, rows->line,
                        PLEAT_CSV_COLUMNS);
            out->field[out->n++] = take_field(&rows->at, &rows->line, &end);
            PLEAT_CHECK(end != '"', PLEAT_ERR_FORMAT,
                        "'%s' line %d: a quotation mark without its other one; a field that holds "
                        "one is put in quotation marks, and its own are doubled",
                        rows->path, out->line);
        }
        *more = out->n > 1 || out->field[0][0] != '\0';
    }
    return PLEAT_OK;
}

int pleat_csv_column(const pleat_csv_row *names, const char *const *wanted) {
    for (; *wanted != NULL; wanted++)
        for (int k = 0; k < names->n; k++)
            if (strcasecmp(names->field[k], *wanted) == 0) return k;
    return -1;
}
