/*
 * help.h - the tables of verbs, options and keys in other forms than --help: manual pages, and
 * what shells complete a command line by. `pleat help --man`; the build installs what they print.
 */
#ifndef PLEAT_APP_HELP_H
#define PLEAT_APP_HELP_H

#include "app.h"

typedef struct help_form {
    const char *name; /* "--man" */
    pleat_status (*print)(app *a);
} help_form;

/* Ends with a NULL name. */
extern const help_form help_forms[];

/* Calls `tell` with the options of each verb, and of each measurement of bench. */
pleat_status help_each(app *a, void (*tell)(const verb *of, const option *rows));

pleat_status help_man(app *a);        /* pleat.1 */
pleat_status help_man_config(app *a); /* pleat-config.5 */
pleat_status help_bash(app *a);
pleat_status help_zsh(app *a);
pleat_status help_fish(app *a);

#endif /* PLEAT_APP_HELP_H */
