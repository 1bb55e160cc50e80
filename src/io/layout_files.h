/* layout_files.h - what src/io/layout*.c share: the entries of a folder, and what they are. */
#ifndef PLEAT_LAYOUT_FILES_H
#define PLEAT_LAYOUT_FILES_H

#include "pleat/file.h"
#include "pleat/layout.h"

typedef struct layout_names {
    char folder[PLEAT_PATH_BYTES];
    char **name; /* [n], sorted by bytes; hidden ones left out */
    int n;
} layout_names;

typedef enum layout_kind { LAYOUT_ABSENT, LAYOUT_FILE, LAYOUT_FOLDER } layout_kind;

/* What `path` is, links followed. Only what is not there is absent: a link that leads nowhere,
 * what may not be looked at, a pipe and a device are ERR_IO. */
pleat_status layout_look(const char *path, layout_kind *out);
pleat_status layout_is_folder(const char *path, int *yes);

pleat_status layout_list(const char *folder, layout_names *out);
void layout_names_release(layout_names *names);

/* Length of `name` without its .nii.gz or .nii, in capitals or not; 0 when it is no volume. */
size_t layout_stem(const char *name);

/* The channel of a stem that ends in _0123, else -1. */
int layout_channel(const char *stem, size_t n);

/* The first of the sorted names that is not before stem[n]. */
int layout_first_with(const layout_names *in, const char *stem, size_t n);

/* Ends a message about channels that may be none. */
#define LAYOUT_RENAME                                                                           \
    "; volumes that are cases of their own must not end in _0000, _0001, ...: rename them, as " \
    "scan_0001.nii.gz to scan-0001.nii.gz"

/* The volume STEM TAIL with any ending, as FOLDER/NAME; "" when there is none. Two of them are
 * ERR_DATA. */
pleat_status layout_find(const layout_names *in, const char *stem, size_t stem_bytes,
                         const char *tail, char out[PLEAT_PATH_BYTES]);

#define LAYOUT_TOLD 5 /* names in a message */

/* Files of the folders looked at that are no part of a case. */
typedef struct layout_passed {
    char first[512]; /* their names, LAYOUT_TOLD of them */
    int n;
} layout_passed;

/* Adds what cases[n] do not use of `folder`: its volumes and foreign image files; with `all`, all
 * that is no document, sub-folders too. Names are told from `top` on. */
pleat_status layout_note_passed(const char *top, const char *folder, int all,
                                const pleat_case_paths *cases, int n, layout_passed *to);

/* The same of the image files in `top` and in the folders below it, so many levels down; links to
 * folders are not followed. */
pleat_status layout_note_below(const char *top, int levels, const pleat_case_paths *cases, int n,
                               layout_passed *to);

/* Adds one. */
void layout_note(const char *top, const char *path, layout_passed *to);

/* The end of a message about `path`, where no cases are: how its images of another format, DICOM,
 * NRRD or others, become NIfTI; "" when there are none. out[LAYOUT_HINT]. */
#define LAYOUT_HINT 2048
void layout_hint(const char *path, char *out);

#endif /* PLEAT_LAYOUT_FILES_H */
