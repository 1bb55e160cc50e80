/*
 * tensor_core.cuh - Hopper's products of a warpgroup (4 warps) and its copies into shared memory.
 *
 * A wrapper for each instruction of PTX that is used (PTX ISA, "Asynchronous warpgroup level matrix
 * instructions" and "cp.async"). The emulator of tests/gpu has its own of the same names, written
 * after PTX's layouts, so that the arithmetic of a kernel is tried without a GPU.
 */
#ifndef PLEAT_CUDA_TENSOR_CORE_CUH
#define PLEAT_CUDA_TENSOR_CORE_CUH

#include <stdint.h>

#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
#    error "to be compiled for sm_90a only"
#endif

/* The block's dynamic shared memory, aligned to 128 bytes. */
static __device__ __forceinline__ char *shared_memory() {
    extern __shared__ __align__(128) char all_shared[];
    return all_shared;
}

/* An address in shared memory, in bytes. */
static __device__ __forceinline__ unsigned shared_address(const void *p) {
    return (unsigned)__cvta_generic_to_shared(p);
}

/* 16 bytes from global to shared memory, later; zeros where not `valid`. Both are aligned to 16. */
static __device__ __forceinline__ void copy_16(unsigned to, const void *from, bool valid) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from),
                 "r"(valid ? 16 : 0));
}
/* Products read what this thread has stored in shared memory. */
static __device__ __forceinline__ void stores_end() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
static __device__ __forceinline__ void copies_wait() {
    asm volatile("cp.async.wait_all;" ::: "memory");
    stores_end();
}

/*
 * A matrix in shared memory as a product reads it: tiles of 8 rows of 16 bytes, 128 bytes each,
 * without swizzle. `along` bytes lead to the next tile in the direction of the sum (k), `across`
 * to the next one in that of rows (A) or columns (B).
 * In a tile a row is one m (or n) with 8 neighbouring k; transposed: one k with 8 neighbouring m.
 */
static __device__ __forceinline__ uint64_t matrix_at(unsigned address, unsigned along,
                                                     unsigned across) {
    return (uint64_t)((address & 0x3ffff) >> 4) | (uint64_t)(along >> 4) << 16 |
           (uint64_t)(across >> 4) << 32;
}

static __device__ __forceinline__ void products_begin() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
static __device__ __forceinline__ void products_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
static __device__ __forceinline__ void products_wait() {
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}

/*
 * sum [64,N] += A [64,16] B [16,N], bf16, by the 128 threads of a warpgroup; sums are float.
 * Thread t has of each 8 columns j, sum[4 j + 2 h + i]: row 16 (t / 32) + 8 h + t % 32 / 4, column
 * 8 j + 2 (t % 4) + i. Where `add` is 0 the sum begins.
 */
template <bool TRANSPOSED_A, bool TRANSPOSED_B>
static __device__ __forceinline__ void product(float (&d)[16], uint64_t a, uint64_t b, int add) {
    asm volatile("{.reg .pred p; setp.ne.b32 p, %18, 0;"
                 "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 "
                 "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15}, %16, %17, p, 1, 1, %19, "
                 "%20;}"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]),
                   "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]),
                   "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15])
                 : "l"(a), "l"(b), "r"(add), "n"(TRANSPOSED_A), "n"(TRANSPOSED_B));
}
template <bool TRANSPOSED_A, bool TRANSPOSED_B>
static __device__ __forceinline__ void product(float (&d)[32], uint64_t a, uint64_t b, int add) {
    asm volatile("{.reg .pred p; setp.ne.b32 p, %34, 0;"
                 "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
                 "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,"
                 "%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, %32, %33, p, 1, 1, %35, %36;}"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]),
                   "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]),
                   "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]),
                   "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]),
                   "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]),
                   "+f"(d[30]), "+f"(d[31])
                 : "l"(a), "l"(b), "r"(add), "n"(TRANSPOSED_A), "n"(TRANSPOSED_B));
}

#endif /* PLEAT_CUDA_TENSOR_CORE_CUH */
