"""Your own files: what is read, and the error of each bad one."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from seqtasks.codecs import Traits
from seqtasks.codecs.labels import Labels
from seqtasks.codecs.sentences import Sentences
from seqtasks.codecs.text import Text
from seqtasks.data import corpus, readers, store, user
from seqtasks.data.readers import Options, Reject, Row
from seqtasks.errors import InputError, IntegrityError, SeqtasksError
from seqtasks.task import Examples

LONG = 10_000_000


class Files(Text):
    """Reads the files whose paths are given."""

    @property
    def traits(self) -> Traits:
        return Traits(columns=("file",), reads_files=True)

    def clean(self, value: bytes) -> bytes:
        return Path(os.fsdecode(value)).read_bytes()


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def read(path: Path, **options: str) -> list[tuple[str, str]]:
    """Texts and labels, through a store."""
    source = user.Source(str(path), None, Options(**options))
    train = user.read(source, Text(), Labels(), path.parent / "datasets", lambda text: None)["train"]
    return [(text.decode(), label) for text, label in zip(train.inputs[:], train.targets[:], strict=True)]


PAIRS = [("Fine, really.", "good"), ("NA", "bad"), ("null", "bad"), ("two\nlines", "good"), ("olá ☕", "bad")]
CSV = 'text,label\n"Fine, really.",good\nNA,bad\nnull,bad\n"two\nlines",good\nolá ☕,bad\n'
TSV = 'text\tlabel\nFine, really.\tgood\nNA\tbad\nnull\tbad\n"two\nlines"\tgood\nolá ☕\tbad\n'
JSONL = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in PAIRS)

GOOD = {
    "a.csv": CSV,
    "a.csv.gz": CSV,
    "a.tsv": TSV,
    "a.jsonl": JSONL,
    "a.ndjson.gz": JSONL,
    "bom.csv": "\ufeff" + CSV,
    "windows.csv": CSV.replace("two\nlines", "two\0lines").replace("\n", "\r\n").replace("\0", "\n"),
    "other order.csv": "id,label,text\n" + "".join(f'{i},{label},"{text}"\n' for i, (text, label) in enumerate(PAIRS)),
    "other names.csv": CSV.replace("text,label", "Review,Sentiment", 1),
    "no end of line.csv": CSV.rstrip("\n"),
    "empty lines.csv": CSV.replace("\nNA", "\n\nNA"),
}


@pytest.mark.parametrize("name", GOOD)
def test_files_of_the_same_rows(name: str, tmp_path: Path):
    assert read(write(tmp_path, name, GOOD[name])) == PAIRS


def test_parquet(tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"text": [text for text, _ in PAIRS], "label": [label for _, label in PAIRS]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == PAIRS


def test_a_folder_per_class(tmp_path: Path):
    for number, (text, label) in enumerate(PAIRS):
        (tmp_path / "mail" / label).mkdir(parents=True, exist_ok=True)
        write(tmp_path / "mail" / label, f"{number}.txt", text)
    assert sorted(read(tmp_path / "mail")) == sorted(PAIRS)


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("semicolon.csv", "text;label\nfine;good\n", {"separator": ";"}),
        ("latin.csv", "text,label\nol\xe1,good\n".encode("latin-1"), {"encoding": "latin-1"}),
        ("wide.csv", "text,label\nolá,good\n".encode("utf-16"), {"encoding": "utf-16"}),
        ("named.csv", "a,b\nfine,good\n", {"input_column": "a", "label_column": "b"}),
        ("numbers.jsonl", '{"text": "fine", "label": 1}\n{"text": "bad", "label": true}\n', {}),
    ],
)
def test_options_for_other_files(name: str, content: str | bytes, options: dict[str, str], tmp_path: Path):
    assert len(read(write(tmp_path, name, content), **options)) >= 1


BAD = {  # name -> content, exit code, what the one line says
    "empty.csv": ("", 3, "0 usable rows in {path}"),
    "header.csv": ("text,label\n", 3, "0 usable rows in {path}"),
    "binary.csv": (bytes(range(256)) * 20, 3, "{path} is a binary file, not text"),
    "bytes.csv": (b"text,label\nok,a\ncaf\x81,b\n", 3, "{path}:3 is not in utf-8 (byte 0x81 behind 3 bytes of text); give --encoding windows-1252"),
    "column.csv": ("id,words,label\n1,a,b\n", 3, "{path} has no column that is known to hold the inputs; it has id, words, label: name one with --input-column"),
    "labels.csv": ("text,x\na,b\n", 3, "hold the labels; it has text, x: name one with --label-column"),
    "twice.csv": ("text,text\na,b\n", 3, "names a column twice"),
    "ragged.csv": ("text,label\na,b\none, two,b\n", 3, "{path}:3 has 3 fields, expected 2"),
    "short.csv": ("text,label\na,b\nalone\n", 3, "{path}:3 has 1 fields, expected 2"),
    "quote.csv": ('text,label\na,b\n"open,b\nc,d\n', 3, "{path}:3 opens a quotation mark that is never closed"),
    "label.csv": ("text,label\na,b\nc, \n", 3, "{path}:3 has no label"),
    "null.jsonl": ('{"text": "a", "label": "b"}\n{"text": "a", "label": null}\n', 3, "{path}:2 has no label"),
    "json.jsonl": ('{"text": "a", "label": "b"}\n{"text": \n', 3, "{path}:2 is no JSON"),
    "list.jsonl": ('["a", "b"]\n', 3, "{path}:1 is no JSON object"),
    "deep.jsonl": ('{"text": "a", "label": "b"}\n' + "[" * 100_000 + "\n", 3, "{path}:2 is no JSON"),
    "long.csv": ("text,label\na,b\n" + "x" * LONG + ",b\n", 3, "{path}:3 has over 1,000,000 characters in a field"),
    "long.jsonl": (json.dumps({"text": "x" * LONG, "label": "b"}) + "\n", 3, "{path}:1 has 10,000,000 characters in text"),
    "words.docx": ("PK", 2, "{path} is a Word document"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_one_line_and_an_exit_code(name: str, tmp_path: Path):
    content, code, said = BAD[name]
    path = write(tmp_path, name, content)
    with pytest.raises(SeqtasksError) as raised:
        read(path)
    assert raised.value.exit_code == code
    assert said.format(path=path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.glob("datasets/.cache/raw/*"))


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "no.csv")


@pytest.mark.parametrize("damage", ["cut", "altered"])
def test_a_damaged_gz_is_integrity(tmp_path: Path, damage: str):
    path = write(tmp_path, "a.csv.gz", "text,label\n" + "".join(f"text {number},a\n" for number in range(5_000)))
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(SeqtasksError) as raised:
        read(path)
    assert raised.value.exit_code == 4
    assert "is cut off or altered" in str(raised.value)


def test_bad_rows_do_not_end_the_reading(tmp_path: Path):
    path = write(tmp_path, "a.csv", "text,label\none, two,b\nfine,good\nx,y,z\n")
    found = list(readers.rows(path, Options()))
    assert [type(each) for each in found] == [Reject, Row, Reject]
    assert [each.number for each in found] == [2, 3, 4]


def test_a_store_is_made_once_and_again_when_the_file_changes(tmp_path: Path):
    path = write(tmp_path, "a.csv", CSV)
    said: list[str] = []
    source = user.Source(str(path))
    for _ in range(2):
        user.read(source, Text(), Labels(), tmp_path / "datasets", said.append)
    assert len(said) == 1
    write(tmp_path, "a.csv", CSV + "new,good\n")
    assert len(user.read(source, Text(), Labels(), tmp_path / "datasets", said.append)["train"]) == 6
    assert len(said) == 2


def test_chosen_rows_stay_on_disk(tmp_path: Path):
    path = write(tmp_path, "a.csv", CSV)
    texts = user.read(user.Source(str(path)), Text(), Labels(), tmp_path / "datasets", print)["train"].inputs
    some = texts.take([4, 0])
    assert isinstance(some, store.DiskBytes)
    assert [text.decode() for text in some[:]] == ["olá ☕", "Fine, really."]


CAPTIONS = "text,caption\n" + "".join(f"scene {row % 3},a caption of {row} é\n" for row in range(2_500))


def several(tmp_path: Path) -> Examples:
    path = write(tmp_path, "a.csv", CAPTIONS)
    return user.read(user.Source(str(path)), Text(), Sentences(), tmp_path / "datasets", print)["train"]


def test_several_targets_of_one_value_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "CHUNK", 2)
    train = several(tmp_path)
    assert train.inputs[:].tolist() == [b"scene 0", b"scene 1", b"scene 2"]
    expected = ["\n".join(f"a caption of {row} é" for row in range(first, 2_500, 3)) for first in range(3)]
    assert train.targets[:].tolist() == expected


def test_targets_that_are_no_classes_stay_on_disk(tmp_path: Path):
    train = several(tmp_path)
    some = train.targets.take(np.array([2, 0]))
    assert isinstance(some, store.DiskTexts)
    assert [text[:14] for text in some[:]] == ["a caption of 2", "a caption of 0"]
    folder = train.inputs.file.parent
    assert sorted(path.name for path in folder.iterdir()) == [
        "about.json", "inputs.bin", "inputs.npy", "targets.bin", "targets.npy"
    ]  # fmt: skip
    assert (folder / "about.json").stat().st_size < 500


def test_files_with_one_label_each(tmp_path: Path):
    for name in ("a", "b"):
        write(tmp_path, name, name * 3)
    path = write(tmp_path, "a.csv", "file,label\na,good\nb,bad\na,good\n")
    train = user.read(user.Source(str(path)), Files(), Labels(), tmp_path / "datasets", print)["train"]
    assert train.inputs[:].tolist() == [b"aaa", b"bbb", b"aaa"]
    assert train.targets[:].tolist() == ["good", "bad", "good"]
    assert isinstance(train.targets, store.Categories)


def test_files_with_several_captions_each(tmp_path: Path):
    for name in ("a", "b"):
        write(tmp_path, name, name * 3)
    path = write(tmp_path, "a.csv", "file,caption\na,one\nb,two\n a ,three\n")
    train = user.read(user.Source(str(path)), Files(), Sentences(), tmp_path / "datasets", print)["train"]
    assert train.inputs[:].tolist() == [b"aaa", b"bbb"]
    assert train.targets[:].tolist() == ["one\nthree", "two"]


def test_codecs_with_other_facts_have_stores_of_their_own(tmp_path: Path):
    path = write(tmp_path, "a.csv", "text,label,caption\na,good,a word\na,bad,two\n")
    options = Options(label_column="caption")
    folders = [
        user.read(user.Source(str(path), None, options), Text(), targets, tmp_path / "datasets", print)[
            "train"
        ].inputs.file
        for targets in (Labels(), Sentences())
    ]
    assert folders[0] != folders[1]


def test_invalid_rows_are_an_error_or_skipped(tmp_path: Path):
    path = write(tmp_path, "a.csv", "text,label\nfine,good\none, two,b\nc,\n")
    with pytest.raises(InputError, match=r"a\.csv:3 has 3 fields"):
        read(path)
    said: list[str] = []
    source = user.Source(str(path), None, Options(on_invalid="skip"))
    for _ in range(2):
        assert len(user.read(source, Text(), Labels(), tmp_path / "datasets", said.append)["train"]) == 1
    assert said == [f"reading {path}", *[f"{path}: 2 rows that cannot be used are left out"] * 2]
    path = write(tmp_path, "b.csv", "text,label\na,\nb,\n")
    with pytest.raises(InputError, match=r"0 usable rows of 2 in .*b\.csv; run it without --on-invalid skip to see"):
        read(path, on_invalid="skip")


def test_rows_too_many_for_the_memory_are_kept_on_disk(tmp_path: Path):
    asked: list[str] = []

    def rows() -> list[tuple[bytes, str]]:
        asked.append("rows")
        return [(b"\xff\0", "one\ntwo"), (b"", "olá")]

    for _ in range(2):
        examples = store.kept(tmp_path / "set-train", rows)
        assert examples.inputs[:].tolist() == [b"\xff\0", b""]
        assert examples.targets[:].tolist() == ["one\ntwo", "olá"]
    assert asked == ["rows"]


@pytest.mark.parametrize("name", ["inputs.bin", "inputs.npy", "classes.npy", "classes.json", "about.json"])
@pytest.mark.parametrize("damage", ["cut", "removed"])
def test_a_damaged_store_is_an_error(tmp_path: Path, name: str, damage: str):
    path = write(tmp_path, "a.csv", CSV)
    read(path)
    (file,) = (tmp_path / "datasets" / ".cache" / "raw").glob(f"a-*/{name}")
    if damage == "removed":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(IntegrityError, match=f"remove {file.parent} and run the command again"):
        read(path)


def test_a_source_is_restored_from_its_description():
    source = user.Source("a.csv", None, Options(separator=";", on_invalid="skip"))
    assert user.restore(json.loads(json.dumps(dataclasses.asdict(source)))) == source
    assert user.restore(None) is None


def test_a_pipe_is_no_file(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero")):
        with pytest.raises(InputError, match=rf"{path} is a pipe or a device; give a file"):
            user.read(user.Source(str(path)), Text(), Labels(), tmp_path, print)
        with pytest.raises(InputError, match=rf"{path} is a pipe or a device; give a file"):
            corpus.text(path, Options(), ["text"])
