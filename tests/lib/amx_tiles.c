/* amx_tiles.c - the kernel of AMX on tiles in plain C, in a program in place of the processor's. */
#include "amx_emulated.h"

static int usable(int bf16);

#define KERNEL pleat_gradient_amx
#define TILES
#include "../../src/engines/onednn_gradient_amx.inc"

static int usable(int bf16) { return bf16 && tiles_are_right(); }
