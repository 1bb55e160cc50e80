/* test_plan.c - ranks into groups: every rank has a place, and the wrong wish is explained. */
#include "pleat/plan.h"
#include "support.h"

#include <stdint.h>
#include <stdlib.h>

static void ranks_per_fold_is_one_until_ranks_exceed_folds(void **state) {
    (void)state;
    static const struct {
        int ranks, folds, per_fold, groups, idle;
    } rows[] = {{1, 5, 1, 1, 0}, {2, 5, 1, 2, 0},  {5, 5, 1, 5, 0},  {7, 5, 1, 7, 2},
                {8, 5, 1, 8, 3}, {10, 5, 2, 5, 0}, {11, 5, 2, 6, 1}, {8, 3, 2, 4, 2},
                {4, 1, 4, 1, 0}, {3, 0, 1, 3, 3},  {20, 5, 4, 5, 0}};
    for (size_t i = 0; i < COUNT(rows); ++i) {
        pleat_plan plan;
        OK(pleat_plan_make(rows[i].ranks, rows[i].folds, 0, 720720, &plan));
        assert_int_equal(plan.ranks_per_fold, rows[i].per_fold);
        assert_int_equal(plan.groups, rows[i].groups);
        assert_int_equal(plan.idle_ranks, rows[i].idle);
    }
}

static void every_rank_count_works_by_default_and_groups_tile_the_ranks(void **state) {
    (void)state;
    for (int ranks = 1; ranks <= 64; ++ranks)
        for (int folds = 1; folds <= 10; ++folds) {
            pleat_plan plan;
            OK(pleat_plan_make(ranks, folds, 0, 720720, &plan));
            int next = 0, busy = 0;
            for (int g = 0; g < plan.groups; ++g) {
                assert_int_equal(pleat_plan_leader(&plan, g), next);
                assert_true(pleat_plan_group_size(&plan, g) > 0);
                /* only a group without a fold may be smaller than the others */
                if (g < folds)
                    assert_int_equal(pleat_plan_group_size(&plan, g), plan.ranks_per_fold);
                for (int k = 0; k < pleat_plan_group_size(&plan, g); ++k)
                    assert_int_equal(pleat_plan_group(&plan, next + k), g);
                next += pleat_plan_group_size(&plan, g);
                if (g < folds) busy = next;
            }
            assert_int_equal(next, ranks);
            assert_int_equal(plan.idle_ranks, ranks - busy);
        }
}

static void a_group_shares_its_batch_evenly(void **state) {
    (void)state;
    pleat_plan plan;
    OK(pleat_plan_make(3, 1, 0, 2, &plan));
    assert_int_equal(plan.ranks_per_fold, 2);
    OK(pleat_plan_make(40, 5, 0, 6, &plan));
    assert_int_equal(plan.ranks_per_fold, 6);
    REFUSED(pleat_plan_make(4, 2, 4, 6, &plan), PLEAT_ERR_ARG, "train.batch = 6");
    OK(pleat_plan_make(1, 5, 2, 2, &plan)); /* an example for two ranks, tried on one */
    assert_int_equal(plan.ranks_per_fold, 1);
    OK(pleat_plan_make(3, 5, 4, 4, &plan));
    assert_int_equal(plan.ranks_per_fold, 2);
    assert_int_equal(plan.groups, 2);
}

static void a_run_that_goes_on_keeps_its_groups(void **state) {
    (void)state;
    pleat_plan plan;
    OK(pleat_plan_make(6, 3, 0, 2, &plan));
    assert_int_equal(plan.ranks_per_fold, 2);
    pleat_plan_left(&plan, 1);
    assert_int_equal(plan.ranks_per_fold, 2);
    assert_int_equal(plan.groups, 3);
    assert_int_equal(plan.idle_ranks, 4);
}

static void a_group_size_that_does_not_divide_names_the_divisors(void **state) {
    (void)state;
    pleat_plan plan;
    REFUSED(pleat_plan_make(12, 5, 5, 720720, &plan), PLEAT_ERR_ARG,
            "12 ranks cannot be cut into groups of 5");
    TOLD("1, 2, 3, 4, 6, 12");
    assert_int_equal(pleat_plan_make(6, 5, 4, 720720, &plan), PLEAT_ERR_ARG);
    assert_int_equal(pleat_plan_make(3, 5, -1, 720720, &plan), PLEAT_ERR_ARG);
    OK(pleat_plan_make(12, 2, 3, 720720, &plan));
    assert_int_equal(plan.groups, 4);
    assert_int_equal(plan.idle_ranks, 6);
}

static void the_table_shows_first_folds_hosts_and_what_is_left(void **state) {
    (void)state;
    static const char *const hosts[] = {"n1", "n1", "n1", "n2"};
    static const int todo[] = {0, 2, 4};
    pleat_plan plan;
    OK(pleat_plan_make(4, 3, 2, 720720, &plan));
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    pleat_plan_print(file, &plan, todo, hosts);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, "3 folds to train on 4 ranks, 2 per fold\n"
                              "group  ranks        first fold  hosts\n"
                              "    0  0-1          0           n1\n"
                              "    1  2-3          2           n1,n2\n"
                              "then, as groups become free: fold 4\n");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_per_fold_is_one_until_ranks_exceed_folds),
        cmocka_unit_test(every_rank_count_works_by_default_and_groups_tile_the_ranks),
        cmocka_unit_test(a_group_shares_its_batch_evenly),
        cmocka_unit_test(a_run_that_goes_on_keeps_its_groups),
        cmocka_unit_test(a_group_size_that_does_not_divide_names_the_divisors),
        cmocka_unit_test(the_table_shows_first_folds_hosts_and_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
