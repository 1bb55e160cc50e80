/* figures_cases.c - figures of the cases: a histogram, sensitivity against Dice, volumes. */
#include "figures_impl.h"
#include "gnuplot.h"
#include "pleat/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* mm */
#define TITLE_MM   5.5
#define BELOW_MM   9.5
#define LEFT_MM    12.0
#define LETTER_MM  1.5
#define RIGHT_MM   4.0
#define NUMBERS_MM 19.0 /* beside a panel */

enum { BINS = 20 };

typedef struct panels { /* one per class, in one column or in two */
    int first, n, columns;
    double page;        /* mm, of all of them */
    double high, width; /* mm, of a panel */
    double right;       /* mm, beside it */
    int below, left;    /* texts of the axes */
} panels;

/* A panel whose numbers stand beside it has a row of its own, until there are many. */
static panels panels_of(const pleat_classes *classes, double high, double right) {
    panels p = {.first = pleat_figure_first(classes), .high = high, .right = right};
    p.n = pleat_figure_end(classes) - p.first;
    p.columns = right > RIGHT_MM ? 1 : 2;
    if (p.n > 4 * p.columns) p.columns = right > RIGHT_MM ? 3 : 4;
    p.page = p.columns > 2 ? PLEAT_PAGE_MM : PLEAT_COLUMN_MM;
    if (p.columns > p.n) p.columns = p.n;
    p.width = p.page / p.columns - LEFT_MM - right;
    return p;
}

static double whole_mm(const panels *p) {
    const int down = (p->n + p->columns - 1) / p->columns;
    return down * (TITLE_MM + p->high + BELOW_MM);
}

/* The frame and the title of panel i: "lung_L (n = 10)". */
static void begin_panel(const panels *p, pleat_gnuplot *g, int i, const char *class_name, int n) {
    char title[64];
    const int letters = (int)((p->width + p->right) / LETTER_MM) - 8; /* of the name */
    const int above = i / p->columns;
    const double down = above * (TITLE_MM + p->high + BELOW_MM) + TITLE_MM + p->high;
    pleat_gnuplot_place(g, LEFT_MM + (i % p->columns) * (p->width + LEFT_MM + p->right),
                        g->height - down, p->width, p->high);
    (void)snprintf(title, sizeof title, "%.*s (n = %d)", letters < 40 ? letters : 40, class_name,
                   n);
    pleat_gnuplot_label(g, PLEAT_ABOVE, pleat_gnuplot_text(g, title, 0));
    pleat_gnuplot_label(g, PLEAT_BELOW, p->below);
    pleat_gnuplot_label(g, PLEAT_LEFT, p->left);
}

static void put_head(pleat_csv *csv, const char *const *columns) {
    for (int k = 0; columns[k] != NULL; k++) pleat_csv_text(csv, columns[k]);
    pleat_csv_end_row(csv);
}

/* --- the histogram ---------------------------------------------------------------------------- */

/* A bin holds its lower end; the last one 1 too. Returns how many cases there are. */
static int fill_bins(const pleat_results *r, int c, int bins[BINS]) {
    int n = 0;
    memset(bins, 0, BINS * sizeof *bins);
    for (int i = 0; i < r->n; i++) {
        const double x = pleat_results_at(r, i, PLEAT_HEADLINE, c).x;
        if (isnan(x)) continue;
        const int bin = (int)(x * BINS);
        bins[bin < BINS ? bin : BINS - 1]++;
        n++;
    }
    return n;
}

static void put_bins(const pleat_results *r, const panels *p, int i, pleat_gnuplot *g) {
    int bins[BINS], most = 1;
    const int c = p->first + i, n = fill_bins(r, c, bins);
    for (int b = 0; b < BINS; b++) {
        pleat_csv_rounded(&g->data, c, 9);
        pleat_csv_rounded(&g->data, (double)b / BINS, 9);
        pleat_csv_rounded(&g->data, (double)(b + 1) / BINS, 9);
        pleat_csv_rounded(&g->data, bins[b], 9);
        pleat_csv_text(&g->data, r->classes.name[c]);
        pleat_csv_end_row(&g->data);
        if (bins[b] > most) most = bins[b];
    }
    begin_panel(p, g, i, r->classes.name[c], n);
    (void)fprintf(g->body,
                  "set yrange [0:%d]\nset ytics %s\n"
                  "plot data using ($1==%d?($2+$3)/2:NaN):4 every ::1 with boxes\n",
                  most + (most + 9) / 10, most < 5 ? "1" : "autofreq", c);
}

pleat_status pleat_figure_histogram(const char *folder, const char *name, const pleat_results *r,
                                    int *missing) {
    static const char *const columns[] = {"label", "from", "below", "cases", "class", NULL};
    panels p = panels_of(&r->classes, 22.0, RIGHT_MM);
    const pleat_score *score = pleat_scores_at(r->scores, PLEAT_HEADLINE);
    pleat_gnuplot g;
    PLEAT_TRY(pleat_gnuplot_open(folder, name, p.page, whole_mm(&p), &g));
    put_head(&g.data, columns);
    (void)fprintf(g.body,
                  "set xrange [0:1]\nset xtics 0,%s,1\nset boxwidth %.3f absolute\n"
                  "set style fill solid 0.6 border linecolor rgb '" PLEAT_BLUE "'\n"
                  "set linetype 1 linecolor rgb '" PLEAT_SKY "'\n"
                  "set grid noxtics\n",
                  p.columns > 1 ? "0.5" : "0.2", 1.0 / BINS);
    p.below = pleat_gnuplot_text(&g, score->title, 0);
    p.left = pleat_gnuplot_text(&g, "cases", 0);
    for (int i = 0; i < p.n; i++) put_bins(r, &p, i, &g);
    return pleat_gnuplot_close(&g, "How many cases have which Dice, in steps of 0.05.", missing);
}

/* --- sensitivity against Dice ----------------------------------------------------------------- */

enum { LOOKS = 6 };
static const char *const colours[LOOKS] = {PLEAT_BLUE,   PLEAT_VERMILION, PLEAT_GREEN,
                                           PLEAT_ORANGE, PLEAT_PURPLE,    PLEAT_BLACK};
static const int shapes[LOOKS] = {7, 9, 5, 13, 11, 6}; /* of gnuplot: disc, triangle, square, ... */

/* The cases of a class that have both scores, into the data; returns how many. */
static int put_pairs(const pleat_results *r, int c, int x, int y, pleat_csv *csv) {
    int n = 0;
    for (int i = 0; i < r->n; i++) {
        const double at[2] = {pleat_results_at(r, i, x, c).x, pleat_results_at(r, i, y, c).x};
        if (isnan(at[0]) || isnan(at[1])) continue;
        pleat_csv_rounded(csv, c, 9);
        pleat_csv_rounded(csv, at[0], 9);
        pleat_csv_rounded(csv, at[1], 9);
        pleat_csv_rounded(csv, r->cases[i].fold, 9);
        pleat_csv_text(csv, r->cases[i].id);
        pleat_csv_text(csv, r->classes.name[c]);
        pleat_csv_end_row(csv);
        n++;
    }
    return n;
}

/* A line of the key, two of them in a row. */
static void put_key(pleat_gnuplot *g, int i, const char *class_name, int n) {
    char title[64];
    const int above = i / 2;
    (void)snprintf(title, sizeof title, "%.*s (n = %d)", 16, class_name, n);
    (void)fprintf(
        g->body,
        "set label text%d at screen %.4f,%.4f left offset 1,0 font small point pointtype %d "
        "pointsize 0.5*dot linecolor rgb '%s'\n",
        pleat_gnuplot_text(g, title, 0), (8.0 + 40.0 * (i % 2)) / g->width,
        1.0 - (3.0 + 4.0 * above) / g->height, shapes[i % LOOKS], colours[i % LOOKS]);
}

pleat_status pleat_figure_sensitivity(const char *folder, const char *name, const pleat_results *r,
                                      int *missing) {
    static const char *const columns[] = {"label", "sensitivity", "dice", "fold",
                                          "case",  "class",       NULL};
    const int sens = pleat_scores_role(r->scores, PLEAT_SENSITIVITY);
    const int first = pleat_figure_first(&r->classes), end = pleat_figure_end(&r->classes);
    const int lines = (end - first + 1) / 2;
    const double side = 66.0, key = 4.0 * lines + 2.0;
    pleat_gnuplot g;
    if (sens < 0) return PLEAT_OK;
    PLEAT_TRY(pleat_gnuplot_open(folder, name, PLEAT_COLUMN_MM, 2.0 + side + BELOW_MM + key, &g));
    put_head(&g.data, columns);
    pleat_gnuplot_place(&g, LEFT_MM, BELOW_MM, side, side);
    pleat_gnuplot_label(&g, PLEAT_BELOW,
                        pleat_gnuplot_text(&g, pleat_scores_at(r->scores, sens)->title, 0));
    pleat_gnuplot_label(
        &g, PLEAT_LEFT,
        pleat_gnuplot_text(&g, pleat_scores_at(r->scores, PLEAT_HEADLINE)->title, 0));
    for (int c = first; c < end; c++)
        put_key(&g, c - first, r->classes.name[c], put_pairs(r, c, sens, PLEAT_HEADLINE, &g.data));
    (void)fputs("set xrange [0:1]\nset yrange [0:1]\nset xtics 0,0.2,1\nset ytics 0,0.2,1\n"
                "plot NaN",
                g.body);
    for (int c = first; c < end; c++)
        (void)fprintf(g.body,
                      ", \\\n data using ($1==%d?$2:NaN):3 every ::1 with points pointtype %d "
                      "pointsize %.2f*dot linecolor rgb '%s'",
                      c, shapes[(c - first) % LOOKS], r->n > 60 ? 0.25 : 0.4,
                      colours[(c - first) % LOOKS]);
    (void)fputc('\n', g.body);
    return pleat_gnuplot_close(&g, "Sensitivity and Dice of every case.", missing);
}

/* --- volumes: Bland and Altman, Lancet 327 (1986) 307 ----------------------------------------- */

typedef struct agreement {  /* of a class */
    pleat_summary of;       /* its differences */
    double most;            /* volume */
    double limit[2];        /* of agreement: 1.96 SD from the mean */
    double least_y, most_y; /* of the differences and the limits, and 0 */
} agreement;

static void reach(agreement *a, double y) {
    a->least_y = fmin(a->least_y, y);
    a->most_y = fmax(a->most_y, y);
}

/* The volumes of a class into the data. */
static pleat_status put_volumes(const pleat_results *r, int c, const int score[2], pleat_csv *csv,
                                agreement *out) {
    double *difference = malloc(((size_t)r->n + 1) * sizeof *difference);
    int n = 0;
    PLEAT_CHECK(difference != NULL, PLEAT_ERR_MEMORY, "no memory for %d volumes", r->n);
    *out = (agreement){.most = 0.0};
    for (int i = 0; i < r->n; i++) {
        const double a = pleat_results_at(r, i, score[0], c).x;
        const double b = pleat_results_at(r, i, score[1], c).x;
        const double row[] = {c, 0.5 * (a + b), b - a, a, b, r->cases[i].fold};
        if (isnan(a) || isnan(b)) continue;
        difference[n++] = b - a;
        reach(out, b - a);
        out->most = fmax(out->most, row[1]);
        for (size_t k = 0; k < sizeof row / sizeof *row; k++) pleat_csv_rounded(csv, row[k], 9);
        pleat_csv_text(csv, r->cases[i].id);
        pleat_csv_text(csv, r->classes.name[c]);
        pleat_csv_end_row(csv);
    }
    const pleat_status status = pleat_summarise(difference, n, &out->of);
    free(difference);
    for (int k = 0; k < 2; k++) {
        out->limit[k] = out->of.mean + (k == 0 ? -1.96 : 1.96) * out->of.sd;
        reach(out, out->limit[k]); /* NaN of a single case is left out */
    }
    return status;
}

/* What a line across the panel is, at its end. */
static void put_number(FILE *out, double y, const char *what) {
    if (isnan(y)) return;
    (void)fprintf(out, "set label '%s %.3g' at graph 1.02,first %.9g font small\n", what, y, y);
}

static void put_line(FILE *out, double y, const char *dash) {
    if (isnan(y)) return;
    (void)fprintf(out,
                  ", \\\n %.9g with lines linecolor rgb '" PLEAT_BLUE "' linewidth 1 dashtype %s",
                  y, dash);
}

static void put_agreement(const agreement *a, int label, pleat_gnuplot *g) {
    pleat_gnuplot_range(g, 'x', 0.0, a->most, g->frame[2]);
    pleat_gnuplot_range(g, 'y', a->least_y, a->most_y, g->frame[3]);
    put_number(g->body, a->limit[0], "-1.96 SD");
    put_number(g->body, a->of.mean, "mean");
    put_number(g->body, a->limit[1], "+1.96 SD");
    (void)fputs("plot 0 with lines linecolor rgb '#888888' linewidth 0.5", g->body);
    put_line(g->body, a->of.mean, "solid");
    put_line(g->body, a->limit[0], "(6,3)");
    put_line(g->body, a->limit[1], "(6,3)");
    (void)fprintf(g->body,
                  ", \\\n data using ($1==%d?$2:NaN):3 every ::1 with points pointtype 7 pointsize "
                  "0.3*dot linecolor rgb '#333333'\n",
                  label);
}

pleat_status pleat_figure_agreement(const char *folder, const char *name, const pleat_results *r,
                                    int *missing) {
    static const char *const columns[] = {"label", "mean", "difference", "truth", "prediction",
                                          "fold",  "case", "class",      NULL};
    const int score[2] = {pleat_scores_role(r->scores, PLEAT_TRUE_VOLUME),
                          pleat_scores_role(r->scores, PLEAT_PREDICTED_VOLUME)};
    panels p = panels_of(&r->classes, 28.0, NUMBERS_MM);
    pleat_status status = PLEAT_OK;
    int drawn = 0;
    pleat_gnuplot g;
    if (score[0] < 0 || score[1] < 0) return PLEAT_OK;
    PLEAT_TRY(pleat_gnuplot_open(folder, name, p.page, whole_mm(&p), &g));
    put_head(&g.data, columns);
    p.below = pleat_gnuplot_text(&g, "mean volume, ml", 0);
    p.left = pleat_gnuplot_text(&g, "prediction - truth, ml", 0);
    (void)fputs("set samples 2\n", g.body);
    for (int i = 0; i < p.n && status == PLEAT_OK; i++) {
        agreement a;
        status = put_volumes(r, p.first + i, score, &g.data, &a);
        if (status != PLEAT_OK || a.of.n == 0) continue;
        begin_panel(&p, &g, i, r->classes.name[p.first + i], a.of.n);
        put_agreement(&a, p.first + i, &g);
        drawn++;
    }
    if (status == PLEAT_OK && drawn > 0)
        return pleat_gnuplot_close(&g,
                                   "Agreement of volumes (Bland and Altman): the line is the mean "
                                   "difference, the dashed ones 1.96 SD from it.",
                                   missing);
    pleat_gnuplot_drop(&g);
    return status;
}
