"""A run, a report and a generator show themselves in a notebook: HTML that stands alone, and nothing of it is run."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sparring
from sparring import notebook
from sparring.findings import Finding, Remedy, Report
from test_reporting import EXPLODES, FEW, HACK, TINY, WON

VOID = {"img", "br"}


class Read(HTMLParser):
    """What a browser would make of it: elements closed in order, their attributes, the words."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(html)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def is_harmless(html: str) -> Read:
    read = Read(html)
    assert set(read.tags) <= {
        "div",
        "b",
        "span",
        "table",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "p",
        "img",
        "details",
        "summary",
    }
    assert {name for name, _ in read.attributes} <= {"style", "src", "alt", "width", "height"}
    assert all(
        value.startswith("data:image/webp;base64,") for name, value in read.attributes if name == "src" and value
    )
    # No ink or paper of its own, so that it can be read in light and in dark; but behind pictures.
    assert not re.search(r"[^-]color: (#000|#fff|black|white)", html)
    return read


@pytest.fixture(scope="module")
def run(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> sparring.run.Run:  # type: ignore[name-defined]
    out = tmp_path_factory.mktemp("runs") / "a <b>&\"quote'"
    return sparring.train(discs, TINY, size=28, channels=1, steps=4, out=out, say=lambda _: None)


def test_a_run_shows_itself(run: sparring.run.Run) -> None:  # type: ignore[name-defined]
    read = is_harmless(run._repr_html_())
    assert str(run.path) in read.words
    assert "nothing was evaluated" in read.words
    assert "its budget is spent" in read.words
    assert read.tags.count("img") == 1


def test_a_run_whose_sheet_is_gone_shows_the_rest(run: sparring.run.Run, tmp_path: Path) -> None:  # type: ignore[name-defined]
    from dataclasses import replace

    best = {"metric": "kid", "value": 0.01, "noise": 0.001, "floor": None, "step": 4}
    shown = replace(run, grid=tmp_path / "gone.png", best=best, findings=(WON, FEW), ended=HACK)
    read = is_harmless(shown._repr_html_())
    assert "img" not in read.tags
    assert "kid 0.01 ± 0.002, at step 4" in read.words
    assert HACK in read.words
    assert "SP401 discriminator-won" in read.words


def test_a_report_shows_itself() -> None:
    report = Report((EXPLODES, WON), {"SP402": ["d_loss", "g_loss"]}, ("SP401", "SP504"), ("D's loss was guessed.",))
    read = is_harmless(report._repr_html_())
    for words in (
        "2 findings; 2 rules looked", "error SP504", "warning SP401", "d_loss 0.01",
        "Penalise D on reals and fakes. (r1 = 0.5, r2 = 0.5)",
        "`sparring check` decides it.", "1 rules could not look", "SP402: d_loss, g_loss", "D's loss was guessed.",
    ):  # fmt: skip
        assert words in read.words
    assert "Nothing was found; 1 rules looked." in is_harmless(Report(judged=("SP401",))._repr_html_()).words


def test_nothing_of_a_report_is_markup() -> None:
    bad = Finding(HACK, HACK, HACK, HACK, HACK, {HACK: 1.0}, HACK, (Remedy(HACK, {HACK: HACK}),), HACK, HACK)
    read = is_harmless(Report((bad,), {HACK: [HACK]}, (HACK,), (HACK,))._repr_html_())
    assert read.words.count(HACK) >= 10


def test_a_report_is_bounded() -> None:
    long = Finding("SP301", "few", "warning", "certain", "x" * 100_000)
    html = Report((long,) * 500)._repr_html_()
    assert len(html) < 150_000
    assert "and 470 more" in is_harmless(html).words


def test_a_generator_shows_itself(run: sparring.run.Run) -> None:  # type: ignore[name-defined]
    read = is_harmless(sparring.load(run.path)._repr_html_())
    assert "28 px, gray" in read.words
    assert read.tags.count("img") == 1


def test_a_sheet_is_a_picture_that_shows_itself(run: sparring.run.Run) -> None:  # type: ignore[name-defined]
    sampler = sparring.load(run.path)
    sheet = sampler.sheet(4, seed=3)
    assert sheet.size == (62, 62)
    assert (np.asarray(sheet)[2:30, 2:30] == sampler.sample(4, seed=3)[0, 0]).all()
    assert hasattr(sheet, "_repr_png_")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1", "I;16"])
def test_pictures_of_every_mode_are_small(mode: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3_000, 2_000, 4)).astype(np.uint8)
    image = Image.fromarray(noise)
    image = Image.new("I;16", (2_000, 3_000), 300) if mode == "I;16" else image.convert(mode)
    html = notebook.picture(image, HACK)
    assert len(html) < 1.4 * notebook.MOST_BYTES + 1_000
    assert ("alt", HACK) in is_harmless(html).attributes
