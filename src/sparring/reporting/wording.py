"""What a page says of a run in words: how it went, its numbers with their sources, the commands that made it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from typing import Any

from ..errors import SparringError
from ..events import Event
from ..findings import SEVERITIES, Finding
from ..methods import PRESETS, RECIPES, Recipe
from ..terminal import duration
from .reading import Recorded, Seen

_ON_COMMAND_LINE = ("folder", "zip", "npy", "emoji", "fashion-mnist")  # kinds of data that a command can name
_CHANNELS = {1: "gray", 3: "RGB", 4: "RGB with alpha"}


def verdict(run: Recorded, running: bool = False) -> str:
    """How a run went, or goes, in one sentence."""
    told = f"{f'It is at step {run.step:,}' if running else _ending(run)}; {_quality(run, running)}"
    counts = counted(seen.finding for seen in run.findings)
    return f"{told}; the doctor told of {counts}." if counts else f"{told}."


def _ending(run: Recorded) -> str:
    if not run.ended:
        return f"It is not over, or was cut off, at step {run.step:,}"
    if run.ended == "budget":
        return f"It trained all of its {run.step:,} steps"
    return f"It ended at step {run.step:,} ({run.ended})"


def _quality(run: Recorded, running: bool) -> str:
    if run.best is None:
        return "how good the pictures are was not measured, so look at the samples"
    after = sum(each.step > run.best.step for each in run.evaluations)
    value = value_of(run.best)
    if len(run.evaluations) == 1:
        return f"the pictures were measured once, at step {run.best.step:,} ({value})"
    if not after and running:
        return f"the pictures were best at the newest evaluation, at step {run.best.step:,} ({value})"
    if not after:
        return f"the pictures were best at the very end ({value}), so a longer run may make them better still"
    times = "the one evaluation" if after == 1 else f"the {after:,} evaluations"
    return f"the pictures were best at step {run.best.step:,} ({value}) and no better in {times} after it"


def value_of(event: Event, digits: int = 3) -> str:
    """'kid 0.0231, where other reals reach 0.0002'."""
    v = event.values
    floor = "" if not isinstance(v.get("floor"), int | float) else f", where other reals reach {v['floor']:.{digits}g}"
    return f"{v['metric']} {v['value']:.{digits}g}{floor}"


def counted(findings: Any) -> str:
    """'1 error and 2 warnings'; "" for none."""
    many = dict.fromkeys(SEVERITIES, 0)
    for finding in findings:
        many[finding.severity] = many.get(finding.severity, 0) + 1
    words = {"error": "error", "warning": "warning", "info": "remark"}
    parts = [f"{n} {words.get(name, name)}{'s' if n > 1 else ''}" for name, n in many.items() if n]
    return listed(parts)


def listed(parts: Sequence[str]) -> str:
    """'a, b and c'."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 2 else parts)


def paragraphs(story: str) -> list[str]:
    """The paragraphs of a text that was wrapped for a terminal: what is indented goes on."""
    found: list[str] = []
    for line in story.splitlines():
        if line.startswith("    ") and found:
            found[-1] = f"{found[-1]} {line.strip()}"
        else:
            found.append(line.strip())
    return [each for each in found if each]


def trained_on(run: Recorded) -> str:
    """'1,865 pictures of emoji at 32 px, RGB with alpha; 373 of them held out'."""
    data = run.settings.get("data") or {}
    n = data.get("n")
    parts = [f"{n:,} pictures" if isinstance(n, int) else "pictures, nobody knows how many"]
    parts.append(f"of {data.get('source', 'an unknown source')} at {data.get('size_px', '?')} px")
    channels = data.get("channels")
    told = f"{' '.join(parts)}, {_CHANNELS.get(channels, f'{channels} channels') if channels else 'channels unknown'}"
    condition = run.settings.get("condition") or {}
    if condition:
        told += f"; each told by a {condition.get('kind')}"
        told += f" from {condition['read_from']}" if condition.get("read_from") else ""
    held = run.n_held_out or (run.settings.get("held_out") or {}).get("n")
    return f"{told}; {held:,} of them were held out to judge by" if held else told


def facts(run: Recorded) -> list[tuple[str, str]]:
    """What else stands at the head of a page: (word, value)."""
    decided, networks = run.settings.get("decided") or {}, run.settings.get("networks") or {}
    recipe = run.settings.get("recipe") or {}
    family = networks.get("family", "?")
    found = [
        ("Recipe", str(recipe.get("name", "own"))),
        ("Networks", "your own" if family == "own" else f"{family}, width {recipe.get('width', '?')}"),
        ("Steps", f"{run.step:,}"),
        ("Real pictures seen", f"{run.images:,}"),
        ("Time", duration(run.seconds)),
        ("On", f"{decided.get('device', '?')}, {decided.get('precision', '?')}, {threads(decided)}"),
    ]
    return found


def threads(decided: dict[str, Any]) -> str:
    """'2 threads'."""
    n = decided.get("threads", "?")
    return f"{n} thread" if n == 1 else f"{n} threads"


@dataclasses.dataclass(frozen=True)
class Number:
    """One number of a recipe: what it is, what the recipe of that name has, and where it comes from."""

    name: str
    value: str
    usual: str
    source: str

    @property
    def changed(self) -> bool:
        """Whether it is not what the recipe of that name has."""
        return self.value != self.usual


def numbers(settings: dict[str, Any]) -> list[Number]:
    """Every number of a run's recipe; what this version does not know comes last."""
    stored = {name: value for name, value in (settings.get("recipe") or {}).items() if name != "name"}
    recipe, usual = _recipe_of(settings)
    known = recipe.to_dict()
    found = []
    for name, value in stored.items():
        if name not in known:
            found.append(Number(name, shown(value), shown(value), "of another version of sparring"))
            continue
        source = recipe.source_of(name)
        if value != getattr(usual, name):
            field = next(f for f in dataclasses.fields(usual) if f.name == name)
            source = f"set for this run; {field.metadata.get('source', '')}".rstrip("; ")
        found.append(Number(name, shown(value), shown(getattr(usual, name)), source))
    return found


def shown(value: Any) -> str:
    """A number or word of a recipe as it is typed."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _recipe_of(settings: dict[str, Any]) -> tuple[Recipe, Recipe]:
    """The recipe of a run, as far as this version knows it, and the one of its name."""
    stored = settings.get("recipe") or {}
    name = str(stored.get("name", "own"))
    usual = RECIPES.get(name, Recipe(name="own"))
    known = {field.name for field in dataclasses.fields(Recipe)} - {"name"}
    try:
        return usual.but(**{field: value for field, value in stored.items() if field in known}), usual
    except SparringError:  # a value that this version does not take
        return usual, usual


def command(run: Recorded, steps: int, *, pinned: bool) -> str:
    """The command that makes this run, by names alone; "" where its data or networks came from Python.

    Args:
        run: as it was read.
        steps: to train.
        pinned: also what a clock or the machine decided at its first start, so that a new run decides the same.
    """
    settings = run.settings
    data, networks = settings.get("data") or {}, settings.get("networks") or {}
    if data.get("kind") not in _ON_COMMAND_LINE or not data.get("source"):
        return ""
    source = str(data["source"]) + ("/" if data["kind"] == "folder" else "")
    words = ["sparring", "train", source, "--size", data.get("size_px"), "--channels", data.get("channels")]
    words += ["--fit", data["fit"]] if data.get("fit", "crop") != "crop" else []
    words += ["--background", data["background"]] if data.get("background", "white") != "white" else []
    if networks.get("family") == "own":
        files = [each.get("network") if isinstance(each, dict) else None for each in networks.get("files", [])]
        if len(files) != 2 or not all(files):
            return ""
        words += ["--generator", files[0], "--discriminator", files[1]]
    words += _method(settings, pinned)
    if settings.get("condition"):
        words += ["--condition", settings["condition"].get("kind")]
    words += ["--seed", settings["seed"]] if settings.get("seed") else []
    words += ["--from", settings["from"]] if settings.get("from") else []
    return shlex.join(map(str, [*words, *_judging(settings, pinned), "--steps", steps]))


def _method(settings: dict[str, Any], pinned: bool) -> list[Any]:
    """--recipe, --batch and --set, for what is not as the recipe of that name has it."""
    recipe, usual = _recipe_of(settings)
    now, there = recipe.to_dict(), usual.to_dict()
    if pinned:
        decided = settings.get("decided") or {}
        now |= {name: decided[name] for name in ("precision", "threads") if name in decided}
    name = usual.name if usual.name in PRESETS else "dcgan"
    words: list[Any] = ["--recipe", name]
    for field, value in now.items():
        if field not in ("name", "batch") and value != there[field]:
            words += ["--set", f"{field}={shown(value)}"]
    return words + (["--batch", now["batch"]] if now["batch"] != there["batch"] else [])


def _judging(settings: dict[str, Any], pinned: bool) -> list[Any]:
    held, asked = settings.get("held_out"), settings.get("evaluation") or {}
    decided = (settings.get("decided") or {}).get("evaluation") or {}
    every = asked.get("every_images")
    every = decided.get("every_images", every) if pinned else every
    words: list[Any] = ["--held-out", held["n"] if isinstance(held, dict) else 0]
    words += ["--evaluate-every", every] if every is not None else []
    words += ["--metric", asked["metric"]] if asked.get("metric") else []
    return words + (["--features", asked["features"]] if asked.get("features", "lite0") != "lite0" else [])


def evidence(finding: Finding) -> list[tuple[str, str]]:
    """The numbers that a finding rests on, by name."""
    numbers = finding.evidence.items()
    return [(name.replace("_", " "), f"{n:,.0f}" if "step" in name else f"{n:.4g}") for name, n in numbers]


def when(seen: Seen, unit: str) -> str:
    """'step 100 to 400'; "" for what is of no step."""
    numbers = seen.finding.evidence
    first = numbers.get("began_step", numbers.get("first_step"))
    if first is None:
        running = seen.step and not seen.finding.code.startswith(("SP1", "SP2", "SP3"))
        return f"told at {unit} {seen.step:,}" if running else ""
    last = max(first, numbers.get("last_step", first))
    return f"{unit} {first:,.0f}" + (f" to {last:,.0f}" if last > first else "")


def remedies(finding: Finding) -> list[tuple[str, list[str]]]:
    """What to do: (sentence, the same for the command line, one change each)."""
    told = []
    for remedy in finding.remedies:
        text = remedy.text.removeprefix("Or ")
        changes = [f"--set {name}={shown(value)}" for name, value in remedy.change.items()]
        told.append((text[:1].upper() + text[1:], changes))
    return told


def grouped(left_out: Sequence[tuple[str, str]], most: int = 5) -> list[tuple[int, str, str]]:
    """Files that were left out, by their reasons: (how many, why, one of them)."""
    groups: dict[str, list[str]] = {}
    for path, reason in left_out:
        kind, like, _ = reason.partition(" like ")  # "looks exactly like 3.png" is one reason, whichever it is like
        groups.setdefault(f"{kind} like another" if like else kind, []).append(path)
    ranked = sorted(groups.items(), key=lambda each: -len(each[1]))
    return [(len(paths), reason, paths[0]) for reason, paths in ranked[:most]]


def quoted(name: str) -> str:
    """A name as a shell takes it."""
    return shlex.quote(name)
