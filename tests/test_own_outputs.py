"""What networks we did not write give: logits before a sigmoid, pictures in [-1, 1]; and the wrappers around them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.errors import SparringError
from sparring.methods import Recipe
from sparring.networks.calling import outline, understand, understand_generator
from sparring.networks.calling.adapting import AdaptedDiscriminator
from sparring.networks.calling.endings import ByCount, ByModule
from sparring.networks.calling.understanding import understand_discriminator
from sparring.players import Players

L, K, C, S = 6, 5, 3, 8  # numbers in z, classes, channels, px
SHAPE = (C, S, S)
PIXELS = C * S * S


class Told:
    kind, size = "class", K


class Judge(nn.Module):
    """A discriminator with a gate as squeeze-and-excitation has it, which is a sigmoid too, and some end."""

    def __init__(self, end: Callable[[Tensor], Any] = lambda x: x, *, gate: bool = True) -> None:
        super().__init__()
        self.conv, self.gate = nn.Conv2d(C, 4, 4, 4), nn.Linear(4, 4) if gate else None
        self.linear, self.end = nn.Linear(16, 1), end

    def logits(self, images: Tensor) -> Tensor:
        h = self.conv(images)
        if self.gate is not None:
            h = h * torch.sigmoid(self.gate(h.mean((2, 3))))[:, :, None, None]
        return self.linear(h.flatten(1))

    def forward(self, images: Tensor) -> Any:
        return self.end(self.logits(images))


def drawn(n: int = 3) -> Tensor:
    return torch.rand(n, *SHAPE) * 2 - 1


# The sigmoid at the end.

ENDS: dict[str, Callable[[Tensor], Tensor]] = {
    "torch.sigmoid": torch.sigmoid,
    "F.sigmoid": F.sigmoid,
    "method": lambda x: x.sigmoid(),
    "in place": lambda x: x.sigmoid_(),
    "expit": torch.special.expit,
    "then squeezed": lambda x: torch.sigmoid(x).squeeze(1),
    "then viewed": lambda x: torch.sigmoid(x).view(-1, 1, 1, 1),
    "then in fp32": lambda x: torch.sigmoid(x).float(),
    "module": nn.Sigmoid(),
    "module, then squeezed": nn.Sequential(nn.Sigmoid(), nn.Flatten(0)),
}


@pytest.mark.parametrize("end", ENDS)
def test_logits_before_the_sigmoid(end: str) -> None:
    """A logit of 30, whose sigmoid is 1 in fp32, comes out as 30, and with the gradient of the logit."""
    torch.manual_seed(0)
    D = Judge(ENDS[end])
    side = understand_discriminator(D, SHAPE)
    assert side.forms["output"] == "before-sigmoid"
    assert side.notes == ["The discriminator ends in a sigmoid: it is trained on the logits before it."]
    x = drawn()
    with torch.no_grad():
        D.linear.bias += 30 - D.logits(x)[0]
    expected = D.logits(x)
    logits = side.network(x)
    assert logits.flatten()[0].item() == pytest.approx(30, abs=1e-5)
    assert torch.equal(logits.flatten(), expected.flatten())
    assert D(x).flatten()[0] == 1  # for its owner it is what it was
    params = list(D.parameters())
    mine, theirs = torch.autograd.grad(logits.sum(), params), torch.autograd.grad(expected.sum(), params)
    assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))
    assert all(grad.abs().sum() > 0 for grad in mine)


@pytest.mark.parametrize(
    ("D", "reach"),
    [
        (Judge(nn.Sigmoid()), ByModule(("end",))),
        (nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 1), nn.Sigmoid()), ByModule(("2",))),
        (Judge(torch.sigmoid), ByCount(frozenset({1}))),
        (Judge(torch.sigmoid, gate=False), ByCount(frozenset({0}))),
    ],
)
def test_a_module_is_reached_by_itself_and_a_function_by_its_number(D: nn.Module, reach: Any) -> None:
    network = understand_discriminator(D, SHAPE).network
    assert isinstance(network, AdaptedDiscriminator)
    assert {verdicts.reach for verdicts in network.verdicts} == {reach}
    network(drawn())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in D.modules())


def test_one_sigmoid_module_for_gate_and_end() -> None:
    """Its module is called twice, so only the number of the call tells which is last."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.linear, self.squash = nn.Linear(PIXELS, 1), nn.Linear(PIXELS, 1), nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(1)
            return self.squash(self.linear(x * self.squash(self.gate(x))))

    D = Twice()
    x = drawn()
    expected = D.linear(x.flatten(1) * torch.sigmoid(D.gate(x.flatten(1))))
    assert torch.equal(understand_discriminator(D, SHAPE).network(x), expected)


def test_second_order_gradients_go_through() -> None:
    """Penalties differentiate the gradient of the logits."""
    D = Judge(torch.sigmoid)
    D.conv = nn.Sequential(nn.Conv2d(C, 4, 4, 4), nn.Tanh())
    network, x = understand_discriminator(D, SHAPE).network, drawn().requires_grad_()

    def penalty(logits: Tensor) -> Tensor:
        return torch.autograd.grad(logits.sum(), x, create_graph=True)[0].square().sum()

    mine = torch.autograd.grad(penalty(network(x)), D.conv[0].weight)[0]
    assert torch.equal(mine, torch.autograd.grad(penalty(D.logits(x)), D.conv[0].weight)[0])
    assert mine.abs().sum() > 0


@pytest.mark.parametrize(
    "scales", [lambda a, b: [a, b], lambda a, b: torch.cat([a.flatten(1), b.flatten(1)], 1)[:, :1]]
)
def test_several_sigmoids_end_several_scales(scales: Any) -> None:
    class Scales(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.small, self.large = nn.Conv2d(C, 1, 8), nn.Conv2d(C, 1, 4, 4)

        def forward(self, x: Tensor) -> Any:
            return scales(torch.sigmoid(self.small(x)), self.large(x).sigmoid())

    D, x = Scales(), drawn()
    logits = understand_discriminator(D, SHAPE).network(x)
    whole = torch.cat([D.small(x).flatten(1), D.large(x).flatten(1)], 1)
    assert torch.equal(logits.flatten(1), whole[:, : logits[0].numel()])


class OnlyInTraining(Judge):
    def forward(self, images: Tensor) -> Any:
        p = torch.sigmoid(self.logits(images))
        return (images, p) if self.training else p


def test_each_mode_has_its_own_output() -> None:
    D = OnlyInTraining()
    network, x = understand_discriminator(D, SHAPE).network, drawn()
    assert torch.equal(network(x), D.logits(x))
    network.eval()
    assert torch.equal(network(x), D.logits(x))


def test_a_gate_is_no_sigmoid_at_the_end() -> None:
    D = Judge()
    side = understand_discriminator(D, SHAPE)
    assert side.network is D
    assert side.notes == []


def averaged(scale: float) -> nn.Module:
    """The mean of sigmoids; of logits of 1e-3 it is in fp32 that of their mean, and yet another function."""
    D = nn.Sequential(nn.Conv2d(C, 1, 4), nn.Sigmoid(), nn.AdaptiveAvgPool2d(1))
    with torch.no_grad():
        for param in D.parameters():
            param.mul_(scale)
    return D


@pytest.mark.parametrize(
    "build",
    [
        lambda: Judge(lambda x: torch.sigmoid(x).clamp(1e-6, 1 - 1e-6)),
        lambda: Judge(F.hardsigmoid),
        lambda: averaged(1.0),
        lambda: averaged(1e-3),
        lambda: torch.compile(Judge(nn.Sigmoid()), backend="eager"),
        lambda: torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 1), nn.Sigmoid())),
    ],
    ids=["clamped", "hard", "averaged", "averaged near 0", "compiled", "scripted"],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_probabilities_whose_logits_cannot_be_reached(build: Callable[[], nn.Module]) -> None:
    """They are left as they are, never inverted, and the wrapper says so."""
    D = build()
    side = understand_discriminator(D, SHAPE)
    assert side.forms["output"] == "probabilities"
    assert side.network.gives_probabilities is True
    assert "gives probabilities, and the logits before them cannot be reached" in side.notes[0]
    x = drawn()
    assert torch.equal(side.network(x), D(x))


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (F.logsigmoid, "ends in a log-sigmoid"),
        (lambda x: torch.log(torch.sigmoid(x) + 1e-8), "ends in a log-sigmoid"),
        (lambda x: F.softmax(torch.cat([x, -x], 1), 1), r"gave \[2, 2\][\s\S]*out\[:, 1\] - out\[:, 0\]"),
        (lambda x: F.softmax(torch.cat([x, -x], 1), 1)[:, 1], "ends in a softmax"),
        (lambda x: F.log_softmax(torch.cat([x, -x], 1), 1)[:, 1], "ends in a log-softmax"),
        (lambda x: [torch.sigmoid(x), x], "Some of the discriminator's outputs end in a sigmoid"),
    ],
)
def test_what_is_no_logit_is_refused(end: Any, words: str) -> None:
    with pytest.raises(SparringError, match=words):
        understand_discriminator(Judge(end), SHAPE)


def test_what_only_looks_like_probabilities_is_asked_about() -> None:
    """A sigmoid written by hand is not seen among the operations; the owner can say what it is."""
    D = Judge(lambda x: 1 / (1 + torch.exp(-x)))
    side = understand_discriminator(D, SHAPE)
    assert side.network is D
    assert 'forms={"output": "probabilities"}' in side.notes[0]
    side = understand_discriminator(D, SHAPE, forms={"output": "probabilities"})
    assert side.network.gives_probabilities is True


def test_what_the_owner_says_of_the_output_counts() -> None:
    D = Judge(torch.sigmoid)
    x = drawn()
    assert torch.equal(understand_discriminator(D, SHAPE, forms={"output": "logits"}).network(x), D(x))
    with pytest.raises(SparringError, match="cannot be reached"):
        understand_discriminator(Judge(F.hardsigmoid), SHAPE, forms={"output": "before-sigmoid"})


def test_bounded_logits_are_noted() -> None:
    D = Judge(torch.tanh)
    side = understand_discriminator(D, SHAPE)
    assert side.network is D
    assert r"cannot leave [-1, 1] (tanh" in side.notes[0]


# The range of G.


class Painter(nn.Module):
    def __init__(self, end: Callable[[Tensor], Any], scale: float = 1.0) -> None:
        super().__init__()
        self.linear, self.end, self.scale = nn.Linear(L, PIXELS), end, scale

    def forward(self, z: Tensor) -> Any:
        return self.end(self.linear(z).view(-1, *SHAPE) * self.scale)


RANGES: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "tanh": (torch.tanh, "-1..1"),
    "tanh, enlarged": (lambda x: F.interpolate(torch.tanh(x[:, :, ::2, ::2]), scale_factor=2.0), "-1..1"),
    "sigmoid": (torch.sigmoid, "0..1"),
    "tanh, moved": (lambda x: torch.tanh(x) * 0.5 + 0.5, "0..1"),
    "tanh, halved": (lambda x: (1 + torch.tanh(x)) / 2, "0..1"),
    "sigmoid, doubled": (lambda x: 2 * torch.sigmoid(x) - 1, "-1..1"),
    "one minus sigmoid": (lambda x: 1 - torch.sigmoid(x), "0..1"),
    "shades": (lambda x: torch.sigmoid(x) * 255, "0..255"),
    "clamped": (lambda x: x.clamp(0, 1), "0..1"),
    "hardtanh": (F.hardtanh, "-1..1"),
    "channels put together": (lambda x: torch.cat([torch.tanh(x[:, :1]), torch.tanh(x[:, 1:])], 1), "-1..1"),
    "linear": (lambda x: x, "linear"),
    "relu": (torch.relu, "linear"),
    "sigmoid overwritten": (lambda x: torch.sigmoid(x).mul_(x), "linear"),
    "a part of it": (lambda x: (x[:, :1].sigmoid_(), x)[1], "linear"),
    "sigmoid times linear": (lambda x: torch.sigmoid(x) * x, "linear"),
}


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("scale", [1e-3, 1.0])
def test_the_range_is_seen_from_what_ran_and_not_from_values(name: str, scale: float) -> None:
    """At a scale of 1e-3, as before training, a tanh gives (-.01, .01) and a sigmoid (.49, .51)."""
    torch.manual_seed(0)
    end, expected = RANGES[name]
    G = Painter(end, scale)
    side = understand_generator(G, SHAPE, L)
    assert side.forms["range"] == expected
    low, high = {"0..1": (0, 1), "0..255": (0, 255)}.get(expected, (-1, 1))
    z = torch.randn(4, L)
    assert (side.network is G) == (expected in ("-1..1", "linear"))
    torch.testing.assert_close(side.network(z), (G(z) - low) * 2 / (high - low) - 1)
    assert bool(side.notes) == (expected != "-1..1")


def test_the_range_may_be_given() -> None:
    side = understand_generator(Painter(lambda x: x), SHAPE, L, forms={"range": "0..1"})
    assert side.notes == []
    z = torch.randn(2, L)
    torch.testing.assert_close(side.network(z), side.network.network(z) * 2 - 1)


@pytest.mark.parametrize(
    ("end", "back", "words"),
    [
        (lambda x: torch.tanh(x).permute(0, 2, 3, 1), lambda y: y.permute(0, 3, 1, 2), "channels last"),
        (lambda x: torch.tanh(x).flatten(1), lambda y: y.view(-1, *SHAPE), "folded to"),
        (lambda x: (x.mean(), torch.tanh(x), x[:1]), lambda y: y[1], "number 2 is the picture"),
        (lambda x: {"w": x.mean((1, 2, 3)), "image": torch.tanh(x)}, lambda y: y["image"], "number 2 is the picture"),
    ],
)
def test_pictures_in_other_layouts(end: Any, back: Any, words: str) -> None:
    G = Painter(end)
    side = understand_generator(G, SHAPE, L)
    z = torch.randn(4, L)
    made = side.network(z)
    assert torch.equal(made, back(G(z)))
    assert words in " ".join(side.notes)
    grads = [torch.autograd.grad(y.square().sum(), G.linear.weight)[0] for y in (made, back(G(z)))]
    assert torch.equal(*grads)


def test_d_gets_pictures_in_the_layout_of_g() -> None:
    """A D of linear layers would take any; its owner trained it on what G makes."""
    G = Painter(lambda x: torch.tanh(x).permute(0, 2, 3, 1))
    D = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 1))
    seen = understand(G, D, SHAPE, L)
    z = torch.randn(4, L)
    assert seen.forms["discriminator"] == "images:nhwc"
    assert torch.equal(seen.discriminator(seen.generator(z)), D(G(z)))


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda x: x[:, :, :4, :4], r"\[3, 4, 4\], the data are \[3, 8, 8\][\s\S]*size=4"),
        (lambda x: x[:, :1], r"\[1, 8, 8\], the data are \[3, 8, 8\][\s\S]*channels=1"),
        (lambda x: x[:, :, :5, :5].permute(0, 2, 3, 1), r"\[5, 5, 3\][\s\S]*size=5 channels=3"),
        (lambda x: None, "The generator gave a NoneType"),
    ],
)
def test_pictures_of_another_shape_are_refused(end: Any, words: str) -> None:
    with pytest.raises(SparringError, match=words):
        understand_generator(Painter(end), SHAPE, L)


# The wrappers: the same weights under the same names.


class Pair:
    """A pair of which both must be adapted: (labels, z) -> [0, 1], and a sigmoid after one-hot maps."""

    class Generator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.norm = nn.Embedding(K, L), nn.BatchNorm1d(L)
            self.linear = nn.Linear(L, PIXELS)

        def forward(self, labels: Tensor, z: Tensor) -> Tensor:
            return torch.sigmoid(self.linear(self.norm(z * self.embed(labels)))).view(-1, *SHAPE)

    class Discriminator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.utils.parametrizations.spectral_norm(nn.Conv2d(C + K, 4, 4, 4))
            self.end = nn.Sequential(nn.Flatten(), nn.Linear(16, 1), nn.Sigmoid())

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return self.end(self.body(torch.cat([x, y], 1)))


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_a_wrapper_has_the_weights_and_checkpoints_of_the_network_within(role: str) -> None:
    G, D = Pair.Generator(), Pair.Discriminator()
    D.body.requires_grad_(False)  # by its owner
    user = {"generator": G, "discriminator": D}[role]
    wrapper = getattr(understand(G, D, SHAPE, L, Told()), role)
    assert wrapper is not user
    assert [(name, id(p)) for name, p in wrapper.named_parameters()] == [(n, id(p)) for n, p in user.named_parameters()]
    assert [(name, id(b)) for name, b in wrapper.named_buffers()] == [(n, id(b)) for n, b in user.named_buffers()]
    assert [p.requires_grad for p in wrapper.parameters()] == [p.requires_grad for p in user.parameters()]
    state = wrapper.state_dict()
    assert list(state) == list(user.state_dict())
    other = type(user)()
    other.load_state_dict(state)  # a checkpoint goes straight into the user's own class
    with torch.no_grad():
        other_state = {name: tensor + 1 if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    wrapper.load_state_dict(other_state)
    assert all(torch.equal(user.state_dict()[name], tensor) for name, tensor in other_state.items())
    for mode in (False, True):
        wrapper.train(mode)
        assert all(module.training == mode for module in user.modules())
    assert list(wrapper.modules())[1:] == list(user.modules())


def test_what_was_adapted_is_not_adapted_again() -> None:
    """A run understands its networks, and the trainer that it makes of them is given what came of it."""
    G, D = Pair.Generator(), Pair.Discriminator()
    seen = understand(G, D, SHAPE, L, Told())
    again = understand(seen.generator, seen.discriminator, SHAPE, L, Told())
    assert (again.generator, again.discriminator) == (seen.generator, seen.discriminator)
    assert (again.forms, again.z_shape, again.notes) == (seen.forms, seen.z_shape, [])
    assert outline(seen.generator) == outline(G)
    with pytest.raises(SparringError, match=r"\[3, 8, 8\], the data are \[3, 16, 16\]"):
        understand(seen.generator, seen.discriminator, (3, 16, 16), L, Told())


def test_copies_share_nothing_and_hook_nothing() -> None:
    seen = understand(Pair.Generator(), Pair.Discriminator(), SHAPE, L, Told())
    D = copy.deepcopy(seen.discriminator)
    x, c = drawn(), torch.tensor([0, 1, 2])
    before = seen.discriminator.eval()(x, c)
    assert not {id(p) for p in D.parameters()} & {id(p) for p in seen.discriminator.parameters()}
    with torch.no_grad():
        D.network.end[1].bias.fill_(30)
        D.network.end[1].weight.zero_()
    assert torch.equal(D(x, c), torch.full((3, 1), 30.0))
    assert torch.equal(seen.discriminator(x, c), before)
    assert not any(m._forward_hooks for net in (D, seen.discriminator) for m in net.modules())


def test_adapted_networks_train_as_their_owner_would(tiny: Recipe) -> None:
    """Two updates of both through `Players`, against the same loop written by hand with the user's own modules."""

    def start() -> tuple[nn.Module, nn.Module]:
        torch.manual_seed(7)
        return Pair.Generator(), Pair.Discriminator()

    recipe = tiny.but(latent=L, channels_last=False)
    G, D = start()
    seen = understand(G, D, SHAPE, L, Told())
    players = Players(seen.generator, seen.discriminator, recipe, seen.z_shape, "cpu")
    mine, own = start()
    g_adam = torch.optim.Adam(mine.parameters(), recipe.g_lr, (recipe.beta1, recipe.beta2))
    d_adam = torch.optim.Adam(own.parameters(), recipe.d_lr, (recipe.beta1, recipe.beta2))
    real, c = drawn(8), torch.arange(8) % K
    told = F.one_hot(c, K).float()[:, :, None, None].expand(-1, -1, S, S)
    bce = F.binary_cross_entropy_with_logits

    def judged(x: Tensor) -> Tensor:
        return own.end[:2](own.body(torch.cat([x, told], 1)))

    for _ in range(2):
        torch.manual_seed(1)
        fake = players.generate(8, c, for_g=False)
        on_real, on_fake = players.discriminate(real, c).logits, players.discriminate(fake, c).logits
        players.d_backward(bce(on_real, torch.ones(8)) + bce(on_fake, torch.zeros(8)))
        players.d_update()
        players.g_backward(bce(players.discriminate(players.generate(8, c, for_g=True), c).logits, torch.ones(8)))
        players.g_update()

        torch.manual_seed(1)
        with torch.no_grad():
            fake = mine(c, torch.randn(8, L)) * 2 - 1
        d_adam.zero_grad()
        (bce(judged(real)[:, 0], torch.ones(8)) + bce(judged(fake)[:, 0], torch.zeros(8))).backward()
        d_adam.step()
        g_adam.zero_grad()
        bce(judged(mine(c, torch.randn(8, L)) * 2 - 1)[:, 0], torch.ones(8)).backward()
        g_adam.step()
    for trained, expected in ((G, mine), (D, own)):
        for (name, a), b in zip(trained.state_dict().items(), expected.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6, msg=name)


# Modules that wrap modules.


def test_data_parallel_is_seen_through() -> None:
    G, D = nn.DataParallel(Pair.Generator()), nn.DataParallel(Pair.Discriminator())
    seen = understand(G, D, SHAPE, L, Told())
    assert seen.forms["generator"] == "condition:index,z:flat"
    assert all(name.startswith("module.") for name in seen.generator.state_dict())
    x, c = drawn(), torch.tensor([0, 1, 2])
    told = F.one_hot(c, K).float()[:, :, None, None].expand(-1, -1, S, S)
    seen.discriminator.eval()
    own = D.module.end[:2](D.module.body(torch.cat([x, told], 1)))
    assert torch.equal(seen.discriminator(x, c), own)
    G.device_ids = [0, 1]
    with pytest.raises(SparringError, match="wrapped in DataParallel"):
        understand(G, D, SHAPE, L, Told())


def test_a_compiled_network_is_not_compiled_by_looking() -> None:
    compiled: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        compiled.append(graph)
        return graph.forward

    G = torch.compile(Painter(torch.tanh), backend=backend)
    D = Judge()
    D.compile(backend=backend)
    seen = understand(G, D, SHAPE, L)
    assert (seen.generator, seen.discriminator) == (G, D)
    assert compiled == []
    seen.discriminator(seen.generator(torch.randn(2, L)).detach())
    assert len(compiled) == 2


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_scripted_generator_works() -> None:
    G = torch.jit.script(nn.Sequential(nn.Linear(L, PIXELS), nn.Sigmoid(), nn.Unflatten(1, list(SHAPE))))
    side = understand_generator(G, SHAPE, L)
    z = torch.randn(2, L)
    assert side.forms["range"] == "0..1"
    assert torch.equal(side.network(z), G(z) * 2 - 1)
    assert torch.equal(copy.deepcopy(side.network)(z), G(z) * 2 - 1)


def test_a_compiled_generator_is_adapted_as_it_is() -> None:
    G = torch.compile(Painter(torch.sigmoid), backend="eager")
    network = understand_generator(G, SHAPE, L).network
    z = torch.randn(2, L)
    for one in (network, copy.deepcopy(network)):
        assert torch.equal(one(z), G(z) * 2 - 1)
        assert list(one.state_dict()) == list(G.state_dict())


# Networks of a framework that says itself what it takes (a Keras model, adapted).


class Foreign(nn.Module):
    """As the adapter of Keras models looks from here."""

    def __init__(self, shapes: list[tuple[int, ...]], out: tuple[int, ...], *, squashed: bool = False) -> None:
        super().__init__()
        self.input_shapes, self.output_shape, self.squashed = shapes, out, squashed
        self.layers = nn.ModuleList(nn.LazyLinear(int(torch.tensor(out).prod())) for _ in shapes)

    def forward(self, *inputs: Tensor) -> Tensor:
        assert [tuple(x.shape[1:]) for x in inputs] == self.input_shapes
        made = sum(layer(x.flatten(1).float()) for layer, x in zip(self.layers, inputs, strict=True))
        made = made.view(-1, *self.output_shape)
        return torch.sigmoid(made) if self.squashed else made

    def without_sigmoid(self) -> nn.Module:
        sibling = Foreign(self.input_shapes, self.output_shape)
        sibling.layers = self.layers
        return sibling


@pytest.mark.parametrize(
    ("shapes", "form", "encode"),
    [
        ([(L,), (1,)], "z:flat,condition:column", lambda c: c[:, None]),
        ([(1,), (L,)], "condition:column,z:flat", lambda c: c[:, None]),
        ([(L,), (K,)], "z:flat,condition:one-hot", lambda c: F.one_hot(c, K)),
    ],
)
def test_a_foreign_network_says_what_it_takes(shapes: Any, form: str, encode: Any) -> None:
    G = Foreign(shapes, SHAPE)
    D = Foreign([(1,), SHAPE], (1,), squashed=True)
    seen = understand(G, D, SHAPE, L, Told())
    assert seen.forms == {
        "generator": form,
        "range": "linear",
        "discriminator": "condition:column,images:nchw",
        "output": "before-sigmoid",
    }
    z, x, c = torch.randn(3, L), drawn(), torch.tensor([0, 1, 4])
    made = G(z, encode(c)) if form.startswith("z") else G(encode(c), z)
    assert torch.equal(seen.generator(z, c), made)
    with torch.no_grad():
        D.layers[1].bias.fill_(30)
    assert torch.equal(seen.discriminator(x, c), D.without_sigmoid()(c[:, None], x))
    assert {id(p) for p in seen.discriminator.parameters()} == {id(p) for p in D.parameters()}


def test_a_foreign_network_for_other_data_is_refused() -> None:
    with pytest.raises(SparringError, match=r"Input 1 of the generator has the shape \[9\][\s\S]*a class of 5"):
        understand(Foreign([(9,)], SHAPE), Foreign([SHAPE], (1,)), SHAPE, L, Told())
    with pytest.raises(SparringError, match="no input for z"):
        understand(Foreign([(1,)], SHAPE), Foreign([SHAPE], (1,)), SHAPE, L, Told())


class Regularised(Judge):
    def regularisation(self) -> Tensor:
        return 0.5 * self.linear.weight.square().sum()


def test_what_a_network_adds_to_its_own_loss_is_heard_through_the_wrapper() -> None:
    side = understand_discriminator(Regularised(torch.sigmoid), SHAPE)
    assert isinstance(side.network, AdaptedDiscriminator)
    G = nn.Sequential(nn.Linear(L, PIXELS), nn.Tanh(), nn.Unflatten(1, SHAPE))
    players = Players(G, side.network, Recipe(batch=4, latent=L, precision="fp32"), (L,), "cpu")
    (term,) = players.d_own().values()
    term.backward()
    weight = dict(players.discriminator.named_parameters())["linear.weight"]
    torch.testing.assert_close(weight.grad, weight.detach())
    assert players.g_own() == {}
