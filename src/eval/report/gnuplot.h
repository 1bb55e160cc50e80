/*
 * gnuplot.h - a figure: its data, the gnuplot script that draws them, and what it draws.
 *
 *   FOLDER/figures/NAME.csv              the data; numbers first, then text
 *                  NAME.gp               the script; gnuplot NAME.gp draws it again
 *                  NAME.svg .pdf .png    where gnuplot is installed; the last at 300 dots an inch
 *
 * Open, name what the figure calls by name, write rows to `data` and commands to `body`, close.
 * Places are in mm from the lower left corner, the smaller text is of 7 points, the other of 8.
 */
#ifndef PLEAT_EVAL_GNUPLOT_H
#define PLEAT_EVAL_GNUPLOT_H

#include "pleat/csv.h"

#define PLEAT_COLUMN_MM 85.0  /* the width of a column of a journal */
#define PLEAT_PAGE_MM   180.0 /* and of two */

/* Okabe and Ito's colours, which the colour-blind tell apart; their yellow is too pale for lines */
#define PLEAT_BLUE      "#0072B2"
#define PLEAT_SKY       "#56B4E9"
#define PLEAT_VERMILION "#D55E00"
#define PLEAT_GREEN     "#009E73"
#define PLEAT_ORANGE    "#E69F00"
#define PLEAT_PURPLE    "#CC79A7"
#define PLEAT_BLACK     "#000000"

typedef struct pleat_gnuplot {
    const char *folder, *name;
    pleat_csv data;
    FILE *names, *body;
    char *text[2]; /* of both */
    size_t n[2];
    int named;
    double width, height; /* mm, of the whole */
    double frame[4];      /* left, bottom, width, height of the plot that follows */
} pleat_gnuplot;

/* ERR_MEMORY. */
pleat_status pleat_gnuplot_open(const char *folder, const char *name, double width, double height,
                                pleat_gnuplot *g);

/* Text of others, cut to `most` characters (0: as it is), as a variable of the script: the body
 * says text7 where this returns 7. */
int pleat_gnuplot_text(pleat_gnuplot *g, const char *text, int most);

/* The inner frame of the plot that follows; labels of the one before are gone. */
void pleat_gnuplot_place(pleat_gnuplot *g, double left, double bottom, double width, double height);

/* Text `text` of the script beside the frame; the place is the text's middle. */
typedef enum pleat_beside { PLEAT_ABOVE, PLEAT_BELOW, PLEAT_LEFT } pleat_beside;
void pleat_gnuplot_label(pleat_gnuplot *g, pleat_beside where, int text);

/* A range with whole ticks for an axis of `width` mm that shall hold low .. high: xrange and xtics,
 * or yrange and ytics. */
void pleat_gnuplot_range(pleat_gnuplot *g, char axis, double low, double high, double width);

/* Writes data and script, whose first lines say `what`, and draws. *missing counts the figures that
 * are not drawn for want of gnuplot; NULL: it is not to be drawn. That gnuplot cannot draw one is
 * logged. ERR_IO, ERR_MEMORY. */
pleat_status pleat_gnuplot_close(pleat_gnuplot *g, const char *what, int *missing);
/* Instead: nothing is written. */
void pleat_gnuplot_drop(pleat_gnuplot *g);

/* What a figure was before: of other data, or links, which gnuplot would write through. Called by
 * close, and for a figure that is no longer drawn. Makes the folder. ERR_ARG, ERR_IO. */
pleat_status pleat_gnuplot_remove(const char *folder, const char *name);

/* Says once that figures are not drawn. */
void pleat_gnuplot_tell(const char *folder, int missing);

#endif /* PLEAT_EVAL_GNUPLOT_H */
