/*
 * manifest.h - a small file that says what a data set is made of, for pleat fetch.
 *
 *   name: chest                        # optional, as is licence
 *   licence: CC BY 4.0, cite ...
 *   files:
 *     - url: https://example.org/images.zip
 *       sha256: a5060480...            # or md5; without either the file is not checked
 *       layout: images                 # folder (default), images, labels: pleat/fetch.h
 *     - url: https://example.org/download?id=7
 *       name: masks.zip                # where the address does not end in it
 *       layout: labels
 *
 * YAML, or the same as JSON. Where there is one file its keys may stand at the top.
 */
#ifndef PLEAT_MANIFEST_H
#define PLEAT_MANIFEST_H

#include "pleat/fetch.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ERR_ARG names file, line and key. */
pleat_status pleat_manifest_parse(const char *text, size_t n, const char *name,
                                  pleat_fetch_set *out);

/* The same of the file `path`. ERR_NOT_FOUND, ERR_IO. */
pleat_status pleat_manifest_read(const char *path, pleat_fetch_set *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_MANIFEST_H */
