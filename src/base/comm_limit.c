/* comm_limit.c - how long a peer may be silent in a training step. */
#include "pleat/comm.h"

#include <math.h>

#define FIRST_S  600.0 /* limit of the first step: libraries start, files are read for once */
#define LEAST_S  60.0  /* limit of the others */
#define PATIENCE 20.0  /* steps; a rank may be slowed by another program, or by its storage */

double pleat_comm_limit_s(double timeout_s, double step_s) {
    if (timeout_s > 0.0) return timeout_s;
    return step_s > 0.0 ? fmax(LEAST_S, PATIENCE * step_s) : FIRST_S;
}
