/* measured.c - scores by name, collected one by one. */
#include "pleat/measured.h"

#include "pleat/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const double SLACK = 1e-6; /* rounding of other tools */

int pleat_names_find(const pleat_name_list *list, const char *name) {
    for (int i = list->n - 1; i >= 0; i--) /* what comes next is mostly what came last */
        if (strcmp(list->name[i], name) == 0) return i;
    return -1;
}

const char *pleat_measured_score(const char *name) {
    const pleat_scores *all = pleat_scores_all();
    for (int s = 0; s < pleat_scores_count(all); s++) {
        const pleat_score *score = pleat_scores_at(all, s);
        if (score->nnunet != NULL && strcasecmp(score->nnunet, name) == 0) return score->name;
    }
    return name;
}

pleat_status pleat_measured_range(const char *where, const char *score, double x) {
    const pleat_scores *all = pleat_scores_all();
    for (int s = 0; s < pleat_scores_count(all) && !isnan(x); s++) {
        const pleat_score *row = pleat_scores_at(all, s);
        const int share = row->unit[0] == '\0';
        if (strcasecmp(row->name, score) != 0 || (!share && strcmp(row->unit, "mm") != 0)) continue;
        PLEAT_CHECK(x >= -SLACK && (!share || x <= 1.0 + SLACK), PLEAT_ERR_DATA,
                    "%s: %s of %g is impossible, it is %s%s", where, row->name, x,
                    share ? "0 to 1" : "0 mm or more",
                    share && x > 1.0 && x <= 100.0 ? "; if the file has percent, divide them by 100"
                                                   : "");
    }
    return PLEAT_OK;
}

static void *grown(void *items, int n, int *room, size_t size) {
    if (n < *room) return items;
    void *more = realloc(items, (size_t)(2 * n + 64) * size);
    if (more != NULL) *room = 2 * n + 64;
    return more;
}

/* The place of a name, which is added where it is new. */
static pleat_status place_of(pleat_name_list *list, const char *name, int *out) {
    *out = pleat_names_find(list, name);
    if (*out >= 0) return PLEAT_OK;
    char **more = grown(list->name, list->n, &list->room, sizeof *more);
    if (more != NULL) list->name = more;
    char *copy = more != NULL ? strdup(name) : NULL;
    PLEAT_CHECK(copy != NULL, PLEAT_ERR_MEMORY, "no memory for the scores of '%s'", name);
    *out = list->n;
    list->name[list->n++] = copy;
    return PLEAT_OK;
}

pleat_status pleat_measured_add(pleat_measured *m, const char *id, const char *class_name,
                                const char *score, const char *definition, double x) {
    pleat_measurement one = {.x = x, .fold = m->fold, .order = m->n};
    PLEAT_TRY(place_of(&m->cases, id, &one.at));
    PLEAT_TRY(place_of(&m->classes, class_name, &one.label));
    PLEAT_TRY(place_of(&m->scores, score, &one.score));
    PLEAT_TRY(place_of(&m->definitions, definition, &one.definition));
    pleat_measurement *more = grown(m->list, m->n, &m->room, sizeof *more);
    PLEAT_CHECK(more != NULL, PLEAT_ERR_MEMORY, "no memory for %d scores", m->n);
    m->list = more;
    m->list[m->n++] = one;
    return PLEAT_OK;
}

/* By case, class, score and fold; then as they were added. */
static int compare(const void *a, const void *b) {
    const pleat_measurement *one = a, *other = b;
    const int by[5] = {one->at - other->at, one->label - other->label, one->score - other->score,
                       one->fold - other->fold, one->order - other->order};
    for (int k = 0; k < 4; k++)
        if (by[k] != 0) return by[k];
    return by[4];
}

/* One number of each score of a class of a case: the mean over the folds that have one. */
static pleat_status join_folds(const char *path, pleat_measured *m) {
    int kept = 0, many = 0; /* values in the mean of the last one kept */
    if (m->n == 0) return PLEAT_OK;
    qsort(m->list, (size_t)m->n, sizeof *m->list, compare);
    for (int i = 0; i < m->n; i++) {
        const pleat_measurement one = m->list[i];
        pleat_measurement *last = kept > 0 ? &m->list[kept - 1] : NULL;
        if (last == NULL || last->at != one.at || last->label != one.label ||
            last->score != one.score) {
            many = !isnan(one.x);
            m->list[kept++] = one; /* never ahead of i */
            continue;
        }
        PLEAT_CHECK(one.fold >= 0 && last->fold != one.fold, PLEAT_ERR_DATA,
                    "'%s': case '%s' has two values of %s of class '%s'; where several folds "
                    "evaluated it, compare the run or its statistics.json",
                    path, m->cases.name[one.at], m->scores.name[one.score],
                    m->classes.name[one.label]);
        last->fold = one.fold;
        if (isnan(one.x)) continue;
        last->x = many == 0 ? one.x : last->x + (one.x - last->x) / (many + 1);
        many++;
    }
    m->n = kept;
    return PLEAT_OK;
}

/* All scores of a class of a case, and its voxels in the truth. */
static pleat_status add_class(const pleat_results *r, int i, int c, pleat_measured *m) {
    char text[PLEAT_DEFINITION_BYTES];
    const pleat_case_result *one = &r->cases[i];
    for (int s = 0; s < pleat_scores_count(r->scores); s++)
        if (pleat_scores_apply(r->scores, s, &r->how, c))
            PLEAT_TRY(pleat_measured_add(m, one->id, r->classes.name[c],
                                         pleat_scores_at(r->scores, s)->name,
                                         pleat_scores_define(r->scores, s, &r->how, c, text),
                                         pleat_results_at(r, i, s, c).x));
    const double voxels = (double)(one->counts[c].tp + one->counts[c].fn);
    return pleat_measured_add(m, one->id, r->classes.name[c], PLEAT_TRUTH_VOXELS, "", voxels);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Cases by name: samples drawn of them do not depend on the order that a file has. */
static pleat_status sort_cases(pleat_measured *m) {
    const size_t n = (size_t)m->cases.n, size = sizeof *m->cases.name;
    char **was = malloc((n + 1) * size);
    int *place = malloc((n + 1) * sizeof *place);
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK_GOTO(status, done, was != NULL && place != NULL, PLEAT_ERR_MEMORY,
                     "no memory to sort %d cases", m->cases.n);
    for (size_t i = 0; i < n; i++) was[i] = m->cases.name[i];
    if (n > 0) qsort(m->cases.name, n, size, by_name);
    for (size_t i = 0; i < n; i++) {
        char **at = bsearch(&was[i], m->cases.name, n, size, by_name);
        place[i] = (int)(at - m->cases.name);
    }
    for (int i = 0; i < m->n; i++) m->list[i].at = place[m->list[i].at];
done:
    free(was);
    free(place);
    return status;
}

pleat_status pleat_measured_results(const pleat_results *results, pleat_measured *out) {
    pleat_results r;
    pleat_measured m = {0};
    PLEAT_TRY(pleat_results_by_case(results, &r));
    pleat_status status = PLEAT_OK;
    for (int i = 0; i < r.n && status == PLEAT_OK; i++)
        for (int c = 0; c < r.classes.n && status == PLEAT_OK; c++)
            status = add_class(&r, i, c, &m);
    pleat_results_free(&r);
    if (status == PLEAT_OK) status = sort_cases(&m);
    if (status == PLEAT_OK)
        *out = m;
    else
        pleat_measured_free(&m);
    return status;
}

static int has_number(const pleat_measured *m) {
    for (int i = 0; i < m->n; i++)
        if (!isnan(m->list[i].x)) return 1;
    return 0;
}

pleat_status pleat_measured_read(const char *path, pleat_measured *out) {
    const char *ending = strrchr(path, '.');
    const int json = ending != NULL && strcasecmp(ending, ".json") == 0;
    pleat_measured m = {.fold = -1};
    char *text = NULL;
    size_t n = 0;
    PLEAT_TRY(pleat_file_read_all(path, &text, &n));
    pleat_status status =
        json ? pleat_measured_json(path, text, n, &m) : pleat_measured_csv(path, text, n, &m);
    free(text);
    if (status == PLEAT_OK && m.n == 0)
        status =
            PLEAT_FAIL(PLEAT_ERR_FORMAT, "'%s' has no scores of cases that pleat can read", path);
    if (status == PLEAT_OK && !has_number(&m))
        status = PLEAT_FAIL(PLEAT_ERR_FORMAT,
                            "'%s' has no number: all its %d values are undefined or cannot be read",
                            path, m.n);
    if (status == PLEAT_OK) status = join_folds(path, &m);
    if (status == PLEAT_OK) status = sort_cases(&m);
    if (status != PLEAT_OK)
        pleat_measured_free(&m);
    else
        *out = m;
    return status;
}

static void free_names(pleat_name_list *list) {
    for (int i = 0; i < list->n; i++) free(list->name[i]);
    free(list->name);
}

void pleat_measured_free(pleat_measured *measured) {
    free_names(&measured->cases);
    free_names(&measured->classes);
    free_names(&measured->scores);
    free_names(&measured->definitions);
    free(measured->list);
    *measured = (pleat_measured){0};
}
