/* sampler.c - which case, crop and augmentation a sample has, from counter-based draws alone. */
#include "pleat/sampler.h"

#include "pleat/rng.h"

#include <math.h>
#include <stddef.h>

/* What each draw of a sample is for. A number is never reused or moved, so that a new transform
 * leaves the draws of the others, and with them old runs, as they were. Channel 0 draws from the
 * sample's own stream; the factors of channel c are draws c * DRAWS + the same numbers of another
 * one. */
enum {
    DRAW_START = 0,  /* 0, 1, 2: D, H, W */
    DRAW_MIRROR = 3, /* 3, 4, 5: D, H, W */
    DRAW_CONTRAST_GATE = 6,
    DRAW_CONTRAST_SIDE = 7,
    DRAW_CONTRAST = 8,
    DRAW_BRIGHTNESS_GATE = 9,
    DRAW_BRIGHTNESS = 10,
    DRAW_GAMMA_GATE = 11,
    DRAW_GAMMA_SIDE = 12,
    DRAW_GAMMA = 13,
    DRAW_NOISE_GATE = 14,
    DRAW_NOISE = 15,
    DRAW_NOISE_SEED = 16, /* the first 64 bits of the block */
    DRAW_ELASTIC_GATE = 17,
    DRAW_ALPHA = 18,
    DRAW_SIGMA = 19,
    DRAW_ROTATION_GATE = 20,
    DRAW_ROTATION = 21, /* 21, 22, 23: about x, y, z */
    DRAW_SCALE_GATE = 24,
    DRAW_SCALE_SIDE = 25,
    DRAW_SCALE = 26,
    DRAW_CENTRE = 27, /* 27, 28, 29: D, H, W */
    DRAW_FOREGROUND_GATE = 30,
    DRAW_FOREGROUND_CLASS = 31,
    DRAW_FOREGROUND_VOXEL = 32,
    DRAW_CASE = 33, /* this and the rest: nnU-Net's way */
    DRAW_BRIGHTNESS_SIDE = 34,
    DRAW_BLUR_GATE = 35,
    DRAW_BLUR_CHANNEL = 36,
    DRAW_BLUR = 37, /* 37, 38, 39: D, H, W */
    DRAW_COARSEN_GATE = 40,
    DRAW_COARSEN_CHANNEL = 41,
    DRAW_COARSEN = 42,
    DRAW_INVERTED_GATE = 43,
    DRAW_INVERTED_SIDE = 44,
    DRAW_INVERTED = 45,
    DRAW_ANNOTATED = 46, /* either way's */
    DRAWS = 64
};

static const char *const likes[][2] = {
    [PLEAT_AUGMENT_ORIGINAL] = {"original", "as covid19.MIScnn"},
    [PLEAT_AUGMENT_NNUNET] = {"nnunet", "as nnU-Net v2, whose transforms and ranges the keys below "
                                        "then have unless they are given"},
};
enum { LIKES = sizeof likes / sizeof *likes };

const char *pleat_augment_like_name(int like) { return like < LIKES ? likes[like][0] : NULL; }
const char *pleat_augment_like_what(int like) { return likes[like][1]; }

pleat_augment_config pleat_augment_defaults(void) {
    return (pleat_augment_config){
        .mirror = {0.5, 0.5, 0.5},
        .contrast_p = 0.15,
        .contrast = {0.3, 3.0},
        .brightness_p = 0.15,
        .brightness = {0.5, 2.0},
        .gamma_p = 0.15,
        .gamma = {0.7, 1.5},
        .noise_p = 0.15,
        .noise = {0.0, 0.05},
        .elastic_p = 0.15,
        .alpha = {0.0, 900.0},
        .sigma = {9.0, 13.0},
        .rotation_p = 0.15,
        .rotation = {-15.0, 15.0},
        .scale_p = 0.15,
        .scale = {0.85, 1.25},
        .blur = {0.5, 1.0},
        .coarsen = {0.5, 1.0},
        .inverted = {0.7, 1.5},
    };
}

/* The item that pleat_rng_shuffle leaves at `position` of 0 .. n-1, without the array: the swaps
 * are walked backwards. */
static int shuffled_item(const pleat_rng *rng, int position, int n) {
    for (int i = 1; i < n; i++) {
        const int j = (int)pleat_rng_below(rng, (uint32_t)(n - 1 - i), (uint32_t)(i + 1));
        if (position == i)
            position = j;
        else if (position == j)
            position = i;
    }
    return position;
}

#define RADIAN (3.14159265358979323846 / 180.0) /* a degree */

static int fires(const pleat_rng *rng, uint32_t gate, double probability) {
    return pleat_rng_uniform(rng, gate) < probability;
}

/* A range on both sides of 1 is drawn side first, so that weakening is as frequent as
 * strengthening; any other is uniform. */
static double factor(const pleat_rng *rng, uint32_t side, uint32_t draw, const double range[2]) {
    if (!(range[0] < 1.0 && range[1] > 1.0)) return pleat_rng_range(rng, draw, range[0], range[1]);
    return pleat_rng_uniform(rng, side) < 0.5 ? pleat_rng_range(rng, draw, range[0], 1.0)
                                              : pleat_rng_range(rng, draw, 1.0, range[1]);
}

static pleat_rng numbers_of(const pleat_sample_key *key, pleat_stream stream) {
    return pleat_rng_at(key->seed, stream, (uint32_t)key->fold, (uint32_t)key->epoch,
                        (uint32_t)key->sample);
}

/* What was found to be on, for one channel. */
static void draw_channel(const pleat_rng *rng, uint32_t first, const pleat_augment_config *augment,
                         const int on[3], int channel, pleat_sample *out) {
    if (on[0])
        out->contrast[channel] =
            factor(rng, first + DRAW_CONTRAST_SIDE, first + DRAW_CONTRAST, augment->contrast);
    /* The original draws brightness uniformly although its range straddles 1. */
    if (on[1])
        out->brightness[channel] = pleat_rng_range(rng, first + DRAW_BRIGHTNESS,
                                                   augment->brightness[0], augment->brightness[1]);
    if (on[2])
        out->gamma[channel] =
            factor(rng, first + DRAW_GAMMA_SIDE, first + DRAW_GAMMA, augment->gamma);
}

static void draw_intensity(const pleat_rng *rng, const pleat_sample_key *key,
                           const pleat_augment_config *augment, pleat_sample *out) {
    const int on[3] = {fires(rng, DRAW_CONTRAST_GATE, augment->contrast_p),
                       fires(rng, DRAW_BRIGHTNESS_GATE, augment->brightness_p),
                       fires(rng, DRAW_GAMMA_GATE, augment->gamma_p)};
    const pleat_rng further = numbers_of(key, PLEAT_STREAM_CHANNEL);
    draw_channel(rng, 0, augment, on, 0, out);
    for (int c = 1; c < PLEAT_MAX_CHANNELS; c++)
        draw_channel(&further, (uint32_t)c * DRAWS, augment, on, c, out);
    if (fires(rng, DRAW_NOISE_GATE, augment->noise_p))
        out->noise = pleat_rng_range(rng, DRAW_NOISE, augment->noise[0], augment->noise[1]);
}

static void draw_spatial(const pleat_rng *rng, const int dim[3], const int patch[3],
                         const pleat_augment_config *augment, pleat_sample *out) {
    const int elastic = fires(rng, DRAW_ELASTIC_GATE, augment->elastic_p);
    const int rotation = fires(rng, DRAW_ROTATION_GATE, augment->rotation_p);
    const int scale = fires(rng, DRAW_SCALE_GATE, augment->scale_p);
    if (elastic) {
        out->elastic_alpha = pleat_rng_range(rng, DRAW_ALPHA, augment->alpha[0], augment->alpha[1]);
        out->elastic_sigma = pleat_rng_range(rng, DRAW_SIGMA, augment->sigma[0], augment->sigma[1]);
    }
    for (int i = 0; i < 3 && rotation; i++)
        out->rotation[i] = RADIAN * pleat_rng_range(rng, DRAW_ROTATION + (uint32_t)i,
                                                    augment->rotation[0], augment->rotation[1]);
    if (scale) out->scale = factor(rng, DRAW_SCALE_SIDE, DRAW_SCALE, augment->scale);
    for (int a = 0; a < 3 && (elastic || rotation || scale); a++)
        out->centre[a] = pleat_rng_range(rng, DRAW_CENTRE + (uint32_t)a, 0.5 * patch[a],
                                         dim[a] - 0.5 * patch[a]);
}

static void draw_mirror(const pleat_rng *rng, const pleat_augment_config *augment,
                        pleat_sample *out) {
    for (int a = 0; a < 3; a++)
        out->mirror[a] = fires(rng, DRAW_MIRROR + (uint32_t)a, augment->mirror[a]);
    uint32_t word[4]; /* the seed of the noise and of the elastic field */
    pleat_rng_block(rng, DRAW_NOISE_SEED, word);
    out->noise_seed = (uint64_t)word[0] << 32 | word[1];
}

/* --- nnU-Net's way ---------------------------------------------------------------------------- */

/* nnU-Net's get_patch_size: what the corners of the patch reach when it is turned about one axis,
 * by 90 degrees at most, and then shrunk to 0.85. */
static void larger_crop(const int patch[3], const pleat_augment_config *augment, int planar,
                        double most_degrees, int out[3]) {
    const double shrunk = 0.85, *p = (const double[]){patch[0], patch[1], patch[2]};
    const double angle = fmin(most_degrees, 90.0) * RADIAN, c = cos(angle), s = sin(angle);
    double q[3] = {p[0], fmax(p[1], c * p[1] + s * p[2]), fmax(p[2], fabs(c * p[2] - s * p[1]))};
    if (!planar) {
        q[0] = fmax(fmax(p[0], fabs(c * p[0] - s * p[2])), c * p[0] + s * p[1]);
        q[1] = fmax(q[1], fabs(c * p[1] - s * p[0]));
        q[2] = fmax(q[2], s * p[0] + c * p[2]);
    }
    const int moves = augment->rotation_p > 0.0 || augment->scale_p > 0.0;
    for (int a = 0; a < 3; a++)
        out[a] = moves && !(planar && a == 0) ? (int)(q[a] / shrunk) : patch[a];
}

/* How far beyond the border a crop may begin, in voxels: half of what it is larger than the patch,
 * or than the volume. */
static int overhang(int crop, int patch, int dim) {
    return crop - patch > crop - dim ? crop - patch : crop - dim;
}

/* What one channel gets. */
static void draw_nnunet_channel(const pleat_rng *rng, uint32_t first, const pleat_rng *gates,
                                const pleat_augment_config *augment, int channel,
                                pleat_sample *out) {
    if (fires(gates, DRAW_BRIGHTNESS_GATE, augment->brightness_p))
        out->brightness[channel] =
            factor(rng, first + DRAW_BRIGHTNESS_SIDE, first + DRAW_BRIGHTNESS, augment->brightness);
    if (fires(gates, DRAW_CONTRAST_GATE, augment->contrast_p))
        out->contrast[channel] =
            factor(rng, first + DRAW_CONTRAST_SIDE, first + DRAW_CONTRAST, augment->contrast);
    if (fires(gates, DRAW_INVERTED_GATE, augment->inverted_p))
        out->inverted[channel] =
            factor(rng, first + DRAW_INVERTED_SIDE, first + DRAW_INVERTED, augment->inverted);
    if (fires(gates, DRAW_GAMMA_GATE, augment->gamma_p))
        out->gamma[channel] =
            factor(rng, first + DRAW_GAMMA_SIDE, first + DRAW_GAMMA, augment->gamma);
    /* Blur and low resolution meet half of the channels. */
    if (fires(gates, DRAW_BLUR_GATE, augment->blur_p) && fires(rng, first + DRAW_BLUR_CHANNEL, 0.5))
        for (uint32_t a = 0; a < 3; a++)
            out->blur[channel][a] =
                pleat_rng_range(rng, first + DRAW_BLUR + a, augment->blur[0], augment->blur[1]);
    if (fires(gates, DRAW_COARSEN_GATE, augment->coarsen_p) &&
        fires(rng, first + DRAW_COARSEN_CHANNEL, 0.5))
        out->coarsen[channel] =
            pleat_rng_range(rng, first + DRAW_COARSEN, augment->coarsen[0], augment->coarsen[1]);
}

/* Of a patch more than 3 times wider than deep the slices are turned alone, by any angle; of a
 * single slice that is more than 1.5 times longer than wide by 15 degrees at most. */
static int is_planar(const int patch[3], double *degrees) {
    const int wide = patch[1] > patch[2] ? patch[1] : patch[2];
    const int narrow = patch[1] < patch[2] ? patch[1] : patch[2];
    const int planar = wide > 3 * patch[0] || patch[0] == 1;
    if (planar) *degrees = patch[0] == 1 && 2 * wide > 3 * narrow ? 15.0 : 180.0;
    return planar;
}

static void draw_nnunet(const pleat_rng *rng, const pleat_sample_key *key, int n_cases,
                        const int (*dims)[3], const int patch[3],
                        const pleat_augment_config *augment, pleat_sample *out) {
    double degrees = fmax(fabs(augment->rotation[0]), fabs(augment->rotation[1]));
    out->like = PLEAT_AUGMENT_NNUNET;
    out->item = (int)pleat_rng_below(rng, DRAW_CASE, (uint32_t)n_cases);
    out->planar = is_planar(patch, &degrees);
    larger_crop(patch, augment, out->planar, degrees, out->crop);
    for (int a = 0; a < 3; a++) {
        const int dim = dims[out->item][a], over = overhang(out->crop[a], patch[a], dim);
        const int first = -((over + 1) / 2), last = dim + (over + 1) / 2 - out->crop[a];
        out->start[a] = first + (int)pleat_rng_below(rng, DRAW_START + (uint32_t)a,
                                                     (uint32_t)(last - first + 1));
    }
    draw_mirror(rng, augment, out);
    const pleat_rng further = numbers_of(key, PLEAT_STREAM_CHANNEL);
    draw_nnunet_channel(rng, 0, rng, augment, 0, out);
    for (int c = 1; c < PLEAT_MAX_CHANNELS; c++)
        draw_nnunet_channel(&further, (uint32_t)c * DRAWS, rng, augment, c, out);
    if (fires(rng, DRAW_NOISE_GATE, augment->noise_p))
        out->noise = pleat_rng_range(rng, DRAW_NOISE, augment->noise[0], augment->noise[1]);
    const int turned = fires(rng, DRAW_ROTATION_GATE, augment->rotation_p);
    for (uint32_t i = 0; i < 3 && turned && !out->planar; i++)
        out->rotation[i] = RADIAN * pleat_rng_range(rng, DRAW_ROTATION + i, augment->rotation[0],
                                                    augment->rotation[1]);
    if (turned && out->planar)
        out->rotation[2] = RADIAN * pleat_rng_range(rng, DRAW_ROTATION + 2, -degrees, degrees);
    if (fires(rng, DRAW_SCALE_GATE, augment->scale_p))
        out->scale = pleat_rng_range(rng, DRAW_SCALE, augment->scale[0], augment->scale[1]);
}

/* --- both ------------------------------------------------------------------------------------- */

void pleat_sampler_draw(const pleat_sample_key *key, int n_cases, const int (*dims)[3],
                        const int patch[3], const pleat_augment_config *augment,
                        pleat_sample *out) {
    *out = (pleat_sample){0};
    const pleat_rng rng = numbers_of(key, augment ? PLEAT_STREAM_SAMPLE : PLEAT_STREAM_VALIDATION);
    if (augment != NULL && augment->like == PLEAT_AUGMENT_NNUNET) {
        draw_nnunet(&rng, key, n_cases, dims, patch, augment, out);
        return;
    }
    /* The queue is not rewound between epochs, so short epochs reach every case in turn. */
    const int64_t taken = (int64_t)key->epoch * key->samples + key->sample;
    out->item = (int)(taken % n_cases);
    if (augment) {
        const pleat_rng order = pleat_rng_at(key->seed, PLEAT_STREAM_ORDER, (uint32_t)key->fold,
                                             (uint32_t)key->epoch, 0);
        out->item = shuffled_item(&order, out->item, n_cases);
    }
    const int *dim = dims[out->item];
    for (int a = 0; a < 3; a++) {
        const int room = dim[a] - patch[a];
        /* The last start, `room`, is legal and drawn; the original never draws it. */
        if (room > 0)
            out->start[a] =
                (int)pleat_rng_below(&rng, DRAW_START + (uint32_t)a, (uint32_t)room + 1);
        else
            out->start[a] = -((1 - room) / 2); /* floor(room / 2) */
    }
    if (augment == NULL) return;
    draw_mirror(&rng, augment, out);
    draw_intensity(&rng, key, augment, out);
    draw_spatial(&rng, dim, patch, augment, out);
}

pleat_foreground pleat_foreground_of(const int32_t (*row)[4], int n, int first[257]) {
    int k = 0, listed = 0;
    for (; listed < n && row[listed][0] != PLEAT_ANNOTATED; listed++)
        if (listed == 0 || row[listed][0] != row[listed - 1][0]) first[k++] = listed;
    first[k] = listed;
    return (pleat_foreground){k, first, row, n - listed};
}

/* Whether the sample is to be around foreground. */
static int is_forced(const pleat_rng *rng, const pleat_sample_key *key, double share,
                     const pleat_sample *sample) {
    if (sample->like != PLEAT_AUGMENT_NNUNET) return fires(rng, DRAW_FOREGROUND_GATE, share);
    return key->sample % key->batch >= (int)rint(key->batch * (1.0 - share)); /* half to even */
}

/* The crop's middle is the voxel, unless it would begin further out than it may. */
static void centre_nnunet(const int32_t voxel[3], const int dim[3], const int patch[3],
                          pleat_sample *out) {
    for (int a = 0; a < 3; a++) {
        const int first = -((overhang(out->crop[a], patch[a], dim[a]) + 1) / 2);
        const int start = voxel[a] - out->crop[a] / 2;
        out->start[a] = start > first ? start : first;
    }
}

/* The patch is moved so that the voxel, as it was stored, is in its middle. */
static void centre(const int32_t stored[3], const int dim[3], const int patch[3],
                   pleat_sample *out) {
    if (out->like == PLEAT_AUGMENT_NNUNET) {
        centre_nnunet(stored, dim, patch, out);
        return;
    }
    for (int a = 0; a < 3; a++) {
        const int room = dim[a] - patch[a];
        if (room <= 0) continue; /* the whole axis is in the patch already */
        const int voxel = out->mirror[a] ? dim[a] - 1 - stored[a] : stored[a];
        const int start = voxel - patch[a] / 2;
        out->start[a] = start < 0 ? 0 : start < room ? start : room;
        if (out->elastic_alpha == 0.0 && out->scale == 0.0 && out->rotation[0] == 0.0 &&
            out->rotation[1] == 0.0 && out->rotation[2] == 0.0)
            continue;
        const double half = 0.5 * patch[a], last = dim[a] - half;
        out->centre[a] = voxel < half ? half : voxel < last ? voxel : last;
    }
}

static void annotate(const pleat_rng *rng, const int dim[3], const int patch[3],
                     const pleat_foreground *foreground, pleat_sample *out) {
    if (foreground == NULL || foreground->annotated == 0) return;
    const int row = foreground->first[foreground->classes] +
                    (int)pleat_rng_below(rng, DRAW_ANNOTATED, (uint32_t)foreground->annotated);
    centre(foreground->row[row] + 1, dim, patch, out);
}

void pleat_sampler_annotate(const pleat_sample_key *key, const int dim[3], const int patch[3],
                            const pleat_foreground *foreground, pleat_sample *out) {
    const pleat_rng rng = numbers_of(key, PLEAT_STREAM_VALIDATION);
    annotate(&rng, dim, patch, foreground, out);
}

void pleat_sampler_oversample(const pleat_sample_key *key, double share, const int dim[3],
                              const int patch[3], const pleat_foreground *foreground,
                              pleat_sample *out) {
    const pleat_rng rng = numbers_of(key, PLEAT_STREAM_SAMPLE);
    if (foreground == NULL || foreground->classes == 0 || !is_forced(&rng, key, share, out)) {
        annotate(&rng, dim, patch, foreground, out);
        return;
    }
    const int k = (int)pleat_rng_below(&rng, DRAW_FOREGROUND_CLASS, (uint32_t)foreground->classes);
    const int n = foreground->first[k + 1] - foreground->first[k];
    const int row =
        foreground->first[k] + (int)pleat_rng_below(&rng, DRAW_FOREGROUND_VOXEL, (uint32_t)n);
    centre(foreground->row[row] + 1, dim, patch, out);
}
