/* plan_cache.c - which cuDNN engine was fastest for a convolution, kept in a file. */
#include "plan_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct entry {
    char key[PLEAT_PLAN_TEXT], choice[PLEAT_PLAN_TEXT];
} entry;

struct pleat_plan_cache {
    char path[PATH_MAX];
    entry *entries;
    size_t count, room;
};

void pleat_plan_cache_path(char *out, size_t size) {
    const char *named = getenv("PLEAT_PLAN_CACHE"), *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (named != NULL && named[0] != '\0')
        (void)snprintf(out, size, "%s", strcmp(named, "off") == 0 ? "" : named);
    else if (cache != NULL && cache[0] == '/')
        (void)snprintf(out, size, "%s/pleat/plans", cache);
    else if (home != NULL && home[0] == '/')
        (void)snprintf(out, size, "%s/.cache/pleat/plans", home);
    else
        out[0] = '\0';
}

static entry *find(const pleat_plan_cache *cache, const char *key) {
    for (size_t i = 0; i < cache->count; i++)
        if (strcmp(cache->entries[i].key, key) == 0) return &cache->entries[i];
    return NULL;
}

static pleat_status remember(pleat_plan_cache *cache, const char *key, const char *choice) {
    entry *to = find(cache, key);
    if (to == NULL && cache->count == cache->room) {
        const size_t room = cache->room == 0 ? 64 : 2 * cache->room;
        entry *grown = realloc(cache->entries, room * sizeof *grown);
        PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory for %zu plans", room);
        cache->entries = grown;
        cache->room = room;
    }
    if (to == NULL) to = &cache->entries[cache->count++];
    (void)snprintf(to->key, sizeof to->key, "%s", key);
    (void)snprintf(to->choice, sizeof to->choice, "%s", choice);
    return PLEAT_OK;
}

/* 1 when `text` can be a field of a line. */
static int is_field(const char *text) {
    return text[0] != '\0' && strlen(text) < PLEAT_PLAN_TEXT && strpbrk(text, "\t\n") == NULL;
}

static pleat_status read_file(pleat_plan_cache *cache) {
    char line[2 * PLEAT_PLAN_TEXT + 2];
    pleat_status status = PLEAT_OK;
    int whole = 1; /* the piece before this one ended a line */
    FILE *file = cache->path[0] != '\0' ? fopen(cache->path, "re") : NULL;
    while (file != NULL && status == PLEAT_OK && fgets(line, sizeof line, file) != NULL) {
        char *end = strchr(line, '\n'), *tab = strchr(line, '\t');
        const int begins = whole;
        whole = end != NULL;
        if (!begins || end == NULL || tab == NULL) continue;
        *end = *tab = '\0';
        if (is_field(line) && is_field(tab + 1)) status = remember(cache, line, tab + 1);
    }
    if (file != NULL) (void)fclose(file);
    return status;
}

pleat_status pleat_plan_cache_open(const char *path, pleat_plan_cache **out) {
    pleat_plan_cache *cache = calloc(1, sizeof *cache);
    PLEAT_CHECK(cache != NULL, PLEAT_ERR_MEMORY, "no memory for the plan cache");
    if (strlen(path) < sizeof cache->path)
        (void)snprintf(cache->path, sizeof cache->path, "%s", path);
    const pleat_status status = read_file(cache);
    if (status == PLEAT_OK)
        *out = cache;
    else
        pleat_plan_cache_close(cache);
    return status;
}

void pleat_plan_cache_close(pleat_plan_cache *cache) {
    if (cache == NULL) return;
    free(cache->entries);
    free(cache);
}

const char *pleat_plan_cache_find(const pleat_plan_cache *cache, const char *key) {
    const entry *found = find(cache, key);
    return found != NULL ? found->choice : NULL;
}

/* The folder of `path` and the one above it: ~/.cache may not be there yet. */
static void make_folders(const char *path) {
    char folder[PATH_MAX];
    for (int up = 2; up >= 1; up--) {
        (void)snprintf(folder, sizeof folder, "%s", path);
        for (int i = 0; i < up; i++) {
            char *slash = strrchr(folder, '/');
            if (slash != NULL) *slash = '\0';
        }
        if (folder[0] != '\0') (void)mkdir(folder, 0755);
    }
}

/* One write of a whole line: what several processes add stays in one piece. */
static void append(const pleat_plan_cache *cache, const char *key, const char *choice) {
    char line[2 * PLEAT_PLAN_TEXT + 2];
    if (cache->path[0] == '\0') return;
    make_folders(cache->path);
    const int file =
        open(cache->path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0) return;
    const int n = snprintf(line, sizeof line, "%s\t%s\n", key, choice);
    ssize_t written = -1;
    do written = write(file, line, (size_t)n);
    while (written < 0 && errno == EINTR);
    (void)close(file);
}

pleat_status pleat_plan_cache_put(pleat_plan_cache *cache, const char *key, const char *choice) {
    PLEAT_CHECK(is_field(key) && is_field(choice), PLEAT_ERR_ARG,
                "a plan's key and choice have 1 to %d characters without tabs and lines",
                PLEAT_PLAN_TEXT - 1);
    PLEAT_TRY(remember(cache, key, choice));
    append(cache, key, choice);
    return PLEAT_OK;
}

int pleat_plan_choice_print(const pleat_plan_choice *choice, char *out, size_t size) {
    int used = snprintf(out, size, "%" PRId64, choice->engine);
    for (int i = 0; i < choice->knobs; i++) {
        if (used < 0 || (size_t)used >= size) return 0;
        used += snprintf(out + used, size - (size_t)used, "%c%" PRId64 "=%" PRId64,
                         i == 0 ? ':' : ',', choice->type[i], choice->value[i]);
    }
    return used >= 0 && (size_t)used < size;
}

/* A number at *text, which moves behind it; `after` must follow it. */
static int read_number(const char **text, const char *after, int64_t *out) {
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(*text, &end, 10);
    if (errno != 0 || end == *text || strchr(after, *end) == NULL) return 0;
    *out = value;
    *text = end;
    return 1;
}

int pleat_plan_choice_parse(const char *text, pleat_plan_choice *out) {
    pleat_plan_choice choice = {0};
    if (!read_number(&text, ":", &choice.engine)) return 0;
    while (*text != '\0') {
        if (choice.knobs == PLEAT_PLAN_MOST_KNOBS) return 0;
        text++; /* ':' or ',' */
        if (!read_number(&text, "=", &choice.type[choice.knobs]) || *text++ != '=') return 0;
        if (!read_number(&text, ",", &choice.value[choice.knobs++])) return 0;
    }
    *out = choice;
    return 1;
}
