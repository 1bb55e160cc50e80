#!/usr/bin/env bash
# complete.bash - complete.bash SCRIPT WORD...: what bash would offer for the last word, sorted.
# shellcheck disable=SC1090 # the script to be tested
. "$1" || exit
shift
compopt() { :; } # outside of a completion bash refuses it
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_pleat
printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | xargs
