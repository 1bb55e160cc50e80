/* onednn_stream_absent.c - for processors that are not known to write past their caches. */
#include "onednn_stream.h"

#include <string.h>

int pleat_stream_can(const void *to, size_t pitch, size_t run) {
    (void)to;
    (void)pitch;
    (void)run;
    return 0;
}

void pleat_stream_copy(void *to, size_t pitch, const void *from, size_t from_pitch, size_t run,
                       size_t count) {
    for (size_t k = 0; k < count; k++)
        memcpy((char *)to + k * pitch, (const char *)from + k * from_pitch, run);
}

void pleat_stream_zero(void *to, size_t bytes) { memset(to, 0, bytes); }

void pleat_stream_end(void) {}
