from __future__ import annotations

import dataclasses
import re

import keras
import numpy as np
import pytest

from seqtasks.codecs import InputCodec
from seqtasks.codecs.labels import Labels
from seqtasks.codecs.nucleotides import Nucleotides
from seqtasks.codecs.text import Text
from seqtasks.errors import UsageError
from seqtasks.layers import FusedEmbedding, stack
from seqtasks.layers.embeddings import BigramIds, PositionEmbedding, TokenDropout
from seqtasks.layers.masking import LengthMask, MaskPadding
from seqtasks.layers.pooling import AttentionPooling
from seqtasks.setting import Value
from seqtasks.task import Folders
from seqtasks.tasks.sentiment import TASK

TEXT = Text(bigram_vocabulary_size=11).fit([np.array([b"one two three four", b"one two"], dtype=object)], Folders(()))
LETTERS = Text("character").fit([np.array([b"abc"], dtype=object)], Folders(()))


def model(codec: InputCodec = TEXT, **settings: Value) -> keras.Model:
    small = {"units": 3, "embedding_dim": 4, "bigram_embedding_dim": 2, "dropout": 0.0}
    rest = {name: value for name, value in TASK.settings.items() if name not in TASK.inputs.traits.settings}
    task = dataclasses.replace(TASK, inputs=codec, targets=Labels(("a", "b")), settings=rest)
    known = {name: value for name, value in small.items() if name in task.settings}
    return TASK.pattern.build(task.configure({**known, **settings}))


@pytest.mark.parametrize("pooling", ["max", "mean", "attention", "last"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", stack.CELLS)
def test_padding_never_counts(cell: str, bidirectional: bool, pooling: str):
    network = model(cell=cell, bidirectional=bidirectional, pooling=pooling, num_layers=2)
    short = network([np.array([[2, 3, 4]]), np.array([3])])
    padded = network([np.array([[2, 3, 4, 0, 5, 2]]), np.array([3])])
    np.testing.assert_allclose(short, padded, atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_plain_embedding_is_fused(bidirectional: bool):
    network = model(LETTERS, bidirectional=bidirectional, adversarial_epsilon=0.0)
    other = model(LETTERS, bidirectional=bidirectional, adversarial_epsilon=0.5)
    assert network.get_layer("fused_embedding").can_fuse(training=False)
    assert not any(isinstance(layer, FusedEmbedding) for layer in other.layers)
    other.set_weights(network.get_weights())
    values = [np.array([[2, 3, 4, 0], [3, 0, 0, 0]]), np.array([3, 1])]
    np.testing.assert_allclose(network(values), other(values), atol=1e-6)


KMERS = Nucleotides(kmer=2)


@pytest.mark.parametrize(
    ("codec", "settings", "fused"),
    [
        (LETTERS, {}, True),
        (LETTERS, {"word_dropout": 0.1}, True),  # of the ids, before the embedding
        (LETTERS, {"num_layers": 2, "pooling": "last"}, True),
        (LETTERS, {"adversarial_epsilon": 0.5}, False),  # which moves the vectors
        (LETTERS, {"conv_kernel_size": 3}, False),
        (LETTERS, {"position_embedding": True}, False),
        (TEXT, {}, False),  # two embeddings side by side
        (KMERS, {}, True),
        (dataclasses.replace(KMERS, reverse_complement=True), {}, True),
        (Nucleotides(), {}, False),  # which has none
    ],
)
def test_the_first_layer_is_fused_exactly_where_an_embedding_s_output_comes_in(
    codec: InputCodec, settings: dict[str, Value], fused: bool
):
    network = model(codec, **{"adversarial_epsilon": 0.0, **settings})
    found = [layer for layer in network.layers if isinstance(layer, FusedEmbedding)]
    assert len(found) == fused
    apart = [layer for layer in network.layers if isinstance(layer, keras.layers.Embedding)]
    tables = [each for each in network.weights if each.name == "embeddings"]
    assert len(apart) == (0 if fused else len(tables))  # what is fused is looked up nowhere else


def test_what_is_fused_answers_as_what_is_not():
    """The same layers by hand, without the table."""
    network = model(KMERS, adversarial_epsilon=0.0, num_layers=2, bidirectional=False, pooling="last")
    values, lengths = np.array([[1, 2, 4, 8, 1, 15], [8, 8, 1, 0, 0, 0]]), np.array([6, 3])
    fused, second = network.get_layer("fused_embedding"), network.get_layer("recurrent_2")
    mask = np.arange(6) < lengths[:, None]
    vectors = fused.embedding(network.get_layer("kmers")(values))
    states = second(fused.recurrent(vectors, mask=mask), mask=mask)
    np.testing.assert_allclose(network([values, lengths]), network.get_layer("logits")(states), atol=1e-6)


def test_an_embedding_is_found_by_its_output_alone():
    ids = keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(5, 3)
    vectors = embedding(ids)
    found = stack.embedding_of(vectors)
    assert found is not None
    assert found[0] is embedding and found[1] is ids
    for other in (keras.layers.Dropout(0.5)(vectors), vectors + 0.0, keras.Input((None, 3)), ids):
        assert stack.embedding_of(other) is None


def test_a_shared_embedding_is_found_with_the_ids_of_this_output():
    first, second = (keras.Input((None,), dtype="int32") for _ in range(2))
    embedding = keras.layers.Embedding(5, 3)
    for ids, vectors in [(ids, embedding(ids)) for ids in (first, second)]:
        found = stack.embedding_of(vectors)
        assert found is not None
        assert found[1] is ids


def test_bfloat16_keeps_weights_and_outputs_in_float32():
    values = [np.array([[2, 3, 4, 0]]), np.array([3])]
    short, plain = model(dtype_policy="mixed_bfloat16"), model()
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
    monkeypatch.setattr(stack.Path, "read_text", lambda path, **how: abilities)
    assert stack.emulates_bfloat16() == emulates


@pytest.mark.parametrize("pooling", ["max", "mean", "attention", "last"])
def test_order_counts(pooling: str):
    network = model(pooling=pooling)
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
        ({"cell": "lsmt"}, "unknown cell 'lsmt'; did you mean lstm? choose from simple_rnn, irnn, lstm, gru"),
        ({"pooling": "min"}, "unknown pooling 'min'; choose from max, mean, mean+max, attention, last"),
        ({"dtype_policy": "half"}, "unknown dtype_policy 'half'; choose from float32, mixed_bfloat16"),
        ({"units": 0}, "units is at least 1, not 0"),
        ({"num_layers": 0}, "num_layers is at least 1, not 0"),
        ({"dropout": 1.0}, "dropout is at least 0 and below 1, not 1.0"),
    ],
)
def test_settings_that_make_no_layer_are_refused(settings: dict[str, object], said: str):
    with pytest.raises(UsageError, match=re.escape(said)):
        model(**settings)


@pytest.mark.parametrize("known", [1, 2, 5, 8])
def test_bigrams_are_found_by_their_key(known: int):
    keys = (9, 12, 13, 40, 41, 70, 98, 99)[:known]
    ids = np.array([[1, 2, 4, 0, 9], [7, 0, 9, 9, 0]])
    expected = [
        [keys.index(key) + 1 if key in keys else 0 for key in row] for row in ([12, 24, 40, 9, 90], [70, 9, 99, 90, 0])
    ]
    np.testing.assert_array_equal(BigramIds(keys, 10)(ids), expected)


def test_dropped_tokens_become_unknown_in_training_only():
    ids = np.full((50, 40), 7)
    layer = TokenDropout(0.25, 1, seed=3)
    dropped = layer(ids, training=True).numpy()
    assert set(np.unique(dropped)) == {1, 7}
    assert 0.2 < (dropped == 1).mean() < 0.3
    np.testing.assert_array_equal(layer(ids, training=False), ids)


def test_a_mask_is_true_where_a_step_belongs_to_its_row():
    mask = LengthMask()(np.zeros((3, 4, 2)), np.array([4, 1, 0]))
    assert mask.numpy().tolist() == [[True] * 4, [True, False, False, False], [False] * 4]
    values = MaskPadding()(np.ones((3, 4, 2), np.float32), mask)
    np.testing.assert_array_equal(values, mask.numpy()[:, :, None] * np.ones((3, 4, 2)))


def test_a_row_of_no_steps_stays_finite():
    states, kept = np.ones((1, 3, 4), np.float32), np.zeros((1, 3), bool)
    assert np.isfinite(AttentionPooling(5)(states, kept)).all()


def test_places_beyond_the_last_share_its_vector():
    layer = PositionEmbedding(3)
    found = layer(np.zeros((1, 5, 2), np.float32)).numpy()[0]
    np.testing.assert_array_equal(found, layer.places.numpy()[[0, 1, 2, 2, 2]])
    assert len(np.unique(found, axis=0)) == 3
