/*
 * surface.h - how far apart the surfaces of a class lie in truth and prediction.
 *
 * A surface is a set of elements, each a point with a weight. Every element has a distance: to the
 * nearest element of the other surface, in mm, exact. Tools differ in what an element is and in how
 * a percentile is taken, so the numbers differ too:
 *
 *   definition   an element is                     weighs    95th percentile
 *   deepmind     a corner of voxels of which some   its area  of each direction by area, then the
 *                are inside and some outside                  larger of the two
 *   monai        a voxel inside with one of its     1         of each direction between the nearest
 *                six neighbours outside                       ranks, then the larger of the two
 *   medpy        as monai                           1         of both directions taken together
 *
 *   HD    the largest distance            ASSD   the mean over both surfaces' elements
 *   HD95  the 95th percentile             MASD   the mean of the two directions' means
 *   NSD   the share of both surfaces that lies within a tolerance of the other
 *
 * What lies beyond the volume is outside. These are surface-distance 0.1 (DeepMind; Nikolov et al.
 * 2018, arXiv:1809.04430), MONAI's compute_hausdorff_distance, compute_average_surface_distance and
 * compute_surface_dice, and MedPy 0.5's hd, hd95 and assd. MASD, and NSD of medpy, which has none,
 * follow the same elements and weights.
 *
 * Distances: the separable transform of Felzenszwalb and Huttenlocher (Theory of Computing 8, 2012)
 * in the box around both surfaces, where nothing outside it can be nearer; its time is linear in
 * the box's voxels, and it holds four bytes of each.
 */
#ifndef PLEAT_SURFACE_H
#define PLEAT_SURFACE_H

#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_pair {           /* two label maps on one grid */
    const uint8_t *truth, *predicted; /* [D,H,W] */
    int dim[3];
    double spacing[3]; /* mm, D, H, W */
    double voxel;      /* mm3; not the product of `spacing` where the axes are skewed */
} pleat_pair;

typedef enum pleat_surface_definition {
    PLEAT_SURFACE_DEEPMIND,
    PLEAT_SURFACE_MONAI,
    PLEAT_SURFACE_MEDPY
} pleat_surface_definition;

const char *pleat_surface_name(int definition); /* "deepmind"; NULL past the last */

typedef struct pleat_surface_distances { /* mm; NaN when one of the surfaces is not there */
    double mean[2];                      /* from truth to prediction, and back */
    double hd, hd95, assd, masd;
    double nsd; /* of 1; 0 when one surface is not there, NaN when neither is */
} pleat_surface_distances;

/* Of class `label`, with a tolerance in mm; a distance that is longer by rounding alone is within
 * it. ERR_MEMORY. */
pleat_status pleat_surface_measure(const pleat_pair *pair, int label, int definition,
                                   double tolerance, pleat_surface_distances *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_SURFACE_H */
