/* verb_import.c - import: the model of another program as a checkpoint. */
#include "app.h"

#include "pleat/checkpoint.h"
#include "pleat/keras.h"
#include "pleat/log.h"
#include "pleat/output.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <stdlib.h>
#include <string.h>

/* The classes' names: the configuration's, else background, class 1, class 2, ... */
static pleat_status name_classes(const char *path, const pleat_network *network,
                                 pleat_config *config) {
    pleat_classes classes;
    const int n = network->classes;
    PLEAT_TRY(pleat_classes_parse(config->classes, &classes));
    const int named = classes.n, of_regions = classes.of_regions;
    pleat_classes_free(&classes);
    PLEAT_CHECK(!of_regions, PLEAT_ERR_ARG,
                "classes are regions, which the softmax of '%s' cannot tell apart; set classes to "
                "its %d names",
                path, n);
    PLEAT_CHECK(named == 0 || named == n, PLEAT_ERR_ARG,
                "classes names %d, the model '%s' knows %d", named, path, n);
    if (named > 0) return PLEAT_OK;
    size_t used = (size_t)snprintf(config->classes, sizeof config->classes, "background");
    for (int c = 1; c < n; c++)
        used +=
            (size_t)snprintf(config->classes + used, sizeof config->classes - used, ",class %d", c);
    pleat_log(PLEAT_INFO, "the classes are named %s; --set classes=... names them otherwise",
              config->classes);
    return PLEAT_OK;
}

static pleat_status write_checkpoint(const pleat_keras *model, const char *text,
                                     const pleat_config *config, const char *out) {
    pleat_status status = PLEAT_OK;
    pleat_layer_info *layers = NULL;
    pleat_graph graph = {0};
    pleat_checkpoint c = {.engine = "keras",
                          .precision = "f32",
                          .version = PLEAT_VERSION,
                          .finished = 1,
                          .seed = config->seed,
                          .params = model->params,
                          .stats = model->stats,
                          .n_params = model->n_params,
                          .n_stats = model->n_stats};
    (void)snprintf(c.network, sizeof c.network, "%s", text);
    (void)snprintf(c.classes, sizeof c.classes, "%s", config->classes);
    pleat_prep_text(&config->prep, c.preprocessing, sizeof c.preprocessing);
    PLEAT_TRY(pleat_config_text(config, 0, c.config, sizeof c.config));
    PLEAT_TRY_GOTO(status, done, pleat_network_build(&model->network, &graph));
    PLEAT_TRY_GOTO(status, done, pleat_graph_tensors(&graph, &layers, &c.n_layers));
    c.layers = layers;
    PLEAT_TRY_GOTO(status, done, pleat_checkpoint_write(out, &c, 0));
done:
    pleat_graph_free(&graph);
    free(layers);
    return status;
}

static pleat_status import(const char *path, pleat_config *config, const char *out) {
    pleat_keras model = {0};
    char text[PLEAT_NETWORK_TEXT];
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(pleat_keras_read(path, &model));
    pleat_network_text(&model.network, text, sizeof text);
    if (model.weights_alone)
        pleat_warn("'%s' holds weights alone, without a model_config: that they are a standard "
                   "U-Net's with ReLU and softmax follows from their shapes, and is not certain",
                   path);
    PLEAT_TRY_GOTO(status, done, pleat_network_parse(text, &config->network));
    PLEAT_TRY_GOTO(status, done, name_classes(path, &model.network, config));
    PLEAT_TRY_GOTO(status, done, pleat_config_check(config));
    PLEAT_TRY_GOTO(status, done, write_checkpoint(&model, text, config, out));
    pleat_text_print("%s: %s, %zu parameters, of %s\n", out, text, model.n_params, path);
done:
    pleat_keras_free(&model);
    return status;
}

pleat_status verb_import(app *a, const verb *self, int argc, char **argv) {
    const char *out = NULL, *path = NULL;
    text_list sets = {0}, words = {0};
    pleat_config config;
    int go = 0;
    const option rows[] = {
        {"--out", OPTION_TEXT, &out, "CHECKPOINT", "the checkpoint to write"},
        {"--config", OPTION_TEXT, &path, "CONFIG",
         "how the model predicts: preprocess, patch, overlap, classes (default: the defaults)"},
        {"--set", OPTION_LIST, &sets, "KEY=VALUE", VERB_SET_HELP},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    PLEAT_TRY(pleat_output_check_file("--out", out, "pleat import", NULL));
    PLEAT_TRY(verb_config(path, &sets, &config));
    return a->session->rank == 0 ? import(words.item[0], &config, out) : PLEAT_OK;
}
