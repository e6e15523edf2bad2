"""A recipe is every number of a training method, as plain data, with its source beside it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from .errors import SparringError, did_you_mean


def _number(default: Any, source: str, low: float | None = None, high: float | None = None) -> Any:
    """A field with the source of its value and, for a number, the range that makes sense on its own."""
    return field(default=default, metadata={"source": source, "low": low, "high": high})


@dataclass(frozen=True)
class Recipe:
    """Every number of a training method. Frozen: `.but(d_lr=1e-4)` gives a changed copy.

    Rates are per update, lengths in images; a `d_` or `g_` prefix says whose number it is.
    """

    name: str = "own"
    network: str = _number("dcgan", "DCGAN, arXiv 1511.06434")
    width: int = _number(64, "feature maps next to the picture; 64 in DCGAN's published code", 1, 4096)
    latent: int = _number(100, "numbers in z; DCGAN, arXiv 1511.06434, section 4", 1, 65536)

    loss: str = _number("non-saturating", "arXiv 1406.2661, section 3")
    label_smoothing: float = _number(0.0, "reals are labelled 1 less this; .1 in arXiv 1606.03498", 0, 0.49)
    label_flip: float = _number(0.0, "share of labels swapped in D's step; folklore, no paper's number", 0, 0.49)
    r1: float = _number(0.0, "gamma of gamma/2 E|grad D|^2 at reals; 10 in arXiv 1801.04406", 0, 1e6)
    r1_every: int = _number(1, "D's updates from one R1 to the next, its weight made up for; 16 in StyleGAN2", 1, 1000)
    r2: float = _number(0.0, "the same at fakes; R3GAN, arXiv 2501.05441, has it equal to r1", 0, 1e6)
    r2_every: int = _number(1, "as r1_every", 1, 1000)
    gp: float = _number(0.0, "weight of (|grad D| - 1)^2 between reals and fakes; 10 in arXiv 1704.00028", 0, 1e6)
    gp_every: int = _number(1, "as r1_every", 1, 1000)
    dragan: float = _number(0.0, "weight of (|grad D| - 1)^2 near reals; 10 in arXiv 1705.07215", 0, 1e6)
    dragan_every: int = _number(1, "as r1_every", 1, 1000)
    bcr: float = _number(0.0, "weight of D's consistency under flips and shifts; 10 in arXiv 2002.04724", 0, 1e6)
    bcr_every: int = _number(1, "as r1_every", 1, 1000)
    mismatch: float = _number(
        0.0, "weight of real pictures with wrong conditions, as fakes; .5 in arXiv 1605.05396", 0, 1e6
    )
    mismatch_every: int = _number(1, "as r1_every", 1, 1000)
    class_weight: float = _number(0.0, "weight of naming classes, in D and G; 1 in AC-GAN, arXiv 1610.09585", 0, 1e6)
    g_conditioning: str = _number("norm", "scale and shift of norms, arXiv 1802.05637; concat: to z, arXiv 1411.1784")
    d_conditioning: str = _number("projection", "arXiv 1802.05637; or concat, arXiv 1605.05396; none with class_weight")
    condition_augmentation: bool = _number(False, "G draws its sentence around the given one; arXiv 1612.03242")
    lecam: float = _number(0.0, "weight of LeCam's regularisation; about .3, arXiv 2104.03310", 0, 1e6)
    lecam_every: int = _number(1, "as r1_every", 1, 1000)

    batch: int = _number(64, "the published DCGAN code (its paper: 128)", 2, 65536)
    accumulate: int = _number(1, "batches whose gradients are added up before an update", 1, 1000)
    d_steps: int = _number(1, "updates of D for each of G; DCGAN", 1, 100)
    optimizer: str = _number("adam", "DCGAN, arXiv 1511.06434, section 4; or rmsprop, as in WGAN")
    d_lr: float = _number(2e-4, "DCGAN, arXiv 1511.06434, section 4", 0.0, 10.0)
    g_lr: float = _number(2e-4, "DCGAN, arXiv 1511.06434, section 4", 0.0, 10.0)
    beta1: float = _number(0.5, "Adam; DCGAN, arXiv 1511.06434, section 4", 0.0, 0.9999)
    beta2: float = _number(0.999, "Adam's default, arXiv 1412.6980", 0.0, 0.999999)
    reuse_fakes: bool = _number(
        True, "G is judged on D's fakes, as in the official PyTorch example; saves 9 % of a step"
    )

    schedule: str = _number("cosine", "how numbers move to their ends; R3GAN, arXiv 2501.05441; or linear")
    schedule_images: float = _number(0.0, "real images until they are there; 0: they stay", 0.0, 1e12)
    lr_final: float = _number(1.0, "what both rates are multiplied by at the end", 0.0, 100.0)
    penalty_final: float = _number(1.0, "what the weights of penalties are multiplied by at the end", 0.0, 1000.0)
    beta2_final: float = _number(0.0, "Adam's beta2 at the end; 0: it stays", 0.0, 0.999999)
    ema_final_images: float = _number(-1.0, "half-life of the average of G at the end; -1: it stays", -1.0, 1e9)
    augment_final: float = _number(-1.0, "probability of augmentations at the end; -1: it stays", -1.0, 1.0)

    init: str = _number("", "normal, xavier, kaiming or orthogonal; empty: the network's own")
    d_spectral_norm: bool = _number(False, "on every layer of D; arXiv 1802.05957")
    g_spectral_norm: bool = _number(False, "on every layer of G; arXiv 1805.08318")
    d_clip_norm: float = _number(0.0, "most that the norm of D's gradient may be; 0: any", 0.0, 1e9)
    d_clip_mean: float = _number(0.0, "the same in running means of that norm; 0: any", 0.0, 1e9)
    d_clip_value: float = _number(0.0, "most that each number of D's gradient may be; 0: any", 0.0, 1e9)
    d_clip_weights: float = _number(
        0.0, "most that each parameter of D may be; .01 in WGAN, arXiv 1701.07875", 0.0, 1e9
    )
    g_clip_norm: float = _number(0.0, "as d_clip_norm, for G", 0.0, 1e9)
    g_clip_mean: float = _number(0.0, "as d_clip_mean, for G", 0.0, 1e9)
    g_clip_value: float = _number(0.0, "as d_clip_value, for G", 0.0, 1e9)

    augment: str = _number("", "what D sees: color,translation,cutout (DiffAugment, arXiv 2006.10738), bgc (ADA), flip")
    augment_p: float = _number(1.0, "probability of bgc's operations; the most, where ADA adapts it", 0.0, 1.0)
    ada_target: float = _number(0.0, "what ADA holds E sign D(real) at; .6 in arXiv 2006.06676; 0: p stays", 0.0, 0.999)
    ada_images: int = _number(500_000, "real images in which ADA may move p from 0 to 1; arXiv 2006.06676", 1, 10**12)
    instance_noise: float = _number(0.0, "deviation of the noise on reals and fakes; .1 in arXiv 1610.04490", 0.0, 10.0)
    instance_noise_images: int = _number(0, "real images until that noise is gone; 0: it stays", 0, 10**12)

    ema_half_life_images: float = _number(
        10_000.0, "average of G, arXiv 1806.04498; 10,000 images at batch 64 is a decay of .9956 a step", 0.0, 1e9
    )
    ema_ramp: float = _number(
        0.05, "early on the half-life is this part of the images seen, 0: no ramp; StyleGAN2's code", 0.0, 1.0
    )
    flip: bool = _number(False, "mirror pictures at random; off, since cards and flags carry text")
    precision: str = _number("auto", "fp32, bf16, or auto: what a few steps at the first start measure as faster")
    threads: int = _number(0, "CPU threads; 0: OMP_NUM_THREADS, else one for each core this process may use", 0, 1024)
    channels_last: bool = _number(True, "memory layout: 5 % faster at 64 px, 12 % at 32 px on a CPU, see benchmarks/")

    @property
    def images_a_step(self) -> int:
        """Real images that D learns from in one step."""
        return self.batch * self.accumulate * self.d_steps

    def but(self, **changes: Any) -> Recipe:
        """Returns a copy with changes; a value may be text as typed, or `*k` or `/k` of the present number.

        Raises:
            SparringError: a name that is no field, or a value that is not of its kind or out of its range.
        """
        known = {f.name: f for f in dataclasses.fields(self)}
        for name in changes:
            if name not in known:
                raise SparringError(
                    f"The recipe has no {name!r}.",
                    did_you_mean(name, known),
                    "change the name; see `sparring train --help`.",
                )
        parsed = {name: _parse(known[name], getattr(self, name), value) for name, value in changes.items()}
        return dataclasses.replace(self, **parsed)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-able data, in order."""
        return dataclasses.asdict(self)

    def source_of(self, name: str) -> str:
        """Where the number of a field comes from; "" for one that was changed after the recipe was taken."""
        preset = PRESETS.get(self.name)
        if preset is not None and getattr(self, name) != getattr(RECIPES[self.name], name):
            return ""
        if preset is not None and name in preset.numbers:
            return preset.numbers[name][1]
        return str(next(f for f in dataclasses.fields(self) if f.name == name).metadata.get("source", ""))


def _parse(spec: dataclasses.Field[Any], present: Any, value: Any) -> Any:
    """Turns what was typed (or passed) into the field's kind, and looks whether it makes sense."""
    kind = type(present)
    try:
        if isinstance(value, str) and value[:1] in "*/" and value[1:] and kind in (int, float):
            factor = float(value[1:])
            value = kind(present * factor if value[0] == "*" else present / factor)
        elif kind is bool:
            value = _parse_bool(value)
        elif kind is int:
            value = int(float(value)) if float(value) == int(float(value)) else _refuse()
        else:
            value = kind(value)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        raise SparringError(f"{spec.name} is {value!r}.", f"{_KINDS[kind]}, such as {present}") from None
    low, high = spec.metadata.get("low"), spec.metadata.get("high")
    if low is not None and not low <= value <= high:  # also catches NaN
        raise SparringError(f"{spec.name} is {value}.", f"a number from {low:g} to {high:g}; the recipe has {present}")
    return value


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def _refuse() -> int:
    raise ValueError


def _parse_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if str(value).lower() not in words:
        raise ValueError
    return words[str(value).lower()]


@dataclass(frozen=True)
class Preset:
    """One row of the recipes: what differs from the published DCGAN, and why.

    Attributes:
        title: what it is, in a sentence.
        numbers: field -> (value, where it comes from).
    """

    title: str
    numbers: dict[str, tuple[Any, str]] = field(default_factory=dict)


_SNGAN = "SNGAN, arXiv 1802.05957, section 4 and appendix"
_R3GAN = "R3GAN, arXiv 2501.05441, its settings for CIFAR-10"
_WGAN = "WGAN, arXiv 1701.07875, algorithm 1"
_GP = "WGAN-GP, arXiv 1704.00028, algorithm 1"


def _of(source: str, **changes: Any) -> dict[str, tuple[Any, str]]:
    return {name: (value, source) for name, value in changes.items()}


_NO_NORM = "a penalty of each picture needs a D without batch norm: arXiv 1704.00028, section 4"
_R3_LOSS = "the loss and the penalties of R3GAN, arXiv 2501.05441"
_TUNED = "tuned here on a CPU with 5 minutes of one core, see docs/LOG.md and benchmarks/tournament.py"

PRESETS: dict[str, Preset] = {
    "sparring": Preset(
        "The default: DCGAN's networks, D without norms, R3GAN's loss, fast rates; tuned for a CPU and a few minutes.",
        _of(_R3_LOSS, loss="relativistic", beta1=0.0)
        | _of(_NO_NORM, network="dcgan-free")
        | _of(_TUNED, r1=0.1, r2=0.1, r1_every=16, r2_every=16, d_lr=2e-3, g_lr=2e-3, beta2=0.95)
        | _of(_TUNED, width=32, batch=16, ema_half_life_images=5_000.0),
    ),
    "dcgan": Preset("The published DCGAN with the non-saturating loss on logits."),
    "lsgan": Preset("Least squares in place of cross-entropy.", _of("arXiv 1611.04076", loss="least-squares")),
    "hinge": Preset(
        "DCGAN's networks with the hinge loss and spectral norm in D.",
        _of("arXiv 1705.02894", loss="hinge") | _of(_SNGAN, d_spectral_norm=True),
    ),
    "ragan": Preset("Each side against the other's average.", _of("arXiv 1807.00734", loss="relativistic-average")),
    "dragan": Preset(
        "DCGAN with a gradient penalty near reals; D without batch norm.",
        _of("arXiv 1705.07215", dragan=10.0) | _of(_NO_NORM, network="dcgan-free"),
    ),
    "wgan": Preset(
        "Wasserstein distance with clipped weights.",
        _of(_WGAN, loss="wasserstein", d_clip_weights=0.01, d_steps=5, optimizer="rmsprop", d_lr=5e-5, g_lr=5e-5),
    ),
    "wgan-gp": Preset(
        "Wasserstein distance with a gradient penalty; D without batch norm.",
        _of(_GP, loss="wasserstein", gp=10.0, d_steps=5, d_lr=1e-4, g_lr=1e-4, beta1=0.0, beta2=0.9)
        | _of("residual networks, as in arXiv 1704.00028; its D has no batch norm", network="resnet", latent=128),
    ),
    "sngan": Preset(
        "Residual networks, hinge loss, spectral norm in D, five updates of D for each of G.",
        _of(_SNGAN, network="resnet", latent=128, loss="hinge", d_spectral_norm=True, d_steps=5, beta1=0.0, beta2=0.9),
    ),
    "r3gan": Preset(
        "Relativistic pairing with gradient penalties at reals and fakes, no norms.",
        _of(_R3GAN, network="r3gan", latent=64, loss="relativistic", beta1=0.0, beta2=0.9, reuse_fakes=False)
        | _of(f"{_R3GAN}: gamma at the start, there at batch 512", r1=0.05, r2=0.05)
        | _of("it has no norms; arXiv 2501.05441 has the class beside z", g_conditioning="concat")
        | _of("a width that a CPU can train; 768 maps at all stages there", width=16),
    ),
}

RECIPES: dict[str, Recipe] = {
    name: Recipe(name=name).but(**{field: value for field, (value, _) in preset.numbers.items()})
    for name, preset in PRESETS.items()
}


# What trains where nobody names a recipe: networks of ours, and the user's own, of which nothing is known: neither
# whether D has batch norm, which forbids a penalty of each picture, nor what rates they bear.
USUAL, USUAL_OF_OWN = "sparring", "dcgan"


def usual_recipe(own_networks: bool) -> str:
    """The recipe where nobody names one: the tournament's, and the published one for networks it was not tuned on."""
    return USUAL_OF_OWN if own_networks else USUAL


def recipe_named(recipe: str | Recipe) -> Recipe:
    """Returns a recipe by name; a Recipe passes through. Raises SparringError with the near name."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise SparringError(f"There is no recipe {recipe!r}.", did_you_mean(recipe, RECIPES))
    return RECIPES[recipe]
