"""`check`: two networks, and what is known of the data and the loss -> a report, before any training."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..conditions import Shape
from ..errors import SparringError
from ..findings import Report
from ..methods import Recipe, recipe_named
from ..networks.brought import brought_alone, loaded
from ..networks.calling.probing import first_line
from ..networks.keras import KerasNetwork, is_keras
from .asked import (
    as_pictures,
    condition_of,
    facts_of_data,
    loss_of,
    made_up,
    settled,
    turned,
    turned_data,
    turned_pictures,
)
from .catalogue import judge
from .facts import Loss, Network, Pair
from .looking.calls import Called, N, discriminator_call, generator_call
from .looking.kept import flags_kept
from .looking.pairing import together
from .looking.probe import Looked, look
from .looking.stepping import more_facts

STATIC = ("SP1", "SP2")


@dataclass(frozen=True)
class Examined:
    """What `examine` found.

    Attributes:
        report: the findings.
        facts: by name, as rules saw them.
        generator: G's facts; None where it was not given.
        discriminator: D's.
    """

    report: Report
    facts: dict[str, Any]
    generator: Network | None
    discriminator: Network | None


def check(generator: Any = None, discriminator: Any = None, **known: Any) -> Report:
    """Finds what is wrong with a pair of networks before it is trained. Nothing of them changes.

    Args:
        generator: a PyTorch module, a Keras 3 model, FILE:EXPR, or a saved Keras file; None to look at D alone.
        discriminator: likewise; None to look at G alone.
        known: what else is known; see `examine`.

    Raises:
        SparringError: a network cannot be built or called, or an option makes no sense.
    """
    return examine(generator, discriminator, **known).report


def examine(
    generator: Any = None,
    discriminator: Any = None,
    *,
    data: Any = None,
    recipe: str | Recipe | None = None,
    loss: str | None = None,
    latent: int = 100,
    condition: str | Shape | None = None,
    size: int | None = None,
    channels: int | None = None,
    range: tuple[float, float] | None = None,
    batch: int | None = None,
    last_batch: int = 0,
    d_lr: float | None = None,
    g_lr: float | None = None,
    step: Callable[..., Any] | None = None,
    combined: Any = None,
    g_inputs: Sequence[Tensor] | None = None,
    d_call: Callable[[Any, Tensor], Any] | None = None,
) -> Examined:
    """As `check`, with the facts.

    Args:
        generator: see `check`.
        discriminator: see `check`.
        data: a batch of what D sees as real, numbers as they are given to D  # [N, C, H, W], [N, H, W, C] or [N, ...]
            or a function that gives one: (shape of one picture, channels first) -> batch.
        recipe: gives loss, penalties, batch and rates where they are not said.
        loss: one of `facts.LOSSES`, or another usual name (wasserstein-gp, minimax, lsgan).
        latent: numbers in z.
        condition: "none", "class:10", "vector:384", "text", or a `Shape`.
        size: side of the pictures in px; by default G's own.
        channels: 1, 3 or 4; by default G's own.
        range: of the data, where they are not given; by default (-1, 1).
        batch: pictures a step.
        last_batch: pictures in the last step of an epoch, where it is smaller.
        d_lr: rate of D's optimiser.
        g_lr: rate of G's.
        step: (G, D, real, g_optimizer, d_optimizer) -> anything: one training step, which is run a few times on copies.
        combined: a compiled stack of G and D, as Keras programs build it.
        g_inputs: examples of what G is called with, where that is not (z, condition).
        d_call: (D, pictures) -> what D gives, where it is not called as D(pictures, condition).

    Raises:
        SparringError: a network cannot be built or called, or an option makes no sense.
    """
    if generator is None and discriminator is None:
        raise SparringError("There is no network to check.", "a generator, a discriminator, or both")
    notes: list[str] = []
    generator, discriminator, combined = loaded(generator, discriminator, combined)
    frozen = {id(net): _frozen(net) for net in (generator, discriminator)}
    modules = [
        None if net is None else _module(net, role)
        for net, role in zip((generator, discriminator), _ROLES, strict=True)
    ]
    told = condition_of(condition)
    method = None if recipe is None else recipe_named(recipe)
    reals = None if data is None or callable(data) else as_pictures(data)
    is_asked = size is not None or channels is not None
    shape: tuple[int, ...] = (channels or 3, size or 64, size or 64)
    shape = shape if reals is None else tuple(reals.shape[1:])
    g = d = None
    if modules[0] is not None:
        call = generator_call(modules[0], latent=latent, condition=told, image_shape=shape, inputs=g_inputs)
        g = _looked("generator", call, frozen[id(generator)])
        notes += call.notes
    made = None if g is None else turned(g.outputs[0], shape, certain=reals is not None or is_asked)
    if reals is None and made is not None:
        shape = settled(tuple(made.shape[1:]), size, channels)
        made = turned(made, shape, certain=is_asked)
    if callable(data):
        reals = as_pictures(data(shape))
        if range is None:
            notes.append("The range of the data was not said: they are scaled to -1 to 1.")
    if reals is None:
        if made is not None and not is_asked:
            notes.append(f"Nothing was said of the data: pictures of {list(shape)} as G makes them.")
        reals = made_up(shape, range, notes)
    pair, found_loss = None, None
    if modules[1] is not None:
        d, pair = _looked_at_d(modules[1], reals, made, told, d_call, frozen[id(discriminator)])
    if told is not None and g_inputs is None and d_call is None:
        _check_told(told, [each for each in (g, d) if each is not None])
    if d is not None:
        found_loss = loss_of(loss, method, d.network, notes)
    if g is not None and d is not None and not (pair and pair.mismatch):
        assert found_loss is not None
        pair, found_loss = together(
            g, d, reals if made is None else reals.to(made.device), found_loss, lambda x: turned(x, shape, certain=True)
        )
        pair = dataclasses.replace(pair, mismatch=turned_data(data, d) or turned_pictures(g, d, shape))
    facts = _facts(g, d, pair, found_loss, method, d_lr, g_lr)
    facts["data"] = facts_of_data(
        reals,
        data is None or (callable(data) and range is None),
        range,
        batch or (method.batch if method else 0),
        last_batch,
        d,
    )
    given = (generator, discriminator, combined)
    facts |= more_facts(given, g, d, reals, told, step=step, pair=pair, notes=notes)
    report = judge(facts, STATIC, notes)
    return Examined(report, facts, facts.get("generator"), facts.get("discriminator"))


_ROLES = ("generator", "discriminator")


def _frozen(network: Any) -> bool:
    """Whether a whole Keras model stands on `trainable = False`."""
    return is_keras(network) and bool(network.weights) and not network.trainable_weights


def _module(network: Any, role: str) -> nn.Module:
    if not is_keras(network):
        return brought_alone(network, role)
    with flags_kept(network):
        return KerasNetwork(network, several=True)


def _looked(role: str, call: Called, frozen: bool) -> Looked:
    try:
        return look(role, call, frozen_by_user=frozen)
    except SparringError:
        raise
    except Exception as error:  # a network may refuse in its own way
        raise SparringError(
            f"The {role} fails in training mode, called as {call.form}: {first_line(error)}",
            f"a network that can be trained on batches, here of {N}",
            "call it so yourself, in training mode, to see where.",
        ) from error


def _looked_at_d(
    network: nn.Module,
    reals: Tensor,
    made: Tensor | None,
    told: Shape | None,
    d_call: Callable[[Any, Tensor], Any] | None,
    frozen: bool,
) -> tuple[Looked | None, Pair | None]:
    """D's facts, on the data; where it refuses them, on what G makes; a Pair that says what does not fit."""
    data_shape = tuple(reals.shape[1:])
    g_shape = data_shape if made is None else tuple(made.shape[1:])
    wrong = "" if g_shape == data_shape else f"G makes {list(g_shape)}, the data are {list(data_shape)}"
    failure: SparringError | None = None
    for images in [reals] if made is None or not wrong else [reals, made]:
        try:
            call = discriminator_call(network, images, condition=told, call=d_call)
            looked = _looked("discriminator", call, frozen)
        except SparringError as error:
            failure = failure or error
            continue
        except Exception as error:  # from the user's own d_call
            failure = failure or SparringError(f"The discriminator could not be called: {first_line(error)}")
            continue
        if images is made:
            wrong += "; D takes what G makes, and not the data"
        elif wrong:
            wrong += "; D takes the data, and not what G makes"
        return looked, Pair(mismatch=wrong, g_shape=g_shape, data_shape=data_shape) if wrong else None
    assert failure is not None
    if made is None or not (wrong or _SHAPES.search(str(failure))):
        raise failure
    wrong = f"{wrong}; " if wrong else f"both G and the data have {list(data_shape)}; "
    return None, Pair(mismatch=wrong + failure.what, g_shape=g_shape, data_shape=data_shape)


# What networks say of shapes that do not fit; every other failure is one of its own.
_SHAPES = re.compile(r"shape|size|channels|dimension|incompatible|expected input|in_features|axis", re.IGNORECASE)


def _check_told(told: Shape, looked: list[Looked]) -> None:
    if not any(given.name == "condition" for each in looked for given in each.network.inputs):
        raise SparringError(
            f"{'Neither network takes' if len(looked) > 1 else 'The network does not take'} a condition, and one was "
            f"named ({told.kind}:{told.size}).",
            "a network that takes it beside z or the pictures",
            "leave --condition out, or give networks that take it.",
        )


def _facts(
    g: Looked | None,
    d: Looked | None,
    pair: Pair | None,
    loss: Loss | None,
    method: Recipe | None,
    d_lr: float | None,
    g_lr: float | None,
) -> dict[str, Any]:
    networks = tuple(each.network for each in (g, d) if each is not None)
    rates = {
        "d_lr": d_lr if d_lr is not None else method.d_lr if method else None,
        "g_lr": g_lr if g_lr is not None else method.g_lr if method else None,
    }
    rates = {name: rate for name, rate in rates.items() if rate is not None}
    return {
        "networks": networks or None,
        "generator": g.network if g else None,
        "discriminator": d.network if d else None,
        "pair": pair,
        "loss": loss,
        "rates": rates or None,
    }
