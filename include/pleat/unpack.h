/*
 * unpack.h - zip, tar and tar.gz archives of others, by libarchive.
 *
 * All names and sizes are looked at before a byte is written: an archive in which one entry is
 * refused leaves nothing behind. Refused are links, devices and whatever else is neither a file nor
 * a folder; names that are absolute, have "..", control characters or are no UTF-8; a name that is
 * there twice; what is encrypted; more entries, or more bytes, than are allowed or fit on the disk;
 * an archive within two compressions. An entry that has more or fewer bytes than it said is an
 * error, and is not written.
 *
 * Files appear whole or not at all, and only in folders that are no links. One that is there stays.
 * Droppings are left out: hidden names (._x, .DS_Store) and __MACOSX.
 */
#ifndef PLEAT_UNPACK_H
#define PLEAT_UNPACK_H

#include "pleat/file.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_unpacked {
    char *path;    /* below the folder, owned */
    int64_t bytes; /* as the archive says */
} pleat_unpacked;

typedef struct pleat_unpacked_list {
    pleat_unpacked *item;
    int n;
} pleat_unpacked_list;

typedef struct pleat_unpack {
    const char *archive, *folder;
    int most_entries;
    int64_t most_bytes; /* of all files unpacked */
    /* Where the file `entry` of the archive goes: a path below the folder, "" to leave it out. */
    pleat_status (*place)(const void *context, const char *entry, char path[PLEAT_PATH_BYTES]);
    const void *context;
} pleat_unpack;

/* All files that the archive holds for the folder, also those that were there. ERR_FORMAT: no
 * archive, or a damaged one; ERR_DATA: what is refused above; ERR_IO: the disk; ERR_UNSUPPORTED: a
 * build without libarchive; ERR_INTERRUPTED, ERR_REQUEUE: a signal (pleat/halt.h). */
pleat_status pleat_unpack_archive(const pleat_unpack *how, pleat_unpacked_list *out);

void pleat_unpacked_free(pleat_unpacked_list *list);

/* "3.6.2"; "none" in a build that cannot fetch. */
void pleat_unpack_archive_version(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_UNPACK_H */
