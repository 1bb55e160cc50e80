/* paired.c - paired differences of sets of scores over the same cases. */
#include "pleat/paired.h"

#include "pleat/folds.h"
#include "pleat/statistics.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL 300 /* characters of names of cases */

static const double ROUNDING =
    1e-12; /* of the larger of two scores: what their difference is off */

/* --- the same cases --------------------------------------------------------------------------- */

/* How many cases `a` has that `b` lacks; out: so many, and their names as far as they fit. */
static int only_in(const char *which, const pleat_name_list *a, const pleat_name_list *b,
                   char out[TELL + 64]) {
    char names[TELL] = "";
    int missing = 0;
    for (int i = 0; i < a->n; i++) {
        if (pleat_names_find(b, a->name[i]) >= 0) continue;
        pleat_warn_list(names, TELL, a->name[i]);
        missing++;
    }
    out[0] = '\0';
    if (missing > 0)
        (void)snprintf(out, TELL + 64, "%d only in the %s (%s)", missing, which, names);
    return missing;
}

static pleat_status check_cases(const pleat_measured *measured, const char *const *names,
                                int sets) {
    char first[TELL + 64], second[TELL + 64];
    for (int b = 1; b < sets; b++) {
        const int in_a = only_in("first", &measured[0].cases, &measured[b].cases, first);
        const int in_b = only_in("second", &measured[b].cases, &measured[0].cases, second);
        PLEAT_CHECK(in_a + in_b == 0, PLEAT_ERR_DATA,
                    "'%s' and '%s' are not of the same cases: %s%s%s; compare the same ones",
                    names[0], names[b], first, in_a > 0 && in_b > 0 ? ", " : "", second);
    }
    return PLEAT_OK;
}

typedef struct scratch {
    double *a, *b; /* [cases] */
    double *off;   /* [cases] what rounding may add to a difference */
    int *group;    /* [cases] of all; of those with a difference */
    int *mine;
} scratch;

static int make_scratch(int n, scratch *s) {
    const size_t room = (size_t)n + 1;
    s->a = malloc(room * sizeof(double));
    s->b = malloc(room * sizeof(double));
    s->off = malloc(room * sizeof(double));
    s->group = calloc(room, sizeof(int));
    s->mine = malloc(room * sizeof(int));
    return s->a != NULL && s->b != NULL && s->off != NULL && s->group != NULL && s->mine != NULL;
}

static void free_scratch(scratch *s) {
    free(s->a);
    free(s->b);
    free(s->off);
    free(s->group);
    free(s->mine);
}

/* --- the values ------------------------------------------------------------------------------- */

/* The place of a class of the first set in another: by name, or one by label, one by name. */
static int class_in(const pleat_measured *m, const char *name, const pleat_classes *classes) {
    int place = pleat_names_find(&m->classes, name);
    for (int c = 0; place < 0 && classes != NULL && c < classes->n; c++) {
        char label[16];
        (void)snprintf(label, sizeof label, "%d", c);
        if (strcmp(classes->name[c], name) == 0) place = pleat_names_find(&m->classes, label);
        if (strcmp(label, name) == 0) place = pleat_names_find(&m->classes, classes->name[c]);
    }
    return place;
}

static int is_background(const char *name) {
    return strcmp(name, "background") == 0 || strcmp(name, "0") == 0;
}

/* x[cases of `order`] of a score and class, NaN where there is none; returns the definition. */
static const char *values_of(const pleat_measured *m, int score, int class_at,
                             const pleat_name_list *order, double *x) {
    const char *definition = "";
    for (int i = 0; i < order->n; i++) x[i] = (double)NAN;
    for (int k = 0; k < m->n; k++) {
        const pleat_measurement *one = &m->list[k];
        if (one->score != score || one->label != class_at) continue;
        const int at = pleat_names_find(order, m->cases.name[one->at]);
        if (at >= 0) x[at] = one->x;
        definition = m->definitions.name[one->definition];
    }
    return definition;
}

/* --- the same truth --------------------------------------------------------------------------- */

/* What is of the truth alone: the same in all sets, and nothing to compare. */
enum { OF_TRUTH = 2 };

static const char *of_truth(int k) {
    const pleat_scores *all = pleat_scores_all();
    return k == 0 ? PLEAT_TRUTH_VOXELS
                  : pleat_scores_at(all, pleat_scores_role(all, PLEAT_TRUE_VOLUME))->name;
}

static int is_of_truth(const char *score) {
    for (int k = 0; k < OF_TRUTH; k++)
        if (strcmp(of_truth(k), score) == 0) return 1;
    return 0;
}

/* other[i]: case i has another size of a class in the truth of B than in that of A. */
static void compare_truths(const pleat_measured *a, const pleat_measured *b, const char *score,
                           const pleat_classes *classes, scratch *s, int *other) {
    const int mine = pleat_names_find(&a->scores, score);
    const int theirs = pleat_names_find(&b->scores, score);
    for (int k = 0; mine >= 0 && theirs >= 0 && k < a->classes.n; k++) {
        const int at = class_in(b, a->classes.name[k], classes);
        if (at < 0) continue;
        (void)values_of(a, mine, k, &a->cases, s->a);
        (void)values_of(b, theirs, at, &a->cases, s->b);
        for (int i = 0; i < a->cases.n; i++) /* false of NaN */
            other[i] |= fabs(s->a[i] - s->b[i]) > 1e-6 * fmax(s->a[i], s->b[i]);
    }
}

static pleat_status check_truths(const pleat_measured *measured, const char *const *names, int sets,
                                 const pleat_classes *classes, scratch *s) {
    const pleat_name_list *cases = &measured[0].cases;
    for (int b = 1; b < sets; b++) {
        char list[TELL] = "";
        int n = 0;
        memset(s->mine, 0, (size_t)cases->n * sizeof *s->mine);
        for (int k = 0; k < OF_TRUTH; k++)
            compare_truths(&measured[0], &measured[b], of_truth(k), classes, s, s->mine);
        for (int i = 0; i < cases->n; i++) {
            if (!s->mine[i]) continue;
            pleat_warn_list(list, sizeof list, cases->name[i]);
            n++;
        }
        PLEAT_CHECK(n == 0, PLEAT_ERR_DATA,
                    "'%s' and '%s' were scored by different truths: %d case%s of another size in "
                    "them (%s); score both by the same masks",
                    names[0], names[b], n, n == 1 ? " is" : "s are", list);
    }
    return PLEAT_OK;
}

/* --- one row ---------------------------------------------------------------------------------- */

/* The mean difference of each group in x, of the roundings in off; returns how many there are. */
static int group_means(const pleat_observed *of, const double *rounding, int groups, double *x,
                       double *off) {
    int n = 0;
    for (int g = 0; g < groups; g++) {
        double sum = 0.0, roundings = 0.0;
        int many = 0;
        for (int i = 0; i < of->n; i++) {
            if (of->group[i] != g) continue;
            sum += of->x[i];
            roundings += rounding[i];
            many++;
        }
        if (many == 0) continue;
        x[n] = sum / many;
        off[n++] = roundings / many;
    }
    return n;
}

/* Room for the differences of all cases, and for which they are. */
static pleat_status make_room(int cases, pleat_paired *row) {
    row->difference = malloc(((size_t)cases + 1) * (sizeof(double) + sizeof(int)));
    PLEAT_CHECK(row->difference != NULL, PLEAT_ERR_MEMORY, "no memory to compare %d cases", cases);
    row->at = (int *)(void *)(row->difference + cases + 1);
    return PLEAT_OK;
}

static pleat_status compare_pair(const pleat_comparison *c, scratch *s, pleat_paired *row) {
    const double u = (double)NAN;
    pleat_summary of[3];
    PLEAT_TRY(make_room(c->cases, row));
    for (int i = 0; i < c->cases; i++) {
        if (isnan(s->a[i]) || isnan(s->b[i])) {
            row->left_out += isnan(s->a[i]) != isnan(s->b[i]);
            continue;
        }
        const double off = ROUNDING * fmax(fabs(s->a[i]), fabs(s->b[i]));
        const double d = fabs(s->b[i] - s->a[i]) <= off ? 0.0 : s->b[i] - s->a[i];
        row->higher += d > 0.0;
        row->lower += d < 0.0;
        row->equal += d == 0.0;
        s->mine[row->n] = s->group[i];
        s->a[row->n] = s->a[i]; /* never ahead of i */
        s->b[row->n] = s->b[i];
        s->off[row->n] = off;
        row->at[row->n] = i;
        row->difference[row->n++] = d;
    }
    const pleat_observed sample = {row->difference, c->grouped ? s->mine : NULL, row->n};
    const double *const columns[3] = {s->a, s->b, row->difference};
    row->p_holm = u;
    for (int k = 0; k < 3; k++) PLEAT_TRY(pleat_summarise(columns[k], row->n, &of[k]));
    row->mean_a = of[0].mean;
    row->mean_b = of[1].mean;
    row->mean = of[2].mean;
    row->median = of[2].median;
    PLEAT_TRY(pleat_interval_bca(&sample, PLEAT_LEVEL, PLEAT_RESAMPLES, c->seed, &row->bca));
    PLEAT_TRY(pleat_false_ranking(&sample, &row->false_ranking));
    if (!c->grouped) return pleat_wilcoxon_test(row->difference, s->off, row->n, &row->wilcoxon);
    const int n = group_means(&sample, s->off, c->groups, s->a, s->b);
    return pleat_wilcoxon_test(s->a, s->b, n, &row->wilcoxon);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Holm over the tests of each score, whose rows stand together. */
static pleat_status correct(pleat_comparison *c) {
    double *p = malloc(2 * ((size_t)c->n + 1) * sizeof *p);
    PLEAT_CHECK(p != NULL, PLEAT_ERR_MEMORY, "no memory for %d tests", c->n);
    for (int first = 0, end = 0; first < c->n; first = end) {
        while (end < c->n && c->row[end].score == c->row[first].score) end++;
        for (int i = first; i < end; i++) p[i - first] = c->row[i].wilcoxon.p;
        pleat_holm(p, end - first, p + c->n);
        for (int i = first; i < end; i++) c->row[i].p_holm = p[c->n + i - first];
    }
    free(p);
    return PLEAT_OK;
}

static pleat_status fill(const pleat_measured *measured, const pleat_classes *classes, scratch *s,
                         pleat_comparison *c) {
    const pleat_measured *a = &measured[0];
    for (int score = 0; score < a->scores.n; score++)
        for (int b = 1; b < c->sets; b++)
            for (int k = 0; k < a->classes.n; k++) {
                const char *name = a->classes.name[k];
                const int other = class_in(&measured[b], name, classes);
                const int same = pleat_names_find(&measured[b].scores, a->scores.name[score]);
                if (is_background(name) || other < 0 || same < 0) continue;
                if (is_of_truth(a->scores.name[score])) continue;
                pleat_paired *row = &c->row[c->n];
                *row = (pleat_paired){.b = b, .score = a->scores.name[score], .class_name = name};
                const char *mine = values_of(a, score, k, &a->cases, s->a);
                const char *theirs = values_of(&measured[b], same, other, &a->cases, s->b);
                if (mine[0] != '\0' && theirs[0] != '\0' && strcmp(mine, theirs) != 0) {
                    if (c->unlike++ == 0)
                        (void)snprintf(c->what, sizeof c->what,
                                       "%s of %s is '%s' in '%s', '%s' in '%s'", row->score, name,
                                       mine, c->names[0], theirs, c->names[b]);
                    continue;
                }
                const pleat_status status = compare_pair(c, s, row);
                if (status != PLEAT_OK || row->n == 0) free(row->difference);
                PLEAT_TRY(status);
                c->n += row->n > 0;
            }
    return correct(c);
}

pleat_status pleat_compare_sets(const pleat_measured *measured, const char *const *names, int sets,
                                const pleat_classes *classes, const char *group_by, uint64_t seed,
                                pleat_comparison *out) {
    const pleat_measured *a = &measured[0];
    pleat_comparison c = {.names = names,
                          .ids = (const char *const *)a->cases.name,
                          .sets = sets,
                          .cases = a->cases.n,
                          .seed = seed};
    scratch s = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(check_cases(measured, names, sets));
    c.grouped = group_by != NULL && group_by[0] != '\0';
    c.groups = c.cases;
    c.row = calloc((size_t)a->scores.n * (size_t)a->classes.n * (size_t)sets, sizeof *c.row);
    PLEAT_CHECK_GOTO(status, done, make_scratch(c.cases, &s) && c.row != NULL, PLEAT_ERR_MEMORY,
                     "no memory to compare %d cases", c.cases);
    if (c.grouped)
        PLEAT_TRY_GOTO(status, done,
                       pleat_folds_groups((const char *const *)a->cases.name, c.cases, group_by,
                                          s.group, &c.groups));
    PLEAT_TRY_GOTO(status, done, check_truths(measured, names, sets, classes, &s));
    PLEAT_TRY_GOTO(status, done, fill(measured, classes, &s, &c));
    PLEAT_CHECK_GOTO(status, done, c.n > 0, PLEAT_ERR_DATA,
                     "'%s' and the others have no score of a class in common", names[0]);
    *out = c; /* ownership moves to the caller */
    c = (pleat_comparison){0};
done:
    free_scratch(&s);
    pleat_comparison_free(&c);
    return status;
}

void pleat_comparison_free(pleat_comparison *comparison) {
    for (int i = 0; i < comparison->n; i++) free(comparison->row[i].difference);
    free(comparison->row);
    *comparison = (pleat_comparison){0};
}
