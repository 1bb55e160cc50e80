/* amx_direct.c - as amx_tiles.c, the kernel of convolutions forward and by x. */
#include "amx_emulated.h"

#define DIRECT pleat_direct_amx
#define TILES

#include "../../src/engines/onednn_simd.h"

static int direct_usable(void) { return 1; }

static void round_both(uint16_t *to, v16 low, v16 high) {
    v16_store(to, 0, LANES, 1, low);
    v16_store(to, LANES, LANES, 1, high);
}

#include "../../src/engines/onednn_direct_amx.inc"
