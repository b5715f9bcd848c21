from __future__ import annotations

import numpy as np
import pytest

from seqtasks.codecs.labels import Labels
from seqtasks.codecs.text import Text
from seqtasks.data import batches as batching
from seqtasks.data import splits
from seqtasks.errors import InputError
from seqtasks.task import Examples

LENGTHS = np.random.default_rng(0).integers(1, 400, 10_000)


def column(*values: str) -> np.ndarray:
    return np.array([value.encode() for value in values], dtype=object)


def of(lengths: np.ndarray) -> batching.Encoded:
    """Rows of such lengths."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return batching.Encoded(np.ones(offsets[-1], np.int32), offsets, np.zeros(len(lengths), np.int32))


def order(seed: int, epoch: int, lengths: np.ndarray = LENGTHS, least: int = 1) -> list[np.ndarray]:
    return of(lengths).order(size=32, least=least, seed=seed, epoch=epoch)


def flat(batches: list[np.ndarray]) -> list[int]:
    return np.concatenate(batches).tolist()


def test_an_epoch_has_every_row_once():
    assert sorted(flat(order(1, 0))) == list(range(len(LENGTHS)))


def test_the_order_depends_on_seed_and_epoch_alone():
    assert flat(order(1, 0)) == flat(order(1, 0))
    assert flat(order(1, 0)) != flat(order(2, 0))
    assert flat(order(1, 0)) != flat(order(1, 1))


def test_few_rows_are_gone_through_several_times():
    batches = order(1, 0, LENGTHS[:40], least=7)
    assert len(batches) >= 7
    assert set(np.bincount(flat(batches))) == {4}


def test_little_is_spent_on_padding():
    assert of(LENGTHS).padded_share(order(1, 0)) < 0.06


def test_a_sweep_has_every_row_once_shortest_first():
    rows = flat(list(of(LENGTHS).sweep(size=256)))
    assert sorted(rows) == list(range(len(LENGTHS)))
    assert (np.diff(LENGTHS[rows]) >= 0).all()


def test_an_epoch_sees_every_row_in_one_way():
    def encoded(value: int) -> batching.Encoded:
        return batching.Encoded(np.full(300, value), np.arange(0, 301, 3), np.arange(100, dtype=np.int32), multiple=1)

    augmented = batching.Augmented.of(encoded(1), encoded(2), encoded(3))
    seen = {}
    for epoch in (0, 1):
        batches = augmented.order(size=32, least=1, seed=1, epoch=epoch)
        seen[epoch] = dict[int, int]()
        for rows in batches:
            (values, lengths), targets = augmented.batch(rows)
            assert (values == values[:, :1]).all() and (lengths == 3).all()
            np.testing.assert_array_equal(values[:, 0], 1 + rows // 100)
            seen[epoch] |= dict(zip(targets.tolist(), values[:, 0].tolist(), strict=True))
        assert sorted(seen[epoch]) == list(range(100))
        assert np.bincount(list(seen[epoch].values()))[1:].min() > 20
    assert seen[0] != seen[1]
    again = augmented.order(size=32, least=1, seed=1, epoch=0)
    np.testing.assert_array_equal(
        np.concatenate(again), np.concatenate(augmented.order(size=32, least=1, seed=1, epoch=0))
    )
    assert all((augmented.batch(rows)[0][0] == 1).all() for rows in augmented.sweep(size=32))
    assert augmented.every_way(np.array([7, 3]))[:, :, 0].tolist() == [[1, 2, 3], [1, 2, 3]]
    assert encoded(2).every_way(np.array([7, 3]))[:, :, 0].tolist() == [[2], [2]]
    other = batching.Augmented.of(encoded(1), encoded(3), encoded(2))
    assert len({each.fingerprint() for each in (augmented, other, encoded(1))}) == 3


def test_encoded_rows_come_back_padded_on_the_right():
    texts = column("good", "good bad good", "")
    examples = Examples(texts, column("a", "b", "a"))
    codec = Text().fit([texts])
    encoded = batching.encode(examples, codec, Labels(("a", "b")), name="train")
    (values, lengths), targets = encoded.batch(np.array([1, 0, 2]))
    good, bad = 2, 3
    assert values[:, :4].tolist() == [[good, bad, good, 0], [good, 0, 0, 0], [1, 0, 0, 0]]
    assert values.shape[1] == batching.ROUND
    assert lengths.tolist() == [3, 1, 1]
    assert targets.tolist() == [1, 0, 0]


def test_more_rows_than_a_chunk_keep_their_order():
    texts = column(*(f"word{number}" for number in range(1_234)))
    encoded = batching.encode(Examples(texts, column(*["a"] * 1_234)), Text().fit([texts]), Labels(("a",)), name="x")
    assert len(encoded) == 1_234
    assert len(set(encoded.values.tolist())) == 1_234


def test_a_strange_label_is_named_with_its_row():
    examples = Examples(column("x", "y"), np.array(["a", "postive"], dtype=object))
    with pytest.raises(InputError, match="validation row 2: label 'postive' is none of a, b"):
        batching.encode(examples, Text().fit([column("x")]), Labels(("a", "b")), name="validation")


def test_splits_drop_from_train_then_validation_never_test():
    found, dropped = splits.separate(
        {
            "train": Examples(column("a", "b", "c", "d"), column("x", "y", "x", "y")),
            "validation": Examples(column("b", "e", "f"), column("y", "x", "y")),
            "test": Examples(column("a", "e", "g"), column("x", "x", "y")),
        }
    )
    assert {name: list(each.inputs) for name, each in found.items()} == {
        "train": [b"c", b"d"],
        "validation": [b"b", b"f"],
        "test": [b"a", b"e", b"g"],
    }
    assert dropped == {"validation, also in test": 1, "train, also in test": 1, "train, also in validation": 1}


def test_validation_comes_out_of_train_stratified_and_without_twins():
    texts = column(*(f"text {number % 900}" for number in range(1_000)))  # 100 stand there twice
    labels = column(*("a" if number % 900 < 450 else "b" for number in range(1_000)))
    found, dropped = splits.separate({"train": Examples(texts, labels)})
    counts = np.unique(found["validation"].targets, return_counts=True)[1]
    assert not set(found["train"].inputs) & set(found["validation"].inputs)
    assert sum(len(examples) for examples in found.values()) == 1_000
    assert all(35 <= count <= 65 for count in counts)
    assert set(dropped.values()) == {0}


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_are_refused(rows: int):
    with pytest.raises(InputError, match="0 usable rows"):
        splits.separate({"train": Examples(column("a")[:rows], column("x")[:rows])})
