/*
 * components.h - the connected parts of a class: voxels that touch at a face, an edge or a corner
 * (26 neighbours) are of one part.
 */
#ifndef PLEAT_COMPONENTS_H
#define PLEAT_COMPONENTS_H

#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_component {
    int64_t voxels;
    int64_t shared; /* of them, those that are of the class in the other label map too */
} pleat_component;

/* The parts of class `label` in labels[D,H,W], in the order of their first voxels, against
 * other[D,H,W]; *out is freed by the caller, NULL when there are none. Time and memory go with the
 * rows and the runs of voxels in them. ERR_MEMORY. */
pleat_status pleat_components_find(const uint8_t *labels, const uint8_t *other, const int dim[3],
                                   int label, pleat_component **out, int *n);

/* Of `label`, or of all labels but 0 together where it is 0: voxels that are not in the largest
 * part become 0; equal largest parts all stay. In place. ERR_MEMORY. */
pleat_status pleat_components_keep_largest(uint8_t *labels, const int dim[3], int label);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_COMPONENTS_H */
