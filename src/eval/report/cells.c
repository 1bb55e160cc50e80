/* cells.c - a table whose columns are as wide as their widest cell. */
#include "cells.h"

#include "pleat/text.h"

#include <math.h>
#include <stdarg.h>

static void put(cells *c, const char *text) {
    const int wide = pleat_text_width(text), k = c->column++;
    if (k >= CELLS_MOST) return;
    if (c->out == NULL) {
        if (wide > c->width[k]) c->width[k] = wide;
        return;
    }
    if (c->hidden[k]) return;
    /* The blanks before the next cell are of its row: none are at a line's end. */
    if (k > 0) (void)fprintf(c->out, "  ");
    (void)fputs(text, c->out);
    int next = k + 1;
    while (next < CELLS_MOST && c->hidden[next]) next++;
    if (next < CELLS_MOST && c->width[next] > 0)
        (void)fprintf(c->out, "%*s", c->width[k] - wide, "");
}

void cells_put(cells *c, const char *format, ...) {
    char text[CELL_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(c, text);
}

void cells_number(cells *c, const char *format, double x) {
    char text[CELL_BYTES] = "-";
    if (!isnan(x)) (void)snprintf(text, sizeof text, format, x);
    put(c, text);
}

void cells_end_row(cells *c) {
    c->column = 0;
    if (c->out != NULL) (void)fputc('\n', c->out);
}

static int together(const cells *c) {
    int sum = 0;
    for (int k = 0; k < CELLS_MOST; k++)
        if (c->width[k] > 0 && !c->hidden[k]) sum += c->width[k] + (k > 0 ? 2 : 0);
    return sum;
}

int cells_fit(cells *c, int wide, const int *column, int n) {
    int hidden = 0;
    while (wide > 0 && hidden < n && together(c) > wide) c->hidden[column[hidden++]] = 1;
    return hidden;
}
