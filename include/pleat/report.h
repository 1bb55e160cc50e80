/*
 * report.h - from results to the files and the table a user reads.
 *
 *   fold_K/scores.json         exact counts of one finished fold, and the scores that do not follow
 *                              from them, the cases it trained on, and a checksum; what a re-run
 *                              reads back
 *   fold_K/scores.csv          its scores, for people
 *   cv_results.detailed.csv    index,score,<classes>: the original's six rows per case
 *   cv_results.final.csv       medians of each fold; the lungs are joined when the classes are the
 *                              original's four (background, lung_L, lung_R, infection)
 *   summary.json               nnU-Net's keys over all cases, and ours beside them: all scores
 *
 * Cases are sorted by id. An undefined score (metrics.h) is an empty field in CSV, null in JSON,
 * "-" in print, and is skipped by every mean, deviation and median. Each file is written whole.
 */
#ifndef PLEAT_REPORT_H
#define PLEAT_REPORT_H

#include "pleat/provenance.h"
#include "pleat/results.h"

#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What made the numbers; goes into summary.json as "run". A NULL text becomes null. */
typedef struct pleat_report_info {
    const char *version, *command, *config_digest;
    const char *engine, *precision; /* "onednn", "bf16" */
    const char *weights;            /* the rule that chose them: "best by training loss" */
    uint64_t seed;
} pleat_report_info;

/* FOLDER/scores.csv, then FOLDER/scores.json, of the results of one fold, at least one; the folder
 * exists, and its history.tsv is as it will stay. `cases` (may be NULL): the text of provenance.h.
 * ERR_ARG when results do not belong together, ERR_DATA when a case comes twice, ERR_IO. */
pleat_status pleat_report_write_fold(const char *folder, const pleat_results *results,
                                     const char *cases);

/* Adds the cases of FOLDER/scores.json in order of id. A score that the file lacks and that does
 * not follow from the counts stays NaN. ERR_NOT_FOUND when the fold has none, ERR_FORMAT naming
 * what is wrong: the checksum, counts that do not add up to the volume, a case that is missing,
 * another history.tsv; ERR_DATA when it is another fold's or of other classes. *cases (may be NULL)
 * are those the fold is of; empty where the file is older and does not say. To be freed. */
pleat_status pleat_report_read_fold(const char *folder, int fold, pleat_results *results,
                                    pleat_provenance *cases);

/* The cases that FOLDER/scores.json says the fold is of, alone; empty where it does not say.
 * ERR_NOT_FOUND, ERR_FORMAT. To be freed. */
pleat_status pleat_report_read_cases(const char *folder, pleat_provenance *out);

/* The two CSV files and summary.json, the cases in any order (a fold without cases is left out).
 * Errors as pleat_report_write_fold. */
pleat_status pleat_report_write(const char *folder, const pleat_results *results,
                                const pleat_report_info *info);

typedef struct pleat_report_variant { /* the same cases by another method */
    const char *name;
    const pleat_results *results;
} pleat_report_variant;

/* FOLDER/ablation.csv: a row per score and class, a column per variant[n], medians over the cases;
 * FOLDER/ablation.detailed.csv: every case. Prints the first score's medians. All variants have the
 * classes and scores of the first. Errors as pleat_report_write. */
pleat_status pleat_report_compare(FILE *out, const char *folder,
                                  const pleat_report_variant *variants, int n);

/* The table: per class the first score, Dice, of each fold, then mean, SD, median and the number of
 * undefined cases over all; `verbose`: all scores. One fold alone gets no row of its own. Then the
 * warnings (warn.h) that this process has kept, as summary.json has them. */
pleat_status pleat_report_print(FILE *out, const pleat_results *results, int verbose);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_REPORT_H */
