/* test_batch_source.c - a fold learns the same from batches of the host, streamed ones and those
 * made where the cases lie; and from a recording of its step. */
#include "../../cuda/two_slots.h"
#include "pleat/batch_source.h"
#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/rng.h"
#include "pleat/train.h"

#include <stdio.h>
#include <stdlib.h>

#include "support_device.h"
#include "support_net.h"

enum { CASES = 3, TRAINED = 2, CHANNELS = 2, SIDE = 12, V = SIDE * SIDE * SIDE };
enum { EPOCHS = 3, ITERATIONS = 4, BATCH = 2, STEPS = EPOCHS * ITERATIONS };

typedef struct fixture {
    float image[CASES][CHANNELS * V];
    uint8_t label[CASES][V];
    pleat_source source[CASES];
    const pleat_source *sources[CASES];
    pleat_engine *engine;
    pleat_comm *alone;
    pleat_graph graph;
    pleat_augment_config augment;
    support_device *device; /* NULL: none */
} fixture;

static int set_up(void **state) {
    const pleat_network network = {
        .depth = 1, .filters = 3, .channels = CHANNELS, .classes = 2, .norm = 1};
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    pleat_log_set_level(PLEAT_QUIET);
    for (uint32_t c = 0; c < CASES; c++) {
        const pleat_rng rng = pleat_rng_at(c, PLEAT_STREAM_PHANTOM, 0, 0, 0);
        for (uint32_t i = 0; i < CHANNELS * V; i++)
            f->image[c][i] = (float)pleat_rng_range(&rng, i, -1, 1);
        for (uint32_t i = 0; i < V; i++) f->label[c][i] = f->image[c][i] > 0;
        f->source[c] = (pleat_source){.dim = {SIDE, SIDE, SIDE},
                                      .channels = CHANNELS,
                                      .image = f->image[c],
                                      .label = f->label[c]};
        f->sources[c] = &f->source[c];
    }
    f->engine = net_engine("ref", PLEAT_PRECISION_AUTO);
    OK(pleat_comm_self(&f->alone));
    net_graph(&f->graph, &network);
    f->augment = (pleat_augment_config){.mirror = {0.5, 0.5, 0.5},
                                        .noise_p = 0.5,
                                        .noise = {0, 0.1},
                                        .rotation_p = 0.5,
                                        .rotation = {-15, 15}};
    *state = f;
    return 0;
}

static int set_up_device(void **state) {
    const int status = set_up(state);
    fixture *f = *state;
    f->device = support_device_give(f->engine);
    return status;
}

static int tear_down(void **state) {
    fixture *f = *state;
    if (f->device != NULL) support_device_release(f->device);
    pleat_comm_destroy(f->alone);
    pleat_engine_destroy(f->engine);
    pleat_graph_free(&f->graph);
    free(f);
    return 0;
}

/* Trains a fold and returns its parameters, to be freed. */
static float *train(fixture *f, double device_memory) {
    assert_int_equal(make_root(NULL), 0);
    const pleat_checkpoint described = {.network = "test"};
    const pleat_train_config config = {.settings = {.epochs = EPOCHS,
                                                    .iterations = ITERATIONS,
                                                    .batch = BATCH,
                                                    .validation = 1,
                                                    .lr = 1e-2,
                                                    .rates = {.factor = 0.5, .min_rate = 1e-6},
                                                    .norm_sync = 1,
                                                    .augment = 1,
                                                    .transforms = f->augment,
                                                    .loader_threads = 2,
                                                    .device_memory = device_memory},
                                       .seed = 5,
                                       .patch = {8, 8, 8},
                                       .folder = root,
                                       .described = &described};
    const pleat_train_data data = {.train = f->sources,
                                   .validation = f->sources + TRAINED,
                                   .n_train = TRAINED,
                                   .n_validation = CASES - TRAINED};
    pleat_train_result result;
    pleat_model *model = NULL;
    OK(pleat_model_create(&f->graph, f->engine, 1, &model));
    OK(pleat_train_fold(&config, &data, model, f->alone, NULL, &result));
    assert_int_equal(result.steps, STEPS);
    float *params = malloc(f->graph.params * sizeof *params);
    assert_non_null(params);
    OK(pleat_model_get(model, PLEAT_STATE_PARAMS, params));
    pleat_model_destroy(model);
    assert_int_equal(remove_root(NULL), 0);
    return params;
}

/* What the engine learns without its device. */
static float *train_on_host(fixture *f) {
    support_device_hide(f->device, 1);
    float *params = train(f, 0);
    support_device_hide(f->device, 0);
    return params;
}

static void same_and_free(const fixture *f, float *got, float *want) {
    assert_memory_equal(got, want, f->graph.params * sizeof *got);
    free(got);
    free(want);
}

/* --- feeds ------------------------------------------------------------------------------------ */

static void resident_cases_teach_the_same(void **state) {
    fixture *f = *state;
    float *want = train_on_host(f);
    same_and_free(f, train(f, 0), want);
    assert_int_equal(f->device->patches, STEPS * BATCH);
    assert_int_equal(f->device->put, 0);
    assert_int_equal(f->device->cases, 0); /* all given back */
}

static void streamed_batches_teach_the_same(void **state) {
    fixture *f = *state;
    float *want = train_on_host(f);
    same_and_free(f, train(f, 1), want);
    assert_int_equal(f->device->taken, STEPS);
    assert_int_equal(f->device->put, STEPS + 1); /* one is always on its way */
    assert_int_equal(f->device->patches, 0);
}

static pleat_status open_feed(fixture *f, double device_memory, char kind[16]) {
    const pleat_loader_config config = {.sources = f->sources,
                                        .n_sources = TRAINED,
                                        .patch = {8, 8, 8},
                                        .iterations = 1,
                                        .batch = BATCH,
                                        .count = BATCH,
                                        .depth = 1,
                                        .threads = 1};
    const int dim[3] = {8, 8, 8};
    pleat_model *model = net_model(&f->graph, f->engine, 1);
    pleat_net *net = net_compile(model, BATCH, dim, 1, NULL);
    pleat_batch_source *feed = NULL;
    const pleat_status status = pleat_batch_source_open(&config, net, device_memory, &feed);
    if (status == PLEAT_OK) (void)snprintf(kind, 16, "%s", pleat_batch_source_kind(feed));
    pleat_batch_source_close(feed);
    pleat_net_destroy(net);
    pleat_model_destroy(model);
    return status;
}

static void cases_are_resident_when_they_fit(void **state) {
    fixture *f = *state;
    /* see support_device.c */
    const double needs = TRAINED * V * (4 * CHANNELS + 1) + V + CHANNELS * 8 * 8 * 8;
    char kind[16];
    OK(open_feed(f, 0, kind));
    assert_string_equal(kind, "resident");
    OK(open_feed(f, needs, kind));
    assert_string_equal(kind, "resident");
    OK(open_feed(f, needs - 1, kind));
    assert_string_equal(kind, "streamed");
    f->device->unused = (size_t)(needs / 0.8) + 10;
    OK(open_feed(f, 0, kind));
    assert_string_equal(kind, "resident");
    f->device->unused = (size_t)(needs / 0.8) - 10;
    OK(open_feed(f, 0, kind));
    assert_string_equal(kind, "streamed");
    OK(open_feed(f, 1e15, kind)); /* more than there is */
    assert_string_equal(kind, "resident");
    support_device_hide(f->device, 1);
    OK(open_feed(f, 0, kind));
    assert_string_equal(kind, "host");
}

static void an_upload_without_room_is_streamed_others_are_errors(void **state) {
    fixture *f = *state;
    char kind[16];
    f->device->refuse = PLEAT_ERR_MEMORY;
    OK(open_feed(f, 0, kind));
    assert_string_equal(kind, "streamed");
    f->device->refuse = PLEAT_ERR_UNSUPPORTED;
    OK(open_feed(f, 0, kind));
    assert_string_equal(kind, "streamed");
    f->device->refuse = PLEAT_ERR_IO;
    REFUSED(open_feed(f, 0, kind), PLEAT_ERR_IO, "the upload of a case was refused");
}

static void a_budget_is_never_more_than_there_is(void **state) {
    (void)state;
    assert_int_equal(pleat_batch_source_budget(0, 1000), 800);
    assert_int_equal(pleat_batch_source_budget(300, 1000), 300);
    assert_int_equal(pleat_batch_source_budget(2000, 1000), 1000);
    assert_int_equal(pleat_batch_source_budget(0, 0), 0);
}

static void two_slots_are_filled_and_emptied_in_turn(void **state) {
    (void)state;
    two_slots s = {0, 0};
    assert_int_equal(two_slots_take(&s), -1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(two_slots_put(&s), i % 2);
        assert_int_equal(two_slots_put(&s), (i + 1) % 2);
        assert_int_equal(two_slots_put(&s), -1);
        assert_int_equal(two_slots_take(&s), i % 2);
        assert_int_equal(two_slots_take(&s), (i + 1) % 2);
        assert_int_equal(two_slots_take(&s), -1);
        assert_int_equal(two_slots_put(&s), i % 2); /* an odd one, so that slots change roles */
        assert_int_equal(two_slots_take(&s), i % 2);
    }
}

/* --- recordings ------------------------------------------------------------------------------- */

static void a_recorded_step_is_recorded_once_and_played_ever_after(void **state) {
    fixture *f = *state;
    free(train(f, 0));
    assert_int_equal(f->device->recorded, 1);
    assert_int_equal(f->device->replayed, STEPS - 1);
}

static void without_recordings_the_fold_learns_the_same(void **state) {
    fixture *f = *state;
    float *want = train(f, 0);
    f->device->records = 0;
    f->device->recorded = f->device->replayed = 0;
    same_and_free(f, train(f, 0), want);
    assert_int_equal(f->device->replayed, 0);
}

typedef struct stepper { /* a net and a batch in host memory */
    pleat_model *model;
    pleat_net *net;
    float images[CHANNELS * BATCH * 512];
    uint8_t labels[CHANNELS * BATCH * 512]; /* the net takes the first BATCH * 512 */
    double sums[BATCH * PLEAT_LOSS_SUMS(2)];
    int64_t step;
} stepper;

static stepper *start(const fixture *f, pleat_comm *norm_comm) {
    const int dim[3] = {8, 8, 8};
    stepper *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->model = net_model(&f->graph, f->engine, 1);
    s->net = net_compile(s->model, BATCH, dim, 1, norm_comm);
    return s;
}

static void make_step(stepper *s, int global_batch) {
    s->step++;
    net_batch((uint64_t)s->step, COUNT(s->images), 2, s->images, s->labels);
    OK(pleat_net_train(s->net, s->images, s->labels, global_batch, NULL, s->sums));
    OK(pleat_model_update(s->model, NULL, 1e-2, s->step));
}

static void finish(stepper *s) {
    pleat_net_destroy(s->net);
    pleat_model_destroy(s->model);
    free(s);
}

/* A recording with another scale, or of memory that has moved, is made anew: each result is that of
 * a net that never recorded. */
static void a_recording_that_no_longer_holds_is_made_anew(void **state) {
    fixture *f = *state;
    const int batches[] = {2, 2, 2, 4, 4, 2, 2, 2, 2};
    stepper *recorded = start(f, NULL);
    support_device_hide(f->device, 1);
    stepper *plain = start(f, NULL);
    for (size_t i = 0; i < COUNT(batches); i++) {
        support_device_hide(f->device, 0);
        f->device->moved = i == 7;
        make_step(recorded, batches[i]);
        support_device_hide(f->device, 1);
        make_step(plain, batches[i]);
        assert_memory_equal(recorded->sums, plain->sums, sizeof plain->sums);
    }
    support_device_hide(f->device, 0);
    assert_int_equal(f->device->recorded, 4); /* steps 1, 3, 5 and 7 */
    assert_int_equal(f->device->replayed, COUNT(batches) - 1);
    finish(recorded);
    finish(plain);
}

static void a_step_shared_by_ranks_is_not_recorded(void **state) {
    fixture *f = *state;
    const pleat_comm two = {.ops = f->alone->ops, .rank = 0, .size = 2};
    pleat_comm group = two; /* the other rank brings zeros */
    stepper *s = start(f, &group);
    for (int i = 0; i < 3; i++) make_step(s, BATCH);
    assert_int_equal(f->device->recorded, 0);
    finish(s);
}

static void a_net_without_a_device_has_no_inputs(void **state) {
    fixture *f = *state;
    void *images = NULL;
    uint8_t *labels = NULL;
    stepper *s = start(f, NULL);
    REFUSED(pleat_net_inputs(s->net, &images, &labels), PLEAT_ERR_UNSUPPORTED, "from the host");
    finish(s);
}

#define WITH_DEVICE(test) cmocka_unit_test_setup_teardown(test, set_up_device, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(resident_cases_teach_the_same),
        WITH_DEVICE(streamed_batches_teach_the_same),
        WITH_DEVICE(cases_are_resident_when_they_fit),
        WITH_DEVICE(an_upload_without_room_is_streamed_others_are_errors),
        cmocka_unit_test(a_budget_is_never_more_than_there_is),
        cmocka_unit_test(two_slots_are_filled_and_emptied_in_turn),
        WITH_DEVICE(a_recorded_step_is_recorded_once_and_played_ever_after),
        WITH_DEVICE(without_recordings_the_fold_learns_the_same),
        WITH_DEVICE(a_recording_that_no_longer_holds_is_made_anew),
        WITH_DEVICE(a_step_shared_by_ranks_is_not_recorded),
        cmocka_unit_test_setup_teardown(a_net_without_a_device_has_no_inputs, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
