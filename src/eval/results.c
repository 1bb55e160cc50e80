/* results.c - results grow by a case, and travel from rank to rank. */
#include "pleat/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t values_of(const pleat_results *r) {
    return (size_t)pleat_scores_count(r->scores) * (size_t)r->classes.n;
}

/* Of a case's one block: its counts, then its values. */
static size_t block_bytes(const pleat_results *r) {
    return (size_t)r->classes.n * sizeof(pleat_counts) + values_of(r) * sizeof(double);
}

pleat_status pleat_results_begin(const pleat_classes *classes, int folds,
                                 const pleat_scores *scores, pleat_results *out) {
    *out = (pleat_results){.scores = scores, .folds = folds, .repeats = 1};
    PLEAT_CHECK(classes->n >= 1, PLEAT_ERR_ARG, "there are no classes to score");
    PLEAT_TRY(pleat_judging_make(classes, PLEAT_SURFACE_DEEPMIND, "", "", PLEAT_LESIONS_OVERLAP,
                                 &out->how));
    return pleat_classes_copy(classes, &out->classes);
}

pleat_status pleat_results_begin_as(const pleat_classes *classes, int folds,
                                    const pleat_judging *how, pleat_results *out) {
    PLEAT_TRY(pleat_results_begin(classes, folds, pleat_scores_asked(how), out));
    out->how = *how;
    return PLEAT_OK;
}

static pleat_status copy_text(char *out, size_t size, const char *text, const char *what) {
    PLEAT_CHECK((size_t)snprintf(out, size, "%s", text) < size, PLEAT_ERR_ARG,
                "the %s '%s' is longer than %zu characters", what, text, size - 1);
    return PLEAT_OK;
}

pleat_status pleat_results_add(pleat_results *results, const char *id, int fold,
                               const char *prediction, const char *reference,
                               pleat_case_result **out) {
    pleat_case_result one = {.fold = fold};
    PLEAT_TRY(copy_text(one.id, sizeof one.id, id, "case's name"));
    PLEAT_TRY(copy_text(one.prediction, sizeof one.prediction, prediction, "path"));
    PLEAT_TRY(copy_text(one.reference, sizeof one.reference, reference, "path"));
    pleat_case_result *more = realloc(results->cases, ((size_t)results->n + 1) * sizeof *more);
    if (more != NULL) results->cases = more;
    one.counts = calloc(1, block_bytes(results));
    if (more == NULL || one.counts == NULL) {
        free(one.counts);
        return PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the scores of case '%s'", id);
    }
    one.values = (double *)(void *)(one.counts + results->classes.n);
    for (size_t v = 0; v < values_of(results); v++) one.values[v] = (double)NAN;
    results->cases[results->n++] = one;
    *out = &results->cases[results->n - 1];
    return PLEAT_OK;
}

double pleat_case_diagonal(const pleat_case_result *one) {
    double squares = 0.0;
    for (int a = 0; a < 3; a++) {
        const double side = one->dim[a] * one->spacing[a];
        squares += side * side;
    }
    return squares > 0.0 ? sqrt(squares) : (double)NAN;
}

pleat_scored pleat_results_at(const pleat_results *results, int i, int s, int c) {
    const pleat_case_result *one = &results->cases[i];
    return (pleat_scored){one->values[(size_t)s * (size_t)results->classes.n + (size_t)c],
                          pleat_metrics_presence(&one->counts[c])};
}

int pleat_results_apart(const pleat_results *results, int i, int c) {
    const pleat_counts *counts = &results->cases[i].counts[c];
    return pleat_metrics_presence(counts) == PLEAT_PRESENT && counts->tp == 0;
}

pleat_results pleat_results_part(const pleat_results *results, int first, int n) {
    pleat_results part = *results;
    part.cases = results->cases + first;
    part.n = n;
    return part;
}

typedef struct judged {
    const char *id;
    int at;
} judged;

static int by_id(const void *a, const void *b) {
    const judged *x = a, *y = b;
    const int order = strcmp(x->id, y->id);
    return order != 0 ? order : x->at - y->at;
}

pleat_status pleat_results_places(const pleat_results *r, int *place, int *n) {
    judged *sorted = malloc(((size_t)r->n + 1) * sizeof *sorted);
    PLEAT_CHECK(sorted != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", r->n);
    for (int i = 0; i < r->n; i++) sorted[i] = (judged){r->cases[i].id, i};
    qsort(sorted, (size_t)r->n, sizeof *sorted, by_id);
    for (int k = 0; k < r->n; k++) { /* the first of the case */
        const int same = r->repeats > 1 && k > 0 && strcmp(sorted[k].id, sorted[k - 1].id) == 0;
        place[sorted[k].at] = same ? place[sorted[k - 1].at] : sorted[k].at;
    }
    free(sorted);
    *n = 0;
    for (int i = 0; i < r->n; i++) place[i] = place[i] < i ? place[place[i]] : (*n)++;
    return PLEAT_OK;
}

/* The mean of n so far, with x. */
static void join(double *mean, int *n, double x) {
    if (isnan(x)) return;
    *mean = *n == 0 ? x : *mean + (x - *mean) / (*n + 1);
    ++*n;
}

/* Adds judgement i to case `at`; many[values] are in each of its means so far. */
static pleat_status merge(const pleat_results *r, int i, int at, int *many, pleat_results *out) {
    const pleat_case_result *from = &r->cases[i];
    pleat_case_result *to = at < out->n ? &out->cases[at] : NULL;
    if (to == NULL) {
        PLEAT_TRY(
            pleat_results_add(out, from->id, from->fold, from->prediction, from->reference, &to));
        /* Added, or the call has failed. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        memcpy(to->dim, from->dim, sizeof to->dim);
        memcpy(to->spacing, from->spacing, sizeof to->spacing);
        to->voxel = from->voxel;
        memcpy(to->counts, from->counts, (size_t)r->classes.n * sizeof *to->counts);
    }
    for (size_t v = 0; v < values_of(r); v++) join(&to->values[v], &many[v], from->values[v]);
    return PLEAT_OK;
}

pleat_status pleat_results_by_case(const pleat_results *results, pleat_results *out) {
    const size_t n = (size_t)results->n, values = values_of(results);
    int *place = malloc((n + 1) * sizeof *place), *many = calloc(n * values + 1, sizeof *many);
    pleat_status status =
        pleat_results_begin(&results->classes, results->folds, results->scores, out);
    if (status == PLEAT_OK && (place == NULL || many == NULL))
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the scores of %zu cases", n);
    out->how = results->how;
    if (status == PLEAT_OK) status = pleat_results_places(results, place, &(int){0});
    for (int i = 0; i < results->n && status == PLEAT_OK; i++)
        status = merge(results, i, place[i], many + (size_t)place[i] * values, out);
    if (status != PLEAT_OK) pleat_results_free(out);
    free(many);
    free(place);
    return status;
}

pleat_status pleat_results_pack(const pleat_results *results, void **bytes, size_t *n) {
    const size_t head = sizeof(pleat_case_result), block = block_bytes(results);
    char *at = malloc((size_t)results->n * (head + block) + 1); /* + 1: never malloc(0) */
    PLEAT_CHECK(at != NULL, PLEAT_ERR_MEMORY, "no memory to send the scores of %d cases",
                results->n);
    *bytes = at;
    *n = (size_t)results->n * (head + block);
    for (int i = 0; i < results->n; i++, at += head + block) {
        memcpy(at, &results->cases[i], head); /* whose two pointers nobody reads */
        memcpy(at + head, results->cases[i].counts, block);
    }
    return PLEAT_OK;
}

pleat_status pleat_results_unpack(const void *bytes, size_t n, pleat_results *results) {
    const size_t head = sizeof(pleat_case_result), block = block_bytes(results);
    PLEAT_CHECK(n % (head + block) == 0, PLEAT_ERR_FORMAT,
                "%zu bytes are no whole cases of %zu bytes", n, head + block);
    for (const char *at = bytes; n > 0; at += head + block, n -= head + block) {
        pleat_case_result sent, *one = NULL;
        memcpy(&sent, at, head);
        PLEAT_TRY(
            pleat_results_add(results, sent.id, sent.fold, sent.prediction, sent.reference, &one));
        for (int a = 0; a < 3; a++) {
            /* Added, or the call has failed. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
            one->dim[a] = sent.dim[a];
            one->spacing[a] = sent.spacing[a];
        }
        one->voxel = sent.voxel;
        memcpy(one->counts, at + head, block);
    }
    return PLEAT_OK;
}

void pleat_results_free(pleat_results *results) {
    for (int i = 0; i < results->n; i++) free(results->cases[i].counts);
    free(results->cases);
    pleat_classes_free(&results->classes);
    *results = (pleat_results){0};
}
