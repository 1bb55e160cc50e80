/*
 * report.h - from the counts of every case to the files and the table a user reads.
 *
 * One flat array of case results is all there is; everything else is derived from it:
 *
 *   fold_K/scores.json         exact counts of one finished fold; what a re-run reads back
 *   fold_K/scores.csv          its six scores, for people
 *   cv_results.detailed.csv    index,score,<classes>: six rows per case
 *   cv_results.final.csv       medians of each fold; the lungs are joined when the classes are the
 *                              original's four (background, lung_L, lung_R, infection)
 *   summary.json               nnU-Net's keys over all cases, and ours beside them
 *
 * Cases are sorted by id. An undefined score (metrics.h) is an empty field in CSV, null in JSON,
 * "-" in print, and is skipped by every mean, deviation and median. Each file is written whole.
 */
#ifndef PLEAT_REPORT_H
#define PLEAT_REPORT_H

#include "pleat/metrics.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* No pointers inside, so an array of these may be sent from rank to rank as bytes. */
typedef struct pleat_case_result {
    char id[128];
    int fold; /* the fold whose model, which never saw the case, predicted it; from 0 */
    int classes;
    pleat_counts counts[PLEAT_MAX_CLASSES]; /* [classes] */
    char prediction[512], reference[512];   /* paths of the two label maps */
} pleat_case_result;

/* What made the numbers; goes into summary.json as "run". A NULL text becomes null. */
typedef struct pleat_report_info {
    const char *version, *command, *config_digest;
    const char *engine, *precision; /* "onednn", "bf16" */
    const char *weights;            /* the rule that chose them: "best by training loss" */
    uint64_t seed;
} pleat_report_info;

/* FOLDER/scores.csv, then FOLDER/scores.json, of n >= 1 results of one fold; the folder exists.
 * class_names[classes]. ERR_ARG when results do not belong together, ERR_DATA when a case comes
 * twice, ERR_IO. */
pleat_status pleat_report_write_fold(const char *folder, const pleat_case_result *results, int n,
                                     const char *const *class_names, int classes);

/* Reads FOLDER/scores.json back: (*out)[*n] in order of id, freed by the caller. ERR_NOT_FOUND
 * when the fold has none, ERR_FORMAT naming what is wrong, ERR_DATA when it is another fold's. */
pleat_status pleat_report_read_fold(const char *folder, int fold, pleat_case_result **out, int *n);

/* The two CSV files and summary.json of results[n], n >= 1, in any order, folds 0 .. folds-1 (a
 * fold without results is left out). class_names[classes]. Errors as pleat_report_write_fold. */
pleat_status pleat_report_write(const char *folder, const pleat_case_result *results, int n,
                                const char *const *class_names, int classes, int folds,
                                const pleat_report_info *info);

typedef struct pleat_report_variant { /* the same cases by another method */
    const char *name;
    const pleat_case_result *results; /* [n] */
    int n;
} pleat_report_variant;

/* FOLDER/ablation.csv: a row per score and class, a column per variant, medians over the cases;
 * FOLDER/ablation.detailed.csv: every case. Prints the Dice's medians. Errors as
 * pleat_report_write. */
pleat_status pleat_report_compare(FILE *out, const char *folder,
                                  const pleat_report_variant *variants, int n,
                                  const char *const *class_names, int classes, int folds);

/* The table: per class the Dice of each fold, then mean, SD, median and the number of undefined
 * cases over all; `verbose`: all six scores. One fold alone gets no row of its own. */
pleat_status pleat_report_print(FILE *out, const pleat_case_result *results, int n,
                                const char *const *class_names, int classes, int folds,
                                int verbose);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_REPORT_H */
