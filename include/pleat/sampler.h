/*
 * sampler.h - which patch a training step sees: a pure function of (seed, fold, epoch, sample).
 *
 * A sample is a case of the fold's training list, a crop and a set of augmentation draws. Nothing
 * is kept between calls, so any rank can make any sample, in any order, and after a resume. What
 * moves voxels is drawn once for all channels; contrast, brightness and gamma are on or off for all
 * of them together and drawn for each, and each has noise of its own of one deviation.
 *
 * Cases go round robin through a permutation made anew each epoch; an epoch continues at the
 * place of the queue where the one before it ended. Validation goes through the list as given.
 *
 * That is the original's way. nnU-Net's (augment.like) takes cases with replacement, begins with a
 * larger crop that may hang over the border, and puts the last samples of each batch around
 * foreground; its intensities are changed by the patch's statistics, not by the volume's.
 */
#ifndef PLEAT_SAMPLER_H
#define PLEAT_SAMPLER_H

#include "pleat/volume.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_sample_key { /* which sample */
    uint64_t seed;
    int fold, epoch; /* from 0 */
    int sample;      /* of the epoch, from 0 */
    int samples;     /* an epoch has */
    int batch;       /* a step has; of nnU-Net's way alone */
} pleat_sample_key;

typedef enum pleat_augment_like { PLEAT_AUGMENT_ORIGINAL, PLEAT_AUGMENT_NNUNET } pleat_augment_like;

/* "original", "nnunet", and what that means; NULL after the last. */
const char *pleat_augment_like_name(int like);
const char *pleat_augment_like_what(int like);

typedef struct pleat_augment_config {     /* a probability of 0 turns a transform off */
    int like;                             /* pleat_augment_like */
    double mirror[3];                     /* along D, H, W; 0.5 each */
    double contrast_p, contrast[2];       /* 0.15, 0.3 .. 3.0 */
    double brightness_p, brightness[2];   /* 0.15, 0.5 .. 2.0 */
    double gamma_p, gamma[2];             /* 0.15, 0.7 .. 1.5 */
    double noise_p, noise[2];             /* 0.15, standard deviation 0 .. 0.05 */
    double elastic_p, alpha[2], sigma[2]; /* 0.15, 0 .. 900, 9 .. 13 voxels */
    double rotation_p, rotation[2];       /* 0.15, -15 .. 15 degrees, each axis */
    double scale_p, scale[2];             /* 0.15, 0.85 .. 1.25 */
    /* Of nnU-Net's way alone: */
    double blur_p, blur[2];         /* 0, standard deviation 0.5 .. 1 voxels */
    double coarsen_p, coarsen[2];   /* 0, share 0.5 .. 1 of the voxels along an axis */
    double inverted_p, inverted[2]; /* 0, gamma 0.7 .. 1.5 of the negative */
} pleat_augment_config;

/* Some voxels of each foreground class of a case, as the store lists them (store.h). */
typedef struct pleat_foreground {
    int classes;             /* that are present; background is none of them */
    const int *first;        /* [classes + 1]: class k has rows first[k] .. first[k + 1] - 1 */
    const int32_t (*row)[4]; /* [first[classes] + annotated]: label, D, H, W */
    int annotated;           /* rows behind those: of annotated voxels, where a label is ignored */
} pleat_foreground;

/* Of row[n], labels ascending, those of annotated voxels PLEAT_ANNOTATED. `first` is filled. */
pleat_foreground pleat_foreground_of(const int32_t (*row)[4], int n, int first[257]);

typedef struct pleat_sample {
    int item;      /* index into the list of cases given */
    int start[3];  /* voxel of the (mirrored) volume where the patch begins, D, H, W;
                           negative: padding */
    int mirror[3]; /* axis is reversed, D, H, W */
    /* Of each channel; 0 = off: */
    double contrast[PLEAT_MAX_CHANNELS];   /* factor */
    double brightness[PLEAT_MAX_CHANNELS]; /* factor */
    double gamma[PLEAT_MAX_CHANNELS];      /* exponent */
    double noise;                          /* standard deviation; 0 = off */
    uint64_t noise_seed;
    /* Spatial part: off (all 0) until a spatial transform is drawn; then `centre` holds. */
    double elastic_alpha, elastic_sigma;
    double rotation[3]; /* radians about the original's x, y, z = our W, H, D */
    double scale;       /* factor; 0 = off */
    double centre[3];   /* voxel, D, H, W */
    /* nnU-Net's way: `start` is that of a larger crop of the volume as stored, whose middle the
     * patch is; the patch is mirrored at the end; `centre` is not used. */
    int like;                            /* pleat_augment_like */
    int crop[3];                         /* voxels, D, H, W; not less than the patch */
    int planar;                          /* D stays as it is, but for `mirror` */
    double blur[PLEAT_MAX_CHANNELS][3];  /* standard deviation along D, H, W, voxels; 0 = off */
    double coarsen[PLEAT_MAX_CHANNELS];  /* share of voxels left along an axis; 0 = off */
    double inverted[PLEAT_MAX_CHANNELS]; /* exponent of the negative; 0 = off */
} pleat_sample;

/* dims[i] is the size (D,H,W) of case i. With augment NULL only the crop is drawn (validation). */
void pleat_sampler_draw(const pleat_sample_key *key, int n_cases, const int (*dims)[3],
                        const int patch[3], const pleat_augment_config *augment, pleat_sample *out);

/* In a share of the samples, moves the one just drawn by the same numbers so that a foreground
 * voxel is in the middle, as far as the patch then stays inside the volume: the class uniform over
 * those present, then the voxel over those listed. dim is that of the sample's case. In nnU-Net's
 * way these are the last of each batch, from sample round(batch (1 - share)) on, and the patch may
 * hang over. Where annotated voxels are listed, every other sample has one of these there. */
void pleat_sampler_oversample(const pleat_sample_key *key, double share, const int dim[3],
                              const int patch[3], const pleat_foreground *foreground,
                              pleat_sample *out);
/* The latter of a validation patch. */
void pleat_sampler_annotate(const pleat_sample_key *key, const int dim[3], const int patch[3],
                            const pleat_foreground *foreground, pleat_sample *out);

/* The paper's values. */
pleat_augment_config pleat_augment_defaults(void);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_SAMPLER_H */
