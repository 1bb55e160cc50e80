/*
 * tables.h - results sorted and summarised once, for every file and print of a report.
 */
#ifndef PLEAT_EVAL_TABLES_H
#define PLEAT_EVAL_TABLES_H

#include "pleat/report.h"
#include "pleat/statistics.h"

#define PLEAT_ALL_FOLDS (-1)

typedef struct pleat_tables_column { /* of cv_results.final.csv */
    const char *name;
    int from[2]; /* mean of these two classes; a plain column names one class twice */
} pleat_tables_column;

typedef struct pleat_tables {
    const pleat_results *results; /* the caller's */
    int *order;                   /* [n] its cases by id */
    int *cases;                   /* [folds] how many */
    int distinct;                 /* over all folds, each once however often it was judged */
    int columns;
    pleat_tables_column *column; /* [columns] */
    pleat_summary *summary;      /* [1 + folds][scores][classes], all folds first */
} pleat_tables;

/* Checks the results and fills *out, to be freed; errors as pleat_report_write. */
pleat_status pleat_tables_make(const pleat_results *results, pleat_tables *out);
void pleat_tables_free(pleat_tables *tables);

/* Case i by id, and its value; NaN: undefined. */
const pleat_case_result *pleat_tables_case(const pleat_tables *t, int i);
double pleat_tables_value(const pleat_tables *t, int i, int score, int c);

/* Over the cases of one fold, or of PLEAT_ALL_FOLDS. */
const pleat_summary *pleat_tables_at(const pleat_tables *t, int fold, int score, int c);

/* nnU-Net's foreground mean: the plain mean of the means of classes 1 .. classes-1. */
double pleat_tables_foreground(const pleat_tables *t, int fold, int score);

/* A field of cv_results.final.csv, and the original's headline: its mean over the folds. */
double pleat_tables_final(const pleat_tables *t, int fold, int score, int column);
double pleat_tables_headline(const pleat_tables *t, int score, int column);

/* The name of a score in summary.json: nnU-Net's, else its own. */
const char *pleat_tables_key(const pleat_score *score);

/* index,score,<classes>: the original's scores of every case, or all. ERR_IO, ERR_MEMORY. */
pleat_status pleat_tables_write_detailed(const pleat_tables *t, int all_scores, const char *path);
/* Medians of each fold. ERR_IO, ERR_MEMORY. */
pleat_status pleat_tables_write_final(const pleat_tables *t, const char *path);
/* summary.json. ERR_IO, ERR_MEMORY. */
pleat_status pleat_tables_write_summary(const pleat_tables *t, const pleat_report_info *info,
                                        const char *path);

/* report.c: size and spacing of a case's grid, x, y, z, and "voxel_mm3" where its axes are skewed.
 * NULL when memory is out. */
struct json_t *pleat_tables_grid(const pleat_case_result *one);

#endif /* PLEAT_EVAL_TABLES_H */
