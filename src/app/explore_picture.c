/*
 * explore_picture.c - a data set as one PNG.
 *
 *   title, what the cases are, the classes in their colours
 *   [histogram of each channel]   [range of each case]   [volumes of each class]
 *   case_001       case_002
 *   [ax][co][sa]   [ax][co][sa]   slices through the foreground, the classes in colour
 */
#include "explore_print.h"

#include "pleat/case_pictures.h"
#include "pleat/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GAP = 12,
    SCALE = 2,
    LETTER = PLEAT_PICTURE_LETTER,
    LINE = PLEAT_PICTURE_LINE + 4,
    HEAD = SCALE * PLEAT_PICTURE_LINE + 6,
    WIDE = 1800, /* pixels of a whole picture, about */
    PLOT_WIDE = 520,
    PLOT_HIGH = 160,
    ROW = 22, /* of a class's volumes */
    LABEL_WIDE = 54,
    NAME_WIDE = 24, /* letters of a class's name */
    COVER = 90,     /* of 255, of a class over the image */
    BETWEEN = 3,    /* planes of a strip */
    LAST = PLEAT_EXPLORE_QUANTILES - 1
};
static const double FAR = 20.0; /* times the usual */
static const pleat_colour GROUND = {24, 24, 28}, WORDS = {235, 235, 235}, FAINT = {160, 160, 172},
                          PANEL = {38, 38, 44}, AREA = {96, 96, 106};

/* ---- scales, of pictures and pages ----------------------------------------------------------- */

const char *explore_number(double x, char out[32]) {
    const double size = fabs(x);
    (void)snprintf(out, 32, size >= 100.0 && size < 1e6 ? "%.0f" : "%.3g", x);
    return out;
}

double explore_height(const double *bin, int bins, int at) {
    double most = 0.0;
    for (int i = 0; i < bins; i++) most = fmax(most, bin[i]);
    return most > 0.0 ? sqrt(bin[at] / most) : 0.0;
}

static void find_volumes(const pleat_exploration *e, double *low, double *high) {
    *low = INFINITY;
    *high = -INFINITY;
    for (int c = 1; c < e->classes.n; c++) {
        *low = fmin(*low, e->of_class[c].least_ml); /* the other one of a NaN */
        *high = fmax(*high, e->of_class[c].most_ml);
    }
    if (!(*high >= *low)) *low = *high = 1.0;
    *low /= 1.3;
    *high *= 1.3;
}

double explore_ml(const pleat_exploration *e, int c, int i) {
    return (double)pleat_explored_count(&e->classes, c, &e->of[i]) * e->of[i].voxel / 1000.0;
}

const char *explore_unit(const pleat_explored_histogram *histogram) {
    return histogram->scaled ? " (in standard deviations from the mean of each case)" : "";
}

double explore_place(const pleat_exploration *e, double ml) {
    double low, high;
    find_volumes(e, &low, &high);
    return log(ml / low) / log(high / low);
}

int explore_ticks(const pleat_exploration *e, double ml[EXPLORE_SCALES]) {
    /* The last has two in any range of find_volumes, whose ends are 1.69 times apart at least. */
    static const double steps[][14] = {
        {1}, {1, 2, 5}, {1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8}};
    double low, high;
    int n = 0;
    find_volumes(e, &low, &high);
    for (int set = high / low > 100.0 ? 0 : 1; set < 3 && n < 2; set++) {
        n = 0;
        for (int power = -9; power < 12; power++)
            for (int k = 0; k < 14 && steps[set][k] > 0.0; k++) {
                const double x = steps[set][k] * pow(10.0, power);
                if (x >= low && x <= high && n < EXPLORE_SCALES) ml[n++] = x;
            }
    }
    return n;
}

/* As f(x): x, or where few cases go far beyond the others, asinh(x / bend). */
static double bent(const explore_scale *s, double x) {
    return s->bend > 0.0 ? asinh(x / s->bend) : x;
}

double explore_level(const explore_scale *s, double x) {
    const double low = bent(s, s->low), high = bent(s, s->high);
    return high > low ? (bent(s, x) - low) / (high - low) : 0.5;
}

/* The median over the cases of their 99.5 % quantile; -inf without any. */
static double usual_high(const pleat_exploration *e, int channel) {
    double *x = malloc(((size_t)e->n + 1) * sizeof *x), median = -INFINITY;
    size_t n = 0;
    for (int i = 0; x != NULL && i < e->n; i++)
        if (explore_has(e, channel, i)) x[n++] = e->of[i].channel[channel].quantile[LAST];
    if (n > 0) pleat_sort(x, n);
    if (n > 0) median = pleat_median(x, n);
    free(x);
    return median;
}

int explore_has(const pleat_exploration *e, int channel, int i) {
    return channel < e->of[i].channels && e->of[i].channel[channel].voxels > 0;
}

explore_scale explore_scale_of(const pleat_exploration *e, int channel) {
    explore_scale s = {INFINITY, -INFINITY, 0.0};
    for (int i = 0; i < e->n; i++) {
        if (!explore_has(e, channel, i)) continue;
        s.low = fmin(s.low, e->of[i].channel[channel].quantile[0]);
        s.high = fmax(s.high, e->of[i].channel[channel].quantile[LAST]);
    }
    if (!(s.high > s.low) && isfinite(s.low)) { /* one value: between two others */
        s.low -= 1.0;
        s.high += 1.0;
    }
    const double usual = usual_high(e, channel);
    if (usual > 0.0 && s.high > FAR * usual) s.bend = usual;
    return s;
}

/* ---- strips ---------------------------------------------------------------------------------- */

explore_strip explore_strip_at(const pleat_exploration *e, int first) {
    explore_strip s = {.first = first};
    for (int i = first; i < e->pictures && e->picture[i].at == e->picture[first].at; i++) {
        s.channels++;
        for (int k = 0; k < PLEAT_PLANES; k++) {
            const pleat_plane *plane = &e->picture[i].plane[k];
            s.width += plane->width + (s.width > 0 ? BETWEEN : 0);
            if (plane->height > s.height) s.height = plane->height;
        }
    }
    return s;
}

void explore_strip_draw(const pleat_exploration *e, const explore_strip *strip,
                        const pleat_paint *paints, pleat_picture *p, int x, int y) {
    for (int i = strip->first; i < strip->first + strip->channels; i++)
        for (int k = 0; k < PLEAT_PLANES; k++) {
            const pleat_plane *plane = &e->picture[i].plane[k];
            pleat_plane_draw(plane, paints, p, x, y + (strip->height - plane->height) / 2);
            x += plane->width + BETWEEN;
        }
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void fill(pleat_picture *p, int x, int y, int width, int height, pleat_colour c) {
    for (int b = 0; b < height; b++)
        for (int a = 0; a < width; a++) pleat_picture_set(p, x + a, y + b, c);
}

static void put(pleat_picture *p, int x, int y, pleat_colour c, const char *text) {
    pleat_picture_text(p, x, y, 1, c, text);
}

static int wide(const char *text) { return (int)strlen(text) * LETTER; }

static void put_number(pleat_picture *p, int x, int y, double value, int right) {
    char text[32];
    explore_number(value, text);
    put(p, right ? x - wide(text) : x, y, FAINT, text);
}

/* A step line through the heights of the bins. */
static void draw_curve(pleat_picture *p, int x, int y, const pleat_explored_histogram *h,
                       const double *bin, pleat_colour c) {
    int before = y + PLOT_HIGH;
    for (int a = 0; a < PLOT_WIDE; a++) {
        const int at = a * h->bins / PLOT_WIDE;
        const int now = y + PLOT_HIGH - (int)lround(explore_height(bin, h->bins, at) * PLOT_HIGH);
        const int top = now < before ? now : before, end = now < before ? before : now;
        for (int b = top; b <= end + 1; b++) pleat_picture_set(p, x + a, b, c);
        before = now;
    }
}

static void draw_histogram(pleat_picture *p, const pleat_exploration *e, int channel, int x,
                           int y) {
    const pleat_explored_histogram *h = &e->histogram[channel];
    char text[160];
    (void)snprintf(text, sizeof text, "channel %d  %.40s%s", channel, e->channel_name[channel],
                   explore_unit(h));
    put(p, x, y, WORDS, text);
    y += LINE;
    fill(p, x, y, PLOT_WIDE, PLOT_HIGH + 1, PANEL);
    for (int a = 0; a < PLOT_WIDE && h->bins > 0; a++) {
        const double height = explore_height(h->all, h->bins, a * h->bins / PLOT_WIDE);
        const int high = (int)lround(height * PLOT_HIGH);
        fill(p, x + a, y + PLOT_HIGH - high, 1, high, AREA);
    }
    for (int c = 1; h->bins > 0 && c < e->classes.n && c <= EXPLORE_CURVES; c++)
        if (e->of_class[c].cases > 0)
            draw_curve(p, x, y, h, h->of_class[c], pleat_class_colour(&e->classes, c));
    put_number(p, x, y + PLOT_HIGH + 4, h->low, 0);
    put_number(p, x + PLOT_WIDE / 2, y + PLOT_HIGH + 4, h->low + h->width * h->bins / 2.0, 0);
    put_number(p, x + PLOT_WIDE, y + PLOT_HIGH + 4, h->low + h->width * h->bins, 1);
}

/* A column for each case, in their order. */
static void draw_ranges(pleat_picture *p, const pleat_exploration *e, int channel, int x, int y) {
    const explore_scale s = explore_scale_of(e, channel);
    const double tick[] = {s.high, s.bend, s.low};
    const int left = x + LABEL_WIDE, span = PLOT_WIDE - LABEL_WIDE;
    char text[160];
    (void)snprintf(text, sizeof text, "channel %d, each case: 0.5 to 99.5 %%, quartiles, median",
                   channel);
    put(p, x, y, WORDS, text);
    y += LINE;
    fill(p, left, y, span, PLOT_HIGH + 1, PANEL);
    for (int i = 0; i < e->n; i++) {
        if (!explore_has(e, channel, i)) continue;
        const double *q = e->of[i].channel[channel].quantile;
        const int from = left + i * span / e->n, to = left + (i + 1) * span / e->n;
        const int wide_bar = to - from > 24 ? 24 : to - from > 2 ? to - from - 1 : 1;
        const int at = (from + to - wide_bar) / 2;
        int level[PLEAT_EXPLORE_QUANTILES];
        for (int k = 0; k <= LAST; k++)
            level[k] = y + (int)lround((1.0 - explore_level(&s, q[k])) * PLOT_HIGH);
        fill(p, at, level[LAST], wide_bar, level[0] - level[LAST] + 1, AREA);
        fill(p, at, level[LAST / 2 + 1], wide_bar, level[LAST / 2 - 1] - level[LAST / 2 + 1] + 1,
             FAINT);
        fill(p, at, level[LAST / 2], wide_bar, 2, WORDS);
    }
    for (int k = 0; k < 3; k++) {
        if (k == 1 && s.bend <= 0.0) continue;
        const int at = y + (int)lround((1.0 - explore_level(&s, tick[k])) * PLOT_HIGH);
        put_number(p, left - LETTER, at - (k == 0 ? 0 : LETTER), tick[k], 1);
    }
}

static int count_rows(const pleat_exploration *e) {
    const int n = e->classes.n - 1;
    return n < 0 ? 0 : n < EXPLORE_SCALES ? n : EXPLORE_SCALES;
}

static void draw_volumes(pleat_picture *p, const pleat_exploration *e, int x, int y) {
    const int left = x + NAME_WIDE * LETTER, wide_plot = PLOT_WIDE - NAME_WIDE * LETTER;
    const int rows = count_rows(e);
    double tick[EXPLORE_SCALES];
    char text[64];
    put(p, x, y, WORDS, "volumes in ml, a mark for each case, the median long");
    y += LINE;
    fill(p, left, y, wide_plot, rows * ROW, PANEL);
    const int ticks = explore_ticks(e, tick);
    for (int i = 0; i < ticks; i++) {
        const int at = left + (int)lround(explore_place(e, tick[i]) * wide_plot);
        fill(p, at, y, 1, rows * ROW, GROUND);
        put_number(p, at, y + rows * ROW + 4, tick[i], 0);
    }
    for (int c = 1; c <= rows; c++, y += ROW) {
        const pleat_colour colour = pleat_class_colour(&e->classes, c);
        (void)snprintf(text, sizeof text, "%.*s", NAME_WIDE - 2, e->classes.name[c]);
        put(p, x, y + ROW / 2 - 4, colour, text);
        for (int i = 0; i < e->n; i++) {
            const double ml = explore_ml(e, c, i);
            if (ml <= 0.0) continue;
            const double place = explore_place(e, ml);
            if (place < 0.0 || place > 1.0) continue; /* of no case that counts */
            fill(p, left + (int)lround(place * wide_plot), y + 7, 1, ROW - 14, colour);
        }
        if (e->of_class[c].cases > 0)
            fill(p, left + (int)lround(explore_place(e, e->of_class[c].median_ml) * wide_plot) - 1,
                 y + 2, 3, ROW - 4, colour);
    }
}

/* ---- the page -------------------------------------------------------------------------------- */

typedef struct layout {
    int cell_wide, cell_high, columns, strips;
    int plots, plot_columns, plot_high, plots_top;
    int cells_top, width, height;
} layout;

static layout lay_out(const pleat_exploration *e) {
    layout l = {.plots = 2 * e->channels + (count_rows(e) > 0)};
    for (int i = 0; i < e->pictures; l.strips++) {
        const explore_strip s = explore_strip_at(e, i);
        if (s.width > l.cell_wide) l.cell_wide = s.width;
        if (s.height > l.cell_high) l.cell_high = s.height;
        i += s.channels;
    }
    const int volumes = count_rows(e) * ROW;
    l.plot_high = 2 * LINE + (volumes > PLOT_HIGH ? volumes : PLOT_HIGH) + GAP;
    l.columns = (WIDE - GAP) / (l.cell_wide + GAP);
    if (l.columns > l.strips) l.columns = l.strips;
    if (l.columns < 1) l.columns = 1;
    l.plot_columns = WIDE / (PLOT_WIDE + 2 * GAP);
    if (l.plot_columns > l.plots) l.plot_columns = l.plots;
    const int cells = l.columns * (l.cell_wide + GAP);
    const int plots = l.plot_columns * (PLOT_WIDE + 2 * GAP);
    l.width = GAP + (cells > plots ? cells : plots);
    if (l.width < 2 * PLOT_WIDE) l.width = 2 * PLOT_WIDE;
    l.plots_top = GAP + HEAD + 3 * LINE + GAP;
    const int plot_rows = l.plots > 0 ? (l.plots + l.plot_columns - 1) / l.plot_columns : 0;
    l.cells_top = l.plots_top + plot_rows * l.plot_high;
    l.cell_high += 2 * LINE + GAP;
    l.height = l.cells_top + (l.strips + l.columns - 1) / l.columns * l.cell_high + GAP;
    return l;
}

static void draw_head(pleat_picture *p, const char *data, const pleat_exploration *e, int strips) {
    char axes[512], text[1024];
    int x = GAP, y = GAP + HEAD;
    pleat_picture_text(p, GAP, GAP, SCALE, WORDS, data);
    explore_tally(e, explore_axes, axes, sizeof axes);
    (void)snprintf(text, sizeof text, "%d cases, %d shown. Axes: %s", e->n, strips, axes);
    put(p, x, y, FAINT, text);
    y += LINE;
    for (int c = 1; c < e->classes.n && x < p->width; c++) {
        const int chip = LINE - 4;
        fill(p, x, y, chip, chip, pleat_class_colour(&e->classes, c));
        (void)snprintf(text, sizeof text, "%.40s", e->classes.name[c]);
        put(p, x + chip + 4, y + 2, WORDS, text);
        x += chip + wide(text) + 2 * GAP;
    }
    put(p, GAP, y + LINE, FAINT,
        "histograms: grey all voxels, a line each class, without 0.5 % at either end. Height: the "
        "root of "
        "the share");
}

static void draw_case(pleat_picture *p, const pleat_exploration *e, const explore_strip *strip,
                      const pleat_paint *paints, const layout *l, int x, int y) {
    const pleat_explored_case *c = &e->of[e->picture[strip->first].at];
    const double *mm = c->spacing;
    char text[256];
    const int letters = l->cell_wide / LETTER;
    (void)snprintf(text, sizeof text, "%.*s", letters < 160 ? letters : 160, c->id);
    put(p, x, y, WORDS, text);
    (void)snprintf(text, sizeof text, "%d x %d x %d  %.3g x %.3g x %.3g mm", c->dim[2], c->dim[1],
                   c->dim[0], mm[2], mm[1], mm[0]);
    put(p, x, y + LINE - 2, FAINT, text);
    explore_strip_draw(e, strip, paints, p, x, y + 2 * LINE - 2);
}

pleat_status explore_write_picture(const char *path, const char *data, const pleat_exploration *e) {
    const layout l = lay_out(e);
    pleat_paint paints[256];
    pleat_picture p;
    pleat_plane_paints(&e->classes, COVER, paints);
    PLEAT_TRY(pleat_picture_make(l.width, l.height, GROUND, &p));
    draw_head(&p, data, e, l.strips);
    for (int k = 0; k < l.plots; k++) {
        const int x = GAP + k % l.plot_columns * (PLOT_WIDE + 2 * GAP);
        const int y = l.plots_top + k / l.plot_columns * l.plot_high;
        if (k < 2 * e->channels && k % 2 == 0)
            draw_histogram(&p, e, k / 2, x, y);
        else if (k < 2 * e->channels)
            draw_ranges(&p, e, k / 2, x, y);
        else
            draw_volumes(&p, e, x, y);
    }
    int k = 0;
    for (int i = 0; i < e->pictures; k++) {
        const explore_strip strip = explore_strip_at(e, i);
        draw_case(&p, e, &strip, paints, &l, GAP + k % l.columns * (l.cell_wide + GAP),
                  l.cells_top + k / l.columns * l.cell_high);
        i += strip.channels;
    }
    const pleat_status status = pleat_picture_write(&p, path);
    pleat_picture_free(&p);
    return status;
}
