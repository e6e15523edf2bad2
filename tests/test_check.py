"""`sparring check`, `explain`, `rules`: the words, the map, JSON, guesses, mistakes; networks are left as they were."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import sparring
from sparring.cli import main
from sparring.doctor.catalogue import HEADINGS, rule_named, rules
from sparring.doctor.examining import examine
from sparring.doctor.gradient_map import rows
from sparring.doctor.telling import as_text, told
from sparring.errors import SparringError
from sparring.findings import Finding, Remedy, Report

GANS = """
import torch
from torch import nn


class G(nn.Module):
    def __init__(self, latent=32):
        super().__init__()
        self.project = nn.Linear(latent, 16 * 8 * 8)
        self.up = nn.Sequential(
            nn.BatchNorm2d(16), nn.ReLU(), nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh(),
        )

    def forward(self, z):
        return self.up(self.project(z).view(-1, 16, 8, 8))


class D(nn.Module):
    def __init__(self, end=None):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(),
            nn.Linear(16 * 8 * 8, 1),
        )
        self.end = nn.Sigmoid() if end else nn.Identity()

    def forward(self, images):
        return self.end(self.body(images))
"""


@pytest.fixture
def gans(tmp_path: Path) -> Path:
    file = tmp_path / "gans.py"
    file.write_text(GANS)
    return file


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = 0
    try:
        main(words)
    except SystemExit as error:
        code = int(error.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_healthy_pair_gets_its_map_and_exit_code_0(gans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["check", f"{gans}:G", f"{gans}:D", "--latent", "32"], capsys)
    assert code == 0
    assert "Who is updated in which step" in out
    assert "body.0" in out
    assert "-1 to 1" in out  # the guess is said


def test_an_error_is_exit_code_1_and_one_document_with_json(gans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check", f"{gans}:G", f"{gans}:D(end=True)", "--latent", "32", "--loss", "bce-logits", "--json"]
    code, out, _ = run(words, capsys)
    found = json.loads(out)
    assert code == 1
    assert found["ok"] is False
    assert "SP202" in [finding["code"] for finding in found["findings"]]
    assert not set(found["skipped"]) & set(found["judged"])
    assert set(found["skipped"]) | set(found["judged"]) == {c for c in rules() if c.startswith(("SP1", "SP2"))}


def test_one_network_alone_is_looked_at(gans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["check", "none", f"{gans}:D", "--size", "32", "--channels", "3", "--verbose"], capsys)
    assert code == 0
    assert "no generator was given" in out or "both networks are needed" in out
    assert run(["check", f"{gans}:G", "--latent", "32"], capsys)[0] == 0


@pytest.mark.parametrize("ending", [".svg", ".html", ".txt"])
def test_the_map_is_written(gans: Path, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / f"map{ending}"
    run(["check", f"{gans}:G", f"{gans}:D", "--latent", "32", "--map", str(file)], capsys)
    text = file.read_text().replace("&#160;", " ").replace("&#x27;", "'")
    assert "body.0" in text
    assert "G's step" in text


def test_mistakes_are_said_in_words(gans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = [f"{gans}:G", f"{gans}:D"]
    for words, said in (
        ([*both, "--latent", "32", "--loss", "hingee"], "hinge"),
        ([*both, "--latent", "32", "--range", "1:0"], "LOW:HIGH"),
        ([*both, "--latent", "32", "--condition", "clas:3"], "class:10"),
        ([*both, "--latent", "32", "--map", "map.pdf"], ".svg"),
        ([f"{gans}:Gee", both[1]], "known: D, G"),
        (["none", "none"], "no network"),
    ):
        code, out, err = run(["check", *words], capsys)
        assert code == 1, words
        assert said in err, (words, err)
        assert "Traceback" not in err + out


def test_a_file_that_trains_when_it_is_imported_is_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "trains.py"
    file.write_text(
        GANS
        + "\ng = G()\nopt = torch.optim.SGD(g.parameters(), 0.1)\ng(torch.randn(2, 32)).sum().backward()\nopt.step()\n"
    )
    code, _, err = run(["check", f"{file}:G", f"{file}:D"], capsys)
    assert code == 1
    assert "begins to train when it is imported" in err
    assert "__main__" in err


def test_networks_are_as_they_were() -> None:
    space: dict[str, object] = {}
    exec(GANS, space)
    g, d = space["G"](), space["D"]()  # type: ignore[operator]
    g.up[0].eval()  # a mode of its own
    for param in d.body[0].parameters():
        param.requires_grad_(False)
    next(g.parameters()).grad = torch.ones_like(next(g.parameters()))

    def state() -> list[object]:
        tensors = [t.clone() for net in (g, d) for t in net.state_dict().values()]
        modes = [m.training for net in (g, d) for m in net.modules()]
        flags = [p.requires_grad for net in (g, d) for p in net.parameters()]
        hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for net in (g, d) for m in net.modules()]
        grads = [None if p.grad is None else p.grad.clone() for net in (g, d) for p in net.parameters()]
        return [tensors, modes, flags, hooks, grads, torch.get_rng_state()]

    def same(a: object, b: object) -> bool:
        if isinstance(a, torch.Tensor):
            return torch.equal(a, b)  # type: ignore[arg-type]
        return all(map(same, a, b)) if isinstance(a, list) else a == b  # type: ignore[call-overload]

    before = state()
    examine(g, d, latent=32, loss="hinge")
    assert all(same(a, b) for a, b in zip(before, state(), strict=True))


def test_the_map_tells_who_is_updated() -> None:
    space: dict[str, object] = {}
    exec(GANS, space)
    g, d = space["G"](), space["D"]()  # type: ignore[operator]
    for param in d.body[0].parameters():
        param.requires_grad_(False)
    found = examine(g, d, latent=32)
    table = {row.layer: row for row in rows((found.generator, found.discriminator))}  # type: ignore[arg-type]
    assert (table["project"].d_step, table["project"].g_step) == ("", "updated")
    assert (table["body.2"].d_step, table["body.2"].g_step) == ("updated", "passed")
    assert (table["body.0"].d_step, table["body.0"].state) == ("frozen", "frozen")
    assert table["project"].reached_from == ("z",)


def test_data_from_a_folder_of_ones_own_range(gans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(8):
        Image.new("RGB", (40, 40), (30 * i, 100, 255 - 30 * i)).save(folder / f"{i}.png")
    words = ["check", f"{gans}:G", f"{gans}:D", "--latent", "32", "--data", str(folder), "--range", "0:255", "--json"]
    found = json.loads(run(words, capsys)[1])
    assert "SP201" in [finding["code"] for finding in found["findings"]]  # tanh against 0..255


def test_every_rule_has_its_page() -> None:
    for rule in rules().values():
        for heading in HEADINGS:
            assert f"## {heading}\n" in rule.page, (rule.code, heading)
        assert rule.title.endswith("."), rule.code
        assert rule_named(rule.name) is rule
        assert rule_named(rule.code.lower()) is rule


def test_rules_are_pure_functions_and_import_no_torch() -> None:
    code = "import sys; from sparring.doctor.catalogue import rules; print(len(rules()), 'torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split()[1] == "False"


def test_explain_and_rules(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["explain", "input-unreachable"], capsys)
    assert code == 0
    assert "SP101" in out
    assert "## Why it hurts" in out
    code, _, err = run(["explain", "SP999"], capsys)
    assert code == 1
    assert "no rule 'SP999'" in err
    code, out, _ = run(["rules", "--json"], capsys)
    listed = json.loads(out)["rules"]
    assert [rule["code"] for rule in listed] == list(rules())


def test_reports_go_to_json_and_back() -> None:
    finding = Finding("SP101", "input-unreachable", "error", "certain", "x", {"a": 1.0}, "D", (Remedy("r", {"r1": 1}),))
    report = Report((finding,), {"SP108": ["compiled"]}, ("SP101",), ("note",))
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert "SP101" in as_text(told(report))


def test_check_is_a_verb() -> None:
    assert sparring.check(discriminator=nn.Sequential(nn.Flatten(), nn.Linear(48, 1)), size=4, channels=3).ok
    with pytest.raises(SparringError, match="no network"):
        sparring.check()


def test_train_looks_first_and_stops_on_an_error(
    gans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gans.write_text(GANS.replace("return self.up(self.project(z)", "return self.up(self.project(0 * z)"))
    pictures = tmp_path / "pictures.npy"
    np.save(pictures, np.random.default_rng(0).integers(0, 255, (20, 32, 32, 3), dtype=np.uint8))
    out = tmp_path / "run"
    words = [
        "train",
        str(pictures),
        "--size",
        "32",
        "--steps",
        "2",
        "--batch",
        "8",
        "--out",
        str(out),
        "--set",
        "latent=32",
    ]
    words += ["--generator", f"{gans}:G", "--discriminator", f"{gans}:D"]
    code, _, err = run(words, capsys)
    assert code == 1
    assert "SP101" in err
    assert "--force" in err
    assert not out.exists()  # nothing was begun
    assert run([*words, "--force"], capsys)[0] == 0
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    found = [event for event in events if event["event"] == "finding"]
    assert "SP101" in [event["code"] for event in found]
    # A run that goes on is not looked at again.
    words[words.index("--steps") + 1] = "3"
    assert run(words, capsys)[0] == 0
    again = (out / "events.jsonl").read_text().splitlines()
    assert len([line for line in again if json.loads(line)["event"] == "finding"]) == len(found)


def test_a_log_is_diagnosed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from seed_003_rows import FIRST, D, G

    log = tmp_path / "train.log"
    rows = enumerate(zip(D, G, strict=True))
    text = [f"[{40 + i // 157}/500][{i % 157}/157] Loss_D: {d:.4f} Loss_G: {g:.4f}" for i, (d, g) in rows]
    log.write_text(" ".join(text))
    code, out, _ = run(["diagnose", str(log)], capsys)
    assert code == 0  # warnings, no error
    for word in ("SP401", "SP502", "SP505"):
        assert word in out
    found = json.loads(run(["diagnose", str(log), "--json"], capsys)[1])
    spike = next(finding for finding in found["findings"] if finding["code"] == "SP502")
    assert FIRST + 112 in [int(number) for number in spike["evidence"].values()]
    assert sparring.diagnose(log).codes == [finding["code"] for finding in found["findings"]]
    assert run(["diagnose", str(tmp_path / "none.log")], capsys)[0] == 1
    assert run(["diagnose", str(log), "--names", "d_loss"], capsys)[0] == 1
