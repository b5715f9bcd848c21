"""Files as people have them: one row a case, the smallest file, and the rows that come of it or the line that is said.

Each is of a kind that people have reported of readers: silently merged rows, columns without names, other encodings.
"""

from __future__ import annotations

import bz2
import csv
import functools
import gzip
import io
import json
import lzma
import shutil
from datetime import date
from decimal import Decimal
from encodings.aliases import aliases
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtasks.cli import _outcome, group
from seqtasks.codecs.labels import Labels
from seqtasks.codecs.nucleotides import Nucleotides
from seqtasks.codecs.text import Text
from seqtasks.data import corpus, readers, user
from seqtasks.data.readers import Options, Reject, Row, dialect
from seqtasks.errors import InputError, SeqtasksError, UsageError
from seqtasks.inference import forms, predictor
from tests.conftest import Learned, quickly, run

AB = [("one", "a"), ("two", "b")]
CSV = "text,label\none,a\ntwo,b\n"
ROWS = '[{"text": "one", "label": "a"}, {"text": "two", "label": "b"}]'


def read(path: Path, said: list[str] | None = None, codec: Any = None, **options: Any) -> list[tuple[str, str]]:
    """Texts and labels, through a store, and what is said meanwhile."""
    source, notice = user.Source(str(path), None, Options(**options)), (said if said is not None else []).append
    train = user.read(source, codec or Text(), Labels(), path.parent / "datasets", notice)["train"]
    return [(text.decode(), label) for text, label in zip(train.inputs[:], train.targets[:], strict=True)]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


MERGED = 'text,label\n"One, she said,a\nfine,b\nfine too,a\nit was called ",b\n' + "more,a\nof this,b\n" * 4

READ: dict[str, tuple[str, str | bytes, dict[str, Any], list[tuple[str, str]], str]] = {
    # what it is: the file's name, its content, options, the rows, what is said of it
    "TSV that does not quote": ("a.tsv", 'text\tlabel\n"one\ta\nx\tb\ntwo" x\ta\n', {}, [('"one', "a"), ("x", "b"), ('two" x', "a")], "quotation marks are signs like others"),
    "TSV whose marks would merge rows": ("a.tsv", 'text\tlabel\n"one\ta\nx\tb\ntwo "\tb\n', {}, [('"one', "a"), ("x", "b"), ('two "', "b")], "signs like others"),
    "TSV of pandas, which quotes": ("a.tsv", 'text\tlabel\n"a ""b"" c"\ta\ntwo\tb\n', {}, [('a "b" c', "a"), ("two", "b")], ""),
    "TSV with a line end in quotes": ("a.tsv", 'text\tlabel\n"one\nmore"\ta\ntwo\tb\n', {}, [("one\nmore", "a"), ("two", "b")], ""),
    "TSV as it is told to be": ("a.tsv", 'text\tlabel\n"one"\ta\ntwo\tb\n', {"quoting": "none"}, [('"one"', "a"), ("two", "b")], ""),
    "CSV with marks escaped by \\": ("a.csv", 'text,label\n"a \\"b\\" c",a\ntwo,b\n', {"quoting": "backslash"}, [('a "b" c', "a"), ("two", "b")], ""),
    "CSV with marks inside a field": ("a.csv", 'text,label\na 5" screen,a\ntwo,b\n', {}, [('a 5" screen', "a"), ("two", "b")], ""),
    "CSV with lines that look like rows": ("a.csv", 'text,label\n"Hello, world\nand, more",a\ntwo,b\n', {}, [("Hello, world\nand, more", "a"), ("two", "b")], ""),
    "semicolons": ("a.csv", "text;label\none;a\ntwo;b\n", {}, AB, "fields are separated by ';'"),
    "tabs in a CSV": ("a.csv", "text\tlabel\none\ta\ntwo\tb\n", {}, AB, r"fields are separated by '\t'"),
    "bars with blanks": ("a.csv", "text| label\none| a\ntwo| b\n", {}, AB, "fields are separated by '|'"),
    "commas in a TSV": ("a.tsv", CSV, {}, AB, "fields are separated by ','"),
    "semicolons and commas": ("a.csv", "text;label;price\none, or so;a;1,5\ntwo;b;2,5\n", {}, [("one, or so", "a"), ("two", "b")], "';'"),
    "a line sep=;": ("a.csv", "sep=;\ntext;label\none;a\ntwo;b\n", {}, AB, "';'"),
    "columns without a name": ("a.csv", "label,text,,,\na,one,,,\nb,two,more,,\n", {}, AB, "1 rows have values in columns without a name"),
    "rows without their last cells": ("a.csv", "label,text,,\na,one\nb,two,,\n", {}, AB, ""),
    "cells beyond the last name": ("a.csv", "text,label\none,a,,\ntwo,b\n", {}, AB, ""),
    "an index of pandas": ("a.csv", ",text,label\n0,one,a\n1,two,b\n", {}, AB, ""),
    "a header of numbers": ("a.csv", "0,1\none,a\ntwo,b\n", {"input_column": "0", "label_column": "1"}, AB, ""),
    "no header": ("a.csv", "a,one\nb,two\n", {"header": False, "input_column": "2", "label_column": "1"}, AB, ""),
    "empty lines": ("a.csv", "text,label\n\none,a\n\n\ntwo,b\n", {}, AB, ""),
    "paths of Windows": ("a.csv", "text,label\nC:\\new\\table,a\ntwo,b\n", {}, [("C:\\new\\table", "a"), ("two", "b")], ""),
    "UTF-8 with a mark": ("a.csv", "\ufeff" + CSV, {"encoding": "utf_8"}, AB, ""),
    "UTF-16 of Excel": ("a.csv", "\ufefftext\tlabel\nolá\ta\ntwo\tb\n".encode("utf-16-le"), {}, [("olá", "a"), ("two", "b")], "read as utf-16; fields are separated by"),
    "UTF-16 without a mark": ("a.csv", CSV.encode("utf-16-le"), {}, AB, "read as utf-16-le"),
    "UTF-16, big end first": ("a.csv", CSV.encode("utf-16-be"), {}, AB, "read as utf-16-be"),
    "UTF-32": ("a.csv", CSV.encode("utf-32"), {}, AB, "read as utf-32"),
    "UTF-32 without a mark": ("a.csv", CSV.encode("utf-32-be"), {}, AB, "read as utf-32-be"),
    "Chinese in UTF-16": ("a.csv", "text,label\n电影很好看,a\ntwo,b\n".encode("utf-16-le"), {}, [("电影很好看", "a"), ("two", "b")], "utf-16-le"),
    "U16": ("a.csv", CSV.encode("utf-16"), {"encoding": "U16"}, AB, ""),
    "utf_16_le of a file with a mark": ("a.csv", ("\ufeff" + CSV).encode("utf-16-le"), {"encoding": "utf_16_le"}, AB, ""),
    "utf-16 of a file without one": ("a.csv", CSV.encode("utf-16-be"), {"encoding": "utf-16"}, AB, ""),
    "windows-1252": ("a.csv", "text,label\n“olá”,a\ntwo,b\n".encode("cp1252"), {}, [("“olá”", "a"), ("two", "b")], "read as windows-1252"),
    "windows-1252, known by the last letter": ("a.csv", "text,label\none,a\ntwo,olé".encode("cp1252"), {}, [("one", "a"), ("two", "olé")], "read as windows-1252"),
    "latin-1 that is UTF-8": ("a.csv", "text,label\nolá,a\ntwo,b\n", {"encoding": "latin-1"}, [("olÃ¡", "a"), ("two", "b")], "though it is UTF-8"),
    "gb18030": ("a.csv", "text,label\n好看,a\ntwo,b\n".encode("gb18030"), {"encoding": "gb18030"}, [("好看", "a"), ("two", "b")], ""),
    "UTF-7": ("a.csv", "text,label\nolá,a\ntwo,b\n".encode("utf-7"), {"encoding": "utf-7"}, [("olá", "a"), ("two", "b")], ""),
    "a JSON array": ("a.json", ROWS, {}, AB, ""),
    "a JSON array over lines": ("a.json", json.dumps(json.loads(ROWS), indent=2), {}, AB, ""),
    "a JSON array called .jsonl": ("a.jsonl", ROWS.replace("}, {", "},\n{"), {}, AB, ""),
    "JSON lines called .json": ("a.json", ROWS[1:-1].replace("}, {", "}\n{"), {}, AB, ""),
    "objects over lines": ("a.jsonl", "\n".join(json.dumps(each, indent=1) for each in json.loads(ROWS)), {}, AB, ""),
    "half a character": ("a.jsonl", '{"text": "a \\ud83d", "label": "a"}\n{"text": "\\ud83d\\ude00", "label": "b", "x": "\\ude00"}\n', {}, [("a \ufffd", "a"), ("😀", "b")], ""),
    "keys that come later": ("a.jsonl", '{"id": 1}\n{"id": 2, "text": "one", "label": "a"}\n{"label": "b", "text": "two"}\n', {"on_invalid": "skip"}, AB, "1 rows that cannot be used"),
    "1, 1.0 and \"1\"": ("a.jsonl", "".join(f'{{"text": "{place}", "label": {label}}}\n' for place, label in enumerate(("1", "1.0", '"1"', '"1.0"', "0"))), {}, [("0", "1"), ("1", "1"), ("2", "1"), ("3", "1"), ("4", "0")], "labels are numbers and texts"),
    "1.0 in a table": ("a.csv", "text,label\none,1.0\ntwo,1\nthree,0\n", {}, [("one", "1"), ("two", "1"), ("three", "0")], "labels are read as 1 where 1.0 stands"),
    "labels of two spellings": ("a.csv", "text,label\none,Good\ntwo,good\nthree,bad\n", {}, [("one", "Good"), ("two", "good"), ("three", "bad")], "labels Good and good are classes of their own"),
    "labels equal as numbers": ("a.csv", "text,label\none,01\ntwo,1\nthree,2\n", {}, [("one", "01"), ("two", "1"), ("three", "2")], "labels 01 and 1 are classes of their own"),
    "a column that is no label": ("a.csv", "text,label\n" + "".join(f"text {each},{each}\n" for each in range(5)), {}, [(f"text {each}", str(each)) for each in range(5)], "5 labels in 5 rows: is label the right column?"),
    "a label to be ignored": ("a.csv", "text,label\none,a\nx,none\ntwo,b\n", {"ignore_labels": ("none",)}, AB, "1 rows of labels to be ignored are left out"),
    "joined files": ("a.csv", CSV + "text,label\n" + "three,a\n", {"on_invalid": "skip"}, [*AB, ("three", "a")], "1 rows that cannot be used"),
    "bzip2": ("a.csv.bz2", bz2.compress(CSV.encode()), {}, AB, ""),
    "xz": ("a.csv.XZ", lzma.compress(CSV.encode()), {}, AB, ""),
    "gzip by its bytes": ("a.csv", gzip.compress(CSV.encode()), {}, AB, ""),
    "a name in capitals": ("A.CSV.GZ", gzip.compress(CSV.encode()), {}, AB, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_a_file_is_read(case: str, tmp_path: Path):
    name, content, options, rows, said = READ[case]
    heard: list[str] = []
    assert read(written(tmp_path, name, content), heard, **options) == rows
    assert said in "\n".join(heard)
    if not said:
        assert heard == [f"reading {tmp_path / name}"]


REFUSED: dict[str, tuple[str, str | bytes, dict[str, Any], int, str]] = {
    # what it is: the file's name, its content, options, the exit code, the line
    "a mark that takes rows, labels first": ("a.csv", "label,text\na,\"One\nb,fine\na,it was called \"\n" + "a,x\nb,y\n" * 4, {}, 3, ":2 opens a quotation mark that is closed 2 lines further on"),
    "a mark that takes rows": ("a.csv", MERGED, {"on_invalid": "skip"}, 3, ":2 opens a quotation mark that is closed 3 lines further on, and each of these lines looks like a row"),
    "a mark that takes the rest": ("a.csv", CSV + '"open,a\nx,b\n', {"on_invalid": "skip"}, 3, ":4 opens a quotation mark that is never closed"),
    "marks escaped by \\": ("a.csv", 'text,label\n"a \\"b\\" c",a\n', {}, 3, r""":2 cannot be read (',' expected after '"'): a field has \" inside; double such marks, or give --quoting backslash"""),
    "no header": ("a.csv", "0,so tired\n4,so glad\n", {}, 3, "it has 0, so tired: name one with --input-column; its first row looks like data: give --no-header"),
    "no header, columns by its first row": ("a.csv", "0,so tired\n4,so glad\n", {"input_column": "so tired", "label_column": "0"}, 3, "its first row looks like data: give --no-header"),
    "no header, a label first": ("a.csv", "bad,so tired\ngood,so glad\nbad,no\n", {"input_column": "so tired", "label_column": "bad"}, 3, "has 'bad' as a column's name and as a label; if its first row is data: give --no-header"),
    "a column in two spellings": ("a.csv", "text,Text,label\none,uno,a\n", {}, 3, "has text and Text; name the one that holds the inputs with --input-column"),
    "the header once more": ("a.csv", CSV + CSV, {}, 3, ":4 is the header once more; leave it out"),
    "a row behind a line sep=;": ("a.csv", "sep=;\ntext;label\none;a\ntwo;b;c\n", {}, 3, "a.csv:4 has 3 fields, expected 2"),
    "semicolons where the separator is said": ("a.csv", "text;label\none;a\n", {"separator": ","}, 3, "it has text;label: name one with --input-column; give --separator ';'"),
    "a list as a label": ("a.jsonl", '{"text": "one", "label": ["a"]}\n', {}, 3, ":1 has a list as label, '[\"a\"]'; give one class a row"),
    "a list in a string": ("a.csv", "text,label\none,\"['a', 'b']\"\n", {}, 3, ":2 has a list as label, \"['a', 'b']\"; give one class a row"),
    "a list as a text": ("a.jsonl", '{"text": ["one"], "label": "a"}\n', {}, 3, ":1 has a list or an object as text"),
    "a key that is missing": ("a.jsonl", '{"label": "a"}\n{"text": "one", "label": "a"}\n', {}, 3, ":1 has no text; fill it in or leave the row out"),
    "a key twice": ("a.jsonl", '{"text": "one", "text": "two", "label": "a"}\n', {}, 3, ":1 is no JSON (it has 'text' twice)"),
    "JSON by columns": ("a.json", '{"text": {"0": "one"},\n "label": {"0": "a"}}\n', {}, 3, ":1 has a list or an object as text"),
    "a JSON array that is cut off": ("a.json", ROWS[:-3], {"on_invalid": "skip"}, 3, ":1 is no JSON"),
    "a JSON array without its end": ("a.json", ROWS[:-1], {"on_invalid": "skip"}, 3, "is cut off: its array does not end"),
    "NaN as a label": ("a.jsonl", '{"text": "one", "label": NaN}\n', {}, 3, ":1 has no label"),
    "UTF-16 that is cut off": ("a.csv", CSV.encode("utf-16")[:-1], {"encoding": "utf-16"}, 3, "a.csv cannot be read as utf-16 (truncated data"),
    "utf-16 that is UTF-8": ("a.csv", CSV, {"encoding": "utf-16"}, 3, "a.csv is utf-8, not utf-16; leave --encoding out"),
    "utf-16-le that is UTF-8": ("a.txt", CSV, {"encoding": "utf-16-le"}, 3, "is utf-8, not utf-16-le"),
    "latin-1 that is UTF-16": ("a.csv", CSV.encode("utf-16"), {"encoding": "latin-1"}, 3, "is UTF-16, not iso8859-1; leave --encoding out"),
    "Russian in windows-1251": ("a.csv", "text,label\nхорошо,a\n".encode("cp1251"), {}, 3, ":2 is not in utf-8 (byte 0xf5 behind 0 bytes of text)"),
    "a damaged gb18030": ("a.csv", b"text,label\nolx\x81", {"encoding": "gb18030"}, 3, "a.csv:2 has 1 fields"),
    "hex": ("a.csv", CSV, {"encoding": "hex"}, 2, "unknown encoding 'hex'"),
    "idna": ("a.csv", CSV, {"encoding": "idna"}, 2, "'idna' is no encoding of text files"),
    "utf-9": ("a.csv", CSV, {"encoding": "utf-9"}, 2, "unknown encoding 'utf-9'; did you mean utf-"),
    "an encoding with a NUL": ("a.csv", CSV, {"encoding": "utf\0"}, 2, "unknown encoding"),
    "a ZIP": ("a.zip", "PK", {}, 2, "is an archive; unpack it first"),
    "a workbook": ("a.xls", "PK", {}, 2, "is an Excel workbook of before 2007; save it as .xlsx"),
    "FASTQ": ("a.fastq.gz", b"", {}, 2, "is FASTQ, not FASTA; convert it"),
    "FASTQ called .fa": ("a.fa", "@r1\nACGT\n+\n>III\n", {"label_pattern": "r"}, 3, ":1 is FASTQ, not FASTA"),
    "GenBank called .fa": ("a.fa", "LOCUS       X\nORIGIN\n 1 acgt\n//\n", {"label_pattern": "r"}, 3, ":1 is GenBank, not FASTA"),
    "a bz2 that is cut off": ("a.csv.bz2", bz2.compress(CSV.encode() * 99)[:-9], {}, 4, "is cut off or altered"),
    "an xz that is cut off": ("a.csv.xz", lzma.compress(CSV.encode() * 99)[:-9], {}, 4, "is cut off or altered"),
    "a gz that is none": ("a.csv.gz", CSV, {}, 4, "is cut off or altered"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_is_refused_in_one_line(case: str, tmp_path: Path):
    name, content, options, code, said = REFUSED[case]
    with pytest.raises(SeqtasksError) as raised:
        read(written(tmp_path, name, content), **options)
    assert raised.value.exit_code == code
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def table(folder: Path, **columns: list[Any]) -> Path:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table(columns), folder / "a.parquet")
    return folder / "a.parquet"


@pytest.mark.parametrize(
    ("texts", "labels", "rows"),
    [
        ([b"one", "olá".encode()], ["a", "b"], [("one", "a"), ("olá", "b")]),
        (["one", "two"], [Decimal("1.00"), Decimal("0.00")], [("one", "1"), ("two", "0")]),
        (["one", "two"], [1.0, 0.0], [("one", "1"), ("two", "0")]),
        (["one", "two"], [date(2020, 1, 2), date(2021, 1, 2)], [("one", "2020-01-02"), ("two", "2021-01-02")]),
        (["one", "two"], [True, False], [("one", "true"), ("two", "false")]),
    ],
)
def test_parquet_of_other_types(texts: list[Any], labels: list[Any], rows: list[tuple[str, str]], tmp_path: Path):
    assert read(table(tmp_path, text=texts, label=labels)) == rows


def test_bytes_of_parquet_that_are_no_text_are_the_row_s_fault_only_where_they_are_asked_for(tmp_path: Path):
    path = table(tmp_path, text=["one"], label=["a"], photo=[b"\xff\xd8\xff"])
    assert read(path) == [("one", "a")]
    with pytest.raises(InputError, match=r":1 is not in utf-8 \(byte 0xff behind 0 bytes of photo\)"):
        read(path, input_column="photo")


FOLDERS: dict[str, tuple[list[str], list[tuple[str, str]] | str, str]] = {
    # what it is: its files, each of its own name, the rows or the error, what is said of it
    "IMDB's": (["pos/1.txt", "neg/1.txt", "unsup/1.txt"], [("neg/1.txt", "neg"), ("pos/1.txt", "pos")], "1 texts of unsup have no label and are left out"),
    "what a Mac leaves": (["a/1.txt", "a/._1.txt", "b/1.txt", "._a/1.txt", "__MACOSX/1.txt", ".DS_Store", "b/Thumbs.db"], [("a/1.txt", "a"), ("b/1.txt", "b")], "5 hidden files are left out"),
    "what Jupyter leaves": (["a/1.txt", "b/1.txt", ".ipynb_checkpoints/1.txt", "b/.ipynb_checkpoints/1.txt"], [("a/1.txt", "a"), ("b/1.txt", "b")], "2 hidden files are left out"),
    "others beside texts": (["a/1.txt", "b/1.TXT", "b/notes.md"], [("a/1.txt", "a"), ("b/1.TXT", "b")], "1 files that are no .txt are left out"),
    "the folder above": (["test/pos/1.txt", "train/pos/1.txt", "train/neg/1.txt", "train/urls.txt"], "has test, train, which are no classes; give --data {path}/train --test-data {path}/test", ""),
    "one level deeper": (["a/x/1.txt", "b/x/1.txt"], "has folders in a, one level deeper than the classes", ""),
    "files without an ending": (["a/1", "a/2", "b/1"], "has no .txt file in a: its files are 2 with no ending; rename them to .txt", ""),
    "one class of them": (["a/1.txt", "b/1.md"], "has no .txt file in b: its files are 1 with .md", ""),
    "a flat folder": (["1.txt", "2.txt"], "has 1.txt, 2.txt; give a folder with a folder per class, each of .txt files", ""),
    "nothing": ([".DS_Store"], "has nothing; give a folder with a folder per class", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder(case: str, tmp_path: Path):
    names, expected, said = FOLDERS[case]
    folder, heard = tmp_path / "given", list[str]()
    for name in names:
        written(folder, name, name)
    if isinstance(expected, str):
        with pytest.raises(InputError) as raised:
            read(folder)
        assert expected.format(path=folder) in str(raised.value)
        return
    assert read(folder, heard) == expected
    assert said in "\n".join(heard)


def test_what_systems_leave_behind_is_no_part_of_a_text(tmp_path: Path):
    for name in ("one.txt", "._one.txt", "__MACOSX/one.txt", ".ipynb_checkpoints/one.txt", "part/two.txt"):
        written(tmp_path, f"novels/{name}", name)
    assert corpus.text(tmp_path / "novels", Options(), ["text"]) == b"one.txt\n\npart/two.txt\n"


SEQUENCES = {
    "blanks at the ends": ">r a\nACGT  \nACGT\t\n",
    "blocks of ten": ">r a\nACGTACGTAC GTACGTACGT\n",
    "numbers as GenBank prints them": ">r a\n        1 acgtacgtac gtacgtacgt\n       21 acgt\n",
    "numbers behind": ">r a\nACGTACGTAC GTACGTACGT 20\n",
}


@pytest.mark.parametrize("case", SEQUENCES)
@pytest.mark.parametrize("end", [".fa", ".fas", ".fsa", ".ffn", ".FA.GZ"])
def test_white_space_and_numbers_are_no_bases(case: str, end: str, tmp_path: Path):
    content = SEQUENCES[case].encode()
    path = written(tmp_path, f"x{end}", gzip.compress(content) if end.endswith("GZ") else content)
    ((sequence, label),) = read(path, codec=Nucleotides(), label_pattern="[ab]$")
    assert sequence == ("ACGT" * 6)[: len(sequence)]
    assert len(sequence) in (8, 20, 24)
    assert label == "a"
    lines = SEQUENCES[case].partition("\n")[2]
    assert Nucleotides().clean(lines.encode()) == sequence.encode()  # as a value, pasted
    assert Nucleotides().encode([lines])[1].numpy() == len(sequence)  # and in the graph


@pytest.mark.parametrize(
    ("sign", "what"), [("-", "a gap of an alignment"), (".", "a gap"), ("*", "the end of a protein")]
)
def test_what_is_no_base_is_named_with_its_record(sign: str, what: str, tmp_path: Path):
    path = written(tmp_path, "x.fa", f">r1 a\nACG{sign}T\n>r2 a\nACGT\n")
    with pytest.raises(InputError, match=rf"x.fa:1 \(record r1\) has '\{sign}' at base 4, which is {what}"):
        read(path, codec=Nucleotides(), label_pattern="a")
    assert len(read(path, codec=Nucleotides(), label_pattern="a", on_invalid="skip")) == 1


SEPARATORS = [(r"\t", "\t"), ("\t", "\t"), ("tab", "\t"), (";", ";"), ("semicolon", ";"), ("||", None), ("", None)]


@pytest.mark.parametrize(("spelled", "separator"), [*SEPARATORS, ('"', None), ("\n", None), ("é", "é"), ("\0", None)])
def test_a_separator_is_one_character(spelled: str, separator: str | None):
    if separator is not None:
        assert dialect.separator(spelled) == separator
        return
    with pytest.raises(UsageError, match=r"--separator is one character, such as ; or \\t, not"):
        dialect.separator(spelled)
    with pytest.raises(UsageError, match="--separator is one character"):
        run("train", "sentiment", "--data", "x.csv", "--separator", spelled)


LINES = [{"text": 'a "b", c', "price": float("nan"), "answer": "ok"}, {"text": "x\ty;z", "price": None, "answer": "no"}]
WRITTEN: dict[str, tuple[str, str | None, bytes]] = {
    # the file's name and what it has, the output's name, what is written
    "a.csv": ("text;price\n", None, b'text;price;answer\n"a ""b"", c";;ok\n"x\ty;z";;no\n'),
    "b.csv": ("text,price\n", "out.csv", b'text,price,answer\n"a ""b"", c",,ok\nx\ty;z,,no\n'),
    "c.csv": ("text;price\n", "out.tsv", b'text\tprice\tanswer\n"a ""b"", c"\t\tok\n"x\ty;z"\t\tno\n'),
    "d.csv": ("text,price\n", "out.jsonl", b'{"text": "a \\"b\\", c", "price": null, "answer": "ok"}\n{"text": "x\\ty;z", "price": null, "answer": "no"}\n'),
    "e.jsonl": ('{"text": "", "price": 1}\n{"id": 1}\n', "out.csv", b'text,price,id,answer\n"a ""b"", c",,,ok\nx\ty;z,,,no\n'),
    "f.tsv": ('text\tprice\n"a\t1\n', "out", b'text\tprice\tanswer\na "b", c\t\tok\nx y;z\t\tno\n'),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_answers_have_the_form_of_the_output_s_name_or_of_the_file(name: str, end: str, tmp_path: Path):
    content, output, expected = WRITTEN[name]
    path = written(tmp_path, name, content)
    options, _ = readers.settled(path, Options())
    form = forms.of(path, options, Path((output or "out.csv") + end))
    parts = [form.content(LINES[:1], header=True), form.content(LINES[1:], header=False)]
    found = b"".join(parts)
    assert (gzip.decompress(found) if end else found) == expected


@pytest.mark.parametrize("name", ["out.xlsx", "out.parquet", "out.json", "out.csv.bz2"])
def test_an_output_of_another_form_is_refused(name: str, tmp_path: Path):
    with pytest.raises(UsageError, match=r"cannot be written; give a name that ends in \.csv, \.tsv or \.jsonl"):
        forms.of(written(tmp_path, "a.csv", CSV), Options(), Path(name))


FIELDS = st.text(st.sampled_from("ab,;\t|\"'\\ \n\ré😀"), max_size=6)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(FIELDS, st.sampled_from(["good", "bad"])), min_size=1, max_size=8),
    separator=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_no_row_of_a_csv_is_lost(rows: list[tuple[str, str]], separator: str, quoting: int, tmp_path: Path):
    """Rows read and rows set aside are as many as Python's csv counts, and those read are as it reads them."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=quoting, lineterminator="\n").writerows([("text", "label"), *rows])
    path = written(tmp_path, "a.csv", text.getvalue())
    found = list(readers.rows(path, Options(separator=separator, quoting="double")))
    counted = [row for row in csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=separator) if row][1:]
    assert len(found) == len(counted)
    read = [list(row.fields.values()) for row in found if isinstance(row, Row)]
    assert read == [row for row in counted if len(row) == 2 and row != ["text", "label"]]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=60),
        st.text(st.sampled_from('text,label;\t|"\n\r\\{}[]:1.\0é😀>ACGT@'), max_size=60).map(str.encode),
    ),
    name=st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.json", "a.txt", "a.fa", "a.csv.gz", "a.xz", "a.parquet"]),
    encoding=st.sampled_from([None, "utf-8", "utf-16", "utf-32-le", "latin-1", "gb18030", "shift_jis", "utf-7", "hex"]),
    separator=st.sampled_from([None, ",", ";", "\t", "|", "é"]),
    quoting=st.sampled_from([None, *dialect.QUOTING]),
)
def test_any_file_is_read_or_refused(
    content: bytes, name: str, encoding: str | None, separator: str | None, quoting: str | None, tmp_path: Path
):
    path = written(tmp_path, name, content)
    options = Options(encoding=encoding, separator=separator, quoting=quoting, label_pattern="T")
    try:
        for row in readers.rows(path, options):
            assert isinstance(row, Row | Reject)
    except SeqtasksError as error:
        assert error.exit_code in (2, 3, 4)
        assert "\n" not in str(error)


KINDS_OF_BYTES = st.one_of(
    st.binary(max_size=80),
    st.text(st.sampled_from('text,label;\t|"\n\r\\{}[]:1.\0é😀>ACGT@'), max_size=80).map(str.encode),
    st.text(max_size=40).map(lambda text: text.encode("utf-16", "surrogatepass")),
    st.text(st.sampled_from("é“ñãtext,label\n"), max_size=60).map(lambda text: text.encode("cp1252")),
)
CODECS = st.one_of(
    st.sampled_from(
        [None, "utf-8", "utf_16", "U16", "utf-32-le", "latin-1", "gb18030", "utf-7", "hex", "rot13", "idna"]
    ),
    st.sampled_from(sorted(set(aliases.values()))),
    st.text(max_size=8),
)
ENDS = st.sampled_from(
    [".csv", ".tsv", ".jsonl", ".json", ".txt", ".fa", ".csv.gz", ".parquet", ".xlsx", "", ".FAS.XZ"]
)
OUTPUTS = st.sampled_from([None, "out", "out.csv", "out.tsv", "out.jsonl", "out.csv.gz", "out.parquet", "o [1].csv"])


loaded = functools.cache(predictor.load)  # by all the command lines of a test


@pytest.mark.thorough
@quickly("sentiment")
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=KINDS_OF_BYTES, end=ENDS, encoding=CODECS, separator=st.text(max_size=2) | st.none(), output=OUTPUTS,
       quoting=st.sampled_from([None, *dialect.QUOTING]), more=st.sets(st.sampled_from(["--no-header", "--on-invalid=skip"])),
       column=st.sampled_from([None, "text", "1", "label", "\0"]))  # fmt: skip
def test_no_command_line_is_a_bug(learned: Learned, tmp_path_factory: pytest.TempPathFactory, content: bytes, end: str,
                                  encoding: str | None, separator: str | None, output: str | None,
                                  quoting: str | None, more: set[str], column: str | None):  # fmt: skip
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    shutil.rmtree(folder, ignore_errors=True)
    path = written(folder, f"a{end}", content)
    named = {"--encoding": encoding, "--separator": separator, "--quoting": quoting, "--input-column": column}
    options = [f"{name}={value}" for name, value in named.items() if value is not None]
    options += [f"--output={folder / output}"] if output else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictor, "load", loaded)
        patch.chdir(folder)
        arguments = ["predict", "sentiment", f"--model={learned.folder}", f"--file={path}", *options, *sorted(more)]
        result = CliRunner().invoke(group, arguments, standalone_mode=False)
    code = 0 if result.exception is None else _outcome(result.exception)[0]
    assert code in (0, 2, 3, 4), (arguments, result.exception)
