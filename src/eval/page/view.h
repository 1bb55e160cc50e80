/* view.h - a case in memory, and tiles of it: a slice, turned and at the size that is wanted. */
#ifndef PLEAT_EVAL_VIEW_H
#define PLEAT_EVAL_VIEW_H

#include "pleat/case_pictures.h"
#include "pleat/volume.h"

typedef struct view {
    const char *id;
    const pleat_classes *classes;
    pleat_geometry geometry;             /* of the first volume that was read */
    int known;                           /* it has been */
    uint8_t *image;                      /* [D,H,W] grey, owned as the next; or NULL */
    pleat_label truth, prediction;       /* data NULL: not there */
    uint32_t in[256];                    /* what a voxel of these is in: by its value the class, of
                                            regions the set as in pleat_classes */
    uint8_t shown[256];                  /* as which class; of regions the last it is in */
    int32_t (*count)[PLEAT_ERROR_KINDS]; /* [D][classes], owned: voxels of each kind, of
                                                       each class against the rest */
    int flip[2];                         /* H and W run against the picture */
    char letters[5];
    char lacks[512];
} view;

/* Errors as pleat_case_pictures_make. To be freed, also after a failure. */
pleat_status view_open(const pleat_case_source *source, const pleat_classes *classes, view *out);
void view_close(view *v);

/* How its slices are turned, by the geometry: to the right and downwards go left, back and feet. */
void view_hang(view *v);

/* What values are, by the view's classes. */
void view_learn(view *v);
/* Whether a voxel of truth or prediction with this value is in class c. */
int view_is_in(const view *v, uint8_t value, int c);

/* The slice with most voxels of a kind, of class c or of all from 1 (c < 0); -1 where none has
 * any. With PLEAT_ERROR_KINDS: with most that are wrong. */
int view_most(const view *v, int c, int kind);

/* From the first to the last slice with foreground and one more on each side; else all. */
void view_extent(const view *v, int *first, int *last);

typedef struct tile { /* a slice at some size; each [height, width] */
    int width, height;
    double pixel; /* mm */
    uint8_t *grey, *truth, *prediction, *errors;
} tile;

/* Pixels of the longer side that show every voxel. */
int view_natural(const view *v);
/* A tile whose longer side has `longest` pixels; freed by the caller. ERR_MEMORY. */
pleat_status tile_make(const view *v, int longest, tile *out);
void tile_free(tile *t);
/* Shows slice d, in `levels` greys; errors of class c against the rest, or of all (c < 0). */
void tile_show(tile *t, const view *v, int d, int levels, int c);

/* A tile in a picture at (x, y), `over` ([height, width], NULL: nothing) in paint[256] above the
 * grey; then the letters of its edges. */
void tile_draw(const tile *t, const view *v, const uint8_t *over, const pleat_paint *paint,
               pleat_picture *p, int x, int y);

/* Of the classes, or of the kinds of error: [256], by label. */
void view_class_paints(const pleat_classes *classes, int cover, pleat_paint *out);
void view_error_paints(int cover, pleat_paint *out);

/* sheet.png and slices.gif in `folder`. ERR_IO, ERR_MEMORY. */
pleat_status view_write_sheet(const view *v, const char *folder);
pleat_status view_write_gif(const view *v, const char *folder);

#endif /* PLEAT_EVAL_VIEW_H */
