#!/usr/bin/env bash
# e2e_emulated.sh - a cross-validation by the GPU engine on emulated GPUs: one; two with NCCL; two
# ranks on one. Wants PLEAT, the program, and PLEAT_TEST_BIN, the folder with the emulated module.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

module=$PLEAT_TEST_BIN/gpu/emulator/libpleat_cuda.so
if [ ! -e "$module" ]; then
    echo "SKIPPED: the GPU module is not built here, so it is not emulated"
    exit 77
fi
export PLEAT_MODULE_PATH=$module XDG_CACHE_HOME=$PWD/cache

tiny_data data 4 1
# Steps are sgd's, which are as large as the gradients. Adam's first steps have about one size
# whatever the gradient: with it onednn's losses were seen 6e-3 from ref's, cudnn's 3e-3.
small="--set folds.k=2 --set patch=32x32x16 --set network.filters=4 --set network.depth=2"
small+=" --set train.optimizer=sgd"

# losses RUN: the training losses of fold 0, the first epoch's first.
losses() { sed 1d "$1/fold_0/history.tsv" | cut -f 2; }

# near A B: the losses of two runs differ by less than 2e-3.
near() {
    paste <(losses "$1") <(losses "$2") | awk '
        { d = $1 - $2; if (d > 2e-3 || d < -2e-3) bad = 1 }
        END { exit bad || NR == 0 }'
}

# shellcheck disable=SC2086 # options
{
    succeeds "the oracle" 1 run tiny.yaml --out oracle $small
    succeeds "one GPU" 1 run tiny.yaml --out one $small --set engine=auto
    holds "one GPU: it says which" grep -q "Emulated GPU" one/log/rank-0000.log
    holds "one GPU: auto has tried it and taken it" grep -q '"engine": "cudnn"' one/run.json
    holds "one GPU: the oracle's losses" near oracle one
    holds "one GPU: the cases are there" grep -q "cases are in the GPU's memory" \
        one/log/rank-0000.log
    holds "one GPU: windows are merged there" lacks one/log/rank-0000.log "merged on the host"
    succeeds "streamed" 1 train tiny.yaml --out streamed $small --set engine=cudnn \
        --set device_memory=1
    holds "streamed: it says so" grep -q "made on the host and streamed" \
        streamed/log/rank-0000.log
    holds "streamed: the oracle's losses" near oracle streamed
    PLEAT_CUDA_GRAPH=off succeeds "no graph" 1 train tiny.yaml --out plain $small --set engine=cudnn
    holds "no graph: the bits of a graph" cmp one/fold_1/history.tsv plain/fold_1/history.tsv
    PLEAT_TEST_GPU=eager succeeds "eager" 1 run tiny.yaml --out eager $small --set engine=cudnn
    holds "eager: the bits of a lazy GPU" cmp one/fold_1/history.tsv eager/fold_1/history.tsv
    PLEAT_TEST_GPUS=2 succeeds "two GPUs" 2 run tiny.yaml --out two $small \
        --set engine=cudnn --set ranks_per_fold=2
    holds "two GPUs: the oracle's losses" near oracle two
    holds "two GPUs: no sum by the host" lacks two/log/rank-0000.log "host memory"
    refused "two ranks on one GPU" 2 "share_gpu: true" 2 train tiny.yaml --out apart $small \
        --set engine=cudnn --set ranks_per_fold=2
    succeeds "two ranks that share" 2 train tiny.yaml --out shared $small \
        --set engine=cudnn --set ranks_per_fold=2 --set share_gpu=true
    holds "two ranks that share: it says so" grep -q "They share it" shared/log/rank-0000.log
    holds "two ranks that share: the oracle's losses" near oracle shared
}

verdict
