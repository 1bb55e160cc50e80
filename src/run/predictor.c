/* predictor.c - checkpoints to nets, volumes to labels. */
#include "pleat/predictor.h"

#include "pleat/checkpoint.h"
#include "pleat/prep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pleat_predictor {
    pleat_engine *engine; /* not owned */
    pleat_config config;
    pleat_prep_config prep;
    pleat_network network;
    char network_text[PLEAT_NETWORK_TEXT], preprocessing[2048]; /* all models agree on these and */
    char classes[PLEAT_CLASSES_BYTES];
    int n;
    pleat_model **models;
    pleat_net **nets;
};

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

/* The first checkpoint decides; the others must agree with it. */
static pleat_status take_texts(pleat_predictor *p, const pleat_checkpoint *c, const char *path,
                               const pleat_config *config) {
    (void)snprintf(p->network_text, sizeof p->network_text, "%s", c->network);
    (void)snprintf(p->preprocessing, sizeof p->preprocessing, "%s", c->preprocessing);
    (void)snprintf(p->classes, sizeof p->classes, "%s", c->classes);
    if (config != NULL)
        p->config = *config;
    else
        PLEAT_TRY(parse_config(c, path, &p->config));
    PLEAT_TRY(pleat_network_parse(c->network, &p->network));
    PLEAT_TRY(pleat_prep_parse_text(c->preprocessing, &p->prep));
    p->config.network = p->network;
    return pleat_config_check(&p->config);
}

static pleat_status check_texts(const pleat_predictor *p, const pleat_checkpoint *c,
                                const char *path) {
    PLEAT_CHECK(strcmp(c->network, p->network_text) == 0, PLEAT_ERR_DATA,
                "'%s' holds '%s', the first model '%s'; only equal networks predict together", path,
                c->network, p->network_text);
    PLEAT_CHECK(strcmp(c->preprocessing, p->preprocessing) == 0, PLEAT_ERR_DATA,
                "'%s' was trained on other preprocessing than the first model", path);
    PLEAT_CHECK(strcmp(c->classes, p->classes) == 0, PLEAT_ERR_DATA,
                "'%s' knows the classes %s, the first model %s", path, c->classes, p->classes);
    return PLEAT_OK;
}

static pleat_status make_net(pleat_predictor *p, const pleat_checkpoint *c, const char *path,
                             int i) {
    pleat_graph graph;
    PLEAT_TRY(pleat_network_build(&p->network, &graph));
    const size_t params = graph.params, stats = graph.stats;
    const pleat_status made = pleat_model_create(&graph, p->engine, 0, &p->models[i]);
    pleat_graph_free(&graph);
    PLEAT_TRY(made);
    PLEAT_CHECK(c->n_params == params && c->n_stats == stats, PLEAT_ERR_FORMAT,
                "'%s' holds %zu parameters, its network '%s' has %zu", path, c->n_params,
                c->network, params);
    PLEAT_TRY(pleat_model_set(p->models[i], PLEAT_STATE_PARAMS, c->params));
    PLEAT_TRY(pleat_model_set(p->models[i], PLEAT_STATE_STATS, c->stats));
    const int *patch = p->config.patch;
    const pleat_net_options options = {.batch = p->config.predict_batch,
                                       .dim = {patch[0], patch[1], patch[2]}};
    return pleat_net_create(p->models[i], &options, &p->nets[i]);
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

static pleat_status add_model(pleat_predictor *p, const char *path, int i,
                              const pleat_config *config) {
    pleat_checkpoint c = {0};
    PLEAT_TRY(pleat_checkpoint_read(path, &c));
    pleat_status status = i == 0 ? take_texts(p, &c, path, config) : check_texts(p, &c, path);
    if (status == PLEAT_OK) status = check_finite(c.params, c.n_params, "weights", path);
    if (status == PLEAT_OK) status = check_finite(c.stats, c.n_stats, "running statistics", path);
    if (status == PLEAT_OK) status = make_net(p, &c, path, i);
    pleat_checkpoint_free(&c);
    return status;
}

pleat_status pleat_predictor_open(pleat_engine *engine, const char *const *paths, int n,
                                  const pleat_config *config, pleat_predictor **out) {
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK(n >= 1, PLEAT_ERR_ARG, "no model to predict with");
    pleat_predictor *p = calloc(1, sizeof *p);
    PLEAT_CHECK(p != NULL, PLEAT_ERR_MEMORY, "no memory for %d models", n);
    p->engine = engine;
    p->n = n;
    p->models = calloc((size_t)n, sizeof(pleat_model *));
    p->nets = calloc((size_t)n, sizeof(pleat_net *));
    PLEAT_CHECK_GOTO(status, done, p->models != NULL && p->nets != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %d models", n);
    for (int i = 0; i < n; i++) PLEAT_TRY_GOTO(status, done, add_model(p, paths[i], i, config));
    *out = p;
    p = NULL;
done:
    pleat_predictor_close(p);
    return status;
}

void pleat_predictor_close(pleat_predictor *p) {
    if (p == NULL) return;
    for (int i = 0; i < p->n; i++) {
        if (p->nets != NULL) pleat_net_destroy(p->nets[i]);
        if (p->models != NULL) pleat_model_destroy(p->models[i]);
    }
    free(p->nets);
    free(p->models);
    free(p);
}

const pleat_config *pleat_predictor_config(const pleat_predictor *p) { return &p->config; }

pleat_status pleat_predictor_source(pleat_predictor *p, const pleat_source *source,
                                    const double spacing[3], const pleat_geometry *native,
                                    pleat_label *out) {
    const pleat_predict_config config = {
        .patch = {p->config.patch[0], p->config.patch[1], p->config.patch[2]},
        .overlap = {p->config.overlap[0], p->config.overlap[1], p->config.overlap[2]},
        .batch = p->config.predict_batch,
        .merge = (pleat_merge)p->config.merge,
        .mirror = pleat_config_mirror(&p->config),
        .pad = (pleat_pad)p->config.pad,
        .classes = p->network.classes,
    };
    pleat_label stored = {0};
    PLEAT_CHECK(source->channels == p->network.channels, PLEAT_ERR_DATA,
                "the image has %d channels, the model was trained on %d", source->channels,
                p->network.channels);
    PLEAT_TRY(pleat_label_make(source->dim, spacing, &stored));
    pleat_status status = pleat_predict_volume(&config, p->nets, p->n, source, stored.data);
    if (status == PLEAT_OK) status = pleat_prep_unresample(&stored, native, out);
    if (status == PLEAT_OK) pleat_labels_leave(&p->prep.labels, pleat_voxels(out->dim), out->data);
    pleat_label_free(&stored);
    return status;
}

pleat_status pleat_predictor_case(pleat_predictor *p, const pleat_case_paths *paths,
                                  pleat_label *out, pleat_geometry *native) {
    pleat_image image = {0};
    pleat_histogram *histograms = NULL;
    pleat_status status = PLEAT_OK;
    int channels = 0;
    PLEAT_TRY(pleat_prep_count_channels(paths, &channels));
    PLEAT_CHECK(channels == p->network.channels, PLEAT_ERR_DATA,
                "case '%s' has %d channel%s, the model was trained on %d: '%s'%s", paths->id,
                channels, channels == 1 ? "" : "s", p->network.channels, paths->image[0],
                paths->images > 1 ? " and so on; if these are cases of their own, rename them so "
                                    "that they do not end in _0000, _0001, ..., as "
                                    "scan_0001.nii.gz to scan-0001.nii.gz"
                                  : "");
    PLEAT_TRY(pleat_prep_check_memory(&p->prep, paths, channels,
                                      p->network.classes * (int)sizeof(float) + 1));
    PLEAT_TRY(pleat_prep_load(&p->prep, paths, &image, native));
    const size_t n = pleat_voxels(image.dim);
    histograms = malloc((size_t)image.channels * sizeof *histograms);
    PLEAT_CHECK_GOTO(status, done, histograms != NULL, PLEAT_ERR_MEMORY,
                     "no memory to predict '%s'", paths->image[0]);
    for (int c = 0; c < image.channels; c++) /* for their minima, which padding may become */
        pleat_histogram_make(image.data + (size_t)c * n, n, &histograms[c]);
    const pleat_source source = {.dim = {image.dim[0], image.dim[1], image.dim[2]},
                                 .channels = image.channels,
                                 .image = image.data,
                                 .histogram = histograms};
    PLEAT_TRY_GOTO(status, done, pleat_predictor_source(p, &source, image.spacing, native, out));
done:
    free(histograms);
    pleat_image_free(&image);
    return status;
}
