/* networks.c - the list of networks, and the keys that make them differ. */
#include "pleat/networks.h"

#include "pleat/volume.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The networks, each of a file in nets/; the first is the default. */
#define NETWORKS(ROW) ROW(unet) ROW(residual)

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
} network_key;

#define AT(member) offsetof(pleat_network, member)

static const network_key keys[] = {
    {"depth", AT(depth), 1, 7, 4},
    {"filters", AT(filters), 1, 512, 32},
    {"norm", AT(norm), 0, 1, 1},
    {"classes", AT(classes), 2, PLEAT_MAX_CLASSES, 0},
    {"channels", AT(channels), 1, PLEAT_MAX_CHANNELS, 1},
};
enum { KEYS = sizeof keys / sizeof *keys };

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

pleat_status pleat_network_build(const pleat_network *network, pleat_graph *out) {
    const network_key *key[MOST_KEYS];
    const int n = keys_of(network, key);
    *out = (pleat_graph){0};
    for (int i = 0; i < n; i++) {
        const int value = value_of(network, key[i]);
        const int counted = key[i]->at == AT(classes) || key[i]->at == AT(channels);
        PLEAT_CHECK(value >= key[i]->least && value <= key[i]->most, PLEAT_ERR_ARG,
                    "%s%s = %d, must be %d to %d", counted ? "" : "network.", key[i]->name, value,
                    key[i]->least, key[i]->most);
    }
    pleat_network whole = *network;
    if (whole.channels == 0) whole.channels = 1;
    pleat_networks[network->name]->build(&whole, out);
    const pleat_status status = pleat_graph_finish(out);
    if (status != PLEAT_OK) pleat_graph_free(out);
    return status;
}

void pleat_network_text(const pleat_network *network, char *out, size_t size) {
    const network_key *key[MOST_KEYS];
    const int n = keys_of(network, key);
    size_t used = (size_t)snprintf(out, size, "%s", pleat_networks[network->name]->name);
    for (int i = 0; i < n && used < size; i++) {
        const int value = value_of(network, key[i]);
        if (key[i]->at == AT(channels) && value == 1) continue;
        used += (size_t)snprintf(out + used, size - used, " %s=%d", key[i]->name, value);
    }
}

/* "depth=4" into its place; 0: it is not understood. */
static int take_word(const char *word, size_t length, pleat_network *out) {
    const char *equals = memchr(word, '=', length);
    if (equals == NULL) return 0;
    const network_key *key = find_key(word, (size_t)(equals - word));
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
    for (int i = 0; i < KEYS; i++) *value_at(&network, &keys[i]) = keys[i].usual;
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
