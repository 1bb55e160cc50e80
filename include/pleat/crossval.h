/*
 * crossval.h - a whole cross-validation: NIfTI in, one report out.
 *
 *   all ranks   prepare the cases into the store, split them into folds
 *   groups      take folds from the queue: train, predict the cases the fold held out, score them
 *   rank 0      reads the scores of all folds and writes one report
 *
 * The files of a run: pleat/rundir.h.
 *
 * What is finished is skipped on a re-run; what is not goes on from its latest checkpoint. A case
 * that has changed since is refused by name, unless `redo` asks for the folds that it touches. A
 * signal or the end of its time (pleat/halt.h) ends a run at a checkpoint with ERR_REQUEUE or
 * ERR_INTERRUPTED; a file RUN/STOP ends it after an epoch, with OK.
 */
#ifndef PLEAT_CROSSVAL_H
#define PLEAT_CROSSVAL_H

#include "pleat/config.h"
#include "pleat/file.h"
#include "pleat/page.h"
#include "pleat/results.h"
#include "pleat/session.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_run_options {
    const char *out;     /* the run's folder */
    const char *command; /* as typed, for the record */
    int only_fold; /* -1: all; else this one alone; the report is over the folds that have scores */
    int train_only; /* no predictions, no scores */
    int dry_run;    /* print who trains what, and stop */
    int verbose;    /* all scores in the table */
    int redo; /* do again the folds that a changed case touches; else such a case is refused */
    double max_time; /* seconds after which it leaves, to be started again; 0: no limit */
} pleat_run_options;

/* Collective over the session's world. */
pleat_status pleat_crossval_run(pleat_session *session, const pleat_config *config,
                                const pleat_run_options *options);

typedef struct pleat_rescore {     /* the predictions are to be scored again, by */
    const char *const *assignment; /* [n] "report.surface=medpy": over the run's configuration */
    int n;
} pleat_rescore;

typedef struct pleat_report_options {
    const pleat_rescore *anew;      /* NULL: the scores are those that the folds have */
    int verbose;                    /* all scores in the tables */
    const pleat_page_options *page; /* NULL: as usual */
    const pleat_config *drawn;      /* its report.figures and .pictures; NULL: the run's own */
} pleat_report_options;

/* Reads what the finished folds of a run scored, or with `anew` scores their predictions again,
 * writes the report and prints the tables. One rank. ERR_NOT_FOUND when no fold has finished, after
 * a page that says how far they are; missing folds are named in the log. ERR_DATA names a case that
 * is not, in the data folder or between two folds, what it was. */
pleat_status pleat_crossval_report(const char *folder, const pleat_report_options *options);

/* Compares a run with what its run.json says of it, and writes nothing: its inputs, where they are
 * there, its store, splits, configuration and files. Prints what was compared. ERR_DATA,
 * ERR_FORMAT and ERR_NOT_FOUND name the first difference. */
pleat_status pleat_crossval_check(const char *folder);

/* The configuration a run was begun with, by its config.yaml, or where that is lost by its
 * run.json; the defaults where the folder has neither. ERR_NOT_FOUND: run.json has no whole copy.
 */
pleat_status pleat_run_config(const char *folder, pleat_config *out);

/* What the finished folds of a run scored; freed by the caller, also after a failure. Errors as of
 * the report. */
pleat_status pleat_crossval_results(const char *folder, pleat_results *out);

/* What a run's run.json says: where, by what and for what it was last started. */
typedef struct pleat_record {
    char version[32], command[2048], started[32], host[64];
    char commit[32], libraries[512]; /* "": not known */
    char digest[17];                 /* of the resolved configuration */
    char classes[PLEAT_CLASSES_BYTES];
    char engine[32], precision[16], device[128];
    char weights[64]; /* which checkpoint predicts, in words */
    uint64_t seed;
    int ranks, folds, cases;
    int repeats;  /* of the folds: so many times folds / repeats of them */
    int channels; /* of the images; 1 where run.json is older and does not say */
    /* "" where run.json is older: the data folder; digests of the folds, and of the settings that
     * may not change */
    char data[PLEAT_PATH_BYTES], splits[17], settings[17];
    char from[17]; /* digest of the weights that training begins with; "": random ones */
    int sealed;    /* it has a checksum, which is right */
} pleat_record;

/* ERR_NOT_FOUND when `run` has no run.json, ERR_FORMAT. */
pleat_status pleat_record_read(const char *run, pleat_record *out);
/* ERR_DATA when the run has no postprocessing.json, but had one by its run.json. */
pleat_status pleat_record_check_postprocessing(const char *run);
/* Whole seconds in which the ranks of a fold predicted and scored its cases, by its events.
 * ERR_NOT_FOUND when they have not. */
pleat_status pleat_run_prediction_seconds(const char *run, int fold, double *out);
/* Keeps the warnings of a run.json as if this process had said them (warn.h). */
pleat_status pleat_record_warnings(const char *run);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CROSSVAL_H */
