"""How many threads a run has, and how they wait for each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sparring
from conftest import paint
from sparring import machine
from sparring.data.parallel import cores


@pytest.mark.parametrize(("said", "n"), [("3", 3), (" 2 ", 2), ("4,2", 4), ("", 0), ("0", 0), ("many", 0), ("-1", 0)])
def test_the_environment_says_how_many(monkeypatch: pytest.MonkeyPatch, said: str, n: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert machine.usual_threads() == (n or cores())


@pytest.mark.parametrize(("asked", "decided"), [(0, 3), (2, 2)])
def test_a_run_keeps_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: int, decided: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    recipe = sparring.recipes["dcgan"].but(width=4, batch=8, latent=16, precision="fp32", threads=asked)
    out = tmp_path / "run"
    sparring.train(paint(tmp_path / "pictures"), recipe, size=16, out=out, steps=2, held_out=0, say=lambda _: None)
    assert json.loads((out / "recipe.json").read_text())["decided"]["threads"] == decided


@pytest.mark.parametrize(("asked", "load", "warned"), [(0, 1.4, True), (0, 0.2, False), (2, 1.4, False)])
def test_a_busy_machine_is_spoken_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: int, load: float, warned: bool
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    recipe = sparring.recipes["dcgan"].but(width=4, batch=8, latent=16, precision="fp32", threads=asked)
    said: list[str] = []
    sparring.train(
        paint(tmp_path / "pictures"), recipe, size=16, out=tmp_path / "run", steps=1, held_out=0, say=said.append
    )
    assert any("--set threads=1" in line for line in said) is warned


@pytest.mark.parametrize(
    ("mine", "spins"), [({}, "10000"), ({"GOMP_SPINCOUNT": "5"}, "5"), ({"OMP_WAIT_POLICY": "active"}, None)]
)
def test_threads_are_told_how_to_wait_before_torch_is_there(mine: dict[str, str], spins: str | None) -> None:
    code = (
        "import os, sys, sparring.cli\n"
        "try:\n    sparring.cli.main(['rules'])\nexcept SystemExit:\n    pass\n"
        "print('torch' in sys.modules, os.environ.get('GOMP_SPINCOUNT'))"
    )
    unset = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    ran = subprocess.run([sys.executable, "-c", code], env=unset | mine, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1].split() == ["False", str(spins)]
