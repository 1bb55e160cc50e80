/* layout_channels.c - nothing that lies beside a case, a channel or an image of it that is there
 * twice, is left out without a word. */
#include "layout_cases.h"
#include "layout_files.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

int layout_channel(const char *stem, size_t n) {
    if (n < 6 || stem[n - 5] != '_') return -1;
    int channel = 0;
    for (size_t i = n - 4; i < n; i++) {
        if (!isdigit((unsigned char)stem[i])) return -1;
        channel = channel * 10 + (stem[i] - '0');
    }
    return channel;
}

static int is_image(const char *path, const pleat_case_paths *cases, int n) {
    for (int i = 0; i < n; i++)
        for (int c = 0; c < cases[i].images; c++)
            if (strcmp(cases[i].image[c], path) == 0) return 1;
    return 0;
}

/* Whether stem[n] has a label of its own, as a case that the list leaves out has one. */
static pleat_status has_label(const pleat_case_paths *item, const layout_names *images,
                              const char *stem, size_t n, int *out) {
    char folder[PLEAT_PATH_BYTES];
    layout_names labels = {0};
    *out = 0;
    if (item->label == NULL) return PLEAT_OK;
    const char *slash = strrchr(item->label, '/');
    PLEAT_TRY(pleat_path(folder, sizeof folder, "%.*s",
                         slash == NULL ? 0 : (int)(slash - item->label), item->label));
    if (strcmp(folder, images->folder) == 0) return PLEAT_OK;
    PLEAT_TRY(layout_list(folder, &labels));
    for (int i = 0; i < labels.n && !*out; i++) *out = strncmp(labels.name[i], stem, n) == 0;
    layout_names_release(&labels);
    return PLEAT_OK;
}

/* `path` is channel `channel` of the case by its name, and the case is without it. */
static pleat_status refuse(const pleat_case_paths *item, int first, int channel, const char *path) {
    const size_t id = strlen(item->id);
    if (channel < item->images && (first == 0 || channel > 0))
        return PLEAT_FAIL(PLEAT_ERR_DATA,
                          "case '%s': '%s' and '%s' are one volume twice; remove one", item->id,
                          item->image[channel], path);
    PLEAT_CHECK(first == 0, PLEAT_ERR_DATA,
                "case '%s': '%s' is channel %d by its name, but channel 0 is '%s'; rename that to "
                "_0000, or move the other away",
                item->id, path, channel, item->image[0]);
    PLEAT_CHECK(item->images > 1 || layout_channel(item->id, id) != 0, PLEAT_ERR_DATA,
                "case '%s' is named by its label and has one channel, but '%s' is channel %d; name "
                "the label '%.*s', or move the other file away",
                item->id, path, channel, (int)(id - 5), item->id);
    return PLEAT_FAIL(PLEAT_ERR_DATA,
                      "case '%s' has channel %d, '%s', but no channel %d; add it" LAYOUT_RENAME,
                      item->id, channel, path, item->images);
}

static pleat_status check_case(const layout_names *in, const pleat_case_paths *item,
                               const pleat_case_paths *cases, int n) {
    const char *base = strrchr(item->image[0], '/');
    base = base == NULL ? item->image[0] : base + 1;
    size_t bytes = layout_stem(base);
    const int first = layout_channel(base, bytes);
    char path[PLEAT_PATH_BYTES];
    if (first == 0) bytes -= 5;
    for (int i = layout_first_with(in, base, bytes); i < in->n; i++) {
        /* Read, or the caller has failed. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        if (strncmp(in->name[i], base, bytes) != 0) break;
        const size_t stem = layout_stem(in->name[i]);
        const int again =
            first != 0 && stem == bytes; /* the image itself, or with another ending */
        const int channel = stem == bytes + 5 ? layout_channel(in->name[i], stem) : -1;
        layout_kind kind = LAYOUT_ABSENT;
        int labelled = 0;
        if (channel < 0 && !again) continue;
        PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", in->folder, in->name[i]));
        if (is_image(path, item, 1) || is_image(path, cases, n)) continue;
        PLEAT_TRY(layout_look(path, &kind));
        PLEAT_CHECK(kind != LAYOUT_FILE || !again, PLEAT_ERR_DATA,
                    "case '%s' is there twice: '%s' and '%s'; remove or rename one", item->id,
                    item->image[0], path);
        if (kind == LAYOUT_FILE) PLEAT_TRY(has_label(item, in, in->name[i], stem, &labelled));
        if (kind == LAYOUT_FILE && !labelled) return refuse(item, first, channel, path);
    }
    return PLEAT_OK;
}

pleat_status layout_check_beside(case_list *found) {
    const pleat_case_paths *cases = found->item;
    const int n = found->n;
    layout_names in = {0}; /* of the last case, which most share */
    pleat_status status = PLEAT_OK;
    char folder[PLEAT_PATH_BYTES];
    for (int i = 0; i < n; i++) {
        const char *slash = strrchr(cases[i].image[0], '/');
        PLEAT_TRY_GOTO(status, done,
                       pleat_path(folder, sizeof folder, "%.*s",
                                  slash == NULL ? 1 : (int)(slash - cases[i].image[0]),
                                  slash == NULL ? "." : cases[i].image[0]));
        if (strcmp(in.folder, folder) != 0) {
            layout_names_release(&in);
            PLEAT_TRY_GOTO(status, done, layout_list(folder, &in));
        }
        PLEAT_TRY_GOTO(status, done, layout_settle(found, n, check_case(&in, &cases[i], cases, n)));
    }
done:
    layout_names_release(&in);
    return status;
}
