/*
 * measured.h - scores as a file has them, of pleat or of another tool.
 *
 *   statistics.json           of pleat
 *   summary.json              of pleat and of nnU-Net (version 2), whose Dice is DSC
 *   case,class,score,value    CSV, other columns aside: pleat's scores.csv
 *   index,score,CLASS,...     CSV: cv_results.detailed.csv
 *   case,[class,]SCORE,...    CSV: a row per case, or per case and class; without classes: "1"
 *
 * A case of a repeated cross-validation stands there once for each fold that evaluated it.
 *
 * How many voxels a class has in the truth is kept too, where a file says it, as the score n_ref of
 * nnU-Net: sets that are compared must be of one truth.
 *
 * The column of cases may also be called id, index, name or subject, or be the first. A case's name
 * of a path is its file without endings. A word is undefined; what is spelt as no decimal number is
 * ("0,5", "50 %", "0x1") is refused, and so is a score out of its range.
 */
#ifndef PLEAT_MEASURED_H
#define PLEAT_MEASURED_H

#include "pleat/results.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_TRUTH_VOXELS "n_ref"

typedef struct pleat_name_list {
    char **name; /* [n], owned */
    int n, room;
} pleat_name_list;

typedef struct pleat_measurement {
    int score, label, at; /* places in the lists: of score, class and case */
    int definition;       /* in theirs; "": not known */
    int fold;             /* that evaluated it; -1: not known */
    int order;            /* in which it was added */
    double x;
} pleat_measurement;

typedef struct pleat_measured {
    pleat_name_list cases, classes, scores, definitions; /* cases by name, once all are read */
    pleat_measurement *list;                             /* [n], owned */
    int n, room;
    int fold; /* of what is added next */
} pleat_measured;

/* A case that several folds have evaluated, as in a repeated cross-validation, has the mean of each
 * score. ERR_NOT_FOUND; ERR_FORMAT naming file, line and what is wrong, or where no value is a
 * number; ERR_DATA of an impossible score, and when one fold has two values of one. Freed by the
 * caller. */
pleat_status pleat_measured_read(const char *path, pleat_measured *out);
/* Of a run's results; of repeats the mean over them, case by case. */
pleat_status pleat_measured_results(const pleat_results *results, pleat_measured *out);

void pleat_measured_free(pleat_measured *measured); /* an empty one may be freed again */

/* Of a list; -1: it is not there. */
int pleat_names_find(const pleat_name_list *list, const char *name);

/* pleat's name of a score that nnU-Net calls `name`; else the name itself. */
const char *pleat_measured_score(const char *name);

/* ERR_DATA of a number that the score, if it is one of pleat's, cannot be: a share is 0 to 1, a
 * distance no less than 0. `where`: "'a.csv' line 2, column 'value'". */
pleat_status pleat_measured_range(const char *where, const char *score, double x);

/* For readers: one number more; `definition` may be "". ERR_MEMORY. */
pleat_status pleat_measured_add(pleat_measured *m, const char *id, const char *class_name,
                                const char *score, const char *definition, double x);
pleat_status pleat_measured_csv(const char *path, const char *text, size_t n, pleat_measured *out);
pleat_status pleat_measured_json(const char *path, const char *text, size_t n, pleat_measured *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_MEASURED_H */
