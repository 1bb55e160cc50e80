/* prep.c - one case: its preprocessing as text, its steps, and the way into the store. */
#include "prep_check.h"

#include "pleat/file.h"
#include "pleat/intensity.h"
#include "pleat/nifti.h"
#include "pleat/provenance.h"
#include "pleat/resample.h"
#include "pleat/statistics.h"
#include "pleat/store.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_BYTES 1100 /* a label for each class, as text */

/* ---- the canonical text ---------------------------------------------------------------------- */

static int same_range(const pleat_prep_steps *a, const pleat_prep_steps *b) {
    return a->clip == b->clip && (!a->clip || (a->clip_range[0] == b->clip_range[0] &&
                                               a->clip_range[1] == b->clip_range[1]));
}

static int same_scale(const pleat_prep_steps *a, const pleat_prep_steps *b) {
    return a->scale == b->scale && (!a->scale || (a->scale_range[0] == b->scale_range[0] &&
                                                  a->scale_range[1] == b->scale_range[1]));
}

static int same_grayscale(const pleat_prep_steps *a, const pleat_prep_steps *b) {
    return !a->grayscale == !b->grayscale;
}

static int same_zscore(const pleat_prep_steps *a, const pleat_prep_steps *b) {
    return !a->zscore == !b->zscore;
}

/* How many values a list of one step needs: those after it are its last. */
static int list_length(const pleat_prep_config *c,
                       int (*same)(const pleat_prep_steps *a, const pleat_prep_steps *b)) {
    int n = PLEAT_MAX_CHANNELS;
    while (n > 1 && same(&c->channel[n - 2], &c->channel[PLEAT_MAX_CHANNELS - 1])) n--;
    return n;
}

static void put_ranges(const pleat_prep_config *c, int scale, char *out, size_t size) {
    const int n = list_length(c, scale ? same_scale : same_range);
    size_t used = 0;
    for (int k = 0; k < n && used < size; k++) {
        const pleat_prep_steps *steps = &c->channel[k];
        char low[PLEAT_NUMBER_BYTES], high[PLEAT_NUMBER_BYTES];
        const double *range = scale ? steps->scale_range : steps->clip_range;
        const int on = scale ? steps->scale : steps->clip;
        (void)pleat_number(range[0], 6, low);
        (void)pleat_number(range[1], 6, high);
        used += (size_t)snprintf(out + used, size - used, "%s%s%s%s", k > 0 ? ";" : "",
                                 on ? low : "none", on ? "," : "", on ? high : "");
    }
}

void pleat_prep_text(const pleat_prep_config *config, char *out, size_t size) {
    char ranges[PLEAT_MAX_CHANNELS * 64], scales[PLEAT_MAX_CHANNELS * 64];
    char spacing[3][PLEAT_NUMBER_BYTES], grid[120] = "none";
    char gray[PLEAT_MAX_CHANNELS * 4] = "", scored[PLEAT_MAX_CHANNELS * 4] = "";
    const int n_gray = list_length(config, same_grayscale);
    const int n_scored = list_length(config, same_zscore);
    put_ranges(config, 0, ranges, sizeof ranges);
    put_ranges(config, 1, scales, sizeof scales);
    const int scaled = strcmp(scales, "none") != 0;
    for (int k = 0; k < n_gray; k++)
        (void)snprintf(gray + strlen(gray), sizeof gray - strlen(gray), "%s%s", k > 0 ? "," : "",
                       config->channel[k].grayscale ? "yes" : "no");
    for (int k = 0; k < n_scored; k++)
        (void)snprintf(scored + strlen(scored), sizeof scored - strlen(scored), "%s%s",
                       k > 0 ? "," : "", config->channel[k].zscore ? "yes" : "no");
    for (int i = 0; i < 3; i++) (void)pleat_number(config->spacing[i], 6, spacing[i]);
    if (config->resample)
        (void)snprintf(grid, sizeof grid, "%s,%s,%s", spacing[2], spacing[1], spacing[0]);
    const char *edge = !config->resample ? "none" : config->edge_zero ? "zero" : "replicate";
    char labels[LABELS_BYTES];
    (void)pleat_labels_text(&config->labels, labels, sizeof labels);
    const int turns = config->orient != PLEAT_ORIENT_NONE;
    int used = snprintf(out, size, "clip: %s\ngrayscale: %s\nresample: %s\nedge: %s\nzscore: %s\n",
                        ranges, gray, grid, edge, scored);
    const char *more[][2] = {{"orient", turns ? pleat_orient_name(config->orient) : ""},
                             {"labels", labels},
                             {"scale", scaled ? scales : ""}};
    for (size_t i = 0; i < sizeof more / sizeof *more && (size_t)used < size; i++)
        if (more[i][1][0] != '\0')
            used += snprintf(out + used, size - (size_t)used, "%s: %s\n", more[i][0], more[i][1]);
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

static int parse_clip(const char *value, pleat_prep_steps *out) {
    return parse_numbers(value, 2, out->clip_range, &out->clip);
}

static int parse_scale(const char *value, pleat_prep_steps *out) {
    return parse_numbers(value, 2, out->scale_range, &out->scale) &&
           (!out->scale || out->scale_range[0] < out->scale_range[1]);
}

static int parse_grayscale(const char *value, pleat_prep_steps *out) {
    return parse_word(value, "no", "yes", &out->grayscale);
}

static int parse_zscore(const char *value, pleat_prep_steps *out) {
    return parse_word(value, "no", "yes", &out->zscore);
}

/* A value for each channel, the last one for those after it too. */
static int parse_list(const char *value, char gap, int (*parse)(const char *, pleat_prep_steps *),
                      pleat_prep_config *c) {
    const char gaps[] = {gap, '\0'};
    int last = 0;
    for (int k = 0; k < PLEAT_MAX_CHANNELS; k++) {
        char one[80];
        const size_t n = strcspn(value, gaps);
        if (n >= sizeof one) return 0;
        (void)snprintf(one, sizeof one, "%.*s", (int)n, value);
        if (!parse(one, &c->channel[k])) return 0;
        last = value[n] == '\0';
        if (!last) value += n + 1;
    }
    return last;
}

static int parse_orient(const char *value, pleat_prep_config *c) {
    const char *name;
    c->orient = PLEAT_ORIENT_NONE;
    while ((name = pleat_orient_name(c->orient)) != NULL && strcmp(name, value) != 0) c->orient++;
    return name != NULL;
}

enum key {
    CLIP,
    GRAYSCALE,
    RESAMPLE,
    EDGE,
    ZSCORE,
    NEEDED,
    ORIENT = NEEDED,
    LABELS,
    SCALE,
    N_KEYS
};
static const char *const keys[N_KEYS] = {"clip",   "grayscale", "resample", "edge",
                                         "zscore", "orient",    "labels",   "scale"};

static enum key find_key(const char *name) {
    enum key key = CLIP;
    while (key < N_KEYS && strcmp(keys[key], name) != 0) key++;
    return key;
}

/* 0 when the value is not one of the key's. */
static int parse_value(enum key key, const char *value, pleat_prep_config *c) {
    double xyz[3] = {1.0, 1.0, 1.0};
    switch (key) {
    case CLIP: return parse_list(value, ';', parse_clip, c);
    case GRAYSCALE: return parse_list(value, ',', parse_grayscale, c);
    case RESAMPLE:
        if (!parse_numbers(value, 3, xyz, &c->resample)) return 0;
        for (int a = 0; a < 3; a++) c->spacing[a] = c->resample ? xyz[2 - a] : 0.0;
        return xyz[0] > 0.0 && xyz[1] > 0.0 && xyz[2] > 0.0;
    case EDGE:
        return strcmp(value, "none") == 0 || parse_word(value, "replicate", "zero", &c->edge_zero);
    case ZSCORE: return parse_list(value, ',', parse_zscore, c);
    case ORIENT: return parse_orient(value, c);
    case SCALE: return parse_list(value, ';', parse_scale, c);
    case LABELS: return pleat_labels_parse(value, &c->labels);
    default: return 0;
    }
}

pleat_status pleat_prep_parse_text(const char *text, pleat_prep_config *out) {
    pleat_prep_config made = {0};
    int seen[N_KEYS + 1] = {0};
    for (const char *line = text; *line != '\0';) {
        char name[16] = "", value[LABELS_BYTES] = "";
        const int n = (int)strcspn(line, "\n");
        (void)sscanf(line, "%15[a-z]: %1099[^\n]", name, value);
        const enum key key = find_key(name);
        PLEAT_CHECK(parse_value(key, value, &made), PLEAT_ERR_FORMAT,
                    "preprocessing written by another pleat: this one cannot do '%.*s'", n, line);
        seen[key] = 1;
        line += line[n] == '\n' ? n + 1 : n;
    }
    for (int i = 0; i < NEEDED; i++)
        PLEAT_CHECK(seen[i], PLEAT_ERR_FORMAT, "the text of the preprocessing lacks '%s'", keys[i]);
    *out = made;
    return PLEAT_OK;
}

/* ---- the steps ------------------------------------------------------------------------------- */

void pleat_prep_all_channels(pleat_prep_config *config, const pleat_prep_steps *steps) {
    for (int k = 0; k < PLEAT_MAX_CHANNELS; k++) config->channel[k] = *steps;
}

int pleat_prep_does_something(const pleat_prep_config *config) {
    int any = config->resample | (config->orient != PLEAT_ORIENT_NONE);
    for (int k = 0; k < PLEAT_MAX_CHANNELS; k++)
        any |= config->channel[k].clip | config->channel[k].grayscale | config->channel[k].scale |
               config->channel[k].zscore;
    return any != 0;
}

int pleat_prep_makes_alike(const pleat_prep_steps *steps) {
    return steps->grayscale || (steps->zscore && !steps->clip && !steps->scale);
}

pleat_status pleat_prep_check_channels(const pleat_prep_config *config, int channels) {
    static const struct {
        const char *key;
        int (*same)(const pleat_prep_steps *a, const pleat_prep_steps *b);
    } lists[] = {{"clip", same_range},
                 {"grayscale", same_grayscale},
                 {"scale", same_scale},
                 {"zscore", same_zscore}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const int n = list_length(config, lists[i].same);
        PLEAT_CHECK(n <= channels, PLEAT_ERR_ARG,
                    "preprocess.%s has %d values, the images have %d channel%s", lists[i].key, n,
                    channels, pleat_plural(channels));
    }
    return PLEAT_OK;
}

void pleat_prep_turned(const pleat_prep_config *config, const pleat_geometry *native,
                       pleat_geometry *out) {
    const pleat_turn turn = pleat_turn_to(native, config->orient);
    pleat_turn_geometry(&turn, native, out);
}

void pleat_prep_size(const pleat_prep_config *config, const pleat_geometry *native, int out[3]) {
    pleat_geometry g;
    pleat_prep_turned(config, native, &g);
    memcpy(out, g.dim, sizeof g.dim);
    if (config->resample) pleat_resample_size(g.dim, g.spacing, config->spacing, out);
}

pleat_status pleat_prep_image(const pleat_prep_config *config, pleat_image *image) {
    const size_t native = pleat_voxels(image->dim);
    for (int k = 0; k < image->channels; k++) {
        const pleat_prep_steps *steps = &config->channel[k];
        float *data = image->data + (size_t)k * native;
        if (steps->clip)
            pleat_intensity_clip(data, native, steps->clip_range[0], steps->clip_range[1]);
        if (steps->grayscale) pleat_intensity_grayscale(data, native);
    }
    if (config->resample) {
        int dim[3];
        double spacing[3];
        pleat_image made = {0};
        const pleat_edge edge = config->edge_zero ? PLEAT_EDGE_ZERO : PLEAT_EDGE_REPLICATE;
        prep_store_grid(image->dim, image->spacing, config->spacing, dim, spacing);
        PLEAT_TRY(pleat_resample_image(image, dim, spacing, edge, &made));
        pleat_image_free(image);
        *image = made;
    }
    const size_t stored = pleat_voxels(image->dim);
    for (int k = 0; k < image->channels; k++) {
        const pleat_prep_steps *steps = &config->channel[k];
        float *data = image->data + (size_t)k * stored;
        if (steps->scale)
            pleat_intensity_scale(data, stored, steps->scale_range[0], steps->scale_range[1]);
        if (steps->zscore) pleat_intensity_zscore(data, stored);
    }
    return PLEAT_OK;
}

/* ---- the image of a case --------------------------------------------------------------------- */

pleat_status pleat_prep_count_channels(const pleat_case_paths *paths, int *out) {
    pleat_nifti_info info = {.channels = paths->images};
    if (paths->images == 1) PLEAT_TRY(pleat_nifti_read_header(paths->image[0], NULL, &info));
    *out = info.channels;
    return PLEAT_OK;
}

/* Channel after channel into one image. */
static pleat_status read_image(const pleat_case_paths *paths, const pleat_geometry *native,
                               pleat_image *out) {
    if (paths->images == 1) return pleat_nifti_read_image(paths->image[0], out, NULL);
    pleat_status status = PLEAT_OK;
    pleat_image all = {0};
    const size_t n = pleat_voxels(native->dim);
    PLEAT_TRY(pleat_image_make(paths->images, native->dim, native->spacing, &all));
    for (int k = 0; k < paths->images; k++) {
        pleat_image one = {0};
        PLEAT_TRY_GOTO(status, done, pleat_nifti_read_image(paths->image[k], &one, NULL));
        memcpy(all.data + (size_t)k * n, one.data, n * sizeof *all.data);
        pleat_image_free(&one);
    }
    *out = all;
    all = (pleat_image){0};
done:
    pleat_image_free(&all);
    return status;
}

/* The digest of an image as it lies in its files; where the axes of these decide how it is turned,
 * of them too. */
static uint64_t content_of(const pleat_image *image, const pleat_geometry *geometry, int orient) {
    const uint64_t content = pleat_content_image(image);
    char axes[4];
    if (orient == PLEAT_ORIENT_NONE) return content;
    pleat_orient_text(geometry->affine, axes);
    return pleat_digest(content, axes, strlen(axes));
}

/* Of a case whose headers were checked. *content, unless NULL: as above. */
static pleat_status load_image(const pleat_prep_config *config, const pleat_case_paths *paths,
                               const pleat_geometry *geometry, pleat_case_info *info,
                               pleat_image *out, uint64_t *content) {
    pleat_status status = PLEAT_OK;
    pleat_image image = {0};
    const int warned = pleat_warn_count();
    PLEAT_TRY_GOTO(status, done, read_image(paths, geometry, &image));
    prep_keep_from(info, warned);
    if (content != NULL) *content = content_of(&image, geometry, config->orient);
    PLEAT_TRY_GOTO(status, done, prep_check_voxels(config, paths, &image, info));
    const pleat_turn turn = pleat_turn_to(geometry, config->orient);
    PLEAT_TRY_GOTO(status, done, pleat_turn_image(&turn, &image));
    PLEAT_TRY_GOTO(status, done, pleat_prep_image(config, &image));
    *out = image;
    image = (pleat_image){0};
done:
    pleat_image_free(&image);
    return status;
}

pleat_status pleat_prep_load(const pleat_prep_config *config, const pleat_case_paths *paths,
                             pleat_image *out, pleat_geometry *native) {
    pleat_geometry geometry;
    int channels = 0;
    PLEAT_TRY(prep_check_image(config, paths, &geometry, &channels));
    PLEAT_TRY(load_image(config, paths, &geometry, NULL, out, NULL));
    if (native != NULL) *native = geometry;
    return PLEAT_OK;
}

static pleat_status image_content(const pleat_case_paths *paths, int orient, uint64_t *out) {
    pleat_image image = {0};
    pleat_geometry geometry;
    int channels = 0;
    PLEAT_TRY(prep_check_files(paths, &geometry, &channels));
    PLEAT_TRY(read_image(paths, &geometry, &image));
    *out = content_of(&image, &geometry, orient);
    pleat_image_free(&image);
    return PLEAT_OK;
}

pleat_status pleat_prep_content(const pleat_case_paths *paths, int of_mask, int orient,
                                uint64_t *out) {
    pleat_label label = {0};
    if (!of_mask) return image_content(paths, orient, out);
    PLEAT_TRY(pleat_nifti_read_label(paths->label, &label, NULL));
    *out = pleat_content_label(&label);
    pleat_label_free(&label);
    return PLEAT_OK;
}

static pleat_status copy_label(const pleat_label *in, const double spacing[3], pleat_label *out) {
    pleat_label made = {0};
    PLEAT_TRY(pleat_label_make(in->dim, spacing, &made));
    memcpy(made.data, in->data, pleat_voxels(in->dim));
    *out = made;
    return PLEAT_OK;
}

pleat_status pleat_prep_unresample(const pleat_prep_config *config, const pleat_label *prediction,
                                   const pleat_geometry *native, pleat_label *out) {
    pleat_geometry g;
    pleat_label made = {0};
    pleat_prep_turned(config, native, &g);
    if (memcmp(prediction->dim, g.dim, sizeof g.dim) == 0)
        PLEAT_TRY(copy_label(prediction, g.spacing, &made));
    else
        PLEAT_TRY(pleat_resample_label(prediction, g.dim, g.spacing, &made));
    const pleat_turn turn = pleat_turn_to(native, config->orient), back = pleat_turn_back(&turn);
    const pleat_status status = pleat_turn_label(&back, &made);
    if (status == PLEAT_OK)
        *out = made;
    else
        pleat_label_free(&made);
    return status;
}

pleat_status pleat_prep_unresample_values(const pleat_prep_config *config, const float *values,
                                          const int dim[3], int n, const pleat_geometry *native,
                                          int planar, float **out) {
    pleat_geometry g;
    pleat_prep_turned(config, native, &g);
    const size_t voxels = pleat_voxels(g.dim), count = voxels * (size_t)n;
    const pleat_turn turn = pleat_turn_to(native, config->orient), back = pleat_turn_back(&turn);
    float *turned = malloc(count * sizeof *turned), *made = NULL;
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK_GOTO(status, done, turned != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %d values of %zu voxels", n, voxels);
    PLEAT_TRY_GOTO(status, done, pleat_resample_values(values, dim, n, g.dim, planar, turned));
    if (config->orient == PLEAT_ORIENT_NONE) {
        *out = turned;
        return PLEAT_OK;
    }
    made = malloc(count * sizeof *made);
    PLEAT_CHECK_GOTO(status, done, made != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %d values of %zu voxels", n, voxels);
    const size_t apart = planar ? voxels : 0, bytes = (planar ? 1 : (size_t)n) * sizeof *made;
    for (int i = 0; i < (planar ? n : 1); i++)
        pleat_turn_voxels(&back, turned + (size_t)i * apart, g.dim, bytes,
                          made + (size_t)i * apart);
    *out = made;
    made = NULL;
done:
    free(turned);
    free(made);
    return status;
}

/* ---- one case -------------------------------------------------------------------------------- */

/* The labels of the file become those inside. */
static pleat_status take_labels(const pleat_prep_config *config, const pleat_case_paths *paths,
                                int classes, pleat_label *label) {
    const size_t n = pleat_voxels(label->dim), width = (size_t)label->dim[2],
                 height = (size_t)label->dim[1];
    size_t i = pleat_labels_enter(&config->labels, n, label->data);
    char known[LABELS_BYTES];
    if (classes == 0) classes = PLEAT_MAX_CLASSES;
    (void)snprintf(known, sizeof known, "0 to %d", classes - 1);
    if (config->labels.n > 0)
        (void)pleat_labels_text(&config->labels, known, sizeof known);
    else
        for (i = 0; i < n && label->data[i] < classes;) i++;
    PLEAT_CHECK(i >= n, PLEAT_ERR_DATA,
                "case '%s': label %d at voxel x %zu, y %zu, z %zu of '%s', but the %d classes are "
                "labels %s; name that class in `classes` of the configuration, or correct the mask",
                paths->id, label->data[i], i % width, i / width % height, i / width / height,
                paths->label, classes, known);
    return PLEAT_OK;
}

/* The label on the grid that the image will have. */
static pleat_status load_label(const pleat_prep_config *config, const pleat_case_paths *paths,
                               int classes, pleat_case_info *info, pleat_label *out) {
    pleat_status status = PLEAT_OK;
    pleat_label label = {0}, made = {0};
    const int warned = pleat_warn_count();
    PLEAT_TRY_GOTO(status, done, pleat_nifti_read_label(paths->label, &label, NULL));
    prep_keep_from(info, warned);
    info->label_content = pleat_content_label(&label);
    PLEAT_TRY_GOTO(status, done, take_labels(config, paths, classes, &label));
    const pleat_turn turn = pleat_turn_to(&info->geometry, config->orient);
    PLEAT_TRY_GOTO(status, done, pleat_turn_label(&turn, &label));
    if (config->resample) {
        int dim[3];
        double spacing[3];
        size_t before[256];
        pleat_geometry g;
        pleat_turn_geometry(&turn, &info->geometry, &g);
        prep_store_grid(g.dim, g.spacing, config->spacing, dim, spacing);
        prep_count_labels(&label, before);
        PLEAT_TRY_GOTO(status, done, pleat_resample_label(&label, dim, spacing, &made));
        pleat_label_free(&label);
        label = made;
        prep_check_classes(config, paths, before, &label, info);
    }
    *out = label;
    label = (pleat_label){0};
done:
    pleat_label_free(&label);
    return status;
}

pleat_status pleat_prep_case(const pleat_prep_config *config, const pleat_case_paths *paths,
                             int classes, const char *folder) {
    pleat_status status = PLEAT_OK;
    pleat_case_info info = {0};
    pleat_image image = {0};
    pleat_label label = {0};
    char text[PLEAT_PREPROCESSING_BYTES];
    int channels = 0;
    pleat_prep_text(config, text, sizeof text);
    PLEAT_TRY(pleat_prep_check_case(config, paths, &info.geometry, &channels));
    PLEAT_TRY(pleat_store_set_id(&info, paths->id));
    PLEAT_TRY(pleat_store_set_files(&info, paths->image, paths->images, paths->label));
    if (paths->label != NULL)
        PLEAT_TRY_GOTO(status, done, load_label(config, paths, classes, &info, &label));
    PLEAT_TRY_GOTO(status, done,
                   load_image(config, paths, &info.geometry, &info, &image, &info.image_content));
    PLEAT_TRY_GOTO(
        status, done,
        pleat_store_write_case(folder, text, &info, &image, label.data != NULL ? &label : NULL));
done:
    pleat_image_free(&image);
    pleat_label_free(&label);
    return status;
}
