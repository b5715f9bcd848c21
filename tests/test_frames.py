"""Recordings as sequences of vectors: tables of numbers, skeletons, signals; rows of features; views of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from seqtasks import codecs
from seqtasks.codecs import frame_views, number_table, skeletons
from seqtasks.codecs.features import Features
from seqtasks.codecs.frame_views import Changes
from seqtasks.codecs.frames import Frames
from seqtasks.data.batches import RowBatches
from seqtasks.data.columns import Columns, Dense, Ragged
from seqtasks.data.samples import figures
from seqtasks.errors import InputError
from seqtasks.layers.motion import FACTORS, LAGS, Motion
from seqtasks.task import Folders

NOWHERE = Folders(())
FIGURES = [content for content, _ in figures.draw(12)]
LINE = " ".join(str(number / 10) for number in range(60))


def fitted(codec: Frames, values: list[bytes]) -> Frames:
    return codec.fit([np.array(values, object)], NOWHERE)


@pytest.fixture(scope="module")
def joints() -> Frames:
    return fitted(Frames(), FIGURES)


def signal(*lines: str) -> bytes:
    return "\n".join(lines).encode()


SIGNALS = [signal("time,x,y", "0,1,10", "1,2,20", "2,3,60"), signal("y;x;time", "40;5;0", "50;2,5;1")]


@pytest.fixture(scope="module")
def sensors() -> Frames:
    return fitted(Frames(medium="signals"), SIGNALS)


# --- tables -----------------------------------------------------------------------------------------------------------

TABLES = {
    "commas": (b"a,b\n1,2\n3,4", [[1, 2], [3, 4]]),
    "blanks, a remark and an empty line": ("# Zoë\n\n1  2\r\n3 4\n".encode(), [[1, 2], [3, 4]]),
    "another order": (b"b\ta\n2\t1", [[1, 2]]),
    "decimal commas between semicolons": (b"a;b\n1,5;2", [[1.5, 2]]),
    "a byte order mark and quotes": ('\ufeff"a","b"\n1,2'.encode(), [[1, 2]]),
    "a further column": (b"c,a,b\n9,1,2", [[1, 2]]),
    "a column too few": (b"a\n1", [[1, np.nan]]),
    "a line too long": (b"1 2 3\n1 2", [[np.nan, np.nan], [1, 2]]),
    "words, infinities and what is too large": (b"a,b\nx,inf\n1e300,-1e-3", [[np.nan, np.nan], [np.nan, -1e-3]]),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_by_the_names_of_its_columns(name: str):
    content, wanted = TABLES[name]
    np.testing.assert_allclose(number_table.by_name(tf.constant(content), ["a", "b"], 9).numpy(), wanted, rtol=1e-6)


def test_what_is_missing_is_between_its_neighbours():
    gaps = np.array([[np.nan, 1, np.nan], [2, np.nan, np.nan], [np.nan, np.nan, np.nan], [8, 7, np.nan]], np.float32)
    wanted = [[2, 1, np.nan], [2, 3, np.nan], [5, 5, np.nan], [8, 7, np.nan]]
    np.testing.assert_allclose(number_table.filled(tf.constant(gaps)).numpy(), wanted)
    assert number_table.filled(tf.zeros([0, 3])).shape == (0, 3)


# --- skeletons --------------------------------------------------------------------------------------------------------


def lines(content: bytes) -> list[str]:
    return [line for line in content.decode().splitlines() if not line.startswith("#")]


def as_msr(content: bytes) -> bytes:
    """A line a joint of x, y, z and a confidence, as MSR-Action3D has them."""
    rows = [row.split() for row in lines(content)]
    return "\n".join(" ".join([*row[at : at + 3], "0.9"]) for row in rows for at in range(0, 60, 3)).encode()


def test_both_forms_of_a_skeleton_are_read_alike(joints: Frames):
    for content in FIGURES[:3]:
        one, other = (joints.encode(tf.constant([each])) for each in (content, as_msr(content)))
        np.testing.assert_array_equal(*(each[0].numpy() for each in (one, other)))


def test_a_dead_frame_is_between_those_around_it(joints: Frames):
    rows = lines(FIGURES[0])
    whole, dead = "\n".join(rows).encode(), "\n".join([*rows[:4], " ".join(["0"] * 60), "x", *rows[6:]]).encode()
    found = joints.encode(tf.constant([whole, dead]))[0].numpy()
    np.testing.assert_array_equal(found[0, [3, 6]], found[1, [3, 6]])
    np.testing.assert_allclose(found[1, 4], (2 * found[0, 3] + found[0, 6]) / 3, atol=1e-5)


def test_the_size_is_that_of_the_training(joints: Frames):
    every = np.concatenate(
        [each.numpy().reshape(-1, 60) for each in (joints.encode(tf.constant([v]))[0] for v in FIGURES)]
    )
    assert skeletons.size(every) == pytest.approx(1, abs=0.1)


REFUSED = {
    "empty": (b"", "empty"),
    "no frame": (b"# Ana\n", "a table without a frame"),
    "zeros": ((" ".join(["0"] * 60)).encode(), "without a skeleton: every number is 0"),
    "NaN": (LINE.replace("0.3 ", "nan ", 1).encode(), "without a number in row 1, column 4: 'nan'"),
    "infinity": (f"{LINE}\n{LINE.replace('5.9', 'inf')}".encode(), "without a number in row 2, column 60: 'inf'"),
    "a missing number": (f"{LINE}\n{LINE.rpartition(' ')[0]}".encode(), "of 59 numbers in row 2, expected 60"),
    "one too many": (f"{LINE} 1".encode(), "of 61 numbers in row 1, expected 60 numbers, x, y and z of 20 joints"),
    "25 joints": (" ".join(["1"] * 75).encode(), "of 75 numbers in row 1, expected 60"),
    "decimal commas": (
        LINE.replace(".", ",").encode(),
        "of 61 numbers in row 1, .*; decimals have points",
    ),
    "half a frame of MSR-Action3D": (b"1 2 3 1\n" * 30, "of 30 lines, no multiple of the 20 joints"),
    "text": (b"The film was good.", "a table without a frame"),
    "millimetres": (
        "\n".join(" ".join(str(1000 * float(each)) for each in row.split()) for row in lines(FIGURES[0])).encode(),
        r"of skeletons .* times as large as those learned; give them in the same unit",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_recording_is_refused_by_name_and_row(joints: Frames, name: str, tmp_path: Path):
    content, reason = REFUSED[name]
    path = tmp_path / "wave.txt"
    path.write_bytes(content)
    restored = codecs.restore(json.loads(json.dumps(codecs.describe(joints, learned=False))))
    for codec in (joints, restored):
        with pytest.raises(InputError, match=f"names .*wave.txt, which is {reason}"):
            codec.clean(os.fsencode(path))


def test_a_recording_is_given_as_it_is(joints: Frames, tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(FIGURES[0])
    assert joints.clean(os.fsencode(tmp_path / "a.txt")) == FIGURES[0]
    (tmp_path / "one frame.csv").write_text(LINE.replace(" ", ","))
    joints.clean(os.fsencode(tmp_path / "one frame.csv"))
    with pytest.raises(InputError, match="which does not exist; give the path of a recording"):
        joints.clean(os.fsencode(tmp_path / "b.txt"))


def test_bad_recordings_have_an_answer_and_harm_no_other(joints: Frames):
    values = [
        FIGURES[0],
        *(content for content, _ in REFUSED.values()),
        "\n".join([LINE] * 10_000).encode(),
        FIGURES[1],
    ]
    found, lengths = joints.encode(tf.constant(values))
    assert np.isfinite(found).all()
    assert lengths.numpy().min() == 1
    assert lengths.numpy().max() == joints.max_length
    for place in (0, len(values) - 1):
        alone = joints.encode(tf.constant([values[place]]))[0].numpy()[0]
        np.testing.assert_array_equal(found[place, : len(alone)], alone)


def test_a_training_on_what_is_no_recording_names_its_row():
    with pytest.raises(InputError, match="train row 2 is without a skeleton"):
        fitted(Frames(), [FIGURES[0], REFUSED["zeros"][0]])


# --- signals ----------------------------------------------------------------------------------------------------------


def test_columns_are_known_by_name_and_standardised(sensors: Frames):
    assert sensors.names == ("x", "y")
    found, lengths = sensors.encode(tf.constant(SIGNALS))
    assert lengths.numpy().tolist() == [3, 2]
    every = np.concatenate([found[0, :3], found[1, :2]])
    np.testing.assert_allclose(every.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(every.std(axis=0), 1, atol=1e-6)


def test_a_reading_that_is_missing_is_between_its_neighbours(sensors: Frames):
    whole, gap = signal("x,y", "1,10", "2,20", "3,30"), signal("x,y", "1,10", ",20", "3,30")
    found = sensors.encode(tf.constant([whole, gap]))[0].numpy()
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (signal("x,z", "1,2"), "lacks the column 'y'; it has x, z"),
        (signal("x,y,x", "1,2,3"), "has the column 'x' twice"),
        (signal("x,y"), "without a reading"),
        (signal("x,y", "1,2", "a,b"), "without a number in row 2"),
        (signal("x,y", "1,", "2,"), "without a number in the column 'y'"),
    ],
)
def test_a_table_of_other_readings_is_refused(sensors: Frames, content: bytes, reason: str, tmp_path: Path):
    (tmp_path / "walk.csv").write_bytes(content)
    with pytest.raises(InputError, match=reason):
        sensors.clean(os.fsencode(tmp_path / "walk.csv"))


# --- features ---------------------------------------------------------------------------------------------------------

ROWS = [b"file\ttempo\tenergy\tsame\na.wav\t90\t0.5\t1", b"energy,tempo,same\n0.7,110,1", b"100 0.6 1"]


@pytest.fixture(scope="module")
def features() -> Features:
    return Features().fit([np.array(ROWS, object)], NOWHERE)


def test_features_are_known_by_name_or_by_place(features: Features):
    assert features.names == ("tempo", "energy", "same")
    found, lengths = features.encode(tf.constant([*ROWS, b"", b"x y z", b"tempo\n110"]))
    assert lengths.numpy().tolist() == [1] * 6
    wanted = [[-1.2247, -1.2247, 0], [1.2247, 1.2247, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0], [1.2247, 0, 0]]
    np.testing.assert_allclose(found[:, 0], wanted, atol=1e-3)


REFUSED_ROWS = {
    "a number too few": (b"1,2", "has 2 numbers, expected 3: tempo, energy, same"),
    "a number too many": (b"1,2,3,4", "has 4 numbers, expected 3"),
    "a header alone": (b"tempo,energy,same", "has 0 lines of numbers; give one"),
    "two rows": (b"1,2,3\n4,5,6", "has 2 lines of numbers; give one"),
    "text in a cell": (b"tempo,energy,same\n90,loud,1", "has 'loud', which is no number, as energy"),
    "NaN": (b"tempo,energy,same\n90,nan,1", "has 'nan', which is no number, as energy"),
    "an empty cell": (b"tempo,energy,same\n90,,1", "has nothing as energy; fill it in"),
    "too large": (b"tempo,energy,same\n1e300,1,1", "has '1e300', which is no number, as tempo"),
    "a decimal comma": (b"90,5,0,5,1", "has 5 numbers, expected 3"),
    "another column": (b"tempo,energy,other\n1,2,3", "lacks the column 'same'; it has tempo, energy, other"),
    "empty": (b"", "has 0 lines of numbers"),
}


@pytest.mark.parametrize("name", REFUSED_ROWS)
def test_what_is_no_row_of_these_features_is_refused(features: Features, name: str):
    content, reason = REFUSED_ROWS[name]
    restored = codecs.restore(json.loads(json.dumps(codecs.describe(features, learned=False))))
    with pytest.raises(InputError, match=reason):
        restored.clean(content)


def test_a_row_is_cleaned_to_its_columns_in_the_learned_order(features: Features):
    assert features.clean(b"same;energy;tempo;note\n1;0,5;90;good") == b"tempo\tenergy\tsame\n90.0\t0.5\t1.0"


# --- views and batches ------------------------------------------------------------------------------------------------

CHANGES = Changes(turn=0.3, scale=0.1, warp=0.3, noise=0.01, cut=2)


def test_a_turn_keeps_heights_and_distances():
    places = np.random.default_rng(0).normal(size=(5, 3))
    turned = places @ frame_views.turning(0.7)
    np.testing.assert_allclose(turned[:, 1], places[:, 1])
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(places, axis=1))


def test_a_recording_is_resampled_between_its_ends():
    frames = np.array([[0.0], [1.0], [4.0]])
    assert frame_views.resampled(frames, 5)[:, 0].tolist() == [0, 0.5, 1, 2.5, 4]
    assert frame_views.resampled(frames, 1)[:, 0].tolist() == [0]


@pytest.mark.parametrize("length", [1, 2, 4, 30])
def test_another_view_is_drawn_by_a_seed_and_is_never_empty(length: int):
    frames = np.random.default_rng(0).normal(size=(length, 60)).astype(np.float32)
    views = [frame_views.changed(frames, np.random.default_rng(seed), CHANGES, places=True) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(views[0], views[1])
    assert views[0].shape != views[2].shape or (views[0] != views[2]).any()
    assert all(len(view) and np.isfinite(view).all() and view.dtype == np.float32 for view in views)
    nothing = Changes(turn=0, scale=0, warp=0, noise=0, cut=0)
    np.testing.assert_allclose(
        frame_views.changed(frames, np.random.default_rng(0), nothing, places=True), frames, rtol=1e-6
    )


def augmented() -> RowBatches:
    values = np.arange(24, dtype=np.float32).reshape(12, 2)
    columns = Columns(Ragged(values, np.array([0, 3, 5, 12])), Dense(np.array([0, 1, 0])), 4)
    augment = lambda frames, draw: np.repeat(frames, 1 + int(draw.integers(3)), axis=0)  # noqa: E731
    return RowBatches(
        columns, columns.inputs.lengths, lambda batch: ((batch.values, batch.lengths), batch.targets), augment=augment
    )


def test_rows_are_augmented_anew_in_each_epoch_and_measured_as_they_are():
    batches = augmented()
    epochs = [batches.epoch_batches(batch_size=3, min_steps=1, seed=5, epoch=epoch)[0] for epoch in (0, 0, 1)]
    assert epochs[0].tolist() == epochs[1].tolist() != epochs[2].tolist()
    assert sorted(epochs[0] % 3) == [0, 1, 2]
    (values, lengths), _ = batches.batch(epochs[0])
    (again, _), _ = batches.batch(epochs[1])
    np.testing.assert_array_equal(values, again)
    assert values.shape[1] % 4 == 0
    assert all((row[length:] == 0).all() for row, length in zip(values, lengths, strict=True))
    (plain, lengths), _ = batches.batch(next(iter(batches.eval_batches(batch_size=3))))
    assert lengths.tolist() == [2, 3, 7]
    assert plain[2, :7].tolist() == batches.columns.inputs.values[5:].tolist()


def test_motion_is_the_frame_around_its_centre_and_what_changed():
    frames = np.random.default_rng(0).normal(size=(1, 6, 9)).astype(np.float32)
    found = Motion(3)(frames).numpy()
    centred = frames.reshape(1, 6, 3, 3) - frames.reshape(1, 6, 3, 3).mean(axis=2, keepdims=True)
    np.testing.assert_allclose(found[..., :9], centred.reshape(1, 6, 9), atol=1e-6)
    for place, (lag, factor) in enumerate(zip(LAGS, FACTORS, strict=True), 1):
        before = frames[:, [max(0, step - lag) for step in range(6)]]
        np.testing.assert_allclose(found[..., 9 * place : 9 * place + 9], factor * (frames - before), atol=1e-5)
