/* recipes.c - choices that are recipes, such as presets: values of keys, as a user writes them. */
#include "config_table.h"

static const char *const presets[][2] = {
    {"miscnn", "the method of covid19.MIScnn, as all defaults are"},
    {"nnunet", "that of nnU-Net v2, but for its planning: set patch, overlap (half of it), "
               "network.depth, preprocess.resample and, of a CT, preprocess.clip"}};
enum { PRESETS = sizeof presets / sizeof *presets };

const char *pleat_preset_name(int preset) { return preset < PRESETS ? presets[preset][0] : NULL; }
const char *pleat_preset_what(int preset) { return presets[preset][1]; }

/* nnU-Net 2.8.1 and batchgeneratorsv2 0.3.5. */
const config_usual pleat_config_usual[] = {
    {"preset", "nnunet", "preprocess.clip", "none"},
    {"preset", "nnunet", "preprocess.grayscale", "false"},
    {"preset", "nnunet", "preprocess.resample", "none"},
    {"preset", "nnunet", "folds.like", "nnunet"},
    {"preset", "nnunet", "overlap", "80,80,40"},
    {"preset", "nnunet", "pad", "nnunet"},
    {"preset", "nnunet", "network.name", "plainconv"},
    {"preset", "nnunet", "train.iterations", "250"},
    {"preset", "nnunet", "train.oversample", "0.33"},
    {"preset", "nnunet", "train.loss", "dice_ce"},
    {"preset", "nnunet", "train.optimizer", "sgd"},
    {"preset", "nnunet", "train.clip", "12"},
    {"preset", "nnunet", "train.lr", "0.01"},
    {"preset", "nnunet", "train.schedule", "poly"},
    {"preset", "nnunet", "train.stop_patience", "0"},
    {"preset", "nnunet", "train.weights", "latest"},
    {"preset", "nnunet", "augment.like", "nnunet"},
    {"preset", "nnunet", "predict.merge", "nnunet"},
    {"preset", "nnunet", "predict.mirror", "true"},
    {"augment.like", "nnunet", "augment.contrast.p", "0.15"},
    {"augment.like", "nnunet", "augment.contrast.range", "0.75,1.25"},
    {"augment.like", "nnunet", "augment.brightness.p", "0.15"},
    {"augment.like", "nnunet", "augment.brightness.range", "0.75,1.25"},
    {"augment.like", "nnunet", "augment.gamma.p", "0.3"},
    {"augment.like", "nnunet", "augment.gamma.range", "0.7,1.5"},
    {"augment.like", "nnunet", "augment.noise.p", "0.1"},
    {"augment.like", "nnunet", "augment.noise.range", "0,0.1"},
    {"augment.like", "nnunet", "augment.blur.p", "0.2"},
    {"augment.like", "nnunet", "augment.low_resolution.p", "0.25"},
    {"augment.like", "nnunet", "augment.inverted_gamma.p", "0.1"},
    {"augment.like", "nnunet", "augment.elastic.p", "0"},
    {"augment.like", "nnunet", "augment.rotation.p", "0.2"},
    {"augment.like", "nnunet", "augment.rotation.range", "-30,30"},
    {"augment.like", "nnunet", "augment.scale.p", "0.2"},
    {"augment.like", "nnunet", "augment.scale.range", "0.7,1.4"},
    {NULL, NULL, NULL, NULL},
};
