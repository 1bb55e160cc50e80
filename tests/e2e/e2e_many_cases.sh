#!/usr/bin/env bash
# e2e_many_cases.sh - work and memory grow with the number of cases, and no faster: what verbs
# compare is counted at 500 and at 2000 cases. Wants PLEAT, the program, and PLEAT_TEST_BIN.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
no_preloads && exit 77

few=500 many=2000
most=5       # times the compares; 4 is linear, 4.9 with sorting, 16 all pairs
per_case=64                  # KiB
cat > many.yaml << 'END'
classes: [background, a, b]
folds: {k: 5}
patch: [8, 8, 8]
overlap: [0, 0, 0]
network: {depth: 1, filters: 2}
train: {epochs: 1, iterations: 1, batch: 2, validation: 1, lr: 0.01}
engine: ref
precision: f32
END

# grows WHAT VERB ARGUMENT...: with %N for the number of cases.
grows() {
    local what=$1 n compares kib c=() m=()
    shift
    for n in "$few" "$many"; do
        LD_PRELOAD=$PLEAT_TEST_BIN/libcompares.so COMPARES=$box/count \
            "$pleat" -q "${@//%N/$n}" > /dev/null 2> err || wrong "$what of $n cases"
        read -r compares kib < count
        c+=("$compares") m+=("$kib")
    done
    printf '%s: %s and %s compares, %s and %s MiB\n' "$what" "${c[@]}" \
        $((m[0] / 1024)) $((m[1] / 1024))
    holds "$what: compares something" [ "${c[0]}" -gt "$few" ]
    holds "$what: compares no faster than cases" [ "${c[1]}" -le $((most * c[0])) ]
    holds "$what: $per_case KiB a case" \
        [ $((m[1] - m[0])) -le $((per_case * (many - few))) ]
}

touch out # of some thousand lines, in no test's log
for n in "$few" "$many"; do "$PLEAT_TEST_BIN/many_cases" "data_$n" "$n" || wrong "many_cases"; done
grows "check by headers" check many.yaml --headers --set data=data_%N
grows "check" check many.yaml --set data=data_%N
grows "explore" explore many.yaml --set data=data_%N
grows "split" split many.yaml --set data=data_%N --out splits_%N.json
grows "prep" prep many.yaml --set data=data_%N --out store_%N
grows "prep again" prep many.yaml --set data=data_%N --out store_%N
grows "dry run" run many.yaml --dry-run --set data=data_%N --set store=store_%N
for n in "$few" "$many"; do
    for image in "data_$n"/imagesTr/*; do printf '%256s' '' >> "$image"; done # a slice more
done
grows "check that warns of each case" check many.yaml --set data=data_%N
verdict
