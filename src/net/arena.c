/* arena.c - offsets for values by size and lifetime. */
#include "arena.h"

#include <stdlib.h>

#define ALIGNMENT 256 /* bytes: cuDNN and AVX-512 are both content */

void pleat_value_touch(pleat_value *value, int step) {
    if (step < value->first) value->first = step;
    if (step > value->last) value->last = step;
}

static size_t round_up(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static int larger_first(const void *a, const void *b) {
    const pleat_value *x = *(pleat_value *const *)a, *y = *(pleat_value *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return (x > y) - (x < y);
}

static int lives_with(const pleat_value *a, const pleat_value *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset at which `value` meets none of the placed ones it lives with. */
static size_t lowest_free(const pleat_value *value, pleat_value *const *placed, int n) {
    size_t offset = 0;
    for (int moved = 1; moved;) {
        moved = 0;
        for (int i = 0; i < n; i++) {
            const size_t begin = placed[i]->offset, end = begin + round_up(placed[i]->bytes);
            if (!lives_with(value, placed[i])) continue;
            if (offset >= end || offset + round_up(value->bytes) <= begin) continue;
            offset = end;
            moved = 1;
        }
    }
    return offset;
}

pleat_status pleat_arena_plan(pleat_value *values, int n, size_t *total) {
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers, indeed */
    pleat_value **order = malloc((size_t)n * sizeof *order);
    PLEAT_CHECK(order != NULL || n == 0, PLEAT_ERR_MEMORY, "no memory to plan %d values", n);
    int used = 0;
    for (int i = 0; i < n; i++)
        if (values[i].first <= values[i].last && values[i].bytes > 0) order[used++] = &values[i];
    /* NOLINTNEXTLINE(bugprone-sizeof-expression) */
    qsort(order, (size_t)used, sizeof *order, larger_first);
    size_t top = 0;
    for (int i = 0; i < used; i++) {
        order[i]->offset = lowest_free(order[i], order, i);
        const size_t end = order[i]->offset + round_up(order[i]->bytes);
        if (end > top) top = end;
    }
    free(order);
    *total = top;
    return PLEAT_OK;
}
