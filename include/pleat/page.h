/*
 * page.h - the report as a page: one HTML file that asks for nothing from elsewhere.
 *
 *   RUN/report/ report.html
 *               cases/ID/image.png  truth.png  prediction.png  errors.png    sprites of its viewer
 *                        sheet.png  slices.gif         of repeats ID.fold_K/
 *
 * It says first what was asked, how good it is, how sure that is and what is wrong; then come
 * tables, curves, boxes and every case, the worst first. It is made from the files of the run, also
 * of one that is not finished or failed in part. As a single file it holds the sprites itself.
 *
 * Text of others (names, warnings, paths) is text in it, whatever it holds: never markup.
 */
#ifndef PLEAT_PAGE_H
#define PLEAT_PAGE_H

#include "pleat/estimates.h"
#include "pleat/layout.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PLEAT_PAGE_PICTURES = 100,       /* cases that are shown when nothing is said */
    PLEAT_PAGE_AS_SET = -1,          /* as report.pictures of the configuration says */
    PLEAT_PAGE_BYTES = 18 * 1000000, /* of the sprites of them all, in about; coded as text in a
                                         single file they are a third more */
    PLEAT_PAGE_CASES = 20            /* more cases than these share them */
};

typedef struct pleat_page_options {
    int single_file;
    int pictures;           /* show so many cases, the worst first */
    const char *const *ids; /* [n] show these instead, whatever `pictures` says */
    int n;
} pleat_page_options;

typedef struct pleat_page_source {
    const char *run;   /* the folder */
    const char *asked; /* what the run is to find out, a sentence or some */
    int epochs;        /* that a fold is to be trained for */
    int folds;
    const pleat_case_paths *paths; /* [n] the data, by id; none: not known where they are */
    int n;
    int clipped; /* intensities beyond clip are not of interest in pictures */
    double clip[2];
    const int *edited; /* of the results' cases: 1: not drawn, its prediction is another; or NULL */
    const pleat_estimates *estimates; /* NULL: no fold has scores yet */
    const pleat_classes *classes;
} pleat_page_source;

/* Case i has a class that was missed or is spurious, or how low the headline score of its worst
 * class is: 0 is the worst, 1 the best. */
double pleat_page_worst(const pleat_results *results, int i);

/* Writes the page, and the pictures. A case that cannot be shown is told on the page. ERR_ARG: an
 * id of the options is none of the run's scored cases; ERR_IO, ERR_MEMORY. */
pleat_status pleat_page_write(const pleat_page_source *source, const pleat_page_options *options);

/* For pages of the same make: text in which nothing is markup, bytes as base64, the style sheet. */
void pleat_page_put_text(FILE *out, const char *text);
void pleat_page_put_base64(FILE *out, const uint8_t *bytes, size_t n);
void pleat_page_put_style(FILE *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PAGE_H */
