/* file.c - whole files written so that they appear at once or not at all, paths, digests. */
#include "pleat/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define END_BYTES (1 << 20) /* of each end of a packed file that its identity looks at */

pleat_status pleat_path(char *out, size_t size, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(out, size, format, args);
    va_end(args);
    PLEAT_CHECK(length >= 0 && (size_t)length < size, PLEAT_ERR_ARG,
                "path of %d bytes is too long, %zu is the most: '%.200s...'", length, size - 1,
                out);
    return PLEAT_OK;
}

int pleat_file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ||
           (errno != ENOENT && errno != ENOTDIR && errno != ELOOP && errno != ENAMETOOLONG);
}

pleat_status pleat_file_absolute(const char *path, char out[PLEAT_PATH_BYTES]) {
    char here[PLEAT_PATH_BYTES];
    if (path[0] == '/') return pleat_path(out, PLEAT_PATH_BYTES, "%s", path);
    PLEAT_CHECK(getcwd(here, sizeof here) != NULL, PLEAT_ERR_IO,
                "the current folder cannot be found");
    return pleat_path(out, PLEAT_PATH_BYTES, "%s/%s", here, path);
}

int pleat_file_is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int pleat_file_is_inside(const char *path, const char *folder) {
    char part[PLEAT_PATH_BYTES], at[PATH_MAX];
    struct stat outer, here;
    if (stat(folder, &outer) != 0 || strlen(path) >= sizeof part) return 0;
    (void)snprintf(part, sizeof part, "%s", path);
    while (realpath(part, at) == NULL) { /* what is not made yet */
        char *slash = strrchr(part, '/');
        (void)snprintf(slash == NULL || slash == part ? part : slash, 2, "%s",
                       slash == NULL   ? "."
                       : slash == part ? "/"
                                       : "");
    }
    for (;;) {
        if (stat(at, &here) == 0 && here.st_dev == outer.st_dev && here.st_ino == outer.st_ino)
            return 1;
        char *slash = strrchr(at, '/');
        if (slash == at && at[1] == '\0') return 0;
        slash[slash == at] = '\0';
    }
}

/* The folder of a file; of a bare name ".". */
static void folder_of(const char *path, char out[PLEAT_PATH_BYTES]) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        (void)snprintf(out, PLEAT_PATH_BYTES, ".");
    else
        (void)snprintf(out, PLEAT_PATH_BYTES, "%.*s", slash == path ? 1 : (int)(slash - path),
                       path);
}

pleat_status pleat_file_not_written(const char *path, size_t bytes, int why) {
    char folder[PLEAT_PATH_BYTES], cure[PLEAT_PATH_BYTES + 128] = "";
    struct statvfs fs = {0};
    folder_of(path, folder);
    if (why == ENOSPC || why == EDQUOT) {
        (void)snprintf(cure, sizeof cure, "; free space for '%s'", folder);
        if (why == ENOSPC && statvfs(folder, &fs) == 0)
            (void)snprintf(cure, sizeof cure,
                           "; '%s' has %.1f MiB free, %.1f MiB are written: "
                           "free more",
                           folder, (double)fs.f_bavail * (double)fs.f_frsize / 0x1p20,
                           (double)bytes / 0x1p20);
        const size_t used = strlen(cure);
        (void)snprintf(cure + used, sizeof cure - used,
                       " and repeat the command, which keeps what is done");
    } else if (why == EACCES || why == EPERM || why == EROFS)
        (void)snprintf(cure, sizeof cure, "; choose a folder that you may write into");
    return PLEAT_FAIL(PLEAT_ERR_IO, "cannot write '%s': %s%s", path, strerror(why), cure);
}

static pleat_status make_one(const char *path) {
    if (mkdir(path, 0777) == 0) return PLEAT_OK;
    const int why = errno; /* another rank may have made it meanwhile; EROFS etc. if it was there */
    if (pleat_file_is_folder(path)) return PLEAT_OK;
    return pleat_file_not_written(path, 0, why == EEXIST ? ENOTDIR : why);
}

pleat_status pleat_file_make_folder(const char *path) {
    char part[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(part, sizeof part, "%s", path));
    for (char *slash = strchr(part, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        if (slash == part) continue;
        *slash = '\0';
        PLEAT_TRY(make_one(part));
        *slash = '/';
    }
    return make_one(part);
}

pleat_status pleat_file_make_part(const char *path) {
    struct stat st;
    PLEAT_TRY(pleat_file_make_folder(path));
    PLEAT_CHECK(lstat(path, &st) == 0 && S_ISDIR(st.st_mode), PLEAT_ERR_IO,
                "'%s' is a link; what is written into it would go elsewhere, so remove it", path);
    return PLEAT_OK;
}

pleat_status pleat_file_status(int why) {
    return why == ENOENT ? PLEAT_ERR_NOT_FOUND : why == ENOMEM ? PLEAT_ERR_MEMORY : PLEAT_ERR_IO;
}

pleat_status pleat_file_open(const char *path, int *fd, int64_t *size) {
    struct stat st = {0};
    const int made = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const int why = made < 0 || fstat(made, &st) != 0 ? errno : 0;
    const int other = why == ENXIO || (why == 0 && !S_ISREG(st.st_mode)); /* ENXIO: a socket */
    if ((why != 0 || other) && made >= 0) (void)close(made);
    PLEAT_CHECK(!other, PLEAT_ERR_IO, "'%s' is not a file but a %s", path,
                S_ISDIR(st.st_mode) ? "folder" : "pipe or a device");
    PLEAT_CHECK(why == 0, pleat_file_status(why), "cannot read '%s': %s", path, strerror(why));
    *fd = made;
    *size = st.st_size;
    return PLEAT_OK;
}

pleat_status pleat_file_read_all(const char *path, char **text, size_t *n) {
    pleat_status status = PLEAT_OK;
    char *buffer = NULL;
    size_t used = 0;
    int64_t size = 0;
    int fd = -1;
    PLEAT_TRY(pleat_file_open(path, &fd, &size));
    PLEAT_CHECK_GOTO(status, done, size <= PLEAT_TEXT_BYTES, PLEAT_ERR_IO,
                     "'%s' has %lld bytes, no text of a run is longer than %lld", path,
                     (long long)size, (long long)PLEAT_TEXT_BYTES);
    buffer = malloc((size_t)size + 1);
    PLEAT_CHECK_GOTO(status, done, buffer != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %lld bytes of '%s'", (long long)size, path);
    while (used < (size_t)size) {
        const ssize_t got = read(fd, buffer + used, (size_t)size - used);
        if (got < 0 && errno == EINTR) continue;
        PLEAT_CHECK_GOTO(status, done, got >= 0, pleat_file_status(errno), "cannot read '%s': %s",
                         path, strerror(errno));
        if (got == 0) break;
        used += (size_t)got;
    }
    buffer[used] = '\0';
    *text = buffer; /* ownership moves to the caller */
    buffer = NULL;
    if (n != NULL) *n = used;
done:
    free(buffer);
    (void)close(fd);
    return status;
}

pleat_status pleat_file_temporary(const char *path, char *out, size_t size) {
    const char *slash = strrchr(path, '/');
    const int folder = slash == NULL ? 0 : (int)(slash + 1 - path);
    char host[64] = ""; /* two machines may write one path of a shared file system */
    (void)gethostname(host, sizeof host - 1);
    return pleat_path(out, size, "%.*s.%s.%s-%ld.tmp", folder, path, path + folder, host,
                      (long)getpid());
}

/* The rename itself is on disk only after the folder is; file systems that cannot say so are
 * taken at their word. */
static void sync_folder_of(const char *path) {
    char folder[PLEAT_PATH_BYTES];
    folder_of(path, folder);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    (void)close(fd);
}

pleat_status pleat_file_publish(const char *temporary, const char *path) {
    const int fd = open(temporary, O_RDONLY | O_CLOEXEC);
    const int there = fd >= 0 && fsync(fd) == 0 && rename(temporary, path) == 0;
    const int why = errno;
    if (there) sync_folder_of(path);
    if (fd >= 0) (void)close(fd);
    if (there) return PLEAT_OK;
    (void)unlink(temporary);
    return pleat_file_not_written(path, 0, why);
}

/* -1 and errno when it cannot be made. */
static int make_new(const char *path) {
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const int fd = open(path, flags, 0666);
    return fd < 0 && errno == EEXIST && unlink(path) == 0 ? open(path, flags, 0666) : fd;
}

pleat_status pleat_file_create(const char *path, char *temporary, size_t size, int *fd) {
    PLEAT_TRY(pleat_file_temporary(path, temporary, size));
    const int made = make_new(temporary);
    if (made < 0) return pleat_file_not_written(path, 0, errno);
    *fd = made;
    return PLEAT_OK;
}

pleat_status pleat_file_append(const char *path, int *fd) {
    struct stat st = {0};
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    const int made = open(path, flags, 0666);
    const int why = made < 0 || fstat(made, &st) != 0 ? errno : 0;
    if (why == 0 && S_ISREG(st.st_mode)) {
        *fd = made;
        return PLEAT_OK;
    }
    if (made >= 0) (void)close(made);
    if (why != 0 && why != ELOOP && why != ENXIO) return pleat_file_not_written(path, 0, why);
    return PLEAT_FAIL(PLEAT_ERR_IO, "'%s' is a link, a pipe or a device; remove it", path);
}

int pleat_file_put(int fd, const void *bytes, size_t n) {
    for (size_t done = 0; done < n;) {
        const ssize_t put = write(fd, (const char *)bytes + done, n - done);
        if (put < 0 && errno != EINTR) return errno;
        if (put > 0) done += (size_t)put;
    }
    return 0;
}

/* 0, or the errno of the first thing that failed. */
static int write_file(const char *path, const void *bytes, size_t n) {
    const int fd = make_new(path);
    if (fd < 0) return errno;
    int why = pleat_file_put(fd, bytes, n);
    if (close(fd) != 0 && why == 0) why = errno;
    return why;
}

pleat_status pleat_file_write(const char *path, const void *bytes, size_t n) {
    const int why = write_file(path, bytes, n);
    return why == 0 ? PLEAT_OK : pleat_file_not_written(path, n, why);
}

pleat_status pleat_file_write_atomic(const char *path, const void *bytes, size_t n) {
    char temporary[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_file_temporary(path, temporary, sizeof temporary));
    const int why = write_file(temporary, bytes, n);
    if (why == 0) return pleat_file_publish(temporary, path);
    (void)unlink(temporary);
    return pleat_file_not_written(path, n, why);
}

pleat_status pleat_file_text_begin(pleat_file_text *file, const char *path) {
    *file = (pleat_file_text){.path = path};
    file->out = open_memstream(&file->text, &file->n);
    PLEAT_CHECK(file->out != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    return PLEAT_OK;
}

pleat_status pleat_file_text_end(pleat_file_text *file, pleat_status status) {
    const int failed = ferror(file->out);
    if ((fclose(file->out) != 0 || failed) && status == PLEAT_OK)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory to write '%s'", file->path);
    if (status == PLEAT_OK) status = pleat_file_write_atomic(file->path, file->text, file->n);
    free(file->text);
    return status;
}

pleat_status pleat_file_replace(const char *path, const void *bytes, size_t n) {
    char temporary[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_file_temporary(path, temporary, sizeof temporary));
    int why = write_file(temporary, bytes, n);
    if (why == 0 && rename(temporary, path) != 0) why = errno;
    if (why != 0) (void)unlink(temporary);
    PLEAT_CHECK(why == 0, PLEAT_ERR_IO, "cannot write '%s': %s", path, strerror(why));
    return PLEAT_OK;
}

/* ".NAME.HOST-PID.tmp" of pleat_file_temporary; older ones have no host. */
static int is_leftover(const char *entry, const char *name) {
    size_t end = strlen(entry);
    if (entry[0] != '.' || end < 5 || strcmp(entry + end - 4, ".tmp") != 0) return 0;
    size_t pid = end -= 4;
    while (pid > 0 && entry[pid - 1] >= '0' && entry[pid - 1] <= '9') pid--;
    if (pid == end || (entry[pid - 1] != '-' && entry[pid - 1] != '.')) return 0;
    if (name == NULL) { /* a name of ours has an ending, and the host or the PID follows */
        const char *dot = memchr(entry + 1, '.', pid - 1);
        return dot != NULL && memchr(dot + 1, '.', (size_t)(entry + pid - dot - 1)) != NULL;
    }
    const size_t n = strlen(name);
    return strncmp(entry + 1, name, n) == 0 && entry[1 + n] == '.';
}

void pleat_file_remove_leftovers(const char *folder, const char *name, double before_s) {
    DIR *dir = opendir(folder);
    if (dir == NULL) return;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct stat st;
        if (is_leftover(entry->d_name, name) &&
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && (double)st.st_mtime < before_s)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
}

/* ---- what a file holds ----------------------------------------------------------------------- */

uint64_t pleat_digest(uint64_t seed, const void *bytes, size_t n) {
    const unsigned char *byte = bytes;
    uint64_t hash = seed == 0 ? UINT64_C(0xcbf29ce484222325) : seed;
    for (size_t i = 0; i < n; i++) hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void pleat_digest_hex(uint64_t digest, char out[17]) {
    (void)snprintf(out, 17, "%016llx", (unsigned long long)digest);
}

/* The digest of fd's bytes from..end, or of those up to its end when that comes first. -1 when they
 * cannot be read; errno says why. */
static int digest_bytes(int fd, off_t from, off_t end, void *buffer, uint64_t *digest) {
    while (from < end) {
        const size_t n = end - from < END_BYTES ? (size_t)(end - from) : END_BYTES;
        const ssize_t got = pread(fd, buffer, n, from);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        *digest = pleat_digest(*digest, buffer, (size_t)got);
        from += got;
    }
    return 0;
}

static int is_gzip(int fd) {
    unsigned char magic[2] = {0};
    return pread(fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b; /* RFC 1952 */
}

pleat_status pleat_file_identify(const char *path, pleat_file_identity *out) {
    pleat_status status = PLEAT_OK;
    int64_t size = 0;
    int fd = -1;
    uint64_t digest = 0;
    PLEAT_TRY(pleat_file_open(path, &fd, &size));
    void *buffer = malloc(END_BYTES);
    PLEAT_CHECK_GOTO(status, done, buffer != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'",
                     path);
    const int ends = size > 2 * (int64_t)END_BYTES && is_gzip(fd);
    const int64_t head = ends ? END_BYTES : size, tail = size - (ends ? END_BYTES : 0);
    PLEAT_CHECK_GOTO(status, done,
                     digest_bytes(fd, 0, head, buffer, &digest) == 0 &&
                         digest_bytes(fd, tail, size, buffer, &digest) == 0,
                     PLEAT_ERR_IO, "cannot read '%s': %s", path, strerror(errno));
    *out = (pleat_file_identity){(uint64_t)size, digest};
done:
    (void)close(fd);
    free(buffer);
    return status;
}
