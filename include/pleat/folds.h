/*
 * folds.h - which cases a fold validates on.
 *
 * Every case is validated by exactly one fold and trained on by all the others:
 *
 *   fold_of   0 2 1 1 0      fold 0 trains on cases 1 2 3, validates on 0 and 4
 *   case      0 1 2 3 4
 *
 * The cut depends on the set of ids, k, seed and group_by only, not on the order of the ids.
 * group_by is a POSIX extended regular expression that finds what the cases of one patient have in
 * common: its first parenthesis, or without one the whole match. "^radiopaedia_[0-9]+_[0-9]+" keeps
 * radiopaedia_10_85902_1 and radiopaedia_10_85902_3 in one fold. NULL or "": each case by itself.
 *
 * nnU-Net's folds are those of scikit-learn's KFold(k, shuffle=True, random_state=12345) of the
 * sorted ids, whatever the seed: results compare with its own case by case.
 */
#ifndef PLEAT_FOLDS_H
#define PLEAT_FOLDS_H

#include "pleat/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_MAX_FOLDS 1000 /* of a run */

typedef struct pleat_folds {
    int k;        /* folds */
    int n;        /* cases */
    int *fold_of; /* [n] the fold that validates on case i, 0 .. k-1, owned */
} pleat_folds;

typedef enum pleat_folds_like { PLEAT_FOLDS_OWN, PLEAT_FOLDS_NNUNET } pleat_folds_like;

/* "pleat", "nnunet"; NULL after the last. And their lines for the manual. */
const char *pleat_folds_like_name(int like);
const char *pleat_folds_like_what(int like);

typedef struct pleat_folds_how {
    int k;
    int like;             /* pleat_folds_like */
    uint64_t seed;        /* pleat's alone */
    const char *group_by; /* pleat's alone */
} pleat_folds_how;

/* Cuts ids[n] into k folds. Pleat's are a seeded permutation of the sorted ids, then k runs whose
 * sizes differ by at most one. With groups: the permuted groups, largest first, each to the fold
 * with the fewest cases, so that no group is ever split. ERR_ARG for k < 2, more folds than cases
 * or groups, a pattern that is none; ERR_DATA for an id given twice or one that the pattern does
 * not match. */
pleat_status pleat_folds_make(const char *const *ids, int n, const pleat_folds_how *how,
                              pleat_folds *out);
/* The permutation of 0 .. n-1 that KFold takes its runs from. preprocess/kfold.c */
void pleat_folds_shuffle_like_numpy(uint32_t seed, int *order, int n);

/* ERR_DATA when two cases of one group are in different folds; names the group, both and theirs. */
pleat_status pleat_folds_check(const char *const *ids, const pleat_folds *folds,
                               const char *group_by);

/* group_of[n] of cases ids[n], from 0 on, and how many groups there are. Errors as of make. */
pleat_status pleat_folds_groups(const char *const *ids, int n, const char *group_by, int *group_of,
                                int *groups);

/* nnU-Net's splits_final.json, replaced at once: [{"train": [ids], "val": [ids]}, ...], sorted. */
pleat_status pleat_folds_write(const char *path, const char *const *ids, const pleat_folds *folds);

/* Reads the same for the cases ids[n]. Every id must be in exactly one "val" and in the "train" of
 * all other folds, else ERR_DATA names id and fold; ERR_FORMAT when it is no such file. */
pleat_status pleat_folds_read(const char *path, const char *const *ids, int n, pleat_folds *out);

/* How many cases each fold of such a file trains on and holds out: sizes[PLEAT_MAX_FOLDS][2], of
 * which the first *k are filled. ERR_FORMAT. */
pleat_status pleat_folds_sizes(const char *path, int (*sizes)[2], int *k);

/* Of who holds out which case, whatever the order of the ids. ERR_MEMORY, ERR_DATA. */
pleat_status pleat_folds_digest(const char *const *ids, const pleat_folds *folds, char out[17]);

/* "val" of `fold` in such a file is ids[n], else ERR_DATA names the first that is not; ERR_FORMAT,
 * ERR_NOT_FOUND. */
pleat_status pleat_folds_check_val(const char *path, int fold, const char *const *ids, int n);

/* Frees fold_of and leaves an empty cut, which may be freed again. */
void pleat_folds_free(pleat_folds *folds);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_FOLDS_H */
