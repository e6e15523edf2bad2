"""SP201."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Data, Network


@rule(
    "SP201",
    "output-range-mismatch",
    needs=("generator", "data"),
    severity="warning",
    remedies=[
        Remedy("Scale the data to what the generator can make: x / 127.5 - 1 for a tanh, x / 255 for a sigmoid."),
        Remedy("Or end the generator in what fits the data: tanh for [-1, 1], sigmoid for [0, 1]."),
    ],
)
def output_range_mismatch(
    generator: Network, data: Data, *, beyond: float = 0.05, unused: float = 0.02, tiny: float = 0.1, wide: float = 20.0
) -> Evidence | NotJudged | None:
    """What the generator can make and what the data hold lie in different ranges.

    ## Measures
    The generator's last bounding operation says what it can ever make (tanh: -1 to 1). The data must not leave that
    range by more than `beyond` of their own, must hold negative numbers (lower than `unused` of its width) where the
    generator makes them, which data in [0, 1] under a tanh do not, and must not fill less than `tiny` of it, as
    pictures divided by 255 twice do. Where nothing bounds the generator, that is healthy; only data `wide` times as
    large as all that the untrained generator makes are reported, as a hint: pixels of 0 to 255 as a warning, other
    numbers for information.

    ## Why it hurts
    The discriminator tells real from fake by brightness alone. Measured with a tanh and pixels of 0 to 255: D's loss
    is .12 and its accuracy 1.0 at once.

    ## When it is wrong
    Where the batch that was looked at is not like the rest of the data, and where only some of the generator's
    numbers go through the bounding operation.

    ## What to do
    Scale the data; ToTensor() gives [0, 1], and Normalize(.5, .5) after it [-1, 1]. Scale the samples back to look at
    them.
    """
    if not data.range_known:
        return NotJudged("the range of the data")
    low, high, made = data.low, data.high, generator.output
    least, most = made.least, made.most
    span, numbers = high - low, {"data_low": low, "data_high": high, "least": least, "most": most}
    if made.squash and (least > float("-inf") or most < float("inf")):
        reach = f"The generator ends in a {made.squash} and can only make numbers {_between(least, most)}"
        if low < least - beyond * span or high > most + beyond * span:
            return Evidence(
                f"{reach}; the data lie in [{low:.4g}, {high:.4g}]. The discriminator can tell them apart by their "
                "range alone.",
                numbers,
                "generator",
            )
        width = most - least
        if width < float("inf") and span > 0 and ((least < 0 < most and low >= -unused * width) or span < tiny * width):
            return Evidence(
                f"{reach}; the data lie in [{low:.4g}, {high:.4g}] and leave most of that unused, so whatever the "
                "generator makes elsewhere gives it away.",
                numbers,
                "generator",
            )
        return None
    size = max(abs(made.low), abs(made.high))
    if made.finite and 0 < size < max(abs(low), abs(high)) / wide and span > wide:
        return Evidence(
            f"The data lie in [{low:.4g}, {high:.4g}], and nothing that the untrained generator makes is larger than "
            f"{size:.3g}: it must grow its last weights many times before anything else can be learned.",
            {"data_low": low, "data_high": high, "low": made.low, "high": made.high},
            "generator",
            severity="" if low >= 0 and 200 < high <= 255 else "info",
            confidence="hint",
        )
    return None


def _between(least: float, most: float) -> str:
    if most == float("inf"):
        return f"from {least:g} upwards"
    return f"up to {most:g}" if least == float("-inf") else f"from {least:g} to {most:g}"
