"""Who is updated in which half of a step: the question of three of the project's five founding questions."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sparring import networks
from sparring.game import Game
from sparring.methods import Recipe
from sparring.networks.calling import randomness
from sparring.players import Players
from sparring.step import train_step

CPU = torch.device("cpu")


def players_of(recipe: Recipe) -> Players:
    with randomness(3, CPU):
        pair = networks.build("dcgan", 32, 3, recipe.width, recipe.latent)
    return Players(*pair, recipe, (recipe.latent,), "cpu")


def reals(n: int = 8) -> Tensor:
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def everything(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    return copy.deepcopy({"network": network.state_dict(), "optimizer": optimizer.state_dict()})


def moved(before: Any, after: Any, path: str = "") -> set[str]:
    """The paths of all leaves that are not bit for bit the same."""
    if isinstance(before, dict):
        assert before.keys() == after.keys()
        return set().union(*(moved(before[k], after[k], f"{path}/{k}") for k in before))
    if isinstance(before, list | tuple):
        return set().union(*(moved(a, b, f"{path}/{i}") for i, (a, b) in enumerate(zip(before, after, strict=True))))
    same = torch.equal(before, after) if isinstance(before, Tensor) else before == after
    return set() if same else {path}


RUNNING = ("running_mean", "running_var", "num_batches_tracked")


@pytest.mark.parametrize("reuse", [True, False])
def test_each_update_leaves_the_other_network_bit_for_bit(tiny: Recipe, reuse: bool) -> None:
    """Between the two updates only batch norm's running statistics of the other network move, as forwards do that."""
    players = players_of(tiny.but(reuse_fakes=reuse))
    game = Game.of(Recipe())
    train_step(players, game, lambda: (reals(), None))  # so that both optimisers have a state
    halves: list[tuple[str, set[str], set[str]]] = []

    def watch(name: str) -> None:
        update = getattr(players, f"{name}_update")

        def watched() -> Tensor:
            g, d = (
                everything(players.generator, players.g_optimizer),
                everything(players.discriminator, players.d_optimizer),
            )
            norm = update()
            after_g = everything(players.generator, players.g_optimizer)
            after_d = everything(players.discriminator, players.d_optimizer)
            halves.append((name, moved(g, after_g), moved(d, after_d)))
            return norm

        setattr(players, f"{name}_update", watched)

    watch("d")
    watch("g")
    before_g, before_d = (
        everything(players.generator, players.g_optimizer),
        everything(players.discriminator, players.d_optimizer),
    )
    train_step(players, game, lambda: (reals(), None))
    assert [name for name, _, _ in halves] == ["d", "g"]
    (_, g_in_d, d_in_d), (_, g_in_g, d_in_g) = halves
    assert g_in_d == set()
    assert d_in_g == set()
    assert (
        len([p for p in d_in_d if p.startswith("/network") and "weight" in p]) == len(players.d_params) - 2
    )  # 2 biases
    assert len([p for p in g_in_g if p.startswith("/optimizer/state")]) == 3 * len(players.g_params)
    # Over the whole step everything of both moves, and what is not a parameter is a running statistic.
    for before, network, optimizer, params in (
        (before_g, players.generator, players.g_optimizer, players.g_params),
        (before_d, players.discriminator, players.d_optimizer, players.d_params),
    ):
        names = {p for p in moved(before, everything(network, optimizer)) if p.startswith("/network")}
        buffers = {p for p in names if p.endswith(RUNNING)}
        assert len(names - buffers) == len(params)
        assert buffers == {f"/network/{name}" for name, _ in network.named_buffers()}


def test_no_gradient_is_computed_for_the_other_network(tiny: Recipe) -> None:
    players = players_of(tiny)
    fake = players.generate(4, for_g=True)
    players.g_backward(players.discriminate(fake).logits.mean())
    assert all(p.grad is None for p in players.d_params)
    assert all(p.grad is not None for p in players.g_params)
    players = players_of(tiny)
    players.d_backward(players.discriminate(players.generate(4, for_g=True).detach()).logits.mean())
    assert all(p.grad is None for p in players.g_params)


def test_what_the_user_froze_stays_frozen(tiny: Recipe) -> None:
    with randomness(3, CPU):
        G, D = networks.build("dcgan", 32, 3, tiny.width, tiny.latent)
    G.first.weight.requires_grad_(False)
    D.layers[0].weight.requires_grad_(False)
    players = Players(G, D, tiny, (tiny.latent,), "cpu")
    frozen = [G.first.weight.clone(), D.layers[0].weight.clone()]
    free = [G.rest[1].weight.clone(), D.layers[2].weight.clone()]
    for _ in range(3):
        train_step(players, Game.of(Recipe()), lambda: (reals(), None))
    assert torch.equal(frozen[0], G.first.weight)
    assert torch.equal(frozen[1], D.layers[0].weight)
    assert not torch.equal(free[0], G.rest[1].weight)
    assert not torch.equal(free[1], D.layers[2].weight)
    assert not G.first.weight.requires_grad
    assert not D.layers[0].weight.requires_grad


def test_the_step_is_the_textbook_step(tiny: Recipe) -> None:
    """Against the loop written out plainly, with every switch that the step does without: equal weights."""
    players = players_of(tiny.but(channels_last=False))
    G, D = copy.deepcopy(players.generator), copy.deepcopy(players.discriminator)
    g_adam = torch.optim.Adam(G.parameters(), tiny.g_lr, (0.5, 0.999))
    d_adam = torch.optim.Adam(D.parameters(), tiny.d_lr, (0.5, 0.999))
    bce = nn.BCEWithLogitsLoss()
    for step in range(3):
        with randomness(step, CPU):
            train_step(players, Game.of(Recipe()), lambda: (reals(), None))
        with randomness(step, CPU):
            fake = G(torch.randn(8, tiny.latent))
        d_adam.zero_grad()
        (bce(D(reals()), torch.ones(8)) + bce(D(fake.detach()), torch.zeros(8))).backward()
        d_adam.step()
        g_adam.zero_grad()
        bce(D(fake), torch.ones(8)).backward()
        g_adam.step()
    for ours, theirs in ((players.generator, G), (players.discriminator, D)):
        for mine, plain in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine, plain, rtol=1e-4, atol=1e-5)


def test_signals_are_those_of_the_batch(tiny: Recipe) -> None:
    players = players_of(tiny)
    seen = train_step(players, Game.of(Recipe()), lambda: (reals(), None))
    assert set(seen) == {
        "d_loss", "d_loss_real", "d_loss_fake", "d_real_logit", "d_fake_logit",
        "d_accuracy_real", "d_accuracy_fake", "d_grad_norm", "g_loss", "g_grad_norm",
    }  # fmt: skip
    assert all(value.dim() == 0 and not value.requires_grad for value in seen.values())
    assert seen["d_loss"].item() == pytest.approx((seen["d_loss_real"] + seen["d_loss_fake"]).item())
    norm = torch.sqrt(sum((p.grad**2).sum() for p in players.g_params))  # type: ignore[arg-type, operator]
    assert seen["g_grad_norm"].item() == pytest.approx(norm.item(), rel=1e-5)


def test_several_d_steps_draw_a_batch_each(tiny: Recipe) -> None:
    drawn: list[int] = []

    def draw() -> tuple[Tensor, None]:
        drawn.append(1)
        return reals(), None

    train_step(players_of(tiny.but(d_steps=3)), Game.of(Recipe()), draw)
    assert len(drawn) == 3


def test_the_step_is_one_screen() -> None:
    import inspect

    source = inspect.getsource(train_step)
    code = source.split('"""')[2]
    assert len(code.splitlines()) <= 45
