/* test_warn.c - a warning is said once, kept, and of all ranks. */
#include "pleat/comm.h"
#include "pleat/log.h"
#include "pleat/warn.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is in the log's file. The caller frees. */
static char *log_of(const char *path) {
    char *text = NULL;
    OK(pleat_log_open(NULL, 0));
    pleat_log_set_level(PLEAT_QUIET);
    OK(pleat_file_read_all(path, &text, NULL));
    return text;
}

static int times(const char *text, const char *word) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) n++;
    return n;
}

static void the_same_words_are_said_and_kept_once(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    pleat_comm *self = NULL;
    OK(pleat_comm_self(&self));
    OK(pleat_log_open(in_root(path, "log"), 0));
    pleat_log_set_level(PLEAT_INFO);
    pleat_warn_forget();
    const int said = pleat_warn_said();
    pleat_warn_before("an earlier start");
    for (int i = 0; i < 6; i++) pleat_warn("case %d\nis odd", i % 2);
    pleat_warn("an earlier start");
    OK(pleat_comm_gather_warnings(self));
    assert_int_equal(pleat_warn_count(), 3);
    assert_int_equal(pleat_warn_said() - said, 2);
    assert_string_equal(pleat_warn_text(0), "an earlier start");
    assert_string_equal(pleat_warn_text(1), "case 0 is odd"); /* one line */
    assert_string_equal(pleat_warn_text(2), "case 1 is odd");
    char *text = log_of(path);
    assert_int_equal(times(text, "  warning: case "), 2);
    assert_int_equal(times(text, "an earlier start"), 0);
    free(text);
    pleat_warn_forget();
    assert_int_equal(pleat_warn_count(), 0);
    OK(pleat_comm_gather_warnings(self));
    assert_int_equal(pleat_warn_count(), 0);
    pleat_comm_destroy(self);
}

static void who_is_quiet_keeps_them_and_forgets_what_came_after(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    OK(pleat_log_open(in_root(path, "quiet.log"), 0));
    pleat_log_set_level(PLEAT_INFO);
    pleat_warn_forget();
    const int said = pleat_warn_said();
    pleat_warn("first");
    pleat_warn_quiet(1);
    pleat_warn("second");
    pleat_warn_quiet(0);
    assert_int_equal(pleat_warn_count(), 2);
    assert_int_equal(pleat_warn_said() - said, 1);
    pleat_warn("second"); /* is kept, so it is not said either */
    pleat_warn_forget_from(1);
    assert_int_equal(pleat_warn_count(), 1);
    pleat_warn("second");
    pleat_warn("first");
    assert_int_equal(pleat_warn_said() - said, 2);
    char *text = log_of(path);
    assert_int_equal(times(text, "warning: first"), 1);
    assert_int_equal(times(text, "warning: second"), 1);
    free(text);
    pleat_warn_forget();
}

static void a_list_of_names_ends_where_it_is_full(void **state) {
    (void)state;
    char list[24] = "";
    const char *const want[] = {"case_1", "case_1, case_2", "case_1, case_2, ...",
                                "case_1, case_2, ..."};
    for (int i = 0; i < 4; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "case_%d", i + 1);
        pleat_warn_list(list, sizeof list, name);
        assert_string_equal(list, want[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_words_are_said_and_kept_once),
        cmocka_unit_test(who_is_quiet_keeps_them_and_forgets_what_came_after),
        cmocka_unit_test(a_list_of_names_ends_where_it_is_full),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
