#!/usr/bin/env bash
# lint.sh - the rules of the house that no compiler holds: levels, places, sizes, words, format.
# Prints every offence as file:line: what is wrong; exit 1 when there is any. Runs from anywhere.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# An include only goes down or stays. First match counts; a public header include/pleat/x.h that
# is not named here stands where the lowest x.c stands.
levels='
2 include/pleat/engine.h   seams: what the network asks of an engine and of a communicator
2 include/pleat/comm.h
2 src/base/comm_
0 include/pleat/commit.h
0 include/pleat/lanes.h
0 include/pleat/inference.h
0 src/base/                base
1 src/io/                  files
3 src/engines/             network
3 src/net/
3 include/pleat/net.h
6 include/pleat/pool.h
6 include/pleat/check.h
6 include/pleat/predicted.h
5 include/pleat/metrics.h
4 include/pleat/crop.h
4 include/pleat/patch_voxel.h
4 src/learn/               learning, and the GPU
4 cuda/
4 preprocess/
5 src/eval/                judgement
6 mpi/                     experiment
6 src/run/
7 src/app/                 app
7 src/bench/
7 src/main.c
'

# A library of others is included in one place: header, then the files that may (both regular
# expressions over the whole name).
places='
mpi.h                                   mpi/.*
hdf5.h                                  src/io/hdf5_write.h
nifti.*.h|znzlib.h                      src/io/nifti.*
zlib.h                                  src/io/nifti.*
isa-l.*.h                               src/io/nifti_gzip.c
(oneapi/dnnl/)?dnnl.*.h                 src/engines/onednn.*
yaml.h                                  src/run/config.*
jansson.h                               src/base/json.c|src/io/layout.*|src/eval/(report|page)/.*
jansson.h                               preprocess/folds.c|src/run/.*json.*|src/run/journal.c
jansson.h                               src/run/postprocessing.c
jansson.h                               src/app/sheet.c|src/net/keras_config.c
png.h                                   src/io/picture.c
onnx.pb-c.h|protobuf-c.*                src/io/onnx_file.c
gif_lib.h                               src/io/gif.c
curl/.*                                 src/io/download.c
archive.*.h                             src/io/unpack.c
nettle/.*                               src/io/checksum.c
(cuda|cudnn|cublas|nccl|nvtx|cub/).*    cuda/.*
'

# Functions with a better one: bounded copies, strtol and its kin, our own random numbers.
banned='gets|strcpy|strcat|sprintf|vsprintf|atoi|atol|atof|system|popen|rand|srand|random'
banned+='|strtok|asctime|ctime|gmtime|localtime|tmpnam|mktemp|alloca'
may_exit='^(src/main\.c|mpi/session.*\.c)$'
lines_most=600
columns_most=100

offences=$(mktemp -d) || exit 1
trap 'rm -rf "$offences"' EXIT

tree() { # all files of the project but what was built, and inputs of parsers
    find . \( -name .git -o -name 'build*' -o -path ./tests/drills/corpus \) -prune \
        -o -type f -print | sed 's|^\./||' | sort
}
mapfile -t all < <(tree)
mapfile -t code < <(printf '%s\n' "${all[@]}" | grep -E '\.(c|h|cu|cuh|inc)$')
mapfile -t product < <(printf '%s\n' "${code[@]}" | grep -vE '^tests/')
mapfile -t scripts < <(grep -lE '^#!.*sh' "${all[@]}")

# --- C: levels, places, banned functions; comments and strings do not count ----------------------
awk -v levels="$levels" -v places="$places" -v banned="$banned" -v may_exit="$may_exit" '
    function bad(what) { print FILENAME ":" FNR ": " what }
    function level_of(file,    i, name) {
        if (file in known) return known[file]
        for (i = 1; i <= rows; i++)
            if (index(file, prefix[i]) == 1) return known[file] = rank[i]
        name = file
        sub(/^include\/pleat\//, "", name)
        sub(/\.h$/, "", name)
        return known[file] = (name in lowest) ? lowest[name] : -1
    }
    function plain(line,    out, at, rest) { # the line without comments and strings
        out = ""
        while (line != "") {
            if (in_comment) {
                at = index(line, "*/")
                if (!at) return out
                line = substr(line, at + 2)
                in_comment = 0
            } else if (match(line, token)) {
                out = out substr(line, 1, RSTART - 1)
                rest = substr(line, RSTART, 2)
                if (rest == "//") return out
                if (rest == "/*") in_comment = 1
                else out = out "\"\""
                line = substr(line, RSTART + (rest == "/*" ? 2 : RLENGTH))
            } else return out line
        }
        return out
    }
    BEGIN {
        token = "/\\*|//|\"(\\\\.|[^\"\\\\])*\"|\047(\\\\.|[^\047\\\\])+\047"
        n = split(levels, line, "\n")
        for (i = 1; i <= n; i++)
            if (split(line[i], word, /[ ]+/) >= 2) {
                rank[++rows] = word[1]
                prefix[rows] = word[2]
            }
        n = split(places, line, "\n")
        for (i = 1; i <= n; i++)
            if (split(line[i], word, /[ ]+/) == 2) {
                if (!(word[1] in place)) header[++rules] = word[1]
                place[word[1]] = place[word[1]] (place[word[1]] == "" ? "" : "|") word[2]
            }
        for (i = 1; i < ARGC; i++) {
            name = ARGV[i]
            if (name !~ /\.(c|cu)$/) continue
            level = level_of(name)
            sub(/.*\//, "", name)
            sub(/\.[a-z]+$/, "", name)
            if (!(name in lowest) || level + 0 < lowest[name] + 0) lowest[name] = level
        }
        for (i = 1; i < ARGC; i++) exists[ARGV[i]] = 1
    }
    FNR == 1 {
        in_comment = 0
        mine = level_of(FILENAME)
        if (mine < 0) bad("of no level: neither in the table of tests/lint.sh nor has it a .c")
    }
    {
        text = plain($0)
        if (text ~ /^[ \t]*#[ \t]*include/ && match($0, /[<"][^>"]+[>"]/)) {
            named = substr($0, RSTART + 1, RLENGTH - 2)
            for (i = 1; i <= rules; i++)
                if (named ~ ("^(" header[i] ")$") && FILENAME !~ ("^(" place[header[i]] ")$"))
                    bad("may not include " named "; only " place[header[i]] " may")
            if (substr($0, RSTART, 1) == "\"") {
                folder = FILENAME
                sub(/[^\/]*$/, "", folder)
                if (named ~ /^pleat\//) target = "include/" named
                else target = folder named
                while (sub(/[^\/]+\/\.\.\//, "", target)) continue
                level = level_of(target)
                if (!(target in exists))
                    bad("\"" named "\" is neither in include/ nor beside this file")
                else if (level + 0 > mine + 0 && mine >= 0)
                    bad("level " mine " may not include " named ", which is of level " level)
            }
        }
        if (FILENAME !~ may_exit && text ~ /(^|[^A-Za-z0-9_.>])exit[ ]*\(/)
            bad("only main ends the program; return a status")
        while (match(text, "(^|[^A-Za-z0-9_.>])(" banned ")[ ]*\\(")) {
            named = substr(text, RSTART, RLENGTH)
            gsub(/[^A-Za-z0-9_]/, "", named)
            bad("do not use " named "()")
            text = substr(text, RSTART + RLENGTH)
        }
    }
' "${product[@]}" > "$offences/levels"

# --- every text: first lines, sizes, words, paths ------------------------------------------------
awk '
    function bad(line, what) { print FILENAME ":" line ": " what }
    FNR == 1 { name = FILENAME; sub(/.*\//, "", name); first = $0 }
    FNR == 1 && index($0, "/* " name " - ") == 1 { first = "" }
    FNR == 2 && first == "/*" && index($0, " * " name " - ") == 1 { first = "" }
    FNR == 2 && first != "" { bad(1, "a file begins with /* " name " - one sentence. */") }
' "${code[@]}" > "$offences/opening"
awk '
    FNR == 2 {
        name = FILENAME
        sub(/.*\//, "", name)
        if (index($0, "# " name " - ") != 1)
            print FILENAME ":2: a script says what it is: # " name " - one sentence."
    }
' "${scripts[@]}" >> "$offences/opening"

mapfile -t narrow < <(printf '%s\n' "${code[@]}" "${scripts[@]}"
                      printf '%s\n' "${all[@]}" | grep -E '(^|/)CMakeLists\.txt$')
awk -v most="$lines_most" -v columns="$columns_most" '
    function bad(what) { print FILENAME ":" FNR ": " what }
    FNR == most + 1 { bad("more than " most " lines; look for the missing noun") }
    /[ \t]$/ { bad("blanks at the end") }
    /\t/ { bad("a tab") }
    {
        gsub(/[\200-\277]/, "") # counts characters, not bytes
        if (length($0) > columns) bad(length($0) " columns, more than " columns)
    }
' "${narrow[@]}" > "$offences/size"

{
    grep -nIwE 'TO''DO|FIX''ME|XX''X' "${all[@]}" |
        sed 's/^\([^:]*:[0-9]*\):.*/\1: unfinished work/'
    grep -nIE '(^|[^a-z])/wo''rk/|\.\./sha''red' "${all[@]}" |
        sed 's/^\([^:]*:[0-9]*\):.*/\1: a path that nobody else has/'
    # Who computes is known to the engines and their list alone.
    printf '%s\n' "${product[@]}" | grep -E '^(src|mpi|preprocess)/' | grep -v '^src/engines/' |
        xargs grep -nE 'cudnn|onednn|cuda_module' |
        sed 's/^\([^:]*:[0-9]*\):.*/\1: names an engine or its module; ask the engine or the list/'
} > "$offences/words"
# A score, a network, a loss or a kind of node is named in its own file and in its list alone;
# comments may say what they like, and a recipe says what its user would.
only_there() { # only_there FILES NAME: both regular expressions
    mapfile -t elsewhere < <(printf '%s\n' "${product[@]}" |
        grep -vE "^($1|src/run/(recipes|suggest_text))")
    awk -v name="$2" -v there="$1" '
        { line = $0; sub(/\/\*.*/, "", line) }
        line !~ /^[ ]*\*/ && line ~ name {
            print FILENAME ":" FNR ": a name that only " there " may know; take it from the list"
        }
    ' "${elsewhere[@]}"
}
names_in() { sed -nE 's/.*\.(name|nnunet) = "([^"]+)".*/\2/p' "$1"/*.c | paste -sd '|'; }
{
    only_there 'src/eval/scores/' "\"($(names_in src/eval/scores))\""
    only_there 'src/net/(nets/|networks)' "\"($(names_in src/net/nets))\""
    only_there 'src/net/losses' "\"($(names_in src/net/losses))\""
    only_there 'src/net/node' "pleat_node_($(names_in src/net/nodes))([^_a-z]|$)"
} >> "$offences/words"
# Every kind of node stands in the shapes whose gradients are tested; every operation in each
# engine's table.
for name in $(names_in src/net/nodes | tr '|' ' '); do
    grep -q "pleat_graph_$name(" tests/unit/test_shapes.c ||
        echo "src/net/nodes/$name.c:1: no shape of tests/unit/test_shapes.c has this kind of node"
done >> "$offences/words"
operations=$(sed -n '/^typedef struct pleat_engine_ops/,/^} pleat_engine_ops/p' \
    include/pleat/engine.h | sed -nE 's/^    [a-z_]+ \(\*([a-z_]+)\).*/\1/p')
for name in $operations; do
    for table in src/engines/ref_loops.inc src/engines/onednn.c cuda/ops.c; do
        grep -q "^    \.$name = " "$table" || echo "$table:1: its table has no .$name"
    done
done >> "$offences/words"
for script in "${scripts[@]}"; do
    bash -n "$script" 2>> "$offences/words"
done

# --- what the program says: build/messages.txt, to be read through --------------------------------
said=/dev/null
[ ! -d build ] || said=build/messages.txt
bash tests/messages.sh 2>&1 > "$said" |
    sed 's/$/: a word that we do not use; tests\/messages.sh has them/' > "$offences/messages"
[ "$said" = /dev/null ] || [ "$(wc -l < "$said")" -gt 1000 ] ||
    echo "tests/messages.sh:1: finds few messages" >> "$offences/messages"
planted=$(mktemp) # a word in the second string of one message, and one in a comment
printf 'say("the fold "\n "goes on");\n/* "whoever is told" */ say("to %%s and on");\n' \
    > "$planted"
[ "$(bash tests/messages.sh "$planted" 2>&1 > /dev/null | wc -l)" -eq 1 ] ||
    echo "tests/messages.sh:1: misses a word that was planted" >> "$offences/messages"
rm -f "$planted"

# --- names: links of pages, and files named in pages, in code and in .ci/run, are there -----------
mapfile -t pages < <(printf '%s\n' "${all[@]}" | grep '\.md$')
printf '%s\n' "${all[@]}" | awk '
    BEGIN {
        named = "(src|tests|include|docs|cuda|mpi|slurm|preprocess)/[A-Za-z0-9_./*{},-]*" \
            "[A-Za-z0-9_/*}]|pleat/[a-z_0-9]+\\.h"
    }
    function bad(what) { print FILENAME ":" FNR ": " what }
    function there(path,    name, pattern) { # a file, a folder, or a pattern that matches one
        sub(/\/$/, "", path)
        if (path in files || path in folders) return 1
        if (path !~ /[*{]/) return 0
        pattern = path
        gsub(/\./, "\\.", pattern)
        gsub(/\*/, "[^/]*", pattern)
        gsub(/\{/, "(", pattern)
        gsub(/\}/, ")", pattern)
        gsub(/,/, "|", pattern)
        for (name in files) if (name ~ ("^" pattern "$")) return 1
        return 0
    }
    FILENAME == "-" {
        files[$0] = path = $0
        while (sub(/\/[^\/]*$/, "", path)) folders[path] = 1
        next
    }
    FNR == 1 { fenced = 0; page = FILENAME ~ /\.md$/ }
    page && /^ *```/ { fenced = !fenced }
    {
        text = fenced || !page ? "" : $0
        while (match(text, /\]\([^) ]*/)) {
            link = substr(text, RSTART + 2, RLENGTH - 2)
            text = substr(text, RSTART + RLENGTH)
            if (link ~ /^[a-z]+:/) continue
            sub(/#.*/, "", link)
            if (link == "") continue
            folder = FILENAME
            if (!sub(/[^\/]*$/, "", folder)) folder = ""
            link = folder link
            while (sub(/[^\/]+\/\.\.\//, "", link)) continue
            if (!there(link)) bad("links to " link ", which is not there")
        }
        text = $0
        while (match(text, named)) {
            before = RSTART > 1 ? substr(text, RSTART - 1, 1) : " "
            path = substr(text, RSTART, RLENGTH)
            text = substr(text, RSTART + RLENGTH)
            if (before ~ /[A-Za-z0-9_.-]/ || path ~ /[A-Z]+\.c$/) continue
            if (path ~ /^pleat/) {
                if (before == "/") continue
                path = "include/" path
            }
            if (!there(path)) bad("names " path ", which is not there")
        }
    }
' - "${pages[@]}" "${code[@]}" .ci/run > "$offences/names"

# --- format --------------------------------------------------------------------------------------
if ! command -v clang-format > /dev/null; then
    echo "lint: clang-format is not installed: the format was not looked at"
elif ! clang-format --version | grep -qw 'version 14'; then
    echo "lint: $(clang-format --version) is not version 14: the format was not looked at"
else
    clang-format --dry-run -Werror "${code[@]}" 2>&1 |
        sed -n 's/^\([^ :]*:[0-9]*\):[0-9]*: error: .*/\1: clang-format -i would change this/p' |
        uniq > "$offences/format"
fi

cat "$offences"/*
count=$(cat "$offences"/* | wc -l)
echo "lint: ${#all[@]} files, $count offences"
[ "$count" -eq 0 ]
