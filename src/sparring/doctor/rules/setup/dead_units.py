"""SP214."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Network
from ...following import listed, unless_hidden


@rule(
    "SP214",
    "dead-units",
    needs=("networks",),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Look at how these layers' weights and biases begin: a bias far below 0 holds every unit at 0."),
        Remedy("Use a leaky ReLU there, which lets gradient through on both sides."),
        Remedy("Put a norm before the ReLU."),
    ],
)
def dead_units(networks: tuple[Network, ...], *, share: float = 0.5, sure: float = 0.8) -> list[Evidence] | NotJudged:
    """Most units of a layer give 0 for every picture.

    ## Measures
    Of each layer that a ReLU follows: the share of its units (channels) that are 0 everywhere, in all pictures of three
    batches, before training. More than `share` is reported, as a hint: in deep layers of healthy networks with torch's
    default weights all pictures look alike at birth, and .3 to .6 of the units were measured to be 0 for all of a few.
    More than `sure` is a warning.

    ## Why it hurts
    A unit that is 0 for everything gets no gradient and stays so. Only what comes before it can wake it.

    ## When it is wrong
    Three small batches are few: a unit may be awake for rarer pictures, or for other conditions.

    ## What to do
    Fix the beginning first. If units die only during training, the rate is too high.
    """
    found = []
    for network in networks:
        dead = {layer.name: layer.zero_share for layer in network.layers if (layer.zero_share or 0.0) > share}
        if dead:
            worst = max(dead, key=lambda name: dead[name] or 0.0)
            most = dead[worst] or 0.0
            found.append(
                Evidence(
                    f"In the {network.role} {most:.0%} of the units of {worst} are 0 for every picture of three batches"
                    + (f"; likewise {listed(name for name in dead if name != worst)}" if len(dead) > 1 else "")
                    + ". Such units get no gradient.",
                    {"zero_share": most, "layers": len(dead)},
                    f"{network.role}, {worst}",
                    severity="" if most > sure else "info",
                    confidence="" if most > sure else "hint",
                )
            )
    return unless_hidden(found, networks)
