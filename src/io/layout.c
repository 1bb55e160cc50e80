/* layout.c - finds the cases of a data folder. */
#include "pleat/layout.h"

#include "pleat/file.h"

#include "layout_json.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const ENDINGS[] = {".nii.gz", ".nii"};
enum { N_ENDINGS = 2 };

typedef struct names { /* of the entries of a folder, sorted, hidden ones left out */
    char **name;
    int n;
} names;

typedef struct case_list {
    pleat_case_paths *item;
    int n;
} case_list;

/* --- small things --- */

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_id(const void *a, const void *b) {
    return strcmp(((const pleat_case_paths *)a)->id, ((const pleat_case_paths *)b)->id);
}

static int is_file(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

/* Length of `name` without its ending; 0 when it is no volume. `only`, unless NULL, must be it. */
static size_t stem_of(const char *name, const char *only) {
    const size_t n = strlen(name);
    for (int i = 0; i < N_ENDINGS; i++) {
        const size_t m = strlen(ENDINGS[i]);
        if (n > m && strcmp(name + n - m, ENDINGS[i]) == 0)
            return only == NULL || strcmp(only, ENDINGS[i]) == 0 ? n - m : 0;
    }
    return 0;
}

/* The channel of a stem that ends in _0123, else -1. */
static int channel_of(const char *stem, size_t n) {
    if (n < 6 || stem[n - 5] != '_') return -1;
    int channel = 0;
    for (size_t i = n - 4; i < n; i++) {
        if (!isdigit((unsigned char)stem[i])) return -1;
        channel = channel * 10 + (stem[i] - '0');
    }
    return channel;
}

static void names_free(names *list) {
    for (int i = 0; i < list->n; i++) free(list->name[i]);
    free(list->name);
    *list = (names){0};
}

static pleat_status list_folder(const char *folder, names *out) {
    names list = {0};
    pleat_status status = PLEAT_OK;
    DIR *dir = opendir(folder);
    PLEAT_CHECK(dir != NULL, PLEAT_ERR_IO, "cannot read folder '%s': %s", folder, strerror(errno));
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') continue;
        char **grown = realloc(list.name, (size_t)(list.n + 1) * sizeof *grown);
        if (grown != NULL) list.name = grown;
        char *name = grown == NULL ? NULL : strdup(entry->d_name);
        PLEAT_CHECK_GOTO(status, done, name != NULL, PLEAT_ERR_MEMORY,
                         "no memory to list folder '%s'", folder);
        list.name[list.n++] = name;
    }
    if (list.n > 1) qsort(list.name, (size_t)list.n, sizeof *list.name, by_text);
    *out = list;
    list = (names){0};
done:
    names_free(&list);
    (void)closedir(dir);
    return status;
}

/* Another channel of the case added last. */
static pleat_status add_image(const case_list *to, const char *image) {
    pleat_case_paths *item = &to->item[to->n - 1];
    PLEAT_CHECK(item->images < PLEAT_MAX_CHANNELS, PLEAT_ERR_UNSUPPORTED,
                "case '%s': '%s' is channel %d; %d channels are supported, 0 to %d", item->id,
                image, item->images, PLEAT_MAX_CHANNELS, PLEAT_MAX_CHANNELS - 1);
    item->image[item->images] = strdup(image);
    PLEAT_CHECK(item->image[item->images] != NULL, PLEAT_ERR_MEMORY, "no memory for case '%s'",
                item->id);
    item->images++;
    return PLEAT_OK;
}

/* Takes id[id_bytes], its first image and label (NULL: none). */
static pleat_status add(case_list *to, const char *id, size_t id_bytes, const char *image,
                        const char *label) {
    pleat_case_paths *grown = realloc(to->item, (size_t)(to->n + 1) * sizeof *grown);
    PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory for case '%s'", id);
    to->item = grown;
    pleat_case_paths *item = &grown[to->n++];
    *item = (pleat_case_paths){.id = strndup(id, id_bytes),
                               .label = label == NULL ? NULL : strdup(label)};
    PLEAT_CHECK(item->id != NULL && (label == NULL || item->label != NULL), PLEAT_ERR_MEMORY,
                "no memory for case '%s'", id);
    return add_image(to, image);
}

/* FOLDER/STEM with the ending there is, "" when there is none; two of them are an error. */
static pleat_status find_volume(const char *folder, const char *stem, size_t stem_bytes,
                                char *out) {
    char found[PLEAT_PATH_BYTES] = "";
    for (int i = 0; i < N_ENDINGS; i++) {
        char path[PLEAT_PATH_BYTES];
        PLEAT_TRY(
            pleat_path(path, sizeof path, "%s/%.*s%s", folder, (int)stem_bytes, stem, ENDINGS[i]));
        if (!is_file(path)) continue;
        PLEAT_CHECK(found[0] == '\0', PLEAT_ERR_DATA,
                    "'%s' and '%s' are one volume twice; remove one", found, path);
        memcpy(found, path, sizeof found);
    }
    memcpy(out, found, sizeof found);
    return PLEAT_OK;
}

/* FOLDER/STEM_0000 and so on. */
static pleat_status find_channel(const char *folder, const char *stem, size_t stem_bytes,
                                 int channel, char *out) {
    char name[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(name, sizeof name, "%.*s_%04d", (int)stem_bytes, stem, channel));
    return find_volume(folder, name, strlen(name), out);
}

/* To the case added last: FOLDER/STEM_0001 and what follows it. */
static pleat_status add_further(const case_list *to, const char *folder, const char *stem,
                                size_t stem_bytes) {
    char image[PLEAT_PATH_BYTES] = "";
    for (int c = 1;; c++) {
        PLEAT_TRY(find_channel(folder, stem, stem_bytes, c, image));
        if (image[0] == '\0') return PLEAT_OK;
        PLEAT_TRY(add_image(to, image));
    }
}

/* --- one folder a case --- */

/* imaging.nii.gz, or imaging_0000.nii.gz; "" when there is neither. */
static pleat_status find_image(const char *folder, char *out) {
    char first[PLEAT_PATH_BYTES];
    const size_t n = strlen("imaging");
    PLEAT_TRY(find_volume(folder, "imaging", n, out));
    PLEAT_TRY(find_channel(folder, "imaging", n, 0, first));
    PLEAT_CHECK(out[0] == '\0' || first[0] == '\0', PLEAT_ERR_DATA,
                "'%s' and '%s' are one channel twice; remove one", out, first);
    if (out[0] == '\0') memcpy(out, first, sizeof first);
    return PLEAT_OK;
}

/* No imaging_0002 without imaging_0001. */
static pleat_status check_gaps(const char *folder, const pleat_case_paths *item) {
    names entries = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(list_folder(folder, &entries));
    for (int i = 0; i < entries.n; i++) {
        const size_t n = strlen("imaging"), stem = stem_of(entries.name[i], NULL);
        const int channel = stem == n + 5 && strncmp(entries.name[i], "imaging", n) == 0
                                ? channel_of(entries.name[i], stem)
                                : -1;
        PLEAT_CHECK_GOTO(status, done, channel < item->images, PLEAT_ERR_DATA,
                         "case '%s' has channel %d, '%s/%s', but no channel %d; add it", item->id,
                         channel, folder, entries.name[i], item->images);
    }
done:
    names_free(&entries);
    return status;
}

static pleat_status scan_case(const char *folder, const char *id, int need_labels, case_list *to) {
    char image[PLEAT_PATH_BYTES] = "", label[PLEAT_PATH_BYTES] = "";
    PLEAT_TRY(find_image(folder, image));
    PLEAT_TRY(find_volume(folder, "segmentation", strlen("segmentation"), label));
    PLEAT_CHECK(image[0] != '\0', PLEAT_ERR_NOT_FOUND,
                "case '%s' has no image: expected '%s/imaging.nii.gz' or .nii, or "
                "imaging_0000.nii.gz; add it or move the folder away",
                id, folder);
    PLEAT_CHECK(label[0] != '\0' || !need_labels, PLEAT_ERR_NOT_FOUND,
                "case '%s' has no label: expected '%s/segmentation.nii.gz' or .nii; add it or move "
                "the folder away",
                id, folder);
    PLEAT_TRY(add(to, id, strlen(id), image, label[0] == '\0' ? NULL : label));
    const char *base = strrchr(image, '/') + 1;
    if (channel_of(base, stem_of(base, NULL)) < 0) return PLEAT_OK;
    PLEAT_TRY(add_further(to, folder, "imaging", strlen("imaging")));
    return check_gaps(folder, &to->item[to->n - 1]);
}

static pleat_status is_case(const char *folder, int *yes) {
    char image[PLEAT_PATH_BYTES] = "", label[PLEAT_PATH_BYTES] = "";
    PLEAT_TRY(find_image(folder, image));
    PLEAT_TRY(find_volume(folder, "segmentation", strlen("segmentation"), label));
    *yes = image[0] != '\0' || label[0] != '\0';
    return PLEAT_OK;
}

/* Every sub-folder is a case as soon as one of them is: a forgotten volume must not go unseen. */
static pleat_status scan_case_folders(const char *folder, const names *entries, int need_labels,
                                      case_list *to) {
    char path[PLEAT_PATH_BYTES];
    int any = 0;
    for (int i = 0; i < entries->n && !any; i++) {
        PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", folder, entries->name[i]));
        if (pleat_file_is_folder(path)) PLEAT_TRY(is_case(path, &any));
    }
    for (int i = 0; i < entries->n && any; i++) {
        PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", folder, entries->name[i]));
        if (pleat_file_is_folder(path))
            PLEAT_TRY(scan_case(path, entries->name[i], need_labels, to));
    }
    return PLEAT_OK;
}

/* --- folders of volumes --- */

static int has_name(const names *list, const char *stem, size_t n, const char *tail) {
    for (int e = 0; e < N_ENDINGS; e++)
        for (int i = 0; i < list->n; i++) {
            const char *name = list->name[i];
            if (strncmp(name, stem, n) == 0 && strncmp(name + n, tail, strlen(tail)) == 0 &&
                strcmp(name + n + strlen(tail), ENDINGS[e]) == 0)
                return 1;
        }
    return 0;
}

/*
 * case_0000 is channel 0 of "case", unless a label is called case_0000 itself. A lone case_0017
 * without label and without case_0000 beside it is a case whose number has four digits. *out is
 * 0 for a further channel of a case.
 */
static pleat_status id_bytes_of(const char *folder, const char *name, size_t stem,
                                const names *images, const names *labels, size_t *out) {
    const int channel = channel_of(name, stem);
    char before[16];
    *out = stem;
    if (channel < 0 || has_name(labels, name, stem, "")) return PLEAT_OK;
    if (channel == 0) {
        *out = stem - 5;
        return PLEAT_OK;
    }
    if (!has_name(images, name, stem - 5, "_0000") && !has_name(labels, name, stem - 5, ""))
        return PLEAT_OK;
    (void)snprintf(before, sizeof before, "_%04d", channel - 1);
    PLEAT_CHECK(has_name(images, name, stem - 5, before), PLEAT_ERR_DATA,
                "case '%.*s' has channel %d, '%s/%s', but no channel %d; add it", (int)(stem - 5),
                name, channel, folder, name, channel - 1);
    *out = 0;
    return PLEAT_OK;
}

/* Labels whose image nobody has, for folders that go in pairs. */
static pleat_status check_orphans(const char *images, const char *labels, const names *of_labels,
                                  const char *ending, const case_list *found) {
    for (int i = 0; i < of_labels->n; i++) {
        const char *name = of_labels->name[i];
        const size_t stem = stem_of(name, ending);
        int known = stem == 0;
        for (int c = 0; c < found->n && !known; c++)
            known = strncmp(found->item[c].id, name, stem) == 0 && found->item[c].id[stem] == '\0';
        PLEAT_CHECK(known, PLEAT_ERR_NOT_FOUND,
                    "case '%.*s' has a label '%s/%s' but no image: expected '%s/%.*s.nii.gz' or "
                    "_0000.nii.gz; add it or move the label away",
                    (int)stem, name, labels, name, images, (int)stem, name);
    }
    return PLEAT_OK;
}

/* All volumes of `images`, with their labels of folder `labels` (NULL: none). */
static pleat_status scan_volumes(const char *images, const char *labels, const char *ending,
                                 int need_labels, case_list *to) {
    names of_images = {0}, of_labels = {0};
    pleat_status status = PLEAT_OK;
    char image[PLEAT_PATH_BYTES], label[PLEAT_PATH_BYTES] = "";
    PLEAT_TRY_GOTO(status, done, list_folder(images, &of_images));
    if (labels != NULL && pleat_file_is_folder(labels))
        PLEAT_TRY_GOTO(status, done, list_folder(labels, &of_labels));
    for (int i = 0; i < of_images.n; i++) {
        const char *name = of_images.name[i];
        const size_t stem = stem_of(name, ending);
        size_t id = 0;
        if (stem == 0) continue;
        PLEAT_TRY_GOTO(status, done, id_bytes_of(images, name, stem, &of_images, &of_labels, &id));
        if (id == 0) continue;
        PLEAT_TRY_GOTO(status, done, pleat_path(image, sizeof image, "%s/%s", images, name));
        if (labels != NULL) PLEAT_TRY_GOTO(status, done, find_volume(labels, name, id, label));
        PLEAT_CHECK_GOTO(status, done, !need_labels || label[0] != '\0', PLEAT_ERR_NOT_FOUND,
                         "case '%.*s' has no label: expected '%s/%.*s%s'; add it or move the image "
                         "away",
                         (int)id, name, labels, (int)id, name, name + stem);
        PLEAT_TRY_GOTO(status, done, add(to, name, id, image, label[0] == '\0' ? NULL : label));
        if (id < stem) PLEAT_TRY_GOTO(status, done, add_further(to, images, name, id));
    }
    if (need_labels)
        PLEAT_TRY_GOTO(status, done, check_orphans(images, labels, &of_labels, ending, to));
done:
    names_free(&of_labels);
    names_free(&of_images);
    return status;
}

/* --- MSD and nnU-Net --- */

/* One row of "training": old nnU-Net lists case.nii.gz and keeps case_0000.nii.gz. */
static pleat_status add_listed(const char *folder, const char *image, const char *label,
                               int need_labels, case_list *to) {
    char paths[2][PLEAT_PATH_BYTES] = {"", ""};
    if (strncmp(image, "./", 2) == 0) image += 2;
    if (label != NULL && strncmp(label, "./", 2) == 0) label += 2;
    const char *base = strrchr(image, '/') == NULL ? image : strrchr(image, '/') + 1;
    const size_t stem = stem_of(base, NULL);
    PLEAT_CHECK(stem > 0, PLEAT_ERR_FORMAT,
                "'%s/dataset.json' lists '%s', which is no .nii or .nii.gz", folder, image);
    PLEAT_TRY(pleat_path(paths[0], PLEAT_PATH_BYTES, "%s/%s", folder, image));
    const int plain = is_file(paths[0]);
    if (!plain)
        PLEAT_TRY(pleat_path(paths[0], PLEAT_PATH_BYTES, "%s/%.*s%.*s_0000%s", folder,
                             (int)(base - image), image, (int)stem, base, base + stem));
    PLEAT_CHECK(plain || is_file(paths[0]), PLEAT_ERR_NOT_FOUND,
                "case '%.*s' of '%s/dataset.json' has no image: expected '%s/%s'", (int)stem, base,
                folder, folder, image);
    if (label != NULL) PLEAT_TRY(pleat_path(paths[1], PLEAT_PATH_BYTES, "%s/%s", folder, label));
    const int labelled = label != NULL && is_file(paths[1]);
    PLEAT_CHECK(!need_labels || labelled, PLEAT_ERR_NOT_FOUND,
                "case '%.*s' of '%s/dataset.json' has no label: expected '%s/%s'", (int)stem, base,
                folder, folder, label == NULL ? "labelsTr/..." : label);
    size_t id = stem; /* a listed _0000 is a channel unless the label is called so too */
    const char *label_base = label == NULL ? "" : label;
    if (strrchr(label_base, '/') != NULL) label_base = strrchr(label_base, '/') + 1;
    if (channel_of(base, stem) == 0 && strncmp(label_base, base, stem) != 0) id = stem - 5;
    PLEAT_TRY(add(to, base, id, paths[0], labelled ? paths[1] : NULL));
    if (plain && id == stem) return PLEAT_OK;
    char images[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(images, sizeof images, "%.*s", (int)(strrchr(paths[0], '/') - paths[0]),
                         paths[0]));
    return add_further(to, images, base, id);
}

/* Of files; how many channels one file holds, its header says. */
static pleat_status check_named(const char *folder, int named, const case_list *found) {
    for (int i = 0; i < found->n && named > 0; i++) {
        const pleat_case_paths *item = &found->item[i];
        PLEAT_CHECK(item->images == 1 || item->images == named, PLEAT_ERR_DATA,
                    "case '%s' has %d channels, '%s/dataset.json' names %d", item->id, item->images,
                    folder, named);
    }
    return PLEAT_OK;
}

static pleat_status scan_dataset(const char *folder, int need_labels, case_list *to) {
    char images[PLEAT_PATH_BYTES], labels[PLEAT_PATH_BYTES];
    layout_json json = {0};
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, pleat_layout_json_read(folder, &json));
    PLEAT_TRY_GOTO(status, done, pleat_path(images, sizeof images, "%s/imagesTr", folder));
    PLEAT_TRY_GOTO(status, done, pleat_path(labels, sizeof labels, "%s/labelsTr", folder));
    for (int i = 0; i < json.n; i++)
        PLEAT_TRY_GOTO(status, done,
                       add_listed(folder, json.row[i].image, json.row[i].label, need_labels, to));
    if (json.n == 0 && pleat_file_is_folder(images))
        PLEAT_TRY_GOTO(status, done, scan_volumes(images, labels, json.ending, need_labels, to));
    PLEAT_TRY_GOTO(status, done, pleat_path(images, sizeof images, "%s/imagesTs", folder));
    PLEAT_TRY_GOTO(status, done, pleat_path(labels, sizeof labels, "%s/labelsTs", folder));
    if (!need_labels && pleat_file_is_folder(images))
        PLEAT_TRY_GOTO(status, done, scan_volumes(images, labels, json.ending, 0, to));
    PLEAT_TRY_GOTO(status, done, check_named(folder, json.channels, to));
done:
    pleat_layout_json_free(&json);
    return status;
}

/* --- which layout --- */

static pleat_status scan_file(const char *path, int need_labels, case_list *to) {
    const char *base = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    size_t stem = stem_of(base, NULL);
    PLEAT_CHECK(!need_labels, PLEAT_ERR_NOT_FOUND,
                "'%s' is a file; give the folder that holds images and labels", path);
    PLEAT_CHECK(stem > 0, PLEAT_ERR_FORMAT, "'%s' is no .nii or .nii.gz", path);
    const int channel = channel_of(base, stem);
    if (channel == 0) stem -= 5;
    PLEAT_TRY(add(to, base, stem, path, NULL));
    if (channel != 0) return PLEAT_OK;
    char folder[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_path(folder, sizeof folder, "%.*s%s", (int)(base - path), path,
                         base == path ? "." : ""));
    return add_further(to, folder, base, stem);
}

/* The name of `folder` as a case: its last part, "." included. */
static pleat_status scan_own_case(const char *folder, int need_labels, case_list *to) {
    char *real = realpath(folder, NULL);
    PLEAT_CHECK(real != NULL, PLEAT_ERR_IO, "cannot resolve '%s': %s", folder, strerror(errno));
    const pleat_status status = scan_case(folder, strrchr(real, '/') + 1, need_labels, to);
    free(real);
    PLEAT_TRY(status);
    return PLEAT_OK;
}

static pleat_status scan_folder(const char *folder, int need_labels, case_list *to) {
    char tr[PLEAT_PATH_BYTES], ts[PLEAT_PATH_BYTES];
    int own = 0;
    PLEAT_TRY(pleat_path(tr, sizeof tr, "%s/imagesTr", folder));
    PLEAT_TRY(pleat_path(ts, sizeof ts, "%s/imagesTs", folder));
    if (pleat_file_is_folder(tr) || (!need_labels && pleat_file_is_folder(ts))) {
        PLEAT_TRY(scan_dataset(folder, need_labels, to));
        return PLEAT_OK;
    }
    PLEAT_TRY(is_case(folder, &own));
    if (own) {
        PLEAT_TRY(scan_own_case(folder, need_labels, to));
        return PLEAT_OK;
    }
    names entries = {0};
    PLEAT_TRY(list_folder(folder, &entries));
    const pleat_status status = scan_case_folders(folder, &entries, need_labels, to);
    names_free(&entries);
    PLEAT_TRY(status);
    if (to->n == 0 && !need_labels) PLEAT_TRY(scan_volumes(folder, NULL, NULL, 0, to));
    return PLEAT_OK;
}

/* All cases have the same files. */
static pleat_status check_channels(const case_list *found) {
    for (int i = 1; i < found->n; i++) {
        const pleat_case_paths *a = &found->item[i - 1], *b = &found->item[i];
        const pleat_case_paths *less = a->images < b->images ? a : b, *more = less == a ? b : a;
        PLEAT_CHECK(a->images == b->images, PLEAT_ERR_DATA,
                    "case '%s' has no channel %d, which case '%s' has, '%s'; add it, or remove it "
                    "of all cases",
                    less->id, less->images, more->id, more->image[less->images]);
    }
    return PLEAT_OK;
}

static pleat_status scan(const char *path, int need_labels, case_list *to) {
    struct stat about;
    if (stat(path, &about) != 0)
        return PLEAT_FAIL(errno == ENOENT || errno == ENOTDIR ? PLEAT_ERR_NOT_FOUND : PLEAT_ERR_IO,
                          "cannot open data folder '%s': %s", path, strerror(errno));
    if (S_ISDIR(about.st_mode))
        PLEAT_TRY(scan_folder(path, need_labels, to));
    else
        PLEAT_TRY(scan_file(path, need_labels, to));
    PLEAT_CHECK(to->n > 0, PLEAT_ERR_NOT_FOUND,
                "no cases in '%s': expected CASE/imaging.nii.gz with CASE/segmentation.nii.gz, or "
                "imagesTr with labelsTr%s",
                path, need_labels ? "" : ", or volumes named CASE.nii.gz");
    qsort(to->item, (size_t)to->n, sizeof *to->item, by_id);
    for (int i = 1; i < to->n; i++)
        PLEAT_CHECK(strcmp(to->item[i - 1].id, to->item[i].id) != 0, PLEAT_ERR_DATA,
                    "case '%s' is there twice: '%s' and '%s'; remove or rename one", to->item[i].id,
                    to->item[i - 1].image[0], to->item[i].image[0]);
    return check_channels(to);
}

pleat_status pleat_layout_scan(const char *folder, int need_labels, pleat_case_paths **out,
                               int *n) {
    case_list found = {0};
    const pleat_status status = scan(folder, need_labels, &found);
    if (status != PLEAT_OK) {
        pleat_layout_free(found.item, found.n);
        PLEAT_TRY(status);
    }
    *out = found.item;
    *n = found.n;
    return PLEAT_OK;
}

void pleat_layout_free(pleat_case_paths *cases, int n) {
    for (int i = 0; i < n; i++) {
        free(cases[i].id);
        for (int c = 0; c < cases[i].images; c++) free(cases[i].image[c]);
        free(cases[i].label);
    }
    free(cases);
}
