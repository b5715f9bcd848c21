"""Formats that are not read, by the names and the beginnings of files: what each is, and how it is converted."""

from __future__ import annotations

from pathlib import Path

FASTQ = "FASTQ, not FASTA; convert it, for example with seqtk seq -A"
GENBANK = "GenBank, not FASTA; convert it, for example with Biopython's SeqIO.convert"
EMBL = "EMBL, not FASTA; convert it, for example with Biopython's SeqIO.convert"
ARCHIVE = "an archive; unpack it first"
SPREADSHEET = "a spreadsheet; save it as .xlsx, or as CSV"
PICKLE = "a pickle, which may run code; write it as CSV or Parquet"
ALIGNMENT = "an alignment of another format; convert it to FASTA"
NAMES = {
    ".fastq": FASTQ, ".fq": FASTQ, ".gb": GENBANK, ".gbk": GENBANK, ".genbank": GENBANK, ".gbff": GENBANK,
    ".embl": EMBL, ".aln": ALIGNMENT, ".sam": ALIGNMENT, ".bam": ALIGNMENT, ".nex": ALIGNMENT, ".phy": ALIGNMENT,
    ".vcf": "VCF, variants; give the sequences as FASTA", ".gff": "GFF, annotations; give the sequences as FASTA",
    ".2bit": "2bit; convert it with twoBitToFa",
    ".zip": ARCHIVE, ".tar": ARCHIVE, ".tgz": ARCHIVE, ".7z": ARCHIVE, ".rar": ARCHIVE, ".zst": ARCHIVE,
    ".xls": "an Excel workbook of before 2007; save it as .xlsx, or as CSV UTF-8",
    ".xlsb": "a binary Excel workbook; save it as .xlsx, or as CSV UTF-8", ".ods": SPREADSHEET, ".numbers": SPREADSHEET,
    ".docx": "a Word document; save it as plain text", ".pdf": "a PDF; save it as plain text",
    ".pkl": PICKLE, ".pickle": PICKLE,
    ".feather": "Feather; write it as Parquet", ".arrow": "Arrow; write it as Parquet",
    ".xml": "XML; write it as CSV or JSON", ".html": "HTML; save its text, or its table as CSV",
}  # fmt: skip
BEGINNINGS = (  # of the first line of what is no FASTA
    ("@", FASTQ), ("LOCUS ", GENBANK), ("ID   ", EMBL),
    ("CLUSTAL", ALIGNMENT), ("#NEXUS", ALIGNMENT), ("# STOCKHOLM", ALIGNMENT),
    ("##gff", NAMES[".gff"]), ("##fileformat=VCF", NAMES[".vcf"]), ("<", "HTML or XML, not FASTA; download it again"),
    ("{", "JSON, not FASTA; rename it to .json"), ("version https://git-lfs", "a pointer of Git LFS; fetch the file"),
)  # fmt: skip


def of_name(path: Path) -> str | None:
    """What a file is by the end of its name, compressed or not, and what to do; None if it is not known."""
    for end in reversed(path.suffixes[-2:]):
        if found := NAMES.get(end.lower()):
            return found
    return None


def of_line(line: str) -> str | None:
    """What a file is whose first line begins as no FASTA does, and what to do; None if it may be one."""
    return next((found for start, found in BEGINNINGS if line.startswith(start)), None)
