"""What follows a layer, for rules that look at several layers in a row: pure functions of facts."""

from __future__ import annotations

from collections.abc import Iterable

from .catalogue import Evidence, NotJudged
from .facts import Layer, Network

SUMMING = ("conv", "conv-transposed", "linear")  # a weighted sum of what comes in, and a bias perhaps


def summing(network: Network) -> list[Layer]:
    """Its layers that sum with weights of their own (a fixed filter has none) and whose sequel could be seen."""
    return [layer for layer in network.of_kind(*SUMMING) if layer.parameters and layer.then]


def sequels(layer: Layer) -> list[tuple[tuple[str, ...], str]]:
    """For each way from a layer: what happens on it, and the name of the next one; "" for the network's output."""
    return [(way[:-1], way[-1].partition("layer:")[2]) for way in layer.then]


def is_last(layer: Layer) -> bool:
    """Whether what a layer gives comes out of the network with no other layer in between."""
    return any(way[-1] == "output" for way in layer.then)


def channels(shape: tuple[int, ...], layer: Layer, network: Network) -> int:
    """How many channels, or units, a shape of a layer's input or output has."""
    last = network.framework == "keras" or layer.kind == "linear" or len(shape) < 3
    return shape[-1] if last else shape[1]


def unless_hidden(found: list[Evidence], networks: Iterable[Network]) -> list[Evidence] | NotJudged:
    """What was found; where that is nothing and a network's structure could not be followed, that it was not judged."""
    hidden = [network.role for network in networks if not network.traced]
    return NotJudged(f"the {' and the '.join(hidden)}'s structure") if hidden and not found else found


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names in words: "a", "a and b", "a, b and 3 more"."""
    given = list(names)
    if len(given) > most:
        given = [*given[: most - 1], f"{len(given) - most + 1} more"]
    return " and ".join(part for part in (", ".join(given[:-1]), given[-1]) if part)
