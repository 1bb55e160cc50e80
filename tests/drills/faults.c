/* faults.c - to be preloaded: one call of the program fails, or waits.
 *
 *   FAIL_CALL=open|read|write|sync|rename|close|folder|remove|truncate|alloc   the kind of call
 *   FAIL_NAME=TEXT      of files whose absolute path holds it; not of alloc
 *   FAIL_AT=N           the N-th of them in this process, from 1; 0: none
 *   FAIL_ERRNO=E        how; 0: a read or write does half of what was asked
 *   FAIL_HOLD=FOLDER    it does not fail: it makes a file there and waits until FOLDER is no more
 *   FAIL_RANK=R         in this rank of MPI only; else in all
 *   FAIL_COUNT=FILE     gets a line at the end, how many there were
 *
 * What libc calls by itself, as for a FILE, does not come by here. alloc is of the program's own
 * code, not of libraries.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    const char *call, *name, *hold; /* call NULL: nothing fails */
    long at;
    int why;
    uintptr_t begin, end; /* of the program's code */
} plan;
static atomic_long calls;

static int find_code(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size;
    (void)unused;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0) continue;
        plan.begin = info->dlpi_addr + part->p_vaddr;
        plan.end = plan.begin + part->p_memsz;
    }
    return 1; /* the first is the program */
}

static long number_of(const char *variable) {
    const char *text = getenv(variable);
    return text != NULL ? strtol(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *rank = getenv("FAIL_RANK"), *mine = getenv("OMPI_COMM_WORLD_RANK");
    if (rank != NULL && (mine == NULL || strcmp(rank, mine) != 0)) return;
    plan.name = getenv("FAIL_NAME");
    plan.at = number_of("FAIL_AT");
    plan.why = (int)number_of("FAIL_ERRNO");
    plan.hold = getenv("FAIL_HOLD");
    (void)dl_iterate_phdr(find_code, NULL);
    plan.call = getenv("FAIL_CALL");
}

static void make_file(const char *path, const char *text) { /* past the calls below */
    const long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    (void)syscall(SYS_write, fd, text, strlen(text));
    (void)syscall(SYS_close, fd);
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("FAIL_COUNT");
    char text[32];
    if (plan.call == NULL || path == NULL) return;
    (void)snprintf(text, sizeof text, "%ld\n", atomic_load(&calls));
    make_file(path, text);
}

static int is_turn(void) {
    const int was = errno;
    if (atomic_fetch_add(&calls, 1) + 1 != plan.at) return 0;
    if (plan.hold != NULL) {
        char path[4200];
        (void)snprintf(path, sizeof path, "%.4096s/%ld", plan.hold, (long)getpid());
        make_file(path, "");
        while (access(plan.hold, F_OK) == 0) (void)usleep(5000);
    }
    errno = plan.hold != NULL ? was : plan.why;
    return plan.hold == NULL;
}

static int fails(const char *call, const char *path) {
    char full[8192] = "";
    if (plan.call == NULL || plan.name == NULL || strcmp(call, plan.call) != 0) return 0;
    if (path[0] != '/' && getcwd(full, 4096) != NULL) strcat(full, "/");
    (void)strncat(full, path, 4000);
    return strstr(full, plan.name) != NULL && is_turn();
}

static int fd_fails(const char *call, int fd) {
    char link[64], path[4096];
    if (plan.call == NULL || strcmp(call, plan.call) != 0) return 0;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return fails(call, path);
}

/* ISO C has no cast from void * to a function. */
#define REAL(type, name)                  \
    type *real;                           \
    void *found = dlsym(RTLD_NEXT, name); \
    memcpy(&real, &found, sizeof real)

/* --- calls that take a path ------------------------------------------------------------------- */

typedef int open_function(const char *path, int flags, ...);

static int open_or_fail(const char *path, int flags, mode_t mode) {
    REAL(open_function, "open64");
    return fails("open", path) ? -1 : real(path, flags, mode);
}

static mode_t mode_of(int flags, va_list args) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

#define OPEN(name)                                \
    int name(const char *path, int flags, ...) {  \
        va_list args;                             \
        va_start(args, flags);                    \
        const mode_t mode = mode_of(flags, args); \
        va_end(args);                             \
        return open_or_fail(path, flags, mode);   \
    }
OPEN(open)
OPEN(open64)

#define FOPEN(name)                                           \
    FILE *name(const char *path, const char *mode) {          \
        typedef FILE *function(const char *, const char *);   \
        REAL(function, "fopen64");                            \
        return fails("open", path) ? NULL : real(path, mode); \
    }
FOPEN(fopen)
FOPEN(fopen64)

int rename(const char *from, const char *to) {
    typedef int function(const char *, const char *);
    REAL(function, "rename");
    return fails("rename", to) ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode) {
    typedef int function(const char *, mode_t);
    REAL(function, "mkdir");
    return fails("folder", path) ? -1 : real(path, mode);
}

int unlink(const char *path) {
    typedef int function(const char *);
    REAL(function, "unlink");
    return fails("remove", path) ? -1 : real(path);
}

/* --- calls on an open file -------------------------------------------------------------------- */

int fsync(int fd) {
    typedef int function(int);
    REAL(function, "fsync");
    return fd_fails("sync", fd) ? -1 : real(fd);
}

int close(int fd) {
    typedef int function(int);
    REAL(function, "close");
    const int failed = fd_fails("close", fd), done = real(fd); /* closed it is */
    if (failed) errno = plan.why;
    return failed ? -1 : done;
}

#define TRUNCATE(name)                                           \
    int name(int fd, off_t length) {                             \
        typedef int function(int, off_t);                        \
        REAL(function, "ftruncate64");                           \
        return fd_fails("truncate", fd) ? -1 : real(fd, length); \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

/* How many of n bytes the call shall do; -1: fail. */
static ssize_t allowed(const char *call, int fd, size_t n) {
    if (!fd_fails(call, fd)) return (ssize_t)n;
    return plan.why != 0 ? -1 : (ssize_t)(n > 1 ? n / 2 : n);
}

ssize_t read(int fd, void *out, size_t n) {
    typedef ssize_t function(int, void *, size_t);
    REAL(function, "read");
    const ssize_t part = allowed("read", fd, n);
    return part < 0 ? -1 : real(fd, out, (size_t)part);
}

ssize_t write(int fd, const void *bytes, size_t n) {
    typedef ssize_t function(int, const void *, size_t);
    REAL(function, "write");
    const ssize_t part = allowed("write", fd, n);
    return part < 0 ? -1 : real(fd, bytes, (size_t)part);
}

#define PREAD(name)                                             \
    ssize_t name(int fd, void *out, size_t n, off_t at) {       \
        typedef ssize_t function(int, void *, size_t, off_t);   \
        REAL(function, "pread64");                              \
        const ssize_t part = allowed("read", fd, n);            \
        return part < 0 ? -1 : real(fd, out, (size_t)part, at); \
    }
PREAD(pread)
PREAD(pread64)

#define PWRITE(name)                                                \
    ssize_t name(int fd, const void *bytes, size_t n, off_t at) {   \
        typedef ssize_t function(int, const void *, size_t, off_t); \
        REAL(function, "pwrite64");                                 \
        const ssize_t part = allowed("write", fd, n);               \
        return part < 0 ? -1 : real(fd, bytes, (size_t)part, at);   \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

/* --- memory ----------------------------------------------------------------------------------- */

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *block, size_t n);

static int no_memory(const void *caller) {
    const uintptr_t at = (uintptr_t)caller;
    if (plan.call == NULL || strcmp(plan.call, "alloc") != 0) return 0;
    return at >= plan.begin && at < plan.end && is_turn();
}

void *malloc(size_t n) { return no_memory(__builtin_return_address(0)) ? NULL : __libc_malloc(n); }

void *calloc(size_t n, size_t size) {
    return no_memory(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *block, size_t n) {
    return no_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(block, n);
}
