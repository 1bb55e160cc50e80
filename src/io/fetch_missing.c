/* fetch_missing.c - in the place of what needs libcurl, libarchive and nettle, where one is not. */
#include "pleat/checksum.h"
#include "pleat/download.h"
#include "pleat/unpack.h"

#include <stdio.h>

/* PLEAT_FETCH_MISSING: the Debian packages, from CMake. */
static pleat_status missing(void) {
    return PLEAT_FAIL(PLEAT_ERR_UNSUPPORTED,
                      "this build cannot fetch: apt-get install " PLEAT_FETCH_MISSING
                      ", then configure and build again");
}

pleat_status pleat_download_file(const pleat_download *what, int *resumed) {
    (void)what, (void)resumed;
    return missing();
}

pleat_status pleat_checksum_file(const char *path, pleat_checksum_kind kind,
                                 char out[PLEAT_CHECKSUM_BYTES]) {
    (void)path, (void)kind, (void)out;
    return missing();
}

pleat_status pleat_unpack_archive(const pleat_unpack *how, pleat_unpacked_list *out) {
    (void)how, (void)out;
    return missing();
}

void pleat_download_curl_version(char *out, size_t size) { (void)snprintf(out, size, "none"); }
void pleat_unpack_archive_version(char *out, size_t size) { (void)snprintf(out, size, "none"); }
void pleat_checksum_nettle_version(char *out, size_t size) { (void)snprintf(out, size, "none"); }
