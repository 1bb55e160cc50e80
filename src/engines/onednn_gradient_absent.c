/* onednn_gradient_absent.c - in place of onednn_gradient.c for processors that have no AVX-512. */
#include "onednn_gradient.h"

#include <math.h>

int pleat_gradient_fits(const pleat_dnnl_shape *shape) {
    (void)shape;
    return 0;
}

int pleat_gradient_wins(const pleat_dnnl_shape *shape, int threads) {
    (void)threads;
    return pleat_gradient_fits(shape);
}

size_t pleat_gradient_bytes(const pleat_dnnl_shape *shape, int threads) {
    (void)shape, (void)threads;
    return 0;
}

void pleat_gradient_run(const pleat_dnnl_shape *shape, int threads, const void *x, const void *dy,
                        /* NOLINTNEXTLINE(readability-non-const-parameter): as the other's */
                        float *dweights, float *dbias, void *work) {
    (void)shape, (void)threads, (void)x, (void)dy, (void)dweights, (void)dbias, (void)work;
}

double pleat_gradient_peak(int bf16, int threads) {
    (void)bf16, (void)threads;
    return NAN;
}
