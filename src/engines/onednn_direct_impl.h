/*
 * onednn_direct_impl.h - what the frame of onednn_direct.c and its kernel tell each other.
 *
 * The numbers of x that meet the same weights lie together in a record: those of one tap, of the
 * three taps along W, or of all nine along H and W where channels are few. Records are cut into
 * blocks of 32 numbers, the last filled up with zeros; a step multiplies one block of 16 voxels.
 *
 *   taps in a record   records of a plane                        steps of a plane of y
 *   1                  the rows, a voxel of zeros before each    27 x blocks
 *   3                  the rows one after the other              9 x blocks
 *   9                  the same                                  3 x blocks
 *   3, of two voxels   the rows, zeros before and behind each    9 x blocks, for two voxels
 *
 * With 1 and 3 there is a row of zeros, or of the rows next to them, before and behind the rows of
 * y. The 16 voxels of a tile may begin in one row and end in the next; with 1, unless W is a
 * multiple of 16, one of them may be the voxel between two rows, whose sums nobody wants.
 *
 * Where channels are few and W is even, two voxels of y that lie side by side are taken as one of
 * twice as many channels. They meet four voxels of x, which lie side by side in the ring, too: a
 * row is copied as it is, a record is two voxels, and a step's block goes on into the next one. A
 * quarter of the products is of weights of zero, those of the fourth voxel: what is no number in x
 * may reach y two voxels away along W instead of one.
 *
 *   for each range of rows, for each sample, for some planes of y:
 *     pack      the planes of x that are not yet in the ring
 *     multiply  them, by 32 channels of y after the other
 */
#ifndef PLEAT_ENGINES_ONEDNN_DIRECT_IMPL_H
#define PLEAT_ENGINES_ONEDNN_DIRECT_IMPL_H

#include "onednn.h"

typedef struct pleat_direct_kernel pleat_direct_kernel;

typedef struct pleat_direct_plan {
    const pleat_direct_kernel *kernel;
    pleat_dnnl_shape s;         /* as computed: by x, with the channels exchanged */
    int mirrored;               /* by x */
    int together, records;      /* taps in a record; records of a voxel of y */
    int abreast, w, out;        /* voxels of y in a row of a tile; these of a row; their numbers */
    int apart;                  /* 1: zeros lie between the rows of x */
    int blocks, steps;          /* of 32 numbers in a record; of a voxel of y */
    int tiles;                  /* of 16 of p->out */
    int rows, planes, slots;    /* of y at a time; of x in the ring */
    int joined;                 /* all planes of a sample lie side by side */
    int pitch;                  /* voxels from a row of y to the next; 0 or 1 are none */
    int bands, groups, shares;  /* threads: by rows, by planes, by channels of y */
    size_t row;                 /* records of a row in the ring */
    size_t record, block, slot; /* bytes from one to the next in the ring */
    size_t weights;             /* bytes of the packed weights of 16 channels of y */
    int streams;                /* they go past the caches */
} pleat_direct_plan;

typedef struct pleat_direct_place { /* of 16 voxels of y, from the first one of some rows */
    size_t x, y;                    /* bytes in the ring; numbers of y */
    unsigned voxels;                /* bits: those that there are */
} pleat_direct_place;

typedef struct pleat_direct_part { /* of a thread */
    const pleat_direct_plan *plan;
    const uint16_t *x;
    uint16_t *y;
    const char *weights;
    const float *bias;               /* or NULL */
    double *sums;                    /* [2 Cout] zeros, see pleat_direct_run; or NULL */
    pleat_share planes, rows, tiles; /* of all samples; of a plane; of the channels of y */
    char *ring;
    ptrdiff_t *offsets;         /* [steps] */
    pleat_direct_place *places; /* of the tiles of plan->rows rows */
    uint16_t *lines;            /* three rows of x, where records have nine taps */
} pleat_direct_part;

typedef struct pleat_direct_block {
    int sample, first, planes; /* of y, in the sample */
    int h0, rows;
} pleat_direct_block;

struct pleat_direct_kernel {
    int (*usable)(void);
    /* Part `part` of the weights, of records x tiles, or mirrored, records x blocks. */
    void (*pack_weights)(const pleat_direct_plan *plan, const float *weights, int part,
                         char *packed);
    /* By x's weights of a tap and 32 channels of y, of forward's packed ones; see
     * pleat_direct_turns. */
    void (*turn_weights)(const pleat_direct_plan *forward, const pleat_direct_plan *plan, int tap,
                         int block, const char *packed, char *to);
    /* The part's work. */
    void (*run)(const pleat_direct_part *part);
};

extern const pleat_direct_kernel pleat_direct_amx; /* onednn_direct_amx.c */

/* Tiles of 16 voxels of so many rows of y. */
static inline int pleat_direct_tiles(const pleat_direct_plan *p, int rows) {
    return (rows * p->pitch - (p->pitch - p->w) + 15) / 16;
}

/* --- for tests: onednn_direct.h's functions, by a given kernel --- */

size_t pleat_direct_bytes_by(const pleat_direct_kernel *kernel, const pleat_dnnl_shape *shape,
                             pleat_dnnl_pass pass, int threads);
void pleat_direct_pack_by(const pleat_direct_kernel *kernel, const pleat_dnnl_shape *shape,
                          pleat_dnnl_pass pass, int threads, const float *weights, void *packed);
void pleat_direct_turn_by(const pleat_direct_kernel *kernel, const pleat_dnnl_shape *shape,
                          int threads, const void *forward, void *packed);
void pleat_direct_run_by(const pleat_direct_kernel *kernel, const pleat_dnnl_shape *shape,
                         pleat_dnnl_pass pass, int threads, const void *x, const void *packed,
                         const float *bias, void *y, double *sums, void *work);

#endif /* PLEAT_ENGINES_ONEDNN_DIRECT_IMPL_H */
