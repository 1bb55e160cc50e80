/*
 * check_case.c - what is wrong with one case: by its headers, then by its voxels.
 *
 * The image of a file and the label map are in memory, no more.
 */
#include "check_impl.h"

#include "pleat/intensity.h"
#include "pleat/nifti.h"
#include "pleat/provenance.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double FAR_MM = 1e-3;     /* grids that differ by more are two */
static const double FAR_VOXELS = 0.5;  /* as preprocessing has it (preprocess/prep_check.c) */
static const double FORMS_APART = 0.1; /* of the finest spacing */
static const double LEAST_MM = 0.05, MOST_MM = 25.0;      /* of a voxel */
static const double LEAST_BOX = 5.0, MOST_BOX = 2500.0;   /* of a volume, mm along an axis */
enum { FLAT = 4 };                                        /* voxels along an axis */
enum { MOST_LABELS = 16, MOST_VALUE = 1000, LIST = 128 }; /* values of what is no image */
static const float AIR = -1024.0F;                        /* of CT, in Hounsfield units */
static const float BELOW_AIR = -1100.0F;                  /* noise of air ends above */

/* ---- headers --------------------------------------------------------------------------------- */

static const char *first_image(const check_work *w, int at) { return w->cases[at].image[0]; }

/* Of a header alone. */
static void check_form(check_work *w, int at, const char *path, const pleat_geometry *g,
                       const pleat_nifti_info *info) {
    const double least = fmin(g->spacing[0], fmin(g->spacing[1], g->spacing[2]));
    double qform[3][4];
    if (g->sform_code > 0 && g->qform_code > 0) {
        pleat_nifti_qform(g, qform);
        const double apart = check_moved(g->dim, g->affine, qform);
        if (apart > FORMS_APART * least)
            check_find(w, CHECK_FORMS, at, path, "sform and qform are up to %.3g mm apart", apart);
    }
    if (pleat_geometry_skew(g) > 0.0)
        check_find(w, CHECK_SHEARED, at, path, "its axes are %.2f degrees off a right angle",
                   pleat_geometry_skew(g));
    pleat_nifti_tell_spacing(path, g, info);
    check_take_warnings(w, CHECK_PIXDIM, at, path);
}

static void check_size(check_work *w, int at, const pleat_geometry *g) {
    const char *path = first_image(w, at);
    for (int a = 2; a >= 0; a--) { /* x, y, z */
        const double box = g->spacing[a] * g->dim[a];
        const char axis = "zyx"[a];
        if (g->spacing[a] < LEAST_MM || g->spacing[a] > MOST_MM || box > MOST_BOX ||
            (box < LEAST_BOX && g->dim[a] >= FLAT))
            check_find(w, CHECK_SPACING, at, path, "%d voxels of %.4g mm along %c", g->dim[a],
                       g->spacing[a], axis);
        if (g->dim[a] < FLAT)
            check_find(w, CHECK_FLAT, at, path, "%d voxel%s along %c", g->dim[a],
                       pleat_plural(g->dim[a]), axis);
    }
}

static void check_mask_place(check_work *w, int at, const pleat_geometry *image,
                             const pleat_geometry *mask) {
    const char *path = w->cases[at].label;
    char why[256];
    const int *m = mask->dim, *d = image->dim;
    if (memcmp(m, d, sizeof mask->dim) != 0) {
        check_explain_shape(image, mask, why);
        check_find(w, CHECK_SHAPE, at, path, "%d x %d x %d voxels, the image has %d x %d x %d%s",
                   m[2], m[1], m[0], d[2], d[1], d[0], why);
        return;
    }
    const double mm = check_moved(d, image->affine, mask->affine);
    const double voxels = pleat_geometry_apart(image, mask);
    if (voxels <= FAR_VOXELS && mm <= FAR_MM) return;
    const int bad = voxels > FAR_VOXELS && w->config->prep.affine == PLEAT_AFFINE_ERROR;
    check_explain_place(image, mask, why);
    check_find(w, bad ? CHECK_PLACE : CHECK_OFF_PLACE, at, path,
               "it lies up to %.3g mm, %.3g voxels, from the image%s", mm, voxels, why);
}

static void check_mask_header(check_work *w, int at, const pleat_geometry *image) {
    const char *path = w->cases[at].label;
    pleat_geometry mask;
    pleat_nifti_info info;
    if (pleat_nifti_read_header(path, &mask, &info) != PLEAT_OK) {
        check_find(w, CHECK_HEADER, at, path, "%s", pleat_error_message());
        return;
    }
    check_form(w, at, path, &mask, &info);
    if (info.channels > 1)
        check_find(w, CHECK_LABEL_VALUE, at, path,
                   "dim[4] is %d: a mask has one value a voxel, the label of its class",
                   info.channels);
    check_mask_place(w, at, image, &mask);
}

void check_headers(check_work *w, int at, check_facts *f) {
    pleat_case_paths image = w->cases[at];
    pleat_geometry g = {0};
    pleat_nifti_info info = {0};
    int bad = 0;
    *f = (check_facts){.at = at};
    for (int v = 0; v < 256; v++) {
        f->mean[v] = f->spread[v] = NAN;
        for (int a = 0; a < 3; a++) f->place[v][a] = f->turned[a][v] = f->order[a] = NAN;
    }
    for (int k = image.images - 1; k >= 0; k--) { /* ends with the first */
        if (pleat_nifti_read_header(image.image[k], &g, &info) == PLEAT_OK) continue;
        check_find(w, CHECK_HEADER, at, image.image[k], "%s", pleat_error_message());
        bad = 1;
    }
    if (bad) return;
    f->readable = 1;
    f->image = g;
    f->channels = image.images > 1 ? image.images : info.channels;
    pleat_orient_text(g.affine, f->axes);
    memcpy(f->to, g.dim, sizeof f->to);
    memcpy(f->type, info.datatype, sizeof f->type);
    check_form(w, at, image.image[0], &g, &info);
    check_size(w, at, &g);
    image.label = NULL; /* looked at more closely here */
    if (pleat_prep_check_case(&w->config->prep, &image, &g, &f->channels) != PLEAT_OK)
        check_find(w, CHECK_PREPARE, at, image.image[0], "%s", pleat_error_message());
    check_take_warnings(w, CHECK_DOUBT, at, image.image[0]);
    if (w->cases[at].label != NULL) check_mask_header(w, at, &g);
}

/* ---- voxels ---------------------------------------------------------------------------------- */

/* A file whose voxels could not be read, for the reason that was given. */
static void find_unread(check_work *w, check_id wrong, int at, const char *path,
                        pleat_status status) {
    const check_id kind = status == PLEAT_ERR_DATA     ? wrong
                          : status == PLEAT_ERR_MEMORY ? CHECK_PREPARE
                                                       : CHECK_DAMAGED;
    check_find(w, kind, at, path, "%s", pleat_error_message());
}

/* How many different values x[n] has, if they are few and whole, as labels are; else 0. *list: "0,
 * 100, 255". */
static int count_labels(const float *x, size_t n, char list[LIST]) {
    unsigned char seen[2 * MOST_VALUE + 1] = {0};
    int values = 0;
    list[0] = '\0';
    for (size_t i = 0; i < n && values <= MOST_LABELS; i++) {
        if (!(fabsf(x[i]) <= (float)MOST_VALUE) || x[i] != rintf(x[i])) return 0;
        unsigned char *one = &seen[MOST_VALUE + (int)x[i]];
        values += *one == 0;
        *one = 1;
    }
    for (int v = -MOST_VALUE; v <= MOST_VALUE && values <= MOST_LABELS; v++) {
        char one[16];
        (void)snprintf(one, sizeof one, "%d", v);
        if (seen[MOST_VALUE + v]) pleat_warn_list(list, LIST, one);
    }
    return values <= MOST_LABELS ? values : 0;
}

static void check_channel(check_work *w, int at, const char *path, int channel, const float *x,
                          size_t n, check_facts *f) {
    double low = 0.0, high = 0.0;
    size_t below = 0;
    pleat_intensity_range(x, n, &low, &high);
    f->low[channel] = (float)low;
    f->high[channel] = (float)high;
    if (low >= high) {
        check_find(w, CHECK_CONSTANT, at, path, "every voxel of channel %d is %g", channel, low);
        return;
    }
    char list[LIST];
    const int values = count_labels(x, n, list);
    if (values > 0 && low >= 0.0 && high <= 254.0)
        check_find(w, CHECK_MASK_LIKE, at, path,
                   "channel %d has no values but the %d whole numbers %s, as a mask has", channel,
                   values, list);
    for (size_t i = 0; i < n; i++) below += x[i] < BELOW_AIR;
    if (below > 0 && high > 0.0)
        check_find(w, CHECK_PADDING, at, path,
                   "channel %d goes down to %g, and %.2g %% of its voxels are below air (%g)",
                   channel, low, 100.0 * (double)below / (double)n, (double)AIR);
    if (pleat_prep_check_channel(&w->config->prep.channel[channel], w->cases[at].id, path, channel,
                                 x, n) != PLEAT_OK)
        check_find(w, CHECK_PREPARE, at, path, "%s", pleat_error_message());
    check_take_warnings(w, CHECK_DOUBT, at, path);
}

/* `mask`: of the case; data NULL: it could not be read. */
static void show_guest(check_work *w, const check_facts *f, int first, const pleat_image *image,
                       const pleat_label *mask) {
    if (w->guest == NULL || w->failed != PLEAT_OK) return;
    const int fits = mask->data != NULL && memcmp(mask->dim, image->dim, sizeof mask->dim) == 0;
    w->failed = w->guest->image(w->guest->self, w, f, first, image, fits ? mask : NULL);
}

/* What is kept of the first channel, to be compared with those of the others. */
static void check_first(check_work *w, const pleat_image *image, const pleat_label *mask,
                        check_facts *f) {
    static const int origin[3] = {0, 0, 0};
    const int *dim = image->dim;
    if (!check_box(image->data, dim, f)) w->no_memory = 1;
    if (f->axes[0] != '\0') {
        check_picture(image->data, dim, origin, dim, f->axes, f->picture);
        check_picture(image->data, dim, f->from, f->to, f->axes, f->inner);
    }
    if (!check_slices(image->data, image->dim, f)) w->no_memory = 1;
    check_sample(image->data, image->dim, f);
    if (f->counted && memcmp(mask->dim, image->dim, sizeof mask->dim) == 0)
        check_inside(image->data, mask, f);
}

static void check_image(check_work *w, int at, check_facts *f, const pleat_label *mask) {
    const pleat_case_paths *paths = &w->cases[at];
    int channel = 0, good = 1;
    for (int k = 0; k < paths->images; k++) {
        pleat_image image = {0};
        const char *path = paths->image[k];
        const pleat_status status = pleat_nifti_read_image(path, &image, NULL);
        if (status != PLEAT_OK) {
            find_unread(w, CHECK_NOT_FINITE, at, path, status);
            channel++;
            good = 0;
            continue;
        }
        check_take_warnings(w, CHECK_LEFT_OVER, at, path);
        const size_t n = pleat_voxels(image.dim);
        const uint64_t content = pleat_content_image(&image);
        f->image_content =
            k == 0 ? content : pleat_digest(f->image_content, &content, sizeof content);
        if (k == 0) check_first(w, &image, mask, f);
        show_guest(w, f, channel, &image, mask);
        for (int c = 0; c < image.channels && channel < PLEAT_MAX_CHANNELS; c++, channel++)
            check_channel(w, at, path, channel, image.data + (size_t)c * n, n, f);
        pleat_image_free(&image);
    }
    f->measured = good;
}

/* "0, 1, 2" of the files' labels, or what does not belong to them. */
static int is_known(const pleat_classes *classes, int label) {
    if (classes->n == 0 || label == 0 || (label == classes->ignore && label > 0)) return 1;
    for (int c = 1; c < classes->n; c++)
        if (classes->of_regions ? classes->regions[label] != 0 : classes->value[c] == label)
            return 1;
    return 0;
}

int64_t check_ignored(const check_work *w, const check_facts *f) {
    return w->classes->ignore > 0 ? f->count[w->classes->ignore] : 0;
}

static void check_labels(check_work *w, int at, const check_facts *f) {
    char wrong[512] = "", one[64];
    int64_t foreground = 0;
    const int64_t ignored = check_ignored(w, f);
    for (int v = 1; v < 256; v++) {
        foreground += f->count[v];
        if (f->count[v] == 0 || is_known(w->classes, v)) continue;
        (void)snprintf(one, sizeof one, "%d (%lld voxel%s)", v, (long long)f->count[v],
                       pleat_plural(f->count[v]));
        pleat_warn_list(wrong, sizeof wrong, one);
    }
    if (wrong[0] != '\0')
        check_find(w, CHECK_LABEL, at, w->cases[at].label,
                   "label %s is none of the %d classes, '%.200s'", wrong, w->classes->n,
                   w->config->classes);
    if (foreground == ignored)
        check_find(w, CHECK_EMPTY, at, w->cases[at].label, "every voxel is background%s",
                   ignored > 0 ? " or to be ignored" : "");
}

/* Voxel k's cell along axis a of the box; what lies outside is in the nearest. */
static int cell_of(const check_facts *f, int a, int k, int back) {
    const int n = f->to[a] - f->from[a], from = back ? f->to[a] - 1 - k : k - f->from[a];
    const int in = from < 0 ? 0 : from >= n ? n - 1 : from;
    return (int)((int64_t)in * CHECK_SIDE / n);
}

/* The foreground in cells of the image's box that lead to R, A and S, whatever the axes of the
 * file; and where each label lies in it. Without a header of the image nothing is known. */
static void sketch(const check_work *w, const pleat_label *label, check_facts *f) {
    double sum[256][3] = {{0}}; /* of places, along D, H, W */
    const int placed = f->readable && memcmp(label->dim, f->image.dim, sizeof label->dim) == 0;
    int place[3], back[3];
    if (f->axes[0] == '\0') return;
    check_cells(f->axes, place, back);
    const int *dim = label->dim;
    const int ignore = w->classes->ignore; /* 0: none, and 0 is skipped anyway */
    const int64_t foreground = (int64_t)pleat_voxels(dim) - f->count[0] - check_ignored(w, f);
    if (!placed) { /* the box is of other voxels */
        memset(f->from, 0, sizeof f->from);
        memcpy(f->to, dim, sizeof f->to);
    }
    size_t i = 0;
    int at[3];
    for (at[0] = 0; at[0] < dim[0]; at[0]++)
        for (at[1] = 0; at[1] < dim[1]; at[1]++)
            for (at[2] = 0; at[2] < dim[2]; at[2]++, i++) {
                int cell = 0;
                if (label->data[i] == 0 || label->data[i] == ignore) continue;
                for (int a = 0; a < 3; a++) cell += place[a] * cell_of(f, a, at[a], back[a]);
                f->coarse[cell] += 1.0F / (float)foreground;
                for (int a = 0; a < 3; a++) sum[label->data[i]][a] += at[a] + 0.5;
            }
    for (int v = 1; v < 256; v++) {
        if (f->count[v] == 0 || v == ignore) continue;
        for (int a = 0; a < 3 && placed; a++) {
            const double mean =
                (sum[v][a] / (double)f->count[v] - f->from[a]) / (f->to[a] - f->from[a]);
            f->place[v][place[a] == 1            ? 0
                        : place[a] == CHECK_SIDE ? 1
                                                 : 2] = (float)(back[a] ? 1.0 - mean : mean);
        }
    }
}

/* How many values of a mask are no labels. *list: all its values, where they are few and whole. */
static long long count_wrong(const char *path, char list[LIST]) {
    pleat_image image = {0};
    long long wrong = 0;
    if (pleat_nifti_read_image(path, &image, NULL) != PLEAT_OK) return -1;
    const size_t n = pleat_voxels(image.dim);
    for (size_t i = 0; i < n; i++)
        wrong += fabsf(image.data[i] - rintf(image.data[i])) > 1e-4F || image.data[i] < -1e-4F ||
                 image.data[i] > 254.0F;
    if (count_labels(image.data, n, list) == 0) list[0] = '\0';
    pleat_image_free(&image);
    return wrong;
}

/* out->data is NULL where it cannot be read; freed by the caller. */
static void check_mask(check_work *w, int at, check_facts *f, pleat_label *out) {
    const char *path = w->cases[at].label;
    const pleat_status status = pleat_nifti_read_label(path, out, NULL);
    if (status == PLEAT_ERR_DATA) {
        char why[1024], list[LIST] = "";
        (void)snprintf(why, sizeof why, "%s", pleat_error_message());
        const long long wrong = count_wrong(path, list);
        if (list[0] != '\0')
            check_find(w, CHECK_LABEL_RANGE, at, path, "its values are %s; labels are 0 to 254",
                       list);
        else if (wrong > 0)
            check_find(w, CHECK_LABEL_VALUE, at, path, "%s (such voxels: %lld)", why, wrong);
        else /* none can be read past what is no number */
            check_find(w, CHECK_LABEL_VALUE, at, path, "%s", why);
        return;
    }
    if (status != PLEAT_OK) {
        find_unread(w, CHECK_LABEL_VALUE, at, path, status);
        return;
    }
    check_take_warnings(w, CHECK_LEFT_OVER, at, path);
    const size_t n = pleat_voxels(out->dim);
    for (size_t i = 0; i < n; i++) f->count[out->data[i]]++;
    f->mask_content = pleat_content_label(out);
    f->counted = 1;
    check_labels(w, at, f);
}

void check_voxels(check_work *w, int at, check_facts *f) {
    const char *path = w->cases[at].label;
    pleat_geometry geometry;
    pleat_nifti_info info;
    pleat_label mask = {0};
    if (path != NULL && pleat_nifti_read_header(path, &geometry, &info) == PLEAT_OK &&
        info.channels == 1) /* else told by its header */
        check_mask(w, at, f, &mask);
    if (f->readable) check_image(w, at, f, &mask);
    if (f->counted && f->count[0] + check_ignored(w, f) < (int64_t)pleat_voxels(mask.dim))
        sketch(w, &mask, f);
    pleat_label_free(&mask);
}
