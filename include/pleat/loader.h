/*
 * loader.h - batches made by threads before they are asked for.
 *
 *   threads    ... make sample t, t+1, t+2 ...    (sampler.h, augment.h)
 *                        |
 *   ring       [ held ][ ready ][ being made ]     depth + 1 batches
 *                 |
 *   next()     the caller's, until its next call
 *
 * A batch is a function of (seed, fold, epoch, iteration): neither the number of threads nor how
 * the ranks share the batch changes a voxel. Errors come out of next(), at the batch they belong
 * to, with the message of the thread that met them.
 */
#ifndef PLEAT_LOADER_H
#define PLEAT_LOADER_H

#include "pleat/augment.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_loader pleat_loader;

typedef struct pleat_loader_config {
    uint64_t seed;
    int fold;
    const pleat_source *const *sources; /* [n_sources], all of as many channels; they outlive the
                                           loader. Readers are called from several threads at
                                           once. */
    int n_sources;
    const pleat_augment_config *augment; /* NULL: plain crops */
    double oversample;                   /* share of patches around a foreground voxel */
    int patch[3];                        /* D, H, W */
    pleat_pad pad;
    int first_epoch;  /* of the first batch */
    int first_batch;  /* of that epoch, from 0; `iterations` is the next epoch's first */
    int iterations;   /* batches of an epoch */
    int batch;        /* samples of a batch, over all ranks */
    int first, count; /* this rank's samples of each batch; count may be 0 */
    int depth;        /* batches made ahead; 2 or 3 hide an uneven reader */
    int threads;      /* >= 1 */
} pleat_loader_config;

/* Everything but the sources is copied. ERR_ARG, ERR_MEMORY. */
pleat_status pleat_loader_start(const pleat_loader_config *config, pleat_loader **out);

/* The next batch, epoch after epoch, without end: images [count, patch, C], labels [count, patch].
 * They are the caller's until the next call. Waits for the threads; after an error, every further
 * call gives it again. */
pleat_status pleat_loader_next(pleat_loader *loader, float **images, uint8_t **labels);

/* The draws of this rank's sample number `ticket` since the first batch, sample ticket % count of
 * batch ticket / count; dims[n_sources] are the sizes of the sources. */
void pleat_loader_draw(const pleat_loader_config *config, const int (*dims)[3], int64_t ticket,
                       pleat_sample *out);

/* Ends the threads, each after the sample it is making, and frees all. NULL is allowed. */
void pleat_loader_stop(pleat_loader *loader);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LOADER_H */
