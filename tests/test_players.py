"""Average of G, how networks are called, and what is refused."""

from __future__ import annotations

import io
from collections import deque

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sparring import networks
from sparring.errors import SparringError
from sparring.methods import Recipe
from sparring.networks.calling import evaluation_mode, randomness, understand
from sparring.players import Players, paint, resolve_device, to_uint8, write_state

CPU = torch.device("cpu")


def find_z_shape(G: nn.Module, D: nn.Module, shape: tuple[int, int, int], latent: int) -> tuple[int, ...]:
    return understand(G, D, shape, latent).z_shape


def build(recipe: Recipe) -> tuple[nn.Module, nn.Module]:
    with randomness(3, CPU):
        return networks.build("dcgan", 32, 3, recipe.width, recipe.latent)


class Flat(nn.Module):
    """A generator of one linear layer."""

    def __init__(self, latent: int = 16, shape: tuple[int, ...] = (3, 32, 32)) -> None:
        super().__init__()
        self.layer, self.shape = nn.Linear(latent, int(np.prod(shape))), shape

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.layer(z)).view(len(z), *self.shape)


class Judge(nn.Module):
    """A discriminator of one linear layer; `end` makes its shape."""

    def __init__(self, outputs: int = 1, channels: int = 3, end: nn.Module | None = None) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(channels * 32 * 32, outputs), end or nn.Identity())

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images)


class Picky(Flat):
    """A generator that refuses in its own way."""

    def forward(self, z: Tensor) -> Tensor:
        assert z.dim() == 3, "only 3 dimensions"
        return super().forward(z)


def test_average_has_its_half_life(tiny: Recipe) -> None:
    players = Players(*build(tiny.but()), tiny.but(ema_half_life_images=64, ema_ramp=1.0), (16,), "cpu")
    players._averaged_images = 10**6  # past the ramp
    weight = next(iter(players.average.parameters()))
    start = weight.clone()
    with torch.no_grad():
        next(iter(players.generator.parameters())).add_(1.0)
    for _ in range(8):  # 8 x 8 images: one half-life
        players.average_g(8)
    torch.testing.assert_close(weight - start, torch.full_like(start, 0.5), rtol=0, atol=1e-5)


def test_average_copies_what_is_no_average(tiny: Recipe) -> None:
    """Spectral norm's vectors are unit vectors; a mean of two is none."""
    G = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(16, 3 * 32 * 32)), nn.Unflatten(1, (3, 32, 32)))
    players = Players(G, Judge(), tiny, (16,), "cpu")
    for _ in range(3):
        players.g_backward(players.discriminate(players.generate(8, for_g=True)).logits.mean())
        players.g_update()
        players.average_g(8)
    theirs = dict(players.average.named_buffers())
    for name, buffer in players.generator.named_buffers():
        assert torch.equal(theirs[name], buffer)


def test_z_may_be_flat_or_a_map() -> None:
    assert find_z_shape(Flat(), Judge(), (3, 32, 32), 16) == (16,)
    conv = nn.Sequential(nn.ConvTranspose2d(16, 3, 32))
    assert find_z_shape(conv, Judge(), (3, 32, 32), 16) == (16, 1, 1)


def test_looking_changes_nothing(tiny: Recipe) -> None:
    G, D = build(tiny)
    G.first_norm.eval()  # frozen by its owner
    before = [t.clone() for t in (*G.state_dict().values(), *D.state_dict().values())]
    torch.manual_seed(5)
    random = torch.get_rng_state()
    find_z_shape(G, D, (3, 32, 32), tiny.latent)
    assert all(
        torch.equal(a, b) for a, b in zip(before, (*G.state_dict().values(), *D.state_dict().values()), strict=True)
    )
    assert torch.equal(random, torch.get_rng_state())
    assert not G.first_norm.training
    assert G.training
    assert D.training


@pytest.mark.parametrize(
    ("pair", "latent", "words"),
    [
        ((Flat(shape=(3, 16, 16)), Judge()), 16, r"\[3, 16, 16\].*\[3, 32, 32\][\s\S]*size=16"),
        ((Flat(shape=(1, 32, 32)), Judge()), 16, r"\[1, 32, 32\].*\[3, 32, 32\][\s\S]*channels=1"),
        ((Flat(latent=20), Judge()), 16, r"latent=20"),
        ((Flat(), Judge(channels=1)), 16, r"could not be called on pictures of shape \[2, 3, 32, 32\]"),
        ((Flat(), Judge(outputs=10)), 16, r"gave \[2, 10\] for 2 pictures"),
        ((Picky(), Judge()), 16, r"could not be called.*only 3 dimensions"),
    ],
)
def test_a_mismatch_names_both_shapes(pair: tuple[nn.Module, nn.Module], latent: int, words: str) -> None:
    with pytest.raises(SparringError, match=words):
        find_z_shape(*pair, (3, 32, 32), latent)


def test_d_may_give_a_map_of_logits(tiny: Recipe) -> None:
    D = nn.Conv2d(3, 1, 4, 4)
    assert find_z_shape(Flat(), D, (3, 32, 32), 16) == (16,)
    players = Players(Flat(), D, tiny, (16,), "cpu")
    assert players.discriminate(torch.zeros(2, 3, 32, 32)).logits.shape == (128,)


def test_nothing_to_learn_is_an_error(tiny: Recipe) -> None:
    with pytest.raises(SparringError, match="Nothing of the generator can learn"):
        Players(Flat().requires_grad_(False), Judge(), tiny, (16,), "cpu")


def test_shared_parameters_are_an_error(tiny: Recipe) -> None:
    shared = nn.Linear(4, 4)
    with pytest.raises(SparringError, match="share a parameter"):
        Players(nn.Sequential(Flat(), shared), nn.Sequential(Judge(), shared), tiny, (16,), "cpu")


def test_a_gate_is_no_sigmoid_at_the_end() -> None:
    """The module registered last is not always the one called last."""

    class Gated(Judge):
        def __init__(self) -> None:
            super().__init__()
            self.gate = nn.Sigmoid()

        def forward(self, images: Tensor) -> Tensor:
            return self.net(images) * self.gate(images.mean()) * 5 - 3

    assert find_z_shape(Flat(), Gated(), (3, 32, 32), 16) == (16,)


def test_a_3d_convolution_may_be_inside(tiny: Recipe) -> None:
    D = nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Conv3d(1, 2, (3, 32, 32)), nn.Flatten(), nn.Linear(2, 1))
    assert Players(Flat(), D, tiny, (16,), "cpu").discriminate(torch.zeros(2, 3, 32, 32)).logits.shape == (2,)


def test_a_generator_that_draws_noise_still_paints_by_seed_and_i() -> None:
    class Noisy(Flat):
        def forward(self, z: Tensor) -> Tensor:
            return super().forward(z) + torch.randn(len(z), 1, 1, 1)

    G = Noisy()
    before = torch.get_rng_state()
    many = paint(G, 40, 7, (16,), CPU)
    assert torch.equal(many[20:23], paint(G, 3, 7, (16,), CPU, 20))
    assert torch.equal(before, torch.get_rng_state())


def test_a_state_that_could_not_be_loaded_is_refused_when_saved() -> None:
    with pytest.raises(SparringError, match=r"cannot hold a collections\.deque"):
        write_state({"observers": {"mine": {"last": deque([1])}}})(io.BytesIO())


@pytest.mark.parametrize("word", ["gpu", "cuda:99", "mps"])
def test_a_device_that_is_not_there(word: str) -> None:
    with pytest.raises(SparringError, match="device"):
        resolve_device(word)


@settings(max_examples=20, deadline=None)
@given(start=st.integers(0, 40), n=st.integers(1, 20), seed=st.integers(0, 2**31))
def test_picture_i_depends_on_seed_and_i_alone(start: int, n: int, seed: int) -> None:
    with randomness(0, CPU):
        G = networks.build("dcgan", 28, 1, 4, 8)[0]
    many = paint(G, 60, seed, (8,), CPU)
    assert torch.equal(many[start : start + n], paint(G, n, seed, (8,), CPU, start))


def test_to_uint8_rounds_and_clips() -> None:
    values = torch.tensor([-3.0, -1.0, 0.0, 1.0, 2.0, 1 / 127.5 - 1])
    assert to_uint8(values).tolist() == [0, 0, 128, 255, 255, 1]


def test_modes_come_back_module_by_module(tiny: Recipe) -> None:
    G, _ = build(tiny)
    G.first_norm.eval()
    with evaluation_mode(G):
        assert not any(m.training for m in G.modules())
    assert [m.training for m in G.modules()].count(False) == 1


@pytest.mark.parametrize("size_px", [16, 28, 32, 64, 128, 256])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_dcgan_sizes_and_channels(size_px: int, channels: int) -> None:
    G, D = networks.build("dcgan", size_px, channels, 2, 5)
    images = G(torch.randn(2, 5))
    assert images.shape == (2, channels, size_px, size_px)
    assert images.abs().max() <= 1
    assert D(images).shape == (2,)


def test_dcgan_has_the_published_sizes_and_start() -> None:
    G, D = networks.build("dcgan", 64, 3, 64, 100)
    # pytorch/examples/dcgan prints 3,576,704 and 2,765,568 parameters for these two.
    assert sum(p.numel() for p in G.parameters()) == 3_576_704
    assert sum(p.numel() for p in D.parameters()) == 2_765_568
    assert G.first.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert G.first_norm.weight.mean().item() == pytest.approx(1.0, abs=0.01)
    assert G.first_norm.bias.abs().max().item() == 0


def test_dcgan_refuses_other_sizes() -> None:
    with pytest.raises(SparringError, match="48 px"):
        networks.build("dcgan", 48, 3, 8, 8)
    with pytest.raises(SparringError, match="2 channels"):
        networks.build("dcgan", 32, 2, 8, 8)
    with pytest.raises(SparringError, match="did you mean 'dcgan'"):
        networks.build("dcgn", 32, 3, 8, 8)
