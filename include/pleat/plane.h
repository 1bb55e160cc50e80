/*
 * plane.h - a slice of a volume along any of its axes, for the eye.
 *
 * It is turned as radiologists hang it: the patient's right on the left, the front or the head on
 * top; the letters at its edges say so, from the affine. Voxels are shown at their true shape.
 */
#ifndef PLEAT_PLANE_H
#define PLEAT_PLANE_H

#include "pleat/classes.h"
#include "pleat/picture.h"
#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Across a patient from side to side, from front to back, from head to feet. */
typedef enum pleat_plane_name {
    PLEAT_AXIAL,
    PLEAT_CORONAL,
    PLEAT_SAGITTAL,
    PLEAT_PLANES
} pleat_plane_name;

typedef struct pleat_plane { /* plain bytes but for its pixels */
    int width, height;
    char letters[5];        /* at left, right, top, bottom: "RLAP" */
    uint8_t *grey, *labels; /* [height, width], one block that grey owns; labels as those given */
} pleat_plane;

/* The axis of the volume (0, 1, 2: D, H, W) that a plane lies across; `axes` says where its x, y
 * and z lead, "RAS", say. */
int pleat_plane_across(const char axes[4], pleat_plane_name name);

/* Slice `at` along that axis of x[D,H,W]; low and what is below becomes black, high white. labels
 * [D,H,W] may be NULL. The longer side has `longest` pixels. ERR_MEMORY; freed by the caller. */
pleat_status pleat_plane_cut(const pleat_geometry *geometry, const char axes[4],
                             pleat_plane_name name, int at, const float *x, double low, double high,
                             const uint8_t *labels, int longest, pleat_plane *out);
void pleat_plane_free(pleat_plane *plane);

/* Draws it at (x, y) of a picture, its labels in paint[256] above the grey. */
void pleat_plane_draw(const pleat_plane *plane, const pleat_paint *paint, pleat_picture *p, int x,
                      int y);

/* paint[256] by the labels of files: of regions, which overlap, that of the last a label is in; a
 * label that is no class's is white. `cover` is 0 .. 255. */
void pleat_plane_paints(const pleat_classes *classes, int cover, pleat_paint *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PLANE_H */
