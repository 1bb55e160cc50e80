/* ref.c - the oracle engine: every operation of the table by plain loops, float memory. */
#include "cpu.h"

typedef float real;
#define REAL_TYPE     PLEAT_F32
#define ENGINE_NAME   "ref"
#define ENGINE_CREATE pleat_ref_create

#include "ref_loops.inc"
