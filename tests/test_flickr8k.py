"""Flickr8k from files fetched by hand, in the layouts that people have."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image as Picture

from seqtasks.data import tfds
from seqtasks.errors import InputError
from seqtasks.task import Folders
from tests.conftest import serving_files


def written(grey: int) -> bytes:
    """A little JPEG."""
    file = io.BytesIO()
    Picture.new("RGB", (8, 8), (grey, grey, grey)).save(file, "JPEG")
    return file.getvalue()


CONTENTS = {name: written(number) for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg", "d.jpg"))}
NAMES = {"train": ["a.jpg", "b.jpg"], "dev": ["c.jpg"], "test": ["d.jpg"]}


def fetched(folder: Path, *, archives: bool, without: str = "") -> Folders:
    place = folder / "manual" / "flickr8k"
    (place / "Flicker8k_Dataset").mkdir(parents=True)
    every = [name for names in NAMES.values() for name in names]
    lines = [f"{name}#{number}\tA {name} seen {number} .\n" for name in [*every, "odd.jpg.1"] for number in range(5)]
    (place / "Flickr8k.token.txt").write_text("".join(lines))
    for split, names in NAMES.items():
        (place / f"Flickr_8k.{split}Images.txt").write_text("\n".join(names) + "\n")
        present = [name for name in names if name != without]
        if not archives:
            for name in present:
                (place / "Flicker8k_Dataset" / name).write_bytes(CONTENTS[name])
            continue
        with tarfile.open(place / f"flickr8k_{split}.tar", "w") as tar:
            for name in present:
                content = CONTENTS[name]
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return Folders((str(folder / "sets"),), str(folder / "manual"))


@pytest.mark.parametrize("archives", [True, False])
def test_photographs_with_their_captions(tmp_path: Path, archives: bool):
    found = tfds.load("flickr8k", fetched(tmp_path, archives=archives), ["train", "validation", "test"])
    assert {name: len(rows["image"]) for name, rows in found.items()} == {"train": 2, "validation": 1, "test": 1}
    assert found["test"]["image"].tolist() == [CONTENTS["d.jpg"]]
    assert found["test"]["captions"][0].decode().split("\n") == [f"A d.jpg seen {number} ." for number in range(5)]


def test_the_published_archives_are_downloaded_and_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from seqtasks.data.datasets import flickr8k

    fetched(tmp_path, archives=False)
    place = tmp_path / "manual" / "flickr8k"
    with zipfile.ZipFile(tmp_path / "Flickr8k_Dataset.zip", "w") as archive:
        for path in (place / "Flicker8k_Dataset").iterdir():
            archive.write(path, f"Flicker8k_Dataset/{path.name}")
    with zipfile.ZipFile(tmp_path / "Flickr8k_text.zip", "w") as archive:
        for path in place.glob("*.txt"):
            archive.write(path, path.name)
    with serving_files(tmp_path) as address:
        monkeypatch.setattr(flickr8k, "ADDRESS", address + "/{}.zip")
        found = tfds.load("flickr8k", Folders((str(tmp_path / "sets"),)), ["train"])["train"]
    assert {name.decode(): image for name, image in zip(found["name"], found["image"], strict=True)} == {
        name: CONTENTS[name] for name in NAMES["train"]
    }


@pytest.mark.parametrize("archives", [True, False])
def test_a_missing_photograph_is_named(tmp_path: Path, archives: bool):
    with pytest.raises(InputError, match=r"lacks 1 photographs of the dev split, such as c\.jpg"):
        tfds.load("flickr8k", fetched(tmp_path, archives=archives, without="c.jpg"), ["train"])


@pytest.mark.parametrize("archives", [True, False])
def test_a_damaged_photograph_is_named(tmp_path: Path, archives: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(CONTENTS, "c.jpg", CONTENTS["c.jpg"][:-100])
    with pytest.raises(InputError, match=r"flickr8k: c\.jpg is a damaged JPEG; download it again"):
        tfds.load("flickr8k", fetched(tmp_path, archives=archives), ["train"])


@pytest.mark.parametrize("name", ["Flickr8k.token.txt", "Flickr_8k.devImages.txt"])
def test_a_missing_text_is_named(tmp_path: Path, name: str):
    folders = fetched(tmp_path, archives=True)
    (tmp_path / "manual" / "flickr8k" / name).unlink()
    with pytest.raises(InputError, match=f"flickr8k lacks {name}"):
        tfds.load("flickr8k", folders, ["train"])


def test_photographs_without_captions_are_named(tmp_path: Path):
    folders = fetched(tmp_path, archives=True)
    captions = tmp_path / "manual" / "flickr8k" / "Flickr8k.token.txt"
    captions.write_text(
        "".join(line for line in captions.read_text().splitlines(keepends=True) if not line.startswith("b.jpg"))
    )
    with pytest.raises(
        InputError, match=r"token\.txt lacks captions of 1 photographs of the train split, such as b\.jpg"
    ):
        tfds.load("flickr8k", folders, ["train"])
