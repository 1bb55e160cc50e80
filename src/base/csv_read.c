/* csv_read.c - comma-separated values, row by row. */
#include "pleat/csv_read.h"

#include <string.h>
#include <strings.h>

/* A field from *at on, its quotes taken off; *at is behind it. The end is ',', '\n' or 0. */
static char *take_field(char **at, int *line, char *end) {
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
        *line += *from == '\n';
    }
    *end = *from;
    *at = *from == '\0' ? from : from + 1;
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
