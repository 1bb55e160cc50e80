/* cuda_test_host.c - what the GPU engine computes on the host: plans, keys, layouts, graphs. */
#include "../../cuda/conv_graph.h"
#include "../../cuda/plan_cache.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const pleat_conv_problem usual = {
    .pass = PLEAT_PASS_FORWARD,
    .n = 2,
    .d = 160,
    .h = 160,
    .w = 80,
    .cin = 32,
    .cout = 64,
    .kernel = {3, 3, 3},
    .stride = {1, 1, 1},
    .before = {1, 1, 1},
    .precision = PLEAT_PRECISION_BF16,
    .fused = 1,
    .relu = 1,
};

/* ---- choices ---- */

static void a_choice_is_read_as_it_was_written(void **state) {
    (void)state;
    const pleat_plan_choice choice = {.engine = 42, .knobs = 2, .type = {2, 14}, .value = {7, -3}};
    pleat_plan_choice back;
    char text[PLEAT_PLAN_TEXT];
    assert_true(pleat_plan_choice_print(&choice, text, sizeof text));
    assert_string_equal(text, "42:2=7,14=-3");
    assert_true(pleat_plan_choice_parse(text, &back));
    assert_memory_equal(&back, &choice, sizeof back);
    assert_true(pleat_plan_choice_parse("0", &back));
    assert_int_equal(back.knobs, 0);
    assert_false(pleat_plan_choice_print(&choice, text, 5));
}

static void a_choice_that_is_not_one_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "x",
                                      "1:",
                                      "1:2",
                                      "1:2=",
                                      "1:2=3,",
                                      "1:2=3;4=5",
                                      "1 :2=3",
                                      "1:=3",
                                      "1,2=3",
                                      "1:2=3x",
                                      "1:2=3:4=5",
                                      "99999999999999999999"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        pleat_plan_choice choice;
        if (pleat_plan_choice_parse(bad[i], &choice)) fail_msg("'%s' was read", bad[i]);
    }
    char many[PLEAT_PLAN_MOST_KNOBS * 4 + 16] = "1:1=1";
    for (int i = 1; i < PLEAT_PLAN_MOST_KNOBS; i++) strcat(many, ",1=1");
    pleat_plan_choice choice;
    assert_true(pleat_plan_choice_parse(many, &choice));
    strcat(many, ",1=1");
    assert_false(pleat_plan_choice_parse(many, &choice));
}

/* ---- the file ---- */

static char plans[PLEAT_PATH_BYTES]; /* its name */

static int make_place(void **state) {
    const int status = make_root(state);
    (void)in_root(plans, "pleat/plans");
    return status;
}

static void choices_are_found_again_after_the_end(void **state) {
    (void)state;
    pleat_plan_cache *cache = NULL;
    OK(pleat_plan_cache_open(plans, &cache));
    assert_null(pleat_plan_cache_find(cache, "a"));
    OK(pleat_plan_cache_put(cache, "a", "1:2=3"));
    OK(pleat_plan_cache_put(cache, "b", "4"));
    OK(pleat_plan_cache_put(cache, "a", "5"));
    assert_string_equal(pleat_plan_cache_find(cache, "a"), "5");
    pleat_plan_cache_close(cache);
    OK(pleat_plan_cache_open(plans, &cache));
    assert_string_equal(pleat_plan_cache_find(cache, "a"), "5");
    assert_string_equal(pleat_plan_cache_find(cache, "b"), "4");
    assert_null(pleat_plan_cache_find(cache, "c"));
    pleat_plan_cache_close(cache);
}

static void lines_of_another_form_are_passed_over(void **state) {
    (void)state;
    OK(pleat_file_make_folder(in_root(NULL, "pleat")));
    FILE *file = fopen(plans, "w");
    assert_non_null(file);
    (void)fputs("no tab\n\tno key\nno choice\t\ngood\t1\n", file);
    for (int i = 0; i < 3000; i++) (void)fputc('x', file); /* longer than any line */
    (void)fputs("\t7\nalso good\t2\ncut off\t3", file);
    (void)fclose(file);
    pleat_plan_cache *cache = NULL;
    OK(pleat_plan_cache_open(plans, &cache));
    assert_string_equal(pleat_plan_cache_find(cache, "good"), "1");
    assert_string_equal(pleat_plan_cache_find(cache, "also good"), "2");
    assert_null(pleat_plan_cache_find(cache, "no tab"));
    assert_null(pleat_plan_cache_find(cache, "no choice"));
    assert_null(pleat_plan_cache_find(cache, "cut off")); /* its writer was stopped */
    pleat_plan_cache_close(cache);
}

static void a_file_that_cannot_be_is_no_error(void **state) {
    (void)state;
    static const char *const paths[] = {"", "/proc/no/such/place", "/dev/null/plans"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        pleat_plan_cache *cache = NULL;
        OK(pleat_plan_cache_open(paths[i], &cache));
        OK(pleat_plan_cache_put(cache, "a", "1"));
        assert_string_equal(pleat_plan_cache_find(cache, "a"), "1");
        pleat_plan_cache_close(cache);
    }
}

static void many_choices_are_kept_apart(void **state) {
    (void)state;
    pleat_plan_cache *cache = NULL;
    char key[32], choice[32];
    OK(pleat_plan_cache_open("", &cache));
    for (int i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "key %d", i);
        (void)snprintf(choice, sizeof choice, "%d", 7 * i);
        OK(pleat_plan_cache_put(cache, key, choice));
    }
    assert_string_equal(pleat_plan_cache_find(cache, "key 0"), "0");
    assert_string_equal(pleat_plan_cache_find(cache, "key 299"), "2093");
    pleat_plan_cache_close(cache);
}

static void a_tab_or_a_line_is_refused(void **state) {
    (void)state;
    pleat_plan_cache *cache = NULL;
    char longest[PLEAT_PLAN_TEXT + 1] = {0};
    OK(pleat_plan_cache_open("", &cache));
    assert_int_equal(pleat_plan_cache_put(cache, "a\tb", "1"), PLEAT_ERR_ARG);
    assert_int_equal(pleat_plan_cache_put(cache, "a", "1\n2"), PLEAT_ERR_ARG);
    assert_int_equal(pleat_plan_cache_put(cache, "", "1"), PLEAT_ERR_ARG);
    memset(longest, 'x', PLEAT_PLAN_TEXT);
    assert_int_equal(pleat_plan_cache_put(cache, longest, "1"), PLEAT_ERR_ARG);
    pleat_plan_cache_close(cache);
}

static void the_file_lies_where_the_environment_says(void **state) {
    (void)state;
    char path[256];
    (void)setenv("HOME", "/home/ada", 1);
    (void)unsetenv("XDG_CACHE_HOME");
    (void)unsetenv("PLEAT_PLAN_CACHE");
    pleat_plan_cache_path(path, sizeof path);
    assert_string_equal(path, "/home/ada/.cache/pleat/plans");
    (void)setenv("XDG_CACHE_HOME", "/var/cache", 1);
    pleat_plan_cache_path(path, sizeof path);
    assert_string_equal(path, "/var/cache/pleat/plans");
    (void)setenv("PLEAT_PLAN_CACHE", "/tmp/mine", 1);
    pleat_plan_cache_path(path, sizeof path);
    assert_string_equal(path, "/tmp/mine");
    (void)setenv("PLEAT_PLAN_CACHE", "off", 1);
    pleat_plan_cache_path(path, sizeof path);
    assert_string_equal(path, "");
}

/* ---- keys and layouts ---- */

static void a_key_names_all_that_a_choice_depends_on(void **state) {
    (void)state;
    char key[PLEAT_PLAN_TEXT], other[PLEAT_PLAN_TEXT];
    assert_true(pleat_conv_key(&usual, "NVIDIA H200", 91900, key, sizeof key));
    assert_string_equal(key, "3|NVIDIA H200|91900|forward|bf16|2x160x160x80|"
                             "k3x3x3,s1x1x1,p1x1x1|32-64|bias,relu");
    pleat_conv_problem p = usual;
    p.pass = PLEAT_PASS_WEIGHTS;
    p.precision = PLEAT_PRECISION_TF32;
    p.deterministic = 1;
    assert_true(pleat_conv_key(&p, "GPU", 1, key, sizeof key));
    assert_string_equal(
        key, "3|GPU|1|weights|tf32|2x160x160x80|k3x3x3,s1x1x1,p1x1x1|32-64|plain,deterministic");
    p = (pleat_conv_problem){.pass = PLEAT_PASS_DATA,
                             .n = 1,
                             .d = 2,
                             .h = 4,
                             .w = 6,
                             .cin = 8,
                             .cout = 16,
                             .kernel = {1, 3, 3},
                             .stride = {1, 2, 1},
                             .before = {0, 0, 1},
                             .precision = PLEAT_PRECISION_F32};
    assert_true(pleat_conv_key(&p, "GPU", 1, key, sizeof key));
    assert_string_equal(key, "3|GPU|1|data|f32|1x2x4x6|k1x3x3,s1x2x1,p0x0x1|8-16|plain");
    assert_false(pleat_conv_key(&p, "GPU", 1, other, 20));
}

/* The element after (n,c,d,h,w) = (0,0,0,0,0) in each direction, by counting [N,D,H,W,C]. */
static void strides_are_those_of_channels_last(void **state) {
    (void)state;
    const int64_t size[5] = {2, 3, 5, 7, 11};
    int64_t stride[5];
    pleat_conv_strides(size, stride);
    assert_int_equal(stride[1], 1);
    assert_int_equal(stride[4], 3);
    assert_int_equal(stride[3], 11 * 3);
    assert_int_equal(stride[2], 7 * 11 * 3);
    assert_int_equal(stride[0], 5 * 7 * 11 * 3);
}

/* The last voxel of y that is a whole kernel's, as one slides it over the padded x. */
static void the_padding_behind_makes_as_many_voxels_as_the_stride_says(void **state) {
    (void)state;
    for (int i = 0; i < 2 * 2 * 2; i++) {
        const int kernel = i & 1 ? 3 : 1, stride = i & 2 ? 2 : 1, before = i & 4 ? kernel / 2 : 0;
        pleat_conv_problem p = usual;
        p.kernel[1] = kernel;
        p.stride[1] = stride;
        p.before[1] = before;
        const int after = pleat_conv_after(&p, 1);
        int voxels = 0;
        for (int at = -before; at + kernel <= p.h + after; at += stride) voxels++;
        assert_int_equal(voxels, pleat_conv_y_size(&p, 1));
        assert_int_equal(voxels, 160 / stride);
        if (before == 1) assert_int_equal(after, 1); /* as cuDNN likes it */
    }
}

/* ---- graphs: cuDNN checks an operation when it is finalized, and needs no GPU for that ---- */

static void every_pass_in_every_precision_is_an_operation_that_cudnn_knows(void **state) {
    (void)state;
    static const pleat_precision precisions[] = {PLEAT_PRECISION_F32, PLEAT_PRECISION_TF32,
                                                 PLEAT_PRECISION_BF16};
    static const struct {
        pleat_pass pass;
        int fused, relu;
        int ops;
    } rows[] = {{PLEAT_PASS_FORWARD, 0, 0, 1},
                {PLEAT_PASS_FORWARD, 1, 0, 2},
                {PLEAT_PASS_FORWARD, 1, 1, 3},
                {PLEAT_PASS_DATA, 0, 0, 1},
                {PLEAT_PASS_WEIGHTS, 0, 0, 1}};
    static const struct {
        int kernel[3], stride[3], before[3];
    } moves[] = {{{3, 3, 3}, {1, 1, 1}, {1, 1, 1}},
                 {{3, 3, 3}, {2, 2, 2}, {0, 0, 0}},
                 {{1, 3, 3}, {1, 2, 2}, {0, 1, 1}},
                 {{3, 1, 1}, {1, 1, 1}, {0, 0, 0}},
                 {{1, 1, 1}, {2, 2, 2}, {0, 0, 0}}};
    for (size_t i = 0; i < COUNT(precisions); i++)
        for (size_t k = 0; k < COUNT(rows); k++)
            for (size_t m = 0; m < COUNT(moves); m++) {
                pleat_conv_problem p = usual;
                p.precision = precisions[i];
                p.pass = rows[k].pass;
                p.fused = rows[k].fused;
                p.relu = rows[k].relu;
                memcpy(p.kernel, moves[m].kernel, sizeof p.kernel);
                memcpy(p.stride, moves[m].stride, sizeof p.stride);
                memcpy(p.before, moves[m].before, sizeof p.before);
                pleat_conv_graph g = {.graph = NULL};
                OK(pleat_conv_graph_build(&g, &p));
                assert_int_equal(g.op_count, rows[k].ops);
                pleat_conv_graph_clear(&g);
                assert_int_equal(g.part_count, 0);
            }
}

static void a_convolution_that_cannot_be_is_refused_with_cudnns_words(void **state) {
    (void)state;
    pleat_conv_problem p = usual;
    p.w = 0;
    pleat_conv_graph g = {.graph = NULL};
    REFUSED(pleat_conv_graph_build(&g, &p), PLEAT_ERR_ENGINE, "cuDNN returned CUDNN_STATUS_");
    pleat_conv_graph_clear(&g);
}

static void a_graph_without_a_gpu_is_refused(void **state) {
    (void)state;
    pleat_conv_graph g = {.graph = NULL};
    OK(pleat_conv_graph_build(&g, &usual));
    assert_int_equal(pleat_conv_graph_finish(&g, NULL), PLEAT_ERR_ENGINE);
    pleat_conv_graph_clear(&g);
}

/* ---- codes of the libraries ---- */

static pleat_status fail_cuda(cudaError_t code) {
    CUDA_TRY(code);
    return PLEAT_OK;
}
static pleat_status fail_cublas(cublasStatus_t code) {
    CUBLAS_TRY(code);
    return PLEAT_OK;
}

static void codes_become_statuses_with_the_librarys_name(void **state) {
    (void)state;
    OK(fail_cuda(cudaSuccess));
    REFUSED(fail_cuda(cudaErrorInvalidValue), PLEAT_ERR_ENGINE, "cudaErrorInvalidValue");
    assert_int_equal(fail_cuda(cudaErrorMemoryAllocation), PLEAT_ERR_MEMORY);
    OK(fail_cublas(CUBLAS_STATUS_SUCCESS));
    REFUSED(fail_cublas(CUBLAS_STATUS_NOT_SUPPORTED), PLEAT_ERR_ENGINE,
            "CUBLAS_STATUS_NOT_SUPPORTED");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_is_read_as_it_was_written),
        cmocka_unit_test(a_choice_that_is_not_one_is_refused),
        cmocka_unit_test_setup_teardown(choices_are_found_again_after_the_end, make_place,
                                        remove_root),
        cmocka_unit_test_setup_teardown(lines_of_another_form_are_passed_over, make_place,
                                        remove_root),
        cmocka_unit_test(a_file_that_cannot_be_is_no_error),
        cmocka_unit_test(many_choices_are_kept_apart),
        cmocka_unit_test(a_tab_or_a_line_is_refused),
        cmocka_unit_test(the_file_lies_where_the_environment_says),
        cmocka_unit_test(a_key_names_all_that_a_choice_depends_on),
        cmocka_unit_test(strides_are_those_of_channels_last),
        cmocka_unit_test(the_padding_behind_makes_as_many_voxels_as_the_stride_says),
        cmocka_unit_test(every_pass_in_every_precision_is_an_operation_that_cudnn_knows),
        cmocka_unit_test(a_convolution_that_cannot_be_is_refused_with_cudnns_words),
        cmocka_unit_test(a_graph_without_a_gpu_is_refused),
        cmocka_unit_test(codes_become_statuses_with_the_librarys_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
