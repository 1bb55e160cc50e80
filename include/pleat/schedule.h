/*
 * schedule.h - the learning rate and the end of training, decided from the training loss.
 *
 * The rate is a row of a table:
 *
 *   plateau   the original's: lowered when the training loss no longer falls, as below
 *   poly      nnU-Net's: lr * (1 - epoch/epochs)^0.9
 *   cosine    lr * (1 + cos(pi epoch/epochs)) / 2, Loshchilov & Hutter 2017 without restarts
 *
 * With a warm-up of w epochs the rate of epoch e < w is lr (e + 1)/w; then poly and cosine go on
 * over what is left, as if epoch w were the first, and plateau begins to look at the loss.
 *
 * Three rules see the mean training loss of each epoch, in this order, as Keras's callbacks do; the
 * first is plateau's alone:
 *
 *   ReduceLROnPlateau   in cooldown: count down, wait = 0
 *                       loss < plateau_best - min_delta: plateau_best = loss, wait = 0
 *                       else, out of cooldown: wait + 1; at `patience` and rate > min_rate:
 *                       rate = max(rate * factor, min_rate), cooldown begins, wait = 0
 *   EarlyStopping       loss + stop_min_delta < stop_best: stop_best = loss, wait = 0
 *                       else wait + 1; at stop_patience: stop
 *   ModelCheckpoint     loss < best: best = loss, keep the model
 *
 * A loss that is not finite improves nothing.
 */
#ifndef PLEAT_SCHEDULE_H
#define PLEAT_SCHEDULE_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_schedule pleat_schedule;

typedef struct pleat_schedule_kind {
    const char *name; /* of train.schedule */
    const char *what; /* one line, for the manual */
    /* Of an epoch, from 0, of so many, both after the warm-up. */
    double (*rate)(const pleat_schedule *schedule, int epoch, int epochs);
    int (*reduce)(pleat_schedule *schedule, double loss); /* at its end; NULL: never */
} pleat_schedule_kind;

/* The schedules, the default first; ends with NULL. */
extern const pleat_schedule_kind *const pleat_schedules[];
/* Name of one of them, by its place; NULL after the last. */
const char *pleat_schedule_name(int place);
/* Its line for the manual. */
const char *pleat_schedule_what(int place);

typedef struct pleat_schedule_config {
    const pleat_schedule_kind *kind; /* NULL: the first of the list */
    int epochs;                      /* at most */
    int warmup;                      /* epochs, fewer than `epochs`; 0 */
    int patience;                    /* epochs, 15; 0: the rate never changes */
    double factor;                   /* 0.1 */
    double min_delta;                /* 1e-4 */
    int cooldown;                    /* epochs, 1 */
    double min_rate;                 /* 1e-5 */
    int stop_patience;               /* epochs, 100; 0: never stops */
    double stop_min_delta;           /* 0 */
} pleat_schedule_config;

struct pleat_schedule {
    pleat_schedule_config config;
    double initial; /* rate of the first epoch */
    double rate;    /* plateau's, for the next epoch */
    double plateau_best, stop_best, best;
    int wait, cooldown, stop_wait; /* epochs */
};

typedef struct pleat_schedule_event {
    int reduced; /* the rate is lower from the next epoch on */
    int stop;    /* this was the last epoch */
    int best;    /* lowest loss so far: keep this model */
} pleat_schedule_event;

/* The paper's values. */
pleat_schedule_config pleat_schedule_defaults(void);

pleat_schedule pleat_schedule_init(const pleat_schedule_config *config, double rate);

/* The learning rate of an epoch, from 0. */
double pleat_schedule_rate(const pleat_schedule *schedule, int epoch);

/* To be called once at the end of each epoch, from 0. */
pleat_schedule_event pleat_schedule_epoch(pleat_schedule *schedule, int epoch, double loss);

/* Whether the last epoch was to be the last: no better loss for stop_patience epochs. */
int pleat_schedule_stopped(const pleat_schedule *schedule);

/* What changes, without the configuration, for a checkpoint; unused places are 0. */
#define PLEAT_SCHEDULE_STATE 16
void pleat_schedule_save(const pleat_schedule *schedule, double state[PLEAT_SCHEDULE_STATE]);
void pleat_schedule_load(pleat_schedule *schedule, const double state[PLEAT_SCHEDULE_STATE]);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_SCHEDULE_H */
