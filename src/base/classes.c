/*
 * classes.c - a list of classes from text and back, and the labels of files to those inside.
 *
 * A text is cut at its commas. Of each part, "name=1+2+3:1", the name stands before '=', the label
 * values behind it, and behind ':' what a prediction writes.
 */
#include "pleat/classes.h"

#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LABELS 256

#define WRONG_VALUE                                                                   \
    "classes '%s': '%s=%s'; a class is name=7, a region name=1+2+3:1, the last what " \
    "predictions write, labels are 0 to 254"

static const char *const blanks = " \t\r\n";
static const char *const ignored_name = "ignore";

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
        out->value[i] = (uint8_t)i;
    }
    out->n = n;
    out->name = list;
    return PLEAT_OK;
}

pleat_status pleat_classes_copy(const pleat_classes *classes, pleat_classes *out) {
    PLEAT_TRY(pleat_classes_make(classes->name, classes->n, out));
    const char **name = out->name;
    *out = *classes;
    out->name = name;
    return PLEAT_OK;
}

/* --- from text -------------------------------------------------------------------------------- */

typedef struct part {
    const char *name, *values; /* values NULL: not said */
} part;

/* Ends `text` at `end` and takes the blanks from around it. */
static const char *trimmed(char *text, char *end) {
    *end = '\0';
    text += strspn(text, blanks);
    while (end > text && strchr(blanks, end[-1]) != NULL) *--end = '\0';
    return text;
}

/* Cuts `copy` at its commas, and each of the n parts at its '='. */
static void cut(char *copy, part *parts, int n) {
    for (int i = 0; i < n; i++) {
        char *end = copy + strcspn(copy, ","), *equals = memchr(copy, '=', (size_t)(end - copy));
        if (equals != NULL) parts[i].values = trimmed(equals + 1, end);
        parts[i].name = trimmed(copy, equals != NULL ? equals : end);
        copy = end + 1;
    }
}

static pleat_status check_names(const char *text, const part *parts, int n) {
    for (int i = 0; i < n; i++) {
        PLEAT_CHECK(parts[i].name[0] != '\0', PLEAT_ERR_ARG, "classes '%s': a name is empty", text);
        for (int j = 0; j < i; j++)
            PLEAT_CHECK(strcmp(parts[i].name, parts[j].name) != 0, PLEAT_ERR_ARG,
                        "classes '%s': '%s' comes twice", text, parts[i].name);
    }
    return PLEAT_OK;
}

/* A label value at *text, which then stands behind it; -1: there is none. */
static int read_value(const char **text) {
    const char *at = *text + strspn(*text, blanks);
    char *end = NULL;
    if (*at < '0' || *at > '9') return -1;
    const long value = strtol(at, &end, 10);
    *text = end + strspn(end, blanks);
    return value < 255 ? (int)value : -1;
}

/* name=7 as class `c`. */
static int read_class(const char *values, pleat_classes *to, int c) {
    const int value = read_value(&values);
    to->value[c] = (uint8_t)value;
    return value >= 0 && *values == '\0';
}

/* name=1+2+3:1 as class `c`, whose region is number c - 1; what one of a single label writes need
 * not be said. */
static int read_region(const char *values, pleat_classes *to, int c) {
    int value = -1, n = 0;
    for (int more = 1; more; n++) {
        value = read_value(&values);
        if (value < 0 || (*values != '\0' && *values != '+' && *values != ':')) return 0;
        to->regions[value] |= (uint32_t)1 << (c - 1);
        more = *values == '+';
        values += more;
    }
    if (*values == ':') {
        values++;
        value = read_value(&values);
        n = 1;
    }
    to->value[c] = (uint8_t)value;
    return value > 0 && n == 1 && *values == '\0';
}

/* What parts[n] say of labels, to the classes made of them. The value of a class that says none is
 * one more than that of the class before. */
static pleat_status read_values(const char *text, const part *parts, int n, pleat_classes *to) {
    int before = -1;
    for (int c = 0; c < n; c++) {
        const char *values = parts[c].values;
        int good = 1;
        if (c > 0 && to->of_regions)
            good = values != NULL && read_region(values, to, c);
        else if (values != NULL)
            good = read_class(values, to, c);
        else
            to->value[c] = (uint8_t)(before + 1);
        PLEAT_CHECK(good && (c == 0 || to->value[c] > 0), PLEAT_ERR_ARG, WRONG_VALUE, text,
                    parts[c].name, values != NULL ? values : "");
        before = to->value[c];
    }
    return PLEAT_OK;
}

/* The name without the blanks around it, which no configuration keeps. */
static const char *bare(const char *name, size_t *length) {
    name += strspn(name, blanks);
    *length = strlen(name);
    while (*length > 0 && strchr(blanks, name[*length - 1]) != NULL) --*length;
    return name;
}

/* Names as they will be read again. */
static pleat_status check_bare(const char *where, const pleat_classes *c) {
    static const char zero[] = "background";
    for (int i = 0; i < c->n; i++) {
        size_t length = 0, other = 0;
        const char *name = bare(c->name[i], &length);
        PLEAT_CHECK(length > 0, PLEAT_ERR_ARG, "%s: the class of label %d has no name; give it one",
                    where, c->value[i]);
        PLEAT_CHECK(i == 0 || length != sizeof zero - 1 || strncasecmp(name, zero, length) != 0,
                    PLEAT_ERR_ARG,
                    "%s: the class '%s' is label %d, but label 0 is the background; correct the "
                    "labels, or give the class another name",
                    where, c->name[i], c->value[i]);
        for (int j = 0; j < i; j++)
            PLEAT_CHECK(strncmp(name, bare(c->name[j], &other), length) != 0 || other != length,
                        PLEAT_ERR_ARG,
                        "%s: two classes are called '%.*s'; give each a name of its "
                        "own",
                        where, (int)length, name);
    }
    return PLEAT_OK;
}

pleat_status pleat_classes_check(const char *where, const pleat_classes *c) {
    PLEAT_CHECK(c->n >= 1 && c->value[0] == 0, PLEAT_ERR_ARG,
                "%s: the first class must be the background, and its label 0", where);
    PLEAT_TRY(check_bare(where, c));
    int most = 0; /* nnU-Net's rule: the label to be ignored is the highest */
    for (int v = 0; v < LABELS; v++)
        if (c->regions[v] != 0) most = v;
    for (int i = 0; i < c->n; i++) most = c->value[i] > most ? c->value[i] : most;
    PLEAT_CHECK(c->ignore == 0 || c->ignore > most, PLEAT_ERR_ARG,
                "%s: the label to ignore ('ignore') is %d, but it must be the highest, and there "
                "is a label %d; give it a higher one, in the masks too",
                where, c->ignore, most);
    for (int i = 1; i < c->n; i++) {
        for (int j = 0; !c->of_regions && j < i; j++)
            PLEAT_CHECK(c->value[i] != c->value[j], PLEAT_ERR_ARG,
                        "%s: '%s' and '%s' are both label %d", where, c->name[j], c->name[i],
                        c->value[i]);
        PLEAT_CHECK(!c->of_regions || c->regions[c->value[i]] != 0, PLEAT_ERR_ARG,
                    "%s: the region '%s' writes label %d, which is in no region; let it write one "
                    "of its labels",
                    where, c->name[i], c->value[i]);
    }
    PLEAT_CHECK(c->regions[0] == 0, PLEAT_ERR_ARG,
                "%s: label 0 is the background, and in no region", where);
    return PLEAT_OK;
}

static int is_in(const pleat_classes *classes, int label, int c) {
    return (int)(classes->regions[label] >> (c - 1) & 1);
}

/* The last region after c with a label of it, where together they have all; 0: they have not. */
static int covered_by(const pleat_classes *classes, int c) {
    int last = 0;
    for (int v = 0; v < LABELS; v++) {
        int by = 0;
        for (int later = c + 1; later < classes->n; later++)
            if (is_in(classes, v, c) && is_in(classes, v, later)) by = later;
        if (is_in(classes, v, c) && by == 0) return 0;
        last = by > last ? by : last;
    }
    return last;
}

#define REORDER                                                                             \
    "put the larger regions first, and let each write a label that no later one has, such " \
    "as whole=1+2+3:1, core=2+3:2, active=3"

pleat_status pleat_classes_check_written(const char *where, const pleat_classes *classes) {
    const char *const *name = classes->name;
    for (int i = 1; classes->of_regions && i < classes->n; i++) {
        const int later = covered_by(classes, i);
        for (int j = 1; j < i; j++)
            PLEAT_CHECK(classes->value[i] != classes->value[j], PLEAT_ERR_ARG,
                        "%s: the regions '%s' and '%s' both write label %d, so a prediction "
                        "cannot tell them apart; " REORDER,
                        where, name[j], name[i], classes->value[i]);
        PLEAT_CHECK(later == 0, PLEAT_ERR_ARG,
                    "%s: the region '%s' would never be written, as all of its labels are in later "
                    "regions, such as '%s'; " REORDER,
                    where, name[i], name[later]);
    }
    return PLEAT_OK;
}

int pleat_classes_read_back(const pleat_classes *classes, char *out, size_t size) {
    for (int v = 1; classes->of_regions && v < LABELS; v++) {
        int last = 0;
        for (int c = 1; c < classes->n; c++)
            if (is_in(classes, v, c)) last = c;
        const int written = last > 0 ? classes->value[last] : v;
        if (classes->regions[written] == classes->regions[v]) continue;
        (void)snprintf(out, size,
                       "where a voxel is predicted as label %d is, region '%s' writes label %d, "
                       "which is in other regions than label %d",
                       v, classes->name[last], written, v);
        return 0;
    }
    return 1;
}

static pleat_status read_parts(const char *text, part *parts, int n, pleat_classes *out) {
    const char *name[PLEAT_MAX_CLASSES];
    char where[600];
    pleat_status status = PLEAT_OK;
    int ignored = -1, of_regions = 0;
    PLEAT_TRY(check_names(text, parts, n));
    for (int i = 0; i < n; i++)
        if (parts[i].values != NULL && strcmp(parts[i].name, ignored_name) == 0) ignored = i;
    const part last = ignored >= 0 ? parts[ignored] : (part){0};
    if (ignored >= 0)
        memmove(parts + ignored, parts + ignored + 1, (size_t)(--n - ignored) * sizeof *parts);
    for (int i = 0; i < n; i++) {
        name[i] = parts[i].name;
        of_regions |= parts[i].values != NULL && strpbrk(parts[i].values, "+:") != NULL;
    }
    PLEAT_CHECK(!of_regions || (n >= 3 && n <= 1 + PLEAT_MAX_REGIONS), PLEAT_ERR_ARG,
                "classes '%s': with the background there are %d, but 2 to %d regions are possible",
                text, n, PLEAT_MAX_REGIONS);
    PLEAT_CHECK(n >= 1, PLEAT_ERR_ARG, "classes '%s': no class but one to ignore", text);
    PLEAT_TRY(pleat_classes_make(name, n, out));
    out->of_regions = of_regions;
    if (ignored >= 0) {
        pleat_classes one = {0};
        PLEAT_CHECK_GOTO(status, done, read_class(last.values, &one, 0) && one.value[0] > 0,
                         PLEAT_ERR_ARG, WRONG_VALUE, text, last.name, last.values);
        out->ignore = one.value[0];
    }
    PLEAT_TRY_GOTO(status, done, read_values(text, parts, n, out));
    (void)snprintf(where, sizeof where, "classes '%s'", text);
    PLEAT_TRY_GOTO(status, done, pleat_classes_check(where, out));
done:
    if (status != PLEAT_OK) pleat_classes_free(out);
    return status;
}

pleat_status pleat_classes_parse(const char *text, pleat_classes *out) {
    part parts[PLEAT_MAX_CLASSES + 1] = {{0}};
    int n = 1;
    *out = (pleat_classes){0};
    if (text[strspn(text, blanks)] == '\0') return PLEAT_OK;
    for (const char *c = text; *c != '\0'; c++) n += *c == ',';
    PLEAT_CHECK(n <= PLEAT_MAX_CLASSES, PLEAT_ERR_ARG, "classes names %d, at most %d are possible",
                n, PLEAT_MAX_CLASSES);
    char *copy = strdup(text);
    PLEAT_CHECK(copy != NULL, PLEAT_ERR_MEMORY, "no memory for %d class names", n);
    cut(copy, parts, n);
    const pleat_status status = read_parts(text, parts, n, out);
    free(copy);
    return status;
}

/* --- to text ---------------------------------------------------------------------------------- */

static void add(char *out, size_t size, size_t *used, const char *format, int value) {
    if (*used < size) *used += (size_t)snprintf(out + *used, size - *used, format, value);
}

/* "=1+2+3:1" of region c. */
static void add_region(const pleat_classes *classes, int c, char *out, size_t size, size_t *used) {
    const char *format = "=%d";
    for (int v = 0; v < LABELS; v++) {
        if ((classes->regions[v] >> (c - 1) & 1) == 0) continue;
        add(out, size, used, format, v);
        format = "+%d";
    }
    add(out, size, used, ":%d", classes->value[c]);
}

pleat_status pleat_classes_text(const pleat_classes *classes, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < classes->n; i++) {
        PLEAT_CHECK(strpbrk(classes->name[i], ",=") == NULL, PLEAT_ERR_ARG,
                    "the class name '%s' holds a comma or an equals sign; rename it",
                    classes->name[i]);
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? "," : "", classes->name[i]);
        if (i > 0 && classes->of_regions)
            add_region(classes, i, out, size, &used);
        else if (classes->value[i] != (i > 0 ? classes->value[i - 1] + 1 : 0))
            add(out, size, &used, "=%d", classes->value[i]);
        if (i == classes->n - 1 && classes->ignore > 0)
            add(out, size, &used, ",ignore=%d", classes->ignore);
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

/* --- labels ----------------------------------------------------------------------------------- */

void pleat_labels_of(const pleat_classes *classes, pleat_labels *out) {
    *out = (pleat_labels){.n = classes->n, .ignore = classes->ignore};
    memcpy(out->value, classes->value, (size_t)classes->n);
    if (classes->of_regions) { /* all that are in a region, ascending */
        out->n = 1;
        for (int v = 1; v < LABELS; v++)
            if (classes->regions[v] != 0) out->value[out->n++] = (uint8_t)v;
    }
    int plain = classes->ignore == 0;
    for (int i = 0; i < out->n; i++) plain &= out->value[i] == i;
    if (plain) *out = (pleat_labels){0};
}

int pleat_classes_has(const pleat_classes *classes, int c, int label) {
    if (!classes->of_regions || c == 0) return classes->value[c] == label;
    return is_in(classes, label, c);
}

void pleat_classes_regions(const pleat_classes *classes, uint32_t out[256]) {
    pleat_labels labels;
    pleat_labels_of(classes, &labels);
    memcpy(out, classes->regions, sizeof classes->regions);
    if (labels.n == 0) return;
    memset(out, 0, sizeof classes->regions);
    for (int i = 0; i < labels.n; i++) out[i] = classes->regions[labels.value[i]];
}

size_t pleat_labels_enter(const pleat_labels *labels, size_t n, uint8_t *data) {
    uint8_t inside[LABELS];
    if (labels->n == 0) return n;
    memset(inside, PLEAT_NO_CLASS, sizeof inside);
    for (int i = 0; i < labels->n; i++) inside[labels->value[i]] = (uint8_t)i;
    if (labels->ignore > 0) inside[labels->ignore] = PLEAT_IGNORED;
    for (size_t v = 0; v < n; v++) {
        if (inside[data[v]] == PLEAT_NO_CLASS) return v;
        data[v] = inside[data[v]];
    }
    return n;
}

void pleat_labels_leave(const pleat_labels *labels, size_t n, uint8_t *data) {
    for (size_t v = 0; labels->n > 0 && v < n; v++)
        data[v] = data[v] < labels->n ? labels->value[data[v]] : (uint8_t)labels->ignore;
}

int pleat_labels_text(const pleat_labels *labels, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < labels->n; i++)
        add(out, size, &used, i > 0 ? ",%d" : "%d", labels->value[i]);
    if (labels->ignore > 0) add(out, size, &used, ",ignore %d", labels->ignore);
    return used < size;
}

int pleat_labels_parse(const char *text, pleat_labels *out) {
    int used[LABELS] = {0};
    *out = (pleat_labels){0};
    for (;;) {
        const int ignored = strncmp(text, "ignore ", 7) == 0;
        if (ignored) text += 7;
        const int value = read_value(&text);
        if (value < 0 || used[value]++ || (value == 0) != (out->n == 0)) return 0;
        if (ignored)
            out->ignore = value;
        else
            out->value[out->n++] = (uint8_t)value;
        if (*text == '\0') return out->n > 0;
        if (ignored || *text++ != ',') return 0;
    }
}
