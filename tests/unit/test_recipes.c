/* test_recipes.c - choices that give the keys that are not set their values. */
#include "pleat/config.h"

#include <string.h>

#include "support.h"

#define TEXT 16384

static char what[4096]; /* of pleat_config_differences */

static pleat_status parse(const char *text, pleat_config *config) {
    return pleat_config_parse(text, strlen(text), "run.yaml", config);
}

/* Before the choice or after it, in a file or by --set. */
static void a_choice_gives_values_to_keys_that_nobody_has_set(void **state) {
    (void)state;
    pleat_config c, defaults;
    char text[TEXT];
    pleat_config_defaults(&defaults);
    c = defaults;
    OK(parse("augment: {noise: {p: 0.7}, like: nnunet, gamma: {p: 0.6}}\n", &c));
    const pleat_augment_config *t = &c.train.transforms;
    assert_true(t->noise_p == 0.7 && t->gamma_p == 0.6 && t->noise[1] == 0.1);
    assert_true(t->rotation[0] == -30.0 && t->scale[0] == 0.7 && t->elastic_p == 0.0);
    assert_true(t->blur_p == 0.2 && t->coarsen_p == 0.25 && t->inverted_p == 0.1);
    OK(pleat_config_check(&c));
    OK(pleat_config_text(&c, 1, text, sizeof text));
    assert_non_null(strstr(text, "range: [0.7, 1.4]  # by augment.like: nnunet; factor\n"));
    assert_non_null(strstr(text, "p: 0.7  # probability\n"));
    OK(pleat_config_set("augment.like=original", &c));
    OK(pleat_config_set("augment.noise.p=0.15", &c));
    OK(pleat_config_set("augment.gamma.p=0.15", &c));
    assert_int_equal(pleat_config_differences(&c, &defaults, what, sizeof what), 0);
}

static void a_preset_is_a_recipe_whose_keys_may_be_set_apart(void **state) {
    (void)state;
    /* nnU-Net v2, by its own sources */
    static const char *const nnunet[] = {"clip: none",
                                         "grayscale: false",
                                         "resample: none",
                                         "zscore: true",
                                         "k: 5",
                                         "like: nnunet",
                                         "overlap: [80, 80, 40]",
                                         "pad: nnunet",
                                         "name: plainconv",
                                         "most_filters: 320",
                                         "supervise: true",
                                         "iterations: 250",
                                         "batch: 2",
                                         "oversample: 0.33",
                                         "loss: dice_ce",
                                         "optimizer: sgd",
                                         "momentum: 0.99",
                                         "weight_decay: 3e-05",
                                         "clip: 12",
                                         "lr: 0.01",
                                         "schedule: poly",
                                         "stop_patience: 0",
                                         "weights: latest",
                                         "range: [-30, 30]",
                                         "merge: nnunet",
                                         "mirror: true"};
    pleat_config c, defaults;
    char text[TEXT];
    pleat_config_defaults(&defaults);
    c = defaults;
    OK(pleat_config_set("preset=nnunet", &c));
    OK(pleat_config_check(&c));
    OK(pleat_config_text(&c, 0, text, sizeof text));
    for (size_t i = 0; i < COUNT(nnunet); i++)
        if (strstr(text, nnunet[i]) == NULL) fail_msg("'%s' is not in %s", nnunet[i], text);
    OK(pleat_config_text(&c, 1, text, sizeof text));
    assert_non_null(strstr(text, "lr: 0.01  # by preset: nnunet; learning rate at the start\n"));
    assert_non_null(strstr(text, "range: [-30, 30]  # by augment.like: nnunet; degrees"));
    OK(pleat_config_set("preset=miscnn", &c));
    assert_int_equal(pleat_config_differences(&c, &defaults, what, sizeof what), 0);

    c = defaults; /* of the recipe, everything but what is set */
    OK(parse("train: {lr: 0.5}\npreset: nnunet\naugment: {like: original}\n", &c));
    assert_true(c.train.lr == 0.5 && c.train.update.clip == 12.0);
    assert_true(c.train.transforms.rotation[1] == 15.0 && c.train.transforms.elastic_p == 0.15);
    OK(pleat_config_text(&c, 1, text, sizeof text));
    assert_non_null(strstr(text, "lr: 0.5  # learning rate at the start\n"));
}

/* Where the usual overlap fits, it stays; where it is set, it is not touched. */
static void a_small_patch_brings_its_overlap(void **state) {
    (void)state;
    static const struct {
        const char *sets[3];
        int overlap[3]; /* z, y, x */
    } rows[] = {{{"patch=16x24x8"}, {4, 12, 8}},
                {{"patch=160x64x80"}, {30, 32, 80}},
                {{"patch=16x24x8", "patch=160x160x80"}, {30, 80, 80}},
                {{"overlap=4x4x4", "patch=16x24x8"}, {4, 4, 4}},
                {{"patch=16x24x8", "overlap=4x4x4", "seed=2"}, {4, 4, 4}},
                {{"preset=nnunet", "patch=128x128x40"}, {20, 80, 80}},
                {{"patch=128x128x40", "preset=nnunet"}, {20, 80, 80}},
                {{"preset=nnunet", "patch=128x128x48"}, {40, 80, 80}}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_config c;
        pleat_config_defaults(&c);
        for (int k = 0; k < 3 && rows[i].sets[k] != NULL; k++)
            OK(pleat_config_set(rows[i].sets[k], &c));
        for (int a = 0; a < 3; a++) assert_int_equal(c.overlap[a], rows[i].overlap[a]);
    }
}

static void a_loss_or_norm_that_does_not_fit_is_refused_for_a_training(void **state) {
    (void)state;
    static const char *const two = "background, a", *const three = "background, a, b";
    static const char *const regions = "background, a=1+2:1, b=2";
    static const struct {
        const char *sets[2], *classes, *told; /* NULL: is taken */
    } rows[] = {
        {{"train.loss=symmetric_focal"}, two, NULL},
        {{"train.loss=symmetric_focal"}, three, "there are 3 classes"},
        {{"train.loss=asymmetric_focal"}, three, "train.loss is asymmetric_focal"},
        {{"train.loss=symmetric_focal_tversky"}, three, "soft_dice, dice_coefficient"},
        {{"train.loss=asymmetric_focal_tversky"}, three, "background and one class alone"},
        {{"train.loss=symmetric_unified_focal"}, three, "background and one class alone"},
        {{"train.loss=asymmetric_unified_focal"}, three, "background and one class alone"},
        {{"train.loss=combo"}, three, NULL},
        {{"train.loss=categorical_focal"}, three, NULL},
        {{"train.loss=focal_tversky"}, three, NULL},
        {{"train.loss=dice_bce"}, three, "the classes are no regions"},
        {{"train.loss=dice_bce"}, regions, NULL},
        {{"train.loss=dice_ce"}, regions, "choose one of: dice_bce, batch_dice_bce"},
        {{"network.norm=false"}, two, NULL},
        {{"network.norm=false", "network.name=multires"}, two, "network.name: multires always has"},
        {{"network.norm=false", "preset=nnunet"}, two, "network.norm is false"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_config c;
        pleat_classes classes;
        pleat_config_defaults(&c);
        for (int k = 0; k < 2 && rows[i].sets[k] != NULL; k++)
            OK(pleat_config_set(rows[i].sets[k], &c));
        OK(pleat_classes_parse(rows[i].classes, &classes));
        if (rows[i].told == NULL)
            OK(pleat_config_check_training(&c, &classes));
        else
            REFUSED(pleat_config_check_training(&c, &classes), PLEAT_ERR_ARG, rows[i].told);
        pleat_classes_free(&classes);
    }
}

static void a_key_that_was_set_to_no_effect_is_found(void **state) {
    (void)state;
    static const struct {
        const char *sets[3], *key, *choice; /* NULL: none is */
    } rows[] = {
        {{NULL}, NULL, NULL},
        {{"preset=nnunet"}, NULL, NULL},
        {{"network.most_filters=320"}, NULL, NULL}, /* as it is */
        {{"network.most_filters=64"}, "network.most_filters", "network.name: unet"},
        {{"network.most_filters=64", "preset=nnunet"}, NULL, NULL},
        {{"network.blocks=1,1,1,1,1", "preset=nnunet"},
         "network.blocks",
         "network.name: plainconv"},
        {{"network.supervise=off"}, "network.supervise", "network.name: unet"},
        {{"network.input_shortcut=on"}, "network.input_shortcut", "network.name: unet"},
        {{"network.strides=221,222,222,222"}, NULL, NULL},
        {{"network.norm_sync=off"}, NULL, NULL},
        {{"network.norm_sync=off", "network.name=plainconv"},
         "network.norm_sync",
         "network.name: plainconv"},
        {{"network.norm_momentum=0.9", "network.norm=off"},
         "network.norm_momentum",
         "network.norm: false"},
        {{"train.amsgrad=on"}, NULL, NULL},
        {{"train.amsgrad=on", "train.optimizer=sgd"}, "train.amsgrad", "train.optimizer: sgd"},
        {{"train.momentum=0.9"}, "train.momentum", "train.optimizer: adam"},
        {{"train.momentum=0.9", "train.optimizer=sgd"}, NULL, NULL},
        {{"train.weight_decay=0.1"}, "train.weight_decay", "train.optimizer: adam"},
        {{"train.weight_decay=0.1", "train.optimizer=adamw"}, NULL, NULL},
        {{"train.plateau.factor=0.5"}, NULL, NULL},
        {{"train.plateau.factor=0.5", "train.schedule=poly"},
         "train.plateau.factor",
         "train.schedule: poly"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_config c;
        const char *key = NULL;
        char choice[64] = "";
        pleat_config_defaults(&c);
        for (int k = 0; k < 3 && rows[i].sets[k] != NULL; k++)
            OK(pleat_config_set(rows[i].sets[k], &c));
        const int at = pleat_config_idle(&c, 0, &key, choice);
        if ((at >= 0) != (rows[i].key != NULL)) fail_msg("row %zu: %d, %s", i, at, key);
        if (at < 0) continue;
        assert_string_equal(key, rows[i].key);
        assert_string_equal(choice, rows[i].choice);
        assert_int_equal(pleat_config_idle(&c, at + 1, &key, choice), -1);
    }
}

static void another_preprocessing_is_told_by_its_first_key(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"preprocess.clip=none", "preprocess.clip was [-1250, 250], now none"},
        {"preprocess.grayscale=off", "preprocess.grayscale was true, now false"},
        {"preprocess.resample=1,1,3", "preprocess.resample was [1.58, 1.58, 2.7], now [1, 1, 3]"},
        {"preprocess.scale=0,1", "preprocess.scale was none, now [0, 1]"},
        {"preprocess.zscore=off", "preprocess.zscore was true, now false"},
        {"preprocess.orient=RAS", "preprocess.orient was none, now RAS"}};
    char text[TEXT], out[256];
    pleat_config c;
    pleat_config_defaults(&c);
    pleat_prep_text(&c.prep, text, sizeof text);
    assert_false(pleat_config_prep_differs(&c, text, out, sizeof out));
    assert_false(pleat_config_prep_differs(&c, "", out, sizeof out));
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_config other = c;
        OK(pleat_config_set(rows[i][0], &other));
        assert_true(pleat_config_prep_differs(&other, text, out, sizeof out));
        assert_string_equal(out, rows[i][1]);
    }
}

/* What was not mirrored in training is not in a prediction, unless somebody says so. */
static void a_preset_mirrors_where_training_has(void **state) {
    (void)state;
    static const struct {
        const char *sets[3];
        int mirror;
    } rows[] = {{{"preset=nnunet"}, 1},
                {{"preset=nnunet", "augment=off"}, 0},
                {{"augment=off", "preset=nnunet"}, 0},
                {{"preset=nnunet", "augment=off", "augment=on"}, 1},
                {{"preset=nnunet", "augment.mirror=0"}, 0},
                {{"preset=nnunet", "augment.mirror=0", "augment.mirror=0,0,0.5"}, 1},
                {{"preset=nnunet", "preset=miscnn"}, 0}};
    pleat_config c;
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_config_defaults(&c);
        for (int k = 0; k < 3 && rows[i].sets[k] != NULL; k++)
            OK(pleat_config_set(rows[i].sets[k], &c));
        assert_int_equal(c.mirror, rows[i].mirror);
        OK(pleat_config_check(&c));
    }
    OK(pleat_config_set("augment=off", &c));
    OK(pleat_config_set("predict.mirror=true", &c));
    REFUSED(pleat_config_check(&c), PLEAT_ERR_ARG, "augment.on is false");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_gives_values_to_keys_that_nobody_has_set),
        cmocka_unit_test(a_preset_is_a_recipe_whose_keys_may_be_set_apart),
        cmocka_unit_test(a_small_patch_brings_its_overlap),
        cmocka_unit_test(a_loss_or_norm_that_does_not_fit_is_refused_for_a_training),
        cmocka_unit_test(a_preset_mirrors_where_training_has),
        cmocka_unit_test(a_key_that_was_set_to_no_effect_is_found),
        cmocka_unit_test(another_preprocessing_is_told_by_its_first_key),
    };
    return cmocka_run_group_tests_name("recipes", tests, NULL, NULL);
}
