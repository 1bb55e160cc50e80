/*
 * train.h - one fold's training, by the ranks of one group.
 *
 * An epoch is `iterations` steps over the global batch, then the validation patches, then the
 * schedule's decision on the training loss, then the files:
 *
 *   FOLDER/checkpoint_latest.h5   everything, each epoch; one generation before it is kept
 *   FOLDER/checkpoint_best.h5     the model of the lowest training loss
 *   FOLDER/history.tsv, logs.csv
 *
 * A fold with a latest checkpoint goes on from it: every random number is a function of (seed,
 * fold, epoch, sample), so the interrupted run continues as if it had not been. One that has ended
 * goes on when it may have more epochs than it had, unless it ended early.
 *
 * With an average of the weights (train.average) it is the average that is validated and that the
 * checkpoints hold as the model; the latest holds the weights that training goes on with, too.
 *
 * After each step the ranks agree whether one of them is to halt (pleat/halt.h). Then the latest
 * checkpoint is written in the middle of the epoch, with what its steps have logged so far.
 */
#ifndef PLEAT_TRAIN_H
#define PLEAT_TRAIN_H

#include "pleat/augment.h"
#include "pleat/checkpoint.h"
#include "pleat/comm.h"
#include "pleat/halt.h"
#include "pleat/history.h"
#include "pleat/net.h"
#include "pleat/schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_train_settings { /* what a configuration says of training, by its keys */
    int epochs, iterations;
    int batch;                   /* global; a multiple of the group's ranks */
    int validation;              /* patches per validation case and epoch */
    double oversample;           /* share of training patches around a foreground voxel */
    int loss, schedule;          /* places in their lists */
    pleat_update update;         /* the optimizer, and what goes with it */
    double lr;                   /* of the first epoch */
    pleat_schedule_config rates; /* but for its kind and epochs, which are above */
    int norm_sync;               /* norm's statistics are the group's, not each rank's */
    double norm_momentum;        /* of pleat_net_options */
    int augment;                 /* 0: crops only */
    pleat_augment_config transforms;
    int loader_threads;   /* that make patches ahead */
    double device_memory; /* bytes of an engine's own memory for the cases; 0: what is unused */
} pleat_train_settings;

typedef struct pleat_train_config {
    pleat_train_settings settings;
    uint64_t seed;
    int fold;
    int patch[3]; /* D, H, W */
    pleat_pad pad;
    const uint32_t *regions; /* of pleat_net_options, and */
    int ignored;
    int ordered;           /* of pleat_net_options: the same bits on any number of ranks */
    pleat_comm *compute;   /* the same ranks in the engine's memory (pleat/comm_device.h), for
                             gradients and norm; NULL: the group itself */
    const char *folder;    /* of the fold; exists */
    const char *from;      /* a checkpoint whose weights it begins with; NULL or "": random */
    const char *stop_file; /* where it appears, training ends after the epoch; may be NULL */
    const pleat_checkpoint *described; /* texts to store with the weights: network, config, ... */
} pleat_train_config;

typedef struct pleat_train_data {
    const pleat_source *const *train, *const *validation;
    int n_train, n_validation;
} pleat_train_data;

typedef struct pleat_train_now { /* how far it is */
    int epoch, epochs;           /* finished; at most */
    int step, steps;             /* of the epoch under way */
    double loss;                 /* mean of its steps but the last; NaN: none */
    int validating;              /* its steps are made */
    const pleat_epoch *rows;     /* [epoch] */
} pleat_train_now;

typedef struct pleat_train_hooks {
    /* After every step, and every batch of validation. May be NULL. */
    void (*step)(void *context, const pleat_train_now *now);
    /* On group rank 0, once an epoch is saved: epochs and steps made. May be NULL. */
    void (*epoch)(void *context, int epoch, int64_t step, const pleat_loss *loss,
                  const pleat_epoch *row);
    void *context;
} pleat_train_hooks;

typedef struct pleat_train_result {
    int epochs;      /* finished, with those before a resume */
    pleat_halt halt; /* why it left before its end; PLEAT_HALT_NONE: it did not */
    int64_t steps;
    double loss, best_loss;
    double seconds; /* of this call */
} pleat_train_result;

/* A rank's patches of a global batch. ERR_ARG: the ranks cannot share it evenly. */
pleat_status pleat_train_share(int batch, int ranks, int *out);

/* Collective over `group`. The model is made for training; it is initialised or restored here.
 * ERR_NUMERIC when the loss is no longer finite: names fold, epoch and step; the checkpoints of
 * the last good epoch stay. */
pleat_status pleat_train_fold(const pleat_train_config *config, const pleat_train_data *data,
                              pleat_model *model, pleat_comm *group, const pleat_train_hooks *hooks,
                              pleat_train_result *out);

typedef struct pleat_train_beginning { /* what a training begins with */
    char digest[17];                   /* of the weights, as `pleat info` prints it */
    int epoch;                         /* that they were trained */
    int new_head;                      /* the classes are others: these weights are not taken */
    char preprocessing[2048];          /* of the images they have learnt, as prep.h writes it */
} pleat_train_beginning;

/* The weights of a checkpoint (those that predict) for another training. The network must be the
 * same but for the classes; all that does not belong to a head is taken, the heads' too where the
 * classes are the same. params and stats, of `network`, hold what else there is to begin with;
 * NULL: only looks. ERR_DATA names the first difference of the networks; ERR_FORMAT: it is no whole
 * checkpoint. Other errors of pleat_checkpoint_read. */
pleat_status pleat_train_begin(const char *path, const char *network, const char *classes,
                               float *params, float *stats, pleat_train_beginning *out);

/* All images that the weights of a checkpoint have learnt: its own training cases, and what it
 * began with, of whatever run. The weights are not read, nor the file's checksum. To be freed.
 * Errors of pleat_checkpoint_learnt and pleat_provenance_parse. */
pleat_status pleat_train_learnt(const char *path, pleat_learnt *out);

/* 1 when the fold's training has ended by itself, by its latest checkpoint. */
pleat_status pleat_train_finished(const char *folder, int *out);
/* 1 when a fold could be trained for more epochs: it did not end early. Errors of
 * pleat_checkpoint_resume. */
pleat_status pleat_train_can_go_on(const char *folder, const pleat_schedule_config *rates,
                                   int *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_TRAIN_H */
