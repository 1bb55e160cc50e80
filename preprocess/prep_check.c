/* prep_check.c - what preprocessing would lose of a case, told before it is lost. */
#include "prep_check.h"

#include "pleat/intensity.h"
#include "pleat/memory.h"
#include "pleat/nifti.h"
#include "pleat/resample.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double FAR_MM = 1e-3;    /* grids that differ by more are two */
static const double FAR_VOXELS = 0.5; /* a mask that lies further off is another place's */
static const int MANY_SLICES = 8;     /* so many along an axis cannot be meant to become one */
static const double MOST_SHRUNK = 10; /* times along an axis: 0.15 mm to 1.5 mm */
static const double MOST_GROWN = 64;  /* times in voxels: 4 times along each axis */
static const double MOST_TIMES = 300; /* of a scan's voxels, 4 mm to 0.6 mm; of large ones: */
static const double LARGE_BYTES = 0x1p30;
static const double MOST_SIDE = 32767;   /* voxels along an axis: NIfTI-1's limit */
static const double MOST_BYTES = 0x1p35; /* of a stored volume, as of one that is read */
static const double MOST_ALIKE = 0.995;  /* of the voxels on one of 256 levels */

/* ---- headers --------------------------------------------------------------------------------- */

/* By how many mm two grids of one size differ, in spacing and in their affines. */
static void grid_distance(const pleat_geometry *a, const pleat_geometry *b, double *spacing,
                          double *place) {
    *spacing = *place = 0.0;
    for (int r = 0; r < 3; r++) {
        *spacing = fmax(*spacing, fabs(a->spacing[r] - b->spacing[r]));
        for (int c = 0; c < 4; c++) *place = fmax(*place, fabs(a->affine[r][c] - b->affine[r][c]));
    }
}

static pleat_status check_size(const pleat_case_paths *paths, const pleat_geometry *image,
                               const char *path, const pleat_geometry *other) {
    PLEAT_CHECK(memcmp(image->dim, other->dim, sizeof other->dim) == 0, PLEAT_ERR_DATA,
                "case '%s': '%s' has %d x %d x %d voxels, '%s' has %d x %d x %d", paths->id,
                paths->image[0], image->dim[2], image->dim[1], image->dim[0], path, other->dim[2],
                other->dim[1], other->dim[0]);
    return PLEAT_OK;
}

/* One grid, and one channel in each of several files. */
static pleat_status check_channels(const pleat_case_paths *paths, const pleat_geometry *image) {
    for (int k = 0; k < paths->images; k++) {
        const char *path = paths->image[k];
        pleat_geometry other;
        pleat_nifti_info info;
        double spacing = 0.0, place = 0.0;
        PLEAT_TRY(pleat_nifti_read_header(path, &other, &info));
        PLEAT_CHECK(info.channels == 1, PLEAT_ERR_DATA,
                    "case '%s': '%s' is channel %d and has %d itself; keep them in one file, or in "
                    "a file each",
                    paths->id, path, k, info.channels);
        PLEAT_TRY(check_size(paths, image, path, &other));
        grid_distance(image, &other, &spacing, &place);
        PLEAT_CHECK(spacing <= FAR_MM && place <= FAR_MM, PLEAT_ERR_DATA,
                    "case '%s': '%s' differs from '%s' by up to %.3g mm in spacing and %.3g in its "
                    "affine; resample it to the same grid",
                    paths->id, path, paths->image[0], spacing, place);
    }
    return PLEAT_OK;
}

void prep_store_grid(const int dim[3], const double spacing[3], const double target[3],
                     int new_dim[3], double new_spacing[3]) {
    pleat_resample_size(dim, spacing, target, new_dim);
    for (int a = 0; a < 3; a++) new_spacing[a] = dim[a] * spacing[a] / new_dim[a];
}

/* "case 'a': '...' has ... voxels of ... mm, of which preprocess.resample [...] makes ..." */
static void describe_grids(const pleat_prep_config *config, const pleat_case_paths *paths,
                           const pleat_geometry *g, const double made[3], char out[1024]) {
    const double *mm = g->spacing, *target = config->spacing;
    int n =
        snprintf(out, 1024, "case '%s': '%.600s' has %d x %d x %d voxels of %g x %g x %g mm",
                 paths->id, paths->image[0], g->dim[2], g->dim[1], g->dim[0], mm[2], mm[1], mm[0]);
    const char *turned = pleat_orient_name(config->orient);
    if (config->orient != PLEAT_ORIENT_NONE && n > 0 && n < 1024)
        n += snprintf(out + n, 1024 - (size_t)n, " as %s", turned);
    if (config->resample && n > 0 && n < 1024)
        (void)snprintf(out + n, 1024 - (size_t)n,
                       ", of which preprocess.resample [%g, %g, %g] makes %.0f x %.0f x %.0f",
                       target[2], target[1], target[0], made[2], made[1], made[0]);
}

static const char cure[] = "correct the spacing in the header (is it in metres, or in "
                           "micrometres?), or set preprocess.resample";

/* The store's grid, in voxels, which may be more than an int holds. Returns how many voxels. */
static double find_grid(const pleat_prep_config *config, const pleat_geometry *g, double made[3]) {
    int dim[3];
    memcpy(dim, g->dim, sizeof dim);
    if (config->resample) pleat_resample_size(g->dim, g->spacing, config->spacing, dim);
    for (int a = 0; a < 3; a++) {
        const double exact = g->dim[a] * g->spacing[a] / config->spacing[a];
        made[a] = config->resample && exact > MOST_SIDE ? floor(exact) : dim[a];
    }
    return made[0] * made[1] * made[2];
}

/* Before memory is taken for it. Once the image is made, `more` bytes a voxel come beside it, and
 * `beside` bytes a voxel of the scan. */
static pleat_status check_room(const pleat_prep_config *config, const pleat_case_paths *paths,
                               const pleat_geometry *g, int channels, int more, int beside) {
    char grids[1024];
    double made[3];
    const double voxels = find_grid(config, g, made), one = voxels * sizeof(float);
    const double held = one * (config->resample ? channels + 2.0 : channels); /* see resample.h */
    const double scan = (double)pleat_voxels(g->dim);
    const double most = fmax(held, one * channels + voxels * more + scan * beside);
    const double longest = fmax(made[0], fmax(made[1], made[2]));
    const double times = voxels / scan;
    describe_grids(config, paths, g, made, grids);
    PLEAT_CHECK(longest <= MOST_SIDE && one * channels <= MOST_BYTES &&
                    (times <= MOST_TIMES || one * channels <= LARGE_BYTES),
                PLEAT_ERR_DATA, "%s, %.0f times as many and %.3g GiB, more than can be meant; %s",
                grids, times, one * channels / 0x1p30, cure);
    PLEAT_CHECK(
        pleat_memory_check(most, "it") == PLEAT_OK, PLEAT_ERR_DATA,
        "%s, which needs %.3g GiB of memory, and %.3g are free; %s, or use a larger machine", grids,
        most / 0x1p30, pleat_memory_available() / 0x1p30, cure);
    return PLEAT_OK;
}

/* What is left of a volume on the store's grid. */
static pleat_status check_grid(const pleat_prep_config *config, const pleat_case_paths *paths,
                               const pleat_geometry *g) {
    char grids[1024];
    double made[3], shrunk = 1.0;
    int gone = 0, can_go = 0, flat = 0;
    if (!config->resample) return PLEAT_OK;
    const double voxels = find_grid(config, g, made);
    for (int a = 0; a < 3; a++) {
        can_go += g->dim[a] > 1;
        gone += g->dim[a] > 1 && made[a] < 2.0;
        flat |= g->dim[a] >= MANY_SLICES && made[a] < 2.0;
        if (g->dim[a] > 1) shrunk = fmax(shrunk, config->spacing[a] / g->spacing[a]);
    }
    describe_grids(config, paths, g, made, grids);
    PLEAT_CHECK(!flat && (can_go == 0 || gone < can_go), PLEAT_ERR_DATA,
                "%s: too little is left of it; %s", grids, cure);
    if (gone > 0 || shrunk > MOST_SHRUNK || voxels > MOST_GROWN * (double)pleat_voxels(g->dim))
        pleat_warn("%s; if that is not meant, %s", grids, cure);
    return PLEAT_OK;
}

pleat_status pleat_prep_check_memory(const pleat_prep_config *config, const pleat_case_paths *paths,
                                     int channels, int more, int beside) {
    pleat_geometry native;
    PLEAT_TRY(pleat_nifti_read_header(paths->image[0], &native, NULL));
    pleat_prep_turned(config, &native, &native);
    return check_room(config, paths, &native, channels, more, beside);
}

pleat_status prep_check_files(const pleat_case_paths *paths, pleat_geometry *image, int *channels) {
    pleat_nifti_info info;
    PLEAT_TRY(pleat_nifti_read_header(paths->image[0], image, &info));
    *channels = paths->images > 1 ? paths->images : info.channels;
    return paths->images > 1 ? check_channels(paths, image) : PLEAT_OK;
}

pleat_status prep_check_image(const pleat_prep_config *config, const pleat_case_paths *paths,
                              pleat_geometry *image, int *channels) {
    pleat_nifti_info info;
    PLEAT_TRY(prep_check_files(paths, image, channels));
    PLEAT_TRY(pleat_nifti_read_header(paths->image[0], NULL, &info));
    pleat_nifti_tell_spacing(paths->image[0], image, &info);
    PLEAT_TRY(pleat_prep_check_channels(config, *channels));
    pleat_geometry turned;
    pleat_prep_turned(config, image, &turned);
    PLEAT_TRY(check_room(config, paths, &turned, *channels, 0, 0));
    return check_grid(config, paths, &turned);
}

/* " (mirrored along x, y)", or nothing. */
static void describe_mirror(const pleat_geometry *image, const pleat_geometry *label,
                            char out[64]) {
    double map[3][4];
    size_t used = 0;
    pleat_geometry_map(image, label, map);
    out[0] = '\0';
    for (int axis = 0; axis < 3; axis++)
        if (map[axis][axis] < 0.0)
            used += (size_t)snprintf(out + used, 64 - used, "%s%c",
                                     used == 0 ? " (mirrored along " : ", ", "xyz"[axis]);
    if (used > 0) (void)snprintf(out + used, 64 - used, ")");
}

/* A mask of one size with its image must lie where the image lies. */
static pleat_status check_mask(const pleat_prep_config *config, const pleat_case_paths *paths,
                               const pleat_geometry *image) {
    pleat_geometry label;
    pleat_nifti_info info;
    double spacing = 0.0, place = 0.0;
    char mirror[64];
    PLEAT_TRY(pleat_nifti_read_header(paths->label, &label, &info));
    pleat_nifti_tell_spacing(paths->label, &label, &info);
    PLEAT_TRY(check_size(paths, image, paths->label, &label));
    const double voxels = pleat_geometry_apart(image, &label);
    describe_mirror(image, &label, mirror);
    PLEAT_CHECK(voxels <= FAR_VOXELS || config->affine == PLEAT_AFFINE_WARN, PLEAT_ERR_DATA,
                "case '%s': by its affine the mask '%s' lies up to %.3g voxels from its image "
                "'%s'%s; write it again on the image's grid, or set data.affine: warn where the "
                "voxels do belong together",
                paths->id, paths->label, voxels, paths->image[0], mirror);
    grid_distance(image, &label, &spacing, &place);
    if (voxels > FAR_VOXELS || spacing > FAR_MM || place > FAR_MM)
        pleat_warn("case '%s': by its affine the mask '%s' lies up to %.3g voxels from its image "
                   "'%s'%s; the voxels are taken as they lie",
                   paths->id, paths->label, voxels, paths->image[0], mirror);
    return PLEAT_OK;
}

pleat_status pleat_prep_check_case(const pleat_prep_config *config, const pleat_case_paths *paths,
                                   pleat_geometry *image, int *channels) {
    PLEAT_TRY(prep_check_image(config, paths, image, channels));
    return paths->label == NULL ? PLEAT_OK : check_mask(config, paths, image);
}

const char *pleat_affine_name(int affine) {
    static const char *const names[] = {
        [PLEAT_AFFINE_ERROR] = "error", [PLEAT_AFFINE_WARN] = "warn"};
    return affine >= 0 && affine < (int)(sizeof names / sizeof *names) ? names[affine] : NULL;
}

/* ---- voxels ---------------------------------------------------------------------------------- */

static void keep(pleat_case_info *info, const char *text) {
    const size_t used = info != NULL ? strlen(info->warnings) : 0;
    if (info != NULL && used + strlen(text) + 2 <= sizeof info->warnings)
        (void)snprintf(info->warnings + used, sizeof info->warnings - used, "%s\n", text);
}

void prep_keep_from(pleat_case_info *info, int first) {
    for (int i = first; i < pleat_warn_count(); i++) keep(info, pleat_warn_text(i));
}

void prep_tell(pleat_case_info *info, const char *format, ...) {
    char text[sizeof info->warnings];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pleat_warn("%s", text);
    keep(info, text);
}

typedef struct spread { /* of the voxels of a channel */
    double low, high;
    size_t above, cut; /* above the lowest value; of these, above the range of clip */
    size_t level[256]; /* on each level of grayscale */
} spread;

static void measure(const float *x, size_t n, const pleat_prep_steps *steps, spread *s) {
    *s = (spread){0};
    pleat_intensity_range(x, n, &s->low, &s->high);
    const double low = steps->clip ? fmax(s->low, steps->clip_range[0]) : s->low;
    const double high = steps->clip ? fmin(s->high, steps->clip_range[1]) : s->high;
    const double least = s->low, scale = high > low ? 255.0 / (high - low) : 0.0;
    size_t above = 0, cut = 0, *level = s->level;
#pragma omp parallel for reduction(+ : above, cut, level[:256])
    for (size_t i = 0; i < n; i++) {
        const double v = x[i], kept = v < low ? low : v > high ? high : v;
        above += v > least;
        cut += v > high;
        level[(int)((kept - low) * scale + 0.5)]++;
    }
    s->above = above;
    s->cut = cut;
}

static pleat_status check_channel(const pleat_prep_steps *steps, const char *id, const char *path,
                                  int channel, const float *x, size_t n, pleat_case_info *info) {
    spread s;
    size_t most = 0;
    const double *range = steps->clip_range;
    measure(x, n, steps, &s);
    if (info != NULL && s.low < s.high)
        info->kind[channel] = 1 + pleat_intensity_kind(s.low, s.high);
    for (int i = 0; i < 256; i++) most = s.level[i] > most ? s.level[i] : most;
    if (s.high <= s.low) {
        prep_tell(info, "case '%s': every voxel of channel %d of '%s' is %g; %s", id, channel, path,
                  s.low,
                  info != NULL ? "there is nothing to learn from it"
                               : "nothing is to be seen in it, so do not trust the prediction");
        return PLEAT_OK;
    }
    PLEAT_CHECK(
        !steps->clip || (s.low < range[1] && s.high > range[0]), PLEAT_ERR_DATA,
        "case '%s': preprocess.clip [%g, %g] leaves one value in every voxel of '%s', which "
        "holds %g to %g in channel %d; set preprocess.clip to the range of these images, or "
        "to none",
        id, range[0], range[1], path, s.low, s.high, channel);
    if (steps->clip && 2 * s.cut > s.above)
        prep_tell(info,
                  "case '%s': preprocess.clip [%g, %g] cuts %.0f %% of the voxels of '%s', which "
                  "holds %g to %g in channel %d, to %g; is the range, of CT by default, that of "
                  "these images?",
                  id, range[0], range[1], 100.0 * (double)s.cut / (double)n, path, s.low, s.high,
                  channel, range[1]);
    else if (steps->grayscale && (double)most > MOST_ALIKE * (double)n)
        prep_tell(
            info,
            "case '%s': preprocess.grayscale puts %.1f %% of the voxels of '%s' on one of 256 "
            "levels, for it holds %g to %g in channel %d; set preprocess.clip to the range "
            "that matters, or preprocess.grayscale to false",
            id, 100.0 * (double)most / (double)n, path, s.low, s.high, channel);
    return PLEAT_OK;
}

pleat_status pleat_prep_check_channel(const pleat_prep_steps *steps, const char *id,
                                      const char *path, int channel, const float *x, size_t n) {
    return check_channel(steps, id, path, channel, x, n, NULL);
}

pleat_status prep_check_voxels(const pleat_prep_config *config, const pleat_case_paths *paths,
                               const pleat_image *image, pleat_case_info *info) {
    const size_t n = pleat_voxels(image->dim);
    for (int k = 0; k < image->channels; k++)
        PLEAT_TRY(check_channel(&config->channel[k], paths->id,
                                paths->image[paths->images > 1 ? k : 0], k,
                                image->data + (size_t)k * n, n, info));
    return PLEAT_OK;
}

void prep_count_labels(const pleat_label *label, size_t counts[256]) {
    const size_t n = pleat_voxels(label->dim);
    memset(counts, 0, 256 * sizeof *counts);
    for (size_t i = 0; i < n; i++) counts[label->data[i]]++;
}

void prep_check_classes(const pleat_prep_config *config, const pleat_case_paths *paths,
                        const size_t before[256], const pleat_label *label, pleat_case_info *info) {
    size_t now[256];
    prep_count_labels(label, now);
    for (int c = 1; c < PLEAT_MAX_CLASSES; c++)
        if (before[c] > 0 && now[c] == 0)
            prep_tell(info,
                      "case '%s': preprocess.resample leaves no voxel of label %d, of which '%s' "
                      "has %zu; set it to finer voxels, or to none",
                      paths->id, config->labels.n > 0 ? config->labels.value[c] : c, paths->label,
                      before[c]);
}
