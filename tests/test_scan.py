"""Windows along the records of a FASTA file: `seqtasks scan`."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from seqtasks.codecs.nucleotides import Nucleotides
from seqtasks.data.readers import Options, Reject
from seqtasks.errors import InputError, UsageError
from seqtasks.inference.scan import Scan
from tests.conftest import Learned, run

BASES = Nucleotides().traits.alphabet


def written(path: Path, text: str) -> Path:
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def scan(path: Path, width: int, stride: int) -> tuple[list[tuple[str, int, str] | str], Scan]:
    found = Scan(path, Options(kind="fa"), BASES, width, stride)
    return [
        each.reason if isinstance(each, Reject) else (each.shown["record"], each.shown["start"],
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
        Scan(tmp_path / "x.fa", Options(kind="fa"), BASES, 0, 1)


def test_memory_does_not_grow_with_the_record(tmp_path: Path):
    def peak(bases: int) -> int:
        path = written(tmp_path / f"{bases}.fa", ">a\n" + "ACGTTGCA" * (bases // 8))
        tracemalloc.start()
        for _ in Scan(path, Options(kind="fa"), BASES, 200, 100):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(8_000_000) < 1.2 * peak(2_000_000)


@pytest.mark.parametrize("learned", ["dna"], indirect=True)
def test_a_genome_in_and_bed_out(learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # what is set aside of a scan to standard output is left there
    genome = written(tmp_path / "genome.fa.gz", ">chr1\n" + "ACGTTGCAAC" * 30 + "\n>short\nACGT\n")
    asked = ("scan", "dna", genome, "--window", "60", "--model", learned.folder)
    skipping = (*asked, "--on-invalid", "skip")
    done = run(*skipping, "--output", tmp_path / "out.bed")
    lines = [line.split("\t") for line in (tmp_path / "out.bed").read_text().splitlines()]
    assert [(line[0], int(line[1]), int(line[2])) for line in lines] == [
        ("chr1", at, at + 60) for at in range(0, 241, 30)
    ]
    assert all(line[3] in ("promoter", "intron", "neither") and 0 <= int(line[4]) <= 1_000 for line in lines)
    assert "304 bases, 10 windows; 1 bad ones set aside" in done.stderr
    (reject,) = (tmp_path / "out.bed.rejects.jsonl").read_text().splitlines()
    assert "record short, line 3" in json.loads(reject)["reason"]
    run(*skipping, "--output", tmp_path / "out.csv", "--format", "csv", "--stride", "100")
    table = (tmp_path / "out.csv").read_text().splitlines()
    assert table[0] == "record,start,end,answer,probability"
    assert [line.split(",")[1] for line in table[1:]] == ["0", "100", "200", "240"]
    with pytest.raises(InputError, match="record short"):
        run(*asked, "--output", tmp_path / "strict.bed")
    printed = run("scan", "dna", genome, "--window", "300", "--format", "jsonl", "--on-invalid", "skip",
                  "--model", learned.folder).stdout  # fmt: skip
    assert {"record": "chr1", "start": 0, "end": 300}.items() <= json.loads(printed.splitlines()[0]).items()


@pytest.mark.parametrize("learned", ["sentiment"], indirect=True)
def test_windows_are_of_letters(learned: Learned, tmp_path: Path):
    with pytest.raises(UsageError, match="windows are of sequences of letters such as DNA, not of sentiment; use seqt"):
        run("scan", "sentiment", written(tmp_path / "x.fa", ">a\nACGT\n"), "--window", "2", "--model", learned.folder)
