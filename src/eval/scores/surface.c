/* surface.c - distances between the surfaces of truth and prediction; not of the background. */
#include "families.h"

#include "pleat/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int is_foreground(const pleat_judging *how, int label) {
    (void)how;
    return label > 0;
}

static pleat_status measure(const pleat_judged *of, void **shared) {
    const pleat_judging *how = of->how;
    pleat_surface_distances *d = malloc(sizeof *d);
    PLEAT_CHECK(d != NULL, PLEAT_ERR_MEMORY, "no memory for surface distances");
    const pleat_status status =
        pleat_surface_measure(of->pair, of->label, how->surface, how->tolerance[of->label], d);
    if (status != PLEAT_OK) {
        free(d);
        return status;
    }
    *shared = d;
    return PLEAT_OK;
}

#define VALUE(member)                                                  \
    static double member(const pleat_judged *of, const void *shared) { \
        (void)of;                                                      \
        const pleat_surface_distances *d = shared;                     \
        return d->member;                                              \
    }

VALUE(hd)
VALUE(hd95)
VALUE(assd)
VALUE(masd)
VALUE(nsd)

static const pleat_score rows[] = {
    {.name = "HD",
     .title = "Hausdorff distance (HD)",
     .unit = "mm",
     .better = PLEAT_LOWER_IS_BETTER,
     .penalty = PLEAT_PENALTY_DIAGONAL,
     .compute = hd},
    {.name = "HD95",
     .title = "95th percentile of the surface distances (HD95)",
     .unit = "mm",
     .brief = 1,
     .better = PLEAT_LOWER_IS_BETTER,
     .penalty = PLEAT_PENALTY_DIAGONAL,
     .compute = hd95},
    {.name = "ASSD",
     .title = "Average symmetric surface distance (ASSD)",
     .unit = "mm",
     .better = PLEAT_LOWER_IS_BETTER,
     .penalty = PLEAT_PENALTY_DIAGONAL,
     .compute = assd},
    {.name = "MASD",
     .title = "Mean of the two average surface distances (MASD)",
     .unit = "mm",
     .better = PLEAT_LOWER_IS_BETTER,
     .penalty = PLEAT_PENALTY_DIAGONAL,
     .compute = masd},
    {.name = "NSD",
     .title = "Normalised surface Dice (NSD)",
     .unit = "",
     .brief = 1,
     .better = PLEAT_HIGHER_IS_BETTER,
     .penalty = PLEAT_PENALTY_NOUGHT,
     .compute = nsd},
};

/* "deepmind"; of what has a tolerance "deepmind, 3 mm". */
static void define(const pleat_score *score, const pleat_judging *how, int label, char *out,
                   size_t size) {
    char mm[PLEAT_NUMBER_BYTES];
    if (score->compute == nsd)
        (void)snprintf(out, size, "%s, %s mm", pleat_surface_name(how->surface),
                       pleat_number(how->tolerance[label], 1, mm));
    else
        (void)snprintf(out, size, "%s", pleat_surface_name(how->surface));
}

const pleat_score_family pleat_scores_surface = {
    .score = rows,
    .n = sizeof rows / sizeof *rows,
    .applies = is_foreground,
    .prepare = measure,
    .release = free,
    .define = define,
};
