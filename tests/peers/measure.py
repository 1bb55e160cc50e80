"""measure.py - one measurement of a peer in a process of its own; prints a JSON object.

    python measure.py WHAT [options]

`values` are the repetitions in seconds, `peak_mib` the largest resident set of the process.
"""
import argparse
import ctypes
import gc
import json
import os
import sys
import tempfile
import time
import zlib

import numpy as np


def forget_peak():
    """Memory counts from here on."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def peak_mib():
    with open("/proc/self/status", encoding="ascii") as file:
        peak = next(line for line in file if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def size(text):
    """128x128x64, x first, as z, y, x."""
    x, y, z = (int(n) for n in text.split("x"))
    return z, y, x


def timed(work, options):
    """Seconds of each repetition after those that do not count."""
    values = []
    for i in range(-options.warmup, options.repeats):
        start = time.perf_counter()
        work()
        if i >= 0:
            values.append(time.perf_counter() - start)
    return values


# --- PyTorch and MONAI ----------------------------------------------------------------------------


LAYOUTS = {"channels-last": "channels_last_3d", "channels-first": "contiguous_format"}


def open_net(options, layout="channels-last"):
    """The twin, and what runs a forward pass of it at the precision."""
    import torch

    import twins

    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    net = twins.make(options.network, options.filters, options.depth, options.classes)
    net = net.to(memory_format=getattr(torch, LAYOUTS[layout]))
    about = {
        "peer": "PyTorch " + torch.__version__.split("+")[0],
        "params": twins.parameters(net),
    }

    def forward(x):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "bf16"):
            return [z.float() for z in net(x)]

    return net, forward, about


def tversky_crossentropy(logits, labels):
    """Tversky (0.5, 0.5) of each sample summed over classes, plus cross-entropy; docs/math.md."""
    import torch
    from torch.nn import functional as F

    p = logits.softmax(1).flatten(2)
    truth = F.one_hot(labels.flatten(1), logits.shape[1]).transpose(1, 2).to(p.dtype)
    shared = torch.linalg.vecdot(p, truth)
    sizes = 0.5 * (p.sum(2) + truth.sum(2))
    tversky = ((shared + 1e-6) / (sizes + 1e-6)).sum(1)
    return (logits.shape[1] - tversky).mean() + F.cross_entropy(logits, labels)


def training(options, layout):
    """What makes one step, and what it is a step of."""
    import torch

    net, forward, about = open_net(options, layout)
    shape = size(options.patch)
    image = torch.randn(options.batch, 1, *shape)
    image = image.to(memory_format=getattr(torch, LAYOUTS[layout]))
    labels = torch.randint(options.classes, (options.batch, *shape))
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-7, fused=True)
    # Labels on the grid of each head.
    truths = [labels[:, :: 1 << i, :: 1 << i, :: 1 << i] for i in range(len(net.weights))]

    def one():
        adam.zero_grad(set_to_none=True)
        heads = zip(net.weights, forward(image), truths)
        loss = sum(w * tversky_crossentropy(z, truth) for w, z, truth in heads)
        loss.backward()
        adam.step()

    return one, {**about, "peer": f"{about['peer']}, {layout}"}


def step(options):
    """In the layout that is faster: an untimed step of each, then one that decides."""
    trials = {}
    for layout in LAYOUTS:
        one = training(options, layout)[0]
        one()
        start = time.perf_counter()
        one()
        trials[layout] = time.perf_counter() - start
        del one
    forget_peak()
    one, about = training(options, min(trials, key=trials.get))
    return {**about, "values": timed(one, options)}


def predict(options):
    import monai
    import torch
    from monai.inferers import SlidingWindowInferer

    net, forward, about = open_net(options)
    net.eval()
    window = size(options.patch)
    inferer = SlidingWindowInferer(window, 1, overlap=options.overlap, mode="gaussian")
    volume = torch.randn(1, 1, *size(options.size))

    def network(x):
        return forward(x.contiguous(memory_format=torch.channels_last_3d))[0].softmax(1)

    def one():
        with torch.inference_mode():
            inferer(volume, network).argmax(1).to(torch.uint8)

    with torch.inference_mode():
        network(torch.randn(1, 1, *window))
    about["peer"] = f"MONAI {monai.__version__}"
    return {**about, "values": timed(one, options)}


def augment(options):
    """Each transform of pleat's bench that MONAI has, of a patch in memory, by one thread."""
    import monai
    import torch
    from monai import transforms as t

    torch.set_num_threads(1)
    shape = size(options.patch)
    axes = [0.2] * 3
    ways = {
        "mirror": t.Flip((0, 1, 2)),
        "brightness": t.ShiftIntensity(0.1),
        "gamma": t.AdjustContrast(1.2),
        "noise": t.RandGaussianNoise(prob=1.0, std=0.1),
        "rotation": t.Affine(rotate_params=axes, spatial_size=shape, padding_mode="border"),
        "scale": t.Affine(scale_params=[1.1] * 3, spatial_size=shape, padding_mode="border"),
        "elastic": t.Rand3DElastic((9, 13), (0, 900), 1.0, spatial_size=shape),
    }
    patch = torch.randn(1, *shape)
    rows = {name: timed(lambda way=way: way(patch), options) for name, way in ways.items()}
    return {"peer": f"MONAI {monai.__version__}", "rows": rows, "values": []}


# --- files, splines, distances, sums --------------------------------------------------------------


def volume(options):
    """Makes the volume of `prep` as a .nii.gz: a smooth body in noise, int16 as of a CT."""
    import nibabel

    z, y, x = size(options.size)
    rows = np.linspace(-1, 1, y)[:, None] ** 2 + np.linspace(-1, 1, x)[None, :] ** 2
    body = np.where(rows < 0.6, 0, -1000).astype(np.int16)
    noise = np.random.default_rng(1).integers(-64, 64, (z, y, x), dtype=np.int16)
    affine = np.diag([326 / x, 326 / y, 240 / z, 1])
    image = nibabel.Nifti1Image((body + noise).transpose(2, 1, 0), affine)
    nibabel.save(image, options.file)
    return {"peer": f"nibabel {nibabel.__version__}", "values": []}


def prep(options):
    """Reads as nibabel does, unpacks as gunzip does, resamples as SciPy does."""
    import nibabel
    import scipy
    from scipy import ndimage

    def unpack():
        with open(options.file, "rb") as file:
            zlib.decompress(file.read(), wbits=31)

    def read():
        return np.asanyarray(nibabel.load(options.file).dataobj, dtype=np.float32)

    image = np.ascontiguousarray(read().T)
    factors = [n / o for n, o in zip(size(options.size), image.shape)]
    rows = {"unpack": timed(unpack, options), "read": timed(read, options)}
    options.warmup = 0
    rows["resample"] = timed(lambda: ndimage.zoom(image, factors, order=3), options)
    return {
        "peer": f"nibabel {nibabel.__version__}",
        "scipy": f"SciPy {scipy.__version__}",
        "rows": rows,
        "values": [],
    }


def label_map(shape, shift):
    """Those of `pleat bench score`: lungs of wavy rims, with spots in them."""
    grid = [2.0 * np.arange(n) / n - 1 for n in shape]
    d, h, w = grid[0][:, None, None], grid[1][None, :, None], grid[2][None, None, :]
    wave = 0.04 * np.sin(40 * w + shift) * np.cos(35 * h) * np.sin(30 * d)
    lung = np.zeros(shape, np.uint8)
    for side, middle in ((1, 0.41), (2, -0.41)):
        far = (d / 0.87) ** 2 + (h / 0.74) ** 2 + ((w + middle - 0.01 * shift) / 0.37) ** 2
        lung[np.sqrt(far) + wave < 1] = side
    spot = np.sin(23 * w + 0.3 * shift) * np.sin(18 * h) * np.sin(16 * d) > 0.55
    patch = np.sin(13 * w + 1 + 0.1 * shift) * np.sin(15 * h + 2) * np.sin(8 * d) > 0.7
    return np.where(lung > 0, np.where(spot, 3, np.where(patch, 4, lung)), 0).astype(np.uint8)


def score(options):
    """Dice, the average and the 95th percentile of surface distances of each class."""
    truth, predicted = (label_map(size(options.size), shift) for shift in (0.0, 1.0))
    spacing = (1.25, 0.7, 0.7)

    def medpy():
        from medpy.metric import binary

        for k in range(1, 5):
            pair = predicted == k, truth == k
            binary.dc(*pair)
            binary.assd(*pair, spacing)
            binary.hd95(*pair, spacing)

    def deepmind():
        import surface_distance as sd

        for k in range(1, 5):
            pair = truth == k, predicted == k
            distances = sd.compute_surface_distances(*pair, spacing)
            sd.compute_dice_coefficient(*pair)
            sd.compute_average_surface_distance(distances)
            sd.compute_robust_hausdorff(distances, 95)

    return {"values": timed({"medpy": medpy, "surface-distance": deepmind}[options.by], options)}


def one_rank(rank, options, folder):
    """Sums over two ranks by PyTorch's gloo; rank 0 writes their times to a file."""
    import torch
    from torch import distributed

    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    rows = {}
    for text in options.bytes.split(","):
        n = int(text[:-1]) << {"K": 10, "M": 20}[text[-1]]
        values = torch.zeros(n // 4)
        rows[text] = timed(lambda: distributed.all_reduce(values), options)
    if rank == 0:
        with open(f"{folder}/times", "w", encoding="ascii") as file:
            json.dump(rows, file)


def allreduce(options):
    import torch

    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(one_rank, (options, folder), nprocs=2)
        with open(f"{folder}/times", encoding="ascii") as file:
            rows = json.load(file)
    version = torch.__version__.split("+")[0]
    return {"peer": f"PyTorch {version}, gloo", "rows": rows, "values": []}


WHAT = (step, predict, augment, volume, prep, score, allreduce)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=[what.__name__ for what in WHAT])
    parser.add_argument("--network", default="unet")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--patch", default="64x64x32")
    parser.add_argument("--size", default="256x256x150")
    parser.add_argument("--overlap", type=float, default=0.25)
    parser.add_argument("--file", help="of volume and prep")
    parser.add_argument("--by", default="medpy", help="medpy or surface-distance")
    parser.add_argument("--bytes", default="64K,4M,64M")
    for name, usual in (("filters", 32), ("depth", 4), ("classes", 4), ("batch", 2),
                        ("threads", 1), ("repeats", 3), ("warmup", 1)):  # fmt: skip
        parser.add_argument("--" + name, type=int, default=usual)
    options = parser.parse_args()
    result = {what.__name__: what for what in WHAT}[options.what](options)
    print(json.dumps({**result, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    sys.exit(main())
