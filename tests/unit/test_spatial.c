/* test_spatial.c - deformed patches against a spline through the whole volume in double. */
#include "pleat/rng.h"
#include "pleat/spatial.h"
#include "pleat/volume.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { D = 30, H = 44, W = 41, N = D * H * W };
enum { PD = 9, PH = 12, PW = 11, P = PD * PH * PW };
enum { WIDE = 39, MOST = PD * PH * WIDE }; /* more points in a row than are made together */

static const int dim[3] = {D, H, W}, patch[3] = {PD, PH, PW}, wide[3] = {PD, PH, WIDE};

typedef struct volume {
    float image[N];
    uint8_t label[N];
    double coefficient[N]; /* of the image, whole volume */
    pleat_histogram histogram;
} volume;

static size_t index_of(int d, int h, int w) { return ((size_t)d * H + (size_t)h) * W + (size_t)w; }

static int mirror(int i, int n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; }

/* --- the reference -----------------------------------------------------------------------------*/

/* Solves c[k-1] + 4 c[k] + c[k+1] = 6 x[k], mirrored ends, by Gauss-Seidel: the spline's
 * interpolation equations themselves rather than a recursive filter. */
static void solve_line(double *x, size_t step, int n) {
    double c[64] = {0};
    for (int sweep = 0; sweep < 60; sweep++)
        for (int k = 0; k < n; k++)
            c[k] = (6.0 * x[(size_t)k * step] - c[mirror(k - 1, n)] - c[mirror(k + 1, n)]) / 4.0;
    for (int k = 0; k < n; k++) x[(size_t)k * step] = c[k];
}

static void solve(double *x) {
    for (int h = 0; h < H; h++)
        for (int w = 0; w < W; w++) solve_line(x + index_of(0, h, w), (size_t)H * W, D);
    for (int d = 0; d < D; d++)
        for (int w = 0; w < W; w++) solve_line(x + index_of(d, 0, w), W, H);
    for (int d = 0; d < D; d++)
        for (int h = 0; h < H; h++) solve_line(x + index_of(d, h, 0), 1, W);
}

static double cubic(double t) { /* the B-spline of order 3 at distance t */
    t = fabs(t);
    if (t < 1.0) return 2.0 / 3.0 - t * t + t * t * t / 2.0;
    return t < 2.0 ? (2.0 - t) * (2.0 - t) * (2.0 - t) / 6.0 : 0.0;
}

static double spline_at(const double *c, const double u[3]) {
    double sum = 0.0;
    const int at[3] = {(int)floor(u[0]), (int)floor(u[1]), (int)floor(u[2])};
    for (int d = at[0] - 1; d <= at[0] + 2; d++)
        for (int h = at[1] - 1; h <= at[1] + 2; h++)
            for (int w = at[2] - 1; w <= at[2] + 2; w++)
                sum += cubic(u[0] - d) * cubic(u[1] - h) * cubic(u[2] - w) *
                       c[index_of(mirror(d, D), mirror(h, H), mirror(w, W))];
    return sum;
}

static int make_volume(void **state) {
    volume *v = malloc(sizeof *v);
    if (v == NULL) return 1;
    uint32_t x = 1;
    for (int i = 0; i < N; i++) {
        x = x * 1664525u + 1013904223u;
        v->image[i] = (float)((x >> 8) * 0x1p-24 - 0.4);
        v->label[i] = (uint8_t)(x >> 30);
        v->coefficient[i] = v->image[i];
    }
    pleat_histogram_make(v->image, N, &v->histogram);
    solve(v->coefficient);
    *state = v;
    return 0;
}

static int free_volume(void **state) {
    free(*state);
    return 0;
}

static pleat_source source_of(const volume *v) {
    return (pleat_source){
        .dim = {D, H, W}, .image = v->image, .label = v->label, .histogram = &v->histogram};
}

/* (x, y, z) of the original times Rx Ry Rz, step by step, then scaled and moved. */
static void reference_point(const pleat_sample *s, const double grid[3], double u[3]) {
    double x = grid[2], y = grid[1], z = grid[0], t;
    const double *r = s->rotation;
    t = y * cos(r[0]) + z * sin(r[0]);
    z = -y * sin(r[0]) + z * cos(r[0]);
    y = t;
    t = x * cos(r[1]) - z * sin(r[1]);
    z = x * sin(r[1]) + z * cos(r[1]);
    x = t;
    t = x * cos(r[2]) + y * sin(r[2]);
    y = -x * sin(r[2]) + y * cos(r[2]);
    x = t;
    const double scale = s->scale != 0.0 ? s->scale : 1.0;
    u[0] = z * scale + s->centre[0];
    u[1] = y * scale + s->centre[1];
    u[2] = x * scale + s->centre[2];
}

/* Returns how many points lay outside. */
static int assert_patch(const volume *v, const pleat_sample *s, const int size[3]) {
    static float image[MOST], shift[3][MOST];
    static uint8_t label[MOST];
    const pleat_source source = source_of(v);
    OK(pleat_augment_patch(s, &source, size, PLEAT_PAD_ZERO, image, label));
    memset(shift, 0, sizeof shift);
    for (int a = 0; a < 3 && s->elastic_alpha != 0.0; a++)
        OK(pleat_elastic_field(s, a, size, shift[a]));
    int outside = 0;
    for (int i = 0; i < size[0] * size[1] * size[2]; i++) {
        const int at[3] = {i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]};
        double grid[3];
        for (int a = 0; a < 3; a++) grid[a] = at[a] - 0.5 * (size[a] - 1) + shift[a][i];
        double u[3];
        reference_point(s, grid, u);
        int in = 1;
        for (int a = 0; a < 3; a++) in &= u[a] >= 0.0 && u[a] <= dim[a] - 1;
        outside += !in;
        const double expected = in ? spline_at(v->coefficient, u) : 0.0;
        if (fabs(image[i] - expected) > 2e-6)
            fail_msg("voxel %d: %.7f, expected %.7f", i, (double)image[i], expected);
        const int expected_label =
            in ? v->label[index_of((int)floor(u[0] + 0.5), (int)floor(u[1] + 0.5),
                                   (int)floor(u[2] + 0.5))]
               : PLEAT_NO_CLASS;
        assert_int_equal(label[i], expected_label);
    }
    return outside;
}

static void test_a_deformed_patch_is_the_whole_volumes_spline_at_the_moved_grid(void **state) {
    const volume *v = *state;
    const pleat_sample inner[] = {
        {.scale = 1.2, .centre = {14.3, 21.7, 20.1}},
        {.rotation = {0.1, 0.2, -0.15}, .centre = {15, 22.5, 19.4}},
        {.rotation = {-0.2, 0.05, 0.25}, .scale = 0.87, .centre = {12.1, 20, 22}},
        {.elastic_alpha = 60, .elastic_sigma = 2.0, .noise_seed = 4, .centre = {15, 21, 20}},
        {.elastic_alpha = 60,
         .elastic_sigma = 2.0,
         .noise_seed = 9,
         .rotation = {0.1, 0.1, 0.1},
         .scale = 1.1,
         .centre = {14, 23, 21}},
    };
    for (size_t i = 0; i < COUNT(inner); i++)
        assert_int_equal(assert_patch(v, &inner[i], patch), 0);
    for (size_t i = 0; i < COUNT(inner); i++)
        assert_in_range(assert_patch(v, &inner[i], wide), 0, MOST / 2);
}

static void test_points_outside_the_volume_are_padding_and_the_edge_is_exact(void **state) {
    const volume *v = *state;
    const pleat_sample edge = {.scale = 1.2, .rotation = {0.2, 0, 0.1}, .centre = {4.5, 6, 35.5}};
    const int outside = assert_patch(v, &edge, patch);
    assert_in_range(outside, 1, P / 2);
}

static void test_mirror_and_tone_come_before_the_deformation(void **state) {
    const volume *v = *state;
    const pleat_source source = source_of(v);
    const pleat_sample s = {.mirror = {1, 0, 1},
                            .contrast = 1.7,
                            .gamma = 0.8,
                            .noise = 0.05,
                            .noise_seed = 3,
                            .rotation = {0.1, -0.1, 0.2},
                            .centre = {14, 21, 19}};
    pleat_sample undeformed = s, only_deformed = {0};
    memset(undeformed.rotation, 0, sizeof undeformed.rotation);
    memcpy(only_deformed.rotation, s.rotation, sizeof s.rotation);
    memcpy(only_deformed.centre, s.centre, sizeof s.centre);
    volume *toned = malloc(sizeof *toned);
    OK(pleat_augment_patch(&undeformed, &source, dim, PLEAT_PAD_ZERO, toned->image, toned->label));
    const pleat_source toned_source = {
        .dim = {D, H, W}, .image = toned->image, .label = toned->label};
    float a[P], b[P];
    uint8_t la[P], lb[P];
    OK(pleat_augment_patch(&s, &source, patch, PLEAT_PAD_ZERO, a, la));
    OK(pleat_augment_patch(&only_deformed, &toned_source, patch, PLEAT_PAD_ZERO, b, lb));
    assert_memory_equal(a, b, sizeof a);
    assert_memory_equal(la, lb, sizeof la);
    free(toned);
}

static void test_the_rotation_matrix_is_the_golden_one(void **state) {
    (void)state;
    const double golden[3][3] = {
        {.969061, .146459, .198669}, {-.129080, .986795, -.097843}, {-.210376, .069172, .975170}};
    const pleat_sample s = {.rotation = {.1, .2, -.15}};
    double m[3][3];
    pleat_spatial_matrix(&s, m);
    /* Ours maps a column (z, y, x), the golden one a row (x, y, z). */
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++) assert_float_equal(m[a][b], golden[2 - b][2 - a], 1e-6);
    const double moved[3] = {2.928494, 2.327566, 0.079773}; /* (1, 2, 3) */
    for (int a = 0; a < 3; a++)
        assert_float_equal(m[a][0] * 3 + m[a][1] * 2 + m[a][2] * 1, moved[a], 1e-6);
}

static void test_smoothing_gives_the_golden_numbers_along_every_axis(void **state) {
    (void)state;
    const double golden[15] = {0.021408, 0.093976, 0.228288, 0.306883, 0.228288,
                               0.093976, 0.021408, 0.002699, 0.000188};
    const int shape[3] = {15, 15, 15};
    static float x[15 * 15 * 15];
    memset(x, 0, sizeof x);
    x[(3 * 15 + 3) * 15 + 3] = 1.0f;
    OK(pleat_gaussian_smooth(x, shape, 1.3));
    for (int d = 0; d < 15; d++)
        for (int h = 0; h < 15; h++)
            for (int w = 0; w < 15; w++)
                assert_float_equal(x[(d * 15 + h) * 15 + w], golden[d] * golden[h] * golden[w],
                                   1e-6);
}

/* In double, straight from the definition; one axis. */
static double smoothed_at(const float *x, int n, size_t step, int k, double sigma) {
    const int radius = (int)(4.0 * sigma + 0.5);
    double sum = 0.0, weights = 0.0;
    for (int j = -radius; j <= radius; j++) {
        const double weight = exp(-0.5 * j * j / (sigma * sigma));
        weights += weight;
        if (k + j >= 0 && k + j < n) sum += weight * x[(size_t)(k + j) * step];
    }
    return sum / weights;
}

static void test_smoothing_along_an_axis_is_the_weighted_sum_in_double(void **state) {
    (void)state;
    enum { LONG = 131 }; /* longer than both sides of the kernel, no multiple of a tile */
    float x[LONG], y[LONG];
    for (int axis = 0; axis < 3; axis++)
        for (int s = 0; s < 3; s++) {
            const double sigma = (double[]){0.3, 9.0, 12.9}[s];
            int shape[3] = {1, 1, 1};
            shape[axis] = LONG;
            for (int i = 0; i < LONG; i++) x[i] = y[i] = (float)(i * 7919 % 997) / 997.0f;
            OK(pleat_gaussian_smooth(y, shape, sigma));
            /* The axes of one voxel lose what the kernel has outside. */
            const float one = 1.0f;
            const double rest = smoothed_at(&one, 1, 1, 0, sigma);
            for (int i = 0; i < LONG; i++)
                assert_float_equal(y[i], smoothed_at(x, LONG, 1, i, sigma) * rest * rest, 1e-6);
        }
}

static void test_an_unsmoothed_field_is_the_words_of_its_philox_blocks(void **state) {
    (void)state;
    enum { WIDTH = 70 };
    const int shape[3] = {2, 3, WIDTH};
    const pleat_sample s = {.elastic_alpha = 2.5, .elastic_sigma = 0.1, .noise_seed = 77};
    float x[2 * 3 * WIDTH];
    OK(pleat_elastic_field(&s, 1, shape, x));
    for (int i = 0; i < 2 * 3 * WIDTH; i++) {
        const int d = i / (3 * WIDTH), h = i / WIDTH % 3, w = i % WIDTH;
        const pleat_rng rng = pleat_rng_at(77, PLEAT_STREAM_ELASTIC, 1, (uint32_t)d, (uint32_t)h);
        uint32_t word[4];
        pleat_rng_block(&rng, (uint32_t)w / 4, word);
        assert_float_equal(x[i], 2.5 * ((word[w % 4] >> 8) / 8388608.0 - 1.0), 1e-6);
    }
}

static void test_an_elastic_field_is_about_a_voxel_strong_and_has_three_components(void **state) {
    (void)state;
    enum { M = 40 * 70 * 70 };
    const int shape[3] = {40, 70, 70};
    const pleat_sample s = {.elastic_alpha = 450, .elastic_sigma = 11, .noise_seed = 5};
    float *x = malloc(2 * (size_t)M * sizeof *x), *y = x + M;
    OK(pleat_elastic_field(&s, 0, shape, x));
    OK(pleat_elastic_field(&s, 1, shape, y));
    double squares = 0.0;
    for (int i = 0; i < M; i++) squares += (double)x[i] * x[i];
    const double strength = sqrt(squares / M);
    assert_true(strength > 0.4 && strength < 1.3); /* 0.7 to 1.0 on a whole patch */
    assert_memory_not_equal(x, y, 1000);
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_deformed_patch_is_the_whole_volumes_spline_at_the_moved_grid),
        cmocka_unit_test(test_points_outside_the_volume_are_padding_and_the_edge_is_exact),
        cmocka_unit_test(test_mirror_and_tone_come_before_the_deformation),
        cmocka_unit_test(test_the_rotation_matrix_is_the_golden_one),
        cmocka_unit_test(test_smoothing_gives_the_golden_numbers_along_every_axis),
        cmocka_unit_test(test_smoothing_along_an_axis_is_the_weighted_sum_in_double),
        cmocka_unit_test(test_an_unsmoothed_field_is_the_words_of_its_philox_blocks),
        cmocka_unit_test(test_an_elastic_field_is_about_a_voxel_strong_and_has_three_components),
    };
    return cmocka_run_group_tests(tests, make_volume, free_volume);
}
