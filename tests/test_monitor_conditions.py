"""The monitor told of conditions: real digits, and fakes that are what they were asked for, or are not."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

import sparring
from sparring.doctor.observing.allowance import Allowance
from sparring.doctor.observing.obeying import Obeying

IMAGES, LABELS = load_digits(return_X_y=True)
PICTURES = torch.tensor(IMAGES / 8 - 1, dtype=torch.float32).view(-1, 1, 8, 8)
DIGITS = torch.tensor(LABELS)
STEPS = 3_800

FORMS: dict[str, Callable[[Tensor], Any]] = {
    "numbers": lambda labels: labels,
    "a column of NumPy": lambda labels: labels.numpy()[:, None],
    "one-hot": lambda labels: F.one_hot(labels, 10).float(),
    "one-hot planes": lambda labels: F.one_hot(labels, 10)[:, :, None, None].float().expand(-1, -1, 8, 8),
    "a list": lambda labels: labels.tolist(),
    "a vector for each class": lambda labels: torch.randn(10, 24, generator=torch.Generator().manual_seed(1))[labels],
}


def watching(**given: Any) -> sparring.Monitor:
    """A monitor that has time for pictures: these steps take a fraction of a millisecond, of which it has .5 %."""
    monitor = sparring.Monitor(loss="bce-logits", say=lambda _: None, **given)
    monitor._showing = Allowance(free=math.inf)
    return monitor


def told(asked_of: Callable[[Tensor], Tensor], form: Callable[[Tensor], Any], **given: Any) -> sparring.Monitor:
    """A monitor that saw a balanced game whose fakes are other reals, with noise; `asked_of` true labels -> asked."""
    torch.manual_seed(0)
    monitor = watching(**given)
    for step in range(STEPS):
        real, fake = (torch.randint(len(DIGITS), (32,)) for _ in range(2))
        monitor.observe(
            step,
            d_loss=1.2 + 0.05 * torch.randn(()),
            g_loss=0.9 + 0.05 * torch.randn(()),
            real=PICTURES[real],
            fake=PICTURES[fake] + 0.2 * torch.randn(32, 1, 8, 8),
            condition=form(asked_of(DIGITS[fake])),
            real_condition=form(DIGITS[real]),
        )
    monitor.close()
    return monitor


def test_fakes_that_are_not_what_was_asked_for_are_named() -> None:
    shuffled = told(lambda labels: labels[torch.randperm(len(labels))], FORMS["numbers"]).report()
    assert [f.code for f in shuffled.findings if f.severity != "info"] == ["SP604"]
    assert shuffled.findings[0].evidence["obedience"] < 0.15
    assert shuffled.findings[0].evidence["reals"] > 0.75


def test_fakes_that_obey_are_fine() -> None:
    assert not told(lambda labels: labels, FORMS["one-hot"]).report().codes


@pytest.mark.parametrize("form", FORMS)
def test_conditions_in_any_form(form: str) -> None:
    obeying = Obeying()
    for start in range(0, 1792, 64):
        batch = slice(start, start + 64)
        obeying.seen("real", PICTURES[batch], FORMS[form](DIGITS[batch]))
        obeying.seen("fake", -PICTURES[batch].numpy()[:, 0] * -5 + 3, FORMS[form](DIGITS[batch]))  # in another range
    found = obeying.measured(10_000)
    assert found is not None
    assert found["obedience_chance"] == 0.1
    assert min(found["obedience"], found["obedience_reals"]) > 0.75


def test_many_captions_are_not_judged() -> None:
    """Each picture has a vector of its own: no class has a mean."""
    assert not told(lambda labels: labels, lambda labels: torch.randn(len(labels), 24)).report().codes


def test_labels_of_reals_that_are_wrong_tell_nothing_of_the_generator() -> None:
    """Then reals are at chance too: a judge that knows nothing judges nobody."""
    assert not told(lambda labels: labels, lambda labels: labels[torch.randperm(len(labels))]).report().codes


def test_what_was_measured_stands_in_the_file(tmp_path: Path) -> None:
    monitor = told(lambda labels: labels.flip(0), FORMS["numbers"], out=tmp_path / "m.jsonl")
    assert sparring.diagnose(tmp_path / "m.jsonl").codes == monitor.report().codes == ["SP604"]


def test_a_training_whose_labels_are_shuffled() -> None:
    """The real thing: a small conditional pair learns digits, of which D is told others' labels."""
    torch.manual_seed(0)
    G = nn.Sequential(nn.Linear(16 + 10, 64), nn.ReLU(), nn.Linear(64, 64), nn.Tanh())
    D = nn.Sequential(nn.Linear(64 + 10, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    adam = [torch.optim.Adam(net.parameters(), 1e-3, (0.5, 0.999), fused=True) for net in (D, G)]
    monitor = watching()
    for step in range(STEPS):
        place = torch.randint(len(DIGITS), (32,))
        true, asked = F.one_hot(DIGITS[place], 10).float(), F.one_hot(torch.randint(10, (32,)), 10).float()
        learnt = true[torch.randperm(32)]
        real = PICTURES[place].flatten(1)
        fake = G(torch.cat([torch.randn(32, 16), asked], 1))
        d_loss = F.softplus(-D(torch.cat([real, learnt], 1))).mean()
        d_loss = d_loss + F.softplus(D(torch.cat([fake.detach(), asked], 1))).mean()
        adam[0].zero_grad()
        d_loss.backward()
        adam[0].step()
        g_loss = F.softplus(-D(torch.cat([fake, asked], 1))).mean()
        adam[1].zero_grad()
        g_loss.backward()
        adam[1].step()
        monitor.observe(step, d_loss=d_loss, g_loss=g_loss, real=real, fake=fake, condition=asked, real_condition=true)
    assert "SP604" in monitor.report().codes


def test_pictures_and_conditions_of_another_length_are_told_of_once() -> None:
    said: list[str] = []
    monitor = sparring.Monitor(say=said.append)
    for step in range(40):
        monitor.observe(step, d_loss=1.0, g_loss=1.0, real=PICTURES[:8], condition=DIGITS[:4])
    monitor.close()
    assert [line for line in said if "4 rows for 8 pictures" in line] == said


def test_a_figure_needs_enough_pictures_and_known_classes() -> None:
    obeying = Obeying()
    obeying.seen("fake", PICTURES[:64], DIGITS[:64])
    assert obeying.measured(10_000) is None
    for start in range(0, 1792, 64):
        obeying.seen("real", PICTURES[start : start + 64], DIGITS[start : start + 64])
        obeying.seen("fake", PICTURES[start : start + 64].numpy(), LABELS[start : start + 64])
    found = obeying.measured(10_000)
    assert found is not None
    assert found["obedience_chance"] == 0.1
    assert found["obedience"] == pytest.approx(found["obedience_reals"], abs=0.05)
    assert found["obedience_reals"] > 0.75
    assert obeying.measured(20_000) is None  # nothing new came
