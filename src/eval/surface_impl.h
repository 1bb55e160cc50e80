/* surface_impl.h - the elements of a surface, their areas, and the distances between two. */
#ifndef PLEAT_EVAL_SURFACE_IMPL_H
#define PLEAT_EVAL_SURFACE_IMPL_H

#include "pleat/surface.h"

/* The area in mm2 of the surface in the box between the centres of 2 x 2 x 2 voxels: area[code], in
 * which bit 4 d + 2 h + w says that voxel (d, h, w) is inside. 0 for codes 0 and 255. */
void pleat_surface_areas(const double spacing[3], double area[256]);

typedef struct pleat_elements { /* of one surface */
    uint8_t *code;              /* [D,H,W] of the box; 0: no element */
    size_t n;                   /* elements */
} pleat_elements;

typedef struct pleat_surfaces { /* of truth and prediction, in one box */
    int dim[3];
    pleat_elements of[2];
} pleat_surfaces;

/* The elements of class `label`: by corners, whose codes are those of the areas, else by voxels,
 * whose code is 1. ERR_MEMORY; freed by the caller, also after a failure. */
pleat_status pleat_surface_elements(const pleat_pair *pair, int label, int corners,
                                    pleat_surfaces *out);
void pleat_surfaces_free(pleat_surfaces *surfaces);

/* distance[n] in mm and code[n] of each element of `from`, in order of place, to the nearest one of
 * `to`, which has some. ERR_MEMORY. */
pleat_status pleat_surface_distance(const int dim[3], const double spacing[3],
                                    const pleat_elements *from, const pleat_elements *to,
                                    double *distance, uint8_t *code);

#endif /* PLEAT_EVAL_SURFACE_IMPL_H */
