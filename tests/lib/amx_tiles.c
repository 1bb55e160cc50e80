/* amx_tiles.c - the kernels of AMX on tiles in plain C, in place of the processor's. */
#include "amx_emulated.h"

static int usable(int bf16);
static int direct_usable(void);

#define KERNEL pleat_gradient_amx
#define DIRECT pleat_direct_amx
#define TILES
#include "../../src/engines/onednn_gradient_amx.inc"

static void round_both(uint16_t *to, v16 low, v16 high) {
    v16_store(to, 0, LANES, 1, low);
    v16_store(to, LANES, LANES, 1, high);
}

#include "../../src/engines/onednn_direct_amx.inc"

static int usable(int bf16) { return bf16 && tiles_are_right(); }

static int direct_usable(void) { return tiles_are_right(); }
