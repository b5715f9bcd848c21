"""Your own text: files, folders and tables of any kind, and the errors of bad ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from seqtasks.data import corpus, user
from seqtasks.data.readers import Options
from seqtasks.errors import InputError, SeqtasksError, UsageError
from tests.conftest import run, sets

pytestmark = pytest.mark.trains

COLUMNS = ("text", "content")
SONG = "Água mole\nem pedra dura\ntanto bate\naté que fura.\n"


def read(path: Path, **options: str) -> str:
    return corpus.text(path, Options(**options), COLUMNS).decode()


def test_a_file_is_taken_as_it_is_plain_or_packed(tmp_path: Path):
    (tmp_path / "a.txt").write_text(SONG)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(SONG.encode()))
    assert read(tmp_path / "a.txt") == read(tmp_path / "b.txt.gz") == SONG


def test_line_ends_and_a_byte_order_mark_are_no_text(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + SONG.replace("\n", "\r\n").encode())
    assert read(tmp_path / "a.txt") == SONG


def test_a_folder_is_its_files_one_behind_the_other(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_text("one\n\n\n")
    (tmp_path / "deep" / "b.txt").write_text("two")
    assert read(tmp_path) == "one\n\ntwo\n"


def test_a_table_is_its_column_with_empty_lines_between(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"n": n, "text": SONG}) for n in range(2)))
    (tmp_path / "a.csv").write_text("title,verse\nx,one\ny,two\n")
    assert read(tmp_path / "a.jsonl") == f"{SONG}\n\n{SONG}\n"
    assert read(tmp_path / "a.csv", input_column="verse") == "one\n\ntwo\n"


def test_a_source_is_a_row_a_file(tmp_path: Path):
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "b.txt").write_text("two")
    said: list[str] = []
    found = corpus.read(user.Source(str(tmp_path / "a.txt"), str(tmp_path / "b.txt")), COLUMNS, said.append)
    assert {name: each.inputs[:].tolist() for name, each in found.items()} == {"train": [b"one\n"], "test": [b"two\n"]}
    assert said == [f"reading {tmp_path / name}" for name in ("a.txt", "b.txt")]


def test_a_novel_may_be_one_field(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x" * 1_200_000}))
    assert len(read(tmp_path / "a.jsonl")) == 1_200_001


@pytest.mark.parametrize(
    ("name", "content", "kind", "said"),
    [
        ("a.txt", b"caf\x81\n" * 50, InputError, "a.txt:1 is not in utf-8 .byte 0x81 behind 3 bytes"),
        ("a.csv", b"x,y\n1,2\n", InputError, "it has x, y: name one with --text-column"),
        ("a.pdf", b"%PDF", UsageError, "a.pdf is a PDF; save it as plain text"),
        ("a.txt", bytes(range(32)) * 9, InputError, "is a binary file"),
    ],
)
def test_an_error_for_what_is_no_text(tmp_path: Path, name: str, content: bytes, kind: type[SeqtasksError], said: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(kind, match=said):
        read(tmp_path / name)


def test_an_error_for_a_folder_without_texts(tmp_path: Path):
    with pytest.raises(InputError, match=r"has no .txt file; give a folder of texts"):
        read(tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("level", ["character", "word"])
def test_it_learns_your_own_text_and_generates_like_it(tmp_path: Path, level: str):
    (tmp_path / "song.txt").write_text(SONG * 30)
    settings = {
        "level": level, "num_layers": 1, "units": 32, "embedding_dim": 16, "bptt_steps": 16, "batch_size": 4,
        "epochs": 2, "ema_momentum": 0.9, "dropout": 0, "weight_dropout": 0, "output_dropout": 0,
        "learning_rate": 0.02, "dtype_policy": "float32",
    }  # fmt: skip
    model = ("--model", tmp_path / "model")
    train = ["train", "text-generation", "--data", tmp_path / "song.txt", "--data-dir", tmp_path / "datasets"]
    run(*train, *model, *sets({name: str(value) for name, value in settings.items()}))
    result = json.loads(run("evaluate", "text-generation", "--json", *model).stdout)
    assert result["bits_per_character"] < 0.6
    run("export", "text-generation", *model)
    length = "12" if level == "word" else "40"
    shown = run("generate", "Água mole", "--max-new-tokens", length, "--temperature", "0", *model)
    assert shown.stdout.startswith("Água mole\nem pedra dura\ntanto bate")
