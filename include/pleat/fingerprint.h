/*
 * fingerprint.h - what a network's plan is made from: nnU-Net's fingerprint of a data set.
 *
 * Source: F. Isensee, P. F. Jaeger, S. A. A. Kohl, J. Petersen, K. H. Maier-Hein, nnU-Net: a
 * self-configuring method for deep learning-based biomedical image segmentation, Nature Methods 18
 * (2021), 203-211; and its code, version 2.
 *
 * Of each case: size, spacing, and the box of the voxels that are not 0 in some channel, to which
 * nnU-Net crops it. Of each channel: the intensities of the foreground, the voxels whose label is
 * neither 0 nor to be ignored. nnU-Net draws as many of them from each case, with replacement; here
 * every voxel counts, by 1 over the number of its case, which is what such draws tend to. So each
 * case weighs the same, and one without foreground nothing.
 *
 * Counts, means, standard deviations and extremes are of all voxels. Quantiles are as well, until a
 * label of a case has more than some millions of voxels or some thousands of values (explore.h).
 */
#ifndef PLEAT_FINGERPRINT_H
#define PLEAT_FINGERPRINT_H

#include "pleat/classes.h"
#include "pleat/comm.h"
#include "pleat/config.h"
#include "pleat/file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the values of a channel are. */
typedef enum pleat_modality {
    PLEAT_MODALITY_OTHER, /* an MRI, say: values have no unit, each volume's are its own */
    PLEAT_MODALITY_CT     /* Hounsfield units */
} pleat_modality;

const char *pleat_modality_name(pleat_modality modality); /* "other", "CT" */

typedef struct pleat_fingerprint_channel {
    char name[64];           /* as dataset.json has it; "": it does not say */
    pleat_modality modality; /* by the name; without one, by the values */
    int cases;               /* with foreground; 0: the numbers are NaN */
    double mean, sd;         /* sd of the population, divided by n */
    double min, max;
    double median;
    double low, high; /* the 0.5 % and the 99.5 % quantile */
} pleat_fingerprint_channel;

typedef struct pleat_fingerprint_case {
    char id[PLEAT_CASE_BYTES];
    int dim[3];         /* voxels, D, H, W, as the file has them */
    int crop[3];        /* voxels, D, H, W, of the box; dim where all are 0 */
    double spacing[3];  /* mm, D, H, W */
    int64_t foreground; /* voxels */
} pleat_fingerprint_case;

typedef struct pleat_fingerprint {
    int n;                      /* cases */
    pleat_fingerprint_case *of; /* [n], by id, owned */
    int channels;
    pleat_fingerprint_channel channel[PLEAT_MAX_CHANNELS]; /* [channels] */
    double kept;           /* median over the cases: voxels of the box / voxels of the file */
    pleat_classes classes; /* owned; n 0: neither the configuration nor dataset.json names any */
} pleat_fingerprint;

/* Collective: reads the cases of config->data, shared out over the ranks, and masks' labels as
 * `config` has the classes. fold -1: of all cases; else of those that fold trains on, by the keys
 * folds.*, so that nothing of the others steers it. The fingerprint is rank 0's, the others' is
 * empty; pleat_fingerprint_free releases it, also after a failure. Memory as of pleat_check.
 * ERR_DATA where a case cannot be read or has other channels than the others: names it;
 * ERR_NOT_FOUND, ERR_ARG, ERR_MEMORY, ERR_COMM, ERR_PEER. */
pleat_status pleat_fingerprint_find(pleat_comm *comm, const pleat_config *config, int fold,
                                    pleat_fingerprint *out);
void pleat_fingerprint_free(pleat_fingerprint *fingerprint);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_FINGERPRINT_H */
