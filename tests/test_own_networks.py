"""Networks we did not write: every way in which they are called, what they give, and that looking changes nothing."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sparring.errors import SparringError
from sparring.networks.calling import Understood, understand, understand_generator, z_shape_of
from sparring.networks.calling.probing import _RowsExist

L, K, C, S = 6, 5, 3, 8  # numbers in z, classes, channels, px
SHAPE = (C, S, S)
PIXELS = C * S * S


@dataclass(frozen=True)
class Told:
    """A condition's shape, as `conditions.Shape` has it."""

    kind: str
    size: int


CLASS, TEXT = Told("class", K), Told("text", 7)


def rows(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, PIXELS), nn.Tanh(), nn.Unflatten(1, SHAPE))


def maps(width: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(width, C, S), nn.Tanh())


def told(condition: Told | None, n: int = 3) -> Tensor | None:
    if condition is None:
        return None
    return torch.arange(n) % condition.size if condition.kind == "class" else torch.randn(n, condition.size)


def one_hot(labels: Tensor) -> Tensor:
    return F.one_hot(labels, K).float()


def over(vectors: Tensor, size: int = S) -> Tensor:
    return vectors[:, :, None, None].expand(-1, -1, size, size)


# Generators. Each is of a kind that people write.


class Plain(nn.Module):
    def __init__(self, end: nn.Module | None = None) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(L, PIXELS), end or nn.Tanh(), nn.Unflatten(1, SHAPE))

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)


class Embeds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.net = nn.Embedding(K, 4), rows(L + 4)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        return self.net(torch.cat([z, self.embed(labels).flatten(1)], 1))


class LabelsFirst(Embeds):
    def forward(self, labels: Tensor, z: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(z, labels)


class Nameless(Embeds):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(b, a)


class ByKeyword(Embeds):
    def forward(self, z: Tensor, truncation: float = 1.0, *, class_labels: Tensor | None = None) -> Tensor:  # type: ignore[override]
        assert class_labels is not None
        return super().forward(z * truncation, class_labels)


class AllByKeyword(Embeds):
    def forward(self, *, noise: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(noise, y)


class Listed(Embeds):
    def forward(self, inputs: list[Tensor]) -> Tensor:  # type: ignore[override]
        z, labels = inputs
        return super().forward(z, labels)


class OneHot(nn.Module):
    def __init__(self, size: int = K) -> None:
        super().__init__()
        self.net = rows(L + size)

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        return self.net(torch.cat([noise, condition], 1))


class Column(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = rows(L + 1)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        assert c.shape[1] == 1
        return self.net(torch.cat([z, c], 1))


class Maps(nn.Module):
    def __init__(self, size: int = K) -> None:
        super().__init__()
        self.net = maps(L + size)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.net(torch.cat([z, y], 1))


Call = Callable[[nn.Module, Tensor, Any], Any]


@dataclass(frozen=True)
class Case:
    """A network, the form it should be found in, and how its owner calls it."""

    build: Callable[[], nn.Module]
    condition: Told | None
    form: str
    call: Call
    same: bool = False  # it fits the canonical form
    z_shape: tuple[int, ...] = (L,)


GENERATORS = {
    "z": Case(Plain, None, "z:flat", lambda g, z, c: g(z), same=True),
    "z map": Case(lambda: maps(L), None, "z:map", lambda g, z, c: g(z), same=True, z_shape=(L, 1, 1)),
    "index": Case(Embeds, CLASS, "z:flat,condition:index", lambda g, z, c: g(z, c), same=True),
    "index first": Case(LabelsFirst, CLASS, "condition:index,z:flat", lambda g, z, c: g(c, z)),
    "index first, no names": Case(Nameless, CLASS, "condition:index,z:flat", lambda g, z, c: g(c, z)),
    "keyword": Case(
        ByKeyword, CLASS, "z:flat,class_labels=condition:index", lambda g, z, c: g(z, class_labels=c)
    ),
    "keywords": Case(
        AllByKeyword, CLASS, "noise=z:flat,y=condition:index", lambda g, z, c: g(noise=z, y=c)
    ),
    "list": Case(Listed, CLASS, "[z:flat,condition:index]", lambda g, z, c: g([z, c])),
    "one-hot": Case(OneHot, CLASS, "z:flat,condition:one-hot", lambda g, z, c: g(z, one_hot(c))),
    "column": Case(Column, CLASS, "z:flat,condition:column", lambda g, z, c: g(z, c[:, None])),
    "one tensor": Case(
        lambda: rows(L + K), CLASS, "z:flat+condition:one-hot", lambda g, z, c: g(torch.cat([z, one_hot(c)], 1))
    ),
    "maps": Case(
        Maps, CLASS, "z:map,condition:one-hot-map", lambda g, z, c: g(z, one_hot(c)[:, :, None, None]),
        z_shape=(L, 1, 1),
    ),
    "one map": Case(
        lambda: maps(L + K), CLASS, "z:map+condition:one-hot-map",
        lambda g, z, c: g(torch.cat([z, one_hot(c)[:, :, None, None]], 1)), z_shape=(L, 1, 1),
    ),
    "text": Case(lambda: OneHot(7), TEXT, "z:flat,condition:vector", lambda g, z, c: g(z, c), same=True),
    "text, one tensor": Case(
        lambda: rows(L + 7), TEXT, "z:flat+condition:vector", lambda g, z, c: g(torch.cat([z, c], 1))
    ),
    "text map": Case(
        lambda: Maps(7), TEXT, "z:map,condition:map", lambda g, z, c: g(z, c[:, :, None, None]), z_shape=(L, 1, 1)
    ),
}  # fmt: skip


# Discriminators.


class Judge(nn.Module):
    def __init__(self, *end: nn.Module) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 1), *end)

    def forward(self, images: Tensor) -> Any:
        return self.net(images)


class Projection(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.embed, self.end = nn.Linear(PIXELS, 4), nn.Embedding(K, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = torch.relu(self.body(x.flatten(1)))
        return (self.end(h) + (h * self.embed(y)).sum(1, keepdim=True)).squeeze(1)


class LabelsThenImages(Projection):
    def forward(self, labels: Tensor, images: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(images, labels)


class MapsBeside(nn.Module):
    def __init__(self, size: int = K) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(C + size, 4, 3, 2), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 2))

    def forward(self, img: Tensor, cond: Tensor) -> Tensor:
        return self.net(torch.cat([img, cond], 1))


class OneHotBeside(nn.Module):
    def __init__(self, size: int = K) -> None:
        super().__init__()
        self.net = nn.Linear(PIXELS + size, 1)

    def forward(self, images: Tensor, embedding: Tensor) -> Tensor:
        return self.net(torch.cat([images.flatten(1), embedding], 1))[:, :, None, None]


class ListedJudge(Projection):
    def forward(self, pair: list[Tensor]) -> Tensor:  # type: ignore[override]
        return super().forward(*pair)


class Rows(nn.Module):
    """Takes what it is given flat, as a first tutorial does."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(PIXELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


DISCRIMINATORS = {
    "[N, 1]": Case(Judge, None, "images:nchw", lambda d, x, c: d(x), same=True),
    "[N]": Case(lambda: Judge(nn.Flatten(0)), None, "images:nchw", lambda d, x, c: d(x), same=True),
    "[N, 1, 1, 1]": Case(lambda: nn.Conv2d(C, 1, S), None, "images:nchw", lambda d, x, c: d(x), same=True),
    "patches": Case(lambda: nn.Conv2d(C, 1, 4, 4), None, "images:nchw", lambda d, x, c: d(x), same=True),
    "rows": Case(Rows, None, "images:flat", lambda d, x, c: d(x.flatten(1))),
    "index": Case(Projection, CLASS, "images:nchw,condition:index", lambda d, x, c: d(x, c), same=True),
    "index first": Case(LabelsThenImages, CLASS, "condition:index,images:nchw", lambda d, x, c: d(c, x)),
    "list": Case(ListedJudge, CLASS, "[images:nchw,condition:index]", lambda d, x, c: d([x, c])),
    "one-hot": Case(OneHotBeside, CLASS, "images:nchw,condition:one-hot", lambda d, x, c: d(x, one_hot(c))),
    "maps": Case(
        MapsBeside, CLASS, "images:nchw,condition:one-hot-maps", lambda d, x, c: d(x, over(one_hot(c)))
    ),
    "one tensor": Case(
        lambda: nn.Conv2d(C + K, 1, S), CLASS, "images:nchw+condition:one-hot-maps",
        lambda d, x, c: d(torch.cat([x, over(one_hot(c))], 1)),
    ),
    "text": Case(lambda: OneHotBeside(7), TEXT, "images:nchw,condition:vector", lambda d, x, c: d(x, c), same=True),
    "text maps": Case(lambda: MapsBeside(7), TEXT, "images:nchw,condition:maps", lambda d, x, c: d(x, over(c))),
}  # fmt: skip


def fitting(condition: Told | None, role: str) -> nn.Module:
    """A network for the other side, of the canonical form."""
    if role == "generator":
        return Plain() if condition is None else Embeds() if condition is CLASS else OneHot(7)
    return Judge() if condition is None else Projection() if condition is CLASS else OneHotBeside(7)


def seen_of(network: nn.Module, role: str, condition: Told | None, **forms: str) -> Understood:
    other = fitting(condition, "discriminator" if role == "generator" else "generator")
    pair = (network, other) if role == "generator" else (other, network)
    return understand(*pair, SHAPE, L, condition, forms)


def gradients(network: nn.Module, output: Any) -> list[Tensor]:
    flat = torch.cat([part.flatten() for part in ([output] if isinstance(output, Tensor) else output)])
    loss = (flat * torch.linspace(1, 2, len(flat))).sum()
    return list(torch.autograd.grad(loss, list(network.parameters()), allow_unused=True, materialize_grads=True))


def check_same(network: nn.Module, one: Any, other: Any) -> None:
    """The outputs and the gradients of both calls are equal, bit for bit."""
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    for a, b in zip(gradients(network, one), gradients(network, other), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", GENERATORS)
def test_every_form_of_a_generator(name: str) -> None:
    case = GENERATORS[name]
    torch.manual_seed(0)
    G = case.build()
    seen = seen_of(G, "generator", case.condition)
    assert seen.forms["generator"] == case.form
    assert seen.z_shape == case.z_shape
    assert (seen.generator is G) == case.same
    z, c = torch.randn(3, *case.z_shape), told(case.condition)
    made = seen.generator(z) if c is None else seen.generator(z, c)
    assert made.shape == (3, *SHAPE)
    check_same(G, made, case.call(G, z, c))


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_every_form_of_a_discriminator(name: str) -> None:
    case = DISCRIMINATORS[name]
    torch.manual_seed(0)
    D = case.build()
    seen = seen_of(D, "discriminator", case.condition)
    assert seen.forms["discriminator"] == case.form
    assert (seen.discriminator is D) == case.same
    x, c = torch.rand(3, *SHAPE) * 2 - 1, told(case.condition)
    logits = seen.discriminator(x) if c is None else seen.discriminator(x, c)
    check_same(D, logits, case.call(D, x, c))


@pytest.mark.parametrize("name", [name for name, case in GENERATORS.items() if case.condition])
def test_a_form_that_is_given_is_the_form_found(name: str) -> None:
    """What is found can be written down: given back, it is found again, and nothing is guessed."""
    case = GENERATORS[name]
    G = case.build()
    alone = understand_generator(G, SHAPE, L, case.condition, {"generator": case.form})
    assert alone.forms["generator"] == case.form
    assert understand_generator(alone.network, SHAPE, L, case.condition).network is alone.network
    assert not any("the other order" in note for note in alone.notes)


class Either(nn.Module):
    """Runs in both orders: only names, or its owner, know which is meant."""

    def __init__(self) -> None:
        super().__init__()
        self.net = rows(2 * L)


class EitherUnnamed(Either):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.net(torch.cat([a, b], 1))


class EitherNamed(Either):
    def forward(self, text: Tensor, noise: Tensor) -> Tensor:
        return self.net(torch.cat([text, noise], 1))


class EitherHalfNamed(Either):
    def forward(self, a: Tensor, z: Tensor) -> Tensor:
        return self.net(torch.cat([a, z], 1))


@pytest.mark.parametrize(
    ("network", "forms", "form", "guessed"),
    [
        (EitherUnnamed, {}, "z:flat,condition:vector", True),
        (EitherNamed, {}, "condition:vector,z:flat", False),
        (EitherHalfNamed, {}, "condition:vector,z:flat", False),
        (EitherUnnamed, {"generator": "condition,z"}, "condition:vector,z:flat", False),
        (EitherNamed, {"generator": "z, condition"}, "z:flat,condition:vector", False),
    ],
)
def test_names_decide_where_both_orders_run(
    network: type[Either], forms: dict[str, str], form: str, guessed: bool
) -> None:
    seen = understand_generator(network(), SHAPE, L, Told("vector", L), forms)
    assert seen.forms["generator"] == form
    again = understand_generator(seen.network, SHAPE, L, Told("vector", L))  # as the trainer of a run does
    assert (again.network, again.forms["generator"]) == (seen.network, form)
    assert any('{"generator": "condition,z"} for the other' in note for note in seen.notes) == guessed


# All forms, in the combinations that no table lists.


def network_of(order: bool, packing: str, encoding: str, names: tuple[str, str], z_map: bool) -> nn.Module:
    """Writes a generator that takes what is drawn, in that order and shape, and refuses everything else."""
    width = {"index": 4, "one-hot": K, "column": 1, "one-hot-map": K}[encoding]
    check = {
        "index": "c.dim() == 1 and c.dtype == torch.int64",
        "one-hot": f"c.shape[1:] == ({K},)",
        "column": "c.shape[1:] == (1,)",
        "one-hot-map": f"c.shape[1:] == ({K}, 1, 1)",
    }[encoding]
    first, second = names if order else names[::-1]
    head = f"{first}, {second}" if packing == "," else "both"
    unpack = "" if packing == "," else f"\n    assert isinstance(both, list)\n    {first}, {second} = both"
    z, c = names
    text = f"""
def forward(self, {head}):{unpack}
    z, c = {z}, {c}
    assert z.shape[1:] == {(L, 1, 1) if z_map else (L,)} and {check}
    c = self.embed(c) if c.dim() == 1 else c.flatten(1).float()
    return self.net(torch.cat([z.flatten(1), c], 1))
"""
    space: dict[str, Any] = {"torch": torch}
    exec(text, space)  # names of parameters can be drawn in no other way
    network = type("Drawn", (nn.Module,), {"forward": space["forward"]})()
    network.embed, network.net = nn.Embedding(K, 4), rows(L + width)
    return network


@settings(max_examples=60, deadline=None)
@given(
    order=st.booleans(),
    packing=st.sampled_from([",", "["]),
    encoding=st.sampled_from(["index", "one-hot", "column", "one-hot-map"]),
    names=st.sampled_from([("z", "labels"), ("a", "b"), ("noise", "what"), ("v", "text_embedding"), ("x1", "y")]),
    z_map=st.booleans(),
)
def test_every_combination_is_found(
    order: bool, packing: str, encoding: str, names: tuple[str, str], z_map: bool
) -> None:
    torch.manual_seed(0)
    G = network_of(order, packing, encoding, names, z_map)
    seen = understand_generator(G, SHAPE, L, CLASS)
    parts = [f"z:{'map' if z_map else 'flat'}", f"condition:{encoding}"]
    form = ",".join(parts if order else parts[::-1])
    assert seen.forms["generator"] == (form if packing == "," else f"[{form}]")
    z, c = torch.randn(3, *seen.z_shape), torch.tensor([0, 4, 2])
    given_c = {"index": c, "one-hot": one_hot(c), "column": c[:, None], "one-hot-map": one_hot(c)[:, :, None, None]}
    args: list[Any] = [z, given_c[encoding]] if order else [given_c[encoding], z]
    check_same(G, seen.network(z, c), G(*args) if packing == "," else G(args))


# What D gives.


class Gives(nn.Module):
    """A discriminator whose output is what a function makes of two maps of it."""

    def __init__(self, end: Callable[[Tensor, Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.small, self.large = nn.Conv2d(C, 1, 4, 4), nn.Conv2d(C, 1, 2, 2)
        self.classes, self.end = nn.Linear(PIXELS, K), end

    def forward(self, images: Tensor) -> Any:
        return self.end(self.small(images), self.large(images), self.classes(images.flatten(1)))


def sides(*parts: Tensor) -> Tensor:
    return torch.cat([part.flatten(1) for part in parts], 1)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (lambda a, b, c: [a, b], sides),
        (lambda a, b, c: (b,), lambda a, b: b),
        (lambda a, b, c: {"fine": b, "coarse": a}, lambda a, b: sides(b, a)),
        (lambda a, b, c: [[c, a], [c, b]], sides),  # features and a logit a scale, as pix2pixHD has it
        (lambda a, b, c: (a, c), lambda a, b: a),
    ],
    ids=["list", "tuple of one", "dict", "features and logits", "logit and features"],
)
def test_several_outputs(end: Any, expected: Any) -> None:
    D = Gives(end)
    seen = seen_of(D, "discriminator", None)
    x = torch.rand(3, *SHAPE)
    torch.testing.assert_close(seen.discriminator(x), expected(D.small(x), D.large(x)), rtol=0, atol=0)


def test_which_outputs_are_used_is_said() -> None:
    seen = seen_of(Gives(lambda a, b, c: [a, b, c]), "discriminator", None)
    assert "3 tensors, [N, 1, 2, 2], [N, 1, 4, 4], [N, 5]: numbers 1 and 2 are its logits" in " ".join(seen.notes)
    assert "1 not used" in " ".join(seen.notes)


class Auxiliary(nn.Module):
    def __init__(self, *, squashed: bool = False, swapped: bool = False) -> None:
        super().__init__()
        self.logit, self.classes = nn.Linear(PIXELS, 1), nn.Linear(PIXELS, K)
        self.squashed, self.swapped = squashed, swapped

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logit, classes = self.logit(images.flatten(1)), self.classes(images.flatten(1))
        if self.squashed:
            logit, classes = torch.sigmoid(logit), F.softmax(classes, dim=1)
        return (classes, logit) if self.swapped else (logit, classes)


@pytest.mark.parametrize("squashed", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
def test_an_auxiliary_classifier_gives_class_logits(squashed: bool, swapped: bool) -> None:
    """Of a D that ends in sigmoid and softmax, as AC-GAN is often written, both are had before it."""
    torch.manual_seed(0)
    D = Auxiliary(squashed=squashed, swapped=swapped)
    seen = seen_of(D, "discriminator", CLASS)
    x = torch.rand(3, *SHAPE) * 50
    logits, classes = seen.discriminator(x, told(CLASS))
    assert torch.equal(logits, D.logit(x.flatten(1)))
    assert torch.equal(classes, D.classes(x.flatten(1)))
    assert f"number {1 if swapped else 2} says which class it sees" in " ".join(seen.notes)


def test_class_logits_are_for_classes_alone() -> None:
    """Without classes to tell, [N, K] is features."""
    D = Auxiliary()
    assert isinstance(seen_of(D, "discriminator", None).discriminator(torch.rand(2, *SHAPE)), Tensor)


class Headed(Auxiliary):
    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().forward(images * (1 + labels.view(-1, 1, 1, 1)))


def test_a_canonical_pair_of_logits_is_left_alone() -> None:
    D = Headed()
    assert seen_of(D, "discriminator", CLASS).discriminator is D


# Nothing changes by being looked at.


class Restless(nn.Module):
    """Whatever a forward can change, this one changes: statistics, weights, buffers, random states."""

    def __init__(self, of_pictures: bool) -> None:
        super().__init__()
        self.of_pictures = of_pictures
        self.norm, self.embed = nn.BatchNorm1d(4), nn.Embedding(K, 4, max_norm=0.1)
        self.body = nn.utils.parametrizations.spectral_norm(nn.Linear(PIXELS if of_pictures else L, 4))
        self.end = nn.Linear(4, 1 if of_pictures else PIXELS)
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("last", torch.zeros(4))
        self.register_buffer("never", None)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        h = self.norm(self.body(x.flatten(1))) + self.embed(labels)
        self.count += 1
        self.last, self.never = h[0].detach(), h[1].detach()
        self.end.bias.data.mul_(1.5)
        h = h + torch.rand(()) + random.random() + float(np.random.rand())
        return self.end(h) if self.of_pictures else torch.tanh(self.end(h)).view(-1, *SHAPE)


def everything(network: nn.Module) -> list[Any]:
    tensors = [(name, id(t), t.detach().clone()) for name, t in network.state_dict(keep_vars=True).items()]
    modes = [(m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for m in network.modules()]
    return [tensors, modes, [p.requires_grad for p in network.parameters()], [p.grad for p in network.parameters()]]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@pytest.mark.parametrize("training", [True, False])
def test_looking_changes_nothing(training: bool) -> None:
    G, D = Restless(of_pictures=False).train(training), Restless(of_pictures=True).train(training)
    G.norm.eval()  # frozen by its owner
    D.end.requires_grad_(False)
    pair = nn.ModuleList([G, D])
    torch.manual_seed(5)
    before, states = everything(pair), (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    seen = understand(G, D, SHAPE, L, CLASS)
    assert same(before, everything(pair))
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (random.getstate(), np.random.get_state()[1].tolist())
    assert (seen.generator, seen.discriminator) == (G, D)


def test_a_refusal_changes_nothing_either() -> None:
    G, D = Restless(of_pictures=False), Restless(of_pictures=True)
    before = everything(G)
    with pytest.raises(SparringError, match="embedding has 5 rows, and there are 9 classes"):
        understand(G, D, SHAPE, L, Told("class", 9))
    assert same(before, everything(G))


def test_a_class_without_a_row_is_an_error_before_a_gpu_sees_it() -> None:
    """What `Probe` does on a GPU, where such a row would end every later call of the process."""
    embed = nn.Embedding(5, 4)
    with _RowsExist():
        assert embed(torch.tensor([0, 4])).shape == (2, 4)
        for row in (5, -1):
            with pytest.raises(IndexError, match="an embedding of 5 rows was asked for"):
                embed(torch.tensor([1, row]))


class Lazy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.LazyLinear(PIXELS)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        h = self.norm(self.first(a))
        assert b.shape[1:] == (L,)
        return torch.tanh(self.last(torch.cat([h, b], 1))).view(-1, *SHAPE)


class LazyOfBoth(Lazy):
    """Takes a condition of any width: a one-hot is likelier than a number."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.tanh(self.last(self.norm(self.first(torch.cat([a, b], 1))))).view(-1, *SHAPE)


@pytest.mark.parametrize(
    ("G", "form", "width"),
    [(Lazy(), "condition:one-hot,z:flat", K), (LazyOfBoth(), "z:flat,condition:one-hot", L + K)],
)
def test_lazy_layers_get_the_shape_of_the_form_that_is_found(G: Lazy, form: str, width: int) -> None:
    """What was tried in vain before, z in the condition's place, left no shape behind."""
    seen = understand_generator(G, SHAPE, L, CLASS)
    assert seen.forms["generator"] == form
    assert G.first.in_features == width
    assert torch.equal(G.norm.running_mean, torch.zeros(8))
    assert seen.network(torch.randn(3, L), told(CLASS)).shape == (3, *SHAPE)


# What is made of a condition that a network does not use.


class Deaf(Projection):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.end(self.body(x.flatten(1)) + 0 * self.embed(y))


class OpensLater(Projection):
    """As conditional norms do, it begins without any effect of the condition."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.embed.weight)


def test_a_condition_that_changes_nothing_is_noted() -> None:
    notes = " ".join(seen_of(Deaf(), "discriminator", CLASS).notes)
    assert "discriminator's output does not depend on the condition" in notes
    for D in (OpensLater(), Projection()):
        assert "does not depend" not in " ".join(seen_of(D, "discriminator", CLASS).notes)


def test_a_network_without_a_condition_is_called_without() -> None:
    seen = seen_of(Judge(), "discriminator", CLASS)
    assert "The discriminator takes no condition, and is called without." in seen.notes
    x = torch.rand(3, *SHAPE)
    check_same(seen.discriminator, seen.discriminator(x, told(CLASS)), seen.discriminator.network(x))
    with pytest.raises(SparringError, match="Neither network takes a condition"):
        understand(Plain(), Judge(), SHAPE, L, CLASS)


# What goes wrong.


class Grows(Plain):
    def forward(self, z: Tensor, step: int, alpha: float) -> Tensor:  # type: ignore[override]
        return super().forward(z)


class MayBeTold(Embeds):
    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:  # type: ignore[override]
        return super().forward(z, torch.zeros(len(z), dtype=torch.int64) if labels is None else labels)


class Switches(Judge):
    def forward(self, images: Tensor, return_features: bool = False) -> Tensor:
        assert return_features is False
        return super().forward(images)


class FailsInTraining(Plain):
    def forward(self, z: Tensor) -> Tensor:
        assert not self.training, "not in training"
        return super().forward(z)


class Truncates(Plain):
    def forward(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        return super().forward(z * truncation)


def test_a_number_that_may_be_given_is_no_condition() -> None:
    """It would run: a column of class numbers can be multiplied by."""
    assert "takes no condition" in " ".join(seen_of(Truncates(), "generator", CLASS).notes)


def test_a_switch_is_no_condition() -> None:
    assert "takes no condition" in " ".join(seen_of(Switches(), "discriminator", CLASS).notes)


@pytest.mark.parametrize(
    ("generator", "discriminator", "condition", "forms", "words"),
    [
        (Grows, Judge, None, {}, r"takes \(z: 'Tensor', step: 'int', alpha[\s\S]*there is no condition"),
        (Embeds, Judge, None, {}, r"takes \(z: 'Tensor', labels: 'Tensor'\)[\s\S]*give a condition"),
        (Embeds, Judge, TEXT, {}, r"could not be called. as \(z:flat,condition:vector\)[\s\S]*its forward: \(z"),
        # It would run without the condition, and that is not what was asked.
        (MayBeTold, Judge, Told("class", 9), {}, r"embedding has 5 rows, and there are 9 classes"),
        (lambda: rows(20), Judge, None, {}, r"latent=20"),
        (lambda: nn.Flatten(), Judge, None, {}, r"pictures of shape \[6\], the data are \[3, 8, 8\]"),
        (Plain, lambda: nn.Linear(9, 1), None, {}, r"could not be called on pictures of shape \[2, 3, 8, 8\]"),
        (Plain, lambda: Gives(lambda a, b, c: c), None, {}, r"gave \[2, 5\] for 2 pictures"),
        (Plain, lambda: Gives(lambda a, b, c: None), None, {}, r"gave NoneType for 2 pictures"),
        (FailsInTraining, Judge, None, {}, r"fails in training, though not in inference mode: not in training"),
        (Plain, Judge, None, {"generater": "z"}, r"did you mean 'generator'"),
        (Plain, Judge, None, {"range": "0-1"}, r"did you mean '0..1'"),
        (Plain, Judge, None, {"generator": "z,condition"}, r"passes a condition, and there is none"),
        (Plain, Judge, None, {"generator": "noise"}, r"'noise' is no form of a call"),
        (Embeds, Projection, CLASS, {"generator": "z,z"}, r"'z,z' is no form of a call"),
        (Embeds, Projection, CLASS, {"generator": "[z,y=condition]"}, r"is no form of a call"),
        (Embeds, Projection, CLASS, {"generator": "z,condition:onehot"}, r"did you mean 'one-hot'"),
        (Embeds, Projection, CLASS, {"discriminator": "z,condition"}, r"is no form of a call"),
        (Embeds, Projection, Told("sound", 4), {}, r"no condition of the kind 'sound'"),
    ],
)
def test_what_does_not_fit_is_said(
    generator: Any, discriminator: Any, condition: Told | None, forms: dict[str, str], words: str
) -> None:
    with pytest.raises(SparringError, match=words):
        understand(generator(), discriminator(), SHAPE, L, condition, forms)


def test_the_shape_of_z_alone() -> None:
    assert z_shape_of(Plain()) == understand(Plain(), Judge(), SHAPE, L).z_shape == (L,)
    assert z_shape_of(maps(9)) == (9, 1, 1)
    with pytest.raises(SparringError, match="cannot be seen from its layers"):
        z_shape_of(nn.Flatten())


def test_copies_of_an_adapted_network_are_apart() -> None:
    G = OneHot()
    mine = seen_of(G, "generator", CLASS).generator
    z, c = torch.randn(3, L), told(CLASS)
    before, copied = mine(z, c), copy.deepcopy(mine)
    with torch.no_grad():
        copied.network.net[0].weight.add_(1)
    assert torch.equal(mine(z, c), before)
    assert not torch.equal(copied(z, c), before)
