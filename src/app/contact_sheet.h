/*
 * contact_sheet.h - a sheet of patches for people: before, after, and after with its mask.
 *
 *   before                after                 mask
 *   sample 0  mirror x  gamma 1.31
 *             rotation 4 -9 2
 *   [as it was stored] [as the network sees it] [the same, classes in colour]
 *
 * A sample of several channels has as many such rows.
 */
#ifndef PLEAT_APP_CONTACT_H
#define PLEAT_APP_CONTACT_H

#include "pleat/picture.h"

#include "pleat/augment.h"

typedef struct contact {
    int patch[3];      /* D, H, W */
    double spacing[3]; /* mm; a voxel's shape on the sheet */
    int upside_down;   /* rows go from the front of the body to its back: draw them as they lie;
                             else turned, so that the front is on top */
    int channels;
    float low[PLEAT_MAX_CHANNELS], high[PLEAT_MAX_CHANNELS]; /* black and white */
    const pleat_colour *colours;                             /* [256] of the labels */
    int rows;                                                /* samples */
    pleat_picture sheet;
} contact;

/* Lays the sheet out for `rows` samples; the fields above are set. ERR_MEMORY. */
pleat_status contact_begin(contact *c, const char *title);

/* Sample `row`: before and after [patch, C], label [patch]. */
void contact_row(contact *c, int row, const pleat_sample *sample, const float *before,
                 const float *after, const uint8_t *label);

/* What was drawn for a channel, as two lines: intensity and mirror, then space. */
void contact_caption(const pleat_sample *sample, int channel, char first[160], char second[160]);

#endif /* PLEAT_APP_CONTACT_H */
