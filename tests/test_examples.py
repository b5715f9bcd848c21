"""The programs in examples/ answer as the exports do, and their readers read as the codecs do."""

from __future__ import annotations

import http.server
import io
import json
import runpy
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

import seqtasks
from seqtasks import codecs, tasks
from seqtasks.codecs.features import Features
from seqtasks.codecs.frames import Frames
from seqtasks.codecs.image import Image
from seqtasks.codecs.nucleotides import Nucleotides
from seqtasks.codecs.subwords import Subwords
from seqtasks.codecs.text import Text
from seqtasks.codecs.tokens import Tokens
from seqtasks.codecs.words import Words
from seqtasks.errors import IntegrityError, UsageError
from seqtasks.export import check, convert, parity, replay
from seqtasks.inference import predictor
from seqtasks.training import model_folder
from tests.conftest import Learned, exported, run
from tests.samples import answers

EXAMPLES = Path(__file__).parents[1] / "examples"
WORDS = (
    "a",
    "film",
    "caf\u00e9",
    " film",
    " caf\u00e9",
    "\u0633",
    "\u0631",
    "'",
    "don't",
    "<",
    "/",
    "\ufffd",
    "\n",
    " ",
    ",",
    "\u03c2",
)
VALUES = (
    *check.ODD,
    b"", b"A film,film! Don't<br />don't<BR\t>a  film\r\n\x0b\x1f\xc2\xa0\xe2\x80\x83a",
    b"\xed\xa0\x80a\xf0\x9f\x98a\xff\xffa", b"a\0b\0\0 film\x00",
    "\u00c9CAF\u00c9 cafe\u0301 \u0130 \u4e2d\u6587".encode(),
    "\u039f\u0394\u039f\u03a3 \u03a3 \ufb01\u1e9e \u0661\u0662".encode(), b"<br <br/> <br / >",
    b"acgtun RYSWKM\tbdhv\nacgt-*x", b"ACGT" * 50, b"film caf\xc3\xa9 " * 30,
)  # fmt: skip
CODECS = [
    Text(vocabulary=WORDS, max_length=7),
    Text(vocabulary=WORDS, max_length=3, truncation_side="right", lowercase=False),
    Text(vocabulary=WORDS, level="subword", max_length=9),
    Text(vocabulary=WORDS, level="subword", max_length=4, truncation_side="right", lowercase=False),
    Text(vocabulary=WORDS, level="character", max_length=9),
    Text(vocabulary=WORDS, level="character", max_length=4, truncation_side="right", lowercase=False),
    Tokens(vocabulary=WORDS),
    Tokens(vocabulary=WORDS, level="word"),
    Tokens(vocabulary=WORDS, level="subword"),
    Subwords(vocabulary=WORDS, max_length=12),
    Subwords(vocabulary=(), max_length=9),
    Subwords(vocabulary=WORDS, max_length=5, level="word"),
    Words(vocabulary=WORDS, characters=tuple(sorted("afilm\u00e9,.'<")), word_characters=5),
    Words(vocabulary=(), characters=(), word_characters=4),
    Nucleotides(max_length=20),
    Nucleotides(max_length=12, truncation_side="left"),
]
TABLES = (
    *VALUES[:12], b"", b"a,b\n1,2\n3,4", b"b;a\n1,5;2\n;7", b"1 2\n3 x\n\n5 6 7\n1e300 8", b"# a\r\n1\t2\r3\t4",
    "\ufeffb,a\n9,1".encode(), b" ".join([b"0.5"] * 60), b"\n".join([b" ".join([b"%d" % n] * 60) for n in range(9)]),
    b"\n".join(b"%d 2 3 1" % n for n in range(50)), b"1 2 3 4", b"a",
)  # fmt: skip
LEARNED = {"mean": (0.5, 2.0), "deviation": (3.0, 0.25)}
TABLE_CODECS = [
    Features(names=("a", "b"), **LEARNED),
    Frames(medium="signals", names=("a", "b"), max_length=3, **LEARNED),
    Frames(mean=(0.0,), deviation=(0.3,), max_length=4),
    Frames(joints=2, mean=(0.0,), deviation=(0.3,)),
]
formats = pytest.mark.parametrize("format", convert.FORMATS)


def reader(codec: Any) -> Callable[[dict[str, Any], bytes], np.ndarray]:
    """The function of the program that reads what the codec does."""
    return program(codecs.describe(codec)["codec"])


@cache
def program(name: str) -> Callable[[dict[str, Any], bytes], np.ndarray]:
    if str(EXAMPLES) not in sys.path:  # where a program's neighbours are
        sys.path.append(str(EXAMPLES))
    return runpy.run_path(str(EXAMPLES / f"read_{name}.py"))["read"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: f"{type(codec).__name__}-{getattr(codec, 'level', '')}")
def test_a_value_is_read_in_plain_python_as_the_codec_reads_it(codec: Any):
    read = reader(codec)
    described = json.loads(json.dumps(codecs.describe(codec)))
    for value, row in zip(VALUES, codecs.network_rows(codec, VALUES), strict=True):
        given = read(described, value)
        assert given.dtype == row.dtype
        assert given.tolist() == row.tolist(), value


@pytest.mark.parametrize("codec", TABLE_CODECS, ids=lambda codec: f"{type(codec).__name__}-{codec.names}")
def test_a_table_is_read_in_plain_python_as_the_codec_reads_it(codec: Any):
    described = json.loads(json.dumps(codecs.describe(codec)))
    for value, row in zip(TABLES, codecs.network_rows(codec, TABLES), strict=True):
        given = reader(codec)(described, value)
        assert given.dtype == row.dtype
        np.testing.assert_allclose(given, row, atol=codec.traits.reading_tolerance, err_msg=str(value))


def drawn(kind: str) -> bytes:
    """A file of coloured squares, some of them half or wholly transparent; EXIF says that it lies on its side."""
    format, mode, *animated = kind.split()
    grid = np.random.default_rng(0).integers(0, 255, (5, 7, 4)).repeat(9, 0).repeat(8, 1).astype(np.uint8)
    grid[:9, :, 3] = 0
    exif = Picture.Exif()
    exif[0x0112] = 6
    picture = Picture.fromarray(grid if "A" in mode else grid[..., :3]).convert(mode)
    file = io.BytesIO()
    options = {"save_all": True, "append_images": [picture.transpose(Picture.Transpose.ROTATE_180)]} if animated else {}
    picture.save(file, format, **options, **({} if format == "GIF" else {"exif": exif}))
    return file.getvalue()


def placed() -> bytes:
    """A GIF whose frame covers a part of its canvas."""
    content = drawn("GIF P")
    at = content.index(b",\0\0\0\0")
    return (
        content[:6] + struct.pack("<HH", 90, 70) + content[10 : at + 1] + struct.pack("<HH", 20, 10) + content[at + 5 :]
    )


@pytest.mark.parametrize("image_size", [24, 80])
def test_a_picture_is_read_in_plain_python_as_the_codec_reads_it(image_size: int):
    kinds = [
        "JPEG RGB", "JPEG L", "JPEG CMYK", "PNG RGBA", "PNG LA", "PNG P", "PNG I;16", "PNG RGBA animated", "GIF P",
        "GIF RGBA", "GIF RGBA animated", "WEBP RGB", "WEBP RGBA", "WEBP RGBA animated", "MPO RGB animated",
    ]  # fmt: skip
    whole = {kind: drawn(kind) for kind in kinds}
    jpeg = whole["JPEG RGB"]
    unended = {"JPEG without its end": jpeg[:-2], "JPEG and zeros": jpeg[:-2] + bytes(99), "most of a JPEG": jpeg[:-40]}
    values = (
        whole
        | unended
        | {"GIF in its place": placed()}
        | {f"{kind}, cut": value[:40] for kind, value in whole.items()}
        | {"empty": b"", "text": b"none"}
    )
    codec = Image(encoder="small", image_size=image_size)
    for (kind, value), wanted in zip(values.items(), codecs.network_rows(codec, list(values.values())), strict=True):
        given = reader(codec)(codecs.describe(codec), value)
        assert given.dtype == wanted.dtype, kind
        assert given.shape == wanted.shape, kind
        assert np.abs(given.astype(int) - wanted).max() <= codec.traits.reading_tolerance, kind


def answered(program: str, folder: Path, values: list[bytes], place: Path) -> list[str]:
    """What a program in examples/ prints, a line a value, in a process whose folder holds nothing."""
    names = []
    for number, value in enumerate(values):
        (place / f"{number}.value").write_bytes(value)
        names.append(f"{number}.value")
    command = [sys.executable, str(EXAMPLES / program), str(folder.absolute()), "--files", *names]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=place).stdout.splitlines()


@formats
def test_an_export_is_run_without_tensorflow(learned: Learned, format: str, tmp_path: Path):
    folder = exported(learned, format)
    restored = model_folder.restore(learned.folder, learned.name)
    values = restored.task.pattern.golden(restored.task)[:3]
    lines = [json.loads(line) for line in answered(f"with_{format}.py", folder, values, tmp_path)]
    if restored.task.targets.traits.classes:
        for line, wanted in zip(lines, seqtasks.load(learned.folder)(values), strict=True):
            assert line["answer"] == wanted["answer"]
            assert line["probability"] == pytest.approx(wanted["probability"], abs=1e-5)
            assert line["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-5)
        return
    if "tag_tokens" in restored.task.pattern.endpoints(restored.model, restored.task):
        for line, wanted in zip(lines, seqtasks.load(learned.folder)(values), strict=True):
            given, found = (json.loads(each["answer"]) for each in (line, wanted))
            assert [each | {"probability": 0} for each in given] == [each | {"probability": 0} for each in found]
            shares = [[each["probability"] for each in several] for several in (given, found)]
            assert shares[0] == pytest.approx(shares[1], abs=2e-3)
        return
    end_id = restored.task.targets.traits.end_id
    answer = replay.answering(convert.in_tensorflow(restored), parity.MAX_NEW_TOKENS, end_id)
    for line, row in zip(lines, codecs.network_rows(restored.task.inputs, values), strict=True):
        tokens = np.array([answer(row)["tokens"]])
        assert line["answer"] == restored.task.targets.decode(tokens).numpy()[0].decode()


def test_a_saved_model_is_run_with_tensorflow_alone(learned: Learned, tmp_path: Path):
    task = tasks.find(learned.name)
    values = task.pattern.golden(task)[:2]
    lines = answered("with_tensorflow.py", predictor.newest(learned.folder), values, tmp_path)
    wanted = [answer["answer"] for answer in seqtasks.load(learned.folder)(values)]
    assert "\n".join(lines) == "\n".join(wanted).rstrip("\n")


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_rest_request_holds_a_values_bytes(tmp_path: Path):
    """To a stub of a server: the request is as TensorFlow Serving's REST form wants it."""
    requests = {}

    class Serving(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests[self.path] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"predictions": []}')

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Serving) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run(
            ["sh", str(EXAMPLES / "rest.sh"), "sentiment"],
            input=b"A fine film.\xff" * 30,
            capture_output=True,
            check=True,
            env={"SERVER": f"http://127.0.0.1:{server.server_port}", "PATH": "/usr/local/bin:/usr/bin:/bin"},
        )
        server.shutdown()
    assert done.stdout == b'{"predictions": []}'
    sent = "QSBmaW5lIGZpbG0u/0EgZmluZSBmaWxtLv9B"
    assert requests["/v1/models/sentiment:predict"]["instances"][0]["values"]["b64"].startswith(sent)


VALUES_OF = {
    "sentiment": ["A fine film.", "--files", "\U0001f600 \xe9\udcff"],
    "dna": ["ACGT" * 15, "nnacg"],
    "music_genre": ["70 0.2 1500 0.3", "130,0.9,2500,0.1"],
    "tune_kind": ["C2 D E2 D | C2 B A2 G |", "\xe9"],
    "action_recognition": ["0.txt", "1.txt"],
    "ner": ["Yesterday, Harry Potter met Hermione Granger.", "", "Ros\u00e9 \U0001f600\udcff"],
}


@formats
def test_predict_answers_the_same_from_another_runtime(
    learned: Learned, format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = exported(learned, format)
    monkeypatch.chdir(tmp_path)
    for number, content in enumerate(answers(learned.name)):
        (tmp_path / f"{number}.txt").write_bytes(content)
    if learned.name not in VALUES_OF:
        with pytest.raises(UsageError, match="is for what gives a class"):
            run("predict", learned.name, "a", "--runtime", format, "--model", folder)
        return
    values = VALUES_OF[learned.name]
    for extra in ([], ["--json"]):
        given = run("predict", learned.name, *extra, "--runtime", format, "--model", folder, "--", *values)
        wanted = run("predict", learned.name, *extra, "--model", learned.folder, "--", *values)
        if not extra:
            assert given.output == wanted.output
            continue
        for line, other in zip(json.loads(given.output), json.loads(wanted.output), strict=True):
            assert (line["input"], line["answer"]) == (other["input"], other["answer"])
            if "probabilities" in line:
                assert line["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)


@formats
def test_what_cannot_be_run_without_tensorflow_says_why(copied: Learned, format: str, tmp_path: Path):
    command = ("predict", copied.name, "a", "--runtime", format, "--model")
    with pytest.raises(UsageError, match=f'run "seqtasks export {copied.name} --format {format}" first'):
        run(*command, copied.folder)
    with pytest.raises(UsageError, match=f"is for saved-model, not {format}"):
        run(*command, copied.folder / "serving" / "1")
    with pytest.raises(UsageError, match="leave --file, --explain, --num-beams and --do-sample out"):
        run("predict", copied.name, "--file", "x.csv", "--runtime", format)


def test_no_flipped_bit_is_overlooked(learned: Learned, tmp_path: Path):
    """150 of them, spread over the files of two exports, as large as each file is."""
    draw = np.random.default_rng(0)
    for format in ("saved-model", "onnx"):
        folder = shutil.copytree(exported(learned, format), tmp_path / format)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        ends = np.cumsum([path.stat().st_size for path in paths])
        for _ in range(75):
            place = int(draw.integers(ends[-1]))
            path = paths[int(np.searchsorted(ends, place, side="right"))]
            content = path.read_bytes()
            flipped = bytearray(content)
            flipped[place % len(content)] ^= 1 << int(draw.integers(8))
            path.write_bytes(flipped)
            with pytest.raises(IntegrityError, match=path.name):
                predictor.verified(folder)
            path.write_bytes(content)
        predictor.verified(folder)
