/* config_yaml.c - YAML of others as libyaml's nodes: small, one document, no key twice. */
#include "config_yaml.h"

#include <string.h>

enum { MOST_DEPTH = 8, MOST_ALIASES = 64, MOST_BYTES = 1 << 17 };

const char *config_yaml_text(const yaml_node_t *node) {
    return (const char *)node->data.scalar.value;
}

pleat_status config_yaml_once(yaml_document_t *document, const yaml_node_t *mapping,
                              const yaml_node_pair_t *mine, const char *where) {
    const yaml_node_t *name = yaml_document_get_node(document, mine->key);
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mine; pair++) {
        const yaml_node_t *other = yaml_document_get_node(document, pair->key);
        PLEAT_CHECK(other->type != YAML_SCALAR_NODE ||
                        strcmp(config_yaml_text(other), config_yaml_text(name)) != 0,
                    PLEAT_ERR_ARG, "%.500s line %zu: '%s' is there twice, first in line %zu", where,
                    name->start_mark.line + 1, config_yaml_text(name), other->start_mark.line + 1);
    }
    return PLEAT_OK;
}

static pleat_status not_yaml(const yaml_parser_t *parser, const char *name) {
    return PLEAT_FAIL(parser->error == YAML_MEMORY_ERROR ? PLEAT_ERR_MEMORY : PLEAT_ERR_ARG,
                      "%s line %zu: not YAML: %s", name, parser->problem_mark.line + 1,
                      parser->problem != NULL ? parser->problem : "no memory");
}

/* Whether what libyaml is to build is small: its time grows with the square of the depth. */
static pleat_status check_depth(yaml_parser_t *parser, const char *name) {
    int depth = 0, aliases = 0, documents = 0, last = 0;
    while (!last) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) return not_yaml(parser, name);
        const size_t line = event.start_mark.line + 1;
        depth += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        depth -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        aliases += event.type == YAML_ALIAS_EVENT;
        documents += event.type == YAML_DOCUMENT_START_EVENT;
        last = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        PLEAT_CHECK(documents <= 1, PLEAT_ERR_ARG,
                    "%s line %zu: a second document begins; there must be one", name, line);
        PLEAT_CHECK(
            depth <= MOST_DEPTH && aliases <= MOST_ALIASES, PLEAT_ERR_ARG,
            "%s line %zu: no file of settings is nested %d deep or has more than %d aliases", name,
            line, MOST_DEPTH + 1, MOST_ALIASES);
    }
    return PLEAT_OK;
}

pleat_status config_yaml_load(const char *text, size_t n, const char *name, yaml_parser_t *parser,
                              yaml_document_t *document) {
    PLEAT_CHECK(n <= MOST_BYTES, PLEAT_ERR_ARG, "%s: no file of settings has %zu bytes", name, n);
    yaml_parser_t first;
    PLEAT_CHECK(yaml_parser_initialize(&first), PLEAT_ERR_MEMORY, "no memory to read '%s'", name);
    yaml_parser_set_input_string(&first, (const unsigned char *)text, n);
    const pleat_status status = check_depth(&first, name);
    yaml_parser_delete(&first);
    PLEAT_TRY(status);
    PLEAT_CHECK(yaml_parser_initialize(parser), PLEAT_ERR_MEMORY, "no memory to read '%s'", name);
    yaml_parser_set_input_string(parser, (const unsigned char *)text, n);
    return yaml_parser_load(parser, document) ? PLEAT_OK : not_yaml(parser, name);
}
