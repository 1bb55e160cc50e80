/* mpi_test_ending.c - a job that ends in the way its first argument says, well without one;
 * mpi_failures.sh looks on. */
#include "pleat/log.h"
#include "pleat/session.h"

#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What ranks do that have not failed: they wait for all others. */
static pleat_status join_all(pleat_session *session) {
    double x = 1.0;
    PLEAT_TRY(pleat_comm_allreduce_sum(session->world, &x, 1, PLEAT_F64));
    return pleat_comm_wait(session->world);
}

static pleat_status well(pleat_session *session) {
    PLEAT_TRY(pleat_session_check_launch(session));
    return join_all(session);
}

/* What does no harm when every process of a launch does it. */
static pleat_status small(pleat_session *session) {
    (void)session;
    return PLEAT_OK;
}

static pleat_status late(pleat_session *session) {
    if (session->rank == 0) (void)sleep(3); /* has work; the others have none and wait in the end */
    return PLEAT_OK;
}

static pleat_status threads(pleat_session *session) {
    const char *told = getenv("OMP_NUM_THREADS");
    const int wanted = told != NULL ? (int)strtol(told, NULL, 10) : session->threads;
    PLEAT_CHECK(omp_get_max_threads() == wanted, PLEAT_ERR_DATA, "OpenMP has %d threads, not %d",
                omp_get_max_threads(), wanted);
    return PLEAT_OK;
}

/* More than a machine's shared memory holds at a time. */
static pleat_status large(pleat_session *session) {
    enum { N = 2 << 20 };
    static float x[N];
    for (int i = 0; i < N; ++i) x[i] = (float)(session->rank + i % 5);
    PLEAT_TRY(pleat_comm_allreduce_sum(session->world, x, N, PLEAT_F32));
    PLEAT_TRY(pleat_comm_wait(session->world));
    const int n = session->size, ranks = n * (n - 1) / 2;
    for (int i = 0; i < N; ++i)
        PLEAT_CHECK(x[i] == (float)(ranks + n * (i % 5)), PLEAT_ERR_DATA,
                    "value %d of the sum is %g", i, (double)x[i]);
    return PLEAT_OK;
}

static pleat_status together(pleat_session *session) {
    pleat_status status = PLEAT_OK;
    if (session->rank == session->size - 1)
        status = PLEAT_FAIL(PLEAT_ERR_DATA, "case_007 has no mask");
    return pleat_comm_agree(session->world, status);
}

static pleat_status alike(pleat_session *session) {
    (void)session;
    return PLEAT_FAIL(PLEAT_ERR_ARG, "unknown key 'epoch'");
}

static pleat_status alone(pleat_session *session) {
    PLEAT_CHECK(session->rank != session->size - 1, PLEAT_ERR_DATA, "case_007 has no mask");
    return join_all(session);
}

static pleat_status several(pleat_session *session) {
    PLEAT_CHECK(session->rank == 0, PLEAT_ERR_NUMERIC, "the loss is not finite");
    return join_all(session);
}

static pleat_status busy(pleat_session *session) {
    PLEAT_CHECK(session->rank != 0, PLEAT_ERR_IO, "the disk is full");
    (void)sleep(60); /* computes, and looks at nothing */
    return PLEAT_OK;
}

static pleat_status inside(pleat_session *session) {
    if (session->rank == session->size - 1)
        pleat_session_fail(session, PLEAT_FAIL(PLEAT_ERR_ENGINE, "the device is lost"));
    return join_all(session);
}

static pleat_status killed(pleat_session *session) {
    if (session->rank == session->size - 1) (void)raise(SIGKILL);
    return join_all(session);
}

static pleat_status stopped(pleat_session *session) {
    if (session->rank == session->size - 1) (void)sleep(60);
    return join_all(session);
}

static pleat_status requeue(pleat_session *session) {
    return pleat_comm_agree(session->world, PLEAT_FAIL(PLEAT_ERR_REQUEUE, "fold 1, epoch 7"));
}

static const struct {
    const char *name;
    pleat_status (*work)(pleat_session *session);
} endings[] = {{"well", well},       {"small", small},    {"late", late},
               {"threads", threads}, {"large", large},    {"together", together},
               {"alike", alike},     {"alone", alone},    {"several", several},
               {"busy", busy},       {"inside", inside},  {"killed", killed},
               {"stopped", stopped}, {"requeue", requeue}};

static pleat_status choose(const char *name, pleat_session *session) {
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; ++i)
        if (strcmp(name, endings[i].name) == 0) return endings[i].work(session);
    return PLEAT_FAIL(PLEAT_ERR_ARG, "no ending '%s'", name);
}

int main(int argc, char **argv) {
    pleat_session *session = NULL;
    pleat_status status = pleat_session_start(&argc, &argv, &session);
    if (status == PLEAT_OK) status = choose(argc > 1 ? argv[1] : "well", session);
    return pleat_status_exit_code(pleat_session_end(session, status));
}
