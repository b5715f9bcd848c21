"""FASTA as people have it: read as examples, and scanned window by window."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from pathlib import Path

import pytest

from seqtasks import tasks
from seqtasks.codecs.nucleotides import Nucleotides
from seqtasks.data import prepare, readers, user
from seqtasks.data.readers import Options, Reject, Row, fasta
from seqtasks.data.readers.fasta import Header
from seqtasks.errors import InputError, IntegrityError, UsageError
from seqtasks.inference.scan import Scan
from seqtasks.task import Folders
from tests.conftest import Learned, run


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
        (LABELLED + ">odd class=box\nACGTE\n", {"label_pattern": r"class=(\w+)"}, r"x.fa:161 has 'E' at base 5"),
        (LABELLED + ">odd class=box\nNNNNA\n", {"label_pattern": r"class=(\w+)"}, r"x.fa:161 has 5 bases, most"),
        (LABELLED + ">odd class=box\nAGCGCGCGCACGT\n", {"label_pattern": r"class=(\w+)"}, "examples 2 and 81 are one"),
    ],
)
def test_what_cannot_be_learned_from_is_told(tmp_path: Path, text: str, options: dict[str, str], reason: str):
    with pytest.raises((InputError, UsageError), match=reason):
        learned_from(written(tmp_path / "x.fa", text), tmp_path, **options)


def test_or_left_out_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    wrong = ">odd class=box\nACGTE\n>none class=box\n\n>twice class=box\nAGCGCGCGCACGT\n"
    path = written(tmp_path / "x.fa", LABELLED + wrong)
    found = learned_from(path, tmp_path, label_pattern=r"class=(\w+)", skip_invalid=True)
    assert sum(len(part) for part in found.values()) == 79  # of the two under two labels none is taken
    said = capsys.readouterr().out
    assert "2 rows that cannot be used are left out" in said
    assert "2 rows of x.fa that hold a sequence under two labels are left out" in said


def test_what_stands_there_twice_is_learned_once(tmp_path: Path):
    path = written(tmp_path / "x.fa", LABELLED + ">again class=plain\nagcgcgcgcacgu\n")
    found = learned_from(path, tmp_path, label_pattern=r"class=(\w+)")
    assert sum(len(part) for part in found.values()) == 80


# --- scans ------------------------------------------------------------------------------------------------------------


def scan(path: Path, width: int, stride: int) -> tuple[list[tuple[str, int, str] | str], Scan]:
    found = Scan(path, Options(kind="fa"), Nucleotides(), width, stride)
    return [
        each.reason if isinstance(each, Reject) else (each.original["record"], each.original["start"],
                                                       each.fields["sequence"])
        for each in found
    ], found  # fmt: skip


def test_windows_slide_and_the_last_ends_with_the_record(tmp_path: Path):
    found, counted = scan(written(tmp_path / "x.fa", ">a\nACG\nTAC\nGu\n>b\nTTTT\n"), 4, 3)
    assert found == [("a", 0, "ACGT"), ("a", 3, "TACG"), ("a", 4, "ACGT"), ("b", 0, "TTTT")]
    assert counted.bases == 12


def test_a_stride_beyond_the_window_leaves_gaps(tmp_path: Path):
    found, _ = scan(written(tmp_path / "x.fa", ">a\nACGTACGTAC\n"), 2, 5)
    assert found == [("a", 0, "AC"), ("a", 5, "CG"), ("a", 8, "AC")]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1_000])
def test_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int):
    from seqtasks.inference import scan as scanning

    monkeypatch.setattr(scanning, "BLOCK", block)
    bases = "ACGTTGCAAC" * 7
    text = ">a\n" + "\n".join(bases[start : start + 9] for start in range(0, 70, 9)) + "\n>b\nAC\n>c\n" + bases
    found, _ = scan(written(tmp_path / "x.fa", text), 10, 4)
    starts = list(range(0, 61, 4))
    whole = [(start, bases[start : start + 10]) for start in starts]
    assert found == [
        *(("a", *each) for each in whole),
        "(record b, line 10) has 2 bases, fewer than a window of 10; give a smaller --window",
        *(("c", *each) for each in whole),
    ]


def test_a_record_with_a_fault_ends_there_and_the_next_goes_on(tmp_path: Path):
    found, _ = scan(written(tmp_path / "x.fa", ">a\nACG!\n>b\nTTTT\n"), 4, 4)
    assert found == ["(record a, line 1) has '!' at base 4, which is no nucleotide", ("b", 0, "TTTT")]


def test_windows_of_nothing_known_are_counted(tmp_path: Path):
    found, counted = scan(written(tmp_path / "x.fa", ">a\nACGTNNNNNNNNACNN\n"), 4, 4)
    assert found == [("a", 0, "ACGT"), ("a", 12, "ACNN")]
    assert counted.unknown == 2


def test_a_scan_needs_fasta_and_a_window(tmp_path: Path):
    with pytest.raises(UsageError, match="--window is at least 1"):
        Scan(tmp_path / "x.fa", Options(kind="fa"), Nucleotides(), 0, 1)


def test_memory_does_not_grow_with_the_record(tmp_path: Path):
    def peak(bases: int) -> int:
        path = written(tmp_path / f"{bases}.fa", ">a\n" + "ACGTTGCA" * (bases // 8))
        tracemalloc.start()
        for _ in Scan(path, Options(kind="fa"), Nucleotides(), 200, 100):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(8_000_000) < 1.2 * peak(2_000_000)


@pytest.mark.parametrize("learned", ["dna"], indirect=True)
def test_a_genome_in_and_bed_out(learned: Learned, tmp_path: Path):
    genome = written(tmp_path / "genome.fa.gz", ">chr1\n" + "ACGTTGCAAC" * 30 + "\n>short\nACGT\n")
    asked = ("predict", "dna", "--file", genome, "--window", "60", "--model", learned.folder)
    done = run(*asked, "--output", tmp_path / "out.bed")
    lines = [line.split("\t") for line in (tmp_path / "out.bed").read_text().splitlines()]
    assert [(line[0], int(line[1]), int(line[2])) for line in lines] == [
        ("chr1", at, at + 60) for at in range(0, 241, 30)
    ]
    assert all(line[3] in ("promoter", "intron", "neither") and 0 <= int(line[4]) <= 1_000 for line in lines)
    assert "304 bases, 10 windows; 1 bad ones set aside" in done.stderr
    (reject,) = (tmp_path / "out.bed.rejects.jsonl").read_text().splitlines()
    assert "record short, line 3" in json.loads(reject)["reason"]
    run(*asked, "--output", tmp_path / "out.csv", "--format", "csv", "--stride", "100")
    table = (tmp_path / "out.csv").read_text().splitlines()
    assert table[0] == "record,start,end,answer,probability"
    assert [line.split(",")[1] for line in table[1:]] == ["0", "100", "200", "240"]
    with pytest.raises(InputError, match="record short"):
        run(*asked, "--strict", "--output", tmp_path / "strict.bed")
