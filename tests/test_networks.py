"""The families resnet and r3gan: shapes, what their papers say, gradients of both orders."""

from __future__ import annotations

import math
import re
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from sparring import networks
from sparring.errors import SparringError
from sparring.methods import Recipe
from sparring.networks import r3gan, resnet
from sparring.networks.calling import randomness, understand, z_shape_of
from sparring.players import Players

CPU = torch.device("cpu")
Pair = tuple[Any, Any]  # (G, D)
FAMILIES = ["resnet", "r3gan"]
NORMS = nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm | nn.LocalResponseNorm
LEAST = {"resnet": 2, "r3gan": 8}


def build(
    family: str, size_px: int = 32, channels: int = 3, width: int = 8, latent: int = 5, seed: int = 0
) -> tuple[Any, Any]:
    with randomness(seed, CPU):
        return networks.build(family, size_px, channels, width, latent)


def pictures(n: int = 2, channels: int = 3, size_px: int = 32) -> Tensor:
    with randomness(1, CPU):
        return torch.rand(n, channels, size_px, size_px) * 2 - 1


def wake(network: nn.Module) -> None:
    """Fills the convolutions that start at zero, so that a block does something."""
    for module in network.modules():
        if isinstance(module, r3gan.Block):
            nn.init.normal_(module.conv3.weight, 0, 0.1)


# What both promise.


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size_px", [16, 28, 32, 64, 128, 256])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_shapes(family: str, size_px: int, channels: int) -> None:
    n = 2 if size_px <= 64 else 1
    G, D = build(family, size_px, channels, LEAST[family])
    G.eval()
    with torch.no_grad():
        images = G(torch.randn(n, 5))
        assert images.shape == (n, channels, size_px, size_px)
        assert D(images).shape == (n,)


@pytest.mark.parametrize("family", FAMILIES)
def test_sizes_channels_and_names_refused(family: str) -> None:
    with pytest.raises(SparringError, match=rf"{family}.* 48 px[\s\S]*16, 28, 32, 64, 128, 256"):
        networks.build(family, 48, 3, 8, 8)
    with pytest.raises(SparringError, match="2 channels"):
        networks.build(family, 32, 2, 8, 8)
    with pytest.raises(SparringError, match=f"did you mean '{family}'"):
        networks.check(family[:-1], 32)
    module = {"resnet": resnet, "r3gan": r3gan}[family]
    for network in (module.Generator, module.Discriminator):
        with pytest.raises(SparringError, match="48 px"):
            network(48, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_trainer_finds_how_they_are_called(family: str) -> None:
    G, D = build(family, 28, 1)
    assert understand(G, D, (1, 28, 28), 5).z_shape == (5,)
    assert z_shape_of(G) == (5,)
    G.eval()
    z = torch.randn(2, 5)
    assert torch.equal(G(z), G(z[:, :, None, None]))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_seed_decides(family: str) -> None:
    pairs = [build(family, seed=seed) for seed in (4, 4, 5)]
    one, same, other = ([p for network in pair for p in network.parameters()] for pair in pairs)
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    (G, D), (G2, D2) = pairs[:2]
    z = torch.randn(3, 5)
    assert torch.equal(D(G(z)), D2(G2(z)))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_layout_changes_nothing(family: str) -> None:
    G, D = build(family)
    wake(G)
    wake(D)
    z = torch.randn(4, 5)
    images = G(z).detach()
    logits = D(images).detach()
    G.to(memory_format=torch.channels_last)
    D.to(memory_format=torch.channels_last)
    again = G(z)
    torch.testing.assert_close(again, images, rtol=1e-5, atol=1e-5)
    relaid = D(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(relaid, logits, rtol=1e-5, atol=1e-5 * logits.abs().max().item())
    assert again.is_contiguous(memory_format=torch.channels_last)  # the layout holds to the end


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size_px", [28, 32])
def test_every_parameter_learns(family: str, size_px: int, tiny: Recipe) -> None:
    """r3gan starts with convolutions that are zero, so what lies before them moves at the second update."""
    G, D = build(family, size_px)
    players = Players(G, D, tiny.but(d_lr=1e-3, g_lr=1e-3), (5,), "cpu")
    before = [[p.clone() for p in network.parameters()] for network in (G, D)]
    real = pictures(4, size_px=size_px)
    for _ in range(2):
        fake = players.generate(4, for_g=True)
        # Linear losses: without spectral norm resnet's logits can be so large that a softplus of them is flat.
        # Twice the one, for the bias at D's end drops out of a difference.
        players.d_backward((2 * players.discriminate(fake.detach()).logits - players.discriminate(real).logits).mean())
        players.d_update()
        players.g_backward(-players.discriminate(fake).logits.mean())
        players.g_update()
    for network, start in zip((G, D), before, strict=True):
        for (name, p), old in zip(network.named_parameters(), start, strict=True):
            assert p.grad is not None, name
            assert p.isfinite().all(), name
            # A bias before batch norm does nothing in training: its gradient is 0 but for rounding.
            assert not torch.equal(p, old), name


@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_penalties_reach_every_weight(family: str) -> None:
    _, D = build(family)
    wake(D)
    images = pictures().requires_grad_()
    (gradient,) = torch.autograd.grad(D(images).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    for name, p in D.named_parameters():
        if p.dim() > 1:
            assert p.grad is not None, name
            assert p.grad.abs().max() > 0, name


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bf16", [False, True])
def test_a_penalised_step_is_finite(family: str, bf16: bool) -> None:
    G, D = build(family)
    images = pictures().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits, fakes = D(images), G(torch.randn(2, 5))
        (gradient,) = torch.autograd.grad(logits.float().sum(), images, create_graph=True)
        loss = gradient.square().sum() + D(fakes).float().sum()
    loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in (*G.parameters(), *D.parameters()))


@pytest.mark.parametrize(("family", "module", "latent"), [("resnet", resnet, 128), ("r3gan", r3gan, 64)])
def test_the_table_of_costs_is_true(family: str, module: ModuleType, latent: int) -> None:
    rows = re.findall(r"^ +(\d+) +(\d+) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)$", module.__doc__, re.M)
    assert len(rows) == 4
    for row in rows:
        size_px, width, *said = (int(cell.replace(",", "")) for cell in row)
        with torch.device("meta"):
            G, D = networks.build(family, size_px, 3, width, latent)
            inputs = torch.randn(1, latent), torch.randn(1, 3, size_px, size_px)
        found = []
        for network, given in zip((G.eval(), D), inputs, strict=True):
            with FlopCounterMode(display=False) as counter:
                network(given)
            found += [sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2]
        assert found == said


# SNGAN's networks.


def test_resnet_at_width_128_is_the_published_one() -> None:
    with torch.device("meta"):
        G, D = networks.build("resnet", 32, 3, 128, 128)
    assert G.first.weight.shape == (4 * 4 * 256, 128)
    assert [b.conv2.weight.shape for b in G.blocks] == [(256, 256, 3, 3)] * 3
    assert [b.shortcut.weight.shape for b in G.blocks] == [(256, 256, 1, 1)] * 3
    assert G.last.weight.shape == (3, 256, 3, 3)
    assert [b.conv2.weight.shape for b in D.blocks] == [(128, 128, 3, 3)] * 4
    assert [b.down for b in D.blocks] == [True, True, False, False]
    assert [type(b.shortcut) for b in D.blocks] == [nn.Conv2d, nn.Conv2d, nn.Identity, nn.Identity]
    assert D.last.weight.shape == (1, 128)


def test_resnet_at_128_px_is_the_published_one() -> None:
    with torch.device("meta"):
        G, D = networks.build("resnet", 128, 3, 64, 128)
    assert [(b.conv1.in_channels, b.conv1.out_channels) for b in G.blocks] == [
        (1024, 1024),
        (1024, 512),
        (512, 256),
        (256, 128),
        (128, 64),
    ]
    assert [b.conv2.out_channels for b in D.blocks] == [64, 128, 256, 512, 1024, 1024]
    assert [b.down for b in D.blocks] == [True] * 5 + [False]
    assert [b.conv1.out_channels for b in D.blocks] == [64, 64, 128, 256, 512, 1024]


@pytest.mark.parametrize("size_px", [16, 28, 32, 64, 128, 256])
def test_resnet_widths_never_pass_the_cap(size_px: int) -> None:
    with torch.device("meta"):
        G, D = networks.build("resnet", size_px, 3, 8, 16)
    assert max(p.shape[0] for n in (G, D) for p in n.parameters() if p.dim() == 4) <= 16 * 8
    assert G.last.in_channels == (16 if size_px <= 32 else 8)


def test_resnet_pools_by_sum() -> None:
    D = build("resnet")[1]
    heads = []
    D.last.register_forward_pre_hook(lambda _, given: heads.append(given[0]))
    D(pictures())
    x = pictures()
    for block in D.blocks:
        x = block(x)
    torch.testing.assert_close(heads[0], x.clamp(min=0).sum((2, 3)))
    # Twice the last maps, twice the logit, for there is no bias to speak of at the start.
    once = D(pictures())
    D.blocks[-1].register_forward_hook(lambda _, __, made: 2 * made)
    torch.testing.assert_close(D(pictures()), 2 * once)
    # And a larger map of the same numbers gives a larger logit, which a mean would not.
    assert (x.shape[2], heads[0].shape) == (8, (2, 8))


def test_resnet_d_has_no_norm_and_g_has_batch_norm() -> None:
    G, D = build("resnet")
    assert not any(isinstance(m, NORMS) for m in D.modules())
    assert sum(isinstance(m, nn.BatchNorm2d) for m in G.modules()) == 2 * 3 + 1
    assert not any("spectral" in type(m).__name__.lower() or hasattr(m, "parametrizations") for m in D.modules())


def test_resnet_starts_as_published() -> None:
    G, D = build("resnet", width=64, latent=128)
    for network in (G, D):
        for name, layer in network.named_modules():
            if not isinstance(layer, nn.Conv2d | nn.Linear):
                continue
            assert layer.bias.abs().max() == 0
            gain = math.sqrt(2) if re.search(r"conv\d$", name) else 1.0
            space = math.prod(layer.weight.shape[2:])
            fans = (layer.weight.shape[0] + layer.weight.shape[1]) * space
            bound = gain * math.sqrt(6 / fans)  # uniform
            assert 0.9 * bound < layer.weight.abs().max() <= bound, name
            if layer.weight.numel() > 2000:
                assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05), name


def test_resnet_blocks_do_what_the_paper_draws() -> None:
    """The 1 x 1 shortcut stands on the cheap side of the resampling; the paper's order gives the same numbers."""
    x = torch.randn(2, 6, 4, 4)
    up = resnet.BlockUp(6, 3)
    nn.init.normal_(up.shortcut.bias)
    y = up.conv1(F.interpolate(F.relu(up.norm1(x)), scale_factor=2))
    y = up.conv2(F.relu(up.norm2(y)))
    torch.testing.assert_close(up(x), y + up.shortcut(F.interpolate(x, scale_factor=2)))
    for first in (False, True):
        down = resnet.Block(6, 3, down=True, first=first)
        nn.init.normal_(down.shortcut.bias)
        y = down.conv2(F.relu(down.conv1(x if first else F.relu(x))))
        torch.testing.assert_close(down(x), F.avg_pool2d(y + down.shortcut(x), 2))
    plain, before = resnet.Block(6, 6, down=False), x.clone()
    torch.testing.assert_close(plain(x), x + plain.conv2(F.relu(plain.conv1(F.relu(x)))))
    assert torch.equal(x, before)  # no ReLU in place on what the shortcut needs


# R3GAN's networks.


def blocks_of(network: nn.Module) -> list[r3gan.Block]:
    return [m for m in network.modules() if isinstance(m, r3gan.Block)]


def test_r3gan_block_is_the_identity_at_the_start() -> None:
    for network in build("r3gan"):
        for block in blocks_of(network):
            assert not block.conv3.weight.any()
            x = torch.randn(2, block.conv3.out_channels, 4, 4)
            assert torch.equal(block(x), x)


def test_r3gan_block_is_the_papers() -> None:
    block = r3gan.Block(24, 8)
    wake(block)
    nn.init.normal_(block.conv1.bias)
    nn.init.normal_(block.conv2.bias)
    x = torch.randn(2, 24, 5, 5)
    y = F.leaky_relu(F.conv2d(x, block.conv1.weight) + block.conv1.bias[:, None, None], 0.2)
    groups = [  # each 16 maps see themselves alone
        F.conv2d(y[:, i : i + 16], block.conv2.weight[i : i + 16], padding=1) for i in range(0, 48, 16)
    ]
    y = F.leaky_relu(torch.cat(groups, 1) + block.conv2.bias[:, None, None], 0.2)
    torch.testing.assert_close(block(x), x + F.conv2d(y, block.conv3.weight))


@pytest.mark.parametrize(("size_px", "stages"), [(28, 3), (32, 4), (64, 5), (128, 6), (256, 7)])
def test_r3gan_layers(size_px: int, stages: int) -> None:
    with torch.device("meta"):
        G, D = networks.build("r3gan", size_px, 3, 16, 64)
    for network in (G, D):
        assert not any(isinstance(m, NORMS | nn.Tanh | nn.MultiheadAttention) for m in network.modules())
        assert len(blocks_of(network)) == 2 * stages
        assert sum(isinstance(m, r3gan.Resample) for m in network.modules()) == stages - 1
        for name, _ in network.named_parameters():  # biases: those before the two activations of a block alone
            if name.endswith("bias"):
                assert re.fullmatch(r"layers\.\d+\.conv[12]\.bias", name)
        for block in blocks_of(network):
            inside, maps = block.conv1.weight.shape[:2]
            assert inside == 2 * maps
            assert block.conv2.weight.shape == (inside, 16, 3, 3)
    widths = [block.conv3.out_channels for block in blocks_of(D)[::2]]
    assert widths == [min(16 * 2**i, 8 * 16) for i in range(stages)]
    assert [block.conv3.out_channels for block in blocks_of(G)[::2]] == widths[::-1]
    first_px = 7 if size_px == 28 else 4
    assert G.basis.shape == D.basis.shape == (1, widths[-1], first_px, first_px)
    assert G.mix.weight.shape == (widths[-1], 64)
    assert G.layers[-1].weight.shape == (3, 16, 1, 1)
    assert D.layers[0].weight.shape == (16, 3, 1, 1)
    # The width changes only where it must, on the smaller side: G before it enlarges, D after it made smaller.
    g_kinds, d_kinds = ([type(m) for m in n.layers] for n in (G, D))
    assert g_kinds.count(nn.Conv2d) == d_kinds.count(nn.Conv2d) == 1 + len(set(widths)) - 1
    assert all(g_kinds[i + 1] is r3gan.Resample for i, k in enumerate(g_kinds[:-1]) if k is nn.Conv2d)
    assert all(d_kinds[i - 1] is r3gan.Resample for i, k in enumerate(d_kinds) if k is nn.Conv2d and i)


def test_r3gan_starts_as_published() -> None:
    G, D = build("r3gan", width=32, latent=64)
    gain = math.sqrt(2 / 1.04) * 8**-0.25
    for network in (G, D):
        for name, p in network.named_parameters():
            if name.endswith("bias") or "conv3" in name:
                assert not p.any(), name
                continue
            if name == "basis":
                wanted = 1.0 if network is G else 1 / 4
            else:
                wanted = (gain if re.search("conv[12]", name) else 1.0) / math.sqrt(p[0].numel())
            loose = 5 / math.sqrt(2 * p.numel())  # five standard errors of a standard deviation
            assert p.std(correction=0).item() == pytest.approx(wanted, rel=loose), name
            assert abs(p.mean().item()) < 5 * wanted / math.sqrt(p.numel()), name


def test_r3gan_g_begins_with_a_basis_and_ends_without_tanh() -> None:
    G, _ = build("r3gan")
    seen = []
    G.layers[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    z = torch.randn(3, 5)
    images = G(z)
    wanted = torch.einsum("nl,cl,chw->nchw", z, G.mix.weight, G.basis[0])
    torch.testing.assert_close(seen[0], wanted)
    # At the start all is linear (the blocks are the identity): not normalised, not cut, G(3z) = 3 G(z).
    torch.testing.assert_close(G(3 * z), 3 * images, rtol=1e-4, atol=1e-5)
    assert G(30 * z).abs().max() > 1


def test_r3gan_d_head_is_a_depthwise_convolution() -> None:
    _, D = build("r3gan")
    images = pictures()
    maps = D.layers(images)
    pooled = F.conv2d(maps, D.basis.transpose(0, 1), groups=maps.shape[1])
    assert pooled.shape[2:] == (1, 1)
    torch.testing.assert_close(D(images), (pooled.flatten(1) @ D.last.weight.T).flatten())


def test_r3gan_resamples_by_1331() -> None:
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8
    boxes = torch.nn.functional.conv1d(torch.tensor([[[1.0, 2.0, 1.0]]]), torch.ones(1, 1, 2), padding=1)
    assert boxes.flatten().tolist() == [1, 3, 3, 1]
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    up, down = r3gan.Resample(up=True).double(), r3gan.Resample(up=False).double()
    # Down, by matrices: row i holds the filter from pixel 2i - 1 on.
    shrink = torch.zeros(3, 6, dtype=torch.float64)
    for i in range(3):
        for k in range(4):
            if 0 <= 2 * i - 1 + k < 6:
                shrink[i, 2 * i - 1 + k] = line[k]
    torch.testing.assert_close(down(x), shrink @ x @ shrink.T)
    # Up: zeros between the pixels, then the filter with twice its weight along each axis.
    spread = torch.zeros(2, 3, 12, 12, dtype=torch.float64)
    spread[:, :, ::2, ::2] = x
    weight = (4 * torch.outer(line, line)).repeat(3, 1, 1, 1)
    torch.testing.assert_close(up(x), F.conv2d(F.pad(spread, (2, 1, 2, 1)), weight, groups=3))
    ones = torch.ones(1, 2, 8, 8, dtype=torch.float64)
    for layer in (up, down):
        torch.testing.assert_close(layer(ones)[:, :, 1:-1, 1:-1], torch.ones_like(layer(ones))[:, :, 1:-1, 1:-1])
    assert not list(up.parameters())
    assert not up.state_dict()


def test_r3gan_is_twice_differentiable() -> None:
    with randomness(2, CPU):
        block = r3gan.Block(8, 2).double()
        wake(block)
        nn.init.normal_(block.conv1.bias, 0, 0.3)
        x = torch.randn(1, 8, 2, 2, dtype=torch.float64, requires_grad=True)
        head = torch.randn(1, 8, 2, 2, dtype=torch.float64, requires_grad=True)
    names, weights = zip(*block.named_parameters(), strict=True)

    def logit(x: Tensor, head: Tensor, *weights: Tensor) -> Tensor:
        made = torch.func.functional_call(block, dict(zip(names, weights, strict=True)), (x,))
        return (made * head).sum()

    assert torch.autograd.gradgradcheck(logit, (x, head, *weights), atol=1e-6, fast_mode=True)
    for up in (False, True):
        layer = r3gan.Resample(up=up).double()
        y = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(layer, (y,))
        assert torch.autograd.gradgradcheck(lambda y, layer=layer: layer(y) ** 2, (y,))


def test_a_whole_d_is_twice_differentiable() -> None:
    """The gradient of a penalty with respect to all weights, against the difference of two penalties along it."""
    for family in FAMILIES:
        _, D = build(family, 28, 1)
        D.double()
        with randomness(3, CPU):
            wake(D)
        images = pictures(2, 1, 28).double().requires_grad_()

        def penalty(D: nn.Module = D, images: Tensor = images) -> Tensor:
            (gradient,) = torch.autograd.grad(D(images).sum(), images, create_graph=True)
            return gradient.square().sum()

        weights = list(D.parameters())
        slopes = torch.autograd.grad(penalty(), weights, allow_unused=True)
        length = sum(s.square().sum() for s in slopes if s is not None).sqrt()
        # A short way: a penalty on a network of leaky ReLUs jumps wherever one of them changes sides.
        way = [torch.zeros_like(p) if s is None else 1e-8 / length * s for s, p in zip(slopes, weights, strict=True)]
        ends = []
        for sign in (1, -2):
            with torch.no_grad():
                torch._foreach_add_(weights, way, alpha=sign)
            ends.append(penalty().item())
        assert (ends[0] - ends[1]) / 2e-8 == pytest.approx(length.item(), rel=1e-3)


@pytest.mark.parametrize(("width", "near"), [(1, 8), (4, 8), (12, 16), (20, 16), (33, 32)])
def test_r3gan_refuses_widths_that_do_not_fall_into_groups(width: int, near: int) -> None:
    with pytest.raises(SparringError, match=rf"width {width}:[\s\S]*multiple of 8[\s\S]*width={near}"):
        networks.build("r3gan", 32, 3, width, 8)
