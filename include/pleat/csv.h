/*
 * csv.h - tables of comma-separated values, as RFC 4180 wants them, but with \n at a line's end.
 *
 *   open, then for each row its fields and end_row, then close, which writes the file whole
 */
#ifndef PLEAT_CSV_H
#define PLEAT_CSV_H

#include "pleat/status.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_csv {
    FILE *out;
    char *text;
    size_t bytes;
    int fields; /* of the row so far */
} pleat_csv;

pleat_status pleat_csv_open(pleat_csv *csv); /* ERR_MEMORY */

/* Quoted where it has to be; what a spreadsheet would take for a formula (= + - @) is quoted and
 * begins with an apostrophe. */
void pleat_csv_text(pleat_csv *csv, const char *text);
/* The fewest digits, 15 or more, that read back as the same number; nothing when undefined. */
void pleat_csv_real(pleat_csv *csv, double x);
void pleat_csv_rounded(pleat_csv *csv, double x, int digits); /* significant ones */
void pleat_csv_end_row(pleat_csv *csv);

/* Both release what `open` took, also when they fail: into a file, or to `out`. ERR_MEMORY, ERR_IO.
 */
pleat_status pleat_csv_send(pleat_csv *csv, FILE *out);
pleat_status pleat_csv_close(pleat_csv *csv, const char *path);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CSV_H */
