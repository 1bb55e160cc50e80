/* library.c - which MPI this program runs on. */
#include "pleat/session.h"

#include <mpi.h>
#include <stdio.h>
#include <string.h>

void pleat_session_mpi_version(char *out, size_t size) {
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    (void)MPI_Get_library_version(text, &length);
    text[strcspn(text, ",\n")] = '\0'; /* then come package and revision */
    (void)snprintf(out, size, "%s", text);
}
