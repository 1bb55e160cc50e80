/* networks.c - the list of networks, and the keys that make them differ. */
#include "pleat/networks.h"

#include "pleat/text.h"
#include "pleat/volume.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The networks, each of a file in nets/; the first is the default. */
#define NETWORKS(ROW) USUAL(ROW) DENSE(ROW) GATED(ROW) MISCNNS(ROW) NNUNETS(ROW)
#define USUAL(ROW)    ROW(unet) ROW(residual)
#define DENSE(ROW)    ROW(dense) ROW(compact)
#define GATED(ROW)    ROW(attention) ROW(attention_residual)
#define MISCNNS(ROW)  ROW(isensee) ROW(multires)
#define NNUNETS(ROW)  ROW(plainconv) ROW(resenc)

#define DECLARED(name) extern const pleat_network_kind pleat_network_##name;
#define LISTED(name)   &pleat_network_##name,
NETWORKS(DECLARED)
const pleat_network_kind *const pleat_networks[] = {NETWORKS(LISTED) NULL};

const char *pleat_network_name(int place) {
    return pleat_networks[place] != NULL ? pleat_networks[place]->name : NULL;
}

const char *pleat_network_what(int place) { return pleat_networks[place]->what; }

#define MOST_KEYS 32

typedef struct network_key {
    const char *name; /* in texts; in the configuration with "network." before it */
    size_t at;        /* int of pleat_network */
    int least, most, usual;
    /* Of a list, char[PLEAT_NETWORK_LIST] in place of an int, "" being usual: */
    const char *digits; /* an entry may have; NULL: no list */
    int width, more;    /* digits of an entry; entries, beside one for each halving */
} network_key;

#define AT(member)                         offsetof(pleat_network, member)
#define NUMBER(member, least, most, usual) #member, AT(member), least, most, usual, NULL, 0, 0
#define LIST(member, digits, width, more)  #member, AT(member), 0, 0, 0, digits, width, more

static const network_key keys[] = {
    {NUMBER(depth, 1, 7, 4)},
    {NUMBER(filters, 1, 512, 32)},
    {NUMBER(norm, 0, 1, 1)},
    {NUMBER(most_filters, 1, 4096, 320)},
    {NUMBER(supervise, 0, 1, 1)},
    {NUMBER(input_shortcut, 0, 1, 0)},
    {LIST(strides, "12", 3, 0)},
    {LIST(kernels, "13", 3, 1)},
    {LIST(blocks, "123456789", 1, 1)},
    {NUMBER(classes, 2, PLEAT_MAX_CLASSES, 0)},
    {NUMBER(channels, 1, PLEAT_MAX_CHANNELS, 1)},
};
enum { KEYS = sizeof keys / sizeof *keys };

static char *list_at(pleat_network *network, const network_key *key) {
    return (char *)network + key->at;
}

static const char *list_of(const pleat_network *network, const network_key *key) {
    return (const char *)network + key->at;
}

static int *value_at(pleat_network *network, const network_key *key) {
    return (int *)(void *)((char *)network + key->at);
}

static int value_of(const pleat_network *network, const network_key *key) {
    const int value = *(const int *)(const void *)((const char *)network + key->at);
    return key->at == AT(channels) && value == 0 ? 1 : value;
}

/* NULL: there is no such key. */
static const network_key *find_key(const char *name, size_t length) {
    for (int i = 0; i < KEYS; i++)
        if (strlen(keys[i].name) == length && strncmp(keys[i].name, name, length) == 0)
            return &keys[i];
    return NULL;
}

/* The keys of a network in the order of its text; returns how many. */
static int keys_of(const pleat_network *network, const network_key *out[MOST_KEYS]) {
    const char *const *name = pleat_networks[network->name]->keys;
    int n = 0;
    for (; *name != NULL && n < MOST_KEYS - 1; name++) out[n++] = find_key(*name, strlen(*name));
    out[n++] = find_key("channels", strlen("channels"));
    return n;
}

int pleat_network_lacks(const pleat_network *network, const char *key) {
    const network_key *own[MOST_KEYS], *wanted = find_key(key, strlen(key));
    const int n = keys_of(network, own);
    int lacks = wanted != NULL;
    for (int i = 0; i < n; i++) lacks &= own[i] != wanted;
    return lacks;
}

/* A list without its blanks. */
static void squeeze(const char *list, char out[PLEAT_NETWORK_LIST]) {
    size_t n = 0;
    for (; *list != '\0'; list++)
        if (*list != ' ') out[n++] = *list;
    out[n] = '\0';
}

/* "221,222": entries of so many of the digits each. */
static pleat_status check_list(const pleat_network *network, const network_key *key) {
    char text[PLEAT_NETWORK_LIST];
    squeeze(list_of(network, key), text);
    const int entries = network->depth + key->more, step = key->width + 1;
    const size_t length = strlen(text), whole = (size_t)(entries * step - 1);
    int fits = length == whole;
    for (size_t i = 0; fits && i < length; i++)
        fits = i % (size_t)step == (size_t)key->width ? text[i] == ','
                                                      : strchr(key->digits, text[i]) != NULL;
    PLEAT_CHECK(
        fits || length == 0, PLEAT_ERR_ARG,
        "network.%s = '%s', must be %d entr%s of %d digit%s among %s, as network.depth is %d",
        key->name, text, entries, entries == 1 ? "y" : "ies", key->width, pleat_plural(key->width),
        key->digits, network->depth);
    return PLEAT_OK;
}

static pleat_status check_number(const pleat_network *network, const network_key *key) {
    const int value = value_of(network, key);
    const int counted = key->at == AT(classes) || key->at == AT(channels);
    PLEAT_CHECK(value >= key->least && value <= key->most, PLEAT_ERR_ARG,
                "%s%s = %d, must be %d to %d", counted ? "" : "network.", key->name, value,
                key->least, key->most);
    return PLEAT_OK;
}

pleat_status pleat_network_build(const pleat_network *network, pleat_graph *out) {
    const network_key *key[MOST_KEYS];
    const int n = keys_of(network, key);
    *out = (pleat_graph){0};
    for (int i = 0; i < n; i++)
        if (key[i]->digits == NULL) PLEAT_TRY(check_number(network, key[i]));
    const pleat_network_kind *kind = pleat_networks[network->name];
    PLEAT_CHECK(network->filters >= kind->least_filters, PLEAT_ERR_ARG,
                "network.filters = %d, must be at least %d for network.name: %s", network->filters,
                kind->least_filters, kind->name);
    for (int i = 0; i < n; i++) /* of a depth that is in range */
        if (key[i]->digits != NULL) PLEAT_TRY(check_list(network, key[i]));
    pleat_network whole = *network;
    if (whole.channels == 0) whole.channels = 1;
    for (int i = 0; i < n; i++)
        if (key[i]->digits != NULL) squeeze(list_of(network, key[i]), list_at(&whole, key[i]));
    kind->build(&whole, out);
    const pleat_status status = pleat_graph_finish(out);
    if (status != PLEAT_OK) pleat_graph_free(out);
    return status;
}

void pleat_network_text(const pleat_network *network, char *out, size_t size) {
    const network_key *key[MOST_KEYS];
    const int n = keys_of(network, key);
    size_t used = (size_t)snprintf(out, size, "%s", pleat_networks[network->name]->name);
    for (int i = 0; i < n && used < size; i++) {
        if (key[i]->digits != NULL) {
            char list[PLEAT_NETWORK_LIST];
            squeeze(list_of(network, key[i]), list);
            if (list[0] != '\0')
                used += (size_t)snprintf(out + used, size - used, " %s=%s", key[i]->name, list);
            continue;
        }
        const int value = value_of(network, key[i]);
        if (key[i]->at == AT(channels) && value == 1) continue;
        used += (size_t)snprintf(out + used, size - used, " %s=%d", key[i]->name, value);
    }
}

static void print_value(const pleat_network *network, const network_key *key,
                        char out[PLEAT_NETWORK_LIST]) {
    if (key->digits != NULL)
        squeeze(list_of(network, key), out);
    else
        (void)snprintf(out, PLEAT_NETWORK_LIST, "%d", value_of(network, key));
}

int pleat_network_differs(const pleat_network *a, const pleat_network *b, char *out, size_t size) {
    const network_key *key[MOST_KEYS];
    const int n = keys_of(a, key);
    if (a->name != b->name) {
        (void)snprintf(out, size, "network.name is %s, not %s", pleat_networks[a->name]->name,
                       pleat_networks[b->name]->name);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        char left[PLEAT_NETWORK_LIST], right[PLEAT_NETWORK_LIST];
        if (key[i]->at == AT(classes)) continue;
        print_value(a, key[i], left);
        print_value(b, key[i], right);
        if (strcmp(left, right) == 0) continue;
        const char *section = key[i]->at == AT(channels) ? "number of " : "network.";
        (void)snprintf(out, size, "%s%s is %s, not %s", section, key[i]->name,
                       left[0] != '\0' ? left : "''", right[0] != '\0' ? right : "''");
        return 1;
    }
    return 0;
}

/* "depth=4" into its place; 0: it is not understood. */
static int take_word(const char *word, size_t length, pleat_network *out) {
    const char *equals = memchr(word, '=', length);
    if (equals == NULL) return 0;
    const network_key *key = find_key(word, (size_t)(equals - word));
    if (key != NULL && key->digits != NULL) {
        const int n = (int)(length - (size_t)(equals + 1 - word));
        return snprintf(list_at(out, key), PLEAT_NETWORK_LIST, "%.*s", n, equals + 1) <
               PLEAT_NETWORK_LIST;
    }
    char *end = NULL;
    const long value = strtol(equals + 1, &end, 10);
    if (key == NULL || end != word + length || end == equals + 1) return 0;
    if (value < key->least || value > key->most) return 0;
    *value_at(out, key) = (int)value;
    return 1;
}

pleat_status pleat_network_parse(const char *text, pleat_network *out) {
    pleat_network network = {0};
    const size_t name = strcspn(text, " ");
    const char *at = text + name;
    int known = 0;
    for (int i = 0; i < KEYS; i++)
        if (keys[i].digits == NULL) *value_at(&network, &keys[i]) = keys[i].usual;
    for (int i = 0; pleat_networks[i] != NULL && !known; i++) {
        known = strlen(pleat_networks[i]->name) == name &&
                strncmp(pleat_networks[i]->name, text, name) == 0;
        network.name = i;
    }
    while (known && *at == ' ') {
        const size_t length = strcspn(++at, " ");
        known = take_word(at, length, &network);
        at += length;
    }
    PLEAT_CHECK(known && network.classes > 0, PLEAT_ERR_FORMAT,
                "'%.100s' does not describe a network this version knows", text);
    *out = network;
    return PLEAT_OK;
}
