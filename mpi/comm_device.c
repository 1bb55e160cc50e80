/* comm_device.c - asks the engine's device for a communicator, with MPI's names and limits. */
#include "pleat/comm_device.h"

#include "comm_mpi.h"
#include "pleat/device.h"

#include <stdio.h>
#include <string.h>

/* Ranks that add their numbers compute alike: with `auto` one's GPU may be missing or refused. */
static pleat_status check_alike(pleat_comm *group, const pleat_engine *engine) {
    char first[64] = "", mine[64], me[96], leader[96];
    (void)snprintf(mine, sizeof mine, "%s %s", engine->ops->name, pleat_engine_precision(engine));
    if (group->rank == 0) memcpy(first, mine, sizeof first);
    PLEAT_TRY(pleat_comm_broadcast_bytes(group, first, sizeof first, 0));
    pleat_status status = PLEAT_OK;
    if (strcmp(first, mine) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_UNSUPPORTED,
                            "%s computes by %s, %s of the same fold by %s; set engine and "
                            "precision to what all of them have",
                            pleat_comm_mpi_who(group, group->rank, me, sizeof me), mine,
                            pleat_comm_mpi_who(group, 0, leader, sizeof leader), first);
    return pleat_comm_agree(group, status);
}

pleat_status pleat_comm_device(pleat_comm *group, pleat_engine *engine, int share,
                               pleat_comm **out) {
    *out = NULL;
    if (group->size == 1) return PLEAT_OK;
    PLEAT_TRY(check_alike(group, engine));
    char me[96];
    return pleat_device_of(engine)->comm_create(
        group, engine, pleat_comm_mpi_timeout(group),
        pleat_comm_mpi_who(group, group->rank, me, sizeof me), share, out);
}
