/* test_augment_plan.c - the GPU's augmentation, thread by thread on the CPU: kernels are numbered
 * calls of the functions of augment_voxel.h, and loops stand here for the launches. */
#include "../../cuda/augment_plan.c"
#include "../../cuda/augment_voxel.h"
#include "support_augment.h"

#include "pleat/rng.h"
#include "pleat/spline.h"
#include "pleat/volume.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

static const int dim[3] = {37, 45, 50}, patch[3] = {21, 18, 27};

typedef struct memory { /* what the GPU would hold */
    float *field, *work[2], *image, *expected;
    uint8_t *label, *expected_label;
} memory;

/* --- launches --------------------------------------------------------------------------------- */

static void filter_box(const float *in, const int size[3], int axis, int volumes,
                       const line_taps *taps, float *out) {
    const line_shape shape = line_shape_of(size, axis, volumes);
    for (unsigned t = 0; t < filter_threads(shape) + 3; t++) filter_run(in, shape, taps, t, out);
}

static void make_field(const augment_plan *plan, const memory *m, deformed_box *box) {
    const size_t n = pleat_voxels(patch);
    for (unsigned t = 0; t < draw_threads(patch) + 3; t++)
        draw_uniform(plan->field_key, patch, t, m->work[0]);
    filter_box(m->work[0], patch, 0, 3, &plan->gaussian, m->field);
    filter_box(m->field, patch, 1, 3, &plan->gaussian, m->work[0]);
    filter_box(m->work[0], patch, 2, 3, &plan->gaussian, m->field);
    for (size_t i = 0; i < 3 * n; i++) {
        m->field[i] *= plan->alpha;
        const uint32_t bits = lane_bits(fabsf(m->field[i]));
        box->peak[i / n] = bits > box->peak[i / n] ? bits : box->peak[i / n];
    }
}

static void realise(const pleat_sample *sample, const support_case *c, pleat_pad pad,
                    const memory *m) {
    augment_plan plan;
    line_taps spline;
    deformed_box box;
    memset(&box, 0, sizeof box);
    OK(pleat_gpu_augment_plan(sample, &c->source, patch, pad, &plan));
    plan.voxels.image = c->image;
    plan.voxels.label = c->label;
    if (!plan.deforms) {
        for (unsigned t = 0; t < fill_threads(patch) + 3; t++)
            fill_voxels(&plan.voxels, plan.start, patch, t, m->image, m->label);
        return;
    }
    if (plan.elastic) make_field(&plan, m, &box);
    deform_box(&plan.deformation, &box);
    for (unsigned t = 0; t < fill_threads(box.size) + 3; t++)
        fill_voxels(&plan.voxels, box.low, box.size, t, m->work[0], NULL);
    pleat_gpu_spline_taps(&spline);
    for (int axis = 0; axis < 3; axis++)
        filter_box(m->work[axis % 2], box.size, axis, 1, &spline, m->work[1 - axis % 2]);
    for (unsigned t = 0; t < pleat_voxels(patch) + 3; t++)
        deform_voxel(&plan.deformation, &box, m->work[1], &plan.voxels,
                     plan.elastic ? m->field : NULL, t, m->image, m->label);
}

/* --- tests ------------------------------------------------------------------------------------ */

static memory allocate(const int volume[3]) {
    const size_t n = pleat_voxels(patch);
    const size_t work = pleat_voxels(volume) > 3 * n ? pleat_voxels(volume) : 3 * n;
    const memory m = {
        .field = calloc(3 * n, sizeof(float)),
        .work = {calloc(work, sizeof(float)), calloc(work, sizeof(float))},
        .image = calloc(n, sizeof(float)),
        .expected = calloc(n, sizeof(float)),
        .label = calloc(n, 1),
        .expected_label = calloc(n, 1),
    };
    assert_true(m.field && m.work[0] && m.work[1] && m.image && m.expected && m.label &&
                m.expected_label);
    return m;
}

static void release(memory *m) {
    free(m->field);
    free(m->work[0]);
    free(m->work[1]);
    free(m->image);
    free(m->expected);
    free(m->label);
    free(m->expected_label);
}

static void assert_same_patches(const int volume[3], pleat_pad pad, int draws) {
    const size_t n = pleat_voxels(patch);
    support_case *c = support_case_make(volume);
    memory m = allocate(volume);
    assert_non_null(c);
    for (int kind = 0; kind < SUPPORT_SAMPLE_KINDS; kind++)
        for (int draw = 0; draw < draws; draw++) {
            pleat_sample sample;
            const char *name = support_sample(kind, draw, volume, patch, &sample);
            OK(pleat_augment_patch(&sample, &c->source, patch, pad, m.expected, m.expected_label));
            realise(&sample, c, pad, &m);
            const support_difference d =
                support_compare(n, 1e-5, m.image, m.label, m.expected, m.expected_label);
            if (d.off > 0 || d.off_label > 0)
                fail_msg("%s %d: %zu voxels, %zu labels off, by up to %g", name, draw, d.off,
                         d.off_label, d.largest);
        }
    release(&m);
    support_case_free(c);
}

static void threads_make_the_patches_of_the_cpu(void **state) {
    (void)state;
    assert_same_patches(dim, PLEAT_PAD_ZERO, 6);
}

static void volumes_smaller_than_the_patch_are_padded_alike(void **state) {
    (void)state;
    const int small[3] = {20, 25, 9};
    assert_same_patches(small, PLEAT_PAD_ZERO, 2);
    assert_same_patches(small, PLEAT_PAD_BACKGROUND, 2);
}

static void a_single_slice_is_deformed_alike(void **state) {
    (void)state;
    const int flat[3] = {1, 40, 41};
    assert_same_patches(flat, PLEAT_PAD_BACKGROUND, 2);
}

/* Against the recursion, on lines shorter and longer than the filter. */
static void spline_taps_are_the_prefilter(void **state) {
    (void)state;
    const int sizes[][3] = {{1, 2, 3}, {5, 7, 16}, {33, 8, 41}};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        const size_t n = pleat_voxels(sizes[s]);
        float *in = malloc(n * sizeof *in), *out = malloc(n * sizeof *out);
        float *expected = malloc(n * sizeof *expected);
        assert_true(in && out && expected);
        const pleat_rng rng = pleat_rng_at(1, PLEAT_STREAM_NOISE, 0, 0, 0);
        for (size_t i = 0; i < n; i++)
            in[i] = expected[i] = (float)pleat_rng_uniform(&rng, (uint32_t)i);
        OK(pleat_spline_prefilter(expected, sizes[s]));
        line_taps taps;
        pleat_gpu_spline_taps(&taps);
        for (int axis = 0; axis < 3; axis++) {
            filter_box(in, sizes[s], axis, 1, &taps, out);
            memcpy(in, out, n * sizeof *in);
        }
        for (size_t i = 0; i < n; i++)
            if (!(fabsf(in[i] - expected[i]) <= 4e-6f))
                fail_msg("coefficient %zu of %zu: %.8f, expected %.8f", i, n, (double)in[i],
                         (double)expected[i]);
        free(in);
        free(out);
        free(expected);
    }
}

static void words_are_those_of_the_generator(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        const pleat_rng rng = pleat_rng_at(i, PLEAT_STREAM_NOISE, i * 7919, 3, i);
        const uint32_t counter[4] = {i * 7919, 3, i, i + 1};
        uint32_t word[4], expected[4];
        pleat_rng_block(&rng, i + 1, expected);
        voxel_philox(rng.key, counter, word);
        assert_memory_equal(word, expected, sizeof word);
    }
}

static void a_field_too_smooth_for_the_gpu_is_refused(void **state) {
    (void)state;
    const pleat_source source = {.dim = {30, 30, 30}};
    const pleat_sample sample = {.elastic_alpha = 1.0, .elastic_sigma = 101.0};
    augment_plan plan;
    assert_int_equal(pleat_gpu_augment_plan(&sample, &source, patch, PLEAT_PAD_ZERO, &plan),
                     PLEAT_ERR_UNSUPPORTED);
}

static void gamma_without_a_histogram_is_refused(void **state) {
    (void)state;
    const pleat_source source = {.dim = {30, 30, 30}};
    const pleat_sample sample = {.gamma = 1.2};
    augment_plan plan;
    assert_int_equal(pleat_gpu_augment_plan(&sample, &source, patch, PLEAT_PAD_ZERO, &plan),
                     PLEAT_ERR_ARG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_make_the_patches_of_the_cpu),
        cmocka_unit_test(volumes_smaller_than_the_patch_are_padded_alike),
        cmocka_unit_test(a_single_slice_is_deformed_alike),
        cmocka_unit_test(spline_taps_are_the_prefilter),
        cmocka_unit_test(words_are_those_of_the_generator),
        cmocka_unit_test(a_field_too_smooth_for_the_gpu_is_refused),
        cmocka_unit_test(gamma_without_a_histogram_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
