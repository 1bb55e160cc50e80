/* hdf5_parts.c - fields and blocks of HDF5 files. */
#include "hdf5_parts.h"

#include "pleat/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EACH = 256 };                  /* of the budget, for any part that is read */
#define PREAD_BYTES ((size_t)1 << 30) /* Linux moves at most 2 GiB - 4 KiB at once */

const unsigned char *hdf5_take_all(hdf5_bytes *from, size_t n) {
    const unsigned char *at = from->at;
    if (from->bad || from->left < n) {
        from->bad = 1;
        return NULL;
    }
    from->at += n;
    from->left -= n;
    return at;
}

uint64_t hdf5_take(hdf5_bytes *from, size_t n) {
    const unsigned char *byte = hdf5_take_all(from, n);
    uint64_t value = 0;
    for (size_t i = n; byte != NULL && i-- > 0;) value = value << 8 | byte[i];
    return value;
}

void hdf5_expect(hdf5_bytes *from, const void *bytes, size_t n) {
    const unsigned char *at = hdf5_take_all(from, n);
    if (at != NULL && memcmp(at, bytes, n) != 0) from->bad = 1;
}

pleat_status hdf5_refuse(const hdf5_file *file, const char *part) {
    return PLEAT_FAIL(PLEAT_ERR_FORMAT, "'%s' is damaged, or %s: its %s; %s", file->path,
                      file->budget == NULL ? "not a file of pleat" : "of a kind not read here",
                      part, file->advice);
}

pleat_status hdf5_read(const hdf5_file *file, uint64_t at, void *out, size_t n) {
    for (size_t done = 0; done < n;) {
        const size_t part = n - done < PREAD_BYTES ? n - done : PREAD_BYTES;
        const ssize_t got = pread(file->fd, (char *)out + done, part, (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        PLEAT_CHECK(got >= 0, pleat_file_status(errno), "cannot read '%s': %s", file->path,
                    strerror(errno));
        if (got == 0) return hdf5_refuse(file, "end came while it was read");
        done += (size_t)got;
    }
    return PLEAT_OK;
}

pleat_status hdf5_fetch(const hdf5_file *file, uint64_t at, uint64_t n, unsigned char **out) {
    if (n == 0 || n > file->size || at > file->size - n)
        return hdf5_refuse(file, "parts lie beyond its end");
    if (file->budget != NULL) {
        if (n + EACH > *file->budget) return hdf5_refuse(file, "parts are read again and again");
        *file->budget -= n + EACH;
    }
    unsigned char *bytes = malloc(n);
    PLEAT_CHECK(bytes != NULL, PLEAT_ERR_MEMORY, "no memory for %llu bytes of '%s'",
                (unsigned long long)n, file->path);
    const pleat_status status = hdf5_read(file, at, bytes, n);
    if (status == PLEAT_OK)
        *out = bytes;
    else
        free(bytes);
    return status;
}

pleat_status hdf5_fetch_block(const hdf5_file *file, uint64_t at, uint64_t n,
                              const char signature[5], unsigned char **out, hdf5_bytes *body) {
    unsigned char *bytes = NULL;
    if (n < 8) return hdf5_refuse(file, "blocks are too small");
    PLEAT_TRY(hdf5_fetch(file, at, n, &bytes));
    hdf5_bytes end = {bytes + n - 4, 4, 0};
    if (memcmp(bytes, signature, 4) != 0 ||
        !hdf5_is_checksum((uint32_t)hdf5_take(&end, 4), bytes, n - 4)) {
        free(bytes);
        return hdf5_refuse(file, "checksums are not those of its contents");
    }
    *body = (hdf5_bytes){bytes + 4, n - 8, 0};
    *out = bytes;
    return PLEAT_OK;
}
