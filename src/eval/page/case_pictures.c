/* case_pictures.c - a case's slices as PNGs that fit a budget. */
#include "view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LONGEST = 256, /* pixels of a tile's longer side */
    GOOD = 144,    /* above, pixels are given up before slices */
    LEAST = 48,
    FEW = 16, /* slices that are kept as long as can be */
    GREYS = 64,
    TRIES = 8
};

/* `n` slices from first to last, the worst among them. */
static void choose(const view *v, int n, pleat_case_pictures *out) {
    int first = 0, last = 0, nearest = 0;
    view_extent(v, &first, &last);
    if (n > last - first + 1) n = last - first + 1;
    int worst = view_most(v, -1, PLEAT_ERROR_KINDS);
    if (worst < 0) worst = view_most(v, -1, PLEAT_TRUE_POSITIVE);
    if (worst < 0) worst = (first + last) / 2;
    out->slices = n;
    for (int i = 0; i < n; i++) {
        const double step = n > 1 ? (double)(last - first) / (n - 1) : 0.0;
        out->slice[i] = n > 1 ? first + (int)lround(i * step) : worst;
        if (abs(out->slice[i] - worst) < abs(out->slice[nearest] - worst)) nearest = i;
    }
    out->slice[nearest] = worst;
    out->worst = nearest;
}

static void copy(const pleat_case_pictures *of, int i, const uint8_t *from, uint8_t *to) {
    const size_t w = (size_t)of->width, pitch = w * (size_t)of->columns;
    const size_t rows = (size_t)of->height, row = (size_t)(i / of->columns);
    to += row * rows * pitch + (size_t)(i % of->columns) * w;
    for (size_t y = 0; y < rows; y++) memcpy(to + y * pitch, from + y * w, w);
}

static pleat_status encode(const view *v, const uint8_t *pixels, size_t plane,
                           pleat_case_pictures *out) {
    const int there[PLEAT_LAYERS] = {v->image != NULL, v->truth.data != NULL,
                                     v->prediction.data != NULL,
                                     v->truth.data != NULL && v->prediction.data != NULL};
    const int rows = (out->slices + out->columns - 1) / out->columns;
    pleat_paint classes[256], errors[256];
    view_class_paints(v->classes, 255, classes);
    view_error_paints(255, errors);
    const pleat_paint *paints[PLEAT_LAYERS] = {NULL, classes, classes, errors};
    const int labels = v->classes->n < 256 ? v->classes->n : 256;
    const int colours[PLEAT_LAYERS] = {0, labels, labels, PLEAT_ERROR_KINDS};
    for (int k = 0; k < PLEAT_LAYERS; k++)
        if (there[k])
            PLEAT_TRY(pleat_png_make(out->width * out->columns, out->height * rows,
                                     pixels + (size_t)k * plane, paints[k], colours[k],
                                     &out->layer[k].png, &out->layer[k].n));
    return PLEAT_OK;
}

static pleat_status make(const view *v, int longest, pleat_case_pictures *out) {
    tile t;
    PLEAT_TRY(tile_make(v, longest, &t));
    out->width = t.width;
    out->height = t.height;
    out->pixel = t.pixel;
    out->columns = (int)ceil(sqrt((double)out->slices * t.height / t.width));
    if (out->columns > out->slices) out->columns = out->slices;
    const size_t rows = (size_t)((out->slices + out->columns - 1) / out->columns);
    const size_t n = (size_t)t.width * (size_t)t.height;
    const size_t plane = n * rows * (size_t)out->columns;
    uint8_t *pixels = calloc(PLEAT_LAYERS, plane);
    pleat_status status =
        pixels != NULL ? PLEAT_OK : PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for case '%s'", v->id);
    for (int i = 0; i < out->slices && status == PLEAT_OK; i++) {
        tile_show(&t, v, out->slice[i], GREYS, -1);
        const uint8_t *layers[PLEAT_LAYERS] = {t.grey, t.truth, t.prediction, t.errors};
        for (int k = 0; k < PLEAT_LAYERS; k++) copy(out, i, layers[k], pixels + (size_t)k * plane);
    }
    if (status == PLEAT_OK) status = encode(v, pixels, plane, out);
    free(pixels);
    tile_free(&t);
    return status;
}

static void drop(pleat_case_pictures *pictures) {
    for (int k = 0; k < PLEAT_LAYERS; k++) {
        free(pictures->layer[k].png);
        pictures->layer[k] = (pleat_sprite){0};
    }
}

/* Fewer pixels or slices, so that `bytes` become about `budget`; 0 when there are none to give. */
static int spare(double budget, double bytes, int *longest, int *slices) {
    const double share = 0.95 * budget / bytes;
    if (*longest > GOOD) {
        const int less = (int)(*longest * sqrt(share));
        *longest = less > GOOD ? less : GOOD;
    } else if (*slices > FEW) {
        const int less = (int)(*slices * share);
        *slices = less > FEW ? less : FEW;
    } else if (*longest > LEAST) {
        const int less = (int)(*longest * sqrt(share));
        *longest = less > LEAST ? less : LEAST;
    } else
        return 0;
    return 1;
}

static pleat_status fit(const view *v, size_t budget, pleat_case_pictures *out) {
    int longest = view_natural(v), slices = PLEAT_MOST_SLICES;
    if (longest > LONGEST) longest = LONGEST;
    for (int i = 0; i < TRIES; i++) {
        size_t bytes = 0;
        drop(out);
        choose(v, slices, out);
        slices = out->slices;
        PLEAT_TRY(make(v, longest, out));
        for (int k = 0; k < PLEAT_LAYERS; k++) bytes += out->layer[k].n;
        if (bytes <= budget || !spare((double)budget, (double)bytes, &longest, &slices)) break;
    }
    return PLEAT_OK;
}

pleat_status pleat_case_pictures_make(const pleat_case_source *source, const pleat_classes *classes,
                                      size_t budget, const char *folder, pleat_case_pictures *out) {
    view v;
    *out = (pleat_case_pictures){0};
    pleat_status status = view_open(source, classes, &v);
    for (int a = 0; a < 3 && status == PLEAT_OK; a++) {
        out->size[a] = v.geometry.dim[2 - a];
        out->mm[a] = v.geometry.spacing[2 - a];
    }
    memcpy(out->letters, v.letters, sizeof out->letters);
    (void)snprintf(out->lacks, sizeof out->lacks, "%s", v.lacks);
    if (status == PLEAT_OK) status = fit(&v, budget, out);
    if (status == PLEAT_OK && folder != NULL) status = view_write_sheet(&v, folder);
    if (status == PLEAT_OK && folder != NULL) status = view_write_gif(&v, folder);
    view_close(&v);
    return status;
}

void pleat_case_pictures_free(pleat_case_pictures *pictures) {
    drop(pictures);
    *pictures = (pleat_case_pictures){0};
}
