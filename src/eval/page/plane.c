/* plane.c - a slice along any axis becomes a view of one slice, and that a tile. */
#include "pleat/plane.h"
#include "view.h"

#include <stdlib.h>
#include <string.h>

enum { GREYS = 64 };

/* Which of x, y, z leads to one of two sides of the patient. */
static int leads(const char axes[4], const char sides[2]) {
    int a = 0;
    while (a < 2 && axes[a] != sides[0] && axes[a] != sides[1]) a++;
    return a;
}

int pleat_plane_across(const char axes[4], pleat_plane_name name) {
    static const char *const SIDES[PLEAT_PLANES] = {"SI", "AP", "RL"};
    return 2 - leads(axes, SIDES[name]);
}

/* The axes D, H, W of the volume that become those of the slice: across it, down, to the right. */
static void turn(const char axes[4], pleat_plane_name name, int axis[3]) {
    static const pleat_plane_name DOWN[] = {PLEAT_CORONAL, PLEAT_AXIAL, PLEAT_AXIAL};
    axis[0] = pleat_plane_across(axes, name);
    axis[1] = pleat_plane_across(axes, DOWN[name]);
    const int next = (axis[0] + 1) % 3;
    axis[2] = next != axis[1] ? next : (next + 1) % 3;
}

static pleat_geometry slice_geometry(const pleat_geometry *g, const int axis[3]) {
    pleat_geometry s = *g;
    for (int a = 0; a < 3; a++) {
        s.dim[a] = a == 0 ? 1 : g->dim[axis[a]];
        s.spacing[a] = g->spacing[axis[a]];
        for (int r = 0; r < 3; r++) s.affine[r][2 - a] = g->affine[r][2 - axis[a]];
    }
    return s;
}

typedef struct cutter {
    size_t first, down, right; /* places in the volume */
    double low, scale;
} cutter;

static void cut(const cutter *c, const float *x, const uint8_t *labels, view *v) {
    size_t i = 0;
    for (int h = 0; h < v->geometry.dim[1]; h++)
        for (int w = 0; w < v->geometry.dim[2]; w++, i++) {
            const size_t at = c->first + (size_t)h * c->down + (size_t)w * c->right;
            const double grey = (x[at] - c->low) * c->scale;
            v->image[i] = (uint8_t)(grey > 0.0 ? grey < 255.0 ? grey : 255.0 : 0.0);
            if (labels != NULL) v->truth.data[i] = labels[at];
        }
}

/* out->grey owns both. */
static pleat_status keep(const view *v, int longest, pleat_plane *out) {
    tile t;
    PLEAT_TRY(tile_make(v, longest, &t));
    const size_t n = (size_t)t.width * (size_t)t.height;
    *out = (pleat_plane){.width = t.width, .height = t.height, .grey = malloc(2 * n)};
    memcpy(out->letters, v->letters, sizeof out->letters);
    if (out->grey != NULL) {
        tile_show(&t, v, 0, GREYS, -1);
        memcpy(out->grey, t.grey, n);
        memcpy(out->grey + n, t.truth, n);
        out->labels = out->grey + n;
    }
    tile_free(&t);
    PLEAT_CHECK(out->grey != NULL, PLEAT_ERR_MEMORY, "no memory for a slice");
    return PLEAT_OK;
}

pleat_status pleat_plane_cut(const pleat_geometry *geometry, const char axes[4],
                             pleat_plane_name name, int at, const float *x, double low, double high,
                             const uint8_t *labels, int longest, pleat_plane *out) {
    static const pleat_classes all = {.n = 256}; /* every label is shown */
    const int *dim = geometry->dim;
    const size_t stride[3] = {(size_t)dim[1] * (size_t)dim[2], (size_t)dim[2], 1};
    int axis[3];
    turn(axes, name, axis);
    view v = {.id = "", .classes = &all, .geometry = slice_geometry(geometry, axis)};
    const size_t n = pleat_voxels(v.geometry.dim);
    view_learn(&v);
    const cutter c = {(size_t)at * stride[axis[0]], stride[axis[1]], stride[axis[2]], low,
                      high > low ? 255.0 / (high - low) : 0.0};
    v.image = calloc(2, n);
    PLEAT_CHECK(v.image != NULL, PLEAT_ERR_MEMORY, "no memory for a slice");
    v.truth.data = v.image + n;
    cut(&c, x, labels, &v);
    view_hang(&v);
    const pleat_status status = keep(&v, longest, out);
    free(v.image);
    return status;
}

void pleat_plane_free(pleat_plane *plane) {
    free(plane->grey);
    *plane = (pleat_plane){0};
}

void pleat_plane_draw(const pleat_plane *plane, const pleat_paint *paint, pleat_picture *p, int x,
                      int y) {
    const tile t = {.width = plane->width, .height = plane->height, .grey = plane->grey};
    view v = {0};
    memcpy(v.letters, plane->letters, sizeof v.letters);
    tile_draw(&t, &v, plane->labels, paint, p, x, y);
}

void pleat_plane_paints(const pleat_classes *classes, int cover, pleat_paint *out) {
    static const pleat_colour white = {255, 255, 255};
    out[0] = (pleat_paint){0};
    for (int label = 1; label < 256; label++) {
        out[label] = (pleat_paint){white, (uint8_t)cover};
        for (int c = 1; c < classes->n; c++)
            if (classes->of_regions ? classes->regions[label] >> (c - 1) & 1
                                    : classes->value[c] == label)
                out[label].colour = pleat_class_colour(classes, c);
    }
}
