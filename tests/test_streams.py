from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from seqtasks import tasks
from seqtasks.codecs.tokens import Tokens
from seqtasks.codecs.vocabulary import START
from seqtasks.data import splits, streams
from seqtasks.data.streams import Stream
from seqtasks.errors import InputError, UsageError
from seqtasks.task import Examples
from seqtasks.training import compare

STREAM = Stream(np.arange(1, 1_001, dtype=np.uint16), 1_000, window=8)


def text(value: str) -> dict[str, Examples]:
    column = np.array([value.encode()], dtype=object)
    return {"train": Examples(column, column)}


def order(seed: int = 1, epoch: int = 0, stream: Stream = STREAM, size: int = 4, least: int = 1):
    return stream.order(size=size, least=least, seed=seed, epoch=epoch)


def test_a_lane_goes_on_exactly_where_it_stopped():
    for before, after in pairwise(order()):
        (ids, fresh), _ = STREAM.batch(after)
        assert not fresh.any()
        assert (ids[:, 0] == STREAM.batch(before)[1][:, -1]).all()
        np.testing.assert_array_equal(np.diff(ids, axis=1) % 1_000, 1)


def test_an_epoch_has_nearly_every_token_once():
    seen = np.concatenate([STREAM.batch(window)[1][:, 1:].ravel() for window in order()])
    assert len(seen) == len(set(seen.tolist())) == 4 * (250 // 8 * 8)


def test_a_lane_begins_behind_a_start_and_not_behind_what_stands_before_it():
    first = order()[0]
    (ids, fresh), _ = STREAM.batch(first)
    assert first.fresh
    assert fresh.all()
    assert (ids[:, 0] == START).all()


def test_the_order_depends_on_seed_and_epoch_alone():
    starts = [order(*each)[0].starts.tolist() for each in ((1, 0), (1, 0), (2, 0), (1, 1))]
    assert starts[0] == starts[1]
    assert len({tuple(each) for each in starts}) == 3


def test_a_short_stream_is_gone_through_several_times_each_time_from_a_beginning():
    short = Stream(np.arange(1, 41), 40, window=8)
    windows = order(stream=short, size=32, least=30)
    assert len(windows) >= 30
    assert sum(window.fresh for window in windows) > 3


def test_a_stream_shorter_than_its_window_is_one_window():
    tiny = Stream(np.arange(1, 6), 5, window=8)
    (window,) = order(stream=tiny)
    assert sorted(tiny.batch(window)[1][0, 1:].tolist()) == [1, 2, 3, 4, 5]


def test_a_sweep_in_one_lane_has_every_token_once_in_order():
    seen = np.concatenate([STREAM.batch(window)[1][0, 1:] for window in STREAM.sweep(size=1)])
    assert seen.tolist() == STREAM.values.tolist()


def test_rows_have_every_token_once_and_all_begin_anew():
    windows = STREAM.rows(256, size=2)
    seen = np.concatenate([STREAM.batch(window)[1][:, 1:].ravel() for window in windows])
    assert seen.tolist() == STREAM.values.tolist()
    assert all(window.fresh for window in windows)


@pytest.mark.parametrize("level", ["character", "word"])
def test_a_text_is_encoded_alike_whole_and_in_parts(level: str, monkeypatch: pytest.MonkeyPatch):
    value = "Não há, de fato, “nada” — nem um só café!\n" * 40 + "x" * 300 + "é" * 300
    codec = Tokens(level).fit([np.array([value.encode()], object)])
    whole = codec.encode([value.encode()])[0][0].numpy()
    monkeypatch.setattr(streams, "CHUNK", 101)
    stream = streams.encode([value.encode()], codec, window=8)
    assert stream.characters == len(value)
    assert b"".join(streams.chunks([value.encode()])) == value.encode()
    if level == "character":
        assert stream.values.tolist() == whole.tolist()
    else:  # but for the one word that is longer than a part
        shared = len(whole) - 1
        assert stream.values[:shared].tolist() == whole[:shared].tolist()


def test_a_text_is_cut_into_parts_that_stand_one_behind_the_other():
    value = "".join(chr(192 + number % 60) for number in range(2_000))
    found = {name: examples.inputs[0].decode() for name, examples in splits.cut(text(value), 0.05).items()}
    assert found["train"] + found["development"] + found["test"] == value
    assert {name: len(part) for name, part in found.items()} == {"train": 1_710, "development": 90, "test": 200}


def test_nothing_is_held_back_where_nothing_is_chosen():
    value = "".join(chr(192 + number % 60) for number in range(2_000))
    found = splits.cut(text(value), 0.0)
    assert {name: len(examples.inputs[0].decode()) for name, examples in found.items()} == {"train": 1_800, "test": 200}


@pytest.mark.parametrize("share", [-0.1, 0.6, float("nan")])
def test_a_share_that_is_none_is_told(share: float):
    with pytest.raises(UsageError, match=r"held_back is a share from 0 to 0\.5"):
        splits.cut(text("x" * 1_000), share)


def test_a_data_set_declares_and_what_was_chosen_outweighs():
    task = tasks.find("text_generation")
    assert task.settings["held_back"] == task.on("a text of mine").settings["held_back"] == 0.05
    assert task.on("tiny_shakespeare").settings["held_back"] == 0
    assert task.configure({"held_back": "0.1"}).on("tiny_shakespeare").settings["held_back"] == 0.1
    assert task.on("sample").configure({"units": 7}).on("sample").settings["units"] == 7


def test_cells_are_compared_on_what_is_held_back():
    task = compare.judged(tasks.find("text_generation"))
    assert task.on("tiny_shakespeare").settings["held_back"] == 0.05
    with pytest.raises(UsageError, match="leave held_back=0 out"):
        compare.judged(task.configure({"held_back": 0.0}))


@pytest.mark.parametrize("value", ["", "x", "x" * 99])
def test_a_text_too_short_is_told(value: str):
    with pytest.raises(InputError, match=rf"train has {len(value)} characters; give one of at least 100"):
        splits.cut(text(value), 0.05)
