/* gpu_usage.c - what a fold's training takes of the GPU: its energy, and how busy, warm and fast it
 * is, where that is known. */
#include "run_impl.h"

#include "pleat/device.h"
#include "pleat/log.h"

#define BETWEEN_S 1.0 /* two looks: the time over which a driver reckons */

static pleat_meters ask(pleat_engine *engine) {
    pleat_meters now;
    pleat_device_of(engine)->meter(engine, &now);
    return now;
}

pleat_gpu_usage pleat_gpu_usage_begin(pleat_engine *engine) {
    return (pleat_gpu_usage){.engine = engine,
                             .looked_s = pleat_now(),
                             .begun_mj = ask(engine).energy_mj,
                             .celsius = -1};
}

void pleat_gpu_usage_look(pleat_gpu_usage *u) {
    const double now = pleat_now();
    if (now - u->looked_s < BETWEEN_S) return;
    u->looked_s = now;
    const pleat_meters m = ask(u->engine);
    if (m.celsius > u->celsius) u->celsius = m.celsius;
    if (m.busy >= 0.0) {
        u->busy += m.busy;
        u->looks++;
    }
    if (m.mhz >= 0.0) {
        u->mhz += m.mhz;
        u->clocks++;
    }
}

const char *pleat_gpu_usage_text(const pleat_gpu_usage *u, char *text, size_t size) {
    const double energy_mj = ask(u->engine).energy_mj;
    const struct {
        int known;
        const char *form;
        double value;
    } parts[] = {
        {energy_mj >= 0.0 && u->begun_mj >= 0.0, "%.2f Wh", (energy_mj - u->begun_mj) / 3.6e6},
        {u->looks > 0, "GPU %.0f %% busy", u->looks > 0 ? u->busy / u->looks : 0.0},
        {u->celsius >= 0.0, "at most %.0f C", u->celsius},
        {u->clocks > 0, "%.0f MHz", u->clocks > 0 ? u->mhz / u->clocks : 0.0},
    };
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char part[32];
        if (!parts[i].known) continue;
        const int n = snprintf(part, sizeof part, parts[i].form, parts[i].value); /* NOLINT */
        if (n > 0 && used + (size_t)n + 2 < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", part);
    }
    return text;
}
