/* test_config_text.c - the text of a configuration: what YAML may cost, what a text may hold. */
#include "pleat/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static void yaml_that_costs_much_is_refused(void **state) {
    (void)state;
    enum { BYTES = 200000 };
    pleat_config c;
    char *text = malloc(BYTES + 1), *at;
    assert_non_null(text);
    static const char *const openings[] = {"[", "{a: ", "- ", "? "};
    for (size_t i = 0; i < COUNT(openings); i++) {
        for (at = text; at < text + 100000; at += strlen(at))
            (void)snprintf(at, 8, "%s", openings[i]);
        REFUSED(pleat_config_parse(text, strlen(text), "x.yaml", &c), PLEAT_ERR_ARG,
                "x.yaml line 1: no file of settings is nested");
    }
    at = text + snprintf(text, BYTES, "patch: &p [");
    for (int i = 0; i < 1000; i++) at += snprintf(at, 8, "*p,");
    (void)snprintf(at, 8, "1]");
    REFUSED(pleat_config_parse(text, strlen(text), "x.yaml", &c), PLEAT_ERR_ARG, "aliases");
    memset(text, '#', BYTES);
    REFUSED(pleat_config_parse(text, BYTES, "x.yaml", &c), PLEAT_ERR_ARG, "200000 bytes");
    free(text);
    static const char twice[] = "{&s seed: 3, *s : 4}";
    REFUSED(pleat_config_parse(twice, strlen(twice), "x.yaml", &c), PLEAT_ERR_ARG,
            "'seed' is there twice");
    static const char *const nested[][2] = {
        {"train: {epochs: 3}\ntrain.epochs: 5\n", "line 2: 'train.epochs' is there twice"},
        {"augment: off\naugment.on: true\n", "'augment.on' is there twice, first in line 1"},
        {"train.lr: 1\nseed: 1\ntrain: {lr: 2}\n", "line 3: 'train.lr' is there twice"}};
    for (size_t i = 0; i < COUNT(nested); i++)
        REFUSED(pleat_config_parse(nested[i][0], strlen(nested[i][0]), "x.yaml", &c), PLEAT_ERR_ARG,
                nested[i][1]);
    REFUSED(pleat_config_set("train.loss=dice", &c), PLEAT_ERR_ARG, "|batch_dice_topk");
    static const char alias[] = "patch: &p [32, 48, 16]\noverlap: *p\n";
    pleat_config_defaults(&c);
    OK(pleat_config_parse(alias, strlen(alias), "x.yaml", &c));
    assert_int_equal(c.overlap[1], 48);
}

static void texts_are_utf8_without_control_characters(void **state) {
    (void)state;
    pleat_config c;
    pleat_config_defaults(&c);
    OK(pleat_config_set("data=M\xc3\xbcller", &c));
    REFUSED(pleat_config_set("data=M\xfcller", &c), PLEAT_ERR_ARG,
            "data = 'M\\xfcller' is not UTF-8 or has a control character");
    REFUSED(pleat_config_set("store=a\nb", &c), PLEAT_ERR_ARG, "control character");
    static const char escape[] = "classes: \"a,\\x1b]0;b\"";
    REFUSED(pleat_config_parse(escape, strlen(escape), "x.yaml", &c), PLEAT_ERR_ARG,
            "classes = 'a,\\x1b]0;b'");
    assert_string_equal(c.data, "M\xc3\xbcller");
}

static void a_scale_has_two_values(void **state) {
    (void)state;
    pleat_config c;
    pleat_config_defaults(&c);
    OK(pleat_config_set("preprocess.scale=[2, 2.5]", &c));
    OK(pleat_config_check(&c));
    OK(pleat_config_set("preprocess.scale=[2, 2]", &c));
    REFUSED(pleat_config_check(&c), PLEAT_ERR_ARG, "preprocess.scale = [2, 2]: both are one");
}

static void class_names_are_a_list_without_empty_or_equal_ones(void **state) {
    (void)state;
    pleat_config c;
    pleat_config_defaults(&c);
    OK(pleat_config_set("classes=[background,lesion]", &c));
    assert_string_equal(c.classes, "background,lesion");
    OK(pleat_config_check(&c));
    OK(pleat_config_set("classes=a,,b", &c));
    REFUSED(pleat_config_check(&c), PLEAT_ERR_ARG, "a name is empty");
    OK(pleat_config_set("classes=a,b,a", &c));
    REFUSED(pleat_config_check(&c), PLEAT_ERR_ARG, "'a' comes twice");
    const char *comma = "classes: [a, 'lung, left']";
    REFUSED(pleat_config_parse(comma, strlen(comma), "x.yaml", &c), PLEAT_ERR_ARG,
            "without commas");
}

static void mirrors_are_predicted_along_the_axes_that_training_mirrored(void **state) {
    (void)state;
    static const struct {
        const char *mirror, *patch, *on;
        int axes; /* D is 1, H is 2, W is 4 */
    } rows[] = {
        {"0.5", "16x16x16", "on", 7},         {"[0.5, 0, 0]", "16x16x16", "on", 4},
        {"[0, 0.1, 1]", "16x16x16", "on", 3}, {"0.5", "16x16x1", "on", 6},
        {"0", "16x16x16", "on", 0},           {"0.5", "16x16x16", "off", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_config c;
        pleat_config_defaults(&c);
        OK(pleat_config_set_key("", "augment.mirror", rows[i].mirror, &c));
        OK(pleat_config_set_key("", "patch", rows[i].patch, &c));
        OK(pleat_config_set_key("", "augment.on", rows[i].on, &c));
        OK(pleat_config_set("overlap=0x0x0", &c));
        OK(pleat_config_set("classes=a,b", &c));
        if (c.patch[0] == 1) OK(pleat_config_set("network.strides=221,221,221,221", &c));
        assert_int_equal(pleat_config_mirror(&c), 0);
        OK(pleat_config_set("predict.mirror=true", &c));
        assert_int_equal(pleat_config_mirror(&c), rows[i].axes);
        if (rows[i].axes != 0)
            OK(pleat_config_check(&c));
        else
            REFUSED(pleat_config_check(&c), PLEAT_ERR_ARG, "predict.mirror: true");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mirrors_are_predicted_along_the_axes_that_training_mirrored),
        cmocka_unit_test(yaml_that_costs_much_is_refused),
        cmocka_unit_test(texts_are_utf8_without_control_characters),
        cmocka_unit_test(a_scale_has_two_values),
        cmocka_unit_test(class_names_are_a_list_without_empty_or_equal_ones),
    };
    return cmocka_run_group_tests_name("config_text", tests, NULL, NULL);
}
