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
    OK(pleat_classes_parse(many(255), &c));
    assert_int_equal(c.n, 255);
    assert_string_equal(c.name[254], "c254");
    OK(pleat_classes_text(&c, text, sizeof text));
    assert_string_equal(text, many(255));
    REFUSED(pleat_classes_text(&c, text, strlen(text)), PLEAT_ERR_ARG, "longer than");
    pleat_classes_free(&c);
    REFUSED(pleat_classes_parse(many(256), &c), PLEAT_ERR_ARG, "256, at most 255");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_without_their_blanks),
        cmocka_unit_test(an_empty_text_names_no_class),
        cmocka_unit_test(a_name_is_utf8_without_control_characters),
        cmocka_unit_test(a_name_that_is_empty_or_comes_twice_is_refused),
        cmocka_unit_test(as_many_classes_as_labels_have_values_are_read_and_written),
        cmocka_unit_test(names_of_other_files_keep_what_they_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
