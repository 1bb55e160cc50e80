/* json_text.c - any text as JSON. */
#include "json_text.h"

#include <stdlib.h>
#include <string.h>

json_t *pleat_json_text(const char *text) {
    json_t *value = json_string(text);
    if (value != NULL) return value;
    char *ascii = strdup(text);
    for (char *c = ascii; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c >= 128) *c = '?';
    if (ascii != NULL) value = json_string(ascii);
    free(ascii);
    return value;
}
