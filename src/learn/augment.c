/* augment.c - a box of the augmented volume: mirrored, toned, noised, padded. */
#include "pleat/augment.h"

#include "pleat/crop.h"
#include "pleat/lanes.h"
#include "pleat/patch_augment.h"
#include "pleat/spatial.h"
#include "pleat/volume.h"

#include <stdlib.h>
#include <string.h>

const char *pleat_pad_name(int pad) {
    static const char *const names[] = {[PLEAT_PAD_ZERO] = "zero",
                                        [PLEAT_PAD_BACKGROUND] = "background",
                                        [PLEAT_PAD_NNUNET] = "nnunet"};
    return pad < (int)(sizeof names / sizeof *names) ? names[pad] : NULL;
}

void pleat_pad_values(pleat_pad pad, float darkest, float *value, uint8_t *label) {
    *value = pad == PLEAT_PAD_BACKGROUND ? darkest : 0.0f;
    *label = pad == PLEAT_PAD_ZERO ? PLEAT_NO_CLASS : 0;
}

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

static pleat_status read_box(const pleat_source *source, int channel, int with_label, inside *in) {
    const size_t n = pleat_voxels(in->dim);
    pleat_status status = PLEAT_OK;
    in->read_image = malloc(n * sizeof *in->read_image);
    in->read_label = with_label ? malloc(n) : NULL;
    PLEAT_CHECK_GOTO(status, done, in->read_image && (in->read_label || !with_label),
                     PLEAT_ERR_MEMORY, "no memory for a patch of %zu voxels", n);
    PLEAT_TRY_GOTO(status, done,
                   source->read(source->context, channel, in->origin, in->dim, in->read_image,
                                in->read_label));
    in->image = in->read_image;
    in->label = in->read_label;
done:
    if (status != PLEAT_OK) release(in);
    return status;
}

static pleat_status find_inside(const pleat_crop *crop, const int start[3], const int size[3],
                                int with_label, inside *out) {
    const pleat_source *source = crop->source;
    inside in = {.image = source->image, .label = source->label};
    if (in.image != NULL) in.image += (size_t)crop->channel * pleat_voxels(source->dim);
    int empty = 0;
    for (int a = 0; a < 3; a++) {
        const int n = source->dim[a], end = start[a] + size[a];
        in.from[a] = start[a] > 0 ? start[a] : 0;
        in.to[a] = end < n ? end : n;
        in.dim[a] = n;
        empty |= in.to[a] <= in.from[a];
    }
    if (source->image == NULL && !empty) {
        for (int a = 0; a < 3; a++) {
            in.dim[a] = in.to[a] - in.from[a];
            in.origin[a] = crop->sample->mirror[a] ? source->dim[a] - in.to[a] : in.from[a];
        }
        PLEAT_TRY(read_box(source, crop->channel, with_label, &in));
    }
    if (empty) in.to[0] = in.from[0]; /* every row is padding */
    *out = in;
    return PLEAT_OK;
}

/* Where mirrored voxel `v` of axis `a` is in the array. */
static int stored(const pleat_crop *crop, const inside *in, int a, int v) {
    return (crop->sample->mirror[a] ? crop->source->dim[a] - 1 - v : v) - in->origin[a];
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

/* Row (d, h) of the box, which lies inside the volume: what was stored, then what was drawn. */
static void fill_row(const pleat_crop *crop, const inside *in, int d, int h, int before, int width,
                     float *image, uint8_t *label) {
    const pleat_sample *sample = crop->sample;
    const int n = in->to[2] - in->from[2], after = width - before - n;
    const int first = stored(crop, in, 2, sample->mirror[2] ? in->to[2] - 1 : in->from[2]);
    const size_t line =
        (size_t)stored(crop, in, 0, d) * (size_t)in->dim[1] + (size_t)stored(crop, in, 1, h);
    const size_t at = line * (size_t)in->dim[2] + (size_t)first;
    fill(crop->pad_value, before, image);
    copy_image(in->image + at, sample->mirror[2], n, image + before);
    pleat_intensity_augment_apply(&crop->tone, image + before, n);
    if (sample->noise > 0.0)
        pleat_noise_add(&(pleat_noise_row){sample->noise_seed, crop->channel, d, h}, in->from[2], n,
                        (float)sample->noise, image + before);
    fill(crop->pad_value, after, image + before + n);
    if (label == NULL) return;
    memset(label, crop->pad_label, (size_t)before);
    copy_label(in->label + at, sample->mirror[2], n, label + before);
    memset(label + before + n, crop->pad_label, (size_t)after);
}

pleat_status pleat_crop_box(const pleat_crop *crop, const int start[3], const int size[3],
                            float *image, uint8_t *label) {
    inside in = {0};
    PLEAT_TRY(find_inside(crop, start, size, label != NULL, &in));
    const int width = size[2];
    for (int row = 0; row < size[0] * size[1]; row++) {
        const int d = start[0] + row / size[1], h = start[1] + row % size[1];
        float *to = image + (size_t)row * (size_t)width;
        uint8_t *to_label = label ? label + (size_t)row * (size_t)width : NULL;
        if (d >= in.from[0] && d < in.to[0] && h >= in.from[1] && h < in.to[1]) {
            fill_row(crop, &in, d, h, in.from[2] - start[2], width, to, to_label);
            continue;
        }
        fill(crop->pad_value, width, to);
        if (label) memset(to_label, crop->pad_label, (size_t)width);
    }
    release(&in);
    return PLEAT_OK;
}

static pleat_crop crop_of(const pleat_sample *sample, const pleat_source *source, int channel,
                          pleat_pad pad) {
    const pleat_histogram *histogram = source->histogram ? source->histogram + channel : NULL;
    pleat_crop crop = {sample,  source,
                       channel, pleat_intensity_augment_make(sample, channel, histogram),
                       0.0f,    PLEAT_NO_CLASS};
    pleat_pad_values(pad, crop.tone.darkest, &crop.pad_value, &crop.pad_label);
    return crop;
}

/* image [C, patch] */
static pleat_status make_planes(const pleat_sample *sample, const pleat_source *source,
                                const int patch[3], pleat_pad pad, float *image, uint8_t *label) {
    pleat_crop crops[PLEAT_MAX_CHANNELS];
    if (sample->like == PLEAT_AUGMENT_NNUNET)
        return pleat_patch_make(sample, source, patch, pad, image, label);
    for (int c = 0; c < source->channels; c++) crops[c] = crop_of(sample, source, c, pad);
    if (pleat_spatial_is_on(sample))
        return pleat_spatial_patch(crops, source->channels, patch, image, label);
    for (int c = 0; c < source->channels; c++)
        PLEAT_TRY(pleat_crop_box(&crops[c], sample->start, patch,
                                 image + (size_t)c * pleat_voxels(patch), c == 0 ? label : NULL));
    return PLEAT_OK;
}

pleat_status pleat_augment_patch(const pleat_sample *sample, const pleat_source *source,
                                 const int patch[3], pleat_pad pad, float *image, uint8_t *label) {
    PLEAT_CHECK(label == NULL || source->label != NULL || source->image == NULL, PLEAT_ERR_DATA,
                "a label patch is asked of a case that has no label");
    PLEAT_TRY(pleat_intensity_augment_check(sample, source, pad));
    if (source->channels == 1) return make_planes(sample, source, patch, pad, image, label);
    const size_t n = pleat_voxels(patch);
    float *planes = malloc((size_t)source->channels * n * sizeof *planes);
    PLEAT_CHECK(planes != NULL, PLEAT_ERR_MEMORY, "no memory for a patch of %zu voxels", n);
    const pleat_status status = make_planes(sample, source, patch, pad, planes, label);
    if (status == PLEAT_OK) pleat_interleave(planes, n, source->channels, image);
    free(planes);
    return status;
}
