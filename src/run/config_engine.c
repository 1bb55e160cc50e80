/* config_engine.c - the engine that a configuration asks for. */
#include "pleat/config.h"

pleat_status pleat_config_engine(const pleat_config *config, int threads, pleat_engine **out) {
    const pleat_engine_options options = {
        .engine = pleat_engine_name(config->engine),
        .precision = (pleat_precision)config->precision,
        .threads = config->threads > 0 ? config->threads : threads,
        .device = -1,
        .deterministic = config->deterministic,
    };
    return pleat_engine_create(&options, out);
}
