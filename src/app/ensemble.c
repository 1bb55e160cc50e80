/* ensemble.c - puts models in order, and finds what engine they share. */
#include "ensemble.h"

#include "pleat/engine.h"
#include "pleat/file.h"
#include "pleat/predictor.h"

#include <stdlib.h>
#include <string.h>

typedef struct one {
    const char *path;
    uint64_t digest;
} one;

static int by_digest(const void *a, const void *b) {
    const one *x = a, *y = b;
    if (x->digest != y->digest) return x->digest < y->digest ? -1 : 1;
    return strcmp(x->path, y->path);
}

pleat_status ensemble_sort(text_list *models) {
    one all[MAX_LIST];
    if (models->n < 2) return PLEAT_OK;
    for (int i = 0; i < models->n; i++) {
        pleat_file_identity file;
        PLEAT_TRY(pleat_file_identify(models->item[i], &file));
        all[i] = (one){models->item[i], file.digest};
    }
    qsort(all, (size_t)models->n, sizeof *all, by_digest);
    for (int i = 0; i < models->n; i++) models->item[i] = all[i].path;
    return PLEAT_OK;
}

static pleat_status config_of(const char *model, const ensemble_set *set, pleat_config *out) {
    PLEAT_TRY(pleat_predictor_config_of(model, out));
    if (out->threads > set->most) out->threads = 0; /* those of another machine */
    for (int i = 0; set->sets[i] != NULL; i++)
        PLEAT_TRY(pleat_config_set_predict(set->sets[i], out));
    if (set->engine != NULL)
        PLEAT_TRY(pleat_config_set_key("--engine", "engine", set->engine, out));
    if (set->precision != NULL)
        PLEAT_TRY(pleat_config_set_key("--precision", "precision", set->precision, out));
    if (set->threads > 0) out->threads = set->threads;
    return PLEAT_OK;
}

/* What all ask for together; `auto` leaves it to the others. names: of engines or precisions. */
static pleat_status share(const char *key, const char *(*names)(int), int own, const char *model,
                          int *all, const char **of) {
    if (strcmp(names(own), "auto") == 0) return PLEAT_OK;
    PLEAT_CHECK(*of == NULL || own == *all, PLEAT_ERR_ARG,
                "'%s' has %s: %s, '%s' %s; models that predict together share one: say which by "
                "--%s",
                model, key, names(own), *of, names(*all), key);
    *all = own;
    *of = model;
    return PLEAT_OK;
}

pleat_status ensemble_config(const text_list *models, const ensemble_set *set, pleat_config *out,
                             char settings[17]) {
    char digests[MAX_LIST][17] = {""};
    const char *engine = NULL, *precision = NULL; /* the model that asks for it */
    int alike = 1, deterministic = 0;
    for (int i = 0; i < models->n; i++) {
        const char *model = models->item[i];
        pleat_config own;
        PLEAT_TRY(config_of(model, set, &own));
        if (i == 0) *out = own;
        PLEAT_TRY(share("engine", pleat_engine_name, own.engine, model, &out->engine, &engine));
        PLEAT_TRY(share("precision", pleat_precision_name, own.precision, model, &out->precision,
                        &precision));
        deterministic |= own.deterministic;
        pleat_config_settings(&own, digests[i]);
        alike &= strcmp(digests[i], digests[0]) == 0;
    }
    out->deterministic = deterministic;
    (void)memcpy(settings, digests[0], sizeof digests[0]);
    if (!alike)
        pleat_digest_hex(pleat_digest(0, digests, (size_t)models->n * sizeof digests[0]), settings);
    return PLEAT_OK;
}
