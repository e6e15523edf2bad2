"""SP102."""

from __future__ import annotations

from collections import Counter

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Layer, Network

_SHOWN = 3
_TRANSPOSED = "conv-transposed"


@rule(
    "SP102",
    "layers-unreachable",
    needs=("networks",),
    severity="error",
    remedies=[
        Remedy(
            "Follow the forward from its input: where a layer's result is overwritten before it is used, "
            "give the next layer that result."
        ),
        Remedy("Take layers out that are not meant to be used."),
    ],
)
def layers_unreachable(networks: tuple[Network, ...]) -> list[Evidence] | NotJudged:
    """Layers were made that lie on no path from the network's inputs to what comes out.

    ## Measures
    In PyTorch and in subclassed Keras models: layers with trainable weights that no forward calls, or whose weights the
    output's graph does not hold. In functional Keras models also the operations that hang off the inputs and belong to
    no model that is alive. What is zero before the first step lies on the path and is not meant.

    ## Why it hurts
    The network is smaller than it looks, often by most of its depth, and its losses do not say so. The weights take
    memory, and Adam's states thrice that.

    ## When it is wrong
    Layers for a later stage of progressive growing, or for another method than the forward: where the code speaks of
    them there, or the forward takes further options, this is an info. Frozen layers are not counted.

    ## What to do
    In functional code look for a variable that is assigned twice from the same source: `x = conv(a)`, `x = conv(a)`.
    """
    found = []
    unseen = []
    for network in networks:
        dead = [layer for layer in network.layers if _is_dead(layer)]
        partly = [layer for layer in network.layers if layer.calls and layer.unused and not _is_dead(layer)]
        if not network.traced:  # what is called can be counted all the same, but not what becomes of it
            dead, partly = [layer for layer in dead if layer.calls == 0], []
            if not dead:
                unseen.append(network.role)
        if dead or partly or network.hanging:
            found.append(_evidence(network, dead, partly))
    if not found and unseen:
        return NotJudged(f"the structure of the {' and the '.join(unseen)}, which is compiled or hidden")
    return found


def _is_dead(layer: Layer) -> bool:
    if layer.trainable == 0:
        return False
    return layer.calls == 0 or layer.leads_on is False or (0 < len(layer.weights) == len(layer.unused))


def _evidence(network: Network, dead: list[Layer], partly: list[Layer]) -> Evidence:
    gone = [*dead, *network.hanging]
    alive = [layer for layer in network.layers if layer.parameters and layer not in dead]
    lost = sum(layer.parameters for layer in gone)
    numbers = {
        "layers": float(len(gone) + len(partly)),
        "parameters": float(lost),
        "reachable": float(len(alive)),
        "largest": float(max((layer.parameters for layer in gone), default=0)),
    }
    where = f"{network.role}, {', '.join(layer.name for layer in (gone or partly)[:_SHOWN])}"
    if not gone:
        named = "; ".join(f"{layer.name}: {', '.join(layer.unused)}" for layer in partly[:_SHOWN])
        return Evidence(f"Parameters of the {network.role} have no way to what comes out: {named}.", numbers, where)
    biggest = max(gone, key=lambda layer: layer.parameters)
    message = (
        f"{_counted(gone, alive)} of the {network.role} {'lead' if len(gone) > 1 else 'leads'} nowhere: they lie on no "
        f"path to what comes out. {lost:,} parameters are lost, {biggest.parameters:,} of them in "
        f"{biggest.name} ({biggest.type})."
    )
    if _is_for_later(network, dead):
        return Evidence(message, numbers, where, severity="info", confidence="hint")
    return Evidence(message, numbers, where)


def _counted(gone: list[Layer], alive: list[Layer]) -> str:
    """ "7 of 8 Conv2D and 1 of 2 Dense"."""
    dead, living = Counter(layer.type for layer in gone), Counter(layer.type for layer in alive)
    parts = [f"{count} of {count + living[kind]} {kind}" for kind, count in dead.most_common(_SHOWN)]
    rest = len(gone) - sum(count for _, count in dead.most_common(_SHOWN))
    parts += [f"{rest} others"] if rest else []
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _is_for_later(network: Network, dead: list[Layer]) -> bool:
    """Whether something says that what is not called now is called at another time."""
    if network.hanging or any(layer.calls for layer in dead):
        return False
    return bool(network.options) or all(layer.name in network.elsewhere for layer in dead)
