"""What a training program consists of, so that a plant can change one thing of it: `Parts` and `Program`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Watch = Callable[..., None]  # watch(step, d_loss=, g_loss=, real_logits=, fake_logits=, fake=, real=, and terms)
Terms = Callable[[Tensor, Tensor], tuple[Tensor, ...]]  # logits of reals and fakes -> terms that D's loss is made of


def same(x: Any) -> Any:
    return x


def cut_off(x: Tensor) -> Tensor:
    return x.detach()


@dataclass
class Parts:
    """One program, built and not yet run. Its loop takes everything from here, and so a plant can put in another.

    Attributes:
        G: the generator, called `G(z)`, or `G(z, labels)` where there are labels.
        D: the discriminator, `D(x)` or `D(x, labels)`; an AC-GAN's gives (logits, class logits).
        make_optimizers: (parameters of G, of D) -> (G's optimiser, D's), as the program makes them.
        pictures: the data  # float32 [n, c, h, w] in [-1, 1]
        labels: their classes, or None  # int64 [n]
        d_loss: what D's loss is the sum of (or the mean, as the loop has it).
        g_loss: (logits of fakes, logits of reals) -> G's loss; the second for relativistic losses only.
        batch: pictures a step.
        steps: updates of G.
        latent: length of z.
        classes: how many there are; 0 where there are no labels.
        z: draws latents  # int -> [n, latent]
        for_d: what D's own step does to the fakes: detaches them.
        for_g: what G's step does to the fakes before D sees them: nothing.
        told_g: what G is told of the labels: the labels.
        told_d: what D is told of them: the labels.
        weights_clip: bound of D's weights (WGAN); 0: none.
        penalty: weight of the program's gradient penalty; 0: none.
        gradient_clip: bound of the norm of both gradients; 0: none.
        watch_every: the program tells its numbers every so many steps.
        before: called with the step at the beginning of each step.
        shown: step -> what the program calls it.
        extra: what a program of another kind needs besides (the compiled stack of a Keras program).
    """

    G: Any
    D: Any
    make_optimizers: Callable[[Any, Any], tuple[Any, Any]]
    pictures: Tensor
    labels: Tensor | None
    d_loss: Terms
    g_loss: Callable[..., Tensor]
    batch: int = 32
    steps: int = 1500
    latent: int = 32
    classes: int = 0
    z: Callable[[int], Tensor] = field(init=False)
    for_d: Callable[[Tensor], Tensor] = cut_off
    for_g: Callable[[Tensor], Tensor] = same
    told_g: Callable[[Tensor], Tensor] = same
    told_d: Callable[[Tensor], Tensor] = same
    weights_clip: float = 0.0
    penalty: float = 0.0
    gradient_clip: float = 0.0
    watch_every: int = 1
    before: list[Callable[[int], None]] = field(default_factory=list)
    shown: Callable[[int], int] = same
    extra: dict[str, Any] = field(default_factory=dict)
    g_opt: Any = field(init=False)
    d_opt: Any = field(init=False)
    draw: Callable[[], tuple[Tensor, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.z = lambda n: torch.randn(n, self.latent)
        self.draw = self._drawn
        self.remake_optimizers()

    def remake_optimizers(self) -> None:
        """Makes both optimisers for the networks as they are now; for plants that change layers."""
        self.g_opt, self.d_opt = self.make_optimizers(self.G, self.D)

    def _drawn(self) -> tuple[Tensor, Any]:
        """A batch of pictures and of their labels, as from a shuffled loader  # [batch, c, h, w], [batch] or None"""
        chosen = torch.randint(len(self.pictures), (self.batch,))
        return self.pictures[chosen], None if self.labels is None else self.labels[chosen]

    def going(self) -> Iterator[int]:
        """The steps of the run, from 1."""
        for step in range(1, self.steps + 1):
            for each in self.before:
                each(step)
            yield step

    def cut(self, network: nn.Module) -> None:
        """Clips a gradient, where the program does."""
        if self.gradient_clip:
            nn.utils.clip_grad_norm_(network.parameters(), self.gradient_clip)

    def clip_weights(self) -> None:
        """Clips D's weights, where the program does."""
        if self.weights_clip:
            with torch.no_grad():
                for weight in self.D.parameters():
                    weight.clamp_(-self.weights_clip, self.weights_clip)

    @torch.no_grad()
    def sample(self, n: int, labels: Tensor | None = None) -> Tensor:
        """Pictures of G as one would show them  # float32 [n, c, h, w]"""
        if "sample" in self.extra:
            return torch.as_tensor(self.extra["sample"](n))
        self.G.eval()
        made = []
        for begin in range(0, n, 250):
            z = torch.randn(min(250, n - begin), self.latent)
            told = () if labels is None else (self.told_g(labels[begin : begin + len(z)]),)
            made.append(self.G(z, *told))
        return torch.cat(made)


@dataclass(frozen=True)
class Program:
    """A training program of the zoo.

    Attributes:
        name: of it.
        data: what it is trained on; see `data.py`.
        build: (pictures, labels, classes) -> Parts; the seed is set before.
        loop: runs the parts to their end and calls `watch` once a step.
        traits: what plants ask for; see the package's docstring.
        loss: what its user tells the monitor of its loss; None: nothing.
    """

    name: str
    data: str
    build: Callable[[Tensor, Tensor, int], Parts]
    loop: Callable[[Parts, Watch], None]
    traits: frozenset[str]
    loss: str | None = None


def traits(words: str) -> frozenset[str]:
    """Traits of a program, with blanks between them."""
    return frozenset(words.split())
