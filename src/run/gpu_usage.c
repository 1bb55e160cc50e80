/* gpu_usage.c - what a fold's training takes of the GPU: energy, and how busy it is, where that is
 * known. */
#include "run_impl.h"

#include "pleat/device.h"
#include "pleat/log.h"

#define BETWEEN_S 1.0 /* two looks: the time over which a driver reckons */

static void ask(pleat_engine *engine, double *energy_mj, double *busy) {
    pleat_device_of(engine)->meter(engine, energy_mj, busy);
}

pleat_gpu_usage pleat_gpu_usage_begin(pleat_engine *engine) {
    pleat_gpu_usage u = {.engine = engine, .looked_s = pleat_now()};
    double busy = 0.0;
    ask(engine, &u.begun_mj, &busy);
    return u;
}

void pleat_gpu_usage_look(pleat_gpu_usage *u) {
    const double now = pleat_now();
    double energy_mj = 0.0, busy = 0.0;
    if (now - u->looked_s < BETWEEN_S) return;
    u->looked_s = now;
    ask(u->engine, &energy_mj, &busy);
    if (busy < 0.0) return;
    u->busy += busy;
    u->looks++;
}

const char *pleat_gpu_usage_text(const pleat_gpu_usage *u, char *text, size_t size) {
    double energy_mj = 0.0, busy = 0.0;
    int used = 0;
    text[0] = '\0';
    ask(u->engine, &energy_mj, &busy);
    if (energy_mj >= 0.0 && u->begun_mj >= 0.0)
        used = snprintf(text, size, "%.2f Wh", (energy_mj - u->begun_mj) / 3.6e6);
    if (u->looks > 0 && used >= 0 && (size_t)used < size)
        (void)snprintf(text + used, size - (size_t)used, "%sGPU %.0f %% busy", used > 0 ? ", " : "",
                       u->busy / u->looks);
    return text;
}
