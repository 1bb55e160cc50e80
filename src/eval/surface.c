/* surface.c - what the distances between two surfaces amount to, by each definition. */
#include "pleat/surface.h"

#include "surface_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PER_CENT 95.0
#define ROUNDING 1e-9 /* of a tolerance */

typedef struct measured { /* the elements of one or both surfaces */
    double *distance;     /* [n] mm */
    double *weight;       /* [n] */
    size_t n;
} measured;

/* --- percentiles ------------------------------------------------------------------------------ */

static uint64_t bits_of(double x) { /* of a number that is not negative: in the same order */
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

#define DIGIT  16
#define DIGITS ((size_t)1 << DIGIT)

/* The least distance at which the weights of it and of all shorter ones reach `share` of 1 of the
 * whole; the largest where rounding lets none reach it. Found digit by digit, from the first. */
static double at_weight(const measured *m, double wanted, double *weights) {
    uint64_t prefix = 0;
    double below = 0.0;
    for (int shift = 64 - DIGIT; shift >= 0; shift -= DIGIT) {
        size_t digit = 0, last = 0;
        memset(weights, 0, DIGITS * sizeof *weights);
        for (size_t i = 0; i < m->n; i++) {
            const uint64_t bits = bits_of(m->distance[i]);
            if (shift + DIGIT < 64 && bits >> (shift + DIGIT) != prefix) continue;
            weights[bits >> shift & (DIGITS - 1)] += m->weight[i];
        }
        for (size_t k = 0; k < DIGITS; k++)
            if (weights[k] > 0.0) last = k;
        while (digit < last && below + weights[digit] < wanted) below += weights[digit++];
        prefix = prefix << DIGIT | digit;
    }
    double found = 0.0;
    memcpy(&found, &prefix, sizeof found);
    return found;
}

static double total(const double *x, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

static double by_area(const measured *m, double *scratch) {
    return at_weight(m, PER_CENT / 100.0 * total(m->weight, m->n), scratch);
}

/* Between the two nearest ranks, as NumPy's percentile and PyTorch's quantile; weights are 1. */
static double by_rank(const measured *m, double *scratch) {
    const double rank = PER_CENT / 100.0 * (double)(m->n - 1), whole = floor(rank);
    const double low = at_weight(m, whole + 1.0, scratch);
    const double high = rank > whole ? at_weight(m, whole + 2.0, scratch) : low;
    return low + (high - low) * (rank - whole);
}

/* --- the definitions -------------------------------------------------------------------------- */

static const struct definition {
    const char *name;
    int corners; /* elements are corners that weigh their area */
    int pooled;  /* the percentile is of both directions together */
    double (*percentile)(const measured *m, double *scratch);
} definitions[] = {
    [PLEAT_SURFACE_DEEPMIND] = {"deepmind", 1, 0, by_area},
    [PLEAT_SURFACE_MONAI] = {"monai", 0, 0, by_rank},
    [PLEAT_SURFACE_MEDPY] = {"medpy", 0, 1, by_rank},
};

const char *pleat_surface_name(int definition) {
    return definition < (int)(sizeof definitions / sizeof *definitions)
               ? definitions[definition].name
               : NULL;
}

typedef struct sums {
    double weight, distance, within, most;
} sums;

static sums sum_up(const measured *m, double tolerance) {
    sums s = {0};
    for (size_t i = 0; i < m->n; i++) {
        s.weight += m->weight[i];
        s.distance += m->weight[i] * m->distance[i];
        if (m->distance[i] <= tolerance * (1.0 + ROUNDING)) s.within += m->weight[i];
        s.most = fmax(s.most, m->distance[i]);
    }
    return s;
}

/* `both`: all elements, those of the truth first; the first `of_truth` are they. */
static void judge(const struct definition *def, const measured *both, size_t of_truth,
                  double tolerance, double *scratch, pleat_surface_distances *out) {
    const measured one[2] = {
        {both->distance, both->weight, of_truth},
        {both->distance + of_truth, both->weight + of_truth, both->n - of_truth}};
    sums s[2];
    for (int side = 0; side < 2; side++) {
        s[side] = sum_up(&one[side], tolerance);
        out->mean[side] = s[side].distance / s[side].weight;
    }
    const double weight = s[0].weight + s[1].weight;
    out->hd = fmax(s[0].most, s[1].most);
    out->hd95 = def->pooled
                    ? def->percentile(both, scratch)
                    : fmax(def->percentile(&one[0], scratch), def->percentile(&one[1], scratch));
    out->assd = (s[0].distance + s[1].distance) / weight;
    out->masd = 0.5 * (out->mean[0] + out->mean[1]);
    out->nsd = (s[0].within + s[1].within) / weight;
}

static pleat_status compare(const pleat_surfaces *s, const double spacing[3],
                            const struct definition *def, double tolerance,
                            pleat_surface_distances *out) {
    pleat_status status = PLEAT_OK;
    const size_t first = s->of[0].n, n = first + s->of[1].n;
    double area[256] = {[1] = 1.0};
    measured both = {calloc(n, sizeof(double)), calloc(n, sizeof(double)), n};
    double *scratch = malloc(DIGITS * sizeof *scratch);
    uint8_t *code = malloc(n);
    PLEAT_CHECK_GOTO(status, done,
                     both.distance != NULL && both.weight != NULL && scratch != NULL &&
                         code != NULL,
                     PLEAT_ERR_MEMORY, "no memory for the distances of %zu surface elements", n);
    PLEAT_TRY_GOTO(
        status, done,
        pleat_surface_distance(s->dim, spacing, &s->of[0], &s->of[1], both.distance, code));
    PLEAT_TRY_GOTO(status, done,
                   pleat_surface_distance(s->dim, spacing, &s->of[1], &s->of[0],
                                          both.distance + first, code + first));
    if (def->corners) pleat_surface_areas(spacing, area);
    for (size_t i = 0; i < n; i++) both.weight[i] = area[code[i]];
    judge(def, &both, first, tolerance, scratch, out);
done:
    free(both.distance);
    free(both.weight);
    free(scratch);
    free(code);
    return status;
}

pleat_status pleat_surface_measure(const pleat_pair *pair, int label, int definition,
                                   double tolerance, pleat_surface_distances *out) {
    const double u = (double)NAN;
    const struct definition *def = &definitions[definition];
    pleat_surfaces surfaces;
    pleat_status status = pleat_surface_elements(pair, label, def->corners, &surfaces);
    const int there = (surfaces.of[0].n > 0) + (surfaces.of[1].n > 0);
    *out = (pleat_surface_distances){{u, u}, u, u, u, u, there == 1 ? 0.0 : u};
    if (status == PLEAT_OK && there == 2)
        status = compare(&surfaces, pair->spacing, def, tolerance, out);
    pleat_surfaces_free(&surfaces);
    return status;
}
