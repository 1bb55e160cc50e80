/* cases.c - the annotated cases that a configuration names. */
#include "pleat/cases.h"

#include <stdlib.h>

pleat_status pleat_cases_find(const pleat_config *config, pleat_cases *out) {
    *out = (pleat_cases){0};
    PLEAT_CHECK(config->data[0] != '\0', PLEAT_ERR_ARG,
                "no data: set data: FOLDER in the configuration or --set data=FOLDER");
    PLEAT_TRY(pleat_layout_scan(config->data, PLEAT_LAYOUT_LABELLED, &out->paths, &out->n));
    out->ids = calloc((size_t)out->n, sizeof *out->ids);
    PLEAT_CHECK(out->ids != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", out->n);
    for (int i = 0; i < out->n; i++) out->ids[i] = out->paths[i].id;
    return PLEAT_OK;
}

void pleat_cases_free(pleat_cases *cases) {
    free(cases->ids);
    pleat_layout_free(cases->paths, cases->n);
    *cases = (pleat_cases){0};
}
