/*
 * two_slots.h - which of two buffers is filled and which is emptied next. Needs no GPU.
 *
 *   put  0     1           0           1
 *   take          0     1        0  ...        in the order of the puts; never more than two ahead
 */
#ifndef PLEAT_CUDA_TWO_SLOTS_H
#define PLEAT_CUDA_TWO_SLOTS_H

typedef struct two_slots { /* zeros: both are empty */
    unsigned long put, taken;
} two_slots;

/* The slot to fill, or to empty; -1: both are full, both are empty. */
static inline int two_slots_put(two_slots *s) {
    return s->put - s->taken == 2 ? -1 : (int)(s->put++ % 2);
}
static inline int two_slots_take(two_slots *s) {
    return s->put == s->taken ? -1 : (int)(s->taken++ % 2);
}

#endif /* PLEAT_CUDA_TWO_SLOTS_H */
