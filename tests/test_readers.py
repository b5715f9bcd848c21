"""People's own files: what is read, and what each bad one gets."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from seqtasks.codecs.labels import Labels
from seqtasks.codecs.text import Text
from seqtasks.data import readers, user
from seqtasks.data.readers import Options, Reject, Row
from seqtasks.errors import InputError, SeqtasksError

LONG = 10_000_000


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def read(path: Path, **options: str) -> list[tuple[str, str]]:
    """Texts and labels, through a store."""
    source = user.Source(str(path), None, Options(**options))
    train = user.read(source, user.Columns(Text(), Labels()), path.parent / "datasets", lambda text: None)["train"]
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
def test_files_that_say_the_same(name: str, tmp_path: Path):
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
def test_what_has_to_be_said_can_be_said(name: str, content: str | bytes, options: dict[str, str], tmp_path: Path):
    assert len(read(write(tmp_path, name, content), **options)) >= 1


BAD = {  # name -> content, exit code, what the one line says
    "empty.csv": ("", 3, "0 usable rows in {path}"),
    "header.csv": ("text,label\n", 3, "0 usable rows in {path}"),
    "binary.csv": (bytes(range(256)) * 20, 3, "{path} is a binary file, not text"),
    "utf-16.csv": (CSV.encode("utf-16"), 3, "{path} is UTF-16; give --encoding utf-16"),
    "latin.csv": ("text,label\nok,a\ncaf\xe9,b\n".encode("latin-1"), 3, "{path}:3 is not in this encoding (byte 0xe9 behind 3 bytes of text); give --encoding latin-1"),
    "column.csv": ("id,words,label\n1,a,b\n", 3, "{path} has no column that is known to hold the inputs; it has id, words, label: name one with --input-column"),
    "labels.csv": ("text,x\na,b\n", 3, "hold the labels; it has text, x: name one with --label-column"),
    "semicolon.csv": ("text;label\na;b\n", 3, "give --separator ';'"),
    "twice.csv": ("text,text\na,b\n", 3, "names a column twice"),
    "ragged.csv": ("text,label\na,b\none, two,b\n", 3, "{path}:3 has 3 fields, expected 2"),
    "short.csv": ("text,label\na,b\nalone\n", 3, "{path}:3 has 1 fields, expected 2"),
    "quote.csv": ('text,label\na,b\n"open,b\nc,d\n', 3, "{path}:3 cannot be read"),
    "label.csv": ("text,label\na,b\nc, \n", 3, "{path}:3 has no label"),
    "null.jsonl": ('{"text": "a", "label": "b"}\n{"text": "a", "label": null}\n', 3, "{path}:2 has no label"),
    "json.jsonl": ('{"text": "a", "label": "b"}\n{"text": \n', 3, "{path}:2 is no JSON"),
    "list.jsonl": ('["a", "b"]\n', 3, "{path}:1 is no JSON object"),
    "deep.jsonl": ('{"text": "a", "label": "b"}\n' + "[" * 100_000 + "\n", 3, "{path}:2 is no JSON"),
    "long.csv": ("text,label\na,b\n" + "x" * LONG + ",b\n", 3, "{path}:3 has over 1,000,000 characters in a field"),
    "long.jsonl": (json.dumps({"text": "x" * LONG, "label": "b"}) + "\n", 3, "{path}:1 has 10,000,000 characters in text"),
    "words.docx": ("PK", 2, "{path} ends in none of .csv, .tsv"),
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
    assert not list(tmp_path.glob("datasets/own/*"))


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
        user.read(source, user.Columns(Text(), Labels()), tmp_path / "datasets", said.append)
    assert len(said) == 1
    write(tmp_path, "a.csv", CSV + "new,good\n")
    assert len(user.read(source, user.Columns(Text(), Labels()), tmp_path / "datasets", said.append)["train"]) == 6
    assert len(said) == 2


def test_chosen_rows_stay_on_disk(tmp_path: Path):
    path = write(tmp_path, "a.csv", CSV)
    texts = user.read(user.Source(str(path)), user.Columns(Text(), Labels()), tmp_path / "datasets", print)[
        "train"
    ].inputs
    some = texts.take([4, 0])
    assert isinstance(some, user.Texts)
    assert [text.decode() for text in some[:]] == ["olá ☕", "Fine, really."]


def test_a_pipe_is_no_file(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.csv")
    columns = user.Columns(Text(), Labels())
    for path in (tmp_path / "pipe.csv", Path("/dev/zero")):
        with pytest.raises(InputError, match=rf"{path} is a pipe or a device; give a file"):
            user.read(user.Source(str(path)), columns, tmp_path, print)
        with pytest.raises(InputError, match=rf"{path} is a pipe or a device; give a file"):
            user.text(path, Options(), ["text"])
