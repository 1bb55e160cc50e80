/*
 * journal.h - what a fold's training tells programs while it goes on.
 *
 *   FOLDER/events.jsonl               a line of JSON an event
 *   FOLDER/events.out.tfevents.*      the epochs' scalars for TensorBoard, a file a start
 *
 * Both are only ever appended to, by the one rank that leads the fold. They are for looking on:
 * nothing reads them back, and a journal that cannot be written is named in the log once and
 * does not end a run. After a kill, epochs that are made again appear again; half a line at the end
 * is taken away by the next start.
 */
#ifndef PLEAT_JOURNAL_H
#define PLEAT_JOURNAL_H

#include "pleat/history.h"

#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_journal pleat_journal;

/* NULL without memory; every function below takes NULL and then does nothing. */
pleat_journal *pleat_journal_open(const char *folder, int fold);
void pleat_journal_close(pleat_journal *journal);

/* {"time": "2026-01-31T12:00:00+0100", "event": EVENT, "fold": K, "epoch": E, "step": S, "text": T}
 * epochs finished; Adam updates made; `text` may be NULL. */
void pleat_journal_event(pleat_journal *journal, const char *event, int epoch, int64_t step,
                         const char *text);
/* The event "epoch" with the columns of history.tsv and "seconds", and TensorBoard's scalars. */
void pleat_journal_epoch(pleat_journal *journal, int epoch, int64_t step, const pleat_loss *loss,
                         const pleat_epoch *row);

/* --- TensorBoard's files: TFRecords of Event messages; src/run/tensorboard.c --- */

typedef struct pleat_scalar {
    const char *name; /* "train/loss"; at most 63 bytes */
    double value;
} pleat_scalar;

/* The record every file begins with. `time_s`: seconds since 1970. */
void pleat_tensorboard_begin(FILE *file, double time_s);
/* The scalars of one step; values that are not a number are left out. */
void pleat_tensorboard_scalars(FILE *file, double time_s, int64_t step, const pleat_scalar *scalars,
                               int n);
/* CRC-32C (Castagnoli; RFC 3720), seed 0. */
uint32_t pleat_crc32c(const void *bytes, size_t n);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_JOURNAL_H */
