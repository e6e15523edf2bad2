"""FILE:EXPR: which network it is, what runs on the way, and what is said when it cannot be had."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sparring.errors import SparringError
from sparring.networks.brought.code import describe, load_network, load_networks, read_spec

GAN = """
import torch
from torch import nn

from layers import Wide

print("imported")
RUNS = []
RUNS.append(1)


class G(nn.Module):
    def __init__(self, latent=100, *, norm=None, sizes=(1, 2)):
        super().__init__()
        self.latent, self.norm, self.sizes, self.inner = latent, norm, sizes, Wide(3)


class Needs(nn.Module):
    def __init__(self, latent, width=8, *, depth):
        super().__init__()


class GAN:
    made = 0

    def __init__(self, latent=100):
        GAN.made += 1
        self.latent = latent
        self.generator, self.discriminator = nn.Linear(latent, 4), nn.Linear(4, 1)

    def build(self, n=1):
        return nn.ModuleList([nn.Linear(n, n), nn.Linear(2, 2)])


def make(latent=64):
    print("made")
    return nn.Linear(latent, 4), {"d": nn.Linear(4, 1)}


def nothing():
    pass


class Moody:
    @property
    def generator(self):
        raise RuntimeError("not today")


def breaks():
    return 1 / 0


ready = nn.Linear(7, 7)
_hidden = 1
pair = [nn.Linear(1, 1), nn.Linear(2, 2)]

if __name__ == "__main__":
    raise RuntimeError("trained")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with gan.py and a helper beside it, in which we are."""
    (tmp_path / "gan.py").write_text(GAN)
    (tmp_path / "layers.py").write_text(
        "from torch import nn\nclass Wide(nn.Linear):\n    def __init__(self, n): super().__init__(n, n)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sparring", "train", "--generator", "x"])
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    before = list(sys.argv), list(sys.path), sys.stdout
    yield tmp_path
    assert (sys.argv, sys.path, sys.stdout) == before
    assert Path.cwd() == tmp_path
    assert not list(tmp_path.rglob("__pycache__"))


def widths(network: nn.Module) -> tuple[int, int]:
    assert isinstance(network, nn.Linear)
    return network.in_features, network.out_features


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ready", (7, 7)),
        ("pair[1]", (2, 2)),
        ("pair[-2]", (1, 1)),
        ("GAN().generator", (100, 4)),
        ("GAN(latent=9).generator", (9, 4)),
        ("GAN( 9 ) . generator", (9, 4)),
        ("make()[0]", (64, 4)),
        ("make(latent=5)[0]", (5, 4)),
        ("make()[1]['d']", (4, 1)),
        ("GAN().build(3)[0]", (3, 3)),
        ("G().inner", (3, 3)),
        ("layers_of", (1, 2)),
    ],
)
@pytest.mark.parametrize("file", ["gan.py", "./gan.py", "gan", "absolute"])
def test_what_an_expression_gives(folder: Path, expression: str, expected: tuple[int, int], file: str) -> None:
    with (folder / "gan.py").open("a") as more:
        more.write("\nlayers_of = lambda: nn.Linear(1, 2)\n")
    file = str(folder / "gan.py") if file == "absolute" else file
    assert widths(load_network(f"{file}:{expression}")) == expected


def test_arguments_are_literals_and_names(folder: Path) -> None:
    G: Any = load_network('gan.py:G(7, norm=nn.BatchNorm2d, sizes=[1, -2.5, ("a", {"b": None}, {True})])')
    assert (G.latent, G.norm, G.sizes) == (7, nn.BatchNorm2d, [1, -2.5, ("a", {"b": None}, {True})])
    assert load_network("gan.py:G").latent == 100  # a class that needs no arguments is called


def test_equal_prefixes_are_built_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One GAN, one call of the factory, one run of the file: what G and D share there, they share here."""
    (folder / "gan.py").write_text(GAN.replace("self.latent = latent", "self.latent, self.made_as = latent, GAN.made"))
    with (folder / "gan.py").open("a") as more:
        more.write(
            "\nclass Knows(GAN):\n    def __init__(self):\n        super().__init__()\n"
            "        self.generator.gan = self.discriminator.gan = [self, RUNS]\n"
        )
    G, D = load_networks("gan.py:Knows().generator", "./gan.py:Knows( ).discriminator")
    assert G.gan[0] is D.gan[0]
    G, D = load_networks("gan.py:make()[0]", "gan.py:make()[1]['d']")
    said = capsys.readouterr()
    assert said.err.splitlines() == ["imported", "imported", "made"]
    assert said.out == ""


def test_other_arguments_are_another_instance(folder: Path) -> None:
    G, D = load_networks("gan.py:GAN(8).generator", "gan.py:GAN(9).generator")
    assert (widths(G), widths(D)) == ((8, 4), (9, 4))
    one, other = load_networks("gan.py:G(norm=GAN())", "gan.py:G(5, norm=GAN())")
    assert one.norm is not other.norm  # an argument is no prefix
    one, other = load_networks("gan.py:G(GAN())", "gan.py:G(GAN(), norm=1)")
    assert one.latent is not other.latent


def test_the_same_network_twice_is_an_error(folder: Path) -> None:
    with pytest.raises(SparringError, match="one and the same network"):
        load_networks("gan.py:ready", "gan.py:ready")


def test_files_are_read_anew_with_what_lies_beside_them(folder: Path) -> None:
    """Two folders with a layers.py each, and a layers.py that has changed since."""
    other = folder / "other"
    other.mkdir()
    (other / "gan.py").write_text(GAN)
    (other / "layers.py").write_text(
        "from torch import nn\nclass Wide(nn.Linear):\n    def __init__(self, n): super().__init__(n, 99)\n"
    )
    G, D = load_networks("gan.py:G().inner", "other/gan.py:G().inner")
    assert (widths(G), widths(D)) == ((3, 3), (3, 99))
    assert widths(load_network("other/gan.py:G().inner")) == (3, 99)
    assert widths(load_network("gan.py:G().inner")) == (3, 3)


def test_a_file_of_a_package_may_import_its_neighbours(folder: Path) -> None:
    package = folder / "models"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text("from torch import nn\nclass Part(nn.Linear):\n    pass\n")
    (package / "nets.py").write_text("from .parts import Part\ndef G():\n    return Part(2, 3)\n")
    assert widths(load_network("models/nets.py:G")) == (2, 3)
    assert widths(load_network("models.nets:G")) == (2, 3)


def test_a_file_may_bear_the_name_of_a_package(folder: Path) -> None:
    import numpy

    (folder / "numpy.py").write_text("from torch import nn\nG = nn.Linear(1, 1)\n")
    assert widths(load_network("numpy.py:G")) == (1, 1)
    assert sys.modules["numpy"] is numpy


def test_what_a_file_does_to_its_surroundings_is_undone(folder: Path) -> None:
    (folder / "wild.py").write_text(
        "import os, sys\nfrom torch import nn\n"
        "sys.argv.append('x')\nsys.argv = ['y']\nos.chdir('/')\nG = nn.Linear(1, 1)\n"
    )
    load_network("wild.py:G")  # the fixture looks


def test_a_file_sees_no_arguments(folder: Path) -> None:
    (folder / "args.py").write_text(
        "import argparse\nfrom torch import nn\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--latent', type=int, default=3)\nG = nn.Linear(parser.parse_args().latent, 1)\n"
    )
    assert widths(load_network("args.py:G")) == (3, 1)


def test_weights_come_from_the_random_state(folder: Path) -> None:
    networks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        networks.append(load_network("gan.py:GAN().generator"))
    assert torch.equal(networks[0].weight, networks[1].weight)
    assert not torch.equal(networks[0].weight, networks[2].weight)


def test_files_run_within_what_importing_sets_up(folder: Path) -> None:
    (folder / "stand.py").write_text(
        "import standing_in\nfrom torch import nn\n"
        "def G():\n    import standing_in\n    return nn.Linear(standing_in.width, 1)\n"
    )

    @contextlib.contextmanager
    def stand_in() -> Iterator[None]:
        module = type(sys)("standing_in")
        module.width = 6
        sys.modules["standing_in"] = module
        try:
            yield
        finally:
            del sys.modules["standing_in"]

    assert widths(load_network("stand.py:G", importing=stand_in())) == (6, 1)
    with pytest.raises(SparringError, match=r"No module named 'standing_in' \(stand.py, line 1\)"):
        load_network("stand.py:G")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("gan.py", r"'gan.py' names no network[\s\S]*gan.py defines G, Needs, GAN, make, nothing"),
        ("gan.py:", r"'gan.py:' names no network"),
        ("gna.py:G", r"no file gna.py[\s\S]*did you mean 'gan.py'"),
        ("nowhere/gan.py:G", r"no file nowhere/gan.py[\s\S]*no .py file in nowhere"),
        ("gna:G", r"no module 'gna'[\s\S]*did you mean 'gan'"),
        ("torch.nowhere:G", r"no module 'torch.nowhere'"),
        ("math:pi", r"'math' has no .py file|no module 'math'"),
        ("models/gan:G", r"neither a .py file nor a module"),
        ("gan.py:Generato", r"gan.py has no 'Generato'[\s\S]*known: G, GAN"),
        ("gan.py:mak()", r"did you mean 'make'"),
        ("gan.py:GAN().generater", r"GAN\(\) has no 'generater'[\s\S]*did you mean 'generator'"),
        ("gan.py:GAN.generator", r"GAN is a class[\s\S]*gan.py:GAN\(\).generator"),
        ("gan.py:Needs", r"Needs needs arguments: Needs\(latent, width=8, \*, depth\)[\s\S]*\(latent=..., depth=...\)"),
        ("gan.py:G(1, 2)", r"G\(1, 2\) failed: TypeError: .*positional argument"),
        ("gan.py:make", r"gan.py:make\(\) gives a tuple[\s\S]*it holds some: make\(\)\[0\]"),
        ("gan.py:GAN", r"gan.py:GAN\(\) gives a GAN[\s\S]*GAN\(\).generator, GAN\(\).discriminator"),
        ("gan.py:pair", r"gives a list[\s\S]*pair\[0\], pair\[1\]"),
        ("gan.py:nothing", r"gives nothing \(None\)"),
        ("gan.py:RUNS[0]", r"gives a int"),
        ("gan.py:RUNS[0]()", r"a int cannot be called"),
        ("gan.py:breaks", r"breaks\(\) failed: ZeroDivisionError: division by zero \(gan.py, line 51\)"),
        ("gan.py:pair[5]", r"pair\[5\] could not be looked up: IndexError"),
        ("gan.py:G({[1]: 2})", r"could not be looked up: TypeError: .*unhashable"),
        ("gan.py:Moody().generator", r"\(\).generator could not be looked up: .*: not today \(gan.py, line 47\)"),
        ("gan.py:G(", r"'G\(' cannot be read"),
        ("gan.py:G('\0')", r"cannot be read"),
        ("gan.py:G(1 + 1)", r"'1 \+ 1' in 'G\(1 \+ 1\)' is not looked up here"),
        ("gan.py:[G for _ in (1,)][0]", r"is not looked up here"),
        ("gan.py:G(**{'latent': 1})", r"is not looked up here"),
        ("gan.py:G(*[1])", r"is not looked up here"),
        ("gan.py:pair[make()]", r"is not looked up here"),
        ("gan.py:(lambda: G())()", r"is not looked up here"),
        ("gan.py:__import__('os').system('true')", r"gan.py has no '__import__'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(folder: Path, spec: str, words: str) -> None:
    with pytest.raises(SparringError, match=words):
        load_network(spec)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\nimport nowhere_at_all\n", r"'nowhere_at_all' \(bad.py, line 2\)[\s\S]*install nowhere_at_all"),
        ("x = 1\n\ny = x.z\n", r"bad.py could not be imported: AttributeError: .*\(bad.py, line 3\)"),
        ("def f(:\n", r"SyntaxError: .*\(bad.py, line 1\)"),
        ("import helper\n", r"ValueError: from helper \(helper.py, line 2\)"),
        ("import sys\nsys.exit(3)\n", r"it ends the program \(bad.py, line 2\)[\s\S]*__main__"),
        (
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('data')\np.parse_args()\n",
            r"it ends the program \(bad.py, line 4\)",
        ),
        ("from .helper import x\n", r"relative import[\s\S]*put an __init__.py beside it"),
        ("\xff".encode("latin-1"), r"bad.py could not be imported: SyntaxError"),
    ],
)  # fmt: skip
def test_a_file_that_fails_is_named_with_its_line(folder: Path, text: str | bytes, words: str) -> None:
    (folder / "helper.py").write_text("\nraise ValueError('from helper')\n")
    (folder / "bad.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SparringError, match=words):
        load_network("bad.py:G")
    assert not any(name.startswith("sparring_own_bad") for name in sys.modules)


def test_what_a_run_remembers(folder: Path) -> None:
    """No path, nothing run, and plain data."""
    (folder / "gan.py").write_text(GAN + "\nraise RuntimeError('it was run')\n")
    digest = hashlib.sha256((folder / "gan.py").read_bytes()).hexdigest()
    for spec in ("gan.py:G( 100,norm = None ).inner", f"{folder}/gan.py:G(100, norm=None).inner"):
        told = describe(spec)
        assert told == {
            "network": "gan.py:G(100, norm=None).inner",
            "arguments": ["100", "norm=None"],
            "sha256": digest,
        }
        assert json.loads(json.dumps(told)) == told
    assert describe("gan:GAN(8).build(n=2)[0]") == {
        "network": "gan:GAN(8).build(n=2)[0]", "arguments": ["8", "n=2"], "sha256": digest,
    }  # fmt: skip


@given(st.text(max_size=30))
def test_no_expression_is_a_crash(text: str) -> None:
    """Whatever is typed is read or refused in words; reading runs nothing."""
    try:
        spec = read_spec(f"gan.py:{text}")
    except SparringError:
        return
    assert read_spec(f"gan.py:{spec.expression}").expression == spec.expression


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=8,
))  # fmt: skip
def test_every_literal_arrives(value: Any) -> None:
    place = Path(os.environ["SPARRING_CACHE"])
    (place / "echo.py").write_text(
        "from torch import nn\nclass G(nn.Module):\n"
        "    def __init__(self, value):\n        super().__init__()\n        self.value = [value]\n"
    )
    assert load_network(f"{place / 'echo.py'}:G({value!r})").value == [value]
