/* layout_json.h - what src/io/layout*.c share: dataset.json as far as it names files. */
#ifndef PLEAT_LAYOUT_JSON_H
#define PLEAT_LAYOUT_JSON_H

#include "pleat/layout.h"

typedef struct layout_row { /* paths as listed, below the data folder */
    char *image;
    char *label; /* NULL when the row has none */
} layout_row;

typedef struct layout_json {
    char *ending;    /* "file_ending"; NULL when not said */
    layout_row *row; /* "training" [n] */
    int n;
    int channels;         /* it names; 0: none */
    int empty;            /* it has a list of cases with none in it */
    long long training;   /* "numTraining"; -1 when not said */
    int unread;           /* volumes that lists under other keys name, which are not read */
    char *key;            /* the first such key; NULL */
    char entry_keys[200]; /* those of "training"'s entries that are not read; "" */
} layout_json;

/* FOLDER/dataset.json; all empty when there is none. ERR_IO: a link that leads
 * nowhere. ERR_UNSUPPORTED: file_ending, a pipe or device, a list that cannot be followed. */
pleat_status pleat_layout_json_read(const char *folder, layout_json *out);

/* Warns of what the description and the `n` cases found do not agree on. */
void layout_json_tell(const char *folder, const layout_json *json, int n);

void pleat_layout_json_free(layout_json *json);

#endif /* PLEAT_LAYOUT_JSON_H */
