/* test_train_resume.c - training that was stopped ends with the bits of one that was not. */
#include "pleat/file.h"

#include <string.h>
#include <unistd.h>

#include "support_train.h"

/* Trained anew, interrupted between two epochs or in the middle of one, and resumed: as `whole`,
 * which was trained in one go. */
static pleat_checkpoint resumed_like(train_fixture *f, int within, const pleat_checkpoint *whole) {
    pleat_train_result result;
    train_empty_folder();
    f->save_at = within ? 2 * (TRAIN_ITERATIONS + 2) + 2 : 0;
    train_interrupt(f);
    f->save_at = 0;
    OK(train_fold(f, &result));
    pleat_checkpoint resumed = train_checkpoint("checkpoint_latest.h5");
    train_same(&resumed, whole);
    return resumed;
}

enum { LOSS }; /* the first metric */

static void an_interrupted_run_ends_as_one_that_was_not(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    int finished = -1;
    OK(pleat_train_finished(root, &finished));
    assert_int_equal(finished, 0);
    OK(train_fold(f, &result));
    pleat_checkpoint whole = train_checkpoint("checkpoint_latest.h5");
    assert_int_equal(whole.epoch, TRAIN_EPOCHS);
    assert_int_equal(whole.finished, 1);
    for (int damaged = 0; damaged < 2; damaged++) {
        char path[PLEAT_PATH_BYTES];
        train_empty_folder();
        train_interrupt(f);
        pleat_checkpoint half = train_checkpoint("checkpoint_latest.h5");
        assert_int_equal(half.epoch, 2);
        assert_int_equal(half.step, 2 * TRAIN_ITERATIONS);
        pleat_checkpoint_free(&half);
        OK(pleat_train_finished(root, &finished));
        assert_int_equal(finished, 0);
        (void)in_root(path, "checkpoint_latest.h5");
        if (damaged) assert_int_equal(truncate(path, 3000), 0); /* the first epoch's is left */
        OK(train_fold(f, &result));
        assert_int_equal(result.epochs, TRAIN_EPOCHS);
        assert_int_equal(result.steps, TRAIN_EPOCHS * TRAIN_ITERATIONS);
        assert_int_equal(f->steps, (damaged ? 3 : 2) * (TRAIN_ITERATIONS + 2));
        pleat_checkpoint resumed = train_checkpoint("checkpoint_latest.h5");
        train_same(&resumed, &whole);
        pleat_checkpoint_free(&resumed);
    }
    pleat_checkpoint_free(&whole);
}

static void a_checkpoint_within_an_epoch_loses_nothing(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    OK(train_fold(f, &result));
    pleat_checkpoint whole = train_checkpoint("checkpoint_latest.h5");
    for (int made = 1; made <= 3; made++) { /* steps of the third epoch */
        train_empty_folder();
        f->save_at = 2 * (TRAIN_ITERATIONS + 2) + made;
        train_interrupt(f);
        f->save_at = 0;
        pleat_checkpoint half = train_checkpoint("checkpoint_latest.h5");
        assert_int_equal(half.epoch, 2);
        assert_int_equal(half.iteration, made);
        assert_int_equal(half.step, 2 * TRAIN_ITERATIONS + made);
        pleat_checkpoint_free(&half);
        OK(train_fold(f, &result));
        assert_int_equal(result.steps, TRAIN_EPOCHS * TRAIN_ITERATIONS);
        assert_int_equal(f->steps, 2 * (TRAIN_ITERATIONS + 2) - made);
        pleat_checkpoint resumed = train_checkpoint("checkpoint_latest.h5");
        train_same(&resumed, &whole);
        assert_int_equal(resumed.iteration, 0);
        pleat_checkpoint_free(&resumed);
    }
    pleat_checkpoint_free(&whole);
}

/* Gradient descent with everything that goes with it: the average and the weights behind it are
 * both kept. */
static void an_average_of_the_weights_is_kept_and_goes_on(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    f->config.settings.update =
        (pleat_update){.optimizer = 1, .momentum = 0.9, .decay = 1e-3, .clip = 0.5, .average = 0.8};
    f->config.settings.schedule = 2;
    f->config.settings.rates.warmup = 1;
    OK(train_fold(f, &result));
    pleat_checkpoint whole = train_checkpoint("checkpoint_latest.h5");
    pleat_checkpoint best = train_checkpoint("checkpoint_best.h5");
    assert_non_null(whole.raw_params);
    assert_null(best.raw_params); /* a model, no more */
    assert_memory_not_equal(whole.params, whole.raw_params, whole.n_params * sizeof(float));
    assert_memory_not_equal(whole.stats, whole.raw_stats, whole.n_stats * sizeof(float));
    pleat_checkpoint_free(&best);
    for (int within = 0; within < 2; within++) {
        pleat_checkpoint resumed = resumed_like(f, within, &whole);
        assert_memory_equal(resumed.raw_params, whole.raw_params, whole.n_params * sizeof(float));
        assert_memory_equal(resumed.raw_stats, whole.raw_stats, whole.n_stats * sizeof(float));
        pleat_checkpoint_free(&resumed);
    }
    f->config.settings.epochs++;
    f->config.settings.update.average = 0;
    REFUSED(train_fold(f, &result), PLEAT_ERR_DATA, "set train.average as it was");
    f->config.settings.epochs--;
    f->config.settings.update.average = 0.8;
    /* The validation is of the average: without one the same steps are judged otherwise. */
    train_empty_folder();
    f->config.settings.update.average = 0;
    OK(train_fold(f, &result));
    pleat_checkpoint plain = train_checkpoint("checkpoint_latest.h5");
    assert_memory_equal(plain.params, whole.raw_params, whole.n_params * sizeof(float));
    assert_memory_equal(plain.stats, whole.raw_stats, whole.n_stats * sizeof(float));
    for (int e = 0; e < TRAIN_EPOCHS; e++) {
        const pleat_epoch with = train_row(&whole, e), without = train_row(&plain, e);
        assert_true(with.train[LOSS] == without.train[LOSS]);
        assert_true(with.val[LOSS] != without.val[LOSS]);
    }
    pleat_checkpoint_free(&plain);
    pleat_checkpoint_free(&whole);
}

/* The largest second moments are kept, and a run goes on with them. */
static void amsgrad_is_kept_and_goes_on(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    f->config.settings.update = (pleat_update){.optimizer = 2, .decay = 1e-3, .amsgrad = 1};
    f->config.settings.lr = 0.05;
    OK(train_fold(f, &result));
    pleat_checkpoint whole = train_checkpoint("checkpoint_latest.h5");
    pleat_checkpoint best = train_checkpoint("checkpoint_best.h5");
    assert_non_null(whole.moment2_max);
    assert_null(best.moment2_max); /* a model, no more */
    pleat_checkpoint_free(&best);
    size_t fallen = 0;
    for (size_t i = 0; i < whole.n_params; i++) {
        assert_true(whole.moment2_max[i] >= whole.moment2[i]);
        fallen += whole.moment2_max[i] > whole.moment2[i];
    }
    assert_true(fallen > 0);
    for (int within = 0; within < 2; within++) {
        pleat_checkpoint resumed = resumed_like(f, within, &whole);
        assert_memory_equal(resumed.moment2_max, whole.moment2_max, whole.n_params * sizeof(float));
        pleat_checkpoint_free(&resumed);
    }
    f->config.settings.epochs++;
    f->config.settings.update.amsgrad = 0;
    REFUSED(train_fold(f, &result), PLEAT_ERR_DATA,
            "was trained with amsgrad; set train.amsgrad as");
    f->config.settings.epochs--;
    train_empty_folder();
    OK(train_fold(f, &result));
    pleat_checkpoint plain = train_checkpoint("checkpoint_latest.h5");
    assert_null(plain.moment2_max);
    assert_memory_not_equal(plain.params, whole.params, whole.n_params * sizeof(float));
    f->config.settings.epochs++;
    f->config.settings.update.amsgrad = 1;
    REFUSED(train_fold(f, &result), PLEAT_ERR_DATA,
            "was trained without amsgrad; set train.amsgrad");
    pleat_checkpoint_free(&plain);
    pleat_checkpoint_free(&whole);
}

/* Its threshold is of the batch alone: nothing of it has to be kept. */
static void a_loss_of_the_largest_terms_goes_on(void **state) {
    train_fixture *f = *state;
    pleat_train_result result;
    while (strcmp(pleat_loss_name(f->config.settings.loss), "batch_dice_topk") != 0)
        f->config.settings.loss++;
    OK(train_fold(f, &result));
    pleat_checkpoint whole = train_checkpoint("checkpoint_latest.h5");
    for (int within = 0; within < 2; within++) {
        pleat_checkpoint resumed = resumed_like(f, within, &whole);
        pleat_checkpoint_free(&resumed);
    }
    pleat_checkpoint_free(&whole);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, train_set_up, train_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_interrupted_run_ends_as_one_that_was_not),
        TEST(a_checkpoint_within_an_epoch_loses_nothing),
        TEST(an_average_of_the_weights_is_kept_and_goes_on),
        TEST(amsgrad_is_kept_and_goes_on),
        TEST(a_loss_of_the_largest_terms_goes_on),
    };
    return cmocka_run_group_tests_name("train_resume", tests, NULL, NULL);
}
