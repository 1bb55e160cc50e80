/*
 * host_memory.h - how much memory this process may use with others of its job on this machine.
 *
 *   the machine's memory
 *   memory.max of its cgroup and of those above          cgroup v2
 *   memory.limit_in_bytes of its cgroup and those above  cgroup v1
 *
 * The least of them counts: batch systems and containers set a limit, and the kernel kills what
 * goes beyond it. See "Memory Interface Files" in the kernel's admin-guide/cgroup-v2.rst, and
 * cgroup-v1/memory.rst.
 */
#ifndef PLEAT_HOST_MEMORY_H
#define PLEAT_HOST_MEMORY_H

#include "pleat/status.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_host_memory {
    double machine; /* bytes */
    double allowed; /* bytes; at most `machine` */
} pleat_host_memory;

/* Never fails: a limit that cannot be read is none. */
pleat_host_memory pleat_host_memory_find(void);
/* The same of another root of the file system, "" of this one: for tests. */
pleat_host_memory pleat_host_memory_under(const char *root);

/* Bytes that the store may take of a node: `wanted`, but 7/8 of what is allowed at most. */
double pleat_host_memory_for_store(const pleat_host_memory *memory, double wanted);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_HOST_MEMORY_H */
