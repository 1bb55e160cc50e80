/* fetch_list.c - the list of what a download has brought, and whether it is still there. */
#include "fetch_list.h"

#include "pleat/warn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void pleat_unpacked_free(pleat_unpacked_list *list) {
    for (int i = 0; i < list->n; i++) free(list->item[i].path);
    free(list->item);
    *list = (pleat_unpacked_list){0};
}

static pleat_status add(pleat_unpacked_list *to, const char *path, int64_t bytes) {
    pleat_unpacked *grown = realloc(to->item, ((size_t)to->n + 1) * sizeof *grown);
    char *copy = grown == NULL ? NULL : strdup(path);
    if (grown != NULL) to->item = grown;
    PLEAT_CHECK(copy != NULL, PLEAT_ERR_MEMORY, "no memory for a list of files");
    to->item[to->n++] = (pleat_unpacked){copy, bytes};
    return PLEAT_OK;
}

/* A line of it: a key, or a file. */
static pleat_status read_line(const char *path, const char *line, fetch_list *to) {
    char *end = NULL;
    if (strncmp(line, "url ", 4) == 0) return PLEAT_OK;
    if (strncmp(line, "checksum ", 9) == 0 && strlen(line + 9) < sizeof to->checksum) {
        (void)snprintf(to->checksum, sizeof to->checksum, "%s", line + 9);
        return PLEAT_OK;
    }
    errno = 0;
    const long long bytes = strtoll(line, &end, 10);
    PLEAT_CHECK(end != line && errno == 0 && bytes >= 0 && end[0] == ' ' && end[1] != '\0',
                PLEAT_ERR_FORMAT, "'%s' is damaged; remove it, and what it lists is fetched again",
                path);
    return add(&to->files, end + 1, bytes);
}

pleat_status fetch_list_read(const char *path, fetch_list *out, int *found) {
    fetch_list list = {0};
    pleat_status status = PLEAT_OK;
    char *text = NULL, *save = NULL;
    *found = pleat_file_exists(path);
    if (!*found) return PLEAT_OK;
    PLEAT_TRY(pleat_file_read_all(path, &text, NULL));
    for (char *line = strtok_r(text, "\n", &save); line != NULL && status == PLEAT_OK;
         line = strtok_r(NULL, "\n", &save))
        status = read_line(path, line, &list);
    free(text);
    if (status != PLEAT_OK) {
        pleat_unpacked_free(&list.files);
        return status;
    }
    *out = list;
    return PLEAT_OK;
}

pleat_status fetch_list_write(const char *path, const char *url, const fetch_list *list) {
    pleat_file_text file;
    PLEAT_TRY(pleat_file_text_begin(&file, path));
    (void)fprintf(file.out, "url %s\nchecksum %s\n", url, list->checksum);
    for (int i = 0; i < list->files.n; i++)
        (void)fprintf(file.out, "%" PRId64 " %s\n", list->files.item[i].bytes,
                      list->files.item[i].path);
    return pleat_file_text_end(&file, PLEAT_OK);
}

int fetch_list_missing(const fetch_list *list, const char *folder) {
    int missing = 0;
    for (int i = 0; i < list->files.n; i++) {
        const pleat_unpacked *file = &list->files.item[i];
        char path[PLEAT_PATH_BYTES];
        struct stat there;
        if (pleat_path(path, sizeof path, "%s/%s", folder, file->path) != PLEAT_OK ||
            stat(path, &there) != 0)
            missing++;
        else if (there.st_size != file->bytes)
            pleat_warn(
                "'%s' has %lld bytes, and %lld when it was fetched; it is kept. Remove it to "
                "fetch it again",
                path, (long long)there.st_size, (long long)file->bytes);
    }
    return missing;
}
