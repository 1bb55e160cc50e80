/* mpi_test_queue.c - every fold is given out exactly once, whoever is slow. mpiexec -n 1..4. */
#include "pleat/plan.h"
#include "pleat/queue.h"
#include "pleat/session.h"
#include "support.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define MAX_FOLDS 16

typedef struct run {
    int folds, per_fold;
    int slow;      /* world rank whose group is slow; -1 none */
    int quit;      /* world rank whose group leaves after its first fold; -1 none */
    int slow_poll; /* rank 0 polls rarely */
} run;

/* Works for `ms`, polling as a training step does. */
static void work(pleat_queue *queue, int ms, int polls) {
    for (int i = 0; i < polls; ++i) {
        (void)usleep((useconds_t)(1000 * ms / polls));
        OK(pleat_queue_poll(queue));
    }
}

/* Runs a queue; given[i] is how many ranks of the world have worked on fold 10 + i, and mine[i]
 * whether this one has. Returns the group's first fold. */
static int drain(pleat_comm *world, const run *r, double given[MAX_FOLDS], int mine[MAX_FOLDS]) {
    pleat_plan plan;
    pleat_comm *group = NULL;
    pleat_queue *queue = NULL;
    int todo[MAX_FOLDS], fold = -1, first = -1;
    for (int i = 0; i < r->folds; ++i) todo[i] = 10 + i; /* folds are not their positions */
    OK(pleat_plan_make(world->size, r->folds, r->per_fold, 720720, &plan));
    const int g = pleat_plan_group(&plan, world->rank);
    OK(pleat_comm_split(world, g, world->rank, &group));
    assert_int_equal(group->size, pleat_plan_group_size(&plan, g));
    OK(pleat_queue_start(world, group, todo, r->folds, &queue));
    memset(given, 0, MAX_FOLDS * sizeof *given);
    memset(mine, 0, MAX_FOLDS * sizeof *mine);
    const int slow = r->slow >= 0 && g == pleat_plan_group(&plan, r->slow);
    const int quit = r->quit >= 0 && g == pleat_plan_group(&plan, r->quit);
    for (int n = 0; !(quit && n == 1); ++n) {
        OK(pleat_queue_next(queue, &fold));
        if (n == 0) first = fold;
        if (fold < 0) break;
        assert_in_range(fold, 10, 10 + r->folds - 1);
        given[fold - 10] += 1;
        mine[fold - 10] = 1;
        work(queue, slow ? 60 : 5, r->slow_poll ? 1 : 5);
    }
    if (fold < 0) { /* and stays so */
        OK(pleat_queue_next(queue, &fold));
        assert_int_equal(fold, -1);
    }
    OK(pleat_queue_finish(queue));
    pleat_queue_free(queue);
    OK(pleat_comm_allreduce_sum(world, given, MAX_FOLDS, PLEAT_F64));
    OK(pleat_comm_wait(world));
    pleat_comm_destroy(group);
    assert_int_equal(first, g < r->folds ? 10 + g : -1);
    return first;
}

static void every_fold_is_given_to_exactly_one_group(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    double given[MAX_FOLDS];
    int mine[MAX_FOLDS];
    for (int per_fold = 0; per_fold <= world->size; ++per_fold) {
        if (per_fold > 0 && world->size % per_fold != 0) continue;
        for (int folds = 0; folds <= 7; ++folds) {
            const run r = {folds, per_fold, -1, -1, folds % 2};
            pleat_plan plan;
            OK(pleat_plan_make(world->size, folds, per_fold, 720720, &plan));
            (void)drain(world, &r, given, mine);
            /* a fold is worked on by all ranks of one group, and by nobody else */
            for (int i = 0; i < folds; ++i) assert_true(given[i] == plan.ranks_per_fold);
        }
    }
}

static void a_slow_group_takes_fewer_folds(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    double given[MAX_FOLDS];
    int mine[MAX_FOLDS];
    if (world->size < 2) skip();
    for (int slow = 0; slow < world->size; ++slow) {
        const run r = {12, 1, slow, -1, 0};
        (void)drain(world, &r, given, mine);
        int count = 0;
        for (int i = 0; i < 12; ++i) {
            assert_true(given[i] == 1.0);
            count += mine[i];
        }
        if (world->rank == slow) assert_true(count < 12 / world->size);
    }
}

static void a_group_that_leaves_early_does_not_hold_the_others(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    double given[MAX_FOLDS];
    int mine[MAX_FOLDS];
    if (world->size < 2) skip();
    for (int quit = 0; quit < world->size; ++quit) {
        const run r = {8, 1, -1, quit, 0};
        (void)drain(world, &r, given, mine);
        int count = 0;
        for (int i = 0; i < 8; ++i) {
            count += mine[i];
            assert_true(given[i] == 1.0);
        }
        if (world->rank == quit) assert_int_equal(count, 1);
    }
}

int main(int argc, char **argv) {
    pleat_session *session = NULL;
    pleat_status status = pleat_session_start(&argc, &argv, &session);
    if (status != PLEAT_OK) return pleat_status_exit_code(pleat_session_end(NULL, status));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(every_fold_is_given_to_exactly_one_group, session),
        cmocka_unit_test_prestate(a_slow_group_takes_fewer_folds, session),
        cmocka_unit_test_prestate(a_group_that_leaves_early_does_not_hold_the_others, session),
    };
    if (cmocka_run_group_tests(tests, NULL, NULL) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_DATA, "tests failed");
    return pleat_status_exit_code(pleat_session_end(session, status));
}
