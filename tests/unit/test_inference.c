/*
 * test_inference.c - quantiles, intervals and tests against SciPy 1.17's numbers, and against what
 * can be counted by hand.
 */
#include "pleat/inference.h"
#include "pleat/statistics.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>

static void assert_near(const char *what, double got, double want, double within) {
    if (!(fabs(got - want) <= within)) fail_msg("%s is %.12g, not %.12g", what, got, want);
}

static void distributions_are_those_of_scipy(void **state) {
    (void)state;
    static const double t[][3] = {/* df, p, quantile */
                                  {1, 0.975, 12.7062047362},
                                  {2, 0.975, 4.30265272975},
                                  {7, 0.975, 2.36462425159},
                                  {30, 0.9, 1.31041502539},
                                  {200, 0.999, 3.13147981422}};
    static const double cdf[][3] = {/* t, df, P */
                                    {0.3, 1, 0.592773579078},
                                    {2.5, 3, 0.956146676496},
                                    {-1.7, 19, 0.052721633294},
                                    {5, 100, 0.999998774913}};
    static const double normal[][2] = {{1e-6, -4.75342430882},
                                       {0.025, -1.95996398454},
                                       {0.3, -0.524400512708},
                                       {0.975, 1.95996398454}};
    for (size_t i = 0; i < COUNT(t); i++)
        assert_near("t's quantile", pleat_t_quantile(t[i][1], t[i][0]), t[i][2], 1e-9);
    for (size_t i = 0; i < COUNT(cdf); i++)
        assert_near("t's share", pleat_t_cdf(cdf[i][0], cdf[i][1]), cdf[i][2], 1e-11);
    for (size_t i = 0; i < COUNT(normal); i++)
        assert_near("z", pleat_normal_quantile(normal[i][0]), normal[i][1], 1e-9);
}

static const double eight[] = {0.83, 0.79, 0.91, 0.62, 0.88, 0.85, 0.77, 0.35};

static void a_mean_has_students_interval(void **state) {
    (void)state;
    static const int patient[] = {0, 0, 1, 2, 2, 2, 3, 3}, alone[] = {7, 6, 5, 4, 3, 2, 1, 0};
    static const int one[] = {4, 4, 4, 4, 4, 4, 4, 4};
    pleat_interval i;
    OK(pleat_interval_t(&(pleat_observed){eight, NULL, 8}, 0.95, &i));
    assert_near("low", i.low, 0.5959101433867997, 1e-9);
    assert_near("high", i.high, 0.9040898566132003, 1e-9);
    OK(pleat_interval_t(&(pleat_observed){eight, alone, 8}, 0.95, &i)); /* groups of one */
    assert_near("low", i.low, 0.5959101433867997, 1e-9);
    OK(pleat_interval_t(&(pleat_observed){eight, patient, 8}, 0.95, &i)); /* by NumPy's sums */
    assert_near("low", i.low, 0.5474703573094635, 1e-9);
    assert_near("high", i.high, 0.9525296426905365, 1e-9);
    OK(pleat_interval_t(&(pleat_observed){eight, one, 8}, 0.95, &i));
    assert_true(isnan(i.low) && isnan(i.high));
    OK(pleat_interval_t(&(pleat_observed){eight, NULL, 1}, 0.95, &i));
    assert_true(isnan(i.low));
    OK(pleat_interval_t(&(pleat_observed){eight, NULL, 0}, 0.95, &i));
    assert_true(isnan(i.low));
}

/* The distribution over all 8^8 resamples, by NumPy: the interval is 0.57 to 0.83625, and so is
 * that of scipy.stats.bootstrap with 200000. */
static void a_bootstraps_interval_nears_that_of_all_resamples(void **state) {
    (void)state;
    static const double same[] = {0.5, 0.5, 0.5};
    static const int pairs[] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};
    double twice[16];
    pleat_interval i, again, other;
    OK(pleat_interval_bca(&(pleat_observed){eight, NULL, 8}, 0.95, 200000, 1, &i));
    assert_near("low", i.low, 0.57, 3e-3);
    assert_near("high", i.high, 0.83625, 3e-3);
    OK(pleat_interval_bca(&(pleat_observed){eight, NULL, 8}, 0.95, PLEAT_RESAMPLES, 1, &i));
    assert_near("low", i.low, 0.57, 0.02);
    assert_near("high", i.high, 0.83625, 0.01);
    OK(pleat_interval_bca(&(pleat_observed){eight, NULL, 8}, 0.95, PLEAT_RESAMPLES, 1, &again));
    assert_true(again.low == i.low && again.high == i.high);
    OK(pleat_interval_bca(&(pleat_observed){eight, NULL, 8}, 0.95, PLEAT_RESAMPLES, 2, &other));
    assert_true(other.low != i.low || other.high != i.high);
    OK(pleat_interval_bca(&(pleat_observed){same, NULL, 3}, 0.95, PLEAT_RESAMPLES, 1, &i));
    assert_true(i.low == 0.5 && i.high == 0.5);
    for (int n = 0; n < 3; n++) { /* of two it would end at the two */
        OK(pleat_interval_bca(&(pleat_observed){eight, NULL, n}, 0.95, PLEAT_RESAMPLES, 1, &i));
        assert_true(isnan(i.low) && isnan(i.high));
    }
    OK(pleat_interval_bca(&(pleat_observed){eight, NULL, 3}, 0.95, PLEAT_RESAMPLES, 1, &i));
    assert_true(i.low < i.high);
    /* Each value twice, of one patient: no more is known than of eight. */
    for (int k = 0; k < 16; k++) twice[k] = eight[k / 2];
    OK(pleat_interval_bca(&(pleat_observed){twice, pairs, 16}, 0.95, PLEAT_RESAMPLES, 1, &i));
    assert_near("low of patients", i.low, again.low, 1e-12);
    assert_near("high of patients", i.high, again.high, 1e-12);
}

static void a_median_lies_between_two_of_the_values(void **state) {
    (void)state;
    static const struct {
        int n, outside; /* by scipy.stats.binom */
    } rows[] = {{5, 0}, {6, 1}, {10, 2}, {20, 6}, {60, 22}, {101, 41}};
    static int one_each[101], pairs[101];
    double x[101];
    pleat_interval i;
    for (size_t r = 0; r < COUNT(rows); r++) {
        const int n = rows[r].n, outside = rows[r].outside;
        for (int k = 0; k < n; k++) {
            x[k] = k * 37 % n + 1; /* 1 .. n, in no order */
            one_each[k] = k;
            pairs[k] = k / 2;
        }
        OK(pleat_interval_median(&(pleat_observed){x, one_each, n}, 0.95, &i));
        if (outside == 0)
            assert_true(isnan(i.low) && isnan(i.high));
        else
            assert_true(i.low == outside && i.high == n + 1 - outside);
    }
    /* 60 values, the two of a pair alike: as wide as of 30, not of 60. */
    for (int k = 0; k < 60; k++) x[k] = floor(k / 2.0) + 1.0;
    OK(pleat_interval_median(&(pleat_observed){x, pairs, 60}, 0.95, &i));
    assert_true(i.low >= 9 && i.low <= 10 && i.high >= 21 && i.high <= 22);
}

static void signed_ranks_are_those_of_scipy(void **state) {
    (void)state;
    static const double ten[] = {0.03, -0.02, 0.06, 0.07, 0.005, 0.061, 0.05, -0.062, 0.021, 0.11};
    /* By scipy.stats.wilcoxon with PermutationMethod over all signs. */
    static const double tied[] = {1, -1, 2, 2, -3, 3, 4, 0, 5, 5, -2, 6};
    double fifty[50], eighty[80];
    pleat_wilcoxon w;
    OK(pleat_wilcoxon_test(ten, NULL, 10, &w));
    assert_near("ten", w.p, 0.083984375, 1e-9);
    assert_near("its sum", fmin(w.plus, w.minus), 10.0, 0.0);
    assert_int_equal(w.exact, 1);
    OK(pleat_wilcoxon_test(tied, NULL, 12, &w));
    assert_int_equal(w.n, 11);
    assert_near("tied", w.p, 0.0673828125, 1e-12);
    assert_true(w.plus == 54.0 && w.minus == 12.0);
    for (int i = 0; i < 50; i++) fifty[i] = (i % 3 == 0 ? -1 : 1) * (i + 1.0);
    OK(pleat_wilcoxon_test(fifty, NULL, 50, &w));
    assert_near("fifty", w.p, 0.03996834652842374, 1e-9);
    assert_true(w.exact && w.minus == 425.0);
    for (int i = 0; i < 80; i++) eighty[i] = (i * 37 % 23 - 9) / 10.0;
    OK(pleat_wilcoxon_test(eighty, NULL, 80, &w));
    assert_int_equal(w.n, 77);
    assert_near("eighty", w.p, 0.02688835357211165, 1e-9);
    assert_int_equal(w.exact, 0);
    OK(pleat_wilcoxon_test((const double[]){0, 0}, NULL, 2, &w));
    assert_true(isnan(w.p) && w.n == 0);
    OK(pleat_wilcoxon_test((const double[]){0.5}, NULL, 1, &w));
    assert_true(w.p == 1.0);
}

/* b - a of scores with one digit: 0.1 is 0.09999999999999998 or 0.10000000000000009, and 3 of 7
 * such cannot be better than by chance. */
static void differences_that_rounding_alone_parts_are_tied(void **state) {
    (void)state;
    const double a[] = {0.5, 0.6, 0.7, 0.8, 0.4, 0.3, 0.9, 0.1 + 0.2},
                 b[] = {0.6, 0.7, 0.8, 0.9, 0.3, 0.2, 0.8, 0.3};
    double difference[8], rounding[8];
    pleat_wilcoxon w;
    for (int i = 0; i < 8; i++) {
        difference[i] = b[i] - a[i];
        rounding[i] = 1e-12;
    }
    OK(pleat_wilcoxon_test(difference, rounding, 8, &w));
    assert_int_equal(w.n, 7);
    assert_true(w.plus == 16.0 && w.minus == 12.0 && w.p == 1.0);
    rounding[3] = 0.2; /* larger than the difference: it is none */
    OK(pleat_wilcoxon_test(difference, rounding, 8, &w));
    assert_int_equal(w.n, 6);
}

static void holms_steps_never_fall(void **state) {
    (void)state;
    const double p[] = {0.01, 0.04, (double)NAN, 0.03, 0.005, 0.9};
    const double want[] = {0.04, 0.09, (double)NAN, 0.09, 0.025, 0.9};
    double got[6];
    pleat_holm(p, 6, got); /* 5 x 0.005, 4 x 0.01, 3 x 0.03, then 2 x 0.04 is less than that */
    for (int i = 0; i < 6; i++)
        if (isnan(want[i]) ? !isnan(got[i]) : !(fabs(got[i] - want[i]) < 1e-15))
            fail_msg("p %d is %g, not %g", i, got[i], want[i]);
}

static void a_false_ranking_is_half_students_p(void **state) {
    (void)state;
    static const double ten[] = {0.03, -0.02, 0.06, 0.07, 0.005, 0.061, 0.05, -0.062, 0.021, 0.11};
    static const double none[] = {0, 0, 0}, sure[] = {1, 1, 1};
    double p = 0.0;
    OK(pleat_false_ranking(&(pleat_observed){ten, NULL, 10}, &p));
    assert_near("p", p, 0.5 * 0.06672782808796218, 1e-9);
    OK(pleat_false_ranking(&(pleat_observed){none, NULL, 3}, &p));
    assert_true(p == 0.5);
    OK(pleat_false_ranking(&(pleat_observed){sure, NULL, 3}, &p));
    assert_true(p == 0.0);
    OK(pleat_false_ranking(&(pleat_observed){ten, NULL, 1}, &p));
    assert_true(isnan(p));
}

/* Nadeau and Bengio: mean 0.8, SD 0.02, four folds of two-fold repeats, so test / train is 1:
 * 0.8 +- t(0.975, 3) * sqrt((1/4 + 1) * 0.0004), SciPy's t 3.182446305284263. */
static void folds_that_share_their_training_cases_have_a_wider_interval(void **state) {
    (void)state;
    const double means[] = {0.8 - 0.017320508075688773, 0.8 - 0.017320508075688773,
                            0.8 + 0.017320508075688773, 0.8 + 0.017320508075688773};
    const double half = 3.182446305284263 * 0.022360679774997897;
    const pleat_interval got = pleat_interval_resampled(means, 4, 1.0, 0.95);
    assert_near("low", got.low, 0.8 - half, 1e-9);
    assert_near("high", got.high, 0.8 + half, 1e-9);
    assert_true(isnan(pleat_interval_resampled(means, 1, 1.0, 0.95).low));
}

static void a_quantile_lies_between_the_nearest_ranks(void **state) {
    (void)state;
    const double x[] = {1, 2, 4, 8}; /* numpy.percentile: 25 -> 1.75, 75 -> 5.0 */
    assert_true(pleat_quantile_between(x, 4, 0.25) == 1.75);
    assert_true(pleat_quantile_between(x, 4, 0.75) == 5.0);
    assert_true(pleat_quantile_between(x, 4, 0.0) == 1.0);
    assert_true(pleat_quantile_between(x, 4, 1.0) == 8.0);
    assert_true(pleat_quantile_between(x, 1, 0.5) == 1.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions_are_those_of_scipy),
        cmocka_unit_test(a_mean_has_students_interval),
        cmocka_unit_test(a_bootstraps_interval_nears_that_of_all_resamples),
        cmocka_unit_test(a_median_lies_between_two_of_the_values),
        cmocka_unit_test(signed_ranks_are_those_of_scipy),
        cmocka_unit_test(differences_that_rounding_alone_parts_are_tied),
        cmocka_unit_test(holms_steps_never_fall),
        cmocka_unit_test(a_false_ranking_is_half_students_p),
        cmocka_unit_test(folds_that_share_their_training_cases_have_a_wider_interval),
        cmocka_unit_test(a_quantile_lies_between_the_nearest_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
