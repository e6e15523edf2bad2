"""`measure` on every kind of side, and what it says of bad ones."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import sparring
from conftest import paint
from sparring import cli, networks
from sparring.errors import SparringError
from sparring.methods import Recipe
from sparring.metrics.measuring import measure
from sparring.pictures import as_image, save_png


def coarse(pictures: Tensor) -> Tensor:
    """A cheap extractor: 4 x 4 mean colours."""
    return F.adaptive_avg_pool2d(pictures.float() / 255, 4).flatten(1)


def quietly(fakes: Any, reals: Any, metrics: Any = ("fd", "kid"), features: Any = coarse, **options: Any) -> Any:
    return measure(fakes, reals, metrics, features, **({"say": lambda _: None} | options))


def noise(n: int, size_px: int = 32, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, size_px, size_px, channels), dtype=np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> sparring.session.Run:
    """A run of two steps on gray pictures of 28 px, with a held-out part."""
    folder = tmp_path_factory.mktemp("measured")
    recipe = sparring.recipes["dcgan"].but(width=4, batch=8, latent=16, precision="fp32", threads=1)
    pictures = paint(folder / "shown", n=60)
    words = {"size": 28, "channels": 1, "held_out": 20, "evaluate_every": 0, "steps": 2}
    return sparring.train(pictures, recipe, out=folder / "run", say=lambda _: None, **words)


def sides(kind: str, discs: Path, tmp_path: Path, run: Any) -> tuple[Any, dict[str, Any]]:
    """A side of each kind, and the options that it needs."""
    pictures = noise(40)
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as file:
            for path in sorted(discs.glob("*.png")):
                file.write(path, path.name)
        return tmp_path / "pictures.zip", {}
    if kind == "npz":
        np.savez(tmp_path / "pictures.npz", images=pictures)
        return str(tmp_path / "pictures.npz"), {}
    generator = networks.build("dcgan", 32, 3, 4, 16)[0]
    return {
        "folder": (discs, {}),
        "array": (pictures, {}),
        "array, channels first": (torch.from_numpy(pictures).permute(0, 3, 1, 2), {}),
        "floats": (pictures / 127.5 - 1, {}),
        "run's folder": (run.path, {"n": 40}),
        "run": (run, {"n": 40}),
        "loaded run": (sparring.load(run.path), {"n": 40}),
        "generator": (generator, {"n": 40}),
        "batches": (in_batches(pictures), {"n": 40}),
    }[kind]


def in_batches(pictures: np.ndarray) -> Any:
    return (torch.from_numpy(pictures[i : i + 8]).permute(0, 3, 1, 2) for i in range(0, len(pictures), 8))


KINDS = [
    "folder", "zip", "npz", "array", "array, channels first", "floats", "run's folder", "run", "loaded run",
    "generator", "batches",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_either_side_may_be_of_any_kind(kind: str, discs: Path, tmp_path: Path, run: Any) -> None:
    side, options = sides(kind, discs, tmp_path, run)
    fd, kid = quietly(side, discs, **options)
    assert (fd.metric, kid.metric) == ("fd", "kid")
    assert (fd.n_fake, fd.n_real) == (40, 40)
    assert (fd.value > 1e-6) == (kind not in ("folder", "zip"))  # these two hold the very same pictures
    side, options = sides(kind, discs, tmp_path, run)
    assert quietly(discs, side, **options)[0].value == pytest.approx(fd.value, rel=0.02, abs=1e-6)


def test_every_result_says_what_it_depends_on(discs: Path) -> None:
    (found,) = quietly(noise(30), discs, "fd")
    shown = found.to_dict()
    json.dumps(shown)
    assert shown["n_fake"] == 30
    assert shown["n_real"] == 40
    assert shown["floor_n"] == 20
    assert 0 <= shown["floor"] < shown["value"]
    assert shown["interval"][0] < shown["value"] < shown["interval"][1]
    assert shown["features"] == "coarse"
    assert shown["reference"] == "discs, all 40 pictures"
    assert shown["input_px"] == 32


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size_px", [17, 28, 100])
def test_gray_rgb_alpha_and_odd_sizes(channels: int, size_px: int, discs: Path) -> None:
    for result in quietly(noise(24, size_px, channels), discs, ("fd", "kid", "swd", "msssim")):
        assert np.isfinite(result.value)


def test_rectangles_are_cropped(discs: Path) -> None:
    middle = noise(20)
    edge = np.zeros((20, 32, 16, 3), np.uint8)
    (found,) = quietly(np.concatenate([edge, middle, edge], axis=2), discs, "fd")
    assert found.input_px == 32
    assert found.value == quietly(middle, discs, "fd")[0].value


def test_lite0_is_the_default_and_sees_alpha_on_the_background() -> None:
    red = noise(20, 32, 4)
    red[..., 3] = 0  # nothing to be seen but the background
    white, black = np.full_like(red[..., :3], 255), np.zeros_like(red[..., :3])
    on_white = measure(red, white, "fd", interval=False, say=lambda _: None)[0]
    on_black = measure(red, black, "fd", interval=False, background="black", say=lambda _: None)[0]
    crossed = measure(red, black, "fd", interval=False, say=lambda _: None)[0]
    assert on_white.features == "lite0"
    assert on_white.input_px == 96
    assert on_white.value == pytest.approx(0, abs=1e-5)
    assert on_black.value == pytest.approx(0, abs=1e-5)
    assert crossed.value > 1


def test_too_few_pictures_are_a_warning_that_says_what_to_expect(discs: Path) -> None:
    (found,) = measure(noise(20), discs, "fd", say=lambda _: None)
    assert np.isfinite(found.value)
    assert any("bias" in note for note in found.notes)


def test_features_of_the_reference_are_kept_by_content(discs: Path, tmp_path: Path) -> None:
    first = measure(noise(20), discs, "fd", interval=False, cache=tmp_path, say=lambda _: None)
    kept = list((tmp_path / "features").glob("*.npz"))
    assert len(kept) == 1
    stamp = kept[0].stat().st_mtime_ns
    again = measure(noise(20), discs, "fd", interval=False, cache=tmp_path, say=lambda _: None)
    assert again == first
    assert kept[0].stat().st_mtime_ns == stamp
    measure(noise(20), discs, "fd", n=30, interval=False, cache=tmp_path, say=lambda _: None)
    assert len(list((tmp_path / "features").glob("*.npz"))) == 2  # other pictures, other features
    kept[0].write_bytes(b"torn")
    assert measure(noise(20), discs, "fd", interval=False, cache=tmp_path, say=lambda _: None) == first


def test_a_runs_own_split(run: Any) -> None:
    shown = run.path.parent / "shown"
    data = sparring.data.open_data(shown, size_px=28)
    split = sparring.data.hold_out(data, 20)
    parts = {"held-out": split.held_out, "training": np.setdiff1d(np.arange(60), split.held_out)}
    for fakes in (run.path, str(run.path), run):
        for name, places in parts.items():
            found = quietly(fakes, shown, "fd", n=50, split=name)[0]
            assert f"{name} pictures of run" in found.reference
            assert found.n_real == len(places) == {"held-out": 20, "training": 40}[name]
            assert found.value == quietly(fakes, data.pictures(places), "fd", n=50)[0].value


@pytest.mark.parametrize("reals", ["run", "batches"])
def test_a_split_of_what_is_not_divided_is_refused(reals: str, run: Any) -> None:
    with pytest.raises(SparringError, match="--split"):
        quietly(run.path, run if reals == "run" else in_batches(noise(20)), n=10, split="held-out")


def test_a_dataset_is_divided_too(tmp_path: Path, tiny: Recipe) -> None:
    class Shades:
        def __len__(self) -> int:
            return 40

        def __getitem__(self, index: int) -> Tensor:
            return torch.from_numpy(noise(40, 28, 1)[index]).permute(2, 0, 1)

    words = {"held_out": 12, "evaluate_every": 0, "steps": 2, "say": lambda _: None}
    run = sparring.train(Shades(), tiny, out=tmp_path / "run", **words)
    assert quietly(run, Shades(), "fd", n=30, split="held-out")[0].n_real == 12
    assert quietly(run, Shades(), "fd", n=30, split="training")[0].n_real == 28


def test_other_selections_have_other_features(tmp_path: Path) -> None:
    """Of 240 pictures, seeds 21 and 117 once had the same name in the cache."""
    reals = noise(240, 8)
    words = {"n": 20, "interval": False, "say": lambda _: None}
    measure(noise(20, 8, seed=1), reals, "fd", seed=21, cache=tmp_path / "shared", **words)
    shared = measure(noise(20, 8, seed=1), reals, "fd", seed=117, cache=tmp_path / "shared", **words)
    assert shared == measure(noise(20, 8, seed=1), reals, "fd", seed=117, cache=tmp_path / "fresh", **words)


def test_an_iterable_is_read_once(discs: Path) -> None:
    again = [torch.from_numpy(noise(5, seed=i)).permute(0, 3, 1, 2) for i in range(2)]

    class Twice:
        def __iter__(self) -> Any:
            return iter(again)

    said: list[str] = []
    for source in (Twice(), iter(again)):
        found = measure(source, discs, "fd", coarse, n=100, say=said.append)[0]
        assert found.n_fake == 10
    assert sum("yielded 10 pictures, not 100" in line for line in said) == 2


def test_a_generator_of_nan_is_told(discs: Path) -> None:
    generator = networks.build("dcgan", 32, 3, 4, 16)[0]
    with torch.no_grad():
        next(iter(generator.parameters())).fill_(float("nan"))
    with pytest.raises(SparringError, match="not finite"):
        quietly(generator, discs, n=8)


def test_a_generator_of_points_is_told(discs: Path) -> None:
    with pytest.raises(SparringError, match=r"\[2, 3\]"):
        quietly(nn.Linear(4, 3), discs, n=8)


def test_the_users_classes_make_an_extractor(tmp_path: Path) -> None:
    for i, name in enumerate(("dark", "bright")):
        folder = tmp_path / "reals" / name
        folder.mkdir(parents=True)
        for j, picture in enumerate(noise(30, 16, 1, seed=i)):
            shade = (picture // 3 + 170 * i).transpose(2, 0, 1)
            save_png(as_image(shade), folder / f"{j}.png")
    dark = noise(40, 16, 1, seed=5) // 3
    found = {r.metric: r for r in quietly(dark, tmp_path / "reals", ("modes", "is", "fd"), "own")}
    assert found["modes"].value == 1  # of two
    assert found["modes"].details["classes"] == 2
    assert 1 <= found["is"].value < 1.5
    assert any("classifier score" in note for note in found["is"].notes)


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "NaN": (np.full((4, 32, 32, 3), np.nan), {}, "not finite"),
    "one picture": (noise(1), {}, "cannot be computed from 1 fakes"),
    "two channels": (np.zeros((4, 32, 32, 2), np.uint8), {}, "shape"),
    "no pictures": (np.zeros((0, 32, 32, 3), np.uint8), {}, "shape"),
    "missing": ("no/such/folder", {}, "no/such/folder"),
    "unknown metric": (noise(4), {"metrics": "fdd"}, "did you mean 'fd'"),
    "fid without inception": (noise(4), {"metrics": "fid"}, "inception"),
    "classes without": (noise(4), {"metrics": "is"}, "class probabilities"),
    "modes without classes": (noise(4), {"metrics": "modes", "features": "lite0"}, "own"),
    "own without classes": (noise(4), {"features": "own"}, "classes"),
    "n too small": (noise(4), {"n": 1}, "2 or more"),
    "a failing extractor": (noise(4), {"features": lambda p: 1 / 0}, "ZeroDivisionError"),
    "an extractor of NaN": (noise(4), {"features": lambda p: coarse(p) * float("nan")}, "finite"),
    "no metric": (noise(4), {"metrics": ()}, "No metric"),
    "senseless size": (noise(4), {"size": -5}, "--size is -5"),
    "no such device": (noise(4), {"device": "gpu"}, "no device"),
    "text": (__file__, {}, "test_measure.py"),
    "split without a run": (noise(4), {"split": "held-out"}, "run"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_in_words(name: str, discs: Path) -> None:
    fakes, options, words = BAD[name]
    with pytest.raises(SparringError) as error:
        quietly(fakes, discs, **options)
    assert words in str(error.value)
    assert error.value.expected


def test_an_empty_folder(tmp_path: Path, discs: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SparringError, match="no pictures"):
        quietly(tmp_path / "empty", discs)


def test_users_networks_are_left_as_they_are(discs: Path) -> None:
    generator = networks.build("dcgan", 32, 3, 4, 16)[0].train()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    state = torch.default_generator.get_state()
    quietly(generator, discs, n=8, metrics="kid")
    assert all(p.requires_grad for p in generator.parameters())
    assert all(module.training for module in generator.modules())
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())
    assert torch.equal(state, torch.default_generator.get_state())


def test_a_generator_of_unknown_width_is_told(discs: Path) -> None:
    with pytest.raises(SparringError, match="cannot be seen"):
        quietly(nn.Identity(), discs, n=4)


def ended_with(words: list[str]) -> int:
    try:
        cli.main(words)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_the_command_line(discs: Path, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["measure", str(run.path), str(discs), "--metrics", "kid,coverage", "-n", "12", "--json"]
    assert ended_with(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert [row["metric"] for row in found["results"]] == ["kid", "coverage"]
    needed = {"metric", "value", "interval", "floor", "n_fake", "n_real", "features", "input_px", "reference"}
    assert needed <= set(found["results"][0])


def test_the_table_is_readable(discs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_with(["measure", str(discs), str(discs), "--metrics", "fd"]) == 0
    out, err = capsys.readouterr()
    assert "floor" in out
    assert "lower is better" in out
    assert "discs, all 40 pictures" in out
    assert "both at 32 px" in err


def test_same_seed_same_figures(discs: Path, tiny: Recipe) -> None:
    assert quietly(noise(30), discs, seed=3) == quietly(noise(30), discs, seed=3)
