/* json.c - text that JSON can hold, numbers that it cannot. */
#include "pleat/json.h"

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
