/* test_planner.c - plans are those that nnU-Net's own planner makes of the same data; a patch keeps
 * to its budget, can be halved as often as its strides say, and grows with memory. */
#include "pleat/planner.h"

#include "support.h"

#include <stdio.h>
#include <string.h>

/* --- nnunetv2 2.8.1, its planners on fingerprints of these sizes ----------------------------- */

#define PATCH(d, h, w) \
    { d, h, w }
#define HALVINGS(d, h, w) \
    { d, h, w }

typedef struct known {
    const char *preset;
    int flat;
    int patch[3], batch, halvings[3];
    double values;
} known;

typedef struct data_set {
    pleat_planner_data data;
    known of[7]; /* ends with a NULL name */
} data_set;

static const data_set hippocampus = {
    {{1, 1, 1}, {36, 50, 35}, 260, 3, 0},
    {{"nnunet", 0, PATCH(40, 56, 40), 9, HALVINGS(3, 3, 3), 19174400},
     {"nnunet-m", 0, PATCH(40, 56, 40), 58, HALVINGS(3, 3, 3), 23609600},
     {"nnunet-l", 0, PATCH(40, 56, 40), 178, HALVINGS(3, 3, 3), 23609600},
     {"nnunet", 1, PATCH(1, 56, 40), 366, HALVINGS(0, 3, 3), 651840}}};

static const data_set heart =
    {/* as ACDC */
     {{5, 1.5625, 1.5625}, {18, 237, 208}, 200, 4, 0},
     {{"nnunet", 0, PATCH(20, 256, 224), 4, HALVINGS(2, 5, 5), 310481920},
      {"nnunet-m", 0, PATCH(20, 256, 224), 3, HALVINGS(2, 5, 5), 427445760},
      {"nnunet-l", 0, PATCH(20, 256, 224), 10, HALVINGS(2, 5, 5), 427445760},
      {"nnunet", 1, PATCH(1, 256, 224), 56, HALVINGS(0, 5, 5), 18063360}}};

static const data_set chest = {
    {{2.7, 1.58, 1.58}, {104, 254, 267}, 20, 4, 0},
    {{"nnunet", 0, PATCH(64, 192, 192), 2, HALVINGS(4, 5, 5), 511801344},
     {"nnunet-m", 0, PATCH(64, 192, 192), 2, HALVINGS(4, 5, 5), 629756928},
     {"nnunet-l", 0, PATCH(112, 256, 256), 2, HALVINGS(4, 6, 6), 1959996416},
     {"nnunet", 1, PATCH(1, 256, 320), 39, HALVINGS(0, 6, 6), 25948160}}};

static const data_set liver = {
    {{1, 0.767578125, 0.767578125}, {482, 512, 512}, 131, 3, 0},
    {{"nnunet", 0, PATCH(128, 128, 128), 2, HALVINGS(5, 5, 5), 452796416},
     {"nnunet-m", 0, PATCH(128, 128, 128), 2, HALVINGS(5, 5, 5), 557420544},
     {"nnunet-l", 0, PATCH(192, 192, 192), 2, HALVINGS(5, 5, 5), 1881294336},
     {"nnunet", 1, PATCH(1, 512, 512), 12, HALVINGS(0, 7, 7), 82886656}}};

static const data_set prostate = {
    {{3.6, 0.625, 0.625}, {20, 320, 320}, 32, 3, 0},
    {{"nnunet", 0, PATCH(20, 320, 256), 2, HALVINGS(2, 6, 6), 483315200},
     {"nnunet-m", 0, PATCH(20, 256, 256), 2, HALVINGS(2, 6, 6), 565068800},
     {"nnunet-l", 0, PATCH(20, 320, 320), 5, HALVINGS(2, 6, 6), 882920000},
     {"nnunet", 1, PATCH(1, 320, 320), 32, HALVINGS(0, 6, 6), 32332800}}};

static const data_set *const data_sets[] = {&hippocampus, &heart, &chest, &liver, &prostate};
enum { DATA_SETS = 5 };

static const pleat_planner_preset *preset_of(const char *name, int flat) {
    const pleat_planner_preset *preset = pleat_planner_find(name, flat);
    assert_non_null(preset);
    return preset;
}

static void check_plan(const known *k, const pleat_planner_result *plan) {
    for (int a = 0; a < 3; a++) {
        assert_int_equal(plan->patch[a], k->patch[a]);
        assert_int_equal(plan->halvings[a], k->halvings[a]);
    }
    assert_int_equal(plan->batch, k->batch);
    assert_int_equal((int64_t)plan->values, (int64_t)k->values);
}

static void plans_are_nnunets(void **state) {
    (void)state;
    for (int i = 0; i < DATA_SETS; i++)
        for (const known *k = data_sets[i]->of; k->preset != NULL; k++) {
            pleat_planner_data data = data_sets[i]->data;
            pleat_planner_result plan;
            data.flat = k->flat;
            pleat_planner_plan(preset_of(k->preset, k->flat), &data, 0, &plan);
            check_plan(k, &plan);
        }
}

static void low_resolutions_are_nnunets(void **state) {
    static const struct {
        known of;
        double spacing[3];
        int size[3];
    } rows[] = {
        {{"nnunet", 0, PATCH(128, 128, 128), 2, HALVINGS(5, 5, 5), 452796416},
         {2.5001, 1.9190, 1.9190},
         {193, 205, 205}},
        {{"nnunet-m", 0, PATCH(128, 128, 128), 2, HALVINGS(5, 5, 5), 557420544},
         {2.5001, 1.9190, 1.9190},
         {193, 205, 205}},
        {{"nnunet-l", 0, PATCH(192, 192, 192), 2, HALVINGS(5, 5, 5), 1881294336},
         {1.6528, 1.2687, 1.2687},
         {292, 310, 310}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pleat_planner_data data = liver.data;
        pleat_planner_result plan;
        assert_true(pleat_planner_coarsen(preset_of(rows[i].of.preset, 0), 0, 0.25, &data, &plan));
        check_plan(&rows[i].of, &plan);
        for (int a = 0; a < 3; a++) {
            assert_float_equal(data.spacing[a], rows[i].spacing[a], 5e-5);
            assert_float_equal(data.size[a], rows[i].size[a], 0.5);
        }
    }
    for (int i = 0; i < DATA_SETS; i++) { /* the others have none */
        pleat_planner_data data = data_sets[i]->data;
        pleat_planner_result plan;
        const int has = pleat_planner_coarsen(preset_of("nnunet", 0), 0, 0.25, &data, &plan);
        assert_int_equal(has, data_sets[i] == &liver);
    }
}

/* "133 333 333" */
static void digits_of(const int (*stage)[3], int first, int last, char *out) {
    *out = '\0';
    for (int s = first; s <= last; s++)
        out +=
            sprintf(out, "%s%d%d%d", s > first ? " " : "", stage[s][0], stage[s][1], stage[s][2]);
}

static void strides_and_kernels_are_nnunets(void **state) {
    static const struct {
        const data_set *of;
        const char *strides, *kernels;
    } rows[] = {
        {&hippocampus, "111 222 222 222", "333 333 333 333"},
        {&heart, "111 122 222 222 122 122", "133 333 333 333 333 333"},
        {&prostate, "111 122 122 222 222 122 122", "133 133 333 333 333 333 333"},
        {&chest, "111 222 222 222 222 122", "333 333 333 333 333 333"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pleat_planner_result plan;
        char text[128];
        pleat_planner_plan(preset_of("nnunet", 0), &rows[i].of->data, 0, &plan);
        digits_of(plan.stride, 0, plan.depth, text);
        assert_string_equal(text, rows[i].strides);
        digits_of(plan.kernel, 0, plan.depth, text);
        assert_string_equal(text, rows[i].kernels);
    }
}

/* The axes are those of the file: thick slices along W give the same plan, turned. */
static void thick_axis_may_be_any(void **state) {
    pleat_planner_data turned = {{1.5625, 1.5625, 5}, {237, 208, 18}, 200, 4, 0};
    pleat_planner_result plan;
    char text[128];
    (void)state;
    pleat_planner_plan(preset_of("nnunet", 0), &turned, 0, &plan);
    assert_int_equal(plan.patch[0], 256);
    assert_int_equal(plan.patch[1], 224);
    assert_int_equal(plan.patch[2], 20);
    digits_of(plan.stride, 1, plan.depth, text);
    assert_string_equal(text, "221 222 222 221 221");
}

static void patches_keep_to_the_budget(void **state) {
    static const double memories[] = {1e9, 2e9, 4e9, 8e9, 16e9, 80e9};
    (void)state;
    for (int i = 0; i < DATA_SETS; i++) {
        double before = 0;
        for (size_t m = 0; m < sizeof memories / sizeof *memories; m++) {
            const pleat_planner_preset *preset = preset_of("nnunet", 0);
            pleat_planner_result plan;
            pleat_planner_plan(preset, &data_sets[i]->data, memories[m], &plan);
            const double voxels = (double)plan.patch[0] * plan.patch[1] * plan.patch[2];
            assert_true(plan.values <= preset->budget * memories[m] / preset->memory);
            assert_true(voxels >= before);
            before = voxels;
            int down[3] = {1, 1, 1};
            for (int s = 0; s <= plan.depth; s++)
                for (int a = 0; a < 3; a++) down[a] *= plan.stride[s][a];
            for (int a = 0; a < 3; a++) assert_int_equal(plan.patch[a] % down[a], 0);
        }
    }
}

static void halvings_can_be_limited(void **state) {
    pleat_planner_preset preset = *preset_of("nnunet", 0);
    pleat_planner_result plan;
    (void)state;
    preset.most_halvings = 4;
    preset.most_batch = 4;
    pleat_planner_plan(&preset, &hippocampus.data, 0, &plan);
    assert_int_equal(plan.batch, 4);
    assert_int_equal(plan.depth, 3);
    pleat_planner_plan(&preset, &liver.data, 0, &plan);
    assert_int_equal(plan.depth, 4);
}

/* --- the target ------------------------------------------------------------------------------- */

static void target_is_the_median(void **state) {
    static const double spacing[4][3] = {{1, 1, 1}, {3, 1, 0.9}, {2, 1, 0.8}, {2.5, 1, 0.7}};
    static const int crop[4][3] = {{40, 50, 60}, {20, 50, 61}, {30, 50, 70}, {25, 50, 80}};
    double target[3], size[3];
    (void)state;
    OK(pleat_planner_spacing(spacing, crop, 4, target));
    assert_float_equal(target[0], 2.25, 1e-12);
    assert_float_equal(target[1], 1, 1e-12);
    assert_float_equal(target[2], 0.85, 1e-12);
    OK(pleat_planner_size(spacing, crop, 4, target, size));
    /* 17.8, 26.7, 26.7, 27.8 -> 18 27 27 28; 70.6, 64.6, 65.9, 65.9 -> 71 65 66 66 */
    assert_float_equal(size[0], 27, 1e-12);
    assert_float_equal(size[1], 50, 1e-12);
    assert_float_equal(size[2], 66, 1e-12);
}

/* The 10 % quantile of 5, 5.1, ..., 6 is 5.1; of fine ones it is not below the others' spacing. */
static void thick_slices_take_the_finer(void **state) {
    double spacing[11][3], target[3];
    int crop[11][3];
    (void)state;
    for (int i = 0; i < 11; i++) {
        spacing[i][0] = 5 + 0.1 * i;
        spacing[i][1] = spacing[i][2] = 1;
        crop[i][0] = 20;
        crop[i][1] = crop[i][2] = 200;
    }
    OK(pleat_planner_spacing((const double(*)[3])spacing, (const int(*)[3])crop, 11, target));
    assert_float_equal(target[0], 5.1, 1e-9);
    spacing[0][0] = spacing[1][0] = spacing[2][0] = 0.5;
    OK(pleat_planner_spacing((const double(*)[3])spacing, (const int(*)[3])crop, 11, target));
    assert_float_equal(target[0], 1 + 1e-5, 1e-9);
    for (int i = 0; i < 11; i++) crop[i][0] = 100; /* many slices: no thick ones */
    OK(pleat_planner_spacing((const double(*)[3])spacing, (const int(*)[3])crop, 11, target));
    assert_float_equal(target[0], 5.5, 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_nnunets),
        cmocka_unit_test(low_resolutions_are_nnunets),
        cmocka_unit_test(strides_and_kernels_are_nnunets),
        cmocka_unit_test(thick_axis_may_be_any),
        cmocka_unit_test(patches_keep_to_the_budget),
        cmocka_unit_test(halvings_can_be_limited),
        cmocka_unit_test(target_is_the_median),
        cmocka_unit_test(thick_slices_take_the_finer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
