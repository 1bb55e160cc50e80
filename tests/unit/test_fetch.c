/* test_fetch.c - what a data set is made of: names, addresses, manifests; how much is unpacked. */
#include "pleat/fetch.h"
#include "pleat/manifest.h"
#include "pleat/unpack.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

#define SHA "a5060480eff9315b069b086312dac4872777901fb80d268a5a83edd9f4e7b440"

static void sets_that_are_known_have_checksums(void **state) {
    (void)state;
    int sets = 0;
    for (const pleat_fetch_known *k = pleat_fetch_known_sets; k->name != NULL; k++, sets++) {
        pleat_fetch_set set;
        OK(pleat_fetch_find(k->name, &set));
        assert_true(set.n >= 1 && set.pairs);
        for (int i = 0; i < set.n; i++) {
            const pleat_fetch_file *f = &set.file[i];
            const char *slash = strrchr(f->url, '/');
            assert_int_equal(strlen(f->checksum), f->kind == PLEAT_MD5 ? 32 : 64);
            assert_string_equal(slash + 1, f->name);
            assert_int_equal(strncmp(f->url, "https://", 8), 0);
        }
        pleat_fetch_free(&set);
    }
    assert_int_equal(sets, 11); /* the paper's, and ten tasks */
}

static void tasks_are_found_by_any_spelling(void **state) {
    (void)state;
    static const char *const names[] = {"Task04_Hippocampus", "task04_hippocampus", "HIPPOCAMPUS"};
    pleat_fetch_set set;
    for (size_t i = 0; i < COUNT(names); i++) {
        OK(pleat_fetch_find(names[i], &set));
        assert_string_equal(set.name, "Task04_Hippocampus");
        pleat_fetch_free(&set);
    }
    REFUSED(pleat_fetch_find("hipocampus", &set), PLEAT_ERR_ARG, "did you mean 'Hippocampus'?");
}

static void an_address_ends_in_the_name_of_its_file(void **state) {
    (void)state;
    static const struct {
        const char *url, *name, *refused; /* name: NULL where it is refused */
    } rows[] = {
        {"https://host/a/b.zip", "b.zip", NULL},
        {"HTTP://host/b.zip?download=1#x", "b.zip", NULL},
        {"https://host/two%20words%2Etar.gz", "two words.tar.gz", NULL},
        {"https://host/%", "%", NULL},
        {"https://host/a%2", "a%2", NULL},
        {"https://host/a%2fb", NULL, "is no name of a file"},
        {"https://host/%2e%2e", NULL, "is no name of a file"},
        {"https://host/a%1b", NULL, "is no name of a file"},
        {"https://host/a%00.zip", "a%00.zip", NULL},
        {"https://host/", NULL, "give it a name in a manifest"},
        {"https://host", NULL, "give it a name in a manifest"},
        {"https://host?a/b.zip", NULL, "give it a name in a manifest"},
        {"https:///a.zip", NULL, "has no host"},
        {"https://host/a b.zip", NULL, "a blank"},
        {"file:///etc/passwd", NULL, "https://"},
        {"https://user:word@host/a.zip", NULL, "no user and password"},
        {"https://host/a@b.zip", "a@b.zip", NULL},
        {"https://host/a.part", NULL, "as our own files do"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_fetch_set set = {0};
        if (rows[i].name == NULL) {
            REFUSED(pleat_fetch_url(rows[i].url, NULL, &set), PLEAT_ERR_ARG, rows[i].refused);
            continue;
        }
        OK(pleat_fetch_url(rows[i].url, NULL, &set));
        assert_string_equal(set.file[0].name, rows[i].name);
        pleat_fetch_free(&set);
    }
}

static void parse(const char *text, pleat_fetch_set *out) {
    OK(pleat_manifest_parse(text, strlen(text), "m.yaml", out));
}

static void a_manifest_is_yaml_or_json(void **state) {
    (void)state;
    pleat_fetch_set set;
    parse("name: chest\nlicence: CC BY\nfiles:\n"
          "- {url: 'https://h/i.zip', sha256: " SHA ", layout: images}\n"
          "- {url: 'https://h/?id=2', name: m.zip, layout: labels}\n",
          &set);
    assert_string_equal(set.name, "chest");
    assert_string_equal(set.licence, "CC BY");
    assert_int_equal(set.n, 2);
    assert_true(set.pairs);
    assert_string_equal(set.file[0].checksum, SHA);
    assert_int_equal(set.file[0].layout, PLEAT_FETCH_IMAGES);
    assert_string_equal(set.file[1].name, "m.zip");
    assert_int_equal(set.file[1].kind, PLEAT_NO_CHECKSUM);
    pleat_fetch_free(&set);
    parse("{\"url\": \"https://h/a.tar\", \"md5\": \"410D4A301DA4E5B2F6F86EC3DDBA524E\"}", &set);
    assert_string_equal(set.name, "a.tar");
    assert_int_equal(set.file[0].kind, PLEAT_MD5);
    assert_string_equal(set.file[0].checksum, "410d4a301da4e5b2f6f86ec3ddba524e");
    assert_false(set.pairs);
    pleat_fetch_free(&set);
}

static void a_manifest_that_is_wrong_is_told_by_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *told;
    } rows[] = {
        {"", "is empty"},
        {"- a\n", "line 1: must be a list of 'key: value' lines"},
        {"name: x\n", "must have files"},
        {"files: []\n", "must have files"},
        {"files:\n- name: a\n", "line 2: a file without url"},
        {"files:\n- url: https://h/a\n  sha: 1\n", "line 3: 'sha' is no key"},
        {"files:\n- url: https://h/a\n  sha256: 12\n", "line 3: '12' is no SHA-256"},
        {"url: https://h/a\nsha256: " SHA "\nmd5: 410d4a301da4e5b2f6f86ec3ddba524e\n",
         "line 3: has two checksums"},
        {"url: https://h/a\nlayout: flat\n", "must be folder, images or labels"},
        {"url: https://h/a\nurl: https://h/b\n", "line 2: 'url' is there twice"},
        {"url: [https://h/a]\n", "line 1: url must be one value"},
        {"files:\n- url: https://h/a\n- url: https://g/A\n", "two files are called 'A'"},
        {"url: https://h/a\nname: ../a\n", "is no name of a file"},
        {"url: ftp://h/a\n", "no address that begins with https://"},
        {"url: \"https://h/a\\e\"\n", "without control characters"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_fetch_set set = {0};
        REFUSED(pleat_manifest_parse(rows[i].text, strlen(rows[i].text), "m.yaml", &set),
                PLEAT_ERR_ARG, rows[i].told);
        TOLD("m.yaml");
    }
}

/* --- how much is unpacked -------------------------------------------------------------------- */

/* A tar of n files "0", "1", ... of 100 bytes (POSIX.1-1988, ustar). */
static void put_tar(const char *path, int n) {
    static char bytes[64 * 1024 + 1024];
    memset(bytes, 0, sizeof bytes);
    assert_true(n <= 64);
    for (int i = 0; i < n; i++) {
        char *head = bytes + (size_t)1024 * (size_t)i;
        unsigned sum = 0;
        (void)snprintf(head, 100, "%d", i);
        (void)snprintf(head + 100, 8, "0000644");
        (void)snprintf(head + 124, 12, "%011o", 100u);
        (void)snprintf(head + 136, 12, "%011o", 0u);
        memcpy(head + 257, "ustar\00000", 8);
        head[156] = '0';
        memset(head + 148, ' ', 8);
        for (int k = 0; k < 512; k++) sum += (unsigned char)head[k];
        (void)snprintf(head + 148, 8, "%06o", sum);
    }
    OK(pleat_file_write(path, bytes, (size_t)1024 * (size_t)n + 1024));
}

static pleat_status as_it_is(const void *context, const char *entry, char path[PLEAT_PATH_BYTES]) {
    (void)context;
    return pleat_path(path, PLEAT_PATH_BYTES, "%s", entry);
}

static void more_than_is_allowed_is_not_unpacked(void **state) {
    (void)state;
    char archive[PLEAT_PATH_BYTES], folder[PLEAT_PATH_BYTES], one[PLEAT_PATH_BYTES];
    pleat_unpacked_list list = {0};
    pleat_unpack how = {
        in_root(archive, "a.tar"), in_root(folder, "out"), 10, 1000, as_it_is, NULL};
    put_tar(archive, 10);
    OK(pleat_file_make_folder(folder));
    (void)in_root(one, "out/0");
    const pleat_status allowed = pleat_unpack_archive(&how, &list);
    if (allowed == PLEAT_ERR_UNSUPPORTED) skip();
    OK(allowed);
    assert_int_equal(list.n, 10);
    assert_int_equal(list.item[9].bytes, 100);
    assert_true(pleat_file_exists(one));
    pleat_unpacked_free(&list);
    how.folder = in_root(folder, "none");
    OK(pleat_file_make_folder(folder));
    (void)in_root(one, "none/0");
    how.most_entries = 9;
    REFUSED(pleat_unpack_archive(&how, &list), PLEAT_ERR_DATA, "more than 9 entries");
    how.most_entries = 10;
    how.most_bytes = 999;
    REFUSED(pleat_unpack_archive(&how, &list), PLEAT_ERR_DATA, "would unpack to more than");
    assert_false(pleat_file_exists(one));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_that_are_known_have_checksums),
        cmocka_unit_test(tasks_are_found_by_any_spelling),
        cmocka_unit_test(an_address_ends_in_the_name_of_its_file),
        cmocka_unit_test(a_manifest_is_yaml_or_json),
        cmocka_unit_test(a_manifest_that_is_wrong_is_told_by_line),
        cmocka_unit_test(more_than_is_allowed_is_not_unpacked),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
