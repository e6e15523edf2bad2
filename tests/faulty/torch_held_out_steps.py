"""Faults that stand in the training step: the networks are right."""

from __future__ import annotations

import itertools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import Built, Faulty, gather
from .torch_held_out import make_d, make_g

PROGRAMS: list[Faulty] = []
fault = gather(PROGRAMS)

bce = nn.BCEWithLogitsLoss()


def with_step(step: Any, D: nn.Module | None = None, **options: Any) -> Built:
    return make_g(), D if D is not None else make_d(), {"size": 32, "latent": 64, "step": step} | options


def down_with_norm(i: int, o: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2))


def normalised_d() -> nn.Sequential:
    first = nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2))
    return nn.Sequential(first, down_with_norm(16, 32), down_with_norm(32, 32), nn.Flatten(), nn.Linear(512, 1))


# SP105 optimizer-crossed


@fault("SP105")
def optimizers_change_places() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, opt_d: Any, opt_g: Any) -> None:  # as they are not given
        n = len(real)
        fake = G(torch.randn(n, 64))
        opt_d.zero_grad()
        (bce(D(real), torch.ones(n, 1)) + bce(D(fake.detach()), torch.zeros(n, 1))).backward()
        opt_d.step()
        opt_g.zero_grad()
        bce(D(fake), torch.ones(n, 1)).backward()
        opt_g.step()

    return with_step(step)


@fault("SP105")
def one_optimizer_for_both_networks() -> Built:
    made: list[torch.optim.Optimizer] = []

    def step(G: nn.Module, D: nn.Module, real: Tensor, *_: Any) -> None:
        if not made:
            made.append(torch.optim.Adam(itertools.chain(G.parameters(), D.parameters()), lr=2e-4, betas=(0.5, 0.999)))
        optimizer, n = made[0], len(real)
        optimizer.zero_grad()
        (bce(D(real), torch.ones(n, 1)) + bce(D(G(torch.randn(n, 64))), torch.zeros(n, 1))).backward()
        optimizer.step()
        optimizer.zero_grad()
        bce(D(G(torch.randn(n, 64))), torch.ones(n, 1)).backward()
        optimizer.step()

    return with_step(step)


@fault("SP105")
def generators_optimizer_over_the_discriminator() -> Built:
    """A line copied, and one word of it not changed."""
    made: dict[str, torch.optim.Optimizer] = {}

    def step(netG: nn.Module, netD: nn.Module, real: Tensor, *_: Any) -> None:
        if not made:
            made["D"] = torch.optim.Adam(netD.parameters(), lr=2e-4)
            made["G"] = torch.optim.Adam(netD.parameters(), lr=2e-4)
        b = real.size(0)
        netD.zero_grad()
        bce(netD(real), torch.ones(b, 1)).backward()
        fake = netG(torch.randn(b, 64))
        bce(netD(fake.detach()), torch.zeros(b, 1)).backward()
        made["D"].step()
        netG.zero_grad()
        bce(netD(fake), torch.ones(b, 1)).backward()
        made["G"].step()

    return with_step(step)


# SP106 generator-detached


@fault("SP106")
def no_grad_around_g_in_its_own_step() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        with torch.no_grad():
            fake = G(torch.randn(len(real), 64))
        d_opt.zero_grad()
        (F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()).backward()
        d_opt.step()
        g_opt.zero_grad()
        F.softplus(-D(fake)).mean().backward()
        g_opt.step()

    return with_step(step)


@fault("SP106")
def detached_fake_used_for_g_too() -> Built:
    def train_one(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(real.shape[0], 64)).detach()
        d_loss = F.relu(1 - D(real)).mean() + F.relu(1 + D(fake)).mean()
        d_opt.zero_grad()
        d_loss.backward()
        d_opt.step()
        g_loss = -D(fake).mean()
        g_opt.zero_grad()
        g_loss.backward()
        g_opt.step()

    return with_step(train_one, loss="hinge")


@fault("SP106")
def g_loss_made_anew_from_a_number() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(len(real), 64))
        d_opt.zero_grad()
        (D(fake.detach()).mean() - D(real).mean()).backward()
        d_opt.step()
        for p in D.parameters():
            p.data.clamp_(-0.01, 0.01)
        g_opt.zero_grad()
        loss = torch.tensor(-D(fake).mean().item(), requires_grad=True)
        loss.backward()
        g_opt.step()

    return with_step(step, loss="wasserstein")


# SP107 gradient-carried-over


@fault("SP107")
def no_zero_grad_at_all() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        n = len(real)
        fake = G(torch.randn(n, 64))
        d_loss = bce(D(real), torch.ones(n, 1)) + bce(D(fake.detach()), torch.zeros(n, 1))
        d_loss.backward()
        d_opt.step()
        g_loss = bce(D(fake), torch.ones(n, 1))
        g_loss.backward()
        g_opt.step()

    return with_step(step)


@fault("SP107")
def only_the_generator_is_zeroed() -> Built:
    """What G's loss leaves in D is added to D's next update."""

    def step(netG: nn.Module, netD: nn.Module, real: Tensor, optG: Any, optD: Any) -> None:
        fake = netG(torch.randn(real.size(0), 64))
        (F.softplus(-netD(real)).mean() + F.softplus(netD(fake.detach())).mean()).backward()
        optD.step()
        netG.zero_grad()
        F.softplus(-netD(fake)).mean().backward()
        optG.step()

    return with_step(step)


@fault("SP107")
def generator_never_zeroed() -> Built:
    """D is zeroed after its step, and G's loss leaves nothing in it; G adds up everything since the start."""

    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        z = torch.randn(len(real), 64)
        (F.softplus(-D(real)).mean() + F.softplus(D(G(z).detach())).mean()).backward()
        d_opt.step()
        d_opt.zero_grad()
        F.softplus(-D(G(z))).mean().backward(inputs=list(G.parameters()))
        g_opt.step()

    return with_step(step)


# SP109 fakes-not-detached


@fault("SP109")
def fakes_keep_their_graph_in_ds_step() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        d_opt.zero_grad()
        (F.softplus(-D(real)).mean() + F.softplus(D(G(torch.randn(len(real), 64)))).mean()).backward()
        d_opt.step()
        g_opt.zero_grad()
        F.softplus(-D(G(torch.randn(len(real), 64)))).mean().backward()
        g_opt.step()

    return with_step(step)


@fault("SP109")
def graph_retained_to_go_through_g_twice() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(torch.randn(len(real), 64))
        d_opt.zero_grad()
        (F.relu(1 - D(real)).mean() + F.relu(1 + D(fake)).mean()).backward(retain_graph=True)
        d_opt.step()
        g_opt.zero_grad()
        (-D(fake).mean()).backward()
        g_opt.step()

    return with_step(step, loss="hinge")


# SP111 training-mode-off


@fault("SP111")
def samples_in_the_step_leave_g_in_eval() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        G.eval()
        with torch.no_grad():
            fake = G(torch.randn(len(real), 64))
        d_opt.zero_grad()
        (F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()).backward()
        d_opt.step()
        g_opt.zero_grad()
        F.softplus(-D(G(torch.randn(len(real), 64)))).mean().backward()
        g_opt.step()

    return with_step(step)


# SP112 latent-reused


@fault("SP112")
def fixed_noise_for_training_too() -> Built:
    fixed_noise = torch.randn(64, 64)

    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        fake = G(fixed_noise[: len(real)])
        d_opt.zero_grad()
        (F.softplus(-D(real[:64])).mean() + F.softplus(D(fake.detach())).mean()).backward()
        d_opt.step()
        g_opt.zero_grad()
        F.softplus(-D(fake)).mean().backward()
        g_opt.step()

    return with_step(step)


@fault("SP112")
def seed_set_within_the_step() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        torch.manual_seed(42)  # for reproducible results
        d_opt.zero_grad()
        fake = G(torch.randn(len(real), 64)).detach()
        (F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()).backward()
        d_opt.step()
        g_opt.zero_grad()
        F.softplus(-D(G(torch.randn(len(real), 64)))).mean().backward()
        g_opt.step()

    return with_step(step)


@fault("SP112")
def latent_of_zeros() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        z = torch.zeros(len(real), 64)
        d_opt.zero_grad()
        (F.softplus(-D(real)).mean() + F.softplus(D(G(z).detach())).mean()).backward()
        d_opt.step()
        g_opt.zero_grad()
        F.softplus(-D(G(z))).mean().backward()
        g_opt.step()

    return with_step(step)


# SP219 mixed-batch-norm


@fault("SP219")
def one_pass_of_a_normalised_d_over_reals_and_fakes() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        n = len(real)
        fake = G(torch.randn(n, 64)).detach()
        d_opt.zero_grad()
        logits = D(torch.cat([real, fake]))
        bce(logits, torch.cat([torch.ones(n, 1), torch.zeros(n, 1)])).backward()
        d_opt.step()
        g_opt.zero_grad()
        bce(D(G(torch.randn(n, 64))), torch.ones(n, 1)).backward()
        g_opt.step()

    return with_step(step, normalised_d())


@fault("SP219")
def shuffled_mixture_with_labels() -> Built:
    def step(G: nn.Module, D: nn.Module, real: Tensor, g_opt: Any, d_opt: Any) -> None:
        with torch.no_grad():
            images = torch.cat((G(torch.randn(real.size(0), 64)), real), dim=0)
        labels = torch.cat((torch.zeros(len(real), 1), torch.ones(len(real), 1)))
        order = torch.randperm(len(images))
        d_opt.zero_grad()
        bce(D(images[order]), labels[order]).backward()
        d_opt.step()
        g_opt.zero_grad()
        out = D(G(torch.randn(len(real), 64)))
        bce(out, torch.ones_like(out)).backward()
        g_opt.step()

    return with_step(step, normalised_d())
