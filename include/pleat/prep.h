/*
 * prep.h - from NIfTI to the store: orient -> clip -> grayscale -> resample -> scale -> z-score,
 * each can be left out.
 *
 *   case image --orient--clip--grayscale--resample--z-score--> float32 [C,D,H,W] \
 *   case label --orient---------------------resample---------> uint8     [D,H,W]  } cases/<id>.h5
 *
 * Statistics are of the volume itself, each channel's its own; scale is the same for all volumes.
 * What was done is told by a canonical text, one "key: value" a line, sizes and spacings in the
 * users' x, y, z; the store and every checkpoint carry it, so that prediction repeats it:
 *
 *   clip: -1250,250
 *   grayscale: yes
 *   resample: 1.58,1.58,2.7
 *   edge: replicate
 *   zscore: yes
 *
 * and, where volumes are turned (orient.h), where the labels of the files are not 0, 1, 2, ...
 * (classes.h), and where scale is on,
 *
 *   orient: RAS
 *   labels: 0,5,7,ignore 9
 *   scale: -120.5,310
 *
 * A value of clip, grayscale, scale and zscore holds for all channels. Where they differ there is a
 * list, whose last value holds for the channels after it too: "clip: -1250,250;none".
 */
#ifndef PLEAT_PREP_H
#define PLEAT_PREP_H

#include "pleat/comm.h"
#include "pleat/layout.h"
#include "pleat/orient.h"
#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_prep_steps { /* of a channel */
    int clip;
    double clip_range[2]; /* lowest, highest value kept */
    int grayscale;        /* to whole numbers 0..255 between the volume's own extremes */
    int zscore;
    int scale;
    double scale_range[2]; /* the values that become -1 and 1 */
} pleat_prep_steps;

/* A mask that lies more than half a voxel from its image, by the affines. */
typedef enum pleat_affine {
    PLEAT_AFFINE_ERROR, /* is refused */
    PLEAT_AFFINE_WARN   /* its voxels are taken as they lie */
} pleat_affine;

const char *pleat_affine_name(int affine); /* "error", "warn"; NULL after the last */

typedef struct pleat_prep_config {
    pleat_prep_steps channel[PLEAT_MAX_CHANNELS];
    int resample;
    int orient;        /* pleat_orient */
    double spacing[3]; /* mm, D, H, W: of the store's grid, when resampling */
    int edge_zero;     /* resampling an enlarged axis leaves the original's black end slices */
    int affine;        /* pleat_affine; no part of the text */
    pleat_labels labels;
} pleat_prep_config;

/* The same steps for every channel. */
void pleat_prep_all_channels(pleat_prep_config *config, const pleat_prep_steps *steps);
/* 0 when no step is on. */
int pleat_prep_does_something(const pleat_prep_config *config);
/* Whether each volume comes to one range, or to one mean and deviation, whatever it holds. */
int pleat_prep_makes_alike(const pleat_prep_steps *steps);
/* ERR_ARG when a list of steps has more values than there are channels. */
pleat_status pleat_prep_check_channels(const pleat_prep_config *config, int channels);

/* The canonical text: equal for two configurations that do the same. PLEAT_PREPROCESSING_BYTES
 * (store.h) are always enough. */
void pleat_prep_text(const pleat_prep_config *config, char *out, size_t size);
/* Its inverse. ERR_FORMAT names the line that is unknown or the key that is missing. */
pleat_status pleat_prep_parse_text(const char *text, pleat_prep_config *out);

/* The place of a case after `orient`, of its native one. */
void pleat_prep_turned(const pleat_prep_config *config, const pleat_geometry *native,
                       pleat_geometry *out);
/* Voxels D, H, W of a case's grid in the store. */
void pleat_prep_size(const pleat_prep_config *config, const pleat_geometry *native, int out[3]);

/* All steps but `orient` on one image, in place. Holds three volumes at most, the image included.
 * ERR_MEMORY. */
pleat_status pleat_prep_image(const pleat_prep_config *config, pleat_image *image);
/* How many channels a case has, by its files: as many, or what the header of the only one says. */
pleat_status pleat_prep_count_channels(const pleat_case_paths *paths, int *out);
/* Whether there is memory for the image of a case on its new grid, while it is made, and afterwards
 * with `more` bytes a voxel beside it and `beside` bytes a voxel of its own grid; by its header
 * alone, as a small file of a wrong spacing asks for any size. pleat_prep_check_case has looked,
 * but for `more` and `beside`. ERR_DATA. */
pleat_status pleat_prep_check_memory(const pleat_prep_config *config, const pleat_case_paths *paths,
                                     int channels, int more, int beside);
/* By the headers alone, before anything else is read: channels of one grid, a mask of the image's
 * size and place (config->affine), a store's grid that can be held and leaves something. ERR_DATA
 * names case, files and key; what may be meant is a warning (warn.h). */
pleat_status pleat_prep_check_case(const pleat_prep_config *config, const pleat_case_paths *paths,
                                   pleat_geometry *image, int *channels);
/* What clip and grayscale will leave of x[n], the voxels of a channel as they were read: ERR_DATA
 * when that is one value, a warning when it is little. */
pleat_status pleat_prep_check_channel(const pleat_prep_steps *steps, const char *id,
                                      const char *path, int channel, const float *x, size_t n);
/* Reads the image of a case, all channels, and prepares it; `native` (may be NULL) is where it lay
 * before. Errors of nifti.h and of pleat_prep_check_case; ERR_DATA too when clip would leave one
 * value of many. The caller frees `out`. */
pleat_status pleat_prep_load(const pleat_prep_config *config, const pleat_case_paths *paths,
                             pleat_image *out, pleat_geometry *native);
/* What provenance.h calls the content of a case's image, or of its mask, as they are now, for a
 * preprocessing of this `orient`. The same errors. */
pleat_status pleat_prep_content(const pleat_case_paths *paths, int of_mask, int orient,
                                uint64_t *out);
/* A label map on the store's grid back on the native one, label-wise linear; the same voxels when
 * that has the same size. Its labels stay those inside. The caller frees `out`. */
pleat_status pleat_prep_unresample(const pleat_prep_config *config, const pleat_label *prediction,
                                   const pleat_geometry *native, pleat_label *out);
/* values[dim, n], such as probabilities, the same way, interpolated linearly: [native, n], or
 * `planar` [n, native]. The caller frees *out. */
pleat_status pleat_prep_unresample_values(const pleat_prep_config *config, const float *values,
                                          const int dim[3], int n, const pleat_geometry *native,
                                          int planar, float **out);

/* Prepares one case and writes it into the store `folder`. Labels must be of config->labels, or
 * without those below `classes` (0: any), else ERR_DATA names case, file and value; errors
 * of pleat_prep_check_case and pleat_prep_load.
 * Warns, and keeps the warning in the store, when a class vanishes by resampling, when clip or
 * grayscale leave little of the image, and when the image is one value already. */
pleat_status pleat_prep_case(const pleat_prep_config *config, const pleat_case_paths *paths,
                             int classes, const char *folder);
/* Collective: all n cases, shared out over the ranks, largest first; those that are there and made
 * from the same files are kept. The headers of all are checked before. Cases whose values are of
 * another kind (intensity.h) than most have are named in a warning, except with grayscale. Then
 * rank 0 writes the store's index, and says the warnings of all ranks and of the cases that are
 * kept. Waits while another process fills the store; one that is complete is only read, so it may
 * be read-only. When one rank fails, all leave after the case they are at; ERR_DATA too when the
 * store was made by other preprocessing or has more classes, or the cases have not all the same
 * number of channels. */
pleat_status pleat_prep_run(pleat_comm *comm, const pleat_prep_config *config,
                            const pleat_case_paths *cases, int n, int classes, const char *folder);
/* 1 where the store `folder` has these cases and no others, made from these very files by this
 * preprocessing: pleat_prep_run would make none. 0 too where that cannot be found out. */
int pleat_prep_is_done(const pleat_prep_config *config, const pleat_case_paths *cases, int n,
                       const char *folder);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PREP_H */
