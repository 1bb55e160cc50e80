/* scores.c - the list of the scores' families, and what a list of scores can do. */
#include "scores/families.h"

#include <stddef.h>
#include <stdio.h>

static const pleat_score_family *const families[] = {
    &pleat_scores_overlap, &pleat_scores_volume, &pleat_scores_surface,
    &pleat_scores_lesions, /* the last: it is left out where no class has lesions */
};

/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers, indeed */
enum { FAMILIES = sizeof families / sizeof *families };

const pleat_scores *pleat_scores_all(void) {
    static const pleat_scores all = {families, FAMILIES};
    return &all;
}

const pleat_scores *pleat_scores_asked(const pleat_judging *how) {
    static const pleat_scores without_lesions = {families, FAMILIES - 1};
    return how->any_lesions ? pleat_scores_all() : &without_lesions;
}

int pleat_scores_count(const pleat_scores *scores) {
    int count = 0;
    for (int f = 0; f < scores->n; f++) count += scores->family[f]->n;
    return count;
}

const pleat_score_family *pleat_scores_family(const pleat_scores *scores, int i) {
    int f = 0;
    while (i >= scores->family[f]->n) i -= scores->family[f++]->n;
    return scores->family[f];
}

const pleat_score *pleat_scores_at(const pleat_scores *scores, int i) {
    int f = 0;
    while (i >= scores->family[f]->n) i -= scores->family[f++]->n;
    return &scores->family[f]->score[i];
}

int pleat_scores_role(const pleat_scores *scores, pleat_role role) {
    for (int s = 0; s < pleat_scores_count(scores); s++)
        if (pleat_scores_at(scores, s)->role == role) return s;
    return -1;
}

/* A family's scores of one class: values[n], `step` values apart. */
static pleat_status compute_family(const pleat_score_family *family, const pleat_judged *of,
                                   double *values, int step) {
    void *shared = NULL;
    if (family->applies != NULL && !family->applies(of->how, of->label)) return PLEAT_OK;
    if (family->prepare != NULL) {
        if (of->pair == NULL) return PLEAT_OK;
        PLEAT_TRY(family->prepare(of, &shared));
    }
    for (int s = 0; s < family->n; s++)
        values[(size_t)s * (size_t)step] = family->score[s].compute(of, shared);
    if (family->release != NULL) family->release(shared);
    return PLEAT_OK;
}

int pleat_scores_apply(const pleat_scores *scores, int i, const pleat_judging *how, int label) {
    const pleat_score_family *family = pleat_scores_family(scores, i);
    return family->applies == NULL || family->applies(how, label);
}

const char *pleat_scores_define(const pleat_scores *scores, int i, const pleat_judging *how,
                                int label, char out[PLEAT_DEFINITION_BYTES]) {
    const pleat_score_family *family = pleat_scores_family(scores, i);
    const pleat_score *score = pleat_scores_at(scores, i);
    out[0] = '\0';
    if (score->what != NULL)
        (void)snprintf(out, PLEAT_DEFINITION_BYTES, "%s", score->what);
    else if (family->define != NULL)
        family->define(score, how, label, out, PLEAT_DEFINITION_BYTES);
    return out;
}

pleat_status pleat_scores_compute(const pleat_scores *scores, const pleat_judging *how,
                                  const pleat_pair *pair, int classes, const pleat_counts *counts,
                                  double *values) {
    for (int f = 0; f < scores->n; f++) {
        const pleat_score_family *family = scores->family[f];
        for (int c = 0; c < classes; c++)
            PLEAT_TRY(compute_family(family, &(pleat_judged){how, pair, c, counts[c]}, values + c,
                                     classes));
        values += (size_t)family->n * (size_t)classes;
    }
    return PLEAT_OK;
}
