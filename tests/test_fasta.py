"""FASTA as people have it, read as examples."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from seqtasks import tasks
from seqtasks.data import prepare, readers, user
from seqtasks.data.readers import Options, Row, fasta
from seqtasks.data.readers.fasta import Header
from seqtasks.errors import InputError, IntegrityError, UsageError
from seqtasks.task import Folders


def written(path: Path, text: str) -> Path:
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def rows(path: Path, **options: object) -> list[tuple[str, str] | str]:
    return [
        (each.fields["name"], each.fields["sequence"]) if isinstance(each, Row) else each.reason
        for each in readers.rows(path, Options(**options))
    ]


@pytest.mark.parametrize("name", ["x.fa", "x.fasta", "x.fna", "x.fa.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_records_of_many_lines(tmp_path: Path, name: str, end: str):
    text = end.join([";a remark", ">one first", "ACGT", "acg", "", ">two\tsecond", "TT"])
    assert rows(written(tmp_path / name, text)) == [("one", "ACGTacg"), ("two", "TT")]


def test_parts_know_their_lines():
    found = list(fasta.parts(io.StringIO(">a\nAC\n\n>b c\nGT\n"), "x"))
    assert found == [Header(1, "a"), "AC", Header(4, "b c"), "GT"]
    assert found[2].name == "b"


def test_a_line_however_long_comes_in_pieces():
    found = list(fasta.parts(io.StringIO(">" + "h" * 200_000 + "\n" + "A" * 200_000), "x"))
    assert [len(each) for each in found[1:]] == [65_536, 65_536, 65_536, 3_392]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (">\nACGT\n", "is a header without a name"),
        (">a\n>b\nAC\n", r"(record a) has no bases"),
        (">a\nAC\n>a\nGT\n", "names a record a, as line 1 does"),
    ],
)
def test_a_record_that_is_none_is_set_aside(tmp_path: Path, text: str, reason: str):
    assert any(isinstance(each, str) and reason in each for each in rows(written(tmp_path / "x.fa", text)))


def test_bases_without_a_header_are_no_fasta(tmp_path: Path):
    with pytest.raises(InputError, match=r"x.fa:2 is no FASTA"):
        rows(written(tmp_path / "x.fa", "\nACGT\n>a\nAC\n"))


def test_a_cut_off_gz_is_told(tmp_path: Path):
    path = written(tmp_path / "x.fa.gz", ">a\n" + "ACGTTGCA" * 10_000)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(IntegrityError, match="cut off"):
        rows(path)


# --- examples ---------------------------------------------------------------------------------------------------------

LABELLED = "".join(f">{kind}{number} class={kind}\n{'ACGT'[number % 4]}{motif}{'ACGT' * (number + 1)}\n"
                   for number in range(40) for kind, motif in (("box", "TATAAAAG"), ("plain", "GCGCGCGC")))  # fmt: skip


def learned_from(path: Path, tmp_path: Path, **options: object) -> dict[str, list[tuple[bytes, str]]]:
    source = user.Source(str(path), None, Options(**options))
    data = prepare.read(tasks.find("dna"), source, Folders((str(tmp_path / "sets"),)), print)
    return {
        name: list(zip(examples.inputs[:], examples.targets[:], strict=True))
        for name, examples in data.examples.items()
    }


def test_the_label_stands_in_the_header(tmp_path: Path):
    found = learned_from(written(tmp_path / "x.fa", LABELLED), tmp_path, label_pattern=r"class=(\w+)")
    every = [pair for part in found.values() for pair in part]
    assert len(every) == 80
    assert all((b"TATAAAAG" in value) == (label == "box") for value, label in every)


def test_or_there_is_a_file_for_each_class(tmp_path: Path):
    (tmp_path / "classes").mkdir()
    for kind in ("box", "plain"):
        text = "".join(f">{part}" for part in LABELLED.split(">")[1:] if part.startswith(kind))
        written(tmp_path / "classes" / f"{kind}.fa.gz", text.lower().replace("class", "CLASS"))
    found = learned_from(tmp_path / "classes", tmp_path)
    every = [pair for part in found.values() for pair in part]
    assert len(every) == 80
    assert all((b"TATAAAAG" in value) == (label == "box") for value, label in every)


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        (LABELLED, {}, "--label-pattern"),
        (LABELLED, {"label_pattern": "kind=(.*)"}, r"x.fa:1 has a header in which --label-pattern finds nothing"),
        (LABELLED, {"label_pattern": "("}, "is no regular expression"),
        (
            LABELLED + ">odd class=box\nACGTE\n",
            {"label_pattern": r"class=(\w+)"},
            r":161 \(record odd\) has 'E' at base 5",
        ),
        (
            LABELLED + ">odd class=box\nNNNNA\n",
            {"label_pattern": r"class=(\w+)"},
            r":161 \(record odd\) has 5 bases, most",
        ),
        (LABELLED + ">odd class=box\nAGCGCGCGCACGT\n", {"label_pattern": r"class=(\w+)"}, "examples 2 and 81 are one"),
    ],
)
def test_what_cannot_be_learned_from_is_told(tmp_path: Path, text: str, options: dict[str, str], reason: str):
    with pytest.raises((InputError, UsageError), match=reason):
        learned_from(written(tmp_path / "x.fa", text), tmp_path, **options)


def test_or_left_out_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    wrong = ">odd class=box\nACGTE\n>none class=box\n\n>twice class=box\nAGCGCGCGCACGT\n"
    path = written(tmp_path / "x.fa", LABELLED + wrong)
    found = learned_from(path, tmp_path, label_pattern=r"class=(\w+)", on_invalid="skip")
    assert sum(len(part) for part in found.values()) == 79  # of the two under two labels none is taken
    said = capsys.readouterr().out
    assert "2 rows that cannot be used are left out" in said
    assert "2 rows of x.fa that hold a sequence under two labels are left out" in said


def test_what_stands_there_twice_is_learned_once(tmp_path: Path):
    path = written(tmp_path / "x.fa", LABELLED + ">again class=plain\nagcgcgcgcacgu\n")
    found = learned_from(path, tmp_path, label_pattern=r"class=(\w+)")
    assert sum(len(part) for part in found.values()) == 80
