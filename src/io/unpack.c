/* unpack.c - archives of others, by libarchive: looked through first, then written file by file. */
#include "pleat/unpack.h"

#include "pleat/halt.h"
#include "pleat/log.h"
#include "pleat/text.h"

#include <archive.h>
#include <archive_entry.h>

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PIECE = 1 << 18, MOST_FILTERS = 2 }; /* gzip, and the file itself */

/* An entry of the archive, in its order. */
typedef struct planned {
    char *path; /* below the folder; NULL: not written */
    int64_t bytes;
} planned;

typedef struct reader {
    const pleat_unpack *how;
    struct archive *archive;
    int fd;
    planned *entry; /* [n] */
    int n, room;
    int64_t bytes;  /* of all entries */
    int64_t needed; /* of those that are to be written and are not there */
} reader;

/* --- the archive --- */

/* What libarchive says, without the line end that some of it has. */
static const char *why(const reader *r, char out[256]) {
    const char *text = archive_error_string(r->archive);
    (void)snprintf(out, 256, "%.*s", text == NULL ? 0 : (int)strcspn(text, "\n"),
                   text == NULL ? "" : text);
    return out;
}

static pleat_status open_archive(reader *r) {
    char text[256];
    int64_t size = 0;
    PLEAT_TRY(pleat_file_open(r->how->archive, &r->fd, &size));
    r->archive = archive_read_new();
    PLEAT_CHECK(r->archive != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", r->how->archive);
    (void)archive_read_support_filter_gzip(r->archive);
    (void)archive_read_support_format_tar(r->archive);
    (void)archive_read_support_format_zip(r->archive);
    PLEAT_CHECK(
        archive_read_open_fd(r->archive, r->fd, PIECE) == ARCHIVE_OK, PLEAT_ERR_FORMAT,
        "'%s' is no zip, tar or tar.gz archive (%s); the server may have sent a page in its "
        "place, so look at it",
        r->how->archive, why(r, text));
    return PLEAT_OK;
}

static void close_archive(reader *r) {
    if (r->archive != NULL) (void)archive_read_free(r->archive);
    if (r->fd >= 0) (void)close(r->fd);
    r->archive = NULL;
    r->fd = -1;
}

/* *out is NULL behind the last one. */
static pleat_status next_entry(const reader *r, struct archive_entry **out) {
    char text[256];
    const int got = archive_read_next_header(r->archive, out);
    if (got == ARCHIVE_EOF) *out = NULL;
    PLEAT_CHECK(got == ARCHIVE_EOF || got == ARCHIVE_OK || got == ARCHIVE_WARN, PLEAT_ERR_FORMAT,
                "'%s' is damaged: %s; remove it and fetch it again", r->how->archive, why(r, text));
    const pleat_halt halt = pleat_halt_look(0.0);
    PLEAT_CHECK(pleat_halt_status(halt) == PLEAT_OK, pleat_halt_status(halt),
                "%s while '%s' was unpacked; the same command resumes", pleat_halt_name(halt),
                r->how->archive);
    return PLEAT_OK;
}

/* --- names --- */

/* In `out` without "./" and doubled '/'. */
static pleat_status plain_name(const reader *r, const char *name, char out[PLEAT_PATH_BYTES]) {
    const char *archive = r->how->archive;
    size_t used = 0;
    PLEAT_CHECK(name != NULL && pleat_text_is_plain(name), PLEAT_ERR_DATA,
                "'%s' has a name that is not UTF-8 or has control characters; nothing of it was "
                "unpacked",
                archive);
    PLEAT_CHECK(name[0] != '/' && strlen(name) < PLEAT_PATH_BYTES, PLEAT_ERR_DATA,
                "'%s' has the name '%.200s', which is absolute or too long; nothing of it was "
                "unpacked",
                archive, name);
    for (const char *at = name; *at != '\0'; at += strspn(at, "/")) {
        const size_t n = strcspn(at, "/");
        PLEAT_CHECK(n != 2 || strncmp(at, "..", 2) != 0, PLEAT_ERR_DATA,
                    "'%s' has the name '%s', which leads out of the folder; nothing of it was "
                    "unpacked",
                    archive, name);
        if (n > 1 || *at != '.')
            used += (size_t)snprintf(out + used, PLEAT_PATH_BYTES - used, "%s%.*s",
                                     used == 0 ? "" : "/", (int)n, at);
        at += n;
    }
    out[used] = '\0';
    return PLEAT_OK;
}

/* What systems leave behind: no part of any data. */
static int is_dropping(const char *name) {
    for (const char *at = name; *at != '\0'; at += strspn(at, "/")) {
        const size_t n = strcspn(at, "/");
        if (*at == '.' || (n == 8 && strncmp(at, "__MACOSX", n) == 0)) return 1;
        at += n;
    }
    return 0;
}

static const char *name_of(struct archive_entry *entry) {
    const char *name = archive_entry_pathname_utf8(entry);
    return name != NULL ? name : archive_entry_pathname(entry);
}

/* --- the first pass: what there is --- */

static pleat_status check_kind(const reader *r, struct archive_entry *entry) {
    const char *archive = r->how->archive, *name = name_of(entry);
    const mode_t kind = archive_entry_filetype(entry);
    const int link = archive_entry_hardlink(entry) != NULL || kind == AE_IFLNK;
    if (name == NULL) name = "?";
    PLEAT_CHECK(
        !link && (kind == AE_IFREG || kind == AE_IFDIR), PLEAT_ERR_DATA,
        "'%s': '%.200s' is a %s, and only files and folders are unpacked; nothing of it was",
        archive, name, link ? "link" : "device or a pipe");
    PLEAT_CHECK(!archive_entry_is_encrypted(entry), PLEAT_ERR_DATA,
                "'%s': '%.200s' is encrypted; unpack it yourself", archive, name);
    PLEAT_CHECK(archive_entry_size_is_set(entry) || kind == AE_IFDIR, PLEAT_ERR_DATA,
                "'%s': '%.200s' does not say how long it is; unpack it yourself", archive, name);
    PLEAT_CHECK(archive_filter_count(r->archive) <= MOST_FILTERS, PLEAT_ERR_DATA,
                "'%s' is compressed twice; nothing of it was unpacked", archive);
    return PLEAT_OK;
}

static pleat_status check_bounds(const reader *r, int64_t more) {
    const pleat_unpack *how = r->how;
    PLEAT_CHECK(r->n <= how->most_entries, PLEAT_ERR_DATA,
                "'%s' has more than %d entries; nothing of it was unpacked", how->archive,
                how->most_entries);
    PLEAT_CHECK(more >= 0 && more <= how->most_bytes - r->bytes, PLEAT_ERR_DATA,
                "'%s' would unpack to more than %.0f MB; nothing of it was unpacked. If it is to "
                "be so large, raise --most",
                how->archive, 1e-6 * (double)how->most_bytes);
    return PLEAT_OK;
}

/* Room for one more, of no path yet. */
static pleat_status add(reader *r) {
    if (r->n == r->room) {
        const int room = r->room == 0 ? 256 : 2 * r->room;
        planned *grown = realloc(r->entry, (size_t)room * sizeof *grown);
        PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory to unpack '%s'", r->how->archive);
        r->entry = grown;
        r->room = room;
    }
    r->entry[r->n++] = (planned){NULL, 0};
    return PLEAT_OK;
}

static pleat_status plan_entry(reader *r, struct archive_entry *entry) {
    char name[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES] = "", full[PLEAT_PATH_BYTES];
    PLEAT_TRY(add(r));
    PLEAT_TRY(check_kind(r, entry));
    PLEAT_TRY(plain_name(r, name_of(entry), name));
    const int folder = archive_entry_filetype(entry) == AE_IFDIR;
    const int64_t bytes = folder ? 0 : archive_entry_size(entry);
    PLEAT_TRY(check_bounds(r, bytes));
    r->bytes += bytes;
    if (folder || is_dropping(name) || name[0] == '\0') return PLEAT_OK;
    PLEAT_TRY(r->how->place(r->how->context, name, path));
    if (path[0] == '\0') return PLEAT_OK;
    PLEAT_TRY(pleat_path(full, sizeof full, "%s/%s", r->how->folder, path));
    r->needed += pleat_file_exists(full) ? 0 : bytes;
    planned *mine = &r->entry[r->n - 1];
    *mine = (planned){strdup(path), bytes};
    PLEAT_CHECK(mine->path != NULL, PLEAT_ERR_MEMORY, "no memory to unpack '%s'", r->how->archive);
    return PLEAT_OK;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const pleat_unpacked *)a)->path, ((const pleat_unpacked *)b)->path);
}

/* The paths of all that is written, in order, none of them twice. */
static pleat_status list_files(const reader *r, pleat_unpacked_list *out) {
    pleat_unpacked *list = calloc((size_t)r->n + 1, sizeof *list);
    int n = 0;
    PLEAT_CHECK(list != NULL, PLEAT_ERR_MEMORY, "no memory to unpack '%s'", r->how->archive);
    *out = (pleat_unpacked_list){list, 0};
    for (int i = 0; i < r->n; i++) {
        if (r->entry[i].path == NULL) continue;
        list[n] = (pleat_unpacked){strdup(r->entry[i].path), r->entry[i].bytes};
        PLEAT_CHECK(list[n].path != NULL, PLEAT_ERR_MEMORY, "no memory to unpack '%s'",
                    r->how->archive);
        out->n = ++n;
    }
    qsort(list, (size_t)n, sizeof *list, by_path);
    for (int i = 1; i < n; i++)
        PLEAT_CHECK(strcmp(list[i - 1].path, list[i].path) != 0, PLEAT_ERR_DATA,
                    "'%s' has '%s' twice; nothing of it was unpacked", r->how->archive,
                    list[i].path);
    return PLEAT_OK;
}

static pleat_status plan(reader *r, pleat_unpacked_list *out) {
    struct archive_entry *entry = NULL;
    struct statvfs disk;
    PLEAT_TRY(next_entry(r, &entry));
    while (entry != NULL) {
        PLEAT_TRY(plan_entry(r, entry));
        PLEAT_TRY(next_entry(r, &entry));
    }
    PLEAT_TRY(list_files(r, out));
    if (statvfs(r->how->folder, &disk) != 0) return PLEAT_OK;
    const double left = (double)disk.f_bavail * (double)disk.f_frsize;
    PLEAT_CHECK((double)r->needed <= left, PLEAT_ERR_IO,
                "'%s' unpacks to %.0f MB, and %.0f MB are free; free space and repeat the command",
                r->how->archive, 1e-6 * (double)r->needed, 1e-6 * left);
    return PLEAT_OK;
}

/* --- the second pass: the files --- */

/* FOLDER/PATH, the folders above it made, none of them a link. */
static pleat_status make_way(const char *folder, const char *path, char out[PLEAT_PATH_BYTES]) {
    PLEAT_TRY(pleat_path(out, PLEAT_PATH_BYTES, "%s/%s", folder, path));
    for (char *slash = strchr(out + strlen(folder) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        PLEAT_TRY(pleat_file_make_part(out));
        *slash = '/';
    }
    return PLEAT_OK;
}

/* The entry's bytes to a file: as many as it said. */
static pleat_status copy(const reader *r, const planned *p, int fd, char *piece) {
    char text[256];
    int64_t done = 0;
    for (;;) {
        const la_ssize_t got = archive_read_data(r->archive, piece, PIECE);
        PLEAT_CHECK(got >= 0, PLEAT_ERR_FORMAT, "'%s' is damaged at '%s': %s; fetch it again",
                    r->how->archive, p->path, why(r, text));
        done += got;
        PLEAT_CHECK(done <= p->bytes && (got > 0 || done == p->bytes), PLEAT_ERR_DATA,
                    "'%s': '%s' is %s than it says; fetch it again", r->how->archive, p->path,
                    done > p->bytes ? "longer" : "shorter");
        if (got == 0) return PLEAT_OK;
        const int failed = pleat_file_put(fd, piece, (size_t)got);
        PLEAT_CHECK(failed == 0, PLEAT_ERR_IO,
                    "cannot write '%s/%s': %s; free space, and the same command resumes",
                    r->how->folder, p->path, strerror(failed));
    }
}

static pleat_status write_entry(const reader *r, const planned *p, char *piece) {
    char path[PLEAT_PATH_BYTES], temporary[PLEAT_PATH_BYTES];
    struct stat there;
    int fd = -1;
    PLEAT_TRY(make_way(r->how->folder, p->path, path));
    if (lstat(path, &there) == 0) {
        PLEAT_CHECK(S_ISREG(there.st_mode), PLEAT_ERR_IO,
                    "'%s' is no file, and one is to be there; move it away", path);
        return PLEAT_OK;
    }
    PLEAT_TRY(pleat_file_create(path, temporary, sizeof temporary, &fd));
    pleat_status status = copy(r, p, fd, piece);
    if (close(fd) != 0 && status == PLEAT_OK)
        status = PLEAT_FAIL(PLEAT_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
    if (status == PLEAT_OK) return pleat_file_publish(temporary, path);
    (void)unlink(temporary);
    return status;
}

static pleat_status write_all(const reader *r, int files) {
    struct archive_entry *entry = NULL;
    pleat_status status = PLEAT_OK;
    int at = 0, written = 0;
    char *piece = malloc(PIECE);
    PLEAT_CHECK(piece != NULL, PLEAT_ERR_MEMORY, "no memory to unpack '%s'", r->how->archive);
    pleat_progress_anew();
    PLEAT_TRY_GOTO(status, done, next_entry(r, &entry));
    for (; entry != NULL && at < r->n; at++) {
        const planned *p = &r->entry[at];
        if (p->path != NULL) {
            pleat_progress("unpack", (size_t)written++, (size_t)files, p->path);
            PLEAT_TRY_GOTO(status, done, write_entry(r, p, piece));
        }
        PLEAT_TRY_GOTO(status, done, next_entry(r, &entry));
    }
    PLEAT_CHECK_GOTO(status, done, entry == NULL && at == r->n, PLEAT_ERR_IO,
                     "'%s' has changed while it was unpacked; repeat the command", r->how->archive);
done:
    free(piece);
    return status;
}

pleat_status pleat_unpack_archive(const pleat_unpack *how, pleat_unpacked_list *out) {
    reader r = {.how = how, .fd = -1};
    pleat_unpacked_list files = {0};
    pleat_status status = PLEAT_OK;
    /* libarchive makes names of the locale's characters; this thread's are UTF-8 meanwhile. */
    const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    const locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
    PLEAT_TRY_GOTO(status, done, open_archive(&r));
    PLEAT_TRY_GOTO(status, done, plan(&r, &files));
    close_archive(&r);
    PLEAT_TRY_GOTO(status, done, open_archive(&r));
    PLEAT_TRY_GOTO(status, done, write_all(&r, files.n));
    *out = files; /* ownership moves to the caller */
    files = (pleat_unpacked_list){0};
done:
    close_archive(&r);
    for (int i = 0; i < r.n; i++) free(r.entry[i].path);
    free(r.entry);
    pleat_unpacked_free(&files);
    if (utf8 != (locale_t)0) {
        (void)uselocale(before);
        freelocale(utf8);
    }
    return status;
}

void pleat_unpack_archive_version(char *out, size_t size) {
    const char *text = archive_version_string(); /* "libarchive 3.6.2" */
    const char *blank = strchr(text, ' ');
    (void)snprintf(out, size, "%s", blank == NULL ? text : blank + 1);
}
