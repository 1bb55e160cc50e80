/* config_table.h - one row per key: the values it takes, its place in memory, its manual. */
#ifndef PLEAT_CONFIG_TABLE_H
#define PLEAT_CONFIG_TABLE_H

#include "pleat/config.h"

#include <stddef.h>

typedef enum value_kind {
    VALUE_TEXT,       /* char[low] */
    VALUE_CHOICE,     /* int: the place of a name among those of `name` */
    VALUE_INTEGER,    /* int in [low, high] */
    VALUE_UNSIGNED,   /* uint64_t */
    VALUE_REAL,       /* double in [low, high] */
    VALUE_BOOLEAN,    /* int; true, false */
    VALUE_BYTES,      /* double; 4G, 512M */
    VALUE_SIZE,       /* int[3]; [x, y, z] */
    VALUE_TRIPLE,     /* double[3]; [x, y, z], or one number for all three */
    VALUE_RANGE,      /* double[2]; [low, high] */
    VALUE_SPACING_OR, /* double[3] and an int flag at `flag`; [x, y, z] or none */
    /* Of each channel, at every pleat_prep_steps from the first on; one value holds for all. */
    VALUE_RANGES_OR, /* double[2] and a flag; [low, high] or none; [[low, high], none] */
    VALUE_FLAGS      /* int; true; [true, false] */
} value_kind;

/* What else is true of a key. */
enum config_mark {
    RESUME = 1 << 0,  /* only says how to compute: may differ when a run goes on */
    PREDICT = 1 << 1, /* may be set for a prediction with trained models */
    QUOTED = 1 << 2,  /* a choice that is printed as a text, in quotes */
    LISTED = 1 << 3,  /* a text that may be written as the list it is: [background, lesion] */
    CHOOSES = 1 << 4, /* its value gives other keys theirs: pleat_config_usual */
    NEEDED = 1 << 5   /* has no default: who runs something sets it */
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of the macros */
typedef struct config_row {
    const char *key;
    value_kind kind;     /* this to `what`: one of the macros below */
    size_t offset, flag; /* in pleat_config */
    double low, high;
    const char *(*name)(int i); /* of choice i; NULL after the last */
    const char *(*what)(int i); /* its line of the manual; NULL: the row's own says it all */
    int marks;                  /* config_mark */
    const char *manual;
} config_row;

#define BIG 1e9 /* no limit */

/* The values of a key, by its member of pleat_config. */
#define AT(member)                        offsetof(pleat_config, member)
#define MEMBER(member)                    (((pleat_config *)0)->member)
#define PLAIN                             NULL, NULL /* not a choice */
#define TEXT(member)                      VALUE_TEXT, AT(member), 0, sizeof MEMBER(member), 0, PLAIN
#define CHOICE(member, name)              VALUE_CHOICE, AT(member), 0, 0, 0, name, NULL
#define DESCRIBED(member, name, what)     VALUE_CHOICE, AT(member), 0, 0, 0, name, what
#define INTEGER(member, low, high)        VALUE_INTEGER, AT(member), 0, low, high, PLAIN
#define UNSIGNED(member)                  VALUE_UNSIGNED, AT(member), 0, 0, 0, PLAIN
#define REAL(member, low, high)           VALUE_REAL, AT(member), 0, low, high, PLAIN
#define BOOLEAN(member)                   VALUE_BOOLEAN, AT(member), 0, 0, 0, PLAIN
#define BYTES(member, low, high)          VALUE_BYTES, AT(member), 0, low, high, PLAIN
#define SIZE(member, low, high)           VALUE_SIZE, AT(member), 0, low, high, PLAIN
#define TRIPLE(member, low, high)         VALUE_TRIPLE, AT(member), 0, low, high, PLAIN
#define RANGE(member, low, high)          VALUE_RANGE, AT(member), 0, low, high, PLAIN
#define RANGES_OR(member, on, low, high)  VALUE_RANGES_OR, AT(member), AT(on), low, high, PLAIN
#define FLAGS(member)                     VALUE_FLAGS, AT(member), 0, 0, 0, PLAIN
#define SPACING_OR(member, on, low, high) VALUE_SPACING_OR, AT(member), AT(on), low, high, PLAIN

/* Ends with a NULL key; keys of one section stand together. */
extern const config_row pleat_config_rows[];

/* What a choice makes the usual value of another key. Later rows come after earlier ones, so that
 * one choice may make another. Ends with a NULL chooser. */
typedef struct config_usual {
    const char *chooser, *choice, *key, *value;
} config_usual;

extern const config_usual pleat_config_usual[];

/* The row of `key`; NULL when there is none. A section with a key "on" is switched by its own name:
 * "augment: off". */
const config_row *pleat_config_find(const char *key);

/* Sets a key from text; `where` stands before the message. */
pleat_status pleat_config_set_row(const config_row *row, const char *where, const char *text,
                                  pleat_config *config);
/* The same of what a user says: the key is then no choice's any more. */
pleat_status pleat_config_give(const config_row *row, const char *where, const char *text,
                               pleat_config *config);
/* Gives the keys that nobody has set the values that the choosers make usual. */
pleat_status pleat_config_choose(pleat_config *config);
/* Whose choice a key's value is; NULL: nobody's. */
const config_usual *pleat_config_chooser(const pleat_config *config, const config_row *row);

#endif /* PLEAT_CONFIG_TABLE_H */
