/* test_gpu_usage.c - what a fold's training takes of the GPU is told as far as it is known. */
#include "../../src/run/run_impl.h"
#include "pleat/device.h"

#include "support.h"

static double energy_mj, busy, celsius = -1, mhz = -1; /* of the GPU that is none */
static int asked;

static void meter(pleat_engine *engine, pleat_meters *out) {
    (void)engine;
    asked++;
    *out = (pleat_meters){energy_mj, busy, celsius, mhz};
}

static const pleat_device_ops device = {.meter = meter};
static const pleat_engine_ops gpu = {.device = &device}, cpu = {.device = NULL};

static void energy_is_of_the_time_between(void **state) {
    (void)state;
    pleat_engine engine = {.ops = &gpu};
    char text[64];
    energy_mj = 1e9;
    busy = -1;
    pleat_gpu_usage u = pleat_gpu_usage_begin(&engine);
    energy_mj += 3.6e6 * 41.2; /* mJ of a Wh */
    assert_string_equal(pleat_gpu_usage_text(&u, text, sizeof text), "41.20 Wh");
    energy_mj = -1;
    assert_string_equal(pleat_gpu_usage_text(&u, text, sizeof text), "");
}

static void use_is_the_mean_of_looks_a_second_apart(void **state) {
    (void)state;
    pleat_engine engine = {.ops = &gpu};
    char text[64];
    energy_mj = 0;
    pleat_gpu_usage u = pleat_gpu_usage_begin(&engine);
    for (int i = 0; i < 4; i++) {
        busy = i < 3 ? 90 + i : -1;
        u.looked_s -= 2;
        pleat_gpu_usage_look(&u);
        pleat_gpu_usage_look(&u); /* too early: not asked */
    }
    assert_int_equal(u.looks, 3);
    assert_string_equal(pleat_gpu_usage_text(&u, text, sizeof text), "0.00 Wh, GPU 91 % busy");
    energy_mj = -1;
    assert_string_equal(pleat_gpu_usage_text(&u, text, sizeof text), "GPU 91 % busy");
    for (int i = 0; i < 3; i++) { /* 1800, 1900, 2000 MHz while it cools down */
        celsius = 61 - i;
        mhz = 1800 + 100 * i;
        u.looked_s -= 2;
        pleat_gpu_usage_look(&u);
    }
    assert_string_equal(pleat_gpu_usage_text(&u, text, sizeof text),
                        "GPU 91 % busy, at most 61 C, 1900 MHz");
    celsius = mhz = -1;
}

static void an_engine_in_host_memory_has_nothing_to_tell(void **state) {
    (void)state;
    pleat_engine engine = {.ops = &cpu};
    char text[64];
    asked = 0;
    pleat_gpu_usage u = pleat_gpu_usage_begin(&engine);
    u.looked_s -= 2;
    pleat_gpu_usage_look(&u);
    assert_string_equal(pleat_gpu_usage_text(&u, text, sizeof text), "");
    assert_int_equal(asked, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energy_is_of_the_time_between),
        cmocka_unit_test(use_is_the_mean_of_looks_a_second_apart),
        cmocka_unit_test(an_engine_in_host_memory_has_nothing_to_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
