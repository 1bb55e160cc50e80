/*
 * net_values.c - what networks compute, for tests that compare with other programs.
 *
 *   net_values make                          in the current folder, of every network, also with
 *                                            flat kernels: NAME.h5, a checkpoint of random weights;
 *                                            prints "NAME N D H W", a size that it takes
 *   net_values run CHECKPOINT N D H W OUT    OUT: probabilities [N,D,H,W,K], float32, of the image
 *                                            sin(.37 j + .1), j flat in [N,D,H,W,C]; prints C, K
 */
#include "support_net.h"

#include "pleat/checkpoint.h"
#include "pleat/config.h"
#include "pleat/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 2, D = 8, H = 12, W = 16 };

static void make(const char *name, const char *text, int depth) {
    char path[64];
    pleat_network network;
    pleat_graph graph;
    pleat_config config;
    pleat_checkpoint c = {.classes = "background,a,b", .engine = "ref", .precision = "f32"};
    pleat_engine *engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    OK(pleat_network_parse(text, &network));
    OK(pleat_network_build(&network, &graph));
    pleat_model *model = net_model(&graph, engine, 0);
    c.params = net_state(model, PLEAT_STATE_PARAMS);
    c.stats = net_state(model, PLEAT_STATE_STATS);
    c.n_params = graph.params;
    c.n_stats = graph.stats;
    const pleat_rng rng = pleat_rng_at(7, PLEAT_STREAM_PHANTOM, 2, 0, 0);
    for (size_t i = 0; i < graph.stats; i++) /* no mean is 0, no variance 1 or negative */
        c.stats[i] += (float)pleat_rng_range(&rng, (uint32_t)i, 0.1, 0.5);
    pleat_network_text(&network, c.network, sizeof c.network);
    pleat_config_defaults(&config);
    OK(pleat_config_text(&config, 0, c.config, sizeof c.config));
    pleat_prep_text(&config.prep, c.preprocessing, sizeof c.preprocessing);
    (void)snprintf(path, sizeof path, "%s.h5", name);
    OK(pleat_checkpoint_write(path, &c, 0));
    (void)printf("%s %d %d %d %d\n", name, N, depth, H, W);
    pleat_checkpoint_free(&c);
    pleat_model_destroy(model);
    pleat_graph_free(&graph);
    pleat_engine_destroy(engine);
}

static void make_all(void) {
    for (int i = 0; pleat_networks[i] != NULL; i++) {
        const char *kind = pleat_networks[i]->name;
        char name[64], text[PLEAT_NETWORK_TEXT];
        (void)snprintf(text, sizeof text,
                       "%s depth=2 filters=6 most_filters=14 classes=3 channels=2", kind);
        make(kind, text, D);
        (void)snprintf(name, sizeof name, "%s-flat", kind);
        (void)snprintf(text, sizeof text,
                       "%s depth=2 filters=6 most_filters=14 classes=3 kernels=331,331,331 "
                       "strides=221,221",
                       kind);
        make(name, text, 1);
    }
}

static void run(const char *path, const int size[4], const char *out) {
    const size_t voxels = (size_t)size[0] * (size_t)size[1] * (size_t)size[2] * (size_t)size[3];
    pleat_checkpoint c;
    pleat_network network;
    pleat_graph graph;
    pleat_model *model = NULL;
    pleat_engine *engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    OK(pleat_checkpoint_read(path, &c));
    OK(pleat_network_parse(c.network, &network));
    OK(pleat_network_build(&network, &graph));
    OK(pleat_model_create(&graph, engine, 0, &model));
    OK(pleat_model_set(model, PLEAT_STATE_PARAMS, c.params));
    OK(pleat_model_set(model, PLEAT_STATE_STATS, c.stats));
    pleat_net *net = net_compile(model, size[0], size + 1, 0, NULL);
    const size_t n = voxels * (size_t)graph.node[0].channels;
    const size_t values = voxels * (size_t)network.classes;
    float *images = malloc(n * sizeof *images), *probs = malloc(values * sizeof *probs);
    assert_true(images != NULL && probs != NULL);
    for (size_t j = 0; j < n; j++) images[j] = (float)sin(0.37 * (double)j + 0.1);
    OK(pleat_net_predict(net, images, probs));
    OK(pleat_file_write(out, probs, values * sizeof *probs));
    (void)printf("%d %d\n", graph.node[0].channels, network.classes);
    free(images);
    free(probs);
    pleat_net_destroy(net);
    pleat_model_destroy(model);
    pleat_graph_free(&graph);
    pleat_engine_destroy(engine);
    pleat_checkpoint_free(&c);
}

int main(int argc, char **argv) {
    int size[4];
    if (argc == 2 && strcmp(argv[1], "make") == 0) {
        make_all();
        return 0;
    }
    if (argc != 8 || strcmp(argv[1], "run") != 0) return 2;
    for (int i = 0; i < 4; i++) size[i] = (int)strtol(argv[3 + i], NULL, 10);
    run(argv[2], size, argv[7]);
    return 0;
}
