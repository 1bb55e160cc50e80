/* onednn_absent.c - in place of the kernels for processors that have none of ours. */
#include "onednn_direct_impl.h"
#include "onednn_gradient_impl.h"

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
