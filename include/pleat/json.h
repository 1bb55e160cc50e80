/*
 * json.h - what readers and writers of JSON need beside jansson: checksums, text, numbers.
 */
#ifndef PLEAT_JSON_H
#define PLEAT_JSON_H

#include "pleat/status.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_t; /* jansson's */

/* text[n] of the file `path`, with a byte-order mark of UTF-8 or without; keys that are there twice
 * are refused. ERR_FORMAT names file and line, and UTF-16. The caller decrefs `out`. */
pleat_status pleat_json_parse(const char *path, const char *text, size_t n, struct json_t **out);

/* Marks the object `root` as of `schema` and adds `checksum`, over schema and contents: what the
 * members say, not how they are spelt. ERR_MEMORY. */
pleat_status pleat_json_seal(struct json_t *root, const char *schema);
/* ERR_FORMAT when `root`, of the file `path`, is not what was sealed, or is of `schema` and has no
 * checksum; the message ends with `cure`. *sealed is 0 for an older schema, which has none. */
pleat_status pleat_json_check(const struct json_t *root, const char *path, const char *schema,
                              const char *cure, int *sealed);

/* Both with a file: sealed and written whole; read and checked. ERR_NOT_FOUND, ERR_IO, ERR_FORMAT
 * naming the line that is no JSON, ERR_MEMORY. The caller decrefs `out`. */
pleat_status pleat_json_write(struct json_t *root, const char *schema, const char *path);
pleat_status pleat_json_read(const char *path, const char *schema, const char *cure,
                             struct json_t **out, int *sealed);

/* A string of `text`, null of NULL. JSON is UTF-8: text that is not (a path, say) keeps its ASCII
 * and shows '?' for the rest. NULL when memory is out. */
struct json_t *pleat_json_text(const char *text);

/* A number; null where it is not finite, which JSON has no word for. */
struct json_t *pleat_json_real(double x);

/* As json_dumps with these flags, each real in the fewest digits that read back as the same number.
 * The caller frees; NULL when memory is out. */
char *pleat_json_dumps(const struct json_t *root, size_t flags);

/* The lines of `text`, a list; NULL when memory is out. */
struct json_t *pleat_json_lines(const char *text);

/* The warnings of this process (warn.h), a list of texts; then the lines of `more`, where it is
 * not NULL. */
struct json_t *pleat_json_warnings(const char *more);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_JSON_H */
