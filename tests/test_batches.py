"""Columns of encoded rows, in memory and on disk, and the batches that an epoch makes of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seqtasks.codecs import Traits
from seqtasks.codecs.labels import Labels
from seqtasks.codecs.text import Text
from seqtasks.data import cache, encode
from seqtasks.data.batches import Batch, RowBatches
from seqtasks.data.columns import Columns, Dense, DiskArray, Ragged
from seqtasks.data.prepare import Data
from seqtasks.data.rows import PAD_TO_MULTIPLE_OF, ROWS
from seqtasks.errors import InputError
from seqtasks.patterns import many_to_one
from seqtasks.task import Examples, Folders
from seqtasks.tasks.sentiment import TASK

LENGTHS = np.random.default_rng(0).integers(1, 400, 10_000)
NOWHERE = Folders(())


def column(*values: str) -> np.ndarray:
    return np.array([value.encode() for value in values], dtype=object)


def collate(batch: Batch) -> tuple[Any, Any]:
    return (batch.values, batch.lengths), batch.targets


def batches_of(lengths: np.ndarray) -> RowBatches:
    """Rows of such lengths."""
    inputs = Ragged(np.ones(lengths.sum(), np.int32), encode.offsets(lengths))
    return RowBatches(Columns(inputs, Dense(np.zeros(len(lengths), np.int32))), lengths, collate)


def epoch_batches(seed: int, epoch: int, lengths: np.ndarray = LENGTHS, min_steps: int = 1) -> list[np.ndarray]:
    return batches_of(lengths).epoch_batches(batch_size=32, min_steps=min_steps, seed=seed, epoch=epoch)


def flat(batches: list[np.ndarray]) -> list[int]:
    return np.concatenate(batches).tolist()


# --- the order --------------------------------------------------------------------------------------------------------


def test_an_epoch_has_every_row_once():
    assert sorted(flat(epoch_batches(1, 0))) == list(range(len(LENGTHS)))


def test_the_order_depends_on_seed_and_epoch_alone():
    assert flat(epoch_batches(1, 0)) == flat(epoch_batches(1, 0))
    assert flat(epoch_batches(1, 0)) != flat(epoch_batches(2, 0))
    assert flat(epoch_batches(1, 0)) != flat(epoch_batches(1, 1))


def test_few_rows_are_gone_through_several_times():
    batches = epoch_batches(1, 0, LENGTHS[:40], min_steps=7)
    assert len(batches) >= 7
    assert set(np.bincount(flat(batches))) == {4}


def test_little_is_spent_on_padding():
    assert batches_of(LENGTHS).padded_share(epoch_batches(1, 0)) < 0.06


def test_rows_are_bucketed_by_the_keys_that_they_are_given():
    keys = np.arange(len(LENGTHS)) % 7
    batches = dataclasses.replace(batches_of(LENGTHS), bucket_keys=keys)
    order = batches.epoch_batches(batch_size=32, min_steps=1, seed=1, epoch=0)
    assert np.mean([len(set(keys[rows])) == 1 for rows in order]) > 0.8
    rows = flat(list(batches.eval_batches(batch_size=256)))
    assert (np.diff(keys[rows]) >= 0).all()


def test_evaluation_has_every_row_once_shortest_first():
    rows = flat(list(batches_of(LENGTHS).eval_batches(batch_size=256)))
    assert sorted(rows) == list(range(len(LENGTHS)))
    assert (np.diff(LENGTHS[rows]) >= 0).all()


def test_a_batch_is_described_by_its_rows_in_any_view():
    inputs = Ragged(np.ones(20, np.int32), np.arange(0, 21, 2))
    batches = RowBatches(Columns(inputs, Dense(np.zeros(10)), views=(inputs,)), inputs.lengths, collate)
    assert batches.describe(np.array([7, 12, 0])) == batches.describe(np.array([7, 2, 10])) == "rows 1, 3, 8, ..."


# --- views ------------------------------------------------------------------------------------------------------------


def rows_of_views(*values: int) -> RowBatches:
    """100 rows of three steps; in each view all steps have one value."""
    first, *others = (Ragged(np.full(300, value), np.arange(0, 301, 3)) for value in values)
    columns = Columns(first, Dense(np.arange(100, dtype=np.int32)), views=tuple(others))
    return RowBatches(columns, columns.inputs.lengths, collate)


def test_an_epoch_sees_every_row_in_one_view():
    augmented, seen = rows_of_views(1, 2, 3), dict[int, dict[int, int]]()
    for epoch in (0, 1):
        seen[epoch] = {}
        for index in augmented.epoch_batches(batch_size=32, min_steps=1, seed=1, epoch=epoch):
            (values, lengths), targets = augmented.batch(index)
            assert (values == values[:, :1]).all() and (lengths == 3).all()
            np.testing.assert_array_equal(values[:, 0], 1 + index // 100)
            np.testing.assert_array_equal(targets, index % 100)
            seen[epoch] |= dict(zip(targets.tolist(), values[:, 0].tolist(), strict=True))
        assert sorted(seen[epoch]) == list(range(100))
        assert np.bincount(list(seen[epoch].values()))[1:].min() > 20
    assert seen[0] != seen[1]
    again = [augmented.epoch_batches(batch_size=32, min_steps=1, seed=1, epoch=0) for _ in range(2)]
    assert flat(again[0]) == flat(again[1])


def test_everything_is_measured_by_the_rows_themselves():
    augmented = rows_of_views(1, 2, 3)
    assert all((augmented.batch(rows)[0][0] == 1).all() for rows in augmented.eval_batches(batch_size=32))


def test_views_may_be_of_other_lengths():
    first, longer = (Ragged(np.arange(1, 6, dtype=np.int32), np.array(ends)) for ends in ([0, 2, 5], [0, 4, 5]))
    batches = RowBatches(Columns(first, Dense(np.array([8, 9])), 1, (longer,)), first.lengths, lambda batch: batch)
    found = batches.rows(np.array([1, 2]))
    assert batches.steps(np.array([1, 2])) == 4
    assert (found.values.tolist(), found.lengths.tolist()) == ([[3, 4, 5, 0], [1, 2, 3, 4]], [3, 4])
    assert batches.views(np.array([0])).tolist() == [[[1, 2, 0, 0], [1, 2, 3, 4]]]
    assert batches.padded_share([np.array([1, 2])]) == 1 / 8


def test_rows_can_be_had_in_all_views():
    assert rows_of_views(1, 2, 3).views(np.array([7, 3]))[:, :, 0].tolist() == [[1, 2, 3], [1, 2, 3]]
    assert rows_of_views(2).views(np.array([7, 3]))[:, :, 0].tolist() == [[2], [2]]


def test_the_fingerprint_is_that_of_all_views_in_their_order():
    every = [rows_of_views(*values).fingerprint() for values in ((1, 2, 3), (1, 3, 2), (1,), (1, 2, 3))]
    assert len(set(every)) == 3
    assert every[0] == every[3]


# --- encoding ---------------------------------------------------------------------------------------------------------


def test_encoded_rows_come_back_padded_on_the_right():
    texts = column("good", "good bad good", "")
    data = Data("x", ROWS, {"train": Examples(texts, np.array(["a", "b", "a"], object))}, {}, None)
    task = TASK.with_codecs(Text().fit([texts], NOWHERE), Labels(("a", "b")))
    encoded = many_to_one.batches(task, ROWS.encode(task, data, "train", NOWHERE, print, tta=False))
    (values, lengths), targets = encoded.batch(np.array([1, 0, 2]))
    good, bad = 2, 3
    assert values[:, :4].tolist() == [[good, bad, good, 0], [good, 0, 0, 0], [1, 0, 0, 0]]
    assert values.shape[1] == PAD_TO_MULTIPLE_OF
    assert lengths.tolist() == [3, 1, 1]
    assert targets.tolist() == [1, 0, 0]


def test_more_rows_than_a_chunk_keep_their_order():
    texts = column(*(f"word{number}" for number in range(1_234)))
    codec = Text().fit([texts], NOWHERE)
    encoded = encode.inputs(texts, codec)
    assert len(encoded) == 1_234
    assert [codec.vocabulary[each - 2] for each in encoded.values] == [f"word{number}" for number in range(1_234)]


@pytest.mark.parametrize("row", [1, 700])
def test_an_unknown_label_is_named_with_its_row(row: int):
    labels = np.array(["a"] * 800, dtype=object)
    labels[row] = "postive"
    with pytest.raises(InputError, match=rf"^validation row {row + 1}: label 'postive' is none of a, b$"):
        encode.targets(labels, Labels(("a", "b")), name="validation")


# --- targets with steps of their own ----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Tags:
    """A tag a word, as a tagger's targets are: strings (B,) -> ids, ragged (B, None), or (B, None, 2) of pairs."""

    names: tuple[str, ...] = ("N", "V")
    paired: bool = False
    traits = Traits()

    def encode(self, values: tf.Tensor) -> tf.RaggedTensor:
        tags = tf.strings.split(values)
        same = tf.equal(tags.flat_values[:, None], tf.constant(self.names)[None])
        ids = tf.where(tf.reduce_any(same, axis=1), tf.argmax(same, axis=1, output_type=tf.int32), -1)
        return tags.with_flat_values(tf.stack([ids, ids], axis=1) if self.paired else ids)


def tagged(rows: int) -> np.ndarray:
    """Rows of 0 to 6 tags, those of each chunk shorter or longer than those of the one before."""
    draw = np.random.default_rng(3)
    most = 2 + np.arange(rows) // encode.BATCH_SIZE * 2
    return np.array([" ".join(draw.choice(["N", "V"], draw.integers(most[row] + 1))) for row in range(rows)], object)


def on_disk(values: np.ndarray, codec: Tags, folder: Path) -> Ragged:
    function = encode.of_targets(codec, "train")
    return cache.column(values, function, encode.BATCH_SIZE, folder, name="train", notice=print)


@pytest.mark.parametrize("paired", [False, True])
def test_ragged_targets_are_one_column_of_all_chunks_in_memory_as_on_disk(
    paired: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cache, "PART", 2)  # chunks: two parts on disk
    values, codec = tagged(1_300), Tags(paired=paired)
    kept, stored = encode.targets(values, codec, name="train"), on_disk(values, codec, tmp_path / "column")
    wanted = [[("N", "V").index(tag) for tag in row.split()] for row in values]
    for column in (kept, stored):
        assert isinstance(column, Ragged)
        assert len(column) == 1_300
        assert column.lengths.tolist() == [len(row) for row in wanted]
        rows = np.array([1_299, 3, 777])
        assert column.lengths_of(rows).tolist() == [len(wanted[row]) for row in rows]
        assert column.longest(rows) == max(len(wanted[row]) for row in rows)
        padded = column.padded(rows, 7)
        assert padded.shape == (3, 7, 2) if paired else (3, 7)
        ids = padded[..., 0] if paired else padded
        assert ids.tolist() == [wanted[row] + [0] * (7 - len(wanted[row])) for row in rows]
    assert isinstance(stored.values, DiskArray)
    inputs = Ragged(np.ones(1_300), np.arange(1_301))
    assert Columns(inputs, kept).fingerprint() == Columns(inputs, stored).fingerprint()


def test_a_batch_has_ragged_targets_as_long_as_its_longest_with_their_lengths():
    inputs = Ragged(np.arange(1, 13), np.array([0, 5, 6, 12]))
    targets = Ragged(np.array([7, 8, 9]), np.array([0, 2, 2, 3]))
    batches = RowBatches(Columns(inputs, targets), inputs.lengths, collate)
    batch = batches.rows(np.array([1, 0, 2]))
    assert batch.targets.tolist() == [[0, 0], [7, 8], [9, 0]]
    assert batch.target_lengths is not None and batch.target_lengths.tolist() == [0, 2, 1]
    assert batch.values.tolist() == [[6, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 0], [7, 8, 9, 10, 11, 12]]
    assert batches.rows(np.array([1])).targets.tolist() == [[0]]  # never of no steps
    plain = RowBatches(Columns(inputs, Dense(np.array([4, 5, 6]))), inputs.lengths, collate)
    assert plain.rows(np.array([2, 0]))[2:] == (pytest.approx([6, 4]), None)


@pytest.mark.parametrize("row", [0, 1, 501, 1_299])
@pytest.mark.parametrize("where", ["memory", "disk"])
@pytest.mark.parametrize("paired", [False, True])
def test_an_unknown_tag_is_named_with_its_row_whatever_chunk_it_is_in(
    paired: bool, where: str, row: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cache, "PART", 2)
    values, codec = tagged(1_300), Tags(paired=paired)
    values[max(row - 1, 0)] = ""  # a row of no steps before it
    values[row] = "X N V"
    with pytest.raises(InputError, match=rf"^train row {row + 1}: label 'X N V' is none of N, V$"):
        if where == "memory":
            encode.targets(values, codec, name="train")
        else:
            on_disk(values, codec, tmp_path / "column")


# --- on disk ----------------------------------------------------------------------------------------------------------


def test_an_array_on_disk_is_read_in_slices(tmp_path: Path):
    whole = np.arange(24, dtype=np.float16).reshape(6, 2, 2)
    (tmp_path / "values.bin").write_bytes(whole.tobytes())
    array = DiskArray(tmp_path / "values.bin", whole.shape, whole.dtype)
    for rows in (slice(0, 6), slice(2, 4), slice(4, 99), slice(3, 3), slice(None)):
        np.testing.assert_array_equal(array[rows], whole[rows])


@pytest.mark.parametrize("harm", ["nothing", "values.bin altered", "values.bin missing", "rows.npz cut"])
def test_a_column_on_disk_is_made_once_and_again_where_it_was_altered(harm: str, tmp_path: Path):
    values, said = tagged(30), list[str]()
    encoded = list[int]()

    def counted(strings: np.ndarray, before: int) -> encode.Chunk:
        encoded.append(before)
        return encode.of_targets(Tags(), "train")(strings, before)

    def column() -> Ragged:
        return cache.column(values, counted, 10, tmp_path / "column", name="train", notice=said.append)

    first = column()
    whole = first.values[:]
    assert sorted(encoded) == [0, 10, 20]
    name, _, what = harm.partition(" ")
    path = tmp_path / "column" / name
    if what == "altered":
        path.write_bytes(b"\1" + path.read_bytes()[1:])
    elif what == "missing":
        path.unlink()
    elif what == "cut":
        path.write_bytes(path.read_bytes()[:-30])
    second = column()
    assert len(encoded) == (3 if harm == "nothing" else 6)
    assert len(said) == (harm != "nothing")
    assert all(line.endswith("it is made again") and name in line for line in said)
    np.testing.assert_array_equal(second.values[:], whole)
    np.testing.assert_array_equal(second.offsets, first.offsets)
    assert [each.name for each in tmp_path.iterdir()] == ["column"]


def test_an_interrupted_encoding_goes_on_from_its_last_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache, "PART", 1)
    values, encoded = tagged(40), list[int]()

    def failing(strings: np.ndarray, before: int) -> encode.Chunk:
        encoded.append(before)
        if encoded.count(20) == 1 and before == 20:
            raise RuntimeError("power cut")
        return encode.of_targets(Tags(), "train")(strings, before)

    def column() -> Ragged:
        return cache.column(values, failing, 10, tmp_path / "column", name="train", notice=print)

    with pytest.raises(RuntimeError, match="power cut"):
        column()
    assert encoded == [0, 10, 20]
    assert column().lengths.tolist() == [len(row.split()) for row in values]
    assert encoded == [0, 10, 20, 20, 30]
