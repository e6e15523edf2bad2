"""SP111."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Layer, Network, Wiring

_SHOWN = 3
_SORTS = ("batch-norm", "dropout")


@rule(
    "SP111",
    "training-mode-off",
    needs=("wiring",),
    severity="warning",
    remedies=[
        Remedy("Call .train() on the network before each update, and again after each time that samples were drawn."),
        Remedy("In Keras hand training on: call(self, x, training=None), and layer(x, training=training)."),
    ],
)
def training_mode_off(wiring: Wiring) -> list[Evidence]:
    """Batch norm or dropout stays in inference mode while the network trains.

    ## Measures
    In which mode each such layer is called: in the training step where one is given, in its network's own update; else
    when the network is called as for training, in the mode in which it was given.

    ## Why it hurts
    Batch norm in inference mode divides by statistics that never move, so that nothing is normalised; dropout is not
    there.

    ## When it is wrong
    Layers of a frozen, pretrained part, whose statistics are to stay: those are left out.

    ## What to do
    Look for an .eval() that came with drawing samples, and for a custom layer that does not hand `training` on.
    """
    found = []
    for network in wiring.networks:
        if wiring.step is not None:
            asleep = {name for role, name in wiring.step.inference if role == network.role}
        else:
            asleep = {layer.name for layer in network.layers if layer.calls and not layer.training}
        layers = [each for each in network.layers if each.kind in _SORTS and each.name in asleep]
        layers = [layer for layer in layers if not _in_frozen_part(layer, network)]
        if not layers:
            continue
        total = sum(layer.kind in _SORTS and bool(layer.calls) for layer in network.layers)
        names = ", ".join(layer.name for layer in layers[:_SHOWN]) + (" .." if len(layers) > _SHOWN else "")
        kinds = " and ".join(dict.fromkeys(layer.kind.replace("-", " ") for layer in layers))
        found.append(
            Evidence(
                f"{len(layers)} of {total} layers of batch norm or dropout of the {network.role} are in inference "
                "mode while "
                f"it trains ({kinds}: {names}).",
                {"layers": float(len(layers)), "of": float(total)},
                f"{network.role}, {names}",
            )
        )
    return found


def _in_frozen_part(layer: Layer, network: Network) -> bool:
    """Whether it, or what stands before it, is frozen: then its statistics are to stay."""
    if layer.parameters:
        return layer.trainable == 0
    place = network.layers.index(layer)
    before = [other for other in network.layers[:place] if other.parameters and other.calls]
    return bool(before) and before[-1].trainable == 0
