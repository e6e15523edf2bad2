"""Features of the user's own classes: a small classifier learnt in seconds from labelled pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import SparringError
from ...networks.calling import randomness
from ...seeds import seed_for
from ..features import Extractor, Features

INPUT_PX, DIMS = 32, 128
WIDTHS = (16, 32, 64, DIMS)  # maps at 32, 16, 8 and 4 px: 4 million multiplications a picture
FEWEST = 20  # pictures of a class: with fewer, two or none are left to test with
MOST = 10_000  # pictures that are learnt from
HELD_OUT = 10  # of so many pictures of a class, one is kept to test with
MOST_HELD_OUT = 2_000
STEPS, BATCH = 300, 64  # a fixed budget: 19,200 pictures, some seconds on two cores
RATE = 3e-3  # Adam's at its highest


def fit(
    pictures: Tensor,
    labels: Tensor,
    class_names: Sequence[str],
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> Extractor:
    """Learns a classifier of 300 steps; the same seed, pictures and thread count give the same weights.

    Torch's global random state is as before afterwards.

    Args:
        pictures: uint8 [N, C, H, W] in [0, 255] with their own channels; resized to 32 px.
        labels: int64 [N] in [0, len(class_names)).
        class_names: their names.
        seed: of the weights, the order and the choice of the pictures to test with.
        device: where it learns and computes.

    Returns:
        the extractor "own": 128 numbers and the probabilities of the classes; its note tells the accuracy on
        pictures that were held out.

    Raises:
        SparringError: for labels that do not fit, fewer than 2 classes, and fewer than 20 pictures of a class.
    """
    names, where = tuple(class_names), torch.device(device)
    _check(pictures, labels, names)
    channels = pictures.shape[1]
    draws = torch.Generator().manual_seed(seed_for(seed, "own features"))
    learnt, held = _divide(labels, draws)
    with torch.inference_mode(False), torch.enable_grad(), randomness(seed_for(seed, "own weights"), where):
        network = Classifier(channels, len(names)).to(where)
        _learn(network, _shrunk(pictures, learnt), labels[learnt], draws)
    network.eval().requires_grad_(False)
    held_pictures = _shrunk(pictures, held)
    with torch.inference_mode():
        guessed = torch.cat(
            [network(part.to(where))[1].argmax(1).cpu() for part in held_pictures.split(256)],
        )
    accuracy = (guessed == labels[held]).double().mean().item()
    most = int(torch.bincount(labels[held], minlength=len(names)).max()) / len(held)

    def embed(found: Tensor) -> Features:  # uint8 [N, C, H, W] -> [N, 128], [N, classes]
        if found.shape[1] != channels:
            raise SparringError(
                f"The features own were learnt from {channels} channels, and these pictures have {found.shape[1]}.",
                "the same channels",
            )
        features, logits = network(_resized(found.to(where)))
        return features, logits.softmax(1)

    return Extractor(
        name="own",
        dims=DIMS,
        input_px=INPUT_PX,
        resize=f"bilinear with antialias to {INPUT_PX} px",
        embed=embed,
        classes=names,
        identity=f"own 1, weights {_digest(network, names)}",
        note=(
            f"a classifier learnt from {len(learnt):,} of your pictures; it names the class of {accuracy:.0%} of "
            f"{len(held):,} others (always the commonest: {most:.0%})"
        ),
        sees_rgb=False,
        batch=256,
    )


class Classifier(nn.Module):
    """Four convolutions with batch norm and ReLU, the mean of the last maps, one linear layer."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        depth = channels
        for i, width in enumerate(WIDTHS):
            layers += [
                nn.Conv2d(depth, width, 3, 1 if i == 0 else 2, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            depth = width
        self.maps = nn.Sequential(*layers)
        self.classifier = nn.Linear(DIMS, classes)
        # A quarter faster on a CPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves it out

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:  # [N, C, 32, 32] in [-1, 1] -> [N, 128], [N, classes]
        """Gives features, 0 or more, and logits."""
        features = self.maps(pixels.contiguous(memory_format=torch.channels_last)).mean((2, 3))
        return features, self.classifier(features)


def _check(pictures: Tensor, labels: Tensor, names: tuple[str, ...]) -> None:
    if pictures.dtype != torch.uint8 or pictures.dim() != 4:
        raise SparringError(
            f"Pictures have the shape {list(pictures.shape)} and the type {pictures.dtype}.",
            "uint8 [N, C, H, W] in [0, 255]",
        )
    if labels.shape != (len(pictures),) or labels.dtype != torch.int64:
        raise SparringError(
            f"The labels have the shape {list(labels.shape)} and the type {labels.dtype} for {len(pictures)} pictures.",
            f"int64 [{len(pictures)}]",
        )
    if len(names) < 2:
        raise SparringError(
            f"There are {len(names)} classes.", "2 or more, to tell apart", "take the features lite0, which need none."
        )
    if len(labels) and not (int(labels.min()) >= 0 and int(labels.max()) < len(names)):
        raise SparringError(
            f"The labels reach from {int(labels.min())} to {int(labels.max())}, and {len(names)} classes have names.",
            f"0 to {len(names) - 1}",
        )
    few = [
        f"{names[i]}: {n}" for i, n in enumerate(torch.bincount(labels, minlength=len(names)).tolist()) if n < FEWEST
    ]
    if few:
        raise SparringError(
            f"Some classes have fewer than {FEWEST} pictures: {', '.join(few[:5])}{', ...' if len(few) > 5 else ''}.",
            f"{FEWEST} or more of each",
            "leave these classes out, or take the features lite0, which need none.",
        )


def _divide(labels: Tensor, draws: torch.Generator) -> tuple[Tensor, Tensor]:
    """Chooses which pictures are learnt from and which are held out, a tenth of each class; at most MOST and so on."""
    order = torch.randperm(len(labels), generator=draws)
    held = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        of_class = order[labels[order] == label]
        held[of_class[: len(of_class) // HELD_OUT]] = True
    return order[~held[order]][:MOST], order[held[order]][:MOST_HELD_OUT]


def _learn(network: Classifier, pictures: Tensor, labels: Tensor, draws: torch.Generator) -> None:
    where = network.classifier.weight.device
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    order = torch.empty(0, dtype=torch.int64)
    batch = min(BATCH, len(labels))
    for step in range(STEPS):
        # Up over a tenth of the steps, then down to 0 in a line.
        rate = RATE * min((step + 1) / (STEPS / 10), (STEPS - step) / (STEPS * 0.9))
        for group in optimizer.param_groups:
            group["lr"] = rate
        if len(order) < batch:
            order = torch.cat([order, torch.randperm(len(labels), generator=draws)])
        chosen, order = order[:batch], order[batch:]
        loss = F.cross_entropy(network(pictures[chosen].to(where))[1], labels[chosen].to(where))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _shrunk(pictures: Tensor, chosen: Tensor) -> Tensor:
    """The chosen pictures as the network takes them, piece by piece, so that large ones are not all floats at once."""
    return torch.cat([_resized(pictures[part]) for part in chosen.split(256)])


def _resized(pictures: Tensor) -> Tensor:
    """uint8 [N, C, H, W] in [0, 255] -> float32 [N, C, 32, 32] in [-1, 1]."""
    pixels = pictures.float()
    if pixels.shape[2:] != (INPUT_PX, INPUT_PX):
        pixels = F.interpolate(pixels, size=(INPUT_PX, INPUT_PX), mode="bilinear", antialias=True)
    return pixels / 127.5 - 1.0


def _digest(network: nn.Module, names: tuple[str, ...]) -> str:
    digest = hashlib.sha256("\n".join(names).encode())
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
