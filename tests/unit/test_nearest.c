/* test_nearest.c - which name is meant by a misspelt one. */
#include "pleat/nearest.h"
#include "support.h"

#include <string.h>

/* Counted by hand: each letter changed, inserted or left out is one. */
static void the_distance_is_the_number_of_letters_to_mend(void **state) {
    (void)state;
    static const struct {
        const char *wanted, *known;
        int distance;
    } rows[] = {
        {"train", "train", 0},
        {"trian", "train", 2},
        {"tran", "train", 1},
        {"trains", "train", 1},
        {"", "train", 5},
        {"kitten", "sitting", 3},
        {"--fodl", "--fold", 2},
        {"epochs", "train.epochs", 0},
        {"epoch", "train.epochs", 2},
        {"saturday", "sunday", 3},
        {"augment.x", "augment.on", 2},
        {"training.epochs", "train.epochs", 2}, /* 3 letters, but an equal last word */
        {"training.p", "augment.p", 7},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_nearest near = pleat_nearest_to(rows[i].wanted);
        assert_null(near.name);
        pleat_nearest_look(&near, rows[i].known);
        assert_string_equal(near.name, rows[i].known);
        if (near.distance != rows[i].distance)
            fail_msg("%s to %s: %d, not %d", rows[i].wanted, rows[i].known, near.distance,
                     rows[i].distance);
    }
}

static void the_nearest_is_kept_and_of_equals_the_first(void **state) {
    (void)state;
    static const char *const known[] = {"--outer", "--on", "--in", "--out"};
    pleat_nearest near = pleat_nearest_to("--un");
    for (size_t i = 0; i < COUNT(known); i++) pleat_nearest_look(&near, known[i]);
    assert_string_equal(near.name, "--on");
    near = pleat_nearest_to("--oute");
    for (size_t i = 0; i < COUNT(known); i++) pleat_nearest_look(&near, known[i]);
    assert_string_equal(near.name, "--outer");
}

/* "patch" is a letter away from "batch", which is all of "train.batch" that counts. */
static void an_equal_last_word_is_nearer_than_a_similar_name(void **state) {
    (void)state;
    static const char *const known[] = {"patch", "train.batch", "predict.batch"};
    pleat_nearest near = pleat_nearest_to("batch");
    for (size_t i = 0; i < COUNT(known); i++) pleat_nearest_look(&near, known[i]);
    assert_string_equal(near.name, "train.batch");
}

static void what_is_not_near_is_not_told(void **state) {
    (void)state;
    static const struct {
        const char *wanted, *known, *hint;
    } rows[] = {
        {"fodls", "folds", " did you mean 'folds'?"},
        {"zebra", "seed", ""},
        {"ab", "cd", ""}, /* two letters of two */
        {"x", "on", ""},  /* more than half of it */
        {"rn", "run", " did you mean 'run'?"},
        {"k", "folds.k", " did you mean 'folds.k'?"},
        {"something.else", "train.epochs", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char hint[PLEAT_HINT_BYTES];
        pleat_nearest near = pleat_nearest_to(rows[i].wanted);
        assert_string_equal(pleat_nearest_hint(&near, hint), "");
        pleat_nearest_look(&near, rows[i].known);
        assert_string_equal(pleat_nearest_hint(&near, hint), rows[i].hint);
    }
}

static void a_long_name_does_no_harm(void **state) {
    (void)state;
    char name[1000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    pleat_nearest near = pleat_nearest_to(name);
    pleat_nearest_look(&near, "out");
    pleat_nearest_look(&near, name);
    assert_non_null(near.name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_distance_is_the_number_of_letters_to_mend),
        cmocka_unit_test(the_nearest_is_kept_and_of_equals_the_first),
        cmocka_unit_test(an_equal_last_word_is_nearer_than_a_similar_name),
        cmocka_unit_test(what_is_not_near_is_not_told),
        cmocka_unit_test(a_long_name_does_no_harm),
    };
    return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
