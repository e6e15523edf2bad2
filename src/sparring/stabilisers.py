"""What keeps a training from running away, for any network and any loss: clipping, spectral norm, initialisation.

One unit a remedy; none costs anything where it is not asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm, spectral_norm

from .errors import SparringError, did_you_mean
from .methods import Recipe

_WEIGHED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm)
MEAN_DECAY = 0.99  # of the running mean of gradient norms: it remembers some hundred updates
# Norms that are only averaged before the first is bounded: those of the first updates may be far from what is usual.
WARM_UP = 50


def _normal(weight: Tensor) -> None:
    nn.init.normal_(weight, 0.0, 0.02)  # DCGAN, arXiv 1511.06434, section 4


def _kaiming(weight: Tensor) -> None:
    nn.init.kaiming_normal_(weight, 0.2, nonlinearity="leaky_relu")  # arXiv 1502.01852; the slope is DCGAN's


# How the weights of convolutions and linear layers may begin.
INITIALISATIONS: dict[str, Callable[[Tensor], object]] = {
    "normal": _normal,
    "xavier": nn.init.xavier_uniform_,  # Glorot & Bengio 2010
    "kaiming": _kaiming,
    "orthogonal": nn.init.orthogonal_,  # arXiv 1312.6120
}


def initialisation_named(how: str) -> Callable[[Tensor], object] | None:
    """Returns what draws a weight anew; None for "". Raises SparringError with the near name."""
    if how and how not in INITIALISATIONS:
        raise SparringError(f"There is no initialisation {how!r}.", did_you_mean(how, INITIALISATIONS))
    return INITIALISATIONS.get(how)


@torch.no_grad()
def initialise(network: nn.Module, how: str) -> None:
    """Draws all weights of convolutions and linear layers anew, from torch's random state; biases begin at 0.

    With "normal" the weights of norms begin at N(1, .02), as in DCGAN. Frozen parameters stay as they are. "" leaves
    all as the network has it. Raises SparringError for an unknown word, or where there is no layer to draw for.
    """
    draw = initialisation_named(how)
    if draw is None:
        return
    if not any(isinstance(module, _WEIGHED) for module in network.modules()):
        raise SparringError(
            f"init={how} finds no layer in {type(network).__name__}.",
            "convolutions or linear layers of torch.nn",
            "draw the weights of your own layers yourself (in Keras: kernel_initializer=), or leave it out.",
        )
    for module in network.modules():
        # Under spectral norm the weight is computed: what can be set is the original.
        original = getattr(getattr(module, "parametrizations", None), "weight", None)
        weight = getattr(module, "weight", None) if original is None else getattr(original, "original", None)
        bias = getattr(module, "bias", None)
        if isinstance(module, _WEIGHED) and weight is not None and weight.requires_grad:
            draw(weight)
        elif isinstance(module, _NORMS) and how == "normal" and weight is not None and weight.requires_grad:
            nn.init.normal_(weight, 1.0, 0.02)
        else:
            continue
        if bias is not None and bias.requires_grad:
            nn.init.zeros_(bias)


def normalise_spectrally(network: nn.Module) -> None:
    """Divides the weights of all convolutions and linear layers by their largest singular value (arXiv 1802.05957).

    In place, one power iteration a training-mode forward; layers that have it already, and frozen ones, are left as
    they are.
    Raises SparringError where there is no layer to apply it to.
    """
    layers = [module for module in network.modules() if isinstance(module, _WEIGHED)]
    if not layers:
        raise SparringError(
            f"Spectral norm finds no layer in {type(network).__name__}.",
            "convolutions or linear layers of torch.nn",
            "apply it to your own layers yourself (keras.layers.SpectralNormalization), or leave it out.",
        )
    for layer in layers:
        original = getattr(getattr(layer, "parametrizations", None), "weight", None)
        has_it = hasattr(layer, "weight_orig") or any(isinstance(part, _SpectralNorm) for part in original or ())
        learnt = [layer.weight] if original is None else list(original.parameters())
        frozen = not any(param.requires_grad for param in learnt)
        if not has_it and not frozen:
            spectral_norm(layer)


def prepare(generator: nn.Module, discriminator: nn.Module, recipe: Recipe) -> None:
    """Does to both networks, in place, what a recipe asks for before the first step.

    Initialisations draw from torch's random state, anew each time; spectral norm is applied once.
    """
    for network, spectral in ((generator, recipe.g_spectral_norm), (discriminator, recipe.d_spectral_norm)):
        initialise(network, recipe.init)
        if spectral:
            normalise_spectrally(network)


@dataclass
class Clipper:
    """Bounds one player's gradients between backward and update.

    Attributes:
        norm: the L2 norm of all of them together is at most this; 0: not bounded.
        mean: it is at most so many times the running mean of the norms seen; 0: not bounded.
        value: each number is at most this; 0: not bounded.
    """

    norm: float = 0.0
    mean: float = 0.0
    value: float = 0.0

    def __post_init__(self) -> None:
        if 0 < self.mean <= 1:
            raise SparringError(
                f"A gradient's norm may be at most {self.mean:g} times its running mean.",
                "more than 1, such as 2: by less, the mean itself would sink to nothing; 0 for no bound",
            )
        self._mean: Tensor | None = None  # of the norms after clipping: a spike must not raise its own bound
        self._seen = 0

    @torch.no_grad()
    def __call__(self, params: Sequence[Tensor]) -> Tensor:
        """Clips in place. Returns the norm before, a scalar on the device."""
        grads = [p.grad for p in params if p.grad is not None]
        if not grads:
            return torch.zeros(())
        before = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)).float())
        bound = torch.full_like(before, self.norm) if self.norm else None
        if self.mean and self._mean is not None and self._seen >= WARM_UP:
            usual = self._mean.to(before.device)
            of_mean = torch.where(usual > 0, usual * self.mean, torch.inf)
            bound = of_mean if bound is None else torch.minimum(bound, of_mean)
        if bound is not None:
            # 1 where the norm is within the bound: the gradients then stay bit for bit.
            torch._foreach_mul_(grads, (bound / before.clamp(min=1e-12)).clamp(max=1.0))
        if self.mean:
            self._take_in(before if bound is None else torch.minimum(before, bound))
        if self.value:
            torch._foreach_clamp_max_(grads, self.value)
            torch._foreach_clamp_min_(grads, -self.value)
            # An infinity would be clipped to a number and pass for one.
            torch._foreach_mul_(grads, torch.where(before.isfinite(), 1.0, torch.nan))
        return before

    def _take_in(self, norm: Tensor) -> None:
        """The plain mean of the first norms, then one that forgets; what is not finite is left out."""
        before = norm if self._mean is None else self._mean.to(norm.device)
        part = max(1 - MEAN_DECAY, 1 / (self._seen + 1))
        self._mean = torch.where(norm.isfinite(), before.lerp(norm, part), before)
        self._seen += 1

    def state_dict(self) -> dict[str, Any]:
        """The running mean, and how many norms it has seen."""
        return {"mean": self._mean, "seen": self._seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where a checkpoint was."""
        self._mean, self._seen = state["mean"], state["seen"]


@torch.no_grad()
def clip_weights(params: Sequence[Tensor], bound: float) -> None:
    """Keeps every parameter within [-bound, bound] (WGAN, arXiv 1701.07875, algorithm 1)."""
    torch._foreach_clamp_max_(list(params), bound)
    torch._foreach_clamp_min_(list(params), -bound)
