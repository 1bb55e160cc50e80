/*
 * unet.c - the original's "standard" 3-D U-Net (Ronneberger et al. 2015, Cicek et al. 2016).
 *
 *   block(f)       [conv 3x3x3 + ReLU, norm] twice        norm comes after ReLU, as in the original
 *   down           block, 2x2x2 max-pool                  filters f, 2f, 4f, ...
 *   bottom         block(f * 2^depth)
 *   up             transposed conv, concat [up, skip], block
 *   head           1x1x1 conv to the classes
 */
#include "nets.h"

#include <limits.h>

static void build(const pleat_network *network, pleat_graph *graph) {
    static const pleat_network_style style = {.down = pleat_network_standard};
    pleat_network_u(network, INT_MAX, &style, graph);
}

static const char *const keys[] = {"depth",   "filters", "classes", "norm",
                                   "strides", "kernels", NULL};

const pleat_network_kind pleat_network_unet = {
    .name = "unet", .what = "the original's standard U-Net", .keys = keys, .build = build};
