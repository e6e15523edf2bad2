"""How plants and variations change networks, rates and losses: small tools, none of which is a fault by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn


def scale_rate(optimizer: Any, factor: float) -> None:
    """Multiplies a learning rate, of torch or of Keras."""
    if hasattr(optimizer, "param_groups"):
        for group in optimizer.param_groups:
            group["lr"] *= factor
    else:
        optimizer.learning_rate = float(optimizer.learning_rate) * factor


def layers_with_weights(network: nn.Module) -> list[nn.Module]:
    """Linear layers and convolutions, in the order of the modules."""
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]


def last_weights(network: nn.Module) -> list[Tensor]:
    """Weight and bias of the last such layer; of a layer under spectral norm its scale cannot be changed by them."""
    return [weight.data for weight in layers_with_weights(network)[-1].parameters()]


class Ending(nn.Module):
    """A network with something after its (first) output: the same parameters, so its optimiser stays right."""

    def __init__(self, network: nn.Module, end: nn.Module) -> None:
        super().__init__()
        self.network, self.end = network, end

    def forward(self, *given: Tensor) -> Any:
        out = self.network(*given)
        return (self.end(out[0]), *out[1:]) if isinstance(out, tuple) else self.end(out)


class Times(nn.Module):
    """Multiplies; the factor can be changed."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Noisy(nn.Module):
    """A discriminator that sees pictures under noise."""

    def __init__(self, network: nn.Module, size: float) -> None:
        super().__init__()
        self.network, self.size = network, size

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x + self.size * torch.randn_like(x))


class Silenced(nn.Module):
    """A network in which what reaches the last layer can be set to 0, as by units that have died."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.on = False
        layers_with_weights(network)[-1].register_forward_pre_hook(self._silence)

    def _silence(self, layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        return (given[0] * 0.0, *given[1:]) if self.on else None

    def forward(self, *given: Tensor) -> Any:
        return self.network(*given)


class BeforeTanh(nn.Module):
    """Multiplies what goes into the last tanh of a network."""

    def __init__(self, network: nn.Module, factor: float) -> None:
        super().__init__()
        self.network, self.factor = network, factor
        last = [layer for layer in network.modules() if isinstance(layer, nn.Tanh)][-1]
        last.register_forward_pre_hook(lambda layer, given: (given[0] * self.factor,))

    def forward(self, *given: Tensor) -> Any:
        return self.network(*given)


def with_batch_norm(network: nn.Sequential) -> nn.Sequential:
    """The same layers, with batch norm after every convolution but the first and the last."""
    inner = [layer for layer in network if isinstance(layer, nn.Conv2d)][1:-1]
    made: list[nn.Module] = []
    for layer in network:
        made.append(layer)
        if any(layer is each for each in inner):
            made.append(nn.BatchNorm2d(layer.out_channels))  # type: ignore[arg-type]
    return nn.Sequential(*made)


def from_step(onset: int, act: Callable[[], None]) -> Callable[[int], None]:
    """Does something once, at a step."""

    def before(step: int) -> None:
        if step == onset:
            act()

    return before


def each_from(onset: int, act: Callable[[int], None]) -> Callable[[int], None]:
    """Does something in every step from one on."""

    def before(step: int) -> None:
        if step >= onset:
            act(step)

    return before


def batches_in_order(n: int, batch: int) -> Iterator[slice]:
    """Slices of a data set, again and again from the beginning."""
    while True:
        for begin in range(0, n - batch + 1, batch):
            yield slice(begin, begin + batch)
