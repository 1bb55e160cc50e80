/* download.c - one file over HTTP, by libcurl: resumed, tried again, never more than was asked. */
#include "pleat/download.h"

#include "pleat/file.h"
#include "pleat/halt.h"
#include "pleat/log.h"
#include "pleat/text.h"

#include <curl/curl.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define MOST_WAIT_S   60.0
#define MOST_ASKED_S  600 /* a server's Retry-After that is waited for */
#define MOST_REDIRECT 10L
#define WORD_BYTES    512

/* What tells a file of a server from a later one of the same address. */
typedef struct origin {
    char url[PLEAT_PATH_BYTES];
    char etag[WORD_BYTES];     /* a strong one, or "" */
    char modified[WORD_BYTES]; /* Last-Modified, or "" */
    int64_t bytes;             /* of the whole file; -1: not said */
} origin;

typedef enum verdict { WHOLE, AGAIN, ANEW, GIVEN_UP } verdict;

typedef struct transfer {
    const pleat_download *what;
    CURL *curl;
    origin origin;
    int fd;
    int64_t have, best; /* bytes of the part; the most there ever were */
    int64_t begun;      /* of them before this connection */
    double since_s;
    int ready;           /* the answer's head was looked at */
    int anew;            /* the part is no beginning of what the server sends */
    pleat_status status; /* of what failed inside a callback, with its message */
    char why[CURL_ERROR_SIZE + 64];
    int wait_s; /* that the server asks for; 0: none */
} transfer;

/* --- what is known of the part --- */

static void read_line(const char *text, const char *key, char *out, size_t size) {
    const char *at = strstr(text, key);
    out[0] = '\0';
    if (at == NULL || (at != text && at[-1] != '\n')) return;
    at += strlen(key);
    const size_t n = strcspn(at, "\n");
    if (n < size) (void)snprintf(out, size, "%.*s", (int)n, at);
}

/* All empty when there is none, or it is not of ours. */
static void read_origin(const char *path, origin *out) {
    char *text = NULL, bytes[32];
    *out = (origin){.bytes = -1};
    if (!pleat_file_exists(path) || pleat_file_read_all(path, &text, NULL) != PLEAT_OK) return;
    read_line(text, "url ", out->url, sizeof out->url);
    read_line(text, "etag ", out->etag, sizeof out->etag);
    read_line(text, "modified ", out->modified, sizeof out->modified);
    read_line(text, "bytes ", bytes, sizeof bytes);
    if (bytes[0] != '\0') out->bytes = strtoll(bytes, NULL, 10);
    free(text);
    if (!pleat_text_is_plain(out->etag)) out->etag[0] = '\0';
    if (!pleat_text_is_plain(out->modified)) out->modified[0] = '\0';
}

static pleat_status write_origin(const char *path, const origin *o) {
    char text[PLEAT_PATH_BYTES + 2 * WORD_BYTES + 128];
    (void)snprintf(text, sizeof text, "url %s\netag %s\nmodified %s\nbytes %" PRId64 "\n", o->url,
                   o->etag, o->modified, o->bytes);
    return pleat_file_write_atomic(path, text, strlen(text));
}

/* The part, with as much of it as may be resumed. */
static pleat_status open_part(transfer *t) {
    const pleat_download *what = t->what;
    PLEAT_TRY(pleat_file_append(what->part, &t->fd));
    const off_t end = lseek(t->fd, 0, SEEK_END);
    read_origin(what->from, &t->origin);
    const int same = strcmp(t->origin.url, what->url) == 0;
    const int told = t->origin.etag[0] != '\0' || t->origin.modified[0] != '\0';
    t->have = same && (told || what->checked) ? (int64_t)end : 0;
    if (!same) t->origin = (origin){.bytes = -1};
    PLEAT_CHECK(end >= 0 && ftruncate(t->fd, (off_t)t->have) == 0, PLEAT_ERR_IO,
                "cannot write '%s': %s", what->part, strerror(errno));
    return PLEAT_OK;
}

/* --- the head of an answer --- */

/* The last answer's, "" when it has none or one that is no plain text. */
static void header(CURL *curl, const char *name, char *out, size_t size) {
    struct curl_header *found = NULL;
    out[0] = '\0';
    if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return;
    if (strlen(found->value) < size && pleat_text_is_plain(found->value))
        (void)snprintf(out, size, "%s", found->value);
}

/* "bytes 100-199/200", "bytes 100-199/" "*", "bytes " "*" "/200"; -1 for what it does not say. */
static void content_range(CURL *curl, int64_t *first, int64_t *total) {
    char text[WORD_BYTES], *end = NULL;
    *first = *total = -1;
    header(curl, "Content-Range", text, sizeof text);
    if (strncmp(text, "bytes ", 6) != 0) return;
    const char *slash = strchr(text, '/');
    if (text[6] != '*') *first = strtoll(text + 6, &end, 10);
    if (slash != NULL && slash[1] != '*') *total = strtoll(slash + 1, &end, 10);
}

static pleat_status check_room(const transfer *t, int64_t bytes) {
    struct statvfs disk;
    PLEAT_CHECK(bytes <= t->what->most, PLEAT_ERR_IO,
                "'%s' has %.0f MB, more than the %.0f MB that are taken; --most raises that",
                t->what->url, 1e-6 * (double)bytes, 1e-6 * (double)t->what->most);
    if (fstatvfs(t->fd, &disk) != 0) return PLEAT_OK;
    const double left = (double)disk.f_bavail * (double)disk.f_frsize;
    PLEAT_CHECK((double)(bytes - t->have) <= left, PLEAT_ERR_IO,
                "'%s' needs %.0f MB, and %.0f MB are free where '%s' is; free space, or fetch into "
                "another folder",
                t->what->url, 1e-6 * (double)(bytes - t->have), 1e-6 * left, t->what->part);
    return PLEAT_OK;
}

/* Before the first byte of a body: does it continue the part, or is it the whole? */
static pleat_status look_at_head(transfer *t) {
    origin told = {.bytes = -1};
    curl_off_t length = -1;
    int64_t first = -1;
    long code = 0;
    t->ready = 1;
    (void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    (void)curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    PLEAT_TRY(pleat_path(told.url, sizeof told.url, "%s", t->what->url));
    header(t->curl, "ETag", told.etag, sizeof told.etag);
    header(t->curl, "Last-Modified", told.modified, sizeof told.modified);
    if (told.etag[0] != '"') told.etag[0] = '\0'; /* W/"...": as good as, not the same */
    if (code == 206) {
        content_range(t->curl, &first, &told.bytes);
        t->anew = first != t->have ||
                  (t->origin.bytes >= 0 && told.bytes >= 0 && t->origin.bytes != told.bytes);
        PLEAT_CHECK(!t->anew, PLEAT_ERR_IO, "another part than was asked for");
    } else {
        told.bytes = length;
        if (t->have > 0)
            pleat_log(PLEAT_INFO, "'%s' is sent from its beginning: %s", t->what->url,
                      t->origin.bytes >= 0 && length >= 0 && t->origin.bytes != length
                          ? "it has changed"
                          : "the server does not resume it, or it has changed");
        t->have = t->begun = 0;
        PLEAT_CHECK(ftruncate(t->fd, 0) == 0, PLEAT_ERR_IO, "cannot write '%s': %s", t->what->part,
                    strerror(errno));
    }
    if (told.bytes >= 0) PLEAT_TRY(check_room(t, told.bytes));
    t->origin = told;
    return write_origin(t->what->from, &told);
}

/* --- libcurl's callbacks --- */

static pleat_status store(transfer *t, const char *bytes, size_t n) {
    if (!t->ready) PLEAT_TRY(look_at_head(t));
    PLEAT_CHECK(t->have + (int64_t)n <= t->what->most, PLEAT_ERR_IO,
                "'%s' is longer than the %.0f MB that are taken; --most raises that", t->what->url,
                1e-6 * (double)t->what->most);
    for (size_t done = 0; done < n;) {
        const ssize_t put = write(t->fd, bytes + done, n - done);
        if (put < 0 && errno == EINTR) continue;
        PLEAT_CHECK(put >= 0, PLEAT_ERR_IO,
                    "cannot write '%s': %s; free space, and the same command resumes",
                    t->what->part, strerror(errno));
        done += (size_t)put;
        t->have += put;
    }
    return PLEAT_OK;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *user) {
    transfer *t = user;
    t->status = store(t, bytes, size * n);
    return t->status == PLEAT_OK ? size * n : 0;
}

static int wants_to_leave(void) { return pleat_halt_status(pleat_halt_look(0.0)) != PLEAT_OK; }

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up) {
    const transfer *t = user;
    char detail[128];
    (void)total, (void)now, (void)up_total, (void)up;
    const char *slash = strrchr(t->what->part, '/');
    const double seconds = pleat_now() - t->since_s;
    const int large = t->origin.bytes >= 100000000;
    const int64_t unit = large ? 1000000 : 1000;
    if (t->ready && t->have / unit < t->origin.bytes / unit && seconds > 0.0) {
        (void)snprintf(detail, sizeof detail, "%.80s %.1f MB/s", slash == NULL ? "" : slash + 1,
                       1e-6 * (double)(t->have - t->begun) / seconds);
        pleat_progress(large ? "fetch, MB" : "fetch, kB", (size_t)(t->have / unit),
                       (size_t)(t->origin.bytes / unit), detail);
    }
    return wants_to_leave();
}

/* --- one connection --- */

/* An option that this libcurl does not know is a mistake of ours; it was built for these. */
#define SET(option, value) (void)curl_easy_setopt(t->curl, option, value)

/* As the program curl does; the library alone looks at none of these. */
static void set_certificates(const transfer *t) {
    const char *file = getenv("CURL_CA_BUNDLE"), *folder = getenv("SSL_CERT_DIR");
    if (file == NULL || file[0] == '\0') file = getenv("SSL_CERT_FILE");
    if (file != NULL && file[0] != '\0') SET(CURLOPT_CAINFO, file);
    if (folder != NULL && folder[0] != '\0') SET(CURLOPT_CAPATH, folder);
}

static void set_options(transfer *t) {
    const int secure = strncasecmp(t->what->url, "https:", 6) == 0;
    SET(CURLOPT_URL, t->what->url);
    SET(CURLOPT_USERAGENT, "pleat/" PLEAT_VERSION);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, MOST_REDIRECT);
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, 30L);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)t->what->stall_s);
    SET(CURLOPT_ERRORBUFFER, t->why);
    SET(CURLOPT_WRITEFUNCTION, on_bytes);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    set_certificates(t);
}

static int is_passing(long code) {
    return code == 408 || code == 425 || code == 429 || (code >= 500 && code != 501 && code != 505);
}

/* Nothing that another try would mend. */
static int is_final(CURLcode code) {
    static const CURLcode codes[] = {CURLE_UNSUPPORTED_PROTOCOL,
                                     CURLE_URL_MALFORMAT,
                                     CURLE_OUT_OF_MEMORY,
                                     CURLE_TOO_MANY_REDIRECTS,
                                     CURLE_PEER_FAILED_VERIFICATION,
                                     CURLE_SSL_CACERT_BADFILE,
                                     CURLE_SSL_CERTPROBLEM,
                                     CURLE_SSL_ENGINE_NOTFOUND,
                                     CURLE_LOGIN_DENIED};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i] == code) return 1;
    return 0;
}

static const char *cure_of(CURLcode code, long http) {
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return "; where a proxy or the server has a certificate of its own, name the file of its "
               "authority by SSL_CERT_FILE";
    if (http == 401 || http == 403)
        return "; it needs a login, or a licence to be accepted: fetch the file by a browser";
    if (http == 404 || http == 410) return "; look up the address";
    return "";
}

/* An answer of status `http` with no body that counts. */
static verdict judge_refusal(transfer *t, long http) {
    int64_t first = -1, total = -1;
    curl_off_t wait = 0;
    if (http == 416) { /* nothing follows what is there: it is whole, or another file */
        content_range(t->curl, &first, &total);
        (void)snprintf(t->why, sizeof t->why, "the server has no more of it");
        return t->have > 0 && total == t->have ? WHOLE : ANEW;
    }
    (void)snprintf(t->why, sizeof t->why, "the server answers %ld", http);
    if (!is_passing(http)) return GIVEN_UP;
    (void)curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &wait);
    t->wait_s = wait > MOST_ASKED_S ? MOST_ASKED_S + 1 : (int)wait;
    return AGAIN;
}

static verdict judge(transfer *t, CURLcode code, long http) {
    if (code == CURLE_HTTP_RETURNED_ERROR) return judge_refusal(t, http);
    if (code == CURLE_OK && http != 200 && http != 206) return judge_refusal(t, http);
    if (code == CURLE_OK && !t->ready) t->status = look_at_head(t); /* a file of no bytes */
    if (t->anew) {
        (void)snprintf(t->why, sizeof t->why, "the server sends another part than was asked for");
        return ANEW;
    }
    if (t->status != PLEAT_OK) return GIVEN_UP;
    if (code != CURLE_OK && t->why[0] == '\0')
        (void)snprintf(t->why, sizeof t->why, "%s", curl_easy_strerror(code));
    if (code == CURLE_OK && t->origin.bytes >= 0 && t->have != t->origin.bytes) {
        (void)snprintf(t->why, sizeof t->why,
                       "the server sent %" PRId64 " bytes, and says that there are %" PRId64,
                       t->have, t->origin.bytes);
        return t->have > t->origin.bytes ? ANEW : AGAIN;
    }
    return code == CURLE_OK ? WHOLE : is_final(code) ? GIVEN_UP : AGAIN;
}

/* The rest of the part, if it is still of the same file. */
static void ask_for_rest(const transfer *t, struct curl_slist **headers) {
    char range[48], line[WORD_BYTES + 16];
    SET(CURLOPT_RANGE, NULL);
    if (t->have > 0) {
        const char *mark = t->origin.etag[0] != '\0' ? t->origin.etag : t->origin.modified;
        (void)snprintf(range, sizeof range, "%" PRId64 "-", t->have);
        (void)snprintf(line, sizeof line, "If-Range: %s", mark);
        SET(CURLOPT_RANGE, range);
        if (mark[0] != '\0') *headers = curl_slist_append(*headers, line);
    }
    SET(CURLOPT_HTTPHEADER, *headers);
}

static verdict connect_once(transfer *t, char cure[256]) {
    struct curl_slist *headers = NULL;
    long http = 0;
    t->begun = t->have;
    t->since_s = pleat_now();
    t->ready = t->anew = t->wait_s = 0;
    t->status = PLEAT_OK;
    t->why[0] = '\0';
    ask_for_rest(t, &headers);
    pleat_progress_anew();
    const CURLcode code = curl_easy_perform(t->curl);
    (void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &http);
    const verdict found = judge(t, code, http);
    (void)snprintf(cure, 256, "%s", cure_of(code, http));
    SET(CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return found;
}

/* --- until it is whole --- */

static void rest(double seconds) {
    const double until = pleat_now() + seconds;
    while (pleat_now() < until && !wants_to_leave()) {
        const struct timespec moment = {0, 50000000};
        (void)nanosleep(&moment, NULL);
    }
}

static pleat_status leave(const transfer *t) {
    const pleat_halt halt = pleat_halt_look(0.0);
    return PLEAT_FAIL(pleat_halt_status(halt),
                      "%s; %.1f MB of '%s' are kept, and the same command resumes",
                      pleat_halt_name(halt), 1e-6 * (double)t->have, t->what->url);
}

static pleat_status fetch(transfer *t, int *resumed) {
    double wait = t->what->wait_s;
    char cure[256] = "";
    *resumed = t->have > 0;
    t->best = t->have;
    for (int tried = 1;; tried++) {
        const verdict found = connect_once(t, cure);
        if (found == WHOLE) return PLEAT_OK;
        if (wants_to_leave()) return leave(t);
        if (t->status != PLEAT_OK && !t->anew) return t->status;
        PLEAT_CHECK(found != GIVEN_UP, PLEAT_ERR_IO, "cannot fetch '%s': %s%s", t->what->url,
                    t->why, cure);
        if (t->have > t->best) { /* it went on: patience begins anew */
            t->best = t->have;
            tried = 1;
            wait = t->what->wait_s;
        }
        PLEAT_CHECK(tried < t->what->tries && t->wait_s <= MOST_ASKED_S, PLEAT_ERR_IO,
                    "cannot fetch '%s': %s, %d times%s; %.1f MB of it are kept, and the same "
                    "command resumes",
                    t->what->url, t->why, tried,
                    t->wait_s > MOST_ASKED_S ? " and asks to wait for longer than ten minutes" : "",
                    1e-6 * (double)t->have);
        if (found == ANEW) {
            t->have = 0;
            t->origin.bytes = -1;
            PLEAT_CHECK(ftruncate(t->fd, 0) == 0, PLEAT_ERR_IO, "cannot write '%s': %s",
                        t->what->part, strerror(errno));
        }
        const double now = t->wait_s > 0 ? (double)t->wait_s : wait;
        pleat_log(PLEAT_INFO, "'%s': %s; again in %.3g s", t->what->url, t->why, now);
        rest(now);
        *resumed |= t->have > 0;
        wait = 2.0 * wait < MOST_WAIT_S ? 2.0 * wait : MOST_WAIT_S;
    }
}

/* What is there already may be all of it, and a server need not answer a range behind the end. */
static int is_whole(const transfer *t) { return t->have > 0 && t->have == t->origin.bytes; }

pleat_status pleat_download_file(const pleat_download *what, int *resumed) {
    transfer t = {.what = what, .fd = -1};
    pleat_status status = PLEAT_OK;
    *resumed = 0;
    PLEAT_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, PLEAT_ERR_MEMORY,
                "libcurl does not start");
    PLEAT_TRY_GOTO(status, done, open_part(&t));
    *resumed = t.have > 0;
    if (is_whole(&t)) goto done;
    t.curl = curl_easy_init();
    PLEAT_CHECK_GOTO(status, done, t.curl != NULL, PLEAT_ERR_MEMORY, "libcurl does not start");
    set_options(&t);
    PLEAT_TRY_GOTO(status, done, fetch(&t, resumed));
done:
    if (t.curl != NULL) curl_easy_cleanup(t.curl);
    if (t.fd >= 0) (void)close(t.fd);
    curl_global_cleanup();
    return status;
}

void pleat_download_curl_version(char *out, size_t size) {
    (void)snprintf(out, size, "%s", curl_version_info(CURLVERSION_NOW)->version);
}
