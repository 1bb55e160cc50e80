/*
 * figures.h - the figures of a report.
 *
 *   FOLDER/figures/NAME.gp    a gnuplot script with its numbers
 *                  NAME.png   what it draws, where gnuplot is installed
 *                  NAME.svg
 *
 * A figure that gnuplot cannot draw is logged and is no error; a file that cannot be written is.
 */
#ifndef PLEAT_FIGURES_H
#define PLEAT_FIGURES_H

#include "pleat/report.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NAME of score `score` of their list: a panel per class but the first (the background), a box per
 * group[n] of cases, a point per case; undefined scores are left out. All groups have the classes
 * and scores of the first. ERR_IO, ERR_MEMORY. */
pleat_status pleat_figures_boxes(const char *folder, const char *name, int score,
                                 const pleat_report_variant *groups, int n);

/* Of a run's results in order of fold: "dice", the first score, a box per fold and one of all cases
 * (of the first 24 folds when there are more), and "curves", loss and soft Dice over the epochs,
 * which gnuplot reads from FOLDER/fold_K/history.tsv. ERR_IO, ERR_MEMORY. */
pleat_status pleat_figures_run(const char *folder, const pleat_results *results);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_FIGURES_H */
