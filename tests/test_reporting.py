"""The page of a run: what stands on it, and how it looks and moves in a real browser with the network off."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import sparring
from sparring.cli import main
from sparring.errors import SparringError
from sparring.findings import Finding, Remedy
from sparring.folder import RunFolder
from sparring.methods import RECIPES
from sparring.reporting import page, writing
from sparring.reporting.figures import figures
from sparring.reporting.naming import names_only
from sparring.reporting.reading import read_run
from sparring.reporting.sheets import Sheet, chosen, encoded
from sparring.reporting.thinning import Growing, thinned

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
TINY = RECIPES["dcgan"].but(width=4, batch=8, latent=16, precision="fp32", threads=1)
WON = Finding(
    "SP401", "discriminator-won", "warning", "likely", "The discriminator has won.",
    {"first_step": 12.0, "worst_step": 30.0, "last_step": 36.0, "d_loss": 0.01}, "discriminator",
    (Remedy("Penalise D on reals and fakes.", {"r1": 0.5, "r2": 0.5}), Remedy("Or lower D's rate.", {"d_lr": "/2"})),
    undecided="`sparring check` decides it.",
)  # fmt: skip
EXPLODES = Finding(
    "SP504", "gradient-exploding", "error", "certain", "D's gradient has a norm of up to 90.",
    {"first_step": 20.0, "last_step": 20.0, "gradient": 90.0},
)  # fmt: skip
FEW = Finding("SP301", "too-few-images", "warning", "certain", "There are 40 pictures.", {"n": 40.0})
HACK = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


def coarse(pictures: torch.Tensor) -> torch.Tensor:
    """An extractor that takes no time: 4 x 4 means."""
    return torch.nn.functional.adaptive_avg_pool2d(pictures.float(), 4).flatten(1)


def trained(pictures: Path, out: Path, **options: Any) -> Path:
    """A short run with evaluations and a few sheets."""
    defaults: dict[str, Any] = {
        "recipe": TINY, "size": 28, "channels": 1, "steps": 36, "sample_every": 6, "checkpoint_every": 12,
        "held_out": 10, "evaluate_every": 144, "features": coarse, "say": lambda _: None,
    }  # fmt: skip
    return sparring.train(pictures, out=out, **(defaults | options)).path


def command(*words: object) -> int:
    """What a command of the shell ends with."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def told(run: Path, *findings: Finding, step: int = 20) -> None:
    """Writes findings into a run's log, as the doctor does."""
    lines = (run / "events.jsonl").read_text().splitlines()
    new = [json.dumps({"event": "finding", "step": step, "images": 160, "time": 0} | f.to_dict()) for f in findings]
    (run / "events.jsonl").write_text("\n".join([*lines[:-1], *new, lines[-1]]) + "\n")


@pytest.fixture(scope="module")
def run(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(discs, tmp_path_factory.mktemp("runs") / "discs")


@pytest.fixture(scope="module")
def sick(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run with findings in its log."""
    own = tmp_path_factory.mktemp("runs") / "sick"
    shutil.copytree(run, own)
    told(own, WON, EXPLODES, FEW)
    return own


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not Path(CHROMIUM).exists():
        pytest.skip("there is no chromium here (apt-get install chromium), so no page was looked at")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.fail("chromium is here, but playwright is not: pip install playwright")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def opened(sick: Path, browser: Any) -> Iterator[Opened]:
    """The page of the sick run, drawn: opening one takes a second or two."""
    with Opened(browser, sparring.report(sick)) as page:
        page.drawn()
        yield page


class Opened:
    """A page in a browser without a network, and whatever it complained of or asked for."""

    def __init__(self, browser: Any, file: Path, width: int = 1200, scheme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, reduced_motion="reduce"
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert not self.complaints
        assert [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))] == []

    def drawn(self) -> None:
        """Waits until every figure is."""
        from playwright.sync_api import expect

        expect(self.page.locator(".plot:not([data-drawn=done])")).to_have_count(0, timeout=20_000)

    def ranges(self) -> list[str]:
        """The steps that each figure shows."""
        range_of = "(plot) => plot._fullLayout.xaxis.range.map(Math.round).join()"
        return list(self.page.evaluate(f"[...document.querySelectorAll('.plot')].map({range_of})"))


def words_of(file: Path) -> str:
    """A page without plotly's script and without the bytes of pictures."""
    text = file.read_text().replace(page.plotly_script(), "")
    return re.sub(r"data:image/\w+;base64,[A-Za-z0-9+/=]+", "", text)


# --- what is written


def test_a_training_ends_with_its_page(run: Path) -> None:
    text = words_of(run / "report.html")
    assert (run / "report.html").stat().st_size < 8 << 20
    assert "<title>discs</title>" in text
    assert "It trained all of its 36 steps; the pictures were" in text
    assert "40 pictures of discs at 28 px, gray; 10 of them were held out to judge by." in text
    assert "feature maps next to the picture" in text  # the source of a number that was changed
    again = re.search(r'<pre class="command">(sparring train discs/ [^<]*)</pre>', re.sub("</?span>", "", text))
    assert again is not None
    assert "--set width=4 --set latent=16" in again[1]
    assert "--batch 8" in again[1]
    assert "--steps 36" in again[1]
    # The cards of contact sheet, slider and figures.
    assert text.count("data-label=") == 7
    assert {"loss", "terms", "logits", "gradient", "accuracy", "quality", "speed"} <= set(
        re.findall(r'data-figure="(\w+)"', text)
    )
    assert "Some of the pictures it was trained on" in text


def test_the_same_run_gives_the_same_page(run: Path, tmp_path: Path) -> None:
    first = sparring.report(run, tmp_path / "a.html").read_bytes()
    assert sparring.report(run, tmp_path / "b.html").read_bytes() == first
    assert sorted(os.listdir(tmp_path)) == ["a.html", "b.html"]


def test_a_page_that_cannot_be_written_never_harms_the_run(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(writing, "of_run", fails)
    said: list[str] = []
    out = trained(discs, tmp_path / "run", steps=6, held_out=0, say=said.append)
    assert not (out / "report.html").exists()
    assert any("could not be written. ZeroDivisionError: planted" in line for line in said)
    # A run begins in a folder with an old page, or one half written, as in an empty one.
    monkeypatch.undo()
    (out / "report.html.1.part").write_text("half")
    trained(discs, out, steps=8, held_out=0)
    assert (out / "report.html").exists()
    assert not (out / "report.html.1.part").exists()


def test_no_path_of_the_machine_is_on_it(run: Path, tmp_path: Path) -> None:
    own = tmp_path / "run"
    shutil.copytree(run, own)
    places = {str(Path.home()), str(Path.cwd()), tempfile.gettempdir(), str(tmp_path), str(Path(sys.prefix))}
    lost = [f"Of {place}/deep/gan.py and '{place}' and {place}/x y.png: wrong." for place in sorted(places)]
    told(own, *(Finding("SP101", f"n{i}", "error", "certain", text, {}, f"{i}") for i, text in enumerate(lost)))
    settings = json.loads((own / "recipe.json").read_text())
    settings["data"]["source"] = f"{Path.home()}/photos"
    (own / "recipe.json").write_text(json.dumps(settings))
    text = words_of(sparring.report(own))
    assert [place for place in places - {"/tmp"} if place in text] == []
    assert "/tmp/" not in text
    assert "gan.py" in text
    assert "of photos at 28 px" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see /home/me/photos/a.png.", "see a.png."),
        ("C:\\Users\\me\\gan.py:G", "gan.py:G"),
        ("'~/x/y.pt' and \"/a/b/\"", "'y.pt' and \"b\""),
        ("file:///home/me/x.log", " x.log"),
        ("https://arxiv.org/abs/1511.06434 and/or 3/4, d_lr=/2, docs/a/b.md", None),
        ("data:image/webp;base64,/home/me/AAAA", None),
        ("Loss/D/reg -1/1 //", None),
    ],
)
def test_paths_are_cut_down_to_names(text: str, expected: str | None) -> None:
    assert names_only({"a": [text]}) == {"a": [text if expected is None else expected]}


def test_what_is_asked_for_wrongly_is_said(run: Path, tmp_path: Path) -> None:
    for source, out, what in (
        (tmp_path, None, "holds no run"),
        (run, tmp_path / "page.pdf", r"ends in \.html"),
        (run, tmp_path / "no" / "page.html", "There is no folder"),
    ):
        with pytest.raises(SparringError, match=what):
            sparring.report(source, out)
    with pytest.raises(SparringError, match="12 at most"):
        sparring.report(run, compare=[run] * 12)


def test_on_the_command_line(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("report", run, "-o", tmp_path / "one.html", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "ok": True, "runs": [str(run)], "out": str(tmp_path / "one.html")
    }  # fmt: skip
    for words in ([], ["--compare", run], [run, run]):
        assert command("report", *words, "-o", tmp_path / "no.html") == 1
    assert not (tmp_path / "no.html").exists()


# --- what is read


def test_a_log_is_read_as_it_stands(run: Path, tmp_path: Path) -> None:
    """Torn lines, lines that are no events, what a resume took back, sheets that are no pictures."""
    own = tmp_path / "run"
    shutil.copytree(run, own)
    told(own, WON, step=30)
    with open(own / "events.jsonl", "a") as log:
        log.write('{"event": "tick", "step": 3\n[1]\n{"event": 4}\n{"event": "tick", "step": 1e99}\n')
        log.write('{"event": "resumed", "step": 20, "images": 160, "time": 1}\n')
        log.write('{"event": "tick", "step": 21, "images": 168, "time": 2, "d_loss": null, "odd": "text"}\n')
        log.write('{"event": "finding", "step": 21, "nonsense": 1}\n{"event": "ti')
    (own / "samples" / "step-00000006.png").write_bytes(b"no picture")
    found = read_run(own)
    assert (found.step, found.images, found.ended, found.findings) == (21, 168, "", ())
    loss = found.history.named("d_loss")
    assert loss is not None
    assert loss.steps[-2:].tolist() == [20, 21]
    assert np.isnan(loss.values[-1])
    assert [step for step, _ in found.sheets] == [0, 6, 12, 18]
    assert all(evaluation.step <= 20 for evaluation in found.evaluations)
    text = words_of(sparring.report(own))
    assert "It is not over, or was cut off, at step 21" in text
    assert "step-00000006.png" in text
    assert "lines of events.jsonl are torn" in text


def test_long_curves_are_thinned_and_keep_their_extremes() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=100_000)
    values[[123, 70_000]] = (50.0, -60.0)
    values[40_000:40_003] = np.nan
    steps, kept = thinned(np.arange(100_000), values)
    assert len(kept) <= 2_005
    assert (steps[0], steps[-1], np.nanmax(kept), np.nanmin(kept)) == (0, 99_999, 50.0, -60.0)
    assert np.isnan(kept).sum() == 1
    assert np.all(np.diff(steps) > 0)
    growing = Growing()
    for first in range(0, 100_000, 1_000):
        growing.add(np.arange(first, first + 1_000), values[first : first + 1_000])
        assert len(growing.steps) <= 17_000
    assert np.nanmax(growing.values) == 50.0
    growing.cut(500)
    assert growing.steps[-1] <= 500
    assert thinned(np.zeros(5_000), np.full(5_000, np.inf), 30)[1].tolist() == [np.inf] * 2


def test_figures_are_plain_data(sick: Path) -> None:
    found = read_run(sick)
    made = figures(found.history, found.evaluations, found.best)
    text = json.dumps([figure.plot for figure in made], allow_nan=False)
    assert "<" not in text
    assert made[0].alt.startswith("Losses of D and G: D from ")


def test_some_sheets_are_chosen_and_fit(tmp_path: Path) -> None:
    assert chosen([0, 5, 9], 9) == [0, 5, 9]
    steps = list(range(0, 5_000, 10))
    some = chosen(steps, 1_234)
    assert len(some) <= 24
    assert {0, 1_230, 4_990} <= set(some)
    rng = np.random.default_rng(0)
    for i in range(4):
        Image.fromarray(rng.integers(0, 256, (700, 700, 3 + i % 2), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    (tmp_path / "4.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    sheets, broken = encoded([(i, tmp_path / f"{i}.png") for i in range(5)], 400_000)
    assert broken == ["4.png"]
    assert [(sheet.step, sheet.alpha) for sheet in sheets] == [(0, False), (1, True), (2, False), (3, True)]
    assert sum(len(sheet.uri) for sheet in sheets) < 4 / 3 * 400_000 + 1_000
    assert isinstance(sheets[0], Sheet)


def test_a_run_whose_data_came_from_python(tmp_path: Path) -> None:
    """No command can make it again, no pictures lie in the cache, nothing was measured."""
    pictures = torch.rand(24, 1, 28, 28) * 2 - 1
    run = sparring.train(pictures, TINY, steps=3, out=tmp_path / "own", say=lambda _: None)
    text = words_of(RunFolder(run.path).report)
    assert "the program that called sparring.train makes it again" in text
    assert "sparring train" not in text
    assert "The pictures themselves are not shown" in text
    assert "was not measured, so look at the samples" in text
    assert 'id="best"' not in text


# --- how it looks and moves


def test_the_page_moves_with_the_network_off(opened: Opened) -> None:
    seen, shown = opened.page, "#sheets img:visible"
    assert seen.locator(shown).count() == 1
    last = seen.locator(shown).get_attribute("src")
    assert seen.locator("#shown").inner_text() == "step 36"
    seen.locator("#step").focus()
    for key, step in (("Home", 0), ("ArrowRight", 6), ("ArrowRight", 12)):
        seen.keyboard.press(key)
        assert seen.locator("#shown").inner_text() == f"step {step}"
        assert seen.locator(shown).get_attribute("data-step") == str(step)
    assert seen.locator(shown).get_attribute("src") != last
    assert seen.locator(shown).evaluate("image => image.complete && image.naturalWidth > 100")
    seen.locator(".jump", has_text="best").click()
    assert re.search("the best|nearest to the best", seen.locator("#sheet-label").inner_text())
    seen.locator(".jump", has_text="first").click()
    seen.locator("#play").click()
    seen.wait_for_timeout(600)
    assert seen.locator("#shown").inner_text() != "step 0"
    seen.locator("#play").click()
    for _ in range(2):
        before = seen.evaluate("getComputedStyle(document.body).backgroundColor")
        seen.locator("#theme").click()
        assert seen.evaluate("getComputedStyle(document.body).backgroundColor") != before
    seen.evaluate("delete document.documentElement.dataset.theme")


def test_figures_are_zoomed_together(opened: Opened) -> None:
    zoom = "range => Plotly.relayout(document.getElementById('plot-loss'), range)"
    opened.page.evaluate(zoom, {"xaxis.range[0]": 5, "xaxis.range[1]": 15})
    opened.page.wait_for_timeout(300)
    assert set(opened.ranges()) == {"5,15"}
    opened.page.evaluate(zoom, {"xaxis.autorange": True})
    opened.page.wait_for_timeout(300)
    assert len(set(opened.ranges())) == 1
    assert "5,15" not in opened.ranges()


def position(opened: Opened, figure: str, name: str) -> float:
    """The step at which a mark stands, by the labels of the axis as they are on the screen."""
    found = opened.page.evaluate(
        """([figure, name]) => {
          const plot = document.querySelector(`[data-figure=${figure}]`);
          const middle = (each) => { const box = each.getBoundingClientRect(); return box.x + box.width / 2; };
          const ticks = [...plot.querySelectorAll(".xtick text")]
            .map((each) => [Number(each.textContent.replace(",", "")), middle(each)]);
          const place = plot._fullLayout.shapes.findIndex((each) => each.name === name);
          return [ticks, middle(plot.querySelector(`.shapelayer path[data-index="${place}"]`))];
        }""",
        [figure, name],
    )
    (low, left), (high, right) = found[0][0], found[0][-1]
    return float(low + (found[1] - left) / (right - left) * (high - low))


def test_findings_stand_where_their_evidence_is(opened: Opened) -> None:
    assert position(opened, "loss", "SP401") == pytest.approx(12, abs=0.2)
    assert position(opened, "gradient", "SP504") == pytest.approx(20, abs=0.2)
    beside = opened.page.locator("#row-loss .finding")
    assert beside.count() == 1
    text = beside.inner_text()
    for part in ("SP401", "step 12 to 36", "Penalise D", "--set r1=0.5", "sparring explain SP401"):
        assert part in text
    assert opened.page.locator("#data .finding").inner_text().startswith("SP301")
    alt = opened.page.locator("#plot-loss").get_attribute("aria-label")
    assert "Marked: SP401 discriminator-won at step 12." in alt
    assert len(set(opened.ranges())) == 1  # all figures of a page lie over the same steps


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (390, "dark")])
def test_it_fits_every_screen(opened: Opened, tmp_path: Path, width: int, scheme: str) -> None:
    seen = opened.page
    seen.emulate_media(color_scheme=scheme)
    seen.set_viewport_size({"width": width, "height": 900})
    for _ in range(50):  # figures follow the width a little later
        seen.wait_for_timeout(100)
        if seen.evaluate("document.documentElement.scrollWidth") == width:
            break
    assert seen.evaluate("document.documentElement.scrollWidth") == width
    charts = seen.locator(".plot .main-svg").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect().right)"
    )
    assert max(charts) <= width
    dark = scheme == "dark"
    assert (seen.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)") == dark
    colour = seen.locator(".xtick text").first.evaluate("each => getComputedStyle(each).fill")
    assert colour == ("rgb(160, 169, 180)" if dark else "rgb(89, 98, 109)")
    seen.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 50_000
    assert seen.locator("img:not([alt]), img[alt=''], .plot:not([aria-label])").count() == 0


def test_printed_it_is_light_and_shows_the_last_sheet(opened: Opened) -> None:
    seen = opened.page
    seen.set_viewport_size({"width": 1200, "height": 900})
    seen.locator(".jump", has_text="first").click()
    seen.emulate_media(media="print", color_scheme="dark")
    assert seen.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    shown = seen.locator("#sheets img:visible").evaluate_all("all => all.map((each) => each.dataset.step)")
    assert shown == ["36"]
    assert not seen.locator(".slider").is_visible()
    seen.emulate_media(media="screen", color_scheme="light")


def test_hostile_names_are_only_names(run: Path, browser: Any, tmp_path: Path) -> None:
    own = tmp_path / "<img src=x onerror='window.hacked = 1'>"
    shutil.copytree(run, own)
    told(
        own,
        Finding("SP401", HACK, HACK, HACK, HACK, {HACK: 1.0, "first_step": 9.0}, HACK, (Remedy(HACK, {HACK: HACK}),)),
    )
    lines = (own / "events.jsonl").read_text().splitlines()
    odd = [json.dumps({"event": "tick", "step": s, "images": 0, f"{HACK}{{{{7*7}}}}": s / 40}) for s in (5, 20)]
    (own / "events.jsonl").write_text("\n".join([*lines[:-1], *odd, lines[-1]]) + "\n")
    settings = json.loads((own / "recipe.json").read_text())
    settings["data"]["source"] = settings["recipe"]["loss"] = settings["decided"]["device"] = HACK
    settings["recipe"][HACK] = HACK
    (own / "recipe.json").write_text(json.dumps(settings))
    with Opened(browser, sparring.report(own)) as seen:
        seen.drawn()
        seen.page.wait_for_timeout(100)
        assert seen.page.evaluate("window.hacked === undefined")
        assert seen.page.locator("h1").inner_text() == own.name
        assert seen.page.locator(".legendtext", has_text="{{7*7}}").count() == 1


def test_runs_side_by_side(run: Path, discs: Path, browser: Any, tmp_path: Path) -> None:
    other = trained(discs, tmp_path / "<b>discs", recipe=TINY.but(d_lr=1e-3), steps=12)
    shutil.copytree(run, tmp_path / "two" / "discs")
    out = tmp_path / "comparison.html"
    assert command("report", "--compare", run, other, tmp_path / "two" / "discs", "-o", out) == 0
    assert out.stat().st_size < 8 << 20
    assert str(tmp_path) not in words_of(out)
    with Opened(browser, out) as seen:
        seen.drawn()
        assert seen.page.locator("h1").inner_text() == "discs, <b>discs and discs (2)"
        assert seen.page.locator(".verdict").inner_text().startswith("By kid (lower is better): discs")
        rows = seen.page.locator("#differences tbody tr").all_inner_texts()
        assert rows == ["recipe.d_lr\t0.0002\t0.001\t0.0002"]
        assert seen.page.locator(".run").count() == 3
        assert 3 <= seen.page.locator(".run img").count() <= 6
        names = seen.page.locator("#plot-quality .legendtext").all_text_contents()
        assert names == ["discs: kid", "<b>discs: kid", "discs (2): kid"]


def test_the_page_of_somebodys_log(browser: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(0, 20_000, 50)
    d = np.exp(np.linspace(0, -9, 400) + 0.3 * rng.normal(size=400))
    g = np.linspace(5, 10, 400) * np.exp(0.1 * rng.normal(size=400))
    log = tmp_path / "train.log"
    log.write_text(
        "\n".join(f"step {s}: d_loss = {a:.5f} | g_loss = {b:.4f}" for s, a, b in zip(steps, d, g, strict=True))
    )
    assert command("diagnose", log, "-o", tmp_path / "log.html") == 0
    assert "SP401" in capsys.readouterr().out
    assert str(tmp_path) not in words_of(tmp_path / "log.html")
    with Opened(browser, tmp_path / "log.html") as seen:
        seen.drawn()
        assert seen.page.locator("h1").inner_text() == "train.log"
        told = " ".join(seen.page.locator(".story").inner_text().split())
        assert "has won from step 4,300" in told
        ahead = int(re.search(r"far ahead from step ([\d,]+)", told)[1].replace(",", ""))
        assert 2_500 < ahead < 3_500  # there D passes .2, and G has been above 5
        assert position(seen, "loss", "SP401") == pytest.approx(ahead, abs=60)
        assert seen.page.locator("#samples").count() == 0
    assert command("diagnose", log, "-o", tmp_path / "log.pdf") == 1
