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
    int channels; /* it names; 0: none */
} layout_json;

/* FOLDER/dataset.json; all empty when there is none. ERR_UNSUPPORTED: file_ending. */
pleat_status pleat_layout_json_read(const char *folder, layout_json *out);

void pleat_layout_json_free(layout_json *json);

#endif /* PLEAT_LAYOUT_JSON_H */
