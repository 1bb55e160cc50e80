/*
 * window.h - a volume cut into overlapping windows, and the predictions put together again.
 *
 * Along each axis windows of w voxels begin every w - overlap voxels; the last one is moved back
 * so that it ends with the volume:
 *
 *   D = 267, w = 160, overlap = 80     0 |-----------|
 *                                     80       |-----------|
 *                                    107         |-----------|
 *
 * An axis shorter than the window has one window, which begins at floor((D - w) / 2) < 0, as a
 * training crop does; voxels outside are padding.
 *
 * The volume's prediction is a weighted mean of the windows'. The grid is a product of three axes,
 * so the weights are too: every axis has a weight per window and voxel, they sum to 1 at each
 * voxel of the axis, and the weight in 3-D is their product. PLEAT_MERGE_NNUNET alone has a least
 * weight in 3-D; its weights do not sum to 1, and pleat_window_mean divides by their sum.
 */
#ifndef PLEAT_WINDOW_H
#define PLEAT_WINDOW_H

#include "pleat/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pleat_merge {
    PLEAT_MERGE_ORIGINAL, /* windows joined one by one, each join the mean of both sides */
    PLEAT_MERGE_UNIFORM,  /* the mean of all windows at a voxel */
    PLEAT_MERGE_GAUSSIAN, /* by a Gaussian about the window's middle, sigma window / 8 */
    PLEAT_MERGE_NNUNET    /* nnU-Net's: about voxel window / 2, and no weight below `least` */
} pleat_merge;

/* "original", "uniform", "gaussian", "nnunet"; NULL after the last. */
const char *pleat_merge_name(int merge);

typedef struct pleat_window {
    int dim[3], window[3]; /* voxels, D, H, W */
    int count[3];          /* windows along each axis */
    int *start[3];         /* [count] */
    double *weight[3];     /* [count, window]; 0 at padding */
    double least; /* no product of three weights counts less; 0: they all count as they are */
} pleat_window;

/* ERR_ARG when an overlap is not 0 .. window-1. pleat_window_free releases *out. */
pleat_status pleat_window_make(const int dim[3], const int window[3], const int overlap[3],
                               pleat_merge merge, pleat_window *out);
void pleat_window_free(pleat_window *window);

/* Windows in all, and where window i of 0 .. count-1 begins (negative: padding); W is fastest. */
int pleat_window_count(const pleat_window *window);
void pleat_window_start(const pleat_window *window, int i, int start[3]);

/* What of window i lies inside the volume. */
typedef struct pleat_window_part {
    int start[3];            /* of the window */
    int from[3], to[3];      /* voxels of the window */
    const double *weight[3]; /* [window], of each axis */
} pleat_window_part;
void pleat_window_part_of(const pleat_window *window, int i, pleat_window_part *out);

/* Axes as bits: D is 1, H is 2, W is 4. */
#define PLEAT_AXIS(a)  (1 << (a))
#define PLEAT_ALL_AXES 7

/* Where voxel `from` of a window's probabilities lies in an array [window] that is mirrored along
 * `mirror`: the place of the first voxel of a part, and how far the next one along each axis is. */
typedef struct pleat_window_walk {
    ptrdiff_t first, step[3]; /* voxels */
} pleat_window_walk;
void pleat_window_walk_of(const int window[3], const int from[3], int mirror,
                          pleat_window_walk *out);

/* Adds window i's weighted `probs` [window, classes] to `sum` [dim, classes], which begins as
 * zeros. probs lie mirrored along the axes of `mirror`: they are of the mirrored window. When all
 * windows were added once, `sum` holds their mean, or with a `least` a multiple of it at each
 * voxel. Threads by OpenMP. */
void pleat_window_accumulate(const pleat_window *window, int i, int mirror, const float *probs,
                             int classes, float *sum);

/* To the mean of a sum to which every window was added `times` times. In place. ERR_MEMORY. */
pleat_status pleat_window_mean(const pleat_window *window, int times, int classes, float *sum);

/* How many ways there are to mirror along any of the axes of `mirror`, not at all among them. */
int pleat_mirror_ways(int mirror);

/* Mirrors n images [dim, C] along the axes of `mirror`, in place. */
void pleat_mirror(float *images, int n, const int dim[3], int channels, int mirror);

/* The sum of which labels alone are wanted: of the planes [H,W] it holds those that windows are
 * still added to, and labels the others.
 *
 *   pleat_window_band_create(&window, batch, classes, labels, &band);    labels [dim]
 *   pleat_window_band_pass(band, i);                 all windows before i are added, and no more
 *   pleat_window_band_add(band, i, mirror, probs);   as pleat_window_accumulate, i to i + batch - 1
 *   pleat_window_band_pass(band, count);             the rest; then free
 *
 * The same labels as pleat_window_accumulate and pleat_argmax of the whole. create: ERR_MEMORY.
 * `window` and `labels` are needed until free, which accepts NULL. bytes: what it takes. */
typedef struct pleat_window_band pleat_window_band;
size_t pleat_window_band_bytes(const pleat_window *window, int batch, int classes);
pleat_status pleat_window_band_create(const pleat_window *window, int batch, int classes,
                                      uint8_t *labels, pleat_window_band **out);
pleat_status pleat_window_band_pass(pleat_window_band *band, int i);
void pleat_window_band_add(pleat_window_band *band, int i, int mirror, const float *probs);
void pleat_window_band_free(pleat_window_band *band);

/* label[voxels]: the class of the highest value of `sum` [voxels, classes]; of equals the first.
 * ERR_ARG unless classes is 1 .. 254. */
pleat_status pleat_argmax(const float *sum, size_t voxels, int classes, uint8_t *label);

/* label[voxels] of `sum` [voxels, regions]: writes[r] of the last region r whose value is more than
 * `above`, else 0. */
void pleat_region_labels(const float *sum, size_t voxels, int regions, float above,
                         const uint8_t *writes, uint8_t *label);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_WINDOW_H */
