/*
 * planner.h - patch, halvings, kernels and batch of a network, from the sizes of the data alone.
 *
 * The rules are those of nnU-Net's planner, version 2 (Isensee et al., Nature Methods 18 (2021),
 * 203-211; the residual presets: Isensee et al., MICCAI 2024); docs/math.md has them as formulas.
 *
 *   spacings, sizes of the cases     pleat_planner_spacing   -> target spacing
 *                                    pleat_planner_size      -> median size on the target's grid
 *   target, median size, cases       pleat_planner_plan      -> patch, strides, kernels, batch
 *                                    pleat_planner_coarsen   -> the same at a coarser spacing
 *
 * A plan is one of a preset: what the network is made of, and how many values its feature maps may
 * have, which stands for memory. Nothing is read, allocated or drawn.
 */
#ifndef PLEAT_PLANNER_H
#define PLEAT_PLANNER_H

#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_PLAN_STAGES 16 /* a patch of 2^17 voxels along an axis has no more */

typedef struct pleat_planner_preset {
    int filters, most_filters; /* of the first stage; of any */
    int residual;              /* 1: blocks 1, 3, 4, 6, 6, ... and one convolution a decoder stage;
                                  0: two convolutions each */
    double budget;             /* values of all feature maps that `memory` holds */
    double memory;             /* bytes */
    double cover;              /* a batch has at most this share of the voxels of all cases */
    int least_batch, most_batch; /* most 0: any */
    int most_halvings;           /* of an axis; 0: any */
} pleat_planner_preset;

/* nnU-Net's own: "nnunet" (its default), "nnunet-m", "nnunet-l", "nnunet-xl" (its residual encoder
 * presets), of volumes or of slices (flat). NULL: there is no such name, or place. */
const pleat_planner_preset *pleat_planner_find(const char *name, int flat);
const char *pleat_planner_name(int place);

typedef struct pleat_planner_data {
    double spacing[3]; /* mm, D, H, W: the target's */
    double size[3];    /* voxels, D, H, W: median over the cases on the target's grid; may be .5 */
    int cases, classes;
    int flat; /* 1: a slice is a patch: the axis of the largest spacing is left alone */
} pleat_planner_data;

typedef struct pleat_planner_result {
    int patch[3]; /* voxels, D, H, W */
    int batch;
    int depth;                        /* halvings; depth + 1 stages */
    int halvings[3];                  /* of each axis */
    int stride[PLEAT_PLAN_STAGES][3]; /* into each stage, 1 of the first; D, H, W */
    int kernel[PLEAT_PLAN_STAGES][3]; /* of each stage, 1 or 3 */
    double values;                    /* of the feature maps of one patch */
} pleat_planner_result;

/* spacing[n][3] (mm) and crop[n][3] (voxels of the box that is not 0), D, H, W -> the target: the
 * median of each axis; of thick slices the 10 % quantile of theirs. n >= 1. ERR_MEMORY. */
pleat_status pleat_planner_spacing(const double (*spacing)[3], const int (*crop)[3], int n,
                                   double out[3]);
/* The median over the cases of their sizes on the target's grid. ERR_MEMORY. */
pleat_status pleat_planner_size(const double (*spacing)[3], const int (*crop)[3], int n,
                                const double target[3], double out[3]);

/* `memory`: bytes; 0: the preset's own. */
void pleat_planner_plan(const pleat_planner_preset *preset, const pleat_planner_data *data,
                        double memory, pleat_planner_result *out);

/* The plan at the finest spacing, 3 % coarser each time, at which a patch covers `share` of the
 * median size; `data` is then that spacing's. nnU-Net's low resolution has a quarter. 0, and
 * nothing is changed, when the patch does so already, or when less than half of the voxels would
 * go. */
int pleat_planner_coarsen(const pleat_planner_preset *preset, double memory, double share,
                          pleat_planner_data *data, pleat_planner_result *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PLANNER_H */
