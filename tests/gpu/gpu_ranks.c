/*
 * gpu_ranks.c - steps that two ranks share on GPUs of their own, by NCCL. mpiexec -n 2.
 *
 * Leaves with 77, which CTest calls skipped, where there is no module, or not a GPU for each rank.
 */
#include "../../src/net/net_impl.h"
#include "pleat/comm_device.h"
#include "pleat/device.h"
#include "pleat/log.h"
#include "pleat/session.h"
#include "pleat/volume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_net.h"

enum { BATCH = 1, CLASSES = 3, STEPS = 4, SKIPPED = 77 };

static const int dim[3] = {8, 8, 8};
static pleat_graph graph;      /* large */
static const pleat_loss *loss; /* NULL: the default */

typedef struct share { /* of one rank */
    pleat_engine *engine;
    pleat_comm *group, *compute;
    pleat_model *model;
    pleat_net *net;
    float *images;
    uint8_t *labels;
    double sums[BATCH * PLEAT_LOSS_SUMS(CLASSES)];
    int64_t step;
} share;

static pleat_status join(pleat_comm *group, pleat_engine *engine, double timeout_s,
                         pleat_comm **out) {
    char me[32];
    (void)snprintf(me, sizeof me, "rank %d (host here)", group->rank);
    return pleat_device_of(engine)->comm_create(group, engine, timeout_s, me, 0, out);
}

static share start(pleat_comm *group, double timeout_s) {
    const size_t n = BATCH * pleat_voxels(dim);
    share s = {.engine = net_engine("cudnn", PLEAT_PRECISION_AUTO), .group = group};
    OK(join(group, s.engine, timeout_s, &s.compute));
    s.model = net_model(&graph, s.engine, 1);
    const pleat_net_options options = {.batch = BATCH,
                                       .dim = {dim[0], dim[1], dim[2]},
                                       .train = 1,
                                       .loss = loss,
                                       .loss_comm = s.compute,
                                       .norm_comm = s.compute};
    OK(pleat_net_create(s.model, &options, &s.net));
    s.images = malloc(n * sizeof *s.images);
    s.labels = malloc(n);
    assert_non_null(s.images);
    assert_non_null(s.labels);
    return s;
}

static void finish(share *s) {
    pleat_net_destroy(s->net);
    pleat_model_destroy(s->model);
    pleat_comm_destroy(s->compute);
    pleat_engine_destroy(s->engine);
    free(s->images);
    free(s->labels);
}

/* Each rank has a patch of its own. */
static pleat_status one_step(share *s) {
    const uint64_t seed = (uint64_t)(10 * ++s->step + s->group->rank);
    net_batch(seed, BATCH * pleat_voxels(dim), CLASSES, s->images, s->labels);
    PLEAT_TRY(
        pleat_net_train(s->net, s->images, s->labels, BATCH * s->group->size, s->compute, s->sums));
    return pleat_model_update(s->model, NULL, 1e-2, s->step);
}

/* Parameters after some steps; caller frees. */
static float *learn(pleat_comm *group, const char *graphs, int *recorded) {
    (void)setenv("PLEAT_CUDA_GRAPH", graphs, 1);
    share s = start(group, 0);
    for (int step = 0; step < STEPS; step++) OK(one_step(&s));
    *recorded = s.net->recording != NULL;
    float *params = net_state(s.model, PLEAT_STATE_PARAMS);
    finish(&s);
    (void)unsetenv("PLEAT_CUDA_GRAPH");
    return params;
}

static void a_played_shared_step_teaches_the_bits_of_a_plain_one(void **state) {
    static const char *const names[] = {"tversky_crossentropy", "batch_dice_topk"};
    pleat_comm *world = ((pleat_session *)*state)->world;
    for (size_t i = 0; i < COUNT(names); i++) {
        int played = 0, plain = 0;
        for (int k = 0; pleat_losses[k] != NULL; k++)
            if (strcmp(pleat_losses[k]->name, names[i]) == 0) loss = pleat_losses[k];
        float *got = learn(world, "on", &played), *want = learn(world, "off", &plain);
        assert_int_equal(played, 1);
        assert_int_equal(plain, 0);
        assert_memory_equal(got, want, graph.params * sizeof *got);
        free(got);
        free(want);
    }
    loss = NULL;
}

/* Rank 1 records a step that rank 0 cannot. */
static void all_ranks_play_or_none_does(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    (void)setenv("PLEAT_CUDA_GRAPH", world->rank == 0 ? "off" : "on", 1);
    share s = start(world, 0);
    for (int step = 0; step < STEPS; step++) OK(one_step(&s));
    assert_null(s.net->recording);
    assert_int_equal(s.net->unrecordable, 1);
    finish(&s);
    (void)unsetenv("PLEAT_CUDA_GRAPH");
}

/* Rank 1 says that it will play, and never does; so rank 0 waits in the middle of a recording. */
static void a_lost_peer_ends_the_wait_for_a_played_step(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    share s = start(world, 6);
    for (int step = 0; step < 3; step++) OK(one_step(&s));
    assert_non_null(s.net->recording);
    if (world->rank == 1) {
        OK(pleat_comm_agree(world, PLEAT_OK));
    } else {
        REFUSED(one_step(&s), PLEAT_ERR_PEER, "did not finish in 6 s");
        TOLD("with rank 1 (host here)");
        REFUSED(pleat_comm_allreduce_sum(s.compute, s.net->loss_sums, 1, PLEAT_F64), PLEAT_ERR_COMM,
                "given up");
    }
    finish(&s);
    OK(pleat_comm_barrier(world));
}

static int can_run(pleat_session *session) {
    pleat_comm *compute = NULL;
    const char *why = net_engine_missing("cudnn");
    if (why != NULL) {
        (void)fprintf(stderr, "gpu_ranks: SKIPPED: %s\n", why);
        return 0;
    }
    pleat_engine *engine = net_engine("cudnn", PLEAT_PRECISION_AUTO);
    const pleat_status status = join(session->world, engine, 0, &compute);
    if (status != PLEAT_OK)
        (void)fprintf(stderr, "gpu_ranks: SKIPPED: %s\n", pleat_error_message());
    pleat_comm_destroy(compute);
    pleat_engine_destroy(engine);
    return status == PLEAT_OK;
}

int main(int argc, char **argv) {
    pleat_session *session = NULL;
    pleat_status status = pleat_session_start(&argc, &argv, &session);
    if (status != PLEAT_OK) return pleat_status_exit_code(pleat_session_end(NULL, status));
    const pleat_network network = {.depth = 1, .filters = 8, .classes = CLASSES, .norm = 1};
    pleat_log_set_level(PLEAT_DEBUG); /* why a step is not recorded */
    if (session->world->size < 2 || !can_run(session)) {
        (void)pleat_session_end(session, PLEAT_OK);
        return SKIPPED;
    }
    if (pleat_network_build(&network, &graph) != PLEAT_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_played_shared_step_teaches_the_bits_of_a_plain_one, session),
        cmocka_unit_test_prestate(all_ranks_play_or_none_does, session),
        cmocka_unit_test_prestate(a_lost_peer_ends_the_wait_for_a_played_step, session),
    };
    if (cmocka_run_group_tests(tests, NULL, NULL) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_DATA, "tests failed");
    pleat_graph_free(&graph);
    return pleat_status_exit_code(pleat_session_end(session, status));
}
