/* test_shapes.c - networks that are no plain U-Nets: nodes that several read, sums, several heads,
 * flat and strided kernels, several channels. Their gradients are slopes. */
#include "support_trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = TRIAL_BATCH, CLASSES = 3, V = 4 * 4 * 8 }; /* voxels of a patch */

static const int small[3] = {4, 4, 8};

static pleat_graph graph;

static int conv(int x, int channels, int relu, const char *name) {
    return pleat_graph_conv(&graph, x, channels, &(pleat_conv_shape){.relu = relu}, name);
}
static int join(int a, int b, const char *name) {
    const int both[2] = {a, b};
    return pleat_graph_concat(&graph, both, 2, name);
}
static int pool(int x, const char *name) { return pleat_graph_pool(&graph, x, NULL, name); }
static int up(int x, int channels, const char *name) {
    return pleat_graph_up(&graph, x, channels, NULL, name);
}

/* What a U-Net has not: the input pooled and joined, a convolution without ReLU as a concat's first
 * half, a concat of a concat. */
static int with_the_input_joined(int in) {
    int low = conv(pool(in, "pool"), 2, 1, "low");
    low = pleat_graph_norm(&graph, low, "low.norm");
    int x = conv(pool(low, "pool2"), 3, 1, "mid");
    x = join(low, up(x, 2, "up1"), "join1");
    x = join(up(x, 3, "up0"), in, "join0");
    return join(conv(in, 2, 0, "side"), x, "join");
}

/* Ways to read a node more than once: a gradient of several parts. */
static int read_by_pool_and_conv(int fork) {
    const int low = pool(fork, "pool"), side = conv(fork, 2, 1, "conv");
    return join(up(low, 2, "up"), side, "join");
}
static int read_by_two_convs(int fork) {
    return join(conv(fork, 2, 1, "a"), conv(fork, 2, 1, "b"), "join");
}
static int read_by_two_pools(int fork) {
    return up(join(pool(fork, "a"), pool(fork, "b"), "join"), 2, "up");
}
static int read_by_concat_before_pool(int fork) {
    const int joined = join(fork, 0, "join0"), low = pool(fork, "pool");
    return join(up(low, 2, "up"), joined, "join1");
}
static int read_twice_by_a_concat(int fork) { return join(fork, fork, "join"); }
static int read_by_norm_and_conv(int fork) { /* ReLU's backward is the convolution's own */
    const int normed = pleat_graph_norm(&graph, fork, "norm");
    return pleat_graph_sum(&graph, normed, conv(fork, 2, 1, "side"), "sum");
}
static int read_by_two_norms(int fork) {
    const int a = pleat_graph_norm(&graph, fork, "a"), b = pleat_graph_norm(&graph, fork, "b");
    return pleat_graph_sum(&graph, a, b, "sum");
}
static int added_to_itself(int fork) { return pleat_graph_sum(&graph, fork, fork, "sum"); }
static int added_and_read_again(int fork) { /* a sum may not be made over what others read */
    const int normed = pleat_graph_norm(&graph, fork, "norm");
    const int sum = pleat_graph_sum(&graph, normed, conv(fork, 2, 0, "side"), "sum");
    const int low = up(pool(normed, "pool"), 2, "up");
    return join(sum, low, "join");
}
static int joined_and_read_later(int fork) { /* a concat that is not the last to read */
    const int normed = pleat_graph_norm(&graph, fork, "norm");
    const int joined = join(normed, conv(fork, 1, 0, "side"), "join0");
    const int narrow = conv(joined, 2, 1, "narrow");
    return join(narrow, conv(normed, 1, 0, "late"), "join1");
}
static int joined_by_four(int fork) {
    const int parts[4] = {conv(fork, 1, 1, "a"), pleat_graph_norm(&graph, fork, "b"), fork,
                          conv(fork, 3, 0, "d")};
    return pleat_graph_concat(&graph, parts, 4, "join");
}
static int through_other_kernels(int fork) { /* anisotropic, strided, without bias */
    const pleat_conv_shape flat = {.kernel = {1, 3, 3}, .stride = {1, 2, 2}, .relu = 1};
    const pleat_conv_shape one = {.kernel = {1, 1, 1}, .no_bias = 1};
    const pleat_conv_shape late = {.stride = {2, 1, 2}, .late = 1};
    static const int flat_up[3] = {1, 2, 2}, uneven[3] = {2, 1, 2};
    int x = pleat_graph_conv(&graph, fork, 3, &flat, "flat");
    x = pleat_graph_conv(&graph, x, 2, &one, "one");
    x = pleat_graph_up(&graph, x, 2, flat_up, "flat.up");
    int y = pleat_graph_conv(&graph, fork, 2, &late, "late");
    y = pleat_graph_up(&graph, y, 2, uneven, "late.up");
    int z = pleat_graph_pool(&graph, fork, flat_up, "flat.pool");
    z = pleat_graph_up(&graph, z, 1, flat_up, "pool.up");
    return join(pleat_graph_sum(&graph, x, y, "sum"), z, "join");
}
static int with_a_second_head(int fork) { /* of half the size: deep supervision */
    const int low = conv(pool(fork, "pool"), 2, 1, "low");
    (void)pleat_graph_head(&graph, low, CLASSES, 0.25, "coarse");
    return join(fork, up(low, 2, "up"), "join");
}

static int normed_by_the_sample(int fork) { /* read by a concat, which holds it, and by a pool */
    const int a = pleat_graph_instance(&graph, conv(fork, 3, 0, "a"), 0.01, 0, "a.norm");
    const int b = pleat_graph_instance(&graph, fork, 1, 0, "b.norm");
    return join(a, up(pool(join(a, b, "join0"), "pool"), 2, "up"), "join1");
}
static int activated_and_read_again(int fork) {
    const int a = pleat_graph_activation(&graph, conv(fork, 2, 0, "a"), 0, 0.1, "leaky");
    const int b = pleat_graph_activation(&graph, a, 1, 0, "sigmoid");
    return join(pleat_graph_sum(&graph, a, b, "sum"), fork, "join");
}
static int meaned_by_axis(int fork) { /* twice, so that one adds to the other's gradient */
    static const int flat[3] = {1, 2, 2};
    const int a = up(pleat_graph_mean(&graph, fork, NULL, "a"), 2, "a.up");
    const int b = pleat_graph_mean(&graph, fork, flat, "b");
    return join(a, pleat_graph_up(&graph, b, 1, flat, "b.up"), "join");
}
static int gated_by_a_coarser_one(int fork) {
    static const int flat[3] = {1, 2, 2};
    const int low = conv(pleat_graph_mean(&graph, fork, flat, "low"), 1, 0, "psi");
    const int gate = pleat_graph_activation(&graph, low, 1, 0, "sigmoid");
    const int a = pleat_graph_gate(&graph, fork, gate, "a");
    const int b = pleat_graph_gate(&graph, a, conv(fork, 1, 0, "own"), "b");
    return join(b, up(pool(b, "pool"), 1, "up"), "join");
}

static int normed_without_gamma(int fork) {
    const int a = pleat_graph_norm_without_gamma(&graph, conv(fork, 2, 0, "a"), "a.norm");
    const int b = pleat_graph_activation(&graph, a, 0, 0, "relu");
    return join(pleat_graph_norm_without_gamma(&graph, fork, "b"), b, "join");
}
static int with_logits_made_before(int fork) { /* a second head without weights */
    const int low = conv(pool(fork, "pool"), CLASSES, 0, "low");
    (void)pleat_graph_logits(&graph, low, 0.5, "coarse");
    return join(fork, up(low, 2, "up"), "join");
}

static void start_fork(int (*read)(int fork)) {
    pleat_graph_free(&graph);
    const int fork = conv(pleat_graph_input(&graph, 1), 2, 1, "fork");
    (void)pleat_graph_head(&graph, read(fork), CLASSES, 1, "head");
    OK(pleat_graph_finish(&graph));
}

static int (*const shapes[])(int) = {read_by_pool_and_conv,    read_by_two_convs,
                                     read_by_two_pools,        read_by_concat_before_pool,
                                     read_twice_by_a_concat,   read_by_norm_and_conv,
                                     read_by_two_norms,        added_to_itself,
                                     added_and_read_again,     joined_and_read_later,
                                     joined_by_four,           through_other_kernels,
                                     with_a_second_head,       normed_by_the_sample,
                                     activated_and_read_again, meaned_by_axis,
                                     gated_by_a_coarser_one,   normed_without_gamma,
                                     with_logits_made_before};

static net_trial start(void) {
    return net_trial_start(&graph, "ref", PLEAT_PRECISION_AUTO, small, NULL);
}

static void gradients_of_a_network_that_reads_its_input_twice_are_slopes(void **state) {
    (void)state;
    pleat_graph_free(&graph);
    const int x = with_the_input_joined(pleat_graph_input(&graph, 1));
    (void)pleat_graph_head(&graph, x, CLASSES, 1, "head");
    OK(pleat_graph_finish(&graph));
    net_gradients_are_slopes(&graph, small, NULL);
}

static void gradients_of_nodes_that_several_read_are_slopes(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        start_fork(shapes[i]);
        net_gradients_are_slopes(&graph, small, NULL);
    }
}

static void networks_of_any_shape_predict_as_they_train(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        start_fork(shapes[i]);
        net_trial t = start();
        (void)net_trial_train(&t);
        pleat_net *infer = net_compile(t.model, BATCH, small, 0, NULL);
        float *probs = malloc(t.voxels * CLASSES * sizeof *probs);
        OK(pleat_net_predict(t.net, t.images, t.probs));
        OK(pleat_net_predict(infer, t.images, probs));
        assert_memory_equal(t.probs, probs, t.voxels * CLASSES * sizeof *probs);
        free(probs);
        pleat_net_destroy(infer);
        net_trial_finish(&t);
    }
}

/* The main head's loss by its own sums, and a quarter of the coarse one's against every second
 * voxel's label. */
static void the_loss_is_the_weighted_sum_of_all_heads(void **state) {
    (void)state;
    double metrics[PLEAT_MOST_METRICS], fine[PLEAT_MOST_METRICS], coarse[PLEAT_MOST_METRICS];
    start_fork(with_a_second_head);
    net_trial t = start();
    (void)net_trial_train(&t);
    const size_t width = PLEAT_LOSS_SUMS(CLASSES);
    assert_int_equal(pleat_net_sample_sums(t.net), 2 * width);
    double sums[2][BATCH * PLEAT_LOSS_SUMS(CLASSES)]; /* by head */
    for (size_t b = 0; b < BATCH; b++)
        for (size_t h = 0; h < 2; h++)
            memcpy(&sums[h][b * width], t.sums + (2 * b + h) * width, width * sizeof(double));
    pleat_losses[0]->values(sums[0], BATCH, V, CLASSES, fine);
    pleat_losses[0]->values(sums[1], BATCH, V / 8, CLASSES, coarse);
    pleat_net_metrics(t.net, t.sums, BATCH, metrics);
    assert_true(fabs(metrics[0] - (fine[0] + 0.25 * coarse[0])) < 1e-12);
    assert_true(fabs(metrics[1] - fine[1]) < 1e-12);
    for (size_t b = 0; b < BATCH; b++)
        for (int c = 0; c < CLASSES; c++) {
            double voxels = 0;
            for (size_t v = 0; v < V / 8; v++) {
                const size_t d = v / 8 * 2 + 1, h = v / 4 % 2 * 2 + 1, w = v % 4 * 2 + 1;
                voxels += t.labels[b * V + (d * 4 + h) * 8 + w] == c;
            }
            assert_true(sums[1][b * width + 2 * CLASSES + (size_t)c] == voxels);
        }
    net_trial_finish(&t);
}

static void a_node_that_nobody_reads_is_refused(void **state) {
    (void)state;
    pleat_graph_free(&graph);
    const int in = pleat_graph_input(&graph, 1);
    (void)conv(in, 2, 1, "fork");
    (void)pleat_graph_head(&graph, conv(in, 2, 1, "other"), CLASSES, 1, "head");
    REFUSED(pleat_graph_finish(&graph), PLEAT_ERR_SHAPE, "'fork' is read by no other");
}

static void nodes_that_cannot_be_are_refused(void **state) {
    (void)state;
    const pleat_conv_shape back = {.stride = {1, -1, 1}};
    pleat_graph_free(&graph);
    int x = conv(pleat_graph_input(&graph, 1), 2, 1, "conv");
    (void)pleat_graph_head(&graph, conv(x, 2, 1, "conv"), CLASSES, 1, "head");
    REFUSED(pleat_graph_finish(&graph), PLEAT_ERR_SHAPE, "'conv': there is one of this name");
    pleat_graph_free(&graph);
    x = pleat_graph_conv(&graph, pleat_graph_input(&graph, 1), 2, &back, "conv");
    (void)pleat_graph_head(&graph, x, CLASSES, 1, "head");
    REFUSED(pleat_graph_finish(&graph), PLEAT_ERR_SHAPE, "'conv': a stride is 1 or 2");
    pleat_graph_free(&graph);
    x = conv(pleat_graph_input(&graph, 1), 2, 1, "conv");
    (void)pleat_graph_head(&graph, pleat_graph_gate(&graph, x, x, "gate"), CLASSES, 1, "head");
    REFUSED(pleat_graph_finish(&graph), PLEAT_ERR_SHAPE, "'gate': its gate has more than one");
    pleat_graph_free(&graph);
    x = conv(pleat_graph_input(&graph, 1), 1, 1, "conv");
    x = pleat_graph_gate(&graph, x, pool(pool(x, "pool"), "pool2"), "gate");
    (void)pleat_graph_head(&graph, x, CLASSES, 1, "head");
    REFUSED(pleat_graph_finish(&graph), PLEAT_ERR_SHAPE, "neither its size nor half of it");
    pleat_graph_free(&graph);
    (void)pleat_graph_input(&graph, 17);
    REFUSED(pleat_graph_finish(&graph), PLEAT_ERR_SHAPE, "images have 1 to 16 channels");
}

static void gradients_of_images_of_three_channels_are_slopes(void **state) {
    (void)state;
    pleat_graph_free(&graph);
    int x = conv(pleat_graph_input(&graph, 3), 2, 1, "conv");
    x = pleat_graph_norm(&graph, x, "norm");
    (void)pleat_graph_head(&graph, x, CLASSES, 1, "head");
    OK(pleat_graph_finish(&graph));
    net_gradients_are_slopes(&graph, small, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_a_network_that_reads_its_input_twice_are_slopes),
        cmocka_unit_test(gradients_of_nodes_that_several_read_are_slopes),
        cmocka_unit_test(gradients_of_images_of_three_channels_are_slopes),
        cmocka_unit_test(networks_of_any_shape_predict_as_they_train),
        cmocka_unit_test(the_loss_is_the_weighted_sum_of_all_heads),
        cmocka_unit_test(a_node_that_nobody_reads_is_refused),
        cmocka_unit_test(nodes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
}
