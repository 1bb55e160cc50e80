/*
 * onednn_winograd_direct_impl.h - what the frame of onednn_winograd_direct.c and its kernels tell
 * each other.
 *
 * A tile is 4x4 voxels of a plane of y, which 6x6 of x reach. Winograd's minimal filtering
 * F(4x4,3x3) makes 36 points of these, of which each meets one number of the transformed weights
 * for each tap along D, where the taps along H and W would be 144 products:
 *
 *   for each piece of a plane's tiles, for each sample, for some planes of y:
 *     transform   the planes of x that are not there yet to [tile][point], by chunks of channels
 *     for two vectors of channels of y after the other, for some blocks of tiles:
 *       multiply  each point: all taps along D and channels of x, sums in registers
 *       finish    the sums of 36 points to 16 voxels, bias, ReLU
 *
 *   x:        [slot][chunk][point][tile][channel], slots being planes; joined, where planes have
 *             few tiles: [chunk][point][slot][tile][channel], so that a block of tiles may begin in
 *             one plane and end in the next, and planes outside are zeros
 *   weights:  [two vectors of channels of y][point][tap along D][channel of x][channel of y]
 *   sums:     [tile][point][channel of y]
 */
#ifndef PLEAT_ENGINES_ONEDNN_WINOGRAD_DIRECT_IMPL_H
#define PLEAT_ENGINES_ONEDNN_WINOGRAD_DIRECT_IMPL_H

#include "onednn.h"

#define PLEAT_WINOGRAD_POINTS 36
#define PLEAT_WINOGRAD_HELD   4 /* blocks of tiles for which weights are read once, at most */

typedef struct pleat_winograd_kernel pleat_winograd_kernel;

typedef struct pleat_winograd_plan { /* sizes in floats */
    const pleat_winograd_kernel *kernel;
    pleat_dnnl_shape s;        /* as computed: by x, with the channels exchanged */
    int mirrored;              /* by x */
    int across, down;          /* tiles along W and H */
    int pieces, tiles;         /* of a plane's tiles; tiles of a piece, at most */
    int planes, slots;         /* of y at a time; of x that are kept */
    int joined;                /* blocks of tiles reach over planes */
    int chunks, pairs;         /* of channels of x by vectors; of y by two vectors */
    int held;                  /* blocks of tiles whose sums are kept */
    int groups, bands;         /* threads: by planes, by pieces, */
    int shares;                /* by channels of y */
    size_t slot, chunk, point; /* of transformed x, from one to the next */
    size_t x, sums;            /* of a thread */
} pleat_winograd_plan;

typedef struct pleat_winograd_part { /* of a thread */
    const pleat_winograd_plan *plan;
    const float *x, *weights, *bias; /* bias: or NULL */
    float *y;
    pleat_share planes, pieces, pairs; /* of all samples; of a plane; of the channels of y */
    float *points, *sums;
} pleat_winograd_part;

struct pleat_winograd_kernel {
    int lanes, most; /* floats of a vector; tiles of a block */
    int (*usable)(void);
    /* Of some channels of y and of x: part `part` of pairs x chunks. */
    void (*pack)(const pleat_winograd_plan *plan, const float *weights, int part, float *packed);
    /* The part's work. */
    void (*run)(const pleat_winograd_part *part);
};

extern const pleat_winograd_kernel pleat_winograd_avx512; /* onednn_winograd_direct_avx512.c */
extern const pleat_winograd_kernel pleat_winograd_avx2;   /* onednn_winograd_direct_avx2.c */

/* Vectors of the channels of y of a pair, and where its weights begin. */
static inline int pleat_winograd_vectors(const pleat_winograd_plan *p, int pair) {
    return p->s.cout - pair * 2 * p->kernel->lanes > p->kernel->lanes ? 2 : 1;
}

static inline size_t pleat_winograd_weights_at(const pleat_winograd_plan *p, int pair) {
    return (size_t)pair * 2 * (size_t)p->kernel->lanes * (size_t)p->s.cin * (size_t)p->s.kernel[0] *
           PLEAT_WINOGRAD_POINTS;
}

/* Blocks of tiles of so many planes, and tiles of each. */
static inline int pleat_winograd_blocks(const pleat_winograd_plan *p, int tiles, int planes) {
    const int most = p->kernel->most;
    return p->joined ? (tiles * planes + most - 1) / most : planes;
}

/* --- for tests: onednn_winograd_direct.h's functions, by a given kernel --- */

size_t pleat_winograd_weights_bytes_by(const pleat_winograd_kernel *kernel,
                                       const pleat_dnnl_shape *shape, pleat_dnnl_pass pass);
size_t pleat_winograd_bytes_by(const pleat_winograd_kernel *kernel, const pleat_dnnl_shape *shape,
                               pleat_dnnl_pass pass, int threads);
void pleat_winograd_pack_by(const pleat_winograd_kernel *kernel, const pleat_dnnl_shape *shape,
                            pleat_dnnl_pass pass, int threads, const float *weights, float *packed);
void pleat_winograd_run_by(const pleat_winograd_kernel *kernel, const pleat_dnnl_shape *shape,
                           pleat_dnnl_pass pass, int threads, const float *x, const float *packed,
                           const float *bias, float *y, float *work);

#endif /* PLEAT_ENGINES_ONEDNN_WINOGRAD_DIRECT_IMPL_H */
