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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_gives_values_to_keys_that_nobody_has_set),
        cmocka_unit_test(a_preset_is_a_recipe_whose_keys_may_be_set_apart),
        cmocka_unit_test(a_small_patch_brings_its_overlap),
    };
    return cmocka_run_group_tests_name("recipes", tests, NULL, NULL);
}
