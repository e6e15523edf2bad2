"""Finds `name: number` and `name = number` in a text, and where in the training it stands; linear in its length."""

from __future__ import annotations

import re

from .layouts import BLOCKS, NUMBER, Cell

_VALUE = re.compile(  # tensor(0.69), [0.69], '0.69' are numbers, too
    rf"[:=]\s*+(?:(?:tensor|array|np\.float[0-9]++)?+[(\[]{{1,2}}+|'|\")?+\s*+"
    rf"({NUMBER})(%?+)(?:\s*+/\s*+({NUMBER}))?+"
)
_BARE = re.compile(
    rf"(?<![\w.])((?i:loss [dg]|[dg] loss)|[A-Za-z_]*+(?<=[Ll]oss|LOSS|ss_[dgDG]|err[DG]))\s++({NUMBER})"
)
_CUTS = re.compile(
    rf"[,;|\[\]{{}}<>\t\n\"'{BLOCKS}%]|\s-++\s|\s\s|"
    r"[:=]\s*+(?i:no|none|n/a|na|null|true|false)\s|:\s|"
    r"(?<![\w.])[-+]?[0-9][0-9.:,/eE+-]*+\s"
)
_WHERE = re.compile(
    r"(?<![\w])(?P<what>(?i:global[ _]?step|training[ _]step|epochs?|ep|steps?|iterations?|iters?|itr|it|batch(?:es)?|"
    r"kimg|tick|n_iter|_step))(?:['\"]?+\s*+[:=#]\s*+|\s++|(?=[\[(]))[\[(]?+\s*+(?P<at>[0-9][0-9,]*+(?:\.[0-9]++)?+)"
    r"(?:\s*+(?:/|of)\s*+(?P<of>[0-9]++))?"
)
_BAR = re.compile(r"(?<![0-9/.\[])(?P<at>[0-9]++)/(?P<of>[0-9]++)\s*+\[[0-9]+:[0-9]")
POSITIONS = {
    "epoch": "@epoch", "epochs": "@epoch", "ep": "@epoch", "batch": "@batch", "batches": "@batch", "kimg": "@kimg",
    "step": "@step", "steps": "@step", "iteration": "@step", "iterations": "@step", "iter": "@step", "iters": "@step",
    "itr": "@step", "it": "@step", "global step": "@step", "globalstep": "@step", "global_step": "@step",
    "training step": "@step", "training_step": "@step", "n_iter": "@step", "_step": "@step", "tick": "@tick",
    "trainer/global_step": "@step", "current_iteration": "@step", "cur_nimg": "@images", "total_steps": "@step",
}  # fmt: skip
_LENGTHS = {"@epoch": "@epochs", "@batch": "@batches", "@step": "@steps"}
_UNITS = re.compile(r"(?:ms|us|s|sec|it|h|min|MB|GB|KB|MiB|GiB|G|M|k)(?:/|\b)|s/it|it/s")
IGNORED = {
    "time", "eta", "elapsed", "data", "sec", "seconds", "s/b", "date", "cpumem", "gpumem",
    "reserved", "maintenance",
    "sec/tick", "sec/kimg", "_runtime", "_timestamp", "runtime", "timestamp", "wall time", "relative time (process)",
    "wall_time", "_stamp", "speed", "progress", "cuda", "device", "line", "images_per_second", "total_time", "num_gpus",
    "relative time (wall)", "seed", "gpu", "rank", "pid", "port", "remaining", "total time",
}  # fmt: skip


def scan(text: str, taken: int = 0) -> list[Cell]:
    """All numbers with names in a text, in the order of their places.

    Args:
        text: a record.
        taken: where to begin; what stands before was read.
    """
    cells: list[Cell] = []
    last = taken
    for found in _VALUE.finditer(text, taken):
        start, end = found.span(1)
        name = _name(text[last : found.start()].rstrip(" '\""))
        second = found.span(3) if found[3] is not None else None
        last = end if second is None or not name.startswith("D(") else second[1]
        if not name or _is_time(text, found, end):
            continue
        role = POSITIONS.get(name.lower(), name)
        if role == name and (name.lower() in IGNORED or (name.lower() in ("d", "g") and not _bare_letter(text, end))):
            continue
        cells.append(Cell(role, start, end))
        if second is not None and name.startswith("D("):
            cells.append(Cell(f"{name} after", *second))
    if not cells:
        cells = [Cell(found[1], *found.span(2)) for found in _BARE.finditer(text, taken)]
    return once(cells)


def _bare_letter(text: str, end: int) -> bool:
    """Whether a `D: 1.2` is a loss; not the drive of a Windows path, nor a duration."""
    return text[end : end + 1] not in ("\\", ":")


def _is_time(text: str, found: re.Match[str], end: int) -> bool:
    """Whether what follows a number makes it part of a time, a date or an address."""
    after = text[end : end + 2]
    if after[:1] in (":", "-") and after[1:2].isdigit():
        return True
    return after[:1].isalpha() and _UNITS.match(text, end) is not None


def _name(text: str) -> str:
    """The name that a text ends with: what follows the last thing that can be no part of one."""
    tail = text[-80:]
    at = 0
    for cut in _CUTS.finditer(tail):
        at = cut.end()
    name = tail[at:].strip(" .-_*>~#&\t")
    while name.startswith("(") or name.count(")") > name.count("("):
        name = name[1:] if name.startswith("(") else name[name.index(")") + 1 :]
        name = name.strip()
    kept = " ".join(name.split()[-4:])
    return kept if kept[:1].isalpha() or kept[:1] == "_" else ""


def where(text: str, end: int | None = None) -> list[Cell]:
    """Where in the training a record stands, by the words of any log: epoch, batch, step; or a progress bar's count."""
    cells: list[Cell] = []
    for found in _WHERE.finditer(text, 0, len(text) if end is None else end):
        role = POSITIONS[found["what"].lower()]
        after = text[found.end("at") : found.end("at") + 2]
        if (after[:1] == ":" and after[1:].isdigit()) or "," in found["at"].rstrip(","):
            continue
        stop = found.start("at") + len(found["at"].rstrip(","))
        cells.append(Cell(role, found.start("at"), stop))
        if found["of"] is not None and role in _LENGTHS:
            cells.append(Cell(_LENGTHS[role], *found.span("of")))
    if not any(cell.role in ("@step", "@batch", "@kimg") for cell in cells):
        bar = _BAR.search(text)
        if bar is not None:
            role = "@batch" if any(cell.role == "@epoch" for cell in cells) else "@step"
            cells += [Cell(role, *bar.span("at")), Cell(_LENGTHS[role], *bar.span("of"))]
    return once(cells)


def once(cells: list[Cell]) -> list[Cell]:
    """Cells by their places, none on another, no position twice; a name that comes again has its number behind it."""
    kept: list[Cell] = []
    roles: dict[str, int] = {}
    last = -1
    for cell in sorted(cells, key=lambda cell: (cell.start, not cell.role.startswith("@"))):
        if cell.start < last:
            continue
        times = roles[cell.role] = roles.get(cell.role, 0) + 1
        if times > 1 and (cell.role.startswith("@") or times > 9):
            continue
        kept.append(cell if times == 1 else cell._replace(role=f"{cell.role} {times}"))
        last = cell.end
    return kept


def value(text: str) -> float:
    """The number of a text that is known to be one; thousands may have commas."""
    return float(text.replace(",", "")) if "," in text else float(text)
