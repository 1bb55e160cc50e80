/* json_text.h - any text as JSON. */
#ifndef PLEAT_JSON_TEXT_H
#define PLEAT_JSON_TEXT_H

#include <jansson.h>

/* jansson refuses text that is not UTF-8, such as some paths: then '?' stands for what is not
 * ASCII. NULL without memory. */
json_t *pleat_json_text(const char *text);

#endif /* PLEAT_JSON_TEXT_H */
