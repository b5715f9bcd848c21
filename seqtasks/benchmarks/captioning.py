"""Captions of photographs next to a loop over `model.predict`; training on cached features next to encoding each time.

Weights and photographs are random: neither matters here, and every sentence is as long as it may be.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks import benchmarks, tasks
from seqtasks.codecs.image import TTA, VIEWS
from seqtasks.codecs.vocabulary import BOS_ID
from seqtasks.data import encode
from seqtasks.data.columns import Columns
from seqtasks.data.prepare import Data
from seqtasks.task import Examples, Folders, Task
from seqtasks.training.experiment import Experiment

PHOTOGRAPHS, SIDES, VOCABULARY, REFERENCES = 32, (375, 500), 2_500, 5
REPEATS, ALONE, NUM_BEAMS = 5, 20, 5


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Captions a second, one photograph at a time and 32 together, and examples a second. With "sample", small."""
    repeats, image_size, photographs = (1, 96, 4) if dataset else (REPEATS, 224, PHOTOGRAPHS)
    draw = np.random.default_rng(0)
    contents = [_jpeg(draw) for _ in range(photographs)]
    examples = Examples.of([(content, _captions(draw)) for content in contents])
    with tempfile.TemporaryDirectory() as name:
        task = _task(Path(name), image_size)
        task = task.with_codecs(task.inputs, task.targets.fit([examples.targets], folders))
        columns = Columns(
            encode.inputs(examples.inputs, task.inputs), encode.targets(examples.targets, task.targets, name="train")
        )
        train = task.pattern.batches(task, columns)
        data = Data("random photographs", task.pattern.FORM, {"train": examples}, {}, None)
        trainer = Experiment(task, data, train, None).trainer(0)
        loaded = benchmarks.export(task, trainer.model, Path(name)).model
        loop = _Loop(task, trainer.model)

        def ours(batch_size: int) -> Callable[[], None]:
            def call() -> None:
                for start in range(0, photographs, batch_size):
                    loaded.serve(tf.constant(contents[start : start + batch_size]))

            return call

        calls = {"1": ours(1), "32": ours(photographs), "loop": lambda: [loop(content) for content in contents[:4]]}
        seconds = benchmarks.interleaved(calls, repeats=repeats)
        rival = seconds["loop"] / 4
        say(f"{photographs / seconds['1']:.1f} captions a second one by one, {1 / rival:.2f} by a loop")
        num_beams = int(tasks.find("captioning").settings["num_beams"])
        _beam_search(loaded, contents[0], num_beams)
        alone = median(_beam_search(loaded, content, num_beams) for content in (contents * ALONE)[:ALONE])
        say(f"one photograph in {alone:.3f} s with the {num_beams} beams of the default")
        step = benchmarks.training_step(trainer, train, benchmarks.first_epoch(task, train)[:1])
        encoding = tf.function(task.inputs.encode, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

        def encode_and_step() -> None:
            encoding(tf.constant(contents))
            step()

        learned = benchmarks.interleaved({"cached": step, "each time": encode_and_step}, repeats=repeats)
    rows = [
        {"work": f"captions, {batch} at a time", "rival": "predict-loop", **_rates(photographs, seconds[batch], rival)}
        for batch in ("1", "32")
    ]
    rates = _rates(photographs, learned["cached"], learned["each time"] / photographs)
    return {
        "benchmark": "captioning",
        "dataset": "random photographs",
        **benchmarks.circumstances(),
        "rows": [*rows, {"work": "training", "rival": "encoding each time", **rates}],
        "one_photograph_seconds": alone,
    }


def _rates(examples: int, ours: float, rival_each: float) -> dict[str, float]:
    return {"a_second": examples / ours, "rival_a_second": 1 / rival_each, "ratio": rival_each * examples / ours}


def _beam_search(loaded: Any, content: bytes, num_beams: int) -> float:
    """Seconds for one photograph."""
    start = time.perf_counter()
    loaded.beam_search(tf.constant([content]), num_beams)
    return time.perf_counter() - start


def _task(folder: Path, image_size: int) -> Task[Any, Any]:
    """Captioning with an encoder of random weights."""
    weights = folder / "encoder.weights.h5"
    make = keras.applications.MobileNetV2
    make(weights=None, include_top=False, input_shape=(image_size, image_size, 3)).save_weights(weights)
    return tasks.find("captioning").configure(
        {"encoder_weights": str(weights), "image_size": image_size, "min_frequency": 1, "num_beams": NUM_BEAMS}
    )


def _jpeg(draw: np.random.Generator) -> bytes:
    small = draw.integers(0, 255, (SIDES[0] // 25, SIDES[1] // 25, 3), np.uint8)
    pixels = tf.cast(tf.image.resize(small, SIDES, "bicubic"), tf.uint8)
    return bytes(tf.io.encode_jpeg(pixels).numpy())


def _captions(draw: np.random.Generator) -> str:
    """Five of them, of 8 to 16 words."""
    lengths = draw.integers(8, 17, REFERENCES)
    return "\n".join(" ".join(f"w{number}" for number in draw.integers(0, VOCABULARY, length)) for length in lengths)


class _Loop:
    """The usual script: features by `predict`, then all beams of a picture in one `predict` for each word.

    The same views of the picture as ours, together.
    """

    def __init__(self, task: Task[Any, Any], model: keras.Model) -> None:
        codec = task.inputs
        self.num_beams, self.image_size = int(task.settings["num_beams"]), codec.image_size
        self.max_words = task.targets.max_target_length + 1
        self.views = [VIEWS[name] for name in ("", *TTA[codec.tta])]
        features, ids = model.inputs
        regions = model.get_layer("memory").output
        photographs = keras.Input((self.image_size, self.image_size, 3))
        grid = keras.layers.Reshape(features.shape[1:])(codec.image_encoder.frozen_part(photographs))
        self.encoder = keras.Model(photographs, keras.Model(features, regions)(keras.ops.cast(grid, "float16")))
        self.decoder = keras.Model([regions, ids], model.output)

    def __call__(self, content: bytes) -> np.ndarray:
        picture = tf.image.resize(tf.io.decode_jpeg(content), (self.image_size, self.image_size))[None]
        views = np.concatenate([view(picture) for view in self.views])
        regions = self.encoder.predict(keras.applications.mobilenet_v2.preprocess_input(views), verbose=0)
        values = np.repeat(regions, self.num_beams, axis=0)
        beams = np.full((self.num_beams, 1, 1), BOS_ID, np.int32)
        totals = np.array([0.0] + [-np.inf] * (self.num_beams - 1))
        for _ in range(self.max_words):
            logits = self.decoder.predict([values, np.tile(beams, (len(views), 1, 1))], verbose=0)[0][:, 0, -1]
            shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
            nats = np.log(shares.reshape(len(views), self.num_beams, *shares.shape[1:]).mean(axis=(0, 2)))
            scores = (totals[:, None] + nats).ravel()
            best = np.argsort(-scores)[: self.num_beams]
            parent, word = np.divmod(best, nats.shape[-1])
            beams = np.concatenate([beams[parent], word[:, None, None].astype(np.int32)], axis=2)
            totals = scores[best]
        return beams
