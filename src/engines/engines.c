/* engines.c - the list of engines this build has, and making one by name. */
#include "pleat/engine.h"

#include "cpu.h"
#include "pleat/cuda_module.h"
#include "pleat/log.h"

#include <stdio.h>
#include <string.h>

static const char *always(void) { return NULL; }

#if !PLEAT_WITH_ONEDNN
static const char *without_onednn(void) {
    return "this build has no oneDNN (apt-get install libdnnl-dev, then configure again)";
}
static pleat_status onednn_is_missing(const pleat_engine_options *options, pleat_engine **out) {
    (void)options;
    (void)out;
    return PLEAT_FAIL(PLEAT_ERR_UNSUPPORTED, "engine 'onednn': %s", without_onednn());
}
#endif

static const char *cudnn_missing(void) {
    const char *why = NULL;
    const pleat_cuda_module *module = pleat_cuda_module_load(&why);
    return module != NULL ? module->missing() : why;
}

static pleat_status cudnn_create(const pleat_engine_options *options, pleat_engine **out) {
    const char *why = cudnn_missing();
    PLEAT_CHECK(why == NULL, PLEAT_ERR_UNSUPPORTED, "engine 'cudnn': %s", why);
    const pleat_cuda_module *module = pleat_cuda_module_load(&why);
    return module->engine_create(options, out);
}

static const pleat_engine_entry engines[] = {
    {"cudnn", "GPU, cuDNN", cudnn_missing, cudnn_create, 1, 1},
#if PLEAT_WITH_ONEDNN
    {"onednn", "CPU, oneDNN", always, pleat_onednn_create, 0, 0},
#else
    {"onednn", "CPU, oneDNN", without_onednn, onednn_is_missing, 0, 0},
#endif
    {"ref", "CPU, plain loops; the oracle", always, pleat_ref_create, 0, 0},
    {"ref64", "the same in double, for gradient checks", always, pleat_ref64_create, 0, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};

static const char *const precisions[] = {"auto", "f32", "tf32", "bf16"};

const char *pleat_precision_name(int precision) {
    return precision < (int)(sizeof precisions / sizeof *precisions) ? precisions[precision] : NULL;
}

const char *pleat_engine_precision(const pleat_engine *engine) {
    return engine->real == PLEAT_F64 ? "f64" : pleat_precision_name((int)engine->precision);
}

const pleat_engine_entry *pleat_engine_list(void) { return engines; }

const char *pleat_engine_name(int i) { return i == 0 ? "auto" : engines[i - 1].name; }

/* An engine that is tried, or NULL when it is not there, does not start or computes wrongly. */
static pleat_engine *create_right(const pleat_engine_entry *e, const pleat_engine_options *options,
                                  const char **why) {
    pleat_engine *engine = NULL;
    *why = e->missing();
    if (*why != NULL) return NULL;
    if (e->create(options, &engine) == PLEAT_OK && pleat_engine_try(engine) == PLEAT_OK)
        return engine;
    *why = pleat_error_message();
    pleat_engine_destroy(engine);
    return NULL;
}

/* The first engine that can be taken. Where there is a sign of a GPU, the log says why one was
 * tried and not taken. */
static pleat_status create_first(const pleat_engine_options *options, pleat_engine **out) {
    char passed[640] = "";
    const char *why = NULL;
    const pleat_engine_entry *e = engines;
    for (; e->tried || e->missing() != NULL; e++) { /* `ref` is always there */
        if (!e->tried) continue;
        *out = create_right(e, options, &why);
        if (*out != NULL) return PLEAT_OK;
        if (pleat_cuda_module_expected())
            (void)snprintf(passed, sizeof passed, "; not %s: %s", e->name, why);
    }
    if (passed[0] != '\0') pleat_log(PLEAT_INFO, "engine %s%s", e->name, passed);
    return e->create(options, out);
}

pleat_status pleat_engine_create(const pleat_engine_options *options, pleat_engine **out) {
    char names[256];
    (void)snprintf(names, sizeof names, "%s", pleat_engine_name(0));
    if (strcmp(options->engine, names) == 0) return create_first(options, out);
    for (const pleat_engine_entry *e = engines; e->name != NULL; e++) {
        if (strcmp(options->engine, e->name) == 0) return e->create(options, out);
        const size_t used = strlen(names);
        (void)snprintf(names + used, sizeof names - used, ", %s", e->name);
    }
    return PLEAT_FAIL(PLEAT_ERR_UNSUPPORTED, "unknown engine '%s'; this build has %s",
                      options->engine, names);
}

void pleat_engine_destroy(pleat_engine *engine) {
    if (engine != NULL) engine->ops->destroy(engine);
}
