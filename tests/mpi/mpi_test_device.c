/* mpi_test_device.c - sums that a device makes behind the host's back: they are ordered before they
 * are used, and waited for before the host waits for the engine. mpiexec -n 1..4. */
#include "pleat/comm_device.h"
#include "pleat/device.h"
#include "pleat/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_net.h"

enum { GLOBAL = 12, CLASSES = 2, V = 4 * 4 * 4, MOST = 64 };

/* A communicator that sums when it is told to order, and not before. */
typedef struct late_comm {
    pleat_comm base;
    pleat_comm *control;
    struct {
        void *data;
        size_t n;
        pleat_dtype type;
    } asked[MOST];
    int n;       /* asked for, not yet ordered */
    int unknown; /* the host does not know whether they came */
    int share;   /* as comm_create was told */
} late_comm;

static late_comm late; /* the device's table has no context */

static pleat_status late_allreduce(pleat_comm *comm, void *data, size_t n, pleat_dtype type) {
    (void)comm;
    assert_true(late.n < MOST);
    late.asked[late.n].data = data;
    late.asked[late.n].n = n;
    late.asked[late.n++].type = type;
    late.unknown = 1;
    return PLEAT_OK;
}

static pleat_status late_order(pleat_comm *comm) {
    (void)comm;
    for (int i = 0; i < late.n; i++)
        PLEAT_TRY(pleat_comm_allreduce_sum(late.control, late.asked[i].data, late.asked[i].n,
                                           late.asked[i].type));
    late.n = 0;
    return pleat_comm_wait(late.control);
}

static pleat_status late_wait(pleat_comm *comm) {
    PLEAT_TRY(late_order(comm));
    late.unknown = 0;
    return PLEAT_OK;
}

static void late_destroy(pleat_comm *comm) { (void)comm; }

static const pleat_comm_ops late_ops = {
    .name = "late",
    .device_memory = 1,
    .destroy = late_destroy,
    .allreduce_sum = late_allreduce,
    .order = late_order,
    .wait = late_wait,
};

static pleat_status create(pleat_comm *control, pleat_engine *engine, double timeout_s,
                           const char *me, int share, pleat_comm **out) {
    (void)engine;
    char who[32];
    (void)snprintf(who, sizeof who, "rank %d (host ", control->rank);
    assert_true(timeout_s >= 0);
    assert_int_equal(strncmp(me, who, strlen(who)), 0);
    late = (late_comm){.base = {.ops = &late_ops, .rank = control->rank, .size = control->size},
                       .control = control,
                       .share = share};
    *out = &late.base;
    return PLEAT_OK;
}

static const pleat_device_ops device = {.comm_create = create};

/* An engine whose waits know whether the host has waited for the group before. */
static const pleat_engine_ops *real;

static pleat_status download(pleat_engine *engine, void *host, const void *from, size_t bytes) {
    assert_int_equal(late.unknown, 0);
    return real->download(engine, host, from, bytes);
}
static pleat_status synchronize(pleat_engine *engine) {
    assert_int_equal(late.unknown, 0);
    return real->synchronize(engine);
}

static pleat_graph graph;

/* Gradients of this rank's share of the batch, summed by `group`; caller frees. */
static float *gradients(pleat_engine *engine, pleat_comm *group, int share) {
    static float images[GLOBAL * V];
    static uint8_t labels[GLOBAL * V];
    const int dim[3] = {4, 4, 4}, batch = GLOBAL / group->size;
    const size_t at = (size_t)(group->rank * batch) * V;
    double sums[GLOBAL * PLEAT_LOSS_SUMS(CLASSES)];
    pleat_comm *compute = NULL;
    OK(pleat_comm_device(group, engine, share, &compute));
    pleat_model *model = net_model(&graph, engine, 1);
    pleat_comm *used = compute != NULL ? compute : group;
    pleat_net *net = net_compile(model, batch, dim, 1, used);
    net_batch(11, GLOBAL * V, CLASSES, images, labels);
    for (int step = 0; step < 2; step++)
        OK(pleat_net_train(net, images + at, labels + at, GLOBAL, used, sums));
    float *out = malloc(graph.params * sizeof *out);
    assert_non_null(out);
    OK(pleat_model_get(model, PLEAT_STATE_GRADS, out));
    pleat_net_destroy(net);
    pleat_model_destroy(model);
    pleat_comm_destroy(compute);
    return out;
}

static void sums_of_a_device_are_ordered_and_waited_for(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    const pleat_network c = {.depth = 1, .filters = 3, .classes = CLASSES, .norm = 1};
    net_graph(&graph, &c);
    pleat_engine *engine = net_engine("ref", PLEAT_PRECISION_F32);
    float *want = gradients(engine, world, 0);
    pleat_engine_ops watched = *engine->ops;
    real = engine->ops;
    watched.download = download;
    watched.synchronize = synchronize;
    watched.device = &device;
    engine->ops = &watched;
    late = (late_comm){0};
    float *got = gradients(engine, world, 1);
    assert_int_equal(late.share, world->size > 1);
    assert_memory_equal(got, want, graph.params * sizeof *got);
    engine->ops = real;
    free(got);
    free(want);
    pleat_engine_destroy(engine);
}

static void ranks_that_compute_differently_are_refused(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world, *compute = NULL;
    pleat_engine *engine = net_engine(world->rank == 0 ? "ref" : "ref64", PLEAT_PRECISION_F32);
    const pleat_status status = pleat_comm_device(world, engine, 0, &compute);
    if (world->size == 1) {
        OK(status);
    } else {
        REFUSED(status, PLEAT_ERR_UNSUPPORTED, "by ref64");
    }
    assert_null(compute);
    pleat_engine_destroy(engine);
}

int main(int argc, char **argv) {
    pleat_session *session = NULL;
    pleat_status status = pleat_session_start(&argc, &argv, &session);
    if (status != PLEAT_OK) return pleat_status_exit_code(pleat_session_end(NULL, status));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(sums_of_a_device_are_ordered_and_waited_for, session),
        cmocka_unit_test_prestate(ranks_that_compute_differently_are_refused, session),
    };
    if (cmocka_run_group_tests(tests, NULL, NULL) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_DATA, "tests failed");
    return pleat_status_exit_code(pleat_session_end(session, status));
}
