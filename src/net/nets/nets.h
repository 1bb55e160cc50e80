/* nets.h - what the files of networks share: names, the standard block, the way down and up. */
#ifndef PLEAT_NET_NETS_NETS_H
#define PLEAT_NET_NETS_NETS_H

#include "pleat/networks.h"

enum { PLEAT_NETWORK_LEVELS = 8 };

typedef struct pleat_network_level {
    char name[16]; /* "enc0", "mid", "dec0": before its nodes' names */
    int filters;
    int stride[3], kernel[3]; /* D, H, W; the stride into it, 1 of the first */
    int norm;                 /* network->norm */
} pleat_network_level;

/* level[depth + 1] of `filters * 2^i` filters, at most `most`; named enc0, enc1, ... */
void pleat_network_levels(const pleat_network *network, int most,
                          pleat_network_level level[PLEAT_NETWORK_LEVELS]);

/* "enc0" + ".conv1" */
const char *pleat_network_join(char out[32], const char *level, const char *what);

typedef int (*pleat_network_block)(pleat_graph *graph, int x, const pleat_network_level *level);

/* [conv + ReLU, norm], of the level's kernel; its nodes are LEVEL.convN and LEVEL.normN. */
int pleat_network_layer(pleat_graph *graph, int x, const pleat_network_level *level, int number);
/* Two of them: MIScnn's standard block. */
int pleat_network_standard(pleat_graph *graph, int x, const pleat_network_level *level);
/* Channels of a, then of b: LEVEL.WHAT. */
int pleat_network_join_channels(pleat_graph *graph, int a, int b, const pleat_network_level *level,
                                const char *what);

typedef struct pleat_network_style { /* what makes U-Nets differ; NULL: as written behind */
    pleat_network_block down;        /* blocks of the way down */
    pleat_network_block up;          /* of the middle and the way up; down */
    /* Of a skip before it is kept, `length` being the levels below it; none. */
    int (*path)(pleat_graph *graph, int x, const pleat_network_level *level, int length);
    /* Of a skip on the way up, x being the coarser level; none. */
    int (*gate)(pleat_graph *graph, int x, int skip, const pleat_network_level *level,
                const int stride[3]);
    /* The logits; a convolution. */
    void (*head)(pleat_graph *graph, int x, const pleat_network *network);
} pleat_network_style;

/* A U-Net: down by max-pool of the levels' strides, up by transposed convolutions to the level's
 * filters, concatenations [up, skip], head. */
void pleat_network_u(const pleat_network *network, int most, const pleat_network_style *style,
                     pleat_graph *graph);

/* Of `heads` heads, the i-th from the main one: 2^-i, but the last one's 0 where there are several;
 * all add up to 1. As nnU-Net's trainer has it. */
double pleat_network_head_weight(int i, int heads);

#endif /* PLEAT_NET_NETS_NETS_H */
