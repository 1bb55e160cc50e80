/*
 * schedule.h - the learning rate and the end of training, decided from the training loss.
 *
 * Three rules see the mean training loss of each epoch, in this order, as Keras's callbacks do:
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

typedef enum pleat_rate_rule {
    PLEAT_RATE_PLATEAU, /* ReduceLROnPlateau */
    PLEAT_RATE_POLY     /* lr * (1 - epoch/epochs)^0.9 */
} pleat_rate_rule;

/* "plateau", "poly"; NULL after the last. */
const char *pleat_schedule_name(int rule);

typedef struct pleat_schedule_config {
    int patience;          /* epochs, 15; 0: the rate never changes */
    double factor;         /* 0.1 */
    double min_delta;      /* 1e-4 */
    int cooldown;          /* epochs, 1 */
    double min_rate;       /* 1e-5 */
    int stop_patience;     /* epochs, 100; 0: never stops */
    double stop_min_delta; /* 0 */
} pleat_schedule_config;

typedef struct pleat_schedule {
    pleat_schedule_config config;
    double rate; /* for the next epoch */
    double plateau_best, stop_best, best;
    int wait, cooldown, stop_wait; /* epochs */
} pleat_schedule;

typedef struct pleat_schedule_event {
    int reduced; /* the rate is lower from the next epoch on */
    int stop;    /* this was the last epoch */
    int best;    /* lowest loss so far: keep this model */
} pleat_schedule_event;

/* The paper's values. */
pleat_schedule_config pleat_schedule_defaults(void);

pleat_schedule pleat_schedule_init(const pleat_schedule_config *config, double rate);

/* To be called once at the end of each epoch. */
pleat_schedule_event pleat_schedule_epoch(pleat_schedule *schedule, double loss);

/* What changes, without the configuration, for a checkpoint; unused places are 0. */
#define PLEAT_SCHEDULE_STATE 16
void pleat_schedule_save(const pleat_schedule *schedule, double state[PLEAT_SCHEDULE_STATE]);
void pleat_schedule_load(pleat_schedule *schedule, const double state[PLEAT_SCHEDULE_STATE]);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_SCHEDULE_H */
