/* json.c - text parsed as JSON, checksums, text that JSON can hold, numbers that it cannot. */
#include "pleat/json.h"

#include "pleat/file.h"

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

pleat_status pleat_json_parse(const char *path, const char *text, size_t n, json_t **out) {
    json_error_t error;
    const int mark = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    PLEAT_CHECK(n < 2 || (memcmp(text, "\xff\xfe", 2) != 0 && memcmp(text, "\xfe\xff", 2) != 0),
                PLEAT_ERR_FORMAT, "'%s' is text in UTF-16; save it as UTF-8", path);
    json_t *root = json_loadb(text + mark, n - (size_t)mark, JSON_REJECT_DUPLICATES, &error);
    PLEAT_CHECK(root != NULL, PLEAT_ERR_FORMAT, "'%s' line %d: not JSON: %s; correct it", path,
                error.line, error.text);
    *out = root;
    return PLEAT_OK;
}

#define CHECKSUM "checksum"

/* Over all members but the checksum, sorted, without blanks, numbers in full. */
static pleat_status digest_of(const json_t *root, char out[17]) {
    json_t *rest = json_copy((json_t *)root);
    char *text = NULL;
    if (rest != NULL) {
        (void)json_object_del(rest, CHECKSUM); /* -1: it has none */
        text = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    }
    json_decref(rest);
    PLEAT_CHECK(text != NULL, PLEAT_ERR_MEMORY, "no memory for a checksum");
    pleat_digest_hex(pleat_digest(0, text, strlen(text)), out);
    free(text);
    return PLEAT_OK;
}

pleat_status pleat_json_seal(json_t *root, const char *schema) {
    char digest[17] = "";
    PLEAT_CHECK(json_object_set_new(root, "schema", json_string(schema)) == 0, PLEAT_ERR_MEMORY,
                "no memory for a checksum");
    PLEAT_TRY(digest_of(root, digest));
    (void)json_object_del(root, CHECKSUM); /* so that it stands last */
    PLEAT_CHECK(json_object_set_new(root, CHECKSUM, json_string(digest)) == 0, PLEAT_ERR_MEMORY,
                "no memory for a checksum");
    return PLEAT_OK;
}

pleat_status pleat_json_check(const json_t *root, const char *path, const char *schema,
                              const char *cure, int *sealed) {
    const json_t *checksum = json_object_get(root, CHECKSUM);
    const char *of = json_string_value(json_object_get(root, "schema"));
    const char *said = json_string_value(checksum);
    char digest[17] = "";
    PLEAT_CHECK(checksum != NULL || of == NULL || strcmp(of, schema) != 0, PLEAT_ERR_FORMAT,
                "'%s' has lost its checksum, so it may have been changed; %s", path, cure);
    *sealed = checksum != NULL;
    if (checksum == NULL) return PLEAT_OK;
    PLEAT_TRY(digest_of(root, digest));
    PLEAT_CHECK(said != NULL && strcmp(said, digest) == 0, PLEAT_ERR_FORMAT,
                "'%s' is not as it was written: its contents have the checksum %s, it says %s; %s",
                path, digest, said != NULL ? said : "none", cure);
    return PLEAT_OK;
}

pleat_status pleat_json_write(json_t *root, const char *schema, const char *path) {
    PLEAT_TRY(pleat_json_seal(root, schema));
    char *dump = json_dumps(root, JSON_INDENT(2));
    PLEAT_CHECK(dump != NULL, PLEAT_ERR_MEMORY, "no memory to write '%s'", path);
    const pleat_status status = pleat_file_write_atomic(path, dump, strlen(dump));
    free(dump);
    return status;
}

pleat_status pleat_json_read(const char *path, const char *schema, const char *cure, json_t **out,
                             int *sealed) {
    char *text = NULL;
    size_t n = 0;
    json_error_t error;
    PLEAT_TRY(pleat_file_read_all(path, &text, &n));
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    free(text);
    PLEAT_CHECK(root != NULL, PLEAT_ERR_FORMAT, "'%s' line %d: %s; %s", path, error.line,
                error.text, cure);
    const pleat_status status = pleat_json_check(root, path, schema, cure, sealed);
    if (status == PLEAT_OK)
        *out = root;
    else
        json_decref(root);
    return status;
}

json_t *pleat_json_text(const char *text) {
    if (text == NULL) return json_null();
    json_t *plain = json_string(text);
    if (plain != NULL) return plain;
    char *copy = strdup(text);
    if (copy == NULL) return NULL;
    for (char *c = copy; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    plain = json_string(copy);
    free(copy);
    return plain;
}

json_t *pleat_json_real(double x) { return isfinite(x) ? json_real(x) : json_null(); }
