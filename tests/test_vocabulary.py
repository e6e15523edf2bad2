"""Errors, seeds, events, recipes: what everybody speaks."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparring.errors import SparringError, did_you_mean
from sparring.events import Event, Log, read, tail
from sparring.folder import RunFolder, differences
from sparring.methods import RECIPES, Recipe, recipe_named
from sparring.seeds import seed_for

plain = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False))


def test_an_error_says_what_was_expected_and_what_to_do() -> None:
    assert str(SparringError("A is B.", "C", "do D.")) == "A is B.\nExpected: C\nTo fix it: do D."
    assert str(SparringError("A is B.")) == "A is B."


def test_the_near_name_is_offered() -> None:
    assert did_you_mean("dcgn", ["dcgan", "wgan"]) == "did you mean 'dcgan'?"
    assert did_you_mean("zzz", ["b", "a"]) == "known: a, b"


@given(a=st.tuples(st.integers(), st.text(), st.integers()), b=st.tuples(st.integers(), st.text(), st.integers()))
def test_streams_are_apart_and_fixed(a: tuple[int, str, int], b: tuple[int, str, int]) -> None:
    assert seed_for(*a) == seed_for(*a)
    assert 0 <= seed_for(*a) < 2**63
    if a != b:
        assert seed_for(*a) != seed_for(*b)


def test_seeds_never_change() -> None:
    """These are a promise: another value would make every run of the past another run."""
    assert [seed_for(0, "step", 0), seed_for(1, "order", 7)] == [7316601067076945981, 4845166813118580173]


@given(values=st.dictionaries(st.text().filter(lambda s: s not in ("event", "step", "images", "time")), plain))
def test_events_survive_their_line(values: dict[str, Any]) -> None:
    event = Event("tick", 3, 192, values, 1000.5)
    assert Event.from_json(event.to_json()) == event
    assert "\n" not in event.to_json()


def test_what_is_not_finite_is_null_in_the_file() -> None:
    line = Event("tick", 1, 1, {"d_loss": math.nan, "g_loss": math.inf, "nonfinite": {"d_loss": 1}}).to_json()
    found = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (found["d_loss"], found["g_loss"], found["nonfinite"]) == (None, None, {"d_loss": 1})


@pytest.mark.parametrize("line", ["", "{", "[]", "3", '{"event": 4}', '{"event": "tick", "step": "x"}', '{"a": 1}'])
def test_what_is_no_event_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError):
        Event.from_json(line)


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = Log(path)
    log.append(Event("started", 0))
    log.append(Event("tick", 10))
    log.close()
    os.truncate(path, path.stat().st_size - 5)  # a kill in the middle of a write
    log = Log(path)
    log.append(Event("resumed", 5))
    log.close()
    assert [e.kind for e in read(path)] == ["started", "resumed"]


def test_a_resume_takes_back_what_came_after_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = Log(path)
    for kind, step in (("tick", 5), ("tick", 10), ("tick", 15), ("resumed", 10), ("tick", 15)):
        log.append(Event(kind, step))
    log.close()
    assert [(e.kind, e.step) for e in read(path)] == [("tick", 5), ("tick", 10), ("resumed", 10), ("tick", 15)]


def test_tail_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = Log(path)
    log.append(Event("tick", 1))
    seen, offset = tail(path)
    assert [e.step for e in seen] == [1]
    with open(path, "a") as file:
        file.write(Event("tick", 2).to_json()[:10])  # not ended yet
    assert tail(path, offset) == ([], offset)
    with open(path, "a") as file:
        file.write(Event("tick", 2).to_json()[10:] + "\n")
    seen, end = tail(path, offset)
    assert [e.step for e in seen] == [2]
    assert end == path.stat().st_size
    log.close()


def test_a_log_on_a_full_disk_says_so() -> None:
    log = Log(Path("/dev/full"))
    with pytest.raises(SparringError, match="No space left"):
        log.append(Event("tick", 1))
    log.close()


def test_a_recipe_changes_by_copy() -> None:
    changed = RECIPES["dcgan"].but(d_lr="4e-4", batch="32", flip="yes", precision="bf16", g_lr="/2", width="*2")
    assert (changed.d_lr, changed.batch, changed.flip, changed.precision) == (4e-4, 32, True, "bf16")
    assert (changed.g_lr, changed.width) == (1e-4, 128)
    assert RECIPES["dcgan"].d_lr == 2e-4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"d_lrr": 1}, "no 'd_lrr'[\\s\\S]*did you mean 'd_lr'"),
        ({"d_lr": "fast"}, "d_lr is 'fast'[\\s\\S]*a number"),
        ({"batch": "3.5"}, "batch is '3.5'[\\s\\S]*whole number"),
        ({"batch": 1}, "batch is 1[\\s\\S]*from 2"),
        ({"d_lr": float("nan")}, "d_lr is nan"),
        ({"d_lr": "-1"}, "from 0"),
        ({"d_lr": "/0"}, "d_lr is '/0'"),
        ({"flip": "maybe"}, "true or false"),
        ({"beta1": "1"}, "beta1 is 1"),
    ],
)
def test_a_senseless_change_is_an_error(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SparringError, match=words):
        RECIPES["dcgan"].but(**changes)


def test_an_unknown_recipe_offers_the_near_name() -> None:
    with pytest.raises(SparringError, match="did you mean 'dcgan'"):
        recipe_named("dcgann")


def test_every_number_has_a_source() -> None:
    recipe = Recipe()
    assert all(recipe.source_of(name) for name in recipe.to_dict() if name != "name")


def test_differences_are_named() -> None:
    there, asked = {"seed": 0, "recipe": {"d_lr": 1, "g_lr": 2}}, {"seed": 0, "recipe": {"d_lr": 3, "g_lr": 2}}
    assert differences(there, asked) == ["recipe.d_lr: 1 there, 3 asked"]
    assert differences(there, there) == []


def test_one_process_a_folder(tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path), RunFolder(tmp_path)
    first.take()
    with pytest.raises(SparringError, match="Another process is training"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_a_child_that_outlives_its_parent_holds_nothing(tmp_path: Path) -> None:
    """As a DataLoader's worker does for some seconds after `kill -9`."""
    code = f"""
import os, sys, time
from sparring.folder import RunFolder
folder = RunFolder({str(tmp_path / "other")!r}); folder.create(); folder.take()
child = os.fork()
if child == 0:
    print(os.getpid(), flush=True)
    time.sleep(60)
    os._exit(0)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    other = RunFolder(tmp_path / "other")
    with pytest.raises(SparringError, match="Another process is training"):
        other.take()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    os.kill(child, 0)  # the child is still there
    other.take()
    other.release()
    os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}'])
def test_settings_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(SparringError, match=r"recipe\.json"):
        RunFolder(tmp_path).settings()
