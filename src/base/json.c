/* json.c - text parsed as JSON, checksums, text that JSON can hold, numbers that it cannot. */
#include "pleat/json.h"

#include "pleat/file.h"
#include "pleat/statistics.h"
#include "pleat/warn.h"

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
    char *dump = pleat_json_dumps(root, JSON_INDENT(2));
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

/* The real of text[n] in `out`, shorter than n; 0: it cannot be, or is no real. */
static size_t shorten(const char *text, size_t n, char out[PLEAT_NUMBER_BYTES + 2]) {
    char number[PLEAT_NUMBER_BYTES];
    if (n >= sizeof number || (memchr(text, '.', n) == NULL && memchr(text, 'e', n) == NULL))
        return 0;
    (void)snprintf(number, sizeof number, "%.*s", (int)n, text);
    (void)pleat_number(strtod(number, NULL), 15, out);
    if (out[strcspn(out, ".eE")] == '\0') memcpy(out + strlen(out), ".0", 3);
    return strlen(out) < n ? strlen(out) : 0;
}

char *pleat_json_dumps(const json_t *root, size_t flags) {
    char *text = json_dumps(root, flags | JSON_REAL_PRECISION(17)), *to = text;
    int quoted = 0;
    for (const char *at = text; at != NULL && *at != '\0';) {
        char number[PLEAT_NUMBER_BYTES + 2];
        const size_t n = quoted ? 0 : strspn(at, "+-.0123456789eE");
        const size_t less = n > 0 && *at != 'e' ? shorten(at, n, number) : 0;
        const size_t taken = n > 0 ? n : quoted && *at == '\\' ? 2 : 1;
        quoted ^= *at == '"';
        memmove(to, less > 0 ? number : at, less > 0 ? less : taken);
        to += less > 0 ? less : taken;
        at += taken;
    }
    if (to != NULL) *to = '\0';
    return text;
}

json_t *pleat_json_lines(const char *text) {
    json_t *list = json_array();
    for (const char *line = text; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        if (json_array_append_new(list, json_stringn(line, length)) != 0) {
            json_decref(list);
            return NULL;
        }
        line += length + (line[length] == '\n');
    }
    return list;
}

json_t *pleat_json_warnings(const char *more) {
    json_t *list = json_array(), *lines = more != NULL ? pleat_json_lines(more) : NULL;
    for (int i = 0; i < pleat_warn_count(); i++)
        (void)json_array_append_new(list, pleat_json_text(pleat_warn_text(i)));
    if (lines != NULL) (void)json_array_extend(list, lines);
    json_decref(lines);
    return list;
}
