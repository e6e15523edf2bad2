"""Networks with a condition: it reaches both, by every way, in every family; the losses that come with it, by hand."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from sparring import networks
from sparring.errors import SparringError
from sparring.game import Game
from sparring.methods import RECIPES, Recipe
from sparring.networks.conditioning import Around, ConditionalNorm, Conditioning
from sparring.objectives import OBJECTIVES, Verdict
from sparring.penalties import Seen, mismatch
from sparring.players import Players
from sparring.step import train_step

KINDS = {"class": 5, "text": 384, "vector": 7}
WAYS = [
    (family, kind, g, d)
    for family in networks.FAMILIES
    for kind in KINDS
    for g in ("concat", "norm")
    for d in ("projection", "concat")
    if (family, g) != ("r3gan", "norm")
]


def conditions(kind: str, n: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if kind == "class":
        return torch.randint(0, KINDS[kind], (n,), generator=generator)
    vectors = torch.randn(n, KINDS[kind], generator=generator)
    return F.normalize(vectors) if kind == "text" else vectors


def pair(family: str, conditioning: Conditioning | None, seed: int = 0) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(seed)
    return networks.build(family, 16, 3, 8, 12, conditioning)


@pytest.mark.parametrize(("family", "kind", "g", "d"), WAYS)
def test_the_condition_reaches_both(family: str, kind: str, g: str, d: str) -> None:
    G, D = pair(family, Conditioning(kind, KINDS[kind], g, d))
    z, one, other = torch.randn(4, 12), conditions(kind, 4), conditions(kind, 4, seed=3)
    if kind == "class":
        other = (one + 1) % 5
    if family == "r3gan":  # its blocks begin as if they were not there, and its output at the size of its weights
        for network in (G, D):
            for parameter in network.parameters():
                parameter.data.add_(0.05 * torch.randn_like(parameter))
    G.eval(), D.eval()
    made = G(z, one)
    assert made.shape == (4, 3, 16, 16)
    assert (made - G(z, other)).abs().flatten(1).amax(1).min() > 1e-4
    said = D(made, one)
    assert said.shape == (4,)
    assert (said - D(made, other)).abs().min() > 1e-6
    with pytest.raises(SparringError, match="none was given"):
        G(z)
    with pytest.raises(SparringError, match="none was given"):
        D(made)


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_without_a_condition_nothing_is_there_for_one(family: str) -> None:
    names = [name for network in pair(family, None) for name in network.state_dict()]
    told = [name for network in pair(family, Conditioning("class", 5, "concat")) for name in network.state_dict()]
    assert len(told) > len(names)
    assert not any("embed" in name or "conditional" in name for name in names)


def test_r3gan_has_no_norm_for_a_condition_and_says_so() -> None:
    with pytest.raises(SparringError, match="no norms"):
        pair("r3gan", Conditioning("class", 5, g="norm"))


@pytest.mark.parametrize(("g", "d", "near"), [("nrom", "projection", "norm"), ("concat", "projektion", "projection")])
def test_an_unknown_way_is_refused_with_the_near_one(g: str, d: str, near: str) -> None:
    with pytest.raises(SparringError, match=near):
        Conditioning("class", 5, g, d)


def test_only_classes_can_be_classified() -> None:
    with pytest.raises(SparringError, match="cannot classify"):
        Conditioning("text", 384, classifies=True)


def test_a_conditional_norm_is_the_norm_scaled_and_shifted_for_each_picture() -> None:
    torch.manual_seed(0)
    norm = ConditionalNorm(3, 5).double()
    x, embedded = torch.randn(4, 3, 6, 6).double() * 3 + 1, torch.randn(4, 5).double()
    made = norm(x, embedded)
    mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, correction=0)
    numbers = embedded @ norm.scale_shift.weight.T + norm.scale_shift.bias
    scale, shift = numbers[:, :3, None, None], numbers[:, 3:, None, None]
    torch.testing.assert_close(made, (x - mean) / (var + 1e-5).sqrt() * (1 + scale) + shift)


def test_a_projection_is_the_product_with_what_d_has_seen() -> None:
    _, D = pair("dcgan", Conditioning("class", 5))
    pictures, one, other = torch.randn(3, 3, 16, 16), torch.tensor([0, 1, 2]), torch.tensor([3, 3, 4])
    D.eval()
    seen = D.layers(pictures).sum((2, 3))
    weight = D.conditional.project.weight
    torch.testing.assert_close(D(pictures, one) - D(pictures, other), (seen * (weight[one] - weight[other])).sum(1))


def test_sentences_are_drawn_around_the_given_one_in_training_only() -> None:
    torch.manual_seed(0)
    around = Around(Conditioning("text", 384, augmented=True))
    sentences = conditions("text", 6)
    drawn = torch.stack([around(sentences) for _ in range(2000)])
    mean, deviation = around.mean(sentences), around.log_deviation(sentences).exp()
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.2, rtol=0)
    torch.testing.assert_close(drawn.std(0), deviation, atol=0, rtol=0.15)
    expected = kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(around.spread(), expected)
    copied = copy.deepcopy(around.eval())  # a copy takes no graph with it
    torch.testing.assert_close(copied(sentences), mean)


def seen(condition: Tensor | None, objective: str = "non-saturating") -> Seen:
    """A D whose logit is the picture's mean, plus what it is told."""
    real, fake = torch.arange(8.0).reshape(4, 2), -torch.arange(8.0).reshape(4, 2)

    def judge(pictures: Tensor, told: Tensor | None = None) -> Verdict:
        told = condition if told is None else told
        return Verdict(pictures.mean(1) + (0 if told is None else told))

    return Seen(judge, real, fake, judge(real), judge(fake), condition, OBJECTIVES[objective])


def test_mismatch_by_hand() -> None:
    condition = torch.tensor([0.0, 1.0, 1.0, 3.0])
    # Means .5 2.5 4.5 6.5; the conditions before: 3 0 1 1; the third is the same and left out.
    wrong = torch.tensor([3.5, 2.5, 7.5])
    right = torch.tensor([0.5, 3.5, 9.5])
    torch.testing.assert_close(mismatch(seen(condition)), F.softplus(wrong).mean())
    torch.testing.assert_close(mismatch(seen(condition, "hinge")), F.relu(1 + wrong).mean())
    torch.testing.assert_close(mismatch(seen(condition, "wasserstein")), wrong.mean())
    torch.testing.assert_close(mismatch(seen(condition, "relativistic")), F.softplus(wrong - right).mean())


def test_mismatch_where_all_conditions_are_equal_is_nothing() -> None:
    assert mismatch(seen(torch.ones(4))) == 0


def test_mismatch_without_a_condition_is_an_error() -> None:
    with pytest.raises(SparringError, match="there is no condition"):
        mismatch(seen(None))


def players_of(recipe: Recipe, conditioning: Conditioning) -> Players:
    return Players(*pair(recipe.network, conditioning), recipe, (12,), "cpu")


def test_a_class_head_is_logged_apart_and_its_loss_is_cross_entropy() -> None:
    recipe = RECIPES["dcgan"].but(class_weight=0.5, batch=6, precision="fp32", reuse_fakes=True)
    players = players_of(recipe, Conditioning("class", 5, d="none", classifies=True))
    said: list[tuple[Tensor, Tensor]] = []
    players.discriminator.register_forward_hook(lambda *given: said.append(given[-1]))
    condition = conditions("class", 6)
    signals = train_step(players, Game.of(recipe), lambda: (torch.rand(6, 3, 16, 16), condition))
    (_, real), (_, fake), (g_logits, judged) = said
    expected = 0.5 * (F.cross_entropy(real, condition) + F.cross_entropy(fake, condition))
    torch.testing.assert_close(signals["d_loss_class"], expected.detach())
    torch.testing.assert_close(signals["g_loss_class"], 0.5 * F.cross_entropy(judged, condition).detach())
    torch.testing.assert_close(signals["g_loss_adversarial"], F.softplus(-g_logits).mean().detach())
    torch.testing.assert_close(signals["g_loss"], signals["g_loss_class"] + signals["g_loss_adversarial"])


def test_class_weight_without_a_class_head_is_an_error() -> None:
    recipe = RECIPES["dcgan"].but(class_weight=1.0, batch=4, precision="fp32")
    players = players_of(recipe, Conditioning("class", 5))
    with pytest.raises(SparringError, match="no class logits"):
        train_step(players, Game.of(recipe), lambda: (torch.rand(4, 3, 16, 16), conditions("class", 4)))


@pytest.mark.parametrize("loss", ["non-saturating", "relativistic", "relativistic-average"])
def test_every_fake_is_judged_with_the_condition_it_was_made_from(loss: str) -> None:
    recipe = RECIPES["dcgan"].but(loss=loss, batch=4, precision="fp32", mismatch=0.5)
    players = players_of(recipe, Conditioning("vector", 7))
    made: dict[int, Tensor] = {}
    judged: list[tuple[Tensor, Tensor]] = []
    players.generator.register_forward_hook(lambda _, given, out: made.update({out.data_ptr(): given[1]}))
    players.discriminator.register_forward_pre_hook(lambda _, given: judged.append(given))
    draws: list[Tensor] = []

    def draw() -> tuple[Tensor, Tensor]:
        draws.append(conditions("vector", 4, seed=len(draws)))
        return torch.rand(4, 3, 16, 16), draws[-1]

    train_step(players, Game.of(recipe), draw)
    fakes = [(pictures, told) for pictures, told in judged if pictures.data_ptr() in made]
    assert len(fakes) == 2
    for pictures, told in fakes:
        assert torch.equal(made[pictures.data_ptr()], told)
    reals = [told for pictures, told in judged if pictures.data_ptr() not in made]
    wrong = [told for told in reals if not any(torch.equal(told, drawn) for drawn in draws)]
    assert [torch.equal(told, draws[0].roll(1, 0)) for told in wrong] == [True]


def test_drawn_sentences_add_their_divergence_to_the_loss_of_g() -> None:
    recipe = RECIPES["dcgan"].but(batch=4, precision="fp32")
    players = players_of(recipe, Conditioning("text", 384, "concat", augmented=True))
    drawn = lambda: (torch.rand(4, 3, 16, 16), conditions("text", 4))  # noqa: E731
    signals = train_step(players, Game.of(recipe), drawn)
    assert signals["g_loss_divergence"] > 0
    torch.testing.assert_close(signals["g_loss"], signals["g_loss_divergence"] + signals["g_loss_adversarial"])
