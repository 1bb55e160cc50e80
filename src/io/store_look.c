/* store_look.c - what an HDF5 file is, and what one case file says, without opening a store. */
#include "store_case.h"

#include <stdio.h>

pleat_status pleat_store_format(const char *path, char out[PLEAT_FORMAT_BYTES]) {
    pleat_hdf5_in *file = NULL;
    pleat_status status =
        pleat_hdf5_open(path, "name a checkpoint, a store or one of its cases", &file);
    if (status == PLEAT_OK) status = pleat_hdf5_get_text(file, "format", out, PLEAT_FORMAT_BYTES);
    pleat_hdf5_release(file);
    return status;
}

pleat_status pleat_store_look(const char *path, pleat_case_info *info,
                              char preprocessing[PLEAT_PREPROCESSING_BYTES]) {
    store_case one;
    PLEAT_TRY(store_case_load(path, &one));
    *info = one.info;
    (void)snprintf(preprocessing, PLEAT_PREPROCESSING_BYTES, "%s", one.preprocessing);
    return PLEAT_OK;
}

void pleat_store_hdf5_version(char *out, size_t size) {
    unsigned major = 0, minor = 0, release = 0;
    (void)H5get_libversion(&major, &minor, &release);
    (void)snprintf(out, size, "%u.%u.%u", major, minor, release);
}
