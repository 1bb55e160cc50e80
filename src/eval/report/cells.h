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
enum { PAGE = 104 }; /* columns of what a table says of itself, through a pipe */

typedef struct cells {
    FILE *out; /* NULL: measure */
    int width[CELLS_MOST];
    int column; /* of the next cell */
    int hidden[CELLS_MOST];
} cells;

void cells_put(cells *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A number by a format of one double, or "-" of NaN. */
void cells_number(cells *c, const char *format, double x);
void cells_end_row(cells *c);
/* Hides columns of a measured table, in the order of column[n], until it is at most `wide` wide;
 * returns how many. wide 0: none. */
int cells_fit(cells *c, int wide, const int *column, int n);

#endif /* CELLS_H */
