/*
 * progress.h - how far a run is: small files that its processes write, and what they tell.
 *
 *   RUN/progress.json          rank 0: preparation, loading, scoring, the report
 *   RUN/fold_K/progress.json   the first rank of the group that computes fold K
 *
 * A thread of its own writes such a file every `progress` seconds, so that neither a slow file
 * system nor a long step holds anything up; the file is replaced whole, and not synced, because it
 * says nothing that a run needs. Rank 0 reads those of the other groups and logs a line for each
 * fold under way, or keeps a table on the terminal; `pleat status RUN` reads the same files, from
 * any machine that sees them. What a file says is as old as `written_s`: a process that was killed
 * does not say so.
 */
#ifndef PLEAT_PROGRESS_H
#define PLEAT_PROGRESS_H

#include "pleat/comm.h"
#include "pleat/file.h"
#include "pleat/terminal.h"
#include "pleat/train.h"

#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_PROGRESS_LOSSES 48 /* of a fold's epochs, spread over all of them */

typedef enum pleat_phase {
    PLEAT_PHASE_WAITING, /* not begun */
    PLEAT_PHASE_WORKING, /* on items that `what` names: prep, load, score */
    PLEAT_PHASE_TRAINING,
    PLEAT_PHASE_VALIDATION,
    PLEAT_PHASE_PREDICTING,
    PLEAT_PHASE_STOPPED, /* `what` says why; checkpointed */
    PLEAT_PHASE_FAILED,
    PLEAT_PHASE_TRAINED, /* and not to be predicted */
    PLEAT_PHASE_FINISHED,
    PLEAT_PHASES
} pleat_phase;

typedef struct pleat_progress_state { /* of a fold, or of what is done before and after folds */
    pleat_phase phase;
    char what[512];    /* items, or why it ended */
    int epoch, epochs; /* finished; at most */
    int step, steps;   /* of the epoch under way */
    int n_losses;      /* of `losses` */
    double loss;       /* of its steps so far, else of the last epoch; NaN: none */
    double patches_s;  /* patches a second, by all ranks of the fold; 0: not known */
    double step_s;     /* seconds a step, with its share of validation and files; 0: not known */
    int done, total;   /* items: cases that are predicted */
    double case_s;     /* seconds a case, by all ranks of the fold; 0: not known */
    double left_s;     /* of WORKING; < 0: not known */
    double begun_s;    /* seconds since 1970 */
    double written_s;  /* the same */
    double every_s;    /* it is written so often */
    char host[64];     /* of the process that writes, */
    int64_t process;   /* its number, */
    char job[64];      /* and its batch job, such as "slurm 17_3"; "": none */
    double losses[PLEAT_PROGRESS_LOSSES];
} pleat_progress_state;

/* "training", "stopped" */
const char *pleat_phase_name(pleat_phase phase);
/* Somebody is at it, if the file is not too old. */
int pleat_phase_is_active(pleat_phase phase);

/* Whole, or not at all. ERR_IO, ERR_MEMORY. */
pleat_status pleat_progress_write(const char *path, const pleat_progress_state *state);
/* ERR_NOT_FOUND, ERR_FORMAT, ERR_IO, ERR_MEMORY. */
pleat_status pleat_progress_read(const char *path, pleat_progress_state *out);

typedef struct pleat_progress_view { /* of a run, now */
    char run[PLEAT_PATH_BYTES];
    int folds;
    int begin, end;             /* folds [begin, end) are to be computed: all, or one */
    pleat_progress_state *fold; /* [folds] */
    pleat_progress_state whole;
    double now_s;  /* seconds since 1970 */
    double left_s; /* of the run; < 0: not known */
} pleat_progress_view;

/* Reads a run's files: at most two of each fold that was not finished when it last looked. `only`
 * >= 0: this fold's alone. *view is all zero before the first time, and keeps what it has read. */
pleat_status pleat_progress_look(const char *run, int folds, int only, pleat_progress_view *view);
void pleat_progress_free(pleat_progress_view *view);

/* Seconds since a process has last been heard of, and whether that is too long for one at work:
 * three times its period, and a minute. */
double pleat_progress_age(const pleat_progress_view *view, const pleat_progress_state *state);
int pleat_progress_is_silent(const pleat_progress_view *view, const pleat_progress_state *state);
/* Seconds until this fold's end; of one not begun, by what the others took. < 0: not known. */
double pleat_progress_left(const pleat_progress_view *view, int fold);
/* Fills view->left_s: the folds not begun go one after another to whoever is first free, of as many
 * as are at work now. */
void pleat_progress_plan(pleat_progress_view *view);

/* The table: at most `terminal->rows` - 1 lines of at most `terminal->columns` - 1 characters. rows
 * 0: all lines, and texts are not cut. */
void pleat_progress_table(const pleat_progress_view *view, const pleat_terminal *terminal,
                          char *out, size_t size);
/* "fold=2 epoch=3/10 step=7/150 loss=0.4321 1.52 patch/s, 12 min left, of the run 1 h 20 min left,
 * as of 29 s ago"; without its age where that is below 5 s. */
void pleat_progress_line(const pleat_progress_view *view, int fold, char *out, size_t size);
/* Everything, as JSON; docs/cli.md. ERR_MEMORY, ERR_IO. */
pleat_status pleat_progress_print_json(FILE *out, const pleat_progress_view *view);

/* --- who writes and shows ----------------------------------------------------------------------
 */

typedef struct pleat_monitor pleat_monitor;

/* Collective over `world`, whose rank 0 shows what it sees. every_s 0: *out is NULL. Functions that
 * take a monitor take NULL, and then do nothing; but for open none is collective, and none waits
 * for a file. ERR_MEMORY; a file that cannot be written is not an error. */
pleat_status pleat_monitor_open(pleat_comm *world, const char *run, int folds, int only,
                                double every_s, pleat_monitor **out);
/* `status` is what has come of the run; its message is the last. */
void pleat_monitor_close(pleat_monitor *monitor, pleat_status status);

/* On the rank that speaks for a fold: it begins; a step is made; `done` of `total` cases are
 * predicted; it ends. */
void pleat_monitor_fold(pleat_monitor *monitor, int fold, int batch, int cases);
void pleat_monitor_step(pleat_monitor *monitor, const pleat_train_now *now);
void pleat_monitor_cases(pleat_monitor *monitor, int done);
void pleat_monitor_end(pleat_monitor *monitor, pleat_phase phase, const char *why);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_PROGRESS_H */
