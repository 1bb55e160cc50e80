/* test_graph.c - the network as data: counts, sizes, and refusals. */
#include "../../src/net/node.h"
#include "pleat/networks.h"
#include "support.h"

#include <stdint.h>

static pleat_graph graph;

static const pleat_network standard = {
    .channels = 1, .classes = 4, .depth = 4, .filters = 32, .norm = 1};

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

static void miscnns_residual_net_has_its_size(void **state) {
    (void)state;
    pleat_network residual;
    pleat_graph_free(&graph);
    OK(pleat_network_parse("residual depth=4 filters=32 classes=4 norm=1", &residual));
    OK(pleat_network_build(&residual, &graph));
    assert_int_equal(graph.params, 22930980);
    assert_int_equal(graph.stats, 5888);
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
        cmocka_unit_test(miscnns_residual_net_has_its_size),
        cmocka_unit_test(parameters_lie_side_by_side_without_gaps),
        cmocka_unit_test(concat_puts_up_before_skip),
        cmocka_unit_test(a_size_that_cannot_be_halved_is_refused_with_one_that_can),
        cmocka_unit_test(a_network_s_text_tells_it_apart_and_back),
        cmocka_unit_test(a_builder_error_is_reported_once_at_the_end),
    };
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
