"""SP103."""

from __future__ import annotations

from ....findings import Remedy
from ...catalogue import Evidence, rule
from ...facts import Pair


@rule(
    "SP103",
    "shape-mismatch",
    needs=("pair",),
    severity="error",
    remedies=[
        Remedy("Give G as many upsampling layers, and as many channels at its end, as the data have."),
        Remedy("Or resize the data, and turn them round where one side has its channels last."),
    ],
)
def shape_mismatch(pair: Pair) -> Evidence | None:
    """G's pictures, the data and D's input do not have the same shape.

    ## Measures
    What G gives, what the data are, and what D can be called on, in channels and sides.

    ## Why it hurts
    Training stops at the first step; or, where D takes pictures of any size, it tells reals from fakes by their size.

    ## When it is wrong
    The data are resized between the loader and D: then give `check` a batch as D gets it.

    ## What to do
    Compare the last layer of G with one batch of the data; remember that Keras has channels last and PyTorch first.
    """
    if not pair.mismatch:
        return None
    return Evidence(
        f"The shapes do not fit: {pair.mismatch}.",
        {"g_size": _count(pair.g_shape), "data_size": _count(pair.data_shape)},
        f"G {list(pair.g_shape)}, data {list(pair.data_shape)}",
    )


def _count(shape: tuple[int, ...]) -> float:
    count = 1
    for side in shape:
        count *= side
    return float(count)
