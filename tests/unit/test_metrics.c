/* test_metrics.c - counts, scores and summaries against numbers worked out by hand. */
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
    assert_int_equal(pleat_metrics_count(good, good, 4, 33, c), PLEAT_ERR_ARG);
}

static void test_the_six_scores_are_their_formulas(void **state) {
    (void)state;
    const pleat_counts c = {6, 2, 4, 88};
    static const struct {
        pleat_score which;
        const char *name;
        double want;
    } rows[] = {{PLEAT_DSC, "DSC", 12.0 / 18},  {PLEAT_IOU, "IoU", 6.0 / 12},
                {PLEAT_SENS, "Sens", 6.0 / 10}, {PLEAT_SPEC, "Spec", 88.0 / 90},
                {PLEAT_PREC, "Prec", 6.0 / 8},  {PLEAT_ACC, "Acc", 94.0 / 100}};
    assert_int_equal(COUNT(rows), PLEAT_SCORES);
    for (int i = 0; i < PLEAT_SCORES; i++) {
        assert_string_equal(pleat_metrics_name(rows[i].which), rows[i].name);
        assert_true(pleat_metrics_score(rows[i].which, &c) == rows[i].want);
    }
}

static void test_nought_by_nought_is_undefined_and_nought_by_some_is_nought(void **state) {
    (void)state;
    const double u = (double)NAN;
    static const pleat_counts counts[] = {
        {0, 0, 0, 9}, /* in neither */
        {0, 3, 0, 6}, /* absent in truth */
        {0, 0, 3, 6}, /* absent in prediction */
        {9, 0, 0, 0}, /* everywhere in both */
    };
    const double want[][PLEAT_SCORES] = {/* DSC IoU Sens Spec Prec Acc */
                                         {u, u, u, 1, u, 1},
                                         {0, 0, u, 6.0 / 9, 0, 6.0 / 9},
                                         {0, 0, 0, 1, u, 6.0 / 9},
                                         {1, 1, 1, u, 1, 1}};
    for (int i = 0; i < 4; i++)
        for (int s = 0; s < PLEAT_SCORES; s++) {
            const double got = pleat_metrics_score((pleat_score)s, &counts[i]);
            if (isnan(want[i][s]) ? !isnan(got) : got != want[i][s])
                fail_msg("%s of row %d is %g, not %g", pleat_metrics_name((pleat_score)s), i, got,
                         want[i][s]);
        }
}

static void test_a_summary_skips_and_counts_the_undefined(void **state) {
    (void)state;
    const double u = (double)NAN;
    const double x[] = {4, u, 1, 3, u, 8}; /* 1 3 4 8: mean 4, squares 9+1+0+16 = 26 */
    pleat_summary s;
    OK(pleat_metrics_summary(x, 6, &s));
    assert_true(s.mean == 4.0);
    assert_true(s.median == 3.5);
    assert_true(fabs(s.sd - sqrt(26.0 / 3.0)) < 1e-15);
    assert_int_equal(s.n, 4);
    assert_int_equal(s.undefined, 2);
    OK(pleat_metrics_summary(x, 4, &s)); /* 1 3 4 */
    assert_true(s.median == 3.0);
}

static void test_one_value_has_no_deviation_and_none_has_nothing(void **state) {
    (void)state;
    const double x[] = {(double)NAN, 0.5};
    pleat_summary s;
    OK(pleat_metrics_summary(x, 2, &s));
    assert_true(s.mean == 0.5 && s.median == 0.5 && isnan(s.sd) && s.n == 1 && s.undefined == 1);
    OK(pleat_metrics_summary(x, 1, &s));
    assert_true(isnan(s.mean) && isnan(s.median) && isnan(s.sd) && s.n == 0 && s.undefined == 1);
    OK(pleat_metrics_summary(x, 0, &s));
    assert_true(isnan(s.mean) && s.n == 0 && s.undefined == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_voxels_are_counted_as_by_hand),
        cmocka_unit_test(test_one_pass_counts_what_a_plain_loop_per_class_counts),
        cmocka_unit_test(test_a_label_that_is_no_class_is_refused_by_name),
        cmocka_unit_test(test_the_six_scores_are_their_formulas),
        cmocka_unit_test(test_nought_by_nought_is_undefined_and_nought_by_some_is_nought),
        cmocka_unit_test(test_a_summary_skips_and_counts_the_undefined),
        cmocka_unit_test(test_one_value_has_no_deviation_and_none_has_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
