/* nifti_types.c - the voxel types that pleat reads. */
#include "nifti_guard.h"

#include <nifti1.h>

#define READER(name, type)                                     \
    static void name(const void *raw, size_t n, double *out) { \
        const type *in = raw;                                  \
        for (size_t i = 0; i < n; i++) out[i] = (double)in[i]; \
    }

READER(from_uint8, uint8_t)
READER(from_int8, int8_t)
READER(from_uint16, uint16_t)
READER(from_int16, int16_t)
READER(from_uint32, uint32_t)
READER(from_int32, int32_t)
READER(from_uint64, uint64_t)
READER(from_int64, int64_t)
READER(from_float32, float)
READER(from_float64, double)

static const nifti_type types[] = {
    {NIFTI_TYPE_UINT8, 8, "uint8", from_uint8},
    {NIFTI_TYPE_INT8, 8, "int8", from_int8},
    {NIFTI_TYPE_UINT16, 16, "uint16", from_uint16},
    {NIFTI_TYPE_INT16, 16, "int16", from_int16},
    {NIFTI_TYPE_UINT32, 32, "uint32", from_uint32},
    {NIFTI_TYPE_INT32, 32, "int32", from_int32},
    {NIFTI_TYPE_UINT64, 64, "uint64", from_uint64},
    {NIFTI_TYPE_INT64, 64, "int64", from_int64},
    {NIFTI_TYPE_FLOAT32, 32, "float32", from_float32},
    {NIFTI_TYPE_FLOAT64, 64, "float64", from_float64},
};

const nifti_type *pleat_nifti_type(int code) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == code) return &types[i];
    return NULL;
}
