"""Conditional runs from start to end: classes, captions and vectors, built-in networks and people's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import sparring
from conftest import NARROW
from sparring.cli import main
from sparring.errors import SparringError
from sparring.events import read
from sparring.methods import Recipe
from sparring.players import read_state
from test_run import same

COLOURS = {"dark": 40, "grey": 128, "light": 215}
QUIET: dict[str, Any] = {"say": lambda _: None, "size": 16, "channels": 1}


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """Thirty discs of three shades, each shade in a folder of its own, one with a caption and a vector each."""
    folder = tmp_path / "shades"
    rows = []
    generator = np.random.default_rng(0)
    for name, value in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for i in range(10):
            across, down = np.meshgrid(*[np.arange(16) - 8 + generator.uniform(-2, 2) for _ in "xy"])
            picture = np.where(across**2 + down**2 < 30, value, 255).astype(np.uint8)
            Image.fromarray(picture).save(folder / name / f"{i}.png")
            rows.append(f"{name}/{i}.png,a {name} disc number {i},{value / 255:.3f},{i / 10}")
    (folder / "metadata.csv").write_text("\n".join(["file_name,text,value,number", *rows]) + "\n")
    return folder


def train(source: Any, recipe: Recipe, out: Path, **options: Any) -> Any:
    return sparring.train(source, recipe.but(batch=4), out=out, **(QUIET | {"steps": 6} | options))


def letters(captions: list[str]) -> np.ndarray:
    """An embedder: how often each letter occurs, brought to length 1."""
    counts = np.array([[caption.count(chr(97 + i)) for i in range(26)] for caption in captions], np.float32)
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def call(*words: str) -> int:
    """Runs the command line. Returns its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


ASKED: list[dict[str, Any]] = [
    {"condition": "class"},
    {"condition": "text", "embed": letters},
    {"condition": "vector", "condition_from": "metadata.csv:value,number"},
]


@pytest.mark.parametrize("asked", ASKED, ids=[asked["condition"] for asked in ASKED])
def test_a_run_goes_on_bit_for_bit(asked: dict[str, Any], shades: Path, tiny: Recipe, tmp_path: Path) -> None:
    if "condition_from" in asked:
        asked = asked | {"condition_from": f"{shades}/{asked['condition_from']}"}
    recipe = tiny.but(mismatch=0.5) if asked["condition"] != "class" else tiny
    straight = train(shades, recipe, tmp_path / "straight", **asked)
    train(shades, recipe, tmp_path / "halted", **asked, steps=3)
    halted = train(shades, recipe, tmp_path / "halted", **asked)
    states = [read_state(sorted((run.path / "checkpoints").glob("*.pt"))[-1]) for run in (straight, halted)]
    assert same(*states)
    assert halted.grid.read_bytes() == straight.grid.read_bytes()
    settings = json.loads((straight.path / "recipe.json").read_text())
    assert settings["condition"]["kind"] == asked["condition"]
    assert str(shades) not in (straight.path / "recipe.json").read_text()
    if asked["condition"] != "class":
        tick = next(event for event in read(straight.path / "events.jsonl") if event.kind == "tick")
        assert tick.values["d_loss_mismatch"] > 0


def test_a_sheet_has_a_row_for_each_class_with_its_name_beside(shades: Path, tiny: Recipe, tmp_path: Path) -> None:
    run = train(shades, tiny, tmp_path / "run", condition="class")
    with Image.open(run.grid) as sheet:
        assert sheet.height == 3 * 18 + 2
        assert sheet.width > 8 * 18 + 2 + 10
        margin = np.asarray(sheet.convert("L"))[:, : sheet.width - (8 * 18 + 2)]
    for row in range(3):
        assert margin[row * 18 : row * 18 + 18].min() < 100, "no name is written"


def test_words_are_what_is_sampled(shades: Path, tiny: Recipe, tmp_path: Path) -> None:
    run = train(shades, tiny, tmp_path / "run", condition="class")
    sampler = sparring.load(run.path)
    two = sampler.sample(3, seed=1, condition=["light", "Dark"])
    assert two.shape == (6, 1, 16, 16)
    assert np.array_equal(two[:3], sampler.sample(3, seed=1, condition="light"))
    assert np.array_equal(two[3:], sampler.sample(3, seed=1, condition=torch.zeros(3, dtype=torch.int64)))
    assert not np.array_equal(two[:3], two[3:])
    # A picture depends on its number, its seed and its condition alone.
    assert np.array_equal(two[2:3], sampler.sample(1, seed=1, start=2, condition="light"))
    way = sampler.interpolate("dark", "light", n=2, seed=1, steps=3).reshape(2, 3, 1, 16, 16)
    assert np.array_equal(way[:, 0], two[3:5])
    assert np.array_equal(way[:, 2], two[:2])
    with pytest.raises(SparringError, match="did you mean 'light'"):
        sampler.sample(1, condition="lihgt")


def test_captions_are_sampled_by_the_embedder_of_the_run(shades: Path, tiny: Recipe, tmp_path: Path) -> None:
    run = train(shades, tiny, tmp_path / "run", condition="text", embed=letters)
    with pytest.raises(SparringError, match="nothing that turns them into numbers"):
        sparring.load(run.path).sample(1, condition="a dark disc")
    sampler = sparring.load(run.path, embed=letters)
    told = torch.from_numpy(letters(["a dark disc"])).expand(2, -1)
    assert np.array_equal(sampler.sample(2, condition="a dark disc"), sampler.sample(2, condition=told))
    assert sparring.load(run.path).sample(5).shape == (5, 1, 16, 16)  # of conditions that were trained on


def test_pictures_without_a_condition_are_left_out_and_listed(shades: Path, tiny: Recipe, tmp_path: Path) -> None:
    lines = (shades / "metadata.csv").read_text().splitlines()
    (shades / "metadata.csv").write_text("\n".join(line for line in lines if "number 3" not in line) + "\n")
    said: list[str] = []
    run = train(shades, tiny, tmp_path / "run", condition="text", embed=letters, say=said.append)
    assert any("3 of 30 pictures have no caption" in line for line in said)
    listed = (run.path / "left_out.csv").read_text().splitlines()
    assert listed[1:] == [f"{shade}/3.png,it has no text" for shade in COLOURS]


def test_an_unconditional_generator_is_asked_for_nothing(shades: Path, tiny: Recipe, tmp_path: Path) -> None:
    run = train(shades, tiny, tmp_path / "run")
    with pytest.raises(SparringError, match="trained without conditions"):
        sparring.load(run.path).sample(1, condition="dark")


def test_where_without_what_is_an_error(shades: Path, tiny: Recipe, tmp_path: Path) -> None:
    with pytest.raises(SparringError, match="of what kind is not said"):
        train(shades, tiny, tmp_path / "run", condition_from="labels.csv")


@pytest.mark.parametrize(
    ("changes", "condition", "said"),
    [
        ({"d_conditioning": "none"}, "class", "nothing asks G to follow"),
        ({"mismatch": 0.5}, None, "wrong conditions, and there are none"),
        ({"class_weight": 1.0}, "text", "name classes, and there are none"),
        ({"class_weight": 1.0}, None, "name classes, and there are none"),
        ({"condition_augmentation": True}, None, "nothing stands there"),
        ({"condition_augmentation": True, "g_conditioning": "norm"}, "text", "nothing stands there"),
    ],
)
def test_what_does_not_go_with_the_condition_is_refused_at_the_start(
    changes: dict[str, Any], condition: str | None, said: str, shades: Path, tiny: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(SparringError, match=said):
        train(shades, tiny.but(**changes), tmp_path / "run", condition=condition, embed=letters)
    assert not (tmp_path / "run").exists()


def test_classes_can_be_named_by_d_instead(shades: Path, tiny: Recipe, tmp_path: Path) -> None:
    recipe = tiny.but(d_conditioning="none", class_weight=1.0)
    run = train(shades, recipe, tmp_path / "run", condition="class")
    tick = [event for event in read(run.path / "events.jsonl") if event.kind == "tick"][-1]
    assert {"d_loss_class", "g_loss_class", "g_loss_adversarial"} <= tick.values.keys()


def test_the_command_line(shades: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "run")
    narrow = [word if word != "28" else "16" for word in NARROW]
    assert call("train", str(shades), "--condition", "class", "--steps", "2", "--out", out, *narrow) == 0
    sheet = tmp_path / "sheet.png"
    assert call("sample", out, "-n", "3", "--condition", "dark", "--condition", "2", "-o", str(sheet)) == 0
    with Image.open(sheet) as image:
        assert image.height == 2 * 18 + 2
    (tmp_path / "words.txt").write_text("light\n\ngrey\n")
    array = tmp_path / "pictures.npz"
    assert call("sample", out, "-n", "2", "--conditions", str(tmp_path / "words.txt"), "-o", str(array)) == 0
    with np.load(array, allow_pickle=False) as found:
        assert found["images"].shape == (4, 16, 16, 1)
        assert found["conditions"].tolist() == ["light", "light", "grey", "grey"]
    assert call("sample", out, "-n", "2", "--condition", "dark", "--to", "light", "-o", str(sheet)) == 0
    with Image.open(sheet) as image:
        assert image.height == 2 * 18 + 2
    assert call("sample", out, "-n", "2", "--condition", "dark", "-o", str(tmp_path / "folder")) == 0
    assert [path.name for path in sorted((tmp_path / "folder").iterdir())] == ["00000 dark.png", "00001 dark.png"]
    capsys.readouterr()
    assert call("sample", out, "--condition", "dark", "--condition", "grey", "--to", "light") == 1
    assert "one condition to another, and 2 are given" in capsys.readouterr().err


OWN = """
import torch
from torch import nn


class G(nn.Module):
    def __init__(self, latent=16, classes=3):
        super().__init__()
        self.told = nn.Embedding(classes, 8)
        self.layers = nn.Sequential(nn.Linear(latent + 8, 64), nn.ReLU(), nn.Linear(64, 256), nn.Tanh())

    def forward(self, labels, noise):
        return self.layers(torch.cat([noise, self.told(labels)], 1)).view(-1, 1, 16, 16)


class D(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(256 + classes, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1), nn.Sigmoid())

    def forward(self, img, onehot):
        return self.layers(torch.cat([img.flatten(1), onehot], 1))
"""


def test_own_networks_from_a_file(
    shades: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gans.py").write_text(OWN)
    own = ["--generator", "gans.py:G(16)", "--discriminator", "gans.py:D"]
    narrow = [word if word != "28" else "16" for word in NARROW]
    words = ["train", str(shades), "--condition", "class", "--out", "run", *own, *narrow]
    assert call(*words, "--steps", "4") == 0
    said = capsys.readouterr().err
    assert "before" in said, "nothing says that D's sigmoid is left out"
    assert "sigmoid" in said
    settings = json.loads(Path("run/recipe.json").read_text())
    assert [part["network"] for part in settings["networks"]["files"]] == ["gans.py:G(16)", "gans.py:D"]
    assert str(tmp_path) not in Path("run/recipe.json").read_text()
    assert call(*words, "--steps", "6") == 0
    assert call("sample", "run") == 1
    assert "trained with your own networks" in capsys.readouterr().err
    assert call("sample", "run", "-n", "2", "--condition", "dark", "--trust", "-o", "a.png") == 0
    assert call("sample", "run", "-n", "2", "--condition", "dark", "--generator", "gans.py:G(16)", "-o", "b.png") == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    Path("gans.py").write_text(OWN + "\n# changed\n")
    capsys.readouterr()
    assert call("sample", "run", "-n", "2", "--trust", "-o", "a.png") == 1
    assert "not here as it was" in capsys.readouterr().err


def test_people_s_loaders_give_conditions_with_their_pictures(tiny: Recipe, tmp_path: Path) -> None:
    labels = torch.arange(24) % 3
    pictures = (labels / 2).view(-1, 1, 1, 1).expand(-1, 1, 16, 16) * 2 - 1
    data = torch.utils.data.TensorDataset(pictures, labels)
    run = train(data, tiny, tmp_path / "run", condition="class", size=None, channels="auto", held_out=0)
    assert json.loads((run.path / "recipe.json").read_text())["condition"]["size"] == 3


class SwappedG(nn.Module):
    """Takes the condition first, in one tensor after z."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(19, 256)

    def forward(self, y: Tensor, z: Tensor) -> Tensor:
        return self.layer(torch.cat([z, nn.functional.one_hot(y, 3).float()], 1)).view(-1, 1, 16, 16).tanh()


def test_own_networks_as_objects(shades: Path, tiny: Recipe, tmp_path: Path) -> None:
    _, D = sparring.networks.build("dcgan", 16, 1, 4, 16, sparring.networks.Conditioning("class", 3))
    G = SwappedG()
    before = G.layer.weight.detach().clone()
    run = train(shades, tiny, tmp_path / "run", condition="class", generator=G, discriminator=D)
    assert not torch.equal(G.layer.weight, before)  # the user's own is what is trained
    assert sparring.load(run.path, generator=SwappedG()).sample(2, condition="dark").shape == (2, 1, 16, 16)


def shade(pictures: Tensor) -> Tensor:
    """Features: how dark each quarter is.  # uint8 [N, 1, 16, 16] -> [N, 4]"""
    return nn.functional.avg_pool2d(pictures.float(), 8).flatten(1) / 255


def test_an_evaluation_says_whether_pictures_follow_their_conditions(
    shades: Path, tiny: Recipe, tmp_path: Path
) -> None:
    measured = {"held_out": 24, "evaluate_every": 8, "features": shade, "metric": "fd", "patience": 0}
    run = train(shades, tiny, tmp_path / "run", condition="class", **measured)
    found = [event.values for event in read(run.path / "events.jsonl") if event.kind == "evaluation"]
    assert len(found) == 3
    assert all(0 <= values["obedience"] <= 1 for values in found)
    assert found[0]["obedience_chance"] == pytest.approx(1 / 3)
    assert found[0]["obedience_reals"] > 0.9, "three shades are not hard to tell"
    assert found[0]["obedience_reals"] == found[-1]["obedience_reals"]
