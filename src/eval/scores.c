/* scores.c - the list of the scores' families, and what a list of scores can do. */
#include "scores/families.h"

#include <stddef.h>

static const pleat_score_family *const families[] = {
    &pleat_scores_overlap,
};

const pleat_scores *pleat_scores_all(void) {
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers, indeed */
    static const pleat_scores all = {families, sizeof families / sizeof *families};
    return &all;
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

/* A family's scores of one class: values[n], `step` values apart. */
static pleat_status compute_family(const pleat_score_family *family, const pleat_judged *of,
                                   double *values, int step) {
    void *shared = NULL;
    if (family->prepare != NULL) {
        if (of->pair == NULL) return PLEAT_OK;
        PLEAT_TRY(family->prepare(of, &shared));
    }
    for (int s = 0; s < family->n; s++)
        values[(size_t)s * (size_t)step] = family->score[s].compute(of, shared);
    if (family->release != NULL) family->release(shared);
    return PLEAT_OK;
}

pleat_status pleat_scores_compute(const pleat_scores *scores, const pleat_pair *pair, int classes,
                                  const pleat_counts *counts, double *values) {
    for (int f = 0; f < scores->n; f++) {
        const pleat_score_family *family = scores->family[f];
        for (int c = 0; c < classes; c++)
            PLEAT_TRY(
                compute_family(family, &(pleat_judged){pair, c, counts[c]}, values + c, classes));
        values += (size_t)family->n * (size_t)classes;
    }
    return PLEAT_OK;
}
