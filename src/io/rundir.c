/* rundir.c - the names of a run's files, as tables. */
#include "pleat/rundir.h"

static const char *const run_files[] = {
    [PLEAT_RUN_CONFIG] = "config.yaml",
    [PLEAT_RUN_SUGGESTED] = "suggested.yaml",
    [PLEAT_RUN_RECORD] = "run.json",
    [PLEAT_RUN_SPLITS] = "splits_final.json",
    [PLEAT_RUN_STOP] = "STOP",
    [PLEAT_RUN_LOGS] = "log",
    [PLEAT_RUN_STORE] = "store",
    [PLEAT_RUN_STORE_RAW] = "store-raw",
    [PLEAT_RUN_DETAILED] = "cv_results.detailed.csv",
    [PLEAT_RUN_FINAL] = "cv_results.final.csv",
    [PLEAT_RUN_SUMMARY] = "summary.json",
    [PLEAT_RUN_SCORES] = "scores.csv",
    [PLEAT_RUN_STATISTICS] = "statistics.csv",
    [PLEAT_RUN_STATISTICS_JSON] = "statistics.json",
    [PLEAT_RUN_FIGURES] = "figures",
    [PLEAT_RUN_REPORT] = "report",
    [PLEAT_RUN_PAGE] = "report/report.html",
    [PLEAT_RUN_POSTPROCESSING] = "postprocessing.json",
    [PLEAT_RUN_LABELS_ITKSNAP] = "labels.itksnap.txt",
    [PLEAT_RUN_LABELS_SLICER] = "labels.ctbl",
    [PLEAT_RUN_METHODS] = "methods.md",
    [PLEAT_RUN_CRATE] = "ro-crate-metadata.json",
    [PLEAT_RUN_DATASET] = "dataset_description.json",
    [PLEAT_RUN_PROGRESS] = "progress.json",
    [PLEAT_RUN_ABLATION] = "ablation.csv",
    [PLEAT_RUN_ABLATION_DETAILED] = "ablation.detailed.csv",
};

static const char *const fold_files[] = {
    [PLEAT_FOLD_BEST] = "checkpoint_best.h5", [PLEAT_FOLD_LATEST] = "checkpoint_latest.h5",
    [PLEAT_FOLD_HISTORY] = "history.tsv",     [PLEAT_FOLD_KERAS_LOG] = "logs.csv",
    [PLEAT_FOLD_EVENTS] = "events.jsonl",     [PLEAT_FOLD_TENSORBOARD] = "events.out.tfevents",
    [PLEAT_FOLD_PREDICTIONS] = "predictions", [PLEAT_FOLD_TABLE] = "scores.csv",
    [PLEAT_FOLD_SCORES] = "scores.json",      [PLEAT_FOLD_FELL_BACK] = "fell_back.txt",
    [PLEAT_FOLD_RENEWED] = "renewed.txt",     [PLEAT_FOLD_PROGRESS] = "progress.json",
};

static const struct {
    const char *name, *what;
    pleat_fold_file file;
} weights_rows[] = {
    [PLEAT_WEIGHTS_BEST] = {"best", "best by training loss", PLEAT_FOLD_BEST},
    [PLEAT_WEIGHTS_LATEST] = {"latest", "last epoch", PLEAT_FOLD_LATEST},
};

const char *pleat_run_file_name(pleat_run_file file) { return run_files[file]; }
const char *pleat_fold_file_name(pleat_fold_file file) { return fold_files[file]; }

pleat_status pleat_run_path(const char *run, pleat_run_file file, char out[PLEAT_PATH_BYTES]) {
    return pleat_path(out, PLEAT_PATH_BYTES, "%s/%s", run, run_files[file]);
}

pleat_status pleat_run_log(const char *run, int rank, char out[PLEAT_PATH_BYTES]) {
    return pleat_path(out, PLEAT_PATH_BYTES, "%s/%s/rank-%04d.log", run, run_files[PLEAT_RUN_LOGS],
                      rank);
}

pleat_status pleat_fold_folder(const char *run, int fold, char out[PLEAT_PATH_BYTES]) {
    return pleat_path(out, PLEAT_PATH_BYTES, "%s/fold_%d", run, fold);
}

pleat_status pleat_fold_path(const char *folder, pleat_fold_file file, char out[PLEAT_PATH_BYTES]) {
    return pleat_path(out, PLEAT_PATH_BYTES, "%s/%s", folder, fold_files[file]);
}

pleat_status pleat_run_fold_path(const char *run, int fold, pleat_fold_file file,
                                 char out[PLEAT_PATH_BYTES]) {
    char folder[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_fold_folder(run, fold, folder));
    return pleat_fold_path(folder, file, out);
}

pleat_status pleat_labels_path(const char *folder, const char *id, char out[PLEAT_PATH_BYTES]) {
    return pleat_path(out, PLEAT_PATH_BYTES, "%s/%s.nii.gz", folder, id);
}

const char *pleat_weights_name(int weights) {
    const int n = sizeof weights_rows / sizeof *weights_rows;
    return weights < n ? weights_rows[weights].name : NULL;
}

const char *pleat_weights_what(int weights) { return weights_rows[weights].what; }

pleat_fold_file pleat_weights_file(int weights) { return weights_rows[weights].file; }
