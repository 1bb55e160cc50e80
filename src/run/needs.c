/* needs.c - memory and disk of a run, counted. */
#include "pleat/needs.h"

#include "pleat/host_memory.h"
#include "pleat/losses.h"
#include "pleat/memory.h"
#include "pleat/net.h"
#include "pleat/nifti.h"
#include "pleat/prep.h"
#include "pleat/text.h"
#include "pleat/train.h"
#include "pleat/volume.h"
#include "pleat/warn.h"
#include "pleat/window.h"

#include <math.h>

/* Batches a rank holds: the loader's ring of four, and one of validation. */
#define BATCHES       5
/* Of a voxel of a patch while a thread augments it: three displacements and their noise, and a box
 * that holds the patch however it is turned, twice as large (src/learn/spatial.c). */
#define AUGMENT_BYTES 26
/* Of a voxel of a scan while it is scored: both label maps, both surfaces (src/eval/surface.c). */
#define SCORE_BYTES   10
/* What the process takes beside these counts, measured on 2026-11-27 (docs/speed.md): on a CPU, of
 * libraries whose pages are not touched before; on a GPU CUDA's context and cuDNN's workspaces. */
#define LATER         12e6
#define LATER_ON_GPU  0.7e9

/* Of what running statistics begin with: more of it after the last step is too much. */
#define STALE 0.05

/* --- what the data need ----------------------------------------------------------------------- */

/* In the store, and of a batch: float image, uint8 label. */
static double voxel_bytes(const pleat_needs *n) { return 4.0 * n->channels + 1.0; }

static pleat_status add_case(const pleat_config *c, const char *image, pleat_needs *n) {
    pleat_geometry native;
    int dim[3];
    pleat_window window;
    PLEAT_TRY(pleat_nifti_read_header(image, &native, NULL));
    pleat_prep_size(&c->prep, &native, dim);
    PLEAT_TRY(pleat_window_make(dim, c->patch, c->overlap, (pleat_merge)c->merge, &window));
    n->patches += pleat_window_count(&window);
    const double voxels = (double)pleat_voxels(dim), scan = (double)pleat_voxels(native.dim);
    const double sum =
        pleat_losses[c->train.loss]->of_regions
            ? voxels * c->network.classes * sizeof(float)
            : (double)pleat_window_band_bytes(&window, c->predict_batch, c->network.classes);
    pleat_window_free(&window);
    const double sums = sum + voxels * sizeof(float) + 2 * scan;
    n->prediction = fmax(n->prediction, fmax(sums, scan * SCORE_BYTES));
    const double made = c->prep.resample ? voxels * (n->channels + 1.0) * sizeof(float) : 0.0;
    n->preparing = fmax(n->preparing, (scan + voxels) * voxel_bytes(n) + made);
    n->store += voxels * voxel_bytes(n);
    n->labels += scan / 20; /* gzip of label maps: mostly zeros */
    return PLEAT_OK;
}

/* --- what the network needs ------------------------------------------------------------------- */

static pleat_status count_arena(const pleat_graph *graph, const pleat_engine *engine,
                                const pleat_config *c, int batch, int train, double *out) {
    const pleat_net_options options = {.batch = batch,
                                       .dim = {c->patch[0], c->patch[1], c->patch[2]},
                                       .train = train,
                                       .norm_momentum = c->train.norm_momentum};
    size_t bytes = 0;
    PLEAT_TRY(pleat_net_count(graph, engine, &options, &bytes));
    *out = (double)bytes;
    return PLEAT_OK;
}

static double values_of(const pleat_node *node, const int patch[3]) {
    return (double)pleat_voxels(patch) * node->channels /
           (node->scale[0] * node->scale[1] * node->scale[2]);
}

/* Bytes that a library makes for itself: its weights packed for both directions, and partial
 * gradients of the layer that has most, or that layer's input and output turned; in bf16 for each
 * thread, while in f32 more threads hardly need more. */
static double count_packed(const pleat_graph *graph, const pleat_engine *engine,
                           const int patch[3]) {
    const double element = (double)pleat_dtype_size(engine->act);
    double scratch = 0.0;
    if (engine->library[0] == '\0') return 0.0;
    for (int i = 1; i < graph->n; i++) {
        const pleat_node *node = &graph->node[i], *in = &graph->node[node->input[0]];
        if (node->n_weights == 0) continue;
        const double values = values_of(node, patch) + values_of(in, patch);
        scratch = fmax(scratch, fmax(8.0 * (double)node->n_weights, 2.0 * values));
    }
    const double packed = 2.0 * (double)graph->params * element;
    const int times = engine->act == PLEAT_BF16 ? engine->threads : 1;
    return engine->ops->device != NULL ? packed : packed + times * scratch;
}

static pleat_status count_network(const pleat_config *c, const pleat_engine *engine, int batch,
                                  pleat_needs *n) {
    pleat_graph graph;
    pleat_network network = c->network;
    network.channels = n->channels;
    PLEAT_TRY(pleat_network_build(&network, &graph));
    const double params = (double)graph.params, stats = (double)graph.stats;
    if (graph.stats > 0 && c->from[0] == '\0')
        n->steps = (int)ceil(log(STALE) / log(c->train.norm_momentum) - 1e-9);
    pleat_status status = count_arena(&graph, engine, c, batch, 1, &n->arena);
    if (status == PLEAT_OK)
        status = count_arena(&graph, engine, c, c->predict_batch, 0, &n->predicting);
    n->packed = count_packed(&graph, engine, c->patch);
    pleat_graph_free(&graph);
    const double slots = c->deterministic && engine->ordered ? c->train.batch * params : 0;
    const double averages = c->train.update.average > 0.0 ? params + stats : 0.0;
    const double amsgrad = pleat_update_amsgrad(&c->train.update) ? params : 0.0;
    const double voxels = (double)pleat_voxels(c->patch);
    const double saved = (3 * params + stats + averages + amsgrad) * sizeof(float);
    const double best = (params + stats) * sizeof(float);
    n->on_device = engine->ops->device != NULL;
    n->weights = params * sizeof(float);
    n->model = (4 * params + stats + averages + amsgrad + slots) * sizeof(float);
    n->saving = 2 * saved;
    n->batches = BATCHES * batch * voxels * voxel_bytes(n) +
                 (c->train.augment ? c->train.loader_threads * voxels * AUGMENT_BYTES : 0.0);
    n->prediction += c->predict_batch * voxels * n->channels * sizeof(float);
    n->checkpoints = pleat_config_folds(c) * (2 * saved + best);
    n->saved = saved + best;
    return status;
}

/* --- together --------------------------------------------------------------------------------- */

pleat_status pleat_needs_count(const pleat_config *config, const pleat_cases *cases,
                               const pleat_engine *engine, int ranks_per_fold, pleat_needs *out) {
    pleat_needs n = {.cases = cases->n};
    int batch = 0;
    PLEAT_TRY(pleat_train_share(config->train.batch, ranks_per_fold, &batch));
    PLEAT_TRY(pleat_prep_count_channels(&cases->paths[0], &n.channels));
    for (int i = 0; i < cases->n; i++) PLEAT_TRY(add_case(config, cases->paths[i].image[0], &n));
    PLEAT_TRY(count_network(config, engine, batch, &n));
    n.own = pleat_memory_held() + LATER;
    n.context = LATER_ON_GPU;
    const pleat_host_memory memory = pleat_host_memory_find();
    if (n.store <= pleat_host_memory_for_store(&memory, config->host_memory)) n.resident = n.store;
    *out = n;
    return PLEAT_OK;
}

double pleat_needs_rank(const pleat_needs *n) {
    const double training = n->on_device ? 0.0 : n->model + n->arena + n->packed;
    const double labelling = n->on_device ? 0.0 : n->model / 4 + n->predicting + n->packed;
    return n->own +
           fmax(n->preparing, fmax(training + n->saving + n->batches, labelling + n->prediction));
}

double pleat_needs_device(const pleat_needs *n) {
    if (!n->on_device) return 0.0;
    return n->model + n->packed + fmax(n->arena, n->predicting) + n->context;
}

double pleat_needs_node(const pleat_needs *n, int ranks) {
    return ranks * pleat_needs_rank(n) + n->resident;
}

pleat_status pleat_needs_check(const pleat_needs *n, const pleat_config *config, int per_node) {
    char needed[32], allowed[32];
    const double all = per_node * pleat_needs_rank(n);
    const double most = pleat_host_memory_find().allowed;
    if (n->on_device || all <= most) return PLEAT_OK;
    pleat_text_bytes(all, needed);
    pleat_text_bytes(most, allowed);
    return PLEAT_FAIL(PLEAT_ERR_ARG,
                      "training by %d rank%s on this machine needs %s of memory, and %s are there: "
                      "patch = [%d, %d, %d], train.batch = %d; make patch, train.batch or "
                      "network.filters smaller, or use fewer ranks",
                      per_node, pleat_plural(per_node), needed, allowed, config->patch[2],
                      config->patch[1], config->patch[0], config->train.batch);
}

double pleat_needs_disk(const pleat_needs *n) { return n->store + n->checkpoints + n->labels; }

void pleat_needs_warn(const pleat_needs *needs, const pleat_config *config) {
    const double momentum = config->train.norm_momentum;
    const double steps = (double)config->train.epochs * config->train.iterations;
    if (steps >= needs->steps) return;
    const double lower = fmax(STALE, floor(10 * pow(STALE, 1.0 / steps)) / 10);
    pleat_warn(
        "network.norm_momentum %g: after the %.0f step%s of a fold, %.0f %% of norm's running "
        "statistics are still what they began with, and predictions go by these; set "
        "network.norm_momentum: %g, or train %d steps or more",
        momentum, steps, pleat_plural((long long)steps), 100 * pow(momentum, steps), lower,
        needs->steps);
}
