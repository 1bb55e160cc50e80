#!/usr/bin/env bash
# e2e_metadata.sh - what the ranks of a run ask of the file system by name, counted by strace: ranks
# other than the first look at no case but those that they read, and an epoch costs a few renames.
# Wants PLEAT, the program, and PLEAT_TEST_BIN.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

strace -qq -o probe true 2> err || { echo "no strace here, or not allowed" && exit 77; }
no_preloads && exit 77
ranks=4 few=12 many=36

cat > meta.yaml << 'END_OF_YAML'
classes: [background, a, b]
folds: {k: 4}
patch: [8, 8, 8]
overlap: [0, 0, 0]
network: {depth: 1, filters: 2}
train: {iterations: 1, batch: 4, validation: 1, lr: 0.01, oversample: 0.5}
engine: ref
precision: f32
progress: 0
report: {figures: false, pictures: 0}
END_OF_YAML
calls=open,openat,creat,stat,lstat,newfstatat,statx,access,faccessat,faccessat2,readlink,readlinkat
calls=$calls,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,getdents64

# traced VERB CASES EPOCHS RANKS_PER_FOLD: a run; asked[r] is what rank r asked of data, store and
# the run's folder by name, but by descriptor no more.
traced() {
    local verb=$1 n=$2 epochs=$3 per_fold=$4 rank out=$box/run.$1.$2.$3.$4
    timeout "$limit" "$mpiexec" -n "$ranks" bash -c \
        'exec strace -f -qq -y -e trace="$1" -o "$2.$OMPI_COMM_WORLD_RANK" "${@:3}"' ranks \
        "$calls" "$box/trace" "$pleat" -q "$verb" meta.yaml --out "$out" \
        --set data="$box/data_$n" --set store="$box/store_$n" --set train.epochs="$epochs" \
        --set ranks_per_fold="$per_fold" > out 2> err < /dev/null || wrong "$verb, traced"
    asked=()
    for ((rank = 0; rank < ranks; rank++)); do
        grep -F "$box/" "trace.$rank" | grep -v '>, "",' | grep -vF "$box/mpi" > "asked.$rank"
        asked+=("$(grep -c . "asked.$rank")")
    done
    echo "$verb, $n cases, $epochs epochs, $per_fold ranks a fold: ${asked[*]}"
}

for n in "$few" "$many"; do
    "$PLEAT_TEST_BIN/many_cases" "$box/data_$n" "$n" || wrong "many_cases"
    succeeds "prep" 0 -q prep meta.yaml --set data="$box/data_$n" --out "store_$n"
done
traced train "$few" 2 1
at_few=("${asked[@]}")
traced train "$many" 2 1
at_many=("${asked[@]}")
traced train "$few" 12 1
at_long=("${asked[@]}")
traced train "$few" 2 4
at_group=("${asked[@]}")
traced train "$few" 12 4
at_long_group=("${asked[@]}")
for ((r = 1; r < ranks; r++)); do
    holds "rank $r: at the start" [ "${at_few[r]}" -le 150 ]
    holds "rank $r: 6 a case of its own, 0 for those of others" \
        [ $((at_many[r] - at_few[r])) -le $((6 * (many - few) / ranks)) ]
    holds "rank $r: 30 an epoch, as leader" [ $((at_long[r] - at_few[r])) -le 300 ]
    holds "rank $r: at the start, of a group" [ "${at_group[r]}" -le 75 ]
    holds "rank $r: 1 an epoch, of a group" [ $((at_long_group[r] - at_group[r])) -le 10 ]
done
holds "rank 0: 50 a case" [ $((at_many[0] - at_few[0])) -le $((50 * (many - few))) ]
holds "rank 0: 30 an epoch" [ $((at_long[0] - at_few[0])) -le 300 ]
verdict
