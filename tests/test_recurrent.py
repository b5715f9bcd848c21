"""The recurrent layers against a loop in NumPy and against Keras's own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqtasks import layers
from seqtasks.errors import UsageError

CELLS = ("SimpleRNN", "LSTM", "GRU")
PATHS = ("compiled", "plain")


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def simple_rnn(x: np.ndarray, weights: list[np.ndarray], states: list[np.ndarray]) -> list[np.ndarray]:
    """h_t = tanh(W_hh h_{t-1} + W_xh x_t + b), as the lecture writes it."""
    w_xh, w_hh, b = weights
    return [np.tanh(states[0] @ w_hh + x @ w_xh + b)]


def irnn(x: np.ndarray, weights: list[np.ndarray], states: list[np.ndarray]) -> list[np.ndarray]:
    w_xh, w_hh, b = weights
    sums = states[0] @ w_hh + x @ w_xh + b
    return [np.where(sums.real > 0, sums, 0)]


def lstm(x: np.ndarray, weights: list[np.ndarray], states: list[np.ndarray]) -> list[np.ndarray]:
    """Gers et al. (2000), without peepholes; Keras's order of gates: i, f, g, o."""
    (w, u, b), (h, c) = weights, states
    i, f, g, o = np.split(x @ w + h @ u + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(c), c]


def gru(x: np.ndarray, weights: list[np.ndarray], states: list[np.ndarray]) -> list[np.ndarray]:
    """Cho et al. (2014) with the reset behind the product; Keras's order of gates: z, r, candidate."""
    (w, u, b), (h,) = weights, states
    x_z, x_r, x_c = np.split(x @ w + b[0], 3, axis=1)
    h_z, h_r, h_c = np.split(h @ u + b[1], 3, axis=1)
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    return [z * h + (1 - z) * np.tanh(x_c + r * h_c)]


def read(step: Callable[..., Any], mask: np.ndarray, given: list[np.ndarray]) -> np.ndarray:
    """Sequences (B, T, D), three weights and states, all steps -> the outputs (B, T, U)."""
    x, weights, states = given[0], given[1:4], given[4:]
    outputs = []
    for t in range(x.shape[1]):
        after = step(x[:, t], weights, states)
        states = [np.where(mask[:, t, None], new, old) for new, old in zip(after, states, strict=True)]
        outputs.append(states[0])
    return np.stack(outputs, 1)


def slopes(function: Callable[[list[np.ndarray]], np.ndarray], given: list[np.ndarray]) -> list[np.ndarray]:
    """Gradients of a sum, exact to rounding, by a step in the imaginary direction (Squire and Trapp, 1998)."""
    found = []
    for number, value in enumerate(given):
        slope = np.zeros(value.shape)
        for index in np.ndindex(*value.shape):
            moved = [each.astype(complex) for each in given]
            moved[number][index] += 1e-30j
            slope[index] = function(moved).imag / 1e-30
        found.append(slope)
    return found


@pytest.mark.parametrize("path", PATHS, indirect=True)
@pytest.mark.parametrize(
    ("name", "step", "arguments"),
    [
        ("SimpleRNN", simple_rnn, {}),
        ("SimpleRNN", irnn, {"activation": "relu", "recurrent_initializer": "identity"}),
        ("LSTM", lstm, {}),
        ("GRU", gru, {}),
    ],
    ids=["simple", "irnn", "lstm", "gru"],
)
def test_outputs_and_gradients_are_those_of_the_equations(name: str, step: Any, arguments: dict[str, str], path: str):
    random = np.random.default_rng(0)
    layer = getattr(layers, name)(3, return_sequences=True, dtype="float64", **arguments)
    layer.build((2, 5, 2))
    for each in layer.trainable_variables:
        each.assign(each + 0.3 * random.normal(size=each.shape))
    mask = np.array([[True, True, False, True, True], [False, True, True, False, False]])
    states = [random.normal(size=(2, 3)) for _ in layer.state_size]
    given = [random.normal(size=(2, 5, 2)), *(each.numpy() for each in layer.trainable_variables), *states]
    weight = random.normal(size=(2, 5, 3))
    weight[1, 0] = 0  # a step before all others that the mask keeps gives zero in Keras, not the first state

    with tf.GradientTape() as tape:
        values, *begin = (tf.constant(each) for each in (given[0], *given[4:]))
        tape.watch([values, *begin])
        outputs = layer(values, mask=tf.constant(mask), initial_state=begin, training=True)
        total = tf.reduce_sum(outputs * weight)
    variables = [each.value for each in layer.trainable_variables]
    gradients = tape.gradient(total, [values, *variables, *begin])

    np.testing.assert_allclose(outputs * (weight != 0), read(step, mask, given) * (weight != 0), atol=1e-9)
    expected = slopes(lambda moved: (read(step, mask, moved) * weight).sum(), given)
    for gradient, slope in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, slope, atol=1e-9)


def twins(name: str, units: int = 7, width: int = 3, **arguments: Any) -> tuple[Any, Any]:
    """Keras's layer and ours, with the same weights, always the same ones."""
    keras.utils.set_random_seed(1)
    theirs = getattr(keras.layers, name)(units, **arguments)
    ours = getattr(layers, name)(units, **arguments)
    for each in (theirs, ours):
        each.build((None, None, width))
    random = np.random.default_rng(1)
    ours.set_weights([each + 0.1 * random.normal(size=each.shape) for each in theirs.get_weights()])
    theirs.set_weights(ours.get_weights())
    return theirs, ours


def masks(length: int) -> dict[str, np.ndarray | None]:
    random = np.random.default_rng(2)
    lengths = np.array([0, length, 1, *random.integers(0, length + 1, 6)])
    return {
        "none": None,
        "right-padded": np.arange(length)[None] < lengths[:, None],
        "arbitrary": random.random((9, length)) < 0.6,
    }


def results(layer: Any, values: tf.Tensor, mask: Any, states: Any, *, training: bool, trace: bool = True) -> Any:
    """All outputs, and gradients of inputs, weights and states."""
    variables = [each.value for each in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch([values, *(states or [])])
        mask = None if mask is None else tf.constant(mask)

        def call(values: tf.Tensor) -> Any:
            return tf.nest.flatten(layer(values, mask=mask, initial_state=states, training=training))

        any_size = [tf.TensorSpec([None, None, values.shape[2]])]
        outputs = tf.function(call, autograph=False, input_signature=any_size)(values) if trace else call(values)
        total = tf.add_n([tf.reduce_sum(tf.sin(each)) for each in outputs])
    gradients = tape.gradient(total, [values, *variables, *(states or [])])
    return [each.numpy() for each in (*outputs, *gradients)]


@pytest.mark.parametrize("path", ["plain"], indirect=True)
@pytest.mark.parametrize(
    ("begin", "arguments"),
    [
        (False, {}),
        (True, {}),
        (True, {"go_backwards": True}),
        (True, {"zero_output_for_mask": True}),
        pytest.param(False, {"go_backwards": True}, marks=pytest.mark.thorough),
        pytest.param(False, {"zero_output_for_mask": True}, marks=pytest.mark.thorough),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", CELLS)
def test_as_keras(name: str, arguments: dict[str, Any], begin: bool, path: str):
    for length, sequences in itertools.product((1, 6), (True, False)):
        theirs, ours = twins(name, return_sequences=sequences, return_state=True, **arguments)
        random = np.random.default_rng(3)
        values = tf.constant(random.normal(size=(9, length, 3)), tf.float32)
        states = [tf.constant(random.normal(size=(9, 7)), tf.float32) for _ in ours.state_size] if begin else None
        for mask in masks(length).values():
            expected = results(theirs, values, mask, states, training=False, trace=False)
            for training in (True, False):
                found = results(ours, values, mask, states, training=training, trace=False)
                for one, other in zip(found, expected, strict=True):
                    np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("path", ["compiled"], indirect=True)
@pytest.mark.parametrize("length", [1, pytest.param(40, marks=pytest.mark.thorough), 61, 500])
@pytest.mark.parametrize("name", CELLS)
def test_as_keras_compiled(name: str, length: int, path: str):
    theirs, ours = twins(name, return_sequences=True)
    values = tf.random.stateless_normal([9, length, 3], [1, 2])
    mask = masks(length)["right-padded"] if length == 61 else None
    expected = results(theirs, values, mask, None, training=True)
    for one, other in zip(results(ours, values, mask, None, training=True), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * max(1, np.abs(other).max()))  # sums over all steps


@pytest.mark.thorough
@pytest.mark.parametrize("merge", ["concat", pytest.param("sum", marks=pytest.mark.thorough)])
@pytest.mark.parametrize(
    "name", ["GRU", *(pytest.param(each, marks=pytest.mark.thorough) for each in ("SimpleRNN", "LSTM"))]
)
def test_in_both_directions(name: str, merge: str):
    theirs, ours = (
        keras.layers.Bidirectional(kind(4, return_sequences=True), merge_mode=merge)
        for kind in (getattr(keras.layers, name), getattr(layers, name))
    )
    values = tf.random.stateless_normal([9, 6, 3], [1, 2])
    for each in (theirs, ours):
        each.build(values.shape)
    ours.set_weights(theirs.get_weights())
    mask = masks(6)["right-padded"]
    for training in (True, False):
        expected = results(theirs, values, mask, None, training=training)
        for one, other in zip(results(ours, values, mask, None, training=training), expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    assert not layers.why_not_fast(ours)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("dropout", [{"dropout": 0.4}, {"recurrent_dropout": 0.4}], ids=str)
def test_the_same_dropout_from_the_same_seed(name: str, dropout: dict[str, float]):
    theirs, ours = twins(name, return_sequences=True, seed=5, **dropout)
    values = tf.random.stateless_normal([9, 6, 3], [1, 2])
    np.testing.assert_allclose(ours(values, training=True), theirs(values, training=True), atol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_states_are_carried_from_call_to_call(name: str):
    theirs, ours = (
        kind(4, stateful=True, return_sequences=True) for kind in (getattr(keras.layers, name), getattr(layers, name))
    )
    values = tf.random.stateless_normal([2, 6, 3], [1, 2])
    theirs(values), ours(values)
    ours.set_weights(theirs.get_weights())
    for layer in (theirs, ours):
        layer.reset_state()
    for _ in range(2):
        np.testing.assert_allclose(ours(values), theirs(values), atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_bfloat16_is_near_float32(name: str):
    theirs, ours = twins(name, 16, return_sequences=True)
    short = getattr(layers, name)(16, return_sequences=True, dtype="mixed_bfloat16")
    values = tf.random.stateless_normal([4, 20, 3], [1, 2])
    short.build(values.shape)
    short.set_weights(ours.get_weights())
    assert short.trainable_variables[0].dtype == "float32"
    outputs = short(values, training=True)
    assert outputs.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), theirs(values), atol=0.05)


@pytest.mark.parametrize("name", CELLS)
def test_saved_and_loaded(name: str, tmp_path: Path):
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Bidirectional(getattr(layers, name)(4))])
    values = tf.random.stateless_normal([2, 6, 3], [1, 2])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[0].forward_layer, getattr(layers, name))
    np.testing.assert_array_equal(loaded(values), model(values))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (layers.GRU(2), ""),
        (layers.SimpleRNN(2, activation="relu"), ""),
        (layers.GRU(2, reset_after=False), "reset_after=False"),
        (layers.GRU(2, activation="relu"), "an activation other than tanh"),
        (layers.LSTM(2, recurrent_activation="hard_sigmoid"), "a recurrent activation other than sigmoid"),
        (layers.LSTM(2, recurrent_dropout=0.1), "recurrent dropout"),
        (layers.LSTM(2, unroll=True), "unroll=True"),
        (layers.LSTM(2, dtype="float16"), "the precision is float16"),
        (keras.layers.Bidirectional(layers.GRU(2)), ""),
        (keras.layers.GRU(2), "keras.src.layers.rnn.gru.GRU is none of seqtasks.layers"),
    ],
)
def test_why_not_fast(layer: keras.layers.Layer, reason: str):
    assert layers.why_not_fast(layer) == reason


@pytest.mark.parametrize("arguments", [{"activation": "relu"}, {"reset_after": False}], ids=str)
def test_other_layers_take_keras_s_path(arguments: dict[str, Any]):
    theirs, ours = twins("GRU", **arguments)
    values = tf.random.stateless_normal([2, 6, 3], [1, 2])
    np.testing.assert_array_equal(ours(values, training=True), theirs(values, training=True))


def test_wrong_forms_are_refused():
    layer = layers.GRU(4)
    values = tf.zeros([2, 6, 3])
    with pytest.raises(ValueError, match="units"):
        layers.GRU(0)
    with pytest.raises(ValueError, match=r"a mask for sequences \(2, 6, 3\) is \(B, T\), not \(2, 5, 1\)"):
        layer(values, mask=tf.ones([2, 5], tf.bool))
    with pytest.raises(tf.errors.InvalidArgumentError, match="out of bounds"):
        layer(tf.zeros([2, 0, 3]))
    with pytest.raises(ValueError, match=r"a state for these sequences is \(2, 4\), not \(2, 5\)"):
        layer(values, initial_state=tf.zeros([2, 5]))


@pytest.mark.parametrize("name", CELLS)
def test_what_an_export_holds(name: str, tmp_path: Path):
    layer = getattr(layers, name)(4, return_sequences=True)
    model = keras.Sequential([keras.Input((None, 3)), layer])
    graph = tf.function(lambda values: model(values, training=False), autograph=False)
    graph = graph.get_concrete_function(tf.TensorSpec([1, None, 3])).graph.as_graph_def()
    operations = {node.op for function in graph.library.function for node in function.node_def} | {
        node.op for node in graph.node
    }
    assert not {each for each in operations if "Xla" in each or "PartitionedCall" in each or "Assert" in each}
    assert not any("_XlaMustCompile" in function.attr for function in graph.library.function)
    elements = [node for f in graph.library.function for node in f.node_def if node.op == "TensorListReserve"]
    assert "Bfloat16" not in str(elements)


@pytest.mark.parametrize(
    ("bidirectional", "path"),
    [
        (False, "plain"),
        (True, "plain"),
        (True, "compiled"),
        pytest.param(False, "compiled", marks=pytest.mark.thorough),
    ],
    indirect=["path"],
)
@pytest.mark.parametrize("cell", CELLS)
def test_an_embedding_folds_into_the_layer(cell: str, bidirectional: bool, path: str):
    random = np.random.default_rng(5)
    embedding, layer = keras.layers.Embedding(7, 4), getattr(layers, cell)(5, return_sequences=True)
    layer = keras.layers.Bidirectional(layer) if bidirectional else layer
    folded = layers.FusedEmbedding(embedding, layer)
    ids, mask = random.integers(0, 7, (3, 11)), tf.sequence_mask([11, 4, 0], 11)
    folded(ids, mask=mask)
    weights = folded.trainable_variables
    for training in (False, True):
        assert folded.can_fuse(training=training)
        with tf.GradientTape(persistent=True) as tape:
            ours = folded(ids, mask=mask, training=training)
            plain = layer(embedding(ids), mask=mask, training=training)
        np.testing.assert_allclose(ours, plain, atol=1e-6)
        pairs = zip(tape.gradient(ours, weights), tape.gradient(plain, weights), strict=True)
        for found, wanted in pairs:
            np.testing.assert_allclose(tf.convert_to_tensor(found), tf.convert_to_tensor(wanted), atol=1e-5)


@pytest.mark.parametrize(
    ("embedding", "arguments", "dropout", "when"),
    [
        ({"input_dim": 600}, {}, 0.0, "never"),
        ({"input_dim": 7, "mask_zero": True}, {}, 0.0, "never"),
        ({"input_dim": 7}, {"activation": "elu"}, 0.0, "never"),
        ({"input_dim": 7}, {"dropout": 0.5}, 0.0, "never"),
        ({"input_dim": 7}, {}, 0.5, "answering"),
    ],
)
def test_what_does_not_fold_takes_the_plain_way(
    embedding: dict[str, Any], arguments: dict[str, Any], dropout: float, when: str
):
    folded = layers.FusedEmbedding(
        keras.layers.Embedding(output_dim=4, **embedding), layers.GRU(5, **arguments), dropout
    )
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    assert folded.can_fuse(training=False) == (when == "answering")
    assert not folded.can_fuse(training=True)
    np.testing.assert_allclose(folded(ids), folded.recurrent(folded.embedding(ids)), atol=1e-6)
    dropped = [folded(ids, training=True).numpy() for _ in range(2)]
    assert np.allclose(*dropped) == (not dropout and not arguments.get("dropout"))
    again = layers.FusedEmbedding.from_config(folded.get_config())
    assert (again.embedding.input_dim, again.dropout.rate) == (embedding["input_dim"], dropout)


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_after_the_other_is_the_whole_sequence(cell: str):
    layer = getattr(layers, cell)(5, return_sequences=True)
    values = np.random.default_rng(6).normal(size=(2, 6, 3)).astype("float32")
    whole = layer(values)
    states = layer.get_initial_state(2)
    for step in range(6):
        output, states = layer.step(values[:, step], states)
        np.testing.assert_allclose(output, whole[:, step], atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_weight_dropout_leaves_out_entries_of_the_recurrent_kernel_and_only_in_training(name: str):
    keras.utils.set_random_seed(1)
    layer = getattr(layers, name)(8, return_sequences=True)
    x = tf.random.stateless_normal([2, 5, 3], [1, 2])
    whole = layer(x, training=True)
    layer.weight_dropout = 0.5
    dropped, again = (layer(x, training=True).numpy() for _ in range(2))
    np.testing.assert_allclose(layer(x), whole, atol=1e-6)
    np.testing.assert_allclose(dropped[:, 0], whole[:, 0], atol=1e-6)  # nothing is remembered yet
    assert np.abs(dropped[:, 1:] - again[:, 1:]).max() > 1e-3


def test_weight_dropout_is_refused_where_keras_s_loop_would_leave_it_out():
    layer = layers.GRU(4, reset_after=False)
    layer.weight_dropout = 0.5
    with pytest.raises(UsageError, match=r"weight_dropout is for the fast path \(reset_after=False\)"):
        layer(tf.zeros([1, 2, 3]), training=True)
