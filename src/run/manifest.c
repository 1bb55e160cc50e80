/* manifest.c - what a data set is made of, from YAML or JSON. */
#include "pleat/manifest.h"

#include "config_yaml.h"

#include "pleat/file.h"
#include "pleat/nearest.h"
#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct walk {
    yaml_document_t *document;
    const char *name;
    pleat_fetch_set set;
    pleat_fetch_file file; /* the one that is read */
    char where[640];       /* file and line of the key that is read */
} walk;

typedef pleat_status (*take)(walk *w, const char *value);

static pleat_status take_text(const walk *w, const char *key, const char *value, char *out,
                              size_t size) {
    PLEAT_CHECK(value[0] != '\0' && strlen(value) < size && pleat_text_is_plain(value),
                PLEAT_ERR_ARG,
                "%s: %s must be text of 1 to %zu bytes in UTF-8 without control characters",
                w->where, key, size - 1);
    (void)snprintf(out, size, "%s", value);
    return PLEAT_OK;
}

static pleat_status take_name(walk *w, const char *value) {
    return take_text(w, "name", value, w->set.name, sizeof w->set.name);
}

static pleat_status take_licence(walk *w, const char *value) {
    return take_text(w, "licence", value, w->set.licence, sizeof w->set.licence);
}

static pleat_status take_url(walk *w, const char *value) {
    return take_text(w, "url", value, w->file.url, sizeof w->file.url);
}

static pleat_status take_file_name(walk *w, const char *value) {
    return take_text(w, "name", value, w->file.name, sizeof w->file.name);
}

static pleat_status take_sha256(walk *w, const char *value) {
    return pleat_fetch_set_checksum(&w->file, w->where, PLEAT_SHA256, value);
}

static pleat_status take_md5(walk *w, const char *value) {
    return pleat_fetch_set_checksum(&w->file, w->where, PLEAT_MD5, value);
}

static pleat_status take_layout(walk *w, const char *value) {
    for (int i = 0; i < PLEAT_FETCH_LAYOUTS; i++) {
        if (strcmp(pleat_fetch_layout_name(i), value) != 0) continue;
        w->file.layout = (pleat_fetch_layout)i;
        return PLEAT_OK;
    }
    return PLEAT_FAIL(PLEAT_ERR_ARG, "%s: layout '%.100s' must be folder, images or labels",
                      w->where, value);
}

typedef struct key {
    const char *name;
    take take;
} key;

static const key file_keys[] = {{"url", take_url},       {"name", take_file_name},
                                {"sha256", take_sha256}, {"md5", take_md5},
                                {"layout", take_layout}, {NULL, NULL}};
static const key set_keys[] = {{"name", take_name}, {"licence", take_licence}, {NULL, NULL}};
/* Of a set of one file: its name is the file's. */
static const key only_keys[] = {{"licence", take_licence},
                                {"url", take_url},
                                {"name", take_file_name},
                                {"sha256", take_sha256},
                                {"md5", take_md5},
                                {"layout", take_layout},
                                {NULL, NULL}};

static void stand_at(walk *w, const yaml_node_t *node) {
    (void)snprintf(w->where, sizeof w->where, "%.500s line %zu", w->name,
                   node->start_mark.line + 1);
}

static pleat_status take_key(walk *w, const key *keys, const char *name, const yaml_node_t *value) {
    pleat_nearest near = pleat_nearest_to(name);
    for (const key *k = keys; k->name != NULL; k++) {
        pleat_nearest_look(&near, k->name);
        if (strcmp(k->name, name) != 0) continue;
        PLEAT_CHECK(value->type == YAML_SCALAR_NODE, PLEAT_ERR_ARG, "%s: %s must be one value",
                    w->where, name);
        return k->take(w, config_yaml_text(value));
    }
    char hint[PLEAT_HINT_BYTES];
    return PLEAT_FAIL(PLEAT_ERR_ARG,
                      "%s: '%.100s' is no key of a manifest;%s docs/cli.md has an example",
                      w->where, name, pleat_nearest_hint(&near, hint));
}

/* The keys of a mapping, but for `list`, whose node goes to *found. */
static pleat_status take_keys(walk *w, const yaml_node_t *node, const key *keys, const char *list,
                              const yaml_node_t **found) {
    stand_at(w, node);
    PLEAT_CHECK(node->type == YAML_MAPPING_NODE, PLEAT_ERR_ARG,
                "%s: must be a list of 'key: value' lines", w->where);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(w->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(w->document, pair->value);
        stand_at(w, name);
        PLEAT_CHECK(name->type == YAML_SCALAR_NODE, PLEAT_ERR_ARG, "%s: a key must be a word",
                    w->where);
        PLEAT_TRY(config_yaml_once(w->document, node, pair, w->name));
        if (list != NULL && strcmp(config_yaml_text(name), list) == 0)
            *found = value;
        else
            PLEAT_TRY(take_key(w, keys, config_yaml_text(name), value));
    }
    return PLEAT_OK;
}

static pleat_status take_file(walk *w, const yaml_node_t *node, const key *keys) {
    w->file = (pleat_fetch_file){0};
    PLEAT_TRY(take_keys(w, node, keys, NULL, NULL));
    stand_at(w, node);
    PLEAT_CHECK(w->file.url[0] != '\0', PLEAT_ERR_ARG, "%s: a file without url", w->where);
    return pleat_fetch_add(&w->set, w->where, &w->file);
}

static int has_key(const walk *w, const yaml_node_t *node, const char *wanted) {
    if (node->type != YAML_MAPPING_NODE) return 0;
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(w->document, pair->key);
        if (name->type == YAML_SCALAR_NODE && strcmp(config_yaml_text(name), wanted) == 0) return 1;
    }
    return 0;
}

static pleat_status take_set(walk *w, const yaml_node_t *root) {
    const yaml_node_t *list = NULL;
    if (has_key(w, root, "url") && !has_key(w, root, "files")) return take_file(w, root, only_keys);
    PLEAT_TRY(take_keys(w, root, set_keys, "files", &list));
    PLEAT_CHECK(list != NULL && list->type == YAML_SEQUENCE_NODE &&
                    list->data.sequence.items.start < list->data.sequence.items.top,
                PLEAT_ERR_ARG, "%s: must have files, a list of one file or more, each with its url",
                w->name);
    for (yaml_node_item_t *item = list->data.sequence.items.start;
         item < list->data.sequence.items.top; item++)
        PLEAT_TRY(take_file(w, yaml_document_get_node(w->document, *item), file_keys));
    return PLEAT_OK;
}

pleat_status pleat_manifest_parse(const char *text, size_t n, const char *name,
                                  pleat_fetch_set *out) {
    yaml_parser_t parser = {0};
    yaml_document_t document = {0};
    walk w = {.document = &document, .name = name};
    pleat_status status = config_yaml_load(text, n, name, &parser, &document);
    if (status != PLEAT_OK) {
        yaml_parser_delete(&parser);
        return status;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&document);
    status = root != NULL ? take_set(&w, root)
                          : PLEAT_FAIL(PLEAT_ERR_ARG, "%s: is empty; it must name files", name);
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    if (status == PLEAT_OK) {
        if (w.set.name[0] == '\0')
            (void)snprintf(w.set.name, sizeof w.set.name, "%s", w.set.file[0].name);
        *out = w.set;
    } else {
        pleat_fetch_free(&w.set);
    }
    return status;
}

pleat_status pleat_manifest_read(const char *path, pleat_fetch_set *out) {
    char *text = NULL;
    size_t n = 0;
    PLEAT_TRY(pleat_file_read_all(path, &text, &n));
    const pleat_status status = pleat_manifest_parse(text, n, path, out);
    free(text);
    return status;
}
