/*
 * feed.h - the batches of a training step, wherever they are made.
 *
 *   host        the loader's threads make them; the engine takes them when a step begins
 *   streamed    the same, but they go to the engine's memory while it computes the step before
 *   resident    the cases lie in the engine's memory and patches are made there: a step needs
 *               nothing from the host but its draws
 *
 * Host is for engines of the program itself. An engine with a module is resident when the cases
 * fit, else streamed. The samples are the same; a resident feed's patches differ from the loader's
 * by roundings (pleat/gpu_augment.h).
 *
 *   pleat_feed_next(feed, &images, &labels);
 *   pleat_net_queue(net, images, labels, ...);
 *   pleat_feed_ahead(feed);
 *   pleat_net_finish(net, ...);
 */
#ifndef PLEAT_FEED_H
#define PLEAT_FEED_H

#include "pleat/loader.h"
#include "pleat/net.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_feed pleat_feed;

/* For `net`, whose batch and patch are the configuration's count and patch. device_memory: bytes of
 * the engine's memory that the cases may take; 0: four fifths of what is unused. Everything but the
 * sources is copied; `net` outlives the feed. The log says what it is. */
pleat_status pleat_feed_open(const pleat_loader_config *config, pleat_net *net,
                             double device_memory, pleat_feed **out);
/* NULL does nothing. */
void pleat_feed_close(pleat_feed *feed);

/* The next batch: host memory until the next call, or NULL for both when it is in the net's inputs
 * (pleat_net_inputs). Errors are the loader's, or those of the engine. */
pleat_status pleat_feed_next(pleat_feed *feed, const float **images, const uint8_t **labels);
/* To be called while the engine computes: sends the batch after it. */
pleat_status pleat_feed_ahead(pleat_feed *feed);

/* "host", "streamed", "resident" */
const char *pleat_feed_kind(const pleat_feed *feed);

/* What of `unused` bytes cases may take when device_memory is wished. */
size_t pleat_feed_budget(double device_memory, size_t unused);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_FEED_H */
