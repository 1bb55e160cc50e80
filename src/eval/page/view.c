/* view.c - reads a case, finds how it lies, and counts what is wrong in each slice. */
#include "view.h"

#include "pleat/nifti.h"
#include "pleat/statistics.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 100000 }; /* voxels that the greys are found from */

static void lack(view *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void lack(view *v, const char *format, ...) {
    const size_t used = strlen(v->lacks);
    va_list args;
    va_start(args, format);
    (void)snprintf(v->lacks + used, sizeof v->lacks - used, "%s", used > 0 ? "; " : "");
    const size_t now = strlen(v->lacks);
    (void)vsnprintf(v->lacks + now, sizeof v->lacks - now, format, args);
    va_end(args);
}

/* Whether a volume lies on the grid of those before it. */
static int fits(view *v, const char *what, const pleat_geometry *g) {
    const int *dim = v->geometry.dim;
    if (!v->known) {
        v->geometry = *g;
        v->known = 1;
        return 1;
    }
    if (memcmp(dim, g->dim, sizeof g->dim) == 0) return 1;
    lack(v, "the %s has %d x %d x %d voxels, not %d x %d x %d", what, g->dim[2], g->dim[1],
         g->dim[0], dim[2], dim[1], dim[0]);
    return 0;
}

/* --- the image as greys ----------------------------------------------------------------------- */

static double inside(const pleat_case_source *s, double x) {
    if (!s->clipped) return x;
    return x < s->clip[0] ? s->clip[0] : x > s->clip[1] ? s->clip[1] : x;
}

/* data[n] to greys: black and white are quantiles of voxels spread over the whole. */
static pleat_status to_grey(const pleat_case_source *s, const float *data, size_t n,
                            uint8_t *grey) {
    const size_t step = n / SAMPLES + 1, count = (n + step - 1) / step;
    double *sample = malloc(count * sizeof *sample);
    PLEAT_CHECK(sample != NULL, PLEAT_ERR_MEMORY, "no memory for case '%s'", s->id);
    for (size_t i = 0; i < count; i++) sample[i] = inside(s, data[i * step]);
    pleat_sort(sample, count);
    const double low = pleat_quantile(sample, count, 0.005);
    double high = pleat_quantile(sample, count, 0.995);
    if (high <= low) high = low + 1.0;
    free(sample);
    for (size_t i = 0; i < n; i++) {
        const double x = 255.0 * (data[i] - low) / (high - low);
        grey[i] = (uint8_t)(x > 0.0 ? x < 255.0 ? x : 255.0 : 0.0);
    }
    return PLEAT_OK;
}

static pleat_status read_image(view *v, const pleat_case_source *s) {
    pleat_image image = {0};
    pleat_geometry geometry;
    pleat_status status = PLEAT_OK;
    if (s->image == NULL) {
        lack(v, "the image is not where it was");
        return PLEAT_OK;
    }
    if (pleat_nifti_read_image(s->image, &image, &geometry) != PLEAT_OK) {
        lack(v, "%s", pleat_error_message());
        return PLEAT_OK;
    }
    if (fits(v, "image", &geometry)) {
        const size_t n = pleat_voxels(image.dim);
        v->image = malloc(n);
        status = v->image == NULL ? PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for case '%s'", s->id)
                                  : to_grey(s, image.data, n, v->image);
    }
    pleat_image_free(&image);
    return status;
}

/* --- label maps ------------------------------------------------------------------------------- */

/* Labels of a file become classes; of regions, which overlap, they stay, but for the one to ignore.
 * 0, and the voxel, where a label is no class's. */
static int to_classes(const pleat_classes *classes, pleat_label *label, size_t *at) {
    const size_t n = pleat_voxels(label->dim);
    pleat_labels labels;
    if (!classes->of_regions) {
        pleat_labels_of(classes, &labels);
        *at = pleat_labels_enter(&labels, n, label->data);
        return *at == n;
    }
    for (size_t i = 0; i < n && classes->ignore > 0; i++)
        if (label->data[i] == classes->ignore) label->data[i] = PLEAT_IGNORED;
    return 1;
}

void view_learn(view *v) {
    const pleat_classes *classes = v->classes;
    for (int value = 0; value < 256; value++) {
        int c = classes->n - 1;
        v->in[value] = classes->of_regions ? classes->regions[value] : (uint32_t)value;
        while (c > 0 && !view_is_in(v, (uint8_t)value, c)) c--;
        v->shown[value] = (uint8_t)c;
    }
}

int view_is_in(const view *v, uint8_t value, int c) {
    const uint32_t in = v->in[value];
    if (!v->classes->of_regions) return in == (uint32_t)c;
    return c > 0 ? (in >> (c - 1) & 1) != 0 : in == 0;
}

static void read_labels(view *v, const char *what, const char *path, pleat_label *out) {
    pleat_geometry geometry;
    pleat_label label = {0};
    size_t at = 0;
    if (path == NULL) {
        lack(v, "the %s is not where it was", what);
        return;
    }
    if (pleat_nifti_read_label(path, &label, &geometry) != PLEAT_OK) {
        lack(v, "%s", pleat_error_message());
        return;
    }
    if (!to_classes(v->classes, &label, &at))
        lack(v, "the %s has label %d, which is no class's", what, label.data[at]);
    else if (fits(v, what, &geometry)) {
        *out = label;
        return;
    }
    pleat_label_free(&label);
}

/* --- how it lies ------------------------------------------------------------------------------ */

/* The axis of the patient (0 right, 1 front, 2 head) that voxel axis `a` (x, y, z) follows most
 * closely; *forth: towards it, not away. */
static int patient_axis(const pleat_geometry *g, int a, int *forth) {
    int axis = a;
    for (int r = 0; r < 3; r++)
        if (fabs(g->affine[r][a]) > fabs(g->affine[axis][a])) axis = r;
    *forth = g->affine[axis][a] > 0.0;
    return axis;
}

void view_hang(view *v) {
    for (size_t k = 0; k < 2; k++) { /* across, then down */
        int forth = 0;
        const int axis = patient_axis(&v->geometry, (int)k, &forth);
        v->flip[1 - k] = forth;
        v->letters[2 * k] = "RAS"[axis];
        v->letters[2 * k + 1] = "LPI"[axis];
    }
}

/* --- what is wrong where ---------------------------------------------------------------------- */

/* Of a voxel, which is in one class, or of regions in any. */
static void count_voxel(const view *v, uint8_t t, uint8_t p, int32_t (*count)[PLEAT_ERROR_KINDS]) {
    const int classes = v->classes->n, some = v->classes->of_regions;
    for (int c = some ? 0 : v->shown[t]; c < classes; c = some ? c + 1 : classes)
        if (view_is_in(v, t, c))
            count[c][view_is_in(v, p, c) ? PLEAT_TRUE_POSITIVE : PLEAT_FALSE_NEGATIVE]++;
    for (int c = some ? 0 : v->shown[p]; c < classes; c = some ? c + 1 : classes)
        if (view_is_in(v, p, c) && !view_is_in(v, t, c)) count[c][PLEAT_FALSE_POSITIVE]++;
}

static pleat_status count_errors(view *v) {
    const int *dim = v->geometry.dim, classes = v->classes->n;
    const size_t plane = (size_t)dim[1] * (size_t)dim[2];
    v->count = calloc((size_t)dim[0] * (size_t)classes, sizeof *v->count);
    PLEAT_CHECK(v->count != NULL, PLEAT_ERR_MEMORY, "no memory for case '%s'", v->id);
    for (int d = 0; d < dim[0]; d++)
        for (size_t i = (size_t)d * plane; i < ((size_t)d + 1) * plane; i++) {
            const uint8_t t = v->truth.data != NULL ? v->truth.data[i] : 0;
            const uint8_t p = v->prediction.data != NULL ? v->prediction.data[i] : 0;
            if (t != PLEAT_IGNORED) count_voxel(v, t, p, v->count + (size_t)d * (size_t)classes);
        }
    return PLEAT_OK;
}

static int64_t worth(const view *v, int d, int c, int kind) {
    const int32_t *count = v->count[(size_t)d * (size_t)v->classes->n + (size_t)c];
    if (kind < PLEAT_ERROR_KINDS) return count[kind];
    return (int64_t)count[PLEAT_FALSE_POSITIVE] + count[PLEAT_FALSE_NEGATIVE];
}

int view_most(const view *v, int c, int kind) {
    const int from = c < 0 ? 1 : c, to = c < 0 ? v->classes->n : c + 1;
    int64_t most = 0;
    int best = -1;
    for (int d = 0; d < v->geometry.dim[0]; d++) {
        int64_t here = 0;
        for (int k = from; k < to; k++) here += worth(v, d, k, kind);
        if (here > most) best = d;
        if (here > most) most = here;
    }
    return best;
}

void view_extent(const view *v, int *first, int *last) {
    const int depth = v->geometry.dim[0];
    *first = depth;
    *last = -1;
    for (int d = 0; d < depth; d++)
        for (int c = 1; c < v->classes->n; c++) {
            if (worth(v, d, c, PLEAT_ERROR_KINDS) + worth(v, d, c, PLEAT_TRUE_POSITIVE) == 0)
                continue;
            if (d < *first) *first = d;
            *last = d;
        }
    *first = *last < 0 || *first == 0 ? 0 : *first - 1;
    *last = *last < 0 || *last == depth - 1 ? depth - 1 : *last + 1;
}

pleat_status view_open(const pleat_case_source *source, const pleat_classes *classes, view *out) {
    *out = (view){.id = source->id, .classes = classes};
    view_learn(out);
    read_labels(out, "truth", source->truth, &out->truth);
    read_labels(out, "prediction", source->prediction, &out->prediction);
    PLEAT_TRY(read_image(out, source));
    PLEAT_CHECK(out->known, PLEAT_ERR_NOT_FOUND, "case '%s' cannot be shown: %s", source->id,
                out->lacks);
    view_hang(out);
    return count_errors(out);
}

void view_close(view *v) {
    free(v->image);
    free(v->count);
    pleat_label_free(&v->truth);
    pleat_label_free(&v->prediction);
    *v = (view){0};
}
