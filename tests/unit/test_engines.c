/* test_engines.c - which engine a name gets, where a GPU module says that all is well. */
#include "../../src/engines/cpu.h"
#include "pleat/cuda_module.h"
#include "support.h"

#include <stdio.h>

/* --- a GPU module instead of that of src/engines/cuda_module.c -------------------------------- */

/* It makes nothing, or the oracle under another name, or one without gradients of weights. */
enum { NOTHING, RIGHT, WRONG };
static int makes = NOTHING;

static const char *nothing_is_missing(void) { return NULL; }

static pleat_status forget(pleat_engine *engine, pleat_conv *conv, const pleat_tensor *x,
                           const pleat_tensor *dy, void *dweights, void *dbias) {
    (void)engine, (void)conv, (void)x, (void)dy, (void)dweights, (void)dbias;
    return PLEAT_OK;
}

static pleat_status create(const pleat_engine_options *options, pleat_engine **out) {
    static pleat_engine_ops ops;
    PLEAT_CHECK(makes != NOTHING, PLEAT_ERR_UNSUPPORTED, "the stand-in was asked");
    PLEAT_TRY(pleat_ref_create(options, out));
    ops = *(*out)->ops;
    ops.name = "cudnn";
    if (makes == WRONG) ops.conv_backward_weights = forget;
    (*out)->ops = &ops;
    return PLEAT_OK;
}

static const pleat_cuda_module module = {.missing = nothing_is_missing, .engine_create = create};

const pleat_cuda_module *pleat_cuda_module_load(const char **why) {
    *why = NULL;
    return &module;
}
int pleat_cuda_module_expected(void) { return 1; }

/* --- tests ------------------------------------------------------------------------------------ */

static const char *name_of_auto(void) {
    static char name[16];
    const pleat_engine_options options = {.engine = "auto", .threads = 1, .device = -1};
    pleat_engine *engine = NULL;
    OK(pleat_engine_create(&options, &engine));
    (void)snprintf(name, sizeof name, "%s", engine->ops->name);
    pleat_engine_destroy(engine);
    return name;
}

static const char *of_the_cpu(void) {
    return pleat_engine_list()[1].missing() == NULL ? "onednn" : "ref";
}

static void auto_takes_a_gpu_that_computes_as_the_oracle_does(void **state) {
    (void)state;
    makes = RIGHT;
    assert_string_equal(name_of_auto(), "cudnn");
}

static void auto_passes_by_a_gpu_that_computes_wrongly(void **state) {
    (void)state;
    makes = WRONG;
    assert_string_equal(name_of_auto(), of_the_cpu());
    TOLD("its gradients are off by");
}

static void auto_passes_by_a_gpu_that_does_not_start(void **state) {
    (void)state;
    makes = NOTHING;
    assert_string_equal(name_of_auto(), of_the_cpu());
}

static void the_gpu_is_taken_by_name(void **state) {
    (void)state;
    const pleat_engine_options options = {.engine = "cudnn", .threads = 1, .device = -1};
    pleat_engine *engine = NULL;
    makes = NOTHING;
    REFUSED(pleat_engine_create(&options, &engine), PLEAT_ERR_UNSUPPORTED,
            "the stand-in was asked");
}

static void an_unknown_name_is_refused_with_those_that_are_known(void **state) {
    (void)state;
    const pleat_engine_options options = {.engine = "cuda", .threads = 1, .device = -1};
    pleat_engine *engine = NULL;
    REFUSED(pleat_engine_create(&options, &engine), PLEAT_ERR_UNSUPPORTED,
            "auto, cudnn, onednn, ref, ref64");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_takes_a_gpu_that_computes_as_the_oracle_does),
        cmocka_unit_test(auto_passes_by_a_gpu_that_computes_wrongly),
        cmocka_unit_test(auto_passes_by_a_gpu_that_does_not_start),
        cmocka_unit_test(the_gpu_is_taken_by_name),
        cmocka_unit_test(an_unknown_name_is_refused_with_those_that_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
