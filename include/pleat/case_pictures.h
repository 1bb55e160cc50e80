/*
 * case_pictures.h - a case for the eye: image, truth and prediction, slice by slice.
 *
 *   sprites     all slices shown, in rows and columns of one PNG, a PNG for each layer: the grey
 *               image, truth, prediction, errors; these three transparent where there is nothing
 *   sheet.png   a row per class: the slices with most true positives, false positives and false
 *               negatives, coloured so
 *   slices.gif  image, truth and prediction side by side, a slice after the other
 *
 * Slices are those of the volume's last NIfTI axis. They are turned as radiologists hang them: the
 * patient's right on the left, the front or the head on top; the letters at the edges say so, from
 * the affine. Black and white are the image's 0.5 % and 99.5 % quantiles within `clip`.
 */
#ifndef PLEAT_CASE_PICTURES_H
#define PLEAT_CASE_PICTURES_H

#include "pleat/classes.h"
#include "pleat/picture.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PLEAT_MOST_SLICES = 64 }; /* of a case's sprites */

/* A colour that tells a class from the others, to the colour-blind too: lungs are blue and yellow,
 * infection is red, others of Okabe and Ito's palette (2008), which repeats after seven. */
pleat_colour pleat_class_colour(const pleat_classes *classes, int c);

/* What a voxel is when truth and prediction lie on one another. */
typedef enum pleat_error_kind {
    PLEAT_AGREES_ON_NOTHING,
    PLEAT_TRUE_POSITIVE,
    PLEAT_OTHER_CLASS, /* both are foreground, of different classes */
    PLEAT_FALSE_POSITIVE,
    PLEAT_FALSE_NEGATIVE,
    PLEAT_ERROR_KINDS
} pleat_error_kind;

pleat_colour pleat_error_colour(pleat_error_kind kind); /* IBM's palette: safe as above */

typedef struct pleat_case_source {
    const char *id;
    const char *image; /* paths, of which one may be NULL, and more: not there */
    const char *truth, *prediction;
    int clipped; /* 1: intensities beyond clip are not of interest */
    double clip[2];
} pleat_case_source;

typedef enum pleat_layer {
    PLEAT_LAYER_IMAGE,
    PLEAT_LAYER_TRUTH,
    PLEAT_LAYER_PREDICTION,
    PLEAT_LAYER_ERRORS,
    PLEAT_LAYERS
} pleat_layer;

typedef struct pleat_sprite {
    void *png; /* [n] bytes, owned; NULL: there is no such layer */
    size_t n;
} pleat_sprite;

typedef struct pleat_case_pictures {
    int width, height;            /* pixels of a tile */
    int columns;                  /* tiles in a row of a sprite */
    int slices;                   /* tiles */
    int slice[PLEAT_MOST_SLICES]; /* their voxels along the axis, from 0 */
    int worst;                    /* the tile with most errors, else with most foreground */
    int size[3];                  /* of the volume, x, y, z */
    double mm[3];                 /* of a voxel, x, y, z */
    double pixel;                 /* mm of a tile's pixel */
    char letters[5];              /* at left, right, top, bottom: "RLAP" */
    pleat_sprite layer[PLEAT_LAYERS];
    char lacks[512]; /* why a layer is not there, for people; "" */
} pleat_case_pictures;

/* The sprites, in about `budget` bytes: fewer slices and pixels where more are too much. Where
 * `folder` is not NULL, sheet.png and slices.gif are written into it. A volume that cannot be read
 * or lies on another grid than the others leaves its layer out, as `lacks` says. ERR_NOT_FOUND:
 * nothing is left to be shown; ERR_IO, ERR_MEMORY. To be freed, also after a failure. */
pleat_status pleat_case_pictures_make(const pleat_case_source *source, const pleat_classes *classes,
                                      size_t budget, const char *folder, pleat_case_pictures *out);
void pleat_case_pictures_free(pleat_case_pictures *pictures);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CASE_PICTURES_H */
