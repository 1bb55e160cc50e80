#!/usr/bin/env bash
# gpu_advise.sh - gpu-advise reads what gpu-check leaves and says what is wrong, slow, not known.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python3 -c '' 2> /dev/null || { echo "gpu_advise: SKIPPED: no python3" >&2 && exit 77; }
box=$(mktemp -d) || exit 1
trap 'rm -rf "$box"' EXIT
wrong=0
says() { # says WHAT LINE: the last output has LINE
    grep -qxF -- "$2" "$box/out" && return
    echo "WRONG $1: it does not say '$2'" && sed 's/^/   /' "$box/out" && wrong=1
}
cat > "$box/report.txt" << 'END'
-- ok        plans (41 s)
-- WRONG     conformance (57 s)
-- not run   patches, ms each: no time left
END
printf 'bf16\taugmented, on the GPU\t30.0\nbf16\tcrops, on the GPU\t29.5\n' > "$box/times.tsv"
printf 'bf16\taugmented, no CUDA graph\t29.0\n' >> "$box/times.tsv"
cat > "$box/torch.jsonl" << 'END'
{"torch": "2", "copy_gb_per_s": 3000}
{"compile": "default", "precision": "bf16", "channels_last_3d": 1, "ms_median": 40, "peak_mib": 5}
{"precision": "bf16", "channels_last_3d": false, "compile": null, "failed": "no time left"}
END
cat > "$box/kernels.csv" << 'END'
==PROF== Connected
"ID","Kernel Name","gpu__time_duration.sum","dram__bytes_read.sum","dram__bytes_write.sum"
"","","ns","byte","byte"
"0","void apply<__nv_bfloat16, 8>(const T1 *)","1,000,000","1,000,000,000","1,000,000,000"
"1","void apply<__nv_bfloat16, 8>(const T1 *)","1,000,000","0","0"
"2","sm90_xmma_fprop_implicit_gemm_bf16(x)","2,000,000","10","10"
END
cat > "$box/plans.txt" << 'END'
plan 3|H100|forward|8-32: engine 10:2=16, 1.250 ms, workspace 0 MiB
plan 3|H100|forward|8-32: our own kernel, 0.500 ms, error 0.0e+00
END
python3 "$here/gpu-advise" "$box" > "$box/out" || wrong=1
says "a failure" "mend first: WRONG     conformance (57 s)"
says "what was not run" "not known: not run   patches, ms each: no time left"
says "the goal" "step: 30.00 ms; goals 27 and 17 ms"
says "the peer" "step: 0.75 of PyTorch, default, channels last (40.00 ms)"
says "the graph" "the CUDA graph does not pay: 29.00 ms without it; look at its nodes"
says "the plans" "planning is slow: which engines of plans.txt are compiled at run time?"
says "a convolution" "convolution: 1.250 ms, 3|H100|forward|8-32, engine 10:2=16"
says "gaps" "26.00 ms of a step are no kernel's: gaps, copies, waits"
says "a kernel of ours" "kernel: apply<__nv_bfloat16, 8> reaches 1000 of 3000 GB/s in 2.00 ms"
python3 "$here/gpu-advise" --kernels "$box" > "$box/out" || wrong=1
says "the sum" "   4.000  together, 3 launches"
python3 "$here/gpu-advise" --torch "$box" > "$box/out" || wrong=1
says "a row of times" "$(printf 'bf16\tPyTorch, default, channels last\t40.0000')"
[ "$(wc -l < "$box/out")" -eq 1 ] || { echo "WRONG more than one setting has a time" && wrong=1; }
exit "$wrong"
