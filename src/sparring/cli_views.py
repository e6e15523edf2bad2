"""The words of the command line that show runs: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .answering import answer
from .errors import SparringError


def report(
    *runs: Path,
    compare: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(name=["-o", "--out"])] = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Write a run as one page: samples over time, curves, findings, the recipe. It opens offline and can be mailed.

    Args:
        runs: Folder of the run; with --compare of two or more.
        compare: Put runs side by side, and say what differs in their settings.
        out: A .html file. Default: report.html in the run's folder, or comparison.html here.
        json_: Print the result as JSON.
    """
    from .reporting.writing import report as do

    if not runs:
        raise SparringError("No run was named.", "the folder of a run", "sparring report runs/NAME")
    if compare != (len(runs) > 1):
        raise SparringError(
            f"{len(runs)} runs were named{' to compare' if compare else ''}.",
            "one run, or --compare and two or more",
            "sparring report --compare runs/ONE runs/OTHER -o comparison.html",
        )
    written = do(runs[0], out, compare=runs[1:])
    answer(json_, {"runs": [str(run) for run in runs], "out": str(written)}, f"Written: {written}")
