/*
 * explore.c - the numbers and pictures of a data set, out of one pass over its volumes.
 *
 * A check reads the cases, shared out over the ranks; explore_measure.c keeps what is asked of each
 * volume while it is in memory; rank 0 gathers that and makes the whole of it.
 */
#include "explore_impl.h"

#include "pleat/folds.h"
#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- from all ranks to rank 0 ---------------------------------------------------------------- */

static pleat_status gather(explore_work *e, pleat_comm *comm) {
    for (int part = 0; part < EXPLORE_PARTS; part++) {
        void *all = NULL;
        size_t n = 0;
        explore_list *list = &e->list[part];
        PLEAT_TRY(pleat_comm_gather(comm, list->data, list->n, 0, &all, &n));
        free(list->data);
        *list = (explore_list){all, n, n};
    }
    return PLEAT_OK;
}

static explore_lumps lumps_of(explore_work *e) {
    explore_lump *lump = e->list[LUMPS].data;
    const size_t n = e->list[LUMPS].n / sizeof *lump;
    size_t points = 0;
    for (size_t i = 0; i < n; i++) {
        lump[i].first = points;
        points += (size_t)lump[i].points;
    }
    return (explore_lumps){lump, e->list[POINTS].data, n};
}

/* ---- the cases ------------------------------------------------------------------------------- */

static void fill_case(const check_work *w, const check_facts *f, pleat_explored_case *out) {
    const pleat_case_paths *paths = &w->cases[f->at];
    *out = (pleat_explored_case){.channels = f->channels, .fold = paths->fold};
    if (paths->group == NULL) out->group = f->at;
    while (out->group < f->at && !check_one_group(w, out->group, f->at)) out->group++;
    (void)snprintf(out->id, sizeof out->id, "%s", paths->id);
    memcpy(out->dim, f->image.dim, sizeof out->dim);
    memcpy(out->crop, f->image.dim, sizeof out->crop);
    memcpy(out->spacing, f->image.spacing, sizeof out->spacing);
    out->voxel = pleat_geometry_voxel(&f->image);
    memcpy(out->axes, f->axes, sizeof out->axes);
    memcpy(out->type, f->type, sizeof out->type);
}

static void fill_seen(const check_work *w, const check_facts *facts, const explore_list *list,
                      pleat_exploration *out) {
    const explore_seen *seen = list->data;
    for (size_t i = 0; i < list->n / sizeof *seen; i++) {
        const check_facts *f = &facts[seen[i].at];
        pleat_explored_case *c = &out->of[seen[i].at];
        c->labelled = seen[i].labelled;
        c->measured = f->measured && (c->labelled || w->cases[f->at].label == NULL);
        out->measured += c->measured;
        if (c->labelled) memcpy(c->count, f->count, sizeof c->count);
        for (int a = 0; a < 3 && seen[i].high[0] >= 0; a++)
            c->crop[a] = seen[i].high[a] - seen[i].low[a] + 1;
    }
}

static pleat_status fill_values(const explore_lumps *lumps, pleat_exploration *out) {
    double *weight = malloc((lumps->n + 1) * sizeof *weight);
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK(weight != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", out->n);
    for (int i = 0; i < out->n; i++)
        for (int c = 0; c < out->of[i].channels && c < PLEAT_MAX_CHANNELS; c++) {
            for (size_t k = 0; k < lumps->n; k++)
                weight[k] = lumps->lump[k].at == i && lumps->lump[k].channel == c ? 1.0 : 0.0;
            PLEAT_TRY_GOTO(status, done,
                           explore_mix(lumps, weight, &out->of[i].channel[c], NULL, NULL));
        }
done:
    free(weight);
    return status;
}

static pleat_status fill_cases(const check_work *w, const check_facts *facts, explore_work *e,
                               const explore_lumps *lumps) {
    pleat_exploration *out = e->out;
    out->n = w->n;
    out->of = calloc((size_t)w->n + 1, sizeof *out->of);
    PLEAT_CHECK(out->of != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", w->n);
    for (int i = 0; i < w->n; i++) fill_case(w, &facts[i], &out->of[i]);
    fill_seen(w, facts, &e->list[SEEN], out);
    return fill_values(lumps, out);
}

/* ---- what they have in common ---------------------------------------------------------------- */

static pleat_status name_channels(const char *data, pleat_exploration *out) {
    char **names = NULL;
    int n = 0, times[PLEAT_MAX_CHANNELS + 1] = {0};
    for (int i = 0; i < out->n; i++)
        if (out->of[i].measured) times[out->of[i].channels]++;
    for (int c = 1; c <= PLEAT_MAX_CHANNELS; c++)
        if (times[c] > times[out->channels]) out->channels = c;
    if (pleat_layout_channels(data, &names, &n) != PLEAT_OK) return PLEAT_OK; /* a finding */
    for (int c = 0; c < n && c < PLEAT_MAX_CHANNELS; c++)
        (void)snprintf(out->channel_name[c], sizeof out->channel_name[c], "%s", names[c]);
    pleat_layout_names_free(names, n);
    return PLEAT_OK;
}

/* Those of the configuration or dataset.json, else made of the labels that are there. */
static pleat_status name_classes(const pleat_classes *known, pleat_exploration *out) {
    char text[PLEAT_CLASSES_BYTES] = "background";
    size_t used = strlen(text);
    out->named = known->n > 0;
    if (out->named) return pleat_classes_copy(known, &out->classes);
    for (int v = 1; v < PLEAT_IGNORED; v++) {
        int there = 0;
        for (int i = 0; i < out->n; i++) there |= out->of[i].count[v] > 0;
        if (there && used < sizeof text - 32)
            used += (size_t)snprintf(text + used, sizeof text - used, ",label %d=%d", v, v);
    }
    return pleat_classes_parse(text, &out->classes);
}

/* use[n]: it is measured, as the most are, and the fold trains on it. */
static pleat_status choose_cases(const check_work *w, int fold, const pleat_exploration *of,
                                 int *use) {
    const pleat_config *c = w->config;
    pleat_folds folds = {0};
    for (int i = 0; i < w->n; i++)
        use[i] = of->of[i].measured && of->of[i].channels == of->channels;
    if (fold < 0) return PLEAT_OK;
    pleat_status status = pleat_cases_folds(c, w->cases, w->n, c->splits, &folds);
    if (status == PLEAT_OK && fold >= folds.k)
        status = PLEAT_FAIL(PLEAT_ERR_ARG, "fold %d: there are folds 0 to %d", fold, folds.k - 1);
    for (int i = 0; status == PLEAT_OK && i < w->n; i++)
        use[i] = use[i] && !pleat_folds_holds_out(&folds, fold, i);
    pleat_folds_free(&folds);
    return status;
}

/* ---- pictures -------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b) {
    const pleat_explored_picture *x = a, *y = b;
    return x->at != y->at ? x->at - y->at : x->channel - y->channel;
}

static pleat_status fill_pictures(const explore_work *e) {
    pleat_exploration *out = e->out;
    const explore_plane *cut = e->list[TILES].data;
    const uint8_t *pixels = e->list[PIXELS].data;
    const size_t n = e->list[TILES].n / sizeof *cut / PLEAT_PLANES;
    out->picture = calloc(n + 1, sizeof *out->picture);
    PLEAT_CHECK(out->picture != NULL, PLEAT_ERR_MEMORY, "no memory for the pictures");
    for (size_t i = 0; i < n * PLEAT_PLANES; i++, cut++) {
        pleat_explored_picture *p = &out->picture[i / PLEAT_PLANES];
        pleat_plane *plane = &p->plane[cut->name];
        const size_t half = (size_t)cut->plane.width * (size_t)cut->plane.height;
        p->at = cut->at;
        p->channel = cut->channel;
        p->slice[cut->name] = cut->slice;
        *plane = cut->plane;
        plane->grey = malloc(2 * half);
        out->pictures = (int)(i / PLEAT_PLANES) + 1;
        PLEAT_CHECK(plane->grey != NULL, PLEAT_ERR_MEMORY, "no memory for the pictures");
        memcpy(plane->grey, pixels, 2 * half);
        plane->labels = plane->grey + half;
        pixels += 2 * half;
    }
    if (n > 1) qsort(out->picture, n, sizeof *out->picture, by_place);
    return PLEAT_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static pleat_status build(explore_work *e, const check_work *w, const check_facts *facts) {
    pleat_exploration *out = e->out;
    const explore_lumps lumps = lumps_of(e);
    int *use = calloc((size_t)w->n + 1, sizeof *use);
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK(use != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", w->n);
    PLEAT_TRY_GOTO(status, done, fill_cases(w, facts, e, &lumps));
    PLEAT_TRY_GOTO(status, done, name_channels(w->config->data, out));
    PLEAT_TRY_GOTO(status, done, name_classes(w->classes, out));
    PLEAT_TRY_GOTO(status, done, choose_cases(w, e->how->fold, out, use));
    PLEAT_TRY_GOTO(status, done, explore_classes(&lumps, use, out));
    PLEAT_TRY_GOTO(status, done, explore_fingerprint(&lumps, use, out));
    PLEAT_TRY_GOTO(status, done, explore_histograms(&lumps, use, out));
    status = fill_pictures(e);
done:
    free(use);
    return status;
}

static pleat_status all_cases(void *self, const check_work *w, pleat_comm *comm,
                              const check_facts *facts) {
    explore_work *e = self;
    PLEAT_TRY(gather(e, comm));
    return comm->rank == 0 ? build(e, w, facts) : PLEAT_OK;
}

/* Without a case that could be read there is nothing to tell but why. */
static pleat_status refuse_none(const pleat_config *config, const pleat_exploration *out) {
    if (out->measured > 0) return PLEAT_OK;
    for (int i = 0; i < out->check.n; i++) {
        const pleat_finding *f = &out->check.finding[i];
        if (pleat_check_kinds[f->kind].severity == PLEAT_ERROR)
            return PLEAT_FAIL(PLEAT_ERR_DATA, "no case of '%s' can be read; %s%s%s", config->data,
                              f->field, f->field[0] != '\0' ? ": " : "", f->text);
    }
    return PLEAT_FAIL(PLEAT_ERR_DATA, "'%s' has no cases", config->data);
}

pleat_status pleat_explore(pleat_comm *comm, const pleat_config *config,
                           const pleat_explore_how *how, pleat_exploration *out) {
    static const pleat_check_how checking = {.threads = 1};
    static const pleat_prep_steps as_it_is;
    pleat_config c = *config;
    c.prep.resample = 0; /* what preprocessing would leave is not asked */
    pleat_prep_all_channels(&c.prep, &as_it_is);
    explore_work e = {.how = how, .out = out};
    const check_guest guest = {"explore", &e, explore_image, all_cases};
    *out = (pleat_exploration){0};
    pleat_status status = check_with(comm, &c, &checking, &guest, &out->check);
    for (int part = 0; part < EXPLORE_PARTS; part++) free(e.list[part].data);
    if (status == PLEAT_OK)
        status = pleat_comm_agree(comm, comm->rank == 0 ? refuse_none(config, out) : PLEAT_OK);
    if (status != PLEAT_OK) pleat_exploration_free(out);
    return status;
}

void pleat_exploration_free(pleat_exploration *e) {
    for (int i = 0; i < e->pictures; i++)
        for (int name = 0; name < PLEAT_PLANES; name++)
            pleat_plane_free(&e->picture[i].plane[name]);
    for (int c = 0; c < PLEAT_MAX_CHANNELS; c++) free(e->histogram[c].of_class);
    free(e->picture);
    free(e->of_class);
    free(e->of);
    pleat_classes_free(&e->classes);
    pleat_fingerprint_free(&e->fingerprint);
    pleat_check_free(&e->check);
    *e = (pleat_exploration){0};
}
