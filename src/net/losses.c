/* losses.c - the list of losses. */
#include "pleat/losses.h"

#include <stdio.h>
#include <string.h>

/* The losses, each of a file in losses/; the first is the default. */
#define LOSSES(ROW) ROW(tversky_crossentropy)

#define DECLARED(name) extern const pleat_loss pleat_loss_##name;
#define LISTED(name)   &pleat_loss_##name,
LOSSES(DECLARED)
const pleat_loss *const pleat_losses[] = {LOSSES(LISTED) NULL};

pleat_status pleat_loss_find(const char *name, const pleat_loss **out) {
    char known[512] = "";
    for (const pleat_loss *const *loss = pleat_losses; *loss != NULL; loss++) {
        if (strcmp((*loss)->name, name) == 0) {
            *out = *loss;
            return PLEAT_OK;
        }
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "",
                       (*loss)->name);
    }
    return PLEAT_FAIL(PLEAT_ERR_ARG, "unknown loss '%s'; there are %s", name, known);
}
