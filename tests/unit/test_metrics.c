/* test_metrics.c - counts against numbers worked out by hand. */
#include "pleat/metrics.h"
#include "pleat/rng.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>

static void assert_counts(const pleat_counts *c, int64_t tp, int64_t fp, int64_t fn, int64_t tn) {
    assert_int_equal(c->tp, tp);
    assert_int_equal(c->fp, fp);
    assert_int_equal(c->fn, fn);
    assert_int_equal(c->tn, tn);
}

static void test_ten_voxels_are_counted_as_by_hand(void **state) {
    (void)state;
    const uint8_t truth[10] = {0, 0, 0, 1, 1, 1, 2, 2, 0, 1};
    const uint8_t guess[10] = {0, 1, 0, 1, 1, 2, 2, 0, 0, 0};
    pleat_counts c[4];
    OK(pleat_metrics_count(truth, guess, 10, 4, c));
    assert_counts(&c[0], 3, 2, 1, 4);
    assert_counts(&c[1], 2, 1, 2, 5);
    assert_counts(&c[2], 1, 1, 1, 7);
    assert_counts(&c[3], 0, 0, 0, 10);
}

static void test_one_pass_counts_what_a_plain_loop_per_class_counts(void **state) {
    (void)state;
    enum { N = 1300007, C = PLEAT_MAX_CLASSES }; /* long enough for threads, no multiple of 4 */
    uint8_t *truth = malloc(N), *guess = malloc(N);
    assert_non_null(truth);
    assert_non_null(guess);
    const pleat_rng rng = pleat_rng_at(3, PLEAT_STREAM_PHANTOM, 0, 0, 0);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t word[4];
        pleat_rng_block(&rng, i, word);
        truth[i] = (uint8_t)(word[0] % C);
        guess[i] = word[1] % 4 ? truth[i] : (uint8_t)(word[2] % C);
    }
    pleat_counts got[C];
    OK(pleat_metrics_count(truth, guess, N, C, got));
    for (int c = 0; c < C; c++) {
        pleat_counts want = {0};
        for (int i = 0; i < N; i++) {
            want.tp += truth[i] == c && guess[i] == c;
            want.fp += truth[i] != c && guess[i] == c;
            want.fn += truth[i] == c && guess[i] != c;
            want.tn += truth[i] != c && guess[i] != c;
        }
        assert_counts(&got[c], want.tp, want.fp, want.fn, want.tn);
    }
    free(truth);
    free(guess);
}

static void test_a_label_that_is_no_class_is_refused_by_name(void **state) {
    (void)state;
    const uint8_t good[4] = {0, 1, 1, 0}, bad[4] = {0, 1, 200, 0};
    pleat_counts c[2];
    assert_int_equal(pleat_metrics_count(bad, good, 4, 2, c), PLEAT_ERR_DATA);
    assert_string_equal(pleat_error_message(),
                        "truth has label 200 at voxel 2, but labels go from 0 to 1");
    assert_int_equal(pleat_metrics_count(good, bad, 4, 2, c), PLEAT_ERR_DATA);
    assert_string_equal(pleat_error_message(),
                        "prediction has label 200 at voxel 2, but labels go from 0 to 1");
    assert_int_equal(pleat_metrics_count(good, good, 4, 256, c), PLEAT_ERR_ARG);
}

static void test_a_class_is_present_missed_spurious_or_absent(void **state) {
    (void)state;
    assert_int_equal(pleat_metrics_presence(&(pleat_counts){1, 0, 0, 8}), PLEAT_PRESENT);
    assert_int_equal(pleat_metrics_presence(&(pleat_counts){0, 1, 1, 7}), PLEAT_PRESENT);
    assert_int_equal(pleat_metrics_presence(&(pleat_counts){0, 0, 2, 7}), PLEAT_MISSED);
    assert_int_equal(pleat_metrics_presence(&(pleat_counts){0, 2, 0, 7}), PLEAT_SPURIOUS);
    assert_int_equal(pleat_metrics_presence(&(pleat_counts){0, 0, 0, 9}), PLEAT_ABSENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_voxels_are_counted_as_by_hand),
        cmocka_unit_test(test_one_pass_counts_what_a_plain_loop_per_class_counts),
        cmocka_unit_test(test_a_label_that_is_no_class_is_refused_by_name),
        cmocka_unit_test(test_a_class_is_present_missed_spurious_or_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
