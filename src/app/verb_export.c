/* verb_export.c - export: a trained model for other programs. */
#include "app.h"

#include "pleat/checkpoint.h"
#include "pleat/crossval.h"
#include "pleat/export.h"
#include "pleat/output.h"
#include "pleat/rundir.h"
#include "pleat/text.h"
#include "pleat/unchanged.h"

#include <string.h>

typedef struct export_options {
    const char *onnx, *weights;
    int fold, batch;
    int patch[3]; /* D, H, W; 0: any */
} export_options;

static pleat_status check_fold(int fold, const char *run) {
    pleat_record record = {0};
    if (pleat_record_read(run, &record) != PLEAT_OK) return PLEAT_OK; /* it does not say */
    PLEAT_CHECK(fold < record.folds, PLEAT_ERR_ARG, "--fold %d: the folds of '%s' are 0 to %d",
                fold, run, record.folds - 1);
    return PLEAT_OK;
}

/* The checkpoint itself, or that of a run's fold. */
static pleat_status find_model(const export_options *o, const char *model,
                               char path[PLEAT_PATH_BYTES]) {
    pleat_fold_file file = PLEAT_FOLD_BEST;
    if (!pleat_file_is_folder(model)) {
        PLEAT_CHECK(o->fold < 0 && o->weights == NULL, PLEAT_ERR_ARG,
                    "'%s' is a checkpoint; --fold and --weights choose one of a run", model);
        return pleat_path(path, PLEAT_PATH_BYTES, "%s", model);
    }
    PLEAT_CHECK(o->fold >= 0, PLEAT_ERR_ARG,
                "'%s' is a run: say by --fold K which of its models, from 0", model);
    PLEAT_TRY(verb_weights_file(model, o->weights, &file));
    PLEAT_TRY(pleat_run_fold_path(model, o->fold, file, path));
    PLEAT_TRY(check_fold(o->fold, model));
    PLEAT_CHECK(pleat_file_exists(path), PLEAT_ERR_NOT_FOUND, "fold %d of '%s' has no %s", o->fold,
                model, pleat_fold_file_name(file));
    const char *const one[] = {path};
    return pleat_unchanged_own(model, one, 1);
}

/* What a user of the file has to know beside the network: the docs say how. */
static void add_notes(const pleat_checkpoint *c, const char *patch, int pad, pleat_onnx *to) {
    pleat_onnx_note_text(to, "pleat.network", c->network);
    pleat_onnx_note_text(to, "pleat.preprocessing", c->preprocessing);
    pleat_onnx_note_text(to, "pleat.classes", c->classes);
    pleat_onnx_note_text(to, "pleat.patch", patch);
    pleat_onnx_note_text(to, "pleat.pad", pleat_pad_name(pad));
}

static pleat_status export_onnx(const export_options *o, const pleat_checkpoint *c,
                                const char *path) {
    pleat_status status = PLEAT_OK;
    pleat_graph graph = {0};
    pleat_onnx model = {0};
    pleat_network network;
    pleat_config config;
    char patch[48];
    pleat_config_defaults(&config);
    PLEAT_TRY(pleat_config_parse(c->config, strlen(c->config), path, &config));
    PLEAT_TRY(pleat_network_parse(c->network, &network));
    PLEAT_TRY(pleat_network_build(&network, &graph));
    const int *p = config.patch;
    (void)snprintf(patch, sizeof patch, "%d,%d,%d", p[2], p[1], p[0]);
    PLEAT_CHECK_GOTO(status, done, c->n_params == graph.params && c->n_stats == graph.stats,
                     PLEAT_ERR_FORMAT, "'%s' holds %zu parameters, its network '%s' has %zu", path,
                     c->n_params, c->network, graph.params);
    add_notes(c, patch, config.pad, &model);
    PLEAT_TRY_GOTO(status, done,
                   pleat_export_onnx(&graph, c->params, c->stats, o->batch, o->patch, &model));
    PLEAT_TRY_GOTO(status, done, pleat_onnx_write(&model, o->onnx));
    pleat_text_print("%s: %s, %d operations, %zu parameters, patch %s, opset %d\n", o->onnx,
                     c->network, model.ops, graph.params, patch, PLEAT_ONNX_OPSET);
done:
    pleat_onnx_free(&model);
    pleat_graph_free(&graph);
    return status;
}

pleat_status verb_export(app *a, const verb *self, int argc, char **argv) {
    export_options o = {.fold = -1};
    text_list words = {0};
    pleat_checkpoint c = {0};
    char path[PLEAT_PATH_BYTES];
    int go = 0;
    const option rows[] = {
        {"--onnx", OPTION_TEXT, &o.onnx, "FILE", "the ONNX file to write"},
        {"--fold", OPTION_INT, &o.fold, "K",
         "the fold whose model is exported, from 0; a run needs it"},
        {"--weights", OPTION_TEXT, &o.weights, "best|latest",
         "which checkpoint of a run (default: the one that was scored)"},
        {"--batch", OPTION_INT, &o.batch, "N",
         "fix the number of patches in a batch (default: any)"},
        {"--patch", OPTION_SIZE, o.patch, "XxYxZ", "fix the size of the patches (default: any)"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    PLEAT_CHECK(o.batch >= 0, PLEAT_ERR_ARG, "--batch %d, must be 1 or more", o.batch);
    if (a->session->rank != 0) return PLEAT_OK;
    PLEAT_TRY(pleat_output_check_file("--onnx", o.onnx, "pleat export", NULL));
    PLEAT_TRY(pleat_onnx_can_write());
    PLEAT_TRY(find_model(&o, words.item[0], path));
    PLEAT_TRY(pleat_checkpoint_read(path, &c));
    const pleat_status status = export_onnx(&o, &c, path);
    pleat_checkpoint_free(&c);
    return status;
}
