"""The recurrent layers in the place of Keras's in ordinary programs: the same numbers, whatever is asked of them."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqtasks import layers
from seqtasks.layers import pieces, plan

CELLS = ("SimpleRNN", "LSTM", "GRU")
RANDOM = np.random.default_rng(1)
VALUES = RANDOM.normal(size=(5, 12, 3)).astype("float32")


def quickly(*names: str) -> pytest.MarkDecorator:
    """These cells; the others are for the thorough half."""
    return pytest.mark.parametrize(
        "cell", [pytest.param(each, marks=() if each in names else pytest.mark.thorough) for each in CELLS]
    )


def paths(*names: str) -> pytest.MarkDecorator:
    """A training by these of its paths, compiled and plain; by the other in the thorough half."""
    return pytest.mark.parametrize(
        "path",
        [pytest.param(each, marks=() if each in names else pytest.mark.thorough) for each in ("compiled", "plain")],
        indirect=True,
    )


def pair(build: Callable[[Any], Any], sample: np.ndarray | None = None) -> list[Any]:
    """What is built of Keras's layers and of ours, with the same weights."""
    both = []
    for kind in (keras.layers, layers):
        keras.utils.set_random_seed(3)
        both.append(build(kind))
        if sample is not None:
            both[-1](sample)
    both[1].set_weights(both[0].get_weights())
    return both


def like(ask: Callable[[Any], Any], both: list[Any], most: float = 1e-4) -> None:
    """Both are asked the same, and ours answers as Keras's."""
    wanted, found = (tf.nest.flatten(ask(each)) for each in both)
    for one, other in zip(found, wanted, strict=True):
        one, other = (np.asarray(tf.cast(tf.convert_to_tensor(each), tf.float64)) for each in (one, other))
        np.testing.assert_allclose(one, other, atol=most * max(1, np.abs(other).max(initial=0)))


def gradients(layer: Any, values: Any, mask: Any = None, *, training: bool = True) -> list[tf.Tensor]:
    """What comes out, and the gradients of the weights and, if they are no whole numbers, of the values."""
    values = tf.convert_to_tensor(values)
    with tf.GradientTape() as tape:
        tape.watch(values) if values.dtype.is_floating else None
        outputs = layer(values, mask=mask, training=training)
        total = tf.add_n([tf.reduce_sum(tf.sin(tf.cast(each, tf.float32))) for each in tf.nest.flatten(outputs)])
    sources = [*layer.trainable_variables, *([values] if values.dtype.is_floating else [])]
    return [*tf.nest.flatten(outputs), *tape.gradient(total, sources)]


def model(cell: str, *shape: int | None, **arguments: Any) -> Callable[[Any], keras.Model]:
    def build(kind: Any) -> keras.Model:
        inputs = keras.Input(shape or (None, 3))
        built = keras.Model(inputs, keras.layers.Dense(2)(getattr(kind, cell)(5, **arguments)(inputs)))
        built.compile(keras.optimizers.SGD(0.05), "mse")
        return built

    return build


def losses(values: np.ndarray, batch: int = 4) -> Callable[[keras.Model], list[float]]:
    wanted = np.ones((len(values), 2), "float32")
    return lambda each: each.fit(values, wanted, batch, 2, shuffle=False, verbose=0).history["loss"]


@paths("plain")
@pytest.mark.parametrize(
    "kind", ["int32", "uint8", *(pytest.param(each, marks=pytest.mark.thorough) for each in ("int64", "bool"))]
)
@quickly("LSTM")
def test_whole_numbers_are_numbers(cell: str, kind: str, path: str):
    both = pair(lambda each: getattr(each, cell)(5, return_sequences=True), VALUES)
    values = RANDOM.integers(0, 3, (2, 7, 3)).astype(kind)
    for training in (False, True):
        like(lambda each, training=training: gradients(each, values, training=training), both)
    both = pair(lambda each: keras.layers.Bidirectional(getattr(each, cell)(5)), VALUES)
    like(lambda each: each(values), both)


@paths("plain")
@pytest.mark.parametrize("length", [3, 12, *(pytest.param(each, marks=pytest.mark.thorough) for each in (1, 7, 28))])
@quickly("GRU")
def test_windows_of_any_known_length_are_learned(cell: str, length: int, path: str):
    values = RANDOM.normal(size=(6, length, 3)).astype("float32")
    like(losses(values), pair(model(cell, length, 3)))


@paths()
@pytest.mark.thorough
@pytest.mark.parametrize("lengths", [range(first, min(first + 10, 131)) for first in range(1, 131, 10)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_every_length(cell: str, lengths: range, path: str):
    """Types, masks, directions and widths take turns, so that every two of them meet."""
    for length in lengths:
        kind = ("float32", "int32", "bfloat16", "uint8", "float32")[length % 5]
        arguments = {
            "units": (5, 97, 300)[length % 3 if length % 9 == 0 else 0],
            "go_backwards": length % 2 == 0,
            "return_sequences": length % 3 != 0,
            "dtype": "mixed_bfloat16" if kind == "bfloat16" else "float32",
        }
        values = tf.cast(RANDOM.normal(size=(3, length, 3)) * 2 + 3, "float32" if kind == "bfloat16" else kind)
        values = values / 5 if values.dtype.is_floating else values
        mask = RANDOM.random((3, length)) < 0.7 if length // 2 % 2 else None
        both = pair(lambda each, arguments=arguments: getattr(each, cell)(**arguments), values)
        most = 0.1 if kind == "bfloat16" else 1e-4
        like(lambda each, values=values, mask=mask: gradients(each, values, mask), both, most)
        if length % 7 == 0:
            traced = tf.function(gradients, input_signature=None, reduce_retracing=True, autograph=False)
            like(lambda each, values=values, traced=traced: traced(each, values), both, most)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "units", [plan.COMPILED_UNITS.start, plan.SPLIT_UNITS, plan.COMPILED_UNITS.stop, plan.SPACIOUS_UNITS]
)
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("cell", CELLS)
def test_both_sides_of_every_threshold(cell: str, precision: str, units: int):
    for width, size in ((units - 1, 3), (units, 5)):
        both = pair(
            lambda each, width=width: getattr(each, cell)(width, return_sequences=True, dtype=precision), VALUES
        )
        most = 0.2 if precision == "mixed_bfloat16" else 1e-4
        like(lambda each, size=size: gradients(each, VALUES[:size]), both, most)
        like(lambda each, size=size: gradients(each, VALUES[:size], training=False), both, most)


def test_what_repays_the_compiling_is_compiled():
    first, last = plan.COMPILED_UNITS.start, plan.COMPILED_UNITS.stop
    for units in (1, first - 1, first, last - 1, last, 1024):
        for kind, of_a_kind in ((tf.float32, True), (tf.float64, True), (tf.bfloat16, False)):
            chosen = plan.plan(tf.zeros([units, 3 * units], kind), None)
            assert chosen.compiled == (of_a_kind and first <= units < last)


@pytest.mark.parametrize("path", ["compiled"], indirect=True)
@quickly("LSTM")
def test_batches_of_many_sizes_are_compiled_a_few_times(cell: str, path: str):
    assert {plan.rows_of(rows) for rows in range(129)} == {16, 32, 48, 64, 96, 128}
    assert [plan.rows_of(rows) for rows in (33, 2**22)] == [48, 2**22]
    assert [rows for rows in range(129) if plan.usual(rows)] == [32, 64, 128]
    for rows in (0, 1, 16, 17, 33, 64, 100, 128):
        assert plan.rows_of(tf.constant(rows)).numpy() == plan.rows_of(rows)
        assert plan.usual(tf.constant(rows)).numpy() == plan.usual(rows)
    both = pair(lambda each: getattr(each, cell)(4, return_sequences=True), VALUES)
    chosen = plan.plan(both[1].cell.recurrent_kernel, 12)
    ahead, _ = pieces._compiled_loops(both[1].equations, chosen.steps)
    begun = ahead.experimental_get_tracing_count()
    for rows in (1, 2, 3, 5, 16):
        values = RANDOM.normal(size=(rows, 12, 3)).astype("float32")
        like(lambda each, values=values: gradients(each, values), both)
    assert ahead.experimental_get_tracing_count() - begun == 1


@paths("compiled")
@pytest.mark.trains
@quickly("GRU")
def test_batches_of_any_size_and_length_in_one_graph(cell: str, path: str):
    both = pair(lambda each: getattr(each, cell)(4, return_sequences=True, go_backwards=True), VALUES)
    free = [tf.TensorSpec([None, None, 3])]

    def ask(layer: Any) -> list[Any]:
        traced = tf.function(lambda values: gradients(layer, values), input_signature=free, autograph=False)
        sizes = ((1, 9), (3, 16), (17, 2), (32, 5))
        return [traced(np.sin(np.arange(rows * steps * 3.0)).reshape(rows, steps, 3)) for rows, steps in sizes]

    like(ask, both)


@paths("compiled", "plain")
def test_a_batch_repeats_itself_to_the_bit_whatever_came_before(path: str):
    keras.utils.set_random_seed(1)
    layer = layers.GRU(4)
    first = gradients(layer, VALUES)
    for rows in (1, 2, 4):
        gradients(layer, VALUES[:rows])
    for one, other in zip(gradients(layer, VALUES), first, strict=True):
        np.testing.assert_array_equal(one, other)


@paths()
@pytest.mark.thorough
def test_all_of_a_training_compiled(path: str):
    both = pair(model("GRU", 12, 3))
    for each in both:
        each.compile("sgd", "mse", jit_compile=True)
    like(losses(VALUES), both)


def jacobian(layer: Any, values: tf.Tensor, training: bool) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = layer(values, training=training)
    return tape.jacobian(outputs, values)


def jacobian_of_weights(layer: Any, values: tf.Tensor, training: bool) -> Any:
    with tf.GradientTape() as tape:
        outputs = layer(values, training=training)
    return tape.jacobian(outputs, layer.trainable_variables)


def batch_jacobian(layer: Any, values: tf.Tensor, training: bool) -> Any:
    @tf.function
    def traced() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = layer(values, training=training)
        return tape.batch_jacobian(outputs, values)

    return traced()


def penalty(layer: Any, values: tf.Tensor, training: bool) -> Any:
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(values)
            total = tf.reduce_sum(layer(values, training=training))
        slope = inner.gradient(total, values)
        loss = (tf.norm(slope) - 1) ** 2
    return [slope, *outer.gradient(loss, layer.trainable_variables)]


def penalty_traced(layer: Any, values: tf.Tensor, training: bool) -> Any:
    return tf.function(lambda: penalty(layer, values, training))()


def tangents(layer: Any, values: tf.Tensor, training: bool) -> Any:
    with tf.autodiff.ForwardAccumulator(values, tf.ones_like(values)) as accumulator:
        outputs = layer(values, training=training)
    return accumulator.jvp(outputs)


def recomputed(layer: Any, values: tf.Tensor, training: bool) -> Any:
    again = tf.recompute_grad(lambda given: layer(given, training=training))
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(again(values) ** 2)
    return tape.gradient(total, [values, *layer.trainable_variables])


def of_each_example(layer: Any, values: tf.Tensor, training: bool) -> Any:
    def one(row: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(row[None], training=training) ** 2)
        return tape.gradient(total, [each.value for each in layer.trainable_variables])

    return tf.vectorized_map(one, values)


@paths("plain")
@pytest.mark.trains
@pytest.mark.filterwarnings("ignore:Using a while_loop for converting")
@pytest.mark.parametrize(
    "ask",
    [
        jacobian,
        penalty,
        tangents,
        *(
            pytest.param(each, marks=pytest.mark.thorough)
            for each in (jacobian_of_weights, batch_jacobian, penalty_traced, recomputed, of_each_example)
        ),
    ],
)
@quickly("GRU")
def test_other_derivatives(cell: str, ask: Callable[..., Any], path: str):
    values = tf.constant(VALUES[:2, :6])
    both = pair(lambda each: getattr(each, cell)(4), values)
    like(lambda each: ask(each, values, True), both)


@pytest.mark.trains
@pytest.mark.parametrize(
    ("free", "arguments"),
    [
        (True, {"return_sequences": True}),
        *(
            pytest.param(free, arguments, marks=pytest.mark.thorough)
            for free in (False, True)
            for arguments in ({}, {"go_backwards": True, "return_sequences": True}, {"units": 100}, {"units": 300})
        ),
    ],
    ids=str,
)
@quickly("GRU")
def test_keras_s_own_export_to_onnx(cell: str, free: bool, arguments: dict[str, Any], tmp_path: Path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    inputs = keras.Input((None if free else 12, 3), batch_size=None if free else 5)
    layer = getattr(layers, cell)(**{"units": 5, **arguments})
    network = keras.Model(inputs, layer(keras.layers.Masking()(inputs)))
    wanted = network(VALUES)
    network.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    name = session.get_inputs()[0].name
    np.testing.assert_allclose(session.run(None, {name: VALUES})[0], wanted, atol=1e-5)
    if free:
        short = VALUES[:2, :8]
        np.testing.assert_allclose(session.run(None, {name: short})[0], network(short), atol=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("cell", CELLS)
def test_tensorflow_s_own_conversion_to_litert(cell: str):
    interpreters = pytest.importorskip("ai_edge_litert.interpreter")
    inputs = keras.Input((12, 3), batch_size=1)
    network = keras.Model(inputs, getattr(layers, cell)(5, return_sequences=True)(inputs))
    interpreter = interpreters.Interpreter(model_content=tf.lite.TFLiteConverter.from_keras_model(network).convert())
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], VALUES[:1])
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, network(VALUES[:1]), atol=1e-5)


def loaded_elsewhere(path: Path, imports: str) -> subprocess.CompletedProcess[str]:
    code = f"{imports}; m = keras.models.load_model({str(path)!r}, compile=False); print(type(m.layers[1]).__module__)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.trains
@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras's, that .h5 is a form of the past
def test_a_saved_model_is_loaded_where_seqtasks_is_imported_and_says_so_elsewhere(tmp_path: Path):
    network = model("GRU")(layers)
    network.save(tmp_path / "model.keras")
    network.save(tmp_path / "model.h5")
    for path in (tmp_path / "model.keras", tmp_path / "model.h5"):
        again = keras.models.load_model(path, compile=False)
        assert isinstance(again.layers[1], layers.GRU)
        np.testing.assert_array_equal(again(VALUES), network(VALUES))
    found = loaded_elsewhere(tmp_path / "model.keras", "import seqtasks, tensorflow, keras")
    assert found.stdout.strip() == "seqtasks.layers.gru", found.stderr
    missing = loaded_elsewhere(tmp_path / "model.keras", "import keras")
    assert missing.returncode and "'module': 'seqtasks.layers.gru'" in missing.stderr


@pytest.mark.thorough
@pytest.mark.parametrize("imports", ["import keras, seqtasks", "import seqtasks, keras"])
def test_a_model_in_the_form_of_the_past_is_loaded_elsewhere(imports: str, tmp_path: Path):
    model("GRU")(layers).save(tmp_path / "model.h5")
    assert loaded_elsewhere(tmp_path / "model.h5", imports).stdout.strip() == "seqtasks.layers.gru"


def test_seqtasks_alone_imports_neither_keras_nor_tensorflow():
    code = "import seqtasks, sys; print({'keras', 'tensorflow'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@quickly("LSTM")
def test_copies_are_of_the_same_kind(cell: str):
    network = model(cell)(layers)
    for copied in (
        keras.models.clone_model(network),
        copy.deepcopy(network),
        pickle.loads(pickle.dumps(network)),
        keras.models.model_from_json(network.to_json()),
    ):
        copied.set_weights(network.get_weights())
        assert isinstance(copied.layers[1], getattr(layers, cell))
        np.testing.assert_array_equal(copied(VALUES), network(VALUES))


@paths("plain")
@pytest.mark.parametrize("form", ["all", "left", "holes", "int32", "one row"])
@quickly("GRU")
def test_masks_of_every_form(cell: str, form: str, path: str):
    steps = np.arange(12)[None]
    mask = {
        "all": np.zeros((5, 12), bool),
        "left": steps >= np.array([0, 1, 3, 12, 11])[:, None],
        "holes": (steps + np.arange(5)[:, None]) % 3 > 0,
        "int32": ((steps + np.arange(5)[:, None]) % 2).astype("int32"),
        "one row": steps % 3 > 0,
    }[form]
    for arguments in ({}, {"return_sequences": True, "zero_output_for_mask": True, "go_backwards": True}):
        both = pair(lambda each, more=arguments: getattr(each, cell)(4, return_state=True, **more), VALUES)
        like(lambda each: each(VALUES, mask=tf.constant(mask), training=True), both)


@quickly("LSTM")
def test_a_state_of_one_row_is_that_of_every_row(cell: str):
    both = pair(lambda each: getattr(each, cell)(4), VALUES)
    for training in (False, True):
        like(
            lambda each, training=training: each(
                VALUES, initial_state=[tf.ones((1, 4))] * len(tf.nest.flatten(each.state_size)), training=training
            ),
            both,
        )


@paths("plain")
@pytest.mark.parametrize(
    "policy",
    [
        "float32",
        *(pytest.param(each, marks=pytest.mark.thorough) for each in ("mixed_bfloat16", "mixed_float16", "float64")),
    ],
)
@quickly("GRU")
def test_sentences_of_words_some_of_them_empty(cell: str, policy: str, path: str):
    ids = RANDOM.integers(1, 9, (4, 3, 7))
    ids[0, 2:], ids[1, :, 4:], ids[2] = 0, 0, 0

    def build(kind: Any) -> keras.Model:
        inputs, both = keras.Input((3, 7), dtype="int32"), keras.layers.Bidirectional
        words = keras.layers.TimeDistributed(keras.layers.Embedding(9, 4, mask_zero=True))(inputs)
        vectors = keras.layers.TimeDistributed(both(getattr(kind, cell)(3, dtype=policy)))(words)
        built = keras.Model(inputs, keras.layers.Dense(2)(both(getattr(kind, cell)(3, dtype=policy))(vectors)))
        built.compile(keras.optimizers.SGD(0.05), "mse")
        return built

    like(losses(ids), pair(build), 1e-4 if policy in ("float32", "float64") else 3e-2)


ARGUMENTS: list[dict[str, Any]] = [
    {"use_bias": False},
    {"kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l2", "activity_regularizer": "l2"},
    {"kernel_constraint": "unit_norm", "recurrent_constraint": "max_norm", "bias_constraint": "non_neg"},
    {"bias_initializer": "ones", "recurrent_initializer": "glorot_uniform"},
    {"dropout": 0.3, "seed": 4},
    {"recurrent_dropout": 0.3, "seed": 4},
    {"unroll": True},
    {"go_backwards": True},
    {"activation": "relu"},
    {"activation": None},
    {"dtype": "float64"},
    {"trainable": False},
]
GATED: list[dict[str, Any]] = [{"recurrent_activation": "hard_sigmoid"}, {"use_cudnn": False}]
OWN: dict[str, list[dict[str, Any]]] = {
    "SimpleRNN": [],
    "LSTM": [*GATED, {"unit_forget_bias": False}],
    "GRU": [*GATED, {"reset_after": False}, {"implementation": 1, "dropout": 0.2, "seed": 4}],
}


@paths("plain")
@pytest.mark.parametrize(
    ("cell", "arguments"),
    [
        ("GRU", ARGUMENTS[0]),
        ("LSTM", ARGUMENTS[1]),
        ("SimpleRNN", ARGUMENTS[2]),
        *(
            pytest.param(cell, arguments, marks=pytest.mark.thorough)
            for cell in CELLS
            for arguments in [*ARGUMENTS, *OWN[cell]]
        ),
    ],
    ids=str,
)
def test_every_argument(cell: str, arguments: dict[str, Any], path: str):
    both = pair(model(cell, 12, 3, **arguments))
    like(losses(VALUES), both)
    like(lambda each: each.get_weights(), both)


@pytest.mark.thorough
@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_s_cell_in_keras_s_own_loop(cell: str):
    like(
        lambda each: each(VALUES, training=True),
        pair(lambda kind: keras.layers.RNN([getattr(kind, cell)(4).cell, getattr(kind, cell)(5).cell]), VALUES),
    )
