/* lock.c - who works in a folder: flock on FOLDER/.lock, which names its holder.
 *
 * The kernel drops the lock when its holder dies, however it dies, so a lock file left behind
 * means nothing. The file is emptied and kept on release: removing it would let a third process
 * lock a new file while a second still holds the old one. Of several that share it, the file names
 * the last to come, and none of them knows whether it is the last to go: they do not empty it. */
#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/warn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOLDER_BYTES 512
#define SEVERAL      "one or more processes, the last of them "

struct pleat_lock {
    int fd, shared;
};

static void describe_self(int shared, char text[HOLDER_BYTES]) {
    char host[256] = "unknown", stamp[32];
    (void)gethostname(host, sizeof host - 1);
    const char *job = getenv("SLURM_JOB_ID");
    pleat_time_text(stamp);
    (void)snprintf(text, HOLDER_BYTES, "%shost %s, pid %ld, job %.64s, since %.19s\n",
                   shared ? SEVERAL : "", host, (long)getpid(), job == NULL ? "none" : job, stamp);
}

static void read_holder(int fd, char text[HOLDER_BYTES]) {
    const ssize_t got = pread(fd, text, HOLDER_BYTES - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (text[0] == '\0')
        (void)snprintf(text, HOLDER_BYTES, "a process that is just starting or ending");
}

/* Opens FOLDER/.lock; what is no lock of ours, or leads to another file, stays as it is. */
static pleat_status open_lock(const char *path, int *out) {
    struct stat st = {0};
    char text[HOLDER_BYTES] = "";
    const int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    const int why = fd < 0 || fstat(fd, &st) != 0 ? errno : 0;
    int ours = why == 0 && S_ISREG(st.st_mode);
    if (ours && pread(fd, text, sizeof text - 1, 0) > 0)
        ours = strncmp(text, "host ", 5) == 0 || strncmp(text, SEVERAL, strlen(SEVERAL)) == 0;
    if (!ours && fd >= 0) (void)close(fd);
    if (why != 0 && why != ELOOP) return pleat_file_not_written(path, 0, why);
    PLEAT_CHECK(ours, PLEAT_ERR_IO,
                "'%s' is no lock of pleat, or a link: nothing is written into it; move it away",
                path);
    *out = fd;
    return PLEAT_OK;
}

static pleat_status take(const char *folder, int shared, pleat_lock **out) {
    pleat_status status = PLEAT_OK;
    char path[PLEAT_PATH_BYTES], holder[HOLDER_BYTES];
    pleat_lock *lock = NULL;
    int why = 0, fd = -1;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/.lock", folder));
    PLEAT_TRY(open_lock(path, &fd));
    if (flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) why = errno;
    if (why == EWOULDBLOCK) {
        read_holder(fd, holder);
        status = PLEAT_FAIL(PLEAT_ERR_BUSY,
                            "folder '%s' is in use by %s; wait for it, end it, or choose another "
                            "folder",
                            folder, holder);
        goto done;
    }
    const int no_locks = why == ENOSYS || why == EOPNOTSUPP || why == ENOLCK;
    PLEAT_CHECK_GOTO(status, done, why == 0 || no_locks, PLEAT_ERR_IO, "cannot lock '%s': %s", path,
                     strerror(why));
    if (no_locks)
        pleat_warn("the file system of '%s' has no locks: start only one run in it", folder);
    describe_self(shared, holder);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, holder, strlen(holder), 0) < 0)
        PLEAT_TRY_GOTO(status, done, pleat_file_not_written(path, strlen(holder), errno));
    lock = malloc(sizeof *lock);
    PLEAT_CHECK_GOTO(status, done, lock != NULL, PLEAT_ERR_MEMORY, "no memory for a lock");
    *lock = (pleat_lock){fd, shared};
    *out = lock;
done:
    if (status != PLEAT_OK) (void)close(fd);
    return status;
}

pleat_status pleat_lock_take(const char *folder, pleat_lock **out) { return take(folder, 0, out); }
pleat_status pleat_lock_share(const char *folder, pleat_lock **out) { return take(folder, 1, out); }

void pleat_lock_release(pleat_lock *lock) {
    if (lock == NULL) return;
    if (!lock->shared) (void)!ftruncate(lock->fd, 0); /* it no longer holds; close ends the lock */
    (void)close(lock->fd);
    free(lock);
}
