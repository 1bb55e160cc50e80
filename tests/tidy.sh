#!/usr/bin/env bash
# tidy.sh - clang-tidy over the program's sources, two files at a time.
#
#   tests/tidy.sh [BUILD-FOLDER [FILE...]]    default: build, every source that it compiles
#
# Prints each finding; exit 1 when there is one, 77 when clang-tidy is not installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v clang-tidy > /dev/null; then
    echo "tidy: clang-tidy is not installed (apt-get install clang-tidy)"
    exit 77
fi
build=${1:-build}
if [ $# -gt 0 ]; then shift; fi
database=$build/compile_commands.json
if [ ! -f "$database" ]; then
    echo "tidy: no $database; configure first: cmake -S . -B $build -G Ninja"
    exit 1
fi
files=("$@")
if [ ${#files[@]} -eq 0 ]; then
    # Not what the build generates.
    mapfile -t files < <(sed -n "s|^ *\"file\": \"$PWD/\(.*\.c\)\".*|\1|p" "$database" |
        grep -vE '^(tests|build[^/]*)/' | sort -u)
fi

# OpenMP's header is the compiler's own, and clang's comes in a package of its own: gcc's will do.
headers=$(gcc -print-file-name=include)
status=0
printf '%s\n' "${files[@]}" |
    xargs -P 2 -n 1 clang-tidy -p "$build" --quiet --extra-arg=-idirafter"$headers" \
        --extra-arg=-Wno-unknown-warning-option 2> "$build/tidy.err" || status=1
if [ "$status" -ne 0 ]; then grep -vE '^[0-9]+ warnings? ' "$build/tidy.err" || :; fi
echo "tidy: ${#files[@]} files, $([ "$status" -eq 0 ] && echo clean || echo 'not clean')"
exit "$status"
