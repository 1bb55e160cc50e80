/*
 * onednn_whole.h - whole numbers, as the plans of the own convolutions reckon with them.
 */
#ifndef PLEAT_ENGINES_ONEDNN_WHOLE_H
#define PLEAT_ENGINES_ONEDNN_WHOLE_H

static inline int smaller(int a, int b) { return a < b ? a : b; }
static inline int larger(int a, int b) { return a > b ? a : b; }

/* Pieces of `of` that hold n; n >= 0. */
static inline int whole(int n, int of) { return (n + of - 1) / of; }

#endif /* PLEAT_ENGINES_ONEDNN_WHOLE_H */
