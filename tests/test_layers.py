from __future__ import annotations

import keras
import numpy as np
import pytest

from seqtasks.codecs.labels import Labels
from seqtasks.codecs.text import Text
from seqtasks.errors import UsageError
from seqtasks.layers import stack
from seqtasks.layers.steps import DropSteps, Pairs
from seqtasks.tasks.sentiment import TASK

TEXT = Text(bigrams=11).fit([np.array([b"one two three four", b"one two"], dtype=object)])


def model(**settings: object) -> keras.Model:
    small = {"units": 3, "embedding": 4, "bigram_embedding": 2, "dropout": 0.0}
    return TASK.pattern.build(TEXT, Labels(("a", "b")), {**TASK.settings, **small, **settings})


@pytest.mark.parametrize("pool", ["max", "mean", "last"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", stack.CELLS)
def test_padding_never_counts(cell: str, bidirectional: bool, pool: str):
    network = model(cell=cell, bidirectional=bidirectional, pool=pool, layers=2)
    short = network([np.array([[2, 3, 4]]), np.array([3])])
    padded = network([np.array([[2, 3, 4, 0, 5, 2]]), np.array([3])])
    np.testing.assert_allclose(short, padded, atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_plain_embedding_folds(bidirectional: bool):
    letters = Text("character").fit([np.array([b"abc"], dtype=object)])
    settings = {**TASK.settings, "units": 3, "embedding": 4, "bidirectional": bidirectional, "adversarial": 0.0}
    network = TASK.pattern.build(letters, Labels(("a", "b")), settings)
    other = TASK.pattern.build(letters, Labels(("a", "b")), {**settings, "adversarial": 0.5})
    assert network.get_layer("folded").folds(training=False)
    other.set_weights(network.get_weights())
    values = [np.array([[2, 3, 4, 0], [3, 0, 0, 0]]), np.array([3, 1])]
    np.testing.assert_allclose(network(values), other(values), atol=1e-6)


def test_bfloat16_keeps_weights_and_outputs_in_float32():
    values = [np.array([[2, 3, 4, 0]]), np.array([3])]
    short, plain = model(precision="bfloat16"), model()
    assert short.get_layer("recurrent_1").forward_layer.compute_dtype == "bfloat16"
    assert {each.dtype for each in short.variables} <= {"float32", "uint32", "int64"}
    plain.set_weights(short.get_weights())
    assert short(values, training=True).dtype == plain(values).dtype
    np.testing.assert_allclose(short(values), plain(values), atol=0.02)


@pytest.mark.parametrize(
    ("abilities", "emulates"),
    [("flags : fma avx2", True), ("flags : avx512f avx512_bf16", False), ("Features : asimd bf16", False)],
)
def test_a_processor_without_bfloat16_is_told_by_its_abilities(
    abilities: str, emulates: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stack.Path, "read_text", lambda path: abilities)
    assert stack.emulates_bfloat16() == emulates


@pytest.mark.parametrize("pool", ["max", "mean", "last"])
def test_order_counts(pool: str):
    network = model(pool=pool)
    one, other = (network([np.array([ids]), np.array([3])]).numpy() for ids in ([2, 3, 4], [4, 3, 2]))
    assert not np.allclose(one, other, atol=1e-6)


def test_irnn_begins_as_the_identity():
    layer = model(cell="irnn", bidirectional=False).get_layer("recurrent_1")
    layer = layer.forward_layer if isinstance(layer, keras.layers.Bidirectional) else layer
    np.testing.assert_array_equal(layer.cell.recurrent_kernel, np.eye(3))
    assert layer.cell.activation is keras.activations.relu


def test_no_layer_may_use_cudnn():
    for cell in ("lstm", "gru"):
        layer = model(cell=cell, bidirectional=True).get_layer("recurrent_1")
        assert layer.forward_layer.use_cudnn is layer.backward_layer.use_cudnn is False


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cell": "lsmt"}, "unknown cell 'lsmt'; choose from simple, irnn, lstm, gru"),
        ({"pool": "min"}, "unknown pool 'min'; choose from max, mean, attention, last"),
        ({"precision": "half"}, "unknown precision 'half'; choose from float32, bfloat16"),
        ({"units": 0}, "units is at least 1, not 0"),
        ({"layers": 0}, "layers is at least 1, not 0"),
        ({"dropout": 1.0}, "dropout is at least 0 and below 1, not 1.0"),
    ],
)
def test_settings_that_make_no_layer_are_refused(settings: dict[str, object], said: str):
    with pytest.raises(UsageError, match=said):
        model(**settings)


@pytest.mark.parametrize("known", [1, 2, 5, 8])
def test_pairs_are_found_by_their_key(known: int):
    keys = (9, 12, 13, 40, 41, 70, 98, 99)[:known]
    ids = np.array([[1, 2, 4, 0, 9], [7, 0, 9, 9, 0]])
    expected = [
        [keys.index(key) + 1 if key in keys else 0 for key in row] for row in ([12, 24, 40, 9, 90], [70, 9, 99, 90, 0])
    ]
    np.testing.assert_array_equal(Pairs(keys, 10)(ids), expected)


def test_dropped_steps_become_unknown_in_training_only():
    ids = np.full((50, 40), 7)
    layer = DropSteps(0.25, 1, seed=3)
    dropped = layer(ids, training=True).numpy()
    assert set(np.unique(dropped)) == {1, 7}
    assert 0.2 < (dropped == 1).mean() < 0.3
    np.testing.assert_array_equal(layer(ids, training=False), ids)
