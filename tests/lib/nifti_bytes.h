/* nifti_bytes.h - makes NIfTI files byte by byte, from the tables of nifti1.h and nifti2.h. */
#ifndef PLEAT_TESTS_NIFTI_BYTES_H
#define PLEAT_TESTS_NIFTI_BYTES_H

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

typedef struct spec { /* one volume */
    int version, big, gz;
    int datatype, bitpix;
    int64_t dim[8];
    double pixdim[8], vox_offset, slope, inter, quatern[3], qoffset[3], srow[12];
    int qform_code, sform_code, units;
} spec;

/* x = 3, y = 4, z = 5 voxels, 1.5 x 2 x 2.5 mm, no sform, no qform. */
static inline spec spec_of(int version, int datatype, int bitpix) {
    spec s = {.version = version,
              .datatype = datatype,
              .bitpix = bitpix,
              .dim = {3, 3, 4, 5, 1, 1, 1, 1},
              .pixdim = {1, 1.5, 2, 2.5, 0, 0, 0, 0},
              .vox_offset = version == 1 ? 352 : 544,
              .units = 2};
    return s;
}

static inline void put(unsigned char *at, int big, const void *value, size_t n) {
    const int swap = big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    for (size_t i = 0; i < n; i++) at[i] = ((const unsigned char *)value)[swap ? n - 1 - i : i];
}

/* kind: 'b' 1 byte, 'h' 2, 'i' 4, 'l' 8 (whole numbers), 'f' float, 'd' double */
static inline void put_number(unsigned char *at, int big, char kind, double value) {
    const int8_t b = (int8_t)(kind == 'b' ? value : 0);
    const int16_t h = (int16_t)(kind == 'h' ? value : 0);
    const int32_t i = (int32_t)(kind == 'i' ? value : 0);
    const int64_t l = (int64_t)(kind == 'l' ? value : 0);
    const float f = (float)(kind == 'f' ? value : 0);
    switch (kind) {
    case 'b': put(at, big, &b, 1); break;
    case 'h': put(at, big, &h, 2); break;
    case 'i': put(at, big, &i, 4); break;
    case 'l': put(at, big, &l, 8); break;
    case 'f': put(at, big, &f, 4); break;
    default: put(at, big, &value, 8); break;
    }
}

static inline void put_header1(unsigned char *h, const spec *s) {
    put_number(h, s->big, 'i', 348);
    for (int i = 0; i < 8; i++) put_number(h + 40 + 2 * i, s->big, 'h', (double)s->dim[i]);
    put_number(h + 70, s->big, 'h', s->datatype);
    put_number(h + 72, s->big, 'h', s->bitpix);
    for (int i = 0; i < 8; i++) put_number(h + 76 + 4 * i, s->big, 'f', s->pixdim[i]);
    put_number(h + 108, s->big, 'f', s->vox_offset);
    put_number(h + 112, s->big, 'f', s->slope);
    put_number(h + 116, s->big, 'f', s->inter);
    put_number(h + 123, s->big, 'b', s->units);
    put_number(h + 252, s->big, 'h', s->qform_code);
    put_number(h + 254, s->big, 'h', s->sform_code);
    for (int i = 0; i < 3; i++) put_number(h + 256 + 4 * i, s->big, 'f', s->quatern[i]);
    for (int i = 0; i < 3; i++) put_number(h + 268 + 4 * i, s->big, 'f', s->qoffset[i]);
    for (int i = 0; i < 12; i++) put_number(h + 280 + 4 * i, s->big, 'f', s->srow[i]);
    memcpy(h + 344, "n+1", 4);
}

static inline void put_header2(unsigned char *h, const spec *s) {
    put_number(h, s->big, 'i', 540);
    memcpy(h + 4, "n+2\0\r\n\032\n", 8);
    put_number(h + 12, s->big, 'h', s->datatype);
    put_number(h + 14, s->big, 'h', s->bitpix);
    for (int i = 0; i < 8; i++) put_number(h + 16 + 8 * i, s->big, 'l', (double)s->dim[i]);
    for (int i = 0; i < 8; i++) put_number(h + 104 + 8 * i, s->big, 'd', s->pixdim[i]);
    put_number(h + 168, s->big, 'l', s->vox_offset);
    put_number(h + 176, s->big, 'd', s->slope);
    put_number(h + 184, s->big, 'd', s->inter);
    put_number(h + 344, s->big, 'i', s->qform_code);
    put_number(h + 348, s->big, 'i', s->sform_code);
    for (int i = 0; i < 3; i++) put_number(h + 352 + 8 * i, s->big, 'd', s->quatern[i]);
    for (int i = 0; i < 3; i++) put_number(h + 376 + 8 * i, s->big, 'd', s->qoffset[i]);
    for (int i = 0; i < 12; i++) put_number(h + 400 + 8 * i, s->big, 'd', s->srow[i]);
    put_number(h + 500, s->big, 'i', s->units);
}

/* Header, zeros up to vox_offset, and values[n] in the spec's datatype; returns the bytes used. */
static inline size_t put_volume(unsigned char *out, size_t room, const spec *s,
                                const double *values, size_t n) {
    static const struct {
        int code;
        char kind;
        int bytes;
    } kinds[] = {{256, 'b', 1}, {4, 'h', 2}, {8, 'i', 4},   {1024, 'l', 8}, {16, 'f', 4},
                 {64, 'd', 8},  {2, 'b', 1}, {512, 'h', 2}, {768, 'i', 4},  {1280, 'l', 8}};
    size_t k = 0;
    while (kinds[k].code != s->datatype) k++;
    const size_t start = (size_t)s->vox_offset, bytes = (size_t)kinds[k].bytes;
    assert(start + n * bytes <= room);
    memset(out, 0, start);
    if (s->version == 1)
        put_header1(out, s);
    else
        put_header2(out, s);
    for (size_t i = 0; i < n; i++) { /* unsigned values above the signed range wrap to their bits */
        double v = values[i];
        if (k >= 6 && v >= (double)(1ULL << (8 * bytes - 1)))
            v -= (double)(1ULL << (4 * bytes)) * (double)(1ULL << (4 * bytes));
        put_number(out + start + i * bytes, s->big, kinds[k].kind, v);
    }
    return start + n * bytes;
}

static inline void save(const char *path, int gz, const void *bytes, size_t n) {
    gzFile file = gzopen(path, gz ? "wb" : "wbT");
    assert(file != NULL);
    assert(n == 0 || gzwrite(file, bytes, (unsigned)n) == (int)n);
    assert(gzclose(file) == Z_OK);
}

#endif /* PLEAT_TESTS_NIFTI_BYTES_H */
