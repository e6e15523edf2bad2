"""`report()`: a run's folder, or several, -> one file of HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..checkpoints import write_whole
from ..errors import SparringError
from ..findings import Report
from ..folder import RunFolder
from ..history import History
from .chapters import of_log, of_run, of_runs
from .figures import Figure
from .page import html
from .reading import read_run

MOST_RUNS = 12  # side by side


def report(source: Any, out: str | Path | None = None, *, compare: Sequence[Any] = ()) -> Path:
    """Writes a run as one page that opens offline and can be mailed: no path of this machine stands in it.

    Args:
        source: the folder of a run, finished or not, or what `train` returned.
        out: the file; by default report.html in the run's folder, and comparison.html here where runs are compared.
        compare: other runs, to be put side by side with it.

    Returns the file that was written.

    Raises:
        SparringError: there is no run, or the file cannot be written.
    """
    folders = [Path(getattr(each, "path", each)) for each in (source, *compare)]
    if len(folders) > MOST_RUNS:
        raise SparringError(f"{len(folders)} runs are to be compared.", f"{MOST_RUNS} at most")
    if compare:
        page = of_runs([read_run(folder) for folder in folders])
        return written(page, Path(out or "comparison.html"))
    return written(of_run(read_run(folders[0])), Path(out) if out is not None else RunFolder(folders[0]).report)


def report_log(
    name: str,
    out: str | Path,
    histories: Sequence[History],
    reports: Sequence[Report],
    stories: Sequence[str],
) -> Path:
    """Writes the page of somebody's log.

    Args:
        name: of the log.
        out: the file.
        histories: the trainings that it tells of.
        reports: what the doctor made of each.
        stories: the same in order of time.

    Returns the file that was written. Raises SparringError where it cannot be.
    """
    return written(of_log(Path(name).name or "log", histories, reports, stories), Path(out))


def written(page: tuple[dict[str, Any], list[Figure]], out: Path) -> Path:
    """Writes a page whole or not at all."""
    check_out(out)
    content = html(*page).encode("utf-8", "replace")
    write_whole(out, lambda file: file.write(content))
    return out


def check_out(out: Path) -> None:
    """Raises SparringError for a file that is no page, or has no folder to lie in."""
    if out.suffix.lower() not in (".html", ".htm") or out.is_dir():
        raise SparringError(f"The page is to be written to {out}.", "a file that ends in .html", "-o report.html")
    if not out.parent.is_dir():
        raise SparringError(f"There is no folder {out.parent}.", "a folder that is there", "make it first.")


def kept_report(run: Path, say: Callable[[str], None]) -> None:
    """Writes the page of a run that has just ended. Nothing that goes wrong with it may harm the run: it is said."""
    try:
        report(run)
    except Exception as error:
        what = error.what if isinstance(error, SparringError) else f"{type(error).__name__}: {error}"
        say(f"The report could not be written. {what} The run is whole; sparring report {run} tries again.")
