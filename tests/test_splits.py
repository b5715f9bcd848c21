"""Train, validation and test that share no example; of a text, parts that stand one behind the other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from seqtasks.codecs.labels import Labels
from seqtasks.codecs.sentences import Sentences
from seqtasks.data import splits
from seqtasks.data.rows import ROWS
from seqtasks.errors import InputError, UsageError
from seqtasks.task import Examples
from seqtasks.tasks.sentiment import TASK


def column(*values: str) -> np.ndarray:
    return np.array([value.encode() for value in values], dtype=object)


def text(value: str) -> dict[str, Examples]:
    return {"train": Examples(column(value), column(value))}


# --- rows -------------------------------------------------------------------------------------------------------------


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


def tagged() -> Examples:
    """400 rows whose targets, sequences of tags, are all different."""
    rows = range(400)
    return Examples(column(*(f"text {row}" for row in rows)), np.array([f"N V {row}" for row in rows], object))


def test_where_targets_are_no_classes_a_tenth_goes_to_validation():
    given = tagged()
    found, dropped = splits.separate({"train": given, "test": Examples(column("z"), column("N"))}, classes=False)
    assert {name: len(each) for name, each in found.items()} == {"train": 360, "validation": 40, "test": 1}
    assert set(dropped.values()) == {0}
    unclassed = Examples(given.inputs, np.full_like(given.targets, "a"))
    same, _ = splits.separate({"train": unclassed, "test": Examples(column("z"), column("a"))})
    assert list(found["validation"].inputs) == list(same["validation"].inputs)


def test_of_each_class_with_one_row_nothing_goes_to_validation():
    with pytest.raises(InputError, match="0 usable rows for validation"):
        splits.separate({"train": tagged()})


def test_a_task_is_split_by_class_where_its_targets_are_classes():
    task = dataclasses.replace(TASK, targets=Sentences())  # which are none
    found, _ = ROWS.split({"train": tagged()}, task, user=False)
    assert {name: len(each) for name, each in found.items()} == {"train": 324, "validation": 36, "test": 40}
    with pytest.raises(InputError, match="0 usable rows"):
        ROWS.split({"train": tagged()}, dataclasses.replace(TASK, targets=Labels()), user=False)


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_are_refused(rows: int):
    with pytest.raises(InputError, match="0 usable rows"):
        splits.separate({"train": Examples(column("a")[:rows], column("x")[:rows])})


# --- a text -----------------------------------------------------------------------------------------------------------


def test_a_text_is_cut_into_parts_that_stand_one_behind_the_other():
    value = "".join(chr(192 + number % 60) for number in range(2_000))
    found = {name: examples.inputs[0].decode() for name, examples in splits.cut(text(value), 0.05).items()}
    assert found["train"] + found["validation"] + found["test"] == value
    assert {name: len(part) for name, part in found.items()} == {"train": 1_710, "validation": 90, "test": 200}


def test_nothing_is_split_off_where_nothing_is_chosen():
    value = "".join(chr(192 + number % 60) for number in range(2_000))
    found = splits.cut(text(value), 0.0)
    assert {name: len(examples.inputs[0].decode()) for name, examples in found.items()} == {"train": 1_800, "test": 200}


def test_a_validation_text_that_a_data_set_has_is_kept_under_another_name():
    value = "".join(chr(192 + number % 60) for number in range(2_000))
    given = text(value) | {"validation": Examples(column("v" * 9), column("v" * 9))}
    found = {name: examples.inputs[0].decode() for name, examples in splits.cut(given, 0.05).items()}
    assert found[splits.OFFICIAL] == "v" * 9
    assert found["train"] + found["validation"] + found["test"] == value
    assert set(splits.cut(given, 0.0)) == {"train", "validation", "test"}


@pytest.mark.parametrize("share", [-0.1, 0.6, float("nan")])
def test_a_share_that_is_none_is_told(share: float):
    with pytest.raises(UsageError, match=r"validation_split is from 0 to 0\.5, not (-0\.1|0\.6|nan)"):
        splits.cut(text("x" * 1_000), share)


@pytest.mark.parametrize("value", ["", "x", "x" * 99])
def test_a_text_too_short_is_told(value: str):
    with pytest.raises(InputError, match=rf"train has {len(value)} characters; give one of at least 100"):
        splits.cut(text(value), 0.05)
