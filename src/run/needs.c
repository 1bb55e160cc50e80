/* needs.c - memory and disk of a run, counted. */
#include "pleat/needs.h"

#include "pleat/host_memory.h"
#include "pleat/net.h"
#include "pleat/nifti.h"
#include "pleat/prep.h"
#include "pleat/text.h"
#include "pleat/train.h"
#include "pleat/window.h"

#define LOADER_RING 4 /* batches a loader holds */

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
    pleat_window_free(&window);
    const double voxels = (double)pleat_voxels(dim);
    const double prediction = voxels * (c->network.classes + 1) * sizeof(float);
    if (prediction > n->prediction) n->prediction = prediction;
    n->store += voxels * voxel_bytes(n);
    n->labels += (double)pleat_voxels(native.dim) / 20; /* gzip of label maps: mostly zeros */
    return PLEAT_OK;
}

/* --- what the network needs ------------------------------------------------------------------- */

static pleat_status count_network(const pleat_config *c, const pleat_engine *engine, int batch,
                                  pleat_needs *n) {
    const pleat_net_options options = {.batch = batch,
                                       .dim = {c->patch[0], c->patch[1], c->patch[2]},
                                       .train = 1,
                                       .norm_momentum = c->train.norm_momentum};
    pleat_graph graph;
    pleat_network network = c->network;
    size_t arena = 0;
    network.channels = n->channels;
    PLEAT_TRY(pleat_network_build(&network, &graph));
    const double params = (double)graph.params, stats = (double)graph.stats;
    const double slots = c->deterministic && engine->ordered ? c->train.batch * params : 0;
    const pleat_status status = pleat_net_count(&graph, engine, &options, &arena);
    pleat_graph_free(&graph);
    n->model = (4 * params + stats + slots) * sizeof(float);
    n->arena = (double)arena;
    n->batches =
        (double)batch * (double)pleat_voxels(c->patch) * voxel_bytes(n) * (LOADER_RING + 1);
    n->checkpoints =
        pleat_config_folds(c) * (2 * (3 * params + stats) + params + stats) * sizeof(float);
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
    *out = n;
    return PLEAT_OK;
}

pleat_status pleat_needs_check(const pleat_needs *n, const pleat_config *config,
                               const pleat_engine *engine, int per_node) {
    char needed[32], allowed[32];
    const double all = per_node * (n->model + n->arena + n->batches);
    const double most = pleat_host_memory_find().allowed;
    if (engine->ops->device != NULL || all <= most) return PLEAT_OK;
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
