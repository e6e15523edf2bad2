"""`sparring data`: a set of pictures in words, with numbers, and what the doctor found in it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import SparringError
from ...findings import Report
from ...pictures import save_png
from ..telling import as_text, told
from .facts import WORDS, DataFacts, Repeats
from .report import report_on, sheet_of
from .scan import Say, facts_of, opened

_LISTED = 5  # of sizes, modes, files, classes
_PLAIN = 1 / 255  # as SP304 has it


@dataclass(frozen=True)
class DataWords:
    """What `sparring data` answers.

    Attributes:
        text: for people.
        report: the findings.
        about: the numbers in the text, JSON-able.
    """

    text: str
    report: Report
    about: dict[str, Any]


def data_words(
    source: Any, *, sheet: Path | None = None, n: int = 64, say: Say | None = None, **reading: Any
) -> DataWords:
    """Looks at a set of pictures, and says what is there and what is wrong with it.

    Args:
        source: a folder, zip, .npy or .npz of pictures, or a built-in name.
        sheet: a .png for some of the pictures, as training would see them.
        n: how many on that sheet.
        say: called with a line when pictures must be read.
        reading: size, channels, fit, background, path, condition and condition_from, as for `examine_data`.

    Raises:
        SparringError: as `examine_data`, and for a sheet that is no .png, lies among the pictures or cannot be written.
    """
    if sheet is not None:
        _check_sheet(sheet, source)
    data = opened(source, say=say, **reading)
    facts = facts_of(data)
    report = report_on(data, facts)
    pictures = facts["pictures"]
    lines = [] if pictures is None else list(_about(pictures))
    lines += [f"  note       {note}" for note in report.notes]
    if sheet is not None:
        save_png(_image(sheet_of(data, n)), sheet)
        lines.append(f"  sheet      {sheet}")
    lines += ["", as_text(told(dataclasses.replace(report, notes=()), verbose=True)).strip("\n")]
    return DataWords("\n".join(lines), report, {} if pictures is None else numbers(pictures))


def numbers(pictures: DataFacts) -> dict[str, Any]:
    """The facts as JSON-able data, without what there is one of for each picture."""
    found = dataclasses.asdict(pictures)
    for name in ("paths", "deviations", "mode_examples"):
        del found[name]
    plain = sum(deviation < _PLAIN for deviation in pictures.deviations)
    sizes = [{"width_px": width, "height_px": height, "n": n} for (width, height), n in pictures.sizes.items()]
    unreadable = [{"path": path, "reason": reason} for path, reason in pictures.unreadable]
    return found | {"plain": plain, "sizes": sizes, "unreadable": unreadable}


def _check_sheet(sheet: Path, source: Any) -> None:
    if sheet.suffix.lower() != ".png":
        raise SparringError(f"The sheet {sheet} is no .png.", "a file such as sheet.png", "--sheet sheet.png")
    if isinstance(source, str | os.PathLike):
        folder = Path(source).expanduser()
        if folder.is_dir() and sheet.resolve().is_relative_to(folder.resolve()):
            raise SparringError(
                f"The sheet {sheet} would be one of the pictures.", "a place outside their folder", "--sheet sheet.png"
            )


def _image(sheet: Any) -> Any:
    from PIL import Image

    return Image.fromarray(sheet)


def _about(pictures: DataFacts) -> Iterator[str]:
    yield (
        f"{pictures.source}: {pictures.n:,} pictures of {pictures.n_files:,} files, at {pictures.size_px} px with "
        f"{pictures.channels} channel{'s' * (pictures.channels > 1)} ({pictures.fit})"
    )
    shorter = sorted(min(size) for size, n in pictures.sizes.items() for _ in range(n))
    sizes = [f"{width} x {height} ({n:,})" for (width, height), n in pictures.sizes.items()]
    yield f"  sizes      {_some(sizes)}"
    yield f"  shorter    {shorter[0]:,} to {shorter[-1]:,} px, the middle one {shorter[len(shorter) // 2]:,}"
    yield f"  aspect     up to {max(max(size) / min(size) for size in pictures.sizes):.2f} : 1"
    yield f"  modes      {_some([f'{mode} ({n:,})' for mode, n in pictures.modes.items()])}"
    for channel in pictures.channel_facts:
        yield (
            f"  {channel.name:<10} {255 * channel.lowest:.0f} to {255 * channel.highest:.0f}, mean "
            f"{255 * channel.mean:.0f}, deviation {255 * channel.deviation:.1f}"
            + (" (constant)" if channel.deviation < _PLAIN else "")
        )
    plain = sum(deviation < _PLAIN for deviation in pictures.deviations)
    yield f"  plain      {_count(plain, 'picture')} of one colour"
    yield f"  exact      {_repeats(pictures.exact)}" + f", and {pictures.dropped:,} left out" * bool(pictures.dropped)
    yield f"  near       {_repeats(pictures.near)}"
    broken = [f"{path}: {reason}" for path, reason in pictures.unreadable]
    yield f"  unusable   {_count(len(broken), 'file')}" + (f": {_some(broken, '; ')}" if broken else "")
    yield from _about_conditions(pictures)


def _about_conditions(pictures: DataFacts) -> Iterator[str]:
    if pictures.classes is not None:
        most_first = sorted(pictures.classes.items(), key=lambda pair: -pair[1])
        yield f"  classes    {len(most_first):,}: {_some([f'{name} ({n:,})' for name, n in most_first])}"
    if pictures.captions is not None:
        said = pictures.captions
        yield f"  captions   {said.different:,} different; {said.common!r} comes {said.common_n:,} times"
    if pictures.condition:
        yield f"  without    {_count(len(pictures.missing), 'picture')} without a {WORDS[pictures.condition]}"


def _repeats(repeats: Repeats) -> str:
    if not repeats.n:
        return "0 copies"
    first = "; ".join(" = ".join(group[:3]) for group in repeats.examples[:2])
    return f"{repeats.n:,} {'copy' if repeats.n == 1 else 'copies'} in {_count(repeats.groups, 'group')}: {first}"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def _some(words: Iterable[str], between: str = ", ") -> str:
    listed = list(words)
    more = len(listed) - _LISTED
    return between.join(listed[:_LISTED]) + (f"{between}and {more:,} more" if more > 0 else "")
