/* stills.c - sheet.png and slices.gif of a case. */
#include "pleat/file.h"
#include "view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GAP = 10,
    LINE = PLEAT_PICTURE_LINE + 4,
    SHEET_TILE = 240, /* pixels of the longer side */
    GIF_TILE = 176,
    SHEET_GREYS = 48,
    MOST_ROWS = 12, /* classes of a sheet */
    MOST_FRAMES = 24,
    GIF_GREYS = 32, /* at most: noise does not compress */
    COVER = 102,    /* of 255, of a class over the image, */
    BOLD = 153,     /* of an error */
    HUNDREDTHS = 12
};
static const pleat_colour GROUND = {24, 24, 28}, WORDS = {235, 235, 235}, FAINT = {170, 170, 180};

static void text(pleat_picture *p, int x, int y, pleat_colour c, const char *words) {
    pleat_picture_text(p, x, y, 1, c, words);
}

/* --- sheet.png -------------------------------------------------------------------------------- */

static const struct {
    pleat_error_kind kind;
    const char *name;
} COLUMN[] = {{PLEAT_TRUE_POSITIVE, "true positives"},
              {PLEAT_FALSE_POSITIVE, "false positives"},
              {PLEAT_FALSE_NEGATIVE, "false negatives"}};
enum { COLUMNS = sizeof COLUMN / sizeof *COLUMN };

static double ml(const view *v) { return pleat_geometry_voxel(&v->geometry) / 1000.0; }

static void draw_row(pleat_picture *p, tile *t, const view *v, int y, int c,
                     const pleat_paint *paints) {
    char words[200];
    (void)snprintf(words, sizeof words, "%.60s", v->classes->name[c]);
    text(p, GAP, y, WORDS, words);
    for (int k = 0; k < COLUMNS; k++) {
        const int d = view_most(v, c, COLUMN[k].kind), x = GAP + k * (t->width + GAP);
        if (d < 0) {
            (void)snprintf(words, sizeof words, "no %s", COLUMN[k].name);
            text(p, x, y + LINE, FAINT, words);
            continue;
        }
        const int32_t n = v->count[(size_t)d * (size_t)v->classes->n + (size_t)c][COLUMN[k].kind];
        (void)snprintf(words, sizeof words, "most %s: z %d, %.3g ml", COLUMN[k].name, d, n * ml(v));
        text(p, x, y + LINE, FAINT, words);
        tile_show(t, v, d, SHEET_GREYS, c);
        tile_draw(t, v, t->errors, paints, p, x, y + 2 * LINE);
    }
}

static pleat_status draw_sheet(const view *v, tile *t, const char *path) {
    const int rows = v->classes->n - 1 < MOST_ROWS ? v->classes->n - 1 : MOST_ROWS;
    const int row = 2 * LINE + t->height + GAP, head = 2 * LINE + GAP;
    pleat_picture p;
    pleat_paint paints[256];
    char words[200];
    view_error_paints(BOLD, paints);
    const int words_wide = 90 * PLEAT_PICTURE_LETTER, tiles = COLUMNS * (t->width + GAP);
    PLEAT_TRY(pleat_picture_make(GAP + (tiles > words_wide ? tiles : words_wide),
                                 GAP + head + rows * row, GROUND, &p));
    (void)snprintf(words, sizeof words, "%.100s", v->id);
    text(&p, GAP, GAP, WORDS, words);
    int x = GAP;
    for (int k = 0; k < COLUMNS; k++) {
        pleat_picture_text(&p, x, GAP + LINE, 1, pleat_error_colour(COLUMN[k].kind),
                           COLUMN[k].name);
        x += (int)(strlen(COLUMN[k].name) + 2) * PLEAT_PICTURE_LETTER;
    }
    for (int c = 1; c <= rows; c++) draw_row(&p, t, v, GAP + head + (c - 1) * row, c, paints);
    const pleat_status status = pleat_picture_write(&p, path);
    pleat_picture_free(&p);
    return status;
}

pleat_status view_write_sheet(const view *v, const char *folder) {
    char path[PLEAT_PATH_BYTES];
    tile t;
    if (v->truth.data == NULL || v->prediction.data == NULL) return PLEAT_OK;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/sheet.png", folder));
    PLEAT_TRY(tile_make(v, SHEET_TILE, &t));
    const pleat_status status = draw_sheet(v, &t, path);
    tile_free(&t);
    return status;
}

/* --- slices.gif ------------------------------------------------------------------------------- */

/* Greys, each of which has room for itself and under each of the classes' colours, of which there
 * are ten at most: a GIF has 256. */
static int greys_for(int classes) {
    const int room = (256 - 8) / (classes < 11 ? classes : 11);
    return room < GIF_GREYS ? room : GIF_GREYS;
}

static pleat_status draw_frame(const view *v, tile *t, int d, const pleat_paint *paints,
                               pleat_picture *out) {
    static const char *const names[] = {"image", "truth", "prediction"};
    const uint8_t *over[] = {NULL, t->truth, t->prediction};
    const int panels = 3, least = 48 * PLEAT_PICTURE_LETTER;
    char words[200];
    int width = GAP + panels * (t->width + GAP);
    if (width < least) width = least;
    PLEAT_TRY(pleat_picture_make(width, GAP + 2 * LINE + t->height + GAP, GROUND, out));
    tile_show(t, v, d, greys_for(v->classes->n), -1);
    (void)snprintf(words, sizeof words, "z %d of 0 - %d  %.100s", d, v->geometry.dim[0] - 1, v->id);
    text(out, GAP, GAP, WORDS, words);
    for (int k = 0; k < panels; k++) {
        const int x = GAP + k * (t->width + GAP);
        text(out, x, GAP + LINE, FAINT, names[k]);
        tile_draw(t, v, over[k], paints, out, x, GAP + 2 * LINE);
    }
    return PLEAT_OK;
}

static pleat_status draw_gif(const view *v, tile *t, const char *path) {
    pleat_picture frames[MOST_FRAMES] = {{0}};
    pleat_paint paints[256];
    int first = 0, last = 0;
    pleat_status status = PLEAT_OK;
    view_class_paints(v->classes, COVER, paints);
    view_extent(v, &first, &last);
    const int n = last - first + 1 < MOST_FRAMES ? last - first + 1 : MOST_FRAMES;
    for (int i = 0; i < n && status == PLEAT_OK; i++)
        status = draw_frame(v, t, n > 1 ? first + i * (last - first) / (n - 1) : first, paints,
                            &frames[i]);
    if (status == PLEAT_OK) status = pleat_picture_write_gif(frames, n, HUNDREDTHS, path);
    for (int i = 0; i < n; i++) pleat_picture_free(&frames[i]);
    return status;
}

pleat_status view_write_gif(const view *v, const char *folder) {
    char path[PLEAT_PATH_BYTES];
    tile t;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/slices.gif", folder));
    PLEAT_TRY(tile_make(v, GIF_TILE, &t));
    const pleat_status status = draw_gif(v, &t, path);
    tile_free(&t);
    return status;
}
