/*
 * blend.c - the mean probabilities of models that may differ in network and preprocessing, and how
 * unsure they are.
 *
 *   each kind of model, or for their disagreement each model -> probabilities on its grid
 *   one preprocessing: averaged on that grid; several: brought to the native grid first
 *   argmax -> labels; the mean and the maps -> the native grid
 *
 * Where all models have one preprocessing the labels are those of pleat_predictor_source, whatever
 * else is asked for.
 */
#include "predictor_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct blend {
    const pleat_predictor *p;
    int wants, classes;
    int dim[3]; /* of the grid that is averaged on */
    double spacing[3];
    int n;        /* models so far */
    float *mean;  /* [dim, K]: sum over them; NULL before the first */
    float *inner; /* [dim]: sum of their own entropies; NULL: not asked for */
} blend;

static double term_of(double p) { return p > 0.0 ? -p * log(p) : 0.0; }

/* In nats, of K probabilities, or of K regions together, each of which is or is not. */
static double entropy_of(const blend *b, const float *probs) {
    double sum = 0.0;
    for (int c = 0; c < b->classes; c++) {
        const double p = (double)probs[c];
        sum += term_of(p) + (b->p->of_regions ? term_of(1.0 - p) : 0.0);
    }
    return sum > 0.0 ? sum : 0.0;
}

/* Adds probs [dim, K], the mean of n models; takes them over. */
static void add(blend *b, float *probs, int n) {
    const size_t voxels = pleat_voxels(b->dim), classes = (size_t)b->classes;
    const float weight = (float)n;
#pragma omp parallel for schedule(static)
    for (size_t v = 0; v < voxels; v++) {
        float *mine = probs + v * classes;
        if (b->inner != NULL) b->inner[v] += weight * (float)entropy_of(b, mine);
        for (size_t c = 0; c < classes; c++)
            mine[c] = weight * mine[c] + (b->mean != NULL ? b->mean[v * classes + c] : 0.0F);
    }
    free(b->mean);
    b->mean = probs;
    b->n += n;
}

/* The grid of the first image, or the native one. */
static pleat_status begin(blend *b, const pleat_image *image, const pleat_geometry *native) {
    memcpy(b->dim, b->p->one_grid ? image->dim : native->dim, sizeof b->dim);
    memcpy(b->spacing, b->p->one_grid ? image->spacing : native->spacing, sizeof b->spacing);
    if ((b->wants & PLEAT_WANT_UNCERTAINTY) == 0) return PLEAT_OK;
    b->inner = calloc(pleat_voxels(b->dim), sizeof *b->inner);
    PLEAT_CHECK(b->inner != NULL, PLEAT_ERR_MEMORY, "no memory for the entropies of %zu voxels",
                pleat_voxels(b->dim));
    return PLEAT_OK;
}

/* nets[n] of a kind, together. */
static pleat_status run_nets(blend *b, const pleat_kind *kind, pleat_net *const *nets, int n,
                             const pleat_seen *seen, const pleat_geometry *native) {
    const pleat_predict_config config = pleat_kind_predicts(kind);
    float *probs = NULL;
    PLEAT_TRY(pleat_predict_probabilities(&config, nets, n, &seen->source, &probs));
    if (!b->p->one_grid) {
        float *there = NULL;
        const pleat_status status = pleat_prep_unresample_values(
            &kind->prep, probs, seen->image.dim, b->classes, native, 0, &there);
        free(probs);
        PLEAT_TRY(status);
        probs = there;
    }
    add(b, probs, n);
    return PLEAT_OK;
}

static pleat_status run_kind(blend *b, const pleat_kind *kind, const pleat_seen *seen,
                             const pleat_geometry *native) {
    if (b->inner == NULL) return run_nets(b, kind, kind->nets, kind->n, seen, native);
    for (int i = 0; i < kind->n; i++) PLEAT_TRY(run_nets(b, kind, &kind->nets[i], 1, seen, native));
    return PLEAT_OK;
}

static pleat_status run_all(blend *b, const pleat_case_paths *paths, pleat_geometry *native) {
    const pleat_predictor *p = b->p;
    pleat_status status = PLEAT_OK;
    pleat_seen seen = {0};
    for (int k = 0; k < p->kinds; k++) {
        const pleat_kind *kind = p->kind[k];
        if (k == 0 || strcmp(kind->preprocessing, p->kind[k - 1]->preprocessing) != 0) {
            pleat_seen_free(&seen);
            PLEAT_TRY_GOTO(status, done, pleat_seen_load(kind, paths, &seen, native));
        }
        if (k == 0) PLEAT_TRY_GOTO(status, done, begin(b, &seen.image, native));
        PLEAT_TRY_GOTO(status, done, run_kind(b, kind, &seen, native));
    }
done:
    pleat_seen_free(&seen);
    return status;
}

/* --- what comes of the sums ------------------------------------------------------------------- */

/* From the grid that was averaged on to the native one. */
static const pleat_prep_config *leads_back(const blend *b) {
    static const pleat_prep_config stays = {.orient = PLEAT_ORIENT_NONE};
    return b->p->one_grid ? &b->p->kind[0]->prep : &stays;
}

static pleat_status make_label(const blend *b, const pleat_geometry *native, pleat_label *out) {
    pleat_label label = {0};
    PLEAT_TRY(pleat_label_make(b->dim, b->spacing, &label));
    const size_t voxels = pleat_voxels(b->dim);
    pleat_status status = PLEAT_OK;
    if (b->p->of_regions)
        pleat_region_labels(b->mean, voxels, b->classes, 0.5F * (float)b->n, b->p->writes,
                            label.data);
    else
        status = pleat_argmax(b->mean, voxels, b->classes, label.data);
    if (status == PLEAT_OK) status = pleat_prep_unresample(leads_back(b), &label, native, out);
    if (status == PLEAT_OK)
        pleat_labels_leave(&b->p->kind[0]->prep.labels, pleat_voxels(out->dim), out->data);
    pleat_label_free(&label);
    return status;
}

static pleat_status to_native(const blend *b, const float *values, int n,
                              const pleat_geometry *native, pleat_image *out) {
    float *made = NULL;
    PLEAT_TRY(pleat_prep_unresample_values(leads_back(b), values, b->dim, n, native, 1, &made));
    *out = (pleat_image){.channels = n, .data = made};
    memcpy(out->dim, native->dim, sizeof out->dim);
    memcpy(out->spacing, native->spacing, sizeof out->spacing);
    return PLEAT_OK;
}

/* b->inner becomes the mutual information. */
static pleat_status make_maps(blend *b, const pleat_geometry *native, pleat_prediction *out) {
    const size_t voxels = pleat_voxels(b->dim);
    float *entropy = malloc(voxels * sizeof *entropy);
    PLEAT_CHECK(entropy != NULL, PLEAT_ERR_MEMORY, "no memory for the entropies of %zu voxels",
                voxels);
#pragma omp parallel for schedule(static)
    for (size_t v = 0; v < voxels; v++) {
        entropy[v] = (float)entropy_of(b, b->mean + v * (size_t)b->classes);
        b->inner[v] = fmaxf(entropy[v] - b->inner[v] / (float)b->n, 0.0F);
        if (b->n == 1) b->inner[v] = 0.0F; /* of one model exactly */
    }
    pleat_status status = to_native(b, entropy, 1, native, &out->entropy);
    if (status == PLEAT_OK) status = to_native(b, b->inner, 1, native, &out->information);
    free(entropy);
    return status;
}

static pleat_status finish(blend *b, const pleat_geometry *native, pleat_prediction *out) {
    const size_t values = pleat_voxels(b->dim) * (size_t)b->classes;
    PLEAT_CHECK(b->mean != NULL, PLEAT_ERR_ARG, "no model to predict with");
    PLEAT_TRY(make_label(b, native, &out->label)); /* of the sum: as windows are labelled */
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < values; i++) b->mean[i] /= (float)b->n;
    if (b->inner != NULL) PLEAT_TRY(make_maps(b, native, out));
    if ((b->wants & PLEAT_WANT_PROBABILITIES) == 0) return PLEAT_OK;
    return to_native(b, b->mean, b->classes, native, &out->probabilities);
}

pleat_status pleat_blend_case(const pleat_predictor *p, const pleat_case_paths *paths, int wants,
                              pleat_prediction *out, pleat_geometry *native) {
    blend b = {.p = p, .wants = wants, .classes = p->kind[0]->network.classes};
    pleat_prediction made = {0};
    pleat_status status = run_all(&b, paths, native);
    if (status == PLEAT_OK) status = finish(&b, native, &made);
    free(b.mean);
    free(b.inner);
    if (status == PLEAT_OK)
        *out = made;
    else
        pleat_prediction_free(&made);
    return status;
}

void pleat_blend_needs(const pleat_predictor *p, int wants, int *stored, int *native) {
    const int probs = p->kind[0]->network.classes * (int)sizeof(float), value = sizeof(float);
    const int maps = (wants & PLEAT_WANT_UNCERTAINTY) != 0;
    const int passes = maps ? p->models : p->kinds;
    const int averaged = (passes > 1 ? probs : 0) + 2 * maps * value + 1; /* beside a pass's own */
    *stored = probs + value; /* and the windows' weights */
    *native = 1 + 2 * maps * value + ((wants & PLEAT_WANT_PROBABILITIES) != 0 ? probs : 0);
    if (p->kind[0]->prep.orient != PLEAT_ORIENT_NONE) *native += probs; /* while it is turned */
    if (p->one_grid)
        *stored += averaged;
    else
        *native += probs + averaged;
}
