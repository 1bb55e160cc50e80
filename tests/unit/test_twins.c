/* test_twins.c - what makes the search for twins among thousands of cases quick leaves none out. */
#include "../../src/run/check_impl.h"
#include "pleat/rng.h"
#include "support.h"

enum { PICTURES = 300 };

static void noise(int number, double scale, float out[CHECK_CELLS]) {
    const pleat_rng rng = pleat_rng_at(5, PLEAT_STREAM_PHANTOM, (uint32_t)number, 0, 0);
    for (uint32_t i = 0; i < CHECK_CELLS; i++)
        out[i] = (float)pleat_rng_range(&rng, i, -scale, scale);
}

static int may_be(const float *a, const float *b) {
    check_sketch of[2];
    check_sketch_make(a, &of[0]);
    check_sketch_make(b, &of[1]);
    return check_may_be_alike(&of[0], &of[1]);
}

/* Where the correlation is as that of one volume, however the values are scaled. */
static void pictures_that_are_alike_pass_by_their_sketches(void **state) {
    (void)state;
    int alike = 0;
    for (int n = 0; n < PICTURES; n++) {
        float a[CHECK_CELLS], b[CHECK_CELLS], off[CHECK_CELLS];
        double other[CHECK_CELLS];
        noise(2 * n, 100.0, a);
        noise(2 * n + 1, n * 0.03, off);
        for (int i = 0; i < CHECK_CELLS; i++) b[i] = 3.0F * (a[i] + off[i]) - 1000.0F;
        for (int i = 0; i < CHECK_CELLS; i++) other[i] = (double)b[i];
        if (check_alike(a, other, 0) < 0.999) continue;
        assert_true(may_be(a, b));
        alike++;
    }
    assert_in_range(alike, PICTURES / 4, PICTURES - 1); /* both sides of the limit */
}

static void most_pictures_that_are_not_alike_do_not_pass(void **state) {
    (void)state;
    static check_sketch of[PICTURES];
    int passed = 0;
    for (int n = 0; n < PICTURES; n++) {
        float a[CHECK_CELLS];
        noise(n, 100.0, a);
        check_sketch_make(a, &of[n]);
        for (int k = 0; k < n; k++) passed += check_may_be_alike(&of[n], &of[k]);
    }
    assert_in_range(passed, 0, PICTURES * PICTURES / 2 / 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_that_are_alike_pass_by_their_sketches),
        cmocka_unit_test(most_pictures_that_are_not_alike_do_not_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
