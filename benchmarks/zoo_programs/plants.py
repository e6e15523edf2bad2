"""The plants: what is broken, what the doctor should say of it, and where. Written before the first run.

`codes`: any of these counts as the right answer: the fault itself, or what a monitor that sees only numbers can say
of it where the rule's page names the fault among its causes. `first`: what should be told before all else. `harm`:
whether the training is expected to come out worse; what counts is what was measured (`outcomes.py`).

A plant that fits more than `PROGRAMS_EACH` programs is run on those that a checksum of both names draws: nobody chose.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import planting as do
from .parts import Parts, Program

PROGRAMS_EACH, SEEDS = 2, 3
MIDWAY = 0.55  # of the steps: the onset of what happens in mid-run


@dataclass(frozen=True)
class Plant:
    """One fault.

    Attributes:
        name: of it.
        what: it changes, in words.
        apply: makes the change: (parts, step of onset).
        codes: that count as right.
        first: of these, which may come first.
        needs: traits that a program must have.
        bars: traits that it must not have.
        midway: it begins at `MIDWAY` of the steps, not at once.
        harm: is expected.
    """

    name: str
    what: str
    apply: Callable[[Parts, int], None]
    codes: tuple[str, ...]
    first: tuple[str, ...]
    needs: tuple[str, ...] = ("torch",)
    bars: tuple[str, ...] = ()
    midway: bool = False
    harm: bool = True

    def fits(self, program: Program) -> bool:
        return set(self.needs) <= program.traits and not set(self.bars) & program.traits

    def onset(self, steps: int) -> int:
        return int(MIDWAY * steps) if self.midway else 0

    def among(self, programs: Iterable[Program]) -> list[Program]:
        """The programs that it is planted in."""
        fit = sorted((p for p in programs if self.fits(p)), key=lambda p: zlib.crc32(f"{self.name}/{p.name}".encode()))
        return fit[:PROGRAMS_EACH]


def _plant(
    name: str, what: str, apply: Callable[[Parts, int], None], codes: str, first: str = "", needs: str = "torch",
    bars: str = "", midway: bool = False, harm: bool = True,
) -> Plant:  # fmt: skip
    """A row: codes are parted by blanks; where `first` is empty all of them may come first."""
    told = tuple(codes.split())
    return Plant(
        name, what, apply, told, tuple(first.split()) or told, tuple(needs.split()), tuple(bars.split()), midway, harm
    )


PLANTS = (
    # Who is updated
    _plant("d stale optimiser", "D's optimiser holds a copy of D that nobody uses", do.d_stale,
           "SP405 SP104 SP105 SP402", "SP405 SP104 SP105"),
    _plant("g stale optimiser", "G's optimiser holds a copy of G that nobody uses", do.g_stale,
           "SP406 SP104 SP105"),
    _plant("d rate to zero", "a schedule sets D's rate to 0 in mid-run", do.d_rate_to_zero,
           "SP405 SP104 SP402", "SP405 SP104", midway=True),
    _plant("g partly held", "G's optimiser holds its last layer only", do.g_partly, "SP104 SP105"),
    _plant("optimisers swapped", "each optimiser holds the other network", do.swapped,
           "SP105 SP405 SP406 SP407"),
    _plant("g holds both", "G's optimiser holds D's parameters as well", do.g_holds_both,
           "SP407 SP105 SP402", "SP407 SP105"),
    _plant("one optimiser", "one optimiser of all parameters serves both steps", do.one_optimizer,
           "SP407 SP105 SP402", "SP407 SP105"),
    _plant("d not zeroed", "D's gradient is never cleared", do.d_not_zeroed,
           "SP107 SP402 SP504", bars="critic"),
    _plant("g not zeroed", "G's gradient is never cleared", do.g_not_zeroed, "SP107 SP504 SP409 SP502"),
    _plant("g detached", "the fakes are detached in G's step too", do.g_detached, "SP106 SP406 SP404"),
    _plant("keras frozen", "D is frozen before the stack is compiled and never thawed", do.keras_frozen,
           "SP108 SP405 SP104 SP402", "SP108 SP405 SP104", needs="keras"),
    _plant("d norm in eval", "D's batch norm stays in inference mode", do.d_eval, "SP111",
           needs="torch norm-d", harm=False),
    _plant("d dropout in eval", "D's dropout stays in inference mode", do.d_eval, "SP111",
           needs="torch dropout-d", bars="norm-d", harm=False),
    _plant("g left in eval", "samples are drawn in mid-run and train() is forgotten", do.g_left_in_eval, "SP111",
           needs="torch norm-g", midway=True, harm=False),
    # Latents and conditions
    _plant("z reused", "the same batch of z in every step", do.z_reused, "SP112 SP601 SP607", "SP112",
           needs=""),
    _plant("z zero", "z is all zeros", do.z_zero, "SP112 SP601 SP603", needs="torch"),
    _plant("z unheard", "G multiplies z by 1e-4", do.z_unheard, "SP601 SP603 SP101 SP112",
           "SP601 SP603 SP101 SP112"),
    _plant("z fades", "what multiplies z falls to 0 from mid-run on", do.z_fades, "SP601 SP603 SP101 SP112",
           midway=True),
    _plant("g not told", "G gets the same class for all", do.g_not_told, "SP604 SP101 SP110",
           needs="torch conditional"),
    _plant("d not told", "D gets the same class for all", do.d_not_told, "SP605 SP604 SP101 SP110",
           needs="torch conditional", bars="acgan"),
    _plant("labels shuffled", "reals come with other pictures' labels", do.labels_shuffled, "SP605 SP604",
           needs="torch conditional"),
    # Ranges, ends and losses
    _plant("data in [0, 255]", "reals are not scaled, under a tanh", do.data_0_255, "SP201 SP401", needs=""),
    _plant("data in [0, 1]", "reals are scaled to [0, 1], under a tanh", do.data_0_1, "SP201 SP401", needs=""),
    _plant("double sigmoid", "D ends in a sigmoid, and the loss has another", do.double_sigmoid,
           "SP202", needs="torch logits bce"),
    _plant("log of logits", "the loss takes the logarithm of D's raw output", do.log_of_logits, "SP203 SP501",
           needs="torch logits bce"),
    _plant("bce at its ceiling", "D's scores leap thirtyfold in mid-run, under sigmoid + BCELoss", do.bce_ceiling,
           "SP505 SP204 SP404 SP502 SP401", "SP505 SP204 SP404 SP502",
           needs="torch bce", bars="acgan", midway=True),
    _plant("bounded critic", "D ends in a sigmoid under a Wasserstein or hinge loss", do.bounded, "SP205",
           needs="torch wasserstein"),
    _plant("bounded hinge", "D ends in a tanh under the hinge loss", do.bounded_hinge, "SP205",
           needs="torch hinge", harm=False),
    _plant("softmax on one unit", "softmax cross-entropy over D's single unit", do.softmax_on_one,
           "SP206 SP405 SP403 SP406", needs="torch logits bce", bars="acgan"),
    _plant("norm under penalty", "batch norm in a critic whose gradient is penalised", do.norm_under_penalty,
           "SP207", needs="torch gp", harm=False),
    _plant("batch of 2", "two pictures a step, under batch norm", do.batch_of_2, "SP208", needs="torch norm-g"),
    _plant("saturating", "G minimises log(1 - D)", do.saturating, "SP217 SP408 SP404 SP401",
           "SP217 SP408 SP404", needs="torch logits bce", harm=False),
    _plant("g target flipped", "G's loss labels fakes as fakes", do.g_flipped, "SP408",
           needs="torch", bars="wasserstein relativistic"),
    _plant("d targets flipped", "D's loss labels reals as fakes and fakes as reals", do.d_flipped, "SP408",
           needs="torch", bars="wasserstein relativistic hinge"),
    _plant("critic unbounded", "neither clip nor penalty holds the critic", do.unbounded, "SP504 SP501 SP502 SP506",
           needs="torch wasserstein"),
    # Rates
    _plant("d rate x100", "D's rate a hundredfold", do.d_rate_x100, "SP506 SP216 SP502 SP504 SP501 SP401",
           "SP506 SP216 SP502 SP504 SP501", needs="", bars="clip"),
    _plant("g rate x100", "G's rate a hundredfold", do.g_rate_x100, "SP506 SP216 SP502 SP601 SP504 SP501",
           needs=""),
    _plant("g rate leaps", "G's rate a hundredfold from mid-run on", do.g_rate_leaps,
           "SP506 SP216 SP502 SP601 SP504 SP501", needs="", midway=True),
    _plant("rates x1e-3", "both rates a thousandth", do.rates_tiny, "SP506 SP216", needs=""),
    _plant("d rate x1e-3", "D's rate a thousandth", do.d_rate_tiny, "SP506 SP216 SP402", needs="torch"),
    _plant("plain gradient descent", "SGD at Adam's rate", do.sgd, "SP506", needs="torch adam"),
    _plant("schedule per step", "an epoch's decay of .98 is applied in every step", do.schedule_per_step,
           "SP506 SP405 SP406 SP216"),
    _plant("by turns", "forty steps for D alone, then forty for G alone", do.by_turns,
           "SP409 SP405 SP406 SP402 SP401", "SP409 SP405 SP406"),
    # Stability
    _plant("nan in d", "a weight of D becomes NaN", do.nan_in_d, "SP501", midway=True),
    _plant("nan in g", "a weight of G becomes NaN", do.nan_in_g, "SP501", midway=True),
    _plant("nan in the data", "a picture of the data holds NaN", do.nan_in_data, "SP501 SP301", needs="",
           midway=True),
    _plant("d thrown", "D's rate is a thousandfold for three steps", do.d_thrown,
           "SP502 SP504 SP506 SP501 SP402 SP401 SP403", "SP502 SP504 SP506 SP501", midway=True),
    _plant("g thrown", "G's rate is a thousandfold for three steps", do.g_thrown,
           "SP502 SP504 SP506 SP501 SP601 SP401 SP404", "SP502 SP504 SP506 SP501 SP601", midway=True),
    _plant("freak gradient", "D's loss is ten-thousandfold in one step", do.freak_gradient,
           "SP507 SP502 SP504 SP405 SP506 SP402", "SP507 SP502 SP504", needs="torch adam", midway=True),
    _plant("freak batch", "one batch of reals is thirtyfold too bright", do.freak_batch, "SP502 SP507 SP504",
           needs="", midway=True, harm=False),
    _plant("loss grows", "both losses are multiplied by a scale that doubles every 40 steps", do.loss_grows,
           "SP504 SP501 SP502", midway=True),
    _plant("reloads each step", "a checkpoint is loaded in every step from mid-run on", do.reloads, "SP508",
           midway=True),
    _plant("weights at the clip", "D's weights are clipped at a sixtieth of the usual bound", do.weights_at_clip,
           "SP509 SP403", "SP509", needs="torch clip"),
    _plant("gradients at the clip", "both gradients are clipped at a norm of 1e-3", do.gradients_at_clip, "SP509",
           harm=False),
    # Dead ends
    _plant("d dies", "what reaches D's last layer is 0 from mid-run on", do.d_dies,
           "SP403 SP404 SP214 SP405 SP406 SP101",
           bars="conditional", midway=True),
    _plant("d born dead", "what reaches D's last layer is 0 from the start", do.d_born_dead,
           "SP403 SP404 SP214 SP405 SP406 SP101", bars="conditional"),
    _plant("g saturated", "a thousandfold goes into G's tanh", do.g_saturated,
           "SP218 SP404 SP401 SP406 SP506", "SP218 SP404 SP406 SP401"),
    # Data
    _plant("watermark", "a white corner on every real", do.watermark, "SP401 SP305", needs="", harm=False),
    _plant("watermark out of range", "a corner that G cannot make: 2.0 under a tanh", do.watermark_out_of_range,
           "SP401 SP201 SP305", needs=""),
    _plant("thirty pictures", "the data are thirty pictures", do.thirty_pictures,
           "SP303 SP606 SP607 SP401 SP602", needs=""),
    _plant("constant pictures", "every real is the same grey", do.constant_pictures, "SP304 SP302 SP303 SP601",
           needs=""),
    _plant("not shuffled", "batches in the order of classes, or of brightness", do.not_shuffled,
           "SP409 SP502 SP602", needs=""),
)  # fmt: skip


def plant_named(name: str) -> Plant:
    return {each.name: each for each in PLANTS}[name]
