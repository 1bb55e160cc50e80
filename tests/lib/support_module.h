/*
 * support_module.h - a GPU module without a GPU: host memory plays the device's, so that what the
 * program does with a module can be held to what it does without.
 *
 * What an engine is told while it records is kept and computed by the replay alone, with the
 * arguments of that time, as a CUDA graph does.
 */
#ifndef PLEAT_TESTS_SUPPORT_MODULE_H
#define PLEAT_TESTS_SUPPORT_MODULE_H

#include "pleat/cuda_module.h"

typedef struct support_module {
    pleat_engine *engine; /* whose it becomes */
    size_t unused;        /* bytes of memory that it says are free */
    pleat_status refuse;  /* what a case's upload, or a sum of windows, says */
    int records;          /* 0: it cannot record */
    int moved;            /* 1: no recording is current any more, until the next */
    /* what was asked of it */
    int cases, patches, windows, put, taken, recorded, replayed;
} support_module;

/* Gives `engine`, of float in host memory, a module; one at a time. release takes it away. */
support_module *support_module_give(pleat_engine *engine);
void support_module_release(support_module *module);

#endif /* PLEAT_TESTS_SUPPORT_MODULE_H */
