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
    'time: ' 'measured here by 3 steps of 1 patch of 16 x 16 x 8 voxels: ref f32'; do
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

model=() # MB of the model's arrays, without amsgrad's and with it
for amsgrad in false true; do
    succeeds "plan with amsgrad: $amsgrad" 0 plan tiny.yaml --steps 0 "${keys[@]}" \
        --set network.filters=32 --set network.depth=4 --set patch=32x32x16 \
        --set "train.amsgrad=$amsgrad"
    model+=("$(sed -n 's/^  model  *\([0-9]*\) MB .*/\1/p' out)")
done
holds "amsgrad is a fifth array beside four: ${model[*]} MB" awk -v a="${model[0]}" \
    -v b="${model[1]}" 'BEGIN { exit !(a > 300 && b / a > 1.245 && b / a < 1.255) }'

# What a machine has not is planned nevertheless: nothing of its size is made. 3 GB of address space
# are a third of what this step needs.
large=(--set patch=160x160x80 --set network.filters=32 --set network.depth=4
    --set precision=auto)
no_preloads || {
    (ulimit -v 3000000 && exec "$pleat" plan tiny.yaml "${keys[@]}" "${large[@]}") > out 2> err
    holds "a large step is planned: exit code $?" [ $? -eq 0 ]
    holds "by a part of it" has out "scaled by counted products"
}
succeeds "a step beyond any memory" 0 plan tiny.yaml "${keys[@]}" --steps 0 \
    --set patch=4096x4096x4096
holds "is planned, and told" has out "more than this machine has"

# --- engines of other machines -------------------------------------------------------------------
# The original's step on an H100: docs/speed.md. On an A100 it is by the H100's rate of cuDNN alone,
# 29.32 ms, and 989.4 / 312 of it.
succeeds "on an H100" 0 plan tiny.yaml --on h100 "${keys[@]}" "${large[@]}"
holds "its step" has out "an estimate for the NVIDIA H100 SXM, 80 GB, bf16, 0.02 s a step"
holds "what its process holds" grep -qE \
    '^  program +3\.0 GB +an estimate: with CUDA, cuDNN and cuBLAS' out
holds "it is enough" has out "NVIDIA H100 SXM, 80 GB: enough"
succeeds "on an A100" 0 plan tiny.yaml --on a100 "${keys[@]}" "${large[@]}"
holds "its step" has out "bf16, 0.093 s a step: by the original's step on an H100 and the ratio of"
# 4.9 GB were seen there in a step, within a tenth.
said=$(sed -n 's/^memory of a GPU: \([0-9.]*\) GB, .*/\1/p' out)
holds "memory of a GPU: $said GB" awk -v a="$said" 'BEGIN { exit !(a > 4.4 && a < 5.4) }'
holds "a GPU's own memory" grep -qE '^  context +700 MB ' out
# Of 22.58 million parameters W = 90.3 MB, a checkpoint and the best model 361 MB, 0.361 s at
# 1 GB/s. An epoch of 150 steps of a fold: half of 19.96 ms each, and of the forward pass of 2
# held-out cases 3.3 ms: 1.50 s. Sums: W at 25 GB/s, 3.61 ms, 0.542 s; at 12.5 GB/s between nodes
# 1.084 s.
rest="of the ranks' time; sums of gradients"
long=("${keys[@]}" "${large[@]}" --set train.epochs=1000 --set train.iterations=150)
succeeds "two ranks a fold" 0 plan tiny.yaml --on h100 "${long[@]}" --gpus-per-node 4
holds "its limit" has out "limit, an estimate: the steps, 62 % $rest 23 %, checkpoints 15 %, \
predictions 0 %, idle ranks at the end 0 %: use fewer ranks per fold, or a larger train.batch"
holds "and time" has out "00:40:0"
holds "what is assumed" has out "sums at 25 GB/s in a node (assumed), 100 Gbit/s between nodes (ass"
succeeds "on two nodes" 0 plan tiny.yaml --on h100 "${long[@]}" --gpus-per-node 1 --nodes 4
holds "the network" has out "limit, an estimate: the steps, 51 % $rest 37 %, checkpoints 12 %"
# 5 Gbit/s are a twentieth: 21.7 s
succeeds "a slow network" 0 plan tiny.yaml --on h100 "${long[@]}" --gpus-per-node 1 --nodes 4 \
    --network 5
holds "limits" has out "estimate: sums of gradients, 92 % of the ranks' time; the steps 6 %"
holds "and is not assumed" has out "5 Gbit/s between nodes, none of them hidden"
# a rank a fold: 3.00 s and 0.361 s, on two thirds of the ranks
succeeds "three ranks" 0 plan tiny.yaml --on h100 "${long[@]}" --gpus-per-node 3
holds "one is idle" has out "limit, an estimate: the steps, 60 % $rest 0 %, checkpoints 7 %, \
predictions 0 %, idle ranks at the end 33 %: use 2 ranks, which take as long"
# 4 filters of depth 1: their products take no time, the launches of their kernels do
succeeds "a small network on an H100" 0 plan tiny.yaml --on h100 "${keys[@]}" --set precision=auto
holds "has a floor" has out "as long as the launches of its kernels take, some 4 us each"
step=$(sed -n 's/.*bf16, \([0-9.e-]*\) s a step.*/\1/p' out)
holds "of $step s a step" awk -v a="$step" 'BEGIN { exit !(a > 1e-4 && a < 1e-3) }'
succeeds "few filters, many voxels" 0 plan tiny.yaml --on h100 "${keys[@]}" "${large[@]}" \
    --set network.filters=4 --set train.batch=8
holds "wait for memory" has out "as long as its memory takes to move the activations"
succeeds "too large for it" 0 plan tiny.yaml --on rtx3090 "${keys[@]}" "${large[@]}" \
    --set train.batch=16
holds "is told" has out "24 GB: too little for it"
refused "a GPU that is not known" 2 "must be one of h100, h200, a100" 0 plan tiny.yaml --on h1000
if ! "$pleat" info 2> /dev/null | grep -q '^  cudnn *yes'; then
    succeeds "an engine that is not here" 0 plan tiny.yaml "${keys[@]}" --set engine=cudnn \
        --set precision=auto
    holds "is counted" has out "counted for cudnn bf16"
fi

# --- ranks without work --------------------------------------------------------------------------
succeeds "8 folds on 4 ranks" 0 plan tiny.yaml --steps 0 --ranks-per-node 4 --set folds.k=4 \
    --set folds.repeats=2 --set ranks_per_fold=1
holds "none is idle" lacks out "idle: "
succeeds "8 folds on 5 ranks" 0 plan tiny.yaml --steps 0 --ranks-per-node 5 --set folds.k=4 \
    --set folds.repeats=2 --set ranks_per_fold=1
holds "idle ranks" has out "idle: 20 % of the ranks' time; 8 folds by 5 groups take as long as 2"
holds "fewer do" has out "4 ranks take as long"
holds "more are faster" has out "8 ranks take 1/2 of the time"

# --- steps for the running statistics -------------------------------------------------------------
# 0.99^6 = 0.94; 0.05^(1/6) = 0.61; ln 0.05 / ln 0.99 = 298.1
sed -i 's/, norm_momentum: 0.05//' tiny.yaml
stale="warning: network.norm_momentum 0.99: after the 6 steps of a fold, 94 % of norm's running"
succeeds "few steps" 0 plan tiny.yaml --steps 0 "${keys[@]}"
holds "are warned of" has err "$stale"
holds "with the cure" has err "set network.norm_momentum: 0.6, or train 299 steps or more"
enough() { # enough WHAT SET...: no warning
    succeeds "$1" 0 plan tiny.yaml --steps 0 "${keys[@]}" "${@:2}"
    holds "$1: no warning" lacks err "norm_momentum"
}
enough "299 steps" --set train.epochs=13 --set train.iterations=23
enough "a lower momentum" --set network.norm_momentum=0.6
enough "no norm" --set network.norm=false
enough "norm by instance" --set network.name=plainconv
succeeds "298 steps" 0 plan tiny.yaml --steps 0 "${keys[@]}" --set train.epochs=149 \
    --set train.iterations=2
holds "are one too few" has err "after the 298 steps of a fold, 5 % of"
for example in phantom covid19; do
    succeeds "$example.yaml" 0 plan "$here/../../docs/examples/$example.yaml" --steps 0 \
        --set data=data --set "classes=[background, lung_L, lung_R, infection]"
    holds "$example.yaml has no warning" lacks err "warning:"
done

# --- ranks without cores --------------------------------------------------------------------------
cores=$(env -u OMP_NUM_THREADS nproc)
succeeds "more ranks than cores" 0 plan tiny.yaml --steps 0 --ranks-per-node $((cores + 1)) \
    --set folds.k=2 --set "folds.repeats=$cores" --set ranks_per_fold=1
holds "are told" has out "cores: $((cores + 1)) ranks a node would share the $cores core"
holds "with the cure" has out "takes about as long with less memory; or use nodes of"
succeeds "a rank a core" 0 plan tiny.yaml --steps 0 --ranks-per-node 1 "${keys[@]}"
holds "none is told" lacks out "cores: "

# the store is as large as was said, but for 20 kB of HDF5 and 48 kB of foreground lists a case
succeeds "a run" 0 run tiny.yaml --out run "${keys[@]}"
holds "a run is warned too" has err "$stale"
holds "and keeps it" has run/run.json "${stale#warning: }"
cp err log
succeeds "plan from a run" 0 plan tiny.yaml --from run "${keys[@]}"
holds "says which" has out "the median of 4 epochs of 'run': 1 rank, ref f32"
said=$(sed -n 's/^  store *\([0-9.]*\) kB .*/\1/p' out)
made=$(du -bc run/store/cases/*.h5 | awk 'END { print $1 / 1000 }')
holds "the store: $made kB, not about $said kB" awk -v a="$said" -v b="$made" \
    'BEGIN { exit !(a > 0 && a < b * 1.05 && b < a + 4 * 68) }'

succeeds "from it, of a larger patch" 0 plan tiny.yaml --from run "${keys[@]}" \
    --set patch=32x32x16
holds "by counted products" has out "a step scaled by counted products, 8 times"

# --- memory, against what processes took ---------------------------------------------------------
# in_mb TEXT: "1.4 GB" in MB.
in_mb() { numfmt --from=si "$(sed 's/ //; s/B$//; s/k$/K/' <<< "$1")" | awk '{ print $1 / 1e6 }'; }
# Within a quarter, and 10 MB: libraries of other machines have other sizes.
foretold() { # foretold WHAT RANKS SET...
    local what=$1 ranks=$2 said cases took
    shift 2
    succeeds "$what: a dry run" "$ranks" run tiny.yaml --dry-run "${keys[@]}" "$@"
    said=$(in_mb "$(sed -n 's/^memory of a rank: about \(.*B\), and .*/\1/p' out)")
    cases=$(in_mb "$(sed -n 's/.*, and \(.*B\) of cases that the ranks.*/\1/p' out)")
    succeeds "$what: a run" "$ranks" run tiny.yaml --out "$what" "${keys[@]}" "$@"
    took=$(in_mb "$(sed -n 's/.*memory of a rank: \(.*B\) at most.*/\1/p' err)")
    holds "$what: $took MB, not about $said + $cases MB" \
        awk -v a="$said" -v c="$cases" -v b="$took" \
        'BEGIN { a += c; exit !(b > 0 && a > 0.75 * b - 10 && a < 1.25 * b + 10) }'
}
no_preloads || {
    foretold small 0
    foretold ranks 2
    short=(--set engine=auto --set train.epochs=1 --set train.iterations=1)
    foretold activations 0 "${short[@]}" --set patch=[48,48,32] --set network.filters=16
    foretold weights 0 "${short[@]}" --set patch=[16,16,16] --set network.filters=16 \
        --set network.depth=4
    foretold cases 2 "${short[@]}" --set preprocess.resample=[3,3,3] --set patch=[64,64,64]
}

# --- the batch script ----------------------------------------------------------------------------
succeeds "a script" 0 plan tiny.yaml --nodes 2 --gpus-per-node 4 --steps 1 --sbatch job.sbatch \
    --out "my run" --time 5400 "${keys[@]}" --set ranks_per_fold=2
holds "named" has out "sbatch job.sbatch"
holds "this was no GPU" has out "that was no GPU"
holds "a GPU's memory" has out "memory of a GPU: "
for line in '--nodes=2' '--ntasks-per-node=4' '--gpus-per-node=4' '--cpus-per-task=2' \
    '--time=01:30:00' '--signal=B:USR1@180' '--requeue'; do
    holds "asks for $line" grep -qx -- "#SBATCH $line" job.sbatch
done
holds "runs it" has job.sbatch "pleat_job run '$box/tiny.yaml' --out '$box/my run'"
holds "with the keys" has job.sbatch "--set 'folds.k=2' --set 'threads=1'"
holds "is a script" bash -n job.sbatch
[ -z "$(command -v shellcheck)" ] || holds "without a fault" shellcheck job.sbatch

succeeds "an array on GPUs" 0 plan tiny.yaml --gpus-per-node 4 --on a100 --array \
    --sbatch gpus.sbatch --out gpus "${keys[@]}" --set precision=auto --set train.batch=4
asked=$(sed -n 's/^#SBATCH --mem=\([0-9]*\)M$/\1/p' gpus.sbatch)
holds "its 4 processes have 3 GB each: $asked MB" [ "$asked" -gt 12000 ]

# Ranks that share this machine's cores, and those of a script, which have their own.
crowd=(--ranks-per-node $((2 * cores)) --set folds.k=2 --set "folds.repeats=$cores"
    --set ranks_per_fold=1 --set threads=0)
# An epoch is 3 steps, and the forward passes of 2 cases held out, a third of a step together.
steps() { # steps AT_LEAST AT_MOST: of an epoch
    local epoch step
    epoch=$(sed -n 's/.*, \([0-9.e-]*\) s an epoch.*/\1/p' out)
    step=$(sed -n 's/.*, \([0-9.e-]*\) s a step.*/\1/p' out)
    holds "an epoch of $epoch s, a step of $step s: $1 to $2 steps" awk -v a="$1" -v b="$2" \
        -v e="$epoch" -v s="$step" 'BEGIN { exit !(e > a * s && e < b * s) }'
}
succeeds "two ranks a core" 0 plan tiny.yaml "${crowd[@]}"
holds "take turns" has out "s a step, 2 times that where $((2 * cores)) ranks share $cores core"
steps 5 8
succeeds "a script for them" 0 plan tiny.yaml "${crowd[@]}" --sbatch crowd.sbatch --out crowd
holds "shares no cores" lacks out " ranks share "
holds "nor says it" lacks out "ranks a node would share"
steps 2.5 4
holds "its CPUs" has out "cpus: the script asks for --cpus-per-task=1, a share of this machine's"
holds "asks for one" grep -qx -- "#SBATCH --cpus-per-task=1" crowd.sbatch
succeeds "more CPUs than here" 0 plan tiny.yaml "${crowd[@]}" --sbatch crowd.sbatch --out crowd \
    --cpus-per-task $((4 * cores))
holds "are an estimate" has out "s a step, an estimate: $cores thread"
holds "by threads" has out "scaled to $((4 * cores))"
holds "and as was said" lacks out "cpus: "

# Beside six programs on one core a step has a seventh of it; it takes as long as alone.
busy=(plan tiny.yaml --set folds.k=2 --set threads=1 --set patch=32x32x32 --set network.filters=8)
core=$(taskset -pc $$ | sed 's/.*[ ,-]//')
taskset -c "$core" "$pleat" "${busy[@]}" > out 2> err || wrong "a step on one core"
alone=$(sed -n 's/.*, \([0-9.e-]*\) s a step.*/\1/p' out)
others=()
for _ in 1 2 3 4 5 6; do
    taskset -c "$core" bash -c 'while :; do :; done' &
    others+=($!)
done
taskset -c "$core" "$pleat" "${busy[@]}" > out 2> err || wrong "a step beside others"
kill "${others[@]}"
wait "${others[@]}" 2> /dev/null
holds "others are told" has out "an estimate, other programs ran: the steps had "
beside=$(sed -n 's/.*, \([0-9.e-]*\) s a step.*/\1/p' out)
holds "a step of $beside s beside others, of $alone s alone" \
    awk -v a="$alone" -v b="$beside" 'BEGIN { exit !(a > 0 && b < 3 * a) }'

# What Slurm would do with it: a task of an array, from another folder.
mkdir bin elsewhere
succeeds "an array" 0 plan tiny.yaml --steps 0 --sbatch array.sbatch --out array --array \
    "${keys[@]}" --partition gpu --account lab/a --mail a.b@c.org --cpus-per-task 3
for line in '--array=0-1' '--partition=gpu' '--account=lab/a' '--mail-user=a.b@c.org' \
    '--cpus-per-task=3' '--time=24:00:00' "--output=\"$box/pleat-%A-fold-%a.log\""; do
    holds "asks for $line" grep -qx -- "#SBATCH $line" array.sbatch
done
[ -z "$(command -v shellcheck)" ] || holds "without a fault" shellcheck array.sbatch
holds "outside of Slurm the script says how to start it" grep -q "submit this script with sbatch" \
    <(env -u SLURM_JOB_ID bash "$here/../../slurm/run.sbatch" 2>&1)
holds "its report" grep -q 'afterok:${job%%;\*} .*/slurm/report.sbatch' out
task() { (cd elsewhere && SLURM_JOB_ID=1 SLURM_ARRAY_TASK_ID=1 bash ../array.sbatch "$@"); }
export PLEAT_SLURM=$here/../../slurm PLEAT=$pleat
holds "a task of it" task > out 2> err
holds "has done its fold" [ -s array/fold_1/scores.json ]
holds "and no other" [ ! -e array/fold_0 ]
PLEAT_SLURM_MODULES="no such" task > out 2> err
holds "a module that is not there ends it: $?" [ $? -eq 1 ]
holds "with a message" has err "'module load no such' failed"
printf '#!/bin/sh\necho "MPI plugin types are none, pmi2"\n' > bin/srun
printf '#!/bin/sh\necho "mpirun $*"\n' > bin/mpirun
chmod +x bin/*
PATH=$box/bin:$PATH SLURM_NTASKS=2 task > out 2> err
holds "without PMIx mpirun starts the ranks" has out "mpirun $pleat run"
printf '#!/bin/sh\necho "$*: specific pmix plugin versions available: pmix"\n' > bin/srun
PATH=$box/bin:$PATH SLURM_NTASKS=2 task > out 2> err
holds "with it srun" has out "--mpi=pmix --kill-on-bad-exit=1 $pleat run"
unset PLEAT_SLURM

# a program alone, without the folder of the scripts
mkdir alone
cp "$pleat" alone/
built=$pleat
pleat=$box/alone/pleat
succeeds "a script by a program alone" 0 plan tiny.yaml --steps 0 --sbatch alone.sbatch \
    --out array --array "${keys[@]}"
holds "says what is missing" has err "set PLEAT_SLURM to their folder"
holds "and how it is submitted" has out '"$PLEAT_SLURM"/report.sbatch'
(cd elsewhere && SLURM_JOB_ID=1 SLURM_ARRAY_TASK_ID=0 bash ../alone.sbatch) > out 2> err
holds "so does the script: $?" has err "set it to the folder of the batch scripts of pleat"
PLEAT_SLURM=$here/../../slurm succeeds "where it is set" 0 plan tiny.yaml --steps 0 \
    --sbatch alone.sbatch --out array "${keys[@]}"
holds "nothing is missing" lacks err "PLEAT_SLURM"
holds "it is in the script" has alone.sbatch "PLEAT_SLURM='$(readlink -f "$here/../../slurm")'"
pleat=$built

refused "a batch that cannot be shared" 2 "train.batch = 2" 0 plan tiny.yaml --ranks-per-node 6 \
    --set folds.k=2 --set ranks_per_fold=3
refused "no nodes" 2 "--nodes 0" 0 plan tiny.yaml --nodes 0
refused "no folder" 2 "--out RUN" 0 plan tiny.yaml --sbatch x --steps 0
refused "a partition of two words" 2 "--partition 'a b'" 0 plan tiny.yaml --partition "a b"
refused "two sources of time" 2 "the time comes from one of them" 0 plan tiny.yaml --on h100 \
    --from run
refused "no run" 3 "there is no 'none'" 0 plan tiny.yaml --from none
verdict
