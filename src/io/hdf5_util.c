/* hdf5_util.c - HDF5 files, attributes and contiguous datasets, with errors in words. */
#include "hdf5_util.h"

#include "pleat/file.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_STEP ((size_t)1 << 20) /* by which a file in memory grows */

/* The library keeps process-wide state of its own, so its lock is process-wide too. */
static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;

void pleat_hdf5_lock(void) {
    (void)pthread_mutex_lock(&library_lock);
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void pleat_hdf5_unlock(void) { (void)pthread_mutex_unlock(&library_lock); }

pleat_status pleat_hdf5_damaged(const pleat_hdf5 *file, const char *what, const char *name) {
    return PLEAT_FAIL(PLEAT_ERR_FORMAT, "'%s': %s%s%s%s; %s", file->path, what, name ? " '" : "",
                      name ? name : "", name ? "'" : "", file->advice);
}

static pleat_status not_written(const pleat_hdf5 *file, const char *name) {
    return PLEAT_FAIL(PLEAT_ERR_IO, "cannot write '%s' into '%s': %s", name, file->path,
                      errno != 0 ? strerror(errno) : "HDF5 refused it");
}

/* In memory until it is closed: HDF5 1.10 crashes, in H5Fclose or at the exit, when it cannot write
 * what it holds, for example to a full disk. */
pleat_status pleat_hdf5_create(const char *path, pleat_hdf5 *out) {
    pleat_hdf5 file = {.id = H5I_INVALID_HID, .advice = "write it again", .in_memory = 1};
    PLEAT_TRY(pleat_path(file.path, sizeof file.path, "%s", path));
    errno = 0;
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    (void)H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18);
    (void)H5Pset_fapl_core(access, MEMORY_STEP, 0);
    file.id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    (void)H5Pclose(access);
    PLEAT_CHECK(file.id >= 0, PLEAT_ERR_MEMORY, "no memory to make '%s'", path);
    *out = file;
    return PLEAT_OK;
}

pleat_status pleat_hdf5_open(const char *path, const char *advice, pleat_hdf5 *out) {
    pleat_hdf5 file = {.id = H5I_INVALID_HID, .advice = advice};
    PLEAT_TRY(pleat_path(file.path, sizeof file.path, "%s", path));
    /* HDF5 does not tell an absent or forbidden file from a damaged one. */
    PLEAT_CHECK(access(path, R_OK) == 0, errno == ENOENT ? PLEAT_ERR_NOT_FOUND : PLEAT_ERR_IO,
                "cannot read '%s': %s", path, strerror(errno));
    PLEAT_CHECK(!pleat_file_is_folder(path), PLEAT_ERR_IO, "cannot read '%s': it is a folder",
                path);
    const hid_t property = H5Pcreate(H5P_FILE_ACCESS);
    (void)H5Pset_file_locking(property, 0, 1);
    file.id = H5Fopen(path, H5F_ACC_RDONLY, property);
    (void)H5Pclose(property);
    if (file.id < 0)
        return pleat_hdf5_damaged(&file, "not an HDF5 file, or one that was cut short", NULL);
    *out = file;
    return PLEAT_OK;
}

static pleat_status write_memory(const pleat_hdf5 *file) {
    void **bytes = NULL; /* the core driver's handle is the address of its pointer to them */
    const ssize_t size =
        H5Fflush(file->id, H5F_SCOPE_LOCAL) >= 0 ? H5Fget_file_image(file->id, NULL, 0) : -1;
    PLEAT_CHECK(size > 0 && H5Fget_vfd_handle(file->id, H5P_DEFAULT, (void **)&bytes) >= 0,
                PLEAT_ERR_MEMORY, "no memory to make '%s'", file->path);
    return pleat_file_write(file->path, *bytes, (size_t)size);
}

pleat_status pleat_hdf5_close(pleat_hdf5 *file) {
    if (file->id < 0) return PLEAT_OK;
    const pleat_status status = file->in_memory ? write_memory(file) : PLEAT_OK;
    (void)H5Fclose(file->id); /* memory, or a file that was only read */
    file->id = H5I_INVALID_HID;
    return status;
}

/* ---- attributes ------------------------------------------------------------------------------ */

static hid_t make_space(int rank, const hsize_t *dim) {
    return rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, dim, NULL);
}

/* Of `size` bytes with the ending 0, so that the text stands in the object header, which carries a
 * checksum; text of variable length lies in a heap without one, where a damaged byte crashes HDF5
 * 1.10. */
static hid_t make_text_type(size_t size) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    (void)H5Tset_size(type, size);
    (void)H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

pleat_status pleat_hdf5_put_values(const pleat_hdf5 *file, hid_t at, const char *name, hid_t type,
                                   int rank, const hsize_t *dim, const void *values) {
    errno = 0;
    const hid_t space = make_space(rank, dim);
    const hid_t attribute = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const herr_t written = attribute >= 0 ? H5Awrite(attribute, type, values) : -1;
    if (attribute >= 0) (void)H5Aclose(attribute);
    (void)H5Sclose(space);
    return written >= 0 ? PLEAT_OK : not_written(file, name);
}

pleat_status pleat_hdf5_put_text(const pleat_hdf5 *file, hid_t at, const char *name,
                                 const char *value) {
    const hid_t type = make_text_type(strlen(value) + 1);
    const pleat_status status = pleat_hdf5_put_values(file, at, name, type, 0, NULL, value);
    (void)H5Tclose(type);
    return status;
}

/* 1 when the attribute holds rank and dim[rank] values of type's class. */
static int fits(hid_t attribute, H5T_class_t wanted, int rank, const hsize_t *dim) {
    hsize_t found[4] = {0};
    const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    int good = type >= 0 && space >= 0 && H5Tget_class(type) == wanted &&
               H5Sget_simple_extent_ndims(space) == rank &&
               H5Sget_simple_extent_dims(space, found, NULL) == rank;
    for (int i = 0; good && i < rank; i++) good = found[i] == dim[i];
    if (type >= 0) (void)H5Tclose(type);
    if (space >= 0) (void)H5Sclose(space);
    return good;
}

pleat_status pleat_hdf5_get_values(const pleat_hdf5 *file, hid_t at, const char *name, hid_t type,
                                   int rank, const hsize_t *dim, void *out) {
    const hid_t attribute = H5Aopen(at, name, H5P_DEFAULT);
    if (attribute < 0) return pleat_hdf5_damaged(file, "lacks the attribute", name);
    const int good =
        fits(attribute, H5Tget_class(type), rank, dim) && H5Aread(attribute, type, out) >= 0;
    (void)H5Aclose(attribute);
    return good ? PLEAT_OK : pleat_hdf5_damaged(file, "cannot use the attribute", name);
}

pleat_status pleat_hdf5_get_text(const pleat_hdf5 *file, hid_t at, const char *name, char *out,
                                 size_t size) {
    const hid_t attribute = H5Aopen(at, name, H5P_DEFAULT);
    if (attribute < 0) return pleat_hdf5_damaged(file, "lacks the attribute", name);
    const hid_t type = make_text_type(size), stored = H5Aget_type(attribute);
    const int good = fits(attribute, H5T_STRING, 0, NULL) && H5Tis_variable_str(stored) == 0 &&
                     H5Tget_size(stored) <= size && H5Aread(attribute, type, out) >= 0;
    out[size - 1] = '\0';
    if (stored >= 0) (void)H5Tclose(stored);
    (void)H5Tclose(type);
    (void)H5Aclose(attribute);
    return good ? PLEAT_OK : pleat_hdf5_damaged(file, "cannot use the attribute", name);
}

/* ---- datasets -------------------------------------------------------------------------------- */

pleat_status pleat_hdf5_put_array(const pleat_hdf5 *file, const char *name, hid_t type, int rank,
                                  const hsize_t *dim, const void *data) {
    errno = 0;
    const hid_t space = make_space(rank, dim);
    const hid_t set =
        H5Dcreate2(file->id, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const herr_t written = set >= 0 ? H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) : -1;
    if (set >= 0) (void)H5Dclose(set);
    (void)H5Sclose(space);
    return written >= 0 ? PLEAT_OK : not_written(file, name);
}

/* What is wrong with an open dataset, or NULL. */
static const char *inspect(hid_t set, hid_t wanted, int rank, hsize_t *dim, off_t file_bytes,
                           int64_t *offset) {
    const char *wrong = NULL;
    const hid_t type = H5Dget_type(set), space = H5Dget_space(set), made = H5Dget_create_plist(set);
    hsize_t bytes = H5Tget_size(wanted);
    if (H5Tequal(type, wanted) <= 0) {
        wrong = "unexpected type of dataset";
    } else if (H5Sget_simple_extent_ndims(space) != rank) {
        wrong = "unexpected shape of dataset";
    } else if (H5Pget_layout(made) != H5D_CONTIGUOUS) {
        wrong = "not contiguous is the dataset";
    } else {
        (void)H5Sget_simple_extent_dims(space, dim, NULL);
        for (int i = 0; i < rank; i++) {
            if (dim[i] == 0 || dim[i] > (hsize_t)file_bytes / bytes) bytes = 0;
            if (bytes == 0) break;
            bytes *= dim[i];
        }
        const haddr_t at = H5Dget_offset(set);
        if (bytes == 0 || at == HADDR_UNDEF || H5Dget_storage_size(set) != bytes ||
            at + bytes > (hsize_t)file_bytes)
            wrong = "incomplete dataset";
        *offset = (int64_t)at;
    }
    (void)H5Tclose(type);
    (void)H5Sclose(space);
    (void)H5Pclose(made);
    return wrong;
}

pleat_status pleat_hdf5_find_array(const pleat_hdf5 *file, const char *name, hid_t type, int rank,
                                   hsize_t *dim, int64_t *offset) {
    struct stat st;
    PLEAT_CHECK(stat(file->path, &st) == 0, PLEAT_ERR_IO, "cannot read '%s': %s", file->path,
                strerror(errno));
    const hid_t set = H5Dopen2(file->id, name, H5P_DEFAULT);
    if (set < 0) return pleat_hdf5_damaged(file, "lacks the dataset", name);
    const char *wrong = inspect(set, type, rank, dim, st.st_size, offset);
    (void)H5Dclose(set);
    return wrong == NULL ? PLEAT_OK : pleat_hdf5_damaged(file, wrong, name);
}

pleat_status pleat_hdf5_get_array(const pleat_hdf5 *file, const char *name, hid_t type, void *out) {
    const hid_t set = H5Dopen2(file->id, name, H5P_DEFAULT);
    const herr_t got = set >= 0 ? H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) : -1;
    if (set >= 0) (void)H5Dclose(set);
    return got >= 0 ? PLEAT_OK : pleat_hdf5_damaged(file, "cannot read the dataset", name);
}

int pleat_hdf5_has(const pleat_hdf5 *file, const char *name) {
    return H5Lexists(file->id, name, H5P_DEFAULT) > 0;
}
