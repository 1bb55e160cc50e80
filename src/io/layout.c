/* layout.c - finds the cases of a data folder. */
#include "pleat/layout.h"

#include "layout_cases.h"
#include "layout_files.h"
#include "layout_json.h"

#include "pleat/text.h"
#include "pleat/warn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- small things --- */

static int by_id(const void *a, const void *b) {
    return strcmp(((const pleat_case_paths *)a)->id, ((const pleat_case_paths *)b)->id);
}

/* To the case added last: STEM_0001 and what follows it. */
static pleat_status add_further(const case_list *to, const layout_names *in, const char *stem,
                                size_t stem_bytes) {
    char image[PLEAT_PATH_BYTES] = "", tail[16];
    for (int c = 1;; c++) {
        (void)snprintf(tail, sizeof tail, "_%04d", c);
        PLEAT_TRY(layout_find(in, stem, stem_bytes, tail, image));
        if (image[0] == '\0') return PLEAT_OK;
        PLEAT_TRY(layout_add_image(to, image));
    }
}

/* --- one folder a case --- */

#define IMAGING      "imaging", strlen("imaging")
#define SEGMENTATION "segmentation", strlen("segmentation")

/* imaging.nii.gz, or imaging_0000.nii.gz; "" when there is neither. */
static pleat_status find_image(const layout_names *in, char *out) {
    char first[PLEAT_PATH_BYTES];
    PLEAT_TRY(layout_find(in, IMAGING, "", out));
    PLEAT_TRY(layout_find(in, IMAGING, "_0000", first));
    PLEAT_CHECK(out[0] == '\0' || first[0] == '\0', PLEAT_ERR_DATA,
                "'%s' and '%s' are one channel twice; remove one", out, first);
    if (out[0] == '\0') memcpy(out, first, sizeof first);
    return PLEAT_OK;
}

static pleat_status scan_case(const layout_names *in, const char *id, case_list *to) {
    char hint[LAYOUT_HINT] = "", image[PLEAT_PATH_BYTES] = "", label[PLEAT_PATH_BYTES] = "";
    PLEAT_TRY(find_image(in, image));
    PLEAT_TRY(layout_find(in, SEGMENTATION, "", label));
    if (image[0] == '\0') layout_hint(in->folder, hint);
    PLEAT_CHECK(image[0] != '\0', PLEAT_ERR_NOT_FOUND,
                "case '%s' has no image: expected '%s/imaging.nii.gz' or .nii, or "
                "imaging_0000.nii.gz; add it or move the folder away%s",
                id, in->folder, hint);
    PLEAT_CHECK(label[0] != '\0' || to->want != PLEAT_LAYOUT_LABELLED, PLEAT_ERR_NOT_FOUND,
                "case '%s' has no label: expected '%s/segmentation.nii.gz' or .nii; add it or move "
                "the folder away",
                id, in->folder);
    PLEAT_TRY(layout_add(to, id, strlen(id), image, label[0] == '\0' ? NULL : label));
    const char *base = strrchr(image, '/') + 1;
    if (layout_channel(base, layout_stem(base)) >= 0) PLEAT_TRY(add_further(to, in, IMAGING));
    return layout_note_passed(to->top, in->folder, 1, &to->item[to->n - 1], 1, &to->passed);
}

static pleat_status is_case(const layout_names *in, int *yes) {
    char image[PLEAT_PATH_BYTES] = "", label[PLEAT_PATH_BYTES] = "";
    PLEAT_TRY(find_image(in, image));
    PLEAT_TRY(layout_find(in, SEGMENTATION, "", label));
    *yes = image[0] != '\0' || label[0] != '\0';
    return PLEAT_OK;
}

/* The case of a sub-folder, when `take`; else only whether it is one. */
static pleat_status look_at_folder(const char *folder, const char *id, int take, int *any,
                                   case_list *to) {
    layout_names in = {0};
    PLEAT_TRY(layout_list(folder, &in));
    const pleat_status status = take ? scan_case(&in, id, to) : is_case(&in, any);
    layout_names_release(&in);
    PLEAT_TRY(status);
    return PLEAT_OK;
}

/* Every sub-folder is a case as soon as one of them is: a forgotten volume must not go unseen. */
static pleat_status scan_case_folders(const layout_names *entries, case_list *to) {
    char path[PLEAT_PATH_BYTES];
    int any = 0;
    for (int take = 0; take < 2; take++)
        for (int i = 0; i < entries->n && (take ? any : !any); i++) {
            int folder = 0;
            PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", entries->folder, entries->name[i]));
            PLEAT_TRY(layout_is_folder(path, &folder));
            const int before = to->n;
            if (folder)
                PLEAT_TRY(layout_settle(to, before,
                                        look_at_folder(path, entries->name[i], take, &any, to)));
        }
    if (any) PLEAT_TRY(layout_note_passed(to->top, to->top, 0, to->item, to->n, &to->passed));
    return PLEAT_OK;
}

/* --- folders of volumes --- */

/* Length of the stem of a volume; 0 when it is none, or not of the ending that is asked for. */
static size_t stem_ending(const char *name, const char *only) {
    const size_t stem = layout_stem(name);
    return only == NULL || strcasecmp(name + stem, only) == 0 ? stem : 0;
}

static int has_name(const layout_names *list, const char *stem, size_t n, const char *tail,
                    const char *ending) {
    const size_t m = strlen(tail);
    for (int i = layout_first_with(list, stem, n);
         i < list->n && strncmp(list->name[i], stem, n) == 0; i++)
        if (strncmp(list->name[i] + n, tail, m) == 0 && stem_ending(list->name[i], ending) == n + m)
            return 1;
    return 0;
}

/*
 * case_0000 is channel 0 of "case", unless a label is called case_0000 itself. A lone case_0017
 * without label and without case_0000 beside it is a case whose number has four digits. *out is
 * 0 for a further channel of a case.
 */
static pleat_status id_bytes_of(const char *name, size_t stem, const layout_names *images,
                                const layout_names *labels, size_t *out) {
    const char *folder = images->folder;
    const int channel = layout_channel(name, stem);
    char before[16];
    *out = stem;
    if (channel < 0 || has_name(labels, name, stem, "", NULL)) return PLEAT_OK;
    if (channel == 0) {
        *out = stem - 5;
        return PLEAT_OK;
    }
    if (!has_name(images, name, stem - 5, "_0000", NULL) &&
        !has_name(labels, name, stem - 5, "", NULL))
        return PLEAT_OK;
    (void)snprintf(before, sizeof before, "_%04d", channel - 1);
    PLEAT_CHECK(has_name(images, name, stem - 5, before, NULL), PLEAT_ERR_DATA,
                "case '%.*s' has channel %d, '%s/%s', but no channel %d; add it" LAYOUT_RENAME,
                (int)(stem - 5), name, channel, folder, name, channel - 1);
    *out = 0;
    return PLEAT_OK;
}

/* Of cases sorted by id. */
static int has_case(const case_list *sorted, const char *name, size_t n) {
    char id[PLEAT_PATH_BYTES];
    (void)snprintf(id, sizeof id, "%.*s", (int)n, name);
    const pleat_case_paths wanted = {.id = id};
    return sorted->n > 0 &&
           bsearch(&wanted, sorted->item, (size_t)sorted->n, sizeof wanted, by_id) != NULL;
}

/* Labels whose image nobody has, for folders that go in pairs. A case that was refused has one. */
static pleat_status check_orphans(const layout_names *of_images, const layout_names *of_labels,
                                  const char *ending, case_list *found) {
    if (found->n > 1) qsort(found->item, (size_t)found->n, sizeof *found->item, by_id);
    for (int i = 0; i < of_labels->n; i++) {
        const char *name = of_labels->name[i];
        const size_t stem = stem_ending(name, ending);
        if (stem == 0 || has_case(found, name, stem) ||
            has_name(of_images, name, stem, "", ending) ||
            has_name(of_images, name, stem, "_0000", ending))
            continue;
        PLEAT_TRY(layout_settle(
            found, found->n,
            PLEAT_FAIL(PLEAT_ERR_NOT_FOUND,
                       "case '%.*s' has a label '%s/%s' but no image: expected '%s/%.*s.nii.gz' or "
                       "_0000.nii.gz; add it or move the label away",
                       (int)stem, name, of_labels->folder, name, of_images->folder, (int)stem,
                       name)));
    }
    return PLEAT_OK;
}

/* A volume with its label, when it is a case and no further channel. */
static pleat_status add_volume(const char *name, size_t stem, const layout_names *images,
                               const layout_names *labels, case_list *to) {
    char image[PLEAT_PATH_BYTES], label[PLEAT_PATH_BYTES] = "";
    size_t id = stem;
    layout_kind kind = LAYOUT_ABSENT;
    const int maps = to->want == PLEAT_LAYOUT_MAPS && labels->folder[0] == '\0';
    if (!maps) PLEAT_TRY(id_bytes_of(name, stem, images, labels, &id));
    if (id == 0) return PLEAT_OK;
    PLEAT_TRY(pleat_path(image, sizeof image, "%s/%s", images->folder, name));
    PLEAT_TRY(layout_look(image, &kind));
    if (kind != LAYOUT_FILE) return PLEAT_OK;
    PLEAT_TRY(layout_find(labels, name, id, "", label));
    PLEAT_CHECK(to->want != PLEAT_LAYOUT_LABELLED || label[0] != '\0', PLEAT_ERR_NOT_FOUND,
                "case '%.*s' has no label: expected '%s/%.*s%s'; add it or move the image away",
                (int)id, name, labels->folder, (int)id, name, name + stem);
    PLEAT_TRY(layout_add(to, name, id, image, label[0] == '\0' ? NULL : label));
    if (id < stem) PLEAT_TRY(add_further(to, images, name, id));
    return PLEAT_OK;
}

/* All volumes of `images`, with their labels of folder `labels` (NULL: none). */
static pleat_status scan_volumes(const char *images, const char *labels, const char *ending,
                                 case_list *to) {
    layout_names of_images = {0}, of_labels = {0};
    pleat_status status = PLEAT_OK;
    int there = 0;
    PLEAT_TRY_GOTO(status, done, layout_list(images, &of_images));
    if (labels != NULL) PLEAT_TRY_GOTO(status, done, layout_is_folder(labels, &there));
    if (there) PLEAT_TRY_GOTO(status, done, layout_list(labels, &of_labels));
    if (labels != NULL)
        PLEAT_TRY_GOTO(status, done,
                       pleat_path(of_labels.folder, sizeof of_labels.folder, "%s", labels));
    for (int i = 0; i < of_images.n; i++) {
        const size_t stem = stem_ending(of_images.name[i], ending);
        if (stem == 0) continue;
        const int before = to->n;
        PLEAT_TRY_GOTO(
            status, done,
            layout_settle(to, before,
                          add_volume(of_images.name[i], stem, &of_images, &of_labels, to)));
    }
    if (to->want == PLEAT_LAYOUT_LABELLED)
        PLEAT_TRY_GOTO(status, done, check_orphans(&of_images, &of_labels, ending, to));
    PLEAT_TRY_GOTO(status, done,
                   layout_note_passed(to->top, images, 1, to->item, to->n, &to->passed));
    if (there)
        PLEAT_TRY_GOTO(status, done,
                       layout_note_passed(to->top, labels, 1, to->item, to->n, &to->passed));
done:
    layout_names_release(&of_labels);
    layout_names_release(&of_images);
    return status;
}

/* --- MSD and nnU-Net --- */

static pleat_status resolve_listed(const char *folder, const char *entry,
                                   char out[PLEAT_PATH_BYTES]) {
    char file[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(file, sizeof file, "%s/dataset.json", folder));
    return layout_resolve(file, folder, entry, out);
}

static pleat_status is_file(const char *path, int *yes) {
    layout_kind kind = LAYOUT_ABSENT;
    PLEAT_TRY(layout_look(path, &kind));
    *yes = kind == LAYOUT_FILE;
    return PLEAT_OK;
}

/* The image of a row: old nnU-Net lists case.nii.gz and keeps case_0000.nii.gz. */
static pleat_status find_listed(const char *folder, const char *image, char path[PLEAT_PATH_BYTES],
                                int *plain) {
    char listed[PLEAT_PATH_BYTES];
    int there = 0;
    PLEAT_TRY(resolve_listed(folder, image, listed));
    const char *base = strrchr(listed, '/') + 1;
    const size_t stem = layout_stem(base);
    PLEAT_CHECK(stem > 0, PLEAT_ERR_FORMAT,
                "'%s/dataset.json' lists '%s', which is no .nii or .nii.gz; convert it, or take "
                "the entry out",
                folder, image);
    PLEAT_TRY(is_file(listed, plain));
    if (*plain) {
        memcpy(path, listed, sizeof listed);
        return PLEAT_OK;
    }
    PLEAT_TRY(pleat_path(path, PLEAT_PATH_BYTES, "%.*s%.*s_0000%s", (int)(base - listed), listed,
                         (int)stem, base, base + stem));
    PLEAT_TRY(is_file(path, &there));
    PLEAT_CHECK(there, PLEAT_ERR_NOT_FOUND,
                "case '%.*s' of '%s/dataset.json' has no image: expected '%s'; add it, or take the "
                "entry out, or the whole list \"training\": then all files that are there count",
                (int)stem, base, folder, listed);
    return PLEAT_OK;
}

/* One row of "training". */
static pleat_status add_listed(const char *folder, const layout_row *row, case_list *to) {
    char image[PLEAT_PATH_BYTES] = "", label[PLEAT_PATH_BYTES] = "";
    int plain = 0, labelled = 0;
    PLEAT_TRY(find_listed(folder, row->image, image, &plain));
    const char *listed =
        strrchr(row->image, '/') == NULL ? row->image : strrchr(row->image, '/') + 1;
    const size_t stem = layout_stem(listed);
    if (row->label != NULL) PLEAT_TRY(resolve_listed(folder, row->label, label));
    if (row->label != NULL) PLEAT_TRY(is_file(label, &labelled));
    PLEAT_CHECK(to->want != PLEAT_LAYOUT_LABELLED || labelled, PLEAT_ERR_NOT_FOUND,
                "case '%.*s' of '%s/dataset.json' has no label: expected '%s'; add it, or take the "
                "entry out, or the whole list \"training\": then all files that are there count",
                (int)stem, listed, folder, row->label == NULL ? "a \"label\" in the list" : label);
    size_t id = stem; /* a listed _0000 is a channel unless the label is called so too */
    const char *label_base = row->label == NULL ? "" : strrchr(label, '/') + 1;
    if (layout_channel(listed, stem) == 0 && strncmp(label_base, listed, stem) != 0) id = stem - 5;
    PLEAT_TRY(layout_add(to, listed, id, image, labelled ? label : NULL));
    if (plain && id == stem) return PLEAT_OK;
    char images[PLEAT_PATH_BYTES];
    layout_names names = {0};
    PLEAT_TRY(pleat_path(images, sizeof images, "%.*s", (int)(strrchr(image, '/') - image), image));
    PLEAT_TRY(layout_list(images, &names));
    const pleat_status status = add_further(to, &names, listed, id);
    layout_names_release(&names);
    PLEAT_TRY(status);
    return PLEAT_OK;
}

/* Of files; how many channels one file holds, its header says. */
static pleat_status check_named(const char *folder, int named, const case_list *found) {
    for (int i = 0; i < found->n && named > 0; i++) {
        const pleat_case_paths *item = &found->item[i];
        PLEAT_CHECK(item->images == 1 || item->images == named, PLEAT_ERR_DATA,
                    "case '%s' has %d channels, the last '%s', but '%s/dataset.json' names %d; add "
                    "what is missing, or correct the names",
                    item->id, item->images, item->image[item->images - 1], folder, named);
    }
    return PLEAT_OK;
}

/* The cases of "training". What many entries lack is told once: a folder may have some of all. */
static pleat_status scan_list(const char *folder, const layout_json *json, case_list *to) {
    const layout_row *first = NULL;
    int missing = 0;
    for (int i = 0; i < json->n; i++) {
        const int before = to->n;
        const pleat_status status = add_listed(folder, &json->row[i], to);
        if (status != PLEAT_ERR_NOT_FOUND || to->n > before)
            PLEAT_TRY(layout_settle(to, before, status));
        else if (missing++ == 0)
            first = &json->row[i];
    }
    if (first == NULL) return PLEAT_OK;
    if (missing == 1) return layout_settle(to, to->n, add_listed(folder, first, to));
    return layout_settle(
        to, to->n,
        PLEAT_FAIL(PLEAT_ERR_NOT_FOUND,
                   "%d of %d entries of '%s/dataset.json' have no image or no label (first: "
                   "'%s'); add the files, or take out \"training\": then all that are there count",
                   missing, json->n, folder, first->image));
}

/* The list's cases, or all of imagesTr; with what the list leaves out. */
static pleat_status scan_training(const char *folder, const layout_json *json, case_list *to) {
    static const char *const parts[] = {"imagesTr", "labelsTr"};
    char path[2][PLEAT_PATH_BYTES];
    int there[2] = {0};
    for (int i = 0; i < 2; i++) {
        PLEAT_TRY(pleat_path(path[i], PLEAT_PATH_BYTES, "%s/%s", folder, parts[i]));
        PLEAT_TRY(layout_is_folder(path[i], &there[i]));
    }
    PLEAT_TRY(scan_list(folder, json, to));
    if (json->n == 0 && there[0]) return scan_volumes(path[0], path[1], json->ending, to);
    for (int i = 0; i < 2; i++)
        if (there[i])
            PLEAT_TRY(layout_note_passed(to->top, path[i], 1, to->item, to->n, &to->passed));
    return PLEAT_OK;
}

static pleat_status scan_dataset(const char *folder, const layout_json *json, case_list *to) {
    char images[PLEAT_PATH_BYTES], labels[PLEAT_PATH_BYTES];
    int there = 0;
    PLEAT_TRY(scan_training(folder, json, to));
    layout_json_tell(folder, json, to->n);
    PLEAT_TRY(pleat_path(images, sizeof images, "%s/imagesTs", folder));
    PLEAT_TRY(pleat_path(labels, sizeof labels, "%s/labelsTs", folder));
    if (to->want != PLEAT_LAYOUT_LABELLED) PLEAT_TRY(layout_is_folder(images, &there));
    if (there) PLEAT_TRY(scan_volumes(images, labels, json->ending, to));
    PLEAT_TRY(layout_note_passed(to->top, folder, 0, to->item, to->n, &to->passed));
    return layout_settle(to, to->n, check_named(folder, json->channels, to));
}

/* --- which layout --- */

static pleat_status scan_file(const char *path, case_list *to) {
    const char *base = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    size_t stem = layout_stem(base);
    PLEAT_CHECK(to->want != PLEAT_LAYOUT_LABELLED, PLEAT_ERR_NOT_FOUND,
                "'%s' is a file; give the folder that holds images and labels", path);
    char hint[LAYOUT_HINT] = "";
    if (stem == 0) layout_hint(path, hint);
    PLEAT_CHECK(stem > 0, PLEAT_ERR_FORMAT, "'%s' is no .nii or .nii.gz%s", path, hint);
    const int channel = to->want == PLEAT_LAYOUT_MAPS ? -1 : layout_channel(base, stem);
    if (channel == 0) stem -= 5;
    PLEAT_TRY(layout_add(to, base, stem, path, NULL));
    if (channel != 0) return PLEAT_OK;
    char folder[PLEAT_PATH_BYTES];
    layout_names names = {0};
    PLEAT_TRY(pleat_path(folder, sizeof folder, "%.*s%s", (int)(base - path), path,
                         base == path ? "." : ""));
    if (base - path > 1) folder[base - path - 1] = '\0'; /* the slash */
    PLEAT_TRY(layout_list(folder, &names));
    const pleat_status status = add_further(to, &names, base, stem);
    layout_names_release(&names);
    PLEAT_TRY(status);
    return layout_check_beside(to);
}

/* The name of a folder as a case: its last part, "." included. */
static pleat_status scan_own_case(const layout_names *in, case_list *to) {
    char *real = realpath(in->folder, NULL);
    PLEAT_CHECK(real != NULL, PLEAT_ERR_IO, "cannot resolve '%s': %s", in->folder, strerror(errno));
    const pleat_status status = scan_case(in, strrchr(real, '/') + 1, to);
    free(real);
    PLEAT_TRY(status);
    return PLEAT_OK;
}

/* Whether the folder is one of imagesTr, or of imagesTs where that counts. */
static pleat_status is_dataset(const char *folder, pleat_layout_want want, int *yes) {
    char path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/imagesTr", folder));
    PLEAT_TRY(layout_is_folder(path, yes));
    if (*yes || want == PLEAT_LAYOUT_LABELLED) return PLEAT_OK;
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/imagesTs", folder));
    return layout_is_folder(path, yes);
}

static pleat_status scan_entries(const layout_names *entries, const layout_json *json,
                                 case_list *to) {
    int yes = 0;
    for (int i = 0; i < entries->n; i++)
        PLEAT_CHECK(strcasecmp(entries->name[i], "dataset.json") != 0 ||
                        strcmp(entries->name[i], "dataset.json") == 0,
                    PLEAT_ERR_UNSUPPORTED,
                    "'%s/%s' is not read under that name; rename it to dataset.json",
                    entries->folder, entries->name[i]);
    PLEAT_TRY(is_dataset(entries->folder, to->want, &yes));
    if (yes || json->n > 0) return scan_dataset(entries->folder, json, to);
    PLEAT_TRY(layout_scan_bids(entries, to));
    if (to->n > 0 || (to->refused != NULL && to->refused->n > 0)) return PLEAT_OK;
    PLEAT_TRY(is_case(entries, &yes));
    if (yes)
        PLEAT_TRY(scan_own_case(entries, to));
    else
        PLEAT_TRY(scan_case_folders(entries, to));
    if (to->n == 0 && to->want != PLEAT_LAYOUT_LABELLED)
        PLEAT_TRY(scan_volumes(entries->folder, NULL, NULL, to));
    layout_json_tell(entries->folder, json, to->n);
    return PLEAT_OK;
}

static pleat_status scan_folder(const char *folder, case_list *to) {
    layout_names entries = {0};
    layout_json json = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, layout_list(folder, &entries));
    PLEAT_TRY_GOTO(status, done, pleat_layout_json_read(folder, &json));
    PLEAT_CHECK_GOTO(status, done, !json.empty || to->want != PLEAT_LAYOUT_LABELLED, PLEAT_ERR_DATA,
                     "'%s/dataset.json' has an empty list \"training\", so no case to learn from; "
                     "list them, or remove the key to take those that are there",
                     folder);
    PLEAT_TRY_GOTO(status, done, scan_entries(&entries, &json, to));
done:
    pleat_layout_json_free(&json);
    layout_names_release(&entries);
    return status;
}

/* All cases have the same files. */
static pleat_status check_channels(const case_list *found) {
    for (int i = 1; i < found->n; i++) {
        const pleat_case_paths *a = &found->item[i - 1], *b = &found->item[i];
        const pleat_case_paths *less = a->images < b->images ? a : b, *more = less == a ? b : a;
        PLEAT_CHECK(a->images == b->images, PLEAT_ERR_DATA,
                    "case '%s' has no channel %d, which case '%s' has, '%s'; add it, or remove it "
                    "of all cases" LAYOUT_RENAME,
                    less->id, less->images, more->id, more->image[less->images]);
    }
    return PLEAT_OK;
}

static void tell_passed(const case_list *found) {
    const layout_passed *p = &found->passed;
    if (p->n > 0)
        pleat_warn("%d file%s of '%s' %s skipped, not part of a case: %s%s", p->n,
                   pleat_plural(p->n), found->top, p->n == 1 ? "is" : "are", p->first,
                   p->n > LAYOUT_TOLD ? ", ..." : "");
}

/* Of one that says itself which files are cases: names or a table. */
static pleat_status scan_described(const char *path, case_list *to) {
    const char *rest = NULL;
    char base[PLEAT_PATH_BYTES], image[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_layout_base(path, base, &rest));
    if (rest[0] == '\0') return layout_scan_table(path, to);
    const char *label = strchr(rest + 1, '|');
    PLEAT_TRY(pleat_path(image, sizeof image, "%.*s", (int)strcspn(rest + 1, "|"), rest + 1));
    to->top = base;
    const pleat_status status = layout_scan_patterns(image, label == NULL ? "" : label + 1, to);
    to->top = path;
    return status;
}

static pleat_status find_cases(const char *path, layout_kind kind, case_list *to) {
    if (pleat_layout_is_described(path)) return scan_described(path, to);
    return kind == LAYOUT_FOLDER ? scan_folder(path, to) : scan_file(path, to);
}

/* ERR_NOT_FOUND of the data folder or file `base`: where a relative one was looked for. */
static pleat_status not_there(const char *base) {
    char whole[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_file_absolute(base, whole));
    PLEAT_CHECK(base[0] == '/', PLEAT_ERR_NOT_FOUND,
                "cannot open data folder '%s': there is no '%s'; a relative path begins in the "
                "folder where pleat is started",
                base, whole);
    return PLEAT_FAIL(PLEAT_ERR_NOT_FOUND, "cannot open data folder '%s': no such file or folder",
                      base);
}

static pleat_status scan(const char *path, case_list *to) {
    layout_kind kind = LAYOUT_ABSENT;
    char base[PLEAT_PATH_BYTES], hint[LAYOUT_HINT] = "";
    PLEAT_TRY(pleat_layout_base(path, base, NULL));
    PLEAT_TRY(layout_look(base, &kind));
    if (kind == LAYOUT_ABSENT) return not_there(base);
    PLEAT_TRY(find_cases(path, kind, to));
    if (to->n == 0 && to->refused != NULL && to->refused->n > 0) return PLEAT_OK;
    if (to->n == 0) layout_hint(base, hint);
    PLEAT_CHECK(to->n > 0 || !pleat_layout_is_described(path), PLEAT_ERR_NOT_FOUND,
                "no cases in '%s': no file has such a name%s", path, hint);
    PLEAT_CHECK(to->n > 0, PLEAT_ERR_NOT_FOUND,
                "no cases in '%s': expected CASE/imaging.nii.gz with CASE/segmentation.nii.gz, or "
                "imagesTr with labelsTr%s; other names by data.image and data.label%s",
                path, to->want == PLEAT_LAYOUT_LABELLED ? "" : ", or volumes named CASE.nii.gz",
                hint);
    qsort(to->item, (size_t)to->n, sizeof *to->item, by_id);
    PLEAT_TRY(layout_check_twice(to));
    if (to->want == PLEAT_LAYOUT_LABELLED) PLEAT_TRY(layout_check_shared(to));
    if (kind == LAYOUT_FOLDER && !pleat_layout_is_described(path))
        PLEAT_TRY(layout_check_beside(to));
    if (to->refused == NULL) PLEAT_TRY(check_channels(to));
    tell_passed(to);
    return PLEAT_OK;
}

pleat_status pleat_layout_scan_all(const char *folder, pleat_layout_want want,
                                   pleat_layout_refusals *refused, pleat_case_paths **out, int *n) {
    case_list found = {.top = folder, .want = want, .refused = refused};
    const pleat_status status = scan(folder, &found);
    if (status != PLEAT_OK) {
        pleat_layout_free(found.item, found.n);
        PLEAT_TRY(status);
    }
    *out = found.item;
    *n = found.n;
    return PLEAT_OK;
}

pleat_status pleat_layout_scan(const char *folder, pleat_layout_want want, pleat_case_paths **out,
                               int *n) {
    return pleat_layout_scan_all(folder, want, NULL, out, n);
}

void pleat_layout_refusals_free(pleat_layout_refusals *refused) {
    for (int i = 0; i < refused->n; i++) free(refused->text[i]);
    free(refused->text);
    *refused = (pleat_layout_refusals){0};
}

void pleat_layout_free(pleat_case_paths *cases, int n) {
    for (int i = 0; i < n; i++) layout_release_case(&cases[i]);
    free(cases);
}

pleat_status pleat_layout_base(const char *path, char *base, const char **rest) {
    const char *bar = pleat_file_exists(path) ? NULL : strchr(path, '|');
    const size_t bytes = bar == NULL ? strlen(path) : (size_t)(bar - path);
    if (rest != NULL) *rest = path + bytes;
    return pleat_path(base, PLEAT_PATH_BYTES, "%.*s", bar == path ? 1 : (int)bytes,
                      bar == path ? "." : path);
}

int pleat_layout_is_there(const char *path) {
    char base[PLEAT_PATH_BYTES];
    return pleat_layout_base(path, base, NULL) == PLEAT_OK && pleat_file_exists(base);
}

int pleat_layout_is_described(const char *path) {
    const size_t n = strlen(path);
    if (pleat_file_exists(path))
        return n > 4 && strcasecmp(path + n - 4, ".csv") == 0 && !pleat_file_is_folder(path);
    return strchr(path, '|') != NULL;
}

pleat_status pleat_layout_volume(const char *folder, const char *id, char *path) {
    layout_names names = {0};
    path[0] = '\0';
    if (pleat_layout_is_described(folder)) return PLEAT_OK;
    PLEAT_TRY(layout_list(folder, &names));
    const pleat_status status = layout_find(&names, id, strlen(id), "", path);
    layout_names_release(&names);
    PLEAT_TRY(status);
    return PLEAT_OK;
}
