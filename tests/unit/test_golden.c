/*
 * test_golden.c - networks against numbers that PyTorch gave in float64 for inputs and
 * parameters made by integer formulas: values, gradients, inference.
 */
#include "../../src/net/net_impl.h"
#include "support_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 2, D = 4, H = 8, W = 12, V = D * H * W, K = 3 };

/* --- networks --------------------------------------------------------------------------------- */

typedef struct golden_net {
    const char *text;
    int depth; /* of the images; 0: D */
    size_t params, stats;
    double loss;     /* sum c_j z_j, c_j = (((5 j) mod 13) - 6) / 6, z the logits of the batch */
    double first[3]; /* logits */
    double coarse_squares, coarse_weighted; /* of a second head's logits, which L counts too */
    double squares, weighted;               /* sum z^2, sum z_j ((j mod 17) - 8) */
    double infer_squares, infer_weighted;   /* by the running statistics */
    double gradient_squares;
    double first_gradients[4], head_gradients[4];
} golden_net;

static const golden_net golden_nets[] = {
    {.text = "unet depth=2 filters=4 classes=3 norm=1",
     .params = 21527,
     .stats = 160,
     .loss = 35.1614632364284,
     .first = {1.18061689328396, -1.30310302655011, -0.17060104118156},
     .squares = 5462.53189834102,
     .weighted = 946.742537617725,
     .infer_squares = 89.0791762448014,
     .infer_weighted = 138.890137046106,
     .gradient_squares = 25696575.9261906,
     .first_gradients = {-243.11304280877698, -317.72661647932887, -397.6106439532867,
                         394.821128423522},
     .head_gradients = {2.7577956955472818, -3.527784758283935, -23.695057118642698,
                        10.306272877589398}},
    {.text = "residual depth=2 filters=4 classes=3 norm=1",
     .params = 21891,
     .stats = 160,
     .loss = 92.2177024382142,
     .first = {0.257163568528866, -3.11262273391575, -2.4716490937021},
     .squares = 85640.564693995,
     .weighted = 602.176203084259,
     .infer_squares = 103438.098570586,
     .infer_weighted = 1172.56127533622,
     .gradient_squares = 19340577.396327,
     .first_gradients = {-13.763630436614164, -13.794655127197672, -53.825035857850395,
                         258.9904660055027},
     .head_gradients = {-3.0624597564751803, 30.816662197647062, 8.38573749186947,
                        8.96197388359128}},
    {.text = "plainconv depth=2 filters=4 classes=3 most_filters=12 supervise=1 strides=221,222 "
             "kernels=331,333,333 channels=2",
     .params = 16070,
     .stats = 0,
     .loss = 31.969346433629735,
     .first = {-0.6917186319130186, -0.6894436936699095, -0.07300846547368263},
     .squares = 2364.8163280568133,
     .weighted = -23.253860610171095,
     .infer_squares = 2364.8163280568133,
     .infer_weighted = -23.253860610171095,
     .coarse_squares = 696.0637147289724,
     .coarse_weighted = -10.802239861256783,
     .gradient_squares = 1111293.2653820775,
     .first_gradients = {-0.6803693376863009, -6.260531457817894, -5.388440035417819,
                         -0.8800218359858754},
     .head_gradients = {3.58241773734396, -11.120780365084855, -5.203271240689439,
                        6.034332647531349}},
    {.text = "dense depth=2 filters=4 classes=3 norm=1",
     .params = 38934,
     .stats = 160,
     .loss = -3.3660106874647813,
     .first = {-0.3230759094454235, 1.2537586415499455, 0.6237471904019926},
     .squares = 7246.184234549833,
     .weighted = 897.6802299109725,
     .infer_squares = 1483.0052387608473,
     .infer_weighted = 792.9432772823056,
     .gradient_squares = 1311123.100011546,
     .first_gradients = {-25.824940025176744, -15.374005594655554, 12.731523591311767,
                         -10.871951416195031},
     .head_gradients = {-18.635436087686422, 1.857917177408859, -19.4237905843032,
                        19.37694057595931}},
    {.text = "compact depth=2 filters=4 classes=3 norm=1",
     .params = 26622,
     .stats = 160,
     .loss = -23.713664591217785,
     .first = {0.802414133738441, -0.018283155490079927, 1.344794776802354},
     .squares = 5803.709041296964,
     .weighted = -1161.9069900011546,
     .infer_squares = 965.790618729879,
     .infer_weighted = -281.8498447532338,
     .gradient_squares = 2304348.4502431154,
     .first_gradients = {-25.833045957437314, -23.99290993509354, -38.40035228723161,
                         75.52148865935179},
     .head_gradients = {-17.46994316716287, 2.2111482408842065, -5.150076986620636,
                        39.53967089302866}},
    {.text = "attention depth=2 filters=4 classes=3 norm=1",
     .params = 24117,
     .stats = 208,
     .loss = 4.048094165624604,
     .first = {-0.06336220268696442, -0.24190202345465786, 1.5413349163951378},
     .squares = 3643.3958768269836,
     .weighted = 55.79866370399008,
     .infer_squares = 107.43155385494731,
     .infer_weighted = 38.79469079476853,
     .gradient_squares = 10502641.17642093,
     .first_gradients = {-18.426770379471456, 79.22435903147404, 149.29805792218826,
                         -134.89570940270679},
     .head_gradients = {1.5955835571484043, -1.7827867652293174, -20.74306968309691,
                        -10.633562043758985}},
    {.text = "attention_residual depth=2 filters=4 classes=3 norm=1",
     .params = 24233,
     .stats = 232,
     .loss = 78.73379222470541,
     .first = {-1.3376917285480545, 2.5544199910793277, -0.28672167738817284},
     .squares = 6599.9587241615445,
     .weighted = -472.30168652294793,
     .infer_squares = 419.84047616784613,
     .infer_weighted = -23.464821455709014,
     .gradient_squares = 10232890.681393623,
     .first_gradients = {-112.32685648636269, -132.53043703629498, -111.08155675534778,
                         27.596283072665955},
     .head_gradients = {18.87540709794948, 2.2702954643798274, -10.620456476052201,
                        12.504930250029114}},
    {.text = "isensee depth=2 filters=4 classes=3 most_filters=8 strides=221,222",
     .params = 13927,
     .stats = 0,
     .loss = 36.81410018699711,
     .first = {0.47729985650224205, -0.22036776308782266, 0.8161692952692456},
     .squares = 2341.774984095983,
     .weighted = 72.34797513941858,
     .infer_squares = 2341.774984095983,
     .infer_weighted = 72.34797513941858,
     .gradient_squares = 748439.9244464028,
     .first_gradients = {27.598427050337005, 10.685534173842637, -4.757335943396156,
                         27.975146204126283},
     .head_gradients = {-7.629511785941455, -1.1687755074417843, -1.9807527744369398,
                        4.875915277441543}},
    {.text = "multires depth=2 filters=4 classes=3",
     .params = 15432,
     .stats = 590,
     .loss = 34.267243405160634,
     .first = {0.8642009119208013, 0.35074891104753614, -1.4844872939599287},
     .squares = 2312.171256477497,
     .weighted = -72.44009884101482,
     .infer_squares = 7621.327849864372,
     .infer_weighted = 68.46704628443185,
     .gradient_squares = 6438627.897153592,
     .first_gradients = {0.013406445361339614, -0.020684471006587657, 21.51308807614514,
                         0.00014608345968269987},
     .head_gradients = {24.758569279417124, 5.981055986050761, 4.775152529258781,
                        26.30623708698027}},
    {.text = "resenc depth=2 filters=4 classes=3 most_filters=12 supervise=1 strides=221,222 "
             "kernels=331,333,333 blocks=1,2,2 channels=2",
     .params = 25838,
     .stats = 0,
     .loss = 33.386929442318355,
     .first = {0.013743696277706594, 0.13917396199078602, -0.04776240040402373},
     .squares = 2921.5976711172243,
     .weighted = -97.04565776965944,
     .infer_squares = 2921.5976711172243,
     .infer_weighted = -97.04565776965944,
     .coarse_squares = 451.8402316866467,
     .coarse_weighted = -67.57179597632859,
     .gradient_squares = 533363.536570532,
     .first_gradients = {-16.163466841936277, -11.64326814046235, -9.888365933254661,
                         0.4663153472424675},
     .head_gradients = {11.99981828473289, -2.387565941496041, 1.7032510400908263,
                        -10.459981687507144}},
    {.text = "attention_residual depth=2 filters=4 classes=3 norm=1 input_shortcut=1 "
             "strides=221,221 kernels=331,331,331",
     .depth = 1,
     .params = 8789,
     .stats = 232,
     .loss = 38.779814455744,
     .first = {-0.9178675031922566, 1.843235266609013, -0.22617277670600017},
     .squares = 1376.2720222995379,
     .weighted = 220.49058319409068,
     .infer_squares = 171.781252400279,
     .infer_weighted = -4.600096014058794,
     .gradient_squares = 1138439.1203672225,
     .first_gradients = {142.9311804710414, 149.6803505212173, 104.49318212095184,
                         -77.57373981408108},
     .head_gradients = {12.359456498937714, -4.20118059370037, -12.421875550000488,
                        17.554939048486894}},
};

static double part(size_t i, size_t k, size_t a, size_t b, size_t modulo, double scale) {
    const double half = (double)(modulo / 2);
    return scale * ((double)((a * i + b * k) % modulo) - half) / half;
}

/* Weights and biases, or gamma and beta, of the k-th node that has any; running statistics. */
static void fill_node(const pleat_graph *graph, const pleat_node *node, size_t k, double *params,
                      double *stats) {
    const size_t channels = (size_t)node->channels;
    if (node->kind == &pleat_node_norm || node->kind == &pleat_node_instance) {
        for (size_t j = 0; j < channels; j++) {
            if (node->n_weights > 0) params[node->weights + j] = 1 + part(j, k, 5, 3, 7, 0.1);
            params[node->bias + j] = part(j, k, 2, 1, 5, 0.1);
            if (node->n_stats == 0) continue;
            stats[node->stats + j] = part(j, k, 4, 1, 9, 0.05);
            stats[node->stats + channels + j] = 1 + 0.5 * (double)((3 * j + k) % 4) / 3;
        }
        return;
    }
    const double in = graph->node[node->input[0]].channels;
    const double taps = node->kernel[0] * node->kernel[1] * node->kernel[2];
    const double most = node->kind == &pleat_node_up ? sqrt(3 / in) : sqrt(6 / (taps * in));
    for (size_t i = 0; i < node->n_weights; i++)
        params[node->weights + i] =
            most * ((double)((7 * i * i + 13 * i + 17 * k) % 101) - 50) / 50;
    for (size_t j = 0; j < node->n_bias; j++) params[node->bias + j] = part(j, k, 3, 5, 11, 0.1);
}

/* All parameters and statistics of an engine in double, and its images. */
static void fill(pleat_model *model, pleat_net *net) {
    const pleat_graph *graph = pleat_model_graph(model);
    double *params = pleat_model_data(model, PLEAT_STATE_PARAMS);
    double *stats = pleat_model_data(model, PLEAT_STATE_STATS), *x = net->layer[0].x.data;
    size_t k = 0;
    for (int i = 0; i < graph->n; i++)
        if (graph->node[i].n_weights + graph->node[i].n_bias > 0)
            fill_node(graph, &graph->node[i], k++, params, stats);
    for (size_t j = 0; j < N * net->voxels * (size_t)graph->node[0].channels; j++)
        x[j] = sin(0.37 * (double)j + 0.1);
    pleat_model_touch(model);
}

static void close_to(const char *what, const char *net, double got, double want, double size) {
    if (!(fabs(got - want) <= 1e-11 * size))
        fail_msg("%s of '%s': %.15g, not %.15g", what, net, got, want);
}

static void check_logits(const golden_net *g, const double *z, size_t n, double squares,
                         double weighted, const char *what) {
    double all = 0, by_place = 0;
    for (size_t j = 0; j < n; j++) {
        all += z[j] * z[j];
        by_place += z[j] * ((double)(j % 17) - 8);
    }
    close_to(what, g->text, all, squares, squares);
    close_to(what, g->text, by_place, weighted, 8 * sqrt(squares * (double)n));
}

/* The test's own gradient at a head's logits; its part of L. */
static double set_gradient(pleat_net *net, int h) {
    const pleat_layer *head = &net->layer[net->head[h].node];
    const double *z = head->x.data;
    double *dz = head->dx.data, loss = 0;
    for (size_t j = 0; j < N * net->head[h].voxels * K; j++) {
        dz[j] = ((double)(5 * j % 13) - 6) / 6;
        loss += dz[j] * z[j];
    }
    return loss;
}

static void check_gradients(const golden_net *g, const pleat_graph *graph, const double *grads) {
    const pleat_node *first = &graph->node[1], *head = first;
    double squares = 0;
    for (int i = 1; i < graph->n; i++) /* the last one with weights */
        if (graph->node[i].n_weights > 0) head = &graph->node[i];
    for (size_t i = 0; i < graph->params; i++) squares += grads[i] * grads[i];
    close_to("gradients", g->text, squares, g->gradient_squares, g->gradient_squares);
    for (size_t i = 0; i < 4; i++) {
        const double size = sqrt(g->gradient_squares);
        close_to("a first gradient", g->text, grads[first->weights + i], g->first_gradients[i],
                 size);
        close_to("a last gradient", g->text, grads[head->weights + i], g->head_gradients[i], size);
    }
}

static pleat_net_options options_of(const golden_net *g) {
    return (pleat_net_options){.batch = N, .dim = {g->depth > 0 ? g->depth : D, H, W}, .train = 1};
}

static void check_net(const golden_net *g) {
    const pleat_net_options options = options_of(g);
    pleat_network network;
    pleat_graph graph = {0};
    pleat_model *model = NULL;
    pleat_net *net = NULL;
    pleat_engine *engine = net_engine("ref64", PLEAT_PRECISION_AUTO);
    OK(pleat_network_parse(g->text, &network));
    OK(pleat_network_build(&network, &graph));
    assert_int_equal(graph.params, g->params);
    assert_int_equal(graph.stats, g->stats);
    OK(pleat_model_create(&graph, engine, 1, &model));
    OK(pleat_net_create(model, &options, &net));
    const double *z = net->layer[graph.n - 1].x.data;
    double loss = 0;
    fill(model, net);
    OK(pleat_net_forward(net, 1));
    for (int i = 0; i < 3; i++) close_to("a logit", g->text, z[i], g->first[i], 1);
    check_logits(g, z, N * net->voxels * K, g->squares, g->weighted, "logits");
    for (int h = 0; h < net->heads; h++) {
        if (h == 1)
            check_logits(g, net->layer[net->head[h].node].x.data, N * net->head[h].voxels * K,
                         g->coarse_squares, g->coarse_weighted, "coarse logits");
        loss += set_gradient(net, h);
    }
    close_to("loss", g->text, loss, g->loss, sqrt(g->squares * N * V * K));
    OK(pleat_net_backward(net, NULL));
    check_gradients(g, &graph, pleat_model_data(model, PLEAT_STATE_GRADS));
    fill(model, net); /* images and running statistics have been written over */
    OK(pleat_net_forward(net, 0));
    check_logits(g, z, N * net->voxels * K, g->infer_squares, g->infer_weighted,
                 "logits in inference");
    pleat_net_destroy(net);
    pleat_model_destroy(model);
    pleat_graph_free(&graph);
    pleat_engine_destroy(engine);
}

static void networks_are_pytorchs(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden_nets); i++) check_net(&golden_nets[i]);
}

/* --- the other engines of this processor, in float --- */

static void read_reals(const pleat_net *net, const void *data, size_t n, double *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = pleat_net_engine(net)->real == PLEAT_F64 ? ((const double *)data)[i]
                                                          : ((const float *)data)[i];
}

typedef struct passes { /* of a network on an engine: by the batch, by the running statistics */
    double *logits, *gradients, *infer;
} passes;

/* `from`: a net of ref64 whose parameters are taken; NULL: this is it, and makes them. */
static passes run_passes(const char *engine_name, const pleat_graph *graph, const golden_net *g,
                         const passes *from, double *params, double *stats, double *images) {
    const pleat_net_options options = options_of(g);
    const size_t all = (size_t)N * (size_t)options.dim[0] * H * W, n = all * K;
    const size_t voxels = all * (size_t)graph->node[0].channels;
    pleat_engine *engine = net_engine(engine_name, PLEAT_PRECISION_F32);
    pleat_model *model = NULL;
    pleat_net *net = NULL;
    passes out = {calloc(n, 8), calloc(graph->params, 8), calloc(n, 8)};
    assert_true(out.logits != NULL && out.gradients != NULL && out.infer != NULL);
    OK(pleat_model_create(graph, engine, 1, &model));
    OK(pleat_net_create(model, &options, &net));
    for (int infer = 0; infer < 2; infer++) {
        const void *z = net->layer[graph->n - 1].x.data;
        if (from == NULL) {
            fill(model, net);
            read_reals(net, pleat_model_data(model, PLEAT_STATE_PARAMS), graph->params, params);
            read_reals(net, pleat_model_data(model, PLEAT_STATE_STATS), graph->stats, stats);
            read_reals(net, net->layer[0].x.data, voxels, images);
        } else {
            float *to = pleat_model_data(model, PLEAT_STATE_PARAMS);
            for (size_t i = 0; i < graph->params; i++) to[i] = (float)params[i];
            to = pleat_model_data(model, PLEAT_STATE_STATS);
            for (size_t i = 0; i < graph->stats; i++) to[i] = (float)stats[i];
            to = net->layer[0].x.data;
            for (size_t i = 0; i < voxels; i++) to[i] = (float)images[i];
            pleat_model_touch(model);
        }
        OK(pleat_net_forward(net, !infer));
        read_reals(net, z, n, infer ? out.infer : out.logits);
        if (infer) continue;
        for (int h = 0; h < net->heads; h++) {
            const size_t of_head = (size_t)N * net->head[h].voxels * K;
            void *dz = net->layer[net->head[h].node].dx.data;
            for (size_t j = 0; j < of_head; j++)
                if (engine->real == PLEAT_F64)
                    ((double *)dz)[j] = ((double)(5 * j % 13) - 6) / 6;
                else
                    ((float *)dz)[j] = (float)(((double)(5 * j % 13) - 6) / 6);
        }
        OK(pleat_net_backward(net, NULL));
        read_reals(net, pleat_model_data(model, PLEAT_STATE_GRADS), graph->params, out.gradients);
    }
    pleat_net_destroy(net);
    pleat_model_destroy(model);
    pleat_engine_destroy(engine);
    return out;
}

/* Within the conformance suite's limit of f32. */
static void near(const char *what, const char *net, const double *got, const double *want,
                 size_t n) {
    double off = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        off += (got[i] - want[i]) * (got[i] - want[i]);
        all += want[i] * want[i];
    }
    if (!(off / all < 1e-9)) fail_msg("%s of '%s' are off by %g", what, net, sqrt(off / all));
}

static void free_passes(passes *p) {
    free(p->logits);
    free(p->gradients);
    free(p->infer);
}

static void engines_agree_on_every_network(void **state) {
    (void)state;
    static const char *const engines[] = {"ref",
                                          "auto"}; /* auto: the processor's, where there is */
    for (size_t i = 0; i < COUNT(golden_nets); i++) {
        const char *text = golden_nets[i].text;
        const size_t logits = (size_t)N * (size_t)options_of(&golden_nets[i]).dim[0] * H * W * K;
        pleat_network network;
        pleat_graph graph = {0};
        OK(pleat_network_parse(text, &network));
        OK(pleat_network_build(&network, &graph));
        double *params = calloc(graph.params, 8), *stats = calloc(graph.stats + 1, 8);
        double *images = calloc((size_t)N * V * (size_t)graph.node[0].channels, 8);
        assert_true(params != NULL && stats != NULL && images != NULL);
        passes want = run_passes("ref64", &graph, &golden_nets[i], NULL, params, stats, images);
        for (size_t e = 0; e < COUNT(engines); e++) {
            passes got =
                run_passes(engines[e], &graph, &golden_nets[i], &want, params, stats, images);
            near("logits", text, got.logits, want.logits, logits);
            near("gradients", text, got.gradients, want.gradients, graph.params);
            near("logits in inference", text, got.infer, want.infer, logits);
            free_passes(&got);
        }
        free_passes(&want);
        free(params);
        free(stats);
        free(images);
        pleat_graph_free(&graph);
    }
}

/* Every network has its golden numbers. */
static void no_network_is_left_out(void **state) {
    (void)state;
    for (int i = 0; pleat_networks[i] != NULL; i++) {
        int found = 0;
        for (size_t g = 0; g < COUNT(golden_nets); g++) {
            pleat_network network;
            OK(pleat_network_parse(golden_nets[g].text, &network));
            found = found || network.name == i;
        }
        if (!found) fail_msg("network '%s' has no golden numbers", pleat_networks[i]->name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_pytorchs),
        cmocka_unit_test(engines_agree_on_every_network),
        cmocka_unit_test(no_network_is_left_out),
    };
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
