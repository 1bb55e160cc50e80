/*
 * download.h - one file over HTTP, by libcurl, whatever the network does.
 *
 *   FOLDER/NAME.part   what has come of it; kept when the process ends, however it ends
 *   FOLDER/NAME.from   where it came from: address, ETag, date, size
 *
 * The next start asks for the rest (Range), on the condition (If-Range) that the file is still the
 * one that was begun, RFC 9110 sections 13.1.5 and 14. A connection that is cut or silent is made
 * again, as is one answered 408, 425, 429 or 5xx: after a wait that doubles, or that Retry-After
 * says. Redirections are followed, from HTTPS to HTTPS only. Proxies are those of the usual
 * variables (https_proxy, http_proxy, all_proxy, no_proxy); certificates those of the system, or
 * of SSL_CERT_FILE, SSL_CERT_DIR or CURL_CA_BUNDLE.
 */
#ifndef PLEAT_DOWNLOAD_H
#define PLEAT_DOWNLOAD_H

#include "pleat/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_download {
    const char *url;  /* http:// or https://, without a password */
    const char *part; /* FOLDER/NAME.part */
    const char *from; /* FOLDER/NAME.from */
    int checked;      /* a checksum is known: then a part is resumed though the server says nothing
                         by which to tell that the file is the same */
    int64_t most;     /* bytes; what is longer is refused */
    int tries;        /* in succession without a byte more, before it is given up */
    double wait_s;    /* before the second try; doubles to at most a minute */
    int stall_s;      /* a connection silent for so long is made again */
} pleat_download;

/* Until `part` is whole. *resumed is 1 when it began with bytes of an earlier connection. ERR_IO:
 * the server, the network or the disk, with what to do; ERR_UNSUPPORTED: a build without libcurl;
 * ERR_INTERRUPTED, ERR_REQUEUE: a signal (pleat/halt.h). What has come is kept. */
pleat_status pleat_download_file(const pleat_download *what, int *resumed);

/* "7.88.1"; "none" in a build that cannot fetch. */
void pleat_download_curl_version(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_DOWNLOAD_H */
