/* test_train.c - a fold's training: it learns, it goes on where it was stopped, it keeps what is
 * good, it writes down what happened. */
#include "pleat/file.h"
#include "pleat/rng.h"
#include "pleat/train.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support_net.h"

enum { CASES = 3, TRAINED = 2, SIDE = 10, V = SIDE * SIDE * SIDE };
enum { EPOCHS = 4, ITERATIONS = 6, BATCH = 2, READS = ITERATIONS * BATCH /* of an epoch */ };

/* A case that is read box by box; it breaks, or turns to NaN, when the cases were read often
 * enough. One loader thread, so reads are in the order of the samples. */
typedef struct trouble {
    int reads, break_at, nan_at; /* at: -1: never */
} trouble;

typedef struct volume {
    float image[V];
    uint8_t label[V];
    trouble *trouble;
} volume;

typedef struct fixture {
    volume volume[CASES];
    trouble trouble;
    pleat_source source[CASES];
    const pleat_source *sources[CASES];
    pleat_engine *engine;
    pleat_comm *alone;
    pleat_network network;
    pleat_graph graph;
    pleat_checkpoint described;
    pleat_train_config config;
    pleat_train_data data;
    int steps;   /* hooks called */
    int save_at; /* of them: then something asks to save; 0: never */
} fixture;

static pleat_status read_box(void *context, int channel, const int start[3], const int size[3],
                             float *image, uint8_t *label) {
    const volume *v = context;
    (void)channel;
    trouble *t = v->trouble;
    const int read = t->reads++;
    PLEAT_CHECK(t->break_at < 0 || read < t->break_at, PLEAT_ERR_IO, "the disk is gone");
    const int nan = t->nan_at >= 0 && read >= t->nan_at;
    for (int d = 0; d < size[0]; d++)
        for (int h = 0; h < size[1]; h++)
            for (int w = 0; w < size[2]; w++) {
                const int from = ((start[0] + d) * SIDE + start[1] + h) * SIDE + start[2] + w;
                const int to = (d * size[1] + h) * size[2] + w;
                image[to] = nan ? NAN : v->image[from];
                if (label != NULL) label[to] = v->label[from];
            }
    return PLEAT_OK;
}

/* Label 1 where the image is positive: what one convolution can learn. */
static void make_cases(fixture *f) {
    for (uint32_t c = 0; c < CASES; c++) {
        const pleat_rng rng = pleat_rng_at(c, PLEAT_STREAM_PHANTOM, 0, 0, 0);
        volume *v = &f->volume[c];
        for (uint32_t i = 0; i < V; i++) {
            v->image[i] = (float)pleat_rng_range(&rng, i, -1, 1);
            v->label[i] = v->image[i] > 0;
        }
        v->trouble = &f->trouble;
        f->source[c] = (pleat_source){
            .dim = {SIDE, SIDE, SIDE}, .channels = 1, .read = read_box, .context = v};
        f->sources[c] = &f->source[c];
    }
    /* the validation case is in memory and does not count as read */
    f->source[TRAINED].image = f->volume[TRAINED].image;
    f->source[TRAINED].label = f->volume[TRAINED].label;
}

static void count_step(void *context, const pleat_train_now *now) {
    fixture *f = context;
    assert_true(now->epoch < now->epochs && now->step >= 1 && now->step <= now->steps);
    assert_true(isnan(now->loss) == (now->step == 1 && !now->validating));
    if (++f->steps == f->save_at) pleat_halt_ask(PLEAT_HALT_SAVE);
}

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(make_root(NULL), 0);
    make_cases(f);
    f->trouble.break_at = f->trouble.nan_at = -1;
    f->engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    OK(pleat_comm_self(&f->alone));
    f->network = (pleat_network){.channels = 1, .depth = 1, .filters = 3, .classes = 2, .norm = 1};
    net_graph(&f->graph, &f->network);
    pleat_network_text(&f->network, f->described.network, sizeof f->described.network);
    f->config = (pleat_train_config){
        .settings = {.epochs = EPOCHS,
                     .iterations = ITERATIONS,
                     .batch = BATCH,
                     .validation = 3,
                     .lr = 1e-2,
                     /* no loss falls by 10: from epoch 2 on every epoch halves the rate */
                     .rates = {.patience = 1, .factor = 0.5, .min_delta = 10, .min_rate = 1e-6},
                     .norm_sync = 1,
                     .augment = 1,
                     .transforms = {.mirror = {0.5, 0.5, 0.5}, .noise_p = 0.5, .noise = {0, 0.05}},
                     .loader_threads = 1},
        .seed = 5,
        .fold = 1,
        .patch = {8, 8, 8},
        .folder = root,
        .described = &f->described,
    };
    f->data = (pleat_train_data){.train = f->sources,
                                 .validation = f->sources + TRAINED,
                                 .n_train = TRAINED,
                                 .n_validation = CASES - TRAINED};
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    pleat_engine_destroy(f->engine);
    pleat_comm_destroy(f->alone);
    pleat_graph_free(&f->graph);
    free(f);
    return remove_root(NULL);
}

static pleat_status train(fixture *f, pleat_train_result *result) {
    const pleat_train_hooks hooks = {.step = count_step, .context = f};
    pleat_model *model = NULL;
    f->steps = f->trouble.reads = 0;
    OK(pleat_model_create(&f->graph, f->engine, 1, &model));
    const pleat_status status =
        pleat_train_fold(&f->config, &f->data, model, f->alone, &hooks, result);
    pleat_model_destroy(model);
    return status;
}

static pleat_checkpoint checkpoint(const char *name) {
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    (void)in_root(path, name);
    OK(pleat_checkpoint_read(path, &c));
    return c;
}

static void empty_folder(void) {
    assert_int_equal(remove_root(NULL), 0);
    OK(pleat_file_make_folder(root));
}

static int exists(const char *name) {
    char path[PLEAT_PATH_BYTES];
    (void)in_root(path, name);
    return pleat_file_exists(path);
}

enum { LOSS, TVERSKY, DICE_SOFT, DICE_CROSSENTROPY }; /* the metrics of the default loss */

static pleat_epoch row(const pleat_checkpoint *c, int epoch) {
    pleat_epoch out;
    pleat_epoch_unpack(c->history + (size_t)epoch * (size_t)pleat_checkpoint_columns(c), 4, &out);
    return out;
}

static void a_simple_rule_is_learned(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    f->config.settings.epochs = 8;
    f->config.settings.schedule = 1;
    f->config.settings.lr = 2e-2;
    OK(train(f, &result));
    assert_int_equal(result.epochs, 8);
    assert_int_equal(result.steps, 8 * ITERATIONS);
    /* each step, and the validation's two batches of an epoch */
    assert_int_equal(f->steps, 8 * (ITERATIONS + 2));
    pleat_checkpoint c = checkpoint("checkpoint_latest.h5");
    assert_int_equal(c.epoch, 8);
    const pleat_epoch first = row(&c, 0), last = row(&c, 7);
    if (last.train[LOSS] > 0.5 * first.train[LOSS])
        fail_msg("loss from %g to %g", first.train[LOSS], last.train[LOSS]);
    assert_true(last.train[DICE_SOFT] > first.train[DICE_SOFT] + 0.1);
    assert_true(result.loss == last.train[LOSS]);
    for (int e = 0; e < 8; e++) {
        const pleat_epoch r = row(&c, e);
        assert_true(isfinite(r.val[LOSS]) && r.seconds > 0);
        /* the metrics belong together: docs/math.md */
        const double *const both[] = {r.train, r.val};
        for (int k = 0; k < 2; k++)
            assert_true(fabs(both[k][DICE_CROSSENTROPY] - (1 - both[k][DICE_SOFT]) -
                             (both[k][LOSS] - both[k][TVERSKY])) < 1e-9);
    }
    pleat_checkpoint_free(&c);
}

static void assert_same(const pleat_checkpoint *a, const pleat_checkpoint *b) {
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->finished, b->finished);
    assert_memory_equal(a->params, b->params, a->n_params * sizeof *a->params);
    assert_memory_equal(a->moment1, b->moment1, a->n_params * sizeof *a->params);
    assert_memory_equal(a->moment2, b->moment2, a->n_params * sizeof *a->params);
    assert_memory_equal(a->stats, b->stats, a->n_stats * sizeof *a->stats);
    assert_memory_equal(a->schedule, b->schedule, sizeof a->schedule);
    for (int e = 0; e < a->epoch; e++) { /* all but the seconds, the last column */
        const size_t columns = (size_t)pleat_checkpoint_columns(a), at = (size_t)e * columns;
        assert_memory_equal(a->history + at, b->history + at, (columns - 1) * sizeof(double));
    }
}

/* Stops a run in the middle of its third epoch. */
static void interrupt(fixture *f) {
    pleat_train_result result;
    f->trouble.break_at = 2 * READS + READS / 2;
    REFUSED(train(f, &result), PLEAT_ERR_IO, "the disk is gone");
    f->trouble.break_at = -1;
}

static void an_interrupted_run_ends_as_one_that_was_not(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    int finished = -1;
    OK(pleat_train_finished(root, &finished));
    assert_int_equal(finished, 0);
    OK(train(f, &result));
    pleat_checkpoint whole = checkpoint("checkpoint_latest.h5");
    assert_int_equal(whole.epoch, EPOCHS);
    assert_int_equal(whole.finished, 1);
    for (int damaged = 0; damaged < 2; damaged++) {
        char path[PLEAT_PATH_BYTES];
        empty_folder();
        interrupt(f);
        pleat_checkpoint half = checkpoint("checkpoint_latest.h5");
        assert_int_equal(half.epoch, 2);
        assert_int_equal(half.step, 2 * ITERATIONS);
        pleat_checkpoint_free(&half);
        OK(pleat_train_finished(root, &finished));
        assert_int_equal(finished, 0);
        (void)in_root(path, "checkpoint_latest.h5");
        if (damaged) assert_int_equal(truncate(path, 3000), 0); /* the first epoch's is left */
        OK(train(f, &result));
        assert_int_equal(result.epochs, EPOCHS);
        assert_int_equal(result.steps, EPOCHS * ITERATIONS);
        assert_int_equal(f->steps, (damaged ? 3 : 2) * (ITERATIONS + 2));
        pleat_checkpoint resumed = checkpoint("checkpoint_latest.h5");
        assert_same(&resumed, &whole);
        pleat_checkpoint_free(&resumed);
    }
    pleat_checkpoint_free(&whole);
}

static void a_checkpoint_within_an_epoch_loses_nothing(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    OK(train(f, &result));
    pleat_checkpoint whole = checkpoint("checkpoint_latest.h5");
    for (int made = 1; made <= 3; made++) { /* steps of the third epoch */
        empty_folder();
        f->save_at = 2 * (ITERATIONS + 2) + made;
        interrupt(f);
        f->save_at = 0;
        pleat_checkpoint half = checkpoint("checkpoint_latest.h5");
        assert_int_equal(half.epoch, 2);
        assert_int_equal(half.iteration, made);
        assert_int_equal(half.step, 2 * ITERATIONS + made);
        pleat_checkpoint_free(&half);
        OK(train(f, &result));
        assert_int_equal(result.steps, EPOCHS * ITERATIONS);
        assert_int_equal(f->steps, 2 * (ITERATIONS + 2) - made);
        pleat_checkpoint resumed = checkpoint("checkpoint_latest.h5");
        assert_same(&resumed, &whole);
        assert_int_equal(resumed.iteration, 0);
        pleat_checkpoint_free(&resumed);
    }
    pleat_checkpoint_free(&whole);
}

/* Gradient descent with everything that goes with it: the average and the weights behind it are
 * both kept. */
static void an_average_of_the_weights_is_kept_and_goes_on(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    f->config.settings.update =
        (pleat_update){.optimizer = 1, .momentum = 0.9, .decay = 1e-3, .clip = 0.5, .average = 0.8};
    f->config.settings.schedule = 2;
    f->config.settings.rates.warmup = 1;
    OK(train(f, &result));
    pleat_checkpoint whole = checkpoint("checkpoint_latest.h5");
    pleat_checkpoint best = checkpoint("checkpoint_best.h5");
    assert_non_null(whole.raw_params);
    assert_null(best.raw_params); /* a model, no more */
    assert_memory_not_equal(whole.params, whole.raw_params, whole.n_params * sizeof(float));
    assert_memory_not_equal(whole.stats, whole.raw_stats, whole.n_stats * sizeof(float));
    pleat_checkpoint_free(&best);
    for (int within = 0; within < 2; within++) { /* between two epochs, in the middle of one */
        empty_folder();
        f->save_at = within ? 2 * (ITERATIONS + 2) + 2 : 0;
        interrupt(f);
        f->save_at = 0;
        OK(train(f, &result));
        pleat_checkpoint resumed = checkpoint("checkpoint_latest.h5");
        assert_same(&resumed, &whole);
        assert_memory_equal(resumed.raw_params, whole.raw_params, whole.n_params * sizeof(float));
        assert_memory_equal(resumed.raw_stats, whole.raw_stats, whole.n_stats * sizeof(float));
        pleat_checkpoint_free(&resumed);
    }
    f->config.settings.epochs++;
    f->config.settings.update.average = 0;
    REFUSED(train(f, &result), PLEAT_ERR_DATA, "set train.average as it was");
    f->config.settings.epochs--;
    f->config.settings.update.average = 0.8;
    /* The validation is of the average: without one the same steps are judged otherwise. */
    empty_folder();
    f->config.settings.update.average = 0;
    OK(train(f, &result));
    pleat_checkpoint plain = checkpoint("checkpoint_latest.h5");
    assert_memory_equal(plain.params, whole.raw_params, whole.n_params * sizeof(float));
    assert_memory_equal(plain.stats, whole.raw_stats, whole.n_stats * sizeof(float));
    for (int e = 0; e < EPOCHS; e++) {
        const pleat_epoch with = row(&whole, e), without = row(&plain, e);
        assert_true(with.train[LOSS] == without.train[LOSS]);
        assert_true(with.val[LOSS] != without.val[LOSS]);
    }
    pleat_checkpoint_free(&plain);
    pleat_checkpoint_free(&whole);
}

static void a_file_ends_training_after_the_epoch(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    char path[PLEAT_PATH_BYTES];
    (void)in_root(path, "STOP");
    OK(pleat_file_write_atomic(path, "", 0));
    f->config.stop_file = path;
    for (int epoch = 1; epoch <= 2; epoch++) {
        OK(train(f, &result));
        assert_int_equal(result.halt, PLEAT_HALT_FILE);
        assert_int_equal(result.epochs, epoch);
    }
    assert_int_equal(unlink(path), 0);
    OK(train(f, &result));
    assert_int_equal(result.halt, PLEAT_HALT_NONE);
    assert_int_equal(result.epochs, EPOCHS);
}

static void a_rate_that_jumps_in_a_fold_under_way_is_told(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    char path[PLEAT_PATH_BYTES];
    while (strcmp(pleat_schedules[f->config.settings.schedule]->name, "poly") != 0)
        f->config.settings.schedule++;
    OK(pleat_file_write_atomic(in_root(path, "STOP"), "", 0));
    f->config.stop_file = path;
    pleat_warn_forget();
    for (int epoch = 1; epoch <= 2; epoch++) OK(train(f, &result));
    assert_int_equal(pleat_warn_count(), 0);
    f->config.settings.epochs = 2 * EPOCHS;
    OK(train(f, &result));
    assert_int_equal(pleat_warn_count(), 1);
    assert_non_null(strstr(pleat_warn_text(0), "poly goes by train.epochs, which is now"));
}

static void a_finished_fold_is_not_trained_again(void **state) {
    fixture *f = *state;
    pleat_train_result first, again;
    int finished = 0;
    OK(train(f, &first));
    OK(pleat_train_finished(root, &finished));
    assert_int_equal(finished, 1);
    OK(train(f, &again));
    assert_int_equal(f->steps, 0);
    assert_int_equal(f->trouble.reads, 0);
    assert_int_equal(again.epochs, first.epochs);
    assert_int_equal(again.steps, first.steps);
    assert_true(again.loss == first.loss && again.best_loss == first.best_loss);
}

static void a_finished_fold_goes_on_to_more_epochs(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    int more = -1;
    OK(train(f, &result));
    pleat_checkpoint whole = checkpoint("checkpoint_latest.h5");
    empty_folder();
    f->config.settings.epochs = 2;
    OK(train(f, &result));
    OK(pleat_train_can_go_on(root, &f->config.settings.rates, &more));
    assert_int_equal(more, 1);
    f->config.settings.epochs = EPOCHS;
    OK(train(f, &result));
    assert_int_equal(result.epochs, EPOCHS);
    assert_int_equal(f->steps, 2 * (ITERATIONS + 2));
    pleat_checkpoint longer = checkpoint("checkpoint_latest.h5");
    assert_same(&longer, &whole);
    pleat_checkpoint_free(&longer);
    pleat_checkpoint_free(&whole);
    empty_folder(); /* one that ended early does not */
    f->config.settings.rates.stop_patience = 1;
    f->config.settings.rates.stop_min_delta = 10;
    OK(train(f, &result));
    assert_true(result.epochs < EPOCHS);
    OK(pleat_train_can_go_on(root, &f->config.settings.rates, &more));
    assert_int_equal(more, 0);
    const int epochs = result.epochs;
    f->config.settings.epochs = 2 * EPOCHS;
    OK(train(f, &result));
    assert_int_equal(result.epochs, epochs);
}

static void the_best_model_is_that_of_the_lowest_training_loss(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    f->config.settings.lr = 0.3; /* jumps about */
    f->config.settings.rates.patience = 0;
    f->config.settings.epochs = 6;
    OK(train(f, &result));
    pleat_checkpoint latest = checkpoint("checkpoint_latest.h5");
    pleat_checkpoint best = checkpoint("checkpoint_best.h5");
    int lowest = 0;
    for (int e = 0; e < latest.epoch; e++)
        if (row(&latest, e).train[LOSS] < row(&latest, lowest).train[LOSS]) lowest = e;
    assert_int_equal(best.epoch, lowest + 1);
    assert_true(result.best_loss == row(&latest, lowest).train[LOSS]);
    assert_null(best.moment1);
    assert_non_null(latest.moment1);
    assert_string_equal(best.network, f->described.network);
    pleat_checkpoint_free(&latest);
    pleat_checkpoint_free(&best);
}

static void a_loss_that_is_not_finite_ends_the_fold_and_keeps_what_was_good(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    OK(train(f, &result));
    pleat_checkpoint whole = checkpoint("checkpoint_latest.h5");
    empty_folder();
    f->trouble.nan_at = 2 * READS + 3 * BATCH; /* the third epoch's fourth step */
    REFUSED(train(f, &result), PLEAT_ERR_NUMERIC, "fold 1 diverged");
    TOLD("step 4 of epoch 3");
    assert_int_equal(pleat_status_exit_code(PLEAT_ERR_NUMERIC), 4);
    pleat_checkpoint good = checkpoint("checkpoint_latest.h5");
    assert_int_equal(good.epoch, 2);
    for (size_t i = 0; i < good.n_params; i++) assert_true(isfinite(good.params[i]));
    for (size_t i = 0; i < good.n_stats; i++) assert_true(isfinite(good.stats[i]));
    pleat_checkpoint_free(&good);
    f->trouble.nan_at = -1; /* healed, it goes on as if nothing had been */
    OK(train(f, &result));
    good = checkpoint("checkpoint_latest.h5");
    assert_same(&good, &whole);
    pleat_checkpoint_free(&good);
    pleat_checkpoint_free(&whole);
}

static void a_model_spoilt_by_the_last_step_is_not_saved(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    f->config.settings.iterations = 1;
    f->config.settings.lr = 1e39; /* no float */
    REFUSED(train(f, &result), PLEAT_ERR_NUMERIC, "not finite after epoch 1");
    assert_false(exists("checkpoint_latest.h5"));
    assert_false(exists("checkpoint_best.h5"));
}

static void the_rate_falls_by_the_plateau_rule_or_by_the_polynomial(void **state) {
    fixture *f = *state;
    static const double plateau[EPOCHS] = {1e-2, 1e-2, 5e-3, 2.5e-3};
    pleat_train_result result;
    for (int poly = 0; poly < 2; poly++) {
        empty_folder();
        f->config.settings.schedule = poly;
        OK(train(f, &result));
        pleat_checkpoint c = checkpoint("checkpoint_latest.h5");
        for (int e = 0; e < EPOCHS; e++) {
            const double want = poly ? 1e-2 * pow(1.0 - e / 4.0, 0.9) : plateau[e];
            assert_true(fabs(row(&c, e).lr / want - 1) < 1e-12);
        }
        pleat_checkpoint_free(&c);
    }
}

static void a_fold_that_no_longer_improves_ends_early(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    int finished = 0;
    f->config.settings.rates.stop_patience = 1;
    f->config.settings.rates.stop_min_delta = 10;
    OK(train(f, &result));
    assert_int_equal(result.epochs, 2);
    OK(pleat_train_finished(root, &finished));
    assert_int_equal(finished, 1);
}

static void another_folds_or_networks_checkpoint_is_refused(void **state) {
    fixture *f = *state;
    pleat_train_result result;
    f->config.settings.epochs = 1;
    OK(train(f, &result));
    f->config.seed = 6;
    REFUSED(train(f, &result), PLEAT_ERR_DATA, "fold 1 and seed 5, not of fold 1 and seed 6");
    f->config.seed = 5;
    f->config.fold = 2;
    REFUSED(train(f, &result), PLEAT_ERR_DATA, "checkpoint_latest.h5");
    f->config.fold = 1;
    f->network.channels = 2; /* in words; the cases have one */
    pleat_network_text(&f->network, f->described.network, sizeof f->described.network);
    REFUSED(train(f, &result), PLEAT_ERR_DATA, "is of images of 1 channel, the data has 2");
    f->network.channels = 1;
    f->network.filters = 4;
    net_graph(&f->graph, &f->network);
    pleat_network_text(&f->network, f->described.network, sizeof f->described.network);
    REFUSED(train(f, &result), PLEAT_ERR_DATA, "another network");
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
    fixture *f = *state;
    pleat_train_result result;
    char path[PLEAT_PATH_BYTES];
    char *text = NULL;
    f->data.n_validation = 0;
    f->config.settings.epochs = 2;
    OK(train(f, &result));
    assert_int_equal(f->steps, 2 * ITERATIONS);
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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_simple_rule_is_learned),
        TEST(an_interrupted_run_ends_as_one_that_was_not),
        TEST(a_checkpoint_within_an_epoch_loses_nothing),
        TEST(an_average_of_the_weights_is_kept_and_goes_on),
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
    };
    return cmocka_run_group_tests_name("train", tests, NULL, NULL);
}
