/* tile.c - a slice at the size that is wanted: greys are means of what a pixel covers, labels that
 * of its middle, errors the worst that it covers. */
#include "view.h"

#include <math.h>
#include <stdlib.h>

static const pleat_colour LETTER = {255, 255, 255}, SHADE = {0, 0, 0};

static double wide(const view *v) { return v->geometry.dim[2] * v->geometry.spacing[2]; }
static double high(const view *v) { return v->geometry.dim[1] * v->geometry.spacing[1]; }

int view_natural(const view *v) {
    const double *mm = v->geometry.spacing;
    return (int)ceil(fmax(wide(v), high(v)) / fmin(mm[1], mm[2]) - 1e-6);
}

pleat_status tile_make(const view *v, int longest, tile *out) {
    const double pixel = fmax(wide(v), high(v)) / longest;
    const int w = (int)lround(wide(v) / pixel), h = (int)lround(high(v) / pixel);
    *out = (tile){.width = w > 0 ? w : 1, .height = h > 0 ? h : 1, .pixel = pixel};
    const size_t n = (size_t)out->width * (size_t)out->height;
    out->grey = calloc(4, n);
    PLEAT_CHECK(out->grey != NULL, PLEAT_ERR_MEMORY, "no memory for a picture of case '%s'", v->id);
    out->truth = out->grey + n;
    out->prediction = out->grey + 2 * n;
    out->errors = out->grey + 3 * n;
    return PLEAT_OK;
}

void tile_free(tile *t) {
    free(t->grey);
    *t = (tile){0};
}

typedef struct span { /* of voxels that a pixel covers */
    int from, middle, to;
} span;

static span covered(int pixel, int pixels, int voxels, int flip) {
    const double size = (double)voxels / pixels;
    const int at = flip ? pixels - 1 - pixel : pixel;
    span s = {(int)(at * size), (int)((at + 0.5) * size), (int)ceil((at + 1) * size - 1e-9)};
    if (s.to > voxels) s.to = voxels;
    if (size <= 1.0) s = (span){s.middle, s.middle, s.middle + 1};
    return s;
}

static uint8_t kind_of(const view *v, uint8_t truth, uint8_t predicted, int c) {
    if (truth == PLEAT_IGNORED) return PLEAT_AGREES_ON_NOTHING;
    const uint32_t t = c < 0 ? v->in[truth] : (uint32_t)view_is_in(v, truth, c);
    const uint32_t p = c < 0 ? v->in[predicted] : (uint32_t)view_is_in(v, predicted, c);
    if (t == p) return t > 0 ? PLEAT_TRUE_POSITIVE : PLEAT_AGREES_ON_NOTHING;
    if (t > 0 && p > 0) return PLEAT_OTHER_CLASS;
    return t > 0 ? PLEAT_FALSE_NEGATIVE : PLEAT_FALSE_POSITIVE;
}

/* A label that is no class is not shown. */
static uint8_t class_at(const view *v, const pleat_label *label, size_t i) {
    return label->data != NULL ? v->shown[label->data[i]] : 0;
}

static uint8_t level(double grey, int levels) {
    const int step = (int)(grey * levels / 256.0);
    return (uint8_t)(step * 255 / (levels - 1));
}

void tile_show(tile *t, const view *v, int d, int levels, int c) {
    const int *dim = v->geometry.dim;
    const size_t row = (size_t)dim[2], first = (size_t)d * (size_t)dim[1] * row;
    const uint8_t *truth = v->truth.data, *prediction = v->prediction.data;
    for (int y = 0; y < t->height; y++) {
        const span h = covered(y, t->height, dim[1], v->flip[0]);
        for (int x = 0; x < t->width; x++) {
            const span w = covered(x, t->width, dim[2], v->flip[1]);
            const size_t middle = first + (size_t)h.middle * row + (size_t)w.middle;
            const size_t at = (size_t)y * (size_t)t->width + (size_t)x;
            double sum = 0.0;
            uint8_t worst = 0;
            for (int j = h.from; j < h.to; j++)
                for (int i = w.from; i < w.to; i++) {
                    const size_t k = first + (size_t)j * row + (size_t)i;
                    if (v->image != NULL) sum += v->image[k];
                    if (truth == NULL || prediction == NULL) continue;
                    const uint8_t kind = kind_of(v, truth[k], prediction[k], c);
                    if (kind > worst) worst = kind;
                }
            t->grey[at] = level(sum / ((h.to - h.from) * (w.to - w.from)), levels);
            t->truth[at] = class_at(v, &v->truth, middle);
            t->prediction[at] = class_at(v, &v->prediction, middle);
            t->errors[at] = worst;
        }
    }
}

/* --- drawing ---------------------------------------------------------------------------------- */

static uint8_t mix(int below, int above, int cover) {
    return (uint8_t)((below * (255 - cover) + above * cover + 127) / 255);
}

static void put_letter(pleat_picture *p, int x, int y, char letter) {
    const char text[2] = {letter, '\0'};
    pleat_picture_text(p, x + 1, y + 1, 1, SHADE, text);
    pleat_picture_text(p, x, y, 1, LETTER, text);
}

void tile_draw(const tile *t, const view *v, const uint8_t *over, const pleat_paint *paint,
               pleat_picture *p, int x, int y) {
    const int edge = 2, w = PLEAT_PICTURE_LETTER, h = PLEAT_PICTURE_LINE;
    for (int b = 0; b < t->height; b++)
        for (int a = 0; a < t->width; a++) {
            const size_t at = (size_t)b * (size_t)t->width + (size_t)a;
            const int grey = t->grey[at];
            pleat_colour c = {t->grey[at], t->grey[at], t->grey[at]};
            if (over != NULL && over[at] != 0) {
                const pleat_paint *with = &paint[over[at]];
                c = (pleat_colour){mix(grey, with->colour.red, with->cover),
                                   mix(grey, with->colour.green, with->cover),
                                   mix(grey, with->colour.blue, with->cover)};
            }
            pleat_picture_set(p, x + a, y + b, c);
        }
    put_letter(p, x + edge, y + t->height / 2 - h / 2, v->letters[0]);
    put_letter(p, x + t->width - w - edge, y + t->height / 2 - h / 2, v->letters[1]);
    put_letter(p, x + t->width / 2 - w / 2, y + edge, v->letters[2]);
    put_letter(p, x + t->width / 2 - w / 2, y + t->height - h, v->letters[3]);
}
