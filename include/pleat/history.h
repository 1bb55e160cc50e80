/*
 * history.h - what a fold's training logged, one row an epoch, as the original writes it.
 *
 *   history.tsv   tab-separated, epoch from 1: the loss's metrics, the same with val_, lr
 *   logs.csv      Keras' CSVLogger: epoch from 0, the same columns in alphabetical order
 */
#ifndef PLEAT_HISTORY_H
#define PLEAT_HISTORY_H

#include "pleat/losses.h"
#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_epoch {
    double train[PLEAT_MOST_METRICS], val[PLEAT_MOST_METRICS]; /* NaN: not validated */
    double lr;                                                 /* used in this epoch */
    double seconds;                                            /* training and validation */
} pleat_epoch;

/* A row of a checkpoint's history: metrics, the same in validation, lr, seconds. */
void pleat_epoch_pack(const pleat_epoch *epoch, int metrics, double *row);
void pleat_epoch_unpack(const double *row, int metrics, pleat_epoch *epoch);

/* Both files in `folder`, whole, atomically: n rows of the metrics of `loss`. */
pleat_status pleat_history_write(const char *folder, const pleat_loss *loss,
                                 const pleat_epoch *rows, int n);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_HISTORY_H */
