/*
 * config.c - reads the configuration by the rows of config_table.c.
 *
 *   YAML file --libyaml--> key path, text --+
 *   PLEAT_* ------------------------------- +--> set(row, text) --> pleat_config
 *   --set key=value ------------------------+
 */
#include "config_table.h"
#include "config_yaml.h"

#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/nearest.h"
#include "pleat/text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MAX_TEXT PLEAT_CLASSES_BYTES /* the longest there is */

static int is_name(const char *known, const char *word, size_t length, const char *on) {
    return strncmp(known, word, length) == 0 &&
           (known[length] == '\0' || strcmp(known + length, on) == 0);
}

const config_row *pleat_config_find(const char *key) {
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++)
        if (is_name(row->key, key, strlen(key), ".on")) return row;
    return NULL;
}

static pleat_status unknown(const char *where, const char *key) {
    char hint[PLEAT_HINT_BYTES];
    pleat_nearest near = pleat_nearest_to(key);
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++)
        pleat_nearest_look(&near, row->key);
    return PLEAT_FAIL(PLEAT_ERR_ARG, "%s: unknown key '%s';%s `pleat config` lists all", where, key,
                      pleat_nearest_hint(&near, hint));
}

static int number(const char *text, double *out) {
    char *end = NULL;
    errno = 0;
    *out = strtod(text, &end);
    while (isspace((unsigned char)*end)) end++;
    return end != text && *end == '\0' && errno == 0 && isfinite(*out);
}

/* "1, 2, 3" or "[1, 2, 3]" -> numbers; returns how many, -1 when one is not a number. */
static int numbers(const char *text, double *out, int most) {
    char copy[MAX_TEXT];
    int n = 0;
    (void)snprintf(copy, sizeof copy, "%s", text);
    char *save = NULL;
    for (char *part = strtok_r(copy, "[], x\t", &save); part != NULL;
         part = strtok_r(NULL, "[], x\t", &save)) {
        if (n == most || !number(part, &out[n])) return -1;
        n++;
    }
    return n;
}

static int is_none(const char *text) {
    return strcmp(text, "none") == 0 || strcmp(text, "null") == 0 || strcmp(text, "~") == 0 ||
           strcmp(text, "false") == 0 || strcmp(text, "off") == 0 || strcmp(text, "no") == 0 ||
           text[0] == '\0';
}

static int boolean(const char *text) {
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(text, yes[i]) == 0) return 1;
        if (strcmp(text, no[i]) == 0) return 0;
    }
    return -1;
}

double pleat_config_bytes(const char *text) {
    const char *units = "KMGT";
    char *end = NULL;
    const double value = strtod(text, &end);
    if (end == text || !isfinite(value) || value < 0) return -1;
    if (*end == '\0') return floor(value);
    const char *unit = strchr(units, toupper((unsigned char)*end));
    if (unit == NULL || (end[1] != '\0' && strcasecmp(end + 1, "B") != 0)) return -1;
    return floor(value * pow(1024.0, (double)(unit - units + 1)));
}

static pleat_status set_numbers(const config_row *row, const char *where, const char *text,
                                char *at, int *flag) {
    const int wanted = row->kind == VALUE_RANGE || row->kind == VALUE_RANGES_OR ? 2 : 3;
    double value[3];
    int n = numbers(text, value, 3);
    if (row->kind == VALUE_TRIPLE && n == 1) {
        value[2] = value[1] = value[0];
        n = 3;
    }
    const char *shape = wanted == 2 ? "two numbers, low and high" : "three numbers, x, y and z";
    PLEAT_CHECK(n == wanted, PLEAT_ERR_ARG, "%s: %s = '%s', must be %s%s", where, row->key, text,
                shape, flag != NULL ? ", or none" : "");
    for (int i = 0; i < wanted; i++)
        PLEAT_CHECK(value[i] >= row->low && value[i] <= row->high, PLEAT_ERR_ARG,
                    "%s: %s = '%s', must lie between %g and %g", where, row->key, text, row->low,
                    row->high);
    for (int i = 0; i < wanted; i++)
        PLEAT_CHECK(row->kind != VALUE_SIZE || value[i] == floor(value[i]), PLEAT_ERR_ARG,
                    "%s: %s = '%s', must be whole numbers", where, row->key, text);
    PLEAT_CHECK(wanted == 3 || value[0] <= value[1], PLEAT_ERR_ARG,
                "%s: %s = '%s', low is above high", where, row->key, text);
    for (int i = 0; i < wanted; i++) {
        if (row->kind == VALUE_SIZE)
            ((int *)(void *)at)[2 - i] = (int)value[i];
        else if (row->kind == VALUE_SPACING_OR || row->kind == VALUE_TRIPLE)
            ((double *)(void *)at)[2 - i] = value[i];
        else
            ((double *)(void *)at)[i] = value[i];
    }
    if (flag != NULL) *flag = 1;
    return PLEAT_OK;
}

static pleat_status set_number(const config_row *row, const char *where, const char *text,
                               char *at) {
    double value = 0;
    PLEAT_CHECK(number(text, &value) && value >= row->low && value <= row->high &&
                    (row->kind == VALUE_REAL || value == floor(value)),
                PLEAT_ERR_ARG, "%s: %s = '%s', must be a%s number between %g and %g", where,
                row->key, text, row->kind == VALUE_REAL ? "" : " whole", row->low, row->high);
    if (row->kind == VALUE_REAL)
        *(double *)(void *)at = value;
    else
        *(int *)(void *)at = (int)value;
    return PLEAT_OK;
}

static pleat_status set_text(const config_row *row, const char *where, const char *text, char *at) {
    PLEAT_CHECK(pleat_text_is_plain(text), PLEAT_ERR_ARG,
                "%s: %s = '%s' is not UTF-8 or has a control character; rename it", where, row->key,
                text);
    const int list = (row->marks & LISTED) != 0 && text[0] == '[' && text[strlen(text) - 1] == ']';
    const size_t n = strlen(text) - 2 * (size_t)list;
    PLEAT_CHECK(n < (size_t)row->low, PLEAT_ERR_ARG, "%s: %s is longer than %d characters", where,
                row->key, (int)row->low - 1);
    (void)snprintf(at, (size_t)row->low, "%.*s", (int)n, text + list);
    return PLEAT_OK;
}

static pleat_status set_choice(const config_row *row, const char *where, const char *text,
                               int *at) {
    char known[1024] = "";
    for (int i = 0; row->name(i) != NULL; i++) {
        if (strcmp(row->name(i), text) == 0) {
            *at = i;
            return PLEAT_OK;
        }
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? "|" : "", row->name(i));
    }
    return PLEAT_FAIL(PLEAT_ERR_ARG, "%s: %s = '%s', must be one of %s", where, row->key, text,
                      known);
}

static pleat_status set_flag(const config_row *row, const char *where, const char *text, char *at) {
    const int value = boolean(text);
    PLEAT_CHECK(value >= 0, PLEAT_ERR_ARG, "%s: %s = '%s', must be true or false", where, row->key,
                text);
    *(int *)(void *)at = value;
    return PLEAT_OK;
}

/* How long the item is that `text` begins with: up to a gap that lies in no brackets. */
static size_t item(const char *text, const char *gaps) {
    size_t n = 0;
    for (int depth = 0; text[n] != '\0' && (depth > 0 || strchr(gaps, text[n]) == NULL); n++)
        depth += (text[n] == '[') - (text[n] == ']');
    return n;
}

/* The n first characters, without the blanks around them. */
static void trim(const char *text, size_t n, char out[MAX_TEXT]) {
    while (n > 0 && isspace((unsigned char)text[n - 1])) n--;
    const size_t blanks = strspn(text, " \t") < n ? strspn(text, " \t") : n;
    (void)snprintf(out, MAX_TEXT, "%.*s", (int)(n - blanks), text + blanks);
}

/* "low,high;none", "[low,high],none" and "none,none" are lists of ranges; "low,high" is one. */
static const char *range_gaps(const char *text) {
    if (text[item(text, ";")] == ';') return ";";
    for (size_t n = 0;; text += n + 1) {
        char one[MAX_TEXT];
        n = item(text, ",");
        trim(text, n, one);
        if (one[0] == '[' || is_none(one)) return ",";
        if (text[n] == '\0') return "";
    }
}

/* One value for all channels, or a list: the last is for those after it too. */
static pleat_status set_channels(const config_row *row, const char *where, const char *text,
                                 pleat_config *config) {
    char all[MAX_TEXT], one[MAX_TEXT];
    trim(text, strlen(text), all);
    const char *at = all;
    const size_t close = all[0] == '[' ? item(all + 1, "]") + 1 : 0;
    if (close > 0 && all[close] == ']' && all[close + 1] == '\0') {
        all[close] = '\0';
        at = all + 1;
    }
    const char *gaps = row->kind == VALUE_FLAGS ? ",;" : range_gaps(at);
    int last = 0;
    for (size_t k = 0; k < PLEAT_MAX_CHANNELS; k++) {
        const size_t step = k * sizeof(pleat_prep_steps);
        char *value = (char *)config + row->offset + step;
        int *on = (int *)(void *)((char *)config + row->flag + step);
        if (!last) {
            const size_t n = item(at, gaps);
            trim(at, n, one);
            last = at[n] == '\0';
            at += n + !last;
        }
        if (row->kind == VALUE_FLAGS)
            PLEAT_TRY(set_flag(row, where, one, value));
        else if (is_none(one))
            *on = 0;
        else
            PLEAT_TRY(set_numbers(row, where, one, value, on));
    }
    PLEAT_CHECK(last, PLEAT_ERR_ARG, "%s: %s has more than %d values", where, row->key,
                PLEAT_MAX_CHANNELS);
    return PLEAT_OK;
}

pleat_status pleat_config_set_row(const config_row *row, const char *where, const char *text,
                                  pleat_config *config) {
    char *at = (char *)config + row->offset;
    int *flag = row->kind == VALUE_SPACING_OR ? (int *)(void *)((char *)config + row->flag) : NULL;
    if (flag != NULL && is_none(text)) {
        *flag = 0;
        return PLEAT_OK;
    }
    switch (row->kind) {
    case VALUE_TEXT: return set_text(row, where, text, at);
    case VALUE_CHOICE: return set_choice(row, where, text, (int *)(void *)at);
    case VALUE_INTEGER:
    case VALUE_REAL: return set_number(row, where, text, at);
    case VALUE_UNSIGNED: {
        char *end = NULL;
        errno = 0;
        const unsigned long long value = strtoull(text, &end, 10);
        PLEAT_CHECK(isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0, PLEAT_ERR_ARG,
                    "%s: %s = '%s', must be a whole number", where, row->key, text);
        *(uint64_t *)(void *)at = value;
        return PLEAT_OK;
    }
    case VALUE_BOOLEAN: return set_flag(row, where, text, at);
    case VALUE_RANGES_OR:
    case VALUE_FLAGS: return set_channels(row, where, text, config);
    case VALUE_BYTES: {
        const double value = pleat_config_bytes(text);
        PLEAT_CHECK(value >= row->low && value <= row->high, PLEAT_ERR_ARG,
                    "%s: %s = '%s', must be a size such as 512M or 4G", where, row->key, text);
        *(double *)(void *)at = value;
        return PLEAT_OK;
    }
    default: return set_numbers(row, where, text, at, flag);
    }
}

pleat_status pleat_config_set_key(const char *where, const char *key, const char *text,
                                  pleat_config *config) {
    const config_row *row = pleat_config_find(key);
    if (row == NULL) return unknown(where, key);
    return pleat_config_give(row, where, text, config);
}

/* "key=value" -> the key, and where the value begins. */
static pleat_status split(const char *assignment, char key[128], const char **value) {
    const char *equals = strchr(assignment, '=');
    PLEAT_CHECK(equals != NULL && equals - assignment < 128, PLEAT_ERR_ARG,
                "--set '%s': must be key=value", assignment);
    (void)snprintf(key, 128, "%.*s", (int)(equals - assignment), assignment);
    *value = equals + 1;
    return PLEAT_OK;
}

pleat_status pleat_config_set(const char *assignment, pleat_config *config) {
    char key[128];
    const char *value = NULL;
    PLEAT_TRY(split(assignment, key, &value));
    return pleat_config_set_key("--set", key, value, config);
}

pleat_status pleat_config_set_predict(const char *assignment, pleat_config *config) {
    char key[128], allowed[256] = "";
    const char *value = NULL;
    PLEAT_TRY(split(assignment, key, &value));
    const config_row *wanted = pleat_config_find(key);
    if (wanted != NULL && (wanted->marks & PREDICT) != 0)
        return pleat_config_set_row(wanted, "--set", value, config);
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++) {
        const size_t used = strlen(allowed);
        if ((row->marks & PREDICT) != 0)
            (void)snprintf(allowed + used, sizeof allowed - used, "%s%s", used > 0 ? ", " : "",
                           row->key);
    }
    return PLEAT_FAIL(PLEAT_ERR_ARG, "--set '%s': a trained model is fixed; only %s may differ",
                      assignment, allowed);
}

/* PLEAT_TRAIN_EPOCHS of train.epochs. */
static void variable_of(const char *key, char name[128]) {
    size_t n = (size_t)snprintf(name, 128, "PLEAT_");
    for (const char *c = key; *c != '\0' && n < 127; c++)
        name[n++] = (char)(*c == '.' ? '_' : toupper((unsigned char)*c));
    name[n] = '\0';
}

/* The row of a variable's name; NULL when there is none. */
static const config_row *row_of(const char *variable, size_t length) {
    char name[128];
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++) {
        variable_of(row->key, name);
        if (is_name(name, variable, length, "_ON")) return row;
    }
    return NULL;
}

/* Variables that are not keys: of communicator, session, modules, plans, graphs, batch scripts,
 * tests; and what the files of a module system (Lmod, EasyBuild, Spack) set for any program. */
static int is_other(const char *variable, size_t length) {
    static const char *const ours[] = {"PLEAT_COMM_", "PLEAT_ALLOW_", "PLEAT_MODULE_",
                                       "PLEAT_PLAN_", "PLEAT_CUDA_",  "PLEAT_SLURM",
                                       "PLEAT_TEST_"};
    static const char *const of_modules[] = {"ROOT",    "HOME",   "DIR",  "BASE", "VERSION",
                                             "PATH",    "PREFIX", "BIN",  "LIB",  "INC",
                                             "INCLUDE", "NAME",   "ARCH", "SHARE"};
    const char *name = variable + strlen("PLEAT_");
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strncmp(variable, ours[i], strlen(ours[i])) == 0) return 1;
    for (size_t i = 0; i < sizeof of_modules / sizeof *of_modules; i++)
        if (is_name(of_modules[i], name, length - strlen("PLEAT_"), "")) return 1;
    return 0;
}

static int letters_apart(const char *a, const char *b) {
    pleat_nearest near = pleat_nearest_to(a);
    pleat_nearest_look(&near, b);
    return near.distance;
}

/* Whether a key was meant by an unknown variable, and which: the name is that of a key, of its last
 * word or of a section but for two letters; of several the one with the nearest whole name. */
static int was_meant(const char *variable, char meant[128]) {
    char name[128], section[128], known[128];
    int least = INT_MAX, least_whole = INT_MAX;
    (void)snprintf(name, sizeof name, "%s", variable + strlen("PLEAT_"));
    for (char *c = name; *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
    (void)snprintf(section, sizeof section, "%.*s", (int)strcspn(name, "_"), name);
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++) {
        char first[128];
        variable_of(row->key, known);
        (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(row->key, "."), row->key);
        const int whole = letters_apart(variable, known), word = letters_apart(name, row->key);
        int apart = whole;
        if (word < apart && word <= (int)strlen(name) / 2) apart = word;
        if (strcmp(first, row->key) != 0 && apart > 2 && letters_apart(section, first) <= 2)
            apart = 2;
        if (apart > least || (apart == least && whole >= least_whole)) continue;
        least = apart;
        least_whole = whole;
        (void)snprintf(meant, 128, "%s", known);
    }
    return least <= 2;
}

pleat_status pleat_config_environment(pleat_config *config) {
    for (char **entry = environ; *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        if (strncmp(*entry, "PLEAT_", 6) != 0 || equals == NULL) continue;
        const size_t length = (size_t)(equals - *entry);
        char name[128], meant[128];
        (void)snprintf(name, sizeof name, "%.*s", (int)length, *entry);
        const config_row *row = row_of(*entry, length);
        if (row != NULL) {
            PLEAT_TRY(pleat_config_give(row, name, equals + 1, config));
        } else if (!is_other(*entry, length)) {
            PLEAT_CHECK(!was_meant(name, meant), PLEAT_ERR_ARG,
                        "environment: %s is no key's variable; did you mean %s? Else unset it",
                        name, meant);
            pleat_log(PLEAT_INFO, "environment: %s is no key's variable and is ignored", name);
        }
    }
    return PLEAT_OK;
}

/* --- YAML ----------------------------------------------------------------------------------- */

typedef struct walk {
    yaml_document_t *document;
    const char *name;
    pleat_config *config;
    size_t *line; /* [rows] where a key has its value; 0: nowhere yet */
} walk;

/* Nested and with dots, "train: {epochs: 3}" and "train.epochs: 5", a key is the same. */
static pleat_status take_value(const walk *w, const yaml_node_t *node, const char *where,
                               const char *path, const char *text) {
    const config_row *row = pleat_config_find(path);
    if (row == NULL) return unknown(where, path);
    size_t *line = &w->line[row - pleat_config_rows];
    PLEAT_CHECK(*line == 0, PLEAT_ERR_ARG, "%s: '%s' is there twice, first in line %zu", where,
                row->key, *line);
    *line = node->start_mark.line + 1;
    return pleat_config_give(row, where, text, w->config);
}

static int has_list(const walk *w, const yaml_node_t *node) {
    int any = 0;
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++)
        any |= yaml_document_get_node(w->document, *item)->type == YAML_SEQUENCE_NODE;
    return any;
}

/* A sequence of scalars becomes "a,b,c"; one that holds such sequences too "a,b;c". */
static pleat_status sequence_text(const walk *w, const yaml_node_t *node, const char *where,
                                  const char *key, char out[MAX_TEXT]) {
    const config_row *row = pleat_config_find(key);
    const int lists = has_list(w, node), may = row != NULL && row->kind == VALUE_RANGES_OR;
    size_t used = 0;
    out[0] = '\0';
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        const yaml_node_t *part = yaml_document_get_node(w->document, *item);
        char inner[MAX_TEXT];
        const char *text = inner;
        if (part->type == YAML_SEQUENCE_NODE && may && !has_list(w, part))
            PLEAT_TRY(sequence_text(w, part, where, key, inner));
        else if (part->type == YAML_SCALAR_NODE && strchr(config_yaml_text(part), ',') == NULL)
            text = config_yaml_text(part);
        else
            return PLEAT_FAIL(PLEAT_ERR_ARG, "%s: %s must be a list of plain values without commas",
                              where, key);
        const int more = snprintf(out + used, MAX_TEXT - used, "%s%s",
                                  used == 0 ? ""
                                  : lists   ? ";"
                                            : ",",
                                  text);
        used += (size_t)more;
        PLEAT_CHECK(used < MAX_TEXT, PLEAT_ERR_ARG, "%s: %s is too long", where, key);
    }
    return PLEAT_OK;
}

static pleat_status walk_node(const walk *w, const yaml_node_t *node, const char *path, int depth) {
    char where[640], text[MAX_TEXT], key[256];
    (void)snprintf(where, sizeof where, "%.500s line %zu", w->name, node->start_mark.line + 1);
    if (node->type == YAML_SCALAR_NODE)
        return take_value(w, node, where, path, config_yaml_text(node));
    if (node->type == YAML_SEQUENCE_NODE) {
        PLEAT_TRY(sequence_text(w, node, where, path, text));
        return take_value(w, node, where, path, text);
    }
    PLEAT_CHECK(depth < 4, PLEAT_ERR_ARG, "%s: '%s' is nested too deep", where, path);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(w->document, pair->key);
        PLEAT_CHECK(name->type == YAML_SCALAR_NODE, PLEAT_ERR_ARG, "%s: a key must be a word",
                    where);
        PLEAT_TRY(config_yaml_once(w->document, node, pair, w->name));
        (void)snprintf(key, sizeof key, "%.100s%s%.100s", path, path[0] != '\0' ? "." : "",
                       config_yaml_text(name));
        PLEAT_TRY(walk_node(w, yaml_document_get_node(w->document, pair->value), key, depth + 1));
    }
    return PLEAT_OK;
}

pleat_status pleat_config_parse(const char *text, size_t n, const char *name,
                                pleat_config *config) {
    yaml_parser_t parser = {0};
    yaml_document_t document = {0};
    pleat_status status = config_yaml_load(text, n, name, &parser, &document);
    if (status != PLEAT_OK) {
        yaml_parser_delete(&parser);
        return status;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&document);
    size_t rows = 0;
    while (pleat_config_rows[rows].key != NULL) rows++;
    size_t *line = calloc(rows + 1, sizeof *line);
    if (line == NULL)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory to read '%s'", name);
    else if (root != NULL && root->type != YAML_MAPPING_NODE)
        status = PLEAT_FAIL(PLEAT_ERR_ARG, "%s: must be a list of 'key: value' lines", name);
    else if (root != NULL)
        status = walk_node(&(walk){&document, name, config, line}, root, "", 0);
    free(line);
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return status;
}

pleat_status pleat_config_read(const char *path, pleat_config *config) {
    char *text = NULL;
    size_t n = 0;
    PLEAT_TRY(pleat_file_read_all(path, &text, &n));
    const pleat_status status = pleat_config_parse(text, n, path, config);
    free(text);
    return status;
}
