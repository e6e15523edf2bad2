"""SP211."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, NotJudged, rule
from ...facts import Layer, Network
from ...following import listed, unless_hidden


@rule(
    "SP211",
    "checkerboard-upsampling",
    needs=("networks",),
    severity="info",
    remedies=[
        Remedy("Take a kernel that the stride divides: 4 for stride 2, as DCGAN has."),
        Remedy("Or enlarge by nearest neighbours and convolve with stride 1."),
    ],
)
def checkerboard_upsampling(networks: tuple[Network, ...]) -> list[Evidence] | NotJudged:
    """A transposed convolution's kernel cannot be divided by its stride, so it paints unevenly.

    ## Measures
    Kernel and stride of each transposed convolution that enlarges, from the operation that ran.

    ## Why it hurts
    With a kernel of 5 and a stride of 2 some pixels are the sum of three of its numbers a side and others of two, in
    a regular pattern. The weights can learn to even it out, and rarely do: a checkerboard remains, stronger with each
    such layer (Odena and others, "Deconvolution and checkerboard artifacts", Distill 2016).

    ## When it is wrong
    Many good generators had kernel 5 and stride 2, the first DCGAN among them. Look at the samples.

    ## What to do
    Change the kernel; padding must change with it.
    """
    found = []
    for network in networks:
        uneven = [layer for layer in network.of_kind("conv-transposed") if layer.parameters and _is_uneven(layer)]
        if not uneven:
            continue
        first = uneven[0]
        names = listed(layer.name for layer in uneven)
        found.append(
            Evidence(
                f"In the {network.role} the kernel of {len(uneven)} transposed convolution{'s' * (len(uneven) > 1)} "
                f"cannot be divided by the stride ({names}; {_sides(first.kernel)} by {_sides(first.stride)}): pixels "
                "get unequal shares, which shows as a checkerboard.",
                {"layers": len(uneven), "kernel": first.kernel[0], "stride": first.stride[0]},
                f"{network.role}, {names}",
            )
        )
    return unless_hidden(found, networks)


def _is_uneven(layer: Layer) -> bool:
    return any(stride > 1 and kernel % stride for kernel, stride in zip(layer.kernel, layer.stride, strict=False))


def _sides(sides: tuple[int, ...]) -> str:
    return "x".join(map(str, sides))
