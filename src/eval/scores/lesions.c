/*
 * lesions.c - the connected parts of a class, each found or not.
 *
 * A lesion of the truth is found when at least a share of its voxels, the overlap, is predicted;
 * one of the prediction is right when at least that share of it is in the truth. One voxel at the
 * least must be shared. So a lesion found in two pieces is found once, and neither piece is false.
 *
 *   LesFound, LesMissed  of the truth      LesFalse  of the prediction
 *   LesSens  LesFound / lesions of the truth     LesPrec  right / lesions of the prediction
 *   LesF1    2 LesSens LesPrec / (LesSens + LesPrec); undefined where there are none in either
 *
 * After Commowick et al., Scientific Reports 8 (2018).
 */
#include "families.h"

#include "pleat/components.h"
#include "pleat/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct tally {
    int lesions[2], met[2]; /* of truth and prediction: all, and found or right */
} tally;

static pleat_status count_side(const pleat_judged *of, int side, tally *t) {
    const uint8_t *const map[2] = {of->pair->truth, of->pair->predicted};
    pleat_component *part = NULL;
    PLEAT_TRY(pleat_components_find(map[side], map[!side], of->pair->dim, of->label, &part,
                                    &t->lesions[side]));
    for (int i = 0; i < t->lesions[side]; i++)
        t->met[side] += part[i].shared > 0 &&
                        (double)part[i].shared >= of->how->overlap * (double)part[i].voxels;
    free(part);
    return PLEAT_OK;
}

static int has_lesions(const pleat_judging *how, int label) { return how->lesions[label]; }

static pleat_status count(const pleat_judged *of, void **shared) {
    tally *t = calloc(1, sizeof *t);
    PLEAT_CHECK(t != NULL, PLEAT_ERR_MEMORY, "no memory to count lesions");
    pleat_status status = count_side(of, 0, t);
    if (status == PLEAT_OK) status = count_side(of, 1, t);
    if (status != PLEAT_OK) {
        free(t);
        return status;
    }
    *shared = t;
    return PLEAT_OK;
}

static double found(const pleat_judged *of, const void *shared) {
    const tally *t = shared;
    (void)of;
    return t->met[0];
}

static double missed(const pleat_judged *of, const void *shared) {
    const tally *t = shared;
    (void)of;
    return t->lesions[0] - t->met[0];
}

static double false_ones(const pleat_judged *of, const void *shared) {
    const tally *t = shared;
    (void)of;
    return t->lesions[1] - t->met[1];
}

static double share(const tally *t, int side) {
    return t->lesions[side] > 0 ? (double)t->met[side] / t->lesions[side] : (double)NAN;
}

static double sensitivity(const pleat_judged *of, const void *shared) {
    (void)of;
    return share(shared, 0);
}

static double precision(const pleat_judged *of, const void *shared) {
    (void)of;
    return share(shared, 1);
}

static double f1(const pleat_judged *of, const void *shared) {
    const double s = share(shared, 0), p = share(shared, 1);
    (void)of;
    if (isnan(s) && isnan(p)) return (double)NAN;
    return s > 0.0 && p > 0.0 ? 2.0 * s * p / (s + p) : 0.0;
}

static const pleat_score rows[] = {
    {.name = "LesFound",
     .title = "Lesions of the truth that are found (LesFound)",
     .unit = "lesions",
     .better = PLEAT_NEITHER_IS_BETTER,
     .compute = found},
    {.name = "LesMissed",
     .title = "Lesions of the truth that are missed (LesMissed)",
     .unit = "lesions",
     .better = PLEAT_LOWER_IS_BETTER,
     .compute = missed},
    {.name = "LesFalse",
     .title = "Lesions of the prediction that are none (LesFalse)",
     .unit = "lesions",
     .better = PLEAT_LOWER_IS_BETTER,
     .compute = false_ones},
    {.name = "LesSens",
     .title = "Sensitivity by lesions (LesSens)",
     .unit = "",
     .better = PLEAT_HIGHER_IS_BETTER,
     .compute = sensitivity},
    {.name = "LesPrec",
     .title = "Precision by lesions (LesPrec)",
     .unit = "",
     .better = PLEAT_HIGHER_IS_BETTER,
     .penalty = PLEAT_PENALTY_NOUGHT,
     .compute = precision},
    {.name = "LesF1",
     .title = "F1 by lesions (LesF1)",
     .unit = "",
     .brief = 1,
     .better = PLEAT_HIGHER_IS_BETTER,
     .penalty = PLEAT_PENALTY_NOUGHT,
     .compute = f1},
};

static void define(const pleat_score *score, const pleat_judging *how, int label, char *out,
                   size_t size) {
    char number[PLEAT_NUMBER_BYTES];
    (void)score;
    (void)label;
    (void)snprintf(out, size, "26 neighbours, overlap %s", pleat_number(how->overlap, 1, number));
}

const pleat_score_family pleat_scores_lesions = {
    .score = rows,
    .n = sizeof rows / sizeof *rows,
    .applies = has_lesions,
    .prepare = count,
    .release = free,
    .define = define,
};
