/* predicted_json.c - FOLDER/predicted.json: written, and compared with what stands there. */
#include "pleat/predicted.h"

#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/output.h"

#include <jansson.h>

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define SCHEMA "pleat/predicted/1"
#define CURE   "choose another --out folder, or remove what is in this one"

static pleat_status list_models(const char *const *models, int n, json_t *list) {
    for (int i = 0; i < n; i++) {
        char digest[17];
        pleat_file_identity file;
        PLEAT_TRY(pleat_file_identify(models[i], &file));
        pleat_digest_hex(file.digest, digest);
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

/* The same digests, wherever the files lie. */
static int same_models(const json_t *a, const json_t *b) {
    int same = json_array_size(a) == json_array_size(b);
    for (size_t i = 0; i < json_array_size(a) && same; i++)
        same = json_equal(json_object_get(json_array_get(a, i), "digest"),
                          json_object_get(json_array_get(b, i), "digest"));
    return same;
}

static pleat_status compare(const char *folder, const json_t *was, const json_t *is) {
    const json_t *models = json_object_get(was, "models");
    const char *first = json_string_value(json_object_get(json_array_get(models, 0), "file"));
    PLEAT_CHECK(same_models(models, json_object_get(is, "models")), PLEAT_ERR_ARG,
                "'%s' holds volumes that other models made, the first of them '%s'; " CURE, folder,
                first != NULL ? first : "");
    PLEAT_CHECK(json_equal(json_object_get(was, "settings"), json_object_get(is, "settings")) &&
                    json_equal(json_object_get(was, "largest_components"),
                               json_object_get(is, "largest_components")),
                PLEAT_ERR_ARG,
                "'%s' holds volumes that these models made with other settings or another "
                "post-processing; " CURE,
                folder);
    return PLEAT_OK;
}

static pleat_status check(const char *folder, const json_t *is) {
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
    json_decref(was);
    return status;
}

pleat_status pleat_predicted_begin(const char *const *folders, int n_folders,
                                   const char *const *models, int n, const pleat_config *config,
                                   const pleat_largest *largest) {
    char settings[17], path[PLEAT_PATH_BYTES];
    json_t *root = json_object(), *list = json_array();
    pleat_config_settings(config, settings);
    (void)json_object_set_new(root, "schema", json_string(SCHEMA));
    (void)json_object_set_new(root, "version", json_string(PLEAT_VERSION));
    (void)json_object_set_new(root, "models", list);
    (void)json_object_set_new(root, "settings", json_string(settings));
    (void)json_object_set_new(root, "largest_components", components_json(largest));
    pleat_status status = list_models(models, n, list);
    for (int i = 0; i < n_folders && status == PLEAT_OK; i++) status = check(folders[i], root);
    for (int i = 0; i < n_folders && status == PLEAT_OK; i++) {
        status = pleat_path(path, sizeof path, "%s/" PLEAT_PREDICTED, folders[i]);
        if (status == PLEAT_OK) status = pleat_json_write(root, SCHEMA, path);
    }
    json_decref(root);
    return status;
}
