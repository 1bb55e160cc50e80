/* comm_peers.c - who the ranks of a group are and which GPU each has. */
#include "comm_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pleat_status pleat_peers_exchange(pleat_comm *comm, const pleat_peer *mine, pleat_peer *peers) {
    const size_t n = (size_t)comm->size;
    void *all = NULL;
    size_t total = 0;
    PLEAT_TRY(pleat_comm_gather(comm, mine, sizeof *mine, 0, &all, &total));
    if (comm->rank == 0) memcpy(peers, all, total);
    free(all);
    return pleat_comm_broadcast_bytes(comm, peers, n * sizeof *peers, 0);
}

pleat_status pleat_peers_check_devices(const pleat_peer *peers, int n) {
    for (int b = 1; b < n; b++)
        for (int a = 0; a < b; a++)
            PLEAT_CHECK(strcmp(peers[a].machine, peers[b].machine) != 0 ||
                            strcmp(peers[a].bus, peers[b].bus) != 0,
                        PLEAT_ERR_UNSUPPORTED,
                        "%s and %s have one GPU, %s: NCCL needs a GPU for each rank; start at most "
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
