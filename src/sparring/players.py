"""G and D behind one call each: optimisers, average of G, device and precision.

`step.py` says what happens; how it happens on this machine is hidden here.
"""

from __future__ import annotations

import copy
import io
import logging
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from . import schedules
from .errors import SparringError, did_you_mean
from .methods import Recipe
from .networks.calling import evaluation_mode, randomness, regularisation_of
from .networks.conditioning import Around
from .objectives import Verdict
from .seeds import seed_for
from .stabilisers import Clipper, clip_weights

# G paints in batches of one fixed size, so that picture i is the same whatever else is asked for.
PAINT_BATCH = 16


class Players:
    """Generator, discriminator and what trains them.

    Args:
        generator: z, and a condition if there is one -> pictures [N, C, H, W] in [-1, 1].
        discriminator: pictures, and a condition -> logits, one a picture or a map of them; or (logits, class logits).
        recipe: its rates, betas and averaging are used here; `precision` must be fp32 or bf16.
        z_shape: the shape of one z, as `understand` finds it.
        device: "auto", "cpu", "cuda", "cuda:1", "mps" or a torch.device.

    Raises:
        SparringError: nothing of a network can learn, both share parameters, or the device is not there.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        recipe: Recipe,
        z_shape: tuple[int, ...],
        device: Any = "auto",
    ) -> None:
        self.recipe, self.z_shape = recipe, z_shape
        self.fabric = _fabric(device, recipe.precision)
        self.device: torch.device = self.fabric.device
        layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
        self.generator = _laid_out(generator.to(self.device), layout)
        self.discriminator = _laid_out(discriminator.to(self.device), layout)
        self.g_params, self.d_params = _learning(generator, "generator"), _learning(discriminator, "discriminator")
        if {id(p) for p in self.g_params} & {id(p) for p in self.d_params}:
            raise SparringError(
                "Generator and discriminator share a parameter, so each would undo what the other learns.",
                "two networks with parameters of their own",
                "build the shared layer twice.",
            )
        optimizer = optimizer_named(recipe.optimizer)
        self.g_optimizer = optimizer(recipe, self.g_params, recipe.g_lr, self.device)
        self.d_optimizer = optimizer(recipe, self.d_params, recipe.d_lr, self.device)
        self.g_clipper = Clipper(recipe.g_clip_norm, recipe.g_clip_mean, recipe.g_clip_value)
        self.d_clipper = Clipper(recipe.d_clip_norm, recipe.d_clip_mean, recipe.d_clip_value)
        self._around = [module for module in self.generator.modules() if isinstance(module, Around)]
        self._gives_probabilities = bool(getattr(self.discriminator, "gives_probabilities", False))
        # Is shown an optimiser and its gradients' norm just before it steps, where somebody wants to see.
        self.watch: Callable[[torch.optim.Optimizer, Tensor], object] | None = None
        self.d_updates = 0  # so far, for penalties that are not always due
        self._gathering: set[torch.optim.Optimizer] = set()  # those whose gradients are being added up
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self._averaged_images = 0
        # Walked through once, not in every step.
        self._average_params: list[Tensor] = list(self.average.parameters())
        self._all_g_params: list[Tensor] = list(self.generator.parameters())
        self._buffers = list(_buffer_places(self.average, self.generator))

    def latents(self, n: int) -> Tensor:
        """Draws z ~ N(0, 1) from torch's random state of the device.  # [n, *z_shape]"""
        return torch.randn(n, *self.z_shape, device=self.device)

    def generate(self, n: int, condition: Tensor | None = None, *, for_g: bool) -> Tensor:
        """Makes n fakes from fresh z, with the graph that G's update needs only where `for_g`.  # [n, C, H, W]"""
        with torch.set_grad_enabled(for_g), self.fabric.autocast():
            return self.generator(self.latents(n), *_told(condition))

    def discriminate(self, images: Tensor, condition: Tensor | None = None) -> Verdict:
        """Returns D's logits in fp32, flat: one a picture, or all of a map of them; and its class logits, if any.

        images [N, C, H, W], condition [N, ...].
        """
        with self.fabric.autocast():
            said = self.discriminator(images, *_told(condition))
        logits, classes = said if isinstance(said, tuple) else (said, None)
        logits = logits.flatten().float()
        if self._gives_probabilities:  # no logits can be had: log p - log(1 - p) is all there is, cut where fp32 is
            logits = torch.logit(logits, torch.finfo(torch.float32).eps)
        return Verdict(logits, classes)

    def d_own(self) -> dict[str, Tensor]:
        """What D itself adds to its loss: what its method `regularisation()` gives, a scalar; usually nothing."""
        return _regularised(self.discriminator)

    def g_own(self) -> dict[str, Tensor]:
        """The same of G, and the spread of its conditions (see `conditioning.Around`)."""
        spread = {"divergence": torch.stack([part.spread() for part in self._around]).sum()} if self._around else {}
        return spread | _regularised(self.generator)

    def d_backward(self, loss: Any) -> None:
        """Adds a loss's gradient to D's parameters, and to nothing else."""
        self._backward(self.d_optimizer, self.d_params, loss)

    def g_backward(self, loss: Any) -> None:
        """Adds a loss's gradient to G's parameters, and to nothing else."""
        self._backward(self.g_optimizer, self.g_params, loss)

    def d_update(self) -> Tensor:
        """One update of D's parameters by the gradients there are. Returns their norm, before any clipping."""
        norm = self._update(self.d_optimizer, self.d_params, self.d_clipper)
        if self.recipe.d_clip_weights:
            clip_weights(self.d_params, self.recipe.d_clip_weights)
        self.d_updates += 1
        return norm

    def g_update(self) -> Tensor:
        """One update of G's parameters by the gradients there are. Returns their norm, before any clipping."""
        return self._update(self.g_optimizer, self.g_params, self.g_clipper)

    def _backward(self, optimizer: torch.optim.Optimizer, params: Sequence[Tensor], loss: Tensor) -> None:
        if optimizer not in self._gathering:  # the first of this update: what is there is of the last one
            optimizer.zero_grad(set_to_none=True)
            self._gathering.add(optimizer)
        parts = self.recipe.accumulate
        # `inputs` is what keeps the other network's gradients from being computed (9 % of a step) and its parameters as
        # they are; switching requires_grad off and on instead would thaw what the user froze.
        (loss / parts if parts > 1 else loss).backward(inputs=list(params))

    def _update(self, optimizer: torch.optim.Optimizer, params: Sequence[Tensor], clipper: Clipper) -> Tensor:
        self._gathering.discard(optimizer)
        norm = clipper(params)
        if self.watch is not None:
            self.watch(optimizer, norm)
        optimizer.step()
        return norm

    def at(self, images: int) -> None:
        """Moves the rates and betas to where the schedule has them after so many real images."""
        if not self.recipe.schedule_images:
            return
        factor, beta2 = schedules.lr_factor(self.recipe, images), schedules.beta2(self.recipe, images)
        rates = ((self.d_optimizer, self.recipe.d_lr), (self.g_optimizer, self.recipe.g_lr))
        for optimizer, lr in rates:
            for group in optimizer.param_groups:
                group["lr"] = lr * factor
                if "betas" in group:
                    group["betas"] = (group["betas"][0], beta2)

    @torch.no_grad()
    def average_g(self, batch: int) -> None:
        """Moves the average of G towards G after an update that used `batch` fakes.

        Batch norm's running statistics are averaged with the weights they belong to; all other buffers are copied
        (an average of spectral norm's unit vectors would be none).
        """
        self._averaged_images += batch * self.recipe.d_steps  # the real images of the step: what schedules go by
        half_life = schedules.ema_half_life_images(self.recipe, self._averaged_images)
        if self.recipe.ema_ramp:
            half_life = min(half_life, self.recipe.ema_ramp * self._averaged_images)
        keep = 0.5 ** (batch / half_life) if half_life else 0.0
        torch._foreach_lerp_(self._average_params, self._all_g_params, 1 - keep)
        for averages, buffers, name in self._buffers:  # looked up anew: a module may put another tensor in its place
            mine, theirs = averages[name], buffers[name]
            if name.endswith(("running_mean", "running_var")):
                mine.lerp_(theirs, 1 - keep)
            else:
                mine.copy_(theirs)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        return parts | {"averaged_images": self._averaged_images, "d_updates": self.d_updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`. Raises SparringError when the networks do not fit."""
        for name in _PARTS:
            load_into(getattr(self, name), state[name], name)
        self._averaged_images, self.d_updates = state["averaged_images"], state["d_updates"]

    def load_networks(self, state: dict[str, Any]) -> None:
        """Takes over another run's networks and nothing else: its optimisers start anew."""
        for name in ("generator", "discriminator", "average"):
            load_into(getattr(self, name), state[name], name)
        self._averaged_images = state["averaged_images"]  # else the ramp would forget the average at the first step


def _told(condition: Tensor | None) -> tuple[Tensor, ...]:
    """What follows the first argument of a network: nothing, where there is no condition."""
    return () if condition is None else (condition,)


def _laid_out(network: nn.Module, layout: torch.memory_format) -> nn.Module:
    """Lays out the 4-D weights alone; `Module.to(memory_format=...)` fails on a network with a 3-D convolution."""
    for param in network.parameters():
        if param.dim() == 4:
            param.data = param.data.contiguous(memory_format=layout)
    return network


_PARTS = ("generator", "discriminator", "average", "g_optimizer", "d_optimizer", "g_clipper", "d_clipper")


def _adam(recipe: Recipe, params: Sequence[Tensor], lr: float, device: torch.device) -> torch.optim.Optimizer:
    return torch.optim.Adam(params, lr, (recipe.beta1, recipe.beta2), fused=device.type in ("cpu", "cuda"))


def _rmsprop(recipe: Recipe, params: Sequence[Tensor], lr: float, device: torch.device) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(params, lr)


OPTIMIZERS: dict[str, Callable[[Recipe, Sequence[Tensor], float, torch.device], torch.optim.Optimizer]] = {
    "adam": _adam,
    "rmsprop": _rmsprop,
}


def optimizer_named(name: str) -> Callable[[Recipe, Sequence[Tensor], float, torch.device], torch.optim.Optimizer]:
    """Returns what makes an optimiser (of a recipe's betas). Raises SparringError with the near name."""
    if name not in OPTIMIZERS:
        raise SparringError(f"There is no optimizer {name!r}.", did_you_mean(name, OPTIMIZERS))
    return OPTIMIZERS[name]


def load_into(part: Any, state: dict[str, Any], name: str) -> None:
    """Loads saved weights into a network or optimiser. Raises SparringError in words when they do not fit."""
    try:
        part.load_state_dict(state)
    except (RuntimeError, ValueError, KeyError) as error:
        raise SparringError(
            f"The saved {name} does not fit this one: {str(error).splitlines()[-1].strip()}",
            "the same networks that the checkpoint was saved from (size, channels, width, latent)",
            "give the same options as that run, or the same network.",
        ) from None


def write_state(state: dict[str, Any]) -> Callable[[BinaryIO], object]:
    """Returns what writes a state into an open file, for `checkpoints`."""

    def write(file: BinaryIO) -> None:
        # By way of memory: when the disk is full in the middle, torch's own writer hides the reason.
        memory = io.BytesIO()
        torch.save(_canonical(state), memory)
        file.write(memory.getbuffer())

    return write


def _canonical(state: Any) -> Any:
    """Equal states as equal bytes: a pickle depends on which equal strings are the same object, so all are made one.

    Raises SparringError for what could be saved but would be refused on loading.
    """
    if isinstance(state, dict):
        made = type(state)((_canonical(key), _canonical(value)) for key, value in state.items())
        if hasattr(state, "_metadata"):  # the versions of a network's layers, which old ones need to be loaded
            made._metadata = _canonical(state._metadata)  # type: ignore[attr-defined]
        return made
    if type(state) in (list, tuple):
        return type(state)(map(_canonical, state))
    if state is None or isinstance(state, Tensor) or type(state) in (bool, int, float):
        return state
    if type(state) is str:
        return sys.intern(state)
    raise SparringError(
        f"A checkpoint cannot hold a {type(state).__module__}.{type(state).__name__}.",
        "tensors and plain data (dict, list, tuple, str, int, float, bool, None), which load without running code",
        "convert it in the state_dict() of the observer or network that it belongs to.",
    )


def read_state(path: Path) -> dict[str, Any]:
    """Reads a saved state onto the CPU; `weights_only`, so nothing in it is ever executed. Raises SparringError."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError) as error:
        raise SparringError(
            f"{path} cannot be read as tensors and plain data ({type(error).__name__}).",
            "a checkpoint that sparring wrote",
            "use another checkpoint.",
        ) from None


def _fabric(device: Any, precision: str) -> Any:
    from lightning_fabric import Fabric  # 1.8 s of import, so only when something is trained
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    if precision not in ("fp32", "bf16"):
        raise SparringError(f"The precision is {precision!r}.", "fp32, bf16 or auto")
    kind, _, index = str(device).partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps"):
        raise SparringError(f"There is no device {str(device)!r}.", "auto, cpu, cuda, cuda:1 or mps")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces every precision at INFO
    try:
        return Fabric(
            accelerator=kind,
            devices=[int(index)] if index and kind == "cuda" else 1,
            precision="32-true" if precision == "fp32" else "bf16-mixed",
        )
    except (RuntimeError, ValueError, TypeError, MisconfigurationException) as error:
        raise SparringError(
            f"The device {str(device)!r} cannot be used: {str(error).splitlines()[0]}",
            "a device of this machine",
            "--device auto",
        ) from None


def resolve_device(device: Any) -> torch.device:
    """The device that a word stands for here. Raises SparringError for one that is not there."""
    return _fabric(device, "fp32").device


def _buffer_places(average: nn.Module, network: nn.Module) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """Each buffer once, by its place: the dictionary of the copy's module, that of the network's, and its name."""
    seen = set()
    for mine, theirs in zip(average.modules(), network.modules(), strict=True):
        for name, buffer in theirs._buffers.items():
            if buffer is not None and id(buffer) not in seen:
                seen.add(id(buffer))
                yield mine._buffers, theirs._buffers, name


def _regularised(network: nn.Module) -> dict[str, Tensor]:
    term = regularisation_of(network)
    return {} if term is None else {"regularisation": term}


def _learning(network: nn.Module, role: str) -> list[nn.Parameter]:
    params = [p for p in network.parameters() if p.requires_grad]
    if not params:
        raise SparringError(
            f"Nothing of the {role} can learn: it has no parameter that requires a gradient.",
            "at least one parameter with requires_grad=True",
            "unfreeze the layers that should learn.",
        )
    return params


def draw_latents(seed: int, indices: Sequence[int], z_shape: tuple[int, ...]) -> Tensor:
    """z number i depends on (seed, i) alone, on the CPU's generator whatever the device.  # [len(indices), *z_shape]"""
    draws = (torch.Generator().manual_seed(seed_for(seed, "sample", i)) for i in indices)
    return torch.stack([torch.randn(z_shape, generator=g) for g in draws])


@torch.no_grad()
def paint(
    generator: nn.Module,
    n: int,
    seed: int,
    z_shape: tuple[int, ...],
    device: torch.device,
    start: int = 0,
    condition: Tensor | None = None,
) -> Tensor:
    """Pictures `start` to `start + n` of a seed, in inference mode and fp32; of a condition each, where there is one.

    condition [n, ...]. Returns uint8 on the CPU.  # [n, C, H, W]
    """
    pages = []
    with evaluation_mode(generator):
        first = start - start % PAINT_BATCH
        for page in range(first, start + n, PAINT_BATCH):
            z = draw_latents(seed, range(page, page + PAINT_BATCH), z_shape).to(device)
            # What is painted beyond the ends, to keep the batch's size, has the condition of the end.
            places = torch.arange(page - start, page - start + PAINT_BATCH).clamp(0, n - 1)
            told = None if condition is None else condition[places].to(device)
            with randomness(seed_for(seed, "paint", page), device):  # for generators that draw noise of their own
                pages.append(to_uint8(generator(z, *_told(told))))
    return torch.cat(pages)[start - first : start - first + n].contiguous()


def to_uint8(images: Tensor) -> Tensor:
    """[-1, 1] -> 0..255, rounded; what lies outside is clipped, on the CPU.  # [N, C, H, W]

    Raises SparringError for numbers that are not finite: as bytes they would be black pictures that look drawn.
    """
    if not bool(images.isfinite().all()):
        raise SparringError(
            "A generator made pictures with numbers that are not finite.",
            "finite numbers",
            "its training diverged: take an earlier checkpoint (--step), or train with lower rates.",
        )
    return images.float().add(1).mul(127.5).round_().clamp_(0, 255).to(torch.uint8).cpu()
