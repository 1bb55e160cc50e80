/* support_trial.c - one network on one engine with one batch; whether its gradients are slopes. */
#include "support_trial.h"

#include "pleat/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Labels by the first channel; the others are noise of their own. */
static void make_batch(net_trial *t, int channels) {
    const size_t n = t->voxels;
    float *plane = malloc(n * sizeof *plane);
    uint8_t *ignored = malloc(n);
    assert_true(plane != NULL && ignored != NULL);
    for (int c = 0; c < channels; c++) {
        net_batch(3 + (uint64_t)c, n, t->classes, plane, c == 0 ? t->labels : ignored);
        for (size_t v = 0; v < n; v++) t->images[v * (size_t)channels + (size_t)c] = plane[v];
    }
    free(plane);
    free(ignored);
}

net_trial net_trial_start(const pleat_graph *graph, const char *engine, pleat_precision precision,
                          const int dim[3], const pleat_loss *loss) {
    net_trial t = {.engine = net_engine(engine, precision), .classes = pleat_graph_classes(graph)};
    const pleat_net_options options = {
        .batch = TRIAL_BATCH, .dim = {dim[0], dim[1], dim[2]}, .train = 1, .loss = loss};
    const int channels = graph->node[0].channels;
    t.voxels = TRIAL_BATCH * (size_t)dim[0] * (size_t)dim[1] * (size_t)dim[2];
    t.model = net_model(graph, t.engine, 1);
    OK(pleat_net_create(t.model, &options, &t.net));
    t.images = malloc(t.voxels * (size_t)channels * sizeof *t.images);
    t.probs = malloc(t.voxels * (size_t)t.classes * sizeof *t.probs);
    t.labels = malloc(t.voxels);
    t.sums = malloc(pleat_net_sums(t.net) * sizeof *t.sums);
    assert_true(t.images != NULL && t.probs != NULL && t.labels != NULL && t.sums != NULL);
    make_batch(&t, channels);
    return t;
}

void net_trial_finish(net_trial *t) {
    pleat_net_destroy(t->net);
    pleat_model_destroy(t->model);
    pleat_engine_destroy(t->engine);
    free(t->images);
    free(t->probs);
    free(t->labels);
    free(t->sums);
}

double net_trial_train(net_trial *t) {
    OK(pleat_net_train(t->net, t->images, t->labels, TRIAL_BATCH, NULL, t->sums));
    return net_loss(t->net, t->sums, TRIAL_BATCH);
}

/* The loss at params + t * direction, where direction is `way` over [from, from + n). */
static double loss_at(net_trial *t, double *params, size_t from, size_t n, const double *way,
                      double step) {
    double kept[4096];
    assert_true(n <= COUNT(kept));
    memcpy(kept, params + from, n * sizeof *kept);
    for (size_t i = 0; i < n; i++) params[from + i] += step * way[i];
    pleat_model_touch(t->model);
    const double loss = net_trial_train(t);
    memcpy(params + from, kept, n * sizeof *kept);
    pleat_model_touch(t->model);
    return loss;
}

typedef struct tally {
    int checked, kinks;
} tally;

/* A difference of losses near 4 over 2e-5 is known to about 1e-10. Two step sizes that disagree
 * stand across a kink of ReLU or pooling: there is no slope to compare. */
static void check_slope(net_trial *t, const double *grads, size_t from, size_t n, const double *way,
                        tally *count) {
    double *params = pleat_model_data(t->model, PLEAT_STATE_PARAMS);
    double slope[2], gradient = 0;
    for (int k = 0; k < 2; k++) {
        const double h = k == 0 ? 2e-5 : 1e-5;
        slope[k] =
            (loss_at(t, params, from, n, way, h) - loss_at(t, params, from, n, way, -h)) / (2 * h);
    }
    for (size_t i = 0; i < n; i++) gradient += grads[from + i] * way[i];
    count->checked++;
    const double limit = 1e-6 * fabs(slope[1]) + 1e-9;
    if (fabs(slope[0] - slope[1]) > limit)
        count->kinks++;
    else if (fabs(slope[1] - gradient) > limit)
        fail_msg("parameters %zu..%zu: gradient %.12g, slope %.12g", from, from + n - 1, gradient,
                 slope[1]);
}

/* Every bias, gamma and beta and some weights one by one; all weights of a node in one random
 * direction. */
static void check_node(net_trial *t, const double *grads, const pleat_node *node, tally *count) {
    const double one = 1.0;
    double way[4096] = {0};
    const pleat_rng rng = pleat_rng_at(5, PLEAT_STREAM_PHANTOM, (uint32_t)node->weights, 0, 0);
    const int norm = node->n_stats > 0;
    for (size_t i = 0; i < node->n_weights; i += norm ? 1 : 1 + node->n_weights / 4)
        check_slope(t, grads, node->weights + i, 1, &one, count);
    for (size_t i = 0; i < node->n_bias; i++) check_slope(t, grads, node->bias + i, 1, &one, count);
    for (size_t i = 0; i < node->n_weights; i++) way[i] = 0.1 * pleat_rng_normal(&rng, (uint32_t)i);
    check_slope(t, grads, node->weights, node->n_weights, way, count);
}

void net_gradients_are_slopes(const pleat_graph *graph, const int dim[3], const pleat_loss *loss) {
    net_trial t = net_trial_start(graph, "ref64", PLEAT_PRECISION_AUTO, dim, loss);
    (void)net_trial_train(&t);
    double *grads = malloc(graph->params * sizeof *grads);
    assert_non_null(grads);
    OK(t.engine->ops->download(t.engine, grads, pleat_model_data(t.model, PLEAT_STATE_GRADS),
                               graph->params * sizeof *grads));
    tally count = {0};
    double largest = 0;
    for (size_t i = 0; i < graph->params; i++) largest = fmax(largest, fabs(grads[i]));
    assert_true(largest > 0.01);
    for (int i = 0; i < graph->n; i++)
        if (graph->node[i].n_weights > 0) check_node(&t, grads, &graph->node[i], &count);
    if (4 * count.kinks > count.checked)
        fail_msg("%d of %d parameters stand at a kink", count.kinks, count.checked);
    free(grads);
    net_trial_finish(&t);
}
