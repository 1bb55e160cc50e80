/* failing_reads.c - to be preloaded: one call that opens or reads a file fails.
 *
 *   FAIL_CALL=open|read   which kind of call
 *   FAIL_NAME=TEXT        of files whose path holds it
 *   FAIL_AT=N             the N-th of them in this process, from 1
 *   FAIL_ERRNO=E          how
 *   FAIL_RANK=R           in this rank of MPI only; else in all
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(const char *call, const char *path) {
    static atomic_int calls;
    const char *wanted = getenv("FAIL_CALL"), *name = getenv("FAIL_NAME");
    const char *at = getenv("FAIL_AT"), *why = getenv("FAIL_ERRNO");
    const char *rank = getenv("FAIL_RANK"), *mine = getenv("OMPI_COMM_WORLD_RANK");
    if (wanted == NULL || name == NULL || at == NULL || why == NULL) return 0;
    if (rank != NULL && (mine == NULL || strcmp(rank, mine) != 0)) return 0;
    if (strcmp(call, wanted) != 0 || strstr(path, name) == NULL) return 0;
    if (atomic_fetch_add(&calls, 1) + 1 != (int)strtol(at, NULL, 10)) return 0;
    errno = (int)strtol(why, NULL, 10);
    return 1;
}

static int read_fails(int fd) {
    char link[64], path[4096];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return fails("read", path);
}

/* ISO C has no cast from void * to a function. */
#define REAL(type, name)                  \
    type *real;                           \
    void *found = dlsym(RTLD_NEXT, name); \
    memcpy(&real, &found, sizeof real)

typedef int open_function(const char *path, int flags, ...);
typedef ssize_t read_function(int fd, void *out, size_t n);
typedef ssize_t pread_function(int fd, void *out, size_t n, off_t at);

static int open_or_fail(const char *path, int flags, mode_t mode) {
    REAL(open_function, "open64");
    return fails("open", path) ? -1 : real(path, flags, mode);
}

static mode_t mode_of(int flags, va_list args) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    const mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_or_fail(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    const mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_or_fail(path, flags, mode);
}

ssize_t read(int fd, void *out, size_t n) {
    REAL(read_function, "read");
    return read_fails(fd) ? -1 : real(fd, out, n);
}

static ssize_t pread_or_fail(int fd, void *out, size_t n, off_t at) {
    REAL(pread_function, "pread64");
    return read_fails(fd) ? -1 : real(fd, out, n, at);
}

ssize_t pread(int fd, void *out, size_t n, off_t at) { return pread_or_fail(fd, out, n, at); }
ssize_t pread64(int fd, void *out, size_t n, off_t at) { return pread_or_fail(fd, out, n, at); }
