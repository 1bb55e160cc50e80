/* test_schedule.c - plateau, early stop and best model against Keras's callbacks, rule by rule. */
#include "pleat/schedule.h"
#include "support.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Keras's callbacks, statement for statement, as three separate objects. */
typedef struct keras {
    double lr;
    double plateau_best;
    int plateau_wait, cooldown_counter;
    double stop_best;
    int stop_wait;
    double checkpoint_best;
} keras;

static keras keras_begin(void) {
    return (keras){
        .lr = 1e-3, .plateau_best = HUGE_VAL, .stop_best = HUGE_VAL, .checkpoint_best = HUGE_VAL};
}

static int in_cooldown(const keras *k) { return k->cooldown_counter > 0; }

static void keras_epoch(keras *k, double current, int *stop, int *save) {
    if (in_cooldown(k)) {
        k->cooldown_counter -= 1;
        k->plateau_wait = 0;
    }
    if (current < k->plateau_best - 1e-4) {
        k->plateau_best = current;
        k->plateau_wait = 0;
    } else if (!in_cooldown(k)) {
        k->plateau_wait += 1;
        if (k->plateau_wait >= 15) {
            const double old_lr = k->lr;
            if (old_lr > 1e-5) {
                double new_lr = old_lr * 0.1;
                if (new_lr < 1e-5) new_lr = 1e-5;
                k->lr = new_lr;
                k->cooldown_counter = 1;
                k->plateau_wait = 0;
            }
        }
    }
    *stop = 0;
    if (current - 0.0 < k->stop_best) {
        k->stop_best = current;
        k->stop_wait = 0;
    } else {
        k->stop_wait += 1;
        if (k->stop_wait >= 100) *stop = 1;
    }
    *save = 0;
    if (current < k->checkpoint_best) {
        k->checkpoint_best = current;
        *save = 1;
    }
}

static pleat_schedule begin(void) {
    const pleat_schedule_config config = pleat_schedule_defaults();
    return pleat_schedule_init(&config, 1e-3);
}

static void test_a_flat_loss_reduces_after_epochs_15_and_30_and_stops_after_100(void **state) {
    (void)state;
    pleat_schedule s = begin();
    for (int epoch = 0; epoch <= 100; epoch++) {
        const pleat_schedule_event event = pleat_schedule_epoch(&s, epoch, 1.0);
        /* Epoch 0 improves on infinity; 1..15 wait; the epoch after a reduction ends the cooldown
         * and waits at once, so the next reduction is 15 epochs later. */
        assert_int_equal(event.reduced, epoch == 15 || epoch == 30);
        assert_int_equal(event.best, epoch == 0);
        assert_int_equal(event.stop, epoch == 100);
        assert_float_equal(s.rate, epoch < 15 ? 1e-3 : epoch < 30 ? 1e-4 : 1e-5, 1e-15);
    }
}

static void test_a_gain_of_less_than_min_delta_is_a_plateau_but_no_reason_to_stop(void **state) {
    (void)state;
    pleat_schedule s = begin();
    int reductions = 0;
    for (int epoch = 0; epoch < 300; epoch++) {
        const pleat_schedule_event event = pleat_schedule_epoch(&s, epoch, 1.0 - 1e-7 * epoch);
        reductions += event.reduced;
        assert_true(event.best);
        assert_false(event.stop);
    }
    assert_int_equal(reductions, 2);
}

static void test_hand_made_sequences_go_as_keras_goes(void **state) {
    (void)state;
    for (int kind = 0; kind < 40; kind++) {
        pleat_schedule s = begin();
        keras k = keras_begin();
        uint32_t x = (uint32_t)kind * 2654435761u + 1;
        int reductions = 0;
        for (int epoch = 0; epoch < 600; epoch++) {
            x = x * 1664525u + 1013904223u;
            const double noise = (x >> 8) * 0x1p-24;
            const double loss = exp(-0.002 * kind * epoch) + noise * 0.003 * (kind % 4);
            int stop, save;
            const double before = s.rate;
            const pleat_schedule_event event = pleat_schedule_epoch(&s, epoch, loss);
            keras_epoch(&k, loss, &stop, &save);
            assert_true(s.rate == k.lr);
            assert_int_equal(event.reduced, s.rate < before);
            assert_int_equal(event.stop, stop);
            assert_int_equal(event.best, save);
            reductions += event.reduced;
        }
        assert_in_range(reductions, 0, 2);
    }
}

static void test_a_saved_state_goes_on_as_if_nothing_had_happened(void **state) {
    (void)state;
    for (int cut = 1; cut < 60; cut++) {
        pleat_schedule whole = begin(), resumed = begin();
        for (int epoch = 0; epoch < 130; epoch++) {
            const double loss = 1.0 + 0.01 * sin(epoch);
            if (epoch == cut) {
                double saved[PLEAT_SCHEDULE_STATE];
                pleat_schedule_save(&whole, saved);
                pleat_schedule_load(&resumed, saved);
            }
            const pleat_schedule_event a = pleat_schedule_epoch(&whole, epoch, loss);
            if (epoch < cut) continue;
            const pleat_schedule_event b = pleat_schedule_epoch(&resumed, epoch, loss);
            assert_memory_equal(&a, &b, sizeof a);
            assert_true(whole.rate == resumed.rate);
        }
    }
}

static void test_a_loss_that_is_not_finite_improves_nothing(void **state) {
    (void)state;
    pleat_schedule s = begin();
    (void)pleat_schedule_epoch(&s, 0, 2.0);
    const pleat_schedule_event event = pleat_schedule_epoch(&s, 1, NAN);
    assert_false(event.best);
    assert_true(pleat_schedule_epoch(&s, 2, 1.5).best);
}

/* As many epochs later as the warm-up has, whatever the loss was in it; also when it is cut. */
static void test_a_plateau_begins_after_the_warm_up(void **state) {
    (void)state;
    pleat_schedule_config config = pleat_schedule_defaults();
    config.warmup = 40;
    config.stop_patience = 0;
    pleat_schedule s = pleat_schedule_init(&config, 1e-3);
    for (int epoch = 0; epoch < 80; epoch++) {
        double saved[PLEAT_SCHEDULE_STATE];
        const double loss = epoch < 40 ? 0.5 : 1.0; /* a low loss of the warm-up is no best one */
        const pleat_schedule_event event = pleat_schedule_epoch(&s, epoch, loss);
        assert_int_equal(event.reduced, epoch == 55 || epoch == 70);
        pleat_schedule_save(&s, saved);
        s = pleat_schedule_init(&config, 1e-3);
        pleat_schedule_load(&s, saved);
    }
}

static void test_patience_0_turns_a_rule_off(void **state) {
    (void)state;
    pleat_schedule_config config = pleat_schedule_defaults();
    config.patience = config.stop_patience = 0;
    pleat_schedule s = pleat_schedule_init(&config, 1e-3);
    for (int epoch = 0; epoch < 500; epoch++) {
        const pleat_schedule_event event = pleat_schedule_epoch(&s, epoch, 1.0);
        assert_false(event.reduced || event.stop);
    }
    assert_true(s.rate == 1e-3);
}

/* Another implementation's numbers, in float64. */
static void test_rates_of_an_epoch_are_nnunets(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int warmup, epoch;
        double rate;
    } rows[] = {
        {"poly", 0, 0, 0.01},
        {"poly", 0, 1, 0.009990999549834914},
        {"poly", 0, 500, 0.005358867312681466},
        {"poly", 0, 999, 1.995262314968881e-05},
        {"cosine", 0, 0, 0.01},
        {"cosine", 0, 250, 0.008535533905932738},
        {"cosine", 0, 500, 0.005},
        {"cosine", 0, 999, 2.467399070893439e-08},
        {"poly", 50, 0, 0.0002},
        {"poly", 50, 49, 0.01},
        {"poly", 50, 50, 0.01},
        {"poly", 50, 51, 0.00999052581698196},
        {"poly", 50, 999, 2.0895306948576246e-05},
        {"cosine", 500, 750, 0.005},
        {"plateau", 4, 1, 0.005},
        {"plateau", 4, 4, 0.01},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_schedule_config config = pleat_schedule_defaults();
        config.epochs = 1000;
        config.warmup = rows[i].warmup;
        for (int k = 0; pleat_schedules[k] != NULL; k++)
            if (strcmp(pleat_schedules[k]->name, rows[i].name) == 0)
                config.kind = pleat_schedules[k];
        assert_non_null(config.kind);
        const pleat_schedule s = pleat_schedule_init(&config, 0.01);
        const double rate = pleat_schedule_rate(&s, rows[i].epoch);
        if (!(fabs(rate - rows[i].rate) <= 1e-13 * 0.01))
            fail_msg("%s, epoch %d: %.17g, not %.17g", rows[i].name, rows[i].epoch, rate,
                     rows[i].rate);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flat_loss_reduces_after_epochs_15_and_30_and_stops_after_100),
        cmocka_unit_test(test_a_gain_of_less_than_min_delta_is_a_plateau_but_no_reason_to_stop),
        cmocka_unit_test(test_hand_made_sequences_go_as_keras_goes),
        cmocka_unit_test(test_a_saved_state_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(test_a_loss_that_is_not_finite_improves_nothing),
        cmocka_unit_test(test_a_plateau_begins_after_the_warm_up),
        cmocka_unit_test(test_patience_0_turns_a_rule_off),
        cmocka_unit_test(test_rates_of_an_epoch_are_nnunets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
