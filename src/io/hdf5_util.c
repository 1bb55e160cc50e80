/* hdf5_util.c - HDF5 files, attributes and contiguous datasets, with errors in words. */
#include "hdf5_util.h"

#include "pleat/file.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MEMORY_STEP ((size_t)1 << 20) /* by which a file in memory grows */

/* The library keeps process-wide state of its own, so its lock is process-wide too, and with it
 * what its calls met since the lock was taken: an errno, or 0. */
static struct {
    pthread_mutex_t lock;
    int met;
} library = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* HDF5 says "... failed: ..., errno = 5, error message = 'Input/output error', ..." of its own
 * system calls, and of memory no more than that there was no space. */
static herr_t note_error(unsigned n, const H5E_error2_t *error, void *met) {
    const char *at = error->desc != NULL ? strstr(error->desc, "errno = ") : NULL;
    const int why = at != NULL ? (int)strtol(at + strlen("errno = "), NULL, 10) : 0;
    (void)n;
    if (why != 0)
        *(int *)met = why;
    else if (*(int *)met == 0 && error->min_num == H5E_NOSPACE)
        *(int *)met = ENOMEM;
    return 0;
}

static herr_t note_errors(hid_t stack, void *met) {
    return H5Ewalk2(stack, H5E_WALK_UPWARD, note_error, met);
}

void pleat_hdf5_lock(void) {
    (void)pthread_mutex_lock(&library.lock);
    library.met = 0;
    (void)H5Eset_auto2(H5E_DEFAULT, note_errors, &library.met);
}

void pleat_hdf5_unlock(void) { (void)pthread_mutex_unlock(&library.lock); }

pleat_status pleat_hdf5_damaged(const pleat_hdf5 *file, const char *what, const char *name) {
    PLEAT_CHECK(library.met == 0, pleat_file_status(library.met), "cannot read '%s': %s",
                file->path, strerror(library.met));
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
    pleat_hdf5 file = {.id = H5I_INVALID_HID, .advice = "write it again", .being_written = 1};
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

static pleat_status open_by(hid_t access, const char *name, pleat_hdf5 *file) {
    file->id = H5Fopen(name, H5F_ACC_RDONLY, access);
    (void)H5Pclose(access);
    return file->id >= 0
               ? PLEAT_OK
               : pleat_hdf5_damaged(file, "not an HDF5 file, or one that was cut short", NULL);
}

pleat_status pleat_hdf5_open(const char *path, const char *advice, pleat_hdf5 *out) {
    pleat_hdf5 file = {.id = H5I_INVALID_HID, .advice = advice};
    struct stat st;
    PLEAT_TRY(pleat_path(file.path, sizeof file.path, "%s", path));
    PLEAT_CHECK(stat(path, &st) == 0, pleat_file_status(errno), "cannot read '%s': %s", path,
                strerror(errno));
    PLEAT_CHECK(!S_ISDIR(st.st_mode), PLEAT_ERR_IO, "cannot read '%s': it is a folder", path);
    file.size = st.st_size;
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    (void)H5Pset_file_locking(access, 0, 1);
    PLEAT_TRY(open_by(access, path, &file));
    *out = file;
    return PLEAT_OK;
}

/* HDF5 takes bytes in memory by copies of its own, three at a time, unless it is told how memory is
 * had: all of these give it the one buffer there is, which is ours to free. */
static void *image_malloc(size_t size, H5FD_file_image_op_t op, void *bytes) {
    (void)size, (void)op;
    return bytes;
}
static void *image_memcpy(void *to, const void *from, size_t n, H5FD_file_image_op_t op, void *b) {
    (void)op, (void)b;
    return to == from ? to : memcpy(to, from, n);
}
static herr_t image_free(void *bytes, H5FD_file_image_op_t op, void *b) {
    (void)bytes, (void)op, (void)b;
    return 0;
}
static void *same_buffer(void *bytes) { return bytes; }
static herr_t keep_buffer(void *bytes) {
    (void)bytes;
    return 0;
}

pleat_status pleat_hdf5_load(const char *path, const char *advice, pleat_hdf5 *out) {
    pleat_hdf5 file = {.id = H5I_INVALID_HID, .advice = advice};
    char name[sizeof file.path + 16]; /* HDF5 insists that no file has it */
    size_t size = 0;
    PLEAT_TRY(pleat_path(file.path, sizeof file.path, "%s", path));
    (void)snprintf(name, sizeof name, "%s/in memory", path);
    PLEAT_TRY(pleat_file_read_all(path, &file.bytes, &size));
    file.size = (int64_t)size;
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5FD_file_image_callbacks_t calls = {.image_malloc = image_malloc,
                                         .image_memcpy = image_memcpy,
                                         .image_free = image_free,
                                         .udata_copy = same_buffer,
                                         .udata_free = keep_buffer,
                                         .udata = file.bytes};
    (void)H5Pset_fapl_core(access, MEMORY_STEP, 0);
    (void)H5Pset_file_image_callbacks(access, &calls);
    (void)H5Pset_file_image(access, file.bytes, size);
    const pleat_status status = open_by(access, name, &file);
    if (status == PLEAT_OK)
        *out = file; /* and with it the bytes */
    else
        free(file.bytes);
    return status;
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
    const pleat_status status = file->being_written ? write_memory(file) : PLEAT_OK;
    (void)H5Fclose(file->id); /* memory, or a file that was only read */
    free(file->bytes);
    *file = (pleat_hdf5)PLEAT_HDF5_NONE;
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
static const char *inspect(hid_t set, hid_t wanted, int rank, hsize_t *dim, int64_t file_bytes,
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
    const hid_t set = H5Dopen2(file->id, name, H5P_DEFAULT);
    if (set < 0) return pleat_hdf5_damaged(file, "lacks the dataset", name);
    const char *wrong = inspect(set, type, rank, dim, file->size, offset);
    (void)H5Dclose(set);
    return wrong == NULL ? PLEAT_OK : pleat_hdf5_damaged(file, wrong, name);
}

pleat_status pleat_hdf5_get_array(const pleat_hdf5 *file, const char *name, hid_t type, void *out) {
    const hid_t set = H5Dopen2(file->id, name, H5P_DEFAULT);
    const herr_t got = set >= 0 ? H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) : -1;
    if (set >= 0) (void)H5Dclose(set);
    return got >= 0 ? PLEAT_OK : pleat_hdf5_damaged(file, "cannot read the dataset", name);
}

pleat_status pleat_hdf5_has(const pleat_hdf5 *file, const char *name, int *out) {
    const htri_t there = H5Lexists(file->id, name, H5P_DEFAULT);
    if (there < 0) return pleat_hdf5_damaged(file, "cannot look for the dataset", name);
    *out = there > 0;
    return PLEAT_OK;
}

pleat_status pleat_hdf5_has_attribute(const pleat_hdf5 *file, const char *name, int *out) {
    const htri_t there = H5Aexists(file->id, name);
    if (there < 0) return pleat_hdf5_damaged(file, "cannot look for the attribute", name);
    *out = there > 0;
    return PLEAT_OK;
}
