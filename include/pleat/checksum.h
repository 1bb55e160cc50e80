/*
 * checksum.h - SHA-256 and MD5 of whole files, to tell that a download is what was published.
 *
 * MD5 (RFC 1321) tells damage, not intent: whoever wants to can make another file of the same MD5.
 * SHA-256 (FIPS 180-4) tells both. Data sets that publish MD5 alone are compared by that.
 */
#ifndef PLEAT_CHECKSUM_H
#define PLEAT_CHECKSUM_H

#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pleat_checksum_kind { PLEAT_NO_CHECKSUM, PLEAT_SHA256, PLEAT_MD5 } pleat_checksum_kind;

#define PLEAT_CHECKSUM_BYTES 65 /* SHA-256 in hexadecimal digits, and a 0 byte */

/* "SHA-256"; the hexadecimal digits that it has. */
const char *pleat_checksum_name(pleat_checksum_kind kind);
size_t pleat_checksum_digits(pleat_checksum_kind kind);

/* Lower-case digits, of SHA-256 where `kind` is none. ERR_NOT_FOUND, ERR_IO; ERR_INTERRUPTED or
 * ERR_REQUEUE at a signal (pleat/halt.h). */
pleat_status pleat_checksum_file(const char *path, pleat_checksum_kind kind,
                                 char out[PLEAT_CHECKSUM_BYTES]);

/* "3.8"; "none" in a build that cannot fetch. */
void pleat_checksum_nettle_version(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_CHECKSUM_H */
