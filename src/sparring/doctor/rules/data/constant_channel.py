"""SP305: a channel that is the same everywhere."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...pictures.facts import DataFacts

_FEWER = Remedy("Train without the channel: --channels 3 lays the pictures on a background.")


@rule(
    "SP305",
    "constant-channel",
    needs=("pictures",),
    severity="warning",
    confidence="hint",
    remedies=[
        Remedy("Leave the channel out: convert the pictures to grey (--channels 1) or store what varies alone."),
        Remedy("Blur the difference: noise on reals and fakes before D.", {"instance_noise": 0.1}),
    ],
)
def constant_channel(pictures: DataFacts, *, deviation: float = 1 / 255) -> list[Evidence]:
    """One channel has the same value in every pixel of every picture.

    ## Measures
    The standard deviation of each channel over all pixels of all pictures, with 1 for full; below `deviation`, one
    grey level of 255, the channel is constant. Mostly it is the alpha channel of opaque pictures, which is full
    everywhere.

    ## Why it hurts
    The channel carries nothing, and it may give the generator away: reals are exactly 1 there, and a tanh reaches 1
    only in the limit, so that a single pixel tells a real picture from a fake one. This is a risk and not a fault: in
    3 of 3 trainings that were measured with a constant alpha it did no harm.

    ## When it is wrong
    Mostly harmless, see above. It matters where the discriminator wins early and nothing else explains it.

    ## What to do
    Drop the channel: --channels 3 for a constant alpha. Where all channels are constant, the pictures are plain
    (SP304).
    """
    found = []
    for channel in pictures.channel_facts:
        if channel.deviation >= deviation:
            continue
        found.append(
            Evidence(
                f"The {channel.name} channel is {255 * channel.mean:.0f} of 255 in every pixel of all {pictures.n:,} "
                "pictures. It says nothing about them, and one pixel in which the generator misses that value can tell "
                "the discriminator real from fake. A risk: in 3 of 3 trainings measured it did no harm.",
                {"value": channel.mean, "deviation": channel.deviation},
                where=channel.name,
                remedies=(_FEWER,) if channel.name == "alpha" else (),
            )
        )
    return found
