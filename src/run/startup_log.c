/* startup_log.c - the first lines of a run's log: what runs, where, on which libraries. */
#include "run_impl.h"

#include "pleat/log.h"
#include "pleat/nifti.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct place { /* of a rank */
    char host[64], engine[256];
} place;

static place place_of(const pleat_crossval *cv) {
    const pleat_engine *e = cv->team.engine;
    place p = {.host = ""};
    (void)snprintf(p.host, sizeof p.host, "%s", cv->session->host);
    (void)snprintf(p.engine, sizeof p.engine, "%s %s%s%s on %s", e->ops->name,
                   pleat_engine_precision(e), e->library[0] != '\0' ? ", " : "", e->library,
                   e->device);
    return p;
}

/* A line for each row of ranks that have the same place, into the log and into run.json. */
static pleat_status tell_places(const pleat_crossval *cv, const place *places) {
    const int n = cv->session->size;
    char *text = NULL;
    size_t bytes = 0;
    FILE *lines = open_memstream(&text, &bytes);
    PLEAT_CHECK(lines != NULL, PLEAT_ERR_MEMORY, "no memory for the places of %d ranks", n);
    for (int first = 0, next = 0; first < n; first = next) {
        while (next < n && memcmp(&places[next], &places[first], sizeof *places) == 0) next++;
        char ranks[32];
        (void)snprintf(ranks, sizeof ranks, next - first > 1 ? "ranks %d-%d" : "rank %d", first,
                       next - 1);
        pleat_log(PLEAT_INFO, "host %s: %s, %s", places[first].host, ranks, places[first].engine);
        (void)fprintf(lines, "host %s: %s, %s\n", places[first].host, ranks, places[first].engine);
    }
    pleat_status status = PLEAT_OK;
    if (fclose(lines) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the places of %d ranks", n);
    if (status == PLEAT_OK) status = pleat_record_places(cv, text);
    free(text);
    return status;
}

static void digest_hex(const void *bytes, size_t n, char out[17]) {
    pleat_digest_hex(pleat_digest(0, bytes, n), out);
}

static pleat_status log_numbers(const pleat_crossval *cv) {
    char text[PLEAT_CONFIG_BYTES], config[17], folds[17], prep[17];
    PLEAT_TRY(pleat_config_text(&cv->config, 0, text, sizeof text));
    digest_hex(text, strlen(text), config);
    digest_hex(cv->data.folds.fold_of,
               (size_t)cv->data.folds.repeats * (size_t)cv->data.cases.n *
                   sizeof *cv->data.folds.fold_of,
               folds);
    digest_hex(cv->data.preprocessing, strlen(cv->data.preprocessing), prep);
    const char *same = !cv->config.deterministic ? ""
                       : cv->team.engine->ordered
                           ? ", deterministic: the same bits on any number of threads and ranks"
                           : ", deterministic: the same bits on the same ranks";
    pleat_log(PLEAT_INFO, "seed %llu%s; digests: configuration %s, folds %s, preprocessing %s",
              (unsigned long long)cv->config.seed, same, config, folds, prep);
    pleat_log(PLEAT_INFO, "%d cases of '%s', %d folds, to '%s'", cv->data.cases.n, cv->config.data,
              cv->data.folds.k, cv->options->out);
    return PLEAT_OK;
}

void pleat_run_libraries(char *out, size_t size) {
    char mpi[64], hdf5[32], zlib[32], yaml[32], jansson[32];
    pleat_session_mpi_version(mpi, sizeof mpi);
    pleat_store_hdf5_version(hdf5, sizeof hdf5);
    pleat_nifti_zlib_version(zlib, sizeof zlib);
    pleat_config_yaml_version(yaml, sizeof yaml);
    pleat_layout_jansson_version(jansson, sizeof jansson);
    (void)snprintf(out, size, "%s, HDF5 %s, zlib %s, libyaml %s, jansson %s", mpi, hdf5, zlib, yaml,
                   jansson);
}

static pleat_status log_opening(const pleat_crossval *cv, const place *places) {
    char libraries[256];
    pleat_run_libraries(libraries, sizeof libraries);
    pleat_log(PLEAT_INFO, "pleat %s, process %ld: %s", PLEAT_VERSION, (long)getpid(),
              cv->options->command);
    pleat_log(PLEAT_INFO, "libraries: %s", libraries);
    PLEAT_TRY(tell_places(cv, places));
    return log_numbers(cv);
}

pleat_status pleat_startup_log(const pleat_crossval *cv) {
    pleat_comm *world = cv->session->world;
    const place mine = place_of(cv);
    void *places = NULL;
    size_t total = 0;
    PLEAT_TRY(pleat_comm_gather(world, &mine, sizeof mine, 0, &places, &total));
    const pleat_status status = world->rank == 0 ? log_opening(cv, places) : PLEAT_OK;
    free(places);
    return status;
}
