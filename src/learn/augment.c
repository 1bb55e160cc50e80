/* augment.c - a box of the augmented volume: mirrored, toned, noised, padded. */
#include "pleat/augment.h"

#include "pleat/lanes.h"
#include "pleat/spatial.h"
#include "pleat/tone.h"
#include "pleat/volume.h"

#include <stdlib.h>
#include <string.h>

/* The part of the patch that lies inside the volume, and where its voxels are in memory. */
typedef struct inside {
    int from[3], to[3];   /* mirrored voxels, D, H, W; to is exclusive; empty when to <= from */
    int dim[3];           /* of the array below: the volume, or the box that was read */
    int origin[3];        /* stored voxel at its beginning */
    const float *image;   /* [dim] */
    const uint8_t *label; /* [dim] */
    float *read_image;    /* owned; NULL for volumes in memory */
    uint8_t *read_label;  /* owned */
} inside;

static void release(inside *in) {
    free(in->read_image);
    free(in->read_label);
}

static pleat_status read_box(const pleat_source *source, int with_label, inside *in) {
    const size_t n = pleat_voxels(in->dim);
    pleat_status status = PLEAT_OK;
    in->read_image = malloc(n * sizeof *in->read_image);
    in->read_label = with_label ? malloc(n) : NULL;
    PLEAT_CHECK_GOTO(status, done, in->read_image && (in->read_label || !with_label),
                     PLEAT_ERR_MEMORY, "no memory for a patch of %zu voxels", n);
    PLEAT_TRY_GOTO(
        status, done,
        source->read(source->context, in->origin, in->dim, in->read_image, in->read_label));
    in->image = in->read_image;
    in->label = in->read_label;
done:
    if (status != PLEAT_OK) release(in);
    return status;
}

static pleat_status find_inside(const pleat_sample *sample, const pleat_source *source,
                                const int patch[3], int with_label, inside *out) {
    inside in = {.image = source->image, .label = source->label};
    int empty = 0;
    for (int a = 0; a < 3; a++) {
        const int n = source->dim[a], end = sample->start[a] + patch[a];
        in.from[a] = sample->start[a] > 0 ? sample->start[a] : 0;
        in.to[a] = end < n ? end : n;
        in.dim[a] = n;
        empty |= in.to[a] <= in.from[a];
    }
    if (source->image == NULL && !empty) {
        for (int a = 0; a < 3; a++) {
            in.dim[a] = in.to[a] - in.from[a];
            in.origin[a] = sample->mirror[a] ? source->dim[a] - in.to[a] : in.from[a];
        }
        PLEAT_TRY(read_box(source, with_label, &in));
    }
    if (empty) in.to[0] = in.from[0]; /* every row is padding */
    *out = in;
    return PLEAT_OK;
}

/* Where mirrored voxel `v` of axis `a` is in the array. */
static int stored(const pleat_sample *sample, const pleat_source *source, const inside *in, int a,
                  int v) {
    return (sample->mirror[a] ? source->dim[a] - 1 - v : v) - in->origin[a];
}

static void copy_image(const float *restrict from, int reversed, int n, float *restrict to) {
    if (!reversed)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        for (int i = 0; i < n; i++) to[i] = from[n - 1 - i];
}

static void copy_label(const uint8_t *restrict from, int reversed, int n, uint8_t *restrict to) {
    if (!reversed)
        memcpy(to, from, (size_t)n);
    else
        for (int i = 0; i < n; i++) to[i] = from[n - 1 - i];
}

static void fill(float value, int n, float *row) {
    for (int i = 0; i < n; i++) row[i] = value;
}

pleat_status pleat_augment_patch(const pleat_sample *sample, const pleat_source *source,
                                 const int patch[3], pleat_pad pad, float *image, uint8_t *label) {
    PLEAT_CHECK(label == NULL || source->label != NULL || source->image == NULL, PLEAT_ERR_DATA,
                "a label patch is asked of a case that has no label");
    PLEAT_CHECK(source->histogram != NULL ||
                    (sample->contrast == 0.0 && sample->gamma == 0.0 && pad == PLEAT_PAD_ZERO),
                PLEAT_ERR_ARG, "contrast, gamma and background padding need a histogram");
    const pleat_tone tone = pleat_tone_make(sample, source->histogram);
    const float pad_value = pad == PLEAT_PAD_ZERO ? 0.0f : tone.darkest;
    const uint8_t pad_label = pad == PLEAT_PAD_ZERO ? PLEAT_NO_CLASS : 0;
    if (pleat_spatial_is_on(sample))
        return pleat_spatial_patch(sample, source, patch, pad_value, pad_label, image, label);
    inside in = {0};
    PLEAT_TRY(find_inside(sample, source, patch, label != NULL, &in));

    const int width = patch[2], before = in.from[2] - sample->start[2];
    const int n = in.to[2] - in.from[2], after = width - before - n;
    const int first = stored(sample, source, &in, 2, sample->mirror[2] ? in.to[2] - 1 : in.from[2]);
    for (int row = 0; row < patch[0] * patch[1]; row++) {
        const int d = sample->start[0] + row / patch[1], h = sample->start[1] + row % patch[1];
        float *to = image + (size_t)row * (size_t)width;
        uint8_t *to_label = label ? label + (size_t)row * (size_t)width : NULL;
        if (d < in.from[0] || d >= in.to[0] || h < in.from[1] || h >= in.to[1]) {
            fill(pad_value, width, to);
            if (label) memset(to_label, pad_label, (size_t)width);
            continue;
        }
        const size_t line = (size_t)stored(sample, source, &in, 0, d) * (size_t)in.dim[1] +
                            (size_t)stored(sample, source, &in, 1, h);
        const size_t at = line * (size_t)in.dim[2] + (size_t)first;
        fill(pad_value, before, to);
        copy_image(in.image + at, sample->mirror[2], n, to + before);
        pleat_tone_apply(&tone, to + before, n);
        if (sample->noise > 0.0)
            pleat_noise_add(sample->noise_seed, d, h, in.from[2], n, (float)sample->noise,
                            to + before);
        fill(pad_value, after, to + before + n);
        if (label == NULL) continue;
        memset(to_label, pad_label, (size_t)before);
        copy_label(in.label + at, sample->mirror[2], n, to_label + before);
        memset(to_label + before + n, pad_label, (size_t)after);
    }
    release(&in);
    return PLEAT_OK;
}
