#!/usr/bin/env bash
# e2e_plan.sh - pleat plan tells the layout and the needs of a run, says where its time comes from,
# and writes a batch script that asks for them. Wants PLEAT, the program.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib/program.sh
. "$here/../lib/program.sh"
tiny_data data 4 1
keys=(--set folds.k=2 --set threads=1)

succeeds "plan" 0 plan tiny.yaml --nodes 2 --ranks-per-node 2 "${keys[@]}"
holds "the layout" has out "2 folds to train on 4 ranks, 2 per fold"
for line in 'node 1' 'node 2' 'memory of a rank: ' 'memory of a node: ' 'allowed here' 'disk: ' \
    'time: ' 'measured here by 3 steps of one rank' 'ref f32'; do
    holds "says '$line'" has out "$line"
done
holds "writes nothing" same_text "$(ls)" "$(printf '%s\n' data err mpi out tiny.yaml)"

# in a cgroup of 1 GiB, where this machine lets us make one
for cgroup in /sys/fs/cgroup/memory /sys/fs/cgroup; do
    limit_file=$cgroup/pleat-$$/memory.limit_in_bytes
    mkdir "$cgroup/pleat-$$" 2> /dev/null || continue
    [ -e "$limit_file" ] || limit_file=$cgroup/pleat-$$/memory.max
    if echo 1073741824 2> /dev/null > "$limit_file"; then
        info=$(echo $BASHPID > "$cgroup/pleat-$$/cgroup.procs" && exec "$pleat" info --json)
        holds "the cgroup's limit is known" grep -q '"allowed_gib": *1[.0]*,' <<< "$info"
    fi
    rmdir "$cgroup/pleat-$$"
    break
done

succeeds "plan without a time" 0 plan tiny.yaml --steps 0 "${keys[@]}"
holds "says so" has out "time: not measured"

# the store is as large as was said, but for 20 kB of HDF5 and 48 kB of foreground lists a case
succeeds "a run" 0 run tiny.yaml --out run "${keys[@]}"
succeeds "plan from a run" 0 plan tiny.yaml --from run "${keys[@]}"
holds "says which" has out "the median of 4 epochs of 'run': 1 rank, ref f32"
said=$(sed -n 's/^  store *\([0-9.]*\) kB .*/\1/p' out)
made=$(du -bc run/store/cases/*.h5 | awk 'END { print $1 / 1000 }')
holds "the store: $made kB, not about $said kB" awk -v a="$said" -v b="$made" \
    'BEGIN { exit !(a > 0 && a < b * 1.05 && b < a + 4 * 68) }'

succeeds "a script" 0 plan tiny.yaml --nodes 2 --gpus-per-node 4 --steps 1 --sbatch job.sbatch \
    --out "my run" --time 5400 "${keys[@]}" --set ranks_per_fold=2
holds "named" has out "sbatch job.sbatch"
holds "this was no GPU" has out "that was no GPU"
holds "a GPU's memory" has out "memory of a GPU: "
for line in '--nodes=2' '--ntasks-per-node=4' '--gpus-per-node=4' '--cpus-per-task=2' \
    '--time=01:30:00' '--signal=B:USR1@180' '--requeue'; do
    holds "asks for $line" grep -qx -- "#SBATCH $line" job.sbatch
done
holds "runs it" has job.sbatch \
    "pleat_job run 'tiny.yaml' --out 'my run' --set 'folds.k=2' --set 'threads=1'"
holds "is a script" bash -n job.sbatch

refused "a batch that cannot be shared" 2 "train.batch = 2" 0 plan tiny.yaml --ranks-per-node 6 \
    --set folds.k=2 --set ranks_per_fold=3
refused "no nodes" 2 "--nodes 0" 0 plan tiny.yaml --nodes 0
refused "no folder" 2 "--out RUN" 0 plan tiny.yaml --sbatch x --steps 0
refused "no run" 3 "'none' is not the folder of a run" 0 plan tiny.yaml --from none
verdict
