"""Named entities next to what people write in Keras: words, a BiLSTM of Keras's own, a softmax at each step.

Speed is that of training steps by turns; F1 that of as many epochs, on validation. The share of the CRF is that of its
cost and gradient alone in a step of ours.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks import benchmarks, tasks
from seqtasks.codecs.words import WORD
from seqtasks.data import Batches
from seqtasks.layers import crf
from seqtasks.layers.characters import WordIds
from seqtasks.metrics.entity_f1 import EntityF1
from seqtasks.patterns._tagging import averaged
from seqtasks.task import SAMPLE, Folders
from seqtasks.training import experiment
from seqtasks.training.experiment import Experiment

EPOCHS, STEPS, REPEATS = 2, 8, 7
SENTENCE = (
    "No dia 3 de maio de 2018, o Ministro Marco Aurélio, do Supremo Tribunal Federal, negou o recurso em Brasília."
)


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Sentences a second, F1 on validation, the CRF's share of a step, ms of a sentence. "sample" is small."""
    repeats, steps, epochs = (1, 2, 1) if dataset == SAMPLE else (REPEATS, STEPS, EPOCHS)
    task = tasks.find("ner").configure({"epochs": epochs})
    prepared = experiment.prepare(task, dataset or task.dataset, folders, say)
    batches = prepared.train
    order = sorted(benchmarks.first_epoch(prepared.task, batches), key=batches.steps)
    chosen = order[len(order) // 2 - steps // 2 :][:steps]  # of middling length
    trainer, rival = prepared.trainer(0), _rival(prepared)
    ours, theirs = benchmarks.training_step(trainer, batches, chosen), _training_step(rival, batches, chosen)
    cost = _cost(trainer.model, batches, chosen)
    calls = {"ours": ours, "keras": theirs, "crf": cost}
    every = {name: lambda call=call: [call() for _ in chosen] for name, call in calls.items()}
    for call in every.values():  # each size is traced or compiled once
        call()
    seconds = benchmarks.interleaved(every, repeats=repeats)
    rows = sum(map(len, chosen))
    say(f"a step: {1e3 * seconds['ours'] / steps:.0f} ms, with Keras {1e3 * seconds['keras'] / steps:.0f} ms")
    with tempfile.TemporaryDirectory() as name:
        trainer = prepared.trainer(0)
        done = trainer.run(batches, prepared.validation, folder=Path(name) / "training")
        model = benchmarks.export(prepared.task, trainer.model, Path(name))
        sentence = benchmarks.interleaved({"sentence": lambda: model([SENTENCE])}, repeats=10 * repeats)["sentence"]
    scored = {"ours": done.best["val_f1"], "keras": _scored(rival, prepared, epochs)}
    return {
        "benchmark": "ner",
        "dataset": prepared.data.name,
        **benchmarks.circumstances(),
        "rows": [
            {"who": name, "sentences_per_second": rows / seconds[name], "epochs": epochs, "validation_f1": scored[name]}
            for name in ("ours", "keras")
        ],
        "crf_share": int(prepared.task.settings["num_taggers"]) * seconds["crf"] / seconds["ours"],
        "sentence_ms": 1e3 * sentence,
    }


def _rival(prepared: Experiment) -> keras.Model:
    """What a tutorial has: padded words, Keras's bidirectional LSTM, a softmax for each."""
    task, settings = prepared.task, prepared.task.settings
    values, lengths = task.inputs.placeholder(), keras.Input((), dtype="int32")
    words = WordIds(WORD)(values)
    vectors = keras.layers.Embedding(len(task.inputs.vocabulary) + 2, settings["embedding_dim"])(words)
    vectors = keras.layers.Dropout(settings["dropout"])(vectors)
    mask = keras.layers.Lambda(lambda each: tf.sequence_mask(each[1], tf.shape(each[0])[1]))([words, lengths])
    states = keras.layers.Bidirectional(keras.layers.LSTM(settings["units"], return_sequences=True))(vectors, mask=mask)
    logits = keras.layers.Dense(task.targets.choices)(keras.layers.Dropout(settings["output_dropout"])(states))
    model = keras.Model([values, lengths], logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    return model


def _training_step(model: keras.Model, batches: Batches, indices: list[Any]) -> Callable[[], Any]:
    place = iter(range(1 << 30))

    def step() -> None:
        x, y = batches.batch(indices[next(place) % len(indices)])
        model.train_on_batch(list(x), y)

    return step


def _cost(model: keras.Model, batches: Batches, indices: list[Any]) -> Callable[[], Any]:
    """The cost and gradient of one CRF alone."""
    pairs = []
    for index in indices:
        x, y = tf.nest.map_structure(tf.constant, batches.batch(index))
        pairs.append((*averaged(model(list(x), training=False)), y))

    @tf.function(reduce_retracing=True, autograph=False)
    def gradient(emissions: tf.Tensor, parameters: tf.Tensor, tags: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([emissions, parameters])
            cost = tf.reduce_mean(crf.cost(emissions, parameters, tags))
        return tape.gradient(cost, [emissions, parameters])

    place = iter(range(1 << 30))
    return lambda: gradient(*pairs[next(place) % len(pairs)])


def _scored(model: keras.Model, prepared: Experiment, epochs: int) -> float:
    """The F1 on validation after as many epochs, of the best of them."""
    assert prepared.validation
    settings, best = prepared.task.settings, 0.0
    sizes = {"batch_size": int(settings["batch_size"]), "min_steps": int(settings["min_steps_per_epoch"])}
    for epoch in range(epochs):
        for index in prepared.train.epoch_batches(**sizes, seed=0, epoch=epoch):
            x, y = prepared.train.batch(index)
            model.train_on_batch(list(x), y)
        metric = EntityF1()
        for index in prepared.validation.eval_batches(batch_size=64):
            x, y = prepared.validation.batch(index)
            found = np.asarray(model.predict_on_batch(list(x))).argmax(-1).astype(np.int32)
            metric.update_state(tf.constant(y), tf.constant(found))
        best = max(best, float(metric.result()))
    return best
