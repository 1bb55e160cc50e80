/* comm_device.c - asks the engine's module for a communicator, with MPI's names and limits. */
#include "pleat/comm_device.h"

#include "comm_mpi.h"
#include "pleat/cuda_module.h"

pleat_status pleat_comm_device(pleat_comm *group, pleat_engine *engine, int share,
                               pleat_comm **out) {
    *out = NULL;
    if (group->size == 1 || engine->module == NULL) return PLEAT_OK;
    char me[96];
    return engine->module->comm_create(group, engine, pleat_comm_mpi_timeout(group),
                                       pleat_comm_mpi_who(group, group->rank, me, sizeof me), share,
                                       out);
}
