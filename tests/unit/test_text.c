/* test_text.c - text of others is told from text that commands a terminal, and shown harmlessly. */
#include "pleat/text.h"

#include "pleat/log.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the table of RFC 3629 and of the examples of Markus Kuhn's UTF-8 stress test. */
static const struct {
    const char *text, *shown;
} rows[] = {
    {"", NULL},
    {"plain ~ text", NULL},
    {"\xe2\x80\xa6 \xe2\x81\xaa", NULL},   /* beside those that turn the text */
    {"a\xe2\x80\xae", "a\\xe2\\x80\\xae"}, /* U+202E */
    {"\xe2\x81\xa6", "\\xe2\\x81\\xa6"},   /* U+2066 */
    {"M\xc3\xbcller", NULL},
    {"\xe2\x82\xac \xf0\x9f\xab\x81", NULL}, /* the euro; lungs */
    {"\xed\x9f\xbf\xee\x80\x80", NULL},      /* beside the surrogates */
    {"\xf4\x8f\xbf\xbf", NULL},              /* the last character */
    {"M\xfcller", "M\\xfcller"},             /* Latin-1 */
    {"a\x1b[31mb", "a\\x1b[31mb"},           /* ESC */
    {"a\tb\rc\x7f", "a\\x09b\\x0dc\\x7f"},
    {"\xc2\x9b" /* CSI among the C1 */
     "31m",
     "\\xc2\\x9b31m"},
    {"\xc0\xaf", "\\xc0\\xaf"}, /* longer than it has to be */
    {"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"},
    {"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* a surrogate */
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond the last */
    {"\xe2\x82", "\\xe2\\x82"},                   /* cut */
    {"\x80", "\\x80"},
    {"\xff", "\\xff"},
};

static void only_utf8_without_control_characters_is_plain(void **state) {
    (void)state;
    char shown[64];
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_text_show(rows[i].text, shown, sizeof shown);
        assert_string_equal(shown, rows[i].shown != NULL ? rows[i].shown : rows[i].text);
        assert_int_equal(pleat_text_is_plain(rows[i].text), rows[i].shown == NULL);
    }
    pleat_text_show("two\nlines", shown, sizeof shown);
    assert_string_equal(shown, "two\nlines");
    assert_int_equal(pleat_text_is_plain("two\nlines"), 0);
}

static void what_does_not_fit_is_cut_between_characters(void **state) {
    (void)state;
    char shown[5];
    pleat_text_show("ab\xe2\x82\xac", shown, sizeof shown);
    assert_string_equal(shown, "ab");
    pleat_text_show("a\x1b", shown, sizeof shown);
    assert_string_equal(shown, "a");
    pleat_text_show("\x1b", shown, sizeof shown);
    assert_string_equal(shown, "\\x1b");
    pleat_text_name("\n", shown, sizeof shown);
    assert_string_equal(shown, "\\x0a");
}

static void neither_messages_nor_the_log_hold_what_a_terminal_obeys(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], *said = NULL;
    (void)pleat_error_set(PLEAT_ERR_DATA, "f", 1, "g", "case '%s'", "a\x1b]0;b\x07");
    assert_string_equal(pleat_error_message(), "case 'a\\x1b]0;b\\x07'");
    assert_null(strchr(pleat_error_trace(), '\x1b'));
    (void)in_root(path, "log");
    OK(pleat_log_open(path, 0));
    pleat_log_set_level(PLEAT_INFO);
    pleat_log(PLEAT_INFO, "case '%s'", "a\x1b]0;b\x07");
    pleat_log_set_level(PLEAT_QUIET);
    OK(pleat_log_open(NULL, 0));
    OK(pleat_file_read_all(path, &said, NULL));
    assert_non_null(strstr(said, "  case 'a\\x1b]0;b\\x07'\n"));
    free(said);
}

static void lines_end_between_words(void **state) {
    (void)state;
    static const struct {
        const char *text, *wrapped;
    } of[] = {{"", "\n"},
              {"one two three four five", "one two\n    three four\n    five\n"},
              {"averylongwordindeedthatis long", "averylongwordindeedthatis\n    long\n"},
              {"number of it (default 3)", "number of it\n    (default 3)\n"},
              {"one M\xc3\xbcller and", "one M\xc3\xbcller\n    and\n"}};
    for (size_t i = 0; i < COUNT(of); i++) {
        char *text = NULL;
        size_t bytes = 0;
        FILE *out = open_memstream(&text, &bytes);
        assert_non_null(out);
        pleat_text_wrap(out, of[i].text, 4, 4 + 13);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, of[i].wrapped);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_utf8_without_control_characters_is_plain),
        cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
        cmocka_unit_test(neither_messages_nor_the_log_hold_what_a_terminal_obeys),
        cmocka_unit_test(lines_end_between_words),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
