"""What people, and others, give to the command line: files, values and settings, with what each must come to.

Nothing binary is kept: every file is made here. A case is a command, the files that it finds in an empty folder, the
exit code and words of the one line that it ends with or, where it ends well, of what it prints.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from seqtasks import files
from tests.bombs import bomb
from tests.samples import SAMPLES

Maker = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    name: str
    command: tuple[str, ...]  # {model} is the folder of a trained model's copy
    code: int
    said: str
    files: dict[str, bytes] = field(default_factory=dict)  # in the folder in which it runs
    harm: Maker | None = None  # what is done to the model's copy first
    task: str = ""  # whose model is needed
    stdin: bytes = b""


def csv(*rows: str) -> bytes:
    return "\n".join(("text,label", *rows, "")).encode()


GOOD = [f"a fine film number {number},good" for number in range(12)] + [f"a bad one {n},bad" for n in range(12)]
TRAIN = ("train", "sentiment", "--model", "m", "--dry-run", "--data-dir", "d", "--data")
SKIP = ("--on-invalid", "skip")
BEFORE = {  # settings -> what an earlier version called them
    "batch_size": "batch", "embedding_dim": "embedding", "min_steps_per_epoch": "least_steps", "max_length": "length",
    "warmup_steps": "warmup", "truncation_side": "keep", "bigram_vocabulary_size": "bigrams", "lowercase": "lower",
}  # fmt: skip


def picture(form: str, mode: str = "RGB", size: tuple[int, int] = (20, 14), **options: object) -> bytes:
    """A picture of a few colours."""
    file = io.BytesIO()
    grid = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(grid).convert(mode).save(file, form, **options)
    return file.getvalue()


def animated(form: str) -> bytes:
    file = io.BytesIO()
    frames = [Image.new("P", (20, 14), color) for color in (1, 2, 3)]
    frames[0].save(file, form, save_all=True, append_images=frames[1:])
    return file.getvalue()


def deep_png() -> bytes:
    """Of 16 bits."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 65535, (14, 20)).astype(np.uint16)).save(file, "PNG")
    return file.getvalue()


def _settings() -> list[Case]:
    """Words of the command line that mean nothing, or no model."""
    wrong = {
        "units=0": "units is at least 1", "units=-5": "units is at least 1", "units=abc": "setting units is a whole",
        "units=1e3": "setting units is a whole", "num_layers=0": "num_layers is at least 1", "batch_size=0": "batch_size is at least 1",
        "epochs=0": "epochs is at least 1", "patience=0": "patience is at least 1", "dropout=1.5": "dropout is",
        "dropout=-0.1": "dropout is", "dropout=nan": "dropout is", "learning_rate=nan": "learning_rate is",
        "learning_rate=0": "learning_rate is", "learning_rate=-1": "learning_rate is", "global_clipnorm=0": "global_clipnorm is",
        "ema_momentum=1.5": "ema_momentum is", "monitor=taste": "unknown monitor 'taste'", "cell=transformer": "unknown cell",
        "pooling=median": "unknown pooling", "dtype_policy=float16": "unknown dtype_policy", "level=line": "unknown level",
        "truncation_side=middle": "unknown truncation_side", "max_length=0": "max_length is at least 1",
        "vocabulary_size=1": "vocabulary_size is", "bigram_vocabulary_size=-1": "bigram_vocabulary_size is at least 0",
        "embedding_dim=0": "embedding_dim is at least 1", "": "is not of the form",
        "=3": "unknown setting ''", "bidirectional=perhaps": "setting bidirectional is true or false",
        "output_dropout=2": "output_dropout is", "word_dropout=7": "word_dropout is", "warmup_steps=-3": "warmup_steps is",
        "min_steps_per_epoch=-1": "min_steps_per_epoch is", "adversarial_epsilon=-1": "adversarial_epsilon is",
        "bach_size=3": "unknown setting 'bach_size'; did you mean batch_size? choose from",
        "batch=3": "unknown setting 'batch'; did you mean batch_size? choose from",
        "dropuot=0.1": "unknown setting 'dropuot'; did you mean dropout? choose from",
        "colour=red": "unknown setting 'colour'; choose from", "cell=lsmt": "unknown cell 'lsmt'; did you mean lstm? choose from",
        "cell=simple": "unknown cell 'simple'; did you mean simple_rnn? choose from",
        "monitor=acuracy": "unknown monitor 'acuracy'; did you mean accuracy? choose from",
    }  # fmt: skip
    train = ("train", "sentiment", "--sample-data", "--model", "m", "--dry-run", "--set")
    cases = [Case(f"--set {each or 'nothing'}", (*train, each), 2, said) for each, said in wrong.items()]
    others = {
        "dna": {
            "conv_kernel_size=-1": "conv_kernel_size is at least 0", "pool_size=0": "pool_size is at least 1",
            "conv_filters=0": "conv_filters is at least 1", "kmer=7": "kmer is from 1 to 6",
            "reverse_complement=three": "setting reverse_complement is true or false", "base_dropout=1": "base_dropout is",
            "kmers=3": "unknown setting 'kmers'; did you mean kmer? choose from",
            "level=word": "unknown setting 'level'",
        },
        "text_generation": {  # what its pattern cannot use is none of its settings
            "adversarial_epsilon=1": "unknown setting 'adversarial_epsilon'", "bidirectional=yes": "unknown setting 'bidirectional'",
            "pooling=max": "unknown setting 'pooling'", "temperature=-1": "temperature is at least 0",
            "temprature=1": "unknown setting 'temprature'; did you mean temperature? choose from",
        },
        "captioning": {
            "num_beams=0": "num_beams is at least 1", "bidirectional=yes": "unknown setting 'bidirectional'",
            "conv_kernel_size=3": "unknown setting 'conv_kernel_size'", "encoder=vgg": "unknown encoder 'vgg'",
            "num_beam=2": "unknown setting 'num_beam'; did you mean num_beams? choose from",
        },
    }  # fmt: skip
    cases += [
        Case(
            f"{task} --set {each}",
            ("train", task, "--sample-data", "--model", "m", "--dry-run", "--set", each),
            2,
            said,
        )
        for task, settings in others.items()
        for each, said in settings.items()
    ]
    words = [
        (("flyy",), "unknown verb 'flyy'"), (("train",), "Missing argument"),
        (("train", "sentimental"), "unknown task 'sentimental'; did you mean sentiment? choose from"),
        (("train", "../sentiment"), "unknown task"), (("train", "sentiment", "--seed", "-1"), "not in the range"),
        (("train", "sentiment", "--seed", "x"), "not a valid integer"), (("bench", "bread"), "unknown benchmark"),
        (("info", "nowhere"), "unknown task 'nowhere'"), (("evaluate", "dna"), "no trained model in"),
        (("predict", "dna", "A", "--window", "5"), "No such option"), (("predict", "captioning"), "give values or --file"),
        (("predict", "captioning", "x.jpg", "--num-beams", "0"), "not in the range"),
        (("compare", "sentiment", "--cells", "gru,lsmt", "--sample-data"), "unknown cell 'lsmt'; did you mean lstm?"),
        (("generate", "a", "--num-samples", "0"), "not in the range"), (("export", "dna", "--int8"), "goes with --format"),
        (("predict", "sentiment", "a", "--file", "b"), "one of the two"), (("doctor", "--models"), "requires an argument"),
        (("trian", "sentiment"), "unknown verb 'trian'; did you mean train? choose from"),
        (("caption", "x.jpg"), "unknown verb 'caption'"), (("predict", "sentimnet", "a"), "unknown task 'sentimnet'; did you mean sentiment?"),
        (("info", "captoining"), "unknown task 'captoining'; did you mean captioning? choose from"),
        (("settings", "dnaa"), "unknown task 'dnaa'; did you mean dna? choose from"),
        (("download", "sentimental"), "unknown task 'sentimental'; did you mean sentiment? choose from"),
        (("bench", "sentimet"), "unknown benchmark 'sentimet'; did you mean sentiment? choose from"),
        (("scan", "dna", "x.fa"), "Missing option '--window'"), (("scan", "dnaa", "x.fa", "--window", "5"), "unknown task 'dnaa'; did you mean dna?"),
        (("export", "dna", "--format", "lite"), "did you mean litert?"), (("predict", "dna", "A"), "no export in"),
        (("train", "sentiment", "--cell", "gur", "--sample-data"), "unknown cell 'gur'; did you mean gru? choose from"),
        (("predict", "sentiment", "--file", "x.csv", "--on-invalid", "skp"), "did you mean skip? choose from"),
    ]  # fmt: skip
    return cases + [Case(" ".join(each), each, 2, said) for each, said in words]


def _tables() -> list[Case]:
    """Files to learn from."""
    good = csv(*GOOD)
    zipped = gzip.compress(good)
    lines = [json.dumps({"text": row.split(",")[0], "label": row.split(",")[1]}) for row in GOOD]
    bad = {
        "ragged.csv": (csv(*GOOD, "one, two,good"), "ragged.csv:26 has 3 fields, expected 2"),
        "short.csv": (csv(*GOOD, "alone"), "short.csv:26 has 1 fields, expected 2"),
        "no-label.csv": (csv(*GOOD, "what is it,"), "no-label.csv:26 has no label"),
        "column.csv": (good.replace(b"text,", b"words_of_it,", 1), "has no column that is known to hold the inputs"),
        "bytes.csv": (csv(*GOOD) + b"caf\x81,good\n", "give --encoding windows-1252"),
        "quote.csv": (csv(*GOOD[:3], '"open,bad', *GOOD[3:]), "opens a quotation mark that is never closed"),
        "header.csv": (b"text,label\n", "0 usable rows in"),
        "empty.csv": (b"", "0 usable rows in"),
        "blank.csv": (b"\n\n\n", "blank.csv"),
        "one-class.csv": (csv(*GOOD[:12]), "one class"),
        "one-row.csv": (csv(GOOD[0]), "0 usable rows for validation"),
        "binary.csv": (bytes(range(256)) * 9, "is a binary file"),
        "picture.csv": (picture("PNG"), "is a binary file"),
        "twice.csv": (good.replace(b"text,label", b"text,text", 1), "names a column twice"),
        "long.csv": (csv(*GOOD, "x" * 10_000_000 + ",good"), "long.csv:26 has over 1,000,000 characters"),
        "broken.jsonl": ("\n".join([*lines, '{"text": ']).encode(), "broken.jsonl:25 is no JSON"),
        "list.jsonl": (b'["a", "good"]\n', "list.jsonl:1 is no JSON object"),
        "deep.jsonl": (b"[" * 100_000, "deep.jsonl:1 is no JSON"),
        "null.jsonl": ("\n".join([*lines, '{"text": "a", "label": null}']).encode(), "null.jsonl:25 has no label"),
        "keys.jsonl": (b'{"a": 1, "b": 2}\n', "has no column that is known"),
    }
    cases = [Case(name, (*TRAIN, name), 3, said, {name: content}) for name, (content, said) in bad.items()]
    damaged = {
        "garbage.parquet": b"PAR1 and then nothing of use",
        "cut.csv.gz": zipped[: len(zipped) // 2],
        "garbage.csv.gz": zipped + b"garbage",
        "crc.csv.gz": zipped[:-8] + b"\0\0\0\0" + zipped[-4:],
        "text.csv.gz": good,
    }
    cases += [Case(name, (*TRAIN, name), 4, name, {name: content}) for name, content in damaged.items()]
    cases += [
        Case(
            "report.docx",
            (*TRAIN, "report.docx"),
            2,
            "is a Word document; save it as plain text",
            {"report.docx": b"PK\3\4"},
        ),
        Case("missing.csv", (*TRAIN, "missing.csv"), 3, "missing.csv does not exist"),
        Case("an empty folder", (*TRAIN, "."), 3, "give a folder with a folder per class"),
        Case(
            "no row of use",
            (*TRAIN, "x.csv", *SKIP),
            3,
            "0 usable rows of 2 in",
            {"x.csv": csv("a,b,c", "d")},
        ),
        Case(
            "no label of use",
            (*TRAIN, "x.csv", *SKIP),
            3,
            "0 usable rows of 2 in",
            {"x.csv": csv("a,", "b,")},
        ),
        Case(
            "a first row of no use",
            (*TRAIN, "x.csv", *SKIP),
            0,
            "labels: bad ",
            {"x.csv": csv("a,b,c", *GOOD)},
        ),
    ]
    fine = {
        "crlf.csv": good.replace(b"\n", b"\r\n"),
        "cr.csv": good.replace(b"\n", b"\r"),
        "cr.jsonl": "\r".join(lines).encode(),
        "bom.csv": b"\xef\xbb\xbf" + good,
        "words.csv": csv(*GOOD, "NA,good", "null,bad", "None,good", "nan,bad", "NULL,good", "-,bad"),
        "quoted.csv": csv(*GOOD, '"two\nlines, and ""more""",good'),
        "nul.csv": csv(*GOOD, "the\0cat,bad"),
        "numbers.csv": csv(*(row.replace(",good", ",1").replace(",bad", ",0") for row in GOOD)),
        "whole.csv.gz": zipped,
        "tabs.tsv": good.replace(b",", b"\t"),
        "lines.jsonl": "\n".join(lines).encode(),
        "scripts.csv": csv(
            *GOOD, "\u0633\u0631\u062f \u05e9\u05dc\u05d5\u05dd,good", "\U0001f600\U0001f3fd \u4e2d\u6587,bad"
        ),
    }
    named = {"numbers.csv": "labels: 0 "}
    return cases + [
        Case(name, (*TRAIN, name), 0, named.get(name, "labels: bad "), {name: content})
        for name, content in fine.items()
    ]


def _sequences() -> list[Case]:
    """DNA to learn from, to answer and to scan."""
    train = ("train", "dna", "--model", "m", "--dry-run", "--data-dir", "d", "--data")
    bases = [
        "".join("ACGT"[(7 * a + b * b) % 4] for b in range(30)) + "ACGT"[a % 4] * 3 + "ACGT"[a // 4 % 4]
        for a in range(16)
    ]
    records = "".join(f">r{n} family={'one' if n < 8 else 'two'}\n{each}\n" for n, each in enumerate(bases))
    pattern = ("--label-pattern", "family=([^ ]+)")
    table = "sequence,label\n" + "".join(f"{each},{n % 2}\n" for n, each in enumerate(bases))
    bad = {
        "header.fa": ("".join(bases).encode(), 3, "header.fa"),
        "protein.fa": ((records + ">p family=one\nMKVLAAGIEFQW\n").encode(), 3, "is no nucleotide"),
        "digits.fa": ((records + ">p family=one\n1 ACGT7ACGT 60\n").encode(), 3, "is no nucleotide"),
        "unknown.fa": ((records + f">n family=one\n{'N' * 40}\n").encode(), 3, "most of them not known"),
        "empty-record.fa": ((records + ">e family=one\n>f family=two\nACGT\n").encode(), 3, "no bases"),
        "no-label.fa": ((records + f">x\n{bases[0][::-1]}\n").encode(), 3, "label"),
        "only-marks.fa": (b">\n>\n>\n", 3, "only-marks.fa"),
        "nothing.fa": (b"", 3, "nothing.fa"),
        "cut.fa.gz": (gzip.compress(records.encode() * 9)[:200], 4, "cut.fa.gz"),
        "two-labels.fa": ((records + f">x family=two\n{bases[0]}\n").encode(), 3, "one sequence under two labels"),
    }
    cases = [
        Case(name, (*train, name, *pattern), code, said, {name: content}) for name, (content, code, said) in bad.items()
    ]
    cases += [
        Case("no pattern", (*train, "a.fa"), 3, "label", {"a.fa": records.encode()}),
        Case("a broken pattern", (*train, "a.fa", "--label-pattern", "("), 2, "pattern", {"a.fa": records.encode()}),
        Case(
            "ragged dna.csv", (*train, "x.csv"), 3, "x.csv:18 has 3 fields", {"x.csv": (table + "ACGT,1,2\n").encode()}
        ),
        Case("lower.fa", (*train, "a.fa", *pattern), 0, "labels: one", {"a.fa": records.lower().encode()}),
        Case("crlf.fa", (*train, "a.fa", *pattern), 0, "labels: one", {"a.fa": records.replace("\n", "\r\n").encode()}),
        Case("rna.fa", (*train, "a.fa", *pattern), 0, "labels: one", {"a.fa": records.replace("T", "U").encode()}),
        Case("gz.fa", (*train, "a.fa.gz", *pattern), 0, "labels: one", {"a.fa.gz": gzip.compress(records.encode())}),
        Case("dna.csv", (*train, "x.csv"), 0, "labels: 0", {"x.csv": table.encode()}),
    ]
    predict = ("predict", "dna", "--model", "{model}")
    values = {
        "protein": ("MKVLAA", 3, "value 1 has 'L' at base 4, which is no nucleotide"), "empty": ("", 3, "has no bases"),
        "blanks": (" \t ", 3, "has no bases"), "N only": ("N" * 50, 3, "most of them not known"),
        "emoji": ("ACGT\U0001f600", 3, "which is no nucleotide"), "gaps": ("ACG--T", 3, "which is no nucleotide"),
        "lower": ("acgtacgtac", 0, "\t0."), "rna": ("ACGUACGU", 0, "\t0."), "iupac": ("ACGTNRYACGTACG", 0, "\t0."),
        "one base": ("A", 0, "\t0."), "long": ("ACGT" * 5_000, 0, "\t0."),
    }  # fmt: skip
    cases += [
        Case(f"dna value: {name}", (*predict, "--", value), code, said, task="dna")
        for name, (value, code, said) in values.items()
    ]
    scans = {
        "a short record": (">a\nACGT\n", 0, "1 bad ones set aside in g.fa.rejects.jsonl"), "no header": ("ACGTACGT\n", 3, "g.fa"),
        "an empty record": (">a\n>b\nACGTACGTAC\n", 0, "b\t0"), "a record of N": (">a\n" + "N" * 99 + "\n", 0, ""),
        "a protein": (">a\nMKVLAAGIEFQW\n", 0, ""), "an empty file": ("", 0, "0 bases, 0 windows"),
    }  # fmt: skip
    strict = {
        "a short record": (">a\nACGT\n", 3, "has 4 bases, fewer than a window of 8"),
        "a protein": (">b\nACGTACGT\n>a\nMKVLAAGIEFQW\n", 3, "which is no nucleotide"),
        "a record of N": (
            ">a\n" + "N" * 99 + "\n",
            0,
            "0 windows; 24 windows left out, most of whose bases are not known",
        ),
    }
    scan = ("scan", "dna", "g.fa", "--window", "8", "--model", "{model}")
    cases += [
        Case(f"scan{name}: {what}", (*scan, *more), code, said, {"g.fa": text.encode()}, task="dna")
        for name, more, group in ((", skipping", SKIP, scans), ("", (), strict))
        for what, (text, code, said) in group.items()
    ]
    return cases + [
        Case("scan: no file", scan, 3, "g.fa does not exist", task="dna"),
        Case("scan: a window of nothing", (*scan[:4], "0", *scan[5:]), 2, "--window is at least 1", {"g.fa": b""}, task="dna"),
        Case("scan: texts", ("scan", "sentiment", *scan[2:]), 2, "use seqtasks predict sentiment", {"g.fa": b">a\nACGT\n"}, task="sentiment"),
    ]  # fmt: skip


def _values() -> list[Case]:
    """Texts to answer and to write on from."""
    predict = ("predict", "sentiment", "--model", "{model}", "--")
    texts = {
        "empty": "", "blanks": " \t\n ", "a nul": "good\0bad", "emoji": "\U0001f600\U0001f44d\U0001f3fd", "arabic": "\u0641\u064a\u0644\u0645",
        "combining": "e\u0301" * 40, "invalid utf-8": "ab\udcff\udcfe", "half a letter": "caf\udcc3", "tags": "<br />" * 500,
        "brackets": "<" * 100_000, "a megabyte": "good film " * 100_000, "one long word": "a" * 1_000_000,
        "line feeds": "\n" * 5_000, "right to left": "\u202egood\u202c", "zero width": "go\u200bod", "options": "--model", "a dash": "-",
    }  # fmt: skip
    cases = [Case(f"text: {name}", (*predict, value), 0, "tive\t0.", task="sentiment") for name, value in texts.items()]
    file = ("predict", "sentiment", "--model", "{model}", "--file")
    rows = b'text\ngood\n"open\n'
    cases += [
        Case("no rows", (*file, "x.csv"), 0, "", {"x.csv": b"text\n"}, task="sentiment"),
        Case("no file", (*file, "x.csv"), 3, "x.csv does not exist", task="sentiment"),
        Case("no column", (*file, "x.csv"), 3, "has no column", {"x.csv": b"a,b\n1,2\n"}, task="sentiment"),
        Case("a bad row, left out", (*file, "x.csv", *SKIP), 0, "good,", {"x.csv": b"text,n\ngood,1\nbad,2,3\n"}, task="sentiment"),
        Case("a bad row", (*file, "x.csv"), 3, "x.csv:3", {"x.csv": b"text,n\ngood,1\nbad,2,3\n"}, task="sentiment"),
        Case("an open quote", (*file, "x.csv"), 3, "x.csv:3 cannot be read", {"x.csv": rows}, task="sentiment"),
        Case("an open quote, left out", (*file, "x.csv", *SKIP), 0, "good,", {"x.csv": rows}, task="sentiment"),
        Case("a cut gz", (*file, "x.csv.gz"), 4, "x.csv.gz", {"x.csv.gz": gzip.compress(b"text\n" + bytes(99))[:-9]}, task="sentiment"),
        Case("standard input", (*file, "-", "--format", "txt"), 0, "tive", task="sentiment", stdin=b"good\nbad\n"),
    ]  # fmt: skip
    generate = ("generate", "--max-new-tokens", "3", "--model", "{model}")
    prompts = {
        "empty": "", "blanks": "   ", "unseen": "\u4e2d\u6587\U0001f600", "a nul": "a\0b", "invalid utf-8": "ab\udcff",
        "a megabyte": "the " * 250_000, "a line feed": "\n",
    }  # fmt: skip
    cases += [
        Case(f"prompt: {name}", (*generate, "--", value), 0, value[:2].strip(" \0"), task="text_generation")
        for name, value in prompts.items()
    ]
    choices = {
        "temperature=nan": "temperature", "temperature=-1": "temperature", "temperature=11": "temperature",
        "temperature=inf": "temperature", "top-k=-1": "top_k", "top-p=-0.5": "top_p", "top-p=1.5": "top_p",
        "top-p=nan": "top_p", "max-new-tokens=-1": "max_new_tokens is at least 0", "repetition-penalty=0": "repetition_penalty is above 0", "seed=99999999999999999999": "seed",
    }  # fmt: skip
    cases += [
        Case(f"--{each}", (*generate, f"--{each}", "a"), 2, said, task="text_generation")
        for each, said in choices.items()
    ]
    return cases + [
        Case("--temperature=0", (*generate, "--temperature=0", "a"), 0, "a", task="text_generation"),
        Case("--temperature=1e-45", (*generate, "--temperature=1e-45", "a"), 0, "a", task="text_generation"),
        Case("--top-k=99999", (*generate, "--top-k=99999", "a"), 0, "a", task="text_generation"),
    ]


def _pictures() -> list[Case]:
    jpeg = picture("JPEG", size=(60, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)
    bad = {
        "cut.jpg": (jpeg[: len(jpeg) // 3], "cut off or damaged"), "text.jpg": (b"no picture", "a text that begins with 'no picture'"),
        "nothing.jpg": (b"", "empty"), "page.jpg": (b"<html>404</html>", "a web page (HTML), no JPEG"),
        "old.bmp": (picture("BMP"), "a BMP picture, no JPEG"), "photo.jpg": (heic, "a HEIC picture, no JPEG, PNG, GIF or WebP; convert it"),
        "scan.tif": (picture("TIFF"), "a TIFF or"), "drawn.svg": (b"<svg xmlns='x'/>", "an SVG, no JPEG"),
        "mark.jpg": (b"\xff\xd8\xff", "damaged JPEG"), "cut.png": (picture("PNG")[:50], "cut off or damaged"),
        "bomb.png": (bomb(12_000, 12_000), "million pixels, more than"), "huge.png": (bomb(20_000, 20_000), "million pixels"),
        "flat.png": (bomb(0, 100), "cut off or damaged"), "line\nbroken.png": (b"", "names line\\nbroken.png, which is empty"),
    }  # fmt: skip
    caption = ("predict", "captioning", "--model", "{model}")
    cases = [
        Case(name, (*caption, name), 3, said, {name: content}, task="captioning")
        for name, (content, said) in bad.items()
    ]
    fine = {
        "cmyk.jpg": picture("JPEG", "CMYK"), "grey.jpg": picture("JPEG", "L"), "palette.png": picture("PNG", "P"),
        "alpha.png": picture("PNG", "RGBA"), "deep.png": deep_png(), "moving.gif": animated("GIF"), "moving.png": animated("PNG"), "web.webp": picture("WEBP"),
        "one.png": picture("PNG", size=(1, 1)), "thin.png": picture("PNG", size=(900, 1)), "turned.jpg": picture("JPEG", exif=exif),
        "moving.webp": animated("WEBP"), "clear.webp": picture("WEBP", "RGBA"), "unended.jpg": jpeg[:-2],
        "PNG named.jpg": picture("PNG"), "line\nfeed.png": picture("PNG"), "--odd.png": picture("PNG"), "b\u00fccher \u4e2d.png": picture("PNG"),
    }  # fmt: skip
    cases += [
        Case(name, (*caption, "--", name), 0, "", {name: content}, task="captioning") for name, content in fine.items()
    ]
    several = {"a.png": picture("PNG"), "b.png": b"no picture", "c.jpg": jpeg}
    return cases + [
        Case("one bad of three", (*caption, "a.png", "b.png", "c.jpg"), 3, "b.png", several, task="captioning"),
        Case(
            "one left out",
            (*caption, *SKIP, "a.png", "b.png", "c.jpg"),
            0,
            "c.jpg",
            several,
            task="captioning",
        ),
        Case("a folder", (*caption, *SKIP, "."), 0, "a.png", several, task="captioning"),
        Case(
            "a folder with a table",
            (*caption, "."),
            0,
            "a.png",
            {"a.png": picture("PNG"), "c.png": picture("PNG"), "captions.csv": b"image,caption\n"},
            task="captioning",
        ),
        Case("an empty folder of pictures", (*caption, "."), 3, "has no file (.jpg, .jpeg, .png", task="captioning"),
        Case(
            "a folder of HEIC",
            (*caption, "."),
            3,
            "x.HEIC, which is a HEIC picture",
            {"x.HEIC": heic},
            task="captioning",
        ),
        Case("a folder of videos", (*caption, "."), 3, ", but 1 .mov; give", {"x.mov": b""}, task="captioning"),
        Case(
            "a HEIC left out",
            (*caption, *SKIP, "."),
            0,
            "1 left out",
            {"x.HEIC": heic, "a.jpg": jpeg},
            task="captioning",
        ),
        Case("no picture there", (*caption, "x.jpg"), 3, "x.jpg does not exist", task="captioning"),
        Case("from standard input", (*caption, "-"), 0, "", task="captioning", stdin=jpeg),
        Case("nothing from standard input", (*caption, "-"), 3, "empty", task="captioning"),
    ]


def _captions() -> list[Case]:
    """Pictures with captions to learn from."""
    train = ("train", "captioning", "--model", "m", "--dry-run", "--data-dir", "d", "--set", "encoder=small", "--data")
    rows = [f"{n % 4}.png,a picture of number {n}" for n in range(24)]
    files = {f"{n}.png": picture("PNG", size=(30 + n, 20)) for n in range(4)}

    def table(*more: str) -> dict[str, bytes]:
        return {**files, "captions.csv": "\n".join(("image,caption", *rows, *more, "")).encode()}

    bad = {
        "a path that is not there": (("away.png,a thing",), "captions.csv:26"),
        "a caption of no words": (("1.png,...",), "a sentence without a word"),
        "a caption of 200 words": (("1.png," + "word " * 200,), "a sentence of 200 words"),
        "a path of a text": (("captions.csv,a thing",), "captions.csv:26"),
        "a path out of the folder": (("../../../../../etc/passwd,a thing",), "captions.csv:26"),
        "an empty path": ((",a thing",), "captions.csv:26"),
    }
    return [Case(name, (*train, "captions.csv"), 3, said, table(*more)) for name, (more, said) in bad.items()] + [
        Case("no captions", (*train, "."), 3, "has no table", files)
    ]


def _altered(name: str, change: Callable[[bytes], bytes]) -> Maker:
    def harm(folder: Path) -> None:
        path = sorted(folder.glob(name))[0]
        path.write_bytes(change(path.read_bytes()))

    return harm


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _empty(content: bytes) -> bytes:
    return b""


def _linked(name: str) -> Maker:
    def harm(folder: Path) -> None:
        path = sorted(folder.glob(name))[0]
        path.rename(folder / "elsewhere")
        path.symlink_to(folder / "elsewhere")

    return harm


def _removed(name: str) -> Maker:
    return lambda folder: sorted(folder.glob(name))[0].unlink()


def _added(name: str, content: bytes = b"!") -> Maker:
    def harm(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return harm


def _swapped(first: str, second: str) -> Maker:
    def harm(folder: Path) -> None:
        one, two = (sorted(folder.glob(each))[0] for each in (first, second))
        kept = one.read_bytes()
        one.write_bytes(two.read_bytes())
        two.write_bytes(kept)

    return harm


def _rewritten(name: str, **changes: object) -> Maker:
    """A JSON file with other values, and a checksum of these."""
    return _remade(name, lambda value: {**value, **changes})


def _remade(name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Maker:
    """A JSON file with what is made of its values, and a checksum of that."""

    def remake(content: bytes) -> bytes:
        return files.as_json(files.with_checksum(change(files.without_checksum(content)))).encode()

    return _altered(name, remake)


def _settings_before(settings: dict[str, Any]) -> dict[str, Any]:
    """As an earlier version called them."""
    return {BEFORE.get(name, name): value for name, value in settings.items()}


def _card_before(card: dict[str, Any]) -> dict[str, Any]:
    """As an earlier version wrote it, which did not say its version."""
    inputs = {BEFORE.get(name, name): value for name, value in card["inputs"].items()}
    rest = {name: value for name, value in card.items() if name != "version"}
    return {**rest, "settings": _settings_before(card["settings"]), "inputs": inputs}


def _endpoints_before(manifest: dict[str, Any]) -> dict[str, Any]:
    """With endpoints whose tensors alone are described."""
    endpoints = {
        name: {"inputs": each["inputs"], "outputs": each["outputs"]} for name, each in manifest["endpoints"].items()
    }
    return {**manifest, "endpoints": endpoints}


def _manifest_before(manifest: dict[str, Any]) -> dict[str, Any]:
    """As an earlier version wrote it: a card's fields and three of its own."""
    since = ("classes", "batch_size", "quantization", "weights", "inputs", "targets")
    rest = {name: value for name, value in _endpoints_before(manifest).items() if name not in since}
    rest["settings"] = _settings_before(manifest["settings"])
    return {**rest, "names": manifest["classes"], "at_once": manifest["batch_size"], "eight_bits": False}


def _run_before(folder: Path) -> None:
    """An unfinished training of an earlier version: the same but for what its settings are called."""
    card = files.without_checksum((folder / "card.json").read_bytes())
    run = {name: card[name] for name in ("task", "dataset", "fingerprint", "settings", "seed", "versions")}
    (folder / "training").mkdir(exist_ok=True)
    (folder / "training" / "run.json").write_text(files.as_json({**run, "settings": _settings_before(run["settings"])}))


def _escaping(name: str) -> Maker:
    """A manifest that names a file outside its folder, which is there and has that hash."""

    def harm(folder: Path) -> None:
        path = folder / "serving" / "1" / "manifest.json"
        manifest = files.without_checksum(path.read_bytes())
        manifest["files"][name] = next(iter(manifest["files"].values()))
        path.write_text(files.as_json(files.with_checksum(manifest)))

    return harm


def _mixed(folder: Path) -> None:
    """Half of another export."""
    other = folder / "serving" / "2"
    shutil.copytree(folder / "serving" / "1", other)
    path = other / "variables" / "variables.index"
    path.write_bytes(_flipped(path.read_bytes()))


def _artefacts() -> list[Case]:
    """Models and exports that somebody altered."""
    graph, weights, index, manifest, fingerprint = (
        f"serving/1/{name}"
        for name in (
            "saved_model.pb", "variables/variables.data*", "variables/variables.index", "manifest.json", "fingerprint.pb"
        )
    )  # fmt: skip
    served = {  # the file that the line names -> what was done
        "saved_model.pb": {
            "a flipped graph": _altered(graph, _flipped), "half a graph": _altered(graph, _half), "an empty graph": _altered(graph, _empty),
            "no graph": _removed(graph), "a linked graph": _linked(graph), "weights and graph swapped": _swapped(graph, index),
        },
        "variables.data-00000-of-00001": {
            "flipped weights": _altered(weights, _flipped), "half the weights": _altered(weights, _half), "no weights": _removed(weights),
            "linked weights": _linked(weights),
        },
        "variables.index": {"a flipped index": _altered(index, _flipped), "no index": _removed(index), "a mixed second export": _mixed},
        "fingerprint.pb": {"a flipped fingerprint": _altered(fingerprint, _flipped), "no fingerprint": _removed(fingerprint)},
        "assets.extra": {"a stranger's file": _added("serving/1/assets.extra")},
        "run.py": {"a stranger's code": _added("serving/1/run.py", b"print('ran')")},
        "manifest.json": {
            "a manifest of nothing": _altered(manifest, _empty), "half a manifest": _altered(manifest, _half),
            "a manifest that is a list": _altered(manifest, lambda content: b"[]"), "no manifest": _removed(manifest),
            "names of classes turned round": _altered(manifest, lambda content: content.replace(b'"negative"', b'"positive"')),
        },
        "serving/1/": {"a manifest without files": _rewritten(manifest, files={})},
        "model.weights.h5": {"a file above the folder": _escaping("../../model.weights.h5")},
        "hostname": {"a file at the root": _escaping("/etc/hostname")},
    }  # fmt: skip
    predict = ("predict", "sentiment", "a film", "--model", "{model}")
    learned = {
        "model.weights.h5": {
            "a flipped weight": _altered("model.weights.h5", _flipped), "half the weights of a model": _altered("model.weights.h5", _half),
            "no weights of a model": _removed("model.weights.h5"), "linked weights of a model": _linked("model.weights.h5"),
            "a pickle for weights": _altered("model.weights.h5", lambda content: b"cos\nsystem\n(S'true'\ntR."),
        },
        "card.json": {
            "half a card": _altered("card.json", _half), "an empty card": _altered("card.json", _empty),
            "a card that is a list": _altered("card.json", lambda content: b"[]"), "a card with more": _rewritten("card.json", code="import os"),
            "another setting in a card": _altered("card.json", lambda content: content.replace(b'"units": 16', b'"units": 17')),
        },
        "codec": {
            "a card of a strange codec": _rewritten("card.json", inputs={"codec": "os"}),
            "a card of a codec elsewhere": _rewritten("card.json", inputs={"codec": "../../text"}),
            "a card of a private codec": _rewritten("card.json", inputs={"codec": "__init__"}),
            "a card with a wrong codec": _rewritten("card.json", inputs={"codec": "text", "levels": 3}),
        },
    }  # fmt: skip
    evaluate = ("evaluate", "sentiment", "--model", "{model}")
    export = ("export", "sentiment", "--model", "{model}")
    before = {
        "card.json is not a card of this version of seqtasks; train again": {
            "a card of before": _remade("card.json", _card_before), "a card of another version": _rewritten("card.json", version=1),
        },
        "card.json is of an earlier version of seqtasks (unknown setting 'length'); train again": {
            "a card with settings of before": _remade("card.json", lambda card: {**card, "settings": _settings_before(card["settings"])}),
        },
    }  # fmt: skip
    exported = {
        "manifest.json is a manifest of an earlier version of seqtasks; export again": {
            "a manifest of before": _remade(manifest, _manifest_before), "endpoints of before": _remade(manifest, _endpoints_before),
            "a manifest of endpoints that are none": _rewritten(manifest, endpoints=["serve"]),
        },
    }  # fmt: skip
    same = [part for each in SAMPLES["sentiment"].settings.items() for part in ("--set", "=".join(each))]
    train = ("train", "sentiment", "--sample-data", "--seed", "1", *same, "--model", "{model}")
    return [
        Case(name, command, 4, said, harm=harm, task="sentiment")
        for command, groups in ((predict, served), (evaluate, learned), (export, before), (predict, exported))
        for said, cases in groups.items()
        for name, harm in cases.items()
    ] + [
        Case(
            "a run of before",
            train,
            2,
            "unfinished training of another version of seqtasks; give --fresh",
            harm=_run_before,
            task="sentiment",
        )
    ]


CASES = [
    case for part in (_settings, _tables, _sequences, _values, _pictures, _captions, _artefacts) for case in part()
]
