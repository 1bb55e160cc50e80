/*
 * comm_peers.h - who the ranks of a group are and which GPU each has: for messages, and because
 * NCCL wants a GPU for each rank. Needs no GPU.
 */
#ifndef PLEAT_CUDA_COMM_PEERS_H
#define PLEAT_CUDA_COMM_PEERS_H

#include "pleat/comm.h"

typedef struct pleat_peer {
    char who[96];     /* "rank 3 (host n2)" */
    char machine[64]; /* its host's name */
    char device[64];  /* "NVIDIA H200" */
    char bus[32];     /* "0000:1B:00.0": PCI domain, bus, device, function */
} pleat_peer;

/* Everyone's `mine`; peers [comm->size] is the caller's. Collective. */
pleat_status pleat_peers_exchange(pleat_comm *comm, const pleat_peer *mine, pleat_peer *peers);

/* ERR_UNSUPPORTED naming the first two of peers[n] that have one GPU. */
pleat_status pleat_peers_check_devices(const pleat_peer *peers, int n);

/* "rank 3 (host n2), NVIDIA H200 at 0000:1B:00.0". Returns `text`. */
const char *pleat_peer_text(const pleat_peer *peer, char *text, size_t size);

/* All of peers[n] but `me`, as many as there is room for: "rank 1 (host n2), ..., and 5 more". */
const char *pleat_peers_others(const pleat_peer *peers, int n, int me, char *text, size_t size);

#endif /* PLEAT_CUDA_COMM_PEERS_H */
