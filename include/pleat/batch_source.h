/*
 * batch_source.h - the batches of a training step, wherever they are made.
 *
 *   host        the loader's threads make them; the engine takes them when a step begins
 *   streamed    the same, but they go to the engine's memory while it computes the step before
 *   resident    the cases lie in the engine's memory and patches are made there: a step needs
 *               nothing from the host but its draws
 *
 * Host is for engines in host memory. One with memory of its own is resident when the cases fit,
 * else streamed. The samples are the same; a resident feed's patches differ from the loader's by
 * roundings (pleat/device.h).
 *
 *   pleat_batch_source_next(feed, &images, &labels);
 *   pleat_net_queue(net, images, labels, ...);
 *   pleat_batch_source_ahead(feed);
 *   pleat_net_finish(net, ...);
 */
#ifndef PLEAT_BATCH_SOURCE_H
#define PLEAT_BATCH_SOURCE_H

#include "pleat/loader.h"
#include "pleat/net.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_batch_source pleat_batch_source;

/* For `net`, whose batch and patch are the configuration's count and patch. device_memory: bytes of
 * the engine's memory that the cases may take; 0: four fifths of what is unused. Everything but the
 * sources is copied; `net` outlives the feed. The log says what it is. */
pleat_status pleat_batch_source_open(const pleat_loader_config *config, pleat_net *net,
                                     double device_memory, pleat_batch_source **out);
/* NULL does nothing. */
void pleat_batch_source_close(pleat_batch_source *feed);

/* The next batch: host memory until the next call, or NULL for both when it is in the net's inputs
 * (pleat_net_inputs). Errors are the loader's, or those of the engine. */
pleat_status pleat_batch_source_next(pleat_batch_source *feed, const float **images,
                                     const uint8_t **labels);
/* To be called while the engine computes: sends the batch after it. */
pleat_status pleat_batch_source_ahead(pleat_batch_source *feed);

/* "host", "streamed", "resident" */
const char *pleat_batch_source_kind(const pleat_batch_source *feed);

/* What of `unused` bytes cases may take when device_memory is wished. */
size_t pleat_batch_source_budget(double device_memory, size_t unused);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_BATCH_SOURCE_H */
