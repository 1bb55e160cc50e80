/*
 * keras.h - a Keras model of MIScnn's standard U-Net, from its HDF5 file.
 *
 * Read are files of model.save and model.save_weights of Keras 2 and of Keras 3's older format:
 *
 *   /[model_weights/]  layer_names          in the order in which they compute
 *   LAYER              weight_names         "conv3d/kernel:0", "conv3d/bias:0"
 *   LAYER/conv3d/kernel:0                   float32 [x,y,z,Cin,Cout], transposed [x,y,z,Cout,Cin]
 *   LAYER/batch_normalization/gamma:0       and beta, moving_mean, moving_variance: [C]
 *   /  model_config                         the layers as JSON; absent in a file of weights alone
 *
 * Depth, filters, classes, channels and whether there are norms follow from the shapes. Where there
 * is a model_config, every layer, what it reads and its options must be those of the standard
 * U-Net; a file of weights alone is taken for one when all shapes are.
 */
#ifndef PLEAT_KERAS_H
#define PLEAT_KERAS_H

#include "pleat/networks.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_keras {
    pleat_network network;
    size_t n_params, n_stats;
    float *params, *stats; /* as in a checkpoint, owned */
    int weights_alone;     /* there is no model_config */
} pleat_keras;

/* ERR_NOT_FOUND, ERR_IO, ERR_MEMORY; ERR_FORMAT names the layer that is not as it should be. */
pleat_status pleat_keras_read(const char *path, pleat_keras *out);
void pleat_keras_free(pleat_keras *model);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_KERAS_H */
