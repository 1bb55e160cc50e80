/* ref64.c - the oracle engine in double throughout, for gradient checks. */
#include "cpu.h"

typedef double real;
#define REAL_TYPE     PLEAT_F64
#define ENGINE_NAME   "ref64"
#define ENGINE_CREATE pleat_ref64_create

#include "ref_loops.inc"
