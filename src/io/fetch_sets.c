/* fetch_sets.c - data sets: those that are known by name, one of an address, their files checked.
 *
 * Addresses and checksums: of the COVID-19 volumes the record's page and torch_em's
 * covid19_seg.py; of the Medical Segmentation Decathlon MONAI's apps/datasets.py, which has MD5
 * alone. The licences are those of doi:10.5281/zenodo.3757476 and of medicaldecathlon.com. */
#include "pleat/fetch.h"

#include "pleat/nearest.h"
#include "pleat/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COVID   "https://zenodo.org/records/3757476/files/"
#define MSD     "https://msd-for-monai.s3-us-west-2.amazonaws.com/"
#define COVID_L "CC BY-NC-SA; cite Ma et al. 2020, doi:10.5281/zenodo.3757476"
#define MSD_L   "CC BY-SA 4.0; cite Antonelli et al. 2022, doi:10.1038/s41467-022-30695-9"

const pleat_fetch_known pleat_fetch_known_sets[] = {
    {"covid19", "20 chest CT with lungs and infection, the paper's data", COVID_L},
    {"Task01_BrainTumour", "brain MRI of 4 channels: oedema, tumour", MSD_L},
    {"Task02_Heart", "MRI: left atrium", MSD_L},
    {"Task03_Liver", "CT: liver, tumour", MSD_L},
    {"Task04_Hippocampus", "MRI: hippocampus, two parts; small", MSD_L},
    {"Task05_Prostate", "MRI of 2 channels: prostate, two zones", MSD_L},
    {"Task06_Lung", "CT: lung tumour", MSD_L},
    {"Task07_Pancreas", "CT: pancreas, tumour", MSD_L},
    {"Task08_HepaticVessel", "CT: hepatic vessels, tumour", MSD_L},
    {"Task09_Spleen", "CT: spleen", MSD_L},
    {"Task10_Colon", "CT: colon cancer", MSD_L},
    {NULL, NULL, NULL}};

static const struct {
    const char *set, *base, *name, *checksum;
    pleat_checksum_kind kind;
    pleat_fetch_layout layout;
} known_files[] = {
    {"covid19", COVID, "COVID-19-CT-Seg_20cases.zip",
     "a5060480eff9315b069b086312dac4872777901fb80d268a5a83edd9f4e7b440", PLEAT_SHA256,
     PLEAT_FETCH_IMAGES},
    {"covid19", COVID, "Lung_and_Infection_Mask.zip",
     "34f5a573cb8fb53cb15abe81868395d9addf436854826a6fd6e70c2b294f19c3", PLEAT_SHA256,
     PLEAT_FETCH_LABELS},
#define TASK(task, md5) \
    { task, MSD, task ".tar", md5, PLEAT_MD5, PLEAT_FETCH_FOLDER }
    TASK("Task01_BrainTumour", "240a19d752f0d9e9101544901065d872"),
    TASK("Task02_Heart", "06ee59366e1e5124267b774dbd654057"),
    TASK("Task03_Liver", "a90ec6c4aa7f6a3d087205e23d4e6397"),
    TASK("Task04_Hippocampus", "9d24dba78a72977dbd1d2e110310f31b"),
    TASK("Task05_Prostate", "35138f08b1efaef89d7424d2bcc928db"),
    TASK("Task06_Lung", "8afd997733c7fc0432f71255ba4e52dc"),
    TASK("Task07_Pancreas", "4f7080cfca169fa8066d17ce6eb061e4"),
    TASK("Task08_HepaticVessel", "641d79e80ec66453921d997fbf12a29c"),
    TASK("Task09_Spleen", "410d4a301da4e5b2f6f86ec3ddba524e"),
    TASK("Task10_Colon", "bad7a188931dc2f6acf72b08eb6202d0"),
#undef TASK
};

#define COUNT_OF(table) (sizeof(table) / sizeof(table)[0])

static const char *const layout_names[] = {"folder", "images", "labels", NULL};

const char *pleat_fetch_layout_name(int layout) { return layout_names[layout]; }

static const struct {
    const char *name;
    size_t digits;
} kinds[] = {
    [PLEAT_NO_CHECKSUM] = {"SHA-256", 64}, /* that of a file of which none was known */
    [PLEAT_SHA256] = {"SHA-256", 64},
    [PLEAT_MD5] = {"MD5", 32},
};

const char *pleat_checksum_name(pleat_checksum_kind kind) { return kinds[kind].name; }
size_t pleat_checksum_digits(pleat_checksum_kind kind) { return kinds[kind].digits; }

/* --- a file --- */

pleat_status pleat_fetch_set_checksum(pleat_fetch_file *file, const char *where,
                                      pleat_checksum_kind kind, const char *digits) {
    const size_t n = pleat_checksum_digits(kind);
    PLEAT_CHECK(file->kind == PLEAT_NO_CHECKSUM, PLEAT_ERR_ARG,
                "%s: has two checksums; name one of them", where);
    PLEAT_CHECK(strlen(digits) == n && strspn(digits, "0123456789abcdefABCDEF") == n, PLEAT_ERR_ARG,
                "%s: '%.100s' is no %s, which has %zu hexadecimal digits", where, digits,
                pleat_checksum_name(kind), n);
    for (size_t i = 0; i <= n; i++) file->checksum[i] = (char)tolower((unsigned char)digits[i]);
    file->kind = kind;
    return PLEAT_OK;
}

/* http or https, no password in it: the address goes into messages and files. */
static pleat_status check_url(const char *where, const char *url) {
    const size_t scheme = strncasecmp(url, "https://", 8) == 0  ? 8
                          : strncasecmp(url, "http://", 7) == 0 ? 7
                                                                : 0;
    PLEAT_CHECK(scheme > 0, PLEAT_ERR_ARG,
                "%s: '%.200s' is no address that begins with https:// or http://", where, url);
    const char *host = url + scheme;
    const size_t n = strcspn(host, "/?#");
    PLEAT_CHECK(n > 0 && pleat_text_is_plain(url) && strchr(url, ' ') == NULL, PLEAT_ERR_ARG,
                "%s: '%.200s' is no address: it has no host, or a blank", where, url);
    PLEAT_CHECK(memchr(host, '@', n) == NULL, PLEAT_ERR_ARG,
                "%s: an address may have no user and password, as it goes into files", where);
    return PLEAT_OK;
}

static int digit_of(char c) {
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* The last part of the address, without what follows '?', its %41 undone. */
static void name_from_url(const char *url, char out[PLEAT_FETCH_NAME_BYTES]) {
    const char *at = strstr(url, "://") + 3;
    const char *end = at + strcspn(at, "?#"), *name = end;
    size_t n = 0;
    while (name > at && name[-1] != '/') name--;
    if (name == at) name = end; /* the host alone */
    for (; name < end && n + 1 < PLEAT_FETCH_NAME_BYTES; name++) {
        const int high = *name == '%' && end - name > 2 ? digit_of(name[1]) : -1;
        const int low = high >= 0 ? digit_of(name[2]) : -1;
        const int coded = low >= 0 && high + low > 0;
        const unsigned char byte = (unsigned char)(16 * high + low);
        memcpy(&out[n++], coded ? (const void *)&byte : name, 1);
        name += coded ? 2 : 0;
    }
    out[n] = '\0';
}

static int ends_in(const char *name, const char *ending) {
    const size_t n = strlen(name), m = strlen(ending);
    return n > m && strcasecmp(name + n - m, ending) == 0;
}

/* A name of one file, which is none of those that are kept beside it. */
static pleat_status check_name(const char *where, const char *name) {
    static const char *const ours[] = {".part", ".from", ".files", ".tmp"};
    static const char *const foreign[] = {".7z",      ".rar",  ".tar.bz2", ".tar.xz",
                                          ".tar.zst", ".tbz2", ".txz"};
    PLEAT_CHECK(name[0] != '\0', PLEAT_ERR_ARG,
                "%s: the address does not end in the name of a file; give it a name in a manifest",
                where);
    PLEAT_CHECK(name[0] != '.' && strchr(name, '/') == NULL && pleat_text_is_plain(name),
                PLEAT_ERR_ARG, "%s: '%s' is no name of a file that can be made", where, name);
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        PLEAT_CHECK(!ends_in(name, ours[i]), PLEAT_ERR_ARG,
                    "%s: '%s' ends in %s, as our own files do; give it another name", where, name,
                    ours[i]);
    for (size_t i = 0; i < COUNT_OF(foreign); i++)
        PLEAT_CHECK(!ends_in(name, foreign[i]), PLEAT_ERR_UNSUPPORTED,
                    "%s: '%s' is not unpacked; zip, tar and tar.gz are", where, name);
    return PLEAT_OK;
}

pleat_status pleat_fetch_add(pleat_fetch_set *set, const char *where,
                             const pleat_fetch_file *file) {
    pleat_fetch_file made = *file;
    PLEAT_CHECK(set->n < PLEAT_FETCH_MOST_FILES, PLEAT_ERR_ARG, "%s: there are more than %d files",
                where, PLEAT_FETCH_MOST_FILES);
    PLEAT_TRY(check_url(where, made.url));
    if (made.name[0] == '\0') name_from_url(made.url, made.name);
    PLEAT_TRY(check_name(where, made.name));
    for (int i = 0; i < set->n; i++)
        PLEAT_CHECK(strcasecmp(set->file[i].name, made.name) != 0, PLEAT_ERR_ARG,
                    "%s: two files are called '%s'; give one of them another name", where,
                    made.name);
    pleat_fetch_file *grown = realloc(set->file, ((size_t)set->n + 1) * sizeof *grown);
    PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory for a list of files");
    set->file = grown;
    grown[set->n++] = made;
    set->pairs |= made.layout == PLEAT_FETCH_LABELS;
    return PLEAT_OK;
}

pleat_status pleat_fetch_mirror(pleat_fetch_set *set, const char *base) {
    const size_t n = strlen(base);
    const char *slash = n > 0 && base[n - 1] == '/' ? "" : "/";
    PLEAT_TRY(check_url("--mirror", base));
    for (int i = 0; i < set->n; i++)
        PLEAT_TRY(pleat_path(set->file[i].url, sizeof set->file[i].url, "%s%s%s", base, slash,
                             set->file[i].name));
    return PLEAT_OK;
}

void pleat_fetch_free(pleat_fetch_set *set) {
    free(set->file);
    *set = (pleat_fetch_set){0};
}

/* --- sets --- */

pleat_status pleat_fetch_url(const char *url, const char *sha256, pleat_fetch_set *out) {
    pleat_fetch_set set = {0};
    pleat_fetch_file file = {0};
    PLEAT_TRY(pleat_path(file.url, sizeof file.url, "%s", url));
    if (sha256 != NULL)
        PLEAT_TRY(pleat_fetch_set_checksum(&file, "--sha256", PLEAT_SHA256, sha256));
    PLEAT_TRY(pleat_fetch_add(&set, "the address", &file));
    (void)snprintf(set.name, sizeof set.name, "%s", set.file[0].name);
    *out = set;
    return PLEAT_OK;
}

const char *pleat_fetch_short_name(const char *name) {
    return strncmp(name, "Task", 4) == 0 ? strchr(name, '_') + 1 : name;
}

static pleat_status unknown(const char *name) {
    char hint[PLEAT_HINT_BYTES];
    pleat_nearest near = pleat_nearest_to(name);
    for (const pleat_fetch_known *k = pleat_fetch_known_sets; k->name != NULL; k++) {
        pleat_nearest_look(&near, k->name);
        pleat_nearest_look(&near, pleat_fetch_short_name(k->name));
    }
    return PLEAT_FAIL(PLEAT_ERR_ARG,
                      "'%s' is no data set that is known, no file and no address;%s pleat fetch "
                      "--list has them all",
                      name, pleat_nearest_hint(&near, hint));
}

pleat_status pleat_fetch_find(const char *name, pleat_fetch_set *out) {
    pleat_fetch_set set = {.pairs = 1};
    pleat_status status = PLEAT_OK;
    const pleat_fetch_known *k = pleat_fetch_known_sets;
    while (k->name != NULL && strcasecmp(k->name, name) != 0 &&
           strcasecmp(pleat_fetch_short_name(k->name), name) != 0)
        k++;
    if (k->name == NULL) return unknown(name);
    (void)snprintf(set.name, sizeof set.name, "%s", k->name);
    (void)snprintf(set.licence, sizeof set.licence, "%s", k->licence);
    for (size_t i = 0; i < COUNT_OF(known_files); i++) {
        pleat_fetch_file file = {.layout = known_files[i].layout};
        if (strcmp(known_files[i].set, k->name) != 0) continue;
        (void)snprintf(file.name, sizeof file.name, "%s", known_files[i].name);
        (void)snprintf(file.url, sizeof file.url, "%s%s", known_files[i].base, file.name);
        PLEAT_TRY_GOTO(
            status, failed,
            pleat_fetch_set_checksum(&file, k->name, known_files[i].kind, known_files[i].checksum));
        PLEAT_TRY_GOTO(status, failed, pleat_fetch_add(&set, k->name, &file));
    }
    *out = set;
    return PLEAT_OK;
failed:
    pleat_fetch_free(&set);
    return status;
}
