"""Best and Patience: what they ask for after which evaluations, and that their state is all they need."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparring.events import Event
from sparring.metrics.stopping import Best, Patience


def evaluation(step: int, value: float, noise: float = 0.0) -> Event:
    return Event("evaluation", step, step * 8, {"metric": "kid", "value": value, "noise": noise, "better": "lower"})


def asked(observer: object, values: list[float], noise: float = 0.0) -> list[int]:
    """The steps at which something was asked for."""
    return [step for step, value in enumerate(values, 1) if observer(evaluation(step, value, noise)) is not None]  # type: ignore[operator]


def test_the_best_is_kept_and_a_tie_is_no_gain() -> None:
    best = Best("lower")
    assert asked(best, [5, 6, 4, 4, 3.9]) == [1, 3, 5]
    assert (best.value, best.step) == (3.9, 5)


def test_higher_may_be_better() -> None:
    assert asked(Best("higher"), [5, 6, 4, 4, 7]) == [1, 2, 5]
    assert asked(Patience(2, "higher"), [5, 6, 4, 4, 7], noise=0.5) == [4]


def test_patience_runs_out_after_so_many_without_a_gain() -> None:
    assert asked(Patience(3, "lower"), [5, 4, 4, 4, 4]) == [5]
    assert asked(Patience(3, "lower"), [5, 4, 4, 4, 3, 3, 3]) == []


def test_gains_within_noise_do_not_count() -> None:
    assert asked(Patience(3, "lower"), [5, 4.9, 4.85, 4.8], noise=0.5) == [4]


def test_but_a_slow_gain_adds_up() -> None:
    assert asked(Patience(3, "lower"), [5 - 0.2 * i for i in range(20)], noise=0.5) == []


def test_zero_never_stops() -> None:
    assert asked(Patience(0, "lower"), [1.0] * 50) == []


def test_a_run_that_had_stopped_stops_again_and_goes_on_with_more_patience() -> None:
    patience = Patience(3, "lower")
    asked(patience, [1, 1, 1, 1])
    for more, stops in ((3, True), (4, False)):
        again = Patience(more, "lower")
        again.load_state_dict(patience.state_dict())
        assert (again(Event("resumed", 4)) is not None) is stops
    assert Patience(3, "lower")(Event("started", 0)) is None


@pytest.mark.parametrize("kind", ["tick", "best", "checkpoint", "ended"])
def test_other_events_ask_for_nothing(kind: str) -> None:
    patience = Patience(1, "lower")
    asked(patience, [1, 1])
    assert patience(Event(kind, 3)) is None
    assert Best("lower")(Event(kind, 3)) is None


@given(st.lists(st.floats(0, 10), min_size=2, max_size=30), st.integers(1, 29), st.integers(1, 5))
def test_state_is_all_they_need(values: list[float], cut: int, patience: int) -> None:
    """Saved and loaded anywhere, the rest comes out the same."""
    cut = min(cut, len(values) - 1)
    for make in (lambda: Best("lower"), lambda: Patience(patience, "lower")):
        whole, first, second = make(), make(), make()
        expected = asked(whole, values, 0.1)
        found = asked(first, values[:cut], 0.1)
        second.load_state_dict(first.state_dict())  # type: ignore[attr-defined]
        found += [step + cut for step in asked(second, values[cut:], 0.1)]
        assert found == expected
