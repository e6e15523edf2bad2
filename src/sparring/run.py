"""`train()`: wires data, networks, trainer and observers into a run's folder. The only place that knows them all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from . import machine, networks
from .clashes import check_condition
from .conditions import Embed, Kind
from .dashboard.beside import watched
from .data import ImageSource, conditioned, hold_out, open_data
from .data.builtin import usual_size
from .doctor.before import checked
from .errors import SparringError
from .folder import RunFolder
from .game import Game
from .methods import Recipe, recipe_named, usual_recipe
from .metrics.judging import Judge
from .metrics.stopping import PATIENCE, Best, Patience
from .mirrors import check_mirrors, mirrored
from .networks.brought import brought, origin_of
from .networks.calling import Understood, outline, randomness, understand
from .networks.conditioning import conditioning_of
from .players import optimizer_named, resolve_device
from .reporting.writing import kept_report
from .sampler import OWN, told_of, whole_checkpoint
from .seeds import seed_for
from .session import Observer, Options, Run, Session
from .settling import Evaluating, Plan, settle
from .stabilisers import initialisation_named
from .trainer import Budget, Trainer


def train(
    source: Any = "emoji",
    recipe: str | Recipe | None = None,
    *,
    generator: nn.Module | str | Any = None,
    discriminator: nn.Module | str | Any = None,
    condition: Kind | None = None,
    condition_from: Any = None,
    embed: Embed | None = None,
    forms: Mapping[str, str] | None = None,
    size: int | None = None,
    channels: int | Literal["auto"] = "auto",
    fit: str = "crop",
    background: str = "white",
    path: str | Path | None = None,
    batch: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    steps: int | None = None,
    images: int | None = None,
    epochs: float | None = None,
    minutes: float | None = None,
    device: str = "auto",
    start_from: str | Path | None = None,
    held_out: int | None = None,
    evaluate_every: int | None = None,
    metric: str | None = None,
    features: str | Callable[..., Any] = "lite0",
    patience: int = PATIENCE,
    force: bool = False,
    **options: Any,
) -> Run:
    """Trains a generator on pictures; the same call again goes on where the last whole checkpoint is.

    Args:
        source: a folder, zip, .npy or .npz of pictures, "emoji", "fashion-mnist", or tensors in any iterable.
        recipe: a name from `sparring.recipes` or a Recipe; None: "sparring", and "dcgan" for networks of your own.
        generator: your own, with `discriminator`: a PyTorch or Keras 3 model, FILE:EXPR, or a saved .keras or .h5 file.
        discriminator: likewise; what it is called with and what it gives is found out (docs/own-models.md).
        condition: what each picture is told by: "class", "text" or "vector"; None for nothing.
        condition_from: where it is read: a table, a pattern of file names, {path: condition}, a function of the path,
            or an array; None for what lies with the pictures (docs/conditions.md).
        embed: captions -> [n, k]; None for MiniLM, 384 numbers.
        forms: of your own networks, where what was found out is wrong: {"generator": "condition,z", "range": "0..1"}.
        size: side of the pictures in px; by default 64, 28 for fashion-mnist, or what tensors have.
        channels: "auto", 1, 3 or 4.
        fit: "crop", "pad" or "squeeze" what is not square.
        background: what transparent pictures are laid on where there is no alpha channel.
        path: where a built-in data set lies.
        batch: pictures a step, in place of the recipe's.
        seed: everything random is a function of it.
        out: the run's folder; by default runs/ and a name made of source, recipe and a hash of the settings.
        steps: G updates to stop after; or `images`, `epochs`, `minutes`; counted from the run's beginning.
        images: real images to stop after.
        epochs: passes over the data to stop after.
        minutes: counted from this call.
        device: "auto", "cpu", "cuda", "mps".
        start_from: another run whose networks to start with, at its best.
        held_out: pictures that are not trained on but judged by; None: a tenth (500 are a fifth at most, 2,000 at
            most, none of fewer than 500 pictures); 0: none, and no evaluation.
        evaluate_every: real images between evaluations; None: so many that they cost about 5 %; 0: never.
        metric: which metric decides what is best; None: "kid" ("fd" for features of at most 500 numbers, where there
            are twice as many pictures).
        features: extractor of that metric, or a callable uint8 [N, C, H, W] -> [N, K].
        patience: evaluations without improvement beyond noise after which the run ends; 0: never.
        force: whether to train although the doctor found an error.
        options: sample_every, checkpoint_every (steps), keep, keep_every, doctor, watch, mirrors, project, observers,
            say; see `session.Options`.

    Raises:
        SparringError: anything that a user can mend, in words; nothing saved is lost.
        KeyboardInterrupt, SystemExit(143): after Ctrl-C or SIGTERM, once the step is finished and saved.
    """
    how = Options.of(options)
    check_mirrors(how.mirrors)
    evaluating = Evaluating(held_out, evaluate_every, metric, features)
    if patience < 0:
        raise SparringError(f"--patience is {patience}.", "a whole number, 0 for never")
    recipe = recipe_named(recipe or usual_recipe(own_networks=generator is not None))
    recipe = recipe if batch is None else recipe.but(batch=batch)
    budget = Budget(steps, images, epochs, minutes)
    if not budget:
        raise SparringError("The training has no end.", "one of steps, images, epochs or minutes")
    if (generator is None) != (discriminator is None):
        raise SparringError("One network of your own was given.", "both or none", "give generator= and discriminator=.")
    size = usual_size(source) if size is None else size
    _check_early(recipe, None if generator is not None else size, device)
    data = open_data(source, size_px=size, channels=channels, fit=fit, background=background, path=path, say=how.say)
    data = conditioned(source, data, condition, condition_from, embed, how.say)
    list(map(how.say, data.notes))
    check_condition(recipe, data.condition.kind if data.condition is not None else None)
    pair = _pair(generator, discriminator, data, recipe, seed)
    # Before the networks are described: lazy layers get their shapes by the way.
    seen = understand(*pair, (data.channels, data.size_px, data.size_px), recipe.latent, data.condition, forms)
    for note in seen.notes if generator is not None else ():
        how.say(note)
    pair = seen.generator, seen.discriminator
    split = hold_out(data, held_out)
    trained_on = data if split is None else split.training
    plan = Plan(pair, seen.z_shape, data, split, recipe, device, evaluating, seed, how.say)
    asked = evaluating.to_dict(split) | {
        "recipe": recipe.to_dict(),
        "data": {name: value for name, value in data.identity.items() if name != "condition"},
        "condition": data.identity.get("condition"),
        "networks": _describe(generator, discriminator, seen, recipe),
        "seed": seed,
        "from": Path(start_from).name if start_from else None,
    }
    folder = RunFolder(out or _default_out(source, data, [channels, fit, background], asked))
    if start_from is not None and not folder.has_begun():
        whole_checkpoint(RunFolder(start_from))  # says before anything is written that there is none
    findings = () if folder.has_begun() else checked(pair, trained_on, recipe, how.say, force)
    folder.create()
    folder.take()
    try:
        decided, judge = settle(folder, asked, plan)
        how.say(f"Run folder: {folder.path}")
        every = decided["evaluation"]["every_images"] if judge is not None else 0
        how = _watched(how, judge, patience, trained_on.n or 0, every)
        with _seen(how, folder) as how, machine.threads(decided["threads"]):
            settled = recipe.but(precision=decided["precision"])
            trainer = Trainer(*pair, trained_on, settled, seed=seed, device=decided["device"])
            may_ask = told_of(folder, asked, embed)
            return _shown(Session(folder, trainer, how, judge, every, may_ask, findings).run(budget, start_from), how)
    finally:
        folder.release()


@contextmanager
def _seen(how: Options, folder: RunFolder) -> Iterator[Options]:
    """Shows a run while it trains, where that was asked for: on a page of its own, and in mirrors."""
    page = watched(folder.path, how.say) if how.watch else nullcontext()
    with page, mirrored(how.mirrors, folder, how.project, how.say) as mirrors:
        yield replace(how, observers={**how.observers, **mirrors})


def _shown(run: Run, how: Options) -> Run:
    """Writes the page of a run that came to its end; where that fails it is said, and the run is as good."""
    kept_report(run.path, how.say)
    return run


def _watched(how: Options, judge: Judge | None, patience: int, trained_on: int, every: int) -> Options:
    """Adds the observers that keep the best and stop; says where there is nothing to judge by."""
    if judge is None:
        how.say("Quality is not measured while this trains, so nothing is kept as the best (see --held-out).")
        return how
    how.say(
        f"{judge.held.n:,} of {judge.held.n + trained_on:,} pictures are held out (held_out.csv); every "
        f"{every:,} real pictures {judge.n:,} new ones are judged by them: {judge.metric.name} with "
        f"{judge.extractor.name}."
    )
    better = judge.metric.better
    ours: dict[str, Observer] = {"best": Best(better), "patience": Patience(patience, better)}
    if ours.keys() & how.observers.keys():
        raise SparringError("An observer is called best or patience.", "another name", "these two are sparring's own.")
    return replace(how, observers=ours | dict(how.observers))


def _check_early(recipe: Recipe, size: int | None, device: str) -> None:
    """Says before the pictures are read what would be wrong after it."""
    resolve_device(device)
    Game.of(recipe)  # every word of it, and every pair
    optimizer_named(recipe.optimizer)
    initialisation_named(recipe.init)
    if recipe.precision not in ("auto", "fp32", "bf16"):
        raise SparringError(f"The precision is {recipe.precision!r}.", "fp32, bf16 or auto")
    if size is not None:
        networks.check(recipe.network, size)


def _describe(generator: Any, discriminator: Any, seen: Understood, recipe: Recipe) -> dict[str, Any]:
    """What a run remembers of its networks: a family; of your own class, weights' shapes, forms, and where from."""
    if generator is None:
        return {"family": recipe.network}
    found = {"generator": outline(seen.generator), "discriminator": outline(seen.discriminator)}
    return {"family": OWN, **found, "forms": seen.forms, "files": [origin_of(generator), origin_of(discriminator)]}


def _default_out(source: Any, data: ImageSource, look: list[Any], asked: dict[str, Any]) -> Path:
    """A name from what was typed, not from the data's content: pictures added later are a difference, not a new run."""
    typed = {name: asked[name] for name in ("recipe", "networks", "seed", "from")}
    where = str(Path(source).resolve()) if isinstance(source, str | Path) and Path(source).exists() else data.name
    digest = hashlib.sha256(json.dumps([typed, look, data.size_px, where], sort_keys=True).encode()).hexdigest()[:6]
    return Path("runs") / f"{data.name}-{asked['recipe']['name']}-{data.size_px}px-{digest}"


def _pair(
    generator: Any, discriminator: Any, data: ImageSource, recipe: Recipe, seed: int
) -> tuple[nn.Module, nn.Module]:
    with randomness(seed_for(seed, "networks"), torch.device("cpu")):
        if generator is not None:
            return brought(generator, discriminator)
        conditioning = None if data.condition is None else conditioning_of(recipe, data.condition)
        return networks.build(recipe.network, data.size_px, data.channels, recipe.width, recipe.latent, conditioning)
