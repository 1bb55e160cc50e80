/*
 * support_device.h - a device without a GPU: host memory plays its own, so that what the program
 * does with a device can be held to what it does without.
 *
 * What an engine is told while it records is kept and computed by the replay alone, with the
 * arguments of that time, as a CUDA graph does.
 */
#ifndef PLEAT_TESTS_SUPPORT_DEVICE_H
#define PLEAT_TESTS_SUPPORT_DEVICE_H

#include "pleat/device.h"

typedef struct support_device {
    pleat_engine *engine; /* whose it becomes */
    size_t unused;        /* bytes of memory that it says are free */
    pleat_status refuse;  /* what a case's upload, or a sum of windows, says */
    int records;          /* 0: it cannot record */
    int moved;            /* 1: no recording is current any more, until the next */
    /* what was asked of it */
    int cases, patches, windows, put, taken, recorded, replayed;
} support_device;

/* Gives `engine`, of float in host memory, a device; one at a time. hide: what asks the engine from
 * now on finds none, or finds it again. release takes it away. */
support_device *support_device_give(pleat_engine *engine);
void support_device_hide(support_device *device, int hidden);
void support_device_release(support_device *device);

#endif /* PLEAT_TESTS_SUPPORT_DEVICE_H */
