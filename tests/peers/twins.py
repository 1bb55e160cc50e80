"""twins.py - pleat's networks in PyTorch: the layers, channels and parameters of src/net/nets/.

`make(name, filters, depth, classes)` is a module that gives a list of logits, the finest first; all
but the first guide training alone, each with its weight in `weights`.
"""
import torch
from torch import nn
from torch.nn import functional as F


class Shift(nn.Module):
    """Batch norm without gamma."""

    def __init__(self, channels):
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(channels))
        for name, value in (("gamma", 1.0), ("mean", 0.0), ("var", 1.0)):
            self.register_buffer(name, torch.full((channels,), value))

    def forward(self, x):
        return F.batch_norm(
            x, self.mean, self.var, self.gamma, self.beta, self.training, 0.01, 1e-3
        )


def norm(channels):
    return nn.BatchNorm3d(channels, eps=1e-3, momentum=0.01)


def instance(channels):
    return nn.InstanceNorm3d(channels, eps=1e-5, affine=True)


def conv(inputs, outputs, kernel=3, stride=1, bias=True):
    return nn.Conv3d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)


def relu():
    return nn.ReLU(inplace=True)


# --- MIScnn's blocks: each knows its number of output channels, `out` -----------------------------


class Standard(nn.Sequential):
    def __init__(self, inputs, f):
        super().__init__(conv(inputs, f), relu(), norm(f), conv(f, f), relu(), norm(f))
        self.out = f


class Residual(nn.Module):
    def __init__(self, inputs, f):
        super().__init__()
        self.block, self.out = Standard(inputs, f), f
        self.shortcut = nn.Sequential(conv(inputs, f, 1), relu())

    def forward(self, x):
        return self.block(x) + self.shortcut(x)


class Dense(nn.Module):
    def __init__(self, inputs, f):
        super().__init__()
        self.out = inputs + f
        self.first = nn.Sequential(conv(inputs, f), relu(), norm(f))
        self.second = nn.Sequential(conv(inputs + f, f), relu(), norm(f))

    def forward(self, x):
        return torch.cat([x, self.second(torch.cat([x, self.first(x)], 1))], 1)


class Compact(nn.Module):
    def __init__(self, inputs, f):
        super().__init__()
        self.block, self.out = Standard(inputs, f), inputs + f

    def forward(self, x):
        return torch.cat([x, self.block(x)], 1)


class OfResult(nn.Module):
    """The encoder's block of attention_residual."""

    def __init__(self, inputs, f):
        super().__init__()
        self.block, self.out = Standard(inputs, f), f
        self.shortcut = nn.Sequential(conv(f, f, 1), norm(f))

    def forward(self, x):
        b = self.block(x)
        return F.relu(self.shortcut(b) + b)


class Isensee(nn.Sequential):
    def __init__(self, inputs, f):
        layers = []
        for channels in (inputs, f):
            layers += [conv(channels, f), instance(f), nn.LeakyReLU(0.1, inplace=True)]
        super().__init__(*layers)
        self.out = f


def without_gamma(inputs, f, kernel, linear=False):
    return nn.Sequential(
        conv(inputs, f, kernel, bias=False), Shift(f), nn.Identity() if linear else relu()
    )


class MultiRes(nn.Module):
    def __init__(self, inputs, f):
        super().__init__()
        a, b, c = (int(1.67 * f * share) for share in (0.167, 0.333, 0.5))
        self.out = a + b + c
        self.short = without_gamma(inputs, self.out, 1, linear=True)
        self.parts = nn.ModuleList(
            without_gamma(i, o, 3) for i, o in ((inputs, a), (a, b), (b, c))
        )
        self.joined, self.last = norm(self.out), norm(self.out)

    def forward(self, x):
        parts, y = [], x
        for part in self.parts:
            y = part(y)
            parts.append(y)
        return self.last(F.relu(self.short(x) + self.joined(torch.cat(parts, 1))))


class Path(nn.Module):
    """A link of MultiRes's path of a skip."""

    def __init__(self, inputs, f):
        super().__init__()
        self.short = without_gamma(inputs, f, 1, linear=True)
        self.conv, self.last = without_gamma(inputs, f, 3), norm(f)

    def forward(self, x):
        return self.last(F.relu(self.short(x) + self.conv(x)))


class Gate(nn.Module):
    """Attention's: the skip, gated by the coarser level."""

    def __init__(self, coarse, f):
        super().__init__()
        self.signal = nn.Sequential(conv(coarse, f, 1), norm(f), relu())
        self.theta = nn.Conv3d(f, f, 3, 2)  # padded behind
        self.phi, self.psi = conv(f, f, 1), conv(f, 1, 1)
        self.result = nn.Sequential(conv(f, f, 1), norm(f))

    def forward(self, x, skip):
        both = self.phi(self.signal(x)) + self.theta(F.pad(skip, (0, 1) * 3))
        psi = torch.sigmoid(self.psi(F.relu(both)))
        return self.result(skip * F.interpolate(psi, scale_factor=2.0))


class U(nn.Module):
    """A U-Net of blocks: pooling on the way down, transposed convolutions up."""

    def __init__(self, down, filters, depth, classes, up=None, gate=None, most=1 << 30):
        super().__init__()
        widths = [min(most, filters << i) for i in range(depth + 1)]
        self.weights = [1.0]
        self.down, self.up, self.join = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.paths, self.gates = nn.ModuleList(), nn.ModuleList()
        channels, skips = 1, []
        for i, f in enumerate(widths[:-1]):
            block = down(channels, f)
            channels = block.out
            self.down.append(block)
            if down is MultiRes:
                links = [Path(channels if k == 0 else f, f) for k in range(depth - i)]
                self.paths.append(nn.Sequential(*links))
            skips.append(f if down is MultiRes else channels)
        self.middle = (up or down)(channels, widths[-1])
        channels = self.middle.out
        for f, skip in zip(reversed(widths[:-1]), reversed(skips)):
            if gate:
                self.gates.append(gate(channels, f))
            self.up.append(nn.ConvTranspose3d(channels, f, 2, 2))
            block = (up or down)(f + skip, f)
            channels = block.out
            self.join.append(block)
        self.head = (
            without_gamma(channels, classes, 1, linear=True)
            if down is MultiRes
            else conv(channels, classes, 1)
        )

    def forward(self, x):
        skips = []
        for i, block in enumerate(self.down):
            x = block(x)
            skips.append(self.paths[i](x) if self.paths else x)
            x = F.max_pool3d(x, 2)
        x = self.middle(x)
        for i, (up, join) in enumerate(zip(self.up, self.join)):
            skip = skips.pop()
            if self.gates:
                skip = self.gates[i](x, skip)
            x = join(torch.cat([up(x), skip], 1))
        return [self.head(x)]


# --- nnU-Net's ------------------------------------------------------------------------------------


def layer(inputs, f, stride=1):
    return nn.Sequential(
        conv(inputs, f, 3, stride), instance(f), nn.LeakyReLU(0.01, inplace=True)
    )


class Block(nn.Module):
    def __init__(self, inputs, f, stride):
        super().__init__()
        self.body = nn.Sequential(layer(inputs, f, stride), conv(f, f), instance(f))
        shortcut = [nn.AvgPool3d(stride)] if stride > 1 else []
        if inputs != f:
            shortcut += [conv(inputs, f, 1, bias=False), instance(f)]
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x):
        return F.leaky_relu(self.body(x) + self.shortcut(x), 0.01)


class Nnunet(nn.Module):
    """PlainConvUNet, or with blocks ResidualEncoderUNet; a head at each size of the way up."""

    def __init__(self, filters, depth, classes, blocks=None, most=320):
        super().__init__()
        widths = [min(most, filters << i) for i in range(depth + 1)]
        raw = [2.0**-i for i in range(depth - 1)] or [1.0]
        self.weights = ([w / sum(raw) for w in raw] + [0.0])[:depth]
        self.stem = layer(1, widths[0]) if blocks else nn.Identity()
        self.down, self.up, self.join = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.heads = nn.ModuleList()
        channels = widths[0] if blocks else 1
        for i, f in enumerate(widths):
            stride = 2 if i else 1
            if blocks:
                n = blocks[min(i, len(blocks) - 1)]
                level = [Block(channels, f, stride)] + [Block(f, f, 1) for _ in range(n - 1)]
            else:
                level = [layer(channels, f, stride), layer(f, f)]
            self.down.append(nn.Sequential(*level))
            channels = f
        for f in reversed(widths[:-1]):
            self.up.append(nn.ConvTranspose3d(channels, f, 2, 2))
            after = [] if blocks else [layer(f, f)]
            self.join.append(nn.Sequential(layer(2 * f, f), *after))
            self.heads.append(conv(f, classes, 1))
            channels = f

    def forward(self, x):
        x, skips, logits = self.stem(x), [], []
        for level in self.down:
            x = level(x)
            skips.append(x)
        skips.pop()
        for up, join, head in zip(self.up, self.join, self.heads):
            x = join(torch.cat([up(x), skips.pop()], 1))
            logits.append(head(x))
        return logits[::-1] if self.training else logits[-1:]


NETWORKS = {
    "unet": lambda *size: U(Standard, *size),
    "residual": lambda *size: U(Residual, *size),
    "dense": lambda *size: U(Dense, *size),
    "compact": lambda *size: U(Compact, *size),
    "attention": lambda *size: U(Standard, *size, gate=Gate),
    "attention_residual": lambda *size: U(OfResult, *size, up=Standard, gate=Gate),
    "isensee": lambda *size: U(Isensee, *size, most=320),
    "multires": lambda *size: U(MultiRes, *size),
    "plainconv": lambda *size: Nnunet(*size),
    "resenc": lambda *size: Nnunet(*size, blocks=(1, 3, 4, 6)),
}


def make(name, filters, depth, classes):
    return NETWORKS[name](filters, depth, classes)


def parameters(net):
    return sum(p.numel() for p in net.parameters())
