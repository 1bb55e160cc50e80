/* mpi_test_net.c - a batch shared by ranks trains as on one. mpiexec -n 1..4. */
#include "pleat/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support_net.h"

enum { GLOBAL = 12, CLASSES = 3, V = 4 * 4 * 4 };

static const int dim[3] = {4, 4, 4};

static pleat_graph graph;       /* large */
static const pleat_loss *loss;  /* NULL: the default */
static const uint32_t *regions; /* of pleat_net_options, as is */
static int ignored;

typedef struct trial { /* `batch` samples from `first` on, of the same 12 on every rank */
    pleat_engine *engine;
    pleat_model *model;
    pleat_net *net;
    pleat_comm *group;
    float images[GLOBAL * V];
    uint8_t labels[GLOBAL * V];
    double sums[2 * GLOBAL * PLEAT_LOSS_SUMS(CLASSES)]; /* two heads at most */
    int first;
} trial;

static trial *start(const char *engine, pleat_comm *group, int norm_sync) {
    trial *t = calloc(1, sizeof *t);
    assert_non_null(t);
    const int batch = group == NULL ? GLOBAL : GLOBAL / group->size;
    t->engine = net_engine(engine, PLEAT_PRECISION_F32);
    t->model = net_model(&graph, t->engine, 1);
    const pleat_net_options options = {.batch = batch,
                                       .dim = {dim[0], dim[1], dim[2]},
                                       .train = 1,
                                       .loss = loss,
                                       .loss_comm = group,
                                       .regions = regions,
                                       .ignored = ignored,
                                       .norm_comm = norm_sync ? group : NULL};
    OK(pleat_net_create(t->model, &options, &t->net));
    t->group = group;
    t->first = group == NULL ? 0 : group->rank * batch;
    net_batch(11, GLOBAL * V, CLASSES, t->images, t->labels);
    return t;
}

static void train(trial *t) {
    const size_t at = (size_t)t->first * V;
    OK(pleat_net_train(t->net, t->images + at, t->labels + at, GLOBAL, t->group, t->sums));
}

static void finish(trial *t) {
    pleat_net_destroy(t->net);
    pleat_model_destroy(t->model);
    pleat_engine_destroy(t->engine);
    free(t);
}

/* nnU-Net's: instance norm, several heads; a loss that looks at the batch as a whole. */
static void make_plainconv(const char *name) {
    pleat_network network;
    OK(pleat_network_parse("plainconv depth=2 filters=5 classes=3 strides=222,221", &network));
    network.classes = CLASSES;
    net_graph(&graph, &network);
    for (int i = 0; pleat_losses[i] != NULL; i++)
        if (strcmp(pleat_losses[i]->name, name) == 0) loss = pleat_losses[i];
    assert_non_null(loss);
}

static void make_unet(int filters, int norm) {
    const pleat_network c = {.depth = 2, .filters = filters, .classes = CLASSES, .norm = norm};
    net_graph(&graph, &c);
}

/* The ranks' gradients, sums and running statistics against those of one that has the whole batch.
 * Returns the gradients' normalised mean squared error. */
static double compare(pleat_comm *group, const char *engine, int norm_sync) {
    trial *part = start(engine, group, norm_sync), *whole = start(engine, NULL, 0);
    train(part);
    train(whole);
    float *got = net_state(part->model, PLEAT_STATE_GRADS),
          *want = net_state(whole->model, PLEAT_STATE_GRADS);
    const double error = net_nmse(got, want, graph.params);
    const size_t each = pleat_net_sample_sums(part->net);
    const double *sums = whole->sums + (size_t)part->first * each;
    for (size_t i = 0; norm_sync && i < pleat_net_sums(part->net); i++)
        if (fabs(part->sums[i] / sums[i] - 1) > 1e-5)
            fail_msg("sum %zu is %g, not %g", i, part->sums[i], sums[i]);
    free(got);
    free(want);
    got = net_state(part->model, PLEAT_STATE_STATS);
    want = net_state(whole->model, PLEAT_STATE_STATS);
    if (norm_sync && graph.stats > 0) assert_true(net_nmse(got, want, graph.stats) < 1e-12);
    free(got);
    free(want);
    finish(part);
    finish(whole);
    return error;
}

static void shared_gradients_are_those_of_the_whole_batch(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    for (int norm = 0; norm < 2; norm++) {
        make_unet(3, norm);
        assert_true(compare(world, "ref64", 1) < 1e-13);
        assert_true(compare(world, "ref", 1) < 1e-10);
        assert_true(compare(world, "auto", 1) < 1e-10);
    }
}

static void each_ranks_own_statistics_give_another_gradient(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    make_unet(3, 1);
    const double error = compare(world, "ref64", 0);
    if (world->size == 1)
        assert_true(error == 0);
    else
        assert_true(error > 1e-6);
}

/* More than one bucket of a million goes over while backward still runs. */
static void gradients_in_several_buckets_all_arrive(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    make_unet(32, 1);
    assert_true(graph.params > (size_t)1 << 20);
    assert_true(compare(world, "auto", 1) < 1e-9);
}

static void ranks_keep_the_same_weights(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    make_unet(3, 1);
    trial *t = start("auto", world, 1);
    for (int step = 1; step <= 5; step++) {
        train(t);
        OK(pleat_model_update(t->model, NULL, 1e-2, step));
    }
    for (pleat_state s = PLEAT_STATE_PARAMS; s <= PLEAT_STATE_STATS; s++) {
        const size_t bytes = pleat_model_count(t->model, s) * sizeof(float);
        float *mine = net_state(t->model, s), *first = net_state(t->model, s);
        OK(pleat_comm_broadcast_bytes(world, first, bytes, 0));
        assert_memory_equal(mine, first, bytes);
        free(mine);
        free(first);
    }
    finish(t);
}

/* --- ordered nets ----------------------------------------------------------------------------- */

/* Three steps by `group`, or with the whole batch by this rank alone. */
static void train_ordered(trial *t, const char *engine, pleat_precision precision, int threads,
                          pleat_comm *group) {
    const pleat_engine_options machine = {.engine = engine,
                                          .precision = precision,
                                          .threads = threads,
                                          .device = -1,
                                          .deterministic = 1};
    const int batch = group == NULL ? GLOBAL : GLOBAL / group->size;
    const pleat_net_options options = {.batch = batch,
                                       .dim = {dim[0], dim[1], dim[2]},
                                       .train = 1,
                                       .loss = loss,
                                       .loss_comm = group,
                                       .regions = regions,
                                       .ignored = ignored,
                                       .norm_comm = group,
                                       .ordered = 1};
    t->group = group;
    t->first = group == NULL ? 0 : group->rank * batch;
    OK(pleat_engine_create(&machine, &t->engine));
    t->model = net_model(&graph, t->engine, 1);
    OK(pleat_net_create(t->model, &options, &t->net));
    net_batch(11, GLOBAL * V, CLASSES, t->images, t->labels);
    for (int step = 1; step <= 3; step++) {
        train(t);
        OK(pleat_model_update(t->model, NULL, 1e-2, step));
    }
}

static void check_bits(pleat_comm *world, const char *engine, pleat_precision precision) {
    trial *part = calloc(1, sizeof *part), *whole = calloc(1, sizeof *whole);
    train_ordered(part, engine, precision, 1, world);
    train_ordered(whole, engine, precision, 2, NULL);
    for (pleat_state s = PLEAT_STATE_PARAMS; s < PLEAT_STATES; s++) {
        float *got = net_state(part->model, s), *want = net_state(whole->model, s);
        if (memcmp(got, want, pleat_model_count(part->model, s) * sizeof *got) != 0)
            fail_msg("%s %s on %d ranks: buffer %d has other bits than on one", engine,
                     pleat_precision_name(precision), world->size, (int)s);
        free(got);
        free(want);
    }
    assert_memory_equal(part->sums,
                        whole->sums + (size_t)part->first * pleat_net_sample_sums(part->net),
                        pleat_net_sums(part->net) * sizeof(double));
    finish(part);
    finish(whole);
}

static void an_ordered_net_has_the_bits_of_one_rank(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    for (int norm = 0; norm < 2; norm++) {
        make_unet(5, norm);
        check_bits(world, "ref", PLEAT_PRECISION_F32);
        check_bits(world, "auto", PLEAT_PRECISION_F32);
        check_bits(world, "auto", PLEAT_PRECISION_BF16);
    }
    make_unet(32, 1); /* several buckets */
    check_bits(world, "auto", PLEAT_PRECISION_F32);
}

static void a_loss_of_the_batch_is_over_all_ranks(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    static const char *const names[] = {"batch_dice_ce", "topk_crossentropy", "dice_topk",
                                        "batch_dice_topk"};
    for (size_t i = 0; i < COUNT(names); i++) {
        make_plainconv(names[i]);
        assert_true(compare(world, "ref64", 1) < 1e-13);
        assert_true(compare(world, "auto", 1) < 1e-8);
        check_bits(world, "ref", PLEAT_PRECISION_F32);
        check_bits(world, "auto", PLEAT_PRECISION_F32);
        check_bits(world, "auto", PLEAT_PRECISION_BF16);
    }
    loss = NULL;
}

/* How many voxels count is another number on each rank. */
static void what_is_ignored_is_so_over_all_ranks(void **state) {
    static const uint32_t in[256] = {0, 1, 3};
    static const struct {
        const char *loss;
        int ignored;
        const uint32_t *regions;
    } rows[] = {{"dice_ce", 1, NULL},
                {"dice_bce", 0, in},
                {"batch_dice_bce", 1, in},
                {"topk_crossentropy", 1, NULL},
                {"batch_dice_topk", 1, NULL}};
    pleat_comm *world = ((pleat_session *)*state)->world;
    for (size_t i = 0; i < COUNT(rows); i++) {
        make_plainconv(rows[i].loss);
        ignored = rows[i].ignored;
        regions = rows[i].regions;
        assert_true(compare(world, "ref64", 1) < 1e-13);
        check_bits(world, "auto", PLEAT_PRECISION_F32);
    }
    loss = NULL;
    ignored = 0;
    regions = NULL;
}

static void an_ordered_net_is_trained_by_its_group_alone(void **state) {
    pleat_comm *world = ((pleat_session *)*state)->world;
    make_unet(3, 1);
    trial *t = calloc(1, sizeof *t);
    train_ordered(t, "ref", PLEAT_PRECISION_F32, 1, NULL);
    t->group = world;
    if (world->size > 1)
        REFUSED(pleat_net_train(t->net, t->images, t->labels, GLOBAL, world, t->sums),
                PLEAT_ERR_ARG, "the group it was made for");
    finish(t);
}

int main(int argc, char **argv) {
    pleat_session *session = NULL;
    pleat_status status = pleat_session_start(&argc, &argv, &session);
    if (status != PLEAT_OK) return pleat_status_exit_code(pleat_session_end(NULL, status));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(shared_gradients_are_those_of_the_whole_batch, session),
        cmocka_unit_test_prestate(each_ranks_own_statistics_give_another_gradient, session),
        cmocka_unit_test_prestate(gradients_in_several_buckets_all_arrive, session),
        cmocka_unit_test_prestate(ranks_keep_the_same_weights, session),
        cmocka_unit_test_prestate(a_loss_of_the_batch_is_over_all_ranks, session),
        cmocka_unit_test_prestate(what_is_ignored_is_so_over_all_ranks, session),
        cmocka_unit_test_prestate(an_ordered_net_has_the_bits_of_one_rank, session),
        cmocka_unit_test_prestate(an_ordered_net_is_trained_by_its_group_alone, session),
    };
    if (cmocka_run_group_tests(tests, NULL, NULL) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_DATA, "tests failed");
    return pleat_status_exit_code(pleat_session_end(session, status));
}
