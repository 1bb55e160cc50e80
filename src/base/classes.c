/* classes.c - a list of class names from text and back. */
#include "pleat/classes.h"

#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const blanks = " \t\r\n";

pleat_status pleat_classes_make(const char *const *name, int n, pleat_classes *out) {
    size_t bytes = 0;
    for (int i = 0; i < n; i++) bytes += sizeof *out->name + strlen(name[i]) + 1;
    *out = (pleat_classes){0};
    if (n == 0) return PLEAT_OK;
    for (int i = 0; i < n; i++)
        PLEAT_CHECK(pleat_text_is_plain(name[i]), PLEAT_ERR_ARG,
                    "the class name '%s' is not UTF-8 or has a control character; rename it",
                    name[i]);
    const char **list = malloc(bytes);
    PLEAT_CHECK(list != NULL, PLEAT_ERR_MEMORY, "no memory for %d class names", n);
    char *at = (char *)(list + n);
    for (int i = 0; i < n; i++) {
        const size_t length = strlen(name[i]) + 1;
        list[i] = memcpy(at, name[i], length);
        at += length;
    }
    *out = (pleat_classes){n, list};
    return PLEAT_OK;
}

/* Cuts `copy` at its commas into name[n], each without the blanks around it. */
static void cut(char *copy, const char **name, int n) {
    for (int i = 0; i < n; i++) {
        char *next = copy + strcspn(copy, ",");
        copy += strspn(copy, blanks);
        char *end = next;
        *next++ = '\0';
        while (end > copy && strchr(blanks, end[-1]) != NULL) *--end = '\0';
        name[i] = copy < end ? copy : "";
        copy = next;
    }
}

static pleat_status check(const char *text, const char *const *name, int n) {
    for (int i = 0; i < n; i++) {
        PLEAT_CHECK(name[i][0] != '\0', PLEAT_ERR_ARG, "classes '%s': a name is empty", text);
        for (int j = 0; j < i; j++)
            PLEAT_CHECK(strcmp(name[i], name[j]) != 0, PLEAT_ERR_ARG,
                        "classes '%s': '%s' comes twice", text, name[i]);
    }
    return PLEAT_OK;
}

pleat_status pleat_classes_parse(const char *text, pleat_classes *out) {
    pleat_status status = PLEAT_OK;
    const char *name[PLEAT_MAX_CLASSES];
    int n = 1;
    *out = (pleat_classes){0};
    if (text[strspn(text, blanks)] == '\0') return PLEAT_OK;
    for (const char *c = text; *c != '\0'; c++) n += *c == ',';
    PLEAT_CHECK(n <= PLEAT_MAX_CLASSES, PLEAT_ERR_ARG, "classes names %d, at most %d are possible",
                n, PLEAT_MAX_CLASSES);
    char *copy = strdup(text);
    PLEAT_CHECK(copy != NULL, PLEAT_ERR_MEMORY, "no memory for %d class names", n);
    cut(copy, name, n);
    PLEAT_TRY_GOTO(status, done, check(text, name, n));
    PLEAT_TRY_GOTO(status, done, pleat_classes_make(name, n, out));
done:
    free(copy);
    return status;
}

pleat_status pleat_classes_text(const pleat_classes *classes, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < classes->n; i++) {
        PLEAT_CHECK(strchr(classes->name[i], ',') == NULL, PLEAT_ERR_ARG,
                    "the class name '%s' holds a comma; rename it", classes->name[i]);
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? "," : "", classes->name[i]);
        PLEAT_CHECK(used < size, PLEAT_ERR_ARG,
                    "the names of %d classes are longer than %zu bytes; shorten them", classes->n,
                    size - 1);
    }
    return PLEAT_OK;
}

void pleat_classes_free(pleat_classes *classes) {
    free(classes->name);
    *classes = (pleat_classes){0};
}
