#!/usr/bin/env bash
# messages.sh - all that the program says, to be read through: "file:line: text" of every string of
# several words in the source, and of the report's page. Options, keys and messages are such
# strings. Lines with a word that we do not use go to stderr too, and the exit code is 1. Arguments:
# files to read in place of the source.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# "judges" is "evaluates" or "scores", "goes on" is "continues" or "resumes", "passed by" is
# "skipped", "wants" is "needs", "anew" is "again"; for the rest there are plain words.
never="judge[sd]?|judging|goes on|going on|went on|passed by|told|wish|wishes|whoever|likewise"
never+="|thereby|wherein|hereby|shall|anew|wants"

files=("$@")
[ $# -gt 0 ] || mapfile -t files < <(find src preprocess mpi cuda -type f |
    grep -E '\.(c|h|cu|inc|js|html)$' | sort)

read_strings() {
    awk '
        function flush() {
            gsub(/[$]\{[^}]*\}/, "_", text) # a name within is not said
            if (text ~ /[a-z]+.* .*[a-z]/) print file ":" line ": " text
            text = ""
        }
        FNR == 1 { flush(); in_comment = 0 }
        FILENAME ~ /\.html$/ {
            text = $0
            gsub(/<[^>]*>|@[a-z]+@/, " ", text)
            file = FILENAME
            line = FNR
            flush()
            next
        }
        /^[ \t]*#[ \t]*include/ { next }
        {
            rest = $0
            while (rest != "") {
                if (in_comment) {
                    if (!(at = index(rest, "*/"))) break
                    rest = substr(rest, at + 2)
                    in_comment = 0
                } else if (match(rest, token)) {
                    before = substr(rest, 1, RSTART - 1)
                    one = substr(rest, RSTART, RLENGTH)
                    rest = substr(rest, RSTART + RLENGTH)
                    if (before !~ /^[ \t]*$/) flush() # strings side by side are one
                    if (one == "//") break
                    if (one == "/*") in_comment = 1
                    else if (one !~ /^\047/) {
                        if (text == "") { file = FILENAME; line = FNR }
                        text = text substr(one, 2, length(one) - 2)
                    }
                } else {
                    if (rest !~ /^[ \t]*$/) flush()
                    break
                }
            }
        }
        BEGIN { token = "/\\*|//|\"(\\\\.|[^\"\\\\])*\"|\047(\\\\.|[^\047\\\\])\047|`[^`]*`" }
        END { flush() }
    ' "$@"
}

read_strings "${files[@]}" | awk -v never="$never" '
    { print }
    {
        said = $0
        sub(/^[^:]*:[0-9]*: /, "", said)
        if (match(tolower(" " said " "), "[^a-z_](" never ")[^a-z_]")) {
            print $0 > "/dev/stderr"
            bad = 1
        }
    }
    END { exit bad }'
