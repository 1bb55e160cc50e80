/* comm_watch.c - gives an NCCL communicator up when a peer is lost. */
#include "comm_watch.h"

#include "pleat/log.h"

#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LEAVE_S 10.0 /* how long leaving waits for the peers */
#define LOOK_NS 50000000L

enum { JOINING, WATCHING, LOST };

struct pleat_watch {
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows `id` */
    pthread_cond_t changed;
    int device, size, rank;
    ncclUniqueId id;
    int state, leaving;
    int joining; /* the thread has not come back from it */
    int orphan;  /* nobody waits for the thread any more */
    ncclComm_t nccl;
    double begun_s, limit_s; /* of the call or wait; limit_s < 0: there is none */
    int remote;
    char why[384];
};

/* The lock is held. */
static void lose(pleat_watch *w, ncclResult_t code) {
    w->state = LOST;
    w->remote = code == ncclSuccess || code == ncclRemoteError || code == ncclSystemError;
    if (code == ncclSuccess)
        (void)snprintf(w->why, sizeof w->why, "did not finish in %.0f s", w->limit_s);
    else
        (void)snprintf(w->why, sizeof w->why, "failed: %s: %s", ncclGetErrorString(code),
                       ncclGetLastError(w->nccl));
    (void)pthread_cond_broadcast(&w->changed);
}

static int is_late(const pleat_watch *w) {
    return w->limit_s >= 0.0 && pleat_now() - w->begun_s > w->limit_s;
}

/* The lock is held. */
static void look(pleat_watch *w) {
    ncclResult_t peers = ncclSuccess;
    const ncclResult_t asked = ncclCommGetAsyncError(w->nccl, &peers);
    if (asked != ncclSuccess) peers = asked;
    if (peers != ncclSuccess || is_late(w)) lose(w, peers);
}

static ncclResult_t join_peers(pleat_watch *w, ncclComm_t *out) {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 1; /* else each sum has a thread of its own, and a graph cannot hold it */
    (void)cudaSetDevice(w->device);
    return ncclCommInitRankConfig(out, w->size, w->id, w->rank, &config);
}

static void *watch_thread(void *context) {
    pleat_watch *w = context;
    ncclComm_t nccl = NULL;
    const ncclResult_t code = join_peers(w, &nccl);
    (void)pthread_mutex_lock(&w->lock);
    w->nccl = nccl;
    w->joining = 0;
    if (code != ncclSuccess && w->state == JOINING) lose(w, code);
    if (w->state == JOINING) w->state = WATCHING;
    (void)pthread_cond_broadcast(&w->changed);
    while (w->state == WATCHING && !w->leaving) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&w->changed, &w->lock, &until);
        if (!w->leaving) look(w);
    }
    const int lost = w->state == LOST, orphan = w->orphan;
    (void)pthread_mutex_unlock(&w->lock);
    if (lost && nccl != NULL) (void)ncclCommAbort(nccl);
    if (orphan) free(w);
    return NULL;
}

pleat_watch *pleat_watch_open(int device, int size, ncclUniqueId id, int rank) {
    pleat_watch *w = calloc(1, sizeof *w);
    if (w == NULL) return NULL;
    w->device = device;
    w->size = size;
    w->id = id;
    w->rank = rank;
    w->limit_s = -1.0;
    w->joining = 1;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->changed, NULL);
    if (pthread_create(&w->thread, NULL, watch_thread, w) == 0) return w;
    free(w);
    return NULL;
}

int pleat_watch_join(pleat_watch *w, double limit_s) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)limit_s + 1;
    (void)pthread_mutex_lock(&w->lock);
    int late = 0;
    while (w->state == JOINING && !late)
        late = pthread_cond_timedwait(&w->changed, &w->lock, &until) != 0;
    w->limit_s = limit_s;
    if (w->state == JOINING) lose(w, ncclSuccess);
    w->limit_s = -1.0;
    const int joined = w->state == WATCHING;
    (void)pthread_mutex_unlock(&w->lock);
    return joined;
}

ncclComm_t pleat_watch_nccl(const pleat_watch *w) { return w->nccl; }

void pleat_watch_begin(pleat_watch *w, double limit_s) {
    (void)pthread_mutex_lock(&w->lock);
    w->begun_s = pleat_now();
    w->limit_s = limit_s;
    (void)pthread_mutex_unlock(&w->lock);
}

int pleat_watch_end(pleat_watch *w) {
    (void)pthread_mutex_lock(&w->lock);
    w->limit_s = -1.0;
    const int good = w->state == WATCHING;
    (void)pthread_mutex_unlock(&w->lock);
    return good;
}

int pleat_watch_is_lost(pleat_watch *w) {
    (void)pthread_mutex_lock(&w->lock);
    const int lost = w->state == LOST;
    (void)pthread_mutex_unlock(&w->lock);
    return lost;
}

const char *pleat_watch_why(const pleat_watch *w, int *remote) {
    *remote = w->remote;
    return w->why;
}

/* Peers may still read from this GPU when its own part is done, so leaving is agreed upon; but a
 * rank that leaves alone, after a failure, does not wait for long. A thread that is still about to
 * join is left behind. */
void pleat_watch_close(pleat_watch *w) {
    if (w == NULL) return;
    (void)pthread_mutex_lock(&w->lock);
    const int joined = w->state == WATCHING;
    const int orphan = w->orphan = w->joining;
    (void)pthread_mutex_unlock(&w->lock);
    if (orphan) {
        (void)pthread_detach(w->thread);
        return;
    }
    if (joined) {
        pleat_watch_begin(w, LEAVE_S);
        (void)ncclCommFinalize(w->nccl);
    }
    (void)pthread_mutex_lock(&w->lock);
    const int left = w->state == WATCHING;
    w->leaving = 1;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
    if (left) (void)ncclCommDestroy(w->nccl);
    (void)pthread_cond_destroy(&w->changed);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}
