/* checksum.c - checksums of whole files, by nettle. */
#include "pleat/checksum.h"

#include "pleat/file.h"
#include "pleat/halt.h"
#include "pleat/log.h"

#include <errno.h>
#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <nettle/version.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

typedef struct sums {
    struct sha256_ctx sha256;
    struct md5_ctx md5;
} sums;

static void sums_begin(sums *s) {
    sha256_init(&s->sha256);
    md5_init(&s->md5);
}

static void sums_add(sums *s, pleat_checksum_kind kind, const uint8_t *bytes, size_t n) {
    if (kind == PLEAT_MD5)
        md5_update(&s->md5, n, bytes);
    else
        sha256_update(&s->sha256, n, bytes);
}

static void sums_end(sums *s, pleat_checksum_kind kind, char out[PLEAT_CHECKSUM_BYTES]) {
    uint8_t digest[SHA256_DIGEST_SIZE];
    const size_t n = kind == PLEAT_MD5 ? MD5_DIGEST_SIZE : SHA256_DIGEST_SIZE;
    if (kind == PLEAT_MD5)
        md5_digest(&s->md5, n, digest);
    else
        sha256_digest(&s->sha256, n, digest);
    for (size_t i = 0; i < n; i++) (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

pleat_status pleat_checksum_file(const char *path, pleat_checksum_kind kind,
                                 char out[PLEAT_CHECKSUM_BYTES]) {
    pleat_status status = PLEAT_OK;
    uint8_t *piece = NULL;
    int64_t size = 0, done = 0;
    int fd = -1;
    sums s;
    PLEAT_TRY(pleat_file_open(path, &fd, &size));
    piece = malloc(PIECE);
    PLEAT_CHECK_GOTO(status, done, piece != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", path);
    sums_begin(&s);
    pleat_progress_anew();
    for (;;) {
        const ssize_t got = read(fd, piece, PIECE);
        if (got < 0 && errno == EINTR) continue;
        PLEAT_CHECK_GOTO(status, done, got >= 0, PLEAT_ERR_IO, "cannot read '%s': %s", path,
                         strerror(errno));
        if (got == 0) break;
        sums_add(&s, kind, piece, (size_t)got);
        done += got;
        const pleat_halt halt = pleat_halt_look(0.0);
        PLEAT_CHECK_GOTO(status, done, pleat_halt_status(halt) == PLEAT_OK, pleat_halt_status(halt),
                         "%s while '%s' was checked; the same command resumes",
                         pleat_halt_name(halt), path);
        if (done / 1000000 < size / 1000000)
            pleat_progress("checksum, MB", (size_t)(done / 1000000), (size_t)(size / 1000000), "");
    }
    sums_end(&s, kind, out);
done:
    free(piece);
    (void)close(fd);
    return status;
}

void pleat_checksum_nettle_version(char *out, size_t size) {
    (void)snprintf(out, size, "%d.%d", nettle_version_major(), nettle_version_minor());
}
