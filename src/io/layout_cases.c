/* layout_cases.c - a list of cases grows, and what is wrong with one of them is kept. */
#include "layout_cases.h"

#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void layout_release_case(pleat_case_paths *item) {
    free(item->id);
    for (int c = 0; c < item->images; c++) free(item->image[c]);
    free(item->label);
    free(item->group);
}

pleat_status layout_settle(case_list *to, int n, pleat_status status) {
    if (status == PLEAT_OK || status == PLEAT_ERR_MEMORY || to->refused == NULL) return status;
    while (to->n > n) layout_release_case(&to->item[--to->n]);
    pleat_layout_refusals *list = to->refused;
    char **grown = realloc(list->text, ((size_t)list->n + 1) * sizeof *grown);
    PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory to scan '%s'", to->top);
    list->text = grown;
    grown[list->n] = strdup(pleat_error_message());
    PLEAT_CHECK(grown[list->n] != NULL, PLEAT_ERR_MEMORY, "no memory to scan '%s'", to->top);
    list->n++;
    return PLEAT_OK;
}

pleat_status layout_add_image(const case_list *to, const char *image) {
    pleat_case_paths *item = &to->item[to->n - 1];
    /* Added, or the caller has failed. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    PLEAT_CHECK(item->images < PLEAT_MAX_CHANNELS, PLEAT_ERR_UNSUPPORTED,
                "case '%s': '%s' is channel %d; %d channels are supported, 0 to %d" LAYOUT_RENAME,
                item->id, image, item->images, PLEAT_MAX_CHANNELS, PLEAT_MAX_CHANNELS - 1);
    item->image[item->images] = strdup(image);
    PLEAT_CHECK(item->image[item->images] != NULL, PLEAT_ERR_MEMORY, "no memory for case '%s'",
                item->id);
    item->images++;
    return PLEAT_OK;
}

static int has_control(const char *name) {
    for (const unsigned char *at = (const unsigned char *)name; *at != '\0'; at++)
        if (*at < 0x20 || *at == 0x7f) return 1;
    return 0;
}

/* Volumes to label may have a name in another encoding: their label maps have it too. */
pleat_status layout_add(case_list *to, const char *id, size_t id_bytes, const char *image,
                        const char *label) {
    char name[PLEAT_PATH_BYTES], shown[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(name, sizeof name, "%.*s", (int)id_bytes, id));
    PLEAT_CHECK(id_bytes < PLEAT_CASE_BYTES, PLEAT_ERR_DATA,
                "case '%.60s...': its name has %zu characters, %d are the most; rename its file or "
                "folder",
                name, id_bytes, PLEAT_CASE_BYTES - 1);
    if (to->want == PLEAT_LAYOUT_VOLUMES ? has_control(name) : !pleat_text_is_plain(name)) {
        pleat_text_name(name, shown, sizeof shown);
        return PLEAT_FAIL(PLEAT_ERR_DATA,
                          "case '%s': its name is not UTF-8 or has a control character; rename its "
                          "file or folder",
                          shown);
    }
    pleat_case_paths *grown = realloc(to->item, (size_t)(to->n + 1) * sizeof *grown);
    PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory for case '%s'", id);
    to->item = grown;
    pleat_case_paths *item = &grown[to->n++];
    *item = (pleat_case_paths){.id = strndup(id, id_bytes),
                               .label = label == NULL ? NULL : strdup(label)};
    PLEAT_CHECK(item->id != NULL && (label == NULL || item->label != NULL), PLEAT_ERR_MEMORY,
                "no memory for case '%s'", id);
    return layout_add_image(to, image);
}

pleat_status layout_resolve(const char *file, const char *folder, const char *entry,
                            char out[PLEAT_PATH_BYTES]) {
    if (strncmp(entry, "./", 2) == 0) entry += 2;
    const char *up = strstr(entry, "..");
    for (; up != NULL; up = strstr(up + 1, ".."))
        PLEAT_CHECK((up > entry && up[-1] != '/') || (up[2] != '/' && up[2] != '\0'),
                    PLEAT_ERR_DATA,
                    "'%s' lists '%s', which leads out of the folder; write the absolute path, or "
                    "the path below the folder",
                    file, entry);
    if (entry[0] == '/') return pleat_path(out, PLEAT_PATH_BYTES, "%s", entry);
    return pleat_path(out, PLEAT_PATH_BYTES, "%s/%s", folder, entry);
}

static int by_id(const void *id, const void *one) {
    return strcmp(id, ((const pleat_case_paths *)one)->id);
}

int pleat_layout_find(const pleat_case_paths *cases, int n, const char *id) {
    if (n == 0) return -1; /* bsearch takes no NULL */
    const pleat_case_paths *at = bsearch(id, cases, (size_t)n, sizeof *at, by_id);
    return at != NULL ? (int)(at - cases) : -1;
}
