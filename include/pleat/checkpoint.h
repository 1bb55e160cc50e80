/*
 * checkpoint.h - everything a fold needs to go on, in one HDF5 file.
 *
 * Datasets: /params, /moment1, /moment2, /stats (float32, flat, canonical layout), where params are
 * an average over the steps /raw_params and /raw_stats, with amsgrad /moment2_max, /history
 * (float64 [epochs, columns]: the metrics in training, in validation, lr, seconds); a group /layers
 * that says where each tensor lies, so that other programs can read the weights (docs/store.md);
 * /cases, which ones were trained on and held out (provenance.h); /learnt, the images that the
 * weights had learnt before (uint64 [n, 3]: bytes, digest, content), where training has begun with
 * another checkpoint's.
 * Scalars are attributes of the root. Written to a temporary name, synced, renamed; the file before
 * it is kept as <path>.previous. A checksum over all of it but /layers is stored. Training that is
 * resumed falls back from a damaged or missing file to the one before; a model to predict with
 * never does.
 */
#ifndef PLEAT_CHECKPOINT_H
#define PLEAT_CHECKPOINT_H

#include "pleat/classes.h"
#include "pleat/provenance.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_PARTIAL_COLUMNS 8

/* Where one tensor lies: for readers in other languages, written and never read back. */
typedef struct pleat_layer_info {
    char name[48]; /* "enc0.conv1.weights"; no '/' */
    int rank;      /* 1 .. 5 */
    int shape[5];  /* [rank], slowest first */
    int in_stats;  /* of /stats, else of /params */
    size_t offset; /* in reals */
} pleat_layer_info;

#define PLEAT_CONFIG_BYTES 16384 /* of a resolved configuration as text */

typedef struct pleat_checkpoint {
    char network[512];               /* canonical text of the graph: what the weights fit */
    char config[PLEAT_CONFIG_BYTES]; /* resolved configuration, YAML */
    char preprocessing[2048]; /* canonical text of the preprocessing, so predict can repeat it */
    char classes[PLEAT_CLASSES_BYTES]; /* as classes.h reads them */
    char engine[32], precision[16], version[32];
    int fold, epoch; /* epochs finished */
    int finished;    /* training ended by itself */
    int64_t step;    /* Adam updates made */
    int iteration;   /* steps made of the epoch after `epoch`; 0 between epochs */
    double partial[PLEAT_PARTIAL_COLUMNS]; /* what those steps logged; pleat/train.h's own */
    uint64_t seed;
    double schedule[16]; /* pleat_schedule, see there */
    size_t n_params, n_stats;
    float *params, *moment1, *moment2; /* [n_params] the model; moments may be NULL (only that) */
    float *stats;                      /* [n_stats] running means and variances */
    /* Where params and stats are averages over the steps: those that training goes on with. NULL:
     * they are that themselves. */
    float *raw_params, *raw_stats;
    float *moment2_max;             /* [n_params] amsgrad's; NULL: trained without it */
    char metrics[256];              /* names of the logged ones, comma-separated; "" in files
                                          of pleat 0.1: the four of its only loss */
    double *history;                /* [epoch, pleat_checkpoint_columns] */
    char *cases;                    /* text of provenance.h; NULL: not known */
    pleat_learnt learnt;            /* before, by weights that training began with; n 0: none */
    const pleat_layer_info *layers; /* [n_layers], the caller's; NULL after a read */
    int n_layers;
} pleat_checkpoint;

/* Of the history: 2 * metrics + 2. */
int pleat_checkpoint_columns(const pleat_checkpoint *checkpoint);

/* keep_previous: the file there now becomes <path>.previous first. The folder must exist. ERR_IO;
 * what was there before then still is. */
pleat_status pleat_checkpoint_write(const char *path, const pleat_checkpoint *checkpoint,
                                    int keep_previous);
/* This file and no other. Allocates the arrays of *out. ERR_FORMAT when it is damaged, and only
 * then: ERR_IO or ERR_MEMORY when it could not be read, which says nothing about it.
 * ERR_NOT_FOUND. */
pleat_status pleat_checkpoint_read(const char *path, pleat_checkpoint *out);
/* Of this file the scalars and the history alone, without looking at the checksum. Errors as of
 * pleat_checkpoint_read. */
pleat_status pleat_checkpoint_history(const char *path, pleat_checkpoint *out);
/* The same of the scalars, the cases and what had been learnt before. */
pleat_status pleat_checkpoint_learnt(const char *path, pleat_checkpoint *out);
/* As pleat_checkpoint_read, or <path>.previous when `path` is damaged or missing and that one is
 * whole; *fell_back says so, and a line in the log why. ERR_NOT_FOUND when neither is there,
 * ERR_FORMAT when none is whole; a file that cannot be read is the error, and no reason to fall
 * back. */
pleat_status pleat_checkpoint_resume(const char *path, pleat_checkpoint *out, int *fell_back);
/* Of the same file or the one before, the list of cases alone, which has a checksum of its own;
 * NULL when it has none. The caller frees. Errors as pleat_checkpoint_resume. */
pleat_status pleat_checkpoint_cases(const char *path, char **out);
void pleat_checkpoint_free(pleat_checkpoint *checkpoint);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CHECKPOINT_H */
