/*
 * networks.h - which networks there are, and how one is told: a row {name, keys, build} each.
 *
 *   name                what                                       src/net/nets/
 *   unet                the original's "standard" 3-D U-Net        unet.c
 *   residual            MIScnn's residual U-Net                    residual.c
 *   dense               MIScnn's dense U-Net                       dense.c
 *   compact             MIScnn's compact U-Net                     compact.c
 *   attention           MIScnn's attention U-Net                   attention.c
 *   attention_residual  the same with shortcuts on the way down    attention.c
 *   isensee             MIScnn's plain U-Net, Isensee et al. 2019  isensee.c
 *   multires            MIScnn's MultiRes U-Net                    multires.c
 *   plainconv           nnU-Net's PlainConvUNet                    nnunet.c
 *   resenc              nnU-Net's ResidualEncoderUNet              nnunet.c
 *
 * Each is one of flat images too: kernels 331 and strides 221 everywhere, a patch of one slice.
 *
 * A network's text says all of it: "unet depth=4 filters=32 classes=4 norm=1". Two networks with
 * the same text fit the same weights; checkpoints hold it. To add a network: a file in
 * src/net/nets/, its row's name in src/net/networks.c; a new key is a row of the table there and
 * one of the configuration.
 */
#ifndef PLEAT_NETWORKS_H
#define PLEAT_NETWORKS_H

#include "pleat/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLEAT_NETWORK_TEXT 512 /* bytes of a network's text, with its end */
#define PLEAT_NETWORK_LIST 64  /* bytes of a key that is a list, with its end */

typedef struct pleat_network {
    int name;     /* place in pleat_networks */
    int channels; /* of the images, 1 to 16; 0 counts as 1 */
    int classes;  /* 2 to 254 */
    /* Keys; each network takes those it names. */
    int depth;          /* how often sizes are halved */
    int filters;        /* channels of the first level, doubled at each halving */
    int norm;           /* 1: batch norm */
    int most_filters;   /* of any level */
    int input_shortcut; /* 1: a block's shortcut is of its input, else of its own result */
    int supervise;      /* 1: a head at each size of the way up guides training */
    /* Lists; "" is what is usual. Of each level but the first: its stride, three digits x, y, z, 1
     * or 2; usual 222. Of each level: its kernel, digits 1 or 3, usual 333. "221,222" */
    char strides[PLEAT_NETWORK_LIST], kernels[PLEAT_NETWORK_LIST];
    char blocks[PLEAT_NETWORK_LIST]; /* of each level, 1 to 9; usual 1,3,4,6,6,... */
} pleat_network;

typedef struct pleat_network_kind {
    const char *name;        /* of network.name */
    const char *what;        /* one line, for the manual */
    const char *const *keys; /* it takes, in the order of its text, "classes" among them; NULL */
    int least_filters;       /* 0: 1 */
    /* Adds the nodes to an empty graph; the keys are in range. Errors are the graph's own. */
    void (*build)(const pleat_network *network, pleat_graph *graph);
} pleat_network_kind;

/* The networks, the default first; ends with NULL. */
extern const pleat_network_kind *const pleat_networks[];

/* Name of one of them, by its place; NULL after the last. */
const char *pleat_network_name(int place);
/* Its line for the manual. */
const char *pleat_network_what(int place);

/* 1 when `key`, "blocks", is one of some networks and none of this one. */
int pleat_network_lacks(const pleat_network *network, const char *key);

/* *out is empty, or a graph that the caller frees. ERR_ARG names the key that is out of range,
 * ERR_SHAPE the node that cannot be. */
pleat_status pleat_network_build(const pleat_network *network, pleat_graph *out);

/* 1 when b is not a but for its classes; then `out` has the first difference: "network.depth is 3,
 * not 4", a's value first. */
int pleat_network_differs(const pleat_network *a, const pleat_network *b, char *out, size_t size);

/* The text, and its inverse. A key that is not there has its default; "channels" is left out where
 * it is 1. ERR_FORMAT. */
void pleat_network_text(const pleat_network *network, char *out, size_t size);
pleat_status pleat_network_parse(const char *text, pleat_network *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_NETWORKS_H */
