/* mpi_test_comm.c - the communicator at any number of ranks; expectations are formulas of rank and
 * size. Run by mpiexec -n 1..4, and alone. */
#include "pleat/log.h"
#include "pleat/session.h"
#include "pleat/warn.h"
#include "support.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pleat_comm *world(void **state) { return ((pleat_session *)*state)->world; }

static void session_knows_ranks_host_and_cores(void **state) {
    const pleat_session *s = *state;
    char host[64] = "";
    (void)gethostname(host, sizeof host - 1);
    assert_string_equal(s->host, host);
    assert_int_equal(s->local_rank, s->rank); /* one machine here */
    assert_int_equal(s->local_size, s->size);
    assert_true(s->threads >= 1);
    assert_true((long)s->threads <= sysconf(_SC_NPROCESSORS_ONLN));
}

static void a_sum_is_the_sum_in_pieces_and_in_flight(void **state) {
    pleat_comm *comm = world(state);
    const size_t n = ((size_t)4 << 20) + 5; /* more than one piece */
    const double ranks = comm->size * (comm->size + 1) / 2.0;
    float *a = malloc(n * sizeof *a);
    double b[3];
    assert_non_null(a);
    for (size_t i = 0; i < n; ++i) a[i] = (float)((comm->rank + 1) * (int)(i % 13));
    for (int i = 0; i < 3; ++i) b[i] = (comm->rank + 1) * (i + 0.5);
    OK(pleat_comm_allreduce_sum(comm, a, n / 2, PLEAT_F32));
    OK(pleat_comm_allreduce_sum(comm, b, 3, PLEAT_F64));
    OK(pleat_comm_allreduce_sum(comm, a + n / 2, n - n / 2, PLEAT_F32));
    OK(pleat_comm_wait(comm));
    for (size_t i = 0; i < n; ++i)
        if (a[i] != (float)(ranks * (double)(i % 13))) fail_msg("value %zu is %g", i, (double)a[i]);
    for (int i = 0; i < 3; ++i) assert_true(b[i] == ranks * (i + 0.5));
    free(a);
    if (comm->size > 1) {
        uint16_t half = 0;
        assert_int_equal(pleat_comm_allreduce_sum(comm, &half, 1, PLEAT_BF16),
                         PLEAT_ERR_UNSUPPORTED);
    }
}

static void many_small_sums_queue_up(void **state) {
    pleat_comm *comm = world(state);
    float x[100];
    for (int i = 0; i < 100; ++i) x[i] = (float)(i + comm->rank);
    for (int i = 0; i < 100; ++i) OK(pleat_comm_allreduce_sum(comm, &x[i], 1, PLEAT_F32));
    OK(pleat_comm_wait(comm));
    for (int i = 0; i < 100; ++i)
        assert_true(x[i] == (float)(comm->size * i + comm->size * (comm->size - 1) / 2));
}

static void every_root_can_broadcast(void **state) {
    pleat_comm *comm = world(state);
    for (int from = 0; from < comm->size; ++from) {
        double values[7];
        char text[32];
        for (int i = 0; i < 7; ++i) values[i] = 100.0 * comm->rank + i;
        (void)snprintf(text, sizeof text, "rank %d", comm->rank);
        OK(pleat_comm_broadcast(comm, values, 7, PLEAT_F64, from));
        OK(pleat_comm_wait(comm));
        OK(pleat_comm_broadcast_bytes(comm, text, sizeof text, from));
        char expected[32];
        (void)snprintf(expected, sizeof expected, "rank %d", from);
        for (int i = 0; i < 7; ++i) assert_true(values[i] == 100.0 * from + i);
        assert_string_equal(text, expected);
    }
}

static void gather_keeps_the_order_of_ranks(void **state) {
    pleat_comm *comm = world(state);
    for (int from = 0; from < comm->size; ++from) {
        /* rank r brings r * 3 bytes of value r: rank 0 brings none */
        char mine[64];
        memset(mine, comm->rank, sizeof mine);
        size_t total = 0;
        void *all = NULL;
        OK(pleat_comm_gather(comm, mine, (size_t)comm->rank * 3, from, &all, &total));
        if (comm->rank != from) {
            assert_null(all);
            continue;
        }
        const char *at = all;
        assert_int_equal(total, 3 * comm->size * (comm->size - 1) / 2);
        for (int r = 0; r < comm->size; ++r)
            for (int i = 0; i < 3 * r; ++i) assert_int_equal(*at++, r);
        free(all);
    }
}

static void warnings_of_all_ranks_come_to_the_first_once_each(void **state) {
    pleat_comm *comm = world(state);
    pleat_log_set_level(PLEAT_QUIET);
    for (int round = 0; round < 2; ++round) { /* what is there is not brought again */
        pleat_warn("all ranks have met this");
        for (int i = 0; i < comm->rank; ++i) pleat_warn("rank %d: %d", comm->rank, i);
        OK(pleat_comm_gather_warnings(comm));
        const int all = 1 + comm->size * (comm->size - 1) / 2;
        assert_int_equal(pleat_warn_count(), comm->rank == 0 ? all : 1 + comm->rank);
    }
    for (int r = 1, n = 1; comm->rank == 0 && r < comm->size; ++r)
        for (int i = 0; i < r; ++i, ++n) {
            char want[32];
            (void)snprintf(want, sizeof want, "rank %d: %d", r, i);
            assert_string_equal(pleat_warn_text(n), want);
        }
    pleat_warn_forget();
    pleat_log_set_level(PLEAT_INFO);
}

static void a_barrier_holds_until_the_last_comes(void **state) {
    pleat_comm *comm = world(state);
    OK(pleat_comm_barrier(comm));
    const double start = pleat_now();
    if (comm->rank == comm->size - 1) (void)usleep(200000);
    OK(pleat_comm_barrier(comm));
    assert_true(pleat_now() - start > 0.15);
}

static void split_makes_groups_in_key_order(void **state) {
    pleat_comm *comm = world(state), *part = NULL;
    OK(pleat_comm_split(comm, comm->rank % 2, -comm->rank, &part)); /* even and odd, reversed */
    const int same = (comm->size + 1 - comm->rank % 2) / 2;
    assert_int_equal(part->size, same);
    assert_int_equal(part->rank, same - 1 - comm->rank / 2);
    double sum = comm->rank;
    OK(pleat_comm_allreduce_sum(part, &sum, 1, PLEAT_F64));
    OK(pleat_comm_wait(part));
    double expected = 0;
    for (int r = comm->rank % 2; r < comm->size; r += 2) expected += r;
    assert_true(sum == expected);
    pleat_comm_destroy(part);
    pleat_comm_destroy(NULL);
}

static void agreement_is_ok_only_when_all_are(void **state) {
    pleat_comm *comm = world(state);
    OK(pleat_comm_agree(comm, PLEAT_OK));
    for (int failing = 0; failing < comm->size; ++failing) {
        pleat_status mine = PLEAT_OK;
        if (comm->rank == failing) mine = PLEAT_FAIL(PLEAT_ERR_IO, "disk %d is full", failing);
        assert_int_equal(pleat_comm_agree(comm, mine), PLEAT_ERR_IO);
        char expected[128];
        (void)snprintf(expected, sizeof expected, "disk %d is full", failing);
        TOLD(expected);
        if (comm->rank == failing) {
            assert_string_equal(pleat_error_message(), expected);
        } else {
            (void)snprintf(expected, sizeof expected, "rank %d (host %s): ", failing,
                           ((pleat_session *)*state)->host);
            assert_int_equal(strncmp(pleat_error_message(), expected, strlen(expected)), 0);
        }
    }
    OK(pleat_comm_agree(comm, PLEAT_OK));
}

static void two_failures_keep_their_own_and_the_lowest_is_told(void **state) {
    pleat_comm *comm = world(state);
    if (comm->size < 3) skip();
    pleat_status mine = PLEAT_OK;
    if (comm->rank == 1) mine = PLEAT_FAIL(PLEAT_ERR_IO, "first");
    if (comm->rank == 2) mine = PLEAT_FAIL(PLEAT_ERR_DATA, "second");
    const pleat_status all = pleat_comm_agree(comm, mine);
    assert_int_equal(all, comm->rank == 2 ? PLEAT_ERR_DATA : PLEAT_ERR_IO);
    TOLD(comm->rank == 2 ? "second" : "first");
}

static void an_agreement_of_groups_names_the_origin_once(void **state) {
    pleat_comm *comm = world(state), *pair = NULL;
    if (comm->size < 4) skip();
    OK(pleat_comm_split(comm, comm->rank / 2, comm->rank, &pair));
    pleat_status status = PLEAT_OK;
    if (comm->rank == 3) status = PLEAT_FAIL(PLEAT_ERR_DATA, "bad case");
    status = pleat_comm_agree(pair, status);
    status = pleat_comm_agree(comm, status);
    assert_int_equal(status, PLEAT_ERR_DATA);
    char expected[128];
    (void)snprintf(expected, sizeof expected, "rank 3 (host %s): bad case",
                   ((pleat_session *)*state)->host);
    assert_string_equal(pleat_error_message(), comm->rank == 3 ? "bad case" : expected);
    pleat_comm_destroy(pair);
}

/* The last rank stays away for longer than the limit of a communicator of its own. */
static void a_rank_that_stays_away_is_named(void **state) {
    static pleat_comm *part = NULL; /* kept: MPI still holds its memory */
    pleat_comm *comm = world(state);
    if (comm->size < 2) skip();
    (void)setenv("PLEAT_COMM_TIMEOUT", "0.5", 1);
    OK(pleat_comm_split(comm, 0, comm->rank, &part));
    (void)unsetenv("PLEAT_COMM_TIMEOUT");
    const int last = comm->size - 1;
    if (comm->rank != last) {
        double x = 1.0;
        pleat_comm_note(part, "fold 1 epoch 2/3 step 4", 0.01);
        OK(pleat_comm_allreduce_sum(part, &x, 1, PLEAT_F64));
        assert_int_equal(pleat_comm_wait(part), PLEAT_ERR_PEER);
        char expected[160];
        (void)snprintf(expected, sizeof expected,
                       "fold 1 epoch 2/3 step 4: all-reduce: waited 0.5 s for rank %d (host %s);",
                       last, ((pleat_session *)*state)->host);
        assert_int_equal(strncmp(pleat_error_message(), expected, strlen(expected)), 0);
    }
    OK(pleat_comm_barrier(comm));
}

/* In training, so that a rank which hangs while it writes a checkpoint is found too. */
static void control_in_training_has_ten_times_the_limit(void **state) {
    static pleat_comm *part = NULL; /* as above */
    pleat_comm *comm = world(state);
    if (comm->size < 2) skip();
    (void)setenv("PLEAT_COMM_TIMEOUT", "0.05", 1);
    OK(pleat_comm_split(comm, 0, comm->rank, &part));
    (void)unsetenv("PLEAT_COMM_TIMEOUT");
    pleat_comm_note(part, "fold 0 epoch 1/2 validation, checkpoint", -1.0);
    if (comm->rank < comm->size - 1) {
        REFUSED(pleat_comm_agree(part, PLEAT_OK), PLEAT_ERR_PEER,
                "checkpoint: agreement: waited 0.5 s for");
    }
    OK(pleat_comm_barrier(comm));
}

/* The last rank works for longer than the limit of a training step before each of them. */
static void control_waits_for_a_rank_that_works(void **state) {
    pleat_comm *comm = world(state), *part = NULL;
    if (comm->size < 2) skip();
    (void)setenv("PLEAT_COMM_TIMEOUT", "0.1", 1);
    OK(pleat_comm_split(comm, 0, comm->rank, &part));
    (void)unsetenv("PLEAT_COMM_TIMEOUT");
    const int last = comm->size - 1;
    for (int operation = 0; operation < 4; ++operation) {
        int value = comm->rank;
        void *all = NULL;
        size_t total = 0;
        if (comm->rank == last) (void)usleep(300000);
        if (operation == 0) OK(pleat_comm_agree(part, PLEAT_OK));
        if (operation == 1) OK(pleat_comm_gather(part, &value, sizeof value, 0, &all, &total));
        if (operation == 2) OK(pleat_comm_broadcast_bytes(part, &value, sizeof value, last));
        if (operation == 3) OK(pleat_comm_barrier(part));
        if (operation == 2) assert_int_equal(value, last);
        free(all);
    }
    pleat_comm_destroy(part);
}

static void small_sums_are_quick(void **state) {
    pleat_comm *comm = world(state);
    double x = 1.0;
    const double start = pleat_now();
    for (int i = 0; i < 200; ++i) {
        x = 1.0;
        OK(pleat_comm_allreduce_sum(comm, &x, 1, PLEAT_F64));
        OK(pleat_comm_wait(comm));
    }
    if (comm->rank == 0) print_message("8-byte sum: %.1f us\n", (pleat_now() - start) * 5e3);
    assert_true(x == comm->size);
    assert_true(pleat_now() - start < 20.0);
}

int main(int argc, char **argv) {
    pleat_session *session = NULL;
    pleat_status status = pleat_session_start(&argc, &argv, &session);
    if (status != PLEAT_OK) return pleat_status_exit_code(pleat_session_end(NULL, status));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(session_knows_ranks_host_and_cores, session),
        cmocka_unit_test_prestate(a_sum_is_the_sum_in_pieces_and_in_flight, session),
        cmocka_unit_test_prestate(many_small_sums_queue_up, session),
        cmocka_unit_test_prestate(every_root_can_broadcast, session),
        cmocka_unit_test_prestate(gather_keeps_the_order_of_ranks, session),
        cmocka_unit_test_prestate(warnings_of_all_ranks_come_to_the_first_once_each, session),
        cmocka_unit_test_prestate(a_barrier_holds_until_the_last_comes, session),
        cmocka_unit_test_prestate(split_makes_groups_in_key_order, session),
        cmocka_unit_test_prestate(agreement_is_ok_only_when_all_are, session),
        cmocka_unit_test_prestate(two_failures_keep_their_own_and_the_lowest_is_told, session),
        cmocka_unit_test_prestate(an_agreement_of_groups_names_the_origin_once, session),
        cmocka_unit_test_prestate(a_rank_that_stays_away_is_named, session),
        cmocka_unit_test_prestate(control_in_training_has_ten_times_the_limit, session),
        cmocka_unit_test_prestate(control_waits_for_a_rank_that_works, session),
        cmocka_unit_test_prestate(small_sums_are_quick, session),
    };
    if (cmocka_run_group_tests(tests, NULL, NULL) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_DATA, "tests failed");
    return pleat_status_exit_code(pleat_session_end(session, status));
}
