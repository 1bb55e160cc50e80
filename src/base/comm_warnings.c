/* comm_warnings.c - the warnings of all ranks come to one. */
#include "pleat/comm.h"
#include "pleat/warn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line each. */
static pleat_status pack(char **out, size_t *n) {
    size_t total = 0;
    for (int i = 0; i < pleat_warn_count(); i++) total += strlen(pleat_warn_text(i)) + 1;
    char *lines = malloc(total + 1); /* + 1: never malloc(0), and snprintf's end */
    PLEAT_CHECK(lines != NULL, PLEAT_ERR_MEMORY, "no memory to send %d warnings",
                pleat_warn_count());
    *n = 0;
    for (int i = 0; i < pleat_warn_count(); i++)
        *n += (size_t)snprintf(lines + *n, total + 1 - *n, "%s\n", pleat_warn_text(i));
    *out = lines;
    return PLEAT_OK;
}

pleat_status pleat_comm_gather_warnings(pleat_comm *comm) {
    char *mine = NULL;
    void *all = NULL;
    size_t n = 0, total = 0;
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, pack(&mine, &n)));
    PLEAT_TRY_GOTO(status, done, pleat_comm_gather(comm, mine, n, 0, &all, &total));
    for (const char *line = all; line != NULL && total > 0;) {
        const size_t length = (size_t)((const char *)memchr(line, '\n', total) - line);
        pleat_warn("%.*s", (int)length, line);
        line += length + 1;
        total -= length + 1;
    }
done:
    free(all);
    free(mine);
    return status;
}
