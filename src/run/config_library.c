/* config_library.c - which libyaml reads the configuration. */
#include "pleat/config.h"

#include <stdio.h>
#include <yaml.h>

void pleat_config_yaml_version(char *out, size_t size) {
    (void)snprintf(out, size, "%s", yaml_get_version_string());
}
