"""SP215."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Network


@rule(
    "SP215",
    "unequal-capacity",
    needs=("generator", "discriminator"),
    severity="info",
    confidence="hint",
    remedies=[Remedy("If one side wins, and penalties and rates do not help: bring the two nearer to one another.")],
)
def unequal_capacity(generator: Network, discriminator: Network, *, times: float = 20.0) -> Evidence | None:
    """One network has many times the parameters of the other.

    ## Measures
    Parameters that can learn, without tables of embeddings, of which one step uses a few rows. More than `times` as
    many is reported; that number is a proposal.

    ## Why it hurts
    It need not. A discriminator that is far too small lets anything pass; one that is far too large learns the
    pictures by heart.

    ## When it is wrong
    Often: a discriminator on frozen features has few numbers of its own, and dense layers count for much more than
    convolutions that do as much.

    ## What to do
    Nothing before something else goes wrong.
    """
    sizes = {network.role: _learning(network) for network in (generator, discriminator)}
    small, large = sorted(sizes, key=lambda role: sizes[role])
    if not sizes[small] or sizes[large] <= times * sizes[small]:
        return None
    return Evidence(
        f"The {large} has {sizes[large]:,} parameters that learn and the {small} {sizes[small]:,}: "
        f"{sizes[large] / sizes[small]:.0f} times as many.",
        {"g_parameters": sizes["generator"], "d_parameters": sizes["discriminator"]},
        large,
    )


def _learning(network: Network) -> int:
    return sum(layer.trainable for layer in network.layers if layer.kind != "embedding")
