"""Plain data -> one page of HTML: template, style and script lie beside this file, plotly's script in its package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

from .. import __version__
from .figures import Figure
from .naming import names_only


def html(page: dict[str, Any], plots: Sequence[Figure]) -> str:
    """The page.

    Every text in `page` is the user's, or may be: all of it is escaped, and paths of the machine are cut down to names.

    Args:
        page: what page.html shows, as plain data; pictures under "sheets", "data" and "runs" are data URIs.
        plots: its figures, drawn by its script.
    """
    return (
        templates(__package__)
        .get_template("page.html")
        .render(
            names_only(page),
            version=__version__,
            css=text_of("page.css"),
            script=text_of("page.js"),
            plotly=plotly_script() if plots else "",
            plots=as_script(drawn(plots)),
        )
    )


def drawn(plots: Sequence[Figure]) -> dict[str, Any]:
    """Figures as the page's script takes them."""
    return {"figures": {figure.name: names_only(figure.plot) for figure in plots}}


def as_script(data: Any) -> str:
    """JSON that may stand within <script>: nothing in it ends the element or begins a comment."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def plotly_script() -> str:
    """Plotly's JavaScript, 4.8 MB, from its Python package; the same a page with it shows on any machine."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")


@cache
def templates(*packages: str) -> jinja2.Environment:
    """The templates that lie in some packages; everything that they are given is escaped."""

    def load(name: str) -> str | None:
        found = next((package for package in packages if files(package).joinpath(name).is_file()), None)
        return None if found is None else text_of(name, found)

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(load),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def text_of(name: str, package: str = __package__) -> str:
    """A file that lies in a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")
