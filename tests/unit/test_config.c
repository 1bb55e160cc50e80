/* test_config.c - every key: where it may be set, what it takes, what it refuses, how it prints. */
#include "pleat/config.h"
#include "pleat/log.h"
#include "pleat/rundir.h"
#include "pleat/window.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define TEXT 16384

/* Every key with a value that is not its default, and how that prints. */
static char what[4096]; /* of pleat_config_differences */

static const struct setting {
    const char *key, *value, *printed; /* printed NULL: as given */
    int execution;                     /* only says how to compute */
} settings[] = {
    {"preset", "nnunet", NULL, 0},
    {"data", "/a b/it's: #1", "'/a b/it''s: #1'", 1},
    {"data.image", "{case}/ct.nii.gz", "'{case}/ct.nii.gz'", 1},
    {"data.label", "{case}/m.nii.gz", "'{case}/m.nii.gz'", 1},
    {"data.affine", "warn", "warn", 1},
    {"store", "s", "'s'", 1},
    {"classes", "bg, lung ,tumour", "'bg, lung ,tumour'", 0},
    {"seed", "18446744073709551615", NULL, 0},
    {"fidelity", "yes", "true", 0},
    {"preprocess.orient", "LPS", NULL, 0},
    {"preprocess.clip", "none", NULL, 0},
    {"preprocess.grayscale", "off", "false", 0},
    {"preprocess.resample", "[1, 0.1, 2.123456789012345]", NULL, 0},
    {"preprocess.scale", "[[-20.5, 310], none]", NULL, 0},
    {"preprocess.zscore", "0", "false", 0},
    {"folds.k", "7", NULL, 0},
    {"folds.repeats", "3", NULL, 0},
    {"folds.like", "nnunet", NULL, 0},
    {"folds.splits", "x.json", "'x.json'", 1},
    {"folds.group_by", "^[a-z]+_(.*)$", "'^[a-z]+_(.*)$'", 0},
    {"patch", "96x64x32", "[96, 64, 32]", 0},
    {"overlap", "40,30,20", "[40, 30, 20]", 0},
    {"pad", "background", NULL, 0},
    {"network.name", "residual", NULL, 0},
    {"network.depth", "3", NULL, 0},
    {"network.filters", "16", NULL, 0},
    {"network.norm", "no", "false", 0},
    {"network.most_filters", "64", NULL, 0},
    {"network.input_shortcut", "yes", "true", 0},
    {"network.supervise", "no", "false", 0},
    {"network.strides", "221,222,222", "'221,222,222'", 0},
    {"network.kernels", "331,333,333,333", "'331,333,333,333'", 0},
    {"network.blocks", "1,2,2,2", "'1,2,2,2'", 0},
    {"network.norm_sync", "false", NULL, 0},
    {"network.norm_momentum", "0.9", NULL, 0},
    {"train.from", "old/fold_0/checkpoint_best.h5", "'old/fold_0/checkpoint_best.h5'", 0},
    {"train.epochs", "10", NULL, 0},
    {"train.iterations", "1e2", "100", 0},
    {"train.batch", "4", NULL, 0},
    {"train.validation", "0", NULL, 0},
    {"train.oversample", "0.33", NULL, 0},
    {"train.loss", "soft_dice", NULL, 0},
    {"train.optimizer", "sgd", NULL, 0},
    {"train.momentum", "0.9", NULL, 0},
    {"train.weight_decay", "0.01", NULL, 0},
    {"train.amsgrad", "yes", "true", 0},
    {"train.clip", "12", NULL, 0},
    {"train.average", "0.999", NULL, 0},
    {"train.lr", "0.00012345678901234567", "0.00012345678901234567", 0},
    {"train.schedule", "poly", NULL, 0},
    {"train.warmup", "5", NULL, 0},
    {"train.plateau.factor", "0.3333333333333333", NULL, 0},
    {"train.plateau.patience", "5", NULL, 0},
    {"train.plateau.min_delta", "0.25", NULL, 0},
    {"train.plateau.cooldown", "2", NULL, 0},
    {"train.plateau.min_lr", "1e-7", "1e-07", 0},
    {"train.stop_patience", "9", NULL, 0},
    {"train.weights", "latest", NULL, 0},
    {"augment.on", "off", "false", 0},
    {"augment.like", "nnunet", NULL, 0},
    {"augment.mirror", "0.25", "[0.25, 0.25, 0.25]", 0},
    {"augment.contrast.p", "0.1", NULL, 0},
    {"augment.contrast.range", "[0.5, 2]", NULL, 0},
    {"augment.brightness.p", "0.1", NULL, 0},
    {"augment.brightness.range", "[0.75, 1.25]", NULL, 0},
    {"augment.gamma.p", "0.1", NULL, 0},
    {"augment.gamma.range", "[0.8, 1.2]", NULL, 0},
    {"augment.noise.p", "0.1", NULL, 0},
    {"augment.noise.range", "[0.1, 0.2]", NULL, 0},
    {"augment.blur.p", "0.1", NULL, 0},
    {"augment.blur.range", "[0.5, 2]", NULL, 0},
    {"augment.low_resolution.p", "0.1", NULL, 0},
    {"augment.low_resolution.range", "[0.25, 1]", NULL, 0},
    {"augment.inverted_gamma.p", "0.2", NULL, 0},
    {"augment.inverted_gamma.range", "[0.8, 1.2]", NULL, 0},
    {"augment.elastic.p", "0.1", NULL, 0},
    {"augment.elastic.alpha", "[1, 2]", NULL, 0},
    {"augment.elastic.sigma", "[3, 4]", NULL, 0},
    {"augment.rotation.p", "0.1", NULL, 0},
    {"augment.rotation.range", "[-5, 6]", NULL, 0},
    {"augment.scale.p", "0.1", NULL, 0},
    {"augment.scale.range", "[0.9, 1.1]", NULL, 0},
    {"predict.merge", "gaussian", NULL, 0},
    {"predict.mirror", "true", NULL, 0},
    {"predict.batch", "3", NULL, 1},
    {"report.surface", "medpy", NULL, 0},
    {"report.tolerance", "[2, tumour=0.5]", "'2, tumour=0.5'", 0},
    {"report.lesions", "tumour", "'tumour'", 0},
    {"report.lesion_overlap", "0.5", NULL, 0},
    {"report.figures", "false", NULL, 1},
    {"report.pictures", "7", NULL, 1},
    {"engine", "ref", "'ref'", 1},
    {"precision", "bf16", NULL, 1},
    {"deterministic", "true", NULL, 0},
    {"threads", "3", NULL, 1},
    {"loader_threads", "2", NULL, 1},
    {"ranks_per_fold", "2", NULL, 1},
    {"host_memory", "1.5g", "1610612736", 1},
    {"device_memory", "2g", "2147483648", 1},
    {"share_gpu", "true", NULL, 1},
    {"progress", "5", NULL, 1},
};

static void assign(pleat_config *config, const struct setting *s) {
    char text[256];
    (void)snprintf(text, sizeof text, "%s=%s", s->key, s->value);
    OK(pleat_config_set(text, config));
}

static pleat_status parse(const char *text, pleat_config *config) {
    return pleat_config_parse(text, strlen(text), "run.yaml", config);
}

/* The word before the colon in the text's line, and what comes after it. */
static void split_line(const char *line, char word[64], char value[256]) {
    const char *colon = strchr(line, ':');
    assert_non_null(colon);
    while (*line == ' ') line++;
    (void)snprintf(word, 64, "%.*s", (int)(colon - line), line);
    (void)snprintf(value, 256, "%.*s", (int)strcspn(colon + 1, "\n"), colon + 1);
}

static void every_key_is_read_printed_and_read_again(void **state) {
    (void)state;
    static char text[TEXT], usual[TEXT], again[TEXT];
    pleat_config config, defaults, back;
    pleat_config_defaults(&defaults);
    config = defaults;
    for (size_t i = 0; i < COUNT(settings); i++) assign(&config, &settings[i]);
    OK(pleat_config_text(&config, 0, text, sizeof text));
    OK(pleat_config_text(&defaults, 0, usual, sizeof usual));
    size_t n = 0;
    for (const char *a = text, *b = usual; *a != '\0';
         a = strchr(a, '\n') + 1, b = strchr(b, '\n') + 1) {
        char word[64], value[256], other[256];
        split_line(b, word, other);
        split_line(a, word, value);
        if (value[0] == '\0') continue; /* opens a section */
        assert_true(n < COUNT(settings));
        const struct setting *s = &settings[n++];
        const char *dot = strrchr(s->key, '.');
        if (strcmp(word, s->key) != 0) assert_string_equal(word, dot != NULL ? dot + 1 : s->key);
        assert_string_equal(value + 1, s->printed != NULL ? s->printed : s->value);
        assert_string_not_equal(value, other);
    }
    assert_int_equal(n, COUNT(settings));                   /* a new key needs a row here */
    assert_non_null(strstr(text, "\ndata.affine: warn\n")); /* data has a value of its own */
    for (int manual = 0; manual < 2; manual++) {
        OK(pleat_config_text(&config, manual, text, sizeof text));
        pleat_config_defaults(&back);
        OK(parse(text, &back));
        OK(pleat_config_text(&back, manual, again, sizeof again));
        assert_string_equal(again, text);
        assert_int_equal(pleat_config_differences(&config, &back, what, sizeof what), 0);
    }
    REFUSED(pleat_config_text(&config, 1, text, 100), PLEAT_ERR_MEMORY, "100 bytes");
}

static void all_differences_that_change_results_are_named(void **state) {
    (void)state;
    pleat_config defaults, other;
    pleat_config_defaults(&defaults);
    for (size_t i = 0; i < COUNT(settings); i++) {
        other = defaults;
        assign(&other, &settings[i]);
        const int n = pleat_config_differences(&defaults, &other, what, sizeof what);
        assert_int_equal(n > 0, !settings[i].execution);
        const size_t length = strlen(settings[i].key);
        if (n > 0 && (strncmp(what, settings[i].key, length) != 0 ||
                      strncmp(what + length, " was ", 5) != 0))
            fail_msg("%s is not named: %s", settings[i].key, what);
        char usual[17], digest[17]; /* which differs where a key does */
        pleat_config_settings(&defaults, usual);
        pleat_config_settings(&other, digest);
        assert_int_equal(strcmp(usual, digest) == 0, n == 0);
    }
    other = defaults;
    OK(pleat_config_set("train.epochs=3", &other));
    OK(pleat_config_set("patch=160,160,64", &other));
    OK(pleat_config_set("threads=7", &other));
    assert_int_equal(pleat_config_differences(&defaults, &other, what, sizeof what), 2);
    assert_string_equal(what, "patch was [160, 160, 80], now [160, 160, 64]; "
                              "train.epochs was 1000, now 3");
    pleat_config_may_change(what, sizeof what);
    assert_non_null(strstr(what, ", threads, "));
    assert_null(strstr(what, "epochs"));
}

static void file_beats_defaults_environment_beats_file_and_set_beats_all(void **state) {
    (void)state;
    pleat_config c;
    pleat_config_defaults(&c);
    assert_int_equal(c.train.epochs, 1000);
    OK(parse("train:\n  epochs: 10\n  batch: 6\n  iterations: 7\n", &c));
    assert_int_equal(c.train.epochs, 10);
    (void)setenv("PLEAT_TRAIN_EPOCHS", "20", 1);
    (void)setenv("PLEAT_TRAIN_BATCH", "8", 1);
    OK(pleat_config_environment(&c));
    assert_int_equal(c.train.epochs, 20);
    OK(pleat_config_set("train.epochs=30", &c));
    assert_int_equal(c.train.epochs, 30);
    assert_int_equal(c.train.batch, 8);
    assert_int_equal(c.train.iterations, 7);
    assert_int_equal(c.train.rates.stop_patience, 100);
    (void)setenv("PLEAT_TRAIN_BATCH", "many", 1);
    REFUSED(pleat_config_environment(&c), PLEAT_ERR_ARG, "PLEAT_TRAIN_BATCH: train.batch = 'many'");
    (void)unsetenv("PLEAT_TRAIN_EPOCHS");
    (void)unsetenv("PLEAT_TRAIN_BATCH");
    (void)setenv("PLEAT_AUGMENT", "off", 1);
    OK(pleat_config_environment(&c));
    assert_int_equal(c.train.augment, 0);
    (void)unsetenv("PLEAT_AUGMENT");
}

static void variables_of_a_module_file_pass_and_misspelt_keys_do_not(void **state) {
    (void)state;
    static const char *const pass[] = {
        "PLEAT_ROOT", "PLEAT_HOME", "PLEAT_DIR",  "PLEAT_PATH",           "PLEAT_VERSION",
        "PLEAT_LIB",  "PLEAT_INC",  "PLEAT_BASE", "PLEAT_LICENCE_SERVER", "PLEAT_"};
    static const struct {
        const char *name, *message;
    } wrong[] = {
        {"PLEAT_TRAIN_EPOCH",
         "PLEAT_TRAIN_EPOCH is no key's variable; did you mean PLEAT_TRAIN_EPOCHS?"},
        {"PLEAT_EPOCHS", "did you mean PLEAT_TRAIN_EPOCHS?"},
        {"PLEAT_SEDE", "did you mean PLEAT_SEED?"},
        {"PLEAT_TRAIN_EPOC", "did you mean PLEAT_TRAIN_EPOCHS?"},
        {"PLEAT_TRAIN_SOMETHING_ELSE", "PLEAT_TRAIN_SOMETHING_ELSE is no key's variable"},
    };
    pleat_config c, defaults;
    pleat_config_defaults(&defaults);
    pleat_log_set_level(PLEAT_QUIET); /* the unknown one is named */
    for (size_t i = 0; i < COUNT(pass); i++) {
        pleat_config_defaults(&c);
        (void)setenv(pass[i], "/opt/pleat", 1);
        OK(pleat_config_environment(&c));
        assert_int_equal(pleat_config_differences(&c, &defaults, what, sizeof what), 0);
        (void)unsetenv(pass[i]);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        (void)setenv(wrong[i].name, "3", 1);
        REFUSED(pleat_config_environment(&c), PLEAT_ERR_ARG, wrong[i].message);
        (void)unsetenv(wrong[i].name);
    }
    pleat_log_set_level(PLEAT_INFO);
}

static void sizes_are_written_x_y_z_and_held_d_h_w(void **state) {
    (void)state;
    pleat_config c;
    pleat_config_defaults(&c);
    OK(parse("patch: [160, 128, 80]\noverlap: [1, 2, 3]\n"
             "preprocess: {resample: [0.5, 1, 2]}\naugment: {mirror: [0.1, 0.2, 0.3]}\n",
             &c));
    static const int patch[3] = {80, 128, 160};
    static const double spacing[3] = {2, 1, 0.5}, mirror[3] = {0.3, 0.2, 0.1};
    for (int a = 0; a < 3; a++) {
        assert_int_equal(c.patch[a], patch[a]);
        assert_int_equal(c.overlap[a], 3 - a);
        assert_true(c.prep.spacing[a] == spacing[a]);
        assert_true(c.train.transforms.mirror[a] == mirror[a]);
    }
}

static void a_section_or_step_is_switched_off_by_its_name(void **state) {
    (void)state;
    static const char *const off[] = {"none", "off", "false", "no", "null", "~", ""};
    pleat_config c;
    for (size_t i = 0; i < COUNT(off); i++) {
        char text[128];
        pleat_config_defaults(&c);
        assert_true(c.prep.channel[0].clip && c.prep.resample && c.train.augment);
        (void)snprintf(text, sizeof text, "preprocess:\n  clip: %s\n  resample: %s\n", off[i],
                       off[i]);
        OK(parse(text, &c));
        assert_false(c.prep.channel[0].clip || c.prep.resample);
        OK(parse("preprocess: {clip: [-1, 1]}", &c));
        assert_true(c.prep.channel[0].clip && !c.prep.resample);
    }
    OK(parse("augment: off\n", &c));
    assert_false(c.train.augment);
    OK(pleat_config_set("augment=on", &c));
    assert_true(c.train.augment);
}

static void a_wrong_value_is_refused_with_place_key_and_what_is_allowed(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"seed: 1\ntrain:\n  epochs: ten\n", "run.yaml line 3: train.epochs = 'ten', must be a "
                                             "whole number between 1 and"},
        {"train:\n  epochs: 2.5\n", "line 2: train.epochs = '2.5', must be a whole number"},
        {"train:\n  epochs:\n", "line 2: train.epochs = '', must be a whole number"},
        {"train: {lr: 11}", "train.lr = '11', must be a number between 1e-12 and 10"},
        {"train: {lr: nan}", "train.lr = 'nan'"},
        {"train: {lr: 1e-3x}", "train.lr = '1e-3x'"},
        {"seed: -1", "seed = '-1', must be a whole number"},
        {"seed: 18446744073709551616", "seed = '18446744073709551616'"},
        {"seed: 1 2", "seed = '1 2'"},
        {"fidelity: maybe", "fidelity = 'maybe', must be true or false"},
        {"pad: grey", "pad = 'grey', must be one of zero|background"},
        {"train: {schedule: 'plateau|poly'}", "must be one of plateau|poly"},
        {"train: {schedule: plat}", "train.schedule = 'plat'"},
        {"train: {schedule: ''}", "train.schedule = ''"},
        {"patch: [16, 16]", "line 1: patch = '16,16', must be three numbers, x, y and z"},
        {"patch: 16", "patch = '16', must be three numbers"},
        {"patch: [16, 16, 16, 16]", "must be three numbers"},
        {"patch: [16, 16, 16.5]", "patch = '16,16,16.5', must be whole numbers"},
        {"patch: [16, 16, 0]", "must lie between 1 and 4096"},
        {"patch: [16, 16, x]", "must be three numbers"},
        {"patch: [[16, 16, 16]]", "patch must be a list of plain values"},
        {"preprocess: {clip: [1, -1]}", "preprocess.clip = '1,-1', low is above high"},
        {"preprocess: {clip: [[1, 2], 3]}", "must be two numbers, low and high, or none"},
        {"preprocess: {clip: [[1, [2, 3]], none]}", "must be a list of plain values"},
        {"preprocess: {zscore: [yes, maybe]}", "preprocess.zscore = 'maybe', must be true or"},
        {"preprocess: {clip: '[0, 1]junk'}", "must be two numbers"},
        {"preprocess: {clip: '[[0, 1], none]junk'}", "must be two numbers"},
        {"preprocess: {clip: '0,1,none'}", "clip = '0', must be two numbers"},
        {"preprocess: {zscore: 'true false'}", "zscore = 'true false', must be true or"},
        {"preprocess: {zscore: 'true]junk,false'}", "zscore = 'true]junk', must be true or"},
        {"preprocess: {zscore: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}", "more than 16 values"},
        {"preprocess: {clip: 5}", "must be two numbers, low and high, or none"},
        {"preprocess: {resample: [1, 1, 0]}", "must lie between 0.001 and 1000"},
        {"augment: {noise: {range: none}}", "augment.noise.range = 'none', must be two numbers"},
        {"augment: {mirror: [0.5, 0.5]}", "augment.mirror"},
        {"augment: {mirror: 1.5}", "must lie between 0 and 1"},
        {"augment: maybe", "augment.on = 'maybe'"},
        {"host_memory: 4GX", "host_memory = '4GX', must be a size such as 512M or 4G"},
        {"host_memory: -1", "host_memory = '-1'"},
        {"host_memory: nan", "host_memory = 'nan'"},
        {"host_memory: 9999T", "host_memory = '9999T'"},
        {"engine: a_name_that_is_far_too_long",
         "engine = 'a_name_that_is_far_too_long', must be one of"},
        {"seed: 1\nseed: 2\n", "run.yaml line 2: 'seed' is there twice, first in line 1"},
        {"train: {epochs: 1}\npad: zero\ntrain: {batch: 1}\n", "line 3: 'train' is there twice"},
        {"train: 5", "unknown key 'train'"},
        {"[1, 2]", "run.yaml: must be a list of 'key: value' lines"},
        {"train:\n  epochs: 1\n batch: 2\n", "run.yaml line 3: not YAML: "},
        {"a: {b: {c: {d: {e: 1}}}}", "nested too deep"},
        {"seed: 1\n---\nseed: 2\n", "run.yaml line 2: a second document begins"},
        {"[a, b]: 1", "a key must be a word"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        pleat_config c;
        pleat_config_defaults(&c);
        REFUSED(parse(wrong[i].text, &c), PLEAT_ERR_ARG, wrong[i].message);
    }
    pleat_config c;
    pleat_config_defaults(&c);
    REFUSED(pleat_config_set("train.epochs", &c), PLEAT_ERR_ARG, "must be key=value");
    REFUSED(pleat_config_set("train.epochs=0", &c), PLEAT_ERR_ARG, "--set: train.epochs = '0'");
    REFUSED(pleat_config_read("/nowhere/run.yaml", &c), PLEAT_ERR_NOT_FOUND, "/nowhere/run.yaml");
    char name[1024] = "data=";
    memset(name + 5, 'a', 600);
    REFUSED(pleat_config_set(name, &c), PLEAT_ERR_ARG, "data is longer than 511 characters");
}

/* The names stand where the things are defined: the enumerators say which is which. */
static void a_choice_is_held_as_the_place_of_its_name(void **state) {
    (void)state;
    pleat_config c;
    pleat_config_defaults(&c);
    OK(parse("pad: background\ntrain: {schedule: poly, weights: latest}\n"
             "predict: {merge: gaussian}\nprecision: bf16\nengine: ref64\n",
             &c));
    assert_int_equal(c.pad, PLEAT_PAD_BACKGROUND);
    assert_string_equal(pleat_schedules[c.train.schedule]->name, "poly");
    assert_int_equal(c.weights, PLEAT_WEIGHTS_LATEST);
    assert_int_equal(c.merge, PLEAT_MERGE_GAUSSIAN);
    assert_int_equal(c.precision, PLEAT_PRECISION_BF16);
    assert_string_equal(pleat_engine_name(c.engine), "ref64");
    pleat_config_defaults(&c);
    assert_string_equal(pleat_engine_name(c.engine), "auto");
    REFUSED(pleat_config_set("engine=abacus", &c), PLEAT_ERR_ARG, "|onednn|ref|ref64");
    REFUSED(pleat_config_set_key("--engine", "engine", "abacus", &c), PLEAT_ERR_ARG,
            "--engine: engine = 'abacus', must be one of auto|");
}

static void the_engine_of_a_configuration_has_its_name_precision_and_threads(void **state) {
    (void)state;
    pleat_config c;
    pleat_engine *engine = NULL;
    pleat_config_defaults(&c);
    OK(parse("engine: ref\nprecision: f32\n", &c));
    for (int own = 0; own < 2; own++) { /* threads of its own, or the caller's 2 */
        c.threads = own;
        OK(pleat_config_engine(&c, 2, &engine));
        assert_string_equal(engine->ops->name, "ref");
        assert_int_equal(engine->precision, PLEAT_PRECISION_F32);
        assert_int_equal(engine->threads, own ? 1 : 2);
        pleat_engine_destroy(engine);
    }
}

static void a_prediction_takes_only_keys_that_leave_the_model_as_it_is(void **state) {
    (void)state;
    static const char *const may[] = {
        "patch",  "overlap",   "pad",     "predict.merge", "predict.mirror",
        "engine", "precision", "threads", "predict.batch", "deterministic"};
    size_t n = 0;
    for (size_t i = 0; i < COUNT(settings); i++) {
        char text[256];
        int allowed = 0;
        pleat_config c;
        pleat_config_defaults(&c);
        (void)snprintf(text, sizeof text, "%s=%s", settings[i].key, settings[i].value);
        for (size_t k = 0; k < COUNT(may); k++) allowed |= strcmp(may[k], settings[i].key) == 0;
        n += (size_t)allowed;
        if (allowed)
            OK(pleat_config_set_predict(text, &c));
        else
            REFUSED(pleat_config_set_predict(text, &c), PLEAT_ERR_ARG,
                    "only patch, overlap, pad, predict.merge");
    }
    assert_int_equal(n, COUNT(may));
}

static void an_unknown_key_is_answered_with_the_one_that_was_meant(void **state) {
    (void)state;
    static const char *const typos[][2] = {
        {"train.epoch", "train.epochs"},
        {"epochs", "train.epochs"},
        {"lr", "train.lr"},
        {"tran.batch", "train.batch"},
        {"patchs", "patch"},
        {"filters", "network.filters"},
        {"augment.elastik.p", "augment.elastic.p"},
        {"batch", "train.batch"},
        {"training.epochs", "train.epochs"},
        {"momentum", "train.momentum"},
        {"net.filters", "network.filters"},
    };
    for (size_t i = 0; i < COUNT(typos); i++) {
        char text[64], message[64];
        pleat_config c;
        pleat_config_defaults(&c);
        (void)snprintf(text, sizeof text, "%s=1", typos[i][0]);
        (void)snprintf(message, sizeof message, "did you mean '%s'?", typos[i][1]);
        REFUSED(pleat_config_set(text, &c), PLEAT_ERR_ARG, message);
        TOLD(typos[i][0]);
    }
    pleat_config c;
    pleat_config_defaults(&c);
    REFUSED(pleat_config_set("zebra.stripes=1", &c), PLEAT_ERR_ARG,
            "--set: unknown key 'zebra.stripes'; `pleat config` lists all");
}

static void an_empty_file_changes_nothing(void **state) {
    (void)state;
    pleat_config c, defaults;
    pleat_config_defaults(&defaults);
    c = defaults;
    OK(parse("", &c));
    OK(parse("# nothing but a comment\n", &c));
    assert_int_equal(pleat_config_differences(&c, &defaults, what, sizeof what), 0);
}

static void steps_may_differ_by_channel(void **state) {
    (void)state;
    static const char *const lists[][3] = {
        {"preprocess.clip", "-1250,250;none", "clip: [[-1250, 250], none]"},
        {"preprocess.clip", "1,2; 3,4; 3,4", "clip: [[1, 2], [3, 4]]"}, /* the last goes on */
        {"preprocess.grayscale", "yes, no", "grayscale: [true, false]"},
        {"preprocess.zscore", "off,off", "zscore: false"},
        {"preprocess.zscore", " [ on, off ] ", "zscore: [true, false]"},
        {"preprocess.clip", "[[0,1],none]", "clip: [[0, 1], none]"},
        {"preprocess.clip", "[0, 1], [2, 3]", "clip: [[0, 1], [2, 3]]"},
        {"preprocess.clip", "none, [0, 1]", "clip: [none, [0, 1]]"},
        {"preprocess.clip", "[0, 1]", "clip: [0, 1]"},
        {"preprocess.clip", "none,none", "clip: none"},
    };
    pleat_config c, again;
    char text[16384], assignment[128];
    for (size_t i = 0; i < COUNT(lists); i++) {
        pleat_config_defaults(&c);
        again = c;
        (void)snprintf(assignment, sizeof assignment, "%s=%s", lists[i][0], lists[i][1]);
        OK(pleat_config_set(assignment, &c));
        OK(pleat_config_text(&c, 0, text, sizeof text));
        if (strstr(text, lists[i][2]) == NULL) fail_msg("'%s' is not in %s", lists[i][2], text);
        OK(parse(text, &again));
        assert_int_equal(pleat_config_differences(&c, &again, what, sizeof what), 0);
    }
    OK(parse("preprocess: {clip: [[-1, 1], none]}", &c));
    assert_true(c.prep.channel[0].clip && c.prep.channel[0].clip_range[1] == 1.0);
    for (int k = 1; k < PLEAT_MAX_CHANNELS; k++) assert_false(c.prep.channel[k].clip);
}

static void keys_that_do_not_fit_together_are_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"patch=160,160,72", "160x160x80"},
        {"overlap=160,0,0", "[80, 80, 40]"},
        {"overlap=0,0,80", "overlap 80 along z"},
        {"network.norm_sync=false", "deterministic: true needs network.norm_sync: true"},
        {"augment.blur.p=0.1", "augment.like: original has no such transform; set augment.blur.p"},
        {"train.warmup=1000", "train.warmup = 1000 is not smaller than train.epochs = 1000"},
    };
    pleat_config c;
    pleat_config_defaults(&c);
    OK(pleat_config_check(&c));
    for (size_t i = 0; i < COUNT(wrong); i++) {
        pleat_config_defaults(&c);
        OK(pleat_config_set("deterministic=true", &c));
        OK(pleat_config_check(&c));
        OK(pleat_config_set(wrong[i][0], &c));
        assert_int_not_equal(pleat_config_check(&c), PLEAT_OK);
        TOLD(wrong[i][1]);
    }
}

static void every_example_is_read_and_fits_together(void **state) {
    (void)state;
    char folder[512], path[1024];
    (void)snprintf(folder, sizeof folder, "%s", __FILE__);
    char *slash = strrchr(folder, '/');
    if (slash == NULL) skip();
    (void)snprintf(slash, sizeof folder - (size_t)(slash - folder), "/../../docs/examples");
    DIR *examples = opendir(folder);
    if (examples == NULL) skip();
    for (const struct dirent *e = readdir(examples); e != NULL; e = readdir(examples)) {
        const char *dot = strrchr(e->d_name, '.');
        if (dot == NULL || strcmp(dot, ".yaml") != 0) continue;
        pleat_config c;
        pleat_config_defaults(&c);
        OK(pleat_path(path, sizeof path, "%s/%s", folder, e->d_name));
        OK(pleat_config_read(path, &c));
        OK(pleat_config_check(&c));
    }
    (void)closedir(examples);
}

/* Annex A: 160x160x80 patches, 1.58x1.58x2.70 mm, 1000 epochs of 150 steps of 2 patches. */
static void the_defaults_are_the_papers(void **state) {
    (void)state;
    pleat_config c;
    pleat_config_defaults(&c);
    OK(parse("patch: [160, 160, 80]\noverlap: [80, 80, 30]\nfolds: {k: 5}\n"
             "preprocess: {clip: [-1250, 250], grayscale: yes, resample: [1.58, 1.58, 2.70]}\n"
             "network: {depth: 4, filters: 32, norm: yes, norm_momentum: 0.99}\n"
             "train: {epochs: 1000, iterations: 150, batch: 2, lr: 1e-3, stop_patience: 100,\n"
             "  plateau: {factor: 0.1, patience: 15, min_delta: 1e-4, cooldown: 1, min_lr: 1e-5}}\n"
             "augment: {mirror: 0.5, elastic: {p: 0.15, alpha: [0, 900], sigma: [9, 13]},\n"
             "  gamma: {range: [0.7, 1.5]}, noise: {range: [0, 0.05]}}\n",
             &c));
    pleat_config defaults;
    pleat_config_defaults(&defaults);
    if (pleat_config_differences(&c, &defaults, what, sizeof what) > 0)
        fail_msg("not the paper's: %s", what);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_read_printed_and_read_again),
        cmocka_unit_test(all_differences_that_change_results_are_named),
        cmocka_unit_test(file_beats_defaults_environment_beats_file_and_set_beats_all),
        cmocka_unit_test(variables_of_a_module_file_pass_and_misspelt_keys_do_not),
        cmocka_unit_test(sizes_are_written_x_y_z_and_held_d_h_w),
        cmocka_unit_test(a_section_or_step_is_switched_off_by_its_name),
        cmocka_unit_test(a_wrong_value_is_refused_with_place_key_and_what_is_allowed),
        cmocka_unit_test(a_choice_is_held_as_the_place_of_its_name),
        cmocka_unit_test(the_engine_of_a_configuration_has_its_name_precision_and_threads),
        cmocka_unit_test(a_prediction_takes_only_keys_that_leave_the_model_as_it_is),
        cmocka_unit_test(an_unknown_key_is_answered_with_the_one_that_was_meant),
        cmocka_unit_test(an_empty_file_changes_nothing),
        cmocka_unit_test(steps_may_differ_by_channel),
        cmocka_unit_test(keys_that_do_not_fit_together_are_refused),
        cmocka_unit_test(every_example_is_read_and_fits_together),
        cmocka_unit_test(the_defaults_are_the_papers),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
