/*
 * phantom.h - small made-up chest CTs with lungs and infection, for the demo and the tests.
 *
 *   FOLDER/case_001/imaging.nii.gz        int16: HU, or 0..255 in every third case
 *          case_001/segmentation.nii.gz   uint8: 0 background, 1 lung_L, 2 lung_R, 3 infection
 *
 * With two channels the image is imaging_0000.nii.gz, the same, and imaging_0001.nii.gz, whole
 * numbers 0..1000: an uptake as of PET, high in infection, low in vessels and nodules, which on the
 * first channel may look like it.
 *
 * A case is a chest with fat, muscle, ribs, spine, heart, liver, stomach gas, trachea and couch;
 * in the lungs there are branching vessels, calcified nodules and denser dependent tissue, all
 * labelled lung, and soft-edged lesions from ground glass (about -600 HU) to consolidation (0 HU).
 * The grid is coarse, so lung borders are blurred through every lesion's intensity: no threshold
 * finds the infection. Only the heart, liver and stomach tell left from right.
 *
 * Voxel indices grow to the patient's left, back and head; the affine says so. Everything is a
 * function of seed, case and configuration.
 */
#ifndef PLEAT_PHANTOM_H
#define PLEAT_PHANTOM_H

#include "pleat/volume.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_phantom_config {
    int dim[3];         /* voxels, D, H, W, of the average case; at least 8 each */
    double spacing[3];  /* mm, D, H, W, of the average case */
    double vary;        /* sizes and spacings differ from that by up to this fraction, 0..0.5 */
    double infected[2]; /* least and greatest fraction of the lungs that lesions are to cover */
    int windowed_every; /* cases n, 2n, .. are stored as [-1250, 250] HU -> 0..255; 0: none */
    int channels;       /* 1 or 2 */
} pleat_phantom_config;

/* 40 x 96 x 96 voxels of 6 x 3.4 x 3.4 mm, varied by 0.12, 6 to 15 % infected, every third case
 * stored 0..255, one channel. */
pleat_phantom_config pleat_phantom_default(void);

/* Makes case number `number` (from 1): image in whole HU or 0..255, labels, and the geometry for a
 * file. Well below a second at the default size. ERR_ARG for a configuration out of its limits. */
pleat_status pleat_phantom_make(uint64_t seed, int number, const pleat_phantom_config *config,
                                pleat_image *image, pleat_label *label, pleat_geometry *geometry);

/* Writes cases 1..cases below `folder`, which is made when absent. A case already there is
 * replaced. ERR_ARG, ERR_IO. */
pleat_status pleat_phantom_write(const char *folder, int cases, uint64_t seed,
                                 const pleat_phantom_config *config);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PHANTOM_H */
