/*
 * history.h - what a fold's training logged, one row an epoch, as the original writes it.
 *
 *   history.tsv   tab-separated, epoch from 1: loss, tversky_loss, dice_soft, dice_crossentropy,
 *                 the same with val_, lr
 *   logs.csv      Keras' CSVLogger: epoch from 0, columns in alphabetical order
 */
#ifndef PLEAT_HISTORY_H
#define PLEAT_HISTORY_H

#include "pleat/checkpoint.h"
#include "pleat/loss.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_epoch { /* one row; PLEAT_HISTORY_COLUMNS doubles */
    double loss, tversky, dice_soft, dice_crossentropy;
    double val_loss, val_tversky, val_dice_soft, val_dice_crossentropy; /* NaN: not validated */
    double lr;                                                          /* used in this epoch */
    double seconds; /* training and validation */
} pleat_epoch;

_Static_assert(sizeof(pleat_epoch) == PLEAT_HISTORY_COLUMNS * sizeof(double), "history columns");

/* Both files in `folder`, whole, atomically. */
pleat_status pleat_history_write(const char *folder, const pleat_epoch *rows, int n);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_HISTORY_H */
