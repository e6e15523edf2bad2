"""The Inception-v3 of the FID: the network that TensorFlow published on 2015-12-05, in the names of its torch port.

Inception-v3 is arXiv 1512.00567. What this one has of its own, and what FID (arXiv 1706.08500) thereby fixes:
1008 outputs; average pooling that counts no padding; maximum pooling in the last block, where the others average;
batch norm with eps 0.001. Pictures are resized to 299 px as TensorFlow 1's ResizeBilinear did it (no antialias, and
pixel i is taken from i x side / 299, without the half pixel that torch's `interpolate` adds), and become
(x - 128) / 128: all as in the published graph, and as torch-fidelity has it. pytorch-fid resizes with the half pixel
and takes 2x / 255 - 1: its numbers differ slightly.

The class probabilities are of all 1008 logits without the bias: so the code of the Inception score (arXiv 1606.03498)
computed them, by multiplying the pooled features with the matrix alone.
"""

from __future__ import annotations

import hashlib
import io
import os
import urllib.request
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...checkpoints import write_whole
from ...errors import SparringError
from ...folder import cache_folder
from ..features import Extractor, Features

INPUT_PX, DIMS, CLASSES = 299, 2048, 1008
FILE = "pt_inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}"
DIGEST = "6726825d"  # the file's SHA-256 begins so: its name says it
NORM_EPS = 1e-3
TIMEOUT_S = 30

# Every block is a list of branches, whose maps are joined in this order; a branch is a chain of steps:
#   name:width:kernel  a convolution, padded so that the side stays; kernel "3/2" has stride 2 and no padding
#   a:.. + b:..        two convolutions of the same maps, joined
#   avg, max, max/2    pooling over 3 x 3, the last with stride 2 and no padding
_A = (
    "branch1x1:64:1",
    "branch5x5_1:48:1 branch5x5_2:64:5",
    "branch3x3dbl_1:64:1 branch3x3dbl_2:96:3 branch3x3dbl_3:96:3",
    "avg branch_pool:{0}:1",
)
_B = ("branch3x3:384:3/2", "branch3x3dbl_1:64:1 branch3x3dbl_2:96:3 branch3x3dbl_3:96:3/2", "max/2")
_C = (
    "branch1x1:192:1",
    "branch7x7_1:{0}:1 branch7x7_2:{0}:1x7 branch7x7_3:192:7x1",
    "branch7x7dbl_1:{0}:1 branch7x7dbl_2:{0}:7x1 branch7x7dbl_3:{0}:1x7 branch7x7dbl_4:{0}:7x1 branch7x7dbl_5:192:1x7",
    "avg branch_pool:192:1",
)
_D = (
    "branch3x3_1:192:1 branch3x3_2:320:3/2",
    "branch7x7x3_1:192:1 branch7x7x3_2:192:1x7 branch7x7x3_3:192:7x1 branch7x7x3_4:192:3/2",
    "max/2",
)
_E = (
    "branch1x1:320:1",
    "branch3x3_1:384:1 branch3x3_2a:384:1x3+branch3x3_2b:384:3x1",
    "branch3x3dbl_1:448:1 branch3x3dbl_2:384:3 branch3x3dbl_3a:384:1x3+branch3x3dbl_3b:384:3x1",
    "{0} branch_pool:192:1",
)
BLOCKS: dict[str, tuple[tuple[str, ...], str]] = {
    "Mixed_5b": (_A, "32"),
    "Mixed_5c": (_A, "64"),
    "Mixed_5d": (_A, "64"),
    "Mixed_6a": (_B, ""),
    "Mixed_6b": (_C, "128"),
    "Mixed_6c": (_C, "160"),
    "Mixed_6d": (_C, "160"),
    "Mixed_6e": (_C, "192"),
    "Mixed_7a": (_D, ""),
    "Mixed_7b": (_E, "avg"),
    "Mixed_7c": (_E, "max"),
}


def load(weights: Path | None = None, device: str | torch.device = "cpu") -> Extractor:
    """The extractor: 2048 numbers ("pool3") and softmax over 1008 classes.

    Args:
        weights: the weights' file; None: $SPARRING_INCEPTION, else the cache folder, else it is downloaded there.
        device: where it computes.

    Raises SparringError when there is no such file and none can be downloaded, or it holds something else.
    """
    return _load(weights or find_weights(), str(device))


@lru_cache(maxsize=2)
def _load(file: Path, device: str) -> Extractor:
    network, digest = read_network(file)
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves it out

    def embed(pictures: Tensor) -> Features:  # uint8 [N, 3, H, W] -> [N, 2048], [N, 1008]
        features = network(prepared(pictures.to(device)))
        return features, F.linear(features, network.fc.weight).softmax(1)

    published = digest.startswith(DIGEST)
    return Extractor(
        name="inception",
        dims=DIMS,
        input_px=INPUT_PX,
        resize=f"bilinear as TensorFlow 1 (no antialias, no half pixel) to {INPUT_PX} px",
        embed=embed,
        classes=tuple(f"Inception {i}" for i in range(CLASSES)),
        identity=f"inception 1, weights {digest[:16]}",
        note="" if published else "weights of your own: distances in these features are not FID",
        batch=16 if torch.device(device).type == "cpu" else 128,
    )


def find_weights() -> Path:
    """Where the weights lie; downloads them where they lie nowhere. Raises SparringError when that fails."""
    named = os.environ.get("SPARRING_INCEPTION")
    if named:
        if not Path(named).is_file():
            raise SparringError(f"SPARRING_INCEPTION names {named}, which is no file.", f"the path of {FILE}")
        return Path(named)
    file = cache_folder(None) / "weights" / FILE
    if not file.is_file():
        _download(file)
    return file


def _download(file: Path) -> None:
    advice = f"download {URL} elsewhere and put it at {file}, or set SPARRING_INCEPTION to where it lies."
    try:
        with urllib.request.urlopen(URL, timeout=TIMEOUT_S) as answer:
            content = answer.read()
    except OSError as error:  # URLError and time-outs are of that kind
        reason = getattr(error, "reason", None) or error
        raise SparringError(
            f"The weights of the FID's Inception could not be downloaded: {reason}.", "a network, or the file", advice
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if not digest.startswith(DIGEST):
        raise SparringError(
            f"What came from {URL} is not the published file: its SHA-256 begins with {digest[:8]}.", DIGEST, advice
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SparringError(
            f"The folder {file.parent} cannot be made: {error.strerror}.",
            "a cache folder that can be written",
            "set SPARRING_CACHE to such a folder",
        ) from error
    write_whole(file, lambda opened: opened.write(content))


def read_network(file: Path) -> tuple[Inception, str]:
    """Reads the weights; returns the network in evaluation mode and the file's SHA-256. Raises SparringError."""
    try:
        content = file.read_bytes()
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        with torch.device("meta"):  # no memory, and no draws from the user's random state
            network = Inception()
        counters = {name: torch.tensor(0) for name in network.state_dict() if name.endswith("num_batches_tracked")}
        network.load_state_dict({**counters, **state}, assign=True)
    except Exception as error:  # torch.load raises nearly anything on files that are something else
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SparringError(
            f"The weights {file} cannot be used: {reason}.", FILE, f"download {URL} and give that file."
        ) from error
    return network.eval().requires_grad_(False), hashlib.sha256(content).hexdigest()


def prepared(pictures: Tensor) -> Tensor:
    """Resizes and scales: uint8 [N, 3, H, W] in [0, 255] -> float32 [N, 3, 299, 299] in [-1, 127/128]."""
    x = pictures.float()
    for dim in (2, 3):
        side = x.shape[dim]
        if side != INPUT_PX:
            # In float32, as TensorFlow 1 has it; a scale in double would now and then take the next pixel.
            place = torch.arange(INPUT_PX, dtype=torch.float32) * torch.tensor(side / INPUT_PX, dtype=torch.float32)
            low = place.floor().long()
            share = (place - low).view((-1, 1) if dim == 2 else (-1,)).to(x.device)
            high = (low + 1).clamp(max=side - 1)
            x = torch.lerp(x.index_select(dim, low.to(x.device)), x.index_select(dim, high.to(x.device)), share)
    return (x - 128.0) / 128.0


class Inception(nn.Module):
    """The network; weights in the names of the published torch file."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, "3/2")
        self.Conv2d_2a_3x3 = Convolution(32, 32, "3", padded=False)
        self.Conv2d_2b_3x3 = Convolution(32, 64, "3")
        self.Conv2d_3b_1x1 = Convolution(64, 80, "1")
        self.Conv2d_4a_3x3 = Convolution(80, 192, "3", padded=False)
        width = 192
        for name, (branches, choice) in BLOCKS.items():
            block = Block(width, tuple(branch.format(choice) for branch in branches))
            self.add_module(name, block)
            width = block.width
        self.fc = nn.Linear(DIMS, CLASSES)

    def forward(self, x: Tensor) -> Tensor:  # [N, 3, 299, 299] -> [N, 2048]
        """Gives the means of the last maps."""
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for name in BLOCKS:
            x = self.get_submodule(name)(x)
        return x.mean((2, 3))


class Convolution(nn.Module):
    """Convolution, batch norm, ReLU; `kernel` as in the table above, unpadded where it has a stride."""

    def __init__(self, depth: int, width: int, kernel: str, padded: bool = True) -> None:
        super().__init__()
        sides, _, stride = kernel.partition("/")
        high, wide = (int(side) for side in (sides.split("x") if "x" in sides else (sides, sides)))
        padding = (high // 2, wide // 2) if padded and not stride else (0, 0)
        self.conv = nn.Conv2d(depth, width, (high, wide), int(stride or 1), padding, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """[N, depth, H, W] -> [N, width, H', W'], 0 or more."""
        return self.bn(self.conv(x)).relu_()


class Block(nn.Module):
    """Branches as the table above describes them, joined; `width` is how many maps come out."""

    def __init__(self, depth: int, branches: tuple[str, ...]) -> None:
        super().__init__()
        self.width = 0
        self._branches: list[list[list[str]]] = []  # branch > step > names of convolutions, or one of a pooling
        for branch in branches:
            steps, now = [], depth
            for step in branch.split():
                if step in _POOLS:
                    steps.append([step])
                    continue
                made = [piece.split(":") for piece in step.split("+")]
                for name, width, kernel in made:
                    self.add_module(name, Convolution(now, int(width), kernel))
                now = sum(int(width) for _, width, _ in made)
                steps.append([name for name, _, _ in made])
            self._branches.append(steps)
            self.width += now

    def forward(self, x: Tensor) -> Tensor:
        """[N, depth, H, W] -> [N, self.width, H', W']."""
        return torch.cat([self._along(x, steps) for steps in self._branches], 1)

    def _along(self, x: Tensor, steps: list[list[str]]) -> Tensor:
        for names in steps:
            if names[0] in _POOLS:
                x = _POOLS[names[0]](x)
            else:
                made = [self.get_submodule(name)(x) for name in names]
                x = made[0] if len(made) == 1 else torch.cat(made, 1)
        return x


_POOLS = {
    "avg": lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
    "max": lambda x: F.max_pool2d(x, 3, 1, 1),
    "max/2": lambda x: F.max_pool2d(x, 3, 2),
}
