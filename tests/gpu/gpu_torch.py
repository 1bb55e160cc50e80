"""gpu_torch.py - the original's network trained by PyTorch, to be compared with pleat bench step.

Prints a JSON object a line: first versions and the rate of copies within the GPU's memory; then, as
each is measured, a precision and setting with the milliseconds of a step (median, least) and the
peak of GPU memory. Inputs are on the GPU already: no loader is timed.
"""
import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

# precision, channels-last, torch.compile's mode (None: eager); tried in this order.
SETTINGS = [
    ("bf16", True, None),
    ("bf16", True, "default"),
    ("bf16", False, None),
    ("bf16", True, "reduce-overhead"),
    ("bf16", False, "default"),
    ("tf32", True, None),
    ("tf32", True, "default"),
    ("tf32", False, None),
    ("f32", True, None),
    ("f32", False, None),
    ("bf16", True, "max-autotune"),
]


def block(inputs, filters):
    """Two times convolution, ReLU, batch norm, as Keras has them (momentum 0.99, epsilon 1e-3)."""
    layers = []
    for channels in (inputs, filters):
        layers += [
            nn.Conv3d(channels, filters, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.BatchNorm3d(filters, eps=1e-3, momentum=0.01),
        ]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, depth, filters, classes):
        super().__init__()
        widths = [filters << i for i in range(depth + 1)]
        self.down = nn.ModuleList(block(i, o) for i, o in zip([1] + widths, widths))
        self.up = nn.ModuleList(
            nn.ConvTranspose3d(2 * w, w, 2, stride=2) for w in reversed(widths[:-1])
        )
        self.join = nn.ModuleList(block(2 * w, w) for w in reversed(widths[:-1]))
        self.head = nn.Conv3d(filters, classes, 1)

    def forward(self, x):
        skips = []
        for level in self.down[:-1]:
            x = level(x)
            skips.append(x)
            x = F.max_pool3d(x, 2)
        x = self.down[-1](x)
        for up, join in zip(self.up, self.join):
            x = join(torch.cat([up(x), skips.pop()], 1))
        return self.head(x)


def loss_of(logits, onehot, labels):
    """Tversky (alpha = beta = 0.5) plus cross-entropy, of each sample, averaged."""
    logits = logits.float()
    probs = logits.softmax(1)
    axes = (2, 3, 4)
    shared = (probs * onehot).sum(axes)
    sizes = 0.5 * probs.sum(axes) + 0.5 * onehot.sum(axes)
    tversky = ((shared + 1e-6) / (sizes + 1e-6)).sum(1)
    return (logits.shape[1] - tversky).mean() + F.cross_entropy(logits, labels)


def measure(options, precision, last, mode):
    allow = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = allow
    torch.backends.cudnn.allow_tf32 = allow
    torch.manual_seed(1)
    width, height, slices = (int(n) for n in options.patch.split("x"))
    device = torch.device("cuda")
    layout = torch.channels_last_3d if last else torch.contiguous_format
    net = UNet(4, options.filters, options.classes).to(device, memory_format=layout)
    image = torch.randn(options.batch, 1, slices, height, width, device=device)
    image = image.to(memory_format=layout)
    labels = torch.randint(options.classes, (options.batch, slices, height, width), device=device)
    onehot = F.one_hot(labels, options.classes).permute(0, 4, 1, 2, 3).float()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-7, fused=True)

    def loss_step():
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=precision == "bf16"):
            logits = net(image)
        return loss_of(logits, onehot, labels)

    run = loss_step if mode is None else torch.compile(loss_step, mode=mode)

    def step():
        adam.zero_grad(set_to_none=True)
        loss = run()
        loss.backward()
        adam.step()
        return loss

    for _ in range(options.warmup):
        step()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(options.steps + 1)]
    marks[0].record()
    for mark in marks[1:]:
        loss = step()
        mark.record()
    torch.cuda.synchronize()
    times = [a.elapsed_time(b) for a, b in zip(marks, marks[1:])]
    return {
        "ms_median": statistics.median(times),
        "ms_min": min(times),
        "peak_mib": torch.cuda.max_memory_allocated() / 2**20,
        "reserved_mib": torch.cuda.max_memory_reserved() / 2**20,
        "loss": float(loss),
    }


def copy_rate():
    """GB/s of a copy of 2 GiB within the GPU's memory, bytes read and written."""
    source = torch.empty(2**31, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    for _ in range(3):
        target.copy_(source)
    begin.record()
    for _ in range(10):
        target.copy_(source)
    end.record()
    torch.cuda.synchronize()
    return round(10 * 2 * 2**31 / begin.elapsed_time(end) / 1e6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patch", default="160x160x80")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--filters", type=int, default=32)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=600.0, help="settings begun until then")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("gpu_torch: SKIPPED: PyTorch sees no GPU", file=sys.stderr)
        return 77
    torch.backends.cudnn.benchmark = True
    began = time.monotonic()
    print(
        json.dumps(
            {
                "torch": torch.__version__,
                "cuda": torch.version.cuda,
                "cudnn": torch.backends.cudnn.version(),
                "gpu": torch.cuda.get_device_name(),
                "patch": options.patch,
                "batch": options.batch,
                "copy_gb_per_s": copy_rate(),
            }
        ),
        flush=True,
    )
    good = 0
    for precision, last, mode in SETTINGS:
        row = {"precision": precision, "channels_last_3d": last, "compile": mode}
        if time.monotonic() - began > options.seconds:
            row["failed"] = "no time left"
        else:
            try:
                row.update(measure(options, precision, last, mode))
                good += 1
            except Exception as error:  # a setting that does not work here is a result too
                row["failed"] = str(error)[:300]
            torch.cuda.empty_cache()
            if mode is not None:
                torch.compiler.reset()
        print(json.dumps(row), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
