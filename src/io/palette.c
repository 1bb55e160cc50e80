/* palette.c - a small table of colours, found by hashing. */
#include "palette.h"

static int same(pleat_colour a, pleat_colour b) {
    return a.red == b.red && a.green == b.green && a.blue == b.blue;
}

int palette_number(palette *p, pleat_colour c) {
    const uint32_t word = (uint32_t)c.red << 16 | (uint32_t)c.green << 8 | c.blue;
    uint32_t at = (word * 2654435761U) >> 22; /* Knuth's multiplicative hash, ten bits */
    while (p->place[at] != 0) {
        const int number = p->place[at] - 1;
        if (same(p->colour[number], c)) return number;
        at = (at + 1) % PALETTE_PLACES;
    }
    if (p->n == PALETTE_COLOURS) return -1;
    p->colour[p->n] = c;
    p->place[at] = (int16_t)++p->n;
    return p->n - 1;
}

int palette_numbers(palette *p, const pleat_picture *picture, uint8_t *index) {
    const size_t n = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < n; i++) {
        const int again = i > 0 && same(picture->pixel[i], picture->pixel[i - 1]);
        const int number = again ? index[i - 1] : palette_number(p, picture->pixel[i]);
        if (number < 0) return 0;
        index[i] = (uint8_t)number;
    }
    return 1;
}
