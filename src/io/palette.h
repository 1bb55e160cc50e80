/* palette.h - the colours of a picture, numbered in the order in which they are met. */
#ifndef PLEAT_IO_PALETTE_H
#define PLEAT_IO_PALETTE_H

#include "pleat/picture.h"

enum { PALETTE_COLOURS = 256, PALETTE_PLACES = 1024 };

typedef struct palette { /* begins as zeros */
    int n;
    pleat_colour colour[PALETTE_COLOURS];
    int16_t place[PALETTE_PLACES]; /* by hash: the number of a colour and 1; 0: free */
} palette;

/* The number of `c`, which is added where it is new; -1 when it would be one too many. */
int palette_number(palette *p, pleat_colour c);

/* Those of all pixels of a picture, index[height, width]; 0 when there are too many colours. */
int palette_numbers(palette *p, const pleat_picture *picture, uint8_t *index);

#endif /* PLEAT_IO_PALETTE_H */
