/* test_graph.c - the network as data: counts, sizes, and refusals. */
#include "../../src/net/node.h"
#include "pleat/networks.h"
#include "support.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

static pleat_graph graph;

static const pleat_network standard = {.channels = 1,
                                       .classes = 4,
                                       .depth = 4,
                                       .filters = 32,
                                       .norm = 1,
                                       .most_filters = 320,
                                       .supervise = 1};

static void build(void) {
    pleat_graph_free(&graph);
    assert_int_equal(pleat_network_build(&standard, &graph), PLEAT_OK);
}

static void the_originals_net_has_its_published_size(void **state) {
    (void)state;
    const int patch[3] = {80, 160, 160};
    build();
    assert_int_equal(graph.params, 22581316);
    assert_int_equal(graph.stats, 5888);
    const double giga = pleat_graph_macs(&graph, patch) * 1e-9;
    assert_true(giga > 464.645 && giga < 464.655);
}

#define FLAT4 " strides=221,221,221,221 kernels=331,331,331,331,331"

/* As MIScnn's and nnU-Net's own builders count; flat twins have kernels of depth 1. */
static void networks_have_their_published_sizes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t params, stats;
    } rows[] = {
        {"residual depth=4 filters=32 classes=4 norm=1", 22930980, 5888},
        {"dense depth=4 filters=32 classes=4 norm=1", 45634408, 5888},
        {"compact depth=4 filters=32 classes=4 norm=1", 30388264, 5888},
        {"attention depth=4 filters=32 classes=4 norm=1", 25283880, 7808},
        {"attention_residual depth=4 filters=32 classes=4 norm=1", 25372360, 8768},
        {"isensee depth=5 filters=30 classes=4 most_filters=320 strides=221,222,222,222,222",
         29686664, 0},
        {"multires depth=4 filters=32 classes=4", 18632522, 24528},
        {"unet depth=4 filters=32 classes=4 norm=1" FLAT4, 7765508, 5888},
        {"residual depth=4 filters=32 classes=4 norm=1" FLAT4, 8115172, 5888},
        {"dense depth=4 filters=32 classes=4 norm=1" FLAT4, 15777000, 5888},
        {"compact depth=4 filters=32 classes=4 norm=1" FLAT4, 10694952, 5888},
        {"attention depth=4 filters=32 classes=4 norm=1" FLAT4, 8901352, 7808},
        {"attention_residual depth=4 filters=32 classes=4 norm=1 input_shortcut=1" FLAT4, 8945832,
         8768},
        {"isensee depth=5 filters=30 classes=4 most_filters=320 strides=221,221,221,221,221 "
         "kernels=331,331,331,331,331,331",
         10195324, 0},
        {"multires depth=4 filters=32 classes=4" FLAT4, 7238138, 24528},
        {"resenc depth=5 filters=32 classes=4 most_filters=320 supervise=1", 102351380, 0},
        {"plainconv depth=5 filters=32 classes=4 most_filters=320 supervise=1", 31197204, 0},
        {"plainconv depth=3 filters=32 classes=3 most_filters=320 supervise=1", 5603177, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_network network;
        pleat_graph_free(&graph);
        OK(pleat_network_parse(rows[i].text, &network));
        OK(pleat_network_build(&network, &graph));
        if (graph.params != rows[i].params || graph.stats != rows[i].stats)
            fail_msg("%s: %zu parameters and %zu statistics, not %zu and %zu", rows[i].text,
                     graph.params, graph.stats, rows[i].params, rows[i].stats);
    }
}

static void the_fewest_filters_of_a_network_are_told(void **state) {
    (void)state;
    pleat_network n;
    for (int filters = 1; filters <= 4; filters++) {
        OK(pleat_network_parse("multires depth=1 filters=4 classes=2", &n));
        n.filters = filters;
        pleat_graph_free(&graph);
        if (filters < 4)
            REFUSED(pleat_network_build(&n, &graph), PLEAT_ERR_ARG,
                    "must be at least 4 for network.name: multires");
        else
            OK(pleat_network_build(&n, &graph));
    }
}

/* Lists of a network: as many entries as it has levels, of the digits that can be. */
static void lists_of_a_network_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *strides, *kernels, *told; /* NULL: it fits */
    } rows[] = {{"", "", NULL},
                {"221,222", "331,333,333", NULL},
                {"221, 222", "331, 333, 333", NULL},
                {"221", "", "network.strides = '221', must be 2 entries of 3 digits among 12"},
                {"221,232", "", "network.strides = '221,232', must be 2 entries"},
                {"221;222", "", "must be 2 entries"},
                {"", "331,333", "network.kernels = '331,333', must be 3 entries of 3 digits"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_network n;
        OK(pleat_network_parse("plainconv depth=2 filters=4 classes=3", &n));
        (void)snprintf(n.strides, sizeof n.strides, "%s", rows[i].strides);
        (void)snprintf(n.kernels, sizeof n.kernels, "%s", rows[i].kernels);
        pleat_graph_free(&graph);
        if (rows[i].told != NULL) {
            REFUSED(pleat_network_build(&n, &graph), PLEAT_ERR_ARG, rows[i].told);
            continue;
        }
        OK(pleat_network_build(&n, &graph));
        const int flat = rows[i].strides[0] != '\0'; /* 221 is x, y, z; D is z */
        assert_int_equal(graph.divisor[0], flat ? 2 : 4);
        assert_int_equal(graph.divisor[1], 4);
        assert_int_equal(graph.node[1].kernel[0], flat ? 1 : 3);
        assert_int_equal(graph.node[1].kernel[2], 3);
        char text[PLEAT_NETWORK_TEXT];
        pleat_network_text(&n, text, sizeof text);
        assert_string_equal(text, flat ? "plainconv depth=2 filters=4 classes=3 most_filters=320 "
                                         "supervise=1 strides=221,222 kernels=331,333,333"
                                       : "plainconv depth=2 filters=4 classes=3 most_filters=320 "
                                         "supervise=1");
    }
    pleat_network one;
    OK(pleat_network_parse("plainconv depth=1 filters=4 classes=3", &one));
    (void)snprintf(one.strides, sizeof one.strides, "221,222");
    pleat_graph_free(&graph);
    REFUSED(pleat_network_build(&one, &graph), PLEAT_ERR_ARG, "must be 1 entry of 3 digits");
}

/* 1, 1/2, 1/4, ... and 0 for the coarsest, that add up to 1. */
static void heads_have_nnunets_weights(void **state) {
    (void)state;
    static const double known[] = {1.0 / 15, 2.0 / 15, 4.0 / 15, 8.0 / 15};
    pleat_network n;
    OK(pleat_network_parse("plainconv depth=5 filters=2 classes=3", &n));
    for (int supervise = 0; supervise < 2; supervise++) {
        int heads = 0;
        n.supervise = supervise;
        pleat_graph_free(&graph);
        OK(pleat_network_build(&n, &graph));
        for (int i = 0; i < graph.n; i++) {
            if (!graph.node[i].kind->is_head) continue;
            const double weight = !supervise ? 1 : heads == 0 ? 0 : known[heads - 1];
            if (!(fabs(graph.node[i].weight - weight) < 1e-15))
                fail_msg("head %d weighs %g, not %g", heads, graph.node[i].weight, weight);
            heads++;
        }
        assert_int_equal(heads, supervise ? 5 : 1);
    }
}

static void parameters_lie_side_by_side_without_gaps(void **state) {
    (void)state;
    build();
    size_t next = 0;
    for (int i = 0; i < graph.n; i++) {
        const pleat_node *node = &graph.node[i];
        if (node->n_weights == 0) continue;
        assert_int_equal(node->weights, next);
        assert_int_equal(node->bias, next + node->n_weights);
        next = node->bias + node->n_bias;
    }
    assert_int_equal(next, graph.params);
}

static void concat_puts_up_before_skip(void **state) {
    (void)state;
    build();
    int seen = 0;
    for (int i = 0; i < graph.n; i++) {
        const pleat_node *node = &graph.node[i];
        if (node->kind != &pleat_node_concat) continue;
        assert_ptr_equal(graph.node[node->input[0]].kind, &pleat_node_up);
        assert_ptr_equal(graph.node[node->input[1]].kind, &pleat_node_norm);
        seen++;
    }
    assert_int_equal(seen, 4);
}

static void a_size_that_cannot_be_halved_is_refused_with_one_that_can(void **state) {
    (void)state;
    const int bad[3] = {80, 160, 150};
    build();
    REFUSED(pleat_graph_check_size(&graph, bad), PLEAT_ERR_SHAPE, "160x160x80");
}

static void a_builder_error_is_reported_once_at_the_end(void **state) {
    (void)state;
    pleat_graph_free(&graph);
    int x = pleat_graph_input(&graph, 1);
    x = pleat_graph_up(&graph, x, 8, NULL, "up");
    x = pleat_graph_conv(&graph, x, 8, NULL, "later");
    assert_int_equal(x, -1);
    REFUSED(pleat_graph_finish(&graph), PLEAT_ERR_SHAPE, "'up'");
}

static void a_network_s_text_tells_it_apart_and_back(void **state) {
    (void)state;
    char text[128];
    pleat_network back;
    pleat_network_text(&standard, text, sizeof text);
    assert_string_equal(text, "unet depth=4 filters=32 classes=4 norm=1");
    OK(pleat_network_parse(text, &back));
    assert_memory_equal(&back, &standard, sizeof back);
    assert_int_equal(pleat_network_parse("unet depth=4 filters=32", &back), PLEAT_ERR_FORMAT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_originals_net_has_its_published_size),
        cmocka_unit_test(networks_have_their_published_sizes),
        cmocka_unit_test(the_fewest_filters_of_a_network_are_told),
        cmocka_unit_test(lists_of_a_network_are_checked),
        cmocka_unit_test(heads_have_nnunets_weights),
        cmocka_unit_test(parameters_lie_side_by_side_without_gaps),
        cmocka_unit_test(concat_puts_up_before_skip),
        cmocka_unit_test(a_size_that_cannot_be_halved_is_refused_with_one_that_can),
        cmocka_unit_test(a_network_s_text_tells_it_apart_and_back),
        cmocka_unit_test(a_builder_error_is_reported_once_at_the_end),
    };
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
