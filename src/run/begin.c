/*
 * begin.c - a run's folder: what is looked at before it is made, and its lock.
 *
 * A run that ends before it has trained, for its data or its configuration, leaves nothing that the
 * corrected one would have to agree with: no config.yaml, run.json or folds, and no folder either,
 * unless cases have been prepared in it. These are kept.
 */
#include "run_impl.h"

#include "pleat/check.h"
#include "pleat/log.h"
#include "pleat/output.h"
#include "pleat/prep.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_root(const pleat_crossval *cv) { return cv->session->rank == 0; }

static int has(const pleat_crossval *cv, pleat_run_file file) {
    char path[PLEAT_PATH_BYTES];
    return pleat_run_path(cv->options->out, file, path) == PLEAT_OK && pleat_file_exists(path);
}

/* --- before ----------------------------------------------------------------------------------- */

/* How much of the path is there already. */
static size_t length_there(const char *path) {
    char part[PLEAT_PATH_BYTES];
    size_t n = (size_t)snprintf(part, sizeof part, "%s", path);
    while (n > 0 && !pleat_file_exists(part)) {
        while (n > 0 && part[n - 1] == '/') n--;
        while (n > 0 && part[n - 1] != '/') n--;
        part[n] = '\0';
    }
    return n;
}

pleat_status pleat_begin_look(pleat_crossval *cv) {
    const char *out = cv->options->out;
    cv->fresh = !has(cv, PLEAT_RUN_CONFIG) && !has(cv, PLEAT_RUN_RECORD);
    cv->had_splits = has(cv, PLEAT_RUN_SPLITS); /* no rank has made anything yet */
    cv->had_logs = has(cv, PLEAT_RUN_LOGS);
    cv->there = length_there(out);
    if (out[0] != '\0' && is_root(cv))
        PLEAT_TRY(pleat_output_check("--out", out, "pleat run", pleat_output_is_run));
    if (cv->fresh && is_root(cv)) PLEAT_TRY(pleat_record_beginning(cv));
    if (out[0] != '\0' && !cv->fresh) return PLEAT_OK;
    if (!cv->options->dry_run && cv->config.engine > 0) { /* 0: auto, which takes what there is */
        const pleat_engine_entry *engine = &pleat_engine_list()[cv->config.engine - 1];
        const char *why = engine->missing();
        PLEAT_CHECK(why == NULL, PLEAT_ERR_UNSUPPORTED, "engine '%s': %s", engine->name, why);
    }
    return PLEAT_OK;
}

/* Where all cases are in the store, of these very files, their voxels were looked at when they were
 * prepared: the headers are enough. */
pleat_status pleat_begin_check(const pleat_crossval *cv) {
    const int dry = cv->options->dry_run;
    const pleat_cases *cases = &cv->data.cases;
    pleat_check_how how = {.given = 1, .begun = 1};
    pleat_check_report report;
    pleat_comm *world = cv->session->world;
    int wanted = dry || cv->fresh;
    PLEAT_TRY(pleat_comm_broadcast_bytes(world, &wanted, sizeof wanted, 0));
    if (!wanted) return PLEAT_OK;
    if (is_root(cv))
        how.headers =
            pleat_prep_is_done(&cv->config.prep, cases->paths, cases->n, cv->data.store_path);
    PLEAT_TRY(pleat_comm_broadcast_bytes(world, &how.headers, sizeof how.headers, 0));
    PLEAT_TRY(pleat_check(world, &cv->config, &how, &report));
    const pleat_status status =
        is_root(cv) ? pleat_check_tell(&report, cv->config.data, !dry) : PLEAT_OK;
    pleat_check_free(&report);
    return pleat_comm_agree(world, status);
}

/* --- in --------------------------------------------------------------------------------------- */

/* Another start may have begun the run while this one checked the data. */
static void look_again(pleat_crossval *cv) {
    if (has(cv, PLEAT_RUN_CONFIG) || has(cv, PLEAT_RUN_RECORD)) cv->fresh = 0;
}

/* Tasks of a job array share the folder, each with a fold of its own. */
pleat_status pleat_begin_enter(pleat_crossval *cv) {
    const char *out = cv->options->out;
    const int only = cv->options->only_fold;
    char path[PLEAT_PATH_BYTES];
    const size_t room = sizeof((pleat_case_result *)0)->prediction;
    for (int i = 0; i < cv->data.cases.n; i++)
        PLEAT_CHECK(strlen(out) + strlen(cv->data.cases.ids[i]) + 48 < room &&
                        strlen(cv->data.cases.paths[i].label) < room,
                    PLEAT_ERR_ARG, "case '%s': its paths would be longer than %zu characters",
                    cv->data.cases.ids[i], room - 1);
    PLEAT_TRY(pleat_run_path(out, PLEAT_RUN_LOGS, path));
    PLEAT_TRY(pleat_file_make_part(path));
    PLEAT_TRY(pleat_run_path(out, PLEAT_RUN_STOP, cv->stop_file));
    if (!is_root(cv)) return PLEAT_OK;
    if (only < 0) {
        PLEAT_TRY(pleat_lock_take(out, &cv->lock));
        look_again(cv);
        return PLEAT_OK;
    }
    PLEAT_TRY(pleat_lock_share(out, &cv->lock));
    look_again(cv);
    PLEAT_TRY(pleat_fold_folder(out, only, path));
    PLEAT_TRY(pleat_file_make_part(path));
    return pleat_lock_take(path, &cv->fold_lock);
}

/* Calls `each` for what stands in FOLDER and ends so. */
static void for_all(const char *folder, const char *end, void (*each)(const char *, const void *),
                    const void *context) {
    char path[PLEAT_PATH_BYTES];
    DIR *dir = opendir(folder);
    if (dir == NULL) return;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const size_t n = strlen(entry->d_name), m = strlen(end);
        if (n > m && strcmp(entry->d_name + n - m, end) == 0 &&
            pleat_path(path, sizeof path, "%s/%s", folder, entry->d_name) == PLEAT_OK)
            each(path, context);
    }
    (void)closedir(dir);
}

static void remove_foreign(const char *path, const void *context) {
    const pleat_crossval *cv = context;
    pleat_case_info info = {0};
    char preprocessing[PLEAT_PREPROCESSING_BYTES];
    if (pleat_store_look(path, &info, preprocessing) != PLEAT_OK ||
        strcmp(preprocessing, cv->data.preprocessing) == 0)
        return;
    pleat_log(PLEAT_INFO,
              "'%s' was prepared for another configuration, by a start that has not "
              "trained; it is made again",
              path);
    (void)unlink(path);
}

void pleat_begin_clear_store(const pleat_crossval *cv) {
    char path[PLEAT_PATH_BYTES];
    if (!cv->fresh || cv->config.store[0] != '\0' || cv->options->only_fold >= 0 ||
        pleat_path(path, sizeof path, "%s/cases", cv->data.store_path) != PLEAT_OK)
        return;
    for_all(path, ".h5", remove_foreign, cv);
    if (pleat_path(path, sizeof path, "%s/index.h5", cv->data.store_path) == PLEAT_OK)
        (void)unlink(path); /* is written again when all cases are there */
}

/* --- out again -------------------------------------------------------------------------------- */

static void remove_file(const char *path, const void *context) {
    (void)context;
    (void)unlink(path);
}

static void remove_in(const char *folder, const char *name) {
    char path[PLEAT_PATH_BYTES];
    if (pleat_path(path, sizeof path, "%s/%s", folder, name) == PLEAT_OK) (void)unlink(path);
}

/* Its lock goes only where nothing else is in the folder. */
static int remove_folder(const char *path) {
    struct stat st = {0};
    int others = 0;
    if (lstat(path, &st) != 0) return 1;
    DIR *dir = S_ISDIR(st.st_mode) ? opendir(path) : NULL; /* no link */
    if (dir == NULL) return 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        others += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                  strcmp(entry->d_name, ".lock") != 0;
    (void)closedir(dir);
    if (others > 0) return 0;
    remove_in(path, ".lock");
    return rmdir(path) == 0;
}

/* The run's folder and those that were made for it, unless cases are in its store. */
static void remove_folders(const pleat_crossval *cv) {
    const char *out = cv->options->out;
    char path[PLEAT_PATH_BYTES];
    if (pleat_path(path, sizeof path, "%s/cases", cv->data.store_path) != PLEAT_OK) return;
    if (cv->config.store[0] == '\0' &&
        (!remove_folder(path) || !remove_folder(cv->data.store_path)))
        return;
    if (cv->options->only_fold >= 0 &&
        pleat_fold_folder(out, cv->options->only_fold, path) == PLEAT_OK)
        (void)remove_folder(path);
    if (pleat_run_path(out, PLEAT_RUN_LOGS, path) != PLEAT_OK) return;
    if (!cv->had_logs) for_all(path, ".log", remove_file, NULL);
    if (!cv->had_logs) (void)remove_folder(path);
    if (pleat_path(path, sizeof path, "%s", out) != PLEAT_OK) return;
    for (size_t n = strlen(path); n > cv->there && remove_folder(path);) {
        while (n > 0 && path[n - 1] == '/') n--;
        while (n > 0 && path[n - 1] != '/') n--;
        path[n] = '\0';
    }
    if (strlen(out) == cv->there) remove_in(out, ".lock"); /* it was there, and empty */
}

void pleat_begin_undo(pleat_crossval *cv, pleat_status why) {
    const int code = pleat_status_exit_code(why);
    if (!is_root(cv) || !cv->fresh || cv->trained || cv->stop_file[0] == '\0' ||
        why == PLEAT_ERR_BUSY || (code != 2 && code != 3))
        return;
    pleat_lock_release(cv->fold_lock);
    pleat_lock_release(cv->lock);
    cv->fold_lock = cv->lock = NULL;
    char message[2048]; /* what is said of the lock is not why the run ends */
    (void)snprintf(message, sizeof message, "%s", pleat_error_message());
    if (pleat_lock_take(cv->options->out, &cv->lock) != PLEAT_OK) { /* another task is in there */
        (void)PLEAT_FAIL(why, "%s", message);
        return;
    }
    remove_in(cv->options->out, pleat_run_file_name(PLEAT_RUN_CONFIG));
    remove_in(cv->options->out, pleat_run_file_name(PLEAT_RUN_RECORD));
    remove_in(cv->options->out, pleat_run_file_name(PLEAT_RUN_PROGRESS));
    if (!cv->had_splits) remove_in(cv->options->out, pleat_run_file_name(PLEAT_RUN_SPLITS));
    remove_folders(cv);
}
