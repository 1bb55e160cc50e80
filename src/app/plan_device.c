/* plan_device.c - GPUs of another machine. */
#include "plan_device.h"

#include "pleat/config.h"
#include "pleat/device.h"
#include "pleat/volume.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of the step that was measured: docs/speed.md, "Products" and "A training step on an H100". */
#define CUDNN_ALONE_S 29.32e-3 /* bf16 on the H100, without kernels of our own, which need one */
#define STEP_BYTES    24.7e9   /* that its kernels moved, in bf16 */
#define STEP_LAUNCHES 249
/* From one kernel to the next, however small: an estimate, docs/speed.md, "What plan foretells". */
#define LAUNCH_S      4e-6
#define TERA(x)       ((x)*1e12)
#define RATES(a, b, c)                                                     \
    {                                                                      \
        [PLEAT_PRECISION_F32] = TERA(a), [PLEAT_PRECISION_TF32] = TERA(b), \
        [PLEAT_PRECISION_BF16] = TERA(c)                                   \
    }

/* Rates: NVIDIA's data sheets of each, dense, sums in float32. */
static const plan_device devices[] = {
    {"h100",
     "NVIDIA H100 SXM, 80 GB",
     80e9,
     TERA(3.35),
     RATES(66.9, 494.7, 989.4),
     {[PLEAT_PRECISION_F32] = 676e-3,
      [PLEAT_PRECISION_TF32] = 71.4e-3,
      [PLEAT_PRECISION_BF16] = 19.96e-3}},
    {"h200",
     "NVIDIA H200, 141 GB",
     141e9,
     TERA(4.8),
     RATES(66.9, 494.7, 989.4),
     {[PLEAT_PRECISION_BF16] = 17.57e-3}},
    {"a100", "NVIDIA A100 SXM, 80 GB", 80e9, TERA(2.039), RATES(19.5, 156, 312), {0}},
    {"a100-40", "NVIDIA A100, 40 GB", 40e9, TERA(1.555), RATES(19.5, 156, 312), {0}},
    {"l40s", "NVIDIA L40S, 48 GB", 48e9, TERA(0.864), RATES(91.6, 183, 362), {0}},
    {"a40", "NVIDIA A40, 48 GB", 48e9, TERA(0.696), RATES(37.4, 74.8, 149.7), {0}},
    {"a30", "NVIDIA A30, 24 GB", 24e9, TERA(0.933), RATES(10.3, 82, 165), {0}},
    {"rtx4090", "NVIDIA RTX 4090, 24 GB", 24e9, TERA(1.008), RATES(82.6, 82.6, 165.2), {0}},
    {"rtx3090", "NVIDIA RTX 3090, 24 GB", 24e9, TERA(0.936), RATES(35.6, 35.6, 71), {0}},
};
enum { DEVICES = sizeof devices / sizeof *devices };

const char *plan_device_name(int place) {
    return place >= 0 && place < DEVICES ? devices[place].name : NULL;
}

pleat_status plan_device_find(const char *name, const plan_device **out) {
    char names[256] = "";
    for (int i = 0; i < DEVICES; i++) {
        const size_t used = strlen(names);
        *out = &devices[i];
        if (strcmp(name, devices[i].name) == 0) return PLEAT_OK;
        (void)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
                       devices[i].name);
    }
    return PLEAT_FAIL(PLEAT_ERR_ARG, "--on '%s': must be one of %s", name, names);
}

pleat_status plan_work_count(const pleat_network *network, const int patch[3], double batch,
                             plan_work *out) {
    pleat_graph graph;
    *out = (plan_work){0};
    PLEAT_TRY(pleat_network_build(network, &graph));
    out->macs = batch * pleat_graph_macs(&graph, patch);
    out->nodes = graph.n;
    for (int i = 0; i < graph.n; i++) {
        const pleat_node *node = &graph.node[i];
        out->values += batch * (double)pleat_voxels(patch) * node->channels /
                       (node->scale[0] * node->scale[1] * node->scale[2]);
    }
    pleat_graph_free(&graph);
    return PLEAT_OK;
}

/* The step that was measured: the original's network and patch, batch 2. */
static pleat_status count_original(plan_work *out) {
    pleat_config original;
    pleat_config_defaults(&original);
    original.network.classes = 4;
    original.network.channels = 1;
    return plan_work_count(&original.network, original.patch, original.train.batch, out);
}

pleat_status plan_device_seconds(const plan_device *device, pleat_precision precision,
                                 const plan_work *work, double *seconds, const char **how) {
    const plan_device *h100 = &devices[0];
    const int p = (int)precision, measured = device->step[p] > 0.0;
    plan_work original;
    PLEAT_TRY(count_original(&original));
    const double slower = fmax(h100->peak[p] / device->peak[p], h100->bytes / device->bytes);
    const double alone = precision == PLEAT_PRECISION_BF16 ? CUDNN_ALONE_S : h100->step[p];
    const double step = measured ? device->step[p] : alone * slower;
    const double wide = precision == PLEAT_PRECISION_BF16 ? 1.0 : 2.0; /* bytes of a value, by 2 */
    const struct {
        double seconds;
        const char *how;
    } ways[] = {
        {step * work->macs / original.macs,
         measured ? "by the original's step measured there, scaled by counted products"
                  : "by the original's step on an H100 and the ratio of the published peak rates, "
                    "scaled by counted products"},
        {STEP_BYTES * wide * work->values / original.values / device->bytes,
         "as long as its memory takes to move the activations"},
        {STEP_LAUNCHES * LAUNCH_S * work->nodes / original.nodes,
         "as long as the launches of its kernels take, some 4 us each"},
    };
    size_t most = 0;
    for (size_t i = 1; i < sizeof ways / sizeof *ways; i++)
        if (ways[i].seconds > ways[most].seconds) most = i;
    *seconds = ways[most].seconds;
    *how = ways[most].how;
    return PLEAT_OK;
}

const pleat_engine *plan_device_engine(pleat_precision precision) {
    static pleat_engine_ops ops;
    static pleat_engine engine;
    const pleat_engine_entry *entry = pleat_engine_list();
    while (entry->name != NULL && !entry->on_gpu) entry++;
    ops = (pleat_engine_ops){.name = entry->name != NULL ? entry->name : "GPU"};
    engine = (pleat_engine){.ops = &ops,
                            .act = precision == PLEAT_PRECISION_BF16 ? PLEAT_BF16 : PLEAT_F32,
                            .real = PLEAT_F32,
                            .precision = precision,
                            .library = "its own"};
    ops.device = pleat_device_of(&engine); /* of its own: the default is never asked for anything */
    return &engine;
}
