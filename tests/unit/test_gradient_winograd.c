/*
 * test_gradient_winograd.c - gradients by the weights by Winograd's minimal filtering, against the
 * formula.
 */
#include "gradient_problem.h"

#define KERNEL (&pleat_gradient_winograd)

static const struct gradient_case cases[] = {
    {1, 1, 1, 1, 16, 8, K333, 1},    {1, 1, 1, 2, 16, 16, K133, 1},
    {1, 2, 1, 3, 1, 3, K333, 1},     {2, 2, 2, 4, 17, 9, K333, 1},
    {1, 3, 3, 5, 24, 40, K333, 1},   {1, 4, 2, 6, 40, 24, K333, 2},
    {2, 3, 5, 7, 3, 16, K333, 1},    {1, 1, 6, 8, 16, 16, K133, 1},
    {3, 5, 4, 9, 16, 8, K133, 4},    {1, 20, 2, 2, 33, 16, K333, 1},
    {1, 3, 40, 33, 16, 8, K333, 1},  {1, 2, 5, 700, 16, 3, K333, 1},
    {2, 7, 17, 16, 20, 12, K333, 3}, {1, 9, 33, 32, 16, 16, K133, 2},
    {3, 3, 4, 3, 24, 130, K333, 5},  {2, 4, 6, 8, 48, 16, K333, 1},
    {1, 2, 3, 4, 32, 288, K333, 4},
};

/* A tap's error comes from those of its tile, also where itself it meets few voxels. */
static void share_magnitudes(problem *p) {
    const size_t cin = (size_t)p->s.cin;
    for (size_t i = 0; i < p->weights / (9 * cin); i++) /* channel of y, tap along D */
        for (size_t c = 0; c < cin; c++) {
            double *tap = p->largest + i * 9 * cin + c, most = 0;
            for (size_t t = 0; t < 9; t++) most = fmax(most, tap[t * cin]);
            for (size_t t = 0; t < 9; t++) tap[t * cin] = most;
        }
}

static void gradients_are_those_of_the_formula(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        problem p = begin(&cases[i], i, 0);
        float *got = gradient(&p, KERNEL, p.threads);
        share_magnitudes(&p);
        judge(&p, got, 1e-6);
        free(got);
        end(&p);
    }
}

static void fresh_gradients_are_written_over_what_is_no_number(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        problem p = begin(&cases[i], i, 0);
        judge_fresh(&p, KERNEL);
        end(&p);
    }
}

/* Threads that share out channels change no bit, and threads that share out planes repeat theirs:
 * an ordered engine calls with one thread for each sample. */
static void bits_do_not_depend_on_who_computes_a_channel(void **state) {
    (void)state;
    problem p = begin(&cases[14], 14, 0);
    for (int planes = 1; planes <= 3; planes += 2) {
        p.s.n = 1;
        p.s.d = planes; /* of one, two threads have channels of their own */
        const int threads[2] = {planes == 1 ? 1 : 3, planes == 1 ? 2 : 3};
        float *got[2];
        for (int i = 0; i < 2; i++) got[i] = gradient(&p, KERNEL, threads[i]);
        assert_memory_equal(got[0], got[1], (p.weights + (size_t)p.s.cout) * sizeof **got);
        free(got[0]);
        free(got[1]);
    }
    end(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_formula),
        cmocka_unit_test(fresh_gradients_are_written_over_what_is_no_number),
        cmocka_unit_test(bits_do_not_depend_on_who_computes_a_channel),
    };
    if (!KERNEL->usable(0)) {
        print_message("this processor has no AVX-512\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
