/* fingerprint.c - nnU-Net's fingerprint, from what an exploration keeps of each case. */
#include "explore_impl.h"

#include "pleat/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const double LOWEST_OF_OTHERS = -200.0; /* what goes lower in most cases is CT */

const char *pleat_modality_name(pleat_modality modality) {
    return modality == PLEAT_MODALITY_CT ? "CT" : "other";
}

static int is_foreground(const explore_lump *l, const int *use, const pleat_classes *classes) {
    return use[l->at] && l->label != 0 && (classes->ignore == 0 || l->label != classes->ignore);
}

static pleat_modality modality_of(const pleat_exploration *e, const int *use, int channel) {
    int low = 0, n = 0;
    if (e->channel_name[channel][0] != '\0')
        return strcasecmp(e->channel_name[channel], "CT") == 0 ? PLEAT_MODALITY_CT
                                                               : PLEAT_MODALITY_OTHER;
    for (int i = 0; i < e->n; i++) {
        n += use[i];
        low += use[i] && e->of[i].channel[channel].min < LOWEST_OF_OTHERS;
    }
    return 2 * low > n ? PLEAT_MODALITY_CT : PLEAT_MODALITY_OTHER;
}

static pleat_status measure_channel(const explore_lumps *lumps, const int *use, double *weight,
                                    int channel, pleat_exploration *e) {
    pleat_fingerprint *f = &e->fingerprint;
    pleat_explored_values v;
    for (size_t i = 0; i < lumps->n; i++) {
        const explore_lump *l = &lumps->lump[i];
        const int in = l->channel == channel && is_foreground(l, use, &e->classes);
        weight[i] = in ? 1.0 / (double)f->of[l->at].foreground : 0.0;
    }
    PLEAT_TRY(explore_mix(lumps, weight, &v, NULL, NULL));
    pleat_fingerprint_channel *out = &f->channel[channel];
    *out = (pleat_fingerprint_channel){.modality = modality_of(e, use, channel),
                                       .mean = v.mean,
                                       .sd = v.sd,
                                       .min = v.min,
                                       .max = v.max,
                                       .median = v.quantile[PLEAT_EXPLORE_QUANTILES / 2],
                                       .low = v.quantile[0],
                                       .high = v.quantile[PLEAT_EXPLORE_QUANTILES - 1]};
    memcpy(out->name, e->channel_name[channel], sizeof out->name);
    for (int i = 0; i < e->n; i++) out->cases += use[i] && f->of[i].foreground > 0;
    return PLEAT_OK;
}

/* The cases at their places among all; those that do not count are taken out by `close_up`. */
static void fill_cases(const explore_lumps *lumps, const int *use, pleat_exploration *e) {
    pleat_fingerprint *f = &e->fingerprint;
    for (int i = 0; i < e->n; i++) {
        pleat_fingerprint_case *c = &f->of[i];
        memcpy(c->id, e->of[i].id, sizeof c->id);
        memcpy(c->dim, e->of[i].dim, sizeof c->dim);
        memcpy(c->crop, e->of[i].crop, sizeof c->crop);
        memcpy(c->spacing, e->of[i].spacing, sizeof c->spacing);
    }
    for (size_t i = 0; i < lumps->n; i++)
        if (lumps->lump[i].channel == 0 && is_foreground(&lumps->lump[i], use, &e->classes))
            f->of[lumps->lump[i].at].foreground += lumps->lump[i].n;
}

static pleat_status close_up(const int *use, pleat_exploration *e) {
    pleat_fingerprint *f = &e->fingerprint;
    double *kept = malloc(((size_t)e->n + 1) * sizeof *kept);
    PLEAT_CHECK(kept != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", e->n);
    for (int i = 0; i < e->n; i++) {
        if (!use[i]) continue;
        kept[f->n] = (double)pleat_voxels(f->of[i].crop) / (double)pleat_voxels(f->of[i].dim);
        f->of[f->n++] = f->of[i];
    }
    pleat_sort(kept, (size_t)f->n);
    f->kept = f->n > 0 ? pleat_median(kept, (size_t)f->n) : NAN;
    free(kept);
    return PLEAT_OK;
}

pleat_status explore_fingerprint(const explore_lumps *lumps, const int *use, pleat_exploration *e) {
    pleat_fingerprint *f = &e->fingerprint;
    double *weight = malloc((lumps->n + 1) * sizeof *weight);
    f->of = calloc((size_t)e->n + 1, sizeof *f->of);
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK_GOTO(status, done, weight != NULL && f->of != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %d cases", e->n);
    f->channels = e->channels;
    fill_cases(lumps, use, e);
    for (int c = 0; c < f->channels; c++)
        PLEAT_TRY_GOTO(status, done, measure_channel(lumps, use, weight, c, e));
    PLEAT_TRY_GOTO(status, done, close_up(use, e));
    status = pleat_classes_copy(&e->classes, &f->classes);
done:
    free(weight);
    return status;
}

/* The first finding for which a case does not count. */
static pleat_status refuse_unread(const pleat_exploration *e) {
    for (int i = 0; i < e->check.n; i++) {
        const pleat_finding *f = &e->check.finding[i];
        const pleat_check_kind *kind = &pleat_check_kinds[f->kind];
        if (kind->severity == PLEAT_ERROR && f->at >= 0 &&
            (!e->of[f->at].measured || e->of[f->at].channels != e->channels))
            return PLEAT_FAIL(PLEAT_ERR_DATA, "case '%s': '%s': %s%s%s", f->id, f->field, f->text,
                              kind->cure[0] != '\0' ? "; " : "", kind->cure);
    }
    return PLEAT_OK;
}

pleat_status pleat_fingerprint_find(pleat_comm *comm, const pleat_config *config, int fold,
                                    pleat_fingerprint *out) {
    const pleat_explore_how how = {.fold = fold};
    pleat_exploration e;
    *out = (pleat_fingerprint){0};
    PLEAT_TRY(pleat_explore(comm, config, &how, &e));
    const pleat_status status = pleat_comm_agree(comm, refuse_unread(&e));
    if (status == PLEAT_OK) {
        *out = e.fingerprint;
        e.fingerprint = (pleat_fingerprint){0};
    }
    pleat_exploration_free(&e);
    return status;
}

void pleat_fingerprint_free(pleat_fingerprint *fingerprint) {
    free(fingerprint->of);
    pleat_classes_free(&fingerprint->classes);
    *fingerprint = (pleat_fingerprint){0};
}
