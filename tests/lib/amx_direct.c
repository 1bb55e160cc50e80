/* amx_direct.c - as amx_tiles.c, the kernel of convolutions forward and by x. */
#include "amx_emulated.h"

#define DIRECT pleat_direct_amx
#define TILES

static int direct_usable(void) { return 1; }

#include "../../src/engines/onednn_direct_amx.inc"
