/*
 * plan_device.h - GPUs of another machine: what they hold, and how long a step takes on them.
 *
 * The time of a step is that of the original's network, 5.57 TFLOP, by the ratio of the counted
 * products. It was measured on some (docs/speed.md); on the others it is that of the H100 with
 * cuDNN's kernels alone, by the ratio of the published peak rates, of products or of memory,
 * whichever is worse. A small network has few products and is not that fast: it waits for the bytes
 * of its activations, and for the launches of its kernels.
 */
#ifndef PLEAT_APP_PLAN_DEVICE_H
#define PLEAT_APP_PLAN_DEVICE_H

#include "pleat/engine.h"
#include "pleat/networks.h"

typedef struct plan_device {
    const char *name; /* "h100" */
    const char *what; /* "NVIDIA H100 SXM, 80 GB" */
    double memory;    /* bytes */
    double bytes;     /* of its memory a second, published */
    /* By precision, [PLEAT_PRECISION_F32 .. BF16]: products and sums a second, published, dense;
     * seconds of the original's step, measured, or 0. */
    double peak[4], step[4];
} plan_device;

/* The place-th of those there are; NULL: there is none. */
const char *plan_device_name(int place);
/* ERR_ARG names those there are. */
pleat_status plan_device_find(const char *name, const plan_device **out);

typedef struct plan_work { /* of a training step of one rank */
    double macs;           /* multiply-adds forward */
    double values;         /* that all nodes have */
    int nodes;
} plan_work;

/* Of `batch` patches. Errors of the network. */
pleat_status plan_work_count(const pleat_network *network, const int patch[3], double batch,
                             plan_work *out);

/* Seconds of a training step; *how, which is static, says by what. Errors of the network that was
 * measured. */
pleat_status plan_device_seconds(const plan_device *device, pleat_precision precision,
                                 const plan_work *work, double *seconds, const char **how);

/* Types and kind of the engine that computes on such a GPU: for counts, it computes nothing. */
const pleat_engine *plan_device_engine(pleat_precision precision);

#endif /* PLEAT_APP_PLAN_DEVICE_H */
