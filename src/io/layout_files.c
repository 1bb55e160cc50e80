/* layout_files.c - the entries of a data folder: what they are, and which of them nobody uses. */
#include "layout_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const ENDINGS[] = {".nii.gz", ".nii"};
/* Images of formats that are not read, or not whole. */
static const char *const FOREIGN[] = {".nrrd",   ".nhdr", ".mha",  ".mhd",  ".hdr", ".img",
                                      ".mgz",    ".mgh",  ".dcm",  ".ima",  ".npy", ".npz",
                                      ".nii.gz", ".nii",  ".gz",   ".bz2",  ".xz",  ".zst",
                                      ".zip",    ".tif",  ".tiff", ".part", ".tmp", ".bak"};
/* What lies beside volumes and holds none. */
static const char *const DOCUMENTS[] = {".json", ".txt",  ".md",  ".csv",  ".tsv",
                                        ".xlsx", ".xml",  ".pdf", ".yaml", ".yml",
                                        ".html", ".docx", ".py",  ".sh",   ".log"};
static const char *const PAPERS[] = {"README", "LICENSE", "LICENCE", "CITATION", "CHANGES"};

#define COUNT_OF(table) (sizeof(table) / sizeof(table)[0])

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int ends_in(const char *name, const char *ending) {
    const size_t n = strlen(name), m = strlen(ending);
    return n > m && strcasecmp(name + n - m, ending) == 0;
}

static int ends_in_one(const char *name, const char *const *endings, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (ends_in(name, endings[i])) return 1;
    return 0;
}

pleat_status layout_look(const char *path, layout_kind *out) {
    struct stat about;
    char target[256] = "";
    if (stat(path, &about) == 0) {
        PLEAT_CHECK(S_ISREG(about.st_mode) || S_ISDIR(about.st_mode), PLEAT_ERR_IO,
                    "'%s' is neither a file nor a folder; move it away", path);
        *out = S_ISDIR(about.st_mode) ? LAYOUT_FOLDER : LAYOUT_FILE;
        return PLEAT_OK;
    }
    const int why = errno;
    const ssize_t n = readlink(path, target, sizeof target - 1);
    PLEAT_CHECK(n < 0 || why == EACCES, PLEAT_ERR_IO,
                "'%s' is a link that leads nowhere, to '%s' (%s); fetch the file (git annex get, "
                "datalad get) or remove the link",
                path, target, strerror(why));
    PLEAT_CHECK(why == ENOENT || why == ENOTDIR, PLEAT_ERR_IO, "cannot look at '%s': %s", path,
                strerror(why));
    *out = LAYOUT_ABSENT;
    return PLEAT_OK;
}

pleat_status layout_is_folder(const char *path, int *yes) {
    layout_kind kind = LAYOUT_ABSENT;
    PLEAT_TRY(layout_look(path, &kind));
    *yes = kind == LAYOUT_FOLDER;
    return PLEAT_OK;
}

void layout_names_release(layout_names *names) {
    for (int i = 0; i < names->n; i++) free(names->name[i]);
    free(names->name);
    *names = (layout_names){0};
}

pleat_status layout_list(const char *folder, layout_names *out) {
    layout_names list = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(pleat_path(list.folder, sizeof list.folder, "%s", folder));
    DIR *dir = opendir(folder);
    PLEAT_CHECK(dir != NULL, PLEAT_ERR_IO, "cannot read folder '%s': %s", folder, strerror(errno));
    errno = 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') continue;
        char **grown = realloc(list.name, (size_t)(list.n + 1) * sizeof *grown);
        if (grown != NULL) list.name = grown;
        char *name = grown == NULL ? NULL : strdup(entry->d_name);
        PLEAT_CHECK_GOTO(status, done, name != NULL, PLEAT_ERR_MEMORY,
                         "no memory to list folder '%s'", folder);
        list.name[list.n++] = name;
        errno = 0;
    }
    PLEAT_CHECK_GOTO(status, done, errno == 0, PLEAT_ERR_IO, "cannot read folder '%s': %s", folder,
                     strerror(errno));
    if (list.n > 1) qsort(list.name, (size_t)list.n, sizeof *list.name, by_text);
    *out = list;
    list = (layout_names){0};
done:
    layout_names_release(&list);
    (void)closedir(dir);
    return status;
}

size_t layout_stem(const char *name) {
    for (size_t i = 0; i < COUNT_OF(ENDINGS); i++)
        if (ends_in(name, ENDINGS[i])) return strlen(name) - strlen(ENDINGS[i]);
    return 0;
}

int layout_first_with(const layout_names *in, const char *stem, size_t n) {
    int low = 0, high = in->n;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (strncmp(in->name[middle], stem, n) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

pleat_status layout_find(const layout_names *in, const char *stem, size_t stem_bytes,
                         const char *tail, char out[PLEAT_PATH_BYTES]) {
    char found[PLEAT_PATH_BYTES] = "", path[PLEAT_PATH_BYTES];
    const size_t tail_bytes = strlen(tail);
    for (int i = layout_first_with(in, stem, stem_bytes);
         i < in->n && strncmp(in->name[i], stem, stem_bytes) == 0; i++) {
        layout_kind kind = LAYOUT_ABSENT;
        if (layout_stem(in->name[i]) != stem_bytes + tail_bytes ||
            strncmp(in->name[i] + stem_bytes, tail, tail_bytes) != 0)
            continue;
        PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", in->folder, in->name[i]));
        PLEAT_TRY(layout_look(path, &kind));
        if (kind != LAYOUT_FILE) continue;
        PLEAT_CHECK(found[0] == '\0', PLEAT_ERR_DATA,
                    "'%s' and '%s' are one volume twice; remove one", found, path);
        memcpy(found, path, sizeof found);
    }
    memcpy(out, found, sizeof found);
    return PLEAT_OK;
}

/* --- what nobody uses --- */

typedef struct file_key {
    dev_t device;
    ino_t number;
} file_key;

static int by_key(const void *a, const void *b) {
    const file_key *x = a, *y = b;
    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int key_of(const char *path, file_key *out) {
    struct stat about;
    if (path == NULL || stat(path, &about) != 0) return 0;
    *out = (file_key){about.st_dev, about.st_ino};
    return 1;
}

/* Of all files of cases[n], sorted. */
static pleat_status used_files(const pleat_case_paths *cases, int n, file_key **out, size_t *many) {
    size_t room = 0, used = 0;
    for (int i = 0; i < n; i++) room += (size_t)cases[i].images + 1;
    file_key *keys = malloc((room + 1) * sizeof *keys);
    PLEAT_CHECK(keys != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < cases[i].images; c++) used += key_of(cases[i].image[c], &keys[used]);
        used += key_of(cases[i].label, &keys[used]);
    }
    qsort(keys, used, sizeof *keys, by_key);
    *out = keys;
    *many = used;
    return PLEAT_OK;
}

static int is_document(const char *name) {
    for (size_t i = 0; i < COUNT_OF(PAPERS); i++)
        if (strncasecmp(name, PAPERS[i], strlen(PAPERS[i])) == 0) return 1;
    return ends_in_one(name, DOCUMENTS, COUNT_OF(DOCUMENTS));
}

void layout_note(const char *top, const char *path, layout_passed *to) {
    const size_t used = strlen(to->first), below = strlen(top) + 1;
    if (to->n++ < LAYOUT_TOLD)
        (void)snprintf(to->first + used, sizeof to->first - used, "%s%s", used > 0 ? ", " : "",
                       strncmp(path, top, below - 1) == 0 ? path + below : path);
}

/* How the entries of a folder are looked at. */
typedef struct noting {
    const char *top;
    int all;              /* every file that is no document, and every folder */
    const file_key *keys; /* [many], of what is used */
    size_t many;
    layout_passed *to;
} noting;

static pleat_status note_folder(const noting *how, const char *folder, int levels) {
    layout_names names = {0};
    file_key mine;
    char path[PLEAT_PATH_BYTES];
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(layout_list(folder, &names));
    for (int i = 0; i < names.n; i++) {
        struct stat about;
        PLEAT_TRY_GOTO(status, done, pleat_path(path, sizeof path, "%s/%s", folder, names.name[i]));
        const int counts = how->all ? !is_document(names.name[i])
                                    : ends_in_one(names.name[i], FOREIGN, COUNT_OF(FOREIGN));
        if (levels > 0 && lstat(path, &about) == 0 && S_ISDIR(about.st_mode))
            PLEAT_TRY_GOTO(status, done, note_folder(how, path, levels - 1));
        else if (counts && (!key_of(path, &mine) ||
                            bsearch(&mine, how->keys, how->many, sizeof mine, by_key) == NULL))
            layout_note(how->top, path, how->to);
    }
done:
    layout_names_release(&names);
    return status;
}

static pleat_status note_unused(const char *top, const char *folder, int all, int levels,
                                const pleat_case_paths *cases, int n, layout_passed *to) {
    file_key *keys = NULL;
    size_t many = 0;
    PLEAT_TRY(used_files(cases, n, &keys, &many));
    const noting how = {top, all, keys, many, to};
    const pleat_status status = note_folder(&how, folder, levels);
    free(keys);
    return status;
}

pleat_status layout_note_passed(const char *top, const char *folder, int all,
                                const pleat_case_paths *cases, int n, layout_passed *to) {
    return note_unused(top, folder, all, 0, cases, n, to);
}

pleat_status layout_note_below(const char *top, int levels, const pleat_case_paths *cases, int n,
                               layout_passed *to) {
    return note_unused(top, top, 0, levels, cases, n, to);
}
