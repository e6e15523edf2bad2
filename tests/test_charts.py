"""A log's losses as a chart with its findings marked: as text, as a picture, as a page."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sparring.cli import main
from sparring.doctor.faults._running import played
from sparring.findings import Finding, Report
from sparring.history import History, Series
from sparring.reporting.chart_picture import ENDINGS, check_plot, write_charts
from sparring.reporting.chart_text import as_text, fits
from sparring.reporting.charting import Chart, binned, chart_of, charts_of, in_rows, nice, scaled_to

BLUE, ORANGE = (53, 133, 208), (208, 116, 18)


def finding(code: str, first: float, last: float, severity: str = "warning", name: str = "loss-spike") -> Finding:
    return Finding(code, name, severity, "likely", "...", {"first_step": first, "last_step": last}, "discriminator")


def history(d: Any, g: Any, every: int = 10) -> History:
    steps = every * np.arange(len(d))
    made = [Series(f"{n}_loss", n, "loss", steps, np.asarray(v, float)) for n, v in (("d", d), ("g", g))]
    return History(tuple(made))


def chart(d: Any = None, g: Any = None, *found: Finding) -> Chart:
    n = 400
    made = chart_of(history(np.full(n, 0.5) if d is None else d, np.full(n, 2.0) if g is None else g), Report(found))
    assert made is not None
    return made


def lines(made: Chart, **options: Any) -> list[str]:
    return as_text(made, 80, **({"colours": False} | options)).plain.split("\n")


def test_both_losses_stand_where_their_values_are() -> None:
    made = lines(chart())
    assert "D  G" in made[0]
    rows = [line for line in made if "│" in line or "┤" in line]
    assert [row.count("G") > 50 for row in rows].index(True) < [row.count("D") > 50 for row in rows].index(True)
    top = next(row for row in rows if row.count("G") > 50)
    bottom = next(row for row in rows if row.count("D") > 50)
    assert "2" in top.split("┤")[0]
    assert "0.5" in bottom.split("┤")[0]
    assert made[-1].split() == ["0", "1,000", "2,000", "3,000", "step"]


def test_a_finding_stands_at_its_step_and_in_the_legend() -> None:
    made = lines(chart(None, None, finding("SP502", 2000, 2400)))
    (head,) = [line for line in made if "▼SP502" in line]
    wall = next(line for line in made if "┤" in line).index("┤")
    at = head.index("▼") - wall - 1
    assert abs(at / (len(head) - wall - 1) - 2000 / 3990) < 0.03
    assert all(line[head.index("▼")] in "┊DG*" for line in made if "│" in line)
    assert made[-1] == "▼ SP502 loss-spike: warning, step 2,000 to 2,400"


def test_codes_do_not_cover_one_another() -> None:
    found = [finding(f"SP50{i}", 1000.0 + 20 * i, 1000.0 + 20 * i) for i in range(1, 5)] + [
        finding("SP409", 3990, 3990)
    ]
    made = lines(chart(None, None, *found))
    heads = "\n".join(made[1 : next(i for i, line in enumerate(made) if "│" in line)])
    assert sorted(re.findall(r"SP\d+", heads)) == ["SP409", "SP501", "SP502", "SP503", "SP504"]
    assert "SP409▼" in heads  # at the right edge the code stands before its place


@pytest.mark.parametrize("width", [1, 40, 79, 200, 500])
@pytest.mark.parametrize("colours", [False, True])
@pytest.mark.parametrize("signs", [False, True])
def test_no_line_is_too_long_and_ascii_is_ascii(width: int, colours: bool, signs: bool) -> None:
    made = as_text(chart(None, None, finding("SP502", 0, 0)), width, colours=colours, signs=signs)
    assert max(map(len, made.plain.split("\n"))) <= min(max(width, 40), 200) or width < 50  # the legend may be wider
    if not signs:
        made.plain.encode("ascii")
    assert (max(made.plain) > "\u2800") == (colours and signs)


def test_what_an_encoding_has() -> None:
    assert fits("utf-8")
    assert not any(map(fits, ("ascii", "latin-1", "cp1252", None, "no such")))


def test_the_axis_is_logarithmic_where_sizes_differ_and_one_leap_does_not_flatten_it() -> None:
    rng = np.random.default_rng(0)
    usual = 0.5 * np.exp(0.1 * rng.normal(size=4000))
    assert not chart(usual, usual).log
    falling = chart(np.geomspace(1, 1e-4, 4000), usual)
    assert falling.log
    assert falling.ticks(7) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1])
    usual[2000] = 1e9
    usual[100] = np.nan
    leaping = chart(usual, usual)
    assert leaping.limits[1] < 10
    assert leaping.up(1e9) == 1.0
    signed = chart(np.where(np.arange(4000) % 2, -1.0, 1.0), usual)
    assert not signed.log
    assert signed.up(0.0) == pytest.approx(-signed.limits[0] / (signed.limits[1] - signed.limits[0]))


@pytest.mark.parametrize("values", [[0.0], [3.0], [0.0, 0.0], [-1.0, -1.0], [1e300, -1e300], [np.inf, 1.0, np.nan]])
def test_few_numbers_and_odd_ones(values: list[float], tmp_path: Path) -> None:
    made = chart(values, values)
    assert lines(made)
    assert made.limits[0] < made.limits[1]
    for ending in ENDINGS:
        write_charts("log", [(0, made)], [history(values, values)], tmp_path / f"a{ending}")


def test_nothing_to_draw() -> None:
    assert chart_of(History(), Report()) is None
    assert chart_of(history([np.nan], [np.nan]), Report()) is None
    assert charts_of([History(), history([1], [2])], [Report(), Report()], ["step", "step"])[0][0] == 1


def test_ds_terms_stand_for_its_loss_and_other_curves_for_losses() -> None:
    steps = np.arange(50)
    parts = [Series(n, n[0].lower(), term, steps, 1.0 + steps) for n, term in
             (("D_real", "real"), ("D_fake", "fake"), ("G_loss", "loss"))]  # fmt: skip
    made = chart_of(History(tuple(parts)), Report())
    assert made is not None
    assert [curve.label for curve in made.curves] == ["D on reals", "D on fakes", "G"]
    assert len({curve.letter for curve in made.curves}) == len({curve.colour for curve in made.curves}) == 3
    alone = chart_of(History((Series("lr", "d", "rate", steps, 1.0 / (1 + steps)),)), Report())
    assert alone is not None
    assert alone.title == "Learning rates"


def test_stretches_know_least_middle_and_greatest() -> None:
    curve = chart([3.0, 1.0, 2.0, 8.0, 9.0, 7.0], [1.0] * 6).curves[0]
    which, values = binned(curve, (0.0, 50.0), 2)
    assert which.tolist() == [0, 1]
    assert values.tolist() == [[1, 2, 3], [7, 8, 9]]


def test_round_numbers() -> None:
    assert nice(0, 100, 5) == [0, 20, 40, 60, 80, 100]
    assert nice(-0.3, 0.3, 4) == pytest.approx([-0.2, 0, 0.2])
    assert len(nice(0.0001, 12345, 8)) <= 8
    assert in_rows([0, 1, 5, 6], lambda _: 3.0) == [0, 1, 0, 1]
    assert scaled_to(chart(), np.array([1.0, 5.0])).limits == pytest.approx((0.84, 5.16))


def marked() -> tuple[History, Chart]:
    told = played(1.0, -1.0, rows=900)["history"]
    made = chart_of(told, Report((finding("SP502", 900, 1200), finding("SP501", 1300, 1300, "error", "non-finite"))))
    assert made is not None
    return told, made


def test_a_png_shows_curves_axes_and_marks(tmp_path: Path) -> None:
    told, made = marked()
    write_charts("train.log", [(0, made)], [told], tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape[1] == 1200

    def near(colour: tuple[int, int, int]) -> np.ndarray:
        return np.abs(pixels - colour).max(axis=2) < 25

    for colour in (BLUE, ORANGE):
        assert near(colour)[100:600, 80:1150].any(axis=0).mean() > 0.9  # from left to right
    red = near((220, 75, 75)).sum(axis=0)
    assert red.max() > 380  # an upright as high as the curves
    left = 70 + made.across(1300) * (1200 - 70 - 40)
    assert abs(int(np.argmax(red)) - left) < 70
    corner = pixels[:60, :600]
    assert (corner.min(axis=2) < 90).any()  # the title


def test_an_svg_is_xml_and_says_the_same(tmp_path: Path) -> None:
    told, made = marked()
    write_charts("a<b>&\x00.log", [(0, made)] * 2, [told] * 2, tmp_path / "a.svg")
    text = "\n".join(ElementTree.parse(tmp_path / "a.svg").getroot().itertext())
    for word in (
        "Losses of D and G",
        "a<b>& .log, run 1",
        "SP502 loss-spike: warning, step 900 to 1,200",
        "SP501",
        "step",
    ):
        assert word in text


def test_a_page_opens_offline(tmp_path: Path) -> None:
    told, made = marked()
    write_charts("a<script>.log", [(0, made)], [told], tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    assert "a&lt;script&gt;.log" in page
    assert 'id="run1-loss"' in page
    assert "SP502 loss-spike: warning, step 900 to 1,200" in page
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page)


def test_where_a_plot_may_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.pdf", "a", "none/a.png"):
        with pytest.raises(SystemExit):
            main(["diagnose", str(tmp_path / "log"), "--plot", str(tmp_path / name)])
    assert "ends in .png, .svg, .html" in capsys.readouterr().err
    check_plot(tmp_path / "A.PNG")


def test_on_the_command_line(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("".join(f"step: {10 * i} d_loss: {2 ** (i % 3) / 1e4} g_loss: {8 + i % 2}\n" for i in range(300)))

    def told(*words: str) -> tuple[str, str]:
        command = [sys.executable, "-m", "sparring", "diagnose", str(log), *words]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
        return ran.stdout, ran.stderr

    assert "Losses of D and G" not in told()[0]  # nobody looks at a pipe
    out = told("--plot", "-")[0]
    assert "Losses of D and G: D  G" in out
    assert "▼ SP401 discriminator-won: warning, step " in out
    out, said = told("--plot", "-", "--json")
    assert "SP401" in json.loads(out)["findings"][0]["code"]
    assert "Losses of D and G" in said
    out, said = told("--plot", str(tmp_path / "a.png"), "--json")
    assert json.loads(out)["ok"]
    assert said == f"Written: {tmp_path / 'a.png'}\n"
    Image.open(tmp_path / "a.png").verify()


def test_a_terminal_shows_it_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "ascii"

        def isatty(self) -> bool:
            return True

    log = tmp_path / "train.log"
    log.write_text("".join(f"step: {10 * i} d_loss: {1 + i % 3} g_loss: {2 + i % 2}\n" for i in range(300)))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for words, seen in (([], True), (["--plot", "none"], False), (["--json"], False)):
        monkeypatch.setattr(sys, "stdout", Terminal())
        with pytest.raises(SystemExit):
            main(["diagnose", str(log), *words])
        text = sys.stdout.getvalue()  # type: ignore[attr-defined]
        assert ("Losses of D and G" in text) is seen
        assert seen or "┤" not in text
