/*
 * cells.h - a table whose columns are as wide as their widest cell.
 *
 * Its rows are put twice: with `out` NULL they are measured, then printed. Cells are to the left of
 * their column, two blanks apart.
 */
#ifndef CELLS_H
#define CELLS_H

#include <stdio.h>

enum { CELLS_MOST = 12, CELL_BYTES = 96 };

typedef struct cells {
    FILE *out; /* NULL: measure */
    int width[CELLS_MOST];
    int column; /* of the next cell */
} cells;

void cells_put(cells *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A number by a format of one double, or "-" of NaN. */
void cells_number(cells *c, const char *format, double x);
void cells_end_row(cells *c);

#endif /* CELLS_H */
