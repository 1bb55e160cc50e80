/* options.c - reads a command line by a table, and prints the table as help. */
#include "options.h"

#include "pleat/log.h"
#include "pleat/nearest.h"
#include "pleat/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const option *find(const option *rows, const char *word, size_t length) {
    for (const option *row = rows; row->name != NULL; row++)
        if (strlen(row->name) == length && strncmp(row->name, word, length) == 0) return row;
    return NULL;
}

static pleat_status whole(const char *name, const char *text, int *out) {
    char *end = NULL;
    errno = 0;
    const long value = strtol(text, &end, 10);
    PLEAT_CHECK(end != text && *end == '\0' && errno == 0 && value >= INT_MIN && value <= INT_MAX,
                PLEAT_ERR_ARG, "%s '%s': must be a whole number", name, text);
    *out = (int)value;
    return PLEAT_OK;
}

/* "XxYxZ" -> D, H, W */
static pleat_status sizes(const char *name, const char *text, int out[3]) {
    const char *at = text;
    for (int axis = 2; axis >= 0; axis--) {
        char *end = NULL;
        errno = 0;
        const long value = strtol(at, &end, 10);
        PLEAT_CHECK(end != at && *end == (axis > 0 ? 'x' : '\0') && errno == 0 && value >= 0 &&
                        value <= INT_MAX,
                    PLEAT_ERR_ARG, "%s '%s': must be a size x, y, z such as 160x160x80", name,
                    text);
        out[axis] = (int)value;
        at = end + 1;
    }
    return PLEAT_OK;
}

static pleat_status push(text_list *list, const char *text) {
    PLEAT_CHECK(list->n < MAX_LIST, PLEAT_ERR_ARG, "more than %d values on the command line",
                MAX_LIST);
    list->item[list->n++] = text;
    return PLEAT_OK;
}

static pleat_status take(const option *row, const char *text) {
    PLEAT_CHECK(text[0] != '\0', PLEAT_ERR_ARG, "%s '': its value is empty; is a variable not set?",
                row->name);
    switch (row->kind) {
    case OPTION_TEXT: *(const char **)row->value = text; return PLEAT_OK;
    case OPTION_INT: return whole(row->name, text, row->value);
    case OPTION_LIST: return push(row->value, text);
    case OPTION_SIZE: return sizes(row->name, text, row->value);
    case OPTION_FLAG: break;
    }
    return PLEAT_FAIL(PLEAT_ERR_ARG, "%s takes no value", row->name);
}

static pleat_status unknown(const option *rows, const char *word, size_t length, const char *verb) {
    char name[64], hint[PLEAT_HINT_BYTES];
    (void)snprintf(name, sizeof name, "%.*s", (int)length, word);
    pleat_nearest near = pleat_nearest_to(name);
    for (const option *row = rows; row->name != NULL; row++) pleat_nearest_look(&near, row->name);
    return PLEAT_FAIL(PLEAT_ERR_ARG, "unknown option '%s';%s see pleat %s --help", word,
                      pleat_nearest_hint(&near, hint), verb);
}

pleat_status options_parse(const option *rows, const char *verb, int argc, char **argv,
                           text_list *words, int *help) {
    int ended = 0; /* "--" was there: the rest are words, whatever they begin with */
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!ended && strcmp(word, "--") == 0) {
            ended = 1;
            continue;
        }
        if (ended || word[0] != '-' || word[1] == '\0') {
            PLEAT_CHECK(word[0] != '\0', PLEAT_ERR_ARG,
                        "an argument of %s is empty; is a variable not set?", verb);
            PLEAT_TRY(push(words, word));
            continue;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            *help = 1;
            return PLEAT_OK;
        }
        if (strcmp(word, "-v") == 0 || strcmp(word, "-q") == 0) {
            pleat_log_set_level(word[1] == 'v' ? PLEAT_DEBUG : PLEAT_QUIET);
            continue;
        }
        const char *equals = strchr(word, '=');
        const size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
        const option *row = find(rows, word, length);
        if (row == NULL) return unknown(rows, word, length, verb);
        if (row->kind == OPTION_FLAG && equals == NULL) {
            *(int *)row->value = 1;
            continue;
        }
        PLEAT_CHECK(equals != NULL || i + 1 < argc, PLEAT_ERR_ARG, "%s needs a value: %s %s", word,
                    word, row->argument);
        PLEAT_TRY(take(row, equals != NULL ? equals + 1 : argv[++i]));
    }
    return PLEAT_OK;
}

void options_print(FILE *out, const option *rows, int columns) {
    enum { LEFT = 24, INDENT = 2 + LEFT + 1 };
    for (const option *row = rows; row->name != NULL; row++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%s%s%s", row->name, row->argument != NULL ? " " : "",
                       row->argument != NULL ? row->argument : "");
        (void)fprintf(out, "  %-*s ", LEFT, left);
        if (strlen(left) > LEFT) (void)fprintf(out, "\n%*s", INDENT, "");
        pleat_text_wrap(out, row->help, INDENT, columns);
    }
}
