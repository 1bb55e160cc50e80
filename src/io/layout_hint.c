/* layout_hint.c - how images of formats that are not read become NIfTI. */
#include "layout_files.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { MOST_LOOKED_AT = 200, MOST_LEVELS = 5 };

typedef struct format {
    const char *name;
    const char *ending[4];
    const char *cure; /* IN and OUT are the reader's */
} format;

#define BY_SIMPLEITK(ending)                                                  \
    "python3 -c \"import SimpleITK as s; s.WriteImage(s.ReadImage('IN" ending \
    "'), 'OUT.nii.gz')\""                                                     \
    " (pip install SimpleITK)"

static const format FORMATS[] = {
    {"DICOM", {".dcm", ".ima", ".dicom"}, "dcm2niix -z y -o OUT IN"},
    {"NRRD", {".nrrd", ".nhdr"}, BY_SIMPLEITK(".nrrd")},
    {"MetaImage", {".mha", ".mhd"}, BY_SIMPLEITK(".mha")},
};

static int ends_in(const char *name, const char *ending) {
    const size_t n = strlen(name), m = strlen(ending);
    return n > m && strcasecmp(name + n - m, ending) == 0;
}

/* DICOM's files often have no ending: "DICM" stands after 128 bytes. */
static int is_dicom(const char *path) {
    char start[132] = "";
    int fd = -1;
    int64_t size = 0;
    if (pleat_file_open(path, &fd, &size) != PLEAT_OK) return 0;
    const ssize_t got = pread(fd, start, sizeof start, 0);
    (void)close(fd);
    return got == (ssize_t)sizeof start && memcmp(start + 128, "DICM", 4) == 0;
}

static const format *format_of(const char *path) {
    for (size_t i = 0; i < sizeof FORMATS / sizeof *FORMATS; i++)
        for (int k = 0; k < 4 && FORMATS[i].ending[k] != NULL; k++)
            if (ends_in(path, FORMATS[i].ending[k])) return &FORMATS[i];
    return is_dicom(path) ? &FORMATS[0] : NULL;
}

/* The first file of such a format; *left entries may still be looked at. */
static const format *find(const char *path, int levels, int *left) {
    layout_kind kind = LAYOUT_ABSENT;
    layout_names in = {0};
    const format *found = NULL;
    if (--*left < 0 || layout_look(path, &kind) != PLEAT_OK) return NULL;
    if (kind == LAYOUT_FILE) return format_of(path);
    if (kind != LAYOUT_FOLDER || levels == 0 || layout_list(path, &in) != PLEAT_OK) return NULL;
    for (int i = 0; i < in.n && found == NULL && *left > 0; i++) {
        char below[PLEAT_PATH_BYTES];
        if (pleat_path(below, sizeof below, "%s/%s", path, in.name[i]) == PLEAT_OK)
            found = find(below, levels - 1, left);
    }
    layout_names_release(&in);
    return found;
}

void layout_hint(const char *path, char *out) {
    int left = MOST_LOOKED_AT;
    const format *found = find(path, MOST_LEVELS, &left);
    out[0] = '\0';
    if (found != NULL)
        (void)snprintf(out, LAYOUT_HINT, "; it holds %s, which is not read; convert it by: %s",
                       found->name, found->cure);
}
