/* config_judging.c - what follows from a configuration: choices of scores, the number of folds. */
#include "pleat/config.h"

pleat_status pleat_config_judging(const pleat_config *c, const pleat_classes *classes,
                                  pleat_judging *out) {
    return pleat_judging_make(classes, c->surface, c->tolerance, c->lesions, c->lesion_overlap,
                              out);
}

int pleat_config_folds(const pleat_config *c) { return c->folds * c->repeats; }
