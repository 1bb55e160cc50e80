/* test_mpi_requests.c - how long a wait for other ranks may take. */
#include "../../mpi/mpi_requests.h"
#include "support.h"

#include <math.h>

enum { CONTROL, STEP };

static void assert_limit(double timeout_s, double step_s, int of_step, double expected) {
    assert_float_equal(pleat_mpi_requests_limit_s(timeout_s, step_s, of_step), expected, 0.0);
}

static void a_lost_rank_is_found_within_a_minute_where_steps_are_short(void **state) {
    (void)state;
    assert_limit(0.0, 0.2, STEP, 60.0);
    assert_limit(0.0, 3.0, STEP, 60.0);
}

static void long_steps_have_patience(void **state) {
    (void)state;
    assert_limit(0.0, 30.0, STEP, 600.0);
    assert_limit(0.0, -1.0, STEP, 600.0); /* the first */
}

static void a_checkpoint_may_take_longer(void **state) {
    (void)state;
    assert_limit(0.0, 0.2, CONTROL, 600.0);
    assert_limit(0.0, -1.0, CONTROL, 6000.0);
}

static void out_of_training_nothing_is_too_long(void **state) {
    (void)state;
    assert_true(isinf(pleat_mpi_requests_limit_s(0.0, 0.0, CONTROL)));
    assert_true(isinf(pleat_mpi_requests_limit_s(5.0, 0.0, CONTROL)));
    assert_limit(0.0, 0.0, STEP, 600.0); /* sums */
}

static void the_variable_is_taken_at_its_word(void **state) {
    (void)state;
    assert_limit(5.0, 30.0, STEP, 5.0);
    assert_limit(5.0, -1.0, STEP, 5.0);
    assert_limit(5.0, 30.0, CONTROL, 50.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_rank_is_found_within_a_minute_where_steps_are_short),
        cmocka_unit_test(long_steps_have_patience),
        cmocka_unit_test(a_checkpoint_may_take_longer),
        cmocka_unit_test(out_of_training_nothing_is_too_long),
        cmocka_unit_test(the_variable_is_taken_at_its_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
