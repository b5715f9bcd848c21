"""Music by features or by notes: data sets, people's own tables, a row at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from seqtasks.data import prepare
from seqtasks.data.datasets import nottingham
from seqtasks.data.readers import Options
from seqtasks.data.user import Source
from seqtasks.errors import InputError
from seqtasks.layers.class_loss import ClassLoss
from seqtasks.task import Folders
from seqtasks.tasks import music_genre, tune_kind
from tests.conftest import Learned, run

ABC = """X: 1
T:One
M:6/8
K:D
"D"def f2d|[M:3/4]^f>e {g}a,2 c'|\\
% a remark
G4 z/2x|

X: 2
K:G
A B|c/d/ =e|
"""


def test_a_tune_is_its_notes_and_bar_lines(tmp_path: Path):
    (tmp_path / "a.abc").write_text(ABC)
    assert [" ".join(tune) for tune in nottingham.tunes(tmp_path / "a.abc")] == [
        "d e f f2 d | ^f e a,2 c' | G4 z/2 x |",
        "A B | c/ d/ =e |",
    ]


def test_of_tunes_that_begin_alike_the_first_is_kept(tmp_path: Path):
    place = tmp_path / "manual" / "nottingham_abc"
    place.mkdir(parents=True)
    same = "X:1\nK:D\n" + "DEFG ABcd " * 2
    for number, name in enumerate(nottingham.KINDS, 1):
        (place / f"{name}.abc").write_text(f"{same}|e|\n\nX:2\nK:G\n{'c' * number}\n\n")
    where = Folders((str(tmp_path / "sets"),), str(tmp_path / "manual"))
    rows = tune_kind.examples("nottingham", where)["train"]
    assert len(rows) == 1 + len(nottingham.KINDS)
    assert sum(bytes(row).startswith(b"D E F G A B c d D E") for row in rows.inputs) == 1
    bags = music_genre.examples("nottingham", where)["train"]
    assert list(bags.targets) == list(rows.targets)


def test_a_bag_knows_no_order():
    one, other, _ = music_genre.bags([["A", "B", "|", "A"], ["|", "A", "A", "B"], *[["B", "A", "|"]] * 5])[:3]
    assert one == other
    names, numbers = one.decode().split("\n")
    assert names == "note A\tnote B\tnote |"
    assert numbers == "0.50000\t0.25000\t0.25000"


# --- people's own tables ----------------------------------------------------------------------------------------------


def table(path: Path, rows: list[str], header: str = "file,tempo,energy,genre") -> Source:
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return Source(str(path), options=Options(label_column="genre"))


ROWS = [f"{number}.wav,{60 + number % 9},0.{number:02},{'ab'[number % 2]}" for number in range(40)]


def test_all_columns_but_the_labels_are_a_row(tmp_path: Path):
    where = Folders((str(tmp_path / "d"),))
    data = prepare.read(music_genre.TASK, table(tmp_path / "a.csv", ROWS), where, print)
    fitted = prepare.fit(music_genre.TASK, data, where)
    assert fitted.inputs.names == ("tempo", "energy")
    chosen = music_genre.TASK.configure({"columns": "energy"})
    data = prepare.read(chosen, table(tmp_path / "b.csv", ROWS), where, print)
    assert prepare.fit(chosen, data, where).inputs.names == ("energy",)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x.wav,fast,0.1,a", "has 'fast', which is no number, as tempo"),
        ("x.wav,,0.1,a", "has nothing as tempo"),
        ("x.wav,nan,0.1,a", "has 'nan', which is no number, as tempo"),
        ("x.wav,1e300,0.1,a", "has '1e300', which is no number, as tempo"),
        ("x.wav,90,a", "has 3 fields, expected 4"),
    ],
)
def test_a_bad_row_is_named_or_left_out(row: str, reason: str, tmp_path: Path):
    where = Folders((str(tmp_path / "d"),))
    source = table(tmp_path / "a.csv", [*ROWS, row])
    with pytest.raises(InputError, match=rf"a.csv:42 {reason}"):
        prepare.read(music_genre.TASK, source, where, print)
    skipping = Source(source.data, options=Options(label_column="genre", on_invalid="skip"))
    assert sum(prepare.read(music_genre.TASK, skipping, where, print).sizes.values()) == 40


def test_a_class_of_one_row_is_learned_from(tmp_path: Path):
    where = Folders((str(tmp_path / "d"),))
    data = prepare.read(music_genre.TASK, table(tmp_path / "a.csv", [*ROWS, "x.wav,200,0.9,c"]), where, print)
    assert "c" in data.examples["train"].targets[:]


def test_a_table_is_answered_by_the_names_of_its_columns(learned_of: Callable[[str], Learned], tmp_path: Path):
    learned = learned_of("music_genre")
    (tmp_path / "new.csv").write_text(
        "título,variação,brilho médio,energia,andamento\num,0.3,1500,0.2,70\ndois,0.1,2500,0.9,130\n"
    )
    output = tmp_path / "answered.csv"
    run("predict", "music_genre", "--file", tmp_path / "new.csv", "--output", output, "--model", learned.folder)
    lines = output.read_text().splitlines()
    assert lines[0] == "título,variação,brilho médio,energia,andamento,answer,probability"
    assert [line.split(",")[5] for line in lines[1:]] == ["balada", "techno"]
    (tmp_path / "other.csv").write_text("andamento,energia\n70,0.2\n")
    with pytest.raises(InputError, match="lacks the column 'brilho médio'"):
        run("predict", "music_genre", "--file", tmp_path / "other.csv", "--output", output, "--model", learned.folder)


def test_folds_learn_their_own_means(learned_of: Callable[[str], Learned]):
    learned = learned_of("music_genre")
    found = json.loads(run("evaluate", "music_genre", "--folds", "3", "--json", "--model", learned.folder).stdout)
    assert found["accuracy"] > 0.9


# --- the loss ---------------------------------------------------------------------------------------------------------


def test_the_loss_is_kerass_and_smoothed():
    draw = np.random.default_rng(0)
    logits, ids = draw.normal(size=(6, 4)).astype(np.float32), draw.integers(0, 4, 6)
    plain = keras.losses.sparse_categorical_crossentropy(ids, logits, from_logits=True)
    np.testing.assert_allclose(ClassLoss(0.0)(ids, logits), plain, rtol=1e-5)
    smooth = keras.losses.categorical_crossentropy(np.eye(4)[ids], logits, from_logits=True, label_smoothing=0.2)
    np.testing.assert_allclose(ClassLoss(0.2)(ids, logits), smooth, rtol=1e-5)
