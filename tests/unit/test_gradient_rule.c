/*
 * test_gradient_rule.c - which passes of convolutions are taken by an own kernel, on a processor
 * whose AMX is emulated (lib/amx_tiles.c).
 */
#include "../../src/engines/onednn_direct.h"
#include "../../src/engines/onednn_gradient.h"
#include "../../src/engines/onednn_gradient_impl.h"
#include "../../src/engines/onednn_winograd_direct_impl.h"
#include "support.h"

enum { OTHER, FITS, WINS };

static const struct row {
    int cin, cout, kernel[3], stride, threads;
    int expected;
} rows[] = {
    {32, 32, {3, 3, 3}, 1, 1, WINS},   {256, 256, {3, 3, 3}, 1, 4, WINS},
    {512, 256, {3, 3, 3}, 1, 4, WINS}, {48, 24, {3, 3, 3}, 1, 1, WINS},
    {1, 32, {3, 3, 3}, 1, 1, WINS},    {3, 5, {1, 3, 3}, 1, 1, WINS},
    {32, 32, {1, 1, 1}, 1, 1, WINS},   {16, 1, {1, 1, 1}, 1, 1, WINS},
    {32, 32, {3, 1, 1}, 1, 1, WINS},   {32, 32, {3, 3, 3}, 1, 5, WINS},
    {32, 32, {3, 3, 3}, 1, 9, FITS}, /* four of nine threads have no plane */
    {32, 32, {3, 3, 3}, 2, 1, OTHER},  {32, 32, {3, 5, 5}, 1, 1, OTHER},
};

/* 5x6x7 voxels, "same" padding, bf16. */
static pleat_dnnl_shape shape_of(int cin, int cout, const int kernel[3], int stride) {
    pleat_dnnl_shape s = {.n = 1,
                          .d = 5,
                          .h = 6,
                          .w = 7,
                          .cin = cin,
                          .cout = cout,
                          .stride = {stride, stride, stride},
                          .bf16 = 1};
    for (int k = 0; k < 3; k++) {
        s.kernel[k] = kernel[k];
        s.before[k] = kernel[k] / 2;
    }
    return s;
}

static void amx_is_taken_for_all_that_it_knows(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *r = &rows[i];
        const pleat_dnnl_shape s = shape_of(r->cin, r->cout, r->kernel, r->stride);
        const int got = pleat_gradient_wins(&s, r->threads) ? WINS
                        : pleat_gradient_fits(&s)           ? FITS
                                                            : OTHER;
        if (got != r->expected)
            fail_msg("%d to %d, kernel %d%d%d, stride %d, %d threads: %d, not %d", r->cin, r->cout,
                     r->kernel[0], r->kernel[1], r->kernel[2], r->stride, r->threads, got,
                     r->expected);
    }
}

static void the_kernel_that_is_taken_is_that_of_amx(void **state) {
    (void)state;
    pleat_dnnl_shape s = {.n = 1,
                          .d = 2,
                          .h = 3,
                          .w = 70,
                          .cin = 32,
                          .cout = 32,
                          .kernel = {3, 3, 3},
                          .stride = {1, 1, 1},
                          .before = {1, 1, 1},
                          .bf16 = 1};
    assert_int_equal(pleat_gradient_bytes(&s, 1),
                     pleat_gradient_bytes_by(&pleat_gradient_amx, &s, 1));
    s.bf16 = 0; /* it knows no floats */
    assert_int_equal(pleat_gradient_fits(&s), pleat_gradient_avx512.usable(0));
}

static const struct direct_row {
    int cin, cout, kernel[3], stride, threads;
    int forward, data; /* expected */
} direct_rows[] = {
    {32, 32, {3, 3, 3}, 1, 1, WINS, WINS},
    {512, 256, {3, 3, 3}, 1, 4, WINS, WINS},
    {1, 32, {3, 3, 3}, 1, 1, WINS, FITS}, /* a first layer; one channel of 16 by x */
    {4, 16, {1, 3, 3}, 1, 1, WINS, FITS},
    {24, 24, {3, 3, 3}, 1, 1, WINS, WINS},
    {33, 32, {3, 3, 3}, 1, 1, WINS, WINS}, /* 99 of 128 numbers; 33 of 48 channels */
    {24, 17, {3, 3, 3}, 1, 1, FITS, FITS}, /* 24 of 32, by 17 of 32 */
    {32, 16, {3, 3, 3}, 1, 1, WINS, FITS}, /* oneDNN is faster from 16 channels */
    {16, 16, {3, 3, 3}, 1, 1, FITS, FITS},
    {513, 32, {3, 3, 3}, 1, 1, FITS, FITS}, /* more channels than were measured */
    {32, 32, {3, 3, 3}, 1, 9, FITS, FITS},  /* of nine threads four have no plane */
    {32, 32, {3, 3, 3}, 2, 1, OTHER, OTHER},
    {32, 32, {1, 1, 1}, 1, 1, OTHER, OTHER},
    {32, 32, {3, 1, 3}, 1, 1, OTHER, OTHER},
};

static void forward_and_by_x_are_taken_for_what_was_measured(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof direct_rows / sizeof *direct_rows; i++) {
        const struct direct_row *r = &direct_rows[i];
        pleat_dnnl_shape s = shape_of(r->cin, r->cout, r->kernel, r->stride);
        const int fits = pleat_direct_fits(&s) ? FITS : OTHER;
        const int forward = pleat_direct_wins(&s, PLEAT_DNNL_FORWARD, r->threads) ? WINS : fits;
        const int data = pleat_direct_wins(&s, PLEAT_DNNL_BACKWARD_DATA, r->threads) ? WINS : fits;
        if (forward != r->forward || data != r->data)
            fail_msg("%d to %d, kernel %d%d%d, %d threads: %d and %d, not %d and %d", r->cin,
                     r->cout, r->kernel[0], r->kernel[1], r->kernel[2], r->threads, forward, data,
                     r->forward, r->data);
    }
}

/* In f32, by Winograd's filtering; where the processor has a kernel. */
static const struct winograd_row {
    int n, d, h, w, cin, cout, kernel[3], stride, threads;
    int forward, data; /* expected */
} winograd_rows[] = {
    {2, 64, 64, 32, 32, 32, {3, 3, 3}, 1, 4, WINS, WINS},
    {1, 16, 8, 8, 8, 8, {3, 3, 3}, 1, 1, WINS, WINS},
    {2, 12, 12, 12, 512, 320, {3, 3, 3}, 1, 2, WINS, WINS},
    {8, 1, 64, 64, 32, 16, {1, 3, 3}, 1, 1, WINS, WINS},
    {2, 64, 64, 32, 4, 32, {3, 3, 3}, 1, 1, FITS, FITS}, /* a first layer: oneDNN is faster */
    {2, 8, 8, 4, 64, 64, {3, 3, 3}, 1, 1, FITS, FITS},   /* too few voxels for its weights */
    {2, 40, 5, 5, 32, 32, {3, 3, 3}, 1, 1, FITS, FITS},  /* 25 of 64 voxels of four tiles */
    {1, 2, 16, 32, 8, 8, {3, 3, 3}, 1, 200, FITS, FITS}, /* most threads would be idle */
    {2, 64, 64, 32, 32, 520, {3, 3, 3}, 1, 1, FITS, FITS},
    {2, 64, 64, 32, 32, 32, {3, 3, 3}, 2, 1, OTHER, OTHER},
    {2, 64, 64, 32, 32, 32, {3, 1, 3}, 1, 1, OTHER, OTHER},
    {2, 64, 64, 32, 32, 32, {5, 3, 3}, 1, 1, OTHER, OTHER},
};

static void winograd_is_taken_for_what_was_measured(void **state) {
    (void)state;
    if (!pleat_winograd_avx512.usable() && !pleat_winograd_avx2.usable()) skip();
    for (size_t i = 0; i < COUNT(winograd_rows); i++) {
        const struct winograd_row *r = &winograd_rows[i];
        pleat_dnnl_shape s = shape_of(r->cin, r->cout, r->kernel, r->stride);
        s.n = r->n;
        s.d = r->d;
        s.h = r->h;
        s.w = r->w;
        s.bf16 = 0;
        const int fits = pleat_direct_fits(&s) ? FITS : OTHER;
        const int forward = pleat_direct_wins(&s, PLEAT_DNNL_FORWARD, r->threads) ? WINS : fits;
        const int data = pleat_direct_wins(&s, PLEAT_DNNL_BACKWARD_DATA, r->threads) ? WINS : fits;
        if (forward != r->forward || data != r->data)
            fail_msg("row %zu, %d to %d: %d and %d, not %d and %d", i, r->cin, r->cout, forward,
                     data, r->forward, r->data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amx_is_taken_for_all_that_it_knows),
        cmocka_unit_test(the_kernel_that_is_taken_is_that_of_amx),
        cmocka_unit_test(forward_and_by_x_are_taken_for_what_was_measured),
        cmocka_unit_test(winograd_is_taken_for_what_was_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
