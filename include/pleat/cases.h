/* cases.h - the annotated cases that a configuration names: their files, and their ids alone. */
#ifndef PLEAT_CASES_H
#define PLEAT_CASES_H

#include "pleat/comm.h"
#include "pleat/config.h"
#include "pleat/folds.h"
#include "pleat/layout.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_cases {
    pleat_case_paths *paths; /* [n], sorted by id: the order of stores and folds */
    const char **ids;        /* [n], of the paths */
    int n;
} pleat_cases;

/* Of config->data; ERR_ARG when it is empty, ERR_DATA also when the first case has not the channels
 * that dataset.json names. pleat_cases_free releases *out, also after a
 * failure. */
pleat_status pleat_cases_find(const pleat_config *config, pleat_cases *out);
/* Collective: those of rank 0, whose status is `mine`, for all ranks: one looks at the files, and
 * not a thousand. That status on all, ERR_MEMORY, ERR_COMM, ERR_PEER. */
pleat_status pleat_cases_share(pleat_comm *comm, pleat_status mine, pleat_cases *cases);
/* ERR_ARG where `folder` (of the option or key `what`; "": none) is the data folder, or lies in one
 * with a folder a case: the next start would take what is written there for cases. */
pleat_status pleat_cases_check_apart(const pleat_config *config, const char *what,
                                     const char *folder);
/* Who holds out paths[n], sorted by id: as folds.splits or `file` (NULL: neither is read) say, else
 * the column fold of a table, else drawn as the keys of folds and the column group say. ERR_DATA: a
 * group is in two folds; ERR_ARG: group_by and a column group; errors of pleat_folds_make and
 * read. */
pleat_status pleat_cases_folds(const pleat_config *config, const pleat_case_paths *paths, int n,
                               const char *file, pleat_folds *out);
/* ERR_DATA: a group of folds.group_by or of a column group is in two of the folds. */
pleat_status pleat_cases_check_folds(const pleat_config *config, const pleat_case_paths *paths,
                                     int n, const pleat_folds *folds);
/* ERR_ARG: there are not as many folds as folds.k and folds.repeats say; `file` says which there
 * are, NULL: the column fold of a table. */
pleat_status pleat_cases_check_counts(const pleat_config *config, const pleat_folds *folds,
                                      const char *file);
void pleat_cases_free(pleat_cases *cases);

/* The classes of the configuration, else of its data, none where neither says; config->classes, the
 * network's and the preprocessing's labels are then those. The caller frees `out`. ERR_ARG, and
 * errors of pleat_layout_classes. */
pleat_status pleat_cases_classes(pleat_config *config, pleat_classes *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CASES_H */
