"""The doctor's words of the command line: check, data, diagnose, explain, rules."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console

from .answering import answer
from .errors import SparringError
from .options import Pictures

_PLOT_WIDTH = 100  # characters, where the answer goes into a file or a pipe


@Parameter(name="*")
@dataclass(frozen=True)
class Training:
    """How the pair will be trained; what is left out is guessed, and each guess is printed.

    Attributes:
        data: Folder, .zip, .npy or .npz of pictures, or the built-in emoji or fashion-mnist.
        recipe: A recipe of ours, for its loss, penalties, batch and rates.
        loss: bce, bce-logits, hinge, wasserstein, wasserstein-gp, least-squares, softmax, log, minimax, relativistic.
        latent: Numbers in z.
        condition: none, class:10, vector:384 or text.
        size: Side in px. Default: what the generator makes.
        channels: 1, 3 or 4. Default: what the generator makes.
        range: The numbers of the data as the discriminator is given them, LOW:HIGH. Default: -1:1.
        batch: Pictures a step.
        d_lr: Rate of the discriminator's optimiser.
        g_lr: Rate of the generator's.
        step: One training step of yours, FILE:NAME, a function (G, D, real, g_optimizer, d_optimizer); it is run a
            few times on copies.
        combined: The compiled stack of both, FILE:EXPR, as Keras programs build it.
    """

    data: str | None = None
    recipe: str | None = None
    loss: str | None = None
    latent: int = 100
    condition: str = "none"
    size: int | None = None
    channels: int | None = None
    range: str | None = None
    batch: int | None = None
    d_lr: float | None = None
    g_lr: float | None = None
    step: str | None = None
    combined: str | None = None


def check(
    generator: str,
    discriminator: str | None = None,
    /,
    *,
    training: Training = Training(),
    map_: Annotated[Path | None, Parameter(name="--map")] = None,
    verbose: Annotated[bool, Parameter(negative="")] = False,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Find what is wrong with two networks before they are trained: wiring, ranges, losses, layers. Nothing is trained.

    Exit code 1 where an error was found.

    Args:
        generator: FILE:EXPR (gans.py:G(100)), or a saved .keras or .h5 file. "none" to look at the other alone.
        discriminator: Likewise.
        training: How they will be trained.
        map_: File for the report with the map of who updates which layer: .svg, .html or .txt.
        verbose: Say of every rule that could not look what was missing.
        json_: Print the findings as JSON.
    """
    from .doctor.examining import examine
    from .doctor.gradient_map import rows
    from .doctor.telling import as_text, check_ending, told, write_map

    if map_ is not None:
        check_ending(map_)
    known = {name: value for name, value in vars(training).items() if name not in ("data", "range")}
    limits = None if training.range is None else limits_of(training.range)
    with contextlib.redirect_stdout(sys.stderr):  # what networks print is no part of the answer
        found = examine(
            None if generator == "none" else generator,
            None if discriminator in (None, "none") else discriminator,
            **known,
            range=limits,
            data=None if training.data is None else pictures_from(training.data, limits),
        )
    lines = rows(tuple(network for network in (found.generator, found.discriminator) if network is not None))
    report = told(found.report, lines, verbose=verbose)
    if map_ is not None:
        write_map(report, map_, "sparring check")
    _show(report, as_text, json_, found.report.to_dict())


def _show(report: Any, as_text: Any, json_: bool, found: dict[str, Any]) -> None:
    if not json_ and sys.stdout.isatty():
        Console(highlight=False).print(report)
    else:
        answer(json_, found, as_text(report))
    if not found["ok"]:
        sys.exit(1)


def limits_of(text: str) -> tuple[float, float]:
    """ "-1:1" -> (-1.0, 1.0). Raises SparringError."""
    low, _, high = text.partition(":")
    try:
        limits = float(low), float(high)
    except ValueError:
        limits = (0.0, 0.0)
    if not limits[0] < limits[1]:
        raise SparringError(f"The range is {text!r}.", "LOW:HIGH, such as -1:1, 0:1 or 0:255", "--range=0:1")
    return limits


def pictures_from(source: str, limits: tuple[float, float] | None) -> Any:
    """Gives a batch of a source's pictures, of a shape and in a range that the networks want."""

    def batch(shape: tuple[int, ...]) -> Any:
        from .data import open_data

        if len(shape) != 3 or shape[1] != shape[2]:
            raise SparringError(
                f"The generator makes {list(shape)}, and pictures here are square.",
                "a generator of square pictures, or --size and --channels",
                "say --size 28 --channels 1 for one that makes rows of 784 numbers.",
            )
        pack = open_data(
            source, size_px=shape[1], channels=shape[0], say=lambda message: print(message, file=sys.stderr)
        )
        low, high = limits or (-1.0, 1.0)
        return (pack.batch(0, min(64, len(pack)), seed=0, flip=False) + 1) / 2 * (high - low) + low

    return batch


def data(
    source: str,
    /,
    *,
    pictures: Pictures = Pictures(),
    condition: Literal["none", "class", "text", "vector"] = "none",
    condition_from: str | None = None,
    sheet: Path | None = None,
    n: Annotated[int, Parameter(name=["-n", "--number"])] = 64,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Say what a set of pictures holds and what is wrong with it: broken files, copies, sizes, classes.

    No file is changed. Exit code 1 where an error was found (fewer than 100 pictures).

    Args:
        source: Folder, .zip, .npy or .npz of pictures, or the built-in emoji or fashion-mnist.
        condition: What each picture is to be told by; class, text (a caption) or vector.
        condition_from: A table (.csv, .jsonl, .npy; FILE:COLUMN) or a pattern of file names ("{condition}_*.png").
        sheet: A .png for some of the pictures as training sees them, outside their folder.
        n: How many on that sheet.
        json_: Print numbers and findings as JSON.
    """
    from .doctor.pictures.words import data_words

    found = data_words(
        source,
        sheet=sheet,
        n=n,
        say=lambda message: print(message, file=sys.stderr),
        size=pictures.size,
        channels=pictures.channels if pictures.channels == "auto" else int(pictures.channels),
        fit=pictures.fit,
        background=pictures.background,
        path=pictures.path,
        condition=condition,
        condition_from=condition_from,
    )
    answer(json_, found.report.to_dict() | {"data": found.about}, found.text)
    if not found.report.ok:
        sys.exit(1)


def diagnose(
    log: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    loss: str | None = None,
    names: str | None = None,
    out: Annotated[Path | None, Parameter(name=["-o", "--out"])] = None,
    plot: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    verbose: Annotated[bool, Parameter(negative="")] = False,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Say what went wrong in a training, from its log: anybody's, of any program, finished or not.

    Exit code 1 where an error was found, 130 where Ctrl-C ended what was piped in.

    Args:
        log: A log, a run of ours, a table, TensorBoard events; "-" for what a program prints: findings are said
            while it runs, on standard error, and the report comes at its end.
        loss: bce, hinge, wasserstein, least-squares, relativistic. Default: guessed from the numbers.
        names: What columns are called, where that is not understood: d_loss=my_d,g_loss=my_g.
        out: A .html file for the same with its curves, to look at or to mail.
        plot: A .png, .svg or .html file for the losses with the findings marked; "-" to draw them as text, "none" not
            to. Default: drawn where the answer goes to a terminal.
        verbose: Say of every rule that could not look what was missing.
        json_: Print the findings as JSON.
    """
    from .doctor.diagnosing import diagnosed, unit_of
    from .doctor.listening import is_live, listen
    from .doctor.readers import read_log
    from .doctor.telling import as_text, told
    from .reporting.chart_picture import check_plot, write_charts
    from .reporting.charting import charts_of
    from .reporting.writing import check_out, report_log

    file = None if plot in (None, "-", "none") else Path(str(plot))
    if out is not None:
        check_out(out)
    if file is not None:
        check_plot(file)
    columns, stopped = names_of(names), False
    if is_live(log):
        histories, stopped = listen(
            log, lambda line: print(line, file=sys.stderr, flush=True), loss=loss, names=columns
        )
    else:
        histories = read_log(sys.stdin if log == "-" else log, names=columns)
    found = diagnosed(histories, loss=loss)
    title = "standard input" if log == "-" else Path(log).resolve().name
    charts = charts_of(histories, found.reports, [unit_of(history) for history in histories])
    _tell(found.stories, dict(charts), plot, json_)
    if out is not None:
        report_log(title, out, histories, found.reports, found.stories)
        print(f"Written: {out}", file=sys.stderr)
    if file is not None and charts:
        write_charts(title, charts, histories, file)
    if file is not None:
        print(f"Written: {file}" if charts else "Nothing is drawn: the log has no curves.", file=sys.stderr)
    try:
        _show(told(found.report, verbose=verbose), as_text, json_, found.report.to_dict())
    finally:
        if stopped:
            sys.exit(130)


def _tell(stories: list[str], charts: dict[int, Any], plot: str | None, json_: bool) -> None:
    """Prints the story of each training and draws its curves; beside JSON, curves that were asked for go elsewhere."""
    from .reporting.chart_text import as_text, fits

    stream = sys.stderr if json_ else sys.stdout
    drawn = plot == "-" or (plot is None and not json_ and stream.isatty())
    console = Console(file=stream, highlight=False)
    width = console.width - 1 if stream.isatty() else _PLOT_WIDTH
    for place, story in enumerate(stories):
        if not json_:
            print(story + "\n")
        if drawn and place in charts:
            colours = console.is_terminal and console.color_system is not None
            chart = as_text(charts[place], width, colours=colours, signs=fits(stream.encoding))
            console.print(chart, soft_wrap=True)
            print(file=stream)


def names_of(text: str | None) -> dict[str, str] | None:
    """ "d_loss=a,g_loss=b" -> {"d_loss": "a", "g_loss": "b"}. Raises SparringError."""
    if not text:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name and equals and column for name, equals, column in pairs):
        raise SparringError(f"The names are {text!r}.", "d_loss=COLUMN,g_loss=COLUMN")
    return {name.strip(): column.strip() for name, _, column in pairs}


def explain(rule: str, /, *, json_: Annotated[bool, Parameter(name="--json", negative="")] = False) -> None:
    """Say what a rule measures, why that hurts, when it is wrong, what to do, and show a program with the fault.

    Args:
        rule: Its code or its name, such as SP204 or sigmoid-with-bce.
        json_: Print it as JSON.
    """
    from .doctor.explaining import explain as do

    text = do(rule)
    answer(json_, {"page": text}, text.rstrip())


def rules(*, json_: Annotated[bool, Parameter(name="--json", negative="")] = False) -> None:
    """List what the doctor knows: every rule with its code, how grave it is, and what it is about.

    Args:
        json_: Print them as JSON, with what each needs and its numbers.
    """
    from .doctor.catalogue import rules as known
    from .doctor.explaining import listed

    found = [
        {
            "code": rule.code, "name": rule.name, "severity": rule.severity, "confidence": rule.confidence,
            "title": rule.title, "needs": list(rule.needs),
            "thresholds": {name: repr(value) for name, value in rule.thresholds.items()},
        }
        for rule in known().values()
    ]  # fmt: skip
    answer(json_, {"rules": found}, listed())
