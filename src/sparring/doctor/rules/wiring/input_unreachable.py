"""SP101."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Network

_OTHER = {"z": "another z", "images": "other pictures", "condition": "another condition"}
_WORDS = {"z": "z", "images": "the pictures", "condition": "the condition"}


@rule(
    "SP101",
    "input-unreachable",
    needs=("networks",),
    severity="error",
    remedies=[
        Remedy(
            "Follow the input through the forward: somewhere its result is overwritten, or never joined to the rest."
        ),
        Remedy("Give it to the layers that should use it, then check again."),
    ],
)
def input_unreachable(networks: tuple[Network, ...]) -> list[Evidence]:
    """An input of a network has no influence on what comes out.

    ## Measures
    One input is replaced while everything else, random numbers included, stays: the output must change. Where it does
    not, it is tried again with noise on all weights, since layers that begin at zero have no effect before the first
    step; and the gradient of the output at that input must be missing or 0.

    ## Why it hurts
    A D that does not see the condition cannot tell G that a picture does not fit it; a G that does not see z makes one
    picture. Losses look healthy all the while.

    ## When it is wrong
    An input that is kept for later on purpose. A D that names the class itself (AC-GAN) is let pass.

    ## What to do
    In functional code, look for a variable that is assigned twice from the same source.
    """
    found = []
    for network in networks:
        for given in network.inputs:
            if given.is_used or _names_classes(network, given.name):
                continue
            word = _WORDS.get(given.name, given.name)
            found.append(
                Evidence(
                    f"The {network.role} gives exactly the same for {_OTHER.get(given.name, 'another ' + word)}: "
                    f"{word} never reach{'' if given.name == 'images' else 'es'} what comes out.",
                    {"effect": given.effect, "gradient": given.gradient or 0.0},
                    f"{network.role}, input {given.name}",
                )
            )
    return found


def _names_classes(network: Network, given: str) -> bool:
    """A D that says itself which class it sees, in an output of its own (AC-GAN), need not be told."""
    return network.role == "discriminator" and given == "condition" and len(network.output.parts) > 1
