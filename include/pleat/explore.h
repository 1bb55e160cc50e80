/*
 * explore.h - what a data set is: sizes, spacings, intensities, classes, and pictures of it.
 *
 * The cases are read once, by the pass of check.h, so what is wrong with them is found as well. Of
 * each channel of each case, and each label in it, are kept: how many voxels, mean, standard
 * deviation, extremes, and the values as a distribution (quantiles.h). All else is made of these:
 * numbers of a case, of a class, of the foreground, of whatever part of the cases.
 *
 * Counts, means, deviations and extremes are of all voxels. Quantiles and histograms are as well
 * where a label of a case has at most PLEAT_EXPLORE_VOXELS / labels of the case voxels, else of so
 * many, evenly spread; and where these have at most PLEAT_EXPLORE_VALUES different values, else the
 * values are gathered in so many groups of neighbours.
 */
#ifndef PLEAT_EXPLORE_H
#define PLEAT_EXPLORE_H

#include "pleat/check.h"
#include "pleat/fingerprint.h"
#include "pleat/plane.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PLEAT_EXPLORE_VOXELS = 1 << 22,
    PLEAT_EXPLORE_VALUES = 4096, /* of a label; fewer where a case has more than 8 */
    PLEAT_EXPLORE_QUANTILES = 7,
    PLEAT_EXPLORE_BINS = 64,
    PLEAT_EXPLORE_PICTURES = 60 /* cases that are shown when nothing is said */
};

extern const double pleat_explore_shares[PLEAT_EXPLORE_QUANTILES]; /* 0.005 ... 0.5 ... 0.995 */

typedef struct pleat_explored_values {
    int64_t voxels;  /* 0: the numbers are NaN */
    double mean, sd; /* sd of the population, divided by n */
    double min, max;
    double quantile[PLEAT_EXPLORE_QUANTILES];
} pleat_explored_values;

typedef struct pleat_explored_case {
    char id[PLEAT_CASE_BYTES];
    int measured; /* all its voxels could be read; without, what follows is 0 or of its header */
    int labelled; /* its mask, of the image's size, too */
    int dim[3];   /* voxels, D, H, W */
    int crop[3];  /* of the box of voxels that are not 0 in some channel; dim where all are 0 */
    double spacing[3], voxel; /* mm, D, H, W; mm3 of a voxel */
    char axes[4];             /* "RAS": where x, y and z lead */
    char type[16];            /* of the file's voxels, "int16" */
    int channels;
    int group;          /* of a table: place of the first case of its group; else its own */
    int fold;           /* of a table: 1 + the fold that holds it out; 0: none is named */
    int64_t count[256]; /* voxels of each label of the file */
    pleat_explored_values channel[PLEAT_MAX_CHANNELS];
} pleat_explored_case;

typedef struct pleat_explored_class {
    int label, cases; /* that have voxels of it */
    int64_t voxels;
    double share; /* of the voxels of a case, mean over all that have a mask */
    double ml, least_ml, median_ml, most_ml; /* in all; of the cases that have it */
    /* Each case that has it weighs the same. */
    pleat_explored_values channel[PLEAT_MAX_CHANNELS];
} pleat_explored_class;

/* Of a channel, each case weighing the same. Bins are of equal width, of whole values where all
 * values are whole; what lies outside of them is in none. */
typedef struct pleat_explored_histogram {
    int scaled; /* no CT: values are standard deviations from the mean of each case's channel */
    double low, width; /* of the first bin */
    int bins;
    double all[PLEAT_EXPLORE_BINS];         /* share of all voxels */
    double (*of_class)[PLEAT_EXPLORE_BINS]; /* [classes.n] share of the class's, owned */
} pleat_explored_histogram;

/* The three planes of a case, of each channel: each where the labels are seen best, by their voxels
 * relative to the most that a slice has; without labels in the middle. */
typedef struct pleat_explored_picture {
    int at, channel;
    int slice[PLEAT_PLANES]; /* of the axis it lies across, from 0 */
    pleat_plane plane[PLEAT_PLANES];
} pleat_explored_picture;

typedef struct pleat_exploration {
    int n;
    pleat_explored_case *of;                   /* [n], by id, owned */
    int measured;                              /* cases */
    int channels;                              /* of most cases; others do not count below */
    char channel_name[PLEAT_MAX_CHANNELS][64]; /* of dataset.json; "" */
    pleat_classes classes; /* owned; where none are named, 'label 1' and so on of the masks */
    int named;             /* they are */
    pleat_explored_class *of_class; /* [classes.n], owned; of regions, which overlap, too */
    pleat_explored_histogram histogram[PLEAT_MAX_CHANNELS];
    pleat_fingerprint fingerprint;
    pleat_explored_picture *picture; /* [pictures], by case, then channel, owned */
    int pictures;
    pleat_check_report check;
} pleat_exploration;

typedef struct pleat_explore_how {
    int pictures; /* show so many cases, evenly spread over their names; large where they are few */
    int fold; /* -1: all cases; else those that the fold trains on make classes and fingerprint */
} pleat_explore_how;

/* Collective. Explores config->data. The exploration is rank 0's, the others' is empty;
 * pleat_exploration_free releases it, also after a failure. What is wrong with the data is in
 * out->check, and no failure, unless no case is left: ERR_DATA. Else ERR_ARG (the fold),
 * ERR_MEMORY, ERR_COMM, ERR_PEER, and errors of folds.h. Memory as of pleat_check. */
pleat_status pleat_explore(pleat_comm *comm, const pleat_config *config,
                           const pleat_explore_how *how, pleat_exploration *out);
void pleat_exploration_free(pleat_exploration *exploration);

/* Voxels of class c in a case. */
int64_t pleat_explored_count(const pleat_classes *classes, int c, const pleat_explored_case *of);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_EXPLORE_H */
