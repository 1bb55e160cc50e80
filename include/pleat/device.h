/*
 * device.h - what an engine with memory of its own does beyond its operations: a GPU's half of the
 * engine's seam.
 *
 *   const pleat_device_ops *device = pleat_device_of(engine);
 *   device->memory(engine, &unused, &total);              total 0: it computes in host memory
 *
 * Every engine has one. Of an engine in host memory it is the default, with the host's own windows
 * and the group's own communicator; it has no memory of its own to keep cases or batches in.
 */
#ifndef PLEAT_DEVICE_H
#define PLEAT_DEVICE_H

#include "pleat/augment.h"
#include "pleat/comm.h"
#include "pleat/engine.h"
#include "pleat/window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_device_case pleat_device_case;       /* a case in the device's memory */
typedef struct pleat_device_augment pleat_device_augment; /* what makes patches of cases */
typedef struct pleat_window_sum pleat_window_sum;         /* of a volume's windows */
typedef struct pleat_staging pleat_staging;               /* batches on their way there */

/* pleat_augment_patch where the cases are.
 *
 *   patches->case_create(engine, &source, 1, &kept);    once for each case, while they fit
 *   patches->create(engine, patch, channels, voxels, &augment);       once for each engine
 *   patches->realise(augment, &sample, kept, pad, image, label);      queued, nothing waits
 *
 * The same sample gives the same patch as on the CPU: to 1e-5 of intensities of a few units, and
 * labels alike. Calls queue in the engine's order. engine NULL: the device that is current. */
typedef struct pleat_patch_ops {
    /* Copies a case of at most 2^31 - 1 voxels, all channels, its label too when it has one; `from`
     * is not needed afterwards. A case with a reader is asked for its label when with_label. Waits.
     * case_bytes: what it takes of the device's memory. destroy(NULL) does nothing. */
    pleat_status (*case_create)(pleat_engine *engine, const pleat_source *from, int with_label,
                                pleat_device_case **out);
    void (*case_destroy)(pleat_device_case *kept);
    size_t (*case_bytes)(const int dim[3], int channels, int with_label);

    /* For patches [patch, C] of cases of at most `voxels` voxels, in scratch_bytes of the device.
     * To be destroyed before the engine. */
    size_t (*scratch_bytes)(const int patch[3], int channels, size_t voxels);
    pleat_status (*create)(pleat_engine *engine, const int patch[3], int channels, size_t voxels,
                           pleat_device_augment **out);
    void (*destroy)(pleat_device_augment *augment);

    /* As pleat_augment_patch, into the device's memory: image [patch, C], label [patch] or NULL. */
    pleat_status (*realise)(pleat_device_augment *augment, const pleat_sample *sample,
                            const pleat_device_case *kept, pleat_pad pad, float *image,
                            uint8_t *label);
    /* The same with the image in the engine's activation type: the input of a network. */
    pleat_status (*realise_input)(pleat_device_augment *augment, const pleat_sample *sample,
                                  const pleat_device_case *kept, pleat_pad pad, void *x,
                                  uint8_t *label);
    /* The same into host memory; waits. */
    pleat_status (*realise_on_host)(pleat_device_augment *augment, const pleat_sample *sample,
                                    const pleat_device_case *kept, pleat_pad pad, float *image,
                                    uint8_t *label);
} pleat_patch_ops;

/* The sum of a volume's windows where their probabilities are: only labels come to the host.
 *
 *   windows->create(engine, &window, classes, &sum);    for each volume, where its bytes fit
 *   windows->add(sum, i, mirror, probs);                for each window: queued, nothing waits
 *   windows->label(sum, labels);                        or values(sum, &values)
 *
 * The same probabilities in the same order give the same bits and labels everywhere. */
typedef struct pleat_window_ops {
    /* What a sum takes of memory. */
    size_t (*bytes)(const pleat_window *window, int classes);

    /* A sum of zeros; `window` is needed until destroy, which comes before the engine's.
     * ERR_ARG unless classes is 1 .. 254. destroy(NULL) does nothing. */
    pleat_status (*create)(pleat_engine *engine, const pleat_window *window, int classes,
                           pleat_window_sum **out);
    void (*destroy)(pleat_window_sum *sum);

    /* As pleat_window_accumulate: window i's probs [window, classes], of that memory. */
    pleat_status (*add)(pleat_window_sum *sum, int i, int mirror, const float *probs);

    /* As pleat_argmax: labels [dim] of the host. Waits. */
    pleat_status (*label)(pleat_window_sum *sum, uint8_t *labels);

    /* The sum itself [dim, classes], which the caller frees: nothing but destroy may follow.
     * Waits. ERR_MEMORY. */
    pleat_status (*values)(pleat_window_sum *sum, float **out);
} pleat_window_ops;

/* In host memory, for any engine whose probabilities have been brought there. */
extern const pleat_window_ops pleat_host_windows;

typedef struct pleat_meters { /* each -1 where it is not known */
    double energy_mj;         /* mJ since the driver was loaded */
    double busy;              /* per cent of the last moments */
    double celsius;           /* of the chip */
    double mhz;               /* of its multiprocessors' clock */
} pleat_meters;

typedef struct pleat_device_ops {
    /* Bytes of the device's own memory, now. Both 0: it has none, and `patches` is NULL and nothing
     * is staged: batches come from the host. */
    pleat_status (*memory)(pleat_engine *engine, size_t *unused, size_t *total);

    const pleat_patch_ops *patches;
    const pleat_window_ops *windows;

    /* Two batches of n voxels of `channels` on their way through pinned memory. put: copies to
     * pinned memory and sets out, beside what the engine does; waits while two are under way. take:
     * the one put first, queued in the engine's order: x of its activation type. ERR_ARG when none
     * was put. destroy(NULL) does nothing. */
    pleat_status (*staging_create)(pleat_engine *engine, size_t n, int channels,
                                   pleat_staging **out);
    void (*staging_destroy)(pleat_staging *staging);
    pleat_status (*staging_put)(pleat_staging *staging, const float *images, const uint8_t *labels);
    pleat_status (*staging_take)(pleat_staging *staging, void *x, uint8_t *labels);

    /* What the device's meters say now. */
    void (*meter)(pleat_engine *engine, pleat_meters *out);

    /* A communicator of the engine's memory over one of host memory, which outlives it; *out NULL
     * where that one will do. `me` is "rank 3 (host n2)", for messages; a peer that is silent for
     * timeout_s is given up (0: pleat_comm_limit_s). ERR_UNSUPPORTED names two ranks that share a
     * device, unless `share` allows it. Collective. */
    pleat_status (*comm_create)(pleat_comm *control, pleat_engine *engine, double timeout_s,
                                const char *me, int share, pleat_comm **out);
} pleat_device_ops;

/* The engine's own, or the default for host memory. */
const pleat_device_ops *pleat_device_of(const pleat_engine *engine);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_DEVICE_H */
