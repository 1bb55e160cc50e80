/*
 * picture.h - a canvas of coloured pixels, small text on it; PNG files, and GIFs that move.
 *
 * x goes to the right, y down. What lies outside the canvas is not drawn.
 */
#ifndef PLEAT_PICTURE_H
#define PLEAT_PICTURE_H

#include "pleat/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_colour {
    uint8_t red, green, blue;
} pleat_colour;

typedef struct pleat_picture {
    int width, height;
    pleat_colour *pixel; /* [height, width], owned */
} pleat_picture;

/* All of one colour. ERR_MEMORY. */
pleat_status pleat_picture_make(int width, int height, pleat_colour ground, pleat_picture *out);
void pleat_picture_free(pleat_picture *p);

static inline void pleat_picture_set(pleat_picture *p, int x, int y, pleat_colour c) {
    if (x >= 0 && x < p->width && y >= 0 && y < p->height)
        p->pixel[(size_t)y * (size_t)p->width + (size_t)x] = c;
}

/* Pixels of a character and a line at scale 1. */
enum { PLEAT_PICTURE_LETTER = 6, PLEAT_PICTURE_LINE = 10 };

/* Letters, digits and . , : = + - / % ( ); others are blank. (x, y) is the upper left corner. */
void pleat_picture_text(pleat_picture *p, int x, int y, int scale, pleat_colour c,
                        const char *text);

/* A PNG, by a table of colours where 256 are enough: in memory, *bytes of *n, freed by the caller;
 * as a file, which replaces `path`. ERR_IO, ERR_MEMORY. */
pleat_status pleat_picture_png(const pleat_picture *p, void **bytes, size_t *n);
pleat_status pleat_picture_write(const pleat_picture *p, const char *path);

/* The frames[n], n >= 1, of one size, one after another for ever, each for so many hundredths of a
 * second. Replaces `path`. ERR_ARG: more than 256 colours; ERR_IO, ERR_MEMORY. */
pleat_status pleat_picture_write_gif(const pleat_picture *frames, int n, int hundredths,
                                     const char *path);

typedef struct pleat_paint { /* a colour and how much it covers, 0 .. 255 */
    pleat_colour colour;
    uint8_t cover;
} pleat_paint;

/* A PNG in memory, *bytes of *n, freed by the caller, of index[height, width] into paints[k],
 * 1 <= k <= 256; with paints NULL the pixels are grey, 0 .. 255. ERR_MEMORY. */
pleat_status pleat_png_make(int width, int height, const uint8_t *index, const pleat_paint *paints,
                            int k, void **bytes, size_t *n);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PICTURE_H */
