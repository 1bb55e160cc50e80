/*
 * memory.h - whether the machine has the memory that something wants.
 *
 * Linux promises memory that it has not, and ends the process when that is used. What the size of a
 * file of others decides is asked for here before it is taken.
 */
#ifndef PLEAT_MEMORY_H
#define PLEAT_MEMORY_H

#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that new allocations may have, swap included (/proc/meminfo); infinity when that is not
 * known. */
double pleat_memory_available(void);

/* Bytes of this process in memory, with those that it shares, as libraries: now, and at most so far
 * (VmRSS and VmHWM of /proc/self/status); 0 when that is not known. */
double pleat_memory_held(void);
double pleat_memory_peak(void);

/* ERR_MEMORY, "WHAT needs N GiB, of which M are free", when `bytes` are more than that. */
pleat_status pleat_memory_check(double bytes, const char *what, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_MEMORY_H */
