/* fetch.c - a data set into a folder: download, checksum, unpack, what is missing only. */
#include "pleat/fetch.h"

#include "fetch_list.h"
#include "layout_files.h"

#include "pleat/download.h"
#include "pleat/layout.h"
#include "pleat/log.h"
#include "pleat/nifti.h"
#include "pleat/unpack.h"
#include "pleat/warn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE            ".pleat-fetch"
#define MOST_ENTRIES     200000
#define USUAL_MOST_BYTES ((int64_t)1 << 32)
#define USUAL_RATIO      100 /* of what an archive unpacks to, where that is more */

/* One file of the set on its way. */
typedef struct job {
    const pleat_fetch_how *how;
    const pleat_fetch_file *file;
    char whole[PLEAT_PATH_BYTES]; /* STORE/NAME, and beside it .part, .from, .files */
    char part[PLEAT_PATH_BYTES], from[PLEAT_PATH_BYTES], files[PLEAT_PATH_BYTES];
    char checksum[PLEAT_CHECKSUM_BYTES + 16];
} job;

static pleat_status begin(const pleat_fetch_how *how, const pleat_fetch_file *file, job *out) {
    *out = (job){.how = how, .file = file};
    const struct {
        char *path;
        const char *ending;
    } paths[] = {
        {out->whole, ""}, {out->part, ".part"}, {out->from, ".from"}, {out->files, ".files"}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        PLEAT_TRY(pleat_path(paths[i].path, PLEAT_PATH_BYTES, "%s/" STORE "/%s%s", how->folder,
                             file->name, paths[i].ending));
    return PLEAT_OK;
}

/* --- until it is here, and what it should be --- */

/* *right is 0 when the checksum is another; where none is known, that of the file is told. */
static pleat_status check(job *j, const char *path, int *right) {
    const pleat_fetch_file *f = j->file;
    const char *kind = pleat_checksum_name(f->kind);
    char digits[PLEAT_CHECKSUM_BYTES];
    PLEAT_TRY(pleat_checksum_file(path, f->kind, digits));
    (void)snprintf(j->checksum, sizeof j->checksum, "%s %s", kind, digits);
    *right = f->kind == PLEAT_NO_CHECKSUM || strcmp(digits, f->checksum) == 0;
    if (f->kind == PLEAT_NO_CHECKSUM)
        pleat_warn("no checksum is known of '%s', so it was not checked; its SHA-256 is %s",
                   f->name, digits);
    else if (*right)
        pleat_log(PLEAT_INFO, "%s: the %s is right", f->name, kind);
    return PLEAT_OK;
}

static pleat_status wrong_checksum(const job *j) {
    return PLEAT_FAIL(PLEAT_ERR_DATA,
                      "'%s' has the %s, and %s is expected; it was removed. It was damaged on the "
                      "way, or is not what was published: repeat the command, and if it stays so, "
                      "look at the address",
                      j->file->url, j->checksum, j->file->checksum);
}

static void forget_part(const job *j) {
    (void)unlink(j->part);
    (void)unlink(j->from);
}

static pleat_status obtain(job *j) {
    const pleat_fetch_how *how = j->how;
    const pleat_download wanted = {.url = j->file->url,
                                   .part = j->part,
                                   .from = j->from,
                                   .checked = j->file->kind != PLEAT_NO_CHECKSUM,
                                   .most = how->most_bytes > 0 ? how->most_bytes : INT64_MAX,
                                   .tries = how->tries,
                                   .wait_s = how->wait_s,
                                   .stall_s = how->stall_s};
    int right = 0, resumed = 1;
    for (int again = 0; !right; again = 1) {
        pleat_log(PLEAT_INFO, "%s: from %s", j->file->name, j->file->url);
        PLEAT_TRY(pleat_download_file(&wanted, &resumed));
        PLEAT_TRY(check(j, j->part, &right));
        if (right) break;
        forget_part(j);
        if (!resumed || again) return wrong_checksum(j);
        pleat_log(PLEAT_INFO, "%s: its parts make no whole; from its beginning again",
                  j->file->name);
    }
    PLEAT_TRY(pleat_file_publish(j->part, j->whole));
    (void)unlink(j->from);
    return PLEAT_OK;
}

/* An archive that an earlier run has left, or a new one. */
static pleat_status have_whole(job *j) {
    int right = 0;
    if (pleat_file_exists(j->whole)) {
        PLEAT_TRY(check(j, j->whole, &right));
        if (right) return PLEAT_OK;
        (void)unlink(j->whole);
    }
    return obtain(j);
}

/* --- where its files go --- */

static const char *const endings[] = {".zip", ".tar", ".tar.gz", ".tgz"};

/* The length of a name without its ending; 0: it is no archive. */
static size_t archive_stem(const char *name) {
    const size_t n = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t m = strlen(endings[i]);
        if (n > m && strcasecmp(name + n - m, endings[i]) == 0) return n - m;
    }
    return 0;
}

static const char *base_of(const char *entry) {
    const char *slash = strrchr(entry, '/');
    return slash == NULL ? entry : slash + 1;
}

static pleat_status place(const void *context, const char *entry, char path[PLEAT_PATH_BYTES]) {
    const pleat_fetch_file *f = context;
    const size_t top = archive_stem(f->name);
    if (f->layout == PLEAT_FETCH_FOLDER) {
        const int below = strncmp(entry, f->name, top) == 0 && entry[top] == '/' && top > 0;
        return pleat_path(path, PLEAT_PATH_BYTES, "%s", entry + (below ? top + 1 : 0));
    }
    const char *base = base_of(entry);
    const size_t stem = layout_stem(base);
    path[0] = '\0';
    if (stem == 0) return PLEAT_OK; /* no volume */
    PLEAT_CHECK(stem < PLEAT_CASE_BYTES, PLEAT_ERR_DATA, "'%s': '%s' is too long a name for a case",
                f->name, base);
    return pleat_path(path, PLEAT_PATH_BYTES, "%.*s/%s%s", (int)stem, base,
                      f->layout == PLEAT_FETCH_IMAGES ? "imaging" : "segmentation", base + stem);
}

static int64_t most_unpacked(const job *j) {
    struct stat st = {0};
    if (j->how->most_bytes > 0) return j->how->most_bytes;
    (void)stat(j->whole, &st);
    const int64_t by_ratio = (int64_t)st.st_size * USUAL_RATIO;
    return by_ratio > USUAL_MOST_BYTES ? by_ratio : USUAL_MOST_BYTES;
}

/* A file that is no archive: it is moved to its place. */
static pleat_status move_in(const job *j, pleat_unpacked_list *out) {
    char path[PLEAT_PATH_BYTES], full[PLEAT_PATH_BYTES];
    struct stat st = {0};
    PLEAT_TRY(place(j->file, j->file->name, path));
    PLEAT_CHECK(path[0] != '\0', PLEAT_ERR_ARG,
                "'%s' is neither an archive nor a volume, and its layout is %s; its layout should "
                "be folder",
                j->file->name, pleat_fetch_layout_name(j->file->layout));
    PLEAT_TRY(pleat_path(full, sizeof full, "%s/%s", j->how->folder, path));
    PLEAT_CHECK(stat(j->whole, &st) == 0, PLEAT_ERR_IO, "cannot look at '%s': %s", j->whole,
                strerror(errno));
    out->item = calloc(1, sizeof *out->item);
    PLEAT_CHECK(out->item != NULL, PLEAT_ERR_MEMORY, "no memory for a list of files");
    out->n = 1;
    out->item[0] = (pleat_unpacked){strdup(path), st.st_size};
    PLEAT_CHECK(out->item[0].path != NULL, PLEAT_ERR_MEMORY, "no memory for a list of files");
    if (pleat_file_exists(full)) return PLEAT_OK;
    char *slash = strrchr(full, '/');
    *slash = '\0';
    PLEAT_TRY(pleat_file_make_part(full));
    *slash = '/';
    return pleat_file_publish(j->whole, full);
}

static pleat_status bring(const job *j, pleat_unpacked_list *out) {
    if (archive_stem(j->file->name) == 0) return move_in(j, out);
    const pleat_unpack how = {.archive = j->whole,
                              .folder = j->how->folder,
                              .most_entries = MOST_ENTRIES,
                              .most_bytes = most_unpacked(j),
                              .place = place,
                              .context = j->file};
    PLEAT_TRY(pleat_unpack_archive(&how, out));
    PLEAT_CHECK(out->n > 0, PLEAT_ERR_DATA, "'%s' holds %s", j->whole,
                j->file->layout == PLEAT_FETCH_FOLDER ? "no file" : "no volume (.nii or .nii.gz)");
    return PLEAT_OK;
}

/* --- a file of the set --- */

/* *there is 1 when an earlier run has brought it, and nothing is gone since. */
static pleat_status look_for(const job *j, int *there) {
    const pleat_fetch_file *f = j->file;
    const char *kind = pleat_checksum_name(f->kind);
    const size_t n = strlen(kind);
    fetch_list list = {0};
    int found = 0;
    PLEAT_TRY(fetch_list_read(j->files, &list, &found));
    const int missing = fetch_list_missing(&list, j->how->folder);
    const int other = found && f->kind != PLEAT_NO_CHECKSUM &&
                      strncmp(list.checksum, kind, n) == 0 &&
                      strcmp(list.checksum + n + (list.checksum[n] == ' '), f->checksum) != 0;
    *there = found && missing == 0;
    if (found && missing > 0)
        pleat_log(PLEAT_INFO, "%s: %d of its %d files are gone; they are fetched again", f->name,
                  missing, list.files.n);
    pleat_unpacked_free(&list.files);
    PLEAT_CHECK(!other, PLEAT_ERR_DATA,
                "'%s' holds '%s' of another checksum (%s); fetch this one into another folder",
                j->how->folder, f->name, list.checksum);
    return PLEAT_OK;
}

static pleat_status fetch_file(const pleat_fetch_how *how, const pleat_fetch_file *file,
                               pleat_fetched *to) {
    fetch_list list = {0};
    job j;
    int there = 0;
    PLEAT_TRY(begin(how, file, &j));
    PLEAT_TRY(look_for(&j, &there));
    to->there += there;
    if (there) return PLEAT_OK;
    PLEAT_TRY(have_whole(&j));
    pleat_status status = bring(&j, &list.files);
    (void)snprintf(list.checksum, sizeof list.checksum, "%s", j.checksum);
    if (status == PLEAT_OK) status = fetch_list_write(j.files, file->url, &list);
    pleat_unpacked_free(&list.files);
    PLEAT_TRY(status);
    if (!how->keep) (void)unlink(j.whole);
    to->fetched++;
    return PLEAT_OK;
}

/* --- what there is then --- */

static pleat_status check_pair(const pleat_case_paths *item) {
    pleat_geometry image, label;
    for (int c = 0; c < item->images; c++) {
        PLEAT_TRY(pleat_nifti_read_header(item->image[c], &image, NULL));
        PLEAT_TRY(pleat_nifti_read_header(item->label, &label, NULL));
        PLEAT_CHECK(memcmp(image.dim, label.dim, sizeof image.dim) == 0, PLEAT_ERR_DATA,
                    "case '%s': '%s' has %dx%dx%d voxels and '%s' %dx%dx%d; they are not of one "
                    "patient, or one of them is damaged",
                    item->id, item->image[c], image.dim[2], image.dim[1], image.dim[0], item->label,
                    label.dim[2], label.dim[1], label.dim[0]);
    }
    return PLEAT_OK;
}

/* Each image has a mask of its size. */
static pleat_status check_pairs(const char *folder, int *cases) {
    pleat_layout_refusals refused = {0};
    pleat_case_paths *found = NULL;
    int n = 0;
    pleat_status status =
        pleat_layout_scan_all(folder, PLEAT_LAYOUT_LABELLED, &refused, &found, &n);
    if (status == PLEAT_OK && refused.n > 0)
        status =
            PLEAT_FAIL(PLEAT_ERR_DATA, "%s (%d such in '%s')", refused.text[0], refused.n, folder);
    for (int i = 0; i < n && status == PLEAT_OK; i++) status = check_pair(&found[i]);
    pleat_layout_free(found, n);
    pleat_layout_refusals_free(&refused);
    PLEAT_TRY(status);
    *cases = n;
    return PLEAT_OK;
}

static pleat_status fetch_all(const pleat_fetch_set *set, const pleat_fetch_how *how,
                              pleat_fetched *out) {
    for (int i = 0; i < set->n; i++) PLEAT_TRY(fetch_file(how, &set->file[i], out));
    const pleat_status status = check_pairs(how->folder, &out->cases);
    if (set->pairs || status == PLEAT_OK || status == PLEAT_ERR_MEMORY) return status;
    pleat_warn("'%s' is no data to train on as it is: %s", how->folder, pleat_error_message());
    return PLEAT_OK;
}

pleat_status pleat_fetch(const pleat_fetch_set *set, const pleat_fetch_how *how,
                         pleat_fetched *out) {
    char store[PLEAT_PATH_BYTES];
    pleat_fetched made = {0};
    pleat_lock *lock = NULL;
    PLEAT_TRY(pleat_path(store, sizeof store, "%s/" STORE, how->folder));
    PLEAT_TRY(pleat_file_make_part(store));
    PLEAT_TRY(pleat_lock_take(store, &lock));
    const pleat_status status = fetch_all(set, how, &made);
    pleat_lock_release(lock);
    if (status == PLEAT_OK) *out = made;
    return status;
}
