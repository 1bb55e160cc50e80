/* train_impl.h - what the files of a fold's training share: train.c steps, train_state.c keeps,
 * train_validate.c judges, train_begin.c begins with other weights. */
#ifndef PLEAT_LEARN_TRAIN_IMPL_H
#define PLEAT_LEARN_TRAIN_IMPL_H

#include "pleat/batch_source.h"
#include "pleat/train.h"

typedef struct train_progress { /* what a checkpoint keeps, beside the model */
    pleat_schedule schedule;
    int64_t step;                       /* updates made */
    int epoch;                          /* finished */
    int iteration;                      /* steps made of the epoch under way */
    double partial[PLEAT_MOST_METRICS]; /* the sum of what they logged */
    double seconds;                     /* they took */
    int finished;                       /* ended by itself */
    pleat_epoch *rows;                  /* [epochs] */
} train_progress;

typedef struct train_watch {    /* over time */
    pleat_halt halt;            /* agreed on */
    double looked_s, reserve_s; /* of the last look for a halt; the longest time between two */
    double step_s;              /* the longest step of late; < 0 none yet */
} train_watch;

typedef struct train_validation {
    double *values;  /* [validation samples][metrics + 1], the last: whether the sample counts */
    int counted;     /* of the last validation's samples */
    float *images;   /* [batch, patch, C] */
    uint8_t *labels; /* [batch, patch] */
    int (*dims)[3];  /* [n_validation] */
} train_validation;

typedef struct train_run {
    const pleat_train_config *config;
    const pleat_train_data *data;
    const pleat_train_hooks *hooks;
    pleat_model *model;
    const pleat_loss *loss;
    pleat_comm *group;
    pleat_comm *compute; /* the group's for what the engine computes */
    pleat_net *net;
    pleat_batch_source *source;
    int batch;               /* of this rank */
    size_t voxels, channels; /* of a patch */
    train_progress progress;
    train_watch watch;
    train_validation validation;
    double *sums;              /* of one batch */
    double *tally;             /* of a step: [PLEAT_HALTS] wishes, [global batch] samples' sums */
    float *host[PLEAT_STATES]; /* for checkpoints; group rank 0 writes */
    pleat_learnt learnt;       /* of group rank 0: by the weights it began with, before */
} train_run;

static inline int train_is_root(const train_run *r) { return r->group->rank == 0; }
static inline int train_averages(const train_run *r) {
    return r->config->settings.update.average > 0.0;
}
static inline int train_amsgrad(const train_run *r) {
    return pleat_update_amsgrad(&r->config->settings.update);
}

/* ERR_NUMERIC: "fold 2 diverged: WHAT epoch 7; ...". */
pleat_status train_diverged(const train_run *r, const char *what, int epoch);
void train_step_done(const train_run *r, int validating); /* tells the hooks */

/* metrics[n_metrics] of the epoch's random validation patches, shared out over the ranks; NaN where
 * there are none. Collective. train_validate.c */
pleat_status train_validate_open(train_run *r);
pleat_status train_validate(train_run *r, double *metrics);
void train_validate_close(train_run *r);

/* The weights of config->from over those that the model was initialised with. Collective. */
pleat_status train_begin_from(train_run *r);

/* Memory for checkpoints; the latest checkpoint or a fresh start; both files. Collective.
 * train_state.c */
pleat_status train_state_open(train_run *r);
pleat_status train_state_restore(train_run *r);
pleat_status train_state_save(train_run *r, int best);
void train_state_close(train_run *r);

#endif /* PLEAT_LEARN_TRAIN_IMPL_H */
