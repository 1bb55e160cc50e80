/*
 * outcome_json.c - what has come of a run, in its run.json, from the run's own files.
 *
 *   inputs  [{case, image: {bytes, digest, content}, mask: {...}, store}]   as the folds know them
 *   times   [{fold, begun, trained, scored, epochs, training_s, usage}]     of events.jsonl
 *   files   {"fold_0/scores.json": {bytes, digest}, ...}                    that the run wrote
 *
 * Digests of images, masks and files are those of pleat_file_identify, of contents and the store
 * those of provenance.h and store.h. `report --check` computes them anew.
 */
#include "record_json.h"

#include "pleat/json.h"
#include "pleat/log.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- the inputs ------------------------------------------------------------------------------- */

static json_t *hex(uint64_t digest) {
    char text[17];
    pleat_digest_hex(digest, text);
    return json_string(text);
}

static json_t *identity(const pleat_file_identity *file) {
    json_t *object = json_object();
    (void)json_object_set_new(object, "bytes", json_integer((json_int_t)file->bytes));
    (void)json_object_set_new(object, "digest", hex(file->digest));
    return object;
}

static json_t *traced(const pleat_traced *part) {
    json_t *object = identity(&part->file);
    if (part->content != 0) (void)json_object_set_new(object, "content", hex(part->content));
    return object;
}

/* The store of a run; NULL where it is not there, which is no error: it can be made again. */
static pleat_store *open_store(const char *run, const pleat_config *config) {
    char path[PLEAT_PATH_BYTES];
    pleat_store *store = NULL;
    if (pleat_run_path(run, PLEAT_RUN_STORE, path) != PLEAT_OK) return NULL;
    const char *folder = config->store[0] != '\0' ? config->store : path;
    return pleat_store_open(folder, NULL, &store) == PLEAT_OK ? store : NULL;
}

static void add_store(json_t *object, const char *id, const pleat_store *store) {
    const int i = store != NULL ? pleat_store_find(store, id) : -1;
    if (i >= 0) (void)json_object_set_new(object, "store", hex(pleat_store_info(store, i)->digest));
}

static pleat_status list_inputs(const char *run, const pleat_config *config, int folds,
                                json_t **out) {
    pleat_provenance of = {0};
    PLEAT_TRY(pleat_run_provenance(run, folds, &of));
    pleat_store *store = of.n > 0 ? open_store(run, config) : NULL;
    json_t *list = json_array();
    for (int i = 0; i < of.n; i++) {
        json_t *one = json_object();
        (void)json_object_set_new(one, "case", pleat_json_text(of.of[i].id));
        (void)json_object_set_new(one, "image", traced(&of.of[i].image));
        (void)json_object_set_new(one, "mask", traced(&of.of[i].mask));
        add_store(one, of.of[i].id, store);
        (void)json_array_append_new(list, one);
    }
    pleat_store_close(store);
    pleat_provenance_free(&of);
    *out = list;
    return PLEAT_OK;
}

/* --- the times -------------------------------------------------------------------------------- */

/* The first time an event is told, the last for what may be done again. */
static void take_event(json_t *fold, json_t *epochs, const json_t *line) {
    const char *event = json_string_value(json_object_get(line, "event"));
    json_t *time = json_object_get(line, "time"), *text = json_object_get(line, "text");
    if (event == NULL || time == NULL) return;
    if (strcmp(event, "begun") == 0 && json_object_get(fold, "begun") == NULL)
        (void)json_object_set(fold, "begun", time);
    if (strcmp(event, "trained") == 0 || strcmp(event, "scored") == 0)
        (void)json_object_set(fold, event, time);
    if (strcmp(event, "trained") == 0 && text != NULL) (void)json_object_set(fold, "usage", text);
    if (strcmp(event, "epoch") == 0) {
        char key[24];
        (void)snprintf(key, sizeof key, "%lld",
                       (long long)json_integer_value(json_object_get(line, "epoch")));
        (void)json_object_set(epochs, key, json_object_get(line, "seconds"));
    }
}

static json_t *times_of(int number, char *text) {
    json_t *fold = json_object(), *epochs = json_object(), *seconds = NULL;
    const char *key = NULL;
    double sum = 0.0;
    (void)json_object_set_new(fold, "fold", json_integer(number));
    for (char *line = strsep(&text, "\n"); line != NULL; line = strsep(&text, "\n")) {
        json_t *one = json_loads(line, 0, NULL); /* NULL: half a line */
        if (one != NULL) take_event(fold, epochs, one);
        json_decref(one);
    }
    json_object_foreach(epochs, key, seconds) sum += json_number_value(seconds);
    (void)json_object_set_new(fold, "epochs", json_integer((json_int_t)json_object_size(epochs)));
    (void)json_object_set_new(fold, "training_s", pleat_json_real(sum));
    json_decref(epochs);
    return fold;
}

static double seconds_of(const json_t *fold, const char *event) {
    struct tm local = {0};
    const char *text = json_string_value(json_object_get(fold, event));
    if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%S", &local) == NULL) return 0.0;
    return (double)timegm(&local);
}

pleat_status pleat_run_prediction_seconds(const char *run, int fold, double *out) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_EVENTS, path));
    PLEAT_TRY(pleat_file_read_all(path, &text, NULL));
    json_t *times = times_of(fold, text);
    const double trained = seconds_of(times, "trained"), scored = seconds_of(times, "scored");
    json_decref(times);
    free(text);
    PLEAT_CHECK(trained > 0.0 && scored >= trained, PLEAT_ERR_NOT_FOUND,
                "fold %d of '%s' has not predicted", fold, run);
    *out = scored - trained;
    return PLEAT_OK;
}

static pleat_status list_times(const char *run, int folds, json_t **out) {
    json_t *list = json_array();
    *out = list;
    for (int fold = 0; fold < folds; fold++) {
        char path[PLEAT_PATH_BYTES], *text = NULL;
        PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_EVENTS, path));
        if (pleat_file_read_all(path, &text, NULL) != PLEAT_OK) continue;
        (void)json_array_append_new(list, times_of(fold, text));
        free(text);
    }
    return PLEAT_OK;
}

/* --- the files -------------------------------------------------------------------------------- */

static const pleat_run_file run_files[] = {
    PLEAT_RUN_CONFIG,        PLEAT_RUN_SPLITS,          PLEAT_RUN_DETAILED,
    PLEAT_RUN_FINAL,         PLEAT_RUN_SUMMARY,         PLEAT_RUN_SCORES,
    PLEAT_RUN_STATISTICS,    PLEAT_RUN_STATISTICS_JSON, PLEAT_RUN_LABELS_ITKSNAP,
    PLEAT_RUN_LABELS_SLICER, PLEAT_RUN_POSTPROCESSING,  PLEAT_RUN_METHODS,
    PLEAT_RUN_CRATE,         PLEAT_RUN_DATASET,
};

pleat_status pleat_record_is_renewed(const char *run, const char *name, int *out) {
    char path[PLEAT_PATH_BYTES], *end = NULL;
    static const char prefix[] = "fold_";
    *out = 0;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) return PLEAT_OK;
    const long fold = strtol(name + sizeof prefix - 1, &end, 10);
    if (*end != '/' || fold < 0 || fold >= PLEAT_MAX_FOLDS) return PLEAT_OK;
    PLEAT_TRY(pleat_run_fold_path(run, (int)fold, PLEAT_FOLD_RENEWED, path));
    *out = pleat_file_exists(path);
    return PLEAT_OK;
}

pleat_status pleat_record_renew(const char *run, int fold) {
    static const char text[] = "The files of this fold were made again since run.json was written, "
                               "whose digests of them are of those before.\n";
    char path[PLEAT_PATH_BYTES];
    json_t *root = NULL;
    if (pleat_record_load(run, &root) != PLEAT_OK) return PLEAT_OK; /* nothing is known */
    const int listed = json_is_object(json_object_get(root, "files"));
    json_decref(root);
    if (!listed) return PLEAT_OK;
    PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_RENEWED, path));
    return pleat_file_write_atomic(path, text, sizeof text - 1);
}

/* run.json has the digests of the files as they are. */
static pleat_status forget_renewals(const char *run, int folds) {
    char path[PLEAT_PATH_BYTES];
    for (int fold = 0; fold < folds; fold++) {
        PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_RENEWED, path));
        PLEAT_CHECK(unlink(path) == 0 || errno == ENOENT, PLEAT_ERR_IO, "cannot remove '%s': %s",
                    path, strerror(errno));
    }
    return PLEAT_OK;
}

/* RUN/NAME, where it is there. */
static pleat_status add_file(const char *run, const char *name, json_t *files) {
    char path[PLEAT_PATH_BYTES];
    pleat_file_identity file;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", run, name));
    if (!pleat_file_exists(path)) return PLEAT_OK;
    PLEAT_TRY(pleat_file_identify(path, &file));
    (void)json_object_set_new(files, name, identity(&file));
    return PLEAT_OK;
}

/* What a fold's scores are of is not looked at again while the scores are the same: a prediction
 * that was changed since is not taken for the one that was scored. */
static pleat_status add_fold(const char *run, int fold, const json_t *before, json_t *files) {
    const pleat_fold_file kinds[] = {PLEAT_FOLD_SCORES,    PLEAT_FOLD_TABLE, PLEAT_FOLD_HISTORY,
                                     PLEAT_FOLD_KERAS_LOG, PLEAT_FOLD_BEST,  PLEAT_FOLD_LATEST};
    char name[PLEAT_PATH_BYTES], folder[32];
    const char *key = NULL;
    json_t *was = NULL;
    int renewed = 0;
    (void)snprintf(folder, sizeof folder, "fold_%d/", fold);
    PLEAT_TRY(
        pleat_path(name, sizeof name, "%s%s", folder, pleat_fold_file_name(PLEAT_FOLD_SCORES)));
    PLEAT_TRY(add_file(run, name, files));
    if (json_object_get(files, name) == NULL) return PLEAT_OK; /* not finished */
    PLEAT_TRY(pleat_record_is_renewed(run, name, &renewed));
    if (!renewed && json_equal(json_object_get(before, name), json_object_get(files, name))) {
        json_object_foreach((json_t *)before, key,
                            was) if (strncmp(key, folder, strlen(folder)) == 0)(void)
            json_object_set(files, key, was);
        return PLEAT_OK;
    }
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        PLEAT_TRY(pleat_path(name, sizeof name, "%s%s", folder, pleat_fold_file_name(kinds[k])));
        PLEAT_TRY(add_file(run, name, files));
    }
    return PLEAT_OK;
}

/* "fold_1/predictions/case.nii.gz" */
static pleat_status name_prediction(const pleat_case_result *one, char out[PLEAT_PATH_BYTES]) {
    return pleat_path(out, PLEAT_PATH_BYTES, "fold_%d/%s/%s.nii.gz", one->fold,
                      pleat_fold_file_name(PLEAT_FOLD_PREDICTIONS), one->id);
}

static pleat_status add_predictions(const char *run, const pleat_results *results, json_t *files) {
    for (int i = 0; i < results->n; i++) {
        char name[PLEAT_PATH_BYTES];
        PLEAT_TRY(name_prediction(&results->cases[i], name));
        if (json_object_get(files, name) == NULL) PLEAT_TRY(add_file(run, name, files));
    }
    return PLEAT_OK;
}

static pleat_status list_files(const char *run, const pleat_results *results, const json_t *before,
                               json_t **out) {
    json_t *files = json_object();
    *out = files;
    for (size_t k = 0; k < sizeof run_files / sizeof *run_files; k++)
        PLEAT_TRY(add_file(run, pleat_run_file_name(run_files[k]), files));
    for (int fold = 0; fold < results->folds; fold++) PLEAT_TRY(add_fold(run, fold, before, files));
    return add_predictions(run, results, files);
}

pleat_status pleat_record_outcome(const char *run, const pleat_config *config,
                                  const pleat_results *results) {
    json_t *root = NULL, *inputs = NULL, *times = NULL, *files = NULL;
    PLEAT_TRY(pleat_record_load(run, &root));
    if (json_object_get(root, "checksum") == NULL) { /* of an older pleat: it stays as it is */
        json_decref(root);
        return PLEAT_OK;
    }
    pleat_status status = list_inputs(run, config, results->folds, &inputs);
    if (status == PLEAT_OK) status = list_times(run, results->folds, &times);
    if (status == PLEAT_OK)
        status = list_files(run, results, json_object_get(root, "files"), &files);
    if (status == PLEAT_OK) {
        (void)json_object_set(root, "inputs", inputs);
        (void)json_object_set(root, "times", times);
        (void)json_object_set(root, "files", files);
        status = pleat_record_save(run, root);
    }
    if (status == PLEAT_OK) status = forget_renewals(run, results->folds);
    json_decref(inputs);
    json_decref(times);
    json_decref(files);
    json_decref(root);
    return status;
}

/* --- what was changed since ------------------------------------------------------------------- */

static pleat_status is_edited(const char *run, const char *name, const json_t *was, int *out) {
    char path[PLEAT_PATH_BYTES];
    pleat_file_identity is;
    int renewed = 0;
    *out = 0;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", run, name));
    if (was == NULL || !pleat_file_exists(path)) return PLEAT_OK;
    PLEAT_TRY(pleat_record_is_renewed(run, name, &renewed));
    if (renewed) return PLEAT_OK;
    PLEAT_TRY(pleat_file_identify(path, &is));
    json_t *now = identity(&is);
    *out = !json_equal(now, was);
    json_decref(now);
    return PLEAT_OK;
}

/* The first of `kinds`, files of the fold, that is not what run.json says; NULL: all are. */
static pleat_status find_foreign(const char *run, int fold, const json_t *files,
                                 const char *const *kinds, int n, const char **out) {
    char name[PLEAT_PATH_BYTES];
    *out = NULL;
    for (int i = 0; i < n && *out == NULL; i++) {
        int edited = 0;
        PLEAT_TRY(pleat_path(name, sizeof name, "fold_%d/%s", fold, kinds[i]));
        PLEAT_TRY(is_edited(run, name, json_object_get(files, name), &edited));
        if (edited) *out = kinds[i];
    }
    return PLEAT_OK;
}

pleat_status pleat_record_check_fold(const char *run, int fold, const char *model) {
    const char *const kinds[] = {pleat_fold_file_name(PLEAT_FOLD_SCORES),
                                 pleat_fold_file_name(PLEAT_FOLD_HISTORY), model};
    const int n = model != NULL ? 3 : 2;
    char scores[PLEAT_PATH_BYTES];
    const char *foreign = NULL;
    json_t *root = NULL;
    PLEAT_TRY(pleat_run_fold_path(run, fold, PLEAT_FOLD_SCORES, scores));
    if (pleat_record_load(run, &root) != PLEAT_OK) return PLEAT_OK; /* nothing is known */
    const json_t *files = json_object_get(root, "files");
    pleat_status status = find_foreign(run, fold, files, kinds, n, &foreign);
    /* Without scores it may be trained further now, which its history then shows. */
    if (!pleat_file_exists(scores) && foreign != model) foreign = NULL;
    json_decref(root);
    PLEAT_TRY(status);
    PLEAT_CHECK(foreign == NULL, PLEAT_ERR_DATA,
                "'%s/fold_%d/%s' is not the file that the run was reported with, by its digest in "
                "run.json; put the fold's own files back, or remove '%s/fold_%d' and start the run "
                "again to train the fold again",
                run, fold, foreign, run, fold);
    return PLEAT_OK;
}

pleat_status pleat_record_check_postprocessing(const char *run) {
    const char *name = pleat_run_file_name(PLEAT_RUN_POSTPROCESSING);
    char path[PLEAT_PATH_BYTES];
    json_t *root = NULL;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_POSTPROCESSING, path));
    if (pleat_file_exists(path) || pleat_record_load(run, &root) != PLEAT_OK) return PLEAT_OK;
    const int was = json_object_get(json_object_get(root, "files"), name) != NULL;
    json_decref(root);
    PLEAT_CHECK(!was, PLEAT_ERR_DATA,
                "'%s' is missing, and by run.json the run has chosen which largest components are "
                "kept; `pleat report %s` chooses again, `predict --no-postprocess` does without",
                path, run);
    return PLEAT_OK;
}

pleat_status pleat_record_edited(const char *run, const pleat_results *results, int *edited,
                                 int *any) {
    char name[PLEAT_PATH_BYTES], list[400] = "";
    pleat_status status = PLEAT_OK;
    json_t *root = NULL;
    *any = 0;
    PLEAT_TRY(pleat_record_load(run, &root));
    const json_t *files = json_object_get(root, "files");
    for (int i = 0; i < results->n && status == PLEAT_OK; i++) {
        status = name_prediction(&results->cases[i], name);
        if (status == PLEAT_OK)
            status = is_edited(run, name, json_object_get(files, name), &edited[i]);
        if (status != PLEAT_OK || !edited[i]) continue;
        pleat_warn_list(list, sizeof list, results->cases[i].id);
        ++*any;
    }
    json_decref(root);
    if (*any > 0)
        pleat_warn("%d prediction%s of '%s' %s not the file%s that %s scored (%s): not shown, and "
                   "post-processing is not chosen; put back what was changed, or, if it was only "
                   "packed again, report with --rescore, which compares voxels",
                   *any, pleat_plural(*any), run, *any == 1 ? "is" : "are", pleat_plural(*any),
                   *any == 1 ? "was" : "were", list);
    return status;
}
