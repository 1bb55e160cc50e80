/* contact_sheet.c - rows of three tiles, each a slice of a patch, with captions. */
#include "contact_sheet.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TILES = 3, GAP = 12, SCALE = 2, HEAD = 2 * PLEAT_PICTURE_LINE * SCALE };
static const double TILE = 320.0; /* pixels of the longer side, about */
static const double ALPHA = 0.3;  /* of a class's pleat_colour over the image */
static const pleat_colour GROUND = {24, 24, 28}, WORDS = {235, 235, 235}, FAINT = {150, 150, 160};

typedef struct tile {
    int width, height;
} tile;

/* A whole number of pixels per voxel along x, so that what is one voxel looks like one. */
static tile tile_of(const contact *c) {
    const double wide = c->patch[2] * c->spacing[2], high = c->patch[1] * c->spacing[1];
    const double most = wide > high ? wide : high;
    double zoom = round(TILE / most * c->spacing[2]);
    if (zoom < 1.0) zoom = 1.0;
    const double height = zoom * c->patch[1] * c->spacing[1] / c->spacing[2];
    return (tile){(int)zoom * c->patch[2], height < 1.0 ? 1 : (int)round(height)};
}

static int row_height(tile t) { return 2 * PLEAT_PICTURE_LINE * SCALE + GAP / 2 + t.height + GAP; }

pleat_status contact_begin(contact *c, const char *title) {
    static const char *const names[TILES] = {"before", "after", "mask"};
    const tile t = tile_of(c);
    const int width = GAP + TILES * (t.width + GAP), top = GAP + 2 * HEAD;
    PLEAT_TRY(
        pleat_picture_make(width, top + c->rows * c->channels * row_height(t), GROUND, &c->sheet));
    pleat_picture_text(&c->sheet, GAP, GAP, SCALE, WORDS, title);
    for (int k = 0; k < TILES; k++)
        pleat_picture_text(&c->sheet, GAP + k * (t.width + GAP), GAP + HEAD, SCALE, WORDS,
                           names[k]);
    return PLEAT_OK;
}

/* --- captions --------------------------------------------------------------------------------- */

static void add(char line[160], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char line[160], const char *format, ...) {
    const size_t used = strlen(line);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line + used, 160 - used, format, args);
    va_end(args);
}

void contact_caption(const pleat_sample *s, int channel, char first[160], char second[160]) {
    const double degrees = 180.0 / 3.14159265358979323846;
    first[0] = second[0] = '\0';
    if (s->mirror[0] || s->mirror[1] || s->mirror[2])
        add(first, "  mirror %s%s%s", s->mirror[2] ? "x" : "", s->mirror[1] ? "y" : "",
            s->mirror[0] ? "z" : "");
    if (s->contrast[channel] != 0.0) add(first, "  contrast %.2f", s->contrast[channel]);
    if (s->brightness[channel] != 0.0) add(first, "  brightness %.2f", s->brightness[channel]);
    if (s->gamma[channel] != 0.0) add(first, "  gamma %.2f", s->gamma[channel]);
    if (s->noise != 0.0) add(first, "  noise %.3f", s->noise);
    if (s->elastic_alpha != 0.0)
        add(second, "  elastic %.0f / %.1f", s->elastic_alpha, s->elastic_sigma);
    if (s->rotation[0] != 0.0 || s->rotation[1] != 0.0 || s->rotation[2] != 0.0)
        add(second, "  rotation %.0f %.0f %.0f", degrees * s->rotation[0], degrees * s->rotation[1],
            degrees * s->rotation[2]);
    if (s->scale != 0.0) add(second, "  scale %.2f", s->scale);
    if (first[0] == '\0' && second[0] == '\0') add(first, "  unchanged");
}

/* --- tiles ------------------------------------------------------------------------------------ */

/* The slice with the most classes, of these with the most foreground; else the middle. */
static int best_slice(const contact *c, const uint8_t *label) {
    const size_t slice = (size_t)c->patch[1] * (size_t)c->patch[2];
    size_t most = 0;
    int best = c->patch[0] / 2;
    for (int d = 0; d < c->patch[0]; d++) {
        uint8_t seen[256] = {0};
        size_t classes = 0, foreground = 0;
        for (size_t i = 0; i < slice; i++) {
            const uint8_t k = label[(size_t)d * slice + i];
            if (k == 0 || k == PLEAT_NO_CLASS) continue;
            foreground++;
            classes += !seen[k];
            seen[k] = 1;
        }
        const size_t worth = classes * slice * 2 + foreground;
        if (worth > most) best = d;
        if (worth > most) most = worth;
    }
    return best;
}

static uint8_t mix(uint8_t below, uint8_t above) {
    return (uint8_t)lround((1.0 - ALPHA) * below + ALPHA * above);
}

typedef struct patch_slice { /* of an image [patch, C] */
    const float *image;
    int channel, d;
} patch_slice;

/* label NULL: grey alone. */
static void draw_slice(contact *c, int x, int y, patch_slice from, const uint8_t *label) {
    const tile t = tile_of(c);
    const size_t first = (size_t)from.d * (size_t)c->patch[1] * (size_t)c->patch[2];
    const float low = c->low[from.channel], high = c->high[from.channel];
    for (int v = 0; v < t.height; v++)
        for (int u = 0; u < t.width; u++) {
            int h = (int)((double)v * c->patch[1] / t.height);
            if (!c->upside_down) h = c->patch[1] - 1 - h;
            const int w = (int)((double)u * c->patch[2] / t.width);
            const size_t i = first + (size_t)h * (size_t)c->patch[2] + (size_t)w;
            const float x_i = from.image[i * (size_t)c->channels + (size_t)from.channel];
            const double grey = 255.0 * (x_i - low) / (high - low);
            const uint8_t g = (uint8_t)(grey > 0.0 ? grey < 255.0 ? grey : 255.0 : 0.0);
            pleat_colour pixel = {g, g, g};
            if (label != NULL && label[i] != 0) {
                const pleat_colour over = c->colours[label[i]];
                pixel = (pleat_colour){mix(g, over.red), mix(g, over.green), mix(g, over.blue)};
            }
            pleat_picture_set(&c->sheet, x + u, y + v, pixel);
        }
}

/* Where slice `d` of the patch comes from, as far as mirror and scale tell. */
static int slice_before(const contact *c, const pleat_sample *sample, int d) {
    const double middle = 0.5 * (c->patch[0] - 1);
    const double scale = sample->scale != 0.0 ? sample->scale : 1.0;
    const double from = middle + scale * (d - middle) * (sample->mirror[0] ? -1.0 : 1.0);
    const int slice = (int)lround(from);
    return slice < 0 ? 0 : slice < c->patch[0] ? slice : c->patch[0] - 1;
}

/* The tiles of one channel, whose captions begin at `top`. */
static void draw_channel(contact *c, int channel, int top, const pleat_sample *sample,
                         const float *before, const float *after, const uint8_t *label) {
    const tile t = tile_of(c);
    const int line = PLEAT_PICTURE_LINE * SCALE, indent = GAP + 2 * PLEAT_PICTURE_LETTER * SCALE;
    char first[160], second[160];
    contact_caption(sample, channel, first, second);
    pleat_picture_text(&c->sheet, indent, top, SCALE, FAINT, first);
    pleat_picture_text(&c->sheet, indent, top + line, SCALE, FAINT, second);
    const int d = best_slice(c, label), y = top + 2 * line + GAP / 2;
    const patch_slice now = {after, channel, d};
    draw_slice(c, GAP, y, (patch_slice){before, channel, slice_before(c, sample, d)}, NULL);
    draw_slice(c, GAP + t.width + GAP, y, now, NULL);
    draw_slice(c, GAP + 2 * (t.width + GAP), y, now, label);
}

void contact_row(contact *c, int row, const pleat_sample *sample, const float *before,
                 const float *after, const uint8_t *label) {
    const int height = row_height(tile_of(c));
    const int top = GAP + 2 * HEAD + row * c->channels * height;
    char name[32];
    (void)snprintf(name, sizeof name, "%d", row);
    pleat_picture_text(&c->sheet, GAP, top, SCALE, WORDS, name);
    for (int k = 0; k < c->channels; k++)
        draw_channel(c, k, top + k * height, sample, before, after, label);
}
