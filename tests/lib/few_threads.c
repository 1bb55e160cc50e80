/* few_threads.c - to be preloaded: an MPI that lets one thread alone call it. */
#include <mpi.h>

int MPI_Init_thread(int *argc, char ***argv, int wanted, int *given) {
    (void)wanted;
    return PMPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, given);
}
