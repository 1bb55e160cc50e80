/* csv_read.h - comma-separated values read row by row, as RFC 4180 and spreadsheets write them. */
#ifndef PLEAT_CSV_READ_H
#define PLEAT_CSV_READ_H

#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_CSV_COLUMNS 512 /* at most */

typedef struct pleat_csv_row {
    char *field[PLEAT_CSV_COLUMNS]; /* inside the text, quotes taken off */
    int n;
    int line; /* of the file, from 1 */
} pleat_csv_row;

typedef struct pleat_csv_rows {
    const char *path; /* for messages */
    char *at;         /* the rest of the text, which is written over */
    int line;         /* of what comes next; 1 to begin with */
} pleat_csv_rows;

/* The next row that is not empty; *more is 0 at the end. Blanks around a field without quotes are
 * not part of it. ERR_FORMAT: too many columns, or a quotation mark that opens or closes nothing.
 */
pleat_status pleat_csv_next(pleat_csv_rows *rows, pleat_csv_row *out, int *more);

/* The first column with one of the names wanted, NULL at their end, in capitals or not; else -1. */
int pleat_csv_column(const pleat_csv_row *names, const char *const *wanted);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CSV_READ_H */
