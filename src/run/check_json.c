/*
 * check_json.c - is a run what its run.json says? Digests are computed anew and compared.
 *
 *   configuration, splits   config.yaml and splits_final.json, by their digests
 *   inputs                  images and masks of the data folder, where it is there
 *   store                   the voxels of each case, where the store is there
 *   files                   scores, predictions, models, tables
 */
#include "record_json.h"

#include "pleat/json.h"
#include "pleat/log.h"
#include "pleat/prep.h"
#include "pleat/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* --- the files -------------------------------------------------------------------------------- */

static pleat_status check_file(const char *run, const char *name, const json_t *was) {
    char path[PLEAT_PATH_BYTES], digest[17];
    pleat_file_identity is;
    PLEAT_CHECK(strstr(name, "..") == NULL && name[0] != '/', PLEAT_ERR_FORMAT,
                "run.json of '%s' names a file '%s' that is not in it", run, name);
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", run, name));
    PLEAT_CHECK(pleat_file_exists(path), PLEAT_ERR_NOT_FOUND,
                "'%s' is gone: run.json has its digest", path);
    PLEAT_TRY(pleat_file_identify(path, &is));
    pleat_digest_hex(is.digest, digest);
    PLEAT_CHECK((json_int_t)is.bytes == json_integer_value(json_object_get(was, "bytes")) &&
                    strcmp(digest, text_of(was, "digest")) == 0,
                PLEAT_ERR_DATA,
                "'%s' is not what the run wrote: its digest is %s of %llu bytes, run.json says %s "
                "of %lld",
                path, digest, (unsigned long long)is.bytes, text_of(was, "digest"),
                (long long)json_integer_value(json_object_get(was, "bytes")));
    return PLEAT_OK;
}

static pleat_status check_files(const char *run, json_t *files) {
    const char *name = NULL;
    json_t *was = NULL;
    size_t n = 0, anew = 0;
    json_object_foreach(files, name, was) {
        int renewed = 0;
        PLEAT_TRY(pleat_record_is_renewed(run, name, &renewed));
        if (!renewed) PLEAT_TRY(check_file(run, name, was));
        n += !renewed;
        anew += renewed != 0;
    }
    pleat_text_print("%zu files unchanged since they were written\n", n);
    if (anew > 0)
        pleat_text_print("%zu files not compared: their folds were made again since run.json was "
                         "written; `pleat report %s` lists them as they are\n",
                         anew, run);
    return PLEAT_OK;
}

/* --- the store -------------------------------------------------------------------------------- */

static const char *stored_digest(const json_t *inputs, const char *id) {
    json_t *one = NULL;
    size_t i = 0;
    json_array_foreach(inputs, i,
                       one) if (strcmp(text_of(one, "case"), id) == 0) return text_of(one, "store");
    return "";
}

static pleat_status check_case(pleat_store *store, int i, const json_t *inputs, int *n) {
    const pleat_case_info *info = pleat_store_info(store, i);
    const char *was = stored_digest(inputs, info->id);
    char is[17];
    if (was[0] == '\0') return PLEAT_OK; /* of another run that shares the store */
    pleat_digest_hex(info->digest, is);
    PLEAT_CHECK(strcmp(was, is) == 0, PLEAT_ERR_DATA,
                "case '%s' of the store has the digest %s, run.json says %s: it was prepared again "
                "of other files or in another way",
                info->id, is, was);
    ++*n;
    return pleat_store_verify(store, i);
}

static pleat_status check_store(const char *run, const pleat_config *config, const json_t *inputs) {
    char path[PLEAT_PATH_BYTES];
    pleat_store *store = NULL;
    int n = 0;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_STORE, path));
    const char *folder = config->store[0] != '\0' ? config->store : path;
    if (!pleat_file_is_folder(folder)) {
        pleat_text_print("store: not compared: '%s' is not here\n", folder);
        return PLEAT_OK;
    }
    PLEAT_TRY(pleat_store_open(folder, NULL, &store));
    pleat_status status = PLEAT_OK;
    for (int i = 0; i < pleat_store_count(store) && status == PLEAT_OK; i++)
        status = check_case(store, i, inputs, &n);
    pleat_store_close(store);
    PLEAT_TRY(status);
    pleat_text_print("store: %d case%s, voxel by voxel\n", n, pleat_plural(n));
    return PLEAT_OK;
}

/* --- the rest --------------------------------------------------------------------------------- */

static pleat_status check_configuration(const char *run, const pleat_record *record,
                                        const json_t *root, const pleat_config *config) {
    char is[17];
    pleat_config_settings(config, is);
    PLEAT_CHECK(record->settings[0] == '\0' || strcmp(is, record->settings) == 0, PLEAT_ERR_DATA,
                "'%s/%s' is not the configuration that the run has begun with", run,
                pleat_run_file_name(PLEAT_RUN_CONFIG));
    const char *was = text_of(root, "configuration");
    if (was[0] != '\0') {
        pleat_digest_hex(pleat_digest(0, was, strlen(was)), is);
        PLEAT_CHECK(strcmp(is, record->digest) == 0, PLEAT_ERR_DATA,
                    "the configuration in run.json of '%s' has the digest %s, and says %s", run, is,
                    record->digest);
    }
    pleat_text_print("configuration: digest %s\n", record->digest);
    return PLEAT_OK;
}

/* Every voxel of the images and masks that are here: the identity of a large packed file is that of
 * its ends alone (file.h). */
static pleat_status check_voxels(const pleat_cases *cases, int orient, const pleat_provenance *of) {
    for (int c = 0; c < cases->n; c++) {
        const pleat_case_paths *paths = &cases->paths[c];
        const pleat_traced_case *then = pleat_provenance_find(of, paths->id);
        for (int mask = 0; then != NULL && mask < 2; mask++) {
            const uint64_t was = mask ? then->mask.content : then->image.content;
            uint64_t is = was;
            if (was == 0 || (mask && paths->label == NULL)) continue;
            PLEAT_TRY(pleat_prep_content(paths, mask, orient, &is));
            PLEAT_CHECK(is == was, PLEAT_ERR_DATA,
                        "the %s of case '%s', '%s', has other voxels than the run was made of",
                        mask ? "mask" : "image", then->id, mask ? paths->label : paths->image[0]);
        }
    }
    return PLEAT_OK;
}

/* The cases of the run that are not in its data folder any more, or lack their image or mask. */
static pleat_status find_missing(const char *run, const pleat_record *record, int orient,
                                 const pleat_cases *cases, char missing[512]) {
    pleat_provenance of = {0};
    char list[PLEAT_MISSING_BYTES];
    PLEAT_TRY(pleat_run_provenance(run, record->folds, &of));
    const int n = pleat_unchanged_missing(cases, &of, list);
    const int here = of.n > 0 ? of.n - n : cases->n;
    const pleat_status status = check_voxels(cases, orient, &of);
    pleat_provenance_free(&of);
    PLEAT_TRY(status);
    pleat_text_print("inputs: %d case%s unchanged since training\n", here, pleat_plural(here));
    if (n > 0)
        (void)snprintf(missing, 512, "%d case%s of the run %s gone, or without image or mask: %s",
                       n, pleat_plural(n), n == 1 ? "is" : "are", list);
    return PLEAT_OK;
}

/* Scores, splits, histories and, where they are there, the cases: what a report asks for too. */
static pleat_status check_scores(const char *run, const pleat_record *record, int orient,
                                 char missing[512]) {
    pleat_cases cases = {0};
    pleat_results results = {0};
    const int here = record->data[0] != '\0' && pleat_layout_is_there(record->data);
    if (here) PLEAT_TRY(pleat_unchanged_scan(record->data, &cases.paths, &cases.n));
    pleat_status status = pleat_run_results(run, record, here ? &cases : NULL, &results);
    if (status == PLEAT_OK && here)
        status = find_missing(run, record, orient, &cases, missing);
    else if (status == PLEAT_OK)
        pleat_text_print("inputs: not compared: the data folder '%s' is not here\n", record->data);
    pleat_results_free(&results);
    pleat_cases_free(&cases);
    PLEAT_TRY(status);
    pleat_text_print("splits: digest %s\n", record->splits);
    return PLEAT_OK;
}

pleat_status pleat_crossval_check(const char *folder) {
    pleat_record record;
    pleat_config config;
    json_t *root = NULL;
    char missing[512] = "";
    PLEAT_TRY(pleat_record_read(folder, &record));
    PLEAT_TRY(pleat_run_config(folder, &config));
    PLEAT_TRY(pleat_record_load(folder, &root));
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK_GOTO(
        status, done, json_is_object(json_object_get(root, "files")), PLEAT_ERR_NOT_FOUND,
        "run.json of '%s' has no digests of its files: the run has no report yet, or is of an "
        "older pleat",
        folder);
    PLEAT_TRY_GOTO(status, done, check_configuration(folder, &record, root, &config));
    PLEAT_TRY_GOTO(status, done, check_scores(folder, &record, config.prep.orient, missing));
    PLEAT_TRY_GOTO(status, done, check_store(folder, &config, json_object_get(root, "inputs")));
    PLEAT_TRY_GOTO(status, done, check_files(folder, json_object_get(root, "files")));
    PLEAT_CHECK_GOTO(status, done, missing[0] == '\0', PLEAT_ERR_NOT_FOUND,
                     "'%s': %s; put them back", record.data, missing);
done:
    json_decref(root);
    return status;
}
