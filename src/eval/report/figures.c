/* figures.c - the list of a run's figures, and the box plots of several groups of cases. */
#include "pleat/figures.h"

#include "boxes.h"
#include "figures_impl.h"
#include "gnuplot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int pleat_figure_first(const pleat_classes *classes) { return classes->n > 1 ? 1 : 0; }

int pleat_figure_end(const pleat_classes *classes) {
    const int most = pleat_figure_first(classes) + PLEAT_MOST_PANELS;
    return classes->n < most ? classes->n : most;
}

/* --- a panel per class, a row per group ------------------------------------------------------- */

static pleat_status add_group(pleat_boxes *b, int row, const pleat_results *of, int score) {
    const int first = pleat_figure_first(&of->classes);
    for (int p = 0; p < b->panels; p++)
        for (int i = 0; i < of->n; i++)
            PLEAT_TRY(pleat_boxes_add(
                b, &(pleat_box_point){.panel = p,
                                      .row = row,
                                      .fold = of->cases[i].fold,
                                      .x = pleat_results_at(of, i, score, first + p).x,
                                      .id = of->cases[i].id}));
    return PLEAT_OK;
}

static pleat_status boxes_of_groups(const char *folder, const char *name, int score,
                                    const pleat_report_variant *groups, int n, const char *row_is,
                                    int *missing) {
    const pleat_results *r = groups[0].results;
    const pleat_score *row = pleat_scores_at(r->scores, score);
    const int first = pleat_figure_first(&r->classes);
    const char *names[2 * PLEAT_MOST_PANELS], *units[PLEAT_MOST_PANELS];
    char what[160], axis[96];
    pleat_status status = PLEAT_OK;
    pleat_boxes b = {.what = what,
                     .axis = axis,
                     .panels = pleat_figure_end(&r->classes) - first,
                     .rows = n < 2 * PLEAT_MOST_PANELS ? n : 2 * PLEAT_MOST_PANELS,
                     .panel = (const char *const *)r->classes.name + first,
                     .unit = units,
                     .row = names,
                     .panel_is = "class",
                     .row_is = row_is};
    b.columns = b.panels > 8 ? 4 : b.panels > 4 ? 2 : 1;
    (void)snprintf(what, sizeof what, "%s of every case, by %s.", row->title, row_is);
    (void)snprintf(axis, sizeof axis, "%s%s%s", row->title, row->unit[0] != '\0' ? ", " : "",
                   row->unit);
    for (int p = 0; p < b.panels; p++) units[p] = row->unit;
    for (int g = 0; g < b.rows; g++) {
        names[g] = groups[g].name;
        if (status == PLEAT_OK) status = add_group(&b, g, groups[g].results, score);
    }
    const pleat_status drawn = pleat_boxes_draw(&b, folder, name, missing);
    return status != PLEAT_OK ? status : drawn;
}

pleat_status pleat_figures_boxes(const char *folder, const char *name, int score,
                                 const pleat_report_variant *groups, int n, int draw) {
    int missing = 0;
    PLEAT_TRY(boxes_of_groups(folder, name, score, groups, n, "group", draw ? &missing : NULL));
    pleat_gnuplot_tell(folder, missing);
    return PLEAT_OK;
}

/* The headline by fold, and over all, where a case is one point however often it was judged. */
static pleat_status by_fold(const char *folder, const char *name, const pleat_results *results,
                            const pleat_results *all, int *missing) {
    int n = 0;
    char names[PLEAT_MOST_PANELS][16];
    pleat_results part[PLEAT_MOST_PANELS];
    pleat_report_variant group[PLEAT_MOST_PANELS + 1] = {{"all", all}};
    for (int i = 0; i < results->n; i++) {
        const int fold = results->cases[i].fold;
        if (i == 0 || fold != results->cases[i - 1].fold) {
            if (n == PLEAT_MOST_PANELS) break;
            (void)snprintf(names[n], sizeof names[n], "fold %d", fold);
            part[n] = pleat_results_part(results, i, 0);
            group[n] = (pleat_report_variant){names[n], &part[n]};
            n++;
        }
        part[n - 1].n++;
    }
    if (n > 1) group[n++] = (pleat_report_variant){"all", all};
    return boxes_of_groups(folder, name, PLEAT_HEADLINE, group, n, "fold", missing);
}

/* --- a panel per score of a unit, a row per class --------------------------------------------- */

enum { MOST_SCORES = 32 };

/* The classes that have a score of the unit; returns how many. */
static int classes_with(const pleat_results *r, const char *unit, int *label, const char **name) {
    int n = 0;
    for (int c = pleat_figure_first(&r->classes); c < pleat_figure_end(&r->classes); c++) {
        int has = 0;
        for (int s = 0; s < pleat_scores_count(r->scores); s++)
            has |= strcmp(pleat_scores_at(r->scores, s)->unit, unit) == 0 &&
                   pleat_scores_apply(r->scores, s, &r->how, c);
        if (!has) continue;
        label[n] = c;
        name[n++] = r->classes.name[c];
    }
    return n;
}

static pleat_status add_score(pleat_boxes *b, const pleat_results *r, int score, const int *label) {
    const int before = b->n;
    for (int row = 0; row < b->rows; row++)
        for (int i = 0; i < r->n; i++)
            PLEAT_TRY(pleat_boxes_add(
                b, &(pleat_box_point){.panel = b->panels,
                                      .row = row,
                                      .fold = r->cases[i].fold,
                                      .x = pleat_results_at(r, i, score, label[row]).x,
                                      .id = r->cases[i].id}));
    b->panels += b->n > before;
    return PLEAT_OK;
}

static pleat_status by_class(const char *folder, const char *name, const pleat_results *r,
                             const char *unit, int *missing) {
    const char *titles[MOST_SCORES], *units[MOST_SCORES], *names[PLEAT_MOST_PANELS];
    int label[PLEAT_MOST_PANELS] = {0};
    const int counts = strcmp(unit, "lesions") == 0;
    pleat_status status = PLEAT_OK;
    pleat_boxes b = {.what = "Scores of every case, by class.",
                     .axis = counts ? "lesions in a case" : NULL,
                     .whole = counts,
                     .panel = titles,
                     .unit = units,
                     .row = names,
                     .rows = classes_with(r, unit, label, names),
                     .panel_is = "score",
                     .row_is = "class"};
    for (int s = 0; s < pleat_scores_count(r->scores) && b.panels < MOST_SCORES; s++) {
        const pleat_score *score = pleat_scores_at(r->scores, s);
        if (strcmp(score->unit, unit) != 0 || status != PLEAT_OK) continue;
        titles[b.panels] = score->name;
        units[b.panels] = score->unit;
        status = add_score(&b, r, s, label);
    }
    b.columns = b.rows > 6 ? 4 : 2;
    if (b.columns > b.panels && b.panels > 0) b.columns = b.panels;
    if (status == PLEAT_OK && b.panels > 0) return pleat_boxes_draw(&b, folder, name, missing);
    free(b.point);
    return status;
}

static pleat_status shares(const char *folder, const char *name, const pleat_results *r,
                           int *missing) {
    return by_class(folder, name, r, "", missing);
}

static pleat_status distances(const char *folder, const char *name, const pleat_results *r,
                              int *missing) {
    return by_class(folder, name, r, "mm", missing);
}

static pleat_status volumes(const char *folder, const char *name, const pleat_results *r,
                            int *missing) {
    return by_class(folder, name, r, "ml", missing);
}

static pleat_status lesions(const char *folder, const char *name, const pleat_results *r,
                            int *missing) {
    return by_class(folder, name, r, "lesions", missing);
}

/* --- the list --------------------------------------------------------------------------------- */

/* `draw` is of results as they are, `by_case` of a row a case. */
static const struct figure {
    const char *name;
    pleat_figure *draw, *by_case;
} figures[] = {
    {"curves", pleat_figure_curves, NULL}, /* mean over the folds, band from least to most */
    {"dice", NULL, NULL},                  /* by_fold, which takes both */
    {"scores", NULL, shares},              /* those that are shares of 1 */
    {"distances", NULL, distances},
    {"volumes", NULL, volumes},
    {"lesions", NULL, lesions},
    {"histogram", NULL, pleat_figure_histogram}, /* how many cases have which Dice */
    {"sensitivity", NULL, pleat_figure_sensitivity},
    {"agreement", NULL, pleat_figure_agreement}, /* of volumes, Bland and Altman's */
};
enum { FIGURES = sizeof figures / sizeof *figures };

const char *pleat_figures_name(int place) { return place < FIGURES ? figures[place].name : NULL; }

static pleat_status draw_one(const struct figure *f, const char *folder,
                             const pleat_results *results, const pleat_results *by_case,
                             int *missing) {
    PLEAT_TRY(pleat_gnuplot_remove(folder, f->name));
    if (f->draw != NULL) return f->draw(folder, f->name, results, missing);
    if (f->by_case != NULL) return f->by_case(folder, f->name, by_case, missing);
    return by_fold(folder, f->name, results, by_case, missing);
}

pleat_status pleat_figures_run(const char *folder, const pleat_results *results, int draw) {
    int missing = 0;
    pleat_results by_case;
    PLEAT_TRY(pleat_results_by_case(results, &by_case));
    pleat_status status = PLEAT_OK;
    for (int f = 0; f < FIGURES && results->n > 0 && status == PLEAT_OK; f++)
        status = draw_one(&figures[f], folder, results, &by_case, draw ? &missing : NULL);
    pleat_results_free(&by_case);
    PLEAT_TRY(status);
    pleat_gnuplot_tell(folder, missing);
    return PLEAT_OK;
}
