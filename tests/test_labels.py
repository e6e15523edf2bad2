"""Conditions read from whatever lies with the pictures, or from what the user names; what is missing is listed."""

from __future__ import annotations

import csv
import io
import json
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pictures_of_all_kinds import SIDE, folder_of_noise, random_color
from sparring.conditions import Conditions
from sparring.data import open_data, read_conditions
from sparring.data.label_names import Names, reader_of, words_of
from sparring.data.label_tables import file_column, parse_table, value_columns
from sparring.errors import SparringError
from test_data_builtin import fashion_folder, needs_emoji


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path_factory.mktemp("cache")))


def paint(folder: Path, *paths: str) -> Path:
    for seed, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random_color(seed)).save(folder / path)
    return folder


def zipped(folder: Path) -> Path:
    file = folder.with_suffix(".zip")
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder).as_posix())
    return file


def embed(captions: list[str]) -> list[list[float]]:
    """Numbers that tell captions apart: their first letter, and their length."""
    return [[ord(caption[0]) / 128, len(caption) / 10] for caption in captions]


def read(source: Any, kind: str, where: Any = None, **options: Any) -> tuple[Conditions, list[str]]:
    return read_conditions(source, open_data(source, size_px=SIDE), kind, where, **{"embed": embed, **options})


def by_path(source: Any, kind: str, where: Any = None) -> dict[str, Any]:
    """What each picture's condition is called, or the numbers of a vector, by its path."""
    conditions, _ = read(source, kind, where)
    rows = open_data(source, size_px=SIDE).table()
    called = conditions.values.tolist() if kind == "vector" else conditions.captions
    return {row.path: called[row.row] for row in rows if row.row is not None and conditions.has(row.row)}


# --- where nothing is named ---


def test_classes_from_folders(tmp_path: Path) -> None:
    folder = paint(tmp_path / "pets", "dog/1.png", "dog/2.png", "Cat/a/1.png", "Cat/b/1.png", "cat.png")
    for source in (folder, zipped(folder)):
        conditions, missing = read(source, "class")
        assert conditions.shape.to_dict() == {"kind": "class", "size": 2, "names": ["Cat", "dog"]}
        assert conditions.values.tolist() == [0, 0, -1, 1, 1]
        assert conditions.captions == ["Cat", "Cat", "", "dog", "dog"]
        assert missing == ["cat.png"]
        assert conditions.notes == [
            "2 classes of 2 pictures each, from the folders' names: Cat, dog",
            "1 of 5 pictures have no class and are not trained on: cat.png",
        ]
        assert conditions.identity["read_from"] == "the folders' names"
        assert str(tmp_path) not in json.dumps(conditions.identity)


@pytest.mark.parametrize(
    "paths",
    [
        ("all/in/dog/1.png", "all/in/cat/2.png"),
        ("train/dog/1.png", "test/dog/2.png", "train/cat/3.png", "test/cat/4.png"),
        ("Train/dog/1.png", "Train/cat/4.png"),
    ],
)
def test_folders_above_the_classes(tmp_path: Path, paths: Sequence[str]) -> None:
    paint(tmp_path / "data", *paths)
    assert set(by_path(tmp_path / "data", "class").values()) == {"cat", "dog"}
    assert all(name in path for path, name in by_path(tmp_path / "data", "class").items())


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_metadata_as_hugging_face_has_it(tmp_path: Path, ending: str) -> None:
    folder = paint(tmp_path / "data", "a/1.png", "a/2.png", "b/c/1.png", "top.png")
    lines = {"a": [("1.png", "red apple", "fruit"), ("2.png", "dog, wet", "pet")], "b": [("c/1.png", "cat", "pet")]}
    for inside, rows in {**lines, "": [("top.png", "pear", "fruit")]}.items():
        text = io.StringIO()
        if ending == "jsonl":
            for row in rows:
                text.write(json.dumps(dict(zip(("file_name", "text", "label"), row, strict=True))) + "\n")
        else:
            writer = csv.writer(text, delimiter="\t" if ending == "tsv" else ",")
            writer.writerows([("file_name", "text", "label"), *rows])
        (folder / inside / f"metadata.{ending}").write_text(text.getvalue(), newline="")
    want = {"a/1.png": "red apple", "a/2.png": "dog, wet", "b/c/1.png": "cat", "top.png": "pear"}
    for source in (folder, zipped(folder)):
        assert by_path(source, "text") == want
        assert by_path(source, "class") == {
            "a/1.png": "fruit",
            "a/2.png": "pet",
            "b/c/1.png": "pet",
            "top.png": "fruit",
        }
        assert read(source, "text")[0].identity["read_from"] == f"metadata.{ending} (text)"


def test_a_column_of_classes_goes_before_folders_and_a_column_of_text_does_not(tmp_path: Path) -> None:
    folder = paint(tmp_path / "data", "a/1.png", "b/2.png")
    (folder / "metadata.csv").write_text("file_name,text\na/1.png,one\nb/2.png,two\n")
    assert by_path(folder, "class") == {"a/1.png": "a", "b/2.png": "b"}
    (folder / "metadata.csv").write_text("file_name,category\na/1.png,one\nb/2.png,two\n")
    assert by_path(folder, "class") == {"a/1.png": "one", "b/2.png": "two"}


def test_text_files_beside_the_pictures(tmp_path: Path) -> None:
    folder = paint(tmp_path / "data", "a/1.png", "a/2.jpg", "3.png", "4.png")
    (folder / "a" / "1.txt").write_bytes(b"\xef\xbb\xbf  red\tapple \r\nsecond line\r\n")
    (folder / "a" / "2.txt").write_text("dog", encoding="utf-16")
    (folder / "3.txt").write_text("\n \n")
    for source in (folder, zipped(folder)):
        conditions, missing = read(source, "text")
        assert conditions.captions == ["", "", "red apple", "dog"]
        assert missing == ["3.png", "4.png"]
        assert "1 of the .txt files have several lines; the first is the caption" in conditions.notes
        assert conditions.values[:2].tolist() == [[0, 0], [0, 0]]
        assert np.allclose(conditions.of(np.array([2])), embed(["red apple"]))
        assert conditions.identity["embedder"] == "embed"


def test_an_array_among_the_pictures_and_columns_of_numbers(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 4)
    vectors = np.arange(8, dtype=np.float64).reshape(4, 2) / 8
    np.save(folder / "vectors.npy", vectors)
    (folder / "._vectors.npy").write_bytes(b"what macOS leaves beside files")
    for source in (folder, zipped(folder)):
        assert np.array_equal(read(source, "vector")[0].values, vectors.astype(np.float32))
    (folder / "metadata.csv").write_text("file_name,x,title,y\n" + "".join(f"0{i}.png,{i}.5,t,-1\n" for i in range(4)))
    conditions, _ = read(folder, "vector")
    assert conditions.values.tolist() == [[i + 0.5, -1] for i in range(4)]
    assert conditions.identity["read_from"] == "metadata.csv (x to y)"


def test_labels_in_the_npz_of_the_pictures(tmp_path: Path) -> None:
    images = np.stack([random_color(seed) for seed in range(6)])
    labels = np.array([0, 2, 1, 0, 2, 1], np.uint8)
    np.savez(tmp_path / "digits.npz", x_train=images, y_train=labels[:, None], x_test=images[:1])
    conditions, missing = read(tmp_path / "digits.npz", "class")
    assert conditions.values.tolist() == labels.tolist()
    assert missing == []
    assert conditions.identity["read_from"] == "digits.npz:y_train"


def test_fashion_mnist(tmp_path: Path) -> None:
    fashion_folder(tmp_path / "fm", 12)
    pack = open_data("fashion-mnist", size_px=28, path=tmp_path / "fm")
    conditions, missing = read_conditions("fashion-mnist", pack, "class")
    assert conditions.values.tolist() == [*range(10), 0, 1]  # the labels of the file, whatever the alphabet
    names = conditions.shape.names
    assert (names[0], names[9], missing) == ("T-shirt/top", "Ankle boot", [])
    with pytest.raises(SparringError, match="name no caption"):
        read_conditions("fashion-mnist", pack, "text")
    (tmp_path / "fm" / "train-labels-idx1-ubyte.gz").unlink()
    pack = open_data("fashion-mnist", size_px=28, path=tmp_path / "fm")
    with pytest.raises(SparringError, match="name no class"):
        read_conditions("fashion-mnist", pack, "class")


@needs_emoji
def test_emoji() -> None:
    pack = open_data("emoji", size_px=16)
    classes, missing = read_conditions("emoji", pack, "class")
    assert (classes.shape.size, missing) == (9, [])
    texts, missing = read_conditions("emoji", pack, "text", embed=embed)
    assert (len(set(texts.captions)), missing) == (1864, [])
    called = {row.path: texts.captions[row.row] for row in pack.table() if row.row is not None}
    assert (called["1f34e.png"], called["31-20e3.png"], called["1f1e9-1f1ea.png"]) == (
        "red apple",
        "keycap 1",
        "germany flag",
    )
    groups = {row.path: classes.captions[row.row] for row in pack.table() if row.row is not None}
    assert groups["1f34e.png"] == "Food & Drink"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("class", r"'flat' name no class(.|\n)*folders named after classes(.|\n)*\{condition\}_\*\.png"),
        ("text", r"name no caption(.|\n)*metadata\.csv, \.tsv or \.jsonl; name\.txt beside(.|\n)*labels\.csv:COLUMN"),
        ("vector", r"name no vector(.|\n)*one \.npy among the pictures"),
        ("clas", r"no condition 'clas'(.|\n)*did you mean 'class'"),
    ],
)
def test_where_there_is_nothing_it_says_what_was_looked_for(tmp_path: Path, kind: str, message: str) -> None:
    folder = folder_of_noise(tmp_path / "flat", 3)
    with pytest.raises(SparringError, match=message):
        read(folder, kind)
    with pytest.raises(SparringError, match=r"name no class|no condition"):
        read(np.zeros((3, SIDE, SIDE), np.uint8), "class")


# --- files that the user names ---

FORMS = {
    "comma": b"file_name,label\n00.png,cat\n01.png,dog\n02.png,cat\n",
    "semicolon": b"file_name;label\n00.png;cat\n01.png;dog\n02.png;cat\n",
    "tab": b"file_name\tlabel\n00.png\tcat\n01.png\tdog\n02.png\tcat\n",
    "CRLF": b"file_name,label\r\n00.png,cat\r\n\r\n01.png,dog\r\n02.png,cat\r\n",
    "BOM": b"\xef\xbb\xbflabel,file_name,x\ncat,00.png,1\ndog,01.png,2\ncat,02.png,3\n",
    "spaces before quotes": b'file_name, label\n"00.png", "cat"\n"01.png", "dog"\n"02.png", "cat"\n',
    "UTF-16": "file_name,label\n00.png,cat\n01.png,dog\n02.png,cat\n".encode("utf-16"),
    "no header": b"00.png,cat\n01.png,dog\n02.png,cat\n",
    "other order and spaces": b"Class , File Name\n cat, ./02.png\ndog ,01.png\n cat,00.png\n",
    "names without ending": b"id,breed\n02,cat\n01,dog\n00,cat\n",
    "paths from elsewhere": b"path,label\n/home/a/00.png,cat\nC:\\b\\01.png,dog\nc/02.png,cat\n",
    "quoted": b'"label","file"\n"cat","00.png"\n"dog","01.png"\n"cat","02.png"\n',
    "twice the same": b"file_name,label\n00.png,cat\n01.png,dog\n00.png,cat\n02.png,cat\n",
    "unknown column of names": b"foto,tier\n00.png,cat\n01.png,dog\n02.png,cat\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_csv(tmp_path: Path, form: str) -> None:
    folder = folder_of_noise(tmp_path / "data", 3)
    (tmp_path / "labels.csv").write_bytes(FORMS[form])
    conditions, missing = read(folder, "class", tmp_path / "labels.csv")
    assert conditions.captions == ["cat", "dog", "cat"]
    assert missing == []
    assert len(conditions.notes) == (2 if form == "no header" else 1)


def test_latin_1(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 2)
    (tmp_path / "labels.csv").write_bytes("file_name,label\n00.png,Löwe\n01.png,“Bär”\n".encode("cp1252"))
    conditions, _ = read(folder, "class", tmp_path / "labels.csv")
    assert conditions.captions == ["Löwe", "“Bär”"]
    assert "labels.csv is not UTF-8; it was read as Windows-1252 (Latin-1)" in conditions.notes


def test_columns_by_name(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 3)
    rows = "".join(f"0{i}.png,{'ab'[i % 2]},{'xy'[i // 2]},{i},{i}.25,-{i}\n" for i in range(3))
    file = tmp_path / "my:labels.csv"
    file.write_text(f"file_name,label,Other Class,v0,v1,w-z\n{rows}")
    assert read(folder, "class", str(file))[0].captions == ["a", "b", "a"]
    for name in ("Other Class", "other_class"):
        assert read(folder, "class", f"{file}:{name}")[0].captions == ["x", "x", "y"]
    assert read(folder, "text", f"{file}:label")[0].captions == ["a", "b", "a"]
    for columns, size in (("v0-w-z", 3), ("v0,v1,w-z", 3), ("v1,v0-v1", 3), ("w-z", 1), ("v0-v1", 2)):
        assert read(folder, "vector", f"{file}:{columns}")[0].shape.size == size
    assert read(folder, "vector", f"{file}:v1,v0")[0].values.tolist() == [[0.25, 0], [1.25, 1], [2.25, 2]]
    assert read(folder, "vector", str(file))[0].values[2].tolist() == [2, 2.25, -2]  # all that hold numbers
    for wrong, message in (
        ("labbel", r"no column 'labbel'(.|\n)*did you mean 'label'"),
        ("label,v0", "names 2 columns"),
        ("v1-v0", "no column 'v1-v0'"),
    ):
        with pytest.raises(SparringError, match=message):
            read(folder, "class", f"{file}:{wrong}")
    with pytest.raises(
        SparringError, match=r"does not say which column holds the text(.|\n)*Other Class(.|\n)*:COLUMN"
    ):
        read(folder, "text", str(file))


def test_files_among_the_pictures_are_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of_noise(tmp_path / "data", 2)
    (folder / "labels.csv").write_bytes(b"file_name,label\n00.png,cat\n01.png,dog\n")
    monkeypatch.chdir(tmp_path)
    for source in (folder, zipped(folder)):
        assert read(source, "class", "labels.csv:label")[0].captions == ["cat", "dog"]
    with pytest.raises(SparringError, match=r"no file 'lables.csv:label'(.|\n)*did you mean 'labels.csv'"):
        read(folder, "class", "lables.csv:label")
    with pytest.raises(SparringError, match=r"cannot come from 'labels\.txt'(.|\n)*\.jsonl"):
        read(folder, "class", "labels.txt")


def test_decimal_commas(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 2)
    (tmp_path / "v.csv").write_text("file;x;y\n00.png;0,5;1\n01.png;-2,25;1e-1\n")
    assert read(folder, "vector", tmp_path / "v.csv")[0].values.tolist() == [[0.5, 1], [-2.25, np.float32(0.1)]]
    assert read(folder, "vector", f"{tmp_path / 'v.csv'}:x")[0].values.tolist() == [[0.5], [-2.25]]


def test_json_lines(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 4)
    lines = [
        {"file_name": "00.png", "text": "line\u2028separator", "label": 3, "embedding": [1, 2.5]},
        {"file_name": "01.png", "text": ["first", "second"], "label": 3.0, "embedding": [0, 0]},
        {"file_name": "02.png", "text": "a \ud800", "label": 10, "embedding": "[4 5]"},
        {"file_name": "03.png", "text": None, "label": 9},
    ]
    file = tmp_path / "about.jsonl"
    file.write_text("\ufeff" + "\n".join(map(json.dumps, lines)).replace(r"\u2028", "\u2028") + "\n\n")
    texts, missing = read(folder, "text", file)
    assert texts.captions == ["line separator", "first", "a ?", ""]
    assert missing == ["03.png"]
    assert read(folder, "class", file)[0].shape.names == ("3", "9", "10")
    vectors, missing = read(folder, "vector", file)
    assert vectors.values.tolist() == [[1, 2.5], [0, 0], [4, 5], [0, 0]]
    assert missing == ["03.png"]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "x.csv", "x.csv is empty"),
        ("file_name,label\n", "x.csv", r"names in x.csv are not those of the pictures \(the first: none\)"),
        ("file_name,label\n00.png,a,b\n", "x.csv", "Line 2 of x.csv has 3 cells, and there are 2 columns"),
        ('file_name,label\n00.png,"a\n01.png,b\n', "x.csv", "Line 3 of x.csv cannot be read: unexpected end of data"),
        (
            "file_name,label\nno.png,a\nnot.png,b\n",
            "x.csv",
            r"not those of the pictures \(the first: no.png, not.png\)",
        ),
        ('{"file_name": "00.png"\n', "x.jsonl", "Line 1 of x.jsonl is no JSON"),
        ('{"file_name": "00.png"}\n[1]\n', "x.jsonl", "Line 2 of x.jsonl is a list"),
        ("[" * 100_000 + "\n", "x.jsonl", "Line 1 of x.jsonl is no JSON"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, text: str, name: str, message: str) -> None:
    folder = folder_of_noise(tmp_path / "data", 2)
    (tmp_path / name).write_text(text)
    with pytest.raises(SparringError, match=message):
        read(folder, "class", tmp_path / name)


# --- classes that make no sense ---


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["0.25", "0.5", "1"], r"holds '0\.(25|5)', which is no class(.|\n)*condition vector"),
        (["cat", "cat", "cat"], r"All 3 pictures are of one class \(cat\)"),
        (["cat", "", ""], r"2 of 3 pictures have no class in .*: 01\.png, 02\.png"),
    ],
)
def test_classes_that_are_none(tmp_path: Path, column: list[str], message: str) -> None:
    folder = folder_of_noise(tmp_path / "data", 3)
    rows = "".join(f"0{i}.png,{value}\n" for i, value in enumerate(column))
    (tmp_path / "labels.csv").write_text("file_name,label\n" + rows)
    with pytest.raises(SparringError, match=message):
        read(folder, "class", tmp_path / "labels.csv")


def test_two_thousand_classes_of_one_picture_each() -> None:
    pack = open_data(np.zeros((2000, 4, 4), np.uint8), size_px=4)
    with pytest.raises(SparringError, match=r"2,000 classes for 2,000 pictures(.|\n)*condition text"):
        read_conditions(None, pack, "class", [f"picture {i}" for i in range(2000)])
    conditions, _ = read_conditions(None, pack, "class", [i // 2 for i in range(2000)])
    assert conditions.shape.size == 1000


def test_floats_that_are_whole_and_names_that_are_numbers_among_others(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 4)
    labels = {"00.png": "2.0", "01.png": "10", "02.png": "2", "03.png": "007"}
    assert read(folder, "class", labels)[0].shape.names == ("2", "007", "10")
    assert read(folder, "class", {**labels, "03.png": "v1.5"})[0].shape.names == ("10", "2", "2.0", "v1.5")
    capitals, _ = read(folder, "class", ["Cat", "cat", "dog", float("nan")])
    assert capitals.shape.names == ("Cat", "cat", "dog")
    assert any("differ in capitals" in note for note in capitals.notes)


def test_rows_that_contradict_each_other(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 2)
    file = tmp_path / "labels.csv"
    file.write_text("file_name,label,x\n00.png,cat,1\n01.png,dog,2\n00.png,dog,3\n")
    for kind, column in (("class", "label"), ("vector", "x")):
        with pytest.raises(SparringError, match=r"labels\.csv gives 00\.png two conditions"):
            read(folder, kind, f"{file}:{column}")
    conditions, _ = read(folder, "text", f"{file}:label")  # several captions of one picture are no mistake
    assert conditions.captions == ["cat", "dog"]
    assert any(note.startswith("1 more captions in labels.csv") for note in conditions.notes)


# --- which picture a name means ---


def test_ambiguous_and_unknown_names_are_reported(tmp_path: Path) -> None:
    folder = paint(tmp_path / "data", "a/1.png", "b/1.png", "b/2.png", "b/3.png", "b/4.png")
    labels = {"1.png": "cat", "2.png": "dog", "3.png": "cat", "4.png": "cat", "5.png": "dog"}
    conditions, missing = read(folder, "class", labels)
    assert missing == ["a/1.png", "b/1.png"]
    assert "1 name fits several pictures in the mapping: 1.png" in conditions.notes
    assert "1 name fits no picture in the mapping: 5.png" in conditions.notes
    with pytest.raises(SparringError, match="names in the mapping fit several pictures each"):
        read(folder, "class", {"1.png": "cat"})


def test_a_path_is_not_taken_for_another_folders_file(tmp_path: Path) -> None:
    folder = paint(tmp_path / "data", "dogs/1.png", "dogs/2.png", "cats/2.png")
    labels = {"cats/1.png": "cat", "cats/2.png": "cat", "dogs/2.png": "dog"}
    conditions, missing = read(folder, "class", labels)
    assert missing == ["dogs/1.png"]
    assert conditions.captions == ["cat", "", "dog"]


def test_names_of_files_that_were_left_out_are_no_mistake(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 4)
    (folder / "01.png").write_bytes(b"broken")
    labels = ["cat", "dog", "cat", "dog"]
    file = tmp_path / "labels.csv"
    file.write_text("file,label\n" + "".join(f"0{i}.png,{name}\n" for i, name in enumerate(labels)))
    np.save(tmp_path / "labels.npy", np.array(labels))
    for where in (file, tmp_path / "labels.npy", labels, np.array(labels)[[0, 2, 3]]):
        conditions, missing = read(folder, "class", where)
        assert conditions.captions == ["cat", "cat", "dog"]
        assert missing == []
        assert len(conditions.notes) == 1
    with pytest.raises(SparringError, match=r"has 5 rows, and there are 3 pictures \(4 with those left out\)"):
        read(folder, "class", [*labels, "cat"])


def test_files_that_differ_in_their_endings_alone() -> None:
    assert Names(["a/1.png", "b/1.jpg"]).match(["1.jpg", "x/1.png"]).paths == ["b/1.jpg", "a/1.png"]
    assert Names(["a/1.png", "a/1.jpg", "a/2.jpg"]).match(["a/1", "a/2"]).ambiguous == ["a/1"]


def test_accents_as_macos_writes_them() -> None:
    matched = Names(["e\u0301te\u0301.png"]).match(["été.png", "ete.png"])
    assert matched.paths == ["e\u0301te\u0301.png", None]
    assert matched.unknown == ["ete.png"]


names = st.text("abc_-. 1é", min_size=1, max_size=8).filter(lambda name: name.strip(". ") and name == name.strip())


@given(st.lists(st.tuples(names, names), min_size=1, max_size=8, unique=True), st.booleans())
def test_every_picture_is_found_by_its_path(pairs: list[tuple[str, str]], with_ending: bool) -> None:
    paths = [f"{folder}/{name}.png" for folder, name in pairs]
    asked = paths if with_ending else [path.removesuffix(".png") for path in paths]
    assert Names(paths).match(asked).paths == paths


# --- patterns ---


@pytest.mark.parametrize(
    ("pattern", "path", "want"),
    [
        ("{condition}_*.png", "a/red_apple_01.png", "red_apple"),
        ("{condition}_*.png", "a/red.png", None),
        ("{condition}_*.png", "X_1.PNG", "X"),
        ("*/{condition}-[0-9]*.png", "units/elf-archer-12.png", "elf-archer"),
        ("*/{condition}-[0-9]*.png", "elf-archer-12.png", None),
        ("*/{condition}-[0-9]*.png", "a/b/elf-1.png", None),
        ("**/{condition}-[!a-z].png", "a/b/elf-1.png", "elf"),
        ("{condition}", "a/red apple.v2.png", "red apple.v2"),
        ("{condition}/*", "red apple/1.png", "red apple"),
        ("img?_{condition}.jpg", "img7_dog.jpg", "dog"),
        ("({condition})+.png", "(a)+.png", "a"),
    ],
)
def test_patterns(pattern: str, path: str, want: str | None) -> None:
    assert reader_of(pattern)(path) == want


@pytest.mark.parametrize(
    "pattern", ["*.png", "{condition}{condition}", "{label}_{condition}.png", "{condition}_[0-9.png"]
)
def test_patterns_that_say_nothing(pattern: str) -> None:
    with pytest.raises(SparringError, match=r"does not say what is to be read|is not closed"):
        reader_of(pattern)


@given(st.text("ab_-é .()[]{}*?\\^$+|", min_size=1, max_size=12), st.integers(0, 999))
def test_a_pattern_gives_back_what_a_name_was_made_of(text: str, number: int) -> None:
    assert reader_of("{condition}_*.png")(f"{text}_{number}.png") == text
    assert reader_of("*/{condition}-[0-9]*.png")(f"x/{text}-{number}.png") == text


def test_conditions_by_pattern(tmp_path: Path) -> None:
    folder = paint(tmp_path / "data", "red_apple_1.png", "red_apple_2.png", "big-dog_1.png", "unnamed.png")
    texts, missing = read(folder, "text", "{condition}_*.png")
    assert texts.captions == ["big dog", "red apple", "red apple", ""]
    assert missing == ["unnamed.png"]
    assert texts.identity["read_from"] == "file names by {condition}_*.png"
    assert read(folder, "class", "{condition}_*.png")[0].shape.names == ("big-dog", "red_apple")
    with pytest.raises(
        SparringError, match=r"No picture's name fits the pattern 'x_\{condition\}'; the first is big-dog"
    ):
        read(folder, "text", "x_{condition}")


def test_words_of_names() -> None:
    assert words_of("Red_apple--in the_ sun") == "Red apple in the sun"


# --- Python objects and arrays ---


def test_functions_mappings_and_sequences(tmp_path: Path) -> None:
    folder = paint(tmp_path / "data", "a/1.png", "a/2.png", "b/3.png")
    want = ["a", "a", "b"]
    one_hot = np.eye(2, dtype=np.uint8)[[0, 0, 1]]
    mapping = {Path("a/1.png"): "a", "a/2.png": "a", "b/3.png": "b"}
    for where in (lambda path: path[0], mapping, want, tuple(want), np.array(want)):
        assert read(folder, "class", where)[0].captions == want
    for numbers in ([0, 0, 1], np.array([0, 0, 1]), torch.tensor([0, 0, 1]), one_hot, torch.tensor(one_hot)):
        assert read(folder, "class", numbers)[0].values.tolist() == [0, 0, 1]
    vectors = torch.tensor([[1.0, 2], [3, 4], [5, 6]], requires_grad=True)
    assert read(folder, "vector", vectors)[0].values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert read(folder, "vector", lambda path: [len(path), 1])[0].values.tolist() == [[7, 1]] * 3
    assert read(folder, "vector", np.arange(3))[0].values.tolist() == [[0], [1], [2]]
    for where, message in (
        (42, "Conditions cannot come from a int"),
        (np.array(3), "has 0 rows"),
        (np.eye(3)[:, :, None], "The class of"),
        ([{}, {}, {}], "The class of"),
    ):
        with pytest.raises(SparringError, match=message):
            read(folder, "class", where)
    with pytest.raises(SparringError, match=r"The caption of a/1\.png(.|\n)*condition vector"):
        read(folder, "text", np.ones((3, 4)))


def test_vectors_that_are_none(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 4)
    holes = np.ones((4, 2))
    holes[1, 1] = np.nan
    conditions, missing = read(folder, "vector", holes)
    assert missing == ["01.png"]
    assert conditions.values[1].tolist() == [0, 0]
    for where, message in (
        (np.full((4, 2), 1e300), r"vector of 00\.png holds a number that is not finite"),
        (np.full((4, 2), np.inf), r"vector of 00\.png holds a number that is not finite"),
        ([[1], [1, 2], [1], [1]], r"01\.png has 2 numbers, and 00\.png has 1"),
        (["a", "b", "c", "d"], r"vector of 00\.png is 'a'"),
        (np.ones((4, 2, 2)), r"has the shape \[2, 2\]"),
        ([None] * 4, "4 of 4 pictures have no vector"),
    ):
        with pytest.raises(SparringError, match=message):
            read(folder, "vector", where)
    assert any("as far from 0 as 400" in note for note in read(folder, "vector", holes * 400)[0].notes)


def test_nothing_in_an_array_is_executed(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 2)
    target = tmp_path / "executed"

    class Payload:
        def __reduce__(self) -> Any:
            return Path.touch, (target,)

    np.save(tmp_path / "labels.npy", np.array([Payload(), Payload()]), allow_pickle=True)
    np.savez(tmp_path / "labels.npz", y=np.array([Payload(), Payload()]), allow_pickle=True)
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Payload()))
    for name in ("labels.npy", "labels.npz:y", "raw.npy"):
        with pytest.raises(SparringError, match=r"cannot be read(.|\n)*without Python objects"):
            read(folder, "class", f"{tmp_path}/{name}")
    assert not target.exists()


def test_arrays_in_files(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 2)
    np.savez(tmp_path / "labels.npz", a=np.array([5, 7]), b=np.eye(2))
    assert read(folder, "class", f"{tmp_path}/labels.npz:a")[0].shape.names == ("5", "7")
    with pytest.raises(SparringError, match=r"no array 'c'(.|\n)*one of a, b"):
        read(folder, "class", f"{tmp_path}/labels.npz:c")
    np.save(tmp_path / "texts.npy", np.array(["red apple", "dog"]))
    assert read(folder, "text", tmp_path / "texts.npy")[0].captions == ["red apple", "dog"]


# --- identity ---


def test_identity_follows_the_conditions_and_no_place(tmp_path: Path) -> None:
    folder = folder_of_noise(tmp_path / "data", 3)
    identities = []
    for place, labels in (("x", ["a", "b", "a"]), ("y", ["a", "b", "a"]), ("z", ["a", "b", "b"])):
        (tmp_path / place).mkdir()
        np.save(tmp_path / place / "labels.npy", np.array(labels))
        for kind in ("class", "text"):
            identities.append(read(folder, kind, tmp_path / place / "labels.npy")[0].identity)
    assert identities[0] == identities[2] != identities[4]
    assert identities[1] == identities[3] != identities[5]
    assert json.loads(json.dumps(identities)) == identities
    assert str(tmp_path) not in json.dumps(identities)


# --- tables ---

cells = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=20)


@settings(max_examples=200)
@given(
    st.lists(cells, min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_whatever_a_csv_writer_wrote_is_read(texts: list[str], delimiter: str, end: str, encoding: str) -> None:
    paths = [f"{number}.png" for number in range(len(texts))]
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerows([("file_name", "text"), *zip(paths, texts, strict=True)])
    table = parse_table("x.csv", file.getvalue().encode(encoding), Names(paths).knows)
    files = file_column(table, Names(paths).knows)
    (column,) = value_columns(table, "text", "", files, guess=False)
    assert [(row[files], row[column]) for _, row in table.rows] == [
        (path, text.strip()) for path, text in zip(paths, texts, strict=True)
    ]


@given(st.lists(st.text(max_size=20), min_size=1, max_size=6))
def test_whatever_a_json_writer_wrote_is_read(texts: list[str]) -> None:
    paths = [f"{number}.png" for number in range(len(texts))]
    lines = [json.dumps({"file_name": path, "text": text}) for path, text in zip(paths, texts, strict=True)]
    table = parse_table("x.jsonl", "\n".join(lines).encode(), Names(paths).knows)
    assert table.columns == ["file_name", "text"]
    assert [cells for _, cells in table.rows] == [list(pair) for pair in zip(paths, texts, strict=True)]
