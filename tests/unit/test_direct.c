/*
 * test_direct.c - the kernel of convolutions forward and by x on tiles in plain C, against the
 * formula, and where the processor has AMX the same with its own.
 */
#include "amx_emulated.h"

#define DIRECT emulated_direct
#define TILES

static int direct_usable(void) { return 1; }

#include "../../src/engines/onednn_direct.h"
#include "../../src/engines/onednn_direct_amx.inc"

#include "amx_numbers.h"

#include <stdlib.h>

#define K333 \
    { 3, 3, 3 }
#define K133 \
    { 1, 3, 3 }

static const struct {
    int n, d, h, w, cin, cout, kernel[3], relu, threads;
} cases[] = {
    {1, 1, 1, 1, 32, 32, K333, 0, 1},   {1, 3, 4, 5, 32, 32, K333, 1, 1},
    {2, 3, 5, 7, 17, 33, K333, 0, 1},   {1, 2, 3, 33, 1, 3, K333, 1, 1},
    {2, 4, 5, 6, 1, 32, K333, 1, 2},    {1, 3, 4, 18, 2, 16, K333, 0, 1},
    {1, 3, 6, 5, 4, 32, K333, 1, 3},    {1, 2, 3, 9, 7, 24, K333, 0, 1},
    {1, 3, 5, 16, 32, 64, K333, 1, 1},  {1, 2, 7, 32, 33, 16, K333, 1, 1},
    {1, 5, 4, 4, 96, 32, K333, 0, 1},   {2, 4, 4, 2, 64, 80, K333, 1, 2},
    {1, 3, 9, 8, 16, 16, K333, 0, 2},   {1, 2, 23, 48, 32, 20, K333, 1, 1},
    {1, 1, 3, 90, 16, 16, K333, 0, 1},  {3, 3, 4, 3, 32, 130, K333, 0, 5},
    {2, 7, 2, 8, 48, 48, K333, 1, 3},   {1, 9, 2, 2, 130, 32, K333, 0, 1},
    {2, 1, 9, 31, 32, 48, K133, 1, 1},  {1, 5, 6, 4, 33, 64, K133, 0, 4},
    {1, 1, 70, 16, 32, 32, K133, 1, 4}, {1, 4, 3, 3, 8, 8, K133, 0, 1},
    {1, 6, 1, 1, 24, 40, K333, 1, 1},   {1, 2, 1, 20, 320, 16, K333, 0, 2},
    {1, 2, 2, 3, 160, 160, K333, 1, 2}, {1, 1, 1, 2, 16, 16, K333, 1, 1},
    {2, 3, 5, 34, 16, 16, K333, 1, 3},  {1, 3, 4, 32, 16, 32, K333, 0, 2},
    {2, 2, 6, 20, 8, 8, K333, 1, 2},    {1, 2, 3, 22, 16, 19, K333, 1, 1},
    {1, 2, 3, 64, 24, 24, K333, 1, 2},  {1, 4, 20, 16, 8, 24, K133, 1, 4},
    {1, 3, 3, 33, 16, 16, K333, 1, 2},  {2, 3, 7, 14, 32, 16, K333, 0, 2},
};

typedef struct problem {
    pleat_dnnl_shape s;
    int threads;
    size_t voxels, weights;
    uint16_t *x, *dy;
    float *kernel, *bias;
} problem;

static float *some_floats(size_t row, uint32_t which, size_t n) {
    float *p = some(n, sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = number(row, which, i);
    return p;
}

static problem begin(size_t row) {
    problem p = {.s = {.n = cases[row].n,
                       .d = cases[row].d,
                       .h = cases[row].h,
                       .w = cases[row].w,
                       .cin = cases[row].cin,
                       .cout = cases[row].cout,
                       .stride = {1, 1, 1},
                       .relu = cases[row].relu,
                       .bf16 = 1},
                 .threads = cases[row].threads};
    for (int i = 0; i < 3; i++) {
        p.s.kernel[i] = cases[row].kernel[i];
        p.s.before[i] = p.s.kernel[i] / 2;
    }
    p.voxels = (size_t)p.s.n * (size_t)p.s.d * (size_t)p.s.h * (size_t)p.s.w;
    p.weights = (size_t)p.s.kernel[0] * 9 * (size_t)p.s.cin * (size_t)p.s.cout;
    p.x = some_halves(row, 0, p.voxels * (size_t)p.s.cin);
    p.dy = some_halves(row, 1, p.voxels * (size_t)p.s.cout);
    p.kernel = some_floats(row, 2, p.weights);
    p.bias = some_floats(row, 3, (size_t)p.s.cout);
    return p;
}

static void end(problem *p) {
    free(p->x);
    free(p->dy);
    free(p->kernel);
    free(p->bias);
}

/* The weights as bf16, which is what meets x. */
static double weight(const problem *p, size_t i) {
    uint16_t half;
    store1(&half, 0, 1, p->kernel[i]);
    return (double)load1(&half, 0, 1);
}

/* From the formula: every tap of voxel v. By x it is the voxel that y's reaches by the tap that
 * lies opposite. `largest` is the sum of the magnitudes. */
static double expect(const problem *p, int back, int v, size_t channel, double *largest) {
    const pleat_dnnl_shape *s = &p->s;
    const size_t cin = (size_t)s->cin, cout = (size_t)s->cout, others = back ? cout : cin;
    const int w = v % s->w, h = v / s->w % s->h, d = v / s->w / s->h % s->d;
    const int taps = s->kernel[0] * 9;
    double sum = back ? 0 : (double)p->bias[channel];
    *largest = fabs(sum);
    for (int tap = 0; tap < taps; tap++) {
        const int x = w + tap % 3 - 1, y = h + tap / 3 % 3 - 1, z = d + tap / 9 - s->kernel[0] / 2;
        if (x < 0 || y < 0 || z < 0 || x >= s->w || y >= s->h || z >= s->d) continue;
        const size_t from = (size_t)(v + ((z - d) * s->h + y - h) * s->w + x - w) * others;
        for (size_t i = 0; i < others; i++) {
            const size_t co = back ? i : channel, ci = back ? channel : i;
            const size_t at = (size_t)(back ? taps - 1 - tap : tap);
            const double term = (double)load1(back ? p->dy : p->x, from + i, 1) *
                                weight(p, (co * (size_t)taps + at) * cin + ci);
            sum += term;
            *largest += fabs(term);
        }
    }
    return !back && s->relu && sum < 0 ? 0 : sum;
}

/* Into a new array; what lies in memory before is no number. `sums` as pleat_direct_run has. */
static uint16_t *convolve_and_add(const problem *p, const pleat_direct_kernel *kernel, int back,
                                  int threads, double *sums) {
    const pleat_dnnl_pass pass = back ? PLEAT_DNNL_BACKWARD_DATA : PLEAT_DNNL_FORWARD;
    const size_t bytes = pleat_direct_bytes_by(kernel, &p->s, pass, threads);
    const size_t packed_bytes = pleat_direct_weights_bytes(&p->s, pass);
    void *memory = aligned_alloc(64, bytes), *packed = aligned_alloc(64, packed_bytes);
    uint16_t *y = some(p->voxels * (size_t)(back ? p->s.cin : p->s.cout), sizeof *y);
    assert_non_null(memory);
    assert_non_null(packed);
    memset(memory, 0xff, bytes);
    memset(packed, 0xff, packed_bytes);
    pleat_direct_pack_by(kernel, &p->s, pass, threads, p->kernel, packed);
    pleat_direct_run_by(kernel, &p->s, pass, threads, back ? p->dy : p->x, packed,
                        back ? NULL : p->bias, y, sums, memory);
    free(packed);
    free(memory);
    return y;
}

static uint16_t *convolve(const problem *p, const pleat_direct_kernel *kernel, int back,
                          int threads) {
    return convolve_and_add(p, kernel, back, threads, NULL);
}

static void judge(const problem *p, int back, const uint16_t *got) {
    const size_t channels = (size_t)(back ? p->s.cin : p->s.cout);
    for (size_t i = 0; i < p->voxels * channels; i++) {
        double largest = 0;
        const double want = expect(p, back, (int)(i / channels), i % channels, &largest);
        const double error = fabs((double)load1(got, i, 1) - want);
        if (!(error <= fabs(want) / 256 + 2e-6 * largest)) /* half of a last place of bf16 */
            fail_msg("%dx%dx%dx%d, %d to %d, kernel %d33, %d threads, %s: number %zu is %.9g, not "
                     "%.9g",
                     p->s.n, p->s.d, p->s.h, p->s.w, p->s.cin, p->s.cout, p->s.kernel[0],
                     p->threads, back ? "by x" : "forward", i, (double)load1(got, i, 1), want);
    }
}

static void results_are_those_of_the_formula(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int back = 0; back < 2; back++) {
            problem p = begin(i);
            uint16_t *got = convolve(&p, &emulated_direct, back, p.threads);
            judge(&p, back, got);
            free(got);
            end(&p);
        }
}

/* Of what is stored, whose bits they leave as they are. */
static void sums_of_each_channel_are_those_of_y(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        problem p = begin(i);
        const size_t channels = (size_t)p.s.cout, n = p.voxels * channels;
        double *sums = some((size_t)p.threads * 2 * channels, sizeof *sums);
        for (size_t k = 0; k < (size_t)p.threads * 2 * channels; k++) sums[k] = NAN;
        uint16_t *y = convolve_and_add(&p, &emulated_direct, 0, p.threads, sums);
        uint16_t *alone = convolve(&p, &emulated_direct, 0, p.threads);
        assert_memory_equal(y, alone, n * sizeof *y);
        for (size_t c = 0; c < channels; c++) {
            double got[2] = {0}, want[2] = {0}, largest = 0;
            for (size_t v = c; v < n; v += channels) {
                const double value = (double)load1(y, v, 1);
                want[0] += value;
                want[1] += value * value;
                largest += fabs(value);
            }
            for (size_t t = 0; t < (size_t)p.threads; t++)
                for (size_t k = 0; k < 2; k++) got[k] += sums[(2 * t + k) * channels + c];
            if (!(fabs(got[0] - want[0]) <= 1e-6 * largest) ||
                !(fabs(got[1] - want[1]) <= 1e-6 * want[1]))
                fail_msg("case %zu, channel %zu: %.9g and %.9g, not %.9g and %.9g", i, c, got[0],
                         got[1], want[0], want[1]);
        }
        free(alone);
        free(y);
        free(sums);
        end(&p);
    }
}

static void bits_do_not_depend_on_threads_or_samples(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int back = 0; back < 2; back++) {
            problem p = begin(i);
            const size_t n = p.voxels * (size_t)(back ? p.s.cin : p.s.cout);
            uint16_t *one = convolve(&p, &emulated_direct, back, 1);
            for (int threads = 2; threads <= 5; threads += 3) {
                uint16_t *more = convolve(&p, &emulated_direct, back, threads);
                assert_memory_equal(one, more, n * sizeof *one);
                free(more);
            }
            p.voxels /= (size_t)p.s.n;
            const size_t sample = n / (size_t)p.s.n * sizeof *one;
            p.s.n = 1;
            uint16_t *first = convolve(&p, &emulated_direct, back, 1);
            assert_memory_equal(one, first, sample);
            free(first);
            free(one);
            end(&p);
        }
}

static void weights_by_x_made_of_forwards_are_those_of_canonical_ones(void **state) {
    (void)state;
    int whole = 0;
    if (!pleat_dnnl_has_avx512()) skip();
    for (size_t i = 0; i < COUNT(cases); i++) {
        problem p = begin(i);
        const size_t bytes = pleat_direct_weights_bytes(&p.s, PLEAT_DNNL_BACKWARD_DATA);
        void *forward = aligned_alloc(64, pleat_direct_weights_bytes(&p.s, PLEAT_DNNL_FORWARD));
        void *want = aligned_alloc(64, bytes), *got = aligned_alloc(64, bytes);
        assert_non_null(forward);
        assert_non_null(want);
        assert_non_null(got);
        memset(got, 0xff, bytes);
        if (p.s.cin % 32 == 0 && p.s.cout % 32 == 0) {
            pleat_direct_pack_by(&emulated_direct, &p.s, PLEAT_DNNL_FORWARD, 1, p.kernel, forward);
            pleat_direct_pack_by(&emulated_direct, &p.s, PLEAT_DNNL_BACKWARD_DATA, 1, p.kernel,
                                 want);
            pleat_direct_turn_by(&emulated_direct, &p.s, p.threads, forward, got);
            assert_memory_equal(got, want, bytes);
            whole++;
        }
        free(forward);
        free(want);
        free(got);
        end(&p);
    }
    assert_true(whole >= 5);
}

/* As the library does, whose configuration stays where a call of its own left it. */
static void the_librarys_tiles_stay_configured(void **state) {
    (void)state;
    problem p = begin(1);
    const uint8_t others[64] = {[0] = 1, [16] = 32, [48] = 7};
    uint8_t after[64];
    _tile_loadconfig(others);
    free(convolve(&p, &emulated_direct, 0, 1));
    _tile_storeconfig(after);
    _tile_loadconfig(&(const uint8_t[64]){0});
    assert_memory_equal(after, others, sizeof others);
    end(&p);
}

/* A number that is none stays where it can be seen: no ReLU hides it, no other voxel gets it. */
static void what_is_no_number_reaches_its_neighbours_alone(void **state) {
    (void)state;
    problem p = begin(8);
    const size_t cin = (size_t)p.s.cin, cout = (size_t)p.s.cout;
    store1(p.x, cin * 15, 1, NAN); /* voxel 15 of row 0 of plane 0, the last of the row */
    uint16_t *y = convolve(&p, &emulated_direct, 0, 1);
    for (size_t i = 0; i < p.voxels * cout; i++) {
        const size_t v = i / cout, w = v % 16, h = v / 16 % 5, d = v / 80;
        assert_int_equal(isnan(load1(y, i, 1)) != 0, w >= 14 && h < 2 && d < 2);
    }
    free(y);
    end(&p);
}

/* Two voxels of y at a time meet four of x, the outermost with weights of zero: what is no number
 * may then reach one voxel further along W, and nothing beyond. */
static void
what_is_no_number_reaches_one_voxel_further_at_most_where_channels_are_few(void **state) {
    (void)state;
    problem p = begin(COUNT(cases) - 8); /* 2x3x5x34, 16 to 16 */
    const int cin = p.s.cin, cout = p.s.cout, w = p.s.w, at = 14;
    assert_true(cin == 16 && w == 34);
    store1(p.x, (size_t)cin * (size_t)at, 1, NAN); /* of row 0 of plane 0 */
    uint16_t *y = convolve(&p, &emulated_direct, 0, 1);
    for (size_t i = 0; i < p.voxels * (size_t)cout; i++) {
        const int v = (int)i / cout, far = abs(v % w - at), h = v / w % p.s.h, d = v / w / p.s.h;
        const int got = isnan(load1(y, i, 1)) != 0;
        if (h < 2 && d < 2 && far == 2) continue;
        assert_int_equal(got, h < 2 && d < 2 && far < 2);
    }
    free(y);
    end(&p);
}

static void the_processors_own_tiles_give_the_same(void **state) {
    (void)state;
    if (!pleat_direct_amx.usable()) {
        print_message("this processor has no AMX: only the emulated tiles were tested\n");
        skip();
    }
    int differ = 0;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int back = 0; back < 2; back++) {
            problem p = begin(i);
            const size_t n = p.voxels * (size_t)(back ? p.s.cin : p.s.cout);
            uint16_t *got = convolve(&p, &pleat_direct_amx, back, p.threads);
            uint16_t *same = convolve(&p, &emulated_direct, back, p.threads);
            judge(&p, back, got);
            differ += memcmp(got, same, n * sizeof *got) != 0;
            free(got);
            free(same);
            end(&p);
        }
    print_message("%d of %zu results differ in bits from those of the emulated tiles\n", differ,
                  2 * COUNT(cases));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_the_formula),
        cmocka_unit_test(sums_of_each_channel_are_those_of_y),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_samples),
        cmocka_unit_test(weights_by_x_made_of_forwards_are_those_of_canonical_ones),
        cmocka_unit_test(the_librarys_tiles_stay_configured),
        cmocka_unit_test(what_is_no_number_reaches_its_neighbours_alone),
        cmocka_unit_test(
            what_is_no_number_reaches_one_voxel_further_at_most_where_channels_are_few),
        cmocka_unit_test(the_processors_own_tiles_give_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
