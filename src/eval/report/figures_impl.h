/*
 * figures_impl.h - what the files of the figures share.
 */
#ifndef PLEAT_EVAL_FIGURES_IMPL_H
#define PLEAT_EVAL_FIGURES_IMPL_H

#include "pleat/figures.h"

/* More classes or folds than these are not drawn, and the figure says so. */
#define PLEAT_MOST_PANELS 24

/* A figure of a run: FOLDER/figures/NAME.*, or nothing where the results have nothing to draw.
 * *missing as of gnuplot.h. ERR_IO, ERR_MEMORY. */
typedef pleat_status pleat_figure(const char *folder, const char *name,
                                  const pleat_results *results, int *missing);

pleat_figure pleat_figure_curves, pleat_figure_histogram, pleat_figure_sensitivity,
    pleat_figure_agreement;

/* The first class that is no background, and the first that is drawn no more. */
int pleat_figure_first(const pleat_classes *classes);
int pleat_figure_end(const pleat_classes *classes);

#endif /* PLEAT_EVAL_FIGURES_IMPL_H */
