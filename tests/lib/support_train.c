/* support_train.c - cases that are read, and break, on request; a fold that is trained on them. */
#include "support_train.h"

#include "pleat/file.h"
#include "pleat/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pleat_status read_box(void *context, int channel, const int start[3], const int size[3],
                             float *image, uint8_t *label) {
    const train_volume *v = context;
    (void)channel;
    train_trouble *t = v->trouble;
    const int read = t->reads++;
    PLEAT_CHECK(t->break_at < 0 || read < t->break_at, PLEAT_ERR_IO, "the disk is gone");
    const int nan = t->nan_at >= 0 && read >= t->nan_at;
    for (int d = 0; d < size[0]; d++)
        for (int h = 0; h < size[1]; h++)
            for (int w = 0; w < size[2]; w++) {
                const int from =
                    ((start[0] + d) * TRAIN_SIDE + start[1] + h) * TRAIN_SIDE + start[2] + w;
                const int to = (d * size[1] + h) * size[2] + w;
                image[to] = nan ? NAN : v->image[from];
                if (label != NULL) label[to] = v->label[from];
            }
    return PLEAT_OK;
}

/* Label 1 where the image is positive: what one convolution can learn. */
static void make_cases(train_fixture *f) {
    for (uint32_t c = 0; c < TRAIN_CASES; c++) {
        const pleat_rng rng = pleat_rng_at(c, PLEAT_STREAM_PHANTOM, 0, 0, 0);
        train_volume *v = &f->volume[c];
        for (uint32_t i = 0; i < TRAIN_V; i++) {
            v->image[i] = (float)pleat_rng_range(&rng, i, -1, 1);
            v->label[i] = v->image[i] > 0;
        }
        v->trouble = &f->trouble;
        f->source[c] = (pleat_source){.dim = {TRAIN_SIDE, TRAIN_SIDE, TRAIN_SIDE},
                                      .channels = 1,
                                      .read = read_box,
                                      .context = v};
        f->sources[c] = &f->source[c];
    }
    /* the validation case is in memory and does not count as read */
    f->source[TRAIN_TRAINED].image = f->volume[TRAIN_TRAINED].image;
    f->source[TRAIN_TRAINED].label = f->volume[TRAIN_TRAINED].label;
}

static void count_step(void *context, const pleat_train_now *now) {
    train_fixture *f = context;
    assert_true(now->epoch < now->epochs && now->step >= 1 && now->step <= now->steps);
    assert_true(isnan(now->loss) == (now->step == 1 && !now->validating));
    if (++f->steps == f->save_at) pleat_halt_ask(PLEAT_HALT_SAVE);
}

int train_set_up(void **state) {
    train_fixture *f = calloc(1, sizeof *f);
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
        .settings = {.epochs = TRAIN_EPOCHS,
                     .iterations = TRAIN_ITERATIONS,
                     .batch = TRAIN_BATCH,
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
                                 .validation = f->sources + TRAIN_TRAINED,
                                 .n_train = TRAIN_TRAINED,
                                 .n_validation = TRAIN_CASES - TRAIN_TRAINED};
    *state = f;
    return 0;
}

int train_tear_down(void **state) {
    train_fixture *f = *state;
    pleat_engine_destroy(f->engine);
    pleat_comm_destroy(f->alone);
    pleat_graph_free(&f->graph);
    free(f);
    return remove_root(NULL);
}

pleat_status train_fold(train_fixture *f, pleat_train_result *result) {
    const pleat_train_hooks hooks = {.step = count_step, .context = f};
    pleat_model *model = NULL;
    f->steps = f->trouble.reads = 0;
    OK(pleat_model_create(&f->graph, f->engine, 1, &model));
    const pleat_status status =
        pleat_train_fold(&f->config, &f->data, model, f->alone, &hooks, result);
    pleat_model_destroy(model);
    return status;
}

pleat_checkpoint train_checkpoint(const char *name) {
    char path[PLEAT_PATH_BYTES];
    pleat_checkpoint c = {0};
    (void)in_root(path, name);
    OK(pleat_checkpoint_read(path, &c));
    return c;
}

void train_empty_folder(void) {
    assert_int_equal(remove_root(NULL), 0);
    OK(pleat_file_make_folder(root));
}

void train_same(const pleat_checkpoint *a, const pleat_checkpoint *b) {
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

void train_interrupt(train_fixture *f) {
    pleat_train_result result;
    f->trouble.break_at = 2 * TRAIN_READS + TRAIN_READS / 2;
    REFUSED(train_fold(f, &result), PLEAT_ERR_IO, "the disk is gone");
    f->trouble.break_at = -1;
}

pleat_epoch train_row(const pleat_checkpoint *c, int epoch) {
    const int columns = pleat_checkpoint_columns(c); /* metrics of both, rate, seconds */
    pleat_epoch out;
    pleat_epoch_unpack(c->history + (size_t)epoch * (size_t)columns, columns / 2 - 1, &out);
    return out;
}
