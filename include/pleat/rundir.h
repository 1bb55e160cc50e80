/*
 * rundir.h - the folder of a run: where each of its files is.
 *
 *   RUN/ config.yaml  suggested.yaml  run.json  splits_final.json  STOP
 *        log/rank-NNNN.log
 *        store/                        the preprocessed cases, unless `store` names another folder
 *        fold_K/ checkpoint_best.h5  checkpoint_latest.h5  history.tsv  logs.csv
 *                events.jsonl  events.out.tfevents.*  predictions/CASE.nii.gz
 *                scores.csv  scores.json  fell_back.txt  progress.json
 *        cv_results.detailed.csv  cv_results.final.csv  summary.json
 *        scores.csv  statistics.csv  statistics.json  figures/  report/
 *        labels.itksnap.txt  labels.ctbl  methods.md  postprocessing.json
 *        ro-crate-metadata.json  dataset_description.json  progress.json
 *
 *   STUDY/ none/ augmentation/ preprocessing/ both/     of an ablation, each a RUN
 *          store/  store-raw/  ablation.csv  ablation.detailed.csv  figures/
 *
 * Paths longer than PLEAT_PATH_BYTES are ERR_ARG. What the files hold: docs/cli.md, docs/store.md.
 */
#ifndef PLEAT_RUNDIR_H
#define PLEAT_RUNDIR_H

#include "pleat/file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of RUN or STUDY. */
typedef enum pleat_run_file {
    PLEAT_RUN_CONFIG,
    PLEAT_RUN_SUGGESTED, /* suggested.yaml: what `run --suggest` began with */
    PLEAT_RUN_RECORD,    /* run.json: a folder that has it is a run */
    PLEAT_RUN_SPLITS,
    PLEAT_RUN_STOP,
    PLEAT_RUN_LOGS, /* the folder */
    PLEAT_RUN_STORE,
    PLEAT_RUN_STORE_RAW, /* of cases that are not preprocessed */
    PLEAT_RUN_DETAILED,
    PLEAT_RUN_FINAL,
    PLEAT_RUN_SUMMARY,
    PLEAT_RUN_SCORES,          /* scores.csv: every score of every case */
    PLEAT_RUN_STATISTICS,      /* statistics.csv */
    PLEAT_RUN_STATISTICS_JSON, /* statistics.json */
    PLEAT_RUN_FIGURES,         /* the folder */
    PLEAT_RUN_REPORT,          /* the folder of the page and its pictures */
    PLEAT_RUN_PAGE,            /* report/report.html */
    PLEAT_RUN_POSTPROCESSING,  /* postprocessing.json: chosen on the cross-validation */
    PLEAT_RUN_LABELS_ITKSNAP,  /* labels.itksnap.txt: names and colours of the classes */
    PLEAT_RUN_LABELS_SLICER,   /* labels.ctbl */
    PLEAT_RUN_METHODS,         /* methods.md: for a paper */
    PLEAT_RUN_CRATE,           /* ro-crate-metadata.json */
    PLEAT_RUN_DATASET,         /* dataset_description.json, of BIDS */
    PLEAT_RUN_PROGRESS,        /* progress.json: of what is done before and after folds */
    PLEAT_RUN_ABLATION,
    PLEAT_RUN_ABLATION_DETAILED
} pleat_run_file;

/* Of RUN/fold_K. */
typedef enum pleat_fold_file {
    PLEAT_FOLD_BEST,   /* the model of the lowest training loss */
    PLEAT_FOLD_LATEST, /* everything, after the last epoch or step that was saved */
    PLEAT_FOLD_HISTORY,
    PLEAT_FOLD_KERAS_LOG,   /* logs.csv */
    PLEAT_FOLD_EVENTS,      /* events.jsonl */
    PLEAT_FOLD_TENSORBOARD, /* the beginning of the name: .TIME.HOST.PID follow */
    PLEAT_FOLD_PREDICTIONS, /* the folder */
    PLEAT_FOLD_TABLE,       /* scores.csv */
    PLEAT_FOLD_SCORES,      /* scores.json; written last: the fold is finished */
    PLEAT_FOLD_FELL_BACK,   /* fell_back.txt: training once went on from the checkpoint before */
    PLEAT_FOLD_RENEWED,     /* renewed.txt: made again since run.json got their digests */
    PLEAT_FOLD_PROGRESS     /* progress.json: how far it is; progress.h */
} pleat_fold_file;

/* The names alone: "run.json", "scores.json". */
const char *pleat_run_file_name(pleat_run_file file);
const char *pleat_fold_file_name(pleat_fold_file file);

/* RUN/file */
pleat_status pleat_run_path(const char *run, pleat_run_file file, char out[PLEAT_PATH_BYTES]);
/* RUN/log/rank-NNNN.log */
pleat_status pleat_run_log(const char *run, int rank, char out[PLEAT_PATH_BYTES]);

/* RUN/fold_K; in such a folder; and both at once. */
pleat_status pleat_fold_folder(const char *run, int fold, char out[PLEAT_PATH_BYTES]);
pleat_status pleat_fold_path(const char *folder, pleat_fold_file file, char out[PLEAT_PATH_BYTES]);
pleat_status pleat_run_fold_path(const char *run, int fold, pleat_fold_file file,
                                 char out[PLEAT_PATH_BYTES]);

/* FOLDER/CASE.nii.gz: a label map, of a fold's predictions or of `pleat predict`. */
pleat_status pleat_labels_path(const char *folder, const char *id, char out[PLEAT_PATH_BYTES]);

/* Which of a fold's checkpoints predicts: train.weights. */
typedef enum pleat_weights { PLEAT_WEIGHTS_BEST, PLEAT_WEIGHTS_LATEST } pleat_weights;

const char *pleat_weights_name(int weights); /* "best", "latest"; NULL after the last */
const char *pleat_weights_what(int weights); /* "best by training loss" */
pleat_fold_file pleat_weights_file(int weights);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_RUNDIR_H */
