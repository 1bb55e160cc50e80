/*
 * figures.h - the figures of a report, fit for a paper.
 *
 *   FOLDER/figures/NAME.csv    the data: numbers first, then names
 *                  NAME.gp     the gnuplot script that draws them
 *                  NAME.svg    what it draws, where gnuplot is installed; of the width of a column
 *                  NAME.pdf    (85 mm) or of a page (180 mm), letters of 7 and 8 points
 *                  NAME.png    at 300 dots an inch
 *
 * Where `draw` is 0 there are data and scripts alone: report.figures of the configuration.
 * Colours are those of Okabe and Ito. n is stated; the axis of a share is from 0 to 1. The
 * background has no part in them where there are other classes. A figure that gnuplot cannot draw
 * is logged and is no error; a file that cannot be written is.
 */
#ifndef PLEAT_FIGURES_H
#define PLEAT_FIGURES_H

#include "pleat/paired.h"
#include "pleat/report.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NAME of score `score` of their list: a panel per class, a box per group[n] of cases (48 at most),
 * a point per case; undefined scores are left out. All groups have the classes and scores of the
 * first. ERR_IO, ERR_MEMORY. */
pleat_status pleat_figures_boxes(const char *folder, const char *name, int score,
                                 const pleat_report_variant *groups, int n, int draw);

/* "differences" of a comparison: a panel per score of the short table, or per score where it has
 * none (24 at most), a row per class, a point per case; the mean and its interval. ERR_IO,
 * ERR_MEMORY. */
pleat_status pleat_figures_differences(const char *folder, const pleat_comparison *comparison);

/* Of a run's results in order of fold: those of the list that the results have something for.
 * Curves are of FOLDER/fold_K/history.tsv. ERR_IO, ERR_MEMORY. */
pleat_status pleat_figures_run(const char *folder, const pleat_results *results, int draw);

/* The NAME of figure `place` of a run, from 0; NULL after the last. */
const char *pleat_figures_name(int place);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_FIGURES_H */
