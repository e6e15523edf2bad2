"""SP209."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Layer, Network
from ...following import channels, listed, summing, unless_hidden

_REMOVING = ("batch-norm", "instance-norm")


@rule(
    "SP209",
    "bias-before-norm",
    needs=("networks",),
    severity="info",
    remedies=[Remedy("bias=False (use_bias=False in Keras) for these layers, as tutorials write it; or leave it so.")],
)
def bias_before_norm(networks: tuple[Network, ...]) -> list[Evidence] | NotJudged:
    """A layer has a bias, and the norm right after it takes it away again.

    ## Measures
    Layers with a bias whose output goes on every way straight into a batch norm or instance norm over as many channels
    as the bias has numbers, and that runs in training mode. Layer and group norm take only part of a bias away.

    ## Why it hurts
    It does not: the norm subtracts each channel's mean, and the bias with it. The numbers are there for nothing. This
    is why tutorials write use_bias=False before a norm, and why it is wrong to write it where no norm follows (SP210).

    ## When it is wrong
    It is harmless always.

    ## What to do
    Nothing, or drop the bias. Weights saved with it load no longer then.
    """
    found = []
    for network in networks:
        idle = [layer for layer in summing(network) if _is_idle(layer, network)]
        if not idle:
            continue
        spare = sum(channels(layer.out_shape, layer, network) for layer in idle)
        found.append(
            Evidence(
                f"In the {network.role} the norm right after {len(idle)} layer{'s' * (len(idle) > 1)} takes the bias "
                f"away again ({listed(layer.name for layer in idle)}): {spare:,} numbers that do nothing. That is why "
                "bias=False is written before a norm.",
                {"layers": len(idle), "parameters": spare},
                f"{network.role}, {listed(layer.name for layer in idle)}",
            )
        )
    return unless_hidden(found, networks)


def _is_idle(layer: Layer, network: Network) -> bool:
    if not layer.bias or not layer.out_shape or not all(way[0] in _REMOVING for way in layer.then):
        return False
    # Which norm it is: the next that is called. Between a dense layer and it a reshape may stand, and then a channel's
    # mean is of many units.
    after = network.layers[network.layers.index(layer) + 1 :]
    norm = next((each for each in after if each.calls and each.kind in _REMOVING), None)
    width = channels(layer.out_shape, layer, network)
    if norm is None:  # a function
        return layer.kind != "linear"
    return norm.training and width in (norm.in_shape[1:2] + norm.in_shape[-1:])
