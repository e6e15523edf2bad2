"""How a pair of networks is called: the shape of z, what G gives, what D takes. For networks we did not write."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..errors import SparringError


def find_z_shape(
    generator: nn.Module, discriminator: nn.Module, image_shape: tuple[int, int, int], latent: int
) -> tuple[int, ...]:
    """Looks how the two are called: tries z as [N, latent] and [N, latent, 1, 1] and D on what G makes and on the data.

    Nothing of the networks changes: inference mode, no gradients, the random state put back.

    Args:
        generator: any module z -> image.
        discriminator: any module image -> logit.
        image_shape: (C, H, W) of the data.
        latent: numbers in z.

    Returns the shape of one z. Raises SparringError with both shapes when something does not fit.
    """
    device = next(iter(generator.parameters()), torch.zeros(())).device
    with evaluation_mode(generator, discriminator), randomness(0, device), torch.no_grad():
        z_shape, fakes = _try_generator(generator, latent, device)
        if fakes.shape != (2, *image_shape):
            raise SparringError(
                f"The generator makes pictures of shape {list(fakes.shape[1:])}, the data are {list(image_shape)}.",
                "the same channels, height and width",
                _shape_advice(tuple(fakes.shape[1:]), image_shape),
            )
        _try_discriminator(discriminator, fakes)
    return z_shape


def z_shape_of(generator: nn.Module) -> tuple[int, ...]:
    """Looks how a generator alone is called, by the width of its first layer. Raises SparringError if that fails."""
    device = next(iter(generator.parameters()), torch.zeros(())).device
    width = _first_width(generator)
    if width is None:
        raise SparringError(
            f"How many numbers {type(generator).__name__} takes cannot be seen from its layers.",
            "a generator that begins with a linear layer or a convolution",
            "make the pictures yourself and give them as an array.",
        )
    with evaluation_mode(generator), randomness(0, device), torch.no_grad():
        return _try_generator(generator, width, device)[0]


def _try_generator(generator: nn.Module, latent: int, device: torch.device) -> tuple[tuple[int, ...], Tensor]:
    failures = []
    for z_shape in ((latent,), (latent, 1, 1)):
        try:
            fakes = generator(torch.randn(2, *z_shape, device=device))
        except Exception as error:  # a network may refuse in its own way
            failures.append(f"z of shape {[2, *z_shape]}: {_first_line(error)}")
            continue
        if not isinstance(fakes, Tensor):
            raise SparringError(
                f"The generator gave a {type(fakes).__name__}.", "a tensor of pictures [N, channels, height, width]"
            )
        return z_shape, fakes
    wants = _first_width(generator)
    hint = (
        f"its first layer takes {wants} numbers: latent={wants}."
        if wants and wants != latent
        else "set `latent` to its input size."
    )
    raise SparringError(
        "The generator could not be called. " + "; ".join(failures), f"a module that takes z of {latent} numbers", hint
    )


def _try_discriminator(discriminator: nn.Module, images: Tensor) -> None:
    shape = list(images.shape)
    try:
        logits = discriminator(images)
    except Exception as error:  # a network may refuse in its own way
        raise SparringError(
            f"The discriminator could not be called on pictures of shape {shape}: {_first_line(error)}",
            f"a module that takes {shape} and gives one logit a picture",
            "make its first and last layers fit this size and these channels.",
        ) from None
    found = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    is_map = isinstance(logits, Tensor) and logits.dim() == 4 and logits.shape[1] == 1
    is_one = isinstance(logits, Tensor) and logits.numel() == len(images)
    if not (is_one or is_map):
        raise SparringError(
            f"The discriminator gave {found} for {len(images)} pictures of shape {shape}.",
            f"one logit a picture ([{len(images)}] or [{len(images)}, 1]) or a map of them ([{len(images)}, 1, h, w])",
        )
    last = [m for m in discriminator.modules() if not any(m.children())][-1:]
    if last and isinstance(last[0], nn.Sigmoid) and logits.min() >= 0 and logits.max() <= 1:
        raise SparringError(
            "The discriminator ends in a sigmoid, and the losses here are written on logits.",
            "logits",
            "leave the last nn.Sigmoid out.",
        )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _first_width(network: nn.Module) -> int | None:
    for module in network.modules():
        if isinstance(module, nn.Linear):
            return module.in_features
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            return module.in_channels
    return None


def _shape_advice(made: tuple[int, ...], data: tuple[int, int, int]) -> str:
    if len(made) != 3:
        return "let the generator end in a map of [N, channels, height, width]."
    if made[::-1][:2] == data[:2] or (made[-1] in (1, 3, 4) and made[0] not in (1, 3, 4)):
        return "the generator puts channels last; PyTorch puts them first: permute(0, 3, 1, 2)."
    wrong = []
    if made[0] != data[0]:
        wrong.append(f"channels={made[0]}")
    if made[1:] != data[1:]:
        wrong.append(f"size={made[1]}" if made[1] == made[2] else "a square generator")
    return f"train it with {' '.join(wrong)}, or change the generator."


def outline(network: nn.Module) -> str:
    """The class of a network and a digest of the names and shapes of its weights: what a run remembers of it."""
    shapes = {
        # A network is the same with spectral norm, which the recipe asks for, as without.
        name.replace("parametrizations.weight.original", "weight"): list(tensor.shape)
        for name, tensor in network.state_dict().items()
        if isinstance(tensor, Tensor) and ".parametrizations.weight.0." not in f".{name}"
    }
    return f"{type(network).__name__} {hashlib.sha256(json.dumps(shapes, sort_keys=True).encode()).hexdigest()[:12]}"


@contextlib.contextmanager
def evaluation_mode(*networks: nn.Module) -> Iterator[None]:
    """Inference mode for a while; then every module is in the mode it was in, the user's frozen norms included."""
    modes = [(module, module.training) for network in networks for module in network.modules()]
    try:
        for network in networks:
            network.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextlib.contextmanager
def randomness(seed: int, device: torch.device) -> Iterator[None]:
    """torch's random state of the CPU and of one device, seeded for a while; the user's own is as before afterwards.

    Not by `torch.manual_seed`: that seeds every accelerator of the machine, whoever uses it.
    """
    own = {"cuda": torch.cuda, "mps": torch.mps}.get(device.type)
    place = (device,) if device.type == "cuda" else ()
    before, before_own = torch.default_generator.get_state(), own.get_rng_state(*place) if own else None
    try:
        torch.default_generator.manual_seed(seed)
        if own is torch.cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif own is not None:
            own.manual_seed(seed)
        yield
    finally:
        torch.default_generator.set_state(before)
        if own is not None and before_own is not None:
            own.set_rng_state(before_own, *place)
