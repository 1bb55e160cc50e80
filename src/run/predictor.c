/* predictor.c - checkpoints to nets, volumes to labels. */
#include "predictor_impl.h"

#include "pleat/checkpoint.h"
#include "pleat/prep.h"
#include "pleat/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pleat_status parse_config(const pleat_checkpoint *c, const char *path, pleat_config *out) {
    pleat_config_defaults(out);
    return pleat_config_parse(c->config, strlen(c->config), path, out);
}

pleat_status pleat_predictor_config_of(const char *path, pleat_config *out) {
    pleat_checkpoint c = {0};
    PLEAT_TRY(pleat_checkpoint_read(path, &c));
    const pleat_status status = parse_config(&c, path, out);
    pleat_checkpoint_free(&c);
    return status;
}

/* What a model predicts by: `config`, or NULL that of its checkpoint, with sets[] over it. */
static pleat_status config_for(const pleat_checkpoint *c, const char *path,
                               const pleat_config *config, const char *const *sets,
                               pleat_config *out) {
    if (config != NULL)
        *out = *config;
    else
        PLEAT_TRY(parse_config(c, path, out));
    for (int i = 0; sets != NULL && sets[i] != NULL; i++)
        PLEAT_TRY(pleat_config_set_predict(sets[i], out));
    PLEAT_TRY(pleat_network_parse(c->network, &out->network));
    return pleat_config_check(out);
}

/* The same patches of an image, merged alike. A batch's size changes no more than last digits. */
static int cut_alike(const pleat_config *a, const pleat_config *b) {
    return memcmp(a->patch, b->patch, sizeof a->patch) == 0 &&
           memcmp(a->overlap, b->overlap, sizeof a->overlap) == 0 && a->pad == b->pad &&
           a->merge == b->merge && pleat_config_mirror(a) == pleat_config_mirror(b);
}

/* What models that predict together have alike: the same classes, of the same images. */
static pleat_status check_together(const char *classes, const pleat_network *network,
                                   const char *path, const char *first_classes,
                                   const pleat_network *first, const char *first_path) {
    PLEAT_CHECK(strcmp(classes, first_classes) == 0 && network->classes == first->classes,
                PLEAT_ERR_DATA,
                "'%s' knows the classes %s, '%s' knows %s; only models of the same classes predict "
                "together",
                path, classes, first_path, first_classes);
    PLEAT_CHECK(network->channels == first->channels, PLEAT_ERR_DATA,
                "'%s' was trained on images of %d channels, '%s' on %d; only models of the same "
                "images predict together",
                path, network->channels, first_path, first->channels);
    return PLEAT_OK;
}

pleat_status pleat_predictor_check_alike(const char *const *paths, int n) {
    char classes[PLEAT_CLASSES_BYTES] = "";
    pleat_network first = {0};
    pleat_status status = PLEAT_OK;
    for (int i = 0; i < n && status == PLEAT_OK; i++) {
        pleat_checkpoint c = {0};
        pleat_network network;
        PLEAT_TRY(pleat_checkpoint_learnt(paths[i], &c));
        status = pleat_network_parse(c.network, &network);
        if (i == 0 && status == PLEAT_OK) {
            (void)snprintf(classes, sizeof classes, "%s", c.classes);
            first = network;
        }
        if (status == PLEAT_OK)
            status = check_together(c.classes, &network, paths[i], classes, &first, paths[0]);
        pleat_checkpoint_free(&c);
    }
    return status;
}

static pleat_status make_net(const pleat_predictor *p, pleat_kind *k, const pleat_checkpoint *c,
                             const char *path) {
    pleat_graph graph;
    const int i = k->n;
    PLEAT_TRY(pleat_network_build(&k->network, &graph));
    const size_t params = graph.params, stats = graph.stats;
    const pleat_status made = pleat_model_create(&graph, p->engine, 0, &k->models[i]);
    pleat_graph_free(&graph);
    PLEAT_TRY(made);
    k->n++; /* what there is will be released */
    PLEAT_CHECK(c->n_params == params && c->n_stats == stats, PLEAT_ERR_FORMAT,
                "'%s' holds %zu parameters, its network '%s' has %zu", path, c->n_params,
                c->network, params);
    PLEAT_TRY(pleat_model_set(k->models[i], PLEAT_STATE_PARAMS, c->params));
    PLEAT_TRY(pleat_model_set(k->models[i], PLEAT_STATE_STATS, c->stats));
    const int *patch = k->config.patch;
    const pleat_net_options options = {.batch = k->config.predict_batch,
                                       .dim = {patch[0], patch[1], patch[2]},
                                       .regions = p->of_regions ? p->regions : NULL};
    return pleat_net_create(k->models[i], &options, &k->nets[i]);
}

/* A step can leave weights that are no numbers after a loss that still was one. */
static pleat_status check_finite(const float *x, size_t n, const char *what, const char *path) {
    size_t lost = 0;
    for (size_t i = 0; i < n; i++) lost += !isfinite(x[i]);
    PLEAT_CHECK(lost == 0, PLEAT_ERR_NUMERIC,
                "'%s': %zu of its %zu %s are not finite, so it can label nothing: its training "
                "diverged. Take another checkpoint, or train with a smaller train.lr",
                path, lost, n, what);
    return PLEAT_OK;
}

/* What all models say of their classes. */
static pleat_status take_classes(pleat_predictor *p, const char *text) {
    pleat_classes classes;
    pleat_labels labels;
    (void)snprintf(p->classes, sizeof p->classes, "%s", text);
    PLEAT_TRY(pleat_classes_parse(text, &classes));
    p->of_regions = classes.of_regions;
    pleat_classes_regions(&classes, p->regions);
    pleat_labels_of(&classes, &labels);
    for (int c = 1; classes.of_regions && c < classes.n; c++) p->writes[c - 1] = classes.value[c];
    if (classes.of_regions) (void)pleat_labels_enter(&labels, (size_t)classes.n - 1, p->writes);
    pleat_classes_free(&classes);
    return PLEAT_OK;
}

/* An empty kind *place, with room for n models: behind those of its preprocessing, so that an image
 * is loaded once for all of them. */
static pleat_status add_kind(pleat_predictor *p, const pleat_checkpoint *c, int n,
                             const pleat_config *config, int *place) {
    pleat_kind *k = calloc(1, sizeof *k);
    int at = p->kinds;
    PLEAT_CHECK(k != NULL, PLEAT_ERR_MEMORY, "no memory for %d models", n);
    for (int i = 0; i < p->kinds; i++)
        if (strcmp(c->preprocessing, p->kind[i]->preprocessing) == 0) at = i + 1;
    for (int i = p->kinds; i > at; i--) p->kind[i] = p->kind[i - 1];
    p->kind[at] = k; /* what there is will be released */
    p->kinds++;
    *place = at;
    if (p->kinds == 1) PLEAT_TRY(take_classes(p, c->classes));
    if (p->of_regions) k->writes = p->writes;
    k->models = calloc((size_t)n, sizeof(pleat_model *));
    k->nets = calloc((size_t)n, sizeof(pleat_net *));
    PLEAT_CHECK(k->models != NULL && k->nets != NULL, PLEAT_ERR_MEMORY, "no memory for %d models",
                n);
    (void)snprintf(k->network_text, sizeof k->network_text, "%s", c->network);
    (void)snprintf(k->preprocessing, sizeof k->preprocessing, "%s", c->preprocessing);
    k->config = *config;
    k->network = config->network;
    PLEAT_TRY(pleat_prep_parse_text(c->preprocessing, &k->prep));
    p->one_grid &= strcmp(k->preprocessing, p->kind[0]->preprocessing) == 0;
    return PLEAT_OK;
}

/* Model paths[i], which `config` is for, of n. */
static pleat_status place_model(pleat_predictor *p, const pleat_checkpoint *c,
                                const char *const *paths, int i, int n,
                                const pleat_config *config) {
    const char *path = paths[i];
    int at = 0;
    while (at < p->kinds && (strcmp(c->network, p->kind[at]->network_text) != 0 ||
                             strcmp(c->preprocessing, p->kind[at]->preprocessing) != 0 ||
                             !cut_alike(config, &p->kind[at]->config)))
        at++;
    if (at == p->kinds) PLEAT_TRY(add_kind(p, c, n, config, &at));
    PLEAT_TRY(check_together(c->classes, &p->kind[at]->network, path, p->classes,
                             &p->kind[0]->network, paths[0]));
    PLEAT_TRY(check_finite(c->params, c->n_params, "weights", path));
    PLEAT_TRY(check_finite(c->stats, c->n_stats, "running statistics", path));
    p->models++;
    return make_net(p, p->kind[at], c, path);
}

pleat_status pleat_predictor_open(pleat_engine *engine, const char *const *paths, int n,
                                  const pleat_config *config, const char *const *sets,
                                  pleat_predictor **out) {
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK(n >= 1, PLEAT_ERR_ARG, "no model to predict with");
    pleat_predictor *p = calloc(1, sizeof *p);
    PLEAT_CHECK(p != NULL, PLEAT_ERR_MEMORY, "no memory for %d models", n);
    p->engine = engine;
    p->one_grid = 1;
    p->kind = calloc((size_t)n, sizeof(pleat_kind *));
    PLEAT_CHECK_GOTO(status, done, p->kind != NULL, PLEAT_ERR_MEMORY, "no memory for %d models", n);
    for (int i = 0; i < n; i++) {
        pleat_checkpoint c = {0};
        pleat_config own;
        PLEAT_TRY_GOTO(status, done, pleat_checkpoint_read(paths[i], &c));
        status = config_for(&c, paths[i], config, sets, &own);
        if (status == PLEAT_OK) status = place_model(p, &c, paths, i, n, &own);
        pleat_checkpoint_free(&c);
        if (status != PLEAT_OK) goto done;
    }
    *out = p;
    p = NULL;
done:
    pleat_predictor_close(p);
    return status;
}

static void free_kind(pleat_kind *k) {
    for (int i = 0; i < k->n; i++) {
        pleat_net_destroy(k->nets[i]);
        pleat_model_destroy(k->models[i]);
    }
    free(k->nets);
    free(k->models);
    free(k);
}

void pleat_predictor_close(pleat_predictor *p) {
    if (p == NULL) return;
    for (int i = 0; i < p->kinds; i++) free_kind(p->kind[i]);
    free(p->kind);
    free(p);
}

const pleat_config *pleat_predictor_config(const pleat_predictor *p) { return &p->kind[0]->config; }

int pleat_predictor_one_grid(const pleat_predictor *p) { return p->one_grid; }

pleat_predict_config pleat_kind_predicts(const pleat_kind *k) {
    return (pleat_predict_config){
        .patch = {k->config.patch[0], k->config.patch[1], k->config.patch[2]},
        .overlap = {k->config.overlap[0], k->config.overlap[1], k->config.overlap[2]},
        .batch = k->config.predict_batch,
        .merge = (pleat_merge)k->config.merge,
        .mirror = pleat_config_mirror(&k->config),
        .pad = (pleat_pad)k->config.pad,
        .classes = k->network.classes,
        .writes = k->writes,
    };
}

pleat_status pleat_predictor_source(pleat_predictor *p, const pleat_source *source,
                                    const double spacing[3], const pleat_geometry *native,
                                    pleat_label *out) {
    const pleat_kind *k = p->kind[0];
    const pleat_predict_config config = pleat_kind_predicts(k);
    pleat_label stored = {0};
    PLEAT_CHECK(p->kinds == 1, PLEAT_ERR_ARG,
                "models of several networks, preprocessings or patches label a case, not a source");
    PLEAT_CHECK(source->channels == k->network.channels, PLEAT_ERR_DATA,
                "the image has %d channels, the model was trained on %d", source->channels,
                k->network.channels);
    PLEAT_TRY(pleat_label_make(source->dim, spacing, &stored));
    pleat_status status = pleat_predict_volume(&config, k->nets, k->n, source, stored.data);
    if (status == PLEAT_OK) status = pleat_prep_unresample(&k->prep, &stored, native, out);
    if (status == PLEAT_OK) pleat_labels_leave(&k->prep.labels, pleat_voxels(out->dim), out->data);
    pleat_label_free(&stored);
    return status;
}

pleat_status pleat_seen_load(const pleat_kind *kind, const pleat_case_paths *paths, pleat_seen *out,
                             pleat_geometry *native) {
    pleat_seen seen = {0};
    PLEAT_TRY(pleat_prep_load(&kind->prep, paths, &seen.image, native));
    const pleat_image *image = &seen.image;
    const size_t n = pleat_voxels(image->dim);
    seen.histograms = malloc((size_t)image->channels * sizeof *seen.histograms);
    if (seen.histograms == NULL) {
        pleat_seen_free(&seen);
        return PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory to predict '%s'", paths->image[0]);
    }
    for (int c = 0; c < image->channels; c++)
        pleat_histogram_make(image->data + (size_t)c * n, n, &seen.histograms[c]);
    seen.source = (pleat_source){.dim = {image->dim[0], image->dim[1], image->dim[2]},
                                 .channels = image->channels,
                                 .image = image->data,
                                 .histogram = seen.histograms};
    *out = seen;
    return PLEAT_OK;
}

void pleat_seen_free(pleat_seen *seen) {
    free(seen->histograms);
    pleat_image_free(&seen->image);
    *seen = (pleat_seen){0};
}

/* By the headers: a case that the models cannot take, or the memory. */
static pleat_status check_case(const pleat_predictor *p, const pleat_case_paths *paths, int blends,
                               int wants) {
    int channels = 0, stored = p->kind[0]->network.classes * (int)sizeof(float) + 1, native = 1;
    const int trained = p->kind[0]->network.channels;
    PLEAT_TRY(pleat_prep_count_channels(paths, &channels));
    PLEAT_CHECK(channels == trained, PLEAT_ERR_DATA,
                "case '%s' has %d channel%s, the model was trained on %d: '%s'%s", paths->id,
                channels, pleat_plural(channels), trained, paths->image[0],
                paths->images > 1 ? " and so on; if these are cases of their own, rename them so "
                                    "that they do not end in _0000, _0001, ..., as "
                                    "scan_0001.nii.gz to scan-0001.nii.gz"
                                  : "");
    if (blends) pleat_blend_needs(p, wants, &stored, &native);
    for (int k = 0; k < p->kinds; k++)
        PLEAT_TRY(pleat_prep_check_memory(&p->kind[k]->prep, paths, channels, stored, native));
    return PLEAT_OK;
}

pleat_status pleat_predictor_case(pleat_predictor *p, const pleat_case_paths *paths, int wants,
                                  pleat_prediction *out, pleat_geometry *native) {
    const int blends = p->kinds > 1 || wants != 0;
    pleat_seen seen = {0};
    *out = (pleat_prediction){0};
    PLEAT_TRY(check_case(p, paths, blends, wants));
    if (blends) return pleat_blend_case(p, paths, wants, out, native);
    PLEAT_TRY(pleat_seen_load(p->kind[0], paths, &seen, native));
    const pleat_status status =
        pleat_predictor_source(p, &seen.source, seen.image.spacing, native, &out->label);
    pleat_seen_free(&seen);
    return status;
}

void pleat_prediction_free(pleat_prediction *prediction) {
    pleat_label_free(&prediction->label);
    pleat_image_free(&prediction->probabilities);
    pleat_image_free(&prediction->entropy);
    pleat_image_free(&prediction->information);
}
