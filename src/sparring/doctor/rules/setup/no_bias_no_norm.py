"""SP210."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import ACTIVATIONS, Layer, Network
from ...following import is_last, listed, sequels, summing, unless_hidden

# What leaves 0 where it is, or shifts it by a number that cannot be learned.
_NO_SHIFT = (*ACTIVATIONS, "dropout", "max-pool", "clamp", "mul", "mul-parameter", "scale")


@rule(
    "SP210",
    "no-bias-no-norm",
    needs=("networks",),
    severity="info",
    confidence="likely",
    remedies=[
        Remedy("Put a norm after each of them: bias=False is written for layers that a norm follows."),
        Remedy("Or give them their bias back: leave bias=False (use_bias=False) out."),
    ],
)
def no_bias_no_norm(networks: tuple[Network, ...], *, in_a_row: int = 2) -> list[Evidence] | NotJudged:
    """Several hidden layers in a row have no bias, and no norm after them adds one.

    ## Measures
    Hidden layers without a bias after which, up to the next layer, nothing can shift their numbers: no norm, no added
    parameter, no other branch, no operation that is not known. `in_a_row` of them must follow one another. First and
    last layers are let pass: the official DCGAN's discriminator begins with one.

    ## Why it hurts
    Without any shift every unit switches at exactly 0, and twice the input gives twice the output: the layers can make
    fewer functions than they could for almost no cost. Tutorials write use_bias=False because a batch norm follows;
    often the norm is left out later and the words stay.

    ## When it is wrong
    Some networks without any bias are made so on purpose, for denoising.

    ## What to do
    Decide for one of the two: bias or norm.
    """
    found = []
    for network in networks:
        layers = _in_a_row(network, in_a_row)
        if layers:
            names = listed(layer.name for layer in layers)
            found.append(
                Evidence(
                    f"In the {network.role} {len(layers)} hidden layers have neither a bias nor a norm after them: "
                    f"{names}. Nothing there can shift a number, so every unit switches at exactly 0.",
                    {"layers": len(layers)},
                    f"{network.role}, {names}",
                )
            )
    return unless_hidden(found, networks)


def _in_a_row(network: Network, least: int) -> list[Layer]:
    """Layers without any shift that stand in a row of at least so many, in order."""
    layers = summing(network)
    targets = {name for layer in network.layers for _, name in sequels(layer)}
    bare = {layer.name: layer for layer in layers if layer.name in targets and not is_last(layer) and _is_bare(layer)}
    rows: list[list[str]] = []
    for name, layer in bare.items():
        row = next((row for row in rows if name in row), None)
        if row is None:
            row = [name]
            rows.append(row)
        row += [after for _, after in sequels(layer) if after in bare and after not in row]
    together = {name for row in rows if len(row) >= least for name in row}
    return [layer for name, layer in bare.items() if name in together]


def _is_bare(layer: Layer) -> bool:
    return layer.bias is False and all(word in _NO_SHIFT for words, _ in sequels(layer) for word in words)
