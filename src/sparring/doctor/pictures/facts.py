"""What the rules about pictures (SP3) may look at, as plain data: the one fact `pictures`. No torch, no NumPy."""

from __future__ import annotations

from dataclasses import dataclass, field

WORDS = {"class": "class", "text": "caption", "vector": "vector"}  # what a condition of each kind is called


@dataclass(frozen=True)
class Channel:
    """One channel over all pictures of a set; 0 is black and 1 is full.

    Attributes:
        name: "grey", "red", "green", "blue" or "alpha".
        lowest: of all its values.
        highest: likewise.
        mean: likewise.
        deviation: the standard deviation of all its values.
    """

    name: str
    lowest: float
    highest: float
    mean: float
    deviation: float


@dataclass(frozen=True)
class Repeats:
    """Pictures that repeat another.

    Attributes:
        n: how many would have to go until none is left.
        groups: how many different pictures they repeat.
        examples: paths of some groups, the largest first, and of each the first few.
        largest: pictures in the largest group.
    """

    n: int = 0
    groups: int = 0
    examples: tuple[tuple[str, ...], ...] = ()
    largest: int = 0


@dataclass(frozen=True)
class Captions:
    """The captions of a set.

    Attributes:
        different: how many there are.
        common: the most frequent one.
        common_n: pictures that have it.
    """

    different: int
    common: str
    common_n: int


@dataclass(frozen=True)
class DataFacts:
    """A set of pictures, as it was found and as training sees it.

    Attributes:
        source: what the user named, without folders.
        built_in: whether it is one of the data sets that are known by a word.
        n_files: files that look like pictures.
        n: pictures that can be used.
        size_px: the side to which they are brought.
        channels: 1, 3 or 4.
        fit: "crop", "pad" or "squeeze".
        unreadable: (path, reason) of the files that cannot be used.
        dropped: exact copies that were left out as the set was read; of the built-in emoji alone.
        modes: Pillow's name of a kind of pixels -> usable files of that kind.
        mode_examples: the same -> path of the first.
        sizes: (width, height) in px -> usable files of that size.
        paths: of the usable pictures, in their order.
        deviations: of each of them, the largest standard deviation within one channel, in [0, 1].
        channel_facts: each channel over all pictures.
        exact: pictures with the pixels of another, at that size.
        near: different ones that look the same: their pixels are near at that size.
        condition: "class", "text" or "vector"; "" where none was asked for.
        missing: paths of the usable pictures without a condition.
        classes: name -> pictures; None where no classes were asked for.
        captions: None where none were asked for.
    """

    source: str
    n_files: int
    n: int
    size_px: int
    channels: int
    fit: str
    built_in: bool = False
    unreadable: tuple[tuple[str, str], ...] = ()
    dropped: int = 0
    modes: dict[str, int] = field(default_factory=dict)
    mode_examples: dict[str, str] = field(default_factory=dict)
    sizes: dict[tuple[int, int], int] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    deviations: tuple[float, ...] = ()
    channel_facts: tuple[Channel, ...] = ()
    exact: Repeats = Repeats()
    near: Repeats = Repeats()
    condition: str = ""
    missing: tuple[str, ...] = ()
    classes: dict[str, int] | None = None
    captions: Captions | None = None

    @property
    def trained(self) -> int:
        """Pictures that are trained on: those that can be used and, where it is asked for, have a condition."""
        return self.n - len(self.missing)
