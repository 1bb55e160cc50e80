/* store_look.c - what an HDF5 file is, and what one case file says, without opening a store. */
#include "store_case.h"

#include <stdio.h>

pleat_status pleat_store_format(const char *path, char out[PLEAT_FORMAT_BYTES]) {
    pleat_hdf5 file = PLEAT_HDF5_NONE;
    pleat_hdf5_lock();
    pleat_status status = pleat_hdf5_open(path, "it is none of pleat's files", &file);
    if (status == PLEAT_OK)
        status = pleat_hdf5_get_text(&file, file.id, "format", out, PLEAT_FORMAT_BYTES);
    (void)pleat_hdf5_close(&file);
    pleat_hdf5_unlock();
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
