"""The rules about pictures (SP3), and the scan that they judge by."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pictures_of_all_kinds import color_ramp, folder_of_noise, grey_ramp, png_that_claims
from sparring.data import open_data
from sparring.doctor import catalogue
from sparring.doctor.faults import Case, bad, good
from sparring.doctor.faults._pictures import drawn
from sparring.doctor.pictures import repeats
from sparring.doctor.pictures import scan as scanning
from sparring.doctor.pictures import words as data_words
from sparring.doctor.pictures.facts import Captions, Channel, DataFacts, Repeats
from sparring.doctor.pictures.report import contact_sheet, examine_data
from sparring.doctor.pictures.scan import facts_of, scan
from sparring.errors import SparringError

CODES = [f"SP{number}" for number in range(301, 311)]
BAD = [(code, case) for code in CODES for case in bad(code)]
GOOD = [(code, case) for code in CODES for case in good(code)]


def facts(source: Any, **reading: Any) -> DataFacts:
    found = scan(source, **reading)["pictures"]
    assert isinstance(found, DataFacts)
    return found


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(("code", "case"), BAD, ids=[f"{code} {case.name}" for code, case in BAD])
def test_a_planted_fault_is_found(code: str, case: Case, tmp_path: Path) -> None:
    arguments = case.build(tmp_path)
    before = contents(tmp_path)
    report = examine_data(**arguments)
    assert contents(tmp_path) == before
    loud = {finding.code for finding in report.findings if finding.severity != "info"}
    assert loud == {code, *case.also}
    for finding in report.findings:
        assert finding.message.endswith(".")
        assert finding.remedies
        json.dumps(finding.to_dict(), allow_nan=False)


@pytest.mark.parametrize(("code", "case"), GOOD, ids=[f"{code} {case.name}" for code, case in GOOD])
def test_a_healthy_neighbour_is_silent(code: str, case: Case, tmp_path: Path) -> None:
    report = examine_data(**case.build(tmp_path))
    assert [finding.message for finding in report.findings if finding.severity != "info"] == []
    assert {*report.judged, *report.skipped} == set(CODES)


def test_every_rule_has_its_page_and_its_thresholds() -> None:
    found = {code: rule for code, rule in catalogue.rules().items() if code.startswith("SP3")}
    assert list(found) == CODES
    for rule in found.values():
        places = [rule.page.index(f"\n## {heading}\n") for heading in catalogue.HEADINGS]
        assert places == sorted(places)
        assert rule.needs == ("pictures",)
        assert rule.severity == "warning"
        assert rule.thresholds
        file = sys.modules[rule.judge.__module__].__file__
        assert file is not None
        assert Path(file).stem == rule.name.replace("-", "_")


def test_the_rules_import_no_torch_and_no_numpy() -> None:
    code = """
import importlib, pkgutil, sys
import sparring.doctor.rules.data as rules
for module in pkgutil.iter_modules(rules.__path__):
    importlib.import_module(f"{rules.__name__}.{module.name}")
print("torch" in sys.modules, "numpy" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]


def test_odd_and_broken_files_never_raise(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder_of_noise(folder, 3)
    color, grey = Image.fromarray(color_ramp()), Image.fromarray(grey_ramp())
    hole = color.convert("RGBA")
    hole.paste((0, 0, 0, 0), (0, 0, 5, 9))
    Image.fromarray(grey_ramp().astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(grey_ramp().astype(np.float32) / 255).save(folder / "float.tif")
    hole.quantize(16, method=Image.Quantize.FASTOCTREE).save(folder / "palette-alpha.png")
    color.convert("CMYK").save(folder / "print.jpg")
    grey.save(folder / "grey.png")
    hole.convert("LA").save(folder / "grey-alpha.png")
    grey.convert("1").save(folder / "bits.png")
    Image.new("RGB", (1, 1), "red").save(folder / "pixel.png")
    Image.new("RGB", (1, 500), "red").save(folder / "line.png")
    color.save(folder / "whole.jpg")
    raw = (folder / "whole.jpg").read_bytes()
    broken = {"cut.jpg": raw[: len(raw) // 2], "empty.png": b"", "text.png": b"hello", "huge.png": png_that_claims(10**6, 10**6)}  # fmt: skip # noqa: E501
    for name, content in broken.items():
        (folder / name).write_bytes(content)
    (folder / "nowhere.png").symlink_to(tmp_path / "not there")
    (folder / "folder.png").mkdir()
    before = contents(folder)
    for channels in (1, 3, 4, "auto"):
        found = facts(str(folder), size=16, channels=channels)
        assert {path for path, _ in found.unreadable} == {*broken, "nowhere.png", "folder.png"}
        assert found.n == 13 == len(found.paths) == len(found.deviations) == sum(found.modes.values())
        assert found.n_files == found.n + len(found.unreadable)
        assert sum(deviation < 1 / 255 for deviation in found.deviations) == 2
        report = examine_data(str(folder), size=16, channels=channels)
        assert {"SP301", "SP303", "SP304", "SP306"} <= set(report.codes)
        assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    assert contents(folder) == before


def test_where_nothing_can_be_used_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(SparringError, match=r"None of the 1 pictures.*the file is empty"):
        examine_data(str(tmp_path))
    folder_of_noise(tmp_path, 3)
    with pytest.raises(SparringError, match="name no class"):
        examine_data(str(tmp_path), size=16, condition="class")


@given(
    shape=st.tuples(st.integers(1, 12), st.integers(4, 11), st.sampled_from([1, 3, 4])),
    seed=st.integers(0, 2**32 - 1),
    chosen=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_the_facts_are_what_numpy_says(shape: tuple[int, int, int], seed: int, chosen: st.DataObject) -> None:
    n, side, channels = shape
    rng = np.random.default_rng(seed)
    originals = rng.integers(0, 256, (n, side, side, channels), dtype=np.uint8)
    originals[rng.random(n) < 0.3] = rng.integers(0, 256, channels)  # plain ones
    places = chosen.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=20))
    pictures = originals[places]
    found = facts(pictures)
    assert (found.n, found.n_files, found.size_px, found.channels) == (len(places), len(places), side, channels)
    np.testing.assert_allclose(found.deviations, pictures.std((1, 2)).max(1) / 255, atol=1e-9)
    for c, channel in enumerate(found.channel_facts):
        values = pictures[..., c] / 255
        expected = [values.min(), values.max(), values.mean(), values.std()]
        np.testing.assert_allclose(
            [channel.lowest, channel.highest, channel.mean, channel.deviation], expected, atol=1e-7
        )
    different = len(np.unique(pictures.reshape(len(places), -1), axis=0))
    assert found.exact.n == len(places) - different
    assert found.exact.groups == sum(n > 1 for n in Counter(picture.tobytes() for picture in pictures).values())
    assert found.exact.n + found.near.n < found.n


def test_the_size_of_the_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = drawn(120, 16)
    pictures[60:80] = pictures[:20] + np.uint8(1)  # near copies, but for 255
    before = facts(pictures)
    monkeypatch.setattr(scanning, "_BYTES", 1)
    monkeypatch.setattr(repeats, "_BYTES", 1)
    assert facts(pictures) == before


@given(seed=st.integers(0, 1000), noise=st.integers(0, 3), n=st.integers(2, 150))
@settings(max_examples=25, deadline=None)
def test_near_copies_are_found_and_others_are_not(seed: int, noise: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    originals = drawn(150, 16, seed)
    changed = originals[:n] + rng.integers(-noise, noise + 1, originals[:n].shape)
    found = facts(np.concatenate([originals, changed.clip(0, 255).astype(np.uint8)]))
    assert facts(originals).near.n == 0
    assert found.exact.n + found.near.n >= 0.98 * n
    assert found.exact.n + found.near.n <= n
    for first, *others in found.near.examples:
        assert {(int(other) - int(first)) % 150 for other in others} == {0}


def test_copies_saved_as_jpeg_in_another_size_are_found() -> None:
    def saved(picture: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(picture).resize((200, 200)).save(file, "JPEG", quality=60)
        return np.asarray(Image.open(file).resize((32, 32), Image.Resampling.BOX))

    originals = drawn(80, 128)
    small = np.stack([np.asarray(Image.fromarray(p).resize((32, 32), Image.Resampling.BOX)) for p in originals])
    found = facts(np.concatenate([small, np.stack([saved(picture) for picture in originals[:30]])]))
    assert found.near.n >= 28


def some_facts() -> st.SearchStrategy[DataFacts]:
    n = st.integers(1, 5_000)
    share = st.floats(0, 1)
    side = st.integers(1, 4_000)
    modes = st.dictionaries(st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"]), n, min_size=1)
    copies = st.builds(Repeats, n=n, groups=n, examples=st.just((("a", "b"),)), largest=n) | st.just(Repeats())
    return st.builds(
        lambda modes, **rest: DataFacts("x", 9, 9, modes=modes, mode_examples=dict.fromkeys(modes, "a.png"), **rest),
        modes=modes,
        size_px=st.sampled_from([16, 64, 256]),
        channels=st.sampled_from([1, 3, 4]),
        fit=st.sampled_from(["crop", "pad", "squeeze"]),
        unreadable=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=20))).map(tuple),
        sizes=st.dictionaries(st.tuples(side, side), n, min_size=1),
        paths=st.just(("a.png", "b.png")),
        deviations=st.tuples(share, share),
        channel_facts=st.lists(st.builds(Channel, st.just("red"), share, share, share, share)).map(tuple),
        exact=copies,
        near=copies,
        condition=st.sampled_from(["", "class", "text", "vector"]),
        missing=st.lists(st.text(max_size=5)).map(tuple),
        classes=st.none() | st.dictionaries(st.text(max_size=5), n, min_size=2),
        captions=st.none() | st.just(Captions(1, "a", 1)),
    )


@given(some_facts())
@settings(max_examples=80, deadline=None)
def test_no_rule_raises_whatever_the_facts(pictures: DataFacts) -> None:
    report = catalogue.judge({"pictures": pictures}, among=("SP3",))
    assert {*report.judged, *report.skipped} == set(CODES)
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_loader_is_listed_as_not_judged() -> None:
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(8, 3, 16, 16)), batch_size=4)
    report = examine_data(loader)
    assert report.findings == ()
    assert report.skipped == {code: ["pictures"] for code in CODES}
    assert "were not looked at" in report.notes[-1]
    with pytest.raises(SparringError, match="sheet"):
        contact_sheet(loader)


def test_pictures_that_are_held_out_and_conditions_of_the_user_count(tmp_path: Path) -> None:
    folder_of_noise(tmp_path, 12)
    found = facts(str(tmp_path), size=16, condition="class", condition_from={f"{i:02d}.png": i % 2 for i in range(10)})
    assert found.classes == {"0": 5, "1": 5}
    assert found.missing == ("10.png", "11.png")
    assert (found.n, found.trained) == (12, 10)
    data = open_data(str(tmp_path), size_px=16).part(np.arange(6))
    assert facts_of(data)["pictures"].n == 12
    found = facts(str(tmp_path), size=16, condition="text", condition_from={f"{i:02d}.png": "noise" for i in range(12)})
    assert found.captions == Captions(1, "noise", 12)


def test_emoji_have_no_fault() -> None:
    found = facts("emoji")
    assert found.built_in
    assert (found.dropped, found.exact.n, found.unreadable) == (33, 0, ())
    # Norway and Bouvet Island fly one flag; Indonesia's is Monaco's but for its shape.
    assert {("1f1e7-1f1fb.png", "1f1f3-1f1f4.png"), ("1f1ee-1f1e9.png", "1f1f2-1f1e8.png")} <= set(found.near.examples)
    assert found.near.n < 20
    for condition in ("none", "class", "text"):
        report = examine_data("emoji", condition=condition)
        assert report.findings == ()
        assert len(report.judged) == {"none": 8, "class": 10, "text": 9}[condition]


def test_the_words_name_what_is_there(tmp_path: Path) -> None:
    case = bad("SP301")[0]
    (tmp_path / "pictures").mkdir()
    reading = case.build(tmp_path / "pictures")
    words = data_words.data_words(**reading, sheet=tmp_path / "sheet.png", n=9)
    assert "151 pictures of 160 files" in words.text
    assert "24 x 24 (151)" in words.text
    assert "unusable   9 files" in words.text
    assert "SP303 too-few-images" in words.text
    assert "augment=color,translation,cutout" in words.text
    assert "SP308 class-imbalance: no classes were asked for" in words.text
    assert words.report == examine_data(**reading)
    assert json.loads(json.dumps(words.about))["n"] == 151
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * 26 + 2, 3 * 26 + 2)
    assert contact_sheet(**reading, n=4).shape == (54, 54, 3)
    with pytest.raises(SparringError, match=r"no \.png"):
        data_words.data_words(**reading, sheet=tmp_path / "sheet.jpg")
    with pytest.raises(SparringError, match="one of the pictures"):
        data_words.data_words(**reading, sheet=tmp_path / "pictures" / "sheet.png")
    healthy = data_words.data_words(drawn(1_000, 8))
    assert "Nothing found; 8 rules looked" in healthy.text


def test_conditions_stand_in_the_words(tmp_path: Path) -> None:
    words = data_words.data_words(**bad("SP309")[1].build(tmp_path))
    assert "captions   135 different" in words.text
    assert "15 pictures without a caption" in words.text
    assert "numbers each" not in words.text
