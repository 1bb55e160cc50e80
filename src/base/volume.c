/* volume.c - making and freeing volumes, and putting channels together. */
#include "pleat/volume.h"

#include "pleat/memory.h"

#include <stdlib.h>
#include <string.h>

static pleat_status make(const int dim[3], size_t bytes, void **out) {
    PLEAT_TRY(pleat_memory_check((double)pleat_voxels(dim) * (double)bytes,
                                 "a volume of %d x %d x %d voxels", dim[2], dim[1], dim[0]));
    void *data = calloc(pleat_voxels(dim), bytes);
    PLEAT_CHECK(data != NULL, PLEAT_ERR_MEMORY, "no memory for a volume of %d x %d x %d voxels",
                dim[2], dim[1], dim[0]);
    *out = data;
    return PLEAT_OK;
}

/* A block of voxels at a time, so that its planes stay in the cache. */
void pleat_interleave(const float *planes, size_t n, int channels, float *out) {
    enum { BLOCK = 512 };
    const size_t pitch = (size_t)channels;
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t end = n - first < BLOCK ? n : first + BLOCK;
        for (size_t c = 0; c < pitch; c++)
            for (size_t i = first; i < end; i++) out[i * pitch + c] = planes[c * n + i];
    }
}

pleat_status pleat_image_make(int channels, const int dim[3], const double spacing[3],
                              pleat_image *out) {
    void *data = NULL;
    PLEAT_TRY(make(dim, (size_t)channels * sizeof(float), &data));
    out->channels = channels;
    memcpy(out->dim, dim, sizeof out->dim);
    memcpy(out->spacing, spacing, sizeof out->spacing);
    out->data = data;
    return PLEAT_OK;
}

pleat_status pleat_label_make(const int dim[3], const double spacing[3], pleat_label *out) {
    void *data = NULL;
    PLEAT_TRY(make(dim, 1, &data));
    memcpy(out->dim, dim, sizeof out->dim);
    memcpy(out->spacing, spacing, sizeof out->spacing);
    out->data = data;
    return PLEAT_OK;
}

void pleat_image_free(pleat_image *image) {
    free(image->data);
    *image = (pleat_image){0};
}

void pleat_label_free(pleat_label *label) {
    free(label->data);
    *label = (pleat_label){0};
}
