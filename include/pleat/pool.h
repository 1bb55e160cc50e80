/*
 * pool.h - the cases of a store as sources of patches, one copy per machine.
 *
 *   they fit the budget     read once by the node's ranks together, into memory all of them see,
 *                           and compared with their digests
 *   they do not             every patch is read from the store; histograms are made once anyway
 */
#ifndef PLEAT_POOL_H
#define PLEAT_POOL_H

#include "pleat/augment.h"
#include "pleat/comm.h"
#include "pleat/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_pool pleat_pool;

/* Collective over `node`, the ranks that share memory (pleat_session.node, or a group of one). All
 * name the same store and budget, in bytes for the whole machine. Reads every case. `store` must
 * outlive the pool. ERR_FORMAT names a case whose voxels are not those that were written. A failure
 * is the same on all ranks of the node. */
pleat_status pleat_pool_open(pleat_comm *node, pleat_store *store, size_t budget_bytes,
                             pleat_pool **out);
/* Collective over the node: reads which voxels are foreground, so that sources have their
 * `foreground`; a small part of the store. A failure is the same on all its ranks. */
pleat_status pleat_pool_list_foreground(pleat_pool *pool);
/* Not collective. NULL does nothing. Shared memory goes back when the process ends. */
void pleat_pool_close(pleat_pool *pool);

/* 1 when the cases are in memory. */
int pleat_pool_resident(const pleat_pool *pool);
/* Case i of the store. Its label is NULL when it has none. `read` works for both kinds. */
const pleat_source *pleat_pool_source(const pleat_pool *pool, int i);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_POOL_H */
