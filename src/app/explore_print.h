/* explore_print.h - an exploration as text, JSON, CSV, a picture and a page. */
#ifndef PLEAT_APP_EXPLORE_PRINT_H
#define PLEAT_APP_EXPLORE_PRINT_H

#include "sheet.h"

#include "pleat/explore.h"

/* On stdout. ERR_MEMORY. */
pleat_status explore_print(sheet_form form, const char *data, int fold, const pleat_exploration *e);
/* On stdout, a row per case and channel. ERR_IO, ERR_MEMORY. */
pleat_status explore_print_csv(const pleat_exploration *e);

/* One PNG; one HTML file that asks for nothing from elsewhere. ERR_IO, ERR_MEMORY. */
pleat_status explore_write_picture(const char *path, const char *data, const pleat_exploration *e);
/* How such a page begins, and no other of pleat's. */
#define EXPLORE_PAGE_BEGIN                                                                \
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"             \
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"          \
    "<meta name=\"color-scheme\" content=\"light dark\">\n"                               \
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src " \
    "data:; "
pleat_status explore_write_page(const char *path, const char *data, int fold,
                                const pleat_exploration *e);

/* A row for each size and spacing that the cases have in common or not: "median size" and so on. */
typedef struct explore_extent {
    const char *what;
    double xyz[3];
} explore_extent;

enum { EXPLORE_EXTENTS = 8 };

/* ERR_MEMORY. */
pleat_status explore_extents(const pleat_exploration *e, explore_extent out[EXPLORE_EXTENTS]);

/* "RAS (9 cases), LPS (1)": of texts of the cases, the most frequent first. */
void explore_tally(const pleat_exploration *e, const char *(*of)(const pleat_explored_case *),
                   char *out, size_t size);
const char *explore_axes(const pleat_explored_case *c);
const char *explore_type(const pleat_explored_case *c);

/* explore_picture.c, which the page has too. */

enum { EXPLORE_CURVES = 10, EXPLORE_SCALES = 24 };

/* Three digits, or a whole number; returns `out`. */
const char *explore_number(double x, char out[32]);

/* Where a value is on the scale of all cases' values of a channel, 0 .. 1. */
typedef struct explore_scale {
    double low, high; /* of the quantiles of 0.5 and 99.5 % of any case */
    double bend;      /* 0: linear; else logarithmic above this, what most cases reach */
} explore_scale;
explore_scale explore_scale_of(const pleat_exploration *e, int channel);
double explore_level(const explore_scale *scale, double x);
/* Whether case i has values of a channel. */
int explore_has(const pleat_exploration *e, int channel, int i);

/* Height of a bin, 0 .. 1: the root of its share of the highest, so that small ones are seen. */
double explore_height(const double *bin, int bins, int at);

/* Where a volume is on the scale of all classes' volumes, 0 .. 1: by its logarithm. */
double explore_place(const pleat_exploration *e, double ml);
/* 1, 10, 100 ... ml that lie on the scale; how many. */
int explore_ticks(const pleat_exploration *e, double ml[EXPLORE_SCALES]);

/* The volume of class c in case i. */
double explore_ml(const pleat_exploration *e, int c, int i);
/* What the values of a histogram are: "" of the files. */
const char *explore_unit(const pleat_explored_histogram *histogram);

/* All channels of a shown case, each in three planes, side by side. */
typedef struct explore_strip {
    int first, channels; /* of e->picture */
    int width, height;   /* pixels */
} explore_strip;

/* The strip whose first picture is `first`; the next one begins at first + channels. */
explore_strip explore_strip_at(const pleat_exploration *e, int first);
void explore_strip_draw(const pleat_exploration *e, const explore_strip *strip,
                        const pleat_paint *paints, pleat_picture *p, int x, int y);

#endif /* PLEAT_APP_EXPLORE_PRINT_H */
