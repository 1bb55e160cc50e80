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
 * With repeats all cases are cut anew for each of them, the seed being the same and the draw
 * another: every case is then validated by one fold of each repeat.
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
    int k;        /* folds, of all repeats */
    int n;        /* cases */
    int *fold_of; /* [repeats][n] the fold that validates on case i, owned */
    int repeats;  /* 1 or more: folds 0 .. k/repeats - 1 are those of the first, and so on */
} pleat_folds;

/* The folds of one repeat, and the repeat of a fold. */
int pleat_folds_each(const pleat_folds *folds);
int pleat_folds_repeat(const pleat_folds *folds, int fold);
/* Whether `fold` validates on case i; else it trains on it. */
int pleat_folds_holds_out(const pleat_folds *folds, int fold, int i);
/* The first repeat in which cases a and b are in different folds; -1: they are in one in all. */
int pleat_folds_apart(const pleat_folds *folds, int a, int b);

typedef enum pleat_folds_like { PLEAT_FOLDS_OWN, PLEAT_FOLDS_NNUNET } pleat_folds_like;

/* "pleat", "nnunet"; NULL after the last. And their lines for the manual. */
const char *pleat_folds_like_name(int like);
const char *pleat_folds_like_what(int like);

typedef struct pleat_folds_how {
    int k;
    int like;             /* pleat_folds_like */
    uint64_t seed;        /* pleat's alone */
    const char *group_by; /* pleat's alone */
    int repeats;          /* pleat's alone; 0 counts as 1 */
    /* pleat's alone: [n] the group of each case, NULL: one of its own. Instead of group_by. */
    const char *const *groups;
} pleat_folds_how;

/* Cuts ids[n] into k folds, `repeats` times. Pleat's are a seeded permutation of the sorted ids,
 * then k runs whose sizes differ by at most one. With groups: the permuted groups, largest first,
 * each to the fold with the fewest cases, so that no group is ever split. ERR_ARG for k < 2, more
 * folds than cases or groups, more than PLEAT_MAX_FOLDS in all, a pattern that is none; ERR_DATA
 * for an id given twice or one that the pattern does not match. */
pleat_status pleat_folds_make(const char *const *ids, int n, const pleat_folds_how *how,
                              pleat_folds *out);
/* The permutation of 0 .. n-1 that KFold takes its runs from. preprocess/kfold.c */
void pleat_folds_shuffle_like_numpy(uint32_t seed, int *order, int n);

/* ERR_DATA when two cases of one group are in different folds; names the group, both and theirs. */
pleat_status pleat_folds_check(const char *const *ids, const pleat_folds *folds,
                               const char *group_by);

/* The same of the groups of cases ids[n], as above. */
pleat_status pleat_folds_check_groups(const char *const *ids, const pleat_folds *folds,
                                      const char *const *groups);

/* group_of[n] of cases ids[n], from 0 on, and how many groups there are. Errors as of make. */
pleat_status pleat_folds_groups(const char *const *ids, int n, const char *group_by, int *group_of,
                                int *groups);

/* nnU-Net's splits_final.json, replaced at once: [{"train": [ids], "val": [ids]}, ...], sorted. */
pleat_status pleat_folds_write(const char *path, const char *const *ids, const pleat_folds *folds);

/* Reads the same for the cases ids[n]. Every id must be in exactly one "val" and in the "train" of
 * all other folds, else an error names id and fold: ERR_DATA where the file names a case that is
 * not among them or leaves one out, ERR_FORMAT where it contradicts itself, as by a case in "train"
 * and "val" of one fold or twice in a list. ERR_FORMAT as well when it is no such file. Where the
 * lists "val" have R times as many ids as there are cases, the folds are R repeats of k / R, and
 * the same must hold in each. */
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
