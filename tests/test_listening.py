"""A log through a pipe: findings are said while its program runs, and the report comes at its end."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from sparring.doctor import listening
from sparring.doctor.listening import GRACE_SECONDS, QUIET_SECONDS, Listener, is_live
from sparring.doctor.observing.allowance import Allowance

DOCTOR = [sys.executable, "-m", "sparring", "diagnose", "-"]
# A sound pair for 100 rows, then a D that has won; then it waits for a file.
WRITER = """
import math, pathlib, sys, time
for row in range(500):
    d, g = (0.8, 1.0) if row < 100 else (1e-3, 9.0)
    wave = math.exp(0.2 * math.sin(2.7 * row))
    sys.stdout.write(f"{start}step {10 * row + 1000}: d_loss = {d * wave:.5f} | g_loss = {g * wave:.4f}{end}")
    sys.stdout.flush()
go = pathlib.Path(sys.argv[1])
while not go.exists():
    time.sleep(0.02)
print("\\nthe end")
"""


def writer(start: str = "", end: str = "\\n") -> str:
    return WRITER.replace("{start}", start).replace("{end}", end)


def _heeds_ctrl_c() -> None:
    """As in a terminal: what starts tests in the background may have them ignore it, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Pair:
    """A program and the doctor behind it, with a file that lets the program go on."""

    def __init__(self, folder: Path, program: str, *words: str) -> None:
        self.go = folder / "go"
        command = [sys.executable, "-u", "-c", program, str(self.go)]
        self.program = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=_heeds_ctrl_c)
        self.doctor = subprocess.Popen(
            [*DOCTOR, *words], stdin=self.program.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=_heeds_ctrl_c,
        )  # fmt: skip
        assert self.program.stdout is not None
        self.program.stdout.close()  # the doctor alone holds it
        assert self.doctor.stderr is not None
        self.said: IO[str] = self.doctor.stderr

    def until(self, word: str) -> str:
        """The next line that the doctor says with a word in it."""
        for line in self.said:
            if word in line:
                return line
        raise AssertionError(f"it never said {word}")

    def end(self) -> str:
        """Lets the program go on; what the doctor answers."""
        self.go.touch()
        out, _ = self.doctor.communicate()
        self.program.wait()
        return out


@pytest.fixture
def pairs(tmp_path: Path) -> Iterator[list[Pair]]:
    made: list[Pair] = []
    yield made
    for pair in made:
        (tmp_path / "go").touch()
        for process in (pair.program, pair.doctor):
            process.kill()
            process.wait()
        pair.doctor.communicate()


def test_a_finding_is_said_before_the_program_ends(tmp_path: Path, pairs: list[Pair]) -> None:
    pair = Pair(tmp_path, writer())
    pairs.append(pair)
    line = pair.until("SP401")
    assert pair.program.poll() is None  # it waits for a file that is not there yet
    assert line.startswith("step ")
    assert "warning SP401 discriminator-won: " in line
    out = pair.end()
    assert out.count("warning SP401") == 1
    assert pair.doctor.returncode == 0


def test_a_bar_that_is_drawn_over_and_over(tmp_path: Path, pairs: list[Pair]) -> None:
    pair = Pair(tmp_path, writer(r"\r", ""), "--json")
    pairs.append(pair)
    pair.until("SP401")
    assert pair.program.poll() is None
    found = json.loads(pair.end())
    assert "SP401" in [finding["code"] for finding in found["findings"]]


def test_ctrl_c_gives_the_report_of_what_came(tmp_path: Path, pairs: list[Pair]) -> None:
    pair = Pair(tmp_path, writer())
    pairs.append(pair)
    pair.until("SP401")
    pair.doctor.send_signal(signal.SIGINT)
    assert "Ctrl-C again" in pair.until("Stopped")
    pair.doctor.send_signal(signal.SIGINT)
    out, _ = pair.doctor.communicate()
    assert "warning SP401" in out
    assert pair.doctor.returncode == 130
    assert pair.program.poll() is None


def test_after_ctrl_c_the_programs_last_words_are_read(tmp_path: Path, pairs: list[Pair]) -> None:
    dies = writer() + "print('loss is nan: weights lost')\nraise KeyboardInterrupt\n"
    pair = Pair(tmp_path, dies.replace("import math", "import signal, math"), "--json")
    pairs.append(pair)
    pair.until("SP401")
    pair.doctor.send_signal(signal.SIGINT)
    pair.until("Stopped")
    found = json.loads(pair.end())
    assert "SP501" in [finding["code"] for finding in found["findings"]]
    assert pair.doctor.returncode == 130


def test_a_program_that_is_killed_in_the_middle_of_a_line(tmp_path: Path, pairs: list[Pair]) -> None:
    pair = Pair(tmp_path, writer().replace("go = ", "sys.stdout.write('step 6000: d_lo')\nsys.stdout.flush()\ngo = "))
    pairs.append(pair)
    pair.until("SP401")
    pair.program.kill()
    out, _ = pair.doctor.communicate()
    assert "500 rows of both losses" in out


def test_a_file_is_read_as_ever(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("".join(rows(300)))
    with open(log) as file:
        ran = subprocess.run(DOCTOR, stdin=file, capture_output=True, text=True, check=False)
    assert "warning SP401" in ran.stdout
    assert ran.stderr == ""
    assert not is_live(str(log))
    assert not is_live(str(tmp_path / "none"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_followed_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert is_live(str(tmp_path / "pipe"))
    doctor = subprocess.Popen([*DOCTOR[:-1], tmp_path / "pipe", "--json"], stdout=subprocess.PIPE, text=True)
    with open(tmp_path / "pipe", "w") as pipe:
        pipe.writelines(rows(300))
    out, _ = doctor.communicate()
    assert "SP401" in [finding["code"] for finding in json.loads(out)["findings"]]


def rows(n: int, d: float = 1e-3, g: float = 9.0, first: int = 1000) -> list[str]:
    waves = [math.exp(0.2 * math.sin(2.7 * row)) for row in range(n)]
    return [f"step {10 * i + first}: d_loss = {d * w:.5f} | g_loss = {g * w:.4f}\n" for i, w in enumerate(waves)]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def codes(said: list[str]) -> list[str]:
    return [word for line in said for word in line.split() if word.startswith("SP")]


def test_nothing_is_said_that_one_look_saw_alone_until_the_program_is_silent() -> None:
    said: list[str] = []
    clock = Clock()
    listener = Listener(said.append, clock=clock)
    listener.feed("".join(rows(22)) + "step 5")  # one look; and half a line
    listener.wait()
    assert codes(said) == []
    clock.now = QUIET_SECONDS
    listener.wait()
    listener.wait()
    assert codes(said) == ["SP401"]


def test_each_thing_is_said_once_and_again_of_another_run() -> None:
    said: list[str] = []
    listener = Listener(said.append)
    for line in rows(300):
        listener.feed(line)
    assert codes(said) == ["SP401"]
    for line in rows(300):
        listener.feed(line)
    assert codes(said) == ["SP401", "SP401"]
    assert said[1].startswith("run 2, step ")
    assert len(listener.end()) == 2


def test_a_sound_log_is_left_in_peace() -> None:
    said: list[str] = []
    listener = Listener(said.append)
    for line in rows(2000, 0.9, 1.2):
        listener.feed(line)
    assert said == []


def test_where_there_is_no_time_nothing_is_looked_at_and_all_is_read() -> None:
    said: list[str] = []
    listener = Listener(said.append)
    listener._allowance = Allowance(0.0, 0.0, spent=1.0)
    listener.feed("".join(rows(5_000)))
    assert said == []
    assert len(listener.end()[0].series[0]) == 5_000


def test_a_look_that_fails_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(listening, "diagnose_history", lambda *_, **__: 1 / 0)
    listener = Listener(said.append)
    listener.feed("".join(rows(300)))
    assert len(said) == 1
    assert "ZeroDivisionError" in said[0]
    assert len(listener.end()[0].series[0]) == 300


def test_a_column_that_has_not_come_yet_is_waited_for() -> None:
    said: list[str] = []
    listener = Listener(said.append, names={"d_loss": "critic", "g_loss": "gen"})
    listener.feed("epoch 1 begins, rate: 0.1\n" * 30)
    for line in rows(300):
        listener.feed(line.replace("d_loss", "critic").replace("g_loss", "gen"))
    assert codes(said) == ["SP401"]
    assert GRACE_SECONDS < QUIET_SECONDS
