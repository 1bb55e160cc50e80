/*
 * volume.h - a 3-D array of voxels and where it lies in the patient.
 *
 * Code holds sizes as D, H, W = z, y, x: index 0 is the slowest axis in memory and the
 * last NIfTI axis. Users write x, y, z; only configuration and messages turn them round.
 *
 *   voxel (d, h, w) of a volume is data[(d * H + h) * W + w]
 */
#ifndef PLEAT_VOLUME_H
#define PLEAT_VOLUME_H

#include "pleat/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_MAX_CLASSES 255 /* background included: labels are 0 .. 254, as uint8 */

/* Everything of a NIfTI header that a prediction must carry back. */
typedef struct pleat_geometry {
    int dim[3];          /* voxels, D, H, W */
    double spacing[3];   /* mm, D, H, W: column norms of `affine` */
    double affine[3][4]; /* voxel (x, y, z, 1) -> mm; sform, else qform, else pixdim */
    int sform_code, qform_code, xyzt_units;
    double sform[3][4]; /* as stored; meaningful when sform_code > 0 */
    double quatern[3];  /* b, c, d; meaningful when qform_code > 0 */
    double qoffset[3];  /* mm, x, y, z */
    double pixdim[8];   /* as stored; [0] is qfac, [1..3] x, y, z */
} pleat_geometry;

typedef struct pleat_image {
    int dim[3];        /* D, H, W */
    double spacing[3]; /* mm, D, H, W */
    float *data;       /* [D,H,W], owned */
} pleat_image;

typedef struct pleat_label {
    int dim[3];        /* D, H, W */
    double spacing[3]; /* mm, D, H, W */
    uint8_t *data;     /* [D,H,W], owned */
} pleat_label;

/* Voxels of a box; never overflows for sizes pleat accepts (each < 2^15). */
static inline size_t pleat_voxels(const int dim[3]) {
    return (size_t)dim[0] * (size_t)dim[1] * (size_t)dim[2];
}

/* Allocates [D,H,W] of zeros. ERR_MEMORY names the size. */
pleat_status pleat_image_make(const int dim[3], const double spacing[3], pleat_image *out);
pleat_status pleat_label_make(const int dim[3], const double spacing[3], pleat_label *out);

/* Frees the voxels and leaves an empty volume; an empty one may be freed again. */
void pleat_image_free(pleat_image *image);
void pleat_label_free(pleat_label *label);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_VOLUME_H */
