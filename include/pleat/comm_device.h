/*
 * comm_device.h - the communicator for what an engine computes: the group's own on the CPU, one of
 * device memory on a GPU. Metrics, files and agreements stay with the group.
 */
#ifndef PLEAT_COMM_DEVICE_H
#define PLEAT_COMM_DEVICE_H

#include "pleat/comm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* *out: a communicator to be destroyed before `group` and before the engine, or NULL when the
 * group's own will do: one rank, or an engine in host memory. `share`: ranks may use one
 * GPU; else ERR_UNSUPPORTED names two that do. ERR_UNSUPPORTED too when the ranks' engines or
 * precisions differ. Collective. */
pleat_status pleat_comm_device(pleat_comm *group, pleat_engine *engine, int share,
                               pleat_comm **out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_COMM_DEVICE_H */
