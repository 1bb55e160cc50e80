/* folds.c - cutting the cases into folds, and nnU-Net's file of it. */
#include "pleat/folds.h"

#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/rng.h"
#include "pleat/text.h"

#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double MOST_PATTERN = 50000.0; /* characters of group_by with its counts written out */
#define NNUNET_SEED 12345 /* of nnU-Net's splits: nnunetv2/utilities/crossval_split.py */

/* A case and the part of its id that names its group. */
typedef struct member {
    const char *id;
    const char *key; /* key_length characters, inside id */
    int key_length;
    int index; /* in the caller's ids */
} member;

static int by_id(const void *a, const void *b) {
    return strcmp(((const member *)a)->id, ((const member *)b)->id);
}

static int compare_keys(const member *a, const member *b) {
    const int shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    const int order = strncmp(a->key, b->key, (size_t)shorter);
    return order != 0 ? order : a->key_length - b->key_length;
}

/* Members of one group side by side, sorted by id. */
static int by_group(const void *a, const void *b) {
    const int order = compare_keys(a, b);
    return order != 0 ? order : by_id(a, b);
}

/* The library copies what a count {m,n} repeats, and tries all ways to match a back reference: the
 * first is bounded, the second refused. */
static pleat_status check_pattern(const char *pattern) {
    double copies = 1.0;
    for (const char *c = pattern; *c != '\0'; c++) {
        PLEAT_CHECK(c[0] != '\\' || c[1] < '1' || c[1] > '9', PLEAT_ERR_ARG,
                    "group_by '%s' has a back reference, which is not supported", pattern);
        if (c[0] == '\\' && c[1] != '\0') c++;
        if (c[0] != '{') continue;
        double most = 1.0;
        for (const char *at = c + 1; *at != '\0' && *at != '}';) {
            char *end = NULL;
            const double count = strtod(at, &end);
            if (count > most) most = count;
            at = end > at ? end : at + 1;
        }
        copies *= most;
    }
    PLEAT_CHECK(copies * (double)strlen(pattern) <= MOST_PATTERN, PLEAT_ERR_ARG,
                "group_by '%s' repeats too much: the product of its {counts} and its length is "
                "more than %.0f",
                pattern, MOST_PATTERN);
    return PLEAT_OK;
}

/* Sets every member's key: the whole id without a pattern or group. */
static pleat_status find_keys(member *members, int n, const char *group_by,
                              const char *const *groups) {
    pleat_status status = PLEAT_OK;
    regex_t pattern;
    for (int i = 0; i < n; i++) {
        const char *group = groups != NULL ? groups[members[i].index] : NULL;
        members[i].key = group != NULL ? group : members[i].id;
        members[i].key_length = (int)strlen(members[i].key);
    }
    if (group_by == NULL || group_by[0] == '\0') return PLEAT_OK;
    PLEAT_TRY(check_pattern(group_by));
    const int error = regcomp(&pattern, group_by, REG_EXTENDED);
    if (error != 0) {
        char text[128];
        (void)regerror(error, &pattern, text, sizeof text);
        return PLEAT_FAIL(PLEAT_ERR_ARG,
                          "group_by '%s' is not a POSIX extended regular expression: %s", group_by,
                          text);
    }
    for (int i = 0; i < n; i++) {
        regmatch_t match[2];
        PLEAT_CHECK_GOTO(status, done, regexec(&pattern, members[i].id, 2, match, 0) == 0,
                         PLEAT_ERR_DATA, "group_by '%s' does not match case '%s'", group_by,
                         members[i].id);
        const regmatch_t part = match[1].rm_so >= 0 ? match[1] : match[0];
        members[i].key = members[i].id + part.rm_so;
        members[i].key_length = (int)(part.rm_eo - part.rm_so);
    }
done:
    regfree(&pattern);
    return status;
}

/* The cases with their groups, sorted by group and id; an id given twice is refused. */
static pleat_status make_members(const char *const *ids, int n, const char *group_by,
                                 const char *const *groups, member **out) {
    pleat_status status = PLEAT_OK;
    member *members = calloc(n > 0 ? (size_t)n : 1, sizeof *members);
    PLEAT_CHECK(members != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    for (int i = 0; i < n; i++) members[i] = (member){.id = ids[i], .index = i};
    qsort(members, (size_t)n, sizeof *members, by_id);
    for (int i = 1; i < n; i++)
        PLEAT_CHECK_GOTO(status, done, strcmp(members[i - 1].id, members[i].id) != 0,
                         PLEAT_ERR_DATA, "case '%s' is there twice", members[i].id);
    PLEAT_TRY_GOTO(status, done, find_keys(members, n, group_by, groups));
    qsort(members, (size_t)n, sizeof *members, by_group);
    *out = members;
    members = NULL;
done:
    free(members);
    return status;
}

/* A run of members with one key. */
typedef struct group {
    int first, size;
} group;

/* Shuffles the groups, then puts the larger ones first; within a size the shuffled order stays. */
static void order_groups(group *groups, int *order, int n, uint64_t seed, int repeat) {
    const pleat_rng rng = pleat_rng_at(seed, PLEAT_STREAM_FOLDS, (uint32_t)repeat, 0, 0);
    for (int i = 0; i < n; i++) order[i] = i;
    pleat_rng_shuffle(&rng, 0, order, n);
    for (int i = 1; i < n; i++) {
        const int moving = order[i];
        int at = i;
        for (; at > 0 && groups[order[at - 1]].size < groups[moving].size; at--)
            order[at] = order[at - 1];
        order[at] = moving;
    }
}

/* Without groups: runs of the permutation, the first n % k one longer. */
static void split_evenly(const member *members, const int *order, int n, int k, int *fold_of) {
    int at = 0;
    for (int fold = 0; fold < k; fold++)
        for (int end = at + n / k + (fold < n % k); at < end; at++)
            fold_of[members[order[at]].index] = fold;
}

static void split_groups(const member *members, const group *groups, const int *order, int n,
                         int *cases_in, int k, int *fold_of) {
    for (int i = 0; i < n; i++) {
        const group g = groups[order[i]];
        int fold = 0;
        for (int f = 1; f < k; f++)
            if (cases_in[f] < cases_in[fold]) fold = f;
        for (int m = g.first; m < g.first + g.size; m++) fold_of[members[m].index] = fold;
        cases_in[fold] += g.size;
    }
}

static const char *const likes[][2] = {
    [PLEAT_FOLDS_OWN] = {"pleat", "by the seed"},
    [PLEAT_FOLDS_NNUNET] = {"nnunet", "nnU-Net's own, KFold(k, shuffle, random_state=12345)"}};
enum { LIKES = sizeof likes / sizeof *likes };

const char *pleat_folds_like_name(int like) { return like < LIKES ? likes[like][0] : NULL; }
const char *pleat_folds_like_what(int like) { return likes[like][1]; }

int pleat_folds_each(const pleat_folds *folds) { return folds->k / folds->repeats; }

int pleat_folds_repeat(const pleat_folds *folds, int fold) {
    return fold / pleat_folds_each(folds);
}

int pleat_folds_holds_out(const pleat_folds *folds, int fold, int i) {
    return folds->fold_of[pleat_folds_repeat(folds, fold) * folds->n + i] == fold;
}

int pleat_folds_apart(const pleat_folds *folds, int a, int b) {
    for (int r = 0; folds->n > 0 && r < folds->repeats; r++)
        if (folds->fold_of[r * folds->n + a] != folds->fold_of[r * folds->n + b]) return r;
    return -1;
}

pleat_status pleat_folds_make(const char *const *ids, int n, const pleat_folds_how *how,
                              pleat_folds *out) {
    const int k = how->k, repeats = how->repeats > 1 ? how->repeats : 1;
    const char *group_by = how->group_by;
    pleat_status status = PLEAT_OK;
    member *members = NULL;
    group *groups = NULL;
    int *order = NULL, *fold_of = NULL, *cases_in = NULL;
    PLEAT_CHECK(k >= 2, PLEAT_ERR_ARG, "%d fold%s no cross-validation; use at least 2", k,
                k == 1 ? " is" : "s are");
    PLEAT_CHECK(
        n >= 2, PLEAT_ERR_ARG,
        "cross-validation needs at least 2 cases, there is %d; add cases to the data folder", n);
    PLEAT_CHECK((double)k * repeats <= PLEAT_MAX_FOLDS, PLEAT_ERR_ARG,
                "%d folds, %d times, are more than %d; lower folds.repeats", k, repeats,
                PLEAT_MAX_FOLDS);
    PLEAT_CHECK(repeats == 1 || how->like == PLEAT_FOLDS_OWN, PLEAT_ERR_ARG,
                "nnU-Net's folds are always the same: they cannot be repeated");
    PLEAT_CHECK(k <= n, PLEAT_ERR_ARG,
                "%d cases cannot be cut into %d folds; set folds.k to at most %d", n, k, n);
    PLEAT_TRY_GOTO(status, done, make_members(ids, n, group_by, how->groups, &members));
    groups = calloc((size_t)n, sizeof *groups);
    order = malloc((size_t)n * sizeof *order);
    fold_of = calloc((size_t)repeats * (size_t)n, sizeof *fold_of);
    cases_in = malloc((size_t)k * sizeof *cases_in);
    PLEAT_CHECK_GOTO(status, done, groups && order && fold_of && cases_in, PLEAT_ERR_MEMORY,
                     "no memory for %d cases", n);
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (i == 0 || compare_keys(&members[i - 1], &members[i]) != 0)
            groups[count++] = (group){i, 0};
        groups[count - 1].size++;
    }
    PLEAT_CHECK_GOTO(status, done, k <= count, PLEAT_ERR_ARG,
                     "%s finds %d group%s in %d cases, too few for %d folds; set folds.k to at "
                     "most %d, or other groups",
                     how->groups != NULL ? "the column group" : "folds.group_by", count,
                     pleat_plural(count), n, k, count);
    PLEAT_CHECK_GOTO(status, done,
                     how->like == PLEAT_FOLDS_OWN ||
                         (how->groups == NULL && (group_by == NULL || group_by[0] == '\0')),
                     PLEAT_ERR_ARG, "nnU-Net's folds know no groups");
    for (int r = 0; r < repeats; r++) {
        int *mine = fold_of + (size_t)r * (size_t)n;
        memset(cases_in, 0, (size_t)k * sizeof *cases_in);
        if (how->like == PLEAT_FOLDS_NNUNET)
            pleat_folds_shuffle_like_numpy(NNUNET_SEED, order, n);
        else
            order_groups(groups, order, count, how->seed, r);
        if (count == n)
            split_evenly(members, order, n, k, mine);
        else
            split_groups(members, groups, order, count, cases_in, k, mine);
        for (int i = 0; i < n; i++) mine[i] += r * k;
    }
    *out = (pleat_folds){k * repeats, n, fold_of, repeats};
    fold_of = NULL;
done:
    free(cases_in);
    free(fold_of);
    free(order);
    free(groups);
    free(members);
    return status;
}

pleat_status pleat_folds_groups(const char *const *ids, int n, const char *group_by, int *group_of,
                                int *groups) {
    member *members = NULL;
    PLEAT_TRY(make_members(ids, n, group_by, NULL, &members));
    *groups = 0;
    for (int i = 0; i < n; i++) {
        if (i == 0 || compare_keys(&members[i - 1], &members[i]) != 0) ++*groups;
        group_of[members[i].index] = *groups - 1;
    }
    free(members);
    return PLEAT_OK;
}

static pleat_status check_groups(const char *const *ids, const pleat_folds *folds,
                                 const char *group_by, const char *const *groups) {
    pleat_status status = PLEAT_OK;
    member *members = NULL;
    PLEAT_TRY(make_members(ids, folds->n, group_by, groups, &members));
    for (int i = 1; i < folds->n * folds->repeats; i++) {
        if (i % folds->n == 0) continue; /* the first of a repeat */
        const int *fold_of = folds->fold_of + (size_t)(i / folds->n) * (size_t)folds->n;
        const member *a = &members[i % folds->n - 1], *b = &members[i % folds->n];
        const int fold_a = fold_of[a->index], fold_b = fold_of[b->index];
        PLEAT_CHECK_GOTO(
            status, done, compare_keys(a, b) != 0 || fold_a == fold_b, PLEAT_ERR_DATA,
            "group '%.*s' is in two folds: case '%s' in fold %d, case '%s' in fold %d; "
            "give all its cases one fold",
            a->key_length, a->key, a->id, fold_a, b->id, fold_b);
    }
done:
    free(members);
    return status;
}

pleat_status pleat_folds_check(const char *const *ids, const pleat_folds *folds,
                               const char *group_by) {
    return check_groups(ids, folds, group_by, NULL);
}

pleat_status pleat_folds_check_groups(const char *const *ids, const pleat_folds *folds,
                                      const char *const *groups) {
    return check_groups(ids, folds, NULL, groups);
}

/* ---- splits_final.json ----------------------------------------------------------------------- */

/* jansson returns NULL or -1 when memory is short; every call then passes that on. */
static json_t *to_json(const member *sorted, const pleat_folds *folds) {
    json_t *list = json_array();
    int failed = list == NULL;
    for (int fold = 0; !failed && fold < folds->k; fold++) {
        json_t *train = json_array(), *val = json_array();
        for (int i = 0; i < folds->n; i++) {
            json_t *part = pleat_folds_holds_out(folds, fold, sorted[i].index) ? val : train;
            failed |= json_array_append_new(part, json_string(sorted[i].id)) != 0;
        }
        json_t *entry = json_pack("{s:o, s:o}", "train", train, "val", val);
        failed |= json_array_append_new(list, entry) != 0;
    }
    if (!failed) return list;
    json_decref(list);
    return NULL;
}

pleat_status pleat_folds_write(const char *path, const char *const *ids, const pleat_folds *folds) {
    pleat_status status = PLEAT_OK;
    member *sorted = NULL;
    json_t *list = NULL;
    char *text = NULL;
    PLEAT_TRY_GOTO(status, done, make_members(ids, folds->n, NULL, NULL, &sorted));
    list = to_json(sorted, folds);
    if (list != NULL) text = json_dumps(list, JSON_INDENT(4) | JSON_ENSURE_ASCII);
    PLEAT_CHECK_GOTO(status, done, text != NULL, PLEAT_ERR_DATA,
                     "%s: the folds cannot be written as JSON; case ids must be UTF-8", path);
    PLEAT_TRY_GOTO(status, done, pleat_file_write_atomic(path, text, strlen(text)));
done:
    free(text);
    json_decref(list);
    free(sorted);
    return status;
}

/* Index of `id` among the sorted members, else -1. */
static int find(const member *sorted, int n, const char *id) {
    const member wanted = {.id = id};
    const member *found = bsearch(&wanted, sorted, (size_t)n, sizeof *sorted, by_id);
    return found == NULL ? -1 : found->index;
}

/* What is being read, for messages. */
typedef struct reading {
    const char *path;
    const member *sorted; /* [n] */
    int n;
} reading;

/* Checks the list `name` of fold `fold` and counts every case in it: seen[n] += 1. */
static pleat_status count_cases(const reading *in, const json_t *entry, int fold, const char *name,
                                int *seen) {
    const json_t *list = json_object_get(entry, name);
    PLEAT_CHECK(json_is_array(list), PLEAT_ERR_FORMAT, "%s: fold %d has no list '%s'", in->path,
                fold, name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));
        PLEAT_CHECK(id != NULL, PLEAT_ERR_FORMAT, "%s: item %zu of '%s' of fold %d is no string",
                    in->path, i, name, fold);
        const int at = find(in->sorted, in->n, id);
        PLEAT_CHECK(at >= 0, PLEAT_ERR_DATA,
                    "%s: '%s' of fold %d names case '%s', which is not in the data", in->path, name,
                    fold, id);
        PLEAT_CHECK(seen[at] == 0, PLEAT_ERR_FORMAT, "%s: '%s' of fold %d names case '%s' twice",
                    in->path, name, fold, id);
        seen[at] = 1;
    }
    return PLEAT_OK;
}

/* How many repeats a file's folds are: all cases are in "val" of each. */
static int count_repeats(const json_t *list, int n) {
    size_t held_out = 0;
    for (size_t fold = 0; fold < json_array_size(list); fold++)
        held_out += json_array_size(json_object_get(json_array_get(list, fold), "val"));
    const size_t repeats = held_out / (size_t)n;
    return repeats > 1 && held_out % (size_t)n == 0 && json_array_size(list) % repeats == 0 &&
                   json_array_size(list) / repeats >= 2
               ? (int)repeats
               : 1;
}

/* One fold: val sets fold_of (-1 before), train must be the rest. in_val, in_train: [n] scratch. */
static pleat_status read_fold(const reading *in, const json_t *entry, int fold, int *in_val,
                              int *in_train, int *fold_of) {
    memset(in_val, 0, (size_t)in->n * sizeof *in_val);
    memset(in_train, 0, (size_t)in->n * sizeof *in_train);
    PLEAT_TRY(count_cases(in, entry, fold, "val", in_val));
    PLEAT_TRY(count_cases(in, entry, fold, "train", in_train));
    for (int i = 0; i < in->n; i++) {
        const char *id = in->sorted[i].id;
        const int at = in->sorted[i].index;
        PLEAT_CHECK(!(in_val[at] && in_train[at]), PLEAT_ERR_FORMAT,
                    "%s: fold %d trains and validates on case '%s'", in->path, fold, id);
        PLEAT_CHECK(in_val[at] || in_train[at], PLEAT_ERR_DATA,
                    "%s: fold %d neither trains nor validates on case '%s'", in->path, fold, id);
        if (!in_val[at]) continue;
        PLEAT_CHECK(fold_of[at] < 0, PLEAT_ERR_FORMAT,
                    "%s: case '%s' is in 'val' of fold %d and of fold %d", in->path, id,
                    fold_of[at], fold);
        fold_of[at] = fold;
    }
    return PLEAT_OK;
}

static pleat_status read_folds(const reading *in, const json_t *list, pleat_folds *out) {
    pleat_status status = PLEAT_OK;
    const size_t n = (size_t)in->n;
    const int k = (int)json_array_size(list), repeats = count_repeats(list, in->n);
    int *fold_of = malloc((size_t)repeats * n * sizeof *fold_of);
    int *scratch = malloc(2 * n * sizeof *scratch);
    PLEAT_CHECK_GOTO(status, done, fold_of && scratch, PLEAT_ERR_MEMORY, "no memory for %zu cases",
                     n);
    for (size_t i = 0; i < (size_t)repeats * n; i++) fold_of[i] = -1;
    for (int fold = 0; fold < k; fold++)
        PLEAT_TRY_GOTO(status, done,
                       read_fold(in, json_array_get(list, (size_t)fold), fold, scratch, scratch + n,
                                 fold_of + (size_t)(fold / (k / repeats)) * n));
    for (size_t i = 0; i < (size_t)repeats * n; i++)
        PLEAT_CHECK_GOTO(status, done, fold_of[i / n * n + (size_t)in->sorted[i % n].index] >= 0,
                         PLEAT_ERR_DATA, "%s: no fold%s validates on case '%s'", in->path,
                         repeats > 1 ? " of a repeat" : "", in->sorted[i % n].id);
    *out = (pleat_folds){k, in->n, fold_of, repeats};
    fold_of = NULL;
done:
    free(scratch);
    free(fold_of);
    return status;
}

/* The file as a list of folds, which the caller decrefs. */
static pleat_status load_list(const char *path, json_t **out) {
    char *text = NULL;
    size_t size = 0;
    json_t *list = NULL;
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, pleat_file_read_all(path, &text, &size));
    PLEAT_TRY_GOTO(status, done, pleat_json_parse(path, text, size, &list));
    PLEAT_CHECK_GOTO(
        status, done, json_is_array(list) && json_array_size(list) >= 2, PLEAT_ERR_FORMAT,
        "%s: expected a list of at least 2 folds, each {\"train\": [..], \"val\": [..]}", path);
    PLEAT_CHECK_GOTO(status, done, json_array_size(list) <= PLEAT_MAX_FOLDS, PLEAT_ERR_FORMAT,
                     "%s: %zu folds, at most %d are possible", path, json_array_size(list),
                     PLEAT_MAX_FOLDS);
    *out = list;
    list = NULL;
done:
    json_decref(list);
    free(text);
    return status;
}

pleat_status pleat_folds_sizes(const char *path, int (*sizes)[2], int *k) {
    json_t *list = NULL;
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(load_list(path, &list));
    const int n = (int)json_array_size(list);
    for (int i = 0; i < n; i++) {
        const json_t *fold = json_array_get(list, (size_t)i);
        const json_t *train = json_object_get(fold, "train"), *val = json_object_get(fold, "val");
        PLEAT_CHECK_GOTO(status, done, json_is_array(train) && json_is_array(val), PLEAT_ERR_FORMAT,
                         "%s: fold %d is not {\"train\": [..], \"val\": [..]}", path, i);
        sizes[i][0] = (int)json_array_size(train);
        sizes[i][1] = (int)json_array_size(val);
    }
    *k = n;
done:
    json_decref(list);
    return status;
}

pleat_status pleat_folds_read(const char *path, const char *const *ids, int n, pleat_folds *out) {
    pleat_status status = PLEAT_OK;
    json_t *list = NULL;
    member *sorted = NULL;
    PLEAT_CHECK(n >= 1, PLEAT_ERR_ARG, "%s: there are no cases to read folds for", path);
    PLEAT_TRY_GOTO(status, done, make_members(ids, n, NULL, NULL, &sorted));
    PLEAT_TRY_GOTO(status, done, load_list(path, &list));
    const reading in = {path, sorted, n};
    PLEAT_TRY_GOTO(status, done, read_folds(&in, list, out));
done:
    json_decref(list);
    free(sorted);
    return status;
}

pleat_status pleat_folds_digest(const char *const *ids, const pleat_folds *folds, char out[17]) {
    member *sorted = NULL;
    uint64_t digest = 0;
    PLEAT_TRY(make_members(ids, folds->n, NULL, NULL, &sorted));
    for (int i = 0; i < folds->n * folds->repeats; i++) {
        const member *one = &sorted[i % folds->n];
        const int32_t fold = folds->fold_of[i / folds->n * folds->n + one->index];
        digest = pleat_digest(digest, one->id, strlen(one->id) + 1);
        digest = pleat_digest(digest, &fold, sizeof fold);
    }
    pleat_digest_hex(digest, out);
    free(sorted);
    return PLEAT_OK;
}

static int lists(const json_t *list, const char *id) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one != NULL && strcmp(one, id) == 0) return 1;
    }
    return 0;
}

pleat_status pleat_folds_check_val(const char *path, int fold, const char *const *ids, int n) {
    pleat_status status = PLEAT_OK;
    char *text = NULL;
    size_t size = 0;
    json_t *list = NULL;
    PLEAT_TRY(pleat_file_read_all(path, &text, &size));
    PLEAT_TRY_GOTO(status, done, pleat_json_parse(path, text, size, &list));
    const json_t *val = json_object_get(json_array_get(list, (size_t)fold), "val");
    for (int i = 0; i < n; i++)
        PLEAT_CHECK_GOTO(status, done, lists(val, ids[i]), PLEAT_ERR_DATA,
                         "case '%s' was held out by fold %d, but '%s' does not say so; put that "
                         "file back as it was",
                         ids[i], fold, path);
    PLEAT_CHECK_GOTO(
        status, done, json_array_size(val) == (size_t)n, PLEAT_ERR_DATA,
        "fold %d has scores of %d case%s, but holds out %zu by '%s'; put back the file "
        "that was changed, or remove the fold's scores to have it scored again",
        fold, n, pleat_plural(n), json_array_size(val), path);
done:
    json_decref(list);
    free(text);
    return status;
}

void pleat_folds_free(pleat_folds *folds) {
    free(folds->fold_of);
    *folds = (pleat_folds){0};
}
