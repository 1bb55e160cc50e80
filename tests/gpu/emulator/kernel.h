/* kernel.h - what a .cu file needs to be plain C++; launches.pl puts it before everything else. */
#ifndef PLEAT_TESTS_EMULATOR_KERNEL_H
#define PLEAT_TESTS_EMULATOR_KERNEL_H

#include "emulator.h"

#include <vector_functions.h>

#include <cmath>
#include <cstring>
#include <tuple>

#undef __global__
#undef __shared__
#undef __device__
#undef __launch_bounds__
#undef __grid_constant__
#define __global__
#define __device__
#define __launch_bounds__(...)
#define __grid_constant__
#define __shared__ static /* blocks run one after another */

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

using std::exp, std::floor, std::fmax, std::fmin, std::log, std::max, std::min, std::sqrt;

void __syncthreads();
double __shfl_xor_sync(unsigned mask, double value, int lanes);
static inline unsigned __shfl_xor_sync(unsigned mask, unsigned value, int lanes) {
    return (unsigned)__shfl_xor_sync(mask, (double)value, lanes);
}
unsigned __reduce_max_sync(unsigned mask, unsigned value);

static inline unsigned atomicMax(unsigned *at, unsigned value) {
    const unsigned old = *at;
    if (value > old) *at = value;
    return old;
}

static inline unsigned atomicAdd(unsigned *at, unsigned value) {
    const unsigned old = *at;
    *at = old + value;
    return old;
}

static inline unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float __uint_as_float(unsigned bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float __fmul_rn(float a, float b) { return a * b; } /* -ffp-contract=off */
static inline float __fadd_rn(float a, float b) { return a + b; }

/* kernel<<<grid, threads, shared, stream>>>(arguments): copied now, run when the stream is. */
template <typename... P, typename... A>
void emulated_launch(const char *name, dim3 grid, unsigned threads, size_t shared,
                     cudaStream_t stream, void (*kernel)(P...), A &&...arguments) {
    if (grid.x == 0 || grid.y == 0 || grid.y > 65535 || grid.z != 1 || threads == 0 ||
        threads > 1024 || shared > emulator::most_shared((const void *)kernel)) {
        emulator::set_error(cudaErrorInvalidConfiguration);
        return;
    }
    const std::tuple<std::decay_t<P>...> copies(std::forward<A>(arguments)...);
    emulator::enqueue(stream, [=] {
        emulator::count(name, [&] {
            emulator::run_grid(grid, threads, shared, [&] { std::apply(kernel, copies); });
        });
    });
}

#endif /* PLEAT_TESTS_EMULATOR_KERNEL_H */
