/* output.c - what a folder or file that is to be written holds already. */
#include "pleat/output.h"

#include "pleat/nifti.h"
#include "pleat/rundir.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

static int is_passed_by(const char *name) {
    static const char *const notes[] = {".log", ".txt", ".out", ".err", ".md"};
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (ends_with(name, notes[i])) return 1;
    return name[0] == '.';
}

static int has(const char *folder, const char *name) {
    char path[PLEAT_PATH_BYTES];
    return pleat_path(path, sizeof path, "%s/%s", folder, name) == PLEAT_OK &&
           access(path, F_OK) == 0;
}

/* Such as RUN/fold_K/predictions. */
static int is_in_fold(const char *folder) {
    static const pleat_fold_file files[] = {PLEAT_FOLD_LATEST, PLEAT_FOLD_BEST, PLEAT_FOLD_HISTORY};
    char above[PLEAT_PATH_BYTES];
    if (pleat_path(above, sizeof above, "%s/..", folder) != PLEAT_OK) return 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (has(above, pleat_fold_file_name(files[i]))) return 1;
    return 0;
}

pleat_status pleat_output_check(const char *option, const char *folder, const char *by,
                                pleat_output_is_ours ours) {
    char first[256] = "";
    PLEAT_CHECK(!is_in_fold(folder), PLEAT_ERR_ARG,
                "%s '%s' lies in the folder of a run's fold, whose files it would replace; choose "
                "a folder outside of it",
                option, folder);
    DIR *dir = opendir(folder);
    if (dir == NULL) return PLEAT_OK; /* whoever makes it says why it cannot be used */
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *name = entry->d_name;
        if (is_passed_by(name) || (ours != NULL && ours(folder, name))) continue;
        if (first[0] == '\0' || strcmp(name, first) < 0)
            (void)snprintf(first, sizeof first, "%s", name);
    }
    (void)closedir(dir);
    PLEAT_CHECK(first[0] == '\0' || ours != NULL, PLEAT_ERR_ARG,
                "%s '%s' is not empty: it holds '%s'; %s needs a new or an empty folder", option,
                folder, first, by);
    PLEAT_CHECK(first[0] == '\0', PLEAT_ERR_ARG,
                "%s '%s' holds '%s', which %s has not written; choose a new or an empty folder",
                option, folder, first, by);
    return PLEAT_OK;
}

int pleat_output_begins(const char *path, const char *begin) {
    char text[512] = "";
    int64_t size = 0;
    int fd = -1;
    if (pleat_file_open(path, &fd, &size) != PLEAT_OK) return 0;
    const ssize_t got = pread(fd, text, sizeof text - 1, 0);
    (void)close(fd);
    return got > 0 && strncmp(text, begin, strlen(begin)) == 0;
}

/* Before the work: the folder that the file is to be made in. */
static pleat_status check_parent(const char *option, const char *path) {
    char folder[PLEAT_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) return PLEAT_OK;
    PLEAT_TRY(pleat_path(folder, sizeof folder, "%.*s", (int)(slash - path), path));
    PLEAT_CHECK(pleat_file_is_folder(folder), PLEAT_ERR_ARG,
                "%s '%s': there is no folder '%s'; make the folder first", option, path, folder);
    return PLEAT_OK;
}

pleat_status pleat_output_check_file(const char *option, const char *path, const char *by,
                                     const char *begin) {
    if (!pleat_file_exists(path)) return check_parent(option, path);
    PLEAT_CHECK(begin != NULL, PLEAT_ERR_ARG,
                "%s '%s' is there already; choose another name for what %s writes, or remove the "
                "file",
                option, path, by);
    PLEAT_CHECK(pleat_output_begins(path, begin), PLEAT_ERR_ARG,
                "%s '%s' is there already, and %s has not written it; choose another name, or "
                "remove the file",
                option, path, by);
    return PLEAT_OK;
}

int pleat_output_is_volume(const char *folder, const char *name) {
    char path[PLEAT_PATH_BYTES];
    pleat_nifti_info info = {.by_pleat = 0};
    return (ends_with(name, ".nii.gz") || ends_with(name, ".nii")) &&
           pleat_path(path, sizeof path, "%s/%s", folder, name) == PLEAT_OK &&
           pleat_nifti_read_header(path, NULL, &info) == PLEAT_OK && info.by_pleat;
}

/* --- runs and stores -------------------------------------------------------------------------- */

static int holds_run(const char *folder) {
    return has(folder, pleat_run_file_name(PLEAT_RUN_CONFIG)) ||
           has(folder, pleat_run_file_name(PLEAT_RUN_RECORD));
}

int pleat_output_is_run(const char *folder, const char *name) {
    static const pleat_run_file before[] = {PLEAT_RUN_SPLITS, PLEAT_RUN_STOP, PLEAT_RUN_LOGS,
                                            PLEAT_RUN_STORE, PLEAT_RUN_SUGGESTED};
    if (holds_run(folder) || strncmp(name, "fold_", strlen("fold_")) == 0) return 1;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (strcmp(name, pleat_run_file_name(before[i])) == 0) return 1;
    return 0;
}

int pleat_output_is_store(const char *folder, const char *name) {
    return strcmp(name, "cases") == 0 || strcmp(name, "index.h5") == 0 || holds_run(folder);
}
