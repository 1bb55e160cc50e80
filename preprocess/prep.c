/* prep.c - one case: its preprocessing as text, its steps, and the way into the store. */
#include "pleat/prep.h"

#include "pleat/file.h"
#include "pleat/intensity.h"
#include "pleat/log.h"
#include "pleat/nifti.h"
#include "pleat/resample.h"
#include "pleat/statistics.h"
#include "pleat/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the canonical text ---------------------------------------------------------------------- */

void pleat_prep_text(const pleat_prep_config *config, char *out, size_t size) {
    char clip[2][PLEAT_NUMBER_BYTES], spacing[3][PLEAT_NUMBER_BYTES], range[80] = "none",
                                                                      grid[120] = "none";
    for (int i = 0; i < 2; i++) (void)pleat_number(config->clip_range[i], 6, clip[i]);
    for (int i = 0; i < 3; i++) (void)pleat_number(config->spacing[i], 6, spacing[i]);
    if (config->clip) (void)snprintf(range, sizeof range, "%s,%s", clip[0], clip[1]);
    if (config->resample)
        (void)snprintf(grid, sizeof grid, "%s,%s,%s", spacing[2], spacing[1], spacing[0]);
    const char *edge = !config->resample ? "none" : config->edge_zero ? "zero" : "replicate";
    (void)snprintf(out, size, "clip: %s\ngrayscale: %s\nresample: %s\nedge: %s\nzscore: %s\n",
                   range, config->grayscale ? "yes" : "no", grid, edge,
                   config->zscore ? "yes" : "no");
}

/* "a,b,..." into out[n]; *on = 0 for "none". 0 when it is neither. */
static int parse_numbers(const char *value, int n, double *out, int *on) {
    *on = strcmp(value, "none") != 0;
    if (!*on) return 1;
    for (int i = 0; i < n; i++) {
        char *end;
        out[i] = strtod(value, &end);
        if (end == value || !isfinite(out[i]) || *end != (i + 1 < n ? ',' : '\0')) return 0;
        value = end + 1;
    }
    return 1;
}

static int parse_word(const char *value, const char *no, const char *yes, int *out) {
    *out = strcmp(value, yes) == 0;
    return *out || strcmp(value, no) == 0;
}

enum key { CLIP, GRAYSCALE, RESAMPLE, EDGE, ZSCORE, N_KEYS };
static const char *const keys[N_KEYS] = {"clip", "grayscale", "resample", "edge", "zscore"};

static enum key find_key(const char *name) {
    enum key key = CLIP;
    while (key < N_KEYS && strcmp(keys[key], name) != 0) key++;
    return key;
}

/* 0 when the value is not one of the key's. */
static int parse_value(enum key key, const char *value, pleat_prep_config *c) {
    double xyz[3] = {1.0, 1.0, 1.0};
    switch (key) {
    case CLIP: return parse_numbers(value, 2, c->clip_range, &c->clip);
    case GRAYSCALE: return parse_word(value, "no", "yes", &c->grayscale);
    case RESAMPLE:
        if (!parse_numbers(value, 3, xyz, &c->resample)) return 0;
        for (int a = 0; a < 3; a++) c->spacing[a] = c->resample ? xyz[2 - a] : 0.0;
        return xyz[0] > 0.0 && xyz[1] > 0.0 && xyz[2] > 0.0;
    case EDGE:
        return strcmp(value, "none") == 0 || parse_word(value, "replicate", "zero", &c->edge_zero);
    case ZSCORE: return parse_word(value, "no", "yes", &c->zscore);
    default: return 0;
    }
}

pleat_status pleat_prep_parse_text(const char *text, pleat_prep_config *out) {
    pleat_prep_config made = {0};
    int seen[N_KEYS + 1] = {0};
    for (const char *line = text; *line != '\0';) {
        char name[16] = "", value[128] = "";
        const int n = (int)strcspn(line, "\n");
        (void)sscanf(line, "%15[a-z]: %127[^\n]", name, value);
        const enum key key = find_key(name);
        PLEAT_CHECK(parse_value(key, value, &made), PLEAT_ERR_FORMAT,
                    "preprocessing written by another pleat: this one cannot do '%.*s'", n, line);
        seen[key] = 1;
        line += line[n] == '\n' ? n + 1 : n;
    }
    for (int i = 0; i < N_KEYS; i++)
        PLEAT_CHECK(seen[i], PLEAT_ERR_FORMAT, "the text of the preprocessing lacks '%s'", keys[i]);
    *out = made;
    return PLEAT_OK;
}

/* ---- the steps ------------------------------------------------------------------------------- */

/* The grid that covers the same box with voxels of `target` mm: both its sizes and, as these are
 * whole, its true spacing. */
static void store_grid(const int dim[3], const double spacing[3], const double target[3],
                       int new_dim[3], double new_spacing[3]) {
    pleat_resample_size(dim, spacing, target, new_dim);
    for (int a = 0; a < 3; a++) new_spacing[a] = dim[a] * spacing[a] / new_dim[a];
}

pleat_status pleat_prep_image(const pleat_prep_config *config, pleat_image *image) {
    const size_t native = pleat_voxels(image->dim);
    if (config->clip)
        pleat_intensity_clip(image->data, native, config->clip_range[0], config->clip_range[1]);
    if (config->grayscale) pleat_intensity_grayscale(image->data, native);
    if (config->resample) {
        int dim[3];
        double spacing[3];
        pleat_image made = {0};
        const pleat_edge edge = config->edge_zero ? PLEAT_EDGE_ZERO : PLEAT_EDGE_REPLICATE;
        store_grid(image->dim, image->spacing, config->spacing, dim, spacing);
        PLEAT_TRY(pleat_resample_image(image, dim, spacing, edge, &made));
        pleat_image_free(image);
        *image = made;
    }
    if (config->zscore) pleat_intensity_zscore(image->data, pleat_voxels(image->dim));
    return PLEAT_OK;
}

pleat_status pleat_prep_load(const pleat_prep_config *config, const char *image_path,
                             pleat_image *out, pleat_geometry *native) {
    pleat_status status = PLEAT_OK;
    pleat_image image = {0};
    PLEAT_TRY_GOTO(status, done, pleat_nifti_read_image(image_path, &image, native));
    PLEAT_TRY_GOTO(status, done, pleat_prep_image(config, &image));
    *out = image;
    image = (pleat_image){0};
done:
    pleat_image_free(&image);
    return status;
}

static pleat_status copy_label(const pleat_label *in, const double spacing[3], pleat_label *out) {
    pleat_label made = {0};
    PLEAT_TRY(pleat_label_make(in->dim, spacing, &made));
    memcpy(made.data, in->data, pleat_voxels(in->dim));
    *out = made;
    return PLEAT_OK;
}

pleat_status pleat_prep_unresample(const pleat_label *prediction, const pleat_geometry *native,
                                   pleat_label *out) {
    if (memcmp(prediction->dim, native->dim, sizeof native->dim) == 0)
        return copy_label(prediction, native->spacing, out);
    return pleat_resample_label(prediction, native->dim, native->spacing, out);
}

/* ---- one case -------------------------------------------------------------------------------- */

static pleat_status check_values(const pleat_case_paths *paths, const pleat_label *label,
                                 int classes) {
    const size_t n = pleat_voxels(label->dim), width = (size_t)label->dim[2],
                 height = (size_t)label->dim[1];
    for (size_t i = 0; classes > 0 && i < n; i++)
        PLEAT_CHECK(label->data[i] < classes, PLEAT_ERR_DATA,
                    "case '%s': label %d at voxel x %zu, y %zu, z %zu of '%s', but the %d classes "
                    "are labels 0 to %d",
                    paths->id, label->data[i], i % width, i / width % height, i / width / height,
                    paths->label, classes, classes - 1);
    return PLEAT_OK;
}

/* The label on the grid that the image will have. */
static pleat_status load_label(const pleat_prep_config *config, const pleat_case_paths *paths,
                               int classes, const pleat_geometry *geometry, pleat_label *out) {
    pleat_status status = PLEAT_OK;
    pleat_label label = {0}, made = {0};
    PLEAT_TRY_GOTO(status, done, pleat_nifti_read_label(paths->label, &label, NULL));
    PLEAT_TRY_GOTO(status, done, check_values(paths, &label, classes));
    if (config->resample) {
        int dim[3];
        double spacing[3];
        store_grid(geometry->dim, geometry->spacing, config->spacing, dim, spacing);
        PLEAT_TRY_GOTO(status, done, pleat_resample_label(&label, dim, spacing, &made));
        pleat_label_free(&label);
        label = made;
    }
    *out = label;
    label = (pleat_label){0};
done:
    pleat_label_free(&label);
    return status;
}

/* Before any voxel is read: the two must have one shape; one place is only wished for. */
static pleat_status check_pair(const pleat_case_paths *paths, pleat_geometry *image) {
    const double far_mm = 1e-3;
    pleat_geometry label;
    PLEAT_TRY(pleat_nifti_read_header(paths->image, image, NULL));
    if (paths->label == NULL) return PLEAT_OK;
    PLEAT_TRY(pleat_nifti_read_header(paths->label, &label, NULL));
    PLEAT_CHECK(memcmp(image->dim, label.dim, sizeof label.dim) == 0, PLEAT_ERR_DATA,
                "case '%s': '%s' has %d x %d x %d voxels, '%s' has %d x %d x %d", paths->id,
                paths->image, image->dim[2], image->dim[1], image->dim[0], paths->label,
                label.dim[2], label.dim[1], label.dim[0]);
    double spacing = 0.0, place = 0.0;
    for (int r = 0; r < 3; r++) {
        spacing = fmax(spacing, fabs(image->spacing[r] - label.spacing[r]));
        for (int c = 0; c < 4; c++)
            place = fmax(place, fabs(image->affine[r][c] - label.affine[r][c]));
    }
    if (spacing > far_mm || place > far_mm)
        pleat_log(PLEAT_INFO,
                  "warning: case '%s': '%s' and '%s' differ by up to %.3g mm in spacing and %.3g "
                  "in their affines; the voxels are taken as they lie",
                  paths->id, paths->image, paths->label, spacing, place);
    return PLEAT_OK;
}

pleat_status pleat_prep_case(const pleat_prep_config *config, const pleat_case_paths *paths,
                             int classes, const char *folder) {
    pleat_status status = PLEAT_OK;
    pleat_case_info info = {0};
    pleat_image image = {0};
    pleat_label label = {0};
    char text[PLEAT_PREPROCESSING_BYTES];
    pleat_prep_text(config, text, sizeof text);
    PLEAT_TRY(check_pair(paths, &info.geometry));
    PLEAT_TRY(pleat_path(info.id, sizeof info.id, "%s", paths->id));
    PLEAT_TRY(pleat_store_set_files(&info, paths->image, paths->label));
    if (paths->label != NULL)
        PLEAT_TRY_GOTO(status, done, load_label(config, paths, classes, &info.geometry, &label));
    PLEAT_TRY_GOTO(status, done, pleat_prep_load(config, paths->image, &image, &info.geometry));
    PLEAT_TRY_GOTO(
        status, done,
        pleat_store_write_case(folder, text, &info, &image, label.data != NULL ? &label : NULL));
done:
    pleat_image_free(&image);
    pleat_label_free(&label);
    return status;
}
