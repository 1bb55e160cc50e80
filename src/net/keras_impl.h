/* keras_impl.h - what keras.c, which reads the weights, asks of keras_config.c. */
#ifndef PLEAT_NET_KERAS_IMPL_H
#define PLEAT_NET_KERAS_IMPL_H

#include "pleat/networks.h"

/* ERR_FORMAT unless model_config `text` of the file `path` is of a standard U-Net as `network`
 * says. */
pleat_status keras_check_config(const char *path, const char *text, const pleat_network *network);

#endif /* PLEAT_NET_KERAS_IMPL_H */
