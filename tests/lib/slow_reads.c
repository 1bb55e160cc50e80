/* slow_reads.c - to be preloaded: reads as from a busy file server, late, and at times in part. */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

typedef ssize_t pread_function(int fd, void *out, size_t n, off_t at);

/* One read in 64 takes 20 ms, and large ones bring half of what was asked for. */
static ssize_t late(int fd, void *out, size_t n, off_t at) {
    static _Thread_local unsigned reads;
    void *found = dlsym(RTLD_NEXT, "pread64");
    pread_function *real;
    memcpy(&real, &found, sizeof real); /* ISO C has no cast from void * to a function */
    if (++reads % 64 == 0) (void)usleep(20000);
    return real(fd, out, n > 4096 ? n / 2 : n, at);
}

ssize_t pread(int fd, void *out, size_t n, off_t at) { return late(fd, out, n, at); }
ssize_t pread64(int fd, void *out, size_t n, off_t at) { return late(fd, out, n, at); }
