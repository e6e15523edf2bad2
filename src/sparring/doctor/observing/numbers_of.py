"""What people have at hand -> numbers: floats, NumPy, torch on any device, TensorFlow, logits, pictures.

Nothing here imports a framework: what a value is, is asked of those that are loaded already. Numbers on an accelerator
stay there as small tensors until somebody reads many of them at once.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Kept = tuple[tuple[str, ...], Any]  # names, and a torch tensor of as many numbers, detached, on its device
_FEW = 8  # numbers in a list that `train_on_batch` returns: the loss, then metrics
_MOST_PICTURES, _SIDE = 64, 32  # pictures of a batch, and numbers along a side, that are looked at
_SEEN = ("mean", "low", "high", "above_0", "above_half")  # of logits, on their device


class NotUnderstoodError(Exception):
    """A value that no number can be made of; says why."""


def is_tensor(value: Any) -> bool:
    """Whether it is a torch tensor; torch is not imported for it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_far(tensor: Any) -> bool:
    """Whether reading it waits for an accelerator."""
    return bool(tensor.device.type != "cpu")


def number_of(value: Any) -> tuple[float | Any, str]:
    """One number, and what to tell about how it was taken ("" for nothing).

    A torch tensor on an accelerator stays there: then the number is a tensor of one element, a copy without a graph.

    Raises:
        NotUnderstoodError: it is text, a container without numbers, or empty.
    """
    if isinstance(value, float):
        return float(value), ""
    if is_tensor(value):
        return _of_tensor(value)
    if isinstance(value, numbers.Real):
        return _float(value), ""
    array = array_of(value)
    if array.size == 1:
        return float(array.reshape(())), ""
    if array.ndim == 1 and array.size <= _FEW:
        return float(array[0]), f"holds {array.size} numbers: the first is taken, as Keras puts the loss first"
    return float(array.mean()), f"holds {array.size} numbers: their mean is taken"


def array_of(value: Any) -> np.ndarray:
    """An array of what is no torch tensor: NumPy's, TensorFlow's, lists  # float64 or integers

    Raises NotUnderstoodError where it holds no numbers, or none at all.
    """
    if isinstance(value, str | bytes | Mapping | set) or value is None:
        raise NotUnderstoodError(f"is {type(value).__name__}, not a number")
    array = np.asarray(value.numpy() if callable(getattr(value, "numpy", None)) else value)
    if array.dtype.kind not in "biuf":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise NotUnderstoodError(f"is {type(value).__name__}, not a number") from None
    if not array.size:
        raise NotUnderstoodError("is empty")
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def read(kept: Sequence[Kept]) -> dict[str, float]:
    """What was kept on a device, by name: one transfer for each device."""
    torch = sys.modules["torch"]
    found: dict[str, float] = {}
    for device in dict.fromkeys(tensor.device for _, tensor in kept):
        here = [(names, tensor) for names, tensor in kept if tensor.device == device]
        values = torch.cat([tensor for _, tensor in here]).cpu().tolist()
        found |= dict(zip([name for names, _ in here for name in names], values, strict=True))
    return found


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an int of a thousand digits
        return math.inf if value > 0 else -math.inf


def _of_tensor(value: Any) -> tuple[Any, str]:
    torch = sys.modules["torch"]
    value = value.detach()
    if not value.numel():
        raise NotUnderstoodError("is empty")
    if value.is_complex():
        raise NotUnderstoodError("is complex")
    note = f"holds {value.numel()} numbers: their mean is taken" if value.numel() > 1 else ""
    if note:
        value = value.double().mean() if not is_far(value) else value.float().mean()
    if not is_far(value):
        return float(value), note
    wide = value.dtype == torch.float64
    return value.reshape(1).to(torch.float64 if wide else torch.float32, copy=True), note


class Logits:
    """What D said of reals and fakes -> its mean logits and how often it was right.

    As long as all that it ever said lies in [0, 1] it is taken for probabilities: D ends in a sigmoid.

    Args:
        boundary: above it D calls a picture real: 0 for logits (.5 for probabilities, and for least squares, whose
            targets are 0 and 1); None where a loss has no such boundary: then only which of the i-th real and the i-th
            fake D prefers can be right or wrong.
    """

    def __init__(self, boundary: float | None = 0.0) -> None:
        self._boundary = boundary
        self.probabilities = True

    def seen(self, side: str, said: Any) -> Kept | dict[str, float]:
        """Looks at one side ("real" or "fake"); (logits, ...) where D gives more than logits."""
        names = tuple(f"_{side}_{what}" for what in _SEEN)
        if isinstance(said, tuple | list) and said and (is_tensor(said[0]) or hasattr(said[0], "shape")):
            said = said[0]
        if not is_tensor(said) or not is_far(said):
            # On few numbers NumPy is several times as fast as torch.
            x = (said.detach().float().numpy() if is_tensor(said) else array_of(said)).ravel()
            if not x.size:
                raise NotUnderstoodError("is empty")
            with np.errstate(all="ignore"):
                seen = (
                    x.mean(),
                    x.min(),
                    x.max(),
                    np.count_nonzero(x > 0) / x.size,
                    np.count_nonzero(x > 0.5) / x.size,
                )
            return dict(zip(names, map(float, seen), strict=True))
        torch = sys.modules["torch"]
        x = said.detach().flatten().float()
        if not len(x):
            raise NotUnderstoodError("is empty")
        shares = [(x > bound).float().mean() for bound in (0.0, 0.5)]
        return _placed(names, torch.stack([x.mean(), *torch.aminmax(x), *shares]))

    def pair(self, real: Any, fake: Any) -> Kept | dict[str, float]:
        """How often D prefers the i-th real to the i-th fake; for losses without a boundary."""
        if self._boundary is not None or getattr(real, "shape", 0) != getattr(fake, "shape", 1):
            return {}
        if is_tensor(real) and is_tensor(fake):
            return _placed(("d_accuracy_pair",), (real.detach() > fake.detach()).float().mean().reshape(1))
        return {"d_accuracy_pair": float((array_of(real) > array_of(fake)).mean())}

    def settle(self, values: dict[str, float]) -> None:
        """Puts, in place, what a run calls these numbers in the place of what was seen."""
        if "_real_mean" not in values and "_fake_mean" not in values:
            return
        sides = {side: [values.pop(f"_{side}_{what}", math.nan) for what in _SEEN] for side in ("real", "fake")}
        told = {side: seen for side, seen in sides.items() if not all(map(math.isnan, seen))}
        if any(low < 0 or high > 1 for _, low, high, *_ in told.values()):  # NaN is neither
            self.probabilities = False
        for side, (mean, _, _, above_0, above_half) in told.items():
            values[f"d_{side}_prob" if self.probabilities else f"d_{side}_logit"] = mean
            if self._boundary is None and not self.probabilities:
                continue
            above = above_half if self.probabilities or self._boundary == 0.5 else above_0
            values[f"d_accuracy_{side}"] = above if side == "real" else 1.0 - above


class Pictures:
    """A batch of fakes and one of reals -> how much the fakes differ among themselves, against the reals."""

    def __init__(self) -> None:
        self._reals: Any = None  # their distance when it was last measured: a float, or a tensor on the device

    def seen(self, fake: Any, real: Any) -> list[Kept | dict[str, float]]:
        """`g_spread`: mean distance of neighbours in the batch of fakes over that of reals; how many are not finite.

        Distances are root mean squares over pixels, of at most 64 pictures and 32 numbers along each side.

        Args:
            fake: pictures in any layout  # [N, ...]; None for none
            real: likewise, in the range of the fakes; bytes are brought to [-1, 1]. The last one told counts on.
        """
        found: list[Kept | dict[str, float]] = []
        if real is not None:
            self._reals, bad = _distance(real)
            found.append(_named("_bad_reals", bad))
        if fake is not None:
            fakes, bad = _distance(fake)
            found.append(_named("_bad_fakes", bad))
            if self._reals is not None and fakes is not None:
                found.append(_named("g_spread", fakes / (self._reals + 1e-12)))
        return found


def _distance(pictures: Any) -> tuple[Any, Any]:
    """Of each picture from the one before it, the mean; and how many hold a number that is not finite."""
    tensor = is_tensor(pictures)
    x: Any = pictures.detach() if tensor else array_of(pictures)
    if len(x.shape) < 2 or not x.shape[0]:
        raise NotUnderstoodError(f"has the shape {tuple(x.shape)}: not a batch of pictures")
    x = x[(slice(_MOST_PICTURES), *(slice(None, None, max(1, size // _SIDE)) for size in x.shape[1:]))]
    small = x.dtype.itemsize == 1  # bytes
    x = (x.float() if tensor else x.astype(np.float64)).reshape(len(x), -1)
    x = x / 127.5 - 1 if small else x
    if tensor:
        bad = (~x.isfinite()).any(1).sum().float()
        return ((x - x.roll(1, 0)).square().mean(1).sqrt().mean() if len(x) > 1 else None), bad
    with np.errstate(all="ignore"):
        bad = float((~np.isfinite(x)).any(1).sum())
        return (float(np.sqrt(np.square(x - np.roll(x, 1, 0)).mean(1)).mean()) if len(x) > 1 else None), bad


def _named(name: str, value: Any) -> Kept | dict[str, float]:
    return _placed((name,), value.reshape(1)) if is_tensor(value) else {name: float(value)}


def _placed(names: tuple[str, ...], values: Any) -> Kept | dict[str, float]:
    """On an accelerator they stay; from memory they are read at once."""
    if is_far(values):
        return names, values
    return dict(zip(names, values.tolist(), strict=True))
