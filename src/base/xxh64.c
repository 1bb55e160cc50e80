/*
 * xxh64.c - a digest of whole volumes, ten times as fast as FNV-1a: XXH64 (Collet, xxHash
 * specification 0.1.1).
 *
 * Stripes of 32 bytes go into four sums; these are merged, the rest is added word by word, and the
 * bits are mixed at the end.
 */
#include "pleat/file.h"

#include <string.h>

static const uint64_t P1 = 0x9E3779B185EBCA87, P2 = 0xC2B2AE3D27D4EB4F, P3 = 0x165667B19E3779F9,
                      P4 = 0x85EBCA77C2B2AE63, P5 = 0x27D4EB2F165667C5;

static uint64_t turn(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

static uint64_t word_at(const unsigned char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint64_t add_word(uint64_t sum, uint64_t word) { return turn(sum + word * P2, 31) * P1; }

uint64_t pleat_digest_large(uint64_t seed, const void *bytes, size_t n) {
    const unsigned char *at = bytes, *end = at + n;
    uint64_t sum[4] = {seed + P1 + P2, seed + P2, seed, seed - P1}, all = seed + P5;
    if (n >= 32) {
        for (; end - at >= 32; at += 32)
            for (int k = 0; k < 4; k++) sum[k] = add_word(sum[k], word_at(at + 8 * (size_t)k));
        all = turn(sum[0], 1) + turn(sum[1], 7) + turn(sum[2], 12) + turn(sum[3], 18);
        for (int k = 0; k < 4; k++) all = (all ^ add_word(0, sum[k])) * P1 + P4;
    }
    all += n;
    for (; end - at >= 8; at += 8) all = turn(all ^ add_word(0, word_at(at)), 27) * P1 + P4;
    if (end - at >= 4) {
        uint32_t half;
        memcpy(&half, at, sizeof half);
        all = turn(all ^ half * P1, 23) * P2 + P3;
        at += 4;
    }
    for (; at < end; at++) all = turn(all ^ *at * P5, 11) * P1;
    all = (all ^ all >> 33) * P2;
    all = (all ^ all >> 29) * P3;
    return all ^ all >> 32;
}
