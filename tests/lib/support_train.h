/* support_train.h - a small network, trained on three small cases, that may be interrupted. */
#ifndef PLEAT_TESTS_SUPPORT_TRAIN_H
#define PLEAT_TESTS_SUPPORT_TRAIN_H

#include "pleat/train.h"
#include "support_net.h"

enum {
    TRAIN_CASES = 3,
    TRAIN_TRAINED = 2,
    TRAIN_SIDE = 10,
    TRAIN_V = TRAIN_SIDE * TRAIN_SIDE * TRAIN_SIDE
};
enum {
    TRAIN_EPOCHS = 4,
    TRAIN_ITERATIONS = 6,
    TRAIN_BATCH = 2,
    TRAIN_READS = TRAIN_ITERATIONS * TRAIN_BATCH /* of an epoch */
};

/* A case that is read box by box; it breaks, or turns to NaN, when the cases were read often
 * enough. One loader thread, so reads are in the order of the samples. */
typedef struct train_trouble {
    int reads, break_at, nan_at; /* at: -1: never */
} train_trouble;

typedef struct train_volume {
    float image[TRAIN_V];
    uint8_t label[TRAIN_V];
    train_trouble *trouble;
} train_volume;

typedef struct train_fixture {
    train_volume volume[TRAIN_CASES];
    train_trouble trouble;
    pleat_source source[TRAIN_CASES];
    const pleat_source *sources[TRAIN_CASES];
    pleat_engine *engine;
    pleat_comm *alone;
    pleat_network network;
    pleat_graph graph;
    pleat_checkpoint described;
    pleat_train_config config;
    pleat_train_data data;
    int steps;   /* hooks called */
    int save_at; /* of them: then something asks to save; 0: never */
} train_fixture;

/* A cmocka test's: a folder of its own, the cases, the configuration; *state is the fixture. */
int train_set_up(void **state);
int train_tear_down(void **state);

/* Trains the fold in that folder, or resumes it. */
pleat_status train_fold(train_fixture *f, pleat_train_result *result);
/* Stops a run in the middle of its third epoch. */
void train_interrupt(train_fixture *f);
void train_empty_folder(void);

/* A file of the folder; the caller frees it. */
pleat_checkpoint train_checkpoint(const char *name);
/* An epoch of a history of the default loss. */
pleat_epoch train_row(const pleat_checkpoint *c, int epoch);
/* Two hold the same bits, but for seconds. */
void train_same(const pleat_checkpoint *a, const pleat_checkpoint *b);

#endif /* PLEAT_TESTS_SUPPORT_TRAIN_H */
