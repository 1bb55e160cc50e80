/* figures_differences.c - the paired differences of a comparison, with every case. */
#include "boxes.h"
#include "figures_impl.h"
#include "gnuplot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 48
#define TITLE     96

typedef struct drawn {
    pleat_boxes boxes;
    char title[PLEAT_MOST_PANELS][TITLE], name[MOST_ROWS][TITLE];
    const char *titles[PLEAT_MOST_PANELS], *units[PLEAT_MOST_PANELS], *names[MOST_ROWS];
    const char *score[PLEAT_MOST_PANELS];
    double mark[PLEAT_MOST_PANELS * MOST_ROWS * 3];
} drawn;

/* What a path ends with. */
static const char *last_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* The panel of a score, made where there is none yet; -1: there are enough. */
static int panel_of(drawn *d, const pleat_paired *one) {
    static const char *const better[] = {": B - A, higher is better", ": B - A, lower is better",
                                         ": B - A"};
    const pleat_score *row = pleat_paired_score(one);
    int p = 0;
    while (p < d->boxes.panels && strcmp(d->score[p], one->score) != 0) p++;
    if (p == PLEAT_MOST_PANELS) return -1;
    if (p < d->boxes.panels) return p;
    (void)snprintf(d->title[p], TITLE, "%s%s", one->score,
                   better[row != NULL ? row->better : PLEAT_NEITHER_IS_BETTER]);
    d->titles[p] = d->title[p];
    d->units[p] = row != NULL ? row->unit : "";
    d->score[p] = one->score;
    return d->boxes.panels++;
}

static int row_of(drawn *d, const pleat_comparison *c, const pleat_paired *one) {
    char name[TITLE];
    int r = 0;
    if (c->sets > 2)
        (void)snprintf(name, sizeof name, "B%d %.80s", one->b, one->class_name);
    else
        (void)snprintf(name, sizeof name, "%.80s", one->class_name);
    while (r < d->boxes.rows && strcmp(d->name[r], name) != 0) r++;
    if (r == MOST_ROWS) return -1;
    if (r < d->boxes.rows) return r;
    memcpy(d->name[r], name, sizeof name);
    d->names[r] = d->name[r];
    return d->boxes.rows++;
}

/* Panels and rows are all known before a place in `mark` is. */
static pleat_status fill(drawn *d, const pleat_comparison *c, int all, int marks) {
    for (int i = 0; i < c->n; i++) {
        const pleat_paired *one = &c->row[i];
        if (!all && !pleat_paired_is_brief(one)) continue;
        const int p = panel_of(d, one), r = p < 0 ? -1 : row_of(d, c, one);
        if (r < 0) continue;
        if (marks) {
            double *mark = &d->mark[3 * ((size_t)p * (size_t)d->boxes.rows + (size_t)r)];
            mark[0] = one->mean;
            mark[1] = isnan(one->bca.low) ? one->mean : one->bca.low;
            mark[2] = isnan(one->bca.high) ? one->mean : one->bca.high;
            continue;
        }
        for (int k = 0; k < one->n; k++)
            PLEAT_TRY(pleat_boxes_add(&d->boxes, &(pleat_box_point){.panel = p,
                                                                    .row = r,
                                                                    .fold = one->b,
                                                                    .x = one->difference[k],
                                                                    .id = c->ids[one->at[k]]}));
    }
    return PLEAT_OK;
}

pleat_status pleat_figures_differences(const char *folder, const pleat_comparison *c) {
    int missing = 0, brief = 0;
    char axis[160], what[] = "Differences of every case; the diamond is the mean, the line through "
                             "it its 95 % interval (BCa bootstrap).";
    drawn *d = calloc(1, sizeof *d);
    PLEAT_CHECK(d != NULL, PLEAT_ERR_MEMORY, "no memory for a figure of %d differences", c->n);
    if (c->sets > 2)
        (void)snprintf(axis, sizeof axis, "A: %.40s", last_of(c->names[0]));
    else
        (void)snprintf(axis, sizeof axis, "A: %.24s, B: %.24s", last_of(c->names[0]),
                       last_of(c->names[1]));
    d->boxes = (pleat_boxes){.what = what,
                             .axis = axis,
                             .columns = 1,
                             .panel = d->titles,
                             .unit = d->units,
                             .row = d->names,
                             .panel_is = "score",
                             .row_is = "class",
                             .fold_is = "b",
                             .differences = 1,
                             .mark = d->mark};
    for (size_t k = 0; k < sizeof d->mark / sizeof *d->mark; k++) d->mark[k] = (double)NAN;
    for (int i = 0; i < c->n; i++) brief += pleat_paired_is_brief(&c->row[i]);
    pleat_status status = fill(d, c, brief == 0, 0);
    if (status == PLEAT_OK) status = fill(d, c, brief == 0, 1);
    if (status == PLEAT_OK)
        status = pleat_boxes_draw(&d->boxes, folder, "differences", &missing);
    else
        free(d->boxes.point);
    if (status == PLEAT_OK) pleat_gnuplot_tell(folder, missing);
    free(d);
    return status;
}
