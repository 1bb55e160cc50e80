/*
 * tensor_core.cuh - cuda/tensor_core.cuh without a GPU, after the layouts that PTX documents.
 *
 * Copies are made when they are waited for, and products computed when they are: a kernel that
 * forgets to wait, or overwrites what a product is still to read, gets wrong numbers.
 */
#ifndef PLEAT_TESTS_EMULATOR_TENSOR_CORE_CUH
#define PLEAT_TESTS_EMULATOR_TENSOR_CORE_CUH

#include "kernel.h"

#include <functional>
#include <vector>

static std::vector<std::function<void()>> pending_copies[1024], pending_products[1024];

static void finish(std::vector<std::function<void()>> *pending) {
    for (const auto &one : pending[threadIdx.x]) one();
    pending[threadIdx.x].clear();
}

static char *shared_memory() { return emulator::shared_memory; }
static unsigned shared_address(const void *p) {
    return (unsigned)((const char *)p - emulator::shared_memory);
}

static char *shared_at(unsigned address, unsigned bytes) {
    if (address + bytes > emulator::MOST_SHARED)
        emulator::broken("a kernel leaves its shared memory");
    return emulator::shared_memory + address;
}

static void copy_16(unsigned to, const void *from, bool valid) {
    if (to % 16 != 0 || (uintptr_t)from % 16 != 0) emulator::broken("a copy is not aligned to 16");
    pending_copies[threadIdx.x].push_back([=] {
        if (valid)
            memcpy(shared_at(to, 16), from, 16);
        else
            memset(shared_at(to, 16), 0, 16);
    });
}
static void stores_end() {}
static void __syncwarp() {}
static void copies_wait() { finish(pending_copies); }

static uint64_t matrix_at(unsigned address, unsigned along, unsigned across) {
    return (uint64_t)((address & 0x3ffff) >> 4) | (uint64_t)(along >> 4) << 16 |
           (uint64_t)(across >> 4) << 32;
}

/* The 16 values of a row of the matrix, 8x8 tiles without swizzle. */
static void read_row(uint64_t matrix, int row, bool transposed, float (&out)[16]) {
    const unsigned address = (unsigned)(matrix & 0x3fff) << 4;
    const unsigned along = (unsigned)(matrix >> 16 & 0x3fff) << 4;
    const unsigned across = (unsigned)(matrix >> 32 & 0x3fff) << 4;
    for (int half = 0; half < 2; half++) {
        const char *tile = shared_at(address + row / 8 * across + half * along, 128);
        for (int k = 0; k < 8; k++) {
            uint16_t bits;
            memcpy(&bits, tile + (transposed ? k * 16 + row % 8 * 2 : row % 8 * 16 + k * 2), 2);
            out[half * 8 + k] = emulator::from_bf16(bits);
        }
    }
}

static void products_begin() {}
static void products_commit() {}
static void products_wait() { finish(pending_products); }

template <bool TRANSPOSED_A, bool TRANSPOSED_B, int SUMS>
static void product(float (&d)[SUMS], uint64_t a, uint64_t b, int add) {
    float *sums = d;
    pending_products[threadIdx.x].push_back([=] {
        const int t = (int)threadIdx.x % 128;
        float rows[2][16], column[16];
        for (int h = 0; h < 2; h++)
            read_row(a, t / 32 * 16 + h * 8 + t % 32 / 4, TRANSPOSED_A, rows[h]);
        for (int j = 0; j < SUMS / 4; j++)
            for (int i = 0; i < 2; i++) {
                read_row(b, j * 8 + t % 4 * 2 + i, TRANSPOSED_B, column);
                for (int h = 0; h < 2; h++) {
                    float sum = add ? sums[4 * j + 2 * h + i] : 0;
                    for (int k = 0; k < 16; k++) sum += rows[h][k] * column[k];
                    sums[4 * j + 2 * h + i] = sum;
                }
            }
    });
}

#endif /* PLEAT_TESTS_EMULATOR_TENSOR_CORE_CUH */
