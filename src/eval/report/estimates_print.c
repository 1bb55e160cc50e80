/* estimates_print.c - the table of statistics on the terminal, and what it says of itself. */
#include "cells.h"

#include "pleat/estimates.h"
#include "pleat/terminal.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <math.h>
#include <string.h>

typedef struct printed { /* a number, or "-" */
    char text[24];
} printed;

static printed number(double x) {
    printed p = {"-"};
    if (!isnan(x)) (void)snprintf(p.text, sizeof p.text, fabs(x) < 100.0 ? "%.4g" : "%.1f", x);
    return p;
}

/* "0.7312 [0.6921, 0.7714]" */
static void put_range(cells *t, double x, const pleat_interval *interval) {
    if (isnan(interval->low))
        cells_put(t, "%s", number(x).text);
    else
        cells_put(t, "%s [%s, %s]", number(x).text, number(interval->low).text,
                  number(interval->high).text);
}

static const char *const heads[] = {"    ",          "n",         "mean [95 %]", "SD",
                                    "median [95 %]", "quartiles", "penalised"};
/* Places of heads, in the order in which they are left out where a terminal is too narrow. */
static const int spare[] = {5, 3, 6, 4};

static void put_head(cells *t) {
    for (size_t k = 0; k < sizeof heads / sizeof *heads; k++) cells_put(t, "%s", heads[k]);
    cells_end_row(t);
}

static void put_score(cells *t, const pleat_score *score, const pleat_estimate *e) {
    cells_put(t, "    %s%s%s", score->name, score->unit[0] != '\0' ? ", " : "", score->unit);
    cells_put(t, "%d", e->n);
    put_range(t, e->mean, &e->bca);
    cells_put(t, "%s", number(e->sd).text);
    put_range(t, e->median, &e->between);
    if (e->n == 0)
        cells_put(t, "-");
    else
        cells_put(t, "%s - %s", number(e->quartile[0]).text, number(e->quartile[1]).text);
    cells_put(t, "%s", number(e->penalised).text);
    cells_end_row(t);
}

/* In how many cases the class is in which state. */
static void put_states(FILE *out, const pleat_estimates *e, int c) {
    const pleat_results *r = e->results;
    const pleat_estimate *first = pleat_estimates_at(e, PLEAT_OVER_ALL, 0, c);
    (void)fprintf(out, "  %s:", r->classes.name[c]);
    if (r->repeats > 1)
        (void)fprintf(out, " of %d evaluations of %d case%s:", first->judged, first->cases,
                      pleat_plural(first->cases));
    for (int p = 0; p < PLEAT_PRESENCES; p++) {
        (void)fprintf(out, "%s %d %s", p > 0 ? "," : "", first->states[p],
                      pleat_presence_name((pleat_presence)p));
        if (p == PLEAT_PRESENT && first->apart > 0)
            (void)fprintf(out, " (%d without overlap)", first->apart);
    }
    (void)fputc('\n', out);
}

static void put_scores(cells *t, const pleat_estimates *e, int all) {
    const pleat_results *r = e->results;
    put_head(t);
    for (int c = all || r->classes.n == 1 ? 0 : 1; c < r->classes.n; c++) {
        if (t->out != NULL) put_states(t->out, e, c);
        for (int s = 0; s < pleat_scores_count(r->scores); s++) {
            const pleat_score *score = pleat_scores_at(r->scores, s);
            const pleat_estimate *one = pleat_estimates_at(e, PLEAT_OVER_ALL, s, c);
            if (pleat_scores_apply(r->scores, s, &r->how, c) &&
                (all || (score->brief && (one->n > 0 || !isnan(one->penalised)))))
                put_score(t, score, one);
        }
    }
}

/* Cases that were scored when pleat did not have some of the scores. */
static int unknown_cases(const pleat_estimates *e) {
    int most = 0;
    for (int s = 0; s < pleat_scores_count(e->results->scores); s++)
        for (int c = 0; c < e->results->classes.n; c++) {
            const int unknown = pleat_estimates_at(e, PLEAT_OVER_ALL, s, c)->unknown;
            if (unknown > most) most = unknown;
        }
    return most;
}

/* "0, 2": folds that are not in the numbers: not finished, or failed. Returns how many. */
static int missing_folds(const pleat_estimates *e, char *list, size_t size) {
    int missing = 0;
    list[0] = '\0';
    for (int fold = 0; fold < e->results->folds; fold++) {
        char name[16];
        if (pleat_estimates_at(e, fold, 0, 0)->cases > 0) continue;
        (void)snprintf(name, sizeof name, "%d", fold);
        pleat_warn_list(list, size, name);
        missing++;
    }
    return missing;
}

void pleat_estimates_warn(FILE *out, const pleat_estimates *e, int below) {
    const int unknown = unknown_cases(e), indent = below ? 2 : 0, page = below ? PAGE : 0;
    const char *before = below ? "warning: " : "";
    char list[400];
    const int missing = missing_folds(e, list, sizeof list);
    if (missing > 0)
        pleat_terminal_print(out, indent, page,
                             "%sno scores of fold %s: %s cases are in none of these numbers",
                             before, list, missing == 1 ? "its" : "their");
    if (unknown > 0)
        pleat_terminal_print(out, indent, page,
                             "%s%d %s%s scored by a pleat without surfaces and volumes; pleat "
                             "report --rescore computes them",
                             before, unknown, e->results->repeats > 1 ? "prediction" : "case",
                             unknown == 1 ? " was" : "s were");
    if (e->groups < PLEAT_FEW_CASES)
        pleat_terminal_print(out, indent, page,
                             "%s%d %s%s %s fewer than %d: means and intervals are rough", before,
                             e->groups, e->by_patient ? "group" : "case", pleat_plural(e->groups),
                             e->groups == 1 ? "is" : "are", PLEAT_FEW_CASES);
}

void pleat_estimates_print(FILE *out, const pleat_estimates *e, int all) {
    const pleat_results *r = e->results;
    const int grouped = e->by_patient;
    cells t = {0};
    char judged[PLEAT_JUDGING_BYTES];
    if (r->repeats > 1)
        (void)fprintf(out, "Statistics over all cases (%d), each evaluated %d times\n", e->cases,
                      r->repeats);
    else
        (void)fprintf(out, "Statistics over all cases (%d)\n", e->cases);
    put_scores(&t, e, all);
    const int hidden =
        cells_fit(&t, pleat_terminal_width(fileno(out)), spare, sizeof spare / sizeof *spare);
    t.out = out;
    put_scores(&t, e, all);
    if (hidden > 0) {
        char names[96] = "";
        for (int k = 0; k < hidden; k++) {
            const size_t used = strlen(names);
            (void)snprintf(names + used, sizeof names - used, "%s%s", k > 0 ? ", " : "",
                           heads[spare[k]]);
        }
        pleat_terminal_print(out, 2, PAGE,
                             "(the terminal is too narrow for %s; statistics.csv has all)", names);
    }
    pleat_terminal_print(
        out, 2, PAGE,
        "n: cases that have the score; missed and spurious ones may not. Penalised: the "
        "mean in which they count as 0, or as the image's diagonal.");
    pleat_terminal_print(out, 2, PAGE, "Scored by: %s.",
                         pleat_judging_text(&r->how, &r->classes, judged));
    pleat_terminal_print(
        out, 2, PAGE,
        "Intervals of 95 %%: of means by BCa bootstrap over %d %s%s%s, seed %llu, of 3 or "
        "more; of medians by order statistics, of 6 or more. They cover these cases for %s: "
        "not other seeds, nor models trained again.",
        e->groups, grouped ? "group" : "case", pleat_plural(e->groups), grouped ? " of cases" : "",
        (unsigned long long)e->seed, r->folds > 1 ? "these folds' models" : "what predicted them");
    if (r->repeats > 1)
        pleat_terminal_print(
            out, 2, PAGE,
            "Means, SD and quartiles are over all evaluations; n and the intervals are "
            "of cases, whose evaluations in the repeats are not independent. "
            "statistics.csv also has the corrected resampled t interval of the mean over "
            "the folds.");
    pleat_estimates_warn(out, e, 1);
}
