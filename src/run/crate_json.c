/*
 * crate_json.c - what a run is, for programs that gather such things.
 *
 *   ro-crate-metadata.json      a Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process/0.5) on
 *                               RO-Crate 1.1: an action per fold, one of the report, their files
 *   dataset_description.json    of a BIDS derivative (BIDS 1.10)
 */
#include "record_json.h"

#include "pleat/json.h"
#include "pleat/log.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE "https://w3id.org/ro/wfrun/process/0.5"
#define CRATE   "https://w3id.org/ro/crate/1.1"

typedef struct crate {
    json_t *graph, *parts, *mentions; /* of it; of the root entity */
    json_t *record;                   /* run.json */
    const pleat_record *of;
} crate;

/* --- words ------------------------------------------------------------------------------------ */

/* A path as a URI: what is no letter of one is written %NN (RFC 3986). */
static const char *uri(const char *path, char *out, size_t size) {
    size_t n = 0;
    for (const char *at = path; *at != '\0' && n + 4 < size; at++)
        if (isalnum((unsigned char)*at) || strchr("-._~/", *at) != NULL)
            out[n++] = *at;
        else
            n += (size_t)snprintf(out + n, size - n, "%%%02X", (unsigned char)*at);
    out[n] = '\0';
    return out;
}

/* "+0000" at the end of a time is "+00:00" to schema.org's DateTime. */
static json_t *date_time(const char *stamp) {
    const size_t n = strlen(stamp);
    if (n < 5 || (stamp[n - 5] != '+' && stamp[n - 5] != '-')) return json_string(stamp);
    return json_sprintf("%.*s:%s", (int)(n - 2), stamp, stamp + n - 2);
}

static json_t *reference(const char *id) {
    json_t *object = json_object();
    (void)json_object_set_new(object, "@id", pleat_json_text(id));
    return object;
}

/* An entity of the graph, to which the caller adds. */
static json_t *entity(crate *c, const char *id, const char *type) {
    json_t *object = reference(id);
    (void)json_object_set_new(object, "@type", json_string(type));
    (void)json_array_append_new(c->graph, object);
    return object;
}

static void put_text(json_t *object, const char *key, const char *text) {
    (void)json_object_set_new(object, key, pleat_json_text(text));
}

static void put_time(json_t *object, const char *key, const json_t *stamp) {
    if (json_is_string(stamp))
        (void)json_object_set_new(object, key, date_time(json_string_value(stamp)));
}

/* --- files ------------------------------------------------------------------------------------ */

static const char *format_of(const char *name) {
    static const char *const types[][2] = {
        {".json", "application/json"},
        {".csv", "text/csv"},
        {".tsv", "text/tab-separated-values"},
        {".yaml", "application/yaml"},
        {".md", "text/markdown"},
        {".txt", "text/plain"},
        {".nii.gz", "application/gzip"},
        {".h5", "application/x-hdf5"},
    };
    const size_t n = strlen(name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const size_t m = strlen(types[i][0]);
        if (n > m && strcmp(name + n - m, types[i][0]) == 0) return types[i][1];
    }
    return "application/octet-stream";
}

/* A file of the crate, which `list` (may be NULL) refers to as well. */
static void add_file(crate *c, const char *name, const json_t *file, json_t *list) {
    char id[3 * PLEAT_PATH_BYTES];
    json_t *one = entity(c, uri(name, id, sizeof id), "File");
    put_text(one, "name", name);
    put_text(one, "encodingFormat", format_of(name));
    if (json_is_integer(json_object_get(file, "bytes")))
        (void)json_object_set_new(
            one, "contentSize",
            json_sprintf("%lld", (long long)json_integer_value(json_object_get(file, "bytes"))));
    (void)json_array_append_new(c->parts, reference(id));
    if (list != NULL) (void)json_array_append_new(list, reference(id));
}

/* The file that says all this, an entity of its own. */
static int is_crate(const char *name) {
    return strcmp(name, pleat_run_file_name(PLEAT_RUN_CRATE)) == 0;
}

/* What was there before a fold began, or is written by none. */
static int is_input(const char *name) {
    return strcmp(name, pleat_run_file_name(PLEAT_RUN_CONFIG)) == 0 ||
           strcmp(name, pleat_run_file_name(PLEAT_RUN_SPLITS)) == 0;
}

/* --- actions ---------------------------------------------------------------------------------- */

static json_t *action(crate *c, const char *id, const char *name) {
    json_t *one = entity(c, id, "CreateAction");
    json_t *objects = json_array();
    put_text(one, "name", name);
    put_text(one, "description", c->of->command);
    (void)json_object_set_new(one, "instrument", reference("#pleat"));
    for (int k = 0; k < 2; k++)
        (void)json_array_append_new(
            objects, reference(pleat_run_file_name(k == 0 ? PLEAT_RUN_CONFIG : PLEAT_RUN_SPLITS)));
    if (c->of->data[0] != '\0') (void)json_array_append_new(objects, reference("#data"));
    (void)json_object_set_new(one, "object", objects);
    (void)json_object_set_new(one, "result", json_array());
    (void)json_array_append_new(c->mentions, reference(id));
    return one;
}

/* The files of fold_K/ are results of its action, the others of the report's. */
static void add_actions(crate *c, json_t *files) {
    json_t *times = json_object_get(c->record, "times"), *fold = NULL, *file = NULL;
    const char *name = NULL;
    size_t i = 0;
    json_array_foreach(times, i, fold) {
        char id[32], title[64], folder[32];
        const int number = (int)json_integer_value(json_object_get(fold, "fold"));
        (void)snprintf(id, sizeof id, "#fold-%d", number);
        (void)snprintf(title, sizeof title, "Training and prediction of fold %d", number);
        (void)snprintf(folder, sizeof folder, "fold_%d/", number);
        json_t *one = action(c, id, title);
        put_time(one, "startTime", json_object_get(fold, "begun"));
        put_time(one, "endTime", json_object_get(fold, "scored"));
        const int done = json_object_get(fold, "scored") != NULL;
        put_text(one, "actionStatus",
                 done ? "http://schema.org/CompletedActionStatus"
                      : "http://schema.org/FailedActionStatus");
        json_object_foreach(files, name, file) if (strncmp(name, folder, strlen(folder)) == 0)
            add_file(c, name, file, json_object_get(one, "result"));
    }
    char stamp[32];
    pleat_time_text(stamp);
    json_t *report = action(c, "#report", "Report over all folds");
    (void)json_object_set_new(report, "endTime", date_time(stamp));
    json_object_foreach(files, name, file) if (strchr(name, '/') == NULL && !is_crate(name))
        add_file(c, name, file, is_input(name) ? NULL : json_object_get(report, "result"));
}

/* --- the whole -------------------------------------------------------------------------------- */

static void add_root(crate *c) {
    char text[256], stamp[32];
    pleat_time_text(stamp);
    json_t *descriptor = entity(c, "ro-crate-metadata.json", "CreativeWork");
    (void)json_object_set_new(descriptor, "conformsTo", reference(CRATE));
    (void)json_object_set_new(descriptor, "about", reference("./"));
    json_t *root = entity(c, "./", "Dataset");
    (void)json_object_set_new(root, "conformsTo", reference(PROFILE));
    (void)snprintf(text, sizeof text, "%d-fold cross-validation of %d cases%s",
                   c->of->folds / c->of->repeats, c->of->cases,
                   c->of->repeats > 1 ? ", repeated" : "");
    put_text(root, "name", text);
    put_text(root, "description", "Models, predictions and scores of a cross-validation by pleat");
    (void)json_object_set_new(root, "datePublished", date_time(stamp));
    (void)json_object_set_new(root, "license", reference("#license"));
    (void)json_object_set(root, "hasPart", c->parts);
    (void)json_object_set(root, "mentions", c->mentions);
    json_t *profile = entity(c, PROFILE, "CreativeWork");
    put_text(profile, "name", "Process Run Crate");
    put_text(profile, "version", "0.5");
    json_t *licence = entity(c, "#license", "CreativeWork");
    put_text(licence, "name", "for the authors: no licence has been chosen");
    json_t *tool = entity(c, "#pleat", "SoftwareApplication");
    put_text(tool, "name", "pleat");
    put_text(tool, "softwareVersion", c->of->version);
    if (c->of->commit[0] != '\0') put_text(tool, "identifier", c->of->commit);
    if (c->of->libraries[0] != '\0') put_text(tool, "softwareRequirements", c->of->libraries);
    if (c->of->data[0] != '\0') {
        json_t *data = entity(c, "#data", "Dataset");
        put_text(data, "name", c->of->data);
        put_text(data, "description", "images and masks; run.json has their digests");
    }
}

static pleat_status write_json(const char *run, pleat_run_file file, const json_t *root) {
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_path(run, file, path));
    char *text = pleat_json_dumps(root, JSON_INDENT(1));
    PLEAT_CHECK(text != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    const pleat_status status = pleat_file_write_atomic(path, text, strlen(text));
    free(text);
    return status;
}

static pleat_status write_crate(const char *run, crate *c) {
    json_t *root = json_object();
    (void)json_object_set_new(
        root, "@context",
        json_pack("[ss]", CRATE "/context", "https://w3id.org/ro/terms/workflow-run/context"));
    (void)json_object_set(root, "@graph", c->graph);
    add_root(c);
    add_actions(c, json_object_get(c->record, "files"));
    add_file(c, pleat_run_file_name(PLEAT_RUN_RECORD), NULL, NULL);
    const pleat_status status = write_json(run, PLEAT_RUN_CRATE, root);
    json_decref(root);
    return status;
}

static pleat_status write_dataset(const char *run, const pleat_record *of) {
    json_t *tool = json_object(), *root = json_object(), *sources = json_array();
    put_text(tool, "Name", "pleat");
    put_text(tool, "Version", of->version);
    if (of->commit[0] != '\0') put_text(tool, "Description", of->commit);
    put_text(root, "Name", "Segmentations and scores of a cross-validation by pleat");
    put_text(root, "BIDSVersion", "1.10.0");
    put_text(root, "DatasetType", "derivative");
    (void)json_object_set_new(root, "GeneratedBy", json_pack("[o]", tool));
    if (of->data[0] != '\0') {
        char id[3 * PLEAT_PATH_BYTES], url[3 * PLEAT_PATH_BYTES + 8];
        json_t *source = json_object();
        (void)snprintf(url, sizeof url, "file://%s", uri(of->data, id, sizeof id));
        put_text(source, "URL", url);
        (void)json_array_append_new(sources, source);
        (void)json_object_set(root, "SourceDatasets", sources);
    }
    json_decref(sources);
    const pleat_status status = write_json(run, PLEAT_RUN_DATASET, root);
    json_decref(root);
    return status;
}

pleat_status pleat_crate_write(const char *run, const pleat_record *record) {
    crate c = {.of = record};
    PLEAT_TRY(write_dataset(run, record));
    PLEAT_TRY(pleat_record_load(run, &c.record));
    c.graph = json_array();
    c.parts = json_array();
    c.mentions = json_array();
    const pleat_status status = write_crate(run, &c);
    json_decref(c.graph);
    json_decref(c.parts);
    json_decref(c.mentions);
    json_decref(c.record);
    return status;
}
