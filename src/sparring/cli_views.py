"""The words of the command line that show runs: report, watch, film."""

from __future__ import annotations

import sys
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


def film(
    run: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["-o", "--out"])] = None,
    seconds: float = 10.0,
    scale: int | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Make a film of a run's sheets of samples, with step and quality below each.

    Args:
        run: Folder of the run.
        out: A .gif, a .mp4 (needs the extra film), or a folder for PNG files. Default: film.gif in the run's folder.
        seconds: How long it is.
        scale: How many times larger than the sheets. Default: as many as bring a small sheet to 480 px.
        json_: Print the result as JSON.
    """
    from .reporting.filming import film as do

    made = do(run, out, seconds=seconds, scale=scale)
    found = {"run": str(run), "out": str(made.path), "frames": made.frames, "size_px": list(made.size)}
    if made.left_out:
        print(f"No pictures, and left out: {', '.join(made.left_out)}.", file=sys.stderr)
    answer(json_, found | {"left_out": list(made.left_out)}, f"Written: {made.path} ({made.frames:,} frames)")


def watch(
    path: Path = Path("runs"),
    /,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    open_: Annotated[bool, Parameter(name="--open", negative="")] = False,
    trust: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Show runs on a local page, live or over: watch one, stop it, change its rates, play with its generator.

    Args:
        path: Folder of a run, or one that holds runs.
        host: Address to serve at. Any that others can reach needs a token, which is printed.
        port: Default: 8765, or any that is free; 0: any that is free.
        open_: Open a browser.
        trust: To play with your own networks: import the file that they were trained with, if it is here.
    """
    from .dashboard.opening import watch as do

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    do(path, host=host, port=port, open_=open_, trust=trust, say=say)
