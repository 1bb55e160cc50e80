/*
 * onednn_gradient_impl.h - what the kernels of onednn_gradient.c bring, and what they are given.
 *
 * The frame goes through blocks of rows, and of planes where these are small; a kernel packs and
 * multiplies. What it packs are 32-bit words: one voxel's float, or the bf16 of two voxels. A tile
 * is the sums of `out` channels of y by `in` of x for some taps.
 *
 *   for each `chunk` tiles of channels of x, and each block:
 *     pack_x    the block's planes of x and those beside them, in a ring of planes
 *     pack_dy   the block's planes of dy
 *     for each tile of channels of x, tap along D:
 *       add     all tiles of y and taps along H and W, to dweights; or to sums of the kernel's own
 *               that go to dweights with the thread's last block
 *
 * A kernel may ask for what the next block packs, a few lines at a time under its products. And it
 * may gather: where x has few channels, those of all taps along H and W count as channels, and the
 * convolution has taps along D only.
 */
#ifndef PLEAT_ENGINES_ONEDNN_GRADIENT_IMPL_H
#define PLEAT_ENGINES_ONEDNN_GRADIENT_IMPL_H

#include "onednn.h"

#define PLEAT_GRADIENT_PLANES 16 /* of a block, at most */
#define PLEAT_GRADIENT_TAPS   3  /* along W, at most */

typedef struct pleat_gradient_kernel pleat_gradient_kernel;

typedef struct pleat_gradient_plan { /* sizes in words */
    const pleat_gradient_kernel *kernel;
    pleat_dnnl_shape given, s; /* s: with taps as channels, where the kernel gathers them */
    int planes, rows, words;   /* of a block: dy's planes and rows; words of a row of dy */
    int slots;                 /* planes of x in the ring */
    int in_tiles, out_tiles;   /* channels by kernel->in and kernel->out */
    int chunk;                 /* tiles of channels of x in the ring */
    int groups, shares;        /* threads: by planes, by channels of y */
    size_t row, copy, part;    /* of packed x: a row; one order of pairs; a tile's channels */
    size_t slot;               /* a plane of the ring */
    size_t y_plane, y_tile;    /* of packed dy */
    size_t offset[PLEAT_GRADIENT_TAPS]; /* of the words of a tap along W */
    size_t taps, weights;               /* of the kernel; floats of dweights */
    size_t sums; /* floats that the kernel keeps of a tile of x and one of y between blocks */
} pleat_gradient_plan;

typedef struct pleat_gradient_part { /* of a thread */
    const pleat_gradient_plan *plan;
    const char *x, *dy;
    pleat_share planes, tiles; /* of all samples; of the channels of y */
    float *dweights, *dbias;
    int fresh, streams;      /* dweights are written, not added to; past the caches */
    uint32_t *ring, *packed; /* of x; of dy */
    float *sums;             /* [tiles of x in the ring][of y][plan->sums], if there are blocks */
} pleat_gradient_part;

/* Cache lines of the next block that are not asked for yet. */
typedef struct pleat_gradient_ahead {
    const char *at;  /* a voxel, or a line where voxels are in one piece */
    size_t stride;   /* bytes to the next */
    int lines, line; /* lines of each; of this one asked for */
    int left;        /* voxels */
    int share;       /* lines that a step of the kernel asks for */
} pleat_gradient_ahead;

typedef struct pleat_gradient_block {
    int first, planes, h0, rows;
    pleat_share in;   /* tiles of channels of x */
    int begins, ends; /* whether it is the thread's first, and its last, of these channels */
    pleat_gradient_ahead ahead[2]; /* of x, of dy */
} pleat_gradient_block;

/* The packed planes of a block that meet, of one tile of channels of x and one tap along D. */
typedef struct pleat_gradient_meeting {
    const uint32_t *x[PLEAT_GRADIENT_PLANES], *dy[PLEAT_GRADIENT_PLANES]; /* of the first y tile */
    int planes;
} pleat_gradient_meeting;

struct pleat_gradient_kernel {
    int out, in;    /* channels of y and of x in a tile */
    int words;      /* of a block, about */
    int chunk;      /* tiles of channels of x in the ring, at most */
    int gathers;    /* channels of x, at most, whose taps along H and W are packed as channels */
    int starts;     /* obeys part->fresh */
    double flop[2]; /* of a round of `products`: f32, bf16 */

    /* Whether this processor has the instructions. */
    int (*usable)(int bf16);
    /* Whether it knows these taps, at stride 1 and "same" padding. */
    int (*knows)(const int kernel[3]);
    /* Fills in row, copy, part, y_plane, offset and sums. */
    void (*lay_out)(pleat_gradient_plan *plan);
    /* The rows of a block and those beside them, of a plane of x, channels of block->in. */
    void (*pack_x)(const pleat_gradient_plan *plan, const char *x, int plane,
                   const pleat_gradient_block *block, uint32_t *slot);
    /* The rows of a block of a plane of dy, channels of `tiles`. */
    void (*pack_dy)(const pleat_gradient_plan *plan, const char *dy, int plane,
                    const pleat_gradient_block *block, pleat_share tiles, uint32_t *to);
    /* Tile `in` of channels of x, tap `depth` along D. */
    void (*add)(const pleat_gradient_part *part, pleat_gradient_block *block, int depth, int in);
    /* pleat_gradient_run_part, in the state of the processor that `add` needs. */
    void (*run)(const pleat_gradient_part *part);
    /* `rounds` times some products in registers; returns their sum. */
    float (*products)(int bf16, long rounds);
};

extern const pleat_gradient_kernel pleat_gradient_avx512; /* onednn_gradient_avx512.c */
extern const pleat_gradient_kernel pleat_gradient_amx;    /* onednn_gradient_amx.c; bf16 only */

/* --- for the kernels --- */

void pleat_gradient_run_part(const pleat_gradient_part *w);

pleat_gradient_meeting pleat_gradient_meet(const pleat_gradient_part *w,
                                           const pleat_gradient_block *b, int depth, int in);

/* Channels of tile `tile` that there are. */
static inline int pleat_gradient_channels(int channels, int size, int tile) {
    const int left = channels - tile * size;
    return left < size ? left : size;
}

/* --- for tests: onednn_gradient.h's functions, by a given kernel --- */

size_t pleat_gradient_bytes_by(const pleat_gradient_kernel *kernel, const pleat_dnnl_shape *shape,
                               int threads);
void pleat_gradient_run_by(const pleat_gradient_kernel *kernel, const pleat_dnnl_shape *shape,
                           int threads, const void *x, const void *dy, float *dweights,
                           float *dbias, int fresh, void *work);

#endif /* PLEAT_ENGINES_ONEDNN_GRADIENT_IMPL_H */
