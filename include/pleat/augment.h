/*
 * augment.h - a drawn sample becomes a patch, channels-last.
 *
 * The original augments the whole volume and then crops; here only the patch's voxels are computed.
 * Contrast, brightness and gamma are pointwise once the volume's minimum, maximum and mean are
 * known; gamma's "retain statistics" needs the mean and deviation of the transformed volume, which
 * are sums over a histogram made once per volume. A sample with a spatial part is a cubic B-spline
 * through a box of the toned volume, sampled at the deformed grid. nnU-Net's way is
 * patch_augment.h's.
 */
#ifndef PLEAT_AUGMENT_H
#define PLEAT_AUGMENT_H

#include "pleat/sampler.h"
#include "pleat/status.h"
#include "pleat/volume.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_BINS 4096

typedef struct pleat_histogram { /* of a channel as stored; the same for every mirroring of it */
    double min, max, mean, std;
    double count[PLEAT_BINS], value[PLEAT_BINS]; /* voxels in a bin, and their mean */
} pleat_histogram;

void pleat_histogram_make(const float *data, size_t n, pleat_histogram *out);

/* A box of a case, wherever it lives: either whole volumes in memory, or a reader. */
typedef struct pleat_source {
    int dim[3]; /* D, H, W */
    int channels;
    const float *image;                 /* [C,D,H,W] or NULL: then `read` */
    const uint8_t *label;               /* [D,H,W] or NULL */
    const pleat_histogram *histogram;   /* [C]; NULL: no contrast, gamma or background padding */
    const pleat_foreground *foreground; /* NULL: not listed */
    /* Reads the box start..start+size-1 of a channel, which lies inside the volume; label may be
     * NULL. */
    pleat_status (*read)(void *context, int channel, const int start[3], const int size[3],
                         float *image, uint8_t *label);
    void *context;
} pleat_source;

typedef enum pleat_pad {
    PLEAT_PAD_ZERO,       /* the original: image 0, label no class */
    PLEAT_PAD_BACKGROUND, /* what the channel's minimum becomes, label 0 */
    PLEAT_PAD_NNUNET      /* nnU-Net: image 0, label 0 */
} pleat_pad;

/* "zero", "background", "nnunet"; NULL after the last. */
const char *pleat_pad_name(int pad);
/* Of a channel whose minimum became `darkest`. */
void pleat_pad_values(pleat_pad pad, float darkest, float *value, uint8_t *label);

/* image [patch, C], label [patch]. label may be NULL. */
pleat_status pleat_augment_patch(const pleat_sample *sample, const pleat_source *source,
                                 const int patch[3], pleat_pad pad, float *image, uint8_t *label);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_AUGMENT_H */
