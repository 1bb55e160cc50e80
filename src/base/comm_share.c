/* comm_share.c - a block of memory of rank 0, for all. */
#include "pleat/comm.h"

#include <stdlib.h>

pleat_status pleat_comm_share_bytes(pleat_comm *comm, pleat_status mine, void **bytes, size_t *n) {
    PLEAT_TRY(pleat_comm_agree(comm, mine));
    PLEAT_TRY(pleat_comm_broadcast_bytes(comm, n, sizeof *n, 0));
    if (comm->rank != 0) *bytes = malloc(*n + 1);
    mine =
        *bytes != NULL ? PLEAT_OK : PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %zu MiB", *n >> 20);
    PLEAT_TRY(pleat_comm_agree(comm, mine));
    return pleat_comm_broadcast_bytes(comm, *bytes, *n, 0);
}
