"""peers.py - pleat and its peers, alternately: what tests/bench-peers runs; see there.

A question is a list of pairs. In each round both sides of a pair are measured one right after the
other, each in a process of its own, the next round in the other order. A side is a command that
prints a JSON object; a pair's rows say where its numbers stand there.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
NETWORKS = ("unet", "residual", "dense", "compact", "attention", "attention_residual", "isensee",
            "multires", "plainconv", "resenc")  # fmt: skip
LONGEST = 240  # seconds of a command
MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
       "OMPI_MCA_rmaps_base_oversubscribe": "1"}  # fmt: skip


# --- the two sides --------------------------------------------------------------------------------


def run(command, seconds=LONGEST):
    """Its JSON object."""
    limit = max(1.0, min(LONGEST, seconds))
    name = " ".join(map(str, command[:4])) + " ..."
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=limit,
            env={**os.environ, **MPI},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{name}: not done after {limit:.0f} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"{name}: {last}")
    return json.loads(done.stdout[done.stdout.index("{") :])


class Pair:
    """Two commands, and rows: name, unit, values of ours, of the peer, the floor (or None)."""

    def __init__(self, name, ours, peer, rows, rounds=100):
        self.name, self.ours, self.peer, self.rows, self.rounds = name, ours, peer, rows, rounds
        self.seen = {}  # of a row: {"ours": [...], "peer": [...], ...}
        self.longest, self.done, self.failed = 0.0, 0, None

    def measure(self, setup, reverse, end):
        """Adds a round; `end` is when its commands are stopped at the latest."""
        start = time.monotonic()
        sides = [("ours", self.ours), ("peer", self.peer)]
        got = {}
        for side_, command in reversed(sides) if reverse else sides:
            got[side_] = run(command, end - time.monotonic())
        ours, peer = got["ours"], got["peer"]
        if "params" in peer and ours["params"] != peer["params"]:
            counts = f"{ours['params']} parameters, the peer's {peer['params']}"
            raise RuntimeError(f"ours has {counts}: not the same network")
        for row in self.rows(ours, peer, setup):
            name = row.pop("what")
            seen = self.seen.setdefault(name, {"ours": [], "peer": []})
            for side in ("ours", "peer"):
                seen[side].append(row.pop(side))
            seen.update(row)
        self.longest = max(self.longest, time.monotonic() - start)
        self.done += 1


def summary(least, median):
    return {"least": least, "median": median}


def of_values(values):
    return summary(min(values), statistics.median(values))


class Setup:
    """What all questions need to know."""

    def __init__(self, options, scratch):
        self.options, self.pleat, self.scratch = options, options.pleat, Path(scratch)
        self.threads = str(options.threads)
        self.tiny = options.tiny
        self.peaks = {}

    def bench(self, what, *words):
        return [self.pleat, "bench", what, *map(str, words), "--json"]

    def alone(self, what, *words):
        """By one thread, as SciPy works."""
        return ["env", "OMP_NUM_THREADS=1", *self.bench(what, *words)]

    def other(self, what, *words):
        return [sys.executable, HERE / "measure.py", what, *map(str, words)]

    def peak(self, precision):
        """GFLOP/s of this machine's threads, by products in registers."""
        if precision not in self.peaks:
            small = ("--filters", 16, "--depth", 1, "--patch", "16x16x16", "--threads", 1)
            words = ("--engine", "onednn", "--precision", precision, "--repeats", 1)
            one = run(self.bench("conv", *small, *words))["peak_gflops"]
            self.peaks[precision] = one * self.options.threads
        return self.peaks[precision]


# --- the questions --------------------------------------------------------------------------------


def step_rows(name, precision):
    def rows(ours, peer, setup):
        gflop = ours["gflops"] * ours["ms_median"] / 1e3
        yield {
            "what": name,
            "unit": "ms",
            "ours": summary(ours["ms_min"], ours["ms_median"]),
            "peer": of_values([1e3 * v for v in peer["values"]]),
            "floor": 1e3 * gflop / setup.peak(precision),
            "mib": (ours["peak_mib"], peer["peak_mib"]),
            "by": peer["peer"],
        }

    return rows


def a_step(setup, network, precision, patch, steps, warmup, rounds=100):
    size = ("--network", network, "--precision", precision, "--patch", patch, "--filters", 32,
            "--depth", 4, "--batch", 2, "--warmup", warmup, "--threads", setup.threads)  # fmt: skip
    name = f"{network}, {precision}, batch 2 of {patch}"
    return Pair(
        name,
        setup.bench("step", "--engine", "onednn", *size, "--steps", steps),
        setup.other("step", *size, "--repeats", steps),
        step_rows(name, precision),
        rounds,
    )


def step(setup):
    patch = "16x16x16" if setup.tiny else "64x64x32"
    return [a_step(setup, "unet", p, patch, 5, 2) for p in ("f32", "bf16")]


def networks(setup):
    patch = "16x16x16" if setup.tiny else "32x32x32"
    rounds = 100 if setup.options.only == ["networks"] else 1  # beside others there is no time
    return [
        a_step(setup, n, p, patch, 4, 1, rounds) for n in NETWORKS for p in ("f32", "bf16")
    ]


def predict(setup):
    pairs = []
    patch = "32x32x16" if setup.tiny else "128x128x64"
    for size, overlap, share, filters, depth, precision, rounds in (
        ("256x256x150", "32x32x16", 0.25, 8, 3, "f32", 100),
        ("256x256x150", "32x32x16", 0.25, 8, 3, "bf16", 100),
        ("512x512x300", "0x0x0", 0, 2, 1, "f32", 1),
    ):
        if setup.tiny:
            size, overlap = "64x64x32", "8x8x4" if share else overlap
        shared = ("--precision", precision, "--patch", patch, "--filters", filters, "--depth",
                  depth, "--threads", setup.threads, "--size", size)  # fmt: skip
        name = f"{size}, patch {patch}, {filters} filters, depth {depth}, {precision}"

        def rows(ours, peer, setup, name=name, precision=precision):
            yield {
                "what": name,
                "unit": "s",
                "ours": summary(ours["s_min"], ours["s_median"]),
                "peer": of_values(peer["values"]),
                "floor": ours["gflops"] * ours["s_median"] / setup.peak(precision),
                "mib": (ours["peak_mib"], peer["peak_mib"]),
                "by": peer["peer"],
            }

        own = ("--engine", "onednn", "--overlap", overlap, "--merge", "gaussian")
        alone = ("--overlap", share, "--repeats", 1, "--warmup", 0)
        peer = setup.other("predict", *shared, *alone)
        pairs.append(Pair(name, setup.bench("predict", *shared, *own), peer, rows, rounds))
    return pairs


def prep(setup):
    before, after = ("512x512x134", "316x316x148") if not setup.tiny else ("64x64x32", "40x40x36")
    path = setup.scratch / "ct.nii.gz"
    run(setup.other("volume", "--size", before, "--file", path))

    def rows(ours, peer, setup):
        unpack = min(peer["rows"]["unpack"])
        for what, key, theirs, floor, by in (
            ("reading beside unpacking", "s_read", "unpack", None, "zlib, as gunzip"),
            ("reading", "s_read", "read", unpack, peer["peer"]),
            ("resampling by cubic splines", "s_resample", "resample", None, peer["scipy"]),
        ):
            yield {"what": f"{what}, {before}, one thread", "unit": "s", "by": by,
                   "ours": summary(ours[key], ours[key]), "peer": of_values(peer["rows"][theirs]),
                   "floor": floor, "mib": None}  # fmt: skip

    mm = [f"{extent / int(n):.6f}" for extent, n in zip((326, 326, 240), after.split("x"))]
    spacing = f"preprocess.resample=[{', '.join(mm)}]"
    ours = setup.alone("prep", "--in", path, "--repeats", 5, "--set", spacing)
    peer = setup.other("prep", "--file", path, "--size", after, "--repeats", 3)
    return [Pair("prep", ours, peer, rows, 2)]


def augment(setup):
    patch = "32x32x16" if setup.tiny else "160x160x80"

    def rows(ours, peer, setup):
        for name, values in peer["rows"].items():
            ms = 1e3 / ours[name + "_per_s"]
            yield {"what": f"{name}, {patch}, one thread", "unit": "ms", "ours": summary(ms, ms),
                   "peer": of_values([1e3 * v for v in values]), "floor": None, "mib": None,
                   "by": peer["peer"]}  # fmt: skip

    ours = setup.bench("augment", "--patch", patch, "--draws", 4, "--threads", 1)
    peer = setup.other("augment", "--patch", patch, "--repeats", 2)
    return [Pair("augment", ours, peer, rows, 2)]


def score(setup):
    size = "64x64x40" if setup.tiny else "192x192x112"
    pairs = []
    for by, package in (("medpy", "MedPy"), ("surface-distance", "surface-distance")):
        name = f"scores of {size}: ours all, theirs three, one thread"

        def rows(ours, peer, setup, name=name, package=package):
            yield {"what": name, "unit": "s", "peer": of_values(peer["values"]),
                   "ours": summary(ours["ms_min"] / 1e3, ours["ms_median"] / 1e3), "floor": None,
                   "mib": (ours["peak_mib"], peer["peak_mib"]), "by": package}  # fmt: skip

        ours = setup.alone("score", "--size", size, "--repeats", 3)
        peer = setup.other("score", "--size", size, "--by", by, "--repeats", 1, "--warmup", 0)
        pairs.append(Pair(package, ours, peer, rows, 2))
    return pairs


def allreduce(setup):
    sizes = "64K,4M,64M"

    def rows(ours, peer, setup):
        for text, one in zip(sizes.split(","), ours["sizes"]):
            yield {"what": f"sum over 2 ranks of {text}iB", "unit": "ms",
                   "ours": summary(one["ms_min"], one["ms_median"]),
                   "peer": of_values([1e3 * v for v in peer["rows"][text]]),
                   "floor": one["bytes"] / one["copy_gbs"] / 1e6, "mib": None,
                   "by": peer["peer"]}  # fmt: skip

    words = setup.bench("allreduce", "--bytes", sizes)
    return [Pair("allreduce", ["mpirun", "-n", "2", *words],
                 setup.other("allreduce", "--bytes", sizes, "--repeats", 10), rows)]  # fmt: skip


# What takes longest is last: that is where time runs out.
QUESTIONS = {q.__name__: q for q in (step, predict, prep, augment, score, allreduce, networks)}
NEEDS = {"step": "torch", "networks": "torch", "predict": "monai", "prep": "nibabel scipy",
         "augment": "monai", "score": "medpy surface_distance", "allreduce": "torch"}  # fmt: skip


# --- noise ----------------------------------------------------------------------------------------


def busy():
    """Seconds that the machine's processors have worked so far, and those stolen from it."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, soft, steal = map(int, file.readline().split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + soft + steal) / tick


def own():
    parts = [resource.getrusage(w) for w in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return sum(p.ru_utime + p.ru_stime for p in parts)


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return f"{names[0] if names else 'unknown processor'}, {len(names)} threads"


# --- the rounds -----------------------------------------------------------------------------------


def tell(text):
    print(text, file=sys.stderr, flush=True)


def measure_all(pairs, setup, options):
    """Round by round, so that noise meets all alike; what would end too late is left out."""
    began = time.monotonic()
    end = began + 60 * options.minutes
    for round_ in range(options.rounds):
        for question, pair in pairs:
            left = end - time.monotonic()
            if pair.failed or round_ >= pair.rounds or left < max(10.0, 1.3 * pair.longest):
                continue
            try:
                pair.measure(setup, round_ % 2, end + 30)
            except (OSError, RuntimeError, ValueError) as error:
                pair.failed = str(error)
                tell(f"   {question}, {pair.name}: left out: {error}")
        tell(f"== round {round_ + 1} of {options.rounds}, {time.monotonic() - began:.0f} s so far")


def finish(question, pair, options):
    """The rows of a pair as they are printed."""
    for what, seen in pair.seen.items():
        row = {"question": question, "what": what, "by": seen["by"], "unit": seen["unit"],
               "rounds": pair.done, "floor": seen["floor"], "mib": seen["mib"],
               "command": f"tests/bench-peers --only {question}", "machine": options.machine,
               "date": time.strftime("%Y-%m-%d")}  # fmt: skip
        for side in ("ours", "peer"):
            medians = [one["median"] for one in seen[side]]
            row[side] = {
                "least": min(one["least"] for one in seen[side]),
                "median": statistics.median(medians),
                "spread": max(medians) / min(medians) - 1,
            }
        row["ratio"] = row["peer"]["least"] / row["ours"]["least"]
        yield row


def amount(value, unit):
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def side(row, name):
    text = f"{amount(row[name]['least'], row['unit'])} ({row[name]['median']:.4g})"
    return text + (f", {row['mib'][name == 'peer']:.0f} MiB" if row["mib"] else "")


def markdown(rows, out):
    print("| what | peer | floor | ours | ratio | command | date, machine |", file=out)
    print("|---|---|---|---|---|---|---|", file=out)
    for row in rows:
        floor = amount(row["floor"], row["unit"]) if row["floor"] else ""
        more = f"; memory {row['mib'][1] / row['mib'][0]:.2f}" if row["mib"] else ""
        print(f"| {row['what']} | {row['by']}: {side(row, 'peer')} | {floor} | {side(row, 'ours')} "
              f"| **{row['ratio']:.2f}**{more} | `{row['command']}` "
              f"| {row['date']}, {row['machine']} |", file=out)  # fmt: skip


def table(rows, out):
    form = "{:10} {:58} {:>10} {:>10} {:>10} {:>6} {:>7} {:>7} {:>9}"
    heads = ("question", "what", "peer", "floor", "ours", "ratio", "memory", "rounds", "spread")
    print(form.format(*heads), file=out)
    for row in rows:
        unit = row["unit"]
        floor = amount(row["floor"], unit) if row["floor"] else ""
        more = f"{row['mib'][1] / row['mib'][0]:.2f}" if row["mib"] else ""
        spread = f"{row['ours']['spread']:.0%},{row['peer']['spread']:.0%}"
        least = [amount(row[name]["least"], unit) for name in ("peer", "ours")]
        print(form.format(row["question"], row["what"][:58], least[0], floor, least[1],
                          f"{row['ratio']:.2f}", more, row["rounds"], spread),
              file=out)  # fmt: skip


def missing(question):
    import importlib.util

    return [name for name in NEEDS[question].split() if not importlib.util.find_spec(name)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pleat", required=True)
    parser.add_argument("--only", action="append", choices=list(QUESTIONS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=14)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--machine", default=processor())
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    before, start = os.getloadavg()[0], time.monotonic()
    busy_before, own_before = busy(), own()
    with tempfile.TemporaryDirectory(prefix="pleat-peers-") as scratch:
        setup, pairs = Setup(options, scratch), []
        for question in options.only or QUESTIONS:
            lost = missing(question)
            if lost:
                tell(f"   {question}: left out, as this Python has no {', '.join(lost)}")
                continue
            pairs += [(question, pair) for pair in QUESTIONS[question](setup)]
        measure_all(pairs, setup, options)
    rows = [row for question, pair in pairs for row in finish(question, pair, options)]
    seconds = time.monotonic() - start
    others = max(0.0, (busy() - busy_before) - (own() - own_before)) / seconds
    noise = {"load_before": before, "load_after": os.getloadavg()[0], "others": others,
             "seconds": seconds, "cores": len(os.sched_getaffinity(0))}  # fmt: skip
    if options.json:
        print(json.dumps({"rows": rows, "noise": noise, "peaks": setup.peaks}, indent=1))
    else:
        (markdown if options.markdown else table)(rows, sys.stdout)
    tell(f"== {seconds:.0f} s; load {before:.2f} before, {noise['load_after']:.2f} after; others "
         f"took {others:.2f} of {noise['cores']} processors")  # fmt: skip
    if others > 0.1 * noise["cores"]:
        tell("== that is a noisy machine: keep none of these numbers")
    lost = [question for question, pair in pairs if not pair.seen]
    for question in sorted(set(lost)):
        tell(f"== {question}: {lost.count(question)} were not measured")
    return 1 if lost or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
