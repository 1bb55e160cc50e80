/* config_table.h - one row per key; config.c reads and writes values by it. */
#ifndef PLEAT_CONFIG_TABLE_H
#define PLEAT_CONFIG_TABLE_H

#include "pleat/config.h"

typedef enum value_kind {
    TEXT,      /* char[limit] */
    CHOICE,    /* char[16]: one of `choices` */
    INTEGER,   /* int in [low, high] */
    UNSIGNED,  /* uint64_t */
    REAL,      /* double in [low, high] */
    BOOLEAN,   /* int; true, false */
    BYTES,     /* double; 4G, 512M */
    SIZE,      /* int[3]; [x, y, z] */
    TRIPLE,    /* double[3]; [x, y, z], or one number for all three */
    RANGE,     /* double[2]; [low, high] */
    SPACING_OR, /* double[3] and an int flag at `flag`; [x, y, z] or none */
    /* Of each channel, at every pleat_prep_steps from the first on; one value holds for all. */
    RANGES_OR, /* double[2] and a flag; [low, high] or none; [[low, high], none] */
    FLAGS      /* int; true; [true, false] */
} value_kind;

typedef struct config_row {
    const char *key;
    value_kind kind;
    size_t offset, flag; /* in pleat_config */
    double low, high;    /* TEXT: low is the size of the array */
    const char *choices; /* "a|b|c" */
    const char *manual;
} config_row;

/* Ends with a NULL key; keys of one section stand together. */
extern const config_row pleat_config_rows[];

#endif /* PLEAT_CONFIG_TABLE_H */
