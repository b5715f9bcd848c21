"""What one input may cost, and what many cost together, asked of the SavedModels in a process with TensorFlow alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seqtasks import tasks
from seqtasks.inference import predictor
from tests.bombs import bomb
from tests.conftest import Learned
from tests.faults.conftest import noted
from tests.faults.corpus import picture

SECONDS, MEGABYTES = 0.5, 64  # of processor time and memory, that one input may cost
ANSWERS, THREADS, LENGTHS, GROWTH = 20_000, 16, 200, 20  # of the soak; its growth in MB

DEAR = {
    "10 MB of text": b"good film, " * 950_000,
    "10 MB without a blank": b"a" * 10_000_000,
    "10 MB of brackets": b"<" * 10_000_000,
    "10 MB of <br": b"<br " * 2_500_000,
    "10 MB of bytes that are no text": b"\xff\xfe\xc3" * 3_300_000,
    "10 MB of bases": b"ACGTN" * 2_000_000,
    "a picture of 12,000 x 12,000 in 17 KB": bomb(12_000, 12_000),
    "a picture of 20,000 x 20,000": bomb(20_000, 20_000),
    "a picture's head and 10 MB": picture("PNG")[:60] + bytes(10_000_000),
}

COST = """
import json, os, sys, time
import tensorflow as tf
os.chdir(sys.argv[1])  # it takes [ ] * ? in a path for a pattern
model = tf.saved_model.load(".")
peak = lambda: int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
model.serve(tf.constant([open(sys.argv[2], "rb").read()]))
value = tf.constant([open(sys.argv[3], "rb").read()])
open("/proc/self/clear_refs", "w").write("5")  # the peak begins again at the present use
before, begun = peak(), time.process_time()
model.serve(value)
print(json.dumps([time.process_time() - begun, peak() - before]))
"""

SOAK = """
import json, os, sys, threading
import numpy as np, tensorflow as tf
folder, values, answers, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
os.chdir(folder)  # it takes [ ] * ? in a path for a pattern
model = tf.saved_model.load(".")
values = [bytes.fromhex(each) for each in json.load(open(values))]
ask = lambda value: {name: each.numpy() for name, each in model.serve(tf.constant([value])).items()}
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
alone = [ask(value) for value in values]
other, lock = [], threading.Lock()
def work(number, count):
    for at in range(number, number + count):
        value = (at * 7919) % len(values)
        given = ask(values[value])
        for name, each in alone[value].items():
            same = np.allclose(given[name], each, atol=1e-5) if each.dtype.kind == "f" else (given[name] == each).all()
            if not same:
                with lock:
                    other.append(value)
def run(count):
    working = [threading.Thread(target=work, args=(number * count, count)) for number in range(threads)]
    [each.start() for each in working]
    [each.join() for each in working]
run(answers // threads // 10)
before = resident()
run(answers // threads)
print(json.dumps([len(other), resident() - before]))
"""


def _golden(name: str) -> list[bytes]:
    """Values of a task's sample that its export answers as its model does."""
    task = tasks.find(name)
    return task.pattern.golden(task)


def alone(program: str, *arguments: str | Path) -> list[float]:
    command = [sys.executable, "-P", "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.mark.faults
@pytest.mark.parametrize("name", tasks.names())
@pytest.mark.parametrize("what", DEAR)
def test_no_input_costs_much(name: str, what: str, learned_of: Callable[[str], Learned], tmp_path: Path):
    learned = learned_of(name)
    (tmp_path / "usual").write_bytes(_golden(name)[0])
    (tmp_path / "dear").write_bytes(DEAR[what])
    seconds, megabytes = alone(COST, predictor.newest(learned.folder), tmp_path / "usual", tmp_path / "dear")
    fine = seconds <= SECONDS and megabytes <= MEGABYTES
    assert noted("cost of one input", f"{name}: {what}: {seconds:.2f} s, {megabytes:.0f} MB", fine), (
        seconds,
        megabytes,
    )


@pytest.mark.faults
@pytest.mark.parametrize("name", tasks.names())
def test_many_answers_take_no_more_and_are_the_same(name: str, learned_of: Callable[[str], Learned], tmp_path: Path):
    golden = _golden(name)
    if name == "captioning":
        values = [golden[number % len(golden)] for number in range(LENGTHS)]
    else:
        text = b" ".join(golden).replace(b" ", b"" if name == "dna" else b" ") * 10
        values = [text[: number + 1] for number in range(LENGTHS)]
    (tmp_path / "values").write_text(json.dumps([value.hex() for value in values]))
    other, growth = alone(
        SOAK, predictor.newest(learned_of(name).folder), tmp_path / "values", str(ANSWERS), str(THREADS)
    )
    what = f"{name}: {ANSWERS:,} answers, {THREADS} threads, {LENGTHS} lengths: {growth:+.1f} MB, {other:.0f} differ"
    assert noted("soak", what, other == 0 and growth <= GROWTH), what
