/* config_yaml.h - what src/run/config*.c share: YAML, and so JSON, as libyaml's nodes. */
#ifndef PLEAT_CONFIG_YAML_H
#define PLEAT_CONFIG_YAML_H

#include "pleat/status.h"

#include <yaml.h>

/* The document in text[n] of the file `name`: at most 128 KiB, nested 8 deep, 64 aliases. The
 * caller deletes parser and document, both zero before; when this fails, the parser alone. ERR_ARG
 * names the line. */
pleat_status config_yaml_load(const char *text, size_t n, const char *name, yaml_parser_t *parser,
                              yaml_document_t *document);

/* YAML allows no key twice; libyaml does not look. ERR_ARG when the key of `mine`, a word, stands
 * before it in the mapping; its message begins with `where`. */
pleat_status config_yaml_once(yaml_document_t *document, const yaml_node_t *mapping,
                              const yaml_node_pair_t *mine, const char *where);

/* Of a scalar. */
const char *config_yaml_text(const yaml_node_t *node);

#endif /* PLEAT_CONFIG_YAML_H */
