/*
 * test_winograd_direct.c - the kernels of convolutions forward and by x by Winograd's filtering,
 * those that this processor has, against the formula.
 */
#include "../../src/engines/onednn_winograd_direct.h"
#include "../../src/engines/onednn_winograd_direct_impl.h"

#include "amx_numbers.h"

#include <math.h>
#include <string.h>

#define K333 \
    { 3, 3, 3 }
#define K133 \
    { 1, 3, 3 }

static const struct {
    int n, d, h, w, cin, cout, kernel[3], relu, threads;
} cases[] = {
    {1, 1, 1, 1, 16, 16, K333, 0, 1},   {1, 3, 4, 4, 32, 32, K333, 1, 1},
    {2, 3, 5, 7, 17, 33, K333, 0, 2},   {1, 2, 3, 33, 1, 3, K333, 1, 1},
    {2, 4, 9, 6, 3, 32, K333, 1, 2},    {1, 3, 6, 5, 40, 8, K333, 1, 3},
    {1, 5, 8, 16, 32, 64, K333, 1, 1},  {1, 3, 17, 32, 16, 16, K333, 1, 4},
    {1, 1, 30, 70, 16, 16, K333, 0, 3}, {3, 3, 4, 3, 32, 70, K333, 0, 4},
    {2, 7, 2, 8, 48, 48, K333, 1, 3},   {1, 9, 2, 2, 130, 24, K333, 0, 1},
    {1, 1, 8, 8, 16, 130, K333, 0, 4},  {1, 40, 9, 9, 64, 16, K333, 0, 2},
    {2, 1, 9, 31, 32, 48, K133, 1, 1},  {1, 5, 6, 4, 33, 64, K133, 0, 4},
    {1, 1, 70, 16, 32, 32, K133, 1, 4}, {2, 4, 3, 3, 8, 8, K133, 0, 1},
};

typedef struct problem {
    pleat_dnnl_shape s;
    int threads;
    size_t voxels;
    float *x, *dy, *kernel, *bias;
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
                       .relu = cases[row].relu},
                 .threads = cases[row].threads};
    for (int i = 0; i < 3; i++) {
        p.s.kernel[i] = cases[row].kernel[i];
        p.s.before[i] = p.s.kernel[i] / 2;
    }
    p.voxels = (size_t)p.s.n * (size_t)p.s.d * (size_t)p.s.h * (size_t)p.s.w;
    p.x = some_floats(row, 0, p.voxels * (size_t)p.s.cin);
    p.dy = some_floats(row, 1, p.voxels * (size_t)p.s.cout);
    p.kernel = some_floats(row, 2, (size_t)p.s.kernel[0] * 9 * (size_t)p.s.cin * (size_t)p.s.cout);
    p.bias = some_floats(row, 3, (size_t)p.s.cout);
    return p;
}

static void end(problem *p) {
    free(p->x);
    free(p->dy);
    free(p->kernel);
    free(p->bias);
}

static size_t channels_of(const problem *p, int back) {
    return (size_t)(back ? p->s.cin : p->s.cout);
}

/* From the formula: every tap of voxel v. By x it is the voxel that y's reaches by the tap that
 * lies opposite. */
static double expect(const problem *p, int back, int v, size_t channel) {
    const pleat_dnnl_shape *s = &p->s;
    const size_t cin = (size_t)s->cin, others = channels_of(p, !back);
    const int w = v % s->w, h = v / s->w % s->h, d = v / s->w / s->h % s->d;
    const int taps = s->kernel[0] * 9;
    double sum = back ? 0 : (double)p->bias[channel];
    for (int tap = 0; tap < taps; tap++) {
        const int x = w + tap % 3 - 1, y = h + tap / 3 % 3 - 1, z = d + tap / 9 - s->kernel[0] / 2;
        if (x < 0 || y < 0 || z < 0 || x >= s->w || y >= s->h || z >= s->d) continue;
        const size_t from = (size_t)(v + ((z - d) * s->h + y - h) * s->w + x - w) * others;
        for (size_t i = 0; i < others; i++) {
            const size_t co = back ? i : channel, ci = back ? channel : i;
            const size_t at = (size_t)(back ? taps - 1 - tap : tap);
            sum += (double)(back ? p->dy : p->x)[from + i] *
                   (double)p->kernel[(co * (size_t)taps + at) * cin + ci];
        }
    }
    return !back && s->relu && sum < 0 ? 0 : sum;
}

/* Into a new array; what lies in memory before is no number. */
static float *convolve(const problem *p, const pleat_winograd_kernel *kernel, int back,
                       int threads) {
    const pleat_dnnl_pass pass = back ? PLEAT_DNNL_BACKWARD_DATA : PLEAT_DNNL_FORWARD;
    const size_t bytes = pleat_winograd_bytes_by(kernel, &p->s, pass, threads);
    const size_t packed_bytes = pleat_winograd_weights_bytes_by(kernel, &p->s, pass);
    void *memory = aligned_alloc(64, bytes), *packed = aligned_alloc(64, packed_bytes);
    float *y = some(p->voxels * channels_of(p, back), sizeof *y);
    assert_non_null(memory);
    assert_non_null(packed);
    memset(memory, 0xff, bytes);
    memset(packed, 0xff, packed_bytes);
    pleat_winograd_pack_by(kernel, &p->s, pass, threads, p->kernel, packed);
    pleat_winograd_run_by(kernel, &p->s, pass, threads, back ? p->dy : p->x, packed,
                          back ? NULL : p->bias, y, memory);
    free(packed);
    free(memory);
    return y;
}

static const struct row {
    const char *name;
    const pleat_winograd_kernel *kernel;
} kernels[] = {{"AVX-512", &pleat_winograd_avx512}, {"AVX2", &pleat_winograd_avx2}};

static void judge(const problem *p, const struct row *by, int back, const float *got) {
    const size_t channels = channels_of(p, back), n = p->voxels * channels;
    const double terms = p->s.kernel[0] * 9.0 * (double)channels_of(p, !back);
    for (size_t i = 0; i < n; i++) {
        const double want = expect(p, back, (int)(i / channels), i % channels);
        if (!(fabs((double)got[i] - want) <= 4e-6 * sqrt(terms))) /* numbers from -1 to 1 */
            fail_msg("%s: %dx%dx%dx%d, %d to %d, kernel %d33, %d threads, %s: number %zu is %.9g, "
                     "not %.9g",
                     by->name, p->s.n, p->s.d, p->s.h, p->s.w, p->s.cin, p->s.cout, p->s.kernel[0],
                     p->threads, back ? "by x" : "forward", i, (double)got[i], want);
    }
}

/* The kernels that this processor has; skips where it has none. */
static size_t usable_kernels(const struct row *usable[COUNT(kernels)]) {
    size_t n = 0;
    for (size_t i = 0; i < COUNT(kernels); i++)
        if (kernels[i].kernel->usable()) usable[n++] = &kernels[i];
    if (n == 0) skip();
    return n;
}

static void results_are_those_of_the_formula(void **state) {
    (void)state;
    const struct row *by[COUNT(kernels)] = {NULL};
    const size_t n = usable_kernels(by);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < COUNT(cases); i++)
            for (int back = 0; back < 2; back++) {
                problem p = begin(i);
                float *got = convolve(&p, by[k]->kernel, back, p.threads);
                judge(&p, by[k], back, got);
                free(got);
                end(&p);
            }
}

static void bits_do_not_depend_on_threads_or_samples(void **state) {
    (void)state;
    const struct row *by[COUNT(kernels)] = {NULL};
    const size_t kinds = usable_kernels(by);
    for (size_t k = 0; k < kinds; k++)
        for (size_t i = 0; i < COUNT(cases); i++)
            for (int back = 0; back < 2; back++) {
                problem p = begin(i);
                const size_t n = p.voxels * channels_of(&p, back);
                float *one = convolve(&p, by[k]->kernel, back, 1);
                for (int threads = 2; threads <= 4; threads++) {
                    float *more = convolve(&p, by[k]->kernel, back, threads);
                    assert_memory_equal(one, more, n * sizeof *one);
                    free(more);
                }
                p.voxels /= (size_t)p.s.n;
                const size_t sample = n / (size_t)p.s.n * sizeof *one;
                p.s.n = 1;
                float *first = convolve(&p, by[k]->kernel, back, 1);
                assert_memory_equal(one, first, sample);
                free(first);
                free(one);
                end(&p);
            }
}

/* Their vectors differ, the sums of a number do not. */
static void bits_do_not_depend_on_the_kernel(void **state) {
    (void)state;
    if (!pleat_winograd_avx512.usable() || !pleat_winograd_avx2.usable()) skip();
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int back = 0; back < 2; back++) {
            problem p = begin(i);
            float *one = convolve(&p, &pleat_winograd_avx512, back, p.threads);
            float *other = convolve(&p, &pleat_winograd_avx2, back, p.threads);
            assert_memory_equal(one, other, p.voxels * channels_of(&p, back) * sizeof *one);
            free(one);
            free(other);
            end(&p);
        }
}

/* A number that is none stays where it can be seen: no ReLU hides it. It may reach all voxels of
 * the tiles that it reaches, and no others. */
static void what_is_no_number_is_seen(void **state) {
    (void)state;
    const struct row *by[COUNT(kernels)] = {NULL};
    const size_t kinds = usable_kernels(by);
    for (size_t k = 0; k < kinds; k++) {
        problem p = begin(6);
        const size_t cin = (size_t)p.s.cin, cout = (size_t)p.s.cout;
        p.x[cin * 15] = NAN; /* voxel 15 of row 0 of plane 0, the last of the row */
        float *y = convolve(&p, by[k]->kernel, 0, 1);
        for (size_t i = 0; i < p.voxels * cout; i++) {
            const size_t v = i / cout, w = v % 16, h = v / 16 % 8, d = v / 128;
            if (w >= 14 && h < 2 && d < 2) assert_true(isnan(y[i]));
            if (w < 12 || h >= 4 || d >= 2) assert_false(isnan(y[i]));
        }
        free(y);
        end(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_the_formula),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_samples),
        cmocka_unit_test(bits_do_not_depend_on_the_kernel),
        cmocka_unit_test(what_is_no_number_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
