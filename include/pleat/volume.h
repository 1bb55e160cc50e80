/*
 * volume.h - a 3-D array of voxels, of one or several channels, and where it lies in the patient.
 *
 * Code holds sizes as D, H, W = z, y, x: index 0 is the slowest axis in memory and the
 * last NIfTI axis. Users write x, y, z; only configuration and messages turn them round.
 *
 *   voxel (d, h, w) of a volume is data[(d * H + h) * W + w]
 *
 * An image of several channels is as many volumes on one grid, one after another (planar). A patch
 * for the network is channels-last instead, [D,H,W,C].
 */
#ifndef PLEAT_VOLUME_H
#define PLEAT_VOLUME_H

#include "pleat/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_MAX_CLASSES  254 /* labels 0..253, background included; two bytes mean none */
#define PLEAT_NO_CLASS     255 /* inside: label of padding, which belongs to no class */
#define PLEAT_IGNORED      254 /* inside: label of voxels that count for nothing */
#define PLEAT_ANNOTATED    255 /* in lists of voxels: of any label but that */
#define PLEAT_MAX_CHANNELS 16  /* of an image */

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
    int channels;
    float *data; /* [C,D,H,W], owned */
} pleat_image;

typedef struct pleat_label {
    int dim[3];        /* D, H, W */
    double spacing[3]; /* mm, D, H, W */
    uint8_t *data;     /* [D,H,W], owned */
} pleat_label;

/* Where the voxels of one grid lie in another, by their affines: m takes (x, y, z, 1) of `from` to
 * x, y, z of `to`. Affines of files that nifti.h reads can be inverted. */
void pleat_geometry_map(const pleat_geometry *from, const pleat_geometry *to, double m[3][4]);
/* How far b lies from a, of the same size: the most that a corner voxel is off along an axis of a,
 * in voxels. */
double pleat_geometry_apart(const pleat_geometry *a, const pleat_geometry *b);

/* By how many degrees two axes miss a right angle, at the most, as those of a tilted gantry do; 0
 * where it is no more than a header rounds. */
double pleat_geometry_skew(const pleat_geometry *g);
/* The mm3 of a voxel: the determinant of a skewed affine, else the product of the spacings. */
double pleat_geometry_voxel(const pleat_geometry *g);

/* Voxels of a box; never overflows for sizes pleat accepts (each < 2^15). */
static inline size_t pleat_voxels(const int dim[3]) {
    return (size_t)dim[0] * (size_t)dim[1] * (size_t)dim[2];
}

/* Of all channels of an image. */
static inline size_t pleat_image_values(const pleat_image *image) {
    return (size_t)image->channels * pleat_voxels(image->dim);
}

/* Voxel [i] of every channel together: planes [C, n] to out [n, C]. */
void pleat_interleave(const float *planes, size_t n, int channels, float *out);

/* Allocates [C,D,H,W] and [D,H,W] of zeros. ERR_MEMORY names the size. */
pleat_status pleat_image_make(int channels, const int dim[3], const double spacing[3],
                              pleat_image *out);
pleat_status pleat_label_make(const int dim[3], const double spacing[3], pleat_label *out);

/* Whether a voxel is anything but background. */
int pleat_label_any(const pleat_label *label);

/* Frees the voxels and leaves an empty volume; an empty one may be freed again. */
void pleat_image_free(pleat_image *image);
void pleat_label_free(pleat_label *label);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_VOLUME_H */
