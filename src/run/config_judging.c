/* config_judging.c - the choices of scores that a configuration makes for its classes. */
#include "pleat/config.h"

pleat_status pleat_config_judging(const pleat_config *c, const pleat_classes *classes,
                                  pleat_judging *out) {
    return pleat_judging_make(classes, c->surface, c->tolerance, c->lesions, c->lesion_overlap,
                              out);
}
