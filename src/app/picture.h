/*
 * picture.h - a canvas of coloured pixels, small text on it, and PNG files.
 *
 * x goes to the right, y down. What lies outside the canvas is not drawn.
 */
#ifndef PLEAT_APP_PICTURE_H
#define PLEAT_APP_PICTURE_H

#include "pleat/status.h"

#include <stdint.h>

typedef struct colour {
    uint8_t red, green, blue;
} colour;

typedef struct picture {
    int width, height;
    colour *pixel; /* [height, width], owned */
} picture;

/* All of one colour. ERR_MEMORY. */
pleat_status picture_make(int width, int height, colour ground, picture *out);
void picture_free(picture *p);

static inline void picture_set(picture *p, int x, int y, colour c) {
    if (x >= 0 && x < p->width && y >= 0 && y < p->height)
        p->pixel[(size_t)y * (size_t)p->width + (size_t)x] = c;
}

enum { PICTURE_LETTER = 6, PICTURE_LINE = 10 }; /* pixels of a character and a line at scale 1 */

/* Letters, digits and . , : = + - / % ( ); others are blank. (x, y) is the upper left corner. */
void picture_text(picture *p, int x, int y, int scale, colour c, const char *text);

/* Replaces `path`. ERR_IO, ERR_MEMORY. */
pleat_status picture_write(const picture *p, const char *path);

#endif /* PLEAT_APP_PICTURE_H */
