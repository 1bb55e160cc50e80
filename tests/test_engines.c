/* test_engines.c - which engine a name gets, where a GPU module says that all is well. */
#include "pleat/cuda_module.h"
#include "pleat/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

/* --- a GPU module that is there and makes nothing, instead of that of src/net/cuda_module.c --- */

static const char *nothing_is_missing(void) { return NULL; }

static pleat_status refuse(const pleat_engine_options *options, pleat_engine **out) {
    (void)options;
    (void)out;
    return PLEAT_FAIL(PLEAT_ERR_UNSUPPORTED, "the stand-in was asked");
}

static const pleat_cuda_module module = {.missing = nothing_is_missing, .engine_create = refuse};

const pleat_cuda_module *pleat_cuda_module_load(const char **why) {
    *why = NULL;
    return &module;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void auto_passes_by_the_gpu(void **state) {
    (void)state;
    const pleat_engine_options options = {.engine = "auto", .threads = 1, .device = -1};
    pleat_engine *engine = NULL;
    assert_string_equal(pleat_engine_list()->name, "cudnn");
    assert_null(pleat_engine_list()->missing());
    assert_non_null(pleat_engine_list()->by_name);
    assert_int_equal(pleat_engine_create(&options, &engine), PLEAT_OK);
    assert_string_equal(engine->ops->name,
                        pleat_engine_list()[1].missing() == NULL ? "onednn" : "ref");
    pleat_engine_destroy(engine);
}

static void the_gpu_is_taken_by_name(void **state) {
    (void)state;
    const pleat_engine_options options = {.engine = "cudnn", .threads = 1, .device = -1};
    pleat_engine *engine = NULL;
    assert_int_equal(pleat_engine_create(&options, &engine), PLEAT_ERR_UNSUPPORTED);
    assert_non_null(strstr(pleat_error_message(), "the stand-in was asked"));
}

static void an_unknown_name_is_refused_with_those_that_are_known(void **state) {
    (void)state;
    const pleat_engine_options options = {.engine = "cuda", .threads = 1, .device = -1};
    pleat_engine *engine = NULL;
    assert_int_equal(pleat_engine_create(&options, &engine), PLEAT_ERR_UNSUPPORTED);
    assert_non_null(strstr(pleat_error_message(), "auto, cudnn, onednn, ref, ref64"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_passes_by_the_gpu),
        cmocka_unit_test(the_gpu_is_taken_by_name),
        cmocka_unit_test(an_unknown_name_is_refused_with_those_that_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
