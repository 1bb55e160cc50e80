/* test_train_begin.c - which weights a training takes from a checkpoint. */
#include "pleat/networks.h"
#include "pleat/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_net.h"

static const pleat_network unet = {
    .channels = 1, .depth = 1, .filters = 3, .classes = 2, .norm = 1};

/* A checkpoint of the network, parameter i of which is i; the caller frees it. */
static pleat_checkpoint write(const char *path, const pleat_network *network,
                              const pleat_graph *graph, const char *classes) {
    pleat_checkpoint c = {.epoch = 3};
    pleat_network_text(network, c.network, sizeof c.network);
    (void)snprintf(c.classes, sizeof c.classes, "%s", classes);
    (void)snprintf(c.metrics, sizeof c.metrics, "loss");
    c.n_params = graph->params;
    c.n_stats = graph->stats;
    c.params = malloc((c.n_params + 1) * sizeof *c.params);
    c.stats = malloc((c.n_stats + 1) * sizeof *c.stats);
    c.history = calloc((size_t)3 * 4, sizeof *c.history);
    assert_true(c.params && c.stats && c.history);
    for (size_t i = 0; i < c.n_params; i++) c.params[i] = (float)i;
    for (size_t i = 0; i < c.n_stats; i++) c.stats[i] = -(float)i;
    OK(pleat_checkpoint_write(path, &c, 0));
    return c;
}

/* How many values of x[n] are not 7, as they all were. */
static size_t taken(const float *x, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += x[i] != 7.0F;
    return count;
}

/* Begins a training of `here` with the checkpoint; returns how many parameters it took. */
static size_t begin(const char *path, const pleat_network *here, const char *classes, float *params,
                    pleat_train_beginning *of) {
    char text[PLEAT_NETWORK_TEXT];
    pleat_graph graph = {0};
    net_graph(&graph, here);
    float *stats = malloc((graph.stats + 1) * sizeof *stats);
    assert_non_null(stats);
    for (size_t i = 0; i < graph.params; i++) params[i] = 7.0F;
    for (size_t i = 0; i < graph.stats; i++) stats[i] = 7.0F;
    pleat_network_text(here, text, sizeof text);
    OK(pleat_train_begin(path, text, classes, params, stats, of));
    for (size_t i = 0; i < graph.stats; i++) assert_true(stats[i] == -(float)i);
    const size_t n = taken(params, graph.params);
    free(stats);
    pleat_graph_free(&graph);
    return n;
}

static void all_but_a_head_of_other_classes_is_taken(void **state) {
    (void)state;
    static const struct {
        const char *name;   /* of the classes */
        int classes, heads; /* heads: parameters of the new network that are not taken */
    } of[] = {{"background, tumour", 2, 0},
              {"background,liver", 2, 3 * 2 + 2},
              {"a,b,c,d", 4, 3 * 4 + 4}};
    char path[PLEAT_PATH_BYTES];
    pleat_graph graph = {0};
    net_graph(&graph, &unet);
    (void)in_root(path, "c.h5");
    pleat_checkpoint c = write(path, &unet, &graph, "background,tumour");
    float params[4000];
    assert_true(c.n_params < 3900);
    for (size_t k = 0; k < COUNT(of); k++) {
        pleat_network here = unet;
        pleat_train_beginning got;
        here.classes = of[k].classes;
        const size_t body = c.n_params - (3 * 2 + 2); /* of 3 filters to 2 classes */
        const size_t n = begin(path, &here, of[k].name, params, &got);
        assert_int_equal(got.epoch, 3);
        assert_int_equal(got.new_head, of[k].heads > 0);
        /* parameter 7 is 7; the head comes last */
        assert_int_equal(n + 1, of[k].heads > 0 ? body : c.n_params);
        for (size_t i = 0; i < body; i++) assert_true(params[i] == (float)i);
    }
    pleat_checkpoint_free(&c);
    pleat_graph_free(&graph);
}

/* Heads at every level, each between other nodes. */
static void heads_of_deep_supervision_are_new_together(void **state) {
    (void)state;
    pleat_network network = {
        .channels = 1, .depth = 2, .filters = 2, .classes = 2, .most_filters = 320, .supervise = 1};
    char path[PLEAT_PATH_BYTES];
    pleat_graph graph = {0};
    pleat_train_beginning of;
    while (strcmp(pleat_network_name(network.name), "plainconv") != 0) network.name++;
    net_graph(&graph, &network);
    (void)in_root(path, "deep.h5");
    pleat_checkpoint c = write(path, &network, &graph, "a,b");
    float *params = malloc((2 * c.n_params + 1000) * sizeof *params);
    assert_non_null(params);
    const size_t all = begin(path, &network, "a,b", params, &of);
    assert_int_equal(all + 1, c.n_params);
    /* heads of 4 and of 2 filters to 2 classes, with bias */
    const size_t body = begin(path, &network, "c,d", params, &of);
    assert_int_equal(all - body, 4 * 2 + 2 + 2 * 2 + 2);
    free(params);
    pleat_checkpoint_free(&c);
    pleat_graph_free(&graph);
}

static void another_body_is_refused_with_the_first_difference(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], text[PLEAT_NETWORK_TEXT];
    pleat_graph graph = {0};
    pleat_train_beginning of;
    net_graph(&graph, &unet);
    (void)in_root(path, "body.h5");
    pleat_checkpoint c = write(path, &unet, &graph, "");
    static const struct {
        int name, depth, filters, channels;
        const char *message;
    } wrong[] = {{1, 1, 3, 1, "whose network.name is unet, not residual"},
                 {0, 2, 4, 1, "whose network.depth is 1, not 2"},
                 {0, 1, 4, 1, "whose network.filters is 3, not 4"},
                 {0, 1, 3, 2, "whose number of channels is 1, not 2"}};
    for (size_t k = 0; k < COUNT(wrong); k++) {
        pleat_network here = unet;
        here.name = wrong[k].name;
        here.depth = wrong[k].depth;
        here.filters = wrong[k].filters;
        here.channels = wrong[k].channels;
        pleat_network_text(&here, text, sizeof text);
        REFUSED(pleat_train_begin(path, text, "", NULL, NULL, &of), PLEAT_ERR_DATA,
                wrong[k].message);
    }
    REFUSED(pleat_train_begin("/nowhere.h5", text, "", NULL, NULL, &of), PLEAT_ERR_NOT_FOUND,
            "/nowhere.h5");
    pleat_checkpoint_free(&c);
    pleat_graph_free(&graph);
}

static void what_it_does_not_say_it_has_learnt_is_known_to_be_missing(void **state) {
    (void)state;
    static const struct {
        const char *config, *cases;
        int n, whole;
    } of[] = {
        {"train:\n  from: ''  # x\n", "train 8 1:2:3 4:5:6 a\nval 8 1:3:4 4:5:6 b\n", 1, 1},
        {"train:\n  from: ''\n", NULL, 1, 0},
        /* as pleat wrote it before it kept what others had learnt */
        {"train:\n  from: 'old.h5'\n", "train 8 1:2:3 4:5:6 a\n", 2, 0},
    };
    char path[PLEAT_PATH_BYTES];
    pleat_graph graph = {0};
    net_graph(&graph, &unet);
    (void)in_root(path, "learnt.h5");
    for (size_t k = 0; k < COUNT(of); k++) {
        pleat_learnt got = {0};
        pleat_checkpoint c = write(path, &unet, &graph, "a,b");
        (void)snprintf(c.config, sizeof c.config, "%s", of[k].config);
        c.cases = of[k].cases != NULL ? strdup(of[k].cases) : NULL;
        OK(pleat_checkpoint_write(path, &c, 0));
        OK(pleat_train_learnt(path, &got));
        assert_int_equal(got.n, of[k].n);
        assert_int_equal(pleat_learnt_is_whole(&got), of[k].whole);
        pleat_learnt_free(&got);
        pleat_checkpoint_free(&c);
    }
    pleat_graph_free(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_but_a_head_of_other_classes_is_taken),
        cmocka_unit_test(heads_of_deep_supervision_are_new_together),
        cmocka_unit_test(another_body_is_refused_with_the_first_difference),
        cmocka_unit_test(what_it_does_not_say_it_has_learnt_is_known_to_be_missing),
    };
    return cmocka_run_group_tests_name("train_begin", tests, make_root, remove_root);
}
