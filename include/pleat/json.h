/*
 * json.h - what every writer of JSON needs beside jansson.
 */
#ifndef PLEAT_JSON_H
#define PLEAT_JSON_H

#ifdef __cplusplus
extern "C" {
#endif

struct json_t; /* jansson's */

/* A string of `text`, null of NULL. JSON is UTF-8: text that is not (a path, say) keeps its ASCII
 * and shows '?' for the rest. NULL when memory is out. */
struct json_t *pleat_json_text(const char *text);

/* A number; null where it is not finite, which JSON has no word for. */
struct json_t *pleat_json_real(double x);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_JSON_H */
