/* host_memory.c - reads the limits of the cgroups that this process is in. */
#include "pleat/host_memory.h"

#include "pleat/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STORE_PART 0.875 /* the rest is for ranks, libraries, MPI's buffers */

static const struct version {
    const char *type; /* of the mount */
    const char *file;
} versions[] = {{"cgroup2", "memory.max"}, {"cgroup", "memory.limit_in_bytes"}};

/* The whole text, to be freed; NULL when it cannot be read. The kernel's files have no size before
 * they are read. */
static char *text_of(const char *under, const char *path) {
    char full[PLEAT_PATH_BYTES], *text = NULL;
    size_t room = 0;
    if (pleat_path(full, sizeof full, "%s%s", under, path) != PLEAT_OK) return NULL;
    FILE *file = fopen(full, "r");
    if (file == NULL) return NULL;
    if (getdelim(&text, &room, '\0', file) < 0) {
        free(text);
        text = NULL;
    }
    (void)fclose(file);
    return text;
}

/* The number in a file; `otherwise` when there is none, as of "max". */
static double number_of(const char *path, double otherwise) {
    char *text = text_of("", path), *end = NULL;
    if (text == NULL) return otherwise;
    const double number = strtod(text, &end);
    const int good = end != text && number > 0.0;
    free(text);
    return good ? number : otherwise;
}

/* Where a line of mountinfo, "ID PARENT MAJOR:MINOR ROOT AT ... - TYPE SOURCE OPTIONS", is a
 * mount of this version that has the memory controller: its root and place. 1 when it is. */
static int read_mount(const char *line, const struct version *v, char root[512], char at[512]) {
    char type[32] = "", options[256] = "";
    const char *rest = strstr(line, " - ");
    if (rest == NULL || sscanf(rest, " - %31s %*s %255s", type, options) != 2) return 0;
    if (strcmp(type, v->type) != 0) return 0;
    if (strcmp(type, "cgroup") == 0 && strstr(options, "memory") == NULL) return 0;
    return sscanf(line, "%*s %*s %*s %511s %511s", root, at) == 2;
}

/* This process's cgroup by a line of /proc/self/cgroup: "0::PATH" of v2, "4:memory:PATH" of v1. */
static const char *group_of(const char *line, const struct version *v) {
    const char *controllers = strchr(line, ':');
    const char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL) return NULL;
    const size_t n = (size_t)(path - controllers - 1);
    char names[256] = "";
    (void)snprintf(names, sizeof names, "%.*s", (int)n, controllers + 1);
    const int mine = strcmp(v->type, "cgroup2") == 0 ? n == 0 : strstr(names, "memory") != NULL;
    return mine ? path + 1 : NULL;
}

/* The least limit of `group` and of those above it, up to the mount's root. */
static double limit_of(const char *under, const struct version *v, const char *root, const char *at,
                       const char *group, double most) {
    char path[PLEAT_PATH_BYTES], file[PLEAT_PATH_BYTES];
    const size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
    const char *below = strncmp(group, root, n) == 0 ? group + n : "";
    if (pleat_path(path, sizeof path, "%s%s%s", under, at, below) != PLEAT_OK) return most;
    const size_t shortest = strlen(under) + strlen(at);
    for (;;) {
        if (pleat_path(file, sizeof file, "%s/%s", path, v->file) != PLEAT_OK) return most;
        const double limit = number_of(file, most);
        if (limit < most) most = limit;
        char *slash = strrchr(path, '/');
        if (slash == NULL || (size_t)(slash - path) < shortest) return most;
        *slash = '\0';
    }
}

static double limit_by(const char *under, const struct version *v, char *groups, char *mounts,
                       double most) {
    char root[512], at[512], *save = NULL, *saved = NULL;
    const char *group = NULL;
    for (char *line = strtok_r(groups, "\n", &save); line != NULL && group == NULL;
         line = strtok_r(NULL, "\n", &save))
        group = group_of(line, v);
    if (group == NULL) return most;
    for (char *line = strtok_r(mounts, "\n", &saved); line != NULL;
         line = strtok_r(NULL, "\n", &saved))
        if (read_mount(line, v, root, at)) most = limit_of(under, v, root, at, group, most);
    return most;
}

pleat_host_memory pleat_host_memory_under(const char *root) {
    const double machine = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    pleat_host_memory memory = {machine, machine};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        char *groups = text_of(root, "/proc/self/cgroup");
        char *mounts = text_of(root, "/proc/self/mountinfo");
        if (groups != NULL && mounts != NULL)
            memory.allowed = limit_by(root, &versions[i], groups, mounts, memory.allowed);
        free(groups);
        free(mounts);
    }
    return memory;
}

pleat_host_memory pleat_host_memory_find(void) { return pleat_host_memory_under(""); }

double pleat_host_memory_for_store(const pleat_host_memory *memory, double wanted) {
    const double most = STORE_PART * memory->allowed;
    return wanted < most ? wanted : most;
}
