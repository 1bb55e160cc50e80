/* estimates.c - means, medians, their intervals and the states, per fold, score and class. */
#include "pleat/estimates.h"

#include "pleat/folds.h"
#include "pleat/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct column { /* one score of one class in the cases of a fold, or of all */
    const pleat_results *of;
    int fold, score, label;
} column;

typedef struct values {
    double *x;  /* [n] that are defined */
    int *group; /* [n]; NULL: none are given */
    int n;
    char *seen;               /* [cases] 1: counted; 2: with the score */
    double penalised;         /* sum, undefined scores of missed and spurious cases included */
    int n_penalised, unknown; /* the latter: neither score nor worst is known */
} values;

static double worst(const pleat_score *score, const pleat_case_result *one) {
    switch (score->penalty) {
    case PLEAT_PENALTY_NOUGHT: return 0.0;
    case PLEAT_PENALTY_DIAGONAL: return pleat_case_diagonal(one);
    case PLEAT_NO_PENALTY: break;
    }
    return (double)NAN;
}

static void look(const column *c, const pleat_estimates *all, pleat_estimate *e, values *v) {
    const int *group = all->group;
    const pleat_score *score = pleat_scores_at(c->of->scores, c->score);
    const int needs_grid = pleat_scores_family(c->of->scores, c->score)->prepare != NULL &&
                           pleat_scores_apply(c->of->scores, c->score, &c->of->how, c->label);
    for (int i = 0; i < c->of->n; i++) {
        const pleat_case_result *one = &c->of->cases[i];
        if (c->fold != PLEAT_OVER_ALL && one->fold != c->fold) continue;
        const pleat_scored got = pleat_results_at(c->of, i, c->score, c->label);
        char *seen = &v->seen[all->place[i]];
        e->cases += *seen == 0;
        e->n += *seen < 2 && !isnan(got.x);
        if (*seen == 0) *seen = 1;
        if (!isnan(got.x)) *seen = 2;
        e->judged++;
        e->states[got.presence]++;
        e->apart += pleat_results_apart(c->of, i, c->label);
        e->unknown += needs_grid && isnan(got.x) && one->dim[0] == 0;
        double penalised = got.x;
        if (!isnan(got.x)) {
            if (group != NULL) v->group[v->n] = group[i];
            v->x[v->n++] = got.x;
        } else if (got.presence == PLEAT_MISSED || got.presence == PLEAT_SPURIOUS)
            penalised = worst(score, one);
        v->unknown += isnan(penalised) && got.presence != PLEAT_ABSENT;
        if (isnan(penalised)) continue;
        v->penalised += penalised;
        v->n_penalised++;
    }
}

/* Of the means of the folds, when there are several repeats of them. */
static pleat_status resample(const column *c, pleat_estimate *e) {
    const int folds = c->of->folds;
    e->resampled = (pleat_interval){(double)NAN, (double)NAN};
    if (c->fold != PLEAT_OVER_ALL || c->of->repeats == 1) return PLEAT_OK;
    double *sum = calloc(2 * (size_t)folds + 1, sizeof *sum);
    PLEAT_CHECK(sum != NULL, PLEAT_ERR_MEMORY, "no memory for the means of %d folds", folds);
    double *many = sum + folds;
    int n = 0;
    for (int i = 0; i < c->of->n; i++) {
        const double x = pleat_results_at(c->of, i, c->score, c->label).x;
        if (isnan(x)) continue;
        sum[c->of->cases[i].fold] += x;
        many[c->of->cases[i].fold] += 1.0;
    }
    for (int fold = 0; fold < folds; fold++)
        if (many[fold] > 0.0) sum[n++] = sum[fold] / many[fold]; /* never ahead of fold */
    const double each = (double)folds / c->of->repeats;
    e->resampled = pleat_interval_resampled(sum, n, 1.0 / (each - 1.0), PLEAT_LEVEL);
    free(sum);
    return PLEAT_OK;
}

static pleat_status estimate(const column *c, const pleat_estimates *all, pleat_estimate *out) {
    const double u = (double)NAN;
    pleat_status status = PLEAT_OK;
    pleat_estimate e = {.mean = u, .sd = u, .least = u, .most = u, .median = u, .penalised = u};
    pleat_summary s;
    const size_t room = (size_t)c->of->n + 1;
    values v = {.x = malloc(room * sizeof(double)),
                .group = malloc(room * sizeof(int)),
                .seen = calloc(room, 1)};
    PLEAT_CHECK_GOTO(status, done, v.x != NULL && v.group != NULL && v.seen != NULL,
                     PLEAT_ERR_MEMORY, "no memory for the statistics of %d cases", c->of->n);
    look(c, all, &e, &v);
    const pleat_observed sample = {v.x, all->group != NULL ? v.group : NULL, v.n};
    const int punishes = pleat_scores_at(c->of->scores, c->score)->penalty != PLEAT_NO_PENALTY &&
                         pleat_scores_apply(c->of->scores, c->score, &c->of->how, c->label);
    if (punishes && v.n_penalised > 0 && v.unknown == 0) e.penalised = v.penalised / v.n_penalised;
    PLEAT_TRY_GOTO(status, done, resample(c, &e));
    PLEAT_TRY_GOTO(status, done, pleat_summarise(v.x, v.n, &s));
    PLEAT_TRY_GOTO(status, done, pleat_interval_t(&sample, PLEAT_LEVEL, &e.t));
    PLEAT_TRY_GOTO(status, done,
                   pleat_interval_bca(&sample, PLEAT_LEVEL, PLEAT_RESAMPLES, all->seed, &e.bca));
    PLEAT_TRY_GOTO(status, done, pleat_interval_median(&sample, PLEAT_LEVEL, &e.between));
    e.mean = s.mean;
    e.sd = s.sd;
    e.median = s.median;
    pleat_sort(v.x, (size_t)v.n);
    e.quartile[0] = v.n > 0 ? pleat_quantile_between(v.x, (size_t)v.n, 0.25) : u;
    e.quartile[1] = v.n > 0 ? pleat_quantile_between(v.x, (size_t)v.n, 0.75) : u;
    if (v.n > 0) e.least = v.x[0];
    if (v.n > 0) e.most = v.x[v.n - 1];
    *out = e;
done:
    free(v.x);
    free(v.group);
    free(v.seen);
    return status;
}

static int columns_of(const pleat_results *r) {
    return (1 + r->folds) * pleat_scores_count(r->scores) * r->classes.n;
}

/* Each by itself, so the threads' number is no part of it. */
static pleat_status fill(pleat_estimates *e) {
    const pleat_results *r = e->results;
    const int scores = pleat_scores_count(r->scores), n = columns_of(r);
    pleat_status status = PLEAT_OK;
#pragma omp parallel for schedule(dynamic)
    for (int k = 0; k < n; k++) {
        const column c = {r, k / (scores * r->classes.n) - 1, k / r->classes.n % scores,
                          k % r->classes.n};
        const pleat_status mine = estimate(&c, e, &e->at[k]);
        if (mine != PLEAT_OK) {
#pragma omp atomic write
            status = mine;
        }
    }
    PLEAT_CHECK(status == PLEAT_OK, status, "no memory for the statistics of %d cases", r->n);
    return PLEAT_OK;
}

/* The groups of cases that group_by makes, over ids[cases]. */
static pleat_status find_patients(pleat_estimates *e, const char *group_by) {
    const pleat_results *r = e->results;
    const char **ids = malloc(((size_t)e->cases + 1) * sizeof *ids);
    int *of_id = malloc(((size_t)e->cases + 1) * sizeof *of_id);
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK_GOTO(status, done, ids != NULL && of_id != NULL, PLEAT_ERR_MEMORY,
                     "no memory to group %d cases", r->n);
    for (int i = 0; i < r->n; i++) ids[e->place[i]] = r->cases[i].id;
    PLEAT_TRY_GOTO(status, done, pleat_folds_groups(ids, e->cases, group_by, of_id, &e->groups));
    for (int i = 0; i < r->n; i++) e->group[i] = of_id[e->place[i]];
done:
    free(of_id);
    free(ids);
    return status;
}

/* A case that was judged several times is one: its group is the case itself. */
static pleat_status find_groups(pleat_estimates *e, const char *group_by) {
    const pleat_results *r = e->results;
    const size_t room = (size_t)r->n + 1;
    e->by_patient = group_by != NULL && group_by[0] != '\0';
    e->place = malloc(room * sizeof *e->place);
    PLEAT_CHECK(e->place != NULL, PLEAT_ERR_MEMORY, "no memory to group %d cases", r->n);
    PLEAT_TRY(pleat_results_places(r, e->place, &e->cases));
    e->groups = e->cases;
    if (!e->by_patient && r->repeats == 1) return PLEAT_OK;
    e->group = malloc(room * sizeof *e->group);
    PLEAT_CHECK(e->group != NULL, PLEAT_ERR_MEMORY, "no memory to group %d cases", r->n);
    memcpy(e->group, e->place, (size_t)r->n * sizeof *e->group);
    return e->by_patient ? find_patients(e, group_by) : PLEAT_OK;
}

pleat_status pleat_estimates_make(const pleat_results *results, const char *group_by, uint64_t seed,
                                  pleat_estimates *out) {
    pleat_estimates e = {.results = results, .seed = seed};
    e.at = calloc((size_t)columns_of(results), sizeof *e.at);
    PLEAT_CHECK(e.at != NULL, PLEAT_ERR_MEMORY, "no memory for the statistics of %d cases",
                results->n);
    pleat_status status = find_groups(&e, group_by);
    if (status == PLEAT_OK) status = fill(&e);
    if (status != PLEAT_OK)
        pleat_estimates_free(&e);
    else
        *out = e;
    return status;
}

void pleat_estimates_free(pleat_estimates *estimates) {
    free(estimates->place);
    free(estimates->group);
    free(estimates->at);
    *estimates = (pleat_estimates){0};
}

const pleat_estimate *pleat_estimates_at(const pleat_estimates *e, int fold, int score, int c) {
    const pleat_results *r = e->results;
    return &e->at[((fold + 1) * pleat_scores_count(r->scores) + score) * r->classes.n + c];
}
