from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from seqtasks import tasks
from seqtasks.codecs.tokens import Tokens
from seqtasks.codecs.vocabulary import BOS_ID
from seqtasks.data import streams
from seqtasks.data.streams import Stream, Window
from seqtasks.errors import UsageError
from seqtasks.task import Folders
from seqtasks.training import compare

STREAM = Stream(np.arange(1, 1_001, dtype=np.uint16), 1_000, bptt_steps=8)


def epoch_batches(
    seed: int = 1, epoch: int = 0, stream: Stream = STREAM, batch_size: int = 4, min_steps: int = 1
) -> list[Window]:
    return stream.epoch_batches(batch_size=batch_size, min_steps=min_steps, seed=seed, epoch=epoch)


def test_a_row_goes_on_exactly_where_it_stopped():
    for before, after in pairwise(epoch_batches()):
        (ids, reset_states), targets = STREAM.batch(after)
        assert not reset_states.any()
        assert (ids[:, 1:] == targets[:, :-1]).all()
        assert (ids[:, 0] == STREAM.batch(before)[1][:, -1]).all()
        np.testing.assert_array_equal(np.diff(ids, axis=1) % 1_000, 1)


def test_an_epoch_has_nearly_every_token_once():
    seen = np.concatenate([STREAM.batch(window)[1].ravel() for window in epoch_batches()])
    assert len(seen) == len(set(seen.tolist())) == 4 * (250 // 8 * 8)


def test_a_row_begins_behind_a_start_and_not_behind_what_stands_before_it():
    first = epoch_batches()[0]
    (ids, reset_states), _ = STREAM.batch(first)
    assert first.reset_states
    assert reset_states.all()
    assert (ids[:, 0] == BOS_ID).all()


def test_the_order_depends_on_seed_and_epoch_alone():
    starts = [epoch_batches(*each)[0].starts.tolist() for each in ((1, 0), (1, 0), (2, 0), (1, 1))]
    assert starts[0] == starts[1]
    assert len({tuple(each) for each in starts}) == 3


def test_a_short_stream_is_gone_through_several_times_each_time_from_a_beginning():
    short = Stream(np.arange(1, 41), 40, bptt_steps=8)
    windows = epoch_batches(stream=short, batch_size=32, min_steps=30)
    assert len(windows) >= 30
    assert sum(window.reset_states for window in windows) > 3


def test_a_stream_shorter_than_its_window_is_one_window():
    tiny = Stream(np.arange(1, 6), 5, bptt_steps=8)
    (window,) = epoch_batches(stream=tiny)
    assert sorted(tiny.batch(window)[1][0].tolist()) == [1, 2, 3, 4, 5]


def test_evaluation_in_one_row_has_every_token_once_in_order():
    seen = np.concatenate([STREAM.batch(window)[1][0] for window in STREAM.eval_batches(batch_size=1)])
    assert seen.tolist() == STREAM.values.tolist()


def test_windows_of_a_length_have_every_token_once_and_each_resets_the_states():
    windows = STREAM.windows(256, batch_size=2)
    seen = np.concatenate([STREAM.batch(window)[1].ravel() for window in windows])
    assert seen.tolist() == STREAM.values.tolist()
    assert all(window.reset_states for window in windows)


@pytest.mark.parametrize("level", ["character", "word"])
def test_a_text_is_encoded_alike_whole_and_in_parts(level: str, monkeypatch: pytest.MonkeyPatch):
    value = "Não há, de fato, “nada” — nem um só café!\n" * 40 + "x" * 300 + "é" * 300
    codec = Tokens(level).fit([np.array([value.encode()], object)], Folders(()))
    whole = codec.encode([value.encode()])[0][0].numpy()
    monkeypatch.setattr(streams, "CHUNK", 101)
    stream = streams.encode([value.encode()], codec, bptt_steps=8)
    assert stream.characters == len(value)
    assert b"".join(streams.chunks([value.encode()])) == value.encode()
    if level == "character":
        assert stream.values.tolist() == whole.tolist()
    else:  # but for the one word that is longer than a part
        shared = len(whole) - 1
        assert stream.values[:shared].tolist() == whole[:shared].tolist()


def test_a_data_set_declares_and_what_was_chosen_outweighs():
    task = tasks.find("text_generation")
    assert task.settings["validation_split"] == task.for_dataset("a text of mine").settings["validation_split"] == 0.05
    assert task.for_dataset("tiny_shakespeare").settings["validation_split"] == 0
    assert (
        task.configure({"validation_split": "0.1"}).for_dataset("tiny_shakespeare").settings["validation_split"] == 0.1
    )
    assert task.for_dataset("sample").configure({"units": 7}).for_dataset("sample").settings["units"] == 7


def test_cells_are_compared_on_a_validation_split():
    task = compare.with_validation(tasks.find("text_generation"))
    assert task.for_dataset("tiny_shakespeare").settings["validation_split"] == 0.05
    with pytest.raises(UsageError, match="leave validation_split=0 out"):
        compare.with_validation(task.configure({"validation_split": 0.0}))
