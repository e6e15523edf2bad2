"""`watch()`: runs on a local page, until somebody ends it."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from ..errors import SparringError

PORT = 8765


def check_installed(what: str) -> None:
    """Raises SparringError where something that serves pages is not installed: it is an extra."""
    for name in ("starlette", "uvicorn"):
        if find_spec(name) is None:
            raise SparringError(
                f"{what} needs {name}, which is not installed.",
                "starlette and uvicorn",
                "pip install 'sparring[watch]'",
            )


def watch(
    path: str | Path = "runs",
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    open_: bool = False,
    trust: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Shows a run, or every run of a folder, on a local page, live, until Ctrl-C.

    Everything is read from files, so a run of another process, or one that is over, is shown as well.

    Args:
        path: the folder of a run, or one that holds runs.
        host: the address to serve at. Any other than this machine's own needs a token, which is made and told.
        port: None: 8765, or any that is free where that one is taken; 0: any that is free.
        open_: whether to open a browser.
        trust: for runs with your own networks: whether the files that they were trained with may be imported to play.
        say: is told the address.

    Raises:
        SparringError: there is no such folder, or nothing can be served there.
    """
    check_installed("The page of a run")
    from .serving import Serving

    try:
        serving = Serving(Path(path), host, PORT if port is None else port, trust)
    except SparringError:
        if port is not None or not Path(path).is_dir():
            raise
        serving = Serving(Path(path), host, 0, trust)
    say(f"Open {serving.address} (Ctrl-C ends it).")
    if open_:
        webbrowser.open(serving.address)
    try:
        serving.run()
    except KeyboardInterrupt:
        return
