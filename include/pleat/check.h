/*
 * check.h - everything about a data folder that would go wrong later, found in one pass.
 *
 *   folder     which files are cases, what is missing or there twice   every rank
 *   headers    shape, place, spacing, of each case                     shared out over the ranks
 *   voxels     values, labels, contents; one volume after another      the same
 *   all        what differs between cases                              rank 0
 *
 * A finding is of a kind: a row of the table in src/run/check_kinds.c, which has its severity, what
 * it means and what to do. To add one, add a row, and call check_find where it shows.
 *
 * What preprocessing refuses or warns of is found by the functions of preprocessing (prep.h), so
 * that a check and a run do not differ.
 */
#ifndef PLEAT_CHECK_H
#define PLEAT_CHECK_H

#include "pleat/comm.h"
#include "pleat/config.h"
#include "pleat/file.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pleat_severity {
    PLEAT_NOTE,    /* worth knowing */
    PLEAT_WARNING, /* a run goes on, and may be worth little */
    PLEAT_ERROR    /* a run refuses it */
} pleat_severity;

const char *pleat_severity_name(pleat_severity severity); /* "note", "warning", "error" */

typedef struct pleat_check_kind {
    const char *name;
    pleat_severity severity;
    int later;        /* a warning that a run gives itself when it comes to it */
    const char *what; /* one line of the manual */
    const char *cure; /* stands after what was found; "" where that says it itself */
} pleat_check_kind;

/* Ends with a NULL name. */
extern const pleat_check_kind pleat_check_kinds[];

enum { PLEAT_CHECK_KINDS = 64 }; /* more than there are */
enum { PLEAT_CHECK_MOST = 10 };  /* of a kind, that are printed where not all are asked for */

typedef struct pleat_finding {
    int kind;                  /* row of pleat_check_kinds */
    int at;                    /* place of its case; -1: of none, or of the data set */
    char id[PLEAT_CASE_BYTES]; /* of the case; "": of the data set */
    char field[256];           /* the file, below the data folder, or the key */
    char text[1024];           /* without the cure */
} pleat_finding;

typedef struct pleat_checked_class {
    int label;      /* of a region, what it writes */
    char name[128]; /* "": of the label alone */
    int cases;      /* that have voxels of it */
    int first;      /* place of the first of them; -1: there is none */
    int64_t voxels; /* of a region, of all its labels */
    double ml;
} pleat_checked_class;

typedef struct pleat_check_report {
    int cases;              /* that could be looked at */
    pleat_finding *finding; /* [n], owned; by case, then those of the data set */
    int n;
    int of[PLEAT_ERROR + 1];    /* how many of each severity */
    pleat_checked_class *class; /* [classes], owned; none when no voxels were read */
    int classes;
} pleat_check_report;

typedef struct pleat_check_how {
    int headers; /* the headers alone: no voxel is read */
    int given; /* the configuration is a user's: patch, folds, classes and engine are checked too */
    int begun; /* by a run that has looked at its keys and found its cases: only the data */
    int threads; /* of a rank, for the engine */
} pleat_check_how;

/* Collective. Looks at config->data by the keys of `config`. The report is rank 0's, the others' is
 * empty; pleat_check_free releases it. What is wrong with the data is no failure: ERR_MEMORY,
 * ERR_COMM, ERR_PEER; where signals are caught (halt.h), ERR_REQUEUE and ERR_INTERRUPTED; ERR_ARG
 * where the time ends before the voxels have been looked at. Memory:
 * the image of a file and a label map, at most. */
pleat_status pleat_check(pleat_comm *comm, const pleat_config *config, const pleat_check_how *how,
                         pleat_check_report *out);
void pleat_check_free(pleat_check_report *report);

/* "case 'a': mask.nii.gz: label 9 (2 voxels) is ...; correct the mask, or ...", cut after `size`
 * bytes; `data` stands for a finding without case and field. Returns `out`. */
const char *pleat_check_text(const pleat_finding *finding, const char *data, char *out,
                             size_t size);

/* Ten of a kind: errors into the log, with -q too; then warnings (warn.h), but with `run` those not
 * that a run gives itself later. ERR_DATA where there are errors: the only one, or how many. */
pleat_status pleat_check_tell(const pleat_check_report *report, const char *data, int run);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CHECK_H */
