/*
 * tables.h - case results sorted and summarised once, for every file and print of a report.
 */
#ifndef PLEAT_EVAL_TABLES_H
#define PLEAT_EVAL_TABLES_H

#include "pleat/report.h"

#define PLEAT_ALL_FOLDS (-1)

typedef struct pleat_tables_column { /* of cv_results.final.csv */
    const char *name;
    int from[2]; /* mean of these two classes; a plain column names one class twice */
} pleat_tables_column;

typedef struct pleat_tables {
    int n, folds, classes, columns;
    const char *const *class_names;  /* [classes], the caller's */
    const pleat_case_result **order; /* [n], the caller's results by id */
    int *cases;                      /* [folds] */
    pleat_summary *summary;          /* [1 + folds][PLEAT_SCORES][classes], all first */
    pleat_tables_column column[PLEAT_MAX_CLASSES]; /* [columns] */
} pleat_tables;

/* Checks the results and fills *out, to be freed; errors as pleat_report_write. */
pleat_status pleat_tables_make(const pleat_case_result *results, int n,
                               const char *const *class_names, int classes, int folds,
                               pleat_tables *out);
void pleat_tables_free(pleat_tables *tables);

/* Over the cases of one fold, or of PLEAT_ALL_FOLDS. */
const pleat_summary *pleat_tables_at(const pleat_tables *t, int fold, pleat_score score, int c);

/* nnU-Net's foreground mean: the plain mean of the means of classes 1 .. classes-1. */
double pleat_tables_foreground(const pleat_tables *t, int fold, pleat_score score);

/* A field of cv_results.final.csv, and the original's headline: its mean over the folds. */
double pleat_tables_final(const pleat_tables *t, int fold, pleat_score score, int column);
double pleat_tables_headline(const pleat_tables *t, pleat_score score, int column);

/* The scores in the order of the final file, by name: Acc, DSC, IoU, Prec, Sens, Spec. */
pleat_score pleat_tables_by_name(int i);

/* The two CSV files. ERR_IO, ERR_MEMORY. */
pleat_status pleat_tables_write_detailed(const pleat_tables *t, const char *path);
pleat_status pleat_tables_write_final(const pleat_tables *t, const char *path);

/* A JSON string of `s`, null of NULL. JSON is UTF-8: text that is not (a path, say) keeps its ASCII
 * and shows '?' for the rest. NULL when memory is out. */
struct json_t *pleat_tables_text(const char *s);

/* summary.json. ERR_IO, ERR_MEMORY. */
pleat_status pleat_tables_write_summary(const pleat_tables *t, const pleat_report_info *info,
                                        const char *path);

#endif /* PLEAT_EVAL_TABLES_H */
