/* layout_json.c - dataset.json of MSD and nnU-Net: its cases, classes and channels. */
#include "layout_json.h"

#include "layout_files.h"

#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/volume.h"
#include "pleat/warn.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file parsed, NULL when there is none. `path`[PLEAT_PATH_BYTES] is its name. */
static pleat_status load(const char *folder, char *path, json_t **out) {
    char base[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_layout_base(folder, base, NULL));
    PLEAT_TRY(pleat_path(path, PLEAT_PATH_BYTES, "%s/dataset.json", base));
    *out = NULL;
    layout_kind kind = LAYOUT_ABSENT;
    PLEAT_TRY(layout_look(path, &kind));
    if (kind == LAYOUT_ABSENT) return PLEAT_OK;
    char *text = NULL;
    size_t n = 0;
    PLEAT_TRY(pleat_file_read_all(path, &text, &n));
    json_t *root = NULL;
    const pleat_status status = pleat_json_parse(path, text, n, &root);
    free(text);
    PLEAT_TRY(status);
    if (!json_is_object(root)) {
        json_decref(root);
        return PLEAT_FAIL(PLEAT_ERR_FORMAT, "'%s' is no JSON object; correct it", path);
    }
    *out = root;
    return PLEAT_OK;
}

/* nnU-Net's since version 2, else MSD's; NULL. */
static json_t *channel_list(const json_t *root) {
    json_t *list = json_object_get(root, "channel_names");
    return list != NULL ? list : json_object_get(root, "modality");
}

/* Keys of lists that others have and that choose no case for training. */
static int is_other_key(const char *key) {
    static const char *const known[] = {"training", "test",   "channel_names",
                                        "modality", "labels", "regions_class_order"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(key, known[i]) == 0) return 0;
    return 1;
}

static int names_volume(const json_t *value, int depth);

/* How many entries of a list or an object name volumes, themselves or at most `depth` below. */
static int count_volumes(const json_t *value, int depth) {
    int n = 0;
    for (size_t i = 0; i < json_array_size(value); i++)
        n += names_volume(json_array_get(value, i), depth);
    const char *key = NULL;
    json_t *entry = NULL;
    json_object_foreach((json_t *)value, key, entry) n += names_volume(entry, depth);
    return n;
}

static int names_volume(const json_t *value, int depth) {
    if (json_is_string(value)) return layout_stem(json_string_value(value)) > 0;
    return depth > 0 && count_volumes(value, depth - 1) > 0;
}

/* Lists under keys that are not read: beside "training" they are passed by, else nobody knows which
 * cases are meant. */
static pleat_status read_other(const char *path, json_t *root, layout_json *to) {
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(root, key, value) {
        const int n = is_other_key(key) ? count_volumes(value, 3) : 0;
        if (n == 0) continue;
        PLEAT_CHECK(to->n > 0, PLEAT_ERR_UNSUPPORTED,
                    "'%s' lists cases (%d) under \"%s\", which is not read; list them under "
                    "\"training\" as {\"image\": ..., \"label\": ...}, or remove the key",
                    path, n, key);
        to->unread += n;
        if (to->key == NULL) to->key = strdup(key);
        PLEAT_CHECK(to->key != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", path);
    }
    return PLEAT_OK;
}

/* Into to->entry_keys, each once. */
static void note_keys(const json_t *row, json_t *seen, layout_json *to) {
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)row, key, value) {
        if (strcmp(key, "image") == 0 || strcmp(key, "label") == 0 ||
            json_object_get(seen, key) != NULL)
            continue;
        (void)json_object_set_new(seen, key, json_true());
        pleat_warn_list(to->entry_keys, sizeof to->entry_keys, key);
    }
}

static pleat_status read_rows(const char *path, const json_t *root, layout_json *to) {
    const json_t *list = json_object_get(root, "training");
    PLEAT_CHECK(list == NULL || json_is_array(list), PLEAT_ERR_FORMAT,
                "'%s': \"training\" is no list; correct it", path);
    const size_t n = json_array_size(list);
    to->empty = list != NULL && n == 0;
    if (n == 0) return PLEAT_OK;
    to->row = calloc(n, sizeof *to->row);
    PLEAT_CHECK(to->row != NULL, PLEAT_ERR_MEMORY, "no memory for the cases of '%s'", path);
    json_t *seen = json_object();
    for (size_t i = 0; i < n; i++) note_keys(json_array_get(list, i), seen, to);
    json_decref(seen);
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(list, i);
        const char *image = json_string_value(json_object_get(row, "image"));
        const char *label = json_string_value(json_object_get(row, "label"));
        PLEAT_CHECK(image != NULL, PLEAT_ERR_FORMAT,
                    "'%s': \"training\"[%zu] has no \"image\" text; correct it", path, i);
        to->n++;
        to->row[i].image = strdup(image);
        to->row[i].label = label == NULL ? NULL : strdup(label);
        PLEAT_CHECK(to->row[i].image != NULL && (label == NULL || to->row[i].label != NULL),
                    PLEAT_ERR_MEMORY, "no memory for the cases of '%s'", path);
    }
    return PLEAT_OK;
}

static pleat_status read_all(const char *path, json_t *root, layout_json *to) {
    const json_t *ending = json_object_get(root, "file_ending");
    if (ending != NULL) {
        const char *text = json_is_string(ending) ? json_string_value(ending) : "";
        PLEAT_CHECK(strcmp(text, ".nii.gz") == 0 || strcmp(text, ".nii") == 0,
                    PLEAT_ERR_UNSUPPORTED,
                    "'%s': file_ending '%s'; .nii.gz and .nii are read, so convert the volumes",
                    path, text);
        to->ending = strdup(text);
        PLEAT_CHECK(to->ending != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", path);
    }
    to->channels = (int)json_object_size(channel_list(root));
    const json_t *training = json_object_get(root, "numTraining");
    PLEAT_CHECK(training == NULL || json_is_integer(training), PLEAT_ERR_FORMAT,
                "'%s': \"numTraining\" is no whole number; correct it", path);
    to->training = training == NULL ? -1 : (long long)json_integer_value(training);
    PLEAT_TRY(read_rows(path, root, to));
    return read_other(path, root, to);
}

pleat_status pleat_layout_json_read(const char *folder, layout_json *out) {
    char path[PLEAT_PATH_BYTES];
    json_t *root = NULL;
    layout_json json = {.training = -1};
    PLEAT_TRY(load(folder, path, &root));
    const pleat_status status = root == NULL ? PLEAT_OK : read_all(path, root, &json);
    json_decref(root);
    if (status != PLEAT_OK) {
        pleat_layout_json_free(&json);
        PLEAT_TRY(status);
    }
    *out = json;
    return PLEAT_OK;
}

void pleat_layout_json_free(layout_json *json) {
    for (int i = 0; i < json->n; i++) {
        free(json->row[i].image);
        free(json->row[i].label);
    }
    free(json->row);
    free(json->ending);
    free(json->key);
    *json = (layout_json){0};
}

typedef struct layout_class {
    const char *name;
    const json_t *region; /* a list of labels; NULL: the class has one */
    long label;
} layout_class;

/* One entry of "labels" in either order, or a region. */
static pleat_status read_class(const char *path, const char *key, const json_t *value,
                               layout_class *out) {
    *out = (layout_class){.name = key};
    if (json_is_array(value)) {
        out->region = value;
    } else if (json_is_integer(value)) {
        out->label = (long)json_integer_value(value);
    } else {
        char *end = NULL;
        errno = 0;
        out->name = json_string_value(value);
        out->label = strtol(key, &end, 10);
        PLEAT_CHECK(out->name != NULL && errno == 0 && end != key && *end == '\0', PLEAT_ERR_FORMAT,
                    "'%s': label '%s' is neither \"0\": \"name\" nor \"name\": 0; correct it", path,
                    key);
    }
    return PLEAT_OK;
}

static pleat_status check_label(const char *path, const char *name, long label) {
    PLEAT_CHECK(label >= 0 && label <= PLEAT_MAX_CLASSES, PLEAT_ERR_DATA,
                "'%s': label '%s' has value %ld; values are 0 to %d", path, name, label,
                PLEAT_MAX_CLASSES);
    return PLEAT_OK;
}

static int by_label(const void *a, const void *b) {
    const long x = ((const layout_class *)a)->label, y = ((const layout_class *)b)->label;
    return (x > y) - (x < y);
}

/* A region is `to`'s class c, and "regions_class_order"[c - 1] is what it writes. */
static pleat_status take_region(const char *path, const layout_class *one, const json_t *order,
                                int c, pleat_classes *to) {
    const json_t *writes = json_array_get(order, (size_t)c - 1);
    const size_t n = one->region != NULL ? json_array_size(one->region) : 1;
    PLEAT_CHECK(json_array_size(order) == (size_t)to->n - 1 && json_is_integer(writes),
                PLEAT_ERR_FORMAT,
                "'%s': some of the %d classes are regions, so \"regions_class_order\" must list "
                "the label that each of them writes",
                path, to->n - 1);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = one->region != NULL ? json_array_get(one->region, i) : NULL;
        const long label = value != NULL ? (long)json_integer_value(value) : one->label;
        PLEAT_CHECK(value == NULL || json_is_integer(value), PLEAT_ERR_FORMAT,
                    "'%s': the region '%s' is no list of whole numbers; correct it", path,
                    one->name);
        PLEAT_TRY(check_label(path, one->name, label));
        to->regions[label] |= (uint32_t)1 << (c - 1);
    }
    const long label = (long)json_integer_value(writes);
    PLEAT_TRY(check_label(path, one->name, label));
    to->value[c] = (uint8_t)label;
    return PLEAT_OK;
}

/* list[n] of "labels" in the order of the file, or, without regions, of the labels. */
static pleat_status list_classes(const char *path, json_t *labels, layout_class *list, int *n,
                                 int *of_regions, long *ignore) {
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(labels, key, value) {
        layout_class *one = &list[*n];
        PLEAT_TRY(read_class(path, key, value, one));
        if (one->region == NULL) PLEAT_TRY(check_label(path, one->name, one->label));
        if (strcmp(one->name, "ignore") == 0 && one->region == NULL)
            *ignore = one->label;
        else
            ++*n;
        *of_regions |= one->region != NULL;
    }
    for (int i = 0; *of_regions && i < *n; i++) { /* the background is no region, and the first */
        const layout_class one = list[i];
        if (one.region != NULL ? json_array_size(one.region) != 1 ||
                                     json_integer_value(json_array_get(one.region, 0)) != 0
                               : one.label != 0)
            continue;
        memmove(list + 1, list, (size_t)i * sizeof *list);
        list[0] = (layout_class){.name = one.name};
        break;
    }
    if (!*of_regions) qsort(list, (size_t)*n, sizeof *list, by_label);
    return PLEAT_OK;
}

static pleat_status take_classes(const char *path, const json_t *root, const layout_class *list,
                                 int n, int of_regions, pleat_classes *out) {
    const char *name[PLEAT_MAX_CLASSES];
    PLEAT_CHECK(!of_regions || (n >= 3 && n <= 1 + PLEAT_MAX_REGIONS), PLEAT_ERR_DATA,
                "'%s': with the background there are %d labels, but 2 to %d regions are possible",
                path, n, PLEAT_MAX_REGIONS);
    for (int i = 0; i < n; i++) name[i] = list[i].name;
    PLEAT_TRY(pleat_classes_make(name, n, out));
    out->of_regions = of_regions;
    for (int i = 0; i < n; i++)
        if (i > 0 && of_regions)
            PLEAT_TRY(
                take_region(path, &list[i], json_object_get(root, "regions_class_order"), i, out));
        else
            out->value[i] = (uint8_t)list[i].label;
    return PLEAT_OK;
}

pleat_status pleat_layout_classes(const char *folder, pleat_classes *out) {
    char path[PLEAT_PATH_BYTES], where[PLEAT_PATH_BYTES + 2];
    json_t *root = NULL;
    layout_class list[PLEAT_MAX_CLASSES + 1];
    pleat_status status = PLEAT_OK;
    int n = 0, of_regions = 0;
    long ignore = -1;
    *out = (pleat_classes){0};
    PLEAT_TRY(load(folder, path, &root));
    json_t *labels = json_object_get(root, "labels");
    const size_t count = json_object_size(labels);
    PLEAT_CHECK_GOTO(status, done, labels == NULL || json_is_object(labels), PLEAT_ERR_FORMAT,
                     "'%s': \"labels\" is no object; correct it", path);
    PLEAT_CHECK_GOTO(status, done, count <= PLEAT_MAX_CLASSES, PLEAT_ERR_DATA,
                     "'%s': %zu labels, at most %d are supported", path, count, PLEAT_MAX_CLASSES);
    if (count == 0) goto done;
    PLEAT_TRY_GOTO(status, done, list_classes(path, labels, list, &n, &of_regions, &ignore));
    PLEAT_TRY_GOTO(status, done, take_classes(path, root, list, n, of_regions, out));
    PLEAT_CHECK_GOTO(status, done, ignore != 0, PLEAT_ERR_DATA,
                     "'%s': the label 'ignore' is 0, which is the background's", path);
    out->ignore = ignore > 0 ? (int)ignore : 0;
    (void)snprintf(where, sizeof where, "'%s'", path);
    PLEAT_TRY_GOTO(status, done, pleat_classes_check(where, out));
done:
    if (status != PLEAT_OK) pleat_classes_free(out);
    json_decref(root);
    return status;
}

static pleat_status read_channels(const char *path, json_t *list, char **names, size_t n) {
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(list, key, value) {
        char *end = NULL;
        errno = 0;
        const long number = strtol(key, &end, 10);
        const char *name = json_string_value(value);
        PLEAT_CHECK(name != NULL && errno == 0 && end != key && *end == '\0', PLEAT_ERR_FORMAT,
                    "'%s': channel '%s' is not \"0\": \"name\"; correct it", path, key);
        PLEAT_CHECK(number >= 0 && number < (long)n && names[number] == NULL, PLEAT_ERR_DATA,
                    "'%s': '%s' is channel %ld; the %zu channels must be 0..%zu, each once", path,
                    name, number, n, n - 1);
        names[number] = strdup(name);
        PLEAT_CHECK(names[number] != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", path);
    }
    return PLEAT_OK;
}

pleat_status pleat_layout_channels(const char *folder, char ***names, int *n) {
    char path[PLEAT_PATH_BYTES];
    json_t *root = NULL;
    char **found = NULL;
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(load(folder, path, &root));
    json_t *list = channel_list(root);
    const size_t count = json_object_size(list);
    PLEAT_CHECK_GOTO(status, done, count <= PLEAT_MAX_CHANNELS, PLEAT_ERR_DATA,
                     "'%s': %zu channels, at most %d are supported", path, count,
                     PLEAT_MAX_CHANNELS);
    if (count > 0) {
        found = calloc(count, sizeof *found);
        PLEAT_CHECK_GOTO(status, done, found != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'",
                         path);
        PLEAT_TRY_GOTO(status, done, read_channels(path, list, found, count));
    }
    *names = found;
    *n = (int)count;
    found = NULL;
done:
    if (found != NULL) pleat_layout_names_free(found, (int)count);
    json_decref(root);
    return status;
}

void layout_json_tell(const char *folder, const layout_json *json, int n) {
    if (json->training >= 0 && json->training != n)
        pleat_warn(
            "'%s/dataset.json' says numTraining %lld, cases found: %d; copy the folder again, "
            "or correct the number",
            folder, json->training, n);
    if (json->unread > 0)
        pleat_warn("'%s/dataset.json' lists cases (%d) under \"%s\", which is not read; they are "
                   "skipped",
                   folder, json->unread, json->key);
    if (json->entry_keys[0] != '\0')
        pleat_warn(
            "'%s/dataset.json': of the entries of \"training\" image and label are read, and "
            "these keys are not: %s",
            folder, json->entry_keys);
}

void pleat_layout_names_free(char **names, int n) {
    for (int i = 0; i < n; i++) free(names[i]);
    free(names);
}

void pleat_layout_jansson_version(char *out, size_t size) {
    (void)snprintf(out, size, "%s", jansson_version_str());
}
