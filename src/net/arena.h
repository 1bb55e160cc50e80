/*
 * arena.h - one block of memory for many values that live at different times.
 *
 * Time is the number of the step in a schedule. Two values may share bytes when no step needs
 * both. Values are placed largest first at the lowest offset that is free for their whole life
 * (greedy by size; Pisarchyk & Lee 2020 find it within a few per cent of the lower bound for such
 * networks).
 *
 *   time  0 1 2 3 4 5          a lives 0-2, b 1-4, c 3-5: c takes the bytes of a
 *         [a a a]
 *           [b b b b]
 *               [c c c]
 */
#ifndef PLEAT_ARENA_H
#define PLEAT_ARENA_H

#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_value {
    size_t bytes;
    int first, last; /* steps, inclusive; first > last: never needed */
    size_t offset;   /* out: multiple of 256 */
} pleat_value;

/* Extends the life of a value to `step`. A fresh value has first = INT_MAX, last = -1. */
void pleat_value_touch(pleat_value *value, int step);

/* Fills the offsets of values[n]; *total is the size of the block. */
pleat_status pleat_arena_plan(pleat_value *values, int n, size_t *total);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_ARENA_H */
