"""Vision transformers through the package transformers: DINOv2 and CLIP. Their weights are downloaded by it."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ...errors import SparringError
from ..features import Extractor, Features

INPUT_PX = 224


@dataclass(frozen=True)
class Published:
    """One network as it was published.

    Args:
        title: what it is.
        repository: at huggingface.co.
        class_name: in transformers.
        output: the field of its output that is taken.
        mean: of R, G and B in [0, 1].
        std: the same.
        note: what to know.
    """

    title: str
    repository: str
    class_name: str
    output: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    note: str


PUBLISHED = {
    "dinov2": Published(
        "DINOv2 ViT-B/14 (arXiv 2304.07193)",
        "facebook/dinov2-base",
        "Dinov2Model",
        "pooler_output",  # the [CLS] token behind the last layer norm
        (0.485, 0.456, 0.406),  # ImageNet's, with which it was trained
        (0.229, 0.224, 0.225),
        "DINOv2 ViT-B/14: published FD-DINOv2 (arXiv 2306.04675) is of ViT-L/14 and not comparable",
    ),
    "clip": Published(
        "CLIP ViT-B/32 (arXiv 2103.00020)",
        "openai/clip-vit-base-patch32",
        "CLIPVisionModelWithProjection",
        "image_embeds",
        (0.48145466, 0.4578275, 0.40821073),  # of the data it was trained with; preprocessor_config.json
        (0.26862954, 0.26130258, 0.27577711),
        "CLIP ViT-B/32, not brought to unit length: published CMMD (arXiv 2401.09603) is of ViT-L/14 at 336 px",
    ),
}


def load(name: str, weights: Path | None = None, device: str | torch.device = "cpu") -> Extractor:
    """The extractor "dinov2" (768 numbers) or "clip" (512 numbers); no class probabilities.

    Args:
        name: a key of PUBLISHED.
        weights: folder with config.json and model.safetensors; None: transformers' own cache, else downloaded.
        device: where it computes.

    Raises SparringError when transformers is not installed, or the weights cannot be had.
    """
    try:
        package = importlib.import_module("transformers")
    except ImportError:
        raise SparringError(
            f"The features {name} need the package transformers, and it is not installed.",
            f"transformers, which computes {PUBLISHED[name].title}",
            "pip install transformers, or take --features lite0.",
        ) from None
    return _load(package, name, weights, str(device))


@lru_cache(maxsize=2)
def _load(package: Any, name: str, weights: Path | None, device: str) -> Extractor:
    published = PUBLISHED[name]
    network = _read(package, published, name, weights).eval().requires_grad_(False).to(device)

    def embed(pictures: Tensor) -> Features:  # uint8 [N, 3, H, W] -> [N, K]
        found = network(pixel_values=prepared(pictures.to(device), published))
        return getattr(found, published.output).float(), None

    with torch.inference_mode():
        dims = embed(torch.zeros(1, 3, INPUT_PX, INPUT_PX, dtype=torch.uint8))[0].shape[1]
    return Extractor(
        name=name,
        dims=dims,
        input_px=INPUT_PX,
        resize=f"bicubic with antialias to {INPUT_PX} px",
        embed=embed,
        classes=None,
        identity=f"{name} 1, {published.class_name}, transformers {package.__version__}, weights {_digest(network)}",
        note=published.note if weights is None else f"{published.title}'s code with weights of your own",
        batch=8 if torch.device(device).type == "cpu" else 128,
    )


def _read(package: Any, published: Published, name: str, weights: Path | None) -> torch.nn.Module:
    try:
        return getattr(package, published.class_name).from_pretrained(str(weights or published.repository))
    except (OSError, ValueError, RuntimeError, ImportError) as error:  # what transformers raises, with or without a net
        raise SparringError(
            f"The weights of {published.title} could not be had: {' '.join(str(error).split())[:200]}",
            "a network, or a folder with config.json and model.safetensors",
            f"fetch https://huggingface.co/{published.repository} where there is a network, and give the folder as "
            f"weights=, or take --features lite0 in place of {name}.",
        ) from error


def _digest(network: torch.nn.Module) -> str:
    """Of all weights, in the order of their names: a digest of 16 letters."""
    digest = hashlib.sha256()
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def prepared(pictures: Tensor, published: Published) -> Tensor:
    """Resizes and standardises: uint8 [N, 3, H, W] in [0, 255] -> float32 [N, 3, 224, 224], about N(0, 1)."""
    pixels = pictures.float()
    if pixels.shape[2:] != (INPUT_PX, INPUT_PX):
        size = (INPUT_PX, INPUT_PX)
        pixels = F.interpolate(pixels, size=size, mode="bicubic", antialias=True)
    mean = torch.tensor(published.mean, device=pixels.device).view(1, 3, 1, 1)
    std = torch.tensor(published.std, device=pixels.device).view(1, 3, 1, 1)
    # Bicubic overshoots at edges; picture files, which these networks have seen, cannot.
    return (pixels.clamp(0.0, 255.0) / 255.0 - mean) / std
