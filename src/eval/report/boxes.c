/* boxes.c - box plots with every case, for gnuplot. */
#include "boxes.h"

#include "gnuplot.h"
#include "pleat/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* mm */
#define ROW_MM       4.2
#define TITLE_MM     5.5
#define TICKS_MM     5.0
#define AXIS_MM      4.0
#define COUNT_MM     7.0 /* right of a panel: n */
#define GAP_MM       2.0
#define LETTER_MM    1.45
#define MOST_LETTERS 24
#define PAD_ROWS     0.6 /* above the first and below the last */

pleat_status pleat_boxes_add(pleat_boxes *boxes, const pleat_box_point *point) {
    if (isnan(point->x)) return PLEAT_OK;
    if (boxes->n == boxes->room) {
        const int room = 2 * boxes->room + 64;
        pleat_box_point *more = realloc(boxes->point, (size_t)room * sizeof *more);
        PLEAT_CHECK(more != NULL, PLEAT_ERR_MEMORY, "no memory for a figure of %d points", room);
        boxes->point = more;
        boxes->room = room;
    }
    boxes->point[boxes->n++] = *point;
    return PLEAT_OK;
}

/* The scores of one box, sorted, in x; returns how many. */
static int values_of(const pleat_boxes *b, int panel, int row, double *x) {
    int n = 0;
    for (int i = 0; i < b->n; i++)
        if (b->point[i].panel == panel && b->point[i].row == row) x[n++] = b->point[i].x;
    pleat_sort(x, (size_t)n);
    return n;
}

/* A line of $boxes: panel, row, end of a whisker, quartile, median, quartile, end of the other. */
static void put_box(FILE *out, int panel, int row, const double *x, int n) {
    const double low = pleat_quantile_between(x, (size_t)n, 0.25);
    const double high = pleat_quantile_between(x, (size_t)n, 0.75);
    double ends[2] = {low, high};
    for (int i = n - 1; i >= 0; i--)
        if (x[i] <= low && x[i] >= low - 1.5 * (high - low)) ends[0] = x[i];
    for (int i = 0; i < n; i++)
        if (x[i] >= high && x[i] <= high + 1.5 * (high - low)) ends[1] = x[i];
    (void)fprintf(out, "%d,%d,%.9g,%.9g,%.9g,%.9g,%.9g\n", panel, row, ends[0], low,
                  pleat_median(x, (size_t)n), high, ends[1]);
}

static void put_numbers(const pleat_boxes *b, pleat_gnuplot *g, int *count, double *x) {
    (void)fputs("$boxes << EOD\n", g->names);
    for (int p = 0; p < b->panels; p++)
        for (int r = 0; r < b->rows; r++) {
            const int n = values_of(b, p, r, x);
            count[p * b->rows + r] = n;
            if (n > 0) put_box(g->names, p, r, x, n);
        }
    (void)fputs("EOD\n$marks << EOD\n", g->names);
    for (int k = 0; b->mark != NULL && k < b->panels * b->rows; k++)
        if (!isnan(b->mark[3 * (size_t)k]))
            (void)fprintf(g->names, "%d,%d,%.9g,%.9g,%.9g\n", k / b->rows, k % b->rows,
                          b->mark[3 * (size_t)k], b->mark[3 * (size_t)k + 1],
                          b->mark[3 * (size_t)k + 2]);
    (void)fputs("EOD\n", g->names);
}

static void put_data(const pleat_boxes *b, pleat_csv *csv) {
    const char *const columns[] = {
        "panel", "row",       "value",  b->fold_is != NULL ? b->fold_is : "fold",
        "case",  b->panel_is, b->row_is};
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) pleat_csv_text(csv, columns[k]);
    pleat_csv_end_row(csv);
    for (int i = 0; i < b->n; i++) {
        const pleat_box_point *one = &b->point[i];
        pleat_csv_rounded(csv, one->panel, 9);
        pleat_csv_rounded(csv, one->row, 9);
        pleat_csv_rounded(csv, one->x, 9);
        pleat_csv_rounded(csv, one->fold, 9);
        pleat_csv_text(csv, one->id);
        pleat_csv_text(csv, b->panel[one->panel]);
        pleat_csv_text(csv, b->row[one->row]);
        pleat_csv_end_row(csv);
    }
}

/* --- the panels ------------------------------------------------------------------------------- */

static int is_share(const pleat_boxes *b, int panel) {
    return b->unit[panel][0] == '\0' && !b->differences;
}

static double label_mm(const pleat_boxes *b) {
    size_t most = 3;
    for (int r = 0; r < b->rows; r++)
        if (strlen(b->row[r]) > most) most = strlen(b->row[r]);
    return 3.0 + LETTER_MM * (double)(most > MOST_LETTERS ? MOST_LETTERS + 1 : most);
}

static double panel_mm(const pleat_boxes *b) { return ROW_MM * b->rows + ROW_MM * PAD_ROWS; }

/* Of one panel with its title, its axis and what stands between two. */
static double whole_mm(const pleat_boxes *b) {
    return TITLE_MM + panel_mm(b) + TICKS_MM + (b->axis != NULL ? AXIS_MM : 0.0);
}

/* The least and the most of a panel's points and marks, and 0. */
static void range_of(const pleat_boxes *b, int panel, double range[2]) {
    range[0] = range[1] = 0.0;
    for (int i = 0; i < b->n; i++) {
        if (b->point[i].panel != panel) continue;
        range[0] = fmin(range[0], b->point[i].x);
        range[1] = fmax(range[1], b->point[i].x);
    }
    for (int k = 0; b->mark != NULL && k < 3 * b->rows; k++) {
        const double x = b->mark[3 * (size_t)panel * (size_t)b->rows + (size_t)k];
        range[0] = fmin(range[0], x); /* NaN is left out */
        range[1] = fmax(range[1], x);
    }
}

/* From 0 to a whole number that is not below `most`, with at most six ticks. */
static void put_counts(FILE *out, double most) {
    static const int nice[] = {1, 2, 5};
    int step = 1, scale = 1;
    for (int k = 1; most > 5.0 * step; k++) {
        if (k % 3 == 0) scale *= 10;
        step = nice[k % 3] * scale;
    }
    const int top = most > 0.0 ? step * (int)ceil(most / step) : step;
    (void)fprintf(out, "set xrange [0:%d]\nset xtics 0,%d,%d\nunset mxtics\n", top, step, top);
}

static void put_axis(const pleat_boxes *b, pleat_gnuplot *g, int panel, double width) {
    double range[2];
    range_of(b, panel, range);
    if (is_share(b, panel))
        (void)fprintf(g->body, "set xrange [0:1]\nset xtics 0,%s,1\nset mxtics %d\n",
                      width > 40.0 ? "0.2" : "0.5", width > 40.0 ? 2 : 5);
    else if (b->whole)
        put_counts(g->body, range[1]);
    else {
        pleat_gnuplot_range(g, 'x', range[0], range[1], width);
        (void)fputs("set mxtics 2\n", g->body);
    }
    if (b->axis != NULL) pleat_gnuplot_label(g, PLEAT_BELOW, pleat_gnuplot_text(g, b->axis, 0));
}

static void put_rows(const pleat_boxes *b, pleat_gnuplot *g, int panel, const int *row_text,
                     const int *count) {
    FILE *out = g->body;
    const double pad = 0.5 + PAD_ROWS / 2.0;
    (void)fprintf(out, "set yrange [%.2f:%.2f]\nset y2range [%.2f:%.2f]\nset ytics (",
                  b->rows - 1 + pad, -pad, b->rows - 1 + pad, -pad);
    for (int r = 0; r < b->rows; r++)
        if (panel % b->columns == 0)
            (void)fprintf(out, "%stext%d %d", r > 0 ? ", " : "", row_text[r], r);
        else
            (void)fprintf(out, "%s'' %d", r > 0 ? ", " : "", r);
    (void)fputs(") scale 0\nset y2tics (", out);
    for (int r = 0; r < b->rows; r++)
        (void)fprintf(out, "%s'%d' %d", r > 0 ? ", " : "", count[panel * b->rows + r], r);
    (void)fputs(") scale 0\n", out);
}

/* Points stand beside each other by turns of the golden angle: no clusters. They lie under the
 * boxes, which else could not be seen where there are many. */
static void put_plot(const pleat_boxes *b, FILE *out, int p, int points) {
    (void)fputs("i = 0\nplot NaN", out);
    if (points > 0)
        (void)fprintf(
            out,
            ", \\\n data using ($1==%d?(i=i+1,$3):NaN):($2+0.5*(i*0.618034-floor(i*0.618034)-0.5)) "
            "every ::1 with points pointtype 7 pointsize %.2f*dot linecolor rgb '#555555'"
            ", \\\n $boxes using ($1==%d?$5:NaN):2:4:6:($2-0.3):($2+0.3) with boxxyerror "
            "fillstyle transparent solid 0.45 border linecolor rgb '" PLEAT_BLUE
            "' fillcolor rgb '" PLEAT_SKY "' linewidth 0.75"
            ", \\\n $boxes using ($1==%d?$3:NaN):2:($4-$3):(0) with vectors nohead linecolor rgb "
            "'" PLEAT_BLUE "' linewidth 0.75"
            ", \\\n $boxes using ($1==%d?$6:NaN):2:($7-$6):(0) with vectors nohead linecolor rgb "
            "'" PLEAT_BLUE "' linewidth 0.75"
            ", \\\n $boxes using ($1==%d?$5:NaN):($2-0.3):(0):(0.6) with vectors nohead linecolor "
            "rgb '" PLEAT_BLACK "' linewidth 1.5",
            p, points / b->rows > 60 ? 0.12 : 0.25, p, p, p, p);
    if (b->mark != NULL)
        (void)fprintf(
            out,
            ", \\\n $marks using ($1==%d?$4:NaN):2:($5-$4):(0) with vectors nohead "
            "linecolor rgb '" PLEAT_VERMILION "' linewidth 2"
            ", \\\n $marks using ($1==%d?$3:NaN):2 with points pointtype 13 pointsize 0.6*dot "
            "linecolor rgb '" PLEAT_VERMILION "'",
            p, p);
    (void)fputc('\n', out);
}

static void put_panel(const pleat_boxes *b, pleat_gnuplot *g, int p, const int *row_text,
                      const int *count) {
    const double label = label_mm(b);
    const double width =
        (g->width - label - b->columns * COUNT_MM - (b->columns - 1) * GAP_MM) / b->columns;
    const double left = label + (p % b->columns) * (width + COUNT_MM + GAP_MM);
    const int down = p / b->columns; /* panels above it */
    char title[128];
    int points = 0;
    for (int r = 0; r < b->rows; r++) points += count[p * b->rows + r];
    (void)snprintf(title, sizeof title, "%s%s%s", b->panel[p],
                   b->unit[p][0] != '\0' && !b->whole ? ", " : "", b->whole ? "" : b->unit[p]);
    pleat_gnuplot_place(g, left,
                        g->height - (down + 1) * whole_mm(b) + whole_mm(b) - TITLE_MM - panel_mm(b),
                        width, panel_mm(b));
    pleat_gnuplot_label(g, PLEAT_ABOVE, pleat_gnuplot_text(g, title, 40));
    (void)fprintf(g->body, "set label 'n' at screen %.4f,%.4f font small\n",
                  (left + width + 1.2) / g->width, (g->frame[1] + g->frame[3] + 1.0) / g->height);
    put_axis(b, g, p, width);
    put_rows(b, g, p, row_text, count);
    if (!is_share(b, p))
        (void)fputs("set arrow 1 from first 0,graph 0 to first 0,graph 1 nohead linecolor rgb "
                    "'#444444' linewidth 0.5\n",
                    g->body);
    put_plot(b, g->body, p, points);
    (void)fputs("unset arrow 1\n", g->body);
}

static pleat_status put(const pleat_boxes *b, pleat_gnuplot *g) {
    double *x = malloc(((size_t)b->n + 1) * sizeof *x);
    int *count = calloc((size_t)b->panels * (size_t)b->rows + (size_t)b->rows + 1, sizeof *count);
    if (x != NULL && count != NULL) {
        int *row_text = count + (size_t)b->panels * (size_t)b->rows;
        put_data(b, &g->data);
        put_numbers(b, g, count, x);
        for (int r = 0; r < b->rows; r++)
            row_text[r] = pleat_gnuplot_text(g, b->row[r], MOST_LETTERS);
        for (int p = 0; p < b->panels; p++) put_panel(b, g, p, row_text, count);
    }
    const int made = x != NULL && count != NULL;
    free(x);
    free(count);
    PLEAT_CHECK(made, PLEAT_ERR_MEMORY, "no memory for the figure '%s'", g->name);
    return PLEAT_OK;
}

pleat_status pleat_boxes_draw(pleat_boxes *b, const char *folder, const char *name, int *missing) {
    const int down = (b->panels + b->columns - 1) / b->columns;
    pleat_gnuplot g;
    pleat_status status = pleat_gnuplot_open(
        folder, name, b->columns > 2 ? PLEAT_PAGE_MM : PLEAT_COLUMN_MM, down * whole_mm(b), &g);
    if (status == PLEAT_OK) {
        status = put(b, &g);
        if (status == PLEAT_OK)
            status = pleat_gnuplot_close(&g, b->what, missing);
        else
            pleat_gnuplot_drop(&g);
    }
    free(b->point);
    b->point = NULL;
    b->n = b->room = 0;
    return status;
}
