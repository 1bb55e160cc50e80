/* onednn_stream.c - writing past the caches by AVX-512, a cache line at once. */
#include "onednn_stream.h"
#include "onednn.h"

#include <immintrin.h>
#include <string.h>

#define LINE 64 /* bytes of the caches and of a register */
#define SIMD __attribute__((target("avx512f")))

SIMD static void stream_line(char *to, const char *from) {
    _mm512_stream_si512((__m512i *)(void *)to, _mm512_loadu_si512((const void *)from));
}

int pleat_stream_can(const void *to, size_t pitch, size_t run) {
    return ((uintptr_t)to | pitch | run) % LINE == 0 && pleat_dnnl_has_avx512();
}

SIMD void pleat_stream_copy(void *to, size_t pitch, const void *from, size_t from_pitch, size_t run,
                            size_t count) {
    char *out = to;
    const char *in = from;
    for (size_t k = 0; k < count; k++, out += pitch, in += from_pitch)
        for (size_t i = 0; i < run; i += LINE) stream_line(out + i, in + i);
}

SIMD void pleat_stream_zero(void *to, size_t bytes) {
    static const char zeros[LINE];
    size_t i = 0;
    for (; i + LINE <= bytes; i += LINE) stream_line((char *)to + i, zeros);
    if (i < bytes) memset((char *)to + i, 0, bytes - i);
}

void pleat_stream_end(void) { _mm_sfence(); }
