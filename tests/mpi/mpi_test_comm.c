/* mpi_test_comm.c - the communicator at any number of ranks; expectations are formulas of rank and
 * size. Run by mpiexec -n 1..4, and alone. */
#include "pleat/log.h"
#include "pleat/session.h"
#include "pleat/warn.h"
#include "support.h"

#include <math.h>
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

/* A rank adds values of many magnitudes, so that the order of adding shows. */
static float value_of(int rank, size_t i) {
    return (float)(1 + rank) * (float)(1 + i % 7) * (i % 3 == 0 ? 1e-7f : 1.3f);
}

/* Sums of odd sizes, of none and of both types, side by side; each is the sum in double within
 * rounding, and the same bits on all ranks. */
static void check_sums(pleat_comm *comm, int late) {
    static const size_t sizes[] = {0, 1, 3, 255, 256, 257, 0, 4099, 100003, 1048577, 17};
    enum { N = sizeof sizes / sizeof sizes[0], ROUNDS = 3 };
    float *x[N];
    double *y[N];
    for (int s = 0; s < N; ++s) {
        x[s] = malloc((sizes[s] + 1) * sizeof *x[s]);
        y[s] = malloc((sizes[s] + 1) * sizeof *y[s]);
        assert_non_null(x[s]);
        assert_non_null(y[s]);
    }
    for (int round = 0; round < ROUNDS; ++round) {
        for (int s = 0; s < N; ++s) {
            for (size_t i = 0; i <= sizes[s]; ++i) x[s][i] = value_of(comm->rank, i);
            for (size_t i = 0; i <= sizes[s]; ++i) y[s][i] = comm->rank + 0.5 * (double)(i % 11);
        }
        if (late == comm->rank) (void)usleep(30000);
        for (int s = 0; s < N; ++s) {
            OK(pleat_comm_allreduce_sum(comm, x[s], sizes[s], PLEAT_F32));
            OK(pleat_comm_allreduce_sum(comm, y[s], sizes[s], PLEAT_F64));
        }
        OK(pleat_comm_wait(comm));
        for (int s = 0; s < N; ++s) {
            for (size_t i = 0; i < sizes[s]; ++i) {
                double want = 0.0;
                for (int r = 0; r < comm->size; ++r) want += (double)value_of(r, i);
                if (fabs((double)x[s][i] - want) > 3e-7 * want)
                    fail_msg("value %zu of %zu is %.9g, not %.9g", i, sizes[s], (double)x[s][i],
                             want);
                want = comm->size * (comm->size - 1) * 0.5 + comm->size * 0.5 * (double)(i % 11);
                assert_true(y[s][i] == want);
            }
            assert_true(x[s][sizes[s]] == value_of(comm->rank, sizes[s])); /* not ours to touch */
            float *first = malloc((sizes[s] + 1) * sizeof *first);
            assert_non_null(first);
            memcpy(first, x[s], sizes[s] * sizeof *first);
            OK(pleat_comm_broadcast_bytes(comm, first, sizes[s] * sizeof *first, 0));
            assert_memory_equal(first, x[s], sizes[s] * sizeof *first);
            free(first);
        }
    }
    for (int s = 0; s < N; ++s) {
        free(x[s]);
        free(y[s]);
    }
}

/* Machines are simulated: 3 ranks of 2 a machine are one machine of two ranks and one of one. */
static void sums_are_right_however_many_machines(void **state) {
    pleat_comm *comm = world(state);
    static const char *const shared[] = {"", "0", "1", "2", "3"};
    for (size_t k = 0; k < sizeof shared / sizeof shared[0]; ++k) {
        pleat_comm *part = NULL;
        (void)setenv("PLEAT_COMM_SHARED", shared[k], 1);
        OK(pleat_comm_split(comm, 0, comm->rank, &part));
        check_sums(part, (int)k % comm->size);
        (void)unsetenv("PLEAT_COMM_SHARED");
        pleat_comm_destroy(part);
    }
}

/* In memory that ranks share values are added from the first rank to the last, whoever comes last,
 * so every time the bits are these. */
static void sums_of_a_machine_go_from_the_first_rank_to_the_last(void **state) {
    pleat_comm *comm = world(state);
    enum { N = 50001 };
    static float x[N];
    for (int late = 0; late < comm->size; ++late) {
        for (size_t i = 0; i < N; ++i) x[i] = value_of(comm->rank, i);
        if (late == comm->rank) (void)usleep(20000);
        OK(pleat_comm_allreduce_sum(comm, x, N, PLEAT_F32));
        OK(pleat_comm_wait(comm));
        for (size_t i = 0; i < N; ++i) {
            float want = value_of(0, i);
            for (int r = 1; r < comm->size; ++r) want += value_of(r, i);
            if (x[i] != want) fail_msg("value %zu is %.9g", i, (double)x[i]);
        }
    }
}

static void a_setting_that_is_no_number_is_refused(void **state) {
    pleat_comm *comm = world(state), *part = NULL;
    static float x[4096];
    if (comm->size < 2) skip();
    (void)setenv("PLEAT_COMM_SHARED", "many", 1);
    OK(pleat_comm_split(comm, 0, comm->rank, &part));
    REFUSED(pleat_comm_allreduce_sum(part, x, 4096, PLEAT_F32), PLEAT_ERR_ARG,
            "PLEAT_COMM_SHARED='many' is not a number");
    (void)unsetenv("PLEAT_COMM_SHARED");
    pleat_comm_destroy(part);
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

/* The last rank has come to the first sum and not to the second; both are larger than what ranks
 * hold in the memory they share. */
static void a_rank_that_is_lost_between_sums_is_named(void **state) {
    enum { N = 3 << 20 };
    static pleat_comm *part = NULL; /* as above */
    static float x[N];
    pleat_comm *comm = world(state);
    if (comm->size < 2) skip();
    (void)setenv("PLEAT_COMM_TIMEOUT", "2", 1);
    OK(pleat_comm_split(comm, 0, comm->rank, &part));
    (void)unsetenv("PLEAT_COMM_TIMEOUT");
    pleat_comm_note(part, "fold 1 epoch 2/3 step 5", 0.01);
    OK(pleat_comm_barrier(part));
    OK(pleat_comm_allreduce_sum(part, x, N, PLEAT_F32));
    OK(pleat_comm_wait(part));
    OK(pleat_comm_barrier(comm));
    if (comm->rank < comm->size - 1) {
        OK(pleat_comm_allreduce_sum(part, x, N, PLEAT_F32));
        char expected[160];
        (void)snprintf(expected, sizeof expected,
                       "fold 1 epoch 2/3 step 5: all-reduce: waited 2 s for rank %d (host %s);",
                       comm->size - 1, ((pleat_session *)*state)->host);
        REFUSED(pleat_comm_wait(part), PLEAT_ERR_PEER, expected);
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
        cmocka_unit_test_prestate(sums_are_right_however_many_machines, session),
        cmocka_unit_test_prestate(sums_of_a_machine_go_from_the_first_rank_to_the_last, session),
        cmocka_unit_test_prestate(a_setting_that_is_no_number_is_refused, session),
        cmocka_unit_test_prestate(every_root_can_broadcast, session),
        cmocka_unit_test_prestate(gather_keeps_the_order_of_ranks, session),
        cmocka_unit_test_prestate(warnings_of_all_ranks_come_to_the_first_once_each, session),
        cmocka_unit_test_prestate(a_barrier_holds_until_the_last_comes, session),
        cmocka_unit_test_prestate(split_makes_groups_in_key_order, session),
        cmocka_unit_test_prestate(agreement_is_ok_only_when_all_are, session),
        cmocka_unit_test_prestate(two_failures_keep_their_own_and_the_lowest_is_told, session),
        cmocka_unit_test_prestate(an_agreement_of_groups_names_the_origin_once, session),
        cmocka_unit_test_prestate(a_rank_that_stays_away_is_named, session),
        cmocka_unit_test_prestate(a_rank_that_is_lost_between_sums_is_named, session),
        cmocka_unit_test_prestate(control_in_training_has_ten_times_the_limit, session),
        cmocka_unit_test_prestate(control_waits_for_a_rank_that_works, session),
        cmocka_unit_test_prestate(small_sums_are_quick, session),
    };
    if (cmocka_run_group_tests(tests, NULL, NULL) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_DATA, "tests failed");
    return pleat_status_exit_code(pleat_session_end(session, status));
}
