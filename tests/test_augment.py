"""What T does to pictures, exactly and in numbers, and its gradients by finite differences, first and second."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor

from sparring import augment
from sparring.augment import OPERATIONS, Augment
from sparring.data import open_data
from sparring.errors import SparringError

BY_P = [name for name, row in OPERATIONS.items() if row.by_p]


def apply(name: str, images: Tensor, p: float = 1.0) -> Tensor:
    row = OPERATIONS[name]
    return row.apply(images, p) if row.by_p else row.apply(images)


def noise_pictures(n: int = 2, channels: int = 3, height: int = 8, width: int = 8, **options: Any) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.rand(n, channels, height, width, generator=generator, **options) * 2 - 1


@pytest.fixture(scope="module")
def emoji() -> Tensor:
    return open_data("emoji", size_px=32, channels=3).batch(0, 32, seed=0, flip=False)


def script(patch: pytest.MonkeyPatch, **values: list[float]) -> None:
    """The draws of one picture are these, in the order in which they are made: uniform=..., normal=..., pick=..."""
    for kind, numbers in values.items():
        left = iter(numbers)

        def draw(images: Tensor, *_: float, left: Any = left, kind: str = kind) -> Tensor:
            dtype = torch.int64 if kind == "pick" else images.dtype
            return torch.full((len(images),), next(left), dtype=dtype)

        patch.setattr(augment, f"_{kind}", draw)


def drawn_as(patch: pytest.MonkeyPatch, *happens: bool) -> None:
    left = iter(happens)
    patch.setattr(augment, "_drawn", lambda images, p: torch.full((len(images),), next(left)))


# ---- DiffAugment ----


def test_color_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, uniform=[0.25, 2.0, 0.5])
    x = torch.tensor([[0.0, 0.5], [0.3, 0.5], [0.6, 0.5]]).reshape(1, 3, 1, 2)
    # +.25: .25 .55 .85 | .75 x 3;  twice as far from their means .55 | .75: -.05 .55 1.15 | .75 x 3;
    # half as far from the picture's mean .65: .3 .6 .9 | .7 x 3
    assert augment.color(x).flatten().tolist() == pytest.approx([0.3, 0.7, 0.6, 0.7, 0.9, 0.7])


def test_color_keeps_within_the_documented_range() -> None:
    torch.manual_seed(0)
    x = torch.full((4000, 1, 2, 2), 0.1)
    moved = augment.color(x)[:, 0, 0, 0] - 0.1  # contrast does nothing to a plain picture
    assert -0.5 <= moved.min() < -0.49
    assert 0.49 < moved.max() <= 0.5
    assert abs(moved.mean()) < 0.02
    step = torch.tensor([-0.5, 0.5]).reshape(1, 1, 1, 2).expand(4000, 1, 1, 2)
    contrast = (augment.color(step)[..., 1] - augment.color(step)[..., 0]).flatten()
    assert contrast.std() > 0.1  # two calls draw anew
    torch.manual_seed(0)
    changed = augment.color(step)
    contrast = (changed[..., 1] - changed[..., 0]).flatten()
    assert 0.5 - 1e-6 <= contrast.min() < 0.51
    assert 1.49 < contrast.max() <= 1.5 + 1e-6


def test_translation_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, pick=[2, 0])  # of 0, 1, 2: one row up, one column to the right
    x = torch.arange(1.0, 65).reshape(1, 1, 8, 8)
    moved = augment.translation(x)
    assert torch.equal(moved[..., :7, 1:], x[..., 1:, :7])
    assert moved[..., 7, :].eq(0).all()
    assert moved[..., :, 0].eq(0).all()


def test_translation_moves_an_eighth_each_way_at_most() -> None:
    torch.manual_seed(0)
    x = torch.zeros(2000, 1, 16, 16)
    x[:, :, 8, 8] = 1
    places = augment.translation(x).nonzero()[:, 2:] - 8
    counts = torch.stack([(places == shift).sum(0) for shift in range(-2, 3)])
    assert counts.sum() == 4000  # one dot each, both sides; nothing further
    assert counts.min() > 320  # 400 expected of each


def test_cutout_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, pick=[4, 8])  # rows 2 to 5; the columns' centre is the right edge: the last two
    kept = augment.cutout(torch.ones(1, 4, 8, 8))
    expected = torch.ones(8, 8)
    expected[2:6, 6:] = 0
    assert torch.equal(kept, expected.expand(1, 4, 8, 8))


def test_cutout_takes_a_square_of_half_the_side_or_what_of_it_is_inside() -> None:
    torch.manual_seed(0)
    gone = augment.cutout(torch.ones(500, 1, 12, 12)).eq(0).flatten(1).sum(1)
    assert gone.max() == 36
    assert gone.min() == 9  # the corner: a quarter of it


def test_flip_mirrors_half() -> None:
    torch.manual_seed(0)
    x = noise_pictures(1).expand(1000, -1, -1, -1)
    flipped = augment.flip(x)
    mirrored = (flipped == x.flip(3)).flatten(1).all(1)
    assert ((flipped == x).flatten(1).all(1) ^ mirrored).all()
    assert 430 < mirrored.sum() < 570


# ---- the pipe of ADA ----


def test_blit_draws_all_eight_ways_round() -> None:
    torch.manual_seed(0)
    x = noise_pictures(1, height=4, width=4)
    ways = [turned.rot90(k, (2, 3)) for turned in (x, x.flip(3)) for k in range(4)]
    blitted = augment.blit(x.expand(2000, -1, -1, -1), 1.0)  # an eighth of 4 px is no move
    counts = [int((blitted == way).flatten(1).all(1).sum()) for way in ways]
    assert sum(counts) == 2000
    assert min(counts) > 190  # 250 expected of each


def test_blit_moves_and_mirrors_at_the_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_as(monkeypatch, False, False, True)
    script(monkeypatch, pick=[0, 0], uniform=[0.125, -0.125])  # 2 px down, 2 px to the left
    x = noise_pictures(1, height=16, width=16)
    padded = np.pad(x[0].numpy(), ((0, 0), (2, 2), (2, 2)), mode="symmetric")
    assert np.array_equal(augment.blit(x, 1.0)[0].numpy(), padded[:, :16, 4:])


def test_blit_of_a_picture_that_is_not_square() -> None:
    torch.manual_seed(0)
    x = noise_pictures(1, height=2, width=4)
    ways = [x, x.flip(2), x.flip(3), x.flip(2, 3)]
    blitted = augment.blit(x.expand(400, -1, -1, -1), 1.0)
    counts = [int((blitted == way).flatten(1).all(1).sum()) for way in ways]
    assert sum(counts) == 400
    assert min(counts) > 60


@pytest.mark.parametrize("height", [12, 9])
def test_geometry_against_scipy(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The forward maps in the paper's order, multiplied and inverted as matrices, sampled by another library."""
    drawn_as(monkeypatch, *[True] * 5)
    scale, before, stretch, after, right, down = 2**0.3, 0.7, 2**-0.4, -2.1, 0.13, -0.08
    script(monkeypatch, normal=[0.3, -0.4, right, down], uniform=[before, after])
    x = noise_pictures(1, height=height, width=12, dtype=torch.float64)

    def turn(a: float) -> np.ndarray:
        return np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])

    forward = turn(after) @ np.diag([stretch, 1 / stretch]) @ turn(before) @ np.diag([scale, scale])
    total = np.zeros((height, 12))
    for dy in (-0.25, 0.25):
        for dx in (-0.25, 0.25):
            ys, xs = np.mgrid[0:height, 0:12].astype(float)
            xs, ys = xs + dx - 5.5 - right * 12, ys + dy - (height - 1) / 2 - down * height
            sx, sy = np.einsum("ij,jhw->ihw", np.linalg.inv(forward), np.stack([xs, ys]))
            total += map_coordinates(x[0, 1].numpy(), [sy + (height - 1) / 2, sx + 5.5], order=1, mode="reflect")
    np.testing.assert_allclose(augment.geometry(x, 1.0)[0, 1].numpy(), total / 4, atol=1e-9)


def test_geometry_doubles_a_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_as(monkeypatch, True, *[False] * 4)
    script(monkeypatch, normal=[1.0, 0, 0, 0], uniform=[0, 0])  # 2^1
    ramp = torch.linspace(-1, 1, 17).expand(1, 1, 17, 17)
    wide = augment.geometry(ramp, 1.0)
    assert torch.allclose(wide[0, 0, 8], torch.linspace(-0.5, 0.5, 17), atol=1e-6)


def test_geometry_turns_with_probability_p() -> None:
    """Each of the two turns with 1 - sqrt(1 - p): untouched are (1 - p)^4, with scale, stretch and move."""
    torch.manual_seed(0)
    x = noise_pictures(1).expand(4000, -1, -1, -1)
    untouched = (augment.geometry(x, 0.2) == x).flatten(1).all(1).double().mean()
    assert untouched == pytest.approx(0.8**4, abs=0.03)


@pytest.mark.parametrize(
    ("which", "values", "expected"),
    [
        (0, {"normal": [0.2, 0, 0]}, [0.7, 0.2, -0.1]),  # brightness
        (1, {"normal": [0, 1, 0]}, [1.0, 0.0, -0.6]),  # contrast, 2^1
        (2, {"normal": [0, 0, 0]}, [0.5 - 0.4 / 3, -0.4 / 3, -0.3 - 0.4 / 3]),  # luma .2/3 becomes -.2/3
        (3, {"uniform": [2 * math.pi / 3], "normal": [0, 0, 0]}, [-0.3, 0.5, 0.0]),  # a third of the hues: red is green
        (4, {"normal": [0, 0, 1]}, [2 * 0.5 - 0.2 / 3, -0.2 / 3, -0.6 - 0.2 / 3]),  # saturation, 2^1, about luma
    ],
)
def test_ada_color_by_hand(
    which: int, values: dict[str, list[float]], expected: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn_as(monkeypatch, *[i == which for i in range(5)])
    script(monkeypatch, **({"uniform": [0.0], "pick": [1]} | values))
    x = torch.tensor([0.5, 0.0, -0.3]).reshape(1, 3, 1, 1)
    assert augment.ada_color(x, 1.0).flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_ada_color_of_gray_is_that_of_equal_channels() -> None:
    gray = noise_pictures(16, channels=1)
    torch.manual_seed(3)
    as_gray = augment.ada_color(gray, 0.7)
    torch.manual_seed(3)
    as_rgb = augment.ada_color(gray.expand(-1, 3, -1, -1), 0.7)
    assert torch.allclose(as_rgb, as_gray.expand(-1, 3, -1, -1), atol=1e-5)


def test_ada_color_has_the_published_spread() -> None:
    torch.manual_seed(0)
    plain = augment.ada_color(torch.zeros(4000, 1, 1, 1), 1.0).flatten()  # +- contrast * brightness
    squared_contrast = math.exp(2 * (0.5 * math.log(2)) ** 2)  # the mean of 4^N(0, .5)
    assert plain.std().item() == pytest.approx(0.2 * squared_contrast**0.5, rel=0.1)
    assert abs(plain.mean()) < 0.02
    x = torch.tensor([-0.5, 0.5]).reshape(1, 1, 1, 2).expand(4000, 1, 1, 2)
    changed = augment.ada_color(x, 1.0)
    contrast = (changed[..., 1] - changed[..., 0]).flatten()
    assert contrast.abs().log2().std().item() == pytest.approx(0.5, rel=0.05)
    assert (contrast < 0).double().mean().item() == pytest.approx(0.5, abs=0.03)  # half of the drawn luma flips flip


# ---- all operations ----


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_shape_and_kind_are_kept(name: str, channels: int, emoji: Tensor) -> None:
    torch.manual_seed(0)
    x = torch.cat([emoji, emoji[:, :1]], 1)[:, :channels]
    before = x.clone()
    y = apply(name, x)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert y.isfinite().all()
    assert not torch.equal(y, x)
    assert torch.equal(x, before)  # what it was given is not written to
    if name not in ("color", "ada-color"):
        assert y.min() >= -1
        assert y.max() <= 1


@pytest.mark.parametrize("name", ["color", "ada-color"])
def test_colour_leaves_alpha_alone(name: str) -> None:
    torch.manual_seed(0)
    x = noise_pictures(16, channels=4)
    y = apply(name, x)
    assert torch.equal(y[:, 3], x[:, 3])
    torch.manual_seed(0)
    assert torch.allclose(y[:, :3], apply(name, x[:, :3]))


@pytest.mark.parametrize("name", OPERATIONS)
def test_gradients_by_finite_differences(name: str) -> None:
    def same_draws(images: Tensor) -> Tensor:
        torch.manual_seed(2)
        return apply(name, images)

    x = noise_pictures(2, channels=4, height=3, width=3, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(same_draws, x)
    assert torch.autograd.gradgradcheck(same_draws, x)


@pytest.mark.parametrize("policy", ["color,translation,cutout", "bgc"])
def test_r1_through_the_augmentation_reaches_d(policy: str) -> None:
    """The penalty is on the gradient at the picture before T; D's gradient of it is right."""
    x = noise_pictures(2, height=4, width=4, dtype=torch.float64).requires_grad_()
    transform = Augment(policy)

    def penalty(weight: Tensor) -> Tensor:
        torch.manual_seed(1)
        logits = torch.nn.functional.conv2d(transform(x), weight).tanh().sum()
        return torch.autograd.grad(logits, x, create_graph=True)[0].square().sum()

    weight = noise_pictures(2, height=3, width=3, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(penalty, weight)


@pytest.mark.parametrize("name", BY_P)
def test_p_0_is_the_identity_bit_for_bit(name: str, emoji: Tensor) -> None:
    assert torch.equal(apply(name, emoji, 0.0), emoji)
    torch.manual_seed(0)
    same = (apply(name, emoji, 0.1) == emoji).flatten(1).all(1)
    assert 0 < same.sum() < len(emoji)  # what is not drawn stays as it is


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_layout_in_memory_changes_nothing(name: str, emoji: Tensor) -> None:
    torch.manual_seed(0)
    y = apply(name, emoji.contiguous())
    torch.manual_seed(0)
    assert torch.allclose(apply(name, emoji.contiguous(memory_format=torch.channels_last)), y, atol=1e-5)


# ---- the composed thing ----


def test_without_anything_to_do_it_gives_back_the_same_object() -> None:
    x = noise_pictures()
    state = torch.get_rng_state()
    for idle in (Augment(), Augment("bgc", p=0.0), Augment("bgc", ada_target=0.6), Augment(policy=" , ")):
        assert idle.is_idle
        assert idle(x) is x
    assert torch.equal(torch.get_rng_state(), state)
    points = torch.zeros(5, 2)
    assert Augment()(points) is points
    assert not Augment("flip").is_idle
    assert not Augment("bgc", p=0.1).is_idle
    assert not Augment(noise=0.1).is_idle


def test_real_and_fake_are_drawn_apart() -> None:
    torch.manual_seed(0)
    x = noise_pictures(32)
    for transform in (Augment("color"), Augment("bgc"), Augment(noise=0.1)):
        first, second = transform(x), transform(x)
        assert not (first == second).flatten(1).all(1).any()
    moved = Augment("color")(x) - x
    assert not torch.equal(moved[0], moved[1])  # nor is one draw shared in a batch


def test_the_policys_order_does_not_matter() -> None:
    x, results = noise_pictures(), []
    for policy in ("cutout,color,translation", "translation, color,cutout"):
        torch.manual_seed(0)
        results.append(Augment(policy)(x))
    assert torch.equal(*results)
    assert Augment("ada-color,blit,geometry").names == Augment("bgc").names == ("blit", "geometry", "ada-color")


def test_half_precision_becomes_fp32() -> None:
    y = Augment("bgc")(noise_pictures().bfloat16())
    assert y.dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Augment("bgc")(noise_pictures()).dtype == torch.float32


def test_noise_is_annealed() -> None:
    torch.manual_seed(0)
    transform = Augment(noise=0.4, noise_images=1000)
    x = torch.zeros(20_000, 2)  # points take noise as well
    assert transform(x).std().item() == pytest.approx(0.4, rel=0.02)
    transform.at(750)
    assert transform.sigma == pytest.approx(0.1)
    assert transform(x).std().item() == pytest.approx(0.1, rel=0.02)
    for images_seen in (1000, 5000):
        transform.at(images_seen)
        assert transform.is_idle
        assert transform(x) is x
    stays = Augment(noise=0.4)
    stays.at(10**9)
    assert stays.sigma == 0.4


def train(transform: Augment, logits: Callable[[], Tensor], steps: int, batch: int = 50) -> list[float]:
    path = []
    for _ in range(steps):
        transform.observe(logits())
        transform.adapt(batch)
        path.append(transform.p)
    return path


def test_ada_goes_from_0_to_1_in_500_000_images_and_back() -> None:
    transform = Augment("bgc", ada_target=0.6)
    assert transform.p == 0
    path = train(transform, lambda: torch.full((50,), 0.01), 9_996)  # D right on all reals, however narrowly
    assert path[:5] == pytest.approx([0, 0, 0, 4e-4, 4e-4])  # every fourth batch, by 200 of 500,000
    assert path[-1] == pytest.approx(1 - 4e-4)
    assert train(transform, lambda: torch.ones(50), 100)[-1] == 1  # and no further
    # 79 % right is a mean sign of .58
    assert train(transform, lambda: torch.tensor([1.0] * 79 + [-1.0] * 21), 100)[-1] == pytest.approx(1 - 25 * 4e-4)
    assert train(transform, lambda: -torch.ones(50), 100, batch=500_000)[-1] == 0


def test_ada_above_and_below_the_target() -> None:
    for wrong, expected in ((19, 4e-4), (20, 0.0), (21, 0.0)):
        transform = Augment("blit", ada_target=0.6)
        signs = torch.tensor([1.0] * (100 - wrong) + [-1.0] * wrong)
        assert train(transform, lambda signs=signs: signs, 4)[-1] == pytest.approx(expected), wrong
    broken = Augment("blit", ada_target=0.6)
    assert train(broken, lambda: torch.tensor([math.nan]), 4)[-1] == 0
    assert train(broken, lambda: torch.ones(1), 4)[-1] > 0  # and it goes on


def test_ada_rises_to_p_at_most() -> None:
    transform = Augment("bgc", p=0.3, ada_target=0.6, ada_images=1000)
    assert train(transform, lambda: torch.ones(50), 40)[-1] == 0.3


def test_signals_are_of_an_adapted_p_only() -> None:
    assert Augment("bgc", p=0.2).signals() == {}
    transform = Augment("bgc", ada_target=0.6, ada_images=2000)
    train(transform, lambda: torch.ones(50), 4)
    (name, value), *rest = transform.signals().items()
    assert (name, value.item(), rest) == ("augment_p", pytest.approx(0.1), [])
    assert value.shape == ()


def test_a_resumed_augmentation_goes_on_bit_for_bit() -> None:
    def step(transform: Augment, i: int) -> Tensor:
        torch.manual_seed(i)
        transform.at(100 * i)
        seen = transform(noise_pictures())
        transform.observe(torch.randn(7) + 1)
        transform.adapt(50)
        return seen

    options: dict[str, Any] = {"policy": "bgc", "ada_target": 0.3, "ada_images": 3000, "noise": 0.1}
    whole = Augment(**options, noise_images=1500)
    pictures = [step(whole, i) for i in range(21)]
    first = Augment(**options, noise_images=1500)
    for i in range(10):  # between two looks at p
        step(first, i)
    state = first.state_dict()
    assert all(isinstance(value, float | int) for value in state.values())
    second = Augment(**options, noise_images=1500)
    second.load_state_dict(state)
    assert second.sigma == first.sigma
    assert all(torch.equal(step(second, i), pictures[i]) for i in range(10, 21))
    assert second.state_dict() == whole.state_dict()
    assert 0 < whole.p < 1


def test_a_p_that_is_not_adapted_is_as_given() -> None:
    transform = Augment("bgc", p=0.7)
    transform.load_state_dict(Augment("bgc", p=0.2).state_dict())
    assert transform.p == 0.7


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"policy": "colour"}, "did you mean 'color'"),
        ({"policy": "color,bcg"}, "did you mean 'bgc'"),
        ({"policy": "color,color"}, "names 'color' twice"),
        ({"policy": "bgc,blit"}, "names 'blit' twice"),
        ({"policy": "bgc", "p": 1.5}, "p is 1.5"),
        ({"policy": "bgc", "p": -0.1}, "p is -0.1"),
        ({"policy": "bgc", "p": math.nan}, "p is nan"),
        ({"policy": "color", "p": 0.5}, "Nothing uses the augmentation's p"),
        ({"policy": "color", "ada_target": 0.6}, "no p to adapt"),
        ({"ada_target": 0.6}, "no p to adapt"),
        ({"policy": "bgc", "ada_target": 1.0}, "target is 1.0"),
        ({"policy": "bgc", "ada_target": -0.6}, "target is -0.6"),
        ({"policy": "bgc", "p": 0.0, "ada_target": 0.6}, "may not raise p"),
        ({"policy": "bgc", "ada_images": 0}, "in 0 images"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"noise": math.inf}, "noise is inf"),
        ({"noise": 0.1, "noise_images": -1}, "ends at -1 images"),
    ],
)
def test_senseless_options_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SparringError, match=words):
        Augment(**options)


@pytest.mark.parametrize("shape", [(5, 2), (5, 2, 8, 8), (5, 8, 8, 3), (3, 8, 8)])
def test_what_is_no_picture_is_refused_with_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(SparringError, match=r"of shape \[") as caught:
        Augment("bgc", ada_target=0.6)(torch.zeros(shape))  # at p = 0 already
    assert str(list(shape)) in str(caught.value)
    assert "noise alone" in str(caught.value)
