"""SP213."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Layer, Network
from ...following import channels, is_last, listed, sequels, summing, unless_hidden

_LINEAR = ("dropout", "scale")  # what may stand between two layers without making them more than one


@rule(
    "SP213",
    "linear-stack",
    needs=("networks",),
    severity="info",
    confidence="likely",
    remedies=[
        Remedy("Put an activation between the two layers, and a norm if the others have one."),
        Remedy("Or make one layer of them."),
    ],
)
def linear_stack(networks: tuple[Network, ...]) -> list[Evidence] | NotJudged:
    """Two layers with weights follow one another with nothing in between.

    ## Measures
    Layers whose output goes, moved or dropped out at most, into one other layer and nowhere else. Let pass are pairs
    that are meant so: depthwise and pointwise (groups, kernels of 1), a bottleneck between two wider sides (low rank),
    the network's last layer (a head), and whatever branches, as residual blocks and attention do.

    ## Why it hurts
    Two linear layers in a row are one linear layer: the same functions, for more parameters and time.

    ## When it is wrong
    A dense layer that is reshaped into the first maps, with the activation after the next convolution, is common and
    harmless.

    ## What to do
    Mostly an activation was forgotten. Print the layers in order.
    """
    found = []
    for network in networks:
        pairs = [(layer, after) for layer in summing(network) if (after := _partner(layer, network)) is not None]
        if pairs:
            names = listed(f"{a.name} and {b.name}" for a, b in pairs)
            found.append(
                Evidence(
                    f"In the {network.role} nothing stands between {names}: two layers with no activation between "
                    "them can do no more than one.",
                    {"pairs": len(pairs)},
                    f"{network.role}, {pairs[0][0].name}",
                )
            )
    return unless_hidden(found, networks)


def _partner(layer: Layer, network: Network) -> Layer | None:
    """The layer that makes a linear stack with this one."""
    ways = sequels(layer)
    if len(ways) != 1 or not all(word in _LINEAR for word in ways[0][0]):
        return None
    after = next((each for each in summing(network) if each.name == ways[0][1]), None)
    if after is None or is_last(after) or layer.groups > 1 or after.groups > 1 or _is_point(layer) or _is_point(after):
        return None
    if not (layer.in_shape and layer.out_shape and after.out_shape):
        return None
    before, middle = channels(layer.in_shape, layer, network), channels(layer.out_shape, layer, network)
    behind = channels(after.out_shape, after, network)
    return None if middle < before and middle < behind else after


def _is_point(layer: Layer) -> bool:
    return bool(layer.kernel) and all(side == 1 for side in layer.kernel)
