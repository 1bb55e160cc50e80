/* test_classes.c - lists of class names, from text and back. */
#include "pleat/classes.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static void names_come_without_their_blanks(void **state) {
    (void)state;
    pleat_classes c;
    OK(pleat_classes_parse("background , b,  c d  ", &c));
    assert_int_equal(c.n, 3);
    assert_string_equal(c.name[0], "background");
    assert_string_equal(c.name[1], "b");
    assert_string_equal(c.name[2], "c d");
    pleat_classes_free(&c);
    assert_int_equal(c.n, 0);
    pleat_classes_free(&c);
}

static void an_empty_text_names_no_class(void **state) {
    (void)state;
    pleat_classes c;
    OK(pleat_classes_parse("", &c));
    assert_true(c.n == 0 && c.name == NULL);
    OK(pleat_classes_parse("  ", &c));
    assert_true(c.n == 0 && c.name == NULL);
}

static void a_name_that_is_empty_or_comes_twice_is_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {{"a,,b", "a name is empty"},
                                           {"a, ,b", "empty"},
                                           {",a", "empty"},
                                           {"a,", "empty"},
                                           {",", "empty"},
                                           {"a,b, a", "'a' comes twice"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        pleat_classes c;
        REFUSED(pleat_classes_parse(wrong[i][0], &c), PLEAT_ERR_ARG, wrong[i][1]);
        assert_null(c.name);
    }
}

static void a_name_is_utf8_without_control_characters(void **state) {
    (void)state;
    pleat_classes c;
    static const char *const list[] = {"a", "b\nc"};
    REFUSED(pleat_classes_parse("a,\x1b[1mb", &c), PLEAT_ERR_ARG, "class name '\\x1b[1mb'");
    REFUSED(pleat_classes_parse("a,M\xfc", &c), PLEAT_ERR_ARG, "class name 'M\\xfc'");
    REFUSED(pleat_classes_make(list, 2, &c), PLEAT_ERR_ARG, "control character");
    OK(pleat_classes_parse("a,M\xc3\xbc", &c));
    pleat_classes_free(&c);
}

/* "c0,c1,..." of n classes. */
static const char *many(int n) {
    static char text[PLEAT_CLASSES_BYTES];
    size_t used = 0;
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%sc%d", i > 0 ? "," : "", i);
    return text;
}

static void as_many_classes_as_labels_have_values_are_read_and_written(void **state) {
    (void)state;
    pleat_classes c;
    char text[PLEAT_CLASSES_BYTES];
    OK(pleat_classes_parse(many(254), &c));
    assert_int_equal(c.n, 254);
    assert_string_equal(c.name[253], "c253");
    OK(pleat_classes_text(&c, text, sizeof text));
    assert_string_equal(text, many(254));
    REFUSED(pleat_classes_text(&c, text, strlen(text)), PLEAT_ERR_ARG, "longer than");
    pleat_classes_free(&c);
    REFUSED(pleat_classes_parse(many(255), &c), PLEAT_ERR_ARG, "255, at most 254");
}

static void names_of_other_files_keep_what_they_have(void **state) {
    (void)state;
    const char *const names[] = {"left, upper", " b "};
    pleat_classes c;
    char text[64];
    OK(pleat_classes_make(names, 2, &c));
    assert_string_equal(c.name[0], "left, upper");
    assert_string_equal(c.name[1], " b ");
    REFUSED(pleat_classes_text(&c, text, sizeof text), PLEAT_ERR_ARG,
            "'left, upper' holds a comma");
    pleat_classes_free(&c);
}

/* What a text says, as the shortest text that says so; and how labels are numbered inside. */
static void labels_regions_and_ignore_are_read_and_written(void **state) {
    (void)state;
    static const char *const rows[][3] = {
        {"a, b, c", "a,b,c", ""},
        {"a, b = 5, c = 6 , d=9", "a,b=5,c,d=9", "0,5,6,9"},
        {"a, b=7, c=5", "a,b=7,c=5", "0,7,5"},
        {"a, b, ignore=9", "a,b,ignore=9", "0,1,ignore 9"},
        {"a, ignore, c", "a,ignore,c", ""},
        {"a, ignore = 254, b=7", "a,b=7,ignore=254", "0,7,ignore 254"},
        {"a, w=1+2 + 3: 1, c=3+2:2, e=3", "a,w=1+2+3:1,c=2+3:2,e=3:3", ""},
        {"a, w=1+4:1, e=4, ignore=5", "a,w=1+4:1,e=4:4,ignore=5", "0,1,4,ignore 5"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_classes c;
        pleat_labels labels, again;
        char text[200];
        OK(pleat_classes_parse(rows[i][0], &c));
        OK(pleat_classes_text(&c, text, sizeof text));
        assert_string_equal(text, rows[i][1]);
        pleat_labels_of(&c, &labels);
        assert_true(pleat_labels_text(&labels, text, sizeof text));
        assert_string_equal(text, rows[i][2]);
        assert_int_equal(pleat_labels_parse(text, &again), text[0] != '\0');
        assert_memory_equal(&labels, &again, sizeof again);
        pleat_classes_free(&c);
    }
}

static void labels_that_cannot_be_are_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"a=1,b=2", "label 0"},
        {"a,b=5,c=5", "'b' and 'c' are both label 5"},
        {"a,b=-1", "'b=-1'"},
        {"a,b=255", "'b=255'"},
        {"a,b=5 x", "'b=5 x'"},
        {"a,b=", "'b='"},
        {"a,b=1+2,c=3", "'b=1+2'"},
        {"a,b=1+2:1,c", "'c='"},
        {"a,b=1+2:3,c=1", "'b' writes label 3, which is in no region"},
        {"a,b=0+2:2,c=1", "label 0 is the background"},
        {"a,b=1+2:1", "2 to 32 regions"},
        {"a,b,ignore=1", "must be the highest"},
        {"a,b=1+2:1,c=9,ignore=5", "must be the highest, and there is a label 9"},
        {"a,b=1+4:1,c=4:3,ignore=3", "the label to ignore ('ignore') is 3, but it must be the"},
        {"a,b,ignore=0", "'ignore=0'"},
        {"ignore=4", "no class but one to ignore"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        pleat_classes c;
        REFUSED(pleat_classes_parse(wrong[i][0], &c), PLEAT_ERR_ARG, wrong[i][1]);
        assert_null(c.name);
    }
    static const char *const texts[] = {"",         "1,2",        "0,2,2",        "0,x",
                                        "0,ignore", "0,ignore 0", "0,ignore 3,4", "0,1,"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        pleat_labels labels;
        assert_false(pleat_labels_parse(texts[i], &labels));
    }
}

static void labels_of_files_become_those_inside_and_back(void **state) {
    (void)state;
    pleat_labels labels;
    uint8_t map[] = {7, 0, 5, 9, 7};
    static const uint8_t files[] = {7, 0, 5, 9, 7}, inside[] = {2, 0, 1, PLEAT_IGNORED, 2};
    assert_true(pleat_labels_parse("0,5,7,ignore 9", &labels));
    assert_int_equal(pleat_labels_enter(&labels, 5, map), 5);
    assert_memory_equal(map, inside, 5);
    pleat_labels_leave(&labels, 5, map);
    assert_memory_equal(map, files, 5);
    map[3] = 8;
    assert_int_equal(pleat_labels_enter(&labels, 5, map), 3);
    const pleat_labels plain = {0};
    assert_int_equal(pleat_labels_enter(&plain, 5, map), 5);
}

/* nnU-Net's own examples are none of these; it would write them without a word. */
static void regions_that_no_prediction_can_show_are_refused(void **state) {
    (void)state;
    static const char *const good[] = {"b,whole=1+2+3:1,core=2+3:2,active=3",
                                       "b,whole=1+2+3:2,core=1+3:1,active=3", "b,x,y,z",
                                       "b,organ=1+2:1,tumour=2,other=3"};
    static const char *const wrong[][3] = {
        {"b,whole=1+2+3:1,core=2+3:3,active=3", "'core' and 'active' both write label 3", "first"},
        {"b,core=2+3:2,whole=1+2+3:1", "'core' would never be written", "such as 'whole'"},
        {"b,both=1+2:1,c=2+3:2,d=1+4:4", "'both' would never be written", "such as 'd'"}};
    char text[256];
    for (size_t i = 0; i < COUNT(good); i++) {
        pleat_classes c;
        OK(pleat_classes_parse(good[i], &c));
        OK(pleat_classes_check_written("w", &c));
        if (!pleat_classes_read_back(&c, text, sizeof text)) fail_msg("%s: %s", good[i], text);
        pleat_classes_free(&c);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        pleat_classes c;
        OK(pleat_classes_parse(wrong[i][0], &c));
        REFUSED(pleat_classes_check_written("w", &c), PLEAT_ERR_ARG, wrong[i][1]);
        TOLD(wrong[i][2]);
        pleat_classes_free(&c);
    }
}

static void what_would_be_read_back_as_other_regions_is_found(void **state) {
    (void)state;
    static const char *const doubtful[][2] = {
        {"b,whole=2+4+5:2,core=4+5:5,active=5:4", "predicted as label 4 is, region 'core' writes"},
        {"b,left=1+2:1,right=2+3:3", "label 2 is, region 'right' writes label 3"}};
    char text[256];
    for (size_t i = 0; i < COUNT(doubtful); i++) {
        pleat_classes c;
        OK(pleat_classes_parse(doubtful[i][0], &c));
        OK(pleat_classes_check_written("w", &c));
        assert_false(pleat_classes_read_back(&c, text, sizeof text));
        if (strstr(text, doubtful[i][1]) == NULL) fail_msg("%s", text);
        pleat_classes_free(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_regions_and_ignore_are_read_and_written),
        cmocka_unit_test(regions_that_no_prediction_can_show_are_refused),
        cmocka_unit_test(what_would_be_read_back_as_other_regions_is_found),
        cmocka_unit_test(labels_that_cannot_be_are_refused),
        cmocka_unit_test(labels_of_files_become_those_inside_and_back),
        cmocka_unit_test(names_come_without_their_blanks),
        cmocka_unit_test(an_empty_text_names_no_class),
        cmocka_unit_test(a_name_is_utf8_without_control_characters),
        cmocka_unit_test(a_name_that_is_empty_or_comes_twice_is_refused),
        cmocka_unit_test(as_many_classes_as_labels_have_values_are_read_and_written),
        cmocka_unit_test(names_of_other_files_keep_what_they_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
