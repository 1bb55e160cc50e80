/*
 * orient.h - volumes whose axes lead along the patient's: which axis of a file leads where, and its
 * voxels in another order.
 *
 * An orientation is three letters, of the axes x, y, z: RAS leads to the right, the front
 * (anterior) and the head (superior), LPS to the left, the back and the head. Turning exchanges
 * and reverses axes; it computes no voxel, so turning back gives every bit again. Oblique axes
 * follow the nearest ones of the patient and stay oblique.
 */
#ifndef PLEAT_ORIENT_H
#define PLEAT_ORIENT_H

#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pleat_orient {
    PLEAT_ORIENT_NONE, /* as the file has it */
    PLEAT_ORIENT_RAS,
    PLEAT_ORIENT_LPS,
    PLEAT_ORIENT_LAS
} pleat_orient;

const char *pleat_orient_name(int orient); /* "none", "RAS", ...; NULL after the last */

/* Axes D, H, W of a volume made of another one's: axis a is its axis[a], from the end backwards
 * where back[a] is 1. */
typedef struct pleat_turn {
    int axis[3], back[3];
} pleat_turn;

/* Axes x, y, z of a file lead along axis order[] of the patient (0 right, 1 front, 2 head): of all
 * orders the one with the largest product of cosines. */
void pleat_orient_axes(const double affine[3][4], int order[3]);
/* The same as letters, such as "RAS". */
void pleat_orient_text(const double affine[3][4], char out[4]);

/* What turns a volume that lies so into the orientation; nothing for PLEAT_ORIENT_NONE. */
pleat_turn pleat_turn_to(const pleat_geometry *geometry, int orient);
/* What turns it back. */
pleat_turn pleat_turn_back(const pleat_turn *turn);

/* dim, spacing and affine of the turned volume; everything else is that of `in`. */
void pleat_turn_geometry(const pleat_turn *turn, const pleat_geometry *in, pleat_geometry *out);
/* `in`, of dim D, H, W voxels of so many bytes, into `out`, which does not overlap it. */
void pleat_turn_voxels(const pleat_turn *turn, const void *in, const int dim[3], size_t bytes,
                       void *out);
/* In place; holds a second copy meanwhile. ERR_MEMORY. */
pleat_status pleat_turn_image(const pleat_turn *turn, pleat_image *image);
pleat_status pleat_turn_label(const pleat_turn *turn, pleat_label *label);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_ORIENT_H */
