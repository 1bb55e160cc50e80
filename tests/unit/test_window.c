/* test_window.c - grid starts, weights that sum to 1, and the original's joins voxel by voxel. */
#include "pleat/volume.h"
#include "pleat/window.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>

static const pleat_merge merges[] = {PLEAT_MERGE_ORIGINAL, PLEAT_MERGE_UNIFORM,
                                     PLEAT_MERGE_GAUSSIAN, PLEAT_MERGE_NNUNET};

static void assert_starts(int n, int window, int overlap, int count, const int *expected) {
    pleat_window grid;
    OK(pleat_window_make((int[3]){n, 1, 1}, (int[3]){window, 1, 1}, (int[3]){overlap, 0, 0},
                         PLEAT_MERGE_ORIGINAL, &grid));
    assert_int_equal(pleat_window_count(&grid), count);
    for (int i = 0; i < count; i++) {
        int start[3];
        pleat_window_start(&grid, i, start);
        assert_int_equal(start[0], expected[i]);
    }
    pleat_window_free(&grid);
}

static void test_grids_start_at_the_golden_places(void **state) {
    (void)state;
    assert_starts(267, 160, 80, 3, (int[]){0, 80, 107});
    assert_starts(254, 160, 80, 3, (int[]){0, 80, 94});
    assert_starts(104, 80, 30, 2, (int[]){0, 24});
    assert_starts(301, 80, 30, 6, (int[]){0, 50, 100, 150, 200, 221});
    assert_starts(512, 160, 80, 6, (int[]){0, 80, 160, 240, 320, 352});
    assert_starts(80, 80, 30, 1, (int[]){0});
    assert_starts(39, 80, 30, 1, (int[]){-21}); /* floor(-41 / 2) */
}

static void test_windows_are_numbered_with_w_fastest(void **state) {
    (void)state;
    pleat_window grid;
    OK(pleat_window_make((int[3]){104, 254, 267}, (int[3]){80, 160, 160}, (int[3]){30, 80, 80},
                         PLEAT_MERGE_UNIFORM, &grid));
    assert_int_equal(pleat_window_count(&grid), 18);
    int start[3];
    pleat_window_start(&grid, 1, start);
    assert_true(start[0] == 0 && start[1] == 0 && start[2] == 80);
    pleat_window_start(&grid, 17, start);
    assert_true(start[0] == 24 && start[1] == 94 && start[2] == 107);
    pleat_window_free(&grid);
}

static void test_weights_of_an_axis_sum_to_1_at_every_voxel_and_are_0_at_padding(void **state) {
    (void)state;
    const int axes[][3] = {{267, 160, 80}, {104, 80, 30}, {39, 80, 30}, {301, 80, 79}, {9, 1, 0}};
    for (size_t m = 0; m < 3; m++)
        for (size_t k = 0; k < COUNT(axes); k++) {
            const int n = axes[k][0], window = axes[k][1];
            pleat_window grid;
            OK(pleat_window_make((int[3]){n, 1, 1}, (int[3]){window, 1, 1},
                                 (int[3]){axes[k][2], 0, 0}, merges[m], &grid));
            double *sum = calloc((size_t)n, sizeof *sum);
            for (int i = 0; i < grid.count[0]; i++)
                for (int j = 0; j < window; j++) {
                    const int voxel = grid.start[0][i] + j;
                    const double weight = grid.weight[0][i * window + j];
                    if (voxel < 0 || voxel >= n)
                        assert_true(weight == 0.0);
                    else
                        assert_true(weight > 0.0);
                    if (voxel >= 0 && voxel < n) sum[voxel] += weight;
                }
            for (int v = 0; v < n; v++) assert_float_equal(sum[v], 1.0, 1e-14);
            free(sum);
            pleat_window_free(&grid);
        }
}

/* --- the original's joins, literally -----------------------------------------------------------*/

/* Box of doubles that grows by joins. */
typedef struct box {
    int dim[3];
    double *data;
} box;

static double *at(const box *b, int d, int h, int w) {
    return b->data + ((size_t)d * (size_t)b->dim[1] + (size_t)h) * (size_t)b->dim[2] + (size_t)w;
}

static box make_box(int d, int h, int w) {
    const size_t n = (size_t)d * (size_t)h * (size_t)w;
    double *data = calloc(n + 1, sizeof *data);
    if (data == NULL) abort();
    return (box){{d, h, w}, data};
}

/* a and b share `shared` planes of `axis`: they become the mean of the two. Frees both. */
static box join(box a, box b, int axis, int shared) {
    int dim[3] = {a.dim[0], a.dim[1], a.dim[2]};
    dim[axis] = a.dim[axis] + b.dim[axis] - shared;
    const box out = make_box(dim[0], dim[1], dim[2]);
    const int first = a.dim[axis] - shared; /* plane of `out` where b begins */
    for (int d = 0; d < dim[0]; d++)
        for (int h = 0; h < dim[1]; h++)
            for (int w = 0; w < dim[2]; w++) {
                const int v[3] = {d, h, w};
                int u[3] = {d, h, w};
                u[axis] -= first;
                const int in_a = v[axis] < a.dim[axis], in_b = u[axis] >= 0;
                const double x = in_a ? *at(&a, d, h, w) : 0.0;
                const double y = in_b ? *at(&b, u[0], u[1], u[2]) : 0.0;
                *at(&out, d, h, w) = in_a && in_b ? (x + y) / 2.0 : x + y;
            }
    free(a.data);
    free(b.data);
    return out;
}

/* Windows are joined along W into rods, rods along H into plates, plates along D. (The original's
 * z, y, x order; its z is our D, but the joins of different axes commute.) */
static box join_all(const pleat_window *grid, const box *patch) {
    box volume = {0};
    int i = 0;
    for (int d = 0; d < grid->count[0]; d++) {
        box plate = {0};
        for (int h = 0; h < grid->count[1]; h++) {
            box rod = {0};
            for (int w = 0; w < grid->count[2]; w++, i++) {
                const int shared = rod.dim[2] - grid->start[2][w];
                rod = w == 0 ? patch[i] : join(rod, patch[i], 2, shared);
            }
            plate = h == 0 ? rod : join(plate, rod, 1, plate.dim[1] - grid->start[1][h]);
        }
        volume = d == 0 ? plate : join(volume, plate, 0, volume.dim[0] - grid->start[0][d]);
    }
    return volume;
}

static void test_the_originals_weights_are_its_pairwise_joins(void **state) {
    (void)state;
    const int dim[3] = {13, 11, 17}, window[3] = {6, 5, 8}, overlap[3] = {3, 3, 6};
    pleat_window grid;
    OK(pleat_window_make(dim, window, overlap, PLEAT_MERGE_ORIGINAL, &grid));
    const int n = pleat_window_count(&grid);
    box *patch = calloc((size_t)n, sizeof *patch), sum = make_box(13, 11, 17);
    uint32_t x = 5;
    for (int i = 0; i < n; i++) {
        patch[i] = make_box(window[0], window[1], window[2]);
        int start[3];
        pleat_window_start(&grid, i, start);
        const int at_w = i % grid.count[2], at_h = i / grid.count[2] % grid.count[1];
        const int at_d = i / grid.count[2] / grid.count[1];
        for (int d = 0; d < window[0]; d++)
            for (int h = 0; h < window[1]; h++)
                for (int w = 0; w < window[2]; w++) {
                    x = x * 1664525u + 1013904223u;
                    const double value = (x >> 8) * 0x1p-24;
                    *at(&patch[i], d, h, w) = value;
                    *at(&sum, start[0] + d, start[1] + h, start[2] + w) +=
                        grid.weight[0][at_d * window[0] + d] *
                        grid.weight[1][at_h * window[1] + h] *
                        grid.weight[2][at_w * window[2] + w] * value;
                }
    }
    box joined = join_all(&grid, patch); /* frees the patches */
    if (joined.data == NULL) abort();
    for (size_t i = 0; i < pleat_voxels(dim); i++)
        assert_float_equal(sum.data[i], joined.data[i], 1e-12);
    free(joined.data);
    free(sum.data);
    free(patch);
    pleat_window_free(&grid);
}

static void test_a_strip_under_three_windows_weighs_quarter_quarter_half(void **state) {
    (void)state;
    pleat_window grid;
    OK(pleat_window_make((int[3]){267, 1, 1}, (int[3]){160, 1, 1}, (int[3]){80, 0, 0},
                         PLEAT_MERGE_ORIGINAL, &grid));
    const double *weight = grid.weight[0];
    const int voxel = 120; /* under 0..159, 80..239 and 107..266 */
    assert_true(weight[voxel] == 0.25);
    assert_true(weight[160 + voxel - 80] == 0.25);
    assert_true(weight[320 + voxel - 107] == 0.5);
    assert_true(weight[40] == 1.0 && weight[320 + 266 - 107] == 1.0);
    pleat_window_free(&grid);
}

/* --- accumulation ------------------------------------------------------------------------------*/

static float field(int d, int h, int w, int c) {
    return (float)(d * 3 + h * 5 - w * 7 + c * 11) * 0.01f;
}

static void test_windows_cut_from_a_volume_give_the_volume_back(void **state) {
    (void)state;
    enum { CLASSES = 3 };
    const int dims[][3] = {{13, 11, 17}, {4, 11, 5}}, window[3] = {6, 5, 8};
    const int overlap[3] = {3, 2, 6};
    float probs[6 * 5 * 8 * CLASSES];
    for (size_t m = 0; m < COUNT(merges); m++)
        for (size_t k = 0; k < 2; k++) {
            const int *dim = dims[k];
            pleat_window grid;
            OK(pleat_window_make(dim, window, overlap, merges[m], &grid));
            float *sum = calloc(pleat_voxels(dim) * CLASSES, sizeof *sum);
            for (int i = 0; i < pleat_window_count(&grid); i++) {
                int s[3];
                pleat_window_start(&grid, i, s);
                float *p = probs;
                for (int d = s[0]; d < s[0] + window[0]; d++)
                    for (int h = s[1]; h < s[1] + window[1]; h++)
                        for (int w = s[2]; w < s[2] + window[2]; w++)
                            for (int c = 0; c < CLASSES; c++) *p++ = field(d, h, w, c);
                pleat_window_accumulate(&grid, i, 0, probs, CLASSES, sum);
            }
            OK(pleat_window_mean(&grid, 1, CLASSES, sum));
            const float *p = sum;
            for (int d = 0; d < dim[0]; d++)
                for (int h = 0; h < dim[1]; h++)
                    for (int w = 0; w < dim[2]; w++)
                        for (int c = 0; c < CLASSES; c++)
                            assert_float_equal(*p++, field(d, h, w, c), 1e-5);
            free(sum);
            pleat_window_free(&grid);
        }
}

/* nnU-Net's map of weights (its compute_gaussian): the product of three
 * Gaussians about voxel window / 2, of sigma window / 8, no less than the smallest half float, of
 * values that are 10 in the middle. */
static double nnunet_weight(const int window[3], int d, int h, int w) {
    const int at[3] = {d, h, w};
    double power = 0.0;
    for (int a = 0; a < 3; a++) {
        const double z = (at[a] - window[a] / 2) / (window[a] / 8.0);
        power -= 0.5 * z * z;
    }
    return fmax(10.0 * exp(power), 5.9604644775390625e-8);
}

/* Values of their own for each window: sum of weight * value / sum of weight, voxel by voxel. */
static void test_nnunets_weights_are_its_map_and_never_zero(void **state) {
    (void)state;
    enum { D = 16, H = 7, W = 19, CLASSES = 2 };
    const int dim[3] = {D, H, W}, window[3] = {10, 9, 8}, overlap[3] = {5, 4, 4};
    static double values[D * H * W * CLASSES], weights[D * H * W];
    static float sum[D * H * W * CLASSES], probs[10 * 9 * 8 * CLASSES];
    pleat_window grid;
    OK(pleat_window_make(dim, window, overlap, PLEAT_MERGE_NNUNET, &grid));
    uint32_t x = 5;
    int floors = 0;
    for (int i = 0; i < pleat_window_count(&grid); i++) {
        int s[3];
        pleat_window_start(&grid, i, s);
        for (size_t k = 0; k < COUNT(probs); k++) {
            x = x * 1664525u + 1013904223u;
            probs[k] = (float)(x >> 8) * 0x1p-24F;
        }
        for (int d = 0; d < window[0]; d++)
            for (int h = 0; h < window[1]; h++)
                for (int w = 0; w < window[2]; w++) {
                    const int v[3] = {s[0] + d, s[1] + h, s[2] + w};
                    if (v[0] < 0 || v[1] < 0 || v[2] < 0 || v[0] >= D || v[1] >= H || v[2] >= W)
                        continue;
                    const int voxel = (v[0] * H + v[1]) * W + v[2];
                    const int in = (d * window[1] + h) * window[2] + w;
                    const double weight = nnunet_weight(window, d, h, w);
                    floors += weight < 5.97e-8;
                    weights[voxel] += weight;
                    for (int c = 0; c < CLASSES; c++)
                        values[voxel * CLASSES + c] += weight * (double)probs[in * CLASSES + c];
                }
        pleat_window_accumulate(&grid, i, 0, probs, CLASSES, sum);
        pleat_window_accumulate(&grid, i, 0, probs, CLASSES, sum);
    }
    assert_true(floors > 0);
    OK(pleat_window_mean(&grid, 2, CLASSES, sum));
    for (int k = 0; k < D * H * W * CLASSES; k++)
        assert_float_equal(sum[k], values[k] / weights[k / CLASSES], 1e-5);
    pleat_window_free(&grid);
}

/* --- mirrors -----------------------------------------------------------------------------------*/

static void test_a_mirrored_window_is_added_as_what_it_is_the_mirror_of(void **state) {
    (void)state;
    enum { D = 3, H = 4, W = 5, C = 2, N = D * H * W * C };
    const int dim[3] = {4, 7, 5}, window[3] = {D, H, W}, overlap[3] = {2, 1, 0};
    static const int ways[] = {1, 2, 2, 4, 2, 4, 4, 8};
    float plain[N], mirrored[2 * N], want[4 * 7 * 5 * C] = {0}, got[4 * 7 * 5 * C] = {0};
    pleat_window grid;
    OK(pleat_window_make(dim, window, overlap, PLEAT_MERGE_GAUSSIAN, &grid));
    for (int k = 0; k < N; k++) plain[k] = (float)((k * 37) % 101);
    for (int mirror = 0; mirror <= PLEAT_ALL_AXES; mirror++) {
        for (int k = 0; k < 2 * N; k++) mirrored[k] = plain[k % N];
        assert_int_equal(pleat_mirror_ways(mirror), ways[mirror]);
        pleat_mirror(mirrored, 2, window, C, mirror);
        for (int d = 0; d < D; d++)
            for (int h = 0; h < H; h++)
                for (int w = 0; w < W; w++) {
                    const int from[3] = {mirror & 1 ? D - 1 - d : d, mirror & 2 ? H - 1 - h : h,
                                         mirror & 4 ? W - 1 - w : w};
                    const int to = ((d * H + h) * W + w) * C;
                    const int of = ((from[0] * H + from[1]) * W + from[2]) * C;
                    for (int c = 0; c < C; c++) {
                        assert_true(mirrored[to + c] == plain[of + c]);
                        assert_true(mirrored[N + to + c] == plain[of + c]);
                    }
                }
        for (int i = 0; i < pleat_window_count(&grid); i++) {
            pleat_window_accumulate(&grid, i, mirror, mirrored, C, got);
            pleat_window_accumulate(&grid, i, 0, plain, C, want);
        }
    }
    assert_memory_equal(got, want, sizeof got);
    pleat_window_free(&grid);
}

static void test_a_band_gives_the_labels_of_the_whole_sum(void **state) {
    (void)state;
    enum { H = 7, W = 5, C = 3, D = 23, N = D * H * W, PATCH = 4 * 4 * 4 * C };
    static const int dims[][3] = {{D, H, W}, {3, 4, 3}, {4, 4, 4}, {D, 3, 3}};
    uint32_t noise = 3;
    for (size_t v = 0; v < COUNT(dims); v++)
        for (int batch = 1; batch <= 5; batch++) {
            pleat_window grid;
            OK(pleat_window_make(dims[v], (int[3]){4, 4, 4}, (int[3]){1, 2, 2},
                                 PLEAT_MERGE_GAUSSIAN, &grid));
            float probs[PATCH], *sum = calloc((size_t)N * C, sizeof *sum);
            uint8_t want[N], got[N];
            pleat_window_band *band = NULL;
            assert_non_null(sum);
            OK(pleat_window_band_create(&grid, batch, C, got, &band));
            for (int i = 0; i < pleat_window_count(&grid); i++) {
                for (int k = 0; k < PATCH; k++) {
                    noise = noise * 1664525 + 1013904223;
                    probs[k] = (float)(noise >> 8) * 0x1p-24F;
                }
                if (i % batch == 0) OK(pleat_window_band_pass(band, i));
                pleat_window_band_add(band, i, 0, probs);
                pleat_window_accumulate(&grid, i, 0, probs, C, sum);
            }
            OK(pleat_window_band_pass(band, pleat_window_count(&grid)));
            OK(pleat_argmax(sum, pleat_voxels(dims[v]), C, want));
            assert_memory_equal(got, want, pleat_voxels(dims[v]));
            pleat_window_band_free(band);
            pleat_window_free(&grid);
            free(sum);
        }
}

/* 23 planes, windows of 4 at 0, 3, 6 ... 19, nine to each: a batch of 2 reaches over 7 planes. */
static void test_a_band_holds_the_planes_of_a_batch(void **state) {
    (void)state;
    pleat_window grid;
    const size_t plane = 8 * 8 * 3 * sizeof(float);
    OK(pleat_window_make((int[3]){23, 8, 8}, (int[3]){4, 4, 4}, (int[3]){1, 2, 2},
                         PLEAT_MERGE_UNIFORM, &grid));
    assert_int_equal(pleat_window_count(&grid), 8 * 9);
    assert_int_equal(pleat_window_band_bytes(&grid, 1, 3), 4 * plane);
    assert_int_equal(pleat_window_band_bytes(&grid, 9, 3), 4 * plane);
    assert_int_equal(pleat_window_band_bytes(&grid, 2, 3), 7 * plane);
    assert_int_equal(pleat_window_band_bytes(&grid, 1000, 3), 23 * plane);
    pleat_window_free(&grid);
}

static void test_argmax_takes_the_first_of_equals(void **state) {
    (void)state;
    const float sum[] = {0, 0, 0, .2f, .5f, .5f, .1f, .2f, .7f, .6f, .3f, .6f};
    uint8_t label[4];
    OK(pleat_argmax(sum, 4, 3, label));
    assert_memory_equal(label, ((uint8_t[]){0, 1, 2, 0}), 4);
    assert_int_equal(pleat_argmax(sum, 1, 300, label), PLEAT_ERR_ARG);
}

static void test_the_last_region_that_is_likely_writes_its_label(void **state) {
    (void)state;
    const float sum[] = {.9f, .4f, .2f, .9f, .8f, .1f, .5f, .5f, .5f, .1f, .2f, .6f};
    const uint8_t writes[] = {4, 1, 2};
    uint8_t label[4];
    pleat_region_labels(sum, 4, 3, .5f, writes, label);
    assert_memory_equal(label, ((uint8_t[]){4, 1, 0, 2}), 4);
}

static void test_an_overlap_as_large_as_the_window_is_refused(void **state) {
    (void)state;
    pleat_window grid;
    REFUSED(pleat_window_make((int[3]){9, 9, 9}, (int[3]){4, 4, 4}, (int[3]){0, 4, 0},
                              PLEAT_MERGE_UNIFORM, &grid),
            PLEAT_ERR_ARG, "use 0 to 3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grids_start_at_the_golden_places),
        cmocka_unit_test(test_windows_are_numbered_with_w_fastest),
        cmocka_unit_test(test_weights_of_an_axis_sum_to_1_at_every_voxel_and_are_0_at_padding),
        cmocka_unit_test(test_the_originals_weights_are_its_pairwise_joins),
        cmocka_unit_test(test_a_strip_under_three_windows_weighs_quarter_quarter_half),
        cmocka_unit_test(test_windows_cut_from_a_volume_give_the_volume_back),
        cmocka_unit_test(test_nnunets_weights_are_its_map_and_never_zero),
        cmocka_unit_test(test_a_mirrored_window_is_added_as_what_it_is_the_mirror_of),
        cmocka_unit_test(test_a_band_gives_the_labels_of_the_whole_sum),
        cmocka_unit_test(test_a_band_holds_the_planes_of_a_batch),
        cmocka_unit_test(test_argmax_takes_the_first_of_equals),
        cmocka_unit_test(test_the_last_region_that_is_likely_writes_its_label),
        cmocka_unit_test(test_an_overlap_as_large_as_the_window_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
