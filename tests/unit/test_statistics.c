/* test_statistics.c - summaries against numbers worked out by hand, numbers that read back. */
#include "pleat/rng.h"
#include "pleat/statistics.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void a_summary_skips_and_counts_the_undefined(void **state) {
    (void)state;
    const double u = (double)NAN;
    const double x[] = {4, u, 1, 3, u, 8}; /* 1 3 4 8: mean 4, squares 9+1+0+16 = 26 */
    pleat_summary s;
    OK(pleat_summarise(x, 6, &s));
    assert_true(s.mean == 4.0);
    assert_true(s.median == 3.5);
    assert_true(fabs(s.sd - sqrt(26.0 / 3.0)) < 1e-15);
    assert_int_equal(s.n, 4);
    assert_int_equal(s.undefined, 2);
    OK(pleat_summarise(x, 4, &s)); /* 1 3 4 */
    assert_true(s.median == 3.0);
}

static void one_value_has_no_deviation_and_none_has_nothing(void **state) {
    (void)state;
    const double x[] = {(double)NAN, 0.5};
    pleat_summary s;
    OK(pleat_summarise(x, 2, &s));
    assert_true(s.mean == 0.5 && s.median == 0.5 && isnan(s.sd) && s.n == 1 && s.undefined == 1);
    OK(pleat_summarise(x, 1, &s));
    assert_true(isnan(s.mean) && isnan(s.median) && isnan(s.sd) && s.n == 0 && s.undefined == 1);
    OK(pleat_summarise(x, 0, &s));
    assert_true(isnan(s.mean) && s.n == 0 && s.undefined == 0);
}

static void a_quantile_is_the_least_value_that_enough_do_not_exceed(void **state) {
    (void)state;
    enum { N = 60 };
    const double shares[] = {0.05, 0.25, 0.5, 0.9, 1.0};
    double x[N];
    for (int n = 1; n <= N; n++) {
        for (int i = 0; i < n; i++) x[i] = (i * 37) % n; /* in no order */
        pleat_sort(x, (size_t)n);
        for (int i = 1; i < n; i++) assert_true(x[i - 1] <= x[i]);
        for (size_t q = 0; q < COUNT(shares); q++) {
            const double got = pleat_quantile(x, (size_t)n, shares[q]);
            int most = 0, less = 0;
            for (int i = 0; i < n; i++) {
                most += x[i] <= got;
                less += x[i] < got;
            }
            const int percent = (int)lround(100 * shares[q]);
            if (100 * most < percent * n || 100 * less >= percent * n)
                fail_msg("quantile %d %% of %d is %g", percent, n, got);
        }
    }
}

static void a_number_is_short_and_reads_back_the_same(void **state) {
    (void)state;
    static const struct {
        double x;
        int least;
        const char *want;
    } rows[] = {
        {0.1, 6, "0.1"},
        {0.1 + 0.2, 15, "0.30000000000000004"},
        {1e6, 6, "1e+06"},
        {1e6, 15, "1000000"},
        {1.0 / 3.0, 6, "0.3333333333333333"},
        {2.0 / 3.0, 15, "0.6666666666666666"},
        {123456789.0, 6, "123456789"},
        {0.0, 15, "0"},
    };
    char text[PLEAT_NUMBER_BYTES];
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(pleat_number(rows[i].x, rows[i].least, text), rows[i].want);
    const pleat_rng rng = pleat_rng_at(5, PLEAT_STREAM_PHANTOM, 0, 0, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t word[4];
        uint64_t bits = 0;
        double x = 0.0;
        pleat_rng_block(&rng, i, word);
        bits = (uint64_t)word[0] << 32 | word[1];
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x)) continue;
        if (strtod(pleat_number(x, 1, text), NULL) != x) fail_msg("%.17g became %s", x, text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_summary_skips_and_counts_the_undefined),
        cmocka_unit_test(one_value_has_no_deviation_and_none_has_nothing),
        cmocka_unit_test(a_quantile_is_the_least_value_that_enough_do_not_exceed),
        cmocka_unit_test(a_number_is_short_and_reads_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
