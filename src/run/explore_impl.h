/* explore_impl.h - what src/run/explore*.c share: what is kept of the voxels of a case. */
#ifndef PLEAT_EXPLORE_IMPL_H
#define PLEAT_EXPLORE_IMPL_H

#include "check_impl.h"

#include "pleat/explore.h"
#include "pleat/quantiles.h"

/* The voxels of a label in a channel of a case. */
typedef struct explore_lump {
    int at, channel, label;
    int points;
    size_t first; /* of its points; set when all ranks' are together */
    int64_t n;
    double mean, squares; /* sum of squared deviations from the mean */
    double min, max;
} explore_lump;

/* Of a case, whatever the channel. */
typedef struct explore_seen {
    int at, labelled;
    int low[3], high[3]; /* the box of voxels that are not 0; high below low: all are */
    int slice[3];        /* to be shown, along D, H, W */
} explore_seen;

/* A plane without its pixels, which follow those of the plane before. */
typedef struct explore_plane {
    int at, channel, name, slice;
    pleat_plane plane;
} explore_plane;

typedef struct explore_list { /* of bytes, owned */
    void *data;
    size_t n, room;
} explore_list;

typedef enum explore_part { LUMPS, POINTS, SEEN, TILES, PIXELS, EXPLORE_PARTS } explore_part;

typedef struct explore_work {
    const pleat_explore_how *how;
    explore_list list[EXPLORE_PARTS]; /* of this rank; on rank 0 afterwards of all */
    pleat_exploration *out;
} explore_work;

/* explore_measure.c: what a check shows its guest. */
pleat_status explore_image(void *self, const check_work *w, const check_facts *facts, int first,
                           const pleat_image *image, const pleat_label *mask);
/* Whether case `at` of n is one of those that are shown. */
int explore_shows(int pictures, int at, int n);

/* explore_mix.c: what lumps together are. */
typedef struct explore_lumps {
    const explore_lump *lump; /* [n] */
    const pleat_point *point;
    size_t n;
} explore_lumps;

/* Of lumps each of whose voxels has weight[n]; 0 leaves one out. *points (NULL: not wanted),
 * sorted, are the caller's to free. ERR_MEMORY. */
pleat_status explore_mix(const explore_lumps *lumps, const double *weight,
                         pleat_explored_values *out, pleat_point **points, size_t *n_points);

/* fingerprint.c: of the cases with use[n]. ERR_MEMORY. */
pleat_status explore_fingerprint(const explore_lumps *lumps, const int *use, pleat_exploration *e);

/* explore_parts.c: of the same cases classes and histograms. ERR_MEMORY. */
pleat_status explore_classes(const explore_lumps *lumps, const int *use, pleat_exploration *e);
pleat_status explore_histograms(const explore_lumps *lumps, const int *use, pleat_exploration *e);

#endif /* PLEAT_EXPLORE_IMPL_H */
