/* nets.h - what the files of networks share: names, the standard block, the way down and up. */
#ifndef PLEAT_NET_NETS_NETS_H
#define PLEAT_NET_NETS_NETS_H

#include "pleat/networks.h"

/* "enc0" + ".conv1" */
const char *pleat_network_join(char out[32], const char *level, const char *what);
/* [conv 3x3x3 + ReLU, norm] twice, named LEVEL.conv1, LEVEL.norm1, LEVEL.conv2, LEVEL.norm2. */
int pleat_network_block(pleat_graph *graph, int x, int filters, int norm, const char *level);
/* A U-Net whose blocks are `block`: down by max-pool 2x2x2 with f, 2f, 4f, ... filters, up by
 * transposed convolutions, concatenations [up, skip], head. */
typedef int (*pleat_network_blocks)(pleat_graph *graph, int x, int filters, int norm,
                                    const char *level);
void pleat_network_u(const pleat_network *network, pleat_network_blocks block, pleat_graph *graph);

typedef struct pleat_network_level {
    int filters;              /* filters * 2^level, at most most_filters */
    int stride[3], kernel[3]; /* D, H, W; the stride into it, 1 of the first */
} pleat_network_level;

enum { PLEAT_NETWORK_LEVELS = 8 };
/* level[depth + 1] */
void pleat_network_levels(const pleat_network *network,
                          pleat_network_level level[PLEAT_NETWORK_LEVELS]);
/* Of `heads` heads, the i-th from the main one: 2^-i, but the last one's 0 where there are several;
 * all add up to 1. As nnU-Net's trainer has it. */
double pleat_network_head_weight(int i, int heads);

#endif /* PLEAT_NET_NETS_NETS_H */
