"""The addresses of the server, and its life."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from ..asked import action_of, ask
from ..errors import SparringError
from ..folder import RunFolder
from .following import Followed
from .guarding import Guard, TooMuchError
from .listing import Listing
from .places import Runs, only_files, read_bytes
from .playing import Playing, wish_of
from .showing import STATIC, address, contact_sheet_png, list_page, run_page, static
from .streaming import MOST_PAGES, Stream

_OPEN_RUNS = 8  # whose logs are held at a time


class Pages:
    """The addresses of the server.

    Args:
        runs: what is shown.
        trust: whether a run's own networks may be imported from the files that it was trained with.
    """

    def __init__(self, runs: Runs, trust: bool = False) -> None:
        self.runs, self.listing, self.playing = runs, Listing(runs), Playing(trust)
        self.key = ""  # of the guard
        self._streams: OrderedDict[str, Stream] = OrderedDict()
        self._lock = threading.Lock()
        refused: Any = {SparringError: _refused, TooMuchError: _too_much, HTTPException: _no, ClientDisconnect: _gone}
        self.app = Starlette(
            routes=[
                Route("/", self.list, methods=["GET"]),
                Route("/static/{name}", self.static, methods=["GET"]),
                Route("/run/{name}", self.run, methods=["GET"]),
                Route("/run/{name}/stream", self.stream, methods=["GET"]),
                Route("/run/{name}/sheet/{step}", self.sheet, methods=["GET"]),
                Route("/run/{name}/reals", self.reals, methods=["GET"]),
                Route("/run/{name}/ask", self.ask, methods=["POST"]),
                Route("/run/{name}/play/{what}", self.play, methods=["POST"]),
            ],
            exception_handlers=refused,
            lifespan=self._life,
        )
        self.app.router.redirect_slashes = False

    @contextlib.asynccontextmanager
    async def _life(self, _: Starlette) -> AsyncIterator[None]:
        yield
        self.playing.close()

    def stop(self) -> None:
        """Ends every stream, so that the server can end."""
        for stream in self._streams.values():
            stream.stop()

    def list(self, request: Request) -> Response:
        """The list of runs; where there is one alone, that one."""
        if self.runs.only is not None:
            return RedirectResponse(address(self.runs.only), 303)
        rows = self.listing.rows()
        return HTMLResponse(list_page(rows, self.runs.root.name, self.listing.hidden))

    def static(self, request: Request) -> Response:
        """Style and scripts."""
        name = request.path_params["name"]
        if name not in STATIC:
            raise HTTPException(404)
        content, tag = static(name)
        headers = {"cache-control": "no-cache", "etag": tag}  # asked for again each time, and sent where it has changed
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=STATIC[name], headers=headers)

    def run(self, request: Request) -> Response:
        """The page of a run; a page that is open asks for it again, and takes from it what has changed."""
        followed = self._stream(request).followed
        followed.catch_up()
        page = run_page(followed, self.key, self.runs.only is not None)
        if followed.coarse:
            threading.Thread(target=_refined, args=(followed,), daemon=True).start()
        return HTMLResponse(page)

    async def stream(self, request: Request) -> Response:
        """What is new of a run, as server-sent events."""
        stream = await asyncio.to_thread(self._stream, request)
        if sum(each.pages for each in self._streams.values()) >= MOST_PAGES:
            raise HTTPException(503)
        begin = request.headers.get("last-event-id") or request.query_params.get("from", "")
        offset = int(begin[:15]) if begin.isascii() and begin.isdecimal() else 0
        # Without buffering by a proxy on the way.
        return StreamingResponse(
            stream.messages(offset), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
        )

    def sheet(self, request: Request) -> Response:
        """One sheet of samples."""
        folder, step = self._folder(request), request.path_params["step"]
        if not (step.isascii() and step.isdecimal() and len(step) <= 12):
            raise HTTPException(404)
        return _png(read_bytes(folder.samples / f"step-{int(step):08d}.png"), {"cache-control": "private, max-age=600"})

    def reals(self, request: Request) -> Response:
        """Some training pictures."""
        found = contact_sheet_png(self._folder(request).settings() or {})
        return _png(None if found is None else found[0], {"cache-control": "private, max-age=600"})

    async def ask(self, request: Request) -> Response:
        """Asks something of a run that is training."""
        told = await _body(request)
        stream = await asyncio.to_thread(self._stream, request)
        if not stream.followed.is_running():
            raise SparringError("Nobody trains this run now.", "a run in training", "start it again: it goes on.")
        action = action_of(told)
        ask(stream.followed.folder.asked, action)
        return JSONResponse({"ok": True})

    async def play(self, request: Request) -> Response:
        """New pictures of a run's generator."""
        told = await _body(request)
        folder = await asyncio.to_thread(self._folder, request)
        if not (only_files(folder.checkpoints) and only_files(folder.best)):
            raise SparringError("A checkpoint of this run is a link.", "files", "links are not followed.")
        wish, what = wish_of(told), request.path_params["what"]
        if what not in ("about", "picture", "nearest"):
            raise HTTPException(404)
        found = await self.playing.ask(folder, what, wish)
        return _png(found) if isinstance(found, bytes) else JSONResponse(found)

    def _folder(self, request: Request) -> RunFolder:
        """The folder of the run that an address names."""
        try:
            return self.runs.folder(request.path_params["name"])
        except SparringError as error:
            raise HTTPException(404, error.what) from None

    def _stream(self, request: Request) -> Stream:
        """The run that an address names, followed."""
        folder = self._folder(request)
        with self._lock:
            name = folder.path.name
            if name not in self._streams:
                self._streams[name] = Stream(Followed(folder))
                # The one that was asked for longest ago goes, where nobody looks at it.
                idle = [each for each, stream in self._streams.items() if not stream.pages and each != name]
                for each in idle[: max(0, len(self._streams) - _OPEN_RUNS)]:
                    del self._streams[each]
            self._streams.move_to_end(name)
            return self._streams[name]


def _refined(followed: Followed) -> None:
    with contextlib.suppress(SparringError, OSError):
        followed.refine()


async def _body(request: Request) -> dict[str, Any]:
    """What was sent, which is to be an object."""
    try:
        told = json.loads(await request.body(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise HTTPException(400, "what is sent must be a JSON object")
    return told


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


def _png(content: bytes | None, headers: dict[str, str] | None = None) -> Response:
    if content is None:
        raise HTTPException(404)
    return Response(content, media_type="image/png", headers=headers)


def _refused(_: Request, error: SparringError) -> Response:
    return JSONResponse({"ok": False, "what": error.what, "expected": error.expected, "fix": error.fix}, 400)


def _too_much(_: Request, error: Exception) -> Response:
    return JSONResponse({"ok": False, "what": "Too much was sent."}, 413)


def _gone(_: Request, error: Exception) -> Response:
    return Response(status_code=400)


def _no(_: Request, error: HTTPException) -> Response:
    return JSONResponse({"ok": False, "what": error.detail}, error.status_code, error.headers)


class Serving:
    """The server.

    Args:
        path: a run, or a folder of runs.
        host: the address that it is bound to.
        port: 0 for any that is free.
        trust: see `Pages`.

    Attributes:
        address: what to open; with the token, where one is needed.
    """

    def __init__(self, path: Path, host: str = "127.0.0.1", port: int = 0, trust: bool = False) -> None:
        self._pages = Pages(Runs(path), trust)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host.strip("[]"), port))
            self._socket.listen(128)  # from now on who comes early waits
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise SparringError(
                f"Nothing can be served at {host}:{port}: {getattr(error, 'strerror', None) or error}.",
                "an address of this machine, and a port that is free",
                "--port 0 takes any that is free.",
            ) from None
        port = self._socket.getsockname()[1]
        self.guard = Guard(self._pages.app, host, port)
        self._pages.key = self.guard.key
        shown = f"[{host}]" if ":" in host else socket.gethostname() if host == "0.0.0.0" else host
        self.address = f"http://{shown}:{port}/" + (f"?token={self.guard.token}" if self.guard.token else "")
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.guard, log_level="critical", access_log=False, lifespan="on", ws="none", server_header=False,
                timeout_graceful_shutdown=1, limit_concurrency=256, h11_max_incomplete_event_size=1 << 15,
            )
        )  # fmt: skip

    def run(self) -> None:
        """Serves until Ctrl-C, SIGTERM or `stop`."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Asks it to end; from any thread."""
        self._pages.stop()
        self._server.should_exit = True


def _beside() -> None:
    """Shows one run until standard input ends: `train --watch` runs this beside itself, and holds the other end."""
    serving = Serving(Path(sys.argv[1]), port=0)
    print(serving.address, flush=True)

    def wait() -> None:
        sys.stdin.buffer.read()
        serving.stop()

    threading.Thread(target=wait, daemon=True).start()
    serving.run()


if __name__ == "__main__":
    _beside()
