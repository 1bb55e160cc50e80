/*
 * help_complete.c - what bash, zsh and fish complete a command line by, from the tables.
 *
 * Each script is a fixed text with lists in it: the verbs, the options of each, what an option
 * takes, the keys of --set and the names that they choose among.
 */
#include "help.h"

#include "plan_device.h"

#include "pleat/fetch.h"
#include "pleat/planner.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* --- what an argument is -------------------------------------------------------------------- */

typedef enum argument_kind { NO_HELP, A_FILE, A_FOLDER, A_KEY, A_WORD } argument_kind;

static int key_of(const char *name) {
    pleat_config_about about;
    for (int i = 0; pleat_config_describe(i, &about); i++)
        if (strcmp(about.key, name) == 0) return i;
    return -1;
}

/* The names of a key, "auto f32 bf16"; "" where it takes other values. */
static void names_of(int key, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int j = 0; key >= 0 && used < size && pleat_config_choice(key, j) != NULL; j++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", j > 0 ? " " : "",
                                 pleat_config_choice(key, j));
}

/* The names of a table, with blanks between. */
static void join(const char *(*name)(int place), char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; used < size && name(i) != NULL; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? " " : "", name(i));
}

static int is_one_of(const char *word, const char *const list[]) {
    for (int i = 0; list[i] != NULL; i++)
        if (strcmp(word, list[i]) == 0) return 1;
    return 0;
}

/* By the option's argument as --help prints it; the words of A_WORD, with blanks between. */
static argument_kind kind_of(const option *row, char *words, size_t size) {
    static const char *const files[] = {"FILE",       "FILE.png", "FILE.html", "CONFIG",
                                        "CHECKPOINT", "DATA",     "TRUTH",     NULL};
    static const char *const folders[] = {"RUN", "STORE", "DIR", "FOLDER", NULL};
    static const char *const of_keys[][2] = {{"--engine", "engine"},
                                             {"--precision", "precision"},
                                             {"--network", "network.name"},
                                             {"--merge", "predict.merge"}};
    static const struct {
        const char *option;
        const char *(*name)(int place);
    } of_tables[] = {{"--on", plan_device_name}, {"--like", pleat_planner_name}};
    words[0] = '\0';
    if (strcmp(row->argument, "KEY=VALUE") == 0) return A_KEY;
    if (is_one_of(row->argument, files)) return A_FILE;
    if (is_one_of(row->argument, folders)) return A_FOLDER;
    if (strchr(row->argument, '|') != NULL) {
        (void)snprintf(words, size, "%s", row->argument);
        for (char *c = words; *c != '\0'; c++)
            if (*c == '|') *c = ' ';
    }
    for (size_t i = 0; i < sizeof of_keys / sizeof *of_keys; i++)
        if (strcmp(row->name, of_keys[i][0]) == 0) names_of(key_of(of_keys[i][1]), words, size);
    for (size_t i = 0; i < sizeof of_tables / sizeof *of_tables; i++)
        if (strcmp(row->name, of_tables[i].option) == 0) join(of_tables[i].name, words, size);
    return words[0] != '\0' ? A_WORD : NO_HELP;
}

/* --- lists ------------------------------------------------------------------------------------ */

/* A text between quotes of a shell: ' as '\'' and, for zsh, : [ ] with a backslash. */
static void put_quoted(const char *text, const char *with_backslash, int most) {
    for (int n = 0; *text != '\0' && n < most; text++, n++) {
        if (*text == '\'')
            (void)fputs("'\\''", stdout);
        else if (*text == '\n')
            (void)putchar(' ');
        else
            (void)printf("%s%c", strchr(with_backslash, *text) != NULL ? "\\" : "", *text);
    }
}

enum { MOST = 120 }; /* characters of a description */

static void put_verbs(const char *format) {
    for (const verb *v = verbs; v->name != NULL; v++) (void)printf(format, v->name);
}

/* A line for each key with names, by `format` of the key and its names. */
static void put_choices(const char *format) {
    pleat_config_about about;
    for (int i = 0; pleat_config_describe(i, &about); i++) {
        char names[1024];
        names_of(i, names, sizeof names);
        if (names[0] != '\0') (void)printf(format, about.key, names);
    }
}

static void put_keys(const char *format) {
    pleat_config_about about;
    for (int i = 0; pleat_config_describe(i, &about); i++) (void)printf(format, about.key);
}

/* Task04_Hippocampus, and hippocampus: fetch takes either, in capitals or not. */
static void put_sets(const char *format) {
    for (const pleat_fetch_known *k = pleat_fetch_known_sets; k->name != NULL; k++) {
        char low[64];
        const char *last = pleat_fetch_short_name(k->name);
        (void)printf(format, k->name);
        (void)snprintf(low, sizeof low, "%s", last);
        for (char *c = low; *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
        if (last != k->name) (void)printf(format, low);
    }
}

static void put_text(const char *const lines[]) {
    for (int i = 0; lines[i] != NULL; i++) (void)puts(lines[i]);
}

static const char *measurement(const verb *of) {
    const char *blank = strchr(of->name, ' ');
    return blank != NULL ? blank + 1 : NULL;
}

static void tell_measurement(const verb *of, const option *rows) {
    (void)rows;
    if (measurement(of) != NULL) (void)printf(" %s", measurement(of));
}

/* --- bash ------------------------------------------------------------------------------------- */

static void bash_options(const verb *of, const option *rows) {
    (void)printf("    '%s') REPLY='", of->name);
    for (const option *row = rows; row->name != NULL; row++) (void)printf("%s ", row->name);
    (void)puts("--help' ;;");
}

static void bash_takes(const verb *of, const option *rows) {
    static const char *const by_kind[] = {
        [NO_HELP] = "@none", [A_FILE] = "@file", [A_FOLDER] = "@folder", [A_KEY] = "@key"};
    for (const option *row = rows; row->name != NULL; row++) {
        char words[1024];
        if (row->kind == OPTION_FLAG) continue;
        const argument_kind kind = kind_of(row, words, sizeof words);
        (void)printf("    '%s %s') REPLY='%s' ;;\n", of->name, row->name,
                     kind == A_WORD ? words : by_kind[kind]);
    }
}

static const char *const BASH_END[] = {
    "# Bash cuts words at '=', which options and keys are written with: joined again, to `words`.",
    "_pleat_words() {",
    "    local i word joins=0",
    "    words=()",
    "    for ((i = 1; i <= COMP_CWORD; i++)); do",
    "        word=${COMP_WORDS[i]}",
    "        if ((${#words[@]})) && { ((joins)) || [[ $word == = ]]; }; then",
    "            words[${#words[@]} - 1]+=$word",
    "        else",
    "            words+=(\"$word\")",
    "        fi",
    "        [[ $word == = ]] && joins=1 || joins=0",
    "    done",
    "}",
    "",
    "# _pleat_reply OPTION... WORD: what compgen makes of WORD, without what bash has cut off.",
    "_pleat_reply() {",
    "    local word=${*: -1} cut=''",
    "    [[ $COMP_WORDBREAKS == *=* || $current == \"$word\" ]] || cut=${current%\"$word\"}",
    "    mapfile -t COMPREPLY < <(compgen -P \"$cut\" \"${@:1:$#-1}\" -- \"$word\")",
    "}",
    "",
    "_pleat() {",
    "    local words current before word verb='' i REPLY=''",
    "    COMPREPLY=()",
    "    _pleat_words",
    "    current=${words[${#words[@]} - 1]} before=''",
    "    ((${#words[@]} < 2)) || before=${words[${#words[@]} - 2]}",
    "    for ((i = 0; i < ${#words[@]} - 1; i++)); do",
    "        [[ ${words[i]} != -* ]] || continue",
    "        if [[ -z $verb ]]; then",
    "            verb=${words[i]}",
    "            [[ $verb == bench ]] && continue",
    "        elif [[ $verb == bench ]]; then",
    "            verb+=\" ${words[i]}\"",
    "        fi",
    "        break",
    "    done",
    "    word=$current",
    "    if [[ $current == --*=* ]]; then",
    "        before=${current%%=*} word=${current#*=}",
    "    fi",
    "    [[ $before != --* ]] || _pleat_takes \"$verb $before\"",
    "    case $REPLY in",
    "    @none) ;;",
    "    @file)",
    "        compopt -o filenames",
    "        _pleat_reply -f \"$word\"",
    "        ;;",
    "    @folder)",
    "        compopt -o filenames",
    "        _pleat_reply -d \"$word\"",
    "        ;;",
    "    @key)",
    "        if [[ $word == *=* ]]; then",
    "            _pleat_names \"${word%%=*}\"",
    "            _pleat_reply -W \"$REPLY\" \"${word#*=}\"",
    "        else",
    "            compopt -o nospace",
    "            _pleat_reply -W \"$_pleat_keys\" \"$word\"",
    "        fi",
    "        ;;",
    "    ?*) _pleat_reply -W \"$REPLY\" \"$word\" ;;",
    "    *)",
    "        _pleat_options \"$verb\"",
    "        case $verb,$word in",
    "        ,-*) _pleat_reply -W '-v -q --help --version' \"$word\" ;;",
    "        *,-*) _pleat_reply -W \"$REPLY\" \"$word\" ;;",
    "        ,*) _pleat_reply -W \"$_pleat_verbs help version\" \"$word\" ;;",
    "        help,*) _pleat_reply -W \"$_pleat_verbs\" \"$word\" ;;",
    "        bench,*) _pleat_reply -W \"$_pleat_measurements\" \"$word\" ;;",
    "        fetch,*) _pleat_reply -f -W \"$_pleat_sets\" \"$word\" ;;",
    "        *)",
    "            compopt -o filenames",
    "            _pleat_reply -f \"$word\"",
    "            ;;",
    "        esac",
    "        ;;",
    "    esac",
    "}",
    "complete -F _pleat pleat",
    NULL,
};

pleat_status help_bash(app *a) {
    (void)puts("# pleat.bash - completion of pleat's command line; made by `pleat help --bash`.");
    (void)printf("_pleat_verbs='");
    put_verbs("%s ");
    (void)printf("'\n_pleat_measurements='");
    PLEAT_TRY(help_each(a, tell_measurement));
    (void)printf("'\n_pleat_sets='");
    put_sets("%s ");
    (void)printf("'\n_pleat_keys='");
    put_keys("%s= ");
    (void)puts("'\n\n# Each leaves a list, or \"\", in $REPLY: the options of a verb,");
    (void)puts("_pleat_options() {\n    REPLY=''\n    case $1 in");
    PLEAT_TRY(help_each(a, bash_options));
    (void)puts("    version) REPLY=--json ;;\n    esac\n}\n\n# what an option of a verb takes,\n"
               "_pleat_takes() {\n    REPLY=''\n    case $1 in");
    PLEAT_TRY(help_each(a, bash_takes));
    (void)puts("    esac\n}\n\n# the values of a key.\n_pleat_names() {\n    REPLY=''\n"
               "    case $1 in");
    put_choices("    '%s') REPLY='%s' ;;\n");
    (void)puts("    esac\n}\n");
    put_text(BASH_END);
    return PLEAT_OK;
}

/* --- zsh -------------------------------------------------------------------------------------- */

static void zsh_option(const option *row) {
    char words[1024];
    (void)printf(" \\\n            '%s%s%s[", row->kind == OPTION_LIST ? "*" : "", row->name,
                 row->kind == OPTION_FLAG ? "" : "=");
    put_quoted(row->help, "[]:\\", MOST);
    (void)printf("]");
    if (row->kind != OPTION_FLAG) {
        static const char *const by_kind[] = {
            [NO_HELP] = " ", [A_FILE] = "_files", [A_FOLDER] = "_files -/", [A_KEY] = "_pleat_key"};
        const argument_kind kind = kind_of(row, words, sizeof words);
        (void)printf(":");
        put_quoted(row->argument, ":\\", MOST);
        (void)printf(kind == A_WORD ? ":(%s)" : ":%s", kind == A_WORD ? words : by_kind[kind]);
    }
    (void)printf("'");
}

static void zsh_verb(const verb *of, const option *rows) {
    (void)printf("    '%s')\n        _arguments '(- *)--help[the options]'", of->name);
    for (const option *row = rows; row->name != NULL; row++) zsh_option(row);
    (void)printf(" \\\n            '*:argument:%s'\n        ;;\n",
                 strcmp(of->name, "fetch") == 0 ? "_pleat_set" : "_files");
}

pleat_status help_zsh(app *a) {
    (void)puts("#compdef pleat\n"
               "# _pleat - completion of pleat's command line; made by `pleat help --zsh`.\n"
               "\n_pleat_key() {\n    if ! compset -P '*='; then\n        compadd -S '' -- \\");
    put_keys("            %s= \\\n");
    (void)puts("            ''\n        return\n    fi\n    case ${${IPREFIX%=}##*=} in");
    put_choices("    '%s') compadd -- %s ;;\n");
    (void)printf("    esac\n}\n\n_pleat_set() {\n    compadd --");
    put_sets(" %s");
    (void)puts("\n    _files\n}\n\n_pleat_verb() {\n    local -a verbs=(");
    for (const verb *v = verbs; v->name != NULL; v++) {
        (void)printf("        '%s:", v->name);
        put_quoted(v->what, "", MOST);
        (void)puts("'");
    }
    (void)puts("        'help:the help of a verb'\n        'version:the version'\n    )\n"
               "    _describe verb verbs\n}\n\n_pleat() {\n    local state line context\n"
               "    typeset -A opt_args\n"
               "    _arguments -C '-v[say more]' '-q[say less]' '1:verb:_pleat_verb' "
               "'*::argument:->rest'\n"
               "    [[ $state == rest ]] || return\n"
               "    if [[ $words[1] == bench ]] && (( CURRENT > 2 )); then\n"
               "        shift words\n        (( CURRENT-- ))\n"
               "        words[1]=\"bench $words[1]\"\n    fi\n    case $words[1] in");
    PLEAT_TRY(help_each(a, zsh_verb));
    (void)printf("    bench) _arguments '1:measurement:(");
    PLEAT_TRY(help_each(a, tell_measurement));
    (void)puts(
        ")' ;;\n    help) _arguments '1:verb:_pleat_verb' ;;\n"
        "    version) _arguments '--json[one JSON object]' ;;\n    esac\n}\n\n_pleat \"$@\"");
    return PLEAT_OK;
}

/* --- fish ------------------------------------------------------------------------------------- */

static void fish_option(const verb *of, const option *row) {
    static const char *const by_kind[] = {[NO_HELP] = " -x",
                                          [A_FILE] = " -r -F",
                                          [A_FOLDER] = " -x -a '(__fish_complete_directories)'",
                                          [A_KEY] = " -x -a '(__pleat_keys)'"};
    char words[1024];
    (void)printf("complete -c pleat -n '__pleat_is %s' -l %s -d '", of->name, row->name + 2);
    put_quoted(row->help, "", MOST);
    (void)printf("'");
    if (row->kind != OPTION_FLAG) {
        const argument_kind kind = kind_of(row, words, sizeof words);
        if (kind == A_WORD)
            (void)printf(" -x -a '%s'", words);
        else
            (void)fputs(by_kind[kind], stdout);
    }
    (void)putchar('\n');
}

static void fish_verb(const verb *of, const option *rows) {
    if (measurement(of) != NULL)
        (void)printf("complete -c pleat -n '__pleat_is_only bench' -a %s\n", measurement(of));
    else
        (void)printf("complete -c pleat -n '__pleat_is %s' -F\n", of->name);
    for (const option *row = rows; row->name != NULL; row++) fish_option(of, row);
}

/* A line for each key, "KEY=", and for each value of those with names, "KEY=NAME". */
static void fish_keys(void) {
    pleat_config_about about;
    for (int i = 0; pleat_config_describe(i, &about); i++) {
        (void)printf("    echo %s=\\t'", about.key);
        put_quoted(about.manual, "", (int)strcspn(about.manual, ";"));
        (void)puts("'");
        for (int j = 0; pleat_config_choice(i, j) != NULL; j++)
            (void)printf("    echo %s=%s\n", about.key, pleat_config_choice(i, j));
    }
}

pleat_status help_fish(app *a) {
    (void)puts("# pleat.fish - completion of pleat's command line; made by `pleat help --fish`.\n"
               "function __pleat_keys\n    # KEY=, and KEY=NAME where a key takes names");
    fish_keys();
    (void)puts(
        "end\n\nfunction __pleat_words\n"
        "    # the words that are no options, behind pleat, one a line\n"
        "    set -l words (commandline -opc)\n    string match -v -- '-*' $words[2..]\nend\n"
        "\nfunction __pleat_is\n    # the first words are these: a verb, or bench and its own\n"
        "    set -l words (__pleat_words)\n    set -l n (count $argv)\n"
        "    test (count $words) -ge $n\n    and test \"$words[1..$n]\" = \"$argv\"\nend\n"
        "\nfunction __pleat_is_only\n    # these are all words\n"
        "    set -l words (__pleat_words)\n    test \"$words\" = \"$argv\"\nend\n"
        "\ncomplete -c pleat -f\n"
        "complete -c pleat -n '__pleat_is_only' -s v -d 'say more'\n"
        "complete -c pleat -n '__pleat_is_only' -s q -d 'say less'");
    for (const verb *v = verbs; v->name != NULL; v++) {
        (void)printf("complete -c pleat -n '__pleat_is_only' -a %s -d '", v->name);
        put_quoted(v->what, "", MOST);
        (void)printf("'\ncomplete -c pleat -n '__pleat_is_only help' -a %s\n", v->name);
    }
    (void)puts("complete -c pleat -n '__pleat_is_only' -a help -d 'the help of a verb'\n"
               "complete -c pleat -n '__pleat_is_only' -a version -d 'the version'\n"
               "complete -c pleat -n '__pleat_is version' -l json -d 'one JSON object'");
    (void)printf("complete -c pleat -n '__pleat_is_only fetch' -a '");
    put_sets("%s ");
    (void)puts("'");
    return help_each(a, fish_verb);
}
