/*
 * described.h - the module's own code, the real cuDNN, and a GPU that is only described to it.
 *
 * cuDNN 9.8 and later plan without a GPU: a DEVICEPROP descriptor, made of a JSON text, stands in
 * the handle's place. The module knows nothing of that. Its calls come to this program, which the
 * loader asks before CUDA's libraries:
 *
 *   libpleat_cuda.so --- cuda.c   a CUDA and a cuBLASLt that do nothing
 *                    \-- cudnn.c  the description in the handle's place, then the real cuDNN; or
 *                                 the emulated one (tests/gpu/emulator); notes what it answers
 *   cuDNN -------------- driver.c a libcuda.so.1 that loads what cuDNN compiles
 */
#ifndef PLEAT_TESTS_GPU_DESCRIBED_H
#define PLEAT_TESTS_GPU_DESCRIBED_H

#include "pleat/engine.h"

typedef struct described_gpu {
    const char *name, *full;
    int version;                      /* 900: sm_90 */
    int sms, shared, blocks, threads; /* of a multiprocessor: bytes a block may take, ... */
    int clock, memory_clock;          /* kHz */
    int cache;                        /* bytes of L2 */
    int64_t memory;                   /* bytes */
} described_gpu;

extern const described_gpu described_gpus[]; /* ends with an empty name */
extern const described_gpu *described_gpu_now;

/* What cuDNN answered to one graph. */
typedef struct answer {
    pleat_conv_desc conv;
    pleat_precision precision;
    int pass; /* 0 forward, 1 data, 2 weights */
    int fused;
    int named;    /* configurations, of all heuristics asked; 0 and planned: made of its numbers */
    int planned;  /* those that became a plan */
    int taken;    /* those that the module timed: right for it, and with little enough workspace */
    int compiled; /* of those taken: at run time */
    int tensor;   /* of those taken: on tensor cores */
    uint64_t engines[2]; /* of those taken: a bit for each number below 128 */
    int64_t workspace;   /* the most of those taken, bytes */
    char why[160];       /* of the last that did not become a plan */
} answer;

/* All answers since the last clear. */
typedef struct answers {
    answer *rows;
    int n, room;
} answers;
extern answers described_answers;
void described_clear(void);

/* The convolution that the next graphs are of; NULL: not noted. */
void described_conv(const pleat_conv_desc *conv, pleat_precision precision);

/* What tensor `name` of the next graphs is made instead (conv_graph.h's names, and 4, 5 inside);
 * name -1: nothing. type: cudnnDataType_t. */
void described_vary(int name, int type);

/* From now on this GPU, by the real cuDNN. NULL, or why that cannot be. */
const char *described_open(const described_gpu *gpu);
/* From now on the emulated cuDNN in `module`. NULL, or why not. */
const char *described_emulate(const char *module);

#endif /* PLEAT_TESTS_GPU_DESCRIBED_H */
