/*
 * file.h - whole files, paths, folders, digests, identities, and the lock of a run folder.
 *
 * A file that others read appears at once or not at all:
 *
 *   .name.HOST-PID.tmp  --write-->  fsync  --rename-->  name  --fsync of the folder
 *
 * pleat_file_write_atomic does all of it for bytes in memory. A library that writes its own
 * file (HDF5, nifticlib) writes to pleat_file_temporary's name and calls pleat_file_publish.
 */
#ifndef PLEAT_FILE_H
#define PLEAT_FILE_H

#include "pleat/status.h"

#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of a case's name, with its end: a file system's 255 hold the temporary names of its files too. */
#define PLEAT_CASE_BYTES 161
#define PLEAT_PATH_BYTES 1024 /* enough for every path pleat makes; longer ones are refused */

/* printf into out[size]. ERR_ARG when it does not fit: never a cut path. */
pleat_status pleat_path(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* 1 or 0. What may not or cannot be looked at counts as there: who opens it says why it cannot. */
int pleat_file_exists(const char *path);
/* `path`, which need not be there, from the root: a relative one begins in the current folder.
 * Nothing else of it is changed. ERR_IO: the current folder is gone; ERR_ARG: too long. */
pleat_status pleat_file_absolute(const char *path, char out[PLEAT_PATH_BYTES]);
/* 1 or 0; what cannot be looked at is none. */
int pleat_file_is_folder(const char *path);
/* 1 where `path`, which may not be there yet, is `folder` or lies below it; links are followed. */
int pleat_file_is_inside(const char *path, const char *folder);

/* mkdir -p; a folder already there is fine. ERR_IO names the part that failed. */
pleat_status pleat_file_make_folder(const char *path);
/* The same of a folder that is part of another, and therefore no link to a folder elsewhere. */
pleat_status pleat_file_make_part(const char *path);

/* What a failed system call's errno is to a reader: ERR_NOT_FOUND (ENOENT), ERR_MEMORY (ENOMEM),
 * else ERR_IO. */
pleat_status pleat_file_status(int why);

/* Opens a file to read: *fd, which the caller closes, and its size in bytes. A folder, a pipe or a
 * device is ERR_IO and is neither waited for nor read without end. Else ERR_NOT_FOUND, ERR_IO,
 * ERR_MEMORY. */
pleat_status pleat_file_open(const char *path, int *fd, int64_t *size);

/* ERR_IO for `bytes` (0: not known) of `path` that could not be written for `why`, an errno: of a
 * full disk the message says how much is free in which folder, and what to do. */
pleat_status pleat_file_not_written(const char *path, size_t bytes, int why);

#define PLEAT_TEXT_BYTES ((int64_t)1 << 28) /* of the longest text that read_all takes */

/* The whole file with a 0 byte after it, to be freed by the caller; `n` (may be NULL) is its
 * size without that byte. Errors of pleat_file_open; ERR_IO too for more than PLEAT_TEXT_BYTES. */
pleat_status pleat_file_read_all(const char *path, char **text, size_t *n);

/* Opens `path`, made where it is not there, to write behind its end. A link, a pipe or a device is
 * refused: nothing is written through it. ERR_IO. */
pleat_status pleat_file_append(const char *path, int *fd);

/* Writes all of bytes[n]; 0, or the errno of what failed. */
int pleat_file_put(int fd, const void *bytes, size_t n);

/* Writes bytes[n] to the temporary file `path`, which is made anew. ERR_IO. */
pleat_status pleat_file_write(const char *path, const void *bytes, size_t n);
/* Replaces `path` by bytes[n]. On failure `path` is as before and nothing else is left. ERR_IO. */
pleat_status pleat_file_write_atomic(const char *path, const void *bytes, size_t n);

/* The same without waiting for the disk: for what is of no use after a crash. After one, `path` may
 * be empty. ERR_IO. */
pleat_status pleat_file_replace(const char *path, const void *bytes, size_t n);

/* A text that becomes a whole file once it is finished: print into `out` between begin and end. */
typedef struct pleat_file_text {
    FILE *out;
    const char *path; /* the caller's, until the end */
    char *text;
    size_t n;
} pleat_file_text;

/* ERR_MEMORY, and nothing is to be ended. */
pleat_status pleat_file_text_begin(pleat_file_text *file, const char *path);
/* Where `status` is PLEAT_OK and memory was enough, writes the text as pleat_file_write_atomic
 * does; releases it in any case. Returns `status`, or what went wrong: ERR_MEMORY, ERR_IO. */
pleat_status pleat_file_text_end(pleat_file_text *file, pleat_status status);

/* FOLDER/.NAME.HOST-PID.tmp for path FOLDER/NAME: where a library may write what will become
 * `path`. */
pleat_status pleat_file_temporary(const char *path, char *out, size_t size);

/* The same name, and the file made anew, for writing only; *fd is the caller's to close. Whatever
 * file or link has the name is removed before, so nothing is written through a link. ERR_IO names
 * `path`. */
pleat_status pleat_file_create(const char *path, char *temporary, size_t size, int *fd);

/* Syncs the finished, closed file `temporary` to disk and renames it to `path`; on failure
 * removes `temporary`. ERR_IO. */
pleat_status pleat_file_publish(const char *temporary, const char *path);

/* Removes the temporaries that a killed process left in FOLDER: files called .NAME.HOST-PID.tmp, of
 * the file `name` or, when it is NULL, of any; only those last written before the time `before_s`,
 * in seconds since 1970 (INFINITY: all, where nobody else can be writing). Other files of that
 * ending, links and folders stay. A folder that is not there has none. */
void pleat_file_remove_leftovers(const char *folder, const char *name, double before_s);

/* FNV-1a, 64 bit (Fowler, Noll, Vo; RFC 9923): tells apart, does not protect. `seed` is 0 for the
 * first piece and the previous result for the next: pieces digest to the same as their whole. */
uint64_t pleat_digest(uint64_t seed, const void *bytes, size_t n);

/* XXH64 of bytes[n]: for whole volumes, at once; ten times as fast. src/base/xxh64.c */
uint64_t pleat_digest_large(uint64_t seed, const void *bytes, size_t n);

/* Sixteen lower-case hexadecimal digits and a 0 byte. */
void pleat_digest_hex(uint64_t digest, char out[17]);

/* What tells a file from another one that stood or stands under its name: neither name nor time. */
typedef struct pleat_file_identity {
    uint64_t bytes;  /* its size */
    uint64_t digest; /* of all of it; of a gzip file larger than 2 MiB, of the first and the last
                        MiB: its last 8 bytes are CRC-32 and size of what is packed (RFC 1952) */
} pleat_file_identity;

/* Reads the file. ERR_NOT_FOUND, ERR_IO, ERR_MEMORY. */
pleat_status pleat_file_identify(const char *path, pleat_file_identity *out);

typedef struct pleat_lock pleat_lock;

/* Takes FOLDER/.lock (flock) for this process and writes host, pid, Slurm job and time into it.
 * ERR_BUSY names the holder; a holder that was killed holds nothing. The folder must exist. On a
 * file system without locks it warns in the log and succeeds. */
pleat_status pleat_lock_take(const char *folder, pleat_lock **out);

/* The same, but together with others that share it: ERR_BUSY when one has taken it for itself, who
 * in turn cannot while anyone shares it. */
pleat_status pleat_lock_share(const char *folder, pleat_lock **out);

/* Gives the folder free; NULL is fine. */
void pleat_lock_release(pleat_lock *lock);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_FILE_H */
