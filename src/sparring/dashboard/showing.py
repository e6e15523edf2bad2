"""A run's page while it goes on: the report's, with addresses instead of pictures, and with what can be asked for."""

from __future__ import annotations

import hashlib
import io
import json
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote

from PIL import Image

from .. import __version__
from ..reporting.chapters import Reals, Sheets, of_run
from ..reporting.naming import names_only
from ..reporting.page import as_script, drawn, plotly_script, templates, text_of
from ..reporting.reading import Recorded
from ..reporting.reals import contact_sheet
from ..reporting.sheets import Sheet, chosen
from ..reporting.wording import verdict
from .following import Followed

MOST_SHEETS = 240  # on a slider; the browser fetches only those that are looked at
_WORDS = {"stop": "stop and save", "sample": "sample now", "checkpoint": "checkpoint now"}
STATIC = {"page.css": "text/css", "live.css": "text/css", "page.js": "text/javascript", "live.js": "text/javascript",
          "play.js": "text/javascript", "list.js": "text/javascript", "plotly.js": "text/javascript"}  # fmt: skip


@cache
def static(name: str) -> tuple[bytes, str]:
    """A file of style or script, by its name in `STATIC`, and a tag that tells it from every other."""
    package = "sparring.reporting" if name.startswith("page.") else __package__
    content = (plotly_script() if name == "plotly.js" else text_of(name, package)).encode()
    return content, f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def address(name: str) -> str:
    """Where the page of a run is."""
    return f"/run/{quote(name, safe='')}"


def run_page(followed: Followed, key: str, alone: bool) -> str:
    """The page of one run.

    Args:
        followed: the run.
        key: of this server, for what the page asks for.
        alone: whether it is the only one that is shown.
    """
    run, version, offset = followed.page_state()
    name = followed.folder.path.name
    found, figures = of_run(run, _samples, _reals)
    running = followed.is_running()
    page = names_only(found | {"verdict": verdict(run, running)})
    # After paths have been cut down to names: these are addresses of this server.
    for sheet in page["sheets"]:
        sheet["uri"] = f"{address(name)}/sheet/{sheet['step']}"
    if page["data"]["sheet"] is not None:
        page["data"]["sheet"]["uri"] = f"{address(name)}/reals"
    live = {
        "name": name, "at": address(name), "version": version, "offset": offset, "running": running,
        "coarse": followed.coarse, "until": run.until_step, "step": run.step,
    }  # fmt: skip
    return (
        _templates()
        .get_template("run.html")
        .render(
            page,
            version=__version__,
            key=key,
            alone=alone,
            plots=as_script(drawn(figures)),
            live=as_script(live),
            running=running,
            coarse=followed.coarse,
            rates={name: f"{rate:.6g}" for name, rate in followed.rates(run.settings).items()},
            applied=[_told(each) for each in run.applied if each.action != "keep"][-20:],
            until=run.until_step,
            step=run.step,
        )
    )


def list_page(cards: list[dict[str, Any]], where: str, hidden: int) -> str:
    """The list of runs, and how many more there are that cannot be shown."""
    return _templates().get_template("list.html").render(cards=cards, where=where, hidden=hidden, version=__version__)


def contact_sheet_png(settings: dict[str, Any]) -> tuple[bytes, tuple[str, ...]] | None:
    """Some training pictures, where they lie decoded in the cache, and what their data set says of itself."""
    data = settings.get("data")
    if not isinstance(data, dict):
        return None
    return _contact_sheet(json.dumps({name: data.get(name) for name in ("kind", "fingerprint", "size_px", "channels")}))


@lru_cache(32)
def _contact_sheet(data: str) -> tuple[bytes, tuple[str, ...]] | None:
    found = contact_sheet(json.loads(data))
    if found is None:
        return None
    out = io.BytesIO()
    found[0].save(out, "PNG")
    return out.getvalue(), tuple(found[1])


@cache
def _templates() -> Any:
    return templates(__package__, "sparring.reporting")


def _told(applied: Any) -> str:
    """'step 120: stop and save'."""
    what = _WORDS.get(applied.action, applied.action)
    if applied.action == "set":
        what = ", ".join(f"{name} set to {value}" for name, value in applied.changes.items())
    return f"step {applied.step:,}: {what}" + (f" ({applied.why})" if applied.why else "")


def _samples(run: Recorded) -> Sheets:
    steps = [step for step, _ in run.sheets]
    wanted = set(chosen(steps, None if run.best is None else run.best.step, MOST_SHEETS))
    sheets = [(step, file) for step, file in run.sheets if step in wanted]
    size, alpha = (0, 0), False
    for _, file in reversed(sheets[-2:]):  # all of a run have one size; the newest may not be whole
        try:
            with Image.open(file) as image:
                size, alpha = image.size, image.mode == "RGBA"
            break
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
    return [Sheet(step, "", *size, alpha) for step, _ in sheets], []


def _reals(run: Recorded) -> Reals:
    png = contact_sheet_png(run.settings)
    if png is None:
        return None, []
    content, notes = png
    with Image.open(io.BytesIO(content)) as image:
        return Sheet(0, "", *image.size, image.mode == "RGBA"), list(notes)
