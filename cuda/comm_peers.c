/* comm_peers.c - who the ranks of a group are and which GPU each has. */
#include "comm_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pleat_status pleat_peers_exchange(pleat_comm *comm, const pleat_peer *mine, pleat_peer *peers) {
    const size_t n = (size_t)comm->size;
    size_t *sizes = malloc(n * sizeof *sizes);
    void *all = NULL;
    /* Nobody may stay away from the collective calls below. */
    pleat_status status = PLEAT_OK;
    if (sizes == NULL)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for a group of %d ranks", comm->size);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
    PLEAT_TRY_GOTO(status, done, pleat_comm_gather(comm, mine, sizeof *mine, 0, &all, sizes));
    if (comm->rank == 0) memcpy(peers, all, n * sizeof *peers);
    PLEAT_TRY_GOTO(status, done, pleat_comm_broadcast_bytes(comm, peers, n * sizeof *peers, 0));
done:
    free(sizes);
    free(all);
    return status;
}

pleat_status pleat_peers_check_devices(const pleat_peer *peers, int n) {
    for (int b = 1; b < n; b++)
        for (int a = 0; a < b; a++)
            PLEAT_CHECK(strcmp(peers[a].machine, peers[b].machine) != 0 ||
                            strcmp(peers[a].bus, peers[b].bus) != 0,
                        PLEAT_ERR_UNSUPPORTED,
                        "%s and %s have one GPU, %s: NCCL wants a GPU for each rank; start at most "
                        "as many ranks on a host as it has GPUs",
                        peers[a].who, peers[b].who, peers[a].bus);
    return PLEAT_OK;
}

const char *pleat_peer_text(const pleat_peer *peer, char *text, size_t size) {
    (void)snprintf(text, size, "%s, %s at %s", peer->who, peer->device, peer->bus);
    return text;
}

const char *pleat_peers_others(const pleat_peer *peers, int n, int me, char *text, size_t size) {
    const size_t spare = sizeof ", and 12345 more";
    size_t used = 0;
    int named = 0;
    text[0] = '\0';
    for (int r = 0; r < n; r++) {
        if (r == me) continue;
        if (used + strlen(peers[r].who) + 2 + spare > size) break;
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", named > 0 ? ", " : "", peers[r].who);
        named++;
    }
    if (named < n - 1) (void)snprintf(text + used, size - used, ", and %d more", n - 1 - named);
    return text;
}
