/*
 * plan_device.h - GPUs of another machine: what they hold, and how long a step takes on them.
 *
 * The time of a step is that of the original's network, 5.57 TFLOP, by the ratio of the counted
 * products. It was measured on some (docs/speed.md); on the others it is that of the H100 with
 * cuDNN's kernels alone, by the ratio of the published peak rates, of products or of memory,
 * whichever is worse.
 */
#ifndef PLEAT_APP_PLAN_DEVICE_H
#define PLEAT_APP_PLAN_DEVICE_H

#include "pleat/engine.h"

typedef struct plan_device {
    const char *name; /* "h100" */
    const char *what; /* "NVIDIA H100 SXM, 80 GB" */
    double memory;    /* bytes */
    double bytes;     /* of its memory a second, published */
    /* By precision, [PLEAT_PRECISION_F32 .. BF16]: products and sums a second, published, dense;
     * seconds of the original's step, measured, or 0. */
    double peak[4], step[4];
} plan_device;

/* ERR_ARG names those there are. */
pleat_status plan_device_find(const char *name, const plan_device **out);

/* Seconds of a training step whose forward pass has `macs` multiply-adds; *measured is whether the
 * device's own step stands behind it. */
double plan_device_seconds(const plan_device *device, pleat_precision precision, double macs,
                           int *measured);

/* Types and kind of the engine that computes on such a GPU: for counts, it computes nothing. */
const pleat_engine *plan_device_engine(pleat_precision precision);

#endif /* PLEAT_APP_PLAN_DEVICE_H */
