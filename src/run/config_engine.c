/* config_engine.c - the engine that a configuration asks for. */
#include "pleat/config.h"

#include <unistd.h>

pleat_status pleat_config_engine(const pleat_config *config, int threads, pleat_engine **out) {
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const int most = cores < 8 ? 64 : 8 * (int)cores;
    PLEAT_CHECK(config->threads <= most, PLEAT_ERR_ARG,
                "threads = %d is too many for %ld cores; set it to %d or less, or to 0",
                config->threads, cores, most);
    const pleat_engine_options options = {
        .engine = pleat_engine_name(config->engine),
        .precision = (pleat_precision)config->precision,
        .threads = config->threads > 0 ? config->threads : threads,
        .device = -1,
        .deterministic = config->deterministic,
    };
    return pleat_engine_create(&options, out);
}
