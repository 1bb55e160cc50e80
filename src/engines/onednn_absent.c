/* onednn_absent.c - in place of the kernels for processors that have none of ours. */
#include "onednn_direct_impl.h"
#include "onednn_gradient_impl.h"
#include "onednn_stream.h"
#include "onednn_winograd_direct_impl.h"

#include <string.h>

static int usable(int bf16) {
    (void)bf16;
    return 0;
}

static int knows(const int kernel[3]) {
    (void)kernel;
    return 0;
}

static int direct_usable(void) { return 0; }

const pleat_gradient_kernel pleat_gradient_avx512 = {.usable = usable, .knows = knows};
const pleat_gradient_kernel pleat_gradient_amx = {.usable = usable, .knows = knows};
const pleat_direct_kernel pleat_direct_amx = {.usable = direct_usable};
const pleat_winograd_kernel pleat_winograd_avx512 = {.usable = direct_usable};
const pleat_winograd_kernel pleat_winograd_avx2 = {.usable = direct_usable};

/* Nor are these known to write past their caches. */
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
