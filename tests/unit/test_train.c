/* test_train.c - a fold's training: it learns, it goes on where it was stopped, it keeps what is
 * good, it writes down what happened. */
#include "pleat/file.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support_train.h"

static int exists(const char *name) {
    char path[PLEAT_PATH_BYTES];
    (void)in_root(path, name);
    return pleat_file_exists(path);
}

enum { LOSS, TVERSKY, DICE_SOFT, DICE_CROSSENTROPY }; /* the metrics of the default loss */

static void a_simple_rule_is_learned(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    f->config.settings.epochs = 8;
    f->config.settings.schedule = 1;
    f->config.settings.lr = 2e-2;
    OK(train_fold(f, &result));
    assert_int_equal(result.epochs, 8);
    assert_int_equal(result.steps, 8 * TRAIN_ITERATIONS);
    /* each step, and the validation's two batches of an epoch */
    assert_int_equal(f->steps, 8 * (TRAIN_ITERATIONS + 2));
    pleat_checkpoint c = train_checkpoint("checkpoint_latest.h5");
    assert_int_equal(c.epoch, 8);
    const pleat_epoch first = train_row(&c, 0), last = train_row(&c, 7);
    if (last.train[LOSS] > 0.5 * first.train[LOSS])
        fail_msg("loss from %g to %g", first.train[LOSS], last.train[LOSS]);
    assert_true(last.train[DICE_SOFT] > first.train[DICE_SOFT] + 0.1);
    assert_true(result.loss == last.train[LOSS]);
    for (int e = 0; e < 8; e++) {
        const pleat_epoch r = train_row(&c, e);
        assert_true(isfinite(r.val[LOSS]) && r.seconds > 0);
        /* the metrics belong together: docs/math.md */
        const double *const both[] = {r.train, r.val};
        for (int k = 0; k < 2; k++)
            assert_true(fabs(both[k][DICE_CROSSENTROPY] - (1 - both[k][DICE_SOFT]) -
                             (both[k][LOSS] - both[k][TVERSKY])) < 1e-9);
    }
    pleat_checkpoint_free(&c);
}
static void a_file_ends_training_after_the_epoch(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    char path[PLEAT_PATH_BYTES];
    (void)in_root(path, "STOP");
    OK(pleat_file_write_atomic(path, "", 0));
    f->config.stop_file = path;
    for (int epoch = 1; epoch <= 2; epoch++) {
        OK(train_fold(f, &result));
        assert_int_equal(result.halt, PLEAT_HALT_FILE);
        assert_int_equal(result.epochs, epoch);
    }
    assert_int_equal(unlink(path), 0);
    OK(train_fold(f, &result));
    assert_int_equal(result.halt, PLEAT_HALT_NONE);
    assert_int_equal(result.epochs, TRAIN_EPOCHS);
}

static void a_rate_that_jumps_in_a_fold_under_way_is_told(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    char path[PLEAT_PATH_BYTES];
    while (strcmp(pleat_schedules[f->config.settings.schedule]->name, "poly") != 0)
        f->config.settings.schedule++;
    OK(pleat_file_write_atomic(in_root(path, "STOP"), "", 0));
    f->config.stop_file = path;
    pleat_warn_forget();
    for (int epoch = 1; epoch <= 2; epoch++) OK(train_fold(f, &result));
    assert_int_equal(pleat_warn_count(), 0);
    f->config.settings.epochs = 2 * TRAIN_EPOCHS;
    OK(train_fold(f, &result));
    assert_int_equal(pleat_warn_count(), 1);
    assert_non_null(strstr(pleat_warn_text(0), "poly goes by train.epochs, which is now"));
}

static void a_finished_fold_is_not_trained_again(void **state) {
    train_fixture *f = *state;
    pleat_train_result first, again;
    int finished = 0;
    OK(train_fold(f, &first));
    OK(pleat_train_finished(root, &finished));
    assert_int_equal(finished, 1);
    OK(train_fold(f, &again));
    assert_int_equal(f->steps, 0);
    assert_int_equal(f->trouble.reads, 0);
    assert_int_equal(again.epochs, first.epochs);
    assert_int_equal(again.steps, first.steps);
    assert_true(again.loss == first.loss && again.best_loss == first.best_loss);
}

static void a_finished_fold_goes_on_to_more_epochs(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    int more = -1;
    OK(train_fold(f, &result));
    pleat_checkpoint whole = train_checkpoint("checkpoint_latest.h5");
    train_empty_folder();
    f->config.settings.epochs = 2;
    OK(train_fold(f, &result));
    OK(pleat_train_can_go_on(root, &f->config.settings.rates, &more));
    assert_int_equal(more, 1);
    f->config.settings.epochs = TRAIN_EPOCHS;
    OK(train_fold(f, &result));
    assert_int_equal(result.epochs, TRAIN_EPOCHS);
    assert_int_equal(f->steps, 2 * (TRAIN_ITERATIONS + 2));
    pleat_checkpoint longer = train_checkpoint("checkpoint_latest.h5");
    train_same(&longer, &whole);
    pleat_checkpoint_free(&longer);
    pleat_checkpoint_free(&whole);
    train_empty_folder(); /* one that ended early does not */
    f->config.settings.rates.stop_patience = 1;
    f->config.settings.rates.stop_min_delta = 10;
    OK(train_fold(f, &result));
    assert_true(result.epochs < TRAIN_EPOCHS);
    OK(pleat_train_can_go_on(root, &f->config.settings.rates, &more));
    assert_int_equal(more, 0);
    const int epochs = result.epochs;
    f->config.settings.epochs = 2 * TRAIN_EPOCHS;
    OK(train_fold(f, &result));
    assert_int_equal(result.epochs, epochs);
}

static void the_best_model_is_that_of_the_lowest_training_loss(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    f->config.settings.lr = 0.3; /* jumps about */
    f->config.settings.rates.patience = 0;
    f->config.settings.epochs = 6;
    OK(train_fold(f, &result));
    pleat_checkpoint latest = train_checkpoint("checkpoint_latest.h5");
    pleat_checkpoint best = train_checkpoint("checkpoint_best.h5");
    int lowest = 0;
    for (int e = 0; e < latest.epoch; e++)
        if (train_row(&latest, e).train[LOSS] < train_row(&latest, lowest).train[LOSS]) lowest = e;
    assert_int_equal(best.epoch, lowest + 1);
    assert_true(result.best_loss == train_row(&latest, lowest).train[LOSS]);
    assert_null(best.moment1);
    assert_non_null(latest.moment1);
    assert_string_equal(best.network, f->described.network);
    pleat_checkpoint_free(&latest);
    pleat_checkpoint_free(&best);
}

static void a_loss_that_is_not_finite_ends_the_fold_and_keeps_what_was_good(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    OK(train_fold(f, &result));
    pleat_checkpoint whole = train_checkpoint("checkpoint_latest.h5");
    train_empty_folder();
    f->trouble.nan_at = 2 * TRAIN_READS + 3 * TRAIN_BATCH; /* the third epoch's fourth step */
    REFUSED(train_fold(f, &result), PLEAT_ERR_NUMERIC, "fold 1 diverged");
    TOLD("step 4 of epoch 3");
    assert_int_equal(pleat_status_exit_code(PLEAT_ERR_NUMERIC), 4);
    pleat_checkpoint good = train_checkpoint("checkpoint_latest.h5");
    assert_int_equal(good.epoch, 2);
    for (size_t i = 0; i < good.n_params; i++) assert_true(isfinite(good.params[i]));
    for (size_t i = 0; i < good.n_stats; i++) assert_true(isfinite(good.stats[i]));
    pleat_checkpoint_free(&good);
    f->trouble.nan_at = -1; /* healed, it goes on as if nothing had been */
    OK(train_fold(f, &result));
    good = train_checkpoint("checkpoint_latest.h5");
    train_same(&good, &whole);
    pleat_checkpoint_free(&good);
    pleat_checkpoint_free(&whole);
}

static void a_model_spoilt_by_the_last_step_is_not_saved(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    f->config.settings.iterations = 1;
    f->config.settings.lr = 1e39; /* no float */
    REFUSED(train_fold(f, &result), PLEAT_ERR_NUMERIC, "not finite after epoch 1");
    assert_false(exists("checkpoint_latest.h5"));
    assert_false(exists("checkpoint_best.h5"));
}

static void the_rate_falls_by_the_plateau_rule_or_by_the_polynomial(void **state) {
    train_fixture *f = *state;
    static const double plateau[TRAIN_EPOCHS] = {1e-2, 1e-2, 5e-3, 2.5e-3};
    pleat_train_result result;
    for (int poly = 0; poly < 2; poly++) {
        train_empty_folder();
        f->config.settings.schedule = poly;
        OK(train_fold(f, &result));
        pleat_checkpoint c = train_checkpoint("checkpoint_latest.h5");
        for (int e = 0; e < TRAIN_EPOCHS; e++) {
            const double want = poly ? 1e-2 * pow(1.0 - e / 4.0, 0.9) : plateau[e];
            assert_true(fabs(train_row(&c, e).lr / want - 1) < 1e-12);
        }
        pleat_checkpoint_free(&c);
    }
}

static void a_fold_that_no_longer_improves_ends_early(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    int finished = 0;
    f->config.settings.rates.stop_patience = 1;
    f->config.settings.rates.stop_min_delta = 10;
    OK(train_fold(f, &result));
    assert_int_equal(result.epochs, 2);
    OK(pleat_train_finished(root, &finished));
    assert_int_equal(finished, 1);
}

static void another_folds_or_networks_checkpoint_is_refused(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    f->config.settings.epochs = 1;
    OK(train_fold(f, &result));
    f->config.seed = 6;
    REFUSED(train_fold(f, &result), PLEAT_ERR_DATA, "fold 1 and seed 5, not of fold 1 and seed 6");
    f->config.seed = 5;
    f->config.fold = 2;
    REFUSED(train_fold(f, &result), PLEAT_ERR_DATA, "checkpoint_latest.h5");
    f->config.fold = 1;
    f->network.channels = 2; /* in words; the cases have one */
    pleat_network_text(&f->network, f->described.network, sizeof f->described.network);
    REFUSED(train_fold(f, &result), PLEAT_ERR_DATA, "is of images of 1 channel, the data has 2");
    f->network.channels = 1;
    f->network.filters = 4;
    net_graph(&f->graph, &f->network);
    pleat_network_text(&f->network, f->described.network, sizeof f->described.network);
    REFUSED(train_fold(f, &result), PLEAT_ERR_DATA, "another network");
}

static void assert_file(const char *name, const char *want) {
    char path[PLEAT_PATH_BYTES];
    char *text = NULL;
    (void)in_root(path, name);
    OK(pleat_file_read_all(path, &text, NULL));
    assert_string_equal(text, want);
    free(text);
}

static void history_files_have_the_originals_columns(void **state) {
    (void)state;
    const pleat_epoch rows[2] = {{{1.5, 1.25, 0.5, 0.75}, {2.5, 2.25, 0.25, 1}, 1e-3, 9},
                                 {{0.5, 0.125, 0.875, 0.5}, {NAN, NAN, NAN, NAN}, 1e-4, 8}};
    OK(pleat_history_write(root, pleat_losses[0], rows, 2));
    assert_file("history.tsv", "epoch\tloss\ttversky_loss\tdice_soft\tdice_crossentropy\tval_loss\t"
                               "val_tversky_loss\tval_dice_soft\tval_dice_crossentropy\tlr\n"
                               "1\t1.5\t1.25\t0.5\t0.75\t2.5\t2.25\t0.25\t1\t0.001\n"
                               "2\t0.5\t0.125\t0.875\t0.5\t\t\t\t\t0.0001\n");
    assert_file("logs.csv",
                "epoch,dice_crossentropy,dice_soft,loss,lr,tversky_loss,val_dice_crossentropy,"
                "val_dice_soft,val_loss,val_tversky_loss\n"
                "0,0.75,0.5,1.5,0.001,1.25,1,0.25,2.5,2.25\n"
                "1,0.5,0.875,0.5,0.0001,0.125,,,,\n");
}

static void a_fold_without_validation_cases_trains(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    char path[PLEAT_PATH_BYTES];
    char *text = NULL;
    f->data.n_validation = 0;
    f->config.settings.epochs = 2;
    OK(train_fold(f, &result));
    assert_int_equal(f->steps, 2 * TRAIN_ITERATIONS);
    (void)in_root(path, "history.tsv");
    OK(pleat_file_read_all(path, &text, NULL));
    int lines = 0, empty = 0;
    for (const char *c = text; *c != '\0'; c++) {
        lines += *c == '\n';
        empty += c[0] == '\t' && c[1] == '\t';
    }
    assert_int_equal(lines, 3);
    assert_int_equal(empty, 2 * 4);
    free(text);
}

/* Nobody annotated the validation case, nor one that is trained on. */
static void patches_of_what_is_ignored_alone_count_in_no_mean(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    f->config.ignored = PLEAT_IGNORED;
    f->config.settings.loss = 0;
    while (strcmp(pleat_losses[f->config.settings.loss]->name, "dice_ce") != 0)
        f->config.settings.loss++;
    f->config.settings.batch = 1;
    memset(f->volume[0].label, PLEAT_IGNORED, TRAIN_V);
    memset(f->volume[TRAIN_TRAINED].label, PLEAT_IGNORED, TRAIN_V);
    OK(train_fold(f, &result));
    pleat_checkpoint c = train_checkpoint("checkpoint_latest.h5");
    assert_int_equal(c.epoch, TRAIN_EPOCHS);
    for (int e = 0; e < c.epoch; e++) {
        const pleat_epoch r = train_row(&c, e);
        assert_true(isnan(r.val[LOSS]));
        assert_true(r.train[LOSS] > -0.7 && r.train[1] < 0.8); /* of ignored patches -1 and 1 */
    }
    pleat_checkpoint_free(&c);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, train_set_up, train_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_simple_rule_is_learned),
        TEST(a_file_ends_training_after_the_epoch),
        TEST(a_rate_that_jumps_in_a_fold_under_way_is_told),
        TEST(a_finished_fold_is_not_trained_again),
        TEST(a_finished_fold_goes_on_to_more_epochs),
        TEST(the_best_model_is_that_of_the_lowest_training_loss),
        TEST(a_loss_that_is_not_finite_ends_the_fold_and_keeps_what_was_good),
        TEST(a_model_spoilt_by_the_last_step_is_not_saved),
        TEST(the_rate_falls_by_the_plateau_rule_or_by_the_polynomial),
        TEST(a_fold_that_no_longer_improves_ends_early),
        TEST(another_folds_or_networks_checkpoint_is_refused),
        TEST(history_files_have_the_originals_columns),
        TEST(a_fold_without_validation_cases_trains),
        TEST(patches_of_what_is_ignored_alone_count_in_no_mean),
    };
    return cmocka_run_group_tests_name("train", tests, NULL, NULL);
}
