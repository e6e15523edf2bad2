"""Runs on a local page: live in a real browser beside a real training, safe from strangers, and true to the files."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sparring
from conftest import NARROW
from sparring.asked import KINDS, RATES, Asked, action_of, ask
from sparring.dashboard import following, streaming
from sparring.dashboard.directions import main_directions
from sparring.dashboard.following import Followed
from sparring.dashboard.generating import between
from sparring.dashboard.guarding import LARGEST_BODY, is_loopback
from sparring.dashboard.nearness import Nearness
from sparring.dashboard.serving import Serving
from sparring.dashboard.skimming import skimmed
from sparring.errors import SparringError
from sparring.events import Event, read
from sparring.findings import Action
from sparring.folder import RunFolder
from sparring.reporting.reading import RunLog, read_run
from test_reporting import CHROMIUM, FLAGS, TINY, WON, browser, trained

__all__ = ["browser"]  # a fixture
assert CHROMIUM
assert FLAGS


def test_what_serves_pages_loads_no_torch(folder: Path) -> None:
    """Seconds and 200 MB that only playing needs: a page and a list are made without."""
    code = """
import sys
from pathlib import Path
import sparring.dashboard.serving as serving
from sparring.dashboard.following import Followed
from sparring.dashboard.listing import Listing
from sparring.dashboard.showing import contact_sheet_png, run_page
from sparring.folder import RunFolder
path = Path(sys.argv[1])
serving.Serving(path)
assert "discs" in run_page(Followed(RunFolder(path)), "key", False)
contact_sheet_png(RunFolder(path).settings())
assert Listing(serving.Runs(path.parent)).rows()
print("torch" in sys.modules)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, str(folder / "discs")], capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == ["False"], ran.stderr


class Server:
    """A server in a thread, and whatever is asked of it byte by byte."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.serving = Serving(path, port=0, **options)
        self.port = int(re.search(r":(\d+)/", self.serving.address)[1])  # type: ignore[index]
        self._thread = threading.Thread(target=self.serving.run, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        until(lambda: self.serving._server.started)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._thread.ident:
            return
        self.serving.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        """One request; a header that is None is left out, "_" in a name stands for "-"."""
        sent = {"host": f"127.0.0.1:{self.port}"} | {name.replace("_", "-"): each for name, each in headers.items()}
        if method == "POST" and "x-sparring" not in sent:
            sent["x-sparring"] = self.serving.guard.key
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None and "content-length" not in sent:
                connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def post(self, path: str, told: Any, **headers: str | None) -> tuple[int, dict[str, Any] | bytes]:
        """Something is asked for; returns the status and the answer, read where it is JSON."""
        status, head, content = self.ask(path, "POST", json.dumps(told).encode(), **headers)
        return status, json.loads(content) if head.get("content-type") == "application/json" else content


def until(holds: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Waits until something holds, and gives it."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return found


def tick(step: int, **values: float | None) -> bytes:
    return (Event("tick", step, 8 * step, dict(values)).to_json() + "\n").encode()


def append(run: Path, content: bytes) -> None:
    with open(run / "events.jsonl", "ab") as log:
        log.write(content)


@pytest.fixture(scope="module")
def folder(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run that is over, and things beside it that are no runs."""
    root = tmp_path_factory.mktemp("watched")
    trained(discs, root / "runs" / "discs", steps=24, checkpoint_every=12)
    (root / "runs" / "empty").mkdir()
    (root / "runs" / "file.txt").write_text("secret")
    (root / "secret.txt").write_text("secret")
    shutil.copytree(root / "runs" / "discs", root / "outside")
    (root / "runs" / "link").symlink_to(root / "outside")
    return root / "runs"


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with Server(folder) as started:
        yield started


# --- in a browser, beside a training


class Live:
    """A training in a process of its own, and its page in a browser."""

    def __init__(self, discs: Path, root: Path, browser: Any) -> None:
        self.run = root / "runs" / "live"
        self.run.parent.mkdir()
        words = ["train", discs, *NARROW, "--out", self.run, "--steps", "1000000", "--sample-every", "100"]
        words += ["--checkpoint-every", "100", "--held-out", "0", "--watch"]
        self.said = root / "said.txt"
        with open(self.said, "w") as said:
            self.training = subprocess.Popen(
                ["nice", "-n", "3", sys.executable, "-m", "sparring", *map(str, words)],
                stderr=said,
                stdout=subprocess.DEVNULL,
            )
        self.server = Server(self.run.parent)
        self.page = browser.new_page(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
        self.complaints: list[str] = []
        self.asked: list[str] = []

    def open(self) -> None:
        where = until(lambda: re.search(r"Watch it at http://127\.0\.0\.1:(\d+)/", self.said.read_text()), 120)
        self.beside = int(where[1])
        connection = http.client.HTTPConnection("127.0.0.1", self.beside, timeout=60)
        connection.request("GET", "/run/live")
        assert connection.getresponse().status == 200
        connection.close()
        until(lambda: (self.run / "checkpoints" / "step-00000100.pt").exists(), 120)
        self.server.__enter__()
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"http://127.0.0.1:{self.server.port}/")

    def close(self) -> None:
        self.training.kill()
        self.training.wait()
        self.page.close()
        self.server.__exit__()

    def points(self) -> int:
        """How many points the first curve has on the page."""
        return int(self.page.evaluate("page.figures().loss.data[0].x.at(-1)"))

    def applied(self) -> list[Any]:
        return [event for event in read(self.run / "events.jsonl") if event.kind == "applied"]


@pytest.fixture(scope="module")
def live(discs: Path, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    started = Live(discs, tmp_path_factory.mktemp("live"), browser)
    try:
        started.open()
        yield started
    finally:
        started.close()


def test_a_running_training_is_watched(live: Live) -> None:
    page = live.page
    card = page.locator(".card")
    assert "live" in card.inner_text()
    assert card.locator(".lamp.on").count() == 1
    card.click()
    page.wait_for_selector("#plot-loss[data-drawn=done]")
    assert page.locator("#state").inner_text() == "In training"
    before = live.points()
    until(lambda: live.points() > before + 20)
    # On the screen too, not only in the data, where somebody sees it.
    page.locator("#plot-loss").scroll_into_view_if_needed()
    before = live.points()
    until(lambda: page.evaluate("document.getElementById('plot-loss')._fullLayout.xaxis.range[1]") > before)
    assert "images/s" in page.locator("#live").inner_text()
    assert {len(set(ranges)) for ranges in [page.evaluate(
        "Object.values(page.figures()).map((each) => Math.round(each.layout.xaxis.range[1]))")]} == {1}  # fmt: skip


def test_sheets_come_and_the_slider_moves_them(live: Live) -> None:
    page = live.page
    n = page.locator("#sheets img").count()
    until(lambda: page.locator("#sheets img").count() > n)
    page.locator(".jump", has_text="first").click()
    shown = page.locator("#sheets img:visible")
    assert shown.get_attribute("data-step") == "0"
    until(lambda: shown.evaluate("image => image.complete && image.naturalWidth > 50"))
    page.locator("#step").focus()
    page.keyboard.press("ArrowRight")
    assert shown.get_attribute("data-step") == "100"
    n = page.locator("#sheets img").count()
    until(lambda: page.locator("#sheets img").count() > n)  # a new sheet does not move who looks at an old one
    assert shown.get_attribute("data-step") == "100"


def test_a_finding_appears_where_its_evidence_is(live: Live) -> None:
    page = live.page
    page.evaluate("document.getElementById('plot-loss').own = true")
    told = {"event": "finding", "step": 120, "images": 960, "time": time.time()} | WON.to_dict()
    append(live.run, (json.dumps(told) + "\n").encode())
    beside = page.locator("#row-loss .finding")
    beside.wait_for()
    assert "SP401" in beside.inner_text()
    layout = "document.getElementById('plot-loss')._fullLayout"
    shapes = page.evaluate(f"{layout}.shapes.map((each) => [each.name, each.x0])")
    assert ["SP401", 12] in shapes
    assert page.evaluate("document.getElementById('plot-loss').own")  # the drawing is the same, not a new one


def test_the_generator_plays(live: Live) -> None:
    page = live.page
    page.locator("#play-begin").click()
    picture = page.locator("#play-picture[data-count]")
    picture.wait_for()
    assert page.locator("#play-nearest figure").first.inner_text() != ""
    assert picture.evaluate("image => image.naturalWidth") == 28

    def pixels() -> str:
        drawn = """(image) => {
          const canvas = new OffscreenCanvas(28, 28).getContext("2d");
          canvas.drawImage(image, 0, 0);
          return canvas.getImageData(0, 0, 28, 28).data.join();
        }"""
        return str(picture.evaluate(drawn))

    first, sliders = pixels(), page.locator("#play-sliders input")
    assert sliders.count() == 6
    for slider, value in ((sliders.first, "4"), (page.locator("#play-mix"), "0.5"), (page.locator("#play-seed"), "9")):
        before, n = pixels(), int(picture.get_attribute("data-count"))
        slider.fill(value)
        until(lambda n=n: int(picture.get_attribute("data-count")) > n)
        assert pixels() != before
    page.locator("#play-reset").click()
    page.locator("#play-seed").fill("0")
    until(lambda: pixels() == first)  # a newer checkpoint is not taken unasked
    assert page.locator("#play-download").get_attribute("download") == "live-seed-0.png"


def test_what_is_asked_for_lands_in_the_runs_events(live: Live) -> None:
    page = live.page
    page.locator("[data-ask=checkpoint]").click()
    applied = until(live.applied)
    assert (applied[0].values["action"], applied[0].values["changes"]) == ("checkpoint", {})
    page.locator("#d_lr").fill("0.00015")
    page.locator("[data-rate=d_lr]").click()
    until(lambda: len(live.applied()) == 2)
    assert live.applied()[1].values["changes"] == {"d_lr": 0.00015}
    until(lambda: "d_lr set to 0.00015" in page.locator("#now").inner_text())
    page.locator("[data-ask=stop]").click()
    assert live.training.wait(30) == 0
    assert live.applied()[-1].values["action"] == "stop"
    ended = read(live.run / "events.jsonl")[-1]
    assert (ended.kind, ended.values["reason"]) == ("ended", "asked for on the page of sparring watch")
    until(lambda: page.locator("#state").inner_text() == "Not in training")
    assert page.locator(".ask, .set").count() == 0
    assert live.server.post("/run/live/ask", {"action": "stop"})[0] == 400


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_it_fits_every_screen(live: Live, width: int, scheme: str) -> None:
    page = live.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    until(lambda: page.evaluate("document.documentElement.scrollWidth") <= width)
    assert (page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)") == (scheme == "dark")
    assert page.locator("img:not([alt]), .plot:not([aria-label])").count() == 0


def test_nothing_was_complained_of_and_nobody_else_was_asked(live: Live) -> None:
    assert live.complaints == []
    ours = f"http://127.0.0.1:{live.server.port}/"
    assert [url for url in live.asked if not url.startswith((ours, "data:", "blob:"))] == []
    # Who does not look asks for nothing.
    live.page.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    stream = live.server.serving._pages._streams["live"]
    append(live.run, tick(2_000_000, d_loss=1.0))
    until(lambda: stream.pages == 0)


def test_the_page_beside_the_training_ended_with_it(live: Live) -> None:
    said = live.said.read_text()
    assert "The page has ended with the training; `sparring watch" in said
    assert "Traceback" not in said
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", live.beside), 1)


# --- what is read


def test_two_hundred_runs_stand_in_the_list(folder: Path, tmp_path: Path) -> None:
    for i in range(200):
        own = tmp_path / f"run {i:03d} <b>"
        own.mkdir()
        for name in ("recipe.json", "events.jsonl"):
            (own / name).write_bytes((folder / "discs" / name).read_bytes())
    with Server(tmp_path) as server:
        page = server.ask("/")[2].decode()
        assert page.count('<a class="card"') == 200
        assert "run 007 &lt;b&gt;" in page
        assert "step 24" in page
        begin = time.monotonic()
        server.ask("/")
        assert time.monotonic() - begin < 5  # what has not changed is not read again
        assert server.ask(f"/run/{quote('run 007 <b>', safe='')}")[0] == 200


def test_one_run_alone(folder: Path) -> None:
    with Server(folder / "discs") as server:
        status, head, _ = server.ask("/")
        assert (status, head["location"]) == (303, "/run/discs")
        assert server.ask("/run/discs")[0] == 200
        assert server.ask("/run/empty")[0] == 404


def test_the_page_is_the_reports(server: Server) -> None:
    page = server.ask("/run/discs")[2].decode()
    for part in (
        "It trained all of its 24 steps",
        "40 pictures of discs",
        'data-figure="quality"',
        "<span>sparring</span> <span>train</span>",
    ):
        assert part in page
    assert "data:image" not in page.replace('href="data:,"', "")
    sheets = re.findall(r'src="(/run/discs/sheet/\d+)"', page)
    assert len(sheets) == 5
    assert server.ask(sheets[-1])[2].startswith(b"\x89PNG")
    assert server.ask("/run/discs/reals")[2].startswith(b"\x89PNG")
    assert 'class="ask"' not in page  # it is over


def test_a_log_is_followed(folder: Path, tmp_path: Path) -> None:
    """Increments, torn lines, what a resume took back, another log in its place."""
    run = tmp_path / "run"
    shutil.copytree(folder / "discs", run)
    followed = Followed(RunFolder(run))
    version, offset = followed.version, followed.offset
    append(run, tick(25, d_loss=0.5, odd=None) + b'{"event": "ti')
    followed.catch_up()
    told = followed.points_since(offset)
    assert told["points"] == {"d_loss": [[25], [0.5]], "odd": [[25], [None]]}
    assert told["version"] != version  # a signal that was not there before
    version, offset = followed.version, followed.offset
    append(run, b'ck", "step": 26, "images": 0, "time": 0, "d_loss": 0.4}\n')
    assert followed.has_more()
    followed.catch_up()
    assert followed.points_since(offset)["points"] == {"d_loss": [[26], [0.4]]}
    assert followed.version == version
    append(run, (Event("resumed", 12, 96, {}).to_json() + "\n").encode())
    followed.catch_up()
    assert followed.version != version
    assert followed.recorded().step == 12
    assert followed.log.curves["d_loss"].steps[-1] <= 12
    (run / "events.jsonl").write_bytes(tick(3, d_loss=1.0))
    followed.catch_up()
    assert (followed.recorded().step, followed.offset) == (3, (run / "events.jsonl").stat().st_size)
    assert "points" not in followed.points_since(10**9)
    (run / "recipe.json").unlink()
    with pytest.raises(SparringError, match="gone"):
        followed.recorded()


def test_a_long_log_is_skimmed_then_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    shutil.copytree(folder / "discs", run)
    log = (run / "events.jsonl").read_bytes().splitlines(keepends=True)
    many = [tick(step, d_loss=100.0 if step == 3_001 else 1 / step) for step in range(25, 6_000)]
    many[1_000:1_000] = [(Event("resumed", 900, 0, {}).to_json() + "\n").encode(), b"torn\n"]
    (run / "events.jsonl").write_bytes(b"".join([*log[:-1], *many, log[-1]]) + b'{"event": "tick", "st')
    whole = RunLog()
    end = whole.read(run / "events.jsonl")
    quick, offset = skimmed(run / "events.jsonl", 100)
    assert offset == end
    assert [(each.step, each.values) for each in quick.evaluations] == [(e.step, e.values) for e in whole.evaluations]
    for name in ("findings", "ended", "step", "images", "torn", "kept", "saved", "opening"):
        assert getattr(quick, name) == getattr(whole, name), name
    assert 90 < len(quick.curves["d_loss"].steps) < 250
    assert {"d_loss", "g_loss"} <= set(quick.curves) <= set(whole.curves)  # one that few ticks have may be missed
    monkeypatch.setattr(following, "LONG", 1_000)
    followed = Followed(RunFolder(run))
    assert followed.coarse
    version = followed.version
    assert followed.refine()
    assert not followed.refine()
    assert followed.version != version
    assert followed.recorded().history.named("d_loss").values.max() == 100.0  # type: ignore[union-attr]
    assert np.array_equal(followed.log.curves["d_loss"].steps, whole.curves["d_loss"].steps)


def test_a_stream_is_sent_once_read(server: Server, folder: Path) -> None:
    offset = (folder / "discs" / "events.jsonl").stat().st_size
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", f"/run/discs/stream?from={offset}")
    answer = connection.getresponse()
    assert answer.getheader("content-type", "").startswith("text/event-stream")
    assert answer.readline() == f"id: {offset}\n".encode()
    told = json.loads(answer.readline().removeprefix(b"data: "))
    assert (told["points"], told["step"], told["running"]) == ({}, 24, False)
    connection.close()
    until(lambda: server.serving._pages._streams["discs"].pages == 0)
    assert streaming.MOST_PAGES >= 10


# --- who may ask


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/run/../secret.txt", "/run/%2e%2e", "/run/..", "/run/%2e%2e/sheet/0", "/run/%2fetc%2fpasswd",
        "/run//etc/passwd", "/run/discs/../../secret.txt", "/run/discs/sheet/../../recipe.json", "/run/file.txt",
        "/run/discs/sheet/..%2f..%2frecipe.json", "/run/discs/sheet/%00", "/run/discs%00", "/run/empty", "/run/link",
        "/run/link/sheet/0", "/run/.", "/run/discs%2fsamples", "/static/../page.html", "/static/run.html", "/static/",
        "/static/%2e%2e%2fserving.py", "/run/discs/checkpoints", "/run/", "/runs", "/run/discs/sheet/", "/file.txt",
        "/run/discs/sheet/99999999999999999999", "/run/discs/sheet/%D9%A1", "/run/" + "a" * 5000, "/run/discs/sheet/-1",
    ],
)  # fmt: skip
def test_no_path_leads_out(server: Server, path: str) -> None:
    status, _, content = server.ask(path)
    assert status == 404
    assert b"secret" not in content
    assert b"root:" not in content


def test_no_link_is_followed(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "runs"
    for name in ("sheet", "log", "folder", "checkpoint", "asked"):
        shutil.copytree(folder / "discs", own / name)
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    (own / "sheet" / "samples" / "step-00000012.png").unlink()
    (own / "sheet" / "samples" / "step-00000012.png").symlink_to(secret)
    (own / "log" / "events.jsonl").unlink()
    (own / "log" / "events.jsonl").symlink_to(secret)
    shutil.move(own / "folder" / "samples", tmp_path / "samples")
    (own / "folder" / "samples").symlink_to(tmp_path / "samples")
    for kept in (own / "checkpoint" / "best").glob("*.pt"):
        shutil.move(kept, tmp_path / kept.name)
        kept.symlink_to(tmp_path / kept.name)
    (own / "asked" / "asked.jsonl").symlink_to(tmp_path / "written.txt")
    with Server(own) as server:
        assert server.ask("/run/sheet")[0] == 200
        assert server.ask("/run/sheet/sheet/12")[0] == 404
        assert server.ask("/run/log")[0] == 404
        assert server.ask("/run/folder/sheet/0")[0] == 404
        assert server.post("/run/checkpoint/play/picture", {})[0] == 400
        assert server.post("/run/asked/ask", {"action": "stop"})[0] == 404
        page = server.ask("/")[2].decode()
        assert page.count('class="card"') == 2
        assert "3 more are not shown" in page
    with pytest.raises(SparringError, match="Nothing can be asked"):
        ask(own / "asked" / "asked.jsonl", Action("stop"))
    assert not (tmp_path / "written.txt").exists()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "a b", "[::1", None,
                                  "192.168.1.7", "localhost.evil.example", "127.0.0.1@evil.example"])  # fmt: skip
def test_other_names_for_this_machine_are_refused(server: Server, host: str | None) -> None:
    assert server.ask("/", host=host)[0] in (400, 403)


def test_names_of_this_machine_are_not(server: Server) -> None:
    for host in ("localhost", f"localhost:{server.port}", "127.0.0.1:9", "[::1]:80", "LOCALHOST"):
        assert server.ask("/", host=host)[0] == 200, host
    assert is_loopback("127.3.2.1")
    assert not is_loopback("0.0.0.0")


def test_other_sites_are_refused(server: Server) -> None:
    own = f"http://127.0.0.1:{server.port}"
    for headers in (
        {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:1"}, {"origin": "http://[x"},
        {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"sec_fetch_site": "?"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    ):  # fmt: skip
        assert server.ask("/run/discs", **headers)[0] == 403, headers
        assert server.post("/run/discs/play/about", {}, **headers)[0] == 403, headers
    followed = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert server.ask("/", **followed)[0] == 200  # a link in a notebook
    assert server.post("/run/discs/play/about", {}, **followed)[0] == 403
    assert server.ask("/", origin=own, sec_fetch_site="same-origin")[0] == 200
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        assert server.ask("/run/discs", method)[0] in (400, 405)


def test_a_post_needs_the_servers_key_and_a_small_sound_body(server: Server) -> None:
    where = "/run/discs/play/picture"
    for key in (None, "", "x", "é"):
        assert server.ask(where, "POST", b"{}", x_sparring=key if key != "é" else "%C3%A9")[0] == 403
    for body in (b"", b"{", b"[]", b"1", b"\xff\xfe", b'{"seed": NaN}', b"[" * 20_000, b'"' + b"a" * 100):
        assert server.ask(where, "POST", body)[0] == 400, body[:20]
    assert server.ask(where, "POST", b" " * (LARGEST_BODY + 1))[0] == 413
    assert server.ask(where, "POST", b"{}", content_length="99999999999999999999999")[0] in (400, 413)
    # A body that tells of no length, and does not end.
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    connection = socket.create_connection(("127.0.0.1", server.port), 20)
    head = f"POST {where} HTTP/1.1\nhost: localhost\nx-sparring: {server.serving.guard.key}\n"
    connection.sendall(f"{head}transfer-encoding: chunked\n\n".replace("\n", "\r\n").encode() + chunk * 2)
    assert b" 413 " in connection.recv(100)
    connection.close()


def test_every_answer_forbids_what_is_not_needed(server: Server) -> None:
    for path in ("/", "/run/discs", "/nothing", "/static/page.js", "/run/discs/sheet/0"):
        head = server.ask(path)[1]
        assert "script-src 'self';" in head["content-security-policy"]
        assert "frame-ancestors 'none'" in head["content-security-policy"]
        assert (head["x-content-type-options"], head["x-frame-options"]) == ("nosniff", "DENY")
        assert "access-control-allow-origin" not in head
    assert server.ask("/static/plotly.js", if_none_match=server.ask("/static/plotly.js")[1]["etag"])[0] == 304


def test_other_machines_need_the_token(folder: Path) -> None:
    with Server(folder, host="0.0.0.0") as server:
        token = server.serving.guard.token
        assert f"?token={token}" in server.serving.address
        cookie = f"sparring-{server.port}"
        for headers in (
            {}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {token}"}, {"cookie": f"{cookie}=wrong"},
            {"cookie": "=;;,"}, {"authorization": "Bearer "}, {"cookie": f"other={token}"},
        ):  # fmt: skip
            for path in ("/", "/static/page.js", "/run/discs", "/run/discs/stream", "/nothing"):
                assert server.ask(path, **headers)[0] == 401, headers
            assert server.post("/run/discs/play/about", {}, **headers)[0] == 401
        assert server.ask("/?token=wrong")[0] == 401
        assert server.ask(f"/?token={token[:-1]}")[0] == 401
        status, head, _ = server.ask(f"/run/discs?token={token}")
        assert (status, head["location"]) == (303, "/run/discs")
        assert "HttpOnly" in head["set-cookie"]
        # An address of this server may lead to no other one.
        for path in ("//evil.example/", "/\\evil.example/", "///evil.example"):
            assert server.ask(f"{path}?token={token}")[1]["location"].startswith("/evil.example")
        assert server.ask("/run/discs", cookie=f"{cookie}={token}")[0] == 200
        assert server.ask("/run/discs", authorization=f"Bearer {token}")[0] == 200
        assert server.ask("/", authorization=f"Bearer {token}", host="evil.example")[0] == 403
    with Server(folder) as server:
        assert server.serving.guard.token == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda each: st.lists(each, max_size=7) | st.dictionaries(st.text(max_size=8), each, max_size=4),
    max_leaves=12,
)
WORDS = ("which", "seed", "to", "mix", "sliders", "condition", "action", "changes")
WISHES = st.fixed_dictionaries({}, optional=dict.fromkeys(WORDS, JSON))
ASKED = {"action": st.sampled_from(KINDS) | JSON, "changes": JSON | st.dictionaries(st.sampled_from(RATES), JSON)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.sampled_from(["ask", "play/about", "play/picture", "play/nearest", "play/x", "stream", ""]),
    told=WISHES | JSON | st.binary(max_size=60),
)
def test_nothing_that_is_sent_breaks_the_server(server: Server, where: str, told: Any) -> None:
    body = told if isinstance(told, bytes) else json.dumps(told).encode("utf-8", "replace")
    status, _, _ = server.ask(f"/run/discs/{where}", "POST", body)
    assert status in (200, 400, 403, 404, 405)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), max_size=30),
    before=st.sampled_from(["/", "/run/", "/run/discs/", "/static/", "/run/discs/sheet/", "/?", "/run/discs/reals?"]),
    header=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    name=st.sampled_from(["cookie", "authorization", "origin", "range", "if_none_match", "last_event_id", "accept"]),
)
def test_no_address_breaks_the_server(server: Server, before: str, path: str, name: str, header: str) -> None:
    where = before + quote(path, safe="/%?&=.~")
    status, _, content = server.ask(where, **{name: header.strip()})
    assert status < 500
    assert b"Traceback" not in content


# --- what is asked of a run


def test_what_is_asked_is_taken_up_once(tmp_path: Path) -> None:
    file = tmp_path / "asked.jsonl"
    ask(file, action_of({"action": "stop"}))
    observer, event = Asked(file), Event("tick", 1)
    assert observer(event) is None  # it was asked of an earlier process
    ask(file, action_of({"action": "sample"}))
    ask(file, action_of({"action": "set", "changes": {"g_lr": 1e-3}}))
    assert observer(Event("applied", 1)) is None
    assert observer(event) == Action("sample", {}, "asked for on the page of sparring watch")
    assert observer(event) == Action("set", {"g_lr": 1e-3}, "asked for on the page of sparring watch")
    assert observer(event) is None
    with open(file, "a") as lines:
        lines.write('{"action": "chec')
    assert observer(event) is None
    with open(file, "a") as lines:
        lines.write('kpoint"}\n{"action": "rm"}\n[]\n\x00\n{"action": "set", "changes": {"d_lr": -1}}\n')
        lines.write("[" * 100_000)
    assert observer(event) == Action("checkpoint", {}, "asked for on the page of sparring watch")
    for _ in range(3):
        assert observer(event) is None
    file.write_text('{"action": "stop", "why": "SIGTERM"}\n')
    assert observer(event) == Action("stop", {}, "asked for on the page of sparring watch")
    file.unlink()
    file.mkdir()
    assert observer(event) is None


@given(told=st.fixed_dictionaries({}, optional=ASKED) | JSON)
def test_only_what_a_trainer_can_take_is_asked(told: Any) -> None:
    try:
        action = action_of(told)
    except SparringError:
        return
    assert action.kind in KINDS
    assert all(0 < rate <= 10 for rate in action.changes.values())


def test_a_training_takes_up_what_is_asked(discs: Path, tmp_path: Path) -> None:
    def meddle(event: Event) -> None:
        if event.kind == "tick" and event.step == 10:
            ask(tmp_path / "run" / "asked.jsonl", action_of({"action": "set", "changes": {"d_lr": 0.5}}))
            ask(tmp_path / "run" / "asked.jsonl", action_of({"action": "stop"}))

    def train(**options: Any) -> Any:
        return sparring.train(discs, TINY, size=28, channels=1, out=tmp_path / "run", held_out=0,
                              say=lambda _: None, **options)  # fmt: skip

    run = train(steps=100, observers={"meddle": meddle})
    assert (run.step, run.ended) == (21, "asked for on the page of sparring watch") or run.step <= 31
    log = read_run(tmp_path / "run")
    assert [(each.action, each.changes) for each in log.applied] == [("set", {"d_lr": 0.5}), ("stop", {})]
    assert train(steps=run.step + 10).step == run.step + 10  # nothing of it is taken up again


# --- what plays


def test_main_directions_are_found() -> None:
    """Of a generator that is linear: those of its matrix."""
    own = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(12, 12, generator=own)).Q
    outward = torch.linalg.qr(torch.randn(64, 12, generator=own)).Q
    matrix = outward @ torch.diag(torch.tensor([8.0, 4.0, 2.0] + [0.1] * 9)) @ basis.T

    def paint(z: torch.Tensor) -> torch.Tensor:
        return (z @ matrix.T).view(-1, 1, 8, 8)

    found, shares = main_directions(paint, lambda n: torch.randn(n, 12, generator=own), 3)
    assert (found @ basis[:, :3]).abs().diag().min() > 0.97
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) > 0.99
    assert torch.allclose(found @ found.T, torch.eye(3), atol=1e-5)


def test_between_two_latents_all_are_as_long() -> None:
    a, b = torch.randn(2, 1, 100, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(between(a, b, 0.0), a, atol=1e-5)
    assert torch.allclose(between(a, b, 1.0), b, atol=1e-5)
    lengths = [between(a, b, part).norm() for part in (0.25, 0.5, 0.75)]
    assert min(lengths) > 0.9 * min(a.norm(), b.norm())
    assert torch.allclose(between(a, a, 0.3), a)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_nearest_are(channels: int) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 28, 28, channels), dtype=np.uint8)
    near = Nearness(images, {7})
    picture, distance = next(near.of(images[9].transpose(2, 0, 1), 3))
    assert np.array_equal(picture, images[9].transpose(2, 0, 1))
    assert distance == 0
    assert next(near.of(images[7].transpose(2, 0, 1), 1))[1] > 0  # held out
    assert "49 training pictures" in near.told


def test_a_picture_is_the_one_that_sample_gives(server: Server, folder: Path) -> None:
    import io

    from PIL import Image

    status, content = server.post("/run/discs/play/picture", {"seed": 3})
    assert status == 200
    picture = np.asarray(Image.open(io.BytesIO(content)))  # type: ignore[arg-type]
    expected = sparring.load(folder / "discs").sample(1, seed=3)[0, 0]
    assert np.abs(picture.astype(int) - expected.astype(int)).max() <= 1
    status, told = server.post("/run/discs/play/nearest", {"seed": 3})
    assert len(told["nearest"]) == 5  # type: ignore[index]


def test_conditions_are_chosen_and_own_networks_are_not_run_unasked(tmp_path: Path) -> None:
    pictures, classes = torch.rand(24, 1, 28, 28) * 2 - 1, np.arange(24) % 3
    sparring.train(pictures, TINY, steps=3, out=tmp_path / "classes", condition="class", condition_from=classes,
                   say=lambda _: None)  # fmt: skip
    sparring.train(pictures, TINY, steps=3, out=tmp_path / "vectors", condition="vector", say=lambda _: None,
                   condition_from=np.random.default_rng(0).normal(size=(24, 2)).astype(np.float32))  # fmt: skip
    shutil.copytree(tmp_path / "classes", tmp_path / "own")
    told = json.loads((tmp_path / "own" / "recipe.json").read_text())
    told["networks"]["family"] = "own"
    (tmp_path / "own" / "recipe.json").write_text(json.dumps(told))
    with Server(tmp_path) as server:
        about = server.post("/run/classes/play/about", {})[1]
        assert (about["kind"], about["conditions"]) == ("class", ["0", "1", "2"])  # type: ignore[index]
        assert server.post("/run/classes/play/picture", {"condition": "2"})[0] == 200
        assert server.post("/run/classes/play/picture", {"condition": "dog"})[0] == 400
        assert "no decoded" not in str(server.post("/run/classes/play/nearest", {})[1])
        assert "cache" in server.post("/run/classes/play/nearest", {})[1]["told"]  # type: ignore[index]
        assert server.post("/run/vectors/play/picture", {"condition": "0.5, -1"})[0] == 200
        for word in ("0.5", "a.npy", "/etc/passwd", "nan, 1", "1e999,1"):
            assert server.post("/run/vectors/play/picture", {"condition": word})[0] == 400
        status, refused = server.post("/run/own/play/about", {})
        assert status == 400
        assert "--trust" in refused["fix"]  # type: ignore[index]


def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    with pytest.raises(SparringError, match="There is no folder"):
        sparring.watch(tmp_path / "no")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SparringError, match="Nothing can be served"):
            sparring.watch(tmp_path, port=taken.getsockname()[1])
    with pytest.raises(SparringError, match="Nothing can be served"):
        sparring.watch(tmp_path, host="no such address")
    assert os.listdir(tmp_path) == []
