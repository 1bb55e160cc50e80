/* comm_self.c - a group of one rank: every collective is already done. */
#include "pleat/comm.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pleat_status self_split(pleat_comm *comm, int color, int key, pleat_comm **out) {
    (void)comm, (void)color, (void)key;
    return pleat_comm_self(out);
}

static void self_destroy(pleat_comm *comm) { free(comm); }

static pleat_status self_allreduce_sum(pleat_comm *comm, void *data, size_t n, pleat_dtype type) {
    (void)comm, (void)data, (void)n, (void)type;
    return PLEAT_OK;
}

static pleat_status self_broadcast(pleat_comm *comm, void *data, size_t n, pleat_dtype type,
                                   int root) {
    (void)comm, (void)data, (void)n, (void)type, (void)root;
    return PLEAT_OK;
}

static pleat_status self_wait(pleat_comm *comm) {
    (void)comm;
    return PLEAT_OK;
}

static pleat_status self_broadcast_bytes(pleat_comm *comm, void *bytes, size_t n, int root) {
    (void)comm, (void)bytes, (void)n, (void)root;
    return PLEAT_OK;
}

static pleat_status self_gather(pleat_comm *comm, const void *bytes, size_t n, int root, void **out,
                                size_t *total) {
    (void)comm, (void)root;
    void *copy = malloc(n > 0 ? n : 1);
    PLEAT_CHECK(copy != NULL, PLEAT_ERR_MEMORY, "no memory to gather %zu bytes", n);
    if (n > 0) memcpy(copy, bytes, n);
    *out = copy;
    *total = n;
    return PLEAT_OK;
}

static pleat_status self_agree(pleat_comm *comm, pleat_status mine) {
    (void)comm;
    return mine;
}

static void self_abort(pleat_comm *comm, pleat_status status) {
    (void)comm;
    _exit(pleat_status_exit_code(status != PLEAT_OK ? status : PLEAT_ERR_PEER));
}

static const pleat_comm_ops self_ops = {
    .name = "self",
    .split = self_split,
    .destroy = self_destroy,
    .allreduce_sum = self_allreduce_sum,
    .broadcast = self_broadcast,
    .order = self_wait,
    .wait = self_wait,
    .barrier = self_wait,
    .broadcast_bytes = self_broadcast_bytes,
    .gather = self_gather,
    .agree = self_agree,
    .abort = self_abort,
};

pleat_status pleat_comm_self(pleat_comm **out) {
    pleat_comm *comm = malloc(sizeof *comm);
    PLEAT_CHECK(comm != NULL, PLEAT_ERR_MEMORY, "no memory for a communicator");
    *comm = (pleat_comm){.ops = &self_ops, .rank = 0, .size = 1};
    *out = comm;
    return PLEAT_OK;
}
