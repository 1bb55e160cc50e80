/*
 * figures_curves.c - training curves: of each metric the mean over the folds that reached an epoch,
 * and a band from the least of them to the most.
 */
#include "figures_impl.h"
#include "gnuplot.h"
#include "pleat/losses.h"
#include "pleat/rundir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* mm */
#define PANEL_MM 30.0
#define TITLE_MM 5.5
#define BELOW_MM 9.0
#define LEFT_MM  12.0
#define KEY_MM   9.0
#define RIGHT_MM 4.0
#define DIGIT_MM 1.3

enum { SERIES = 2 * PLEAT_MOST_METRICS }; /* of each metric that of training, then of validation */

typedef struct point { /* a series in an epoch, over the folds */
    double sum, least, most;
    int n;
} point;

typedef struct curves {
    char metric[PLEAT_MOST_METRICS][64];
    int metrics, folds, epochs;
    point *at; /* [epochs][SERIES], owned */
} curves;

static int series_of(curves *c, const char *column) {
    const int held_out = strncmp(column, "val_", 4) == 0;
    const char *name = held_out ? column + 4 : column;
    int m = 0;
    if (strcmp(name, "epoch") == 0 || strcmp(name, "lr") == 0) return -1;
    while (m < c->metrics && strcmp(c->metric[m], name) != 0) m++;
    if (m == PLEAT_MOST_METRICS || strlen(name) >= sizeof c->metric[m]) return -1;
    if (m == c->metrics) (void)snprintf(c->metric[c->metrics++], sizeof c->metric[m], "%s", name);
    return 2 * m + held_out;
}

static void add(point *p, double x) {
    if (p->n == 0 || x < p->least) p->least = x;
    if (p->n == 0 || x > p->most) p->most = x;
    p->sum += x;
    p->n++;
}

static pleat_status reach(curves *c, int epoch) {
    if (epoch < c->epochs) return PLEAT_OK;
    const int epochs = epoch + 1;
    point *more = realloc(c->at, (size_t)epochs * SERIES * sizeof *more);
    PLEAT_CHECK(more != NULL, PLEAT_ERR_MEMORY, "no memory for the curves of %d epochs", epochs);
    c->at = more;
    memset(c->at + (size_t)c->epochs * SERIES, 0,
           (size_t)(epochs - c->epochs) * SERIES * sizeof *more);
    c->epochs = epochs;
    return PLEAT_OK;
}

/* A row of history.tsv: a field of each column, that of something not computed empty. */
static pleat_status add_row(curves *c, char *line, const int *series, int columns, int epoch) {
    PLEAT_TRY(reach(c, epoch));
    for (int k = 0; k < columns && line != NULL; k++) {
        char *field = strsep(&line, "\t"), *end = NULL;
        const double x = strtod(field, &end);
        if (series[k] >= 0 && end != field && isfinite(x))
            add(&c->at[(size_t)epoch * SERIES + (size_t)series[k]], x);
    }
    return PLEAT_OK;
}

static pleat_status add_history(curves *c, char *text) {
    int series[2 * PLEAT_MOST_METRICS + 2], columns = 0, epoch = 0;
    char *head = strsep(&text, "\n");
    while (head != NULL && columns < (int)(sizeof series / sizeof *series))
        series[columns++] = series_of(c, strsep(&head, "\t"));
    while (text != NULL) {
        char *line = strsep(&text, "\n");
        if (line[0] != '\0') PLEAT_TRY(add_row(c, line, series, columns, epoch++));
    }
    c->folds += epoch > 0;
    return PLEAT_OK;
}

/* Those of the folds that have one. */
static pleat_status read_histories(const char *run, const pleat_results *results, curves *c) {
    for (int fold = 0; fold < results->folds; fold++) {
        char path[PLEAT_PATH_BYTES], *text = NULL;
        PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_HISTORY, path));
        if (pleat_file_read_all(path, &text, NULL) != PLEAT_OK) continue;
        const pleat_status status = add_history(c, text);
        free(text);
        PLEAT_TRY(status);
    }
    return PLEAT_OK;
}

/* --- the figure ------------------------------------------------------------------------------- */

enum { PARTS = 2 };
static const char *const part_colour[PARTS] = {PLEAT_BLUE, PLEAT_VERMILION};
static const char *const part_dash[PARTS] = {"solid", "(6,3)"};
static const char *const part_name[PARTS] = {"training", "held out"};

static void put_data(const curves *c, pleat_csv *csv) {
    static const char *const columns[] = {"series", "epoch", "folds",  "mean",
                                          "least",  "most",  "metric", "part"};
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) pleat_csv_text(csv, columns[k]);
    pleat_csv_end_row(csv);
    for (int s = 0; s < 2 * c->metrics; s++)
        for (int e = 0; e < c->epochs; e++) {
            const point *p = &c->at[(size_t)e * SERIES + (size_t)s];
            if (p->n == 0) continue;
            pleat_csv_rounded(csv, s, 9);
            pleat_csv_rounded(csv, e + 1, 9);
            pleat_csv_rounded(csv, p->n, 9);
            pleat_csv_rounded(csv, p->sum / p->n, 9);
            pleat_csv_rounded(csv, p->least, 9);
            pleat_csv_rounded(csv, p->most, 9);
            pleat_csv_text(csv, c->metric[s / 2]);
            pleat_csv_text(csv, part_name[s % PARTS]);
            pleat_csv_end_row(csv);
        }
}

/* A whole number of epochs between two ticks: 1, 2, 5, 10, ... */
static int tick_of(int epochs, double width) {
    static const int steps[] = {1, 2, 5};
    const double number = 3.0 + DIGIT_MM * ceil(log10(epochs + 1.0)); /* mm */
    for (int scale = 1;; scale *= 10)
        for (int i = 0; i < 3; i++)
            if (epochs / (double)(steps[i] * scale) <= width / number) return steps[i] * scale;
}

/* Losses that fall by powers of ten are drawn so. */
static int is_logarithmic(const curves *c, int metric) {
    double least = INFINITY, most = 0.0;
    for (int e = 0; e < c->epochs; e++)
        for (int s = 2 * metric; s < 2 * metric + 2; s++) {
            const point *p = &c->at[(size_t)e * SERIES + (size_t)s];
            if (p->n == 0) continue;
            least = fmin(least, p->least);
            most = fmax(most, p->most);
        }
    return least > 0.0 && most > 20.0 * least;
}

/* The Dice that nothing is added to: a share. */
static int is_dice(const char *metric) {
    return strcmp(metric, "dice_soft") == 0 || strcmp(metric, "dice") == 0;
}

static void put_axes(const curves *c, pleat_gnuplot *g, int m, double width) {
    const int step = tick_of(c->epochs, width);
    char title[96];
    (void)snprintf(title, sizeof title, "%s%s", c->metric[m],
                   is_logarithmic(c, m) ? " (logarithmic)" : "");
    (void)fprintf(g->body, "set xrange [%s:%d]\nset xtics %d,%d\n", c->epochs > 1 ? "1" : "0",
                  c->epochs > 1 ? c->epochs : 2, step, step);
    pleat_gnuplot_label(g, PLEAT_ABOVE, pleat_gnuplot_text(g, title, 0));
    pleat_gnuplot_label(g, PLEAT_BELOW, pleat_gnuplot_text(g, "epoch", 0));
    if (is_dice(c->metric[m]))
        (void)fputs("unset logscale y\nset yrange [0:1]\nset ytics 0,0.2,1\n", g->body);
    else
        (void)fprintf(g->body, "%s\nset ytics autofreq\n",
                      is_logarithmic(c, m) ? "set logscale y\nset yrange [*:*]"
                                           : "unset logscale y\nset yrange [*<0:*]");
}

static void put_plot(const curves *c, pleat_gnuplot *g, int m) {
    (void)fputs("plot NaN", g->body);
    for (int part = 0; part < PARTS && c->folds > 1; part++)
        (void)fprintf(g->body,
                      ", \\\n data using ($1==%d?$2:NaN):5:6 every ::1 with filledcurves fillstyle "
                      "transparent solid 0.2 noborder linecolor rgb '%s'",
                      PARTS * m + part, part_colour[part]);
    for (int part = 0; part < PARTS; part++)
        (void)fprintf(g->body,
                      ", \\\n data using ($1==%d?$2:NaN):4 every ::1 with %s linecolor rgb '%s' "
                      "linewidth 1.25 dashtype %s",
                      PARTS * m + part,
                      c->epochs > 1 ? "lines" : "linespoints pointtype 7 pointsize 0.3*dot",
                      part_colour[part], part_dash[part]);
    (void)fputc('\n', g->body);
}

/* Above all panels; it is drawn with the first. */
static void put_key(const curves *c, pleat_gnuplot *g) {
    const double y = 1.0 - 2.5 / g->height;
    char note[96];
    if (c->folds > 1)
        (void)snprintf(note, sizeof note, "mean of %d folds; band: least to most", c->folds);
    else
        (void)snprintf(note, sizeof note, "1 fold");
    for (int part = 0; part < PARTS; part++) {
        const double x = (LEFT_MM + 8.0 + 32.0 * part) / g->width;
        (void)fprintf(g->body,
                      "set arrow %d from screen %.4f,%.4f to screen %.4f,%.4f nohead linecolor rgb "
                      "'%s' linewidth 1.25 dashtype %s\n"
                      "set label text%d at screen %.4f,%.4f\n",
                      part + 1, x, y, x + 8.0 / g->width, y, part_colour[part], part_dash[part],
                      pleat_gnuplot_text(g, part_name[part], 0), x + 9.5 / g->width, y);
    }
    (void)fprintf(g->body, "set label text%d at screen 0.5,%.4f center font small\n",
                  pleat_gnuplot_text(g, note, 0), 1.0 - 6.5 / g->height);
}

static pleat_status draw(const char *folder, const char *name, const curves *c, int *missing) {
    const int columns = c->metrics > 2 ? 2 : 1, rows = (c->metrics + columns - 1) / columns;
    const double whole = TITLE_MM + PANEL_MM + BELOW_MM;
    const double width = PLEAT_COLUMN_MM / columns - LEFT_MM - RIGHT_MM;
    pleat_gnuplot g;
    PLEAT_TRY(pleat_gnuplot_open(folder, name, PLEAT_COLUMN_MM, KEY_MM + rows * whole, &g));
    put_data(c, &g.data);
    for (int m = 0; m < c->metrics; m++) {
        const int row = m / columns, column = m % columns;
        pleat_gnuplot_place(&g, LEFT_MM + column * (width + LEFT_MM + RIGHT_MM),
                            g.height - KEY_MM - row * whole - TITLE_MM - PANEL_MM, width, PANEL_MM);
        if (m == 0) put_key(c, &g);
        put_axes(c, &g, m, width);
        put_plot(c, &g, m);
        (void)fputs("unset arrow\n", g.body);
    }
    return pleat_gnuplot_close(&g,
                               "Metrics of every epoch: the mean over the folds that reached it, "
                               "a band from the least to the most.",
                               missing);
}

pleat_status pleat_figure_curves(const char *folder, const char *name, const pleat_results *results,
                                 int *missing) {
    curves c = {.metrics = 0};
    pleat_status status = read_histories(folder, results, &c);
    if (status == PLEAT_OK && c.epochs > 0) status = draw(folder, name, &c, missing);
    free(c.at);
    return status;
}
