/* run_impl.h - what the parts of a run share: set-up (crossval.c), one fold (fold.c), records. */
#ifndef PLEAT_RUN_IMPL_H
#define PLEAT_RUN_IMPL_H

#include "pleat/cases.h"
#include "pleat/checkpoint.h"
#include "pleat/crossval.h"
#include "pleat/folds.h"
#include "pleat/halt.h"
#include "pleat/needs.h"
#include "pleat/pool.h"
#include "pleat/progress.h"
#include "pleat/queue.h"
#include "pleat/report.h"
#include "pleat/rundir.h"
#include "pleat/store.h"
#include "pleat/train.h"

/* What is learnt from; dataset.c. */
typedef struct pleat_dataset {
    pleat_cases cases;
    pleat_classes classes;
    uint32_t regions[256]; /* by the labels of the store: bit c-1 says that it is in region c */
    pleat_judging judging; /* how scores are computed */
    pleat_folds folds;     /* who holds out which case */
    char preprocessing[2048];
    char store_path[PLEAT_PATH_BYTES];
    pleat_store *store; /* in the order of the cases */
    pleat_pool *pool;
} pleat_dataset;

/* The cases and their classes, which `config` then holds too, and where the store of `run` is; then
 * the configuration is checked. Collective: rank 0 looks at the files. *out is all zero before. */
pleat_status pleat_dataset_find(pleat_comm *comm, pleat_config *config, const char *run,
                                pleat_dataset *out);
/* Where the store of `run` is. */
pleat_status pleat_dataset_store(const pleat_config *config, const char *run,
                                 char out[PLEAT_PATH_BYTES]);
/* The folds: those `run` began with, which folds.splits must not contradict, else those of
 * folds.splits, else drawn. */
pleat_status pleat_dataset_split(pleat_dataset *data, const pleat_config *config, const char *run);
/* Prepares what the store lacks, and opens it. Collective over the session's world. */
pleat_status pleat_dataset_open(pleat_dataset *data, const pleat_config *config,
                                pleat_session *session);
void pleat_dataset_close(pleat_dataset *data); /* also after a failure */

/* Of the fold: its cases as they are in the store. To be freed. */
pleat_status pleat_dataset_provenance(const pleat_dataset *data, int fold, pleat_provenance *out);

/* The cases of a data folder, each looked at once, when it is first asked for; unchanged.c. */
typedef struct pleat_looks pleat_looks;

pleat_status pleat_looks_begin(const pleat_case_paths *paths, int n, int orient, pleat_looks **out);
void pleat_looks_end(pleat_looks *looks); /* NULL is fine */
/* How many images and masks of `was` are no longer the same. The log names each once, `first` (""
 * before) is the first. Cases that are not there are passed by. Errors of reading the files. */
pleat_status pleat_looks_compare(pleat_looks *looks, const pleat_provenance *was, int *changed,
                                 char first[512]);
/* For a fold of an older pleat, which does not say which cases it is of: what the store of those
 * paths[n] that are in it was made of; who holds out what is not known. Warns, once. ERR_MEMORY,
 * ERR_IO; to be freed. */
pleat_status pleat_unchanged_older(const char *run, const char *store,
                                   const pleat_case_paths *paths, int n, pleat_provenance *out);
/* The same of the cases that two folds have in common; not logged. */
int pleat_provenance_changed(const pleat_provenance *a, const pleat_provenance *b, char first[512]);

/* Who computes a fold. */
typedef struct pleat_team {
    pleat_engine *engine; /* of this rank */
    pleat_comm *group;    /* the ranks of one fold */
    pleat_comm *compute;  /* the same ranks in the engine's memory; NULL: the group itself */
    pleat_queue *queue;   /* of the folds to do */
} pleat_team;

typedef struct pleat_crossval {
    pleat_session *session;
    pleat_config config; /* classes resolved, network.classes filled */
    const pleat_run_options *options;
    pleat_dataset data;
    pleat_team team;
    pleat_monitor *monitor;
    char from[17]; /* of pleat_record, by pleat_record_check */
    int extends;   /* epochs that the run had before, which are fewer now; 0: none */
    int *redo;     /* [folds] of rank 0, by pleat_redo_look: not 0, to be done again */
    pleat_lock *lock, *fold_lock; /* of the folder; of the only fold */
    char stop_file[PLEAT_PATH_BYTES];
    int fresh;      /* the folder has held no run; of rank 0, as these: */
    int had_splits; /* but folds, */
    int had_logs;   /* or logs */
    int trained;    /* folds were begun */
    size_t there;   /* so much of the folder's path was there before */
} pleat_crossval;

/* dry_run.c, for rank 0: prints data, folds and training, for which it opens the engine; then, once
 * they are counted, memory and disk. */
pleat_status pleat_dry_run_look(pleat_crossval *cv);
void pleat_dry_run_needs(const pleat_needs *needs);

/* begin.c: what a run cannot begin with is refused before it leaves a folder behind: output that is
 * another's, an engine that is not there. ERR_ARG, ERR_UNSUPPORTED. */
pleat_status pleat_begin_look(pleat_crossval *cv);
/* Collective, for a run that begins and for a dry run: all that pleat check finds in the data is
 * said, by the headers alone where the store has all cases. ERR_DATA of an error; errors of
 * pleat_check. */
pleat_status pleat_begin_check(const pleat_crossval *cv);
/* Makes the folder and locks it. ERR_BUSY, ERR_IO, ERR_ARG. */
pleat_status pleat_begin_enter(pleat_crossval *cv);
/* For rank 0 of a run that begins in a folder with a store of its own: cases there that are of
 * other preprocessing go. */
void pleat_begin_clear_store(const pleat_crossval *cv);
/* After the failure `why`, for all ranks: where the run has not trained, what it has written into
 * its folder goes, but for prepared cases. Not after a halt or the loss of a rank. */
void pleat_begin_undo(pleat_crossval *cv, pleat_status why);

/* What a GPU is used from `begin` on; on the CPU nothing is known and nothing asked. */
typedef struct pleat_gpu_usage {
    pleat_engine *engine;
    double begun_mj; /* its energy then; -1: not known */
    double busy;     /* per cent, the sum of `looks` */
    int looks;
    double celsius; /* the highest; -1: not known */
    double mhz;     /* of its clock, the sum of `clocks` looks */
    int clocks;
    double looked_s; /* pleat_now() of the last */
} pleat_gpu_usage;

pleat_gpu_usage pleat_gpu_usage_begin(pleat_engine *engine);
void pleat_gpu_usage_look(pleat_gpu_usage *usage); /* as often as one likes: asks once a second */
/* "41.20 Wh, GPU 97 % busy, at most 61 C, 1980 MHz", less what is not known. Returns `text`. */
const char *pleat_gpu_usage_text(const pleat_gpu_usage *usage, char *text, size_t size);

/* Why a fold is done again. */
enum { PLEAT_REDO_CHANGED = 1, PLEAT_REDO_LOST, PLEAT_REDO_LONGER };

/* For rank 0, before anything is done: marks in cv->redo, which it makes, the folds that are to be
 * done again: with options->redo those of cases that have changed; those with scores whose
 * predictions are no longer all there (without a model it warns); those with scores that can be
 * trained for more epochs. Changes nothing. ERR_DATA: without options->redo a fold is of other
 * cases than the data are now, or of others than the folds are; a finished one has not the files
 * that it was scored with; one that is to have more epochs has no whole checkpoint or model to go
 * on from. ERR_FORMAT: scores that were changed. redo.c */
pleat_status pleat_redo_look(pleat_crossval *cv);
/* Once nothing refuses the start any more: what was made of marked folds is taken away; where there
 * are to be more epochs, config.yaml and run.json say so. Collective; a dry run takes nothing. */
pleat_status pleat_redo_clear(pleat_crossval *cv);

/* Trains, predicts and scores one fold; collective over cv->group. *halt says why it was left
 * before its end, the same on all ranks of the group. */
pleat_status pleat_fold_run(pleat_crossval *cv, int fold, pleat_halt *halt);

/* What the finished folds of a run scored, in order of fold; freed by the caller, also after a
 * failure. ERR_NOT_FOUND when no fold has finished; missing folds are named in the log. ERR_DATA
 * when its folds are of different states of a case, or of others than `cases` (NULL: not known) or
 * splits_final.json say. */
pleat_status pleat_run_results(const char *folder, const pleat_record *record,
                               const pleat_cases *cases, pleat_results *out);
/* Of it the checks: of[folds] is what the folds with scores are of. unchanged.c */
pleat_status pleat_unchanged_folds(const char *folder, const pleat_results *results,
                                   const pleat_provenance *of);
pleat_status pleat_unchanged_data(const char *folder, const pleat_cases *cases, int orient,
                                  const pleat_provenance *of, int folds);

/* What the first fold of a run that has scores says of all cases; {0}: none says it. To be freed.
 * unchanged.c */
pleat_status pleat_run_provenance(const char *run, int folds, pleat_provenance *out);

/* The file of a case's prediction, where the run now is, else where it was made. rescore.c */
pleat_status pleat_run_prediction(const char *run, const pleat_case_result *one,
                                  char out[PLEAT_PATH_BYTES]);
/* Scores the predictions of `results` again, as report.* of `config` says, and puts that in their
 * place. Errors of pleat_score_files. */
pleat_status pleat_run_rescore(const char *run, const pleat_config *config, pleat_results *results);

/* The page of a run, also of one without scores (estimates NULL); `edited` is that of
 * pleat_record_edited, or NULL; options NULL: as usual. A data folder that cannot be read is
 * logged. Errors of pleat_page_write. page.c */
pleat_status pleat_run_page(const char *folder, const pleat_record *of, const pleat_config *config,
                            const pleat_estimates *estimates, const int *edited,
                            const pleat_page_options *options);

/* ERR_ARG naming the first case of the options, which may be NULL, that has no scores, and those
 * that have. page.c */
pleat_status pleat_run_page_check(const char *folder, const pleat_results *results,
                                  const pleat_page_options *page);

/* Writes and prints the report of a run from what its folds have scored; cases NULL: those of its
 * data are not known. ERR_DATA: files are not those of the run. run_report.c */
pleat_status pleat_run_write_report(const char *folder, const pleat_record *of,
                                    const pleat_cases *cases, const pleat_report_options *options);

/* Warns of each fold whose model labelled all held-out cases background, though they have more. */
void pleat_run_tell_empty(const pleat_results *results);

/* The cases of a run's data folder, without what the run itself has told of it; those that lack a
 * file are left out and logged. ERR_NOT_FOUND: the folder as a whole is not here. */
pleat_status pleat_unchanged_scan(const char *data, pleat_case_paths **paths, int *n);

/* How many cases of `of` are not among `cases`, and their names, as many as fit. */
enum { PLEAT_MISSING_BYTES = 400 };
int pleat_unchanged_missing(const pleat_cases *cases, const pleat_provenance *of,
                            char list[PLEAT_MISSING_BYTES]);
/* Warns of those of the run in `folder`. */
pleat_status pleat_unchanged_tell_missing(const char *folder, const pleat_record *record,
                                          const pleat_cases *cases);

/* ERR_ARG when the folder holds a run of another configuration, naming the first key that differs;
 * ERR_DATA when it is of images of another number of channels, or its folds are others, or what
 * training is to begin with does not fit. More epochs are allowed: cv->extends. */
pleat_status pleat_record_check(pleat_crossval *cv);
/* Of it what training is to begin with, for a run that begins; and whether this fits images of so
 * many channels. Errors of pleat_train_begin. */
pleat_status pleat_record_beginning(pleat_crossval *cv);
pleat_status pleat_record_begins(const pleat_config *config, int channels,
                                 pleat_train_beginning *out);
/* 1 where that has learnt images of another preprocessing; `out` says which, and what to do. */
int pleat_record_other_prep(const pleat_config *config, const pleat_train_beginning *of, char *out,
                            size_t size);
/* Of it the configuration alone, which needs no folds yet. */
pleat_status pleat_record_config(pleat_crossval *cv);
/* Makes a lost config.yaml again from run.json, and warns. Errors of pleat_run_config. */
pleat_status pleat_record_restore(const char *run);
/* config.yaml and run.json of a run that begins or goes on, and the warnings of its earlier
 * starts. */
pleat_status pleat_record_start(const pleat_crossval *cv);
/* Adds to run.json what has come up: the warnings that this rank has kept, and as `fell_back` the
 * folds whose training was once resumed from the checkpoint before its last; the last time the log
 * says these. For rank 0. */
pleat_status pleat_record_keep(const pleat_crossval *cv, int last);
/* Adds `places`, a line for each row of ranks on one host, to the run.json of a run that has
 * something to do. */
pleat_status pleat_record_places(const pleat_crossval *cv, const char *places);
/* "Open MPI 4.1.4, HDF5 1.10.8, ...", of this process. startup_log.c */
void pleat_run_libraries(char *out, size_t size);

/* Adds to run.json what has come of it, from the run's own files: digests of the inputs and of the
 * store, times of the folds, digests of the files that it wrote. outcome_json.c */
pleat_status pleat_record_outcome(const char *run, const pleat_config *config,
                                  const pleat_results *results);
/* edited[results->n]: 1 of a case whose prediction is not the file that was scored, by its digest
 * in run.json; one that is gone, or of which nothing is known, is not. Warns of them, together.
 * *any: there is one. */
pleat_status pleat_record_edited(const char *run, const pleat_results *results, int *edited,
                                 int *any);
/* ERR_DATA: of a fold with scores these, the history or `model` (a file's name; NULL: none) have
 * another digest than in run.json; of one without, the model has, though by its history the fold
 * has not been trained further since. What run.json does not say, is taken. */
pleat_status pleat_record_check_fold(const char *run, int fold, const char *model);
/* The same; and ERR_DATA where `model` does not carry the history of history.tsv, or the fold has
 * scores and its latest checkpoint was trained to the end of fewer epochs than the run has.
 * fold_files.c */
pleat_status pleat_fold_files_check(const char *run, int fold, const char *model);
/* The fold's files are made again from here on: what run.json says of them holds no longer, until
 * it says it anew. */
pleat_status pleat_record_renew(const char *run, int fold);
/* ro-crate-metadata.json and dataset_description.json; crate_json.c */
pleat_status pleat_crate_write(const char *run, const pleat_record *record);

/* Collective over the world: the log's first lines, of what runs where. */
pleat_status pleat_startup_log(const pleat_crossval *cv);

#endif /* PLEAT_RUN_IMPL_H */
