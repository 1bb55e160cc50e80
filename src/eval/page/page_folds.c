/* page_folds.c - how far each fold is, by the files that are there. */
#include "page_impl.h"
#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/rundir.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char *fold_state_name(fold_state state) {
    static const char *const names[FOLD_STATES] = {"scored", "trained, not scored", "not finished",
                                                   "failed", "not begun"};
    return names[state];
}

/* A file of the fold as text, NULL when it cannot be had. */
static char *read_text(const char *run, int fold, pleat_fold_file file) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    if (pleat_run_fold_path(run, fold, file, path) != PLEAT_OK || !pleat_file_exists(path) ||
        pleat_file_read_all(path, &text, NULL) != PLEAT_OK)
        return NULL;
    return text;
}

/* The last event, and its text where it is why the fold ended. */
static void read_events(const char *run, int fold, fold_facts *f) {
    char *text = read_text(run, fold, PLEAT_FOLD_EVENTS), *save = NULL, *last = NULL;
    if (text == NULL) return;
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
        last = line;
    json_t *root = last != NULL ? json_loads(last, 0, NULL) : NULL;
    const char *event = json_string_value(json_object_get(root, "event"));
    const char *why = json_string_value(json_object_get(root, "text"));
    if (event != NULL && strcmp(event, "failed") == 0) f->state = FOLD_FAILED;
    if (event != NULL && why != NULL &&
        (strcmp(event, "failed") == 0 || strcmp(event, "halted") == 0))
        (void)snprintf(f->why, sizeof f->why, "%s", why);
    json_decref(root);
    free(text);
}

static int lines_of(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++) n += *text == '\n';
    return n;
}

static void read_fold(const char *run, int fold, int epochs, fold_facts *f) {
    char path[PLEAT_PATH_BYTES];
    f->state = FOLD_WAITING;
    f->history = read_text(run, fold, PLEAT_FOLD_HISTORY);
    if (f->history != NULL) f->epochs = lines_of(f->history) - 1;
    if (f->epochs < 0) f->epochs = 0;
    if (f->history != NULL) f->state = f->epochs >= epochs ? FOLD_TRAINED : FOLD_BEGUN;
    read_events(run, fold, f);
    if (pleat_run_fold_path(run, fold, PLEAT_FOLD_SCORES, path) == PLEAT_OK &&
        pleat_file_exists(path)) {
        f->state = FOLD_SCORED;
        f->why[0] = '\0';
    }
}

static pleat_status keep_ids(const json_t *val, fold_facts *f) {
    size_t i = 0, n = 0;
    const json_t *id = NULL;
    FILE *out = open_memstream(&f->cases, &n);
    PLEAT_CHECK(out != NULL, PLEAT_ERR_MEMORY, "no memory for the page");
    json_array_foreach(val, i, id) if (json_is_string(id))(void)
        fprintf(out, "%s%s", f->n++ > 0 ? "\n" : "", json_string_value(id));
    PLEAT_CHECK(fclose(out) == 0, PLEAT_ERR_MEMORY, "no memory for the page");
    return PLEAT_OK;
}

/* Whom each fold holds out. A file that cannot be read tells nothing. */
static pleat_status read_splits(const char *run, int folds, fold_facts *facts) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    size_t n = 0;
    pleat_status status = PLEAT_OK;
    json_t *root = NULL;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_SPLITS, path));
    if (!pleat_file_exists(path) || pleat_file_read_all(path, &text, &n) != PLEAT_OK)
        return PLEAT_OK;
    if (pleat_json_parse(path, text, n, &root) == PLEAT_OK)
        for (int fold = 0; fold < folds && status == PLEAT_OK; fold++) {
            const json_t *val = json_object_get(json_array_get(root, (size_t)fold), "val");
            if (json_is_array(val)) status = keep_ids(val, &facts[fold]);
        }
    json_decref(root);
    free(text);
    return status;
}

pleat_status page_folds_read(const char *run, int folds, int epochs, fold_facts **out) {
    *out = calloc((size_t)folds + 1, sizeof **out);
    PLEAT_CHECK(*out != NULL, PLEAT_ERR_MEMORY, "no memory for %d folds", folds);
    for (int fold = 0; fold < folds; fold++) read_fold(run, fold, epochs, &(*out)[fold]);
    return read_splits(run, folds, *out);
}

void page_folds_free(fold_facts *facts, int folds) {
    for (int fold = 0; facts != NULL && fold < folds; fold++) {
        free(facts[fold].history);
        free(facts[fold].cases);
    }
    free(facts);
}
