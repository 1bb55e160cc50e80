/*
 * test_gradient.c - the tiles of AMX in plain C, the kernel of gradients by the weights on them,
 * and where the processor has AMX the same with its own.
 */
#include "amx_emulated.h"

static int usable(int bf16) { return bf16; }

#define KERNEL emulated_amx
#define TILES
#include "../../src/engines/onednn_gradient_amx.inc"

#include "gradient_problem.h"

#include <stdlib.h>

/* --- instructions ---------------------------------------------------------------------------- */

static uint16_t half_of(float x) { /* of one that is a bf16 */
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)(bits >> 16);
}

/* Row 0 of C after a product of the pairs of `a` by those of `b`, all columns of b alike. */
static float product(float c, const float *a, const float *b, int n) {
    uint16_t row[16][32] = {{0}}, pairs[16][32] = {{0}};
    float sums[16][16] = {{0}};
    for (int i = 0; i < n; i++) {
        row[0][i] = half_of(a[i]);
        for (int k = 0; k < 16; k++) pairs[i / 2][2 * k + i % 2] = half_of(b[i]);
    }
    for (int k = 0; k < 16; k++) sums[0][k] = c;
    uint32_t before[16];
    _tile_storeconfig(before);
    _tile_loadconfig(&eight_tiles);
    _tile_loadd(0, sums, 64);
    _tile_loadd(1, row, 64);
    _tile_loadd(2, pairs, 64);
    _tile_dpbf16ps(0, 1, 2);
    _tile_stored(0, sums, 64);
    _tile_loadconfig(before);
    for (int k = 0; k < 16; k++) {
        assert_true(sums[0][k] == sums[0][0]);
        assert_true(sums[1][k] == 0);
    }
    return sums[0][0];
}

static void a_product_sums_first_and_second_numbers_apart_and_adds_last(void **state) {
    (void)state;
    const float large = 0x1p24F; /* 1 more is lost */
    /* Firsts: 2^24 + 1 - 2^24 = 0; in another order 1. Seconds: 1. */
    assert_true(product(0, (float[]){large, 1, 1, 0, -large, 0}, (float[]){1, 1, 1, 1, 1, 1}, 6) ==
                1);
    /* 2^24 in C loses 1 + 1 not: both are one sum first. */
    assert_true(product(large, (float[]){1, 1}, (float[]){1, 1}, 2) == large + 2);
    /* A tie goes to the even one: 2^24 + 3 to 2^24 + 4, 2^24 + 1 to 2^24. */
    assert_true(product(large, (float[]){3, 0}, (float[]){1, 0}, 2) == large + 4);
    assert_true(product(large, (float[]){1, 0}, (float[]){1, 0}, 2) == large);
}

static void what_is_denormal_counts_as_zero(void **state) {
    (void)state;
    const float small = 0x1p-130F, one = 1;
    assert_true(product(0, &small, (float[]){0x1p100F}, 1) == 0);            /* a number of x */
    assert_true(product(small, &one, &(float){0}, 1) == 0);                  /* the sum before */
    assert_true(product(0, &(float){0x1p-80F}, &(float){0x1p-60F}, 1) == 0); /* the result */
    assert_true(product(0, &(float){0x1p-80F}, &(float){0x1p-40F}, 1) == 0x1p-120F);
    /* fused: the denormal product itself is not lost beside a larger sum */
    assert_true(product(0, (float[]){0x1p-100F, 0, 0x1p-80F, 0},
                        (float[]){0x1p-25F, 0, 0x1p-48F, 0}, 4) == 0x1p-125F + 0x1p-128F);
}

static void wrong_products_are_found_out(void **state) {
    (void)state;
    assert_int_equal(tiles_are_right(), 1);
    emulated_fault = 1;
    const int right = tiles_are_right();
    emulated_fault = 0;
    assert_int_equal(right, 0);
    assert_true(products(1, 1) == products(1, 3) / 3);
    assert_true(products(1, 1) != 0);
}

/* --- gradients -------------------------------------------------------------------------------- */

static const struct gradient_case cases[] = {
    {1, 1, 1, 1, 32, 32, K333, 1},      {1, 3, 4, 5, 32, 32, K333, 1},
    {2, 3, 5, 7, 17, 33, K333, 1},      {1, 2, 3, 33, 1, 3, K333, 1},
    {1, 2, 2, 2, 96, 32, K333, 1},      {2, 2, 3, 9, 130, 20, K333, 1},
    {1, 1, 40, 32, 32, 32, K333, 1},    {1, 1, 3, 1100, 16, 16, K333, 1},
    {1, 9, 16, 16, 16, 16, K333, 2},    {3, 3, 4, 3, 32, 130, K333, 5},
    {2, 7, 8, 8, 16, 32, K333, 3},      {1, 20, 2, 2, 32, 16, K333, 1},
    {2, 1, 9, 31, 32, 48, K133, 1},     {1, 5, 6, 4, 33, 64, K133, 4},
    {2, 3, 5, 7, 48, 40, K111, 2},      {1, 2, 5, 6, 32, 32, {3, 1, 1}, 1},
    {1, 2, 5, 6, 32, 32, {3, 3, 1}, 1}, {1, 2, 5, 7, 32, 32, {1, 1, 3}, 2},
    {1, 3, 4, 70, 2, 16, K333, 1},      {2, 2, 17, 32, 4, 20, K333, 2},
    {1, 2, 5, 6, 3, 8, K133, 1},        {1, 2, 3, 5, 1, 40, {3, 1, 3}, 1},
    {1, 2, 11, 64, 40, 16, K333, 1},    {1, 3, 18, 32, 70, 33, K333, 2},
    {1, 2, 9, 64, 16, 24, K333, 1},     {1, 2, 3, 4, 32, 288, K333, 4},
};

static int tiles_left_configured(int threads) {
    int left = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : left)
    for (int t = 0; t < threads; t++) left += emulated.config.palette;
    return left;
}

static void gradients_are_those_of_the_formula(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        problem p = begin(&cases[i], i, 1);
        float *got = gradient(&p, &emulated_amx, p.threads);
        judge(&p, got, 1e-6);
        assert_int_equal(tiles_left_configured(p.threads), 0);
        free(got);
        end(&p);
    }
}

static void fresh_gradients_are_written_over_what_is_no_number(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        problem p = begin(&cases[i], i, 1);
        judge_fresh(&p, &emulated_amx);
        end(&p);
    }
}

/* As the library does, whose configuration stays where a call of its own left it. */
static void the_librarys_tiles_stay_configured(void **state) {
    (void)state;
    problem p = begin(&cases[1], 1, 1);
    const uint8_t others[64] = {[0] = 1, [16] = 32, [48] = 7};
    uint8_t after[64];
    _tile_loadconfig(others);
    free(gradient(&p, &emulated_amx, 1));
    _tile_storeconfig(after);
    _tile_loadconfig(&(const uint8_t[64]){0});
    assert_memory_equal(after, others, sizeof others);
    end(&p);
}

/* Threads that share out channels change no bit, and threads that share out planes repeat theirs:
 * an ordered engine calls with one thread for each sample. */
static void bits_do_not_depend_on_who_computes_a_channel(void **state) {
    (void)state;
    problem p = begin(&cases[9], 9, 1);
    p.s.n = p.s.d = 1; /* of its first plane: 130 channels, two shares */
    float *one = gradient(&p, &emulated_amx, 1), *two = gradient(&p, &emulated_amx, 2);
    const size_t bytes = (p.weights + (size_t)p.s.cout) * sizeof *one;
    assert_memory_equal(one, two, bytes);
    free(one);
    free(two);
    end(&p);
    p = begin(&cases[10], 10, 1);
    one = gradient(&p, &emulated_amx, 3);
    two = gradient(&p, &emulated_amx, 3);
    assert_memory_equal(one, two, (p.weights + (size_t)p.s.cout) * sizeof *one);
    free(one);
    free(two);
    end(&p);
}

static void the_processors_own_tiles_give_the_same(void **state) {
    (void)state;
    if (!pleat_gradient_amx.usable(1)) {
        print_message("this processor has no AMX: only the emulated tiles were tested\n");
        skip();
    }
    int differ = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        problem p = begin(&cases[i], i, 1);
        float *got = gradient(&p, &pleat_gradient_amx, p.threads);
        float *same = gradient(&p, &emulated_amx, p.threads);
        judge(&p, got, 1e-6);
        differ += memcmp(got, same, (p.weights + (size_t)p.s.cout) * sizeof *got) != 0;
        free(got);
        free(same);
        end(&p);
    }
    print_message("%d of %zu results differ in bits from those of the emulated tiles\n", differ,
                  COUNT(cases));
}

static void so_does_the_kernel_without_tiles(void **state) {
    (void)state;
    if (!pleat_gradient_avx512.usable(1)) skip();
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (!pleat_gradient_avx512.knows(cases[i].kernel)) continue;
        problem p = begin(&cases[i], i, 1);
        float *got = gradient(&p, &pleat_gradient_avx512, p.threads);
        judge(&p, got, 1e-6);
        free(got);
        end(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_sums_first_and_second_numbers_apart_and_adds_last),
        cmocka_unit_test(what_is_denormal_counts_as_zero),
        cmocka_unit_test(wrong_products_are_found_out),
        cmocka_unit_test(gradients_are_those_of_the_formula),
        cmocka_unit_test(fresh_gradients_are_written_over_what_is_no_number),
        cmocka_unit_test(the_librarys_tiles_stay_configured),
        cmocka_unit_test(bits_do_not_depend_on_who_computes_a_channel),
        cmocka_unit_test(the_processors_own_tiles_give_the_same),
        cmocka_unit_test(so_does_the_kernel_without_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
