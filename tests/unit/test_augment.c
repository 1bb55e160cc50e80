/* test_augment.c - patches against whole volumes augmented in double, and golden numbers. */
#include "pleat/augment.h"
#include "pleat/rng.h"
#include "pleat/volume.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>

enum { D = 23, H = 31, W = 37, N = D * H * W };

static const int dim[3] = {D, H, W};

typedef struct volume {
    float image[N];
    uint8_t label[N];
    pleat_histogram histogram;
} volume;

/* A clipped, skewed thing: 30 % of the voxels lie at the minimum, as air does in a CT. */
static int make_volume(void **state) {
    volume *v = malloc(sizeof *v);
    if (v == NULL) return 1;
    uint32_t x = 1;
    for (int i = 0; i < N; i++) {
        x = x * 1664525u + 1013904223u;
        const double u = (x >> 8) * 0x1p-24;
        v->image[i] = (float)(u < 0.3 ? -1.3 : -1.3 + 4.0 * pow((u - 0.3) / 0.7, 2.5));
        v->label[i] = (uint8_t)(i * 7 % 4);
    }
    pleat_histogram_make(v->image, N, &v->histogram);
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

/* --- the reference: every voxel of the volume, in double ---------------------------------------*/

static void moments(const double *x, int n, double *mean, double *std) {
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < n; i++) sum += x[i];
    for (int i = 0; i < n; i++) squares += (x[i] - sum / n) * (x[i] - sum / n);
    *mean = sum / n;
    *std = sqrt(squares / n);
}

static void range(const double *x, int n, double *low, double *high) {
    *low = *high = x[0];
    for (int i = 1; i < n; i++) {
        *low = fmin(*low, x[i]);
        *high = fmax(*high, x[i]);
    }
}

static void reference_tone(double *x, int n, const pleat_sample *s) {
    double low, high, mean, std, mean_after, std_after;
    if (s->contrast > 0.0) {
        range(x, n, &low, &high);
        moments(x, n, &mean, &std);
        for (int i = 0; i < n; i++)
            x[i] = fmin(fmax((x[i] - mean) * s->contrast + mean, low), high);
    }
    if (s->brightness > 0.0)
        for (int i = 0; i < n; i++) x[i] *= s->brightness;
    if (s->gamma > 0.0) {
        range(x, n, &low, &high);
        moments(x, n, &mean, &std);
        const double r = high - low + 1e-7;
        for (int i = 0; i < n; i++) x[i] = pow((x[i] - low) / r, s->gamma) * r + low;
        moments(x, n, &mean_after, &std_after);
        for (int i = 0; i < n; i++) x[i] = (x[i] - mean_after + mean) / (std_after + 1e-8) * std;
    }
}

static size_t index_of(int d, int h, int w) { return ((size_t)d * H + (size_t)h) * W + (size_t)w; }

/* Mirror, tone, then crop with zero padding. */
static void assert_patch_is_the_references(const volume *v, const pleat_sample *s,
                                           const int patch[3], const float *image,
                                           const uint8_t *label) {
    double *x = malloc(N * sizeof *x), low, high;
    for (int i = 0; i < N; i++) x[i] = v->image[i];
    reference_tone(x, N, s);
    range(x, N, &low, &high);
    size_t at = 0;
    for (int d = s->start[0]; d < s->start[0] + patch[0]; d++)
        for (int h = s->start[1]; h < s->start[1] + patch[1]; h++)
            for (int w = s->start[2]; w < s->start[2] + patch[2]; w++, at++) {
                double expected = 0.0;
                int expected_label = PLEAT_NO_CLASS;
                if (d >= 0 && d < D && h >= 0 && h < H && w >= 0 && w < W) {
                    const size_t i =
                        index_of(s->mirror[0] ? D - 1 - d : d, s->mirror[1] ? H - 1 - h : h,
                                 s->mirror[2] ? W - 1 - w : w);
                    expected = x[i];
                    expected_label = v->label[i];
                }
                if (fabs(image[at] - expected) > 1e-4 * (high - low))
                    fail_msg("voxel %d %d %d: %.7f, expected %.7f", d, h, w, (double)image[at],
                             expected);
                assert_int_equal(label[at], expected_label);
            }
    free(x);
}

static const pleat_sample samples[] = {
    {.start = {3, 5, 7}},
    {.start = {3, 5, 7}, .mirror = {1, 0, 0}},
    {.start = {3, 5, 7}, .mirror = {0, 1, 1}},
    {.start = {0, 0, 0}, .contrast = 2.7, .mirror = {1, 1, 1}},
    {.start = {0, 13, 0}, .contrast = 0.4},
    {.start = {1, 2, 3}, .brightness = 1.7},
    {.start = {1, 2, 3}, .gamma = 0.7},
    {.start = {1, 2, 3}, .gamma = 1.5},
    {.start = {8, 2, 21}, .contrast = 1.9, .brightness = 0.6, .gamma = 0.75, .mirror = {0, 0, 1}},
    {.start = {8, 2, 21}, .contrast = 0.5, .brightness = 1.9, .gamma = 1.4, .mirror = {1, 0, 1}},
};

static void test_a_patch_is_a_piece_of_the_whole_volume_augmented_in_double(void **state) {
    const volume *v = *state;
    const pleat_source source = source_of(v);
    const int patch[3] = {15, 18, 16};
    float image[15 * 18 * 16];
    uint8_t label[15 * 18 * 16];
    for (size_t i = 0; i < COUNT(samples); i++) {
        OK(pleat_augment_patch(&samples[i], &source, patch, PLEAT_PAD_ZERO, image, label));
        assert_patch_is_the_references(v, &samples[i], patch, image, label);
    }
}

static void test_padding_is_zero_and_no_class_whatever_the_tone(void **state) {
    const volume *v = *state;
    const pleat_source source = source_of(v);
    const int patch[3] = {28, 18, 42};
    float *image = malloc(pleat_voxels(patch) * sizeof *image);
    uint8_t *label = malloc(pleat_voxels(patch));
    const pleat_sample s = {
        .start = {-3, 5, -3}, .mirror = {1, 0, 1}, .contrast = 0.5, .gamma = 1.4, .noise = 0.0};
    OK(pleat_augment_patch(&s, &source, patch, PLEAT_PAD_ZERO, image, label));
    assert_patch_is_the_references(v, &s, patch, image, label);
    free(image);
    free(label);
}

static void test_background_padding_is_what_the_minimum_becomes(void **state) {
    const volume *v = *state;
    const pleat_source source = source_of(v);
    const int patch[3] = {D + 2, H, W};
    float *image = malloc(pleat_voxels(patch) * sizeof *image);
    uint8_t *label = malloc(pleat_voxels(patch));
    const pleat_sample s = {.start = {-1, 0, 0}, .contrast = 0.5, .brightness = 1.5, .gamma = 0.8};
    OK(pleat_augment_patch(&s, &source, patch, PLEAT_PAD_BACKGROUND, image, label));
    enum { PLANE = H * W };
    float low = image[PLANE];
    for (int i = PLANE; i < (D + 1) * PLANE; i++) low = fminf(low, image[i]);
    for (int i = 0; i < PLANE; i++) {
        assert_float_equal(image[i], low, 1e-5);
        assert_int_equal(label[i], 0);
    }
    free(image);
    free(label);
}

/* --- golden numbers: seven voxels --------------------------------------------------------------*/

static void assert_golden(const pleat_sample *s, const double expected[7], double tolerance) {
    const float x[7] = {-1.5f, -1.2f, -0.3f, 0.0f, 0.4f, 0.9f, 2.1f};
    const int whole[3] = {1, 1, 7};
    pleat_histogram histogram;
    pleat_histogram_make(x, 7, &histogram);
    assert_float_equal(histogram.mean, 0.057142857, 1e-6);
    assert_float_equal(histogram.std, 1.1425, 5e-5);
    const pleat_source source = {.dim = {1, 1, 7}, .image = x, .histogram = &histogram};
    float out[7];
    OK(pleat_augment_patch(s, &source, whole, PLEAT_PAD_ZERO, out, NULL));
    for (int i = 0; i < 7; i++) assert_float_equal(out[i], expected[i], tolerance);
}

static void test_seven_voxels_become_the_golden_numbers(void **state) {
    (void)state;
    const double strong[7] = {-1.5, -1.5, -0.657143, -0.057143, 0.742857, 1.742857, 2.1};
    const double weak[7] = {-0.721429, -0.571429, -0.121429, 0.028571,
                            0.228571,  0.478571,  1.078571};
    const double dark[7] = {-1.224785, -1.114776, -0.458637, -0.177689,
                            0.233068,  0.797090,  2.342042};
    const double light[7] = {-1.687183, -1.190971, -0.182950, 0.111038,
                             0.485383,  0.931839,  1.935348};
    assert_golden(&(pleat_sample){.contrast = 2.0}, strong, 1e-6);
    assert_golden(&(pleat_sample){.contrast = 0.5}, weak, 1e-6);
    assert_golden(&(pleat_sample){.gamma = 1.4}, dark, 2e-6);
    assert_golden(&(pleat_sample){.gamma = 0.8}, light, 2e-6);
}

/* --- noise -------------------------------------------------------------------------------------*/

static void test_noise_is_normal_and_belongs_to_the_voxel_not_the_crop(void **state) {
    const volume *v = *state;
    const pleat_source source = source_of(v);
    float *clean = malloc(N * sizeof *clean), *noisy = malloc(N * sizeof *noisy);
    pleat_sample s = {.mirror = {0, 0, 1}};
    OK(pleat_augment_patch(&s, &source, dim, PLEAT_PAD_ZERO, clean, NULL));
    s.noise = 0.05;
    s.noise_seed = 12345;
    OK(pleat_augment_patch(&s, &source, dim, PLEAT_PAD_ZERO, noisy, NULL));
    double sum[5] = {0};
    for (int i = 0; i < N; i++) {
        const double z = (noisy[i] - clean[i]) / 0.05;
        for (int p = 1; p <= 4; p++) sum[p] += pow(z, p) / N;
    }
    /* Four standard errors of the moments 0, 1, 0, 3: sqrt(var / 26381), var 1, 2, 15, 96. */
    assert_float_equal(sum[1], 0.0, 0.025);
    assert_float_equal(sum[2], 1.0, 0.035);
    assert_float_equal(sum[3], 0.0, 0.096);
    assert_float_equal(sum[4], 3.0, 0.242);

    const int patch[3] = {4, 6, 17};
    float piece[4 * 6 * 17];
    s.start[0] = 2;
    s.start[1] = 9;
    s.start[2] = 13;
    OK(pleat_augment_patch(&s, &source, patch, PLEAT_PAD_ZERO, piece, NULL));
    for (int d = 0; d < 4; d++)
        for (int h = 0; h < 6; h++)
            for (int w = 0; w < 17; w++)
                assert_true(piece[(d * 6 + h) * 17 + w] == noisy[index_of(d + 2, h + 9, w + 13)]);
    free(clean);
    free(noisy);
}

/* Neighbours in each direction, and voxels of two seeds, are not correlated. */
static void test_noise_of_neighbours_and_of_other_seeds_is_independent(void **state) {
    (void)state;
    float *zero = calloc(N, sizeof *zero), *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
    pleat_histogram flat;
    pleat_histogram_make(zero, N, &flat);
    const pleat_source source = {.dim = {D, H, W}, .image = zero, .histogram = &flat};
    pleat_sample s = {.noise = 1.0, .noise_seed = 1};
    OK(pleat_augment_patch(&s, &source, dim, PLEAT_PAD_ZERO, a, NULL));
    s.noise_seed = 2;
    OK(pleat_augment_patch(&s, &source, dim, PLEAT_PAD_ZERO, b, NULL));
    const int step[] = {1, 2, 3, 4, 64, W, H * W};
    for (size_t k = 0; k < COUNT(step); k++) {
        double sum = 0.0;
        for (int i = 0; i + step[k] < N; i++) sum += a[i] * a[i + step[k]];
        assert_float_equal(sum / (N - step[k]), 0.0, 0.025);
    }
    double sum = 0.0;
    for (int i = 0; i < N; i++) sum += a[i] * b[i];
    assert_float_equal(sum / N, 0.0, 0.025);
    free(zero);
    free(a);
    free(b);
}

static void test_the_deviate_of_a_voxel_is_box_mullers_of_its_philox_block(void **state) {
    (void)state;
    float *x = calloc(N, sizeof *x);
    pleat_histogram flat;
    pleat_histogram_make(x, N, &flat);
    const pleat_source source = {.dim = {D, H, W}, .image = x, .histogram = &flat};
    const pleat_sample s = {.noise = 1.0, .noise_seed = 0x123456789abcdefu};
    float *out = malloc(N * sizeof *out);
    OK(pleat_augment_patch(&s, &source, dim, PLEAT_PAD_ZERO, out, NULL));
    for (int i = 0; i < N; i += 11) {
        const int w = i % W, h = i / W % H, d = i / W / H;
        const pleat_rng rng =
            pleat_rng_at(s.noise_seed, PLEAT_STREAM_NOISE, (uint32_t)d, (uint32_t)h, 0);
        uint32_t word[4];
        pleat_rng_block(&rng, (uint32_t)w / 4, word);
        const uint32_t *pair = w % 4 < 2 ? word : word + 2;
        const double u = ((pair[0] >> 9) + 0.5) / 8388608.0, turn = (pair[1] >> 8) / 16777216.0;
        const double angle = 2.0 * acos(-1.0) * turn;
        const double expected = sqrt(-2.0 * log(u)) * (w % 2 ? sin(angle) : cos(angle));
        assert_float_equal(out[i], expected, 5e-6);
    }
    free(x);
    free(out);
}

/* --- readers -----------------------------------------------------------------------------------*/

static pleat_status read_box(void *context, const int start[3], const int size[3], float *image,
                             uint8_t *label) {
    const volume *v = context;
    for (int a = 0; a < 3; a++)
        PLEAT_CHECK(start[a] >= 0 && start[a] + size[a] <= dim[a], PLEAT_ERR_SHAPE,
                    "box %d+%d leaves axis %d", start[a], size[a], a);
    for (int d = 0; d < size[0]; d++)
        for (int h = 0; h < size[1]; h++)
            for (int w = 0; w < size[2]; w++) {
                const size_t i = index_of(start[0] + d, start[1] + h, start[2] + w);
                *image++ = v->image[i];
                if (label) *label++ = v->label[i];
            }
    return PLEAT_OK;
}

static void test_a_reader_gives_the_patch_that_memory_gives(void **state) {
    volume *v = *state;
    const pleat_source memory = source_of(v);
    const pleat_source reader = {
        .dim = {D, H, W}, .histogram = &v->histogram, .read = read_box, .context = v};
    const int patch[3] = {26, 12, 16};
    float a[26 * 12 * 16], b[26 * 12 * 16];
    uint8_t la[26 * 12 * 16], lb[26 * 12 * 16];
    for (int m = 0; m < 8; m++) {
        const pleat_sample s = {.start = {-2, 4, 5},
                                .mirror = {m & 1, m >> 1 & 1, m >> 2},
                                .gamma = 0.9,
                                .noise = 0.02,
                                .noise_seed = 9};
        OK(pleat_augment_patch(&s, &memory, patch, PLEAT_PAD_ZERO, a, la));
        OK(pleat_augment_patch(&s, &reader, patch, PLEAT_PAD_ZERO, b, lb));
        assert_memory_equal(a, b, sizeof a);
        assert_memory_equal(la, lb, sizeof la);
    }
}

static void test_a_constant_volume_stays_finite(void **state) {
    (void)state;
    float flat[8] = {3, 3, 3, 3, 3, 3, 3, 3}, out[8];
    pleat_histogram histogram;
    pleat_histogram_make(flat, 8, &histogram);
    const int whole[3] = {2, 2, 2};
    const pleat_source source = {.dim = {2, 2, 2}, .image = flat, .histogram = &histogram};
    const pleat_sample s = {.contrast = 2.0, .brightness = 1.5, .gamma = 0.7};
    OK(pleat_augment_patch(&s, &source, whole, PLEAT_PAD_ZERO, out, NULL));
    for (int i = 0; i < 8; i++) assert_float_equal(out[i], 0.0, 1e-6); /* std(x) = 0 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_patch_is_a_piece_of_the_whole_volume_augmented_in_double),
        cmocka_unit_test(test_padding_is_zero_and_no_class_whatever_the_tone),
        cmocka_unit_test(test_background_padding_is_what_the_minimum_becomes),
        cmocka_unit_test(test_seven_voxels_become_the_golden_numbers),
        cmocka_unit_test(test_noise_is_normal_and_belongs_to_the_voxel_not_the_crop),
        cmocka_unit_test(test_noise_of_neighbours_and_of_other_seeds_is_independent),
        cmocka_unit_test(test_the_deviate_of_a_voxel_is_box_mullers_of_its_philox_block),
        cmocka_unit_test(test_a_reader_gives_the_patch_that_memory_gives),
        cmocka_unit_test(test_a_constant_volume_stays_finite),
    };
    return cmocka_run_group_tests(tests, make_volume, free_volume);
}
