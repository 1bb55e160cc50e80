/* predicted_json.c - FOLDER/predicted.json: written, and compared with what stands there. */
#include "pleat/predicted.h"

#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/output.h"
#include "pleat/warn.h"

#include <jansson.h>

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define SCHEMA "pleat/predicted/1"
#define CURE   "choose another --out folder, or remove what is in this one"

/* None twice: it would weigh as two. */
static pleat_status list_models(const char *const *models, int n, json_t *list) {
    for (int i = 0; i < n; i++) {
        char digest[17];
        pleat_file_identity file;
        PLEAT_TRY(pleat_file_identify(models[i], &file));
        pleat_digest_hex(file.digest, digest);
        for (int k = 0; k < i; k++) {
            const json_t *other = json_object_get(json_array_get(list, (size_t)k), "digest");
            PLEAT_CHECK(strcmp(json_string_value(other), digest) != 0, PLEAT_ERR_ARG,
                        "'%s' is the same model as '%s', and would count twice; name each once",
                        models[i], models[k]);
        }
        json_t *one = json_object();
        (void)json_object_set_new(one, "file", pleat_json_text(models[i]));
        (void)json_object_set_new(one, "digest", json_string(digest));
        (void)json_array_append_new(list, one);
    }
    return PLEAT_OK;
}

static json_t *components_json(const pleat_largest *largest) {
    json_t *list = json_array();
    if (largest->foreground) (void)json_array_append_new(list, json_integer(0));
    for (int c = 1; c < PLEAT_MAX_CLASSES; c++)
        if (largest->of_class[c]) (void)json_array_append_new(list, json_integer(c));
    return list;
}

static int holds_volumes(const char *folder) {
    DIR *dir = opendir(folder);
    int any = 0;
    if (dir == NULL) return 0; /* whoever writes there says why it cannot */
    for (const struct dirent *entry = readdir(dir); entry != NULL && !any; entry = readdir(dir))
        any = pleat_output_is_volume(folder, entry->d_name);
    (void)closedir(dir);
    return any;
}

static int has_model(const json_t *list, const json_t *model) {
    const json_t *one = NULL;
    size_t i = 0;
    json_array_foreach((json_t *)list, i, one) {
        if (json_equal(json_object_get(one, "digest"), json_object_get(model, "digest"))) return 1;
    }
    return 0;
}

/* The same digests, in any order, wherever the files lie: no list has one twice. */
static int same_models(const json_t *a, const json_t *b) {
    int same = json_array_size(a) == json_array_size(b);
    for (size_t i = 0; i < json_array_size(a) && same; i++)
        same = has_model(b, json_array_get(a, i));
    return same;
}

static const char *text_of(const json_t *root, const char *key) {
    const char *text = json_string_value(json_object_get(root, key));
    return text != NULL ? text : "unknown";
}

static pleat_status compare(const char *folder, const json_t *was, const json_t *is) {
    const json_t *models = json_object_get(was, "models");
    const char *kind = text_of(was, "kind");
    PLEAT_CHECK(strcmp(kind, text_of(is, "kind")) == 0, PLEAT_ERR_ARG,
                "'%s' holds volumes of the kind '%s', and this is '%s'; choose another folder",
                folder, kind, text_of(is, "kind"));
    const char *first = json_string_value(json_object_get(json_array_get(models, 0), "file"));
    PLEAT_CHECK(same_models(models, json_object_get(is, "models")), PLEAT_ERR_ARG,
                "'%s' holds volumes that other models made, the first of them '%s'; " CURE, folder,
                first != NULL ? first : "");
    const int held_out = json_is_true(json_object_get(was, "held_out"));
    PLEAT_CHECK(held_out == json_is_true(json_object_get(is, "held_out")), PLEAT_ERR_ARG,
                "'%s' holds volumes that were labelled %s --held-out; " CURE, folder,
                held_out ? "with" : "without");
    const char *engine = text_of(was, "engine"), *precision = text_of(was, "precision");
    PLEAT_CHECK(strcmp(engine, text_of(is, "engine")) == 0 &&
                    strcmp(precision, text_of(is, "precision")) == 0,
                PLEAT_ERR_ARG,
                "'%s' holds volumes that engine %s made in %s, this is %s in %s, by which a label "
                "may differ; set --engine and --precision so, or " CURE,
                folder, engine, precision, text_of(is, "engine"), text_of(is, "precision"));
    PLEAT_CHECK(json_equal(json_object_get(was, "settings"), json_object_get(is, "settings")) &&
                    json_equal(json_object_get(was, "largest_components"),
                               json_object_get(is, "largest_components")),
                PLEAT_ERR_ARG,
                "'%s' holds volumes that these models made with other settings or another "
                "post-processing; " CURE,
                folder);
    return PLEAT_OK;
}

/* Adds to `learnt` what the folder's file says of the volumes in it. */
static pleat_status check(const char *folder, const json_t *is, json_t *learnt) {
    char path[PLEAT_PATH_BYTES];
    json_t *was = NULL;
    int sealed = 0;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/" PLEAT_PREDICTED, folder));
    if (!holds_volumes(folder)) return PLEAT_OK;
    const pleat_status read = pleat_json_read(path, SCHEMA, CURE, &was, &sealed);
    PLEAT_CHECK(read != PLEAT_ERR_NOT_FOUND, PLEAT_ERR_ARG,
                "'%s' holds volumes, but no " PLEAT_PREDICTED
                " that says which models made them; " CURE,
                folder);
    PLEAT_TRY(read);
    const pleat_status status = compare(folder, was, is);
    if (status == PLEAT_OK) (void)json_array_extend(learnt, json_object_get(was, "trained_on"));
    json_decref(was);
    return status;
}

static int has_text(const json_t *list, const char *text) {
    const json_t *one = NULL;
    size_t i = 0;
    json_array_foreach((json_t *)list, i, one) {
        const char *said = json_string_value(one);
        if (said != NULL && strcmp(said, text) == 0) return 1;
    }
    return 0;
}

/* Of the volumes that stay those that `was` names, each once, and of those labelled now. */
static json_t *learnt_json(const json_t *was, const pleat_predicted *by) {
    json_t *list = json_array(), *now = json_array();
    for (int i = 0; i < by->n_cases; i++) {
        (void)json_array_append_new(now, pleat_json_text(by->cases[i].id));
        if (by->learnt[i]) (void)json_array_append_new(list, pleat_json_text(by->cases[i].id));
    }
    for (size_t k = 0; k < json_array_size(was); k++) {
        json_t *one = json_array_get(was, k);
        const char *text = json_string_value(one);
        if (text != NULL && !has_text(now, text) && !has_text(list, text))
            (void)json_array_append(list, one);
    }
    json_decref(now);
    return list;
}

static void set_kind(json_t *root, const pleat_predicted_folder *folder) {
    (void)json_object_set_new(root, "kind", json_string(folder->kind));
}

pleat_status pleat_predicted_begin(const pleat_predicted_folder *folders, int n_folders,
                                   const pleat_predicted *by) {
    char path[PLEAT_PATH_BYTES];
    json_t *root = json_object(), *list = json_array(), *learnt = json_array();
    (void)json_object_set_new(root, "schema", json_string(SCHEMA));
    (void)json_object_set_new(root, "version", json_string(PLEAT_VERSION));
    (void)json_object_set_new(root, "models", list);
    (void)json_object_set_new(root, "settings", json_string(by->settings));
    if (by->held_out) (void)json_object_set_new(root, "held_out", json_true());
    (void)json_object_set_new(root, "engine", json_string(by->engine->ops->name));
    (void)json_object_set_new(root, "precision", json_string(pleat_engine_precision(by->engine)));
    (void)json_object_set_new(root, "largest_components", components_json(by->largest));
    pleat_status status = list_models(by->models, by->n, list);
    for (int i = 0; i < n_folders && status == PLEAT_OK; i++) {
        set_kind(root, &folders[i]);
        status = check(folders[i].path, root, learnt);
    }
    (void)json_object_set_new(root, "trained_on", learnt_json(learnt, by));
    for (int i = 0; i < n_folders && status == PLEAT_OK; i++) {
        set_kind(root, &folders[i]);
        status = pleat_path(path, sizeof path, "%s/" PLEAT_PREDICTED, folders[i].path);
        if (status == PLEAT_OK) status = pleat_json_write(root, SCHEMA, path);
    }
    json_decref(learnt);
    json_decref(root);
    return status;
}

/* --- for who scores them ---------------------------------------------------------------------- */

/* That of the folder of a prediction; NULL: there is none. */
static pleat_status read_beside(const char *prediction, json_t **out) {
    char path[PLEAT_PATH_BYTES];
    const char *slash = strrchr(prediction, '/');
    int sealed = 0;
    *out = NULL;
    PLEAT_TRY(pleat_path(path, sizeof path, "%.*s" PLEAT_PREDICTED,
                         slash != NULL ? (int)(slash + 1 - prediction) : 0, prediction));
    return pleat_file_exists(path) ? pleat_json_read(path, SCHEMA, CURE, out, &sealed) : PLEAT_OK;
}

void pleat_predicted_tell(const pleat_results *scored) {
    char list[400] = "";
    json_t *root = NULL;
    int n = 0;
    if (scored->n == 0) return; /* all predictions are of one folder, or of folders of their own */
    if (read_beside(scored->cases[0].prediction, &root) != PLEAT_OK) {
        pleat_warn("which of the cases the models were trained on is not known: %s",
                   pleat_error_message());
        return;
    }
    for (int i = 0; i < scored->n; i++) {
        if (!has_text(json_object_get(root, "trained_on"), scored->cases[i].id)) continue;
        pleat_warn_list(list, sizeof list, scored->cases[i].id);
        n++;
    }
    json_decref(root);
    if (n > 0)
        pleat_warn("%d of the %d cases %s trained on by the models that labelled %s: %s; these "
                   "scores are not of unseen data",
                   n, scored->n, n == 1 ? "was" : "were", n == 1 ? "it" : "them", list);
}
