/*
 * options.h - a verb's command line, from a table.
 *
 *   const option rows[] = {{"--out", OPTION_TEXT, &out, "RUN", "folder of the results"}, {0}};
 *
 * "--name value" and "--name=value" both work; what does not begin with "-" is positional, and what
 * comes behind "--" whatever it begins with. Unknown
 * options are errors that name a known one, where one is near, and the verb's help. -v and -q say
 * more and less, as before the verb.
 */
#ifndef PLEAT_APP_OPTIONS_H
#define PLEAT_APP_OPTIONS_H

#include "pleat/status.h"

#include <stdio.h>

#define MAX_LIST 64

typedef enum option_kind {
    OPTION_TEXT, /* const char * */
    OPTION_INT,  /* int */
    OPTION_FLAG, /* int, set to 1 */
    OPTION_LIST, /* text_list: may be given several times */
    OPTION_SIZE  /* int[3]: 160x160x80, held D, H, W */
} option_kind;

typedef struct text_list { /* ends with NULL */
    const char *item[MAX_LIST + 1];
    int n;
} text_list;

typedef struct option {
    const char *name;
    option_kind kind;
    void *value;
    const char *argument, *help;
} option;

/* Reads argv[1..]; positional words go to `words`. At --help, or -h, *help becomes 1. */
pleat_status options_parse(const option *rows, const char *verb, int argc, char **argv,
                           text_list *words, int *help);
/* The table as help, in lines of at most `columns` - 1. */
void options_print(FILE *out, const option *rows, int columns);

#endif /* PLEAT_APP_OPTIONS_H */
