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
 * voxel of the axis, and the weight in 3-D is their product.
 */
#ifndef PLEAT_WINDOW_H
#define PLEAT_WINDOW_H

#include "pleat/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pleat_merge {
    PLEAT_MERGE_ORIGINAL, /* windows joined one by one, each join the mean of both sides */
    PLEAT_MERGE_UNIFORM,  /* the mean of all windows at a voxel */
    PLEAT_MERGE_GAUSSIAN  /* by a Gaussian about the window's middle, sigma window / 8 */
} pleat_merge;

/* "original", "uniform", "gaussian"; NULL after the last. */
const char *pleat_merge_name(int merge);

typedef struct pleat_window {
    int dim[3], window[3]; /* voxels, D, H, W */
    int count[3];          /* windows along each axis */
    int *start[3];         /* [count] */
    double *weight[3];     /* [count, window]; 0 at padding */
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

/* Adds window i's weighted `probs` [window, classes] to `sum` [dim, classes], which begins as
 * zeros and holds the mean when all windows were added. Threads by OpenMP. */
void pleat_window_accumulate(const pleat_window *window, int i, const float *probs, int classes,
                             float *sum);

/* label[voxels]: the class of the highest value of `sum` [voxels, classes]; of equals the first.
 * ERR_ARG unless classes is 1 .. 254. */
pleat_status pleat_argmax(const float *sum, size_t voxels, int classes, uint8_t *label);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_WINDOW_H */
