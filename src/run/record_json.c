/*
 * record_json.c - what a run keeps about itself: config.yaml and run.json.
 *
 * config.yaml is the resolved configuration; started again, a run must have the same but for the
 * keys that only say how to compute. run.json is what made the numbers, for the report and for the
 * one who reads it in a year.
 */
#include "record_json.h"

#include "pleat/commit.h"
#include "pleat/json.h"
#include "pleat/log.h"
#include "pleat/prep.h"
#include "pleat/text.h"
#include "pleat/train.h"
#include "pleat/warn.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "pleat/run/2" /* pleat/run/1 and pleat.run.1 had no checksum */
#define CURE   "put it back as it was, or remove it and start the run again, which writes it again"

/* *before is that of the run. More epochs are the only difference there may be: *extends. */
static pleat_status same_as_before(const pleat_config *config, const char *run,
                                   pleat_config *before, int *extends) {
    char path[PLEAT_PATH_BYTES], what[1024], may[512];
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_CONFIG, path));
    PLEAT_TRY(pleat_run_config(run, before));
    pleat_config longer = *before;
    const int more = config->train.epochs > before->train.epochs;
    if (more) longer.train.epochs = config->train.epochs;
    const int n = pleat_config_differences(&longer, config, what, sizeof what);
    pleat_config_may_change(may, sizeof may);
    PLEAT_CHECK(n == 0, PLEAT_ERR_ARG,
                "'%s' was made with another configuration: %s. Set %s back, or use another --out "
                "folder; what may change are %s, and train.epochs, which may rise",
                path, what, n == 1 ? "it" : "them", may);
    if (more) *extends = before->train.epochs;
    return PLEAT_OK;
}

/* Environment variables of the job that tell where a run was made. */
static json_t *job_facts(void) {
    static const char *const names[] = {"SLURM_JOB_ID", "SLURM_ARRAY_TASK_ID",
                                        "SLURM_RESTART_COUNT", "SLURM_JOB_NODELIST", "LSB_JOBID"};
    json_t *facts = json_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]) != NULL)
            (void)json_object_set_new(facts, names[i], pleat_json_text(getenv(names[i])));
    return facts;
}

/* Without config.yaml: its text in run.json, to be freed; NULL: there is no run.json. */
static pleat_status recorded_config(const char *run, const char *path, char **out) {
    char record[PLEAT_PATH_BYTES], is[17] = "";
    json_t *root = NULL;
    *out = NULL;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_RECORD, record));
    if (!pleat_file_exists(record)) return PLEAT_OK;
    const pleat_status status = pleat_record_load(run, &root);
    const char *text = json_string_value(json_object_get(root, "configuration"));
    const char *digest = json_string_value(json_object_get(root, "config_digest"));
    if (text != NULL) pleat_digest_hex(pleat_digest(0, text, strlen(text)), is);
    char *copy = status == PLEAT_OK && text != NULL && digest != NULL && strcmp(is, digest) == 0
                     ? strdup(text)
                     : NULL;
    json_decref(root);
    *out = copy;
    if (status != PLEAT_OK) return status;
    PLEAT_CHECK(copy != NULL, PLEAT_ERR_NOT_FOUND,
                "'%s' is missing, and run.json has no whole copy of it; put it back as it was",
                path);
    return PLEAT_OK;
}

pleat_status pleat_run_config(const char *folder, pleat_config *out) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    pleat_config_defaults(out);
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_CONFIG, path));
    if (pleat_file_exists(path)) return pleat_config_read(path, out);
    PLEAT_TRY(recorded_config(folder, path, &text));
    const pleat_status status =
        text != NULL ? pleat_config_parse(text, strlen(text), path, out) : PLEAT_OK;
    free(text);
    return status;
}

pleat_status pleat_record_restore(const char *run) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_CONFIG, path));
    if (pleat_file_exists(path)) return PLEAT_OK;
    PLEAT_TRY(recorded_config(run, path, &text));
    if (text == NULL) return PLEAT_OK;
    const pleat_status status = pleat_file_write_atomic(path, text, strlen(text));
    free(text);
    PLEAT_TRY(status);
    pleat_warn("'%s' was missing and has been made again from run.json", path);
    return PLEAT_OK;
}

pleat_status pleat_record_load(const char *run, json_t **out) {
    char path[PLEAT_PATH_BYTES];
    int sealed = 0;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_RECORD, path));
    return pleat_json_read(path, SCHEMA, CURE, out, &sealed);
}

pleat_status pleat_record_save(const char *run, json_t *root) {
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_RECORD, path));
    return pleat_json_write(root, SCHEMA, path);
}

pleat_status pleat_record_warnings(const char *run) {
    char path[PLEAT_PATH_BYTES];
    json_t *root = NULL, *text = NULL;
    size_t i = 0;
    int sealed = 0;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_RECORD, path));
    PLEAT_TRY(pleat_json_read(path, SCHEMA, CURE, &root, &sealed));
    json_array_foreach(json_object_get(root, "warnings"), i, text) if (json_is_string(text))
        pleat_warn_before(json_string_value(text));
    json_decref(root);
    return PLEAT_OK;
}

/* And what the engine says of its own. */
static void libraries_of(const pleat_crossval *cv, char *out, size_t size) {
    const char *engine = cv->team.engine->library;
    pleat_run_libraries(out, size);
    const size_t used = strlen(out);
    if (engine[0] != '\0') (void)snprintf(out + used, size - used, ", %s", engine);
}

/* Where the data are, from everywhere. */
static json_t *data_json(const char *data) {
    char base[PLEAT_PATH_BYTES], real[PATH_MAX], text[PATH_MAX + sizeof((pleat_config *)0)->data];
    const char *rest = "";
    if (pleat_layout_base(data, base, &rest) != PLEAT_OK || realpath(base, real) == NULL)
        return pleat_json_text(data);
    (void)snprintf(text, sizeof text, "%s%s", real, rest);
    return pleat_json_text(text);
}

/* Of the run.json that stands there, the digests of folds that are trained: a model that has taken
 * the place of the one that was scored is noticed when it is to be scored again. Reports are made
 * anew. And `places`, until they are told again. */
static pleat_status keep_files(const pleat_crossval *cv, const char *path, json_t *root) {
    json_t *before = NULL, *value = NULL, *files = json_object();
    const char *key = NULL;
    pleat_status status = PLEAT_OK;
    if (pleat_file_exists(path)) status = pleat_record_load(cv->options->out, &before);
    for (int fold = 0; fold < cv->data.folds.k && status == PLEAT_OK; fold++) {
        char history[PLEAT_PATH_BYTES], scores[PLEAT_PATH_BYTES], folder[32];
        (void)snprintf(folder, sizeof folder, "fold_%d/", fold);
        status = pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_HISTORY, history);
        if (status == PLEAT_OK)
            status = pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_SCORES, scores);
        if (status != PLEAT_OK || (!pleat_file_exists(history) && !pleat_file_exists(scores)))
            continue;
        if (cv->redo[fold] == PLEAT_REDO_CHANGED || cv->redo[fold] == PLEAT_REDO_LONGER)
            continue; /* they are made again */
        json_object_foreach(json_object_get(before, "files"), key, value) {
            if (strncmp(key, folder, strlen(folder)) == 0) (void)json_object_set(files, key, value);
        }
    }
    if (json_object_size(files) > 0) (void)json_object_set(root, "files", files);
    value = json_object_get(before, "places");
    if (value != NULL) (void)json_object_set(root, "places", value);
    json_decref(files);
    json_decref(before);
    return status;
}

/* What the column group of a table says of each case; {} where it says nothing. */
static json_t *groups_of(const pleat_cases *cases) {
    json_t *groups = json_object();
    for (int i = 0; i < cases->n; i++)
        if (cases->paths[i].group != NULL)
            (void)json_object_set_new(groups, cases->ids[i],
                                      pleat_json_text(cases->paths[i].group));
    return groups;
}

static int has_folds(const pleat_cases *cases) { return cases->n > 0 && cases->paths[0].fold > 0; }

/* Each group of the run's start and of now. */
static pleat_status same_groups(const pleat_crossval *cv, const json_t *groups, const char *begun) {
    const pleat_cases *cases = &cv->data.cases;
    const char *data = cv->config.data;
    int any = 0;
    for (int i = 0; i < cases->n; i++) any |= cases->paths[i].group != NULL;
    PLEAT_CHECK(any || json_object_size(groups) == 0, PLEAT_ERR_ARG,
                "the run has begun with the table '%s' and its column group, and '%s' has no "
                "groups; put the column back, set data to the table, or use another --out folder",
                begun, data);
    for (int i = 0; groups != NULL && i < cases->n; i++) {
        const char *was = json_string_value(json_object_get(groups, cases->ids[i]));
        const char *is = cases->paths[i].group;
        PLEAT_CHECK(was == NULL ? is == NULL : is != NULL && strcmp(was, is) == 0, PLEAT_ERR_ARG,
                    "the column group of '%s' differs from what the run has begun with: "
                    "case '%s' is of group '%s', and was of '%s'; put it back, or use "
                    "another --out folder",
                    data, cases->ids[i], is != NULL ? is : "", was != NULL ? was : "");
    }
    return PLEAT_OK;
}

/* What the columns of a table have said at the run's start. Older records do not say. */
static pleat_status same_table(const pleat_crossval *cv) {
    const pleat_config *c = &cv->config;
    json_t *root = NULL;
    PLEAT_TRY(pleat_record_load(cv->options->out, &root));
    const char *begun = json_string_value(json_object_get(root, "data"));
    if (begun == NULL) begun = "";
    const pleat_status status = same_groups(cv, json_object_get(root, "groups"), begun);
    if (status == PLEAT_OK && c->splits[0] == '\0' && !has_folds(&cv->data.cases) &&
        json_is_true(json_object_get(root, "fold_column")))
        pleat_warn("the run has begun with the column fold of '%s', and '%s' has none: the folds "
                   "stay as they were",
                   begun, c->data);
    json_decref(root);
    return status;
}

static pleat_status write_json(const pleat_crossval *cv, int channels, const char *text,
                               const char *path) {
    const pleat_config *c = &cv->config;
    char stamp[32], digest[17], seed[24], splits[17], settings[17], libraries[512];
    PLEAT_TRY(pleat_folds_digest(cv->data.cases.ids, &cv->data.folds, splits));
    pleat_config_settings(c, settings);
    pleat_time_text(stamp);
    libraries_of(cv, libraries, sizeof libraries);
    pleat_digest_hex(pleat_digest(0, text, strlen(text)), digest);
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)c->seed);
    json_t *root = json_object();
    (void)json_object_set_new(root, "schema", json_string(SCHEMA)); /* first; sealed at the end */
    (void)json_object_set_new(root, "version", json_string(PLEAT_VERSION));
    (void)json_object_set_new(root, "commit", json_string(pleat_commit));
    (void)json_object_set_new(root, "libraries", json_string(libraries));
    (void)json_object_set_new(root, "command", pleat_json_text(cv->options->command));
    (void)json_object_set_new(root, "started", json_string(stamp));
    (void)json_object_set_new(root, "host", pleat_json_text(cv->session->host));
    (void)json_object_set_new(root, "ranks", json_integer(cv->session->size));
    (void)json_object_set_new(root, "seed", json_string(seed));
    (void)json_object_set_new(root, "config_digest", json_string(digest));
    (void)json_object_set_new(root, "settings_digest", json_string(settings));
    (void)json_object_set_new(root, "configuration", pleat_json_text(text));
    (void)json_object_set_new(root, "splits_digest", json_string(splits));
    (void)json_object_set_new(root, "groups", groups_of(&cv->data.cases));
    (void)json_object_set_new(root, "fold_column", json_boolean(has_folds(&cv->data.cases)));
    if (cv->from[0] != '\0') (void)json_object_set_new(root, "from_digest", json_string(cv->from));
    (void)json_object_set_new(root, "data", data_json(c->data));
    (void)json_object_set_new(root, "classes", pleat_json_text(c->classes));
    (void)json_object_set_new(root, "folds", json_integer(cv->data.folds.k));
    (void)json_object_set_new(root, "repeats", json_integer(cv->data.folds.repeats));
    (void)json_object_set_new(root, "cases", json_integer(cv->data.cases.n));
    (void)json_object_set_new(root, "channels", json_integer(channels));
    (void)json_object_set_new(root, "preprocessing", pleat_json_text(cv->data.preprocessing));
    (void)json_object_set_new(root, "engine", json_string(cv->team.engine->ops->name));
    (void)json_object_set_new(root, "precision",
                              json_string(pleat_engine_precision(cv->team.engine)));
    (void)json_object_set_new(root, "deterministic", json_boolean(c->deterministic));
    (void)json_object_set_new(root, "device", pleat_json_text(cv->team.engine->device));
    (void)json_object_set_new(root, "weights", json_string(pleat_weights_what(c->weights)));
    (void)json_object_set_new(root, "job", job_facts());
    (void)json_object_set_new(root, "warnings", pleat_json_warnings(NULL));
    pleat_status status = keep_files(cv, path, root);
    if (status == PLEAT_OK) status = pleat_json_write(root, SCHEMA, path);
    json_decref(root);
    return status;
}

/* What run.json, which its checksum guards, says of files that a user may have edited. */
static pleat_status same_as_recorded(const pleat_crossval *cv, const pleat_config *stands,
                                     const pleat_record *before) {
    char splits[17], settings[17], stood[17];
    PLEAT_TRY(pleat_folds_digest(cv->data.cases.ids, &cv->data.folds, splits));
    PLEAT_CHECK(before->splits[0] == '\0' || strcmp(splits, before->splits) == 0, PLEAT_ERR_DATA,
                "the folds of '%s/%s' are not those that the run has begun with; put the file back "
                "as it was, or remove it to have it made again; for other folds use another --out "
                "folder",
                cv->options->out, pleat_run_file_name(PLEAT_RUN_SPLITS));
    pleat_config_settings(&cv->config, settings);
    pleat_config_settings(stands, stood);
    /* A start that was to extend the run may have ended between the two files. */
    PLEAT_CHECK(before->settings[0] == '\0' || strcmp(settings, before->settings) == 0 ||
                    (cv->extends > 0 && strcmp(stood, before->settings) == 0),
                PLEAT_ERR_ARG,
                "'%s/%s' is not the configuration that the run has begun with; put it back as it "
                "was, or use another --out folder",
                cv->options->out, pleat_run_file_name(PLEAT_RUN_CONFIG));
    return PLEAT_OK;
}

/* `data` may be another folder than before, but not of another network. */
static pleat_status same_channels(const pleat_crossval *cv, const char *path, int channels,
                                  const pleat_record *before) {
    PLEAT_CHECK(channels == before->channels, PLEAT_ERR_DATA,
                "'%s' is of images of %d channel%s, '%s' has %d: one network cannot take both; set "
                "data: back to what the run has begun with, or use another --out folder",
                path, before->channels, pleat_plural(before->channels), cv->config.data, channels);
    return PLEAT_OK;
}

pleat_status pleat_record_begins(const pleat_config *config, int channels,
                                 pleat_train_beginning *out) {
    pleat_network network = config->network;
    char text[PLEAT_NETWORK_TEXT];
    network.channels = channels;
    pleat_network_text(&network, text, sizeof text);
    return pleat_train_begin(config->from, text, config->classes, NULL, NULL, out);
}

int pleat_record_other_prep(const pleat_config *config, const pleat_train_beginning *of, char *out,
                            size_t size) {
    char what[300];
    if (!pleat_config_prep_differs(config, of->preprocessing, what, sizeof what)) return 0;
    (void)snprintf(out, size,
                   "its weights have learnt images of another preprocessing: %s; set it as it "
                   "was, unless this is meant",
                   what);
    return 1;
}

/* What training begins with fits, and is what it was. Once it is gone, folds that have begun can
 * still go on. */
static pleat_status check_beginning(pleat_crossval *cv, int channels, const char *was) {
    pleat_train_beginning of = {0};
    char other[400];
    if (cv->config.from[0] == '\0' || cv->from[0] != '\0') return PLEAT_OK;
    const pleat_status status = pleat_record_begins(&cv->config, channels, &of);
    if (status == PLEAT_ERR_NOT_FOUND && was[0] != '\0')
        (void)snprintf(of.digest, sizeof of.digest, "%s", was);
    else
        PLEAT_TRY(status);
    PLEAT_CHECK(was[0] == '\0' || strcmp(was, of.digest) == 0, PLEAT_ERR_DATA,
                "train.from: '%s' is not the checkpoint that the run has begun with (digest %s, "
                "now %s); put it back, or use another --out folder",
                cv->config.from, was, of.digest);
    (void)snprintf(cv->from, sizeof cv->from, "%s", of.digest);
    if (pleat_record_other_prep(&cv->config, &of, other, sizeof other))
        pleat_warn("train.from: '%s': %s", cv->config.from, other);
    return PLEAT_OK;
}

/* *stands is the configuration of the run, where there is one. */
static pleat_status check_config(pleat_crossval *cv, pleat_config *stands) {
    const char *out = cv->options->out;
    char path[PLEAT_PATH_BYTES], record[PLEAT_PATH_BYTES];
    *stands = cv->config;
    if (out[0] == '\0') return PLEAT_OK; /* a dry run may have none */
    PLEAT_TRY(pleat_run_path(out, PLEAT_RUN_CONFIG, path));
    PLEAT_TRY(pleat_run_path(out, PLEAT_RUN_RECORD, record));
    return pleat_file_exists(path) || pleat_file_exists(record)
               ? same_as_before(&cv->config, out, stands, &cv->extends)
               : PLEAT_OK;
}

pleat_status pleat_record_config(pleat_crossval *cv) {
    pleat_config stands;
    return check_config(cv, &stands);
}

pleat_status pleat_record_beginning(pleat_crossval *cv) {
    int channels = 0;
    if (cv->config.from[0] == '\0') return PLEAT_OK;
    PLEAT_TRY(pleat_prep_count_channels(&cv->data.cases.paths[0], &channels));
    return check_beginning(cv, channels, "");
}

pleat_status pleat_record_check(pleat_crossval *cv) {
    int channels = 0;
    char path[PLEAT_PATH_BYTES];
    pleat_config stands;
    pleat_record before = {0};
    PLEAT_TRY(check_config(cv, &stands));
    PLEAT_TRY(pleat_prep_count_channels(&cv->data.cases.paths[0], &channels));
    PLEAT_TRY(pleat_run_path(cv->options->out, PLEAT_RUN_RECORD, path));
    if (cv->options->out[0] != '\0' && pleat_file_exists(path)) {
        PLEAT_TRY(pleat_record_read(cv->options->out, &before));
        PLEAT_TRY(same_channels(cv, path, channels, &before));
        PLEAT_TRY(same_as_recorded(cv, &stands, &before));
        PLEAT_TRY(same_table(cv));
    }
    return check_beginning(cv, channels, before.from);
}

static pleat_status write_text(const char *path, const char *text) {
    return pleat_file_write_atomic(path, text, strlen(text));
}

/* A run that has all its scores keeps the record of what made them. */
static pleat_status count_missing(const pleat_crossval *cv, int *missing) {
    char scores[PLEAT_PATH_BYTES];
    *missing = 0;
    for (int fold = 0; fold < cv->data.folds.k; fold++) {
        PLEAT_TRY(pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_SCORES, scores));
        *missing += cv->redo[fold] != 0 || !pleat_file_exists(scores);
    }
    return PLEAT_OK;
}

/* A checkpoint or scores of some fold are there. */
static pleat_status has_trained(const pleat_crossval *cv, int *out) {
    char latest[PLEAT_PATH_BYTES], scores[PLEAT_PATH_BYTES];
    *out = 0;
    for (int fold = 0; fold < cv->data.folds.k && !*out; fold++) {
        PLEAT_TRY(pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_LATEST, latest));
        PLEAT_TRY(pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_SCORES, scores));
        *out = pleat_file_exists(latest) || pleat_file_exists(scores);
    }
    return PLEAT_OK;
}

/* Of a log, whose lines are a stamp of 19 characters, two blanks and a text, the warnings. */
static void take_logged(char *text) {
    static const char mark[] = "warning: ";
    enum { STAMP = 21 };
    for (char *line = strsep(&text, "\n"); line != NULL; line = strsep(&text, "\n"))
        if (strlen(line) > STAMP && strncmp(line + STAMP, mark, strlen(mark)) == 0)
            pleat_warn_before(line + STAMP + strlen(mark));
}

/* The run has trained, and its run.json is gone: of what it said the log has the warnings. */
static pleat_status rebuild(const pleat_crossval *cv, const char *path) {
    char log[PLEAT_PATH_BYTES], *text = NULL;
    int trained = 0;
    PLEAT_TRY(has_trained(cv, &trained));
    if (!trained) return PLEAT_OK;
    PLEAT_TRY(pleat_run_log(cv->options->out, 0, log));
    if (pleat_file_read_all(log, &text, NULL) == PLEAT_OK) take_logged(text);
    free(text);
    pleat_warn("'%s' was missing and has been made again: warnings of earlier starts are those in "
               "'%s'; whether files of its folds%s were changed since they were written is not "
               "known any more",
               path, log, cv->config.from[0] != '\0' ? ", and the checkpoint of train.from," : "");
    return PLEAT_OK;
}

/* Engine and precision may change on resume; run.json and the methods name those of now. */
static pleat_status tell_engine(const pleat_crossval *cv) {
    const pleat_engine *engine = cv->team.engine;
    const char *name = engine->ops->name, *precision = pleat_precision_name(engine->precision);
    pleat_record before;
    int trained = 0;
    PLEAT_TRY(has_trained(cv, &trained));
    PLEAT_TRY(pleat_record_read(cv->options->out, &before));
    int same = strcmp(before.engine, name) == 0;
    if (engine->real != PLEAT_F64) same &= strcmp(before.precision, precision) == 0;
    if (trained && !same)
        pleat_warn("the run was computed by %s %s until now, and continues by %s %s: its numbers "
                   "are not all of one engine and precision; for that, use another --out folder",
                   before.engine, before.precision, name, precision);
    return PLEAT_OK;
}

pleat_status pleat_record_start(const pleat_crossval *cv) {
    int channels = 0;
    char path[PLEAT_PATH_BYTES], text[PLEAT_CONFIG_BYTES];
    PLEAT_TRY(pleat_config_text(&cv->config, 0, text, sizeof text));
    PLEAT_TRY(pleat_run_path(cv->options->out, PLEAT_RUN_CONFIG, path));
    if (!pleat_file_exists(path)) PLEAT_TRY(write_text(path, text));
    PLEAT_TRY(pleat_prep_count_channels(&cv->data.cases.paths[0], &channels));
    PLEAT_TRY(pleat_run_path(cv->options->out, PLEAT_RUN_RECORD, path));
    PLEAT_TRY(pleat_file_exists(path) ? pleat_record_warnings(cv->options->out)
                                      : rebuild(cv, path));
    int missing = 0;
    PLEAT_TRY(count_missing(cv, &missing));
    const int there = pleat_file_exists(path), more = missing > 0 || cv->extends > 0;
    if (there && more) PLEAT_TRY(tell_engine(cv));
    if (more || !there) PLEAT_TRY(write_json(cv, channels, text, path));
    if (cv->extends == 0) return PLEAT_OK;
    PLEAT_TRY(pleat_run_path(cv->options->out, PLEAT_RUN_CONFIG, path));
    return write_text(path, text); /* last: until then the next start extends the run, too */
}

pleat_status pleat_record_places(const pleat_crossval *cv, const char *places) {
    json_t *root = NULL, *lines = json_array();
    int missing = 0;
    pleat_status status = count_missing(cv, &missing);
    if (status != PLEAT_OK || (missing == 0 && cv->extends == 0)) {
        json_decref(lines);
        return status;
    }
    for (const char *line = places; *line != '\0'; line += strcspn(line, "\n") + 1)
        (void)json_array_append_new(lines, json_stringn(line, strcspn(line, "\n")));
    status = pleat_record_load(cv->options->out, &root);
    if (status == PLEAT_OK) (void)json_object_set(root, "places", lines);
    if (status == PLEAT_OK) status = pleat_record_save(cv->options->out, root);
    json_decref(lines);
    json_decref(root);
    return status;
}

pleat_status pleat_record_keep(const pleat_crossval *cv, int last) {
    char path[PLEAT_PATH_BYTES], text[PLEAT_PATH_BYTES + 128];
    pleat_status status = PLEAT_OK;
    int sealed = 0;
    json_t *folds = json_array(), *root = NULL;
    for (int fold = 0; fold < cv->data.folds.k; fold++) {
        PLEAT_TRY_GOTO(status, done,
                       pleat_run_fold_path(cv->options->out, fold, PLEAT_FOLD_FELL_BACK, path));
        if (!pleat_file_exists(path)) continue;
        (void)json_array_append_new(folds, json_integer(fold));
        (void)snprintf(text, sizeof text,
                       "fold=%d resumed from the checkpoint before its last, which was damaged or "
                       "missing: '%s'",
                       fold, path);
        pleat_warn_before(text); /* of this start or an earlier one: each says it, once */
        if (last) pleat_log(PLEAT_INFO, "%s", text);
    }
    if (json_array_size(folds) == 0 && pleat_warn_count() == 0) goto done;
    PLEAT_TRY_GOTO(status, done, pleat_record_warnings(cv->options->out));
    PLEAT_TRY_GOTO(status, done, pleat_run_path(cv->options->out, PLEAT_RUN_RECORD, path));
    PLEAT_TRY_GOTO(status, done, pleat_json_read(path, SCHEMA, CURE, &root, &sealed));
    if (json_array_size(folds) > 0) (void)json_object_set(root, "fell_back", folds);
    (void)json_object_set_new(root, "warnings", pleat_json_warnings(NULL));
    status = pleat_json_write(root, SCHEMA, path);
done:
    json_decref(folds);
    json_decref(root);
    return status;
}

/* A text of `root`, "" when it is missing. */
static void take(const json_t *root, const char *key, char *out, size_t size) {
    const char *text = json_string_value(json_object_get(root, key));
    (void)snprintf(out, size, "%s", text != NULL ? text : "");
}

/* A whole number of `root`: `absent` when it is missing, -1 when it is none from 0 to 1e6. */
static int take_count(const json_t *root, const char *key, int absent) {
    const json_t *value = json_object_get(root, key);
    if (value == NULL) return absent;
    const json_int_t n = json_integer_value(value);
    return json_is_integer(value) && n >= 0 && n <= 1000000 ? (int)n : -1;
}

pleat_status pleat_record_read(const char *run, pleat_record *out) {
    char path[PLEAT_PATH_BYTES], seed[24];
    json_t *root = NULL;
    PLEAT_TRY(pleat_run_path(run, PLEAT_RUN_RECORD, path));
    PLEAT_CHECK(pleat_file_exists(run), PLEAT_ERR_NOT_FOUND, "there is no '%s'", run);
    PLEAT_CHECK(pleat_file_exists(path), PLEAT_ERR_NOT_FOUND,
                "'%s' is not the folder of a run: it has no run.json", run);
    *out = (pleat_record){0};
    PLEAT_TRY(pleat_json_read(path, SCHEMA, CURE, &root, &out->sealed));
    take(root, "version", out->version, sizeof out->version);
    take(root, "commit", out->commit, sizeof out->commit);
    take(root, "libraries", out->libraries, sizeof out->libraries);
    take(root, "command", out->command, sizeof out->command);
    take(root, "started", out->started, sizeof out->started);
    take(root, "host", out->host, sizeof out->host);
    take(root, "config_digest", out->digest, sizeof out->digest);
    take(root, "engine", out->engine, sizeof out->engine);
    take(root, "precision", out->precision, sizeof out->precision);
    take(root, "device", out->device, sizeof out->device);
    take(root, "weights", out->weights, sizeof out->weights);
    take(root, "classes", out->classes, sizeof out->classes);
    take(root, "data", out->data, sizeof out->data);
    take(root, "splits_digest", out->splits, sizeof out->splits);
    take(root, "settings_digest", out->settings, sizeof out->settings);
    take(root, "from_digest", out->from, sizeof out->from);
    take(root, "seed", seed, sizeof seed);
    out->seed = strtoull(seed, NULL, 10);
    out->ranks = take_count(root, "ranks", 0);
    out->cases = take_count(root, "cases", 0);
    out->folds = take_count(root, "folds", 0);
    out->channels = take_count(root, "channels", 1);
    out->repeats = take_count(root, "repeats", 1);
    json_decref(root);
    PLEAT_CHECK(out->ranks >= 0 && out->cases >= 0 && out->folds <= PLEAT_MAX_FOLDS &&
                    out->repeats >= 1 && out->folds % out->repeats == 0 && out->channels >= 1 &&
                    out->channels <= PLEAT_MAX_CHANNELS,
                PLEAT_ERR_FORMAT, "'%s' has numbers that no run has", path);
    PLEAT_CHECK(out->folds >= 2 && out->classes[0] != '\0', PLEAT_ERR_FORMAT,
                "'%s' does not say how many folds and which classes the run has; " CURE, path);
    return PLEAT_OK;
}
