"""SP208."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Data, Network
from ...following import listed


@rule(
    "SP208",
    "batch-norm-tiny-batch",
    needs=("networks", "data"),
    severity="warning",
    confidence="likely",
    remedies=[
        Remedy("Use larger batches; gradient accumulation does not help here.", {"batch": 16}),
        Remedy("Put group, layer or instance norm in place of batch norm."),
        Remedy("Drop the last, smaller batch: drop_last=True, or drop_remainder=True in Keras."),
    ],
)
def batch_norm_tiny_batch(
    networks: tuple[Network, ...], data: Data, *, least: int = 8, least_last: int = 2
) -> Evidence | NotJudged | None:
    """Batch norm has too few pictures to norm by.

    ## Measures
    The batch, and the last one of an epoch, where a network has batch norm that runs in training mode: fewer than
    `least` pictures a step, or fewer than `least_last` in the last.

    ## Why it hurts
    Mean and deviation of a few pictures are mostly noise, and what is learned with them does not hold with the running
    statistics that sampling uses. Over a single picture a dense layer's batch norm is an error in torch, and 0 for
    everything in Keras.

    ## When it is wrong
    A batch of 1 with batch norm over maps is instance norm in disguise, which pix2pix uses on purpose.

    ## What to do
    Take larger batches where memory allows it, otherwise another norm.
    """
    norms = {
        network.role: [layer.name for layer in network.of_kind("batch-norm") if layer.training] for network in networks
    }
    where = {role: names for role, names in norms.items() if names}
    if not where:
        return None
    if not data.batch and not data.last_batch:
        return NotJudged("batch")
    whose = " and ".join(f"the {role} ({listed(names, 3)})" for role, names in where.items())
    numbers = {"batch": data.batch, "last_batch": data.last_batch}
    if 0 < data.batch < least:
        return Evidence(
            f"A batch holds {data.batch} picture{'s' * (data.batch > 1)}, and {whose} has batch norm. The mean and "
            "deviation of so few are mostly noise.",
            numbers,
            whose,
        )
    if 0 < data.last_batch < least_last:
        return Evidence(
            f"The last batch of an epoch holds {data.last_batch} picture, and {whose} has batch norm. Of one picture a "
            "norm over the batch leaves nothing, or fails.",
            numbers,
            whose,
        )
    return None
