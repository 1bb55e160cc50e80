/* json.c - text parsed as JSON, text that JSON can hold, numbers that it cannot. */
#include "pleat/json.h"

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
