"""One network, understood: how it is called, what it gives, and the same behind the canonical call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ...errors import SparringError, did_you_mean
from .adapting import RANGES, AdaptedDiscriminator, AdaptedGenerator, Picture, Verdicts
from .endings import Ending, Reach, endings, reach
from .forms import Form
from .probing import Probe, first_line, parts_of
from .reading import (
    LogitsAt,
    PictureAt,
    bounds_note,
    check_logits,
    is_probability,
    layout_note,
    lie_like_probabilities,
    logits_at,
    numbers_of,
    outputs_note,
    picture_at,
    range_note,
)
from .trying import Condition, N, Trial, call_notes, is_silent, kind_of, search

OUTPUTS = ("logits", "before-sigmoid", "probabilities")
FORMS = ("generator", "discriminator", "range", "output")
_SCALES = (1.0, 30.0, 1000.0)  # of the pictures by which a D without a known end is asked whether it ever leaves [0, 1]

_BEFORE = "The discriminator ends in a sigmoid: it is trained on the logits before it."
_PROBABILITIES = (
    "The discriminator gives probabilities, and the logits before them cannot be reached (compiled code, or more than "
    "a sigmoid at its end): its loss is computed from them in fp32, which is blind where it is certain. Better let it "
    "end in logits."
)
_DOUBT = (
    "All that the discriminator gave lies between 0 and 1, and no sigmoid was seen: it is taken for logits. If it is a "
    'probability, let it end in logits, or say forms={"output": "probabilities"}.'
)

R = TypeVar("R")


@dataclass(frozen=True)
class Side:
    """One network, understood.

    Attributes:
        network: behind the canonical call: the user's own object where that fits it.
        forms: what was found, in the words of `forms`.
        notes: sentences for the user.
        layout: of pictures, as the user's network has them: "nchw", "nhwc" or "flat".
        takes_condition: whether it is given the condition, or names the class itself.
        z_shape: the shape of one z; of a discriminator ().
    """

    network: nn.Module
    forms: dict[str, str]
    notes: list[str]
    layout: str
    takes_condition: bool
    z_shape: tuple[int, ...] = ()


def understand_generator(
    generator: nn.Module,
    image_shape: tuple[int, int, int],
    latent: int,
    condition: Condition | None = None,
    forms: Mapping[str, str] | None = None,
) -> Side:
    """As `calling.understand`, of a generator alone. Raises SparringError likewise."""
    asked = _checked(generator, forms)
    z_shapes: dict[str, tuple[int, ...]] = {"flat": (latent,), "map": (latent, 1, 1)}
    if isinstance(generator, AdaptedGenerator) and generator.shape == image_shape:  # understood before
        z_shape = z_shapes[generator.form.encoding("z")]
        return Side(generator, generator.words, [], "nchw", generator.form.has_condition, z_shape)

    def read(output: Any) -> PictureAt:
        return picture_at(output, image_shape)

    pinned = asked.get("generator", "")
    trial = Trial(generator, "generator", z_shapes, condition, read, pinned, image_shape, latent)
    found = search(trial)
    notes = call_notes(trial, found)
    seen: list[Picture] = []
    for training in _modes(generator):
        at, ends = _looked_at(trial, found.form, training, tracked="range" not in asked)
        ending = ends[at.place or 0] if ends else None
        seen.append(Picture(at.place, at.layout, asked.get("range") or numbers_of(ending)))
        notes += [layout_note(at), "" if "range" in asked else range_note(seen[-1].numbers, ending)]
    notes.append(_silence(trial, found.form, lambda output: parts_of(output)[seen[0].place or 0]))
    words = {"generator": str(found.form), "range": seen[-1].numbers}
    network = generator
    # What its owner said of it is kept by a wrapper: without his words it may be understood otherwise.
    if "generator" in asked or "range" in asked or not trial.is_canonical(found.form, seen):
        network = AdaptedGenerator(generator, found.form, trial.size, words, image_shape, (seen[0], seen[-1]))
    z_shape = z_shapes[found.form.encoding("z")]
    return Side(network, words, _once(notes), seen[-1].layout, found.form.has_condition, z_shape)


def understand_discriminator(
    discriminator: nn.Module,
    image_shape: tuple[int, int, int],
    condition: Condition | None = None,
    forms: Mapping[str, str] | None = None,
    layout: str = "nchw",
) -> Side:
    """As `calling.understand`, of a discriminator alone; `layout`: of the pictures that G makes. Raises likewise.

    A network of a framework that knows its own logits is asked for them: `without_sigmoid()`.
    """
    asked = _checked(discriminator, forms)
    if isinstance(discriminator, AdaptedDiscriminator):  # understood before
        takes = discriminator.form.has_condition or discriminator.verdicts[-1].classes is not None
        return Side(discriminator, discriminator.words, [], "nchw", takes)
    channels, height, width = image_shape
    shapes: dict[str, tuple[int, ...]] = {
        "nchw": image_shape, "nhwc": (height, width, channels), "flat": (channels * height * width,)
    }  # fmt: skip
    classes = condition.size if condition is not None and kind_of(condition) == "class" else None

    def read(output: Any) -> LogitsAt:
        return logits_at(output, (N, *image_shape), classes)

    pinned = asked.get("discriminator", "")
    shapes = {layout: shapes[layout], **shapes}
    trial = Trial(discriminator, "discriminator", shapes, condition, read, pinned, image_shape)
    found = search(trial)
    notes = call_notes(trial, found)
    seen: list[Verdicts] = []
    for training in _modes(discriminator):
        trial, verdicts, more = _verdicts(trial, found.form, training, asked.get("output", ""))
        seen.append(verdicts)
        notes += more
    notes.append(_silence(trial, found.form, lambda output: _flat(output, seen[0].logits), seen[0].reach))
    before = seen[-1].reach is not None or trial.network is not discriminator
    output = "probabilities" if seen[-1].probabilities else "before-sigmoid" if before else "logits"
    words = {"discriminator": str(found.form), "output": output}
    network = trial.network
    if "discriminator" in asked or "output" in asked or not trial.is_canonical(found.form, seen):
        network = AdaptedDiscriminator(network, found.form, trial.size, words, (seen[0], seen[-1]))
    takes = found.form.has_condition or seen[-1].classes is not None
    return Side(network, words, _once(notes), found.form.encoding("images"), takes)


def _verdicts(
    trial: Trial[LogitsAt], form: Form, training: bool, asked: str
) -> tuple[Trial[LogitsAt], Verdicts, list[str]]:
    """Finds the logits in what D gives in one mode. Returns the trial with the network that gives them, and notes."""
    at, ends = _looked_at(trial, form, training)
    of_logits = [ends[place] for place in at.logits]
    notes = [outputs_note(at)]
    if asked == "logits":
        return trial, Verdicts(at.logits, at.classes, None, False, at.is_plain), notes
    check_logits(of_logits)
    probable = asked == "probabilities" or is_probability(of_logits[0])
    own_logits: Any = getattr(trial.network, "without_sigmoid", None)
    logits_network = own_logits() if probable and own_logits is not None else None
    if logits_network is not None:
        trial = replace(trial, network=logits_network)
        at, ends = _looked_at(trial, form, training)
        notes.append(_BEFORE)
        probable = is_probability(ends[at.logits[0]])
    wanted = _squashed(at, ends)
    args, kwargs = trial.arguments(form)
    how = reach(Probe(trial.network), args, kwargs, wanted, training=training) if wanted else None
    if how is None and (at.classes in wanted or (asked == "before-sigmoid" and probable)):
        raise SparringError(
            f"What comes before the discriminator's {' and '.join(sorted(set(wanted.values())))} cannot be reached.",
            "a discriminator whose last layer is linear",
            "leave out what comes after it.",
        )
    if probable:
        notes.append(_BEFORE if how else _PROBABILITIES)
    elif not any(of_logits):
        notes.append(_doubt(trial, form, at.logits))
    notes += [bounds_note(ending) for ending in of_logits]
    plain = at.is_plain and how is None and not probable
    return trial, Verdicts(at.logits, at.classes, how, probable and how is None, plain), notes


def _squashed(at: LogitsAt, ends: list[Ending | None]) -> dict[int, str]:
    """The places of logits and class logits that are the last thing's of a sigmoid or softmax, and which it is."""
    wanted = {}
    for place in (*at.logits, *([] if at.classes is None else [at.classes])):
        ending = ends[place]
        if ending is not None and ending.last and ending.squash in ("sigmoid", "softmax"):
            wanted[place] = ending.squash
    return wanted


def _doubt(trial: Trial[LogitsAt], form: Form, places: tuple[int, ...]) -> str:
    """A note where nothing that D gives leaves [0, 1], however large the numbers it is given."""
    probe = Probe(trial.network)
    given = (probe(trial.call(form, scale=scale)) for scale in _SCALES)
    return _DOUBT if all(lie_like_probabilities(_flat(output, places)) for output in given) else ""


def _flat(output: Any, places: tuple[int, ...]) -> Tensor:
    parts = parts_of(output)
    return torch.cat([parts[place].flatten() for place in places])


def _looked_at(trial: Trial[R], form: Form, training: bool, tracked: bool = True) -> tuple[R, list[Ending | None]]:
    """Returns what the output in one mode was read as, and where it is `tracked`, what bounds each part of it."""
    probe, call = Probe(trial.network), trial.call(form)
    try:
        # Not tracked where nobody asks: the first time, it imports a good part of torch, for seconds.
        output, ends = endings(probe, call, training=training) if tracked else (probe(call, training=training), [])
    except Exception as error:
        mode = "training, though not in inference mode" if training else "a second call"
        raise SparringError(
            f"The {trial.role} fails in {mode}: {first_line(error)}",
            f"a network that can be trained on batches, here of {N}",
            "call it so yourself, in training mode, to see where.",
        ) from error
    return trial.read(output), ends


def _silence(trial: Trial[R], form: Form, output: Callable[[Any], Tensor], how: Reach | None = None) -> str:
    if trial.condition is None or not form.has_condition or not is_silent(trial, form, output, how):
        return ""
    if trial.role == "generator":
        return "The generator's pictures do not depend on the condition, which it is given: it does not use it."
    return (
        "The discriminator's output does not depend on the condition, which it is given: it does not use it, so G "
        "learns nothing about it from D."
    )


def _modes(network: nn.Module) -> tuple[bool, ...]:
    """Inference mode, and where its owner left it in training mode, that."""
    return (False, True) if network.training else (False,)


def _once(notes: list[str]) -> list[str]:
    return [note for note in dict.fromkeys(notes) if note]


def _checked(network: nn.Module, forms: Mapping[str, str] | None) -> dict[str, str]:
    """The user's forms, if they are known. Raises SparringError otherwise, and for a network in several places."""
    asked = dict(forms or {})
    known: dict[str, Any] = {"range": RANGES, "output": OUTPUTS}
    for name, value in asked.items():
        if name not in FORMS:
            raise SparringError(f"There is no form {name!r}.", did_you_mean(name, FORMS))
        if name in known and value not in known[name]:
            raise SparringError(f"The {name} is {value!r}.", did_you_mean(value, known[name]))
    over_several = isinstance(network, nn.parallel.DistributedDataParallel) or (
        isinstance(network, nn.DataParallel) and len(network.device_ids) > 1
    )
    if over_several:
        raise SparringError(
            f"The network is wrapped in {type(network).__name__}, over several devices or processes.",
            "the network itself",
            "give its .module: sparring places networks itself.",
        )
    return asked
