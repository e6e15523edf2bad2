"""What is decided once, at a run's first start, and held to from then on: clocks and machines must not change a run."""

from __future__ import annotations

import csv
import io
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from . import __version__, machine
from .checkpoints import write_whole
from .data import ImageSource, Split
from .errors import SparringError
from .folder import RunFolder, differences
from .methods import Recipe
from .metrics.extractors import check_features, extractor_named
from .metrics.features import Extractor
from .metrics.judging import EVALUATED, Judge, judge_of, judging_metric, obedience_judge_of, usual_metric
from .metrics.symptoms import symptoms_of
from .networks.calling import randomness
from .players import paint, resolve_device
from .seeds import seed_for

KEPT_CONDITIONS = 1_000  # of the training pictures, to sample with
LOADED_CONDITIONS = 64  # the same where each must be loaded with its picture
COST = 0.05  # the part of a run's time that evaluations may take


@dataclass(frozen=True)
class Evaluating:
    """How a run's quality is measured while it trains, as it was asked for.

    Attributes:
        held_out: pictures set aside for it; None: the usual number; 0: none, and no evaluation.
        every_images: real images between evaluations; None: chosen so that they cost about 5 %; 0: no evaluation.
        metric: what decides which checkpoint is the best; None: kid, or fd where there are twice as many pictures as
            features have numbers (which only small features of one's own reach).
        features: an extractor's name, or a callable uint8 [N, C, H, W] -> [N, K].
    """

    held_out: int | None = None
    every_images: int | None = None
    metric: str | None = None
    features: str | Callable[..., Any] = "lite0"

    def __post_init__(self) -> None:
        for word, value in (("held-out", self.held_out), ("evaluate-every", self.every_images)):
            if value is not None and value < 0:
                raise SparringError(f"--{word} is {value}.", "a whole number, 0 for never")
        if self.metric is not None:
            judging_metric(self.metric)
        check_features(self.features)

    def to_dict(self, split: Split | None) -> dict[str, Any]:
        """The part of a run's identity: the words as they were typed, and what is held out."""
        word = self.features if isinstance(self.features, str) else getattr(self.features, "__qualname__", "own")
        asked = {"every_images": self.every_images, "metric": self.metric, "features": word}
        return {"held_out": None if split is None else {"n": split.n, "seed": 0}, "evaluation": asked}


@dataclass(frozen=True)
class Plan:
    """What is being started: all that decisions depend on."""

    pair: tuple[nn.Module, nn.Module]
    z_shape: tuple[int, ...]
    data: ImageSource
    split: Split | None
    recipe: Recipe
    device: str
    evaluating: Evaluating
    seed: int
    say: Callable[[str], None]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one picture: (C, H, W)."""
        return self.data.channels, self.data.size_px, self.data.size_px


def settle(folder: RunFolder, asked: dict[str, Any], plan: Plan) -> tuple[dict[str, Any], Judge | None]:
    """Returns what was decided at the run's first start, and the judge; at the first start, decides and writes it down.

    Raises SparringError naming what differs when the folder holds a run of other settings.
    """
    stored = folder.settings()
    if stored is None and folder.has_begun():
        raise SparringError(
            f"{folder.path} holds a run, but its recipe.json is gone.",
            "the recipe.json that the run wrote",
            "put it back, or choose another --out.",
        )
    if stored is not None and folder.has_begun():
        _same_or_stop(folder, stored, asked, plan.device)
        decided = stored["decided"]
        # On the device that was decided, and not on what "auto" would mean today.
        plan = replace(plan, device=decided["device"])
        with machine.threads(decided["threads"]):
            return decided, _judge(plan, decided.get("evaluation"))
    threads = plan.recipe.threads or machine.usual_threads()
    if not plan.recipe.threads and (warning := machine.crowded(threads)):
        plan.say(warning)
    with machine.threads(threads):
        precision, why = plan.recipe.precision, "asked for"
        if precision == "auto":
            precision, why = machine.choose_precision(
                *plan.pair, plan.recipe, plan.shape, plan.z_shape, plan.device, plan.data.condition
            )
        evaluation, judge = _plan_evaluation(plan, plan.recipe.but(precision=precision))
    decided = {
        "precision": precision,
        "precision_why": why,
        "threads": threads,
        "device": str(resolve_device(plan.device)),
        "z_shape": list(plan.z_shape),
        "evaluation": evaluation,
    }
    _write_lists(folder, plan)
    _write_conditions(folder, plan.data if plan.split is None else plan.split.training)
    folder.write_settings({"sparring": __version__} | asked | {"decided": decided})
    return decided, judge


def _same_or_stop(folder: RunFolder, stored: dict[str, Any], asked: dict[str, Any], device: str) -> None:
    found = differences({name: stored.get(name) for name in asked}, asked)
    there = stored["decided"]["device"]
    try:
        resolve_device(there)
    except SparringError as error:
        raise SparringError(
            f"{folder.path} was started on {there}. {error.what}",
            error.expected,
            f"another --out goes on from its networks here: --from {folder.path} --device auto.",
        ) from None
    if device != "auto" and str(resolve_device(device)) != there:
        found.append(f"device: {there} there, {device} asked")
    if found:
        raise SparringError(
            f"{folder.path} holds a run of other settings:\n  " + "\n  ".join(found),
            "the settings that the run was started with (a larger budget is no difference)",
            f"choose another --out; `--from {folder.path}` starts it from this run's networks.",
        )


def _plan_evaluation(plan: Plan, recipe: Recipe) -> tuple[dict[str, Any] | None, Judge | None]:
    """Decides metric and period. Returns (what is written down, the judge), twice None where nothing is evaluated."""
    if plan.split is None or plan.evaluating.every_images == 0:
        return None, None
    extractor = _extractor(plan)
    metric = plan.evaluating.metric or usual_metric(min(EVALUATED, plan.split.n), extractor.dims)
    decided = {"metric": metric, "n_fake": EVALUATED}
    judge = _judge(plan, decided, extractor)
    assert judge is not None
    every = plan.evaluating.every_images or _affordable_images(plan, recipe, judge)
    return decided | {"every_images": every}, judge


def _extractor(plan: Plan) -> Extractor:
    return extractor_named(plan.evaluating.features, device=resolve_device(plan.device), shape=plan.shape)


def _judge(plan: Plan, decided: dict[str, Any] | None, extractor: Extractor | None = None) -> Judge | None:
    if decided is None or plan.split is None:
        return None
    seed = seed_for(plan.seed, "evaluation")
    extractor = extractor or _extractor(plan)
    judge = judge_of(plan.split.pictures(), extractor, decided["metric"], decided["n_fake"], seed)
    judge = replace(judge, symptoms=symptoms_of(plan.split, judge.held, judge.metric, extractor, judge.n, seed))
    if plan.data.condition is None:
        return judge
    try:
        assert judge.held.features is not None
        return replace(judge, obedience=obedience_judge_of(plan.split, judge.held.features, extractor))
    except SparringError as error:
        plan.say(f"Whether pictures follow their conditions is not measured. {error.what}")
        return judge


def _affordable_images(plan: Plan, recipe: Recipe, judge: Judge) -> int:
    """The real images between evaluations at which they take COST of the time, measured on copies; two digits of it."""
    device = resolve_device(plan.device)
    begin = time.perf_counter()
    told = plan.data.condition

    def sample(n: int, seed: int, condition: Tensor | None = None) -> Tensor:
        if told is not None and condition is None:
            condition = machine.some_conditions(told, n)
        return paint(plan.pair[0].to(device), n, seed, plan.z_shape, device, condition=condition)

    judge(sample)
    seconds = time.perf_counter() - begin
    players = machine.contender(*plan.pair, recipe, plan.z_shape, device)
    with randomness(0, device):
        real = torch.rand(recipe.batch, *plan.shape, device=device) * 2 - 1
        a_step = statistics.median(machine.step_seconds({"": players}, recipe, real, 4, told)[""])
    images = seconds * (1 - COST) / COST / a_step * recipe.images_a_step
    digits = max(0, math.floor(math.log10(images)) - 1) if images > 1 else 0
    return max(1, math.ceil(images / 10**digits)) * 10**digits


def _write_lists(folder: RunFolder, plan: Plan) -> None:
    """Lists the files that could not be used, and those held out, where the user looks first: in the run."""
    if plan.data.left_out:
        _write_table(folder, folder.left_out, ("path", "reason"), plan.data.left_out)
    if plan.split is not None:
        places = zip(plan.split.held_out.tolist(), plan.split.names(), strict=True)
        _write_table(folder, folder.held_out, ("place", "path"), list(places))


def _write_conditions(folder: RunFolder, data: ImageSource) -> None:
    """Keeps some conditions to sample with, since a run must make pictures without the data it learnt from."""
    if data.condition is None:
        return
    conditions = getattr(data, "conditions", None)
    if conditions is not None:
        places = conditions.draw(min(KEPT_CONDITIONS, len(conditions)), 0)
        captions = np.array([conditions.captions[place] for place in places])
        values = conditions.of(places).numpy()
    else:  # of a loader, which gives them with its pictures
        told = data.draw(0, LOADED_CONDITIONS, seed=0, flip=False)[1]
        assert told is not None
        values, captions = told.numpy(), np.array([""] * len(told))
    write_whole(folder.conditions, lambda file: np.savez_compressed(file, values=values, captions=captions))


def _write_table(folder: RunFolder, path: Any, head: tuple[str, ...], rows: list[Any]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(head)
    table.writerows(rows)
    write_whole(path, lambda file: file.write(text.getvalue().encode("utf-8", "surrogateescape")))
