/* colours.c - a colour for each class and for each kind of error. */
#include "view.h"

#include <stdlib.h>
#include <string.h>

/* The first name that a class's name holds, in small letters. */
static const struct {
    const char *part;
    pleat_colour colour;
} NAMED[] = {
    {"infection", {228, 26, 28}}, {"lung_l", {86, 180, 233}},     {"left lung", {86, 180, 233}},
    {"lung_r", {240, 228, 66}},   {"right lung", {240, 228, 66}}, {"lung", {86, 180, 233}},
};

/* Okabe and Ito's; last those that some readers cannot tell from a kind of error. */
static const pleat_colour PALETTE[] = {
    {213, 94, 0},  {0, 114, 178}, {240, 228, 66}, {204, 121, 167},
    {0, 158, 115}, {230, 159, 0}, {86, 180, 233},
};

pleat_colour pleat_class_colour(const pleat_classes *classes, int c) {
    for (size_t i = 0; c < classes->n && i < sizeof NAMED / sizeof *NAMED; i++)
        if (strcasestr(classes->name[c], NAMED[i].part) != NULL) return NAMED[i].colour;
    return PALETTE[(size_t)(c > 0 ? c - 1 : 0) % (sizeof PALETTE / sizeof *PALETTE)];
}

pleat_colour pleat_error_colour(pleat_error_kind kind) {
    static const pleat_colour colours[PLEAT_ERROR_KINDS] = {
        [PLEAT_TRUE_POSITIVE] = {100, 143, 255},
        [PLEAT_OTHER_CLASS] = {255, 255, 255},
        [PLEAT_FALSE_POSITIVE] = {255, 176, 0},
        [PLEAT_FALSE_NEGATIVE] = {220, 38, 127},
    };
    return colours[kind];
}

void view_class_paints(const pleat_classes *classes, int cover, pleat_paint *out) {
    out[0] = (pleat_paint){0};
    for (int c = 1; c < 256; c++)
        out[c] = (pleat_paint){pleat_class_colour(classes, c), (uint8_t)cover};
}

void view_error_paints(int cover, pleat_paint *out) {
    memset(out, 0, 256 * sizeof *out);
    for (int kind = 1; kind < PLEAT_ERROR_KINDS; kind++)
        out[kind] = (pleat_paint){pleat_error_colour((pleat_error_kind)kind), (uint8_t)cover};
}
