"""What a person sees."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from sparring.events import Event
from sparring.terminal import Progress, duration, status_line

VALUES = {
    "epoch": 3.24, "images_per_second": 612.4, "d_loss": 0.6312, "g_loss": 1.92,
    "d_accuracy_real": 0.87, "d_accuracy_fake": 0.91,
}  # fmt: skip


def test_the_status_line() -> None:
    assert status_line(Event("tick", 450, 28800, VALUES), 180, 900) == (
        "epoch 3.2 · step 450/900 · 612 images/s · 3 min left · D 0.631 · G 1.920 · D right on reals 87%, on fakes 91%"
    )


@pytest.mark.parametrize(
    ("loss", "word"), [(None, "not finite"), (float("nan"), "not finite"), (1e-4, "1.00e-04"), (0.0, "0.000")]
)
def test_losses_are_readable(loss: float | None, word: str) -> None:
    assert f"D {word} " in status_line(Event("tick", 1, 64, VALUES | {"d_loss": loss}), None, None)


@pytest.mark.parametrize(("seconds", "words"), [(5, "5 s"), (100, "2 min"), (7500, "2 h 05 min")])
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_plain_lines_come_at_a_pace() -> None:
    text, now = io.StringIO(), [0.0]
    progress = Progress(Console(file=text, width=200), clock=lambda: now[0])
    with progress:
        progress(Event("started", 0, 0, {"until_step": 100, "minutes": None}))
        for step in range(1, 101):
            now[0] += 1
            progress(Event("tick", step, step * 64, VALUES))
        progress(Event("ended", 100, 6400, {"reason": "budget"}))
    lines = text.getvalue().splitlines()
    assert len(lines) == 8  # one in 15 s, and the last
    assert "step 1/100" in lines[0]
    assert "step 100/100" in lines[-1]
    assert "left" in lines[0]


def test_a_live_line_on_a_terminal() -> None:
    text = io.StringIO()
    progress = Progress(Console(file=text, width=200, force_terminal=True))
    with progress:
        progress(Event("started", 0, 0, {"until_step": None, "minutes": 1.0}))
        progress(Event("tick", 5, 320, VALUES))
    assert "step 5 ·" in text.getvalue()
    assert "on fakes 91%" in text.getvalue()
    assert "min left" in text.getvalue() or "s left" in text.getvalue()


def test_a_narrow_terminal_wraps_the_live_line() -> None:
    text = io.StringIO()
    progress = Progress(Console(file=text, width=60, force_terminal=True))
    with progress:
        progress(Event("started", 0, 0, {"until_step": None, "minutes": None}))
        progress(Event("tick", 5, 320, VALUES))
    assert "on fakes 91%" in re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.getvalue()))
