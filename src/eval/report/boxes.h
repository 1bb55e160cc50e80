/*
 * boxes.h - box plots that lie: a panel beside or under the other, in each a row per group of
 * cases, and every case as a point. How many there are stands at the end of the row.
 *
 * A box goes from quartile to quartile (as statistics.csv has them), the line in it is the median,
 * whiskers reach to the last case within 1.5 boxes. The axis of a share is from 0 to 1, that of
 * anything else holds 0.
 */
#ifndef PLEAT_EVAL_BOXES_H
#define PLEAT_EVAL_BOXES_H

#include "pleat/status.h"

typedef struct pleat_box_point {
    int panel, row, fold;
    double x;
    const char *id; /* the caller's */
} pleat_box_point;

typedef struct pleat_boxes {
    const char *what; /* one line, for the script */
    const char *axis; /* below the panels; NULL: nothing */
    int panels, rows, columns;
    const char *const *panel;      /* [panels] titles */
    const char *const *unit;       /* [panels] "": a share of 1 */
    const char *const *row;        /* [rows] names */
    const char *panel_is, *row_is; /* "class", "fold": columns of the data */
    const char *fold_is;           /* what a point's fold is called there; NULL: "fold" */
    int whole;                     /* 1: counts: ticks at whole numbers, the unit on the axis */
    int differences;               /* 1: the axis is about 0, of shares too */
    const double *mark;            /* [panels][rows][3] mean, low, high, drawn; NULL: none */
    pleat_box_point *point;        /* [n], owned */
    int n, room;
} pleat_boxes;

/* ERR_MEMORY. A point that is NaN is none. */
pleat_status pleat_boxes_add(pleat_boxes *boxes, const pleat_box_point *point);

/* FOLDER/figures/NAME.*, as of gnuplot.h, and frees the points, also after a failure. */
pleat_status pleat_boxes_draw(pleat_boxes *boxes, const char *folder, const char *name,
                              int *missing);

#endif /* PLEAT_EVAL_BOXES_H */
