/* test_layout_classes.c - the classes of a dataset.json: labels, regions, and one to ignore. */
#include "pleat/file.h"
#include "pleat/layout.h"
#include "support.h"

#include <string.h>

static void put_json(const char *folder, const char *text) {
    char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/dataset.json", folder));
    OK(pleat_file_write_atomic(path, text, strlen(text)));
}

static void class_names_are_read_in_both_orders(void **state) {
    (void)state;
    static const char *const good[] = {
        "{\"labels\": {\"0\": \"background\", \"2\": \"right\", \"1\": \"left\"}}",
        "{\"labels\": {\"right\": 2, \"background\": 0, \"left\": 1}}",
    };
    const char *f = root;
    pleat_classes classes;
    OK(pleat_layout_classes(f, &classes));
    assert_int_equal(classes.n, 0);
    assert_null(classes.name);
    for (int i = 0; i < 2; i++) {
        put_json(f, good[i]);
        OK(pleat_layout_classes(f, &classes));
        assert_int_equal(classes.n, 3);
        assert_string_equal(classes.name[0], "background");
        assert_string_equal(classes.name[1], "left");
        assert_string_equal(classes.name[2], "right");
        pleat_classes_free(&classes);
    }
    static const struct {
        const char *json;
        pleat_status status;
        const char *text;
    } wrong[] = {
        {"{\"labels\": {\"1\": \"background\", \"2\": \"left\"}}", PLEAT_ERR_ARG, "label 0"},
        {"{\"labels\": {\"a\": 0, \"b\": 0}}", PLEAT_ERR_ARG, "both label 0"},
        {"{\"labels\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"b\"}}", PLEAT_ERR_ARG,
         "two classes are called 'b'"},
        {"{\"labels\": {\"a\": 0, \"b\": 1, \" b\": 2}}", PLEAT_ERR_ARG,
         "two classes are called 'b'"},
        {"{\"labels\": {\"a\": 0, \" \": 1}}", PLEAT_ERR_ARG, "label 1 has no name"},
        {"{\"labels\": {\"a\": 0, \"background \": 1}}", PLEAT_ERR_ARG, "label 0 is the back"},
        {"{\"labels\": {\"0\": \"a\", \"1\": \"Background\"}}", PLEAT_ERR_ARG,
         "the class 'Background' is label 1"},
        {"{\"labels\": {\"a\": 0, \"b\": 255}}", PLEAT_ERR_DATA, "255; values are 0 to 254"},
        {"{\"labels\": {\"a\": -1}}", PLEAT_ERR_DATA, "-1"},
        {"{\"labels\": {\"a\": 0, \"whole\": [1, 2]}}", PLEAT_ERR_DATA, "2 to 32 regions"},
        {"{\"labels\": {\"a\": 0, \"whole\": [1, 2], \"core\": 2}}", PLEAT_ERR_FORMAT,
         "\"regions_class_order\" must list"},
        {"{\"labels\": {\"a\": 0, \"b\": [1, 2], \"c\": 2}, \"regions_class_order\": [1]}",
         PLEAT_ERR_FORMAT, "\"regions_class_order\" must list"},
        {"{\"labels\": {\"a\": 0, \"b\": [1, 2], \"c\": 2}, \"regions_class_order\": [1, 3]}",
         PLEAT_ERR_ARG, "'c' writes label 3, which is in no region"},
        {"{\"labels\": {\"a\": 0, \"b\": [1, \"x\"], \"c\": 2}, \"regions_class_order\": [1, 2]}",
         PLEAT_ERR_FORMAT, "no list of whole numbers"},
        {"{\"labels\": {\"a\": 0, \"b\": [0, 1], \"c\": 2}, \"regions_class_order\": [1, 2]}",
         PLEAT_ERR_ARG, "label 0 is the background"},
        {"{\"labels\": {\"a\": 0, \"b\": 2, \"ignore\": 1}}", PLEAT_ERR_ARG, "must be the highest"},
        {"{\"labels\": {\"a\": 0, \"ignore\": 0}}", PLEAT_ERR_DATA, "'ignore' is 0"},
        {"{\"labels\": {\"zero\": \"background\"}}", PLEAT_ERR_FORMAT, "'zero'"},
        {"{\"labels\": {\"0\": null}}", PLEAT_ERR_FORMAT, "'0'"},
        {"{\"labels\": [1]}", PLEAT_ERR_FORMAT, "labels"},
        {"{", PLEAT_ERR_FORMAT, "dataset.json"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        put_json(f, wrong[i].json);
        REFUSED(pleat_layout_classes(f, &classes), wrong[i].status, wrong[i].text);
    }
}

/* A dataset.json's classes as the configuration's text. */
static void labels_with_gaps_regions_and_ignore_are_read(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"{\"labels\": {\"7\": \"b\", \"0\": \"background\", \"5\": \"a\"}}", "background,a=5,b=7"},
        {"{\"labels\": {\"background\": 0, \"b\": 2, \"a\": 1, \"ignore\": 4}}",
         "background,a,b,ignore=4"},
        {"{\"labels\": {\"background\": 0, \"whole\": [1, 2, 3], \"core\": [2, 3], \"active\": 3,"
         " \"ignore\": 4}, \"regions_class_order\": [1, 2, 3]}",
         "background,whole=1+2+3:1,core=2+3:2,active=3:3,ignore=4"},
        {"{\"labels\": {\"core\": [4, 9], \"none\": [0], \"all\": [1, 4]},"
         " \"regions_class_order\": [9, 1]}",
         "none,core=4+9:9,all=1+4:1"},
    };
    const char *f = root;
    char text[PLEAT_CLASSES_BYTES];
    pleat_classes classes;
    for (size_t i = 0; i < COUNT(rows); i++) {
        put_json(f, rows[i][0]);
        OK(pleat_layout_classes(f, &classes));
        OK(pleat_classes_text(&classes, text, sizeof text));
        assert_string_equal(text, rows[i][1]);
        pleat_classes_free(&classes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_names_are_read_in_both_orders),
        cmocka_unit_test(labels_with_gaps_regions_and_ignore_are_read),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
