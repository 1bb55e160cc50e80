/*
 * onednn_stream.h - writing to memory past the caches.
 *
 * A store brings its cache line in before it changes it, and sends it out later: memory is read
 * once and written once. Where a whole line is overwritten, and the tensor is so large that nobody
 * would find it in a cache, writing past them halves that. What is written must not be read by
 * another thread before pleat_stream_end.
 */
#ifndef PLEAT_ENGINES_ONEDNN_STREAM_H
#define PLEAT_ENGINES_ONEDNN_STREAM_H

#include <stddef.h>
#include <stdint.h>

#define PLEAT_STREAM_BYTES (4u << 20) /* of a result; smaller ones are better left in the caches */

/* Whether runs of `run` bytes, `pitch` bytes from one to the next, are whole lines, and this
 * processor can. */
int pleat_stream_can(const void *to, size_t pitch, size_t run);

/* `count` runs that pleat_stream_can accepts; zeros from the beginning of a line on. */
void pleat_stream_copy(void *to, size_t pitch, const void *from, size_t from_pitch, size_t run,
                       size_t count);
void pleat_stream_zero(void *to, size_t bytes);

void pleat_stream_end(void); /* of the calls of this thread */

#endif /* PLEAT_ENGINES_ONEDNN_STREAM_H */
