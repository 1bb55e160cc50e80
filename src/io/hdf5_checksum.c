/* hdf5_checksum.c - the checksum of HDF5: Jenkins' lookup3, "hashlittle", of
 * http://burtleburtle.net/bob/c/lookup3.c. Alone in its file, so that a fuzzer can put another in
 * its place. */
#include "hdf5_parts.h"

static uint32_t turn(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

static void mix(uint32_t s[3]) {
    static const int bits[6] = {4, 6, 8, 16, 19, 4};
    for (int i = 0; i < 6; i++) {
        uint32_t *a = &s[i % 3], *b = &s[(i + 1) % 3], *c = &s[(i + 2) % 3];
        *a -= *c;
        *a ^= turn(*c, bits[i]);
        *c += *b;
    }
}

static void finish(uint32_t s[3]) {
    static const int bits[7] = {14, 11, 25, 16, 4, 14, 24};
    for (int i = 0; i < 7; i++) {
        uint32_t *to = &s[(i + 2) % 3];
        const uint32_t from = s[(i + 1) % 3];
        *to ^= from;
        *to -= turn(from, bits[i]);
    }
}

/* Up to 12 bytes to the three words of the state. */
static void add(uint32_t s[3], const unsigned char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) s[i / 4] += (uint32_t)bytes[i] << (8 * (i % 4));
}

static uint32_t checksum(const unsigned char *bytes, size_t n) {
    const uint32_t start = 0xdeadbeefU + (uint32_t)n;
    uint32_t s[3] = {start, start, start};
    if (n == 0) return start;
    for (; n > 12; n -= 12, bytes += 12) {
        add(s, bytes, 12);
        mix(s);
    }
    add(s, bytes, n);
    finish(s);
    return s[2];
}

int hdf5_is_checksum(uint32_t sum, const unsigned char *bytes, size_t n) {
    return sum == checksum(bytes, n);
}
