/* test_twins.c - what makes the search for twins among thousands of cases quick leaves none out. */
#include "../../src/run/check_impl.h"
#include "pleat/rng.h"
#include "support.h"

#include <stdlib.h>

enum { PICTURES = 300, MANY = 200 };

static void noise(int number, double scale, float out[CHECK_CELLS]) {
    const pleat_rng rng = pleat_rng_at(5, PLEAT_STREAM_PHANTOM, (uint32_t)number, 0, 0);
    for (uint32_t i = 0; i < CHECK_CELLS; i++)
        out[i] = (float)pleat_rng_range(&rng, i, -scale, scale);
}

static int may_be(const float *a, const float *b) {
    check_sketch of[2];
    check_sketch_make(a, &of[0]);
    check_sketch_make(b, &of[1]);
    return check_may_be_alike(&of[0], &of[1]);
}

/* Where the correlation is as that of one volume, however the values are scaled. */
static void pictures_that_are_alike_pass_by_their_sketches(void **state) {
    (void)state;
    int alike = 0;
    for (int n = 0; n < PICTURES; n++) {
        float a[CHECK_CELLS], b[CHECK_CELLS], off[CHECK_CELLS];
        double other[CHECK_CELLS];
        noise(2 * n, 100.0, a);
        noise(2 * n + 1, n * 0.03, off);
        for (int i = 0; i < CHECK_CELLS; i++) b[i] = 3.0F * (a[i] + off[i]) - 1000.0F;
        for (int i = 0; i < CHECK_CELLS; i++) other[i] = (double)b[i];
        if (check_alike(a, other, 0) < 0.999) continue;
        assert_true(may_be(a, b));
        alike++;
    }
    assert_in_range(alike, PICTURES / 4, PICTURES - 1); /* both sides of the limit */
}

static void most_pictures_that_are_not_alike_do_not_pass(void **state) {
    (void)state;
    static check_sketch of[PICTURES];
    int passed = 0;
    for (int n = 0; n < PICTURES; n++) {
        float a[CHECK_CELLS];
        noise(n, 100.0, a);
        check_sketch_make(a, &of[n]);
        for (int k = 0; k < n; k++) passed += check_may_be_alike(&of[n], &of[k]);
    }
    assert_in_range(passed, 0, PICTURES * PICTURES / 2 / 100);
}

static int by_value(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Of few enough values that some cases share some; images by twos, masks by threes. */
static void draw_facts(check_facts *f) {
    for (int i = 0; i < MANY; i++) {
        const pleat_rng rng = pleat_rng_at(6, PLEAT_STREAM_PHANTOM, (uint32_t)i, 0, 0);
        f[i].measured = i % 10 != 3;
        f[i].counted = i % 10 != 4;
        f[i].image_content = UINT64_C(1000000) + (uint64_t)(i % (MANY / 2));
        f[i].mask_content = UINT64_C(2000000) + (uint64_t)(i / 3);
        f[i].samples = i % (CHECK_SAMPLES + 1);
        for (int k = 0; k < f[i].samples; k++)
            f[i].sample[k] = (uint64_t)pleat_rng_range(&rng, (uint32_t)k, 0.0, 50.0) +
                             UINT64_C(50) * (uint64_t)k + UINT64_C(10000) * (uint64_t)(i % 10);
        qsort(f[i].sample, (size_t)f[i].samples, sizeof f[i].sample[0], by_value);
    }
}

static void cases_are_a_pair_where_they_share_something(void **state) {
    (void)state;
    check_facts *f = calloc(MANY, sizeof *f);
    check_pair *pairs = NULL;
    size_t n = 0, next = 0;
    int by_samples = 0;
    assert_non_null(f);
    draw_facts(f);
    assert_true(check_pairs(f, MANY, &pairs, &n));
    for (int i = 0; i < MANY; i++)
        for (int k = 0; k < i; k++) {
            const int measured = f[i].measured && f[k].measured;
            const int in_common = check_in_common(&f[i], &f[k]);
            const int share =
                measured && (f[i].image_content == f[k].image_content ||
                             (f[i].counted && f[k].counted && i / 3 == k / 3) || in_common > 0);
            by_samples += in_common > 0;
            const int is_next = next < n && pairs[next].at == i && pairs[next].other == k;
            assert_int_equal(is_next, share);
            next += (size_t)is_next;
        }
    assert_int_equal(next, n);
    assert_in_range(by_samples, MANY, MANY * MANY / 4);
    free(pairs);
    free(f);
}

/* Not all with all: the work would grow with the square of the cases. */
static void what_all_cases_share_makes_few_pairs_of_each(void **state) {
    (void)state;
    check_facts *f = calloc(MANY, sizeof *f);
    check_pair *pairs = NULL;
    size_t n = 0;
    int with_first = 0;
    assert_non_null(f);
    for (int i = 0; i < MANY; i++) {
        f[i].measured = f[i].counted = 1;
        f[i].samples = CHECK_SAMPLES;
        for (int k = 0; k < CHECK_SAMPLES; k++) f[i].sample[k] = (uint64_t)k + 1;
    }
    assert_true(check_pairs(f, MANY, &pairs, &n));
    for (size_t i = 0; i < n; i++) with_first += pairs[i].other == 0;
    assert_int_equal(n, MANY * CHECK_SHARE - CHECK_SHARE * (CHECK_SHARE + 1) / 2);
    assert_int_equal(with_first, MANY - 1);
    free(pairs);
    free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_that_are_alike_pass_by_their_sketches),
        cmocka_unit_test(most_pictures_that_are_not_alike_do_not_pass),
        cmocka_unit_test(cases_are_a_pair_where_they_share_something),
        cmocka_unit_test(what_all_cases_share_makes_few_pairs_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
