/* progress_json.c - progress.json, read and written; and all of a run's as one JSON. */
#include "pleat/progress.h"

#include "pleat/json.h"
#include "pleat/text.h"

#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 13 /* of a number: of seconds since 1970 too */

static const char *const names[PLEAT_PHASES] = {
    [PLEAT_PHASE_WAITING] = "waiting",       [PLEAT_PHASE_WORKING] = "working",
    [PLEAT_PHASE_TRAINING] = "training",     [PLEAT_PHASE_VALIDATION] = "validation",
    [PLEAT_PHASE_PREDICTING] = "predicting", [PLEAT_PHASE_STOPPED] = "stopped",
    [PLEAT_PHASE_FAILED] = "failed",         [PLEAT_PHASE_TRAINED] = "trained",
    [PLEAT_PHASE_FINISHED] = "finished",
};

/* Members of the state that are a number or a text, by their keys. */
#define AT(member) offsetof(pleat_progress_state, member)
static const struct {
    const char *key;
    size_t at;
} integers[] = {{"epoch", AT(epoch)}, {"epochs", AT(epochs)}, {"step", AT(step)},
                {"steps", AT(steps)}, {"done", AT(done)},     {"total", AT(total)}},
  reals[] = {{"loss", AT(loss)},         {"patches_per_s", AT(patches_s)}, {"step_s", AT(step_s)},
             {"case_s", AT(case_s)},     {"left_s", AT(left_s)},           {"begun", AT(begun_s)},
             {"written", AT(written_s)}, {"every_s", AT(every_s)}};

static const struct {
    const char *key;
    size_t at, size;
} texts[] = {{"what", AT(what), sizeof((pleat_progress_state *)0)->what},
             {"host", AT(host), sizeof((pleat_progress_state *)0)->host},
             {"job", AT(job), sizeof((pleat_progress_state *)0)->job}};

#define ROWS(table) (sizeof(table) / sizeof *(table))

const char *pleat_phase_name(pleat_phase phase) { return names[phase]; }

int pleat_phase_is_active(pleat_phase phase) {
    return phase >= PLEAT_PHASE_WORKING && phase <= PLEAT_PHASE_PREDICTING;
}

/* NULL without memory. */
static json_t *pack(const pleat_progress_state *state) {
    const char *base = (const char *)state;
    json_t *root = json_pack("{ss}", "phase", pleat_phase_name(state->phase));
    json_t *losses = json_array();
    for (size_t i = 0; i < ROWS(integers); i++)
        (void)json_object_set_new(root, integers[i].key,
                                  json_integer(*(const int *)(base + integers[i].at)));
    for (size_t i = 0; i < ROWS(reals); i++)
        (void)json_object_set_new(root, reals[i].key,
                                  pleat_json_real(*(const double *)(base + reals[i].at)));
    for (size_t i = 0; i < ROWS(texts); i++)
        (void)json_object_set_new(root, texts[i].key, pleat_json_text(base + texts[i].at));
    (void)json_object_set_new(root, "process", json_integer((json_int_t)state->process));
    for (int i = 0; i < state->n_losses; i++)
        (void)json_array_append_new(losses, pleat_json_real(state->losses[i]));
    (void)json_object_set_new(root, "losses", losses);
    return root;
}

pleat_status pleat_progress_write(const char *path, const pleat_progress_state *state) {
    json_t *root = pack(state);
    char *text = root != NULL ? json_dumps(root, JSON_REAL_PRECISION(DIGITS) | JSON_COMPACT) : NULL;
    json_decref(root);
    PLEAT_CHECK(text != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    const pleat_status status = pleat_file_replace(path, text, strlen(text));
    free(text);
    return status;
}

static double real_of(const json_t *value) {
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int integer_of(const json_t *value) {
    const double x = real_of(value);
    return x >= 0.0 && x <= 2e9 ? (int)x : 0;
}

static pleat_status unpack(const json_t *root, const char *path, pleat_progress_state *out) {
    char *base = (char *)out;
    const char *phase = json_string_value(json_object_get(root, "phase"));
    *out = (pleat_progress_state){0};
    int at = 0;
    while (at < PLEAT_PHASES && (phase == NULL || strcmp(phase, names[at]) != 0)) at++;
    PLEAT_CHECK(at < PLEAT_PHASES, PLEAT_ERR_FORMAT, "'%s' is no file on progress", path);
    out->phase = (pleat_phase)at;
    for (size_t i = 0; i < ROWS(integers); i++)
        *(int *)(base + integers[i].at) = integer_of(json_object_get(root, integers[i].key));
    for (size_t i = 0; i < ROWS(reals); i++)
        *(double *)(base + reals[i].at) = real_of(json_object_get(root, reals[i].key));
    for (size_t i = 0; i < ROWS(texts); i++) {
        const char *text = json_string_value(json_object_get(root, texts[i].key));
        pleat_text_show(text != NULL ? text : "", base + texts[i].at, texts[i].size);
    }
    out->process = integer_of(json_object_get(root, "process"));
    const json_t *losses = json_object_get(root, "losses");
    for (size_t i = 0; i < json_array_size(losses) && i < PLEAT_PROGRESS_LOSSES; i++)
        out->losses[out->n_losses++] = real_of(json_array_get(losses, i));
    return PLEAT_OK;
}

pleat_status pleat_progress_read(const char *path, pleat_progress_state *out) {
    char *text = NULL;
    json_t *root = NULL;
    size_t n = 0;
    PLEAT_TRY(pleat_file_read_all(path, &text, &n));
    pleat_status status = pleat_json_parse(path, text, n, &root);
    free(text);
    if (status == PLEAT_OK) status = unpack(root, path, out);
    json_decref(root);
    return status;
}

static json_t *pack_seen(const pleat_progress_view *view, const pleat_progress_state *state) {
    json_t *object = pack(state);
    if (state->written_s > 0.0) {
        (void)json_object_set_new(object, "age_s",
                                  pleat_json_real(pleat_progress_age(view, state)));
        (void)json_object_set_new(object, "silent",
                                  json_boolean(pleat_progress_is_silent(view, state)));
    }
    return object;
}

pleat_status pleat_progress_print_json(FILE *out, const pleat_progress_view *view) {
    json_t *root = json_object(), *folds = json_array();
    (void)json_object_set_new(root, "run", pleat_json_text(view->run));
    (void)json_object_set_new(root, "time", pleat_json_real(view->now_s));
    (void)json_object_set_new(root, "left_s",
                              view->left_s >= 0.0 ? pleat_json_real(view->left_s) : json_null());
    (void)json_object_set_new(root, "outside_folds", pack_seen(view, &view->whole));
    for (int fold = 0; fold < view->folds; fold++) {
        json_t *one = pack_seen(view, &view->fold[fold]);
        const double left = pleat_progress_left(view, fold);
        (void)json_object_set_new(one, "fold", json_integer(fold));
        (void)json_object_set_new(one, "left_s", left >= 0.0 ? pleat_json_real(left) : json_null());
        (void)json_array_append_new(folds, one);
    }
    const int whole = (int)json_array_size(folds) == view->folds;
    (void)json_object_set_new(root, "folds", folds);
    const int good =
        whole &&
        json_dumpf(root, out, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(DIGITS)) == 0;
    json_decref(root);
    PLEAT_CHECK(good, PLEAT_ERR_IO, "cannot print the progress of '%s' as JSON", view->run);
    (void)fputc('\n', out);
    return PLEAT_OK;
}
