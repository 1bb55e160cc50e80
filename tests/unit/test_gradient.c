/*
 * test_gradient.c - the tiles of AMX in plain C, the kernel of gradients by the weights on them,
 * and where the processor has AMX the same with its own.
 */
#include "amx_emulated.h"

static int usable(int bf16) { return bf16; }

#define KERNEL emulated_amx
#define TILES
#include "../../src/engines/onednn_gradient_amx.inc"

#include "amx_numbers.h"

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

#define K333 \
    { 3, 3, 3 }
#define K133 \
    { 1, 3, 3 }
#define K111 \
    { 1, 1, 1 }

static const struct {
    int n, d, h, w, cin, cout, kernel[3], threads;
} cases[] = {
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

typedef struct problem {
    pleat_dnnl_shape s;
    int threads;
    size_t xs, ys, weights;
    uint16_t *x, *dy;       /* bf16 */
    float *start;           /* of dweights, and of dbias behind */
    double *want, *largest; /* the sums; those of the magnitudes of their terms */
} problem;

/* From the formula: every tap of every voxel. */
static void expect(problem *p) {
    const pleat_dnnl_shape *s = &p->s;
    const int *k = s->kernel;
    const size_t cin = (size_t)s->cin, cout = (size_t)s->cout;
    const size_t taps = p->weights / cin / cout;
    for (int v = 0; v < s->n * s->d * s->h * s->w; v++) {
        const uint16_t *dy = p->dy + (size_t)v * cout;
        const int w = v % s->w, h = v / s->w % s->h, d = v / s->w / s->h % s->d;
        for (size_t o = 0; o < cout; o++) p->want[p->weights + o] += load1(dy, o, 1);
        for (size_t o = 0; o < cout; o++) p->largest[p->weights + o] += fabs(load1(dy, o, 1));
        for (int tap = 0; tap < (int)taps; tap++) {
            const int x = w + tap % k[2] - k[2] / 2, y = h + tap / k[2] % k[1] - k[1] / 2;
            const int z = d + tap / k[2] / k[1] - k[0] / 2;
            if (x < 0 || y < 0 || z < 0 || x >= s->w || y >= s->h || z >= s->d) continue;
            const uint16_t *from =
                p->x + (size_t)(v + ((z - d) * s->h + y - h) * s->w + x - w) * cin;
            for (size_t o = 0; o < cout; o++)
                for (size_t i = 0; i < cin; i++) {
                    const double term = (double)load1(dy, o, 1) * (double)load1(from, i, 1);
                    p->want[(o * taps + (size_t)tap) * cin + i] += term;
                    p->largest[(o * taps + (size_t)tap) * cin + i] += fabs(term);
                }
        }
    }
}

static problem begin(size_t row) {
    problem p = {.s = {.n = cases[row].n,
                       .d = cases[row].d,
                       .h = cases[row].h,
                       .w = cases[row].w,
                       .cin = cases[row].cin,
                       .cout = cases[row].cout,
                       .stride = {1, 1, 1},
                       .bf16 = 1},
                 .threads = cases[row].threads};
    size_t taps = 1;
    for (int i = 0; i < 3; i++) {
        p.s.kernel[i] = cases[row].kernel[i];
        p.s.before[i] = p.s.kernel[i] / 2;
        taps *= (size_t)p.s.kernel[i];
    }
    const size_t voxels = (size_t)p.s.n * (size_t)p.s.d * (size_t)p.s.h * (size_t)p.s.w;
    p.xs = voxels * (size_t)p.s.cin;
    p.ys = voxels * (size_t)p.s.cout;
    p.weights = taps * (size_t)p.s.cin * (size_t)p.s.cout;
    p.x = some_halves(row, 0, p.xs);
    p.dy = some_halves(row, 1, p.ys);
    const size_t n = p.weights + (size_t)p.s.cout;
    p.start = some(n, sizeof *p.start);
    p.want = some(n, sizeof *p.want);
    p.largest = some(n, sizeof *p.largest);
    for (size_t i = 0; i < n; i++) {
        p.start[i] = number(row, 2, i);
        p.want[i] = p.start[i];
        p.largest[i] = fabs(p.want[i]);
    }
    expect(&p);
    return p;
}

static void end(problem *p) {
    free(p->x);
    free(p->dy);
    free(p->start);
    free(p->want);
    free(p->largest);
}

/* Added to `got`, weights and biases; what lies in `work` before is no number. */
static void add_gradient(const problem *p, const pleat_gradient_kernel *kernel, int threads,
                         int fresh, float *got) {
    const size_t bytes = pleat_gradient_bytes_by(kernel, &p->s, threads);
    void *work = aligned_alloc(64, bytes);
    assert_non_null(work);
    memset(work, 0xff, bytes);
    pleat_gradient_run_by(kernel, &p->s, threads, p->x, p->dy, got, got + p->weights, fresh, work);
    free(work);
}

/* Into a new array. */
static float *gradient(const problem *p, const pleat_gradient_kernel *kernel, int threads) {
    const size_t n = p->weights + (size_t)p->s.cout;
    float *got = some(n, sizeof *got);
    memcpy(got, p->start, n * sizeof *got);
    add_gradient(p, kernel, threads, 0, got);
    return got;
}

static void judge(const problem *p, const float *got) {
    for (size_t i = 0; i < p->weights + (size_t)p->s.cout; i++) {
        const double error = fabs((double)got[i] - p->want[i]);
        if (!(error <= 1e-6 * p->largest[i]))
            fail_msg("%dx%dx%dx%d, %d to %d, kernel %d%d%d, %d threads: gradient %zu is %.9g, "
                     "not %.9g",
                     p->s.n, p->s.d, p->s.h, p->s.w, p->s.cin, p->s.cout, p->s.kernel[0],
                     p->s.kernel[1], p->s.kernel[2], p->threads, i, got[i], p->want[i]);
    }
}

static int tiles_left_configured(int threads) {
    int left = 0;
#pragma omp parallel for num_threads(threads) reduction(+ : left)
    for (int t = 0; t < threads; t++) left += emulated.config.palette;
    return left;
}

static void gradients_are_those_of_the_formula(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        problem p = begin(i);
        float *got = gradient(&p, &emulated_amx, p.threads);
        judge(&p, got);
        assert_int_equal(tiles_left_configured(p.threads), 0);
        free(got);
        end(&p);
    }
}

/* They are those that are added to zeros, in lines of the caches and beside them. */
static void fresh_gradients_are_written_over_what_is_no_number(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t shift = 0; shift <= 8; shift += 8) { /* floats from a line's beginning */
            problem p = begin(i);
            const size_t n = p.weights + (size_t)p.s.cout, biases = (size_t)p.s.cout;
            const size_t bytes = (n + shift + 15) / 16 * 16 * sizeof(float);
            float *memory = aligned_alloc(64, bytes), *got = memory + shift;
            float *want = some(n, sizeof *want);
            assert_non_null(memory);
            for (size_t k = 0; k < p.weights; k++) got[k] = NAN;
            memset(got + p.weights, 0, biases * sizeof *got);
            add_gradient(&p, &emulated_amx, p.threads, 1, got);
            add_gradient(&p, &emulated_amx, p.threads, 0, want);
            for (size_t k = 0; k < n; k++)
                if (!(got[k] == want[k]))
                    fail_msg("case %zu: gradient %zu is %.9g, not %.9g", i, k, (double)got[k],
                             (double)want[k]);
            free(want);
            free(memory);
            end(&p);
        }
}

/* As the library does, whose configuration stays where a call of its own left it. */
static void the_librarys_tiles_stay_configured(void **state) {
    (void)state;
    problem p = begin(1);
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
    problem p = begin(9);
    p.s.n = p.s.d = 1; /* of its first plane: 130 channels, two shares */
    float *one = gradient(&p, &emulated_amx, 1), *two = gradient(&p, &emulated_amx, 2);
    const size_t bytes = (p.weights + (size_t)p.s.cout) * sizeof *one;
    assert_memory_equal(one, two, bytes);
    free(one);
    free(two);
    end(&p);
    p = begin(10);
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
        problem p = begin(i);
        float *got = gradient(&p, &pleat_gradient_amx, p.threads);
        float *same = gradient(&p, &emulated_amx, p.threads);
        judge(&p, got);
        differ += memcmp(got, same, (p.weights + (size_t)p.s.cout) * sizeof *got) != 0;
        free(got);
        free(same);
        end(&p);
    }
    print_message("%d of %zu results differ in bits from those of the emulated tiles\n", differ,
                  COUNT(cases));
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
