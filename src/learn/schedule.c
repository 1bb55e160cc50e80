/* schedule.c - the table of learning rates; EarlyStopping and the best model, as Keras counts. */
#include "pleat/schedule.h"

#include <math.h>
#include <stddef.h>

pleat_schedule_config pleat_schedule_defaults(void) {
    return (pleat_schedule_config){
        .patience = 15,
        .factor = 0.1,
        .min_delta = 1e-4,
        .cooldown = 1,
        .min_rate = 1e-5,
        .stop_patience = 100,
        .stop_min_delta = 0.0,
    };
}

pleat_schedule pleat_schedule_init(const pleat_schedule_config *config, double rate) {
    return (pleat_schedule){.config = *config,
                            .initial = rate,
                            .rate = rate,
                            .plateau_best = INFINITY,
                            .stop_best = INFINITY,
                            .best = INFINITY};
}

static int reduce_on_plateau(pleat_schedule *s, double loss) {
    if (s->cooldown > 0) {
        s->cooldown--;
        s->wait = 0;
    }
    if (loss < s->plateau_best - s->config.min_delta) {
        s->plateau_best = loss;
        s->wait = 0;
        return 0;
    }
    /* The epoch that ends the cooldown counts as waiting. */
    if (s->cooldown > 0 || s->config.patience <= 0) return 0;
    s->wait++;
    if (s->wait < s->config.patience || !(s->rate > s->config.min_rate)) return 0;
    s->rate = fmax(s->rate * s->config.factor, s->config.min_rate);
    s->cooldown = s->config.cooldown;
    s->wait = 0;
    return 1;
}

static double plateau_rate(const pleat_schedule *s, int epoch, int epochs) {
    (void)epoch;
    (void)epochs;
    return s->rate;
}

static double poly_rate(const pleat_schedule *s, int epoch, int epochs) {
    return s->initial * pow(1.0 - (double)epoch / epochs, 0.9);
}

static double cosine_rate(const pleat_schedule *s, int epoch, int epochs) {
    return s->initial * (1.0 + cos(acos(-1.0) * epoch / epochs)) / 2;
}

static const pleat_schedule_kind plateau = {
    "plateau", "the original's: lower when the training loss no longer falls", plateau_rate,
    reduce_on_plateau};
static const pleat_schedule_kind poly = {"poly", "nnU-Net's: lr * (1 - epoch/epochs)^0.9",
                                         poly_rate, NULL};
static const pleat_schedule_kind cosine = {
    "cosine", "half a wave: lr * (1 + cos(pi epoch/epochs))/2", cosine_rate, NULL};

const pleat_schedule_kind *const pleat_schedules[] = {&plateau, &poly, &cosine, NULL};

static const pleat_schedule_kind *kind_of(const pleat_schedule *s) {
    return s->config.kind != NULL ? s->config.kind : pleat_schedules[0];
}

const char *pleat_schedule_name(int place) {
    return pleat_schedules[place] != NULL ? pleat_schedules[place]->name : NULL;
}

const char *pleat_schedule_what(int place) { return pleat_schedules[place]->what; }

double pleat_schedule_rate(const pleat_schedule *schedule, int epoch) {
    const int warmup = schedule->config.warmup;
    if (epoch < warmup) return schedule->initial * (epoch + 1) / warmup;
    return kind_of(schedule)->rate(schedule, epoch - warmup, schedule->config.epochs - warmup);
}

int pleat_schedule_stopped(const pleat_schedule *schedule) {
    const int patience = schedule->config.stop_patience;
    return patience > 0 && schedule->stop_wait >= patience;
}

static int stop_early(pleat_schedule *s, double loss) {
    if (loss + s->config.stop_min_delta < s->stop_best) {
        s->stop_best = loss;
        s->stop_wait = 0;
        return 0;
    }
    s->stop_wait++;
    return pleat_schedule_stopped(s);
}

pleat_schedule_event pleat_schedule_epoch(pleat_schedule *schedule, int epoch, double loss) {
    pleat_schedule_event event;
    const pleat_schedule_kind *kind = kind_of(schedule);
    const int may = kind->reduce != NULL && epoch >= schedule->config.warmup;
    event.reduced = may && kind->reduce(schedule, loss);
    event.stop = stop_early(schedule, loss);
    event.best = loss < schedule->best;
    if (event.best) schedule->best = loss;
    return event;
}

/* Places in the saved state; old checkpoints hold them, so none may move. */
enum { RATE, PLATEAU_BEST, STOP_BEST, BEST, WAIT, COOLDOWN, STOP_WAIT };

void pleat_schedule_save(const pleat_schedule *schedule, double state[PLEAT_SCHEDULE_STATE]) {
    for (int i = 0; i < PLEAT_SCHEDULE_STATE; i++) state[i] = 0.0;
    state[RATE] = schedule->rate;
    state[PLATEAU_BEST] = schedule->plateau_best;
    state[STOP_BEST] = schedule->stop_best;
    state[BEST] = schedule->best;
    state[WAIT] = schedule->wait;
    state[COOLDOWN] = schedule->cooldown;
    state[STOP_WAIT] = schedule->stop_wait;
}

void pleat_schedule_load(pleat_schedule *schedule, const double state[PLEAT_SCHEDULE_STATE]) {
    schedule->rate = state[RATE];
    schedule->plateau_best = state[PLATEAU_BEST];
    schedule->stop_best = state[STOP_BEST];
    schedule->best = state[BEST];
    schedule->wait = (int)state[WAIT];
    schedule->cooldown = (int)state[COOLDOWN];
    schedule->stop_wait = (int)state[STOP_WAIT];
}
