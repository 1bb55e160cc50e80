/*
 * layout_pattern.c - cases whose files have names of a pattern; BIDS is two of them.
 *
 *   {name}      any text without '/', at least one character, the same wherever it stands again
 *   {name=a,b}  one of these texts
 *   *           any text without '/', or none
 *
 * The values of an image's names, but for {channel}, joined by '_', are its case. A folder is read
 * for each part of a pattern, so nothing outside of the data folder is looked at but by a link.
 */
#include "layout_cases.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES = 6, MOST_PARTS = 12, MOST_WILD = 4, LONGEST = 256 };

typedef struct binding {
    const char *name; /* in the pattern */
    size_t bytes;
    char value[LONGEST];
} binding;

typedef struct bindings {
    binding of[MOST_NAMES];
    int n;
} bindings;

typedef struct bids_row {
    const char *image, *label[2]; /* patterns; the first label that is there counts */
    const char *no_channel;       /* what such a channel's name does not end in; NULL */
} bids_row;

/* https://bids-specification.readthedocs.io, "Anatomy imaging data" and "Segmentations" */
static const bids_row BIDS[] = {
    {"{subject}/anat/{subject}_{channel}.nii.gz",
     {"derivatives/*/{subject}/anat/{subject}_*dseg.nii.gz",
      "derivatives/*/{subject}/anat/{subject}_*mask.nii.gz"},
     "mask"},
    {"{subject}/{session}/anat/{subject}_{session}_{channel}.nii.gz",
     {"derivatives/*/{subject}/{session}/anat/{subject}_{session}_*dseg.nii.gz",
      "derivatives/*/{subject}/{session}/anat/{subject}_{session}_*mask.nii.gz"},
     "mask"},
};

/* --- a pattern's text --- */

/* Length of a name at "{name}" or "{name=...}". */
static size_t name_bytes(const char *brace) { return strcspn(brace + 1, "=}"); }

static int is_channel(const char *name, size_t bytes) {
    return bytes == strlen("channel") && strncmp(name, "channel", bytes) == 0;
}

static pleat_status check_name(const char *key, const char *pattern, const char *brace) {
    const char *end = strpbrk(brace + 1, "}{/");
    const size_t bytes = name_bytes(brace);
    PLEAT_CHECK(end != NULL && *end == '}', PLEAT_ERR_ARG,
                "%s: '{' without '}' in '%s'; write a name such as {case}", key, pattern);
    PLEAT_CHECK(bytes > 0 && strspn(brace + 1, "abcdefghijklmnopqrstuvwxyz"
                                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == bytes,
                PLEAT_ERR_ARG,
                "%s: '%.*s' in '%s' is no name; write letters and digits between { and }, such as "
                "{case}",
                key, (int)(end - brace + 1), brace, pattern);
    PLEAT_CHECK(brace[1 + bytes] != '=' ||
                    (brace[2 + bytes] != ',' && brace[2 + bytes] != '}' && end[-1] != ','),
                PLEAT_ERR_ARG, "%s: '%.*s' in '%s' has an empty choice; take it out", key,
                (int)(end - brace + 1), brace, pattern);
    return PLEAT_OK;
}

/* ERR_ARG; `key` is what it is said to be. */
static pleat_status check_pattern(const char *key, const char *pattern) {
    int names = 0, parts = 1, wild = 0, cases = 0;
    PLEAT_CHECK(layout_stem(pattern) > 0, PLEAT_ERR_ARG,
                "%s: '%s' does not end in .nii.gz or .nii; give the volumes' names", key, pattern);
    PLEAT_CHECK(pattern[0] != '/' && strstr(pattern, "//") == NULL && pattern[0] != '.' &&
                    strstr(pattern, "/.") == NULL,
                PLEAT_ERR_ARG,
                "%s: '%s' leads out of the data folder or to hidden files; write names below the "
                "folder of data",
                key, pattern);
    for (const char *at = pattern; *at != '\0'; at++) {
        const int was_wild = at > pattern && (at[-1] == '}' || at[-1] == '*');
        if (*at == '/') {
            wild = 0;
            parts++;
        }
        PLEAT_CHECK(*at != '}', PLEAT_ERR_ARG,
                    "%s: '}' without '{' in '%s'; write a name such as {case}", key, pattern);
        if (*at != '{' && *at != '*') continue;
        PLEAT_CHECK(!was_wild, PLEAT_ERR_ARG,
                    "%s: nothing stands before '%s' in '%s' that tells where it begins; write some "
                    "text between",
                    key, at, pattern);
        wild++;
        if (*at == '{') {
            PLEAT_TRY(check_name(key, pattern, at));
            cases += !is_channel(at + 1, name_bytes(at));
            names++;
            at = strchr(at, '}');
        }
        PLEAT_CHECK(wild <= MOST_WILD && names <= 2 * MOST_NAMES, PLEAT_ERR_ARG,
                    "%s: '%s' has more than %d wildcards in a part, or %d names; write fewer", key,
                    pattern, MOST_WILD, 2 * MOST_NAMES);
    }
    PLEAT_CHECK(cases > 0, PLEAT_ERR_ARG,
                "%s: '%s' has no name that tells the cases apart; write {case}", key, pattern);
    PLEAT_CHECK(parts <= MOST_PARTS, PLEAT_ERR_ARG, "%s: '%s' has more than %d parts", key, pattern,
                MOST_PARTS);
    return PLEAT_OK;
}

/* --- does a name match --- */

static const binding *find_binding(const bindings *in, const char *name, size_t bytes) {
    for (int i = 0; i < in->n; i++)
        if (in->of[i].bytes == bytes && strncmp(in->of[i].name, name, bytes) == 0)
            return &in->of[i];
    return NULL;
}

static int match(const char *p, const char *end, const char *s, size_t n, bindings *b);

/* {name...} at p, not bound yet, is s[bytes] and the rest matches. */
static int try_value(const char *p, const char *end, const char *s, size_t n, size_t bytes,
                     bindings *b) {
    if (b->n == MOST_NAMES || bytes >= LONGEST || bytes > n) return 0;
    binding *one = &b->of[b->n++];
    one->name = p + 1;
    one->bytes = name_bytes(p);
    memcpy(one->value, s, bytes);
    one->value[bytes] = '\0';
    if (match(strchr(p, '}') + 1, end, s + bytes, n - bytes, b)) return 1;
    b->n--;
    return 0;
}

/* The longest text that fits; of a list, the first. */
static int match_name(const char *p, const char *end, const char *s, size_t n, bindings *b) {
    const size_t bytes = name_bytes(p);
    const binding *known = find_binding(b, p + 1, bytes);
    if (known != NULL) {
        const size_t m = strlen(known->value);
        return m <= n && strncmp(known->value, s, m) == 0 &&
               match(strchr(p, '}') + 1, end, s + m, n - m, b);
    }
    if (p[1 + bytes] == '=') {
        for (const char *choice = p + 2 + bytes; choice[-1] != '}';) {
            const size_t m = strcspn(choice, ",}");
            if (m <= n && strncmp(choice, s, m) == 0 && try_value(p, end, s, n, m, b)) return 1;
            choice += m + 1;
        }
        return 0;
    }
    for (size_t m = n; m > 0; m--)
        if (try_value(p, end, s, n, m, b)) return 1;
    return 0;
}

/* Whether s[n] is p[..end]; then `b` has the values, else it is as before. */
static int match(const char *p, const char *end, const char *s, size_t n, bindings *b) {
    for (; p < end; p++, s++, n--) {
        if (*p == '{') return match_name(p, end, s, n, b);
        if (*p == '*') {
            for (size_t m = n;; m--) {
                if (match(p + 1, end, s + m, n - m, b)) return 1;
                if (m == 0) return 0;
            }
        }
        if (n == 0 || *p != *s) return 0;
    }
    return n == 0;
}

/* --- all files that match --- */

typedef struct volume {
    char *id, *channel, *path; /* owned */
    unsigned long order;       /* of the channel, before its text */
    bindings names;
} volume;

typedef struct volumes {
    volume *item;
    int n;
    const char *pattern; /* what ids are made of */
    layout_passed *bare; /* folders where the last part finds nothing are told; NULL */
    const char *top;
} volumes;

static void release_volume(volume *one) {
    free(one->id);
    free(one->channel);
    free(one->path);
}

static void release_volumes(volumes *list) {
    for (int i = 0; i < list->n; i++) release_volume(&list->item[i]);
    free(list->item);
    list->item = NULL;
    list->n = 0;
}

/* The values of the names of list->pattern; "" where one of them has none. */
static pleat_status make_id(const char *pattern, const bindings *b, char out[PLEAT_PATH_BYTES]) {
    size_t used = 0;
    out[0] = '\0';
    for (const char *at = strchr(pattern, '{'); at != NULL; at = strchr(at + 1, '{')) {
        const size_t bytes = name_bytes(at);
        int again = 0; /* a name that has stood before counts once */
        for (const char *p = strchr(pattern, '{'); p < at; p = strchr(p + 1, '{'))
            again |= name_bytes(p) == bytes && strncmp(p + 1, at + 1, bytes) == 0;
        if (again || is_channel(at + 1, bytes)) continue;
        const binding *one = find_binding(b, at + 1, bytes);
        if (one == NULL) {
            out[0] = '\0';
            return PLEAT_OK;
        }
        PLEAT_TRY(pleat_path(out + used, PLEAT_PATH_BYTES - used, "%s%s", used > 0 ? "_" : "",
                             one->value));
        used = strlen(out);
    }
    return PLEAT_OK;
}

/* A channel's place in "{channel=a,b}", else its number. */
static unsigned long order_of(const char *pattern, const char *value) {
    const char *list = strstr(pattern, "{channel=");
    unsigned long place = 0;
    if (list == NULL)
        return strspn(value, "0123456789") == strlen(value) ? strtoul(value, NULL, 10) : 0;
    for (list += strlen("{channel="); list[-1] != '}'; list += strcspn(list, ",}") + 1, place++)
        if (strcspn(list, ",}") == strlen(value) && strncmp(list, value, strlen(value)) == 0) break;
    return place;
}

static pleat_status take(volumes *to, const char *path, const bindings *b) {
    char id[PLEAT_PATH_BYTES];
    PLEAT_TRY(make_id(to->pattern, b, id));
    const binding *channel = find_binding(b, "channel", strlen("channel"));
    volume *grown = realloc(to->item, ((size_t)to->n + 1) * sizeof *grown);
    PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory to scan '%s'", to->top);
    to->item = grown;
    volume *one = &grown[to->n++];
    *one = (volume){strdup(id), strdup(channel == NULL ? "" : channel->value), strdup(path),
                    channel == NULL ? 0 : order_of(to->pattern, channel->value), *b};
    PLEAT_CHECK(one->id != NULL && one->channel != NULL && one->path != NULL, PLEAT_ERR_MEMORY,
                "no memory to scan '%s'", to->top);
    return PLEAT_OK;
}

/* All below `folder` that is `part` of a pattern and what follows it. */
static pleat_status walk(const char *folder, const char *part, const bindings *known, volumes *to) {
    const char *slash = strchr(part, '/');
    const char *end = slash != NULL ? slash : part + layout_stem(part);
    layout_names in = {0};
    char path[PLEAT_PATH_BYTES];
    pleat_status status = PLEAT_OK;
    int found = 0;
    PLEAT_TRY(layout_list(folder, &in));
    for (int i = 0; i < in.n; i++) {
        bindings b = *known;
        layout_kind kind = LAYOUT_ABSENT;
        const char *name = in.name[i];
        const size_t bytes = slash != NULL ? strlen(name) : layout_stem(name);
        if (bytes == 0 || !match(part, end, name, bytes, &b)) continue;
        PLEAT_TRY_GOTO(status, done, pleat_path(path, sizeof path, "%s/%s", folder, name));
        PLEAT_TRY_GOTO(status, done, layout_look(path, &kind));
        if (slash != NULL && kind == LAYOUT_FOLDER)
            PLEAT_TRY_GOTO(status, done, walk(path, slash + 1, &b, to));
        if (slash == NULL && kind == LAYOUT_FILE) {
            PLEAT_TRY_GOTO(status, done, take(to, path, &b));
            found = 1;
        }
    }
    if (slash == NULL && !found && to->bare != NULL) layout_note(to->top, folder, to->bare);
done:
    layout_names_release(&in);
    return status;
}

/* --- cases of them --- */

static int by_id_and_channel(const void *a, const void *b) {
    const volume *x = a, *y = b;
    const int order = strcmp(x->id, y->id);
    if (order != 0) return order;
    return x->order != y->order ? (x->order > y->order) - (x->order < y->order)
                                : strcmp(x->channel, y->channel);
}

/* The one file that is `pattern` with the names of `of`; "" when there is none. */
static pleat_status find_label(const char *pattern, const volume *of, const case_list *to,
                               char out[PLEAT_PATH_BYTES]) {
    volumes found = {.pattern = pattern, .top = to->top};
    pleat_status status = PLEAT_OK;
    out[0] = '\0';
    PLEAT_TRY_GOTO(status, done, walk(to->top, pattern, &of->names, &found));
    PLEAT_CHECK_GOTO(status, done, found.n < 2, PLEAT_ERR_DATA,
                     "case '%s' has two labels: '%s' and '%s'; choose one by data.label, or move "
                     "one away",
                     of->id, found.item[0].path, found.item[1].path);
    if (found.n == 1)
        PLEAT_TRY_GOTO(status, done, pleat_path(out, PLEAT_PATH_BYTES, "%s", found.item[0].path));
done:
    release_volumes(&found);
    return status;
}

/* What the pattern of a case is with its names: for messages. */
static void show_pattern(const char *pattern, const volume *of, char *out, size_t size) {
    size_t used = 0;
    for (const char *at = pattern; *at != '\0' && used + 1 < size;) {
        const size_t bytes = *at == '{' ? name_bytes(at) : 0;
        const binding *one = bytes > 0 ? find_binding(&of->names, at + 1, bytes) : NULL;
        if (one == NULL) {
            out[used++] = *at++;
            continue;
        }
        used += (size_t)snprintf(out + used, size - used, "%s", one->value);
        if (used >= size) used = size - 1;
        at = strchr(at, '}') + 1;
    }
    out[used] = '\0';
}

/* The volumes list[n] of one case. What is its label is no channel of it. */
static pleat_status add_case(const volume *list, int n, const bids_row *row, case_list *to) {
    char label[PLEAT_PATH_BYTES] = "", wanted[PLEAT_PATH_BYTES] = "";
    const volume *last = NULL;
    for (int i = 0; i < 2 && label[0] == '\0' && row->label[i] != NULL; i++)
        PLEAT_TRY(find_label(row->label[i], list, to, label));
    if (row->label[0] != NULL) show_pattern(row->label[0], list, wanted, sizeof wanted);
    PLEAT_CHECK(label[0] != '\0' || to->want != PLEAT_LAYOUT_LABELLED, PLEAT_ERR_NOT_FOUND,
                "case '%s' has no label: expected '%s/%s'; add it or move the image away", list->id,
                to->top, wanted);
    for (int i = 0; i < n; i++) {
        if (strcmp(list[i].path, label) == 0) continue;
        PLEAT_CHECK(last == NULL || strcmp(last->channel, list[i].channel) != 0, PLEAT_ERR_DATA,
                    "case '%s': '%s' and '%s' are one image twice; remove one, or write {channel} "
                    "into data.image where they are channels",
                    list->id, last == NULL ? "" : last->path, list[i].path);
        if (last == NULL)
            PLEAT_TRY(layout_add(to, list->id, strlen(list->id), list[i].path,
                                 label[0] == '\0' ? NULL : label));
        else
            PLEAT_TRY(layout_add_image(to, list[i].path));
        last = &list[i];
    }
    PLEAT_CHECK(last != NULL, PLEAT_ERR_NOT_FOUND,
                "case '%s' has a label '%s' but no image; add it or move the label away", list->id,
                label);
    return PLEAT_OK;
}

/* Labels of a case that no image is of. */
static pleat_status check_orphans(const bids_row *row, const volumes *images, case_list *to) {
    volumes labels = {.pattern = row->image, .top = to->top};
    const bindings none = {.n = 0};
    pleat_status status = PLEAT_OK;
    for (int k = 0; k < 2 && row->label[k] != NULL; k++) {
        release_volumes(&labels);
        PLEAT_TRY_GOTO(status, done, walk(to->top, row->label[k], &none, &labels));
        for (int i = 0; i < labels.n; i++) {
            int known = labels.item[i].id[0] == '\0';
            for (int m = 0; m < images->n && !known; m++)
                known = strcmp(images->item[m].id, labels.item[i].id) == 0;
            if (!known)
                PLEAT_TRY_GOTO(status, done,
                               layout_settle(to, to->n,
                                             PLEAT_FAIL(PLEAT_ERR_NOT_FOUND,
                                                        "case '%s' has a label '%s' but no image; "
                                                        "add it or move the label away",
                                                        labels.item[i].id, labels.item[i].path)));
        }
    }
done:
    release_volumes(&labels);
    return status;
}

/* All cases have the same channels, by name. */
static pleat_status check_channels(const volumes *images) {
    const volume *list = images->item;
    int first = 0; /* volumes of the first case */
    while (first < images->n && strcmp(list[first].id, list[0].id) == 0) first++;
    for (int i = first, c = 0; i < images->n; i++) {
        c = strcmp(list[i].id, list[i - 1].id) == 0 ? c + 1 : 0;
        PLEAT_CHECK(c >= first || strcmp(list[i].channel, list[c].channel) == 0, PLEAT_ERR_DATA,
                    "case '%s' has the channel '%s' where case '%s' has '%s'; add what is missing, "
                    "or list those that all have in data.image, as {channel=%s,...}",
                    list[i].id, list[i].channel, list[0].id, list[c].channel, list[c].channel);
    }
    return PLEAT_OK;
}

static int is_no_channel(const bids_row *row, const volume *one) {
    const size_t n = strlen(one->channel),
                 m = row->no_channel == NULL ? 0 : strlen(row->no_channel);
    return m > 0 && n >= m && strcmp(one->channel + n - m, row->no_channel) == 0;
}

/* Whether list[n] has one of that id that is another file. */
static int has_other(const volumes *list, const volume *one) {
    for (int i = 0; i < list->n; i++)
        if (strcmp(list->item[i].id, one->id) == 0 && strcmp(list->item[i].path, one->path) != 0)
            return 1;
    return 0;
}

/* Takes the masks of other images, such as {case}_seg.nii of {case}.nii, out of the images: what
 * matches a label's pattern as that of another case, and has no label itself. */
static pleat_status drop_masks(const bids_row *row, const char *top, volumes *images) {
    volumes labels = {.pattern = row->image, .top = top};
    const bindings none = {.n = 0};
    pleat_status status = PLEAT_OK;
    int kept = 0;
    for (int k = 0; k < 2 && row->label[k] != NULL; k++)
        PLEAT_TRY_GOTO(status, done, walk(top, row->label[k], &none, &labels));
    for (int i = 0; i < images->n; i++) {
        const volume one = images->item[i];
        int mask = 0;
        for (int k = 0; k < labels.n && !mask; k++)
            mask = strcmp(labels.item[k].path, one.path) == 0 &&
                   strcmp(labels.item[k].id, one.id) != 0 && !has_other(&labels, &one);
        images->item[i] = images->item[kept];
        images->item[kept] = one;
        kept += !mask;
    }
    while (images->n > kept) release_volume(&images->item[--images->n]);
done:
    release_volumes(&labels);
    return status;
}

static pleat_status scan_row(const bids_row *row, layout_passed *bare, case_list *to) {
    volumes images = {.pattern = row->image, .top = to->top, .bare = bare};
    const bindings none = {.n = 0};
    pleat_status status = PLEAT_OK;
    int kept = 0;
    PLEAT_TRY_GOTO(status, done, walk(to->top, row->image, &none, &images));
    PLEAT_TRY_GOTO(status, done, drop_masks(row, to->top, &images));
    for (int i = 0; i < images.n; i++) {
        const volume one = images.item[i];
        images.item[i] = images.item[kept];
        images.item[kept] = one;
        kept += !is_no_channel(row, &one);
    }
    if (kept > 0) qsort(images.item, (size_t)kept, sizeof *images.item, by_id_and_channel);
    for (int i = 0, n = 0; i < kept; i += n) {
        const int before = to->n;
        for (n = 1; i + n < kept && strcmp(images.item[i].id, images.item[i + n].id) == 0;) n++;
        PLEAT_TRY_GOTO(status, done,
                       layout_settle(to, before, add_case(&images.item[i], n, row, to)));
    }
    if (to->want == PLEAT_LAYOUT_LABELLED)
        PLEAT_TRY_GOTO(status, done, check_orphans(row, &images, to));
    const volumes of_cases = {.item = images.item, .n = kept};
    PLEAT_TRY_GOTO(status, done, layout_settle(to, to->n, check_channels(&of_cases)));
done:
    release_volumes(&images);
    return status;
}

pleat_status layout_scan_patterns(const char *image, const char *label, case_list *to) {
    const bids_row row = {image, {label[0] == '\0' ? NULL : label, NULL}, NULL};
    PLEAT_TRY(check_pattern("data.image", image));
    if (label[0] != '\0') PLEAT_TRY(check_pattern("data.label", label));
    PLEAT_CHECK(strstr(label, "{channel") == NULL, PLEAT_ERR_ARG,
                "data.label: '%s' has {channel}, but a case has one mask; write the mask's name",
                label);
    PLEAT_CHECK(label[0] != '\0' || to->want != PLEAT_LAYOUT_LABELLED, PLEAT_ERR_ARG,
                "data.image is '%s', but data.label is empty; set it to the names of the masks, "
                "such as '{case}/mask.nii.gz'",
                image);
    PLEAT_TRY(scan_row(&row, &to->passed, to));
    return layout_note_below(to->top, MOST_PARTS, to->item, to->n, &to->passed);
}

static int begins(const char *name, const char *with) {
    return strncmp(name, with, strlen(with)) == 0;
}

/* Whether a folder is a subject's: it has anat, or a session's folder. */
static pleat_status is_subject(const char *folder, const char *name, int *yes) {
    char path[PLEAT_PATH_BYTES];
    layout_names in = {0};
    *yes = 0;
    if (!begins(name, "sub-")) return PLEAT_OK;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", folder, name));
    PLEAT_TRY(layout_is_folder(path, yes));
    if (!*yes) return PLEAT_OK;
    PLEAT_TRY(layout_list(path, &in));
    for (int i = *yes = 0; i < in.n; i++)
        *yes |= strcmp(in.name[i], "anat") == 0 || begins(in.name[i], "ses-");
    layout_names_release(&in);
    return PLEAT_OK;
}

pleat_status layout_scan_bids(const layout_names *entries, case_list *to) {
    int yes = 0;
    for (int i = 0; i < entries->n && !yes; i++)
        PLEAT_TRY(is_subject(entries->folder, entries->name[i], &yes));
    for (size_t i = 0; yes && i < sizeof BIDS / sizeof *BIDS; i++)
        PLEAT_TRY(scan_row(&BIDS[i], NULL, to));
    return yes ? layout_note_below(to->top, MOST_PARTS, to->item, to->n, &to->passed) : PLEAT_OK;
}
